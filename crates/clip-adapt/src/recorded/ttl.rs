//! Replays a recorded episode of TTL.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use clip_model::clip::{Clip, normalise};
use clip_model::lora::{Factor, ParameterKey, Parameters, Projection, Tower};
use serde::Deserialize;

use super::comparison::{Comparison, Trusted};
use super::{Recording, invalid};
use crate::entropy;
use crate::error::Result;
use crate::methods::adaptation::Adaptation as _;
use crate::methods::tail::weighted;
use crate::methods::ttl::{Texts, Ttl, TtlOptions};
use crate::optimizer::AdamWSettings;
use crate::readback::{read_rows, read_values};
use crate::report::ViewsState;

#[derive(Deserialize)]
struct Settings {
    rank: usize,
    alpha: f64,
    targets: Vec<Projection>,
    layers: [usize; 2],
    lr: f64,
    betas: [f64; 2],
    eps: f64,
    weight_decay: f64,
    margin: f64,
    steps: usize,
    log: Vec<StepLog>,
}

#[derive(Deserialize)]
struct StepLog {
    loss: f64,
    mean_entropy: f64,
    entropy_of_mean: f64,
    prediction_entropy: f64,
}

impl Settings {
    fn options(&self, vision_layers: usize) -> Result<TtlOptions> {
        let [first, last] = self.layers;
        if last.checked_add(1) != Some(vision_layers) || first > last {
            return Err(invalid(format!(
                "it adapts blocks {first} to {last}; the last blocks of this model's {vision_layers} can be replayed"
            )));
        }
        if self.rank == 0 {
            return Err(invalid("its adapters have rank 0"));
        }
        if self.log.len() < self.steps {
            return Err(invalid("its log is shorter than its number of steps"));
        }
        Ok(TtlOptions {
            steps: self.steps,
            rank: self.rank,
            alpha: self.alpha,
            layers: vision_layers - first,
            targets: self.targets.clone(),
            margin: self.margin,
            optimizer: AdamWSettings {
                learning_rate: self.lr,
                betas: self.betas,
                epsilon: self.eps,
                weight_decay: self.weight_decay,
            },
            ..TtlOptions::default()
        })
    }
}

pub(super) async fn replay(recording: &Recording<'_>, clip: &Arc<Clip>, found: &mut Comparison) -> Result<()> {
    let settings: Settings = recording.settings()?;
    let options = settings.options(clip.config.vision.transformer.layers)?;
    let text = clip.text.forward(&recording.token_ids()?)?;
    found.tensor(
        recording,
        "text_features",
        &read_rows(vec![text.clone()], "text features").await?,
    )?;

    let initial = initial_parameters(recording, clip, &options)?;
    let texts = Texts {
        features: normalise(text),
        prompts: Vec::new(),
    };
    let mut method = Ttl::with_parameters(Arc::clone(clip), texts, &options, None, initial);
    let mut image_features = Vec::new();
    for pixels in recording.views(clip)? {
        let tokens = clip.vision.trunk(pixels, method.first_block())?;
        image_features.push(clip.vision.tail(tokens.clone(), method.first_block(), None));
        method.push(tokens);
    }
    let logits = image_features
        .iter()
        .map(|f| clip.logits(f.clone(), method.text_features()))
        .collect();
    found.tensor(
        recording,
        "image_features",
        &read_rows(image_features, "image features").await?,
    )?;
    found.tensor(recording, "logits_before", &read_rows(logits, "logits").await?)?;

    let mut trusted = BTreeMap::new();
    for (step, log) in settings.log.iter().take(options.steps).enumerate() {
        replay_step(recording, &mut method, (step, log), options.margin, &mut trusted, found).await?;
    }
    Ok(())
}

fn initial_parameters(recording: &Recording<'_>, clip: &Clip, options: &TtlOptions) -> Result<Parameters> {
    let transformer = clip.config.vision.transformer;
    let width = transformer.width;
    let mut parameters = Parameters::new();
    for block in transformer.layers - options.layers..transformer.layers {
        for &projection in &options.targets {
            for (factor, expected) in [(Factor::A, [options.rank, width]), (Factor::B, [width, options.rank])] {
                let key = ParameterKey {
                    tower: Tower::Vision,
                    block,
                    projection,
                    factor,
                };
                let (shape, values) = recording.floats(&format!("init.{key}"))?;
                if shape != expected {
                    return Err(invalid(format!("init.{key} has shape {shape:?}, not {expected:?}")));
                }
                let data = TensorData::new(values, expected);
                parameters.insert(key, Tensor::from_data(data, clip.device.tensor_device()));
            }
        }
    }
    Ok(parameters)
}

async fn replay_step(
    recording: &Recording<'_>,
    method: &mut Ttl,
    (step, log): (usize, &StepLog),
    margin: f64,
    trusted: &mut BTreeMap<ParameterKey, Trusted>,
    found: &mut Comparison,
) -> Result<()> {
    let mut rows = Vec::new();
    for chunk in 0..method.chunks() {
        rows.extend(method.accumulate(chunk));
    }
    let logits = read_rows(rows, "logits").await?;
    let labels = method.text_features().dims()[0];
    let views = ViewsState::of(&logits, labels, |entropies| {
        let all: Vec<usize> = (0..entropies.len()).collect();
        weighted(entropies, &all, margin)
    });
    found.tensor(recording, &format!("step{step}.logits"), &logits)?;
    found.tensor(recording, &format!("step{step}.entropy"), &views.view_entropies)?;
    found.tensor(recording, &format!("step{step}.weight"), &views.view_weights)?;
    found.scalar("loss", step, views.loss, log.loss);
    found.scalar("mean_entropy", step, views.entropy, log.mean_entropy);
    found.scalar("entropy_of_mean", step, views.marginal_entropy, log.entropy_of_mean);

    for (key, gradient) in method.gradients().clone() {
        let name = format!("step{step}.grad.{key}");
        let (_, recorded) = recording.floats(&name)?;
        let ours = read_values(gradient, "gradient").await?;
        found.gradient(&name, &ours, &recorded)?;
        trusted
            .entry(key)
            .or_insert_with(|| Trusted::all(recorded.len()))
            .look_at(&recorded);
    }
    method.update()?;
    let mut parameters = Parameters::new();
    for (key, value) in method.parameters().clone() {
        let name = format!("step{step}.after.{key}");
        let (_, recorded) = recording.floats(&name)?;
        let shape = value.dims();
        let mut ours = read_values(value, "parameter").await?;
        match trusted.get(&key) {
            Some(trusted) => {
                found.parameter(&name, &ours, &recorded, trusted.mask())?;
                trusted.take_over(&mut ours, &recorded);
            }
            // Without a gradient there is nothing that rounding could have turned around.
            None => found.parameter(&name, &ours, &recorded, &[])?,
        }
        let data = TensorData::new(ours, shape);
        parameters.insert(key, Tensor::from_data(data, method.device()));
    }
    method.set_parameters(parameters)?;
    let prediction = method.centre_logits().ok_or_else(|| invalid("it has no views"))?;
    let prediction = read_rows(vec![prediction], "prediction").await?;
    found.tensor(recording, &format!("step{step}.prediction_logits"), &prediction)?;
    found.scalar(
        "prediction_entropy",
        step,
        entropy::entropy(&prediction),
        log.prediction_entropy,
    );
    Ok(())
}
