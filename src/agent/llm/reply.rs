//! One completion assembled from its pieces.
//!
//! Owns the rule that a call runs only when its arguments are complete and parse as one JSON
//! object, and only once for each id. Whatever falls short becomes a [`BrokenCall`] that says why.

use super::delta::{Delta, Stop, Usage};
use super::fault::Fault;
use super::providers::Api;
use super::request::{Message, Part, Seal, ToolCall};
use crate::agent::llm::limits;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A completion so far.
#[derive(Debug)]
pub struct Reply {
    api: Api,
    /// Makes ids for calls that came without one.
    prefix: String,
    parts: Vec<Slot>,
    open: BTreeMap<u32, OpenCall>,
    broken: Vec<BrokenCall>,
    kept_bytes: usize,
    truncated: bool,
    /// Tokens used, as far as told.
    pub usage: Usage,
    /// The reason of its end; `None` while it runs or after a fault.
    pub stop: Option<Stop>,
    /// The fault that ended it.
    pub fault: Option<Fault>,
}

/// A part of the answer, or the place of a future call.
#[derive(Debug)]
enum Slot {
    Part(Part),
    Call(u32),
}

#[derive(Debug)]
struct OpenCall {
    id: String,
    name: String,
    args: String,
    seal: Option<Seal>,
    doubt: Option<String>,
    done: bool,
}

/// A call that must not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenCall {
    /// The tool's name as far as it came.
    pub name: String,
    /// The reason that it does not run, for the model and the supervisor.
    pub why: String,
}

impl Reply {
    /// An empty completion. `prefix` must be unique in the conversation.
    pub fn new(api: Api, prefix: impl Into<String>) -> Reply {
        Reply {
            api,
            prefix: prefix.into(),
            parts: Vec::new(),
            open: BTreeMap::new(),
            broken: Vec::new(),
            kept_bytes: 0,
            truncated: false,
            usage: Usage::default(),
            stop: None,
            fault: None,
        }
    }

    /// Takes one piece.
    pub fn take(&mut self, delta: Delta) {
        match delta {
            Delta::Text(text) => self.say(text, false),
            Delta::Thinking(text) => self.say(text, true),
            Delta::Seal(value) => self.seal(value),
            Delta::ToolStart { slot, id, name } => self.begin(slot, id, name),
            Delta::ToolArgs { slot, text } => self.extend(slot, &text),
            Delta::ToolSeal { slot, value } => {
                let seal = Seal { api: self.api, value };
                if let Some(call) = self.open.get_mut(&slot) {
                    call.seal = Some(seal);
                }
            }
            Delta::ToolDoubt { slot, why } => self.doubt(slot, why),
            Delta::ToolEnd { slot, args } => self.complete(slot, args),
            Delta::Usage(usage) => self.usage.update(usage),
            Delta::Stop(stop) => self.stop = Some(stop),
            Delta::Fault(fault) => self.fault = self.fault.take().or(Some(fault)),
        }
    }

    /// Returns whether a call has begun.
    pub fn calls_something(&self) -> bool {
        !self.open.is_empty()
    }

    /// Returns whether any piece of content has come; from then on a retry would pay twice.
    pub fn begun(&self) -> bool {
        !self.parts.is_empty() || !self.open.is_empty()
    }

    /// The text said, without thinking.
    pub fn text(&self) -> String {
        let texts = self.parts.iter().filter_map(|slot| match slot {
            Slot::Part(Part::Text(text)) => Some(text.as_str()),
            Slot::Part(Part::Thinking { .. } | Part::Call(_) | Part::Result { .. }) | Slot::Call(_) => None,
        });
        texts.collect::<Vec<_>>().join("")
    }

    /// Closes the completion: its message, with complete calls only, and the calls that broke.
    pub fn close(mut self) -> Closed {
        let mut parts = Vec::new();
        let mut broken = std::mem::take(&mut self.broken);
        for slot in std::mem::take(&mut self.parts) {
            match slot {
                Slot::Part(part) => parts.push(part),
                Slot::Call(slot) => {
                    let Some(call) = self.open.remove(&slot) else { continue };
                    match self.finish(slot, call) {
                        Ok(call) => parts.push(Part::Call(call)),
                        Err(why) => broken.push(why),
                    }
                }
            }
        }
        if self.truncated {
            parts.push(Part::Text("[answer shortened: it was too long]".to_owned()));
        }
        Closed { message: Message::assistant(parts), broken, usage: self.usage, stop: self.stop, fault: self.fault }
    }

    fn finish(&self, slot: u32, call: OpenCall) -> Result<ToolCall, BrokenCall> {
        let broken = |why: String| BrokenCall { name: call.name.clone(), why };
        if let Some(why) = &call.doubt {
            return Err(broken(why.clone()));
        }
        if !call.done {
            return Err(broken("the answer ended before its arguments were complete".to_owned()));
        }
        let args: Value = serde_json::from_str(&call.args)
            .map_err(|error| broken(format!("its arguments are not valid JSON: {error}")))?;
        if !args.is_object() {
            return Err(broken("its arguments are not a JSON object".to_owned()));
        }
        let id = if call.id.is_empty() { format!("{}-{slot}", self.prefix) } else { call.id.clone() };
        Ok(ToolCall { id, name: call.name.clone(), args, seal: call.seal })
    }

    fn say(&mut self, text: String, thinking: bool) {
        self.kept_bytes += text.len();
        if self.kept_bytes > limits::TEXT_BYTES_MAX {
            self.truncated = true;
            return;
        }
        match (self.parts.last_mut(), thinking) {
            (Some(Slot::Part(Part::Text(open))), false) => open.push_str(&text),
            (Some(Slot::Part(Part::Thinking { text: open, seal: None })), true) => open.push_str(&text),
            (_, false) => self.parts.push(Slot::Part(Part::Text(text))),
            (_, true) => self.parts.push(Slot::Part(Part::Thinking { text, seal: None })),
        }
    }

    fn seal(&mut self, value: Value) {
        let sealed = Some(Seal { api: self.api, value });
        match self.parts.last_mut() {
            Some(Slot::Part(Part::Thinking { seal: seal @ None, .. })) => *seal = sealed,
            _ => self.parts.push(Slot::Part(Part::Thinking { text: String::new(), seal: sealed })),
        }
    }

    fn begin(&mut self, slot: u32, id: String, name: String) {
        if self.open.contains_key(&slot) {
            self.doubt(slot, "the server sent the start of this call twice".to_owned());
            return;
        }
        if self.open.len() >= limits::CALLS_PER_ANSWER_MAX {
            let why = format!("more than {} calls in one answer", limits::CALLS_PER_ANSWER_MAX);
            self.broken.push(BrokenCall { name, why });
            return;
        }
        self.parts.push(Slot::Call(slot));
        let call = OpenCall { id, name, args: String::new(), seal: None, doubt: None, done: false };
        self.open.insert(slot, call);
    }

    fn extend(&mut self, slot: u32, text: &str) {
        let Some(call) = self.open.get_mut(&slot).filter(|call| !call.done) else { return };
        if call.args.len() + text.len() > limits::TOOL_ARGS_BYTES_MAX {
            let why = format!("its arguments are larger than {} bytes", limits::TOOL_ARGS_BYTES_MAX);
            call.doubt.get_or_insert(why);
        } else {
            call.args.push_str(text);
        }
    }

    fn doubt(&mut self, slot: u32, why: String) {
        // A repeated opening before any argument, or after the call was complete, has changed
        // nothing yet; but pieces may be repeated as well, so the call is not trusted.
        if let Some(call) = self.open.get_mut(&slot).filter(|call| !call.done) {
            call.doubt.get_or_insert(why);
        }
    }

    fn complete(&mut self, slot: u32, args: Option<String>) {
        let Some(call) = self.open.get_mut(&slot).filter(|call| !call.done) else { return };
        call.done = true;
        let Some(whole) = args else { return };
        if whole.len() > limits::TOOL_ARGS_BYTES_MAX {
            let why = format!("its arguments are larger than {} bytes", limits::TOOL_ARGS_BYTES_MAX);
            call.doubt.get_or_insert(why);
            return;
        }
        // Two spellings of one call that differ: which one was meant is not ours to guess.
        if !call.args.is_empty() && call.args != whole {
            let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
            if parsed(&call.args) != parsed(&whole) {
                call.doubt.get_or_insert("its streamed and its final arguments differ".to_owned());
            }
        }
        call.args = whole;
    }
}

/// A completion that has ended.
#[derive(Debug)]
pub struct Closed {
    /// The model's message and the calls that may run.
    pub message: Message,
    /// Calls that must not run.
    pub broken: Vec<BrokenCall>,
    /// Tokens used, as far as told.
    pub usage: Usage,
    /// The reason of its end; `None` after a fault.
    pub stop: Option<Stop>,
    /// The fault that ended it.
    pub fault: Option<Fault>,
}

impl Closed {
    /// Takes out the calls whose ids were used before: a call runs once. `seen` holds the ids of earlier calls in the
    /// conversation and takes up the new ones.
    pub fn refuse_repeated(&mut self, seen: &mut BTreeSet<String>) {
        let broken = &mut self.broken;
        self.message.parts.retain(|part| {
            let Part::Call(call) = part else { return true };
            let is_new = seen.insert(call.id.clone());
            if !is_new {
                let why = format!("the id {} was used before; a call runs once", call.id);
                broken.push(BrokenCall { name: call.name.clone(), why });
            }
            is_new
        });
    }

    /// The calls that may run, in order.
    pub fn calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.message.parts.iter().filter_map(|part| match part {
            Part::Call(call) => Some(call),
            Part::Text(_) | Part::Thinking { .. } | Part::Result { .. } => None,
        })
    }

    /// The text said, without thinking.
    pub fn text(&self) -> String {
        let texts = self.message.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Call(_) | Part::Thinking { .. } | Part::Result { .. } => None,
        });
        texts.collect::<Vec<_>>().join("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(deltas: Vec<Delta>, seen: &mut BTreeSet<String>) -> Closed {
        let mut reply = Reply::new(Api::Chat, "t1");
        deltas.into_iter().for_each(|delta| reply.take(delta));
        let mut closed = reply.close();
        closed.refuse_repeated(seen);
        closed
    }

    fn call(id: &str, args: &str) -> Vec<Delta> {
        vec![
            Delta::ToolStart { slot: 0, id: id.into(), name: "run".into() },
            Delta::ToolArgs { slot: 0, text: args.into() },
            Delta::ToolEnd { slot: 0, args: None },
        ]
    }

    fn broken(deltas: Vec<Delta>) -> String {
        let closed = close(deltas, &mut BTreeSet::new());
        assert_eq!(closed.calls().count(), 0);
        closed.broken.into_iter().map(|broken| broken.why).collect()
    }

    #[test]
    fn only_whole_objects_within_the_bound_run() {
        assert_eq!(close(call("a", "{\"x\": 1}"), &mut BTreeSet::new()).calls().count(), 1);
        assert!(broken(call("a", "{\"x\": 1")).contains("not valid JSON"));
        assert!(broken(call("a", "[1]")).contains("not a JSON object"));
        let huge = format!("{{\"x\": \"{}\"}}", "y".repeat(limits::TOOL_ARGS_BYTES_MAX));
        assert!(broken(call("a", &huge)).contains("larger than"));
        let mut differing = call("a", "{\"x\": 1}");
        differing.pop();
        differing.push(Delta::ToolEnd { slot: 0, args: Some("{\"x\": 2}".into()) });
        assert!(broken(differing).contains("differ"));
    }

    #[test]
    fn a_call_runs_once_for_each_id_in_a_conversation() {
        let mut seen = BTreeSet::new();
        assert_eq!(close(call("a", "{}"), &mut seen).calls().count(), 1);
        let again = close(call("a", "{}"), &mut seen);
        assert_eq!(again.calls().count(), 0);
        assert!(again.broken[0].why.contains("used before"));
        // Without an id each call gets one of its own.
        assert_eq!(close(call("", "{}"), &mut seen).calls().next().unwrap().id, "t1-0");
    }

    #[test]
    fn endless_text_and_calls_are_bounded() {
        let mut deltas = vec![Delta::Text("z".repeat(1 << 20)); 8];
        deltas.extend((0..100).map(|slot| Delta::ToolStart { slot, id: String::new(), name: "run".into() }));
        let closed = close(deltas, &mut BTreeSet::new());
        assert!(closed.text().len() < limits::TEXT_BYTES_MAX + 100 && closed.broken.len() == 100);
    }
}
