//! `elicitation/create`: the agent asks the human something. It becomes a proposal that shows the questions; an approval
//! answers with the defaults, an edited one with the JSON object the human wrote.

use super::asks::Subject;
use super::client::Client;
use super::message::{Id, RpcError};
use super::peek;
use crate::model::Proposal;
use crate::model::action::{Body, Evidence, Executor};
use serde_json::{Map, Value, json};

/// The questions of one form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    defaults: Map<String, Value>,
    required: Vec<String>,
    /// One line a question.
    questions: Vec<String>,
}

impl Form {
    pub fn of(schema: &Value) -> Self {
        let mut form = Self::default();
        let required: Vec<&str> = peek::list(schema, "required").iter().filter_map(Value::as_str).collect();
        form.required = required.iter().map(|name| (*name).to_owned()).collect();
        for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let choices: Vec<&str> = peek::list(field, "enum")
                .iter()
                .filter_map(Value::as_str)
                .chain(peek::list(field, "oneOf").iter().filter_map(|o| peek::text(o, "const")))
                .collect();
            let default = field.get("default").cloned().or_else(|| match choices.as_slice() {
                [only] => Some(json!(only)),
                _ => None,
            });
            let title = peek::first_text(field, &["title", "description"]).unwrap_or(name);
            let kind = if choices.is_empty() {
                peek::text(field, "type").unwrap_or("text").to_owned()
            } else {
                format!("one of {}", choices.join(", "))
            };
            let must = if required.contains(&name.as_str()) { ", needed" } else { "" };
            let shown = default.as_ref().map_or(String::new(), |d| format!(", default {d}"));
            form.questions.push(format!("{name}: {title} ({kind}{must}{shown})"));
            if let Some(default) = default {
                form.defaults.insert(name.clone(), default);
            }
        }
        form
    }

    /// The answer for an approval. Without a value for something that is needed it can only be a "no".
    pub fn accepted(&self, edited: Option<&str>) -> Value {
        let written = edited.and_then(|text| serde_json::from_str::<Map<String, Value>>(text.trim()).ok());
        let mut content = self.defaults.clone();
        content.extend(written.unwrap_or_default());
        if self.required.iter().all(|name| content.contains_key(name)) {
            json!({"action": "accept", "content": content})
        } else {
            Self::declined()
        }
    }

    pub fn declined() -> Value {
        json!({"action": "decline"})
    }

    pub fn cancelled() -> Value {
        json!({"action": "cancel"})
    }
}

impl Client {
    pub(super) fn form_asked(&mut self, id: Id, params: &Value) {
        if self.turn.refuses_questions() {
            self.reply(&id, Ok(Form::cancelled()));
            return;
        }
        let message = self.setup.place.shown(peek::text(params, "message").unwrap_or("it asks something"));
        let form = match (peek::text(params, "mode"), params.get("requestedSchema")) {
            (Some("form") | None, Some(schema)) => Form::of(schema),
            (mode, _) => {
                let why = format!("only forms can be answered here, not {}", mode.unwrap_or("this"));
                self.note("protocol", &format!("it asked: {message}; {why}"));
                self.reply(&id, Err(RpcError::new(RpcError::INVALID_PARAMS, why)));
                return;
            }
        };
        let evidence = form.questions.iter().map(|question| Evidence::new("quote", question)).collect();
        let mut proposal = Proposal::new(format!("answer: {}", peek::bounded(&message, 400)), Body::Other);
        proposal.executor = Executor::Agent;
        proposal =
            proposal.because("Approve to send the defaults; edit with a JSON object to send something else.", evidence);
        self.propose(Subject::Form { request: id, form }, proposal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_answer_and_what_is_needed_is_not_made_up() {
        let schema = json!({"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string", "title": "Name"}, "colour": {"type": "string", "enum": ["red", "blue"], "default": "red"}}});
        let form = Form::of(&schema);
        assert_eq!(
            form.questions,
            ["name: Name (string, needed)", "colour: colour (one of red, blue, default \"red\")"]
        );
        assert_eq!(form.accepted(None), json!({"action": "decline"}));
        assert_eq!(
            form.accepted(Some(r#"{"name": "x"}"#)),
            json!({"action": "accept", "content": {"colour": "red", "name": "x"}})
        );
        assert_eq!(form.accepted(Some("nonsense")), json!({"action": "decline"}));
    }
}
