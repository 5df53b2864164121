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
        // The first line of a journal is an object, so this is no part of one.
        if whole == 0 && bytes.first().is_some_and(|&first| first != b'{') {
            return Err(Error::JournalDamaged {
                path: path.to_owned(),
                line: 1,
                reason: "it does not begin with settings".to_owned(),
            });
        }
        let settings = as_read(settings);
        let found = read(path, &bytes[..whole], &settings)?;
        let (entries, whole) = found.map_or_else(|| (Vec::new(), 0), |entries| (entries, whole));
        let unwritable = |source| Error::Write {
            path: path.to_owned(),
            source,
        };
        // Through a handle of its own: on Windows one that appends may not shorten a file.
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .and_then(|file| file.set_len(whole as u64))
            .map_err(unwritable)?;
        let file = OpenOptions::new().append(true).open(path).map_err(unwritable)?;
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
    if let Some(difference) = difference_within("", &written, settings) {
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

/// The first place where two settings differ, and how: `methods.ttl.options.steps: 1 there, 2 now`.
fn difference(place: &str, written: Option<&Value>, asked: Option<&Value>) -> Option<String> {
    if written == asked {
        return None;
    }
    match (written, asked) {
        (Some(Value::Object(written)), Some(Value::Object(asked))) => difference_within(place, written, asked),
        (Some(Value::Array(written)), Some(Value::Array(asked))) => (0..written.len().max(asked.len()))
            .find_map(|index| difference(&format!("{place}[{index}]"), written.get(index), asked.get(index))),
        _ => {
            let text = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
            let [there, now] = shortened([text(written), text(asked)]);
            Some(format!("{place}: {there} there, {now} now"))
        }
    }
}

/// The same of two objects; that of the settings as a whole has no name.
fn difference_within(place: &str, written: &Map<String, Value>, asked: &Map<String, Value>) -> Option<String> {
    let added = written.keys().filter(|name| !asked.contains_key(*name));
    asked.keys().chain(added).find_map(|name| {
        let place = if place.is_empty() {
            name.clone()
        } else {
            format!("{place}.{name}")
        };
        difference(&place, written.get(name), asked.get(name))
    })
}

/// Two long texts would bury the message: of each the part about the first letter that differs.
fn shortened(texts: [String; 2]) -> [String; 2] {
    const LETTERS: usize = 60;
    let [first, second] = &texts;
    let alike = first.chars().zip(second.chars()).take_while(|(a, b)| a == b).count();
    let from = alike.saturating_sub(LETTERS / 2);
    texts.map(|text| {
        let count = text.chars().count();
        if count <= LETTERS {
            return text;
        }
        let part: String = text.chars().skip(from).take(LETTERS).collect();
        let before = if from > 0 { "…" } else { "" };
        let after = if from + LETTERS < count { "…" } else { "" };
        format!("{before}{part}{after}")
    })
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

    /// What is said where other settings are asked for than those in the journal.
    fn difference_of(name: &str, written: &Value, asked: &Value) -> String {
        let settings = |value: &Value| value.as_object().unwrap().clone();
        let path = place(name);
        let (mut journal, _) = Journal::open::<Vec<f64>>(&path, &settings(written)).unwrap();
        journal.add(&vec![1.0]).unwrap();
        let error = Journal::open::<Vec<f64>>(&path, &settings(asked)).unwrap_err();
        assert_eq!(error.code(), "journal-other-settings");
        error.to_string()
    }

    #[test]
    fn what_differs_is_named_however_deep_and_late_it_stands() {
        let settings = |steps: usize, last: &str, template: &str| {
            let mut labels: Vec<String> = (0..50).map(|index| format!("a label of some length {index}")).collect();
            labels.push(last.to_owned());
            json!({
                "labels": labels,
                "methods": {"ttl": {"method": "ttl", "options": {"betas": [0.9, 0.999], "learning_rate": 0.005, "steps": steps}}},
                "template": template,
            })
        };
        let written = settings(1, "cat", "a {}");
        let said = difference_of("late-option", &written, &settings(2, "cat", "a {}"));
        assert!(said.contains("(methods.ttl.options.steps: 1 there, 2 now)"), "{said}");
        let said = difference_of("late-label", &written, &settings(1, "dog", "a {}"));
        assert!(said.contains("(labels[50]: \"cat\" there, \"dog\" now)"), "{said}");
        let mut more = written.clone();
        more["methods"]["zero"] = json!({"method": "zero"});
        let said = difference_of("more-methods", &written, &more);
        assert!(said.contains("(methods.zero: nothing there, {\"method\""), "{said}");
        let said = difference_of("fewer-methods", &more, &written);
        assert!(said.contains("\"zero\"} there, nothing now)"), "{said}");
        let long = "a photo of ".repeat(20);
        let with = |article: &str| settings(1, "cat", &format!("{long}{article} {{}}."));
        let said = difference_of("late-letter", &with("a"), &with("the"));
        assert!(said.contains("a {}.\" there"), "{said}");
        assert!(said.contains("the {}.\" now"), "{said}");
        assert!(said.len() < 2 * long.len(), "{said}");
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
        for text in ["my diary\nit rained\n", "my diary, without an end of line", "\u{feff}{"] {
            std::fs::write(&path, text).unwrap();
            let error = Journal::open::<Vec<f64>>(&path, &settings(4)).unwrap_err();
            assert_eq!(error.code(), "journal-damaged", "{text:?}");
            assert!(error.to_string().contains("line 1"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
