//! Another agent for the same session: the plan and its state go with it, the former agent's questions do not.

use crate::seat::{Room, Seat, assert_verifies};
use serde_json::{Value, json};

const PLAN: &str = "# Fix the sums\n\n1. Edit `calc.py`\n2. Edit `other.py`\n";

fn edit(path: &str, after: &str) -> Value {
    json!({"edit": {"path": path, "after": after}})
}

/// The first agent has its plan approved, edits a file, and waits with a second edit.
fn first(room: &Room) -> String {
    room.script(&[json!({"document": PLAN}), edit("calc.py", "y\n"), edit("other.py", "y\n")])
}

fn second(room: &Room) -> String {
    let told = "(?s)take over a session that script began.*approved this plan.*1. Edit `calc.py`.*s1: Edit `calc.py`.*\
                a2 edit calc.py: .*approved.*a3 edit other.py: denied .not yet";
    room.script_as("second.jsonl", &[json!({"prompt": told}), edit("other.py", "z\n"), json!({"say": "done"})])
}

#[test]
fn another_agent_is_told_the_plan_and_what_was_decided() {
    let room = Room::with(&[("calc.py", "x\n"), ("other.py", "x\n")]);
    let (one, two) = (first(&room), second(&room));
    let mut seat = Seat::start(&room, &["--agent", &one]);
    for _ in 0..2 {
        let held = seat.held();
        seat.approve(&held);
    }
    let held = seat.held();
    assert!(seat.try_ask("agent/change", json!({"agent": "nobody"})).is_err());
    assert!(seat.try_ask("agent/change", json!({"agent": "repair", "model": "x"})).is_err());
    seat.decide(&held, "deny", json!({"reason": "not yet"})).unwrap();
    seat.wait_kind("session_ended");
    // The first agent is at its end, so the second one is told when it is prompted.
    seat.ask("agent/change", json!({"agent": two}));
    let changed = seat.wait_kind("agent_changed");
    assert_eq!((&changed["from"]["name"], &changed["to"]["isolation"]), (&json!("script"), &json!("gated")));
    assert_eq!((&changed["agent"], &changed["by"]), (&json!(two), &json!(seat.client)));
    seat.ask("session/prompt", json!({"text": "go on"}));
    let told = seat.wait("what the new agent is told", |e| e["kind"] == "told" && e["action"].is_null());
    assert!(told["text"].as_str().unwrap().contains("(digest "), "{told}");
    let held = seat.held();
    seat.approve(&held);
    seat.finished(&held["action"]);
    assert_eq!(room.read("other.py"), "z\n");
    let session = seat.session.clone();
    assert_eq!(seat.wait_kind("session_ended")["outcome"], "done");
    drop(seat);
    assert_verifies(&room, &session);
}

#[test]
fn a_change_in_a_turn_lapses_the_question_and_the_new_agent_goes_on() {
    let room = Room::with(&[("calc.py", "x\n"), ("other.py", "x\n")]);
    let one = first(&room);
    let two = room.script_as("second.jsonl", &[json!({"prompt": "Continue with step s1"}), edit("calc.py", "z\n")]);
    let mut seat = Seat::start(&room, &["--agent", &one]);
    let plan = seat.held();
    seat.approve(&plan);
    let held = seat.held();
    seat.ask("agent/change", json!({"agent": two}));
    let lapsed = seat.wait_kind("lapsed");
    assert_eq!((&lapsed["action"], &lapsed["why"]), (&held["action"], &json!("cancelled")));
    assert_eq!(seat.wait_kind("turn_ended")["reason"], "cancelled");
    let next = seat.held();
    assert_eq!(seat.proposal(&next["action"])["title"], "edit calc.py");
    // A new host has the new agent.
    let session = seat.session.clone();
    seat.kill();
    let three = [json!({"prompt": "(?s)take over.*1. Edit `calc.py`"}), edit("calc.py", "last\n")];
    room.script_as("second.jsonl", &three);
    let mut again = Seat::attach(&room, &session);
    again.ask("session/prompt", json!({"text": "go on"}));
    let held = again.wait("its edit", |e| e["kind"] == "held" && e["action"] == "a4");
    again.approve(&held);
    again.finished(&held["action"]);
    assert_eq!(room.read("calc.py"), "last\n");
    again.ask("session/close", json!({}));
    drop(again);
    assert_verifies(&room, &session);
}

#[test]
fn a_plan_under_review_stays_under_review() {
    let room = Room::with(&[("calc.py", "x\n")]);
    let one = room.script(&[json!({"document": PLAN}), edit("calc.py", "y\n")]);
    let two = room.script_as("second.jsonl", &[json!({"prompt": "(?s)Version 1 of the plan .waits.*Continue"})]);
    let mut seat = Seat::start(&room, &["--agent", &one, "--mode", "plan"]);
    let plan = seat.held();
    seat.ask("agent/change", json!({"agent": two}));
    let again = seat.held();
    assert_ne!(again["action"], plan["action"]);
    let document = seat.proposal(&again["action"])["document"].clone();
    assert_eq!((&document["text"], seat.count("plan_written")), (&json!(PLAN), 0));
    seat.approve(&again);
    assert_eq!(seat.ever("the tree", |e| e["kind"] == "plan_revised")["steps"][1]["title"], "Edit `other.py`");
}

#[test]
fn the_list_says_what_cannot_be_used() {
    let room = Room::with(&[]);
    let script = room.script(&[json!({"say": "hello"}), json!({"end": "end_turn"}), json!({"say": "bye"})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let agents = seat.ask("agent/list", json!({}))["agents"].clone();
    let of = |name: &str| agents.as_array().unwrap().iter().find(|a| a["agent"] == name).cloned().unwrap();
    assert!(of("repair")["why_not"].is_null());
    assert!(of("openhands")["why_not"].is_string() || of("openhands")["about"].is_string());
}

/// Roles in the configuration of this room.
fn roles(room: &Room, text: &str) {
    let dir = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("agents.toml"), text).unwrap();
}

#[test]
fn a_tester_only_reads_and_runs_the_checks() {
    let room = Room::with(&[("calc.py", "x\n")]);
    roles(&room, "[roles.tester]\nmay = \"tests\"\nbrief = \"Run them all.\"\n");
    let script = room.script(&[
        json!({"document": "1. Test it\n2. Fix it\n"}),
        json!({"read": {"path": "calc.py"}}),
        edit("calc.py", "y\n"),
        json!({"told": "rule role.*step s1 belongs to the role tester"}),
        json!({"run": {"command": "make check"}}),
        json!({"plan": [{"title": "Test it", "status": "done"}, {"title": "Fix it", "status": "active"}]}),
        edit("calc.py", "z\n"),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script, "--mode", "plan"]);
    let early = seat.held();
    let steps = json!([
        {"op": "add", "title": "Test it"}, {"op": "assign", "step": "s1", "owner": "tester"},
        {"op": "declare", "step": "s1", "checks": ["make check"]},
    ]);
    seat.ask("plan/edit", json!({"revision": 0, "operations": steps}));
    seat.approve(&early);
    let ruled = seat.wait("the denial", |e| e["kind"] == "ruled" && e["rule"] == "role");
    assert_eq!(ruled["ruling"], "deny");
    let checks = seat.held();
    assert_eq!(seat.proposal(&checks["action"])["command"]["shell"], "make check");
    seat.approve(&checks);
    let end = seat.held();
    assert_eq!(seat.proposal(&end["action"])["document"]["subject"]["step_end"]["step"], "s1");
    seat.approve(&end);
    let fix = seat.wait("the edit of the next step", |e| e["kind"] == "held" && e["action"] != end["action"]);
    assert_eq!(seat.proposal(&fix["action"])["kind"], "edit");
    assert_eq!(room.read("calc.py"), "x\n");
}

#[test]
fn a_role_with_an_agent_of_its_own_has_the_session_for_its_step() {
    let room = Room::with(&[("calc.py", "x\n")]);
    let tester = room.script_as(
        "tester.jsonl",
        &[
            json!({"prompt": "(?s)Step s1 belongs to the role tester.*only read.*Look well.*1. Test it"}),
            edit("calc.py", "y\n"),
            json!({"plan": [{"title": "Test it", "status": "done"}, {"title": "Fix it"}]}),
            json!({"end": "end_turn"}),
            json!({"say": "never"}),
        ],
    );
    roles(&room, &format!("[roles.tester]\nagent = {tester:?}\nmay = \"read\"\nbrief = \"Look well.\"\n"));
    let own = room.script(&[json!({"document": "1. Test it\n2. Fix it\n"}), json!({"wait_ms": 60_000})]);
    let mut seat = Seat::start(&room, &["--agent", &own, "--mode", "plan"]);
    let plan = seat.held();
    let steps = json!([{"op": "add", "title": "Test it"}, {"op": "assign", "step": "s1", "owner": "tester"}]);
    seat.ask("plan/edit", json!({"revision": 0, "operations": steps}));
    // The agent that comes back plays its script again.
    let back = [json!({"prompt": "(?s)Continue with step s2"}), edit("calc.py", "z\n")];
    room.script(&back);
    seat.approve(&plan);
    let changed = seat.wait_kind("agent_changed");
    assert_eq!(
        (&changed["agent"], &changed["step"], &changed["by"]),
        (&json!(tester), &json!("s1"), &json!("step s1"))
    );
    seat.wait("the denial", |e| e["kind"] == "ruled" && e["rule"] == "role");
    let end = seat.held();
    seat.approve(&end);
    let changed = seat.wait_kind("agent_changed");
    assert_eq!((&changed["agent"], &changed["step"]), (&json!(own), &Value::Null));
    let fix = seat.held();
    seat.approve(&fix);
    seat.finished(&fix["action"]);
    assert_eq!(room.read("calc.py"), "z\n");
    let session = seat.session.clone();
    seat.ask("session/close", json!({}));
    drop(seat);
    assert_verifies(&room, &session);
}
