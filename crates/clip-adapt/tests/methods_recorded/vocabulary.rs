//! A model whose vocabulary is put in another order, in which the tokens of a recorded context are words.
//!
//! The contexts of the recordings are tokens drawn at random, that no text is made of. A run takes its context from a template, so here
//! the rows of the token embedding change places, and with them the ids of the prompts: the same texts, spelled otherwise.

use clip_model::tokenizer::Tokenizer;
use safetensors::SafeTensors;

const TOKEN_EMBEDDING: &str = "text_model.embeddings.token_embedding.weight";

/// Puts the vocabulary of a checkpoint, the bytes of its `model.safetensors`, in an order in which the tokens after the start token
/// of all `prompts` are those of `words`. Gives the ids of the prompts in that order.
pub(crate) fn spell(prompts: &[Vec<u32>], words: &str, checkpoint: &mut [u8]) -> Vec<Vec<u32>> {
    let (header_bytes, metadata) = SafeTensors::read_metadata(checkpoint).unwrap();
    let embedding = metadata.info(TOKEN_EMBEDDING).unwrap();
    let data_begins = size_of::<u64>() + header_bytes;
    let (begin, end) = embedding.data_offsets;
    let rows = &mut checkpoint[data_begins + begin..data_begins + end];

    // The old id that stands at each new one.
    let mut order: Vec<u32> = (0..embedding.shape[0] as u32).collect();
    let place = |order: &[u32], id: u32| order.iter().position(|known| *known == id).unwrap();
    let spelled = Tokenizer::new().encode(words, prompts[0].len()).ids;
    for (&word, &id) in spelled[1..spelled.len() - 1].iter().zip(&prompts[0][1..]) {
        let other = place(&order, id);
        order.swap(word as usize, other);
    }

    let old = rows.to_vec();
    let row_bytes = old.len() / order.len();
    for (row, &id) in rows.chunks_exact_mut(row_bytes).zip(&order) {
        row.copy_from_slice(&old[id as usize * row_bytes..][..row_bytes]);
    }
    let spell = |prompt: &Vec<u32>| prompt.iter().map(|&id| place(&order, id) as u32).collect();
    prompts.iter().map(spell).collect()
}
