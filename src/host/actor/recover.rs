//! Taking a session over: what a former host left running is compared with the disk and never run twice.

use super::Actor;
use crate::base::Digest;
use crate::host::book::Trouble;
use crate::host::gate::Gate;
use crate::model::Action;
use crate::model::action::{Executor, Kind};
use crate::model::decide::{FROZEN, Input};
use crate::model::event::{
    AgentLost, Event, FileOutcome, Finished, HostStarted, LapseWhy, OutcomeWord, TurnEnd, TurnEnded,
};
use crate::model::session::{ActionState, Phase};
use crate::model::{AlarmKind, Node};
use crate::policy::{Allowance, Bounds};
use crate::port::Promotion;

impl Actor {
    pub(super) fn recover(&mut self, is_new: bool) -> Result<(), Trouble> {
        self.gate.append(vec![Event::HostStarted(HostStarted {
            pid: std::process::id(),
            fence: self.gate.fence(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            key: self.gate.key(),
        })])?;
        if is_new {
            self.line.set_off(&mut self.gate);
            return Ok(());
        }
        self.successor.take_up(&mut self.gate, &mut self.line, &mut self.surroundings);
        self.runs.take_up_plan(&self.gate);
        self.take_up_rules();
        let cut: Vec<Action> = self
            .gate
            .session()
            .actions
            .open()
            .filter(|a| a.phase == Phase::Running)
            .map(|a| a.action.clone())
            .collect();
        for action in cut {
            let left_over = self.gate.workspace().left_over(&action.id);
            let finished = match &left_over {
                Some(promotion) => promoted(&action, promotion),
                None => found(&self.gate, &action),
            };
            self.gate.quietly(Input::Finish { action: action.id.clone(), finished: Box::new(finished) });
            let held = left_over.map(|promotion| promotion.held).unwrap_or_default();
            if !held.is_empty() {
                self.gate.file_result(&action.id, held);
            }
        }
        self.lapse_connections();
        if let Some(turn) = self.gate.session().turns.current.clone() {
            let why = "the host was restarted; the agent's process has ended".to_owned();
            self.gate.append(vec![
                Event::AgentLost(AgentLost { why: why.clone(), exit: None }),
                Event::TurnEnded(TurnEnded { turn, reason: TurnEnd::Error, text: Some(why) }),
            ])?;
        }
        Ok(())
    }

    /// What waited for these connections ended with the former host.
    fn lapse_connections(&mut self) {
        let is_own = |s: &&ActionState| s.action.kind() == Kind::Network && s.action.executor == Executor::Host;
        let all: Vec<_> = self.gate.session().actions.held().filter(is_own).map(|s| s.action.id.clone()).collect();
        for action in all {
            let detail = Some("what asked for it ended with its host".to_owned());
            self.gate.quietly(Input::Lapse { action, why: LapseWhy::Canceled, detail });
        }
    }

    /// The rules that were added in this session are in force again.
    fn take_up_rules(&mut self) {
        let added: Vec<_> = self.gate.session().rules.tightened().cloned().collect();
        for added in added {
            match self.gate.judge().tightened(&added.rule) {
                Ok(judge) => self.gate.take_up(judge),
                Err(why) => {
                    self.gate.alarm(AlarmKind::Policy, format!("a rule added in this session is not active: {why}"))
                }
            }
        }
        let made: Vec<_> = self.gate.session().rules.allowed().filter(|made| !made.scope.is_kept()).cloned().collect();
        for made in made {
            let bounds = Bounds { workspace: None, step: made.step, until: made.until };
            let made =
                Allowance { id: made.rule, patterns: made.patterns, paths: made.paths, hosts: made.hosts, bounds };
            match self.gate.judge().allowing(&made) {
                Ok(judge) => self.gate.take_up(judge),
                Err(why) => self.gate.alarm(AlarmKind::Policy, format!("a rule of this session is not active: {why}")),
            }
        }
    }

    /// Rules on the actions that arrived while the gate was frozen, as if they arrived now: those that rules or leases
    /// allow or forbid do not wait for a user.
    pub(super) fn after_resume(&mut self) {
        let waits_for_gate = |s: &&ActionState| s.ruled.as_ref().is_some_and(|r| r.rule.as_str() == FROZEN);
        let held = self.gate.session().actions.held().filter(waits_for_gate);
        let ruled = held.map(|s| (s.action.id.clone(), self.gate.rule(&s.action))).collect();
        self.gate.reconsider(ruled);
        self.line.next_prompt(&mut self.gate);
    }
}

/// The end of a command whose result a former host began to promote.
fn promoted(action: &Action, promotion: &Promotion) -> Finished {
    let outcome = if promotion.failed { OutcomeWord::Failed } else { OutcomeWord::Recovered };
    let why = "the host died while the result was promoted; the rest was promoted when the next one started";
    let why = if promotion.failed { "the host died while the result was promoted" } else { why };
    let notes: Vec<&str> = std::iter::once(why).chain(promotion.left.iter().map(String::as_str)).collect();
    let files = (!promotion.files.is_empty()).then(|| promotion.files.clone());
    Finished { files, apart: true, ..Finished::of(action.id.clone(), outcome, Some(notes.join("; "))) }
}

/// Determines from the disk how an interrupted action ended.
fn found(gate: &Gate, action: &Action) -> Finished {
    let mut files = Vec::new();
    let (mut is_before, mut is_after) = (true, true);
    for file in action.files() {
        let (workspace, is_exact) = (gate.workspace(), file.before_node.is_some() || file.after_node.is_some());
        let image = if is_exact { workspace.node(&file.path) } else { workspace.image(&file.path) }.ok().flatten();
        let node = image.as_ref().map(|image| image.node);
        let now = image.and_then(|image| image.content());
        let before: Option<Digest> = if file.from.is_some() { None } else { file.before.as_ref().map(|c| c.digest()) };
        let after = file.after.as_ref().map(|c| c.digest());
        let is_kind = |wanted: Option<Node>| !is_exact || wanted.map(|node| node.kind) == node.map(|node| node.kind);
        let mode = node.and_then(|node| node.mode);
        is_before &= now == before && is_kind(file.before_node.filter(|_| file.from.is_none()));
        is_after &=
            now == after && is_kind(file.after_node) && file.mode_change().is_none_or(|(_, after)| Some(after) == mode);
        let outcome = FileOutcome::of(file.path.clone(), file.change, before, now);
        files.push(FileOutcome { from: file.from.clone(), before_node: file.before_node, ..outcome });
    }
    let (outcome, detail) = match (files.is_empty(), is_before, is_after) {
        (true, _, _) => (OutcomeWord::Unknown, "the host died while it was running; its progress is unknown"),
        (false, _, true) => (OutcomeWord::Recovered, "the host died; the files on disk are exactly as approved"),
        (false, true, false) => {
            (OutcomeWord::Failed, "the host died before the files were written; nothing was changed")
        }
        (false, false, false) => {
            (OutcomeWord::Unknown, "the host died while the files were being written; compare them")
        }
    };
    let files = (outcome == OutcomeWord::Recovered || outcome == OutcomeWord::Unknown).then_some(files);
    Finished { files, ..Finished::of(action.id.clone(), outcome, Some(detail.into())) }
}
