//! Isolation by a private candidate: the agent works in a copy, and what it changes there comes in through the gate.
//! The same seam serves an overlay: only the place of the candidate's root differs.

use super::asks::{Asks, Subject};
use super::context::Context;
use super::out::Out;
use super::peek;
use super::preview::Expected;
use super::turn::Once;
use crate::agent::acp::limits::ACP_FILES_PER_PROPOSAL_MAX;
use crate::agent::catalog::Level;
use crate::base::{Digest, RelPath};
use crate::model::Proposal;
use crate::model::action::{Body, Evidence, Rationale};
use crate::model::draft::{After, Draft};
use crate::model::event::LapseWhy;
use crate::port::{CandidateChange, CandidateChanges, Ticket};

/// See the module.
#[derive(Debug, Default)]
pub struct Copying {
    /// Changes seen at the last look: a file that still changes is not proposed half-written.
    seen: Expected,
    /// The last reported problem, so that it is reported once.
    trouble: Option<String>,
    /// The changes last reported as left in the copy.
    left: Vec<String>,
    /// The copy is being compared for the last time in this turn.
    is_last_look: bool,
}

impl Copying {
    /// The turn is over, unless it was canceled: once more everything that is in the copy is asked about.
    pub fn look_last(&mut self, canceled: bool, out: &mut Out) {
        self.is_last_look = out.place().is_private() && !canceled;
        if self.is_last_look {
            out.look_at_copy();
        }
    }

    /// Returns whether the turn waits for the comparison.
    pub fn is_looking(&self) -> bool {
        self.is_last_look
    }

    /// Proposes all settled changes of the candidate as one edit.
    pub fn changed(&mut self, changes: Result<CandidateChanges, String>, asks: &mut Asks, cx: &mut Context) {
        let last = std::mem::take(&mut self.is_last_look);
        match changes {
            Ok(changes) => {
                self.trouble = None;
                if last && self.left != changes.left {
                    self.report_left(changes.left, &mut cx.out);
                }
                self.file(&changes.files, last, asks, cx);
            }
            Err(why) if self.trouble.as_ref() != Some(&why) => {
                let text = format!("the agent's private copy cannot be compared: {why}");
                cx.out.alarm("unsupervised", None, text);
                self.trouble = Some(why);
            }
            Err(_) => {}
        }
    }

    /// Changes that cannot be proposed: named once, so that nothing is lost unseen.
    fn report_left(&mut self, left: Vec<String>, out: &mut Out) {
        if !left.is_empty() {
            out.note("copy", &format!("these changes stay in the agent's private copy: {}", left.join("; ")));
        }
        self.left = left;
    }

    fn file(&mut self, changes: &[CandidateChange], last: bool, asks: &mut Asks, cx: &mut Context) {
        let now: Expected = changes.iter().map(|c| (c.path.clone(), c.state())).collect();
        let held: Vec<(Ticket, Expected, bool)> =
            asks.copied().map(|(ticket, files, waits)| (ticket, files.clone(), waits)).collect();
        let settled = |path: &RelPath, digest: &Option<Digest>| last || self.seen.get(path) == Some(digest);
        let mut wanted: Vec<&CandidateChange> = Vec::new();
        let mut overtaken = Vec::new();
        for change in changes {
            let digest = change.state();
            let asked = held.iter().find(|(_, files, _)| files.contains_key(&change.path));
            match asked {
                Some((_, files, _)) if files.get(&change.path) == Some(&digest) => {}
                // Being executed; it is compared again afterwards.
                Some((_, _, false)) => {}
                Some((ticket, _, true)) if settled(&change.path, &digest) => {
                    overtaken.push(*ticket);
                    wanted.push(change);
                }
                None if settled(&change.path, &digest) => wanted.push(change),
                Some(_) | None => {}
            }
        }
        // A proposal whose file changed again is asked again, with everything it held.
        for (ticket, files, _) in held.iter().filter(|(ticket, ..)| overtaken.contains(ticket)) {
            wanted.extend(changes.iter().filter(|c| files.contains_key(&c.path)));
            asks.void(*ticket, LapseWhy::Superseded, &mut cx.out);
        }
        wanted.sort_by(|a, b| a.path.cmp(&b.path));
        wanted.dedup_by(|a, b| a.path == b.path);
        self.seen = now;
        for part in wanted.chunks(ACP_FILES_PER_PROPOSAL_MAX) {
            propose(part, asks, cx);
        }
    }
}

fn propose(changes: &[&CandidateChange], asks: &mut Asks, cx: &mut Context) {
    let files: Expected = changes.iter().map(|c| (c.path.clone(), c.state())).collect();
    let drafts: Vec<Draft> = changes
        .iter()
        .map(|change| Draft { path: change.path.as_str().to_owned(), after: After::Exactly(change.after.clone()) })
        .collect();
    let paths: Vec<&str> = changes.iter().map(|c| c.path.as_str()).collect();
    let title = peek::bounded(&Draft::words(&drafts), 200);
    let mut proposal = Proposal::new(title, Body::Edit(drafts));
    let evidence = vec![Evidence::new("none", "found in the agent's private copy; the workspace is unchanged")];
    proposal.rationale = Some(Rationale { text: cx.turn.words.reason(), evidence });
    proposal.candidate = true;
    let ticket = asks.propose(Subject::Copied { files }, proposal, &mut cx.out);
    // An agent that never asks works like this all the time; from any other it is worth a word.
    if cx.conduct.spec().level != Level::L0 && cx.turn.first(Once::UnaskedEdit) {
        let text =
            format!("the agent changed {} in its private copy without asking; it is pending here", paths.join(", "));
        cx.out.alarm("unsupervised", Some(ticket), peek::bounded(&text, 400));
    }
}
