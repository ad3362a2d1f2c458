//! The script agent: plays a file of JSON lines, in order; a line that proposes waits for its decision before the next.
//! For tests, demonstrations and bug reports.

mod line;

pub use line::{ScriptError, ScriptLine, parse};

use crate::model::event::{SessionOutcome, TurnEnd};
use crate::model::plan::{PlanDocument, PlanOrigin};
use crate::model::{After, Body, Command, Draft, Proposal, Step, StepStatus};
use crate::port::{Agent, AgentLink, Desk, FromAgent, Interrupted};
use futures::future::BoxFuture;
use line::{EditLine, Play, RunLine};

/// A parsed script that is ready to play.
#[derive(Debug)]
pub struct Script {
    lines: Vec<ScriptLine>,
    /// The command that `{"tests": {}}` runs.
    tests: Option<Command>,
}

/// The position of the player.
struct Player {
    desk: Desk,
    tests: Option<Command>,
    last_told: String,
}

/// The effect of a line on the flow.
enum Flow {
    On,
    TurnOver,
    Over,
}

impl Script {
    pub fn new(lines: Vec<ScriptLine>, tests: Option<Command>) -> Self {
        Self { lines, tests }
    }
}

impl Agent for Script {
    fn run(self: Box<Self>, link: AgentLink) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut player = Player { desk: Desk::new(link), tests: self.tests, last_told: String::new() };
            // A closed link means that the host has ended the agent.
            let _ = player.play(self.lines).await;
        })
    }
}

impl Player {
    async fn play(&mut self, lines: Vec<ScriptLine>) -> Result<(), Interrupted> {
        let mut rest = lines.into_iter().peekable();
        while let Some(line) = rest.next() {
            let flow = match self.line(line).await {
                Ok(flow) => flow,
                Err(Interrupted::Canceled) => {
                    self.desk.end_turn(TurnEnd::Canceled).await?;
                    Flow::TurnOver
                }
                Err(Interrupted::Closed) => return Err(Interrupted::Closed),
            };
            match flow {
                Flow::On => {}
                Flow::Over => return Ok(()),
                Flow::TurnOver if rest.peek().is_some() => {
                    self.desk.next_prompt().await?;
                }
                Flow::TurnOver => {}
            }
        }
        self.over(SessionOutcome::Done, "The script has been played to its end.".to_owned()).await
    }

    /// Ends the session and stays until the host closes the link, so that the end is not taken for a loss. A message is
    /// answered: nobody waits for a turn that cannot end.
    async fn over(&mut self, outcome: SessionOutcome, report: String) -> Result<(), Interrupted> {
        loop {
            self.desk.end(outcome, report.clone()).await?;
            match self.desk.next_prompt().await {
                Ok(_) => {
                    self.desk.say("The script is over and takes no messages: start a new session.").await?;
                    self.desk.end_turn(TurnEnd::EndTurn).await?;
                }
                Err(Interrupted::Canceled) => self.desk.end_turn(TurnEnd::Canceled).await?,
                Err(Interrupted::Closed) => return Err(Interrupted::Closed),
            }
        }
    }

    async fn line(&mut self, line: ScriptLine) -> Result<Flow, Interrupted> {
        let number = line.number;
        match line.play {
            Play::Say(text) => self.desk.say(text).await?,
            Play::Think(text) => self.desk.think(text).await?,
            Play::Plan(steps) => {
                let steps = steps.into_iter().map(step).collect();
                self.desk.plan(steps).await?;
            }
            Play::Document(text) => {
                let body = Body::Plan(Some(Box::new(PlanDocument::new(&text, PlanOrigin::Agent))));
                let settled = self.desk.consent(Proposal::new("approve the plan", body)).await?;
                self.last_told = settled.answer.message().to_owned();
            }
            Play::Written(text) => {
                let document = Box::new(PlanDocument::new(&text, PlanOrigin::Agent));
                self.desk.send(FromAgent::PlanWritten { by: "agent".into(), document }).await?;
            }
            Play::Read(read) => {
                let title = format!("read {}", read.path);
                self.propose(Proposal::new(title, Body::Read(read.path)), None).await?;
            }
            Play::Edit(edit) => {
                let (why, evidence) = (edit.why.clone().unwrap_or_default(), edit.evidence.clone());
                let drafts = drafts(edit);
                let title = Draft::words(&drafts);
                let mut proposal = Proposal::new(title, Body::Edit(drafts));
                if !why.is_empty() || !evidence.is_empty() {
                    proposal = proposal.because(why, evidence);
                }
                self.propose(proposal, None).await?;
            }
            Play::Run(run) => {
                let (command, why) = command(run);
                self.propose(Proposal::new(format!("run {}", command.line()), Body::Command(command)), why).await?;
            }
            Play::Tests(_) => return self.tests(number).await,
            Play::Told(pattern) => return self.expect(number, &pattern).await,
            Play::Prompt(pattern) => {
                self.last_told = self.desk.next_prompt().await?;
                return self.expect(number, &pattern).await;
            }
            Play::WaitMs(ms) => tokio::time::sleep(std::time::Duration::from_millis(ms)).await,
            Play::End(reason) => {
                self.desk.end_turn(reason).await?;
                return Ok(Flow::TurnOver);
            }
            Play::Exit(0) => {
                self.desk.end_turn(TurnEnd::EndTurn).await?;
                self.over(SessionOutcome::Done, "The script exits with 0.".to_owned()).await?;
                return Ok(Flow::Over);
            }
            Play::Exit(code) => {
                let why = format!("the script exits with {code}");
                self.desk.send(FromAgent::Lost { why, exit: Some(code) }).await?;
                return Ok(Flow::Over);
            }
        }
        Ok(Flow::On)
    }

    async fn expect(&mut self, number: usize, pattern: &regex::Regex) -> Result<Flow, Interrupted> {
        if pattern.is_match(&self.last_told) {
            return Ok(Flow::On);
        }
        let report = format!("line {number}: expected to be told /{pattern}/, was told: {}", self.last_told);
        self.over(SessionOutcome::Failed, report).await?;
        Ok(Flow::Over)
    }

    async fn tests(&mut self, number: usize) -> Result<Flow, Interrupted> {
        let Some(command) = self.tests.clone() else {
            let report = format!("line {number}: no test runner was found in this project");
            self.over(SessionOutcome::Failed, report).await?;
            return Ok(Flow::Over);
        };
        let mut proposal = Proposal::new(format!("run {}", command.line()), Body::Command(command));
        proposal.checks = true;
        self.propose(proposal, None).await?;
        Ok(Flow::On)
    }

    async fn propose(&mut self, proposal: Proposal, why: Option<String>) -> Result<(), Interrupted> {
        let proposal = match why {
            Some(why) => proposal.because(why, Vec::new()),
            None => proposal,
        };
        let settled = self.desk.propose(proposal).await?;
        self.last_told = settled.answer.message().to_owned();
        Ok(())
    }
}

fn step(line: line::StepLine) -> Step {
    let id = line.id.unwrap_or_default();
    let parent = line.parent.as_deref().map(Into::into);
    Step {
        id: id.as_str().into(),
        parent,
        title: line.title,
        status: line.status.unwrap_or(StepStatus::Pending),
        ..Step::default()
    }
}

fn drafts(edit: EditLine) -> Vec<Draft> {
    let EditLine { path, after, old, new, change, to, .. } = edit;
    let after = match (change.as_deref(), after, old, to) {
        (Some("delete"), _, _, _) => After::Delete,
        (Some("rename"), _, _, Some(to)) => After::RenameTo(to),
        (_, Some(after), _, _) => After::Whole(after.into_bytes()),
        (_, None, Some(old), _) => After::Replace { old, new: new.unwrap_or_default(), all: false },
        (_, None, None, _) => After::Whole(Vec::new()),
    };
    vec![Draft { path, after }]
}

fn command(run: RunLine) -> (Command, Option<String>) {
    let mut command = match run.command {
        line::Words::Line(text) => Command::shell(text),
        line::Words::Argv(argv) => Command::argv(argv),
    };
    if let Some(cwd) = run.cwd {
        command.cwd = cwd;
    }
    (command, run.why)
}
