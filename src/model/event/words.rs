//! Facts in words, for people: a heading, and what belongs below it. Foreign text is as it came; the view that shows it
//! cleans it.

use super::{
    AgentChanged, ChangedBy, Commented, Finished, Observed, PlanDecided, PlanRevised, PlanWritten, Proposed, Reverted,
    SessionOpened, Stopped,
};
use crate::base::ActionId;
use crate::model::check::CheckFinished;
use crate::model::comment::CommentState;

/// A fact in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub heading: String,
    pub detail: Vec<Detail>,
}

/// A piece of what belongs below a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Prose.
    Text(String),
    /// Verbatim lines.
    Lines(String),
}

impl Words {
    pub(super) fn new(heading: impl Into<String>) -> Self {
        Self { heading: heading.into(), detail: Vec::new() }
    }

    pub(super) fn text(mut self, text: impl Into<String>) -> Self {
        self.detail.push(Detail::Text(text.into()));
        self
    }

    pub(super) fn texts<'a>(self, texts: impl IntoIterator<Item = &'a String>) -> Self {
        texts.into_iter().fold(self, |words, text| words.text(text))
    }

    pub(super) fn lines(mut self, text: impl Into<String>) -> Self {
        self.detail.push(Detail::Lines(text.into()));
        self
    }
}

impl From<String> for Words {
    fn from(heading: String) -> Self {
        Self::new(heading)
    }
}

impl From<&str> for Words {
    fn from(heading: &str) -> Self {
        Self::new(heading)
    }
}

pub(super) fn opened(body: &SessionOpened) -> Words {
    let place = format!(
        "Workspace {}, agent {}, mode {}, isolation {}.",
        body.workspace,
        body.agent.name,
        body.mode.word(),
        body.agent.isolation.word()
    );
    Words::new(format!("Session {} opened", body.session)).text(place).texts(&body.goal)
}

pub(super) fn agent_changed(body: &AgentChanged) -> Words {
    let model = body.model.as_ref().map(|model| format!(", model {model}")).unwrap_or_default();
    let (from, to) = (&body.from, &body.to);
    Words::new(format!("The agent was changed by {}: from {} to {}{model}", body.by, from.name, to.name))
        .text(format!("Isolation {}.", to.isolation.word()))
}

pub(super) fn planned(body: &PlanRevised) -> Words {
    let steps: Vec<String> = body.steps.iter().map(|step| format!("[{}] {}", step.status.word(), step.title)).collect();
    Words::new(format!("Plan revision {} by {}", body.revision, body.by)).lines(steps.join("\n"))
}

pub(super) fn plan_written(body: &PlanWritten) -> Words {
    Words::new(format!("Plan written by {}", body.by)).lines(&body.document.text)
}

pub(super) fn plan_decided(body: &PlanDecided) -> Words {
    Words::new(format!("The plan was {} by {}", body.verdict.words(), body.by)).texts(&body.reason)
}

pub(super) fn commented(body: &Commented) -> Words {
    let comment = &body.comment;
    let state = match comment.state {
        CommentState::Open => "",
        CommentState::Sent => ", sent",
        CommentState::Resolved => ", resolved",
        CommentState::Withdrawn => ", withdrawn",
    };
    let (id, place) = (&comment.id, comment.place());
    let place = if comment.is_on_plan() { format!("{place} of the plan") } else { place };
    let words = Words::new(format!("Comment {id} on {place}{state}"));
    // Of the plan the text is in the record as a whole.
    let quotes = comment.state == CommentState::Open && !comment.is_on_plan() && !comment.anchor.quote.is_empty();
    let words = if quotes { words.lines(&comment.anchor.quote) } else { words };
    words.text(format!("{} {}", comment.kind.sign(), comment.text).trim())
}

pub(super) fn proposed(body: &Proposed) -> Words {
    let action = &body.action;
    let mut words = Words::new(format!("{} proposed, revision {}: {}", action.id, action.revision, action.title));
    if let Some(why) = &action.rationale {
        words = words.text(&why.text);
    }
    if let Some(command) = action.command() {
        words = words.lines(format!("$ {}", command.line()));
    }
    if let Some(touches) = action.touches.as_ref().filter(|touches| touches.files > 0 || !touches.unknown.is_empty()) {
        let plural = if touches.files == 1 { "" } else { "s" };
        let more = if touches.files > touches.first.len() as u64 { ", …" } else { "" };
        let first = touches.first.join(", ");
        let unknown: String = touches.unknown.iter().map(|what| format!("; not known: {what}")).collect();
        words = words.text(match touches.files {
            0 => format!("touches{}", unknown.trim_start_matches(';')),
            files => format!("touches {files} file{plural}: {first}{more}{unknown}"),
        });
    }
    words
}

pub(super) fn finished(body: &Finished) -> Words {
    let exit = body.exit.map(|code| format!(", exit {code}")).unwrap_or_default();
    Words::new(format!("{} {}{exit}", body.action, body.outcome.words())).texts(&body.detail)
}

pub(super) fn observed(body: &Observed) -> Words {
    let by = match &body.by {
        ChangedBy::Action(id) => format!("by {id}"),
        ChangedBy::During(id) => format!("while {id} ran"),
        ChangedBy::Session(id) if body.unsure => format!("while session {id} was running"),
        ChangedBy::Session(id) => format!("by session {id}"),
        ChangedBy::Human => "by the user".to_owned(),
        ChangedBy::Unsupervised => "unsupervised".to_owned(),
    };
    format!("{} {} {by}", body.path, body.change.words()).into()
}

pub(super) fn checked(body: &CheckFinished) -> Words {
    let heading =
        format!("Checks {}: {} passed, {} failed, {} skipped", body.run, body.passed, body.failed, body.skipped);
    let named =
        [("fixed", &body.fixed), ("broken", &body.broken), ("silenced", &body.silenced), ("flaky", &body.flaky)];
    let named = named.into_iter().filter(|(_, cases)| !cases.is_empty());
    named.fold(Words::new(heading), |words, (what, cases)| words.lines(format!("{what}:\n{}", cases.join("\n"))))
}

pub(super) fn stopped(body: &Stopped) -> Words {
    let census = &body.census;
    let (left, unknown) = (census.survivors.len(), census.unknown.len());
    format!("Stopped: {left} survivors, {unknown} unknown, checked after {} ms", census.checked_ms).into()
}

pub(super) fn reverted(body: &Reverted) -> Words {
    let actions: Vec<&str> = body.actions.iter().map(ActionId::as_str).collect();
    let what = if body.again { "redone" } else { "undone" };
    format!("{} {what} by {}", actions.join(", "), body.by.words()).into()
}
