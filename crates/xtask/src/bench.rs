//! `cargo xtask bench`: what models of full size take in time and memory, natively and in Chromium, both on the CPU device. Their weights
//! are random: nothing is downloaded, and what comes out means nothing.

mod browser;
pub mod native;
mod peers;
mod products;
mod pytorch;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::error::{self, Error};
use crate::serve::{self, Running};
use crate::workspace::Workspace;
use crate::{node, setup};

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

/// How frozen matrices are kept, as both programs name it. `auto` isn't among them: natively it means as in the file, in the browser q8 for large
/// matrices, and one table can't be about both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dtype {
    F32,
    F16,
    Q8,
    Q4,
}

impl Dtype {
    fn name(self) -> &'static str {
        match self {
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
    /// Matrix products on WebGPU, beside other libraries.
    pub products: bool,
    /// How often each of the libraries has its turn; none leaves it to the device's default.
    pub rounds: Option<u32>,
    /// A Python with PyTorch, to measure the same episodes with.
    pub pytorch: Option<PathBuf>,
    /// Where the figures go, besides the terminal.
    pub json: Option<PathBuf>,
}

impl BenchOptions {
    fn beside_peers(&self) -> bool {
        self.products || !self.peers.is_empty()
    }
}

/// A model with the folder that its checkpoint is in.
#[derive(Debug)]
struct Model {
    shape: Shape,
    folder: PathBuf,
}

/// What measuring needs, looked for, installed and started before it: half an hour later would be too late to say what is missing.
struct Prepared {
    chromium: PathBuf,
    /// Of the built site.
    server: Running,
    /// As [`pytorch::interpreter`] gives it.
    python: Option<PathBuf>,
}

impl Prepared {
    fn new(workspace: &Workspace, shapes: &BTreeSet<Shape>, options: &BenchOptions) -> Result<Self, Error> {
        let python = options.pytorch.as_deref().map(pytorch::interpreter).transpose()?;
        node::node()?;
        for folder in npm_folders(workspace, shapes, options.beside_peers()) {
            node::install(&folder)?;
        }
        let chromium = setup::chromium()?;
        let server = serve::start(&options.site, 0)?;
        if !shapes.is_empty() {
            native::build(workspace)?;
        }
        Ok(Self {
            chromium,
            server,
            python,
        })
    }
}

/// The folders whose npm packages measuring needs.
fn npm_folders(workspace: &Workspace, shapes: &BTreeSet<Shape>, beside_peers: bool) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if !shapes.is_empty() {
        folders.push(workspace.browser_tests());
    }
    if beside_peers {
        folders.push(workspace.peer_tests());
    }
    folders
}

/// Measures everything and prints the table. What fails takes nothing else with it, and is told after the figures. Returns whether all was as it
/// should be: nothing failed, no error in the browser, and no more memory than loading may take.
pub fn run(workspace: &Workspace, options: &BenchOptions) -> Result<bool, Error> {
    let mut shapes: BTreeSet<Shape> = options.shapes.iter().copied().collect();
    if shapes.is_empty() && !options.beside_peers() {
        shapes.extend([Shape::VitB32, Shape::VitB16]);
    }
    let prepared = Prepared::new(workspace, &shapes, options)?;
    let mut failures = Vec::new();
    let mut models = Vec::new();
    let (mut natives, mut with_pytorch) = (Vec::new(), Vec::new());
    for shape in shapes {
        let Some(folder) = kept(native::checkpoint(workspace, shape), &mut failures) else {
            continue;
        };
        let model = Model { shape, folder };
        natives.push(kept(native::measure(workspace, &model, options), &mut failures));
        // Right after, so that both have the same neighbours on the machine.
        with_pytorch.push(prepared.python.as_deref().and_then(|python| {
            let measured = pytorch::measure(workspace, &model, options.views, python);
            kept(measured, &mut failures)
        }));
        models.push(model);
    }
    let mut passed = true;
    let mut in_browser = Vec::new();
    if !models.is_empty()
        && let Some(measured) = kept(browser::measure(workspace, &models, options, &prepared), &mut failures)
    {
        passed &= measured.passed;
        in_browser = measured.figures;
    }
    in_browser.resize(models.len(), Value::Null);
    let measured: Vec<Value> = models
        .iter()
        .zip(natives)
        .zip(with_pytorch)
        .zip(in_browser)
        .map(|(((model, native), pytorch), browser)| {
            let episode_ms = |measured: &Option<Value>| measured.as_ref()?["episode_ms"].as_f64();
            let ratio = episode_ms(&native).zip(episode_ms(&pytorch)).map(|(ours, theirs)| ours / theirs);
            json!({
                "shape": model.shape.name(), "native": native, "pytorch": pytorch, "ratio_to_pytorch": ratio, "browser": browser
            })
        })
        .collect();
    let mut beside = json!({});
    for device in &options.peers {
        if let Some(measured) = kept(
            peers::measure(workspace, *device, options.rounds, &prepared),
            &mut failures,
        ) {
            passed &= measured.passed;
            beside[device.name()] = measured.figures;
        }
    }
    if options.products
        && let Some(measured) = kept(products::measure(workspace, options.rounds, &prepared), &mut failures)
    {
        passed &= measured.passed;
        beside["products"] = measured.figures;
    }
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let document = json!({
        "dtype": options.dtype.name(),
        "views": options.views,
        "cores": cores,
        "passed": passed && failures.is_empty(),
        "models": measured,
        "peers": beside,
    });
    if !models.is_empty() {
        println!("\n{}", table::render(&document));
    }
    if let Some(path) = &options.json {
        let written = fs::write(path, format!("{document:#}\n")).map_err(Error::file("write", path));
        kept(written, &mut failures);
    }
    if !passed {
        println!("\nNot all was as it should be in the browser: see above.");
    }
    for failure in &failures {
        error::report(failure);
    }
    Ok(passed && failures.is_empty())
}

/// What something gave; where it failed, nothing, and its error goes to the others.
fn kept<T>(result: Result<T, Error>, failures: &mut Vec<Error>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            failures.push(error);
            None
        }
    }
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

    #[test]
    fn a_format_that_the_two_programs_understand_differently_is_none() {
        let names: Vec<&str> = Dtype::value_variants().iter().map(|dtype| dtype.name()).collect();
        assert_eq!(names, ["f32", "f16", "q8", "q4"]);
    }

    #[test]
    fn packages_are_installed_for_what_is_measured_and_nothing_else() {
        let workspace = Workspace::at("/repository", "/target");
        let folders = |shapes: &[Shape], beside_peers| {
            let shapes: BTreeSet<Shape> = shapes.iter().copied().collect();
            npm_folders(&workspace, &shapes, beside_peers)
        };
        assert_eq!(folders(&[Shape::Pocket], false), [workspace.browser_tests()]);
        assert_eq!(folders(&[], true), [workspace.peer_tests()]);
        assert_eq!(
            folders(&[Shape::Pocket], true),
            [workspace.browser_tests(), workspace.peer_tests()]
        );
    }

    #[test]
    fn what_fails_is_kept_for_the_end() {
        let mut failures = Vec::new();
        assert_eq!(kept(Ok(1), &mut failures), Some(1));
        let missing = Error::Missing {
            what: "a tool".to_owned(),
            advice: "install it".to_owned(),
        };
        assert_eq!(kept::<u32>(Err(missing), &mut failures), None);
        assert_eq!(failures.len(), 1);
        assert!(failures[0].to_string().contains("a tool"));
    }
}
