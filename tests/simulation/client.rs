//! Clients over links that stall, drop and duplicate, each with its replica and a memory of everything it ever saw.

use crate::dice::Dice;
use rightseat::host::Host;
use rightseat::model::Session;
use rightseat::model::event::Envelope;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, DuplexStream, WriteHalf};

const LINK_BYTES: usize = 1 << 16;

/// What a client knows; it outlives its links and its hosts.
#[derive(Default)]
pub struct Known {
    pub replica: Session,
    /// Every envelope, by number.
    pub seen: BTreeMap<u64, Envelope>,
    pub answers: BTreeMap<u64, Value>,
    pub faults: Vec<String>,
}

impl Known {
    fn take(&mut self, line: &str) {
        // A link may end in the middle of a line.
        let Ok(message) = serde_json::from_str::<Value>(line) else { return };
        if let Some(envelope) = message.pointer("/params/envelope") {
            let envelope = Envelope::from_json(&envelope.to_string()).unwrap();
            if envelope.seq.0 != self.replica.head.0 + 1 {
                self.faults.push(format!("event {} came after {}", envelope.seq, self.replica.head));
            }
            self.replica.apply(&envelope);
            self.seen.insert(envelope.seq.0, envelope);
        } else if let Some(id) = message.get("id").and_then(Value::as_u64)
            && self.answers.insert(id, message).is_some()
        {
            self.faults.push(format!("request {id} was answered twice"));
        }
    }
}

/// How unkind a link is.
#[derive(Clone, Copy)]
pub struct Unkind {
    pub drops: bool,
}

pub struct Client {
    pub known: Arc<Mutex<Known>>,
    link: Option<Link>,
    next_id: u64,
    /// Sent over the present link and not answered yet.
    waiting: Vec<u64>,
}

struct Link {
    write: WriteHalf<DuplexStream>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.tasks.iter().for_each(|t| t.abort());
    }
}

impl Client {
    pub fn new(known: Arc<Mutex<Known>>, first_id: u64) -> Self {
        Self { known, link: None, next_id: first_id, waiting: Vec::new() }
    }

    pub fn is_linked(&self) -> bool {
        self.link.as_ref().is_some_and(|l| l.tasks.iter().all(|t| !t.is_finished()))
    }

    /// Nothing it asked over a living link is open.
    pub fn is_quiet(&self) -> bool {
        let known = self.known.lock().unwrap();
        !self.is_linked() || self.waiting.iter().all(|id| known.answers.contains_key(id))
    }

    pub fn head(&self) -> u64 {
        self.known.lock().unwrap().replica.head.0
    }

    /// Attaches anew, from where its replica stands.
    pub async fn connect(&mut self, host: &Host, control: bool, unkind: Unkind, mut dice: Dice) {
        let (ours, link_near) = tokio::io::duplex(LINK_BYTES);
        let (link_far, theirs) = tokio::io::duplex(LINK_BYTES);
        let (near_read, near_write) = tokio::io::split(link_near);
        let (far_read, far_write) = tokio::io::split(link_far);
        let (read, write) = tokio::io::split(ours);
        let (host_read, host_write) = tokio::io::split(theirs);
        let host = host.clone();
        let known = self.known.clone();
        let (up, down) = (dice.of(2), dice.of(3));
        let tasks = vec![
            tokio::spawn(async move { host.connect(host_read, host_write, false).await }),
            tokio::spawn(async move {
                tokio::select! {
                    () = carry(near_read, far_write, up, unkind, true) => {}
                    () = carry(far_read, near_write, down, unkind, false) => {}
                }
            }),
            tokio::spawn(async move {
                let mut lines = BufReader::new(read).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    known.lock().unwrap().take(&line);
                }
            }),
        ];
        self.link = Some(Link { write, tasks });
        self.waiting.clear();
        let from = self.head() + 1;
        self.ask("session/attach", json!({"protocol": {"min": 1, "max": 1}, "from": from, "control": control})).await;
    }

    /// Sends a request; gives its id.
    pub async fn ask(&mut self, method: &str, params: Value) -> u64 {
        self.next_id += 1;
        let line = json!({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params});
        if let Some(link) = &mut self.link {
            let _ = link.write.write_all(format!("{line}\n").as_bytes()).await;
            self.waiting.push(self.next_id);
        }
        self.next_id
    }
}

/// A client that attaches and never reads.
pub async fn stall(host: &Host) -> DuplexStream {
    let (mut ours, theirs) = tokio::io::duplex(256);
    let (read, write) = tokio::io::split(theirs);
    let host = host.clone();
    tokio::spawn(async move { host.connect(read, write, false).await });
    let attach =
        json!({"jsonrpc": "2.0", "id": 1, "method": "session/attach", "params": {"protocol": {"min": 1, "max": 1}}});
    let _ = ours.write_all(format!("{attach}\n").as_bytes()).await;
    ours
}

/// One direction of a link, line by line.
async fn carry(
    from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut dice: Dice,
    unkind: Unkind,
    repeats: bool,
) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if dice.once_in(6) {
            dice.dawdle(24).await;
        }
        if unkind.drops && dice.once_in(60) {
            // In the middle of a line, too.
            let half = line.len() / 2;
            let _ = to.write_all(&line.as_bytes()[..half]).await;
            return;
        }
        let times = if repeats && dice.once_in(5) { 2 } else { 1 };
        for _ in 0..times {
            if to.write_all(format!("{line}\n").as_bytes()).await.is_err() {
                return;
            }
        }
    }
}
