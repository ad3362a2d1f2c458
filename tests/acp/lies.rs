//! What an agent does is compared with what it said; nothing that differs passes unseen.

use crate::seat::{Scene, done, edit_call};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn other_content_than_was_approved_is_an_alarm() {
    let turns = json!([[{"permission": edit_call("t1", "a.txt", Some("old\n"), "new\n"),
        "then": [{"write": "a.txt", "content": "evil\n"}, done("t1")], "else": []}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    let held = s.held().await;
    s.approve(&held).await;
    let alarm = s.alarm("unsupervised").await;
    assert!(alarm["text"].as_str().unwrap().contains("a.txt"), "{alarm}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_nobody_asked_about_is_unsupervised_within_two_seconds() {
    let turns =
        json!([[{"say": "x"}, {"write": "b.txt", "content": "evil\n"}, {"await_cancel": true}, {"stop": "cancelled"}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    s.wait_kind("said").await;
    let began = std::time::Instant::now();
    let seen = s.wait("the change", |e| e["kind"] == "observed" && e["path"] == "b.txt").await;
    assert_eq!(seen["by"], "unsupervised");
    assert!(began.elapsed().as_secs() < 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_text_that_is_not_on_the_disk_is_refused() {
    let turns = json!([[{"permission": edit_call("t1", "a.txt", Some("never there"), "new\n"),
        "then": [{"write": "a.txt", "content": "new\n"}], "else": [{"say": "ok"}]}], []]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    s.turn_ends().await;
    assert_eq!(s.file("a.txt").unwrap(), "old\n");
    assert_eq!(s.count("held"), 0);
    assert_eq!(s.prompts().len(), 2, "it is told why");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_id_for_two_questions_gets_no_yes() {
    let turns = json!([[
        {"ask": "session/request_permission", "id": 7, "no_wait": true, "params": {"sessionId": "fake-1", "toolCall": edit_call("t1", "a.txt", Some("old\n"), "new\n"),
            "options": [{"optionId": "yes", "name": "Allow", "kind": "allow_once"}]}},
        {"ask": "session/request_permission", "id": 7, "params": {"sessionId": "fake-1", "toolCall": {"toolCallId": "t2", "kind": "execute", "rawInput": {"command": "rm -rf /"}},
            "options": [{"optionId": "yes", "name": "Allow", "kind": "allow_once"}]}},
        {"sleep_ms": 50}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    s.alarm("protocol").await;
    s.turn_ends().await;
    let answers: Vec<_> = s.answers().into_iter().filter(|a| a["id"] == 7).collect();
    assert_eq!(answers.len(), 2, "each question is answered once");
    assert!(answers.iter().all(|a| a["result"]["outcome"]["outcome"] != "selected"), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn misleading_answers_are_not_used() {
    let options = json!([
        {"optionId": "auto", "name": "Auto-confirm everything", "kind": "allow_once"},
        {"optionId": "once", "name": "Yes, this time", "kind": "allow_once"},
        {"optionId": "no", "name": "No", "kind": "reject_once"}]);
    let turns = json!([[{"permission": edit_call("t1", "a.txt", Some("old\n"), "new\n"), "options": options,
        "then": [{"write": "a.txt", "content": "new\n"}, done("t1")], "else": []}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    let held = s.held().await;
    s.approve(&held).await;
    s.turn_ends().await;
    assert!(s.answers().iter().any(|a| a["result"]["outcome"]["optionId"] == "once"));
    assert!(s.alarms("mismatch")[0].contains("Auto-confirm everything"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_that_allows_only_once_a_plain_approval_is_refused() {
    let options = json!([{"optionId": "a", "name": "Always", "kind": "allow_always"}, {"optionId": "n", "name": "No", "kind": "reject_once"}]);
    let turns = json!([[{"permission": edit_call("t1", "a.txt", Some("old\n"), "new\n"), "options": options,
        "then": [{"write": "a.txt", "content": "new\n"}], "else": []}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    let held = s.held().await;
    let plain = json!({"action": held.action["id"], "digest": held.digest, "verdict": "approve"});
    let refused = s.call("action/decide", plain).await.unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("always"), "{refused}");
    s.decide(&held, "deny", json!({})).await;
    s.turn_ends().await;
    assert_eq!(s.file("a.txt").unwrap(), "old\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_something_else_than_was_shown_is_an_alarm() {
    let shown = json!({"sessionUpdate": "tool_call", "toolCallId": "t1", "title": "Edit", "kind": "edit",
        "content": [{"type": "diff", "path": "$CWD/a.txt", "oldText": "old\n", "newText": "nice\n"}]});
    let turns =
        json!([[{"update": shown}, {"permission": edit_call("t1", "b.txt", None, "evil\n"), "then": [], "else": []}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    let held = s.held().await;
    assert_eq!(held.file()["path"], "b.txt", "what is asked for is what is judged");
    s.alarm("mismatch").await;
    s.decide(&held, "deny", json!({})).await;
    s.turn_ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_with_other_content_than_was_approved_is_asked_again() {
    let turns = json!([[{"permission": edit_call("t1", "a.txt", Some("old\n"), "new\n"),
        "then": [{"fs_write": "a.txt", "content": "evil\n"}, done("t1")], "else": []}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).spec("level = \"L3\"\nedits = \"client\"").start().await;
    let held = s.held().await;
    s.approve(&held).await;
    let again = s.held().await;
    assert_eq!(again.file()["after"], "evil\n");
    s.decide(&again, "deny", json!({})).await;
    s.turn_ends().await;
    assert_eq!(s.file("a.txt").unwrap(), "new\n");
    assert_eq!(s.alarms("mismatch").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_mode_by_itself_is_an_alarm_and_is_taken_back() {
    let turns =
        json!([[{"update": {"sessionUpdate": "current_mode_update", "currentModeId": "yolo"}}, {"sleep_ms": 200}]]);
    let mut scene = Scene::of(turns).spec("mode = \"ask\"");
    scene.script["session"] = json!({"modes": {"currentModeId": "auto", "availableModes": [
        {"id": "auto", "name": "Auto"}, {"id": "ask", "name": "Ask"}, {"id": "yolo", "name": "Yolo"}]}});
    let mut s = scene.start().await;
    s.alarm("mode_changed").await;
    s.turn_ends().await;
    s.prompt("again").await;
    s.turn_ends().await;
    let modes: Vec<_> =
        s.heard().iter().filter(|m| m["method"] == "session/set_mode").map(|m| m["params"]["modeId"].clone()).collect();
    assert_eq!(modes[..2], [json!("ask"), json!("ask")], "before the first prompt, and again after the change");
    let first = s.heard().iter().position(|m| m["method"] == "session/set_mode").unwrap();
    assert!(first < s.heard().iter().position(|m| m["method"] == "session/prompt").unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_and_edits_without_a_question_are_named() {
    let turns = json!([[
        {"update": {"sessionUpdate": "tool_call", "toolCallId": "c", "title": "`curl evil`", "kind": "execute", "status": "completed"}},
        {"update": {"sessionUpdate": "tool_call", "toolCallId": "e", "title": "Edit a", "kind": "edit", "status": "completed", "locations": [{"path": "$CWD/a.txt"}]}},
        {"update": {"sessionUpdate": "tool_call", "toolCallId": "r", "title": "Read a", "kind": "read", "status": "completed"}}]]);
    let mut s = Scene::of(turns).start().await;
    s.turn_ends().await;
    let alarms = s.alarms("unsupervised");
    assert_eq!(alarms.len(), 2, "{alarms:?}");
    assert!(alarms[0].contains("curl evil") && alarms[1].contains("a.txt"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_taken_back_cannot_be_approved_any_more() {
    let turns = json!([[
        {"ask": "session/request_permission", "id": "p", "no_wait": true, "params": {"sessionId": "fake-1", "toolCall": edit_call("t1", "a.txt", Some("old\n"), "new\n"),
            "options": [{"optionId": "yes", "name": "Allow", "kind": "allow_once"}]}},
        {"until": "fs/read_text_file", "params": {"sessionId": "fake-1", "path": "$CWD/go.txt"}, "contains": "now"},
        {"notify": "$/cancel_request", "params": {"requestId": "p"}},
        {"say": "forget it"}, {"await_cancel": true}, {"stop": "cancelled"}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    let held = s.held().await;
    std::fs::write(s.root().join("go.txt"), "now").unwrap();
    assert_eq!(s.wait_kind("lapsed").await["why"], "cancelled");
    let late = s
        .call("action/decide", json!({"action": held.action["id"], "digest": held.digest, "verdict": "approve"}))
        .await
        .unwrap_err();
    assert_eq!(late["code"], -32011, "{late}");
    s.wait("its words", |e| e["kind"] == "said" && e["text"] == "forget it").await;
    let answer = s.answers().into_iter().find(|a| a["id"] == "p").unwrap();
    assert_eq!(answer["result"]["outcome"]["outcome"], "cancelled", "{answer}");
    assert_eq!(s.file("a.txt").unwrap(), "old\n");
}

/// openhands asks for all its announced actions with one question that shows nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_bare_confirmation_is_shown_as_what_it_confirms() {
    let mut shown = edit_call("t1", "a.txt", Some("old\n"), "new\n");
    shown["sessionUpdate"] = json!("tool_call");
    let turns = json!([[{"update": shown},
        {"permission": {"toolCallId": "confirm-1", "kind": "other", "status": "pending", "title": "Confirm Agent Actions"},
            "then": [{"write": "a.txt", "content": "new\n"}, done("t1")], "else": []}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    let held = s.held().await;
    assert_eq!((held.action["kind"].as_str(), held.file()["after"].as_str()), (Some("edit"), Some("new\n")));
    s.approve(&held).await;
    assert_eq!(s.wait_kind("finished").await["outcome"], "ok");
    s.turn_ends().await;
    assert_eq!(s.count("alarm"), 0, "{:?}", s.events);
}

/// It runs one command through us and then asks to run another by itself: that is a question like any other.
#[tokio::test(flavor = "multi_thread")]
async fn a_harmless_terminal_buys_no_trust_for_the_next_command() {
    let call =
        json!({"toolCallId": "c", "title": "`rm -rf x`", "kind": "execute", "rawInput": {"command": "rm -rf x"}});
    let turns =
        json!([[{"run": "true"}, {"permission": call, "then": [{"delete": "a.txt"}], "else": [{"say": "refused"}]}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    let held = s.held().await;
    s.approve(&held).await;
    let held = s.held().await;
    assert_eq!(held.action["command"]["shell"], "rm -rf x");
    s.decide(&held, "deny", json!({})).await;
    s.turn_ends().await;
    assert_eq!(s.file("a.txt").as_deref(), Some("old\n"));
}

/// Text is all that can be sent: a read of other bytes is an error, and a write over them is an alarm before it is decided.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_utf_8_are_not_read_away_and_not_overwritten_in_silence() {
    let turns = json!([[{"until": "fs/read_text_file", "params": {"sessionId": "fake-1", "path": "$CWD/go.txt"}, "contains": "now"},
        {"fs_read": "menu.php", "then": [{"say": "read"}], "else": [{"say": "not read"}]},
        {"fs_write": "menu.php", "content": "$n = 2;\n// caf\u{fffd}\n", "then": [], "else": []}]]);
    let mut s = Scene::of(turns).with(&[("menu.php", "")]).start().await;
    let bytes = b"$n = 1;\n// caf\xe9\n";
    std::fs::write(s.root().join("menu.php"), bytes).unwrap();
    std::fs::write(s.root().join("go.txt"), "now").unwrap();
    s.wait("the answer", |e| e["kind"] == "said" && e["text"] == "not read").await;
    let refused = s.answers().into_iter().find(|a| a["error"]["message"].to_string().contains("menu.php")).unwrap();
    assert!(refused["error"]["message"].as_str().unwrap().contains("not UTF-8"), "{refused}");
    let held = s.held().await;
    let alarm = s.events.iter().position(|e| e["kind"] == "alarm" && e["what"] == "encoding").unwrap();
    let asked = s.events.iter().position(|e| e["kind"] == "held" && e["action"] == held.action["id"]).unwrap();
    assert!(alarm < asked, "it is said before the question");
    assert!(s.events[alarm]["text"].as_str().unwrap().contains("0xE9 in line 2"), "{}", s.events[alarm]);
    s.decide(&held, "deny", json!({})).await;
    s.turn_ends().await;
    assert_eq!(std::fs::read(s.root().join("menu.php")).unwrap(), bytes);
}
