//! Stacks of matrices times stacks of matrices, wherever their numbers lie.

use burn::tensor::Shape;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tiles::Lanes;

/// Invocations of a workgroup, by columns and rows.
const GROUP: [u32; 2] = [16, 4];

/// Where the numbers of a stack of matrices lie: the strides of both batch dimensions, of the rows and of the columns.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
struct Places {
    outer: usize,
    inner: usize,
    row: usize,
    column: usize,
}

/// Stacks of matrices, `[outer, inner, count, depth]` times `[outer, inner, depth, columns]`, wherever their numbers lie; the result is contiguous.
/// An invocation has four rows and four columns of one matrix.
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
) {
    let first_column = ABSOLUTE_POS_X as usize * 4;
    let first_row = ABSOLUTE_POS_Y as usize * 4;
    let matrix = ABSOLUTE_POS_Z as usize;
    if first_column < columns && first_row < count {
        let (outer_index, inner_index) = (matrix / inner, matrix % inner);
        let left_start = outer_index * left_places.outer + inner_index * left_places.inner;
        let right_start = outer_index * right_places.outer + inner_index * right_places.inner;
        // Past the end the last row or column is computed again, and not written.
        let (last_row, last_column) = (count - 1, columns - 1);
        let row_0 = left_start + first_row * left_places.row;
        let row_1 = left_start + usize::min(first_row + 1, last_row) * left_places.row;
        let row_2 = left_start + usize::min(first_row + 2, last_row) * left_places.row;
        let row_3 = left_start + usize::min(first_row + 3, last_row) * left_places.row;
        let column_0 = right_start + first_column * right_places.column;
        let column_1 = right_start + usize::min(first_column + 1, last_column) * right_places.column;
        let column_2 = right_start + usize::min(first_column + 2, last_column) * right_places.column;
        let column_3 = right_start + usize::min(first_column + 3, last_column) * right_places.column;
        let mut sum_0 = Lanes::new(0.0f32);
        let mut sum_1 = Lanes::new(0.0f32);
        let mut sum_2 = Lanes::new(0.0f32);
        let mut sum_3 = Lanes::new(0.0f32);
        for step in 0..depth {
            let along = step * left_places.column;
            let across = step * right_places.row;
            let mut values = Lanes::new(0.0f32);
            values.insert(0usize, right[column_0 + across]);
            values.insert(1usize, right[column_1 + across]);
            values.insert(2usize, right[column_2 + across]);
            values.insert(3usize, right[column_3 + across]);
            sum_0 += Lanes::new(left[row_0 + along]) * values;
            sum_1 += Lanes::new(left[row_1 + along]) * values;
            sum_2 += Lanes::new(left[row_2 + along]) * values;
            sum_3 += Lanes::new(left[row_3 + along]) * values;
        }
        let place = (matrix * count + first_row) * columns + first_column;
        write_row(output, place, sum_0, first_column, columns);
        if first_row + 1 < count {
            write_row(output, place + columns, sum_1, first_column, columns);
        }
        if first_row + 2 < count {
            write_row(output, place + 2 * columns, sum_2, first_column, columns);
        }
        if first_row + 3 < count {
            write_row(output, place + 3 * columns, sum_3, first_column, columns);
        }
    }
}

/// Writes as many of four numbers as the row has.
#[cube]
fn write_row(output: &mut [f32], place: usize, values: Lanes, column: usize, columns: usize) {
    output[place] = values.extract(0usize);
    if column + 1 < columns {
        output[place + 1] = values.extract(1usize);
    }
    if column + 2 < columns {
        output[place + 2] = values.extract(2usize);
    }
    if column + 3 < columns {
        output[place + 3] = values.extract(3usize);
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
    let [wide, high] = [columns, count].map(|numbers| numbers.div_ceil(4) as u32);
    let cubes = CubeCount::Static(wide.div_ceil(GROUP[0]), high.div_ceil(GROUP[1]), (outer * inner) as u32);
    stacked::launch(
        &client,
        cubes,
        CubeDim::new_2d(GROUP[0], GROUP[1]),
        left.into_buffer_arg(),
        right.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        left_places,
        right_places,
        inner,
        count,
        depth,
        columns,
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
