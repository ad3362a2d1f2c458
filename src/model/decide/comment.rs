//! The user's comments: on the plan, on what an action changes, and on what it writes. They wait for a verdict, or for
//! the user to send them.

use super::{Effect, Outcome, Refusal};
use crate::base::{ActionId, ClientId, CommentId, Digest, StepId};
use crate::model::action::{Action, Command};
use crate::model::comment::{Anchor, Comment, CommentKind, CommentState, Sent, Subject, feedback};
use crate::model::event::{Commented, Event};
use crate::model::limits::{OPEN_COMMENTS_NAMED_MAX, PLAN_COMMENT_BYTES_MAX};
use crate::model::plan::PlanDocument;
use crate::model::session::{ActionState, Session};
use serde::{Deserialize, Serialize};

/// A change of a comment, with the wire's names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum CommentChange {
    /// On lines of the plan or on a step of it; with `on` on a file or an output, or on lines of it.
    Add {
        #[serde(default)]
        kind: CommentKind,
        #[serde(default)]
        text: String,
        /// From 1.
        #[serde(default)]
        line: Option<u32>,
        #[serde(default)]
        lines: Option<u32>,
        #[serde(default)]
        step: Option<StepId>,
        #[serde(default)]
        on: Option<Subject>,
    },
    /// Other words; the comment is open again.
    Reword {
        comment: CommentId,
        #[serde(default)]
        kind: CommentKind,
        text: String,
    },
    Withdraw {
        comment: CommentId,
    },
    Resolve {
        comment: CommentId,
    },
    Reopen {
        comment: CommentId,
    },
    /// Sends all open ones to the agent, after these words.
    Send {
        #[serde(default)]
        text: String,
    },
}

impl CommentChange {
    /// The comment it is about, if there is one yet.
    pub fn comment(&self) -> Option<&CommentId> {
        match self {
            Self::Add { .. } | Self::Send { .. } => None,
            Self::Reword { comment, .. }
            | Self::Withdraw { comment }
            | Self::Resolve { comment }
            | Self::Reopen { comment } => Some(comment),
        }
    }
}

/// The fact that a comment is like this now.
pub(super) fn event(comment: Comment) -> Event {
    // Comments on the plan have a name of their own, which older clients know.
    if comment.is_on_plan() {
        Event::PlanCommented(Commented { comment })
    } else {
        Event::Commented(Commented { comment })
    }
}

/// The words of a verdict with the comments that it sends, and the comments as they are afterwards.
pub(super) fn with_comments(
    session: &Session,
    state: &ActionState,
    reason: &str,
    (approves, redirects): (bool, bool),
) -> (String, Vec<Event>) {
    let open: Vec<&Comment> = session.plans.sent_with(&state.action, redirects).collect();
    if open.is_empty() {
        return (reason.to_owned(), Vec::new());
    }
    let is_plan = state.action.document().is_some_and(PlanDocument::is_plan);
    let asks_for_plan = is_plan && !approves && open.iter().any(|comment| comment.is_on_plan());
    (words(session, &open, reason, (approves, asks_for_plan)), open.into_iter().map(sent).collect())
}

/// Refuses an approval by whoever does not see the open comments that it would send as notes.
pub(super) fn none_open(session: &Session, state: &ActionState) -> Result<(), Refusal> {
    let are = match session.plans.sent_with(&state.action, false).count() {
        0 => return Ok(()),
        1 => "is 1 open comment".to_owned(),
        count => format!("are {count} open comments"),
    };
    let text = format!(
        "there {are} of yours on {}, which the agent was not given: {}; send or resolve them, or approve in the \
         session, where they go along as notes",
        state.action.id,
        open_on(session, &state.action).join("; ")
    );
    Err(Refusal::Commented(text))
}

/// The open comments that an approval of this action would send as notes, each in a line; the last one counts what is left
/// out.
pub fn open_on(session: &Session, action: &Action) -> Vec<String> {
    let open: Vec<&Comment> = session.plans.sent_with(action, false).collect();
    let name = |comment: &&Comment| format!("{} {}: {}", comment.id, comment.place(), comment.shown());
    let mut named: Vec<String> = open.iter().take(OPEN_COMMENTS_NAMED_MAX).map(name).collect();
    if open.len() > named.len() {
        named.push(format!("and {} more", open.len() - named.len()));
    }
    named
}

fn sent(comment: &Comment) -> Event {
    event(Comment { state: CommentState::Sent, ..comment.clone() })
}

fn words(session: &Session, open: &[&Comment], text: &str, (approves, asks_for_plan): (bool, bool)) -> String {
    let plan = session.plans.latest().map_or("", |latest| latest.document.text.as_str());
    let command = |id: &ActionId| session.actions.get(id)?.action.command().map(Command::line);
    feedback(open, text, Sent { plan, command: &command, approves, asks_for_plan })
}

/// A change of a comment. `anchor` is that of a new one on a file or an output: the caller has read the text.
pub(super) fn change(
    session: &Session,
    digest: Option<Digest>,
    change: CommentChange,
    anchor: Option<Anchor>,
    by: ClientId,
) -> Result<Outcome, Refusal> {
    let known = |id: &CommentId| {
        let comment = session.plans.comment(id).filter(|comment| comment.state != CommentState::Withdrawn);
        comment.cloned().ok_or_else(|| Refusal::Invalid(format!("there is no comment {id}")))
    };
    let comment = match change {
        CommentChange::Add { kind, text, line, lines, step, on } => {
            if session.plans.comments_left() == 0 {
                return Err(too_many());
            }
            let (anchor, version) = match on {
                Some(on) => {
                    let anchor = anchor.filter(|anchor| anchor.on.as_ref() == Some(&on));
                    let anchor = anchor.ok_or_else(|| Refusal::Invalid("there is no such text".into()))?;
                    let action = match &on {
                        Subject::File { action, .. } => action.as_ref(),
                        Subject::Output { action } => Some(action),
                    };
                    let state = action.and_then(|id| session.actions.get(id));
                    (anchor, state.map_or(0, |state| state.action.revision))
                }
                None => on_plan(session, digest, (line, lines), step)?,
            };
            let id = session.plans.next_comment_ids().next().unwrap_or_default();
            Comment { id, kind, text, by, version, anchor, state: CommentState::Open }
        }
        CommentChange::Reword { comment, kind, text } => {
            Comment { kind, text, state: CommentState::Open, ..known(&comment)? }
        }
        CommentChange::Withdraw { comment } => Comment { state: CommentState::Withdrawn, ..known(&comment)? },
        CommentChange::Resolve { comment } => Comment { state: CommentState::Resolved, ..known(&comment)? },
        CommentChange::Reopen { comment } => Comment { state: CommentState::Open, ..known(&comment)? },
        CommentChange::Send { text } => return send(session, &text),
    };
    check(&comment)?;
    Ok(Outcome { events: vec![event(comment)], effects: Vec::new() })
}

/// The place of a comment on the plan, and the version that it is on.
fn on_plan(
    session: &Session,
    digest: Option<Digest>,
    (line, lines): (Option<u32>, Option<u32>),
    step: Option<StepId>,
) -> Result<(Anchor, u32), Refusal> {
    let invalid = |text: String| Err(Refusal::Invalid(text));
    let version = session.plans.latest();
    let number = version.map_or(0, |version| version.number);
    match (line, step) {
        (Some(line), None) => {
            let Some(version) = version.filter(|version| digest.is_none_or(|seen| seen == version.digest)) else {
                return invalid("the plan has changed: look at it again".into());
            };
            let anchor = Anchor::at_lines(&version.document.text, line, lines.unwrap_or(1));
            let anchor = anchor.ok_or_else(|| Refusal::Invalid(format!("the plan has no line {line}")))?;
            Ok((anchor, number))
        }
        (None, Some(step)) => match session.plan.step(&step) {
            Some(of) => Ok((Anchor::of_step(step, &of.title), number)),
            None => invalid(format!("the plan has no step {step}")),
        },
        (Some(_), Some(_)) | (None, None) => invalid("a comment is on a line or on a step".into()),
    }
}

/// All open comments go to the agent, without a verdict.
fn send(session: &Session, text: &str) -> Result<Outcome, Refusal> {
    let open: Vec<&Comment> = session.plans.open_comments().collect();
    if open.is_empty() {
        return Err(Refusal::Invalid("no comment is open".into()));
    }
    let words = words(session, &open, text, (false, false));
    Ok(Outcome { events: open.into_iter().map(sent).collect(), effects: vec![Effect::Tell(words)] })
}

pub(super) fn too_many() -> Refusal {
    Refusal::Invalid("the session has as many comments as are kept".into())
}

pub(super) fn check(comment: &Comment) -> Result<(), Refusal> {
    if comment.text.trim().is_empty() && comment.kind != CommentKind::Drop {
        return Err(Refusal::Invalid("the comment is empty".into()));
    }
    if comment.text.len() > PLAN_COMMENT_BYTES_MAX {
        return Err(Refusal::Invalid(format!("a comment has at most {PLAN_COMMENT_BYTES_MAX} bytes")));
    }
    Ok(())
}
