//! Splitting a text into CLIP's words.
//!
//! Equal to the regular expression that CLIP uses,
//! `<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`,
//! without the megabyte of tables that a regular expression engine with Unicode classes brings along.

use unicode_normalization::char::is_combining_mark;

/// English contractions that are words of their own, wherever a word may begin.
const CONTRACTIONS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

/// Special tokens that only lowercasing has brought about. They aren't special, but the expression above keeps them together,
/// and the splitting into bytes that follows it takes them apart again at these places.
const LOWERCASED_SPECIAL: [[&str; 3]; 2] = [["<|", "startoftext", "|>"], ["<|", "endoftext", "|>"]];

/// The words of a lowercased text, in order.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let mut pieces: &[&str] = &[];
    std::iter::from_fn(move || {
        if let Some((piece, others)) = pieces.split_first() {
            pieces = others;
            let (word, after) = rest.split_at_checked(piece.len())?;
            rest = after;
            return Some(word);
        }
        rest = rest.trim_start();
        let mut length = word_length(rest);
        if let Some(special) = lowercased_special(rest) {
            let [first, others @ ..] = special;
            pieces = others;
            length = first.len();
        }
        if length == 0 {
            return None;
        }
        let (word, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(word)
    })
}

/// The pieces of the special token at the beginning of `text`, if there is one.
fn lowercased_special(text: &str) -> Option<&'static [&'static str; 3]> {
    LOWERCASED_SPECIAL.iter().find(|pieces| {
        pieces
            .iter()
            .try_fold(text, |rest, piece| rest.strip_prefix(piece))
            .is_some()
    })
}

/// The length in bytes of the word at the beginning of `text`, which doesn't begin with white space.
fn word_length(text: &str) -> usize {
    if let Some(contraction) = CONTRACTIONS.iter().find(|word| text.starts_with(**word)) {
        return contraction.len();
    }
    let Some(first) = text.chars().next() else {
        return 0;
    };
    if first.is_numeric() {
        return first.len_utf8();
    }
    let run_is_letters = is_letter(first);
    text.find(|character: char| {
        character.is_whitespace() || character.is_numeric() || is_letter(character) != run_is_letters
    })
    .unwrap_or(text.len())
}

/// Unicode's general category L.
///
/// The standard library knows "alphabetic", which is L and besides it letter-like numbers (Nl), some combining marks, and
/// the circled and squared letters, which are symbols.
fn is_letter(character: char) -> bool {
    character.is_alphabetic()
        && !character.is_numeric()
        && !is_combining_mark(character)
        && !matches!(character,
            '\u{24B6}'..='\u{24E9}' | '\u{1F130}'..='\u{1F149}' | '\u{1F150}'..='\u{1F169}' | '\u{1F170}'..='\u{1F189}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        words(text).collect()
    }

    #[test]
    fn letters_digits_and_signs_are_words_of_their_own() {
        assert_eq!(split("a photo, 2x!"), ["a", "photo", ",", "2", "x", "!"]);
        assert_eq!(split("100%wool"), ["1", "0", "0", "%", "wool"]);
    }

    #[test]
    fn contractions_split_only_where_a_word_may_begin() {
        assert_eq!(split("it's we'll they've"), ["it", "'s", "we", "'ll", "they", "'ve"]);
        assert_eq!(split("!'s"), ["!'", "s"]);
    }

    #[test]
    fn combining_marks_and_circled_letters_are_not_letters() {
        assert_eq!(split("क्षि"), ["क", "्", "ष", "ि"]);
        assert_eq!(split("aⓑc"), ["a", "ⓑ", "c"]);
        assert_eq!(split("ⅷx"), ["ⅷ", "x"]);
    }

    #[test]
    fn white_space_of_any_kind_only_separates() {
        assert_eq!(split("\u{3000}a\u{a0}\n\tb \u{2028}"), ["a", "b"]);
        assert_eq!(split(" \n"), Vec::<&str>::new());
    }
}
