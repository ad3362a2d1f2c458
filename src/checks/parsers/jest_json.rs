//! The JSON report of Jest (`--json`) and Vitest (`--reporter=json`): one object, read when it is complete.
//!
//! Format: jestjs/jest `packages/jest-test-result/src/formatTestResults.ts`. Case ids are `FILE > suite > name`.

use super::OutputReader;
use crate::checks::ledger::{Ledger, case, message, ms_of};
use crate::checks::limits::CHECK_REPORT_BYTES_MAX;
use crate::checks::lines::clean;
use crate::model::check::CaseStatus;
use serde::Deserialize;

#[derive(Debug, Default)]
pub struct JestJson {
    bytes: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    #[serde(default)]
    test_results: Vec<FileResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileResult {
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    assertion_results: Vec<Assertion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assertion {
    #[serde(default)]
    ancestor_titles: Vec<String>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    failure_messages: Option<Vec<String>>,
}

impl OutputReader for JestJson {
    fn feed(&mut self, chunk: &[u8], _ledger: &mut Ledger) {
        let room = CHECK_REPORT_BYTES_MAX.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
    }

    /// The report may be between lines of other output: the first line that starts with `{` and is one.
    fn finish(&mut self, _exit: Option<i32>, ledger: &mut Ledger) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            if rest.starts_with(b"{") {
                let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Report>();
                if let Some(Ok(report)) = values.next()
                    && !report.test_results.is_empty()
                {
                    report.test_results.iter().for_each(|f| file(f, ledger));
                    return;
                }
            }
            let next = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            rest = rest.get(next..).unwrap_or_default();
        }
    }
}

fn file(f: &FileResult, ledger: &mut Ledger) {
    let path = ledger.place().relative(&f.name);
    if f.assertion_results.is_empty() && f.status == "failed" {
        let text = plain(&f.message);
        let mut report = case(format!("{path} > (suite)"), vec![path], CaseStatus::Errored);
        let cause = text.lines().find(|l| l.contains("Error: ")).unwrap_or_else(|| first_line(&text));
        report.message = message(cause, &text);
        ledger.build_failed();
        return ledger.report(report);
    }
    for a in &f.assertion_results {
        let status = match a.status.as_str() {
            "passed" => CaseStatus::Passed,
            "failed" => CaseStatus::Failed,
            _ => CaseStatus::Skipped, // pending, skipped, todo, disabled, focused
        };
        let mut suite = vec![path.clone()];
        suite.extend(a.ancestor_titles.iter().filter(|t| !t.is_empty()).cloned());
        let id = format!("{} > {}", suite.join(" > "), a.title);
        let mut report = case(id, suite, status);
        report.ms = a.duration.and_then(ms_of);
        let text = plain(&a.failure_messages.as_deref().unwrap_or_default().join("\n"));
        report.message = message(first_line(&text), &text);
        ledger.report(report);
    }
}

fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default()
}

/// Without escape sequences, lines kept.
fn plain(text: &str) -> String {
    text.lines().map(|l| clean(l.as_bytes())).collect::<Vec<_>>().join("\n")
}
