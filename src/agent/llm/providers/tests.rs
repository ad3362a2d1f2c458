//! Every stream in `tests/fixtures/llm` fed whole, byte by byte and cut at every byte.

use super::super::delta::Delta;
use super::super::reply::{Closed, Reply};
use super::super::request::{Message, Part, Request, Role, Seal, Thinking, ToolCall, ToolSpec};
use super::Api;
use futures::{FutureExt, StreamExt};
use serde_json::json;
use sse_stream::SseByteStream;
use std::collections::BTreeSet;
use std::fmt::Write as _;

fn api_of(file: &str) -> Api {
    let has = |api: &Api| api.wire().fixtures.iter().any(|(name, _)| *name == file);
    Api::ALL.into_iter().find(has).unwrap()
}

fn fixture(file: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/llm/{file}.sse", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Runs bytes through the SSE parser and the decoder, in chunks of the given size.
fn play(api: Api, bytes: &[u8], chunk: usize) -> Vec<Delta> {
    let chunks: Vec<_> = bytes.chunks(chunk).map(Ok::<_, std::io::Error>).collect();
    let mut events = SseByteStream::new(futures::stream::iter(chunks));
    let mut decoder = api.decoder();
    let mut out = Vec::new();
    // The chunks are all here, so no poll ever waits.
    while let Some(event) = events.next().now_or_never().flatten() {
        let Ok(event) = event else { break };
        if let Some(data) = event.data {
            out.extend(decoder.feed(event.event.as_deref().unwrap_or_default(), &data));
        }
    }
    out.extend(decoder.end());
    out
}

fn close(api: Api, deltas: Vec<Delta>) -> Closed {
    let mut reply = Reply::new(api, "t1");
    deltas.into_iter().for_each(|delta| reply.take(delta));
    let mut closed = reply.close();
    closed.refuse_repeated(&mut BTreeSet::new());
    closed
}

fn summary(closed: &Closed) -> String {
    let mut out = String::new();
    for part in &closed.message.parts {
        match part {
            Part::Text(text) => write!(out, "text({text}) ").unwrap(),
            Part::Thinking { text, seal } => {
                let sealed = seal.as_ref().map_or("-".to_owned(), |seal| {
                    let value = &seal.value;
                    let item = value.get("encrypted_content").or(value.get("signature"));
                    item.unwrap_or(value).to_string()
                });
                write!(out, "think({text} {sealed}) ").unwrap();
            }
            Part::Call(call) => {
                let sealed = call.seal.as_ref().map_or(String::new(), |seal| format!(" {}", seal.value));
                write!(out, "call({} {} {}{sealed}) ", call.id, call.name, call.args).unwrap();
            }
            Part::Result { .. } => panic!("a model does not answer itself"),
        }
    }
    for broken in &closed.broken {
        write!(out, "broken({} {}) ", broken.name, broken.why).unwrap();
    }
    let usage = closed.usage;
    if let (Some(prompt), Some(output)) = (usage.prompt(), usage.output) {
        write!(out, "tokens({prompt} {} {output}) ", usage.cache_read.unwrap_or(0)).unwrap();
    }
    match (&closed.stop, &closed.fault) {
        (Some(stop), None) => write!(out, "{stop:?}").unwrap(),
        (None, Some(fault)) => write!(out, "{fault}").unwrap(),
        other => panic!("a completion ends in one way: {other:?}"),
    }
    out
}

/// Every stream with its file and its meaning.
fn expect() -> Vec<(&'static str, &'static str)> {
    Api::ALL.into_iter().flat_map(|api| api.wire().fixtures.iter().copied()).collect()
}

#[test]
fn streams_mean_the_same_whole_and_byte_by_byte() {
    for (file, expect) in expect() {
        let (api, bytes) = (api_of(file), fixture(file));
        for chunk in [bytes.len(), 1, 7] {
            assert_eq!(summary(&close(api, play(api, &bytes, chunk))), expect, "{file} in chunks of {chunk}");
        }
    }
}

#[test]
fn every_fixture_has_an_expectation() {
    let dir = format!("{}/tests/fixtures/llm", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let streams: BTreeSet<String> = files.filter_map(|name| name.strip_suffix(".sse").map(str::to_owned)).collect();
    assert_eq!(streams, expect().into_iter().map(|(name, _)| name.to_owned()).collect());
}

#[test]
fn a_stream_cut_anywhere_yields_only_calls_of_the_whole_stream_and_says_it_was_cut() {
    for (file, _) in expect() {
        let (api, bytes) = (api_of(file), fixture(file));
        let whole = close(api, play(api, &bytes, bytes.len()));
        let calls: Vec<ToolCall> = whole.calls().cloned().collect();
        for end in 0..bytes.len() {
            let cut = close(api, play(api, &bytes[..end], bytes.len()));
            let kept: Vec<ToolCall> = cut.calls().cloned().collect();
            assert!(calls.starts_with(&kept), "{file} cut at {end}: {kept:?}");
            assert!(cut.stop.is_some() != cut.fault.is_some(), "{file} cut at {end}: {cut:?}");
            assert!(whole.text().starts_with(&cut.text()), "{file} cut at {end}");
        }
    }
}

#[test]
fn a_stream_with_every_event_twice_never_runs_a_call_with_other_arguments() {
    for (file, _) in expect() {
        let (api, bytes) = (api_of(file), fixture(file));
        let text = String::from_utf8(bytes.clone()).unwrap();
        let doubled: String = text.split_inclusive("\n\n").flat_map(|event| [event, event]).collect();
        let whole = close(api, play(api, &bytes, bytes.len()));
        let calls: Vec<ToolCall> = whole.calls().cloned().collect();
        let twice = close(api, play(api, doubled.as_bytes(), doubled.len()));
        for call in twice.calls() {
            assert!(calls.contains(call), "{file}: {call:?}");
        }
        let ids: BTreeSet<&str> = twice.calls().map(|call| call.id.as_str()).collect();
        assert_eq!(ids.len(), twice.calls().count(), "{file}: a call would run twice");
    }
}

#[test]
fn broken_json_in_the_middle_ends_the_completion() {
    for (file, _) in expect() {
        let (api, bytes) = (api_of(file), fixture(file));
        let text = String::from_utf8(bytes).unwrap();
        let events: Vec<&str> = text.split_inclusive("\n\n").collect();
        let middle = events.len() / 2;
        let broken = [&events[..middle], &["nonsense\n\n", "data: {\"oops\n\n"], &events[middle..]].concat().concat();
        let closed = close(api, play(api, broken.as_bytes(), 64));
        assert!(closed.fault.is_some(), "{file}: {}", summary(&closed));
    }
}

fn request(api: Api) -> Request {
    let seal = |value| Some(Seal { api, value });
    let sealed = match api.name() {
        "openai-responses" => json!({"type": "reasoning", "id": "rs", "encrypted_content": "gA"}),
        "anthropic" => json!({"signature": "EqQ"}),
        "gemini" => json!("Ci"),
        _ => json!(null),
    };
    let call =
        ToolCall { id: "c1".into(), name: "read".into(), args: json!({"path": "a"}), seal: seal(sealed.clone()) };
    let answer = Part::Result { id: "c1".into(), name: "read".into(), text: "one".into(), failed: false };
    Request {
        model: "m".into(),
        system: "Be calm.".into(),
        messages: vec![
            Message::user("fix it"),
            Message::assistant(vec![
                Part::Thinking { text: "hm".into(), seal: seal(sealed) },
                Part::Text("reading".into()),
                Part::Call(call),
            ]),
            Message { role: Role::User, parts: vec![answer, Part::Text("go on".into())] },
        ],
        tools: vec![ToolSpec {
            name: "read".into(),
            description: "Reads a file.".into(),
            schema: json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"], "additionalProperties": false}),
        }],
        output_tokens_max: 4096,
        thinking: Thinking::Low,
        cache: true,
        cache_key: Some("s1".into()),
        dialect: Default::default(),
    }
}

#[test]
fn requests_carry_seals_results_tools_and_cache_marks_in_each_protocol() {
    let mut out = String::new();
    for api in Api::ALL {
        let encoded = api.encode("http://h", &request(api));
        writeln!(out, "{}\n{}", encoded.url, serde_json::to_string_pretty(&encoded.body).unwrap()).unwrap();
    }
    insta::assert_snapshot!(out);
}

#[test]
fn a_seal_of_another_protocol_is_left_out() {
    for api in Api::ALL {
        let other = if api == Api::Anthropic { Api::Gemini } else { Api::Anthropic };
        let body = api.encode("http://h", &request(other)).body.to_string();
        for word in ["EqQ", "\"Ci\"", "gA"] {
            assert!(!body.contains(word), "{api:?} {body}");
        }
    }
}

#[test]
fn people_write_base_urls_with_and_without_the_version() {
    let url = |api: Api, base: &str| api.encode(base, &request(api)).url;
    assert_eq!(url(Api::Chat, "http://localhost:8080"), "http://localhost:8080/v1/chat/completions");
    assert_eq!(url(Api::Chat, "http://localhost:8080/v1/"), "http://localhost:8080/v1/chat/completions");
    assert_eq!(url(Api::Chat, "https://openrouter.ai/api/v1"), "https://openrouter.ai/api/v1/chat/completions");
    assert_eq!(url(Api::Anthropic, "https://api.anthropic.com"), "https://api.anthropic.com/v1/messages");
    assert_eq!(url(Api::Gemini, "http://h"), "http://h/v1beta/models/m:streamGenerateContent?alt=sse");
}

proptest::proptest! {
    #[test]
    fn no_stream_panics_a_decoder(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400), which in 0..4_usize) {
        close(Api::ALL[which], play(Api::ALL[which], &bytes, 5));
    }

    #[test]
    fn no_mixture_of_real_events_panics_or_runs_an_id_twice(picks in proptest::collection::vec(0..40_usize, 0..30), which in 0..26_usize) {
        let (file, _) = expect()[which % expect().len()];
        let text = String::from_utf8(fixture(file)).unwrap();
        let events: Vec<&str> = text.split_inclusive("\n\n").collect();
        let mixed: String = picks.iter().map(|at| events[at % events.len()]).collect();
        let closed = close(api_of(file), play(api_of(file), mixed.as_bytes(), 512));
        let ids: BTreeSet<&str> = closed.calls().map(|call| call.id.as_str()).collect();
        proptest::prop_assert_eq!(ids.len(), closed.calls().count());
    }
}
