//! Carrying out one approved action: the permit is compared with the bytes, then it is spent.

use super::read;
use crate::base::{Digest, RelPath};
use crate::journal::Permit;
use crate::model::ActionBody;
use crate::model::action::{Content, Executor, FileEdit};
use crate::model::event::{FileOutcome, OutcomeWord, Stream};
use crate::model::{Action, Command, FileChange, FileMode, Node, NodeKind};
use crate::port::{Blobs, Performed, Progress, Work};
use crate::workspace::edit::{self, Base, EditError, Written};
use crate::workspace::egress;
use crate::workspace::limits;
use crate::workspace::root::Root;
use crate::workspace::run::{self, Sink, Spawner, Tail};
use crate::workspace::tree::Rules;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Checks that the permit is for exactly this action, unchanged.
pub fn check(permit: &Permit, action: &Action) -> Result<(), String> {
    if permit.action() != &action.id || permit.revision() != action.revision {
        return Err(format!(
            "the permit is for {} revision {}, not for {} revision {}",
            permit.action(),
            permit.revision(),
            action.id,
            action.revision
        ));
    }
    if *permit.digest() != action.digest || action.covered() != action.digest {
        return Err(format!("{} differs from what was approved: its digest has changed", action.id));
    }
    match action.executor {
        Executor::Host => Ok(()),
        Executor::Agent => Err(format!("{} is executed by the agent", action.id)),
    }
}

/// The place where an action is executed.
#[derive(Clone)]
pub struct WorkRoot {
    pub root: Arc<Root>,
    pub rules: Rules,
}

/// Carries out an action; the permit is spent in any case.
pub async fn perform(
    place: WorkRoot,
    spawner: &Spawner,
    permit: Permit,
    work: Work,
    progress: mpsc::Sender<Progress>,
) -> Performed {
    let began = Instant::now();
    let WorkRoot { root, rules } = place;
    let mut performed = match admit(&root, &permit, &work.action) {
        Err(why) => Performed::of(OutcomeWord::Failed, Some(why)),
        Ok(()) => match &work.action.body {
            ActionBody::Edit(_) => spawned(move || edit_files(&root, &work)).await,
            ActionBody::Command(command) | ActionBody::Trials(command, _) => {
                run_command(&root, spawner, command, &work, progress).await
            }
            ActionBody::Read(_) => {
                spawned(move || read_files(&root, &rules, work.action.target().unwrap_or("."))).await
            }
            // The answer to a question about the plan is all there is to it.
            ActionBody::Plan(_) => Performed::of(OutcomeWord::Ok, None),
            ActionBody::Network(_) | ActionBody::Form(_) | ActionBody::Other => Performed::of(
                OutcomeWord::Failed,
                Some("rightseat cannot execute this kind of action itself".to_owned()),
            ),
        },
    };
    performed.ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    performed
}

/// Runs the command of an action in a layer, which this spawner starts it in. The permit is spent unless the layer
/// refused: then nothing was started.
pub async fn perform_within(
    root: &Root,
    spawner: &Spawner,
    permit: &Permit,
    work: &Work,
    progress: mpsc::Sender<Progress>,
) -> Performed {
    let began = Instant::now();
    let mut performed = match (admit(root, permit, &work.action), work.action.command()) {
        (Err(why), _) => Performed::of(OutcomeWord::Failed, Some(why)),
        (Ok(()), Some(command)) => run_command(root, spawner, command, work, progress).await,
        (Ok(()), None) => Performed::of(OutcomeWord::Failed, Some("only a command runs in a layer".to_owned())),
    };
    performed.ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    performed
}

/// Checks the permit, and that the workspace is where it was: what was approved was approved for that place.
fn admit(root: &Root, permit: &Permit, action: &Action) -> Result<(), String> {
    check(permit, action)?;
    if root.is_in_place() {
        return Ok(());
    }
    Err(format!(
        "the workspace {} was moved, renamed or replaced: nothing was done; move it back, or start a session where it is now",
        root.path().display()
    ))
}

async fn spawned(work: impl FnOnce() -> Performed + Send + 'static) -> Performed {
    match tokio::task::spawn_blocking(work).await {
        Ok(performed) => performed,
        Err(lost) => {
            Performed::of(OutcomeWord::Unknown, Some(format!("the task was interrupted: {lost}; check the files")))
        }
    }
}

fn edit_files(root: &Root, work: &Work) -> Performed {
    let files = work.action.files();
    let changes: Result<Vec<edit::FileChange>, String> = files.iter().map(|file| change(file, &work.blobs)).collect();
    let changes = match changes {
        Ok(changes) => changes,
        Err(why) => return Performed::of(OutcomeWord::Failed, Some(why)),
    };
    match edit::apply(root, changes) {
        Ok(written) => {
            let mut performed = Performed::of(OutcomeWord::Ok, None);
            performed.files = files.iter().map(|file| outcome(file, &written)).collect();
            performed
        }
        Err(error) => {
            let word = match &error {
                EditError::Conflict(_) => OutcomeWord::Conflict,
                EditError::Torn { .. } => OutcomeWord::Unknown,
                EditError::Refused(_) | EditError::Twice(_) | EditError::TooMany(_) | EditError::Io { .. } => {
                    OutcomeWord::Failed
                }
            };
            Performed::of(word, Some(error.to_string()))
        }
    }
}

/// The bytes of a content, from the event or the blobs, checked against its digest.
fn bytes(content: &Content, blobs: &Blobs) -> Result<Vec<u8>, String> {
    match content {
        Content::Text(text) => Ok(text.clone().into_bytes()),
        Content::Blob { digest, .. } => match blobs.get(digest) {
            Some(bytes) if Digest::of(bytes) == *digest => Ok(bytes.clone()),
            Some(_) => Err(format!("the stored content {} is damaged", digest.short())),
            None => Err(format!("the stored content {} is missing", digest.short())),
        },
    }
}

fn change(file: &FileEdit, blobs: &Blobs) -> Result<edit::FileChange, String> {
    let path = PathBuf::from(file.path.as_str());
    let before = file.before.as_ref().map(Content::digest);
    let incomplete = || format!("the change of {} is incomplete", file.path);
    let after = || file.after.as_ref().map_or_else(|| Err(incomplete()), |content| bytes(content, blobs));
    if file.before_node.is_some() || file.after_node.is_some() {
        return exact(file, path, before, after);
    }
    Ok(match file.change {
        FileChange::Create => edit::FileChange::Write { path, base: None, content: after()?, mode: None },
        FileChange::Modify => {
            edit::FileChange::Write { path, base: Some(before.ok_or_else(incomplete)?), content: after()?, mode: None }
        }
        FileChange::Delete => {
            let base = Base { digest: before.ok_or_else(incomplete)?, is_link: false };
            edit::FileChange::Delete { path, base }
        }
        FileChange::Rename => renamed(file, path, before, after, None)?,
    })
}

fn renamed(
    file: &FileEdit,
    to: PathBuf,
    before: Option<Digest>,
    after: impl Fn() -> Result<Vec<u8>, String>,
    mode: Option<u32>,
) -> Result<edit::FileChange, String> {
    let incomplete = || format!("the change of {} is incomplete", file.path);
    let base = before.ok_or_else(incomplete)?;
    let is_same = file.after.as_ref().is_none_or(|content| content.digest() == base);
    let content = if is_same { None } else { Some(after()?) };
    let from = PathBuf::from(file.from.as_ref().ok_or_else(incomplete)?.as_str());
    Ok(edit::FileChange::Rename { from, to, base, content, mode })
}

/// The change of exactly these nodes.
fn exact(
    file: &FileEdit,
    path: PathBuf,
    before: Option<Digest>,
    after: impl Fn() -> Result<Vec<u8>, String>,
) -> Result<edit::FileChange, String> {
    let kind = |node: Option<Node>| node.map(|node| node.kind);
    let mode = file.after_node.and_then(|node| node.mode).map(FileMode::bits);
    let (was, is) = (kind(file.before_node), kind(file.after_node));
    let base = before.map(|digest| Base { digest, is_link: was == Some(NodeKind::Link) });
    let is_directory = |kind: Option<NodeKind>| kind == Some(NodeKind::Directory);
    Ok(match (file.change, was, is) {
        (FileChange::Rename, ..) => renamed(file, path, before, after, mode)?,
        (FileChange::Delete, was, _) if is_directory(was) => edit::FileChange::RemoveDirectory { path },
        (FileChange::Create, _, is) if is_directory(is) => edit::FileChange::MakeDirectory { path, mode },
        (FileChange::Modify, was, is) if is_directory(was) && is_directory(is) => {
            edit::FileChange::Mode { path, base: None, mode: mode.ok_or("the directory has no permission bits")? }
        }
        (_, was, is) if is_directory(was) || is_directory(is) => {
            return Err(format!("{} is a directory on one side and not on the other", file.path));
        }
        (FileChange::Delete, ..) => {
            edit::FileChange::Delete { path, base: base.ok_or_else(|| format!("{} has no base", file.path))? }
        }
        (FileChange::Create | FileChange::Modify, _, Some(NodeKind::Link)) => {
            edit::FileChange::Put { path, base, body: edit::Body::Link(after()?) }
        }
        (FileChange::Modify, Some(NodeKind::File), _) if file.after.as_ref().map(Content::digest) == before => {
            edit::FileChange::Mode { path, base: before, mode: mode.ok_or("the file has no permission bits")? }
        }
        (FileChange::Create | FileChange::Modify, ..) => {
            edit::FileChange::Put { path, base, body: edit::Body::File { content: after()?, mode } }
        }
    })
}

fn outcome(file: &FileEdit, written: &[Written]) -> FileOutcome {
    let of = |path: &RelPath| written.iter().find(|one| one.path == Path::new(path.as_str()));
    let (source, target) = (of(file.source()), of(&file.path));
    FileOutcome {
        from: file.from.clone(),
        before_node: source.and_then(|one| one.before_node),
        after_node: target.and_then(|one| one.after_node),
        ..FileOutcome::of(
            file.path.clone(),
            file.change,
            source.and_then(|one| one.before),
            target.and_then(|one| one.after),
        )
    }
}

fn read_files(root: &Root, rules: &Rules, target: &str) -> Performed {
    let relative = Path::new(target).strip_prefix(root.path()).unwrap_or(Path::new(target));
    let name = relative.to_str().unwrap_or(target);
    let paths = match RelPath::new(name) {
        Ok(path) if !root.path().join(path.as_str()).is_dir() => vec![path],
        Ok(_) | Err(_) => {
            match read::list(root, rules, if name == "." { "" } else { name }, crate::base::limits::READ_FILES_MAX) {
                Ok(paths) => paths,
                Err(error) => return Performed::of(OutcomeWord::Failed, Some(error.to_string())),
            }
        }
    };
    let mut performed = Performed::of(OutcomeWord::Ok, None);
    let (mut room, several) = (limits::READ_BYTES_MAX, paths.len() != 1);
    let mut left_out = 0usize;
    for path in paths {
        match read::image(root, Path::new(path.as_str()), room) {
            Ok(Some(image)) => {
                room = room.saturating_sub(image.bytes.len() as u64);
                performed.read.push((path, image.bytes));
            }
            Ok(None) if !several => {
                return Performed::of(OutcomeWord::Failed, Some(format!("no file {path}")));
            }
            Err(error) if !several => return Performed::of(OutcomeWord::Failed, Some(error.to_string())),
            Ok(None) | Err(_) => left_out = left_out.saturating_add(1),
        }
    }
    if left_out > 0 {
        performed.detail = Some(format!("{left_out} files were skipped: too large, or not readable"));
    }
    performed
}

struct Passed {
    progress: mpsc::Sender<Progress>,
    tail: Tail,
    bytes: u64,
}

impl Sink for Passed {
    async fn take(&mut self, stream: Stream, bytes: &[u8]) {
        self.tail.push(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes <= limits::RUN_OUTPUT_BYTES_MAX {
            // Nobody may be listening any more; the command continues.
            let _ = self.progress.send(Progress::Output { stream, bytes: bytes.to_vec() }).await;
        }
    }
}

async fn run_command(
    root: &Root,
    spawner: &Spawner,
    command: &Command,
    work: &Work,
    progress: mpsc::Sender<Progress>,
) -> Performed {
    let (merged, stop) = (work.action.checks, work.stop.clone());
    let failed = |why: String| Performed::of(OutcomeWord::Failed, Some(why));
    let spec = match run::prepare(root, command, &[]) {
        Ok(spec) => run::Spec { merged, ..spec },
        Err(refusal) => return failed(refusal.to_string()),
    };
    if let Some(missing) = run::missing(&spec) {
        return failed(missing);
    }
    if stop.is_cancelled() {
        return failed("it was stopped before it started".to_owned());
    }
    let mut running = match spawner.spawn(&spec) {
        Ok(running) => running.until(stop),
        Err(error) => return failed(format!("cannot start the launcher: {error}")),
    };
    let door = running.take_door();
    let limit = if command.timeout_ms == 0 { crate::base::limits::RUN_TIMEOUT_MS_DEFAULT } else { command.timeout_ms };
    let (running_pid, (tracker, scope)) = (running.pid, running.tree());
    let mut passed = Passed { progress: progress.clone(), tail: Tail::new(limits::RUN_TAIL_BYTES_MAX), bytes: 0 };
    let tell = async {
        let mut last = Vec::new();
        loop {
            tokio::time::sleep(Duration::from_millis(limits::RUN_PROCESSES_MS)).await;
            let tracker = tracker.clone();
            let now = tokio::task::spawn_blocking(move || tracker.processes(scope)).await.unwrap_or_default();
            if now != last {
                last.clone_from(&now);
                let _ = progress.send(Progress::Processes(now)).await;
            }
        }
    };
    let served = async {
        if let Some(door) = door {
            let tree = egress::Tree { tracker: tracker.clone(), launcher: running_pid };
            let ways = egress::Ways { broker: spawner.broker().clone(), ..egress::Ways::default() };
            egress::serve(door, &tree, progress.clone(), ways).await;
        }
        std::future::pending().await
    };
    let ended = tokio::select! {
        ended = run::drive(running, Duration::from_millis(limit), &mut passed) => ended,
        never = never(tell) => match never {},
        never = never(served) => match never {},
    };
    let detail = if !ended.survivors.is_empty() {
        Some(format!("it could not be stopped: {}", ended.survivors.join(", ")))
    } else if ended.timed_out {
        Some(format!("it was stopped at its time limit of {limit} ms"))
    } else if passed.bytes > limits::RUN_OUTPUT_BYTES_MAX {
        Some(format!("only the first {} of {} bytes of output were kept", limits::RUN_OUTPUT_BYTES_MAX, passed.bytes))
    } else {
        ended.exit.filter(|exit| *exit != 0).map(|exit| format!("it ended with exit code {exit}"))
    };
    let good = ended.exit == Some(0) && !ended.timed_out;
    let mut performed = Performed::of(if good { OutcomeWord::Ok } else { OutcomeWord::Failed }, detail);
    performed.exit = ended.exit;
    performed.timed_out = ended.timed_out;
    performed.tail = passed.tail.into_text();
    performed
}

/// A future that does not end, said in its type.
async fn never(endless: impl Future<Output = Infallible>) -> Infallible {
    endless.await
}
