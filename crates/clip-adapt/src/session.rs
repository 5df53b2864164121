//! A loaded model, and the label set that it was last asked about.

use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Tensor;
use clip_model::clip::Clip;
use clip_model::picture::Picture;
use clip_model::pixels;
use clip_model::tokenizer::Tokenizer;
use web_time::Instant;

use crate::entropy;
use crate::episode::Episode;
use crate::error::{Error, Result};
use crate::labels::{LabelSet, Prompts, TextEncoder};
use crate::options::TtlOptions;
use crate::readback::read_rows;
use crate::report::{Classification, ClassificationTiming, Score};

/// The text features of the last label set: the text tower runs once for each set, however many pictures follow.
#[derive(Clone, Default)]
pub(crate) struct LabelCache(Arc<Mutex<Option<LabelSet>>>);

impl LabelCache {
    pub(crate) fn get(&self, prompts: &Prompts) -> Option<LabelSet> {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cached.as_ref().filter(|set| set.prompts == *prompts).cloned()
    }

    pub(crate) fn put(&self, set: &LabelSet) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(set.clone());
    }
}

/// A loaded model that pictures are shown to.
pub struct Session {
    model: String,
    clip: Arc<Clip>,
    tokenizer: Tokenizer,
    cache: LabelCache,
}

impl Session {
    /// A session with a loaded model; `model` is its name in reports.
    #[must_use]
    pub fn new(model: String, clip: Clip) -> Self {
        Self {
            model,
            clip: Arc::new(clip),
            tokenizer: Tokenizer::new(),
            cache: LabelCache::default(),
        }
    }

    /// The model.
    #[must_use]
    pub fn clip(&self) -> &Arc<Clip> {
        &self.clip
    }

    /// Its name.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Predicts which label fits the picture's centre view, without adaptation.
    ///
    /// # Errors
    /// Those of [`Prompts::new`], of the preprocessing, and of the device.
    pub async fn classify(&self, picture: &Picture, labels: &[String], template: &str) -> Result<Classification> {
        let start = Instant::now();
        let set = self.encode_labels(self.prompts(labels, template)?)?;
        let text_ms = milliseconds(start);
        let features = self.centre_features(picture)?;
        let logits = read_rows(vec![self.clip.logits(features, set.features)], "classification").await?;
        let total_ms = milliseconds(start);
        let device = &self.clip.device;
        Ok(Classification {
            model: self.model.clone(),
            device: device.kind().as_str().to_owned(),
            device_name: device.name().to_owned(),
            template: set.prompts.template,
            scores: Score::list(&set.prompts.labels, &entropy::softmax(&logits)),
            entropy: entropy::entropy(&logits),
            warnings: set.prompts.warnings,
            timing_ms: ClassificationTiming {
                text: text_ms,
                image: total_ms - text_ms,
                total: total_ms,
            },
        })
    }

    /// The features of the picture's centre view, without adaptation and not normalised: `projection` values.
    ///
    /// # Errors
    /// Those of the preprocessing and of the device.
    pub async fn image_features(&self, picture: &Picture) -> Result<Vec<f32>> {
        read_rows(vec![self.centre_features(picture)?], "image features").await
    }

    /// `[1, projection]`
    fn centre_features(&self, picture: &Picture) -> Result<Tensor<2>> {
        let Clip {
            preprocessing, vision, ..
        } = &*self.clip;
        let view = pixels::centre_view(picture, preprocessing)?;
        let pixels = self.clip.upload_views(pixels::normalise(&view, preprocessing))?;
        // The last block computes the class token alone.
        let before_last = vision.layers().saturating_sub(1);
        Ok(vision.tail(vision.trunk(pixels, before_last)?, before_last, None))
    }

    /// Begins to adapt to a picture. Nothing is computed before [`Episode::advance`].
    ///
    /// # Errors
    /// Those of [`Prompts::new`] and [`TtlOptions::validate`]; [`Error::LabelsTooFew`] for one label.
    pub fn start(
        &self,
        picture: Arc<Picture>,
        labels: &[String],
        template: &str,
        options: TtlOptions,
    ) -> Result<Episode> {
        let prompts = self.prompts(labels, template)?;
        if prompts.labels.len() < 2 {
            return Err(Error::LabelsTooFew {
                count: prompts.labels.len(),
            });
        }
        let transformer = self.clip.config.vision.transformer;
        options.validate(transformer.layers, transformer.width)?;
        Ok(Episode::new(
            self.model.clone(),
            Arc::clone(&self.clip),
            self.cache.clone(),
            picture,
            prompts,
            options,
        ))
    }

    fn prompts(&self, labels: &[String], template: &str) -> Result<Prompts> {
        Prompts::new(labels, template, &self.tokenizer, self.clip.text.context_length())
    }

    fn encode_labels(&self, prompts: Prompts) -> Result<LabelSet> {
        if let Some(set) = self.cache.get(&prompts) {
            return Ok(set);
        }
        let mut encoder = TextEncoder::new(prompts);
        while encoder.progress().0 < encoder.progress().1 {
            encoder.advance(&self.clip)?;
        }
        let set = encoder.finish();
        self.cache.put(&set);
        Ok(set)
    }
}

/// Milliseconds since `start`.
pub(crate) fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
