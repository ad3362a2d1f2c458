//! Whole supervised turns of real agents against a scripted model, through the real binary: approve, edit, deny,
//! redirect, step, cancel, stop and go on, unsupervised change. One process of an agent plays as much as it can,
//! because each takes seconds to start. Skipped loudly where npm cannot install them.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test stops where its expectation fails; shared support is not used whole by every test"
)]

/// A test for each agent.
macro_rules! of_each_agent {
    ($($story:ident),+ $(,)?) => {
        mod claude { $(#[test] fn $story() { super::$story(super::Kind::Claude); })+ }
        mod codex { $(#[test] fn $story() { super::$story(super::Kind::Codex); })+ }
        mod gemini { $(#[test] fn $story() { super::$story(super::Kind::Gemini); })+ }
        mod opencode { $(#[test] fn $story() { super::$story(super::Kind::Opencode); })+ }
    };
}

mod agents;
#[path = "../support/audit.rs"]
mod audit;
mod drive;
#[path = "../support/model_server/mod.rs"]
mod model_server;
mod plan;
#[path = "../support/screen.rs"]
mod screen;
#[path = "../support/seat.rs"]
mod seat;
mod talk;
mod tui;

use agents::{Kind, Leash, PLAN};
use drive::{Drive, OLD, SUMS};
use model_server::Turn;
use serde_json::{Value, json};

of_each_agent!(
    every_decision_does_what_it_says,
    an_edit_in_the_copy_is_the_humans_to_change,
    a_stopped_agent_goes_on_with_its_own_session,
    what_it_does_unasked_is_shown,
    what_it_does_unasked_waits_in_its_copy,
    an_edit_in_its_layer_is_the_users_to_change,
    what_it_does_unasked_in_its_layer_stays_there,
    only_itself_reaches_its_model_from_its_layer,
    its_plan_is_shown_and_its_tests_are_its_word_until_they_are_run_here,
);

/// Approve, approve edited, deny, redirect, step and cancel, a turn each.
fn every_decision_does_what_it_says(kind: Kind) {
    let ok = || Turn::text("All done.");
    let plays = [
        (
            "play-approve",
            vec![kind.reads("approve.txt"), kind.edits("approve.txt"), kind.asks_to_run("touch c.txt"), ok()],
        ),
        ("play-change", vec![kind.edits("change.txt"), ok()]),
        ("play-deny", vec![kind.edits("deny.txt"), ok()]),
        ("play-redirect", vec![kind.edits("redirect.txt"), ok()]),
        ("play-step", vec![kind.edits("step.txt"), ok()]),
        ("play-cancel", vec![kind.edits("cancel.txt"), ok()]),
        ("play-after", vec![Turn::text("second turn")]),
    ];
    let Some(mut drive) = Drive::start(kind, Leash::Asks, "gated", plays) else { return };

    drive.prompt("play-approve");
    let held = drive.edit("approve.txt");
    drive.seat.approve(&held);
    assert_eq!(drive.seat.finished(&held["action"])["outcome"], "ok", "{kind:?}");
    let (command, action) = drive.held().unwrap_or_else(|| panic!("{kind:?} asks before it runs a command"));
    assert!(action["kind"] == "command" && action["command"].to_string().contains("touch c.txt"), "{action}");
    drive.seat.approve(&command);
    assert_eq!(drive.seat.finished(&command["action"])["outcome"], "ok", "{kind:?}");
    drive.finish();
    assert!(drive.room.exists("c.txt"), "{kind:?}: the command did what it was to do");
    assert_eq!(drive.file("approve.txt"), "line\nnew\nend\n", "{kind:?}");
    assert_eq!(drive.alarms(), [""; 0], "{kind:?}");

    drive.prompt("play-change");
    let held = drive.edit("change.txt");
    let edited = json!({"edited": {"files": [{"path": "change.txt", "after": "line\nmine\nend\n"}]}});
    drive.seat.decide(&held, "approve_edited", edited).unwrap();
    drive.finish();
    assert_eq!(drive.file("change.txt"), "line\nmine\nend\n", "{kind:?}");
    assert!(drive.told("+mine"), "{kind:?}");

    for verdict in ["deny", "redirect"] {
        drive.prompt(&format!("play-{verdict}"));
        let held = drive.edit(&format!("{verdict}.txt"));
        let reason = format!("the human says {verdict}");
        drive.seat.decide(&held, verdict, json!({"reason": reason})).unwrap();
        drive.finish();
        assert_eq!(drive.file(&format!("{verdict}.txt")), OLD, "{kind:?} {verdict}");
        assert!(drive.told(&reason), "{kind:?} {verdict}");
    }

    drive.seat.ask("gate/mode", json!({"mode": "step"}));
    drive.prompt("play-step");
    let held = drive.edit("step.txt");
    drive.seat.ask("gate/step", json!({}));
    assert_eq!(drive.seat.finished(&held["action"])["outcome"], "ok", "{kind:?}");
    drive.finish();
    assert_eq!(drive.file("step.txt"), "line\nnew\nend\n", "{kind:?}");
    drive.seat.ask("gate/mode", json!({"mode": "guarded"}));

    drive.prompt("play-cancel");
    drive.edit("cancel.txt");
    let began = std::time::Instant::now();
    drive.seat.ask("session/prompt", json!({"text": "play-after", "when": "interrupt"}));
    assert_eq!(drive.seat.wait_kind("turn_ended")["reason"], "cancelled", "{kind:?}");
    println!("{kind:?}: canceled in {:?}", began.elapsed());
    drive.seat.wait("the next turn", |e| e["kind"] == "said" && e["text"].as_str().unwrap().contains("second turn"));
    drive.finish();
    assert_eq!(drive.file("cancel.txt"), OLD);
    drive.verified();
}

/// Beside an answer that ends the turn, codex takes one that does not: it is what a denial sends, the turn goes on, and
/// the reason reaches it there. The other one ends the turn as ever.
#[test]
fn codex_goes_on_after_decline_and_not_after_cancel() {
    let went_on = || Turn::text("I went on without it.");
    let runs = Kind::Codex.asks_to_run("touch c.txt");
    let plays = [("play-decline", vec![runs.clone(), went_on()]), ("play-cancel", vec![runs, went_on()])];
    let Some(mut drive) = Drive::start(Kind::Codex, Leash::AsksWithDecline, "gated", plays) else { return };
    drive.prompt("play-decline");
    let (held, action) = drive.held().unwrap();
    let refusals = action["options"].as_array().unwrap().iter().filter(|option| option["allows"] == false);
    let refusals: Vec<(&Value, bool)> = refusals.map(|o| (&o["id"], o["ends_turn"] == true)).collect();
    assert_eq!(refusals, [(&json!("decline"), false), (&json!("cancel"), true)], "{action}");
    drive.seat.decide(&held, "deny", json!({"reason": "not before lunch"})).unwrap();
    drive.finish();
    let prompts = |drive: &Drive| drive.methods_sent().iter().filter(|method| *method == "session/prompt").count();
    assert_eq!(prompts(&drive), 1, "it went on in its turn");
    assert!(drive.told("not before lunch"));
    let ends = |drive: &Drive| {
        let ends = drive.seat.events.iter().filter(|event| event["kind"] == "turn_ended");
        ends.map(|event| event["reason"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ends(&drive), ["end_turn"]);

    drive.prompt("play-cancel");
    let (held, _) = drive.held().unwrap();
    drive.seat.decide(&held, "deny", json!({"reason": "not at all", "option": "cancel"})).unwrap();
    drive.finish();
    assert_eq!(prompts(&drive), 3, "the reason follows as a prompt of its own");
    assert!(drive.told("not at all"));
    assert!(!drive.room.exists("c.txt"));
    drive.verified();
}

/// A plan in the agent's own way becomes the supervisor's; a run of the tests by the agent is its word, ours counts.
fn its_plan_is_shown_and_its_tests_are_its_word_until_they_are_run_here(kind: Kind) {
    let fix = kind.replaces("sums.mjs", "  a - b;", "  a + b;", "I fix the addition.");
    let tests = "node --test --test-reporter=tap";
    let turns = kind.plans().into_iter().chain([fix, kind.asks_to_run(tests), Turn::text("All done.")]).collect();
    let Some(mut drive) = Drive::start(kind, Leash::Asks, "gated", [("play-fix", turns)]) else { return };
    drive.prompt("play-fix");
    // Claude adds its steps one by one.
    let is_whole = |e: &Value| e["kind"] == "plan_revised" && e["steps"].as_array().unwrap().len() == PLAN.len();
    let plan = drive.seat.wait("its plan", |e| is_whole(e) || e["kind"] == "held");
    let titles: Vec<&str> = plan["steps"].as_array().unwrap().iter().map(|s| s["title"].as_str().unwrap()).collect();
    assert_eq!(titles, PLAN, "{kind:?}: {plan}");
    let (held, action) = loop {
        match drive.held().expect("the agent asks before it edits") {
            (held, action) if action["kind"] == "edit" => break (held, action),
            // Gemini asks before it keeps a list.
            (held, _) => drive.seat.approve(&held),
        };
    };
    assert_eq!(action["files"][0]["path"], "sums.mjs", "{action}");
    let run = |drive: &mut Drive, params| {
        let asked = drive.seat.ask("candidate/test", params);
        let begun = |e: &Value| e["kind"] == "check_started" && e["action"] == asked["action"];
        let run = drive.seat.wait("the run", begun)["run"].clone();
        drive.seat.wait("the end of the run", |e| e["kind"] == "check_finished" && e["run"] == run)
    };
    let candidate = run(&mut drive, json!({"action": held["action"], "digest": held["digest"]}));
    assert_eq!((&candidate["passed"], &candidate["failed"]), (&json!(2), &json!(0)), "{kind:?}: {candidate}");
    assert_eq!(drive.file("sums.mjs"), SUMS, "the candidate is no change");
    drive.seat.approve(&held);
    let runs_before = drive.seat.count("check_started");
    drive.finish();
    assert_eq!(drive.seat.count("check_started"), runs_before, "{kind:?}: the agent's own run is its word only");
    let output =
        drive.seat.events.iter().any(|e| e["kind"] == "output" && e["tail"].as_str().unwrap().contains("ok 1"));
    // Gemini 0.61 tells nobody but its model what a command said.
    assert_eq!(output, kind != Kind::Gemini, "{kind:?}: but its output is shown");
    let run = run(&mut drive, json!({}));
    assert_eq!((&run["passed"], &run["failed"]), (&json!(2), &json!(0)), "{kind:?}: {run}");
    drive.verified();
}

fn an_edit_in_the_copy_is_the_humans_to_change(kind: Kind) {
    let plays = [("play-change", vec![kind.edits("change.txt"), Turn::text("ok")])];
    let Some(mut drive) = Drive::start(kind, Leash::Asks, "copy", plays) else { return };
    drive.prompt("play-change");
    let held = drive.edit("change.txt");
    let edited = json!({"edited": {"files": [{"path": "change.txt", "after": "line\nmine\nend\n"}]}});
    drive.seat.decide(&held, "approve_edited", edited).unwrap();
    drive.finish();
    assert_eq!(drive.file("change.txt"), "line\nmine\nend\n", "{kind:?}");
    assert!(drive.told("+mine"), "{kind:?}");
    drive.verified();
}

/// A stop kills the agent; the next prompt starts it again, with what it remembers.
fn a_stopped_agent_goes_on_with_its_own_session(kind: Kind) {
    let plays = [
        ("play-first", vec![Turn::text("I remember the word heliotrope.")]),
        ("play-again", vec![Turn::text("second life")]),
    ];
    let Some(mut drive) = Drive::start(kind, Leash::Asks, "gated", plays) else { return };
    drive.prompt("play-first");
    drive.finish();
    let census = drive.seat.ask("gate/stop", json!({}));
    assert_eq!(census["survivors"], json!([]), "{kind:?}: {census}");
    drive.seat.ask("gate/resume", json!({}));
    drive.prompt("play-again");
    drive.seat.wait("its words", |e| e["kind"] == "said" && e["text"].as_str().unwrap().contains("second life"));
    drive.finish();
    let methods = drive.methods_sent();
    assert!(methods.iter().any(|m| m == "session/load" || m == "session/resume"), "{kind:?}: {methods:?}");
    let last = drive.model.received().pop().unwrap().body.to_string();
    if methods.iter().filter(|m| *m == "session/new").count() == 1 {
        assert!(last.contains("heliotrope"), "{kind:?}: its own memory is back");
    } else {
        // Gemini 0.61 finds no sessions of a folder after it was killed there: it begins anew and is told where it was.
        assert!(kind == Kind::Gemini && drive.told("The session continues with a new agent"), "{kind:?}: {methods:?}");
        let said = |alarm: &String| alarm.contains("cannot resume its session");
        assert!(drive.alarms().iter().any(said), "{kind:?}: the human is told so: {:?}", drive.alarms());
    }
    drive.verified();
}

fn what_it_does_unasked_is_shown(kind: Kind) {
    let plays = [("play-unasked", vec![kind.runs("echo evil > b.txt"), Turn::text("done")])];
    let Some(mut drive) = Drive::start(kind, Leash::Unasked, "gated", plays) else { return };
    drive.prompt("play-unasked");
    let seen = drive.seat.wait("the change, or a question after all", |e| {
        (e["kind"] == "observed" && e["path"] == "b.txt") || e["kind"] == "held"
    });
    if seen["kind"] == "held" {
        // Gemini refuses to work unasked in a folder that it was not told to trust: then nothing may have happened.
        assert!(!drive.room.exists("b.txt"), "{kind:?}: it asked after it had acted");
        drive.seat.decide(&seen, "deny", json!({"reason": "not that"})).unwrap();
        drive.finish();
    } else {
        assert_eq!(seen["by"], "unsupervised", "{kind:?}");
    }
    drive.verified();
}

/// Whether agents can run in a layer here: the kernel allows it, and the private `/tmp` does not hide their programs.
#[allow(clippy::print_stdout, reason = "a test that is not run says so")]
pub fn has_layers() -> bool {
    let hidden = agents::programs().is_ok_and(|place| place.starts_with("/tmp") || place.starts_with("/var/tmp"));
    if hidden {
        println!("not run: the agents are installed below /tmp, which a layer hides");
    }
    !hidden && seat::Room::with(&[]).is_layered()
}

/// As in a copy, in a process that can write nothing else.
fn an_edit_in_its_layer_is_the_users_to_change(kind: Kind) {
    let plays = [("play-change", vec![kind.edits("change.txt"), Turn::text("ok")])];
    if !has_layers() {
        return;
    }
    let Some(mut drive) = Drive::start(kind, Leash::Asks, "overlay", plays) else { return };
    drive.prompt("play-change");
    let held = drive.edit("change.txt");
    let edited = json!({"edited": {"files": [{"path": "change.txt", "after": "line\nmine\nend\n"}]}});
    drive.seat.decide(&held, "approve_edited", edited).unwrap();
    drive.finish();
    assert_eq!(drive.file("change.txt"), "line\nmine\nend\n", "{kind:?}");
    assert!(drive.told("+mine"), "{kind:?}");
    drive.verified();
}

/// It is where the project is, and its writes outside come to nothing.
fn what_it_does_unasked_in_its_layer_stays_there(kind: Kind) {
    let plays = [("play-unasked", vec![kind.runs("echo evil > ../evil.txt; pwd > b.txt"), Turn::text("done")])];
    if !has_layers() {
        return;
    }
    let Some(mut drive) = Drive::start(kind, Leash::Unasked, "overlay", plays) else { return };
    drive.prompt("play-unasked");
    let (mut held, mut action) = drive.held().expect("the change waits at the gate");
    while action["kind"] != "edit" {
        drive.seat.approve(&held);
        (held, action) = drive.held().expect("the change waits at the gate");
    }
    let root = drive.room.workspace().canonicalize().unwrap();
    let file = &action["files"][0];
    assert_eq!((&file["path"], &file["after"]), (&json!("b.txt"), &json!(format!("{}\n", root.display()))), "{kind:?}");
    assert!(!drive.room.exists("b.txt") && !drive.room.exists("../evil.txt"), "{kind:?}");
    drive.seat.decide(&held, "deny", json!({"reason": "not that"})).unwrap();
    drive.finish();
    assert!(!drive.room.exists("b.txt"), "{kind:?}");
    drive.verified();
}

/// What the model is sent by a command of the agent is a question; by the agent itself it is none.
#[allow(clippy::print_stdout, reason = "which hosts an agent looks for is good to know")]
fn only_itself_reaches_its_model_from_its_layer(kind: Kind) {
    let line = "exec 3<>/dev/tcp/127.0.0.1/$SCRIPTED_PORT; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; read -r -t 20 x <&3; \
                echo \"got $x\" > b.txt";
    let plays = [("play-unasked", vec![kind.runs(&format!("bash -c {}", json!(line))), Turn::text("done")])];
    if !has_layers() {
        return;
    }
    let Some(mut drive) = Drive::start(kind, Leash::Unasked, "overlay", plays) else { return };
    let model = drive.model.origin().trim_start_matches("http://").to_owned();
    drive.prompt("play-unasked");
    let mut asked = 0;
    let (held, action) = loop {
        let (held, action) = drive.held().expect("the change waits at the gate");
        match action["kind"].as_str() {
            Some("edit") => break (held, action),
            // Lists of models, and repositories of plugins.
            Some("network") => {
                println!("{kind:?} asks for {}", action["target"]);
                asked += u32::from(action["target"] == *model);
                drive.seat.decide(&held, "deny", json!({"reason": "not that"})).unwrap();
            }
            _ => drop(drive.seat.approve(&held)),
        }
    };
    assert_eq!((asked, &action["files"][0]["after"]), (1, &json!("got \n")), "{kind:?}: {action}");
    drive.seat.approve(&held);
    drive.finish();
    drive.verified();
}

fn what_it_does_unasked_waits_in_its_copy(kind: Kind) {
    let plays = [("play-unasked", vec![kind.runs("echo evil > b.txt"), Turn::text("done")])];
    let Some(mut drive) = Drive::start(kind, Leash::Unasked, "copy", plays) else { return };
    drive.prompt("play-unasked");
    let (held, action) = drive.held().expect("the change waits at the gate");
    if action["kind"] == "edit" {
        assert_eq!(action["files"][0]["path"], "b.txt", "{kind:?}: {action}");
    }
    assert!(!drive.room.exists("b.txt"), "{kind:?}: nothing reached the workspace");
    drive.seat.decide(&held, "deny", json!({"reason": "not that"})).unwrap();
    drive.finish();
    assert!(!drive.room.exists("b.txt"), "{kind:?}");
    drive.verified();
}
