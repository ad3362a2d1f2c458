//! The tools a model is offered, their schemas, and what a call of one means.
//!
//! A call is read leniently (models have their own names for things) and answered strictly: what is missing is
//! named, so that the next call can be right. Nothing here does anything; [`Act`] is data.

mod read_call;
mod schema;

pub use read_call::{meant, read_call};
pub use schema::{Wording, names, specs};

use super::edits::Swap;
use crate::model::StepStatus;

/// The reason for a call, in the model's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intent {
    /// The reason.
    pub why: String,
    /// The expected effect.
    pub expect: String,
    /// The evidence: `path:line`, a test's name, a quotation.
    pub evidence: Vec<String>,
    /// The plan step it belongs to.
    pub step: Option<String>,
}

/// One step of a proposed plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedStep {
    /// The id of a step that exists already, if the model names one.
    pub id: Option<String>,
    /// The title of the step.
    pub title: String,
    /// The status of the step.
    pub status: StepStatus,
    /// The depth; 0 is the top.
    pub depth: usize,
}

/// The content of a tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Show a file or a part of it. Lines count from 1; 0 lines = as many as fit.
    Read {
        path: String,
        from_line: usize,
        lines: usize,
    },
    /// Name the files below a directory.
    List {
        path: String,
    },
    /// Find a regular expression in files.
    Search {
        pattern: String,
        path: String,
        ignore_case: bool,
    },
    /// Replace text within a file.
    Edit {
        path: String,
        swaps: Vec<Swap>,
    },
    /// Apply a patch.
    Patch {
        patch: String,
    },
    /// Write a whole file.
    Write {
        path: String,
        content: String,
    },
    Delete {
        path: String,
    },
    Move {
        from: String,
        to: String,
    },
    /// Run a command line.
    Run {
        command: String,
        cwd: String,
        timeout_s: u64,
    },
    /// Run the tests.
    Test {
        command: Option<String>,
    },
    /// Propose or update the plan.
    Plan {
        steps: Vec<PlannedStep>,
    },
    /// Tell the supervisor something without doing anything.
    Explain {
        text: String,
    },
    /// Ask the supervisor.
    Ask {
        question: String,
    },
    /// Show more of a long output.
    More {
        reference: String,
        from: usize,
    },
    /// A reviewer's objection.
    Object {
        text: String,
    },
    /// The work is done or given up.
    Finish {
        report: String,
        done: bool,
    },
}

impl Act {
    /// Returns whether it would change files or run something.
    pub fn changes_things(&self) -> bool {
        match self {
            Act::Edit { .. }
            | Act::Patch { .. }
            | Act::Write { .. }
            | Act::Delete { .. }
            | Act::Move { .. }
            | Act::Run { .. } => true,
            Act::Read { .. }
            | Act::List { .. }
            | Act::Search { .. }
            | Act::Test { .. }
            | Act::Plan { .. }
            | Act::Explain { .. }
            | Act::Ask { .. }
            | Act::More { .. }
            | Act::Object { .. }
            | Act::Finish { .. } => false,
        }
    }

    /// The files it would change, as the model named them.
    pub fn files(&self) -> Vec<String> {
        match self {
            Act::Edit { path, .. } | Act::Write { path, .. } | Act::Delete { path } => vec![path.clone()],
            Act::Move { from, to } => vec![from.clone(), to.clone()],
            Act::Patch { patch } => super::edits::patch::parse(patch)
                .map(|files| files.iter().map(|file| file.path().to_owned()).collect())
                .unwrap_or_default(),
            Act::Read { .. }
            | Act::List { .. }
            | Act::Search { .. }
            | Act::Run { .. }
            | Act::Test { .. }
            | Act::Plan { .. }
            | Act::Explain { .. }
            | Act::Ask { .. }
            | Act::More { .. }
            | Act::Object { .. }
            | Act::Finish { .. } => Vec::new(),
        }
    }
}
