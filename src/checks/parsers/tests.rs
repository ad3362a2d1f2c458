//! Every parser against what the real runners printed (`tests/fixtures/checks`), cut anywhere, and against noise.
//!
//! `NAME.want` beside a fixture holds what its reader must report; `UPDATE=1` rewrites it for review.

use super::*;
use crate::checks::ledger::{Problem, Summary};
use crate::model::check::CaseStatus;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Counts are passed, failed, errored, skipped.
type Want = (&'static str, ParserKind, i32, [u32; 4], Option<Problem>);

const FIXTURES: &[Want] = &[
    ("rspec.json", ParserKind::RspecJson, 1, [1, 1, 0, 1], None),
    ("phpunit_junit.txt", ParserKind::JunitAtEnd, 1, [3, 1, 0, 1], None),
    ("ctest_junit.txt", ParserKind::JunitAtEnd, 8, [1, 1, 0, 1], None),
    ("dotnet.txt", ParserKind::Dotnet, 1, [1, 1, 0, 1], None),
    ("libtest.txt", ParserKind::Libtest, 101, [4, 6, 0, 1], None),
    ("libtest_color.txt", ParserKind::Libtest, 101, [4, 6, 0, 1], None),
    ("libtest_backtrace.txt", ParserKind::Libtest, 101, [0, 1, 0, 0], None),
    ("libtest_quiet.txt", ParserKind::Libtest, 101, [2, 4, 0, 1], None),
    ("libtest_nocapture.txt", ParserKind::Libtest, 101, [2, 4, 0, 1], None),
    ("libtest_abort.txt", ParserKind::Libtest, 101, [0, 0, 1, 0], None),
    ("libtest_compile.txt", ParserKind::Libtest, 101, [0, 0, 1, 0], Some(Problem::DidNotBuild)),
    ("nextest.txt", ParserKind::Nextest, 100, [3, 5, 0, 1], None),
    ("nextest_color.txt", ParserKind::Nextest, 100, [3, 5, 0, 1], None),
    ("nextest_timeout.txt", ParserKind::Nextest, 100, [1, 1, 2, 0], None),
    ("nextest_compile.txt", ParserKind::Nextest, 101, [0, 0, 1, 0], Some(Problem::DidNotBuild)),
    ("pytest.txt", ParserKind::Pytest, 1, [5, 7, 1, 2], None),
    ("pytest_verbose.txt", ParserKind::Pytest, 1, [7, 7, 1, 2], None),
    ("pytest_color.txt", ParserKind::Pytest, 1, [7, 7, 1, 2], None),
    ("pytest_quiet.txt", ParserKind::Pytest, 1, [5, 7, 1, 2], None),
    ("pytest_ra.txt", ParserKind::Pytest, 1, [5, 7, 1, 2], None),
    ("pytest_line.txt", ParserKind::Pytest, 1, [5, 7, 1, 2], None),
    ("pytest_native.txt", ParserKind::Pytest, 1, [7, 7, 1, 2], None),
    ("pytest_collect.txt", ParserKind::Pytest, 2, [0, 0, 1, 0], Some(Problem::DidNotBuild)),
    ("pytest_none.txt", ParserKind::Pytest, 5, [0, 0, 0, 0], Some(Problem::NoTests)),
    ("unittest_verbose.txt", ParserKind::Unittest, 1, [2, 3, 2, 2], None),
    ("unittest_quiet.txt", ParserKind::Unittest, 1, [2, 3, 2, 2], None),
    ("unittest_import.txt", ParserKind::Unittest, 1, [2, 3, 3, 2], None),
    ("unittest_ok.txt", ParserKind::Unittest, 0, [1, 0, 0, 0], None),
    ("go_json.txt", ParserKind::GoJson, 1, [5, 5, 1, 1], None),
    ("go_timeout.txt", ParserKind::GoJson, 1, [0, 0, 1, 0], None),
    ("go_verbose.txt", ParserKind::GoText, 1, [5, 5, 1, 1], None),
    ("go_plain.txt", ParserKind::GoText, 1, [0, 5, 1, 0], None),
    ("jest.txt", ParserKind::Jest, 1, [3, 3, 1, 2], None),
    ("jest_verbose.txt", ParserKind::Jest, 1, [3, 3, 1, 2], None),
    ("jest_color.txt", ParserKind::Jest, 1, [3, 3, 1, 2], None),
    ("jest.json", ParserKind::JestJson, 1, [3, 3, 1, 2], None),
    ("vitest.txt", ParserKind::Vitest, 1, [3, 3, 1, 2], None),
    ("vitest_color.txt", ParserKind::Vitest, 1, [3, 3, 1, 2], None),
    ("vitest_verbose.txt", ParserKind::Vitest, 1, [3, 3, 1, 2], None),
    ("vitest.json", ParserKind::JestJson, 1, [3, 3, 1, 2], None),
    ("vitest_tap.txt", ParserKind::Tap, 1, [3, 4, 0, 2], None),
    ("mocha.txt", ParserKind::Mocha, 4, [3, 3, 1, 2], None),
    ("mocha_color.txt", ParserKind::Mocha, 4, [3, 3, 1, 2], None),
    ("mocha_syntax.txt", ParserKind::Mocha, 1, [0, 0, 1, 0], Some(Problem::DidNotBuild)),
    ("mocha_tap.txt", ParserKind::Tap, 4, [3, 4, 0, 2], None),
    ("node_spec.txt", ParserKind::NodeSpec, 1, [2, 3, 1, 2], None),
    ("node_color.txt", ParserKind::NodeSpec, 1, [2, 3, 1, 2], None),
    ("node_tap.txt", ParserKind::Tap, 1, [2, 3, 1, 2], None),
    ("perl_tap.txt", ParserKind::Tap, 2, [2, 2, 0, 2], None),
    ("prove_verbose.txt", ParserKind::Tap, 1, [2, 2, 0, 2], None),
    ("prove.txt", ParserKind::Tap, 1, [0, 1, 0, 0], None),
    ("bats_tap.txt", ParserKind::Tap, 1, [1, 1, 0, 1], None),
    ("junit_pytest.xml", ParserKind::Junit, 1, [5, 6, 1, 2], None),
    ("junit_nextest.xml", ParserKind::Junit, 100, [1, 3, 0, 0], None),
    ("junit_ant.xml", ParserKind::Junit, 0, [1, 1, 1, 1], None),
    ("junit_jest.xml", ParserKind::Junit, 1, [4, 3, 0, 1], None),
    ("unittest_none.txt", ParserKind::Unittest, 0, [0, 0, 0, 0], Some(Problem::NoTests)),
];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checks").join(name)
}

fn place() -> ProjectRoot {
    ProjectRoot { root: Some("/home/user/project".into()), go_module: Some("example.com/sums".into()) }
}

/// The events of a stream fed in these chunks, and the summary.
fn read<'a>(
    kind: ParserKind,
    exit: Option<i32>,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<CheckEvent>, Summary) {
    let mut stream = CheckStream::new(kind, place());
    let mut events = Vec::new();
    for chunk in chunks {
        events.extend(stream.feed(chunk));
    }
    events.extend(stream.finish(exit));
    let Some(CheckEvent::Finished(summary)) = events.last() else {
        panic!("the last event is the summary");
    };
    let summary = *summary;
    let mut folded: BTreeMap<&str, &CaseReport> = BTreeMap::new();
    for event in &events {
        if let CheckEvent::Reported(report) = event {
            folded.insert(&report.case, report);
        }
    }
    for case in stream.cases() {
        assert_eq!(folded.get(case.case.as_str()), Some(&case), "the last report is the whole truth");
    }
    (events, summary)
}

/// The cases, one a line: status, id, suites, place, first line of the message.
fn picture(kind: ParserKind, exit: i32, bytes: &[u8]) -> String {
    let mut stream = CheckStream::new(kind, place());
    stream.feed(bytes);
    stream.finish(Some(exit));
    let mut out = String::new();
    for c in stream.cases() {
        let status = match c.status {
            CaseStatus::Passed => "passed ",
            CaseStatus::Failed => "FAILED ",
            CaseStatus::Skipped => "skipped",
            CaseStatus::Errored => "ERRORED",
        };
        let place = match (&c.file, c.line) {
            (Some(f), Some(l)) => format!("{f}:{l}"),
            (Some(f), None) => f.clone(),
            (None, _) => "-".into(),
        };
        let ms = c.ms.map(|ms| format!(" {ms}ms")).unwrap_or_default();
        let message = c.message.as_deref().and_then(|m| m.lines().next()).unwrap_or("-");
        out.push_str(&format!("{status} {}\n        {:?} at {place}{ms}: {message}\n", c.case, c.suite));
    }
    out
}

#[test]
fn real_outputs_are_understood() {
    let mut wrong = Vec::new();
    for (name, kind, exit, counts, problem) in FIXTURES {
        let bytes = std::fs::read(path(name)).unwrap();
        let (_, s) = read(*kind, Some(*exit), [bytes.as_slice()]);
        let got = [s.passed, s.failed, s.errored, s.skipped];
        if (got, s.problem) != (*counts, *problem) {
            wrong.push(format!("{name}: want {counts:?} {problem:?}, got {got:?} {:?}", s.problem));
        }
        let got = picture(*kind, *exit, &bytes);
        let want = path(&format!("{name}.want"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&want, &got).unwrap();
        } else if std::fs::read_to_string(&want).unwrap_or_default() != got {
            wrong.push(format!("{name} is read as\n{got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_parser_has_a_fixture_and_an_entry() {
    for (kind, _) in PARSERS.iter().filter(|(kind, _)| *kind != ParserKind::Auto) {
        assert!(FIXTURES.iter().any(|f| f.1 == *kind), "{kind:?}");
    }
}

/// Splits with a coarse stride over all fixtures, at every byte for the short ones.
#[test]
fn a_split_changes_nothing() {
    for (name, kind, exit, _, _) in FIXTURES {
        let bytes = std::fs::read(path(name)).unwrap();
        let whole = read(*kind, Some(*exit), [bytes.as_slice()]);
        for size in [1, 7, 64] {
            assert_eq!(whole, read(*kind, Some(*exit), bytes.chunks(size)), "{name} in chunks of {size}");
        }
        let stride = (bytes.len() / 50).max(1);
        for at in (0..bytes.len()).step_by(stride) {
            let (a, b) = bytes.split_at(at);
            assert_eq!(whole, read(*kind, Some(*exit), [a, b]), "{name} split at {at}");
        }
    }
}

#[test]
fn a_cut_run_is_never_green() {
    for (name, kind, _, _, _) in FIXTURES {
        let bytes = std::fs::read(path(name)).unwrap();
        for at in (0..bytes.len()).step_by((bytes.len() / 20).max(1)) {
            let (_, s) = read(*kind, None, [bytes.get(..at).unwrap()]);
            assert!(!s.is_green() && s.problem == Some(Problem::Stopped), "{name} cut at {at}");
        }
    }
}

fn any_kind() -> impl Strategy<Value = ParserKind> {
    proptest::sample::select(PARSERS.iter().map(|(k, _)| *k).collect::<Vec<_>>())
}

/// Lines of all fixtures: shuffled and cut they look like any runner gone wrong.
static SHARDS: std::sync::LazyLock<Vec<Vec<u8>>> = std::sync::LazyLock::new(|| {
    let mut out: Vec<Vec<u8>> = Vec::new();
    for (name, ..) in FIXTURES {
        let bytes = std::fs::read(path(name)).unwrap();
        out.extend(bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec));
    }
    out
});

proptest! {
    #[test]
    fn any_bytes_are_survived(kind in any_kind(), bytes in proptest::collection::vec(any::<u8>(), 0..2000), at in 0usize..2000) {
        let (a, b) = bytes.split_at(at.min(bytes.len()));
        prop_assert_eq!(read(kind, Some(1), [a, b]), read(kind, Some(1), [bytes.as_slice()]));
    }

    #[test]
    fn any_mix_of_real_lines_is_survived(kind in any_kind(), picks in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..60)) {

        let mut bytes = Vec::new();
        for (pick, cut) in picks {
            let line = pick.get(&SHARDS);
            let cut = if cut.index(8) == 0 { cut.index(line.len().max(1)) } else { line.len() };
            bytes.extend_from_slice(line.get(..cut).unwrap());
        }
        let whole = read(kind, Some(1), [bytes.as_slice()]);
        prop_assert_eq!(&whole, &read(kind, Some(1), bytes.chunks(3)));
        prop_assert!(!whole.1.is_green());
    }
}
