//! A request is held to its words. While it is pending, an update that changes what the call would do voids it, and it
//! is asked about again once the updates pause; after the decision it raises an alarm. Updates that only add a status,
//! output, or a title that repeats the request change nothing.

use super::asks::{Stage, Subject};
use super::client::{Client, Effect, Timer};
use super::peek;
use super::place::{Disk, Place};
use super::preview::{Preview, command, preview, title_command};
use super::tools::{Changed, ToolCall, Tools, says_something};
use crate::agent::acp::limits::{
    ACP_CHANGE_PAUSE_MS, ACP_CHANGES_MERGED_MAX, ACP_CONTRADICTIONS_TOLD_MAX, ACP_NOTE_BYTES_MAX,
    ACP_REQUEST_CHANGES_MAX,
};
use crate::base::Digest;
use crate::base::digest::FieldHasher;
use crate::model::action::{Body, Command};
use crate::model::draft::{After, Draft};
use crate::model::event::LapseWhy;
use crate::port::{FromAgent, Ticket};
use std::time::Duration;

/// What a permission request showed when it was put to the supervisor.
#[derive(Clone, Debug)]
pub struct Asked {
    pub call: ToolCall,
    pub shown: Preview,
    /// Other calls that it stands for.
    covered: Vec<String>,
    /// How often it has changed.
    changes: u32,
    /// Alarms raised since the decision.
    contradictions: u32,
}

impl Asked {
    pub fn of(call: &ToolCall, shown: Preview, covered: Vec<String>) -> Self {
        Self { call: call.clone(), shown, covered, changes: 0, contradictions: 0 }
    }

    pub fn covers(&self, tool: &str) -> bool {
        self.covered.iter().any(|id| id == tool)
    }

    /// Covers every word of the request and of the calls it stands for.
    pub fn digest(&self, tools: &Tools) -> Digest {
        let mut hash = FieldHasher::new();
        hash.field(self.call.said().bytes());
        for call in self.covered.iter().filter_map(|id| tools.get(id)) {
            hash.field(call.said().bytes());
        }
        hash.finish()
    }

    /// Does the call say now that it would do something else, or more, than was asked?
    fn differs(&self, call: &ToolCall, now: &Preview, place: &Place) -> bool {
        let was = &self.call;
        let shown_by_words = matches!(self.shown.body, Body::Other | Body::Plan);
        let named = |paths: Vec<String>| paths.iter().map(|path| place.named(path)).collect::<Vec<_>>();
        let known = named(was.paths());
        let both_say = says_something(was.raw_input()) && says_something(call.raw_input());
        now.body != self.shown.body
            || now.contradictions != self.shown.contradictions
            || (both_say && was.raw_input() != call.raw_input())
            || (shown_by_words && (was.words() != call.words() || was.raw_input() != call.raw_input()))
            || named(call.paths()).iter().any(|path| !known.contains(path))
            || !self.is_repeated_by(call.title(), place)
    }

    /// Was something that the request said replaced, not only added to what it left open?
    fn is_contradicted_by(&self, call: &ToolCall, place: &Place) -> bool {
        let was = &self.call;
        let named = |call: &ToolCall| call.paths().iter().map(|path| place.named(path)).collect::<Vec<_>>();
        let known = named(was);
        let replaced = |before: &str, now: &str| !before.is_empty() && before != now;
        replaced(was.title(), call.title())
            || (says_something(was.raw_input()) && was.raw_input() != call.raw_input())
            || (!was.diffs().is_empty() && was.diffs() != call.diffs())
            || (!known.is_empty() && named(call).iter().any(|path| !known.contains(path)))
            || (matches!(self.shown.body, Body::Other | Body::Plan) && replaced(was.words(), call.words()))
    }

    /// Does a title say nothing but what the request shows anyway?
    fn is_repeated_by(&self, title: &str, place: &Place) -> bool {
        let description = peek::first_text(self.call.raw_input(), &["description", "explanation"]);
        if title.is_empty() || title == self.call.title() || description == Some(title) {
            return true;
        }
        match &self.shown.body {
            Body::Command(command) => repeats_command(&place.shown(title), &command.line()),
            Body::Edit(drafts) => repeats_paths(title, drafts, place),
            Body::Read(path) => title.split_whitespace().filter(|w| is_path(w)).all(|w| place.named(w) == *path),
            Body::Network(_) | Body::Plan | Body::Other => false,
        }
    }

    /// What an update after the decision shows that was not decided on. Edits are also compared on the disk.
    fn contradiction(&self, call: &ToolCall, place: &Place) -> Option<String> {
        match &self.shown.body {
            Body::Command(approved) => {
                let line = approved.line();
                if let Some(now) = command(call.raw_input()).map(|now| place.command(now))
                    && !same_command(approved, &now, self.shown.blind)
                {
                    return Some(format!("it now shows the command “{}” instead of “{line}”", now.line()));
                }
                let was_command = self.shown.blind || repeats_command(&place.shown(self.call.title()), &line);
                let title = place.shown(call.title());
                (was_command && title != place.shown(self.call.title()) && !repeats_command(&title, &line))
                    .then(|| format!("it is now titled “{title}” instead of “{line}”"))
            }
            Body::Edit(drafts) => {
                let mut known: Vec<String> = self.call.paths().iter().map(|path| place.named(path)).collect();
                for draft in drafts {
                    known.push(place.named(&draft.path));
                    if let After::RenameTo(to) = &draft.after {
                        known.push(place.named(to));
                    }
                }
                let named: Vec<String> = call.paths().iter().map(|path| place.named(path)).collect();
                if let Some(other) = named.iter().find(|path| !known.contains(path)) {
                    return Some(format!("it now includes {other}, which was not part of the request"));
                }
                let other = call.diffs().iter().find(|diff| !shows_what_was_asked(diff, drafts, place))?;
                let path = peek::text(other, "path").unwrap_or("a file");
                Some(format!("it now shows different content for {} than requested", place.named(path)))
            }
            Body::Read(_) | Body::Network(_) | Body::Plan | Body::Other => {
                let (was, now) = (self.call.raw_input(), call.raw_input());
                (says_something(was) && was != now).then(|| "its input differs from the request".to_owned())
            }
        }
    }
}

/// The same words in the same place; a request that only its title described says nothing of the place.
fn same_command(asked: &Command, now: &Command, by_title: bool) -> bool {
    let line = |command: &Command| command.line().split_whitespace().collect::<Vec<_>>().join(" ");
    line(asked) == line(now) && (by_title || asked.cwd == now.cwd || now.cwd == ".")
}

/// Is the title this command, shortened, in ticks, or with a remark in brackets behind it?
fn repeats_command(title: &str, line: &str) -> bool {
    let inner = title_command(title).trim();
    let short = inner.trim_end_matches('…').trim_end_matches("...");
    if inner == line || (short.len() < inner.len() && !short.is_empty() && line.starts_with(short)) {
        return true;
    }
    let is_verb = |word: &str| {
        ["run", "ran", "running", "execute", "executing", "executed", "bash", "shell", "terminal"]
            .contains(&word.trim_end_matches(':').to_ascii_lowercase().as_str())
    };
    let rest = match inner.split_once(' ') {
        Some((first, rest)) if is_verb(first) && !line.starts_with(first) => rest.trim(),
        _ => inner,
    };
    rest.strip_prefix(line).is_some_and(|more| {
        let more = more.trim();
        more.is_empty()
            || (more.starts_with(['(', '[']) && more.ends_with([')', ']']) && !more.contains(['`', ';', '|', '&', '$']))
    })
}

fn is_path(word: &str) -> bool {
    word.contains('/') || (word.contains('.') && !word.ends_with('.'))
}

/// Every path in the title is one that the edit names.
fn repeats_paths(title: &str, drafts: &[Draft], place: &Place) -> bool {
    let trimmed = |word: &str| {
        word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '/' | '_' | '-')).to_owned()
    };
    title.split_whitespace().map(trimmed).filter(|word| is_path(word)).all(|word| {
        drafts.iter().any(|draft| {
            let path = place.named(&draft.path);
            let named = place.named(&word);
            path == named || path.rsplit('/').next() == Some(named.as_str())
        })
    })
}

/// Is the content that a diff shows part of what the edit was to leave? Agents show an edit in pieces of any size.
fn shows_what_was_asked(diff: &serde_json::Value, drafts: &[Draft], place: &Place) -> bool {
    let (Some(path), Some(new)) = (peek::text(diff, "path"), peek::first_text(diff, &["newText", "new_text"])) else {
        return true;
    };
    let new = new.trim_end_matches('\n');
    let path = place.named(path);
    let mut of_file = drafts.iter().filter(|draft| place.named(&draft.path) == path).peekable();
    of_file.peek().is_none()
        || of_file.any(|draft| match &draft.after {
            After::Whole(bytes) | After::WholeWith { bytes, .. } => String::from_utf8_lossy(bytes).contains(new),
            After::Replace { new: asked, .. } => asked.contains(new) || new.contains(asked.as_str()),
            After::Delete => new.is_empty(),
            After::RenameTo(_) => true,
        })
}

impl Client {
    /// Compares an update with every request that was made for its call.
    pub(super) fn hold_to_its_words(&mut self, call: &ToolCall, changed: Changed, disk: &dyn Disk) {
        if !changed.claims && !changed.words {
            return;
        }
        for ticket in self.asks.about(&call.id) {
            let Some(ask) = self.asks.get(ticket) else { continue };
            let Subject::Permission { tool, asked, .. } = &ask.subject else { continue };
            match ask.stage.clone() {
                Stage::Waiting => {
                    let differs = if tool == &call.id {
                        asked.differs(call, &preview(call, disk, &self.setup.place), &self.setup.place)
                    } else {
                        changed.claims
                    };
                    if differs {
                        let replaced = tool != &call.id || asked.is_contradicted_by(call, &self.setup.place);
                        self.reopen(ticket, call, replaced);
                    }
                }
                Stage::Changing { updates } => self.changes_on(ticket, updates),
                Stage::ByHost { .. } | Stage::Instead { .. } | Stage::ByAgent if tool == &call.id => {
                    if let Some(text) = asked.contradiction(call, &self.setup.place) {
                        self.contradicted(ticket, &text);
                    }
                }
                Stage::ByHost { .. } | Stage::Instead { .. } | Stage::ByAgent => {}
            }
        }
    }

    fn contradicted(&mut self, ticket: Ticket, text: &str) {
        let Some(ask) = self.asks.get_mut(ticket) else { return };
        let Subject::Permission { asked, .. } = &mut ask.subject else { return };
        asked.contradictions += 1;
        if asked.contradictions <= ACP_CONTRADICTIONS_TOLD_MAX {
            let text = peek::bounded(&format!("the call was changed after the decision: {text}"), ACP_NOTE_BYTES_MAX);
            self.alarm("mismatch", Some(ticket), text);
        }
    }

    /// The request is not what was asked about any more: nothing that is answered to it from now on counts.
    fn reopen(&mut self, ticket: Ticket, call: &ToolCall, replaced: bool) {
        let Some(ask) = self.asks.get_mut(ticket) else { return };
        let Subject::Permission { asked, .. } = &mut ask.subject else { return };
        asked.changes += 1;
        if asked.changes > ACP_REQUEST_CHANGES_MAX {
            let text =
                format!("the request was changed {ACP_REQUEST_CHANGES_MAX} times while it was pending: rejected");
            self.alarm("mismatch", Some(ticket), text);
            self.reject(ticket);
            return self.void(ticket, LapseWhy::Voided);
        }
        let title = peek::bounded(&self.setup.place.shown(call.title()), 200);
        let why = format!("the agent changed the request while it was pending; it is now titled “{title}”");
        if replaced {
            self.alarm("mismatch", Some(ticket), why.clone());
        }
        let Some(next) = self.asks.renew(ticket) else { return };
        self.tell(FromAgent::Reopen { ticket, next, why });
        self.changes_on(next, 0);
    }

    /// Waits for the end of the change, but not forever.
    fn changes_on(&mut self, ticket: Ticket, updates: u32) {
        if let Some(ask) = self.asks.get_mut(ticket) {
            ask.stage = Stage::Changing { updates: updates.saturating_add(1) };
        }
        if updates < ACP_CHANGES_MERGED_MAX {
            self.effect(Effect::Arm(Timer::Changed, Duration::from_millis(ACP_CHANGE_PAUSE_MS)));
        }
    }

    /// Puts the changed requests as they are now.
    pub(super) fn ask_again(&mut self, disk: &dyn Disk) {
        for ticket in self.asks.changing() {
            let Some(ask) = self.asks.get(ticket) else { continue };
            let Subject::Permission { request, tool, asked, choices, .. } = ask.subject.clone() else { continue };
            let Some(call) = self.tools.get(&tool).cloned() else {
                self.void(ticket, LapseWhy::Voided);
                continue;
            };
            let shown = preview(&call, disk, &self.setup.place);
            let next = Asked { changes: asked.changes, ..Asked::of(&call, shown, asked.covered.clone()) };
            let (subject, proposal) = self.question(request, next, &choices, disk);
            if let Some(ask) = self.asks.get_mut(ticket) {
                ask.subject = subject;
                ask.stage = Stage::Waiting;
                ask.title.clone_from(&proposal.title);
            }
            for id in asked.covered.iter().chain(std::iter::once(&tool)) {
                self.is_asked(id, ticket);
            }
            self.tell(FromAgent::Revise { ticket, proposal: Box::new(proposal) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::acp::client::{Input, Setup};
    use crate::base::RelPath;
    use crate::port::{Answer, ToAgent};
    use serde_json::{Value, json};

    #[test]
    fn titles_that_repeat_the_command_are_told_from_those_that_add_to_it() {
        let line = "npm run build";
        for same in ["npm run build", "`npm run build`", "Run npm run build", "npm run build (project)", "npm run…"] {
            assert!(repeats_command(same, line), "{same}");
        }
        for other in [
            "rm -rf src && npm run build",
            "npm run build && rm -rf src",
            "npm run build --evil",
            "npm run build (x; rm -rf src)",
            "npm",
            "…",
            "Run rm",
        ] {
            assert!(!repeats_command(other, line), "{other}");
        }
    }

    struct Nothing;

    impl Disk for Nothing {
        fn read(&self, _: &RelPath) -> Result<Option<Vec<u8>>, String> {
            Ok(None)
        }
    }

    /// The approval of the old words was on its way while the agent changed them.
    #[test]
    fn an_answer_to_the_request_as_it_was_is_not_passed_on() {
        let mut client = Client::new(Setup::plain());
        let ask = json!({"id": 1, "method": "session/request_permission", "params": {
            "toolCall": {"toolCallId": "t", "kind": "execute", "rawInput": {"command": "make"}},
            "options": [{"optionId": "yes", "name": "Allow", "kind": "allow_once"}]}});
        client.on(Input::Message(ask), &Nothing);
        let swap = json!({"method": "session/update", "params": {"update": {"sessionUpdate": "tool_call_update",
            "toolCallId": "t", "rawInput": {"command": "make evil"}}}});
        let effects = client.on(Input::Message(swap), &Nothing);
        let reopened = effects.iter().find_map(|effect| {
            if let Effect::Tell(FromAgent::Reopen { ticket, next, .. }) = effect {
                Some((*ticket, *next))
            } else {
                None
            }
        });
        let (old, next) = reopened.unwrap();
        let approve = |ticket| {
            let answer = Answer::Approved { edited: None, note: None, option: None, told: String::new() };
            Input::Host(ToAgent::Answered { ticket, answer })
        };
        let says_yes = |effects: &[Effect]| {
            effects.iter().any(|e| matches!(e, Effect::Send(Value::Object(m)) if m.contains_key("result")))
        };
        for ticket in [old, next] {
            assert!(!says_yes(&client.on(approve(ticket), &Nothing)), "it is not asked again yet");
        }
        let effects = client.on(Input::Elapsed(Timer::Changed), &Nothing);
        assert!(effects.iter().any(|e| matches!(e, Effect::Tell(FromAgent::Revise { ticket, .. }) if *ticket == next)));
        assert!(says_yes(&client.on(approve(next), &Nothing)));
    }
}
