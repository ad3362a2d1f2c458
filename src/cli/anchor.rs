//! Anchors: the signed head of a record, written to places outside of it at the ends of turns and at decisions on guarded
//! files, and found again by `verify`.
//!
//! A follower of the journal writes them, so nothing waits for a slow place. One that fails raises an alarm, once until it
//! works again.

use super::{git, notify};
use crate::base::limits::CLIENT_READ_EVENTS_MAX;
use crate::base::{ActionId, Seq, SessionId};
use crate::cli::limits::ANCHORS_READ_BYTES_MAX;
use crate::config::AnchorSettings;
use crate::host::Host;
use crate::journal::{Anchor, Reader, Record, SignedAnchor, Signer};
use crate::model::AlarmKind;
use crate::model::event::Event;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The notes of anchors.
const NOTES: &str = "refs/notes/rightseat";

/// Follows a session and writes its anchors.
pub struct Follower {
    unread: Unread,
    writer: Writer,
}

/// The part of the journal that was not looked at yet.
struct Unread {
    reader: Reader,
    next: Seq,
    guarded: Guarded,
}

/// The places of a session's anchors.
struct Writer {
    host: Host,
    session: SessionId,
    /// `None`: the machine has no key; the anchors are not signed.
    signer: Option<Signer>,
    settings: AnchorSettings,
    workspace: PathBuf,
    /// Places that failed at the last attempt.
    failed: BTreeSet<&'static str>,
}

impl Follower {
    /// # Errors
    /// The journal cannot be read.
    pub fn new(
        host: Host,
        journal: &Path,
        signer: Option<Signer>,
        (settings, workspace): (AnchorSettings, PathBuf),
    ) -> Result<Self, crate::journal::Error> {
        let reader = Reader::open(journal)?;
        let session = reader.session().clone();
        let unread = Unread { reader, next: Seq(1), guarded: Guarded::default() };
        Ok(Self { unread, writer: Writer { host, session, signer, settings, workspace, failed: BTreeSet::new() } })
    }

    /// Follows the session until its host goes.
    pub async fn follow(self) {
        let Self { mut unread, mut writer } = self;
        let mut head = writer.host.follow();
        let from = head.borrow().head;
        loop {
            let is_last = head.borrow_and_update().closing;
            let reading = tokio::task::spawn_blocking(move || {
                let found = unread.read(from).map_err(|error| error.to_string());
                (unread, found)
            });
            let found = match reading.await {
                Ok((rest, found)) => {
                    unread = rest;
                    found
                }
                // The runtime ends.
                Err(_) => return,
            };
            match found {
                Ok(Some(record)) => writer.write(&record).await,
                Ok(None) => {}
                Err(error) => {
                    let text = format!("no more anchors are written: the journal cannot be read: {error}");
                    return writer.host.alarm(AlarmKind::Anchor, text).await;
                }
            }
            if is_last || head.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Unread {
    /// Takes in what is new; gives the last record if one of those after `from` is worth an anchor. A guarded action may
    /// be held since a former host.
    fn read(&mut self, from: Seq) -> crate::journal::Result<Option<Record>> {
        let (mut last, mut is_due) = (None, false);
        loop {
            let records = self.reader.read(self.next, CLIENT_READ_EVENTS_MAX)?;
            let Some(newest) = records.last() else { return Ok(last.filter(|_| is_due)) };
            self.next = newest.seq.next();
            for record in &records {
                is_due |= self.guarded.is_worth_it(&record.envelope().event) && record.seq > from;
            }
            last = Some(newest.clone());
        }
    }
}

impl Writer {
    async fn write(&mut self, record: &Record) {
        let anchor = Anchor { session: self.session.clone(), seq: record.seq, hash: record.hash };
        let at = Some(record.at);
        let anchor = match &self.signer {
            Some(signer) => signer.anchor(anchor, at),
            None => SignedAnchor { anchor, at, signed: None },
        };
        let Ok(line) = serde_json::to_string(&anchor) else { return };
        if let Some(file) = &self.settings.file {
            let (file, line) = (file.clone(), line.clone());
            let written = tokio::task::spawn_blocking(move || {
                append(&file, &line).map_err(|error| format!("{}: {error}", file.display()))
            });
            self.tell("file", written.await.unwrap_or_else(|lost| Err(lost.to_string()))).await;
        }
        if self.settings.git_note {
            let noted = note(&self.workspace, &line).await;
            self.tell("git_note", noted).await;
        }
        if !self.settings.command.is_empty() {
            let ran = notify::feed(&self.settings.command, &format!("{line}\n"), |_| {}).await;
            self.tell("command", ran).await;
        }
    }

    async fn tell(&mut self, place: &'static str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => drop(self.failed.remove(place)),
            Err(why) if self.failed.insert(place) => {
                let text = format!("the record was not anchored by `anchor.{place}`: {why}");
                self.host.alarm(AlarmKind::Anchor, text).await;
            }
            Err(_) => {}
        }
    }
}

/// Held actions at a guard rail.
#[derive(Debug, Default)]
struct Guarded(BTreeSet<ActionId>);

impl Guarded {
    /// Takes in an event; true when it is worth an anchor.
    fn is_worth_it(&mut self, event: &Event) -> bool {
        if let Event::Held(held) = event
            && held.is_guarded()
        {
            self.0.insert(held.action.clone());
        }
        if let Event::Lapsed(lapsed) = event {
            self.0.remove(&lapsed.action);
        }
        if let Event::Decided(decided) = event {
            return self.0.remove(&decided.action) || decided.confirmed.is_some();
        }
        is_end(event)
    }
}

/// Whether every configured place gets an anchor for it.
fn is_end(event: &Event) -> bool {
    matches!(event, Event::TurnEnded(_) | Event::SessionEnded(_) | Event::Stopped(_))
}

/// Whether an anchor of this record must be in the place of this setting: a turn has ended, and the record has no alarm
/// that says that the place cannot be written.
pub fn is_due(journal: &Path, setting: &str) -> bool {
    let Ok(reader) = Reader::open(journal) else { return false };
    let (mut is_due, place) = (false, format!("`anchor.{setting}`"));
    for record in reader.iter(Seq(1)).map_while(Result::ok) {
        let event = record.envelope().event;
        if matches!(&event, Event::Alarm(alarm) if alarm.what == AlarmKind::Anchor && alarm.text.contains(&place)) {
            return false;
        }
        is_due |= is_end(&event);
    }
    is_due
}

/// Opens a regular file, and nothing else: no link that an agent made, and nothing that would block.
fn regular(options: &mut OpenOptions, path: &Path) -> std::io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    Ok(file)
}

fn append(file: &Path, line: &str) -> std::io::Result<()> {
    let mut file = regular(OpenOptions::new().append(true).create(true).mode(0o600), file)?;
    // One write: several sessions may share the file.
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_data()
}

async fn note(workspace: &Path, line: &str) -> Result<(), String> {
    git::write(workspace, &["notes", "--ref=rightseat", "append", "-m", line, "HEAD"], b"").await.map(drop)
}

/// The anchors of a session in the notes of its workspace; none where there are no notes.
pub async fn in_notes(workspace: &Path, session: &SessionId) -> Vec<SignedAnchor> {
    let said = git::run(workspace, &["grep", "-h", "--no-color", "-F", "-e", session.as_str(), NOTES], b"").await;
    of_session(&String::from_utf8_lossy(&said.unwrap_or_default()), session)
}

/// The anchors of a session in the file to which it writes them.
///
/// # Errors
/// It cannot be read.
pub fn in_file(file: &Path, session: &SessionId) -> std::io::Result<Vec<SignedAnchor>> {
    Ok(of_session(&text(regular(OpenOptions::new().read(true), file)?)?, session))
}

/// All anchors in a file that the user names.
///
/// # Errors
/// It cannot be read.
pub fn all_in_file(file: &Path) -> std::io::Result<Vec<SignedAnchor>> {
    Ok(text(File::open(file)?)?.lines().filter_map(SignedAnchor::parse).collect())
}

fn text(file: File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    std::io::Read::take(file, ANCHORS_READ_BYTES_MAX as u64).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn of_session(text: &str, session: &SessionId) -> Vec<SignedAnchor> {
    text.lines().filter_map(SignedAnchor::parse).filter(|kept| kept.anchor.session == *session).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Envelope;
    use serde_json::{Value, json};

    fn event(mut value: Value) -> Event {
        (value["seq"], value["at"]) = (json!(1), json!(0));
        Envelope::from_json(&value.to_string()).unwrap().event
    }

    #[test]
    fn a_decision_at_a_guard_rail_is_anchored_with_or_without_a_word() {
        let zero = "0".repeat(64);
        let held = |more: Value| {
            let mut held = json!({"kind": "held", "action": "a1", "revision": 1, "digest": zero});
            held.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            event(held)
        };
        let decided = || {
            event(json!({"kind": "decided", "action": "a1", "revision": 1, "digest": zero, "verdict": "deny",
                "by": {"human": "c1"}}))
        };
        for (more, expect) in
            [(json!({}), false), (json!({"confirm": "apply"}), true), (json!({"rail": "guarded_file"}), true)]
        {
            let mut guarded = Guarded::default();
            assert!(!guarded.is_worth_it(&held(more.clone())));
            assert_eq!(guarded.is_worth_it(&decided()), expect, "{more}");
            assert!(!guarded.is_worth_it(&decided()), "only once");
        }
    }

    #[test]
    fn only_a_regular_file_is_written_and_nothing_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link, fifo) = (dir.path().join("file"), dir.path().join("link"), dir.path().join("fifo"));
        append(&file, "one").unwrap();
        append(&file, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "one\ntwo\n");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        for other in [&link, &fifo, &dir.path().to_owned()] {
            assert!(append(other, "three").is_err() && in_file(other, &"s".into()).is_err(), "{}", other.display());
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "one\ntwo\n");
    }
}
