//! Matrix products on a graphics device.
//!
//! The tensor library's kernels go through workgroup memory, with barriers. Here an invocation keeps the sums of a few rows and columns in registers and reads what it
//! needs: neighbours read neighbouring columns, and the rows' values come from the cache. There is nothing to wait for. Where an adapter is faster with workgroup memory
//! all the same, [`ProductKernel`] finds out.

mod choice;
mod stacked;
mod tiles;

use burn::backend::Cube;
use burn::backend::ops::FloatTensorOps as _;
use burn::tensor::Shape;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

pub use self::choice::ProductKernel;
pub(crate) use self::stacked::product;
use self::tiles::{GROUP, LANES, rows_by_matrix, staged_rows_by_matrix};
use crate::fused::flat;

/// With no more rows, or vectors of columns, than this most of a large tile would be computed for nothing.
const FEW: usize = 8;

/// Whether [`linear`] takes a matrix of this shape.
pub(crate) fn takes(inputs: usize, outputs: usize) -> bool {
    inputs > 0 && outputs > 0 && inputs.is_multiple_of(LANES) && outputs.is_multiple_of(LANES)
}

/// `[..., inputs]` times a matrix `[inputs, outputs]` that lies in this order, plus the bias `[outputs]`, if there is one: `[..., outputs]`.
pub(crate) fn linear(x: CubeTensor, matrix: CubeTensor, bias: Option<CubeTensor>) -> CubeTensor {
    linear_by(ProductKernel::current(), x, matrix, bias)
}

fn linear_by(kernel: ProductKernel, x: CubeTensor, matrix: CubeTensor, bias: Option<CubeTensor>) -> CubeTensor {
    let x = into_contiguous(x);
    let has_bias = bias.is_some();
    let bias = bias.map_or_else(|| matrix.clone(), into_contiguous);
    let [inputs, outputs] = matrix.meta.shape().dims();
    let mut shape: Vec<usize> = x.meta.shape().iter().copied().collect();
    let count = shape.iter().product::<usize>() / inputs;
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    let client = x.client.clone();
    let output = empty_device_contiguous_dtype(client.clone(), x.device.clone(), Shape::from(shape), x.dtype);
    if count == 0 {
        return output;
    }
    let is_large = count.min(outputs / LANES) > FEW;
    let kernel = if is_large { kernel } else { ProductKernel::SmallTiles };
    let tile = kernel.tile();
    let launch = if kernel == ProductKernel::StagedTiles {
        staged_rows_by_matrix::launch
    } else {
        rows_by_matrix::launch
    };
    let groups = |numbers: usize, tile: usize| numbers.div_ceil(GROUP * tile) as u32;
    launch(
        &client,
        CubeCount::Static(groups(outputs / LANES, tile.vectors), groups(count, tile.rows), 1),
        CubeDim::new_2d(GROUP as u32, GROUP as u32),
        x.into_buffer_arg(),
        matrix.into_buffer_arg(),
        bias.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        count,
        inputs / LANES,
        outputs / LANES,
        tile,
        has_bias,
    );
    output
}

/// Rows `[..., depth]` times a matrix `[depth, columns]`, which may lie transposed: `[..., columns]`.
pub(crate) fn rows_product(rows: CubeTensor, matrix: CubeTensor) -> CubeTensor {
    let [depth, columns] = matrix.meta.shape().dims();
    if takes(depth, columns) && rows.is_contiguous() && matrix.is_contiguous() {
        return linear(rows, matrix, None);
    }
    let mut dims: Vec<usize> = rows.meta.shape().iter().copied().collect();
    if let Some(last) = dims.last_mut() {
        *last = columns;
    }
    let product = product(flat::<Cube>(rows), matrix);
    Cube::float_reshape(product, Shape::from(dims))
}
