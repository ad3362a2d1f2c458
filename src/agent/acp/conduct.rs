//! How far this agent can be controlled, from the catalog and corrected by observation; and what it offers.

use super::choice::asks_less;
use super::logins;
use super::out::Out;
use super::peek;
use super::settings::{Next, Settings};
use crate::agent::acp::limits::ACP_ANSWERS_REPORTED_MAX;
use crate::agent::catalog::{AgentSpec, Level, Through};
use crate::model::event::{AgentBadge, AgentCommand, AgentOffer, AgentReady, Isolation};
use crate::port::FromAgent;
use serde_json::Value;
use std::collections::BTreeSet;

/// See the module.
#[derive(Clone, Debug)]
pub struct Conduct {
    spec: AgentSpec,
    isolation: Isolation,
    /// The answer to `initialize`.
    init: Value,
    settings: Settings,
    commands_offered: Vec<AgentCommand>,
    /// Its session is set up: from now on prompts are sent and changes are reported.
    ready: bool,
    level: Level,
    edits: Through,
    commands: Through,
    /// The agent acted in this session without asking.
    acted_unasked: bool,
    /// A reject ended the turn here, whatever the catalog says.
    deny_ends_turn: bool,
    steering: bool,
    /// Answers with misleading names that were reported to the user.
    answers_reported: BTreeSet<String>,
}

impl Conduct {
    pub fn of(spec: AgentSpec, isolation: Isolation) -> Self {
        Self {
            isolation,
            init: Value::Null,
            settings: Settings::default(),
            commands_offered: Vec::new(),
            ready: false,
            level: spec.level,
            edits: spec.edits,
            commands: spec.commands,
            acted_unasked: false,
            deny_ends_turn: spec.level == Level::L1,
            steering: false,
            answers_reported: BTreeSet::new(),
            spec,
        }
    }

    /// Returns the agent's entry of the catalog.
    pub fn spec(&self) -> &AgentSpec {
        &self.spec
    }

    /// Returns whether this agent ends its turn when it is refused.
    pub fn refusal_ends_turn(&self) -> bool {
        self.deny_ends_turn
    }

    pub fn level(&self) -> Level {
        self.level
    }

    /// Returns whether its edits come through our file methods, as far as was observed.
    pub fn edits_through_us(&self) -> bool {
        self.edits == Through::Client
    }

    pub fn can_be_steered(&self) -> bool {
        self.steering
    }

    /// Returns whether its turn continues after a denial.
    pub fn survives_denial(&self) -> bool {
        !self.deny_ends_turn && self.level >= Level::L2
    }

    /// The answer to `initialize`.
    pub fn initialized(&mut self, answer: Value) {
        self.init = answer;
        self.steering =
            self.announces(&["_meta", "steering", "supported"]) || self.has(&["_meta", "steering", "supported"]);
    }

    fn announces(&self, path: &[&str]) -> bool {
        peek::offers(&self.init, path)
    }

    /// Returns whether it announces this capability.
    pub fn has(&self, capability: &[&str]) -> bool {
        self.announces(&[&["agentCapabilities"], capability].concat())
    }

    /// The ways to log in that it announces.
    pub fn logins(&self) -> &[Value] {
        peek::list(&self.init, "authMethods")
    }

    /// Returns the requests about its sessions and its login that it supports.
    pub fn offers(&self) -> Vec<AgentOffer> {
        let resumes = self.has(&["loadSession"]) || self.has(&["sessionCapabilities", "resume"]);
        [
            (AgentOffer::New, self.init.is_object()),
            (AgentOffer::List, self.has(&["sessionCapabilities", "list"])),
            (AgentOffer::Resume, resumes),
            (AgentOffer::Fork, self.has(&["sessionCapabilities", "fork"])),
            (AgentOffer::Delete, self.has(&["sessionCapabilities", "delete"])),
            (AgentOffer::Logout, self.has(&["auth", "logout"])),
        ]
        .into_iter()
        .filter_map(|(offer, is_there)| is_there.then_some(offer))
        .collect()
    }

    /// Changes the settings; the host is informed when that is news.
    pub fn set(&mut self, out: &mut Out, change: impl FnOnce(&mut Settings, &mut Out) -> bool) {
        if change(&mut self.settings, out) {
            self.report_change(out);
        }
    }

    /// The user allows the agent to change its mode once: `by_choice` into what the chosen answer names, else into one
    /// that asks for everything.
    pub fn lets_mode_change(&mut self, by_choice: bool) {
        let asking = self.spec.mode.clone().filter(|mode| !asks_less(mode));
        self.settings.let_mode_change(if by_choice { Next::Chosen } else { Next::Asking(asking) });
    }

    /// The commands that the agent offers from now on.
    pub fn offers_commands(&mut self, commands: Vec<AgentCommand>, out: &mut Out) {
        if self.commands_offered != commands {
            self.commands_offered = commands;
            self.report_change(out);
        }
    }

    /// Returns whether a prompt with this text gives one of the agent's commands.
    pub fn is_command(&self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix('/') else { return false };
        let ends = |rest: &str| rest.chars().next().is_none_or(char::is_whitespace);
        self.commands_offered.iter().any(|command| rest.strip_prefix(command.name.as_str()).is_some_and(ends))
    }

    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// The start is over.
    pub fn becomes_ready(&mut self, out: &mut Out) {
        self.ready = true;
        self.settings.guard();
        self.report_change(out);
    }

    /// Another session of the same process begins; what was set in the former one is not true of it.
    pub fn starts_again(&mut self) {
        (self.ready, self.settings) = (false, Settings::default());
        self.commands_offered.clear();
    }

    /// An edit comes through our file methods: they can be rewritten from now on. True when that is news.
    pub fn edits_come_through_us(&mut self) -> bool {
        let news = self.edits != Through::Client;
        self.edits = Through::Client;
        if news {
            self.level = Level::L3;
        }
        news
    }

    pub fn commands_come_through_us(&mut self, out: &mut Out) {
        if self.commands != Through::Client {
            self.commands = Through::Client;
            self.level_seen(Level::L2, out);
            self.report_change(out);
        }
    }

    /// It asks for permission.
    pub fn asks(&mut self, out: &mut Out) {
        self.level_seen(Level::L1, out);
    }

    pub fn went_on_after_denial(&mut self, out: &mut Out) {
        self.level_seen(Level::L2, out);
    }

    pub fn denial_ended_turn(&mut self, out: &mut Out) {
        self.deny_ends_turn = true;
        self.level_seen(Level::L1, out);
    }

    /// It ran a command or changed files that nobody was asked about.
    pub fn acts_unasked(&mut self) {
        self.acted_unasked = true;
    }

    /// One that acts without asking and was never seen to ask does not ask.
    pub fn unasked_action_ended(&mut self, out: &mut Out) {
        if self.level == Level::Unknown && self.acted_unasked && self.edits == Through::Agent {
            self.level_seen(Level::L0, out);
        }
    }

    /// Returns those of its answers with misleading names that were not reported to the user yet.
    pub fn unreported_answers<'a>(&'a self, misleading: &'a [String]) -> impl Iterator<Item = &'a String> {
        misleading.iter().filter(|text| !self.answers_reported.contains(*text))
    }

    /// openhands offers the same odd answer with every question: it is said once.
    pub fn answers_were_reported(&mut self, misleading: Vec<String>) {
        if self.answers_reported.len() < ACP_ANSWERS_REPORTED_MAX {
            self.answers_reported.extend(misleading);
        }
    }

    fn level_seen(&mut self, level: Level, out: &mut Out) {
        if self.seen(level) {
            self.report_change(out);
        }
    }

    /// Raises the level by an observation: only an unknown one, or any to L3, which is proven by its effect.
    fn seen(&mut self, level: Level) -> bool {
        let better = match self.level {
            Level::Unknown => level != Level::Unknown,
            Level::L0 => level > Level::L0,
            Level::L1 => level == Level::L2 && !self.deny_ends_turn,
            Level::L2 | Level::L3 => false,
        };
        if better {
            self.level = level;
        }
        better
    }

    /// Tells the host what the agent is and offers now, once it is ready.
    pub fn report_change(&self, out: &mut Out) {
        if self.ready {
            self.report_state("ready", out);
        }
    }

    /// Tells the host what the agent is and offers, and how far its start is.
    pub fn report_state(&self, state: &str, out: &mut Out) {
        let info = self.init.get("agentInfo").unwrap_or(&Value::Null);
        let name = peek::first_text(info, &["title", "name"]);
        let title = name.map(|name| match peek::text(info, "version") {
            Some(version) => format!("{name} {version}"),
            None => name.to_owned(),
        });
        let ready = AgentReady {
            agent: AgentBadge {
                name: self.spec.name.clone(),
                level: self.level.word().into(),
                isolation: self.isolation,
            },
            title,
            badges: self.badges(),
            options: self.settings.options().to_vec(),
            offers: self.offers(),
            logins: logins::read(self.logins(), &self.spec),
            commands: self.commands_offered.clone(),
            images: self.has(&["promptCapabilities", "image"]),
            loose_mode: self.loose_mode().map(str::to_owned),
            state: state.into(),
            session: Some(out.session().to_owned()).filter(|id| !id.is_empty()),
        };
        out.report(FromAgent::Ready(Box::new(ready)));
    }

    /// Its own mode now, where that does not ask before everything it does.
    fn loose_mode(&self) -> Option<&str> {
        self.settings.mode().filter(|mode| self.settings.is_loose(mode))
    }

    /// One line a fact, for the list of what can be enforced.
    fn badges(&self) -> Vec<String> {
        let mut lines = vec![
            match self.level {
                Level::Unknown => "L?: no request yet; the level is known after its first action",
                Level::L0 => "L0: never asks; it can only be watched and canceled",
                Level::L1 => "L1: asks, but a denial ends its turn; the reason follows as a new prompt",
                Level::L2 => "L2: asks before edits and commands; its turn continues after a denial",
                Level::L3 => "L3: its writes go through rightseat and can be rewritten",
            }
            .to_owned(),
        ];
        let by = |through: Through| match through {
            Through::Client => "executed by rightseat, byte for byte as approved",
            Through::Agent => "executed by the agent after approval: watched, not enforced",
        };
        lines.push(format!("edits: {}", by(self.edits)));
        lines.push(format!("commands: {}", by(self.commands)));
        lines.push(
            match self.isolation {
                Isolation::Overlay => {
                    "isolation overlay: it works in a private layer at the workspace's path, and can write nothing else"
                }
                Isolation::Copy => "isolation copy: it works in a private copy; its changes go through the gate",
                Isolation::Gated => {
                    "isolation gated: it works in the real tree; actions without asking are detected, not prevented"
                }
                Isolation::Watched => "isolation watched: every change is attributed afterwards",
            }
            .to_owned(),
        );
        lines.extend(self.loose_mode().map(|mode| format!("mode {mode}: it does not ask before everything it does")));
        if self.acted_unasked {
            lines.push("it acted without asking in this session".to_owned());
        }
        if self.has(&["loadSession"]) {
            lines.push("a session can be reloaded after a restart".to_owned());
        }
        lines.extend(self.steering.then(|| "messages can be added to its running turn".to_owned()));
        lines.extend(self.spec.note.clone());
        lines
    }
}
