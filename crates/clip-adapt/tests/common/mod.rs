//! What several tests read.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't be set up has failed"
)]

use std::path::PathBuf;
use std::sync::Arc;

use clip_model::checkpoint::{Checkpoint, FormatChoice};
use clip_model::clip::Clip;
use clip_model::device::{ComputeDevice, DeviceChoice};

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the workspace.
pub(crate) fn file(path: &str) -> Vec<u8> {
    let path = root().join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A device, or a failure: a test that finds no adapter fails. Tests run side by side, but a process opens its graphics device once:
/// one opens it, and the others wait.
pub(crate) fn device(choice: DeviceChoice) -> ComputeDevice {
    static OPENING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = OPENING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    pollster::block_on(ComputeDevice::open(choice)).unwrap()
}

/// A checkpoint's folder, loaded.
pub(crate) fn clip(folder: &str, choice: FormatChoice, device: &ComputeDevice) -> Arc<Clip> {
    clip_of(folder, &file(&format!("{folder}/model.safetensors")), choice, device)
}

/// A checkpoint's folder with these weights in the place of its own, loaded.
pub(crate) fn clip_of(folder: &str, weights: &[u8], choice: FormatChoice, device: &ComputeDevice) -> Arc<Clip> {
    let text = |name: &str| std::fs::read_to_string(root().join(folder).join(name)).ok();
    let (config, preprocessor) = (text("config.json"), text("preprocessor_config.json"));
    let checkpoint = Checkpoint::from_parts(config.as_deref(), preprocessor.as_deref(), weights, choice).unwrap();
    Arc::new(Clip::load(checkpoint, device).unwrap())
}
