//! Whole supervised turns of real agents against a scripted model, through the real binary: approve, edit, deny, redirect,
//! step, cancel, unsupervised change. Skipped loudly where npm cannot install them.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test stops where its expectation fails; shared support is not used whole by every test"
)]

mod agents;
#[path = "../support/model_server/mod.rs"]
mod model_server;
#[path = "../support/seat.rs"]
mod seat;

use agents::{Kind, Leash, programs};
use model_server::{ModelServer, Script, Turn};
use seat::{Room, Seat};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

const FILE: (&str, &str) = ("a.txt", "line\nold\nend\n");

/// One real agent at a time: they are heavy.
fn turn_taken() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A session of a real agent with a model that plays these turns.
struct Drive {
    room: Room,
    model: ModelServer,
    seat: Seat,
}

impl Drive {
    /// `None` where the agents cannot be installed, which is said past the test's captured output.
    fn start(kind: Kind, leash: Leash, isolation: &str, turns: Vec<Turn>) -> Option<Self> {
        let bin = match programs() {
            Ok(bin) => bin,
            Err(why) => {
                let _ = writeln!(std::io::stderr(), "SKIPPED: {} was not driven: {why}", kind.name());
                return None;
            }
        };
        let room = Room::with(&[FILE]);
        let side = Some(Turn::text("a title"));
        let model = ModelServer::start(Script { side, repeat_last: true, ..Script::of(turns) });
        let home = room.dir.path().join("home");
        let entry = kind.entry(bin, &model.origin(), &home, leash);
        let config = room.dir.path().join("rightseat");
        std::fs::create_dir(&config).unwrap();
        std::fs::write(config.join("agents.toml"), entry).unwrap();
        std::fs::write(config.join("config.toml"), "").unwrap();
        let config = config.join("config.toml").display().to_string();
        let record = room.dir.path().join("record.jsonl").display().to_string();
        let args = [
            "--agent",
            kind.name(),
            "--isolation",
            isolation,
            "--config",
            &config,
            "--record",
            &record,
            "change a.txt",
        ];
        let seat = Seat::start(&room, &args);
        Some(Self { room, model, seat })
    }

    /// The next action that waits, with its proposal; `None` when the turn ended instead.
    fn held(&mut self) -> Option<(Value, Value)> {
        let event = self.seat.wait("a question or the end of the turn", |e| {
            ["held", "turn_ended", "agent_lost"].iter().any(|kind| e["kind"] == *kind)
        });
        (event["kind"] == "held").then(|| {
            let action = self.seat.proposal(&event["action"]);
            (event, action)
        })
    }

    /// The first edit that waits; everything before it is approved.
    fn edit(&mut self) -> Value {
        loop {
            let (held, action) = self.held().expect("the agent asks before it edits");
            if action["kind"] == "edit" {
                let file = &action["files"][0];
                assert_eq!(file["path"], "a.txt");
                assert_eq!(file["before"], FILE.1, "the diff is of the disk");
                assert_eq!(file["after"], "line\nnew\nend\n", "the diff is shown before the decision");
                assert!(action["rationale"]["text"].as_str().unwrap().contains("I change old to new"), "{action}");
                assert_eq!(self.room.read("a.txt"), FILE.1);
                return held;
            }
            self.seat.approve(&held);
        }
    }

    fn finish(mut self) -> Self {
        while let Some((held, _)) = self.held() {
            self.seat.approve(&held);
        }
        self
    }

    fn told(&self, words: &str) -> bool {
        let journalled =
            self.seat.events.iter().any(|e| e["kind"] == "told" && e["text"].as_str().unwrap().contains(words));
        let model_heard = self.model.received().iter().any(|r| r.body.to_string().contains(words));
        journalled && model_heard
    }

    fn verified(self) {
        let session = self.seat.session.clone();
        let (code, out, err) = self.room.run(&["verify", &session]);
        assert_eq!(code, 0, "{out}{err}");
        self.seat.close();
    }
}

fn each(check: impl Fn(Kind)) {
    let _turn = turn_taken();
    for kind in [Kind::Codex, Kind::Gemini, Kind::Opencode] {
        check(kind);
    }
}

#[test]
fn an_approved_edit_and_command_happen() {
    each(|kind| {
        let turns = vec![kind.reads(), kind.edits(), kind.runs("touch c.txt"), Turn::text("All done.")];
        let Some(mut drive) = Drive::start(kind, Leash::Asks, "gated", turns) else { return };
        let held = drive.edit();
        drive.seat.approve(&held);
        let finished = drive.seat.finished(&held["action"]);
        assert_eq!(finished["outcome"], "ok", "{kind:?}");
        let (command, action) = drive.held().unwrap_or_else(|| panic!("{kind:?} asks before it runs a command"));
        assert_eq!(action["kind"], "command");
        assert!(action["command"].to_string().contains("touch c.txt"), "{action}");
        drive.seat.approve(&command);
        let drive = drive.finish();
        assert_eq!(drive.room.read("a.txt"), "line\nnew\nend\n", "{kind:?}");
        let alarms: Vec<_> = drive.seat.events.iter().filter(|e| e["kind"] == "alarm").collect();
        assert!(alarms.is_empty(), "{kind:?}: {alarms:?}");
        drive.verified();
    });
}

#[test]
fn an_edited_edit_is_the_humans_and_the_agent_hears_of_it() {
    for isolation in ["gated", "copy"] {
        each(|kind| {
            let Some(mut drive) = Drive::start(kind, Leash::Asks, isolation, vec![kind.edits(), Turn::text("ok")])
            else {
                return;
            };
            let held = drive.edit();
            let edited = json!({"edited": {"files": [{"path": "a.txt", "after": "line\nmine\nend\n"}]}});
            drive.seat.decide(&held, "approve_edited", edited).unwrap();
            let drive = drive.finish();
            assert_eq!(drive.room.read("a.txt"), "line\nmine\nend\n", "{kind:?} {isolation}");
            assert!(drive.told("+mine"), "{kind:?} {isolation}");
            drive.verified();
        });
    }
}

#[test]
fn a_deny_and_a_redirect_change_nothing_and_their_reasons_arrive() {
    for verdict in ["deny", "redirect"] {
        each(|kind| {
            let Some(mut drive) = Drive::start(kind, Leash::Asks, "gated", vec![kind.edits(), Turn::text("ok")]) else {
                return;
            };
            let held = drive.edit();
            drive.seat.decide(&held, verdict, json!({"reason": "leave a.txt to me"})).unwrap();
            let drive = drive.finish();
            assert_eq!(drive.room.read("a.txt"), FILE.1, "{kind:?} {verdict}");
            assert!(drive.told("leave a.txt to me"), "{kind:?} {verdict}");
            drive.verified();
        });
    }
}

#[test]
fn a_cancel_ends_the_turn_within_a_second_and_the_session_goes_on() {
    each(|kind| {
        let Some(mut drive) = Drive::start(kind, Leash::Asks, "gated", vec![kind.edits(), Turn::text("second turn")])
        else {
            return;
        };
        drive.edit();
        let began = std::time::Instant::now();
        drive.seat.ask("session/prompt", json!({"text": "something else", "when": "interrupt"}));
        let end = drive.seat.wait_kind("turn_ended");
        assert_eq!(end["reason"], "cancelled", "{kind:?}");
        assert!(began.elapsed().as_millis() < 2000, "{kind:?}: {:?}", began.elapsed());
        drive
            .seat
            .wait("the next turn", |e| e["kind"] == "said" && e["text"].as_str().unwrap().contains("second turn"));
        assert_eq!(drive.room.read("a.txt"), FILE.1);
        drive.verified();
    });
}

#[test]
fn what_it_does_unasked_is_shown_or_waits_in_its_copy() {
    each(|kind| {
        let turns = || vec![kind.runs("echo evil > b.txt"), Turn::text("done")];
        let Some(mut drive) = Drive::start(kind, Leash::Unasked, "gated", turns()) else { return };
        let seen = drive.seat.wait("the change, or a question after all", |e| {
            (e["kind"] == "observed" && e["path"] == "b.txt") || e["kind"] == "held"
        });
        if seen["kind"] == "held" {
            // Gemini refuses to work unasked in a folder that it was not told to trust: then nothing may have happened.
            assert!(!drive.room.exists("b.txt"), "{kind:?}: it asked after it had acted");
            drive.seat.decide(&seen, "deny", json!({"reason": "not that"})).unwrap();
            drive.finish().verified();
            return;
        }
        assert_eq!(seen["by"], "unsupervised", "{kind:?}");
        drive.verified();

        let Some(mut drive) = Drive::start(kind, Leash::Unasked, "copy", turns()) else { return };
        let (held, action) = drive.held().expect("the change waits at the gate");
        assert_eq!(action["files"][0]["path"], "b.txt", "{kind:?}: {action}");
        assert!(!drive.room.exists("b.txt"), "{kind:?}: nothing reached the workspace");
        drive.seat.decide(&held, "deny", json!({"reason": "not that"})).unwrap();
        let drive = drive.finish();
        drive.verified();
    });
}
