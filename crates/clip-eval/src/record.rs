//! What a run writes down of each picture: the lines of its journal.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::corruption::{Corruption, Kind};
use crate::error::Error;
use crate::measures::Answer;

/// What is done to a picture before it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Condition {
    /// Nothing.
    Clean,
    /// A corruption.
    Corrupted(Corruption),
}

/// What stands for no corruption.
const CLEAN: &str = "clean";
/// What stands for every kind.
const ALL: &str = "all";

impl Condition {
    /// Reads `clean`, `KIND:SEVERITY`, or `all:SEVERITY`, which is fifteen conditions.
    ///
    /// # Errors
    /// [`Error::CorruptionUnknown`], [`Error::SeverityInvalid`].
    pub fn parse_several(text: &str) -> Result<Vec<Self>, Error> {
        if text == CLEAN {
            return Ok(vec![Self::Clean]);
        }
        let (kind, severity) = text.split_once(':').unwrap_or((text, ""));
        let kinds = if kind == ALL {
            Kind::ALL.to_vec()
        } else {
            vec![kind.parse()?]
        };
        let severity: u8 = severity.parse().map_err(|_| Error::SeverityInvalid {
            severity: format!("\"{severity}\""),
        })?;
        kinds
            .into_iter()
            .map(|kind| Corruption::new(kind, severity).map(Self::Corrupted))
            .collect()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean => formatter.write_str(CLEAN),
            Self::Corrupted(corruption) => corruption.fmt(formatter),
        }
    }
}

impl FromStr for Condition {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut several = Self::parse_several(text)?.into_iter();
        match (several.next(), several.next()) {
            (Some(condition), None) => Ok(condition),
            _ => Err(Error::CorruptionUnknown { name: text.to_owned() }),
        }
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of error, in kebab case.
    pub code: String,
    /// What happened.
    pub message: String,
}

/// What one method said of one picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodAnswer {
    /// The label that was chosen, as an index.
    pub predicted: usize,
    /// Its probability.
    pub confidence: f64,
    /// Place of the true label, likeliest first; 0 is right.
    pub true_rank: usize,
    /// Probability of the true label.
    pub true_probability: f64,
    /// Entropy of the answer, in nats.
    pub entropy: f64,
    /// What the method took on its own, without the views, their encoding and the labels, which all share.
    pub cost_ms: f64,
    /// Passes forward through the vision tower's blocks, in passes of all views through all blocks.
    pub forward_passes: f64,
    /// Passes backward, in the same unit.
    pub backward_passes: f64,
    /// The most memory that the process had meanwhile, where the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// What kept it from running as it was asked to, such as a loss that was no number, after which the answer without adaptation stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Failure>,
}

impl MethodAnswer {
    /// The part that measures need.
    #[must_use]
    pub fn answer(&self) -> Answer {
        Answer {
            true_rank: self.true_rank,
            confidence: self.confidence,
            true_probability: self.true_probability,
        }
    }
}

/// An answer, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MethodResult {
    /// An answer.
    Answered(MethodAnswer),
    /// None.
    Failed {
        /// Why.
        error: Failure,
    },
}

/// A picture, or why it can't be looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PictureResult {
    /// What the methods said.
    Seen {
        /// What all methods share: cutting the views, encoding them, and the prediction without adaptation.
        shared_ms: f64,
        /// By the runs' names.
        results: BTreeMap<String, MethodResult>,
    },
    /// The picture can't be opened.
    Broken {
        /// Why.
        error: Failure,
    },
}

/// A line of the journal: one picture under one condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its path below the data set's folder.
    pub path: String,
    /// Bytes of its file: if they change, it is another picture.
    pub bytes: u64,
    /// Its true label: if a corrected map says another one, ranks and probabilities are of the wrong label.
    pub label: String,
    /// What was done to it.
    pub condition: Condition,
    /// What came of it.
    #[serde(flatten)]
    pub result: PictureResult,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_as_they_are_written() {
        assert_eq!(Condition::parse_several("clean").unwrap(), [Condition::Clean]);
        assert_eq!(Condition::parse_several("all:3").unwrap().len(), 15);
        for condition in Condition::parse_several("all:5").unwrap() {
            assert_eq!(condition.to_string().parse::<Condition>().unwrap(), condition);
        }
        for text in ["", "fog", "fog:", "fog:0", "fog:6", "fog:x", "smog:3", "all", "clean:1"] {
            assert!(Condition::parse_several(text).is_err(), "{text}");
        }
        assert!("all:3".parse::<Condition>().is_err(), "that is no single one");
    }

    #[test]
    fn records_come_back_as_they_were() {
        let answered = MethodResult::Answered(MethodAnswer {
            predicted: 2,
            confidence: 0.75,
            true_rank: 1,
            true_probability: 0.125,
            entropy: 1.5,
            cost_ms: 0.25,
            forward_passes: 1.0,
            backward_passes: 0.25,
            peak_memory_bytes: None,
            warnings: vec![Failure {
                code: "stopped".into(),
                message: "why".into(),
            }],
        });
        let failure = || Failure {
            code: "code".into(),
            message: "why".into(),
        };
        for result in [
            PictureResult::Seen {
                shared_ms: 3.0,
                results: BTreeMap::from([
                    ("ttl".to_owned(), answered),
                    ("foa".to_owned(), MethodResult::Failed { error: failure() }),
                ]),
            },
            PictureResult::Broken { error: failure() },
        ] {
            let record = Record {
                path: "a/b.png".into(),
                bytes: 7,
                label: "cat".into(),
                condition: "fog:3".parse().unwrap(),
                result,
            };
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record, "{text}");
        }
    }
}
