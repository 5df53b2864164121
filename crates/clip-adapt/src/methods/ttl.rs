//! TTL: test-time low-rank adaptation (arXiv 2407.15913).
//!
//! Low-rank adapters beside the query and value projections of the last vision blocks are trained on the views of one
//! picture, without a label, to minimise their weighted entropy ([`super::tail`]). `n` steps make `n` updates (the
//! published code makes `n * n`). Adapters in the text tower, a selection of views and other ways to predict are options.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use clip_model::clip::Clip;
use clip_model::config::TransformerConfig;
use clip_model::lora::{Adapter, Factor, ParameterKey, Parameters, Projection, Tower};
use rand_distr::{Distribution as _, Normal};
use serde::{Deserialize, Serialize};

use super::adaptation::{Adaptation, TrainedAdapter};
use super::alignment::Alignment;
use super::tail::{AdapterKind, Tail, TailSettings};
pub use super::tail::{Predict, Texts, weight};
use super::{Method, MethodDescription, MethodKind, Paper, Setting};
use crate::adapter::Adapters;
use crate::error::Result;
use crate::optimizer::AdamWSettings;
use crate::options::{MAX_STEPS, OptionDescription, Options, adamw_descriptions, invalid, read};
use crate::views::{Stream, random};

/// Which tower has adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoder {
    /// The vision tower.
    #[default]
    Vision,
    /// The text tower.
    Text,
    /// Both.
    Both,
}

impl Encoder {
    fn has(self, tower: Tower) -> bool {
        !matches!((self, tower), (Self::Vision, Tower::Text) | (Self::Text, Tower::Vision))
    }
}

/// Settings of TTL. The defaults are the paper's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TtlOptions {
    /// Number of updates.
    pub steps: usize,
    /// Rank of the adapters.
    pub rank: usize,
    /// The adapters' output is multiplied by `alpha / rank`.
    pub alpha: f64,
    /// Number of the last blocks of a tower that have adapters.
    pub layers: usize,
    /// Which projections of attention have adapters.
    pub targets: Vec<Projection>,
    /// Which tower has them.
    pub encoder: Encoder,
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

impl Default for TtlOptions {
    fn default() -> Self {
        Self {
            steps: 1,
            rank: 16,
            alpha: 32.0,
            layers: 3,
            targets: vec![Projection::Query, Projection::Value],
            encoder: Encoder::Vision,
            margin: 0.4,
            selection: 1.0,
            predict: Predict::Centre,
            optimizer: AdamWSettings::default(),
        }
    }
}

impl TtlOptions {
    /// What they are called, do, and may be.
    #[must_use]
    pub fn descriptions() -> Vec<OptionDescription> {
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
                "Rank of the adapters, at most the width of the tower.",
                default.rank as u64,
                [1, 4096],
            ),
            OptionDescription::number(
                "alpha",
                "Alpha",
                "The adapters' output is multiplied by alpha / rank.",
                default.alpha,
                [0.0, 1e6],
            ),
            layers_description(default.layers),
            OptionDescription::list(
                "targets",
                "Targets",
                "Projections of attention that have adapters.",
                &["q_proj", "v_proj"],
                &["q_proj", "k_proj", "v_proj", "out_proj"],
            ),
            OptionDescription::choice(
                "encoder",
                "Adapters in",
                "The tower that has the adapters.",
                "vision",
                &["vision", "text", "both"],
            ),
        ];
        all.extend(loss_descriptions(default.margin));
        all.extend(adamw_descriptions());
        all
    }

    /// Checks what depends on the model: the number of blocks and the rank.
    ///
    /// # Errors
    /// [`crate::Error::OptionInvalid`].
    pub fn check(&self, clip: &Clip) -> Result<()> {
        for (tower, transformer) in towers(clip) {
            if self.encoder.has(tower) {
                check_layers(self.layers, transformer.layers)?;
                check_rank(self.rank, transformer.width)?;
            }
        }
        Ok(())
    }

    /// Index of the first block of a tower that has adapters.
    fn first_of(&self, layers: usize) -> usize {
        layers.saturating_sub(self.layers)
    }

    /// Index of the first vision block that has adapters; without any, the number of blocks, as none is computed anew.
    #[must_use]
    pub fn first_block(&self, clip: &Clip) -> usize {
        let layers = clip.vision.layers();
        if self.encoder.has(Tower::Vision) {
            self.first_of(layers)
        } else {
            layers
        }
    }

    fn settings(&self, clip: &Clip) -> TailSettings {
        TailSettings {
            steps: self.steps,
            first_block: self.first_block(clip),
            margin: self.margin,
            selection: self.selection,
            predict: self.predict,
            optimizer: self.optimizer,
        }
    }
}

/// The option with the number of blocks.
pub(super) fn layers_description(default: usize) -> OptionDescription {
    OptionDescription::integer(
        "layers",
        "Blocks",
        "Number of the last blocks that have adapters, at most those of the tower.",
        default as u64,
        [1, 1000],
    )
}

/// The options of the weighted entropy, and of who predicts.
pub(super) fn loss_descriptions(margin: f64) -> Vec<OptionDescription> {
    vec![
        OptionDescription::number(
            "margin",
            "Margin",
            "A view of entropy H weighs exp(margin - H), in nats.",
            margin,
            // Beyond, squares of gradients are no longer finite in single precision.
            [-100.0, 40.0],
        ),
        OptionDescription::number(
            "selection",
            "Selection",
            "The share of the views that the loss is of: the most confident at the first step.",
            1.0,
            [0.0, 1.0],
        ),
        OptionDescription::choice(
            "predict",
            "Predicts",
            "Which views predict after the last step: the centre view, the mean of the most confident tenth, or a vote of the most confident three tenths.",
            "centre",
            &["centre", "marginal", "vote"],
        ),
    ]
}

pub(super) fn check_layers(layers: usize, most: usize) -> Result<()> {
    if layers > most {
        return Err(invalid("layers", layers, format!("from 1 to {most} with this model")));
    }
    Ok(())
}

pub(super) fn check_rank(rank: usize, width: usize) -> Result<()> {
    if rank > width {
        return Err(invalid("rank", rank, format!("from 1 to {width} with this model")));
    }
    Ok(())
}

fn towers(clip: &Clip) -> [(Tower, TransformerConfig); 2] {
    [
        (Tower::Vision, clip.config.vision.transformer),
        (Tower::Text, clip.config.text.transformer),
    ]
}

/// Low-rank adapters beside projections of attention.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LowRankAdapters {
    rank: usize,
    alpha: f64,
}

impl AdapterKind for LowRankAdapters {
    type Key = ParameterKey;

    fn adapters(&self, clip: &Clip, matrices: &Parameters) -> Adapters {
        let scale = (self.alpha / self.rank as f64) as f32;
        let of = |tower, layers| Adapter::assemble(matrices, tower, layers, scale);
        Adapters {
            vision: of(Tower::Vision, clip.vision.layers()),
            text: of(Tower::Text, clip.text.layers()),
        }
    }

    fn squared_norms(&self, adapters: &Adapters) -> Vec<(Tower, usize, Projection, Tensor<2>)> {
        let towers = [(Tower::Vision, &adapters.vision), (Tower::Text, &adapters.text)];
        towers
            .into_iter()
            .flat_map(|(tower, adapter)| {
                let low_ranks = adapter.iter().flat_map(Adapter::low_ranks);
                low_ranks.map(move |(block, projection, low_rank)| (tower, block, projection, low_rank.squared_norm()))
            })
            .collect()
    }

    fn trained<'a>(&self, matrices: &'a Parameters) -> Option<TrainedAdapter<'a>> {
        Some(TrainedAdapter {
            parameters: matrices,
            rank: self.rank,
            alpha: self.alpha,
        })
    }
}

/// A run of TTL.
pub type Ttl = Tail<LowRankAdapters>;

impl Ttl {
    /// Adapters with first values drawn from the seed: `A` Xavier normal, `B` zero.
    ///
    /// # Errors
    /// [`crate::Error::OptionInvalid`].
    pub fn new(
        clip: Arc<Clip>,
        texts: Texts,
        options: &TtlOptions,
        alignment: Option<Alignment>,
        seed: u64,
    ) -> Result<Self> {
        options.check(&clip)?;
        let initial = draw_parameters(&clip, options, seed)?;
        Ok(Self::with_parameters(clip, texts, options, alignment, initial))
    }

    /// Adapters with given first values, which `options` fits.
    #[must_use]
    pub fn with_parameters(
        clip: Arc<Clip>,
        texts: Texts,
        options: &TtlOptions,
        alignment: Option<Alignment>,
        initial: Parameters,
    ) -> Self {
        let kind = LowRankAdapters {
            rank: options.rank,
            alpha: options.alpha,
        };
        let settings = options.settings(&clip);
        Self::with_matrices(clip, texts, kind, settings, alignment, initial)
    }
}

/// `A` Xavier normal, `B` zero (`torch.nn.init.xavier_normal_`).
fn draw_parameters(clip: &Clip, options: &TtlOptions, seed: u64) -> Result<Parameters> {
    let mut random = random(seed, Stream::Adapter);
    let device = clip.device.tensor_device();
    let rank = options.rank;
    let mut parameters = Parameters::new();
    for (tower, TransformerConfig { layers, width, .. }) in towers(clip) {
        if !options.encoder.has(tower) {
            continue;
        }
        let normal = xavier(width, rank)?;
        for block in options.first_of(layers)..layers {
            for projection in Projection::ALL
                .into_iter()
                .filter(|projection| options.targets.contains(projection))
            {
                let values: Vec<f32> = (0..rank * width).map(|_| normal.sample(&mut random) as f32).collect();
                let a = Tensor::from_data(TensorData::new(values, [rank, width]), device);
                let b = Tensor::zeros([width, rank], device);
                for (factor, value) in [(Factor::A, a), (Factor::B, b)] {
                    let key = ParameterKey {
                        tower,
                        block,
                        projection,
                        factor,
                    };
                    parameters.insert(key, value);
                }
            }
        }
    }
    Ok(parameters)
}

/// Xavier's normal distribution for a matrix between `input` and `output` values: standard deviation
/// `sqrt(2 / (input + output))`.
pub(super) fn xavier(input: usize, output: usize) -> Result<Normal<f64>> {
    let deviation = (2.0 / (input + output) as f64).sqrt();
    Normal::new(0.0, deviation).map_err(|error| invalid("rank", output, error.to_string()))
}

/// TTL in the list of methods.
pub struct TtlMethod;

impl Method for TtlMethod {
    fn description(&self) -> MethodDescription {
        MethodDescription {
            name: "ttl",
            title: "TTL",
            paper: Some(Paper {
                authors: "Raza Imam, Hanan Gani, Muhammad Huzaifa, Karthik Nandakumar",
                title: "Test-Time Low Rank Adaptation via Confidence Maximization for Zero-Shot Generalization of Vision-Language Models",
                year: 2025,
                url: "https://arxiv.org/abs/2407.15913",
            }),
            summary: "Trains low-rank adapters in the last blocks on the weighted entropy of the picture's views.",
            kind: MethodKind::Gradient,
            needs_statistics: false,
            options: TtlOptions::descriptions(),
        }
    }

    fn trains_adapter(&self) -> bool {
        true
    }

    fn check(&self, options: &Options, clip: &Clip) -> Result<()> {
        read::<TtlOptions>(options)?.check(clip)
    }

    fn begin(&self, options: &Options, setting: Setting) -> Result<Box<dyn Adaptation>> {
        let (clip, seed) = (Arc::clone(&setting.clip), setting.seed);
        Ok(Box::new(Ttl::new(
            clip,
            setting.into_texts(),
            &read(options)?,
            None,
            seed,
        )?))
    }
}
