//! Coverage reports to executed lines per file: coverage.py JSON, LCOV, Go profiles, Istanbul JSON.

use crate::checks::limits::CHECK_COVERED_LINES_MAX;
use crate::checks::parsers::ProjectRoot;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// The report's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CoverageFormat {
    /// `coverage json`
    CoveragePy,
    /// `.info` of gcov, `cargo llvm-cov --lcov`, `c8`, `coverage lcov`
    Lcov,
    /// `go test -coverprofile`
    GoProfile,
    /// `coverage-final.json` of nyc, c8, Jest, Vitest
    Istanbul,
}

/// The format of a report, by its text.
pub fn format_of(text: &str) -> CoverageFormat {
    let start = text.trim_start();
    match () {
        () if start.starts_with("mode: ") => CoverageFormat::GoProfile,
        () if !start.starts_with('{') => CoverageFormat::Lcov,
        () if start.contains("\"executed_lines\"") => CoverageFormat::CoveragePy,
        () => CoverageFormat::Istanbul,
    }
}

/// Lines that ran, by file relative to the project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub files: BTreeMap<String, BTreeSet<u32>>,
    /// Lines that could have run and did not.
    pub missed: BTreeMap<String, BTreeSet<u32>>,
    /// The report held more than [`CHECK_COVERED_LINES_MAX`] lines; the rest was left out.
    pub truncated: bool,
    lines: usize,
}

/// The reason that a report could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a coverage report of the kind {format:?}: {why}")]
pub struct NotCoverage {
    pub format: CoverageFormat,
    pub why: String,
}

impl Coverage {
    /// Returns whether a line ran. Unknown files and lines did not.
    pub fn ran(&self, file: &str, line: u32) -> bool {
        self.files.get(file).is_some_and(|lines| lines.contains(&line))
    }

    fn add(&mut self, file: &str, lines: impl IntoIterator<Item = u32>) {
        self.put(true, file, lines);
    }

    fn miss(&mut self, file: &str, lines: impl IntoIterator<Item = u32>) {
        self.put(false, file, lines);
    }

    fn put(&mut self, ran: bool, file: &str, lines: impl IntoIterator<Item = u32>) {
        let files = if ran { &mut self.files } else { &mut self.missed };
        let set = files.entry(file.to_owned()).or_default();
        for line in lines {
            if self.lines >= CHECK_COVERED_LINES_MAX {
                self.truncated = true;
                return;
            }
            self.lines += usize::from(set.insert(line));
        }
    }
}

/// Reads a report.
///
/// # Errors
/// [`NotCoverage`] when the text is not of that format.
pub fn read(format: CoverageFormat, text: &str, place: &ProjectRoot) -> Result<Coverage, NotCoverage> {
    let not = |why: &str| NotCoverage { format, why: why.to_owned() };
    let json = || serde_json::from_str::<Value>(text).map_err(|e| not(&e.to_string()));
    match format {
        CoverageFormat::CoveragePy => coverage_py(&json()?, place).ok_or_else(|| not("no `files`")),
        CoverageFormat::Istanbul => istanbul(&json()?, place).ok_or_else(|| not("no object of files")),
        CoverageFormat::Lcov => lcov(text, place).ok_or_else(|| not("no `SF:` record")),
        CoverageFormat::GoProfile => go_profile(text, place).ok_or_else(|| not("no `mode:` line")),
    }
}

fn line_number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok())
}

fn coverage_py(report: &Value, place: &ProjectRoot) -> Option<Coverage> {
    let mut out = Coverage::default();
    for (file, facts) in report.get("files")?.as_object()? {
        let lines = facts.get("executed_lines").and_then(Value::as_array);
        out.add(&place.relative(file), lines.into_iter().flatten().filter_map(line_number));
        let missing = facts.get("missing_lines").and_then(Value::as_array);
        out.miss(&place.relative(file), missing.into_iter().flatten().filter_map(line_number));
    }
    Some(out)
}

/// A statement that ran covers its first line: later lines may belong to nested statements that did not.
fn istanbul(report: &Value, place: &ProjectRoot) -> Option<Coverage> {
    let mut out = Coverage::default();
    for (file, facts) in report.as_object()? {
        let counts = facts.get("s").and_then(Value::as_object);
        let lines = |did: bool| {
            let counts = counts.into_iter().flatten();
            let some = counts.filter(move |(_, n)| n.as_u64().is_some_and(|n| n > 0) == did);
            some.filter_map(|(id, _)| line_number(facts.get("statementMap")?.get(id)?.pointer("/start/line")?))
        };
        out.add(&place.relative(file), lines(true));
        out.miss(&place.relative(file), lines(false));
    }
    Some(out)
}

fn lcov(text: &str, place: &ProjectRoot) -> Option<Coverage> {
    let mut out = Coverage::default();
    let mut file: Option<String> = None;
    let mut any = false;
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            any = true;
            file = Some(place.relative(path.trim()));
        } else if let (Some(rest), Some(file)) = (line.strip_prefix("DA:"), &file) {
            let mut fields = rest.split(',');
            let (number, count) = (fields.next(), fields.next());
            let ran = count.is_some_and(|c| c.trim().parse::<f64>().is_ok_and(|c| c > 0.0));
            let number: Option<u32> = number.and_then(|n| n.trim().parse().ok());
            out.put(ran, file, number);
        } else if line.starts_with("end_of_record") {
            file = None;
        }
    }
    any.then_some(out)
}

/// `example.com/sums/sums.go:3.22,5.2 1 1`: from line.column to line.column, statements, count.
fn go_profile(text: &str, place: &ProjectRoot) -> Option<Coverage> {
    let mut lines = text.lines();
    lines.next()?.strip_prefix("mode: ")?;
    let mut out = Coverage::default();
    for line in lines {
        let Some((file, from, to, ran)) = go_block(line) else {
            continue;
        };
        let inside = place.go_module.as_deref().and_then(|m| file.strip_prefix(m)?.strip_prefix('/'));
        out.put(ran, inside.unwrap_or(file), from..=to);
    }
    Some(out)
}

/// The file and the lines of a block, and whether it ran.
fn go_block(line: &str) -> Option<(&str, u32, u32, bool)> {
    let (file, rest) = line.rsplit_once(':')?;
    let mut words = rest.split(' ');
    let (span, _, count) = (words.next()?, words.next()?, words.next()?);
    let (from, to) = span.split_once(',')?;
    let number = |at: &str| at.split('.').next()?.parse::<u32>().ok();
    Some((file, number(from)?, number(to)?, count.parse::<u64>().ok()? > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: CoverageFormat, text: &str, file: &str, lines: &[u32]) {
        let place = ProjectRoot { root: Some("/home/user/project".into()), go_module: Some("example.com/sums".into()) };
        let got = read(format, text, &place).unwrap();
        assert_eq!(got.files.get(file).unwrap().iter().copied().collect::<Vec<_>>(), lines, "{format:?}");
    }

    #[test]
    fn real_reports() {
        let py = include_str!("../../tests/fixtures/checks/coverage_py.json");
        check(CoverageFormat::CoveragePy, py, "sums.py", &[1, 2, 5, 6, 9, 10, 11, 12]);
        let lcov = include_str!("../../tests/fixtures/checks/coverage.lcov");
        check(CoverageFormat::Lcov, lcov, "sums.py", &[1, 2, 5, 6, 9, 10, 11, 12]);
        let go = include_str!("../../tests/fixtures/checks/go_cover.out");
        check(CoverageFormat::GoProfile, go, "sums.go", &[3, 4, 5]);
        let istanbul = include_str!("../../tests/fixtures/checks/istanbul.json");
        check(CoverageFormat::Istanbul, istanbul, "sums.js", &[2, 5, 6, 8]);
    }

    #[test]
    fn what_could_have_run_is_told_from_what_cannot() {
        let text = include_str!("../../tests/fixtures/checks/coverage.lcov");
        let got = read(format_of(text), text, &ProjectRoot::default()).unwrap();
        let ran = got.files.values().flatten().count();
        assert!(ran > 0 && got.missed.values().flatten().count() > 0, "{got:?}");
        for (name, format) in [
            (include_str!("../../tests/fixtures/checks/coverage_py.json"), CoverageFormat::CoveragePy),
            (include_str!("../../tests/fixtures/checks/go_cover.out"), CoverageFormat::GoProfile),
            (include_str!("../../tests/fixtures/checks/istanbul.json"), CoverageFormat::Istanbul),
        ] {
            assert_eq!(format_of(name), format);
        }
    }

    #[test]
    fn other_text_is_refused() {
        for format in
            [CoverageFormat::CoveragePy, CoverageFormat::Lcov, CoverageFormat::GoProfile, CoverageFormat::Istanbul]
        {
            assert!(read(format, "[1]", &ProjectRoot::default()).is_err(), "{format:?}");
        }
    }

    #[test]
    fn a_huge_block_is_bounded() {
        let got =
            read(CoverageFormat::GoProfile, "mode: set\na.go:1.1,4294967295.1 1 1\n", &ProjectRoot::default()).unwrap();
        assert!(got.truncated);
        assert!(got.files.get("a.go").unwrap().len() <= CHECK_COVERED_LINES_MAX);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in "[a-zS:DFmode,.0-9 \n{}\"\\[\\]]{0,200}") {
            for format in [CoverageFormat::CoveragePy, CoverageFormat::Lcov, CoverageFormat::GoProfile, CoverageFormat::Istanbul] {
                let _ = read(format, &text, &ProjectRoot::default());
            }
        }
    }
}
