//! Anchors: the signed head of a record, written to places outside of it at the ends of turns and at decisions on guarded
//! files, and found again by `verify`.
//!
//! A follower of the journal writes them, so nothing waits for a slow place. One that fails raises an alarm, once until it
//! works again.

use super::notify;
use crate::base::limits::CLIENT_READ_EVENTS_MAX;
use crate::base::{ActionId, Seq, SessionId};
use crate::cli::limits::{ANCHOR_GIT_MS_MAX, ANCHORS_READ_BYTES_MAX};
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
use std::process::Stdio;
use std::time::Duration;

/// The notes of anchors.
const NOTES: &str = "refs/notes/rightseat";

/// What makes git run nothing that the repository or its user configured.
const QUIET_GIT: [&str; 20] = [
    "--no-pager",
    "--no-optional-locks",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.editor=true",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "commit.gpgSign=false",
    "-c",
    "tag.gpgSign=false",
    "-c",
    "user.name=rightseat",
    "-c",
    "user.email=rightseat@localhost",
];

/// Writes the anchors of a session.
pub struct Follower {
    host: Host,
    reader: Reader,
    /// `None`: the machine has no key; the anchors are not signed.
    signer: Option<Signer>,
    settings: AnchorSettings,
    workspace: PathBuf,
    /// Held actions that change guarded files.
    guarded: BTreeSet<ActionId>,
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
        Ok(Self { host, reader, signer, settings, workspace, guarded: BTreeSet::new(), failed: BTreeSet::new() })
    }

    /// Follows the session until its host goes.
    pub async fn follow(mut self) {
        let mut head = self.host.follow();
        let from = head.borrow().head;
        let mut next = Seq(1);
        loop {
            let is_last = head.borrow_and_update().closing;
            match self.read(&mut next, from) {
                Ok(Some(record)) => self.write(&record).await,
                Ok(None) => {}
                Err(error) => {
                    let text = format!("no more anchors are written: the journal cannot be read: {error}");
                    return self.host.alarm(AlarmKind::Anchor, text).await;
                }
            }
            if is_last || head.changed().await.is_err() {
                return;
            }
        }
    }

    /// Takes in what is new; gives the last record if one of them is worth an anchor.
    fn read(&mut self, next: &mut Seq, from: Seq) -> crate::journal::Result<Option<Record>> {
        let (mut last, mut is_due) = (None, false);
        loop {
            let records = self.reader.read(*next, CLIENT_READ_EVENTS_MAX)?;
            let Some(newest) = records.last() else { return Ok(last.filter(|_| is_due)) };
            *next = newest.seq.next();
            for record in &records {
                is_due |= self.is_worth_it(&record.envelope().event) && record.seq > from;
            }
            last = Some(newest.clone());
        }
    }

    fn is_worth_it(&mut self, event: &Event) -> bool {
        if let Event::Held(held) = event
            && held.confirm.is_some()
        {
            self.guarded.insert(held.action.clone());
        }
        if let Event::Lapsed(lapsed) = event {
            self.guarded.remove(&lapsed.action);
        }
        if let Event::Decided(decided) = event {
            return self.guarded.remove(&decided.action) || decided.confirmed.is_some();
        }
        matches!(event, Event::TurnEnded(_) | Event::SessionEnded(_) | Event::Stopped(_))
    }

    async fn write(&mut self, record: &Record) {
        let anchor = Anchor { session: self.reader.session().clone(), seq: record.seq, hash: record.hash };
        let at = Some(record.at);
        let anchor = match &self.signer {
            Some(signer) => signer.anchor(anchor, at),
            None => SignedAnchor { anchor, at, signed: None },
        };
        let Ok(line) = serde_json::to_string(&anchor) else { return };
        if let Some(file) = &self.settings.file {
            let written = append(file, &line).map_err(|error| format!("{}: {error}", file.display()));
            self.tell("file", written).await;
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

fn append(file: &Path, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    // One write: several sessions may share the file.
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_data()
}

/// A git that reads only the repository's own configuration, of which nothing is run.
fn git(workspace: &Path) -> tokio::process::Command {
    let mut git = tokio::process::Command::new("git");
    git.args(QUIET_GIT).current_dir(workspace).env_clear();
    git.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    git.envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_TERMINAL_PROMPT", "0")]);
    git.envs([("GIT_NO_LAZY_FETCH", "1"), ("LC_ALL", "C")]);
    git.stdin(Stdio::null()).kill_on_drop(true);
    git
}

async fn output(mut git: tokio::process::Command) -> Result<String, String> {
    let ended = tokio::time::timeout(Duration::from_millis(ANCHOR_GIT_MS_MAX), git.output()).await;
    let output = ended.map_err(|_| "git took too long".to_owned())?.map_err(|error| format!("git: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("git: {}", said.lines().last().unwrap_or("it failed")))
}

async fn note(workspace: &Path, line: &str) -> Result<(), String> {
    let mut git = git(workspace);
    git.args(["notes", "--ref=rightseat", "append", "-m", line, "HEAD"]);
    output(git).await.map(|_| ())
}

/// The anchors of a session in the notes of its workspace; none where there are no notes.
pub async fn in_notes(workspace: &Path, session: &SessionId) -> Vec<(String, SignedAnchor)> {
    let mut git = git(workspace);
    git.args(["grep", "-h", "--no-color", "-F", "-e", session.as_str(), NOTES]);
    let text = output(git).await.unwrap_or_default();
    of_session(text.get(..ANCHORS_READ_BYTES_MAX).unwrap_or(&text), session, "the git note")
}

/// The anchors of a session in this file.
///
/// # Errors
/// It cannot be read.
pub fn in_file(file: &Path, session: &SessionId) -> std::io::Result<Vec<(String, SignedAnchor)>> {
    Ok(of_session(&text(file)?, session, &format!("the anchor file {}", file.display())))
}

/// All anchors in this file.
///
/// # Errors
/// It cannot be read.
pub fn all_in_file(file: &Path) -> std::io::Result<Vec<SignedAnchor>> {
    Ok(text(file)?.lines().filter_map(SignedAnchor::parse).collect())
}

fn text(file: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    File::open(file)?.take(ANCHORS_READ_BYTES_MAX as u64).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn of_session(text: &str, session: &SessionId, place: &str) -> Vec<(String, SignedAnchor)> {
    let anchors = text.lines().filter_map(SignedAnchor::parse);
    anchors.filter(|kept| kept.anchor.session == *session).map(|kept| (place.to_owned(), kept)).collect()
}
