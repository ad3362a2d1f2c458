//! Runs of batches of changes, and verdicts from those runs, for each family of test runners.

mod batch;
mod compiled;
mod probe;
mod schemata;

pub use batch::{DRIVER, FOLDER};

use super::bench::Bench;
use super::project::Project;
use super::runner::Runner;
use crate::model::Command;
use std::collections::BTreeMap;

/// A place in a trace or message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    pub path: String,
    pub line: u32,
    pub function: String,
}

/// One test as the baseline saw it.
#[derive(Debug, Clone, Default)]
pub struct Case {
    pub id: String,
    pub passed: bool,
    pub message: String,
    /// Outermost first.
    pub spots: Vec<Spot>,
    pub ms: u64,
    /// Lines run by this test, by path, where the runner tells.
    pub lines: BTreeMap<String, Vec<u32>>,
}

/// The unchanged project's tests.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    pub cases: Vec<Case>,
    /// Duration of a whole process of the runner, where tests cannot be stopped one by one.
    pub process_ms: Option<u64>,
    /// Set when nothing could be said: it did not build, no tests were found.
    pub problem: Option<String>,
}

impl Baseline {
    /// Ids of failing cases.
    pub fn failing(&self) -> Vec<String> {
        self.cases.iter().filter(|c| !c.passed).map(|c| c.id.clone()).collect()
    }

    /// Ids of passing cases.
    pub fn passing(&self) -> Vec<String> {
        self.cases.iter().filter(|c| c.passed).map(|c| c.id.clone()).collect()
    }
}

/// The effect of one change on the tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Failing tests that pass now.
    pub fixed: Vec<String>,
    /// Of a whole run, made when any was fixed: what passed and what failed.
    pub whole: Option<Whole>,
    /// It could not be built.
    pub unbuilt: bool,
}

/// All tests under one change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whole {
    pub passed: Vec<String>,
    pub failed: Vec<String>,
    /// The run came to its own end.
    pub ended: bool,
}

/// The commands a trial permission must cover, in the order trials name them.
pub fn commands(project: &Project) -> Vec<Command> {
    let whole = Command::argv(project.whole_command());
    let driver = match &project.runner {
        Runner::Unittest { python, .. } | Runner::Pytest { python, .. } => {
            Command::argv(python.iter().cloned().chain([format!("{FOLDER}/trial.py")]))
        }
        Runner::Node { .. } => Command::argv(["node".to_owned(), format!("{FOLDER}/trial.cjs")]),
        Runner::Cargo { .. } | Runner::Go => Command::argv(["sh".to_owned(), format!("{FOLDER}/trial.sh")]),
    };
    vec![whole, driver]
}

/// Runs the unchanged project (with `overlay` applied) and collects the result and the lines of each test.
pub async fn baseline<B: Bench>(bench: &mut B, project: &Project, overlay: &Overlay) -> Result<Baseline, B::Error> {
    match &project.runner {
        Runner::Unittest { .. } | Runner::Pytest { .. } | Runner::Node { .. } => {
            batch::baseline(bench, project, overlay).await
        }
        Runner::Cargo { .. } | Runner::Go => compiled::baseline(bench, project, overlay).await,
    }
}

/// Tries a batch; verdicts by index into `batch`, absent when time ran out before it was reached.
pub async fn attempt<B: Bench>(
    bench: &mut B,
    project: &Project,
    overlay: &Overlay,
    batch: &[Attempt],
    limits: &Limits<'_>,
) -> Result<BTreeMap<usize, Verdict>, B::Error> {
    match &project.runner {
        Runner::Unittest { .. } | Runner::Pytest { .. } | Runner::Node { .. } => {
            batch::attempt(bench, project, overlay, batch, limits).await
        }
        Runner::Cargo { .. } | Runner::Go => compiled::attempt(bench, project, overlay, batch, limits).await,
    }
}

/// Texts that differ from the project's own: repairs kept so far.
pub type Overlay = BTreeMap<String, String>;

/// One change: the new text of its file, and the place of the change in the present text.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub path: String,
    pub text: String,
    /// The changed function's body in the present text and what it becomes, when the change is within one.
    pub body: Option<(std::ops::Range<usize>, String)>,
}

/// The limits for runs of a batch.
#[derive(Debug, Clone)]
pub struct Limits<'a> {
    /// Failing tests to examine first.
    pub focus: &'a [String],
    /// CPU time of one test, seconds.
    pub test_cpu_s: f64,
    /// Duration of starting the runner, milliseconds.
    pub process_ms: u64,
    /// The whole batch, milliseconds.
    pub batch_ms: u64,
}
