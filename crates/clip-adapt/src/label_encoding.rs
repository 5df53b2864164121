//! The text features of label sets: computed a bounded piece at a time, and kept for the next picture.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use clip_model::clip::Clip;

use crate::error::Result;
use crate::labels::{LabelSet, Prompts, TextEncoder};

/// The text features of the last label sets: the text tower runs once for each set, however many pictures follow.
#[derive(Clone, Default)]
pub(crate) struct LabelCache(Arc<Mutex<VecDeque<LabelSet>>>);

/// Features are kept up to so many bytes: those of one picture's templates, and the ones before. Of 80 templates and 200 labels 33 MB.
const CACHED_BYTES: usize = 128 << 20;

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
        cached.retain(|known| known.prompts != set.prompts);
        cached.push_back(set.clone());
        let mut bytes: usize = cached.iter().map(bytes_of).sum();
        while bytes > CACHED_BYTES && cached.len() > 1 {
            bytes -= cached.pop_front().as_ref().map_or(0, bytes_of);
        }
    }
}

fn bytes_of(set: &LabelSet) -> usize {
    set.features.dims().iter().product::<usize>() * size_of::<f32>()
}

/// Labels on their way through the text tower, for instance ahead of [`Session::classify`](crate::session::Session::classify): of many labels that is
/// most of the work, and a host that wants to show progress, or to stop, needs it in pieces.
pub struct LabelEncoding {
    clip: Arc<Clip>,
    cache: LabelCache,
    encoder: TextEncoder,
}

impl LabelEncoding {
    pub(crate) fn new(clip: Arc<Clip>, cache: LabelCache, prompts: Prompts) -> Self {
        Self {
            clip,
            cache,
            encoder: TextEncoder::new(prompts),
        }
    }

    /// Encodes some more labels. How many are encoded now, and how many there are.
    ///
    /// # Errors
    /// Those of the model and the device.
    pub fn advance(&mut self) -> Result<(usize, usize)> {
        let labels = self.encoder.progress().1;
        Ok(match self.advance_to_set()? {
            Some(_) => (labels, labels),
            None => self.encoder.progress(),
        })
    }

    /// The same, with the set once all labels are encoded, be it by somebody else.
    pub(crate) fn advance_to_set(&mut self) -> Result<Option<LabelSet>> {
        if let Some(set) = self.cache.get(self.encoder.prompts()) {
            return Ok(Some(set));
        }
        self.encoder.advance(&self.clip, None)?;
        let set = self.encoder.set();
        if let Some(set) = &set {
            self.cache.put(set);
        }
        Ok(set)
    }

    /// How many labels this one has encoded.
    pub(crate) fn done(&self) -> usize {
        self.encoder.progress().0
    }
}
