//! Tests: the tree of cases, what they were before and what they are with the change. Only runs we observed.

use super::row::{Row, wrapped};
use super::{Pane, Title};
use crate::base::Seq;
use crate::base::text::{Show, escape};
use crate::checks::{self, Matrix, Order, RunOutcome, SuiteNode};
use crate::model::check::{CaseReport, CaseStatus, Tree, WITH_ORIGINALS};
use crate::model::event::RunAfter;
use crate::model::session::Run;
use crate::ui::app::{Scene, Touched};
use crate::ui::layout::PaneId;
use crate::ui::list::List;
use crate::ui::look::{Brush, Look};
use crate::ui::theme::{Role, Sign};
use ratatui::layout::{Rect, Size};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Columns of the two results and the time at the right.
const BEFORE_COLUMNS: usize = 8;
const AFTER_COLUMNS: usize = 12;
const TIME_COLUMNS: usize = 9;

/// See the module.
#[derive(Debug, Default)]
pub struct TestsPane {
    list: List,
    rows: Vec<(Key, Row)>,
    /// The cases below each suite, by its path.
    suites: BTreeMap<String, Vec<String>>,
    toggled: BTreeSet<Key>,
    filter: Filter,
    /// Words that a case's id must have to be shown.
    wanted: String,
    /// Cases that are shown and that there are.
    counts: (usize, usize),
}

/// The cases that are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Filter {
    #[default]
    All,
    Failing,
    Changed,
}

/// The identity of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Suite(String),
    Case(String),
    Text,
}

/// The runs that are compared: the last whole one on the workspace, and what came of it since.
struct Compared<'a> {
    before: Option<&'a Run>,
    after: Option<&'a Run>,
    /// Newer runs of some of the cases, oldest first: their results of these replace those of `after`. Then `before` is
    /// `after` too.
    parts: Vec<&'a Run>,
    names: (&'static str, &'static str),
}

fn compared(scene: &Scene) -> Compared<'_> {
    let checks = &scene.session.checks;
    let of = |tree: Tree| checks.runs().rev().filter(move |run| run.started.tree == tree);
    // A candidate is of one action: where another is under review, it says nothing.
    let is_of_target = |run: &&Run| {
        let of = run.subject().and_then(|id| scene.session.actions.get(&id.into()));
        of.is_none_or(|state| scene.target.as_ref() == Some(&state.action.id))
    };
    let candidate = of(Tree::Candidate).filter(|run| !run.started.search && run.finished.is_some()).find(is_of_target);
    let newest = of(Tree::Workspace).find(|run| run.is_whole());
    let is_newer = |run: &&Run| newest.is_none_or(|newest| run.seq > newest.seq);
    let mut parts: Vec<&Run> = of(Tree::Workspace).take_while(is_newer).collect();
    parts.reverse();
    let is_last = |run: &&Run| is_newer(run) && parts.last().is_none_or(|part| run.seq > part.seq);
    match (newest, candidate.filter(is_last)) {
        (Some(_), Some(candidate)) if !candidate.is_whole() => {
            Compared { before: newest, after: newest, parts: vec![candidate], names: ("before", "candidate") }
        }
        (newest, Some(candidate)) => {
            Compared { before: newest, after: Some(candidate), parts: Vec::new(), names: ("before", "candidate") }
        }
        (Some(newest), None) if !parts.is_empty() => {
            Compared { before: Some(newest), after: Some(newest), parts, names: ("before", "now") }
        }
        (Some(newest), None) => {
            let older = |run: &&Run| run.is_whole() && run.finished.is_some() && run.seq < newest.seq;
            let before = of(Tree::Workspace).find(older);
            Compared { before, after: Some(newest), parts, names: ("before", "now") }
        }
        (None, None) => {
            let after = parts.last().copied().or(candidate);
            Compared { before: None, after, parts: Vec::new(), names: ("before", "now") }
        }
    }
}

/// The action before the first run in which a case that fails now failed, with the last run in which it passed; or all
/// that came between two such runs.
fn culprits(scene: &Scene, case: &str) -> Option<String> {
    let runs: Vec<&Run> = scene.session.checks.runs().filter(|run| run.started.tree == Tree::Workspace).collect();
    let mut outcomes: Vec<RunOutcome> = Vec::new();
    let mut since = Seq(0);
    for run in &runs {
        let report: Vec<CaseReport> = run.case(case).cloned().into_iter().collect();
        if report.is_empty() {
            continue;
        }
        let changed = scene.session.actions.changed_between(since, run.seq);
        let words =
            (!changed.is_empty()).then(|| changed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        outcomes.push(RunOutcome::new(run.started.digest.to_string(), words, &report));
        since = run.seq;
    }
    let matrix = Matrix { runs: outcomes };
    let broke = matrix.broke_in(case)?;
    let suspects = matrix.suspects(case).join(", ");
    let names: Vec<&Run> = runs.into_iter().filter(|run| run.case(case).is_some()).collect();
    let failed = names.get(broke)?;
    let passed =
        names.iter().take(broke).rev().find(|run| run.case(case).is_some_and(|c| c.status == CaseStatus::Passed))?;
    let suspects = narrowed(scene, case, &suspects);
    let who = match suspects.as_str() {
        "" => "no action of this session: the files were changed from outside, or the test is not stable".to_owned(),
        one if !one.contains(',') => one.to_owned(),
        several => format!("one of {several}"),
    };
    Some(format!("passed in {}, fails since {}: broken by {who}", passed.started.run, failed.started.run))
}

/// Of these actions, those that runs on the files after one of them leave.
fn narrowed(scene: &Scene, case: &str, suspects: &str) -> String {
    let mut left: Vec<&str> = suspects.split(", ").collect();
    for run in scene.session.checks.runs().filter(|run| run.started.search) {
        let after = run.started.what.as_deref().and_then(|what| what.strip_prefix("after "));
        let at = after.and_then(|id| left.iter().position(|one| *one == id));
        match (at, run.case(case).map(|case| case.status)) {
            (Some(at), Some(status)) if status.is_bad() => left.truncate(at + 1),
            (Some(at), Some(CaseStatus::Passed)) => drop(left.drain(..=at)),
            _ => {}
        }
    }
    left.join(", ")
}

/// A case of either run.
struct Case<'a> {
    /// As the newer run has it, or the older one when the case is gone.
    report: &'a CaseReport,
    before: Option<CaseStatus>,
    after: Option<CaseStatus>,
    change: Option<(&'static str, Role)>,
    flaky: bool,
}

/// Every case once: by suite, what no longer fails before the others, then by name.
fn cases<'a>(before: Option<&'a Run>, after: &'a Run, parts: &[&'a Run]) -> Vec<Case<'a>> {
    let old = before.map_or(&[][..], |run| run.cases.as_slice());
    // Runners report what was not asked for too, as skipped.
    let asked = parts.iter().flat_map(|part| part.started.cases.iter().map(move |id| (id.as_str(), *part)));
    let rerun: BTreeMap<&str, &CaseReport> = asked.filter_map(|(id, part)| Some((id, part.case(id)?))).collect();
    let comparison = match before {
        Some(_) if !parts.is_empty() => {
            let now: Vec<CaseReport> = rerun.values().map(|report| (*report).clone()).collect();
            checks::compare_some(old, &now, &rerun.keys().map(|id| (*id).to_owned()).collect())
        }
        Some(_) => checks::compare(old, &after.cases),
        None => checks::Comparison::default(),
    };
    let now = |report: &'a CaseReport| rerun.get(report.case.as_str()).copied().unwrap_or(report);
    let changes: [(&[String], _); 3] = [
        (&comparison.fixed, ("fixed", Role::Ok)),
        (&comparison.silenced, ("silenced", Role::Warn)),
        (&comparison.broken, ("broken", Role::Fail)),
    ];
    let changes: BTreeMap<&str, (&'static str, Role)> =
        changes.iter().flat_map(|(ids, word)| ids.iter().map(|id| (id.as_str(), *word))).collect();
    let flaky: HashSet<&str> = parts
        .last()
        .copied()
        .unwrap_or(after)
        .finished
        .iter()
        .flat_map(|finished| &finished.flaky)
        .map(String::as_str)
        .collect();
    let gone: HashSet<&str> = comparison.gone.iter().map(String::as_str).collect();
    let was: BTreeMap<&str, CaseStatus> = old.iter().map(|case| (case.case.as_str(), case.status)).collect();
    let is_now = after.cases.iter().map(now).map(|report| (report, Some(report.status)));
    let is_gone = old.iter().filter(|report| gone.contains(report.case.as_str())).map(|report| (report, None));
    let mut all: Vec<Case<'a>> = is_now
        .chain(is_gone)
        .map(|(report, status)| Case {
            report,
            before: was.get(report.case.as_str()).copied(),
            after: status,
            change: changes.get(report.case.as_str()).copied(),
            flaky: flaky.contains(report.case.as_str()),
        })
        .collect();
    all.sort_by(|a, b| {
        let key = |case: &Case<'a>| match (case.change, case.report.status.is_bad()) {
            (Some(("broken", _)), _) => 0,
            (_, false) if case.before.is_some_and(CaseStatus::is_bad) => 1,
            _ => 2,
        };
        (&a.report.suite, key(a), &a.report.case).cmp(&(&b.report.suite, key(b), &b.report.case))
    });
    all
}

/// A suite without cases of its own and with one suite in it is shown as one with that.
fn joined(mut node: &SuiteNode) -> (String, &SuiteNode) {
    let mut name = node.name.clone();
    while let ([only], true) = (node.suites.as_slice(), node.cases.is_empty()) {
        name = format!("{name} › {}", only.name);
        node = only;
    }
    (name, node)
}

/// The ids of all cases in a suite.
fn ids_below(node: &SuiteNode, cases: &[Case<'_>], into: &mut Vec<String>) {
    into.extend(node.cases.iter().filter_map(|index| cases.get(*index)).map(|case| case.report.case.clone()));
    node.suites.iter().for_each(|suite| ids_below(suite, cases, into));
}

fn has_change(node: &SuiteNode, cases: &[Case<'_>]) -> bool {
    let own = node.cases.iter().filter_map(|index| cases.get(*index)).any(|case| case.change.is_some());
    own || node.suites.iter().any(|suite| has_change(suite, cases))
}

fn status(look: &Look, status: Option<CaseStatus>) -> (String, Role) {
    let (sign, role) = match status {
        Some(CaseStatus::Passed) => (Sign::Done, Role::Ok),
        Some(CaseStatus::Failed) => (Sign::Failed, Role::Fail),
        Some(CaseStatus::Errored) => (Sign::Warning, Role::Fail),
        Some(CaseStatus::Skipped) => (Sign::Skipped, Role::TextFaint),
        None => (Sign::Dot, Role::TextFaint),
    };
    (look.sign(sign).to_owned(), role)
}

impl TestsPane {
    fn shows(&self, case: &Case<'_>) -> bool {
        let is_bad = case.after.or(case.before).is_some_and(CaseStatus::is_bad);
        let passes = match self.filter {
            Filter::All => true,
            Filter::Failing => is_bad,
            Filter::Changed => case.change.is_some() || case.flaky || case.after.is_none(),
        };
        passes && case.report.case.to_lowercase().contains(&self.wanted)
    }

    /// All cases, those that fail, those that changed, all; gives its name.
    pub fn next_filter(&mut self) -> &'static str {
        let (filter, name) = match self.filter {
            Filter::All => (Filter::Failing, "tests that fail"),
            Filter::Failing => (Filter::Changed, "tests that changed"),
            Filter::Changed => (Filter::All, "all tests"),
        };
        self.filter = filter;
        name
    }

    /// Shows only the cases with these words in their id, in any case of letters; all when empty.
    pub fn want(&mut self, words: &str) {
        self.wanted = words.trim().to_lowercase();
    }

    /// The case that the cursor is at, and whether it is on the lines below its name.
    #[must_use]
    pub fn case(&self) -> Option<(String, bool)> {
        let is_below = matches!(self.rows.get(self.list.cursor), Some((Key::Text, _)));
        let is_suite = matches!(self.rows.get(self.list.cursor), Some((Key::Suite(_), _)));
        let [id] = self.selected().try_into().ok()?;
        (!is_suite).then_some((id, is_below))
    }

    /// The case under the cursor, or those of the suite, by id.
    #[must_use]
    pub fn selected(&self) -> Vec<String> {
        let above =
            (0..=self.list.cursor).rev().find(|at| self.rows.get(*at).is_some_and(|(key, _)| *key != Key::Text));
        let Some(at) = above else { return Vec::new() };
        match self.rows.get(at) {
            Some((Key::Case(id), _)) => vec![id.clone()],
            Some((Key::Suite(path), _)) => self.suites.get(path).cloned().unwrap_or_default(),
            Some((Key::Text, _)) | None => Vec::new(),
        }
    }

    /// The cases that fail in the newest results, by id.
    #[must_use]
    pub fn failing(scene: &Scene) -> Vec<String> {
        let Compared { before, after: Some(after), parts, .. } = compared(scene) else { return Vec::new() };
        let bad = |case: &Case<'_>| case.after.is_some_and(CaseStatus::is_bad);
        cases(before, after, &parts).iter().filter(|case| bad(case)).map(|case| case.report.case.clone()).collect()
    }

    /// Where the case under the cursor is in the sources, as far as its runner tells.
    #[must_use]
    pub fn source(&self, scene: &Scene) -> Option<(String, u32)> {
        let [id] = self.selected().try_into().ok()?;
        let report =
            scene.session.checks.runs().rev().find_map(|run| run.case(&id).filter(|report| report.file.is_some()))?;
        Some((report.file.clone()?, report.line.unwrap_or(1)))
    }

    fn case_rows(&mut self, scene: &Scene, case: &Case<'_>, depth: u16, columns: u16) {
        let look = &scene.look;
        let newest = case.report;
        let (sign, role) = status(look, Some(newest.status));
        let shown = escape::show(checks::leaf(newest), &Show::default()).into_owned();
        let mut row = Row::new(format!("{sign} "), role)
            .indented(depth)
            .and(shown, if newest.status.is_bad() { Role::Text } else { Role::TextSoft });
        if let Some(file) = &newest.file {
            let line = newest.line.map_or_else(String::new, |line| format!(":{line}"));
            row = row.and(format!("  {}{line}", escape::show(file, &Show::default())), Role::TextFaint);
        }
        if newest.output.is_some() && !self.toggled.contains(&Key::Case(newest.case.clone())) {
            row = row.and("  printed", Role::TextFaint);
        }
        let (before, before_role) = status(look, case.before);
        let (after, after_role) = status(look, case.after);
        let (word, word_role) = match (case.flaky, case.change) {
            (true, _) => ("flaky", Role::Unknown),
            (false, Some(change)) => change,
            (false, None) => ("", after_role),
        };
        let time = newest.ms.map_or_else(String::new, |ms| format!("{ms} ms"));
        let after = format!("{after} {word}");
        if columns >= 60 {
            row = row
                .right(format!("{before:<BEFORE_COLUMNS$}"), before_role)
                .right(format!("{after:<AFTER_COLUMNS$}"), word_role)
                .right(format!("{time:>TIME_COLUMNS$}"), Role::TextFaint);
        } else if !word.is_empty() {
            row = row.right(word, word_role);
        }
        let key = Key::Case(newest.case.clone());
        // The whole message only when asked; a failing case says its first line.
        let open = self.toggled.contains(&key);
        self.rows.push((key, row));
        let headline = newest.message.as_ref().and_then(|message| message.lines().find(|line| !line.trim().is_empty()));
        if let Some(headline) = headline.filter(|_| !open && newest.status.is_bad()) {
            let text = escape::show(headline, &Show::prose()).into_owned();
            self.rows.push((Key::Text, Row::new(text, Role::TextSoft).indented(depth + 2)));
        }
        let is_asked = open && newest.status.is_bad();
        if let Some(words) = is_asked.then(|| culprits(scene, &newest.case)).flatten() {
            let mut lines = Vec::new();
            wrapped(&mut lines, "", Role::Accent, &words, Role::Accent, columns.saturating_sub(depth + 4));
            self.rows.extend(lines.into_iter().map(|row| (Key::Text, row.indented(depth + 2))));
        }
        for message in newest.message.iter().chain(&newest.output).filter(|_| open) {
            let mut lines = Vec::new();
            wrapped(&mut lines, "", Role::TextSoft, message, Role::TextSoft, columns.saturating_sub(depth + 4));
            lines.truncate(crate::ui::limits::UI_MESSAGE_ROWS_MAX);
            self.rows.extend(lines.into_iter().map(|row| (Key::Text, row.indented(depth + 2))));
        }
    }

    /// The rows of a suite: its own cases and the suites in it, what fails first.
    fn suite_rows(&mut self, scene: &Scene, node: &SuiteNode, cases: &[Case<'_>], at: (&str, u16), columns: u16) {
        let (path, depth) = at;
        let inner = if path.is_empty() { 0 } else { depth + 4 };
        let own: Vec<&Case<'_>> = node.cases.iter().filter_map(|index| cases.get(*index)).collect();
        let suites_fail = node.suites.first().is_some_and(|suite| suite.counts.bad() > 0);
        let own_last = suites_fail && !own.iter().any(|case| case.report.status.is_bad());
        if !own_last {
            own.iter().for_each(|case| self.case_rows(scene, case, inner, columns));
        }
        for suite in &node.suites {
            let (name, suite) = joined(suite);
            let path = if path.is_empty() { name.clone() } else { format!("{path} › {name}") };
            let depth = inner.min(columns / 2);
            let mut below = Vec::new();
            ids_below(suite, cases, &mut below);
            self.suites.insert(path.clone(), below);
            if self.suite_row(scene, suite, &name, &path, depth, has_change(suite, cases)) {
                self.suite_rows(scene, suite, cases, (&path, depth), columns);
            }
        }
        if own_last {
            own.iter().for_each(|case| self.case_rows(scene, case, inner, columns));
        }
    }

    /// One row; gives whether what is in the suite is shown.
    fn suite_row(
        &mut self,
        scene: &Scene,
        node: &SuiteNode,
        name: &str,
        path: &str,
        depth: u16,
        changed: bool,
    ) -> bool {
        let (bad, passed) = (node.counts.bad(), node.counts.passed);
        let key = Key::Suite(path.to_owned());
        let open = (bad > 0 || changed) != self.toggled.contains(&key);
        let sign = scene.look.sign(if open { Sign::Open } else { Sign::Closed });
        let mut row = Row::new(format!("{sign} "), Role::TextSoft)
            .indented(depth)
            .and(escape::show(name, &Show::default()).into_owned(), Role::Text)
            .and(format!("  {passed} {}", scene.look.sign(Sign::Done)), Role::TextSoft);
        if bad > 0 {
            row = row.and(format!("  {bad} {}", scene.look.sign(Sign::Failed)), Role::Fail);
        }
        self.rows.push((key, row));
        open
    }
}

fn run_words(scene: &Scene, run: &Run) -> String {
    let look = &scene.look;
    let count = |test: fn(CaseStatus) -> bool| run.cases.iter().filter(|case| test(case.status)).count();
    let (passed, failed) = match &run.finished {
        Some(finished) => (finished.passed as usize, finished.failed as usize),
        None => (count(|status| status == CaseStatus::Passed), count(CaseStatus::is_bad)),
    };
    format!("{passed}{} {failed}{}", look.sign(Sign::Done), look.sign(Sign::Failed))
}

/// For the header: the newest whole run on the workspace, marked when the files have changed since.
pub fn summary(scene: &Scene) -> Option<(String, Role)> {
    let run = scene.session.checks.latest_workspace()?;
    let finished = run.finished.as_ref()?;
    let words = if finished.problem.is_some() { "no result".to_owned() } else { run_words(scene, run) };
    // Results of changed files: neither green nor red says anything about the present ones.
    if scene.session.is_stale(run) {
        return Some((format!("{words} stale"), Role::Unknown));
    }
    Some((words, if finished.is_green() { Role::Ok } else { Role::Fail }))
}

/// What a candidate's run says beside the one on the workspace.
fn verdict(before: Option<&Run>, after: &Run) -> Option<(String, Role)> {
    let (before, finished) = (before?, after.finished.as_ref()?);
    if finished.problem.is_some() {
        return None;
    }
    // A runner that lists only some of its cases says nothing about the others.
    let listed = |case: &&CaseReport| after.case(&case.case).is_some();
    let all = finished.passed + finished.failed + finished.skipped;
    let is_listed = usize::try_from(all).is_ok_and(|all| all <= after.cases.len());
    let known = match is_listed {
        true => Cow::Borrowed(before.cases.as_slice()),
        false => before.cases.iter().filter(listed).cloned().collect(),
    };
    let change = checks::compare(&known, &after.cases);
    if change.is_better() {
        return Some((format!("better: {} fixed, nothing worse", change.fixed.len()), Role::Ok));
    }
    if change.is_no_worse() {
        return Some(("nothing is better or worse".to_owned(), Role::TextSoft));
    }
    let counts = [
        (change.broken.len(), "broken"),
        (change.new_failing.len(), "new and failing"),
        (change.gone.len(), "gone"),
        (change.silenced.len(), "skipped now"),
        (change.fixed.len(), "fixed"),
    ];
    let words = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    Some((format!("worse: {}", words.collect::<Vec<_>>().join(", ")), Role::Fail))
}

/// Returns whether more fails with the tests as they were than with those that this candidate changes.
fn originals_fail(scene: &Scene, after: &Run) -> bool {
    let is_it = |run: &&Run| {
        run.subject() == after.subject()
            && run.started.what.as_deref().is_some_and(|what| what.ends_with(WITH_ORIGINALS))
    };
    let failed = |run: &Run| run.finished.as_ref().map_or(0, |finished| finished.failed);
    let originals = scene.session.checks.runs().rev().find(is_it);
    originals.is_some_and(|run| run.seq < after.seq && failed(run) > failed(after))
}

impl Pane for TestsPane {
    fn id(&self) -> PaneId {
        PaneId::Tests
    }

    fn refresh(&mut self, scene: &Scene, room: Size, touched: Touched) {
        if !(touched.checks || touched.actions || touched.target) {
            return;
        }
        self.rows.clear();
        self.suites.clear();
        let Compared { before, after, parts, names } = compared(scene);
        let Some(after) = after else { return };
        if room.width >= 60 {
            let (old, new) = names;
            let head = format!("{old:<BEFORE_COLUMNS$}{new:<AFTER_COLUMNS$}{:>TIME_COLUMNS$}", "");
            self.rows.push((Key::Text, Row::default().right(head, Role::TextFaint)));
        }
        if after.finished.is_some() && scene.session.is_stale(after) {
            let words = "stale: files have changed since this run";
            self.rows.push((Key::Text, Row::new(words, Role::Unknown)));
        }
        let problem =
            parts.last().copied().unwrap_or(after).finished.as_ref().and_then(|finished| finished.problem.as_ref());
        if let Some(problem) = problem {
            let mut lines = Vec::new();
            wrapped(&mut lines, "", Role::Warn, problem, Role::Warn, room.width);
            self.rows.extend(lines.into_iter().map(|row| (Key::Text, row)));
        }
        if let Some((words, role)) = verdict(before, after).filter(|_| names.1 == "candidate" && parts.is_empty()) {
            let row = Row::new(words, role);
            let row =
                if originals_fail(scene, after) { row.and(", but the original tests fail", Role::Fail) } else { row };
            self.rows.push((Key::Text, row));
        }
        let mut cases = cases(before, after, &parts);
        let all = cases.len();
        cases.retain(|case| self.shows(case));
        self.counts = (cases.len(), all);
        let reports: Vec<&CaseReport> = cases.iter().map(|case| case.report).collect();
        let tree = checks::tree_of(&reports, Order::FailuresFirst);
        self.suite_rows(scene, &tree, &cases, ("", 0), room.width);
    }

    fn title(&self, scene: &Scene) -> Title {
        let Compared { before, after, parts, names } = compared(scene);
        let (text, right) = match (before, after) {
            (_, Some(_)) if !parts.is_empty() => {
                let part = parts.last().map_or_else(String::new, |run| run_words(scene, run));
                (if names.1 == "candidate" { "candidate, some cases" } else { "workspace, some cases again" }, part)
            }
            (Some(_), Some(after)) if names.1 == "candidate" => ("candidate vs workspace", run_words(scene, after)),
            (_, Some(after)) if after.finished.is_none() => ("running", run_words(scene, after)),
            (_, Some(after)) if after.started.tree != Tree::Workspace => ("candidate", run_words(scene, after)),
            (_, Some(after)) if scene.session.is_stale(after) => ("earlier workspace", run_words(scene, after)),
            (_, Some(after)) => ("workspace", run_words(scene, after)),
            (_, None) => ("", String::new()),
        };
        let (shown, all) = self.counts;
        let some = match shown == all {
            true => String::new(),
            false => format!("  {shown} of {all} shown"),
        };
        let by_itself = match scene.session.rules.run_after() {
            None | Some(RunAfter::Never) => String::new(),
            Some(after) => format!("  runs {}", after.words()),
        };
        Title { text: format!("{text}{some}{by_itself}"), right, loud: false }
    }

    fn note(&self, scene: &Scene) -> Option<String> {
        summary(scene).map(|(words, _)| words)
    }

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn list(&self) -> &List {
        &self.list
    }

    fn list_mut(&mut self) -> &mut List {
        &mut self.list
    }

    fn draw_row(&self, _scene: &Scene, row: usize, brush: &mut Brush<'_>, line: Rect) {
        if let Some((_, row)) = self.rows.get(row) {
            row.draw(brush, line, self.list.left);
        }
    }

    fn row_text(&self, _scene: &Scene, row: usize) -> String {
        self.rows.get(row).map(|(_, row)| row.text()).unwrap_or_default()
    }

    fn empty(&self, _scene: &Scene) -> &'static str {
        "no test run yet: t tests the candidate"
    }

    fn open(&mut self) {
        if let Some((key, _)) = self.rows.get(self.list.cursor)
            && *key != Key::Text
        {
            let key = key.clone();
            if !self.toggled.remove(&key) {
                self.toggled.insert(key);
            }
        }
    }
}
