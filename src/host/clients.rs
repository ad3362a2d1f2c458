//! Clients: each is a cursor over the journal and a bounded queue of answers. A stalled client costs one integer; one
//! that does not take its answers is dropped. Nothing here can delay the session.

use super::actor::Msg;
use super::book::Published;
use super::follow::{Following, Told};
use super::{recent, snapshot};
use crate::base::limits::CLIENT_READ_EVENTS_MAX;
use crate::base::{ClientId, Seq};
use crate::host::limits::{
    CLIENT_ANSWERS_MAX, CLIENT_ATTACH_MS_MAX, CLIENT_DRAIN_MS_MAX, CLIENT_REQUEST_IDS_MAX, CLIENTS_MAX,
};
use crate::journal;
use crate::wire::{self, Answer, Code, Id, Message, Request, RpcError};
use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// The journal as a connection reads it: through its own read-only handle, so that no reader waits for the writer.
#[derive(Clone, Debug)]
pub struct Source {
    pub path: Arc<PathBuf>,
    pub head: watch::Receiver<Published>,
    pub followed: watch::Receiver<Following>,
}

/// The channel for the answer to a request.
pub type Responder = oneshot::Sender<Result<Answer, RpcError>>;

/// A request on its way to the actor.
#[derive(Debug)]
pub struct Asked {
    pub client: ClientId,
    pub request: Request,
    pub reply: Responder,
}

/// Where the stream of events begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    At(Seq),
    /// With the recent part of what is there up to this event.
    Recent(Seq),
}

/// Serves one connection until it ends. `client` is its name; `lenient` attaches it at its first request even if that
/// is something else (a headless script).
pub async fn serve(
    client: ClientId,
    mut reader: wire::FrameReader,
    writer: wire::FrameWriter,
    source: Source,
    to_actor: mpsc::Sender<Msg>,
    lenient: bool,
) {
    let (answers, answers_rx) = mpsc::channel(CLIENT_ANSWERS_MAX);
    let (begin, begin_rx) = watch::channel(None);
    // A headless script that closes its input continues reading; every other client has left.
    let mut writing = tokio::spawn(write(client.clone(), writer, answers_rx, begin_rx, source.clone(), lenient));
    let mut intake = Intake {
        client: client.clone(),
        to_actor: to_actor.clone(),
        answers,
        begin,
        source,
        lenient,
        seen: SeenIds::default(),
    };
    while let Some(Ok(frame)) = intake.next(&mut reader).await {
        let goes_on = match frame {
            Ok(message) => intake.take(message).await,
            Err(error) => intake.answer(Id::Null, Err(error)),
        };
        if !goes_on {
            break;
        }
    }
    if lenient && begin_unset(&intake.begin) {
        // Nothing was ever asked: whoever closed the input still gets the record.
        intake.begin.send_replace(Some(Begin::At(Seq(1))));
    }
    drop(intake);
    let _ = to_actor.send(Msg::ClientGone(client)).await;
    if lenient {
        let _ = writing.await;
    } else {
        // What was asked before the end of the input is still answered.
        let drained = tokio::time::timeout(Duration::from_millis(CLIENT_DRAIN_MS_MAX), &mut writing).await;
        if drained.is_err() {
            writing.abort();
        }
    }
}

/// Tells a connection for which there is no room why, in answer to its first request.
pub async fn refuse(mut reader: wire::FrameReader, mut writer: wire::FrameWriter) {
    let patience = Duration::from_millis(CLIENT_ATTACH_MS_MAX);
    let Ok(Some(Ok(Ok(Message::Request { id, .. })))) = tokio::time::timeout(patience, reader.next()).await else {
        return;
    };
    let why = format!("{CLIENTS_MAX} clients are already connected; close one and attach again");
    let refusal = Message::Answer { id, result: Err(RpcError::new(Code::Overloaded, why)) };
    let _ = tokio::time::timeout(patience, writer.send(&refusal)).await;
}

fn begin_unset(begin: &watch::Sender<Option<Begin>>) -> bool {
    begin.borrow().is_none()
}

/// A record as an envelope: the body is spliced in as it is kept, not parsed.
fn envelope(record: &journal::Record) -> String {
    let kind = serde_json::Value::from(record.kind.as_str());
    let rest = match record.body.trim_start_matches('{') {
        "}" => "}",
        rest => &format!(",{rest}"),
    };
    let (seq, at) = (record.seq, record.at.0);
    format!(r#"{{"seq":{seq},"at":{at},"kind":{kind}{rest}"#)
}

/// A record as a `session/event` line.
fn notification(record: &journal::Record) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"session/event","params":{{"envelope":{}}}}}"#, envelope(record))
}

/// Remembers request ids so that a repeated one is answered once.
#[derive(Default)]
struct SeenIds {
    known: HashSet<Id>,
    order: VecDeque<Id>,
}

impl SeenIds {
    /// True the first time.
    fn insert(&mut self, id: &Id) -> bool {
        if !self.known.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id.clone());
        if self.order.len() > CLIENT_REQUEST_IDS_MAX
            && let Some(old) = self.order.pop_front()
        {
            self.known.remove(&old);
        }
        true
    }
}

/// The reading half of a connection.
struct Intake {
    client: ClientId,
    to_actor: mpsc::Sender<Msg>,
    answers: mpsc::Sender<Message>,
    /// The start of the stream of events; set by the attach.
    begin: watch::Sender<Option<Begin>>,
    source: Source,
    lenient: bool,
    seen: SeenIds,
}

impl Intake {
    /// False when the client does not take its answers.
    fn answer(&self, id: Id, result: Result<Answer, RpcError>) -> bool {
        let result = result.and_then(|answer| answer.to_raw());
        self.answers.try_send(Message::Answer { id, result }).is_ok()
    }

    /// The next frame. A connection that does not attach in time gives its place to another.
    async fn next(
        &self,
        reader: &mut wire::FrameReader,
    ) -> Option<Result<Result<Message, RpcError>, wire::FrameError>> {
        if self.lenient || !begin_unset(&self.begin) {
            return reader.next().await;
        }
        let patience = Duration::from_millis(CLIENT_ATTACH_MS_MAX);
        tokio::time::timeout(patience, reader.next()).await.ok().flatten()
    }

    async fn take(&mut self, message: Message) -> bool {
        match message {
            Message::Request { id, method, params } => {
                if !self.seen.insert(&id) {
                    return true;
                }
                match Request::parse(&method, params.as_deref()) {
                    Ok(request) => self.ask(id, request).await,
                    Err(error) => self.answer(id, Err(error)),
                }
            }
            // Nobody asks us to do anything by a notification, and we ask clients nothing.
            Message::Notification { .. } | Message::Answer { .. } => true,
        }
    }

    async fn ask(&mut self, id: Id, request: Request) -> bool {
        let attached = self.begin.borrow().is_some();
        if !attached && !matches!(request, Request::Attach(_)) {
            if !self.lenient {
                let error = RpcError::new(Code::InvalidRequest, "attach first: session/attach");
                return self.answer(id, Err(error));
            }
            let attach = Request::Attach(wire::Attach { control: Some(true), ..wire::Attach::default() });
            if self.put(attach).await.is_some_and(|r| r.is_ok()) {
                self.begin.send_replace(Some(Begin::At(Seq(1))));
            }
        }
        if let Request::Past(past) = &request {
            let answer = self.past(past.from).await;
            return self.answer(id, answer);
        }
        let attach = if let Request::Attach(attach) = &request { Some(attach.clone()) } else { None };
        // Requests of one client are answered in order; the actor never waits for anything slow before it answers, but
        // for a stop, whose census is worth waiting for.
        let Some(reply) = self.put(request).await else { return false };
        let from = match (&attach, &reply) {
            (Some(_), Ok(Answer::Attach(attached))) if attached.recent => Some(Begin::Recent(attached.head)),
            (Some(attach), Ok(Answer::Attach(attached))) => Some(Begin::At(snapshot::first_event(attach, attached))),
            _ => None,
        };
        let goes_on = self.answer(id, reply);
        if from.is_some() {
            self.begin.send_replace(from);
        }
        goes_on
    }

    /// A page of older events. It is read here: the session waits for no reader.
    async fn past(&self, from: Seq) -> Result<Answer, RpcError> {
        let (path, head) = (self.source.path.clone(), self.source.head.borrow().head);
        let read = tokio::task::spawn_blocking(move || recent::page(&journal::Reader::open(&path)?, from, head));
        let failed = |why: String| RpcError::new(Code::Internal, format!("the journal cannot be read: {why}"));
        let read = read.await.map_err(|error| failed(error.to_string()))?;
        let (records, next) = read.map_err(|error| failed(error.to_string()))?;
        let lines = records.iter().map(|record| envelope(record) + "\n").collect();
        Ok(Answer::Past(wire::PastEvents { lines, next }))
    }

    async fn put(&self, request: Request) -> Option<Result<Answer, RpcError>> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked { client: self.client.clone(), request, reply };
        self.to_actor.send(Msg::Asked(asked)).await.ok()?;
        answer.await.ok()
    }
}

/// The writing half: answers first, then events from the cursor, as fast as the client takes them. Once the reading
/// half has ended, what is due is written; `stays` then continues with the events to come.
async fn write(
    client: ClientId,
    mut writer: wire::FrameWriter,
    mut answers: mpsc::Receiver<Message>,
    mut begin: watch::Receiver<Option<Begin>>,
    mut source: Source,
    stays: bool,
) {
    let mut cursor: Option<Begin> = None;
    let mut journal: Option<journal::Reader> = None;
    let mut reported_trouble = false;
    let mut told = Told::default();
    let mut reading_ended = false;
    loop {
        let published = source.head.borrow_and_update().clone();
        if let Some(trouble) = published.trouble.as_ref().filter(|_| !reported_trouble) {
            reported_trouble = true;
            let params = serde_json::json!({ "text": trouble });
            if let Ok(note) = Message::notification("host/trouble", &params)
                && writer.send(&note).await.is_err()
            {
                return;
            }
        }
        let due = |from: &Begin| !matches!(from, Begin::At(from) if *from > published.head);
        let following = source.followed.borrow_and_update().clone();
        for (method, params) in told.news(&client, &following) {
            let Ok(note) = Message::notification(method, &params) else { continue };
            if writer.send(&note).await.is_err() {
                return;
            }
        }
        if let Some(from) = cursor.filter(due) {
            let Some(next) = send_events(&mut writer, &mut journal, &source, from).await else { return };
            cursor = Some(Begin::At(next));
            // Answers go between batches, so a client far behind still gets them.
            while let Ok(answer) = answers.try_recv() {
                if writer.send(&answer).await.is_err() {
                    return;
                }
            }
            continue;
        }
        if published.closing || (reading_ended && !stays) {
            return;
        }
        tokio::select! {
            biased;
            answer = answers.recv(), if !reading_ended => match answer {
                Some(answer) => {
                    if writer.send(&answer).await.is_err() {
                        return;
                    }
                }
                None => {
                    reading_ended = true;
                    cursor = cursor.or(*begin.borrow_and_update());
                }
            },
            changed = begin.changed(), if !reading_ended => {
                if changed.is_ok() {
                    cursor = *begin.borrow_and_update();
                }
            },
            changed = source.head.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            // The actor owns both.
            Ok(()) = source.followed.changed() => {}
        }
    }
}

/// Sends one batch; gives the place of the next event.
async fn send_events(
    writer: &mut wire::FrameWriter,
    journal: &mut Option<journal::Reader>,
    source: &Source,
    from: Begin,
) -> Option<Seq> {
    let path = source.path.clone();
    let opened = journal.take();
    let read = tokio::task::spawn_blocking(move || {
        let reader = match opened {
            Some(reader) => reader,
            None => journal::Reader::open(&path)?,
        };
        let records = match from {
            Begin::At(from) => reader.read(from, CLIENT_READ_EVENTS_MAX)?,
            Begin::Recent(head) => recent::select(&reader, head)?,
        };
        Ok::<_, journal::Error>((reader, records))
    });
    let (reader, records) = match read.await {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => {
            tracing::warn!(%error, "a client could not read the journal");
            return None;
        }
        Err(_) => return None,
    };
    *journal = Some(reader);
    let last = match from {
        Begin::At(_) => records.last()?.seq,
        Begin::Recent(head) => head,
    };
    for record in &records {
        writer.feed_line(notification(record)).await.ok()?;
    }
    let head = serde_json::json!({ "seq": last });
    writer.feed(&Message::notification("session/head", &head).ok()?).await.ok()?;
    writer.flush().await.ok()?;
    Some(last.next())
}
