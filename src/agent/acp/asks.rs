//! Open questions: what was proposed to the host for the agent, and where each answer goes.

use super::amend::Asked;
use super::choice::Choices;
use super::forms::Form;
use super::message::Id;
use super::preview::Expected;
use crate::base::{ActionId, Digest, RelPath};
use crate::port::Ticket;
use std::collections::BTreeMap;

/// What a question is about and where its answer goes.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A permission request.
    Permission {
        request: Id,
        tool: String,
        /// What it showed when it was asked.
        asked: Box<Asked>,
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
    /// The agent is changing it, by so many updates so far; it is asked again when they pause.
    Changing {
        updates: u32,
    },
    /// Approved; the host carries it out. `edited` is what the user changed.
    ByHost {
        edited: Option<String>,
    },
    /// The agent was refused; the host carries the user's version out instead.
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
    /// The agent's answer that the supervisor chose by its id.
    pub option: Option<String>,
}

/// A write the agent will make through us that has been executed already. Until it comes, the agent is shown the
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
    /// Takes a new question in.
    pub fn open(&mut self, subject: Subject, title: String) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        self.asks.insert(ticket, Ask { action: None, stage: Stage::Waiting, subject, title, option: None });
        ticket
    }

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
        let waits =
            |ask: &Ask| matches!(ask.stage, Stage::Waiting | Stage::Changing { .. }) && ask.subject.request().is_some();
        self.asks.iter().filter(|(_, ask)| waits(ask)).map(|(ticket, _)| *ticket).collect()
    }

    /// Everything that can be reverted when the turn is stopped: unanswered questions and commands that run for it.
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
            Stage::Waiting | Stage::Changing { .. } | Stage::ByAgent => false,
        };
        self.asks.values().any(busy)
    }

    /// Tickets that the agent itself executes, of one tool call or of all.
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

    pub fn grant(&mut self, tool: &str, expected: &Expected, before: Option<&BTreeMap<RelPath, Vec<u8>>>) {
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

    /// Was a write of this file allowed, or executed for the agent, already?
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

    /// Permission requests about this call, its own or one that covers it.
    pub fn about(&self, tool: &str) -> Vec<Ticket> {
        let is = |ask: &Ask| match &ask.subject {
            Subject::Permission { tool: own, asked, .. } => own == tool || asked.covers(tool),
            Subject::Write { .. }
            | Subject::Read { .. }
            | Subject::Terminal { .. }
            | Subject::Form { .. }
            | Subject::Copied { .. } => false,
        };
        self.asks.iter().filter(|(_, ask)| is(ask)).map(|(ticket, _)| *ticket).collect()
    }

    /// Requests that their agent is changing.
    pub fn changing(&self) -> Vec<Ticket> {
        let changes = |ask: &Ask| matches!(ask.stage, Stage::Changing { .. });
        self.asks.iter().filter(|(_, ask)| changes(ask)).map(|(ticket, _)| *ticket).collect()
    }

    pub fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Ask> {
        self.asks.get_mut(&ticket)
    }

    /// Gives the question another ticket: no answer to the old one counts any more.
    pub fn renew(&mut self, ticket: Ticket) -> Option<Ticket> {
        let ask = self.asks.remove(&ticket)?;
        self.last += 1;
        let next = Ticket(self.last);
        self.asks.insert(next, ask);
        Some(next)
    }

    pub fn remove(&mut self, ticket: Ticket) -> Option<Ask> {
        self.asks.remove(&ticket)
    }
}
