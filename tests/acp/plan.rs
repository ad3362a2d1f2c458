//! A plan to approve, from agents of every honesty: nothing of the workspace changes before it is approved.

use crate::seat::{Held, Scene, Session, done, edit_call};
use rightseat::model::event::{Isolation, Mode};
use serde_json::{Value, json};

const PLAN: &str = "# Fix it\n\n1. Edit `a.txt`\n2. Look again\n";

fn scene(turns: Value) -> Scene {
    let mut scene = Scene::of(turns).with(&[("a.txt", "old\n")]);
    scene.mode = Some(Mode::Plan);
    scene
}

/// A request for the approval of a plan.
fn plan(more: &Value) -> Value {
    let mut call = json!({"toolCallId": "p1", "title": "Ready to code?", "kind": "switch_mode", "status": "pending"});
    for (key, value) in more.as_object().unwrap() {
        call[key] = value.clone();
    }
    call
}

fn options() -> Value {
    json!([
        {"optionId": "exit-plan-accept-edits", "name": "Yes, and auto-accept edits", "kind": "allow_always"},
        {"optionId": "exit-plan-default", "name": "Yes, and manually approve edits", "kind": "allow_once"},
        {"optionId": "reject", "name": "No, keep planning", "kind": "reject_once"}])
}

fn asks(more: &Value, then: Value, otherwise: Value) -> Value {
    json!({"permission": plan(more), "options": options(), "then": then, "else": otherwise})
}

fn edits(id: &str) -> Value {
    json!({"permission": edit_call(id, "a.txt", Some("old\n"), "new\n"),
        "then": [{"write": "a.txt", "content": "new\n"}, done(id)], "else": []})
}

fn text() -> Value {
    json!({"rawInput": {"plan": PLAN}})
}

/// An edit before the plan: held for a word that is not the usual one, with an alarm.
async fn early(s: &mut Session) -> Held {
    let held = s.held().await;
    assert_eq!(held.action["kind"], "edit");
    let event = s.events.iter().rev().find(|e| e["kind"] == "held").unwrap().clone();
    assert_eq!(event["confirm"], "early");
    assert!(!s.alarms("before_plan").is_empty());
    let plain = json!({"action": held.action["id"], "digest": held.digest, "verdict": "approve"});
    assert!(s.call("action/decide", plain).await.is_err());
    assert_eq!(s.file("a.txt").unwrap(), "old\n");
    held
}

fn selected(s: &Session) -> Vec<Value> {
    s.answers().iter().filter_map(|a| a["result"]["outcome"].get("optionId").cloned()).collect()
}

/// Row 40: only in the input, only in what is shown, only as a path, nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_shown_wherever_it_is_and_said_to_be_nowhere() {
    let own = tempfile::tempdir().unwrap();
    std::fs::create_dir(own.path().join("plans")).unwrap();
    let path = own.path().join("plans/p.md");
    std::fs::write(&path, PLAN).unwrap();
    let shown = json!({"content": [{"type": "content", "content": {"type": "text", "text": PLAN}}]});
    let by_path = json!({"title": format!("Requesting plan approval for: {}", path.display()), "kind": "other"});
    for (shape, is_shown) in [(text(), true), (shown, true), (by_path, true), (json!({}), false)] {
        let mut s = scene(json!([[asks(&shape, json!([]), json!([]))]])).start().await;
        let held = s.held().await;
        let confirm = s.events.iter().rev().find(|e| e["kind"] == "held").unwrap()["confirm"].clone();
        if is_shown {
            assert_eq!((&held.action["document"]["text"], &confirm), (&json!(PLAN), &Value::Null), "{shape}");
        } else {
            assert_eq!((&held.action["kind"], &confirm), (&json!("other"), &json!("early")), "{shape}");
            assert!(held.action["rationale"].to_string().contains("does not show what it will do"), "{shape}");
        }
        s.decide(&held, "deny", json!({})).await;
        s.turn_ends().await;
        assert_eq!(selected(&s), ["reject"], "{shape}");
    }
}

/// Row 41: it is told why first, and what it does instead of planning again is held.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_after_keep_planning_is_set_aside_and_then_held() {
    let turns = json!([[asks(&text(), json!([]), json!([edits("t1")]))], [edits("t2")]]);
    let mut s = scene(turns).start().await;
    let held = s.held().await;
    s.call("plan/comment", json!({"op": "add", "line": 3, "text": "another file"})).await.unwrap();
    s.decide(&held, "redirect", json!({"reason": "Not yet."})).await;
    early(&mut s).await;
    assert_eq!(selected(&s), ["reject"], "the first edit was not asked about");
    assert!(s.heard().iter().any(|m| m["method"] == "session/cancel"));
    assert!(s.prompts()[1].contains("Not yet.") && s.prompts()[1].contains("another file"), "{:?}", s.prompts());
}

/// Row 42: whatever takes the question away grants nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_is_dismissed_is_not_approved() {
    let request = json!({"sessionId": "fake-1", "toolCall": plan(&text()), "options": options()});
    let withdrawn = json!([{"ask": "session/request_permission", "params": request, "id": "p", "no_wait": true},
        {"sleep_ms": 200}, {"notify": "$/cancel_request", "params": {"requestId": "p"}}, {"answers": 1}]);
    let canceled = json!([asks(&text(), json!([]), json!([]))]);
    for (first, by_us) in [(withdrawn, false), (canceled, true)] {
        let mut s = scene(json!([first, [edits("t2")]])).start().await;
        s.held().await;
        if by_us {
            s.call("session/cancel", json!({})).await.unwrap();
        }
        s.turn_ends().await;
        assert_eq!(selected(&s), [Value::Null; 0]);
        s.prompt("go on").await;
        early(&mut s).await;
    }
}

/// Row 44: what was read is not what is in the file now.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_void_when_the_plans_file_has_changed() {
    let own = tempfile::tempdir().unwrap();
    std::fs::create_dir(own.path().join("plans")).unwrap();
    let path = own.path().join("plans/p.md");
    let by_path = json!({"title": format!("Requesting plan approval for: {}", path.display()), "kind": "other"});
    let with_file = json!({"rawInput": {"plan": PLAN, "planFilePath": path}});
    for shape in [by_path, with_file] {
        std::fs::write(&path, PLAN).unwrap();
        let mut s = scene(json!([[asks(&shape, json!([]), json!([]))], [edits("t2")]])).start().await;
        let held = s.held().await;
        std::fs::write(&path, "1. Delete everything\n").unwrap();
        let approve = json!({"action": held.action["id"], "digest": held.digest, "verdict": "approve"});
        let refusal = s.call("action/decide", approve.clone()).await.unwrap_err();
        assert!(refusal["message"].as_str().unwrap().contains("changed while"), "{refusal}");
        assert_eq!(s.wait_kind("lapsed").await["why"], "voided");
        assert!(s.call("action/decide", approve).await.is_err(), "it is not asked about any more");
        early(&mut s).await;
        assert_eq!(selected(&s), ["reject"], "{shape}");
    }
}

/// As kimi does: the file is kept here, is not on the disk, and does not change while it is under review.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_file_written_through_us_is_kept_and_not_written() {
    let own = tempfile::tempdir().unwrap();
    let path = own.path().join("plans/p.md").display().to_string();
    let by_path = json!({"title": format!("Requesting plan approval for: {path}"), "kind": "other"});
    let request = json!({"sessionId": "fake-1", "toolCall": plan(&by_path), "options": options()});
    let write = |text: &str, name: &str| {
        json!({"ask": "fs/write_text_file", "id": name,
        "params": {"sessionId": "fake-1", "path": path, "content": text}})
    };
    let read = |path: String, name: &str| {
        json!({"ask": "fs/read_text_file", "id": name,
        "params": {"sessionId": "fake-1", "path": path}})
    };
    let beside = own.path().join("plans/AGENTS.txt").display().to_string();
    let turns = json!([[read(path.clone(), "r1"), write(PLAN, "w1"), read(path.clone(), "r2"), read(beside, "r3"),
        {"ask": "session/request_permission", "params": request, "id": "p", "no_wait": true},
        write("1. Delete everything\n", "w2"), {"answers": 6}]]);
    let mut s = scene(turns).start().await;
    let held = s.held().await;
    assert_eq!(held.action["document"]["text"], PLAN);
    s.answered("w2").await;
    s.alarm("mismatch").await;
    s.approve(&held).await;
    s.turn_ends().await;
    let answer = |id: &str| s.answers().into_iter().find(|answer| answer["id"] == id).unwrap();
    assert_eq!((&answer("r1")["result"]["content"], &answer("r2")["result"]["content"]), (&json!(""), &json!(PLAN)));
    assert!(answer("w1")["error"].is_null() && answer("w2")["error"].is_object() && answer("r3")["error"].is_object());
    assert_eq!(answer("p")["result"]["outcome"]["optionId"], "exit-plan-default");
    assert!(!own.path().join("plans").exists());
    assert_eq!(s.count("held"), 1);
}

/// One that never asks writes in its copy; nothing of that is promoted before the plan is approved.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_unasked_waits_in_the_copy_for_the_plan() {
    let turns = json!([[{"write": "a.txt", "content": "new\n"}], [asks(&text(), json!([]), json!([]))]]);
    let mut unasked = scene(turns);
    unasked.isolation = Isolation::Copy;
    let mut s = unasked.start().await;
    let edit = early(&mut s).await;
    s.prompt("now plan").await;
    let plan = s.held().await;
    assert_eq!(plan.action["kind"], "plan");
    s.approve(&plan).await;
    let again = s.held().await;
    assert_eq!(again.action["id"], edit.action["id"]);
    assert_eq!(s.file("a.txt").unwrap(), "old\n");
    s.approve(&again).await;
    let edited = |e: &Value| e["kind"] == "finished" && e["action"] == again.action["id"];
    assert_eq!(s.wait("the end of the edit", edited).await["outcome"], "ok");
    assert_eq!(s.file("a.txt").unwrap(), "new\n");
}

fn with_modes(turns: Value) -> Scene {
    let mode = |id: &str, name: &str| json!({"id": id, "name": name});
    let modes = [mode("default", "Manual"), mode("plan", "Plan"), mode("acceptEdits", "Accept edits")];
    let mut scene = scene(turns).spec("mode = \"default\"");
    scene.script["session"] = json!({"modes": {"currentModeId": "default", "availableModes": modes}});
    scene
}

/// After the approval its mode is read back: one that asks for less is reset, and said.
#[tokio::test(flavor = "multi_thread")]
async fn a_mode_that_asks_for_less_after_the_approval_is_an_alarm_unless_it_was_chosen() {
    let accept = json!({"update": {"sessionUpdate": "current_mode_update", "currentModeId": "acceptEdits"}});
    let turns = json!([[asks(&text(), json!([accept, {"sleep_ms": 200}]), json!([]))]]);
    for chosen in [false, true] {
        let mut s = with_modes(turns.clone()).start().await;
        let held = s.held().await;
        let more = if chosen { json!({"option": "exit-plan-accept-edits", "confirm": "mode"}) } else { json!({}) };
        s.decide(&held, "approve", more).await;
        s.turn_ends().await;
        let resets = s.heard().iter().filter(|m| m["method"] == "session/set_mode").count();
        let badges = s.events.iter().filter(|e| e["kind"] == "agent_ready").map(|e| e["badges"].to_string());
        let says_so = badges.filter(|badges| badges.contains("acceptEdits: it does not ask before")).count();
        assert!(says_so > 0, "the badge says so");
        let loose = s.events.iter().any(|e| e["kind"] == "agent_ready" && e["loose_mode"] == "acceptEdits");
        assert!(loose, "and the header");
        if chosen {
            assert_eq!((s.alarms("mode_changed"), resets), (Vec::new(), 0));
        } else {
            let alarms = s.alarms("mode_changed");
            assert!(
                alarms.len() == 1 && alarms[0].contains("acceptEdits") && alarms[0].contains("does not ask"),
                "{alarms:?}"
            );
            assert_eq!(resets, 1, "it was reset to the mode that asks");
        }
    }
}

/// It begins with the user's version, not with its own.
#[tokio::test(flavor = "multi_thread")]
async fn an_edited_plan_is_heard_before_anything_of_it_is_done() {
    let turns = json!([[asks(&text(), json!([edits("t1")]), json!([]))], [{"say": "As you like."}]]);
    let mut s = scene(turns).start().await;
    let held = s.held().await;
    s.decide(&held, "approve_edited", json!({"edited": {"plan": "1. Only look at `a.txt`\n"}})).await;
    s.turn_ends().await;
    assert!(
        s.prompts()[1].contains("1. Only look at `a.txt`") && s.prompts()[1].contains("binding"),
        "{:?}",
        s.prompts()
    );
    assert_eq!((s.count("held"), s.file("a.txt").unwrap()), (1, "old\n".to_owned()));
}

/// A session that goes over to mode `plan`: an agent that can have a copy gets it between two turns, and goes on there.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_goes_into_its_copy_when_the_mode_becomes_plan() {
    let mut plain = scene(json!([[{"say": "hi"}, {"await_cancel": true}, {"stop": "cancelled"}]]));
    (plain.mode, plain.isolation_of_plan) = (None, Some(Isolation::Copy));
    plain.script["init"] = json!({"agentCapabilities": {"loadSession": true}});
    let mut s = plain.start().await;
    s.wait("its words", |e| e["kind"] == "said" && e["by"] == "agent").await;
    s.call("gate/mode", json!({"mode": "plan"})).await.unwrap();
    let warned = s.alarm("isolation").await["text"].as_str().unwrap().to_owned();
    assert!(
        warned.contains("isolation gated") && warned.contains("from its next turn it works in a private copy"),
        "{warned}"
    );
    let next = json!([[{"write": "a.txt", "content": "new\n"}]]);
    s.plays_next(&json!({"turns": next, "init": {"agentCapabilities": {"loadSession": true}}}));
    s.call("session/cancel", json!({})).await.unwrap();
    s.turn_ends().await;
    s.wait("the copy", |e| e["kind"] == "agent_ready" && e["agent"]["isolation"] == "copy").await;
    s.prompt("go on").await;
    early(&mut s).await;
    assert!(s.heard().iter().any(|m| m["method"] == "session/load"), "it goes on with its own session");
    assert!(s.alarms("unsupervised").iter().all(|text| text.contains("in its private copy")));
}

/// One that is to work in the workspace stays there, and what that means is said at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_mode_plan_does_not_prevent_in_the_workspace_is_said() {
    for from_the_start in [true, false] {
        let mut gated = scene(json!([[{"say": "hi"}]]));
        gated.mode = from_the_start.then_some(Mode::Plan);
        let mut s = gated.start().await;
        s.turn_ends().await;
        if !from_the_start {
            assert_eq!(s.alarms("isolation"), [""; 0]);
            s.call("gate/mode", json!({"mode": "plan"})).await.unwrap();
            s.alarm("isolation").await;
        }
        let alarms = s.alarms("isolation");
        assert!(alarms.len() == 1 && alarms[0].contains("are detected but not held"), "{alarms:?}");
        assert!(alarms[0].contains("start the session with --isolation copy"), "{alarms:?}");
    }
}

/// A plan's file in the agent's private copy is read there, before the question and before the approval.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_void_when_the_plans_file_in_the_copy_has_changed() {
    for (named, changes) in [("PLAN.md", true), ("$CWD/PLAN.md", true), ("PLAN.md", false)] {
        let with_file = json!({"rawInput": {"plan": PLAN, "planFilePath": named}});
        let turn = json!([{"write": "PLAN.md", "content": PLAN}, asks(&with_file, json!([]), json!([]))]);
        let mut private = scene(json!([turn]));
        private.isolation = Isolation::Copy;
        let mut s = private.start().await;
        let about_plan = |e: &Value| e["kind"] == "proposed" && e["action"]["document"]["text"] == PLAN;
        let action = s.wait("the plan", about_plan).await["action"].clone();
        assert_eq!(action["document"]["path"], "PLAN.md", "{action}");
        s.wait("the question", |e| e["kind"] == "held" && e["action"] == action["id"]).await;
        if changes {
            let copy = s.dir.path().join("state/candidates/agent/PLAN.md");
            std::fs::write(copy, "1. Delete everything\n").unwrap();
        }
        let approve = json!({"action": action["id"], "digest": action["digest"], "verdict": "approve"});
        let answer = s.call("action/decide", approve).await;
        if changes {
            assert!(answer.unwrap_err()["message"].as_str().unwrap().contains("PLAN.md changed while"));
        } else {
            answer.unwrap();
        }
    }
}

const REMIND: &str = "What binds you has not changed.";

/// A session in which this plan is approved, and the agent's later turns.
async fn with_approved_plan(mut scene: Scene) -> (Session, String) {
    scene.script["init"] = json!({"agentCapabilities": {"loadSession": true}});
    let mut s = scene.start().await;
    let plan = s.held().await;
    s.approve(&plan).await;
    s.turn_ends().await;
    let digest = rightseat::base::Digest::of(PLAN.as_bytes()).to_string();
    (s, digest)
}

/// What binds an agent is told again when it has shortened what it remembers: it said so, or it was told to.
#[tokio::test(flavor = "multi_thread")]
async fn the_approved_plan_is_told_again_after_a_compaction() {
    let compacted = |status: &str| json!({"update": {"sessionUpdate": "compaction_update", "status": status}});
    let commands = json!({"update": {"sessionUpdate": "available_commands_update",
        "availableCommands": [{"name": "compact", "description": "Shorten"}]}});
    let ask = asks(&text(), json!([]), json!([]));
    let turns = json!([[commands, ask], [compacted("started"), compacted("completed"), {"say": "shorter"}],
        [{"say": "on"}], [{"say": "short"}], [{"say": "on"}]]);
    let (mut s, digest) = with_approved_plan(scene(turns)).await;
    for next in ["go on", "with this", "/compact", "and this"] {
        s.prompt(next).await;
        s.turn_ends().await;
    }
    let prompts = s.prompts();
    let told: Vec<bool> = prompts.iter().map(|prompt| prompt.contains(REMIND)).collect();
    assert_eq!(told, [false, false, true, false, true], "{prompts:#?}");
    assert!(prompts[2].contains(&digest) && prompts[2].contains("1. Edit `a.txt`"), "{}", prompts[2]);
    let journal = s.events.iter().filter(|e| e["kind"] == "told" && e["text"].as_str().unwrap().contains(REMIND));
    assert_eq!(journal.count(), 2);
}

/// A process that loads its own session is told what was approved in the one before it.
#[tokio::test(flavor = "multi_thread")]
async fn the_approved_plan_is_told_again_to_an_agent_that_loads_its_session() {
    let (mut s, digest) = with_approved_plan(scene(json!([[asks(&text(), json!([]), json!([]))]]))).await;
    s.plays_next(&json!({"turns": [[{"say": "on"}]], "init": {"agentCapabilities": {"loadSession": true}}}));
    s.call("gate/stop", json!({})).await.unwrap();
    s.call("gate/resume", json!({})).await.unwrap_or_default();
    s.prompt("go on").await;
    s.turn_ends().await;
    assert!(s.heard().iter().any(|m| m["method"] == "session/load" && m["params"]["sessionId"] == "fake-1"));
    let last = s.prompts().pop().unwrap();
    assert!(last.contains("The session continues after its agent was started again."), "{last}");
    assert!(last.contains(&digest) && last.contains("1. Edit `a.txt`") && last.ends_with("go on"), "{last}");
}

/// An agent that takes words only between prompts: its prompt is not ended to tell it that its steps are approved.
#[tokio::test(flavor = "multi_thread")]
async fn the_approval_of_our_own_question_ends_no_running_prompt() {
    let list = json!({"update": {"sessionUpdate": "plan", "entries": [
        {"content": "Edit a", "status": "in_progress"}, {"content": "Look again", "status": "pending"}]}});
    let turns = json!([[list, edits("t1"), {"say": "edited"}], [{"say": "heard"}]]);
    let mut s = scene(turns).start().await;
    let plan = s.held().await;
    assert_eq!(plan.action["document"]["origin"], "steps");
    let edit = s.held().await;
    assert_eq!(edit.action["kind"], "edit");
    s.approve(&plan).await;
    s.approve(&edit).await;
    s.turn_ends().await;
    assert!(!s.heard().iter().any(|m| m["method"] == "session/cancel"));
    assert!(s.prompts()[1].contains("The supervisor approved this plan"), "{:?}", s.prompts());
    assert_eq!(s.file("a.txt").unwrap(), "new\n");
}
