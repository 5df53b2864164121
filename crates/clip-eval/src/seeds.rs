//! Seeds that follow from names, so that neither the order of pictures nor which others there are changes a result.

use sha2::{Digest as _, Sha256};

/// The largest seed is what a JavaScript number holds exactly: 53 bits.
const BITS: u32 = 53;

/// A seed from another one and names; the same on every machine.
#[must_use]
pub fn derived(seed: u64, names: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    for name in names {
        // With its length, so that ("ab", "c") is not ("a", "bc").
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
    }
    let digest = hash.finalize();
    let first = digest
        .iter()
        .take(8)
        .fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
    first >> (u64::BITS - BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_follow_from_seed_and_names() {
        assert_eq!(derived(1, &["a", "b"]), derived(1, &["a", "b"]));
        assert_ne!(derived(1, &["a", "b"]), derived(2, &["a", "b"]));
        assert_ne!(derived(1, &["ab", "c"]), derived(1, &["a", "bc"]));
        assert!((0..100).all(|seed| derived(seed, &["x"]) < 1 << 53));
    }
}
