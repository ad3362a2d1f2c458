//! Runs of checks: on the workspace by an approved command, in candidates by trials.

use super::Actor;
use super::effects::{CandidateOrder, TrialOrder, TrialRecord, bench_open, streams};
use crate::base::limits::RUN_TIMEOUT_MS_DEFAULT;
use crate::base::{ActionId, ClientId, Digest};
use crate::host::ChecksSetup;
use crate::host::runs::Feed;
use crate::model::check::{CheckFinished, CheckStarted, Tree};
use crate::model::decide::{Edited, Input};
use crate::model::event::{Event, Finished, OutcomeWord};
use crate::model::{Action, Body, Content, Evidence, Kind, Proposal, TrialBudget};
use crate::port::{Blobs, Performed, RunReport, Ticket, ToAgent, Trial, TrialOutput};
use crate::wire::{CandidateTest, Code, RpcError};
use serde_json::json;
use tokio::sync::mpsc;

impl Actor {
    /// A command that runs checks begins on this tree.
    pub(super) fn start_feed(&mut self, action: &ActionId, tree: Digest) {
        let Some(setup) = &self.checks else { return };
        let Some(state) = self.book.session.actions.get(action) else { return };
        let Some(command) = state.action.command.as_ref().filter(|_| state.action.kind == Kind::Command) else {
            return;
        };
        if !state.action.checks {
            return;
        }
        let run = self.book.session.checks.next_id();
        let feed = Feed::new(run.clone(), setup);
        let started = CheckStarted {
            run,
            command: command.line(),
            tree: Tree::Workspace,
            digest: tree,
            action: Some(action.clone()),
            what: None,
        };
        self.record(Event::CheckStarted(started));
        self.running.feeds.insert(action.clone(), feed);
    }

    pub(super) fn finish_feed(&mut self, feed: Feed, exit: Option<i32>) -> Option<RunReport> {
        let (events, report) = feed.finish(exit, &self.book.session, Tree::Workspace);
        match self.append(events) {
            Ok(()) => Some(report),
            Err(trouble) => {
                tracing::error!(%trouble, "a run of checks is lost");
                None
            }
        }
    }

    pub(super) fn trials_open(&mut self, action: ActionId, runs: Result<mpsc::Sender<TrialOrder>, String>) {
        let runs = match runs {
            Ok(runs) => runs,
            Err(why) => {
                self.running.tests.remove(&action);
                return self.performed(&action, Performed::of(OutcomeWord::Failed, Some(why)));
            }
        };
        if let Some(order) = self.running.tests.remove(&action) {
            let trial = Trial {
                what: order.what,
                edits: order.edits,
                command: 0,
                env: Vec::new(),
                timeout_ms: 0,
                collect: Vec::new(),
                record_cases: true,
            };
            let record = TrialRecord::of(&trial);
            if let Err(error) = runs.try_send(TrialOrder { ticket: None, record, trial }) {
                tracing::error!(%error, "a test of a candidate was not begun");
            }
        }
        self.running.trials.insert(action.clone(), runs);
        if let Some(ticket) = self.agent.ticket(&action) {
            self.agent.send(ToAgent::Performed { ticket, performed: Box::new(bench_open()) });
        }
    }

    pub(super) fn trial_done(
        &mut self,
        ticket: Option<Ticket>,
        action: &ActionId,
        record: TrialRecord,
        output: Result<Box<TrialOutput>, String>,
    ) {
        let output = output.map(|mut output| {
            output.report = self.record_trial(action, &record, &output);
            output
        });
        match ticket {
            Some(ticket) => self.agent.send(ToAgent::TrialDone { ticket, output }),
            None => self.end_trials(action, output.err()),
        }
    }

    /// The run with its totals, and its cases when they are wanted, in one append.
    fn record_trial(&mut self, action: &ActionId, record: &TrialRecord, output: &TrialOutput) -> Option<RunReport> {
        let session = &self.book.session;
        let run = session.checks.next_id();
        let state = session.actions.get(action)?;
        let command = state.action.trial.as_ref().and_then(|t| t.commands.get(record.command))?;
        let started = CheckStarted {
            run: run.clone(),
            command: command.line(),
            tree: Tree::Candidate,
            digest: output.tree.unwrap_or_else(|| Digest::of(record.what.as_bytes())),
            action: Some(action.clone()),
            what: Some(record.what.clone()),
        };
        let exit = if output.timed_out { None } else { output.exit };
        let mut events = vec![Event::CheckStarted(started)];
        // A driver of the agent's own speaks no runner's language; its exit code and its words say what came of it.
        let speaks = |c: &&ChecksSetup| record.cases || c.command.spawn_argv() == command.spawn_argv();
        let report = match self.checks.as_ref().filter(speaks) {
            Some(setup) => {
                let mut feed = Feed::new(run, setup);
                let mut early: Vec<Event> = Vec::new();
                for (stream, bytes) in streams(output) {
                    early.extend(feed.feed(stream, bytes));
                }
                let (late, report) = feed.finish(exit, session, Tree::Candidate);
                let cases = early.into_iter().chain(late);
                events.extend(cases.filter(|e| record.cases || !matches!(e, Event::CheckReported(_))));
                report
            }
            None => {
                let finished = CheckFinished { run: run.clone(), exit, ..CheckFinished::default() };
                events.push(Event::CheckFinished(finished.clone()));
                RunReport { run, finished, cases: Vec::new() }
            }
        };
        match self.append(events) {
            Ok(()) => Some(report),
            Err(_) => None,
        }
    }

    /// The agent's turn is over: its candidates go.
    pub(super) fn close_trials(&mut self) {
        let open: Vec<ActionId> = self.running.trials.keys().cloned().collect();
        open.iter().for_each(|action| self.end_trials(action, None));
    }

    fn end_trials(&mut self, action: &ActionId, why: Option<String>) {
        self.running.trials.remove(action);
        self.running.tasks.remove(action);
        let outcome = if why.is_some() { OutcomeWord::Failed } else { OutcomeWord::Ok };
        let finished = Finished { action: action.clone(), outcome, exit: None, files: None, detail: why };
        self.quietly(Input::Finish { action: action.clone(), finished: Box::new(finished) });
    }

    /// A client wants the checks run: on a candidate with a held action in it, or on the workspace.
    pub(super) fn candidate_test(
        &mut self,
        client: &ClientId,
        test: &CandidateTest,
    ) -> Result<serde_json::Value, RpcError> {
        let bad = |text: String| RpcError::new(Code::InvalidParams, text);
        let Some(setup) = self.checks.clone() else {
            return Err(bad("no test runner was found in this project: set `checks.command` in config.toml".into()));
        };
        let id = self.book.session.actions.next_id();
        let Some(target) = &test.action else {
            let mut proposal = Proposal::new(format!("run {}", setup.command.line()), Body::Command(setup.command));
            proposal.checks = true;
            let action = Action::file(id.clone(), proposal, None);
            let input = Input::Own { action: Box::new(action), by: client.clone() };
            self.put(input, Blobs::new())?;
            return Ok(json!({ "action": id }));
        };
        let held = self.book.session.actions.get(target).map(|s| s.action.clone());
        let held = held
            .filter(|a| a.kind == Kind::Edit)
            .ok_or_else(|| bad(format!("{target} is not an edit and cannot be tested")))?;
        let mine = test.edited.is_some() || test.hunks.is_some();
        let (made, blobs) = self.made(&held, test.edited.clone(), test.hunks.as_deref()).map_err(bad)?;
        let files = match made {
            Some(Edited::Files(files)) => files,
            Some(Edited::Command(_)) | None => held.files.clone().unwrap_or_default(),
        };
        let mut edits = Vec::new();
        for file in &files {
            edits.extend(file.from.iter().map(|from| (from.clone(), None)));
            let bytes = |c: &Content| blobs.get(&c.digest()).cloned().or_else(|| self.bytes_of(c)).unwrap_or_default();
            edits.push((file.path.clone(), file.after.as_ref().map(bytes)));
        }
        let budget =
            TrialBudget { runs_max: 1, wall_ms_max: RUN_TIMEOUT_MS_DEFAULT, commands: vec![setup.command.clone()] };
        let mut proposal = Proposal::new(format!("test {target} in a candidate"), Body::Command(setup.command))
            .because("requested by the user", vec![Evidence::new("step", target.to_string())]);
        proposal.trial = Some(budget);
        let action = Action::file(id.clone(), proposal, None);
        let what = format!("{target} {}", if mine { "as edited by the user" } else { "as proposed" });
        self.running.tests.insert(id.clone(), CandidateOrder { what, edits });
        if let Err(error) = self.put(Input::Own { action: Box::new(action), by: client.clone() }, Blobs::new()) {
            self.running.tests.remove(&id);
            return Err(error.into());
        }
        Ok(json!({ "action": id }))
    }
}
