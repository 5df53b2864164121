//! One picture under one condition, shown to all methods.

use std::collections::BTreeMap;
use std::sync::Arc;

use clip_adapt::comparison::{CompareEvent, CompareReport, CompareRequest, Comparison, MethodOutcome};
use clip_adapt::labels::Prompts;
use clip_adapt::options::ViewOptions;
use clip_adapt::report::{Score, Warning};
use clip_adapt::session::Session;
use clip_eval::dataset::Item;
use clip_eval::measures::Answer;
use clip_eval::record::{Condition, Failure, MethodAnswer, MethodResult, PictureResult};
use clip_eval::seeds;
use clip_eval::summary::ZERO_SHOT;
use clip_model::picture::Picture;
use clip_model::tokenizer::Tokenizer;

use super::plan::PlannedRun;
use crate::error::Error;
use crate::memory;

/// Asks all methods.
pub(super) struct Questioner<'a> {
    session: &'a Session,
    labels: &'a [String],
    template: &'a str,
    views: &'a ViewOptions,
    runs: &'a [PlannedRun],
}

impl<'a> Questioner<'a> {
    pub(super) fn new(
        session: &'a Session,
        labels: &'a [String],
        template: &'a str,
        views: &'a ViewOptions,
        runs: &'a [PlannedRun],
    ) -> Self {
        Self {
            session,
            labels,
            template,
            views,
            runs,
        }
    }

    /// Refuses labels, a template and options that the model doesn't allow, before anything is written or computed. Gives what is to be said of the labels.
    pub(super) fn check(&self) -> Result<Vec<Warning>, Error> {
        // No pixel is looked at: any picture does.
        let picture = Picture::from_rgb8(1, 1, vec![0; 3]).map_err(clip_adapt::Error::from)?;
        self.comparison(picture, self.views.seed)?;
        let context_length = self.session.clip().text.context_length();
        let prompts = Prompts::new(self.labels, self.template, &Tokenizer::new(), context_length)?;
        Ok(prompts.warnings)
    }

    /// The picture's path gives the seeds of its corruption and of its views, so that neither the order of the pictures nor their number plays a part. Views
    /// lie at the same places under every condition.
    pub(super) async fn ask(
        &self,
        item: &Item,
        picture: &Picture,
        condition: Condition,
    ) -> Result<PictureResult, Error> {
        let seed = self.views.seed;
        let picture = match condition {
            Condition::Clean => picture.clone(),
            Condition::Corrupted(corruption) => {
                let seed = seeds::derived(seed, &["corruption", corruption.kind().as_str(), &item.path]);
                corruption.apply(picture, seed)?
            }
        };
        let mut comparison = self.comparison(picture, seeds::derived(seed, &["views", &item.path]))?;
        let mut peaks = vec![None; self.runs.len()];
        let report = loop {
            match comparison.advance().await? {
                CompareEvent::MethodStarted { .. } => memory::forget_peak(),
                CompareEvent::MethodDone { index, .. } => {
                    if let Some(peak) = peaks.get_mut(index) {
                        *peak = memory::peak_bytes();
                    }
                }
                CompareEvent::Done { report } => break report,
                _ => {}
            }
        };
        Ok(self.result(item, &report, &peaks))
    }

    /// Nothing of it is computed yet.
    fn comparison(&self, picture: Picture, seed: u64) -> Result<Comparison, Error> {
        let request = CompareRequest {
            views: ViewOptions {
                seed,
                ..self.views.clone()
            },
            methods: self.runs.iter().map(|run| run.choice.clone()).collect(),
        };
        Ok(self
            .session
            .compare(Arc::new(picture), self.labels, self.template, &request)?)
    }

    fn result(&self, item: &Item, report: &CompareReport, peaks: &[Option<u64>]) -> PictureResult {
        let timing = &report.timing_ms;
        let zero_shot = Reply {
            scores: &report.before,
            entropy: report.before_entropy,
            // It needs one of the views, the centre one.
            cost_ms: (timing.views + timing.trunk) / self.views.views.max(1) as f64,
            forward_passes: 1.0 / self.views.views.max(1) as f64,
            backward_passes: 0.0,
            peak_memory_bytes: None,
            warnings: Vec::new(),
        };
        let mut results = BTreeMap::from([(ZERO_SHOT.to_owned(), zero_shot.result(item.label))]);
        for ((run, outcome), peak) in self.runs.iter().zip(&report.outcomes).zip(peaks) {
            // What is said of the labels is the same for every picture and method: `check` has it.
            let warnings = outcome
                .warnings
                .iter()
                .filter(|warning| !report.warnings.contains(warning));
            let result = method_result(outcome, warnings.map(failure_of).collect(), *peak, item.label);
            results.insert(run.shown.name.clone(), result);
        }
        PictureResult::Seen {
            shared_ms: timing.views + timing.trunk,
            results,
        }
    }
}

fn failure_of(warning: &Warning) -> Failure {
    Failure {
        code: warning.code.clone(),
        message: warning.message.clone(),
    }
}

fn method_result(
    outcome: &MethodOutcome,
    warnings: Vec<Failure>,
    peak_memory_bytes: Option<u64>,
    truth: usize,
) -> MethodResult {
    if let Some(error) = &outcome.error {
        return MethodResult::Failed {
            error: Failure {
                code: error.code.clone(),
                message: error.message.clone(),
            },
        };
    }
    Reply {
        scores: &outcome.after,
        entropy: outcome.entropy,
        cost_ms: outcome.cost_ms,
        forward_passes: outcome.forward_passes,
        backward_passes: outcome.backward_passes,
        peak_memory_bytes,
        warnings,
    }
    .result(truth)
}

/// What somebody said, and what it cost.
struct Reply<'a> {
    scores: &'a [Score],
    entropy: f64,
    cost_ms: f64,
    forward_passes: f64,
    backward_passes: f64,
    peak_memory_bytes: Option<u64>,
    warnings: Vec<Failure>,
}

impl Reply<'_> {
    fn result(self, truth: usize) -> MethodResult {
        let probabilities: Vec<f32> = self.scores.iter().map(|score| score.probability).collect();
        let Some(answer) = Answer::of(&probabilities, truth) else {
            return MethodResult::Failed {
                error: Failure {
                    code: "answer-not-finite".to_owned(),
                    message: "a probability was not a finite number".to_owned(),
                },
            };
        };
        // The first of several that are equally likely.
        let mut predicted = 0;
        for (index, probability) in probabilities.iter().enumerate() {
            if *probability > probabilities[predicted] {
                predicted = index;
            }
        }
        MethodResult::Answered(MethodAnswer {
            predicted,
            confidence: answer.confidence,
            true_rank: answer.true_rank,
            true_probability: answer.true_probability,
            entropy: self.entropy,
            cost_ms: self.cost_ms,
            forward_passes: self.forward_passes,
            backward_passes: self.backward_passes,
            peak_memory_bytes: self.peak_memory_bytes,
            warnings: self.warnings,
        })
    }
}
