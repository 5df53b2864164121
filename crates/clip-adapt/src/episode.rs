//! Runs a method over one picture, a bounded piece of work at a time.
//!
//! Labels -> views and trunk, in chunks -> prediction without adaptation -> updates, each over all chunks ->
//! the views once more -> report. The host calls [`Episode::advance`] until it gives [`Event::Done`]; whatever it does
//! in between (drawing, looking for a cancellation) happens between chunks. Dropping the episode cancels it.

mod summary;

use std::sync::Arc;

use burn::tensor::Tensor;
use clip_model::clip::Clip;
use clip_model::picture::Picture;
use clip_model::pixels;
use web_time::Instant;

use crate::entropy;
use crate::error::{Error, Result};
use crate::labels::{LabelSet, Prompts, TextEncoder};
use crate::methods::ttl::Ttl;
use crate::options::TtlOptions;
use crate::readback::{read_rows, read_values};
use crate::report::{EpisodeTiming, Event, FinalState, StepReport, Stopped};
use crate::session::{LabelCache, milliseconds};
use crate::statistics::{ViewStatistics, singles};
use crate::views::{self, ViewBox};

/// One picture being adapted to.
pub struct Episode {
    model: String,
    clip: Arc<Clip>,
    cache: LabelCache,
    picture: Arc<Picture>,
    prompts: Prompts,
    options: TtlOptions,
    boxes: Vec<ViewBox>,
    phase: Phase,
    /// There once the text features are.
    method: Option<Ttl>,
    zero_shot: Vec<f32>,
    steps: Vec<StepReport>,
    after: Vec<f32>,
    final_entropies: Vec<f32>,
    final_state: Option<FinalState>,
    stopped: Option<Stopped>,
    failed: bool,
    timing: EpisodeTiming,
}

enum Phase {
    Drawn,
    Labels(TextEncoder),
    Encoding,
    ZeroShot,
    Stepping {
        chunk: usize,
        logits: Vec<Tensor<2>>,
        spent_ms: f64,
    },
    Measuring {
        chunk: usize,
        logits: Vec<Tensor<2>>,
    },
    Over,
}

impl Episode {
    pub(crate) fn new(
        model: String,
        clip: Arc<Clip>,
        cache: LabelCache,
        picture: Arc<Picture>,
        prompts: Prompts,
        options: TtlOptions,
    ) -> Self {
        let boxes = views::draw(
            &picture,
            &clip.preprocessing,
            options.views,
            options.crop_scale,
            options.seed,
        );
        Self {
            phase: Phase::Drawn,
            model,
            clip,
            cache,
            picture,
            prompts,
            options,
            boxes,
            method: None,
            zero_shot: Vec::new(),
            steps: Vec::new(),
            after: Vec::new(),
            final_entropies: Vec::new(),
            final_state: None,
            stopped: None,
            failed: false,
            timing: EpisodeTiming::default(),
        }
    }

    /// Does the next piece of work and says what it was. After an error the episode is over.
    ///
    /// # Errors
    /// Those of the model and the device; [`Error::EpisodeOver`] after [`Event::Done`].
    pub async fn advance(&mut self) -> Result<Event> {
        let start = Instant::now();
        let event = self.work(start).await.inspect_err(|_| self.failed = true)?;
        self.timing.total += milliseconds(start);
        Ok(match event {
            Some(event) => event,
            // Made last, so that it holds the whole time.
            None => Event::Done(Box::new(self.report())),
        })
    }

    /// One piece of work; `None` where it was the last.
    async fn work(&mut self, start: Instant) -> Result<Option<Event>> {
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        Ok(match phase {
            Phase::Drawn => {
                self.phase = Phase::Labels(TextEncoder::new(self.prompts.clone()));
                Some(Event::Drawn {
                    views: self.boxes.clone(),
                })
            }
            Phase::Labels(encoder) => {
                let event = self.encode_labels(encoder)?;
                self.timing.text += milliseconds(start);
                event
            }
            Phase::Encoding => self.encode_views().await?,
            Phase::ZeroShot => {
                let event = self.predict_zero_shot().await?;
                self.timing.trunk += milliseconds(start);
                event
            }
            Phase::Stepping {
                chunk,
                logits,
                spent_ms,
            } => {
                let event = self.step(chunk, logits, spent_ms, start).await?;
                self.timing.steps += milliseconds(start);
                event
            }
            Phase::Measuring { chunk, logits } => {
                let event = self.measure(chunk, logits).await?;
                self.timing.measure += milliseconds(start);
                event
            }
            Phase::Over => return Err(Error::EpisodeOver),
        })
    }

    /// Goes on from where it ended with so many more updates.
    ///
    /// # Errors
    /// [`Error::EpisodeRunning`] before its end; [`Error::EpisodeOver`] where it was stopped or failed;
    /// [`Error::OptionInvalid`] for too many.
    pub fn extend(&mut self, steps: usize) -> Result<()> {
        if !matches!(self.phase, Phase::Over) {
            return Err(Error::EpisodeRunning);
        }
        if self.failed || self.stopped.is_some() {
            return Err(Error::EpisodeOver);
        }
        let transformer = self.clip.config.vision.transformer;
        let options = TtlOptions {
            steps: self.steps.len().saturating_add(steps),
            ..self.options.clone()
        };
        options.validate(transformer.layers, transformer.width)?;
        self.options = options;
        self.final_state = None;
        self.final_entropies.clear();
        self.phase = self.next_step();
        Ok(())
    }

    /// Puts the adapters' first values back: the prediction is the one without adaptation again. The views stay
    /// encoded, so [`Episode::extend`] starts anew without the trunk.
    ///
    /// # Errors
    /// [`Error::EpisodeRunning`] before its end; [`Error::EpisodeOver`] where it failed.
    pub fn reset(&mut self) -> Result<()> {
        if !matches!(self.phase, Phase::Over) {
            return Err(Error::EpisodeRunning);
        }
        if self.failed {
            return Err(Error::EpisodeOver);
        }
        if let Some(method) = &mut self.method {
            method.reset();
        }
        self.options.steps = 0;
        self.steps.clear();
        self.after = self.zero_shot.clone();
        self.final_state = None;
        self.final_entropies.clear();
        self.stopped = None;
        Ok(())
    }

    /// The logits of the centre view with the adapters as they are, in the order of the labels.
    ///
    /// # Errors
    /// [`Error::EpisodeRunning`] before the views are encoded; those of the device.
    pub async fn logits(&self) -> Result<Vec<f32>> {
        let prediction = self
            .method
            .as_ref()
            .and_then(Ttl::predict)
            .ok_or(Error::EpisodeRunning)?;
        read_rows(vec![prediction], "prediction").await
    }

    /// The logits of the centre view without adaptation, in the order of the labels; empty before they are computed.
    #[must_use]
    pub fn zero_shot_logits(&self) -> &[f32] {
        &self.zero_shot
    }

    /// The adaptation itself, once the labels are encoded.
    #[must_use]
    pub fn method(&self) -> Option<&Ttl> {
        self.method.as_ref()
    }

    fn encode_labels(&mut self, mut encoder: TextEncoder) -> Result<Option<Event>> {
        let labels_total = self.prompts.labels.len();
        if let Some(set) = self.cache.get(&self.prompts) {
            self.begin_views(set)?;
            return Ok(Some(Event::Labels {
                labels_done: labels_total,
                labels_total,
            }));
        }
        encoder.advance(&self.clip)?;
        let (labels_done, _) = encoder.progress();
        if labels_done < labels_total {
            self.phase = Phase::Labels(encoder);
        } else {
            let set = encoder.finish();
            self.cache.put(&set);
            self.begin_views(set)?;
        }
        Ok(Some(Event::Labels {
            labels_done,
            labels_total,
        }))
    }

    fn begin_views(&mut self, set: LabelSet) -> Result<()> {
        self.method = Some(Ttl::new(Arc::clone(&self.clip), set.features, self.options.clone())?);
        self.phase = Phase::Encoding;
        Ok(())
    }

    async fn encode_views(&mut self) -> Result<Option<Event>> {
        let Some(method) = &mut self.method else {
            return Err(Error::EpisodeOver);
        };
        let start = Instant::now();
        let first = method.views();
        let preprocessing = &self.clip.preprocessing;
        let mut values = Vec::new();
        for (index, view) in self.boxes.iter().enumerate().skip(first).take(self.options.chunk_views) {
            let pixels = views::render(&self.picture, preprocessing, index, view)?;
            values.extend(pixels::normalise(&pixels, preprocessing));
        }
        self.timing.views += milliseconds(start);
        let start = Instant::now();
        let tokens = self
            .clip
            .vision
            .trunk(self.clip.upload_views(values)?, method.first_block())?;
        // Reading one number back waits for the device, so that progress is real and the queue stays short.
        read_values(
            tokens.clone().narrow(0, 0, 1).narrow(1, 0, 1).narrow(2, 0, 1),
            "encoding views",
        )
        .await?;
        method.push_tokens(tokens);
        let views_done = method.views();
        self.timing.trunk += milliseconds(start);
        self.phase = if first == 0 {
            Phase::ZeroShot
        } else {
            self.after_encoding()
        };
        Ok(Some(Event::Encoding {
            views_done,
            views_total: self.boxes.len(),
        }))
    }

    async fn predict_zero_shot(&mut self) -> Result<Option<Event>> {
        let Some(method) = &self.method else {
            return Err(Error::EpisodeOver);
        };
        let Some(tokens) = method.centre_tokens() else {
            return Err(Error::EpisodeOver);
        };
        let features = self.clip.vision.tail(tokens, method.first_block(), None);
        self.zero_shot = read_rows(vec![self.clip.logits(features, method.text_features())], "prediction").await?;
        self.after = self.zero_shot.clone();
        self.phase = self.after_encoding();
        Ok(Some(Event::ZeroShot {
            probabilities: entropy::softmax(&self.zero_shot),
            entropy: entropy::entropy(&self.zero_shot),
        }))
    }

    fn unencoded_views(&self) -> usize {
        self.boxes.len() - self.method.as_ref().map_or(0, Ttl::views)
    }

    fn after_encoding(&self) -> Phase {
        if self.unencoded_views() > 0 {
            Phase::Encoding
        } else {
            self.next_step()
        }
    }

    fn next_step(&self) -> Phase {
        if self.steps.len() < self.options.steps {
            Phase::Stepping {
                chunk: 0,
                logits: Vec::new(),
                spent_ms: 0.0,
            }
        } else {
            Phase::Measuring {
                chunk: 0,
                logits: Vec::new(),
            }
        }
    }

    async fn step(
        &mut self,
        chunk: usize,
        mut logits: Vec<Tensor<2>>,
        spent_ms: f64,
        start: Instant,
    ) -> Result<Option<Event>> {
        let Some(method) = &mut self.method else {
            return Err(Error::EpisodeOver);
        };
        logits.extend(method.accumulate(chunk));
        let step = self.steps.len() + 1;
        let chunk = chunk + 1;
        if chunk < method.chunks() {
            let views_done = method.views_in(chunk);
            let event = Event::Stepping {
                step,
                steps: self.options.steps,
                views_done,
                views_total: method.views(),
            };
            self.phase = Phase::Stepping {
                chunk,
                logits,
                spent_ms: spent_ms + milliseconds(start),
            };
            return Ok(Some(event));
        }
        method.update();
        // Everything that the step says comes back in one reading.
        logits.extend(method.predict());
        let mut rows = read_rows(logits, "adaptation step").await?;
        let prediction = rows.split_off(rows.len().saturating_sub(self.prompts.labels.len()));
        let views = ViewStatistics::of(&rows, self.prompts.labels.len(), self.options.margin);
        if !views.loss.is_finite() || prediction.iter().any(|logit| !logit.is_finite()) {
            self.stop(step);
            return Ok(None);
        }
        let report = StepReport {
            step,
            loss: views.loss,
            entropy: views.entropy,
            marginal_entropy: views.marginal_entropy,
            view_entropies: singles(&views.entropies),
            view_weights: singles(&views.weights),
            prediction: entropy::softmax(&prediction),
            prediction_entropy: entropy::entropy(&prediction),
            duration_ms: spent_ms + milliseconds(start),
        };
        self.after = prediction;
        self.steps.push(report.clone());
        self.phase = self.next_step();
        Ok(Some(Event::Step(report)))
    }

    /// A loss that is not a number can't be minimised: the adapters go back, and the answer without adaptation stands.
    fn stop(&mut self, step: usize) {
        if let Some(method) = &mut self.method {
            method.reset();
        }
        self.after = self.zero_shot.clone();
        self.stopped = Some(Stopped {
            step,
            reason: format!(
                "update {step} gave a loss or a prediction that is not a finite number (a smaller learning rate or a larger epsilon may help); the prediction without adaptation was kept"
            ),
        });
        self.phase = Phase::Over;
    }

    async fn measure(&mut self, chunk: usize, mut logits: Vec<Tensor<2>>) -> Result<Option<Event>> {
        let Some(method) = &self.method else {
            return Err(Error::EpisodeOver);
        };
        logits.extend(method.logits(chunk));
        let chunk = chunk + 1;
        if chunk < method.chunks() {
            let views_done = method.views_in(chunk);
            self.phase = Phase::Measuring { chunk, logits };
            return Ok(Some(Event::Measuring {
                views_done,
                views_total: self.boxes.len(),
            }));
        }
        let rows = read_rows(logits, "last look at the views").await?;
        let views = ViewStatistics::of(&rows, self.prompts.labels.len(), self.options.margin);
        self.final_state = Some(FinalState {
            loss: views.loss,
            entropy: views.entropy,
            marginal_entropy: views.marginal_entropy,
        });
        self.final_entropies = singles(&views.entropies);
        Ok(None)
    }
}
