//! `dotnet test` with its console logger at normal verbosity: `  Passed NAME [12 ms]`, a failure's text below it.
//!
//! Format: microsoft/vstest `src/vstest.console/Internal/ConsoleLogger.cs`. Written from the source; not recorded here.

use super::LineReader;
use crate::checks::ledger::{Ledger, case, message, ms_of_seconds, push_line};
use crate::model::check::{CaseReport, CaseStatus};

#[derive(Debug, Default)]
pub struct Dotnet {
    failed: Option<CaseReport>,
    text: String,
}

impl LineReader for Dotnet {
    fn line(&mut self, line: &str, ledger: &mut Ledger) {
        let result =
            [("  Passed ", CaseStatus::Passed), ("  Failed ", CaseStatus::Failed), ("  Skipped ", CaseStatus::Skipped)];
        let found = result.iter().find_map(|(head, status)| {
            let (name, time) = line.strip_prefix(head)?.rsplit_once(" [")?;
            Some((name, time.strip_suffix(']')?, *status))
        });
        if let Some((name, time, status)) = found {
            self.close(ledger);
            let suites = name.split('(').next().unwrap_or(name).rsplit_once('.').map(|(class, _)| class.to_owned());
            let mut report = case(name, suites.into_iter().collect(), status);
            report.ms = ms(time);
            if status == CaseStatus::Failed {
                self.failed = Some(report);
            } else {
                ledger.report(report);
            }
            return;
        }
        if line.contains(": error CS") || line.contains(": error FS") {
            ledger.build_failed();
        }
        match line.trim_start() {
            _ if self.failed.is_none() => {}
            "" | "Test Run Failed." => self.close(ledger),
            _ => push_line(&mut self.text, line.trim()),
        }
    }

    fn end(&mut self, _exit: Option<i32>, ledger: &mut Ledger) {
        self.close(ledger);
    }
}

impl Dotnet {
    fn close(&mut self, ledger: &mut Ledger) {
        let Some(mut report) = self.failed.take() else { return };
        let text = std::mem::take(&mut self.text);
        let head =
            text.lines().find(|l| !matches!(*l, "Error Message:" | "Stack Trace:")).unwrap_or_default().to_owned();
        report.message = message(&head, &text);
        // `at Class.Method() in /root/a.cs:line 12`
        let place = text.lines().find_map(|line| line.split_once(" in ")?.1.rsplit_once(":line "));
        if let Some((file, line)) = place {
            report.file = Some(ledger.place().relative(file));
            report.line = line.trim().parse().ok();
        }
        ledger.report(report);
    }
}

/// `< 1 ms`, `12 ms`, `1 s`, `1 m 2 s`.
fn ms(text: &str) -> Option<u64> {
    let words: Vec<&str> = text.trim_start_matches("< ").split_whitespace().collect();
    let [value, unit] = words.as_slice() else { return None };
    match *unit {
        "ms" => value.parse().ok(),
        "s" => ms_of_seconds(value),
        _ => None,
    }
}
