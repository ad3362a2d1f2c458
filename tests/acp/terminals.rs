//! `terminal/*`: commands that run here for the agent, seen by it while they run, cut as it asked, ended by it or by the
//! human.

use crate::seat::Scene;
use serde_json::{Value, json};

fn create(line: &str, more: Value) -> Value {
    let mut params = json!({"sessionId": "fake-1", "command": "sh", "args": ["-c", line]});
    for (key, value) in more.as_object().unwrap() {
        params[key] = value.clone();
    }
    json!({"ask": "terminal/create", "params": params})
}

fn ask(method: &str) -> Value {
    json!({"ask": format!("terminal/{method}"), "params": {"sessionId": "fake-1", "terminalId": "term-1"}})
}

fn until(text: &str) -> Value {
    json!({"until": "terminal/output", "params": {"sessionId": "fake-1", "terminalId": "term-1"}, "contains": text})
}

/// Answers to `terminal/output`, in order.
fn outputs(answers: &[Value]) -> Vec<&Value> {
    answers.iter().map(|a| &a["result"]).filter(|r| r["output"].is_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_there_while_the_command_runs_and_a_kill_keeps_it() {
    let turns = json!([[
        create("echo one; echo two >&2; exec sleep 600", json!({})),
        until("one"), until("two"), ask("kill"), ask("wait_for_exit"), ask("output"), ask("release"), ask("output"), {"say": "over"}]]);
    let mut s = Scene::of(turns).start().await;
    let held = s.held().await;
    s.approve(&held).await;
    s.turn_ends().await;
    let answers = s.answers();
    let outputs = outputs(&answers);
    let seen_running = outputs.iter().rfind(|o| o["exitStatus"].is_null()).unwrap();
    // Two pipes have no common order: both words are awaited before the kill, and either may come first.
    let both = |output: &Value| ["one\n", "two\n"].iter().all(|word| output["output"].as_str().unwrap().contains(word));
    assert!(both(seen_running), "{outputs:?}");
    let last = outputs.last().unwrap();
    assert!(both(last), "{last}");
    assert!(!last["exitStatus"].is_null(), "{last}");
    assert!(
        answers.iter().any(|a| a["result"]["signal"].is_string() && a["result"]["output"].is_null()),
        "{answers:?}"
    );
    assert_eq!(answers.last().unwrap()["error"]["code"], -32002, "a released terminal is gone: {answers:?}");
    assert!(s.events.iter().any(|e| e["kind"] == "lapsed" && e["why"] == "killed"));
}

/// The word for stderr is in its pipe before the one for stdout is seen; the kill comes right after that.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_nothing_that_was_written_before_it() {
    let turns = json!([[
        create("echo two >&2; echo one; exec sleep 600", json!({})),
        until("one"),
        ask("kill"),
        ask("wait_for_exit"),
        ask("output"),
        ask("release")
    ]]);
    let mut s = Scene::of(turns).start().await;
    let held = s.held().await;
    s.approve(&held).await;
    s.turn_ends().await;
    let answers = s.answers();
    let last = *outputs(&answers).last().unwrap();
    let words: std::collections::BTreeSet<&str> = last["output"].as_str().unwrap().lines().collect();
    assert_eq!(words, ["one", "two"].into(), "{answers:?}");
    assert_eq!(last["exitStatus"]["signal"], "SIGKILL", "it has really ended: {last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_cut_from_its_beginning_to_what_the_agent_wants() {
    let turns = json!([[
        create(
            "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; echo end",
            json!({"outputByteLimit": 100})
        ),
        ask("wait_for_exit"),
        ask("output"),
        ask("release")
    ]]);
    let mut s = Scene::of(turns).start().await;
    let held = s.held().await;
    s.approve(&held).await;
    s.turn_ends().await;
    let answers = s.answers();
    let output = outputs(&answers)[0].clone();
    let text = output["output"].as_str().unwrap();
    assert!(text.len() <= 100 && text.ends_with("line 1999\nend\n"), "{text:?}");
    assert_eq!((&output["truncated"], &output["exitStatus"]["exitCode"]), (&json!(true), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_of_the_turn_answers_the_wait_and_ends_the_command() {
    let mark = format!("sleep 600.{}", std::process::id());
    let turns = json!([[create(&format!("echo up; exec {mark}"), json!({})), until("up"), {"say": "waiting"}, ask("wait_for_exit"), {"stop": "cancelled"}],
        [{"say": "second"}]]);
    let mut s = Scene::of(turns).start().await;
    let held = s.held().await;
    s.approve(&held).await;
    s.wait("its words", |e| e["kind"] == "said" && e["text"] == "waiting").await;
    s.call("session/prompt", json!({"text": "no", "when": "interrupt"})).await.unwrap();
    assert_eq!(s.turn_ends().await["reason"], "cancelled");
    s.wait("the next turn", |e| e["kind"] == "said" && e["text"] == "second").await;
    let since = std::time::Instant::now();
    while runs(&mark) {
        assert!(since.elapsed().as_secs() < 5, "the command outlives its turn");
        tokio::task::yield_now().await;
    }
}

/// Is there a process with this command line?
fn runs(line: &str) -> bool {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .map(|e| std::fs::read(e.path().join("cmdline")).unwrap_or_default())
        .any(|bytes| String::from_utf8_lossy(&bytes).trim_end_matches('\0').replace('\0', " ") == line)
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_commands_run_at_once_and_the_next_waits() {
    let start = |n: usize| {
        let line = format!("touch ../up-{n}; while [ ! -e ../go ]; do sleep 0.05; done");
        json!({"ask": "terminal/create", "id": format!("c-{n}"), "no_wait": true,
            "params": {"sessionId": "fake-1", "command": "sh", "args": ["-c", line]}})
    };
    let most = rightseat::host::limits::COMMANDS_AT_ONCE_MAX;
    let mut turn: Vec<Value> = (0..=most).map(start).collect();
    turn.push(json!({"answers": most + 1}));
    let mut s = Scene::of(json!([turn])).start().await;
    for _ in 0..=most {
        let held = s.held().await;
        s.approve(&held).await;
    }
    let note = s.wait("the last one waits", |e| e["kind"] == "agent_noted" && e["what"] == "waiting").await;
    assert!(note["text"].as_str().unwrap().contains("starts when another command ends"), "{note}");
    let up = |s: &crate::seat::Session| (0..=most).filter(|n| s.dir.path().join(format!("up-{n}")).exists()).count();
    assert!(up(&s) <= most, "{}", up(&s));
    std::fs::write(s.dir.path().join("go"), "").unwrap();
    for _ in 0..=most {
        s.wait("its end", |e| e["kind"] == "finished" && e["outcome"] == "ok").await;
    }
    assert_eq!(up(&s), most + 1);
}
