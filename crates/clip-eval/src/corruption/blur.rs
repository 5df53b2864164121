//! Blurs: out of focus, through frosted glass, moved, zoomed. And the Gaussian blur that others need.

use rand::RngExt as _;

use super::grid::{Grid, Raster, mirrored, weighted_sum};
use super::random::stream;
use super::scale::Scale;

/// Samples along each side of a pixel that say how much of it a disk covers.
const COVERAGE_SAMPLES: i32 = 8;
/// A picture is moved along a line at most so far from the horizontal.
const MOTION_DEGREES: f32 = 45.0;

/// Separable Gaussian blur, cut off at `reach` deviations.
pub(super) fn gaussian<const N: usize>(grid: &Grid<N>, deviation: f32, reach: f32) -> Grid<N> {
    // Below this the neighbours' weight is under one part in a million.
    if deviation < 0.19 {
        return grid.clone();
    }
    let radius = (reach * deviation + 0.5) as isize;
    let weight = |offset: isize| (-0.5 * (offset as f32 / deviation).powi(2)).exp();
    let total: f32 = (-radius..=radius).map(weight).sum();
    let weights: Vec<(isize, f32)> = (-radius..=radius)
        .map(|offset| (offset, weight(offset) / total))
        .collect();
    let rows = Grid::from_fn(grid.width, grid.height, |x, y| {
        let row = &grid.cells[y * grid.width..(y + 1) * grid.width];
        weighted_sum(
            weights
                .iter()
                .map(|&(offset, weight)| (row[mirrored(x as isize + offset, grid.width)], weight)),
        )
    });
    Grid::from_fn(grid.width, grid.height, |x, y| {
        weighted_sum(weights.iter().map(|&(offset, weight)| {
            let row = mirrored(y as isize + offset, grid.height);
            (rows.cells[row * grid.width + x], weight)
        }))
    })
}

/// A disk of this radius in pixels. ImageNet-C softens the stairs of its disk's edge with a Gaussian; here each pixel of the kernel weighs as
/// much as the disk covers of it, which works for radii below a pixel too.
pub(super) fn defocus(raster: &Raster, radius: f32) -> Raster {
    let reach = (radius + 0.5).ceil() as isize;
    let coverage: Vec<Covered> = (-reach..=reach)
        .flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)))
        .map(|(dx, dy)| (dx, dy, covered(dx as f32, dy as f32, radius)))
        .filter(|&(_, _, weight)| weight > 0.0)
        .collect();
    let total: f32 = coverage.iter().map(|(_, _, weight)| weight).sum();
    if total <= 0.0 {
        return raster.clone();
    }
    // Fully covered pixels come from running sums of their row; only those at the edge are looked at one by one.
    let sums = running_sums(raster, reach as usize);
    let stride = raster.width + 2 * reach as usize + 1;
    let (spans, edge) = spans(&coverage, reach);
    Grid::from_fn(raster.width, raster.height, |x, y| {
        let mut sum = [0.0_f32; 3];
        for &(dy, half) in &spans {
            let row = &sums[mirrored(y as isize + dy, raster.height) * stride..][..stride];
            let centre = x + reach as usize;
            let (from, to) = (row[centre - half], row[centre + half + 1]);
            for channel in 0..3 {
                sum[channel] += (to[channel] - from[channel]) as f32;
            }
        }
        let rest = weighted_sum(
            edge.iter()
                .map(|&(dx, dy, weight)| (raster.at(x as isize + dx, y as isize + dy), weight)),
        );
        std::array::from_fn(|channel| (sum[channel] + rest[channel]) / total)
    })
}

/// The part of the pixel at this offset that a disk covers.
fn covered(dx: f32, dy: f32, radius: f32) -> f32 {
    let step = |index: i32| (index as f32 + 0.5) / COVERAGE_SAMPLES as f32 - 0.5;
    let inside = (0..COVERAGE_SAMPLES)
        .flat_map(|row| (0..COVERAGE_SAMPLES).map(move |column| (column, row)))
        .filter(|&(column, row)| (dx + step(column)).hypot(dy + step(row)) <= radius)
        .count();
    inside as f32 / (COVERAGE_SAMPLES * COVERAGE_SAMPLES) as f32
}

/// A pixel's offset, to the right and down, and how much of it is covered.
type Covered = (isize, isize, f32);

/// Rows of fully covered pixels as (row offset, pixels to each side of the centre), and the other pixels with their weights.
fn spans(coverage: &[Covered], reach: isize) -> (Vec<(isize, usize)>, Vec<Covered>) {
    let mut spans = Vec::new();
    for row in -reach..=reach {
        let full = coverage.iter().filter(|(_, dy, weight)| *dy == row && *weight >= 1.0);
        if let Some(half) = full.map(|(dx, _, _)| dx.unsigned_abs()).max() {
            spans.push((row, half));
        }
    }
    let edge = coverage
        .iter()
        .copied()
        .filter(|&(_, _, weight)| weight < 1.0)
        .collect();
    (spans, edge)
}

/// For each row, mirrored by `reach` on both sides, the sums of all values before each place.
fn running_sums(raster: &Raster, reach: usize) -> Vec<[f64; 3]> {
    let stride = raster.width + 2 * reach + 1;
    let mut sums = Vec::with_capacity(stride * raster.height);
    for y in 0..raster.height {
        let mut sum = [0.0_f64; 3];
        sums.push(sum);
        for x in 0..raster.width + 2 * reach {
            let value = raster.at(x as isize - reach as isize, y as isize);
            for (sum, value) in sum.iter_mut().zip(value) {
                *sum += f64::from(value);
            }
            sums.push(sum);
        }
    }
    sums
}

/// Frosted glass: blurred, then pixels exchanged with neighbours at most `displacement` pixels away, `passes` times, then blurred again.
pub(super) fn glass(
    raster: &Raster,
    deviation: f32,
    displacement: f32,
    passes: u32,
    scale: Scale,
    seed: u64,
) -> Raster {
    let mut random = stream(seed);
    let deviation = scale.length(deviation);
    let displacement = scale.length(displacement);
    let mut raster = gaussian(raster, deviation, 4.0);
    let (columns, rows) = scale.cells(raster.width, raster.height);
    let draws = scale.draws_in_cell().min(16);
    for _ in 0..passes {
        let offsets: Vec<(f32, f32)> = (0..columns * rows * draws as usize)
            .map(|_| {
                let mut offset = || displacement * random.random_range(-1.0..1.0_f32);
                (offset(), offset())
            })
            .collect();
        raster = Grid::from_fn(raster.width, raster.height, |x, y| {
            let cell = scale.cell_of(y).min(rows - 1) * columns + scale.cell_of(x).min(columns - 1);
            let drawn = &offsets[cell * draws as usize..][..draws as usize];
            weighted_sum(
                drawn
                    .iter()
                    .map(|&(dx, dy)| (raster.sample(x as f32 + dx, y as f32 + dy), 1.0 / draws as f32)),
            )
        });
    }
    gaussian(&raster, deviation, 4.0)
}

/// Moved during the exposure, at an angle within 45 degrees of the horizontal.
pub(super) fn motion(raster: &Raster, radius: f32, deviation: f32, scale: Scale, seed: u64) -> Raster {
    let degrees = stream(seed).random_range(-MOTION_DEGREES..MOTION_DEGREES);
    motion_along(raster, radius, deviation, degrees, scale)
}

/// Half a Gaussian along a line, as ImageMagick's motion blur has it: `2 radius + 1` taps, lengths in ImageNet-C's pixels.
pub(super) fn motion_along<const N: usize>(
    grid: &Grid<N>,
    radius: f32,
    deviation: f32,
    degrees: f32,
    scale: Scale,
) -> Grid<N> {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let taps = (2.0 * radius) as usize + 1;
    let weight = |tap: usize| (-0.5 * (tap as f32 / deviation).powi(2)).exp();
    let total: f32 = (0..taps).map(weight).sum();
    let offsets: Vec<(f32, f32, f32)> = (0..taps)
        .map(|tap| {
            let distance = scale.length(tap as f32);
            (distance * cosine, distance * sine, weight(tap) / total)
        })
        .collect();
    Grid::from_fn(grid.width, grid.height, |x, y| {
        weighted_sum(
            offsets
                .iter()
                .map(|&(dx, dy, weight)| (grid.sample(x as f32 + dx, y as f32 + dy), weight)),
        )
    })
}

/// The mean of the picture and of itself enlarged about its centre, by 1 to about `most` in such steps.
pub(super) fn zoom(raster: &Raster, most: f64, step: f64) -> Raster {
    let (middle_x, middle_y) = ((raster.width as f32 - 1.0) / 2.0, (raster.height as f32 - 1.0) / 2.0);
    let factors = zoom_factors(most, step);
    let weight = 1.0 / factors.len() as f32;
    Grid::from_fn(raster.width, raster.height, |x, y| {
        weighted_sum(factors.iter().map(|factor| {
            let along = |position: usize, middle: f32| middle + (position as f32 - middle) / factor;
            (raster.sample(along(x, middle_x), along(y, middle_y)), weight)
        }))
    })
}

/// Those of numpy's `arange(1, most, step)`, counted in double precision as there: at severity 1 rounding adds `most` itself. The first factor is 1, and
/// ImageNet-C adds the picture itself once more.
fn zoom_factors(most: f64, step: f64) -> Vec<f32> {
    let count = ((most - 1.0) / step).ceil() as usize;
    std::iter::once(1.0)
        .chain((0..count).map(|index| (1.0 + step * index as f64) as f32))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zoom_has_as_many_factors_as_imagenet_c() {
        let published = [
            (1.11, 0.01, 12, 1.11),
            (1.16, 0.01, 16, 1.15),
            (1.21, 0.02, 11, 1.2),
            (1.26, 0.02, 13, 1.24),
            (1.31, 0.03, 11, 1.3),
        ];
        for (most, step, count, last) in published {
            let factors = zoom_factors(most, step);
            assert_eq!(factors.len(), count + 1, "{most}: {factors:?}");
            assert!((factors[count] - last).abs() < 1e-6, "{most}: {factors:?}");
        }
    }
}
