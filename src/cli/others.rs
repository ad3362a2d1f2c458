//! The other agents of a session: which there are here, and one of them by the words of a client.

use super::options::SessionOptions;
use super::{Fail, agents, maker, undecided, welcome};
use crate::agent::catalog::Catalog;
use crate::config::Paths;
use crate::host::{AgentMaker, Agents};
use crate::model::{Command, Role};
use crate::ui::welcome::AgentItem;
use crate::wire::AgentRow;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::sync::Arc;

/// See the module.
pub struct Others {
    options: SessionOptions,
    tests: Option<Command>,
    roles: Vec<Role>,
}

impl Others {
    /// Reads the roles, which count as they are while this host has the session.
    pub fn new(options: SessionOptions, tests: Option<Command>) -> Result<Self, Fail> {
        let file = Paths::dir_of(options.config.as_deref())?.join("agents.toml");
        let catalog = Catalog::load(Some(&file)).map_err(|e| Fail::usage(e.to_string()))?;
        Ok(Self { options, tests, roles: catalog.roles().to_vec() })
    }

    fn options(&self, agent: &str, model: Option<&str>) -> Result<SessionOptions, String> {
        let options = SessionOptions { agent: agent.to_owned(), model: None, ..self.options.clone() };
        if agent == undecided::SPEC {
            return Err("name an agent".to_owned());
        }
        // The host works from another directory.
        if let Some(file) = agent.strip_prefix("script:") {
            let agent = format!("script:{}", self.options.workspace.join(file).display());
            return no_model(SessionOptions { agent, ..options }, model);
        }
        match (agent.strip_prefix("llm:"), model) {
            (Some(provider), Some(model)) => {
                let provider = provider.split('/').next().unwrap_or_default();
                Ok(SessionOptions { agent: format!("llm:{provider}/{model}"), ..options })
            }
            (None, model) if agent == "repair" => no_model(options, model),
            (None, Some(model)) => Ok(SessionOptions { model: Some(model.to_owned()), ..options }),
            (_, None) => Ok(options),
        }
    }
}

fn no_model(options: SessionOptions, model: Option<&str>) -> Result<SessionOptions, String> {
    match model {
        Some(model) => Err(format!("{} has no models: it cannot use {model}", options.agent)),
        None => Ok(options),
    }
}

impl Agents for Others {
    fn named(&self, agent: &str, model: Option<&str>) -> Result<Arc<dyn AgentMaker>, String> {
        let options = self.options(agent, model)?;
        maker::available(&options).map_err(|fail| fail.text)?;
        maker::maker(&options, self.tests.clone()).map_err(|fail| fail.text)
    }

    fn own(&self) -> (String, Option<String>) {
        (self.options.agent.clone(), self.options.model.clone())
    }

    fn roles(&self) -> Vec<Role> {
        self.roles.clone()
    }

    fn offers(&self) -> BoxFuture<'static, Result<Vec<AgentRow>, String>> {
        let (config, workspace) = (self.options.config.clone(), self.options.workspace.clone());
        async move {
            let here = agents::look_around(config.as_deref(), &workspace).await.map_err(|fail| fail.text)?;
            Ok(welcome::items(&here).into_iter().map(row).collect())
        }
        .boxed()
    }
}

fn row(agent: AgentItem) -> AgentRow {
    let models = agent.models.into_iter().map(|model| model.value).collect();
    AgentRow { agent: agent.item.value, about: agent.item.about, why_not: agent.item.why_not, models }
}
