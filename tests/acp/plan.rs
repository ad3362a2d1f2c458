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
