//! Starting commands under the launcher, and following them to their end.

mod drive;
mod output;
mod program;

pub use drive::{Ended, Sink, drive};
pub use output::{HeadTail, Tail};
pub use program::{environment, find_program, is_outside, missing, prepare, program_of};

use super::census::{MARKER, Scope, Tracker, launched};
use super::egress;
use super::launch::{self, Containment};
use super::layer::Plan;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The process to start. Nothing of the host's environment is inherited beyond `environment`.
#[derive(Debug, Clone)]
pub struct Spec {
    pub argv: Vec<OsString>,
    /// Absolute.
    pub cwd: PathBuf,
    pub environment: Vec<(OsString, OsString)>,
    /// A pipe for standard input instead of nothing.
    pub piped_stdin: bool,
    /// Both outputs through one pipe, as standard output: their order is kept, which readers of test output need.
    pub merged: bool,
}

/// Starts commands for one session.
#[derive(Debug, Clone)]
pub struct Spawner {
    /// The rightseat binary, which is also the launcher.
    launcher: PathBuf,
    containment: Containment,
    tracker: Tracker,
    /// Names of variables passed on beside the built-in short list, by the user's configuration.
    passed: Vec<String>,
    /// The keys that no command has.
    broker: Arc<egress::Broker>,
    layer: Option<Arc<Plan>>,
}

/// A command that runs. Dropping it ends its whole tree.
#[derive(Debug)]
pub struct Running {
    /// The launcher's process id.
    pub pid: i32,
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
    /// Of a layer with a proxy: where its listener arrives.
    door: Option<egress::Door>,
    exit: watch::Receiver<Option<ExitStatus>>,
    tracker: Tracker,
    stop: CancellationToken,
}

impl Spawner {
    /// `launcher` is the path of the rightseat binary.
    pub fn new(launcher: PathBuf, containment: Containment, tracker: Tracker) -> Self {
        // Through the kernel's link it stays this very binary when the file is replaced meanwhile.
        let same = std::env::current_exe().is_ok_and(|own| own == launcher);
        let launcher = if same { PathBuf::from("/proc/self/exe") } else { launcher };
        Self { launcher, containment, tracker, passed: Vec::new(), broker: Arc::default(), layer: None }
    }

    /// Passes on these variables as well.
    pub fn passing(mut self, names: Vec<String>) -> Self {
        self.passed = names;
        self
    }

    /// The same for another session in the same process, with a census of its own.
    pub fn of_session(mut self, session: &str) -> Self {
        self.tracker = Tracker::new(session);
        self
    }

    /// Lets commands in a layer with a proxy use these keys, and no command have them.
    pub fn brokering(mut self, broker: egress::Broker) -> Self {
        self.broker = Arc::new(broker);
        self
    }

    pub fn broker(&self) -> &Arc<egress::Broker> {
        &self.broker
    }

    /// The census of this spawner's session.
    pub fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// The same for commands in a layer. Where it cannot be entered, the launcher says so on standard error, with exit
    /// code 125, and the command is not started.
    pub fn within(mut self, layer: Plan) -> Self {
        self.layer = Some(Arc::new(layer));
        self
    }

    /// The rightseat binary.
    pub fn launcher(&self) -> &Path {
        &self.launcher
    }

    /// Starts a command. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the launcher cannot be started. A program that does not exist is reported by the
    /// launcher on standard error, with exit code 127; see [`find_program`].
    pub fn spawn(&self, spec: &Spec) -> io::Result<Running> {
        let line = match &self.layer {
            Some(plan) => launch::arguments_within(std::process::id(), plan, &spec.argv).map_err(io::Error::other)?,
            None => launch::arguments(std::process::id(), self.containment, &spec.argv),
        };
        let passed = self.passed.iter().filter(|name| !self.broker.keeps(name));
        let mut command = Command::new(&self.launcher);
        command
            .arg0("rightseat")
            .args(line)
            .current_dir(&spec.cwd)
            .env_clear()
            .envs(passed.filter_map(|name| Some((name, std::env::var_os(name)?))))
            .envs(spec.environment.iter().map(|(name, value)| (name, value)))
            .env(MARKER, self.tracker.session())
            .stdin(if spec.piped_stdin { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (mut door, mut input) = (None, None);
        if let Some(plan) = self.layer.as_ref().filter(|plan| plan.proxied) {
            let (own, other) = egress::pair()?;
            command.stdin(other).envs(egress::environment());
            if plan.keeps_input {
                input = Some(own.input()?);
            } else {
                command.envs(self.broker.environment());
            }
            door = Some(own);
        }
        let mut shared = None;
        if spec.merged {
            let (reader, writer) = io::pipe()?;
            command.stdout(writer.try_clone()?).stderr(writer);
            shared = Some(ChildStdout::from_std(OwnedFd::from(reader).into())?);
        }
        let mut noted = launched();
        let mut child = command.spawn()?;
        // It holds the writing ends of a shared pipe, which would never come to its end.
        drop(command);
        let pid = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .ok_or_else(|| io::Error::other("the launcher has no process id"))?;
        noted.add(pid, self.tracker.session());
        drop(noted);
        let (stdin, stdout, stderr) =
            (child.stdin.take().or(input), child.stdout.take().or(shared), child.stderr.take());
        let (tell, exit) = watch::channel(None);
        let tracker = self.tracker.clone();
        tokio::spawn(async move {
            let status = child.wait().await.unwrap_or_default();
            launched().remove(pid);
            if status.signal().is_some() {
                // Perhaps it was the launcher that somebody killed: then its tree has come to us.
                let _ = tokio::task::spawn_blocking(move || tracker.stop(Scope::Launch(pid))).await;
            }
            // Nobody may be interested any more.
            let _ = tell.send(Some(status));
        });
        let (tracker, stop) = (self.tracker.clone(), CancellationToken::new());
        Ok(Running { pid, stdin, stdout, stderr, door, exit, tracker, stop })
    }
}

impl Running {
    /// Waits for the end of the command and of everything it started.
    pub async fn exited(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = *self.exit.borrow_and_update() {
                return status;
            }
            if self.exit.changed().await.is_err() {
                // The waiting task is gone with its runtime.
                return ExitStatus::default();
            }
        }
    }

    /// Ends early once `stop` is canceled, when it is followed by [`drive`].
    pub fn until(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    /// A handle that waits independently of this one.
    pub fn exit_watch(&self) -> watch::Receiver<Option<ExitStatus>> {
        self.exit.clone()
    }

    /// Ends the whole tree and waits until a census finds nothing of it.
    pub async fn end(&self) -> crate::model::event::Census {
        let (tracker, scope) = (self.tracker.clone(), Scope::Launch(self.pid));
        tokio::task::spawn_blocking(move || tracker.stop(scope)).await.unwrap_or_default()
    }

    /// Where the listener of its layer arrives, once.
    pub fn take_door(&mut self) -> Option<egress::Door> {
        self.door.take()
    }

    /// Returns its process tree.
    pub fn tree(&self) -> (Tracker, Scope) {
        (self.tracker.clone(), Scope::Launch(self.pid))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.exit.borrow().is_some() {
            return;
        }
        let (tracker, scope) = (self.tracker.clone(), Scope::Launch(self.pid));
        // A drop cannot wait; the thread ends within the bound of a stop.
        std::thread::spawn(move || tracker.stop(scope));
    }
}

/// Exit code for people and records: 128 + signal when a signal ended it.
pub fn exit_code(status: ExitStatus) -> Option<i32> {
    status.code().or_else(|| status.signal().map(|signal| signal.saturating_add(128)))
}
