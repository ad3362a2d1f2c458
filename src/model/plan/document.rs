//! A plan as a document: the text that is reviewed, and what an approval of it means.

use super::Step;
use crate::base::{Digest, StepId};
use serde::{Deserialize, Serialize};

/// A plan, or something about it, as a text that the user reads and decides on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDocument {
    /// CommonMark as its author wrote it; foreign text, at most `PLAN_TEXT_BYTES_MAX`.
    pub text: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub origin: PlanOrigin,
    /// The file that holds it, as the agent names it; foreign text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Of that file, as it was when the agent asked: an approval is void once it has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Digest>,
    /// Bytes at its end that are left out here.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cut_bytes: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub subject: PlanSubject,
    /// The tree as its author gave it; absent where the text is all there is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// The user's word on a version of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanVerdict {
    #[serde(rename = "approve")]
    Approved,
    /// The agent is to present another version.
    Revise,
    /// There is no plan any more; the gate works as without one.
    #[serde(rename = "drop")]
    Dropped,
}

impl PlanVerdict {
    /// As something that happened.
    pub fn words(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Revise => "sent back",
            Self::Dropped => "dropped",
        }
    }
}

/// Where the text of a plan comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanOrigin {
    /// The agent's own document.
    #[default]
    Agent,
    /// The agent's list of steps, written out.
    Steps,
    /// A message of the agent.
    Message,
    /// A file.
    File,
    /// The user.
    Human,
}

/// What an approval is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanSubject {
    /// The plan itself.
    #[default]
    Plan,
    /// A change of the approved plan: `steps` is the whole tree as the agent wants it.
    Replan,
    /// A step is done: its summary. An approval lets the next one begin.
    StepEnd { step: StepId },
    /// What the agent objects to in the role that this step belongs to. An approval makes it a step of the plan.
    Objection { step: StepId },
}

impl PlanSubject {
    /// As it is on the wire.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Replan => "replan",
            Self::StepEnd { .. } => "step_end",
            Self::Objection { .. } => "objection",
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl PlanDocument {
    /// The document of a text, cut to the limit at a character.
    pub fn new(text: &str, origin: PlanOrigin) -> Self {
        let max = crate::model::limits::PLAN_TEXT_BYTES_MAX;
        let end = (0..=max.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let kept = text.get(..end).unwrap_or_default();
        Self { text: kept.to_owned(), origin, cut_bytes: (text.len() - end) as u64, ..Self::default() }
    }

    /// Names the text; two documents of one text are the same version.
    pub fn digest(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }

    /// It is the plan itself, not a question about its progress.
    pub fn is_plan(&self) -> bool {
        self.subject == PlanSubject::Plan
    }

    /// The number of lines, at least 1.
    pub fn lines(&self) -> u32 {
        u32::try_from(self.text.lines().count().max(1)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::PLAN_TEXT_BYTES_MAX;

    #[test]
    fn a_long_text_is_cut_at_a_character_and_says_so() {
        let text = "é".repeat(PLAN_TEXT_BYTES_MAX);
        let document = PlanDocument::new(&text, PlanOrigin::Agent);
        assert_eq!(document.text.len(), PLAN_TEXT_BYTES_MAX);
        assert_eq!(document.cut_bytes, PLAN_TEXT_BYTES_MAX as u64);
        assert_eq!(PlanDocument::new("a", PlanOrigin::Agent).cut_bytes, 0);
    }

    #[test]
    fn only_what_differs_from_a_plain_document_is_written() {
        let plain = PlanDocument::new("a\n", PlanOrigin::Agent);
        assert_eq!(serde_json::to_string(&plain).unwrap(), r#"{"text":"a\n"}"#);
        let step = PlanDocument { subject: PlanSubject::StepEnd { step: "s1".into() }, ..plain };
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(text, r#"{"text":"a\n","subject":{"step_end":{"step":"s1"}}}"#);
        assert_eq!(serde_json::from_str::<PlanDocument>(&text).unwrap(), step);
    }
}
