//! A request is held to its words: changed while it is pending it is void and asked again, changed later it is an alarm.

use crate::seat::{Scene, Session, done, edit_call};
use serde_json::{Value, json};

fn command_call(line: &str) -> Value {
    json!({"toolCallId": "t1", "title": line, "kind": "execute", "status": "pending", "rawInput": {"command": line}})
}

fn command_in(dir: &str) -> Value {
    json!({"toolCallId": "t1", "title": "npm run build", "kind": "execute",
        "rawInput": {"command": "npm run build", "cwd": dir, "description": "builds"}})
}

fn update(mut fields: Value) -> Value {
    fields["sessionUpdate"] = json!("tool_call_update");
    fields["toolCallId"] = json!("t1");
    json!({"update": fields})
}

/// Asks, goes on with the updates while the question is open, and ends once it is answered.
fn asks_then(call: Value, updates: &[Value]) -> Value {
    let mut steps = vec![json!({"ask": "session/request_permission", "no_wait": true, "id": "p",
        "params": {"sessionId": "fake-1", "toolCall": call, "options": [
            {"optionId": "yes", "name": "Allow", "kind": "allow_once"}, {"optionId": "no", "name": "Reject", "kind": "reject_once"}]}})];
    steps.extend(updates.to_vec());
    steps.push(json!({"answers": 1}));
    Value::Array(vec![Value::Array(steps)])
}

fn answer(s: &Session) -> Value {
    s.answers().into_iter().find(|a| a["id"] == "p").unwrap_or_default()["result"]["outcome"]["optionId"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_changes_while_it_is_pending_is_void_and_asked_again() {
    let line = "npm run build";
    let edit = || edit_call("t1", "a.txt", Some("old\n"), "new\n");
    let diff = |path: &str, new: &str| json!({"content": [{"type": "diff", "path": format!("$CWD/{path}"), "oldText": "old\n", "newText": new}]});
    let evil = "rm -rf src && npm run build";
    let plan = json!({"toolCallId": "t1", "title": "Ready to code?", "kind": "switch_mode",
        "content": [{"type": "content", "content": {"type": "text", "text": "1. look"}}]});
    for (name, call, change) in [
        ("input", command_call(line), json!({"rawInput": {"command": evil}})),
        ("more input", command_call(line), json!({"rawInput": {"command": line, "sandbox": false}})),
        ("another place", command_in("src"), json!({"rawInput": {"command": line}})),
        ("less input, and other", command_in("src"), json!({"rawInput": {"cwd": "src", "command": evil}})),
        ("title", command_call(line), json!({"title": evil})),
        ("title and input", command_call(line), json!({"title": evil, "rawInput": {"command": evil}})),
        (
            "title of a command that only it shows",
            json!({"toolCallId": "t1", "title": line, "kind": "execute"}),
            json!({"title": evil}),
        ),
        ("content", edit(), diff("a.txt", "evil\n")),
        ("path", edit(), diff("b.txt", "new\n")),
        ("location", edit(), json!({"locations": [{"path": "$CWD/b.txt"}]})),
        ("text", plan, json!({"content": [{"type": "content", "content": {"type": "text", "text": "1. push"}}]})),
    ] {
        let script = asks_then(call, &[update(change)]);
        let mut s = Scene::of(script).with(&[("a.txt", "old\n"), ("b.txt", "old\n")]).start().await;
        let first = s.held().await;
        let lapsed = s.wait_kind("lapsed").await;
        assert_eq!(lapsed["why"], "voided", "{name}");
        let second = s.held().await;
        assert_eq!((&second.action["id"], &second.action["revision"]), (&first.action["id"], &json!(2)), "{name}");
        assert_ne!(second.digest, first.digest, "{name}");
        let stale = json!({"action": first.action["id"], "digest": first.digest, "verdict": "approve"});
        let refused = s.call("action/decide", stale).await.unwrap_err();
        assert_eq!(refused["code"], -32010, "{name}: {refused}");
        assert_eq!(answer(&s), Value::Null, "{name}: nothing was answered so far");
        assert_eq!(s.alarms("mismatch").len(), 1, "{name}: {:?}", s.alarms("mismatch"));
        s.approve(&second).await;
        s.turn_ends().await;
        assert_eq!((answer(&s), s.count("held")), (json!("yes"), 2), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_that_add_nothing_to_a_request_do_not_ask_again() {
    let line = "npm run build";
    let text = |text: &str| json!([{"type": "content", "content": {"type": "text", "text": text}}]);
    let edit = edit_call("t1", "a.txt", Some("old\n"), "new\n");
    let same = edit["content"].clone();
    let mut full = edit.clone();
    full["rawInput"] =
        json!({"file_path": "$CWD/a.txt", "old_string": "old", "new_string": "new", "replace_all": false});
    // Sent before the request and received after it: the input as it was streamed.
    let late = [
        json!({"title": "Edit a.txt", "rawInput": {"file_path": "a.txt"}}),
        json!({"rawInput": {"file_path": "a.txt", "old_string": "old"}}),
        json!({"rawInput": {"file_path": "a.txt", "old_string": "old", "new_string": "new", "replace_all": false}}),
    ];
    for (name, call, updates) in [
        ("status", command_call(line), vec![json!({"status": "in_progress"}), json!({"status": "in_progress"})]),
        ("the same again", command_call(line), vec![json!({"title": line, "rawInput": {"command": line}})]),
        ("output", command_call(line), vec![json!({"content": text("a")}), json!({"content": text("ab")})]),
        ("a title", command_call(line), vec![json!({"title": "`npm run build`"}), json!({"title": "npm run…"})]),
        ("the same diff", edit.clone(), vec![json!({"content": same.clone()}), json!({"content": same})]),
        ("the first fields of its input", full, late.to_vec()),
        ("a command's remark", command_in("src"), vec![json!({"rawInput": {"description": "builds"}})]),
        ("a late place", edit, vec![json!({"title": "Edit a.txt", "locations": [{"path": "$CWD/a.txt", "line": 1}]})]),
    ] {
        let updates: Vec<Value> = updates.into_iter().map(update).collect();
        let mut s = Scene::of(asks_then(call, &updates)).with(&[("a.txt", "old\n")]).start().await;
        let held = s.held().await;
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        s.decide(&held, "deny", json!({})).await;
        s.turn_ends().await;
        assert_eq!((s.count("held"), s.alarms("mismatch")), (1, vec![]), "{name}");
    }
}

/// What a tool's input does not say any more may have been a limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_taken_out_of_a_request_is_asked_about_again() {
    let deploy = |input: Value| json!({"toolCallId": "t1", "title": "deploy", "kind": "other", "rawInput": input});
    let with = deploy(json!({"to": "production", "dry_run": true}));
    let without = update(json!({"rawInput": {"to": "production"}}));
    let mut s = Scene::of(asks_then(with, &[without])).start().await;
    let first = s.held().await;
    let again = s.held().await;
    assert_ne!(first.digest, again.digest);
    s.decide(&again, "deny", json!({})).await;
    s.turn_ends().await;
}

/// It names only its call, and shows what it wants in several later messages.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_filled_in_piece_by_piece_is_asked_once_more() {
    let pieces = [
        json!({"title": "npm", "kind": "execute"}),
        json!({"rawInput": {"command": "npm"}}),
        json!({"rawInput": {"command": "npm run"}}),
        json!({"rawInput": {"command": "npm run build"}, "title": "npm run build"}),
    ];
    let script = asks_then(json!({"toolCallId": "t1"}), &pieces.map(update));
    let mut s = Scene::of(script).start().await;
    s.held().await;
    let second = s.held().await;
    assert_eq!(second.action["command"]["shell"], "npm run build");
    s.approve(&second).await;
    s.turn_ends().await;
    assert_eq!((s.count("held"), s.alarms("mismatch"), answer(&s)), (2, vec![], json!("yes")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_stops_changing_is_refused() {
    let mut updates = Vec::new();
    for n in 0..8 {
        updates.push(update(json!({"rawInput": {"command": format!("echo {n}")}})));
        updates.push(json!({"sleep_ms": 400}));
    }
    let mut s = Scene::of(asks_then(command_call("echo"), &updates)).start().await;
    s.turn_ends().await;
    assert_eq!(answer(&s), "no");
    assert!(s.alarms("mismatch").last().unwrap().contains("rejected"), "{:?}", s.alarms("mismatch"));
    assert_eq!(s.count("decided"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_changes_after_the_decision_is_an_alarm() {
    let edit = || edit_call("t1", "a.txt", Some("old\n"), "new\n");
    let diff = |path: &str, new: &str| json!({"content": [{"type": "diff", "path": format!("$CWD/{path}"), "oldText": "old\n", "newText": new}]});
    for (name, call, change, alarms) in [
        ("input", command_call("make"), json!({"rawInput": {"command": "make; rm -rf src"}}), 1),
        ("title", command_call("make"), json!({"title": "make && rm -rf src"}), 1),
        ("path", edit(), diff("b.txt", "new\n"), 1),
        ("content", edit(), diff("a.txt", "evil\n"), 1),
        (
            "the same in other words",
            command_call("make"),
            json!({"title": "`make`", "rawInput": {"command": ["bash", "-lc", "make"]}}),
            0,
        ),
        ("a piece of it", edit(), diff("a.txt", "new"), 0),
        ("less of its input", command_in("src"), json!({"rawInput": {"description": "builds"}}), 0),
        ("another place", command_in("src"), json!({"rawInput": {"command": "npm run build", "cwd": "lib"}}), 1),
    ] {
        let turns = json!([[{"permission": call, "then": [update(change), done("t1")], "else": []}]]);
        let mut s = Scene::of(turns).with(&[("a.txt", "old\n"), ("b.txt", "old\n")]).start().await;
        let held = s.held().await;
        s.approve(&held).await;
        s.turn_ends().await;
        assert_eq!(s.alarms("mismatch").len(), alarms, "{name}: {:?}", s.alarms("mismatch"));
    }
}

/// It announced another command than the one it asks for.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_another_command_than_was_announced_is_an_alarm() {
    let mut announced = command_call("npm run build");
    announced["sessionUpdate"] = json!("tool_call");
    let turns = json!([[{"update": announced}, {"permission": command_call("rm -rf src"), "then": [], "else": []}]]);
    let mut s = Scene::of(turns).start().await;
    let held = s.held().await;
    assert_eq!(held.action["command"]["shell"], "rm -rf src");
    s.alarm("mismatch").await;
    s.decide(&held, "deny", json!({})).await;
    s.turn_ends().await;
}
