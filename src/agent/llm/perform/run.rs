//! Commands and tests, and their outcome in words.

use super::outcome::{refused, settle};
use super::reason::Reason;
use super::{GateClient, find, tests_as_they_were};
use crate::agent::llm::limits;
use crate::agent::llm::turn::{Acted, TestsSeen};
use crate::base::limits::RUN_TIMEOUT_MS_DEFAULT;
use crate::model::check::RunReport;
use crate::model::{Body, Command};
use crate::port::{Desk, Interrupted, Performed};

impl GateClient {
    pub(super) async fn run(
        &mut self,
        desk: &mut Desk,
        reason: &Reason,
        mut command: Command,
        checks: bool,
    ) -> Result<Acted, Interrupted> {
        // A command must not outlive the time budget.
        let asked = if command.timeout_ms == 0 { RUN_TIMEOUT_MS_DEFAULT } else { command.timeout_ms };
        if let Some(left) = self.wall_ms_max.filter(|left| *left < asked) {
            command.timeout_ms = left.max(limits::COMMAND_MS_MIN);
        }
        let mut proposal = reason.on(format!("run {}", command.line()), Body::Command(command));
        proposal.checks = checks;
        let settled = desk.propose_unrecorded(proposal).await?;
        let performed = settled.performed.clone();
        let shown = performed.as_ref().map(output).unwrap_or_default();
        let mut acted = settle(settled, shown);
        if let Some(performed) = performed {
            acted.tests = performed.report.as_ref().map(tests_seen);
            acted.changed = !performed.files.is_empty();
        }
        Ok(acted)
    }

    pub(super) async fn test(
        &mut self,
        desk: &mut Desk,
        reason: &Reason,
        asked: Option<String>,
    ) -> Result<Acted, Interrupted> {
        let command = match asked.map(Command::shell).or_else(|| self.project_tests()) {
            Some(command) => command,
            None => {
                let words = "no test runner was recognized; call `test` with a `command`";
                return Ok(refused(words.to_owned()));
            }
        };
        let mut acted = self.run(desk, reason, command.clone(), true).await?;
        if acted.tests.is_some() && !self.originals.is_empty() {
            let words = tests_as_they_were::run(desk, &command, std::mem::take(&mut self.originals)).await?;
            acted.text.push_str(&format!("\n{words}"));
            acted.caveat = Some(format!("tests were changed while they failed. {words}"));
        }
        Ok(acted)
    }

    pub(super) fn project_tests(&self) -> Option<Command> {
        if let Some(command) = &self.test_command {
            return Some(command.clone());
        }
        find::test_command(self.workspace.as_ref())
    }
}

/// A command's output with its totals.
fn output(performed: &Performed) -> String {
    let mut out = String::new();
    if let Some(exit) = performed.exit {
        out.push_str(&format!("Exit code {exit}.\n"));
    }
    if performed.timed_out {
        out.push_str("It timed out and was stopped.\n");
    }
    if let Some(report) = &performed.report {
        let seen = &report.finished;
        out.push_str(&format!("Tests: {} passed, {} failed, {} skipped.\n", seen.passed, seen.failed, seen.skipped));
        if let Some(problem) = &seen.problem {
            out.push_str(&format!("{problem}\n"));
        }
        out.push_str(&failures(report));
    }
    if !performed.tail.is_empty() {
        out.push_str("Output:\n");
        out.push_str(&performed.tail);
    }
    out
}

fn failures(report: &RunReport) -> String {
    let failing = report.cases.iter().filter(|case| case.status.is_bad()).take(limits::FAILURES_REPORTED_MAX);
    failing
        .map(|case| {
            let place = match (&case.file, case.line) {
                (Some(file), Some(line)) => format!(" at {file}:{line}"),
                (Some(file), None) => format!(" in {file}"),
                (None, _) => String::new(),
            };
            let message = case.message.as_deref().unwrap_or_default();
            let message: String = message.chars().take(limits::FAILURE_CHARS_MAX).collect();
            format!("Failed: {}{place}\n{message}\n", case.case)
        })
        .collect()
}

/// The totals the machine goes by.
fn tests_seen(report: &RunReport) -> TestsSeen {
    TestsSeen { green: report.finished.is_green(), failed: report.finished.failed, failures: failures(report) }
}
