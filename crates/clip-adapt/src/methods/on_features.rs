//! Methods that work on the features of views and labels alone: the towers run once, the rest is arithmetic on the host.

use burn::tensor::Tensor;
use clip_model::clip::Clip;
use clip_model::picture::Picture;
use clip_model::pixels;

use super::adaptation::{Adaptation, LocalFuture, Outcome, Passes, Piece, Prediction, Update};
use super::{Method, MethodDescription, Setting};
use crate::error::Result;
use crate::features::{FeatureSet, entropy};
use crate::options::{MAX_STEPS, Options, invalid};
use crate::readback::read_rows;
use crate::report::{ViewsState, Warning};
use crate::source::SourceStatistics;

/// What a method on features computes from.
pub struct FeatureInput<'a> {
    /// The features of views and labels.
    pub features: &'a FeatureSet,
    /// The features of [`FeatureMethod::further_pictures`]: `[pictures, projection]`, rows of length 1.
    pub further: &'a [f64],
    /// What the model's tokens are for source pictures.
    pub statistics: Option<&'a SourceStatistics>,
    /// Seed of whatever is drawn.
    pub seed: u64,
}

/// One update, or the whole computation of a method that makes none.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureStep {
    /// The objective before it; of a method without one, the entropy of the prediction.
    pub loss: f64,
    /// `[views]`, each view's weight; 0 for one that isn't looked at.
    pub view_weights: Vec<f64>,
    /// `[views, labels]`, the views' logits before it; `None` where they are those of the features as they are.
    pub view_logits: Option<Vec<f64>>,
    /// `[labels]`, what is predicted after it.
    pub probabilities: Vec<f64>,
}

/// The views' state after the last update.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureState {
    /// The objective.
    pub loss: f64,
    /// `[views]`, each view's weight; 0 for one that isn't looked at.
    pub view_weights: Vec<f64>,
    /// `[views, labels]`
    pub view_logits: Vec<f64>,
}

/// What a method does with the features of a picture.
pub enum FeatureComputation {
    /// All of it, of a method that makes no updates.
    Whole(FeatureStep),
    /// The updates of a method that makes some.
    Updates(Box<dyn FeatureUpdates>),
}

/// Updates on the features of a picture, one after another. Whoever makes them gives the same features each time.
pub trait FeatureUpdates {
    /// Makes the next one.
    ///
    /// # Errors
    /// [`crate::Error::FeaturesInvalid`].
    fn update(&mut self, features: &FeatureSet) -> Result<FeatureStep>;

    /// The views after the last one.
    fn state(&self, features: &FeatureSet) -> FeatureState;
}

/// A method on features.
pub trait FeatureMethod: Sync {
    /// What it is called and does, and its options. An option `steps` is the number of updates.
    fn description(&self) -> MethodDescription;

    /// Further pictures to encode, such as pictures without content; `side` is the model's.
    ///
    /// # Errors
    /// Those of [`Picture::from_rgb8`].
    fn further_pictures(&self, _picture: &Picture, _side: u32, _options: &Options) -> Result<Vec<Picture>> {
        Ok(Vec::new())
    }

    /// After how many of the vision tower's `layers` blocks the views' tokens are kept: of all, nothing but the class token is.
    fn first_block(&self, _options: &Options, layers: usize) -> usize {
        layers
    }

    /// Passes of all views through all of the tower's `layers` blocks that [`Self::encode`] makes beyond the plain encoding, which all methods share.
    fn encoding_passes(&self, _setting: &Setting, _options: &Options, _layers: usize) -> f64 {
        0.0
    }

    /// Checks what depends on the model.
    ///
    /// # Errors
    /// [`crate::Error::OptionInvalid`].
    fn check(&self, _options: &Options, _clip: &Clip) -> Result<()> {
        Ok(())
    }

    /// Image features `[views, projection]` from the tokens, a chunk of views each.
    ///
    /// # Errors
    /// [`crate::Error::StatisticsMissing`]; those of the device.
    fn encode(
        &self,
        setting: &Setting,
        _options: &Options,
        first_block: usize,
        tokens: &[Tensor<3>],
    ) -> Result<Vec<Tensor<2>>> {
        Ok(plain_tail(setting, first_block, tokens))
    }

    /// All of a method that makes no updates, or the beginning of one that does.
    ///
    /// # Errors
    /// [`crate::Error::StatisticsMissing`]; [`crate::Error::FeaturesInvalid`].
    fn compute(&self, input: &FeatureInput<'_>, options: &Options) -> Result<FeatureComputation>;

    /// What the user should know of a run with these statistics.
    fn warnings(&self, _statistics: Option<&SourceStatistics>, _options: &Options) -> Vec<Warning> {
        Vec::new()
    }
}

/// Image features `[views, projection]` of each chunk of tokens, without anything beside the tower's blocks.
#[must_use]
pub fn plain_tail(setting: &Setting, first_block: usize, tokens: &[Tensor<3>]) -> Vec<Tensor<2>> {
    let vision = &setting.clip.vision;
    tokens
        .iter()
        .map(|tokens| vision.tail(tokens.clone(), first_block, None))
        .collect()
}

/// Makes a method of a method on features.
#[derive(Debug)]
pub struct OnFeatures<M>(pub M);

impl<M: FeatureMethod + 'static> Method for OnFeatures<M> {
    fn description(&self) -> MethodDescription {
        self.0.description()
    }

    fn check(&self, options: &Options, clip: &Clip) -> Result<()> {
        self.0.check(options, clip)
    }

    fn begin(&'static self, options: &Options, setting: Setting) -> Result<Box<dyn Adaptation>> {
        let description = self.0.description();
        if description.needs_statistics {
            setting.require_statistics(description.name)?;
        }
        let first_block = self.0.first_block(options, setting.clip.vision.layers());
        Ok(Box::new(FeatureRun {
            method: &self.0,
            allowed: updates(options).unwrap_or(1),
            options: options.clone(),
            setting,
            first_block,
            tokens: Vec::new(),
            inputs: None,
            computation: None,
            told: None,
            done: 0,
        }))
    }
}

/// The number of updates that the options ask for; `None` of a method that makes none.
fn updates(options: &Options) -> Option<usize> {
    let steps = options.get("steps")?.as_u64()?;
    usize::try_from(steps).ok()
}

/// A run of a method on features.
struct FeatureRun<M: 'static> {
    method: &'static M,
    options: Options,
    setting: Setting,
    first_block: usize,
    tokens: Vec<Tensor<3>>,
    /// There once they were needed.
    inputs: Option<Inputs>,
    computation: Option<FeatureComputation>,
    /// The last update.
    told: Option<FeatureStep>,
    /// Updates that are made, and may be; the whole computation of a method without updates counts as one.
    done: usize,
    allowed: usize,
}

struct Inputs {
    features: FeatureSet,
    further: Vec<f64>,
    /// Forward passes that they took beside the plain encoding of the views.
    passes: f64,
}

impl<M: FeatureMethod + 'static> FeatureRun<M> {
    async fn inputs(&self) -> Result<Inputs> {
        let Setting {
            clip, text_features, ..
        } = &self.setting;
        let [_, projection] = text_features.dims();
        let mut tensors = self
            .method
            .encode(&self.setting, &self.options, self.first_block, &self.tokens)?;
        let views: usize = tensors.iter().map(|chunk| chunk.dims()[0]).sum();
        let further = self.encode_further()?;
        let further_pictures = further.as_ref().map_or(0, |features| features.dims()[0]);
        tensors.extend(further);
        tensors.push(text_features.clone());
        let values = read_rows(tensors, "features").await?;
        let (image, rest) = values.split_at(values.len().min(views * projection));
        let labels = text_features.dims()[0] * projection;
        let (further, text) = rest.split_at(rest.len().saturating_sub(labels));
        let features = FeatureSet::new(image, text, projection, clip.logit_scale)?;
        let further = if further.is_empty() {
            Vec::new()
        } else {
            // Their rows are made unit rows in the same way.
            FeatureSet::new(further, text, projection, clip.logit_scale)?
                .image()
                .to_vec()
        };
        let passes = self
            .method
            .encoding_passes(&self.setting, &self.options, clip.vision.layers())
            + further_pictures as f64 / views.max(1) as f64;
        Ok(Inputs {
            features,
            further,
            passes,
        })
    }

    /// `[pictures, projection]`; `None` where there are none.
    fn encode_further(&self) -> Result<Option<Tensor<2>>> {
        let Setting { clip, picture, .. } = &self.setting;
        let preprocessing = &clip.preprocessing;
        let pictures = self
            .method
            .further_pictures(picture, preprocessing.crop_size, &self.options)?;
        if pictures.is_empty() {
            return Ok(None);
        }
        let mut values = Vec::new();
        for picture in &pictures {
            let view = pixels::centre_view(picture, preprocessing)?;
            values.extend(pixels::normalise(&view, preprocessing));
        }
        let layers = clip.vision.layers();
        let tokens = clip.vision.trunk(clip.upload_views(values)?, layers)?;
        Ok(Some(clip.vision.tail(tokens, layers, None)))
    }

    async fn advance(&mut self) -> Result<Option<Piece<Update>>> {
        if self.done >= self.allowed {
            return Ok(None);
        }
        let inputs = match self.inputs.take() {
            Some(inputs) => inputs,
            None => self.inputs().await?,
        };
        let inputs = self.inputs.insert(inputs);
        let computation = if let Some(computation) = self.computation.take() {
            computation
        } else {
            let input = FeatureInput {
                features: &inputs.features,
                further: &inputs.further,
                statistics: self.setting.statistics.as_deref(),
                seed: self.setting.seed,
            };
            self.method.compute(&input, &self.options)?
        };
        let step = match self.computation.insert(computation) {
            FeatureComputation::Whole(step) => step.clone(),
            FeatureComputation::Updates(updates) => updates.update(&inputs.features)?,
        };
        let update = Update {
            views: state(
                &inputs.features,
                step.loss,
                &step.view_weights,
                step.view_logits.as_deref(),
            ),
            prediction: Prediction::of_probabilities(&step.probabilities),
            adapter_norms: Vec::new(),
        };
        self.done += 1;
        self.told = Some(step);
        Ok(Some(Piece::Whole(update)))
    }

    async fn look(&mut self) -> Result<Outcome> {
        let inputs = match self.inputs.take() {
            Some(inputs) => inputs,
            None => self.inputs().await?,
        };
        let features = &inputs.features;
        let step = self.told.as_ref();
        let views = match (&self.computation, step) {
            (Some(FeatureComputation::Updates(updates)), Some(_)) => {
                let last = updates.state(features);
                state(features, last.loss, &last.view_weights, Some(&last.view_logits))
            }
            (_, Some(step)) => state(features, step.loss, &step.view_weights, step.view_logits.as_deref()),
            // Nothing was done: no view weighs more than another.
            (_, None) => {
                let even = vec![1.0 / features.views() as f64; features.views()];
                state(features, entropy(features.log_probabilities(0)), &even, None)
            }
        };
        let prediction = step.map_or_else(|| features.zero_shot(), |step| step.probabilities.clone());
        self.inputs = Some(inputs);
        Ok(Outcome {
            views,
            prediction: Prediction::of_probabilities(&prediction),
        })
    }
}

/// What the views say, from `[views, labels]` logits, or from the features where there are none.
fn state(features: &FeatureSet, loss: f64, weights: &[f64], logits: Option<&[f64]>) -> ViewsState {
    let rows: Vec<f32> = match logits {
        Some(logits) => logits.iter().map(|&logit| logit as f32).collect(),
        None => (0..features.views())
            .flat_map(|view| features.logits(view).iter().map(|&logit| logit as f32))
            .collect(),
    };
    ViewsState::of(&rows, features.labels(), |_| (weights.to_vec(), loss))
}

impl<M: FeatureMethod + 'static> Adaptation for FeatureRun<M> {
    fn first_block(&self) -> usize {
        self.first_block
    }

    fn push(&mut self, tokens: Tensor<3>) {
        self.tokens.push(tokens);
    }

    fn step(&mut self) -> LocalFuture<'_, Result<Option<Piece<Update>>>> {
        Box::pin(self.advance())
    }

    fn finish(&mut self) -> LocalFuture<'_, Result<Piece<Outcome>>> {
        Box::pin(async move { Ok(Piece::Whole(self.look().await?)) })
    }

    fn predict(&self) -> LocalFuture<'_, Result<Prediction>> {
        Box::pin(async move {
            let probabilities = match (&self.told, &self.inputs) {
                (Some(step), _) => step.probabilities.clone(),
                (None, Some(inputs)) => inputs.features.zero_shot(),
                (None, None) => self.inputs().await?.features.zero_shot(),
            };
            Ok(Prediction::of_probabilities(&probabilities))
        })
    }

    fn extend(&mut self, steps: usize) -> Result<()> {
        if updates(&self.options).is_some() {
            let steps = self.done.saturating_add(steps);
            if steps > MAX_STEPS {
                return Err(invalid("steps", steps, format!("from 0 to {MAX_STEPS}")));
            }
            self.allowed = steps;
        } else if self.done == 0 {
            self.allowed = 1;
        } else {
            return Err(invalid(
                "steps",
                steps,
                "this method makes no updates that could be added to",
            ));
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.done = 0;
        self.allowed = 0;
        self.computation = None;
        self.told = None;
    }

    fn steps(&self) -> usize {
        self.allowed
    }

    fn warnings(&self) -> Vec<Warning> {
        self.method.warnings(self.setting.statistics.as_deref(), &self.options)
    }

    fn passes(&self) -> Passes {
        Passes {
            forward: self.inputs.as_ref().map_or(0.0, |inputs| inputs.passes),
            backward: 0.0,
        }
    }
}
