//! Which of the agent's own options a verdict selects: never one by its position, never one that changes the mode.

use crate::seat::{Scene, Session};
use serde_json::{Value, json};

fn plan() -> Value {
    json!({"toolCallId": "t1", "title": "Ready to code?", "kind": "switch_mode",
        "content": [{"type": "content", "content": {"type": "text", "text": "1. look\n2. fix"}}]})
}

fn qwen() -> Value {
    json!([
        {"optionId": "restore_previous", "name": "Yes, restore previous mode (yolo)", "kind": "allow_once"},
        {"optionId": "proceed_always", "name": "Yes, and auto-accept edits", "kind": "allow_always"},
        {"optionId": "proceed_once", "name": "Yes, and manually approve edits", "kind": "allow_once"},
        {"optionId": "cancel", "name": "No, keep planning", "kind": "reject_once"}])
}

fn kimi() -> Value {
    json!([
        {"optionId": "plan_opt_0", "name": "Rewrite the parser", "kind": "allow_once"},
        {"optionId": "plan_opt_1", "name": "Patch the lexer", "kind": "allow_once"},
        {"optionId": "plan_revise", "name": "Revise", "kind": "reject_once"},
        {"optionId": "plan_reject_and_exit", "name": "Reject and exit", "kind": "reject_once"}])
}

async fn asked(options: Value) -> Session {
    let turns = json!([[{"permission": plan(), "options": options, "then": [], "else": []}]]);
    Scene::of(turns).start().await
}

fn chosen(s: &Session) -> Vec<Value> {
    s.answers().iter().filter_map(|a| a["result"]["outcome"].get("optionId").cloned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_never_selects_an_option_by_its_position() {
    let mut s = asked(qwen()).await;
    let held = s.held().await;
    let defaults: Vec<&Value> =
        held.action["options"].as_array().unwrap().iter().filter(|o| o["default"] == true).map(|o| &o["id"]).collect();
    assert_eq!(defaults, ["proceed_once", "cancel"]);
    s.approve(&held).await;
    s.turn_ends().await;
    assert_eq!(chosen(&s), ["proceed_once"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_options_that_differ_is_refused_with_the_list_and_takes_one_by_id() {
    let mut s = asked(kimi()).await;
    let held = s.held().await;
    let plain = json!({"action": held.action["id"], "digest": held.digest, "verdict": "approve"});
    let words = s.call("action/decide", plain.clone()).await.unwrap_err()["message"].to_string();
    assert!(words.contains("plan_opt_0") && words.contains("Patch the lexer"), "{words}");
    for bad in ["plan_opt_9", "plan_revise"] {
        let mut other = plain.clone();
        other["option"] = json!(bad);
        let words = s.call("action/decide", other).await.unwrap_err()["message"].to_string();
        assert!(words.contains("plan_opt_1"), "{words}");
    }
    assert_eq!((s.count("decided"), chosen(&s)), (0, vec![]));
    s.decide(&held, "approve", json!({"option": "plan_opt_1"})).await;
    s.turn_ends().await;
    let decided = s.events.iter().find(|e| e["kind"] == "decided").unwrap();
    assert_eq!((&decided["option"], chosen(&s)), (&json!("plan_opt_1"), vec![json!("plan_opt_1")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_option_that_changes_the_mode_needs_its_word() {
    let mut s = asked(qwen()).await;
    let held = s.held().await;
    let mut params =
        json!({"action": held.action["id"], "digest": held.digest, "verdict": "approve", "option": "restore_previous"});
    for confirm in [Value::Null, json!("yes")] {
        params["confirm"] = confirm;
        let words = s.call("action/decide", params.clone()).await.unwrap_err()["message"].to_string();
        assert!(words.contains("mode"), "{words}");
    }
    params["confirm"] = json!("mode");
    s.call("action/decide", params).await.unwrap();
    s.turn_ends().await;
    assert_eq!(chosen(&s), ["restore_previous"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_selects_the_plain_refusal_and_none_among_several_that_differ() {
    let codex = json!([
        {"optionId": "allow_once", "name": "Yes", "kind": "allow_once"},
        {"optionId": "cancel", "name": "No, and stop the turn", "kind": "reject_once"},
        {"optionId": "decline", "name": "No, continue without running it", "kind": "reject_once"}]);
    let two = json!([
        {"optionId": "y", "name": "Yes", "kind": "allow_once"},
        {"optionId": "a", "name": "No", "kind": "reject_once"},
        {"optionId": "b", "name": "No, forget the file", "kind": "reject_once"}]);
    for (options, option, expect) in [
        (codex.clone(), None, vec![json!("decline")]),
        (codex, Some("cancel"), vec![json!("cancel")]),
        (kimi(), None, vec![json!("plan_revise")]),
        (two.clone(), None, vec![]),
        (two, Some("b"), vec![json!("b")]),
    ] {
        let mut s = asked(options).await;
        let held = s.held().await;
        let more = option.map_or(json!({}), |id| json!({"option": id}));
        s.decide(&held, "deny", more).await;
        s.turn_ends().await;
        assert_eq!(chosen(&s), expect);
    }
}

/// An agent that ends its turn when it is refused, except by the answer that says otherwise: only after that one do the
/// words go into the running turn, and after neither is its level another.
#[tokio::test(flavor = "multi_thread")]
async fn words_go_into_the_turn_after_the_refusal_that_lets_it_go_on() {
    let options = json!([
        {"optionId": "allow_once", "name": "Yes, proceed", "kind": "allow_once"},
        {"optionId": "decline", "name": "No, continue without running it", "kind": "reject_once"},
        {"optionId": "cancel", "name": "No, and tell Codex what to do differently", "kind": "reject_once"}]);
    for (option, goes_on) in [("decline", true), ("cancel", false)] {
        let rest: Value = if goes_on { json!([{"say": "I go on"}]) } else { json!([]) };
        let turns = json!([[{"permission": plan(), "options": options, "then": [], "else": rest}], []]);
        let mut scene = Scene::of(turns).spec("level = \"L1\"");
        scene.script["init"] = json!({"_meta": {"steering": {"supported": true}}});
        scene.script["steering"] = json!("injected");
        let mut s = scene.start().await;
        let held = s.held().await;
        s.decide(&held, "deny", json!({"reason": "not today", "option": option})).await;
        s.turn_ends().await;
        let heard = s.heard();
        let with = |method: &str| {
            heard.iter().filter(|m| m["method"] == method && m.to_string().contains("not today")).count()
        };
        assert_eq!(
            (with("_session/steering"), with("session/prompt")),
            if goes_on { (1, 0) } else { (0, 1) },
            "{option}"
        );
        let level = s.events.iter().rev().find_map(|e| e["agent"]["level"].as_str());
        assert_eq!(level, Some("L1"), "{option}");
    }
}
