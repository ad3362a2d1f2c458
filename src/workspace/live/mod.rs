//! The port's workspace on a real file system: puts edits, commands, checkpoints, candidates, the
//! watcher and the census together. It executes what a permit covers and nothing else.

mod agent;
mod apart;
mod copies;
mod perform;
mod promoted;
mod read;

use super::candidate::{AgentCopy as _, CandidateError, OpenTrials};
use super::census::{Scope, Tracker};
use super::checkpoint::{Difference, EntryKind, Store, StoreError, compare};
use super::drill;
use super::edit;
use super::egress::Broker;
use super::head;
use super::launch::Containment;
use super::layer;
use super::listing::Listing;
use super::root::{PathRefusal, Root};
use super::run::{self, Spawner};
use super::tree::{self, Rules};
use super::watch::{Means, Watch};
use crate::base::{ActionId, Digest, RelPath, SessionId, limits};
use crate::config::LayerSettings;
use crate::journal::Permit;
use crate::model::ActionBody;
use crate::model::action::Touches;
use crate::model::event::{Census, DrilledRung, FileOutcome, InLayer, Network, Survivor};
use crate::model::{Action, Command, Rung};
use crate::policy::Reach;
use crate::port;
use crate::port::{
    AgentChild, AgentSpawn, Image, Notice, Performed, Progress, TreeChange, Trials, Work, WorkspaceError,
};
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// The name of the layer in which a drill runs.
const DRILL: &str = "drill";

/// The settings of a live workspace.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The workspace.
    pub root: PathBuf,
    /// The session's own directory: checkpoints and candidates live below it.
    pub state: PathBuf,
    /// The rightseat binary, which is the launcher of every command.
    pub launcher: PathBuf,
    pub session: SessionId,
    pub containment: Containment,
}

/// The only writer and spawner of a session.
#[derive(Debug)]
pub struct LiveWorkspace {
    root: Arc<Root>,
    state: PathBuf,
    spawner: Spawner,
    listing: Arc<Listing>,
    store: Store,
    candidates: Arc<Semaphore>,
    /// The means, and the pause between walks when it polls.
    watching: (Means, Duration),
    watch: Arc<Mutex<Option<Watch>>>,
    layers: apart::Layers,
    containment: Containment,
    drills: bool,
    /// Promotions that a former host began.
    left_over: Mutex<HashMap<ActionId, port::Promotion>>,
    /// The number of the agent's turn.
    turn: Arc<AtomicU64>,
    /// The workspace as the agent in its layer sees it.
    view: Arc<layer::View>,
    /// By name, how the candidate was opened last.
    opened: Mutex<HashMap<String, copies::Opened>>,
}

impl LiveWorkspace {
    /// Opens the workspace, removes temporary files and candidates that a killed host left.
    ///
    /// # Errors
    /// When the root is not a directory or the state directory cannot be written.
    pub fn open(settings: Settings) -> Result<Self, WorkspaceError> {
        let what = format!("cannot open {} as a workspace", settings.root.display());
        let root = Root::open(&settings.root).map_err(|source| WorkspaceError::Io { what, source })?;
        let store = Store::open(&settings.state).map_err(store_error)?;
        let state = settings
            .state
            .canonicalize()
            .map_err(|source| WorkspaceError::Io { what: settings.state.display().to_string(), source })?;
        copies::clear_left_over(&state);
        // Read before any agent runs, and kept: what an agent writes later changes no judgment.
        let rules = Rules::of_session(root.path(), &state);
        let left_over = apart::finish_left_over(&state, (&root, &rules));
        for (action, promotion) in &left_over {
            tracing::warn!("the promotion of {action} that a former host began was finished: {:?}", promotion.left);
        }
        layer::clear_left_over(&state);
        let (swept, known) = (root.path().to_owned(), rules.clone());
        std::thread::spawn(move || edit::sweep(tree::directories(&swept, &known).iter().map(|dir| swept.join(dir))));
        let tracker = Tracker::new(settings.session.as_str());
        Ok(Self {
            listing: Arc::new(Listing::new(root.path().to_owned(), rules, store.clone())),
            view: Arc::new(layer::View::new(root.path().to_owned())),
            root: Arc::new(root),
            state,
            spawner: Spawner::new(settings.launcher, settings.containment, tracker),
            store,
            candidates: Arc::new(Semaphore::new(crate::workspace::limits::CANDIDATES_MAX)),
            watching: (Means::Auto, Duration::from_millis(limits::WATCH_POLL_MS)),
            watch: Arc::new(Mutex::new(None)),
            layers: apart::Layers::none(),
            containment: settings.containment,
            drills: false,
            left_over: Mutex::new(left_over),
            turn: Arc::default(),
            opened: Mutex::default(),
        })
    }

    /// Passes these variables on to every command, beside the built-in short list.
    pub fn passing(mut self, names: Vec<String>) -> Self {
        self.spawner = self.spawner.passing(names);
        self
    }

    /// Lets commands use these keys without having them.
    pub fn brokering(mut self, broker: Broker) -> Self {
        self.spawner = self.spawner.brokering(broker);
        self
    }

    /// Runs commands in layers, with these paths hidden in them. Whether that works is found in the background.
    pub fn layered(mut self, settings: &LayerSettings, hidden: Vec<PathBuf>) -> Self {
        let launcher = self.spawner.launcher().to_owned();
        self.layers = apart::Layers::new(settings, hidden, launcher, self.state.clone());
        self.layers.try_out(&self.root, self.listing.rules());
        self
    }

    /// Allows drills of the stop.
    pub fn drilling(mut self, drills: bool) -> Self {
        self.drills = drills;
        self
    }

    /// Watches by the given means instead of the best available, with this pause between walks when it polls. Call it
    /// before the notices are taken.
    pub fn watching_by(mut self, means: Means, poll: Duration) -> Self {
        self.watching = (means, poll);
        self
    }

    fn tracker(&self) -> Tracker {
        self.spawner.tracker().clone()
    }
}

fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reports the changes that a checkpoint found, immediately.
fn tell(watch: &Mutex<Option<Watch>>) {
    if let Some(watch) = locked(watch).as_ref() {
        watch.tell();
    }
}

/// Runs blocking work off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WorkspaceError> + Send + 'static,
) -> Result<T, WorkspaceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(lost) => Err(WorkspaceError::Refused(format!("the task failed: {lost}"))),
    }
}

fn path_error(refusal: PathRefusal) -> WorkspaceError {
    match refusal {
        PathRefusal::NotRelative(path) => {
            WorkspaceError::Refused(format!("{} is not a path inside the workspace", path.display()))
        }
        PathRefusal::Outside { path, target } => {
            WorkspaceError::Outside { path: path.display().to_string(), target: target.display().to_string() }
        }
        PathRefusal::Special { path, kind } => {
            WorkspaceError::Special { path: path.display().to_string(), what: format!("a {kind}") }
        }
        PathRefusal::Symlink { path, target } => WorkspaceError::Special {
            path: path.display().to_string(),
            what: format!("a symbolic link to {}", target.display()),
        },
        refusal @ PathRefusal::Guarded { .. } => WorkspaceError::Refused(refusal.to_string()),
        PathRefusal::Io { path, error } => WorkspaceError::Io { what: path.display().to_string(), source: error },
    }
}

fn store_error(error: StoreError) -> WorkspaceError {
    match error {
        StoreError::Io { path, error } => {
            WorkspaceError::Io { what: format!("the checkpoint store at {}", path.display()), source: error }
        }
        error @ (StoreError::Damaged(_) | StoreError::Missing(_)) => WorkspaceError::Refused(error.to_string()),
    }
}

pub(in crate::workspace) fn candidate_error(error: CandidateError) -> WorkspaceError {
    match error {
        CandidateError::Io { what, path, error } => {
            WorkspaceError::Io { what: format!("{what} {}", path.display()), source: error }
        }
        CandidateError::Store(error) => store_error(error),
    }
}

impl port::Workspace for LiveWorkspace {
    fn root(&self) -> &Path {
        self.root.path()
    }

    fn locate(&self, path: &Path) -> Option<RelPath> {
        self.root.locate(path)
    }

    fn plan_file(&self, path: &Path) -> Option<String> {
        read::plan_file(path)
    }

    fn image(&self, path: &RelPath) -> Result<Option<Image>, WorkspaceError> {
        read::image(&self.root, Path::new(path.as_str()), limits::EDIT_FILE_BYTES_MAX as u64)
    }

    fn image_within(&self, path: &RelPath, bytes_max: u64) -> Result<Option<Image>, WorkspaceError> {
        let bytes_max = bytes_max.min(limits::EDIT_FILE_BYTES_MAX as u64);
        read::image(&self.root, Path::new(path.as_str()), bytes_max)
    }

    fn candidate_image(&self, name: &str, path: &RelPath) -> Option<Image> {
        let opened = locked(&self.opened).get(name).copied();
        copies::image((&self.state, name, opened), &self.root, Path::new(path.as_str()))
    }

    fn node(&self, path: &RelPath) -> Result<Option<Image>, WorkspaceError> {
        read::node(&self.root, Path::new(path.as_str()), limits::EDIT_FILE_BYTES_MAX as u64)
    }

    fn list(&self, dir: &str, max: usize) -> Result<Vec<RelPath>, WorkspaceError> {
        read::list(&self.root, self.listing.rules(), dir, max)
    }

    fn list_ignored(&self, max: usize) -> Vec<RelPath> {
        read::list_ignored(&self.root, self.listing.rules(), max)
    }

    fn touched(&self, reach: &Reach) -> Touches {
        super::touched::touched(self.root.path(), reach)
    }

    fn perform(&self, permit: Permit, work: Work, progress: mpsc::Sender<Progress>) -> BoxFuture<'_, Performed> {
        let place = perform::WorkRoot { root: self.root.clone(), rules: self.listing.rules().clone() };
        Box::pin(perform::perform(place, &self.spawner, permit, work, progress))
    }

    fn keeps_apart(&self, command: port::Apart) -> bool {
        self.layers.keeps_apart(command)
    }

    fn perform_apart(
        &self,
        permit: Permit,
        work: Work,
        progress: mpsc::Sender<Progress>,
        is_preview: bool,
    ) -> BoxFuture<'_, Result<Performed, Box<port::NotApart>>> {
        Box::pin(async move {
            let (id, line) = (work.action.id.clone(), work.action.command().map(Command::line).unwrap_or_default());
            let (layers, name) = (self.layers.clone(), id.clone());
            let (root, rules) = (self.root.clone(), self.listing.rules().clone());
            let network = layers.network(work.network, is_preview);
            let decided = work.network;
            let made = move || {
                let without = layers.network_without(decided, is_preview, (&root, &rules));
                Ok((layers.make(&name, (&root, &rules), &line, (network, is_preview)), without))
            };
            let (made, without) = blocking(made).await.unwrap_or_else(|error| (Err(error.to_string()), network));
            let layer = match made {
                Ok(layer) => layer,
                Err(why) => return Err(Box::new(port::NotApart { why, network: without, permit, work, progress })),
            };
            let spawner = self.spawner.clone().within(layer.plan().clone());
            let performed = perform::perform_within(&self.root, &spawner, &permit, &work, progress.clone()).await;
            if let Some(no) = layer.refusal() {
                let why = no.to_string();
                return Err(Box::new(port::NotApart { why, network: without, permit, work, progress }));
            }
            let inside = |path: &PathBuf| Some(path.strip_prefix(self.root.path()).ok()?.display().to_string());
            let shared = layer.plan().shared.iter().filter_map(inside).collect();
            self.layers.keep(id, layer);
            let layer = InLayer { shared, ..InLayer::default() };
            let mut performed = Performed { apart: true, layer, ..performed };
            apart::note_network(&mut performed, network);
            Ok(performed)
        })
    }

    fn effect(&self, action: &ActionId, before: Option<Digest>) -> BoxFuture<'_, Result<port::Effect, WorkspaceError>> {
        let (layers, action) = (self.layers.clone(), action.clone());
        let (root, listing) = (self.root.clone(), self.listing.clone());
        Box::pin(async move {
            let stop = CancellationToken::new();
            // Whoever no longer waits for it stops it.
            let _stops = stop.clone().drop_guard();
            blocking(move || layers.effect(&action, (&root, &listing), before, &stop)).await
        })
    }

    fn result_files(&self, action: &ActionId, paths: Vec<RelPath>) -> BoxFuture<'_, Vec<port::HeldFile>> {
        let (layers, action, root) = (self.layers.clone(), action.clone(), self.root.clone());
        let work = blocking(move || Ok(layers.files(&action, &root, &paths)));
        Box::pin(async move { work.await.unwrap_or_default() })
    }

    fn promote(&self, action: &ActionId, held: Vec<RelPath>) -> BoxFuture<'_, port::Promotion> {
        let (layers, action) = (self.layers.clone(), action.clone());
        let (root, rules) = (self.root.clone(), self.listing.rules().clone());
        Box::pin(async move {
            let work = blocking(move || Ok(layers.promote(&action, (&root, &rules), &held)));
            let lost = |error: WorkspaceError| port::Promotion { left: vec![error.to_string()], ..Default::default() };
            work.await.unwrap_or_else(lost)
        })
    }

    fn left_over(&self, action: &ActionId) -> Option<port::Promotion> {
        locked(&self.left_over).remove(action)
    }

    fn drop_layer(&self, action: &ActionId) {
        self.layers.forget(action);
    }

    fn open_trials(&self, permit: Permit, action: &Action) -> BoxFuture<'_, Result<Box<dyn Trials>, WorkspaceError>> {
        let action = action.clone();
        Box::pin(async move {
            perform::check(&permit, &action).map_err(WorkspaceError::Refused)?;
            let ActionBody::Trials(_, budget) = action.body else {
                return Err(WorkspaceError::Refused("this action allows no trials".to_owned()));
            };
            let (copy, slot) = self.private_copy(permit.action().as_str()).await?;
            let within = self.layers_of_trials(permit.action(), copy.root()).await;
            let trials = OpenTrials::new(copy, self.spawner.clone(), (*budget, within), slot);
            Ok(Box::new(trials) as Box<dyn Trials>)
        })
    }

    fn candidate(&self, name: &str) -> BoxFuture<'_, Result<Box<dyn port::Candidate>, WorkspaceError>> {
        let name = name.to_owned();
        Box::pin(async move { self.named_copy(&name).await })
    }

    fn candidate_in_layer(&self, name: &str) -> BoxFuture<'_, Result<Box<dyn port::Candidate>, WorkspaceError>> {
        let name = name.to_owned();
        Box::pin(async move { self.layered_copy(&name).await })
    }

    fn no_layers(&self) -> BoxFuture<'_, Option<String>> {
        let (layers, root, rules) = (self.layers.clone(), self.root.clone(), self.listing.rules().clone());
        let tried = blocking(move || Ok(layers.why_none((&root, &rules))));
        Box::pin(async move { tried.await.unwrap_or_else(|error| Some(error.to_string())) })
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Digest, WorkspaceError>> {
        let (listing, watch) = (self.listing.clone(), self.watch.clone());
        Box::pin(blocking(move || {
            let taken = listing.take().map_err(store_error)?;
            tell(&watch);
            Ok(taken.digest)
        }))
    }

    fn snapshot_with(&self, paths: Vec<RelPath>) -> BoxFuture<'_, Result<Option<Digest>, WorkspaceError>> {
        let (listing, watch) = (self.listing.clone(), self.watch.clone());
        Box::pin(blocking(move || {
            let taken = listing.take_with(paths.iter().map(|path| Path::new(path.as_str()))).map_err(store_error)?;
            tell(&watch);
            Ok(taken.map(|taken| taken.digest))
        }))
    }

    fn tree_changes(&self, from: Digest, to: Digest) -> Result<Vec<TreeChange>, WorkspaceError> {
        let differences = compare(&self.store, Some(&from), Some(&to)).map_err(store_error)?;
        // Names that are not UTF-8 have no place in the journal: the watcher tells of them. Of what could not be read
        // nothing is claimed.
        let is_known = |difference: &Difference| {
            [difference.before, difference.after].iter().flatten().all(|entry| entry.kind != EntryKind::Unknown)
        };
        let told = differences.into_iter().filter(is_known).filter_map(|difference| {
            let content = |entry: Option<super::checkpoint::Entry>| entry.and_then(|entry| entry.content());
            let node = |entry: Option<super::checkpoint::Entry>| entry.and_then(|entry| entry.node());
            Some(TreeChange {
                path: RelPath::from_path(&difference.path).ok()?,
                before: content(difference.before),
                after: content(difference.after),
                before_node: node(difference.before),
                after_node: node(difference.after),
                before_bytes: None,
            })
        });
        Ok(told.collect())
    }

    fn head_changes(&self, now: Digest) -> BoxFuture<'_, Result<Vec<TreeChange>, WorkspaceError>> {
        let (root, store) = (self.root.path().to_owned(), self.store.clone());
        Box::pin(async move { head::changes(&root, &store, &now).await.map_err(WorkspaceError::Refused) })
    }

    fn stored(&self, digest: Digest) -> Result<Option<Vec<u8>>, WorkspaceError> {
        self.store.get(&digest).map_err(store_error)
    }

    fn stored_bytes(&self, digest: Digest) -> Option<u64> {
        self.store.length(&digest)
    }

    fn notices(&self) -> Option<mpsc::Receiver<Notice>> {
        let mut watch = locked(&self.watch);
        if watch.is_some() {
            return None;
        }
        let (means, poll) = self.watching;
        let (started, notices) = Watch::start(self.listing.clone(), means, poll);
        *watch = Some(started);
        Some(notices)
    }

    /// Makes the watcher check these files soon, even where the kernel sends no events. The host attributes a change by
    /// its after-digest, which is in the notice and in the action. What is done here is to see it soon, even where the
    /// kernel tells nothing.
    fn expect(&self, _action: &ActionId, files: &[FileOutcome]) {
        if let Some(watch) = locked(&self.watch).as_ref() {
            watch.look(files.iter().map(|file| PathBuf::from(file.path.as_str())).collect());
        }
    }

    fn turn_ended(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
    }

    fn look_over(&self) {
        if let Some(watch) = locked(&self.watch).as_ref() {
            watch.look_over();
        }
    }

    fn spawn_agent(&self, spawn: AgentSpawn) -> BoxFuture<'_, Result<AgentChild, WorkspaceError>> {
        Box::pin(self.start_agent(spawn))
    }

    fn processes(&self) -> Vec<Survivor> {
        self.spawner.tracker().processes(Scope::Session)
    }

    fn freeze(&self) -> BoxFuture<'_, Result<(), WorkspaceError>> {
        let tracker = self.tracker();
        Box::pin(blocking(move || match tracker.freeze(Scope::Session) {
            Ok(_) => Ok(()),
            Err(moving) => {
                let names: Vec<String> =
                    moving.iter().map(|process| format!("{} {}", process.pid, process.argv)).collect();
                Err(WorkspaceError::Refused(format!(
                    "still running: {}; stop the session to end them",
                    names.join(", ")
                )))
            }
        }))
    }

    fn resume(&self) -> BoxFuture<'_, Result<(), WorkspaceError>> {
        let tracker = self.tracker();
        Box::pin(blocking(move || {
            tracker.resume(Scope::Session);
            Ok(())
        }))
    }

    fn stop(&self) -> BoxFuture<'_, Census> {
        let tracker = self.tracker();
        Box::pin(async move {
            match tokio::task::spawn_blocking(move || tracker.stop(Scope::Session)).await {
                Ok(census) => census,
                Err(lost) => Census { unknown: vec![format!("the census failed: {lost}")], ..Census::default() },
            }
        })
    }

    fn drill(&self) -> BoxFuture<'_, Vec<DrilledRung>> {
        Box::pin(async move {
            if !self.drills {
                return Vec::new();
            }
            let mut rungs = Vec::new();
            if self.layers.are_used() {
                let (layers, root, rules) = (self.layers.clone(), self.root.clone(), self.listing.rules().clone());
                let made = move || Ok(layers.make(&DRILL.into(), (&root, &rules), "", (Network::Off, false)));
                let layer = blocking(made).await.unwrap_or_else(|error| Err(error.to_string()));
                rungs.push(match layer {
                    Ok(layer) => drill::within(self.spawner.clone(), layer).await,
                    Err(why) => DrilledRung::unavailable(Rung::Layer, why),
                });
            }
            let rung = drill::direct(self.containment);
            rungs.push(drill::drill(&self.spawner, rung).await);
            rungs
        })
    }

    fn missing_program(&self, command: &Command) -> Option<String> {
        match run::prepare(&self.root, command, &[]) {
            Ok(spec) => run::missing(&spec),
            Err(refusal) => Some(refusal.to_string()),
        }
    }

    fn is_program_outside(&self, command: &Command) -> bool {
        run::prepare(&self.root, command, &[]).is_ok_and(|spec| run::is_outside(self.root.path(), &spec))
    }
}
