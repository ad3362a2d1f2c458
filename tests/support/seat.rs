//! Drives the real binary headless: requests in, events out, waits with names and an end.

use rightseat::workspace::layer::available;
use rightseat::workspace::root::Root;
use rightseat::workspace::tree::Rules;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long anything may take before a test says that it never came. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(40);

/// A workspace and a state directory that go with the test.
pub struct Room {
    pub dir: tempfile::TempDir,
    state: Option<PathBuf>,
}

impl Room {
    /// A workspace with these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let room = Self { dir, state: None };
        std::fs::create_dir(room.workspace()).expect("a workspace");
        for (path, text) in files {
            room.write(path, text);
        }
        room
    }

    pub fn workspace(&self) -> PathBuf {
        self.dir.path().join("ws")
    }

    pub fn state(&self) -> PathBuf {
        self.state.clone().unwrap_or_else(|| self.dir.path().join("state"))
    }

    /// Sessions are kept there from now on.
    pub fn keep_state_in(&mut self, dir: PathBuf) {
        self.state = Some(dir);
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.workspace().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.workspace().join(path)).expect("the file")
    }

    pub fn exists(&self, path: &str) -> bool {
        self.workspace().join(path).exists()
    }

    /// Returns whether there are layers here, and says why not.
    #[allow(clippy::print_stdout, reason = "a test that is not run says so")]
    pub fn is_layered(&self) -> bool {
        let root = Root::open(&self.workspace()).expect("a workspace");
        let place = (&root, &Rules::read(root.path()));
        let no = available(env!("CARGO_BIN_EXE_rightseat").as_ref(), self.dir.path(), place, &[]).err();
        if let Some(no) = &no {
            println!("not run: {no}");
        }
        no.is_none()
    }

    /// Commands of this room's sessions run directly in the workspace.
    pub fn without_layers(self) -> Self {
        self.configure("[layer]\ncommands = \"never\"\n");
        self
    }

    /// Writes the user's configuration.
    pub fn configure(&self, text: &str) {
        let dir = self.dir.path().join("config/rightseat");
        std::fs::create_dir_all(&dir).expect("a directory");
        std::fs::write(dir.join("config.toml"), text).expect("a configuration");
    }

    /// A script file beside the workspace.
    pub fn script(&self, lines: &[Value]) -> String {
        self.script_as("play.jsonl", lines)
    }

    /// One of several.
    pub fn script_as(&self, name: &str, lines: &[Value]) -> String {
        let path = self.dir.path().join(name);
        let text: String = lines.iter().map(|l| format!("{l}\n")).collect();
        std::fs::write(&path, text).expect("a script");
        format!("script:{}", path.display())
    }

    /// A command of the binary in this room.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rightseat"));
        command.args(args).current_dir(self.workspace());
        command.env("RIGHTSEAT_STATE_DIR", self.state()).env("XDG_CONFIG_HOME", self.dir.path().join("config"));
        command.env_remove("NO_COLOR");
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.command(args).stdin(Stdio::null()).output().expect("the binary runs");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }
}

/// One headless session.
pub struct Seat {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Value>,
    /// Every envelope so far.
    pub events: Vec<Value>,
    answers: Vec<Value>,
    notes: Vec<Value>,
    looked: usize,
    next_id: u64,
    pub client: String,
    pub session: String,
    /// How long anything may take.
    pub patience: Duration,
}

impl Seat {
    /// Starts `rightseat --headless ARGS` and attaches with control.
    pub fn start(room: &Room, args: &[&str]) -> Self {
        let all: Vec<&str> = ["--headless"].into_iter().chain(args.iter().copied()).collect();
        Self::start_by(room.command(&all))
    }

    /// Attaches over `attach --stdio`.
    pub fn attach(room: &Room, session: &str) -> Self {
        Self::start_by(room.command(&["attach", session, "--stdio"]))
    }

    /// Starts this command and attaches with control.
    pub fn start_by(command: Command) -> Self {
        let mut seat = Self::over(command);
        let attached = seat.ask("session/attach", json!({"protocol": {"min": 1, "max": 1}, "control": true}));
        seat.client = attached["client"].as_str().expect("a client name").to_owned();
        seat.session = attached["session"].as_str().expect("a session").to_owned();
        seat
    }

    /// Starts this command and asks nothing yet.
    pub fn over(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary runs");
        let stdout = child.stdout.take().expect("stdout");
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let value: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("not JSON ({e}): {line}"));
                if send.send(value).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take();
        Self {
            child,
            stdin,
            lines,
            events: Vec::new(),
            answers: Vec::new(),
            notes: Vec::new(),
            looked: 0,
            next_id: 0,
            client: String::new(),
            session: String::new(),
            patience: PATIENCE,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a line as it is.
    pub fn send_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        writeln!(stdin, "{line}").expect("the host reads");
    }

    /// Answers so far that nobody waited for.
    pub fn unasked(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.answers)
    }

    /// The parameters of the first notification of this method that is no event.
    pub fn told(&mut self, method: &str) -> Value {
        let end = Instant::now() + self.patience;
        loop {
            if let Some(note) = self.notes.iter().find(|n| n["method"] == method) {
                return note["params"].clone();
            }
            assert!(self.take(end), "never told {method}\n{}", self.story());
        }
    }

    /// Sends a request without waiting for its answer; gives its id.
    pub fn send(&mut self, method: &str, params: Value) -> u64 {
        self.next_id += 1;
        self.send_line(&json!({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params}).to_string());
        self.next_id
    }

    /// Asks and waits for the answer, which must not be an error.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.try_ask(method, params.clone());
        answer.unwrap_or_else(|e| panic!("{method} {params}: {e}"))
    }

    /// Asks and waits for the answer or the error.
    pub fn try_ask(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.send(method, params);
        let end = Instant::now() + self.patience;
        loop {
            if let Some(at) = self.answers.iter().position(|a| a["id"] == json!(id)) {
                let answer = self.answers.swap_remove(at);
                return match answer.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(answer["result"].clone()),
                };
            }
            assert!(self.take(end), "{method}: no answer came\n{}", self.story());
        }
    }

    /// Takes one line; false when none came in time or the stream has ended.
    fn take(&mut self, end: Instant) -> bool {
        match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                match line.get("params").and_then(|p| p.get("envelope")) {
                    Some(envelope) => self.events.push(envelope.clone()),
                    None if line.get("id").is_some() => self.answers.push(line),
                    None if line["method"] != "session/head" => self.notes.push(line),
                    None => {}
                }
                true
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }

    /// The next event for which this holds, from where the last wait ended.
    pub fn wait(&mut self, name: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + self.patience;
        loop {
            while self.looked < self.events.len() {
                self.looked += 1;
                if is_it(&self.events[self.looked - 1]) {
                    return self.events[self.looked - 1].clone();
                }
            }
            assert!(self.take(end), "never saw {name}\n{}", self.story());
        }
    }

    /// The first event of all for which this holds, also before the last wait.
    pub fn ever(&mut self, name: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + self.patience;
        loop {
            if let Some(event) = self.events.iter().find(|e| is_it(e)) {
                return event.clone();
            }
            assert!(self.take(end), "never saw {name}\n{}", self.story());
        }
    }

    pub fn wait_kind(&mut self, kind: &str) -> Value {
        self.wait(kind, |e| e["kind"] == kind)
    }

    /// The next action that is held.
    pub fn held(&mut self) -> Value {
        self.wait_kind("held")
    }

    /// Decides on what was held.
    pub fn decide(&mut self, held: &Value, verdict: &str, more: Value) -> Result<Value, Value> {
        let mut params = json!({"action": held["action"], "digest": held["digest"], "verdict": verdict});
        for (key, value) in more.as_object().into_iter().flatten() {
            params[key] = value.clone();
        }
        self.try_ask("action/decide", params)
    }

    pub fn approve(&mut self, held: &Value) -> Value {
        self.decide(held, "approve", json!({})).unwrap_or_else(|e| panic!("approve {held}: {e}"))
    }

    pub fn finished(&mut self, action: &Value) -> Value {
        self.wait(&format!("the end of {action}"), |e| e["kind"] == "finished" && e["action"] == *action)
    }

    /// The proposal of an action, newest revision.
    pub fn proposal(&self, action: &Value) -> Value {
        let mine = |e: &&Value| e["kind"] == "proposed" && e["action"]["id"] == *action;
        self.events.iter().rev().find(mine).expect("it was proposed")["action"].clone()
    }

    pub fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|e| e["kind"] == kind).count()
    }

    /// Closes stdin and waits for the exit code; takes what still comes.
    pub fn close(mut self) -> (i32, Vec<Value>) {
        self.stdin = None;
        let end = Instant::now() + self.patience;
        while self.take(end) {}
        let status = self.child.wait().expect("it was started");
        (status.code().unwrap_or(-1), std::mem::take(&mut self.events))
    }

    /// kill -9, as the kernel or an impatient human does it.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was started");
    }

    /// What happened so far, for a failed wait.
    fn story(&self) -> String {
        self.events.iter().map(|e| format!("{e}\n")).collect()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The journal of a session verifies.
pub fn assert_verifies(room: &Room, session: &str) {
    let (code, out, err) = room.run(&["verify", session]);
    assert_eq!(code, 0, "{out}{err}");
}

/// The only session in a room.
pub fn only_session(room: &Room) -> String {
    let names: Vec<_> = std::fs::read_dir(room.state().join("sessions")).expect("sessions").flatten().collect();
    assert_eq!(names.len(), 1);
    names[0].file_name().to_string_lossy().into_owned()
}

/// Waits until something outside the session is so.
pub fn until(name: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "never: {name}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
