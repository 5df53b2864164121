//! Unpacking on a graphics device: one kernel, one invocation for a word of codes.
//!
//! Half precision is read with integer arithmetic: adapters without `shader-f16` have no type for it.

use burn::tensor::{DType, Shape};
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::calculate_cube_count_elemwise;
use cubecl::prelude::*;

use super::format::WeightFormat;
use super::operation::PackedLayout;

/// Values of the half-precision number in the lower half of `bits`.
#[cube]
fn half_to_single(bits: u32) -> f32 {
    let exponent = (bits >> 10u32) & 31u32;
    let fraction = bits & 1023u32;
    // 2^(exponent - 25) times the fraction with its leading one; below the normal numbers there is none, and the exponent stays at 1.
    // As a product of two normal single-precision numbers, nothing on the way is flushed to zero.
    let is_normal = exponent > 0u32;
    let mantissa = select(is_normal, fraction | 1024u32, fraction);
    let shifted = select(is_normal, exponent, 1u32.runtime());
    let power = f32::reinterpret((shifted + 102u32) << 23u32);
    let magnitude = f32::cast_from(mantissa) * power;
    select((bits & 32768u32) > 0u32, -magnitude, magnitude)
}

/// The half-precision number `index` of packed words.
#[cube]
fn half_at(words: &[u32], index: usize) -> f32 {
    let word = words[index / 2];
    half_to_single((word >> (16u32 * u32::cast_from(index % 2))) & 65535u32)
}

/// Byte `byte` of a word as a number from -128 to 127: two's complement in eight bits, without a signed shift.
#[cube]
fn signed_byte(word: u32, byte: u32) -> f32 {
    let code = f32::cast_from((word >> (8u32 * byte)) & 255u32);
    select(code > 127.0f32, code - 256.0f32, code)
}

#[cube(launch)]
fn unpack_singles(codes: &[u32], output: &mut [f32]) {
    if ABSOLUTE_POS < output.len() {
        output[ABSOLUTE_POS] = f32::reinterpret(codes[ABSOLUTE_POS]);
    }
}

#[cube(launch)]
fn unpack_halves(codes: &[u32], output: &mut [f32]) {
    if ABSOLUTE_POS < output.len() {
        output[ABSOLUTE_POS] = half_at(codes, ABSOLUTE_POS);
    }
}

#[cube(launch)]
fn unpack_bytes(codes: &[u32], scales: &[u32], output: &mut [f32]) {
    let first = ABSOLUTE_POS * 4;
    if first < output.len() {
        let word = codes[ABSOLUTE_POS];
        let scale = half_at(scales, first / 32);
        #[unroll]
        for byte in 0..4u32 {
            output[first + byte as usize] = scale * signed_byte(word, byte);
        }
    }
}

#[cube(launch)]
fn unpack_nibbles(codes: &[u32], scales: &[u32], output: &mut [f32]) {
    // A block is four words; a word has four values of its first half and four of its second.
    let block = ABSOLUTE_POS / 4;
    let first = block * 32 + (ABSOLUTE_POS % 4) * 4;
    if first < output.len() {
        let word = codes[ABSOLUTE_POS];
        let scale = half_at(scales, block);
        #[unroll]
        for byte in 0..4u32 {
            let low = f32::cast_from((word >> (8u32 * byte)) & 15u32) - 8.0f32;
            let high = f32::cast_from((word >> (8u32 * byte + 4u32)) & 15u32) - 8.0f32;
            output[first + byte as usize] = scale * low;
            output[first + byte as usize + 16] = scale * high;
        }
    }
}

/// The transposed matrix, `[columns, rows]`: an invocation has a block, and neighbours have neighbouring rows, so that what they write lies side by side.
#[cube(launch)]
fn unpack_bytes_transposed(codes: &[u32], scales: &[u32], output: &mut [f32], rows: usize) {
    let columns = output.len() / rows;
    let row = ABSOLUTE_POS % rows;
    let first = ABSOLUTE_POS / rows * 32;
    if first < columns {
        let place = row * columns + first;
        let scale = half_at(scales, place / 32);
        #[unroll]
        for step in 0..8usize {
            let word = codes[place / 4 + step];
            #[unroll]
            for byte in 0..4u32 {
                output[(first + step * 4 + byte as usize) * rows + row] = scale * signed_byte(word, byte);
            }
        }
    }
}

/// All values of a packed matrix, transposed, `[columns, rows]`, on its device; `None` for formats that are not unpacked in this order.
pub(super) fn unpack_transposed(codes: CubeTensor, scales: CubeTensor, layout: PackedLayout) -> Option<CubeTensor> {
    let PackedLayout { format, rows, columns } = layout;
    if format != WeightFormat::Q8 {
        return None;
    }
    let client = codes.client.clone();
    let output = empty_device_contiguous_dtype(
        client.clone(),
        codes.device.clone(),
        Shape::new([columns, rows]),
        DType::F32,
    );
    let invocations = rows * columns / 32;
    let cube_dim = CubeDim::new(&client, invocations);
    let cube_count = calculate_cube_count_elemwise(&client, invocations, cube_dim);
    unpack_bytes_transposed::launch(
        &client,
        cube_count,
        cube_dim,
        codes.into_buffer_arg(),
        scales.into_buffer_arg(),
        output.clone().into_buffer_arg(),
        rows,
    );
    Some(output)
}

/// All values of a packed matrix, `[rows, columns]`, on its device.
pub(super) fn unpack(codes: CubeTensor, scales: CubeTensor, layout: PackedLayout) -> CubeTensor {
    let PackedLayout { format, rows, columns } = layout;
    let client = codes.client.clone();
    let output = empty_device_contiguous_dtype(
        client.clone(),
        codes.device.clone(),
        Shape::new([rows, columns]),
        DType::F32,
    );
    let values = rows * columns;
    let invocations = match format {
        WeightFormat::F32 | WeightFormat::F16 => values,
        WeightFormat::Q8 => values / 4,
        WeightFormat::Q4 => values / 8,
    };
    let cube_dim = CubeDim::new(&client, invocations);
    let cube_count = calculate_cube_count_elemwise(&client, invocations, cube_dim);
    let (codes, scales, out) = (
        codes.into_buffer_arg(),
        scales.into_buffer_arg(),
        output.clone().into_buffer_arg(),
    );
    match format {
        WeightFormat::F32 => unpack_singles::launch(&client, cube_count, cube_dim, codes, out),
        WeightFormat::F16 => unpack_halves::launch(&client, cube_count, cube_dim, codes, out),
        WeightFormat::Q8 => unpack_bytes::launch(&client, cube_count, cube_dim, codes, scales, out),
        WeightFormat::Q4 => unpack_nibbles::launch(&client, cube_count, cube_dim, codes, scales, out),
    }
    output
}
