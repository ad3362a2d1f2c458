//! One session of a real agent, and what every story about it needs.

use crate::agents::{Kind, Leash, programs};
use crate::model_server::{ModelServer, Script, Turn};
use crate::seat::{Room, Seat};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What every file holds at first; the models change `old` to `new`.
pub const OLD: &str = "line\nold\nend\n";
/// A busy machine starts a real agent slowly.
pub const START_MAX: Duration = Duration::from_secs(120);
const FILES: &[&str] = &["approve.txt", "change.txt", "deny.txt", "redirect.txt", "step.txt", "cancel.txt"];
/// A project with a test that fails until its addition is fixed.
pub const SUMS: &str = "export const add = (a, b) =>\n  a - b;\nexport const twice = (a) => a + a;\n";
const SUMS_TEST: &str = "import test from 'node:test';\nimport assert from 'node:assert';\nimport { add, twice } from './sums.mjs';\ntest('adds', () => assert.equal(add(2, 3), 5));\ntest('doubles', () => assert.equal(twice(2), 4));\n";

/// One real agent at a time: they are heavy.
fn turn_taken() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A workspace with a configuration that points the agent at a model server.
pub struct Stage {
    pub room: Room,
    pub model: ModelServer,
    pub config: String,
    _turn: MutexGuard<'static, ()>,
}

impl Stage {
    /// `None` where the agents cannot be installed, which is said past the test's captured output.
    pub fn set<const N: usize>(kind: Kind, leash: Leash, plays: [(&str, Vec<Turn>); N]) -> Option<Self> {
        let turn = turn_taken();
        let bin = match programs() {
            Ok(bin) => bin,
            Err(why) => {
                let _ = writeln!(std::io::stderr(), "SKIPPED: {} was not driven: {why}", kind.name());
                return None;
            }
        };
        let files = FILES.iter().map(|file| (*file, OLD));
        let files: Vec<(&str, &str)> = files.chain([("sums.mjs", SUMS), ("sums.test.mjs", SUMS_TEST)]).collect();
        let room = Room::with(&files);
        let side = Some(Turn::text("a title"));
        let model = ModelServer::start(Script { side, ..Script::plays(plays) });
        let entry = kind.entry(bin, &model.origin(), &room.dir.path().join("home"), leash);
        let config = room.dir.path().join("rightseat");
        std::fs::create_dir(&config).unwrap();
        std::fs::write(config.join("agents.toml"), entry).unwrap();
        std::fs::write(config.join("config.toml"), "").unwrap();
        let config = config.join("config.toml").display().to_string();
        Some(Self { room, model, config, _turn: turn })
    }

    /// A further agent that the session can be given to.
    pub fn add(&self, kind: Kind, leash: Leash) {
        let bin = programs().expect("the first agent is installed");
        let home = self.room.dir.path().join("second-home");
        let entries = self.room.dir.path().join("rightseat/agents.toml");
        let text = std::fs::read_to_string(&entries).unwrap();
        let entry = kind.entry(bin, &self.model.origin(), &home, leash);
        std::fs::write(&entries, format!("{text}{entry}")).unwrap();
    }
}

/// A headless session on such a stage.
pub struct Drive {
    pub room: Room,
    pub model: ModelServer,
    pub seat: Seat,
    _turn: MutexGuard<'static, ()>,
}

impl Drive {
    pub fn start<const N: usize>(
        kind: Kind,
        leash: Leash,
        isolation: &str,
        plays: [(&str, Vec<Turn>); N],
    ) -> Option<Self> {
        Self::start_with(kind, leash, &["--isolation", isolation], plays)
    }

    /// With further options of the command line.
    pub fn start_with<const N: usize>(
        kind: Kind,
        leash: Leash,
        options: &[&str],
        plays: [(&str, Vec<Turn>); N],
    ) -> Option<Self> {
        Some(Self::on(Stage::set(kind, leash, plays)?, kind, options))
    }

    /// On a stage that is set.
    pub fn on(stage: Stage, kind: Kind, options: &[&str]) -> Self {
        let Stage { room, model, config, _turn } = stage;
        let record = record(&room);
        let args = [&["--agent", kind.name(), "--config", &config, "--record", &record], options].concat();
        let mut seat = Seat::start(&room, &args);
        seat.patience = START_MAX;
        Self { room, model, seat, _turn }
    }

    pub fn prompt(&mut self, play: &str) {
        let text = format!("{play}: do as the model says");
        self.seat.ask("session/prompt", json!({"text": text, "when": "queue"}));
    }

    /// The next action that waits, with its proposal; `None` when the turn ended instead.
    pub fn held(&mut self) -> Option<(Value, Value)> {
        let event = self.seat.wait("a question or the end of the turn", |e| {
            ["held", "turn_ended", "agent_lost"].iter().any(|kind| e["kind"] == *kind)
        });
        (event["kind"] == "held").then(|| {
            let action = self.seat.proposal(&event["action"]);
            (event, action)
        })
    }

    /// The first edit that waits; everything before it is approved.
    pub fn edit(&mut self, path: &str) -> Value {
        loop {
            let (held, action) = self.held().expect("the agent asks before it edits");
            if action["kind"] == "edit" {
                let file = &action["files"][0];
                assert_eq!(file["path"], path);
                assert_eq!(file["before"], OLD, "the diff is of the disk");
                assert_eq!(file["after"], "line\nnew\nend\n", "the diff is shown before the decision");
                assert!(action["rationale"]["text"].as_str().unwrap().contains("I change old to new"), "{action}");
                assert_eq!(self.file(path), OLD);
                return held;
            }
            self.seat.approve(&held);
        }
    }

    /// Approves the rest of the turn.
    pub fn finish(&mut self) {
        while let Some((held, _)) = self.held() {
            self.seat.approve(&held);
        }
    }

    pub fn file(&self, path: &str) -> String {
        self.room.read(path)
    }

    pub fn alarms(&self) -> Vec<String> {
        let alarms = self.seat.events.iter().filter(|e| e["kind"] == "alarm");
        alarms.map(|e| e["text"].as_str().unwrap().to_owned()).collect()
    }

    /// Was the agent told this, by the journal's word and by what its model heard?
    pub fn told(&self, words: &str) -> bool {
        let journalled =
            self.seat.events.iter().any(|e| e["kind"] == "told" && e["text"].as_str().unwrap().contains(words));
        let model_heard = self.model.received().iter().any(|r| r.body.to_string().contains(words));
        journalled && model_heard
    }

    /// The methods that rightseat called on the agent, in order.
    pub fn methods_sent(&self) -> Vec<String> {
        let lines = std::fs::read_to_string(record(&self.room)).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let ours = lines.filter(|line| line["from"] == "client");
        ours.filter_map(|line| line["line"]["method"].as_str().map(str::to_owned)).collect()
    }

    pub fn verified(self) {
        let session = self.seat.session.clone();
        let (code, out, err) = self.room.run(&["verify", &session]);
        assert_eq!(code, 0, "{out}{err}");
        self.seat.close();
    }
}

fn record(room: &Room) -> String {
    room.dir.path().join("record.jsonl").display().to_string()
}
