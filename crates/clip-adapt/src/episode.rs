//! Runs a method over one picture, a bounded piece of work at a time.
//!
//! Labels -> views and trunk, in chunks -> prediction without adaptation -> updates, each over all chunks ->
//! the views once more -> report. The host calls [`Episode::advance`] until it gives [`Event::Done`]; whatever it does
//! in between (drawing, looking for a cancellation) happens between chunks. Dropping the episode cancels it.

mod summary;

use web_time::Instant;

use crate::adapter::{self, AdapterFiles};
use crate::entropy;
use crate::error::{Error, Result};
use crate::groundwork::Groundwork;
use crate::labels::Prompts;
use crate::methods::adaptation::{Adaptation, Piece, Prediction, Update};
use crate::report::{EpisodeTiming, Event, StepReport, Stopped, ViewsState};
use crate::session::milliseconds;
use crate::setup::Setup;

/// One picture being adapted to.
pub struct Episode {
    model: String,
    setup: Setup,
    /// For each template.
    prompts: Vec<Prompts>,
    groundwork: Groundwork,
    phase: Phase,
    /// There once the text features are.
    run: Option<Box<dyn Adaptation>>,
    /// Chunks of views that the run was given.
    given: usize,
    steps: Vec<StepReport>,
    after: Option<Prediction>,
    final_state: Option<ViewsState>,
    stopped: Option<Stopped>,
    failed: bool,
    timing: EpisodeTiming,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Groundwork,
    Stepping { spent_ms: f64 },
    Measuring,
    Over,
}

impl Episode {
    pub(crate) fn new(model: String, setup: Setup, prompts: Vec<Prompts>, groundwork: Groundwork) -> Self {
        Self {
            model,
            setup,
            prompts,
            groundwork,
            phase: Phase::Groundwork,
            run: None,
            given: 0,
            steps: Vec::new(),
            after: None,
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
        let event = self.work(start).await.inspect_err(|_| {
            self.failed = true;
            self.phase = Phase::Over;
        })?;
        self.timing.total += milliseconds(start);
        Ok(match event {
            Some(event) => event,
            // Made last, so that it holds the whole time.
            None => Event::Done(Box::new(self.report())),
        })
    }

    /// One piece of work; `None` where it was the last.
    async fn work(&mut self, start: Instant) -> Result<Option<Event>> {
        match self.phase {
            Phase::Groundwork => self.lay_groundwork().await.map(Some),
            Phase::Stepping { spent_ms } => {
                let event = self.step(spent_ms, start).await?;
                if matches!(self.phase, Phase::Measuring) && event.is_none() {
                    // No update was left, and finding that out is no work.
                    return self.measure(start).await;
                }
                self.timing.steps += milliseconds(start);
                Ok(event)
            }
            Phase::Measuring => self.measure(start).await,
            Phase::Over => Err(Error::EpisodeOver),
        }
    }

    async fn lay_groundwork(&mut self) -> Result<Event> {
        let event = self.groundwork.advance(&mut self.timing).await?;
        if self.groundwork.wants_depths() {
            let run = self.setup.begin(self.groundwork.setting(&self.prompts)?)?;
            self.groundwork.keep([run.first_block()]);
            self.run = Some(run);
        }
        if let Some(run) = &mut self.run {
            let chunks = self.groundwork.tokens(run.first_block());
            for tokens in chunks.iter().skip(self.given) {
                run.push(tokens.clone());
            }
            self.given = chunks.len();
        }
        if self.groundwork.is_over() {
            self.phase = Phase::Stepping { spent_ms: 0.0 };
        }
        Ok(Event::Groundwork(event))
    }

    /// Goes on from where it ended with so many more updates.
    ///
    /// # Errors
    /// [`Error::EpisodeRunning`] before its end; [`Error::EpisodeOver`] where it was stopped or failed;
    /// [`Error::OptionInvalid`] for too many, or where the method makes none.
    pub fn extend(&mut self, steps: usize) -> Result<()> {
        if self.phase != Phase::Over {
            return Err(Error::EpisodeRunning);
        }
        let (Some(run), false, None) = (&mut self.run, self.failed, &self.stopped) else {
            return Err(Error::EpisodeOver);
        };
        run.extend(steps)?;
        self.setup.set_steps(self.steps.len() + steps);
        self.final_state = None;
        self.phase = Phase::Stepping { spent_ms: 0.0 };
        Ok(())
    }

    /// Puts the method's first values back: the prediction is the one without adaptation again. The views stay
    /// encoded, so [`Episode::extend`] starts anew without the trunk.
    ///
    /// # Errors
    /// [`Error::EpisodeRunning`] before its end; [`Error::EpisodeOver`] where it failed.
    pub fn reset(&mut self) -> Result<()> {
        if self.phase != Phase::Over {
            return Err(Error::EpisodeRunning);
        }
        if self.failed {
            return Err(Error::EpisodeOver);
        }
        if let Some(run) = &mut self.run {
            run.reset();
        }
        self.setup.set_steps(0);
        self.steps.clear();
        self.after = None;
        self.final_state = None;
        self.stopped = None;
        Ok(())
    }

    /// The prediction with everything as it is.
    ///
    /// # Errors
    /// [`Error::EpisodeRunning`] before any view is encoded; those of the device.
    pub async fn prediction(&self) -> Result<Prediction> {
        match &self.run {
            Some(run) if self.given > 0 => run.predict().await,
            _ => Err(Error::EpisodeRunning),
        }
    }

    /// The prediction without adaptation; `None` before it is computed.
    #[must_use]
    pub fn zero_shot(&self) -> Option<Prediction> {
        let logits = self.groundwork.zero_shot();
        (!logits.is_empty()).then(|| Prediction::of_logits(logits))
    }

    /// The trained adapter as files; `base_model` says what it belongs to.
    ///
    /// # Errors
    /// [`Error::EpisodeRunning`] before the end; [`Error::AdapterMissing`] where the episode was stopped or failed, or its method
    /// trains no such adapter; those of the device.
    pub async fn adapter_files(&self, base_model: &str) -> Result<AdapterFiles> {
        if self.phase != Phase::Over {
            return Err(Error::EpisodeRunning);
        }
        let missing = |reason: String| Error::AdapterMissing { reason };
        if self.failed || self.stopped.is_some() {
            return Err(missing("the adaptation was stopped, and its adapter put back".into()));
        }
        let trained = self.run.as_ref().and_then(|run| run.adapter()).ok_or_else(|| {
            missing(format!(
                "{} trains no low-rank adapter; ttl does",
                self.setup.description().title
            ))
        })?;
        let matrices = adapter::read_back(trained.parameters).await?;
        AdapterFiles::write(&matrices, trained.rank, trained.alpha, base_model)
    }

    /// The model's name.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    async fn step(&mut self, spent_ms: f64, start: Instant) -> Result<Option<Event>> {
        let Some(run) = &mut self.run else {
            return Err(Error::EpisodeOver);
        };
        let step = self.steps.len() + 1;
        Ok(match run.step().await? {
            None => {
                self.phase = Phase::Measuring;
                None
            }
            Some(Piece::Part { done, total }) => {
                let event = Event::Stepping {
                    step,
                    steps: run.steps(),
                    views_done: done,
                    views_total: total,
                };
                self.phase = Phase::Stepping {
                    spent_ms: spent_ms + milliseconds(start),
                };
                Some(event)
            }
            Some(Piece::Whole(update)) => {
                if !is_finite(&update) {
                    self.stop(step);
                    return Ok(None);
                }
                self.after = Some(update.prediction.clone());
                let report = StepReport::new(step, update, spent_ms + milliseconds(start));
                self.steps.push(report.clone());
                self.phase = Phase::Stepping { spent_ms: 0.0 };
                Some(Event::Step(report))
            }
        })
    }

    /// A loss that is not a number can't be minimised: the first values go back, and the answer without adaptation stands.
    fn stop(&mut self, step: usize) {
        if let Some(run) = &mut self.run {
            run.reset();
        }
        self.after = None;
        self.stopped = Some(Stopped {
            step,
            reason: not_finite(step),
        });
        self.phase = Phase::Over;
    }

    async fn measure(&mut self, start: Instant) -> Result<Option<Event>> {
        let Some(run) = &mut self.run else {
            return Err(Error::EpisodeOver);
        };
        let piece = run.finish().await?;
        self.timing.measure += milliseconds(start);
        Ok(match piece {
            Piece::Part { done, total } => {
                self.phase = Phase::Measuring;
                Some(Event::Measuring {
                    views_done: done,
                    views_total: total,
                })
            }
            Piece::Whole(outcome) if !outcome.prediction.is_finite() => {
                let step = self.steps.len();
                self.stop(step);
                None
            }
            Piece::Whole(outcome) => {
                self.final_state = Some(outcome.views);
                // Of the centre view alone the last update has said it already.
                if run.predicts_from_views() {
                    self.after = Some(outcome.prediction);
                }
                self.phase = Phase::Over;
                None
            }
        })
    }

    fn probabilities_after(&self) -> Vec<f32> {
        match &self.after {
            Some(prediction) => prediction.probabilities.clone(),
            None => entropy::softmax(self.groundwork.zero_shot()),
        }
    }
}

/// Whether loss and prediction of an update are numbers.
pub(crate) fn is_finite(update: &Update) -> bool {
    update.views.loss.is_finite() && update.prediction.is_finite()
}

/// What to say of an update that isn't finite.
pub(crate) fn not_finite(step: usize) -> String {
    format!(
        "update {step} gave a loss or a prediction that is not a finite number (a smaller learning rate or a larger epsilon may help); the prediction without adaptation was kept"
    )
}
