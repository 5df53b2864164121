//! What computers do to pictures: less contrast, elastic distortion, coarse pixels, JPEG.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat};
use rand::RngExt as _;

use super::blur::gaussian;
use super::grid::{Field, Grid, Raster};
use super::random::stream;
use super::scale::Scale;
use super::{Error, Result};

/// Cells of a random field for each deviation of its smoothing.
const CELLS_IN_DEVIATION: f32 = 4.0;

/// Distances from the mean colour times a factor.
pub(super) fn contrast(raster: &Raster, factor: f32) -> Raster {
    let mean = raster.mean();
    raster.map(|pixel| std::array::from_fn(|channel| (pixel[channel] - mean[channel]) * factor + mean[channel]))
}

/// How a picture is stretched at one severity; the names are ours, the values ImageNet-C's, lengths in its pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elastic {
    /// What the smoothed random displacements are multiplied by.
    pub(super) strength: f32,
    /// Deviation of their smoothing.
    pub(super) smoothing: f32,
    /// How far each of the three points that fix the affine part is moved at most, in both directions.
    pub(super) affine: f32,
}

/// A random affine map, then random local displacements.
pub(super) fn elastic(raster: &Raster, elastic: Elastic, scale: Scale, seed: u64) -> Raster {
    let mut random = stream(seed);
    let moved = elastic_affine(raster, scale.length(elastic.affine), &mut random);
    let smoothing = scale.length(elastic.smoothing);
    // A field that is smoothed over many cells is as well drawn for fewer, larger ones.
    let cell = scale.grain().max(smoothing / CELLS_IN_DEVIATION);
    let count = |side: usize| ((side as f32 / cell).ceil() as usize).max(1);
    let (columns, rows) = (count(raster.width), count(raster.height));
    let mut field = || {
        let drawn: Field = Grid::from_fn(columns, rows, |_, _| [random.random_range(-1.0..1.0_f32)]);
        gaussian(&drawn, smoothing / cell, 3.0)
    };
    let (right, down) = (field(), field());
    // A cell is the mean of as many of ImageNet-C's pixels as lie in it.
    let strength = scale.length(elastic.strength) / scale.reference(cell).max(1.0);
    Grid::from_fn(raster.width, raster.height, |x, y| {
        let displaced = |field: &Field, position: usize| {
            let place = |pixel: usize| (pixel as f32 + 0.5) / cell - 0.5;
            position as f32 + strength * field.sample(place(x), place(y))[0]
        };
        moved.sample(displaced(&right, x), displaced(&down, y))
    })
}

/// Moves three points about the middle at random, and everything with them.
fn elastic_affine(raster: &Raster, most: f32, random: &mut impl rand::Rng) -> Raster {
    let (middle_x, middle_y) = (raster.width as f32 / 2.0, raster.height as f32 / 2.0);
    let reach = raster.width.min(raster.height) as f32 / 3.0;
    let points = [(reach, reach), (reach, -reach), (-reach, -reach)];
    let moved = points.map(|(x, y)| {
        let mut shift = || {
            if most > 0.0 {
                random.random_range(-most..most)
            } else {
                0.0
            }
        };
        (x + shift(), y + shift())
    });
    // The map back: from where a point went to where it was, exact in the three.
    let ((x0, y0), (x1, y1), (x2, y2)) = (moved[0], moved[1], moved[2]);
    let area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
    Grid::from_fn(raster.width, raster.height, |x, y| {
        let (x, y) = (x as f32 - middle_x, y as f32 - middle_y);
        let second = ((x - x0) * (y2 - y0) - (x2 - x0) * (y - y0)) / area;
        let third = ((x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)) / area;
        let first = 1.0 - second - third;
        let back =
            |of: fn(&(f32, f32)) -> f32| first * of(&points[0]) + second * of(&points[1]) + third * of(&points[2]);
        raster.sample(back(|point| point.0) + middle_x, back(|point| point.1) + middle_y)
    })
}

/// Made smaller by this factor and large again, both with the mean over areas.
pub(super) fn pixelate(raster: &Raster, factor: f32, scale: Scale) -> Raster {
    let factor = factor / scale.grain();
    let smaller = |side: usize| ((side as f32 * factor) as usize).max(1);
    let small = area_resized(raster, smaller(raster.width), smaller(raster.height));
    area_resized(&small, raster.width, raster.height)
}

/// Each new pixel is the mean of the area that it covers (Pillow's `BOX`).
fn area_resized(raster: &Raster, width: usize, height: usize) -> Raster {
    let columns = covered_parts(raster.width, width);
    let rows = covered_parts(raster.height, height);
    let narrow = Grid::from_fn(width, raster.height, |x, y| {
        super::grid::weighted_sum(
            columns[x]
                .iter()
                .map(|&(column, part)| (raster.cells[y * raster.width + column], part)),
        )
    });
    Grid::from_fn(width, height, |x, y| {
        super::grid::weighted_sum(rows[y].iter().map(|&(row, part)| (narrow.cells[row * width + x], part)))
    })
}

/// For each of `to` equal parts of a line of `from` pixels: the pixels in it, and their shares of it.
fn covered_parts(from: usize, to: usize) -> Vec<Vec<(usize, f32)>> {
    let length = from as f64 / to as f64;
    (0..to)
        .map(|index| {
            let (start, end) = (index as f64 * length, (index + 1) as f64 * length);
            let last = (end.ceil() as usize).clamp(1, from);
            let first = (start as usize).min(last - 1);
            let parts = (first..last).map(|pixel| {
                let overlap = end.min((pixel + 1) as f64) - start.max(pixel as f64);
                (pixel, overlap.max(0.0))
            });
            let total: f64 = parts.clone().map(|(_, overlap)| overlap).sum();
            parts
                .map(|(pixel, overlap)| (pixel, (overlap / total) as f32))
                .collect()
        })
        .collect()
}

/// Compressed with this quality, of 1 to 100. What compression does to a picture larger than ImageNet-C's is computed on a reduced one
/// and added to it: else its blocks of 8 pixels would be too small to be seen once the picture is made smaller for the model.
pub(super) fn jpeg(raster: &Raster, quality: u8, scale: Scale) -> Result<Raster> {
    let (columns, rows) = scale.cells(raster.width, raster.height);
    if (columns, rows) == (raster.width, raster.height) {
        return compressed(raster.clone(), quality);
    }
    let reduced = area_resized(raster, columns, rows);
    let error = compressed(reduced.clone(), quality)?;
    let error: Raster = Grid::from_fn(columns, rows, |x, y| {
        let (after, before) = (error.at(x as isize, y as isize), reduced.at(x as isize, y as isize));
        std::array::from_fn(|channel| after[channel] - before[channel])
    });
    let per_pixel = |cells: usize, pixels: usize| cells as f32 / pixels as f32;
    let (across, down) = (per_pixel(columns, raster.width), per_pixel(rows, raster.height));
    Ok(Grid::from_fn(raster.width, raster.height, |x, y| {
        let error = error.sample((x as f32 + 0.5) * across - 0.5, (y as f32 + 0.5) * down - 0.5);
        let pixel = raster.cells[y * raster.width + x];
        std::array::from_fn(|channel| pixel[channel] + error[channel])
    }))
}

fn compressed(raster: Raster, quality: u8) -> Result<Raster> {
    let failed = |error: image::ImageError| Error::Jpeg {
        reason: error.to_string(),
    };
    let (width, height) = (raster.width as u32, raster.height as u32);
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode(&raster.into_rgb8(), width, height, ExtendedColorType::Rgb8)
        .map_err(failed)?;
    let decoded = image::load_from_memory_with_format(bytes.get_ref(), ImageFormat::Jpeg)
        .map_err(failed)?
        .into_rgb8();
    let (pixels, _) = decoded.as_raw().as_chunks::<3>();
    Ok(Raster {
        width: width as usize,
        height: height as usize,
        cells: pixels
            .iter()
            .map(|pixel| pixel.map(|value| f32::from(value) / 255.0))
            .collect(),
    })
}
