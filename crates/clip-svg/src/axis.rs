//! From values to pixels, and where the marks are.

/// A straight or logarithmic scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    /// The values at both ends; for a logarithmic axis, their logarithms.
    ends: [f64; 2],
    /// The pixels of both ends.
    pixels: [f64; 2],
    logarithmic: bool,
}

impl Axis {
    pub(crate) fn linear(ends: [f64; 2], pixels: [f64; 2]) -> Self {
        Self {
            ends: widened(ends),
            pixels,
            logarithmic: false,
        }
    }

    /// From 0 to the largest of the values; to 1 where none is above 0, so that 0 stays at the beginning.
    pub(crate) fn from_zero(most: f64, pixels: [f64; 2]) -> Self {
        let end = if most > LEAST_LENGTH { most } else { 1.0 };
        Self::linear([0.0, end], pixels)
    }

    /// Values must be above 0.
    pub(crate) fn logarithmic(ends: [f64; 2], pixels: [f64; 2]) -> Self {
        Self {
            ends: widened(ends.map(|end| end.max(f64::MIN_POSITIVE).log10())),
            pixels,
            logarithmic: true,
        }
    }

    pub(crate) fn at(&self, value: f64) -> f64 {
        let value = if self.logarithmic {
            value.max(f64::MIN_POSITIVE).log10()
        } else {
            value
        };
        let part = (value - self.ends[0]) / (self.ends[1] - self.ends[0]);
        // What is no number is drawn where the axis begins; its text says that it is none.
        let part = if part.is_nan() { 0.0 } else { part };
        self.pixels[0] + part.clamp(0.0, 1.0) * (self.pixels[1] - self.pixels[0])
    }

    /// Round values along the axis, about `wanted` of them.
    pub(crate) fn marks(&self, wanted: usize) -> Vec<f64> {
        let [from, to] = self.ends;
        if self.logarithmic {
            let powers = from.floor() as i32..=to.ceil() as i32;
            let digits: &[f64] = if to - from < 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
            return powers
                .flat_map(|power| digits.iter().map(move |digit| digit * 10.0_f64.powi(power)))
                .filter(|mark| (from - 1e-9..=to + 1e-9).contains(&mark.log10()))
                .collect();
        }
        let step = round_step((to - from) / wanted.max(1) as f64);
        let first = (from / step - 1e-9).ceil() as i64;
        let last = (to / step + 1e-9).floor() as i64;
        (first..=last).map(|index| index as f64 * step).collect()
    }
}

/// What is shorter is no axis.
const LEAST_LENGTH: f64 = 1e-12;

/// Not of no length, and of numbers.
fn widened([from, to]: [f64; 2]) -> [f64; 2] {
    if !from.is_finite() || !to.is_finite() {
        [0.0, 1.0]
    } else if to - from > LEAST_LENGTH {
        [from, to]
    } else {
        [from - 0.5, from + 0.5]
    }
}

/// 1, 2 or 5 times a power of ten, not below the least.
fn round_step(least: f64) -> f64 {
    let power = 10.0_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|digit| digit * power)
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

/// Where a number should be and is none.
const NO_NUMBER: &str = "–";

/// A number with one digit after the point.
pub(crate) fn tenths(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.1}")
    } else {
        NO_NUMBER.to_owned()
    }
}

/// A number as a mark has it: without digits that say nothing.
pub(crate) fn mark(value: f64) -> String {
    if !value.is_finite() {
        return NO_NUMBER.to_owned();
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text {
        "-0" => "0".to_owned(),
        text => text.replace('-', "−"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_inside() {
        let shown = |axis: Axis| axis.marks(5).into_iter().map(mark).collect::<Vec<_>>();
        assert_eq!(shown(Axis::linear([0.0, 37.0], [0.0, 1.0])), ["0", "10", "20", "30"]);
        assert_eq!(shown(Axis::linear([-0.3, 0.3], [0.0, 1.0])), ["−0.2", "0", "0.2"]);
        assert_eq!(
            shown(Axis::logarithmic([3.0, 40000.0], [0.0, 1.0])),
            ["10", "100", "1000", "10000"]
        );
        assert_eq!(shown(Axis::logarithmic([1.0, 10.0], [0.0, 1.0])), ["1", "2", "5", "10"]);
    }

    #[test]
    fn an_axis_without_length_or_number_is_still_one() {
        assert!((Axis::linear([2.0, 2.0], [0.0, 100.0]).at(2.0) - 50.0).abs() < 1e-9);
        assert!(Axis::linear([f64::NAN, 1.0], [0.0, 100.0]).at(0.5).is_finite());
        assert!(Axis::logarithmic([0.0, 0.0], [0.0, 100.0]).at(0.0).is_finite());
    }

    #[test]
    fn an_axis_from_zero_begins_with_it() {
        for most in [0.0, -1.0, 1e-20, f64::NAN, 7.0] {
            assert!(Axis::from_zero(most, [20.0, 100.0]).at(0.0) < 20.01, "{most}");
        }
        assert!(Axis::from_zero(7.0, [20.0, 100.0]).at(7.0) > 99.99);
        assert!(Axis::from_zero(0.0, [20.0, 100.0]).at(1.0) > 99.99);
    }
}
