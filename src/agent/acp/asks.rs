//! Open questions: what was proposed to the host for the agent, and where each answer goes.

use super::asked::Asked;
use super::choice::Choices;
use super::grants::Grants;
use super::message::Id;
use super::preview::Expected;
use super::reading::Reading;
use crate::base::{ActionId, Digest, RelPath};
use crate::model::Form;
use crate::model::action::Body;
use crate::port::Ticket;
use std::collections::BTreeMap;

/// A permission request.
#[derive(Clone, Debug)]
pub struct Permission {
    pub request: Id,
    pub tool: String,
    /// The content of the request when it was asked.
    pub asked: Asked,
    pub choices: Choices,
    /// The host executes it before the agent receives "allowed".
    pub by_host: bool,
    /// The future content of the files, for edits.
    pub expected: Expected,
    /// Their content when it was asked.
    pub before: BTreeMap<RelPath, Vec<u8>>,
    pub mode_switch: bool,
}

impl Permission {
    /// It asks for the approval of a plan.
    pub fn is_plan(&self) -> bool {
        matches!(self.asked.shown.body, Body::Plan(Some(_)))
    }
}

/// A command that the agent leaves to us.
#[derive(Clone, Debug)]
pub struct Opening {
    pub request: Id,
    /// The name of its terminal, once it runs.
    pub terminal: String,
    /// Limit on the output that the agent requested.
    pub byte_limit: Option<usize>,
}

/// The subject of a question and the destination of its answer.
#[derive(Clone, Debug)]
pub enum Subject {
    Permission(Box<Permission>),
    Write {
        request: Id,
    },
    Read(Reading),
    Terminal(Opening),
    Form {
        request: Id,
        form: Box<Form>,
    },
    /// Changes in the private candidate.
    Copied {
        files: Expected,
    },
}

impl Subject {
    pub fn request(&self) -> Option<&Id> {
        match self {
            Self::Permission(permission) => Some(&permission.request),
            Self::Read(reading) => Some(&reading.request),
            Self::Terminal(opening) => Some(&opening.request),
            Self::Write { request } | Self::Form { request, .. } => Some(request),
            Self::Copied { .. } => None,
        }
    }

    pub fn permission(&self) -> Option<&Permission> {
        match self {
            Self::Permission(permission) => Some(permission),
            Self::Write { .. } | Self::Read(_) | Self::Terminal(_) | Self::Form { .. } | Self::Copied { .. } => None,
        }
    }

    pub fn permission_mut(&mut self) -> Option<&mut Permission> {
        match self {
            Self::Permission(permission) => Some(permission),
            Self::Write { .. } | Self::Read(_) | Self::Terminal(_) | Self::Form { .. } | Self::Copied { .. } => None,
        }
    }
}

/// The stage of a question.
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

/// See the module.
#[derive(Debug, Default)]
pub struct Asks {
    asks: BTreeMap<Ticket, Ask>,
    last: u64,
    pub grants: Grants,
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

    /// Commands that are asked about and hold no terminal yet.
    pub fn openings(&self) -> usize {
        self.asks.values().filter(|ask| matches!(ask.subject, Subject::Terminal(_))).count()
    }

    /// Unanswered questions of the agent; the candidate's changes are not the agent's questions.
    pub fn unanswered(&self) -> Vec<Ticket> {
        let waits =
            |ask: &Ask| matches!(ask.stage, Stage::Waiting | Stage::Changing { .. }) && ask.subject.request().is_some();
        self.tickets(waits)
    }

    /// Returns whether the host is still carrying out something whose end the agent must receive in this turn.
    pub fn carrying_out(&self) -> bool {
        self.asks.values().any(|ask| matches!(ask.stage, Stage::ByHost { .. } | Stage::Instead { .. }))
    }

    /// Tickets that the agent itself executes, of one tool call or of all.
    pub fn by_agent(&self, tool: Option<&str>) -> Vec<Ticket> {
        let of = |ask: &Ask| {
            let permission = ask.subject.permission().filter(|_| ask.stage == Stage::ByAgent);
            permission.is_some_and(|permission| tool.is_none_or(|tool| tool == permission.tool))
        };
        self.tickets(of)
    }

    fn tickets(&self, of: impl Fn(&Ask) -> bool) -> Vec<Ticket> {
        self.asks.iter().filter(|(_, ask)| of(ask)).map(|(ticket, _)| *ticket).collect()
    }

    /// Returns the questions about the private copy, and whether each is unanswered.
    pub fn copied(&self) -> impl Iterator<Item = (Ticket, &Expected, bool)> {
        self.asks.iter().filter_map(|(ticket, ask)| match &ask.subject {
            Subject::Copied { files } => Some((*ticket, files, ask.stage == Stage::Waiting)),
            Subject::Permission(_)
            | Subject::Write { .. }
            | Subject::Read(_)
            | Subject::Terminal(_)
            | Subject::Form { .. } => None,
        })
    }

    /// Returns whether an edit that the agent was allowed leaves that file, with this content if one is given.
    pub fn allows(&self, path: &RelPath, content: Option<&Digest>) -> bool {
        let allowed = |permission: &Permission| match permission.expected.get(path) {
            Some(expected) => content.is_none_or(|content| expected.as_ref() == Some(content)),
            None => false,
        };
        let by_agent = self.asks.values().filter(|ask| ask.stage == Stage::ByAgent);
        by_agent.filter_map(|ask| ask.subject.permission()).any(allowed)
    }

    /// Returns whether the agent waits for the approval of a plan.
    pub fn reviews_plan(&self) -> bool {
        let is_plan = |ask: &Ask| ask.subject.permission().is_some_and(Permission::is_plan);
        self.asks.values().any(|ask| is_plan(ask) && matches!(ask.stage, Stage::Waiting | Stage::Changing { .. }))
    }

    /// Permission requests about this call, its own or one that covers it.
    pub fn about(&self, tool: &str) -> Vec<Ticket> {
        self.tickets(|ask| ask.subject.permission().is_some_and(|p| p.tool == tool || p.asked.covers(tool)))
    }

    /// Requests that their agent is changing.
    pub fn changing(&self) -> Vec<Ticket> {
        self.tickets(|ask| matches!(ask.stage, Stage::Changing { .. }))
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
