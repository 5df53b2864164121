//! Functions with known minima, and what a search may not depend on.

use super::*;
use rand::SeedableRng as _;

fn start(mean: Vec<f64>, sigma: f64, covariance: Covariance) -> CmaEs {
    let population = default_population(mean.len());
    CmaEs::new(mean, sigma, population, covariance, ChaCha8Rng::seed_from_u64(7))
}

/// Generations until the function is below `target`, at most `most`.
fn generations(mut search: CmaEs, function: impl Fn(&[f64]) -> f64, target: f64, most: usize) -> usize {
    for generation in 0..most {
        let told: Vec<_> = search.ask().into_iter().map(|x| (x.clone(), function(&x))).collect();
        if told.iter().any(|(_, value)| *value < target) {
            return generation + 1;
        }
        search.tell(&told);
    }
    most
}

fn sphere(x: &[f64]) -> f64 {
    dot(x, x)
}

/// Axes whose lengths differ by a factor of a thousand.
fn ellipsoid(x: &[f64]) -> f64 {
    let last = (x.len() - 1) as f64;
    x.iter()
        .enumerate()
        .map(|(i, x)| 1e6_f64.powf(i as f64 / last) * x * x)
        .sum()
}

fn rosenbrock(x: &[f64]) -> f64 {
    x.windows(2)
        .map(|pair| 100.0 * (pair[1] - pair[0] * pair[0]).powi(2) + (1.0 - pair[0]).powi(2))
        .sum()
}

/// A fixed rotation: the reflections at three vectors.
fn turned(x: &[f64]) -> Vec<f64> {
    let mut x = x.to_vec();
    for seed in 1..4 {
        let normal: Vec<f64> = (0..x.len())
            .map(|i| ((i * i + 1) as f64 * f64::from(seed) * 0.83).sin())
            .collect();
        let factor = 2.0 * dot(&normal, &x) / dot(&normal, &normal);
        add_scaled(&mut x, -factor, &normal);
    }
    x
}

/// The published counts of evaluations for these functions are near 400, 2000 and 3000 for 8 dimensions.
#[test]
fn it_finds_the_minimum_of_a_sphere_an_ellipsoid_and_a_bent_valley() {
    let at = |sigma| start(vec![2.0; 8], sigma, Covariance::Full);
    assert!(generations(at(1.0), sphere, 1e-9, 1000) < 150);
    assert!(generations(at(1.0), ellipsoid, 1e-9, 1000) < 500);
    let valley = start(vec![0.0; 8], 0.5, Covariance::Full);
    assert!(generations(valley, rosenbrock, 1e-9, 3000) < 1500);
}

#[test]
fn it_finds_a_minimum_in_one_dimension_and_in_a_hundred() {
    assert!(generations(start(vec![3.0], 1.0, Covariance::Full), sphere, 1e-9, 500) < 100);
    let many = start(vec![1.0; 100], 1.0, Covariance::Diagonal);
    assert!(generations(many, sphere, 1e-6, 2000) < 700);
}

/// The full covariance learns the axes wherever they lie; the diagonal one only where they are the coordinates'.
#[test]
fn a_full_covariance_does_not_depend_on_how_the_axes_lie() {
    let run = |covariance, rotated: bool| {
        let function = |x: &[f64]| if rotated { ellipsoid(&turned(x)) } else { ellipsoid(x) };
        generations(start(vec![2.0; 8], 1.0, covariance), function, 1e-6, 4000)
    };
    let (straight, rotated) = (run(Covariance::Full, false), run(Covariance::Full, true));
    assert!(rotated < 2 * straight && straight < 2 * rotated, "{straight} {rotated}");
    let (straight, rotated) = (run(Covariance::Diagonal, false), run(Covariance::Diagonal, true));
    assert!(straight < 500 && rotated > 4 * straight, "{straight} {rotated}");
}

#[test]
fn only_the_order_of_values_counts() {
    let (mut plain, mut bent) = (
        start(vec![1.0; 5], 0.5, Covariance::Full),
        start(vec![1.0; 5], 0.5, Covariance::Full),
    );
    for _ in 0..20 {
        let told: Vec<_> = plain.ask().into_iter().map(|x| (x.clone(), rosenbrock(&x))).collect();
        plain.tell(&told);
        let told: Vec<_> = bent
            .ask()
            .into_iter()
            .map(|x| (x.clone(), (rosenbrock(&x) + 3.0).ln()))
            .collect();
        bent.tell(&told);
    }
    assert_eq!((plain.mean(), plain.covariance()), (bent.mean(), bent.covariance()));
}

#[test]
fn scale_and_place_do_not_count() {
    let mut plain = start(vec![1.0; 4], 0.5, Covariance::Full);
    // Powers of 2, so that no rounding comes in between.
    let mut scaled = start(vec![1024.0; 4], 512.0, Covariance::Full);
    let mut moved = start(vec![4.0; 4], 0.5, Covariance::Full);
    for _ in 0..15 {
        let told: Vec<_> = plain.ask().into_iter().map(|x| (x.clone(), ellipsoid(&x))).collect();
        plain.tell(&told);
        let told: Vec<_> = scaled.ask().into_iter().map(|x| (x.clone(), ellipsoid(&x))).collect();
        scaled.tell(&told);
        let back = |x: &[f64]| ellipsoid(&x.iter().map(|x| x - 3.0).collect::<Vec<_>>());
        let told: Vec<_> = moved.ask().into_iter().map(|x| (x.clone(), back(&x))).collect();
        moved.tell(&told);
    }
    for ((plain, scaled), moved) in plain.mean().iter().zip(scaled.mean()).zip(moved.mean()) {
        assert!((plain * 1024.0 - scaled).abs() < 1e-300);
        assert!((plain + 3.0 - moved).abs() < 1e-9);
    }
}

#[test]
fn a_seed_gives_the_same_search_and_another_seed_another() {
    let run = |seed| {
        let mut search = CmaEs::new(vec![0.5; 3], 1.0, 6, Covariance::Full, ChaCha8Rng::seed_from_u64(seed));
        for _ in 0..5 {
            let told: Vec<_> = search.ask().into_iter().map(|x| (x.clone(), sphere(&x))).collect();
            search.tell(&told);
        }
        search.mean().to_vec()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn values_that_are_no_number_come_last() {
    let mut search = start(vec![0.0; 3], 1.0, Covariance::Full);
    let with_hole = |x: &[f64]| {
        if x[0] > 0.5 {
            f64::NAN
        } else {
            sphere(&[x[0] - 0.4, x[1], x[2]])
        }
    };
    for _ in 0..60 {
        let told: Vec<_> = search.ask().into_iter().map(|x| (x.clone(), with_hole(&x))).collect();
        search.tell(&told);
    }
    assert!((search.mean()[0] - 0.4).abs() < 1e-3 && search.sigma().is_finite());
}

#[test]
fn too_few_candidates_teach_nothing() {
    let mut search = start(vec![1.0; 2], 1.0, Covariance::Full);
    search.tell(&[(vec![0.0; 2], 0.0)]);
    assert_eq!(search.mean(), [1.0; 2]);
}
