//! An exponential without branches, table or call: compilers make vectors of a loop with it, which they can't of the standard library's.

/// Beyond these e^x leaves the normal numbers of single precision.
const LOWEST: f32 = -87.3;
const HIGHEST: f32 = 88.3;
/// ln 2 in two parts, of which the first has so few digits that its multiples are exact (Cody and Waite).
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Added to a number, it leaves the nearest whole number in the lowest bits.
const ROUNDING: f32 = 12_582_912.0;

/// e^x, off by at most two units in the last place; below -87.3 it stays at 1.2e-38, above 88.3 at 2.2e38. Not a number stays that.
///
/// Reduced to `[-ln 2 / 2, ln 2 / 2]`, where the polynomial is that of the Cephes library's `expf`.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Comparisons, since min and max would turn what is not a number into a number.
    let x = if x < LOWEST { LOWEST } else { x };
    let x = if x > HIGHEST { HIGHEST } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUNDING;
    let power = shifted - ROUNDING;
    let rest = x - power * LN_2_HIGH - power * LN_2_LOW;
    let polynomial = 1.987_569_1e-4 * rest + 1.398_199_9e-3;
    let polynomial = polynomial * rest + 8.333_452e-3;
    let polynomial = polynomial * rest + 4.166_579_6e-2;
    let polynomial = polynomial * rest + 1.666_666_5e-1;
    let polynomial = polynomial * rest + 0.5;
    let value = polynomial * (rest * rest) + rest + 1.0;
    // 2^power: the lowest bits of the shifted number, moved to where the exponent is.
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    value * scale
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential_to_two_units_in_the_last_place() {
        for step in -87_000..=88_000_i32 {
            let x = step as f32 / 1000.0 + 1e-4;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 2.4e-7, "{x}: {error}");
        }
        assert_eq!(
            exp(0.0).to_bits(),
            1.0_f32.to_bits(),
            "a softmax's largest score has this"
        );
    }

    #[test]
    fn outside_of_its_range_it_stays_finite_and_what_is_not_a_number_stays_that() {
        assert!(exp(f32::NEG_INFINITY) < 1e-37 && exp(f32::NEG_INFINITY) >= 0.0);
        assert!(exp(-1e9) < 1e-37);
        assert!(exp(f32::INFINITY) > 1e38 && exp(1000.0).is_finite());
        assert!(exp(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan());
        assert!(sigmoid(-1000.0) < 1e-37 && sigmoid(1000.0) > 1.0 - 1e-7);
    }
}
