//! `replay` and `review`: a record walked through in the client that also supervises, or as numbered text.
//!
//! The record is played by a source in this process that uses the wire like a host: it gives all that happened at
//! once, and the client walks through it. Contents can be asked for; everything that would change something is refused.

use super::args::Shared;
use super::place::Places;
use super::{DONE, Done, Fail, daemon, home, print, screen};
use crate::base::limits::CLIENT_READ_EVENTS_MAX;
use crate::base::{ClientId, Seq, SessionId, UnixMs};
use crate::cli::limits::{REPLAY_PIPE_BYTES_MAX, REVIEW_FILE_BYTES_MAX};
use crate::journal::{self, Reader};
use crate::model::{Envelope, Event};
use crate::wire::{self, AttachedAs, BlobPart, Code, Id, Message, Request, RpcError};
use base64::Engine as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// A finished or running session, as far as it has come.
pub fn replay(shared: &Shared, session: &str) -> Done {
    let place = Places::open(shared.state_dir())?.find(Some(session))?;
    let path = place.journal();
    let reader = Reader::open(&path)?;
    let record = Record { name: place.id.to_string(), envelopes: read_all(&reader)?, journal: Some(path) };
    show(shared, record)
}

/// An exported or recorded file of envelopes, one a line.
pub fn review(shared: &Shared, file: &Path) -> Done {
    show(shared, Record { name: file.display().to_string(), envelopes: read_file(file)?, journal: None })
}

/// The record to step through.
struct Record {
    name: String,
    envelopes: Vec<Envelope>,
    /// The journal with the blobs, if there is one.
    journal: Option<PathBuf>,
}

fn read_all(reader: &Reader) -> Result<Vec<Envelope>, Fail> {
    let mut all = Vec::new();
    let mut from = Seq(1);
    loop {
        let records = reader.read(from, CLIENT_READ_EVENTS_MAX)?;
        let Some(last) = records.last() else { return Ok(all) };
        from = last.seq.next();
        all.extend(records.iter().map(journal::Record::envelope));
    }
}

/// Envelopes, also inside the notifications that `--headless` writes; other messages between them are left out.
fn read_file(file: &Path) -> Result<Vec<Envelope>, Fail> {
    let name = file.display();
    let fail = |what: String| Fail::usage(format!("{name}: {what}"));
    let size = std::fs::metadata(file).map_err(|e| fail(e.to_string()))?;
    if !size.is_file() {
        return Err(fail("it is not a regular file; use an exported .jsonl file".into()));
    }
    if size.len() > REVIEW_FILE_BYTES_MAX {
        return Err(fail(format!("it has {} bytes; the limit for a review is {REVIEW_FILE_BYTES_MAX}", size.len())));
    }
    let bytes = std::fs::read(file).map_err(|e| fail(e.to_string()))?;
    if bytes.starts_with(b"SQLite format 3\0") {
        return read_all(&Reader::open(file)?);
    }
    let text =
        String::from_utf8(bytes).map_err(|_| fail("it is not UTF-8; expected JSON lines, one event each".into()))?;
    let mut envelopes = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match envelope(line) {
            Ok(Some(envelope)) => envelopes.push(envelope),
            Ok(None) => {}
            Err(why) => {
                let expected = "expected an event {\"seq\", \"at\", \"kind\", …} as `rightseat export` writes it";
                return Err(Fail::usage(format!("{name}:{}: {why}; {expected}", number + 1)));
            }
        }
    }
    if envelopes.is_empty() {
        return Err(fail("it contains no events; `rightseat export SESSION` writes such a file".into()));
    }
    Ok(envelopes)
}

fn envelope(line: &str) -> Result<Option<Envelope>, String> {
    let value: serde_json::Value = serde_json::from_str(line).map_err(|e| format!("not JSON: {e}"))?;
    if value.get("kind").is_some() {
        return Envelope::from_json(line).map(Some).map_err(|e| e.to_string());
    }
    match value.get("params").and_then(|p| p.get("envelope")) {
        Some(inner) => Envelope::from_json(&inner.to_string()).map(Some).map_err(|e| e.to_string()),
        None if value.get("jsonrpc").is_some() => Ok(None),
        None => Err("no event".to_owned()),
    }
}

fn show(shared: &Shared, record: Record) -> Done {
    // Text for pipes and screen readers; a picture for a terminal.
    if shared.linear || !std::io::stdout().is_terminal() {
        return tell(&record);
    }
    screen::check(shared)?;
    let mut options = screen::options(shared, &record.name, Some(true))?;
    options.is_record = true;
    options.files.rules = None;
    options.way.door = None;
    let runtime = daemon::runtime()?;
    let left = format!("{} was not changed", record.name);
    let then = screen::run(&runtime, options, open(record), || left);
    runtime.shutdown_background();
    home::follow(shared, then?)
}

/// Numbered steps in text.
fn tell(record: &Record) -> Done {
    let opened = record.envelopes.first().map_or(UnixMs(0), |e| e.at);
    let mut number = 0usize;
    for envelope in &record.envelopes {
        let lines = journal::export::told(envelope, opened);
        let Some((heading, rest)) = lines.split_first() else { continue };
        number += 1;
        print(&format!("{number}. {heading}"))?;
        rest.iter().try_for_each(|line| print(line))?;
    }
    Ok(DONE)
}

async fn open(record: Record) -> Result<crate::ui::run::Stream, String> {
    let (ours, theirs) = tokio::io::duplex(REPLAY_PIPE_BYTES_MAX);
    let (read, write) = tokio::io::split(ours);
    let (reader, writer) = wire::pair(read, write);
    tokio::spawn(Source { record }.serve(reader, writer));
    let (read, write) = tokio::io::split(theirs);
    Ok(crate::ui::run::Stream::new(read, write, None))
}

/// The side that a host would be.
struct Source {
    record: Record,
}

const REFUSAL: &str = "a record is read-only";

impl Source {
    async fn serve(mut self, mut reader: wire::FrameReader, mut writer: wire::FrameWriter) {
        while let Some(Ok(frame)) = reader.next().await {
            let Ok(Message::Request { id, method, params }) = frame else { continue };
            let request = Request::parse(&method, params.as_deref());
            let attaches = matches!(request, Ok(Request::Attach(_)));
            let answer = self.answer(id.clone(), request);
            if writer.send(&answer).await.is_err() || (attaches && self.send_all(&mut writer).await.is_none()) {
                return;
            }
        }
    }

    fn answer(&self, id: Id, request: Result<Request, RpcError>) -> Message {
        let done = |id: Id, value: &serde_json::Value| {
            Message::answer(id.clone(), value)
                .unwrap_or(Message::Answer { id, result: Err(RpcError::new(Code::Internal, "no answer")) })
        };
        match request {
            Ok(Request::Attach(_)) => done(id, &serde_json::to_value(self.attached()).unwrap_or_default()),
            Ok(Request::Close(_)) => done(id, &serde_json::json!({})),
            Ok(Request::BlobGet(wanted)) => self.blob(id, &wanted),
            Ok(_) => Message::Answer { id, result: Err(RpcError::new(Code::ReadOnly, REFUSAL)) },
            Err(error) => Message::Answer { id, result: Err(error) },
        }
    }

    fn attached(&self) -> AttachedAs {
        let (first, last) = (self.record.envelopes.first(), self.record.envelopes.last());
        let session =
            first.and_then(|e| if let Event::SessionOpened(o) = &e.event { Some(o.session.clone()) } else { None });
        AttachedAs {
            protocol: wire::ProtocolRange::default().max,
            session: session.unwrap_or_else(|| SessionId::new(self.record.name.clone())),
            head: last.map_or(Seq(0), |e| e.seq),
            client: ClientId::new("replay"),
            control: true,
            // Ages are shown as they were.
            now: last.map_or(UnixMs(0), |e| e.at),
            snapshot: None,
            recent: false,
            pack: None,
        }
    }

    /// The client keeps them from here on.
    async fn send_all(&mut self, writer: &mut wire::FrameWriter) -> Option<()> {
        for envelope in std::mem::take(&mut self.record.envelopes) {
            let params = serde_json::json!({ "envelope": envelope });
            writer.feed(&Message::notification("session/event", &params).ok()?).await.ok()?;
        }
        writer.flush().await.ok()
    }

    fn blob(&self, id: Id, wanted: &wire::BlobGet) -> Message {
        let offset = wanted.offset.unwrap_or(0);
        let length = wanted.length.unwrap_or(REPLAY_PIPE_BYTES_MAX as u64).min(REPLAY_PIPE_BYTES_MAX as u64);
        let found = self.record.journal.as_deref().and_then(|path| {
            let reader = Reader::open(path).ok()?;
            let bytes = reader.blob_length(&wanted.digest).ok()??;
            let part = reader.blob(&wanted.digest, offset, usize::try_from(length).ok()?).ok()?;
            let data = base64::engine::general_purpose::STANDARD.encode(part);
            Message::answer(id.clone(), &BlobPart { digest: wanted.digest, offset, bytes, data }).ok()
        });
        let missing = "the record does not contain this content";
        found.unwrap_or(Message::Answer { id, result: Err(RpcError::new(Code::InvalidParams, missing)) })
    }
}
