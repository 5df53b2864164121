//! Weather: snow, frost, fog, and brightness.

use rand::RngExt as _;

use super::blur::motion_along;
use super::grid::{Field, Grid, Raster};
use super::random::{Lattice, mixed, stream};
use super::scale::Scale;

/// How snow is made at one severity; the names are ours, the values ImageNet-C's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Snow {
    /// Mean of the random field that becomes flakes.
    pub(super) mean: f32,
    /// Its deviation.
    pub(super) deviation: f32,
    /// Size of its cells.
    pub(super) flake: f32,
    /// What lies below this is no flake.
    pub(super) threshold: f32,
    /// How far flakes are moved.
    pub(super) radius: f32,
    /// Deviation of that motion.
    pub(super) motion: f32,
    /// How much of the picture stays as it was; the rest is bleached.
    pub(super) kept: f32,
}

/// Flakes that fall, over a bleached picture.
pub(super) fn snow(raster: &Raster, snow: Snow, scale: Scale, seed: u64) -> Raster {
    let degrees = stream(seed).random_range(-135.0..-45.0_f32);
    let lattice = Lattice::new(mixed(seed));
    let samples = scale.samples_along();
    let flakes: Field = Grid::from_fn(raster.width, raster.height, |x, y| {
        [mean_over_pixel(x, y, samples, |x, y| {
            let (x, y) = (scale.reference(x) / snow.flake, scale.reference(y) / snow.flake);
            let value = snow.mean + snow.deviation * lattice.linear_normal(x, y);
            if value < snow.threshold {
                0.0
            } else {
                value.clamp(0.0, 1.0)
            }
        })]
    });
    let fallen = motion_along(&flakes, snow.radius, snow.motion, degrees, scale);
    let last = fallen.cells.len() - 1;
    Grid::from_fn(raster.width, raster.height, |x, y| {
        let index = y * raster.width + x;
        let pixel = raster.cells[index];
        let bleached = luma(pixel) * 1.5 + 0.5;
        // The same flakes once more, turned by half a circle.
        let flakes = fallen.cells[index][0] + fallen.cells[last - index][0];
        pixel.map(|value| snow.kept * value + (1.0 - snow.kept) * value.max(bleached) + flakes)
    })
}

/// The mean of a function of the position over one pixel, from so many samples along each side. Positions are in pixels.
fn mean_over_pixel(x: usize, y: usize, samples: usize, value: impl Fn(f32, f32) -> f32) -> f32 {
    let along = |start: usize, index: usize| start as f32 + (index as f32 + 0.5) / samples as f32;
    let sum: f32 = (0..samples)
        .flat_map(|row| (0..samples).map(move |column| (column, row)))
        .map(|(column, row)| value(along(x, column), along(y, row)))
        .sum();
    sum / (samples * samples) as f32
}

fn luma([red, green, blue]: [f32; 3]) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// Sizes of ridges, each half of the one before.
const RIDGE_OCTAVES: i32 = 5;

/// The picture dimmed, with frost over it.
pub(super) fn frost(raster: &Raster, picture_part: f32, frost_part: f32, scale: Scale, seed: u64) -> Raster {
    let frost = Frost::new(seed);
    Grid::from_fn(raster.width, raster.height, |x, y| {
        let over = frost.at(scale.reference(x as f32 + 0.5), scale.reference(y as f32 + 0.5));
        let pixel = raster.cells[y * raster.width + x];
        std::array::from_fn(|channel| picture_part * pixel[channel] + frost_part * over[channel])
    })
}

/// Frost on a window pane: ImageNet-C lays photographs of it over the picture, this is made up instead. Crystals are the ridges of
/// fractal noise whose positions are themselves pushed about by noise, finer and brighter where the pane is thickly covered.
struct Frost {
    cover: Lattice,
    push: [Lattice; 2],
    ridges: Lattice,
    grain: Lattice,
}

impl Frost {
    fn new(seed: u64) -> Self {
        let lattice = |index: u64| Lattice::new(mixed(seed.wrapping_add(index)));
        Self {
            cover: lattice(1),
            push: [lattice(2), lattice(3)],
            ridges: lattice(4),
            grain: lattice(5),
        }
    }

    /// Its colour at a position in ImageNet-C's pixels.
    fn at(&self, x: f32, y: f32) -> [f32; 3] {
        let cover = steep(self.cover.fractal(x, y, 110.0, 2.0, 3), 0.3, 0.7);
        let [push_x, push_y] = self.push.map(|push| 60.0 * (push.fractal(x, y, 45.0, 1.8, 4) - 0.5));
        // Longer one way than the other, as needles are.
        let crystals = self.ridges((x + push_x) * 1.5, (y + push_y) * 0.75, 44.0);
        let needles = self.ridges((x - push_y) * 0.8 + 300.0, (y + push_x) * 1.8, 20.0);
        let grain = self.grain.fractal(x, y, 4.0, 1.3, 3);
        let bright =
            0.06 + cover * (0.16 + 0.7 * crystals + 0.35 * needles) + 0.3 * crystals * needles + 0.16 * (grain - 0.5);
        // White where it is thick, bluish where the pane shows through.
        let tint = 1.0 - bright.clamp(0.0, 1.0);
        [bright - 0.07 * tint, bright, bright + 0.05 * tint].map(|value| value.clamp(0.0, 1.0))
    }

    /// Ridges with smaller ridges on them: each octave is 1 where its noise is at its middle value, and counts where the one before it was high.
    fn ridges(&self, x: f32, y: f32, period: f32) -> f32 {
        let (mut sum, mut weight, mut total) = (0.0, 1.0_f32, 0.0);
        let mut period = period;
        for octave in 0..RIDGE_OCTAVES {
            // Each octave lies elsewhere, so that they don't repeat each other.
            let shift = octave as f32 * 517.3;
            let noise = self.ridges.smooth(x / period + shift, y / period - shift);
            let ridge = (1.0 - (2.0 * noise - 1.0).abs()).powi(3);
            let amplitude = 0.7_f32.powi(octave);
            sum += amplitude * weight * ridge;
            total += amplitude;
            weight = (1.6 * ridge).min(1.0);
            period /= 2.0;
        }
        sum / total
    }
}

/// 0 up to `from`, 1 beyond `to`, smooth between.
fn steep(value: f32, from: f32, to: f32) -> f32 {
    let part = ((value - from) / (to - from)).clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}

/// Fog of this density, whose patches lose `1 / decay` of their contrast with each halving of their size. ImageNet-C makes it by midpoint
/// displacement on a square of 256 pixels; here it is a sum of octaves, which has no edge.
pub(super) fn fog(raster: &Raster, density: f32, decay: f32, scale: Scale, seed: u64) -> Raster {
    let lattice = Lattice::new(seed);
    let fog: Field = Grid::from_fn(raster.width, raster.height, |x, y| {
        let (x, y) = (scale.reference(x as f32 + 0.5), scale.reference(y as f32 + 0.5));
        [lattice.fractal(x, y, 128.0, decay, 7)]
    });
    let least = fog.cells.iter().flatten().copied().fold(f32::INFINITY, f32::min);
    let range = fog.largest() - least;
    let brightest = raster.largest();
    let kept = brightest / (brightest + density);
    Grid::from_fn(raster.width, raster.height, |x, y| {
        let index = y * raster.width + x;
        // In a picture of one pixel there is no range to spread over.
        let fog = if range > 0.0 {
            (fog.cells[index][0] - least) / range
        } else {
            0.5
        };
        raster.cells[index].map(|value| (value + density * fog) * kept)
    })
}

/// Adds to the value of hue, saturation and value.
pub(super) fn brightness(raster: &Raster, added: f32) -> Raster {
    raster.map(|pixel| {
        let value = pixel.into_iter().fold(0.0, f32::max);
        let brighter = (value + added).min(1.0);
        if value > 0.0 {
            pixel.map(|channel| channel / value * brighter)
        } else {
            [brighter; 3]
        }
    })
}
