//! A scripted model server for tests: one neutral script of turns, spoken in four protocols.
//!
//! It answers OpenAI Responses, OpenAI Chat Completions, Anthropic Messages and Gemini on one
//! loopback port, chosen by the request path, so the same script drives the built-in agent and
//! real external agents. A turn may carry a fault: an HTTP error, a cut, a stall, a slow drip,
//! malformed or duplicated events, a wrong content type, a gzip bomb, a redirect.
//!
//! Include it with `#[path = "support/model_server/mod.rs"] mod model_server;`, or run it with
//! `cargo run --example scripted-model -- SCRIPT.json`.
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part of the server")]

mod dumb;
mod http;
pub mod render;
pub mod script;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

pub use http::Received;
pub use script::{Call, Fault, Refusal, Script, Turn};

use render::Api;

/// Longest that a stalled answer is held open, in case its client never goes away.
const STALL_MS_MAX: u64 = 120_000;

/// A running server. It stops listening when dropped.
pub struct ModelServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct State {
    next_turn: usize,
    played: BTreeMap<String, usize>,
    received: Vec<Received>,
    closed: bool,
}

struct Shared {
    script: Script,
    state: Mutex<State>,
    changed: Condvar,
}

impl ModelServer {
    /// Listens on a free loopback port and answers with `script`, one turn a request.
    pub fn start(script: Script) -> ModelServer {
        ModelServer::start_on(script, 0)
    }

    /// Listens on the given loopback port (0 = any free one).
    pub fn start_on(script: Script, port: u16) -> ModelServer {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("bind a loopback port");
        let address = listener.local_addr().expect("local address");
        let shared = Arc::new(Shared { script, state: Mutex::default(), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.state.lock().expect("state").closed {
                    return;
                }
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        ModelServer { address, shared }
    }

    /// `http://127.0.0.1:PORT`, without a path.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port listened on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every request received so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.shared.state.lock().expect("state").received.clone()
    }

    /// Blocks until `count` requests have arrived (true), or ten seconds have passed (false).
    pub fn wait_for_requests(&self, count: usize) -> bool {
        let state = self.shared.state.lock().expect("state");
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, Duration::from_secs(10), |state| state.received.len() < count);
        !waited.expect("state").1.timed_out()
    }

    /// How many scripted turns have been given out.
    pub fn turns_used(&self) -> usize {
        self.shared.state.lock().expect("state").next_turn
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        if let Ok(mut state) = self.shared.state.lock() {
            state.closed = true;
        }
        // Wakes the accept loop so that it sees `closed` and lets the port go.
        drop(TcpStream::connect(self.address));
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_nodelay(true)?;
    let Some(request) = http::read_request(&mut stream)? else { return Ok(()) };
    let mut answer = choose(&request, shared);
    if let Answer::Turn(_, _, turn) = &mut answer
        && turn.usage == (0, 0)
    {
        turn.usage = (request.body.to_string().len() as u64 / 4, 20);
    }
    {
        let mut state = shared.state.lock().expect("state");
        state.received.push(request.clone());
        shared.changed.notify_all();
    }
    match answer {
        Answer::Json(status, body) => http::write_json(&mut stream, status, &[], &body),
        Answer::Turn(api, number, mut turn) => {
            if shared.script.greedy {
                turn.usage = render::most_usage(&request.body);
            }
            play(&mut stream, &request, api, number, &turn)
        }
    }
}

enum Answer {
    Json(u16, serde_json::Value),
    Turn(Api, usize, Turn),
}

fn choose(request: &Received, shared: &Shared) -> Answer {
    if request.method == "GET" {
        return Answer::Json(200, render::model_list(&request.path, &shared.script.model, shared.script.context));
    }
    if request.path.contains(":countTokens") || request.path.ends_with("/count_tokens") {
        return Answer::Json(200, serde_json::json!({"totalTokens": 10, "input_tokens": 10}));
    }
    let Some(api) = Api::of_path(&request.path) else {
        return Answer::Json(404, serde_json::json!({"error": {"message": "no such path"}}));
    };
    if let Some(refusal) = shared.script.refuse.iter().find(|refusal| refusal.meets(&request.body)) {
        let error = serde_json::json!({"code": refusal.status, "message": refusal.message, "type": "server_error"});
        return Answer::Json(refusal.status, serde_json::json!({"error": error}));
    }
    let mut state = shared.state.lock().expect("state");
    // Agents ask for titles and summaries beside the work; such requests offer no tools and must
    // not use up a scripted turn.
    if let Some(side) = &shared.script.side
        && !render::offers_tools(&request.body)
    {
        return Answer::Turn(api, 10_000 + state.received.len(), side.clone());
    }
    let number = state.next_turn;
    state.next_turn += 1;
    let body = request.body.to_string();
    let place = |name: &String| body.rfind(name.as_str());
    if let Some((name, turns)) = shared.script.plays.iter().max_by_key(|(name, _)| place(name))
        && place(name).is_some()
    {
        let at = state.played.entry(name.clone()).or_default();
        let turn = turns.get(*at).or(turns.last()).cloned().unwrap_or_default();
        *at += 1;
        return Answer::Turn(api, number, turn.filled(&body));
    }
    let turns = &shared.script.turns;
    let turn = match turns.get(number) {
        _ if shared.script.dumb.is_some() => dumb::turn(shared.script.dumb.unwrap_or_default(), number),
        Some(turn) => turn.clone(),
        None if shared.script.repeat_last => turns.last().cloned().unwrap_or_default(),
        None => Turn::text("The script has no more turns."),
    };
    Answer::Turn(api, number, turn)
}

fn play(out: &mut TcpStream, request: &Received, api: Api, number: usize, turn: &Turn) -> std::io::Result<()> {
    let streaming = render::wants_stream(api, request);
    if turn.first_byte_ms > 0 {
        std::thread::sleep(Duration::from_millis(turn.first_byte_ms));
    }
    match &turn.fault {
        Some(Fault::Status { status, retry_after }) => {
            let header = retry_after.map(|after| format!("retry-after: {after}"));
            let headers: Vec<&str> = header.as_deref().into_iter().collect();
            return http::write_json(out, *status, &headers, &render::error_body(api, *status));
        }
        Some(Fault::Busy { status, headers }) => {
            let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
            return http::write_json(out, *status, &headers, &render::error_body(api, *status));
        }
        Some(Fault::Overflow) => return http::write_json(out, 400, &[], &render::overflow_body(api)),
        Some(Fault::Redirect { to, status }) => {
            let location = format!("location: {to}");
            return http::write_json(out, status.unwrap_or(307), &[&location], &serde_json::json!({}));
        }
        Some(Fault::GzipBomb { mebibytes }) => return http::write_gzip_bomb(out, *mebibytes),
        Some(Fault::WrongType) => return http::write_html(out),
        Some(Fault::Whole) => return http::write_json(out, 200, &[], &render::whole(api, number, turn)),
        Some(
            Fault::Cut { .. }
            | Fault::Stall { .. }
            | Fault::Drip { .. }
            | Fault::Malformed
            | Fault::Duplicate
            | Fault::Silence
            | Fault::Failing { .. }
            | Fault::Flood { .. },
        )
        | None => {}
    }
    if !streaming {
        return http::write_json(out, 200, &[], &render::whole(api, number, turn));
    }
    let mut frames = render::frames(api, number, turn);
    if let Some(Fault::Failing { after_frames }) = &turn.fault {
        frames.truncate(*after_frames);
        frames.push(render::failure(api, *after_frames));
    }
    http::write_stream_head(out)?;
    stream_frames(out, turn, frames)
}

fn stream_frames(out: &mut TcpStream, turn: &Turn, mut frames: Vec<String>) -> std::io::Result<()> {
    match &turn.fault {
        Some(Fault::Silence) => return stall(out),
        Some(Fault::Malformed) => {
            let middle = frames.len() / 2;
            frames.insert(middle, "data: {\"type\":\"content_block_delta\",\"oops\n\n".to_owned());
            frames.insert(middle, "gibberish without a colon\n\n".to_owned());
        }
        Some(Fault::Duplicate) => frames = frames.into_iter().flat_map(|f| [f.clone(), f]).collect(),
        Some(Fault::Cut { after_bytes }) => {
            let text = frames.concat();
            let mut end = (*after_bytes).min(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            http::write_chunk(out, &text.as_bytes()[..end])?;
            // No last chunk: the peer sees an unfinished body.
            return out.shutdown(std::net::Shutdown::Both);
        }
        Some(Fault::Stall { after_frames }) => {
            for frame in frames.iter().take(*after_frames) {
                http::write_chunk(out, frame.as_bytes())?;
            }
            return stall(out);
        }
        Some(Fault::Drip { ms }) => {
            for byte in frames.concat().bytes() {
                http::write_chunk(out, &[byte])?;
                std::thread::sleep(Duration::from_millis(*ms));
            }
            return http::write_end(out);
        }
        Some(Fault::Flood { mebibytes }) => {
            let line = format!(": {}\n\n", "x".repeat(1 << 20));
            for _ in 0..*mebibytes {
                http::write_chunk(out, line.as_bytes())?;
            }
        }
        Some(
            Fault::Status { .. }
            | Fault::Busy { .. }
            | Fault::Failing { .. }
            | Fault::Overflow
            | Fault::Redirect { .. }
            | Fault::GzipBomb { .. }
            | Fault::Whole
            | Fault::WrongType,
        )
        | None => {}
    }
    for frame in frames {
        http::write_chunk(out, frame.as_bytes())?;
        out.flush()?;
        if turn.frame_ms > 0 {
            std::thread::sleep(Duration::from_millis(turn.frame_ms));
        }
    }
    http::write_end(out)
}

/// Holds the connection open without a byte until the client leaves it.
fn stall(out: &mut TcpStream) -> std::io::Result<()> {
    use std::io::Read;
    out.set_read_timeout(Some(Duration::from_millis(STALL_MS_MAX)))?;
    let mut byte = [0];
    out.read(&mut byte).map(|_| ())
}
