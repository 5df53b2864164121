//! Reading what the user names: pictures and labels.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use clip_adapt::labels::Prompts;
use clip_adapt::setup::Setup;
use clip_model::picture::Picture;
use clip_model::tokenizer::Tokenizer;

use crate::args::LabelArgs;
use crate::error::Error;

/// What stands for standard input.
const STDIN: &str = "-";
/// The decoder takes no picture of more than 256 MB of pixels; a file twice as large is none.
const MAX_PICTURE_MEBIBYTES: u64 = 512;

/// How a picture is called in messages.
pub fn picture_name(path: &Path) -> String {
    if path == Path::new(STDIN) {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Refuses to read standard input twice, or from a person's keyboard.
///
/// # Errors
/// [`Error::StdinTwice`], [`Error::StdinTerminal`].
pub fn check_pictures(paths: &[PathBuf]) -> Result<(), Error> {
    let count = paths.iter().filter(|path| path.as_path() == Path::new(STDIN)).count();
    match count {
        1 if io::stdin().is_terminal() => Err(Error::StdinTerminal),
        0 | 1 => Ok(()),
        _ => Err(Error::StdinTwice { count }),
    }
}

/// Opens a picture; `-` is standard input.
///
/// # Errors
/// [`Error::Read`], [`Error::PictureFileTooLarge`], [`Error::Picture`].
pub fn read_picture(path: &Path) -> Result<Picture, Error> {
    let name = picture_name(path);
    let unreadable = |source| Error::Read {
        what: "the picture",
        path: name.clone(),
        source,
    };
    let bytes = if path == Path::new(STDIN) {
        read_bounded(io::stdin().lock()).map_err(unreadable)?
    } else {
        read_bounded(File::open(path).map_err(unreadable)?).map_err(unreadable)?
    };
    let bytes = bytes.ok_or_else(|| Error::PictureFileTooLarge {
        path: name.clone(),
        max_mebibytes: MAX_PICTURE_MEBIBYTES,
    })?;
    Picture::decode(&bytes).map_err(|source| Error::Picture { path: name, source })
}

/// The whole of it; `None` where there is more than a picture may have.
fn read_bounded(reader: impl Read) -> io::Result<Option<Vec<u8>>> {
    let most = MAX_PICTURE_MEBIBYTES << 20;
    let mut bytes = Vec::new();
    let read = reader.take(most + 1).read_to_end(&mut bytes)?;
    Ok(u64::try_from(read).is_ok_and(|read| read <= most).then_some(bytes))
}

/// Refuses a place where no file can be, before anything is computed for it.
///
/// # Errors
/// [`Error::OutputPath`].
pub fn check_output(path: &Path) -> Result<(), Error> {
    let reason = if path.is_dir() {
        "it is a folder"
    } else if !folder_of(path).is_dir() {
        "there is no such folder"
    } else {
        return Ok(());
    };
    Err(Error::OutputPath {
        path: path.to_owned(),
        reason,
    })
}

/// The folder that a file is in; of a bare name, the one that the program runs in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Makes a folder for results, if there is none.
///
/// # Errors
/// [`Error::Write`].
pub fn make_folder(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

/// The labels of `--labels`, then those of `--labels-file`, as they stand there.
///
/// # Errors
/// [`Error::Read`] where the file is missing or isn't UTF-8.
pub fn read_labels(arguments: &LabelArgs) -> Result<Vec<String>, Error> {
    let mut labels = arguments.labels.clone();
    if let Some(path) = &arguments.labels_file {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
            what: "the labels",
            path: path.display().to_string(),
            source,
        })?;
        labels.extend(lines(&text));
    }
    Ok(labels)
}

/// Refuses labels and a template that no model can be asked about, before one is loaded.
///
/// # Errors
/// [`Error::Adapt`]: no labels, an empty one, one that stands there twice, or a template without a place for them.
pub fn check_labels(labels: &[String], template: &str) -> Result<(), Error> {
    // Which tokens they are is the model's concern: the fewest are enough.
    Prompts::new(labels, template, &Tokenizer::new(), 2)?;
    Ok(())
}

/// The same for an adaptation, which needs two labels, and may have templates of its own.
///
/// # Errors
/// Those of [`check_labels`]; [`clip_adapt::Error::LabelsTooFew`].
pub fn check_adaptable(labels: &[String], template: &str, setup: &Setup) -> Result<(), Error> {
    check_labels(labels, template)?;
    for further in setup.templates() {
        check_labels(labels, further)?;
    }
    if labels.len() < 2 {
        return Err(Error::Adapt(clip_adapt::Error::LabelsTooFew { count: labels.len() }));
    }
    Ok(())
}

/// Lines that aren't blank. Some editors begin a file with a byte order mark.
fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_file_has_one_label_a_line() {
        let labels: Vec<String> = lines("\u{feff}cat\r\n\n  big dog, brown \n\t\nbird").collect();
        assert_eq!(labels, ["cat", "big dog, brown", "bird"]);
        assert_eq!(lines("\n \n").count(), 0);
    }

    #[test]
    fn standard_input_is_read_once() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert!(check_pictures(&paths(&["b.png", "a.png"])).is_ok());
        assert!(matches!(
            check_pictures(&paths(&["-", "a.png", "-"])),
            Err(Error::StdinTwice { count: 2 })
        ));
    }
}
