//! Known facts about the files of the workspace: observed changes, recorded trees, and the time of each file's last
//! change.

use super::Actions;
use crate::base::Seq;
use crate::model::action::{FileChange, Kind};
use crate::model::event::{ChangedBy, Checkpointed, Observed, Watching};
use crate::model::limits::CHANGES_KEPT_MAX;
use std::collections::VecDeque;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Disk {
    /// The newest observed changes of files, bounded; without what the files held, which the record has.
    pub changes: VecDeque<(Seq, Observed)>,
    /// The last fact that changed a file of the workspace: what was tested before it says nothing about the files now.
    pub changed_at: Seq,
    /// Recorded trees in order: each with its place in the journal.
    pub checkpoints: Vec<(Seq, Checkpointed)>,
    pub watching: Option<Watching>,
}

/// What editors put beside a file while it is open: Vim's swap files and its test for writing, backups, and the locks and
/// automatic saves of Emacs.
fn is_scratch(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_swap = name.starts_with('.') && [".swp", ".swo", ".swx"].iter().any(|end| name.ends_with(end));
    let is_saved = name.starts_with('#') && name.ends_with('#');
    is_swap || is_saved || name == "4913" || name.ends_with('~') || name.starts_with(".#")
}

impl Disk {
    pub(super) fn observe(&mut self, seq: Seq, body: &Observed, actions: &Actions) {
        self.changed_at = self.changed_at.max(self.changes_files_at(seq, body, actions).unwrap_or_default());
        let kept = Observed { sides: None, ..body.clone() };
        super::push_bounded(&mut self.changes, (seq, kept), CHANGES_KEPT_MAX);
    }

    /// The content that an edit wrote was noted when it finished, and the files that a run of checks creates are part
    /// of the run. A file that was there before and changed while it ran was not what was tested. The watcher reports
    /// late: what changed while a command ran changed before the command ended.
    fn changes_files_at(&self, seq: Seq, body: &Observed, actions: &Actions) -> Option<Seq> {
        if body.ignored || is_scratch(&body.path) {
            return None;
        }
        let (id, created) = match &body.by {
            ChangedBy::Session(_) | ChangedBy::Human | ChangedBy::Unsupervised => return Some(seq),
            ChangedBy::Action(id) => (id, None),
            ChangedBy::During(id) => (id, Some(self.is_created_during(body))),
        };
        let state = actions.get(id)?;
        let counts = match created {
            None => state.action.kind() == Kind::Command && !state.action.checks,
            Some(created) => !state.action.checks || !created,
        };
        counts.then(|| state.times.finished_seq.unwrap_or(seq))
    }

    /// Returns whether the file was created while the same action ran.
    fn is_created_during(&self, body: &Observed) -> bool {
        let mut earlier = self.changes.iter().map(|(_, o)| o).filter(|o| o.path == body.path && o.by == body.by);
        body.change == FileChange::Create || earlier.any(|o| o.change == FileChange::Create)
    }
}

#[cfg(test)]
mod tests {
    use super::is_scratch;

    #[test]
    fn what_an_editor_puts_beside_a_file_is_known() {
        for path in ["src/.a.rs.swp", ".a.swx", "a.rs~", "src/4913", ".#a.rs", "#a.rs#"] {
            assert!(is_scratch(path), "{path}");
        }
        for path in ["src/a.rs", ".env", "swp", "a.swp", "~/a", ".gitignore", "#a.rs"] {
            assert!(!is_scratch(path), "{path}");
        }
    }
}
