//! The parts of an action that rules judge one by one.

use crate::model::action::{Action, ActionBody, Command, FileChange};
use crate::policy::command::shell::{self, Script};
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
    /// Something done to one path, as written.
    Path { op: Op, path: String, cwd: PathBuf },
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
        let at = |op, path: &str| Self::Path { op, path: path.to_owned(), cwd: place.root.clone() };
        let mut out: Vec<Self> = Vec::new();
        for file in action.files() {
            out.push(match file.change {
                FileChange::Modify | FileChange::Rename => at(Op::Write, file.path.as_str()),
                FileChange::Create => at(Op::Create, file.path.as_str()),
                FileChange::Delete => at(Op::Delete, file.path.as_str()),
            });
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
