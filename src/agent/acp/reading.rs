//! The answers to `fs/read_text_file`.

use super::message::{Id, RpcError};
use super::out::Out;
use super::speak;
use crate::base::RelPath;
use crate::base::text::foreign;
use crate::model::event::OutcomeWord;
use crate::port::Performed;
use serde_json::Value;

/// A read that the agent leaves to us.
#[derive(Clone, Debug)]
pub struct Reading {
    pub request: Id,
    pub path: Option<RelPath>,
    /// First line and number of lines.
    pub part: (Option<u64>, Option<u64>),
}

impl Reading {
    /// The host has read.
    pub fn done(&self, performed: &Performed, out: &mut Out) {
        let answer = self.answer(performed, out);
        out.reply(&self.request, answer);
    }

    fn answer(&self, performed: &Performed, out: &Out) -> Result<Value, RpcError> {
        if performed.outcome != OutcomeWord::Ok {
            let why = performed.detail.clone().unwrap_or_else(|| "the file could not be read".to_owned());
            return Err(RpcError::new(RpcError::REFUSED, why));
        }
        let path = self.path.as_ref().ok_or_else(|| speak::no_such_file(""))?;
        // In a private copy the agent must see its own version of the file.
        let place = out.place();
        let own = if place.is_private() { place.read_own(path).ok().flatten() } else { None };
        // Of a directory there would be several, and of something else than was asked for none is wanted.
        let asked = |(read, _): &&(RelPath, Vec<u8>)| read == path;
        let read = || performed.read.iter().find(asked).map(|(_, bytes)| bytes.clone());
        let bytes = own.or_else(read).ok_or_else(|| speak::no_such_file(path.as_str()))?;
        self.serve(path, &bytes)
    }

    /// The answer with the lines of this text that were asked for.
    pub fn of_text(&self, text: &str) -> Value {
        speak::file_text(part_of(text, self.part))
    }

    /// The answer with these bytes. What is not UTF-8 would be lost on its way, and again when the agent writes it back.
    pub fn serve(&self, path: &RelPath, bytes: &[u8]) -> Result<Value, RpcError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(self.of_text(text)),
            Err(_) => {
                let (line, byte) = foreign::found(bytes).next().unwrap_or((1, 0));
                let text = format!(
                    "{path} is not UTF-8: byte 0x{byte:02X} in line {line}. Reading it as text would lose bytes, and so \
                     would writing it back; change it with a command that works on bytes, such as sed, or convert it first"
                );
                Err(RpcError::new(RpcError::INVALID_PARAMS, text))
            }
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
