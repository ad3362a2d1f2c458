//! A request that its agent changes while it is pending: consent to the old words is void, the new ones are asked about
//! as the next revision. Nothing of the old request is allowed any more, whatever was decided in between.

use super::{AgentLine, Gate};
use crate::model::AlarmKind;
use crate::model::Proposal;
use crate::model::action::Executor;
use crate::model::decide::{Input, Ruling};
use crate::model::event::{Alarm, Event, LapseWhy, RulingWord};
use crate::model::session::Phase;
use crate::port::{Answer, Ticket, ToAgent};

impl AgentLine {
    /// Handles a change of the request before the agent received the decision on it.
    pub(super) fn reopened(&mut self, gate: &mut Gate, ticket: Ticket, next: Ticket, why: String) {
        let Some(action) = self.link.action(ticket).cloned() else { return };
        let Some(state) = gate.session().actions.get(&action) else { return };
        let (phase, by_agent) = (state.phase, state.action.executor == Executor::Agent);
        match phase {
            // The question stays, under the ticket of its next revision.
            Phase::Proposed | Phase::Held | Phase::Lapsed(LapseWhy::Voided) => {
                self.link.renew(ticket, next);
                gate.quietly(Input::Lapse { action, why: LapseWhy::Voided, detail: Some(why) });
            }
            // It was approved in this very moment. The agent has not been told, so it may not begin.
            Phase::Approved | Phase::Running if by_agent => {
                let text = format!("the action changed just after it was approved; the approval is void: {why}");
                gate.record(Event::Alarm(Alarm { what: AlarmKind::Mismatch, action: Some(action.clone()), text }));
                gate.quietly(Input::Lapse { action, why: LapseWhy::Superseded, detail: Some(why) });
            }
            // What the host executes is what was approved; the changed request is another one.
            Phase::Approved
            | Phase::Running
            | Phase::Denied
            | Phase::Redirected
            | Phase::Finished(_)
            | Phase::Lapsed(_) => {}
        }
    }

    /// The changed request: the next revision of a question that is void, else a question of its own.
    pub(super) fn revised(&mut self, gate: &mut Gate, ticket: Ticket, proposal: Proposal) {
        let Some(id) = self.link.action(ticket).cloned() else { return self.propose(gate, ticket, proposal) };
        let Some(state) = gate.session().actions.get(&id) else { return };
        if !matches!(state.phase, Phase::Held | Phase::Lapsed(LapseWhy::Voided)) {
            let (why, message) = (LapseWhy::Canceled, "Canceled: it is no longer pending.".to_owned());
            return gate.send(ToAgent::Answered { ticket, answer: Answer::Lapsed { why, message } });
        }
        let revision = state.action.revision.saturating_add(1);
        let (mut action, blobs, ruling) = match gate.resolve(proposal) {
            Ok(resolved) => resolved,
            Err(message) => return gate.send(ToAgent::Answered { ticket, answer: Answer::Refused { message } }),
        };
        (action.id, action.revision) = (id, revision);
        let ruling = if ruling.word == RulingWord::Deny {
            ruling
        } else {
            let words = "the agent changed this request while it was pending";
            Ruling { confirm: ruling.confirm, rail: ruling.rail, ..Ruling::ask("request-changed", words) }
        };
        gate.file(ticket, action, ruling, blobs, true);
    }
}
