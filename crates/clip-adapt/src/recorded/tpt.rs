//! Replays a recorded episode of TPT.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use clip_model::clip::Clip;
use serde::Deserialize;

use super::comparison::{Comparison, Trusted};
use super::{Recording, invalid};
use crate::entropy;
use crate::error::Result;
use crate::methods::tpt::Tpt;
use crate::optimizer::AdamWSettings;
use crate::readback::{read_rows, read_values};

#[derive(Deserialize)]
struct Settings {
    keep: f64,
    selected: Vec<usize>,
    lr: f64,
    betas: [f64; 2],
    eps: f64,
    weight_decay: f64,
    steps: usize,
    log: Vec<StepLog>,
}

#[derive(Deserialize)]
struct StepLog {
    loss: f64,
}

pub(super) async fn replay(recording: &Recording<'_>, clip: &Arc<Clip>, found: &mut Comparison) -> Result<()> {
    let settings: Settings = recording.settings()?;
    let (shape, context) = recording.floats("ctx_init")?;
    let &[tokens, width] = shape.as_slice() else {
        return Err(invalid("ctx_init is not a matrix"));
    };
    if tokens == 0 {
        return Err(invalid("ctx_init has no tokens"));
    }
    let device = clip.device.tensor_device();
    let upload = |values| Tensor::<2>::from_data(TensorData::new(values, [tokens, width]), device);
    let mut image_features = Vec::new();
    for pixels in recording.views(clip)? {
        image_features.push(clip.vision.tail(clip.vision.trunk(pixels, 0)?, 0, None));
    }
    let optimizer = AdamWSettings {
        learning_rate: settings.lr,
        betas: settings.betas,
        epsilon: settings.eps,
        weight_decay: settings.weight_decay,
    };
    let prompts = recording.token_ids()?;
    let labels = prompts.len();
    let mut method = Tpt::new(
        Arc::clone(clip),
        prompts,
        Tensor::cat(image_features, 0),
        upload(context),
        optimizer,
        0.0,
    );

    let before = read_rows(vec![method.logits(method.text_features()?)], "logits").await?;
    found.tensor(recording, "logits_before", &before)?;
    method.select(&before, settings.keep);
    let right = f64::from(u8::from(method.selected() == settings.selected));
    found.scalar("selected_views", 0, right, 1.0);

    if settings.log.len() < settings.steps {
        return Err(invalid("its log is shorter than its number of steps"));
    }
    let mut trusted = Trusted::all(tokens * width);
    for (step, log) in settings.log.iter().take(settings.steps).enumerate() {
        let text = method.text_features()?;
        let logits = read_rows(vec![method.logits(text.clone())], "logits").await?;
        found.tensor(recording, &format!("step{step}.logits"), &logits)?;
        let rows = logits.chunks_exact(labels).enumerate();
        let chosen: Vec<f32> = rows
            .filter(|(view, _)| method.selected().contains(view))
            .flat_map(|(_, row)| row.to_vec())
            .collect();
        found.scalar("loss", step, entropy::marginal_entropy(&chosen, labels), log.loss);

        let text_gradient = method.text_gradient(text);
        for chunk in 0..method.chunks() {
            method.accumulate(chunk, &text_gradient)?;
        }
        let gradient = method
            .gradient()
            .cloned()
            .ok_or_else(|| invalid("its loss doesn't depend on the context"))?;
        let name = format!("step{step}.grad.ctx");
        let (_, recorded) = recording.floats(&name)?;
        found.gradient(&name, &read_values(gradient, "gradient").await?, &recorded)?;
        trusted.look_at(&recorded);
        method.update();
        let name = format!("step{step}.after.ctx");
        let (_, recorded) = recording.floats(&name)?;
        let mut ours = read_values(method.context().clone(), "context").await?;
        found.parameter(&name, &ours, &recorded, trusted.mask())?;
        trusted.take_over(&mut ours, &recorded);
        method.set_context(upload(ours));
        let prediction = read_rows(
            vec![method.logits(method.text_features()?).narrow(0, 0, 1)],
            "prediction",
        )
        .await?;
        found.tensor(recording, &format!("step{step}.prediction_logits"), &prediction)?;
    }
    Ok(())
}
