//! From `--model` to a model on a device.

use clip_adapt::session::Session;
use clip_model::checkpoint::Checkpoint;
use clip_model::clip::Clip;
use clip_model::device::ComputeDevice;

use crate::args::ModelArgs;
use crate::error::Error;
use crate::model_files::ModelFiles;

/// Reads the model that was asked for, and puts it onto the device that was asked for.
///
/// # Errors
/// Those of [`ModelFiles::read`]; [`Error::Model`], [`Error::Device`].
pub async fn load(arguments: &ModelArgs) -> Result<Session, Error> {
    let files = match &arguments.model {
        Some(place) => ModelFiles::read(place)?,
        None => ModelFiles::embedded(),
    };
    let device = ComputeDevice::open(arguments.device.into())
        .await
        .map_err(Error::Device)?;
    let unloadable = |source| Error::Model {
        path: files.place.clone(),
        source,
    };
    let checkpoint = Checkpoint::from_parts(
        files.config.as_deref(),
        files.preprocessor.as_deref(),
        &files.weights,
        arguments.dtype,
    )
    .map_err(unloadable)?;
    let clip = Clip::load(checkpoint, &device).map_err(unloadable)?;
    Ok(Session::new(files.name, clip))
}
