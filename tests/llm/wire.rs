//! One completion over the wire in each protocol, with each fault.

use crate::model_server::{Fault, ModelServer, Script, Turn};
use rightseat::agent::llm::Fault as Failure;
use rightseat::agent::llm::{Api, Catalog, Closed, Endpoint, Message, Patience, Progress, Reply, Request};
use rightseat::agent::llm::{Thinking, ToolSpec, complete, discover};
use rightseat::base::Secret;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const KEY: &str = "sk-test-do-not-leak-0123456789";

pub fn endpoint(api: Api, server: &ModelServer) -> Endpoint {
    Endpoint {
        api,
        base_url: server.origin(),
        key: Secret::new(KEY),
        patience: Patience {
            first_byte: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            whole: Duration::from_secs(60),
            retry_first: Duration::from_millis(5),
        },
    }
}

pub fn request() -> Request {
    Request {
        model: "scripted".into(),
        system: "You are under test.".into(),
        messages: vec![Message::user("hello")],
        tools: vec![ToolSpec {
            name: "read".into(),
            description: "Reads.".into(),
            schema: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
        }],
        output_tokens_max: 1_000,
        thinking: Thinking::Unset,
        cache: true,
        cache_key: None,
        dialect: Default::default(),
    }
}

pub struct Ran {
    pub closed: Closed,
    pub pauses: Vec<Duration>,
    pub waited: bool,
    pub server: ModelServer,
}

pub async fn run(api: Api, turns: impl IntoIterator<Item = Turn>) -> Ran {
    let server = ModelServer::start(Script::of(turns));
    let endpoint = endpoint(api, &server);
    run_at(endpoint, server).await
}

/// The same with little patience, for servers that fall silent.
pub async fn run_impatiently(api: Api, turns: impl IntoIterator<Item = Turn>) -> Ran {
    let server = ModelServer::start(Script::of(turns));
    let mut endpoint = endpoint(api, &server);
    endpoint.patience.first_byte = Duration::from_millis(1_500);
    endpoint.patience.idle = Duration::from_millis(400);
    run_at(endpoint, server).await
}

pub async fn run_at(endpoint: Endpoint, server: ModelServer) -> Ran {
    let api = endpoint.api;
    let encoded = api.encode(&endpoint.base_url, &request());
    let seen = Arc::new(Mutex::new((Reply::new(api, "t1"), Vec::new(), false)));
    complete(&endpoint, &encoded, |progress| {
        let mut seen = seen.lock().unwrap();
        match progress {
            Progress::Delta(delta) => seen.0.take(delta),
            Progress::Retrying { after, .. } => seen.1.push(after),
            Progress::Waiting { .. } => seen.2 = true,
        }
        std::future::ready(())
    })
    .await;
    let (reply, pauses, waited) = Arc::into_inner(seen).unwrap().into_inner().unwrap();
    Ran { closed: reply.close(), pauses, waited, server }
}

pub fn good() -> Turn {
    Turn { thinking: "let me see".into(), text: "Reading it – ✓.".into(), usage: (100, 20), ..Turn::default() }
        .with_call("read", json!({"path": "src/lib.rs"}))
        .with_call("read", json!({"path": "ä"}))
}

pub fn is_good(closed: &Closed) -> bool {
    closed.fault.is_none()
        && closed.broken.is_empty()
        && closed.text() == "Reading it – ✓."
        && closed.calls().map(|call| call.args["path"].as_str().unwrap()).eq(["src/lib.rs", "ä"])
        && closed.usage.prompt() == Some(100)
        && closed.usage.output == Some(20)
}

#[tokio::test]
async fn each_protocol_streams_a_whole_turn() {
    for api in Api::ALL {
        let ran = run(api, [good()]).await;
        assert!(is_good(&ran.closed), "{api:?} {:?}", ran.closed);
        let received = ran.server.received();
        assert_eq!(received.len(), 1);
        let keyed = received[0].headers.iter().filter(|(_, value)| value.contains(KEY)).count();
        assert_eq!(keyed, 1, "the key goes into one header");
        assert!(!received[0].path.contains(KEY) && !received[0].body.to_string().contains(KEY));
    }
}

#[tokio::test]
async fn a_slow_drip_of_single_bytes_is_the_same_turn() {
    for api in Api::ALL {
        let ran = run(api, [good().with_fault(Fault::Drip { ms: 0 })]).await;
        assert!(is_good(&ran.closed), "{api:?} {:?}", ran.closed);
    }
}

#[tokio::test]
async fn refusals_before_the_first_byte_are_retried_and_counted() {
    for api in Api::ALL {
        let busy = |status, retry_after| Turn::fault(Fault::Status { status, retry_after });
        let ran = run(api, [busy(429, Some(0)), busy(503, None), busy(529, None), good()]).await;
        assert!(is_good(&ran.closed), "{api:?} {:?}", ran.closed);
        assert_eq!(ran.pauses.len(), 3);
    }
}

#[tokio::test]
async fn retries_end() {
    let busy = Turn::fault(Fault::Status { status: 500, retry_after: None });
    let ran = run(Api::Chat, std::iter::repeat_n(busy, 10)).await;
    assert!(matches!(ran.closed.fault, Some(Failure::Unavailable { status: 500, .. })));
    assert_eq!(ran.server.turns_used(), 5);
}

#[tokio::test]
async fn a_cut_is_never_retried_and_runs_no_half_call() {
    for api in Api::ALL {
        let whole = good();
        for after_bytes in [200, 700, 1_200] {
            let ran = run(api, [whole.clone().with_fault(Fault::Cut { after_bytes }), good()]).await;
            let closed = &ran.closed;
            // A cut inside the first event has consumed nothing, so it may be tried again.
            if ran.pauses.len() == 1 {
                assert!(is_good(closed), "{api:?} {closed:?}");
                continue;
            }
            assert!(matches!(closed.fault, Some(Failure::Cut { .. })), "{api:?} {closed:?}");
            assert_eq!(ran.server.turns_used(), 1);
            for call in closed.calls() {
                assert!(["src/lib.rs", "ä"].contains(&call.args["path"].as_str().unwrap()));
            }
        }
    }
}

#[tokio::test]
async fn a_stall_ends_in_time_and_a_silence_too() {
    for api in Api::ALL {
        // Content has come, and half of a call.
        let ran = run_impatiently(api, [good().with_fault(Fault::Stall { after_frames: 5 })]).await;
        // On a busy machine the first byte may be the one that is late.
        let late =
            |fault: &Option<Failure>| matches!(fault, Some(Failure::Stalled { .. } | Failure::FirstByteLate { .. }));
        assert!(api == Api::Gemini || late(&ran.closed.fault), "{api:?} {:?}", ran.closed);
        let ran = run_impatiently(api, [good().with_fault(Fault::Silence)]).await;
        assert!(matches!(ran.closed.fault, Some(Failure::FirstByteLate { .. })), "{api:?} {:?}", ran.closed);
        assert!(ran.waited, "waiting is shown");
    }
}

#[tokio::test]
async fn duplicates_and_nonsense_never_change_a_call() {
    for api in Api::ALL {
        let ran = run(api, [good().with_fault(Fault::Duplicate)]).await;
        let paths: Vec<&str> = ran.closed.calls().map(|call| call.args["path"].as_str().unwrap()).collect();
        let whole = ["src/lib.rs", "ä"];
        assert!(paths.is_empty() || paths == whole, "{api:?} {:?}", ran.closed);
        let ran = run(api, [good().with_fault(Fault::Malformed)]).await;
        assert!(matches!(ran.closed.fault, Some(Failure::Malformed { .. })), "{api:?} {:?}", ran.closed);
    }
}

#[tokio::test]
async fn wrong_types_bombs_floods_and_full_contexts_are_typed() {
    for api in Api::ALL {
        let fault = async |fault| run(api, [Turn::fault(fault)]).await.closed.fault.unwrap();
        assert!(matches!(fault(Fault::WrongType).await, Failure::WrongType { .. }), "{api:?}");
        assert!(matches!(fault(Fault::GzipBomb { mebibytes: 20 }).await, Failure::Compressed { .. }), "{api:?}");
        assert!(matches!(fault(Fault::Flood { mebibytes: 80 }).await, Failure::TooLarge { .. }), "{api:?}");
        assert!(matches!(fault(Fault::Overflow).await, Failure::Overflow { .. }), "{api:?}");
    }
}

#[tokio::test]
async fn the_key_does_not_follow_a_redirect_to_another_origin() {
    for api in Api::ALL {
        for status in [301, 302, 307, 308] {
            let thief = ModelServer::start(Script::of([good()]));
            let to = format!("{}/v1/messages", thief.origin());
            let ran = run(api, [Turn::fault(Fault::Redirect { to, status: Some(status) })]).await;
            assert!(matches!(ran.closed.fault, Some(Failure::Redirected { .. })), "{:?}", ran.closed);
            assert!(thief.received().is_empty(), "not even asked");
        }
    }
}

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed() {
    for (api, to) in [
        (Api::Responses, "/v1/responses"),
        (Api::Chat, "/v1/chat/completions"),
        (Api::Anthropic, "/v1/messages"),
        (Api::Gemini, "/v1beta/models/scripted:streamGenerateContent?alt=sse"),
    ] {
        let moved = |to: &str| Turn::fault(Fault::Redirect { to: to.to_owned(), status: Some(308) });
        let ran = run(api, [moved(to), good()]).await;
        assert!(is_good(&ran.closed), "{api:?} {:?}", ran.closed);
        // Round and round it goes only so often, and nobody is sent to look at another origin.
        let ran = run(api, std::iter::repeat_n(moved(to), 20)).await;
        let words = ran.closed.fault.as_ref().map(ToString::to_string).unwrap_or_default();
        assert!(words.contains("status 308") && !words.contains("another origin"), "{api:?} {words}");
        assert!(ran.server.turns_used() <= 4, "{}", ran.server.turns_used());
        let found = Turn::fault(Fault::Redirect { to: to.to_owned(), status: Some(302) });
        let ran = run(api, [found]).await;
        let words = ran.closed.fault.as_ref().map(ToString::to_string).unwrap_or_default();
        assert!(words.contains("status 302") && words.contains(to), "{api:?} {words}");
    }
}

#[tokio::test]
async fn an_unreachable_server_says_so() {
    let gone = ModelServer::start(Script::default());
    let to = endpoint(Api::Chat, &gone);
    drop(gone);
    let encoded = to.api.encode(&to.base_url, &request());
    let last = Arc::new(Mutex::new(None));
    complete(&to, &encoded, |progress| {
        *last.lock().unwrap() = Some(progress);
        std::future::ready(())
    })
    .await;
    let last = format!("{:?}", last.lock().unwrap());
    assert!(last.contains("Unreachable") && last.contains("127.0.0.1"), "{last}");
}

#[tokio::test]
async fn a_running_server_is_discovered_with_its_models() {
    let server = ModelServer::start(Script::of([]));
    let written = format!("[[provider]]\nname = \"here\"\napi = \"openai-chat\"\nbase_url = \"{}\"\n", server.origin());
    let catalog = Catalog::built_in().unwrap().with(&written, "models.toml").unwrap();
    let found = discover(&catalog, |_| None).await;
    let here = found.iter().find(|found| found.provider == "here").unwrap();
    assert!(here.usable && here.models == ["scripted"], "{here:?}");
}
