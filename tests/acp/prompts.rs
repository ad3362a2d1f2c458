//! What the agent receives of a message: commands first, mentions and images as it takes them. And what it offers.

use crate::seat::Scene;
use base64::Engine as _;
use serde_json::{Value, json};

fn offering(names: &[&str]) -> Value {
    let commands: Vec<Value> = names.iter().map(|name| json!({"name": name, "description": "does it"})).collect();
    json!({"update": {"sessionUpdate": "available_commands_update", "availableCommands": commands}})
}

fn names(ready: &Value) -> Vec<&str> {
    ready["commands"].as_array().into_iter().flatten().filter_map(|command| command["name"].as_str()).collect()
}

/// Every list replaces the one before, and a client that attaches later gets the newest.
#[tokio::test(flavor = "multi_thread")]
async fn commands_are_snapshots_and_a_command_begins_the_prompt() {
    let turns = json!([
        [offering(&["review", "memory show"]), {"say": "first"}],
        [{"say": "second"}],
        [offering(&["plan"]), {"say": "third"}]]);
    let mut s = Scene::of(turns).start().await;
    let ready = s.wait("the commands", |e| e["kind"] == "agent_ready" && !e["commands"].is_null()).await;
    assert_eq!(names(&ready), ["review", "memory show"]);
    s.turn_ends().await;
    s.prompt("/memory show all").await;
    s.turn_ends().await;
    assert_eq!(s.prompts().last().map(String::as_str), Some("/memory show all"));
    s.prompt("go").await;
    s.wait("the new list", |e| e["kind"] == "agent_ready" && names(e) == ["plan"]).await;
    let attached = s.call("session/attach", json!({"protocol": {"min": 1, "max": 1}, "snapshot": true})).await.unwrap();
    assert_eq!(attached["snapshot"]["commands"][0]["name"], "plan");
}

fn blocks(s: &crate::seat::Session) -> Vec<Value> {
    let heard = s.heard();
    let prompt = heard.iter().rev().find(|m| m["method"] == "session/prompt").expect("a prompt");
    prompt["params"]["prompt"].as_array().unwrap().clone()
}

/// A file is a link into the agent's own copy, lines of it are embedded, an action brings its output, a paste is text.
#[tokio::test(flavor = "multi_thread")]
async fn mentions_arrive_as_links_resources_and_text() {
    let mut scene =
        Scene::of(json!([[{"say": "ready"}], [{"say": "done"}]])).with(&[("src/a b.rs", "one\ntwo\nthree\n")]);
    scene.script["init"] =
        json!({"agentCapabilities": {"promptCapabilities": {"embeddedContext": true, "image": true}}});
    let mut s = scene.start().await;
    s.turn_ends().await;
    let run = s.call("workspace/run", json!({"command": {"shell": "echo from-the-command"}})).await.unwrap();
    s.wait("the command ends", |e| e["kind"] == "finished" && e["action"] == run["action"]).await;
    let png = base64::engine::general_purpose::STANDARD.encode(b"\x89PNG\r\n\x1a\n");
    let image = s.call("session/image", json!({"name": "shot.png", "data": png})).await.unwrap();
    let parts = json!([
        {"part": "text", "text": "look at "},
        {"part": "file", "path": "src/a b.rs"},
        {"part": "text", "text": " and "},
        {"part": "file", "path": "src/a b.rs", "lines": [2, 3]},
        {"part": "action", "action": run["action"]},
        {"part": "paste", "text": "pasted"},
        {"part": "image", "name": "shot.png", "mime": image["mime"], "digest": image["digest"], "bytes": image["bytes"]}]);
    s.call("session/prompt", json!({"text": "look at it", "parts": parts})).await.unwrap();
    s.turn_ends().await;
    let sent = blocks(&s);
    assert_eq!(sent[0]["text"], "look at ");
    assert_eq!(sent[1]["type"], "resource_link");
    let uri = sent[1]["uri"].as_str().unwrap();
    assert!(uri.starts_with("file:///") && uri.ends_with("/src/a%20b.rs"), "{uri}");
    assert_eq!(sent[3]["resource"]["text"], "two\nthree\n");
    assert!(sent[3]["resource"]["uri"].as_str().unwrap().ends_with("#L2:3"));
    assert!(sent[4]["text"].as_str().unwrap().ends_with("pasted"), "{sent:?}");
    assert_eq!((&sent[5]["type"], &sent[5]["data"]), (&json!("image"), &json!(png)));
    assert!(sent[6]["text"].as_str().unwrap().contains("from-the-command"), "{sent:?}");
    let said = s.events.iter().rev().find(|e| e["kind"] == "said" && e["by"] == "human").unwrap();
    assert_eq!(said["text"], "look at it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_none_is_refused() {
    let mut s = Scene::of(json!([[{"say": "ready"}]])).start().await;
    s.turn_ends().await;
    for data in ["????", "bm9uZQ=="] {
        let refused = s.call("session/image", json!({"name": "x.png", "data": data})).await.unwrap_err();
        assert_eq!(refused["code"], -32602, "{refused}");
    }
}
