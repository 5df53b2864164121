//! Stacks of matrices times stacks of matrices, wherever their numbers lie.

use burn::tensor::Shape;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tiles::places;

/// Invocations of a workgroup.
const GROUP: usize = 64;
/// Rows and columns of an invocation's part of the result.
const LARGE_TILE: usize = 8;
const SMALL_TILE: usize = 4;
/// With no more large tiles than this a device has better use for four times as many small ones.
const FEW_TILES: usize = 256;

/// Where the numbers of a stack of matrices lie: the strides of both batch dimensions, of the rows and of the columns.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
struct Places {
    outer: usize,
    inner: usize,
    row: usize,
    column: usize,
}

/// Stacks of matrices, `[outer, inner, count, depth]` times `[outer, inner, depth, columns]`, wherever their numbers lie; the result is contiguous.
/// An invocation has `tile` rows and as many columns of one matrix.
#[cube(launch)]
#[expect(clippy::too_many_arguments, reason = "a kernel's arguments are buffers and numbers")]
fn stacked(
    left: &[f32],
    right: &[f32],
    output: &mut [f32],
    left_places: Places,
    right_places: Places,
    inner: usize,
    count: usize,
    depth: usize,
    columns: usize,
    #[comptime] tile: usize,
) {
    let tiles_of_columns = columns.div_ceil(tile);
    let first_column = ABSOLUTE_POS_X as usize % tiles_of_columns * tile;
    let first_row = ABSOLUTE_POS_X as usize / tiles_of_columns * tile;
    let matrix = ABSOLUTE_POS_Y as usize;
    if first_row < count {
        let (outer_index, inner_index) = (matrix / inner, matrix % inner);
        let left_start = outer_index * left_places.outer + inner_index * left_places.inner;
        let right_start = outer_index * right_places.outer + inner_index * right_places.inner;
        let row_places = places(left_start, first_row, count, left_places.row, tile, 1usize);
        let column_places = places(right_start, first_column, columns, right_places.column, tile, 1usize);
        let mut sums = Sequence::<RuntimeCell<f32>>::new();
        #[unroll]
        for _ in 0..comptime!(tile * tile) {
            sums.push(RuntimeCell::new(0.0f32));
        }
        for step in 0..depth {
            let mut values = Sequence::<f32>::new();
            #[unroll]
            for column in 0..tile {
                values.push(right[column_places[column] + step * right_places.row]);
            }
            #[unroll]
            for row in 0..tile {
                let value = left[row_places[row] + step * left_places.column];
                #[unroll]
                for column in 0..tile {
                    let sum = &sums[row * tile + column];
                    sum.store(sum.read() + value * values[column]);
                }
            }
        }
        #[unroll]
        for row in 0..tile {
            if first_row + row < count {
                let place = (matrix * count + first_row + row) * columns + first_column;
                #[unroll]
                for column in 0..tile {
                    if first_column + column < columns {
                        output[place + column] = sums[row * tile + column].read();
                    }
                }
            }
        }
    }
}

/// Stacks of matrices, `[..., count, depth]` times `[..., depth, columns]`, of the same number of dimensions, at most four, and the same sizes before the
/// last two: `[..., count, columns]`.
pub(crate) fn product(left: CubeTensor, right: CubeTensor) -> CubeTensor {
    let mut shape: Vec<usize> = left.meta.shape().iter().copied().collect();
    let dimensions = shape.len();
    let [outer, inner, count, depth] = last_four(&shape, 1);
    let right_shape: Vec<usize> = right.meta.shape().iter().copied().collect();
    let columns = right_shape[dimensions - 1];
    shape[dimensions - 1] = columns;
    let client = left.client.clone();
    let output = empty_device_contiguous_dtype(client.clone(), left.device.clone(), Shape::from(shape), left.dtype);
    if outer * inner * count * columns == 0 {
        return output;
    }
    let places = |tensor: &CubeTensor| {
        let strides: Vec<usize> = tensor.meta.strides().iter().copied().collect();
        let [outer, inner, row, column] = last_four(&strides, 0);
        PlacesLaunch::new(outer, inner, row, column)
    };
    let (left_places, right_places) = (places(&left), places(&right));
    let matrices = outer * inner;
    let tiles = |tile: usize| columns.div_ceil(tile) * count.div_ceil(tile);
    let tile = if count.min(columns) >= LARGE_TILE && tiles(LARGE_TILE) * matrices > FEW_TILES {
        LARGE_TILE
    } else {
        SMALL_TILE
    };
    stacked::launch(
        &client,
        CubeCount::Static(tiles(tile).div_ceil(GROUP) as u32, matrices as u32, 1),
        CubeDim::new_1d(GROUP as u32),
        left.into_buffer_arg(),
        right.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        left_places,
        right_places,
        inner,
        count,
        depth,
        columns,
        tile,
    );
    output
}

/// The last four of some numbers, with `before` in the place of those that there aren't.
fn last_four(numbers: &[usize], before: usize) -> [usize; 4] {
    let mut last = [before; 4];
    for (to, from) in last.iter_mut().rev().zip(numbers.iter().rev()) {
        *to = *from;
    }
    last
}
