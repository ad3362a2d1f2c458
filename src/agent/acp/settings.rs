//! The agent's own settings: session modes, config options, and the older list of models. Ids are the agent's own; a
//! plain mode list appears as the option `mode`, a plain model list as `model`. A mode that nobody asked for is reset.

use super::choice::asks_less;
use super::dialects;
use super::message::RpcError;
use super::out::{Called, Out};
use super::peek;
use super::speak;
use crate::agent::acp::limits::{ACP_ID_BYTES_MAX, ACP_MODE_RESETS_MAX};
use crate::model::event::AgentOption;
use serde_json::Value;

/// The request that sends a chosen value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Setter {
    Mode(String),
    Model(String),
    Choice { id: String, value: String },
    Switch { id: String, value: bool },
}

/// The present offers.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    options: Vec<AgentOption>,
    switches: Vec<String>,
    mode_option: Option<String>,
    has_mode_list: bool,
    /// The mode we asked for last, or the one it started in.
    mode_wanted: Option<String>,
    mode_guard: ModeGuard,
}

/// The reaction to a change of mode that the agent reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum ModeGuard {
    /// It is still being set up.
    #[default]
    Off,
    /// It is reset, and was so many times.
    On { resets: u32 },
    /// The user allowed the agent to change its mode; the next change is that one.
    Lifted { resets: u32, next: Next },
}

/// The mode that the user let the agent change to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// What the chosen answer names.
    Chosen,
    /// One that asks for everything; this one, if it is known.
    Asking(Option<String>),
}

impl Settings {
    /// Takes over what a session's answer or an update says; what it does not mention stays.
    pub fn merge(&mut self, from: &Value) -> bool {
        let before = self.options.clone();
        let configured = peek::list(from, "configOptions");
        if !configured.is_empty() {
            self.options.retain(|o| (o.id == "mode" && self.has_mode_list) || o.id == "model");
            self.switches.clear();
            configured.iter().for_each(|option| self.configured(option));
        }
        if let Some(modes) = from.get("modes").filter(|m| m.is_object()) {
            let choices = choices(peek::list(modes, "availableModes"), "id");
            self.has_mode_list = true;
            self.put("mode", "Mode", Some("mode"), peek::text(modes, "currentModeId"), choices);
        }
        if let Some(models) = from.get("models").filter(|m| m.is_object()) {
            let choices = choices(peek::list(models, "availableModels"), "modelId");
            if !self.options.iter().any(|o| o.id == "model") {
                self.put("model", "Model", Some("model"), peek::text(models, "currentModelId"), choices);
            }
        }
        before != self.options
    }

    fn configured(&mut self, option: &Value) {
        let Some(id) = peek::text(option, "id") else { return };
        let kind = peek::text(option, "type").unwrap_or("select");
        let value = match option.get("currentValue") {
            Some(Value::Bool(on)) => Some(on.to_string()),
            Some(other) => other.as_str().map(str::to_owned),
            None => None,
        };
        let mut offered = choices(peek::list(option, "options"), "value");
        for group in peek::list(option, "options") {
            offered.extend(choices(peek::list(group, "options"), "value"));
        }
        if kind == "boolean" {
            self.switches.push(id.to_owned());
            offered = vec![("true".into(), "on".into()), ("false".into(), "off".into())];
        }
        let category = peek::text(option, "category");
        if category == Some("mode") {
            self.mode_option = Some(id.to_owned());
        }
        let name = peek::text(option, "name").unwrap_or(id);
        self.put(id, name, category, value.as_deref(), offered);
    }

    fn put(
        &mut self,
        id: &str,
        name: &str,
        category: Option<&str>,
        value: Option<&str>,
        choices: Vec<(String, String)>,
    ) {
        let category = category.map(|word| peek::bounded(word, ACP_ID_BYTES_MAX));
        let value = value.map(str::to_owned);
        let option = AgentOption { id: id.to_owned(), name: name.to_owned(), value, choices, category };
        match self.options.iter_mut().find(|o| o.id == id) {
            Some(old) => *old = option,
            // What it does without asking matters most.
            None if id == "mode" => self.options.insert(0, option),
            None => self.options.push(option),
        }
    }

    pub fn options(&self) -> &[AgentOption] {
        &self.options
    }

    /// The session mode now, from whichever place the agent keeps it.
    pub fn mode(&self) -> Option<&str> {
        let id = if self.has_mode_list { "mode" } else { self.mode_option.as_deref()? };
        self.options.iter().find(|o| o.id == id)?.value.as_deref()
    }

    /// The session mode now is the one it should keep.
    pub fn want_this_mode(&mut self) {
        self.mode_wanted = self.mode().map(str::to_owned);
    }

    /// From now on a change of mode is the agent's own doing.
    pub fn guard(&mut self) {
        self.mode_guard = ModeGuard::On { resets: 0 };
    }

    /// The user allows the agent to change its mode once.
    pub fn let_mode_change(&mut self, next: Next) {
        if let ModeGuard::On { resets } | ModeGuard::Lifted { resets, .. } = self.mode_guard {
            self.mode_guard = ModeGuard::Lifted { resets, next };
        }
    }

    /// Returns whether this mode asks for less than everything, as its id or its name says.
    pub fn is_loose(&self, mode: &str) -> bool {
        let id = if self.has_mode_list { Some("mode") } else { self.mode_option.as_deref() };
        let option = self.options.iter().find(|option| Some(option.id.as_str()) == id);
        let name = option.and_then(|option| option.choices.iter().find(|(value, _)| value == mode));
        asks_less(mode) || name.is_some_and(|(_, name)| asks_less(name))
    }

    /// Returns whether this option has this value.
    pub fn is_set(&self, id: &str, value: &str) -> bool {
        self.options.iter().any(|o| o.id == id && o.value.as_deref() == Some(value))
    }

    /// Sets one of the agent's own options; what cannot be set is said, with what could be. True when it was sent.
    pub fn send(&mut self, id: &str, value: &str, at_start: bool, out: &mut Out) -> bool {
        let setter = match self.setter(id, value) {
            Ok(setter) => setter,
            Err(why) => {
                out.note("protocol", &why);
                return false;
            }
        };
        let called = Called::Set { what: format!("{id} = {value}"), at_start };
        let (method, params) = match setter {
            Setter::Mode(mode) => {
                let params = speak::set_mode(out.session(), &mode);
                self.mode_wanted = Some(mode);
                (speak::method::SESSION_SET_MODE, params)
            }
            Setter::Model(model) => ("session/set_model", speak::set_model(out.session(), &model)),
            Setter::Choice { id, value } => {
                let params = speak::set_option(out.session(), &id, &value);
                if self.mode_option.as_ref() == Some(&id) {
                    self.mode_wanted = Some(value);
                }
                (speak::method::SESSION_SET_CONFIG_OPTION, params)
            }
            Setter::Switch { id, value } => {
                (speak::method::SESSION_SET_CONFIG_OPTION, speak::set_switch(out.session(), &id, value))
            }
        };
        out.call(method, params, called);
        true
    }

    /// The agent's answer to that. True when something else is set than before.
    pub fn sent(&mut self, what: &str, at_start: bool, outcome: Result<Value, RpcError>, out: &mut Out) -> bool {
        let is_mode = what.starts_with("mode = ");
        match outcome {
            Ok(answer) => {
                let news = self.merge(&answer);
                match self.mode_wanted.clone() {
                    Some(mode) if is_mode => self.mode_is(&mode) || news,
                    Some(_) | None => news,
                }
            }
            Err(error) => {
                let text = format!("the agent rejected {what}: {}", error.words());
                if at_start && is_mode {
                    out.alarm("mode_changed", None, text);
                } else {
                    out.note("protocol", &text);
                }
                false
            }
        }
    }

    /// Takes over what an update says. True when something else is set than before.
    pub fn reported(&mut self, update: &Value, out: &mut Out) -> bool {
        let before = self.mode().map(str::to_owned);
        let news = self.merge(update);
        let now = self.mode().map(str::to_owned);
        match now.filter(|now| Some(now) != before.as_ref()) {
            Some(mode) => {
                if let Some(before) = before {
                    self.mode_is(&before);
                }
                self.mode_reported(&mode, out)
            }
            None => news,
        }
    }

    /// The agent reports its mode. One that nobody asked for is an alarm, and is reverted a few times. True when it is
    /// another than before.
    pub fn mode_reported(&mut self, mode: &str, out: &mut Out) -> bool {
        if !self.mode_is(mode) {
            return false;
        }
        let resets = match self.mode_guard.clone() {
            ModeGuard::Off => return true,
            ModeGuard::On { resets } => resets,
            ModeGuard::Lifted { resets, next } => {
                self.mode_guard = ModeGuard::On { resets };
                match next {
                    Next::Asking(asking) if self.is_loose(mode) => {
                        self.mode_wanted = asking.filter(|asking| asking != mode);
                        resets
                    }
                    Next::Asking(_) | Next::Chosen => {
                        self.mode_wanted = Some(mode.to_owned());
                        return true;
                    }
                }
            }
        };
        let less = if self.is_loose(mode) { ", in which it does not ask before everything it does" } else { "" };
        let text = format!("the agent changed its own mode to “{mode}”{less}");
        match self.mode_wanted.clone() {
            Some(wanted) if wanted == mode => {}
            Some(wanted) if resets < ACP_MODE_RESETS_MAX => {
                self.mode_guard = ModeGuard::On { resets: resets + 1 };
                out.alarm("mode_changed", None, format!("{text}; it was reset to “{wanted}”"));
                self.send("mode", &wanted, false, out);
            }
            Some(_) | None => out.alarm("mode_changed", None, text),
        }
        true
    }

    /// Notes a mode that the agent reports; true when it is another than before.
    pub fn mode_is(&mut self, mode: &str) -> bool {
        let id = if self.has_mode_list { "mode" } else { self.mode_option.as_deref().unwrap_or("mode") }.to_owned();
        match self.options.iter_mut().find(|o| o.id == id) {
            Some(option) if option.value.as_deref() == Some(mode) => false,
            Some(option) => {
                option.value = Some(mode.to_owned());
                true
            }
            None => {
                self.put("mode", "Mode", Some("mode"), Some(mode), Vec::new());
                true
            }
        }
    }

    /// Returns the request that sets `id` to `value`; the error lists the choices.
    fn setter(&self, id: &str, value: &str) -> Result<Setter, String> {
        let Some(option) = self.options.iter().find(|o| o.id == id || o.name.eq_ignore_ascii_case(id)) else {
            if id == "mode"
                && let Some(own) = &self.mode_option
            {
                return self.setter(own, value);
            }
            let ids: Vec<&str> = self.options.iter().map(|o| o.id.as_str()).collect();
            return Err(format!("the agent has no option “{id}”; available: {}", listed(&ids)));
        };
        let known = option.choices.iter().find(|(v, _)| v == value).or_else(|| {
            option
                .choices
                .iter()
                .find(|(v, name)| name.eq_ignore_ascii_case(value) || dialects::is_mode_address(v, value))
        });
        let value = match known {
            Some((value, _)) => value.clone(),
            None if option.choices.is_empty() => value.to_owned(),
            None => {
                let offered: Vec<&str> = option.choices.iter().map(|(v, _)| v.as_str()).collect();
                return Err(format!("“{value}” is not a value of “{id}”; available: {}", listed(&offered)));
            }
        };
        Ok(if option.id == "mode" && self.has_mode_list {
            Setter::Mode(value)
        } else if self.switches.contains(&option.id) {
            Setter::Switch { id: option.id.clone(), value: value == "true" }
        } else if option.id == "model" && option.name == "Model" && self.mode_option.is_none() && self.has_mode_list {
            Setter::Model(value)
        } else {
            Setter::Choice { id: option.id.clone(), value }
        })
    }
}

fn listed(words: &[&str]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn choices(list: &[Value], key: &str) -> Vec<(String, String)> {
    let of = |v: &Value| {
        let value = peek::text(v, key)?;
        Some((value.to_owned(), peek::text(v, "name").unwrap_or(value).to_owned()))
    };
    list.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn modes_options_and_switches_are_set_in_their_own_ways() {
        let mut settings = Settings::default();
        assert!(settings.merge(&json!({
            "modes": {"currentModeId": "auto", "availableModes": [{"id": "auto", "name": "Auto"}, {"id": "https://x/modes#ask", "name": "Ask first"}]},
            "configOptions": [
                {"id": "effort", "name": "Effort", "type": "select", "currentValue": "low",
                 "options": [{"group": "g", "name": "G", "options": [{"value": "high", "name": "High"}]}, {"value": "low", "name": "Low"}]},
                {"id": "fast", "name": "Fast", "type": "boolean", "currentValue": false},
            ]
        })));
        assert_eq!(settings.mode(), Some("auto"));
        assert_eq!(settings.setter("mode", "ask first"), Ok(Setter::Mode("https://x/modes#ask".into())));
        assert_eq!(settings.setter("mode", "ask"), Ok(Setter::Mode("https://x/modes#ask".into())));
        assert_eq!(settings.setter("effort", "high"), Ok(Setter::Choice { id: "effort".into(), value: "high".into() }));
        assert_eq!(settings.setter("fast", "true"), Ok(Setter::Switch { id: "fast".into(), value: true }));
        assert!(settings.setter("mode", "yolo").unwrap_err().contains("auto"));
        assert!(settings.setter("nothing", "x").is_err());
        assert!(settings.mode_is("yolo") && !settings.mode_is("yolo"));
    }

    #[test]
    fn a_mode_kept_as_a_config_option_is_found() {
        let mut settings = Settings::default();
        settings.merge(
            &json!({"configOptions": [{"id": "approval", "name": "Approval", "category": "mode", "type": "select",
            "currentValue": "agent", "options": [{"value": "read-only", "name": "Read only"}]}]}),
        );
        assert_eq!(settings.mode(), Some("agent"));
        assert_eq!(
            settings.setter("mode", "read-only"),
            Ok(Setter::Choice { id: "approval".into(), value: "read-only".into() })
        );
    }
}
