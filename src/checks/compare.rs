//! Two runs side by side, cases that change their mind, and which action broke what.

use crate::model::check::{CaseReport, CaseStatus};
use std::collections::{BTreeMap, BTreeSet};

/// The changes from one run to the next, as case ids in order of the later run (of the earlier for `gone`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Went wrong before, passes now.
    pub fixed: Vec<String>,
    /// Passed or was skipped before, goes wrong now.
    pub broken: Vec<String>,
    /// Wrong in both.
    pub still_failing: Vec<String>,
    /// Not there before.
    pub new: Vec<String>,
    /// Of `new`, those that go wrong.
    pub new_failing: Vec<String>,
    /// There before, not reported now.
    pub gone: Vec<String>,
    /// Ran before, is skipped now: a failing test can be silenced this way.
    pub silenced: Vec<String>,
}

impl Comparison {
    /// Something got better and nothing worse: no case broke, vanished, was silenced or is new and wrong.
    pub fn is_better(&self) -> bool {
        !self.fixed.is_empty() && self.is_no_worse()
    }

    /// Nothing broke, vanished, was silenced or is new and wrong.
    pub fn is_no_worse(&self) -> bool {
        self.broken.is_empty() && self.gone.is_empty() && self.silenced.is_empty() && self.new_failing.is_empty()
    }
}

/// Compares two runs of the same command. A case whose id holds a line number is the same after it moved.
pub fn compare(before: &[CaseReport], after: &[CaseReport]) -> Comparison {
    let moved = moved(before, after);
    let mut old: BTreeMap<&str, CaseStatus> = before.iter().map(|c| (c.case.as_str(), c.status)).collect();
    for (now, was) in &moved {
        if let Some(status) = old.remove(was) {
            old.insert(now, status);
        }
    }
    let stays: BTreeSet<&str> = moved.values().copied().collect();
    let mut out = Comparison::default();
    let mut seen = BTreeSet::new();
    for c in after {
        if !seen.insert(c.case.as_str()) {
            continue;
        }
        let id = c.case.clone();
        let Some(was) = old.get(c.case.as_str()).copied() else {
            if c.status.is_bad() {
                out.new_failing.push(id.clone());
            }
            out.new.push(id);
            continue;
        };
        match (was.is_bad(), c.status) {
            (true, CaseStatus::Passed) => out.fixed.push(id),
            (true, CaseStatus::Failed | CaseStatus::Errored) => out.still_failing.push(id),
            (false, CaseStatus::Failed | CaseStatus::Errored) => out.broken.push(id),
            (_, CaseStatus::Skipped) if was != CaseStatus::Skipped => out.silenced.push(id),
            (false, CaseStatus::Passed) | (_, CaseStatus::Skipped) => {}
        }
    }
    let mut gone = BTreeSet::new();
    out.gone = before
        .iter()
        .filter(|c| !stays.contains(c.case.as_str()) && !seen.contains(c.case.as_str()) && gone.insert(c.case.as_str()))
        .map(|c| c.case.clone())
        .collect();
    out
}

/// Pairs ids that differ in nothing but a `(line N)`, as the doc tests of rustdoc have it, in order of their lines:
/// the id now, and the id before.
fn moved<'a>(before: &'a [CaseReport], after: &'a [CaseReport]) -> BTreeMap<&'a str, &'a str> {
    let unmatched = |cases: &'a [CaseReport], others: &'a [CaseReport]| {
        let known: BTreeSet<&str> = others.iter().map(|c| c.case.as_str()).collect();
        let mut by_name: BTreeMap<String, BTreeMap<u32, &'a str>> = BTreeMap::new();
        for id in cases.iter().map(|c| c.case.as_str()).filter(|id| !known.contains(id)) {
            if let Some((name, line)) = without_line(id) {
                by_name.entry(name).or_default().insert(line, id);
            }
        }
        by_name
    };
    let (mut old, new) = (unmatched(before, after), unmatched(after, before));
    let pairs = new.into_iter().flat_map(|(name, now)| {
        let was = old.remove(&name).unwrap_or_default();
        now.into_values().zip(was.into_values())
    });
    pairs.collect()
}

/// Splits `src/lib.rs - half (line 10)` into the id without the line, and the line.
fn without_line(id: &str) -> Option<(String, u32)> {
    let (head, rest) = id.rsplit_once(" (line ")?;
    let (line, tail) = rest.split_once(')')?;
    Some((format!("{head}{tail}"), line.parse().ok()?))
}

/// Compares only these cases: for a later run of some cases, in which runners call the others skipped or
/// leave them out.
pub fn compare_some(before: &[CaseReport], after: &[CaseReport], asked: &BTreeSet<String>) -> Comparison {
    let only = |cases: &[CaseReport]| -> Vec<CaseReport> {
        cases.iter().filter(|c| asked.contains(&c.case)).cloned().collect()
    };
    compare(&only(before), &only(after))
}

/// One run in a row of runs: its tree, the action before it, and how each case ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunOutcome {
    /// The digest of the tree it ran on.
    pub digest: String,
    /// The last action applied before it, if any.
    pub action: Option<String>,
    pub cases: BTreeMap<String, CaseStatus>,
}

impl RunOutcome {
    pub fn new(digest: impl Into<String>, action: Option<String>, cases: &[CaseReport]) -> Self {
        Self { digest: digest.into(), action, cases: cases.iter().map(|c| (c.case.clone(), c.status)).collect() }
    }
}

/// Cases that both passed and went wrong on the same tree, sorted.
pub fn flaky(runs: &[RunOutcome]) -> Vec<String> {
    let mut seen: BTreeMap<(&str, &str), (bool, bool)> = BTreeMap::new();
    for run in runs {
        for (case, status) in &run.cases {
            let (passed, bad) = seen.entry((case, &run.digest)).or_default();
            *passed |= *status == CaseStatus::Passed;
            *bad |= status.is_bad();
        }
    }
    let flaky: BTreeSet<&str> =
        seen.iter().filter(|(_, both)| **both == (true, true)).map(|((case, _), _)| *case).collect();
    flaky.into_iter().map(str::to_owned).collect()
}

/// In words, what some runs of one case on the same files say.
pub fn flaky_words(case: &str, passed: u32, failed: u32) -> String {
    let times = |n: u32| if n == 1 { "once".to_owned() } else { format!("{n} times") };
    match (passed, failed) {
        (_, 0) => format!("{case} passed {} on the same files: it is stable", times(passed)),
        (0, _) => format!("{case} failed {} on the same files: it is stable", times(failed)),
        _ => {
            format!("{case} passed {} and failed {} on the same files: it is not stable", times(passed), times(failed))
        }
    }
}

/// Runs × cases, oldest run first: which action broke what.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    pub runs: Vec<RunOutcome>,
}

impl Matrix {
    /// Every case of any run, sorted.
    pub fn cases(&self) -> Vec<&str> {
        let all: BTreeSet<&str> = self.runs.iter().flat_map(|r| r.cases.keys().map(String::as_str)).collect();
        all.into_iter().collect()
    }

    /// Returns the status of a case in each run; `None` where it was not reported.
    pub fn row(&self, case: &str) -> Vec<Option<CaseStatus>> {
        self.runs.iter().map(|r| r.cases.get(case).copied()).collect()
    }

    /// The run in which a case that is wrong now last turned from passed to wrong. `None` if it is not wrong now,
    /// never passed, or is flaky.
    pub fn broke_in(&self, case: &str) -> Option<usize> {
        let row = self.row(case);
        if !row.iter().rev().find_map(|s| *s).is_some_and(CaseStatus::is_bad) || self.is_flaky(case) {
            return None;
        }
        let last_pass = row.iter().rposition(|s| *s == Some(CaseStatus::Passed))?;
        let turned = row.iter().skip(last_pass).position(|s| s.is_some_and(CaseStatus::is_bad))?;
        Some(last_pass + turned)
    }

    /// The actions between the last run in which a case passed and the first in which it was wrong again.
    /// One action is a culprit; several are suspects.
    pub fn suspects(&self, case: &str) -> Vec<&str> {
        let Some(broke) = self.broke_in(case) else {
            return Vec::new();
        };
        let row = self.row(case);
        let pass = row.iter().take(broke).rposition(|s| *s == Some(CaseStatus::Passed)).unwrap_or(0);
        self.runs.iter().take(broke + 1).skip(pass + 1).filter_map(|r| r.action.as_deref()).collect()
    }

    fn is_flaky(&self, case: &str) -> bool {
        flaky(&self.runs).iter().any(|c| c == case)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::ledger::case;
    use CaseStatus::*;

    fn run(cases: &[(&str, CaseStatus)]) -> Vec<CaseReport> {
        cases.iter().map(|(id, s)| case(*id, vec![], *s)).collect()
    }

    #[test]
    fn every_transition_has_a_place() {
        let before = run(&[
            ("a", Failed),
            ("b", Passed),
            ("c", Errored),
            ("d", Passed),
            ("e", Failed),
            ("f", Failed),
            ("g", Skipped),
        ]);
        let after = run(&[
            ("a", Passed),
            ("b", Errored),
            ("c", Failed),
            ("d", Passed),
            ("e", Skipped),
            ("n", Passed),
            ("m", Failed),
            ("g", Skipped),
        ]);
        let c = compare(&before, &after);
        assert_eq!(c.fixed, ["a"]);
        assert_eq!(c.broken, ["b"]);
        assert_eq!(c.still_failing, ["c"]);
        assert_eq!(c.silenced, ["e"]);
        assert_eq!(c.new, ["n", "m"]);
        assert_eq!(c.new_failing, ["m"]);
        assert_eq!(c.gone, ["f"]);
        assert!(!c.is_better());
        assert!(compare(&run(&[("a", Failed)]), &run(&[("a", Passed)])).is_better());
        assert!(!compare(&run(&[("a", Failed)]), &run(&[])).is_no_worse());
    }

    #[test]
    fn a_doc_test_that_moved_is_the_same_case() {
        let before = run(&[("s src/lib.rs - div (line 1)", Failed), ("s src/lib.rs - div (line 9)", Passed)]);
        let after = run(&[("s src/lib.rs - div (line 13)", Passed), ("s src/lib.rs - div (line 5)", Passed)]);
        let c = compare(&before, &after);
        assert_eq!((c.fixed.len(), c.broken, c.new, c.gone), (1, vec![], vec![], vec![]));
        assert_eq!(c.fixed, ["s src/lib.rs - div (line 5)"]);
    }

    #[test]
    fn cases_that_were_not_asked_for_do_not_count() {
        let before = run(&[("a", Failed), ("b", Passed)]);
        let after = run(&[("a", Passed), ("b", Skipped)]);
        assert!(!compare(&before, &after).is_better());
        assert!(compare_some(&before, &after, &BTreeSet::from(["a".to_owned()])).is_better());
    }

    fn outcome(digest: &str, action: Option<&str>, cases: &[(&str, CaseStatus)]) -> RunOutcome {
        RunOutcome::new(digest, action.map(str::to_owned), &run(cases))
    }

    #[test]
    fn flaky_means_both_on_the_same_tree() {
        let runs = [
            outcome("d1", None, &[("a", Passed), ("b", Passed)]),
            outcome("d1", None, &[("a", Failed), ("b", Skipped)]),
            outcome("d2", None, &[("b", Failed)]),
        ];
        assert_eq!(flaky(&runs), ["a"]);
    }

    #[test]
    fn the_matrix_names_the_action() {
        let m = Matrix {
            runs: vec![
                outcome("d0", None, &[("a", Passed), ("b", Failed), ("c", Passed)]),
                outcome("d1", Some("a1"), &[("a", Passed), ("b", Failed)]),
                outcome("d2", Some("a2"), &[("a", Failed), ("b", Passed), ("c", Failed)]),
                outcome("d3", Some("a3"), &[("a", Failed), ("b", Passed)]),
            ],
        };
        assert_eq!(m.broke_in("a"), Some(2));
        assert_eq!(m.suspects("a"), ["a2"]);
        assert_eq!(m.suspects("c"), ["a1", "a2"]);
        assert!(m.suspects("b").is_empty());
        assert_eq!(m.cases(), ["a", "b", "c"]);
    }

    fn any_run() -> impl proptest::strategy::Strategy<Value = Vec<CaseReport>> {
        use proptest::prelude::*;
        proptest::collection::vec(
            (0u8..8, prop_oneof![Just(Passed), Just(Failed), Just(Skipped), Just(Errored)]),
            0..10,
        )
        .prop_map(|v| v.into_iter().map(|(i, s)| case(format!("c{i}"), vec![], s)).collect())
    }

    proptest::proptest! {
        #[test]
        fn each_case_stands_in_at_most_one_list(before in any_run(), after in any_run()) {
            let c = compare(&before, &after);
            let mut all: Vec<&String> = [&c.fixed, &c.broken, &c.still_failing, &c.new, &c.gone, &c.silenced].into_iter().flatten().collect();
            let n = all.len();
            all.sort();
            all.dedup();
            proptest::prop_assert_eq!(n, all.len());
        }
    }
}
