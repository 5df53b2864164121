//! Values for tests whose numbers come from nowhere.

/// Smooth values without a period that the patches could share.
pub(crate) fn values(count: usize, scale: f32) -> Vec<f32> {
    (0..count)
        .map(|i| ((i as f32 * 0.731).sin() + (i as f32 * 0.117).cos()) * scale)
        .collect()
}
