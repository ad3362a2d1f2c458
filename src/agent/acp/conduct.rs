//! How far this agent can be held: what the catalog knows, corrected by what it was seen to do.

use super::client::Client;
use super::peek;
use crate::agent::catalog::{AgentSpec, Level, Through};
use crate::model::event::{AgentBadge, AgentReady, Isolation};
use crate::port::FromAgent;
use serde_json::Value;
use std::collections::BTreeSet;

/// See the module.
#[derive(Clone, Debug)]
pub struct Conduct {
    pub level: Level,
    pub edits: Through,
    pub commands: Through,
    /// The agent acted in this session without asking.
    pub acted_unasked: bool,
    /// A reject ended the turn here, whatever the catalog says.
    pub deny_ends_turn: bool,
    pub steering: bool,
    /// Answers with misleading names that the user was told of.
    pub answers_told: BTreeSet<String>,
}

impl Conduct {
    pub fn of(spec: &AgentSpec) -> Self {
        Self {
            level: spec.level,
            edits: spec.edits,
            commands: spec.commands,
            acted_unasked: false,
            deny_ends_turn: spec.level == Level::L1,
            steering: false,
            answers_told: BTreeSet::new(),
        }
    }

    /// What was seen raises an unknown level; it never raises a known one but for L3, which is proven by its effect.
    pub fn seen(&mut self, level: Level) -> bool {
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

    /// An edit came through our file methods: they can be rewritten from now on.
    pub fn edits_come_through_us(&mut self) -> bool {
        let news = self.edits != Through::Client;
        self.edits = Through::Client;
        if news {
            self.level = Level::L3;
        }
        news
    }

    /// One line a fact, for the header's badge list.
    pub fn badges(&self, spec: &AgentSpec, isolation: Isolation, init: &Value) -> Vec<String> {
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
            match isolation {
                Isolation::Overlay => "isolation overlay: it sees a private layer over the workspace",
                Isolation::Copy => "isolation copy: it works in a private copy; its changes go through the gate",
                Isolation::Gated => {
                    "isolation gated: it works in the real tree; actions without asking are detected, not prevented"
                }
                Isolation::Watched => "isolation watched: every change is attributed afterwards",
            }
            .to_owned(),
        );
        if self.acted_unasked {
            lines.push("it acted without asking in this session".to_owned());
        }
        let offers = |path: &[&str], yes: &str| peek::offers(init, path).then(|| yes.to_owned());
        lines.extend(offers(&["agentCapabilities", "loadSession"], "a session can be reloaded after a restart"));
        lines.extend(self.steering.then(|| "messages can be added to its running turn".to_owned()));
        lines.extend(spec.note.clone());
        lines
    }
}

impl Client {
    /// Tells the host what the agent is and offers now.
    pub(super) fn tell_ready(&mut self, state: &str) {
        let init = self.handshake.answer();
        let info = init.get("agentInfo").unwrap_or(&Value::Null);
        let name = peek::first_text(info, &["title", "name"]);
        let title = name.map(|name| match peek::text(info, "version") {
            Some(version) => format!("{name} {version}"),
            None => name.to_owned(),
        });
        let ready = AgentReady {
            agent: AgentBadge {
                name: self.setup.spec.name.clone(),
                level: self.conduct.level.word().into(),
                isolation: self.setup.isolation,
            },
            title,
            badges: self.conduct.badges(&self.setup.spec, self.setup.isolation, init),
            options: self.settings.options().to_vec(),
            offers: super::keeping::offers(init),
            state: state.into(),
            session: self.session.clone(),
        };
        self.tell(FromAgent::Ready(ready));
    }

    /// The agent was seen to stand at this level.
    pub(super) fn level_seen(&mut self, level: Level) {
        if self.conduct.seen(level) {
            self.tell_ready("ready");
        }
    }
}
