//! The changes of a candidate that can be proposed, and those left in it with a reason. One file that is too large or
//! cannot be read never keeps the others back.

use super::{candidate_error, read};
use crate::base::RelPath;
use crate::model::{FileChange, Node, NodeKind};
use crate::port::{CandidateChange, CandidateChanges, WorkspaceError};
use crate::workspace::candidate::{AgentCopy, own_node};
use crate::workspace::checkpoint::{Difference, Entry, EntryKind};
use crate::workspace::limits;
use crate::workspace::root::Root;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Changes while they are gathered.
pub struct Changes<'a> {
    copy: &'a dyn AgentCopy,
    source: &'a Root,
    /// Where a directory and something else would have to take each other's place.
    turned: BTreeSet<PathBuf>,
    told: CandidateChanges,
    bytes: u64,
    /// Changed files by the ignored path that holds them.
    ignored: BTreeMap<PathBuf, Vec<CandidateChange>>,
    more: usize,
}

impl Changes<'_> {
    /// All of a copy's changes, but for those that the workspace, `source`, has by now.
    pub fn of(copy: &mut dyn AgentCopy, source: &Root) -> Result<CandidateChanges, WorkspaceError> {
        let differences = copy.changes().map_err(candidate_error)?;
        let told = CandidateChanges::default();
        let turned: BTreeSet<PathBuf> = differences.iter().filter_map(|changed| turned(source, changed)).collect();
        let mut gathered =
            Changes { copy, source, turned: turned.clone(), told, bytes: 0, ignored: BTreeMap::new(), more: 0 };
        for top in turned {
            let why = "not proposed: a directory and something else took each other's place, with all that is in it";
            gathered.leave(&top, why.to_owned());
        }
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
        let ignored = self.copy.ignored_at(&changed.path);
        if is_any(EntryKind::Directory) && ignored.is_some() {
            return Ok(());
        }
        if changed.path.ancestors().any(|above| self.turned.contains(above)) {
            return Ok(());
        }
        let max = crate::base::limits::EDIT_FILE_BYTES_MAX as u64;
        let too_large = || format!("not proposed: it is over the limit of {max} bytes for edits");
        if is_any(EntryKind::Large) {
            return Err(too_large());
        }
        if is_any(EntryKind::Unknown) {
            return Err("not proposed: it cannot be read".to_owned());
        }
        if after.is_none() && self.copy.is_special(&changed.path) {
            return Err("not proposed: it is now a pipe, a socket or a device".to_owned());
        }
        let path = RelPath::from_path(&changed.path).map_err(|error| format!("not proposed: {error}"))?;
        let content = |entry: Entry| self.copy.store().get(&entry.digest).map_err(|error| error.to_string());
        let before_bytes = before.filter(|entry| entry.kind != EntryKind::Directory);
        let former = before_bytes.map(content).transpose()?.flatten();
        let present = after.map(|after| self.present(&changed.path, own_node(before, after), max)).transpose()?;
        if self.is_in_place(&path, present.as_ref(), max) {
            return Ok(());
        }
        let sides = [former.as_ref(), present.as_ref().map(|(_, bytes)| bytes)];
        let bytes: u64 = sides.into_iter().flatten().map(|bytes| bytes.len() as u64).sum();
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
        let change = CandidateChange { path, change, before: former, after: present };
        match ignored {
            Some(top) => self.ignored.entry(top).or_default().push(change),
            None => self.told.files.push(change),
        }
        Ok(())
    }

    /// The node that the agent has, with its bytes.
    fn present(&self, path: &Path, node: Node, bytes_max: u64) -> Result<(Node, Vec<u8>), String> {
        let bytes = match node.kind {
            NodeKind::Directory => Vec::new(),
            NodeKind::File | NodeKind::Link => {
                self.copy.read(path, bytes_max).map_err(|error| format!("not proposed: {error}"))?
            }
        };
        Ok((node, bytes))
    }

    /// Returns whether the workspace has exactly this already.
    fn is_in_place(&self, path: &RelPath, wanted: Option<&(Node, Vec<u8>)>, bytes_max: u64) -> bool {
        match (read::node(self.source, Path::new(path.as_str()), bytes_max), wanted) {
            (Ok(None), None) => true,
            (Ok(Some(image)), Some((node, bytes))) => {
                let is_mode = node.mode.is_none() || node.mode == image.node.mode;
                image.node.kind == node.kind && is_mode && image.bytes == *bytes
            }
            (Ok(None | Some(_)) | Err(_), _) => false,
        }
    }

    fn finish(mut self) -> CandidateChanges {
        for (top, changes) in std::mem::take(&mut self.ignored) {
            let after = |change: &CandidateChange| change.after.as_ref().map_or(0, |(_, bytes)| bytes.len() as u64);
            let before = |change: &CandidateChange| change.before.as_ref().map_or(0, |bytes| bytes.len() as u64);
            let bytes: u64 = changes.iter().map(|change| before(change).saturating_add(after(change))).sum();
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

/// The path at which a directory of the workspace would have to become something else, or something else a directory.
fn turned(source: &Root, difference: &Difference) -> Option<PathBuf> {
    let kind = |path: &Path| source.path().join(path).symlink_metadata().ok().map(|about| about.is_dir());
    let after = difference.after?;
    let above = difference.path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
    let here = kind(&difference.path).filter(|is_dir| *is_dir != (after.kind == EntryKind::Directory));
    here.map(|_| difference.path.clone())
        .or_else(|| above.into_iter().find(|above| kind(above) == Some(false)).map(Path::to_path_buf))
}
