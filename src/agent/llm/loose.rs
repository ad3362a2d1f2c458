//! JSON as small models write it: single quotes, trailing commas, bare keys, Python's words, raw line breaks.
//!
//! Lenient about form, never about the end: a value that is not closed is not a value, so that half a call never runs.
//! Pure; every input ends in a value or in nothing.

use crate::agent::llm::limits;
use serde_json::{Map, Number, Value};

/// The value at the beginning of `text` and where it ends; `None` when there is none or it is not closed.
pub fn value(text: &str) -> Option<(Value, usize)> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    Some((value, reader.at))
}

/// Arguments of a call written as in Python: the text between the parentheses. Gives named ones, unnamed ones and the
/// place after the closing parenthesis.
pub fn arguments(text: &str) -> Option<(Map<String, Value>, Vec<Value>, usize)> {
    let mut reader = Reader { text, at: 0 };
    let (mut named, mut unnamed) = (Map::new(), Vec::new());
    loop {
        reader.blank();
        if reader.take(')') {
            return Some((named, unnamed, reader.at));
        }
        let start = reader.at;
        let word = reader.word();
        reader.blank();
        if !word.is_empty() && reader.take('=') {
            named.insert(word, reader.value(0)?);
        } else {
            reader.at = start;
            unnamed.push(reader.value(0)?);
        }
        reader.blank();
        if !reader.take(',') && reader.peek() != Some(')') {
            return None;
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn take(&mut self, wanted: char) -> bool {
        let is = self.peek() == Some(wanted);
        if is {
            self.at += wanted.len_utf8();
        }
        is
    }

    /// Blanks and comments.
    fn blank(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            let comment = trimmed.starts_with("//") || trimmed.starts_with('#');
            self.at += rest.len() - trimmed.len();
            if !comment {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn word(&mut self) -> String {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default().to_owned();
        self.at += end;
        word
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > limits::LOOSE_DEPTH_MAX {
            return None;
        }
        self.blank();
        match self.peek()? {
            '{' => self.object(depth),
            '[' => self.array(depth),
            '"' | '\'' => self.string().map(Value::String),
            _ => self.bare(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.next();
        let mut out = Map::new();
        loop {
            self.blank();
            if self.take('}') {
                return Some(Value::Object(out));
            }
            let key = if matches!(self.peek()?, '"' | '\'') { self.string()? } else { self.word() };
            self.blank();
            if !self.take(':') {
                return None;
            }
            out.insert(key, self.value(depth + 1)?);
            self.blank();
            if !self.take(',') && self.peek() != Some('}') {
                return None;
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.next();
        let mut out = Vec::new();
        loop {
            self.blank();
            if self.take(']') {
                return Some(Value::Array(out));
            }
            out.push(self.value(depth + 1)?);
            self.blank();
            if !self.take(',') && self.peek() != Some(']') {
                return None;
            }
        }
    }

    /// A quoted text, in Python's triple quotes as well.
    fn string(&mut self) -> Option<String> {
        let opening = self.rest();
        if let Some(triple) = ["\"\"\"", "'''"].into_iter().find(|triple| opening.starts_with(triple)) {
            let inside = opening.get(3..)?;
            let end = inside.find(triple)?;
            let inside = inside.get(..end)?.to_owned();
            self.at += end + 6;
            return Some(inside);
        }
        let quote = self.next()?;
        let mut out = String::new();
        loop {
            match self.next()? {
                '\\' => self.escape(&mut out)?,
                end if end == quote => return Some(out),
                other => out.push(other),
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Option<()> {
        match self.next()? {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'u' => out.push_str(&self.unicode()?),
            other @ ('"' | '\'' | '\\' | '/') => out.push(other),
            // Not an escape of JSON: a regular expression, most likely.
            other => out.extend(['\\', other]),
        }
        Some(())
    }

    fn unicode(&mut self) -> Option<String> {
        let mut units = vec![self.unit()?];
        let back = self.at;
        if self.take('\\') && self.take('u') {
            match self.unit() {
                Some(low) if (0xDC00..0xE000).contains(&low) => units.push(low),
                Some(_) | None => self.at = back,
            }
        } else {
            self.at = back;
        }
        Some(String::from_utf16_lossy(&units))
    }

    fn unit(&mut self) -> Option<u16> {
        let unit = u16::from_str_radix(self.rest().get(..4)?, 16).ok()?;
        self.at += 4;
        Some(unit)
    }

    fn bare(&mut self) -> Option<Value> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "_-+.".contains(c))).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default().to_owned();
        self.at += end;
        match word.as_str() {
            "true" | "True" => Some(Value::Bool(true)),
            "false" | "False" => Some(Value::Bool(false)),
            "null" | "None" | "undefined" => Some(Value::Null),
            number => {
                let whole = number.parse::<i64>().ok().map(Number::from);
                whole.or_else(|| Number::from_f64(number.parse().ok()?)).map(Value::Number)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Option<Value> {
        value(text).map(|(value, _)| value)
    }

    #[test]
    fn what_models_get_wrong_is_read_as_meant() {
        let expect = json!({"name": "read", "arguments": {"path": "a", "all": true, "n": null}});
        let single = "{'name': 'read', 'arguments': {'path': 'a', 'all': True, 'n': None,},}";
        assert_eq!(read(single), Some(expect.clone()));
        let bare = "{name: \"read\", // the tool\n arguments: {path: \"a\", all: true, n: null}} and so on";
        assert_eq!(read(bare), Some(expect));
        let escaped = "{\"c\": \"two\nlines \\d \\u00e4 \\ud83d\\ude00\"}";
        assert_eq!(read(escaped), Some(json!({"c": "two\nlines \\d ä 😀"})));
        assert_eq!(read("{\"c\": \"\"\"it's \"raw\" text\"\"\"}"), Some(json!({"c": "it's \"raw\" text"})));
        assert_eq!(read("[1, -2.5, [], \"\"]"), Some(json!([1, -2.5, [], ""])));
    }

    #[test]
    fn what_is_not_closed_is_no_value() {
        for text in ["{\"a\": 1", "{\"a\": \"x", "[1, 2", "{\"a\" 1}", "{a}", "word", "", "{\"a\": }"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"[".repeat(10_000)), None);
    }

    #[test]
    fn python_arguments_are_read_to_their_end() {
        let (named, unnamed, end) = arguments("path='a.py', lines=3) rest").unwrap();
        assert_eq!((Value::Object(named), unnamed.len(), end), (json!({"path": "a.py", "lines": 3}), 0, 21));
        let (named, unnamed, _) = arguments("\"ls -l\")").unwrap();
        assert_eq!((named.len(), unnamed), (0, vec![json!("ls -l")]));
        assert!(arguments("path='a'").is_none() && arguments("a b)").is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_json_reads_as_itself_and_no_text_panics(text in "\\PC{0,80}", n in proptest::num::i32::ANY) {
            let json = json!({"k": [text.clone(), n, {"in": text.clone()}], text.clone(): true});
            assert_eq!(read(&json.to_string()), Some(json));
            let _ = value(&text);
            let _ = arguments(&text);
        }
    }
}
