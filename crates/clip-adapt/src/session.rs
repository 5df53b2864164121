//! A loaded model, and the label set that it was last asked about.

use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Tensor;
use clip_model::clip::Clip;
use clip_model::lora::Adapter;
use clip_model::picture::Picture;
use clip_model::pixels;
use clip_model::tokenizer::Tokenizer;
use web_time::Instant;

use crate::adapter::{AdapterFiles, Adapters};
use crate::comparison::{Choice, CompareRequest, Comparison};
use crate::entropy;
use crate::episode::Episode;
use crate::error::{Error, Result};
use crate::groundwork::Groundwork;
use crate::label_encoding::{LabelCache, LabelEncoding};
use crate::labels::{LabelSet, Prompts, TextEncoder};
use crate::methods;
use crate::options::{ViewOptions, check};
use crate::readback::read_rows;
use crate::report::{Classification, ClassificationTiming, Score};
use crate::setup::Setup;
use crate::source::SourceStatistics;

/// A loaded model that pictures are shown to.
pub struct Session {
    model: String,
    clip: Arc<Clip>,
    tokenizer: Tokenizer,
    cache: LabelCache,
    statistics: Mutex<Option<Arc<SourceStatistics>>>,
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
            statistics: Mutex::default(),
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
        self.classify_with(picture, labels, template, &Adapters::default())
            .await
    }

    /// As [`Session::classify`], with a trained adapter in place.
    ///
    /// # Errors
    /// Besides those of [`Session::classify`], those of [`AdapterFiles::read`].
    pub async fn classify_with_adapter(
        &self,
        picture: &Picture,
        labels: &[String],
        template: &str,
        files: &AdapterFiles,
    ) -> Result<Classification> {
        self.classify_with(picture, labels, template, &files.read(&self.clip)?)
            .await
    }

    /// Begins to encode labels ahead of [`Session::classify`], which then finds them encoded. Nothing is computed before
    /// [`LabelEncoding::advance`].
    ///
    /// # Errors
    /// Those of [`Prompts::new`].
    pub fn encode(&self, labels: &[String], template: &str) -> Result<LabelEncoding> {
        Ok(self.encoding(self.prompts(labels, template)?))
    }

    fn encoding(&self, prompts: Prompts) -> LabelEncoding {
        LabelEncoding::new(Arc::clone(&self.clip), self.cache.clone(), prompts)
    }

    async fn classify_with(
        &self,
        picture: &Picture,
        labels: &[String],
        template: &str,
        adapters: &Adapters,
    ) -> Result<Classification> {
        let start = Instant::now();
        let set = self.encode_labels(self.prompts(labels, template)?, adapters.text.as_ref())?;
        let text_ms = milliseconds(start);
        let features = self.centre_features(picture, adapters.vision.as_ref())?;
        let logits = read_rows(vec![self.clip.logits(features, set.features)], "classification").await?;
        check_logits(&logits)?;
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
        read_rows(vec![self.centre_features(picture, None)?], "image features").await
    }

    /// `[1, projection]`
    fn centre_features(&self, picture: &Picture, adapter: Option<&Adapter>) -> Result<Tensor<2>> {
        let Clip {
            preprocessing, vision, ..
        } = &*self.clip;
        let view = pixels::centre_view(picture, preprocessing)?;
        let pixels = self.clip.upload_views(pixels::normalise(&view, preprocessing))?;
        let trunk = adapter.map_or(vision.layers(), |adapter| adapter.first_block);
        Ok(vision.tail(vision.trunk(pixels, trunk)?, trunk, adapter))
    }

    /// Says what the model's tokens are like for source pictures, to what is started afterwards.
    pub fn set_statistics(&self, statistics: Option<SourceStatistics>) {
        *self.statistics.lock().unwrap_or_else(PoisonError::into_inner) = statistics.map(Arc::new);
    }

    fn statistics(&self) -> Option<Arc<SourceStatistics>> {
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins to adapt to a picture. Nothing is computed before [`Episode::advance`].
    ///
    /// # Errors
    /// Those of [`Prompts::new`]; [`Error::LabelsTooFew`] for one label; [`Error::OptionInvalid`] for what the model doesn't
    /// allow; [`Error::StatisticsMissing`].
    pub fn start(&self, picture: Arc<Picture>, labels: &[String], template: &str, setup: Setup) -> Result<Episode> {
        let prompts = self.adaptable_prompts(labels, template, setup.templates())?;
        setup.check(&self.clip, self.statistics().is_some())?;
        let groundwork = self.groundwork(picture, prompts.clone(), Vec::new(), setup.views.clone());
        Ok(Episode::new(self.model.clone(), setup, prompts, groundwork))
    }

    /// Begins to run several methods on a picture. Nothing is computed before [`Comparison::advance`].
    ///
    /// # Errors
    /// Those of [`Prompts::new`]; [`Error::LabelsTooFew`] for one label; [`Error::MethodUnknown`]; [`Error::OptionInvalid`];
    /// [`Error::OptionUnknown`].
    pub fn compare(
        &self,
        picture: Arc<Picture>,
        labels: &[String],
        template: &str,
        request: &CompareRequest,
    ) -> Result<Comparison> {
        let first = self.adaptable_prompts(labels, template, &[])?;
        let mut setups = Vec::with_capacity(request.methods.len());
        for Choice { method, options } in &request.methods {
            // Options of the views are none of a single method here.
            check(&methods::describe(methods::find(method)?).options, options)?;
            let setup = Setup::new(method, options)?.with_views(request.views.clone());
            // Statistics that are missing are an outcome of the method.
            setup.check(&self.clip, true)?;
            let prompts = self.adaptable_prompts(labels, template, setup.templates())?;
            setups.push((setup, prompts));
        }
        let all = setups.iter().flat_map(|(_, prompts)| prompts.clone()).collect();
        let groundwork = self.groundwork(picture, first, all, request.views.clone());
        Ok(Comparison::new(
            self.model.clone(),
            groundwork,
            setups,
            request.views.seed,
        ))
    }

    fn groundwork(
        &self,
        picture: Arc<Picture>,
        first: Vec<Prompts>,
        all: Vec<Prompts>,
        views: ViewOptions,
    ) -> Groundwork {
        let (clip, statistics) = (Arc::clone(&self.clip), self.statistics());
        Groundwork::new(clip, self.cache.clone(), statistics, picture, first, all, views)
    }

    /// The prompts of the template and of further ones.
    fn adaptable_prompts(&self, labels: &[String], template: &str, further: &[String]) -> Result<Vec<Prompts>> {
        let mut prompts = vec![self.prompts(labels, template)?];
        for template in further {
            prompts.push(self.prompts(labels, template)?);
        }
        match prompts.first() {
            Some(first) if first.labels.len() < 2 => Err(Error::LabelsTooFew {
                count: first.labels.len(),
            }),
            _ => Ok(prompts),
        }
    }

    fn prompts(&self, labels: &[String], template: &str) -> Result<Prompts> {
        Prompts::new(labels, template, &self.tokenizer, self.clip.text.context_length())
    }

    /// With an adapter the features are of this one call, and neither taken from the cache nor put there.
    fn encode_labels(&self, prompts: Prompts, adapter: Option<&Adapter>) -> Result<LabelSet> {
        if adapter.is_none() {
            let mut encoding = self.encoding(prompts);
            loop {
                if let Some(set) = encoding.advance_to_set()? {
                    return Ok(set);
                }
            }
        }
        let mut encoder = TextEncoder::new(prompts);
        loop {
            encoder.advance(&self.clip, adapter)?;
            if let Some(set) = encoder.set() {
                return Ok(set);
            }
        }
    }
}

/// Refuses logits of which no prediction can be made, as weights or an adapter of enormous numbers give them.
pub(crate) fn check_logits(logits: &[f32]) -> Result<()> {
    match logits.iter().filter(|logit| !logit.is_finite()).count() {
        0 => Ok(()),
        count => Err(Error::Model(clip_model::Error::TensorNotFinite {
            tensor: "logits".to_owned(),
            count,
        })),
    }
}

/// Milliseconds since `start`.
pub(crate) fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
