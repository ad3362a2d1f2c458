//! The few facts looked for in a YAML diagnostic block; a YAML reader is not needed for them.

/// The content of a block, as text.
#[derive(Debug, Default)]
pub struct Facts {
    /// `error:` or `message:`, its first line.
    pub error: Option<String>,
    /// `location:` or `at:` as `FILE:LINE:COLUMN`.
    pub at: Option<String>,
    pub duration_ms: Option<f64>,
}

/// Reads `key: value` lines at any depth; the first of each key counts.
pub fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((key, value)) = line.trim().split_once(':') else {
            continue;
        };
        let value = value.trim();
        match key {
            "error" | "message" if facts.error.is_none() && !value.is_empty() => {
                let is_block = value.starts_with('|') || value.starts_with('>');
                let first = if is_block { lines.peek().map_or("", |l| l.trim()) } else { unquoted(value) };
                facts.error = Some(first.to_owned()).filter(|f| !f.is_empty());
            }
            "location" | "at" if facts.at.is_none() && !value.is_empty() => facts.at = Some(unquoted(value).to_owned()),
            "duration_ms" => facts.duration_ms = value.parse().ok(),
            _ => {}
        }
    }
    facts
}

/// Without quotes; of a quoted value that continues in the next line, the part in this one.
fn unquoted(value: &str) -> &str {
    value.trim_matches(['\'', '"'])
}
