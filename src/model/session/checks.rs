//! Runs of checks: the newest of them with their cases, and which cases changed.

use crate::base::{ActionId, RunId, Seq, UnixMs};
use crate::model::check::{CaseReport, CheckFinished, CheckReported, CheckStarted, Tree};
use crate::model::limits::{CHECK_CASES_MAX, CHECK_RUNS_KEPT_MAX};
use std::collections::{BTreeMap, VecDeque};

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub seq: Seq,
    pub at: UnixMs,
    pub started: CheckStarted,
    /// In the order they ended, bounded; a case that is reported again replaces its first report.
    pub cases: Vec<CaseReport>,
    index: BTreeMap<String, usize>,
    pub finished: Option<CheckFinished>,
    pub finished_at: Option<UnixMs>,
}

impl Run {
    /// The first word of what a candidate holds: the action that it is of, or a word of an agent's own.
    pub fn subject(&self) -> Option<&str> {
        self.started.what.as_deref()?.split(' ').next()
    }

    /// It ran all cases, not only some that were asked for.
    pub fn is_whole(&self) -> bool {
        self.started.cases.is_empty()
    }

    /// Its report of a case, by id.
    pub fn case(&self, id: &str) -> Option<&CaseReport> {
        self.cases.get(*self.index.get(id)?)
    }
}

/// The newest runs, bounded; runs in candidates are counted forever.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checks {
    runs: VecDeque<Run>,
    pub total: u64,
    pub candidate_total: u64,
}

impl Checks {
    /// Oldest first.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs.iter()
    }

    pub fn get(&self, id: &RunId) -> Option<&Run> {
        self.runs.iter().rev().find(|r| &r.started.run == id)
    }

    /// The id that the next run gets.
    pub fn next_id(&self) -> RunId {
        RunId::new(format!("r{}", self.total + 1))
    }

    /// The newest finished run of all cases on the workspace itself.
    pub fn latest_workspace(&self) -> Option<&Run> {
        self.runs.iter().rev().find(|r| r.is_whole() && r.started.tree == Tree::Workspace && r.finished.is_some())
    }

    pub(super) fn start(&mut self, seq: Seq, at: UnixMs, body: &CheckStarted) {
        self.total += 1;
        if body.tree == Tree::Candidate {
            self.candidate_total += 1;
        }
        if self.runs.len() >= CHECK_RUNS_KEPT_MAX {
            // Runs on the workspace are what people come back to: candidates go first.
            let victim = self.runs.iter().position(|r| r.started.tree == Tree::Candidate).unwrap_or(0);
            self.runs.remove(victim);
        }
        self.runs.push_back(Run {
            seq,
            at,
            started: body.clone(),
            cases: Vec::new(),
            index: BTreeMap::new(),
            finished: None,
            finished_at: None,
        });
    }

    pub(super) fn report(&mut self, body: &CheckReported) -> Result<(), String> {
        let run = self.find(&body.run)?;
        if let Some(at) = run.index.get(&body.report.case) {
            if let Some(slot) = run.cases.get_mut(*at) {
                *slot = body.report.clone();
            }
        } else if run.cases.len() < CHECK_CASES_MAX {
            run.index.insert(body.report.case.clone(), run.cases.len());
            run.cases.push(body.report.clone());
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, at: UnixMs, body: &CheckFinished) -> Result<Option<ActionId>, String> {
        let run = self.find(&body.run)?;
        run.finished = Some(body.clone());
        run.finished_at = Some(at);
        Ok(run.started.action.clone())
    }

    fn find(&mut self, id: &RunId) -> Result<&mut Run, String> {
        self.runs.iter_mut().rev().find(|r| &r.started.run == id).ok_or_else(|| format!("no run {id}"))
    }
}
