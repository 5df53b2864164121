//! Byte pair encoding: the bytes of a word joined pair by pair, in the order of the merge list.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Two ids of 16 bits for each merge, in order of rank: the lower bytes of all left ids, their upper bytes, and those of the right ids. So they compress better.
static MERGES: &[u8] = include_bytes!("merges.bin");

/// The ids of the 256 bytes inside a word come first in the vocabulary, then those of the bytes at a word's end, then the merges.
const BYTES: u16 = 256;
const FIRST_MERGED: u16 = 2 * BYTES;

/// The merge list, sorted for look-up.
#[derive(Debug)]
pub(super) struct Merges {
    /// (left id, right id, id of both joined), sorted. The joined ids rise with the rank.
    sorted: Vec<(u16, u16, u16)>,
}

/// A symbol of a word: a place in a doubly linked list, as joining takes symbols out of the middle.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    id: u16,
    previous: Option<usize>,
    next: Option<usize>,
}

/// Two neighbours that may be joined. Ordered as joining goes: by rank, then from left to right.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    joined: u16,
    left_at: usize,
    right_at: usize,
    left: u16,
    right: u16,
}

impl Merges {
    pub(super) fn built_in() -> Self {
        let (left, right) = MERGES.split_at(MERGES.len() / 2);
        let ids = |bytes: &'static [u8]| {
            let (lower, upper) = bytes.split_at(bytes.len() / 2);
            let pairs = lower.iter().zip(upper);
            pairs.map(|(lower, upper)| u16::from_le_bytes([*lower, *upper]))
        };
        let mut sorted: Vec<_> = ids(left)
            .zip(ids(right))
            .zip(FIRST_MERGED..)
            .map(|((left, right), joined)| (left, right, joined))
            .collect();
        sorted.sort_unstable();
        Self { sorted }
    }

    fn joined(&self, left: u16, right: u16) -> Option<u16> {
        let at = self
            .sorted
            .binary_search_by_key(&(left, right), |&(left, right, _)| (left, right))
            .ok()?;
        self.sorted.get(at).map(|&(_, _, joined)| joined)
    }

    /// Appends the token ids of one word.
    ///
    /// The time grows with n log n of the word's length: a megabyte without a space is no trap.
    pub(super) fn encode_word(&self, word: &str, ids: &mut Vec<u32>) {
        let mut symbols = symbols_of(word);
        let mut candidates: BinaryHeap<Reverse<Candidate>> = (1..symbols.len())
            .filter_map(|right_at| self.candidate(&symbols, right_at - 1, right_at))
            .map(Reverse)
            .collect();
        while let Some(Reverse(candidate)) = candidates.pop() {
            let Some((previous, next)) = join(&mut symbols, &candidate) else {
                continue;
            };
            candidates.extend(
                previous
                    .and_then(|at| self.candidate(&symbols, at, candidate.left_at))
                    .map(Reverse),
            );
            candidates.extend(
                next.and_then(|at| self.candidate(&symbols, candidate.left_at, at))
                    .map(Reverse),
            );
        }
        let mut at = Some(0);
        while let Some(symbol) = at.and_then(|at| symbols.get(at)) {
            ids.push(u32::from(symbol.id));
            at = symbol.next;
        }
    }

    fn candidate(&self, symbols: &[Symbol], left_at: usize, right_at: usize) -> Option<Candidate> {
        let left = symbols.get(left_at)?.id;
        let right = symbols.get(right_at)?.id;
        Some(Candidate {
            joined: self.joined(left, right)?,
            left_at,
            right_at,
            left,
            right,
        })
    }
}

/// One symbol for each byte of the word; the last one carries the end of the word.
fn symbols_of(word: &str) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = word
        .bytes()
        .enumerate()
        .map(|(at, byte)| Symbol {
            id: byte_id(byte),
            previous: at.checked_sub(1),
            next: Some(at + 1),
        })
        .collect();
    if let Some(last) = symbols.last_mut() {
        last.id += BYTES;
        last.next = None;
    }
    symbols
}

/// Joins the two symbols of a candidate into the left one, unless an earlier join has changed either.
///
/// Gives the neighbours of the joined symbol.
fn join(symbols: &mut [Symbol], candidate: &Candidate) -> Option<(Option<usize>, Option<usize>)> {
    let left = *symbols.get(candidate.left_at)?;
    let right = symbols.get_mut(candidate.right_at)?;
    if left.id != candidate.left || left.next != Some(candidate.right_at) || right.id != candidate.right {
        return None;
    }
    // The right symbol is gone: without a `next`, no candidate that begins with it is valid any more.
    let next = right.next.take();
    if let Some(after) = next.and_then(|at| symbols.get_mut(at)) {
        after.previous = Some(candidate.left_at);
    }
    let left = symbols.get_mut(candidate.left_at)?;
    left.id = candidate.joined;
    left.next = next;
    Some((left.previous, next))
}

/// The id of a byte inside a word: the bytes that print in Latin-1 come first, then all others, both in order of value.
fn byte_id(byte: u8) -> u16 {
    let byte = u16::from(byte);
    match byte {
        0x21..=0x7E => byte - 0x21,
        0xA1..=0xAC => byte - 0xA1 + 94,
        0xAE..=0xFF => byte - 0xAE + 106,
        0x00..=0x20 => byte + 188,
        0x7F..=0xA0 => byte - 0x7F + 221,
        _ => 255,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_byte_has_an_id_of_its_own() {
        let ids: BTreeSet<u16> = (0..=255).map(byte_id).collect();
        assert_eq!(ids.len(), 256);
        assert_eq!(ids.last(), Some(&255));
    }

    #[test]
    fn the_merge_list_is_complete_and_refers_only_backwards() {
        let merges = Merges::built_in();
        assert_eq!(merges.sorted.len(), 48_894);
        assert!(
            merges
                .sorted
                .iter()
                .all(|&(left, right, joined)| left.max(right) < joined)
        );
    }

    #[test]
    fn a_word_that_is_one_token_is_joined_completely() {
        let mut ids = Vec::new();
        Merges::built_in().encode_word("photo", &mut ids);
        assert_eq!(ids, [1125]);
    }
}
