//! The text features of label sets: computed a bounded piece at a time, and kept for the next picture.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use clip_model::clip::Clip;

use crate::error::Result;
use crate::labels::{LabelSet, Prompts, TextEncoder};

/// The text features of the last label sets: the text tower runs once for each set, however many pictures follow.
#[derive(Clone, Default)]
pub(crate) struct LabelCache(Arc<Mutex<VecDeque<LabelSet>>>);

/// So many label sets are kept: those of one picture's templates, and the ones before.
const CACHED_SETS: usize = 16;

impl LabelCache {
    pub(crate) fn get(&self, prompts: &Prompts) -> Option<LabelSet> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = cached.iter().position(|set| set.prompts == *prompts)?;
        // What was asked for last goes to the end; the first is forgotten first.
        let set = cached.remove(place)?;
        cached.push_back(set.clone());
        Some(set)
    }

    pub(crate) fn put(&self, set: &LabelSet) {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.len() >= CACHED_SETS {
            cached.pop_front();
        }
        cached.push_back(set.clone());
    }
}

/// Labels on their way through the text tower, ahead of [`Session::classify`](crate::session::Session::classify): of many labels that is most of
/// the work, and a host that wants to show progress, or to stop, needs it in pieces.
pub struct LabelEncoding {
    clip: Arc<Clip>,
    cache: LabelCache,
    /// Nothing once all are encoded.
    encoder: Option<TextEncoder>,
    labels: usize,
}

impl LabelEncoding {
    pub(crate) fn new(clip: Arc<Clip>, cache: LabelCache, prompts: Prompts) -> Self {
        let labels = prompts.labels.len();
        let is_known = cache.get(&prompts).is_some();
        Self {
            clip,
            cache,
            encoder: (!is_known).then(|| TextEncoder::new(prompts)),
            labels,
        }
    }

    /// Encodes some more labels. How many are encoded now, and how many there are.
    ///
    /// # Errors
    /// Those of the model and the device.
    pub fn advance(&mut self) -> Result<(usize, usize)> {
        let Some(mut encoder) = self.encoder.take() else {
            return Ok((self.labels, self.labels));
        };
        encoder.advance(&self.clip, None)?;
        let (done, labels) = encoder.progress();
        if done < labels {
            self.encoder = Some(encoder);
        } else {
            self.cache.put(&encoder.finish());
        }
        Ok((done, labels))
    }
}
