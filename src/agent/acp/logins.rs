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
    let args: Vec<String> = peek::list(method, "args").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let kind = peek::text(method, "type");
    if kind == Some("terminal") || (kind.is_none() && !args.is_empty()) {
        login.command = spec.command.iter().cloned().chain(args).collect();
        let env = method.get("env").and_then(Value::as_object).into_iter().flatten();
        login.env = env.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
        let line = login.command_line();
        if line.len() > ACP_LOGIN_COMMAND_BYTES_MAX || Untrusted::new(line.as_str()).visible() != line {
            (login.command, login.env) = (Vec::new(), Vec::new());
        }
    }
    Some(login)
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
