//! Comments of the user on a plan, on what an action changes, and on what it writes: what they are about, where that is
//! in a later version, and their words to the agent.

mod anchor;
mod feedback;

pub use anchor::{Anchor, Fate, Placement, Side, Subject};
pub use feedback::{Sent, feedback};

use crate::base::{ClientId, CommentId};
use crate::model::action::Action;
use serde::{Deserialize, Serialize};

/// A comment; its number stays over all versions of what it is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    pub id: CommentId,
    #[serde(default)]
    pub kind: CommentKind,
    /// The user's words; empty only for a `drop`.
    #[serde(default)]
    pub text: String,
    pub by: ClientId,
    /// The number of the version of the plan, or of the revision of the action, that it was written on.
    pub version: u32,
    pub anchor: Anchor,
    #[serde(default)]
    pub state: CommentState,
}

/// What a comment asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommentKind {
    #[default]
    Comment,
    /// Leave this out.
    Drop,
    /// Add something after this.
    Add,
    /// A question, not an order.
    Question,
}

impl CommentKind {
    /// What it asks for in words, before its own; empty for a plain comment.
    pub fn words(self) -> &'static str {
        match self {
            Self::Comment => "",
            Self::Drop => "drop this",
            Self::Add => "add after this",
            Self::Question => "question",
        }
    }

    /// The kind that the first sign of a comment sets, and the rest of its words.
    pub fn of(words: &str) -> (Self, &str) {
        let words = words.trim();
        let kind = match words.chars().next() {
            Some('-') => Self::Drop,
            Some('+') => Self::Add,
            Some('?') => Self::Question,
            Some(_) | None => return (Self::Comment, words),
        };
        (kind, words.get(1..).unwrap_or_default().trim_start())
    }

    /// The sign that sets it; none for a plain comment.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Comment => "",
            Self::Drop => "-",
            Self::Add => "+",
            Self::Question => "?",
        }
    }
}

/// How far a comment has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommentState {
    /// Written, and not sent yet.
    #[default]
    Open,
    /// The agent was given it.
    Sent,
    /// The user is content.
    Resolved,
    Withdrawn,
}

impl CommentState {
    /// As it is on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sent => "sent",
            Self::Resolved => "resolved",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl Comment {
    /// As the user reads it: what it asks for, and its words.
    pub fn shown(&self) -> String {
        let verb = self.kind.words();
        let gap = if verb.is_empty() || self.text.is_empty() { "" } else { ": " };
        format!("{verb}{gap}{}", self.text)
    }

    /// It is on the plan or on a step of it.
    pub fn is_on_plan(&self) -> bool {
        self.anchor.on.is_none()
    }

    /// It is about what this action changes, wrote, or asks for.
    pub fn is_about(&self, action: &Action) -> bool {
        match &self.anchor.on {
            None => action.document().is_some_and(crate::model::plan::PlanDocument::is_plan),
            Some(Subject::File { path, .. }) => {
                action.files().iter().any(|file| file.path == *path || file.from.as_ref() == Some(path))
            }
            Some(Subject::Output { action: of }) => *of == action.id,
        }
    }

    /// The place in words: a line of the plan, a file with its lines, or the output of an action.
    pub fn place(&self) -> String {
        let Anchor { line, step, on, .. } = &self.anchor;
        let lines = match self.anchor.lines() {
            _ if *line == 0 => String::new(),
            1 => format!("line {line}"),
            count => format!("lines {line}-{}", line.saturating_add(count - 1)),
        };
        let place = match (on, step) {
            (None, Some(step)) => format!("step {step}"),
            (None, None) => lines,
            (Some(Subject::File { path, .. }), _) => format!("{path} {lines}"),
            (Some(Subject::Output { action }), _) => format!("output of {action} {lines}"),
        };
        place.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests;
