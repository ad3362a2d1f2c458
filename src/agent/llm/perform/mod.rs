//! Brings one act to the gate and its outcome back in words.
//!
//! Nothing is done here: every read, edit, command, plan and question is a proposal at the desk, and what the model
//! reads is built from what the host says came of it. The workspace handle is used to form proposals (is the file
//! still what the model has read?), never to act.

mod ask;
mod change;
mod find;
mod look;
mod outcome;
mod reason;
mod run;
mod tests_as_they_were;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::edits::{self, patch::FilePatch};
use super::tools::Act;
use super::turn::{Acted, Doing};
use super::watch;
use crate::agent::llm::limits;
use crate::base::{ActionId, Digest, RelPath};
use crate::model::EvidenceKind;
use crate::model::{After, Body, Command, Draft, Evidence, Proposal, Step};
use crate::port::{Desk, Interrupted, Workspace};
use outcome::refused;
use reason::Reason;

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
    /// Time that is left for a command, when there is a limit.
    pub wall_ms_max: Option<u64>,
}

/// An act's outcome.
pub struct Settlement {
    /// For the machine.
    pub acted: Acted,
}

/// What came of the wish to read the project.
pub struct Overview {
    /// The action it was.
    pub action: Option<ActionId>,
    /// The files, or the supervisor's words instead.
    pub files: Result<Vec<(RelPath, Vec<u8>)>, String>,
}

impl Hands {
    /// Empty hands. `test_command` is the project's, when the composition root knows it.
    pub fn new(workspace: Arc<dyn Workspace>, test_command: Option<Command>) -> Hands {
        Hands {
            workspace,
            seen: BTreeMap::new(),
            originals: BTreeMap::new(),
            test_command,
            by: "agent",
            wall_ms_max: None,
        }
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
        let settled = desk.propose_untold(proposal).await?;
        let told = settled.answer.told().to_owned();
        let (action, performed) = (settled.action, settled.performed);
        Ok(Overview { action, files: performed.map(|performed| performed.read).ok_or(told) })
    }

    // The disk is looked at only to form proposals.

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
