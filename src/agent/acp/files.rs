//! `fs/read_text_file` and `fs/write_text_file`: reads and writes the agent leaves to us. A write becomes a proposal that
//! the host executes; the agent hears of success when it is on the disk.

use super::asks::{Foreseen, Subject};
use super::client::Client;
use super::message::{Id, RpcError};
use super::peek;
use super::permission::own_title;
use super::place::Disk;
use super::speak;
use crate::agent::acp::limits::ACP_FILE_BYTES_MAX;
use crate::agent::catalog::{Level, Through};
use crate::base::text::foreign;
use crate::base::{Digest, RelPath};
use crate::model::Proposal;
use crate::model::action::{Body, Rationale};
use crate::model::draft::{After, Draft};
use crate::model::event::OutcomeWord;
use crate::port::Performed;
use serde_json::Value;

impl Client {
    pub(super) fn write_asked(&mut self, id: Id, params: &Value, disk: &dyn Disk) {
        let (Some(text), Some(content)) = (peek::text(params, "path"), peek::text(params, "content")) else {
            self.reply(&id, Err(RpcError::new(RpcError::INVALID_PARAMS, "path and content are required")));
            return;
        };
        if content.len() > ACP_FILE_BYTES_MAX {
            let why = format!("{} bytes are over the limit of {ACP_FILE_BYTES_MAX} for a file", content.len());
            self.reply(&id, Err(RpcError::new(RpcError::INVALID_PARAMS, why)));
            return;
        }
        if self.turn.refuses_questions() {
            self.reply(&id, Err(RpcError::new(RpcError::CANCELLED, "the turn was cancelled")));
            return;
        }
        let rel = self.setup.place.rel(text);
        let granted = rel.as_ref().is_some_and(|rel| self.asks.is_granted(rel));
        if !granted && self.turns_at_boundary(&format!("the write of {}", self.setup.place.named(text))) {
            self.reply(&id, Err(RpcError::new(RpcError::CANCELLED, "the turn was cancelled")));
            return;
        }
        self.turn_goes_on();
        let calls = self.gate_calls_that_name(rel.as_ref());
        if let Some(rel) = &rel {
            let foreseen = self.asks.foreseen(rel, content.as_bytes());
            let on_disk = disk.read(rel).ok().flatten();
            // An editor sync after the agent has written itself, or the write that was executed with its approval.
            let digest = Digest::of(content.as_bytes());
            let allowed = self.asks.by_agent(None).into_iter().any(|t| self.asks.expects(t, rel, &digest));
            // An agent that is known to write by itself (opencode) tells its editor what it is about to write.
            let tells = allowed && self.setup.spec.level != Level::Unknown && self.conduct.edits == Through::Agent;
            if tells || foreseen == Foreseen::Exactly || on_disk.as_deref() == Some(content.as_bytes()) {
                self.reply(&id, Ok(speak::file_written()));
                return;
            }
            if foreseen == Foreseen::OtherContent {
                let text = format!("the agent writes different content to {rel} than approved; you are asked again");
                self.alarm("mismatch", None, text);
            }
            if self.conduct.edits_come_through_us() {
                if allowed {
                    self.note("protocol", "its edits now go through rightseat, which applies them");
                }
                self.tell_ready("ready");
            }
        }
        let named = self.setup.place.named(text);
        let draft = Draft { path: named.clone(), after: After::Whole(content.as_bytes().to_vec()) };
        let reason = self.turn.reason();
        let mut proposal = Proposal::new(Draft::words(std::slice::from_ref(&draft)), Body::Edit(vec![draft]));
        let place = &self.setup.place;
        let evidence = calls.iter().filter_map(|title| own_title(place, title, &proposal.title)).collect();
        proposal.rationale = Some(Rationale { text: reason, evidence });
        self.propose(Subject::Write { request: id }, proposal);
    }

    /// Open edit calls for this file pass the gate by this write; gives their titles.
    fn gate_calls_that_name(&mut self, rel: Option<&RelPath>) -> Vec<String> {
        let place = self.setup.place.clone();
        let mut titles = Vec::new();
        for id in self.tools.open() {
            let Some(call) = self.tools.get_mut(&id) else { continue };
            let paths = call.paths();
            let names_it = paths.iter().any(|path| rel.is_some() && place.rel(path).as_ref() == rel);
            if names_it || (paths.is_empty() && call.kind() == "edit") {
                call.gated = true;
                titles.push(place.shown(call.title()));
            }
        }
        titles
    }

    pub(super) fn read_asked(&mut self, id: Id, params: &Value, disk: &dyn Disk) {
        let Some(text) = peek::text(params, "path") else {
            self.reply(&id, Err(RpcError::new(RpcError::INVALID_PARAMS, "a path is required")));
            return;
        };
        let number = |key: &str| params.get(key).and_then(Value::as_u64);
        let part = (number("line"), number("limit"));
        let rel = self.setup.place.rel(text);
        if let Some(rel) = &rel {
            if let Some(seen) = self.asks.still_seen(rel) {
                let answer = match seen {
                    Some(bytes) => served(rel, bytes, part),
                    None => Err(speak::no_such_file(text)),
                };
                self.reply(&id, answer);
                return;
            }
            match disk.read_own(rel) {
                // It is not shown to be lost: text is all the protocol can carry.
                Ok(Some(bytes)) => {
                    if let Err(error) = served(rel, &bytes, part) {
                        self.reply(&id, Err(error));
                        return;
                    }
                }
                // Agents probe for files; they must hear that there is none, and nobody needs to be asked.
                Ok(None) => {
                    self.reply(&id, Err(speak::no_such_file(text)));
                    return;
                }
                Err(why) => {
                    self.reply(&id, Err(RpcError::new(RpcError::INVALID_PARAMS, why)));
                    return;
                }
            }
        }
        self.turn_goes_on();
        let named = self.setup.place.named(text);
        for call in self.tools.open() {
            if let Some(call) = self.tools.get_mut(&call)
                && call.kind() == "read"
            {
                call.gated = true;
            }
        }
        let subject = Subject::Read { request: id, path: rel, part };
        self.propose(subject, Proposal::new(format!("read {named}"), Body::Read(named)));
    }

    pub(super) fn read_done(
        &mut self,
        request: &Id,
        path: Option<&RelPath>,
        part: (Option<u64>, Option<u64>),
        performed: &Performed,
        disk: &dyn Disk,
    ) {
        if performed.outcome != OutcomeWord::Ok {
            let why = performed.detail.clone().unwrap_or_else(|| "the file could not be read".to_owned());
            self.reply(request, Err(RpcError::new(RpcError::REFUSED, why)));
            return;
        }
        // In a private copy the agent must see its own version of the file.
        let own = path.filter(|_| self.setup.place.is_private()).and_then(|path| disk.read_own(path).ok().flatten());
        // Of a directory there would be several, and of something else than was asked for none is wanted.
        let asked = |(read, _): &&(RelPath, Vec<u8>)| Some(read) == path;
        let Some(bytes) = own.or_else(|| performed.read.iter().find(asked).map(|(_, bytes)| bytes.clone())) else {
            self.reply(request, Err(speak::no_such_file(path.map_or("", RelPath::as_str))));
            return;
        };
        let Some(path) = path else {
            self.reply(request, Err(speak::no_such_file("")));
            return;
        };
        self.reply(request, served(path, &bytes, part));
    }
}

/// The answer to a read. What is not UTF-8 would be lost on its way, and again when the agent writes it back.
fn served(path: &RelPath, bytes: &[u8], part: (Option<u64>, Option<u64>)) -> Result<Value, RpcError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(speak::file_text(part_of(text, part))),
        Err(_) => {
            let (line, byte) = foreign::found(bytes).next().unwrap_or((1, 0));
            let text = format!(
                "{path} is not UTF-8: byte 0x{byte:02X} in line {line}. Reading it as text would lose bytes, and so would \
                 writing it back; change it with a command that works on bytes, such as sed, or convert it first"
            );
            Err(RpcError::new(RpcError::INVALID_PARAMS, text))
        }
    }
}

/// Lines from `line` (1-based), at most `limit`.
fn part_of(text: &str, (line, limit): (Option<u64>, Option<u64>)) -> String {
    if line.is_none() && limit.is_none() {
        return text.to_owned();
    }
    let skip = usize::try_from(line.unwrap_or(1).saturating_sub(1)).unwrap_or(usize::MAX);
    let take = limit.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    text.split_inclusive('\n').skip(skip).take(take).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_files_are_counted_in_lines_from_one() {
        let text = "a\nb\nc";
        for (part, expect) in [
            ((None, None), "a\nb\nc"),
            ((Some(2), None), "b\nc"),
            ((None, Some(1)), "a\n"),
            ((Some(0), Some(2)), "a\nb\n"),
            ((Some(9), Some(2)), ""),
            ((Some(u64::MAX), Some(u64::MAX)), ""),
        ] {
            assert_eq!(part_of(text, part), expect);
        }
    }
}
