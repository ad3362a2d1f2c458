//! The reason for an action, as the supervisor reads it: the model's words, its evidence, and our observations.

use crate::agent::llm::edits::Match;
use crate::agent::llm::tools::Intent;
use crate::base::RelPath;
use crate::model::EvidenceKind;
use crate::model::{Body, Evidence, Proposal, Rationale};

/// The reason for an action, with our observations about it.
pub(super) struct Reason {
    pub(super) intent: Intent,
    pub(super) repaired: bool,
    pub(super) tampers: Option<u32>,
    pub(super) matched: Option<Match>,
}

impl Reason {
    pub(super) fn because(why: &str) -> Reason {
        let intent = Intent { why: why.to_owned(), ..Intent::default() };
        Reason { intent, repaired: false, tampers: None, matched: None }
    }

    pub(super) fn on(&self, title: String, body: Body) -> Proposal {
        let mut proposal = Proposal::new(title, body);
        proposal.rationale = self.rationale();
        proposal.step = self.intent.step.as_deref().map(Into::into);
        proposal
    }

    pub(super) fn rationale(&self) -> Option<Rationale> {
        let mut lines = Vec::new();
        lines.extend(
            self.tampers.map(|failing| format!("[rightseat: this changes tests while {failing} test(s) fail]")),
        );
        if !self.intent.why.is_empty() {
            lines.push(self.intent.why.clone());
        }
        if !self.intent.expect.is_empty() {
            lines.push(format!("Expected: {}", self.intent.expect));
        }
        lines.extend(self.matched.and_then(Match::words).map(|words| format!("[rightseat: {words}]")));
        if self.repaired {
            lines.push(
                "[rightseat: the model printed this call as text or under another name; it was accepted as a call]"
                    .to_owned(),
            );
        }
        let evidence: Vec<Evidence> = self.intent.evidence.iter().map(|text| evidence(text)).collect();
        (!lines.is_empty() || !evidence.is_empty()).then(|| Rationale { text: lines.join("\n"), evidence })
    }
}

/// `path:line` is a place; anything else is the model's word.
fn evidence(text: &str) -> Evidence {
    if let Some((path, line)) = text.rsplit_once(':')
        && let (Ok(path), Ok(line)) = (RelPath::new(path), line.trim().parse::<u32>())
    {
        return Evidence::new(EvidenceKind::Line, text).at(path.as_str(), Some(line));
    }
    Evidence::new(EvidenceKind::Quote, text)
}
