//! The session: a pure fold over the journal. `apply` is total: an event that does not fit becomes an anomaly, never a
//! panic, and two replicas that applied the same envelopes are equal.

mod actions;
mod checks;
mod costs;
mod disk;
mod leases;
mod plans;
mod prompts;
mod rules;
mod seats;
mod transcript;

pub use actions::{ActionState, Actions, OutputSoFar, Phase, Times};
pub use checks::{Checks, Run};
pub use costs::{StepCost, TestCount, dollars, tokens};
pub use disk::Disk;
pub use leases::{Lease, Leases};
pub use plans::{PlanVersion, Plans};
pub use prompts::Prompts;
pub use rules::Rules;
pub use seats::{AgentFacts, Clients};
pub use transcript::{Entry, Speaker, Transcript};

use crate::base::{ActionId, Seq, TurnId, UnixMs};
use crate::model::check::Tree;
use crate::model::event::{
    AgentChanged, AgentNoted, Alarm, ChangedBy, Decided, Drilled, Envelope, Event, Finished, Mode, Observed, Proposed,
    SessionEnded, SessionOpened, Stopped, TurnEnd, TurnEnded, TurnStarted, Usage,
};
use crate::model::limits::{ALARMS_KEPT_MAX, ANOMALIES_KEPT_MAX};
use crate::model::open::NoteKind;
use crate::model::plan::Plan;
use std::collections::VecDeque;

/// The turns of the agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turns {
    /// The one that runs.
    pub current: Option<TurnId>,
    /// The event that began it, or the last one.
    pub started: Seq,
    /// Every turn there was.
    pub count: u64,
    /// The end of the last turn, until another begins.
    pub last_end: Option<TurnEnded>,
}

/// The alarms of the session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alarms {
    /// The newest with their place, bounded.
    pub recent: VecDeque<(Seq, Alarm)>,
    /// Every alarm there was.
    pub total: u64,
    /// Events that do not fit the session, in words, bounded.
    pub anomalies: VecDeque<(Seq, String)>,
}

/// The stops of the session's processes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stops {
    pub last: Option<Stopped>,
    /// The last drill.
    pub drill: Option<Drilled>,
}

impl Stops {
    /// Whether the last drill left a process: a stop cannot be relied on.
    pub fn is_doubtful(&self) -> bool {
        self.drill.as_ref().is_some_and(|drilled| drilled.failed().next().is_some())
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// The last envelope that was applied.
    pub head: Seq,
    /// The time of the last one.
    pub at: UnixMs,
    pub opened: Option<SessionOpened>,
    pub mode: Mode,
    /// The reason that the session is frozen, while it is.
    pub frozen: Option<String>,
    pub turns: Turns,
    /// The tree.
    pub plan: Plan,
    /// Its texts, under review or approved.
    pub plans: Plans,
    pub actions: Actions,
    pub transcript: Transcript,
    pub checks: Checks,
    pub leases: Leases,
    /// The rules that a user added on the way.
    pub rules: Rules,
    pub alarms: Alarms,
    pub disk: Disk,
    pub clients: Clients,
    pub agent: AgentFacts,
    pub prompts: Prompts,
    pub stops: Stops,
    pub ended: Option<SessionEnded>,
}

impl Session {
    /// Folds envelopes in order; for replay and tests.
    pub fn replay<'a>(envelopes: impl IntoIterator<Item = &'a Envelope>) -> Self {
        let mut session = Self::default();
        envelopes.into_iter().for_each(|envelope| session.apply(envelope));
        session
    }

    /// The events before this one are not known to this replica: it was sent what they come to.
    pub fn skip_to(&mut self, seq: Seq) {
        self.head = self.head.max(Seq(seq.0.saturating_sub(1)));
    }

    /// Takes in one fact. An envelope that was applied before is passed over, a gap is an anomaly.
    pub fn apply(&mut self, envelope: &Envelope) {
        if envelope.seq <= self.head {
            return;
        }
        if envelope.seq != self.head.next() {
            self.record_anomaly(envelope.seq, format!("the journal jumps from {} to {}", self.head, envelope.seq));
        }
        self.head = envelope.seq;
        self.at = envelope.at;
        if let Err(why) = self.fold(envelope) {
            self.record_anomaly(envelope.seq, why);
        }
        self.plans.costs.apply(envelope, &self.plan, &self.checks, &self.actions);
    }

    fn fold(&mut self, envelope: &Envelope) -> Result<(), String> {
        let (seq, at) = (envelope.seq, envelope.at);
        match &envelope.event {
            Event::SessionOpened(body) => self.open(body),
            Event::TurnStarted(body) => self.start_turn(seq, body),
            Event::TurnEnded(body) => self.end_turn(seq, at, body),
            Event::Said(body) => self.transcript.say(seq, at, body, false),
            Event::Thought(body) => self.transcript.say(seq, at, body, true),
            Event::PlanRevised(body) => self.plan = Plan { revision: body.revision, steps: body.steps.clone() },
            Event::PlanListed(body) => self.plans.list(body),
            Event::PlanWritten(body) => self.plans.write((seq, at), body),
            Event::PlanDecided(body) => self.plans.decide_text(body)?,
            Event::PlanCommented(body) | Event::Commented(body) => self.plans.put_comment(&body.comment),
            Event::Proposed(body) => self.propose(seq, at, body)?,
            Event::Ruled(body) => self.actions.rule(body)?,
            Event::Held(body) => self.actions.hold(at, body)?,
            Event::Decided(body) => self.decide(seq, body)?,
            Event::Started(body) => self.actions.start(at, body)?,
            Event::Output(body) => self.actions.output(body)?,
            Event::Finished(body) => self.finish(seq, at, body)?,
            Event::Lapsed(body) => self.actions.lapse(body)?,
            Event::Told(body) => {
                self.transcript.tell(seq, at, body.action.clone(), &body.text);
                self.actions.tell(body);
            }
            Event::Explained(body) => self.actions.explain(body)?,
            Event::DependentsFound(body) => self.actions.depend(body)?,
            Event::Observed(body) => {
                self.disk.observe(seq, body, &self.actions);
            }
            Event::CheckStarted(body) => self.checks.start(seq, at, body),
            Event::CheckReported(body) => self.checks.report(body)?,
            Event::CheckFinished(body) => {
                let action = self.checks.finish(at, body)?;
                self.verify(action.as_ref());
            }
            Event::ModeChanged(body) => self.mode = body.mode,
            Event::NetworkChanged(body) => self.rules.set_network(body.network),
            Event::ChecksChanged(body) => self.rules.set_run_after(body.run_after),
            Event::Frozen(body) => self.frozen = Some(body.why.clone()),
            Event::Resumed(_) => self.frozen = None,
            Event::Stopped(body) => self.stop(body),
            Event::Drilled(body) => self.stops.drill = Some(body.clone()),
            Event::Alarm(body) => self.alarm(seq, body),
            Event::AgentLost(body) => {
                self.transcript.note(seq, at, format!("agent lost: {}", body.why));
                self.agent.lost = Some(body.clone());
            }
            Event::SessionEnded(body) => self.ended = Some(body.clone()),
            Event::Checkpointed(body) => self.disk.checkpoints.push((seq, body.clone())),
            Event::Reverted(body) => {
                self.disk.changed_at = seq;
                self.actions.revert(body);
            }
            Event::LeaseGranted(body) => self.leases.grant(body),
            Event::LeaseRevoked(body) => self.leases.revoke(body),
            Event::PolicyTightened(body) => self.rules.tighten(body)?,
            Event::PolicyAllowed(body) => self.rules.allow(body)?,
            Event::PolicyRevoked(body) => self.rules.revoke(&body.rule),
            Event::PolicyReloaded(_) => {}
            Event::ClientChanged(body) => self.clients.change(at, body),
            Event::Usage(body) => self.bill(body),
            Event::AgentReady(body) => self.agent.ready(body),
            Event::AgentChanged(body) => self.change_agent(seq, at, body),
            Event::AgentNoted(body) => self.note(seq, at, body),
            Event::HostStarted(_) => self.clients.all_left(),
            Event::Drafted(_) | Event::QueueChanged(_) => self.prompts.apply(&envelope.event),
            Event::Watching(body) => self.disk.watching = Some(body.clone()),
            Event::ImageKept(_) | Event::Unknown { .. } => {}
        }
        Ok(())
    }

    fn bill(&mut self, body: &Usage) {
        self.leases.charge(body);
        self.agent.usage = body.clone();
    }

    fn change_agent(&mut self, seq: Seq, at: UnixMs, body: &AgentChanged) {
        self.transcript.note(seq, at, format!("agent changed: from {} to {}", body.from.name, body.to.name));
        self.agent.change(body);
        self.plans.forget_list();
    }

    fn propose(&mut self, seq: Seq, at: UnixMs, body: &Proposed) -> Result<(), String> {
        self.plans.propose((seq, at), &body.action);
        self.actions.propose(seq, at, &body.action)
    }

    fn decide(&mut self, seq: Seq, body: &Decided) -> Result<(), String> {
        self.leases.spend(&body.by);
        self.plans.decide(body);
        self.actions.decide(seq, body)
    }

    fn alarm(&mut self, seq: Seq, body: &Alarm) {
        self.alarms.total += 1;
        self.actions.alarm(body);
        push_bounded(&mut self.alarms.recent, (seq, body.clone()), ALARMS_KEPT_MAX);
    }

    fn stop(&mut self, body: &Stopped) {
        self.frozen = None;
        self.turns.current = None;
        self.stops.last = Some(body.clone());
    }

    fn open(&mut self, body: &SessionOpened) {
        self.mode = body.mode;
        self.agent.ready.agent = body.agent.clone();
        self.opened = Some(body.clone());
    }

    fn start_turn(&mut self, seq: Seq, body: &TurnStarted) {
        self.turns.started = seq;
        self.turns.count += 1;
        self.turns.current = Some(body.turn.clone());
        self.turns.last_end = None;
        // Whoever asks for more takes the session up again.
        self.ended = None;
    }

    fn end_turn(&mut self, seq: Seq, at: UnixMs, body: &TurnEnded) {
        self.turns.current = None;
        // One that could not even begin has not learned of the session.
        self.agent.is_new &= body.reason == TurnEnd::Error;
        // That a turn ends as it should is seen by what was said; anything else is worth a line.
        if body.reason != TurnEnd::EndTurn {
            let why = body.text.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
            self.transcript.note(seq, at, format!("turn ended: {}{why}", body.reason.words()));
        }
        self.turns.last_end = Some(body.clone());
    }

    fn finish(&mut self, seq: Seq, at: UnixMs, body: &Finished) -> Result<(), String> {
        self.actions.finish(seq, at, body)?;
        // What a run of checks leaves behind (a lock file) is part of the run.
        let checks = self.actions.get(&body.action).is_some_and(|state| state.action.checks);
        if !checks && body.files.as_ref().is_some_and(|files| !files.is_empty()) {
            self.disk.changed_at = seq;
        }
        Ok(())
    }

    /// Checks that were green on the workspace verify every finished edit that they came after.
    fn verify(&mut self, action: Option<&ActionId>) {
        let green = self.checks.latest_workspace().and_then(|run| run.finished.as_ref()).is_some_and(|f| f.is_green());
        let here = action.is_some_and(|a| self.actions.get(a).is_some());
        if green && (here || action.is_none()) {
            self.actions.verify();
        }
    }

    /// Whether the workspace has changed since this run of checks began.
    pub fn is_stale(&self, run: &Run) -> bool {
        run.started.tree == Tree::Workspace && run.seq < self.disk.changed_at
    }

    fn note(&mut self, seq: Seq, at: UnixMs, body: &AgentNoted) {
        if let Some(sessions) = &body.sessions {
            self.agent.keeps = Some(sessions.clone());
        }
        let line = format!("{}: {}", body.what, body.text);
        if body.what == NoteKind::Session {
            self.agent.session = Some(body.text.clone());
        } else if body.what == NoteKind::Waiting {
            self.transcript.wait(seq, at, &body.text);
        } else if matches!(body.what, NoteKind::Stderr | NoteKind::Protocol | NoteKind::SessionTitle) {
            self.transcript.log_line(seq, at, line);
        } else {
            self.transcript.note(seq, at, line);
        }
    }

    fn record_anomaly(&mut self, seq: Seq, why: String) {
        push_bounded(&mut self.alarms.anomalies, (seq, why), ANOMALIES_KEPT_MAX);
    }

    /// Changes of files without a known author.
    pub fn unsupervised(&self) -> impl Iterator<Item = &(Seq, Observed)> {
        self.disk.changes.iter().filter(|(_, o)| o.by == ChangedBy::Unsupervised)
    }

    /// Returns whether an action is held, running, or decided and not yet started.
    pub fn is_busy(&self) -> bool {
        self.turns.current.is_some() || self.actions.open().next().is_some()
    }
}

/// Adds to a ring that forgets its oldest.
pub(crate) fn push_bounded<T>(ring: &mut VecDeque<T>, item: T, max: usize) {
    if ring.len() >= max {
        ring.pop_front();
    }
    ring.push_back(item);
}
