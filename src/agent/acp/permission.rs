//! `session/request_permission`: what it asks for becomes a proposal, its answer is held until there is a decision.

use super::amend::Asked;
use super::asks::Subject;
use super::choice::{self, Choices};
use super::client::Client;
use super::message::{Id, RpcError};
use super::peek;
use super::place::{Disk, Place};
use super::preview::{Preview, preview};
use super::speak;
use super::tools::{Changed, ToolCall};
use crate::agent::acp::limits::{ACP_ANSWERS_TOLD_MAX, ACP_NOTE_BYTES_MAX, ACP_REASON_BYTES_MAX};
use crate::agent::catalog::{Level, Through};
use crate::base::RelPath;
use crate::model::action::{Body, Evidence, Executor, Rationale};
use crate::model::draft::{After, Draft};
use crate::model::{OptionEffect, Proposal};
use crate::port::Ticket;
use serde_json::Value;

impl Client {
    pub(super) fn permission_asked(&mut self, id: Id, params: &Value, disk: &dyn Disk) {
        if self.turn.refuses_questions() {
            self.reply(&id, Ok(speak::permission_cancelled()));
            return;
        }
        let Some(update) = params.get("toolCall").filter(|call| call.is_object()) else {
            self.reply(&id, Err(RpcError::new(RpcError::INVALID_PARAMS, "the request contains no tool call")));
            return;
        };
        let tool = peek::first_text(update, &["toolCallId", "id"]).unwrap_or("unnamed").to_owned();
        let what = peek::first_text(update, &["title", "kind"]).unwrap_or("its next action").to_owned();
        if self.turns_at_boundary(&what) {
            self.reply(&id, Ok(speak::permission_cancelled()));
            return;
        }
        self.turn_goes_on();
        self.level_seen(Level::L1);
        let changed = self.tools.merge(&tool, update, false);
        self.hear_plan();
        let choices = choice::choose(peek::list(params, "options"));
        // Where edits come through us each has its own question.
        let through_us = self.conduct.edits == Through::Client;
        let covered = if through_us { Vec::new() } else { self.tools.covered_by(&tool) };
        let asked = match covered.as_slice() {
            [only] => only,
            _ => &tool,
        };
        let Some(call) = self.tools.get(asked).cloned() else { return };
        let shown = preview(&call, disk, &self.setup.place);
        if self.lets_through(&id, &call, &shown, &choices) {
            return;
        }
        let covered_by_it = if asked == &tool { covered.clone() } else { vec![tool.clone()] };
        let ticket = self.file_permission(id, Asked::of(&call, shown, covered_by_it), choices, changed, disk);
        for other in covered {
            if let Some(call) = self.tools.get_mut(&other) {
                (call.ticket, call.gated) = (Some(ticket), true);
            }
        }
    }

    /// Some requests need no question of their own, because their effect cannot pass the gate unseen: a command that will
    /// come as `terminal/create` where the catalog says so, an edit that is not shown where edits come as
    /// `fs/write_text_file`, and an edit in the private candidate that cannot be shown beforehand. That an agent was seen
    /// to do so is not enough: it could ask once to be trusted ever after.
    fn lets_through(&mut self, id: &Id, call: &ToolCall, shown: &Preview, choices: &Choices) -> bool {
        let Some(choice) = choices.plain(true).cloned() else { return false };
        let comes_again = self.setup.spec.commands == Through::Client && matches!(shown.body, Body::Command(_));
        let is_edit = matches!(call.kind(), "edit" | "delete" | "move");
        let private = self.setup.place.is_private() && is_edit && !is_resolved(&shown.body);
        let is_write = call.kind() == "edit" && shown.blind && self.setup.spec.edits == Through::Client;
        if !comes_again && !private && !is_write {
            return false;
        }
        if let Some(call) = self.tools.get_mut(&call.id) {
            call.gated = private;
        }
        self.turn.let_through |= private;
        let why = if comes_again {
            "its command comes through the gate next"
        } else if is_write && !private {
            "its write comes through the gate next"
        } else {
            "its effect stays in the private copy"
        };
        let text =
            format!("selected “{}” ({}) for {}: {why}", choice.name, choice.kind, shown_title(call, shown, self));
        self.reply(id, Ok(speak::selected(&choice.id)));
        self.tell(crate::port::FromAgent::Told { action: None, text });
        true
    }

    fn file_permission(&mut self, id: Id, asked: Asked, choices: Choices, changed: Changed, disk: &dyn Disk) -> Ticket {
        let (call, shown) = (asked.call.clone(), asked.shown.clone());
        let (subject, proposal) = self.question(id, asked, &choices, disk);
        let ticket = self.propose(subject, proposal);
        self.is_asked(&call.id, ticket);
        for text in self.oddities(&call, &shown, &choices, changed) {
            self.alarm("mismatch", Some(ticket), text);
        }
        // openhands offers the same odd answer with every question: it is said once.
        if self.conduct.answers_told.len() < ACP_ANSWERS_TOLD_MAX {
            self.conduct.answers_told.extend(choices.misleading);
        }
        ticket
    }

    /// The question as the host gets it, first and after each change of the call.
    pub(super) fn question(&mut self, id: Id, asked: Asked, choices: &Choices, disk: &dyn Disk) -> (Subject, Proposal) {
        let (call, shown) = (&asked.call, &asked.shown);
        let by_host =
            is_resolved(&shown.body) && (self.conduct.edits == Through::Client || self.setup.place.is_private());
        let title = shown_title(call, shown, self);
        let mut proposal = Proposal::new(title, shown.body.clone());
        proposal.executor = if by_host { Executor::Host } else { Executor::Agent };
        proposal.rationale = Some(self.rationale(call, shown, choices));
        proposal.options.clone_from(&choices.options);
        proposal.request = Some(asked.digest(&self.tools));
        let now = |path: &RelPath| Some((path.clone(), disk.read(path).ok().flatten()?));
        let before = shown.expected.keys().filter_map(now).collect();
        let subject = Subject::Permission {
            request: id,
            tool: call.id.clone(),
            choices: choices.clone(),
            by_host,
            expected: shown.expected.clone(),
            before,
            mode_switch: call.kind() == "switch_mode",
            asked: Box::new(asked),
        };
        (subject, proposal)
    }

    /// The call is covered by a question now.
    pub(super) fn is_asked(&mut self, tool: &str, ticket: Ticket) {
        if let Some(call) = self.tools.get_mut(tool) {
            call.ticket = Some(ticket);
            call.gated = true;
            // What it shows so far is its question, not its output.
            call.words_told = call.words().len();
        }
    }

    /// What speaks against taking the request at its word.
    fn oddities(&self, call: &ToolCall, shown: &Preview, choices: &Choices, changed: Changed) -> Vec<String> {
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
        let told = &self.conduct.answers_told;
        let news = choices.misleading.iter().filter(|text| !told.contains(*text));
        texts.extend(news.map(|text| format!("a misleading option is not used: {text}")));
        if !choices.options.iter().any(|o| o.allows && o.effect == OptionEffect::Once) {
            texts.push("none of its options allows only this action once".to_owned());
        }
        let outside: Vec<String> = call
            .diffs()
            .iter()
            .filter_map(|d| peek::text(d, "path"))
            .filter(|p| self.setup.place.rel(p).is_none())
            .map(str::to_owned)
            .collect();
        if !outside.is_empty() {
            texts.push(format!("outside the workspace: {}", outside.join(", ")));
        }
        texts
    }

    /// The agent's reason in its own words, and what the user should know about how the answer is given.
    fn rationale(&mut self, call: &ToolCall, shown: &Preview, choices: &Choices) -> Rationale {
        let raw = call.raw_input();
        let own =
            peek::first_text(raw, &["description", "explanation", "justification", "reason", "thought", "summary"]);
        let said = self.turn.reason();
        let text = match (own, said.is_empty()) {
            (Some(own), true) => own.to_owned(),
            (Some(own), false) => format!("{said}\n\n{own}"),
            (None, _) => said,
        };
        let place = &self.setup.place;
        let mut evidence = Vec::from_iter(own_title(place, call.title(), &shown_title(call, shown, self)));
        if !call.words().is_empty() {
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
        for other in self.tools.covered_by(&call.id) {
            let title = self.tools.get(&other).map_or("", ToolCall::title);
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
            None => evidence.extend(
                choices.options.iter().map(|o| Evidence::new("quote", format!("it offers option {}", o.words()))),
            ),
        }
        Rationale { text: peek::bounded_tail(&place.shown(&text), ACP_REASON_BYTES_MAX), evidence }
    }
}

/// The agent's title for what it asks, when it says more than ours. Paths in the workspace count as relative.
pub(super) fn own_title(place: &Place, theirs: &str, ours: &str) -> Option<Evidence> {
    let theirs = place.relative_words(&place.shown(theirs));
    let says_more = !theirs.is_empty() && !peek::is_said_by(ours, &theirs);
    says_more.then(|| Evidence::new("quote", format!("it calls this “{theirs}”")))
}

/// Every file of the edit could be computed on the disk, so that the host can write it.
fn is_resolved(body: &Body) -> bool {
    match body {
        Body::Edit(drafts) => !drafts.is_empty() && drafts.iter().all(|d| !matches!(d.after, After::Replace { .. })),
        Body::Command(_) | Body::Read(_) | Body::Network(_) | Body::Plan | Body::Other => false,
    }
}

/// Our words from the body; the agent's own title only where there is nothing else.
fn shown_title(call: &ToolCall, shown: &Preview, client: &Client) -> String {
    match &shown.body {
        Body::Edit(drafts) => peek::bounded(&Draft::words(drafts), 200),
        Body::Command(command) => format!("run {}", peek::bounded(&command.line(), 200)),
        Body::Read(path) => format!("read {path}"),
        Body::Network(address) => format!("fetch {}", peek::bounded(address, 200)),
        Body::Plan | Body::Other => {
            let title = client.setup.place.shown(call.title());
            if title.is_empty() { format!("use a tool of kind {}", call.kind()) } else { peek::bounded(&title, 400) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_that_only_repeats_ours_is_not_shown() {
        let place = Place::new("/home/me/work", "/home/me/work");
        for theirs in ["", "calc.py", "/home/me/work/calc.py", "Edit `calc.py`", "edit /home/me/work/calc.py"] {
            assert_eq!(own_title(&place, theirs, "edit calc.py"), None, "{theirs}");
        }
        let more = own_title(&place, "Fix add in /home/me/work/calc.py", "edit calc.py").unwrap();
        assert_eq!(more.text, "it calls this “Fix add in calc.py”");
        assert!(own_title(&place, "/home/me/work/../other/calc.py", "edit calc.py").is_some());
    }
}
