//! What follows from each answer to an open question: the words for the agent, and who carries it out.

use super::asks::{Ask, Stage, Subject};
use super::client::{Client, Effect};
use super::forms::Form;
use super::message::RpcError;
use super::place::Disk;
use super::speak;
use super::turn::FollowUp;
use crate::model::Proposal;
use crate::model::event::{LapseWhy, OutcomeWord};
use crate::port::{Answer, FromAgent, Performed, Ticket};

impl Client {
    /// Hands a proposal in for the agent.
    pub(super) fn propose(&mut self, subject: Subject, proposal: Proposal) -> Ticket {
        let ticket = self.asks.open(subject, proposal.title.clone());
        self.tell(FromAgent::Propose { ticket, proposal: Box::new(proposal) });
        ticket
    }

    /// Takes a question back: the agent hears that it was cancelled, the host that nobody wants it any more.
    pub(super) fn void(&mut self, ticket: Ticket, why: LapseWhy) {
        if self.asks.get(ticket).is_some() {
            self.drop_ask(ticket);
            self.tell(FromAgent::Withdraw { ticket, why });
        }
    }

    fn drop_ask(&mut self, ticket: Ticket) {
        let Some(ask) = self.asks.remove(ticket) else { return };
        match &ask.subject {
            Subject::Permission { request, .. } => {
                self.reply(request, Ok(speak::permission_cancelled()));
            }
            Subject::Terminal { request, terminal } => {
                self.reply(request, Err(RpcError::new(RpcError::CANCELLED, "the turn was cancelled")));
                self.terminal_ended(terminal, None, "");
            }
            Subject::Form { request, .. } => {
                self.reply(request, Ok(Form::cancelled()));
            }
            Subject::Write { request, .. } | Subject::Read { request, .. } => {
                self.reply(request, Err(RpcError::new(RpcError::CANCELLED, "the turn was cancelled")));
            }
            Subject::Copied { .. } => {}
        }
    }

    pub(super) fn decided(&mut self, ticket: Ticket, answer: Answer) {
        if self.asks.get(ticket).is_none_or(|ask| ask.stage != Stage::Waiting) {
            return;
        }
        match answer {
            Answer::Approved { edited, note, option, .. } => {
                let asked = self.asks.get(ticket).map(|ask| (ask.action.clone(), ask.title.clone()));
                self.approved(ticket, edited, option);
                if let Some((note, (action, title))) = note.zip(asked) {
                    self.tell_beside(action, format!("The supervisor's note on “{title}”: {note}"));
                }
            }
            Answer::Denied { reason, by_rule, option, told } => {
                let again = by_rule.is_none() && !reason.trim().is_empty();
                let action = self.asks.get(ticket).and_then(|ask| ask.action.clone());
                self.turn.refused_by_rule = by_rule.map(|_| FollowUp { action, text: told.clone() });
                self.choose(ticket, option);
                self.refused(ticket, &told, again);
            }
            Answer::Redirected { told, option, .. } => {
                self.choose(ticket, option);
                self.refused(ticket, &told, true);
            }
            Answer::Refused { told } => self.refused(ticket, &told, true),
            Answer::Lapsed { told, why } => self.lapsed(ticket, why, &told),
        }
        self.try_end(false);
    }

    /// Consent is gone: void because a file changed, which the agent must hear, or stopped, which it hears anyway.
    fn lapsed(&mut self, ticket: Ticket, why: LapseWhy, told: &str) {
        match why {
            LapseWhy::Voided | LapseWhy::Superseded => {
                let is_copied = self.asks.get(ticket).is_some_and(|ask| ask.subject.request().is_none());
                if is_copied {
                    self.asks.remove(ticket);
                    self.effect(Effect::LookAtCandidate);
                } else {
                    self.refused(ticket, told, true);
                }
            }
            LapseWhy::Cancelled | LapseWhy::AgentLost | LapseWhy::Killed => self.drop_ask(ticket),
        }
    }

    /// The answer that was chosen by its id.
    fn choose(&mut self, ticket: Ticket, option: Option<String>) {
        if let Some(ask) = self.asks.get_mut(ticket) {
            ask.option = option;
        }
    }

    fn approved(&mut self, ticket: Ticket, edited: Option<String>, option: Option<String>) {
        self.choose(ticket, option);
        let Some(ask) = self.asks.get_mut(ticket) else { return };
        let action = ask.action.clone();
        match &ask.subject {
            Subject::Permission { by_host: false, .. } => match edited {
                None => self.allow(ticket),
                Some(edited) => {
                    ask.stage = Stage::Instead { edited };
                    self.reject(ticket);
                }
            },
            Subject::Permission { .. } | Subject::Write { .. } | Subject::Read { .. } | Subject::Copied { .. } => {
                ask.stage = Stage::ByHost { edited };
            }
            Subject::Terminal { terminal, request } => {
                let (terminal, request) = (terminal.clone(), request.clone());
                ask.stage = Stage::ByHost { edited: edited.clone() };
                self.reply(&request, Ok(speak::terminal_created(&terminal)));
                if let Some(edited) = edited {
                    self.turn.follow_up(
                        action,
                        format!("Your command was changed before it ran. What ran instead:\n{edited}"),
                    );
                }
            }
            Subject::Form { request, form } => {
                let (request, answer) = (request.clone(), form.accepted(edited.as_deref()));
                let text = answer.to_string();
                self.reply(&request, Ok(answer));
                self.tell(FromAgent::Told { action, text });
                self.end_ask(ticket, OutcomeWord::Ok, None, None);
            }
        }
    }

    /// The agent may do what it asked for.
    fn allow(&mut self, ticket: Ticket) {
        let Some(ask) = self.asks.get_mut(ticket) else { return };
        let Subject::Permission { request, choices, mode_switch, expected, .. } = &ask.subject else { return };
        let edits_nothing = expected.is_empty();
        let (request, choices, mode_switch) = (request.clone(), choices.clone(), *mode_switch);
        let (action, option) = (ask.action.clone(), ask.option.clone());
        let Some(choice) = choices.selected(true, option.as_deref()).cloned() else {
            let text = "it offers no option that allows this only once; it was rejected instead";
            self.reject(ticket);
            return self.end_ask(ticket, OutcomeWord::Failed, None, Some(text.to_owned()));
        };
        ask.stage = Stage::ByAgent;
        self.handshake.mode_may_change |= mode_switch;
        // What an approved command leaves in the private copy is asked about, but is no surprise.
        self.turn.let_through |= edits_nothing;
        if self.reply(&request, Ok(speak::selected(&choice.id))) {
            self.tell(FromAgent::Told { action, text: format!("selected “{}” ({})", choice.name, choice.kind) });
        }
    }

    /// The agent hears "no" in its own way.
    pub(super) fn reject(&mut self, ticket: Ticket) {
        let Some(ask) = self.asks.get(ticket) else { return };
        let Subject::Permission { request, choices, .. } = &ask.subject else { return };
        let choice = choices.selected(false, ask.option.as_deref()).cloned();
        let (request, action) = (request.clone(), ask.action.clone());
        let (answer, text) = match choice {
            Some(choice) => (speak::selected(&choice.id), format!("selected “{}” ({})", choice.name, choice.kind)),
            None => (speak::permission_cancelled(), "canceled: it offers no unambiguous option to reject".to_owned()),
        };
        if self.reply(&request, Ok(answer)) {
            self.turn.rejected = true;
            self.tell(FromAgent::Told { action, text });
        }
    }

    /// Not approved. `again` says that the words must reach the agent even where the answer itself cannot carry them.
    fn refused(&mut self, ticket: Ticket, told: &str, again: bool) {
        let Some(ask) = self.asks.get(ticket).cloned() else { return };
        let refusal = RpcError::new(RpcError::REFUSED, told);
        let carried = match &ask.subject {
            Subject::Permission { .. } => {
                self.reject(ticket);
                false
            }
            Subject::Write { request, .. } | Subject::Read { request, .. } => self.reply(request, Err(refusal)),
            Subject::Terminal { request, terminal } => {
                let carried = self.reply(request, Err(refusal));
                self.terminal_ended(terminal, None, "");
                carried
            }
            Subject::Form { request, .. } => {
                self.reply(request, Ok(Form::declined()));
                false
            }
            Subject::Copied { files } => {
                self.effect(Effect::Reset(files.keys().cloned().collect()));
                false
            }
        };
        if carried {
            self.tell(FromAgent::Told { action: ask.action.clone(), text: told.to_owned() });
        } else if again {
            self.tell_later(ask.action.clone(), told);
        }
        self.asks.remove(ticket);
    }

    pub(super) fn performed(&mut self, ticket: Ticket, performed: Performed, disk: &dyn Disk) {
        let Some(ask) = self.asks.remove(ticket) else { return };
        let edited = match &ask.stage {
            Stage::ByHost { edited } => edited.clone(),
            Stage::Instead { edited } => Some(edited.clone()),
            // An action that the agent executed is ended by us; the host has nothing to report.
            Stage::Waiting | Stage::Changing { .. } | Stage::ByAgent => None,
        };
        let done = matches!(performed.outcome, OutcomeWord::Ok | OutcomeWord::Recovered);
        let detail =
            performed.detail.clone().unwrap_or_else(|| format!("it ended as {:?}", performed.outcome).to_lowercase());
        match &ask.subject {
            Subject::Permission { .. } if matches!(ask.stage, Stage::ByHost { .. }) => {
                self.host_did_permitted(&ask, done, edited, &detail);
            }
            Subject::Permission { .. } => {
                self.host_did_instead(&ask, &performed, edited.unwrap_or_default(), done, &detail)
            }
            Subject::Write { request, .. } if done => {
                self.reply(request, Ok(speak::file_written()));
                match edited {
                    None => self.tell(FromAgent::Told { action: ask.action.clone(), text: "written".to_owned() }),
                    Some(diff) => self.tell_later(ask.action.clone(), &applied_instead("write", &diff, false)),
                }
                self.refresh_candidate();
            }
            Subject::Write { request, .. } => {
                if self.reply(request, Err(RpcError::new(RpcError::REFUSED, detail.clone()))) {
                    self.tell(FromAgent::Told { action: ask.action.clone(), text: detail });
                }
            }
            Subject::Read { request, path, part } => {
                self.read_done(request, path.as_ref(), *part, &performed, disk);
            }
            Subject::Terminal { terminal, .. } => {
                self.terminal_ended(terminal, performed.exit, &performed.tail);
                self.refresh_candidate();
            }
            Subject::Form { .. } => {}
            Subject::Copied { files } => {
                if done {
                    self.effect(Effect::Reset(files.keys().cloned().collect()));
                    if let Some(diff) = edited {
                        self.tell_later(ask.action.clone(), &applied_instead("edit", &diff, false));
                    }
                } else {
                    self.tell_later(ask.action.clone(), &format!("{} was not applied: {detail}", ask.title));
                }
            }
        }
        self.try_end(false);
    }

    /// The host wrote what the agent asked permission for; now the agent may continue, and its own write will be no news.
    fn host_did_permitted(&mut self, ask: &Ask, done: bool, edited: Option<String>, detail: &str) {
        let Subject::Permission { request, tool, choices, expected, before, .. } = &ask.subject else { return };
        let action = ask.action.clone();
        let allow = choices.selected(true, ask.option.as_deref());
        let choice = if done && edited.is_none() { allow } else { None };
        let through_us = self.conduct.edits == crate::agent::catalog::Through::Client && !self.setup.place.is_private();
        let choice = choice.or(if done && through_us { allow } else { None });
        let (answer, said) = match (choice, choices.plain(false)) {
            (Some(choice), _) => (speak::selected(&choice.id), format!("selected “{}” ({})", choice.name, choice.kind)),
            (None, Some(choice)) => {
                (speak::selected(&choice.id), format!("selected “{}” ({})", choice.name, choice.kind))
            }
            (None, None) => (speak::permission_cancelled(), "cancelled".to_owned()),
        };
        if choice.is_some() {
            self.asks.grant(tool, expected, through_us.then_some(before));
        }
        if self.reply(request, Ok(answer)) {
            self.tell(FromAgent::Told { action: action.clone(), text: said });
        }
        match edited {
            Some(diff) if done => self.tell_later(action, &applied_instead("edit", &diff, choice.is_none())),
            Some(_) | None if !done => self.tell_later(action, &format!("{} was not applied: {detail}", ask.title)),
            Some(_) | None => {}
        }
        if self.setup.place.is_private() && choice.is_none() {
            self.effect(Effect::Reset(expected.keys().cloned().collect()));
        }
    }

    /// The agent was refused and the host did the user's version.
    fn host_did_instead(&mut self, ask: &Ask, performed: &Performed, edited: String, done: bool, detail: &str) {
        let is_edit = matches!(&ask.subject, Subject::Permission { expected, .. } if !expected.is_empty());
        let text = if is_edit && done {
            applied_instead("edit", &edited, true)
        } else if done || performed.exit.is_some() {
            let exit = performed.exit.map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"));
            format!(
                "Your command was rejected; this ran instead:\n{edited}\nIt ended with {exit}. Its output:\n{}\nContinue.",
                performed.tail
            )
        } else {
            format!("{} was rejected; the changed version of it failed too: {detail}", ask.title)
        };
        if self.setup.place.is_private() {
            self.refresh_candidate();
        }
        self.tell_later(ask.action.clone(), &text);
    }

    /// Reports the end of an action that the agent executed, and forgets it.
    pub(super) fn end_ask(&mut self, ticket: Ticket, outcome: OutcomeWord, exit: Option<i32>, detail: Option<String>) {
        if self.asks.remove(ticket).is_some() {
            self.tell(FromAgent::Performed { ticket, outcome, exit, detail });
        }
    }
}

/// The words for an edit the user changed.
fn applied_instead(what: &str, diff: &str, rejected: bool) -> String {
    let how = if rejected {
        "was rejected; this was applied instead"
    } else {
        "was changed before it was applied. The change"
    };
    format!("Your {what} {how}:\n{diff}\nContinue from the files as they are now.")
}
