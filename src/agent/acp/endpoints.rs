//! The addresses that an agent's environment sends it to: base URLs of models in its variables. They are the user's own
//! words, from `agents.toml` and the environment of rightseat.

use super::limits::ACP_ENDPOINTS_MAX;
use crate::model::Address;
use crate::port::AgentSpawn;

/// Every web address in the values of the variables that the agent is given.
pub fn of(spawn: &AgentSpawn, environment: impl Fn(&str) -> Option<String>) -> Vec<Address> {
    let passed = spawn.pass_env.iter().filter(|name| !is_proxy(name)).filter_map(|name| environment(name));
    let set = spawn.env.iter().filter(|(name, _)| !is_proxy(name)).map(|(_, value)| value.clone());
    let mut found: Vec<Address> = Vec::new();
    for value in set.chain(passed) {
        for address in addresses(&value) {
            if found.len() < ACP_ENDPOINTS_MAX && !found.contains(&address) {
                found.push(address);
            }
        }
    }
    found
}

/// A proxy is no endpoint: everything goes through it.
fn is_proxy(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("_proxy")
}

/// The web addresses in a text, also one that is JSON.
fn addresses(text: &str) -> Vec<Address> {
    let starts = text.match_indices("http").map(|(at, _)| at);
    let at = |start: usize| {
        let rest = text.get(start..)?;
        let is_end = |c: char| c.is_whitespace() || c.is_control() || "\"'`,;<>(){}\\".contains(c);
        let url = rest.split(is_end).next().unwrap_or(rest);
        let is_url = url.starts_with("http://") || url.starts_with("https://");
        is_url.then(|| Address::parse(url)).flatten()
    };
    starts.filter_map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_urls_of_an_agent_are_found_in_its_variables() {
        let spawn = AgentSpawn {
            env: vec![
                ("CONFIG".into(), r#"{"a":{"baseURL":"http://127.0.0.1:8080/v1"},"b":"https:\/\/x"}"#.into()),
                ("WORDS".into(), "http is a protocol".into()),
            ],
            pass_env: vec!["ANTHROPIC_BASE_URL".into(), "HTTPS_PROXY".into(), "UNSET".into()],
            ..AgentSpawn::default()
        };
        let environment = |name: &str| match name {
            "ANTHROPIC_BASE_URL" => Some("https://gateway.corp:8443/anthropic".to_owned()),
            "HTTPS_PROXY" => Some("http://proxy.corp:3128".to_owned()),
            _ => None,
        };
        let found: Vec<String> = of(&spawn, environment).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["127.0.0.1:8080", "gateway.corp:8443"]);
    }
}
