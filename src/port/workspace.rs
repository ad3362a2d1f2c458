//! The host's interface to the workspace, the only writer and spawner.

use crate::base::digest::FieldHasher;
use crate::base::{ActionId, Digest, RelPath};
use crate::journal::Permit;
use crate::model::WatchState;
use crate::model::action::Touches;
use crate::model::check::RunReport;
use crate::model::event::{Census, DrilledRung, FileOutcome, InLayer, Network, OutcomeWord, Sides, Stream, Survivor};
use crate::model::{Action, Address, Command, FileChange, Node, NodeKind, Trial, TrialOutput};
use crate::policy::Reach;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Bytes by digest: what an action's contents point to.
pub type Blobs = BTreeMap<Digest, Vec<u8>>;

/// A file as the disk has it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub bytes: Vec<u8>,
    pub digest: Digest,
    pub node: Node,
}

impl Image {
    /// The digest of its bytes; a directory has none.
    pub fn content(&self) -> Option<Digest> {
        (self.node.kind != NodeKind::Directory).then_some(self.digest)
    }
}

/// An approved action with every content it needs. `perform` refuses it unless the permit's digest is the action's.
#[derive(Clone, Debug)]
pub struct Work {
    pub action: Action,
    pub blobs: Blobs,
    /// Canceled when nobody wants its command any more: the command is ended, and `perform` still reports what it wrote
    /// and how it ended.
    pub stop: CancellationToken,
    /// In a layer: the supervisor's word on the network of this command; `None` as configured.
    pub network: Option<Network>,
}

/// A command that may run in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apart {
    /// Policy knows that it changes nothing.
    OnlyReads,
    /// It changes files of the workspace, or nobody knows what it does.
    Writes,
    /// What it is approved for is outside: other machines, other files, other users.
    Outside,
    /// The supervisor closed its network, which only a layer can do.
    Closed,
    /// Nothing of it may be kept.
    Preview,
}

/// A command that was not started, because there can be no layer for it.
#[derive(Debug)]
pub struct NotApart {
    /// In words, with the fix.
    pub why: String,
    /// The network that it should have had.
    pub network: Network,
    /// Not spent.
    pub permit: Permit,
    pub work: Work,
    pub progress: mpsc::Sender<Progress>,
}

/// The changes of a command in a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Content.
    pub files: Vec<FileOutcome>,
    /// Number of changed files that are ignored or belong to version control.
    pub others: usize,
    /// What stays out of the workspace, in words with the reason.
    pub left: Vec<String>,
    /// The files and links for which a rule may have a word: content, and what steers git.
    pub nodes: Vec<ResultNode>,
}

/// One file or link in the result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultNode {
    pub path: RelPath,
    pub change: FileChange,
    /// Within the paths that are promoted without a question.
    pub is_declared: bool,
}

/// The end of a promotion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Promotion {
    /// The content that is promoted.
    pub files: Vec<FileOutcome>,
    /// What stays out of the workspace, in words with the reason.
    pub left: Vec<String>,
    /// What was held back.
    pub held: Vec<HeldFile>,
    /// The promotion could not begin.
    pub failed: bool,
}

/// A file or link of a result that a user has to let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldFile {
    pub path: RelPath,
    pub change: FileChange,
    /// In the workspace; `None` = not there.
    pub before: Option<Image>,
    /// In the layer; `None` = deleted.
    pub after: Option<Image>,
}

/// An address that a command in a layer wants to reach, for the first time.
#[derive(Debug)]
pub struct Connect {
    pub address: Address,
    /// The process that asks, as far as it was found: foreign text.
    pub process: Option<String>,
    /// Dropped, it is refused.
    pub reply: oneshot::Sender<Result<(), NotOpened>>,
}

/// The reason that a connection was not opened, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotOpened {
    /// Somebody or a rule decided so.
    Denied(String),
    /// Nobody decided, or was asked, because too much is pending: the next try may be asked about.
    Busy(String),
}

impl NotOpened {
    pub fn into_words(self) -> String {
        match self {
            Self::Denied(why) | Self::Busy(why) => why,
        }
    }
}

/// News of a running command, as it comes.
#[derive(Debug)]
pub enum Progress {
    Output {
        stream: Stream,
        bytes: Vec<u8>,
    },
    /// The process tree changed.
    Processes(Vec<Survivor>),
    /// It waits for a decision about its network.
    Connects(Connect),
}

/// The end of an action that the host executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performed {
    pub outcome: OutcomeWord,
    /// Exit code, 128 + signal when a signal ended it.
    pub exit: Option<i32>,
    pub files: Vec<FileOutcome>,
    /// In words when it did not go well: what happened, where, what to do.
    pub detail: Option<String>,
    /// The end of the combined output, lossy UTF-8, bounded.
    pub tail: String,
    /// For a read: the files it gave (one for a file, many for a directory), bounded.
    pub read: Vec<(RelPath, Vec<u8>)>,
    /// For `checks`: what the host observed.
    pub report: Option<RunReport>,
    /// It ran out of time and was stopped.
    pub timed_out: bool,
    pub ms: u64,
    /// It ran in a layer, which [`Workspace::effect`] reads.
    pub apart: bool,
    /// The part of its result that a user has to let through.
    pub held: Vec<HeldFile>,
    pub layer: InLayer,
    /// What guarded files among `files` held.
    pub sides: Vec<Sides>,
    /// Of a command, in words: what tests check less after it.
    pub weakened: Option<String>,
}

impl Performed {
    /// An outcome with nothing else to tell.
    pub fn of(outcome: OutcomeWord, detail: Option<String>) -> Self {
        Self {
            outcome,
            exit: None,
            files: Vec::new(),
            detail,
            tail: String::new(),
            read: Vec::new(),
            report: None,
            timed_out: false,
            ms: 0,
            apart: false,
            held: Vec::new(),
            layer: InLayer::default(),
            sides: Vec::new(),
            weakened: None,
        }
    }
}

/// A private candidate that trials run in, opened with the permit of a trial action; ends everything on drop.
pub trait Trials: Send {
    /// Refuses commands that were not approved and runs beyond the budget.
    fn run(&mut self, trial: Trial) -> BoxFuture<'_, Result<TrialOutput, WorkspaceError>>;
}

/// A private copy of the workspace that an external agent works in, or in which a proposal is tried.
pub trait Candidate: Send + Sync {
    fn root(&self) -> &Path;
    /// Returns whether it is no copy: the agent has an overlay of the workspace, mounted in its layer.
    fn is_layered(&self) -> bool {
        false
    }
    /// The file as the agent has it, if it has at most `bytes_max`; `None` when there is none.
    fn read(&self, path: &RelPath, bytes_max: u64) -> Result<Option<Vec<u8>>, WorkspaceError>;
    /// Returns notes about parts of the workspace that are left out or only linked.
    fn notes(&self) -> Vec<String>;
    /// Returns the differences from the workspace at the time the candidate was created or last refreshed, but for those
    /// that the workspace has by now.
    fn changes(&self) -> BoxFuture<'_, Result<CandidateChanges, WorkspaceError>>;
    /// Takes over what changed in the workspace since; files changed on both sides are left and named.
    fn refresh(&self) -> BoxFuture<'_, Result<Vec<RelPath>, WorkspaceError>>;
    /// Makes what the workspace has the base of a file that was decided on, and puts the file back to it. A file that the
    /// agent has changed since, to neither its base nor the decided [`CandidateChange::state`], is left to it.
    fn reset(&self, path: RelPath, decided: Option<Digest>) -> BoxFuture<'_, Result<(), WorkspaceError>>;
}

/// A file that a candidate changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateChange {
    pub path: RelPath,
    pub change: FileChange,
    pub before: Option<Vec<u8>>,
    /// The node that the candidate has, and its bytes: the target of a link, none of a directory. Permission bits are told
    /// only where they are not those of its base.
    pub after: Option<(Node, Vec<u8>)>,
}

impl CandidateChange {
    /// Stands for the node and the content that the candidate has; `None` = deleted.
    pub fn state(&self) -> Option<Digest> {
        let (node, bytes) = self.after.as_ref()?;
        Some(Self::state_of(Digest::of(bytes), *node))
    }

    /// The same for a node whose content has this digest.
    pub fn state_of(content: Digest, node: Node) -> Digest {
        if node == Node::default() {
            return content;
        }
        let mut hasher = FieldHasher::new();
        hasher.field(Node::field(Some(&node)).as_bytes()).field(content.to_string().as_bytes());
        hasher.finish()
    }
}

/// The changes of a candidate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CandidateChanges {
    pub files: Vec<CandidateChange>,
    /// Changes that are not carried over, one line each with the reason.
    pub left: Vec<String>,
}

/// A file that differs between two snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeChange {
    pub path: RelPath,
    pub before: Option<Digest>,
    pub after: Option<Digest>,
    pub before_node: Option<Node>,
    pub after_node: Option<Node>,
    /// The length of what was before, where it is known without its bytes.
    pub before_bytes: Option<u64>,
}

impl TreeChange {
    /// Returns whether something existed before, and whether something exists now. A directory has no digest.
    pub fn sides(&self) -> (bool, bool) {
        (self.before.is_some() || self.before_node.is_some(), self.after.is_some() || self.after_node.is_some())
    }
}

/// A report of the watcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Content or permission bits really changed.
    Changed(Box<Changed>),
    /// `watching`, `polling` or `blind`, with the reason.
    State { state: WatchState, why: Option<String> },
}

/// A change that the watcher saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Relative; bytes that are not UTF-8 are written as `\xNN`.
    pub path: String,
    /// `None` where the path is not UTF-8, or a directory as a whole.
    pub rel: Option<RelPath>,
    pub change: FileChange,
    pub before: Option<Digest>,
    pub after: Option<Digest>,
    pub before_node: Option<Node>,
    pub after_node: Option<Node>,
    /// Not content: ignored, or a hook or setting of version control.
    pub ignored: bool,
    /// In words, where a path is not watched file by file.
    pub about: Option<String>,
}

/// The command to start an agent's own process.
#[derive(Clone, Debug, Default)]
pub struct AgentSpawn {
    pub argv: Vec<String>,
    /// Set; nothing else is inherited but a short allow-list and `pass_env`.
    pub env: Vec<(String, String)>,
    pub pass_env: Vec<String>,
    /// Absolute; the workspace root or a candidate's.
    pub cwd: PathBuf,
    /// Set: it runs in a layer, and sees this candidate at the path of the workspace.
    pub layer: Option<AgentLayer>,
}

/// The layer of an agent's own process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentLayer {
    /// The root of the candidate.
    pub candidate: PathBuf,
    /// It is no copy: an overlay is mounted over the workspace.
    pub is_layered: bool,
    /// Absolute paths outside the workspace that it may write: its settings, its sessions.
    pub own: Vec<PathBuf>,
    /// Hosts that the agent itself may connect to, as in rules.
    pub hosts: Vec<String>,
    /// Addresses that its environment sends it to; some may be on this machine.
    pub endpoints: Vec<Address>,
}

/// A running agent process in its own session and process group. Dropping it ends the whole tree.
pub struct AgentChild {
    pub pid: u32,
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// Resolves with the exit code once the process has gone.
    pub exited: BoxFuture<'static, Option<i32>>,
    /// TERM, then KILL of the whole tree after `grace`.
    pub end: Box<dyn FnOnce(Duration) -> BoxFuture<'static, ()> + Send>,
    /// In a layer whose network asks.
    pub ways: Option<AgentWays>,
}

/// The network of an agent in a layer.
pub struct AgentWays {
    /// In words.
    pub about: String,
    /// The connections that it waits for.
    pub asks: mpsc::Receiver<Progress>,
}

/// An error of the workspace, in words for the user: what happened, where, what to do.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    #[error("{path} leads out of the workspace to {target}")]
    Outside { path: String, target: String },
    #[error("{path} is {what}, not a regular file; it was not changed")]
    Special { path: String, what: String },
    #[error("{path} has {bytes} bytes; the limit is {max}")]
    TooLarge { path: String, bytes: u64, max: u64 },
    #[error("{0}")]
    Refused(String),
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
}

/// Whether a path is plainly a plan's: a Markdown file in a directory `plans`. What an agent names so is shown and
/// recorded.
pub fn is_plan_file(path: &Path) -> bool {
    path.is_absolute()
        && path.extension().is_some_and(|extension| extension == "md")
        && path.parent().and_then(Path::file_name).is_some_and(|parent| parent == "plans")
}

/// The name of the private copy that the session's agent works in.
pub const AGENT_CANDIDATE: &str = "agent";

/// The only writer and spawner. One per session; all methods may be called from any task.
pub trait Workspace: Send + Sync {
    fn root(&self) -> &Path;

    /// The path inside that an absolute path means: as its words say, else as the kernel resolves the links that lead
    /// to the workspace. `None` outside.
    fn locate(&self, path: &Path) -> Option<RelPath> {
        RelPath::from_path(path.strip_prefix(self.root()).ok()?).ok()
    }

    /// The file as it is now; `None` when there is none. Resolved beneath the root by the kernel; special files are
    /// refused unopened.
    fn image(&self, path: &RelPath) -> Result<Option<Image>, WorkspaceError>;

    /// As [`Self::image`]; an error where it has more than `bytes_max` bytes.
    fn image_within(&self, path: &RelPath, bytes_max: u64) -> Result<Option<Image>, WorkspaceError> {
        let image = self.image(path)?;
        match image.as_ref().map_or(0, |image| image.bytes.len() as u64) {
            bytes if bytes > bytes_max => {
                Err(WorkspaceError::TooLarge { path: path.to_string(), bytes, max: bytes_max })
            }
            _ => Ok(image),
        }
    }

    /// The text of a plan that an agent keeps in a file of its own, outside the workspace; none where the path is not
    /// plainly a plan's.
    fn plan_file(&self, path: &Path) -> Option<String> {
        let _ = path;
        None
    }

    /// A file of the private copy with this name; `None` when there is no such copy or file. Only read.
    fn candidate_image(&self, name: &str, path: &RelPath) -> Option<Image> {
        let _ = (name, path);
        None
    }

    /// Returns the exact state of this path: a link is not followed, a directory has no bytes.
    fn node(&self, path: &RelPath) -> Result<Option<Image>, WorkspaceError> {
        self.image(path)
    }

    /// The regular files below `dir` ("" = root) that are not ignored, sorted, at most `max`.
    fn list(&self, dir: &str, max: usize) -> Result<Vec<RelPath>, WorkspaceError>;

    /// The regular files that are ignored, version control excepted, sorted; at most `max` entries are looked at.
    fn list_ignored(&self, _max: usize) -> Vec<RelPath> {
        Vec::new()
    }

    /// Returns the existing files among those that a command would change. Looks only, beyond the root too where the
    /// words lead there, and follows no link; bounded.
    fn touched(&self, reach: &Reach) -> Touches;

    /// Carries out exactly what was approved; the permit is spent. Dropping the future stops what it started.
    fn perform(&self, permit: Permit, work: Work, progress: mpsc::Sender<Progress>) -> BoxFuture<'_, Performed>;

    /// Returns whether a command should run in a layer: a private overlay of the workspace.
    fn keeps_apart(&self, command: Apart) -> bool {
        let _ = command;
        false
    }

    /// As [`Workspace::perform`], in a layer; a preview has no network, unless the work names one. What it changed
    /// stays there until it is promoted or dropped. Where there can be no layer, nothing is started and everything is
    /// given back.
    fn perform_apart(
        &self,
        permit: Permit,
        work: Work,
        progress: mpsc::Sender<Progress>,
        is_preview: bool,
    ) -> BoxFuture<'_, Result<Performed, Box<NotApart>>> {
        let _ = is_preview;
        let (why, network) = ("this workspace has no layers".to_owned(), work.network.unwrap_or_default());
        Box::pin(async move { Err(Box::new(NotApart { why, network, permit, work, progress })) })
    }

    /// What the command of this action left in its layer. `before` is the tree that was recorded before it.
    fn effect(&self, action: &ActionId, before: Option<Digest>) -> BoxFuture<'_, Result<Effect, WorkspaceError>> {
        let _ = (action, before);
        Box::pin(async { Err(WorkspaceError::Refused("there is no layer".to_owned())) })
    }

    /// Both sides of these paths of a result, as far as they can be read; bounded.
    fn result_files(&self, action: &ActionId, paths: Vec<RelPath>) -> BoxFuture<'_, Vec<HeldFile>> {
        let _ = (action, paths);
        Box::pin(async { Vec::new() })
    }

    /// Carries over what [`Workspace::effect`] told, as far as nobody else changed it, and drops the layer. The `held`
    /// paths are given back instead.
    fn promote(&self, action: &ActionId, held: Vec<RelPath>) -> BoxFuture<'_, Promotion> {
        let _ = (action, held);
        Box::pin(async { Promotion::default() })
    }

    /// The end of a promotion that a former host began; told once.
    fn left_over(&self, action: &ActionId) -> Option<Promotion> {
        let _ = action;
        None
    }

    /// Throws the layer of this action away.
    fn drop_layer(&self, action: &ActionId) {
        let _ = action;
    }

    /// Opens a candidate for the trials that this permit's action allows.
    fn open_trials(&self, permit: Permit, action: &Action) -> BoxFuture<'_, Result<Box<dyn Trials>, WorkspaceError>>;

    /// A private copy that lives until it is dropped. `name` keeps a stable place for it across restarts.
    fn candidate(&self, name: &str) -> BoxFuture<'_, Result<Box<dyn Candidate>, WorkspaceError>>;

    /// A candidate that is an overlay of the workspace, for an agent in a layer. What an agent left in it is still there.
    fn candidate_in_layer(&self, name: &str) -> BoxFuture<'_, Result<Box<dyn Candidate>, WorkspaceError>> {
        self.candidate(name)
    }

    /// Why nothing can run in a layer in this workspace, in words.
    fn no_layers(&self) -> BoxFuture<'_, Option<String>> {
        Box::pin(std::future::ready(Some("this workspace has no layers".to_owned())))
    }

    /// Records the tree as it is; only changed files cost. Gives the digest of its manifest.
    fn snapshot(&self) -> BoxFuture<'_, Result<Digest, WorkspaceError>>;

    /// Records the tree as it is known, after a check of these paths; the rest is checked in the background. `None`
    /// while the first walk is under way.
    fn snapshot_with(&self, paths: Vec<RelPath>) -> BoxFuture<'_, Result<Option<Digest>, WorkspaceError>> {
        drop(paths);
        Box::pin(async { self.snapshot().await.map(Some) })
    }

    /// Returns the differences between two recorded trees.
    fn tree_changes(&self, from: Digest, to: Digest) -> Result<Vec<TreeChange>, WorkspaceError>;

    /// Returns the differences between the last commit of the workspace's repository and a recorded tree.
    fn head_changes(&self, now: Digest) -> BoxFuture<'_, Result<Vec<TreeChange>, WorkspaceError>> {
        let _ = now;
        Box::pin(async { Err(WorkspaceError::Refused("there is no repository".to_owned())) })
    }

    /// Bytes of a file in a recorded tree, by its digest.
    fn stored(&self, digest: Digest) -> Result<Option<Vec<u8>>, WorkspaceError>;

    /// The length of a file in a recorded tree, by its digest; `None` where it is not known.
    fn stored_bytes(&self, digest: Digest) -> Option<u64> {
        self.stored(digest).ok().flatten().map(|bytes| bytes.len() as u64)
    }

    /// The watcher's notices; bounded, may be taken once.
    fn notices(&self) -> Option<mpsc::Receiver<Notice>>;

    /// The watcher should take these after-digests for the action's own, from now until the action has finished.
    fn expect(&self, action: &ActionId, files: &[FileOutcome]);

    /// Makes the watcher check everything soon, including the parts that are too large to be watched all the time.
    fn look_over(&self) {}

    /// The agent's turn is over: where its connections were denied, the next try is asked about again.
    fn turn_ended(&self) {}

    /// Starts an agent's own process, supervised like everything else (census, freeze, stop).
    fn spawn_agent(&self, spawn: AgentSpawn) -> BoxFuture<'_, Result<AgentChild, WorkspaceError>>;

    /// Every process of the session that runs now.
    fn processes(&self) -> Vec<Survivor>;

    /// Stops every process of the session where it is.
    fn freeze(&self) -> BoxFuture<'_, Result<(), WorkspaceError>>;

    /// Lets them continue.
    fn resume(&self) -> BoxFuture<'_, Result<(), WorkspaceError>>;

    /// Ends them all and proves it.
    fn stop(&self) -> BoxFuture<'_, Census>;

    /// Starts processes that evade a stop where commands of the session run, stops them in the same way, and proves that
    /// none is left; on each rung that the session uses. Empty where drills are off.
    fn drill(&self) -> BoxFuture<'_, Vec<DrilledRung>> {
        Box::pin(async { Vec::new() })
    }

    /// Returns a message if this command's program is missing. In words when not.
    fn missing_program(&self, command: &Command) -> Option<String>;

    /// Returns whether this command's program is found by its name outside of the workspace, so that no file of the
    /// workspace can be run in its place.
    fn is_program_outside(&self, command: &Command) -> bool {
        let _ = command;
        false
    }
}
