//! `clip-ttl convert`: a checkpoint into one file with its configuration in it, perhaps quantised.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clip_model::checkpoint::{self, CONFIG_KEY, Checkpoint, Description, FormatChoice, Header, PREPROCESSOR_KEY};
use clip_model::quantised::WeightFormat;
use serde::Serialize;

use crate::args::ConvertArgs;
use crate::commands::Outcome;
use crate::error::Error;
use crate::input;
use crate::model_files::{self, CONFIG, ModelFiles, ModelPlace, PREPROCESSOR, WEIGHTS};
use crate::output::{self, Surface};
use crate::progress::Progress;

/// The tensor that `--embedding` is about.
const TOKEN_EMBEDDING: &str = "text_model.embeddings.token_embedding.weight";
/// How the names of those begin that `--text` is about.
const TEXT_TOWER: &str = "text_";

#[derive(Serialize)]
struct Document {
    from: String,
    to: PathBuf,
    format: &'static str,
    parameters: usize,
    bytes_before: u64,
    bytes_after: u64,
    source_sha256: String,
}

/// Runs the command.
///
/// # Errors
/// Those of reading the model; [`Error::Model`], [`Error::Write`].
pub fn run(arguments: &ConvertArgs) -> Result<Outcome, Error> {
    // What costs nothing is looked at first.
    let file = destination(&arguments.to);
    if file == arguments.to {
        input::check_output(&file)?;
    }
    if let ModelPlace::Path(from) = &arguments.from
        && is_source(from, &file)
    {
        return Err(Error::ConvertOntoItself { path: file });
    }
    if file != arguments.to
        && let ModelPlace::Path(from) = &arguments.from
        && is_source_folder(from, &arguments.to)
    {
        return Err(Error::ConvertBesideItself {
            path: arguments.to.clone(),
        });
    }
    let mut progress = Progress::spinner("reading the model");
    let files = ModelFiles::read(&arguments.from, &mut progress)?;
    let unloadable = |source| Error::Model {
        path: files.place.clone(),
        source,
    };
    let header = Header::parse(&files.weights, None).map_err(unloadable)?;
    let own = |key: &str| header.metadata().get(key).cloned();
    let source_sha256 = model_files::sha256([&*files.weights]);
    let description = Description {
        config_json: files
            .config
            .as_deref()
            .map(str::to_owned)
            .or_else(|| own(CONFIG_KEY))
            .unwrap_or_default(),
        preprocessor_json: files
            .preprocessor
            .as_deref()
            .map(str::to_owned)
            .or_else(|| own(PREPROCESSOR_KEY)),
        source: match &arguments.from {
            ModelPlace::Hub(repository) => repository.to_string(),
            // Where it lies on this machine is nobody's concern.
            ModelPlace::Path(_) => files.name.clone(),
        },
        source_sha256: source_sha256.clone(),
    };
    progress.spin("converting");
    let mut converted = Checkpoint::from_parts(
        files.config.as_deref(),
        files.preprocessor.as_deref(),
        &files.weights,
        // Each matrix goes straight from what it was to what it shall be.
        FormatChoice::AsStored,
    )
    .map_err(unloadable)?;
    let text = arguments.text.unwrap_or(arguments.quant);
    let embedding = arguments.embedding.unwrap_or(text);
    let format = |name: &str| match name {
        TOKEN_EMBEDDING => embedding,
        _ if name.starts_with(TEXT_TOWER) => text,
        _ => arguments.quant,
    };
    converted.weights.convert(format).map_err(unloadable)?;
    let parameters = converted.weights.parameters();
    if file != arguments.to {
        input::make_folder(&arguments.to)?;
    }
    write(&file, &converted, &description, &mut progress)?;
    if file != arguments.to {
        write_configuration(&arguments.to, arguments.quant, &description)?;
    }
    drop(progress);

    let document = Document {
        from: files.place.clone(),
        to: file.clone(),
        format: arguments.quant.as_str(),
        parameters,
        bytes_before: files.weights.len() as u64,
        bytes_after: std::fs::metadata(&file)
            .map_err(|source| unwritable(&file, source))?
            .len(),
        source_sha256,
    };
    if arguments.json {
        output::print_json(&document)?;
    } else {
        output::print(&render(&document, Surface::of_stdout()))?;
    }
    Ok(Outcome::Good)
}

/// The file to write: within a folder, the one that Hugging Face's layout has.
fn destination(to: &Path) -> PathBuf {
    let is_folder = to.is_dir() || to.as_os_str().to_string_lossy().ends_with(std::path::is_separator);
    if is_folder { to.join(WEIGHTS) } else { to.to_path_buf() }
}

/// Whether a model's weights are the very file that is to be written.
fn is_source(from: &Path, file: &Path) -> bool {
    let weights = if from.is_dir() {
        from.join(WEIGHTS)
    } else {
        from.to_path_buf()
    };
    weights
        .canonicalize()
        .is_ok_and(|weights| file.canonicalize().is_ok_and(|file| file == weights))
}

/// Whether a model's files lie in the folder that is to be written: the configuration that explains them would be replaced, and whatever is called as
/// the weights are.
fn is_source_folder(from: &Path, folder: &Path) -> bool {
    let own = if from.is_dir() { from } else { input::folder_of(from) };
    own.canonicalize()
        .is_ok_and(|own| folder.canonicalize().is_ok_and(|folder| folder == own))
}

/// Writes the configuration beside the weights, for whoever doesn't look for it in them.
fn write_configuration(folder: &Path, format: WeightFormat, description: &Description) -> Result<(), Error> {
    let mut files = vec![(CONFIG, with_dtype(&description.config_json, format)?)];
    if let Some(json) = &description.preprocessor_json {
        files.push((PREPROCESSOR, json.clone()));
    }
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|source| unwritable(&path, source))?;
    }
    Ok(())
}

/// `transformers` loads weights in the format that the configuration names, whatever they are stored in.
fn with_dtype(config_json: &str, format: WeightFormat) -> Result<String, Error> {
    let mut config: serde_json::Map<String, serde_json::Value> = serde_json::from_str(config_json)?;
    let dtype = match format {
        WeightFormat::F32 => "float32",
        WeightFormat::F16 => "float16",
        // Nothing that it knows.
        WeightFormat::Q8 | WeightFormat::Q4 => return Ok(config_json.to_owned()),
    };
    config.remove("torch_dtype");
    config.insert("dtype".into(), dtype.into());
    Ok(serde_json::to_string_pretty(&config)?)
}

/// Writes beside the destination first: a file that was broken off is never taken for a model, and one that was there stays until the
/// new one is whole.
fn write(path: &Path, converted: &Checkpoint, description: &Description, progress: &mut Progress) -> Result<(), Error> {
    let part = path.with_added_extension("part");
    let failed = |source| unwritable(path, source);
    let mut out = BufWriter::new(File::create(&part).map_err(failed)?);
    let written = checkpoint::write(converted, description, &mut out, |done, total| {
        progress.bytes("writing", done, total);
    })
    .and_then(|()| out.flush())
    .and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        // What went wrong is told; that the remains can't be removed either adds nothing.
        let _ = std::fs::remove_file(&part);
    }
    written.map_err(failed)
}

fn unwritable(path: &Path, source: std::io::Error) -> Error {
    Error::Write {
        path: path.to_path_buf(),
        source,
    }
}

fn render(document: &Document, surface: Surface) -> String {
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    format!(
        "{} {} {}\n",
        surface.bold(&output::printable(&document.to.display().to_string())),
        megabytes(document.bytes_after),
        surface.dim(&format!(
            "· {} from {} ({}), {:.1} million parameters",
            document.format,
            output::printable(&document.from),
            megabytes(document.bytes_before),
            document.parameters as f64 / 1e6
        ))
    )
}
