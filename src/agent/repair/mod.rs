//! The embedded repair agent at its desk: reproduces, searches with [`crate::repair`], proposes, and takes the user's
//! words into the search.

mod limits;
mod stages;

use crate::base::{ActionId, RelPath};
use crate::model::check::{CaseReport, RunReport};
use crate::model::event::{OutcomeWord, SessionOutcome, TurnEnd};
use crate::model::{After, Body, Command, Draft, Evidence, Proposal, StepStatus, Trial, TrialBudget, TrialOutput};
use crate::port::{Agent, AgentLink, Answer, Desk, Interrupted, Settled, TrialError};
use crate::repair::{self, Bench, Budget, Known, Memory, Outcome, Project, Steering, report};
use futures::future::BoxFuture;
use stages::Stage;
use std::collections::BTreeMap;

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
            // A closed link means that the host has ended the agent.
            let _ = seat.attend().await;
        })
    }
}

/// The reason that a turn stops short of a repair.
enum Stop {
    /// It was canceled, or the session closes.
    Interrupted(Interrupted),
    /// The search cannot continue; the report says why.
    Failed(String),
}

impl From<Interrupted> for Stop {
    fn from(interrupted: Interrupted) -> Self {
        Self::Interrupted(interrupted)
    }
}

/// The reason that a search ends without an outcome.
enum Halt {
    Trial(TrialError),
    /// The user said something that changes the search.
    Steered(String),
}

impl From<TrialError> for Halt {
    fn from(error: TrialError) -> Self {
        Self::Trial(error)
    }
}

impl From<Interrupted> for Halt {
    fn from(interrupted: Interrupted) -> Self {
        Self::Trial(interrupted.into())
    }
}

struct Seat {
    desk: Desk,
    tests: Option<Command>,
    budget: Budget,
    steering: Steering,
    stage: stages::Progress,
    /// The approved trial action, while its runs last.
    trials: Option<ActionId>,
    /// The changes tried on the project in its present state.
    memory: Memory,
}

impl Seat {
    fn new(agent: Repair, link: AgentLink) -> Self {
        Self {
            desk: Desk::new(link),
            tests: agent.tests,
            budget: agent.budget,
            steering: Steering::default(),
            stage: stages::Progress::default(),
            trials: None,
            memory: Memory::default(),
        }
    }

    async fn attend(&mut self) -> Result<(), Interrupted> {
        loop {
            let message = self.desk.next_prompt().await?;
            self.steering.heed(&message, &Outcome::default(), &Known::default());
            match self.turn().await {
                Ok(report) => self.close(SessionOutcome::Done, report).await?,
                Err(Stop::Failed(report)) => self.close(SessionOutcome::Failed, report).await?,
                Err(Stop::Interrupted(Interrupted::Canceled)) => {
                    self.trials = None;
                    self.desk.end_turn(TurnEnd::Canceled).await?;
                }
                Err(Stop::Interrupted(Interrupted::Closed)) => return Err(Interrupted::Closed),
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

    /// One turn; gives the report of a session that is done.
    async fn turn(&mut self) -> Result<String, Stop> {
        self.stage = stages::Progress::default();
        self.desk.say("I look for a small repair: I run the tests, find suspicious lines, try typed changes in a private copy, and propose a change that makes the failing tests pass. I never edit tests.").await?;
        let project = self.read().await?;
        let command = self.tests.clone().unwrap_or_else(|| Command::argv(project.whole_command()));
        self.mark(Stage::Reproduce, StepStatus::Active, None).await?;
        // A mistake that loops forever must not take the whole time of a run.
        let quick = Command { timeout_ms: first_run_ms(&project), ..command.clone() };
        let first = self.run_tests(&quick, "to see which tests fail and why", Stage::Reproduce).await?;
        if let Some(report) = &first {
            if report.finished.is_green() {
                self.mark(Stage::Reproduce, StepStatus::Done, Some("all pass".into())).await?;
                return Ok(format!("All {} tests pass: there is nothing to repair.", report.finished.passed));
            }
            self.desk.say(report::failures(&report.cases, report.finished.passed)).await?;
        }
        self.mark(Stage::Reproduce, StepStatus::Done, first.as_ref().map(|r| format!("{} fail", r.finished.failed)))
            .await?;
        let cases = first.map(|r| r.cases).unwrap_or_default();
        self.repair(project, &command, &cases).await
    }

    /// Search, propose, listen; until something is accepted or nothing is left.
    async fn repair(&mut self, mut project: Project, command: &Command, cases: &[CaseReport]) -> Result<String, Stop> {
        // After an accepted repair the old failures say nothing any more.
        let mut cases_fail = cases.iter().any(|c| c.status.is_bad());
        for _ in 0..limits::REPAIR_PROPOSALS_MAX {
            let Some(outcome) = self.look(&project).await? else { continue };
            if outcome.failing_before.is_empty() {
                let text = "In a private copy every test passes: I cannot reproduce the failure there.".to_owned();
                return if cases_fail { Err(Stop::Failed(text)) } else { Ok(text) };
            }
            if outcome.repairs.is_empty() {
                self.mark(Stage::Try, StepStatus::Failed, Some(format!("{} tried", outcome.tried.total))).await?;
                return Err(Stop::Failed(report::nothing(&outcome)));
            }
            let settled = self.propose(&outcome, cases).await?;
            if let Some(done) = self.answered(&settled, &outcome, &mut project, command).await? {
                return Ok(done);
            }
            cases_fail &= !matches!(settled.answer, Answer::Approved { .. });
        }
        Err(Stop::Failed(format!(
            "I stopped after {} proposals, none of which was accepted.",
            limits::REPAIR_PROPOSALS_MAX
        )))
    }

    async fn read(&mut self) -> Result<Project, Stop> {
        let proposal = Proposal::new("read the project", Body::Read(".".into()))
            .because("to find the sources and the tests", Vec::new());
        let settled = self.desk.propose(proposal).await?;
        let Some(performed) = settled.performed.filter(|p| p.outcome == OutcomeWord::Ok) else {
            let message = settled.answer.message();
            return Err(Stop::Failed(format!("I cannot work without reading the project: {message}")));
        };
        self.memory = Memory::default();
        let mut files = BTreeMap::new();
        for (path, bytes) in performed.read {
            if bytes.len() <= limits::REPAIR_FILE_BYTES_MAX
                && let Ok(text) = String::from_utf8(bytes)
            {
                files.insert(path.as_str().to_owned(), text);
            }
        }
        let words = self
            .tests
            .as_ref()
            .map(|c| c.argv.clone().unwrap_or_else(|| shell_words::split(&c.line()).unwrap_or_default()));
        let read = Project::read(files, words.as_deref());
        read.map_err(|e| Stop::Failed(format!("I cannot work on this project: {e}.")))
    }

    /// `None` when the run said nothing of any case.
    async fn run_tests(&mut self, command: &Command, why: &str, stage: Stage) -> Result<Option<RunReport>, Stop> {
        let mut proposal =
            Proposal::new(format!("run {}", command.line()), Body::Command(command.clone())).because(why, Vec::new());
        proposal.checks = true;
        proposal.step = Some(stage.id());
        let settled = self.desk.propose(proposal).await?;
        match settled.performed {
            Some(performed) if performed.timed_out => {
                let text = "The tests did not finish. I run each one alone in a private copy.";
                self.desk.say(text).await?;
                Ok(performed.report.filter(|r| r.finished.failed > 0))
            }
            Some(performed) => match performed.report {
                // A missing program leaves an empty report.
                Some(report) if performed.exit.is_some() || !report.cases.is_empty() => Ok(Some(report)),
                None if performed.exit.is_some() => Ok(None),
                _ => {
                    let detail = performed.detail.unwrap_or_default();
                    Err(Stop::Failed(format!("the tests could not be run: {detail}")))
                }
            },
            None => {
                let message = settled.answer.message();
                Err(Stop::Failed(format!("I cannot find a repair without running the tests: {message}")))
            }
        }
    }

    /// One search. `None`: the user said something; look again.
    async fn look(&mut self, project: &Project) -> Result<Option<Outcome>, Stop> {
        self.mark(Stage::Locate, StepStatus::Active, None).await?;
        let action = match self.trials.clone() {
            Some(action) => action,
            None => self.open_trials(project).await?,
        };
        self.trials = Some(action.clone());
        let mut bench = DeskBench { desk: &mut self.desk, action, stage: &mut self.stage };
        match repair::search(&mut bench, project, &mut self.memory, &self.steering, self.budget).await {
            Ok(Outcome { problem: Some(problem), .. }) => Err(Stop::Failed(format!("In a private copy {problem}."))),
            Ok(outcome) => Ok(Some(outcome)),
            Err(Halt::Steered(text)) => {
                let understood = self.steering.heed(&text, &Outcome::default(), &project.known());
                self.desk.say(format!("Understood: {understood}.")).await?;
                Ok(None)
            }
            Err(Halt::Trial(TrialError::Interrupted(interrupted))) => Err(interrupted.into()),
            Err(Halt::Trial(TrialError::Refused(why))) => {
                self.trials = None;
                Err(Stop::Failed(format!("The trials ended: {why}.")))
            }
        }
    }

    async fn open_trials(&mut self, project: &Project) -> Result<ActionId, Stop> {
        let mut commands = repair::commands(project);
        if let (Some(tests), Some(whole)) = (&self.tests, commands.first_mut()) {
            *whole = tests.clone();
        }
        let Some(driver) = commands.get(repair::DRIVER).cloned() else {
            return Err(Stop::Failed("no way to run trials".into()));
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
                Ok(action)
            }
            (answer, _) => {
                let detail = settled.performed.and_then(|p| p.detail).unwrap_or_else(|| answer.message().to_owned());
                Err(Stop::Failed(format!("I cannot search for a repair without trials in a private copy: {detail}")))
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
            .filter_map(|(p, t)| Some((RelPath::new(p).ok()?, Some(t.clone().into_bytes()))))
            .collect();
        let trial = Trial {
            what: "the whole suite with the proposed repair".into(),
            edits,
            command: 0,
            env: Vec::new(),
            timeout_ms: repair::limits::REPAIR_BUILD_MS_MAX,
            collect: Vec::new(),
            record_cases: true,
        };
        match self.desk.trial(&action, trial).await {
            Ok(output) => Ok(Some(report::confirmed(&output))),
            Err(TrialError::Refused(_)) => Ok(None),
            Err(TrialError::Interrupted(interrupted)) => Err(interrupted),
        }
    }

    /// Acts on the answer; returns the report when the session is done, `None` when the search continues.
    async fn answered(
        &mut self,
        settled: &Settled,
        outcome: &Outcome,
        project: &mut Project,
        command: &Command,
    ) -> Result<Option<String>, Stop> {
        match &settled.answer {
            Answer::Approved { edited, note, .. } => {
                if let Some(note) = note {
                    // It counts for what is looked for next, if anything is.
                    self.steering.heed(note, &Outcome::default(), &project.known());
                }
                self.verify(settled, edited.is_some(), outcome, project, command).await
            }
            Answer::Denied { reason, by_rule: None, .. } | Answer::Redirected { reason, .. } => {
                self.mark(Stage::Propose, StepStatus::Failed, Some("not accepted".into())).await?;
                let understood = self.steering.heed(reason, outcome, &project.known());
                self.desk.say(format!("Understood: {understood}.")).await?;
                Ok(None)
            }
            Answer::Denied { reason, by_rule: Some(rule), .. } => Err(Stop::Failed(format!(
                "Rule {rule} forbids the repair ({reason}). It was: {}",
                report::title(outcome)
            ))),
            Answer::Lapsed { message, .. } | Answer::Refused { message } => {
                self.desk
                    .say(format!("My proposal no longer applies ({message}); I will read the project again."))
                    .await?;
                *project = self.read().await?;
                self.trials = None;
                Ok(None)
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
    ) -> Result<Option<String>, Stop> {
        if !settled.is_done() {
            let detail = settled.performed.as_ref().and_then(|p| p.detail.clone()).unwrap_or_default();
            if settled.performed.as_ref().is_some_and(|p| p.outcome == OutcomeWord::Failed) {
                // The next repair would fail in the same way: only the supervisor can change that.
                self.mark(Stage::Propose, StepStatus::Failed, Some("could not be written".into())).await?;
                let title = report::title(outcome);
                return Err(Stop::Failed(format!(
                    "The repair could not be written: {detail}. Make the file writable and ask again. It was: {title}"
                )));
            }
            self.desk.say(format!("The repair could not be written: {detail}. I will read the project again.")).await?;
        } else {
            self.mark(Stage::Propose, StepStatus::Done, edited.then(|| "with your changes".into())).await?;
        }
        self.mark(Stage::Verify, StepStatus::Active, None).await?;
        let mut after =
            self.run_tests(command, "to check that the repair works in the workspace", Stage::Verify).await?;
        if after.as_ref().is_none_or(|r| r.cases.is_empty()) {
            // A run that says nothing about any case proves nothing either way: once more.
            let why = "the last run reported no test cases, so it runs again";
            after = match self.run_tests(command, why, Stage::Verify).await {
                Err(Stop::Failed(_)) => None,
                again => again?,
            };
        }
        if after.as_ref().is_some_and(|r| r.finished.is_green()) {
            self.mark(Stage::Verify, StepStatus::Done, Some("all pass".into())).await?;
            return Ok(Some(report::done(outcome, edited, after.as_ref())));
        }
        self.mark(Stage::Verify, StepStatus::Failed, after.as_ref().map(|r| format!("{} fail", r.finished.failed)))
            .await?;
        *project = self.read().await?;
        self.steering.refuse_missing(outcome, project);
        self.trials = None;
        self.desk.say(report::still_failing(after.as_ref(), edited)).await?;
        Ok(None)
    }
}

/// Returns the time limit for the first run of the tests; tests that do not end by then run one by one in the private
/// copy.
fn first_run_ms(project: &Project) -> u64 {
    if project.is_compiled() { limits::REPAIR_FIRST_RUN_COMPILED_MS_MAX } else { limits::REPAIR_FIRST_RUN_MS_MAX }
}

/// Trials through the desk, under the approved action.
struct DeskBench<'a> {
    desk: &'a mut Desk,
    action: ActionId,
    stage: &'a mut stages::Progress,
}

impl Bench for DeskBench<'_> {
    type Error = Halt;

    async fn run(&mut self, trial: Trial) -> Result<TrialOutput, Halt> {
        Ok(self.desk.trial(&self.action, trial).await?)
    }

    async fn report(&mut self, step: repair::Step) -> Result<(), Halt> {
        match step {
            repair::Step::Reproduced { .. } => {}
            repair::Step::Suspected { suspects } => {
                self.stage.set(Stage::Locate, StepStatus::Done, suspects.first().map(|s| s.function.clone()));
                self.stage.set(Stage::Try, StepStatus::Active, None);
                self.desk.plan(self.stage.steps()).await?;
                self.desk.say(report::suspects(&suspects)).await?;
            }
            repair::Step::Tried { total, waiting } => {
                self.stage.set(Stage::Try, StepStatus::Active, Some(format!("{total} tried, {waiting} left")));
                self.desk.plan(self.stage.steps()).await?;
            }
            repair::Step::Found { words, path, line, fixed, left } => {
                let tests = if fixed == 1 { "failing test pass" } else { "failing tests pass" };
                let still = if left == 1 { "fails" } else { "fail" };
                self.desk.think(format!("{path}:{line}: {words} makes {fixed} {tests}, {left} still {still}")).await?;
            }
        }
        match self.desk.boundary_prompt()? {
            Some(text) => Err(Halt::Steered(text)),
            None => Ok(()),
        }
    }
}
