//! The consequences of each answer to an open question: the words for the agent, and the side that carries it out.

use super::asks::{Ask, Asks, Opening, Permission, Stage, Subject};
use super::context::Context;
use super::dialects;
use super::forms;
use super::message::RpcError;
use super::out::Out;
use super::speak;
use super::tools::ToolCall;
use super::turn::{FollowUp, Once};
use crate::base::{Digest, RelPath};
use crate::model::action::Body;
use crate::model::event::{LapseWhy, OutcomeWord};
use crate::model::offer::RequestOption;
use crate::model::{FormAnswer, OptionEffect, Proposal};
use crate::port::{Answer, FromAgent, Performed, Ticket};

impl Asks {
    /// Hands a proposal in for the agent.
    pub fn propose(&mut self, subject: Subject, proposal: Proposal, out: &mut Out) -> Ticket {
        let ticket = self.open(subject, proposal.title.clone());
        out.report(FromAgent::Propose { ticket, proposal: Box::new(proposal) });
        ticket
    }

    /// Withdraws a question: the agent receives a cancellation, the host a withdrawal.
    pub fn void(&mut self, ticket: Ticket, why: LapseWhy, out: &mut Out) {
        if self.get(ticket).is_some() {
            self.drop_ask(ticket, out);
            out.report(FromAgent::Withdraw { ticket, why });
        }
    }

    fn drop_ask(&mut self, ticket: Ticket, out: &mut Out) {
        let Some(ask) = self.remove(ticket) else { return };
        let canceled = || Err(RpcError::new(RpcError::CANCELED, "the turn was canceled"));
        match &ask.subject {
            Subject::Permission(permission) => out.reply(&permission.request, Ok(speak::permission_canceled())),
            Subject::Form { request, .. } => out.reply(request, Ok(forms::answer(&FormAnswer::Cancel))),
            Subject::Terminal(opening) => out.reply(&opening.request, canceled()),
            Subject::Read(reading) => out.reply(&reading.request, canceled()),
            Subject::Write { request } => out.reply(request, canceled()),
            Subject::Copied { .. } => false,
        };
    }

    /// The host's answer. Gives the terminal of a command that runs from now on.
    pub fn decided(&mut self, ticket: Ticket, answer: Answer, cx: &mut Context) -> Option<Opening> {
        let ask = self.get(ticket).filter(|ask| ask.stage == Stage::Waiting)?;
        let (action, title) = (ask.action.clone(), ask.title.clone());
        let is_plan = ask.subject.permission().is_some_and(Permission::is_plan);
        match answer {
            Answer::Approved { edited, note, option, form, .. } => {
                self.choose(ticket, option);
                let opening = self.approved(ticket, edited, form, cx);
                if let Some(note) = note {
                    let text = format!("The supervisor's note on “{title}”: {note}");
                    if is_plan {
                        cx.turn.send_before_acting(action, text, &cx.conduct, &mut cx.out);
                    } else {
                        cx.turn.send_beside(action, text, &cx.conduct, &mut cx.out);
                    }
                }
                return opening;
            }
            Answer::Denied { form: Some(FormAnswer::Cancel), message, .. } => self.dismissed(ticket, &message, cx),
            Answer::Denied { reason, by_rule, option, message, form: _ } => {
                let again = by_rule.is_none() && !reason.trim().is_empty();
                let by_rule = by_rule.map(|_| FollowUp { action, text: message.clone() });
                self.choose(ticket, option);
                self.refused(ticket, &message, (again, by_rule), cx);
            }
            Answer::Redirected { message, option, .. } => {
                self.choose(ticket, option);
                self.refused(ticket, &message, (true, None), cx);
            }
            Answer::Refused { message } => self.refused(ticket, &message, (true, None), cx),
            Answer::Lapsed { message, why } => self.lapsed(ticket, why, &message, cx),
        }
        if is_plan {
            cx.turn.hears_first(&cx.conduct);
        }
        None
    }

    /// A form is dismissed: not answered and not declined.
    fn dismissed(&mut self, ticket: Ticket, message: &str, cx: &mut Context) {
        let action = self.get(ticket).and_then(|ask| ask.action.clone());
        self.drop_ask(ticket, &mut cx.out);
        cx.out.received(action, message);
    }

    /// Consent is lost: void because a file changed, which the agent must be told, or stopped, which it is told anyway.
    fn lapsed(&mut self, ticket: Ticket, why: LapseWhy, message: &str, cx: &mut Context) {
        match why {
            LapseWhy::Voided | LapseWhy::Superseded => {
                let is_copied = self.get(ticket).is_some_and(|ask| ask.subject.request().is_none());
                if is_copied {
                    self.remove(ticket);
                    cx.out.look_at_copy();
                } else {
                    self.refused(ticket, message, (true, None), cx);
                }
            }
            LapseWhy::Canceled | LapseWhy::AgentLost | LapseWhy::Killed => self.drop_ask(ticket, &mut cx.out),
        }
    }

    /// The answer that was chosen by its id.
    fn choose(&mut self, ticket: Ticket, option: Option<String>) {
        if let Some(ask) = self.get_mut(ticket) {
            ask.option = option;
        }
    }

    fn approved(
        &mut self,
        ticket: Ticket,
        edited: Option<String>,
        answer: Option<FormAnswer>,
        cx: &mut Context,
    ) -> Option<Opening> {
        let ask = self.get_mut(ticket)?;
        let action = ask.action.clone();
        match &ask.subject {
            Subject::Permission(permission) if !permission.by_host => match edited {
                None => self.allow(ticket, answer.as_ref(), cx),
                Some(edited) if matches!(permission.asked.shown.body, Body::Plan(_)) => {
                    self.allow(ticket, None, cx);
                    cx.turn.send_before_acting(action, edited, &cx.conduct, &mut cx.out);
                }
                Some(edited) => {
                    ask.stage = Stage::Instead { edited };
                    self.reject(ticket, None, cx);
                }
            },
            Subject::Permission(_) | Subject::Write { .. } | Subject::Read(_) | Subject::Copied { .. } => {
                ask.stage = Stage::ByHost { edited };
            }
            Subject::Terminal(opening) => {
                let opening = opening.clone();
                self.remove(ticket);
                if let Some(edited) = edited {
                    let text = format!("Your command was changed before it ran. What ran instead:\n{edited}");
                    cx.turn.follow_up(action, text);
                }
                return Some(opening);
            }
            Subject::Form { request, form } => {
                let answer = answer.unwrap_or(FormAnswer::Decline);
                let sent = forms::answer(&form.masked(&answer)).to_string();
                cx.out.reply(request, Ok(forms::answer(&answer)));
                cx.out.received(action, sent);
                self.end_ask(ticket, OutcomeWord::Ok, None, None, &mut cx.out);
            }
        }
        None
    }

    /// The agent may do what it asked for.
    fn allow(&mut self, ticket: Ticket, answer: Option<&FormAnswer>, cx: &mut Context) {
        let Some(ask) = self.get_mut(ticket) else { return };
        let Some(permission) = ask.subject.permission() else { return };
        let Some(choice) = permission.choices.selected(true, ask.option.as_deref()) else {
            let text = "it offers no option that allows this only once; it was rejected instead";
            self.reject(ticket, None, cx);
            return self.end_ask(ticket, OutcomeWord::Failed, None, Some(text.to_owned()), &mut cx.out);
        };
        if permission.mode_switch {
            cx.conduct.lets_mode_change(choice.effect == OptionEffect::Mode);
        }
        if permission.expected.is_empty() {
            // What an approved command leaves in the private copy is asked about, but is no surprise.
            cx.turn.first(Once::UnaskedEdit);
        }
        let mut reply = speak::selected(&choice.id);
        let mut words = selected(choice);
        if let (Body::Form(form), Some(answer)) = (&permission.asked.shown.body, answer) {
            let answers = forms::answers_by_number(form, answer);
            words = format!("{words}, answers {}", forms::answers_by_number(form, &form.masked(answer)));
            if let Some(reply) = reply.as_object_mut() {
                reply.insert("answers".to_owned(), answers);
            }
        }
        if cx.out.reply(&permission.request, Ok(reply)) {
            cx.out.received(ask.action.clone(), words);
        }
        ask.stage = Stage::ByAgent;
    }

    /// Sends the agent a rejection in its own way.
    pub fn reject(&self, ticket: Ticket, by_rule: Option<FollowUp>, cx: &mut Context) {
        let Some(ask) = self.get(ticket) else { return };
        let Some(permission) = ask.subject.permission() else { return };
        let choice = permission.choices.selected(false, ask.option.as_deref());
        if choice.is_some_and(|choice| choice.effect == OptionEffect::Mode) {
            cx.conduct.lets_mode_change(true);
        }
        let (answer, text) = match choice {
            Some(choice) => (speak::selected(&choice.id), selected(choice)),
            None => (speak::permission_canceled(), "canceled: it offers no unambiguous option to reject".to_owned()),
        };
        if cx.out.reply(&permission.request, Ok(answer)) {
            cx.turn.rejected(by_rule, choice.and_then(|choice| permission.choices.says_end(choice)));
            cx.out.received(ask.action.clone(), text);
        }
    }

    /// Not approved. `again` says that the words must reach the agent even where the answer itself cannot carry them;
    /// `by_rule` is sent only if the refusal ends the turn.
    fn refused(&mut self, ticket: Ticket, message: &str, (again, by_rule): (bool, Option<FollowUp>), cx: &mut Context) {
        let Some(ask) = self.get(ticket) else { return };
        let action = ask.action.clone();
        let carried = match &ask.subject {
            Subject::Permission(_) => {
                self.reject(ticket, by_rule, cx);
                false
            }
            Subject::Write { request } => cx.out.refuse(request, RpcError::REFUSED, message),
            Subject::Read(reading) => cx.out.refuse(&reading.request, RpcError::REFUSED, message),
            Subject::Terminal(opening) => cx.out.refuse(&opening.request, RpcError::REFUSED, message),
            Subject::Form { request, .. } => {
                cx.out.reply(request, Ok(forms::answer(&FormAnswer::Decline)));
                false
            }
            Subject::Copied { files } => {
                cx.out.reset_copy(files.clone());
                false
            }
        };
        self.remove(ticket);
        if carried {
            cx.out.received(action, message);
        } else if again {
            cx.send_later(action, message);
        }
    }

    /// The host has carried it out, or failed to.
    pub fn performed(&mut self, ticket: Ticket, performed: &Performed, cx: &mut Context) {
        let Some(ask) = self.remove(ticket) else { return };
        let done = matches!(performed.outcome, OutcomeWord::Ok | OutcomeWord::Recovered);
        let detail =
            performed.detail.clone().unwrap_or_else(|| format!("it ended as {:?}", performed.outcome).to_lowercase());
        let edited = match &ask.stage {
            Stage::ByHost { edited } => edited.as_deref(),
            Stage::Instead { edited } => Some(edited.as_str()),
            // An action that the agent executed is ended by us; the host has nothing to report.
            Stage::Waiting | Stage::Changing { .. } | Stage::ByAgent => None,
        };
        match &ask.subject {
            Subject::Permission(permission) if matches!(ask.stage, Stage::ByHost { .. }) => {
                self.host_did_permitted(&ask, permission, (done, edited, &detail), cx);
            }
            Subject::Permission(permission) => {
                host_did_instead(&ask, permission, (done, edited.unwrap_or_default(), &detail), performed, cx);
            }
            Subject::Write { request } if done => {
                cx.out.reply(request, Ok(speak::file_written()));
                match edited {
                    None => cx.out.received(ask.action.clone(), "written"),
                    Some(diff) => cx.send_later(ask.action.clone(), &applied_instead("write", diff, false)),
                }
                cx.out.refresh_copy();
            }
            Subject::Write { request } => {
                if cx.out.refuse(request, RpcError::REFUSED, detail.clone()) {
                    cx.out.received(ask.action.clone(), detail);
                }
            }
            Subject::Read(reading) => reading.done(performed, &mut cx.out),
            Subject::Terminal(_) | Subject::Form { .. } => {}
            Subject::Copied { files } if done => {
                cx.out.reset_copy(files.clone());
                if let Some(diff) = edited {
                    cx.send_later(ask.action.clone(), &applied_instead("edit", diff, false));
                }
            }
            Subject::Copied { .. } => cx.send_later(ask.action.clone(), &not_applied(&ask.title, &detail)),
        }
    }

    /// The host wrote what the agent asked permission for; now the agent may continue, and its own write will be no
    /// news.
    fn host_did_permitted(
        &mut self,
        ask: &Ask,
        permission: &Permission,
        (done, edited, detail): (bool, Option<&str>, &str),
        cx: &mut Context,
    ) {
        let Permission { request, tool, choices, expected, before, .. } = permission;
        let action = ask.action.clone();
        let is_private = cx.out.place().is_private();
        let through_us = cx.conduct.edits_through_us() && !is_private;
        let allow = choices.selected(true, ask.option.as_deref());
        let allow = allow.filter(|_| done && (edited.is_none() || through_us));
        let (answer, text) = match allow.or_else(|| choices.plain(false)) {
            Some(choice) => (speak::selected(&choice.id), selected(choice)),
            None => (speak::permission_canceled(), "canceled".to_owned()),
        };
        if allow.is_some() {
            self.grants.add(tool, expected, through_us.then_some(before));
        }
        if cx.out.reply(request, Ok(answer)) {
            cx.out.received(action.clone(), text);
        }
        match edited {
            Some(diff) if done => cx.send_later(action, &applied_instead("edit", diff, allow.is_none())),
            Some(_) | None if !done => cx.send_later(action, &not_applied(&ask.title, detail)),
            Some(_) | None => {}
        }
        if allow.is_none() {
            cx.out.reset_copy(expected.clone());
        }
    }

    /// Reports the end of an action that the agent executed, and forgets it.
    fn end_ask(
        &mut self,
        ticket: Ticket,
        outcome: OutcomeWord,
        exit: Option<i32>,
        detail: Option<String>,
        out: &mut Out,
    ) {
        if self.remove(ticket).is_some() {
            out.report(FromAgent::Performed { ticket, outcome, exit, detail });
        }
    }

    /// The end of what the agent was allowed, of one call or of all: the disk is compared with what was approved; the
    /// agent's word for it is not enough. False when nothing was allowed.
    pub fn verify(&mut self, call: Option<&ToolCall>, out: &mut Out) -> bool {
        let tickets = self.by_agent(call.map(|call| call.id.as_str()));
        for ticket in &tickets {
            let Some(permission) = self.get(*ticket).and_then(|ask| ask.subject.permission()) else { continue };
            let place = out.place();
            let now = |path: &RelPath| place.read(path).map(|bytes| bytes.map(|b| Digest::of(&b)));
            let was = |path: &RelPath| permission.before.get(path).map(|bytes| Digest::of(bytes));
            let expected = &permission.expected;
            let off: Vec<&str> =
                expected.iter().filter(|(p, d)| now(p).as_ref() != Ok(*d)).map(|(p, _)| p.as_str()).collect();
            let exit = call.and_then(|call| call.exit.or_else(|| dialects::exit_code(call.raw_output())));
            let (outcome, detail) = if !expected.is_empty() && off.is_empty() {
                (OutcomeWord::Ok, None)
            } else if !expected.is_empty() && expected.keys().all(|path| now(path) == Ok(was(path))) {
                (OutcomeWord::Failed, Some("the agent was approved but changed nothing".to_owned()))
            } else if !expected.is_empty() {
                let text = format!("the agent wrote something other than what was approved: {}", off.join(", "));
                out.alarm("unsupervised", Some(*ticket), text.clone());
                (OutcomeWord::Unknown, Some(text))
            } else if call.is_some_and(ToolCall::failed) || exit.is_some_and(|code| code != 0) {
                (OutcomeWord::Failed, None)
            } else if call.is_none_or(|call| !call.is_done()) {
                (OutcomeWord::Unknown, Some("the agent never reported the outcome".to_owned()))
            } else {
                (OutcomeWord::Ok, None)
            };
            self.end_ask(*ticket, outcome, exit, detail, out);
        }
        !tickets.is_empty()
    }
}

/// The agent was refused and the host did the user's version.
fn host_did_instead(
    ask: &Ask,
    permission: &Permission,
    (done, edited, detail): (bool, &str, &str),
    performed: &Performed,
    cx: &mut Context,
) {
    let text = if !permission.expected.is_empty() && done {
        applied_instead("edit", edited, true)
    } else if done || performed.exit.is_some() {
        let exit = performed.exit.map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"));
        format!(
            "Your command was rejected; this ran instead:\n{edited}\nIt ended with {exit}. Its output:\n{}\nContinue.",
            performed.tail
        )
    } else {
        format!("{} was rejected; the changed version of it failed too: {detail}", ask.title)
    };
    cx.out.refresh_copy();
    cx.send_later(ask.action.clone(), &text);
}

fn selected(choice: &RequestOption) -> String {
    format!("selected “{}” ({})", choice.name, choice.kind)
}

fn not_applied(title: &str, detail: &str) -> String {
    format!("{title} was not applied: {detail}")
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
