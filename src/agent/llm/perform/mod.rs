//! Brings one act to the gate and its outcome back in words.
//!
//! Nothing is done here: every read, edit, command, plan and question is a proposal at the desk, and what the model
//! reads is built from what the host says came of it. The workspace handle is used to form proposals (is the file
//! still what the model has read?), never to act.

mod change;
mod find;
mod outcome;
mod reason;
mod run;
mod tests_as_they_were;

use super::edits::{self, patch::FilePatch};
use super::plan;
use super::tools::Act;
use super::turn::{Acted, Doing, Verdict};
use super::watch;
use crate::agent::llm::limits;
use crate::base::{ActionId, Digest, RelPath};
use crate::model::EvidenceKind;
use crate::model::action::LineRange;
use crate::model::form::Form;
use crate::model::plan::{Plan, PlanDocument, PlanOrigin};
use crate::model::{After, Body, Command, Draft, Evidence, Proposal, Step};
use crate::port::{Answer, Desk, Interrupted, Workspace};
use outcome::{refused, settle};
use reason::Reason;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The files shown to the model, and the desk for proposals.
pub struct GateClient {
    workspace: Arc<dyn Workspace>,
    /// Digests of files as the model last saw them.
    seen: BTreeMap<RelPath, Digest>,
    /// Tests that were changed while they failed, as they were.
    originals: BTreeMap<RelPath, Option<Vec<u8>>>,
    test_command: Option<Command>,
    /// The author.
    pub by: &'static str,
    /// Time that is left for a command, when there is a limit.
    pub wall_ms_max: Option<u64>,
}

/// The result of the request to read the project.
pub struct Overview {
    /// The action it was.
    pub action: Option<ActionId>,
    /// The files, or the supervisor's words instead.
    pub files: Result<Vec<(RelPath, Vec<u8>)>, String>,
}

impl GateClient {
    /// A client that has read nothing yet. `test_command` is the project's, when the composition root knows it.
    pub fn new(workspace: Arc<dyn Workspace>, test_command: Option<Command>) -> GateClient {
        GateClient {
            workspace,
            seen: BTreeMap::new(),
            originals: BTreeMap::new(),
            test_command,
            by: "agent",
            wall_ms_max: None,
        }
    }

    /// Carries one act through the gate.
    pub async fn act(&mut self, desk: &mut Desk, doing: Doing) -> Result<Acted, Interrupted> {
        let Doing { act, intent, repaired, tests_failing, steps } = doing;
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
                if let Some(mistake) = edits::left_out(&content, self.text_of(&path).as_deref()) {
                    return Ok(refused(mistake));
                }
                if self.image(&path).is_some_and(|(_, bytes)| std::str::from_utf8(&bytes).is_err()) {
                    return Ok(refused(format!(
                        "{path} is not UTF-8: to write it whole would lose bytes. Change only a part with `edit`"
                    )));
                }
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

    /// Reads the project for its map.
    pub async fn project(&mut self, desk: &mut Desk) -> Result<Overview, Interrupted> {
        let why = "to make a map of the project: its files, what they define, and its instruction files";
        let proposal = Proposal::new("read the project for an overview", Body::Read(".".to_owned()))
            .because(why, vec![Evidence::new(EvidenceKind::Step, "the goal")]);
        let settled = desk.propose_unrecorded(proposal).await?;
        let message = settled.answer.message().to_owned();
        let (action, performed) = (settled.action, settled.performed);
        Ok(Overview { action, files: performed.map(|performed| performed.read).ok_or(message) })
    }

    // Reading, listing and searching: all of them reads at the gate.

    async fn read(
        &mut self,
        desk: &mut Desk,
        reason: &Reason,
        path: &str,
        from_line: usize,
        lines: usize,
    ) -> Result<Acted, Interrupted> {
        let mut proposal = reason.on(format!("read {path}"), Body::Read(path.to_owned()));
        let count = (lines > 0).then_some(lines as u64);
        proposal.part = LineRange::of((from_line > 0).then_some(from_line as u64), count);
        let settled = desk.propose_unrecorded(proposal).await?;
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

    async fn list(&mut self, desk: &mut Desk, reason: &Reason, path: &str) -> Result<Acted, Interrupted> {
        let settled = desk.propose_unrecorded(reason.on(format!("list {path}"), Body::Read(path.to_owned()))).await?;
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
    ) -> Result<Acted, Interrupted> {
        let finder = match find::Finder::new(pattern, ignore_case) {
            Ok(finder) => finder,
            Err(why) => return Ok(refused(why)),
        };
        let proposal = reason.on(format!("search {path} for {pattern}"), Body::Read(path.to_owned()));
        let mut settled = desk.propose_unrecorded(proposal).await?;
        let files = settled.performed.as_mut().map(|performed| std::mem::take(&mut performed.read));
        let shown = match files {
            Some(files) => tokio::task::spawn_blocking(move || finder.search(&files)).await.unwrap_or_default(),
            None => String::new(),
        };
        Ok(settle(settled, shown))
    }

    // Plans, questions and objections: actions whose only effect is consent.

    async fn plan(&mut self, desk: &mut Desk, reason: &Reason, steps: Vec<Step>) -> Result<Acted, Interrupted> {
        // Consent to a plan covers its title, so the title names exactly this plan.
        let title = format!(
            "approve the plan of {} step{} ({})",
            steps.len(),
            if steps.len() == 1 { "" } else { "s" },
            plan::shape(&steps).short()
        );
        let text = Plan { revision: 0, steps: steps.clone() }.outline();
        let document = PlanDocument { steps: steps.clone(), ..PlanDocument::new(&text, PlanOrigin::Agent) };
        let proposal = reason.on(title, Body::Plan(Some(Box::new(document))));
        let settled = desk.consent(proposal).await?;
        // The supervisor may have rewritten it while it waited.
        let mut agreed = steps;
        let mut changed = String::new();
        while let Some((steps, message)) = desk.plan_edit()? {
            (agreed, changed) = (steps, message);
        }
        let mut acted = settle(settled, changed);
        if acted.verdict == Verdict::Done {
            acted.plan = Some(agreed);
        }
        Ok(acted)
    }

    async fn ask(&mut self, desk: &mut Desk, what: &str, text: &str) -> Result<Acted, Interrupted> {
        let line: String = text.lines().next().unwrap_or_default().chars().take(limits::STEP_TITLE_CHARS_MAX).collect();
        let title = format!("{} {what}: {line}", self.by);
        let body = if what == "question" { Body::Form(Box::new(Form::question(text))) } else { Body::Other };
        let proposal = Proposal::new(title, body).because(text, vec![Evidence::new(EvidenceKind::Quote, text)]);
        let settled = desk.consent(proposal).await?;
        // A redirect of a question is its answer.
        let answer = match &settled.answer {
            Answer::Redirected { reason, .. } if what == "question" => {
                Some(format!("The supervisor answers: {reason}"))
            }
            Answer::Approved { note, form, .. } if what == "question" => {
                let words = form.as_ref().and_then(Form::answer_to_question).into_iter().chain(note.as_deref());
                let words = words.collect::<Vec<_>>().join("\n");
                Some(match words.as_str() {
                    "" => "The supervisor says yes.".to_owned(),
                    words => format!("The supervisor answers: {words}"),
                })
            }
            Answer::Approved { .. }
            | Answer::Redirected { .. }
            | Answer::Denied { .. }
            | Answer::Lapsed { .. }
            | Answer::Refused { .. } => None,
        };
        let mut acted = settle(settled, String::new());
        if let Some(answer) = answer {
            acted.text = answer;
            acted.verdict = Verdict::Done;
        }
        Ok(acted)
    }

    // The disk is read only to form proposals.

    fn relative(&self, path: &str) -> Option<RelPath> {
        let given = std::path::Path::new(path);
        if given.is_absolute()
            && let Some(inside) = self.workspace.locate(given)
        {
            return Some(inside);
        }
        RelPath::new(path.trim_start_matches('/')).ok()
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
