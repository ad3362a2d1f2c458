//! The workspace compared with an earlier state of it: what a step of the plan did, or everything since a checkpoint or
//! the last commit. Computed beside the actor; nothing is changed.

use super::clients::Responder;
use super::gate::Gate;
use super::limits::{COMPARE_BYTES_MAX, COMPARE_FILES_MAX, COMPARE_INLINE_BYTES_MAX, COMPARES_AT_ONCE_MAX};
use crate::base::{Digest, RelPath, StepId};
use crate::model::event::FileOutcome;
use crate::model::{Content, FileChange, FileEdit, Moment, Node, NodeKind, Session};
use crate::port::{TreeChange, Workspace, WorkspaceError};
use crate::wire::{Answer, Code, Compare, Compared, RpcError};
use std::collections::BTreeMap;
use tokio::sync::Semaphore;

/// What is compared with what.
enum Scope {
    /// These changes, whatever became of the files.
    Changes(Vec<TreeChange>),
    /// A recorded tree, with the workspace as it is.
    Tree(Digest),
    /// The last commit, with the workspace as it is.
    Head,
}

/// Each records the tree: a client that asks again and again waits for its turn elsewhere.
static AT_ONCE: Semaphore = Semaphore::const_new(COMPARES_AT_ONCE_MAX);

pub fn answer(gate: &Gate, compare: Compare, reply: Responder) {
    let Ok(turn) = AT_ONCE.try_acquire() else {
        let why = "other comparisons are being computed: try again in a moment";
        return drop(reply.send(Err(RpcError::new(Code::Overloaded, why))));
    };
    let scope = match scope(gate.session(), compare) {
        Ok(scope) => scope,
        // A client that is gone needs no answer.
        Err(why) => return drop(reply.send(Err(RpcError::invalid(why)))),
    };
    let (workspace, seq) = (gate.workspace().clone(), gate.session().head);
    tokio::spawn(async move {
        let _turn = turn;
        let changes = match scope {
            Scope::Changes(changes) => Ok(changes),
            Scope::Tree(tree) => match workspace.snapshot().await {
                Ok(now) => {
                    let workspace = workspace.clone();
                    let compared = tokio::task::spawn_blocking(move || workspace.tree_changes(tree, now));
                    compared.await.unwrap_or_else(|lost| Err(WorkspaceError::Refused(lost.to_string())))
                }
                Err(why) => Err(why),
            },
            Scope::Head => match workspace.snapshot().await {
                Ok(now) => workspace.head_changes(now).await,
                Err(why) => Err(why),
            },
        };
        let changes = match changes {
            Ok(changes) => changes,
            Err(why) => return drop(reply.send(Err(RpcError::invalid(why.to_string())))),
        };
        let edits = tokio::task::spawn_blocking(move || edits(workspace.as_ref(), changes));
        let compared = edits.await.map_err(|why| RpcError::invalid(why.to_string()));
        let answer = compared.map(|(files, left_out)| Answer::Compare(Compared { files, left_out, seq }));
        let _ = reply.send(answer);
    });
}

fn scope(session: &Session, compare: Compare) -> Result<Scope, String> {
    let mut checkpoints = session.disk.checkpoints.iter().map(|(_, made)| made);
    match compare {
        Compare::Session => {
            let start = checkpoints.find(|made| made.when == Moment::Start).map(|made| made.tree);
            start.map(Scope::Tree).ok_or_else(|| "the start of the session was not recorded".to_owned())
        }
        Compare::Tree { tree } => match checkpoints.any(|made| made.tree == tree) {
            true => Ok(Scope::Tree(tree)),
            false => Err("there is no such checkpoint".to_owned()),
        },
        Compare::Step { step } => match session.plan.step(&step) {
            Some(_) => Ok(Scope::Changes(of_step(session, &step))),
            None => Err(format!("the plan has no step {step}")),
        },
        Compare::Head => Ok(Scope::Head),
    }
}

/// One side of a path.
type Side = (Option<Digest>, Option<Node>);

/// The net change of what the actions of a step left, file by file.
fn of_step(session: &Session, step: &StepId) -> Vec<TreeChange> {
    let mut net: BTreeMap<RelPath, (Side, Side)> = BTreeMap::new();
    let mut note = |path: &RelPath, before: Side, after: Side| {
        net.entry(path.clone()).and_modify(|(_, last)| *last = after).or_insert((before, after));
    };
    let own = session.actions.iter().filter(|state| {
        state.action.step.as_ref().is_some_and(|of| session.plan.is_within(of, step)) && !state.action.checks
    });
    for file in own.filter_map(|state| state.finished.as_ref()?.files.as_ref()).flatten() {
        let FileOutcome { path, from, before, after, before_node, after_node, .. } = file;
        match from {
            Some(from) => {
                note(from, (*before, *before_node), (None, None));
                note(path, (None, None), (*after, *after_node));
            }
            None => note(path, (*before, *before_node), (*after, *after_node)),
        }
    }
    let changed = net.into_iter().filter(|(_, (before, after))| before != after);
    changed
        .map(|(path, (before, after))| TreeChange {
            path,
            before: before.0,
            after: after.0,
            before_node: before.1,
            after_node: after.1,
            before_bytes: None,
        })
        .collect()
}

/// The changes as edits, with as much of their contents as is sent at once; and how many files are left out.
fn edits(workspace: &dyn Workspace, changes: Vec<TreeChange>) -> (Vec<FileEdit>, usize) {
    let is_directory = |node: Option<Node>| node.is_some_and(|node| node.kind == NodeKind::Directory);
    let mut files: Vec<FileEdit> = Vec::new();
    let (mut read, mut inline) = (COMPARE_BYTES_MAX, COMPARE_INLINE_BYTES_MAX);
    let mut content = |digest: Option<Digest>, length: Option<u64>| {
        let digest = digest?;
        let bytes = if read > 0 { workspace.stored(digest).ok().flatten() } else { None };
        let Some(bytes) = bytes else {
            let bytes = length.or_else(|| workspace.stored_bytes(digest)).unwrap_or(0);
            return Some(Content::Blob { digest, bytes });
        };
        read = read.saturating_sub(bytes.len());
        let content = Content::of(&bytes);
        if content.text().is_some() && bytes.len() <= inline {
            inline -= bytes.len();
            return Some(content);
        }
        Some(Content::Blob { digest, bytes: bytes.len() as u64 })
    };
    // Directories come and go with what is in them.
    let is_file = |change: &TreeChange| !is_directory(change.before_node) && !is_directory(change.after_node);
    let changes: Vec<TreeChange> = changes.into_iter().filter(is_file).collect();
    let left_out = changes.len().saturating_sub(COMPARE_FILES_MAX);
    for change in changes.into_iter().take(COMPARE_FILES_MAX) {
        let (before, after) = (content(change.before, change.before_bytes), content(change.after, None));
        let kind = match (&before, &after) {
            (None, _) => FileChange::Create,
            (Some(_), None) => FileChange::Delete,
            (Some(_), Some(_)) => FileChange::Modify,
        };
        let edit = FileEdit {
            path: change.path,
            change: kind,
            from: None,
            before,
            after,
            before_node: change.before_node,
            after_node: change.after_node,
        };
        files.push(edit);
    }
    (paired(files), left_out)
}

/// A file that is gone and a new one of the same content are one that was renamed.
fn paired(files: Vec<FileEdit>) -> Vec<FileEdit> {
    let mut gone: BTreeMap<Digest, RelPath> = BTreeMap::new();
    for file in files.iter().filter(|file| file.change == FileChange::Delete) {
        if let Some(content) = file.before.as_ref().filter(|content| content.digest() != Digest::of(b"")) {
            gone.insert(content.digest(), file.path.clone());
        }
    }
    let mut moved: BTreeMap<RelPath, RelPath> = BTreeMap::new();
    for file in files.iter().filter(|file| file.change == FileChange::Create) {
        if let Some(from) = file.after.as_ref().and_then(|content| gone.remove(&content.digest())) {
            moved.insert(file.path.clone(), from);
        }
    }
    let sources: BTreeMap<&RelPath, &FileEdit> = files.iter().map(|file| (&file.path, file)).collect();
    let is_source = |path: &RelPath| moved.values().any(|from| from == path);
    let edit = |file: &FileEdit| {
        let Some(from) = moved.get(&file.path) else { return file.clone() };
        let source = sources.get(from);
        FileEdit {
            change: FileChange::Rename,
            from: Some(from.clone()),
            before: source.and_then(|source| source.before.clone()),
            before_node: source.and_then(|source| source.before_node),
            ..file.clone()
        }
    };
    files.iter().filter(|file| !is_source(&file.path)).map(edit).collect()
}
