//! Trains adapters in the towers' last blocks on the views of one picture: what TTL and its relatives share.
//!
//! The loss is the views' weighted entropy `L = 1/n sum_{v in S} exp(margin - H_v) H_v`, the weight taken as a constant, over
//! all views or the most confident share of them, which is chosen at the first step. It is a mean over views, so its gradient
//! is summed up over chunks of them, and memory doesn't grow with their number. Where adapters stand in the text tower, the
//! gradient towards the labels' features is summed up in the same way, and then goes through the text tower once, a chunk
//! of labels at a time.

mod adaptation;
mod gradient;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use clip_model::clip::{Clip, normalise};
use clip_model::lora::{Adapter, Projection, Tower};
use serde::{Deserialize, Serialize};

use self::adaptation::Looked;
pub use self::gradient::{weight, weighted, weighted_entropy};
use self::work::Work;
use super::adaptation::{Passes, TrainedAdapter, tail_share};
use super::alignment::Alignment;
use crate::adapter::Adapters;
use crate::error::Result;
use crate::labels::{CHUNK_LABELS, Prompts, mean_features};
use crate::optimizer::{AdamW, AdamWSettings};

/// Matrices by their place.
pub type Matrices<K> = BTreeMap<K, Tensor<2>>;

/// A kind of adapter: how its matrices are put into the towers' blocks.
pub trait AdapterKind {
    /// The place of a matrix.
    type Key: Copy + Ord + std::fmt::Debug;

    /// The adapters of both towers with these matrices. On a tape where they are.
    fn adapters(&self, clip: &Clip, matrices: &Matrices<Self::Key>) -> Adapters;

    /// The squares of the Frobenius norms of what they change in the projections' matrices, `[1, 1]` each.
    fn squared_norms(&self, _adapters: &Adapters) -> Vec<(Tower, usize, Projection, Tensor<2>)> {
        Vec::new()
    }

    /// The matrices as an adapter file can hold them.
    fn trained<'a>(&self, _matrices: &'a Matrices<Self::Key>) -> Option<TrainedAdapter<'a>> {
        None
    }
}

/// Which views predict after adaptation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Predict {
    /// The centre view alone.
    #[default]
    Centre,
    /// The mean prediction of the most confident views, with the defaults of the method `marginal`.
    Marginal,
    /// A vote of the most confident views, with the defaults of the method `zero`.
    Vote,
}

/// The labels' features, and the prompts that they come from.
#[derive(Debug, Clone)]
pub struct Texts {
    /// `[labels, projection]`, normalised: the mean over the templates.
    pub features: Tensor<2>,
    /// For each template. Needed only where the text tower has adapters.
    pub prompts: Vec<Prompts>,
}

/// How adapters are trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TailSettings {
    /// Number of updates.
    pub steps: usize,
    /// Index of the first vision block that has adapters, or is looked at.
    pub first_block: usize,
    /// A view of entropy `H` weighs `exp(margin - H)`, in nats.
    pub margin: f64,
    /// The share of the views that the loss is of, the most confident at the first step.
    pub selection: f64,
    /// Which views predict.
    pub predict: Predict,
    /// The optimiser's.
    pub optimizer: AdamWSettings,
}

/// Adapters of a picture, and what trains them.
pub struct Tail<A: AdapterKind> {
    clip: Arc<Clip>,
    kind: A,
    settings: TailSettings,
    prompts: Vec<Prompts>,
    /// `[labels, projection]`, normalised, without adapters.
    text_before: Tensor<2>,
    /// The same with the adapters as they are.
    text: Tensor<2>,
    alignment: Option<Alignment>,
    /// What the blocks without adapters gave, `[views of the chunk, tokens, width]` each.
    chunks: Vec<Tensor<3>>,
    initial: Matrices<A::Key>,
    parameters: Matrices<A::Key>,
    gradients: Matrices<A::Key>,
    last_gradients: Matrices<A::Key>,
    text_gradient: Option<Tensor<2>>,
    optimizer: AdamW,
    steps_allowed: usize,
    steps_done: usize,
    work: Work,
    looked: Vec<Looked>,
    passes: Passes,
}

impl<A: AdapterKind> Tail<A> {
    /// Adapters with given first values.
    #[must_use]
    pub fn with_matrices(
        clip: Arc<Clip>,
        texts: Texts,
        kind: A,
        settings: TailSettings,
        alignment: Option<Alignment>,
        initial: Matrices<A::Key>,
    ) -> Self {
        Self {
            optimizer: AdamW::new(settings.optimizer),
            parameters: initial.clone(),
            gradients: Matrices::new(),
            last_gradients: Matrices::new(),
            text_gradient: None,
            chunks: Vec::new(),
            clip,
            kind,
            text: texts.features.clone(),
            text_before: texts.features,
            prompts: texts.prompts,
            alignment,
            initial,
            steps_allowed: settings.steps,
            steps_done: 0,
            settings,
            work: Work::default(),
            looked: Vec::new(),
            passes: Passes::default(),
        }
    }

    /// The trained matrices as they are now.
    #[must_use]
    pub fn parameters(&self) -> &Matrices<A::Key> {
        &self.parameters
    }

    /// The gradients summed up since the last update.
    #[must_use]
    pub fn gradients(&self) -> &Matrices<A::Key> {
        &self.gradients
    }

    /// The gradients that the last update followed, for comparing with a recorded episode.
    #[must_use]
    pub fn last_gradients(&self) -> &Matrices<A::Key> {
        &self.last_gradients
    }

    /// Number of chunks of views.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Number of views.
    #[must_use]
    pub fn views(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.dims()[0]).sum()
    }

    /// The text features `[labels, projection]` with the adapters as they are, normalised.
    #[must_use]
    pub fn text_features(&self) -> Tensor<2> {
        self.text.clone()
    }

    /// Where the matrices lie.
    #[must_use]
    pub fn device(&self) -> &Device {
        self.clip.device.tensor_device()
    }

    /// Replaces the matrices, for replaying a recorded episode.
    ///
    /// # Errors
    /// Those of the text tower, where it has adapters.
    pub fn set_parameters(&mut self, parameters: Matrices<A::Key>) -> Result<()> {
        self.parameters = parameters;
        self.refresh_text()
    }

    /// Logits `[views of the chunk, labels]` with the adapters as they are, without a gradient.
    #[must_use]
    pub fn logits(&self, chunk: usize) -> Option<Tensor<2>> {
        Some(self.logits_of(self.chunks.get(chunk)?.clone()))
    }

    /// Logits `[1, labels]` of the centre view with the adapters as they are.
    #[must_use]
    pub fn centre_logits(&self) -> Option<Tensor<2>> {
        Some(self.logits_of(self.chunks.first()?.clone().narrow(0, 0, 1)))
    }

    fn features_of(&self, tokens: Tensor<3>) -> Tensor<2> {
        let adapter = self.kind.adapters(&self.clip, &self.parameters).vision;
        self.clip
            .vision
            .tail(tokens, self.settings.first_block, adapter.as_ref())
    }

    fn logits_of(&self, tokens: Tensor<3>) -> Tensor<2> {
        self.clip.logits(self.features_of(tokens), self.text.clone())
    }

    fn refresh_text(&mut self) -> Result<()> {
        let parts = (0..self.text_before.dims()[0].div_ceil(CHUNK_LABELS))
            .filter_map(|chunk| self.encode_chunk(chunk).transpose())
            .collect::<Result<Vec<_>>>()?;
        if !parts.is_empty() {
            self.text = Tensor::cat(parts, 0);
        }
        Ok(())
    }

    /// Features of a chunk of labels with the matrices as they are; `None` where the text tower has no adapters.
    fn encode_chunk(&self, chunk: usize) -> Result<Option<Tensor<2>>> {
        let adapter = self.kind.adapters(&self.clip, &self.parameters).text;
        adapter.map(|adapter| self.encode_texts(chunk, &adapter)).transpose()
    }

    /// Features `[labels of the chunk, projection]` through the text tower with an adapter, normalised.
    fn encode_texts(&self, chunk: usize, adapter: &Adapter) -> Result<Tensor<2>> {
        let mut features = Vec::with_capacity(self.prompts.len());
        for prompts in &self.prompts {
            let ids = prompts.ids.chunks(CHUNK_LABELS).nth(chunk).unwrap_or_default();
            features.push(normalise(self.clip.text.forward_adapted(ids, adapter)?));
        }
        mean_features(features)
    }

    fn tail_share(&self) -> f64 {
        tail_share(self.settings.first_block, self.clip.vision.layers())
    }
}

/// The tokens of some views, in chunks as large as the first.
pub(super) fn gather(chunks: &[Tensor<3>], views: &[usize]) -> Vec<Tensor<3>> {
    let size = chunks.first().map_or(1, |chunk| chunk.dims()[0]).max(1);
    let rows: Vec<Tensor<3>> = views
        .iter()
        .filter_map(|&view| {
            let mut first = 0;
            for chunk in chunks {
                let rows = chunk.dims()[0];
                if view < first + rows {
                    return Some(chunk.clone().narrow(0, view - first, 1));
                }
                first += rows;
            }
            None
        })
        .collect();
    rows.chunks(size).map(|rows| Tensor::cat(rows.to_vec(), 0)).collect()
}
