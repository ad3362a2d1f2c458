//! One change to the pipeline, with everything that answers who, when, why, and with what result.

use crate::base::{ActionId, Digest, RunId, Seq, SessionId, UnixMs};
use crate::model::action::{Content, FileChange, FileEdit, Rationale};
use crate::model::check::CheckFinished;
use crate::model::event::{
    Decided, Decider, Envelope, FileOutcome, LapseWhy, Observed, OutcomeWord, Ruled, Sides, Verdict,
};
use serde::{Deserialize, Serialize};

/// Who made a change, or asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// By name.
    Agent(String),
    User,
    Session(SessionId),
    /// It happened while this action ran; who did it is not certain.
    During(ActionId),
    Unknown,
}

impl Who {
    pub fn words(&self) -> String {
        match self {
            Self::Agent(name) if name.is_empty() => "the agent".to_owned(),
            Self::Agent(name) => format!("the agent {name}"),
            Self::User => "the user".to_owned(),
            Self::Session(session) => format!("session {session}"),
            Self::During(action) => format!("during {action}"),
            Self::Unknown => "unknown: nobody asked".to_owned(),
        }
    }
}

/// The change of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    pub change: FileChange,
    /// Of what the record does not hold, a digest alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Content>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Content>,
}

/// What the event has of this content: the bytes, if they are those of the digest.
fn side(recorded: Option<&Content>, digest: Option<Digest>) -> Option<Content> {
    let is_it = |content: &&Content| digest.is_some_and(|digest| content.digest() == digest);
    recorded.filter(is_it).cloned().or_else(|| digest.map(|digest| Content::Blob { digest, bytes: 0 }))
}

impl Change {
    pub(super) fn of(file: &FileEdit) -> Self {
        Self {
            path: file.path.to_string(),
            from: file.from.as_ref().map(ToString::to_string),
            change: file.change,
            before: file.before.clone(),
            after: file.after.clone(),
        }
    }

    /// Of a command, whose event has what the files held, as far as it was recorded.
    pub(super) fn seen(file: &FileOutcome, sides: &[Sides]) -> Self {
        let sides = sides.iter().find(|sides| sides.path == file.path);
        Self {
            path: file.path.to_string(),
            from: file.from.as_ref().map(ToString::to_string),
            change: file.change,
            before: side(sides.and_then(|sides| sides.before.as_ref()), file.before),
            after: side(sides.and_then(|sides| sides.after.as_ref()), file.after),
        }
    }

    pub(super) fn observed(body: &Observed) -> Self {
        let sides = body.sides.as_deref();
        let before = side(sides.and_then(|sides| sides.before.as_ref()), body.before);
        let after = side(sides.and_then(|sides| sides.after.as_ref()), body.after);
        Self { path: body.path.clone(), from: None, change: body.change, before, after }
    }

    pub fn words(&self) -> String {
        match &self.from {
            Some(from) => format!("renamed {from} to {}", self.path),
            None => format!("{} {}", self.change.words(), self.path),
        }
    }
}

/// A run of all checks, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSeen {
    pub run: RunId,
    /// The event that began it.
    pub seq: Seq,
    pub passed: u32,
    pub failed: u32,
    pub skipped: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl RunSeen {
    pub(super) fn of(seq: Seq, body: &CheckFinished) -> Self {
        let &CheckFinished { passed, failed, skipped, .. } = body;
        Self { run: body.run.clone(), seq, passed, failed, skipped, problem: body.problem.clone() }
    }

    pub fn words(&self) -> String {
        let skipped = if self.skipped > 0 { format!(", {} skipped", self.skipped) } else { String::new() };
        let problem = self.problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
        format!("{} passed, {} failed{skipped} ({}{problem})", self.passed, self.failed, self.run)
    }
}

/// A label and what belongs to it. The text is foreign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub label: &'static str,
    pub text: String,
    /// Something is missing or odd here.
    pub is_odd: bool,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub seq: Seq,
    pub at: UnixMs,
    pub who: Who,
    /// The kind of what is changed, in words.
    pub what: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<Rationale>,
    /// The agent was asked for a reason.
    #[serde(default)]
    pub asked: bool,
    /// Its words after that.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruled: Option<Ruled>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
    /// The user changed it before approving it.
    #[serde(default)]
    pub edited: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapsed: Option<LapseWhy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<OutcomeWord>,
    /// It was seen on the disk; no approval of it is known.
    #[serde(default)]
    pub observed: bool,
    /// The event of its effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone: Option<(Seq, Decider)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests_before: Option<RunSeen>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests_after: Option<RunSeen>,
}

impl Entry {
    pub(super) fn new(envelope: &Envelope, who: Who, what: &str) -> Self {
        Self {
            seq: envelope.seq,
            at: envelope.at,
            who,
            what: what.to_owned(),
            action: None,
            changes: Vec::new(),
            line: None,
            rationale: None,
            asked: false,
            answer: String::new(),
            ruled: None,
            decided: None,
            edited: false,
            lapsed: None,
            outcome: None,
            observed: false,
            effect: None,
            undone: None,
            tests_before: None,
            tests_after: None,
        }
    }

    /// Returns whether the agent gave a reason with it.
    pub fn has_reason(&self) -> bool {
        self.rationale.as_ref().is_some_and(|rationale| !rationale.text.trim().is_empty())
    }

    /// Returns whether no decision on it is known, and one may come.
    pub fn is_open(&self) -> bool {
        self.decided.is_none() && self.lapsed.is_none() && !self.observed
    }

    /// What became of it, in a word or two.
    pub fn fate(&self) -> &'static str {
        if self.undone.is_some() {
            return "undone";
        }
        if self.observed {
            return if self.who == Who::Unknown { "unasked" } else { "observed" };
        }
        match (self.outcome, self.lapsed, self.decided.as_ref().map(|decided| decided.verdict)) {
            (Some(outcome), _, _) if outcome != OutcomeWord::Ok => outcome.words(),
            (_, Some(why), _) => why.words(),
            (_, _, Some(Verdict::Approve)) if self.edited => "edited",
            (_, _, Some(verdict)) => match verdict {
                Verdict::Approve => "approved",
                Verdict::ApproveEdited => "edited",
                Verdict::Deny => "denied",
                Verdict::Redirect => "redirected",
            },
            (_, _, None) => "pending",
        }
    }

    /// What it changes, in one line. Foreign text.
    pub fn title(&self) -> String {
        match (&self.line, self.changes.as_slice()) {
            (Some(line), _) => format!("run {line}"),
            (None, []) => self.what.clone(),
            (None, [only]) => only.words(),
            (None, [first, rest @ ..]) => format!("{} +{}", first.words(), rest.len()),
        }
    }

    /// Everything about it but the diff, in the order of the questions that are asked.
    pub fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        let mut say = |label, text: String, is_odd| facts.push(Fact { label, text, is_odd });
        say("what", format!("{}: {}", self.title(), self.what), false);
        let action = self.action.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        say("who", format!("{}{action}", self.who.words()), self.who == Who::Unknown);
        self.say_why(&mut say);
        match &self.decided {
            Some(decided) => {
                let edited = if self.edited { ", as edited by the user" } else { "" };
                let word = match decided.confirmed {
                    Some(true) => ", the word was typed",
                    Some(false) => ", without the word",
                    None => "",
                };
                let verdict = format!("{} by {}{edited}{word}", decided.verdict.words(), decided.by.words());
                say("verdict", verdict, decided.confirmed == Some(false));
                if let Some(words) = &decided.reason {
                    say("words", words.clone(), false);
                }
            }
            None if self.observed => say("verdict", "none: seen on the disk".to_owned(), true),
            None => say("verdict", self.fate().to_owned(), false),
        }
        if let Some(ruled) = &self.ruled {
            say("rule", format!("{} ({}): {}", ruled.ruling.word(), ruled.rule, ruled.reason), false);
        }
        if let Some(outcome) = self.outcome {
            say("outcome", outcome.words().to_owned(), outcome != OutcomeWord::Ok);
        }
        if let Some((seq, by)) = &self.undone {
            say("undone", format!("by {} (event {seq})", by.words()), false);
        }
        let run = |run: &Option<RunSeen>| run.as_ref().map_or_else(|| "no run of all tests".to_owned(), RunSeen::words);
        say("tests before", run(&self.tests_before), self.tests_before.is_none());
        let has_effect = self.effect.is_some();
        let is_worse = self.tests_after.as_ref().is_some_and(|after| after.failed > 0);
        if has_effect {
            say("tests after", run(&self.tests_after), is_worse || self.tests_after.is_none());
        }
        facts
    }

    fn say_why(&self, say: &mut impl FnMut(&'static str, String, bool)) {
        match self.rationale.as_ref().filter(|_| self.has_reason()) {
            Some(rationale) => {
                say("why", rationale.text.clone(), false);
                for evidence in &rationale.evidence {
                    let at = evidence.r#ref.as_ref().filter(|at| **at != evidence.text);
                    let line = evidence.line.map(|line| format!(":{line}")).unwrap_or_default();
                    let at = at.map(|at| format!(" ({at}{line})")).unwrap_or_default();
                    say("evidence", format!("{}{at}", evidence.text), false);
                }
                if rationale.evidence.is_empty() {
                    say("evidence", "none given".to_owned(), true);
                }
            }
            None if matches!(self.who, Who::Agent(_)) => {
                let asked = if self.asked { "; the agent was asked" } else { "" };
                say("why", format!("no reason given{asked}"), true);
                if !self.answer.trim().is_empty() {
                    say("answer", self.answer.trim().to_owned(), false);
                }
            }
            None => say("why", "not recorded".to_owned(), self.who == Who::Unknown),
        }
    }
}
