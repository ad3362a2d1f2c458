//! What the agent lets one choose: session modes, config options, and the older list of models. Ids are the agent's own;
//! a plain mode list stands as the option `mode`, a plain model list as `model`.

use super::peek;
use crate::model::event::AgentOption;
use serde_json::Value;

/// How a chosen value is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setter {
    Mode(String),
    Model(String),
    Choice { id: String, value: String },
    Switch { id: String, value: bool },
}

/// The offers as they stand.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    options: Vec<AgentOption>,
    switches: Vec<String>,
    mode_option: Option<String>,
    has_mode_list: bool,
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
            self.put("mode", "Mode", peek::text(modes, "currentModeId"), choices);
        }
        if let Some(models) = from.get("models").filter(|m| m.is_object()) {
            let choices = choices(peek::list(models, "availableModels"), "modelId");
            if !self.options.iter().any(|o| o.id == "model") {
                self.put("model", "Model", peek::text(models, "currentModelId"), choices);
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
        if peek::text(option, "category") == Some("mode") {
            self.mode_option = Some(id.to_owned());
        }
        let name = peek::text(option, "name").unwrap_or(id);
        self.put(id, name, value.as_deref(), offered);
    }

    fn put(&mut self, id: &str, name: &str, value: Option<&str>, choices: Vec<(String, String)>) {
        let option = AgentOption { id: id.to_owned(), name: name.to_owned(), value: value.map(str::to_owned), choices };
        match self.options.iter_mut().find(|o| o.id == id) {
            Some(old) => *old = option,
            // What it does unasked matters most.
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

    /// Is this config option the agent's session mode?
    pub fn is_mode_option(&self, id: &str) -> bool {
        self.mode_option.as_deref() == Some(id)
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
                self.put("mode", "Mode", Some(mode), Vec::new());
                true
            }
        }
    }

    /// How to set `id` to `value`; the error says what there is to choose from.
    pub fn setter(&self, id: &str, value: &str) -> Result<Setter, String> {
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
                .find(|(v, name)| name.eq_ignore_ascii_case(value) || v.ends_with(&format!("#{value}")))
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
