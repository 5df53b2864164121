//! Replays an episode that PyTorch, `transformers` and `peft` recorded, and compares every quantity of it.
//!
//! A recording is one `.safetensors`: its tensors are inputs, intermediate values, gradients and parameters; the
//! settings and scalars are JSON under the key `json` of its metadata (`tests/oracle` makes such files).

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use clip_model::clip::{Clip, normalise};
use clip_model::lora::Projection;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::entropy;
use crate::episode::{read_rows, read_values};
use crate::error::{Error, Result};
use crate::methods::ttl::{Factor, ParameterKey, Parameters, Ttl, weight};
use crate::options::TtlOptions;

/// Largest absolute error of features, logits, entropies, weights, losses and parameters.
pub const ABSOLUTE_TOLERANCE: f64 = 1e-3;
/// Largest error of a gradient, as a share of the largest value of its tensor.
pub const GRADIENT_TOLERANCE: f64 = 1e-3;
/// AdamW's first step goes by the gradient's sign, which rounding decides where the gradient is nearly zero: a
/// parameter is compared where its gradients were at least this share of the largest of their tensor. The others take
/// their recorded values before the next step.
pub const SIGN_THRESHOLD: f64 = 1e-5;

/// The comparison of one quantity over all steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quantity {
    /// Its name.
    pub name: String,
    /// Its largest error.
    pub largest_error: f64,
    /// Where that error is.
    pub at: String,
    /// What would be accepted.
    pub tolerance: f64,
    /// Whether errors are shares of the tensor's largest value.
    pub relative: bool,
    /// How many values were compared.
    pub compared: usize,
    /// Whether the largest error is accepted.
    pub passed: bool,
}

/// The comparison of a whole episode.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The recorded method.
    pub method: String,
    /// `"cpu"` or `"webgpu"`: what the replay ran on.
    pub device: String,
    /// The adapter's name, or "CPU".
    pub device_name: String,
    /// Whether every quantity is accepted.
    pub passed: bool,
    /// Every quantity.
    pub quantities: Vec<Quantity>,
}

#[derive(Deserialize)]
struct Settings {
    method: String,
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

fn invalid(reason: impl Into<String>) -> Error {
    Error::RecordingInvalid { reason: reason.into() }
}

/// A recording's tensors.
struct Recording<'a> {
    tensors: SafeTensors<'a>,
    settings: Settings,
}

impl<'a> Recording<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| invalid(error.to_string()))?;
        let json = header
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get("json"))
            .ok_or_else(|| invalid("its metadata has no key json"))?;
        let kind: serde_json::Value = serde_json::from_str(json).map_err(|error| invalid(error.to_string()))?;
        let method = kind.get("method").and_then(serde_json::Value::as_str).unwrap_or("none");
        if method != "ttl" {
            return Err(invalid(format!("its method is {method}; ttl can be replayed")));
        }
        let settings: Settings = serde_json::from_value(kind).map_err(|error| invalid(error.to_string()))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| invalid(error.to_string()))?;
        Ok(Self { tensors, settings })
    }

    fn floats(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>)> {
        let view = self.tensors.tensor(name).map_err(|_| invalid(format!("it has no tensor {name}")))?;
        if view.dtype() != Dtype::F32 {
            return Err(invalid(format!("{name} is not F32")));
        }
        let (chunks, _) = view.data().as_chunks::<4>();
        Ok((view.shape().to_vec(), chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()))
    }

    fn token_ids(&self) -> Result<Vec<Vec<u32>>> {
        let view = self.tensors.tensor("input_ids").map_err(|_| invalid("it has no tensor input_ids"))?;
        let (&[rows, columns], Dtype::I32) = (view.shape(), view.dtype()) else {
            return Err(invalid("input_ids is not an I32 matrix"));
        };
        let (chunks, _) = view.data().as_chunks::<4>();
        let ids: Vec<u32> = chunks
            .iter()
            .map(|bytes| u32::try_from(i32::from_le_bytes(*bytes)).map_err(|_| invalid("a token id is negative")))
            .collect::<Result<_>>()?;
        if rows == 0 || columns == 0 {
            return Err(invalid("input_ids is empty"));
        }
        Ok(ids.chunks_exact(columns).map(<[u32]>::to_vec).collect())
    }

    fn options(&self, vision_layers: usize) -> Result<TtlOptions> {
        let settings = &self.settings;
        let [first, last] = settings.layers;
        if last + 1 != vision_layers || first > last {
            return Err(invalid(format!(
                "it adapts blocks {first} to {last}; the last blocks of this model's {vision_layers} can be replayed"
            )));
        }
        if settings.log.len() < settings.steps {
            return Err(invalid("its log is shorter than its number of steps"));
        }
        Ok(TtlOptions {
            steps: settings.steps,
            learning_rate: settings.lr,
            rank: settings.rank,
            alpha: settings.alpha,
            layers: vision_layers - first,
            targets: settings.targets.clone(),
            margin: settings.margin,
            weight_decay: settings.weight_decay,
            betas: settings.betas,
            epsilon: settings.eps,
            ..TtlOptions::default()
        })
    }
}

/// Replays a recorded episode on the model's device.
///
/// # Errors
/// [`Error::RecordingInvalid`] where the file is no recording of this model; those of the model and the device.
pub async fn verify(clip: &Arc<Clip>, recording: &[u8]) -> Result<Verification> {
    let recording = Recording::read(recording)?;
    let mut found = Comparison::default();
    let text = clip.text.forward(&recording.token_ids()?)?;
    found.tensor(&recording, "text_features", &read_rows(vec![text.clone()], "text features").await?)?;

    let options = recording.options(clip.config.vision.transformer.layers)?;
    let initial = initial_parameters(&recording, clip, &options)?;
    let mut method = Ttl::with_parameters(Arc::clone(clip), normalise(text), options.clone(), initial);

    let (shape, views) = recording.floats("views")?;
    let per_view: usize = shape.iter().skip(1).product();
    // In two chunks where that is possible, so that a replay sums gradients up as an episode does.
    let half = shape.first().copied().unwrap_or_default().div_ceil(2).max(1);
    let mut image_features = Vec::new();
    for chunk in views.chunks((half * per_view).max(1)) {
        let tokens = clip.vision.trunk(clip.upload_views(chunk.to_vec())?, method.first_block())?;
        image_features.push(clip.vision.tail(tokens.clone(), method.first_block(), None));
        method.push_tokens(tokens);
    }
    let logits = image_features.iter().map(|f| clip.logits(f.clone(), method.text_features())).collect();
    found.tensor(&recording, "image_features", &read_rows(image_features, "image features").await?)?;
    found.tensor(&recording, "logits_before", &read_rows(logits, "logits").await?)?;

    let mut trusted = BTreeMap::new();
    for step in 0..options.steps {
        replay_step(&recording, &mut method, &options, step, &mut trusted, &mut found).await?;
    }
    let quantities = found.finish();
    Ok(Verification {
        method: recording.settings.method,
        device: clip.device.kind().as_str().to_owned(),
        device_name: clip.device.name().to_owned(),
        passed: quantities.iter().all(|quantity| quantity.passed),
        quantities,
    })
}

fn initial_parameters(recording: &Recording<'_>, clip: &Clip, options: &TtlOptions) -> Result<Parameters> {
    let transformer = clip.config.vision.transformer;
    let width = transformer.width;
    let mut parameters = Parameters::new();
    for block in transformer.layers - options.layers..transformer.layers {
        for &projection in &options.targets {
            for (factor, expected) in [(Factor::A, [options.rank, width]), (Factor::B, [width, options.rank])] {
                let key = ParameterKey { block, projection, factor };
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

/// Which values of a parameter rounding can't have turned around.
type Trusted = BTreeMap<ParameterKey, Vec<bool>>;

async fn replay_step(
    recording: &Recording<'_>,
    method: &mut Ttl,
    options: &TtlOptions,
    step: usize,
    trusted: &mut Trusted,
    found: &mut Comparison,
) -> Result<()> {
    let log = recording.settings.log.get(step).ok_or_else(|| invalid("its log is too short"))?;
    let mut rows = Vec::new();
    for chunk in 0..method.chunks() {
        rows.extend(method.accumulate(chunk));
    }
    let logits = read_rows(rows, "logits").await?;
    let labels = method.text_features().dims()[0];
    let entropies: Vec<f64> = logits.chunks_exact(labels).map(entropy::entropy).collect();
    let weights: Vec<f64> = entropies.iter().map(|&entropy| weight(entropy, options.margin)).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let losses: Vec<f64> = entropies.iter().zip(&weights).map(|(entropy, weight)| entropy * weight).collect();
    let single = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
    found.tensor(recording, &format!("step{step}.logits"), &logits)?;
    found.tensor(recording, &format!("step{step}.entropy"), &single(&entropies))?;
    found.tensor(recording, &format!("step{step}.weight"), &single(&weights))?;
    found.scalar("loss", step, mean(&losses), log.loss);
    found.scalar("mean_entropy", step, mean(&entropies), log.mean_entropy);
    found.scalar("entropy_of_mean", step, entropy::marginal_entropy(&logits, labels), log.entropy_of_mean);

    for (key, gradient) in method.gradients().clone() {
        let name = format!("step{step}.grad.{key}");
        let (_, recorded) = recording.floats(&name)?;
        let ours = read_values(gradient, "gradient").await?;
        found.gradient(&name, &ours, &recorded)?;
        let largest = recorded.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let threshold = f64::from(largest) * SIGN_THRESHOLD;
        let mask = trusted.entry(key).or_insert_with(|| vec![true; recorded.len()]);
        for (keep, value) in mask.iter_mut().zip(&recorded) {
            // A gradient of exactly zero has no sign to turn around.
            *keep &= *value == 0.0 || f64::from(value.abs()) > threshold;
        }
    }
    method.update();
    let mut parameters = Parameters::new();
    for (key, value) in method.parameters().clone() {
        let name = format!("step{step}.after.{key}");
        let (_, recorded) = recording.floats(&name)?;
        let shape = value.dims();
        let mut ours = read_values(value, "parameter").await?;
        let mask = trusted.get(&key).map(Vec::as_slice).unwrap_or_default();
        found.masked(&name, &ours, &recorded, mask)?;
        // A value that rounding turned around would make all later steps differ: those go on as recorded.
        for ((ours, recorded), _) in ours.iter_mut().zip(&recorded).zip(mask).filter(|(_, trusted)| !**trusted) {
            *ours = *recorded;
        }
        let data = TensorData::new(ours, shape);
        parameters.insert(key, Tensor::from_data(data, method.device()));
    }
    method.set_parameters(parameters);
    let prediction = method.predict().ok_or_else(|| invalid("it has no views"))?;
    let prediction = read_rows(vec![prediction], "prediction").await?;
    found.tensor(recording, &format!("step{step}.prediction_logits"), &prediction)?;
    found.scalar("prediction_entropy", step, entropy::entropy(&prediction), log.prediction_entropy);
    Ok(())
}

/// The largest error of each quantity so far.
#[derive(Default)]
struct Comparison {
    quantities: Vec<Quantity>,
}

impl Comparison {
    fn tensor(&mut self, recording: &Recording<'_>, name: &str, ours: &[f32]) -> Result<()> {
        let (_, recorded) = recording.floats(name)?;
        self.masked(name, ours, &recorded, &[])
    }

    /// An empty mask compares everything.
    fn masked(&mut self, name: &str, ours: &[f32], recorded: &[f32], mask: &[bool]) -> Result<()> {
        same_length(name, ours, recorded)?;
        let errors = ours
            .iter()
            .zip(recorded)
            .enumerate()
            .filter(|(index, _)| mask.get(*index).copied().unwrap_or(true))
            .map(|(_, (ours, recorded))| distance(f64::from(*ours), f64::from(*recorded)));
        let (count, largest) = summary(errors);
        self.add(kind_of(name), name, largest, ABSOLUTE_TOLERANCE, false, count);
        Ok(())
    }

    fn gradient(&mut self, name: &str, ours: &[f32], recorded: &[f32]) -> Result<()> {
        same_length(name, ours, recorded)?;
        let scale = recorded.iter().fold(0.0_f64, |largest, value| largest.max(f64::from(value.abs())));
        let errors = ours.iter().zip(recorded).map(|(ours, recorded)| {
            let error = distance(f64::from(*ours), f64::from(*recorded));
            if error == 0.0 { 0.0 } else { error / scale }
        });
        let (count, largest) = summary(errors);
        self.add(kind_of(name), name, largest, GRADIENT_TOLERANCE, true, count);
        Ok(())
    }

    fn scalar(&mut self, name: &str, step: usize, ours: f64, recorded: f64) {
        self.add(name, &format!("step{step}.{name}"), distance(ours, recorded), ABSOLUTE_TOLERANCE, false, 1);
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

    fn finish(mut self) -> Vec<Quantity> {
        for quantity in &mut self.quantities {
            quantity.passed = quantity.largest_error <= quantity.tolerance;
        }
        self.quantities
    }
}

/// `step3.grad.layers.1.q_proj.lora_A` is of the kind `grad.lora_A`.
fn kind_of(name: &str) -> &str {
    let name = name.strip_prefix("step").and_then(|rest| rest.split_once('.')).map_or(name, |(_, kind)| kind);
    match name.split_once(".layers.") {
        Some(("grad", rest)) => if rest.ends_with("lora_A") { "grad.lora_A" } else { "grad.lora_B" },
        Some(("after", rest)) => if rest.ends_with("lora_A") { "after.lora_A" } else { "after.lora_B" },
        _ => name,
    }
}

fn same_length(name: &str, ours: &[f32], recorded: &[f32]) -> Result<()> {
    if ours.len() == recorded.len() {
        Ok(())
    } else {
        Err(invalid(format!("{name} has {} values, the replay {}", recorded.len(), ours.len())))
    }
}

/// What is not a number is infinitely far from everything.
fn distance(a: f64, b: f64) -> f64 {
    let distance = (a - b).abs();
    if distance.is_nan() { f64::INFINITY } else { distance }
}

fn summary(errors: impl Iterator<Item = f64>) -> (usize, f64) {
    errors.fold((0, 0.0), |(count, largest), error| (count + 1, f64::max(largest, error)))
}
