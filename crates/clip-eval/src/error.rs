//! What can go wrong while pictures are chosen, corrupted, and measured.

use std::io;
use std::path::PathBuf;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No corruption has this name.
    #[error("there is no corruption \"{name}\"")]
    CorruptionUnknown {
        /// What was asked for.
        name: String,
    },
    /// A severity is a number from 1 to 5.
    #[error("a severity of {severity} is not possible: 1 to 5")]
    SeverityInvalid {
        /// What was asked for.
        severity: String,
    },
    /// The JPEG encoder or decoder failed on a picture that was made here.
    #[error("cannot compress the picture: {reason}")]
    Jpeg {
        /// Why.
        reason: String,
    },
    /// A picture can't be made.
    #[error(transparent)]
    Picture(#[from] clip_model::Error),
    /// A folder or file of the data can't be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of results can't be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of the map from folders to labels has no label.
    #[error("{}, line {line}: a folder's name, a tab and its label are needed", path.display())]
    ClassLine {
        /// The map.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// A folder stands in the map twice.
    #[error("{}, line {line}: the folder {folder:?} stands there already", path.display())]
    ClassTwice {
        /// The map.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The folder's name.
        folder: String,
    },
    /// A folder has no label in the map.
    #[error("the folder {folder:?} is not in {}", path.display())]
    ClassUnmapped {
        /// The folder's name.
        folder: String,
        /// The map.
        path: PathBuf,
    },
    /// Two folders would have the same label by their names.
    #[error("the folders {first:?} and {second:?} both mean the label {label:?}")]
    ClassAmbiguous {
        /// One of them.
        first: String,
        /// The other.
        second: String,
        /// The label.
        label: String,
    },
    /// There is no folder with pictures in it.
    #[error("there is no picture in the folders of {}", path.display())]
    NoClasses {
        /// Where they were looked for.
        path: PathBuf,
    },
    /// There is no picture in a folder and those within it.
    #[error("there is no picture in {}", path.display())]
    NoPictures {
        /// Where they were looked for.
        path: PathBuf,
    },
    /// The name of a file is no text.
    #[error("the name of {} is not UTF-8", path.display())]
    NameNotText {
        /// The file.
        path: PathBuf,
    },
    /// A journal is of a run with other settings.
    #[error("{} is of a run with other settings ({difference})", path.display())]
    JournalOfOther {
        /// The journal.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// A file that should be a journal is something else.
    #[error("{}, line {line}: this is no line of a journal: {reason}", path.display())]
    JournalDamaged {
        /// The journal.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Why.
        reason: String,
    },
}

/// The result of what can go wrong here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The stable, kebab-case name of this kind of error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::CorruptionUnknown { .. } => "corruption-unknown",
            Self::SeverityInvalid { .. } => "severity-invalid",
            Self::Jpeg { .. } => "corruption-failed",
            Self::Picture(source) => source.code(),
            Self::Read { .. } => "file-unreadable",
            Self::Write { .. } => "file-unwritable",
            Self::ClassLine { .. } | Self::ClassTwice { .. } => "classes-invalid",
            Self::ClassUnmapped { .. } => "class-unmapped",
            Self::ClassAmbiguous { .. } => "class-ambiguous",
            Self::NoClasses { .. } => "classes-none",
            Self::NoPictures { .. } => "pictures-none",
            Self::NameNotText { .. } => "name-not-text",
            Self::JournalOfOther { .. } => "journal-other-settings",
            Self::JournalDamaged { .. } => "journal-damaged",
        }
    }

    /// What the user can do, where the message alone doesn't say it.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        Some(match self {
            Self::CorruptionUnknown { .. } => {
                let names: Vec<&str> = crate::corruption::Kind::ALL.iter().map(|kind| kind.as_str()).collect();
                format!("there are {}, and all for all of them", names.join(", "))
            }
            Self::ClassUnmapped { .. } => "add a line for it to the map, or move it elsewhere".to_owned(),
            Self::ClassLine { .. } => "for example: n01443537<TAB>goldfish".to_owned(),
            Self::ClassAmbiguous { .. } => {
                "say in a map of folders and labels that this is meant, or rename one of them".to_owned()
            }
            Self::NoClasses { .. } => {
                "one folder for each class is needed there, with pictures in it (PNG, JPEG, WebP, GIF or BMP)"
                    .to_owned()
            }
            Self::NoPictures { .. } => "PNG, JPEG, WebP, GIF and BMP files are looked for, by their endings".to_owned(),
            Self::JournalOfOther { .. } => {
                "name another folder for the results, or delete that file to begin anew".to_owned()
            }
            Self::JournalDamaged { .. } => {
                "name another folder for the results, or repair or delete that file".to_owned()
            }
            _ => return None,
        })
    }
}
