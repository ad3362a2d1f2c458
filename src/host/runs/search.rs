//! Runs of one case in private candidates, one after the other: which action broke it, by halves, and whether it gives
//! the same result each time.

use super::Gate;
use super::originals::Edits;
use super::trials::CandidateOrder;
use crate::base::{ActionId, Digest, Seq};
use crate::checks::flaky_words;
use crate::host::limits::{SEARCH_BYTES_MAX, SEARCH_EDITS_MAX, SEARCH_REPEATS_MAX};
use crate::model::check::{CaseStatus, RunReport, Tree};
use crate::model::event::{AgentNoted, Event};
use crate::model::session::{Run, Session};
use crate::model::{Moment, NoteKind};
use crate::port::Workspace;
use crate::wire::{CaseSearch, RpcError};

/// A search under way, about one case.
#[derive(Clone, Debug)]
pub struct Search {
    case: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The actions between a run that passed and one that failed, each with the tree after it, and the tree before the
    /// first. What broke it is in `low..=high`.
    Bisect {
        base: Digest,
        suspects: Vec<(ActionId, Digest)>,
        low: usize,
        high: usize,
        ask: Ask,
    },
    Repeat {
        runs: u32,
        passed: u32,
        failed: u32,
    },
}

/// The tree that is being run. Both ends come first: what they say must hold in the copy too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Last,
    Base,
    /// After the suspect of this number.
    After(usize),
}

impl Search {
    /// A search for this case; in words why there is none to make.
    pub fn new(gate: &Gate, case: &str, kind: CaseSearch) -> Result<Self, RpcError> {
        let kind = match kind {
            CaseSearch::Repeat => Kind::Repeat { runs: 0, passed: 0, failed: 0 },
            CaseSearch::Bisect => {
                let (base, suspects) = suspects(gate.session(), case).map_err(RpcError::invalid)?;
                let high = suspects.len().saturating_sub(1);
                Kind::Bisect { base, suspects, low: 0, high, ask: Ask::Last }
            }
        };
        Ok(Self { case: case.to_owned(), kind })
    }

    /// In words, for the action that carries it out.
    pub fn title(&self) -> String {
        match &self.kind {
            Kind::Bisect { suspects, .. } => format!("find which of {} actions broke {}", suspects.len(), self.case),
            Kind::Repeat { .. } => format!("run {} {SEARCH_REPEATS_MAX} times", self.case),
        }
    }

    /// Runs that it takes at most.
    pub fn runs_max(&self) -> u32 {
        match &self.kind {
            Kind::Bisect { suspects, .. } => suspects.len().next_power_of_two().ilog2() + 2,
            Kind::Repeat { .. } => SEARCH_REPEATS_MAX,
        }
    }

    /// The next run; in words why it cannot be made.
    pub fn order(self, gate: &Gate) -> Result<CandidateOrder, String> {
        let (what, tree) = match &self.kind {
            Kind::Bisect { base, suspects, ask, .. } => {
                let at = match ask {
                    Ask::Last => suspects.last(),
                    Ask::Base => suspects.first(),
                    Ask::After(at) => suspects.get(*at),
                };
                let (action, tree) = at.ok_or("there is nothing left to try")?;
                match ask {
                    Ask::Base => (format!("before {action}"), Some(PutBack::of(gate, *base)?)),
                    Ask::Last | Ask::After(_) => (format!("after {action}"), Some(PutBack::of(gate, *tree)?)),
                }
            }
            Kind::Repeat { runs, .. } => (format!("run {} of {SEARCH_REPEATS_MAX} of {}", runs + 1, self.case), None),
        };
        let asked = vec![self.case.clone()];
        let edits = Edits::new();
        Ok(CandidateOrder { what, edits, tree, asked, originals: None, coverage: None, search: Some(self) })
    }

    /// Takes in a result; the search goes on, or has ended with these words.
    pub fn next(mut self, report: Option<&RunReport>) -> Result<Self, String> {
        let case = report.and_then(|report| report.cases.iter().find(|case| case.case == self.case));
        let passes = case.map(|case| case.status);
        match (&mut self.kind, passes) {
            (_, None | Some(CaseStatus::Skipped)) => Err(format!("{} was not run: nothing is known", self.case)),
            (Kind::Bisect { suspects, low, high, ask, .. }, Some(status)) => {
                let name = |at: usize| suspects.get(at).map_or_else(String::new, |(id, _)| id.to_string());
                match (*ask, status.is_bad()) {
                    (Ask::Last, false) => {
                        let last = name(*high);
                        let words = format!("{} passes on the files after {last}: no action broke it", self.case);
                        return Err(words);
                    }
                    (Ask::Base, true) => {
                        let words =
                            format!("{} fails before {} too: it cannot be told what broke it", self.case, name(0));
                        return Err(words);
                    }
                    (Ask::Last, true) => {
                        *ask = Ask::Base;
                        return Ok(self);
                    }
                    (Ask::Base, false) => {}
                    (Ask::After(at), true) => *high = at,
                    (Ask::After(at), false) => *low = at + 1,
                }
                if *low >= *high {
                    return Err(format!("{} was broken by {}", self.case, name(*high)));
                }
                *ask = Ask::After(usize::midpoint(*low, *high));
                Ok(self)
            }
            (Kind::Repeat { runs, passed, failed }, Some(status)) => {
                *runs += 1;
                let count = if status.is_bad() { &mut *failed } else { &mut *passed };
                *count += 1;
                let (runs, passed, failed) = (*runs, *passed, *failed);
                if runs < SEARCH_REPEATS_MAX { Ok(self) } else { Err(flaky_words(&self.case, passed, failed)) }
            }
        }
    }
}

/// Records how a search ended.
pub fn tell(gate: &mut Gate, words: String) {
    gate.record(Event::AgentNoted(AgentNoted::new(NoteKind::Trial, words)));
}

/// The actions between the last whole run in which a case passed and the first after it in which it failed, with the
/// tree before them and after each.
fn suspects(session: &Session, case: &str) -> Result<(Digest, Vec<(ActionId, Digest)>), String> {
    let status = |run: &Run| run.case(case).map(|case| case.status);
    let runs: Vec<&Run> = session.checks.runs().filter(|run| run.started.tree == Tree::Workspace).collect();
    let passed = runs.iter().rposition(|run| status(run) == Some(CaseStatus::Passed));
    let passed = passed.ok_or_else(|| format!("no run is known in which {case} passed"))?;
    let failed = runs.iter().skip(passed).find(|run| status(run).is_some_and(CaseStatus::is_bad));
    let failed = failed.ok_or_else(|| format!("{case} does not fail now"))?;
    let from = runs.get(passed).map_or(Seq(0), |run| run.seq);
    let between = session.actions.changed_between(from, failed.seq);
    let tree = |id: &ActionId, when: Moment| {
        let mut made = session.disk.checkpoints.iter().rev();
        made.find(|(_, made)| made.action.as_ref() == Some(id) && made.when == when).map(|(_, made)| made.tree)
    };
    let after = |id: &ActionId| tree(id, Moment::After);
    let base = between.first().and_then(|id| tree(id, Moment::Before));
    let suspects: Vec<(ActionId, Digest)> = between.iter().filter_map(|id| Some(((*id).clone(), after(id)?))).collect();
    match (between.len(), suspects.len()) {
        (0, _) => Err(format!("no action of this session changed files between {case} passing and failing")),
        (1, _) => Err(format!(
            "only {} changed files between {case} passing and failing",
            between.first().map_or("", |id| id.as_str())
        )),
        (all, known) if known < all => Err("the files after each of these actions are not on record".to_owned()),
        _ => base
            .map(|base| (base, suspects))
            .ok_or_else(|| "the files before these actions are not on record".to_owned()),
    }
}

/// A tree to make a copy of the workspace again, which is at another one now. What the user changed since that was
/// recorded stays.
#[derive(Clone, Copy, Debug)]
pub struct PutBack {
    now: Digest,
    tree: Digest,
}

impl PutBack {
    fn of(gate: &Gate, tree: Digest) -> Result<Self, String> {
        let now = gate.session().disk.checkpoints.last().map(|(_, made)| made.tree).ok_or("no tree is on record")?;
        Ok(Self { now, tree })
    }

    /// The files that differ, as they were. Reads up to [`SEARCH_BYTES_MAX`]: work for a task.
    pub fn edits(self, workspace: &dyn Workspace) -> Result<Edits, String> {
        let changes = workspace.tree_changes(self.now, self.tree).map_err(|error| error.to_string())?;
        if changes.len() > SEARCH_EDITS_MAX {
            return Err(format!("{} files differ: at most {SEARCH_EDITS_MAX} are put back for a run", changes.len()));
        }
        let content = |digest: Digest| {
            let read = workspace.stored(digest).map_err(|error| error.to_string())?;
            read.ok_or_else(|| "a file as it was is not on record any more".to_owned())
        };
        let mut edits = Edits::new();
        let mut room = SEARCH_BYTES_MAX;
        for change in changes {
            match (change.after, change.sides()) {
                (Some(after), _) => {
                    let bytes = content(after)?;
                    room = room
                        .checked_sub(bytes.len())
                        .ok_or("the files that differ are too large to be put back for a run")?;
                    edits.push((change.path, Some(bytes)));
                }
                (None, (true, false)) => edits.push((change.path, None)),
                // A directory.
                (None, _) => {}
            }
        }
        Ok(edits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::check::{CaseReport, CheckFinished};

    fn report(status: CaseStatus) -> RunReport {
        let case = CaseReport {
            case: "t".into(),
            suite: Vec::new(),
            status,
            message: None,
            output: None,
            file: None,
            line: None,
            ms: None,
        };
        RunReport { run: "r1".into(), finished: CheckFinished::default(), cases: vec![case] }
    }

    #[test]
    fn halving_finds_every_culprit_in_as_many_runs_as_it_says() {
        for count in 2..20 {
            for culprit in 0..count {
                let suspects: Vec<_> =
                    (0..count).map(|n| (ActionId::from(format!("a{n}").as_str()), Digest::of(b"x"))).collect();
                let base = Digest::of(b"base");
                let kind = Kind::Bisect { base, suspects, low: 0, high: count - 1, ask: Ask::Last };
                let mut search = Search { case: "t".into(), kind };
                let (most, mut runs) = (search.runs_max(), 0);
                let words = loop {
                    let Kind::Bisect { ask, .. } = &search.kind else { unreachable!() };
                    let fails = match ask {
                        Ask::Last => true,
                        Ask::Base => false,
                        Ask::After(at) => *at >= culprit,
                    };
                    let status = if fails { CaseStatus::Failed } else { CaseStatus::Passed };
                    runs += 1;
                    match search.next(Some(&report(status))) {
                        Ok(next) => search = next,
                        Err(words) => break words,
                    }
                };
                assert_eq!(words, format!("t was broken by a{culprit}"), "{count}");
                assert!(runs <= most, "{runs} of {most} runs for {count}");
            }
        }
    }

    #[test]
    fn nobody_is_blamed_where_an_end_does_not_hold() {
        let suspects = vec![(ActionId::from("a1"), Digest::of(b"1")), (ActionId::from("a2"), Digest::of(b"2"))];
        let kind = Kind::Bisect { base: Digest::of(b"0"), suspects, low: 0, high: 1, ask: Ask::Last };
        let search = Search { case: "t".into(), kind };
        let passes = search.clone().next(Some(&report(CaseStatus::Passed))).unwrap_err();
        assert_eq!(passes, "t passes on the files after a2: no action broke it");
        let base = search.next(Some(&report(CaseStatus::Failed))).unwrap();
        let fails = base.next(Some(&report(CaseStatus::Failed))).unwrap_err();
        assert_eq!(fails, "t fails before a1 too: it cannot be told what broke it");
    }

    #[test]
    fn a_case_that_is_not_run_ends_the_search() {
        let search = Search { case: "t".into(), kind: Kind::Repeat { runs: 0, passed: 0, failed: 0 } };
        assert!(search.clone().next(None).unwrap_err().contains("was not run"));
        let mut search = search;
        for n in 1..=SEARCH_REPEATS_MAX {
            let status = if n == 2 { CaseStatus::Failed } else { CaseStatus::Passed };
            match search.next(Some(&report(status))) {
                Ok(next) => search = next,
                Err(words) => {
                    assert_eq!(n, SEARCH_REPEATS_MAX);
                    assert_eq!(words, "t passed 4 times and failed once on the same files: it is not stable");
                    return;
                }
            }
        }
        panic!("it never ended");
    }
}
