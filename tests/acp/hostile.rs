//! An agent that breaks the rules wherever there are some: every request is answered once, and nothing happens that
//! nobody approved.

use crate::seat::{Scene, Session, edit_call};
use serde_json::{Value, json};
use std::os::unix::fs::symlink;

/// The answers to this id.
fn answers(s: &Session, id: &Value) -> Vec<Value> {
    s.heard().into_iter().filter(|m| m["method"].is_null() && m["id"] == *id).collect()
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Approves whatever waits until the turn is over; gives how much that was.
async fn approve_all(s: &mut Session) -> usize {
    let mut approved = 0;
    loop {
        let event = s.wait("a question or the end", |e| e["kind"] == "held" || e["kind"] == "turn_ended").await;
        if event["kind"] == "turn_ended" {
            return approved;
        }
        approved += 1;
        let params = json!({"action": event["action"], "digest": event["digest"], "verdict": "approve"});
        // What was taken back meanwhile cannot be approved any more.
        let _ = s.call("action/decide", params).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_every_kind_and_shape_are_answered_once() {
    let ids = [
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("\u{1b}[2J\u{0}"),
        json!("x".repeat(2_000)),
        json!(true),
        json!([1]),
        json!({"a": 1}),
        Value::Null,
    ];
    let ask =
        |id: &Value| json!({"raw": json!({"jsonrpc": "2.0", "id": id, "method": "x/y", "params": {}}).to_string()});
    let mut turn: Vec<Value> = ids.iter().map(ask).collect();
    turn.push(json!({"ask": "x/last", "id": "last"}));
    let mut s = Scene::of(json!([turn])).start().await;
    s.turn_ends().await;
    for id in &ids {
        assert_eq!(answers(&s, id).len(), 1, "{id:.40}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_cannot_be_read_are_answered() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let lines = [
        ("deep", format!(r#"{{"jsonrpc":"2.0","id":"deep","method":"fs/write_text_file","params":{deep}}}"#)),
        ("deep-2", format!(r#"{{"method":"session/request_permission","params":{{"a":{deep}}},"id":"deep-2"}}"#)),
        ("half", r#"{"id":"half","method":"terminal/create","params":{"command":"#.to_owned()),
        ("torn", r#"{"id":"torn","method":"x","params":{"t":"\ud800"}}"#.to_owned()),
        ("huge", r#"{"id":"huge","method":"x","params":{"n":1e999}}"#.to_owned()),
        ("late", r#"{"method":"x","id":"late"} and more"#.to_owned()),
    ];
    let mut turn: Vec<Value> = lines.iter().map(|(_, line)| json!({"raw": line})).collect();
    turn.push(json!({"raw": r#"{"jsonrpc":"2.0","id":77,"result":{"never":"asked"}}"#}));
    turn.push(json!({"raw": r#"[{"jsonrpc":"2.0","id":"b-1","method":"x"},{"jsonrpc":"2.0","id":"b-2","method":"y"},[],7,null]"#}));
    turn.push(json!({"raw": json!({"jsonrpc": "2.0", "id": "n", "method": "session/update", "params": {"sessionId": "fake-1",
        "update": {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "heard with an id"}}}}).to_string()}));
    turn.push(json!({"long_line": 17 << 20, "end": ",\"id\":\"long\""}));
    turn.push(json!({"ask": "x/last", "id": "last"}));
    let mut s = Scene::of(json!([turn])).start().await;
    s.turn_ends().await;
    for id in ["deep", "deep-2", "half", "torn", "huge", "late", "b-1", "b-2", "n", "long", "last"] {
        assert_eq!(answers(&s, &json!(id)).len(), 1, "{id}");
    }
    assert_eq!(answers(&s, &json!(77)).len(), 0);
    assert!(s.events.iter().any(|e| e["kind"] == "said" && e["text"] == "heard with an id"));
    assert_eq!(s.count("proposed"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_lead_outside_never_arrive_there() {
    let paths = [
        "$CWD/../outside/new.txt",
        "../outside/new.txt",
        "$CWD/sub/../../outside/new.txt",
        "$CWD/../outside/kept.txt",
        "$CWD/way/new.txt",
        "$CWD/way/kept.txt",
        "$CWD/file",
        "$CWD/loop/x",
        "$CWD",
        "$CWD/sub",
        "$CWD/pipe",
        "",
        ".",
        "/",
        "/proc/self/comm",
        "/proc/self/cwd/../outside/new.txt",
        "/proc/self/fd/1",
        "/dev/full",
        "/dev/stdout",
        "file:///$CWD/../outside/new.txt",
        "nul\u{0}byte",
        "\u{1b}]0;owned\u{7}\u{1b}[2J",
        "bidi\u{202e}txt.exe",
    ];
    let write = |(n, path): (usize, &&str)| {
        json!({"ask": "fs/write_text_file", "id": format!("w-{n}"), "no_wait": true,
        "params": {"sessionId": "fake-1", "path": path, "content": "evil"}})
    };
    let mut turn: Vec<Value> = paths.iter().enumerate().map(write).collect();
    let long = format!("$CWD/{}", "x".repeat(5_000));
    turn.push(json!({"ask": "fs/write_text_file", "id": "w-long", "no_wait": true, "params": {"path": long, "content": "evil"}}));
    // The turn goes on until all are answered.
    turn.push(json!({"answers": paths.len() + 1}));
    let scene = Scene { goal: None, ..Scene::of(json!([turn])).with(&[("sub/a.txt", "old\n")]) };
    let mut s = scene.start().await;
    let outside = s.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("kept.txt"), "kept").unwrap();
    symlink(&outside, s.root().join("way")).unwrap();
    symlink(outside.join("kept.txt"), s.root().join("file")).unwrap();
    symlink("loop", s.root().join("loop")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, s.root().join("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    s.prompt("go").await;
    approve_all(&mut s).await;
    for (n, path) in paths.iter().enumerate() {
        assert_eq!(answers(&s, &json!(format!("w-{n}"))).len(), 1, "{path:?}");
    }
    assert_eq!(answers(&s, &json!("w-long")).len(), 1);
    let names: Vec<_> = std::fs::read_dir(&outside).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(names, ["kept.txt"]);
    assert_eq!(std::fs::read_to_string(outside.join("kept.txt")).unwrap(), "kept");
    assert!(s.root().join("pipe").symlink_metadata().is_ok_and(|m| !m.is_file()), "the pipe is still one");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_of_what_is_no_file_end_with_an_error() {
    let paths = [
        "$CWD/pipe",
        "$CWD/sub",
        "$CWD/loop",
        "/dev/zero",
        "/dev/tty",
        "/proc/kmsg",
        "/proc/self/mem",
        "nul\u{0}",
        "/",
        "",
    ];
    let read = |(n, path): (usize, &&str)| {
        json!({"ask": "fs/read_text_file", "id": format!("r-{n}"), "no_wait": true,
        "params": {"sessionId": "fake-1", "path": path, "line": u64::MAX, "limit": 1e300}})
    };
    let mut turn: Vec<Value> = paths.iter().enumerate().map(read).collect();
    turn.push(json!({"answers": paths.len()}));
    let mut s = Scene { goal: None, ..Scene::of(json!([turn])).with(&[("sub/a.txt", "old\n")]) }.start().await;
    symlink("loop", s.root().join("loop")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, s.root().join("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    s.prompt("go").await;
    approve_all(&mut s).await;
    for (n, path) in paths.iter().enumerate() {
        let answers = answers(&s, &json!(format!("r-{n}")));
        assert!(answers.len() == 1 && answers[0]["error"].is_object(), "{path:?}: {answers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_shown_with_its_place_and_its_environment() {
    let create =
        |id: &str, params: Value| json!({"ask": "terminal/create", "id": id, "no_wait": true, "params": params});
    let env = json!([{"name": "LD_PRELOAD", "value": "./evil.so"}, {"name": "GIT_SSH_COMMAND", "value": "evil"}]);
    let turns = json!([[
        create("env", json!({"command": "true", "env": env})),
        create("root", json!({"command": "touch x", "cwd": "/"})),
        create("up", json!({"command": "touch x", "cwd": "$CWD/.."})),
        create("way", json!({"command": "touch x", "cwd": "$CWD/way"})),
        create("nul", json!({"command": "true", "args": ["a\u{0}b"]})),
        create("odd", json!({"command": "true", "env": [{"name": "A=B", "value": "x"}, {"name": "", "value": "y"}, {"name": "N\u{0}", "value": "z"}]})),
        create("none", json!({"command": 7})),
        {"answers": 7}]]);
    let mut s = Scene { goal: None, ..Scene::of(turns) }.start().await;
    let outside = s.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    symlink(&outside, s.root().join("way")).unwrap();
    s.prompt("go").await;
    let held = s.held().await;
    assert_eq!(held.action["command"]["env"], json!([["LD_PRELOAD", "./evil.so"], ["GIT_SSH_COMMAND", "evil"]]));
    s.decide(&held, "deny", json!({})).await;
    for cwd in ["/".to_owned(), s.dir.path().join("work/..").display().to_string()] {
        let held = s.held().await;
        assert_eq!(held.action["command"]["cwd"], cwd, "the place is shown");
        s.decide(&held, "deny", json!({})).await;
    }
    approve_all(&mut s).await;
    for id in ["env", "root", "up", "way", "nul", "odd", "none"] {
        assert_eq!(answers(&s, &json!(id)).len(), 1, "{id}");
    }
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0, "a link that leads outside is no place to work in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_output_that_nobody_reads_takes_no_memory() {
    let ask = |method: &str, id: &str| json!({"ask": format!("terminal/{method}"), "id": id, "params": {"terminalId": "term-1"}});
    let turns = json!([[
        {"ask": "terminal/create", "params": {"command": "yes", "args": ["x".repeat(1_000)], "outputByteLimit": 1e18}},
        {"ask": "terminal/wait_for_exit", "id": "wait", "no_wait": true, "params": {"terminalId": "term-1"}},
        {"until": "terminal/output", "params": {"terminalId": "term-1"}, "contains": "\"truncated\":true"},
        ask("kill", "kill"), ask("kill", "kill-2"), ask("release", "release"), ask("release", "release-2"),
        ask("wait_for_exit", "wait-2"), ask("output", "output")]]);
    let mut s = Scene::of(turns).start().await;
    let held = s.held().await;
    s.approve(&held).await;
    s.turn_ends().await;
    // The command ends once its pipes are read out, which may be after the turn.
    s.answered("wait").await;
    let is_error = |id: &str| answers(&s, &json!(id)).iter().map(|a| a["error"].is_object()).collect::<Vec<_>>();
    for (id, expect) in [("wait", false), ("kill", false), ("kill-2", false), ("release", false)] {
        assert_eq!(is_error(id), [expect], "{id}");
    }
    for id in ["release-2", "wait-2", "output"] {
        assert_eq!(is_error(id), [true], "{id}");
    }
    assert!(peak_kib() < 300 * 1024, "peak memory {} kB", peak_kib());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_meets_the_cancel_is_not_put_to_anyone() {
    let options = json!([{"optionId": "yes", "name": "Allow", "kind": "allow_once"}]);
    let params = json!({"sessionId": "fake-1", "toolCall": edit_call("t1", "a.txt", Some("old\n"), "new\n"), "options": options});
    let ask = |method: &str, id: &str, params: Value| json!({"ask": method, "id": id, "params": params});
    let turns = json!([[{"say": "x"}, {"await_cancel": true},
        ask("session/request_permission", "p", params),
        ask("fs/write_text_file", "w", json!({"path": "$CWD/a.txt", "content": "new\n"})),
        ask("terminal/create", "t", json!({"command": "touch a.txt"})),
        ask("elicitation/create", "e", json!({"mode": "url", "message": "?", "url": "https://x", "elicitationId": "1"})),
        {"stop": "cancelled"}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    s.wait_kind("said").await;
    s.wait("its words", |e| e["kind"] == "said" && e["text"] == "x").await;
    s.call("session/cancel", json!({})).await.unwrap();
    s.turn_ends().await;
    assert_eq!(answers(&s, &json!("p"))[0]["result"]["outcome"]["outcome"], "cancelled");
    assert_eq!(answers(&s, &json!("e"))[0]["result"]["action"], "cancel");
    assert!(["w", "t"].iter().all(|id| answers(&s, &json!(id))[0]["error"].is_object()));
    assert_eq!((s.count("proposed"), s.file("a.txt").as_deref()), (0, Some("old\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_questions_about_one_call_have_two_answers() {
    let options = json!([{"optionId": "yes", "name": "Allow", "kind": "allow_once"}, {"optionId": "no", "name": "No", "kind": "reject_once"}]);
    let ask = |id: &str, path: &str| {
        json!({"ask": "session/request_permission", "id": id, "no_wait": true,
        "params": {"sessionId": "somebody-else", "toolCall": edit_call("same", path, Some("old\n"), "new\n"), "options": options}})
    };
    let turns =
        json!([[ask("one", "a.txt"), ask("two", "b.txt"), {"answers": 2}, {"write": "b.txt", "content": "new\n"}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n"), ("b.txt", "old\n")]).start().await;
    let (first, second) = (s.held().await, s.held().await);
    assert_eq!((&first.file()["path"], &second.file()["path"]), (&json!("a.txt"), &json!("b.txt")));
    s.decide(&first, "deny", json!({})).await;
    s.approve(&second).await;
    s.turn_ends().await;
    let chosen = |id: &str| answers(&s, &json!(id))[0]["result"]["outcome"]["optionId"].clone();
    assert_eq!((chosen("one"), chosen("two")), (json!("no"), json!("yes")));
    assert_eq!((s.file("a.txt").as_deref(), s.file("b.txt").as_deref()), (Some("old\n"), Some("new\n")));
}

/// After its turn, and after a second answer to the same prompt, it asks again: it is asked about like anything else.
#[tokio::test(flavor = "multi_thread")]
async fn questions_outside_a_turn_are_questions_all_the_same() {
    let over = json!({"raw": r#"{"jsonrpc":"2.0","id":3,"result":{"stopReason":"end_turn"}}"#});
    let turns = json!([[over, over, {"permission": edit_call("t1", "a.txt", Some("old\n"), "new\n"),
        "then": [{"write": "a.txt", "content": "new\n"}], "else": []}, {"hang": true}]]);
    let mut s = Scene::of(turns).with(&[("a.txt", "old\n")]).start().await;
    s.turn_ends().await;
    let held = s.held().await;
    assert_eq!(s.file("a.txt").as_deref(), Some("old\n"));
    s.decide(&held, "deny", json!({})).await;
    s.wait_kind("decided").await;
    assert_eq!((s.file("a.txt").as_deref(), s.count("turn_ended")), (Some("old\n"), 1));
}

/// What another session of its process is set to, plans and costs is not what this one is.
#[tokio::test(flavor = "multi_thread")]
async fn another_sessions_mode_plan_and_cost_are_not_ours() {
    let update =
        |update: Value| json!({"notify": "session/update", "params": {"sessionId": "other", "update": update}});
    let turns = json!([[
        update(json!({"sessionUpdate": "current_mode_update", "currentModeId": "yolo"})),
        update(
            json!({"sessionUpdate": "plan", "entries": [{"content": "evil", "status": "pending", "priority": "high"}]})
        ),
        update(json!({"sessionUpdate": "usage_update", "used": 1, "size": 2})),
        update(json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "it is me"}}))
    ]]);
    let mut scene = Scene::of(turns).spec("mode = \"ask\"");
    scene.script["session"] = json!({"modes": {"currentModeId": "ask", "availableModes": [{"id": "ask", "name": "Ask"}, {"id": "yolo", "name": "Yolo"}]}});
    let mut s = scene.start().await;
    s.turn_ends().await;
    assert_eq!((s.count("alarm"), s.count("plan_revised"), s.count("usage")), (0, 0, 0), "{:?}", s.events);
    let said = s.events.iter().find(|e| e["kind"] == "said" && e["text"] == "it is me").unwrap();
    assert_eq!(said["by"], "agent/other");
    let notes =
        s.events.iter().filter(|e| e["kind"] == "agent_noted" && e["text"].as_str().unwrap().contains("agent/other"));
    assert_eq!(notes.count(), 1, "what it said is kept, merged into one note");
}

/// Signs that would move a terminal's cursor, in every text that an agent can send.
#[tokio::test(flavor = "multi_thread")]
async fn control_signs_in_every_field_are_survived() {
    const BAD: &str = "\u{1b}[2J\u{0}\u{7}\u{9b}31m\r\n\u{202e}";
    let call = json!({"sessionUpdate": "tool_call", "toolCallId": BAD, "title": BAD, "kind": BAD, "status": BAD, "name": BAD,
        "locations": [{"path": BAD}], "rawInput": {"command": BAD, "description": BAD, BAD: BAD},
        "content": [{"type": BAD, "content": {"type": BAD, "text": BAD}}, {"type": "diff", "path": BAD, "oldText": BAD, "newText": BAD}]});
    let mut asked = call.clone();
    asked["kind"] = json!("edit");
    let turns = json!([[
        {"update": call}, {"say": BAD}, {"think": BAD}, {"stderr": BAD},
        {"update": {"sessionUpdate": BAD}}, {"update": {"sessionUpdate": "plan", "entries": [{"content": BAD, "status": BAD, "priority": BAD}, {"content": "", "status": BAD}]}},
        {"update": {"sessionUpdate": "current_mode_update", "currentModeId": BAD}},
        {"update": {"sessionUpdate": "session_info_update", "title": BAD}},
        {"update": {"sessionUpdate": "usage_update", "used": -1, "size": 1e300, "cost": {"amount": "NaN", "currency": BAD}}},
        {"update": {"sessionUpdate": "notice", "severity": BAD, "title": BAD, "description": BAD}},
        {"notify": BAD, "params": {BAD: BAD}}, {"ask": BAD, "params": {}},
        {"ask": "elicitation/create", "no_wait": true, "params": {"mode": "form", "message": BAD, "requestedSchema": {"properties": {BAD: {"title": BAD, "enum": [BAD, BAD]}}}}},
        {"permission": asked, "options": [{"optionId": BAD, "name": BAD, "kind": "allow_once"}, {"optionId": BAD, "name": BAD, "kind": BAD}], "then": [], "else": []},
        {"stop": BAD}]]);
    let mut scene = Scene::of(turns).with(&[("a.txt", "old\n")]);
    scene.script["init"] = json!({"agentInfo": {"name": BAD, "title": BAD, "version": BAD}, "authMethods": [{"id": BAD, "name": BAD, "description": BAD}]});
    scene.script["session"] = json!({"sessionId": "fake-1", "modes": {"currentModeId": BAD, "availableModes": [{"id": BAD, "name": BAD}]},
        "configOptions": [{"id": BAD, "name": BAD, "type": "select", "currentValue": BAD, "options": [{"value": BAD, "name": BAD}]}]});
    let mut s = scene.start().await;
    approve_all(&mut s).await;
    assert_eq!(s.file("a.txt").as_deref(), Some("old\n"));
    assert_eq!(std::fs::read_dir(s.root()).unwrap().count(), 1, "nothing of that name was made");
    s.prompt("alive?").await;
    approve_all(&mut s).await;
}
