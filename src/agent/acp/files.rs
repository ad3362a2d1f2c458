//! `fs/read_text_file` and `fs/write_text_file`: reads and writes the agent leaves to us. A write becomes a proposal
//! that the host executes; the agent receives success when it is on the disk.

use super::asks::{Asks, Subject};
use super::context::Context;
use super::grants::Foreseen;
use super::message::{Id, RpcError};
use super::peek;
use super::preview::own_title;
use super::reading::Reading;
use super::speak;
use crate::agent::acp::limits::ACP_FILE_BYTES_MAX;
use crate::agent::catalog::Level;
use crate::base::{Digest, RelPath};
use crate::model::Proposal;
use crate::model::action::{Body, LineRange, Rationale};
use crate::model::draft::{After, Draft};
use serde_json::Value;

/// A write of a file that the agent requests.
pub struct Writing<'a> {
    pub path: &'a str,
    content: &'a [u8],
}

impl<'a> Writing<'a> {
    pub fn of(params: &'a Value) -> Result<Self, RpcError> {
        let invalid = |why: String| Err(RpcError::new(RpcError::INVALID_PARAMS, why));
        let (Some(path), Some(content)) = (peek::text(params, "path"), peek::text(params, "content")) else {
            return invalid("path and content are required".to_owned());
        };
        if content.len() > ACP_FILE_BYTES_MAX {
            return invalid(format!("{} bytes are over the limit of {ACP_FILE_BYTES_MAX} for a file", content.len()));
        }
        Ok(Self { path, content: content.as_bytes() })
    }

    /// Was a write of this file allowed, or executed for the agent, already?
    pub fn is_granted(&self, asks: &Asks, cx: &Context) -> bool {
        cx.out.place().rel(self.path).is_some_and(|rel| asks.grants.has(&rel) || asks.allows(&rel, None))
    }

    /// Keeps it if it is a file of the agent's plans outside the workspace, which nobody needs to be asked about. Not
    /// while its plan is under review: what is approved is what was shown.
    pub fn is_kept(&self, id: &Id, asks: &Asks, cx: &mut Context) -> bool {
        let place = cx.out.place();
        if !place.is_plan_file(self.path) {
            return false;
        }
        if asks.reviews_plan() {
            cx.out.refuse(id, RpcError::REFUSED, "the plan is under review: wait for the answer");
            cx.out.alarm("mismatch", None, format!("the agent changes {} while its plan is under review", self.path));
            return true;
        }
        let is_kept = place.keep_plan(self.path, self.content);
        if is_kept {
            cx.goes_on();
            cx.tools.gate(|call| call.paths().iter().any(|path| path == self.path));
            cx.out.reply(id, Ok(speak::file_written()));
            cx.out.note("plan", &format!("its plan file {} is kept here and not written to the disk", self.path));
        }
        is_kept
    }

    /// Asks about it, unless it is known already.
    pub fn asked(self, id: Id, asks: &mut Asks, cx: &mut Context) {
        let place = cx.out.place();
        let rel = place.rel(self.path);
        cx.goes_on();
        // Open edit calls for this file pass the gate by this write.
        let names = |path: &String| rel.is_some() && place.rel(path) == rel;
        let titles = cx.tools.gate(|call| {
            let paths = call.paths();
            paths.iter().any(names) || (paths.is_empty() && call.kind() == "edit")
        });
        if let Some(rel) = &rel
            && self.is_known(rel, asks, cx)
        {
            cx.out.reply(&id, Ok(speak::file_written()));
            return;
        }
        let draft = Draft { path: place.named(self.path), after: After::Whole(self.content.to_vec()) };
        let mut proposal = Proposal::new(Draft::words(std::slice::from_ref(&draft)), Body::Edit(vec![draft]));
        let evidence = titles.iter().filter_map(|title| own_title(&place, title, &proposal.title)).collect();
        proposal.rationale = Some(Rationale { text: cx.turn.words.reason(), evidence });
        asks.propose(Subject::Write { request: id }, proposal, &mut cx.out);
    }

    /// Returns whether it is an editor sync after the agent has written itself, or before it writes what it was
    /// allowed, or the write that was executed with its approval.
    fn is_known(&self, rel: &RelPath, asks: &mut Asks, cx: &mut Context) -> bool {
        let digest = Digest::of(self.content);
        let foreseen = asks.grants.foreseen(rel, &digest);
        let allowed = asks.allows(rel, Some(&digest));
        let announces = allowed && cx.conduct.spec().level != Level::Unknown && !cx.conduct.edits_through_us();
        let on_disk = cx.out.place().read(rel).ok().flatten();
        if announces || foreseen == Foreseen::Exactly || on_disk.as_deref() == Some(self.content) {
            return true;
        }
        if foreseen == Foreseen::OtherContent {
            let text = format!("the agent writes different content to {rel} than approved; you are asked again");
            cx.out.alarm("mismatch", None, text);
        }
        if cx.conduct.edits_come_through_us() {
            if allowed {
                cx.out.note("protocol", "its edits now go through rightseat, which applies them");
            }
            cx.conduct.report_change(&mut cx.out);
        }
        false
    }
}

/// A read is answered at once where nothing is shown by it, else it is asked about.
pub fn read_asked(id: Id, params: &Value, asks: &mut Asks, cx: &mut Context) {
    let Some(text) = peek::text(params, "path") else {
        cx.out.refuse(&id, RpcError::INVALID_PARAMS, "a path is required");
        return;
    };
    let place = cx.out.place();
    let number = |key: &str| params.get(key).and_then(Value::as_u64);
    let reading = Reading { request: id, path: place.rel(text), part: (number("line"), number("limit")) };
    // Kimi takes "no such file" for a failure of its plan mode; an empty plan is none to it.
    let absent = || (place.is_plan_file(text) && place.read_plan(text).is_none()).then(String::new);
    if let Some(plan) = place.kept_plan(text).or_else(absent) {
        cx.out.reply(&reading.request, Ok(reading.of_text(&plan)));
        return;
    }
    if place.is_beside_kept_plan(text) {
        cx.out.reply(&reading.request, Err(speak::no_such_file(text)));
        return;
    }
    let answer = reading.path.as_ref().and_then(|rel| match asks.grants.still_seen(rel) {
        Some(Some(bytes)) => Some(reading.serve(rel, bytes)),
        Some(None) => Some(Err(speak::no_such_file(text))),
        None => match place.read_own(rel) {
            // It is not shown to be lost: text is all the protocol can carry.
            Ok(Some(bytes)) => reading.serve(rel, &bytes).err().map(Err),
            // Agents probe for files; they must be told that there is none, and nobody needs to be asked.
            Ok(None) => Some(Err(speak::no_such_file(text))),
            Err(why) => Some(Err(RpcError::new(RpcError::INVALID_PARAMS, why))),
        },
    });
    if let Some(answer) = answer {
        cx.out.reply(&reading.request, answer);
        return;
    }
    cx.goes_on();
    cx.tools.gate(|call| call.kind() == "read");
    let named = place.named(text);
    let mut proposal = Proposal::new(format!("read {named}"), Body::Read(named));
    proposal.part = LineRange::of(reading.part.0, reading.part.1);
    asks.propose(Subject::Read(reading), proposal, &mut cx.out);
}
