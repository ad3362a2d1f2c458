//! A session with the fake agent in it, seen from the right-hand seat: wait for named things, decide, look at the disk and
//! at what the agent heard.

use crate::fake_agent;
use crate::holder::{HELD, Holder};
use rightseat::agent::acp::{AcpAgent, AcpConfig};
use rightseat::agent::catalog::AgentSpec;
use rightseat::base::{Digest, Seq, SessionId, UnixMs};
use rightseat::host::{AgentMaker, Host, Judge, Setup};
use rightseat::journal::{Journal, Reader};
use rightseat::model::Action;
use rightseat::model::action::Kind;
use rightseat::model::decide::Ruling;
use rightseat::model::event::{AgentBadge, Isolation, Mode, RulingWord};
use rightseat::policy::{Class, Judged, Reach};
use rightseat::port::{Agent, AgentSeat, Clock};
use rightseat::workspace::launch::Containment;
use rightseat::workspace::{LiveWorkspace, Settings};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};

/// Longest wait for anything that must come.
const WAIT_S_MAX: u64 = 30;

/// Reads are allowed, everything else asks; commands that begin with `deny-me` are denied by a rule.
struct AskAll;

impl Judge for AskAll {
    fn judged(&self, action: &Action) -> Judged {
        let denied = action.command().is_some_and(|c| c.line().starts_with("deny-me"));
        let ruling = match action.kind() {
            Kind::Read => Ruling { word: RulingWord::Allow, ..Ruling::ask("read-inside", "reads are allowed") },
            _ if denied => Ruling { word: RulingWord::Deny, ..Ruling::ask("no-deny-me", "this must not run") },
            _ => Ruling::ask("ask", "everything is asked"),
        };
        Judged::new(ruling, Class::Unknown)
    }

    fn reach(&self, _: &rightseat::model::Command) -> Option<Reach> {
        None
    }

    fn tightened(&self, _: &str) -> Result<Arc<dyn Judge>, String> {
        Err("these rules are all there are".to_owned())
    }

    fn digest(&self) -> Digest {
        Digest::of(b"ask all")
    }
}

struct Wall;

impl Clock for Wall {
    fn now(&self) -> UnixMs {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        UnixMs(u64::try_from(since.as_millis()).unwrap())
    }
}

/// With where the agent works in mode `plan`, if that is another place.
struct Maker(AcpConfig, Option<Isolation>);

impl AgentMaker for Maker {
    fn make(&self, seat: AgentSeat) -> Result<Box<dyn Agent>, String> {
        // The agent's own session of a former process goes before the one that the scene begins with.
        let load = seat.agent_session.clone().or(self.0.load.clone());
        let isolation = self.isolation(seat.mode);
        Ok(Box::new(AcpAgent::new(AcpConfig { load, isolation, ..self.0.clone() }, seat)))
    }

    fn badge(&self) -> AgentBadge {
        AgentBadge { name: "fake".into(), level: "L?".into(), isolation: self.0.isolation }
    }

    fn isolation(&self, mode: Mode) -> Isolation {
        self.1.filter(|_| mode == Mode::Plan).unwrap_or(self.0.isolation)
    }

    fn starts_itself(&self) -> bool {
        false
    }

    fn is_embedded(&self) -> bool {
        false
    }
}

/// What a session is started with.
#[derive(Default)]
pub struct Scene {
    pub script: Value,
    /// `(path, content)` of the workspace.
    pub files: Vec<(&'static str, &'static str)>,
    /// Further lines of the agent's entry, as in `agents.toml`.
    pub spec: &'static str,
    pub isolation: Isolation,
    /// `guarded` without.
    pub mode: Option<Mode>,
    /// In mode `plan`, where it is another one.
    pub isolation_of_plan: Option<Isolation>,
    pub load: Option<String>,
    pub goal: Option<&'static str>,
    /// The agent's program is nowhere.
    pub missing: bool,
    pub unattended_freeze: Option<Duration>,
    pub idle_exit: Option<Duration>,
    /// The stop is drilled, by a launcher that is this script first; it finds the fifos `pid` and `held` in `$DIR`.
    pub drilled_by: Option<&'static str>,
}

/// See the module.
pub struct Session {
    pub dir: tempfile::TempDir,
    pub events: Vec<Value>,
    host: Host,
    to_host: WriteHalf<DuplexStream>,
    from_host: Lines<BufReader<ReadHalf<DuplexStream>>>,
    next_id: u64,
    /// Events before this one were waited for already.
    seen: usize,
    /// Holds the output of its drills where its launcher waits for that.
    _holder: Option<Holder>,
}

impl Scene {
    pub fn of(turns: Value) -> Self {
        Self { script: json!({"turns": turns}), isolation: Isolation::Gated, goal: Some("go"), ..Self::default() }
    }

    pub fn with(mut self, files: &[(&'static str, &'static str)]) -> Self {
        self.files = files.to_vec();
        self
    }

    pub fn spec(mut self, spec: &'static str) -> Self {
        self.spec = spec;
        self
    }

    pub async fn start(self) -> Session {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("work");
        std::fs::create_dir(&root).unwrap();
        for (path, content) in &self.files {
            let full = root.join(path);
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(full, content).unwrap();
        }
        let holder = self.drilled_by.filter(|before| *before == HELD).map(|_| Holder::start(dir.path()));
        let script = dir.path().join("script.json");
        std::fs::write(&script, self.script.to_string()).unwrap();
        let session = SessionId::new(format!("t-{}", dir.path().file_name().unwrap().to_string_lossy()));
        let workspace = LiveWorkspace::open(Settings {
            root,
            state: dir.path().join("state"),
            launcher: self.launcher(dir.path()),
            session: session.clone(),
            containment: Containment::Subreaper,
        })
        .unwrap()
        .drilling(self.drilled_by.is_some());
        let journal_path = dir.path().join("journal.db");
        let setup = Setup {
            journal: Journal::create(&journal_path, &session).unwrap(),
            journal_path,
            session,
            workspace: Arc::new(workspace),
            agent: Arc::new(Maker(self.config(dir.path(), &script), self.isolation_of_plan)),
            agents: Arc::new(crate::alone::Alone),
            judge: Arc::new(AskAll),
            clock: Arc::new(Wall),
            checks: None,
            mode: self.mode.unwrap_or(Mode::Guarded),
            goal: self.goal.map(str::to_owned),
            plan: None,
            warnings: Vec::new(),
            neighbors: Arc::new(crate::alone::Alone),
            unattended_freeze: self.unattended_freeze,
            idle_exit: self.idle_exit,
            is_detached: false,
        };
        let (host, _ending) = Host::start(setup).await.unwrap();
        let (from_host, to_host) = link(&host);
        let mut session =
            Session { dir, events: Vec::new(), host, to_host, from_host, next_id: 0, seen: 0, _holder: holder };
        session.call("session/attach", json!({"protocol": {"min": 1, "max": 1}})).await.unwrap();
        session
    }

    fn launcher(&self, dir: &Path) -> PathBuf {
        let real = env!("CARGO_BIN_EXE_rightseat");
        let Some(before) = self.drilled_by else { return real.into() };
        let launcher = dir.join("launcher");
        let text = format!(
            "#!/bin/sh\nDIR={}\ncase $RIGHTSEAT_SESSION in *-drill-*) {before};; esac\nexec {real} \"$@\"\n",
            dir.display()
        );
        std::fs::write(&launcher, text).unwrap();
        std::fs::set_permissions(&launcher, std::fs::Permissions::from_mode(0o755)).unwrap();
        launcher
    }

    fn config(&self, dir: &Path, script: &Path) -> AcpConfig {
        let exe = std::env::current_exe().unwrap();
        let mut spec: AgentSpec = toml::from_str(&format!("name = \"fake\"\ncommand = []\n{}", self.spec)).unwrap();
        spec.command = [exe.to_str().unwrap(), "plays_the_fake_agent_when_told", "--exact", "--nocapture", "--quiet"]
            .map(str::to_owned)
            .to_vec();
        if self.missing {
            spec.command = vec!["no-such-agent-anywhere".into()];
        }
        spec.env.insert(fake_agent::SCRIPT.into(), script.display().to_string());
        spec.env.insert(fake_agent::LOG.into(), dir.join("heard.jsonl").display().to_string());
        AcpConfig {
            spec,
            program: None,
            isolation: self.isolation,
            may_copy: false,
            may_fall_back: false,
            record: Some(dir.join("record.jsonl")),
            load: self.load.clone(),
        }
    }
}

/// A client's connection.
fn link(host: &Host) -> (Lines<BufReader<ReadHalf<DuplexStream>>>, WriteHalf<DuplexStream>) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let (read, write) = tokio::io::split(theirs);
    let serving = host.clone();
    tokio::spawn(async move { serving.connect(read, write, false).await });
    let (read, to_host) = tokio::io::split(ours);
    (BufReader::new(read).lines(), to_host)
}

impl Session {
    /// The client leaves, and another one comes when the record has an event of this kind.
    pub async fn comes_back_after(&mut self, kind: &str) {
        // The old link goes with its streams, which these replace.
        let (read, write) = tokio::io::split(tokio::io::duplex(1).0);
        (self.from_host, self.to_host) = (BufReader::new(read).lines(), write);
        let mut head = self.host.follow();
        let journal = Reader::open(&self.dir.path().join("journal.db")).unwrap();
        while !journal.iter(Seq(1)).any(|record| record.unwrap().kind == kind) {
            tokio::time::timeout(Duration::from_secs(WAIT_S_MAX), head.changed()).await.expect(kind).unwrap();
        }
        (self.from_host, self.to_host) = link(&self.host);
        self.events.clear();
        self.seen = 0;
        self.call("session/attach", json!({"protocol": {"min": 1, "max": 1}, "from": 1})).await.unwrap();
    }

    /// The client leaves, and the host exits.
    pub async fn leaves_until_the_host_exits(&mut self) {
        let (read, write) = tokio::io::split(tokio::io::duplex(1).0);
        (self.from_host, self.to_host) = (BufReader::new(read).lines(), write);
        let mut head = self.host.follow();
        let exits = head.wait_for(|published| published.closing);
        tokio::time::timeout(Duration::from_secs(WAIT_S_MAX), exits).await.expect("the host exits").unwrap();
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// What the agent plays when it is started again.
    pub fn plays_next(&self, script: &Value) {
        std::fs::write(self.dir.path().join("script.json"), script.to_string()).unwrap();
    }

    pub fn file(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.root().join(path)).ok()
    }

    /// Every message the agent has heard so far.
    pub fn heard(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.dir.path().join("heard.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The texts of every prompt the agent has got.
    pub fn prompts(&self) -> Vec<String> {
        let of = |m: &Value| -> String {
            m["params"]["prompt"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|b| b["text"].as_str())
                .collect::<Vec<_>>()
                .join("\n")
        };
        self.heard().iter().filter(|m| m["method"] == "session/prompt").map(of).collect()
    }

    /// The answers the agent has got to its own requests.
    pub fn answers(&self) -> Vec<Value> {
        self.heard()
            .into_iter()
            .filter(|m| m["method"].is_null() && m["id"].as_u64() != Some(0) || m["id"].is_string())
            .collect()
    }

    /// Waits until the agent has got an answer to its request of this id.
    pub async fn answered(&self, id: &str) {
        let since = std::time::Instant::now();
        while !self.answers().iter().any(|answer| answer["id"] == id) {
            assert!(
                since.elapsed().as_secs() < WAIT_S_MAX,
                "{id} was never answered; the events so far:\n{}",
                self.told()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn read(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(WAIT_S_MAX), self.from_host.next_line()).await;
        let line = match line {
            Ok(line) => line.unwrap().expect("the host serves on"),
            Err(_) => panic!("nothing more came; the events so far:\n{}", self.told()),
        };
        let message: Value = serde_json::from_str(&line).unwrap();
        if message["method"] == "session/event" {
            self.events.push(message["params"]["envelope"].clone());
        }
        message
    }

    fn told(&self) -> String {
        self.events.iter().map(|e| format!("{e}\n")).collect()
    }

    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.next_id += 1;
        let id = self.next_id;
        let line = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string() + "\n";
        self.to_host.write_all(line.as_bytes()).await.unwrap();
        loop {
            let message = self.read().await;
            if message["id"] == json!(id) {
                return if message["error"].is_null() {
                    Ok(message["result"].clone())
                } else {
                    Err(message["error"].clone())
                };
            }
        }
    }

    /// The next event that fits, after the one that was waited for last.
    pub async fn wait(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let since = std::time::Instant::now();
        loop {
            while let Some(event) = self.events.get(self.seen) {
                self.seen += 1;
                if fits(event) {
                    return event.clone();
                }
            }
            assert!(since.elapsed().as_secs() < WAIT_S_MAX, "{what} never came; the events so far:\n{}", self.told());
            self.read().await;
        }
    }

    pub async fn wait_kind(&mut self, kind: &str) -> Value {
        self.wait(kind, |e| e["kind"] == kind).await
    }

    /// The next action that waits for its decision, with the proposal.
    pub async fn held(&mut self) -> Held {
        let held = self.wait_kind("held").await;
        let action = self
            .events
            .iter()
            .rev()
            .find(|e| e["kind"] == "proposed" && e["action"]["id"] == held["action"])
            .map(|e| e["action"].clone())
            .unwrap();
        Held { action, digest: held["digest"].clone() }
    }

    pub async fn decide(&mut self, held: &Held, verdict: &str, more: Value) {
        let mut params = json!({"action": held.action["id"], "digest": held.digest, "verdict": verdict});
        for (key, value) in more.as_object().into_iter().flatten() {
            params[key] = value.clone();
        }
        self.call("action/decide", params).await.unwrap();
    }

    pub async fn approve(&mut self, held: &Held) {
        self.decide(held, "approve", json!({})).await;
    }

    /// Approves with this content for the only file.
    pub async fn approve_as(&mut self, held: &Held, path: &str, after: &str) {
        let edited = json!({"edited": {"files": [{"path": path, "after": after}]}});
        self.decide(held, "approve_edited", edited).await;
    }

    pub async fn prompt(&mut self, text: &str) {
        self.call("session/prompt", json!({"text": text, "when": "queue"})).await.unwrap();
    }

    pub async fn turn_ends(&mut self) -> Value {
        self.wait_kind("turn_ended").await
    }

    pub async fn alarm(&mut self, what: &str) -> Value {
        self.wait(&format!("an alarm {what}"), |e| e["kind"] == "alarm" && e["what"] == what).await
    }

    pub fn alarms(&self, what: &str) -> Vec<String> {
        self.events
            .iter()
            .filter(|e| e["kind"] == "alarm" && e["what"] == what)
            .map(|e| e["text"].as_str().unwrap().to_owned())
            .collect()
    }

    pub fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|e| e["kind"] == kind).count()
    }

    /// Closes the session and gives what the agent heard until this.
    pub async fn close_and_hear(mut self, last: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.host.close("the test is over").await;
        let _ = self.to_host.shutdown().await;
        let since = std::time::Instant::now();
        while !self.heard().iter().any(&last) {
            assert!(since.elapsed().as_secs() < WAIT_S_MAX, "never heard: {:?}", self.heard());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.heard()
    }

    /// Closes the session and gives what the agent heard until its end.
    pub async fn close(mut self) -> Vec<Value> {
        self.host.close("the test is over").await;
        let _ = self.to_host.shutdown().await;
        self.heard()
    }
}

/// An action that waits.
pub struct Held {
    pub action: Value,
    pub digest: Value,
}

impl Held {
    pub fn file(&self) -> &Value {
        &self.action["files"][0]
    }
}

/// An edit call with a diff.
pub fn edit_call(id: &str, path: &str, old: Option<&str>, new: &str) -> Value {
    json!({"toolCallId": id, "title": format!("Edit {path}"), "kind": "edit", "status": "pending",
        "content": [{"type": "diff", "path": format!("$CWD/{path}"), "oldText": old, "newText": new}]})
}

/// The update that ends a call.
pub fn done(id: &str) -> Value {
    json!({"update": {"sessionUpdate": "tool_call_update", "toolCallId": id, "status": "completed"}})
}
