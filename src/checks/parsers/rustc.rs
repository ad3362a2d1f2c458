//! Compiler errors in the output of cargo: reported as errored cases of the suite `build`.

use crate::checks::ledger::{Ledger, case, push_line};
use crate::model::check::CaseStatus;

/// The errors of one build.
#[derive(Debug, Default)]
pub struct Build {
    open: Option<Open>,
    reported: bool,
}

#[derive(Debug)]
struct Open {
    title: String,
    block: String,
    is_summary: bool,
}

impl Build {
    /// Reads a line; true if it was part of an error.
    pub fn line(&mut self, line: &str, ledger: &mut Ledger) -> bool {
        let starts = line.starts_with("error: ") || line.starts_with("error[");
        if starts && !is_test_failure(line) {
            self.close(ledger);
            let mut block = String::new();
            push_line(&mut block, line);
            self.open = Some(Open {
                title: line.to_owned(),
                block,
                is_summary: line.starts_with("error: could not compile")
                    || line.starts_with("error: aborting")
                    || line.starts_with("error: command "),
            });
            return true;
        }
        let Some(open) = &mut self.open else {
            return false;
        };
        if line.trim().is_empty() || line.starts_with("warning") || starts {
            self.close(ledger);
            return !starts;
        }
        push_line(&mut open.block, line);
        true
    }

    /// Reports an error that is still open.
    pub fn close(&mut self, ledger: &mut Ledger) {
        let Some(open) = self.open.take() else {
            return;
        };
        ledger.build_failed();
        if open.is_summary && self.reported {
            return;
        }
        self.reported = true;
        let mut report = case(format!("build {}", open.title), vec!["build".into()], CaseStatus::Errored);
        report.message = Some(open.block);
        ledger.report(report);
    }
}

/// Cargo's own last lines about failed tests.
fn is_test_failure(line: &str) -> bool {
    line.starts_with("error: test failed")
        || line.starts_with("error: doctest failed")
        || line.starts_with("error: test run failed")
        || line.starts_with("error: bench failed")
        || line.starts_with("error: no tests to run")
        || (line.starts_with("error: ") && (line.ends_with("targets failed:") || line.ends_with("target failed:")))
}
