//! From `--model` to a model on a device.

use std::borrow::Cow;

use clip_adapt::session::Session;
use clip_adapt::source::SourceStatistics;
use clip_model::checkpoint::Checkpoint;
use clip_model::clip::Clip;
use clip_model::device::ComputeDevice;

use crate::args::{ModelArgs, StatisticsArgs};
use crate::error::Error;
use crate::model_files::ModelFiles;
use crate::progress::Progress;

/// Reads the model that was asked for, and puts it onto the device that was asked for; `progress` shows what is fetched for it.
///
/// # Errors
/// Those of [`ModelFiles::read`] and [`open`].
pub async fn load(arguments: &ModelArgs, progress: &mut Progress) -> Result<Session, Error> {
    open(fetch(arguments, progress)?, arguments).await
}

/// The same, with source statistics: those that were asked for ([`asked_statistics`]), else those that lie beside the model.
///
/// # Errors
/// Those of [`load`] and [`use_statistics`].
pub async fn load_with_statistics(
    arguments: &ModelArgs,
    asked: Option<&StatisticsFile>,
    progress: &mut Progress,
) -> Result<Session, Error> {
    let files = fetch(arguments, progress)?;
    let beside = files.statistics.clone();
    let session = open(files, arguments).await?;
    use_statistics(&session, asked.or(beside.as_ref()))?;
    Ok(session)
}

/// The files of the model that was asked for; `progress` shows what is fetched for it.
///
/// # Errors
/// Those of [`ModelFiles::read`].
pub fn fetch(arguments: &ModelArgs, progress: &mut Progress) -> Result<ModelFiles, Error> {
    match &arguments.model {
        Some(place) => ModelFiles::read(place, progress),
        None => Ok(ModelFiles::embedded()),
    }
}

/// Puts a model onto the device that was asked for.
///
/// # Errors
/// [`Error::Model`], [`Error::Device`].
pub async fn open(files: ModelFiles, arguments: &ModelArgs) -> Result<Session, Error> {
    let device = ComputeDevice::open(arguments.device.into())
        .await
        .map_err(Error::Device)?;
    let ModelFiles {
        name,
        place,
        config,
        preprocessor,
        weights,
        statistics: _,
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

/// A file of source statistics, and what it is called in messages.
pub type StatisticsFile = (String, Cow<'static, [u8]>);

/// The bytes of the source statistics that were asked for, or of those that lie beside the model.
///
/// # Errors
/// [`Error::Read`].
pub fn statistics(files: &ModelFiles, arguments: &StatisticsArgs) -> Result<Option<StatisticsFile>, Error> {
    Ok(asked_statistics(arguments)?.or_else(|| files.statistics.clone()))
}

/// The bytes of the source statistics that were asked for. No model is needed for them: that there is no such file can be said before one is loaded.
///
/// # Errors
/// [`Error::Read`].
pub fn asked_statistics(arguments: &StatisticsArgs) -> Result<Option<StatisticsFile>, Error> {
    let Some(path) = &arguments.statistics else {
        return Ok(None);
    };
    let name = path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some((name, Cow::Owned(bytes)))),
        Err(source) => Err(Error::Read {
            what: "the statistics",
            path: name,
            source,
        }),
    }
}

/// Gives them to a session.
///
/// # Errors
/// [`Error::Statistics`] where they are no statistics, or another model's.
pub fn use_statistics(session: &Session, file: Option<&StatisticsFile>) -> Result<(), Error> {
    let statistics = file.map(|(path, bytes)| {
        SourceStatistics::read(bytes, &session.clip().config).map_err(|source| Error::Statistics {
            path: path.clone(),
            source,
        })
    });
    session.set_statistics(statistics.transpose()?);
    Ok(())
}
