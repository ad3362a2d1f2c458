//! Notes in git, where the user wants them: which lines of a commit came from which action, with its decision and its
//! reason. They are written to a reference of their own and pushed by nobody; nothing else of the repository changes.
//!
//! After each command of a session the commits that are new on `HEAD` get one (`git.notes`); `rightseat note` writes one for
//! a commit of the user's own.

use super::args::Shared;
use super::place::Places;
use super::{DONE, Done, Fail, NOT_SO, daemon, git, print};
use crate::base::limits::CLIENT_READ_EVENTS_MAX;
use crate::base::{ActionId, Digest, RelPath, Seq, SessionId};
use crate::cli::limits::{
    NOTE_BATCH_COMMITS_MAX, NOTE_BYTES_MAX, NOTE_COMMIT_BYTES_MAX, NOTE_COMMITS_MAX, NOTE_FILE_BYTES_MAX,
    NOTE_FILES_MAX, NOTE_TRIES_MAX,
};
use crate::host::Host;
use crate::journal::Reader;
use crate::journal::export::{Committed, merged, of_commits};
use crate::model::event::Event;
use crate::model::{AlarmKind, Kind};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The notes, as `git notes` and as `git update-ref` name them. `refs/notes/rightseat` has the anchors.
const REFERENCE: &str = "--ref=rightseat-lines";
const FULL_REFERENCE: &str = "refs/notes/rightseat-lines";

/// `rightseat note`.
pub fn note(shared: &Shared, session: &str, commit: &str) -> Done {
    let place = Places::open(shared.state_dir())?.find(Some(session))?;
    let workspace = place.options()?.workspace;
    let journal = place.journal();
    let runtime = daemon::runtime()?;
    let noted = runtime.block_on(async {
        let commit = resolved(&workspace, commit).await?;
        noted(&workspace, &journal, vec![commit.clone()]).await.map(|count| (commit, count > 0))
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

/// Writes the notes of these commits, except where none of the lines is an action's, and returns how many it wrote. The
/// journal is read once for all.
///
/// # Errors
/// Names the first commit that could not be noted, and why; the others are noted.
async fn noted(workspace: &Path, journal: &Path, commits: Vec<String>) -> Result<usize, String> {
    let (mut names, mut files, mut failed) = (Vec::new(), Vec::new(), None);
    for commit in commits {
        match compared(workspace, &commit).await {
            Ok((of_commit, left_out)) => {
                files.push(of_commit);
                names.push((commit, left_out));
            }
            Err(why) => failed = failed.or_else(|| Some(format!("{commit}: {why}"))),
        }
    }
    let journal = journal.to_owned();
    let texts = tokio::task::spawn_blocking(move || {
        let reader = Reader::open(&journal).map_err(|error| error.to_string())?;
        let texts = of_commits(&reader, &files).map_err(|error| error.to_string())?;
        Ok((reader.session().clone(), texts))
    });
    let (session, texts) = texts.await.unwrap_or_else(|lost| Err(lost.to_string()))?;
    let texts = names.into_iter().zip(texts);
    let notes: Vec<(String, String)> =
        texts.filter_map(|((commit, left_out), text)| Some((commit, bounded(text?, left_out)))).collect();
    let written = write(workspace, &session, &notes).await;
    failed.map_or(written, Err)
}

/// What a session says about a commit, cut where it is too long, with how many files were left out.
fn bounded(mut text: String, left_out: usize) -> String {
    if text.len() > NOTE_BYTES_MAX {
        text.truncate((0..=NOTE_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0));
        text.push_str("\n(cut: the record has all)\n");
    }
    if left_out > 0 {
        text.push_str(&format!("\n(too large or too many to compare: {left_out} files)\n"));
    }
    text
}

/// Writes what a session says into the notes of commits, and returns how many it wrote. Others may write notes at the same
/// time: they are written to a draft, which takes the place of the notes if those are still what it began with.
async fn write(workspace: &Path, session: &SessionId, notes: &[(String, String)]) -> Result<usize, String> {
    if notes.is_empty() {
        return Ok(0);
    }
    let name = Digest::of(session.as_str().as_bytes()).to_string();
    let name = format!("rightseat-lines-draft-{}-{}", std::process::id(), name.get(..12).unwrap_or_default());
    let draft = format!("refs/notes/{name}");
    let mut written = Err(OVERTAKEN.to_owned());
    for _ in 0..NOTE_TRIES_MAX {
        written = try_to_write(workspace, session, notes, &draft).await;
        if !matches!(&written, Err(why) if why == OVERTAKEN) {
            break;
        }
    }
    // What is left of a draft is in nobody's way.
    let _ = git::write(workspace, &["update-ref", "-d", &draft], b"").await;
    written
}

/// Somebody else's notes came first.
const OVERTAKEN: &str = "others kept writing notes";

async fn try_to_write(
    workspace: &Path,
    session: &SessionId,
    notes: &[(String, String)],
    draft: &str,
) -> Result<usize, String> {
    let begun = tip(workspace, FULL_REFERENCE).await;
    match &begun {
        Some(tip) => git::write(workspace, &["update-ref", draft, tip], b"").await?,
        None => git::write(workspace, &["update-ref", "-d", draft], b"").await?,
    };
    let (mut count, mut failed) = (0, None);
    for (commit, block) in notes {
        match write_one(workspace, session, (commit, block), draft).await {
            Ok(()) => count += 1,
            Err(why) => failed = failed.or_else(|| Some(format!("{commit}: {why}"))),
        }
    }
    if let Some(ours) = tip(workspace, draft).await.filter(|ours| Some(ours) != begun.as_ref()) {
        // Without an old value it must not be there.
        let old = begun.as_deref().unwrap_or_default();
        let swapped = git::write(workspace, &["update-ref", FULL_REFERENCE, &ours, old], b"").await;
        if let Err(why) = swapped {
            let is_overtaken = tip(workspace, FULL_REFERENCE).await != begun || why.contains("cannot lock ref");
            return Err(if is_overtaken { OVERTAKEN.to_owned() } else { why });
        }
    }
    failed.map_or(Ok(count), Err)
}

/// The commit that a reference names, if it is there.
async fn tip(workspace: &Path, reference: &str) -> Option<String> {
    let said = git::run(workspace, &["rev-parse", "--verify", "--quiet", "--end-of-options", reference], b"").await;
    said.ok().map(|name| String::from_utf8_lossy(&name).trim().to_owned())
}

/// Writes what a session says into the note of a commit, where it replaces only what the same session said before.
async fn write_one(
    workspace: &Path,
    session: &SessionId,
    (commit, block): (&str, &str),
    draft: &str,
) -> Result<(), String> {
    let reference = format!("--ref={draft}");
    let old = match git::run(workspace, &["notes", &reference, "list", commit], b"").await {
        Ok(object) => {
            let object = String::from_utf8_lossy(&object).trim().to_owned();
            if lengths(workspace, &[&object]).await?.iter().any(|length| *length > NOTE_FILE_BYTES_MAX) {
                return Err("its note is too large to add to".to_owned());
            }
            let note = git::run(workspace, &["cat-file", "blob", &object], b"").await?;
            String::from_utf8(note).map_err(|_| "its note is not text".to_owned())?
        }
        Err(why) if why.contains("no note found") => String::new(),
        Err(why) => return Err(why),
    };
    let note = merged(&old, session, block);
    git::write(workspace, &["notes", &reference, "add", "-f", "-F", "-", commit], note.as_bytes()).await.map(drop)
}

/// A regular file that a commit changes, by the names of its two blobs.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    path: RelPath,
    /// None of a file that the commit creates.
    before: Option<String>,
    after: String,
}

/// The files below the workspace that a commit changes against its first parent, as far as they are within the bounds, and
/// how many are not.
async fn compared(workspace: &Path, commit: &str) -> Result<(Vec<Committed>, usize), String> {
    let parent = parent(&git::run(workspace, &["cat-file", "commit", commit], b"").await?);
    let args = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-commit-id", "--no-renames", "--relative"];
    let sides = [parent.as_deref().unwrap_or("--root"), commit];
    let said = git::run(workspace, &[&args[..], &sides].concat(), b"").await?;
    let mut changes = changes(&said);
    let mut left_out = changes.len().saturating_sub(NOTE_FILES_MAX);
    changes.truncate(NOTE_FILES_MAX);
    let objects: Vec<&str> = changes.iter().flat_map(Change::objects).collect();
    let mut lengths = lengths(workspace, &objects).await?.into_iter();
    let mut bytes_left = NOTE_COMMIT_BYTES_MAX;
    let count = changes.len();
    changes.retain(|change| {
        let lengths: Vec<usize> = lengths.by_ref().take(change.objects().count()).collect();
        let bytes: usize = lengths.iter().sum();
        let fits = lengths.iter().all(|length| *length <= NOTE_FILE_BYTES_MAX) && bytes <= bytes_left;
        bytes_left -= if fits { bytes } else { 0 };
        fits
    });
    left_out += count - changes.len();
    let objects: Vec<&str> = changes.iter().flat_map(Change::objects).collect();
    let mut contents = contents(&git::run(workspace, &BATCH, &lines(&objects)).await?, objects.len())?.into_iter();
    let mut files = Vec::new();
    for Change { path, before, .. } in changes {
        let before = before.and_then(|_| contents.next());
        files.extend(contents.next().map(|after| Committed::new(path, before, after)));
    }
    Ok((files, left_out))
}

impl Change {
    fn objects(&self) -> impl Iterator<Item = &str> {
        self.before.as_deref().into_iter().chain([self.after.as_str()])
    }
}

/// The first parent that a commit names, whether the repository has it or not (`cat-file commit`).
fn parent(commit: &[u8]) -> Option<String> {
    let header = String::from_utf8_lossy(commit);
    let mut header = header.lines().take_while(|line| !line.is_empty());
    header.find_map(|line| line.strip_prefix("parent ")).map(str::to_owned)
}

/// The files that are regular on both sides (`diff-tree -z --raw`); what is deleted adds no line.
fn changes(said: &[u8]) -> Vec<Change> {
    // What is behind the last NUL was cut.
    let whole = said.iter().rposition(|byte| *byte == 0).and_then(|last| said.get(..last)).unwrap_or_default();
    let mut pieces = whole.split(|byte| *byte == 0).map(std::str::from_utf8);
    let mut changes = Vec::new();
    while let (Some(fields), Some(path)) = (pieces.next(), pieces.next()) {
        let (Ok(fields), Ok(Ok(path))) = (fields, path.map(RelPath::new)) else { continue };
        let fields: Vec<&str> = fields.split(' ').collect();
        let [old_mode, new_mode, before, after, ..] = fields[..] else { continue };
        let before = match old_mode {
            ":000000" => None,
            mode if mode.starts_with(":100") => Some(before.to_owned()),
            _ => continue,
        };
        if new_mode.starts_with("100") {
            changes.push(Change { path, before, after: after.to_owned() });
        }
    }
    changes
}

/// Prints, for each object that is named on a line of the input, its length and its bytes.
const BATCH: [&str; 2] = ["cat-file", "--batch=%(objectsize)"];

fn lines(objects: &[&str]) -> Vec<u8> {
    objects.iter().flat_map(|object| [object.as_bytes(), b"\n"]).flatten().copied().collect()
}

/// The lengths of these objects.
async fn lengths(workspace: &Path, objects: &[&str]) -> Result<Vec<usize>, String> {
    let said = git::run(workspace, &["cat-file", "--batch-check=%(objectsize)"], &lines(objects)).await?;
    let said = String::from_utf8_lossy(&said);
    let lengths: Result<Vec<usize>, String> =
        said.lines().map(|line| line.parse().map_err(|_| format!("git: {line}"))).collect();
    lengths.and_then(|lengths| match lengths.len() == objects.len() {
        true => Ok(lengths),
        false => Err(INCOMPLETE.to_owned()),
    })
}

const INCOMPLETE: &str = "git: it did not list every object";

/// The bytes of as many objects, by [`BATCH`].
fn contents(said: &[u8], count: usize) -> Result<Vec<Vec<u8>>, String> {
    let (mut rest, mut contents) = (said, Vec::new());
    while contents.len() < count {
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or(INCOMPLETE)?;
        let line = String::from_utf8_lossy(rest.get(..end).unwrap_or_default());
        let length: usize = line.parse().map_err(|_| format!("git: {line}"))?;
        let bytes = rest.get(end + 1..).and_then(|rest| rest.get(..length)).ok_or(INCOMPLETE)?;
        contents.push(bytes.to_vec());
        rest = rest.get(end + 1 + length + 1..).ok_or(INCOMPLETE)?;
    }
    Ok(contents)
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
        let mut said = None;
        loop {
            let is_last = head.borrow_and_update().closing;
            let reading = tokio::task::spawn_blocking(move || {
                let ended = unread.read(from);
                (unread, ended)
            });
            // The runtime ends, or the journal cannot be read, which others say.
            let Ok((rest, Ok(has_ended))) = reading.await else { return };
            unread = rest;
            // A HEAD that cannot be read leaves `known` as it is, and so do commits that were not all noted.
            if has_ended
                && let Ok(now) = resolved(&workspace, "HEAD").await
                && known.as_ref() != Some(&now)
            {
                match new_commits(&workspace, &journal, known.as_deref(), &now).await {
                    Ok(is_all) => {
                        known = Some(now);
                        if !is_all {
                            let rest = "older ones have no note, and `rightseat note` writes it";
                            let text = format!("of the new commits, {NOTE_COMMITS_MAX} were noted in git; {rest}");
                            host.alarm(AlarmKind::Anchor, text).await;
                        }
                    }
                    // Once for each reason: the next command tries again.
                    Err(why) if said.as_ref() != Some(&why) => {
                        host.alarm(AlarmKind::Anchor, format!("a commit got no note in git: {why}")).await;
                        said = Some(why);
                    }
                    Err(_) => {}
                }
            }
            if is_last || head.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Notes the commits that came since `known`, some at a time, and returns whether those are all; of a repository that had
/// none, the last one.
async fn new_commits(workspace: &Path, journal: &Path, known: Option<&str>, now: &str) -> Result<bool, String> {
    let most = if known.is_some() { NOTE_COMMITS_MAX + 1 } else { 1 };
    let most = format!("--max-count={most}");
    let except = known.map(|known| format!("^{known}"));
    let args: Vec<&str> = ["rev-list", &most, now].into_iter().chain(except.as_deref()).collect();
    let said = git::run(workspace, &args, b"").await?;
    let commits: Vec<String> = String::from_utf8_lossy(&said).lines().map(str::to_owned).collect();
    let mut failed = None;
    for some in commits.chunks(NOTE_BATCH_COMMITS_MAX).take(NOTE_COMMITS_MAX / NOTE_BATCH_COMMITS_MAX) {
        failed = failed.or(noted(workspace, journal, some.to_vec()).await.err());
    }
    failed.map_or(Ok(commits.len() <= NOTE_COMMITS_MAX), Err)
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
                let event = record.envelope().event;
                if let Event::Proposed(proposed) = &event
                    && proposed.action.kind() == Kind::Command
                {
                    self.commands.insert(proposed.action.id.clone());
                } else if let Event::Finished(finished) = &event {
                    has_ended |= self.commands.remove(&finished.action) && record.seq > from;
                } else if let Event::Lapsed(lapsed) = &event {
                    self.commands.remove(&lapsed.action);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_are_regular_on_both_sides_are_compared() {
        let said = b":000000 100644 0 1 A\0new\0:100644 100755 2 3 M\0sub/old\0:100644 120000 4 5 T\0link\0\
            :120000 100644 4 5 T\0file\0:100644 000000 6 0 D\0gone\0:160000 160000 7 8 M\0module\0:100644 100644 9 9 M\0cut";
        let change = |path: &str, before: Option<&str>, after: &str| {
            let path = RelPath::new(path).unwrap();
            Change { path, before: before.map(str::to_owned), after: after.to_owned() }
        };
        assert_eq!(changes(said), [change("new", None, "1"), change("sub/old", Some("2"), "3")]);
        assert!(changes(b"").is_empty());
    }

    #[test]
    fn objects_are_read_whole_or_not_at_all() {
        assert_eq!(contents(b"3\na\nb\n0\n\n", 2), Ok(vec![b"a\nb".to_vec(), Vec::new()]));
        assert!(contents(b"3\na\n", 1).is_err());
        assert!(contents(b"0123 missing\n", 1).unwrap_err().contains("missing"));
    }

    #[test]
    fn the_parent_is_that_of_the_header() {
        assert_eq!(parent(b"tree 1\nparent 2\nparent 3\n\nparent 4\n").as_deref(), Some("2"));
        assert_eq!(parent(b"tree 1\nauthor a\n\nparent 4\n"), None);
    }

    /// Each of several sessions adds to the same notes at the same time, and nothing is lost.
    #[tokio::test]
    async fn notes_of_sessions_that_write_at_once_are_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        let git = async |args: &[&str]| git::run(dir.path(), args, b"").await.unwrap();
        git(&["init", "-q"]).await;
        for subject in ["first", "second"] {
            git(&["commit", "-q", "--allow-empty", "-m", subject]).await;
        }
        let commits = String::from_utf8(git(&["rev-list", "HEAD"]).await).unwrap();
        let says = |name: &str| {
            let notes = commits.lines().map(|commit| (commit.to_owned(), format!("lines of {name}\n")));
            (SessionId::from(name), notes.collect::<Vec<_>>())
        };
        let all: Vec<_> = ["one", "two", "three"].map(says).into_iter().collect();
        let written = all.iter().map(|(session, notes)| write(dir.path(), session, notes));
        let written: Vec<_> = futures::future::join_all(written).await;
        assert!(written.iter().all(|count| *count == Ok(2)), "{written:?}");
        for commit in commits.lines() {
            let note = String::from_utf8(git(&["notes", REFERENCE, "show", commit]).await).unwrap();
            for name in ["one", "two", "three"] {
                assert!(note.contains(&format!("lines of {name}")), "{note}");
            }
        }
        let refs = String::from_utf8(git(&["for-each-ref", "--format=%(refname)", "refs/notes"]).await).unwrap();
        assert_eq!(refs.trim(), FULL_REFERENCE, "no draft is left");
    }

    #[tokio::test]
    async fn a_commit_is_compared_below_the_workspace_and_within_the_bounds() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = dir.path().join("sub");
        std::fs::create_dir(&workspace).unwrap();
        let git = async |args: &[&str]| git::run(dir.path(), args, b"").await.unwrap();
        git(&["init", "-q"]).await;
        for (path, text) in [("a", "top\n".to_owned()), ("sub/a", "below\n".to_owned())] {
            std::fs::write(dir.path().join(path), text).unwrap();
        }
        std::fs::write(workspace.join("large"), vec![b'x'; NOTE_FILE_BYTES_MAX + 1]).unwrap();
        git(&["add", "."]).await;
        git(&["commit", "-qm", "first"]).await;
        let (files, left_out) = compared(&workspace, &resolved(&workspace, "HEAD").await.unwrap()).await.unwrap();
        let path = RelPath::new("a").unwrap();
        let wanted = Committed::new(path, None, b"below\n".to_vec());
        assert_eq!((format!("{files:?}"), left_out), (format!("{:?}", [wanted]), 1));
        // A side that cannot be read is no empty side.
        std::fs::write(workspace.join("a"), "below\nmore\n").unwrap();
        git(&["commit", "-qam", "second"]).await;
        let blob = String::from_utf8(git(&["rev-parse", "HEAD^:sub/a"]).await).unwrap();
        let (first, rest) = blob.trim().split_at(2);
        std::fs::remove_file(dir.path().join(".git/objects").join(first).join(rest)).unwrap();
        let failed = compared(&workspace, &resolved(&workspace, "HEAD").await.unwrap()).await.unwrap_err();
        assert!(failed.contains("missing"), "{failed}");
    }
}
