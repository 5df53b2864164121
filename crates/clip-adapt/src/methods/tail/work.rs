//! An update in bounded pieces: which there are, in which order, and what each does.

use std::collections::VecDeque;

use burn::tensor::Tensor;

use super::{AdapterKind, Tail, gather, weighted};
use crate::error::Result;
use crate::features::selection::most_confident;
use crate::labels::CHUNK_LABELS;
use crate::methods::adaptation::{Piece, Prediction, Update};
use crate::methods::alignment::Alignment;
use crate::readback::read_rows;
use crate::report::{AdapterNorm, ViewsState};

/// The update under way.
#[derive(Default)]
pub(super) struct Work {
    jobs: VecDeque<Job>,
    total: usize,
    /// Of all views, in their order.
    logits: Vec<Tensor<2>>,
    /// The views that the loss is of, chosen at the first step; all of them where nothing was chosen.
    selected: Option<Vec<usize>>,
    selected_chunks: Vec<Tensor<3>>,
    /// Of chunks of labels, with the matrices after the update.
    encoded: Vec<Tensor<2>>,
}

/// A bounded piece of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Job {
    /// A chunk's logits, without a tape.
    Look(usize),
    /// Chooses views by what the looks gave.
    Select,
    /// A chunk of the aligned views, for their means.
    Means(usize),
    /// The same once more, for their variances.
    Variances(usize),
    /// A chunk's part of the loss, forward and backward.
    Loss(usize),
    /// A chunk's part of the alignment, forward and backward.
    Align(usize),
    /// A chunk of labels backward through the text tower.
    Text(usize),
    /// Moves the matrices, where labels have to be encoded after that.
    Move,
    /// A chunk of labels, with the matrices as they are then.
    Encode(usize),
}

impl<A: AdapterKind> Tail<A> {
    fn plan(&self) -> VecDeque<Job> {
        let chunks = 0..self.chunks.len();
        let all = self.settings.selection >= 1.0;
        let first = self.work.selected.is_none();
        let mut jobs = VecDeque::new();
        if !all || (first && self.alignment.is_some()) {
            jobs.extend(chunks.clone().map(Job::Look));
            if first {
                jobs.push_back(Job::Select);
            }
        }
        let size = self.chunks.first().map_or(1, |chunk| chunk.dims()[0]);
        let parts = |share: f64| crate::features::selection::count(self.views(), share).div_ceil(size);
        if let Some(alignment) = &self.alignment {
            let parts = parts(alignment.selection());
            jobs.extend((0..parts).map(Job::Means));
            jobs.extend((0..parts).map(Job::Variances));
            jobs.extend((0..parts).map(Job::Align));
        }
        jobs.extend(
            (0..if all {
                chunks.len()
            } else {
                parts(self.settings.selection)
            })
                .map(Job::Loss),
        );
        if self.kind.adapters(&self.clip, &self.parameters).text.is_some() {
            let parts = 0..self.text_before.dims()[0].div_ceil(CHUNK_LABELS);
            jobs.extend(parts.clone().map(Job::Text));
            jobs.push_back(Job::Move);
            jobs.extend(parts.map(Job::Encode));
        }
        jobs
    }

    pub(super) async fn advance(&mut self) -> Result<Option<Piece<Update>>> {
        if self.work.jobs.is_empty() {
            if self.steps_done >= self.steps_allowed {
                return Ok(None);
            }
            self.work.logits.clear();
            self.work.jobs = self.plan();
            self.work.total = self.work.jobs.len();
        }
        if let Some(job) = self.work.jobs.pop_front() {
            self.run(job).await?;
        }
        if self.work.jobs.is_empty() {
            return Ok(Some(Piece::Whole(self.complete_update().await?)));
        }
        let (total, left) = (self.work.total, self.work.jobs.len());
        Ok(Some(Piece::Part {
            done: self.views() * (total - left) / total.max(1),
            total: self.views(),
        }))
    }

    async fn run(&mut self, job: Job) -> Result<()> {
        match job {
            Job::Look(chunk) => {
                let logits = self.logits(chunk);
                self.count_pass(logits.as_ref(), false);
                self.work.logits.extend(logits);
            }
            Job::Select => self.select().await?,
            Job::Means(chunk) | Job::Variances(chunk) | Job::Align(chunk) => self.align(job, chunk),
            Job::Loss(chunk) => {
                let whole = self.settings.selection >= 1.0;
                let (chunks, count) = if whole {
                    (&self.chunks, self.views())
                } else {
                    (
                        &self.work.selected_chunks,
                        self.work.selected.as_ref().map_or(0, Vec::len),
                    )
                };
                if let Some(tokens) = chunks.get(chunk).cloned() {
                    let logits = self.add_loss(tokens, count);
                    self.count_pass(Some(&logits), true);
                    // Without a look before, this is the one at all views.
                    if self.work.logits.len() < self.chunks.len() {
                        self.work.logits.push(logits);
                    }
                }
            }
            Job::Text(chunk) => self.accumulate_text(chunk)?,
            Job::Move => self.move_matrices(),
            Job::Encode(chunk) => {
                let encoded = self.encode_chunk(chunk)?;
                self.work.encoded.extend(encoded);
            }
        }
        Ok(())
    }

    /// Chooses the views of the loss and of the alignment by what the model makes of them at the first step.
    async fn select(&mut self) -> Result<()> {
        let rows = read_rows(self.work.logits.clone(), "selecting views").await?;
        let entropies: Vec<f64> = rows
            .chunks_exact(self.text.dims()[0].max(1))
            .map(crate::entropy::entropy)
            .collect();
        let selected = most_confident(&entropies, self.settings.selection);
        self.work.selected_chunks = if self.settings.selection < 1.0 {
            gather(&self.chunks, &selected)
        } else {
            Vec::new()
        };
        self.work.selected = Some(selected);
        if let Some(alignment) = &mut self.alignment {
            let aligned = most_confident(&entropies, alignment.selection());
            alignment.set_views(gather(&self.chunks, &aligned));
        }
        Ok(())
    }

    fn align(&mut self, job: Job, chunk: usize) {
        let Some(mut alignment) = self.alignment.take() else {
            return;
        };
        let tracked = self.tracked();
        let on_tape = matches!(job, Job::Align(_));
        let matrices = if on_tape { &tracked } else { &self.parameters };
        let adapter = self.kind.adapters(&self.clip, matrices).vision;
        match job {
            Job::Means(_) => alignment.add_means(&self.clip.vision, chunk, adapter.as_ref()),
            Job::Variances(_) => alignment.add_variances(&self.clip.vision, chunk, adapter.as_ref()),
            _ => {
                if let Some(loss) = alignment.loss(&self.clip.vision, chunk, adapter.as_ref()) {
                    self.collect(&loss.backward(), &tracked);
                }
            }
        }
        let part = alignment.views_in(chunk) as f64 / self.views().max(1) as f64 * self.tail_share();
        self.passes.forward += part;
        if on_tape {
            self.passes.backward += part;
        }
        self.alignment = Some(alignment);
    }

    async fn complete_update(&mut self) -> Result<Update> {
        let encoded = std::mem::take(&mut self.work.encoded);
        if encoded.is_empty() {
            self.move_matrices();
        } else {
            self.text = Tensor::cat(encoded, 0);
        }
        // Everything that the step says comes back in one reading.
        let mut tensors = std::mem::take(&mut self.work.logits);
        tensors.extend(self.centre_logits());
        let alignment = self.alignment.as_ref().and_then(Alignment::value);
        let aligned = alignment.is_some();
        tensors.extend(alignment);
        let adapters = self.kind.adapters(&self.clip, &self.parameters);
        let norms = self.kind.squared_norms(&adapters);
        tensors.extend(norms.iter().map(|(.., norm)| norm.clone()));
        let labels = self.text.dims()[0];
        let mut rows = read_rows(tensors, "adaptation step").await?;
        let squared_norms = rows.split_off(rows.len().saturating_sub(norms.len()));
        let alignment = if aligned { rows.pop() } else { None };
        let prediction = rows.split_off(rows.len().saturating_sub(labels));
        let views = self.aligned_state(&rows, alignment);
        self.passes.forward += self.tail_share() / self.views().max(1) as f64;
        self.steps_done += 1;
        Ok(Update {
            views,
            prediction: Prediction::of_logits(&prediction),
            adapter_norms: norms
                .iter()
                .zip(squared_norms)
                .map(|(&(tower, block, projection, _), squared)| AdapterNorm {
                    tower,
                    block,
                    projection,
                    // Rounding may put a change of nothing below 0; what is no number stays none.
                    norm: if squared < 0.0 { 0.0 } else { squared.sqrt() },
                })
                .collect(),
        })
    }

    /// The alignment with the matrices as they are, for the report alone: that isn't counted as work of the method.
    pub(super) fn look_at_alignment(&mut self) -> Option<Tensor<2>> {
        let chunks = self.alignment.as_ref()?.chunks();
        let passes = self.passes;
        for chunk in 0..chunks {
            self.align(Job::Means(chunk), chunk);
        }
        for chunk in 0..chunks {
            self.align(Job::Variances(chunk), chunk);
        }
        self.passes = passes;
        self.alignment.as_ref()?.value()
    }

    /// As [`Self::state`], with the value of the alignment in the loss where there is one.
    pub(super) fn aligned_state(&self, rows: &[f32], alignment: Option<f32>) -> ViewsState {
        let mut views = self.state(rows);
        if let (Some(alignment), Some(value)) = (&self.alignment, alignment) {
            views.loss += alignment.weight() * f64::from(value);
        }
        views
    }

    /// What the views say, from their logits: the weights and the loss of the views that were chosen.
    pub(super) fn state(&self, rows: &[f32]) -> ViewsState {
        let labels = self.text.dims()[0];
        let margin = self.settings.margin;
        ViewsState::of(rows, labels, |entropies| {
            let selected = match &self.work.selected {
                Some(selected) => selected.clone(),
                None => most_confident(entropies, self.settings.selection),
            };
            weighted(entropies, &selected, margin)
        })
    }

    /// Counts a pass of as many views as there are rows of logits.
    pub(super) fn count_pass(&mut self, logits: Option<&Tensor<2>>, backward: bool) {
        let rows = logits.map_or(0, |logits| logits.dims()[0]);
        let part = rows as f64 / self.views().max(1) as f64 * self.tail_share();
        self.passes.forward += part;
        // With adapters in the text tower alone, nothing goes back through the vision tower.
        if backward && self.kind.adapters(&self.clip, &self.parameters).vision.is_some() {
            self.passes.backward += part;
        }
    }
}
