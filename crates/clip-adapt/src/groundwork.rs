//! What comes before any method: views, the labels' features, the trunk, and the prediction without adaptation, a bounded
//! piece at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::Tensor;
use clip_model::clip::Clip;
use clip_model::picture::Picture;
use clip_model::pixels;
use web_time::Instant;

use crate::entropy;
use crate::error::{Error, Result};
use crate::label_encoding::{LabelCache, LabelEncoding};
use crate::labels::{LabelSet, Prompts, mean_features};
use crate::methods::Setting;
use crate::options::ViewOptions;
use crate::readback::{read_rows, read_values};
use crate::report::{EpisodeTiming, GroundworkEvent};
use crate::session::{check_logits, milliseconds};
use crate::source::SourceStatistics;
use crate::views::{self, ViewBox};

/// Views and texts on their way through the towers.
pub(crate) struct Groundwork {
    pub(crate) clip: Arc<Clip>,
    pub(crate) picture: Arc<Picture>,
    pub(crate) boxes: Vec<ViewBox>,
    options: ViewOptions,
    cache: LabelCache,
    statistics: Option<Arc<SourceStatistics>>,
    /// All label sets that are needed. One that stands among the first twice counts twice in their mean.
    prompts: Vec<Prompts>,
    /// Those that the prediction without adaptation takes the mean of.
    first_prompts: Vec<Prompts>,
    sets: Vec<LabelSet>,
    encoding: Option<LabelEncoding>,
    phase: Phase,
    /// By the number of blocks that they went through, the tokens `[views, tokens, width]` of each chunk of views. What is kept
    /// is said once it is known what is done with the views.
    tokens: BTreeMap<usize, Vec<Tensor<3>>>,
    /// Logits of the centre view.
    zero_shot: Vec<f32>,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Drawn,
    Labels,
    Encoding,
    ZeroShot,
    Over,
}

impl Groundwork {
    /// `prompts` are all label sets that are needed; the prediction without adaptation takes the mean of `first_prompts`.
    pub(crate) fn new(
        clip: Arc<Clip>,
        cache: LabelCache,
        statistics: Option<Arc<SourceStatistics>>,
        picture: Arc<Picture>,
        first_prompts: Vec<Prompts>,
        prompts: Vec<Prompts>,
        options: ViewOptions,
    ) -> Self {
        let boxes = views::draw(
            &picture,
            &clip.preprocessing,
            options.views,
            options.crop_scale,
            options.seed,
        );
        let mut all = first_prompts.clone();
        for set in prompts {
            if !all.contains(&set) {
                all.push(set);
            }
        }
        Self {
            clip,
            picture,
            boxes,
            options,
            cache,
            statistics,
            prompts: all,
            first_prompts,
            sets: Vec::new(),
            encoding: None,
            phase: Phase::Drawn,
            tokens: BTreeMap::new(),
            zero_shot: Vec::new(),
        }
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Whether the labels' features are there, but [`Groundwork::keep`] hasn't been called.
    pub(crate) fn wants_depths(&self) -> bool {
        self.phase == Phase::Encoding && self.tokens.is_empty()
    }

    /// Says after how many blocks the views' tokens are wanted; a view goes through each block once, however many want it.
    pub(crate) fn keep(&mut self, depths: impl IntoIterator<Item = usize>) {
        self.tokens = depths.into_iter().map(|blocks| (blocks, Vec::new())).collect();
    }

    /// Gives up the tokens of depths that nobody wants any more.
    pub(crate) fn forget(&mut self, mut is_wanted: impl FnMut(usize) -> bool) {
        self.tokens.retain(|&blocks, _| is_wanted(blocks));
    }

    /// The chunks of views that are encoded, after so many blocks.
    pub(crate) fn tokens(&self, blocks: usize) -> &[Tensor<3>] {
        self.tokens.get(&blocks).map_or(&[], Vec::as_slice)
    }

    /// The centre view's logits without adaptation; empty before they are there.
    pub(crate) fn zero_shot(&self) -> &[f32] {
        &self.zero_shot
    }

    /// The first of the prompts that the prediction without adaptation takes the mean of.
    pub(crate) fn first_prompts(&self) -> Option<&Prompts> {
        self.first_prompts.first()
    }

    /// What a method is given that takes the mean over these prompts.
    ///
    /// # Errors
    /// [`Error::EpisodeRunning`] before the labels are encoded.
    pub(crate) fn setting(&self, prompts: &[Prompts]) -> Result<Setting> {
        Ok(Setting {
            clip: Arc::clone(&self.clip),
            picture: Arc::clone(&self.picture),
            prompts: prompts.to_vec(),
            text_features: self.text_features(prompts)?,
            seed: self.options.seed,
            statistics: self.statistics.clone(),
        })
    }

    fn text_features(&self, prompts: &[Prompts]) -> Result<Tensor<2>> {
        let features = prompts
            .iter()
            .map(|prompts| self.sets.iter().find(|set| set.prompts == *prompts))
            .map(|set| set.map(|set| set.features.clone()).ok_or(Error::EpisodeRunning))
            .collect::<Result<Vec<_>>>()?;
        mean_features(features)
    }

    /// Does the next piece of work and says what it was.
    ///
    /// # Errors
    /// Those of the model and the device.
    pub(crate) async fn advance(&mut self, timing: &mut EpisodeTiming) -> Result<GroundworkEvent> {
        let start = Instant::now();
        match self.phase {
            Phase::Drawn => {
                self.phase = Phase::Labels;
                Ok(GroundworkEvent::Drawn {
                    views: self.boxes.clone(),
                })
            }
            Phase::Labels => {
                let event = self.encode_labels();
                timing.text += milliseconds(start);
                event
            }
            Phase::Encoding => self.encode_views(timing).await,
            Phase::ZeroShot => {
                let event = self.predict_zero_shot().await;
                timing.trunk += milliseconds(start);
                event
            }
            Phase::Over => Err(Error::EpisodeOver),
        }
    }

    fn encode_labels(&mut self) -> Result<GroundworkEvent> {
        if let Some(prompts) = self.prompts.get(self.sets.len()) {
            let encoding = self
                .encoding
                .get_or_insert_with(|| LabelEncoding::new(Arc::clone(&self.clip), self.cache.clone(), prompts.clone()));
            if let Some(set) = encoding.advance_to_set()? {
                // What is half done, where somebody else was quicker, must not pass for the next set.
                self.encoding = None;
                self.sets.push(set);
            }
        }
        let size = |prompts: &Prompts| prompts.labels.len();
        let under_way = self.encoding.as_ref().map_or(0, LabelEncoding::done);
        if self.sets.len() == self.prompts.len() {
            self.phase = Phase::Encoding;
        }
        Ok(GroundworkEvent::Labels {
            labels_done: self.sets.iter().map(|set| size(&set.prompts)).sum::<usize>() + under_way,
            labels_total: self.prompts.iter().map(size).sum(),
        })
    }

    fn views_done(&self) -> usize {
        let chunks = self.tokens.values().next();
        chunks.map_or(0, |chunks| chunks.iter().map(|chunk| chunk.dims()[0]).sum())
    }

    async fn encode_views(&mut self, timing: &mut EpisodeTiming) -> Result<GroundworkEvent> {
        let start = Instant::now();
        let first = self.views_done();
        let preprocessing = &self.clip.preprocessing;
        let mut values = Vec::new();
        for (index, view) in self.boxes.iter().enumerate().skip(first).take(self.options.chunk_views) {
            let pixels = views::render(&self.picture, preprocessing, index, view)?;
            values.extend(pixels::normalise(&pixels, preprocessing));
        }
        timing.views += milliseconds(start);
        let start = Instant::now();
        let vision = &self.clip.vision;
        let mut tokens = vision.trunk(self.clip.upload_views(values)?, 0)?;
        let mut passed = 0;
        for (&blocks, chunks) in &mut self.tokens {
            tokens = vision.advance(tokens, passed, blocks);
            passed = blocks;
            chunks.push(tokens.clone());
        }
        wait_for(&tokens, "encoding views").await?;
        timing.trunk += milliseconds(start);
        self.phase = if first == 0 {
            Phase::ZeroShot
        } else {
            self.after_encoding()
        };
        Ok(GroundworkEvent::Encoding {
            views_done: self.views_done(),
            views_total: self.boxes.len(),
        })
    }

    async fn predict_zero_shot(&mut self) -> Result<GroundworkEvent> {
        let deepest = self.tokens.last_key_value();
        let Some((&blocks, Some(chunk))) = deepest.map(|(blocks, chunks)| (blocks, chunks.first())) else {
            return Err(Error::EpisodeOver);
        };
        let centre = chunk.clone().narrow(0, 0, 1);
        let features = self.clip.vision.tail(centre, blocks, None);
        let text = self.text_features(&self.first_prompts)?;
        self.zero_shot = read_rows(vec![self.clip.logits(features, text)], "prediction").await?;
        check_logits(&self.zero_shot)?;
        self.phase = self.after_encoding();
        Ok(GroundworkEvent::ZeroShot {
            probabilities: entropy::softmax(&self.zero_shot),
            entropy: entropy::entropy(&self.zero_shot),
        })
    }

    fn after_encoding(&self) -> Phase {
        if self.views_done() < self.boxes.len() {
            Phase::Encoding
        } else {
            Phase::Over
        }
    }
}

/// Reading one number back waits for the device, so that progress is real and the queue stays short.
async fn wait_for(tokens: &Tensor<3>, operation: &'static str) -> Result<()> {
    let first = tokens.clone().narrow(0, 0, 1).narrow(1, 0, 1).narrow(2, 0, 1);
    read_values(first, operation).await.map(|_| ())
}
