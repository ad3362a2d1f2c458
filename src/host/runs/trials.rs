//! Runs of checks: on the workspace by an approved command, in candidates by trials.

use super::covered::Wanted;
use super::feed::Feed;
use super::originals::{Edits, with_originals};
use super::search::{self, PutBack, Search};
use super::{Due, Gate, Runs, Trying};
use crate::base::limits::RUN_TIMEOUT_MS_DEFAULT;
use crate::base::{ActionId, ClientId, Digest, RelPath};
use crate::host::ChecksSetup;
use crate::host::gate;
use crate::host::limits::CHECK_CASES_ASKED_MAX;
use crate::model::NoteKind;
use crate::model::check::{CaseReport, CheckFinished, CheckStarted, CoveredFile, RunReport, Tree, WITH_ORIGINALS};
use crate::model::decide::{Edited, Input, Refusal};
use crate::model::event::{AgentNoted, Event, Finished, OutcomeWord, Stream};
use crate::model::session::Session;
use crate::model::{
    Action, Author, Body, Command, Content, Evidence, FileEdit, Kind, Proposal, Trial, TrialBudget, TrialOutput,
};
use crate::policy::infra::{self, DryRun, Infra};
use crate::port::{Apart, Blobs, Performed, Ticket, ToAgent, Workspace};
use crate::wire::{CandidateTest, Code, OwnAction, RpcError, RunCommand};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::mpsc;

/// One run in an open candidate.
#[derive(Debug)]
pub struct TrialOrder {
    /// None when a client asked for it.
    pub ticket: Option<Ticket>,
    pub record: TrialRecord,
    pub trial: Trial,
}

/// The journal's data about a run.
#[derive(Clone, Debug)]
pub struct TrialRecord {
    pub what: String,
    pub command: usize,
    pub cases: bool,
    /// The cases that were asked for; empty for all.
    pub asked: Vec<String>,
    /// The action that is tried with these tests as they were.
    pub originals: Option<(ActionId, Vec<RelPath>)>,
    /// The tree that the candidate is to be, and the one that it is.
    tree: Option<PutBack>,
    /// The coverage that is asked for, and what was read of it.
    wanted: Option<Wanted>,
    covered: Option<Result<Vec<CoveredFile>, String>>,
    /// What goes on with its result.
    search: Option<Search>,
}

impl TrialRecord {
    pub fn of(trial: &Trial) -> Self {
        let what = trial.what.clone();
        Self {
            what,
            command: trial.command,
            cases: trial.record_cases,
            asked: Vec::new(),
            originals: None,
            tree: None,
            wanted: None,
            covered: None,
            search: None,
        }
    }

    /// Reads, for the trial that is about to run, the files of the tree that it is to run on.
    pub async fn prepare(&mut self, workspace: &Arc<dyn Workspace>, trial: &mut Trial) -> Result<(), String> {
        let Some(tree) = self.tree.take() else { return Ok(()) };
        let workspace = workspace.clone();
        let read = tokio::task::spawn_blocking(move || tree.edits(workspace.as_ref()));
        trial.edits = read.await.unwrap_or_else(|lost| Err(lost.to_string()))?;
        Ok(())
    }

    /// Reads what the run left about coverage.
    pub async fn collect(&mut self, output: &mut TrialOutput) {
        let Some(wanted) = self.wanted.take() else { return };
        let collected = std::mem::take(&mut output.collected);
        let read = tokio::task::spawn_blocking(move || (wanted.read(&collected), collected));
        match read.await {
            Ok((covered, collected)) => (self.covered, output.collected) = (Some(covered), collected),
            Err(lost) => self.covered = Some(Err(lost.to_string())),
        }
    }
}

/// The files that a client wants tested in a candidate.
#[derive(Debug)]
pub struct CandidateOrder {
    pub what: String,
    pub edits: Edits,
    /// The tree that is to be tested instead.
    pub tree: Option<PutBack>,
    /// The cases to run; empty for all.
    pub asked: Vec<String>,
    /// The action that is tried with these tests as they were.
    pub originals: Option<(ActionId, Vec<RelPath>)>,
    pub coverage: Option<Wanted>,
    pub search: Option<Search>,
}

impl CandidateOrder {
    fn trial(self) -> TrialOrder {
        let trial = Trial {
            what: self.what,
            edits: self.edits,
            command: 0,
            env: Vec::new(),
            timeout_ms: 0,
            collect: self.coverage.iter().map(|wanted| wanted.report.clone()).collect(),
            record_cases: true,
        };
        let (asked, originals, search) = (self.asked, self.originals, self.search);
        let (tree, wanted) = (self.tree, self.coverage);
        let record = TrialRecord { asked, originals, tree, wanted, search, ..TrialRecord::of(&trial) };
        TrialOrder { ticket: None, record, trial }
    }
}

impl Runs {
    /// A command that runs checks begins on this tree.
    pub(super) fn start_feed(&mut self, gate: &mut Gate, action: &ActionId, tree: Digest) {
        let cases = self.parts.remove(action).unwrap_or_default();
        let Some(setup) = gate.checks() else { return };
        let Some(state) = gate.session().actions.get(action) else { return };
        let Some(command) = state.action.command() else {
            return;
        };
        if !state.action.checks {
            return;
        }
        let run = gate.session().checks.next_id();
        let feed = Feed::new(run.clone(), setup, &cases);
        let started = CheckStarted {
            run,
            command: command.line(),
            tree: Tree::Workspace,
            digest: tree,
            action: Some(action.clone()),
            what: None,
            cases,
            search: false,
        };
        gate.record(Event::CheckStarted(started));
        self.feeds.insert(action.clone(), feed);
    }

    pub(super) fn trials_open(
        &mut self,
        gate: &mut Gate,
        action: &ActionId,
        runs: Result<mpsc::Sender<TrialOrder>, String>,
    ) {
        let runs = match runs {
            Ok(runs) => runs,
            Err(why) => {
                self.tests.remove(action);
                return self.performed(gate, action, Performed::of(OutcomeWord::Failed, Some(why)));
            }
        };
        self.trials.insert(action.clone(), runs);
        self.next_test(action);
        let open = Box::new(Performed::of(OutcomeWord::Ok, None));
        gate.then(Due::Performed { action: action.clone(), performed: open });
    }

    /// Begins the next run of a client's test; false when there is none.
    fn next_test(&mut self, action: &ActionId) -> bool {
        let order = self.tests.get_mut(action).and_then(VecDeque::pop_front);
        let (Some(order), Some(runs)) = (order, self.trials.get(action)) else {
            self.tests.remove(action);
            return false;
        };
        let sent = runs.try_send(order.trial());
        sent.inspect_err(|error| tracing::error!(%error, "a test of a candidate was not begun")).is_ok()
    }

    pub(super) fn trial_done(
        &mut self,
        gate: &mut Gate,
        ticket: Option<Ticket>,
        action: &ActionId,
        record: &TrialRecord,
        output: Result<Box<TrialOutput>, String>,
    ) {
        let output = output.map(|mut output| {
            if let Some(why) = &output.not_apart {
                let text = format!(
                    "the trials of {action} run without a layer, with the network of this machine, and can write what \
                     the user can: {why}"
                );
                gate.record(Event::AgentNoted(AgentNoted::new(NoteKind::Trial, text)));
            }
            output.report = record_trial(gate, action, record, &output);
            output
        });
        if let Some(ticket) = ticket {
            return gate.send(ToAgent::TrialDone { ticket, output });
        }
        let report = output.as_ref().ok().and_then(|output| output.report.as_ref());
        self.originals.done(gate, action, record.originals.as_ref(), report);
        if let (Some(search), Some(report)) = (&record.search, report) {
            let next = search.clone().next(Some(report)).and_then(|search| search.order(gate));
            match next {
                Ok(order) => self.tests.entry(action.clone()).or_default().push_back(order),
                Err(words) => search::tell(gate, words),
            }
        }
        if output.is_err() || !self.next_test(action) {
            self.end_trials(gate, action, output.err());
        }
    }

    /// The agent orders a run in a candidate of its own.
    pub fn trial(&mut self, gate: &mut Gate, ticket: Ticket, action: &ActionId, trial: Trial) {
        let order = TrialOrder { ticket: Some(ticket), record: TrialRecord::of(&trial), trial };
        let refused = match self.trials.get(action) {
            None => Some("no trials are open for this action".to_owned()),
            Some(runs) => runs.try_send(order).err().map(|e| format!("the candidate is busy: {e}")),
        };
        if let Some(why) = refused {
            gate.send(ToAgent::TrialDone { ticket, output: Err(why) });
        }
    }

    /// The agent's turn is over: its candidates go.
    pub fn close_trials(&mut self, gate: &mut Gate) {
        let open: Vec<ActionId> = self.trials.keys().cloned().collect();
        open.iter().for_each(|action| self.end_trials(gate, action, None));
    }

    fn end_trials(&mut self, gate: &mut Gate, action: &ActionId, why: Option<String>) {
        self.originals.done(gate, action, None, None);
        self.trials.remove(action);
        self.tasks.remove(action);
        let outcome = if why.is_some() { OutcomeWord::Failed } else { OutcomeWord::Ok };
        let finished = Finished::of(action.clone(), outcome, why);
        gate.quietly(Input::Finish { action: action.clone(), finished: Box::new(finished) });
    }

    /// A command that the user typed: consent and proposal in one, unless it is only proposed.
    pub fn own_command(&mut self, gate: &mut Gate, client: &ClientId, run: RunCommand) -> Result<OwnAction, RpcError> {
        let RunCommand { command, ask } = run;
        if command.line().trim().is_empty() {
            return Err(RpcError::invalid("the command is empty"));
        }
        if let Some(why) = gate.workspace().missing_program(&command) {
            return Err(RpcError::invalid(why));
        }
        let proposal = Proposal::new(format!("run {}", command.line()), Body::Command(command));
        if ask {
            return Ok(OwnAction::of(gate.file_of_user(proposal)?));
        }
        let id = gate.session().actions.next_id();
        let mut action = Action::file(id.clone(), proposal, None);
        action.author = Author::Human;
        gate.put(Input::Own { action: Box::new(action), by: client.clone() }, Blobs::new())?;
        Ok(OwnAction::of(id))
    }

    /// Runs a pending command in a layer that is thrown away, and tells what it would have changed.
    fn preview(
        &mut self,
        gate: &mut Gate,
        client: &ClientId,
        target: &ActionId,
        command: Command,
    ) -> Result<OwnAction, RpcError> {
        if !gate.workspace().keeps_apart(Apart::Preview) {
            return Err(RpcError::invalid(format!("{target} cannot be previewed: there are no layers here")));
        }
        let id = gate.session().actions.next_id();
        let proposal = Proposal::new(format!("preview {target} in a layer"), Body::Command(command))
            .because("requested by the user", seen(gate, target));
        let mut action = Action::file(id.clone(), proposal, None);
        action.author = Author::Human;
        self.previews.insert(id.clone(), target.clone());
        if let Err(error) = gate.put(Input::Own { action: Box::new(action), by: client.clone() }, Blobs::new()) {
            self.previews.remove(&id);
            return Err(error.into());
        }
        Ok(OwnAction::of(id))
    }

    /// Runs what shows the effect of a pending infrastructure action, in a layer that is thrown away, with network. Where
    /// there are no layers, only a tool that runs no code of the workspace is run.
    fn dry_run(
        &mut self,
        gate: &mut Gate,
        client: &ClientId,
        target: &ActionId,
        infra: Infra,
    ) -> Result<OwnAction, RpcError> {
        let Some(DryRun { command, runs_project }) = infra.dry_run else {
            let text = format!("{target} cannot be tried: no dry run of `{}` is known in this form", infra.words);
            return Err(RpcError::invalid(text));
        };
        if !gate.workspace().is_program_outside(&command) {
            let text = format!(
                "{target} cannot be tried: its program was not found on PATH in front of the workspace's own directories"
            );
            return Err(RpcError::invalid(text));
        }
        if runs_project && !gate.workspace().keeps_apart(Apart::Preview) {
            let text =
                format!("{target} cannot be tried: it may run code of the workspace, and there are no layers here");
            return Err(RpcError::invalid(text));
        }
        let id = gate.session().actions.next_id();
        let proposal = Proposal::new(format!("dry run of {target}: {}", command.line()), Body::Command(command))
            .because("dry run, requested by the user, of the agent's command", seen(gate, target));
        let mut action = Action::file(id.clone(), proposal, None);
        action.author = Author::Human;
        self.dry_runs.insert(id.clone(), Trying { target: target.clone(), needs_layer: runs_project });
        if let Err(error) = gate.put(Input::Own { action: Box::new(action), by: client.clone() }, Blobs::new()) {
            self.dry_runs.remove(&id);
            return Err(error.into());
        }
        Ok(OwnAction::of(id))
    }

    /// A client wants the checks run: on a candidate with a held action in it, or on the workspace.
    pub fn candidate_test(
        &mut self,
        gate: &mut Gate,
        client: &ClientId,
        test: &CandidateTest,
    ) -> Result<OwnAction, RpcError> {
        let held = shown(gate.session(), test)?;
        if let (Some(held), Some(target)) = (&held, &test.action)
            && let Some(command) = held.command().filter(|_| held.trial().is_none())
        {
            let (made, _) = gate::user_version(gate, held, test.edited.clone(), None).map_err(RpcError::invalid)?;
            let command = match made {
                Some(Edited::Command(command)) => command,
                Some(Edited::Files(_) | Edited::Plan(_) | Edited::Changes(_)) | None => command.clone(),
            };
            return match infra::of(&command) {
                Some(infra) => self.dry_run(gate, client, target, infra),
                None => self.preview(gate, client, target, command),
            };
        }
        let Some(setup) = gate.checks().cloned() else {
            return Err(RpcError::invalid(
                "no test runner was found in this project: set `checks.command` in config.toml",
            ));
        };
        let cases = reported(gate.session(), &test.cases)?;
        let command = setup.command_for(&cases);
        // A runner that cannot select runs all: then it is a whole run.
        let asked = if command.argv == setup.command.argv { Vec::new() } else { test.cases.clone() };
        if let (Some(kind), [case]) = (test.search, test.cases.as_slice()) {
            return self.search(gate, client, command, Search::new(gate, case, kind)?);
        }
        let Some(target) = &test.action else {
            return self.test_workspace(gate, client, command, asked);
        };
        let held = held
            .filter(|a| a.kind() == Kind::Edit)
            .ok_or_else(|| RpcError::invalid(format!("{target} is not an edit and cannot be tested")))?;
        let is_edited = test.edited.is_some() || test.hunks.is_some();
        let (made, blobs) =
            gate::user_version(gate, &held, test.edited.clone(), test.hunks.as_deref()).map_err(RpcError::invalid)?;
        let files = match made {
            Some(Edited::Files(files)) => files,
            Some(Edited::Command(_) | Edited::Plan(_) | Edited::Changes(_)) | None => held.files().to_vec(),
        };
        // The tests with coverage, where all of them run.
        let with_coverage = setup.coverage.clone().filter(|_| asked.is_empty());
        let command = with_coverage.as_ref().map_or(command, |(command, _)| command.clone());
        let mut coverage = with_coverage.map(|(_, report)| Wanted::new(report, setup.place.clone()));
        let edits = edits_of(gate, &files, &blobs, coverage.as_mut());
        let what = format!("{target} {}", if is_edited { "as edited by the user" } else { "as proposed" });
        let with_originals = with_originals(gate, &files, &edits);
        let order = |what, edits, asked| CandidateOrder {
            what,
            edits,
            tree: None,
            asked,
            originals: None,
            coverage: None,
            search: None,
        };
        let mut orders = VecDeque::from([CandidateOrder { coverage, ..order(what, edits, asked.clone()) }]);
        if let Some((edits, tests)) = with_originals {
            let what = format!("{target} {WITH_ORIGINALS}");
            let originals = Some((target.clone(), tests));
            orders.push_front(CandidateOrder { originals, ..order(what, edits, asked) });
        }
        self.test(gate, client, target, command, orders)
    }

    /// Runs the checks, or some cases of them, on the workspace as it is.
    fn test_workspace(
        &mut self,
        gate: &mut Gate,
        client: &ClientId,
        command: Command,
        asked: Vec<String>,
    ) -> Result<OwnAction, RpcError> {
        let id = gate.session().actions.next_id();
        let mut proposal = Proposal::new(format!("run {}", command.line()), Body::Command(command));
        proposal.checks = true;
        let action = Action::file(id.clone(), proposal, None);
        let input = Input::Own { action: Box::new(action), by: client.clone() };
        self.parts.insert(id.clone(), asked);
        if let Err(error) = gate.put(input, Blobs::new()) {
            self.parts.remove(&id);
            return Err(error.into());
        }
        Ok(OwnAction::of(id))
    }

    /// Begins a search in a candidate of the workspace.
    fn search(
        &mut self,
        gate: &mut Gate,
        client: &ClientId,
        command: Command,
        search: Search,
    ) -> Result<OwnAction, RpcError> {
        let (title, runs_max) = (search.title(), search.runs_max());
        let order = search.order(gate).map_err(RpcError::invalid)?;
        let proposal = Proposal::new(title, Body::Command(command)).because("requested by the user", Vec::new());
        self.try_orders(gate, client, (proposal, runs_max), VecDeque::from([order]))
    }

    /// Begins these runs in a candidate.
    fn test(
        &mut self,
        gate: &mut Gate,
        client: &ClientId,
        target: &ActionId,
        command: Command,
        orders: VecDeque<CandidateOrder>,
    ) -> Result<OwnAction, RpcError> {
        let runs_max = u32::try_from(orders.len()).unwrap_or(1);
        let proposal = Proposal::new(format!("test {target} in a candidate"), Body::Command(command))
            .because("requested by the user", seen(gate, target));
        self.try_orders(gate, client, (proposal, runs_max), orders)
    }

    /// An own action with a candidate, in which these runs are made.
    fn try_orders(
        &mut self,
        gate: &mut Gate,
        client: &ClientId,
        (mut proposal, runs_max): (Proposal, u32),
        orders: VecDeque<CandidateOrder>,
    ) -> Result<OwnAction, RpcError> {
        let id = gate.session().actions.next_id();
        let commands = if let Body::Command(command) = &proposal.body { vec![command.clone()] } else { Vec::new() };
        proposal.trial = Some(TrialBudget { runs_max, wall_ms_max: RUN_TIMEOUT_MS_DEFAULT, commands });
        let action = Action::file(id.clone(), proposal, None);
        self.tests.insert(id.clone(), orders);
        if let Err(error) = gate.put(Input::Own { action: Box::new(action), by: client.clone() }, Blobs::new()) {
            self.tests.remove(&id);
            return Err(error.into());
        }
        Ok(OwnAction::of(id))
    }
}

/// The action that is to be tested, if it is still what the client saw.
fn shown(session: &Session, test: &CandidateTest) -> Result<Option<Action>, RpcError> {
    let Some(id) = &test.action else { return Ok(None) };
    let state = session.actions.get(id).ok_or_else(|| RpcError::from(Refusal::NoAction(id.clone())))?;
    let Some(held) = &state.held else {
        return Err(RpcError::new(Code::NotHeld, format!("{id} is not pending any more")));
    };
    if test.digest != Some(held.digest) {
        let text = format!("{id} is not what `digest` names: review it again");
        return Err(RpcError::new(Code::StaleDigest, text));
    }
    Ok(Some(state.action.clone()))
}

/// The action that is tried, and the digest of what was on the screen.
fn seen(gate: &Gate, target: &ActionId) -> Vec<Evidence> {
    let held = gate.session().actions.get(target).and_then(|state| state.held.as_ref());
    let digest = held.map(|held| Evidence::new("digest", held.digest.to_string()));
    std::iter::once(Evidence::new("step", target.to_string())).chain(digest).collect()
}

/// The newest reports of these cases.
fn reported(session: &Session, ids: &[String]) -> Result<Vec<CaseReport>, RpcError> {
    if ids.len() > CHECK_CASES_ASKED_MAX {
        return Err(RpcError::invalid(format!(
            "at most {CHECK_CASES_ASKED_MAX} cases can be selected; run all instead"
        )));
    }
    let newest = |id: &String| {
        let found = session.checks.runs().rev().find_map(|run| run.case(id)).cloned();
        found.ok_or_else(|| RpcError::invalid(format!("no run has reported the case {id:?}: run all tests first")))
    };
    ids.iter().map(newest).collect()
}

pub(super) fn finish_feed(gate: &mut Gate, feed: Feed, exit: Option<i32>) -> Option<RunReport> {
    let (events, report) = feed.finish(exit, gate.session(), Tree::Workspace);
    match gate.append(events) {
        Ok(()) => Some(report),
        Err(trouble) => {
            tracing::error!(%trouble, "a run of checks is lost");
            None
        }
    }
}

/// What makes a copy of the workspace hold these files, and, where coverage is asked for, both versions of each.
fn edits_of(gate: &Gate, files: &[FileEdit], blobs: &Blobs, mut coverage: Option<&mut Wanted>) -> Edits {
    let bytes = |c: &Content| blobs.get(&c.digest()).cloned().or_else(|| gate.bytes_of(c)).unwrap_or_default();
    let mut edits = Edits::new();
    for file in files {
        edits.extend(file.from.iter().map(|from| (from.clone(), None)));
        edits.push((file.path.clone(), file.after.as_ref().map(bytes)));
        if let Some(coverage) = coverage.as_mut().filter(|_| file.after.is_some()) {
            let side = |content: &Option<Content>| content.as_ref().map(bytes).unwrap_or_default();
            coverage.add(&file.path, side(&file.before), side(&file.after));
        }
    }
    edits
}

/// The run with its totals, and its cases if requested, in one append.
fn record_trial(gate: &mut Gate, action: &ActionId, record: &TrialRecord, output: &TrialOutput) -> Option<RunReport> {
    let session = gate.session();
    let run = session.checks.next_id();
    let state = session.actions.get(action)?;
    let command = state.action.trial().and_then(|t| t.commands.get(record.command))?;
    let started = CheckStarted {
        run: run.clone(),
        command: command.line(),
        tree: Tree::Candidate,
        digest: output.tree.unwrap_or_else(|| Digest::of(record.what.as_bytes())),
        action: Some(action.clone()),
        what: Some(record.what.clone()),
        cases: record.asked.clone(),
        search: record.search.is_some(),
    };
    let exit = if output.timed_out { None } else { output.exit };
    let mut events = vec![Event::CheckStarted(started)];
    // The output of an agent's own driver is in no runner's format; its exit code and its words give the result.
    let speaks = |c: &&ChecksSetup| record.cases || c.command.spawn_argv() == command.spawn_argv();
    let report = match gate.checks().filter(speaks) {
        Some(setup) => {
            let mut feed = Feed::new(run, setup, &record.asked);
            let mut early: Vec<Event> = Vec::new();
            for (stream, bytes) in streams(output) {
                early.extend(feed.feed(stream, bytes));
            }
            let (late, report) = feed.finish(exit, session, Tree::Candidate);
            let late = with_coverage(late, record);
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
    gate.append(events).ok().map(|()| report)
}

/// The end of a run with what its coverage report says.
fn with_coverage(mut events: Vec<Event>, record: &TrialRecord) -> Vec<Event> {
    match &record.covered {
        None => {}
        Some(Ok(files)) => {
            if let Some(Event::CheckFinished(finished)) = events.last_mut() {
                finished.covered.clone_from(files);
            }
        }
        Some(Err(why)) => {
            events.push(Event::AgentNoted(AgentNoted::new(NoteKind::Trial, format!("no coverage: {why}"))))
        }
    }
    events
}

/// Both streams of a finished run, for its parser.
fn streams(output: &TrialOutput) -> [(Stream, &[u8]); 2] {
    [(Stream::Stderr, &output.stderr), (Stream::Stdout, &output.stdout)]
}
