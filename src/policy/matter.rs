//! The parts of an action that rules judge one by one.

use crate::model::action::{Action, ActionBody, Command, Content, FileChange, FileEdit};
use crate::model::node::NodeKind;
use crate::policy::command::shell::{self, Script};
use crate::policy::guarded::{Manifest, guarded};
use crate::policy::place::Place;
use std::path::{Path, PathBuf};

/// An operation on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    Read,
    Write,
    Create,
    Delete,
}

impl Op {
    /// The word on the wire; `None` for one that is not known.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "read" | "list" | "search" => Some(Self::Read),
            "write" | "modify" | "edit" | "rename" => Some(Self::Write),
            "create" => Some(Self::Create),
            "delete" => Some(Self::Delete),
            _ => None,
        }
    }

    /// In words that go before a path.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Read => "reads",
            Self::Write => "changes",
            Self::Create => "creates",
            Self::Delete => "deletes",
        }
    }
}

/// One thing that an action does.
#[derive(Debug, Clone)]
pub enum Matter {
    /// A command line, read, and where it starts.
    Command { line: String, script: Script, cwd: PathBuf },
    /// Something done to one path, as written. `spares`: the content was compared, and what counts in a manifest of this
    /// kind stays as it is.
    Path { op: Op, path: String, cwd: PathBuf, spares: Option<Manifest> },
    /// An address that is contacted.
    Network(String),
    /// A change of the plan.
    Plan,
    /// Anything else; what, in words.
    Other(String),
}

impl Matter {
    /// A line of shell.
    pub fn line(line: &str, cwd: &Path) -> Self {
        Self::Command { line: line.to_owned(), script: shell::read(line), cwd: cwd.to_owned() }
    }

    /// A command as an action carries it.
    pub fn command(command: &Command, place: &Place<'_>) -> Self {
        let mut script = match (&command.shell, &command.argv) {
            (Some(text), None) => shell::read(text),
            (None, Some(argv)) => shell::exactly(argv),
            (Some(_), Some(_)) | (None, None) => shell::exactly(&[]),
        };
        if !command.env.is_empty() {
            script.doubts.push("it sets variables".to_owned());
            script.simples.clear();
        }
        Self::Command { line: command.line(), script, cwd: place.root.join(&command.cwd) }
    }

    /// Everything that an action does.
    pub fn of(action: &Action, place: &Place<'_>) -> Vec<Self> {
        let at = |op, path: &str| Self::Path { op, path: path.to_owned(), cwd: place.root.clone(), spares: None };
        let mut out: Vec<Self> = Vec::new();
        for file in action.files() {
            let op = match file.change {
                FileChange::Modify | FileChange::Rename => Op::Write,
                FileChange::Create => Op::Create,
                FileChange::Delete => Op::Delete,
            };
            let (path, cwd) = (file.path.as_str().to_owned(), place.root.clone());
            out.push(Self::Path { op, path, cwd, spares: spared(file) });
            out.extend(file.from.as_ref().map(|from| at(Op::Delete, from.as_str())));
        }
        out.extend(action.command().into_iter().map(|c| Self::command(c, place)));
        out.extend(action.trial().into_iter().flat_map(|t| &t.commands).map(|c| Self::command(c, place)));
        match &action.body {
            ActionBody::Read(path) => out.push(at(Op::Read, path)),
            ActionBody::Network(address) => out.push(Self::Network(address.clone())),
            ActionBody::Plan(_) => out.push(Self::Plan),
            ActionBody::Edit(_)
            | ActionBody::Command(_)
            | ActionBody::Trials(..)
            | ActionBody::Form(_)
            | ActionBody::Other => {}
        }
        if out.is_empty() {
            out.push(Self::Other(action.title.clone()));
        }
        out
    }
}

/// The kind of manifest of which this edit changes only what is everyday.
pub(super) fn spared(file: &FileEdit) -> Option<Manifest> {
    let manifest = guarded(file.path.as_str())?.manifest?;
    let is_file = [&file.before_node, &file.after_node].into_iter().flatten().all(|node| node.kind == NodeKind::File);
    let Some(Content::Text(after)) = file.after.as_ref().filter(|_| is_file && file.from.is_none()) else {
        return None;
    };
    let before = match (&file.before, file.change) {
        (Some(Content::Text(before)), FileChange::Modify) => Some(before.as_str()),
        (None, FileChange::Create) => None,
        _ => return None,
    };
    manifest.is_everyday(file.path.as_str(), before, after).then_some(manifest)
}
