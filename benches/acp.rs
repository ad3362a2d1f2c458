//! How many updates of an agent a second are read, understood and merged: the floor is 20 000.
//!
//! `cargo bench --bench acp`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use rightseat::agent::acp::fold_updates;
use serde_json::json;

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

#[divan::bench(args = [20_000], sample_count = 5, sample_size = 1)]
fn updates(bencher: divan::Bencher, count: usize) {
    let bytes = stream(count);
    let bencher = bencher.counter(divan::counter::ItemsCount::new(count));
    bencher.bench_local(|| {
        let messages = fold_updates(&bytes);
        assert!(messages < count, "they are merged");
    });
}
