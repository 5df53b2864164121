//! How far the tokens of some views lie from those of source pictures (PromptAlign, arXiv 2311.01459), and its gradient.
//!
//! At the output of each block from the first with adapters on, the views' mean and biased variance of every token and channel
//! are compared with the source's:
//! `L = 1/places sum [ 1/2 mean |mean - source mean| + 1/2 mean |variance - source variance| ]`.
//!
//! Mean and variance are of all views together, but their gradient is not needed together: with the signs of the differences
//! as constants, `<g_mean, x_i> / n + <g_variance, (x_i - mean)^2> / n`, summed up over the views, has the same gradient
//! towards each `x_i`. So the views go through in chunks: once for the mean, once for the variance, once backward.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use clip_model::lora::Adapter;
use clip_model::vision::VisionTower;

use crate::source::SourceStatistics;

/// What is aligned, and with what.
pub struct Alignment {
    weight: f64,
    selection: f64,
    first_block: usize,
    places: Vec<Place>,
    /// The tokens of the views that are aligned, in chunks.
    views: Vec<Tensor<3>>,
    count: usize,
    /// Chunks whose means and variances are in the sums.
    meant: usize,
    varied: usize,
}

/// The output of a block.
struct Place {
    /// `[tokens, width]` of source pictures; of the last block the class token alone.
    source_mean: Tensor<2>,
    source_variance: Tensor<2>,
    /// Sum over the views so far, divided by their number.
    mean: Option<Tensor<2>>,
    variance: Option<Tensor<2>>,
}

impl Alignment {
    /// Alignment of the most confident share `selection` of the views at the outputs of the blocks from `first_block` on,
    /// whose value counts `weight` times in the loss.
    #[must_use]
    pub fn new(
        statistics: &Arc<SourceStatistics>,
        first_block: usize,
        weight: f64,
        selection: f64,
        device: &Device,
    ) -> Self {
        let last = statistics.blocks.len().saturating_sub(1);
        let places = statistics
            .blocks
            .iter()
            .enumerate()
            .skip(first_block)
            .map(|(index, block)| {
                let width = block.class_mean.len();
                let rows = if index == last {
                    1
                } else {
                    block.token_mean.len() / width.max(1)
                };
                let upload = |values: &[f32]| {
                    let values = values.get(..rows * width).unwrap_or_default().to_vec();
                    Tensor::from_data(TensorData::new(values, [rows, width]), device)
                };
                Place {
                    source_mean: upload(&block.token_mean),
                    source_variance: upload(&block.token_variance),
                    mean: None,
                    variance: None,
                }
            })
            .collect();
        Self {
            weight,
            selection,
            first_block,
            places,
            views: Vec::new(),
            count: 0,
            meant: 0,
            varied: 0,
        }
    }

    /// How much it counts in the loss.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// The share of the views that is aligned.
    #[must_use]
    pub fn selection(&self) -> f64 {
        self.selection
    }

    /// The tokens of the views that are aligned, `[views, tokens, width]` each, as they go into the first block.
    pub fn set_views(&mut self, views: Vec<Tensor<3>>) {
        self.count = views.iter().map(|chunk| chunk.dims()[0]).sum();
        self.views = views;
    }

    /// Number of views in a chunk.
    #[must_use]
    pub fn views_in(&self, chunk: usize) -> usize {
        self.views.get(chunk).map_or(0, |chunk| chunk.dims()[0])
    }

    /// Number of chunks.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.views.len()
    }

    /// Adds a chunk to the means; the first one begins them anew.
    pub fn add_means(&mut self, vision: &VisionTower, chunk: usize, adapter: Option<&Adapter>) {
        if chunk == 0 {
            for place in &mut self.places {
                place.mean = None;
            }
        }
        let count = self.count as f64;
        for (place, state) in
            self.places
                .iter_mut()
                .zip(states(vision, self.views.get(chunk), self.first_block, adapter))
        {
            let part = sum_over_views(state) / count;
            place.mean = Some(match place.mean.take() {
                Some(sum) => sum + part,
                None => part,
            });
        }
        self.meant = chunk + 1;
    }

    /// Adds a chunk to the variances, once the means are whole; the first one begins them anew.
    pub fn add_variances(&mut self, vision: &VisionTower, chunk: usize, adapter: Option<&Adapter>) {
        if chunk == 0 {
            for place in &mut self.places {
                place.variance = None;
            }
        }
        let count = self.count as f64;
        for (place, state) in
            self.places
                .iter_mut()
                .zip(states(vision, self.views.get(chunk), self.first_block, adapter))
        {
            let Some(mean) = place.mean.clone() else {
                continue;
            };
            let part = sum_over_views((state - mean.unsqueeze()).powi_scalar(2)) / count;
            place.variance = Some(match place.variance.take() {
                Some(sum) => sum + part,
                None => part,
            });
        }
        self.varied = chunk + 1;
    }

    /// The alignment with the means and variances as they are, `[1, 1]`; `None` before they are whole.
    #[must_use]
    pub fn value(&self) -> Option<Tensor<2>> {
        if self.views.is_empty() || self.meant < self.views.len() || self.varied < self.views.len() {
            return None;
        }
        let parts = self.places.iter().filter_map(|place| {
            let mean = (place.mean.clone()? - place.source_mean.clone()).abs().mean();
            let variance = (place.variance.clone()? - place.source_variance.clone()).abs().mean();
            Some(((mean + variance) * 0.5).reshape([1, 1]))
        });
        let sum = parts.reduce(|sum, part| sum + part)?;
        Some(sum / self.places.len() as f64)
    }

    /// What has, for a chunk of views, the gradient of the weighted alignment; on the tape that the adapter's matrices are on.
    #[must_use]
    pub fn loss(&self, vision: &VisionTower, chunk: usize, adapter: Option<&Adapter>) -> Option<Tensor<1>> {
        let tokens = self.views.get(chunk)?.clone().autodiff();
        let states = states(vision, Some(&tokens), self.first_block, adapter);
        let count = self.count as f64;
        let parts = self.places.iter().zip(states).filter_map(|(place, state)| {
            let (mean, variance) = (place.mean.clone()?, place.variance.clone()?);
            let [rows, width] = mean.dims();
            let factor = 0.5 * self.weight / (self.places.len() * rows * width) as f64 / count;
            let on_mean = (mean.clone() - place.source_mean.clone()).sign() * factor;
            let on_variance = (variance - place.source_variance.clone()).sign() * factor;
            let constant = |values: Tensor<2>| values.unsqueeze::<3>().autodiff();
            let deviation = (state.clone() - constant(mean)).powi_scalar(2);
            Some((state * constant(on_mean)).sum() + (deviation * constant(on_variance)).sum())
        });
        parts.reduce(|sum, part| sum + part)
    }
}

/// The outputs of the blocks from `first` on: `[views, tokens, width]`, of the last one `[views, 1, width]`.
fn states(vision: &VisionTower, tokens: Option<&Tensor<3>>, first: usize, adapter: Option<&Adapter>) -> Vec<Tensor<3>> {
    let mut states = Vec::new();
    if let Some(mut x) = tokens.cloned() {
        for index in first..vision.layers() {
            x = vision.through_block(x, index, adapter);
            states.push(x.clone());
        }
    }
    states
}

/// `[views, tokens, width]` to `[tokens, width]`.
fn sum_over_views(x: Tensor<3>) -> Tensor<2> {
    x.sum_dim(0).squeeze_dim::<2>(0)
}
