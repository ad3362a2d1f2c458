//! `session/request_permission`: what it asks for becomes a proposal, its answer is held until there is a decision.

use super::asked::Asked;
use super::asks::{Asks, Permission, Stage, Subject};
use super::choice::{self, Choices};
use super::context::Context;
use super::dialects::{self, Word};
use super::message::Id;
use super::peek;
use super::place::Roots;
use super::preview::{Preview, own_title, preview};
use super::speak;
use super::tools::{Changed, ToolCall, Tools};
use super::turn::Once;
use crate::agent::acp::limits::{ACP_NOTE_BYTES_MAX, ACP_REASON_BYTES_MAX};
use crate::agent::catalog::Through;
use crate::base::RelPath;
use crate::model::action::{Body, Evidence, Executor, Rationale};
use crate::model::event::LapseWhy;
use crate::model::{OptionEffect, Proposal};
use crate::port::FromAgent;
use serde_json::Value;

/// Returns the subject of the request, in the agent's words.
pub fn subject(params: &Value) -> &str {
    params.get("toolCall").and_then(|call| peek::first_text(call, &["title", "kind"])).unwrap_or("its next action")
}

/// Takes a request in, whose tool call is `update`.
pub fn asked(id: Id, update: &Value, params: &Value, asks: &mut Asks, cx: &mut Context) {
    let tool = dialects::text(update, Word::CallId).unwrap_or("unnamed").to_owned();
    cx.goes_on();
    cx.conduct.asks(&mut cx.out);
    let place = cx.out.place();
    let changed = cx.tools.merge(&tool, update, false, &place);
    let choices = choice::choose(peek::list(params, "options"), cx.conduct.refusal_ends_turn());
    // Where edits come through us each has its own question.
    let covered = if cx.conduct.edits_through_us() { Vec::new() } else { cx.tools.covered_by(&tool) };
    let about = match covered.as_slice() {
        [only] => only,
        _ => &tool,
    };
    let Some(call) = cx.tools.get(about).cloned() else { return };
    let shown = preview(&call, &place);
    if lets_through(&id, &call, &shown, &choices, cx) {
        return;
    }
    let covered_by_it = if about == &tool { covered.clone() } else { vec![tool.clone()] };
    let oddities = oddities(&call, &shown, &choices, changed, cx);
    let misleading = choices.misleading.clone();
    let (permission, proposal) = question(id, Asked::of(&call, shown, covered_by_it), choices, cx);
    let ticket = asks.propose(Subject::Permission(Box::new(permission)), proposal, &mut cx.out);
    cx.tools.is_asked(&call.id, ticket);
    for text in oddities {
        cx.out.alarm("mismatch", Some(ticket), text);
    }
    cx.conduct.answers_were_reported(misleading);
    for other in covered {
        cx.tools.cover(&other, ticket);
    }
}

/// Puts the changed requests as they are now.
pub fn ask_again(asks: &mut Asks, cx: &mut Context) {
    for ticket in asks.changing() {
        let Some(permission) = asks.get(ticket).and_then(|ask| ask.subject.permission()) else { continue };
        let Permission { request, tool, asked, choices, .. } = permission.clone();
        let Some(call) = cx.tools.get(&tool).cloned() else {
            asks.void(ticket, LapseWhy::Voided, &mut cx.out);
            continue;
        };
        let shown = preview(&call, &cx.out.place());
        let next = Asked { changes: asked.changes, ..Asked::of(&call, shown, asked.covered.clone()) };
        let (permission, proposal) = question(request, next, choices, cx);
        if let Some(ask) = asks.get_mut(ticket) {
            ask.subject = Subject::Permission(Box::new(permission));
            ask.stage = Stage::Waiting;
            ask.title.clone_from(&proposal.title);
        }
        for id in asked.covered.iter().chain(std::iter::once(&tool)) {
            cx.tools.is_asked(id, ticket);
        }
        cx.out.report(FromAgent::Revise { ticket, proposal: Box::new(proposal) });
    }
}

/// Some requests need no question of their own, because their effect cannot pass the gate unseen: a command that will
/// come as `terminal/create` where the catalog says so, an edit that is not shown where edits come as
/// `fs/write_text_file`, and an edit in the private candidate that cannot be shown beforehand. That an agent was seen
/// to do so is not enough: it could ask once to be trusted ever after.
fn lets_through(id: &Id, call: &ToolCall, shown: &Preview, choices: &Choices, cx: &mut Context) -> bool {
    let Some(choice) = choices.plain(true) else { return false };
    let (place, spec) = (cx.out.place(), cx.conduct.spec());
    let comes_again = spec.commands == Through::Client && matches!(shown.body, Body::Command(_));
    let is_edit = matches!(call.kind(), "edit" | "delete" | "move");
    let private = place.is_private() && is_edit && !shown.is_resolved();
    let is_write = call.kind() == "edit" && shown.blind && spec.edits == Through::Client;
    if !comes_again && !private && !is_write {
        return false;
    }
    if let Some(call) = cx.tools.get_mut(&call.id) {
        call.gated = private;
    }
    if private {
        cx.turn.first(Once::UnaskedEdit);
    }
    let why = if comes_again {
        "its command comes through the gate next"
    } else if is_write && !private {
        "its write comes through the gate next"
    } else {
        "its effect stays in the private copy"
    };
    let text = format!("selected “{}” ({}) for {}: {why}", choice.name, choice.kind, shown.title(call, &place));
    cx.out.reply(id, Ok(speak::selected(&choice.id)));
    cx.out.received(None, text);
    true
}

/// The question as the host gets it, first and after each change of the call.
fn question(request: Id, asked: Asked, choices: Choices, cx: &mut Context) -> (Permission, Proposal) {
    let place = cx.out.place();
    let (call, shown) = (&asked.call, &asked.shown);
    let by_host = shown.is_resolved() && (cx.conduct.edits_through_us() || place.is_private());
    let mut proposal = Proposal::new(shown.title(call, &place), shown.body.clone());
    proposal.executor = if by_host { Executor::Host } else { Executor::Agent };
    let text = reason(call, cx.turn.words.reason());
    let text = peek::bounded_tail(&place.shown(&text), ACP_REASON_BYTES_MAX);
    proposal.rationale = Some(Rationale { text, evidence: evidence(call, shown, &choices, &cx.tools, &place) });
    proposal.options.clone_from(&choices.options);
    proposal.request = Some(asked.digest(&cx.tools));
    let now = |path: &RelPath| Some((path.clone(), place.read(path).ok().flatten()?));
    let is_plan = matches!(shown.body, Body::Plan(_));
    let permission = Permission {
        request,
        tool: call.id.clone(),
        choices,
        by_host,
        expected: shown.expected.clone(),
        before: shown.expected.keys().filter_map(now).collect(),
        mode_switch: call.kind() == "switch_mode" || is_plan,
        asked,
    };
    (permission, proposal)
}

/// Returns the reasons not to take the request at its word.
fn oddities(call: &ToolCall, shown: &Preview, choices: &Choices, changed: Changed, cx: &Context) -> Vec<String> {
    let mut texts = shown.contradictions.clone();
    if changed.other_files {
        texts.push("it requests different files than it showed before".to_owned());
    }
    if changed.other_content {
        texts.push("it requests different content than it showed before".to_owned());
    }
    if changed.other_command {
        texts.push("it requests a different command than it showed before".to_owned());
    }
    let news = cx.conduct.unreported_answers(&choices.misleading);
    texts.extend(news.map(|text| format!("a misleading option is not used: {text}")));
    if !choices.options.iter().any(|o| o.allows && o.effect == OptionEffect::Once) {
        texts.push("none of its options allows only this action once".to_owned());
    }
    let place = cx.out.place();
    let paths = call.diffs().iter().filter_map(|d| peek::text(d, "path"));
    let outside: Vec<&str> = paths.filter(|path| place.rel(path).is_none()).collect();
    if !outside.is_empty() {
        texts.push(format!("outside the workspace: {}", outside.join(", ")));
    }
    texts
}

/// The agent's reason in its own words: what it said last, and what its tool's input says.
fn reason(call: &ToolCall, stated: String) -> String {
    match (dialects::text(call.raw_input(), Word::Reason), stated.is_empty()) {
        (Some(own), true) => own.to_owned(),
        (Some(own), false) => format!("{stated}\n\n{own}"),
        (None, _) => stated,
    }
}

/// Returns what the user should know about the request, and about how the answer is given.
fn evidence(call: &ToolCall, shown: &Preview, choices: &Choices, tools: &Tools, place: &Roots) -> Vec<Evidence> {
    let raw = call.raw_input();
    let mut evidence = Vec::from_iter(own_title(place, call.title(), &shown.title(call, place)));
    if !call.words().is_empty() && !matches!(shown.body, Body::Plan(Some(_))) {
        evidence.push(Evidence::new("quote", peek::bounded(&place.shown(call.words()), ACP_NOTE_BYTES_MAX)));
    }
    if shown.blind && matches!(shown.body, Body::Command(_)) {
        evidence.push(Evidence::new("none", "only its title shows what it would run"));
    } else if shown.blind {
        evidence.push(Evidence::new("none", "it does not show what it will do before approval"));
    }
    if matches!(shown.body, Body::Other) && !raw.is_null() {
        let input = peek::bounded(&place.shown(&raw.to_string()), ACP_NOTE_BYTES_MAX);
        evidence.push(Evidence::new("quote", format!("its tool's input: {input}")));
    }
    for other in tools.covered_by(&call.id) {
        let title = tools.get(&other).map_or("", ToolCall::title);
        evidence.push(Evidence::new("quote", format!("this request also covers: {}", place.shown(title))));
    }
    // What an edit changes is in its title and its diff.
    let edited = |path: &RelPath| matches!(&shown.body, Body::Edit(drafts) if drafts.iter().any(|draft| draft.path == path.as_str()));
    for path in call.paths().iter().filter_map(|path| place.rel(path)).filter(|path| !edited(path)) {
        evidence.push(Evidence::new("line", path.as_str()).at(path.as_str(), None));
    }
    match choices.plain(true) {
        Some(choice) => {
            let text = format!("an approval selects “{}” ({})", choice.name, choice.kind);
            evidence.push(Evidence::new("quote", text));
        }
        None => evidence
            .extend(choices.options.iter().map(|o| Evidence::new("quote", format!("it offers option {}", o.words())))),
    }
    evidence
}
