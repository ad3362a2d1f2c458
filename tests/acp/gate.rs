//! Each decision does what it says, at each level of gating.

use crate::seat::{Scene, done, edit_call};
use serde_json::json;

fn asks_then_writes() -> serde_json::Value {
    json!([[
        {"say": "I will fix a."},
        {"permission": edit_call("t1", "a.txt", Some("old\n"), "new\n"),
         "then": [{"write": "a.txt", "content": "new\n"}, done("t1"), {"say": "done"}],
         "else": [{"say": "not allowed"}]},
    ], [{"say": "heard"}]])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_waits_with_its_diff_and_happens_once_it_is_approved() {
    let mut s = Scene::of(asks_then_writes()).with(&[("a.txt", "old\n")]).start().await;
    let held = s.held().await;
    assert_eq!(held.action["kind"], "edit");
    assert_eq!((held.file()["before"].as_str(), held.file()["after"].as_str()), (Some("old\n"), Some("new\n")));
    assert_eq!(held.action["rationale"]["text"], "I will fix a.");
    assert_eq!(s.file("a.txt").unwrap(), "old\n", "nothing happens before the decision");
    s.approve(&held).await;
    let finished = s.wait_kind("finished").await;
    assert_eq!(finished["outcome"], "ok");
    assert_eq!(s.turn_ends().await["reason"], "end_turn");
    assert_eq!(s.file("a.txt").unwrap(), "new\n");
    let chosen: Vec<_> =
        s.answers().iter().filter_map(|a| a["result"]["outcome"]["optionId"].as_str().map(str::to_owned)).collect();
    assert_eq!(chosen, ["yes"], "allowed once, though allow_always was offered first");
    assert_eq!(s.alarms("unsupervised"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deny_changes_nothing_and_its_reason_is_told_afterwards() {
    let mut s = Scene::of(asks_then_writes()).with(&[("a.txt", "old\n")]).start().await;
    let held = s.held().await;
    s.decide(&held, "deny", json!({"reason": "a is generated"})).await;
    s.wait("the reason told", |e| e["kind"] == "told" && e["text"].as_str().unwrap().contains("a is generated")).await;
    s.turn_ends().await;
    assert_eq!(s.file("a.txt").unwrap(), "old\n");
    assert_eq!(s.prompts().len(), 2);
    assert!(s.prompts()[1].contains("a is generated"), "{:?}", s.prompts());
    assert_eq!(s.count("turn_ended"), 1, "for the human it is one turn");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_that_ends_the_turn_is_followed_by_its_reason() {
    let turns = json!([[
        {"permission": edit_call("t1", "a.txt", Some("old\n"), "new\n"), "then": [], "else": [{"stop": "cancelled"}]},
    ], [
        {"permission": edit_call("t2", "b.txt", None, "b\n"), "then": [{"write": "b.txt", "content": "b\n"}, done("t2")], "else": []},
    ]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    let held = s.held().await;
    s.decide(&held, "redirect", json!({"reason": "use b instead"})).await;
    let held = s.held().await;
    assert_eq!(held.file()["path"], "b.txt");
    assert!(s.prompts()[1].contains("use b instead"));
    s.approve(&held).await;
    s.turn_ends().await;
    assert_eq!((s.file("a.txt").unwrap().as_str(), s.file("b.txt").unwrap().as_str()), ("old\n", "b\n"));
    let badge = s.events.iter().rev().find(|e| e["kind"] == "agent_ready").unwrap();
    assert_eq!(badge["agent"]["level"], "L1", "a deny ended its turn");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_approval_is_written_by_us_and_the_agent_hears_of_it() {
    let mut s = Scene::of(asks_then_writes()).with(&[("a.txt", "old\n")]).start().await;
    let held = s.held().await;
    s.approve_as(&held, "a.txt", "mine\n").await;
    s.turn_ends().await;
    assert_eq!(s.file("a.txt").unwrap(), "mine\n");
    assert!(s.prompts()[1].contains("rejected") && s.prompts()[1].contains("+mine"), "{:?}", s.prompts());
    let told = s.events.iter().any(|e| e["kind"] == "told" && e["text"] == s.prompts()[1].as_str());
    assert!(told, "what the agent was told is journalled word for word");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_through_the_client_are_ours_to_carry_out_and_to_change() {
    let turns = json!([[{"fs_write": "a.txt", "content": "new\n", "then": [{"say": "written"}], "else": [{"say": "refused"}]},
        {"fs_write": "b.txt", "content": "b\n", "then": [], "else": [{"say": "refused"}]},
        {"fs_read": "a.txt"}], []]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    let held = s.held().await;
    s.approve_as(&held, "a.txt", "mine\n").await;
    let held = s.held().await;
    s.decide(&held, "deny", json!({"reason": "no b"})).await;
    s.turn_ends().await;
    assert_eq!((s.file("a.txt").as_deref(), s.file("b.txt")), (Some("mine\n"), None));
    let answers = s.answers();
    assert!(answers.iter().any(|a| a["error"]["message"].as_str().is_some_and(|m| m.contains("no b"))), "{answers:?}");
    assert!(answers.iter().any(|a| a["result"]["content"] == "mine\n"), "{answers:?}");
    assert!(s.prompts()[1].contains("+mine"), "{:?}", s.prompts());
    let badge = s.events.iter().rev().find(|e| e["kind"] == "agent_ready").unwrap();
    assert_eq!(badge["agent"]["level"], "L3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_and_its_write_through_the_client_are_one_question() {
    let turns = json!([[{"permission": edit_call("t1", "a.txt", Some("old\n"), "new\n"),
        "then": [{"fs_write": "a.txt", "content": "new\n"}, done("t1")], "else": []}], []]);
    for (verdict, expect) in [("approve", "new\n"), ("approve_edited", "mine\n")] {
        let mut s = Scene::of(turns.clone())
            .with(&[("a.txt", "old\n")])
            .spec("level = \"L3\"\nedits = \"client\"")
            .start()
            .await;
        let held = s.held().await;
        if verdict == "approve" {
            s.approve(&held).await
        } else {
            s.approve_as(&held, "a.txt", expect).await
        }
        s.turn_ends().await;
        assert_eq!(s.file("a.txt").unwrap(), expect);
        assert_eq!(s.count("held"), 1, "{verdict}");
        assert_eq!(s.count("alarm"), 0, "{:?}", s.events);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_goes_into_the_running_turn_where_that_is_announced() {
    let mut scene = Scene::of(asks_then_writes()).with(&[("a.txt", "old\n")]).spec("level = \"L2\"");
    scene.script["init"] = json!({"_meta": {"steering": {"supported": true}}});
    scene.script["steering"] = json!("injected");
    let mut s = scene.start().await;
    let held = s.held().await;
    s.decide(&held, "deny", json!({"reason": "a is generated"})).await;
    s.wait("the reason told", |e| e["kind"] == "told" && e["text"].as_str().unwrap().contains("a is generated")).await;
    let steered = s.heard().into_iter().find(|m| m["method"] == "_session/steering").unwrap();
    assert!(steered["params"]["prompt"][0]["text"].as_str().unwrap().contains("a is generated"));
}

/// gemini reads the file again after it was allowed and computes its edit anew.
/// The note is put into the running turn where that is announced, and else follows as a prompt; `told` has its words.
#[tokio::test(flavor = "multi_thread")]
async fn a_note_on_an_approval_reaches_the_agent() {
    let note = "keep the header";
    for (verdict, more) in [
        ("approve", json!({"reason": note})),
        ("approve_edited", json!({"reason": note, "edited": {"files": [{"path": "a.txt", "after": "mine\n"}]}})),
    ] {
        for by_client in [false, true] {
            let steps = if by_client {
                json!([[{"fs_write": "a.txt", "content": "new\n", "then": [], "else": []}], []])
            } else {
                asks_then_writes()
            };
            let mut s = Scene::of(steps).with(&[("a.txt", "old\n")]).start().await;
            let held = s.held().await;
            s.decide(&held, verdict, more.clone()).await;
            s.turn_ends().await;
            let prompts = s.prompts();
            assert!(prompts[1].contains(note), "{verdict} {by_client}: {prompts:?}");
            let told = |e: &&serde_json::Value| e["kind"] == "told" && e["text"].as_str().unwrap().contains(note);
            let told = s.events.iter().find(told).unwrap();
            assert!(prompts[1].contains(told["text"].as_str().unwrap()), "word for word: {told}");
            assert_eq!(told["action"], held.action["id"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_computes_its_edit_again_finds_the_file_as_it_was() {
    let turns = json!([[{"permission": edit_call("t1", "a.txt", Some("old\n"), "new\n"), "then": [
        {"fs_read": "a.txt"}, {"fs_write": "a.txt", "content": "new\n"}, done("t1"), {"fs_read": "a.txt"}], "else": []}], []]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).spec("level = \"L3\"\nedits = \"client\"").start().await;
    let held = s.held().await;
    s.approve_as(&held, "a.txt", "mine\n").await;
    s.turn_ends().await;
    let read: Vec<_> = s.answers().iter().filter_map(|a| a["result"]["content"].as_str().map(str::to_owned)).collect();
    assert_eq!(read, ["old\n", "mine\n"]);
    assert_eq!(s.file("a.txt").unwrap(), "mine\n");
}

/// opencode tells its editor what it is about to write, then writes by itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_editor_sync_before_the_agents_own_write_is_no_second_question() {
    let turns = json!([[{"permission": edit_call("t1", "a.txt", Some("old\n"), "new\n"), "then": [
        {"fs_write": "a.txt", "content": "new\n"}, {"write": "a.txt", "content": "new\n"}, done("t1")], "else": []}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).spec("level = \"L2\"").start().await;
    let held = s.held().await;
    s.approve(&held).await;
    assert_eq!(s.wait_kind("finished").await["outcome"], "ok");
    s.turn_ends().await;
    assert_eq!((s.count("held"), s.file("a.txt").as_deref()), (1, Some("new\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_through_terminals_run_here_under_policy() {
    let turns = json!([[{"run": "echo", "args": ["hello"]}, {"run": "deny-me now", "else": [{"say": "denied"}]}]]);
    let mut s = Scene::of(turns).start().await;
    let held = s.held().await;
    assert_eq!(held.action["command"]["argv"], json!(["echo", "hello"]));
    s.approve(&held).await;
    assert_eq!(s.wait_kind("finished").await["exit"], 0);
    s.turn_ends().await;
    let answers = s.answers();
    assert!(answers.iter().any(|a| a["result"]["exitCode"] == 0), "{answers:?}");
    assert!(answers.iter().any(|a| a["result"]["output"].as_str().is_some_and(|o| o.contains("hello"))), "{answers:?}");
    assert!(
        answers.iter().any(|a| a["error"]["message"].as_str().is_some_and(|m| m.contains("no-deny-me"))),
        "{answers:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_the_agent_runs_itself_shows_output_and_exit() {
    let call = json!({"toolCallId": "c", "title": "`make`", "kind": "execute", "rawInput": {"command": ["bash", "-lc", "make all"], "workdir": "$CWD"}});
    let turns = json!([[{"permission": call, "then": [
        {"update": {"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "in_progress", "_meta": {"terminal_output_delta": {"data": "one "}}}},
        {"update": {"sessionUpdate": "tool_call_update", "toolCallId": "c", "_meta": {"terminal_output_delta": {"data": "two"}}}},
        {"update": {"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "failed", "_meta": {"terminal_exit": {"exit_code": 2}}}}],
        "else": []}]]);
    let mut s = Scene::of(turns).start().await;
    let held = s.held().await;
    assert_eq!(held.action["command"], json!({"shell": "make all", "cwd": "."}));
    assert_eq!(held.action["executor"], "agent");
    s.approve(&held).await;
    let finished = s.wait_kind("finished").await;
    assert_eq!((finished["outcome"].as_str(), finished["exit"].as_i64()), (Some("failed"), Some(2)));
    let output: String =
        s.events.iter().filter(|e| e["kind"] == "output").map(|e| e["tail"].as_str().unwrap()).collect();
    assert_eq!(output, "one two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_shown_and_answered_with_its_defaults() {
    let schema = json!({"type": "object", "properties": {"colour": {"type": "string", "default": "red"}}});
    let turns = json!([[{"ask": "elicitation/create", "params": {"sessionId": "fake-1", "mode": "form", "message": "Which colour?", "requestedSchema": schema}}]]);
    let mut s = Scene::of(turns).start().await;
    let held = s.held().await;
    assert!(held.action["title"].as_str().unwrap().contains("Which colour?"));
    s.approve(&held).await;
    s.turn_ends().await;
    assert!(s.answers().iter().any(|a| a["result"] == json!({"action": "accept", "content": {"colour": "red"}})));
}

/// As claude's adapter asks: choices with a field for own words beside them.
fn two_questions() -> serde_json::Value {
    json!({"type": "object", "required": ["token"], "properties": {
        "question_0": {"type": "string", "title": "Which?", "oneOf": [{"const": "A"}, {"const": "B"}]},
        "question_0_custom": {"type": "string", "title": "Other"},
        "question_1": {"type": "array", "title": "Tests?", "items": {"anyOf": [{"const": "unit"}, {"const": "e2e"}]}},
        "token": {"type": "string", "title": "Access token"}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_answered_field_by_field_and_its_secrets_are_not_recorded() {
    let ask = json!({"ask": "elicitation/create", "params": {"sessionId": "fake-1", "mode": "form", "message": "Two things", "requestedSchema": two_questions()}});
    let mut s = Scene::of(json!([[ask]])).start().await;
    let held = s.held().await;
    let plain = json!({"action": held.action["id"], "digest": held.digest, "verdict": "approve"});
    for (answer, words) in [
        (json!(null), "“Access token” needs an answer"),
        (json!({"action": "accept", "content": {"token": "t", "question_0": "C"}}), "one of its choices"),
        (json!({"action": "accept", "content": {"token": "t", "other": 1}}), "no field"),
        (json!({"action": "decline"}), "send `deny`"),
    ] {
        let mut params = plain.clone();
        if !answer.is_null() {
            params["answer"] = answer;
        }
        let error = s.call("action/decide", params).await.unwrap_err()["message"].to_string();
        assert!(error.contains(words), "{error}");
    }
    let content = json!({"question_0_custom": "neither", "question_1": ["unit", "e2e"], "token": "hunter2"});
    s.decide(&held, "approve", json!({"answer": {"action": "accept", "content": content}})).await;
    s.turn_ends().await;
    assert!(
        s.answers().iter().any(|a| a["result"] == json!({"action": "accept", "content": content})),
        "{:?}",
        s.answers()
    );
    let record: String = s.events.iter().map(|event| event.to_string()).collect();
    assert!(!record.contains("hunter2") && record.contains("(not recorded)") && record.contains("neither"), "{record}");
}

/// As qwen asks: a permission whose input is the questions, with the answers beside the outcome.
#[tokio::test(flavor = "multi_thread")]
async fn questions_in_a_permission_are_answered_beside_its_option() {
    let option = |label: &str| json!({"label": label, "description": "d"});
    let call = json!({"toolCallId": "q1", "title": "Ask user 1 question", "kind": "other", "status": "pending", "rawInput": {"questions": [
        {"question": "Which library?", "header": "Library", "options": [option("A"), option("B")]}]}});
    let options = json!([{"optionId": "proceed_once", "name": "Submit", "kind": "allow_once"}, {"optionId": "cancel", "name": "Cancel", "kind": "reject_once"}]);
    let turns = json!([[{"permission": call, "options": options, "then": [], "else": []}]]);
    let mut s = Scene::of(turns).start().await;
    let held = s.held().await;
    assert_eq!(held.action["form"]["fields"][0]["title"], "Which library?");
    s.decide(&held, "approve", json!({"answer": {"action": "accept", "content": {"0": "B", "0_own": "the new one"}}}))
        .await;
    s.turn_ends().await;
    let expect =
        json!({"outcome": {"outcome": "selected", "optionId": "proceed_once"}, "answers": {"0": "B, the new one"}});
    assert!(s.answers().iter().any(|a| a["result"] == expect), "{:?}", s.answers());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_declined_or_canceled() {
    for (answer, action) in [
        (json!({}), "decline"),
        (json!({"answer": {"action": "decline"}}), "decline"),
        (json!({"answer": {"action": "cancel"}}), "cancel"),
    ] {
        let ask = json!({"ask": "elicitation/create", "params": {"sessionId": "fake-1", "mode": "form", "message": "Two things", "requestedSchema": two_questions()}});
        let mut s = Scene::of(json!([[ask]])).start().await;
        let held = s.held().await;
        s.decide(&held, "deny", answer).await;
        s.turn_ends().await;
        assert!(s.answers().iter().any(|a| a["result"] == json!({"action": action})), "{action}: {:?}", s.answers());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_from_updates_and_todo_tools_reach_the_supervisor() {
    let turns = json!([[
        {"update": {"sessionUpdate": "plan", "entries": [{"content": "look", "status": "in_progress", "priority": "high"}]}},
        {"update": {"sessionUpdate": "tool_call", "toolCallId": "w", "title": "todowrite", "status": "completed",
            "rawInput": {"todos": [{"content": "look", "status": "completed"}, {"content": "fix", "status": "pending"}]}}},
    ]]);
    let mut s = Scene::of(turns).start().await;
    s.turn_ends().await;
    let plans: Vec<&serde_json::Value> = s.events.iter().filter(|e| e["kind"] == "plan_revised").collect();
    let last = plans.last().unwrap();
    assert_eq!((last["steps"][0]["title"].as_str(), last["steps"][0]["status"].as_str()), (Some("look"), Some("done")));
    assert_eq!(last["steps"][1]["title"], "fix");
    assert_eq!(s.count("alarm"), 0);
}

/// Without a way into the running turn, the agent hears at the boundary before its next action: that is set aside.
#[tokio::test(flavor = "multi_thread")]
async fn words_for_the_boundary_come_before_the_next_action() {
    let turns = json!([[
        {"say": "thinking"}, {"fs_read": "go.txt", "else": [{"say": "not yet"}]}, {"until": "fs/read_text_file", "params": {"sessionId": "fake-1", "path": "$CWD/go.txt"}, "contains": "now"},
        {"permission": edit_call("t1", "a.txt", Some("old\n"), "new\n"), "then": [{"write": "a.txt", "content": "new\n"}], "else": [{"stop": "cancelled"}]}],
        [{"permission": edit_call("t2", "b.txt", None, "b\n"), "then": [{"write": "b.txt", "content": "b\n"}, done("t2")], "else": []}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    s.wait("its words", |e| e["kind"] == "said" && e["text"].as_str().unwrap().contains("not yet")).await;
    s.call("session/prompt", json!({"text": "use b, not a", "when": "boundary"})).await.unwrap();
    std::fs::write(s.root().join("go.txt"), "now").unwrap();
    let held = s.held().await;
    assert_eq!(held.file()["path"], "b.txt", "the edit of a was never asked about");
    assert_eq!(s.prompts()[1], "use b, not a");
    assert_eq!(s.count("turn_ended"), 0, "for the human it is one turn");
    s.approve(&held).await;
    assert_eq!(s.turn_ends().await["reason"], "end_turn");
    assert_eq!((s.file("a.txt").as_deref(), s.file("b.txt").as_deref()), (Some("old\n"), Some("b\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn words_for_the_boundary_of_an_agent_that_does_nothing_more_end_its_turn() {
    let turns = json!([[{"say": "thinking"}, {"until": "fs/read_text_file", "params": {"sessionId": "fake-1", "path": "$CWD/go.txt"}, "contains": "now"}], [{"say": "heard"}]]);
    let mut s = Scene::of(turns).start().await;
    s.wait("its words", |e| e["kind"] == "said" && e["text"] == "thinking").await;
    s.call("session/prompt", json!({"text": "one more thing", "when": "boundary"})).await.unwrap();
    std::fs::write(s.root().join("go.txt"), "now").unwrap();
    s.wait("the answer", |e| e["kind"] == "said" && e["text"] == "heard").await;
    s.turn_ends().await;
    assert_eq!((s.prompts()[1].as_str(), s.count("turn_ended")), ("one more thing", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_names_only_its_call_finds_the_diff_shown_before() {
    let mut shown = edit_call("t1", "a.txt", Some("old\n"), "new\n");
    shown["sessionUpdate"] = json!("tool_call_update");
    let turns = json!([[{"update": shown}, {"permission": {"toolCallId": "t1"}, "then": [{"write": "a.txt", "content": "new\n"}], "else": []}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    let held = s.held().await;
    assert_eq!(held.file()["after"], "new\n");
    s.approve(&held).await;
    assert_eq!(
        s.wait_kind("finished").await["outcome"],
        "ok",
        "the call stays open for ever; the end of the turn closes it"
    );
    s.turn_ends().await;
    assert_eq!(s.count("alarm"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_humans_edits_of_the_plan_survive_a_replan_and_are_told() {
    let plan = |entries: serde_json::Value| json!({"update": {"sessionUpdate": "plan", "entries": entries}});
    let turns = json!([
        [plan(json!([{"content": "look", "status": "in_progress"}, {"content": "fix", "status": "pending"}]))],
        [
            plan(json!([{"content": "look", "status": "completed"}, {"content": "fix", "status": "in_progress"}])),
            plan(json!([]))
        ]
    ]);
    let mut s = Scene::of(turns).start().await;
    s.turn_ends().await;
    let revision = s.events.iter().rfind(|e| e["kind"] == "plan_revised").unwrap()["revision"].clone();
    s.call("plan/edit", json!({"revision": revision, "operations": [{"op": "add", "title": "write a test"}]}))
        .await
        .unwrap();
    s.prompt("go on").await;
    s.turn_ends().await;
    assert!(s.prompts()[1].contains("write a test"), "{:?}", s.prompts());
    assert!(s.events.iter().any(|e| e["kind"] == "told" && e["text"].as_str().unwrap().contains("write a test")));
    let last = s.events.iter().rfind(|e| e["kind"] == "plan_revised").unwrap();
    let titles: Vec<&str> =
        last["steps"].as_array().unwrap().iter().map(|step| step["title"].as_str().unwrap()).collect();
    assert!(titles.contains(&"write a test") && titles.contains(&"fix"), "{titles:?}");
}
