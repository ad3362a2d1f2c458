//! `elicitation/create`: the agent asks the user something. It becomes a proposal that shows the questions; an approval
//! answers with the defaults, an edited one with the JSON object the user wrote. An address to visit is shown and never
//! opened: an approval only tells the agent that the user agrees to go there.

use super::peek;
use crate::agent::acp::limits::ACP_NOTE_BYTES_MAX;
use crate::model::Proposal;
use crate::model::action::{Body, Evidence, Executor};
use serde_json::{Map, Value, json};

/// The questions of one form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    /// There is nothing to fill in: the user is to visit a page.
    is_address: bool,
    defaults: Map<String, Value>,
    required: Vec<String>,
    /// One line a question.
    questions: Vec<String>,
}

impl Form {
    /// Reads a request. The error says why it cannot be answered.
    pub fn asked(params: &Value) -> Result<Self, String> {
        match (peek::text(params, "mode"), params.get("requestedSchema"), peek::text(params, "url")) {
            (Some("form") | None, Some(schema), _) => Ok(Self::of(schema)),
            (Some("url"), _, Some(url)) => Self::address(url),
            (mode, _, _) => Err(format!("only forms and addresses can be answered, not {}", mode.unwrap_or("this"))),
        }
    }

    /// The question for the user, under the agent's words.
    pub fn proposal(&self, message: &str) -> Proposal {
        let quote = |question: &String| Evidence::new("quote", peek::bounded(question, ACP_NOTE_BYTES_MAX));
        let (what, because) = if self.is_address {
            (
                "visit",
                "rightseat does not open it: go there yourself if you trust it. Approve to tell the agent that you agree.",
            )
        } else {
            ("answer", "Approve to send the defaults, or edit the JSON object to send something else.")
        };
        let mut proposal = Proposal::new(format!("{what}: {}", peek::bounded(message, 400)), Body::Other);
        proposal.executor = Executor::Agent;
        proposal.because(because, self.questions.iter().map(quote).collect())
    }

    fn of(schema: &Value) -> Self {
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

    /// An address for the user. Only what a browser opens over the network: no files, no scripts, no other programs.
    fn address(url: &str) -> Result<Self, String> {
        let lower = url.to_ascii_lowercase();
        let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#', '\\']).next()).filter(|host| !host.is_empty());
        let Some(host) = host else { return Err("only http and https addresses can be shown".to_owned()) };
        let mut questions = vec![format!("the address is {url}"), format!("its host is {host}")];
        if host.contains('@') {
            questions.push("the text before the @ is not part of the host".to_owned());
        }
        if lower.starts_with("http:") {
            questions.push("data sent there is not encrypted".to_owned());
        }
        Ok(Self { is_address: true, questions, ..Self::default() })
    }

    /// The answer for an approval. Without a value for something that is needed it can only be a "no".
    pub fn accepted(&self, edited: Option<&str>) -> Value {
        if self.is_address {
            return json!({"action": "accept"});
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_with_where_it_leads_and_filled_in_by_nobody() {
        let form = Form::address("https://github.com@evil.example/login?x=1").unwrap();
        assert!(form.questions[1].ends_with("github.com@evil.example") && form.questions[2].contains('@'), "{form:?}");
        assert_eq!(form.accepted(Some(r#"{"x": 1}"#)), json!({"action": "accept"}));
        assert!(Form::address("HTTP://x").unwrap().questions.iter().any(|q| q.contains("not encrypted")));
        for bad in ["file:///etc/passwd", "javascript:alert(1)", "https://", "vscode://x/y", ""] {
            assert!(Form::address(bad).is_err(), "{bad}");
        }
    }

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
