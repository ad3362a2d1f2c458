//! The client's end of the wire: attach, send, receive.

use super::Stream;
use crate::base::{Seq, UnixMs};
use crate::model::Envelope;
use crate::ui::app::{Again, AnswerData, Msg, RemoteLink, SeatNews};
use crate::ui::limits::{UI_ASKS_WAITING_MAX, UI_EVENTS_AT_ONCE_MAX, UI_HOST_SILENT_MS_MAX};
use crate::wire::{self, AttachedAs, Code, ControlWish, Id, Message, Request};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Something from the host; `None` is of no interest to the screen.
pub(super) type Heard = Option<Box<Msg>>;

enum State {
    Connecting(BoxFuture<'static, Result<Stream, String>>),
    Up { reader: wire::FrameReader, to_host: mpsc::Sender<Message>, writer: tokio::task::JoinHandle<()> },
    Down,
}

/// See the module.
pub(super) struct Link {
    state: State,
    control: Option<bool>,
    next_id: i64,
    /// Requests without an answer yet, with their times; the attach has number [`ATTACH_ID`].
    waiting: BTreeMap<i64, (Option<Request>, Instant)>,
    /// The host's process, and whether it has left the oldest request unanswered for too long.
    pid: Option<i32>,
    is_silent: bool,
    /// A message that came after a run of events, to be processed next.
    behind: Option<Received>,
    /// The host's clock and ours at the same moment.
    clock: Option<(UnixMs, Instant)>,
    /// The last event that was received.
    head: Seq,
}

/// One line of the wire, or its end.
type Received = Option<Result<Result<Message, wire::RpcError>, wire::FrameError>>;

const ATTACH_ID: i64 = 0;

#[derive(Deserialize)]
struct EventParams {
    envelope: Envelope,
}

#[derive(Deserialize)]
struct TroubleParams {
    text: String,
}

fn read<T: serde::de::DeserializeOwned>(params: Option<&serde_json::value::RawValue>) -> Option<T> {
    serde_json::from_str(params?.get()).ok()
}

impl Link {
    pub(super) fn new(connect: BoxFuture<'static, Result<Stream, String>>, control: Option<bool>) -> Self {
        Self {
            state: State::Connecting(connect),
            control,
            next_id: ATTACH_ID + 1,
            waiting: BTreeMap::new(),
            pid: None,
            is_silent: false,
            behind: None,
            clock: None,
            head: Seq(0),
        }
    }

    /// Returns whether the host is on this machine.
    pub(super) fn is_local(&self) -> bool {
        self.pid.is_some()
    }

    /// The next thing from the host; never ends, once the link is down it waits forever. Safe to cancel.
    pub(super) async fn next(&mut self) -> Heard {
        let opened = match &mut self.state {
            State::Connecting(connect) => connect.await,
            State::Up { reader, .. } => {
                // A timer runs only while something is unanswered.
                let patience =
                    (!self.is_silent).then(|| self.waiting.values().map(|(_, since)| *since).min()).flatten();
                let runs_out = async {
                    match patience {
                        Some(since) => {
                            tokio::time::sleep_until((since + Duration::from_millis(UI_HOST_SILENT_MS_MAX)).into())
                                .await;
                        }
                        None => std::future::pending().await,
                    }
                };
                let received = match self.behind.take() {
                    Some(received) => received,
                    None => tokio::select! {
                        biased;
                        received = reader.next() => received,
                        () = runs_out => {
                            self.is_silent = true;
                            return some(Msg::Silent(self.pid));
                        }
                    },
                };
                if std::mem::take(&mut self.is_silent) {
                    self.behind = Some(received);
                    return some(Msg::Speaks);
                }
                return match event(&received) {
                    Some(first) => self.run_of_events(first),
                    None => self.receive(received),
                };
            }
            State::Down => std::future::pending().await,
        };
        match opened {
            Ok(Stream { read, write, pid }) => {
                self.pid = pid;
                self.open(read, write);
                None
            }
            Err(why) => self.lost(why),
        }
    }

    fn open(
        &mut self,
        read: impl tokio::io::AsyncRead + Send + Unpin + 'static,
        write: impl tokio::io::AsyncWrite + Send + Unpin + 'static,
    ) {
        let (reader, mut writer) = wire::pair(read, write);
        let (to_host, mut messages) = mpsc::channel::<Message>(UI_ASKS_WAITING_MAX);
        let attach =
            wire::Attach { from: Some(Seq(1)), control: self.control, person: true, ..wire::Attach::default() };
        if let Ok(message) = Request::Attach(attach).message(Id::Number(ATTACH_ID)) {
            // The channel is fresh and empty.
            let _ = to_host.try_send(message);
            self.waiting.insert(ATTACH_ID, (None, Instant::now()));
        }
        let writer = tokio::spawn(async move {
            while let Some(message) = messages.recv().await {
                if writer.send(&message).await.is_err() {
                    return;
                }
            }
        });
        self.state = State::Up { reader, to_host, writer };
    }

    fn lost(&mut self, why: String) -> Heard {
        self.state = State::Down;
        self.waiting.clear();
        some(Msg::LinkLost(why))
    }

    /// Sends a request off; a refusal comes back as a message.
    pub(super) fn ask(&mut self, request: Request) -> Result<(), Box<Msg>> {
        let refuse = |asked: Request, why: &str| {
            Err(Box::new(Msg::Answered { asked: Box::new(asked), outcome: Err(why.to_owned()) }))
        };
        let State::Up { to_host, .. } = &self.state else { return refuse(request, "not connected to the host") };
        let id = self.next_id;
        let Ok(message) = request.message(Id::Number(id)) else {
            return refuse(request, "it cannot be encoded as JSON");
        };
        if to_host.try_send(message).is_err() {
            return refuse(request, "the host is busy, try again");
        }
        self.next_id += 1;
        self.waiting.insert(id, (Some(request), Instant::now()));
        Ok(())
    }

    /// Lets what was asked last reach the host before the client goes.
    pub(super) async fn finish(&mut self) {
        if let State::Up { to_host, writer, .. } = std::mem::replace(&mut self.state, State::Down) {
            drop(to_host);
            let grace = std::time::Duration::from_millis(crate::ui::limits::UI_LAST_WORDS_MS_MAX);
            // A host that does not read any more has lost its right to the last word.
            let _ = tokio::time::timeout(grace, writer).await;
        }
    }

    /// Combines the available events into one message, so that their changes are computed once.
    fn run_of_events(&mut self, first: Envelope) -> Heard {
        let mut envelopes = vec![first];
        while let State::Up { reader, .. } = &mut self.state
            && envelopes.len() < UI_EVENTS_AT_ONCE_MAX
            && let Some(received) = reader.next().now_or_never()
        {
            if let Some(next) = event(&received) {
                envelopes.push(next);
            } else if !is_head(&received) {
                self.behind = Some(received);
                break;
            }
        }
        self.head = envelopes.last().map_or(self.head, |last| last.seq);
        some(Msg::Events(envelopes, self.wall()))
    }

    fn receive(&mut self, received: Received) -> Heard {
        match received {
            None => self.lost("the host closed the connection".to_owned()),
            Some(Err(error)) => self.lost(error.to_string()),
            // One invalid line does not end the link.
            Some(Ok(Err(_))) => None,
            Some(Ok(Ok(Message::Notification { method, params }))) => match method.as_str() {
                "link/state" => read::<RemoteLink>(params.as_deref()).and_then(|far| some(Msg::LinkState(far))),
                "link/again" => read::<Again>(params.as_deref()).and_then(|again| some(Msg::LinkedAgain(again))),
                "seat/view" | "seat/followed" => {
                    read::<SeatNews>(params.as_deref()).and_then(|news| some(Msg::Seat(news)))
                }
                "host/trouble" => {
                    read::<TroubleParams>(params.as_deref()).and_then(|trouble| some(Msg::Trouble(trouble.text)))
                }
                _ => None,
            },
            Some(Ok(Ok(Message::Request { .. }))) => None,
            Some(Ok(Ok(Message::Answer { id: Id::Number(ATTACH_ID), result }))) => self.attached(result),
            Some(Ok(Ok(Message::Answer { id, result }))) => self.answered(&id, result),
        }
    }

    fn attached(&mut self, result: Result<Box<serde_json::value::RawValue>, wire::RpcError>) -> Heard {
        self.waiting.remove(&ATTACH_ID);
        let attached = result.map_err(|error| error.to_string()).and_then(|result| {
            serde_json::from_str::<AttachedAs>(result.get())
                .map_err(|error| format!("the host's answer is invalid: {error}"))
        });
        match attached {
            Ok(attached) => {
                self.clock = Some((attached.now, Instant::now()));
                let AttachedAs { client, control, head, recent, .. } = attached;
                some(Msg::Linked { client, control, head, recent })
            }
            Err(why) => self.lost(why),
        }
    }

    fn answered(&mut self, id: &Id, result: Result<Box<serde_json::value::RawValue>, wire::RpcError>) -> Heard {
        let Id::Number(id) = id else { return None };
        let asked = self.waiting.remove(id)?.0?;
        if let Err(error) = &result
            && let Some(instead) = self.in_older_words(&asked, error)
        {
            return self.ask(instead).err();
        }
        let outcome = match result {
            Ok(result) => answer(&asked, &result),
            Err(error) => refused(error),
        };
        some(Msg::Answered { asked: Box::new(asked), outcome })
    }

    /// What is asked of a host that does not know the request: before there were wishes for control, an attach took it.
    fn in_older_words(&self, asked: &Request, error: &wire::RpcError) -> Option<Request> {
        let Request::Control(wire::SetControl { wish: ControlWish::Ask | ControlWish::Take }) = asked else {
            return None;
        };
        let is_unknown = error.code == Code::NoMethod.number();
        // The events go on where they are.
        let from = Some(self.head.next());
        let attach = wire::Attach { from, control: Some(true), person: true, ..wire::Attach::default() };
        is_unknown.then_some(Request::Attach(attach))
    }

    /// The host's clock now.
    fn wall(&self) -> UnixMs {
        self.clock.map_or(UnixMs(0), |(at, then)| {
            UnixMs(at.0.saturating_add(u64::try_from(then.elapsed().as_millis()).unwrap_or(u64::MAX)))
        })
    }
}

/// A refusal in words, or with the changes to choose from.
fn refused(error: wire::RpcError) -> Result<AnswerData, String> {
    let needed = error.data.filter(|_| error.code == Code::ChoiceNeeded.number());
    let needed = needed.and_then(|data| serde_json::from_value::<wire::ChoiceNeeded>(data).ok());
    needed.map(AnswerData::Choose).ok_or(error.message)
}

/// Only contents come in an answer; everything else comes as events.
fn answer(asked: &Request, result: &serde_json::value::RawValue) -> Result<AnswerData, String> {
    use base64::Engine as _;
    if *asked == Request::Processes {
        let processes = read::<wire::Processes>(Some(result)).ok_or("the host's answer is invalid")?;
        return Ok(AnswerData::Processes(processes.processes));
    }
    let invalid = || "the host's answer is invalid".to_owned();
    if matches!(asked, Request::Find(_)) {
        return read(Some(result)).map(AnswerData::Found).ok_or_else(invalid);
    }
    if matches!(asked, Request::Compare(_)) {
        return read(Some(result)).map(Box::new).map(AnswerData::Compared).ok_or_else(invalid);
    }
    if matches!(asked, Request::Search(_)) {
        return read(Some(result)).map(Box::new).map(AnswerData::Searched).ok_or_else(invalid);
    }
    if matches!(asked, Request::Allow(_)) {
        return read(Some(result)).map(AnswerData::Allowed).ok_or_else(invalid);
    }
    if matches!(asked, Request::Past(_)) {
        return read(Some(result)).map(AnswerData::Past).ok_or_else(invalid);
    }
    if *asked == Request::Rules {
        return read(Some(result)).map(AnswerData::Rules).ok_or_else(invalid);
    }
    if *asked == Request::AgentList {
        return read(Some(result)).map(AnswerData::Agents).ok_or_else(invalid);
    }
    if matches!(asked, Request::Image(_)) {
        return read(Some(result)).map(Box::new).map(AnswerData::Image).ok_or_else(invalid);
    }
    if matches!(asked, Request::Run(_)) {
        return read::<wire::OwnAction>(Some(result)).map(|own| AnswerData::Own(own.action)).ok_or_else(invalid);
    }
    if !matches!(asked, Request::BlobGet(_)) {
        return Ok(AnswerData::Done);
    }
    let part: wire::BlobPart = serde_json::from_str(result.get()).map_err(|error| error.to_string())?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(part.data).map_err(|error| error.to_string())?;
    Ok(AnswerData::Blob { offset: part.offset, total: part.bytes, bytes })
}

/// The fact that a line tells, if it tells one that makes sense.
fn event(received: &Received) -> Option<Envelope> {
    match received {
        Some(Ok(Ok(Message::Notification { method, params }))) if method == "session/event" => {
            read::<EventParams>(params.as_deref()).map(|params| params.envelope)
        }
        Some(Ok(Ok(_) | Err(_)) | Err(_)) | None => None,
    }
}

/// Returns whether it is the host's position, which the events already contain.
fn is_head(received: &Received) -> bool {
    matches!(received, Some(Ok(Ok(Message::Notification { method, .. }))) if method == "session/head")
}

fn some(msg: Msg) -> Heard {
    Some(Box::new(msg))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host from before there were wishes gives control to whoever attaches for it.
    #[test]
    fn an_older_host_is_asked_for_control_in_its_own_words() {
        let link = Link::new(futures::future::pending().boxed(), None);
        let unknown = wire::RpcError::new(Code::NoMethod, "there is no method");
        let ask = |wish| Request::Control(wire::SetControl { wish });
        let instead = link.in_older_words(&ask(ControlWish::Ask), &unknown);
        let Some(Request::Attach(attach)) = instead else { panic!("not an attach") };
        assert_eq!((attach.control, attach.from), (Some(true), Some(Seq(1))));
        assert_eq!(link.in_older_words(&ask(ControlWish::Give(None)), &unknown), None);
        let refused = wire::RpcError::new(Code::ReadOnly, "it was asked for too early");
        assert_eq!(link.in_older_words(&ask(ControlWish::Take), &refused), None);
    }
}
