//! Whatever comes over the line: quirks are tolerated, floods are merged, nothing is unanswered.

use crate::seat::Scene;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn unknown_things_are_answered_shown_and_survived() {
    let turns = json!([[
        {"raw": "npm warn something on the wrong stream"},
        {"hex": "7b226a736f6e727063223a22322e30222c226d6574686f64223a22fffe227d"},
        {"raw": "[info] {\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{\"update\":{\"sessionUpdate\":\"agent_message_chunk\",\"content\":{\"type\":\"text\",\"text\":\"after a log line\"}}}}"},
        {"ask": "_vendor/thing", "id": "s-1", "params": {}},
        {"ask": "cursor/other", "id": 0, "params": null},
        {"notify": "_vendor/ping"}, {"notify": "vendor/ping"},
        {"update": {"sessionUpdate": "brand_new_kind", "x": 1}},
        {"update": {"sessionUpdate": "tool_call_update", "toolCallId": "never-announced", "title": "late", "status": "completed"}},
        {"update": {"sessionUpdate": "agent_message_chunk", "content": {"type": "hologram", "data": "?"}}},
        {"update": {"sessionUpdate": "usage_update", "used": 10, "size": 100, "cost": {"amount": 0.5, "currency": "USD"}}},
        {"update": {"sessionUpdate": "notice", "severity": "warning", "title": "careful"}},
        {"fs_read": "missing.txt"},
        {"ask": "terminal/output", "params": {"terminalId": "nope"}},
        {"ask": "session/request_permission", "params": {"sessionId": "fake-1"}},
        {"raw": "{\"jsonrpc\":\"2.0\",\"id\":4711,\"result\":null}"},
        {"raw": "[1, {\"jsonrpc\":\"2.0\",\"method\":\"x\"}]"},
    ]]);
    let mut s = Scene::of(turns).start().await;
    assert_eq!(s.turn_ends().await["reason"], "end_turn");
    let code = |id: Value| s.answers().iter().find(|a| a["id"] == id).map(|a| a["error"]["code"].as_i64());
    assert_eq!(code(json!("s-1")), Some(Some(-32601)));
    assert!(s.heard().iter().any(|a| a["id"] == 0 && a["error"]["code"] == -32601), "request id 0");
    assert!(s.answers().iter().any(|a| a["error"]["code"] == -32002), "a missing file");
    let said: String = s
        .events
        .iter()
        .filter(|e| e["kind"] == "said" && e["by"] == "agent")
        .map(|e| e["text"].as_str().unwrap())
        .collect();
    assert!(said.contains("after a log line") && said.contains("[hologram]"), "{said}");
    let notes: String = s.events.iter().filter(|e| e["kind"] == "agent_noted").map(|e| e["text"].to_string()).collect();
    for shown in ["wrong stream", "_vendor/thing", "brand_new_kind", "careful", "4711"] {
        assert!(notes.contains(shown), "{shown}: {notes}");
    }
    let usage = s.events.iter().find(|e| e["kind"] == "usage").unwrap();
    assert_eq!((usage["context_used"].as_u64(), usage["cost_micros"].as_u64()), (Some(10), Some(500_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_updates_is_merged_and_can_be_cancelled() {
    let turns = json!([[
        {"repeat": 50_000, "steps": [{"say": "tok "}, {"update": {"sessionUpdate": "tool_call_update", "toolCallId": "t", "title": "still at it"}}]},
        {"await_cancel": true}, {"stop": "cancelled"}], [{"say": "alive"}]]);
    let mut s = Scene::of(turns).start().await;
    s.wait("a first chunk", |e| e["kind"] == "said" && e["by"] == "agent").await;
    let began = std::time::Instant::now();
    s.call("session/prompt", json!({"text": "stop", "when": "interrupt"})).await.unwrap();
    assert_eq!(s.turn_ends().await["reason"], "cancelled");
    assert!(began.elapsed().as_millis() < 2500, "{:?}", began.elapsed());
    s.wait("the next turn", |e| e["kind"] == "said" && e["text"] == "alive").await;
    let chunks = s.events.iter().filter(|e| e["kind"] == "said").count();
    assert!(chunks < 2000, "{chunks} events");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_a_hundred_megabytes_is_dropped_and_said() {
    let turns = json!([[{"long_line": 100 << 20}, {"say": "after it"}]]);
    let mut s = Scene::of(turns).start().await;
    s.wait("the note", |e| e["kind"] == "agent_noted" && e["text"].as_str().unwrap().contains("was dropped")).await;
    s.wait("the text after it", |e| e["kind"] == "said" && e["text"].as_str().unwrap().contains("after it")).await;
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse::<u64>()
        .unwrap();
    assert!(peak < 300 * 1024, "peak memory {peak} kB");
}
