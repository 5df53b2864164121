//! CLIP itself: configuration, tokenizer, preprocessing, the vision and text towers, frozen linear layers
//! with optional low-rank adapters, and reading checkpoints in Hugging Face's layout.
//!
//! This crate knows nothing of adaptation, of files, or of the browser. The way of the data:
//! [`picture::Picture`] -> [`pixels`] -> [`vision::VisionTower`] -> image features, and
//! [`tokenizer::Tokenizer`] -> [`text::TextTower`] -> text features; [`clip::Clip`] holds both towers.

pub mod block;
pub mod bypass;
pub mod checkpoint;
pub mod clip;
pub mod config;
pub mod device;
pub mod error;
mod flex;
pub mod fused;
#[cfg(feature = "webgpu")]
pub mod gpu_product;
pub mod linear;
pub mod lora;
pub mod picture;
pub mod pixels;
pub mod product;
pub mod quantised;
pub mod text;
pub mod tokenizer;
pub mod vision;

pub use error::{Error, Result};
