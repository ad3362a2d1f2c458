//! Lenient looks into foreign JSON: what is missing or of another type is simply not there.

use serde_json::Value;

/// The text under `key`, if it is a text.
pub fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// The first of `keys` that holds a text.
pub fn first_text<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| text(value, key))
}

/// The list under `key`; empty when there is none.
pub fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns whether `key` exists and is neither `false` nor null. Capabilities are flags in some agents and objects in
/// others.
pub fn offers(value: &Value, path: &[&str]) -> bool {
    let mut at = value;
    for key in path {
        match at.get(key) {
            Some(next) => at = next,
            None => return false,
        }
    }
    !matches!(at, Value::Null | Value::Bool(false))
}

/// Returns whether there is anything in it.
pub fn says_something(raw: &Value) -> bool {
    match raw {
        Value::Null => false,
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// About how many bytes of memory it takes.
pub fn weight(value: &Value) -> usize {
    let inside = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(weight).sum(),
        Value::Object(map) => map.iter().map(|(key, value)| key.len() + weight(value)).sum(),
    };
    size_of::<Value>() + inside
}

/// The readable text of a content block: its own text, an embedded resource's text, else what kind of thing it is.
pub fn block_text(block: &Value) -> String {
    if let Some(text) = text(block, "text") {
        return text.to_owned();
    }
    if let Some(resource) = block.get("resource") {
        if let Some(text) = text(resource, "text") {
            return text.to_owned();
        }
        return format!("[resource {}]", text(resource, "uri").unwrap_or("without URI"));
    }
    match text(block, "type") {
        Some("resource_link") => format!("[{}]", first_text(block, &["uri", "name"]).unwrap_or("link")),
        Some(kind) => format!("[{kind}]"),
        None => block.as_str().map_or_else(|| bounded(&block.to_string(), 400), str::to_owned),
    }
}

/// True when `ours` holds the letters and digits of `theirs` in a row: then their words add nothing.
pub fn is_contained_in(ours: &str, theirs: &str) -> bool {
    let letters =
        |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    letters(ours).contains(&letters(theirs))
}

/// At most `bytes` of a text, cut at a character with a mark that says how much is missing.
pub fn bounded(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let cut = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (head, rest) = text.split_at(cut);
    format!("{head}… [{} bytes more]", rest.len())
}

/// The end of a text, at most `bytes`, with a mark for what was cut.
pub fn bounded_tail(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let from = text.len() - bytes;
    let cut = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let (head, rest) = text.split_at(cut);
    format!("[{} bytes before] …{rest}", head.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn capabilities_are_flags_or_objects() {
        let init = json!({"a": {"b": {}}, "c": false, "d": null, "e": true});
        assert!(offers(&init, &["a", "b"]) && offers(&init, &["e"]));
        assert!(!offers(&init, &["c"]) && !offers(&init, &["d"]) && !offers(&init, &["a", "x"]));
    }

    #[test]
    fn cuts_fall_between_characters() {
        assert_eq!(bounded("äöü", 3), "ä… [4 bytes more]");
        assert_eq!(bounded_tail("äöü", 3), "[4 bytes before] …ü");
        assert_eq!(bounded("ab", 2), "ab");
    }
}
