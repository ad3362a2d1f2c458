//! Notices a model that says the same over and over until its longest length. Pure.

use crate::agent::llm::limits;

/// The end of what was said so far.
#[derive(Debug, Default)]
pub struct Repeats {
    tail: Vec<u8>,
    unseen: usize,
}

impl Repeats {
    /// Takes the next piece; gives what is repeated once that is certain.
    pub fn feed(&mut self, piece: &str) -> Option<String> {
        self.tail.extend_from_slice(piece.as_bytes());
        let surplus = self.tail.len().saturating_sub(limits::REPEATS_WINDOW_BYTES);
        self.tail.drain(..surplus);
        self.unseen += piece.len();
        // Looking costs as much as the window is long, so not at every token.
        if self.tail.len() < limits::REPEATS_WINDOW_BYTES || self.unseen < limits::REPEATS_WINDOW_BYTES / 8 {
            return None;
        }
        self.unseen = 0;
        let period = period(&self.tail);
        let once = self.tail.get(..period).filter(|_| period <= limits::REPEATS_PERIOD_BYTES_MAX)?;
        Some(String::from_utf8_lossy(once).chars().take(80).collect())
    }
}

/// The shortest distance at which the bytes repeat themselves to their end (their own length if they never do).
fn period(bytes: &[u8]) -> usize {
    // The longest border of every prefix, after Knuth, Morris and Pratt.
    let mut borders = vec![0_usize; bytes.len()];
    for at in 1..bytes.len() {
        let mut border = borders.get(at - 1).copied().unwrap_or(0);
        while border > 0 && bytes.get(border) != bytes.get(at) {
            border = borders.get(border - 1).copied().unwrap_or(0);
        }
        if bytes.get(border) == bytes.get(at) {
            border += 1;
        }
        if let Some(slot) = borders.get_mut(at) {
            *slot = border;
        }
    }
    bytes.len() - borders.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes said until it was noticed.
    fn noticed(prefix: &str, unit: &str) -> Option<usize> {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.feed(prefix), None);
        (1..9_000).find(|_| repeats.feed(unit).is_some()).map(|times| times * unit.len())
    }

    #[test]
    fn endless_repetition_is_noticed_and_text_is_not() {
        for unit in ["a", "I will read the file. ", "让我看看。", "def f():\n    pass\n\n"] {
            let bytes = noticed("Let me think about this. ", unit).unwrap();
            assert!(bytes < 2 * limits::REPEATS_WINDOW_BYTES, "{unit}: {bytes}");
        }
        let mut repeats = Repeats::default();
        assert!((0..2_000).all(|n| repeats.feed(&format!("line {n} is another line\n")).is_none()));
    }
}
