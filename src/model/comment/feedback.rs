//! The words of comments to the agent: numbered, each with its place and what it quotes.

use super::{Comment, CommentKind, Placement, Side, Subject};
use crate::base::ActionId;
use crate::model::limits::PLAN_QUOTE_SHOWN_CHARS_MAX;
use std::fmt::Write as _;

/// What comments are sent with.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    /// The newest text of the plan.
    pub plan: &'a str,
    /// The command line of an action, where it has one.
    pub command: &'a dyn Fn(&ActionId) -> Option<String>,
    /// They are notes with an approval, not what is to change.
    pub approves: bool,
    /// The next version of the plan is asked for.
    pub asks_for_plan: bool,
}

/// The comments and the user's own words as one message to the agent.
pub fn feedback(comments: &[&Comment], words: &str, sent: Sent<'_>) -> String {
    let mut out = words.trim().to_owned();
    let mut number = 0;
    let mut section = |title: &str, on_plan: bool, questions: bool| {
        let is_in = |comment: &&&Comment| {
            comment.is_on_plan() == on_plan && (comment.kind == CommentKind::Question) == questions
        };
        let mut own = comments.iter().filter(is_in).peekable();
        if own.peek().is_none() {
            return;
        }
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        out.push_str(title);
        for comment in own {
            number += 1;
            let _ = write!(out, "\n{number}. {}", told(comment, sent));
        }
    };
    let what = if sent.approves { "Notes" } else { "Comments" };
    section(&format!("{what} on the plan:"), true, false);
    section("Questions about the plan (answer them, they are not orders):", true, true);
    section(&format!("{what} on your work:"), false, false);
    section("Questions about your work (answer them, they are not orders):", false, true);
    if sent.asks_for_plan {
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        out.push_str("Present the whole plan again with these changes. Do not edit anything yet.");
    }
    out
}

/// As the agent reads it: the place, the quoted words, and what is asked for.
fn told(comment: &Comment, sent: Sent<'_>) -> String {
    let anchor = &comment.anchor;
    let (quoted, indent) = match &anchor.on {
        None => (anchor.quote.trim(), "   > "),
        // The first line keeps its indentation.
        Some(_) => (anchor.quote.trim_end(), "   > "),
    };
    let quote: String = quoted.chars().take(PLAN_QUOTE_SHOWN_CHARS_MAX).collect();
    let cut = if quote.len() < quoted.len() { " …" } else { "" };
    let quote = quote.lines().map(|line| format!("{indent}{line}")).collect::<Vec<_>>().join("\n");
    let quote = if quote.is_empty() { quote } else { format!("\n{quote}{cut}") };
    let words = match (comment.kind, comment.text.trim()) {
        (CommentKind::Drop, "") => "Leave this out.".to_owned(),
        (CommentKind::Drop, text) => format!("Leave this out: {text}"),
        (CommentKind::Add, text) => format!("Add after this: {text}"),
        (CommentKind::Comment | CommentKind::Question, text) => text.to_owned(),
    };
    format!("{}:{quote}\n   {}", place(comment, sent), words.replace('\n', "\n   "))
}

fn place(comment: &Comment, sent: Sent<'_>) -> String {
    let anchor = &comment.anchor;
    let lines = |first: u32, word: &str| {
        let last = first.saturating_add(anchor.lines().saturating_sub(1));
        let mut word = word.to_owned();
        if last > first {
            word.push_str(&format!("s {first}-{last}"));
        } else {
            word.push_str(&format!(" {first}"));
        }
        word
    };
    match (&anchor.on, &anchor.step) {
        (None, Some(step)) => format!("Step {step}"),
        (None, None) => match anchor.place(sent.plan) {
            Placement::Stale => "No longer in the plan".to_owned(),
            placement @ (Placement::Exact { .. } | Placement::Moved { .. } | Placement::Similar { .. }) => {
                lines(placement.line().unwrap_or(anchor.line), "Line")
            }
        },
        (Some(Subject::File { path, action, side }), _) => {
            let version = match (action, side) {
                (Some(_), Side::New) => "with your change",
                (Some(_), Side::Old) => "before your change",
                (None, Side::New | Side::Old) => "as it is now",
            };
            if anchor.line == 0 {
                format!("{path}, the whole file {version}")
            } else {
                format!("{path}, {} {version}", lines(anchor.line, "line"))
            }
        }
        (Some(Subject::Output { action }), _) => {
            let command = (sent.command)(action).map_or_else(|| format!("action {action}"), |line| format!("`{line}`"));
            if anchor.line == 0 { format!("On {command}") } else { format!("In the output of {command}") }
        }
    }
}
