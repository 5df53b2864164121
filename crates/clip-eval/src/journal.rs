//! The results of a run, one line of JSON for each picture, written as soon as they are there.
//!
//! The first line holds the settings. A run that was cut goes on after the last whole line; settings that would give other results are refused, unless
//! nothing was written with the ones before: then the journal is begun anew.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// An open journal, to which lines are added.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens a journal, or begins one. Gives the entries that are there: those of a run with the same settings, which are an object.
    ///
    /// # Errors
    /// [`Error::JournalOfOther`] where it has other settings, [`Error::JournalDamaged`] where it is something else, [`Error::Read`], [`Error::Write`].
    pub fn open<E: DeserializeOwned>(path: &Path, settings: &Map<String, Value>) -> Result<(Self, Vec<E>)> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(source) => {
                return Err(Error::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        // What follows the last end of a line was being written when the run was cut.
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let settings = as_read(settings);
        let found = read(path, &bytes[..whole], &settings)?;
        let (entries, whole) = found.map_or_else(|| (Vec::new(), 0), |entries| (entries, whole));
        let unwritable = |source| Error::Write {
            path: path.to_owned(),
            source,
        };
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(unwritable)?;
        file.set_len(whole as u64).map_err(unwritable)?;
        let mut journal = Self {
            path: path.to_owned(),
            file,
        };
        if whole == 0 {
            journal.add(&Value::Object(settings))?;
        }
        Ok((journal, entries))
    }

    /// Adds a line, and gives the entry as it will be read from there: the last digit of a number may differ, and a run that was resumed must give
    /// the same figures as one that wasn't.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn add<E: Serialize + DeserializeOwned>(&mut self, entry: &E) -> Result<E> {
        let unwritable = |source| Error::Write {
            path: self.path.clone(),
            source,
        };
        let mut line = serde_json::to_vec(entry).map_err(|error| unwritable(error.into()))?;
        let as_read = serde_json::from_slice(&line).map_err(|error| unwritable(error.into()))?;
        line.push(b'\n');
        // In one call, so that a line is whole or its end is missing.
        self.file.write_all(&line).map_err(unwritable)?;
        Ok(as_read)
    }
}

/// Settings as they are read from a file, so that they can be compared with such.
fn as_read(settings: &Map<String, Value>) -> Map<String, Value> {
    let text = Value::Object(settings.clone()).to_string();
    serde_json::from_str(&text).unwrap_or_else(|_| settings.clone())
}

/// The entries after the settings; `None` where there are none, and the settings are others.
fn read<E: DeserializeOwned>(path: &Path, bytes: &[u8], settings: &Map<String, Value>) -> Result<Option<Vec<E>>> {
    let damaged = |index: usize, error: &serde_json::Error| Error::JournalDamaged {
        path: path.to_owned(),
        line: index + 1,
        reason: error.to_string(),
    };
    let mut lines = bytes.split_inclusive(|&byte| byte == b'\n').enumerate();
    let Some((index, first)) = lines.next() else {
        return Ok(Some(Vec::new()));
    };
    let written: Map<String, Value> = serde_json::from_slice(first).map_err(|error| damaged(index, &error))?;
    if let Some(difference) = difference(&written, settings) {
        if first.len() == bytes.len() {
            return Ok(None);
        }
        return Err(Error::JournalOfOther {
            path: path.to_owned(),
            difference,
        });
    }
    lines
        .map(|(index, line)| serde_json::from_slice(line).map_err(|error| damaged(index, &error)))
        .collect::<Result<_>>()
        .map(Some)
}

/// The first setting that differs, and how.
fn difference(written: &Map<String, Value>, asked: &Map<String, Value>) -> Option<String> {
    let names = asked
        .keys()
        .chain(written.keys().filter(|name| !asked.contains_key(*name)));
    names
        .into_iter()
        .find(|name| written.get(*name) != asked.get(*name))
        .map(|name| {
            let shown = |value: Option<&Value>| {
                value.map_or_else(|| "nothing".to_owned(), |value| shortened(&value.to_string()))
            };
            format!(
                "{name}: {} there, {} now",
                shown(written.get(name)),
                shown(asked.get(name))
            )
        })
}

/// A long list of labels would bury the message.
fn shortened(text: &str) -> String {
    const LETTERS: usize = 60;
    if text.chars().count() <= LETTERS {
        return text.to_owned();
    }
    let start: String = text.chars().take(LETTERS).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("clip-eval-journal-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("journal.jsonl");
        let _ = std::fs::remove_file(&path);
        path
    }

    fn settings(views: usize) -> Map<String, Value> {
        let Value::Object(settings) = json!({"views": views, "scale": [0.08, 1.0 / 3.0]}) else {
            panic!("an object was written")
        };
        settings
    }

    #[test]
    fn a_run_that_was_cut_goes_on_after_its_last_whole_line() {
        let path = place("cut");
        let (mut journal, entries) = Journal::open::<Vec<f64>>(&path, &settings(4)).unwrap();
        assert!(entries.is_empty());
        let first = journal.add(&vec![0.1 + 0.2, 1e-300]).unwrap();
        journal.add(&vec![2.0]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
        let (mut journal, entries) = Journal::open::<Vec<f64>>(&path, &settings(4)).unwrap();
        assert_eq!(entries, [first]);
        journal.add(&vec![2.0]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn a_cut_first_line_is_begun_anew() {
        let path = place("first");
        std::fs::write(&path, b"{\"vie").unwrap();
        let (_, entries) = Journal::open::<Vec<f64>>(&path, &settings(4)).unwrap();
        assert!(entries.is_empty());
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("}\n"));
    }

    #[test]
    fn other_settings_are_refused_and_named() {
        let path = place("other");
        let (mut journal, _) = Journal::open::<Vec<f64>>(&path, &settings(4)).unwrap();
        journal.add(&vec![1.0]).unwrap();
        let error = Journal::open::<Vec<f64>>(&path, &settings(8)).unwrap_err();
        assert_eq!(error.code(), "journal-other-settings");
        assert!(error.to_string().contains("views: 4 there, 8 now"), "{error}");
        assert!(error.advice().is_some());
    }

    #[test]
    fn settings_that_nothing_was_written_with_give_way_to_others() {
        let path = place("empty");
        Journal::open::<Vec<f64>>(&path, &settings(4)).unwrap();
        let (mut journal, entries) = Journal::open::<Vec<f64>>(&path, &settings(8)).unwrap();
        assert!(entries.is_empty());
        let entry = journal.add(&vec![1.0]).unwrap();
        let (_, entries) = Journal::open::<Vec<f64>>(&path, &settings(8)).unwrap();
        assert_eq!(entries, [entry]);
    }

    #[test]
    fn a_file_that_is_no_journal_is_left_alone() {
        let path = place("damaged");
        std::fs::write(&path, "my diary\nit rained\n").unwrap();
        let error = Journal::open::<Vec<f64>>(&path, &settings(4)).unwrap_err();
        assert_eq!(error.code(), "journal-damaged");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "my diary\nit rained\n");
    }
}
