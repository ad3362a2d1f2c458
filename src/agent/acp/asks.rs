//! Open questions: what was proposed to the host for the agent, and what follows from each answer.

use super::choice::Choices;
use super::client::{Client, Effect};
use super::forms::Form;
use super::message::{Id, RpcError};
use super::place::Disk;
use super::preview::Expected;
use super::speak;
use super::turn::FollowUp;
use crate::base::{ActionId, Digest, RelPath};
use crate::model::Proposal;
use crate::model::event::{LapseWhy, OutcomeWord};
use crate::port::{Answer, FromAgent, Performed, Ticket};
use std::collections::BTreeMap;

/// What a question is about and where its answer goes.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A permission request.
    Permission {
        request: Id,
        tool: String,
        choices: Choices,
        /// The host carries it out before the agent hears "allowed".
        by_host: bool,
        /// What the files will hold, for edits.
        expected: Expected,
        /// What they held when it was asked.
        before: BTreeMap<RelPath, Vec<u8>>,
        mode_switch: bool,
    },
    Write {
        request: Id,
    },
    /// `part`: first line and number of lines.
    Read {
        request: Id,
        path: Option<RelPath>,
        part: (Option<u64>, Option<u64>),
    },
    Terminal {
        terminal: String,
        request: Id,
    },
    Form {
        request: Id,
        form: Form,
    },
    /// Changes in the private candidate.
    Copied {
        files: Expected,
    },
}

impl Subject {
    pub fn request(&self) -> Option<&Id> {
        match self {
            Self::Permission { request, .. }
            | Self::Write { request, .. }
            | Self::Read { request, .. }
            | Self::Terminal { request, .. }
            | Self::Form { request, .. } => Some(request),
            Self::Copied { .. } => None,
        }
    }
}

/// How far a question is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    Waiting,
    /// Approved; the host carries it out. `edited` is what the human changed.
    ByHost {
        edited: Option<String>,
    },
    /// The agent was refused; the host carries the human's version out instead.
    Instead {
        edited: String,
    },
    /// The agent was allowed and carries it out.
    ByAgent,
}

#[derive(Clone, Debug)]
pub struct Ask {
    pub action: Option<ActionId>,
    pub stage: Stage,
    pub subject: Subject,
    pub title: String,
}

/// A write the agent will make through us that has been carried out already. Until it comes, the agent is shown the
/// file as it was: gemini computes its edit again after it was allowed, and would not find its old text any more.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant {
    tool: String,
    path: RelPath,
    digest: Digest,
    before: Option<Vec<u8>>,
    /// False in a private copy, where the agent has the file as it was anyway.
    shows_before: bool,
    used: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Asks {
    asks: BTreeMap<Ticket, Ask>,
    last: u64,
    grants: Vec<Grant>,
}

/// Was a write foreseen?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreseen {
    Exactly,
    /// The file was, with other content.
    OtherContent,
    No,
}

impl Asks {
    pub fn filed(&mut self, ticket: Ticket, action: ActionId) {
        if let Some(ask) = self.asks.get_mut(&ticket) {
            ask.action = Some(action);
        }
    }

    pub fn get(&self, ticket: Ticket) -> Option<&Ask> {
        self.asks.get(&ticket)
    }

    pub fn of_request(&self, id: &Id) -> Option<Ticket> {
        let waits = |ask: &Ask| ask.subject.request() == Some(id) && ask.stage != Stage::ByAgent;
        self.asks.iter().find(|(_, ask)| waits(ask)).map(|(ticket, _)| *ticket)
    }

    pub fn of_terminal(&self, name: &str) -> Option<Ticket> {
        let is = |ask: &Ask| matches!(&ask.subject, Subject::Terminal { terminal, .. } if terminal == name);
        self.asks.iter().find(|(_, ask)| is(ask)).map(|(ticket, _)| *ticket)
    }

    /// Questions of the agent nobody has answered; the candidate's changes are not the agent's questions.
    pub fn unanswered(&self) -> Vec<Ticket> {
        let waits = |ask: &Ask| ask.stage == Stage::Waiting && ask.subject.request().is_some();
        self.asks.iter().filter(|(_, ask)| waits(ask)).map(|(ticket, _)| *ticket).collect()
    }

    /// Everything that can be taken back when the turn is stopped: unanswered questions and commands that run for it.
    pub fn withdrawable(&self) -> Vec<Ticket> {
        let runs = |ask: &Ask| matches!((&ask.subject, &ask.stage), (Subject::Terminal { .. }, Stage::ByHost { .. }));
        let mut tickets = self.unanswered();
        tickets.extend(self.asks.iter().filter(|(_, ask)| runs(ask)).map(|(ticket, _)| *ticket));
        tickets
    }

    /// Is the host still at something whose end the agent must hear in this turn?
    pub fn carrying_out(&self) -> bool {
        let busy = |ask: &Ask| match ask.stage {
            Stage::Instead { .. } => true,
            Stage::ByHost { .. } => !matches!(ask.subject, Subject::Terminal { .. }),
            Stage::Waiting | Stage::ByAgent => false,
        };
        self.asks.values().any(busy)
    }

    /// Tickets that the agent itself carries out, of one tool call or of all.
    pub fn by_agent(&self, tool: Option<&str>) -> Vec<Ticket> {
        let of = |ask: &Ask| match &ask.subject {
            Subject::Permission { tool: own, .. } => ask.stage == Stage::ByAgent && tool.is_none_or(|t| t == own),
            Subject::Write { .. }
            | Subject::Read { .. }
            | Subject::Terminal { .. }
            | Subject::Form { .. }
            | Subject::Copied { .. } => false,
        };
        self.asks.iter().filter(|(_, ask)| of(ask)).map(|(ticket, _)| *ticket).collect()
    }

    pub fn copied(&self) -> impl Iterator<Item = (Ticket, &Ask, &Expected)> {
        self.asks.iter().filter_map(|(ticket, ask)| match &ask.subject {
            Subject::Copied { files } => Some((*ticket, ask, files)),
            Subject::Permission { .. }
            | Subject::Write { .. }
            | Subject::Read { .. }
            | Subject::Terminal { .. }
            | Subject::Form { .. } => None,
        })
    }

    /// Would this ask leave that file with this content?
    pub fn expects(&self, ticket: Ticket, path: &RelPath, content: &Digest) -> bool {
        let subject = self.asks.get(&ticket).map(|ask| &ask.subject);
        matches!(subject, Some(Subject::Permission { expected, .. }) if expected.get(path) == Some(&Some(*content)))
    }

    fn grant(&mut self, tool: &str, expected: &Expected, before: Option<&BTreeMap<RelPath, Vec<u8>>>) {
        let granted = expected.iter().filter_map(|(path, digest)| {
            Some(Grant {
                tool: tool.to_owned(),
                path: path.clone(),
                digest: (*digest)?,
                before: before.and_then(|before| before.get(path)).cloned(),
                shows_before: before.is_some(),
                used: false,
            })
        });
        self.grants.extend(granted);
    }

    /// The file as the agent must still see it: `Some(None)` when there was none.
    pub fn still_seen(&self, path: &RelPath) -> Option<Option<&[u8]>> {
        let grant = self.grants.iter().find(|g| g.shows_before && !g.used && &g.path == path)?;
        Some(grant.before.as_deref())
    }

    /// Was a write of this file allowed, or carried out for the agent, already?
    pub fn is_granted(&self, path: &RelPath) -> bool {
        let allowed = |ask: &Ask| match &ask.subject {
            Subject::Permission { expected, .. } => ask.stage == Stage::ByAgent && expected.contains_key(path),
            Subject::Write { .. }
            | Subject::Read { .. }
            | Subject::Terminal { .. }
            | Subject::Form { .. }
            | Subject::Copied { .. } => false,
        };
        self.grants.iter().any(|grant| &grant.path == path) || self.asks.values().any(allowed)
    }

    /// The call has ended; gives the files it was granted and never wrote.
    pub fn ungrant(&mut self, tool: &str) -> Vec<RelPath> {
        let (ended, rest): (Vec<Grant>, Vec<Grant>) =
            std::mem::take(&mut self.grants).into_iter().partition(|g| g.tool == tool);
        self.grants = rest;
        ended.into_iter().filter(|g| !g.used).map(|g| g.path).collect()
    }

    pub fn foreseen(&mut self, path: &RelPath, content: &[u8]) -> Foreseen {
        let digest = Digest::of(content);
        if let Some(grant) = self.grants.iter_mut().find(|g| &g.path == path && g.digest == digest) {
            grant.used = true;
            return Foreseen::Exactly;
        }
        if self.grants.iter().any(|g| &g.path == path) { Foreseen::OtherContent } else { Foreseen::No }
    }

    /// The turn is over; gives the files that were granted and never written.
    pub fn forget_grants(&mut self) -> Vec<RelPath> {
        std::mem::take(&mut self.grants).into_iter().filter(|g| !g.used).map(|g| g.path).collect()
    }

    pub fn remove(&mut self, ticket: Ticket) -> Option<Ask> {
        self.asks.remove(&ticket)
    }
}

impl Client {
    /// Hands a proposal in for the agent.
    pub(super) fn propose(&mut self, subject: Subject, proposal: Proposal) -> Ticket {
        self.asks.last += 1;
        let ticket = Ticket(self.asks.last);
        let ask = Ask { action: None, stage: Stage::Waiting, subject, title: proposal.title.clone() };
        self.asks.asks.insert(ticket, ask);
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

    pub(super) fn decided(&mut self, ticket: Ticket, answer: Answer, disk: &dyn Disk) {
        if self.asks.get(ticket).is_none_or(|ask| ask.stage != Stage::Waiting) {
            return;
        }
        match answer {
            Answer::Approved { edited, .. } => self.approved(ticket, edited, disk),
            Answer::Denied { reason, by_rule, told } => {
                let again = by_rule.is_none() && !reason.trim().is_empty();
                let action = self.asks.get(ticket).and_then(|ask| ask.action.clone());
                self.turn.refused_by_rule = by_rule.map(|_| FollowUp { action, text: told.clone() });
                self.refused(ticket, &told, again);
            }
            Answer::Redirected { told, .. } | Answer::Refused { told } => self.refused(ticket, &told, true),
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

    fn approved(&mut self, ticket: Ticket, edited: Option<String>, disk: &dyn Disk) {
        let Some(ask) = self.asks.asks.get_mut(&ticket) else { return };
        let action = ask.action.clone();
        match &ask.subject {
            Subject::Permission { by_host: false, .. } => match edited {
                None => self.allow(ticket, disk),
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
    fn allow(&mut self, ticket: Ticket, _disk: &dyn Disk) {
        let Some(ask) = self.asks.asks.get_mut(&ticket) else { return };
        let Subject::Permission { request, choices, mode_switch, expected, .. } = &ask.subject else { return };
        let edits_nothing = expected.is_empty();
        let (request, choices, mode_switch) = (request.clone(), choices.clone(), *mode_switch);
        let action = ask.action.clone();
        let Some(choice) = choices.allow else {
            let text = "it offers no answer that allows this only once; it was rejected instead";
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
        let (request, action, choice) = (request.clone(), ask.action.clone(), choices.reject.clone());
        let (answer, text) = match choice {
            Some(choice) => (speak::selected(&choice.id), format!("selected “{}” ({})", choice.name, choice.kind)),
            None => (speak::permission_cancelled(), "cancelled: it offers no way to reject".to_owned()),
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
            // An action that the agent carried out is ended by us; the host has nothing to report.
            Stage::Waiting | Stage::ByAgent => None,
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

    /// The host wrote what the agent asked permission for; now the agent may go on, and its own write will be no news.
    fn host_did_permitted(&mut self, ask: &Ask, done: bool, edited: Option<String>, detail: &str) {
        let Subject::Permission { request, tool, choices, expected, before, .. } = &ask.subject else { return };
        let action = ask.action.clone();
        let choice = if done && edited.is_none() { choices.allow.as_ref() } else { None };
        let through_us = self.conduct.edits == crate::agent::catalog::Through::Client && !self.setup.place.is_private();
        let choice = choice.or(if done && through_us { choices.allow.as_ref() } else { None });
        let (answer, said) = match (choice, &choices.reject) {
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

    /// The agent was refused and the host did the human's version.
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

    /// Reports the end of an action that the agent carried out, and forgets it.
    pub(super) fn end_ask(&mut self, ticket: Ticket, outcome: OutcomeWord, exit: Option<i32>, detail: Option<String>) {
        if self.asks.remove(ticket).is_some() {
            self.tell(FromAgent::Performed { ticket, outcome, exit, detail });
        }
    }
}

/// The words for an edit the human changed.
fn applied_instead(what: &str, diff: &str, rejected: bool) -> String {
    let how = if rejected {
        "was rejected; this was applied instead"
    } else {
        "was changed before it was applied. The change"
    };
    format!("Your {what} {how}:\n{diff}\nContinue from the files as they are now.")
}
