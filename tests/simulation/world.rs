//! The workspace of a simulation: files in memory, effects that take a while, a watcher, and a record of what was done.
//! It outlives the hosts that work in it.

use crate::dice::Dice;
use futures::future::BoxFuture;
use rightseat::base::{ActionId, Digest, RelPath};
use rightseat::journal::{Permit, Reader};
use rightseat::model::action::Touches;
use rightseat::model::event::{Census, Event, FileOutcome, OutcomeWord, Survivor, Verdict};
use rightseat::model::{Action, Command, FileChange, Kind};
use rightseat::policy::Reach;
use rightseat::port::{
    AgentChild, AgentSpawn, Candidate, Changed, Image, Notice, Performed, Progress, TreeChange, Trials, Work,
    Workspace, WorkspaceError,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

pub const FILES: [&str; 4] = ["a.txt", "b.txt", "src/c.txt", "src/d.txt"];
const NOTICES: usize = 64;

type Tree = BTreeMap<String, Vec<u8>>;

/// What there is, whoever works in it.
#[derive(Default)]
pub struct World {
    pub files: Tree,
    trees: BTreeMap<Digest, Tree>,
    /// Every effect that was begun, in order.
    pub performed: Vec<(ActionId, Digest)>,
    /// Effects under way.
    pub busy: usize,
    /// Changes the present watcher told, in order.
    pub told: Vec<(String, Option<Digest>)>,
    pub faults: Vec<String>,
}

/// A host's hold on the world.
pub struct Hold {
    pub world: Arc<Mutex<World>>,
    pub journal: PathBuf,
    dice: Mutex<Dice>,
    notify: mpsc::Sender<Notice>,
    notices: Mutex<Option<mpsc::Receiver<Notice>>>,
}

fn digest_of(tree: &Tree) -> Digest {
    let mut hasher = rightseat::base::digest::FieldHasher::new();
    for (path, bytes) in tree {
        hasher.field(path.as_bytes()).field(bytes);
    }
    hasher.finish()
}

impl Hold {
    pub fn new(world: Arc<Mutex<World>>, journal: PathBuf, dice: Dice) -> Self {
        world.lock().unwrap().busy = 0;
        world.lock().unwrap().told.clear();
        let (notify, notices) = mpsc::channel(NOTICES);
        Self { world, journal, dice: Mutex::new(dice), notify, notices: Mutex::new(Some(notices)) }
    }

    /// Nothing is under way and the watcher has been heard.
    pub fn is_quiet(&self) -> bool {
        self.world.lock().unwrap().busy == 0 && self.notify.capacity() == NOTICES
    }

    /// Somebody writes a file, and the watcher sees it.
    pub async fn write(&self, path: &str, bytes: Option<Vec<u8>>) {
        let (before, after) = {
            let mut world = self.world.lock().unwrap();
            let before = world.files.get(path).map(|b| Digest::of(b));
            let after = bytes.as_deref().map(Digest::of);
            match bytes {
                Some(bytes) => drop(world.files.insert(path.to_owned(), bytes)),
                None => drop(world.files.remove(path)),
            }
            (before, after)
        };
        if before == after {
            return;
        }
        let change = match (before, after) {
            (None, _) => FileChange::Create,
            (Some(_), None) => FileChange::Delete,
            (Some(_), Some(_)) => FileChange::Modify,
        };
        let notice = Notice::Changed(Box::new(Changed {
            path: path.to_owned(),
            rel: RelPath::new(path).ok(),
            change,
            before,
            after,
            before_node: None,
            after_node: None,
            ignored: false,
            about: None,
        }));
        if self.notify.send(notice).await.is_ok() {
            self.world.lock().unwrap().told.push((path.to_owned(), after));
        }
    }

    /// The moment before anything is done: the decision must be on disk, for exactly this, and never spent before.
    fn witness(&self, permit: &Permit, action: &Action) {
        let mut world = self.world.lock().unwrap();
        let mut fault = |what: String| world.faults.push(format!("{}: {what}", action.id));
        if action.digest != *permit.digest() || action.id != *permit.action() {
            fault("the permit is for something else".into());
        }
        let reader = Reader::open(&self.journal).unwrap();
        let events: Vec<Event> = reader.iter(rightseat::base::Seq(1)).map(|r| r.unwrap().envelope().event).collect();
        let decided = events.iter().position(|e| {
            matches!(e, Event::Decided(d) if d.action == action.id && d.digest == action.digest
                && matches!(d.verdict, Verdict::Approve | Verdict::ApproveEdited))
        });
        let started = events.iter().position(|e| matches!(e, Event::Started(s) if s.action == action.id));
        match (decided, started) {
            (Some(decided), Some(started)) if decided < started => {}
            other => fault(format!("no synced decision stands behind it: {other:?}")),
        }
        if world.performed.iter().any(|(id, _)| *id == action.id) {
            world.faults.push(format!("{} is done a second time", action.id));
        }
        world.performed.push((action.id.clone(), action.digest));
    }

    async fn dawdle(&self) {
        let mut dice = Dice::new(self.dice.lock().unwrap().throw());
        dice.dawdle(40).await;
    }

    async fn edit(&self, action: &Action, blobs: &rightseat::port::Blobs) -> Performed {
        let mut done = Performed::of(OutcomeWord::Ok, None);
        for file in action.files() {
            let bytes = file.after.as_ref().map(|after| match after {
                rightseat::model::Content::Text(text) => text.clone().into_bytes(),
                _ => blobs.get(&after.digest()).cloned().unwrap_or_default(),
            });
            let now = self.world.lock().unwrap().files.get(file.path.as_str()).map(|b| Digest::of(b));
            let before = file.before.as_ref().map(|c| c.digest());
            if now != before {
                return Performed::of(OutcomeWord::Conflict, Some("the file is another one now".into()));
            }
            self.write(file.path.as_str(), bytes.clone()).await;
            let after = bytes.as_deref().map(Digest::of);
            done.files.push(FileOutcome::of(file.path.clone(), file.change, before, after));
            self.dawdle().await;
        }
        done
    }
}

/// Held while an action is carried out, and given back also when it is cut off in the middle.
struct Busy(Arc<Mutex<World>>);

impl Busy {
    fn begins(world: &Arc<Mutex<World>>) -> Self {
        world.lock().unwrap().busy += 1;
        Self(world.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut world = self.0.lock().unwrap();
        world.busy = world.busy.saturating_sub(1);
    }
}

impl Workspace for Hold {
    fn root(&self) -> &Path {
        Path::new("/simulated")
    }

    fn image(&self, path: &RelPath) -> Result<Option<Image>, WorkspaceError> {
        let world = self.world.lock().unwrap();
        Ok(world.files.get(path.as_str()).map(|bytes| Image {
            bytes: bytes.clone(),
            digest: Digest::of(bytes),
            node: Default::default(),
        }))
    }

    fn list(&self, dir: &str, max: usize) -> Result<Vec<RelPath>, WorkspaceError> {
        let world = self.world.lock().unwrap();
        let all = world.files.keys().filter(|p| p.starts_with(dir)).filter_map(|p| RelPath::new(p).ok());
        Ok(all.take(max).collect())
    }

    fn touched(&self, _: &Reach) -> Touches {
        Touches::default()
    }

    fn perform(&self, permit: Permit, work: Work, _progress: mpsc::Sender<Progress>) -> BoxFuture<'_, Performed> {
        Box::pin(async move {
            self.witness(&permit, &work.action);
            let _busy = Busy::begins(&self.world);
            self.dawdle().await;
            let done = match (work.action.kind(), work.action.command()) {
                (Kind::Edit, _) => self.edit(&work.action, &work.blobs).await,
                (Kind::Command, Some(command)) => {
                    // A command appends a line: doing it twice would show.
                    let line = command.line();
                    let path = line.split(' ').nth(1).unwrap_or("a.txt").to_owned();
                    let mut bytes = self.world.lock().unwrap().files.get(&path).cloned().unwrap_or_default();
                    bytes.extend_from_slice(format!("{line} by {}\n", work.action.id).as_bytes());
                    self.write(&path, Some(bytes)).await;
                    Performed { exit: Some(0), ..Performed::of(OutcomeWord::Ok, None) }
                }
                _ => Performed::of(OutcomeWord::Ok, None),
            };
            self.dawdle().await;
            done
        })
    }

    fn open_trials(&self, _: Permit, _: &Action) -> BoxFuture<'_, Result<Box<dyn Trials>, WorkspaceError>> {
        Box::pin(async { Err(WorkspaceError::Refused("no trials here".into())) })
    }

    fn candidate(&self, _: &str) -> BoxFuture<'_, Result<Box<dyn Candidate>, WorkspaceError>> {
        Box::pin(async { Err(WorkspaceError::Refused("no copies here".into())) })
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Digest, WorkspaceError>> {
        Box::pin(async {
            self.dawdle().await;
            let mut world = self.world.lock().unwrap();
            let tree = world.files.clone();
            let digest = digest_of(&tree);
            world.trees.insert(digest, tree);
            Ok(digest)
        })
    }

    fn tree_changes(&self, from: Digest, to: Digest) -> Result<Vec<TreeChange>, WorkspaceError> {
        let world = self.world.lock().unwrap();
        let (Some(from), Some(to)) = (world.trees.get(&from), world.trees.get(&to)) else { return Ok(Vec::new()) };
        let paths: std::collections::BTreeSet<&String> = from.keys().chain(to.keys()).collect();
        let digest = |tree: &Tree, path: &String| tree.get(path).map(|b| Digest::of(b));
        Ok(paths
            .into_iter()
            .map(|p| (p, digest(from, p), digest(to, p)))
            .filter(|(_, before, after)| before != after)
            .map(|(p, before, after)| TreeChange {
                path: RelPath::new(p).unwrap(),
                before,
                after,
                before_node: None,
                after_node: None,
                before_bytes: None,
            })
            .collect())
    }

    fn stored(&self, digest: Digest) -> Result<Option<Vec<u8>>, WorkspaceError> {
        let world = self.world.lock().unwrap();
        Ok(world.trees.values().flat_map(|t| t.values()).find(|b| Digest::of(b) == digest).cloned())
    }

    fn notices(&self) -> Option<mpsc::Receiver<Notice>> {
        self.notices.lock().unwrap().take()
    }

    fn expect(&self, _: &ActionId, _: &[FileOutcome]) {}

    fn spawn_agent(&self, _: AgentSpawn) -> BoxFuture<'_, Result<AgentChild, WorkspaceError>> {
        Box::pin(async { Err(WorkspaceError::Refused("no processes here".into())) })
    }

    fn processes(&self) -> Vec<Survivor> {
        Vec::new()
    }

    fn freeze(&self) -> BoxFuture<'_, Result<(), WorkspaceError>> {
        Box::pin(async { Ok(()) })
    }

    fn resume(&self) -> BoxFuture<'_, Result<(), WorkspaceError>> {
        Box::pin(async { Ok(()) })
    }

    fn stop(&self) -> BoxFuture<'_, Census> {
        Box::pin(async { Census::default() })
    }

    fn missing_program(&self, _: &Command) -> Option<String> {
        None
    }
}
