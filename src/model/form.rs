//! A form: questions that an agent puts to the user, and the answer to them. An agent's schema (of ACP's elicitation,
//! or of its own kind of question) is read into it once; client, wire, and host then share these checks.

use crate::base::Digest;
use crate::base::digest::FieldHasher;
use crate::model::limits::{FORM_ANSWER_BYTES_MAX, FORM_PATTERN_BYTES_MAX};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// The value in the record of an answer to a secret question.
pub const MASKED: &str = "(not recorded)";

/// The questions of one request, or an address to visit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// The agent's words above the questions.
    pub message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// Instead of questions: an address that the user is asked to visit. Never opened by us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The agent goes on without an answer after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
}

/// One question. Its answer is the value of `id` in the content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub id: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// It looks like a secret: its answer is masked on the screen and not recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    #[serde(flatten)]
    pub kind: FieldKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The id under which the agent takes the user's own words beside or instead of a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_words: Option<String>,
}

/// The type of a question's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldKind {
    /// A string. Lengths are in characters; `format` is `email`, `uri`, `date`, or `date-time` of JSON Schema.
    Text {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        format: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pattern: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        length_min: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        length_max: Option<u64>,
    },
    Number {
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        integer: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<Number>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Number>,
    },
    Flag,
    /// One of the choices: its value.
    One {
        choices: Vec<FieldChoice>,
    },
    /// A list of values of choices.
    Many {
        choices: Vec<FieldChoice>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count_min: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count_max: Option<u64>,
    },
    /// A type that is not known: any JSON is an answer.
    Json {
        schema: Value,
    },
}

/// One choice of a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChoice {
    pub value: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// A longer text that shows what the choice means, as the agent wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
}

/// The user's answer to a form, in the words of ACP's elicitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum FormAnswer {
    /// The answers by field id; for an address: agreement to visit it.
    Accept {
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        content: Map<String, Value>,
    },
    /// No answers; the agent goes on without them.
    Decline,
    /// The question is dismissed; many agents end their turn.
    Cancel,
}

/// Why an answer does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Misfit {
    /// The question, if it is about one.
    pub field: Option<usize>,
    pub text: String,
}

/// The only field of a plain question.
const QUESTION_FIELD: &str = "answer";

impl Form {
    /// A plain question that any text answers; no text means yes.
    pub fn question(message: &str) -> Self {
        let kind = FieldKind::Text { format: None, pattern: None, length_min: None, length_max: None };
        let field = Field {
            id: QUESTION_FIELD.to_owned(),
            title: "your answer".to_owned(),
            detail: "without one, sending it means yes".to_owned(),
            required: false,
            secret: false,
            kind,
            default: None,
            own_words: None,
        };
        Self { message: message.to_owned(), fields: vec![field], ..Self::default() }
    }

    /// The text that answers a plain question.
    pub fn answer_to_question(answer: &FormAnswer) -> Option<&str> {
        let FormAnswer::Accept { content } = answer else { return None };
        content.get(QUESTION_FIELD).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }

    /// The defaults of all questions that have one.
    pub fn defaults(&self) -> Map<String, Value> {
        self.fields.iter().filter_map(|field| Some((field.id.clone(), field.default.clone()?))).collect()
    }

    /// Checks a content: every id is known, every value fits its question, and nothing that is required is missing.
    ///
    /// # Errors
    /// The first misfit, in the order of the questions.
    pub fn check(&self, content: &Map<String, Value>) -> Result<(), Misfit> {
        let own = |id: &String| self.fields.iter().any(|field| field.id == *id || field.own_words.as_ref() == Some(id));
        if let Some(unknown) = content.keys().find(|id| !own(id)) {
            return Err(Misfit { field: None, text: format!("the form has no field {unknown:?}") });
        }
        let bytes = serde_json::to_string(content).map_or(usize::MAX, |text| text.len());
        if bytes > FORM_ANSWER_BYTES_MAX {
            let text = format!("the answers are too long: {bytes} bytes, at most {FORM_ANSWER_BYTES_MAX} are sent");
            return Err(Misfit { field: None, text });
        }
        for (at, field) in self.fields.iter().enumerate() {
            let misfit = |text: String| Misfit { field: Some(at), text };
            let words = field.companion().and_then(|id| content.get(id));
            if words.is_some_and(|words| !words.is_string()) {
                return Err(misfit(format!("your own words on “{}” must be text", field.title)));
            }
            match content.get(&field.id) {
                Some(value) => field.check(value).map_err(misfit)?,
                None if field.required && words.is_none() => {
                    return Err(misfit(format!("“{}” needs an answer", field.title)));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// How many questions a content answers.
    pub fn answered(&self, content: &Map<String, Value>) -> usize {
        let has = |field: &&Field| {
            content.contains_key(&field.id) || field.own_words.as_ref().is_some_and(|id| content.contains_key(id))
        };
        self.fields.iter().filter(has).count()
    }

    /// The answers in words: the title of each answered question, with what was chosen and said.
    pub fn answers<'a>(&'a self, content: &'a Map<String, Value>) -> impl Iterator<Item = (&'a str, String)> {
        self.fields.iter().filter_map(move |field| {
            let title_of = |value: &str| {
                let choice = field.choices().iter().find(|choice| choice.value == value);
                choice.map_or_else(|| value.to_owned(), |choice| choice.title.clone())
            };
            let words = match content.get(&field.id) {
                Some(Value::String(value)) => vec![title_of(value)],
                Some(Value::Bool(value)) => vec![if *value { "yes" } else { "no" }.to_owned()],
                Some(Value::Array(values)) if !field.choices().is_empty() => {
                    values.iter().filter_map(Value::as_str).map(title_of).collect()
                }
                Some(other) => vec![other.to_string()],
                None => Vec::new(),
            };
            let own = field.companion().and_then(|id| content.get(id)?.as_str()).map(|own| format!("“{own}”"));
            let words: Vec<String> = words.into_iter().chain(own).collect();
            (!words.is_empty()).then(|| (field.title.as_str(), words.join(", ")))
        })
    }

    /// The answer as the record keeps it: without secrets.
    pub fn masked(&self, answer: &FormAnswer) -> FormAnswer {
        let FormAnswer::Accept { content } = answer else { return answer.clone() };
        let secret = |id: &str| {
            self.fields.iter().any(|field| field.secret && (field.id == id || field.own_words.as_deref() == Some(id)))
        };
        let keep = |(id, value): (&String, &Value)| {
            let value = if secret(id) { Value::from(MASKED) } else { value.clone() };
            (id.clone(), value)
        };
        FormAnswer::Accept { content: content.iter().map(keep).collect() }
    }

    /// Covers every word of the form.
    pub fn digest(&self) -> Digest {
        let mut hash = FieldHasher::new();
        hash.field(b"form 1").field(self.message.as_bytes());
        hash.field(self.url.as_deref().unwrap_or_default().as_bytes());
        for field in &self.fields {
            hash.field(b"field").field(field.id.as_bytes()).field(field.title.as_bytes());
            hash.field(field.detail.as_bytes()).field(&[u8::from(field.required), u8::from(field.secret)]);
            hash.field(serde_json::to_string(&field.kind).unwrap_or_default().as_bytes());
            hash.field(field.default.as_ref().map(Value::to_string).unwrap_or_default().as_bytes());
            hash.field(field.own_words.as_deref().unwrap_or_default().as_bytes());
        }
        if let Some(within_ms) = self.within_ms {
            hash.field(&within_ms.to_be_bytes());
        }
        hash.finish()
    }
}

impl Field {
    /// The choices of the question, if it has any.
    pub fn choices(&self) -> &[FieldChoice] {
        match &self.kind {
            FieldKind::One { choices } | FieldKind::Many { choices, .. } => choices,
            FieldKind::Text { .. } | FieldKind::Number { .. } | FieldKind::Flag | FieldKind::Json { .. } => &[],
        }
    }

    /// The other id under which the user's own words are sent.
    fn companion(&self) -> Option<&str> {
        self.own_words.as_deref().filter(|id| *id != self.id)
    }

    /// The agent takes any text in place of a choice.
    #[must_use]
    pub fn takes_any_text(&self) -> bool {
        self.own_words.as_ref() == Some(&self.id)
    }

    /// Checks one value; the error says in words what is expected.
    fn check(&self, value: &Value) -> Result<(), String> {
        let title = &self.title;
        let known = |value: &str, choices: &[FieldChoice]| {
            self.takes_any_text() || choices.iter().any(|choice| choice.value == value)
        };
        match (&self.kind, value) {
            (FieldKind::Text { format, pattern, length_min, length_max }, Value::String(text)) => {
                let length = text.chars().count() as u64;
                if length_min.is_some_and(|least| length < least) {
                    return Err(format!("“{title}” needs at least {} characters", length_min.unwrap_or_default()));
                }
                if length_max.is_some_and(|most| length > most) {
                    return Err(format!("“{title}” takes at most {} characters", length_max.unwrap_or_default()));
                }
                if let Some(format) = format.as_deref().filter(|format| !has_format(text, format)) {
                    return Err(format!("“{title}” must be {}", format_words(format)));
                }
                match pattern {
                    Some(pattern) if !fits(text, pattern) => Err(format!("“{title}” must match {pattern}")),
                    _ => Ok(()),
                }
            }
            (FieldKind::Number { integer, min, max }, Value::Number(number)) => {
                let value = number.as_f64().unwrap_or(f64::NAN);
                if *integer && !(number.is_i64() || number.is_u64()) {
                    return Err(format!("“{title}” must be a whole number"));
                }
                let least = min.as_ref().filter(|min| min.as_f64().is_some_and(|min| value < min));
                let most = max.as_ref().filter(|max| max.as_f64().is_some_and(|max| value > max));
                match (least, most) {
                    (Some(least), _) => Err(format!("“{title}” must be at least {least}")),
                    (_, Some(most)) => Err(format!("“{title}” must be at most {most}")),
                    (None, None) => Ok(()),
                }
            }
            (FieldKind::Flag, Value::Bool(_)) | (FieldKind::Json { .. }, _) => Ok(()),
            (FieldKind::One { choices }, Value::String(value)) if known(value, choices) => Ok(()),
            (FieldKind::Many { choices, count_min, count_max }, Value::Array(values)) => {
                let count = values.len() as u64;
                let all = values.iter().all(|value| value.as_str().is_some_and(|value| known(value, choices)));
                if !all {
                    return Err(format!("“{title}” takes only its own choices"));
                }
                if count_min.is_some_and(|least| count < least) {
                    return Err(format!("“{title}” needs at least {} of them", count_min.unwrap_or_default()));
                }
                if count_max.is_some_and(|most| count > most) {
                    return Err(format!("“{title}” takes at most {} of them", count_max.unwrap_or_default()));
                }
                Ok(())
            }
            (FieldKind::Text { .. }, _) => Err(format!("“{title}” must be text")),
            (FieldKind::Number { .. }, _) => Err(format!("“{title}” must be a number")),
            (FieldKind::Flag, _) => Err(format!("“{title}” must be yes or no")),
            (FieldKind::One { .. }, _) => Err(format!("“{title}” must be one of its choices")),
            (FieldKind::Many { .. }, _) => Err(format!("“{title}” must be a list of its choices")),
        }
    }

    /// Reads what was typed for the question. Text is taken as it is, numbers and unknown types are read.
    ///
    /// # Errors
    /// Says what is expected.
    pub fn read(&self, typed: &str) -> Result<Value, String> {
        let value = match &self.kind {
            FieldKind::Number { .. } => serde_json::from_str::<Number>(typed.trim())
                .map(Value::Number)
                .map_err(|_| format!("“{}” must be a number", self.title))?,
            FieldKind::Json { .. } => {
                serde_json::from_str(typed.trim()).map_err(|e| format!("“{}” must be JSON: {e}", self.title))?
            }
            FieldKind::Text { .. } | FieldKind::Flag | FieldKind::One { .. } | FieldKind::Many { .. } => {
                Value::from(typed)
            }
        };
        self.check(&value).map(|()| value)
    }
}

fn format_words(format: &str) -> &str {
    match format {
        "email" => "an e-mail address",
        "uri" => "an address such as https://example.org/",
        "date" => "a date such as 2026-11-29",
        "date-time" => "a date and time such as 2026-11-29T13:00:00Z",
        other => other,
    }
}

/// JSON Schema's formats, as far as a typing error is found by them. Unknown formats hold for everything.
fn has_format(text: &str, format: &str) -> bool {
    let is_date = |text: &str| {
        let mut parts = text.split('-');
        let mut number = |digits: usize, most: u32| {
            let part = parts.next().filter(|part| part.len() == digits);
            part.and_then(|part| part.parse::<u32>().ok()).is_some_and(|n| n >= 1 && n <= most)
        };
        number(4, 9999) && number(2, 12) && number(2, 31) && parts.next().is_none()
    };
    match format {
        "email" => text.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !host.contains('@') && !text.contains(char::is_whitespace)
        }),
        "uri" => text.split_once(':').is_some_and(|(scheme, rest)| {
            let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(is_scheme)
                && !rest.is_empty()
                && !text.contains(char::is_whitespace)
        }),
        "date" => is_date(text),
        "date-time" => text.split_once(['T', 't', ' ']).is_some_and(|(date, time)| {
            let is_time = |c: char| c.is_ascii_digit() || ":.+-Zz".contains(c);
            is_date(date) && time.len() >= 6 && time.chars().all(is_time)
        }),
        _ => true,
    }
}

/// A pattern that cannot be read, or is too large, holds for everything: the agent checks its own.
fn fits(text: &str, pattern: &str) -> bool {
    let regex = regex::RegexBuilder::new(pattern).size_limit(FORM_PATTERN_BYTES_MAX).build();
    regex.map_or(true, |regex| regex.is_match(text))
}

/// What is worth knowing about an address before visiting it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// Before the host, the host (with its port), and the rest: together the whole address.
    pub parts: [&'a str; 3],
    pub warnings: Vec<&'static str>,
}

/// Reads an address. Only what a browser opens over the network: no files, no scripts, no other programs.
pub fn address(url: &str) -> Option<Address<'_>> {
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| url.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)))?;
    let (_, rest) = url.split_at_checked(scheme.len())?;
    let authority = rest.split(['/', '?', '#', '\\']).next().filter(|authority| !authority.is_empty())?;
    let host = authority.rsplit('@').next().filter(|host| !host.is_empty())?;
    let host_at = scheme.len() + authority.len() - host.len();
    let (before, tail) = url.split_at_checked(host_at)?;
    let (host, after) = tail.split_at_checked(host.len())?;
    let mut warnings = Vec::new();
    let lower = host.to_ascii_lowercase();
    if authority.contains('@') {
        warnings.push("the text before the @ is not part of the host");
    }
    if !host.is_ascii() {
        warnings.push("the host has letters that may look like others");
    }
    if lower.split(['.', ':']).any(|label| label.starts_with("xn--")) {
        warnings.push("the host is written in punycode (xn--): it may look like another one in a browser");
    }
    if scheme == "http://" {
        warnings.push("data sent there is not encrypted");
    }
    Some(Address { parts: [before, host, after], warnings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn field(id: &str, kind: FieldKind) -> Field {
        let (id, title) = (id.to_owned(), id.to_owned());
        Field { id, title, detail: String::new(), required: false, secret: false, kind, default: None, own_words: None }
    }

    fn choices(values: &[&str]) -> Vec<FieldChoice> {
        let choice = |value: &&str| FieldChoice {
            value: (*value).to_owned(),
            title: (*value).to_owned(),
            detail: String::new(),
            preview: None,
        };
        values.iter().map(choice).collect()
    }

    fn text(format: Option<&str>, pattern: Option<&str>) -> FieldKind {
        let (format, pattern) = (format.map(str::to_owned), pattern.map(str::to_owned));
        FieldKind::Text { format, pattern, length_min: None, length_max: Some(40) }
    }

    fn form() -> Form {
        let number = FieldKind::Number { integer: true, min: Some(1.into()), max: Some(9.into()) };
        let fields = vec![
            Field {
                required: true,
                own_words: Some("db_custom".into()),
                ..field("db", FieldKind::One { choices: choices(&["a", "b"]) })
            },
            field(
                "many",
                FieldKind::Many { choices: choices(&["x", "y", "z"]), count_min: Some(1), count_max: Some(2) },
            ),
            field("count", number),
            field("mail", text(Some("email"), None)),
            field("day", text(Some("date"), None)),
            field("code", text(None, Some("^[a-z]+$"))),
            field("odd", text(None, Some("(?=x"))),
            Field { secret: true, ..field("token", text(None, None)) },
            field("raw", FieldKind::Json { schema: json!({"type": "object"}) }),
            field("ok", FieldKind::Flag),
        ];
        Form { message: "?".into(), fields, ..Form::default() }
    }

    fn check(content: Value) -> Result<(), String> {
        form().check(content.as_object().unwrap()).map_err(|misfit| misfit.text)
    }

    #[test]
    fn every_type_takes_what_fits_and_says_what_does_not() {
        let all = json!({"db": "a", "many": ["x", "z"], "count": 3, "mail": "a@b.org", "day": "2026-11-29",
            "code": "abc", "odd": "anything", "token": "t", "raw": {"a": [1]}, "ok": false});
        assert_eq!(check(all.clone()), Ok(()));
        for (id, bad, words) in [
            ("db", json!("c"), "one of its choices"),
            ("db", json!(3), "one of its choices"),
            ("many", json!(["x", "y", "z"]), "at most 2"),
            ("many", json!([]), "at least 1"),
            ("many", json!(["q"]), "only its own choices"),
            ("count", json!(2.5), "whole number"),
            ("count", json!(0), "at least 1"),
            ("count", json!(10), "at most 9"),
            ("mail", json!("me at home"), "e-mail"),
            ("day", json!("2026-13-01"), "a date such as"),
            ("code", json!("A1"), "must match"),
            ("token", json!("x".repeat(41)), "at most 40"),
            ("ok", json!("yes"), "yes or no"),
            ("other", json!(1), "no field"),
        ] {
            let mut content = all.clone();
            content[id] = bad;
            let error = check(content).unwrap_err();
            assert!(error.contains(words), "{id}: {error}");
        }
    }

    #[test]
    fn a_required_question_is_answered_by_a_choice_or_in_own_words() {
        assert!(check(json!({"count": 3})).unwrap_err().contains("“db” needs an answer"));
        assert_eq!(check(json!({"db_custom": "neither"})), Ok(()));
        assert_eq!(form().answered(json!({"db_custom": "neither", "ok": true}).as_object().unwrap()), 2);
        assert!(check(json!({"db_custom": 5})).is_err());
    }

    #[test]
    fn typed_text_is_read_as_the_type_of_its_question() {
        let form = form();
        let read = |id: &str, typed: &str| form.fields.iter().find(|field| field.id == id).unwrap().read(typed);
        assert_eq!(read("count", " 4 "), Ok(json!(4)));
        assert!(read("count", "1e999").is_err() && read("count", "").is_err());
        assert!(read("count", "four").is_err() && read("raw", "{").is_err() && read("mail", "x").is_err());
        assert_eq!(read("raw", r#"{"a":1}"#), Ok(json!({"a": 1})));
        assert_eq!(read("token", "5"), Ok(json!("5")));
    }

    #[test]
    fn answers_are_told_in_the_words_of_their_choices() {
        let mut form = form();
        if let FieldKind::One { choices } = &mut form.fields[0].kind {
            choices[0].title = "Postgres".into();
        }
        let content = json!({"db": "a", "db_custom": "14", "many": ["x", "z"], "count": 3, "ok": false});
        let told: Vec<_> = form.answers(content.as_object().unwrap()).collect();
        let expect = [("db", "Postgres, “14”"), ("many", "x, z"), ("count", "3"), ("ok", "no")];
        assert_eq!(told, expect.map(|(title, words)| (title, words.to_owned())));
    }

    #[test]
    fn a_secret_is_not_in_the_record() {
        let content = json!({"token": "hunter2", "db": "a"}).as_object().unwrap().clone();
        let masked = serde_json::to_string(&form().masked(&FormAnswer::Accept { content })).unwrap();
        assert_eq!(masked, r#"{"action":"accept","content":{"token":"(not recorded)","db":"a"}}"#);
    }

    #[test]
    fn a_form_comes_back_from_json_and_every_word_counts_in_its_digest() {
        let form = form();
        let again: Form = serde_json::from_str(&serde_json::to_string(&form).unwrap()).unwrap();
        assert_eq!(again, form);
        let mut other = form.clone();
        if let FieldKind::One { choices } = &mut other.fields[0].kind {
            choices[1].detail = "deletes everything".into();
        }
        assert_ne!(other.digest(), form.digest());
    }

    #[test]
    fn an_address_is_split_at_its_host_and_warned_about() {
        let parts = |url| address(url).map(|a| (a.parts[1].to_owned(), a.warnings.len()));
        assert_eq!(parts("https://github.com@evil.example/login?x=1"), Some(("evil.example".to_owned(), 1)));
        assert_eq!(parts("HTTP://x"), Some(("x".to_owned(), 1)));
        assert_eq!(parts("https://xn--pple-43d.com:8080/"), Some(("xn--pple-43d.com:8080".to_owned(), 1)));
        assert_eq!(parts("https://аpple.com/"), Some(("аpple.com".to_owned(), 1)));
        for url in ["https://a.example\\@b.example/", "https://a/b"] {
            assert_eq!(address(url).unwrap().parts.concat(), url);
        }
        for bad in ["file:///etc/passwd", "javascript:alert(1)", "https://", "vscode://x/y", "", "http"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }
}
