//! Taking a session over: what a former host left running is compared with the disk and never run twice.

use super::super::book::Trouble;
use super::Actor;
use crate::base::Digest;
use crate::model::Action;
use crate::model::decide::{FROZEN, Input};
use crate::model::event::{AgentLost, Event, FileOutcome, Finished, HostStarted, OutcomeWord, TurnEnd, TurnEnded};
use crate::model::session::{ActionState, Phase};

impl Actor {
    pub(super) fn recover(&mut self, is_new: bool) -> Result<(), Trouble> {
        self.append(vec![Event::HostStarted(HostStarted {
            pid: std::process::id(),
            fence: self.book.fence(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })])?;
        if is_new {
            self.set_off();
            return Ok(());
        }
        self.take_up_rules();
        let cut: Vec<Action> =
            self.book.session.actions.open().filter(|a| a.phase == Phase::Running).map(|a| a.action.clone()).collect();
        for action in cut {
            let finished = self.found(&action);
            self.quietly(Input::Finish { action: action.id.clone(), finished: Box::new(finished) });
        }
        if let Some(turn) = self.book.session.turn.clone() {
            let why = "the host was restarted; the agent's process has ended".to_owned();
            self.append(vec![
                Event::AgentLost(AgentLost { why: why.clone(), exit: None }),
                Event::TurnEnded(TurnEnded { turn, reason: TurnEnd::Error, text: Some(why) }),
            ])?;
        }
        Ok(())
    }

    /// The rules that were added in this session are in force again.
    fn take_up_rules(&mut self) {
        for added in self.book.session.tightened.clone() {
            match self.judge.tightened(&added.rule) {
                Ok(judge) => self.judge = judge,
                Err(why) => self.alarm("policy", format!("a rule added in this session is not active: {why}")),
            }
        }
    }

    /// A new session: the agent starts, with the goal as its first prompt.
    fn set_off(&mut self) {
        if let Some(goal) = self.goal.clone() {
            self.prompts.queue.push_back(goal);
        }
        self.start_agent(None);
        if self.agent.is_up() && self.maker.starts_itself() && self.prompts.queue.is_empty() {
            self.begin_turn();
        }
        self.next_prompt();
    }

    /// How an action that was cut off stands on the disk.
    fn found(&self, action: &Action) -> Finished {
        let mut files = Vec::new();
        let (mut is_before, mut is_after) = (true, true);
        for file in action.files.iter().flatten() {
            let image = self.workspace.image(&file.path).ok().flatten();
            let mode = image.as_ref().and_then(|image| image.node.mode);
            let now = image.map(|image| image.digest);
            let before: Option<Digest> =
                if file.from.is_some() { None } else { file.before.as_ref().map(|c| c.digest()) };
            let after = file.after.as_ref().map(|c| c.digest());
            is_before &= now == before;
            is_after &= now == after && file.mode_change().is_none_or(|(_, after)| Some(after) == mode);
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
        Finished { action: action.id.clone(), outcome, exit: None, files, detail: Some(detail.into()) }
    }

    /// What arrived while the gate was frozen is ruled on as if it arrived now: what rules or leases let through does not
    /// wait for a user, and what they forbid neither.
    pub(super) fn after_resume(&mut self) {
        let waits_for_gate = |s: &&ActionState| s.ruled.as_ref().is_some_and(|r| r.rule.as_str() == FROZEN);
        let held: Vec<Action> =
            self.book.session.actions.held().filter(waits_for_gate).map(|s| s.action.clone()).collect();
        for action in held {
            let ruling = self.judge.rule(&action);
            let now = self.book.now();
            self.quietly(Input::Reconsider { action: action.id, ruling, now });
        }
        self.next_prompt();
    }
}
