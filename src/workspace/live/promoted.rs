//! The changes of a candidate that can be proposed, and those left in it with a reason. One file that is too large,
//! cannot be read or is a link never keeps the others back.

use super::candidate_error;
use crate::base::RelPath;
use crate::model::FileChange;
use crate::port::{CandidateChange, CandidateChanges, WorkspaceError};
use crate::workspace::candidate::{AgentCopy, own_mode};
use crate::workspace::checkpoint::{Difference, Entry, EntryKind};
use crate::workspace::limits;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Changes while they are gathered.
pub struct Changes<'a> {
    copy: &'a dyn AgentCopy,
    told: CandidateChanges,
    bytes: u64,
    /// Changed files by the ignored path that holds them.
    ignored: BTreeMap<PathBuf, Vec<CandidateChange>>,
    more: usize,
}

impl Changes<'_> {
    /// All of a copy's changes.
    pub fn of(copy: &mut dyn AgentCopy) -> Result<CandidateChanges, WorkspaceError> {
        let differences = copy.changes().map_err(candidate_error)?;
        let told = CandidateChanges::default();
        let mut gathered = Changes { copy, told, bytes: 0, ignored: BTreeMap::new(), more: 0 };
        for difference in &differences {
            if let Err(why) = gathered.take(difference) {
                gathered.leave(&difference.path, why);
            }
        }
        Ok(gathered.finish())
    }

    fn leave(&mut self, path: &Path, why: String) {
        if self.told.left.len() < limits::CANDIDATE_LEFT_REPORTED_MAX {
            self.told.left.push(format!("{}: {why}", path.display()));
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn take(&mut self, changed: &Difference) -> Result<(), String> {
        let (before, after) = (changed.before, changed.after);
        let is_any = |kind| [before, after].iter().flatten().any(|entry| entry.kind == kind);
        if [before, after].iter().flatten().all(|entry| entry.kind == EntryKind::Directory) {
            return Ok(());
        }
        let max = crate::base::limits::EDIT_FILE_BYTES_MAX as u64;
        let too_large = || format!("not proposed: it is over the limit of {max} bytes for edits");
        if is_any(EntryKind::Large) {
            return Err(too_large());
        }
        if is_any(EntryKind::Link) {
            return Err("not proposed: it is or was a symbolic link".to_owned());
        }
        if is_any(EntryKind::Unknown) {
            return Err("not proposed: it cannot be read".to_owned());
        }
        if after.is_none() && self.copy.is_special(&changed.path) {
            return Err("not proposed: it is now a pipe, a socket or a device".to_owned());
        }
        let path = RelPath::from_path(&changed.path).map_err(|error| format!("not proposed: {error}"))?;
        let content = |entry: Entry| self.copy.store().get(&entry.digest).map_err(|error| error.to_string());
        let former = before.map(content).transpose()?.flatten();
        let present = after.map(|_| self.copy.read(&changed.path, max)).transpose();
        let present = present.map_err(|error| format!("not proposed: {error}"))?;
        let bytes: u64 = [&former, &present].into_iter().flatten().map(|bytes| bytes.len() as u64).sum();
        if former.as_ref().is_some_and(|bytes| bytes.len() as u64 > max) {
            return Err(too_large());
        }
        self.bytes = self.bytes.saturating_add(bytes);
        let is_full = self.told.files.len() >= limits::CANDIDATE_CHANGES_MAX;
        if is_full || self.bytes > limits::CANDIDATE_CHANGES_BYTES_MAX {
            self.bytes = self.bytes.saturating_sub(bytes);
            return Err("not proposed: too many changes for one proposal".to_owned());
        }
        let change = match (before, after) {
            (None, _) => FileChange::Create,
            (Some(_), None) => FileChange::Delete,
            (Some(_), Some(_)) => FileChange::Modify,
        };
        let change = CandidateChange { path, change, before: former, after: present, mode: own_mode(before, after) };
        match self.copy.ignored_at(&changed.path) {
            Some(top) => self.ignored.entry(top).or_default().push(change),
            None => self.told.files.push(change),
        }
        Ok(())
    }

    fn finish(mut self) -> CandidateChanges {
        for (top, changes) in std::mem::take(&mut self.ignored) {
            let sides = changes.iter().flat_map(|change| [&change.before, &change.after]);
            let bytes: u64 = sides.flatten().map(|bytes| bytes.len() as u64).sum();
            let is_small = changes.len() <= limits::CANDIDATE_IGNORED_CHANGES_MAX
                && bytes <= limits::CANDIDATE_IGNORED_CHANGES_BYTES_MAX;
            if is_small {
                self.told.files.extend(changes);
            } else {
                self.leave(&top, format!("ignored: its {} changed files are not proposed", changes.len()));
            }
        }
        for top in self.copy.changed_behind() {
            self.leave(&top, "ignored: changes in it are not proposed".to_owned());
        }
        if self.more > 0 {
            self.told.left.push(format!("and {} more", self.more));
        }
        self.told.files.sort_by(|one, two| one.path.cmp(&two.path));
        self.told
    }
}
