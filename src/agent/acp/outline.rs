//! The outline of a message that cannot be read whole, because it is too long, too deep or broken: which request it was, so
//! that even such a request gets its answer. Reads any number of bytes in a bounded space.

use super::message::Id;
use crate::agent::acp::limits::ACP_ID_BYTES_MAX;
use serde_json::Value;

/// Looks at the members of the outermost object, byte by byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    depth: u64,
    in_text: bool,
    escaped: bool,
    /// The text or the bare word that is read now, or was read last, at the outermost level; `None` when it got too long.
    word: Option<Vec<u8>>,
    is_quoted: bool,
    /// The member whose value is read.
    key: Option<Vec<u8>>,
    id: Option<Value>,
    is_request: bool,
}

impl Outline {
    /// Of a text that is here whole.
    pub fn of(text: &str) -> Option<(Id, bool)> {
        let mut outline = Self::default();
        outline.feed(text.as_bytes());
        outline.end()
    }

    pub fn feed(&mut self, mut bytes: &[u8]) {
        while let Some((byte, rest)) = bytes.split_first() {
            bytes = match self.in_text && self.depth != 1 && !self.escaped {
                // Most of a long message is one text far inside.
                true => match memchr::memchr2(b'"', b'\\', bytes) {
                    None => return,
                    Some(at) => {
                        let (byte, rest) = bytes.get(at..).and_then(<[u8]>::split_first).unwrap_or((byte, rest));
                        self.byte(*byte);
                        rest
                    }
                },
                false => {
                    self.byte(*byte);
                    rest
                }
            };
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.in_text {
            let ends = byte == b'"' && !self.escaped;
            self.escaped = byte == b'\\' && !self.escaped;
            self.in_text = !ends;
            if !ends {
                self.keep(byte);
            }
            return;
        }
        match byte {
            b'"' => {
                self.in_text = true;
                self.begin(true);
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                if self.depth == 1 {
                    self.member_ends();
                }
                self.depth = self.depth.saturating_sub(1);
            }
            b':' if self.depth == 1 => {
                self.key = self.word.take();
                self.is_request |= self.key.as_deref() == Some(b"method");
                self.begin(false);
            }
            b',' if self.depth == 1 => self.member_ends(),
            byte if !byte.is_ascii_whitespace() => self.keep(byte),
            _ => {}
        }
    }

    fn begin(&mut self, is_quoted: bool) {
        if self.depth == 1 {
            (self.word, self.is_quoted) = (Some(Vec::new()), is_quoted);
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.depth == 1 {
            self.word = self.word.take().filter(|word| word.len() < ACP_ID_BYTES_MAX);
            self.word.iter_mut().for_each(|word| word.push(byte));
        }
    }

    fn member_ends(&mut self) {
        let word = self.word.take();
        if self.key.take().as_deref() == Some(b"id") && self.id.is_none() {
            let quote: &[u8] = if self.is_quoted { b"\"" } else { b"" };
            let read = word.and_then(|word| serde_json::from_slice(&[quote, &word, quote].concat()).ok());
            self.id = Some(read.unwrap_or(Value::Null));
        }
    }

    /// The id, null where it cannot be read, and whether it is a request; `None` without an id.
    pub fn end(mut self) -> Option<(Id, bool)> {
        if self.depth == 1 && !self.in_text {
            self.member_ends();
        }
        Some((Id::of(&self.id?), self.is_request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(text: &str) -> Option<(Value, bool)> {
        Outline::of(text).map(|(id, is_request)| (id.value(), is_request))
    }

    #[test]
    fn the_id_is_found_before_and_after_what_cannot_be_read() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for (text, expect) in [
            (r#"{"jsonrpc":"2.0","id": "p-4","method":"x","params":{"a":"#.to_owned(), Some((json!("p-4"), true))),
            (format!(r#"{{"method":"x","params":{{"a":{deep}}},"id":7}}"#), Some((json!(7), true))),
            (format!(r#"{{"id":0,"result":{deep}}}"#), Some((json!(0), false))),
            (
                r#"{"method":"x","params":{"id":1,"t":"\"id\":2 \\"},"id":"a\"b"}"#.to_owned(),
                Some((json!("a\"b"), true)),
            ),
            (r#"{"method":"x","id":1e999}"#.to_owned(), Some((Value::Null, true))),
            (r#"{"method":"x","id":{"a":1}}"#.to_owned(), Some((Value::Null, true))),
            (format!(r#"{{"id":"{}","method":"x"}}"#, "y".repeat(ACP_ID_BYTES_MAX + 1)), Some((Value::Null, true))),
            (r#"{"method":"x","id":12"#.to_owned(), Some((json!(12), true))),
            (r#"{"method":"x","params":{"id":3}}"#.to_owned(), None),
            ("{\"a\":1".to_owned(), None),
            ("[info] \"id\": 5".to_owned(), None),
            ("}}}]{".to_owned(), None),
        ] {
            assert_eq!(of(&text), expect, "{text:.80}");
        }
    }

    #[test]
    fn parts_of_any_size_are_the_same_as_the_whole() {
        let text = r#"{"jsonrpc":"2.0","method":"fs/write_text_file","params":{"content":"\\\"}{"},"id":"q"}"#;
        for size in 1..text.len() {
            let mut outline = Outline::default();
            text.as_bytes().chunks(size).for_each(|part| outline.feed(part));
            assert_eq!(outline.end(), Outline::of(text), "{size}");
        }
    }
}
