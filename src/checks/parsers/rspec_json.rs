//! The report of RSpec's JSON formatter: one object at the end of the output. What tests print comes before it.
//!
//! Format: rspec-core `lib/rspec/core/formatters/json_formatter.rb`. Case ids are the full descriptions.

use super::OutputReader;
use crate::checks::ledger::{Ledger, case, message, ms_of_seconds};
use crate::checks::lines::{clean, keep_end};
use crate::model::check::CaseStatus;
use serde::Deserialize;

#[derive(Debug, Default)]
pub struct RspecJson {
    bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Report {
    examples: Vec<Example>,
    summary: Summary,
    #[serde(default)]
    messages: Vec<String>,
}

#[derive(Deserialize)]
struct Summary {
    #[serde(default)]
    errors_outside_of_examples_count: u32,
}

#[derive(Deserialize)]
struct Example {
    description: String,
    full_description: String,
    status: String,
    #[serde(default)]
    file_path: Option<String>,
    #[serde(default)]
    line_number: Option<u32>,
    #[serde(default)]
    run_time: Option<f64>,
    #[serde(default)]
    pending_message: Option<String>,
    #[serde(default)]
    exception: Option<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(default)]
    class: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    backtrace: Option<Vec<String>>,
}

impl OutputReader for RspecJson {
    fn feed(&mut self, chunk: &[u8], _ledger: &mut Ledger) {
        keep_end(&mut self.bytes, chunk);
    }

    /// The last line that is a report: a test may print what looks like one before it.
    fn finish(&mut self, _exit: Option<i32>, ledger: &mut Ledger) {
        let bytes = std::mem::take(&mut self.bytes);
        let starts = memchr::memmem::rfind_iter(&bytes, b"{\"version\":");
        let report = starts.into_iter().find_map(|at| {
            let mut values = serde_json::Deserializer::from_slice(bytes.get(at..)?).into_iter::<Report>();
            values.next()?.ok()
        });
        let Some(report) = report else { return };
        report.examples.iter().for_each(|example| read(example, ledger));
        if report.summary.errors_outside_of_examples_count > 0 {
            let text = clean(report.messages.join("\n").trim().as_bytes()).into_owned();
            let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
            let mut broken = case("(outside of examples)", Vec::new(), CaseStatus::Errored);
            broken.message = message(&first, &text);
            ledger.build_failed();
            ledger.report(broken);
        }
    }
}

fn read(example: &Example, ledger: &mut Ledger) {
    let status = match example.status.as_str() {
        "passed" => CaseStatus::Passed,
        "pending" => CaseStatus::Skipped,
        _ => CaseStatus::Failed,
    };
    let suite = example.full_description.strip_suffix(&example.description).unwrap_or_default().trim();
    let suites = if suite.is_empty() { Vec::new() } else { vec![suite.to_owned()] };
    let mut report = case(example.full_description.clone(), suites, status);
    report.ms = example.run_time.and_then(|s| ms_of_seconds(&format!("{s:.6}")));
    report.file = example.file_path.as_deref().map(|path| ledger.place().relative(path));
    report.line = example.line_number;
    if let Some(exception) = &example.exception {
        let said: Vec<String> = exception.message.lines().map(|l| clean(l.as_bytes()).trim().to_owned()).collect();
        let said: Vec<&str> = said.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
        let head = said.first().copied().unwrap_or(exception.class.as_str());
        let frames = exception.backtrace.iter().flatten().filter_map(|frame| {
            let shown = ledger.place().relative(frame);
            (!shown.starts_with('/')).then_some(shown)
        });
        let block: Vec<String> = said.iter().map(|line| (*line).to_owned()).chain(frames).collect();
        report.message = message(head, &block.join("\n"));
    } else if let Some(why) = &example.pending_message {
        report.message = message(why, "");
    }
    ledger.report(report);
}
