//! The inner loops for a browser that can't multiply and add in one instruction, and for tests on other processors than `x86.rs` asks for.

use super::{PANEL, Sizes, TILE};

/// As [`Kernel`](super::Kernel) says.
pub(super) fn multiply(
    tiles: &[[f32; TILE]],
    panels: &[[f32; PANEL]],
    bias: &[[f32; PANEL]],
    out: &mut [f32],
    sizes: Sizes,
) {
    let Sizes { inputs, outputs } = sizes;
    for (panel, (weights, bias)) in panels.chunks_exact(inputs).zip(bias).enumerate() {
        for (tile, out) in tiles.chunks_exact(inputs).zip(out.chunks_exact_mut(TILE * outputs)) {
            let sums = sums(tile, weights, *bias);
            for (out, sums) in out.chunks_exact_mut(outputs).zip(sums) {
                if let Some(out) = out[panel * PANEL..].first_chunk_mut::<PANEL>() {
                    *out = sums;
                }
            }
        }
    }
}

/// A tile's sums over its inputs.
#[inline(always)]
fn sums(tile: &[[f32; TILE]], weights: &[[f32; PANEL]], bias: [f32; PANEL]) -> [[f32; PANEL]; TILE] {
    let mut sums = [vectors(bias); TILE];
    for (inputs, weights) in tile.iter().zip(weights) {
        let [left, right] = vectors(*weights);
        for (sums, &input) in sums.iter_mut().zip(inputs) {
            let input = vector::splat(input);
            sums[0] = vector::add_product(sums[0], input, left);
            sums[1] = vector::add_product(sums[1], input, right);
        }
    }
    sums.map(|[left, right]| {
        let ([a, b, c, d], [e, f, g, h]) = (vector::values(left), vector::values(right));
        [a, b, c, d, e, f, g, h]
    })
}

#[inline(always)]
fn vectors([a, b, c, d, e, f, g, h]: [f32; PANEL]) -> [vector::Vector; 2] {
    [vector::of([a, b, c, d]), vector::of([e, f, g, h])]
}

/// Four numbers side by side. Left to themselves, compilers make the loop above of the same instructions in an order that takes half as
/// long again.
#[cfg(target_family = "wasm")]
mod vector {
    use core::arch::wasm32::{f32x4, f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_splat, v128};

    pub(super) type Vector = v128;

    #[inline(always)]
    pub(super) fn of([a, b, c, d]: [f32; 4]) -> Vector {
        f32x4(a, b, c, d)
    }

    #[inline(always)]
    pub(super) fn splat(value: f32) -> Vector {
        f32x4_splat(value)
    }

    #[inline(always)]
    pub(super) fn add_product(sum: Vector, a: Vector, b: Vector) -> Vector {
        f32x4_add(sum, f32x4_mul(a, b))
    }

    #[inline(always)]
    pub(super) fn values(vector: Vector) -> [f32; 4] {
        [
            f32x4_extract_lane::<0>(vector),
            f32x4_extract_lane::<1>(vector),
            f32x4_extract_lane::<2>(vector),
            f32x4_extract_lane::<3>(vector),
        ]
    }
}

/// The same natively.
#[cfg(not(target_family = "wasm"))]
mod vector {
    pub(super) type Vector = [f32; 4];

    pub(super) fn of(values: [f32; 4]) -> Vector {
        values
    }

    pub(super) fn splat(value: f32) -> Vector {
        [value; 4]
    }

    pub(super) fn add_product(sum: Vector, a: Vector, b: Vector) -> Vector {
        std::array::from_fn(|lane| sum[lane] + a[lane] * b[lane])
    }

    pub(super) fn values(vector: Vector) -> [f32; 4] {
        vector
    }
}
