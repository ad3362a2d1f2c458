//! Servers that call themselves compatible and refuse a part of what they are asked for.

use crate::model_server::{Fault, Refusal, Turn};
use crate::session::{Answer, Ran, Session};
use rightseat::agent::llm::Api;
use serde_json::json;

fn printed(name: &str, args: serde_json::Value) -> Turn {
    Turn::text(&format!("Next.\n```json\n{}\n```", json!({"name": name, "arguments": args})))
}

/// The same work, every call printed as text.
fn fixing() -> [Turn; 4] {
    [
        printed("read", json!({"path": "calc.py"})),
        printed(
            "edit",
            json!({"path": "calc.py", "old": "return a - b", "new": "return a + b", "why": "add must add"}),
        ),
        printed("test", json!({})),
        printed("finish", json!({"report": "add adds now", "done": true})),
    ]
}

fn run(api: &'static str, refuse: Vec<Refusal>) -> Ran {
    let mut session = Session::of(api, fixing());
    session.refuse = refuse;
    let ran = session.run(|_| Answer::Approve);
    assert_eq!(ran.exit, Some(0), "{api}: {:#?} {:#?}", ran.alarms(), ran.kind("turn_ended").last());
    assert_eq!(ran.file("calc.py"), "def add(a, b):\n    return a + b\n");
    ran
}

#[test]
fn a_server_without_tools_is_spoken_to_in_text_and_that_is_marked() {
    let cases = [
        ("openai-chat", Refusal::of("/tools", 500, "tools param requires --jinja flag")),
        ("openai-chat", Refusal::of("/tools", 400, "registry.ollama.ai/library/gemma:2b does not support tools")),
        ("anthropic", Refusal::of("/tools", 400, "tools: Extra inputs are not permitted")),
        (
            "openai-chat",
            Refusal::of("roles", 500, "Conversation roles must alternate user/assistant/user/assistant/..."),
        ),
    ];
    for (api, refusal) in cases {
        let ran = run(api, vec![refusal]);
        assert!(
            ran.alarms().iter().all(|what| *what == "fallback") && !ran.alarms().is_empty(),
            "{api}: {:?}",
            ran.alarms()
        );
        let received = ran.server.received();
        let last = received.last().unwrap().body.to_string();
        assert!(last.contains("- read(path") && last.contains("Your call of `read` gave"), "{last}");
        // Refused once for each thing that is left out, and never asked for again.
        assert!(received.len() <= 4 + 2, "{api}: {}", received.len());
    }
}

#[test]
fn what_is_optional_is_left_out_when_it_is_refused() {
    let refusals = vec![
        Refusal::of("/stream_options", 400, "Unrecognized request argument supplied: stream_options"),
        Refusal::of("/max_tokens", 400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
    ];
    let ran = run("openai-chat", refusals);
    assert_eq!(ran.kind("agent_noted").filter(|event| event["what"] == "fallback").count(), 2);
    let plain = Refusal::of("/system/0/cache_control", 400, "system.0.cache_control: Extra inputs are not permitted");
    let ran = run("anthropic", vec![plain]);
    assert!(ran.server.received().last().unwrap().body["system"].is_string());
}

#[test]
fn a_server_that_does_not_stream_is_understood_in_each_protocol() {
    for api in Api::ALL.map(Api::name) {
        let turns = [
            Turn { text: "I look.".into(), ..Turn::call("read", json!({"path": "calc.py"})) },
            Turn::call("edit", json!({"path": "calc.py", "old": "a - b", "new": "a + b", "why": "add must add"})),
            Turn::call("test", json!({})),
            Turn::call("finish", json!({"report": "done", "done": true})),
        ];
        let ran = Session::of(api, turns.map(|turn| Turn { usage: (2_000, 20), ..turn }.with_fault(Fault::Whole)))
            .run(|_| Answer::Approve);
        assert_eq!(ran.exit, Some(0), "{api}: {:#?}", ran.events.last());
        assert!(ran.kind("said").any(|said| said["text"].as_str().unwrap().contains("I look.")), "{api}");
        assert!(ran.kind("usage").last().unwrap()["tokens_in"] == 8_000, "{api}");
    }
}

#[test]
fn a_context_that_is_too_small_is_said_with_its_size() {
    let refusal =
        Refusal::of("/messages", 400, "request (5300 tokens) exceeds the available context size (1024 tokens)");
    let mut session = Session::of("openai-chat", fixing());
    session.refuse = vec![refusal];
    let ran = session.run(|_| Answer::Approve);
    let ended = ran.kind("turn_ended").last().unwrap()["text"].as_str().unwrap();
    assert!(ran.exit == Some(1) && ended.contains("start the server with a larger context"), "{ended}");
}

#[test]
fn endless_repetition_is_cut_short() {
    let endless = Turn { frame_ms: 1, ..Turn::text(&"I will read the file. ".repeat(20_000)) };
    let turns = vec![endless; 6];
    let ran = Session::of("openai-chat", turns).run(|_| Answer::Approve);
    assert_eq!((ran.reason(), ran.exit), ("error", Some(1)));
    assert!(ran.alarms().contains(&"loop"), "{:?}", ran.alarms());
    let said: usize = ran.kind("said").map(|said| said["text"].as_str().unwrap().len()).sum();
    assert!(said < 200_000, "{said} bytes were listened to");
}

#[test]
fn a_server_that_shows_the_model_no_tools_is_given_them_as_text() {
    for api in ["openai-responses", "openai-chat", "anthropic"] {
        let printed = |name: &str, args: serde_json::Value| {
            let call = json!({"name": name, "arguments": args});
            Turn { usage: (900, 20), ..Turn::text(&format!("```json\n{call}\n```")) }
        };
        let turns = [
            // As counted by llama.cpp with SmolLM2-135M: the template prints the messages alone.
            Turn { usage: (247, 20), ..Turn::text("What is your task? I am not able to find any tools.") },
            printed("edit", json!({"path": "calc.py", "old": "a - b", "new": "a + b", "why": "add must add"})),
            printed("test", json!({})),
            printed("finish", json!({"report": "done", "done": true})),
        ];
        let ran = Session::of(api, turns).run(|_| Answer::Approve);
        assert_eq!(ran.exit, Some(0), "{api}: {:#?}", ran.events);
        assert_eq!(ran.alarms(), ["fallback"], "{api}");
        let sent = ran.server.received();
        let bodies: Vec<&serde_json::Value> =
            sent.iter().filter(|request| request.method == "POST").map(|request| &request.body).collect();
        assert!(bodies[0].get("tools").is_some() && bodies[1].get("tools").is_none(), "{api}");
        let second = bodies[1].to_string();
        assert!(second.contains("- edit(path, old, new") && !second.contains("not able to find any tools"), "{api}");
    }
}

#[test]
fn the_context_that_a_server_tells_decides_how_many_words_the_tools_take() {
    let offered = |announced: u64| {
        let mut session = Session::of("openai-chat", [Turn::call("finish", json!({"report": "no", "done": false}))]);
        (session.announced, session.model) = (announced, "output = 500");
        let ran = session.run(|_| Answer::Approve);
        assert_eq!(ran.kind("usage").last().unwrap()["context_size"].as_u64(), Some(announced).filter(|n| *n > 0));
        let sent = ran.server.received();
        let body = &sent.iter().find(|request| request.method == "POST").unwrap().body;
        (body["tools"].as_array().unwrap().len(), body["tools"].to_string().len())
    };
    let (few, lean, full) = (offered(2_048), offered(8_192), offered(0));
    assert!(few.0 == 8 && lean.0 == 14 && full.0 == 14, "{few:?} {lean:?} {full:?}");
    assert!(few.1 * 3 < lean.1 * 2 && lean.1 < full.1, "{few:?} {lean:?} {full:?}");
}

#[test]
fn a_word_against_the_overview_reaches_the_model() {
    let reason = "only look at calc.py";
    let mut session = Session::of("anthropic", [Turn::call("finish", json!({"report": "no", "done": false}))]);
    session.extra_args = vec!["--mode", "step"];
    let ran = session.run(|_| Answer::Redirect(reason));
    assert!(ran.sent().contains(reason), "{}", ran.sent());
    let told = ran.kind("told").find(|told| told["action"] == "a1").unwrap();
    assert!(told["text"].as_str().unwrap().contains(reason));
}
