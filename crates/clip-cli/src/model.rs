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
    let ModelFiles {
        name,
        place,
        config,
        preprocessor,
        weights,
    } = files;
    let unloadable = |source| Error::Model {
        path: place.clone(),
        source,
    };
    let checkpoint = Checkpoint::from_parts(config.as_deref(), preprocessor.as_deref(), &weights, arguments.dtype)
        .map_err(unloadable)?;
    // The file's bytes would lie beside what became of them for as long as the upload takes.
    drop(weights);
    let clip = Clip::load(checkpoint, &device).map_err(unloadable)?;
    Ok(Session::new(name, clip))
}
