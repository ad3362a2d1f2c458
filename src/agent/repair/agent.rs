//! The agent at its desk: reproduces, locates, tries, proposes, and listens to what the user says about it.

use std::collections::BTreeMap;

use futures::future::BoxFuture;

use super::bench::{Bench, BenchError};
use super::engine::{self, Budget, Memory, Outcome, Step as SearchStep};
use super::harness;
use super::plan::{self, Stage};
use super::project::Project;
use super::report;
use super::runner::Runner;
use super::steer::{About, Known, Steering};
use crate::agent::repair::limits;
use crate::base::ActionId;
use crate::model::check::CaseReport;
use crate::model::event::{OutcomeWord, SessionOutcome, TurnEnd};
use crate::model::{After, Body, Command, Draft, Evidence, Proposal, StepStatus, TrialBudget};
use crate::port::{Agent, AgentLink, Answer, Desk, Interrupted, RunReport, Settled, Trial, TrialOutput};

/// The embedded repair agent.
#[derive(Debug)]
pub struct Repair {
    /// The detected test command; found from the files when absent.
    tests: Option<Command>,
    budget: Budget,
}

impl Repair {
    pub fn new(tests: Option<Command>) -> Self {
        Self { tests, budget: Budget::default() }
    }
}

impl Agent for Repair {
    fn run(self: Box<Self>, link: AgentLink) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut seat = Seat::new(*self, link);
            // A closed link is the host's word to go; there is nobody left to tell.
            let _ = seat.attend().await;
        })
    }
}

/// How a turn ends.
enum End {
    Done(String),
    Failed(String),
}

/// What becomes of the search after an answer.
enum Next {
    Again,
    End(End),
}

struct Seat {
    desk: Desk,
    tests: Option<Command>,
    budget: Budget,
    steering: Steering,
    stage: plan::Progress,
    /// The approved trial action, while its runs last.
    trials: Option<ActionId>,
    /// What was tried on the project as it is.
    memory: Memory,
}

impl Seat {
    fn new(agent: Repair, link: AgentLink) -> Self {
        Self {
            desk: Desk::new(link),
            tests: agent.tests,
            budget: agent.budget,
            steering: Steering::default(),
            stage: plan::Progress::default(),
            trials: None,
            memory: Memory::default(),
        }
    }

    async fn attend(&mut self) -> Result<(), Interrupted> {
        loop {
            let told = self.desk.next_prompt().await?;
            self.heed(&told, &Outcome::default(), &Known::default());
            match self.turn().await {
                Ok(End::Done(report)) => self.close(SessionOutcome::Done, report).await?,
                Ok(End::Failed(report)) => self.close(SessionOutcome::Failed, report).await?,
                Err(Interrupted::Cancelled) => {
                    self.trials = None;
                    self.desk.end_turn(TurnEnd::Cancelled).await?;
                }
                Err(Interrupted::Closed) => return Err(Interrupted::Closed),
            }
        }
    }

    async fn close(&mut self, outcome: SessionOutcome, report: String) -> Result<(), Interrupted> {
        self.trials = None;
        self.desk.say(report.clone()).await?;
        self.desk.end_turn(TurnEnd::EndTurn).await?;
        self.desk.end(outcome, report).await
    }

    async fn mark(&mut self, stage: Stage, status: StepStatus, note: Option<String>) -> Result<(), Interrupted> {
        self.stage.set(stage, status, note);
        self.desk.plan(self.stage.steps()).await
    }

    async fn turn(&mut self) -> Result<End, Interrupted> {
        self.stage = plan::Progress::default();
        self.desk.say("I look for a small repair: I run the tests, find suspicious lines, try typed changes in a private copy, and propose a change that makes the failing tests pass. I never edit tests.").await?;
        let project = match self.read().await? {
            Ok(project) => project,
            Err(why) => return Ok(End::Failed(why)),
        };
        let command = self.tests.clone().unwrap_or_else(|| Command::argv(project.whole_command()));
        self.mark(Stage::Reproduce, StepStatus::Active, None).await?;
        // A mistake that loops forever must not take the whole time of a run.
        let quick = Command { timeout_ms: first_run_ms(&project), ..command.clone() };
        let first = match self.run_tests(&quick, "to see which tests fail and why", Stage::Reproduce).await? {
            Ok(report) => report,
            Err(why) => return Ok(End::Failed(why)),
        };
        if let Some(report) = &first {
            if report.finished.is_green() {
                self.mark(Stage::Reproduce, StepStatus::Done, Some("all pass".into())).await?;
                return Ok(End::Done(format!(
                    "All {} tests pass: there is nothing to repair.",
                    report.finished.passed
                )));
            }
            self.desk.say(report::failures(&report.cases, report.finished.passed)).await?;
        }
        self.mark(Stage::Reproduce, StepStatus::Done, first.as_ref().map(|r| format!("{} fail", r.finished.failed)))
            .await?;
        let cases = first.map(|r| r.cases).unwrap_or_default();
        self.repair(project, &command, &cases).await
    }

    /// Search, propose, listen; until something is accepted or nothing is left.
    async fn repair(
        &mut self,
        mut project: Project,
        command: &Command,
        cases: &[CaseReport],
    ) -> Result<End, Interrupted> {
        // After an accepted repair the old failures say nothing any more.
        let mut cases_fail = cases.iter().any(|c| c.status.is_bad());
        for _ in 0..limits::REPAIR_PROPOSALS_MAX {
            let outcome = match self.look(&project).await? {
                Ok(Some(outcome)) => outcome,
                Ok(None) => continue,
                Err(why) => return Ok(End::Failed(why)),
            };
            if outcome.failing_before.is_empty() {
                let text = "In a private copy every test passes: I cannot reproduce the failure there.".to_owned();
                return Ok(if cases_fail { End::Failed(text) } else { End::Done(text) });
            }
            if outcome.repairs.is_empty() {
                self.mark(Stage::Try, StepStatus::Failed, Some(format!("{} tried", outcome.tried.total))).await?;
                return Ok(End::Failed(report::nothing(&outcome)));
            }
            let settled = self.propose(&outcome, cases).await?;
            match self.answered(&settled, &outcome, &mut project, command).await? {
                Next::Again => cases_fail &= !matches!(settled.answer, Answer::Approved { .. }),
                Next::End(end) => return Ok(end),
            }
        }
        Ok(End::Failed(format!(
            "I stopped after {} proposals, none of which was accepted.",
            limits::REPAIR_PROPOSALS_MAX
        )))
    }

    async fn read(&mut self) -> Result<Result<Project, String>, Interrupted> {
        let proposal = Proposal::new("read the project", Body::Read(".".into()))
            .because("to find the sources and the tests", Vec::new());
        let settled = self.desk.propose(proposal).await?;
        let Some(performed) = settled.performed.filter(|p| p.outcome == OutcomeWord::Ok) else {
            return Ok(Err(format!("I cannot work without reading the project: {}", told(&settled.answer))));
        };
        self.memory = Memory::default();
        let mut files = BTreeMap::new();
        for (path, bytes) in performed.read {
            if bytes.len() <= limits::REPAIR_FILE_BYTES_MAX {
                if let Ok(text) = String::from_utf8(bytes) {
                    files.insert(path.as_str().to_owned(), text);
                }
            }
        }
        let words = self
            .tests
            .as_ref()
            .map(|c| c.argv.clone().unwrap_or_else(|| shell_words::split(&c.line()).unwrap_or_default()));
        Ok(Project::read(files, words.as_deref()).map_err(|e| format!("I cannot work on this project: {e}.")))
    }

    async fn run_tests(
        &mut self,
        command: &Command,
        why: &str,
        stage: Stage,
    ) -> Result<Result<Option<RunReport>, String>, Interrupted> {
        let mut proposal =
            Proposal::new(format!("run {}", command.line()), Body::Command(command.clone())).because(why, Vec::new());
        proposal.checks = true;
        proposal.step = Some(stage.id());
        let settled = self.desk.propose(proposal).await?;
        match settled.performed {
            Some(performed) if performed.timed_out => {
                let text = "The tests did not finish. I run each one alone in a private copy.";
                self.desk.say(text).await?;
                Ok(Ok(performed.report.filter(|r| r.finished.failed > 0)))
            }
            Some(performed) => match performed.report {
                // A program that is not there leaves a report of nothing.
                Some(report) if performed.exit.is_some() || !report.cases.is_empty() => Ok(Ok(Some(report))),
                None if performed.exit.is_some() => Ok(Ok(None)),
                _ => Ok(Err(format!("the tests could not be run: {}", performed.detail.unwrap_or_default()))),
            },
            None => Ok(Err(format!("I cannot find a repair without running the tests: {}", told(&settled.answer)))),
        }
    }

    /// One search. `None`: the user said something; look again.
    async fn look(&mut self, project: &Project) -> Result<Result<Option<Outcome>, String>, Interrupted> {
        self.mark(Stage::Locate, StepStatus::Active, None).await?;
        let action = match self.trials.clone() {
            Some(action) => action,
            None => match self.open_trials(project).await? {
                Ok(action) => action,
                Err(why) => return Ok(Err(why)),
            },
        };
        self.trials = Some(action.clone());
        let mut bench = DeskBench { desk: &mut self.desk, action, stage: &mut self.stage };
        match engine::search(&mut bench, project, &mut self.memory, &self.steering, self.budget).await {
            Ok(outcome) => {
                if let Some(problem) = &outcome.problem {
                    return Ok(Err(format!("In a private copy {problem}.")));
                }
                Ok(Ok(Some(outcome)))
            }
            Err(BenchError::Interrupted(interrupted)) => Err(interrupted),
            Err(BenchError::Steered(text)) => {
                let known = known(project);
                let told = self.heed(&text, &Outcome::default(), &known);
                self.desk.say(format!("Understood: {told}.")).await?;
                Ok(Ok(None))
            }
            Err(BenchError::Refused(why)) => {
                self.trials = None;
                Ok(Err(format!("The trials ended: {why}.")))
            }
        }
    }

    async fn open_trials(&mut self, project: &Project) -> Result<Result<ActionId, String>, Interrupted> {
        let mut commands = harness::commands(project);
        if let (Some(tests), Some(whole)) = (&self.tests, commands.first_mut()) {
            *whole = tests.clone();
        }
        let Some(driver) = commands.get(harness::DRIVER).cloned() else {
            return Ok(Err("no way to run trials".into()));
        };
        let why = "to try changes against the tests without touching the workspace: a small driver runs them in a private copy, many at a time, each under a time limit";
        let mut proposal =
            Proposal::new("try repairs in a private copy", Body::Command(driver)).because(why, Vec::new());
        proposal.step = Some(Stage::Try.id());
        proposal.trial = Some(TrialBudget {
            runs_max: limits::REPAIR_TRIALS_MAX,
            wall_ms_max: limits::REPAIR_TRIALS_MS_MAX,
            commands,
        });
        let settled = self.desk.propose(proposal).await?;
        match (&settled.answer, settled.action) {
            (Answer::Approved { .. }, Some(action))
                if settled.performed.as_ref().is_none_or(|p| p.outcome != OutcomeWord::Failed) =>
            {
                Ok(Ok(action))
            }
            (answer, _) => {
                let detail = settled.performed.and_then(|p| p.detail).unwrap_or_else(|| told(answer));
                Ok(Err(format!("I cannot look for a repair without trials in a private copy: {detail}")))
            }
        }
    }

    async fn propose(&mut self, outcome: &Outcome, cases: &[CaseReport]) -> Result<Settled, Interrupted> {
        self.mark(Stage::Try, StepStatus::Done, Some(format!("{} tried", outcome.tried.total))).await?;
        self.mark(Stage::Propose, StepStatus::Active, None).await?;
        let mut evidence = report::evidence(outcome, cases);
        if let Some(run) = self.confirm(outcome).await? {
            evidence.push(run);
        }
        let drafts = outcome
            .overlay
            .iter()
            .map(|(path, text)| Draft { path: path.clone(), after: After::Whole(text.clone().into_bytes()) })
            .collect();
        let mut proposal =
            Proposal::new(report::title(outcome), Body::Edit(drafts)).because(report::rationale(outcome), evidence);
        proposal.step = Some(Stage::Propose.id());
        self.desk.propose(proposal).await
    }

    /// The whole suite once more in the candidate, recorded case by case.
    async fn confirm(&mut self, outcome: &Outcome) -> Result<Option<Evidence>, Interrupted> {
        let Some(action) = self.trials.clone() else { return Ok(None) };
        let edits = outcome
            .overlay
            .iter()
            .filter_map(|(p, t)| Some((crate::base::RelPath::new(p).ok()?, Some(t.clone().into_bytes()))))
            .collect();
        let trial = Trial {
            what: "the whole suite with the proposed repair".into(),
            edits,
            command: 0,
            env: Vec::new(),
            timeout_ms: limits::REPAIR_BUILD_MS_MAX,
            collect: Vec::new(),
            record_cases: true,
        };
        let Ok(output) = self.desk.trial(&action, trial).await? else { return Ok(None) };
        Ok(Some(report::confirmed(&output)))
    }

    async fn answered(
        &mut self,
        settled: &Settled,
        outcome: &Outcome,
        project: &mut Project,
        command: &Command,
    ) -> Result<Next, Interrupted> {
        match &settled.answer {
            Answer::Approved { edited, note, .. } => {
                if let Some(note) = note {
                    // It counts for what is looked for next, if anything is.
                    self.steering.take(note, &About::default(), &known(project));
                }
                self.verify(settled, edited.is_some(), outcome, project, command).await
            }
            Answer::Denied { reason, by_rule: None, .. } | Answer::Redirected { reason, .. } => {
                self.mark(Stage::Propose, StepStatus::Failed, Some("not accepted".into())).await?;
                let told = self.heed(reason, outcome, &known(project));
                self.desk.say(format!("Understood: {told}.")).await?;
                Ok(Next::Again)
            }
            Answer::Denied { reason, by_rule: Some(rule), .. } => Ok(Next::End(End::Failed(format!(
                "Rule {rule} forbids the repair ({reason}). It was: {}",
                report::title(outcome)
            )))),
            Answer::Lapsed { told, .. } | Answer::Refused { told } => {
                self.desk
                    .say(format!("My proposal no longer applies ({told}); I will read the project again."))
                    .await?;
                match self.read().await? {
                    Ok(fresh) => {
                        *project = fresh;
                        self.trials = None;
                        Ok(Next::Again)
                    }
                    Err(why) => Ok(Next::End(End::Failed(why))),
                }
            }
        }
    }

    /// Runs the tests again on the workspace and says what came of it.
    async fn verify(
        &mut self,
        settled: &Settled,
        edited: bool,
        outcome: &Outcome,
        project: &mut Project,
        command: &Command,
    ) -> Result<Next, Interrupted> {
        if !settled.is_done() {
            let detail = settled.performed.as_ref().and_then(|p| p.detail.clone()).unwrap_or_default();
            if settled.performed.as_ref().is_some_and(|p| p.outcome == OutcomeWord::Failed) {
                // The next repair would fail in the same way: only the supervisor can change that.
                self.mark(Stage::Propose, StepStatus::Failed, Some("could not be written".into())).await?;
                let title = report::title(outcome);
                return Ok(Next::End(End::Failed(format!(
                    "The repair could not be written: {detail}. Make the file writable and ask again. It was: {title}"
                ))));
            }
            self.desk.say(format!("The repair could not be written: {detail}. I will read the project again.")).await?;
        } else {
            self.mark(Stage::Propose, StepStatus::Done, edited.then(|| "with your changes".into())).await?;
        }
        self.mark(Stage::Verify, StepStatus::Active, None).await?;
        let mut after =
            match self.run_tests(command, "to check that the repair works in the workspace", Stage::Verify).await? {
                Ok(report) => report,
                Err(why) => return Ok(Next::End(End::Failed(why))),
            };
        if after.as_ref().is_none_or(|r| r.cases.is_empty()) {
            // A run that says nothing about any case proves nothing either way: once more.
            let again =
                self.run_tests(command, "the last run reported no test cases, so it runs again", Stage::Verify).await?;
            after = again.ok().flatten();
        }
        if after.as_ref().is_some_and(|r| r.finished.is_green()) {
            self.mark(Stage::Verify, StepStatus::Done, Some("all pass".into())).await?;
            return Ok(Next::End(End::Done(report::done(outcome, edited, after.as_ref()))));
        }
        self.mark(Stage::Verify, StepStatus::Failed, after.as_ref().map(|r| format!("{} fail", r.finished.failed)))
            .await?;
        match self.read().await? {
            Ok(fresh) => *project = fresh,
            Err(why) => return Ok(Next::End(End::Failed(why))),
        }
        self.refuse_missing(outcome, project);
        self.trials = None;
        self.desk.say(report::still_failing(after.as_ref(), edited)).await?;
        Ok(Next::Again)
    }

    /// Repairs the user left out are not proposed again.
    fn refuse_missing(&mut self, outcome: &Outcome, project: &Project) {
        for repair in &outcome.repairs {
            let mutation = &repair.fix.candidate.mutation;
            let now = project.sources.get(mutation.path.as_ref()).map(String::as_str).unwrap_or_default();
            let present = outcome.overlay.get(mutation.path.as_ref()).is_some_and(|t| t == now);
            let written = mutation.edits.iter().all(|e| !e.text.trim().is_empty() && now.contains(e.text.trim()));
            if !present && !written {
                self.steering.refused.insert((mutation.path.to_string(), mutation.words.clone()));
            }
        }
    }

    /// Takes the user's words into the search.
    fn heed(&mut self, reason: &str, outcome: &Outcome, known: &Known) -> String {
        let abouts: Vec<About> =
            outcome.repairs.iter().map(report::about).map(|a| report::with_relatives(a, outcome)).collect();
        let named: Vec<&About> =
            abouts.iter().filter(|a| reason.contains(&a.function) || reason.contains(&a.path)).collect();
        let chosen: Vec<&About> = if named.is_empty() { abouts.iter().collect() } else { named };
        let Some(first) = chosen.first() else { return self.steering.take(reason, &About::default(), known) };
        let told = self.steering.take(reason, first, known);
        for about in chosen.iter().skip(1) {
            self.steering.refused.insert((about.path.clone(), about.words.clone()));
        }
        told
    }
}

/// How long the tests may take at first; what does not end by then is looked at test by test in the private copy.
fn first_run_ms(project: &Project) -> u64 {
    match project.runner {
        Runner::Cargo { .. } | Runner::Go => limits::REPAIR_FIRST_RUN_COMPILED_MS_MAX,
        Runner::Unittest { .. } | Runner::Pytest { .. } | Runner::Node { .. } => limits::REPAIR_FIRST_RUN_MS_MAX,
    }
}

fn told(answer: &Answer) -> String {
    match answer {
        Answer::Approved { told, .. }
        | Answer::Denied { told, .. }
        | Answer::Redirected { told, .. }
        | Answer::Lapsed { told, .. }
        | Answer::Refused { told } => told.clone(),
    }
}

fn known(project: &Project) -> Known {
    let sources = engine::sources(project, &BTreeMap::new());
    let mut functions: Vec<String> = sources
        .values()
        .flat_map(|s| {
            super::operators::functions(s).into_iter().map(|f| super::scope::function_name(s, f)).collect::<Vec<_>>()
        })
        .collect();
    functions.sort();
    functions.dedup();
    Known { files: project.sources.keys().cloned().collect(), functions }
}

/// Trials through the desk, under the approved action.
struct DeskBench<'a> {
    desk: &'a mut Desk,
    action: ActionId,
    stage: &'a mut plan::Progress,
}

impl Bench for DeskBench<'_> {
    async fn run(&mut self, trial: Trial) -> Result<TrialOutput, BenchError> {
        self.desk.trial(&self.action, trial).await?.map_err(BenchError::Refused)
    }

    async fn tell(&mut self, step: SearchStep) -> Result<(), BenchError> {
        match step {
            SearchStep::Reproduced { .. } => {}
            SearchStep::Suspected { suspects } => {
                self.stage.set(Stage::Locate, StepStatus::Done, suspects.first().map(|s| s.function.clone()));
                self.stage.set(Stage::Try, StepStatus::Active, None);
                self.desk.plan(self.stage.steps()).await?;
                self.desk.say(report::suspects(&suspects)).await?;
            }
            SearchStep::Tried { total, waiting } => {
                self.stage.set(Stage::Try, StepStatus::Active, Some(format!("{total} tried, {waiting} left")));
                self.desk.plan(self.stage.steps()).await?;
            }
            SearchStep::Found { words, path, line, fixed, left } => {
                self.desk
                    .think(format!("{path}:{line}: {words} makes {fixed} failing tests pass, {left} still fail"))
                    .await?;
            }
        }
        match self.desk.boundary_prompt()? {
            Some(text) => Err(BenchError::Steered(text)),
            None => Ok(()),
        }
    }
}
