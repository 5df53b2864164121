//! The tokenizer against ids recorded from Hugging Face's `CLIPTokenizerFast`.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use clip_model::tokenizer::{END_OF_TEXT, START_OF_TEXT, Tokenizer};
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    text: String,
    ids: Vec<u32>,
}

fn recorded(file: &str) -> Vec<Recorded> {
    let path = format!("{}/../../tests/fixtures/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn assert_equal_to(file: &str) {
    let tokenizer = Tokenizer::new();
    let rows = recorded(file);
    assert!(!rows.is_empty());
    for row in rows {
        let tokens = tokenizer.encode(&row.text, 77);
        assert_eq!(tokens.ids, row.ids, "{:?}", row.text);
    }
}

#[test]
fn ids_equal_hugging_faces() {
    assert_equal_to("tokens.json");
}

#[test]
fn ids_of_hard_cases_equal_hugging_faces() {
    assert_equal_to("tokens-more.json");
}

#[test]
fn a_long_text_keeps_its_end_token_and_says_that_it_was_cut() {
    let tokens = Tokenizer::new().encode(&"the ".repeat(76), 77);
    assert!(tokens.truncated);
    assert_eq!(tokens.ids.len(), 77);
    assert_eq!(tokens.ids.last(), Some(&END_OF_TEXT));
}

#[test]
fn a_text_that_just_fits_is_not_cut() {
    let tokens = Tokenizer::new().encode(&"the ".repeat(75), 77);
    assert!(!tokens.truncated);
    assert_eq!(tokens.ids.len(), 77);
}

#[test]
fn every_context_length_gives_a_prefix_between_start_and_end() {
    let tokenizer = Tokenizer::new();
    let whole = tokenizer.encode("a photo of a cat <|endoftext|> and 12 dogs", 77);
    for context_length in 2..=whole.ids.len() {
        let cut = tokenizer.encode("a photo of a cat <|endoftext|> and 12 dogs", context_length);
        assert_eq!(cut.ids.len(), context_length);
        assert_eq!(cut.truncated, context_length < whole.ids.len());
        assert_eq!(cut.ids[..context_length - 1], whole.ids[..context_length - 1]);
        assert_eq!(cut.ids.last(), Some(&END_OF_TEXT));
    }
}

#[test]
fn a_context_too_short_for_anything_still_has_start_and_end() {
    let tokenizer = Tokenizer::new();
    for context_length in 0..=2 {
        assert_eq!(
            tokenizer.encode("cat", context_length).ids,
            [START_OF_TEXT, END_OF_TEXT]
        );
    }
}

#[test]
fn the_names_of_open_clips_special_tokens_are_ordinary_text() {
    let tokens = Tokenizer::new().encode("<start_of_text>", 77);
    assert_eq!(tokens.ids.iter().filter(|id| **id == START_OF_TEXT).count(), 1);
}

#[test]
fn a_megabyte_without_a_space_is_encoded_quickly() {
    let started = std::time::Instant::now();
    let tokens = Tokenizer::new().encode(&"xyzzy".repeat(200_000), 77);
    assert!(tokens.truncated);
    assert!(started.elapsed().as_secs() < 10);
}
