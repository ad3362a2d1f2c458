//! The raw protocol of a session in a file, one JSON object a line: `{"at_ms", "from": "client"|"agent"|"stderr",
//! "line"}`. `line` is the message itself, or a text where it was no JSON. Such a file can be played again as a
//! fixture.

use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The sender of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Client,
    Agent,
    Stderr,
}

impl From {
    fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Agent => "agent",
            Self::Stderr => "stderr",
        }
    }
}

/// Writes as the lines go by. The file is the owner's alone: it can hold anything the agent was shown.
#[derive(Debug)]
pub struct Recorder {
    file: BufWriter<File>,
    began: std::time::Instant,
}

impl Recorder {
    /// Makes the file again, or continues with it when an agent is started again in its session.
    pub fn create(path: &Path, goes_on: bool) -> std::io::Result<Self> {
        let mut options = std::fs::OpenOptions::new();
        options.create(true).mode(0o600);
        let file = if goes_on { options.append(true) } else { options.write(true).truncate(true) }.open(path)?;
        Ok(Self { file: BufWriter::new(file), began: std::time::Instant::now() })
    }

    pub fn line(&mut self, from: From, line: &[u8]) -> std::io::Result<()> {
        let text = String::from_utf8_lossy(line);
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()));
        let at_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        writeln!(self.file, "{}", json!({"at_ms": at_ms, "from": from.word(), "line": value}))?;
        self.file.flush()
    }
}

/// Reads a record back; invalid lines are skipped.
pub fn read(path: &Path) -> std::io::Result<Vec<(From, Value)>> {
    let mut lines = Vec::new();
    for line in BufReader::new(File::open(path)?).lines() {
        let Ok(mut value) = serde_json::from_str::<Value>(&line?) else { continue };
        let from = match value.get("from").and_then(Value::as_str) {
            Some("client") => From::Client,
            Some("agent") => From::Agent,
            Some("stderr") => From::Stderr,
            Some(_) | None => continue,
        };
        lines.push((from, value.get_mut("line").map_or(Value::Null, Value::take)));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_was_recorded_is_read_back_and_is_the_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.jsonl");
        let mut recorder = Recorder::create(&path, false).unwrap();
        recorder.line(From::Client, br#"{"id":1}"#).unwrap();
        recorder.line(From::Agent, b"log \xff").unwrap();
        assert_eq!(read(&path).unwrap(), [(From::Client, json!({"id": 1})), (From::Agent, json!("log \u{fffd}"))]);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
