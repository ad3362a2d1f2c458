//! Settings of layers: which commands run in one, the network in them, and what of a result is promoted.

use super::broker::Brokered;
use crate::model::event::Network;
use schemars::JsonSchema;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The commands that run in a layer: a private overlay of the workspace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LayerUse {
    Always,
    /// All but those that policy knows to be read-only, and those that are for something outside the workspace.
    #[default]
    Writes,
    Never,
}

/// The private overlay of the workspace that commands run in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LayerFile {
    /// Commands that run in a layer: `writes` is all but those known to be read-only and those for something
    /// outside the workspace, such as `git push`. What a command changes is then
    /// exactly known, and what you change meanwhile stays yours.
    pub commands: Option<LayerUse>,
    /// Network of commands in a layer: with `ask` the only way out is a proxy, which asks about each host that no rule
    /// allows; with `off`, or `false`, there is none; `on`, or `true`, is the network of this machine. Unset, it is `ask`,
    /// but where no layer can be made commands run with the network of this machine.
    #[serde(deserialize_with = "network")]
    pub network: Option<Network>,
    /// Network of an agent with isolation `overlay`: with `ask`, the agent itself reaches its own endpoints (`hosts` in
    /// `agents.toml`, and the addresses in its variables), and every other host that no rule allows is a question; with
    /// `off` every other host is refused; `on` is the network of this machine.
    #[serde(deserialize_with = "network")]
    pub agent_network: Option<Network>,
    /// Globs of the paths in which a command's result is promoted without a question; unset, everything that no rule
    /// speaks against. The rest of the result is pending like an edit. Guarded files always are.
    pub promote: Option<Vec<String>>,
}

/// A word, or what it was before there were three: `true` and `false`.
fn network<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Network>, D::Error> {
    struct Spelling;
    impl Visitor<'_> for Spelling {
        type Value = Network;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("`on`, `ask` or `off`")
        }

        fn visit_bool<E: de::Error>(self, is_on: bool) -> Result<Network, E> {
            Ok(if is_on { Network::On } else { Network::Off })
        }

        fn visit_str<E: de::Error>(self, word: &str) -> Result<Network, E> {
            let all = [Network::On, Network::Ask, Network::Off];
            let found = all.into_iter().find(|one| one.word() == word);
            found.ok_or_else(|| E::unknown_variant(word, &["on", "ask", "off"]))
        }
    }
    from.deserialize_any(Spelling).map(Some)
}

/// The same with a value for each, and the keys of the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LayerSettings {
    pub commands: LayerUse,
    pub network: Network,
    /// The network was chosen: then it is not opened where there can be no layer.
    #[serde(default = "was_chosen")]
    pub network_is_chosen: bool,
    pub agent_network: Network,
    /// Globs of the paths that are promoted without a question; `None` = all that no rule speaks against.
    pub promote: Option<Vec<String>>,
    /// Keys that commands use without having them, by host.
    pub broker: BTreeMap<String, Brokered>,
}

/// Sessions that were begun before there was a closed default.
fn was_chosen() -> bool {
    true
}

impl Default for LayerSettings {
    fn default() -> Self {
        Self {
            commands: LayerUse::default(),
            network: Network::Ask,
            network_is_chosen: false,
            agent_network: Network::Ask,
            promote: None,
            broker: BTreeMap::new(),
        }
    }
}

impl LayerSettings {
    pub(super) fn apply(&mut self, file: &LayerFile) {
        self.commands = file.commands.unwrap_or(self.commands);
        self.network = file.network.unwrap_or(self.network);
        self.network_is_chosen |= file.network.is_some();
        self.agent_network = file.agent_network.unwrap_or(self.agent_network);
        if file.promote.is_some() {
            self.promote.clone_from(&file.promote);
        }
    }
}
