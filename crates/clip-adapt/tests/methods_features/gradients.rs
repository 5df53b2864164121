//! Gradients and steps.

use super::*;

/// The loss of TPS with a shift, by the device's functions and tape: entropies select, the mean's entropy counts.
fn loss_on_tape(features: &FeatureSet, selected: &[usize], shift: &Tensor<2>) -> Tensor<1> {
    let device = shift.device();
    let tensor = |values: &[f64], rows: usize| {
        let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
        Tensor::<2>::from_data(TensorData::new(values, [rows, features.width()]), &device)
    };
    let views: Vec<f64> = selected.iter().flat_map(|&view| features.view(view)).copied().collect();
    let on_tape = |tensor: Tensor<2>| if shift.is_autodiff() { tensor.autodiff() } else { tensor };
    let moved = on_tape(tensor(features.text(), features.labels())) + shift.clone();
    let prototypes = clip_model::clip::normalise(moved);
    let logits = on_tape(tensor(&views, selected.len())).matmul(prototypes.transpose()) * SCALE;
    tpt::marginal_entropy(logits)
}

#[test]
fn the_gradient_of_tps_is_that_of_the_tape() {
    let features = features(12, 5);
    let tps = Tps::new(&features, tps_options(5e-3, 0.5));
    let selected = tps.selected(&features);
    assert_eq!(selected.len(), 6);
    let (loss, gradient) = tps.gradient(&features, &selected);
    let device = Device::flex();
    let shift = Tensor::<2>::zeros([5, WIDTH], &device).autodiff().require_grad();
    let on_tape = loss_on_tape(&features, &selected, &shift);
    let tape = on_tape.backward();
    assert!((f64::from(on_tape.into_scalar::<f32>()) - loss).abs() < 1e-5);
    let expected: Vec<f64> = shift
        .grad(&tape)
        .unwrap()
        .into_data()
        .iter::<f32>()
        .map(f64::from)
        .collect();
    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    assert!(largest > 1e-3);
    assert_close(&gradient, &expected, 1e-4 * largest, "gradient");
}

#[test]
fn the_first_step_of_tps_moves_by_the_gradients_sign_and_more_steps_lower_the_loss() {
    let features = features(16, 6);
    let mut tps = Tps::new(&features, tps_options(5e-3, 1.0));
    let all: Vec<usize> = (0..16).collect();
    let (_, gradient) = tps.gradient(&features, &all);
    let mut losses = vec![tps.step(&features, &all).unwrap()];
    for ((prototype, start), gradient) in tps
        .prototypes()
        .chunks_exact(WIDTH)
        .zip(features.text().chunks_exact(WIDTH))
        .zip(gradient.chunks_exact(WIDTH))
    {
        let mut expected: Vec<f64> = start
            .iter()
            .zip(gradient)
            .map(|(start, gradient)| start - 5e-3 * gradient / (gradient.abs() + 1e-8))
            .collect();
        let length = dot(&expected, &expected).sqrt();
        expected.iter_mut().for_each(|value| *value /= length);
        assert_close(prototype, &expected, 1e-12, "sign step");
    }
    for _ in 0..30 {
        losses.push(tps.step(&features, &all).unwrap());
    }
    assert!(losses.is_sorted_by(|before, after| after <= before), "{losses:?}");
}

#[test]
fn sts_moves_all_prototypes_by_one_shift_in_the_spectrum() {
    let features = features(10, 7);
    let mut sts = Sts::new(&features, sts::spectrum(&features).unwrap(), sts_options(5e-3));
    sts.step(&features).unwrap();
    // Each prototype is a multiple of its start plus the shift: the shift is what remains once the start's part is scaled
    // back, and it is the same for all.
    let singular = Singular::of(features.text(), WIDTH).unwrap();
    let directions = singular.directions(3);
    let outside = |vector: &[f64]| {
        let mut rest = vector.to_vec();
        for direction in directions.chunks_exact(WIDTH) {
            clip_adapt::features::add_scaled(&mut rest, -dot(direction, vector), direction);
        }
        rest
    };
    let rows = sts
        .prototypes()
        .chunks_exact(WIDTH)
        .zip(features.text().chunks_exact(WIDTH));
    let shifts: Vec<Vec<f64>> = rows
        .map(|(prototype, start)| {
            // Outside of the spectrum only the length changed.
            let (now, before) = (outside(prototype), outside(start));
            let length = dot(&before, &before).sqrt() / dot(&now, &now).sqrt();
            prototype
                .iter()
                .zip(start)
                .map(|(now, before)| now * length - before)
                .collect()
        })
        .collect();
    for shift in &shifts {
        assert_close(shift, &shifts[0], 1e-9, "one shift");
        // One step of 5e-3 in each of three coordinates, but for what AdamW's epsilon takes.
        assert!((dot(shift, shift).sqrt() / (5e-3 * 3.0_f64.sqrt()) - 1.0).abs() < 1e-2);
    }
}
