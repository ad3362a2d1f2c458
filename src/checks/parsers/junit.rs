//! JUnit XML as surefire, ant, pytest, nextest, jest-junit and gotestsum write it; several documents may follow each
//! other. Cases are counted here: the counts in attributes differ between writers.
//!
//! Read with `quick-xml` rather than `quick-junit`, whose model refuses what it does not know (nested suites, root
//! `testsuite`, files cut short); here a broken end costs only what follows it.

use super::OutputReader;
use crate::checks::ledger::{Ledger, bounded_text, case, message, ms_of_seconds};
use crate::checks::limits::CHECK_REPORT_BYTES_MAX;
use crate::checks::lines::{clean, keep_end};
use crate::model::check::{CaseReport, CaseStatus};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

#[derive(Debug, Default)]
pub struct Junit {
    bytes: Vec<u8>,
}

impl OutputReader for Junit {
    fn feed(&mut self, chunk: &[u8], _ledger: &mut Ledger) {
        let room = CHECK_REPORT_BYTES_MAX.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
    }

    fn finish(&mut self, _exit: Option<i32>, ledger: &mut Ledger) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut reader = Reader::from_reader(bytes.as_slice());
        reader.config_mut().check_end_names = false;
        let mut walk = Walk::default();
        loop {
            match reader.read_event() {
                Ok(Event::Start(e)) => walk.open(&e, ledger),
                Ok(Event::Empty(e)) => {
                    walk.open(&e, ledger);
                    walk.close(e.local_name().as_ref(), ledger);
                }
                Ok(Event::End(e)) => walk.close(e.local_name().as_ref(), ledger),
                Ok(Event::Text(e)) => walk.text(&e),
                Ok(Event::CData(e)) => walk.text(&e),
                Ok(Event::GeneralRef(e)) => walk.reference(&e),
                Ok(Event::Eof) | Err(_) => break,
                Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
            }
        }
    }
}

/// The document that is last in the output: what tests print comes before it.
#[derive(Debug, Default)]
pub struct JunitAtEnd {
    bytes: Vec<u8>,
}

impl OutputReader for JunitAtEnd {
    fn feed(&mut self, chunk: &[u8], _ledger: &mut Ledger) {
        keep_end(&mut self.bytes, chunk);
    }

    fn finish(&mut self, exit: Option<i32>, ledger: &mut Ledger) {
        let at = memchr::memmem::rfind(&self.bytes, b"<?xml ").unwrap_or(self.bytes.len());
        let bytes = self.bytes.split_off(at);
        let mut whole = Junit { bytes };
        whole.finish(exit, ledger);
    }
}

#[derive(Debug, Default)]
struct Walk {
    suite: String,
    case: Option<CaseReport>,
    /// The element whose text is the failure's, and that text.
    failure: Option<String>,
    headline: String,
    /// The failure says what was expected: what the case printed is not asked.
    says: bool,
    /// The text is what a case printed, whether or not it failed.
    prints: bool,
}

impl Walk {
    fn open(&mut self, e: &BytesStart<'_>, ledger: &mut Ledger) {
        match e.local_name().as_ref() {
            b"testsuite" => self.suite = attribute(e, "name").unwrap_or_default(),
            b"testcase" => {
                self.end_case(ledger);
                let mut report = self.start_case(e);
                report.file = attribute(e, "file").map(|file| ledger.place().relative(&file));
                report.line = attribute(e, "line").and_then(|line| line.parse().ok());
                self.case = Some(report);
            }
            b"system-out" if self.case.is_some() => {
                self.prints = true;
                self.failure = Some(String::new());
            }
            b"failure" => self.outcome(e, CaseStatus::Failed),
            b"error" => self.outcome(e, CaseStatus::Errored),
            b"skipped" => self.outcome(e, CaseStatus::Skipped),
            _ => {}
        }
    }

    fn start_case(&self, e: &BytesStart<'_>) -> CaseReport {
        let name = attribute(e, "name").unwrap_or_default().trim().to_owned();
        let class = attribute(e, "classname").filter(|c| !c.is_empty() && c.trim() != name);
        let suite = class.unwrap_or_else(|| self.suite.clone());
        // nextest writes the binary's id as the class: keep the ids of its text.
        let is_rust = suite.contains("::") || name.contains("::");
        let mut suites = vec![suite.clone()];
        if is_rust && let Some((modules, _)) = name.rsplit_once("::") {
            suites.extend(modules.split("::").map(str::to_owned));
        }
        // CTest has no suites, and gives each case its own name as the class.
        let suite = if suite == "(empty)" { String::new() } else { suite };
        suites.retain(|s| !s.is_empty() && s != "(empty)");
        let id = match (suite.is_empty(), is_rust) {
            (true, _) => name,
            (false, true) => format!("{suite} {name}"),
            (false, false) => format!("{suite}.{name}"),
        };
        let ran = attribute(e, "status").is_none_or(|s| !matches!(s.as_str(), "disabled" | "notrun"));
        let mut report = case(id, suites, if ran { CaseStatus::Passed } else { CaseStatus::Skipped });
        report.ms = attribute(e, "time").and_then(|t| ms_of_seconds(&t.replace(',', "")));
        report
    }

    fn outcome(&mut self, e: &BytesStart<'_>, status: CaseStatus) {
        let Some(report) = &mut self.case else {
            return;
        };
        if report.status != CaseStatus::Passed {
            return;
        }
        report.status = status;
        let is_php = attribute(e, "type").is_some_and(|class| class.starts_with("PHPUnit\\"));
        let class = || attribute(e, "type").filter(|_| !is_php);
        self.headline = attribute(e, "message").or_else(class).unwrap_or_default();
        self.says = false;
        self.failure = Some(String::new());
    }

    fn text(&mut self, bytes: &[u8]) {
        if let Some(text) = &mut self.failure {
            for line in bytes.split_inclusive(|b| *b == b'\n') {
                let (line, end) = line.strip_suffix(b"\n").map_or((line, ""), |l| (l, "\n"));
                text.push_str(&clean(line));
                text.push_str(end);
            }
        }
    }

    fn reference(&mut self, name: &[u8]) {
        let entity = format!("&{};", String::from_utf8_lossy(name));
        if let Some(text) = &mut self.failure
            && let Ok(plain) = quick_xml::escape::unescape(&entity)
        {
            text.push_str(&plain);
        }
    }

    fn close(&mut self, name: &[u8], ledger: &mut Ledger) {
        match name {
            b"failure" | b"error" | b"skipped" | b"system-out" => self.end_failure(),
            b"testcase" => self.end_case(ledger),
            _ => {}
        }
    }

    fn end_failure(&mut self) {
        let Some(text) = self.failure.take() else {
            return;
        };
        let printed = std::mem::take(&mut self.prints);
        if let Some(report) = &mut self.case {
            if printed && !report.status.is_bad() {
                report.output = Some(text);
                return;
            }
            if printed && self.says {
                return;
            }
            // PHPUnit begins with the case itself.
            let named = report.case.replacen('.', "::", 1);
            let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && *line != named);
            let first = self.headline.lines().next().filter(|line| !line.is_empty());
            let first = first.or_else(|| lines.next()).unwrap_or_default();
            self.says |= !first.is_empty();
            if first.is_empty() {
                return;
            }
            report.message = message(first, &text).map(|m| bounded_text(&m));
        }
    }

    fn end_case(&mut self, ledger: &mut Ledger) {
        self.end_failure();
        if let Some(report) = self.case.take().filter(|r| !r.case.is_empty()) {
            ledger.report(report);
        }
    }
}

fn attribute(e: &BytesStart<'_>, name: &str) -> Option<String> {
    let raw = e.attributes().flatten().find(|a| a.key.local_name().as_ref() == name.as_bytes())?;
    let text = String::from_utf8_lossy(&raw.value);
    let plain = quick_xml::escape::unescape(&text).map_or_else(|_| text.to_string(), |t| t.into_owned());
    let kept: String = plain.chars().filter(|c| *c == '\n' || *c == '\t' || !c.is_control()).collect();
    Some(bounded_text(&kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::limits::CHECK_OUTPUT_BYTES_MAX;
    use crate::checks::{CheckStream, ParserKind, ProjectRoot};

    fn cases(xml: &str) -> Vec<CaseReport> {
        let mut stream = CheckStream::new(ParserKind::Junit, ProjectRoot::default());
        stream.feed(xml.as_bytes());
        stream.finish(Some(0));
        stream.cases().to_vec()
    }

    /// What a passing case printed is kept, bounded; of a failing one the failure says more.
    #[test]
    fn what_a_passing_case_printed_is_kept() {
        let long = "x".repeat(CHECK_OUTPUT_BYTES_MAX * 2);
        let xml = format!(
            "<testsuite name=\"s\"><testcase name=\"a\"><system-out>one &lt;two&gt;\nthree</system-out></testcase>\
             <testcase name=\"b\"><failure message=\"got 3\">at b</failure><system-out>noise</system-out></testcase>\
             <testcase name=\"c\"/><testcase name=\"d\"><system-out>{long}</system-out></testcase></testsuite>"
        );
        let found = cases(&xml);
        let output = |at: usize| found.get(at).and_then(|case| case.output.as_deref());
        assert_eq!((output(0), output(1), output(2)), (Some("one <two>\nthree"), None, None));
        assert!(found.get(1).and_then(|case| case.message.as_deref()).is_some_and(|text| !text.contains("noise")));
        assert_eq!(output(3).map(str::len), Some(CHECK_OUTPUT_BYTES_MAX));
        assert!(found.iter().all(|case| case.case == "s.b" || !case.status.is_bad()), "{found:?}");
    }
}
