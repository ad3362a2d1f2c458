//! The plan as a contract: nothing before it is approved, comments, versions, steps one by one, changes in part.

use crate::seat::{Room, Seat, assert_verifies, only_session};
use serde_json::{Value, json};

const FIRST: &str = "# Fix the sums\n\n1. Read `calc.py`\n2. Edit `calc.py`\n3. Tell everybody\n";
const SECOND: &str = "# Fix the sums\n\n1. Read `calc.py`\n2. Edit `calc.py`, one line\n";

fn edit(after: &str) -> Value {
    json!({"edit": {"path": "calc.py", "after": after}})
}

fn held_of(seat: &mut Seat, kind: &str) -> Value {
    let held = seat.held();
    assert_eq!(seat.proposal(&held["action"])["kind"], kind);
    held
}

#[test]
fn nothing_changes_before_the_plan_is_approved() {
    let room = Room::with(&[("calc.py", "x\n")]);
    let script = room.script(&[edit("y\n"), json!({"document": SECOND}), edit("z\n")]);
    let mut seat = Seat::start(&room, &["--agent", &script, "--mode", "plan"]);
    let early = held_of(&mut seat, "edit");
    assert_eq!(early["confirm"], "early");
    assert_eq!(seat.ever("the alarm", |e| e["kind"] == "alarm")["what"], "before_plan");
    assert!(seat.decide(&early, "approve", json!({})).is_err(), "no word was given");
    assert!(seat.decide(&early, "approve", json!({"confirm": "yes"})).is_err());
    assert!(seat.try_ask("gate/step", json!({})).is_err(), "the step key is no way around it");
    seat.decide(&early, "redirect", json!({"reason": "the plan first"})).unwrap();
    let plan = held_of(&mut seat, "plan");
    assert_eq!(room.read("calc.py"), "x\n");
    seat.approve(&plan);
    let edit = held_of(&mut seat, "edit");
    assert!(edit["confirm"].is_null(), "{edit}");
    seat.approve(&edit);
    seat.finished(&edit["action"]);
    assert_eq!(room.read("calc.py"), "z\n");
}

#[test]
fn an_edit_that_waited_for_the_plan_is_ruled_again_when_it_is_approved() {
    let room = Room::with(&[("calc.py", "x\n")]);
    let script = room.script(&[json!({"written": FIRST}), json!({"run": {"command": "make it"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script, "--mode", "plan"]);
    let plan = held_of(&mut seat, "plan");
    let held = held_of(&mut seat, "command");
    assert_eq!(held["confirm"], "early");
    let digest = seat.ask("plan/write", json!({"text": FIRST}))["digest"].clone();
    assert_eq!(seat.count("plan_written"), 0, "it is the one that is asked about: {plan}");
    seat.ask("plan/decide", json!({"digest": digest, "verdict": "approve"}));
    let again = seat.held();
    assert_eq!((again["action"].clone(), again["confirm"].clone()), (held["action"].clone(), Value::Null));
    let steps = seat.ever("the tree", |e| e["kind"] == "plan_revised")["steps"].clone();
    assert_eq!((steps[1]["title"].clone(), steps[1]["files"].clone()), (json!("Edit `calc.py`"), json!(["calc.py"])));
    assert_eq!(steps[0]["status"], "active", "the first step begins");
}

#[test]
fn comments_go_as_one_message_and_are_found_in_the_next_version() {
    let room = Room::with(&[("calc.py", "x\n")]);
    let told = r"(?s)Smaller\..*Comments on the plan:.*1\. Line 5:.*> 3\. Tell everybody.*Leave this out\..*Questions.*2\. Line 3:";
    let script = room.script(&[json!({"document": FIRST}), json!({"told": told}), json!({"document": SECOND})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let first = held_of(&mut seat, "plan");
    let text = seat.proposal(&first["action"])["document"]["text"].clone();
    assert_eq!(text, FIRST);
    let question = seat.ask("plan/comment", json!({"op": "add", "line": 3, "kind": "question", "text": "all of it?"}));
    assert_eq!(question["comment"], "k1");
    seat.ask("plan/comment", json!({"op": "add", "line": 5, "kind": "drop"}));
    seat.ask("plan/comment", json!({"op": "add", "line": 1, "text": "never mind"}));
    seat.ask("plan/comment", json!({"op": "withdraw", "comment": "k3"}));
    assert!(seat.try_ask("plan/comment", json!({"op": "add", "line": 99, "text": "x"})).is_err());
    assert!(seat.try_ask("plan/comment", json!({"op": "add", "line": 1, "text": " "})).is_err());
    seat.decide(&first, "redirect", json!({"reason": "Smaller."})).unwrap();
    let second = held_of(&mut seat, "plan");
    let sent = |e: &Value| e["kind"] == "plan_commented" && e["comment"]["state"] == "sent";
    assert_eq!(seat.ever("a comment that was sent", sent)["comment"]["id"], "k1");
    seat.ask("plan/comment", json!({"op": "resolve", "comment": "k2"}));
    seat.approve(&second);
    let steps = seat.wait_kind("plan_revised")["steps"].clone();
    assert_eq!(steps[1]["title"], "Edit `calc.py`, one line");
    seat.wait_kind("session_ended");
    drop(seat);
    assert_verifies(&room, &only_session(&room));
}

#[test]
fn the_users_version_of_the_plan_is_binding() {
    let room = Room::with(&[]);
    let told = r"(?s)Approved with changes.*version of the plan is binding:.*1\. Only this";
    let script = room.script(&[json!({"document": FIRST}), json!({"told": told})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = held_of(&mut seat, "plan");
    seat.decide(&held, "approve_edited", json!({"edited": {"plan": "1. Only this\n"}})).unwrap();
    let steps = seat.wait_kind("plan_revised")["steps"].clone();
    assert_eq!(steps.as_array().unwrap().len(), 1);
    assert_eq!(seat.wait_kind("session_ended")["outcome"], "done");
}

#[test]
fn steps_end_one_by_one_and_drift_is_held() {
    let room = Room::with(&[("calc.py", "x\n"), ("other.py", "x\n")]);
    let plan = |first: &str, second: &str| json!({"plan": [{"title": "Edit `calc.py`", "status": first}, {"title": "Edit `other.py`", "status": second}]});
    let script = room.script(&[
        json!({"document": "1. Edit `calc.py`\n2. Edit `other.py`\n"}),
        json!({"edit": {"path": "other.py", "after": "y\n"}}),
        edit("y\n"),
        plan("done", "active"),
        json!({"edit": {"path": "other.py", "after": "z\n"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script, "--mode", "plan"]);
    let held = held_of(&mut seat, "plan");
    seat.approve(&held);
    let drift = held_of(&mut seat, "edit");
    let ruled = seat.ever("the ruling", |e| e["kind"] == "ruled" && e["action"] == drift["action"]);
    assert_eq!(ruled["rule"], "drift");
    assert!(ruled["reason"].as_str().unwrap().contains("other.py"), "{ruled}");
    seat.decide(&drift, "deny", json!({"reason": "not yet"})).unwrap();
    let inside = held_of(&mut seat, "edit");
    seat.approve(&inside);
    let end = held_of(&mut seat, "plan");
    let action = seat.proposal(&end["action"]);
    assert_eq!(action["document"]["subject"]["step_end"]["step"], "s1");
    let text = action["document"]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("edit calc.py") && text.contains("Beyond what the step declares"), "{text}");
    let early = held_of(&mut seat, "edit");
    assert_eq!(early["confirm"], "early");
    seat.approve(&end);
    let next = seat.held();
    assert_eq!((next["action"].clone(), next["confirm"].clone()), (early["action"].clone(), Value::Null));
    seat.approve(&next);
    seat.finished(&next["action"]);
    assert_eq!((room.read("calc.py"), room.read("other.py")), ("y\n".into(), "z\n".into()));
    assert!(text.contains("No test run was observed."), "{text}");
    let (code, report, _) = room.run(&["export", &seat.session, "--format", "md"]);
    assert_eq!(code, 0, "{report}");
    let steps = report.split("## Steps of the plan").nth(1).expect("the steps");
    assert!(steps.contains("2 actions · 1 beyond it") && steps.contains("- [x] Edit"), "{steps}");
}

#[test]
fn a_changed_plan_is_accepted_in_part() {
    let room = Room::with(&[]);
    let plan = |titles: &[(&str, &str)]| {
        let steps: Vec<Value> =
            titles.iter().map(|(title, status)| json!({"title": title, "status": status})).collect();
        json!({"plan": steps})
    };
    let script = room.script(&[
        json!({"document": "1. Read the code\n2. Fix the sums\n"}),
        plan(&[("Read the code", "done"), ("Fix the sums", "active")]),
        plan(&[
            ("Read the code", "done"),
            ("Fix the sums", "active"),
            ("Write a poem", "pending"),
            ("Add a test", "pending"),
        ]),
        json!({"wait_ms": 1}),
        json!({"run": {"command": "make"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = held_of(&mut seat, "plan");
    seat.approve(&held);
    let replan = held_of(&mut seat, "plan");
    let action = seat.proposal(&replan["action"]);
    assert_eq!(action["document"]["subject"], "replan");
    assert!(action["document"]["text"].as_str().unwrap().contains("add: Write a poem"));
    let statuses = seat.ever("the statuses", |e| e["kind"] == "plan_revised" && e["steps"][0]["status"] == "done");
    assert_eq!(statuses["steps"].as_array().unwrap().len(), 2, "only the statuses passed");
    seat.decide(&replan, "approve", json!({"hunks": [1]})).unwrap();
    let revised = seat.wait("the part", |e| e["kind"] == "plan_revised" && e["steps"].as_array().unwrap().len() == 3);
    assert_eq!(revised["steps"][2]["title"], "Add a test");
}

/// An agent lists one step after the other, as claude does, and repeats its list with what was left out of an approval.
#[test]
fn a_change_of_the_plan_that_is_over_or_answered_is_not_asked_about() {
    let room = Room::with(&[]);
    let plan = |first: &str, titles: &[&str]| {
        let status = |at| if at == 0 { first } else { "pending" };
        let steps = titles.iter().enumerate().map(|(at, title)| json!({"title": title, "status": status(at)}));
        json!({"plan": steps.collect::<Vec<_>>()})
    };
    let run = |line: &str| json!({"run": {"command": line}});
    let longer = ["Read the code", "Fix the sums", "Write a poem", "Add a test"];
    let script = room.script(&[
        json!({"document": "1. Read the code\n2. Fix the sums\n"}),
        plan("pending", &longer[..1]),
        plan("active", &longer[..1]),
        plan("active", &longer[..2]),
        run("make one"),
        plan("pending", &longer),
        plan("active", &longer),
        run("make two"),
        plan("active", &longer),
        run("make three"),
        plan("active", &longer[..1]),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = held_of(&mut seat, "plan");
    seat.approve(&held);
    let unfinished = held_of(&mut seat, "plan");
    let lapsed = seat.wait_kind("lapsed");
    let listed = |e: &Value| e["kind"] == "plan_revised" && e["steps"][0]["status"] == "active";
    let begun = seat.ever("the step begins", listed);
    assert!(begun["seq"].as_u64() < unfinished["seq"].as_u64(), "a list that was only begun asks nothing");
    assert_eq!((&lapsed["action"], &lapsed["why"]), (&unfinished["action"], &json!("superseded")));
    let command = held_of(&mut seat, "command");
    seat.decide(&command, "deny", json!({})).unwrap();
    let replan = held_of(&mut seat, "plan");
    let two = held_of(&mut seat, "command");
    seat.decide(&replan, "approve", json!({"hunks": [1]})).unwrap();
    let part = seat.wait("the part", |e| e["kind"] == "plan_revised" && e["steps"].as_array().unwrap().len() == 3);
    assert_eq!(part["steps"][0]["status"], "active", "the list is older than the status: {part}");
    seat.decide(&two, "deny", json!({})).unwrap();
    let is_next = |e: &Value| e["kind"] == "held" && e["action"] != two["action"];
    let three = seat.wait("what is asked next", is_next);
    assert_eq!(seat.proposal(&three["action"])["kind"], "command", "the poem was answered");
    seat.decide(&three, "deny", json!({})).unwrap();
    let again = held_of(&mut seat, "plan");
    let text = seat.proposal(&again["action"])["document"]["text"].clone();
    assert!(text.as_str().unwrap().contains("remove: Fix the sums"), "a question that lapsed was not answered: {text}");
}

/// The list of an agent that has not begun anything by its own word does not end what the approval began.
#[test]
fn a_step_that_began_with_the_approval_stays_active_until_the_agent_says_more() {
    let room = Room::with(&[("other.py", "x\n")]);
    let script = room.script(&[
        json!({"document": "1. Edit `calc.py`\n2. Edit `other.py`\n"}),
        json!({"plan": [{"title": "Edit `calc.py`"}]}),
        json!({"plan": [{"title": "Edit `calc.py`"}, {"title": "Edit `other.py`"}]}),
        json!({"edit": {"path": "other.py", "after": "y\n"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script, "--mode", "plan"]);
    let held = held_of(&mut seat, "plan");
    seat.approve(&held);
    let edit = held_of(&mut seat, "edit");
    let ruled = seat.ever("the ruling", |e| e["kind"] == "ruled" && e["action"] == edit["action"]);
    assert_eq!(ruled["rule"], "drift", "{ruled}");
}

#[test]
fn a_message_or_a_file_can_be_the_plan() {
    let room = Room::with(&[("PLAN.md", "1. From the file\n")]);
    let script = room.script(&[
        json!({"say": "1. From the message\n2. And on\n"}),
        json!({"end": "end_turn"}),
        json!({"say": "more"}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    seat.wait_kind("turn_ended");
    let version = seat.ask("plan/write", json!({}));
    assert_eq!(version["version"], 1);
    let digest = seat.ask("plan/write", json!({"path": "PLAN.md"}))["digest"].clone();
    assert!(
        seat.try_ask("plan/decide", json!({"digest": version["digest"], "verdict": "approve"})).is_err(),
        "it is old"
    );
    assert!(seat.try_ask("plan/decide", json!({"digest": digest, "verdict": "revise"})).is_err(), "nothing to tell");
    seat.ask("plan/decide", json!({"digest": digest, "verdict": "approve"}));
    let said = seat.wait("the approval", |e| e["kind"] == "said" && e["by"] == "human");
    assert!(said["text"].as_str().unwrap().contains("1. From the file"), "{said}");
    assert_eq!(seat.ever("the tree", |e| e["kind"] == "plan_revised")["steps"][0]["title"], "From the file");
}

#[test]
fn a_plan_is_kept_and_used_again_with_other_values() {
    let room = Room::with(&[]);
    let script = room.script(&[json!({"document": "1. Rename {old} to {new}\n"}), json!({"say": "never"})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    held_of(&mut seat, "plan");
    let session = seat.session.clone();
    for bad in ["../x", "a/b", ".."] {
        assert_eq!(room.run(&["plan", "save", bad, "--session", &session]).0, 2, "{bad}");
    }
    let (code, out, err) = room.run(&["plan", "save", "rename", "--session", &session]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(room.run(&["plan", "save", "rename", "--session", &session]).0, 2, "it is not replaced unasked");
    assert_eq!(room.run(&["plan", "list"]).1, "rename  --set old=… --set new=…\n");
    drop(seat);
    let script = room.script(&[json!({"run": {"command": "make it"}})]);
    let (code, _, err) = room.run(&["--headless", "--agent", &script, "--plan", "rename", "--set", "old=a"]);
    assert!(code == 2 && err.contains("--set new=…"), "{err}");
    let args = ["--agent", script.as_str(), "--plan", "rename", "--set", "old=a", "--set", "new=b"];
    let mut seat = Seat::start(&room, &args);
    let plan = held_of(&mut seat, "plan");
    let document = seat.proposal(&plan["action"])["document"].clone();
    assert_eq!((&document["text"], &document["origin"]), (&json!("1. Rename a to b\n"), &json!("human")));
    assert_eq!(held_of(&mut seat, "command")["confirm"], "early");
}
/// What the record says about the plan, as a client folds it.
fn about_plan(seat: &Seat) -> Vec<Value> {
    let kinds = ["plan_written", "plan_revised", "plan_commented", "plan_decided", "held", "decided", "lapsed"];
    seat.events.iter().filter(|e| kinds.iter().any(|kind| e["kind"] == **kind)).cloned().collect()
}

#[test]
fn a_plan_its_comments_and_the_end_of_a_step_outlive_the_host() {
    let room = Room::with(&[("calc.py", "x\n"), ("other.py", "x\n")]);
    let text = "1. Edit `calc.py`\n2. Edit `other.py`\n";
    let plan =
        |first: &str| json!({"plan": [{"title": "Edit `calc.py`", "status": first}, {"title": "Edit `other.py`"}]});
    let script = room.script(&[json!({"document": text}), edit("y\n"), plan("done"), edit("early\n")]);
    let mut seat = Seat::start(&room, &["--agent", &script, "--mode", "plan"]);
    let held = held_of(&mut seat, "plan");
    seat.approve(&held);
    let inside = held_of(&mut seat, "edit");
    seat.approve(&inside);
    let end = held_of(&mut seat, "plan");
    assert_eq!(held_of(&mut seat, "edit")["confirm"], "early");
    seat.ask("plan/comment", json!({"op": "add", "line": 2, "text": "all of it"}));
    seat.wait_kind("plan_commented");
    let (before, session) = (about_plan(&seat), seat.session.clone());
    seat.kill();
    let next = r"(?s)The session continues.*approved this plan .digest [0-9a-f]{64}.*1\. Edit `calc\.py`.*\[done\] s1: .*once$";
    room.script(&[json!({"prompt": next}), json!({"end": "end_turn"}), edit("z\n")]);
    let mut again = Seat::attach(&room, &session);
    again.wait_kind("host_started");
    again.wait("the second host", |e| e["kind"] == "host_started");
    assert_eq!(about_plan(&again), before);
    again.ask("session/prompt", json!({"text": "once"}));
    again.wait("the end of the turn", |e| e["kind"] == "turn_ended" && e["reason"] == "end_turn");
    again.ask("session/prompt", json!({"text": "again"}));
    let early = again.wait("an edit", |e| e["kind"] == "held" && e["confirm"] == "early" && e["action"] != "a4");
    let told = again.events.iter().filter(|e| e["kind"] == "told" && e["action"].is_null());
    assert_eq!(told.filter(|e| e["text"].as_str().unwrap().contains("The session continues")).count(), 1);
    again.approve(&end);
    let is_free = |e: &Value| e["kind"] == "held" && e["action"] == early["action"] && e["confirm"].is_null();
    again.wait("the edit without the word", is_free);
    drop(again);
    assert_verifies(&room, &session);
}

/// Before the approval the plan is still the agent's: edits of its tree ask for changes, marks of the user are made.
#[test]
fn edits_of_a_plan_that_is_not_approved_become_comments_on_it() {
    let room = Room::with(&[]);
    let list = json!({"plan": [{"title": "Read"}, {"title": "Write a poem"}]});
    let told =
        r"(?s)sends the plan back.*1\. Step s2:.*> Write a poem.*Leave this out\..*2\. Step s1:.*Reword this to: Look";
    let script = room.script(&[list, json!({"prompt": told}), json!({"say": "as you like"})]);
    let mut seat = Seat::start(&room, &["--agent", &script, "--mode", "plan"]);
    let held = held_of(&mut seat, "plan");
    let operations = json!([{"op": "remove", "step": "s2"}, {"op": "reword", "step": "s1", "title": "Look"},
        {"op": "stop", "step": "s1"}]);
    let stale = seat.try_ask("plan/edit", json!({"revision": 9, "operations": operations}));
    assert!(stale.is_err() && seat.count("plan_commented") == 0, "{stale:?}");
    let answer = seat.ask("plan/edit", json!({"revision": 1, "operations": operations}));
    assert_eq!(answer, json!({"revision": 2, "comments": ["k1", "k2"]}));
    let tree = seat.wait("the mark", |e| e["kind"] == "plan_revised" && e["revision"] == 2);
    assert_eq!((&tree["steps"][0]["title"], &tree["steps"][0]["stop"]), (&json!("Read"), &json!(true)));
    assert_eq!(tree["steps"].as_array().unwrap().len(), 2);
    seat.decide(&held, "redirect", json!({})).unwrap();
    seat.wait("what the agent says then", |e| e["kind"] == "said" && e["text"] == "as you like");
}

/// A list that has little to do with the approved plan is shown beside it and changes nothing of it.
#[test]
fn an_agents_own_list_stands_beside_the_plan() {
    let room = Room::with(&[]);
    let script = room.script(&[
        json!({"document": "1. Read the code\n2. Fix the sums\n"}),
        json!({"plan": [{"id": "x1", "title": "Look at git", "status": "active"}, {"id": "x2", "title": "Think"},
            {"id": "x3", "title": "Sleep"}]}),
        json!({"plan": [{"title": "Read the code", "status": "done"}, {"title": "Fix the sums"}]}),
        json!({"run": {"command": "make it"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = held_of(&mut seat, "plan");
    seat.approve(&held);
    let own = seat.wait_kind("plan_listed");
    let titles: Vec<&str> = own["steps"].as_array().unwrap().iter().map(|s| s["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Look at git", "Think", "Sleep"]);
    assert_eq!(seat.wait_kind("plan_listed")["steps"], json!([]), "the next list is the plan's again");
    held_of(&mut seat, "command");
    let done = |e: &Value| e["kind"] == "plan_revised" && e["steps"][0]["status"] == "done";
    assert_eq!(seat.ever("the statuses", done)["steps"].as_array().unwrap().len(), 2);
}

/// A bundled role works without a file of the user's, and what a reviewer objects to is an item of its own.
#[test]
fn a_reviewer_changes_nothing_and_its_objection_is_an_item() {
    let room = Room::with(&[("calc.py", "x\n")]);
    let plan = |first: &str, second: &str| json!({"plan": [{"title": "Fix it", "status": first}, {"title": "Review it", "status": second}]});
    let script = room.script(&[
        json!({"document": "1. Fix it\n2. Review it\n"}),
        json!({"run": {"command": "make it"}}),
        plan("done", "active"),
        edit("y\n"),
        json!({"say": "I looked.\n- **Objection:** calc.py still subtracts\n- objection: no test\nNo objection: else."}),
        plan("done", "done"),
        json!({"run": {"command": "make more"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = held_of(&mut seat, "plan");
    seat.approve(&held);
    let command = held_of(&mut seat, "command");
    let revision = seat.ever("the tree", |e| e["kind"] == "plan_revised")["revision"].clone();
    let assign = json!([{"op": "assign", "step": "s2", "owner": "reviewer"}]);
    seat.ask("plan/edit", json!({"revision": revision, "operations": assign}));
    seat.decide(&command, "deny", json!({})).unwrap();
    let ruled = seat.wait("the ruling", |e| e["kind"] == "ruled" && e["rule"] == "role");
    assert!(ruled["reason"].as_str().unwrap().contains("the role reviewer, which may only read"), "{ruled}");
    let first = held_of(&mut seat, "plan");
    let action = seat.proposal(&first["action"]);
    assert_eq!(action["document"]["subject"]["objection"]["step"], "s2", "{action}");
    assert_eq!(action["title"], "reviewer objects: calc.py still subtracts");
    let second = held_of(&mut seat, "plan");
    assert_eq!(seat.proposal(&second["action"])["document"]["text"], "no test");
    seat.approve(&first);
    let tree = seat.wait("the step", |e| e["kind"] == "plan_revised" && e["steps"].as_array().unwrap().len() == 3);
    assert_eq!(
        (&tree["steps"][2]["title"], &tree["steps"][2]["owner"]),
        (&json!("calc.py still subtracts"), &json!("human"))
    );
    assert_eq!(seat.finished(&first["action"])["outcome"], "ok");
    seat.decide(&second, "deny", json!({"reason": "there is one"})).unwrap();
    let told = |e: &Value| e["kind"] == "said" && e["text"].as_str().unwrap().contains("does not share the objection");
    seat.wait("the answer", told);
    assert_eq!(room.read("calc.py"), "x\n");
}

#[test]
fn a_checkpoint_is_made_when_a_marked_step_begins_and_when_it_ends() {
    let room = Room::with(&[("calc.py", "x\n")]);
    let plan = |first: &str| json!({"plan": [{"title": "Fix it", "status": first}, {"title": "Look"}]});
    let script = room.script(&[
        plan("pending"),
        json!({"run": {"command": "make it"}}),
        plan("active"),
        edit("y\n"),
        plan("done"),
        json!({"run": {"command": "make more"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let command = held_of(&mut seat, "command");
    let mark = json!({"revision": 1, "operations": [{"op": "checkpoint", "step": "s1"}]});
    seat.ask("plan/edit", mark);
    seat.decide(&command, "deny", json!({})).unwrap();
    let of_step =
        |when: &'static str| move |e: &Value| e["kind"] == "checkpointed" && e["step"] == "s1" && e["when"] == when;
    let held = held_of(&mut seat, "edit");
    seat.approve(&held);
    let begun = seat.ever("its begin", of_step("step_begins"))["tree"].clone();
    let ended = seat.wait("its end", of_step("step_ends"))["tree"].clone();
    assert_ne!(begun, ended);
    seat.ask("checkpoint/rewind", json!({"tree": begun}));
    crate::seat::until("the files are back", || room.read("calc.py") == "x\n");
}

#[test]
fn a_lease_with_a_cost_bound_needs_an_agent_that_reports_its_cost() {
    let room = Room::with(&[]);
    let script = room.script(&[json!({"run": {"command": "make it"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    held_of(&mut seat, "command");
    let refusal = seat.try_ask("lease/grant", json!({"cost_micros_max": 500_000})).unwrap_err();
    assert!(refusal.to_string().contains("has not reported what it costs"), "{refusal}");
    assert_eq!(seat.ask("lease/grant", json!({}))["lease"], "l1");
}
