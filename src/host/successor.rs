//! Another agent for the session: the present one ends with its processes, then the other one takes over.

use super::actor::Msg;
use super::clients::Responder;
use super::gate::{Due, Gate};
use super::line::AgentLine;
use super::runs::Runs;
use super::surroundings::Surroundings;
use super::{AgentMaker, Agents, plans};
use crate::base::{ClientId, StepId};
use crate::model::event::{AgentBadge, AgentChanged, AgentNoted, Event, Isolation, Mode};
use crate::model::{AlarmKind, Session};
use crate::wire::{AgentChange, AgentList, Answer, RpcError, Seen};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A change that waits for the end of the present agent.
pub struct Change {
    maker: Arc<dyn AgentMaker>,
    agent: String,
    model: Option<String>,
    by: String,
    /// It is for this step only.
    step: Option<StepId>,
    /// The words that the new agent goes on with, where the former one was at work.
    next: Option<String>,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Change").field("agent", &self.agent).field("by", &self.by).finish_non_exhaustive()
    }
}

/// See the module.
pub struct Successor {
    agents: Arc<dyn Agents>,
    /// The step that was worked on last, and its role.
    seen: Option<(StepId, Option<String>)>,
    to_self: mpsc::Sender<Msg>,
}

impl Successor {
    pub fn new(agents: Arc<dyn Agents>, to_self: mpsc::Sender<Msg>) -> Self {
        Self { agents, seen: None, to_self }
    }

    pub fn list(&self, reply: Responder) {
        let (offers, roles) = (self.agents.offers(), self.agents.roles());
        tokio::spawn(async move {
            let list = offers.await.map(|agents| Answer::AgentList(AgentList { agents, roles }));
            // A client that is gone needs no answer.
            let _ = reply.send(list.map_err(RpcError::invalid));
        });
    }

    /// At a client's word. The answer follows when the other agent has the session.
    pub fn change(
        &self,
        gate: &mut Gate,
        line: &mut AgentLine,
        runs: &mut Runs,
        client: &ClientId,
        change: AgentChange,
        reply: Responder,
    ) {
        let AgentChange { agent, model } = change;
        let maker = match self.agents.named(&agent, model.as_deref()) {
            Ok(_) if line.is_changing() => Err("the agent is being changed already".to_owned()),
            Ok(maker) => Ok(maker),
            Err(why) => Err(why),
        };
        match maker {
            Ok(maker) => {
                let next = gate.session().turns.current.is_some().then(|| plans::next_words(gate.session()));
                let change = Change { maker, agent, model, by: client.to_string(), step: None, next };
                self.part(gate, line, runs, change, Some(reply));
            }
            Err(why) => drop(reply.send(Err(RpcError::invalid(why)))),
        }
    }

    fn part(&self, gate: &mut Gate, line: &mut AgentLine, runs: &mut Runs, change: Change, reply: Option<Responder>) {
        let mut link = line.part(gate, runs);
        let to_self = self.to_self.clone();
        tokio::spawn(async move {
            link.end().await;
            drop(to_self.send(Msg::Parted { change: Box::new(change), reply }).await);
        });
    }

    /// The former agent has ended.
    pub fn parted(
        &self,
        gate: &mut Gate,
        line: &mut AgentLine,
        surroundings: &mut Surroundings,
        change: Change,
        reply: Option<Responder>,
    ) {
        let Change { maker, agent, model, by, step, next } = change;
        // A stop in between ends what was to go on.
        let goes_on = line.is_changing();
        let from = gate.session().agent.ready.agent.clone();
        let to = AgentBadge { isolation: maker.isolation(gate.session().mode), ..maker.badge() };
        let changed = AgentChanged { from, to, agent, model, by, step };
        let recorded = gate.append(vec![Event::AgentChanged(changed)]);
        serve(gate, line, surroundings, maker);
        plans::ask_again(gate);
        if let Some(text) = next.filter(|_| goes_on) {
            line.go_on(text);
        }
        let seen = Seen { seq: gate.session().head };
        if let Some(reply) = reply {
            let _ = reply.send(recorded.map(|()| Answer::AgentChange(seen)).map_err(RpcError::from));
        }
    }

    /// A step that begins may belong to a role with an agent of its own: it has the session for this step. Afterwards
    /// the former one has it again.
    pub fn follow(&mut self, gate: &mut Gate, line: &mut AgentLine, runs: &mut Runs) {
        let session = gate.session();
        if session.plans.approved.is_none() || session.ended.is_some() || line.is_changing() {
            return;
        }
        let now = worked_on(gate);
        // Between two steps nothing changes.
        if now == self.seen || (now.is_none() && session.plan.next_open().is_some()) {
            return;
        }
        self.seen.clone_from(&now);
        let role = gate.role().cloned();
        let step = now.map(|(step, _)| step);
        let own = role.as_ref().and_then(|role| Some((role.agent.clone()?, role.model.clone())));
        let is_lent = session.agent.changed.as_ref().is_some_and(|changed| changed.step.is_some());
        let home = || session.agent.home.clone().unwrap_or_else(|| self.agents.own());
        let present = session.agent.changed.as_ref().map(|changed| (changed.agent.clone(), changed.model.clone()));
        let present = present.unwrap_or_else(|| self.agents.own());
        let for_step = step.clone().filter(|_| own.is_some());
        let wanted = own.or_else(|| is_lent.then(home)).filter(|wanted| *wanted != present);
        let Some((agent, model)) = wanted else {
            if let (Some(role), Some(step)) = (role, step) {
                gate.then(Due::Tell(role.words(&step)));
            }
            return;
        };
        let by = step.as_ref().map_or_else(|| "the end of the plan".to_owned(), |step| format!("step {step}"));
        match self.agents.named(&agent, model.as_deref()) {
            Ok(maker) => {
                let next = step.map(|_| plans::next_words(gate.session()));
                self.part(gate, line, runs, Change { maker, agent, model, by, step: for_step, next }, None);
            }
            Err(why) => gate.alarm(AlarmKind::Fallback, format!("{by} keeps the present agent: {why}")),
        }
    }

    /// In mode `plan` an agent that can have a private copy gets it between two turns: it ends, and starts there with the
    /// next prompt.
    pub fn isolate(&self, gate: &mut Gate, line: &mut AgentLine, runs: &mut Runs) {
        let session = gate.session();
        let is_free = session.turns.current.is_none() && line.is_up() && !line.is_changing() && session.ended.is_none();
        if session.mode != Mode::Plan || !is_free || !can_leave_tree(session, line) {
            return;
        }
        let mut ready = session.agent.ready.clone();
        ready.agent.isolation = line.isolation(Mode::Plan);
        ready.state = "starting again in a private copy".into();
        let text = format!(
            "the mode is plan: {} starts again in a private copy of the workspace, with the next prompt",
            ready.agent.name
        );
        gate.record_all(vec![Event::AgentReady(ready), Event::AgentNoted(AgentNoted::new("copy", text))]);
        let mut link = line.part(gate, runs);
        let to_self = self.to_self.clone();
        tokio::spawn(async move {
            link.end().await;
            drop(to_self.send(Msg::Moved).await);
        });
    }

    /// After a restart: the agent that had the session last has it again.
    pub fn take_up(&mut self, gate: &mut Gate, line: &mut AgentLine, surroundings: &mut Surroundings) {
        // What was begun is not begun again.
        self.seen = worked_on(gate);
        let Some(changed) = gate.session().agent.changed.clone() else { return };
        match self.agents.named(&changed.agent, changed.model.as_deref()) {
            Ok(maker) => serve(gate, line, surroundings, maker),
            Err(why) => {
                let text = format!("{} cannot be used any more: the session has its first agent: {why}", changed.agent);
                gate.alarm(AlarmKind::Fallback, text);
            }
        }
    }
}

/// The agent works in the workspace itself, and would not if it started now.
fn can_leave_tree(session: &Session, line: &AgentLine) -> bool {
    works_in_tree(session, line) && matches!(line.isolation(Mode::Plan), Isolation::Copy | Isolation::Overlay)
}

/// The agent is a process of its own that can change the workspace without asking.
fn works_in_tree(session: &Session, line: &AgentLine) -> bool {
    let isolation = session.agent.ready.agent.isolation;
    !line.takes_steps() && matches!(isolation, Isolation::Gated | Isolation::Watched)
}

/// Says what mode `plan` does not prevent while the agent works in the workspace itself.
pub fn warn_of_tree(gate: &mut Gate, line: &AgentLine) {
    let session = gate.session();
    let turns = session.turns.current.is_some();
    if session.mode != Mode::Plan || !works_in_tree(session, line) || (can_leave_tree(session, line) && !turns) {
        return;
    }
    let badge = &session.agent.ready.agent;
    let next = if can_leave_tree(session, line) {
        "from its next turn it works in a private copy, where they are held"
    } else {
        "to hold those as well, start the session with --isolation copy"
    };
    let text = format!(
        "the mode is plan, and {} works in the workspace itself (isolation {}): requests wait for the plan; changes \
         that it makes without asking are detected but not held; {next}",
        badge.name,
        badge.isolation.word()
    );
    gate.alarm(AlarmKind::Isolation, text);
}

/// The step that is worked on, and the name of its role.
fn worked_on(gate: &Gate) -> Option<(StepId, Option<String>)> {
    let step = gate.session().plan.active()?.id.clone();
    Some((step, gate.role().map(|role| role.role.clone())))
}

/// Everything that depends on who the agent is.
fn serve(gate: &mut Gate, line: &mut AgentLine, surroundings: &mut Surroundings, maker: Arc<dyn AgentMaker>) {
    if let Some(judge) = gate.judge().trusting_trials(maker.trusts_trials()) {
        gate.take_up(judge);
    }
    surroundings.serve(maker.is_embedded());
    line.take_on(maker);
}
