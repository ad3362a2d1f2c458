//! The user's answers to a form, while they are being given: choices, typed values, and words of their own.

use super::scene::Scene;
use crate::model::form::{Field, FieldKind, Form};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A part of a question that can be answered: one of its choices, its typed value, or the user's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Choice(usize),
    Value,
    OwnWords,
}

/// A place on the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    pub field: usize,
    /// Absent on the question's own lines.
    pub part: Option<Part>,
}

/// What has been answered so far, by field id. Belongs to one revision of one action.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormDraft {
    /// `None`: the default was taken away.
    values: BTreeMap<String, Option<Value>>,
    own_words: BTreeMap<String, String>,
    /// Typed, and not (yet) what the question takes.
    unfinished: BTreeMap<String, String>,
}

/// The choices of a yes-or-no question.
pub const FLAGS: [&str; 2] = ["yes", "no"];

impl FormDraft {
    /// The answer to a question as it would be sent: given, or the default.
    #[must_use]
    pub fn value<'a>(&'a self, field: &'a Field) -> Option<&'a Value> {
        match self.values.get(&field.id) {
            Some(value) => value.as_ref(),
            None => field.default.as_ref(),
        }
    }

    /// Nothing was answered here: what is shown is the agent's default.
    #[must_use]
    pub fn is_default(&self, field: &Field) -> bool {
        !self.values.contains_key(&field.id) && field.default.is_some()
    }

    #[must_use]
    pub fn own_words(&self, field: &Field) -> &str {
        self.own_words.get(&field.id).map_or("", String::as_str)
    }

    /// Typed text that the question does not take.
    #[must_use]
    pub fn unfinished(&self, field: &Field) -> Option<&str> {
        self.unfinished.get(&field.id).map(String::as_str)
    }

    /// The text to go on typing with.
    #[must_use]
    pub fn typed(&self, field: &Field, part: Part) -> String {
        if part == Part::OwnWords {
            return self.own_words(field).to_owned();
        }
        self.text(field).unwrap_or_default()
    }

    /// The typed value as text, whether the question takes it or not.
    #[must_use]
    pub fn text(&self, field: &Field) -> Option<String> {
        let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.unfinished(field).map(str::to_owned).or_else(|| self.value(field).map(value))
    }

    #[must_use]
    pub fn is_picked(&self, field: &Field, choice: usize) -> bool {
        match (&field.kind, self.value(field)) {
            (FieldKind::Flag, Some(Value::Bool(value))) => choice == usize::from(!value),
            (FieldKind::One { choices }, Some(value)) => {
                choices.get(choice).is_some_and(|choice| value.as_str() == Some(&choice.value))
            }
            (FieldKind::Many { choices, .. }, Some(Value::Array(values))) => choices
                .get(choice)
                .is_some_and(|choice| values.iter().any(|value| value.as_str() == Some(&choice.value))),
            _ => false,
        }
    }

    /// Picks a choice; picking it again takes it away.
    pub fn pick(&mut self, field: &Field, choice: usize) {
        let was = self.is_picked(field, choice);
        let next = match &field.kind {
            FieldKind::Flag if choice < FLAGS.len() => (!was).then_some(Value::Bool(choice == 0)),
            FieldKind::One { choices } => match choices.get(choice) {
                Some(choice) => (!was).then(|| Value::from(choice.value.as_str())),
                None => return,
            },
            FieldKind::Many { choices, .. } => {
                let picked = (0..choices.len()).filter(|at| (*at == choice) != self.is_picked(field, *at));
                let values: Vec<Value> =
                    picked.filter_map(|at| choices.get(at)).map(|choice| choice.value.as_str().into()).collect();
                (!values.is_empty()).then_some(Value::Array(values))
            }
            FieldKind::Flag | FieldKind::Text { .. } | FieldKind::Number { .. } | FieldKind::Json { .. } => return,
        };
        self.values.insert(field.id.clone(), next);
    }

    /// Takes typed text in; nothing typed is no answer. Text that the question does not take is kept, and not sent.
    ///
    /// # Errors
    /// Says what is expected.
    pub fn write(&mut self, field: &Field, part: Part, text: &str) -> Result<(), String> {
        if part == Part::OwnWords {
            self.own_words.insert(field.id.clone(), text.trim().to_owned());
            return Ok(());
        }
        self.unfinished.remove(&field.id);
        if text.is_empty() {
            self.values.insert(field.id.clone(), None);
            return Ok(());
        }
        match field.read(text) {
            Ok(value) => {
                self.values.insert(field.id.clone(), Some(value));
                Ok(())
            }
            Err(why) => {
                self.unfinished.insert(field.id.clone(), text.to_owned());
                Err(why)
            }
        }
    }

    /// The content that would be sent: only what has an answer.
    #[must_use]
    pub fn content(&self, form: &Form) -> Map<String, Value> {
        let mut content = Map::new();
        for field in &form.fields {
            if let Some(value) = self.value(field) {
                content.insert(field.id.clone(), value.clone());
            }
            let words = self.own_words(field);
            if let Some(id) = field.own_words.as_ref().filter(|_| !words.is_empty()) {
                let beside = content.remove(id).filter(|_| field.takes_any_text());
                let many = field.takes_any_text() && matches!(field.kind, FieldKind::Many { .. });
                let beside = beside.or(many.then(|| Value::Array(Vec::new())));
                content.insert(id.clone(), joined(beside, words));
            }
        }
        content
    }

    /// Own words for which the form has no place: they follow as a message.
    #[must_use]
    pub fn words_beside(&self, form: &Form) -> Option<String> {
        let beside = form.fields.iter().filter(|field| field.own_words.is_none());
        let lines = beside.filter_map(|field| {
            let words = self.own_words(field);
            (!words.is_empty()).then(|| format!("On “{}”: {words}", field.title))
        });
        let lines: Vec<String> = lines.collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// The first question whose typed text is not what it takes.
    #[must_use]
    pub fn first_unfinished(&self, form: &Form) -> Option<usize> {
        form.fields.iter().position(|field| self.unfinished.contains_key(&field.id))
    }
}

/// Own words as they are sent in place of the choice that was picked, which is not lost.
fn joined(picked: Option<Value>, words: &str) -> Value {
    match picked {
        Some(Value::Array(mut values)) => {
            values.push(words.into());
            Value::Array(values)
        }
        Some(Value::String(choice)) => format!("{choice}: {words}").into(),
        Some(_) | None => words.into(),
    }
}

/// The form under review, as long as it is pending.
#[must_use]
pub fn of(scene: &Scene) -> Option<&Form> {
    scene.held_target().and_then(|(state, _)| state.action.form())
}

/// The parts of a question, in the order of the page.
#[must_use]
pub fn parts(field: &Field) -> Vec<Part> {
    match &field.kind {
        FieldKind::Flag => (0..FLAGS.len()).map(Part::Choice).collect(),
        FieldKind::One { choices } | FieldKind::Many { choices, .. } => {
            // Words beside a form are recorded: none are taken for a secret.
            let own = field.own_words.is_some() || !field.secret;
            (0..choices.len()).map(Part::Choice).chain(own.then_some(Part::OwnWords)).collect()
        }
        FieldKind::Text { .. } | FieldKind::Number { .. } | FieldKind::Json { .. } => vec![Part::Value],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form() -> Form {
        serde_json::from_value(json!({"message": "?", "fields": [
            {"id": "one", "title": "One", "type": "one", "own_words": "one_custom",
             "choices": [{"value": "a", "title": "A"}, {"value": "b", "title": "B"}], "default": "a"},
            {"id": "many", "title": "Many", "type": "many",
             "choices": [{"value": "x", "title": "X"}, {"value": "y", "title": "Y"}]},
            {"id": "sure", "title": "Sure", "type": "flag"},
            {"id": "count", "title": "Count", "type": "number", "integer": true},
        ]}))
        .unwrap()
    }

    #[test]
    fn choices_are_picked_and_taken_away_and_defaults_stand_until_then() {
        let (form, mut draft) = (form(), FormDraft::default());
        let [one, many, sure, _] = &form.fields[..] else { panic!() };
        assert!(draft.is_picked(one, 0) && draft.is_default(one));
        assert_eq!(Value::Object(draft.content(&form)), json!({"one": "a"}), "an untouched yes-or-no is not sent");
        draft.pick(one, 1);
        draft.pick(many, 1);
        draft.pick(many, 0);
        draft.pick(sure, 1);
        assert_eq!(Value::Object(draft.content(&form)), json!({"one": "b", "many": ["x", "y"], "sure": false}));
        draft.pick(one, 1);
        draft.pick(many, 0);
        draft.pick(sure, 1);
        assert_eq!(Value::Object(draft.content(&form)), json!({"many": ["y"]}), "the default was taken away");
    }

    #[test]
    fn own_words_go_into_the_form_where_it_has_a_place_and_beside_it_elsewhere() {
        let (form, mut draft) = (form(), FormDraft::default());
        draft.write(&form.fields[0], Part::OwnWords, "neither ").unwrap();
        draft.write(&form.fields[1], Part::OwnWords, "all of them").unwrap();
        assert_eq!(Value::Object(draft.content(&form)), json!({"one": "a", "one_custom": "neither"}));
        assert_eq!(draft.words_beside(&form).as_deref(), Some("On “Many”: all of them"));
    }

    #[test]
    fn own_words_take_the_place_of_a_choice_where_any_text_is_one() {
        let (mut form, mut draft) = (form(), FormDraft::default());
        for field in &mut form.fields[..2] {
            (field.own_words, field.default) = (Some(field.id.clone()), None);
        }
        draft.write(&form.fields[0], Part::OwnWords, "neither").unwrap();
        draft.write(&form.fields[1], Part::OwnWords, "z").unwrap();
        let content = draft.content(&form);
        assert_eq!(Value::Object(content.clone()), json!({"one": "neither", "many": ["z"]}));
        assert_eq!(draft.words_beside(&form), None);
        draft.pick(&form.fields[0], 1);
        draft.pick(&form.fields[1], 0);
        let content = draft.content(&form);
        assert_eq!(Value::Object(content.clone()), json!({"one": "b: neither", "many": ["x", "z"]}));
        assert_eq!(form.check(&content), Ok(()));
        let answers: Vec<_> = form.answers(&content).collect();
        assert_eq!(answers, [("One", "b: neither".to_owned()), ("Many", "X, z".to_owned())]);
    }

    #[test]
    fn words_on_a_secret_are_taken_only_where_the_form_has_a_place_for_them() {
        let mut form = form();
        for field in &mut form.fields {
            field.secret = true;
        }
        let takes = |at: usize| parts(&form.fields[at]).contains(&Part::OwnWords);
        assert_eq!((takes(0), takes(1)), (true, false));
    }

    #[test]
    fn typed_text_that_does_not_fit_is_kept_and_not_sent() {
        let (form, mut draft) = (form(), FormDraft::default());
        let count = &form.fields[3];
        assert!(draft.write(count, Part::Value, "many").is_err());
        assert_eq!((draft.typed(count, Part::Value).as_str(), draft.first_unfinished(&form)), ("many", Some(3)));
        assert!(!draft.content(&form).contains_key("count"));
        draft.write(count, Part::Value, "3").unwrap();
        assert_eq!((draft.content(&form)["count"].clone(), draft.first_unfinished(&form)), (json!(3), None));
        draft.write(count, Part::Value, "").unwrap();
        assert!(!draft.content(&form).contains_key("count"));
    }
}
