//! A fake agent for the Agent Client Protocol that plays a JSON script: every quirk and every lie that real or hostile
//! agents can come up with. It speaks over its stdin and stdout and writes all it hears to a log.
//!
//! Script: `{"init": {…}, "init_delay_ms": n, "session": {…}, "errors": {METHOD: {…}}, "die_at": METHOD, "silent_at": METHOD,
//! "sessions": […], "turns": [[STEP, …], …]}`. `init` and `session` are merged into the answers; turn n plays at prompt n,
//! the last one for all further ones. Steps:
//!
//! | step | does |
//! |---|---|
//! | `{"say": T}` · `{"think": T}` · `{"update": U}` | a `session/update` |
//! | `{"raw": T}` · `{"hex": H}` | a line as it is |
//! | `{"notify": METHOD, "params": P}` | any notification |
//! | `{"ask": METHOD, "params": P, "id": I?, "no_wait": true?}` | a request; waits for its answer |
//! | `{"until": METHOD, "params": P, "contains": T}` | asks again and again until an answer contains the text |
//! | `{"permission": CALL, "options": […]?, "then": […], "else": […]}` | asks permission and goes on by the answer |
//! | `{"write": P, "content": C}` · `{"delete": P}` | does it itself, unasked; directories are made |
//! | `{"chmod": P, "bits": "0755"}` · `{"sparse": P, "bytes": n}` · `{"link": P, "to": T}` · `{"pipe": P}` | likewise |
//! | `{"fs_write": P, "content": C}` · `{"fs_read": P}` · `{"run": C, "args": […]}` | through the client |
//! | `{"repeat": n, "steps": […]}` · `{"long_line": n, "end": T?}` | floods |
//! | `{"answers": n}` | waits until so many answers have come in all |
//! | `{"sleep_ms": n}` · `{"await_cancel": true}` · `{"hang": true}` | waits |
//! | `{"stop": R}` · `{"fail": E}` · `{"silent": true}` | how the prompt is answered; `end_turn` without |
//! | `{"die": CODE}` · `{"stderr": T}` | as it says |

#![allow(dead_code, reason = "compiled into the test binary and as an example")]

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead, Write};
use std::sync::mpsc;
use std::time::Duration;

/// Set to the script's path, this process is the fake agent.
pub const SCRIPT: &str = "FAKE_AGENT_SCRIPT";
/// Where all it hears is written, one JSON message a line.
pub const LOG: &str = "FAKE_AGENT_LOG";

/// Plays until stdin ends.
pub fn play() {
    let path = std::env::var(SCRIPT).expect("FAKE_AGENT_SCRIPT names the script");
    let text = std::fs::read_to_string(&path).expect("the script can be read");
    let script: Value = serde_json::from_str(&text).expect("the script is JSON");
    let log = std::env::var(LOG)
        .ok()
        .map(|path| std::fs::OpenOptions::new().create(true).append(true).open(path).expect("the log can be written"));
    let (heard, inbox) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if let Ok(value) = serde_json::from_str::<Value>(&line)
                && heard.send(value).is_err()
            {
                break;
            }
        }
    });
    Fake {
        script,
        log,
        inbox,
        kept: VecDeque::new(),
        next_id: 100,
        turn: 0,
        session: "fake-1".into(),
        cancelled: false,
        answers: 0,
    }
    .serve();
}

struct Fake {
    script: Value,
    log: Option<std::fs::File>,
    inbox: mpsc::Receiver<Value>,
    kept: VecDeque<Value>,
    next_id: u64,
    turn: usize,
    session: String,
    cancelled: bool,
    /// Answers so far.
    answers: u64,
}

/// What ended a list of steps early.
enum Flow {
    On,
    Answer(Value),
    Fail(Value),
    Silent,
}

impl Fake {
    fn serve(&mut self) {
        while let Some(message) = self.next() {
            let (Some(method), id) = (message["method"].as_str().map(str::to_owned), message["id"].clone()) else {
                continue;
            };
            if id.is_null() {
                self.cancelled |= method == "session/cancel";
                continue;
            }
            if self.script["die_at"] == method.as_str() {
                eprintln!("dying at {method}");
                std::process::exit(9);
            }
            if self.script["silent_at"] == method.as_str() {
                continue;
            }
            let error = self.script["errors"][&method].clone();
            if !error.is_null() {
                self.error_once(&method);
                self.put(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
                continue;
            }
            let result = match method.as_str() {
                "initialize" => {
                    std::thread::sleep(Duration::from_millis(self.script["init_delay_ms"].as_u64().unwrap_or(0)));
                    if let Some(text) = self.script["init_raw"].as_str().map(str::to_owned) {
                        self.line(text.as_bytes());
                    }
                    let mut init = json!({"protocolVersion": 1, "agentCapabilities": {}, "agentInfo": {"name": "fake", "version": "1"}});
                    merge(&mut init, &self.script["init"]);
                    init
                }
                "session/new" => {
                    let mut session = json!({"sessionId": self.session});
                    merge(&mut session, &self.script["session"]);
                    session
                }
                "session/load" => {
                    self.session = message["params"]["sessionId"].as_str().unwrap_or("").to_owned();
                    self.update(
                        json!({"sessionUpdate": "user_message_chunk", "content": {"type": "text", "text": "old"}}),
                    );
                    self.update(json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "old answer"}}));
                    Value::Null
                }
                "session/fork" => {
                    self.session = "fork-1".to_owned();
                    json!({"sessionId": self.session})
                }
                "session/resume" => {
                    self.session = message["params"]["sessionId"].as_str().unwrap_or("").to_owned();
                    json!({})
                }
                "session/list" => json!({"sessions": self.script["sessions"].as_array().cloned().unwrap_or_default()}),
                "session/prompt" => {
                    self.prompt(&id);
                    continue;
                }
                "_session/steering" => json!({"outcome": self.script["steering"].as_str().unwrap_or("promptRequired")}),
                _ => json!({}),
            };
            self.put(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
        }
    }

    /// An error in the script is used once: a login after it succeeds.
    fn error_once(&mut self, method: &str) {
        if let Some(errors) = self.script["errors"].as_object_mut()
            && errors.get(method).is_some_and(|e| e["once"] == true)
        {
            errors.remove(method);
        }
    }

    fn prompt(&mut self, id: &Value) {
        self.cancelled = false;
        let turns = self.script["turns"].as_array().cloned().unwrap_or_default();
        let steps = turns.get(self.turn).or(turns.last()).cloned().unwrap_or(json!([]));
        self.turn += 1;
        let answer = match self.steps(&steps) {
            Flow::On => json!({"jsonrpc": "2.0", "id": id, "result": {"stopReason": "end_turn"}}),
            Flow::Answer(reason) => json!({"jsonrpc": "2.0", "id": id, "result": {"stopReason": reason}}),
            Flow::Fail(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}),
            Flow::Silent => return,
        };
        self.put(&answer);
    }

    fn steps(&mut self, steps: &Value) -> Flow {
        for step in steps.as_array().into_iter().flatten() {
            match self.step(step) {
                Flow::On => {}
                other => return other,
            }
        }
        Flow::On
    }

    fn step(&mut self, step: &Value) -> Flow {
        let text = |key: &str| step[key].as_str().map(|t| t.replace("$CWD", &cwd()));
        if let Some(text) = text("say") {
            self.update(json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}));
        } else if let Some(text) = text("think") {
            self.update(json!({"sessionUpdate": "agent_thought_chunk", "content": {"type": "text", "text": text}}));
        } else if !step["update"].is_null() {
            self.update(filled(&step["update"]));
        } else if let Some(line) = text("raw") {
            self.line(line.as_bytes());
        } else if let Some(hex) = text("hex") {
            let bytes: Vec<u8> =
                (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
            self.line(&bytes);
        } else if let Some(method) = text("notify") {
            self.put(&json!({"jsonrpc": "2.0", "method": method, "params": filled(&step["params"])}));
        } else if let Some(method) = text("ask") {
            let id = self.ask(&method, filled(&step["params"]), step["id"].clone());
            if step["no_wait"] != true {
                self.answer_to(&id);
            }
        } else if let Some(method) = text("until") {
            loop {
                let id = self.ask(&method, filled(&step["params"]), Value::Null);
                let answer = self.answer_to(&id);
                if answer.to_string().contains(step["contains"].as_str().unwrap()) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        } else if !step["permission"].is_null() {
            return self.permission(step);
        } else if let Some(path) = text("chmod") {
            use std::os::unix::fs::PermissionsExt as _;
            let bits = u32::from_str_radix(&text("bits").unwrap_or_default(), 8).expect("octal bits");
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(bits)).expect("the fake can set bits");
        } else if let Some(path) = text("sparse") {
            let file = std::fs::File::create(path).expect("the fake can create");
            file.set_len(step["bytes"].as_u64().unwrap_or_default()).expect("the fake can make it long");
        } else if let Some(path) = text("link") {
            std::os::unix::fs::symlink(text("to").unwrap_or_default(), path).expect("the fake can link");
        } else if let Some(path) = text("pipe") {
            let made = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo runs");
            assert!(made.success(), "the fake can make a pipe");
        } else if let Some(path) = text("write") {
            let parent = std::path::Path::new(&path).parent().map(std::path::Path::to_owned).unwrap_or_default();
            let _ = std::fs::create_dir_all(parent);
            std::fs::write(path, text("content").unwrap_or_default()).expect("the fake can write");
        } else if let Some(path) = text("delete") {
            std::fs::remove_file(path).expect("the fake can delete");
        } else if let Some(path) = text("fs_write") {
            let params = json!({"sessionId": self.session, "path": absolute(&path), "content": text("content").unwrap_or_default()});
            let id = self.ask("fs/write_text_file", params, step["id"].clone());
            let answer = self.answer_to(&id);
            return self.branch(step, answer["error"].is_null());
        } else if let Some(path) = text("fs_read") {
            let id =
                self.ask("fs/read_text_file", json!({"sessionId": self.session, "path": absolute(&path)}), Value::Null);
            let answer = self.answer_to(&id);
            return self.branch(step, answer["error"].is_null());
        } else if let Some(command) = text("run") {
            return self.run(&command, step);
        } else if let Some(count) = step["repeat"].as_u64() {
            for _ in 0..count {
                match self.steps(&step["steps"]) {
                    Flow::On => {}
                    other => return other,
                }
            }
        } else if let Some(count) = step["answers"].as_u64() {
            while self.answers < count {
                let Some(message) = self.next_new() else { std::process::exit(0) };
                self.keep(message);
            }
        } else if let Some(bytes) = step["long_line"].as_u64() {
            let chunk = vec![b'x'; 1 << 20];
            let mut out = std::io::stdout().lock();
            out.write_all(b"{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":\"").unwrap();
            for _ in 0..bytes >> 20 {
                out.write_all(&chunk).unwrap();
            }
            let end = text("end").unwrap_or_default();
            out.write_all(format!("\"{end}}}\n").as_bytes()).unwrap();
        } else {
            return self.end_step(step);
        }
        Flow::On
    }

    fn end_step(&mut self, step: &Value) -> Flow {
        if let Some(ms) = step["sleep_ms"].as_u64() {
            std::thread::sleep(Duration::from_millis(ms));
        } else if step["await_cancel"] == true {
            while !self.cancelled {
                let Some(message) = self.next() else { std::process::exit(0) };
                self.keep(message);
            }
        } else if step["hang"] == true {
            loop {
                std::thread::sleep(Duration::from_secs(3600));
            }
        } else if !step["stop"].is_null() {
            return Flow::Answer(step["stop"].clone());
        } else if !step["fail"].is_null() {
            return Flow::Fail(step["fail"].clone());
        } else if step["silent"] == true {
            return Flow::Silent;
        } else if let Some(code) = step["die"].as_i64() {
            std::process::exit(i32::try_from(code).unwrap());
        } else if let Some(text) = step["stderr"].as_str() {
            eprintln!("{text}");
        } else {
            panic!("the fake does not know the step {step}");
        }
        Flow::On
    }

    fn permission(&mut self, step: &Value) -> Flow {
        let options = match &step["options"] {
            Value::Null => json!([
                {"optionId": "always", "name": "Always allow", "kind": "allow_always"},
                {"optionId": "yes", "name": "Allow", "kind": "allow_once"},
                {"optionId": "no", "name": "Reject", "kind": "reject_once"},
            ]),
            options => options.clone(),
        };
        let params = json!({"sessionId": self.session, "toolCall": filled(&step["permission"]), "options": options});
        let id = self.ask("session/request_permission", params, step["id"].clone());
        let answer = self.answer_to(&id);
        let chosen = answer["result"]["outcome"]["optionId"].clone();
        let allowed = options
            .as_array()
            .unwrap()
            .iter()
            .any(|o| o["optionId"] == chosen && o["kind"].as_str().is_some_and(|k| k.starts_with("allow")));
        self.branch(step, allowed)
    }

    fn run(&mut self, command: &str, step: &Value) -> Flow {
        let params = json!({"sessionId": self.session, "command": command, "args": step["args"].as_array().cloned().unwrap_or_default()});
        let id = self.ask("terminal/create", params, Value::Null);
        let created = self.answer_to(&id);
        let terminal = created["result"]["terminalId"].clone();
        if terminal.is_null() {
            return self.branch(step, false);
        }
        for method in ["terminal/wait_for_exit", "terminal/output", "terminal/release"] {
            let id = self.ask(method, json!({"sessionId": self.session, "terminalId": terminal}), Value::Null);
            self.answer_to(&id);
        }
        self.branch(step, true)
    }

    fn branch(&mut self, step: &Value, yes: bool) -> Flow {
        let next = if yes { step["then"].clone() } else { step["else"].clone() };
        self.steps(&next)
    }

    fn ask(&mut self, method: &str, params: Value, id: Value) -> Value {
        let id = if id.is_null() {
            self.next_id += 1;
            json!(self.next_id)
        } else {
            id
        };
        self.put(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    fn answer_to(&mut self, id: &Value) -> Value {
        loop {
            let Some(message) = self.next_new() else { std::process::exit(0) };
            if message["method"].is_null() && message["id"] == *id {
                return message;
            }
            self.keep(message);
        }
    }

    fn keep(&mut self, message: Value) {
        if message["method"] == "session/cancel" {
            self.cancelled = true;
        } else if message["method"].is_string() {
            self.kept.push_back(message);
        }
    }

    fn next(&mut self) -> Option<Value> {
        self.kept.pop_front().or_else(|| self.next_new())
    }

    fn next_new(&mut self) -> Option<Value> {
        let message = self.inbox.recv().ok()?;
        if let Some(log) = &mut self.log {
            writeln!(log, "{message}").expect("the log can be written");
        }
        self.answers += u64::from(message["method"].is_null());
        Some(message)
    }

    fn update(&mut self, update: Value) {
        let session = self.session.clone();
        self.put(
            &json!({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": session, "update": update}}),
        );
    }

    fn put(&mut self, message: &Value) {
        self.line(message.to_string().as_bytes());
    }

    fn line(&mut self, bytes: &[u8]) {
        let mut out = std::io::stdout().lock();
        if out.write_all(bytes).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()).is_err() {
            std::process::exit(0);
        }
    }
}

fn cwd() -> String {
    std::env::current_dir().expect("a working directory").display().to_string()
}

fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", cwd()) }
}

/// `$CWD` in every text becomes the working directory.
fn filled(value: &Value) -> Value {
    serde_json::from_str(&value.to_string().replace("$CWD", &cwd())).expect("still JSON")
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (into, from) => *into = from.clone(),
    }
}
