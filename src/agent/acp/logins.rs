//! The ways to sign in that an agent announces. A terminal login is the agent's own command with more arguments; one that
//! could not be shown as it is, or not as a whole, is not offered.

use super::peek;
use crate::agent::acp::limits::{
    ACP_ID_BYTES_MAX, ACP_LOGIN_COMMAND_BYTES_MAX, ACP_LOGINS_READ_MAX, ACP_SESSION_TITLE_BYTES_MAX,
};
use crate::agent::catalog::AgentSpec;
use crate::base::text::Untrusted;
use crate::model::event::AgentLogin;
use serde_json::Value;

/// Reads the `authMethods` of an agent that was started with this entry of the catalog.
pub fn read(methods: &[Value], spec: &AgentSpec) -> Vec<AgentLogin> {
    methods.iter().filter_map(|method| one(method, spec)).take(ACP_LOGINS_READ_MAX).collect()
}

fn one(method: &Value, spec: &AgentSpec) -> Option<AgentLogin> {
    let id = peek::text(method, "id").filter(|id| id.len() <= ACP_ID_BYTES_MAX)?;
    let short = |key: &str| peek::text(method, key).map(|text| peek::bounded(text, ACP_SESSION_TITLE_BYTES_MAX));
    let variables = peek::list(method, "vars")
        .iter()
        .filter_map(|var| peek::text(var, "name").or_else(|| var.as_str()))
        .chain(peek::text(method, "varName"))
        .take(ACP_LOGINS_READ_MAX)
        .map(|name| peek::bounded(name, ACP_ID_BYTES_MAX))
        .collect();
    let mut login = AgentLogin {
        id: id.to_owned(),
        name: short("name").unwrap_or_else(|| id.to_owned()),
        detail: short("description").unwrap_or_default(),
        variables,
        ..AgentLogin::default()
    };
    login.command = command_in_terminal(method, spec);
    if !login.command.is_empty() {
        login.env = env_in_terminal(method, spec);
        let line = login.command_line();
        if line.len() > ACP_LOGIN_COMMAND_BYTES_MAX || Untrusted::new(line.as_str()).visible() != line {
            (login.command, login.env) = (Vec::new(), Vec::new());
        }
    }
    Some(login)
}

/// The older extension for a terminal login, in which the agent names the whole command.
fn older(method: &Value) -> Option<&Value> {
    method
        .pointer("/_meta/terminal-auth")
        .filter(|older| method.get("type").is_none() && older.get("command").is_some_and(Value::is_string))
}

/// The command of a terminal login; empty for every other kind.
fn command_in_terminal(method: &Value, spec: &AgentSpec) -> Vec<String> {
    let words = |of: &Value| peek::list(of, "args").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if let Some(older) = older(method) {
        let args: Vec<String> = words(older);
        return peek::text(older, "command").map(str::to_owned).into_iter().chain(args).collect();
    }
    let (kind, args): (_, Vec<String>) = (peek::text(method, "type"), words(method));
    let is_terminal = kind == Some("terminal") || (kind.is_none() && !args.is_empty());
    if is_terminal { spec.command.iter().cloned().chain(args).collect() } else { Vec::new() }
}

/// What is set for it: it must sign in where the agent looks.
fn env_in_terminal(method: &Value, spec: &AgentSpec) -> Vec<(String, String)> {
    let own = older(method).unwrap_or(method).get("env").and_then(Value::as_object).into_iter().flatten();
    let own = own.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let places = spec.env.iter().filter(|(name, _)| is_place(name)).map(|(name, value)| (name.clone(), value.clone()));
    places.chain(own).collect()
}

/// Variables that say where a program keeps its files.
fn is_place(name: &str) -> bool {
    name == "HOME" || name.ends_with("_HOME") || name.ends_with("_DIR")
}

/// How to use it, in words.
pub fn how(login: &AgentLogin, spec: &AgentSpec) -> String {
    if !login.variables.is_empty() {
        return format!("set {} and list it in pass_env", login.variables.join(", "));
    }
    if !login.command.is_empty() {
        return format!("run `{}` once in a terminal", login.command_line());
    }
    let program = spec.command.first().map_or("", String::as_str);
    format!("set auth = \"{}\" in agents.toml, or run `{program}` once on its own", login.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec() -> AgentSpec {
        let spec = json!({"name": "x", "command": ["x-acp", "--acp"],
            "env": {"X_CONFIG_DIR": "/c", "HOME": "/h", "X_API_KEY": "secret"}});
        serde_json::from_value(spec).unwrap()
    }

    fn line(method: &Value) -> String {
        read(std::slice::from_ref(method), &spec()).first().map(AgentLogin::command_line).unwrap_or_default()
    }

    #[test]
    fn a_login_runs_where_the_agent_looks_for_it() {
        let terminal = json!({"id": "a", "type": "terminal", "args": ["login"], "env": {"MODE": "login"}});
        assert_eq!(line(&terminal), "HOME=/h X_CONFIG_DIR=/c MODE=login x-acp --acp login");
        assert_eq!(line(&json!({"id": "a", "vars": ["X_API_KEY"]})), "", "no command, and no value of a key");
    }

    #[test]
    fn the_older_extension_names_the_whole_command() {
        let older = |command: Value| json!({"id": "a", "_meta": {"terminal-auth": {"label": "x", "command": command, "args": ["auth", "login"]}}});
        assert_eq!(line(&older(json!("x"))), "HOME=/h X_CONFIG_DIR=/c x auth login");
        assert_eq!(line(&older(json!("x\u{202e}"))), "", "what cannot be shown as it is cannot be run");
    }
}
