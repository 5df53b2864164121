//! Checkpoints in pieces, and in one file of our own.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use clip_model::Error;
use clip_model::checkpoint::{
    Assembler, Checkpoint, Description, FormatChoice, Header, PIECE_BYTES, json_length, write,
};
use clip_model::quantised::WeightFormat;

const SINGLE: &str = "tests/fixtures/tiny-quick-gelu";
const HALF: &str = "tests/fixtures/tiny-f16-sparse";

fn file(folder: &str, name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read(root.join(folder).join(name)).unwrap()
}

fn text(folder: &str, name: &str) -> String {
    String::from_utf8(file(folder, name)).unwrap()
}

fn load(folder: &str, choice: FormatChoice) -> Checkpoint {
    let weights = file(folder, "model.safetensors");
    Checkpoint::from_parts(Some(&text(folder, "config.json")), None, &weights, choice).unwrap()
}

fn written(checkpoint: &Checkpoint, folder: &str) -> Vec<u8> {
    let description = Description {
        config_json: text(folder, "config.json"),
        preprocessor_json: None,
        source: folder.to_owned(),
        source_sha256: "0".repeat(64),
    };
    let mut out = Vec::new();
    let mut told = Vec::new();
    write(checkpoint, &description, &mut out, |done, total| {
        told.push((done, total));
    })
    .unwrap();
    assert_eq!(
        told.last(),
        Some(&(out.len() as u64, out.len() as u64)),
        "progress ends at the end"
    );
    out
}

fn all_values(checkpoint: &Checkpoint) -> Vec<(String, WeightFormat, Vec<f32>)> {
    let tensors = checkpoint.weights.iter();
    tensors
        .map(|(name, tensor)| (name.to_owned(), tensor.format(), tensor.to_f32()))
        .collect()
}

fn assembler(folder: &str, choice: FormatChoice) -> Assembler {
    let weights = file(folder, "model.safetensors");
    let header = Header::parse(&weights, Some(weights.len() as u64)).unwrap();
    Assembler::new(Some(&text(folder, "config.json")), None, &header, choice).unwrap()
}

#[test]
fn a_file_of_ours_is_read_back_as_it_was_in_every_format() {
    for folder in [SINGLE, HALF] {
        for format in WeightFormat::ALL {
            let checkpoint = load(folder, FormatChoice::Fixed(format));
            let file = written(&checkpoint, folder);
            let again = Checkpoint::from_parts(None, None, &file, FormatChoice::AsStored).unwrap();
            assert_eq!(again.config, checkpoint.config);
            assert_eq!(again.preprocessing, checkpoint.preprocessing);
            assert_eq!(all_values(&again), all_values(&checkpoint), "{folder} in {format}");
            assert_eq!(written(&again, folder), file, "the same model gives the same file");
        }
    }
}

#[test]
fn single_precision_goes_through_our_file_unchanged() {
    let weights = file(SINGLE, "model.safetensors");
    let original = safetensors::SafeTensors::deserialize(&weights).unwrap();
    let ours = written(&load(SINGLE, FormatChoice::AsStored), SINGLE);
    // Whoever reads safetensors can read it.
    let ours = safetensors::SafeTensors::deserialize(&ours).unwrap();
    for (name, tensor) in original.iter() {
        let copy = ours.tensor(name).unwrap();
        assert_eq!(copy.shape(), tensor.shape(), "{name}");
        assert_eq!(copy.data(), tensor.data(), "{name}");
    }
}

#[test]
fn quantised_matrices_take_what_their_blocks_need() {
    let whole = load(SINGLE, FormatChoice::AsStored);
    let matrices: usize = whole.weights.parameters() - whole.weights.small_values();
    for (format, bits) in [(WeightFormat::Q8, 34 * 8), (WeightFormat::Q4, 18 * 8)] {
        let packed = load(SINGLE, FormatChoice::Fixed(format));
        let expected = matrices * bits / 32 / 8 + whole.weights.small_values() * 4;
        assert_eq!(packed.weights.bytes(), expected, "{format}");
        assert_eq!(packed.weights.main_format(), format);
    }
}

#[test]
fn a_quantised_file_can_be_unpacked_again() {
    let packed = load(SINGLE, FormatChoice::Fixed(WeightFormat::Q8));
    let file = written(&packed, SINGLE);
    let unpacked = Checkpoint::from_parts(None, None, &file, FormatChoice::Fixed(WeightFormat::F32)).unwrap();
    assert_eq!(unpacked.weights.main_format(), WeightFormat::F32);
    for ((name, _, packed), (_, _, unpacked)) in all_values(&packed).iter().zip(all_values(&unpacked)) {
        assert_eq!(*packed, unpacked, "{name}");
    }
}

#[test]
fn pieces_may_come_in_any_order() {
    for choice in [FormatChoice::AsStored, FormatChoice::Fixed(WeightFormat::Q4)] {
        let weights = file(SINGLE, "model.safetensors");
        let mut assembler = assembler(SINGLE, choice);
        let mut pieces: Vec<_> = assembler.pieces().enumerate().collect();
        assert!(
            pieces
                .iter()
                .all(|(_, (start, end))| start < end && end - start <= PIECE_BYTES)
        );
        pieces.reverse();
        for (index, (start, end)) in pieces {
            assembler.push(index, &weights[start as usize..end as usize]).unwrap();
        }
        assert_eq!(
            all_values(&assembler.finish().unwrap()),
            all_values(&load(SINGLE, choice))
        );
    }
}

#[test]
fn what_became_of_a_piece_can_be_put_back_later() {
    for folder in [SINGLE, HALF] {
        for choice in [
            FormatChoice::AsStored,
            FormatChoice::Fixed(WeightFormat::Q8),
            FormatChoice::Fixed(WeightFormat::Q4),
        ] {
            let weights = file(folder, "model.safetensors");
            let (mut first, mut second) = (assembler(folder, choice), assembler(folder, choice));
            let pieces: Vec<_> = first.pieces().collect();
            let mut kept = 0;
            for (index, (start, end)) in pieces.into_iter().enumerate() {
                first.push(index, &weights[start as usize..end as usize]).unwrap();
                let encoded = first.encoded(index).unwrap();
                kept += encoded.len();
                // A piece that was stored only in part is refused, and so is one with something behind it.
                let short = second.restore(index, &encoded[..encoded.len() - 1]);
                assert!(matches!(short, Err(Error::CheckpointCorrupt { .. })));
                let long = [encoded.as_slice(), &[0]].concat();
                assert!(matches!(
                    second.restore(index, &long),
                    Err(Error::CheckpointCorrupt { .. })
                ));
                second.restore(index, &encoded).unwrap();
            }
            assert!(kept <= first.kept_bytes(), "{kept} of {}", first.kept_bytes());
            assert_eq!(
                all_values(&second.finish().unwrap()),
                all_values(&first.finish().unwrap())
            );
        }
    }
}

#[test]
fn a_checkpoint_with_a_piece_missing_is_none() {
    let mut assembler = assembler(SINGLE, FormatChoice::AsStored);
    assert!(assembler.push(0, &[1, 2, 3]).is_err(), "a piece of the wrong length");
    assert!(assembler.push(10_000, &[]).is_err(), "a piece that isn't planned");
    let error = assembler.finish().err().unwrap();
    assert!(error.to_string().contains("piece 0 is missing"), "{error}");
}

#[test]
fn a_large_checkpoint_is_quantised_unless_somebody_says_otherwise_and_a_small_one_is_not() {
    let compact = assembler(SINGLE, FormatChoice::Compact);
    assert_eq!(
        (compact.stored_format(), compact.kept_format()),
        ("f32", WeightFormat::F32)
    );
    // The header of a checkpoint of 600 MB, without the checkpoint.
    let header = vit_b_16_header();
    let header = Header::parse(&header, None).unwrap();
    let config = r#"{"vision_config": {"patch_size": 16}}"#;
    let compact = Assembler::new(Some(config), None, &header, FormatChoice::Compact).unwrap();
    assert_eq!(compact.kept_format(), WeightFormat::Q8);
    assert_eq!(compact.parameters(), 149_620_737);
    assert_eq!(compact.source_bytes(), 149_620_737 * 4);
    for (choice, bytes_per_value) in [
        (FormatChoice::Compact, 34.0 / 32.0),
        (FormatChoice::Fixed(WeightFormat::Q4), 18.0 / 32.0),
    ] {
        let assembler = Assembler::new(Some(config), None, &header, choice).unwrap();
        let ratio = assembler.kept_bytes() as f64 / (149_620_737.0 * bytes_per_value);
        assert!((1.0..1.05).contains(&ratio), "{ratio}");
        let pieces: Vec<_> = assembler.pieces().collect();
        assert!(pieces.iter().all(|(start, end)| end - start <= PIECE_BYTES));
        assert!(pieces.windows(2).all(|pair| pair[0].1 <= pair[1].0));
    }
}

/// The header that the tensors of OpenAI's ViT-B/16 would have.
fn vit_b_16_header() -> Vec<u8> {
    let mut tensors: Vec<(String, Vec<usize>)> = vec![
        ("logit_scale".into(), vec![]),
        ("text_projection.weight".into(), vec![512, 512]),
        ("visual_projection.weight".into(), vec![512, 768]),
        ("text_model.embeddings.token_embedding.weight".into(), vec![49_408, 512]),
        ("text_model.embeddings.position_embedding.weight".into(), vec![77, 512]),
        ("vision_model.embeddings.class_embedding".into(), vec![768]),
        (
            "vision_model.embeddings.patch_embedding.weight".into(),
            vec![768, 3, 16, 16],
        ),
        (
            "vision_model.embeddings.position_embedding.weight".into(),
            vec![197, 768],
        ),
    ];
    for (norm, width) in [
        ("text_model.final_layer_norm", 512),
        ("vision_model.pre_layrnorm", 768),
        ("vision_model.post_layernorm", 768),
    ] {
        tensors.push((format!("{norm}.weight"), vec![width]));
        tensors.push((format!("{norm}.bias"), vec![width]));
    }
    for (tower, width) in [("text_model", 512), ("vision_model", 768)] {
        for layer in 0..12 {
            let prefix = format!("{tower}.encoder.layers.{layer}");
            for (name, shape) in [
                ("layer_norm1", vec![width]),
                ("layer_norm2", vec![width]),
                ("self_attn.q_proj", vec![width, width]),
                ("self_attn.k_proj", vec![width, width]),
                ("self_attn.v_proj", vec![width, width]),
                ("self_attn.out_proj", vec![width, width]),
                ("mlp.fc1", vec![4 * width, width]),
                ("mlp.fc2", vec![width, 4 * width]),
            ] {
                tensors.push((format!("{prefix}.{name}.bias"), vec![shape[0]]));
                tensors.push((format!("{prefix}.{name}.weight"), shape));
            }
        }
    }
    let mut offset = 0;
    let entries: serde_json::Map<String, serde_json::Value> = tensors
        .into_iter()
        .map(|(name, shape)| {
            let end = offset + 4 * shape.iter().product::<usize>();
            let entry = serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [offset, end]});
            offset = end;
            (name, entry)
        })
        .collect();
    let json = serde_json::to_vec(&entries).unwrap();
    [(json.len() as u64).to_le_bytes().to_vec(), json].concat()
}

/// Changes the header of a file of ours, whose data stay.
fn with_header(file: &[u8], edit: impl Fn(String) -> String) -> Vec<u8> {
    let length = json_length(file).unwrap();
    let header = String::from_utf8(file[8..8 + length].to_vec()).unwrap();
    let edited = edit(header.clone());
    assert_ne!(edited, header, "the header was to be changed");
    [
        &(edited.len() as u64).to_le_bytes(),
        edited.as_bytes(),
        &file[8 + length..],
    ]
    .concat()
}

#[test]
fn a_quantised_file_that_contradicts_itself_is_refused_by_the_name_of_its_tensor() {
    let file = written(&load(SINGLE, FormatChoice::Fixed(WeightFormat::Q8)), SINGLE);
    let name = "vision_model.encoder.layers.0.mlp.fc1.weight";
    let code = |file: &[u8]| {
        let error = Checkpoint::from_parts(None, None, file, FormatChoice::AsStored)
            .err()
            .unwrap();
        (error.code(), error.to_string())
    };
    // Scales that are missing: eight bits of another scheme.
    let (missing, message) = code(&with_header(&file, |header| {
        header.replace(&format!("{name}.scales"), "x")
    }));
    assert_eq!(missing, "tensor-dtype");
    assert!(message.contains(name), "{message}");
    // A scale that is no number.
    let position = {
        let header = Header::parse(&file, None).unwrap();
        assert!(header.metadata().contains_key("clip_ttl.format"));
        let length = json_length(&file).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
        8 + length + json[format!("{name}.scales")]["data_offsets"][0].as_u64().unwrap() as usize
    };
    let mut broken = file.clone();
    broken[position..position + 2].copy_from_slice(&0x7e00_u16.to_le_bytes());
    let (not_finite, message) = code(&broken);
    assert_eq!(not_finite, "tensor-not-finite");
    assert!(message.contains(&format!("{name}.scales")), "{message}");
    // Without its configuration there is nothing to go by.
    let (no_config, message) = code(&with_header(&file, |header| {
        header.replace("\"config.json\"", "\"other.json\"")
    }));
    assert_eq!(no_config, "config-invalid");
    assert!(
        message.contains("neither beside the weights nor in their file"),
        "{message}"
    );
}

#[test]
fn a_header_that_promises_more_than_any_memory_is_refused_before_anything_is_allocated() {
    // A header of a kilobyte that agrees with its configuration about an embedding of 2^20 times 2^20 values.
    let config = r#"{"text_config": {"vocab_size": 1048576, "hidden_size": 1048576, "num_attention_heads": 1,
        "num_hidden_layers": 1, "intermediate_size": 1}, "vision_config": {"num_hidden_layers": 1}}"#;
    let parsed = clip_model::config::ClipConfig::from_json(config).unwrap();
    let mut offset = 0_u64;
    let entries: serde_json::Map<String, serde_json::Value> = clip_model::checkpoint::needed_tensors(&parsed)
        .into_iter()
        .map(|(name, shape)| {
            let end = offset + 4 * shape.iter().map(|size| *size as u64).product::<u64>();
            let entry = serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [offset, end]});
            offset = end;
            (name, entry)
        })
        .collect();
    let json = serde_json::to_vec(&entries).unwrap();
    let header = [(json.len() as u64).to_le_bytes().to_vec(), json].concat();
    let header = Header::parse(&header, None).unwrap();
    for choice in [FormatChoice::AsStored, FormatChoice::Fixed(WeightFormat::Q4)] {
        let error = Assembler::new(Some(config), None, &header, choice).err().unwrap();
        assert_eq!(error.code(), "checkpoint-too-large", "{error}");
    }
}

#[test]
fn a_projection_of_one_row_is_a_matrix_too() {
    let mut config: serde_json::Value = serde_json::from_str(&text(SINGLE, "config.json")).unwrap();
    config["projection_dim"] = 1.into();
    let weights = file(SINGLE, "model.safetensors");
    let tensors = safetensors::SafeTensors::deserialize(&weights).unwrap();
    let views: Vec<_> = tensors
        .iter()
        .map(|(name, view)| {
            if name.ends_with("_projection.weight") {
                let columns = view.shape()[1];
                let row = &view.data()[..4 * columns];
                let view = safetensors::tensor::TensorView::new(view.dtype(), vec![1, columns], row).unwrap();
                (name, view)
            } else {
                (name, view)
            }
        })
        .collect();
    let edited = safetensors::serialize(views, None).unwrap();
    let mut checkpoint =
        Checkpoint::from_parts(Some(&config.to_string()), None, &edited, FormatChoice::AsStored).unwrap();
    checkpoint.weights.convert(|_| WeightFormat::Q8).unwrap();
    let projection = checkpoint.weights.get("visual_projection.weight").unwrap();
    assert_eq!(projection.format(), WeightFormat::Q8);
}

#[test]
fn a_header_alone_says_whether_the_rest_is_worth_fetching() {
    let weights = file(SINGLE, "model.safetensors");
    let header_bytes = 8 + json_length(&weights).unwrap();
    let header = Header::parse(&weights[..header_bytes], None).unwrap();
    assert_eq!(header.file_bytes(), weights.len() as u64);
    let config = text(SINGLE, "config.json").replace("\"patch_size\": 8", "\"patch_size\": 4");
    let error = Assembler::new(Some(&config), None, &header, FormatChoice::Compact)
        .err()
        .unwrap();
    assert_eq!(error.code(), "tensor-shape");
    // A size that the header doesn't account for.
    for wrong in [0, weights.len() as u64 - 1, weights.len() as u64 + 1] {
        let error = Header::parse(&weights[..header_bytes], Some(wrong)).err().unwrap();
        assert_eq!(error.code(), "checkpoint-corrupt");
    }
    for cut in [0, 7, 8, 100, header_bytes - 1] {
        assert!(Header::parse(&weights[..cut], None).is_err(), "{cut}");
    }
}
