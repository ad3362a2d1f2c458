//! Other sessions on the same files: told what this one does, asked about what it sees, and named to the user once.

use super::Actor;
use crate::base::{ActionId, Digest, RelPath};
use crate::model::Kind;
use crate::model::event::{ChangedBy, FileOutcome, Isolation};
use crate::model::session::Phase;
use crate::port::Changed;

impl Actor {
    /// Says which other sessions are here, each once.
    pub(super) fn meet_neighbors(&mut self) {
        for session in self.neighbors.present() {
            if self.met.insert(session.clone()) {
                let text = format!("session {session} is working on the same files: its changes are shown as its own");
                self.alarm("shared_workspace", text);
            }
        }
    }

    /// These files are about to be left so, or were.
    pub(super) fn tell_neighbors(&self, files: &[FileOutcome]) {
        let files: Vec<(RelPath, Option<Digest>)> = files.iter().map(|f| (f.path.clone(), f.after)).collect();
        if !files.is_empty() {
            self.neighbors.leaves(&files, self.book.now());
        }
        self.tell_work();
    }

    /// Something of this session may change files without naming them: a command, or an agent that writes by itself.
    pub(super) fn tell_work(&self) {
        let session = &self.book.session;
        let is_apart = session.agent.agent.isolation == Isolation::Copy;
        let works = session.turn.is_some() && !self.maker.is_embedded() && !is_apart;
        let mut open = session.actions.open();
        let runs =
            open.any(|s| s.phase == Phase::Running && s.action.kind == Kind::Command && s.action.trial.is_none());
        self.neighbors.at_work(works || runs, self.book.now());
    }

    /// The agent may carry this edit out now.
    pub(super) fn tell_release(&self, action: &ActionId) {
        let files = self.book.session.actions.get(action).and_then(|state| state.action.files.clone());
        self.tell_neighbors(&super::effects::expected(&files.unwrap_or_default()));
    }

    /// The change with what the other sessions say taken in, and whether it is not certain that it is theirs. What this
    /// session itself wrote stays its own; the user's is only what no session can have done.
    pub(super) fn or_neighbor(&self, by: ChangedBy, changed: &Changed) -> (ChangedBy, bool) {
        let (path, after) = (changed.rel.as_ref(), changed.after);
        if self.is_left(&by, changed) {
            return (by, false);
        }
        match self.neighbors.author(path, after, self.book.now()) {
            Some(other) if other.certain => (ChangedBy::Session(other.session), false),
            Some(other) if by == ChangedBy::Human => (ChangedBy::Session(other.session), true),
            Some(_) | None => (by, false),
        }
    }
}
