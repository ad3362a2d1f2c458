//! An action in JSON: `kind` and beside it only the fields of that kind, in the order that released journals have.

use super::action::{
    Action, ActionBody, Author, Command, Executor, FileEdit, Kind, LineRange, Rationale, Risk, Touches, TrialBudget,
};
use super::form::Form;
use super::offer::RequestOption;
use super::plan::PlanDocument;
use crate::base::{ActionId, Digest, StepId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

#[derive(Serialize, Deserialize)]
struct Json<'a> {
    id: Cow<'a, ActionId>,
    revision: u32,
    kind: Kind,
    title: Cow<'a, str>,
    digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<Cow<'a, StepId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rationale: Option<Cow<'a, Rationale>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    files: Option<Cow<'a, [FileEdit]>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<Cow<'a, Command>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    form: Option<Cow<'a, Form>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    document: Option<Cow<'a, PlanDocument>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    risk: Option<Cow<'a, Risk>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    touches: Option<Cow<'a, Touches>>,
    #[serde(default, skip_serializing_if = "is_default")]
    executor: Executor,
    #[serde(default, skip_serializing_if = "is_default")]
    checks: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trial: Option<Cow<'a, TrialBudget>>,
    #[serde(default, skip_serializing_if = "<[RequestOption]>::is_empty")]
    options: Cow<'a, [RequestOption]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Digest>,
    #[serde(flatten)]
    marks: Marks,
}

/// How this revision came about, and the lines of a read.
#[derive(Serialize, Deserialize)]
struct Marks {
    #[serde(default, skip_serializing_if = "is_default")]
    author: Author,
    #[serde(default, skip_serializing_if = "is_default")]
    conflicted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<LineRange>,
    #[serde(default, skip_serializing_if = "is_default")]
    candidate: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let json = Json {
            id: Cow::Borrowed(&self.id),
            revision: self.revision,
            kind: self.kind(),
            title: Cow::Borrowed(&self.title),
            digest: self.digest,
            step: self.step.as_ref().map(Cow::Borrowed),
            rationale: self.rationale.as_ref().map(Cow::Borrowed),
            files: matches!(self.body, ActionBody::Edit(_)).then(|| Cow::Borrowed(self.files())),
            command: self.command().map(Cow::Borrowed),
            target: self.target().map(Cow::Borrowed),
            form: self.form().map(Cow::Borrowed),
            document: self.document().map(Cow::Borrowed),
            risk: self.risk.as_ref().map(Cow::Borrowed),
            touches: self.touches.as_deref().map(Cow::Borrowed),
            executor: self.executor,
            checks: self.checks,
            trial: self.trial().map(Cow::Borrowed),
            options: Cow::Borrowed(&self.options),
            request: self.request.as_deref().copied(),
            marks: Marks {
                author: self.author,
                conflicted: self.conflicted,
                part: self.part,
                candidate: self.candidate,
            },
        };
        json.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(from)?;
        let missing = <D::Error as serde::de::Error>::missing_field;
        let command = || json.command.map(Cow::into_owned).ok_or_else(|| missing("command"));
        let target = || json.target.map(Cow::into_owned);
        let body = match json.kind {
            Kind::Edit => ActionBody::Edit(json.files.map(Cow::into_owned).unwrap_or_default()),
            Kind::Command => match json.trial {
                None => ActionBody::Command(command()?),
                Some(budget) => ActionBody::Trials(command()?, Box::new(budget.into_owned())),
            },
            Kind::Read => ActionBody::Read(target().ok_or_else(|| missing("target"))?),
            Kind::Network => ActionBody::Network(target().unwrap_or_default()),
            Kind::Plan => ActionBody::Plan(json.document.map(|document| Box::new(document.into_owned()))),
            Kind::Other => match json.form {
                Some(form) => ActionBody::Form(Box::new(form.into_owned())),
                None => ActionBody::Other,
            },
        };
        Ok(Self {
            id: json.id.into_owned(),
            revision: json.revision,
            body,
            title: json.title.into_owned(),
            digest: json.digest,
            step: json.step.map(Cow::into_owned),
            rationale: json.rationale.map(Cow::into_owned),
            risk: json.risk.map(Cow::into_owned),
            touches: json.touches.map(|touches| Box::new(touches.into_owned())),
            executor: json.executor,
            checks: json.checks,
            options: json.options.into_owned().into_boxed_slice(),
            request: json.request.map(Box::new),
            author: json.marks.author,
            conflicted: json.marks.conflicted,
            part: json.marks.part,
            candidate: json.marks.candidate,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The actions of a released journal, and one of each kind, are the same bytes after a round trip.
    #[test]
    fn actions_come_back_byte_for_byte() {
        let digest = Digest::of(b"");
        let of = |rest: &str| format!(r#"{{"id":"a1","revision":1,"kind":{rest}}}"#);
        let head = format!(r#""title":"t","digest":"{digest}""#);
        let mut actions = vec![
            of(&format!(
                r#""edit",{head},"step":"s1","files":[{{"path":"a","change":"create","after":"x"}}],"executor":"agent""#
            )),
            of(&format!(
                r#""command",{head},"command":{{"shell":"ls","cwd":"."}},"touches":{{"files":1,"first":["a"]}},"checks":true"#
            )),
            of(&format!(
                r#""command",{head},"command":{{"argv":["a"],"cwd":"."}},"trial":{{"runs_max":3,"wall_ms_max":9,"commands":[{{"shell":"c","cwd":"."}}]}}"#
            )),
            of(&format!(
                r#""read",{head},"rationale":{{"text":"w","evidence":[{{"kind":"odd","text":"e"}}]}},"target":"a","request":"{digest}""#
            )),
            of(&format!(r#""network",{head},"target":"example.org","risk":{{"score":3,"factors":[]}}"#)),
            of(&format!(r#""plan",{head},"author":"human""#)),
            of(&format!(
                r#""plan",{head},"document":{{"text":"1. a","path":"/p.md","subject":{{"step_end":{{"step":"s1"}}}}}}"#
            )),
            of(&format!(r#""other",{head},"conflicted":true"#)),
        ];
        let released = include_str!("../../tests/fixtures/journal/1.jsonl");
        let in_it = released.lines().filter_map(|line| Some(line.split_once(r#""action":{"#)?.1));
        actions.extend(in_it.map(|rest| format!("{{{}", rest.strip_suffix('}').unwrap())));
        assert!(actions.len() > 12, "{}", actions.len());
        for text in actions {
            let action: Action = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&action).unwrap(), text);
        }
    }

    #[test]
    fn an_action_without_what_its_kind_needs_is_refused() {
        let digest = Digest::of(b"");
        let text = format!(r#"{{"id":"a1","revision":1,"kind":"command","title":"t","digest":"{digest}"}}"#);
        assert!(serde_json::from_str::<Action>(&text).is_err());
    }
}
