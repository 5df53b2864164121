//! Models of well-known shapes with random weights, for measuring time and memory: what comes out of them means nothing.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use clap::ValueEnum;
use clip_model::checkpoint::needed_tensors;
use clip_model::config::ClipConfig;
use serde_json::{Map, json};

use crate::error::Error;
use crate::model_files::{CONFIG, WEIGHTS};

/// The shape of a published CLIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// OpenAI's ViT-B/32
    #[value(name = "vit-b-32")]
    VitB32,
    /// OpenAI's ViT-B/16, the model of the TTL paper
    #[value(name = "vit-b-16")]
    VitB16,
    /// OpenAI's ViT-L/14
    #[value(name = "vit-l-14")]
    VitL14,
    /// TinyCLIP-ViT-8M-16-Text-3M
    #[value(name = "tinyclip")]
    TinyClip,
}

impl Shape {
    /// Its `config.json`; what is left out are the defaults of `transformers`.
    pub fn config_json(self) -> &'static str {
        match self {
            Self::VitB32 => r#"{"model_type": "clip"}"#,
            Self::VitB16 => r#"{"model_type": "clip", "vision_config": {"patch_size": 16}}"#,
            Self::VitL14 => {
                r#"{"model_type": "clip", "projection_dim": 768, "text_config": {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12}, "vision_config": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16, "patch_size": 14}}"#
            }
            Self::TinyClip => {
                r#"{"model_type": "clip", "text_config": {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 3, "num_attention_heads": 4}, "vision_config": {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 10, "num_attention_heads": 4, "patch_size": 16}}"#
            }
        }
    }
}

/// Refuses a folder with a model in it, which would be lost.
///
/// # Errors
/// [`Error::OutputPath`].
pub fn check_folder(folder: &Path) -> Result<(), Error> {
    for name in [CONFIG, WEIGHTS] {
        let path = folder.join(name);
        if path.exists() {
            return Err(Error::OutputPath {
                path,
                reason: "it is there already; name another folder",
            });
        }
    }
    Ok(())
}

/// Writes `config.json` and `model.safetensors` in single precision, as they would be published; the same every time.
///
/// # Errors
/// [`Error::Write`], [`Error::Model`].
pub fn write(shape: Shape, folder: &Path) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| Error::Write { path, source }
    };
    let config = ClipConfig::from_json(shape.config_json()).map_err(|source| Error::Model {
        path: format!("{shape:?}"),
        source,
    })?;
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    let path = folder.join(CONFIG);
    std::fs::write(&path, shape.config_json()).map_err(failed(&path))?;
    let path = folder.join(WEIGHTS);
    let file = File::create(&path).map_err(failed(&path))?;
    write_weights(&config, &mut BufWriter::new(file)).map_err(failed(&path))
}

fn write_weights(config: &ClipConfig, out: &mut impl Write) -> io::Result<()> {
    let tensors = needed_tensors(config);
    let mut entries = Map::new();
    let mut offset = 0;
    for (name, shape) in &tensors {
        let end = offset + 4 * shape.iter().product::<usize>();
        entries.insert(
            name.clone(),
            json!({"dtype": "F32", "shape": shape, "data_offsets": [offset, end]}),
        );
        offset = end;
    }
    let mut header = serde_json::to_vec(&entries)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    let mut random = Random(1);
    for (name, shape) in &tensors {
        let count: usize = shape.iter().product();
        // Of the size that training gives them, so that no activation grows without bound.
        let (centre, spread) = match (name.as_str(), shape.as_slice()) {
            ("logit_scale", _) => (4.6, 0.0),
            (name, _) if name.contains("norm") && name.ends_with("weight") => (1.0, 0.02),
            (_, [_, inputs @ ..]) if !inputs.is_empty() => {
                (0.0, (inputs.iter().product::<usize>() as f32).sqrt().recip())
            }
            _ => (0.0, 0.02),
        };
        for _ in 0..count {
            out.write_all(&(centre + spread * random.next()).to_le_bytes())?;
        }
    }
    out.flush()
}

/// Nearly normally distributed numbers: sums of three uniform ones.
struct Random(u32);

impl Random {
    fn next(&mut self) -> f32 {
        (0..3)
            .map(|_| {
                self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (self.0 >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .sum()
    }
}
