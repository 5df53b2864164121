//! APT: a parallel low-rank bypass instead of LoRA (approximated prompt tuning, arXiv 2306.15706), trained like TTL.
//!
//! Published for supervised tuning: what prompt tokens add to attention is approximated by a path of its own beside it,
//! `scale * softmax(h U) V` with `h` the block's normalised input, so that no attention over prompt tokens is needed. Here
//! the bypass stands beside the attention of the last vision blocks, and TTL's loss trains it ([`super::tail`]). `V` begins as
//! zeros, so the model begins as it is. That it can be trained without labels is this project's experiment, not the paper's claim.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use clip_model::bypass::Bypass;
use clip_model::clip::Clip;
use clip_model::lora::{Adapter, BlockAdapter};
use rand_distr::Distribution as _;
use serde::{Deserialize, Serialize};

use super::adaptation::Adaptation;
use super::tail::{AdapterKind, Matrices, Predict, Tail, TailSettings, Texts};
use super::ttl::{check_layers, check_rank, layers_description, loss_descriptions, xavier};
use super::{Method, MethodDescription, MethodKind, Paper, Setting};
use crate::adapter::Adapters;
use crate::error::Result;
use crate::optimizer::AdamWSettings;
use crate::options::{MAX_STEPS, OptionDescription, Options, adamw_descriptions, read};
use crate::views::{Stream, random};

/// Settings of APT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AptOptions {
    /// Number of updates.
    pub steps: usize,
    /// Rank of the bypass.
    pub rank: usize,
    /// Its output is multiplied by this.
    pub scale: f64,
    /// Number of the last vision blocks that have one.
    pub layers: usize,
    /// A view of entropy `H` weighs `exp(margin - H)`, in nats.
    pub margin: f64,
    /// The share of the views that the loss is of, the most confident.
    pub selection: f64,
    /// Which views predict.
    pub predict: Predict,
    /// The optimiser's.
    #[serde(flatten)]
    pub optimizer: AdamWSettings,
}

impl Default for AptOptions {
    fn default() -> Self {
        Self {
            steps: 1,
            rank: 16,
            scale: 10.0,
            layers: 3,
            margin: 0.4,
            selection: 1.0,
            predict: Predict::Centre,
            optimizer: AdamWSettings::default(),
        }
    }
}

impl AptOptions {
    fn descriptions() -> Vec<OptionDescription> {
        let default = Self::default();
        let mut all = vec![
            OptionDescription::integer(
                "steps",
                "Steps",
                "Number of updates.",
                default.steps as u64,
                [0, MAX_STEPS as u64],
            ),
            OptionDescription::integer(
                "rank",
                "Rank",
                "Rank of the bypass, at most the width of the vision tower.",
                default.rank as u64,
                [1, 4096],
            ),
            OptionDescription::number(
                "scale",
                "Scale",
                "The bypass's output is multiplied by this.",
                default.scale,
                [0.0, 1e6],
            ),
            layers_description(default.layers),
        ];
        all.extend(loss_descriptions(default.margin));
        all.extend(adamw_descriptions());
        all
    }
}

/// Which of a bypass's two matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BypassFactor {
    /// `[width, rank]`, drawn at random.
    U,
    /// `[rank, width]`, zeros at first.
    V,
}

/// A bypass's matrix: index of the block, counted from 0, and which of the two.
pub type BypassKey = (usize, BypassFactor);

/// Bypasses beside the attention of vision blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bypasses {
    scale: f32,
}

impl AdapterKind for Bypasses {
    type Key = BypassKey;

    fn adapters(&self, clip: &Clip, matrices: &Matrices<BypassKey>) -> Adapters {
        let layers = clip.vision.layers();
        let first_block = matrices.keys().map(|(block, _)| *block).min().unwrap_or(layers);
        let blocks = (first_block..layers)
            .map(|block| {
                let matrix = |factor| matrices.get(&(block, factor)).cloned();
                let pair = matrix(BypassFactor::U).zip(matrix(BypassFactor::V));
                BlockAdapter {
                    bypass: pair.map(|(u, v)| Bypass {
                        u,
                        v,
                        scale: self.scale,
                    }),
                    ..BlockAdapter::default()
                }
            })
            .collect();
        Adapters {
            vision: Some(Adapter { first_block, blocks }),
            text: None,
        }
    }
}

/// A run of APT.
pub type Apt = Tail<Bypasses>;

impl Apt {
    /// Bypasses with first values drawn from the seed: `U` Xavier normal, `V` zero.
    ///
    /// # Errors
    /// [`crate::Error::OptionInvalid`].
    pub fn new(clip: Arc<Clip>, texts: Texts, options: &AptOptions, seed: u64) -> Result<Self> {
        let transformer = clip.config.vision.transformer;
        check_layers(options.layers, transformer.layers)?;
        check_rank(options.rank, transformer.width)?;
        let (width, rank) = (transformer.width, options.rank);
        let normal = xavier(width, rank)?;
        let mut random = random(seed, Stream::Adapter);
        let device = clip.device.tensor_device();
        let mut initial = BTreeMap::new();
        let first_block = transformer.layers - options.layers;
        for block in first_block..transformer.layers {
            let values: Vec<f32> = (0..width * rank).map(|_| normal.sample(&mut random) as f32).collect();
            let u = Tensor::from_data(TensorData::new(values, [width, rank]), device);
            initial.insert((block, BypassFactor::U), u);
            initial.insert((block, BypassFactor::V), Tensor::zeros([rank, width], device));
        }
        Ok(Self::with_parameters(clip, texts, options, initial))
    }

    /// Bypasses with given first values, which `options` fits.
    #[must_use]
    pub fn with_parameters(clip: Arc<Clip>, texts: Texts, options: &AptOptions, initial: Matrices<BypassKey>) -> Self {
        let kind = Bypasses {
            scale: options.scale as f32,
        };
        let settings = TailSettings {
            steps: options.steps,
            first_block: clip.vision.layers().saturating_sub(options.layers),
            margin: options.margin,
            selection: options.selection,
            predict: options.predict,
            optimizer: options.optimizer,
        };
        Self::with_matrices(clip, texts, kind, settings, None, initial)
    }
}

/// APT in the list of methods.
pub struct AptMethod;

impl Method for AptMethod {
    fn description(&self) -> MethodDescription {
        MethodDescription {
            name: "apt",
            title: "APT",
            paper: Some(Paper {
                authors: "Qiong Wu, Shubin Huang, Yiyi Zhou, Pingyang Dai, Annan Shu, Guannan Jiang, Rongrong Ji",
                title: "Approximated Prompt Tuning for Vision-Language Pre-trained Models",
                year: 2023,
                url: "https://arxiv.org/abs/2306.15706",
            }),
            summary: "Trains a parallel low-rank bypass beside attention in the last blocks, instead of LoRA, on the weighted entropy of the views.",
            kind: MethodKind::Gradient,
            needs_statistics: false,
            options: AptOptions::descriptions(),
        }
    }

    fn check(&self, options: &Options, clip: &Clip) -> Result<()> {
        let options: AptOptions = read(options)?;
        let transformer = clip.config.vision.transformer;
        check_layers(options.layers, transformer.layers)?;
        check_rank(options.rank, transformer.width)
    }

    fn begin(&self, options: &Options, setting: Setting) -> Result<Box<dyn Adaptation>> {
        let (clip, seed) = (Arc::clone(&setting.clip), setting.seed);
        Ok(Box::new(Apt::new(clip, setting.into_texts(), &read(options)?, seed)?))
    }
}
