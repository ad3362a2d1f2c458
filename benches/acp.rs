//! How many updates of an agent a second are read, understood and merged, and then folded and drawn by a client: the
//! floor is 20 000.
//!
//! `cargo bench --bench acp`.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a bench"
)]

use ratatui::layout::Size;
use rightseat::agent::acp::{fold_updates, read_updates};
use rightseat::base::UnixMs;
use rightseat::model::Envelope;
use rightseat::port::FromAgent;
use rightseat::ui::app::{App, Msg, Start};
use rightseat::ui::look::Look;
use rightseat::ui::terminal::{Input, Key, Screen};
use rightseat::ui::theme::{self, Signs};
use rightseat::ui::{keymap, view};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

/// A stream as agents send it: token-size chunks, and a tool call that is repeated with all of its content.
fn stream(updates: usize) -> Vec<u8> {
    let file = "let x = 1;\n".repeat(40);
    let mut bytes = Vec::new();
    for n in 0..updates {
        let update = match n % 10 {
            0 => {
                json!({"sessionUpdate": "tool_call_update", "toolCallId": format!("t{}", n / 200), "status": "in_progress",
                "content": [{"type": "diff", "path": "/w/a.rs", "oldText": file, "newText": file}]})
            }
            1 => json!({"sessionUpdate": "agent_thought_chunk", "content": {"type": "text", "text": "hm "}}),
            _ => json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "token "}}),
        };
        let line =
            json!({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "s", "update": update}});
        bytes.extend(line.to_string().into_bytes());
        bytes.push(b'\n');
    }
    bytes
}

/// A stream in which no update can be merged with the one before it.
fn finished_calls(updates: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for n in 0..updates {
        let update = if n % 2 == 0 {
            json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "token "}})
        } else {
            json!({"sessionUpdate": "tool_call", "toolCallId": format!("t{n}"), "title": format!("Read src/{n}.rs"),
                "kind": "read", "status": "completed", "locations": [{"path": "/w/a.rs"}]})
        };
        let line =
            json!({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "s", "update": update}});
        bytes.extend(line.to_string().into_bytes());
        bytes.push(b'\n');
    }
    bytes
}

#[divan::bench(args = [20_000], sample_count = 5, sample_size = 1)]
fn updates(bencher: divan::Bencher, count: usize) {
    let bytes = stream(count);
    let bencher = bencher.counter(divan::counter::ItemsCount::new(count));
    bencher.bench_local(|| {
        let messages = fold_updates(&bytes);
        assert!(messages < count, "they are merged");
    });
}

/// The same, as events in a client that shows them, with a frame after every 16 messages of the host: more often than a
/// screen is drawn.
#[divan::bench(args = [20_000], sample_count = 5, sample_size = 1)]
fn updates_shown(bencher: divan::Bencher, count: usize) {
    shown(bencher, stream(count), count);
}

/// The same where nothing merges: each second update is the end of another tool call that nobody was asked about.
#[divan::bench(args = [20_000], sample_count = 5, sample_size = 1)]
fn finished_calls_shown(bencher: divan::Bencher, count: usize) {
    shown(bencher, finished_calls(count), count);
}

fn shown(bencher: divan::Bencher, bytes: Vec<u8>, count: usize) {
    let bencher = bencher.counter(divan::counter::ItemsCount::new(count));
    bencher.bench_local(|| {
        let size = Size::new(200, 60);
        let look = Look { theme: theme::builtin("dark").unwrap(), signs: Signs::Unicode };
        let keymap = keymap::builtin("default").unwrap();
        let start = Start {
            look,
            keymap,
            size,
            linear: false,
            utc_offset_s: 0,
            arm_after_ms: 400,
            is_record: false,
            reads_only: false,
            title: "bench".to_owned(),
            way: rightseat::ui::run::Way::default(),
        };
        let mut app = App::new(start);
        app.update(0, Msg::Linked { client: "c1".into(), control: true, head: rightseat::base::Seq(0), recent: false });
        app.update(0, Msg::Input(Input::Key { key: Key::plain('6'), held: false }));
        let mut screen = Screen::new(size);
        let (mut seq, mut waiting, mut drawn) = (0, Vec::new(), 0);
        let mut show = |app: &mut App, at: u64, events: Vec<Envelope>| {
            app.update(at, Msg::Events(events, UnixMs(0)));
            app.refresh();
            drawn += screen.draw(|frame| view(app, frame)).len();
        };
        read_updates(&bytes, |message| {
            let Some(mut event) = event(&message) else { return };
            seq += 1;
            event["seq"] = json!(seq);
            event["at"] = json!(seq);
            waiting.push(Envelope::from_json(&event.to_string()).unwrap());
            if waiting.len() == 16 {
                show(&mut app, seq, std::mem::take(&mut waiting));
            }
        });
        show(&mut app, seq, waiting);
        assert!(drawn > 0);
    });
}

/// A message of the agent's side as the host records it.
fn event(message: &FromAgent) -> Option<Value> {
    Some(match message {
        FromAgent::Said { by, text, more } => json!({"kind": "said", "by": by, "text": text, "more": more}),
        FromAgent::Thought { by, text, more } => json!({"kind": "thought", "by": by, "text": text, "more": more}),
        FromAgent::Noted(note) => json!({"kind": "agent_noted", "what": note.what, "text": note.text}),
        _ => return None,
    })
}
