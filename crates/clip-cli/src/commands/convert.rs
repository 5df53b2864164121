//! `clip-ttl convert`: a checkpoint into one file with its configuration in it, perhaps quantised.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clip_model::checkpoint::{self, CONFIG_KEY, Checkpoint, Description, FormatChoice, Header, PREPROCESSOR_KEY};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::args::ConvertArgs;
use crate::commands::Outcome;
use crate::error::Error;
use crate::model_files::ModelFiles;
use crate::output::{self, Surface};
use crate::progress::Progress;

/// The tensor that `--embedding` is about.
const TOKEN_EMBEDDING: &str = "text_model.embeddings.token_embedding.weight";

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
    let mut progress = Progress::spinner("reading the model");
    let files = ModelFiles::read(&arguments.from)?;
    let unloadable = |source| Error::Model {
        path: files.place.clone(),
        source,
    };
    let header = Header::parse(&files.weights, None).map_err(unloadable)?;
    let own = |key: &str| header.metadata().get(key).cloned();
    let source_sha256 = hex(&Sha256::digest(&files.weights));
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
        source: files.name.clone(),
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
    let embedding = arguments.embedding.unwrap_or(arguments.quant);
    let format = |name: &str| match name {
        TOKEN_EMBEDDING => embedding,
        _ => arguments.quant,
    };
    converted.weights.convert(format).map_err(unloadable)?;
    let parameters = converted.weights.parameters();
    write(&arguments.to, &converted, &description, &mut progress)?;
    drop(progress);

    let document = Document {
        from: files.place.clone(),
        to: arguments.to.clone(),
        format: arguments.quant.as_str(),
        parameters,
        bytes_before: files.weights.len() as u64,
        bytes_after: std::fs::metadata(&arguments.to)
            .map_err(|source| unwritable(&arguments.to, source))?
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
