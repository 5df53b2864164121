//! A folder with one folder for each class: its pictures, their labels, and which of them are looked at.
//!
//! A label comes from an explicit map or from the folder's own name, never from the folder's position among the others: sorting `0, 1, 10, 2`
//! as text has cost many evaluations their meaning.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::seeds;

/// Endings of files that may be pictures.
const ENDINGS: [&str; 6] = ["png", "jpg", "jpeg", "webp", "gif", "bmp"];
/// The folder that macOS adds to an archive, with a file for each file of it, of the same ending.
const ARCHIVE_LEFTOVERS: &str = "__MACOSX";

/// What to choose from a folder's pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limit {
    /// At most so many of all, spread evenly over the classes.
    pub total: Option<usize>,
    /// At most so many of each class.
    pub per_class: Option<usize>,
}

/// One picture of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Where it lies below the data set's folder, with `/` between the parts on every system.
    pub path: String,
    /// Its class, as an index into [`Dataset::labels`].
    pub label: usize,
    /// Bytes of its file.
    pub bytes: u64,
}

/// Labels, and pictures of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The folder.
    pub root: PathBuf,
    /// The labels, those without pictures too, in the order of the map, or of the folders' names.
    pub labels: Vec<String>,
    /// The pictures that were chosen, in the order in which they are looked at: after any number of them the classes are as even as they can be.
    pub items: Vec<Item>,
    /// How many pictures there are in all.
    pub found: usize,
    /// What was passed over.
    pub passed_over: PassedOver,
}

/// What lies in the folder and is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PassedOver {
    /// Pictures beside the classes' folders.
    pub loose_pictures: usize,
    /// Folders and pictures that a system or a program put there for itself, by their names: `.NAME` and `__MACOSX`.
    pub hidden: usize,
    /// Folders without a picture.
    pub empty_folders: usize,
    /// Labels of the map without a picture.
    pub labels_without_pictures: usize,
}

impl Dataset {
    /// Finds the pictures of a folder of classes; `map` has a line `folder<TAB>label` for each.
    ///
    /// # Errors
    /// Those of reading; [`Error::ClassUnmapped`] for a folder with pictures that the map doesn't have, [`Error::ClassAmbiguous`] for two folders
    /// that mean the same label by their names, [`Error::NoClasses`].
    pub fn read(root: &Path, map: Option<&Path>, limit: Limit, seed: u64) -> Result<Self> {
        let map = map.map(ClassMap::read).transpose()?;
        let mut passed_over = PassedOver::default();
        let mut folders = BTreeMap::new();
        for (name, path, is_folder) in classes_in(root, &mut passed_over.hidden)? {
            if is_folder {
                let mut pictures = Vec::new();
                collect(&path, &name, &mut pictures, &mut passed_over.hidden)?;
                if pictures.is_empty() {
                    passed_over.empty_folders += 1;
                } else {
                    folders.insert(name, pictures);
                }
            } else if is_picture(&path) {
                passed_over.loose_pictures += 1;
            }
        }
        let labels = match &map {
            Some(map) => map.labels(folders.keys())?,
            None => Labels::of_names(folders.keys())?,
        };
        let mut classes: BTreeMap<usize, Vec<Item>> = BTreeMap::new();
        for (folder, pictures) in folders {
            let Some(&label) = labels.of_folder.get(&folder) else {
                continue;
            };
            let items = pictures.into_iter().map(|(path, bytes)| Item { path, label, bytes });
            classes.entry(label).or_default().extend(items);
        }
        passed_over.labels_without_pictures = labels.names.len() - classes.len();
        let found = classes.values().map(Vec::len).sum();
        if found == 0 {
            return Err(Error::NoClasses { path: root.to_owned() });
        }
        Ok(Self {
            root: root.to_owned(),
            items: choose(classes, &labels.names, limit, seed),
            labels: labels.names,
            found,
            passed_over,
        })
    }

    /// Where a picture's file is.
    #[must_use]
    pub fn path_of(&self, item: &Item) -> PathBuf {
        below(&self.root, &item.path)
    }
}

/// The pictures of a folder and of the folders within it, whatever these mean: those that were chosen, and how many there are. A limit is spread evenly over
/// the folders directly below; the pictures beside them count as one more.
///
/// # Errors
/// [`Error::Read`], [`Error::NameNotText`], [`Error::NoPictures`].
pub fn pictures(root: &Path, limit: Limit, seed: u64) -> Result<(Vec<PathBuf>, usize)> {
    let mut groups: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
    let mut hidden = 0;
    for (name, path, is_folder) in classes_in(root, &mut hidden)? {
        if is_folder {
            collect(&path, &name, groups.entry(name.clone()).or_default(), &mut hidden)?;
        } else {
            groups.entry(String::new()).or_default().push((name, 0));
        }
    }
    groups.retain(|_, pictures| !pictures.is_empty());
    let found = groups.values().map(Vec::len).sum();
    if found == 0 {
        return Err(Error::NoPictures { path: root.to_owned() });
    }
    let names: Vec<String> = groups.keys().cloned().collect();
    let classes = groups.into_values().enumerate().map(|(label, pictures)| {
        let items = pictures.into_iter().map(|(path, bytes)| Item { path, label, bytes });
        (label, items.collect())
    });
    let chosen = choose(classes.collect(), &names, limit, seed);
    let paths = chosen.iter().map(|item| below(root, &item.path)).collect();
    Ok((paths, found))
}

/// A path with `/` between its parts, below a folder.
fn below(root: &Path, path: &str) -> PathBuf {
    path.split('/').fold(root.to_owned(), |path, part| path.join(part))
}

/// Pictures in the order in which they are looked at: the first of each class, then the second of each, and so on, where both the pictures of a
/// class and the classes of a round are in an order that the seed and their names give.
fn choose(classes: BTreeMap<usize, Vec<Item>>, labels: &[String], limit: Limit, seed: u64) -> Vec<Item> {
    let mut ordered = Vec::new();
    for (label, mut items) in classes {
        items.sort_by_cached_key(|item| (seeds::derived(seed, &["choice", &item.path]), item.path.clone()));
        items.truncate(limit.per_class.unwrap_or(usize::MAX));
        for (round, item) in items.into_iter().enumerate() {
            let round_name = round.to_string();
            let turn = seeds::derived(seed, &["turn", &round_name, &labels[label]]);
            ordered.push(((round, turn, label), item));
        }
    }
    ordered.sort_by_key(|(key, _)| *key);
    let limit = limit.total.unwrap_or(usize::MAX);
    ordered.into_iter().take(limit).map(|(_, item)| item).collect()
}

/// Labels, and which folder means which.
struct Labels {
    names: Vec<String>,
    of_folder: HashMap<String, usize>,
}

impl Labels {
    /// A folder's own name, with spaces for its underscores.
    fn of_names<'a>(folders: impl Iterator<Item = &'a String>) -> Result<Self> {
        let mut by_label: BTreeMap<String, String> = BTreeMap::new();
        let mut names = Vec::new();
        let mut of_folder = HashMap::new();
        for folder in folders {
            let label = folder.replace('_', " ").trim().to_owned();
            if let Some(first) = by_label.insert(label.clone(), folder.clone()) {
                return Err(Error::ClassAmbiguous {
                    first,
                    second: folder.clone(),
                    label,
                });
            }
            of_folder.insert(folder.clone(), names.len());
            names.push(label);
        }
        Ok(Self { names, of_folder })
    }
}

/// The lines of a map from folders to labels.
struct ClassMap {
    path: PathBuf,
    lines: Vec<(String, String)>,
}

impl ClassMap {
    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut lines: Vec<(String, String)> = Vec::new();
        let mut seen = HashMap::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let parts = line
                .split_once('\t')
                .map(|(folder, label)| (folder.trim(), label.trim()));
            let Some((folder, label)) = parts.filter(|(folder, label)| !folder.is_empty() && !label.is_empty()) else {
                return Err(Error::ClassLine {
                    path: path.to_owned(),
                    line: index + 1,
                });
            };
            if seen.insert(folder.to_owned(), index).is_some() {
                return Err(Error::ClassTwice {
                    path: path.to_owned(),
                    line: index + 1,
                    folder: folder.to_owned(),
                });
            }
            lines.push((folder.to_owned(), label.to_owned()));
        }
        Ok(Self {
            path: path.to_owned(),
            lines,
        })
    }

    /// Its labels in the order of its lines. Several folders may have the same one.
    fn labels<'a>(&self, folders: impl Iterator<Item = &'a String>) -> Result<Labels> {
        let mut names: Vec<String> = Vec::new();
        let mut index_of = HashMap::new();
        let mut of_folder = HashMap::new();
        for (folder, label) in &self.lines {
            let index = *index_of.entry(label.clone()).or_insert_with(|| {
                names.push(label.clone());
                names.len() - 1
            });
            of_folder.insert(folder.clone(), index);
        }
        for folder in folders {
            if !of_folder.contains_key(folder) {
                return Err(Error::ClassUnmapped {
                    folder: folder.clone(),
                    path: self.path.clone(),
                });
            }
        }
        Ok(Labels { names, of_folder })
    }
}

/// Every picture below a folder, whatever lies between: `(path below the data set, bytes)`. What is hidden is counted.
fn collect(folder: &Path, name: &str, found: &mut Vec<(String, u64)>, hidden: &mut usize) -> Result<()> {
    for (entry, path, is_folder) in entries_below(folder, hidden)? {
        let name = format!("{name}/{entry}");
        if is_folder {
            collect(&path, &name, found, hidden)?;
        } else if is_picture(&path) {
            // A file that can't be looked at will be named when it is its turn.
            let bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
            found.push((name, bytes));
        }
    }
    Ok(())
}

/// The same of a data set's own folder, where a class may be a link to a folder elsewhere.
fn classes_in(root: &Path, hidden: &mut usize) -> Result<Vec<(String, PathBuf, bool)>> {
    entries(root, |entry| entry.path().is_dir(), hidden)
}

/// The same of a folder within it. Links to folders aren't followed there: they may lead in circles.
fn entries_below(folder: &Path, hidden: &mut usize) -> Result<Vec<(String, PathBuf, bool)>> {
    let is_folder = |entry: &DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    entries(folder, is_folder, hidden)
}

/// Name, path, and whether it is a folder, of the folders and pictures in a folder. Those that are hidden are only counted.
fn entries(
    folder: &Path,
    is_folder: impl Fn(&DirEntry) -> bool,
    hidden: &mut usize,
) -> Result<Vec<(String, PathBuf, bool)>> {
    let unreadable = |source| Error::Read {
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        let is_folder = is_folder(&entry);
        if !is_folder && !is_picture(&path) {
            continue;
        }
        let name = entry.file_name();
        if is_hidden(&name) {
            *hidden += 1;
            continue;
        }
        let name = name
            .into_string()
            .map_err(|_| Error::NameNotText { path: path.clone() })?;
        found.push((name, path, is_folder));
    }
    found.sort();
    Ok(found)
}

fn is_hidden(name: &OsStr) -> bool {
    name == ARCHIVE_LEFTOVERS || name.as_encoded_bytes().starts_with(b".")
}

fn is_picture(path: &Path) -> bool {
    path.extension()
        .and_then(OsStr::to_str)
        .is_some_and(|ending| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}
