//! The adapter: owns the agent's process, its streams, the timers and the candidate, and executes what the pure client
//! wants. Nothing is decided here.

use super::client::{Client, Effect, Input, Setup, Timer};
use super::endpoints;
use super::lines::{InputLine, LineContent, Lines, parse};
use super::outbox::Outbox;
use super::place::{Disk, Roots};
use super::preview::Expected;
use super::record::{From, Recorder};
use crate::agent::acp::limits::{
    ACP_END_GRACE_MS, ACP_FILE_BYTES_MAX, ACP_LAST_WORDS_LINES, ACP_LINES_PER_TURN_OF_LOOP, ACP_NOTE_BYTES_MAX,
    ACP_STDIN_BYTES_MAX, ACP_STDIN_PAUSE_BYTES,
};
use crate::agent::catalog::AgentSpec;
use crate::base::RelPath;
use crate::model::event::{AgentNoted, Isolation};
use crate::port::{
    AGENT_CANDIDATE, Agent, AgentChild, AgentLayer, AgentLink, AgentSeat, AgentSpawn, AgentWays, Candidate,
    CandidateChanges, FromAgent, Progress, ToAgent, Workspace,
};
use futures::future::{BoxFuture, FutureExt};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The configuration of an external agent's run.
#[derive(Clone, Debug, Default)]
pub struct AcpConfig {
    pub spec: AgentSpec,
    /// Path of its program; without it, the first word of the command is used.
    pub program: Option<PathBuf>,
    /// `Copy` gives it a private candidate; `Gated` and `Watched` the workspace itself.
    pub isolation: Isolation,
    /// Works in a private copy, with a note, where nothing can run in a layer.
    pub may_copy: bool,
    /// Works in the workspace itself, with a note, instead of failing when no private candidate can be
    /// created.
    pub may_fall_back: bool,
    /// Write the raw protocol there.
    pub record: Option<PathBuf>,
    /// The agent's own id of the session to continue with (noted as `session` when it was opened).
    pub load: Option<String>,
}

/// An external agent that speaks the Agent Client Protocol.
pub struct AcpAgent {
    config: AcpConfig,
    seat: AgentSeat,
}

impl AcpAgent {
    pub fn new(config: AcpConfig, seat: AgentSeat) -> Self {
        Self { config, seat }
    }
}

impl Agent for AcpAgent {
    fn run(self: Box<Self>, link: AgentLink) -> BoxFuture<'static, ()> {
        async move {
            let to_host = link.to_host.clone();
            if let Err(why) = start_and_run(*self, link).await {
                // The host may have ended; then no report is needed.
                let _ = to_host.send(FromAgent::Lost { why, exit: None }).await;
            }
        }
        .boxed()
    }
}

async fn start_and_run(agent: AcpAgent, link: AgentLink) -> Result<(), String> {
    let AcpAgent { mut config, seat } = agent;
    let real = seat.workspace.root().to_path_buf();
    let candidate = candidate(&mut config, &seat, &link).await?;
    let is_layered = config.isolation == Isolation::Overlay;
    // In its layer the candidate is where the workspace is.
    let own = candidate.as_ref().filter(|_| !is_layered).map(|candidate| candidate.root().to_path_buf());
    let seen = own.unwrap_or_else(|| seat.root.clone());
    let recorder = match &config.record {
        Some(path) => Some(
            Recorder::create(path, seat.resume.is_some())
                .map_err(|e| format!("cannot record to {}: {e}", path.display()))?,
        ),
        None => None,
    };
    let spec = &config.spec;
    let mut spawn = spawn_of(&config, &seen);
    spawn.layer = candidate.as_ref().filter(|_| is_layered).map(|candidate| AgentLayer {
        candidate: candidate.root().to_path_buf(),
        is_layered: candidate.is_layered(),
        own: spec.own.iter().map(|path| PathBuf::from(at_home(path))).collect(),
        hosts: spec.hosts.clone(),
        endpoints: endpoints::of(&spawn, |name| std::env::var(name).ok()),
    });
    let mut child = seat.workspace.spawn_agent(spawn).await.map_err(|e| {
        let install = spec.install.as_ref().map(|line| format!("; install it with: {line}")).unwrap_or_default();
        format!("cannot start {}: {e}{install}", spec.shown_name())
    })?;
    let connects = match child.ways.take() {
        Some(AgentWays { about, asks }) => {
            let _ = link.to_host.send(FromAgent::Noted(AgentNoted::new("network", about))).await;
            Some(asks)
        }
        None => None,
    };
    let set = |name: &&String| std::env::var_os(name).is_some();
    let env_names: BTreeSet<String> =
        spec.env.keys().cloned().chain(spec.pass_env.iter().filter(set).cloned()).collect();
    let is_private = candidate.is_some();
    let disk = Files { workspace: Arc::clone(&seat.workspace), own: candidate.clone() };
    let setup = Setup {
        spec: spec.clone(),
        place: Roots::new(real, seen, Arc::new(disk)).private(is_private),
        isolation: config.isolation,
        resume: seat.resume.clone(),
        load: config.load.clone(),
        env_names,
    };
    Adapter { connects, ..Adapter::new(Client::new(setup), child, candidate, recorder) }.run(link).await;
    Ok(())
}

/// What the agent works in instead of the workspace. Where the isolation that was asked for cannot be had and need not be,
/// the next best one is taken, and the reason is told.
async fn candidate(
    config: &mut AcpConfig,
    seat: &AgentSeat,
    link: &AgentLink,
) -> Result<Option<Arc<dyn Candidate>>, String> {
    let note = async |text: String| {
        let _ = link.to_host.send(FromAgent::Noted(AgentNoted::new("copy", text))).await;
    };
    if let (Isolation::Overlay, true) = (config.isolation, config.may_copy)
        && let Some(why) = seat.workspace.no_layers().await
    {
        config.isolation = Isolation::Copy;
        note(format!("the agent works in a private copy, not in a layer: {why}")).await;
    }
    if config.isolation == Isolation::Overlay {
        match seat.workspace.candidate_in_layer(AGENT_CANDIDATE).await {
            Ok(made) => {
                if !made.notes().is_empty() {
                    note(made.notes().join("; ")).await;
                }
                return Ok(Some(Arc::from(made)));
            }
            Err(e) => note(format!("the agent has a private copy in its layer, not an overlay: {e}")).await,
        }
    }
    match config.isolation {
        Isolation::Copy | Isolation::Overlay => match seat.workspace.candidate(AGENT_CANDIDATE).await {
            Ok(made) => {
                if !made.notes().is_empty() {
                    note(made.notes().join("; ")).await;
                }
                Ok(Some(Arc::from(made)))
            }
            Err(e) if config.may_fall_back => {
                config.isolation = Isolation::Gated;
                let text = format!("cannot make a private copy ({e}); the agent works in the workspace itself");
                let alarm = FromAgent::Alarm { what: "isolation".into(), ticket: None, text };
                let _ = link.to_host.send(alarm).await;
                Ok(None)
            }
            Err(e) => Err(format!("cannot make a private copy: {e}")),
        },
        Isolation::Gated | Isolation::Watched => Ok(None),
    }
}

fn spawn_of(config: &AcpConfig, cwd: &Path) -> AgentSpawn {
    let mut argv = config.spec.command.clone();
    if let (Some(program), Some(first)) = (&config.program, argv.first_mut()) {
        *first = program.display().to_string();
    }
    let mut env: Vec<(String, String)> =
        config.spec.env.iter().map(|(name, value)| (name.clone(), at_home(value))).collect();
    let is_copy = matches!(config.isolation, Isolation::Copy | Isolation::Overlay);
    if let (true, Some(above)) = (is_copy, cwd.parent().and_then(Path::to_str)) {
        // A copy without a repository must not be taken for a part of one above it.
        env.push(("GIT_CEILING_DIRECTORIES".to_owned(), above.to_owned()));
    }
    AgentSpawn { argv, env, pass_env: config.spec.pass_env.clone(), cwd: cwd.to_path_buf(), layer: None }
}

/// `~/` at the beginning of a value is the user's home, as in a shell.
fn at_home(value: &str) -> String {
    match (value.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => format!("{home}/{rest}"),
        (Some(_) | None, _) => value.to_owned(),
    }
}

/// The workspace, and the candidate where the agent has one.
struct Files {
    workspace: Arc<dyn Workspace>,
    own: Option<Arc<dyn Candidate>>,
}

impl Disk for Files {
    fn read(&self, path: &RelPath) -> Result<Option<Vec<u8>>, String> {
        self.workspace.image(path).map(|image| image.map(|i| i.bytes)).map_err(|e| e.to_string())
    }

    fn read_own(&self, path: &RelPath) -> Result<Option<Vec<u8>>, String> {
        let Some(candidate) = &self.own else { return self.read(path) };
        candidate.read(path, ACP_FILE_BYTES_MAX as u64).map_err(|e| e.to_string())
    }

    fn read_plan(&self, path: &Path) -> Option<String> {
        self.workspace.plan_file(path)
    }

    fn locate(&self, path: &Path) -> Option<RelPath> {
        self.workspace.locate(path)
    }
}

/// Work on the candidate, one piece at a time.
enum Job {
    Look,
    Reset(Expected),
}

type Looked = Option<Result<CandidateChanges, String>>;

struct Adapter {
    client: Client,
    candidate: Option<Arc<dyn Candidate>>,
    recorder: Option<Recorder>,
    stdin: Box<dyn tokio::io::AsyncWrite + Send + Unpin>,
    /// Questions about its network, where that asks.
    connects: Option<mpsc::Receiver<Progress>>,
    lines: Lines<Box<dyn AsyncRead + Send + Unpin>>,
    errors: Lines<Box<dyn AsyncRead + Send + Unpin>>,
    exited: BoxFuture<'static, Option<i32>>,
    end: Option<Box<dyn FnOnce(Duration) -> BoxFuture<'static, ()> + Send>>,
    outbox: Outbox,
    pending: VecDeque<u8>,
    timers: BTreeMap<Timer, Instant>,
    jobs: VecDeque<Job>,
    job: Option<BoxFuture<'static, Looked>>,
    /// The present job restores files of the candidate.
    job_resets: bool,
    last_words: VecDeque<String>,
    errors_ended: bool,
    finished: bool,
}

/// The event that woke the loop.
enum Woken {
    Host(Option<ToAgent>),
    Sent,
    HostGone,
    Written(std::io::Result<usize>),
    Line(std::io::Result<Option<InputLine>>),
    Error(std::io::Result<Option<InputLine>>),
    Exited(Option<i32>),
    Looked(Looked),
    Asks(Option<Progress>),
    Time,
}

impl Adapter {
    fn new(
        client: Client,
        child: AgentChild,
        candidate: Option<Arc<dyn Candidate>>,
        recorder: Option<Recorder>,
    ) -> Self {
        Self {
            client,
            candidate,
            recorder,
            stdin: child.stdin,
            connects: None,
            lines: Lines::new(child.stdout),
            errors: Lines::new(child.stderr),
            exited: child.exited,
            end: Some(child.end),
            outbox: Outbox::default(),
            pending: VecDeque::new(),
            timers: BTreeMap::new(),
            jobs: VecDeque::new(),
            job: None,
            job_resets: false,
            last_words: VecDeque::new(),
            errors_ended: false,
            finished: false,
        }
    }

    async fn run(mut self, link: AgentLink) {
        let AgentLink { to_host, mut from_host } = link;
        self.put(Input::Start);
        while !self.finished {
            match self.wait(&to_host, &mut from_host).await {
                Woken::Host(Some(message)) => self.put(Input::Host(message)),
                Woken::Host(None) => self.put(Input::Host(ToAgent::Shutdown)),
                Woken::HostGone => break,
                Woken::Sent => {}
                Woken::Written(Ok(bytes)) => {
                    self.pending.drain(..bytes.min(self.pending.len()));
                }
                // Its end shows on stdout or as an exit too; what it still wrote is read first.
                Woken::Written(Err(_)) => self.pending.clear(),
                Woken::Line(Ok(Some(line))) => {
                    self.take_lines(line);
                    // A flood is always ready: without this the host, woken by what was sent, would not run.
                    tokio::task::yield_now().await;
                }
                Woken::Line(Ok(None)) => self.gone(None).await,
                Woken::Line(Err(e)) => self.gone(Some(format!("cannot read its output: {e}"))).await,
                Woken::Error(line) => self.take_error(line),
                Woken::Exited(code) => self.exited_with(code).await,
                Woken::Looked(looked) => self.job_done(looked),
                Woken::Asks(Some(Progress::Connects(connect))) => {
                    self.outbox.push(FromAgent::Connects(connect), Instant::now());
                }
                Woken::Asks(Some(Progress::Output { .. } | Progress::Processes(_))) => {}
                Woken::Asks(None) => self.connects = None,
                Woken::Time => self.time_passed(),
            }
        }
        self.close(&to_host).await;
    }

    async fn wait(&mut self, to_host: &mpsc::Sender<FromAgent>, from_host: &mut mpsc::Receiver<ToAgent>) -> Woken {
        let now = Instant::now();
        let ready = self.outbox.is_ready(now);
        let reads = !self.outbox.is_full() && self.pending.len() < ACP_STDIN_PAUSE_BYTES;
        let due = self.timers.values().min().copied();
        let due = match (due, self.outbox.due().filter(|_| !ready)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        // The agent's information about the candidate must be correct when it reads it.
        let puts_back = self.job_resets || self.jobs.iter().any(|job| matches!(job, Job::Reset(_)));
        let (first, _) = self.pending.as_slices();
        let (job, connects) = (&mut self.job, &mut self.connects);
        // In no fixed order: a flood from either side must not starve the other.
        tokio::select! {
            message = from_host.recv() => Woken::Host(message),
            permit = to_host.reserve(), if ready => match (permit, self.outbox.pop()) {
                (Ok(permit), Some(message)) => { permit.send(message); Woken::Sent }
                (Ok(_), None) => Woken::Sent,
                (Err(_), _) => Woken::HostGone,
            },
            written = self.stdin.write(first), if !first.is_empty() && !puts_back => Woken::Written(written),
            looked = async { match job { Some(job) => job.await, None => std::future::pending().await } } => Woken::Looked(looked),
            () = async { match due { Some(due) => tokio::time::sleep_until(due).await, None => std::future::pending().await } } => Woken::Time,
            asks = async { match connects { Some(asks) => asks.recv().await, None => std::future::pending().await } }, if reads => Woken::Asks(asks),
            line = self.lines.next(), if reads => Woken::Line(line),
            line = self.errors.next(), if reads && !self.errors_ended => Woken::Error(line),
            code = &mut self.exited => Woken::Exited(code),
        }
    }

    fn put(&mut self, input: Input) {
        for effect in self.client.on(input) {
            self.carry_out(effect);
        }
        self.start_job();
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Send(message) => {
                let line = message.to_string();
                self.record(From::Client, line.as_bytes());
                self.pending.extend(line.as_bytes());
                self.pending.push_back(b'\n');
                if self.pending.len() > ACP_STDIN_BYTES_MAX {
                    self.pending.clear();
                    self.put(Input::Gone { why: "it does not read its input".to_owned(), exit: None });
                }
            }
            Effect::Report(FromAgent::Lost { why, exit }) => {
                let why = self.with_last_words(why);
                self.outbox.push(FromAgent::Lost { why, exit }, Instant::now());
            }
            Effect::Report(message) => self.outbox.push(message, Instant::now()),
            Effect::Arm(timer, after) => {
                self.timers.insert(timer, Instant::now() + after);
            }
            Effect::Disarm(timer) => {
                self.timers.remove(&timer);
            }
            Effect::LookAtCandidate => {
                if self.candidate.is_some() && !self.jobs.iter().any(|job| matches!(job, Job::Look)) {
                    self.jobs.push_back(Job::Look);
                }
            }
            Effect::Reset(decided) => {
                if self.candidate.is_some() {
                    self.jobs.push_back(Job::Reset(decided));
                }
            }
            Effect::Finish => self.finished = true,
        }
    }

    fn start_job(&mut self) {
        if self.job.is_some() {
            return;
        }
        let (Some(candidate), Some(job)) = (self.candidate.clone(), self.jobs.pop_front()) else { return };
        self.job_resets = matches!(job, Job::Reset(_));
        self.job = Some(
            async move {
                match job {
                    Job::Look => Some(candidate.changes().await.map_err(|e| e.to_string())),
                    Job::Reset(decided) => {
                        for (path, state) in decided {
                            if let Err(e) = candidate.reset(path, state).await {
                                return Some(Err(e.to_string()));
                            }
                        }
                        candidate.refresh().await.err().map(|e| Err(e.to_string()))
                    }
                }
            }
            .boxed(),
        );
    }

    fn job_done(&mut self, looked: Looked) {
        (self.job, self.job_resets) = (None, false);
        match looked {
            Some(changes) => self.put(Input::Changes(changes)),
            None => self.start_job(),
        }
    }

    fn take_lines(&mut self, first: InputLine) {
        self.take_line(first);
        for _ in 0..ACP_LINES_PER_TURN_OF_LOOP {
            if self.outbox.is_full() || self.finished {
                return;
            }
            let Some(line) = self.lines.ready() else { return };
            self.take_line(line);
        }
    }

    fn take_line(&mut self, line: InputLine) {
        match line {
            InputLine::Whole(bytes) => {
                self.record(From::Agent, &bytes);
                match parse(&bytes) {
                    LineContent::Messages(messages) => messages.into_iter().for_each(|m| self.put(Input::Message(m))),
                    LineContent::Noise(text) => self.put(Input::Noise(text)),
                    LineContent::Blank => {}
                }
            }
            InputLine::TooLong { head, bytes, asks } => {
                self.record(From::Agent, &head);
                let head = String::from_utf8_lossy(&head).into_owned();
                self.put(Input::TooLong { head, bytes, asks });
            }
        }
    }

    fn take_error(&mut self, line: std::io::Result<Option<InputLine>>) {
        let (Ok(Some(InputLine::Whole(bytes))) | Ok(Some(InputLine::TooLong { head: bytes, .. }))) = line else {
            self.errors_ended = true;
            return;
        };
        self.record(From::Stderr, &bytes);
        let text = super::peek::bounded(String::from_utf8_lossy(&bytes).trim_end(), ACP_NOTE_BYTES_MAX);
        if self.last_words.len() >= ACP_LAST_WORDS_LINES {
            self.last_words.pop_front();
        }
        self.last_words.push_back(text.clone());
        self.put(Input::Stderr(text));
    }

    /// The process is gone; what it wrote before is read to its end, but not for long.
    async fn exited_with(&mut self, code: Option<i32>) {
        self.exited = std::future::pending().boxed();
        let rest = tokio::time::timeout(Duration::from_millis(ACP_END_GRACE_MS), async {
            while let Ok(Some(line)) = self.lines.next().await {
                self.take_line(line);
            }
            while let Ok(Some(line)) = self.errors.next().await {
                self.take_error(Ok(Some(line)));
            }
        });
        // A grandchild may hold the streams open; its words are not waited for.
        let _ = rest.await;
        let how = match code {
            Some(code) if code > 128 => format!("it was killed by signal {}", code - 128),
            Some(code) => format!("it exited with code {code}"),
            None => "it ended".to_owned(),
        };
        self.put(Input::Gone { why: how, exit: code });
    }

    /// Its stdout ended: usually it is exiting.
    async fn gone(&mut self, why: Option<String>) {
        let wait = Duration::from_millis(ACP_END_GRACE_MS);
        let exit = tokio::time::timeout(wait, &mut self.exited).await;
        match (why, exit) {
            (None, Ok(code)) => self.exited_with(code).await,
            (why, exit) => {
                let why = why.unwrap_or_else(|| "it closed its output".to_owned());
                self.put(Input::Gone { why, exit: exit.ok().flatten() });
            }
        }
    }

    fn with_last_words(&self, why: String) -> String {
        if self.last_words.is_empty() {
            return why;
        }
        let words: Vec<&str> = self.last_words.iter().map(String::as_str).collect();
        format!("{why}; its last output:\n{}", words.join("\n"))
    }

    fn time_passed(&mut self) {
        let now = Instant::now();
        let due: Vec<Timer> = self.timers.iter().filter(|(_, at)| **at <= now).map(|(timer, _)| *timer).collect();
        for timer in due {
            self.timers.remove(&timer);
            self.put(Input::Elapsed(timer));
        }
    }

    fn record(&mut self, from: From, line: &[u8]) {
        if let Some(recorder) = &mut self.recorder
            && let Err(e) = recorder.line(from, line)
        {
            tracing::warn!(%e, "the protocol is recorded no further");
            self.recorder = None;
        }
    }

    /// Last words to both sides, then the end of the process group.
    async fn close(mut self, to_host: &mpsc::Sender<FromAgent>) {
        let last = async {
            while let Some(message) = self.outbox.pop() {
                if to_host.send(message).await.is_err() {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(ACP_END_GRACE_MS), last).await;
        let bytes: Vec<u8> = self.pending.drain(..).collect();
        let write = async {
            self.stdin.write_all(&bytes).await?;
            self.stdin.shutdown().await
        };
        let _ = tokio::time::timeout(Duration::from_millis(ACP_END_GRACE_MS / 4), write).await;
        // An agent that ends with its input, or puts its session away first, is given time to do so.
        let _ = tokio::time::timeout(Duration::from_millis(ACP_END_GRACE_MS / 4), &mut self.exited).await;
        if let Some(end) = self.end.take() {
            end(Duration::from_millis(ACP_END_GRACE_MS)).await;
        }
    }
}
