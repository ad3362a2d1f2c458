//! The cases of a run as a tree of suites with counts, for the tests pane.

use crate::checks::limits::CHECK_SUITE_DEPTH_MAX;
use crate::model::check::{CaseReport, CaseStatus};
use std::collections::HashMap;

/// The number of cases by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u32,
    pub failed: u32,
    pub skipped: u32,
    pub errored: u32,
}

impl Counts {
    /// Failed or errored.
    pub fn bad(&self) -> u32 {
        self.failed.saturating_add(self.errored)
    }

    pub fn total(&self) -> u32 {
        self.bad().saturating_add(self.passed).saturating_add(self.skipped)
    }

    fn add(&mut self, status: CaseStatus) {
        let count = match status {
            CaseStatus::Passed => &mut self.passed,
            CaseStatus::Failed => &mut self.failed,
            CaseStatus::Skipped => &mut self.skipped,
            CaseStatus::Errored => &mut self.errored,
        };
        *count = count.saturating_add(1);
    }
}

/// The order of siblings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As first reported.
    #[default]
    Reported,
    /// Suites and cases that failed first, otherwise as reported.
    FailuresFirst,
}

/// A suite; the root has no name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuiteNode {
    pub name: String,
    /// Of this suite and all below.
    pub counts: Counts,
    pub suites: Vec<SuiteNode>,
    /// Indices into the cases the tree was made of.
    pub cases: Vec<usize>,
}

/// Builds the tree. Suites deeper than [`CHECK_SUITE_DEPTH_MAX`] join the deepest kept.
pub fn tree_of(cases: &[&CaseReport], order: Order) -> SuiteNode {
    let mut nodes = vec![Flat::default()];
    let mut known: HashMap<(usize, &str), usize> = HashMap::new();
    for (index, case) in cases.iter().enumerate() {
        let mut at = 0;
        count(&mut nodes, at, case.status);
        for name in case.suite.iter().take(CHECK_SUITE_DEPTH_MAX) {
            let next = nodes.len();
            let child = *known.entry((at, name.as_str())).or_insert(next);
            if child == next {
                nodes.push(Flat::default());
                if let Some(parent) = nodes.get_mut(at) {
                    parent.suites.push((name, child));
                }
            }
            at = child;
            count(&mut nodes, at, case.status);
        }
        if let Some(node) = nodes.get_mut(at) {
            node.cases.push(index);
        }
    }
    assemble("", 0, &nodes, cases, order)
}

#[derive(Debug, Default)]
struct Flat<'a> {
    counts: Counts,
    suites: Vec<(&'a str, usize)>,
    cases: Vec<usize>,
}

fn count(nodes: &mut [Flat<'_>], at: usize, status: CaseStatus) {
    if let Some(node) = nodes.get_mut(at) {
        node.counts.add(status);
    }
}

fn assemble(name: &str, at: usize, nodes: &[Flat<'_>], cases: &[&CaseReport], order: Order) -> SuiteNode {
    let Some(flat) = nodes.get(at) else {
        return SuiteNode::default();
    };
    let mut node = SuiteNode {
        name: name.to_owned(),
        counts: flat.counts,
        suites: flat.suites.iter().map(|(name, child)| assemble(name, *child, nodes, cases, order)).collect(),
        cases: flat.cases.clone(),
    };
    if order == Order::FailuresFirst {
        node.suites.sort_by_key(|s| s.counts.bad() == 0);
        node.cases.sort_by_key(|i| cases.get(*i).is_none_or(|c| !c.status.is_bad()));
    }
    node
}

/// The name of a case within its innermost suite: its id without what the suites already say.
pub fn leaf(case: &CaseReport) -> &str {
    let mut rest = case.case.as_str();
    for suite in &case.suite {
        if let Some(at) = rest.find(suite.as_str()) {
            rest = rest.get(at + suite.len()..).unwrap_or_default();
        }
    }
    let name = rest.trim_start_matches([':', '>', '›', '.', '/', '-', ' ']);
    if name.is_empty() { &case.case } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::ledger::case;

    fn report(id: &str, suite: &[&str], status: CaseStatus) -> CaseReport {
        case(id, suite.iter().map(|s| (*s).to_owned()).collect(), status)
    }

    #[test]
    fn suites_nest_and_count() {
        use CaseStatus::*;
        let cases = [
            report("a::x", &["a"], Passed),
            report("b::c::y", &["b", "c"], Failed),
            report("a::z", &["a"], Skipped),
            report("b::w", &["b"], Errored),
            report("top", &[], Passed),
        ];
        let cases: Vec<&CaseReport> = cases.iter().collect();
        let tree = tree_of(&cases, Order::Reported);
        assert_eq!(tree.counts, Counts { passed: 2, failed: 1, skipped: 1, errored: 1 });
        assert_eq!(tree.counts.total(), 5);
        assert_eq!(tree.cases, [4]);
        assert_eq!(tree.suites.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(tree.suites[0].cases, [0, 2]);
        assert_eq!(tree.suites[1].suites[0].cases, [1]);
        let first = tree_of(&cases, Order::FailuresFirst);
        assert_eq!(first.suites.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn leaves() {
        let check =
            |id: &str, suite: &[&str], expect: &str| assert_eq!(leaf(&report(id, suite, CaseStatus::Passed)), expect);
        check("sums tests::deep::index", &["sums", "tests", "deep"], "index");
        check("tests/t.py::G::test_a[x::y]", &["tests/t.py", "G"], "test_a[x::y]");
        check("a.js > sums > halves > five", &["a.js", "sums"], "halves > five");
        check("p/q.TestT/n=2", &["p/q", "TestT"], "n=2");
        check("sums sums_all", &["sums"], "sums_all");
        check("alone", &[], "alone");
        check("same", &["same"], "same");
    }
}
