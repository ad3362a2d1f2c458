//! The changes that an undo or a rewind may revert without asking: those that are certainly an action's own. Everything
//! else may be the user's and takes a choice, which `files` carries.

use super::Gate;
use crate::base::{Digest, RelPath, Seq};
use crate::host::limits::{REVERT_CHANGES_LISTED_MAX, REVERT_CHANGES_NAMED_MAX};
use crate::model::event::{ChangedBy, FileOutcome};
use crate::model::session::ActionState;
use crate::model::{FileChange, Node, NodeKind};
use crate::port::TreeChange;
use crate::wire::{ChoiceNeeded, Code, Revertible, RpcError};
use std::collections::{BTreeMap, BTreeSet};

/// The changes that an undo or a rewind would revert.
pub struct Listing<'a> {
    /// The undo or rewind, in words.
    pub what: String,
    pub changes: &'a [Revertible],
    /// Of a rewind: the workspace's tree that the changes lead back from.
    pub tree: Option<Digest>,
}

impl Listing<'_> {
    /// The paths to revert, by the choice that was made, or all of them where none is needed.
    ///
    /// # Errors
    /// When a choice is needed and missing, or names a path that is not among the changes.
    pub fn chosen(&self, files: Option<Vec<RelPath>>) -> Result<BTreeSet<RelPath>, RpcError> {
        let all: BTreeSet<&RelPath> = self.changes.iter().map(|change| &change.path).collect();
        if let Some(files) = files {
            if let Some(other) = files.iter().find(|path| !all.contains(path)) {
                let what = &self.what;
                let text =
                    format!("{what} would not change {other}: `files` may contain only paths that it would change");
                return Err(RpcError::new(Code::InvalidParams, text));
            }
            return Ok(files.into_iter().collect());
        }
        if self.changes.iter().all(|change| change.certain) {
            return Ok(all.into_iter().cloned().collect());
        }
        Err(self.refused(self.doubt()))
    }

    /// Checks that no chosen path is among the changes since the user was shown a list.
    ///
    /// # Errors
    /// With the list as it is now.
    pub fn unchanged(&self, chosen: &BTreeSet<RelPath>, since: &[TreeChange]) -> Result<(), RpcError> {
        let Some(path) = since.iter().map(|change| &change.path).find(|path| chosen.contains(path)) else {
            return Ok(());
        };
        let what = &self.what;
        Err(self.refused(format!(
            "{path} has changed since the list was made, and {what} would overwrite that. Nothing was reverted; choose from the new list"
        )))
    }

    /// Names the changes that may be the user's.
    fn doubt(&self) -> String {
        let doubtful: Vec<&Revertible> = self.changes.iter().filter(|change| !change.certain).collect();
        let named: Vec<String> = doubtful
            .iter()
            .take(REVERT_CHANGES_NAMED_MAX)
            .map(|change| format!("{} ({})", change.path, change.words()))
            .collect();
        let more = match doubtful.len().saturating_sub(named.len()) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let count = if doubtful.len() == 1 { "1 change".to_owned() } else { format!("{} changes", doubtful.len()) };
        format!(
            "{} would revert {count} that may be yours: {}{more}. Nothing was reverted; repeat the request with `files` set to the paths to revert",
            self.what,
            named.join(", ")
        )
    }

    /// The refusal with the changes in its data: what may be the user's is listed first where not everything fits.
    fn refused(&self, text: String) -> RpcError {
        let (certain, doubtful): (Vec<_>, Vec<_>) = self.changes.iter().partition(|change| change.certain);
        let data = ChoiceNeeded {
            changes: doubtful.into_iter().chain(certain).take(REVERT_CHANGES_LISTED_MAX).cloned().collect(),
            left_out: self.changes.len().saturating_sub(REVERT_CHANGES_LISTED_MAX),
            listed: self.tree,
        };
        RpcError { data: serde_json::to_value(data).ok(), ..RpcError::new(Code::ChoiceNeeded, text) }
    }
}

/// One step of a file from before to after, as an action left it.
struct Link<'a> {
    before: (Option<Digest>, Option<Node>),
    after: (Option<Digest>, Option<Node>),
    by: &'a ActionState,
}

/// The outcome of an action as a list to choose from.
pub fn revertible_outcome(gate: &Gate, state: &ActionState, file: &FileOutcome) -> Revertible {
    let id = state.action.id.clone();
    let certain = state.is_certain(file);
    let by = Some(if certain { ChangedBy::Action(id) } else { ChangedBy::During(id) });
    let seq = observed(gate, &file.path, file.after).map(|(seq, _)| seq);
    Revertible { path: file.path.clone(), change: file.change, by, seq, certain }
}

/// The newest change of this path, if it is the one that led to this content. An older one with the same result was followed
/// by others: who made the present one is not known yet.
fn observed<'a>(gate: &'a Gate, path: &RelPath, after: Option<Digest>) -> Option<(Seq, &'a ChangedBy)> {
    let newest = gate.session().disk.changes.iter().rev().find(|(_, o)| o.path == path.as_str());
    newest.filter(|(_, o)| o.after == after).map(|(seq, o)| (*seq, &o.by))
}

/// Lists the differences between the workspace now and a recorded tree, from this event on, as a list to choose from. A
/// change is certain where the steps of approved edits alone lead from the recorded content to the present one.
pub fn revertible_since(gate: &Gate, from: Seq, changes: &[TreeChange]) -> Vec<Revertible> {
    let mut steps: BTreeMap<&RelPath, Vec<Link<'_>>> = BTreeMap::new();
    let actions = gate.session().actions.iter().filter(|state| state.times.finished_seq.is_some_and(|at| at > from));
    for state in actions {
        for file in state.finished.iter().flat_map(|f| f.files.iter().flatten()).filter(|f| state.is_certain(f)) {
            let (before, after) = ((file.before, file.before_node), (file.after, file.after_node));
            if let Some(old) = &file.from {
                steps.entry(old).or_default().push(Link { before, after: (None, None), by: state });
            }
            let before = if file.from.is_some() { (None, None) } else { before };
            steps.entry(&file.path).or_default().push(Link { before, after, by: state });
        }
    }
    for links in steps.values_mut() {
        links.sort_by_key(|link| link.by.times.finished_seq);
    }
    changes.iter().map(|change| revertible(gate, change, &steps)).collect()
}

fn revertible(gate: &Gate, change: &TreeChange, steps: &BTreeMap<&RelPath, Vec<Link<'_>>>) -> Revertible {
    let what = match change.sides() {
        (true, false) => FileChange::Create,
        (false, _) => FileChange::Delete,
        (true, true) => FileChange::Modify,
    };
    let links = steps.get(&change.path).map(Vec::as_slice).unwrap_or_default();
    let certain = leads_back(change, links) || is_parent(change, steps);
    let observed = observed(gate, &change.path, change.before);
    let by = match (certain, links.last(), observed) {
        (true, Some(link), _) => Some(ChangedBy::Action(link.by.action.id.clone())),
        (true, None, _) => None,
        (false, _, Some((_, ChangedBy::Action(id)))) => Some(ChangedBy::During(id.clone())),
        (false, _, observed) => observed.map(|(_, by)| by.clone()),
    };
    Revertible { path: change.path.clone(), change: what, by, seq: observed.map(|(seq, _)| seq), certain }
}

/// Returns whether these steps, from the newest back, lead from the present node to the recorded one without a gap.
fn leads_back(change: &TreeChange, links: &[Link<'_>]) -> bool {
    let is_node = |one: Option<Node>, two: Option<Node>| one.zip(two).is_none_or(|(one, two)| one == two);
    let (mut digest, mut node) = (change.before, change.before_node);
    for link in links.iter().rev() {
        if digest != link.after.0 || !is_node(node, link.after.1) {
            continue;
        }
        digest = link.before.0;
        node = match digest {
            // Bits that were not recorded were not changed by it.
            Some(_) => link.before.1.or(node),
            None => link.before.1,
        };
        if digest == change.after && is_node(node, change.after_node) {
            return true;
        }
    }
    false
}

/// Returns whether it is a directory that an approved edit created for one of its files.
fn is_parent(change: &TreeChange, steps: &BTreeMap<&RelPath, Vec<Link<'_>>>) -> bool {
    let is_made = change.before_node.is_some_and(|node| node.kind == NodeKind::Directory) && !change.sides().1;
    let below = format!("{}/", change.path);
    is_made
        && steps.iter().any(|(path, links)| {
            path.as_str().starts_with(&below) && links.iter().any(|link| link.before == (None, None))
        })
}
