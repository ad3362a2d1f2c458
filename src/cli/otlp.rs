//! Spans of a session, its actions and decisions, sent to a collector as OTLP over HTTP in JSON. A follower of the
//! journal with a bounded queue: the session waits for nothing here. A span has names, kinds and numbers of ours, and no
//! text of an agent, a command, a file or the user.
//!
//! Format: the JSON encoding of `ExportTraceServiceRequest`, OpenTelemetry protocol 1.

use crate::base::limits::CLIENT_READ_EVENTS_MAX;
use crate::base::{ActionId, Digest, Seq};
use crate::cli::limits::{OTLP_BATCH_SPANS_MAX, OTLP_OPEN_ACTIONS_MAX, OTLP_QUEUE_SPANS_MAX, OTLP_SEND_MS_MAX};
use crate::host::Host;
use crate::journal::Reader;
use crate::model::action::Kind;
use crate::model::event::{Decided, Decider, Envelope, Event, OutcomeWord, Verdict};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::Duration;

/// Follows a session and exports its spans.
pub struct Follower {
    host: Host,
    endpoint: String,
    unread: Unread,
}

struct Unread {
    reader: Reader,
    next: Seq,
    spans: Spans,
}

impl Follower {
    /// # Errors
    /// The journal cannot be read.
    pub fn new(host: Host, journal: &Path, endpoint: String) -> Result<Self, crate::journal::Error> {
        let reader = Reader::open(journal)?;
        let spans = Spans::new(reader.session().as_str());
        Ok(Self { host, endpoint, unread: Unread { reader, next: Seq(1), spans } })
    }

    /// Follows the session until its host goes.
    pub async fn follow(self) {
        let Self { host, endpoint, mut unread } = self;
        let client = match client(&endpoint) {
            Ok(client) => client,
            Err(error) => return tracing::warn!(%error, "no spans are exported"),
        };
        let mut head = host.follow();
        let from = head.borrow().head;
        let mut fails = false;
        loop {
            let is_last = head.borrow_and_update().closing;
            let reading = tokio::task::spawn_blocking(move || {
                let read = unread.read(from).map_err(|error| error.to_string());
                (unread, read)
            });
            let read = match reading.await {
                Ok((rest, read)) => {
                    unread = rest;
                    read
                }
                // The runtime ends.
                Err(_) => return,
            };
            if let Err(error) = read {
                return tracing::warn!(%error, "no more spans are exported: the journal cannot be read");
            }
            if is_last {
                unread.spans.end();
            }
            let sent = send(&client, &endpoint, &mut unread.spans).await;
            if let Err(error) = &sent
                && !fails
            {
                tracing::warn!(%error, "spans are not exported; they are kept for the next attempt, up to a limit");
            }
            fails = sent.is_err();
            if is_last || head.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Unread {
    /// Takes in what is new. What ended before this host began was another one's to export.
    fn read(&mut self, from: Seq) -> crate::journal::Result<()> {
        loop {
            let records = self.reader.read(self.next, CLIENT_READ_EVENTS_MAX)?;
            let Some(newest) = records.last() else { return Ok(()) };
            self.next = newest.seq.next();
            for record in &records {
                self.spans.apply(&record.envelope(), record.seq > from);
            }
        }
    }
}

fn client(endpoint: &str) -> Result<reqwest::Client, String> {
    let wait = Duration::from_millis(OTLP_SEND_MS_MAX);
    let mut builder = reqwest::Client::builder().timeout(wait).redirect(reqwest::redirect::Policy::none());
    let host = endpoint.split("://").nth(1).unwrap_or_default();
    if ["localhost", "127.", "[::1]"].iter().any(|own| host.starts_with(own)) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| error.to_string())
}

/// Sends what is done, a batch after the other.
async fn send(client: &reqwest::Client, endpoint: &str, spans: &mut Spans) -> Result<(), String> {
    while let Some(batch) = spans.batch() {
        let sent = client.post(endpoint).json(&batch).send().await.and_then(reqwest::Response::error_for_status);
        sent.map_err(|error| error.without_url().to_string())?;
        spans.sent();
    }
    Ok(())
}

/// The spans of a session: those that are open, and those that are done and were not sent.
#[derive(Debug)]
struct Spans {
    session: String,
    /// Of this host, at the start of which it begins.
    own: String,
    began_ms: u64,
    now_ms: u64,
    about: Vec<Value>,
    open: BTreeMap<ActionId, Open>,
    done: VecDeque<Value>,
    /// Spans of the last batch, at the front.
    in_batch: usize,
    dropped: u64,
}

/// An action that has not ended.
#[derive(Debug)]
struct Open {
    at_ms: u64,
    held_ms: Option<u64>,
    about: Vec<Value>,
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Edit => "edit",
        Kind::Command => "command",
        Kind::Read => "read",
        Kind::Network => "network",
        Kind::Plan => "plan",
        Kind::Other => "other",
    }
}

fn number(key: &str, value: u64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

impl Spans {
    fn new(session: &str) -> Self {
        Self {
            session: session.to_owned(),
            own: "host".to_owned(),
            began_ms: 0,
            now_ms: 0,
            about: Vec::new(),
            open: BTreeMap::new(),
            done: VecDeque::new(),
            in_batch: 0,
            dropped: 0,
        }
    }

    /// An id of so many hexadecimal digits, the same for the same name in a session.
    fn id(&self, of: &str, digits: usize) -> String {
        let digest = Digest::of(format!("rightseat span {} {of}", self.session).as_bytes()).to_string();
        digest.get(..digits).unwrap_or(&digest).to_owned()
    }

    /// Takes in one fact; a span that ends with it is exported if `counts`.
    fn apply(&mut self, envelope: &Envelope, counts: bool) {
        let at = envelope.at.0;
        self.now_ms = self.now_ms.max(at);
        #[expect(clippy::wildcard_enum_match_arm, reason = "some of many kinds have spans")]
        match &envelope.event {
            Event::SessionOpened(body) => {
                self.about = vec![
                    text("rightseat.session", body.session.as_str()),
                    text("rightseat.isolation", body.agent.isolation.word()),
                    text("rightseat.mode", body.mode.word()),
                ];
            }
            Event::HostStarted(_) => {
                self.own = format!("host {}", envelope.seq);
                self.began_ms = at;
            }
            Event::Proposed(body) if self.open.len() < OTLP_OPEN_ACTIONS_MAX => {
                let action = &body.action;
                let mut about = vec![text("rightseat.action", action.id.as_str())];
                about.push(text("rightseat.kind", kind_word(action.kind())));
                about.extend(action.risk.as_ref().map(|risk| number("rightseat.risk", u64::from(risk.score))));
                let old = self.open.remove(&action.id);
                let at_ms = old.map_or(at, |old| old.at_ms);
                self.open.insert(action.id.clone(), Open { at_ms, held_ms: None, about });
            }
            Event::Ruled(body) => self.note(&body.action, text("rightseat.ruling", body.ruling.word())),
            Event::Held(body) => {
                if let Some(open) = self.open.get_mut(&body.action) {
                    open.held_ms = open.held_ms.or(Some(at));
                    open.about.extend(body.is_guarded().then(|| text("rightseat.guard_rail", "true")));
                }
            }
            Event::Decided(body) => self.decided(body, at, counts),
            Event::Lapsed(body) => {
                self.note(&body.action, text("rightseat.lapsed", body.why.words()));
                self.finish(&body.action, (at, false), counts);
            }
            Event::Finished(body) => {
                self.note(&body.action, text("rightseat.outcome", body.outcome.words()));
                if let Some(exit) = body.exit.and_then(|exit| u64::try_from(exit).ok()) {
                    self.note(&body.action, number("rightseat.exit", exit));
                }
                self.finish(&body.action, (at, body.outcome == OutcomeWord::Ok), counts);
            }
            _ => {}
        }
    }

    fn note(&mut self, action: &ActionId, attribute: Value) {
        if let Some(open) = self.open.get_mut(action) {
            open.about.push(attribute);
        }
    }

    /// A decision is a span from the question to its answer, below the action.
    fn decided(&mut self, body: &Decided, at: u64, counts: bool) {
        let by = match &body.by {
            Decider::Human(client) if client.is_script() => "script",
            Decider::Human(_) => "user",
            Decider::Rule(_) => "rule",
            Decider::Lease(_) => "lease",
        };
        let id = &body.action;
        let verdict = text("rightseat.verdict", body.verdict.words());
        let since = self.open.get(id).and_then(|open| open.held_ms).unwrap_or(at);
        if counts {
            let about = vec![text("rightseat.action", id.as_str()), verdict.clone(), text("rightseat.decider", by)];
            let (own, above) = (format!("decision {id} {}", body.revision), format!("action {id}"));
            self.push((&own, &above), "decision", (since, at), (about, true));
        }
        self.note(id, verdict);
        if matches!(body.verdict, Verdict::Deny | Verdict::Redirect) {
            self.finish(id, (at, true), counts);
        }
    }

    fn finish(&mut self, id: &ActionId, (at, is_ok): (u64, bool), counts: bool) {
        let Some(open) = self.open.remove(id) else { return };
        if counts {
            let (own, above) = (format!("action {id}"), self.own.clone());
            self.push((&own, &above), "action", (open.at_ms, at), (open.about, is_ok));
        }
    }

    /// The host goes: its span ends. What is open stays so for the next one.
    fn end(&mut self) {
        let (own, about) = (self.own.clone(), self.about.clone());
        self.push((&own, ""), "session", (self.began_ms, self.now_ms), (about, true));
    }

    fn push(&mut self, (own, above): (&str, &str), name: &str, (from, until): (u64, u64), about: (Vec<Value>, bool)) {
        let nanos = |ms: u64| format!("{ms}000000");
        let mut span = json!({
            "traceId": self.id("trace", 32),
            "spanId": self.id(own, 16),
            "name": name,
            "kind": 1,
            "startTimeUnixNano": nanos(from),
            "endTimeUnixNano": nanos(until.max(from)),
            "attributes": about.0,
            "status": {"code": if about.1 { 1 } else { 2 }},
        });
        if let (false, Some(fields)) = (above.is_empty(), span.as_object_mut()) {
            fields.insert("parentSpanId".to_owned(), self.id(above, 16).into());
        }
        if self.done.len() >= OTLP_QUEUE_SPANS_MAX {
            self.done.pop_front();
            self.dropped += 1;
            tracing::debug!(dropped = self.dropped, "the oldest span that was not exported is dropped");
        }
        self.done.push_back(span);
    }

    /// The next request; `None` when all is sent.
    fn batch(&mut self) -> Option<Value> {
        self.in_batch = self.done.len().min(OTLP_BATCH_SPANS_MAX);
        let spans: Vec<&Value> = self.done.iter().take(self.in_batch).collect();
        let version = env!("CARGO_PKG_VERSION");
        (!spans.is_empty()).then(|| {
            json!({"resourceSpans": [{
                "resource": {"attributes": [text("service.name", "rightseat"), text("service.version", version)]},
                "scopeSpans": [{"scope": {"name": "rightseat", "version": version}, "spans": spans}],
            }]})
        })
    }

    fn sent(&mut self) {
        self.done.drain(..self.in_batch.min(self.done.len()));
        self.in_batch = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(lines: &[Value]) -> Spans {
        let mut spans = Spans::new("s1");
        for (at, line) in lines.iter().enumerate() {
            let mut line = line.clone();
            (line["seq"], line["at"]) = (json!(at + 1), json!(1_000 * (at + 1)));
            spans.apply(&Envelope::from_json(&line.to_string()).unwrap(), true);
        }
        spans
    }

    fn proposed(id: &str) -> Value {
        json!({"kind": "proposed", "action": {"id": id, "revision": 1, "kind": "command", "title": "SECRET",
            "digest": "0".repeat(64), "command": {"shell": "echo SECRET", "cwd": "."}}})
    }

    #[test]
    fn an_action_and_its_decision_are_spans_without_their_text() {
        let zero = "0".repeat(64);
        let mut spans = spans(&[
            proposed("a1"),
            json!({"kind": "ruled", "action": "a1", "ruling": "ask", "rule": "SECRET", "reason": "SECRET"}),
            json!({"kind": "held", "action": "a1", "revision": 1, "digest": zero}),
            json!({"kind": "decided", "action": "a1", "revision": 1, "digest": zero, "verdict": "approve",
                   "by": {"human": "c1"}, "reason": "SECRET"}),
            json!({"kind": "finished", "action": "a1", "outcome": "failed", "exit": 3, "detail": "SECRET"}),
        ]);
        spans.end();
        let batch = spans.batch().unwrap();
        let all = batch["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
        let names: Vec<&str> = all.iter().map(|span| span["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["decision", "action", "session"]);
        let (decision, action, session) = (&all[0], &all[1], &all[2]);
        assert_eq!((&decision["parentSpanId"], &action["parentSpanId"]), (&action["spanId"], &session["spanId"]));
        assert_eq!(
            (&decision["startTimeUnixNano"], &decision["endTimeUnixNano"]),
            (&json!("3000000000"), &json!("4000000000"))
        );
        assert_eq!((&action["startTimeUnixNano"], &action["status"]["code"]), (&json!("1000000000"), &json!(2)));
        for span in all {
            assert_eq!(span["traceId"].as_str().unwrap().len(), 32);
            assert_eq!(span["spanId"].as_str().unwrap().len(), 16);
        }
        assert!(!batch.to_string().contains("SECRET"), "{batch}");
        spans.sent();
        assert_eq!(spans.batch(), None);
    }

    #[test]
    fn the_queue_is_bounded_and_the_oldest_go_first() {
        let mut spans = Spans::new("s1");
        for number in 0..OTLP_QUEUE_SPANS_MAX as u64 + 3 {
            spans.push(("x", ""), "x", (number, number), (Vec::new(), true));
        }
        assert_eq!((spans.done.len(), spans.dropped), (OTLP_QUEUE_SPANS_MAX, 3));
        assert_eq!(spans.done[0]["startTimeUnixNano"], "3000000");
        let batch = spans.batch().unwrap();
        assert_eq!(batch["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().len(), OTLP_BATCH_SPANS_MAX);
    }
}
