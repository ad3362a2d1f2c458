//! The last filter of plain commands, as the painter's is for the screen: what goes to a terminal holds no character that
//! controls or hides. Elsewhere bytes are left alone, so that a record in a file keeps its hashes.

use crate::base::limits::TEXT_MARKS_PER_BASE_MAX;
use crate::base::text::hidden::is_hidden;
use std::io::{IsTerminal, Result, Write};
use unicode_width::UnicodeWidthChar as _;

/// Standard output, filtered when it is a terminal.
pub(super) fn stdout() -> Box<dyn Write> {
    let out = std::io::stdout();
    if out.is_terminal() { Box::new(Filter { out, line: Vec::new() }) } else { Box::new(std::io::BufWriter::new(out)) }
}

/// Passes whole lines.
struct Filter<W: Write> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> Write for Filter<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.line.extend_from_slice(bytes);
        if let Some(end) = self.line.iter().rposition(|b| *b == b'\n') {
            let rest = self.line.split_off(end + 1);
            let lines = std::mem::replace(&mut self.line, rest);
            self.out.write_all(escaped(&String::from_utf8_lossy(&lines)).as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        let rest = std::mem::take(&mut self.line);
        self.out.write_all(escaped(&String::from_utf8_lossy(&rest)).as_bytes())?;
        self.out.flush()
    }
}

impl<W: Write> Drop for Filter<W> {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

/// Writes `\uXXXX` for whatever is hidden and for marks beyond [`TEXT_MARKS_PER_BASE_MAX`] on one base: in JSON, where
/// such characters are only in strings, it means the same.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        marks = if c.width() == Some(0) { marks + 1 } else { 0 };
        if (is_hidden(c) && !matches!(c, '\n' | '\t')) || marks > TEXT_MARKS_PER_BASE_MAX {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_told_as_json_tells_them() {
        let text = "{\"a\":\"x\u{202e}\u{9b}31m\u{7f}\u{e0041}é\"}\n";
        let safe = escaped(text);
        assert!(!safe.trim_end().chars().any(is_hidden), "{safe}");
        let read = |t: &str| serde_json::from_str::<serde_json::Value>(t).unwrap();
        assert_eq!(read(&safe), read(text));
    }

    #[test]
    fn a_flood_of_marks_is_cut_and_means_the_same() {
        let text = format!("{{\"a\":\"e{}\"}}", "\u{301}".repeat(200));
        let safe = escaped(&text);
        assert_eq!(safe.matches('\u{301}').count(), TEXT_MARKS_PER_BASE_MAX);
        let read = |t: &str| serde_json::from_str::<serde_json::Value>(t).unwrap();
        assert_eq!(read(&safe), read(&text));
    }

    #[test]
    fn a_character_cut_between_two_writes_is_whole() {
        let mut out = Vec::new();
        let mut filter = Filter { out: &mut out, line: Vec::new() };
        let text = "a\u{202e}\nb\u{200b}".as_bytes();
        text.chunks(1).for_each(|byte| filter.write_all(byte).unwrap());
        drop(filter);
        assert_eq!(String::from_utf8(out).unwrap(), "a\\u202e\nb\\u200b");
    }
}
