//! The parts of a message of the user: text, and the objects in it that are sent in ways of their own.

use crate::base::{ActionId, Digest, RelPath, StepId};
use serde::{Deserialize, Serialize};

/// One part. Journals and clients of other versions may have parts that this one does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum PromptPart {
    Text {
        text: String,
    },
    /// Pasted text, which is shown folded and sent whole.
    Paste {
        text: String,
    },
    /// A file or directory of the workspace, or lines of it: the first and the last, from 1.
    File {
        path: RelPath,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lines: Option<(u32, u32)>,
    },
    /// What an action did; of a command, its output.
    Action {
        action: ActionId,
    },
    Step {
        step: StepId,
    },
    Test {
        name: String,
    },
    /// A picture, whose bytes the host has.
    Image {
        name: String,
        mime: String,
        digest: Digest,
        bytes: u64,
    },
    #[serde(other)]
    Unknown,
}

impl PromptPart {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// The words for it within a text: its mention as the user types it, pasted text as it is.
    pub fn words(&self) -> String {
        match self {
            Self::Text { text } | Self::Paste { text } => text.clone(),
            Self::File { path, lines } => mention(path.as_str(), *lines),
            Self::Action { action } => format!("@{action}"),
            Self::Step { step } => format!("@step {step}"),
            Self::Test { name } => format!("@test {name}"),
            Self::Image { name, .. } => format!("[image {name}]"),
            Self::Unknown => "[unknown part]".to_owned(),
        }
    }

    /// Bytes that it adds to a message.
    pub fn len_bytes(&self) -> usize {
        match self {
            Self::Text { text } | Self::Paste { text } => text.len(),
            Self::Test { name } | Self::Image { name, .. } => name.len() + 64,
            Self::File { path, .. } => path.as_str().len() + 64,
            Self::Action { .. } | Self::Step { .. } | Self::Unknown => 64,
        }
    }
}

/// A path with its lines as it is typed: quoted where it has blanks.
fn mention(path: &str, lines: Option<(u32, u32)>) -> String {
    let path = if path.contains(char::is_whitespace) { format!("\"{path}\"") } else { path.to_owned() };
    match lines {
        None => format!("@{path}"),
        Some((first, last)) if first == last => format!("@{path}:{first}"),
        Some((first, last)) => format!("@{path}:{first}-{last}"),
    }
}

/// The message as one text.
pub fn prompt_text(parts: &[PromptPart]) -> String {
    parts.iter().map(PromptPart::words).collect()
}

/// The media type of a picture that models read, by its name.
pub fn image_mime(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        "gif" => Some("image/gif"),
        "webp" => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_as_it_was_typed() {
        let parts = [
            PromptPart::text("see "),
            PromptPart::File { path: RelPath::new("a b.rs").unwrap(), lines: Some((39, 42)) },
            PromptPart::text(" and "),
            PromptPart::File { path: RelPath::new("x.rs").unwrap(), lines: Some((7, 7)) },
            PromptPart::Action { action: "a7".into() },
        ];
        assert_eq!(prompt_text(&parts), "see @\"a b.rs\":39-42 and @x.rs:7@a7");
    }

    #[test]
    fn a_part_of_a_later_version_is_kept_as_unknown() {
        let parts: Vec<PromptPart> =
            serde_json::from_str(r#"[{"part":"video","digest":"x"},{"part":"text","text":"a"}]"#).unwrap();
        assert_eq!(parts, [PromptPart::Unknown, PromptPart::text("a")]);
    }
}
