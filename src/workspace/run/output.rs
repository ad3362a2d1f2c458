//! Keeping a bounded part of an unbounded output.

use std::collections::VecDeque;

/// The last bytes of a stream.
#[derive(Debug, Clone)]
pub struct Tail {
    bytes: VecDeque<u8>,
    bytes_max: usize,
    dropped: u64,
}

impl Tail {
    /// Keeps at most `bytes_max`.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes: VecDeque::new(), bytes_max, dropped: 0 }
    }

    /// Adds what came.
    pub fn push(&mut self, chunk: &[u8]) {
        let skip = chunk.len().saturating_sub(self.bytes_max);
        let keep = chunk.get(skip..).unwrap_or_default();
        let excess = (self.bytes.len().saturating_add(keep.len())).saturating_sub(self.bytes_max);
        self.bytes.drain(..excess);
        self.bytes.extend(keep);
        self.dropped = self.dropped.saturating_add((skip.saturating_add(excess)) as u64);
    }

    /// Bytes that fell off the front.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The bytes that are kept.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into()
    }

    /// The kept bytes as text, starting at a whole line if some were dropped.
    pub fn into_text(self) -> String {
        let cut = self.dropped > 0;
        let bytes = self.into_bytes();
        let text = String::from_utf8_lossy(&bytes);
        match text.split_once('\n') {
            Some((_, rest)) if cut => rest.to_owned(),
            Some(_) | None => text.into_owned(),
        }
    }
}

/// The first and the last bytes of a stream, with a line between them that says what is missing.
#[derive(Debug, Clone)]
pub struct HeadTail {
    head: Vec<u8>,
    head_max: usize,
    tail: Tail,
}

impl HeadTail {
    /// Keeps at most `bytes_max`, half and half, plus the line between.
    pub fn new(bytes_max: usize) -> Self {
        let head_max = bytes_max / 2;
        Self { head: Vec::new(), head_max, tail: Tail::new(bytes_max.saturating_sub(head_max)) }
    }

    /// Adds what came.
    pub fn push(&mut self, chunk: &[u8]) {
        let room = self.head_max.saturating_sub(self.head.len()).min(chunk.len());
        let (first, rest) = chunk.split_at(room);
        self.head.extend_from_slice(first);
        self.tail.push(rest);
    }

    /// Returns the output that was kept.
    pub fn into_bytes(self) -> Vec<u8> {
        let Self { head: mut bytes, tail, .. } = self;
        if tail.dropped() > 0 {
            bytes.extend_from_slice(format!("\n[rightseat: {} bytes left out]\n", tail.dropped()).as_bytes());
        }
        bytes.extend(tail.into_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cut_text_starts_at_a_line() {
        let mut tail = Tail::new(8);
        tail.push(b"one\ntwo\nthree\n");
        assert_eq!(tail.dropped(), 6);
        assert_eq!(tail.into_text(), "three\n");
    }

    proptest! {
        #[test]
        fn nothing_but_the_middle_is_lost(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..30), 0..12), max in 0usize..64) {
            let whole: Vec<u8> = chunks.concat();
            let mut tail = Tail::new(max);
            let mut both = HeadTail::new(max);
            for chunk in &chunks {
                tail.push(chunk);
                both.push(chunk);
            }
            prop_assert_eq!(tail.dropped() as usize, whole.len().saturating_sub(max));
            prop_assert_eq!(&tail.into_bytes()[..], &whole[whole.len().saturating_sub(max)..]);
            let kept = both.into_bytes();
            if whole.len() <= max {
                prop_assert_eq!(kept, whole);
            } else {
                prop_assert!(kept.starts_with(&whole[..max / 2]) && kept.ends_with(&whole[whole.len() - (max - max / 2)..]));
            }
        }
    }
}
