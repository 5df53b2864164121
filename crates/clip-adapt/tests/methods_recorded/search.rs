//! CMA-ES against a NumPy version of Hansen's tutorial: the same candidates with the same values must move the
//! distribution in the same way.

use clip_adapt::features::cma_es::{CmaEs, Covariance};
use clip_adapt::views::{Stream, random};
use serde::Deserialize;

use crate::recording::Recording;

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
        }
    }
}
