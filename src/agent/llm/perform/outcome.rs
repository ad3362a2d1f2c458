//! The results of proposals, in words for the model.

use crate::agent::llm::turn::{Acted, Verdict};
use crate::model::event::OutcomeWord;
use crate::port::{Answer, Settled};

/// An outcome that never reached the gate, in words.
pub(super) fn refused(text: String) -> Acted {
    unfiled(Verdict::Refused, text)
}

pub(super) fn no_change(text: String) -> Acted {
    unfiled(Verdict::NoChange, text)
}

pub(super) fn unfiled(verdict: Verdict, text: String) -> Acted {
    Acted { verdict, text, changed: false, tests: None, plan: None, caveat: None, ms: 0, action: None }
}

/// Returns the result of a proposal for the model: the host's words, then its output.
pub(super) fn settle(settled: Settled, shown: String) -> Acted {
    let mut text = settled.answer.message().to_owned();
    let mut verdict = match &settled.answer {
        Answer::Approved { .. } => Verdict::Done,
        Answer::Denied { .. } => Verdict::Denied,
        Answer::Redirected { .. } => Verdict::Redirected,
        Answer::Lapsed { .. } => Verdict::Lapsed,
        Answer::Refused { .. } => Verdict::Refused,
    };
    let mut ms = 0;
    if let Some(performed) = &settled.performed {
        ms = performed.ms;
        if performed.outcome != OutcomeWord::Ok {
            verdict = Verdict::Failed;
            text.push_str(&format!("\nOutcome: {}", word(performed.outcome)));
        }
        if let Some(detail) = &performed.detail {
            text.push_str(&format!("\n{detail}"));
        }
    }
    if !shown.is_empty() {
        text.push('\n');
        text.push_str(&shown);
    }
    Acted { verdict, text, changed: false, tests: None, plan: None, caveat: None, ms, action: settled.action }
}

pub(super) fn word(outcome: OutcomeWord) -> &'static str {
    match outcome {
        OutcomeWord::Ok => "done",
        OutcomeWord::Failed => "failed",
        OutcomeWord::Conflict => "conflict: the file has changed; read it again",
        OutcomeWord::Unknown => "unknown: check the state before you continue",
        OutcomeWord::Recovered => "recovered after an interruption",
    }
}
