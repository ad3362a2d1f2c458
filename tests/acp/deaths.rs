//! An agent that dies or falls silent at any point, and comes back to its own session where it can.

use crate::seat::{Scene, Session, edit_call};
use serde_json::{Value, json};

fn asks() -> Value {
    edit_call("t1", "a.txt", Some("old\n"), "new\n")
}

/// The session is alive after a loss: nothing waits, the host answers.
async fn is_settled(s: &mut Session, at: &str) {
    let lost = s.wait(&format!("the loss at {at}"), |e| e["kind"] == "agent_lost").await;
    assert_eq!(lost["exit"], 9, "{at}: {lost}");
    let open: Vec<Value> = s.events.iter().filter(|e| e["kind"] == "held").cloned().collect();
    for held in open {
        let over =
            |e: &Value| e["action"] == held["action"] && ["lapsed", "finished"].iter().any(|kind| e["kind"] == *kind);
        if !s.events.iter().any(over) {
            s.wait(&format!("the end of what was held at {at}"), over).await;
        }
    }
    s.call("gate/freeze", json!({})).await.unwrap();
    s.call("gate/resume", json!({})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn death_in_the_handshake_is_said_and_the_session_stays() {
    for at in ["initialize", "session/new", "session/prompt"] {
        let mut scene = Scene::of(json!([[]]));
        scene.script["die_at"] = json!(at);
        let mut s = scene.start().await;
        let lost = s.wait(&format!("the loss at {at}"), |e| e["kind"] == "agent_lost").await;
        assert!(lost["why"].as_str().unwrap().contains(&format!("dying at {at}")), "{lost}");
        assert_eq!(lost["exit"], 9, "{lost}");
        s.turn_ends().await;
        s.call("gate/freeze", json!({})).await.unwrap();
    }
}

/// A version that rightseat does not speak could mean anything by the same words.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_of_another_protocol_version_is_not_started() {
    for version in [json!(999), json!(0), json!("1"), json!(2.5)] {
        let mut scene = Scene::of(json!([[]]));
        scene.script["init"] = json!({"protocolVersion": version});
        let mut s = scene.start().await;
        let lost = s.wait("the loss", |e| e["kind"] == "agent_lost").await;
        let why = lost["why"].as_str().unwrap();
        assert!(why.contains(&format!("ACP version {version}")) && why.contains("rightseat 1"), "{why}");
        assert!(!s.heard().iter().any(|m| m["method"] == "session/new"), "no session is opened with it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn death_with_something_open_leaves_nothing_open() {
    let ask = |method: &str, params: Value| json!({"ask": method, "params": params, "no_wait": true});
    let permission = json!({"sessionId": "fake-1", "toolCall": asks(), "options": [{"optionId": "yes", "name": "Allow", "kind": "allow_once"}]});
    let write = json!({"sessionId": "fake-1", "path": "$CWD/b.txt", "content": "b"});
    let command = json!({"sessionId": "fake-1", "command": "sh", "args": ["-c", "exec sleep 600"]});
    let form = json!({"sessionId": "fake-1", "mode": "form", "message": "?", "requestedSchema": {"type": "object", "properties": {}}});
    for (at, open) in [
        ("a permission", ask("session/request_permission", permission)),
        ("a write", ask("fs/write_text_file", write)),
        ("a command", ask("terminal/create", command)),
        ("a question", ask("elicitation/create", form)),
    ] {
        // A second request, answered at once, shows that the first has been read.
        let turns = json!([[open, {"ask": "x/y", "params": {}}, {"die": 9}]]);
        let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
        is_settled(&mut s, at).await;
        assert_eq!((s.file("a.txt").as_deref(), s.file("b.txt")), (Some("old\n"), None), "{at}");
        assert_eq!(s.count("decided"), 0, "{at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn death_after_an_approval_is_compared_with_the_disk() {
    for (how, before_death, outcome) in [
        ("before it wrote", json!([{"die": 9}]), "failed"),
        ("after it wrote", json!([{"write": "a.txt", "content": "new\n"}, {"die": 9}]), "ok"),
        ("half written", json!([{"write": "a.txt", "content": "ne"}, {"die": 9}]), "unknown"),
    ] {
        let turns = json!([[{"permission": asks(), "then": before_death, "else": []}]]);
        let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
        let held = s.held().await;
        s.approve(&held).await;
        s.wait_kind("agent_lost").await;
        let ended = |e: &Value| e["action"] == held.action["id"] && e["kind"] == "finished";
        if !s.events.iter().any(ended) {
            s.wait(&format!("the end of the action, {how}"), ended).await;
        }
        let finished = s.events.iter().find(|e| ended(e)).unwrap();
        assert_eq!(finished["outcome"], outcome, "{how}: {finished}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_death_the_agents_own_session_goes_on() {
    for (capabilities, method) in [
        (json!({"loadSession": true}), "session/load"),
        (json!({"loadSession": true, "sessionCapabilities": {"resume": {}}}), "session/resume"),
    ] {
        let mut scene = Scene::of(json!([[{"say": "first"}, {"die": 9}]]));
        scene.script["init"] = json!({"agentCapabilities": capabilities});
        let mut s = scene.start().await;
        s.wait_kind("agent_lost").await;
        s.turn_ends().await;
        s.prompt("go on").await;
        s.wait("the new process", |e| e["kind"] == "agent_lost").await;
        let heard = s.heard();
        let again = heard.iter().find(|m| m["method"] == method).unwrap_or_else(|| panic!("{method}: {heard:?}"));
        assert_eq!(again["params"]["sessionId"], "fake-1");
        let prompt = heard.iter().rfind(|m| m["method"] == "session/prompt").unwrap();
        assert_eq!(
            (&prompt["params"]["sessionId"], &prompt["params"]["prompt"][0]["text"]),
            (&json!("fake-1"), &json!("go on"))
        );
        let told = s.events.iter().any(|e| e["text"].as_str().is_some_and(|t| t.contains("old answer")));
        assert!(!told, "what was in the journal is not told again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_taken_up_again_is_opened_anew_and_told_where_it_stood() {
    let mut scene = Scene::of(json!([[{"say": "first"}, {"die": 9}]]));
    scene.script["init"] = json!({"agentCapabilities": {"loadSession": true}});
    scene.script["errors"] = json!({"session/load": {"code": -32002, "message": "no such session"}});
    let mut s = scene.start().await;
    s.wait_kind("agent_lost").await;
    s.turn_ends().await;
    s.prompt("go on").await;
    s.wait("the new process", |e| e["kind"] == "agent_lost").await;
    assert_eq!(s.heard().iter().filter(|m| m["method"] == "session/new").count(), 2);
    assert!(s.alarms("session_lost")[0].contains("no such session"), "the human is told so");
    let prompt = s.prompts().pop().unwrap();
    assert!(prompt.contains("continues with a new agent") && prompt.ends_with("go on"), "{prompt}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_never_answers_its_prompt_can_be_stopped_and_is_asked_again() {
    let mut scene = Scene::of(json!([[]]));
    scene.script["silent_at"] = json!("session/prompt");
    let mut s = scene.start().await;
    s.wait("the prompt is out", |e| e["kind"] == "said" && e["by"] == "human").await;
    s.wait("it is ready", |e| e["kind"] == "agent_ready" && e["state"] == "ready").await;
    s.call("session/cancel", json!({})).await.unwrap();
    assert_eq!(s.turn_ends().await["reason"], "cancelled");
    assert!(s.heard().iter().any(|m| m["method"] == "session/cancel"));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_session_closes_every_question_has_its_answer() {
    let turns = json!([[
        {"ask": "session/request_permission", "id": "p", "no_wait": true, "params": {"sessionId": "fake-1", "toolCall": asks(),
            "options": [{"optionId": "yes", "name": "Allow", "kind": "allow_once"}]}},
        {"ask": "fs/write_text_file", "id": "w", "no_wait": true, "params": {"sessionId": "fake-1", "path": "$CWD/b.txt", "content": "b"}},
        {"ask": "elicitation/create", "id": "e", "no_wait": true, "params": {"sessionId": "fake-1", "mode": "form", "message": "?", "requestedSchema": {"type": "object", "properties": {}}}},
        {"ask": "terminal/create", "id": "t", "no_wait": true, "params": {"sessionId": "fake-1", "command": "true"}},
        {"ask": "never/there", "id": "n"}, {"await_cancel": true}, {"stop": "cancelled"}]]);
    let mut scene = Scene::of(turns).with(&[("a.txt", "old\n")]);
    scene.script["init"] = json!({"agentCapabilities": {"sessionCapabilities": {"close": {}}}});
    let mut s = scene.start().await;
    for _ in 0..4 {
        s.held().await;
    }
    let heard = s.close_and_hear(|m| m["method"] == "session/close").await;
    for id in ["p", "w", "e", "t", "n"] {
        let answers = heard.iter().filter(|m| m["method"].is_null() && m["id"] == id).count();
        assert_eq!(answers, 1, "{id}: {heard:?}");
    }
    assert!(heard.iter().any(|m| m["method"] == "session/close"), "{heard:?}");
    assert!(heard.iter().any(|m| m["method"] == "$/cancel_request"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_agent_keeps_is_listed_and_dropped_where_it_offers_that() {
    let mut scene = Scene::of(json!([[{"say": "up"}]]));
    scene.script["init"] =
        json!({"agentCapabilities": {"sessionCapabilities": {"list": {}, "delete": {}}, "auth": {"logout": {}}}});
    scene.script["sessions"] =
        json!([{"sessionId": "old-1", "cwd": "/x", "title": "earlier", "updatedAt": "2026-01-01"}]);
    let mut s = scene.start().await;
    s.turn_ends().await;
    for (order, words) in [
        (json!({"do": "list"}), "old-1 2026-01-01 earlier"),
        (json!({"do": "delete", "session": "old-1"}), "old-1 was deleted"),
        (json!({"do": "delete", "session": "fake-1"}), "not deleted"),
        (json!({"do": "logout"}), "logged out"),
    ] {
        s.call("agent/session", order).await.unwrap();
        s.wait(words, |e| e["kind"] == "agent_noted" && e["text"].as_str().unwrap().contains(words)).await;
    }
    let heard = s.heard();
    let methods: Vec<&str> = heard.iter().filter_map(|m| m["method"].as_str()).skip(3).collect();
    assert_eq!(methods, ["session/list", "session/delete", "session/list", "logout"]);
    let mut s = Scene::of(json!([[{"say": "up"}]])).start().await;
    s.turn_ends().await;
    s.call("agent/session", json!({"do": "logout"})).await.unwrap();
    s.wait("that it is not offered", |e| {
        e["kind"] == "agent_noted" && e["text"].as_str().unwrap().contains("does not support this")
    })
    .await;
}
