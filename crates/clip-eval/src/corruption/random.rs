//! Random numbers of a corruption: streams for what is drawn in order, and a lattice that has a value everywhere.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// The numbers that a seed gives, in order.
pub(super) fn stream(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Random values on the points of an endless square lattice. Nothing is stored, so that a picture's shape doesn't matter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lattice {
    seed: u64,
}

impl Lattice {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Uniform from 0 to 1 at a point of the lattice.
    pub(super) fn uniform(self, x: i64, y: i64) -> f32 {
        let bits = mixed(self.seed ^ mixed(x as u64 ^ mixed(y as u64)));
        // 24 bits are what the type holds exactly.
        (bits >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Normal with deviation 1 at a point of the lattice.
    pub(super) fn normal(self, x: i64, y: i64) -> f32 {
        let other = Self { seed: mixed(self.seed) };
        let radius = (-2.0 * (1.0 - self.uniform(x, y)).ln()).sqrt();
        radius * (std::f32::consts::TAU * other.uniform(x, y)).cos()
    }

    /// Between the points, smoothly, from 0 to 1.
    pub(super) fn smooth(self, x: f32, y: f32) -> f32 {
        interpolated(x, y, |part| part * part * (3.0 - 2.0 * part), |x, y| self.uniform(x, y))
    }

    /// Normal at the points, linear between them.
    pub(super) fn linear_normal(self, x: f32, y: f32) -> f32 {
        interpolated(x, y, |part| part, |x, y| self.normal(x, y))
    }

    /// Octaves of [`Lattice::smooth`], each of half the period and `1 / decay` of the amplitude; the first has this period.
    pub(super) fn fractal(self, x: f32, y: f32, period: f32, decay: f32, octaves: u32) -> f32 {
        let (mut sum, mut total) = (0.0, 0.0);
        let (mut period, mut amplitude) = (period, 1.0);
        let mut lattice = self;
        for _ in 0..octaves {
            sum += amplitude * lattice.smooth(x / period, y / period);
            total += amplitude;
            period /= 2.0;
            amplitude /= decay;
            lattice.seed = mixed(lattice.seed);
        }
        sum / total
    }
}

fn interpolated(x: f32, y: f32, ease: impl Fn(f32) -> f32, value: impl Fn(i64, i64) -> f32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (right_part, lower_part) = (ease(x - left), ease(y - top));
    let (left, top) = (left as i64, top as i64);
    let upper = value(left, top) * (1.0 - right_part) + value(left + 1, top) * right_part;
    let lower = value(left, top + 1) * (1.0 - right_part) + value(left + 1, top + 1) * right_part;
    upper * (1.0 - lower_part) + lower * lower_part
}

/// SplitMix64's output function: every bit of the input changes half of the output's.
pub(super) fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lattice_has_the_moments_of_its_distributions() {
        let lattice = Lattice::new(5);
        let points = || (0..100).flat_map(|x| (0..100).map(move |y| (x, y)));
        let mean = |values: Vec<f32>| values.iter().sum::<f32>() / values.len() as f32;
        assert!((mean(points().map(|(x, y)| lattice.uniform(x, y)).collect()) - 0.5).abs() < 0.02);
        assert!(mean(points().map(|(x, y)| lattice.normal(x, y)).collect()).abs() < 0.05);
        let squares = points().map(|(x, y)| lattice.normal(x, y).powi(2)).collect();
        assert!((mean(squares) - 1.0).abs() < 0.05);
    }
}
