//! Tests with output that looks like their runner's: only the runner's own words count.

use super::*;
use crate::model::check::CaseStatus;

/// Names with their status, sorted, and passed, failed, errored.
fn read(kind: ParserKind, text: &str, exit: i32) -> (Vec<String>, (u32, u32, u32)) {
    let mut stream = CheckStream::new(kind, ProjectRoot::default());
    stream.feed(text.as_bytes());
    let events = stream.finish(Some(exit));
    let Some(CheckEvent::Finished(s)) = events.last() else { panic!("no summary") };
    let mut names: Vec<String> = stream.cases().iter().map(|c| format!("{:?} {}", c.status, c.case)).collect();
    names.sort();
    (names, (s.passed, s.failed, s.errored))
}

fn check(kind: ParserKind, text: &str, exit: i32, names: &[&str], counts: (u32, u32, u32)) {
    assert_eq!(read(kind, text, exit), (names.iter().map(|n| (*n).to_owned()).collect(), counts), "{text}");
}

const PYTEST_START: &str = "============================= test session starts ==============================\n";

#[test]
fn ids_of_pytest_may_hold_brackets_and_outcome_words() {
    let text = format!(
        "{PYTEST_START}test_w.py::test_line[job ERROR (timeout)] PASSED [ 25%]\n\
         test_w.py::test_line[exit FAILED (1)] FAILED [ 50%]\n\
         test_w.py::test_open[]-2] FAILED [ 75%]\n\
         test_w.py::test_skip[a] SKIPPED (no PASSED (yet)) [100%]\n\
         =================================== FAILURES ===================================\n\
         ______________________________ test_open[]-2] ______________________________\n\
         E   AssertionError: open - sides\n\
         =========================== short test summary info ============================\n\
         FAILED test_w.py::test_line[exit FAILED (1)] - assert 0 - really\n\
         FAILED test_w.py::test_open[]-2] - AssertionError: open - sides\n\
         ============== 2 failed, 1 passed, 1 skipped in 0.02s ==============\n"
    );
    check(
        ParserKind::Pytest,
        &text,
        1,
        &[
            "Failed test_w.py::test_line[exit FAILED (1)]",
            "Failed test_w.py::test_open[]-2]",
            "Passed test_w.py::test_line[job ERROR (timeout)]",
            "Skipped test_w.py::test_skip[a]",
        ],
        (1, 2, 0),
    );
}

/// Authors of plugins run pytest in their tests, and a failing test's output is shown.
#[test]
fn the_output_of_an_inner_pytest_is_no_result() {
    let inner = "============================= test session starts ==============================\n\
        test_inner.py::test_ok PASSED [ 50%]\n\
        =================================== FAILURES ===================================\n\
        __________________________________ test_deep ___________________________________\n\
        ----------------------------- Captured stdout call -----------------------------\n\
        noise\n\
        =========================== short test summary info ============================\n\
        FAILED test_inner.py::test_deep - assert 0\n\
        ========================= 1 failed, 1 passed in 0.02s ==========================\n";
    let names = ["Failed test_p.py::test_other", "Failed test_p.py::test_outer", "Passed test_p.py::test_fine"];
    for after in ["", "and then some\n", "\n"] {
        let text = format!(
            "{PYTEST_START}test_p.py::test_outer FAILED [ 33%]\ntest_p.py::test_fine PASSED [ 66%]\n\
             test_p.py::test_other FAILED [100%]\n\
             =================================== FAILURES ===================================\n\
             __________________________________ test_outer __________________________________\n\
             E   AssertionError: outer is wrong\n\
             ----------------------------- Captured stdout call -----------------------------\n\
             {inner}{after}{inner}{after}\
             __________________________________ test_other __________________________________\n\
             E   assert 1\n\
             ----------------------------- Captured stdout call -----------------------------\n\
             {inner}{after}\
             =========================== short test summary info ============================\n\
             FAILED test_p.py::test_outer - AssertionError: outer is wrong\n\
             FAILED test_p.py::test_other - assert 1\n\
             ========================= 2 failed, 1 passed in 0.12s ==========================\n"
        );
        check(ParserKind::Pytest, &text, 1, &names, (1, 2, 0));
        // Two runs of one command are still two runs.
        let other = text.replace("test_p.py", "test_q.py");
        let (cases, counts) = read(ParserKind::Pytest, &format!("{text}{other}"), 1);
        assert_eq!((cases.len(), counts), (6, (2, 4, 0)), "{cases:#?}");
    }
}

#[test]
fn quiet_runs_of_pytest_add_up() {
    let text = "..F [100%]\n1 failed, 2 passed in 0.01s\n.. [100%]\n2 passed in 0.01s\n";
    assert_eq!(read(ParserKind::Pytest, text, 1).1, (4, 1, 0));
}

#[test]
fn a_rust_test_that_prints_without_a_line_end_is_named() {
    let text = "     Running unittests src/lib.rs (target/debug/deps/sums-0f)\n\nrunning 3 tests\n\
        test a ... progress 100%ok\ntest b ... one\ntwoFAILED\ntest c ... ok\n\nfailures:\n\n---- b stdout ----\n\
        ---- ghost stdout ----\ntest result: ok. 9 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
        test ghost ... ok\n\nfailures:\n    b\n\n\
        test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n";
    let (names, counts) = read(ParserKind::Libtest, text, 101);
    assert_eq!(counts, (2, 1, 0), "{names:?}");
    assert!(names.contains(&"Passed sums a".to_owned()) && names.contains(&"Failed sums b".to_owned()), "{names:?}");
    assert!(!names.iter().any(|n| n.starts_with("Failed sums ghost")), "{names:?}");
}

#[test]
fn a_go_test_that_prints_a_result_line_has_its_own_result() {
    let line = |action: &str, test: &str, output: &str| {
        serde_json::json!({"Action": action, "Package": "e/s", "Test": test, "Output": output}).to_string() + "\n"
    };
    let text = [
        line("run", "TestMeta", ""),
        line("output", "TestMeta", "--- FAIL: TestMeta (from the tool under test)\n"),
        line("output", "TestMeta", "--- FAIL: TestMeta (1.00s) or so\n"),
        line("output", "TestMeta", "done--- PASS: TestMeta (0.00s)\n"),
        r#"{"Action":"pass","Package":"e/s","Elapsed":0.1}"#.to_owned() + "\n",
    ]
    .concat();
    check(ParserKind::GoJson, &text, 0, &["Passed e/s.TestMeta"], (1, 0, 0));
}

#[test]
fn a_count_printed_by_a_python_test_is_not_counted() {
    let text = "test_a (t.T.test_a) ... ok\ntest_banner (t.T.test_banner) ... \nRan 8 tests in 0.002s\n\nOK\nok\n\n\
        ----------------------------------------------------------------------\nRan 2 tests in 0.000s\n\nOK\n";
    check(ParserKind::Unittest, text, 0, &["Passed t.T.test_a", "Passed t.T.test_banner"], (2, 0, 0));
    let quiet =
        "..\n----------------------------------------------------------------------\nRan 2 tests in 0.000s\n\nOK\n";
    assert_eq!(read(ParserKind::Unittest, &quiet.repeat(2), 0).1, (4, 0, 0));
}

#[test]
fn captured_output_of_nextest_holds_no_cases() {
    let text = "    Starting 2 tests across 1 binary\n        FAIL [   0.004s] sums tests::outer\n  stdout ───\n\
        \n    running 1 test\n        PASS [   0.003s] sums tests::ghost\n     Summary [   0.010s] 9 tests run: 9 passed\n\
        \x20   thread 'tests::outer' panicked at src/lib.rs:9:5:\n    outer is wrong\n\n\
        \x20       PASS [   0.003s] sums tests::fine\n────────────\n\
        \x20    Summary [   0.010s] 2 tests run: 1 passed, 1 failed, 0 skipped\n        FAIL [   0.004s] sums tests::outer\n";
    let (names, counts) = read(ParserKind::Nextest, text, 100);
    assert_eq!(names, ["Failed sums tests::outer", "Passed sums tests::fine"]);
    assert_eq!(counts.1, 1);
}

#[test]
fn a_format_that_nobody_named_is_told_from_the_output() {
    let libtest =
        "running 1 test\ntest a ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
    let go = "=== RUN   TestA\n--- PASS: TestA (0.00s)\nPASS\nok  \te/s\t0.002s\n";
    let jest = "PASS ./a.test.js\n  timer\n    \u{2713} waits (5 ms)\n\nTests:       1 passed, 1 total\n";
    let unittest = "test_a (t.T.test_a) ... ok\n\n----------------------------------------------------------------------\nRan 1 test in 0.000s\n\nOK\n";
    for text in [libtest, go, jest, unittest, "ok 1 - a\n1..1\n", "  ✔ a (1ms)\n\n  1 passing (3ms)\n"] {
        assert_eq!(read(ParserKind::Auto, text, 0).1, (1, 0, 0), "{text}");
    }
    assert_eq!(read(ParserKind::Auto, "all good\n", 0), (Vec::new(), (0, 0, 0)));
    assert!(!CaseStatus::Passed.is_bad());
}
