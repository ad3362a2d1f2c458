//! Isolation by a private candidate: the agent works in a copy, and what it changes there comes in through the gate. The
//! same seam serves an overlay: only where the candidate's root lies differs.

use super::asks::{Stage, Subject};
use super::client::{Client, Effect, Timer};
use super::place::Disk;
use super::preview::Expected;
use super::tools::ToolCall;
use crate::agent::acp::limits::{ACP_CANDIDATE_POLL_MS, ACP_FILES_PER_PROPOSAL_MAX};
use crate::agent::catalog::Level;
use crate::base::{Digest, RelPath};
use crate::model::Proposal;
use crate::model::action::{Body, Evidence, Rationale};
use crate::model::draft::{After, Draft};
use crate::model::event::LapseWhy;
use crate::port::{CandidateChange, CandidateChanges};
use std::time::Duration;

/// See the module.
#[derive(Debug, Default)]
pub struct Copying {
    /// Changes seen at the last look: a file that still changes is not proposed half-written.
    seen: Expected,
    /// The last trouble that was told, so that it is told once.
    trouble: Option<String>,
    /// What was last told to stay in the copy.
    left: Vec<String>,
}

impl Client {
    pub(super) fn watch_candidate(&mut self) {
        if self.setup.place.is_private() {
            self.effect(Effect::Arm(Timer::Candidate, Duration::from_millis(ACP_CANDIDATE_POLL_MS)));
        }
    }

    /// The poll while the agent works.
    pub(super) fn look_again(&mut self) {
        if self.turn.is_running() {
            self.effect(Effect::LookAtCandidate);
            self.watch_candidate();
        }
    }

    pub(super) fn look_at_candidate_after(&mut self, call: &ToolCall) {
        let reads_only = matches!(call.kind(), "read" | "search" | "think" | "fetch");
        if self.setup.place.is_private() && !reads_only {
            self.effect(Effect::LookAtCandidate);
        }
    }

    /// After the host wrote in the workspace the candidate must have it too.
    pub(super) fn refresh_candidate(&mut self) {
        if self.setup.place.is_private() {
            self.effect(Effect::Reset(Vec::new()));
        }
    }

    /// Files that were decided upon are in the workspace; the copy takes them over, so that they are no change of its own.
    pub(super) fn reset_candidate(&mut self, paths: Vec<RelPath>) {
        if self.setup.place.is_private() && !paths.is_empty() {
            self.effect(Effect::Reset(paths));
        }
    }

    /// What the candidate holds becomes one proposal of all its settled changes.
    pub(super) fn candidate_changed(&mut self, changes: Result<CandidateChanges, String>, disk: &dyn Disk) {
        let last = std::mem::take(&mut self.turn.looking);
        match changes {
            Ok(changes) => {
                self.copying.trouble = None;
                if last && self.copying.left != changes.left {
                    self.tell_left(changes.left);
                }
                self.file_changes(changes.files, last, disk);
            }
            Err(why) if self.copying.trouble.as_ref() != Some(&why) => {
                self.alarm("unsupervised", None, format!("the agent's private copy cannot be compared: {why}"));
                self.copying.trouble = Some(why);
            }
            Err(_) => {}
        }
        if last {
            self.try_end(false);
        }
    }

    /// Changes that cannot be proposed: named once, so that nothing is lost unseen.
    fn tell_left(&mut self, left: Vec<String>) {
        if !left.is_empty() {
            let text = format!("these changes stay in the agent's private copy: {}", left.join("; "));
            self.note("copy", &text);
        }
        self.copying.left = left;
    }

    fn file_changes(&mut self, changes: Vec<CandidateChange>, last: bool, disk: &dyn Disk) {
        let now: Expected = changes.iter().map(|c| (c.path.clone(), c.state())).collect();
        let held: Vec<(crate::port::Ticket, Expected, bool)> =
            self.asks.copied().map(|(t, ask, files)| (t, files.clone(), ask.stage == Stage::Waiting)).collect();
        let settled = |path: &RelPath, digest: &Option<Digest>| last || self.copying.seen.get(path) == Some(digest);
        let mut wanted: Vec<&CandidateChange> = Vec::new();
        let mut overtaken = Vec::new();
        for change in &changes {
            let digest = change.state();
            let same_as_real = change.mode.is_none() && disk.read(&change.path).ok() == Some(change.after.clone());
            let asked = held.iter().find(|(_, files, _)| files.contains_key(&change.path));
            match asked {
                Some((_, files, _)) if files.get(&change.path) == Some(&digest) => {}
                // Being executed; it is looked at again afterwards.
                Some((_, _, false)) => {}
                Some((ticket, _, true)) if settled(&change.path, &digest) => {
                    overtaken.push(*ticket);
                    wanted.push(change);
                }
                None if !same_as_real && settled(&change.path, &digest) => wanted.push(change),
                Some(_) | None => {}
            }
        }
        // A proposal whose file changed again is asked again, with everything it held.
        for (ticket, files, _) in held.iter().filter(|(ticket, ..)| overtaken.contains(ticket)) {
            wanted.extend(changes.iter().filter(|c| files.contains_key(&c.path)));
            self.void(*ticket, LapseWhy::Superseded);
        }
        wanted.sort_by(|a, b| a.path.cmp(&b.path));
        wanted.dedup_by(|a, b| a.path == b.path);
        let wanted: Vec<CandidateChange> = wanted.into_iter().cloned().collect();
        self.copying.seen = now;
        for part in wanted.chunks(ACP_FILES_PER_PROPOSAL_MAX) {
            self.propose_changes(part);
        }
    }

    fn propose_changes(&mut self, changes: &[CandidateChange]) {
        let files: Expected = changes.iter().map(|c| (c.path.clone(), c.state())).collect();
        let drafts: Vec<Draft> = changes
            .iter()
            .map(|change| Draft {
                path: change.path.as_str().to_owned(),
                after: match (change.after.clone(), change.mode) {
                    (None, _) => After::Delete,
                    (Some(bytes), None) => After::Whole(bytes),
                    (Some(bytes), Some(mode)) => After::WholeWith { bytes, mode },
                },
            })
            .collect();
        let paths: Vec<&str> = changes.iter().map(|c| c.path.as_str()).collect();
        let title = super::peek::bounded(&Draft::words(&drafts), 200);
        let mut proposal = Proposal::new(title, Body::Edit(drafts));
        let evidence = vec![Evidence::new("none", "found in the agent's private copy; the workspace is unchanged")];
        proposal.rationale = Some(Rationale { text: self.turn.reason(), evidence });
        let ticket = self.propose(Subject::Copied { files }, proposal);
        // An agent that never asks works like this all the time; from any other it is worth a word.
        if self.setup.spec.level != Level::L0 && !self.turn.let_through && !self.turn.unasked_edit {
            self.turn.unasked_edit = true;
            let text = format!(
                "the agent changed {} in its private copy without asking; it is pending here",
                paths.join(", ")
            );
            self.alarm("unsupervised", Some(ticket), super::peek::bounded(&text, 400));
        }
    }
}
