//! `cargo xtask bench`: what models of full size take in time and memory, natively and in Chromium, both on the CPU device. Their weights
//! are random: nothing is downloaded, and what comes out means nothing.

mod browser;
mod native;
mod peers;
mod pytorch;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Value, json};

use self::browser::InBrowser;
use crate::error::Error;
use crate::workspace::Workspace;

/// A model that can be measured. The names of those with random weights are those of `clip-ttl bench --shape`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Shape {
    /// The model that ships, with its weights
    #[value(name = "pocket")]
    Pocket,
    /// TinyCLIP-ViT-8M-16-Text-3M
    #[value(name = "tinyclip")]
    TinyClip,
    /// OpenAI's ViT-B/32
    #[value(name = "vit-b-32")]
    VitB32,
    /// OpenAI's ViT-B/16, the model of the TTL paper
    #[value(name = "vit-b-16")]
    VitB16,
    /// OpenAI's ViT-L/14
    #[value(name = "vit-l-14")]
    VitL14,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::Pocket => "pocket",
            Self::TinyClip => "tinyclip",
            Self::VitB32 => "vit-b-32",
            Self::VitB16 => "vit-b-16",
            Self::VitL14 => "vit-l-14",
        }
    }
}

/// How frozen matrices are kept, as both programs name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dtype {
    /// As in the file, but large ones in q8
    Auto,
    F32,
    F16,
    Q8,
    Q4,
}

impl Dtype {
    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
        }
    }
}

/// Where clip-ttl and other libraries are measured side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PeerDevice {
    /// wasm, one thread each
    Cpu,
    /// The adapter that the browser has; without a GPU one in software, which takes many minutes
    Webgpu,
}

impl PeerDevice {
    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Webgpu => "webgpu",
        }
    }
}

/// What to measure.
#[derive(Debug)]
pub struct BenchOptions {
    /// The folder of the built site.
    pub site: PathBuf,
    pub shapes: Vec<Shape>,
    pub dtype: Dtype,
    /// Of the episode.
    pub views: u32,
    /// Beside other libraries, on these devices.
    pub peers: Vec<PeerDevice>,
    /// A Python with PyTorch, to measure the same episodes with.
    pub pytorch: Option<PathBuf>,
    /// Where the figures go, besides the terminal.
    pub json: Option<PathBuf>,
}

/// A model with the folder that its checkpoint is in.
#[derive(Debug)]
struct Model {
    shape: Shape,
    folder: PathBuf,
}

/// Measures everything and prints the table. Returns whether all was as it should be: no error in the browser, and no more
/// memory than loading may take.
pub fn run(workspace: &Workspace, options: &BenchOptions) -> Result<bool, Error> {
    let mut shapes: BTreeSet<Shape> = options.shapes.iter().copied().collect();
    if shapes.is_empty() && options.peers.is_empty() {
        shapes.extend([Shape::VitB32, Shape::VitB16]);
    }
    if !shapes.is_empty() {
        native::build(workspace)?;
    }
    let mut models = Vec::new();
    let (mut natives, mut with_pytorch) = (Vec::new(), Vec::new());
    for shape in shapes {
        let folder = native::checkpoint(workspace, shape)?;
        let model = Model { shape, folder };
        natives.push(native::measure(workspace, &model, options)?);
        // Right after, so that both have the same neighbours on the machine.
        with_pytorch.push(match &options.pytorch {
            Some(python) => pytorch::measure(workspace, &model, options.views, python)?,
            None => Value::Null,
        });
        models.push(model);
    }
    let in_browser = if models.is_empty() {
        InBrowser {
            figures: Vec::new(),
            passed: true,
        }
    } else {
        browser::measure(workspace, &models, options)?
    };

    let measured: Vec<Value> = models
        .iter()
        .zip(natives)
        .zip(with_pytorch)
        .zip(in_browser.figures)
        .map(|(((model, native), pytorch), browser)| {
            let episode_ms = |measured: &Value| measured["episode_ms"].as_f64();
            let ratio = episode_ms(&native).zip(episode_ms(&pytorch)).map(|(ours, theirs)| ours / theirs);
            json!({
                "shape": model.shape.name(), "native": native, "pytorch": pytorch, "ratio_to_pytorch": ratio, "browser": browser
            })
        })
        .collect();
    let beside = peers::measure(workspace, options)?;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let document = json!({
        "dtype": options.dtype.name(),
        "views": options.views,
        "cores": cores,
        "passed": in_browser.passed && beside.passed,
        "models": measured,
        "peers": beside.figures,
    });
    if !models.is_empty() {
        println!("\n{}", table::render(&document));
    }
    if let Some(path) = &options.json {
        fs::write(path, format!("{document:#}\n")).map_err(Error::file("write", path))?;
    }
    let passed = in_browser.passed && beside.passed;
    if !passed {
        println!("\nNot all was as it should be in the browser: see above.");
    }
    Ok(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_formats_are_called_as_they_are_chosen() {
        let chosen = |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_owned());
        for shape in Shape::value_variants() {
            assert_eq!(chosen(shape.to_possible_value()).as_deref(), Some(shape.name()));
        }
        for dtype in Dtype::value_variants() {
            assert_eq!(chosen(dtype.to_possible_value()).as_deref(), Some(dtype.name()));
        }
        for device in PeerDevice::value_variants() {
            assert_eq!(chosen(device.to_possible_value()).as_deref(), Some(device.name()));
        }
    }
}
