//! Rectangles of floating-point cells: pictures (three channels, 0 to 1) and random fields (one).

use clip_model::picture::Picture;

/// Cells in rows, top row first, each with `N` channels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid<const N: usize> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) cells: Vec<[f32; N]>,
}

/// A picture's pixels, red, green and blue from 0 to 1.
pub(super) type Raster = Grid<3>;
/// One value a cell.
pub(super) type Field = Grid<1>;

impl<const N: usize> Grid<N> {
    /// Made cell by cell, row after row: `cell(x, y)`.
    pub(super) fn from_fn(width: usize, height: usize, mut cell: impl FnMut(usize, usize) -> [f32; N]) -> Self {
        let cells = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| cell(x, y))
            .collect();
        Self { width, height, cells }
    }

    /// A cell; positions outside are mirrored into it.
    pub(super) fn at(&self, x: isize, y: isize) -> [f32; N] {
        self.cells[mirrored(y, self.height) * self.width + mirrored(x, self.width)]
    }

    /// Between cells, linearly; `(0, 0)` is the centre of the first one.
    pub(super) fn sample(&self, x: f32, y: f32) -> [f32; N] {
        let (x, y) = (finite(x), finite(y));
        let (left, top) = (x.floor(), y.floor());
        let (right_part, lower_part) = (x - left, y - top);
        let (left, top) = (left as isize, top as isize);
        let corners = [
            (self.at(left, top), (1.0 - right_part) * (1.0 - lower_part)),
            (self.at(left + 1, top), right_part * (1.0 - lower_part)),
            (self.at(left, top + 1), (1.0 - right_part) * lower_part),
            (self.at(left + 1, top + 1), right_part * lower_part),
        ];
        weighted_sum(corners.into_iter())
    }

    /// Each cell changed by itself.
    pub(super) fn map(&self, change: impl Fn([f32; N]) -> [f32; N]) -> Self {
        Self {
            width: self.width,
            height: self.height,
            cells: self.cells.iter().map(|&cell| change(cell)).collect(),
        }
    }

    /// The mean of all cells, channel by channel.
    pub(super) fn mean(&self) -> [f32; N] {
        let mut sums = [0.0_f64; N];
        for cell in &self.cells {
            for (sum, &value) in sums.iter_mut().zip(cell) {
                *sum += f64::from(value);
            }
        }
        sums.map(|sum| (sum / self.cells.len().max(1) as f64) as f32)
    }

    /// The largest value of any channel.
    pub(super) fn largest(&self) -> f32 {
        self.cells.iter().flatten().copied().fold(f32::NEG_INFINITY, f32::max)
    }
}

impl Raster {
    pub(super) fn of(picture: &Picture) -> Self {
        let (pixels, _) = picture.rgb().as_chunks::<3>();
        Self {
            width: picture.width() as usize,
            height: picture.height() as usize,
            cells: pixels
                .iter()
                .map(|pixel| pixel.map(|value| f32::from(value) / 255.0))
                .collect(),
        }
    }

    /// RGB8 rows; what lies outside 0 to 1 is cut off, and what is no number becomes 0.
    pub(super) fn into_rgb8(self) -> Vec<u8> {
        self.cells
            .into_iter()
            .flatten()
            .map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8)
            .collect()
    }
}

/// The sum of cells times their weights.
pub(super) fn weighted_sum<const N: usize>(cells: impl Iterator<Item = ([f32; N], f32)>) -> [f32; N] {
    let mut sum = [0.0; N];
    for (cell, weight) in cells {
        for (sum, value) in sum.iter_mut().zip(cell) {
            *sum += weight * value;
        }
    }
    sum
}

/// An index mirrored into `0..length`, the edge cell twice: `c b a | a b c | c b a`.
pub(super) fn mirrored(index: isize, length: usize) -> usize {
    // Pictures are far smaller than half of what these hold.
    let length = length.max(1) as isize;
    let folded = index.rem_euclid(2 * length);
    (if folded < length {
        folded
    } else {
        2 * length - 1 - folded
    }) as usize
}

fn finite(position: f32) -> f32 {
    // Far outside any picture mirroring is noise anyway, and the conversion to an index must not wrap.
    if position.is_finite() {
        position.clamp(-1e9, 1e9)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_outside_are_mirrored() {
        let row: Vec<usize> = (-4..8).map(|index| mirrored(index, 3)).collect();
        assert_eq!(row, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]);
        assert!((-9..9).all(|index| mirrored(index, 1) == 0));
    }

    #[test]
    fn a_position_between_cells_is_their_mean() {
        let grid = Grid::from_fn(2, 2, |x, y| [(x + 2 * y) as f32]);
        assert_eq!(grid.sample(0.5, 0.5), [1.5]);
        assert_eq!(grid.sample(1.0, 0.0), [1.0]);
        assert_eq!(grid.sample(f32::NAN, f32::INFINITY), [0.0]);
    }
}
