//! The pipeline ledger: every change, made or only asked for, to what builds, trains, deploys, or instructs. A fold over
//! the journal beside the session, the same for the screen and for an export.

mod entry;
#[cfg(test)]
mod tests;

pub use entry::{Change, Entry, Fact, RunSeen, Who};

use crate::base::{ActionId, Seq};
use crate::model::action::{Action, ActionBody, Author, Content, FileEdit};
use crate::model::check::{CheckFinished, Tree};
use crate::model::event::{ChangedBy, Envelope, Event, FileOutcome, Finished, Observed, Reverted, Said};
use crate::model::session::Session;
use crate::model::{Rail, SpokenBy};
use crate::policy::guarded::guarded;
use crate::policy::infra;
use crate::policy::limits::{
    PIPELINE_ANSWER_BYTES_MAX, PIPELINE_CHANGES_MAX, PIPELINE_CONTENT_BYTES_MAX, PIPELINE_ENTRIES_MAX,
    PIPELINE_ENTRY_CONTENT_BYTES_MAX,
};
use crate::policy::matter::spared;
use std::collections::{BTreeMap, VecDeque};

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    entries: VecDeque<Entry>,
    /// Entries that were forgotten, oldest first.
    cut: usize,
    /// Numbers of the entries, counted from the first there ever was.
    by_action: BTreeMap<ActionId, usize>,
    /// The newest finished run of all cases on the workspace.
    last_run: Option<RunSeen>,
    /// Bytes of contents that are kept.
    content_bytes: u64,
    /// The number of the first entry that may keep any.
    first_kept: usize,
}

impl Ledger {
    /// Oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter()
    }

    /// Entries that were too many to keep.
    pub fn cut(&self) -> usize {
        self.cut
    }

    /// Takes in one fact. `session` has already applied it.
    pub fn apply(&mut self, envelope: &Envelope, session: &Session) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "some of many kinds matter here")]
        match &envelope.event {
            Event::Proposed(body) => self.propose(envelope, session, &body.action),
            Event::Held(body) if body.rail.is_some() => {
                if let Some(state) = session.actions.get(&body.action) {
                    self.enter(envelope, session, &state.action, rail_words(body.rail.as_ref()));
                    // A file may be guarded by where its name leads, which the record does not say: all count.
                    self.set_changes(&body.action, state.action.files().iter().map(Change::of));
                }
            }
            Event::Ruled(body) => self.with(&body.action, |entry| entry.ruled = Some(body.clone())),
            Event::Explained(body) => self.with(&body.action, |entry| entry.asked |= !entry.has_reason()),
            Event::Decided(body) => self.with(&body.action, |entry| entry.decided = Some(body.clone())),
            Event::Lapsed(body) => self.with(&body.action, |entry| entry.lapsed = Some(body.why)),
            Event::Finished(body) => self.finish(envelope, session, body),
            Event::Said(body) => self.hear(body),
            Event::Observed(body) => self.observe(envelope, session, body),
            Event::Reverted(body) => self.revert(envelope.seq, body),
            Event::CheckFinished(body) => self.check(session, body),
            _ => {}
        }
    }

    fn propose(&mut self, envelope: &Envelope, session: &Session, action: &Action) {
        let what = match &action.body {
            ActionBody::Edit(files) => files.iter().find_map(counts),
            ActionBody::Command(command) => infra::of(command).map(|infra| infra.verb.word()),
            ActionBody::Trials(..)
            | ActionBody::Read(_)
            | ActionBody::Network(_)
            | ActionBody::Plan(_)
            | ActionBody::Form(_)
            | ActionBody::Other => None,
        };
        if let Some(what) = what {
            self.enter(envelope, session, action, what);
        }
    }

    /// Adds an entry about an action, or brings the one there is up to the action's newest revision.
    fn enter(&mut self, envelope: &Envelope, session: &Session, action: &Action, what: &'static str) {
        let is_known = self.by_action.contains_key(&action.id);
        if !is_known {
            let is_users = action.author == Author::Human && action.revision == 1 && !is_trial(session, &action.id);
            let who = if is_users { Who::User } else { Who::Agent(session.agent.ready.agent.name.clone()) };
            let entry = Entry { tests_before: self.last_run.clone(), ..Entry::new(envelope, who, what) };
            let number = self.push(Entry { action: Some(action.id.clone()), ..entry });
            self.by_action.insert(action.id.clone(), number);
        }
        self.set_changes(&action.id, action.files().iter().filter(|file| counts(file).is_some()).map(Change::of));
        let is_edited = action.author == Author::Human && action.revision > 1;
        self.with(&action.id, |entry| {
            entry.line = action.command().map(crate::model::Command::line);
            entry.rationale.clone_from(&action.rationale);
            entry.edited |= is_edited;
            entry.lapsed = None;
        });
    }

    /// The result of a command may have more than its words.
    fn finish(&mut self, envelope: &Envelope, session: &Session, body: &Finished) {
        let Some(state) = session.actions.get(&body.action) else { return };
        let found: Vec<&FileOutcome> =
            body.files.iter().flatten().filter(|file| guarded(file.path.as_str()).is_some()).collect();
        let is_edit = !state.action.files().is_empty();
        if let Some(first) = found.first().filter(|_| !is_edit) {
            let what = guarded(first.path.as_str()).map_or("", |guard| guard.what);
            let is_trial = body.layer.as_ref().is_some_and(|layer| layer.previews.is_some());
            let what = if is_trial { "a dry run, requested by the user, of the agent's command" } else { what };
            self.enter(envelope, session, &state.action, what);
        }
        let before = self.last_run.clone();
        if !is_edit {
            self.set_changes(&body.action, found.into_iter().map(|file| Change::seen(file, &body.sides)));
        }
        self.with(&body.action, |entry| {
            entry.outcome = Some(body.outcome);
            entry.effect = Some(envelope.seq);
            entry.tests_before = before;
        });
    }

    /// The agent's words after it was asked for a reason.
    fn hear(&mut self, body: &Said) {
        if body.by == SpokenBy::Human {
            return;
        }
        for entry in self.entries.iter_mut().rev().filter(|entry| entry.asked && entry.is_open()) {
            let room = PIPELINE_ANSWER_BYTES_MAX.saturating_sub(entry.answer.len());
            let end = (0..=room.min(body.text.len())).rev().find(|at| body.text.is_char_boundary(*at)).unwrap_or(0);
            entry.answer.push_str(body.text.get(..end).unwrap_or_default());
        }
    }

    fn observe(&mut self, envelope: &Envelope, session: &Session, body: &Observed) {
        let Some(guard) = guarded(&body.path) else { return };
        let by = match &body.by {
            ChangedBy::Action(id) | ChangedBy::During(id) => Some(id),
            ChangedBy::Session(_) | ChangedBy::Human | ChangedBy::Unsupervised => None,
        };
        let is_told = by.and_then(|id| self.get(id)).is_some_and(|e| e.changes.iter().any(|c| c.path == body.path));
        if is_told {
            return;
        }
        let who = match &body.by {
            ChangedBy::Action(id) => session.actions.get(id).map_or(Who::Unknown, |state| match state.action.author {
                Author::Human if !is_trial(session, id) => Who::User,
                Author::Human | Author::Agent | Author::Merge => Who::Agent(session.agent.ready.agent.name.clone()),
            }),
            ChangedBy::During(id) => Who::During(id.clone()),
            ChangedBy::Session(id) => Who::Session(id.clone()),
            ChangedBy::Human => Who::User,
            ChangedBy::Unsupervised => Who::Unknown,
        };
        let entry = Entry {
            action: by.cloned(),
            tests_before: self.last_run.clone(),
            effect: Some(envelope.seq),
            observed: true,
            ..Entry::new(envelope, who, guard.what)
        };
        let number = self.push(entry);
        self.keep(number, vec![Change::observed(body)]);
    }

    fn revert(&mut self, seq: Seq, body: &Reverted) {
        for id in &body.actions {
            self.with(id, |entry| entry.undone = (!body.again).then(|| (seq, body.by.clone())));
        }
    }

    fn check(&mut self, session: &Session, body: &CheckFinished) {
        let Some(run) =
            session.checks.get(&body.run).filter(|run| run.is_whole() && run.started.tree == Tree::Workspace)
        else {
            return;
        };
        let seen = RunSeen::of(run.seq, body);
        for entry in self.entries.iter_mut().filter(|entry| entry.tests_after.is_none()) {
            if entry.effect.is_some_and(|effect| effect < run.seq) {
                entry.tests_after = Some(seen.clone());
            }
        }
        self.last_run = Some(seen);
    }

    fn get(&self, id: &ActionId) -> Option<&Entry> {
        self.entries.get(self.by_action.get(id)?.checked_sub(self.cut)?)
    }

    fn with(&mut self, id: &ActionId, change: impl FnOnce(&mut Entry)) {
        let at = self.by_action.get(id).and_then(|at| at.checked_sub(self.cut));
        if let Some(entry) = at.and_then(|at| self.entries.get_mut(at)) {
            change(entry);
        }
    }

    /// Adds an entry without changes; returns its number.
    fn push(&mut self, entry: Entry) -> usize {
        if self.entries.len() >= PIPELINE_ENTRIES_MAX {
            let oldest = self.entries.pop_front();
            let forgotten = oldest.map_or(0, |oldest| kept_bytes(&oldest.changes));
            self.content_bytes = self.content_bytes.saturating_sub(forgotten);
            self.cut += 1;
            let cut = self.cut;
            self.by_action.retain(|_, at| *at >= cut);
        }
        self.entries.push_back(entry);
        self.cut + self.entries.len() - 1
    }

    /// Replaces the changes of an action's entry, if there are any.
    fn set_changes(&mut self, id: &ActionId, changes: impl Iterator<Item = Change>) {
        let changes: Vec<Change> = changes.take(PIPELINE_CHANGES_MAX).collect();
        if let Some(number) = self.by_action.get(id).copied().filter(|_| !changes.is_empty()) {
            self.keep(number, changes);
        }
    }

    /// Makes these the changes of the entry with this number. Where too many bytes of contents are kept, those of the
    /// oldest entries become digests, and so does what one entry has too much of.
    fn keep(&mut self, number: usize, mut changes: Vec<Change>) {
        let Some(entry) = number.checked_sub(self.cut).and_then(|at| self.entries.get_mut(at)) else { return };
        let mut bytes = 0_u64;
        for content in contents(&mut changes) {
            let more = bytes.saturating_add(content.len());
            if more > PIPELINE_ENTRY_CONTENT_BYTES_MAX {
                *content = Content::Blob { digest: content.digest(), bytes: content.len() };
            } else {
                bytes = more;
            }
        }
        self.content_bytes = (self.content_bytes + bytes).saturating_sub(kept_bytes(&entry.changes));
        entry.changes = changes;
        self.first_kept = self.first_kept.min(number);
        self.drop_oldest_contents();
    }

    fn drop_oldest_contents(&mut self) {
        while self.content_bytes > PIPELINE_CONTENT_BYTES_MAX {
            self.first_kept = self.first_kept.max(self.cut);
            let Some(entry) = self.entries.get_mut(self.first_kept - self.cut) else { return };
            self.content_bytes = self.content_bytes.saturating_sub(kept_bytes(&entry.changes));
            for content in contents(&mut entry.changes) {
                *content = Content::Blob { digest: content.digest(), bytes: content.len() };
            }
            self.first_kept += 1;
        }
    }
}

/// The contents of changes that are kept.
fn contents(changes: &mut [Change]) -> impl Iterator<Item = &mut Content> {
    let all = changes.iter_mut().flat_map(|change| [&mut change.before, &mut change.after]).flatten();
    all.filter(|content| matches!(content, Content::Text(_)))
}

fn kept_bytes(changes: &[Change]) -> u64 {
    let all = changes.iter().flat_map(|change| [&change.before, &change.after]).flatten();
    all.filter(|content| matches!(content, Content::Text(_))).map(Content::len).sum()
}

/// Returns whether an action of the user only tried a command of the agent.
fn is_trial(session: &Session, id: &ActionId) -> bool {
    let finished = session.actions.get(id).and_then(|state| state.finished.as_ref());
    finished.and_then(|finished| finished.layer.as_ref()).is_some_and(|layer| layer.previews.is_some())
}

/// The reason that a file of an edit counts: either name is guarded, and the part that changes matters.
fn counts(file: &FileEdit) -> Option<&'static str> {
    let from = file.from.as_ref().and_then(|from| guarded(from.as_str()));
    let own = guarded(file.path.as_str()).filter(|guard| guard.manifest.is_none() || guard.manifest != spared(file));
    Some(own.or(from)?.what)
}

fn rail_words(rail: Option<&Rail>) -> &'static str {
    match rail {
        Some(Rail::Infrastructure) => "infrastructure",
        Some(Rail::GuardedFile | Rail::Other(_)) | None => "a guarded file",
    }
}
