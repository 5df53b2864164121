//! Runs several methods over one picture: the trunk once, then one method after the other on the same views and texts.

mod report;

use std::sync::Arc;

use clip_model::clip::Clip;
use web_time::Instant;

pub use self::report::{CompareEvent, CompareReport, MethodError, MethodOutcome};
use crate::entropy;
use crate::episode::{is_finite, not_finite};
use crate::error::{Error, Result};
use crate::groundwork::Groundwork;
use crate::labels::Prompts;
use crate::methods::adaptation::{Adaptation, Piece, Prediction};
use crate::options::{Options, ViewOptions};
use crate::report::{EpisodeTiming, Score, StepReport, Warning};
use crate::session::milliseconds;
use crate::setup::Setup;

/// A method, and its options; what is left out has its default.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The method's name.
    pub method: String,
    /// Its own options, not those of the views.
    #[serde(default)]
    pub options: Options,
}

/// What is to be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct CompareRequest {
    /// The views that all of them are shown.
    pub views: ViewOptions,
    /// The methods, in the order in which they run. One may be there several times, with other options.
    pub methods: Vec<Choice>,
}

/// A method that was chosen, and how far it has come.
struct Contender {
    setup: Setup,
    prompts: Vec<Prompts>,
    run: Option<Box<dyn Adaptation>>,
    error: Option<MethodError>,
    steps: Vec<StepReport>,
    after: Option<Prediction>,
    stopped: Option<Warning>,
    cost_ms: f64,
}

impl Contender {
    /// An update, or the last look, gave something that is no number: the answer without adaptation stands.
    fn stop(&mut self, step: usize) {
        self.after = None;
        self.stopped = Some(Warning {
            code: "stopped".to_owned(),
            message: not_finite(step),
        });
    }

    fn fail(&mut self, error: &Error) {
        self.run = None;
        self.after = None;
        self.error = Some(MethodError {
            code: error.code().to_owned(),
            message: error.to_string(),
        });
    }
}

/// Several methods on one picture.
pub struct Comparison {
    model: String,
    clip: Arc<Clip>,
    groundwork: Groundwork,
    contenders: Vec<Contender>,
    phase: Phase,
    outcomes: Vec<MethodOutcome>,
    timing: EpisodeTiming,
    seed: u64,
}

/// The number is the place of the method that is at work.
#[derive(Clone, Copy)]
enum Phase {
    Groundwork,
    Starting(usize),
    Stepping(usize, f64),
    Finishing(usize),
    Over(usize),
    Ended,
}

impl Comparison {
    pub(crate) fn new(model: String, groundwork: Groundwork, setups: Vec<(Setup, Vec<Prompts>)>, seed: u64) -> Self {
        Self {
            model,
            clip: Arc::clone(&groundwork.clip),
            groundwork,
            contenders: setups
                .into_iter()
                .map(|(setup, prompts)| Contender {
                    setup,
                    prompts,
                    run: None,
                    error: None,
                    steps: Vec::new(),
                    after: None,
                    stopped: None,
                    cost_ms: 0.0,
                })
                .collect(),
            phase: Phase::Groundwork,
            outcomes: Vec::new(),
            timing: EpisodeTiming::default(),
            seed,
        }
    }

    /// Does the next piece of work and says what it was. What fails before the methods ends the comparison; a method that
    /// fails ends itself only.
    ///
    /// # Errors
    /// Those of the model and the device; [`Error::EpisodeOver`] after [`CompareEvent::Done`].
    pub async fn advance(&mut self) -> Result<CompareEvent> {
        let start = Instant::now();
        loop {
            let event = self.work(start).await?;
            if let Some(event) = event {
                self.timing.total += milliseconds(start);
                return Ok(match event {
                    // Made anew, so that it holds the whole time.
                    CompareEvent::Done { .. } => CompareEvent::Done {
                        report: Box::new(self.report()),
                    },
                    event => event,
                });
            }
        }
    }

    /// One piece of work; `None` where it only found out what comes next.
    async fn work(&mut self, start: Instant) -> Result<Option<CompareEvent>> {
        match self.phase {
            Phase::Groundwork => Ok(Some(self.lay_groundwork().await?)),
            Phase::Starting(index) => Ok(Some(self.start(index, start))),
            Phase::Stepping(index, spent_ms) => Ok(self.step(index, spent_ms, start).await),
            Phase::Finishing(index) => Ok(self.finish(index, start).await),
            Phase::Over(index) => Ok(Some(self.end(index, start))),
            Phase::Ended => Err(Error::EpisodeOver),
        }
    }

    async fn lay_groundwork(&mut self) -> Result<CompareEvent> {
        let advanced = self.groundwork.advance(&mut self.timing).await;
        let event = advanced.inspect_err(|_| self.phase = Phase::Ended)?;
        if self.groundwork.wants_depths() {
            let mut depths = Vec::new();
            for contender in &mut self.contenders {
                let setting = self.groundwork.setting(&contender.prompts)?;
                match contender.setup.begin(setting) {
                    Ok(run) => {
                        depths.push(run.first_block());
                        contender.run = Some(run);
                    }
                    Err(error) => contender.fail(&error),
                }
            }
            if depths.is_empty() {
                // The prediction without adaptation is made all the same.
                depths.push(self.clip.vision.layers());
            }
            self.groundwork.keep(depths);
        }
        if self.groundwork.is_over() {
            self.phase = Phase::Starting(0);
        }
        Ok(CompareEvent::Groundwork(event))
    }

    fn start(&mut self, index: usize, start: Instant) -> CompareEvent {
        let Some(contender) = self.contenders.get_mut(index) else {
            self.phase = Phase::Ended;
            return CompareEvent::Done {
                report: Box::new(self.report()),
            };
        };
        self.phase = match &mut contender.run {
            Some(run) => {
                for tokens in self.groundwork.tokens(run.first_block()) {
                    run.push(tokens.clone());
                }
                Phase::Stepping(index, 0.0)
            }
            None => Phase::Over(index),
        };
        // What the others would have had to do as well is no cost of this one.
        self.timing.trunk += milliseconds(start);
        CompareEvent::MethodStarted {
            index,
            method: contender.setup.name().to_owned(),
        }
    }

    async fn step(&mut self, index: usize, spent_ms: f64, start: Instant) -> Option<CompareEvent> {
        let contender = self.contenders.get_mut(index)?;
        let run = contender.run.as_mut()?;
        let piece = run.step().await;
        let spent = milliseconds(start);
        contender.cost_ms += spent;
        self.timing.steps += spent;
        match piece {
            Err(error) => {
                contender.fail(&error);
                self.phase = Phase::Over(index);
                None
            }
            Ok(None) => {
                // Without an update the answer is the zero-shot one, unless it is that of more templates.
                let only_templates = contender.steps.is_empty() && !contender.setup.templates().is_empty();
                self.phase = if only_templates || run.predicts_from_views() {
                    Phase::Finishing(index)
                } else {
                    Phase::Over(index)
                };
                None
            }
            Ok(Some(Piece::Part { done, total })) => {
                self.phase = Phase::Stepping(index, spent_ms + spent);
                Some(CompareEvent::Stepping {
                    index,
                    views_done: done,
                    views_total: total,
                })
            }
            Ok(Some(Piece::Whole(update))) => {
                let step = contender.steps.len() + 1;
                if !is_finite(&update) {
                    contender.stop(step);
                    self.phase = Phase::Over(index);
                    return None;
                }
                contender.after = Some(update.prediction.clone());
                let report = StepReport::new(step, update, spent_ms + spent);
                contender.steps.push(report.clone());
                self.phase = Phase::Stepping(index, 0.0);
                Some(CompareEvent::Step { index, report })
            }
        }
    }

    async fn finish(&mut self, index: usize, start: Instant) -> Option<CompareEvent> {
        let contender = self.contenders.get_mut(index)?;
        let piece = contender.run.as_mut()?.finish().await;
        let spent = milliseconds(start);
        contender.cost_ms += spent;
        self.timing.measure += spent;
        match piece {
            Ok(Piece::Part { done, total }) => Some(CompareEvent::Stepping {
                index,
                views_done: done,
                views_total: total,
            }),
            Ok(Piece::Whole(outcome)) => {
                if outcome.prediction.is_finite() {
                    contender.after = Some(outcome.prediction);
                } else {
                    contender.stop(contender.steps.len());
                }
                self.phase = Phase::Over(index);
                None
            }
            Err(error) => {
                contender.fail(&error);
                self.phase = Phase::Over(index);
                None
            }
        }
    }

    fn end(&mut self, index: usize, start: Instant) -> CompareEvent {
        let zero_shot = Prediction::of_logits(self.groundwork.zero_shot());
        let mut warnings = Vec::new();
        let (mut passes, mut outcome) = (Default::default(), None);
        if let Some(contender) = self.contenders.get_mut(index) {
            for prompts in &contender.prompts {
                warnings.extend(prompts.warnings.clone());
            }
            // Its tokens go with it.
            if let Some(run) = contender.run.take() {
                warnings.extend(run.warnings());
                passes = run.passes();
            }
            warnings.extend(contender.stopped.take());
            let after = contender.after.take().unwrap_or(zero_shot);
            let labels = contender
                .prompts
                .first()
                .map(|prompts| prompts.labels.clone())
                .unwrap_or_default();
            outcome = Some(MethodOutcome {
                method: contender.setup.name().to_owned(),
                title: contender.setup.description().title.to_owned(),
                options: contender.setup.method_options(),
                after: Score::list(&labels, &after.probabilities),
                entropy: after.entropy,
                steps: contender.steps.clone(),
                cost_ms: contender.cost_ms,
                forward_passes: passes.forward,
                backward_passes: passes.backward,
                warnings: Warning::distinct(warnings),
                error: contender.error.take(),
            });
        }
        let wanted: Vec<usize> = self
            .contenders
            .iter()
            .filter_map(|contender| contender.run.as_ref().map(|run| run.first_block()))
            .collect();
        self.groundwork.forget(|blocks| wanted.contains(&blocks));
        self.phase = Phase::Starting(index + 1);
        match outcome {
            Some(outcome) => {
                self.outcomes.push(outcome.clone());
                CompareEvent::MethodDone {
                    index,
                    outcome: Box::new(outcome),
                }
            }
            None => self.start(index + 1, start),
        }
    }

    fn report(&self) -> CompareReport {
        let device = &self.clip.device;
        let zero_shot = self.groundwork.zero_shot();
        let prompts = self.groundwork.first_prompts();
        let labels = prompts.map(|prompts| prompts.labels.clone()).unwrap_or_default();
        CompareReport {
            model: self.model.clone(),
            device: device.kind().as_str().to_owned(),
            device_name: device.name().to_owned(),
            seed: self.seed,
            template: prompts.map(|prompts| prompts.template.clone()).unwrap_or_default(),
            before: Score::list(&labels, &entropy::softmax(zero_shot)),
            before_entropy: entropy::entropy(zero_shot),
            labels,
            views: self.groundwork.boxes.clone(),
            outcomes: self.outcomes.clone(),
            warnings: prompts.map(|prompts| prompts.warnings.clone()).unwrap_or_default(),
            timing_ms: self.timing,
        }
    }
}
