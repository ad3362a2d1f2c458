//! Brings one act to the gate and its outcome back in words.
//!
//! Nothing is done here: every read, edit, command, plan and question is a proposal at the desk, and what the model
//! reads is built from what the host says came of it. The workspace handle is used to form proposals (is the file
//! still what the model has read?), never to act.

mod find;
mod tests_as_they_were;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::edits::{self, EditMistake, Match, patch::FilePatch};
use super::plan;
use super::tools::{Act, Intent};
use super::turn::{Acted, Doing, TestsSeen, Verdict};
use super::watch;
use crate::base::limits::llm as limits;
use crate::base::{Digest, RelPath};
use crate::checks::recognise::recognise;
use crate::model::event::OutcomeWord;
use crate::model::{After, Body, Command, Draft, Evidence, Proposal, Rationale, Step};
use crate::port::{Answer, Desk, FromAgent, Interrupted, Performed, Settled, Workspace};

/// What the model has been shown, and where proposals go.
pub struct Hands {
    workspace: Arc<dyn Workspace>,
    /// Digests of files as the model last saw them.
    seen: BTreeMap<RelPath, Digest>,
    /// Tests that were changed while they failed, as they were.
    originals: BTreeMap<RelPath, Option<Vec<u8>>>,
    test_command: Option<Command>,
    /// Who speaks.
    pub by: &'static str,
}

/// An act's outcome.
pub struct Settlement {
    /// For the machine.
    pub acted: Acted,
    /// What is already recorded as told.
    pub told: String,
}

impl Hands {
    /// Empty hands. `test_command` is the project's, when the composition root knows it.
    pub fn new(workspace: Arc<dyn Workspace>, test_command: Option<Command>) -> Hands {
        Hands { workspace, seen: BTreeMap::new(), originals: BTreeMap::new(), test_command, by: "agent" }
    }

    /// Carries one act through the gate. `steps` is the plan that a `plan` act proposes.
    pub async fn act(&mut self, desk: &mut Desk, doing: Doing, steps: Vec<Step>) -> Result<Settlement, Interrupted> {
        let Doing { act, intent, repaired, tests_failing } = doing;
        let tampers = tests_failing.filter(|_| watch::touches_tests(&act, |path| self.text_of(path)));
        if let Some(failing) = tampers {
            self.flag(desk, &act, failing).await?;
        }
        let mut reason = Reason { intent, repaired, tampers, matched: None };
        match act {
            Act::Read { path, from_line, lines } => self.read(desk, &reason, &path, from_line, lines).await,
            Act::List { path } => self.list(desk, &reason, &path).await,
            Act::Search { pattern, path, ignore_case } => {
                self.search(desk, &reason, &pattern, &path, ignore_case).await
            }
            Act::Edit { path, swaps } => {
                let patch = FilePatch::Change { path, swaps };
                self.change(desk, &mut reason, vec![patch]).await
            }
            Act::Patch { patch } => match edits::patch::parse(&patch) {
                Ok(files) => self.change(desk, &mut reason, files).await,
                Err(mistake) => Ok(refused(mistake.to_string())),
            },
            Act::Write { path, content } => {
                let title = format!("write {path}");
                let draft = Draft { path, after: After::Whole(content.into_bytes()) };
                self.edit(desk, &reason, title, vec![draft]).await
            }
            Act::Delete { path } => {
                let title = format!("delete {path}");
                self.edit(desk, &reason, title, vec![Draft { path, after: After::Delete }]).await
            }
            Act::Move { from, to } => {
                let title = format!("rename {from} to {to}");
                self.edit(desk, &reason, title, vec![Draft { path: from, after: After::RenameTo(to) }]).await
            }
            Act::Run { command, cwd, timeout_s } => {
                let timeout_ms = timeout_s.min(limits::COMMAND_S_MAX) * 1_000;
                let command = Command { cwd, timeout_ms, ..Command::shell(command) };
                self.run(desk, &reason, command, false).await
            }
            Act::Test { command } => self.test(desk, &reason, command).await,
            Act::Plan { .. } => self.plan(desk, &reason, steps).await,
            Act::Ask { question } => self.ask(desk, "question", &question).await,
            Act::Object { text } => self.ask(desk, "objection", &text).await,
            Act::Explain { .. } | Act::More { .. } | Act::Finish { .. } => Ok(refused(String::new())),
        }
    }

    /// The files of the project for its map; empty when the supervisor does not want it read.
    pub async fn project(&mut self, desk: &mut Desk) -> Result<Vec<(RelPath, Vec<u8>)>, Interrupted> {
        let why = "to make a map of the project: its files, what they define, and its instruction files";
        let proposal = Proposal::new("read the project for an overview", Body::Read(".".to_owned()))
            .because(why, vec![Evidence::new("step", "the goal")]);
        let settled = desk.propose(proposal).await?;
        Ok(settled.performed.map(|performed| performed.read).unwrap_or_default())
    }

    // ---- looking ----------------------------------------------------------------------------

    async fn read(
        &mut self,
        desk: &mut Desk,
        reason: &Reason,
        path: &str,
        from_line: usize,
        lines: usize,
    ) -> Result<Settlement, Interrupted> {
        let settled = desk.propose(reason.on(format!("read {path}"), Body::Read(path.to_owned()))).await?;
        let shown = match settled.performed.as_ref().map(|performed| performed.read.as_slice()) {
            Some([(file, bytes)]) => {
                self.seen.insert(file.clone(), Digest::of(bytes));
                find::listing(bytes, from_line, lines)
            }
            Some([]) | None => String::new(),
            Some(many) => find::names(many),
        };
        Ok(settle(settled, shown))
    }

    async fn list(&mut self, desk: &mut Desk, reason: &Reason, path: &str) -> Result<Settlement, Interrupted> {
        let settled = desk.propose(reason.on(format!("list {path}"), Body::Read(path.to_owned()))).await?;
        let shown = settled.performed.as_ref().map(|performed| find::names(&performed.read)).unwrap_or_default();
        Ok(settle(settled, shown))
    }

    async fn search(
        &mut self,
        desk: &mut Desk,
        reason: &Reason,
        pattern: &str,
        path: &str,
        ignore_case: bool,
    ) -> Result<Settlement, Interrupted> {
        let finder = match find::Finder::new(pattern, ignore_case) {
            Ok(finder) => finder,
            Err(why) => return Ok(refused(why)),
        };
        let proposal = reason.on(format!("search {path} for {pattern}"), Body::Read(path.to_owned()));
        let mut settled = desk.propose(proposal).await?;
        let files = settled.performed.as_mut().map(|performed| std::mem::take(&mut performed.read));
        let shown = match files {
            Some(files) => tokio::task::spawn_blocking(move || finder.search(&files)).await.unwrap_or_default(),
            None => String::new(),
        };
        Ok(settle(settled, shown))
    }

    // ---- changing ---------------------------------------------------------------------------

    async fn change(
        &mut self,
        desk: &mut Desk,
        reason: &mut Reason,
        files: Vec<FilePatch>,
    ) -> Result<Settlement, Interrupted> {
        let mut drafts = Vec::new();
        let mut names = Vec::new();
        for file in files {
            names.push(file.path().to_owned());
            match file {
                FilePatch::Create { path, text } => {
                    drafts.push(Draft { path, after: After::Whole(text.into_bytes()) });
                }
                FilePatch::Delete { path } => drafts.push(Draft { path, after: After::Delete }),
                FilePatch::Change { path, swaps } => {
                    let text = match self.fresh(desk, &path).await? {
                        Ok(text) => text,
                        Err(settlement) => return Ok(*settlement),
                    };
                    let edited = match edits::apply(&path, &text, &swaps) {
                        Ok(edited) => edited,
                        Err(EditMistake::NoChange) => return Ok(no_change(EditMistake::NoChange.to_string())),
                        Err(mistake) => return Ok(refused(mistake.to_string())),
                    };
                    reason.matched = reason.matched.max(Some(edited.matched));
                    let after = match edited.single {
                        Some((old, new)) => After::Replace { old, new, all: false },
                        None => After::Whole(edited.text.into_bytes()),
                    };
                    drafts.push(Draft { path, after });
                }
            }
        }
        self.edit(desk, reason, format!("edit {}", names.join(", ")), drafts).await
    }

    /// The file's text, if it is what the model has read; reads it through the gate if it never has.
    async fn fresh(&mut self, desk: &mut Desk, path: &str) -> Result<Result<String, Box<Settlement>>, Interrupted> {
        let Some((file, image)) = self.image(path) else {
            let words = format!("there is no file {path}; use `list` or `search` to find it, or `write` to make it");
            return Ok(Err(Box::new(refused(words))));
        };
        match self.seen.get(&file) {
            Some(digest) if *digest == Digest::of(&image) => {}
            Some(_) => {
                let words = format!(
                    "{path} has changed since you read it (the supervisor or another program wrote it). Read it again first."
                );
                return Ok(Err(Box::new(refused(words))));
            }
            None => {
                let reason = Reason::because("to see the file before editing it");
                let settled = desk.propose(reason.on(format!("read {path}"), Body::Read(path.to_owned()))).await?;
                if !settled.is_done() {
                    return Ok(Err(Box::new(settle(settled, String::new()))));
                }
                self.seen.insert(file, Digest::of(&image));
            }
        }
        match String::from_utf8(image) {
            Ok(text) => Ok(Ok(text)),
            Err(_) => Ok(Err(Box::new(refused(format!("{path} is not text; it cannot be edited"))))),
        }
    }

    async fn edit(
        &mut self,
        desk: &mut Desk,
        reason: &Reason,
        title: String,
        drafts: Vec<Draft>,
    ) -> Result<Settlement, Interrupted> {
        let same = |draft: &Draft| match &draft.after {
            After::Whole(bytes) => self.image(&draft.path).is_some_and(|(_, image)| image == *bytes),
            After::Replace { .. } | After::Delete | After::RenameTo(_) => false,
        };
        if drafts.iter().all(same) {
            return Ok(no_change(EditMistake::NoChange.to_string()));
        }
        let settled = desk.propose(reason.on(title, Body::Edit(drafts))).await?;
        let mut shown = String::new();
        for file in settled.performed.iter().filter(|p| p.outcome == OutcomeWord::Ok).flat_map(|p| &p.files) {
            match file.after {
                Some(after) => self.seen.insert(file.path.clone(), after),
                None => self.seen.remove(&file.path),
            };
            shown.push_str(&format!("{:?} {}\n", file.change, file.path));
        }
        // What the supervisor wrote instead is told as a difference; the whole must be read to be edited further.
        if matches!(&settled.answer, Answer::Approved { edited: Some(_), .. }) {
            for file in settled.performed.iter().flat_map(|p| &p.files) {
                self.seen.remove(&file.path);
            }
        }
        let mut settlement = settle(settled, shown);
        settlement.acted.changed = settlement.acted.verdict == Verdict::Done;
        Ok(settlement)
    }

    /// Keeps what a test was and says out loud that it is about to change while it fails.
    async fn flag(&mut self, desk: &mut Desk, act: &Act, failing: u32) -> Result<(), Interrupted> {
        for path in act.files() {
            let Some(file) = self.relative(&path) else { continue };
            let image = self.image(&path).map(|(_, bytes)| bytes);
            // The host says so itself for files that are tests by their name.
            if !recognise(file.as_str()).is_guarded() {
                let text = format!("The agent wants to change the tests in {file} while {failing} test(s) fail.");
                desk.send(FromAgent::Alarm { what: "test_tampering".into(), ticket: None, text }).await?;
            }
            self.originals.entry(file).or_insert(image);
        }
        Ok(())
    }

    // ---- running ----------------------------------------------------------------------------

    async fn run(
        &mut self,
        desk: &mut Desk,
        reason: &Reason,
        command: Command,
        checks: bool,
    ) -> Result<Settlement, Interrupted> {
        let mut proposal = reason.on(format!("run {}", command.line()), Body::Command(command));
        proposal.checks = checks;
        let settled = desk.propose(proposal).await?;
        let performed = settled.performed.clone();
        let shown = performed.as_ref().map(output).unwrap_or_default();
        let mut settlement = settle(settled, shown);
        if let Some(performed) = performed {
            settlement.acted.tests = performed.report.as_ref().map(tests_seen);
            settlement.acted.changed = !performed.files.is_empty();
        }
        Ok(settlement)
    }

    async fn test(
        &mut self,
        desk: &mut Desk,
        reason: &Reason,
        asked: Option<String>,
    ) -> Result<Settlement, Interrupted> {
        let command = match asked.map(Command::shell).or_else(|| self.project_tests()) {
            Some(command) => command,
            None => {
                let words = "no test runner was recognised here; call `test` with a `command`";
                return Ok(refused(words.to_owned()));
            }
        };
        let mut settlement = self.run(desk, reason, command.clone(), true).await?;
        if settlement.acted.tests.is_some() && !self.originals.is_empty() {
            let words = tests_as_they_were::run(desk, &command, std::mem::take(&mut self.originals)).await?;
            settlement.acted.text.push_str(&words);
        }
        Ok(settlement)
    }

    fn project_tests(&self) -> Option<Command> {
        if let Some(command) = &self.test_command {
            return Some(command.clone());
        }
        find::test_command(self.workspace.as_ref())
    }

    // ---- asking -----------------------------------------------------------------------------

    async fn plan(&mut self, desk: &mut Desk, reason: &Reason, steps: Vec<Step>) -> Result<Settlement, Interrupted> {
        let by = self.by.to_owned();
        desk.send(FromAgent::Plan { by, steps: steps.clone() }).await?;
        // Consent to a plan covers its title, so the title names exactly this plan.
        let title = format!("approve the plan of {} steps ({})", steps.len(), plan::shape(&steps).short());
        let mut proposal = reason.on(title, Body::Plan);
        let lines: Vec<String> = steps.iter().map(|step| format!("- {}", step.title)).collect();
        let words = proposal.rationale.get_or_insert_default();
        words.text = format!("{}\n{}", words.text, lines.join("\n")).trim().to_owned();
        let settled = desk.consent(proposal).await?;
        // The supervisor may have rewritten it while it waited.
        let mut agreed = steps;
        let mut changed = String::new();
        while let Some((steps, told)) = desk.plan_edit()? {
            (agreed, changed) = (steps, told);
        }
        let mut settlement = settle(settled, changed);
        if settlement.acted.verdict == Verdict::Done {
            settlement.acted.plan = Some(agreed);
        }
        Ok(settlement)
    }

    async fn ask(&mut self, desk: &mut Desk, what: &str, text: &str) -> Result<Settlement, Interrupted> {
        let line: String = text.lines().next().unwrap_or_default().chars().take(limits::STEP_TITLE_CHARS_MAX).collect();
        let title = format!("{} {what}: {line}", self.by);
        let proposal = Proposal::new(title, Body::Other).because(text, vec![Evidence::new("quote", text)]);
        let settled = desk.consent(proposal).await?;
        // A redirect of a question is its answer.
        let answer = match &settled.answer {
            Answer::Redirected { reason, .. } if what == "question" => {
                Some(format!("The supervisor answers: {reason}"))
            }
            Answer::Approved { .. } if what == "question" => Some("The supervisor says yes.".to_owned()),
            Answer::Approved { .. }
            | Answer::Redirected { .. }
            | Answer::Denied { .. }
            | Answer::Lapsed { .. }
            | Answer::Refused { .. } => None,
        };
        let mut settlement = settle(settled, String::new());
        if let Some(answer) = answer {
            settlement.acted.text = answer;
            settlement.acted.verdict = Verdict::Done;
        }
        Ok(settlement)
    }

    // ---- the disk, to form proposals ---------------------------------------------------------

    fn relative(&self, path: &str) -> Option<RelPath> {
        let root = self.workspace.root().to_str()?;
        let inside = path.strip_prefix(root).map_or(path, |rest| rest.trim_start_matches('/'));
        RelPath::new(inside).ok()
    }

    fn image(&self, path: &str) -> Option<(RelPath, Vec<u8>)> {
        let file = self.relative(path)?;
        let image = self.workspace.image(&file).ok().flatten()?;
        Some((file, image.bytes))
    }

    fn text_of(&self, path: &str) -> Option<String> {
        String::from_utf8(self.image(path)?.1).ok()
    }
}

/// Why an action is wanted, with what we noticed about it.
struct Reason {
    intent: Intent,
    repaired: bool,
    tampers: Option<u32>,
    matched: Option<Match>,
}

impl Reason {
    fn because(why: &str) -> Reason {
        let intent = Intent { why: why.to_owned(), ..Intent::default() };
        Reason { intent, repaired: false, tampers: None, matched: None }
    }

    fn on(&self, title: String, body: Body) -> Proposal {
        let mut proposal = Proposal::new(title, body);
        proposal.rationale = self.rationale();
        proposal.step = self.intent.step.as_deref().map(Into::into);
        proposal
    }

    fn rationale(&self) -> Option<Rationale> {
        let mut lines = Vec::new();
        lines.extend(
            self.tampers.map(|failing| format!("[rightseat: this changes tests while {failing} test(s) fail]")),
        );
        if !self.intent.why.is_empty() {
            lines.push(self.intent.why.clone());
        }
        if !self.intent.expect.is_empty() {
            lines.push(format!("Expected: {}", self.intent.expect));
        }
        lines.extend(self.matched.and_then(Match::words).map(|words| format!("[rightseat: {words}]")));
        if self.repaired {
            lines.push("[rightseat: the model printed this call as text; it was taken for a call]".to_owned());
        }
        let evidence: Vec<Evidence> = self.intent.evidence.iter().map(|text| evidence(text)).collect();
        (!lines.is_empty() || !evidence.is_empty()).then(|| Rationale { text: lines.join("\n"), evidence })
    }
}

/// `path:line` is a place; anything else is the model's word.
fn evidence(text: &str) -> Evidence {
    if let Some((path, line)) = text.rsplit_once(':')
        && let (Ok(path), Ok(line)) = (RelPath::new(path), line.trim().parse::<u32>())
    {
        return Evidence::new("line", text).at(path.as_str(), Some(line));
    }
    Evidence::new("quote", text)
}

/// An outcome that never reached the gate, in words.
fn refused(text: String) -> Settlement {
    unfiled(Verdict::Refused, text)
}

fn no_change(text: String) -> Settlement {
    unfiled(Verdict::NoChange, text)
}

fn unfiled(verdict: Verdict, text: String) -> Settlement {
    let acted = Acted { verdict, text, changed: false, tests: None, plan: None, ms: 0, action: None };
    Settlement { acted, told: String::new() }
}

/// What became of a proposal, as the model reads it: the host's words, then what it gave.
fn settle(settled: Settled, shown: String) -> Settlement {
    let told = settled.told().to_owned();
    let mut text = told.clone();
    let mut verdict = match &settled.answer {
        Answer::Approved { .. } => Verdict::Done,
        Answer::Denied { .. } => Verdict::Denied,
        Answer::Redirected { .. } => Verdict::Redirected,
        Answer::Lapsed { .. } => Verdict::Lapsed,
        Answer::Refused { .. } => Verdict::Refused,
    };
    let mut ms = 0;
    if let Some(performed) = &settled.performed {
        ms = performed.ms;
        if performed.outcome != OutcomeWord::Ok {
            verdict = Verdict::Failed;
            text.push_str(&format!("\nOutcome: {}", word(performed.outcome)));
        }
        if let Some(detail) = &performed.detail {
            text.push_str(&format!("\n{detail}"));
        }
    }
    if !shown.is_empty() {
        text.push('\n');
        text.push_str(&shown);
    }
    let acted = Acted { verdict, text, changed: false, tests: None, plan: None, ms, action: settled.action };
    Settlement { acted, told }
}

fn word(outcome: OutcomeWord) -> &'static str {
    match outcome {
        OutcomeWord::Ok => "done",
        OutcomeWord::Failed => "failed",
        OutcomeWord::Conflict => "conflict: the file changed meanwhile; read it again",
        OutcomeWord::Unknown => "unknown: look at the state before you go on",
        OutcomeWord::Recovered => "recovered after an interruption",
    }
}

/// A command's output with its totals.
fn output(performed: &Performed) -> String {
    let mut out = String::new();
    if let Some(exit) = performed.exit {
        out.push_str(&format!("Exit code {exit}.\n"));
    }
    if performed.timed_out {
        out.push_str("It ran out of time and was stopped.\n");
    }
    if let Some(report) = &performed.report {
        let seen = &report.finished;
        out.push_str(&format!("Tests: {} passed, {} failed, {} skipped.\n", seen.passed, seen.failed, seen.skipped));
        if let Some(problem) = &seen.problem {
            out.push_str(&format!("{problem}\n"));
        }
        out.push_str(&failures(report));
    }
    if !performed.tail.is_empty() {
        out.push_str("Output:\n");
        out.push_str(&performed.tail);
    }
    out
}

fn failures(report: &crate::port::RunReport) -> String {
    let bad = report.cases.iter().filter(|case| case.status.is_bad()).take(limits::FAILURES_TOLD_MAX);
    bad.map(|case| {
        let place = match (&case.file, case.line) {
            (Some(file), Some(line)) => format!(" at {file}:{line}"),
            (Some(file), None) => format!(" in {file}"),
            (None, _) => String::new(),
        };
        let message = case.message.as_deref().unwrap_or_default();
        let message: String = message.chars().take(limits::FAILURE_CHARS_MAX).collect();
        format!("Failed: {}{place}\n{message}\n", case.case)
    })
    .collect()
}

/// The totals the machine goes by.
fn tests_seen(report: &crate::port::RunReport) -> TestsSeen {
    TestsSeen { green: report.finished.is_green(), failed: report.finished.failed, failures: failures(report) }
}
