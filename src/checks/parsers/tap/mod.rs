//! TAP 12 to 14: nested subtests (indented, or in braces as vitest prints them), YAML blocks, directives,
//! diagnostics, plans and bail-outs; also what `prove` adds around it.
//!
//! Format: testanything.org. Suites are the subtests and, under prove, the file; ids join them with ` > `.

mod yaml;

use super::LineReader;
use crate::checks::frames;
use crate::checks::ledger::{Ledger, case, message, ms_of, push_line};
use crate::checks::limits::CHECK_SUITE_DEPTH_MAX;
use crate::model::check::{CaseReport, CaseStatus};

/// Spaces that nest a subtest by one.
const INDENT: usize = 4;

#[derive(Debug, Default)]
pub struct Tap {
    /// The file prove runs.
    file: Option<String>,
    /// The open subtest at each depth, and what happened in it.
    levels: Vec<Level>,
    /// The last result: text that follows belongs to it.
    last: Option<Last>,
    yaml: bool,
}

#[derive(Debug, Default)]
struct Level {
    /// The subtest announced at this depth, waiting for its own result line.
    subtest: Option<String>,
    /// Results seen one deeper since then.
    children: u32,
    bad_children: u32,
    results: u32,
    planned: Option<u32>,
}

#[derive(Debug)]
struct Last {
    report: CaseReport,
    text: String,
}

struct ResultLine {
    ok: bool,
    name: String,
    directive: Option<(Directive, String)>,
    opens: bool,
    ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    Skip,
    Todo,
}

impl LineReader for Tap {
    fn line(&mut self, line: &str, ledger: &mut Ledger) {
        let t = line.trim_start();
        if self.yaml {
            self.yaml = t != "...";
            if self.yaml
                && let Some(last) = &mut self.last
            {
                push_line(&mut last.text, line);
            }
            return;
        }
        let depth = ((line.len() - t.len()) / INDENT).min(CHECK_SUITE_DEPTH_MAX);
        if t == "---" || t.starts_with("--- #") {
            self.yaml = self.last.is_some();
        } else if let Some(result) = result_line(t, self.file.is_some()) {
            self.flush(ledger);
            self.result(depth, result, ledger);
        } else if let Some(name) = t.strip_prefix("# Subtest: ").or_else(|| t.strip_prefix("# Subtest - ")) {
            self.flush(ledger);
            self.open(depth, unescape(name.trim()));
        } else if let Some(rest) = t.strip_prefix("1..") {
            self.flush(ledger);
            self.plan(depth, rest, ledger);
        } else if t == "}" {
            self.flush(ledger);
            self.levels.truncate(depth + 1);
        } else if let Some(why) = t.strip_prefix("Bail out!") {
            self.flush(ledger);
            let mut report = case(self.id(0, "(bail out)"), self.suite(0), CaseStatus::Errored);
            report.message = Some(format!("bailed out: {}", why.trim()));
            ledger.report(report);
        } else if !self.prove_line(line, ledger)
            && let Some(last) = self.last.as_mut().filter(|l| l.report.status.is_bad())
        {
            push_line(&mut last.text, t.strip_prefix('#').unwrap_or(line));
        }
    }

    fn end(&mut self, exit: Option<i32>, ledger: &mut Ledger) {
        self.flush(ledger);
        if exit.is_some() {
            self.check_plan(ledger);
        }
    }
}

impl Tap {
    fn level(&mut self, depth: usize) -> Option<&mut Level> {
        while self.levels.len() <= depth {
            self.levels.push(Level::default());
        }
        self.levels.get_mut(depth)
    }

    fn open(&mut self, depth: usize, name: String) {
        if let Some(level) = self.level(depth) {
            level.subtest = Some(name);
            level.children = 0;
            level.bad_children = 0;
        }
        self.levels.truncate(depth + 1);
    }

    fn result(&mut self, depth: usize, mut r: ResultLine, ledger: &Ledger) {
        let is_file = is_test_file(&r.name);
        if is_file {
            r.name = ledger.place().relative(&r.name);
        }
        let status = match (r.ok, &r.directive) {
            (_, Some(_)) => CaseStatus::Skipped,
            (true, None) => CaseStatus::Passed,
            (false, None) if is_file => CaseStatus::Errored,
            (false, None) => CaseStatus::Failed,
        };
        self.levels.truncate(depth + 2);
        let suite = self.suite(depth);
        let id = self.id(depth, &r.name);
        if let Some(above) = depth.checked_sub(1).and_then(|d| self.level(d)) {
            above.children += 1;
            above.bad_children += u32::from(status.is_bad());
        }
        let Some(level) = self.level(depth) else {
            return;
        };
        level.results += 1;
        let named = level.subtest.as_deref() == Some(r.name.as_str());
        let is_suite = level.children > 0 && (named || level.subtest.is_none());
        let explained = !status.is_bad() || level.bad_children > 0;
        level.subtest = r.opens.then(|| r.name.clone());
        level.children = 0;
        level.bad_children = 0;
        self.levels.truncate(depth + 1);
        if r.opens || (is_suite && explained) {
            return;
        }
        let mut report = case(id, suite, status);
        report.ms = r.ms;
        report.message = r.directive.map(|(_, why)| why).filter(|w| !w.is_empty());
        self.last = Some(Last { report, text: String::new() });
    }

    /// Reports the last result with the text that followed it.
    fn flush(&mut self, ledger: &mut Ledger) {
        self.yaml = false;
        let Some(Last { mut report, text }) = self.last.take() else {
            return;
        };
        let facts = yaml::facts(&text);
        report.ms = report.ms.or(facts.duration_ms.and_then(ms_of));
        if report.status.is_bad() {
            let first = facts.error.unwrap_or_else(|| first_line(&text));
            report.message = message(&first, &text);
            if frames::first_own(&text, ledger.place()).is_none()
                && let Some((file, line)) = facts.at.as_deref().and_then(frames::position)
            {
                (report.file, report.line) = (Some(file.to_owned()), Some(line));
            }
        }
        ledger.report(report);
    }

    fn plan(&mut self, depth: usize, rest: &str, ledger: &mut Ledger) {
        let (count, comment) = rest.split_once('#').unwrap_or((rest, ""));
        let Ok(count) = count.trim().parse::<u32>() else {
            return;
        };
        if depth == 0 && count == 0 && comment.trim().to_lowercase().starts_with("skip") {
            let mut report = case(self.id(0, "(all)"), self.suite(0), CaseStatus::Skipped);
            report.message = Some(comment.trim().to_owned());
            ledger.report(report);
        } else if let Some(level) = self.level(depth) {
            level.planned = Some(count);
        }
    }

    /// Fewer results than planned: the program ended early.
    fn check_plan(&mut self, ledger: &mut Ledger) {
        let Some((planned, ran)) = self.levels.first().and_then(|l| Some((l.planned?, l.results))) else {
            return;
        };
        if planned != ran {
            let mut report = case(self.id(0, "(plan)"), self.suite(0), CaseStatus::Errored);
            report.message = Some(format!("planned {planned}, ran {ran}"));
            ledger.report(report);
        }
    }

    /// `t/a.t .. ` begins a file; `t/a.t .. ok` and `t/a.t .. Failed 2/5 subtests` is all a quiet prove says.
    fn prove_line(&mut self, line: &str, ledger: &mut Ledger) -> bool {
        let failed = ["Failed ", "Dubious, ", "Parse errors"].iter().any(|f| line.starts_with(f));
        if failed
            && self.levels.iter().all(|l| l.results == 0)
            && let Some(file) = self.file.clone()
        {
            let mut report = case(file.clone(), vec![], CaseStatus::Failed);
            (report.file, report.message) = (Some(file), Some(line.trim().to_owned()));
            ledger.report(report);
            return true;
        }
        let Some((file, rest)) = line.split_once(" ..") else {
            return false;
        };
        if file.contains(' ') || !file.contains('.') {
            return false;
        }
        let rest = rest.trim_start_matches('.').trim();
        self.flush(ledger);
        self.check_plan(ledger);
        self.levels.clear();
        self.file = Some(file.to_owned());
        if rest == "ok" {
            ledger.report(case(file, vec![], CaseStatus::Passed));
        } else if let Some(why) = rest.strip_prefix("skipped") {
            let mut report = case(file, vec![], CaseStatus::Skipped);
            report.message = Some(why.trim_start_matches(':').trim().to_owned());
            ledger.report(report);
        }
        true
    }

    fn suite(&self, depth: usize) -> Vec<String> {
        let mut suite: Vec<String> = self.file.iter().cloned().collect();
        let above = self.levels.iter().take(depth).filter_map(|l| l.subtest.clone());
        suite.extend(above);
        suite
    }

    fn id(&self, depth: usize, name: &str) -> String {
        let mut id = self.suite(depth);
        id.push(name.to_owned());
        id.join(" > ")
    }
}

/// Node reports a test file that could not be loaded as a test of that name.
fn is_test_file(id: &str) -> bool {
    id.starts_with('/') && [".js", ".mjs", ".cjs", ".ts", ".mts"].iter().any(|e| id.ends_with(e))
}

/// `not ok 2 - halves five # time=1ms {`.
fn result_line(t: &str, under_prove: bool) -> Option<ResultLine> {
    let (ok, rest) = match t.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, t.strip_prefix("ok")?),
    };
    if !rest.is_empty() && !rest.starts_with(' ') || (rest.is_empty() && under_prove) {
        return None;
    }
    let rest = rest.trim_start();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = rest.split_at(digits);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix("- ").unwrap_or(rest).trim_end();
    let (rest, opens) = match rest.strip_suffix('{') {
        Some(head) => (head.trim_end(), true),
        None => (rest, false),
    };
    let (name, comment) = split_comment(rest);
    let mut result = ResultLine { ok, name: unescape(name), directive: None, opens, ms: None };
    if result.name.is_empty() {
        result.name = format!("#{number}");
    }
    let lower = comment.to_lowercase();
    if lower.starts_with("skip") {
        let why = comment.split_once(' ').map_or("", |(_, w)| w);
        result.directive = Some((Directive::Skip, why.trim().to_owned()));
    } else if lower.starts_with("todo") {
        let why = comment.split_once(' ').map_or("", |(_, w)| w);
        result.directive = Some((Directive::Todo, why.trim().to_owned()));
    } else if let Some(time) = lower.strip_prefix("time=") {
        result.ms = time.strip_suffix("ms").and_then(|t| ms_of(t.parse().ok()?));
    } else if !comment.is_empty() {
        result.name = unescape(rest);
    }
    Some(result)
}

/// Splits at the last ` # ` that is not escaped.
fn split_comment(rest: &str) -> (&str, &str) {
    if let Some(comment) = rest.strip_prefix("# ") {
        return ("", comment.trim());
    }
    match rest.rsplit_once(" # ") {
        Some((name, comment)) => (name.trim_end(), comment.trim()),
        None => match rest.rsplit_once(" #") {
            Some((name, comment)) if !name.ends_with('\\') => (name.trim_end(), comment.trim()),
            Some(_) | None => (rest, ""),
        },
    }
}

fn unescape(name: &str) -> String {
    name.replace("\\#", "#").replace("\\\\", "\\")
}

fn first_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    lines.next().unwrap_or_default().to_owned()
}
