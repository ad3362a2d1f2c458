//! `go test -json`: one JSON object a line; compiler output comes as plain lines before Go 1.24.
//!
//! Format: `go doc test2json`.

use super::{LineReader, go_cases};
use crate::checks::ledger::{Ledger, ms_of, push_line};
use crate::checks::limits::CHECK_HELD_MAX;
use crate::model::check::CaseStatus;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct GoJson {
    build: go_cases::BuildText,
    /// Output of tests that started and have not ended, by package and test; the package's own has no test.
    output: BTreeMap<(String, String), String>,
    /// More tests started than are held: results of unknown ones count too.
    overflow: bool,
    /// Packages in which a case went wrong.
    bad: std::collections::BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoEvent<'a> {
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow, default)]
    package: Cow<'a, str>,
    #[serde(borrow, default)]
    import_path: Cow<'a, str>,
    #[serde(borrow, default)]
    test: Cow<'a, str>,
    #[serde(default)]
    elapsed: Option<f64>,
    #[serde(borrow, default)]
    output: Cow<'a, str>,
    #[serde(borrow, default)]
    failed_build: Cow<'a, str>,
}

impl LineReader for GoJson {
    fn line(&mut self, line: &str, ledger: &mut Ledger) {
        if !line.starts_with('{') {
            if !self.build.failed(line, ledger) {
                self.build.line(line);
            }
            return;
        }
        let Ok(event) = serde_json::from_str::<GoEvent<'_>>(line) else {
            return;
        };
        self.event(&event, ledger);
    }

    fn end(&mut self, exit: Option<i32>, ledger: &mut Ledger) {
        let open: Vec<String> = self.output.keys().map(|(p, _)| p.clone()).collect();
        for package in open {
            self.unfinished(&package, if exit.is_none() { "did not finish" } else { "" }, ledger);
        }
    }
}

impl GoJson {
    fn event(&mut self, e: &GoEvent<'_>, ledger: &mut Ledger) {
        let key = (e.package.to_string(), e.test.to_string());
        match e.action.as_ref() {
            "run" | "start" if self.output.len() < CHECK_HELD_MAX => {
                self.output.insert(key, String::new());
            }
            "run" => self.overflow = true,
            "output" => {
                // A test that never ran is text that looks like a result (fixed in Go 1.20).
                let key =
                    if self.output.contains_key(&key) || e.test.is_empty() { key } else { (key.0, String::new()) };
                if self.output.len() < CHECK_HELD_MAX || self.output.contains_key(&key) {
                    push_line(self.output.entry(key).or_default(), e.output.trim_end_matches('\n'));
                }
            }
            "build-output" => {
                self.build.line(e.output.trim_end_matches('\n'));
            }
            "build-fail" => {
                let package = e.import_path.split(' ').next().unwrap_or_default();
                self.build.failed(&format!("FAIL\t{package} [build failed]"), ledger);
                self.bad.insert(package.to_owned());
            }
            "pass" => self.ended(e, CaseStatus::Passed, ledger),
            "fail" => self.ended(e, CaseStatus::Failed, ledger),
            "skip" => self.ended(e, CaseStatus::Skipped, ledger),
            _ => {}
        }
    }

    fn ended(&mut self, e: &GoEvent<'_>, status: CaseStatus, ledger: &mut Ledger) {
        if e.test.is_empty() {
            return self.package_ended(e, status, ledger);
        }
        let held = self.output.remove(&(e.package.to_string(), e.test.to_string()));
        let Some(text) = held.or_else(|| self.overflow.then(String::new)) else {
            return;
        };
        let mut report = go_cases::draft(&e.package, &e.test, status);
        report.ms = e.elapsed.and_then(|s| ms_of(s * 1000.0));
        go_cases::explain(&mut report, &e.package, &text, ledger.place());
        if status == CaseStatus::Passed {
            report.output = Some(go_cases::printed(&text));
        }
        if status.is_bad() && self.bad.len() < CHECK_HELD_MAX {
            self.bad.insert(e.package.to_string());
        }
        ledger.report(report);
    }

    fn package_ended(&mut self, e: &GoEvent<'_>, status: CaseStatus, ledger: &mut Ledger) {
        let own = self.output.remove(&(e.package.to_string(), String::new())).unwrap_or_default();
        self.unfinished(&e.package, &own, ledger);
        let known = self.bad.contains(e.package.as_ref()) || !e.failed_build.is_empty();
        if status.is_bad() && !known {
            go_cases::package_failed(&e.package, "package", &own, ledger);
        }
    }

    /// Tests whose package ended before they did: a panic or the time-out took the binary down.
    fn unfinished(&mut self, package: &str, own: &str, ledger: &mut Ledger) {
        let open: Vec<_> = self.output.keys().filter(|(p, t)| p == package && !t.is_empty()).cloned().collect();
        for key in open {
            let mut text = self.output.remove(&key).unwrap_or_default();
            let status = go_cases::swallowed(&text, &key.1).unwrap_or(CaseStatus::Errored);
            if status == CaseStatus::Errored && text.lines().all(|l| l.starts_with("=== ")) {
                text.push_str(own);
            }
            let mut report = go_cases::draft(package, &key.1, status);
            go_cases::explain(&mut report, package, &text, ledger.place());
            if status.is_bad() {
                self.bad.insert(package.to_owned());
            }
            ledger.report(report);
        }
    }
}
