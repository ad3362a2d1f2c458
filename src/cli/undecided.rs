//! A session for which no agent was found that can do what was asked: it says what to choose from, and waits.
//!
//! Each prompt looks again; whatever can be used by then takes over, within the same session.

use super::agents::{self, Here};
use super::maker;
use super::options::SessionOptions;
use crate::base::limits::AGENT_LINK_MESSAGES_MAX;
use crate::config::IsolationChoice;
use crate::host::AgentMaker;
use crate::model::Command;
use crate::model::event::{AgentBadge, Isolation, Mode, TurnEnd};
use crate::port::{Agent, AgentLink, AgentSeat, FromAgent, ToAgent};
use futures::future::BoxFuture;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// The word for "whichever can be used" among the agents of a session's options.
pub const SPEC: &str = "undecided";

/// External agents that are named with their install lines.
const INSTALL_LINES_MAX: usize = 4;

/// See the module.
pub struct Undecided {
    options: SessionOptions,
    tests: Option<Command>,
    /// An agent with a process of its own has taken over.
    is_external: Arc<AtomicBool>,
}

impl Undecided {
    pub fn new(options: SessionOptions, tests: Option<Command>) -> Self {
        Self { options, tests, is_external: Arc::default() }
    }
}

impl AgentMaker for Undecided {
    fn make(&self, seat: AgentSeat) -> Result<Box<dyn Agent>, String> {
        let (options, tests, is_external) = (self.options.clone(), self.tests.clone(), Arc::clone(&self.is_external));
        Ok(Box::new(Waiting { options, tests, is_external, seat }))
    }

    fn badge(&self) -> AgentBadge {
        AgentBadge { name: "no agent".into(), level: crate::model::AgentLevel::NoAgent, isolation: Isolation::Gated }
    }

    /// The agent that is found is an external one, or needs no isolation.
    fn isolation(&self, mode: Mode) -> Isolation {
        match self.options.isolation {
            IsolationChoice::Auto if mode == Mode::Plan => Isolation::Overlay,
            IsolationChoice::Auto => Isolation::Gated,
            IsolationChoice::Overlay => Isolation::Overlay,
            IsolationChoice::Copy => Isolation::Copy,
            IsolationChoice::Gated => Isolation::Gated,
            IsolationChoice::Watched => Isolation::Watched,
        }
    }

    fn starts_itself(&self) -> bool {
        false
    }

    fn is_embedded(&self) -> bool {
        !self.is_external.load(Ordering::SeqCst)
    }
}

struct Waiting {
    options: SessionOptions,
    tests: Option<Command>,
    is_external: Arc<AtomicBool>,
    seat: AgentSeat,
}

impl Agent for Waiting {
    fn run(mut self: Box<Self>, mut link: AgentLink) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            while let Some(message) = link.from_host.recv().await {
                let (prompt, when) = match message {
                    ToAgent::Prompt { prompt, when } => (prompt, when),
                    ToAgent::Shutdown => return,
                    // The agent that is found starts in this mode.
                    ToAgent::Mode(mode) => {
                        self.seat.mode = mode;
                        continue;
                    }
                    ToAgent::Question(_)
                    | ToAgent::Reminder(_)
                    | ToAgent::Filed { .. }
                    | ToAgent::Answered { .. }
                    | ToAgent::Output { .. }
                    | ToAgent::Performed { .. }
                    | ToAgent::TrialDone { .. }
                    | ToAgent::PlanEdited { .. }
                    | ToAgent::SetOption { .. }
                    | ToAgent::Keeping(_)
                    | ToAgent::Cancel => continue,
                };
                let here = agents::look_around(self.options.config.as_deref(), &self.options.workspace).await;
                let words = match here {
                    Ok(here) => match here.best() {
                        Some((spec, why)) => match self.taken_over_by(&spec) {
                            Ok(agent) => {
                                tracing::info!(spec, why, "an agent was found");
                                return agent.run(with_first(ToAgent::Prompt { prompt, when }, link)).await;
                            }
                            Err(why) => format!("{spec} was found but cannot be used: {why}"),
                        },
                        None => choices(&prompt.text(), &here),
                    },
                    Err(fail) => fail.text,
                };
                let ended = FromAgent::TurnEnded {
                    reason: TurnEnd::Refusal,
                    text: Some("no agent can do this yet: choose one and ask again".to_owned()),
                };
                for answer in [FromAgent::Said { by: "rightseat".into(), text: words, more: false }, ended] {
                    if link.to_host.send(answer).await.is_err() {
                        return;
                    }
                }
            }
        })
    }
}

impl Waiting {
    fn taken_over_by(&self, spec: &str) -> Result<Box<dyn Agent>, String> {
        let options = SessionOptions { agent: spec.to_owned(), ..self.options.clone() };
        let maker = maker::maker(&options, self.tests.clone()).map_err(|fail| fail.text)?;
        let agent = maker.make(self.seat.clone())?;
        self.is_external.store(!maker.is_embedded(), Ordering::SeqCst);
        Ok(agent)
    }
}

/// A link whose first message was read already.
fn with_first(first: ToAgent, link: AgentLink) -> AgentLink {
    let AgentLink { to_host, mut from_host } = link;
    let (to, from) = mpsc::channel(AGENT_LINK_MESSAGES_MAX);
    tokio::spawn(async move {
        let mut next = Some(first);
        while let Some(message) = next {
            if to.send(message).await.is_err() {
                return;
            }
            next = from_host.recv().await;
        }
    });
    AgentLink { to_host, from_host: from }
}

/// Lists the choices: agents with their install lines, a key, a model on this machine, the embedded agent.
fn choices(asked: &str, here: &Here) -> String {
    let asked: String = asked.lines().next().unwrap_or_default().chars().take(60).collect();
    let mut text = format!(
        "No coding agent is installed here, and the embedded repair agent only makes failing tests pass: it cannot do \
         \"{asked}\". Choose one, then ask again:\n"
    );
    let installable = here.external.iter().filter_map(|(spec, _)| Some((spec.shown_name(), spec.install.as_ref()?)));
    for (name, install) in installable.take(INSTALL_LINES_MAX) {
        let _ = writeln!(text, "- {name}: `{install}`");
    }
    text.push_str(
        "- more agents: `rightseat agents`\n\
         - a model with a key: set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY and start rightseat again\n\
         - a model on this machine: start Ollama or llama.cpp's server\n\
         - failing tests only: `rightseat --agent repair`",
    );
    text
}
