//! The search of one picture, a bounded piece of work at a time: all views are looked at, then each candidate of a generation.

use burn::tensor::Tensor;

use super::{ClassStatistics, FoaOptions, PromptSearch};
use crate::error::{Error, Result};
use crate::features::indicator;
use crate::features::selection::most_confident;
use crate::methods::Setting;
use crate::methods::adaptation::{Adaptation, LocalFuture, Outcome, Passes, Piece, Prediction, Update, tail_share};
use crate::methods::tail::gather;
use crate::options::{MAX_STEPS, invalid};
use crate::readback::read_rows;
use crate::report::{ViewsState, Warning};
use crate::views::{Stream, random};

/// One picture's search.
pub(super) struct PromptAdaptation {
    setting: Setting,
    options: FoaOptions,
    /// Updates that are to be made in all.
    generations: usize,
    made: usize,
    /// `[views of the chunk, tokens, width]`
    chunks: Vec<Tensor<3>>,
    /// There once all views were looked at without prompts.
    search: Option<Begun>,
    /// Logits `[views, labels]` of the chunks that were looked at with the prompts as they are.
    measured: Measured,
    /// The views before the update that is under way.
    before: Option<ViewsState>,
    passes: Passes,
}

struct Begun {
    prompts: PromptSearch,
    selected: Vec<usize>,
    /// The fitness without prompts.
    fitness: f64,
}

#[derive(Default)]
struct Measured {
    chunks: usize,
    logits: Vec<f32>,
}

impl PromptAdaptation {
    pub(super) fn new(options: FoaOptions, setting: Setting) -> Self {
        Self {
            generations: options.generations,
            made: 0,
            chunks: Vec::new(),
            search: None,
            measured: Measured::default(),
            before: None,
            passes: Passes::default(),
            options,
            setting,
        }
    }

    fn labels(&self) -> usize {
        self.setting.text_features.dims()[0]
    }

    fn views(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.dims()[0]).sum()
    }

    /// Logits `[views, labels]` with the prompts as they are.
    fn logits(&self, tokens: Tensor<3>) -> Tensor<2> {
        if let Some(search) = &self.search {
            return search.prompts.logits(tokens);
        }
        let clip = &self.setting.clip;
        let features = clip.vision.tail(tokens, self.first_block(), None);
        clip.logits(features, self.setting.text_features.clone())
    }

    /// Counts so many views through the tail.
    fn count_passes(&mut self, views: usize) {
        let share = tail_share(self.first_block(), self.setting.clip.vision.layers());
        self.passes.forward += share * views as f64 / self.views().max(1) as f64;
    }

    /// Looks at one more chunk with the prompts as they are; gives the views that were looked at. `true` where it was the
    /// last chunk.
    async fn measure(&mut self) -> Result<bool> {
        if let Some(chunk) = self.chunks.get(self.measured.chunks).cloned() {
            let views = chunk.dims()[0];
            let logits = read_rows(vec![self.logits(chunk)], "looking at the views").await?;
            self.measured.logits.extend(logits);
            self.measured.chunks += 1;
            self.count_passes(views);
        }
        Ok(self.measured.chunks >= self.chunks.len())
    }

    fn measured_views(&self) -> usize {
        self.chunks
            .iter()
            .take(self.measured.chunks)
            .map(|chunk| chunk.dims()[0])
            .sum()
    }

    /// Chooses the views of the fitness, by what was measured without prompts, and begins the search.
    async fn begin_search(&mut self) -> Result<()> {
        if self.search.is_some() {
            return Ok(());
        }
        let selected = most_confident(
            &row_entropies(&self.measured.logits, self.labels()),
            self.options.selection,
        );
        let first = self.first_block();
        let source = self.setting.statistics.as_ref().map(|statistics| {
            let blocks = statistics.blocks.iter().skip(first);
            let read = blocks.map(|block| ClassStatistics {
                mean: block.class_mean.clone(),
                deviation: block.class_deviation.clone(),
            });
            read.collect()
        });
        let prompts = PromptSearch::new(
            self.setting.clip.clone(),
            self.setting.text_features.clone(),
            gather(&self.chunks, &selected),
            first,
            source,
            self.options,
            random(self.setting.seed, Stream::Adapter),
        );
        let (fitness, _) = prompts.evaluate(&[]).await?;
        self.count_passes(selected.len());
        self.search = Some(Begun {
            prompts,
            selected,
            fitness,
        });
        Ok(())
    }

    /// What was measured of the views, and a new beginning of measuring.
    fn take_measured(&mut self) -> (ViewsState, Vec<f32>) {
        let logits = std::mem::take(&mut self.measured).logits;
        let state = ViewsState::of(&logits, self.labels(), |entropies| match &self.search {
            Some(search) => (
                indicator(&search.selected, entropies.len()),
                search.prompts.fitness().unwrap_or(search.fitness),
            ),
            None => (vec![0.0; entropies.len()], 0.0),
        });
        (state, logits)
    }

    /// The next piece: views are looked at with the prompts as they are, then the generation's candidates, one at a time.
    async fn advance(&mut self) -> Result<Option<Piece<Update>>> {
        if self.made >= self.generations {
            return Ok(None);
        }
        let Some(search) = self.search.as_mut().filter(|_| self.before.is_some()) else {
            let over = self.measure().await?;
            let (done, total) = (self.measured_views(), self.views());
            if over {
                self.begin_search().await?;
                self.before = Some(self.take_measured().0);
            }
            return Ok(Some(Piece::Part { done, total }));
        };
        let over = search.prompts.advance().await?;
        let (done, total) = (search.prompts.candidates_seen(), search.prompts.candidates());
        let selected = search.selected.len();
        self.count_passes(selected);
        let Some(views) = self.before.take_if(|_| over) else {
            return Ok(Some(Piece::Part { done, total }));
        };
        self.made += 1;
        Ok(Some(Piece::Whole(Update {
            views,
            prediction: self.predict_centre().await?,
            adapter_norms: Vec::new(),
        })))
    }

    async fn look_once_more(&mut self) -> Result<Piece<Outcome>> {
        if !self.measure().await? {
            return Ok(Piece::Part {
                done: self.measured_views(),
                total: self.views(),
            });
        }
        self.begin_search().await?;
        let (views, logits) = self.take_measured();
        let centre = logits.get(..self.labels()).unwrap_or_default();
        Ok(Piece::Whole(Outcome {
            views,
            prediction: Prediction::of_logits(centre),
        }))
    }

    async fn predict_centre(&self) -> Result<Prediction> {
        let centre = self
            .chunks
            .first()
            .ok_or(Error::EpisodeRunning)?
            .clone()
            .narrow(0, 0, 1);
        let logits = read_rows(vec![self.logits(centre)], "prediction").await?;
        Ok(Prediction::of_logits(&logits))
    }
}

impl Adaptation for PromptAdaptation {
    fn first_block(&self) -> usize {
        self.setting.clip.vision.layers().saturating_sub(self.options.layers)
    }

    fn push(&mut self, tokens: Tensor<3>) {
        self.chunks.push(tokens);
    }

    fn step(&mut self) -> LocalFuture<'_, Result<Option<Piece<Update>>>> {
        Box::pin(self.advance())
    }

    fn finish(&mut self) -> LocalFuture<'_, Result<Piece<Outcome>>> {
        Box::pin(self.look_once_more())
    }

    fn predict(&self) -> LocalFuture<'_, Result<Prediction>> {
        Box::pin(self.predict_centre())
    }

    fn extend(&mut self, steps: usize) -> Result<()> {
        let generations = self.made.saturating_add(steps);
        if generations > MAX_STEPS {
            return Err(invalid("generations", generations, format!("from 0 to {MAX_STEPS}")));
        }
        self.generations = generations;
        Ok(())
    }

    fn reset(&mut self) {
        self.generations = 0;
        self.made = 0;
        self.search = None;
        self.before = None;
        self.measured = Measured::default();
        self.passes = Passes::default();
    }

    fn steps(&self) -> usize {
        self.generations
    }

    fn warnings(&self) -> Vec<Warning> {
        let wanted = self.options.alignment_weight > 0.0 || self.options.shift > 0.0;
        if self.setting.statistics.is_some() || !wanted {
            return Vec::new();
        }
        vec![Warning {
            code: "statistics-missing".to_owned(),
            message: "without statistics of source pictures (clip-ttl stats) the fitness is the entropy alone, and nothing is shifted"
                .to_owned(),
        }]
    }

    fn passes(&self) -> Passes {
        self.passes
    }
}

/// The entropy of each row of logits `[rows, labels]`.
fn row_entropies(logits: &[f32], labels: usize) -> Vec<f64> {
    let rows = logits.chunks_exact(labels.max(1));
    rows.map(crate::entropy::entropy).collect()
}
