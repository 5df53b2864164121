//! CLIP's tokenizer: text to token ids, equal to `CLIPTokenizerFast` of Hugging Face's transformers.
//!
//! The steps are that tokenizer's own: the special tokens are cut out of the raw text first; what lies between them is
//! brought to Unicode's composed form (NFC) and lowercased character by character; it is split into words (contractions,
//! runs of letters, single digits, runs of other characters; white space only separates); and each word's UTF-8 bytes are
//! merged pair by pair in the order of the merge list.
//!
//! The merge list is OpenAI's, reduced to the ids (`tokenizer/merges.bin`, written by `tests/oracle/merges.py`; its licence
//! lies beside it): 196 kB, where the published text has 3.2 MB, which matters in a download.

mod merge;
mod words;

use merge::Merges;
#[cfg(not(target_family = "wasm"))]
use unicode_normalization::UnicodeNormalization as _;

/// The token that begins every text.
pub const START_OF_TEXT: u32 = 49_406;
/// The token that ends every text; CLIP reads the text's feature at its position.
pub const END_OF_TEXT: u32 = 49_407;

/// Unicode's normal form C.
#[cfg(not(target_family = "wasm"))]
fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// Unicode's normal form C, by JavaScript: the tables that it takes would be 2 % of what a browser downloads.
#[cfg(target_family = "wasm")]
fn composed(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFC").into()
}

/// What stands for the special tokens when a text contains them literally, in lower case only.
const SPECIAL_TOKENS: [(&str, u32); 2] = [("<|startoftext|>", START_OF_TEXT), ("<|endoftext|>", END_OF_TEXT)];

/// A text as token ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Start token, the text's tokens, end token; no padding.
    pub ids: Vec<u32>,
    /// Whether the text was too long and lost its end.
    pub truncated: bool,
}

/// CLIP's tokenizer with its built-in vocabulary of 49,408 tokens. Making one takes a few milliseconds: keep it.
#[derive(Debug)]
pub struct Tokenizer {
    merges: Merges,
}

impl Default for Tokenizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Tokenizer {
    /// Sorts the built-in merge list for look-up.
    #[must_use]
    pub fn new() -> Self {
        Self {
            merges: Merges::built_in(),
        }
    }

    /// Encodes `text` as at most `context_length` ids (77 for the published models).
    ///
    /// A longer text is cut so that the end token is kept, as CLIP needs it. Start and end token are always there, so that
    /// a `context_length` below 2 acts like 2.
    #[must_use]
    pub fn encode(&self, text: &str, context_length: usize) -> Tokens {
        let room = context_length.saturating_sub(2);
        let mut ids = vec![START_OF_TEXT];
        let mut rest = text;
        // One token more than there is room for shows that the text is too long; nothing after that can matter.
        while !rest.is_empty() && ids.len() <= room + 1 {
            let (plain, special, after) = split_at_special(rest);
            self.encode_plain(plain, room + 2, &mut ids);
            ids.extend(special);
            rest = after;
        }
        let truncated = ids.len() > room + 1;
        ids.truncate(room + 1);
        ids.push(END_OF_TEXT);
        Tokens { ids, truncated }
    }

    /// Appends the tokens of a text without special tokens, word by word, until there are at least `enough` ids.
    fn encode_plain(&self, text: &str, enough: usize, ids: &mut Vec<u32>) {
        // Not `str::to_lowercase`: it writes a capital sigma at a word's end differently than one at its beginning.
        let text: String = composed(text).chars().flat_map(char::to_lowercase).collect();
        for word in words::words(&text) {
            if ids.len() >= enough {
                break;
            }
            self.merges.encode_word(word, ids);
        }
    }
}

/// Splits at the first special token: what lies before it, its id, what comes after it.
fn split_at_special(text: &str) -> (&str, Option<u32>, &str) {
    SPECIAL_TOKENS
        .iter()
        .filter_map(|&(literal, id)| text.find(literal).map(|at| (at, literal, id)))
        .min()
        .and_then(|(at, literal, id)| {
            let (plain, from) = text.split_at_checked(at)?;
            Some((plain, Some(id), from.strip_prefix(literal)?))
        })
        .unwrap_or((text, None, ""))
}
