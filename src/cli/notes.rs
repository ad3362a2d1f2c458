//! Notes in git, where the user wants them: which lines of a commit came from which action, with its decision and its
//! reason. They are written to a reference of their own and pushed by nobody; nothing else of the repository changes.
//!
//! After each command of a session the commits that are new on `HEAD` get one (`git.notes`); `rightseat note` writes one for
//! a commit of the user's own.

use super::args::Shared;
use super::place::Places;
use super::{DONE, Done, Fail, NOT_SO, daemon, git, print};
use crate::base::limits::CLIENT_READ_EVENTS_MAX;
use crate::base::{ActionId, RelPath, Seq};
use crate::cli::limits::{NOTE_BYTES_MAX, NOTE_COMMITS_MAX, NOTE_FILES_MAX};
use crate::host::Host;
use crate::journal::Reader;
use crate::journal::export::{Committed, of_commit};
use crate::model::event::Event;
use crate::model::{AlarmKind, Kind};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The notes, below `refs/notes`. `refs/notes/rightseat` has the anchors.
const REFERENCE: &str = "--ref=rightseat-lines";

/// `rightseat note`.
pub fn note(shared: &Shared, session: &str, commit: &str) -> Done {
    let place = Places::open(shared.state_dir())?.find(Some(session))?;
    let workspace = place.options()?.workspace;
    let journal = place.journal();
    let runtime = daemon::runtime()?;
    let noted = runtime.block_on(async {
        let commit = resolved(&workspace, commit).await?;
        noted(&workspace, &journal, &commit).await.map(|is_noted| (commit, is_noted))
    });
    let (commit, is_noted) = noted.map_err(Fail::usage)?;
    if is_noted {
        print(&format!("noted {commit}: git notes {REFERENCE} show {commit}")).map(|()| DONE)
    } else {
        print(&format!("no line that {commit} adds came from an action of {}", place.id)).map(|()| NOT_SO)
    }
}

/// The name of a commit, which may be any word of the user's for it.
async fn resolved(workspace: &Path, commit: &str) -> Result<String, String> {
    let object = format!("{commit}^{{commit}}");
    let said = git::run(workspace, &["rev-parse", "--verify", "--quiet", "--end-of-options", &object], b"").await;
    let name = String::from_utf8_lossy(&said.map_err(|_| format!("{commit} is not a commit"))?).trim().to_owned();
    Ok(name)
}

/// Writes the note of a commit, unless none of its lines is an action's.
async fn noted(workspace: &Path, journal: &Path, commit: &str) -> Result<bool, String> {
    let files = files(workspace, commit).await?;
    let journal = journal.to_owned();
    let text = tokio::task::spawn_blocking(move || {
        let reader = Reader::open(&journal).map_err(|error| error.to_string())?;
        of_commit(&reader, files).map_err(|error| error.to_string())
    });
    let Some(mut text) = text.await.unwrap_or_else(|lost| Err(lost.to_string()))? else { return Ok(false) };
    if text.len() > NOTE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(NOTE_BYTES_MAX));
        text.push_str("\n(cut: the record has all)\n");
    }
    git::run(workspace, &["notes", REFERENCE, "add", "-f", "-F", "-", commit], text.as_bytes()).await?;
    Ok(true)
}

/// The files that a commit changes, against its first parent.
async fn files(workspace: &Path, commit: &str) -> Result<Vec<Committed>, String> {
    let args =
        ["diff-tree", "-r", "-z", "--root", "--no-commit-id", "--name-only", "--no-renames", "-m", "--first-parent"];
    let said = git::run(workspace, &[&args[..], &[commit]].concat(), b"").await?;
    let names = said.split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok());
    let paths = names.filter_map(|name| RelPath::new(name).ok()).take(NOTE_FILES_MAX);
    let mut files = Vec::new();
    for path in paths {
        let side = async |version: &str| {
            let object = format!("{version}:{path}");
            // A side that is not there is empty.
            git::run(workspace, &["cat-file", "blob", &object], b"").await.unwrap_or_default()
        };
        let (before, after) = (side(&format!("{commit}^")).await, side(commit).await);
        files.push(Committed { path, before, after });
    }
    Ok(files)
}

/// Follows a session and notes the commits that its commands make.
pub struct Follower {
    host: Host,
    journal: PathBuf,
    workspace: PathBuf,
    unread: Unread,
}

/// The part of the journal that was not looked at yet, and the commands that have begun in the rest.
struct Unread {
    reader: Reader,
    next: Seq,
    commands: BTreeSet<ActionId>,
}

impl Follower {
    /// # Errors
    /// The journal cannot be read.
    pub fn new(host: Host, journal: &Path, workspace: PathBuf) -> Result<Self, crate::journal::Error> {
        let unread = Unread { reader: Reader::open(journal)?, next: Seq(1), commands: BTreeSet::new() };
        Ok(Self { host, journal: journal.to_owned(), workspace, unread })
    }

    /// Follows the session until its host goes.
    pub async fn follow(self) {
        let Self { host, journal, workspace, mut unread } = self;
        let mut head = host.follow();
        let from = head.borrow().head;
        let mut known = resolved(&workspace, "HEAD").await.ok();
        loop {
            let is_last = head.borrow_and_update().closing;
            let reading = tokio::task::spawn_blocking(move || {
                let ended = unread.read(from);
                (unread, ended)
            });
            // The runtime ends, or the journal cannot be read, which others say.
            let Ok((rest, Ok(has_ended))) = reading.await else { return };
            unread = rest;
            if has_ended {
                let now = resolved(&workspace, "HEAD").await.ok();
                if now != known
                    && let Some(now) = &now
                    && let Err(why) = new_commits(&workspace, &journal, known.as_deref(), now).await
                {
                    host.alarm(AlarmKind::Anchor, format!("a commit got no note in git: {why}")).await;
                }
                known = now;
            }
            if is_last || head.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Notes the commits that came since `known`; of a repository that had none, the last one.
async fn new_commits(workspace: &Path, journal: &Path, known: Option<&str>, now: &str) -> Result<(), String> {
    let most = format!("--max-count={}", if known.is_some() { NOTE_COMMITS_MAX } else { 1 });
    let except = known.map(|known| format!("^{known}"));
    let args: Vec<&str> = ["rev-list", &most, now].into_iter().chain(except.as_deref()).collect();
    let said = git::run(workspace, &args, b"").await?;
    for commit in String::from_utf8_lossy(&said).lines() {
        noted(workspace, journal, commit).await?;
    }
    Ok(())
}

impl Unread {
    /// Takes in what is new; gives whether a command has ended after `from`.
    fn read(&mut self, from: Seq) -> crate::journal::Result<bool> {
        let mut has_ended = false;
        loop {
            let records = self.reader.read(self.next, CLIENT_READ_EVENTS_MAX)?;
            let Some(newest) = records.last() else { return Ok(has_ended) };
            self.next = newest.seq.next();
            for record in &records {
                match record.envelope().event {
                    Event::Proposed(proposed) if proposed.action.kind() == Kind::Command => {
                        self.commands.insert(proposed.action.id.clone());
                    }
                    Event::Finished(finished) => {
                        has_ended |= self.commands.remove(&finished.action) && record.seq > from;
                    }
                    Event::Lapsed(lapsed) => drop(self.commands.remove(&lapsed.action)),
                    _ => {}
                }
            }
        }
    }
}
