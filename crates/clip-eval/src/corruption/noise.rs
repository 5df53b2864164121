//! Noise of sensors and transmission: Gaussian, shot and impulse noise.

use rand::RngExt as _;
use rand_distr::{Binomial, Distribution as _, Poisson, StandardNormal};

use super::grid::{Grid, Raster};
use super::random::stream;
use super::scale::Scale;

/// Normal noise of this deviation on each channel.
pub(super) fn gaussian(raster: &Raster, deviation: f32, scale: Scale, seed: u64) -> Raster {
    let deviation = deviation * scale.deviation();
    let mut random = stream(seed);
    per_cell(raster, scale, || {
        let noise: [f32; 3] = std::array::from_fn(|_| random.sample(StandardNormal));
        move |pixel: [f32; 3]| std::array::from_fn(|channel| pixel[channel] + deviation * noise[channel])
    })
}

/// Photons counted where full brightness is `photons` of them.
pub(super) fn shot(raster: &Raster, photons: f32, scale: Scale, seed: u64) -> Raster {
    let photons = f64::from(photons * scale.pixels_in_cell());
    let (columns, rows) = scale.cells(raster.width, raster.height);
    let mut random = stream(seed);
    // The count depends on the brightness, so it is drawn for the cell's own, and its error is given to the cell's pixels.
    let means = cell_means(raster, scale);
    let errors: Raster = Grid::from_fn(columns, rows, |x, y| {
        means.at(x as isize, y as isize).map(|brightness| {
            let expected = f64::from(brightness) * photons;
            let counted = Poisson::new(expected).map_or(0.0, |distribution| distribution.sample(&mut random));
            ((counted - expected) / photons) as f32
        })
    });
    Grid::from_fn(raster.width, raster.height, |x, y| {
        let pixel = raster.at(x as isize, y as isize);
        let error = errors.at(scale.cell_of(x) as isize, scale.cell_of(y) as isize);
        std::array::from_fn(|channel| pixel[channel] + error[channel])
    })
}

/// This share of the values becomes black or white, as many the one as the other.
pub(super) fn impulse(raster: &Raster, share: f32, scale: Scale, seed: u64) -> Raster {
    let draws = scale.draws_in_cell();
    let mut random = stream(seed);
    per_cell(raster, scale, || {
        let hit: [(f32, f32); 3] = std::array::from_fn(|_| {
            let mut drawn = |count: u64, probability: f32| {
                Binomial::new(count, f64::from(probability)).map_or(0, |distribution| distribution.sample(&mut random))
            };
            let replaced = drawn(u64::from(draws), share);
            let white = drawn(replaced, 0.5);
            (replaced as f32 / draws as f32, white as f32 / draws as f32)
        });
        move |pixel: [f32; 3]| {
            std::array::from_fn(|channel| {
                let (replaced, white) = hit[channel];
                pixel[channel] * (1.0 - replaced) + white
            })
        }
    })
}

/// Draws a change for each cell, row after row, and applies it to the cell's pixels.
fn per_cell<C: Fn([f32; 3]) -> [f32; 3]>(raster: &Raster, scale: Scale, mut draw: impl FnMut() -> C) -> Raster {
    let (columns, rows) = scale.cells(raster.width, raster.height);
    let changes: Vec<C> = (0..columns * rows).map(|_| draw()).collect();
    Grid::from_fn(raster.width, raster.height, |x, y| {
        let cell = scale.cell_of(y).min(rows - 1) * columns + scale.cell_of(x).min(columns - 1);
        changes[cell](raster.at(x as isize, y as isize))
    })
}

/// The mean of each cell's pixels.
fn cell_means(raster: &Raster, scale: Scale) -> Raster {
    let (columns, rows) = scale.cells(raster.width, raster.height);
    let mut means = Grid::from_fn(columns, rows, |_, _| [0.0; 3]);
    let mut counts = vec![0.0_f32; columns * rows];
    for y in 0..raster.height {
        for x in 0..raster.width {
            let cell = scale.cell_of(y).min(rows - 1) * columns + scale.cell_of(x).min(columns - 1);
            for (sum, value) in means.cells[cell].iter_mut().zip(raster.cells[y * raster.width + x]) {
                *sum += value;
            }
            counts[cell] += 1.0;
        }
    }
    for (mean, count) in means.cells.iter_mut().zip(counts) {
        *mean = mean.map(|sum| sum / count.max(1.0));
    }
    means
}
