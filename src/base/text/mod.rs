//! Text that came from outside and how it becomes safe to show.
//!
//! Owns the [`Untrusted`] newtype, the one exit from it ([`escape`]), display width and wrapping
//! ([`width`]), look-alike detection ([`confusables`]) and command output with colors ([`ansi`]).
//! It must not decide where text is shown, and nothing here ever returns a control byte.

pub mod ansi;
pub mod confusables;
pub mod escape;
pub mod foreign;
pub mod hidden;
pub mod width;

use crate::base::limits::TEXT_VISIBLE_LINES_MAX;
pub use escape::{Piece, PieceKind, Reading, Show};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Text written by an agent, a model, a repository or a command.
///
/// It has no `Display` on purpose: the ways out are [`Untrusted::visible`],
/// [`Untrusted::visible_lines`] and, where bytes and not looks matter (hashing, writing an
/// approved file, parsing), [`Untrusted::raw_unsafe_to_show`].
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// Wraps foreign text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Wraps foreign bytes; invalid UTF-8 becomes U+FFFD, which is shown as an escape.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The text as received. Never give it to a widget, a terminal or a log line.
    pub fn raw_unsafe_to_show(&self) -> &str {
        &self.0
    }

    /// True when there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Length of the raw text in bytes.
    pub fn len_bytes(&self) -> usize {
        self.0.len()
    }

    /// One line, everything that could hide or steer made visible, cut with a mark when long.
    /// Line ends show as `^J`.
    pub fn visible(&self) -> Cow<'_, str> {
        escape::show(&self.0, &Show::default())
    }

    /// The text line by line (LF or CRLF), each line as [`Untrusted::visible`].
    ///
    /// At most [`TEXT_VISIBLE_LINES_MAX`] lines, then one line that says how many are left out.
    pub fn visible_lines(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.visible_lines_with(Show::default())
    }

    /// The text line by line with the caller's [`Show`].
    pub fn visible_lines_with(&self, show: Show) -> impl Iterator<Item = Cow<'_, str>> {
        let mut rest = self.0.lines();
        let mut shown = 0;
        std::iter::from_fn(move || {
            if shown < TEXT_VISIBLE_LINES_MAX {
                shown += 1;
                return rest.next().map(|line| escape::show(line, &show));
            }
            let hidden = rest.by_ref().count();
            (hidden > 0).then(|| Cow::Owned(format!("⟨+{hidden} lines⟩")))
        })
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Untrusted({})", self.visible())
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_is_the_bare_string() {
        let text = Untrusted::new("a\u{1b}[31m");
        let json = serde_json::to_string(&text).unwrap();
        assert_eq!(json, "\"a\\u001b[31m\"");
        assert_eq!(serde_json::from_str::<Untrusted>(&json).unwrap(), text);
    }

    #[test]
    fn debug_is_safe_to_print() {
        assert_eq!(format!("{:?}", Untrusted::new("a\u{1b}]0;x\u{7}")), "Untrusted(a^[]0;x^G)");
    }

    #[test]
    fn lines_are_counted_when_cut() {
        let text = Untrusted::new("x\r\n".repeat(TEXT_VISIBLE_LINES_MAX + 7));
        let lines: Vec<_> = text.visible_lines().collect();
        assert_eq!(lines.len(), TEXT_VISIBLE_LINES_MAX + 1);
        assert_eq!(lines.first().unwrap(), "x");
        assert_eq!(lines.last().unwrap(), "⟨+7 lines⟩");
    }
}
