//! From the start to the end of an agent: slow ones, silent ones, dying ones, ones that must be logged in.

use crate::seat::{Scene, edit_call};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_demanded_is_done_with_the_key_that_is_there() {
    let mut scene = Scene::of(json!([[{"say": "in"}]])).spec("env = { FAKE_API_KEY = \"k\" }");
    scene.script["init"] =
        json!({"authMethods": [{"id": "browser", "name": "Browser"}, {"id": "fake-api-key", "name": "Key"}]});
    scene.script["errors"] =
        json!({"session/new": {"code": -32000, "message": "Authentication required", "once": true}});
    let mut s = scene.start().await;
    s.wait("its words", |e| e["kind"] == "said" && e["text"] == "in").await;
    let login = s.heard().into_iter().find(|m| m["method"] == "authenticate").unwrap();
    assert_eq!(login["params"]["methodId"], "fake-api-key");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_human_reads_how_to_log_in() {
    let mut scene = Scene::of(json!([[]]));
    scene.script["init"] =
        json!({"authMethods": [{"id": "oauth", "name": "Log in with X", "description": "opens a browser"}]});
    scene.script["errors"] = json!({"session/new": {"code": -32000, "message": "Authentication required"}});
    let mut s = scene.start().await;
    let lost = s.wait_kind("agent_lost").await;
    assert!(lost["why"].as_str().unwrap().contains("Log in with X (opens a browser)"), "{lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ways_to_sign_in_are_announced_with_the_whole_command() {
    let mut scene = Scene::of(json!([[]]));
    scene.script["init"] = json!({"authMethods": [
        {"id": "tty", "name": "Terminal", "type": "terminal", "args": ["--login", "a b"], "env": {"MODE": "login"}},
        {"id": "key", "name": "Key", "type": "env_var", "vars": [{"name": "FAKE_KEY"}]},
        {"id": "trick", "name": "Trick", "type": "terminal", "args": ["x\u{1b}[2J"]},
    ]});
    scene.script["errors"] = json!({"session/new": {"code": -32000, "message": "Authentication required"}});
    let mut s = scene.start().await;
    let ready = s.wait("the ways", |e| e["kind"] == "agent_ready" && e["logins"][2]["id"] == "trick").await;
    let command: Vec<&str> =
        ready["logins"][0]["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert!(command.len() > 3 && command.ends_with(&["--login", "a b"]), "appended to its own command: {command:?}");
    assert_eq!(ready["logins"][0]["env"], json!([["MODE", "login"]]));
    assert_eq!(ready["logins"][1]["variables"], json!(["FAKE_KEY"]));
    assert!(ready["logins"][2]["command"].is_null(), "what cannot be shown as it is cannot be run");
    let lost = s.wait_kind("agent_lost").await;
    assert!(lost["why"].as_str().unwrap().contains("--login 'a b'"), "{lost}");
    let initialize = s.heard().into_iter().find(|m| m["method"] == "initialize").unwrap();
    assert_eq!(initialize["params"]["clientCapabilities"]["auth"]["terminal"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn death_in_mid_turn_is_said_with_its_last_words_and_a_new_prompt_starts_it_again() {
    let turns = json!([[{"stderr": "fatal: out of luck"}, {"permission": edit_call("t", "a.txt", None, "x"), "then": [], "else": [{"die": 3}]}]]);
    let mut s = Scene::of(turns).start().await;
    let held = s.held().await;
    s.decide(&held, "deny", json!({})).await;
    let lost = s.wait_kind("agent_lost").await;
    assert_eq!(lost["exit"], 3);
    assert!(lost["why"].as_str().unwrap().contains("fatal: out of luck"), "{lost}");
    s.turn_ends().await;
    s.prompt("again").await;
    s.held().await;
    assert_eq!(s.heard().iter().filter(|m| m["method"] == "initialize").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_the_agent_ignores_ends_the_turn_all_the_same() {
    let turns = json!([[{"say": "busy"}, {"permission": edit_call("t", "a.txt", None, "x"), "then": [], "else": []}, {"sleep_ms": 3000}],
        [{"say": "second"}]]);
    let mut s = Scene::of(turns).start().await;
    s.held().await;
    let began = std::time::Instant::now();
    s.call("session/prompt", json!({"text": "no, the other thing", "when": "interrupt"})).await.unwrap();
    assert_eq!(s.turn_ends().await["reason"], "cancelled");
    assert!(began.elapsed().as_millis() < 1500, "{:?}", began.elapsed());
    s.wait("the next turn's words", |e| e["kind"] == "said" && e["text"] == "second").await;
    assert_eq!(s.count("turn_ended"), 1, "the late answer of the canceled turn is no event");
    assert!(
        s.answers().iter().any(|a| a["result"]["outcome"]["outcome"] == "cancelled"),
        "its question was answered first"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_that_waits_for_the_start_can_be_cancelled() {
    let mut scene = Scene::of(json!([[{"say": "the other thing"}]]));
    scene.script["init_delay_ms"] = json!(1500);
    let mut s = scene.start().await;
    s.wait("the start", |e| e["kind"] == "agent_ready").await;
    s.call("session/prompt", json!({"text": "the other thing", "when": "interrupt"})).await.unwrap();
    assert_eq!(s.turn_ends().await["reason"], "cancelled");
    s.wait("the words", |e| e["kind"] == "said" && e["by"] == "agent").await;
    assert_eq!(s.prompts(), ["the other thing"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loaded_session_does_not_tell_its_past_again() {
    let mut scene = Scene::of(json!([[{"say": "new"}]]));
    scene.script["init"] = json!({"agentCapabilities": {"loadSession": true}});
    scene.load = Some("before".into());
    let mut s = scene.start().await;
    s.wait("new words", |e| e["kind"] == "said" && e["text"] == "new").await;
    assert!(!s.events.iter().any(|e| e["text"].as_str().is_some_and(|t| t.contains("old answer"))));
    let prompt = s.heard().into_iter().find(|m| m["method"] == "session/prompt").unwrap();
    assert_eq!(prompt["params"]["sessionId"], "before");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_model_ends_the_turn_with_its_words() {
    let turns =
        json!([[{"fail": {"code": -32603, "message": "Internal error", "data": {"details": "model overloaded"}}}]]);
    let mut s = Scene::of(turns).start().await;
    let end = s.turn_ends().await;
    assert_eq!(end["reason"], "error");
    assert!(end["text"].as_str().unwrap().contains("model overloaded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_is_said_with_how_to_get_it() {
    let mut scene = Scene::of(json!([[]])).spec("install = \"npm install -g fake\"");
    scene.missing = true;
    let mut s = scene.start().await;
    let lost = s.wait_kind("agent_lost").await;
    assert!(lost["why"].as_str().unwrap().contains("npm install -g fake"), "{lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_protocol_is_recorded_in_both_directions() {
    let mut s = Scene::of(json!([[{"say": "hi"}]])).start().await;
    s.turn_ends().await;
    let record = rightseat::agent::acp::read_record(&s.dir.path().join("record.jsonl")).unwrap();
    let methods: Vec<String> =
        record.iter().filter_map(|(_, line)| line["method"].as_str().map(str::to_owned)).collect();
    assert_eq!(methods, ["initialize", "session/new", "session/prompt", "session/update"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_ends_the_process() {
    let mut s = Scene::of(json!([[{"say": "hi"}, {"hang": true}]])).start().await;
    s.wait("words", |e| e["kind"] == "said" && e["by"] == "agent").await;
    let script = s.dir.path().join("script.json").display().to_string();
    s.close().await;
    let since = std::time::Instant::now();
    while processes_with(&script) > 0 {
        assert!(since.elapsed().as_secs() < 5, "the agent outlives its session");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Processes whose environment names this script.
fn processes_with(script: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter(|e| {
            std::fs::read(e.path().join("environ")).is_ok_and(|env| String::from_utf8_lossy(&env).contains(script))
        })
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_goes_on_in_the_copy_and_a_refused_one_changes_nothing() {
    let mut scene = Scene::of(json!([[{"say": "first"}], [{"say": "second"}], [{"say": "third"}]]));
    scene.script["init"] = json!({"agentCapabilities": {"sessionCapabilities": {"fork": {}}}});
    scene.script["errors"] = json!({"session/fork": {"code": -32000, "message": "not now", "once": true}});
    let mut s = scene.start().await;
    s.turn_ends().await;
    let fork = json!({"do": "fork", "session": "fake-1"});
    s.call("agent/session", fork.clone()).await.unwrap();
    s.wait("the refusal", |e| e["kind"] == "agent_noted" && e["text"].as_str().unwrap().contains("not now")).await;
    s.prompt("go on").await;
    s.wait("its words", |e| e["kind"] == "said" && e["text"] == "second").await;
    s.turn_ends().await;
    s.call("agent/session", fork).await.unwrap();
    s.wait("the copy", |e| e["kind"] == "agent_ready" && e["session"] == "fork-1" && e["state"] == "ready").await;
    s.prompt("go on there").await;
    s.wait("its words", |e| e["kind"] == "said" && e["text"] == "third").await;
    let heard = s.heard();
    let prompts: Vec<_> =
        heard.iter().filter(|m| m["method"] == "session/prompt").map(|m| m["params"]["sessionId"].clone()).collect();
    assert_eq!(prompts, ["fake-1", "fake-1", "fork-1"]);
}

/// The client is away while the agent is at work: it is frozen, the alarm says so, and the usual key thaws it.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_nobody_attends_is_frozen_until_somebody_comes() {
    let asks = json!({"permission": edit_call("t1", "a.txt", Some("1"), "2"), "then": [], "else": []});
    let mut scene = Scene::of(json!([[asks]])).with(&[("a.txt", "1")]);
    (scene.goal, scene.unattended_freeze) = (None, Some(std::time::Duration::from_millis(1)));
    let mut s = scene.start().await;
    s.call("session/prompt", json!({"text": "go"})).await.unwrap();
    s.wait_kind("held").await;
    assert!(s.events.iter().all(|e| e["kind"] != "frozen"), "somebody is attached");
    s.comes_back_after("alarm").await;
    let frozen = s.wait_kind("frozen").await;
    assert_eq!(frozen["why"], "no client was attached for 0 minutes");
    assert_eq!(s.wait_kind("alarm").await["what"], "unattended");
    s.call("gate/resume", json!({})).await.unwrap();
    s.wait_kind("resumed").await;
}

/// A command that runs is work, whether or not a turn does.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_nobody_attends_is_frozen() {
    let mut scene = Scene::of(json!([]));
    (scene.goal, scene.unattended_freeze) = (None, Some(std::time::Duration::from_millis(1)));
    let mut s = scene.start().await;
    s.call("workspace/run", json!({"command": {"shell": "sleep 600"}})).await.unwrap();
    s.comes_back_after("alarm").await;
    s.wait_kind("frozen").await;
    assert_eq!(s.wait_kind("alarm").await["what"], "unattended");
}

/// Nothing is left to do and nobody is there: the host exits, and the session is not over.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_host_exits_and_its_session_is_not_over() {
    let asks = json!({"permission": edit_call("t1", "a.txt", Some("1"), "2"), "then": [], "else": []});
    let mut scene = Scene::of(json!([[asks]])).with(&[("a.txt", "1")]);
    scene.idle_exit = Some(std::time::Duration::from_secs(2));
    let mut s = scene.start().await;
    let held = s.wait_kind("held").await;
    let deny = json!({"action": held["action"], "digest": held["digest"], "verdict": "deny"});
    s.call("action/decide", deny).await.unwrap();
    s.wait_kind("turn_ended").await;
    s.leaves_until_the_host_exits().await;
    let journal = rightseat::journal::Reader::open(&s.dir.path().join("journal.db")).unwrap();
    let kinds: Vec<String> = journal.iter(rightseat::base::Seq(1)).map(|record| record.unwrap().kind).collect();
    assert!(!kinds.iter().any(|kind| kind == "session_ended"), "{kinds:?}");
}
