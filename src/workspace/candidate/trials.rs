//! Trials: many short runs in one candidate, each applied, run, and reverted. Only commands
//! that were approved, only as often and as long as was approved. Where there are layers, each run has one, with the
//! candidate at the path of the workspace: it can write nothing else.

use super::{AgentCopy as _, CandidateError, PrivateCopy};
use crate::base::digest::FieldHasher;
use crate::base::{Digest, RelPath};
use crate::model::action::TrialBudget;
use crate::model::event::Stream;
use crate::model::{Trial, TrialOutput};
use crate::port::{self, WorkspaceError};
use crate::workspace::edit;
use crate::workspace::layer::{Bind, Layer};
use crate::workspace::limits;
use crate::workspace::live::candidate_error;
use crate::workspace::root::Root;
use crate::workspace::run::{self, HeadTail, Sink, Spawner};
use futures::future::BoxFuture;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// A candidate open for the trials of one approved action.
pub struct OpenTrials {
    /// Out while blocking work has it.
    copy: Option<PrivateCopy>,
    spawner: Spawner,
    budget: TrialBudget,
    runs: u32,
    wall_ms: u64,
    /// The paths that an interrupted trial left over the copy.
    laid: Vec<PathBuf>,
    within: Option<Within>,
    /// Why there is no layer where one should be, until a result has told it.
    not_apart: Option<String>,
    _slot: OwnedSemaphorePermit,
}

/// Layers for the runs in one candidate.
pub struct Within {
    /// Of the workspace, where the candidate is in them.
    pub root: PathBuf,
    /// What is mounted there beside the candidate.
    pub binds: Vec<Bind>,
    /// A new one, or why there is none.
    pub make: Box<dyn Fn() -> Result<Layer, String> + Send + Sync>,
}

impl Within {
    /// The links of the candidate, which were exchanged for places to mount at.
    fn restore_links(&self, candidate: &Path) {
        for bind in &self.binds {
            let Ok(path) = bind.at.strip_prefix(&self.root) else { continue };
            let at = candidate.join(path);
            if std::fs::remove_dir(&at).is_ok() {
                let _ = std::os::unix::fs::symlink(&bind.from, &at);
            }
        }
    }
}

struct Kept {
    out: HeadTail,
    err: HeadTail,
}

impl Sink for Kept {
    async fn take(&mut self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Stdout | Stream::Pty => self.out.push(bytes),
            Stream::Stderr => self.err.push(bytes),
        }
    }
}

impl OpenTrials {
    /// Opens `copy` for the runs of `budget`, in layers if there are any. An error in place of them says why there are
    /// none where there should be.
    pub fn new(
        copy: PrivateCopy,
        spawner: Spawner,
        (budget, within): (TrialBudget, Result<Option<Within>, String>),
        slot: OwnedSemaphorePermit,
    ) -> Self {
        let (within, not_apart) = match within {
            Ok(within) => (within, None),
            Err(why) => (None, Some(why)),
        };
        let (copy, laid) = (Some(copy), Vec::new());
        Self { copy, spawner, budget, runs: 0, wall_ms: 0, laid, within, not_apart, _slot: slot }
    }

    fn allowed(&self, trial: &Trial) -> Result<crate::model::Command, String> {
        if self.runs >= self.budget.runs_max {
            return Err(format!("all {} approved runs are used up", self.budget.runs_max));
        }
        if self.wall_ms >= self.budget.wall_ms_max {
            return Err(format!("the approved {} ms are used up", self.budget.wall_ms_max));
        }
        if let Some((name, _)) = trial
            .env
            .iter()
            .find(|(name, _)| !name.starts_with("RIGHTSEAT_") || name == crate::workspace::census::MARKER)
        {
            return Err(format!("a trial may not set {name}"));
        }
        self.budget
            .commands
            .get(trial.command)
            .cloned()
            .ok_or_else(|| format!("command {} was not approved", trial.command))
    }

    /// Puts the copy out of the way of the async threads while `work` has it.
    async fn with_copy<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut PrivateCopy) -> Result<T, CandidateError> + Send + 'static,
    ) -> Result<T, WorkspaceError> {
        let lost = || WorkspaceError::Refused("the candidate was lost; open a new one".to_owned());
        let mut copy = self.copy.take().ok_or_else(lost)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&mut copy);
            (copy, result)
        });
        let (copy, result) = done.await.map_err(|_| lost())?;
        self.copy = Some(copy);
        result.map_err(candidate_error)
    }

    async fn run_one(&mut self, trial: Trial) -> Result<TrialOutput, WorkspaceError> {
        let command = self.allowed(&trial).map_err(WorkspaceError::Refused)?;
        self.runs = self.runs.saturating_add(1);
        let left = std::mem::take(&mut self.laid);
        self.laid = trial.edits.iter().map(|(path, _)| PathBuf::from(path.as_str())).collect();
        let edits = trial.edits;
        let (root, tree) = self
            .with_copy(move |copy| {
                left.iter().try_for_each(|path| copy.restore(path))?;
                for (path, content) in &edits {
                    copy.lay(Path::new(path.as_str()), content.as_deref())?;
                }
                Ok((copy.root().to_owned(), tried_tree(copy.base_tree(), &edits)))
            })
            .await?;
        let (ended, kept) = self.observe(&root, &command, (&trial.env, trial.timeout_ms, trial.record_cases)).await?;
        let laid = std::mem::take(&mut self.laid);
        let collect = trial.collect;
        let collected = self
            .with_copy(move |copy| {
                let collected = bring_back(copy.root(), collect);
                laid.iter().try_for_each(|path| copy.restore(path))?;
                copy.restore_all()?;
                Ok(collected)
            })
            .await?;
        if !ended.survivors.is_empty() {
            return Err(WorkspaceError::Refused(format!(
                "the trial could not be stopped: {}",
                ended.survivors.join(", ")
            )));
        }
        Ok(TrialOutput {
            exit: ended.exit,
            timed_out: ended.timed_out,
            stdout: kept.out.into_bytes(),
            stderr: kept.err.into_bytes(),
            ms: ended.ms,
            collected,
            tree: Some(tree),
            report: None,
            not_apart: self.not_apart.take(),
        })
    }

    /// Runs the command in a layer, or directly where there is none.
    async fn observe(
        &mut self,
        copy: &Path,
        command: &crate::model::Command,
        trial: (&[(String, String)], u64, bool),
    ) -> Result<(run::Ended, Kept), WorkspaceError> {
        if let Some(within) = &self.within {
            match (within.make)() {
                Ok(layer) => {
                    let (root, spawner) = (within.root.clone(), self.spawner.clone().within(layer.plan().clone()));
                    let observed = self.observe_by(&spawner, &root, command, trial).await;
                    let Some(no) = layer.refusal() else { return observed };
                    self.not_apart = Some(no.to_string());
                }
                Err(why) => self.not_apart = Some(why),
            }
        }
        if let Some(within) = self.within.take() {
            within.restore_links(copy);
        }
        let spawner = self.spawner.clone();
        self.observe_by(&spawner, copy, command, trial).await
    }

    async fn observe_by(
        &mut self,
        spawner: &Spawner,
        root: &Path,
        command: &crate::model::Command,
        (env, timeout_ms, merged): (&[(String, String)], u64, bool),
    ) -> Result<(run::Ended, Kept), WorkspaceError> {
        let cannot = |source| WorkspaceError::Io { what: "the candidate".to_owned(), source };
        let inside = Root::open(root).map_err(cannot)?;
        let mut extra = env.to_vec();
        // Compiled Python is matched to its source by second and size: two trials within a second
        // would run each other's code.
        extra.push(("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned()));
        let own_path = own_python_path(root);
        extra.extend(own_path.filter(|(name, _)| command.env.iter().all(|(set, _)| set != name)));
        let spec =
            run::prepare(&inside, command, &extra).map_err(|refusal| WorkspaceError::Refused(refusal.to_string()))?;
        let spec = run::Spec { merged, ..spec };
        if let Some(missing) = run::missing(&spec) {
            return Err(WorkspaceError::Refused(missing));
        }
        let left_ms = self.budget.wall_ms_max.saturating_sub(self.wall_ms);
        let asked_ms = [timeout_ms, command.timeout_ms].into_iter().filter(|ms| *ms > 0).min();
        let limit_ms = asked_ms.unwrap_or(crate::base::limits::RUN_TIMEOUT_MS_DEFAULT).min(left_ms);
        let running = spawner.spawn(&spec).map_err(cannot)?;
        let keep = || HeadTail::new(limits::TRIAL_STREAM_BYTES_MAX);
        let mut kept = Kept { out: keep(), err: keep() };
        let ended = run::drive(running, Duration::from_millis(limit_ms), &mut kept).await;
        self.wall_ms = self.wall_ms.saturating_add(ended.ms);
        Ok((ended, kept))
    }
}

/// A project that is installed in its environment for editing would be imported from the workspace:
/// the candidate's own modules must come first.
fn own_python_path(root: &Path) -> Option<(String, String)> {
    let project = ["pyproject.toml", "setup.py", "setup.cfg"].iter().any(|name| root.join(name).exists());
    let (source, whole) = (root.join("src"), root.to_str()?);
    let path = match source.to_str() {
        Some(source_text) if source.is_dir() => format!("{source_text}:{whole}"),
        Some(_) | None => whole.to_owned(),
    };
    (project && !whole.contains(':')).then(|| ("PYTHONPATH".to_owned(), path))
}

/// Names the tree that a trial ran on: the candidate's base with the changes of the trial.
fn tried_tree(base: Digest, edits: &[(RelPath, Option<Vec<u8>>)]) -> Digest {
    if edits.is_empty() {
        return base;
    }
    let mut hasher = FieldHasher::new();
    hasher.field(b"rightseat trial 1").field(base.bytes());
    for (path, content) in edits {
        hasher.field(path.as_str().as_bytes());
        match content {
            Some(content) => hasher.field(Digest::of(content).bytes()),
            None => hasher.field(b""),
        };
    }
    hasher.finish()
}

/// The files that were asked for, as far as they exist, are regular and fit.
fn bring_back(root: &Path, paths: Vec<RelPath>) -> Vec<(RelPath, Vec<u8>)> {
    let Ok(inside) = Root::open(root) else { return Vec::new() };
    let mut room = limits::TRIAL_COLLECT_BYTES_MAX;
    let mut collected = Vec::new();
    for path in paths {
        if let Ok(Some(bytes)) = edit::read(&inside, Path::new(path.as_str()), room) {
            room = room.saturating_sub(bytes.len() as u64);
            collected.push((path, bytes));
        }
    }
    collected
}

impl port::Trials for OpenTrials {
    fn run(&mut self, trial: Trial) -> BoxFuture<'_, Result<TrialOutput, WorkspaceError>> {
        Box::pin(self.run_one(trial))
    }
}
