//! Objects of a message, as they are shown in its text.

use crate::base::text::{Show, escape};
use crate::model::PromptPart;

/// An object as it is shown in the text.
#[must_use]
pub fn label(part: &PromptPart) -> String {
    if let PromptPart::Paste { text } = part {
        let lines = text.lines().count();
        let noun = if lines == 1 { "line" } else { "lines" };
        return format!("[pasted {lines} {noun}, {}]", size_words(text.len() as u64));
    }
    if let PromptPart::Image { name, bytes, .. } = part {
        return format!("[image {}, {}]", escape::show(name, &Show::default()), size_words(*bytes));
    }
    escape::show(&part.words(), &Show::default()).into_owned()
}

/// A size in words.
#[must_use]
pub fn size_words(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pasted_line_is_one_line() {
        let paste = |text: &str| label(&PromptPart::Paste { text: text.to_owned() });
        assert_eq!(paste(&"x".repeat(1_209)), "[pasted 1 line, 1.2 kB]");
        assert_eq!(paste("a\nb\n"), "[pasted 2 lines, 4 B]");
    }
}
