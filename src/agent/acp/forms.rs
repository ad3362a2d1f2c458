//! `elicitation/create`: the agent asks the user something. Its schema becomes a form of ours, which is proposed; the
//! answer goes back in the protocol's words. An address to visit is shown and never opened.

use super::asks::{Asks, Subject};
use super::context::Context;
use super::dialects::{self, Word};
use super::message::{Id, RpcError};
use super::peek;
use crate::agent::acp::limits::{
    ACP_FORM_CHOICES_MAX, ACP_FORM_FIELDS_MAX, ACP_ID_BYTES_MAX, ACP_NOTE_BYTES_MAX, ACP_PREVIEW_BYTES_MAX,
};
use crate::model::action::{Body, Executor};
use crate::model::form::{self, Field, FieldChoice, FieldKind, Form, FormAnswer};
use crate::model::{Evidence, Proposal};
use serde_json::{Value, json};

/// Takes a request in.
pub fn asked(id: Id, params: &Value, asks: &mut Asks, cx: &mut Context) {
    let out = &mut cx.out;
    if cx.turn.refuses_questions() {
        out.reply(&id, Ok(answer(&FormAnswer::Cancel)));
        return;
    }
    let message = out.place().shown(peek::text(params, "message").unwrap_or("the agent asks a question"));
    match read(params, &message, cx.conduct.spec().free_choices) {
        Ok(form) => {
            let subject = Subject::Form { request: id, form: Box::new(form.clone()) };
            asks.propose(subject, proposal(form), out);
        }
        Err(why) => {
            out.note("protocol", &format!("it asked: {message}; {why}"));
            out.refuse(&id, RpcError::INVALID_PARAMS, why);
        }
    }
}

/// Reads a request under the agent's words. The error says why it cannot be answered.
fn read(params: &Value, message: &str, free_choices: bool) -> Result<Form, String> {
    let message = peek::bounded(message, ACP_NOTE_BYTES_MAX);
    let within_ms = params.pointer("/_meta/codex/autoResolutionMs").and_then(Value::as_u64);
    match (peek::text(params, "mode"), params.get("requestedSchema"), peek::text(params, "url")) {
        (Some("form") | None, Some(schema), _) => {
            let mut fields = fields(schema)?;
            let choices = fields.iter_mut().filter(|field| free_choices && !field.choices().is_empty());
            choices.for_each(|field| field.own_words = field.own_words.take().or_else(|| Some(field.id.clone())));
            Ok(Form { message, fields, within_ms, url: None })
        }
        (Some("url"), _, Some(url)) => {
            form::address(url).ok_or("only http and https addresses can be shown")?;
            Ok(Form { message, fields: Vec::new(), within_ms, url: Some(url.to_owned()) })
        }
        (mode, _, _) => Err(format!("only forms and addresses can be answered, not {}", mode.unwrap_or("this"))),
    }
}

/// The question for the user.
fn proposal(form: Form) -> Proposal {
    let what = if form.url.is_some() { "visit" } else { "answer" };
    let title = format!("{what}: {}", peek::bounded(&form.message, 400));
    let quotes = form.fields.iter().map(|field| Evidence::new("quote", field.title.clone())).collect();
    let because = match &form.url {
        Some(url) => format!("rightseat does not open it: go there yourself if you trust it. {url}"),
        None => "It asks you to fill in a form.".to_owned(),
    };
    let mut proposal = Proposal::new(title, Body::Form(Box::new(form)));
    proposal.executor = Executor::Agent;
    proposal.because(because, quotes)
}

/// The answer in the protocol's words.
pub fn answer(answer: &FormAnswer) -> Value {
    match answer {
        FormAnswer::Accept { content } if content.is_empty() => json!({"action": "accept"}),
        FormAnswer::Accept { content } => json!({"action": "accept", "content": content}),
        FormAnswer::Decline => json!({"action": "decline"}),
        FormAnswer::Cancel => json!({"action": "cancel"}),
    }
}

/// The questions in a tool's input, if that is what it holds. Their fields are numbered, as the answers are.
pub fn of_tool(raw: &Value, message: &str) -> Option<Form> {
    let list = dialects::words(Word::Questions).iter().map(|key| peek::list(raw, key)).find(|list| !list.is_empty())?;
    let field = |(at, question): (usize, &Value)| {
        let title = peek::text(question, "question")?;
        let choices = peek::list(question, "options").iter().take(ACP_FORM_CHOICES_MAX).map(|option| {
            let label = peek::text(option, "label").filter(|label| label.len() <= ACP_ID_BYTES_MAX)?;
            let detail = peek::bounded(peek::text(option, "description").unwrap_or(""), ACP_NOTE_BYTES_MAX);
            Some(FieldChoice { value: label.to_owned(), title: label.to_owned(), detail, preview: None })
        });
        let choices = choices.collect::<Option<Vec<_>>>().filter(|choices| !choices.is_empty())?;
        let many = question.get("multiSelect") == Some(&Value::Bool(true));
        Some(Field {
            id: at.to_string(),
            title: peek::bounded(title, ACP_NOTE_BYTES_MAX),
            detail: peek::bounded(peek::text(question, "header").unwrap_or(""), ACP_NOTE_BYTES_MAX),
            required: false,
            secret: is_secret("", title, question),
            kind: if many {
                FieldKind::Many { choices, count_min: None, count_max: None }
            } else {
                FieldKind::One { choices }
            },
            default: None,
            own_words: Some(format!("{at}{OWN_SUFFIX}")),
        })
    };
    let fields = list.iter().take(ACP_FORM_FIELDS_MAX).enumerate().map(field).collect::<Option<Vec<_>>>()?;
    Some(Form { message: peek::bounded(message, ACP_NOTE_BYTES_MAX), fields, ..Form::default() })
}

/// After the number of a tool's question: the user's own words on it.
const OWN_SUFFIX: &str = "_own";

/// The answers to a tool's questions: one text each, by number.
pub fn answers_by_number(form: &Form, answer: &FormAnswer) -> Value {
    let FormAnswer::Accept { content } = answer else { return json!({}) };
    let text = |field: &Field| {
        let own = field.own_words.as_ref().and_then(|id| content.get(id)?.as_str());
        let chosen = match content.get(&field.id) {
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(value)) => vec![value.as_str()],
            _ => Vec::new(),
        };
        let words: Vec<&str> = chosen.into_iter().chain(own).collect();
        (!words.is_empty()).then(|| (field.id.clone(), Value::from(words.join(", "))))
    };
    Value::Object(form.fields.iter().filter_map(text).collect())
}

fn fields(schema: &Value) -> Result<Vec<Field>, String> {
    let required: Vec<&str> = peek::list(schema, "required").iter().filter_map(Value::as_str).collect();
    let properties: Vec<(&String, &Value)> =
        schema.get("properties").and_then(Value::as_object).into_iter().flatten().collect();
    if properties.len() > ACP_FORM_FIELDS_MAX {
        return Err(format!("its form has {} fields, at most {ACP_FORM_FIELDS_MAX} are shown", properties.len()));
    }
    let mut fields = Vec::new();
    for (id, property) in &properties {
        if id.len() > ACP_ID_BYTES_MAX {
            return Err("the name of a field in its form is too long".to_owned());
        }
        if properties.iter().any(|(other, field)| is_companion(id, property, other, field)) {
            continue;
        }
        let own_words = properties.iter().find(|(other, field)| is_companion(other, field, id, property));
        let title = peek::first_text(property, &["title", "description"]).unwrap_or(id);
        let detail = peek::text(property, "description").filter(|detail| *detail != title).unwrap_or("");
        fields.push(Field {
            id: (*id).clone(),
            title: peek::bounded(title, ACP_NOTE_BYTES_MAX),
            detail: peek::bounded(detail, ACP_NOTE_BYTES_MAX),
            required: required.contains(&id.as_str()),
            secret: is_secret(id, title, property),
            kind: kind(property)?,
            default: property.get("default").filter(|default| !default.is_null()).cloned(),
            own_words: own_words.map(|(other, _)| (*other).clone()),
        });
    }
    Ok(fields)
}

/// A field of free text whose name is that of a choice and a word for "other": it takes the user's own words.
fn is_companion(id: &str, field: &Value, other: &str, choice: &Value) -> bool {
    let suffix = id.strip_prefix(other).and_then(|rest| rest.strip_prefix(['_', '-', '.']));
    let has_choices =
        |kind: Result<FieldKind, String>| matches!(kind, Ok(FieldKind::One { .. } | FieldKind::Many { .. }));
    suffix.is_some_and(|suffix| dialects::is(Word::OwnWords, suffix))
        && matches!(kind(field), Ok(FieldKind::Text { .. }))
        && has_choices(kind(choice))
}

fn kind(field: &Value) -> Result<FieldKind, String> {
    let size = |key: &str| field.get(key).and_then(Value::as_u64);
    let number = |key: &str| field.get(key).and_then(Value::as_number).cloned();
    let text = |key: &str| peek::text(field, key).map(|text| peek::bounded(text, ACP_NOTE_BYTES_MAX));
    let own = choices(field)?;
    Ok(match peek::text(field, "type") {
        Some("string") | None if !own.is_empty() => FieldKind::One { choices: own },
        Some("string") => FieldKind::Text {
            format: text("format"),
            pattern: text("pattern"),
            length_min: size("minLength"),
            length_max: size("maxLength"),
        },
        Some(kind @ ("number" | "integer")) => {
            FieldKind::Number { integer: kind == "integer", min: number("minimum"), max: number("maximum") }
        }
        Some("boolean") => FieldKind::Flag,
        Some("array") => match choices(field.get("items").unwrap_or(&Value::Null))? {
            list if list.is_empty() => FieldKind::Json { schema: bounded_schema(field) },
            choices => FieldKind::Many { choices, count_min: size("minItems"), count_max: size("maxItems") },
        },
        Some(_) | None => FieldKind::Json { schema: bounded_schema(field) },
    })
}

/// A schema that is too large to show is not shown: what is typed is JSON all the same.
fn bounded_schema(field: &Value) -> Value {
    if peek::weight(field) > ACP_NOTE_BYTES_MAX { Value::Null } else { field.clone() }
}

/// `enum` with its optional `enumNames`, or `oneOf`/`anyOf` of constants.
fn choices(field: &Value) -> Result<Vec<FieldChoice>, String> {
    let names = peek::list(field, "enumNames");
    let plain = peek::list(field, "enum").iter().enumerate().filter_map(|(at, value)| {
        let value = value.as_str()?;
        Some((value, names.get(at).and_then(Value::as_str).unwrap_or(value), "", None))
    });
    let described = ["oneOf", "anyOf"].into_iter().flat_map(|key| peek::list(field, key)).filter_map(|choice| {
        let value = peek::text(choice, "const")?;
        let title = peek::text(choice, "title").unwrap_or(value);
        let preview = choice.get("_meta").and_then(|meta| preview(meta, 0));
        Some((value, title, peek::text(choice, "description").unwrap_or(""), preview))
    });
    let mut out = Vec::new();
    for (value, title, detail, preview) in plain.chain(described) {
        if out.len() == ACP_FORM_CHOICES_MAX || value.len() > ACP_NOTE_BYTES_MAX {
            return Err(format!("a question of its form has more than {ACP_FORM_CHOICES_MAX} choices, or a huge one"));
        }
        out.push(FieldChoice {
            value: value.to_owned(),
            title: peek::bounded(title, ACP_NOTE_BYTES_MAX),
            detail: peek::bounded(detail, ACP_NOTE_BYTES_MAX),
            preview: preview.map(|text| peek::bounded(text, ACP_PREVIEW_BYTES_MAX)),
        });
    }
    Ok(out)
}

fn preview(meta: &Value, depth: usize) -> Option<&str> {
    const DEPTH_MAX: usize = 2;
    let map = meta.as_object().filter(|_| depth < DEPTH_MAX)?;
    peek::text(meta, "preview").or_else(|| map.values().find_map(|value| preview(value, depth + 1)))
}

/// By what it says of itself, else by its words: a password that is not recorded is better than one that is.
fn is_secret(id: &str, title: &str, field: &Value) -> bool {
    let says = peek::text(field, "format") == Some("password")
        || field.get("writeOnly") == Some(&Value::Bool(true))
        || field.get("_meta").is_some_and(|meta| says_secret(meta, 0));
    let words = format!("{id} {title}").to_lowercase().replace(['_', '-'], " ");
    says || [
        "password",
        "passphrase",
        "secret",
        "api key",
        "apikey",
        "access key",
        "private key",
        "credential",
        "token",
    ]
    .iter()
    .any(|word| words.contains(word))
}

fn says_secret(meta: &Value, depth: usize) -> bool {
    const DEPTH_MAX: usize = 2;
    let Some(map) = meta.as_object().filter(|_| depth < DEPTH_MAX) else { return false };
    map.iter().any(|(key, value)| {
        (matches!(key.as_str(), "isSecret" | "secret") && *value == Value::Bool(true)) || says_secret(value, depth + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(properties: Value, required: Value) -> Form {
        let schema = json!({"type": "object", "properties": properties, "required": required});
        read(&json!({"mode": "form", "requestedSchema": schema}), "?", false).unwrap()
    }

    #[test]
    fn every_stable_type_is_read_and_others_are_json() {
        let form = form(
            json!({
                "name": {"type": "string", "title": "Name", "minLength": 2, "pattern": "^a"},
                "mail": {"type": "string", "format": "email", "description": "yours"},
                "colour": {"type": "string", "enum": ["red", "blue"], "enumNames": ["Red", "Blue"], "default": "red"},
                "count": {"type": "integer", "minimum": 1, "maximum": 5},
                "part": {"type": "number"},
                "sure": {"type": "boolean", "default": false},
                "many": {"type": "array", "minItems": 1, "items": {"anyOf": [{"const": "x", "title": "X"}, {"const": "y"}]}},
                "odd": {"type": "tree", "leaves": 3},
            }),
            json!(["name"]),
        );
        let kinds: Vec<_> =
            form.fields.iter().map(|field| serde_json::to_value(&field.kind).unwrap()["type"].clone()).collect();
        assert_eq!(kinds, ["text", "text", "one", "number", "number", "flag", "many", "json"]);
        assert!(form.fields[0].required && !form.fields[1].required);
        assert_eq!((form.fields[1].title.as_str(), form.fields[1].detail.as_str()), ("yours", ""));
        assert_eq!((form.fields[2].choices()[0].title.as_str(), &form.fields[2].default), ("Red", &Some(json!("red"))));
        assert_eq!(form.fields[5].default, Some(json!(false)));
        assert_eq!(form.fields[6].choices()[1].title, "y");
    }

    /// As read in claude's and codex's adapters.
    #[test]
    fn companions_take_the_users_own_words() {
        let choice = json!({"type": "string", "title": "Which?", "description": "Database", "oneOf": [
            {"const": "A", "title": "A", "description": "first", "_meta": {"_claude/askUserQuestionOption": {"preview": "code"}}}, {"const": "B"}]});
        let form = form(
            json!({"question_0": choice, "question_0_custom": {"type": "string", "title": "Other"},
                "db": choice, "db_note": {"type": "string", "_meta": {"codex": {"role": "user_note"}}},
                "free": {"type": "string"}, "free_note": {"type": "string"}}),
            json!([]),
        );
        let own: Vec<_> = form.fields.iter().map(|f| (f.id.as_str(), f.own_words.as_deref())).collect();
        assert_eq!(
            own,
            [("question_0", Some("question_0_custom")), ("db", Some("db_note")), ("free", None), ("free_note", None)]
        );
        assert_eq!(form.fields[0].choices()[0].preview.as_deref(), Some("code"));
        assert_eq!(form.fields[0].detail, "Database");
    }

    /// As read in qwen 0.15.10's package: `rawInput` of its tool, and `answers` in the response.
    #[test]
    fn questions_of_a_tool_are_a_form_and_their_answers_go_by_number() {
        let option = |label: &str| json!({"label": label, "description": "what it means"});
        let raw = json!({"questions": [
            {"question": "Which library?", "header": "Library", "options": [option("A"), option("B")]},
            {"question": "Which parts?", "header": "Parts", "multiSelect": true, "options": [option("x"), option("y")]},
            {"question": "And?", "header": "More", "options": [option("z")]}]});
        let form = of_tool(&raw, "Ask user 3 questions").unwrap();
        let content = json!({"0": "B", "0_own": "the new one", "1": ["x", "y"]}).as_object().unwrap().clone();
        assert_eq!(form.check(&content), Ok(()));
        let answers = answers_by_number(&form, &FormAnswer::Accept { content });
        assert_eq!(answers, json!({"0": "B, the new one", "1": "x, y"}));
        for not in
            [json!({"questions": "why?"}), json!({"questions": [{"question": "why?"}]}), json!({"command": "ls"})]
        {
            assert_eq!(of_tool(&not, "?"), None, "{not}");
        }
    }

    #[test]
    fn a_secret_is_known_by_its_words_and_by_what_it_says() {
        let form = form(
            json!({"api_key": {"type": "string"}, "a": {"type": "string", "title": "Your password"},
                "b": {"type": "string", "_meta": {"codex": {"isSecret": true}}}, "c": {"type": "string", "format": "password"},
                "d": {"type": "string", "title": "Branch"}}),
            json!([]),
        );
        assert_eq!(form.fields.iter().map(|f| f.secret).collect::<Vec<_>>(), [true, true, true, true, false]);
    }

    #[test]
    fn what_is_too_large_or_unknown_is_refused_in_words() {
        let many: serde_json::Map<String, Value> =
            (0..=ACP_FORM_FIELDS_MAX).map(|n| (format!("f{n}"), json!({"type": "string"}))).collect();
        let error = read(&json!({"requestedSchema": {"properties": many}}), "?", false).unwrap_err();
        assert!(error.contains("fields"), "{error}");
        let names: Vec<String> = (0..=ACP_FORM_CHOICES_MAX).map(|n| n.to_string()).collect();
        assert!(read(&json!({"requestedSchema": {"properties": {"a": {"enum": names}}}}), "?", false).is_err());
        assert!(read(&json!({"mode": "dance"}), "?", false).is_err());
        assert!(read(&json!({"mode": "url", "url": "file:///etc/passwd"}), "?", false).is_err());
        let address = read(&json!({"mode": "url", "url": "https://x.example/"}), "log in", false).unwrap();
        assert_eq!(address.url.as_deref(), Some("https://x.example/"));
    }
}
