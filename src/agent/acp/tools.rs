//! The tool-call table: everything said about one call id, merged, whatever order it came in. Calls that were never
//! announced, are announced late or named only by a permission request are made up on the spot.

use super::dialects::{self, Word};
use super::peek;
use super::place::Roots;
use crate::agent::acp::limits::{ACP_TOOL_CALLS_BYTES_MAX, ACP_TOOL_CALLS_MAX};
use crate::base::Digest;
use crate::base::digest::FieldHasher;
use crate::port::Ticket;
use serde_json::Value;
use std::collections::BTreeMap;

/// One call as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct ToolCall {
    pub id: String,
    title: String,
    name: String,
    kind: String,
    status: String,
    /// The last list of diffs that was not empty: some agents drop them again with the next update.
    diffs: Vec<Value>,
    /// The readable text of the last content.
    words: String,
    locations: Vec<Value>,
    raw_input: Value,
    raw_output: Value,
    /// Exit code of its command, where it was reported beside the call.
    pub exit: Option<i32>,
    /// Output that was passed on so far, bytes of `words`.
    pub words_told: usize,
    /// The proposal that covers this call.
    pub ticket: Option<Ticket>,
    /// A permission was asked for it, or its effect came through the client.
    pub gated: bool,
    /// Its end was shown.
    pub closed: bool,
    order: u64,
    /// Size in memory.
    bytes: usize,
}

/// The changes of an update that matter beyond the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    pub first_seen: bool,
    /// Diffs for other files than those shown before.
    pub other_files: bool,
    /// Other new content for a file shown before, and not just more of it.
    pub other_content: bool,
    /// Another command than the one shown before, and not just more of it.
    pub other_command: bool,
    /// Anything else than status, output and words: what the call says it would do.
    pub claims: bool,
    /// The readable text of its content.
    pub words: bool,
}

impl ToolCall {
    pub fn title(&self) -> &str {
        if self.title.is_empty() { &self.name } else { &self.title }
    }

    /// The protocol's kind, or what the tool's input says when the kind is missing.
    pub fn kind(&self) -> &str {
        match self.kind.as_str() {
            "" | "other" if dialects::command(&self.raw_input).is_some() => "execute",
            "" | "other" if !self.diffs.is_empty() => "edit",
            "" => "other",
            kind => kind,
        }
    }

    pub fn diffs(&self) -> &[Value] {
        &self.diffs
    }

    pub fn raw_input(&self) -> &Value {
        &self.raw_input
    }

    /// The call with the input of an earlier state of it.
    pub fn with_input_of(&self, earlier: &Self) -> Self {
        Self { raw_input: earlier.raw_input.clone(), ..self.clone() }
    }

    pub fn raw_output(&self) -> &Value {
        &self.raw_output
    }

    pub fn words(&self) -> &str {
        &self.words
    }

    pub fn is_done(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "cancelled" | "rejected")
    }

    pub fn failed(&self) -> bool {
        self.is_done() && self.status != "completed"
    }

    /// Covers everything it says about what it would do.
    pub fn statement(&self) -> Digest {
        let mut hash = FieldHasher::new();
        for text in [self.title(), self.kind(), self.words()] {
            hash.field(text.as_bytes());
        }
        hash.field(self.raw_input.to_string().as_bytes());
        for item in self.diffs.iter().chain(&self.locations) {
            hash.field(item.to_string().as_bytes());
        }
        hash.finish()
    }

    fn weight(&self) -> usize {
        let lists = self.diffs.iter().chain(&self.locations).map(peek::weight).sum::<usize>();
        let texts = [&self.id, &self.title, &self.name, &self.kind, &self.status, &self.words].map(String::len);
        size_of::<Self>()
            + lists
            + peek::weight(&self.raw_input)
            + peek::weight(&self.raw_output)
            + texts.iter().sum::<usize>()
    }

    /// Paths it names: of its diffs, its locations and its input.
    pub fn paths(&self) -> Vec<String> {
        let diffs = self.diffs.iter().filter_map(|d| peek::text(d, "path"));
        let places = self.locations.iter().filter_map(|l| peek::text(l, "path"));
        let input = dialects::text(&self.raw_input, Word::Path);
        let mut paths: Vec<String> = Vec::new();
        for path in diffs.chain(input).chain(places) {
            if !paths.iter().any(|p| p == path) {
                paths.push(path.to_owned());
            }
        }
        paths
    }

    /// Merges what an update says; null and missing fields say nothing.
    fn merge(&mut self, update: &Value, place: &Roots) -> Changed {
        let mut changed = Changed::default();
        let before = (self.title().to_owned(), self.kind().to_owned());
        for (key, slot) in [
            ("title", &mut self.title),
            ("name", &mut self.name),
            ("kind", &mut self.kind),
            ("status", &mut self.status),
        ] {
            if let Some(text) = peek::text(update, key).filter(|text| !text.is_empty()) {
                text.clone_into(slot);
            }
        }
        if let Some(raw) = update.get("rawInput").filter(|raw| peek::says_something(raw)) {
            changed.claims |= self.raw_input != *raw;
            changed.other_command = commands_differ(&self.raw_input, raw);
            self.raw_input = raw.clone();
        }
        if let Some(raw) = update.get("rawOutput").filter(|raw| raw.is_object()) {
            self.raw_output = raw.clone();
        }
        let locations = peek::list(update, "locations");
        if !locations.is_empty() {
            changed.claims |= self.locations != locations;
            self.locations = locations.to_vec();
        }
        let content = peek::list(update, "content");
        let is_diff = |item: &&Value| peek::text(item, "type") == Some("diff");
        let diffs: Vec<Value> = content.iter().filter(is_diff).cloned().collect();
        if !diffs.is_empty() {
            (changed.other_files, changed.other_content) = compared(&self.diffs, &diffs, place);
            changed.claims |= self.diffs != diffs;
            self.diffs = diffs;
        }
        let mut words = String::new();
        for item in content.iter().filter(|item| !is_diff(item)) {
            if let Some(block) = item.get("content") {
                words.push_str(&peek::block_text(block));
            } else if peek::text(item, "type") != Some("terminal") {
                words.push_str(&peek::block_text(item));
            }
        }
        if let (true, Some(input)) = (self.raw_input.is_null(), dialects::input_in(&words)) {
            self.words_told = words.len();
            self.raw_input = input;
            changed.claims = true;
        }
        changed.claims |= (self.title(), self.kind()) != (before.0.as_str(), before.1.as_str());
        changed.words = !words.is_empty() && words != self.words;
        if !words.is_empty() {
            if !words.starts_with(self.words.get(..self.words_told).unwrap_or("")) {
                self.words_told = 0;
            }
            self.words = words;
        }
        changed
    }
}

/// Another command, not just more of the same while it is streamed.
fn commands_differ(before: &Value, after: &Value) -> bool {
    let line = |raw: &Value| dialects::command(raw).map(|command| command.line());
    matches!((line(before), line(after)), (Some(before), Some(after)) if !after.starts_with(&before))
}

/// Returns whether new diffs name other files, and whether their content is other than more of the same.
fn compared(before: &[Value], after: &[Value], place: &Roots) -> (bool, bool) {
    let path = |d: &Value| peek::text(d, "path").map(|path| place.named(path));
    let new = |d: &Value| dialects::text(d, Word::NewText).unwrap_or("").to_owned();
    let (mut files, mut content) = (false, false);
    for old in before {
        let same: Vec<&Value> = after.iter().filter(|d| path(d) == path(old)).collect();
        files |= same.is_empty();
        content |= !same.is_empty() && !same.iter().any(|d| new(d).starts_with(new(old).trim_end_matches('\n')));
    }
    (files, content)
}

/// See the module.
#[derive(Debug, Default)]
pub struct Tools {
    calls: BTreeMap<String, ToolCall>,
    order: u64,
    /// Size of all calls in memory.
    bytes: usize,
}

impl Tools {
    pub fn get(&self, id: &str) -> Option<&ToolCall> {
        self.calls.get(id)
    }

    pub fn get_mut(&mut self, id: &str) -> Option<&mut ToolCall> {
        self.calls.get_mut(id)
    }

    /// Merges an update; the call comes to be when it is new, or new again after it had ended with a fresh
    /// announcement.
    pub fn merge(&mut self, id: &str, update: &Value, announced: bool, place: &Roots) -> Changed {
        self.order += 1;
        let order = self.order;
        if announced && self.calls.get(id).is_some_and(|call| call.closed && call.is_done()) {
            self.forget(id);
        }
        let first_seen = !self.calls.contains_key(id);
        if first_seen && self.calls.len() >= ACP_TOOL_CALLS_MAX {
            self.forget_oldest(id);
        }
        let call = self.calls.entry(id.to_owned()).or_insert_with(|| ToolCall {
            id: id.to_owned(),
            order,
            ..ToolCall::default()
        });
        let changed = Changed { first_seen, ..call.merge(update, place) };
        self.bytes -= call.bytes;
        call.bytes = call.weight();
        self.bytes += call.bytes;
        while self.bytes > ACP_TOOL_CALLS_BYTES_MAX && self.forget_oldest(id) {}
        changed
    }

    /// A request that shows nothing of its own asks for what was announced before it. Gives those calls, oldest first.
    pub fn covered_by(&self, id: &str) -> Vec<String> {
        let shows_nothing = self.calls.get(id).is_some_and(|call| {
            matches!(call.kind.as_str(), "" | "other")
                && call.raw_input.is_null()
                && call.diffs.is_empty()
                && call.locations.is_empty()
        });
        if !shows_nothing {
            return Vec::new();
        }
        let acts = |call: &&ToolCall| {
            let changes = matches!(call.kind(), "edit" | "delete" | "move" | "execute" | "fetch");
            changes && call.id != id && !(call.closed || call.gated || call.is_done())
        };
        let mut calls: Vec<&ToolCall> = self.calls.values().filter(acts).collect();
        calls.sort_by_key(|call| call.order);
        calls.into_iter().map(|call| call.id.clone()).collect()
    }

    /// Open calls pass the gate by a question of their own, those that `names` accepts; gives their titles.
    pub fn gate(&mut self, names: impl Fn(&ToolCall) -> bool) -> Vec<String> {
        let calls = self.calls.values_mut().filter(|call| !call.closed && names(call));
        calls
            .map(|call| {
                call.gated = true;
                call.title().to_owned()
            })
            .collect()
    }

    /// The call is covered by a question now.
    pub fn is_asked(&mut self, id: &str, ticket: Ticket) {
        if let Some(call) = self.calls.get_mut(id) {
            (call.ticket, call.gated) = (Some(ticket), true);
            // What it shows so far is its question, not its output.
            call.words_told = call.words.len();
        }
    }

    /// The call is covered by the question about another one.
    pub fn cover(&mut self, id: &str, ticket: Ticket) {
        if let Some(call) = self.calls.get_mut(id) {
            (call.ticket, call.gated) = (Some(ticket), true);
        }
    }

    /// The call has ended; `None` when that is known.
    pub fn close(&mut self, id: &str) -> Option<ToolCall> {
        let call = self.calls.get_mut(id).filter(|call| !call.closed)?;
        call.closed = true;
        Some(call.clone())
    }

    /// Ids of calls whose end nobody reported.
    pub fn open(&self) -> Vec<String> {
        self.calls.values().filter(|call| !call.closed).map(|call| call.id.clone()).collect()
    }

    /// Makes room by removing what is least likely to be mentioned again, but never `keep`. False when there is nothing
    /// else.
    fn forget_oldest(&mut self, keep: &str) -> bool {
        let others = self.calls.values().filter(|call| call.id != keep);
        let oldest = others.min_by_key(|c| (!c.closed || c.ticket.is_some(), c.order)).map(|c| c.id.clone());
        oldest.is_some_and(|id| self.forget(&id))
    }

    fn forget(&mut self, id: &str) -> bool {
        let gone = self.calls.remove(id);
        self.bytes -= gone.as_ref().map_or(0, |call| call.bytes);
        gone.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::acp::place::NoFiles;
    use serde_json::json;
    use std::sync::Arc;

    fn merge(tools: &mut Tools, id: &str, update: &Value, announced: bool) -> Changed {
        tools.merge(id, update, announced, &Roots::new("/home/u/p", "/copy", Arc::new(NoFiles)))
    }

    fn diff(path: &str, new: &str) -> Value {
        json!({"content": [{"type": "diff", "path": path, "oldText": "x", "newText": new}]})
    }

    #[test]
    fn late_fields_fill_in_and_missing_ones_take_nothing_away() {
        let mut tools = Tools::default();
        assert!(merge(&mut tools, "t", &json!({"status": "pending"}), false).first_seen);
        merge(&mut tools, "t", &diff("a", "1"), false);
        merge(&mut tools, "t", &json!({"title": "Edit a", "kind": "edit", "content": [], "rawInput": {}}), false);
        let call = tools.get("t").unwrap();
        assert_eq!((call.title(), call.kind(), call.diffs().len()), ("Edit a", "edit", 1));
    }

    #[test]
    fn streamed_content_grows_and_swapped_content_is_seen() {
        let mut tools = Tools::default();
        merge(&mut tools, "t", &diff("a", "1\n"), true);
        let grown = merge(&mut tools, "t", &diff("a", "1\n2"), false);
        assert!(grown.claims && !(grown.other_content || grown.other_files));
        assert!(merge(&mut tools, "t", &diff("a", "evil"), false).other_content);
        assert!(merge(&mut tools, "t", &diff("b", "evil"), false).other_files);
        let mut tools = Tools::default();
        merge(&mut tools, "t", &diff("a", "1"), true);
        for same in ["/copy/a", "./a", "/home/u/p/a"] {
            let changed = merge(&mut tools, "t", &diff(same, "1"), false);
            assert!(!(changed.other_content || changed.other_files), "{same}");
        }
        assert!(merge(&mut tools, "t", &diff("/copy/x/a", "1"), false).other_files);
    }

    #[test]
    fn input_that_is_streamed_as_text_is_input() {
        let mut tools = Tools::default();
        for part in ["", "{\"path\": \"a\"", "{\"path\": \"a\", \"content\": \"x\"}", "Asking to write a"] {
            merge(
                &mut tools,
                "t",
                &json!({"kind": "edit", "content": [{"type": "content", "content": {"type": "text", "text": part}}]}),
                false,
            );
        }
        assert_eq!(tools.get("t").unwrap().raw_input(), &json!({"path": "a", "content": "x"}));
    }

    #[test]
    fn a_bare_confirmation_covers_what_was_announced_before_it() {
        let mut tools = Tools::default();
        merge(&mut tools, "e", &json!({"kind": "edit", "status": "in_progress"}), true);
        merge(&mut tools, "r", &json!({"kind": "read", "status": "in_progress"}), true);
        merge(&mut tools, "done", &json!({"kind": "execute", "status": "completed"}), true);
        merge(&mut tools, "c", &json!({"kind": "other", "title": "Confirm"}), false);
        assert_eq!(tools.covered_by("c"), ["e"]);
        assert_eq!(tools.covered_by("e"), [""; 0], "it shows what it is");
        merge(&mut tools, "c2", &json!({"kind": "other", "rawInput": {"x": 1}}), false);
        assert_eq!(tools.covered_by("c2"), [""; 0]);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_what_is_open() {
        let mut tools = Tools::default();
        merge(&mut tools, "open", &json!({}), true);
        for n in 0..2 * ACP_TOOL_CALLS_MAX {
            merge(&mut tools, &n.to_string(), &json!({"status": "completed"}), true);
            tools.get_mut(&n.to_string()).unwrap().closed = true;
        }
        assert!(tools.calls.len() <= ACP_TOOL_CALLS_MAX && tools.get("open").is_some());
        let large = "x".repeat(ACP_TOOL_CALLS_BYTES_MAX / 8);
        for n in 0..20 {
            merge(&mut tools, &format!("large-{n}"), &json!({"rawInput": {"text": large}}), true);
            assert!(tools.bytes <= ACP_TOOL_CALLS_BYTES_MAX && tools.get(&format!("large-{n}")).is_some());
        }
        assert_eq!(tools.bytes, tools.calls.values().map(ToolCall::weight).sum::<usize>());
    }
}
