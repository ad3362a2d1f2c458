//! Bytes that are not UTF-8 in content that is mostly text: found, shown, and carried through an edit without a loss.

use crate::base::limits::DIFF_BINARY_PROBE_BYTES;
use std::borrow::Cow;

/// The place of a foreign byte while its content is held as text: private characters that no font and no file uses.
const HELD_BASE: u32 = 0x0010_FF00;

/// A NUL near the start makes it binary, as in git.
pub fn is_binary(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes.get(..DIFF_BINARY_PROBE_BYTES).unwrap_or(bytes)).is_some()
}

/// Returns the bytes that are not part of UTF-8, in order, each with its line from 1.
pub fn found(bytes: &[u8]) -> impl Iterator<Item = (usize, u8)> + '_ {
    let mut line = 1;
    bytes.utf8_chunks().flat_map(move |chunk| {
        line += memchr::memchr_iter(b'\n', chunk.valid().as_bytes()).count();
        let at = line;
        chunk.invalid().iter().map(move |byte| (at, *byte))
    })
}

/// Text for agents and reports: other bytes appear as `\xNN`.
pub fn readable(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02X}"));
        }
    }
    Cow::Owned(out)
}

/// The content as text with one private character for each foreign byte; [`release`] gives the bytes back. `None` when
/// the content has such characters of its own, or is binary.
pub fn hold(bytes: &[u8]) -> Option<String> {
    if is_binary(bytes) {
        return None;
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        if chunk.valid().chars().any(|c| held(c).is_some()) {
            return None;
        }
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(HELD_BASE + u32::from(*byte))));
    }
    Some(out)
}

/// The bytes of a text that [`hold`] gave.
pub fn release(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match held(c) {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}

fn held(c: char) -> Option<u8> {
    u32::from(c).checked_sub(HELD_BASE).and_then(|byte| u8::try_from(byte).ok()).filter(|byte| *byte >= 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_bytes_are_found_shown_and_given_back() {
        let bytes = b"<?php\n// caf\xe9 cr\xe8me\n\xc3\xa9\n\xff";
        assert_eq!(found(bytes).collect::<Vec<_>>(), [(2, 0xe9), (2, 0xe8), (4, 0xff)]);
        assert_eq!(readable(bytes), "<?php\n// caf\\xE9 cr\\xE8me\né\n\\xFF");
        let text = hold(bytes).unwrap();
        assert_eq!(text.chars().count(), bytes.len() - 1, "one each");
        assert_eq!(release(&text), bytes);
        assert_eq!(hold(b"\0\xff"), None);
        assert_eq!(hold("\u{10ffe9}".as_bytes()), None, "it could not be told from a held byte");
    }

    proptest::proptest! {
        #[test]
        fn what_is_held_comes_back(bytes in proptest::collection::vec(1_u8..=255, 0..200)) {
            if let Some(text) = hold(&bytes) {
                proptest::prop_assert_eq!(release(&text), bytes);
            }
        }
    }
}
