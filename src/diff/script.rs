//! Edit scripts between two runs of numbers.
//!
//! `similar` is generic over what it compares and how; compiled for each kind of text it was a tenth of the crate. So
//! whatever is compared is numbered first, and each algorithm is compiled once.

use imara_diff::Token;
use similar::DiffOp;
use similar::algorithms::{Capture, Compact, Replace, histogram, myers};
use std::collections::HashMap;
use std::hash::Hash;

/// Items as numbers, equal ones equal, and how many numbers there are.
pub(super) fn numbered<K: Eq + Hash>(
    old: impl Iterator<Item = K>,
    new: impl Iterator<Item = K>,
) -> (Vec<Token>, Vec<Token>, u32) {
    let mut seen: HashMap<K, u32> = HashMap::with_capacity(old.size_hint().0);
    let mut number = |item: K| {
        let next = u32::try_from(seen.len()).unwrap_or(u32::MAX);
        Token(*seen.entry(item).or_insert(next))
    };
    let old = old.map(&mut number).collect();
    let new = new.map(&mut number).collect();
    (old, new, u32::try_from(seen.len()).unwrap_or(u32::MAX))
}

/// The shortest script, nearly: for words and characters.
pub(super) fn shortest(old: &[Token], new: &[Token]) -> Vec<DiffOp> {
    let mut found = Compact::new(Replace::new(Capture::new()), old, new);
    let Ok(()) = myers::diff(&mut found, old, 0..old.len(), new, 0..new.len());
    found.into_inner().into_inner().into_ops()
}

/// The script that reads best: for lines.
pub(super) fn readable(old: &[Token], new: &[Token]) -> Vec<DiffOp> {
    let mut found = Compact::new(Replace::new(Capture::new()), old, new);
    let Ok(()) = histogram::diff(&mut found, old, 0..old.len(), new, 0..new.len());
    found.into_inner().into_inner().into_ops()
}

/// How much two texts have in common by characters, from 0 to 1.
pub fn likeness(old: &str, new: &str) -> f32 {
    let (old, new, _) = numbered(old.chars(), new.chars());
    similar::diff_ratio(&shortest(&old, &new), old.len(), new.len())
}
