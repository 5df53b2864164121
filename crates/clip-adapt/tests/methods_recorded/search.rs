//! CMA-ES against a NumPy version of Hansen's tutorial: the same candidates with the same values must move the
//! distribution in the same way, and what is drawn must lie as that distribution says.

use clip_adapt::features::add_scaled;
use clip_adapt::features::cma_es::{CmaEs, Covariance};
use clip_adapt::views::{Stream, random};
use serde::Deserialize;

use crate::recording::Recording;

/// Generations drawn to see how the candidates lie: with 36,000 of them a covariance has a standard error of 0.01.
const DRAWN: usize = 4000;
/// Six times that. The identity is further away from every recorded covariance.
const DRAWN_TOLERANCE: f64 = 0.06;

#[derive(Deserialize)]
struct Settings {
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    name: String,
    dimension: usize,
    separable: bool,
    sigma: f64,
    population: usize,
    generations: usize,
}

#[test]
fn the_distribution_moves_as_recorded() {
    let recording = Recording::open("method-cma-es");
    for run in recording.settings::<Settings>().runs {
        let covariance = if run.separable {
            Covariance::Diagonal
        } else {
            Covariance::Full
        };
        let mean = vec![0.0; run.dimension];
        let mut search = CmaEs::new(mean, run.sigma, run.population, covariance, random(0, Stream::Adapter));
        for generation in 0..run.generations {
            let name = |quantity: &str| format!("{}.generation{generation}.{quantity}", run.name);
            let points = recording.values(&name("points")).chunks_exact(run.dimension);
            let candidates: Vec<(Vec<f64>, f64)> = points
                .map(|point| point.iter().copied().map(f64::from).collect())
                .zip(recording.values(&name("fitness")).iter().copied().map(f64::from))
                .collect();
            assert_eq!(candidates.len(), search.population());
            search.tell(&candidates);
            recording.compare(&name("mean"), search.mean().iter().copied(), 1e-5);
            recording.compare(&name("sigma"), [search.sigma()], 1e-5);
            let covariance = search.covariance().to_vec();
            // The separable variant's is recorded as a matrix, too.
            let whole: Vec<f64> = if run.separable {
                (0..run.dimension * run.dimension)
                    .map(|index| {
                        if index % (run.dimension + 1) == 0 {
                            covariance[index / (run.dimension + 1)]
                        } else {
                            0.0
                        }
                    })
                    .collect()
            } else {
                covariance
            };
            recording.compare(&name("covariance"), whole, 1e-5);
            let (mean, covariance) = moments(&search, run.dimension);
            recording.compare(&name("mean"), mean, DRAWN_TOLERANCE);
            recording.compare(&name("covariance"), covariance, DRAWN_TOLERANCE);
        }
    }
}

/// Mean and covariance of what the search draws as it stands, the latter in units of its squared step size.
fn moments(search: &CmaEs, dimension: usize) -> (Vec<f64>, Vec<f64>) {
    let mut search = search.clone();
    let drawn: Vec<Vec<f64>> = (0..DRAWN).flat_map(|_| search.ask()).collect();
    let share = 1.0 / drawn.len() as f64;
    let mut mean = vec![0.0; dimension];
    for candidate in &drawn {
        add_scaled(&mut mean, share, candidate);
    }
    let mut covariance = vec![0.0; dimension * dimension];
    for mut candidate in drawn {
        add_scaled(&mut candidate, -1.0, &mean);
        for (row, value) in covariance.chunks_exact_mut(dimension).zip(&candidate) {
            add_scaled(row, share * value / search.sigma().powi(2), &candidate);
        }
    }
    (mean, covariance)
}
