//! Compares computed values with recorded ones, and remembers the largest error of each quantity.

use super::{
    ABSOLUTE_TOLERANCE, GRADIENT_TOLERANCE, PARAMETER_TOLERANCE, Quantity, Recording, SIGN_THRESHOLD, invalid,
};
use crate::error::Result;

/// The largest error of each quantity so far.
#[derive(Default)]
pub(super) struct Comparison {
    quantities: Vec<Quantity>,
}

impl Comparison {
    pub(super) fn tensor(&mut self, recording: &Recording<'_>, name: &str, ours: &[f32]) -> Result<()> {
        let (_, recorded) = recording.floats(name)?;
        self.absolute(name, ours, &recorded, &[], ABSOLUTE_TOLERANCE)
    }

    /// A parameter after an update. An empty mask compares all its values.
    pub(super) fn parameter(&mut self, name: &str, ours: &[f32], recorded: &[f32], mask: &[bool]) -> Result<()> {
        self.absolute(name, ours, recorded, mask, PARAMETER_TOLERANCE)
    }

    fn absolute(&mut self, name: &str, ours: &[f32], recorded: &[f32], mask: &[bool], tolerance: f64) -> Result<()> {
        same_length(name, ours, recorded)?;
        let errors = ours
            .iter()
            .zip(recorded)
            .enumerate()
            .filter(|(index, _)| mask.get(*index).copied().unwrap_or(true))
            .map(|(_, (ours, recorded))| distance(f64::from(*ours), f64::from(*recorded)));
        let (count, largest) = summary(errors);
        self.add(kind_of(name), name, largest, tolerance, false, count);
        Ok(())
    }

    pub(super) fn gradient(&mut self, name: &str, ours: &[f32], recorded: &[f32]) -> Result<()> {
        same_length(name, ours, recorded)?;
        let scale = recorded
            .iter()
            .fold(0.0_f64, |largest, value| largest.max(f64::from(value.abs())));
        let errors = ours.iter().zip(recorded).map(|(ours, recorded)| {
            let error = distance(f64::from(*ours), f64::from(*recorded));
            if error == 0.0 { 0.0 } else { error / scale }
        });
        let (count, largest) = summary(errors);
        self.add(kind_of(name), name, largest, GRADIENT_TOLERANCE, true, count);
        Ok(())
    }

    pub(super) fn scalar(&mut self, name: &str, step: usize, ours: f64, recorded: f64) {
        self.add(
            name,
            &format!("step{step}.{name}"),
            distance(ours, recorded),
            ABSOLUTE_TOLERANCE,
            false,
            1,
        );
    }

    fn add(&mut self, kind: &str, at: &str, error: f64, tolerance: f64, relative: bool, compared: usize) {
        match self.quantities.iter_mut().find(|quantity| quantity.name == kind) {
            Some(quantity) => {
                quantity.compared += compared;
                if error > quantity.largest_error {
                    quantity.largest_error = error;
                    at.clone_into(&mut quantity.at);
                }
            }
            None => self.quantities.push(Quantity {
                name: kind.to_owned(),
                largest_error: error,
                at: at.to_owned(),
                tolerance,
                relative,
                compared,
                passed: false,
            }),
        }
    }

    pub(super) fn finish(mut self) -> Vec<Quantity> {
        for quantity in &mut self.quantities {
            quantity.passed = quantity.largest_error <= quantity.tolerance;
        }
        self.quantities
    }
}

/// Which values of a parameter rounding can't have turned around so far.
pub(super) struct Trusted(Vec<bool>);

impl Trusted {
    /// All of them, before the first step.
    pub(super) fn all(count: usize) -> Self {
        Self(vec![true; count])
    }

    /// One for each value.
    pub(super) fn mask(&self) -> &[bool] {
        &self.0
    }

    /// Gives up the values whose recorded gradient is nearly zero; one of exactly zero has no sign to turn around.
    pub(super) fn look_at(&mut self, gradient: &[f32]) {
        let largest = gradient.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let threshold = f64::from(largest) * SIGN_THRESHOLD;
        for (trusted, value) in self.0.iter_mut().zip(gradient) {
            *trusted &= *value == 0.0 || f64::from(value.abs()) > threshold;
        }
    }

    /// Puts recorded values in the place of those given up: they would make all later steps differ.
    pub(super) fn take_over(&self, ours: &mut [f32], recorded: &[f32]) {
        for ((ours, recorded), trusted) in ours.iter_mut().zip(recorded).zip(&self.0) {
            if !trusted {
                *ours = *recorded;
            }
        }
    }
}

/// `step3.grad.layers.1.q_proj.lora_A` is of the kind `grad.lora_A`.
fn kind_of(name: &str) -> &str {
    let name = name
        .strip_prefix("step")
        .and_then(|rest| rest.split_once('.'))
        .map_or(name, |(_, kind)| kind);
    match name.split_once(".layers.") {
        Some(("grad", rest)) if rest.ends_with("lora_A") => "grad.lora_A",
        Some(("grad", _)) => "grad.lora_B",
        Some(("after", rest)) if rest.ends_with("lora_A") => "after.lora_A",
        Some(("after", _)) => "after.lora_B",
        _ => name,
    }
}

fn same_length(name: &str, ours: &[f32], recorded: &[f32]) -> Result<()> {
    if ours.len() == recorded.len() {
        Ok(())
    } else {
        Err(invalid(format!(
            "{name} has {} values, the replay {}",
            recorded.len(),
            ours.len()
        )))
    }
}

/// What is not a number is infinitely far from everything.
fn distance(a: f64, b: f64) -> f64 {
    let distance = (a - b).abs();
    if distance.is_nan() { f64::INFINITY } else { distance }
}

fn summary(errors: impl Iterator<Item = f64>) -> (usize, f64) {
    errors.fold((0, 0.0), |(count, largest), error| {
        (count + 1, f64::max(largest, error))
    })
}
