//! CMA-ES: minimising a function that only gives values, no gradient (N. Hansen, "The CMA Evolution Strategy: A
//! Tutorial", arXiv 1604.00772; the parameters are those of its table 1, with positive weights only).
//!
//! A generation is drawn from a normal distribution; its mean moves to the weighted mean of the better half, its
//! covariance learns the directions that succeeded, and the length of the path of the mean sets the step size. Above
//! [`MOST_FULL`] dimensions the covariance is a diagonal (sep-CMA-ES, Ros and Hansen 2008): in a few generations a full
//! one couldn't be learned, and its decomposition would cost more than the function.

#[cfg(test)]
mod tests;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::symmetric::{Eigen, decompose};
use super::{add_scaled, dot};

/// Dimensions up to which the covariance is a full matrix.
pub const MOST_FULL: usize = 256;

/// How the covariance is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covariance {
    /// Every pair of dimensions: the search doesn't depend on how the axes lie.
    Full,
    /// Each dimension by itself.
    Diagonal,
}

impl Covariance {
    /// What so many dimensions can afford.
    #[must_use]
    pub fn for_dimensions(dimensions: usize) -> Self {
        if dimensions <= MOST_FULL {
            Self::Full
        } else {
            Self::Diagonal
        }
    }
}

/// A normal distribution that moves downhill.
#[derive(Debug, Clone)]
pub struct CmaEs {
    rates: Rates,
    random: ChaCha8Rng,
    generation: i32,
    mean: Vec<f64>,
    sigma: f64,
    shape: Shape,
    path_sigma: Vec<f64>,
    path_covariance: Vec<f64>,
}

/// Constants of a run.
#[derive(Debug, Clone)]
struct Rates {
    population: usize,
    /// Of the better half, best first; they sum to 1.
    weights: Vec<f64>,
    effective: f64,
    path_sigma: f64,
    damping: f64,
    path_covariance: f64,
    rank_one: f64,
    rank_mu: f64,
    /// The expected length of a standard normal vector.
    expected_length: f64,
}

/// The covariance without the step size.
#[derive(Debug, Clone)]
enum Shape {
    Full {
        /// `[n, n]`
        matrix: Vec<f64>,
        /// As it was decomposed last; `roots` are the square roots of its values.
        eigen: Eigen,
        roots: Vec<f64>,
        decomposed: i32,
    },
    Diagonal {
        variances: Vec<f64>,
    },
}

/// The published size of a generation: `4 + floor(3 ln n)`.
#[must_use]
pub fn default_population(dimensions: usize) -> usize {
    4 + (3.0 * (dimensions.max(1) as f64).ln()) as usize
}

impl CmaEs {
    /// A distribution around `mean`, equally wide in all directions, that draws `population` candidates at a time (at
    /// least 2).
    #[must_use]
    pub fn new(mean: Vec<f64>, sigma: f64, population: usize, covariance: Covariance, random: ChaCha8Rng) -> Self {
        let n = mean.len();
        let shape = match covariance {
            Covariance::Full => {
                let mut matrix = vec![0.0; n * n];
                matrix.iter_mut().step_by(n + 1).for_each(|value| *value = 1.0);
                Shape::Full {
                    eigen: Eigen {
                        values: vec![1.0; n],
                        vectors: matrix.clone(),
                    },
                    matrix,
                    roots: vec![1.0; n],
                    decomposed: 0,
                }
            }
            Covariance::Diagonal => Shape::Diagonal {
                variances: vec![1.0; n],
            },
        };
        Self {
            rates: Rates::new(n, population.max(2), covariance),
            random,
            generation: 0,
            path_sigma: vec![0.0; n],
            path_covariance: vec![0.0; n],
            mean,
            sigma,
            shape,
        }
    }

    /// Candidates of a generation.
    #[must_use]
    pub fn population(&self) -> usize {
        self.rates.population
    }

    /// The distribution's middle.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The covariance without the step size, `[n, n]`, or its diagonal, `[n]`.
    #[must_use]
    pub fn covariance(&self) -> &[f64] {
        match &self.shape {
            Shape::Full { matrix, .. } => matrix,
            Shape::Diagonal { variances } => variances,
        }
    }

    /// The step size.
    #[must_use]
    pub fn sigma(&self) -> f64 {
        self.sigma
    }

    /// Draws a generation.
    pub fn ask(&mut self) -> Vec<Vec<f64>> {
        (0..self.rates.population).map(|_| self.draw()).collect()
    }

    fn draw(&mut self) -> Vec<f64> {
        let random = &mut self.random;
        let normal = self.mean.iter().map(|_| StandardNormal.sample(random));
        let normal: Vec<f64> = normal.collect();
        let mut candidate = self.mean.clone();
        match &self.shape {
            Shape::Full { eigen, roots, .. } => {
                let vectors = eigen.vectors.chunks_exact(candidate.len());
                for ((vector, root), normal) in vectors.zip(roots).zip(normal) {
                    add_scaled(&mut candidate, self.sigma * root * normal, vector);
                }
            }
            Shape::Diagonal { variances } => {
                for ((value, variance), normal) in candidate.iter_mut().zip(variances).zip(normal) {
                    *value += self.sigma * variance.sqrt() * normal;
                }
            }
        }
        candidate
    }

    /// Learns from candidates with their values, which need not all come from [`CmaEs::ask`] (the best so far may be told
    /// again). A value that is no number counts as the worst.
    pub fn tell(&mut self, candidates: &[(Vec<f64>, f64)]) {
        let mut order: Vec<&(Vec<f64>, f64)> = candidates.iter().collect();
        let rank = |value: f64| if value.is_nan() { f64::INFINITY } else { value };
        order.sort_by(|a, b| rank(a.1).total_cmp(&rank(b.1)));
        let n = self.mean.len();
        let steps: Vec<Vec<f64>> = order
            .iter()
            .take(self.rates.weights.len())
            .map(|(candidate, _)| self.step_to(candidate))
            .collect();
        if steps.len() < self.rates.weights.len() || n == 0 {
            return;
        }
        self.generation += 1;
        let rates = self.rates.clone();
        let mut step = vec![0.0; n];
        for (weight, one) in rates.weights.iter().zip(&steps) {
            add_scaled(&mut step, *weight, one);
        }
        add_scaled(&mut self.mean, self.sigma, &step);

        let whitened = self.shape.whiten(&step);
        follow(&mut self.path_sigma, rates.path_sigma, rates.effective, &whitened);
        let length = dot(&self.path_sigma, &self.path_sigma).sqrt();
        // A path that is long only because it just began, or since the step size is still too small, doesn't count.
        let begun = 1.0 - (1.0 - rates.path_sigma).powi(2 * self.generation);
        let steady = length / begun.sqrt() < (1.4 + 2.0 / (n as f64 + 1.0)) * rates.expected_length;
        let stalled = vec![0.0; n];
        let followed = if steady { &step } else { &stalled };
        follow(
            &mut self.path_covariance,
            rates.path_covariance,
            rates.effective,
            followed,
        );
        let lost = if steady {
            0.0
        } else {
            rates.path_covariance * (2.0 - rates.path_covariance)
        };
        self.shape.learn(&rates, &self.path_covariance, lost, &steps);
        self.shape.decompose_if_due(&rates, self.generation);
        self.sigma *= (rates.path_sigma / rates.damping * (length / rates.expected_length - 1.0))
            .min(1.0)
            .exp();
    }

    /// From the mean to a candidate, in step sizes.
    fn step_to(&self, candidate: &[f64]) -> Vec<f64> {
        candidate
            .iter()
            .zip(&self.mean)
            .map(|(to, from)| (to - from) / self.sigma)
            .collect()
    }
}

/// A path forgets, and takes in a step.
fn follow(path: &mut [f64], rate: f64, effective: f64, step: &[f64]) {
    path.iter_mut().for_each(|value| *value *= 1.0 - rate);
    add_scaled(path, (rate * (2.0 - rate) * effective).sqrt(), step);
}

impl Rates {
    fn new(dimensions: usize, population: usize, covariance: Covariance) -> Self {
        let n = dimensions.max(1) as f64;
        let half = population / 2;
        let raw: Vec<f64> = (1..=half)
            .map(|place| ((population as f64 + 1.0) / 2.0).ln() - (place as f64).ln())
            .collect();
        let sum: f64 = raw.iter().sum();
        let weights: Vec<f64> = raw.into_iter().map(|weight| weight / sum).collect();
        let effective = 1.0 / weights.iter().map(|weight| weight * weight).sum::<f64>();
        let path_sigma = (effective + 2.0) / (n + effective + 5.0);
        // A diagonal has fewer numbers to learn, so it learns faster (Ros and Hansen 2008).
        let faster = match covariance {
            Covariance::Full => 1.0,
            Covariance::Diagonal => (n + 2.0) / 3.0,
        };
        let rank_one = (faster * 2.0 / ((n + 1.3).powi(2) + effective)).min(1.0);
        let rank_mu = faster * 2.0 * (effective - 2.0 + 1.0 / effective) / ((n + 2.0).powi(2) + effective);
        Self {
            population,
            weights,
            effective,
            path_sigma,
            damping: 1.0 + 2.0 * (((effective - 1.0) / (n + 1.0)).max(0.0).sqrt() - 1.0).max(0.0) + path_sigma,
            path_covariance: (4.0 + effective / n) / (n + 4.0 + 2.0 * effective / n),
            rank_one,
            rank_mu: rank_mu.min(1.0 - rank_one),
            expected_length: n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n)),
        }
    }
}

impl Shape {
    /// `C^(-1/2) step`
    fn whiten(&self, step: &[f64]) -> Vec<f64> {
        match self {
            Self::Full { eigen, roots, .. } => {
                let mut whitened = vec![0.0; step.len()];
                for (vector, root) in eigen.vectors.chunks_exact(step.len().max(1)).zip(roots) {
                    add_scaled(&mut whitened, dot(vector, step) / root, vector);
                }
                whitened
            }
            Self::Diagonal { variances } => step
                .iter()
                .zip(variances)
                .map(|(value, variance)| value / variance.sqrt())
                .collect(),
        }
    }

    /// Forgets, and takes in the path and the steps that succeeded. `lost` makes up for a path that stood still.
    fn learn(&mut self, rates: &Rates, path: &[f64], lost: f64, steps: &[Vec<f64>]) {
        let kept = 1.0 + rates.rank_one * lost - rates.rank_one - rates.rank_mu;
        match self {
            Self::Full { matrix, .. } => {
                for (index, values) in matrix.chunks_exact_mut(path.len().max(1)).enumerate() {
                    values.iter_mut().for_each(|value| *value *= kept);
                    add_scaled(values, rates.rank_one * path[index], path);
                    for (weight, step) in rates.weights.iter().zip(steps) {
                        add_scaled(values, rates.rank_mu * weight * step[index], step);
                    }
                }
            }
            Self::Diagonal { variances } => {
                for (variance, path) in variances.iter_mut().zip(path) {
                    *variance = kept * *variance + rates.rank_one * path * path;
                }
                for (weight, step) in rates.weights.iter().zip(steps) {
                    for (variance, step) in variances.iter_mut().zip(step) {
                        *variance += rates.rank_mu * weight * step * step;
                    }
                }
            }
        }
    }

    /// The decomposition costs as much as many generations, in which the matrix hardly changes (tutorial, section B.2).
    fn decompose_if_due(&mut self, rates: &Rates, generation: i32) {
        let Self::Full {
            matrix,
            eigen,
            roots,
            decomposed,
        } = self
        else {
            return;
        };
        let n = roots.len();
        let wait = 1.0 / ((rates.rank_one + rates.rank_mu) * n as f64 * 10.0);
        if f64::from(generation - *decomposed) <= wait {
            return;
        }
        // Rounding makes it a little unsymmetric.
        let symmetric = (0..n * n).map(|index| f64::midpoint(matrix[index], matrix[index % n * n + index / n]));
        if let Some(found) = decompose(symmetric.collect(), n) {
            let largest = found.values.last().copied().unwrap_or(1.0).max(f64::MIN_POSITIVE);
            *roots = found
                .values
                .iter()
                .map(|value| value.max(largest * 1e-14).sqrt())
                .collect();
            *eigen = found;
        }
        *decomposed = generation;
    }
}
