//! Calls of models: key, dialect, the stream as it comes, and when to stop listening.
//!
//! A refusal of something optional is learned (see [`super::dialect`]) and the request is sent again; this is bounded
//! by what there is to leave out. Dropping the future closes the connection.

use super::catalog::Choice;
use super::delta::Delta;
use super::dialect::Dialect;
use super::fault::Fault;
use super::http::{self, Endpoint, Patience, Progress};
use super::keys;
use super::repeats::Repeats;
use super::reply::Reply;
use super::request::Request;
use super::shown::Shown;
use super::turn::{Ask, Event};
use crate::base::Secret;
use crate::model::event::AgentNoted;
use crate::model::{AlarmKind, NoteKind};
use crate::port::{Desk, FromAgent, Interrupted};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// Everything that calls have in common.
pub struct Caller {
    to_host: mpsc::Sender<FromAgent>,
    patience: Patience,
    /// The limit of the time budget, milliseconds: it may change while a call runs.
    wall_ms_max: watch::Receiver<Option<u64>>,
    keys: BTreeMap<String, Option<Secret>>,
    /// By provider and model: what one model of a server refuses another may know.
    dialects: BTreeMap<(String, String), Dialect>,
    calls: u64,
    /// The last message of a model in this turn, as it was shown.
    last_said: String,
}

impl Caller {
    /// Nothing is fetched or called yet.
    pub fn new(
        to_host: mpsc::Sender<FromAgent>,
        patience: Patience,
        wall_ms_max: watch::Receiver<Option<u64>>,
    ) -> Caller {
        let (keys, dialects) = (BTreeMap::new(), BTreeMap::new());
        Caller { to_host, patience, wall_ms_max, keys, dialects, calls: 0, last_said: String::new() }
    }

    /// A new turn begins: an answer may be what was said before.
    pub fn begin(&mut self) {
        self.last_said.clear();
    }

    /// Returns whether these words are the last message, which the supervisor has already.
    pub fn has_just_said(&self, text: &str) -> bool {
        self.last_said == text.trim()
    }

    /// Makes one call of a model, shown while its answer comes. Returns the event that the machine waits for.
    pub async fn complete(&mut self, desk: &mut Desk, ask: &Ask) -> Result<Event, Interrupted> {
        let began = Instant::now();
        let (reply, as_text) = self.reply(desk, ask).await?;
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Event::Answered { closed: Box::new(reply.close()), as_text, ms })
    }

    /// The reply, and whether calls are printed as text from here on.
    async fn reply(&mut self, desk: &mut Desk, ask: &Ask) -> Result<(Reply, bool), Interrupted> {
        let Ask { choice, request, .. } = ask;
        let of = (choice.provider.name.clone(), choice.model.name.clone());
        let mut dialect = self.dialects.get(&of).copied().unwrap_or_default();
        // A keyring may wait for its owner, and the supervisor need not wait with it.
        let endpoint = tokio::select! {
            endpoint = self.endpoint(choice) => endpoint,
            why = desk.interrupted() => return Err(why),
        };
        let endpoint = match endpoint {
            Ok(endpoint) => endpoint,
            Err(message) => {
                let mut reply = Reply::new(choice.provider.api, "none");
                reply.take(Delta::Fault(Fault::Auth { status: 0, message }));
                return Ok((reply, dialect.text_tools));
            }
        };
        loop {
            let mut reply = self.answer(desk, ask, &endpoint, &dialect.put(request)).await?;
            // A model that calls was shown what it may call.
            if reply.fault.is_none()
                && !reply.calls_something()
                && let Some(fault) = dialect.overlooked(request, reply.usage.prompt())
            {
                reply.take(Delta::Fault(fault));
            }
            let unseen = matches!(reply.fault, Some(Fault::ToolsUnseen { .. }));
            let fault = reply.fault.as_ref().filter(|_| unseen || !reply.begun());
            let Some((learned, how)) = fault.and_then(|fault| dialect.learn(fault, request)) else {
                return Ok((reply, dialect.text_tools));
            };
            let text = format!("{}; retrying {how}", fault.map_or(String::new(), Fault::to_string));
            desk.send(if learned.text_tools && !dialect.text_tools {
                FromAgent::Alarm { what: AlarmKind::Fallback, ticket: None, text }
            } else {
                FromAgent::Noted(AgentNoted::new(NoteKind::Fallback, text))
            })
            .await?;
            self.dialects.insert(of.clone(), learned);
            dialect = learned;
            if unseen {
                // This answer is paid for: asking again is a call of its own, for the budget to allow.
                return Ok((reply, dialect.text_tools));
            }
        }
    }

    async fn answer(
        &mut self,
        desk: &mut Desk,
        ask: &Ask,
        endpoint: &Endpoint,
        request: &Request,
    ) -> Result<Reply, Interrupted> {
        let by = ask.role.speaker();
        self.calls += 1;
        let mut reply = Reply::new(endpoint.api, format!("{by}-{}", self.calls));
        let mut shown = Shown::new(by, ask.tokens, std::mem::take(&mut self.last_said));
        let to_host = self.to_host.clone();
        let encoded = endpoint.api.encode(&endpoint.base_url, request);
        let (stop, stopped) = oneshot::channel();
        let (mut stop, mut repeats) = (Some(stop), Repeats::default());
        let mut early = None;
        {
            let work = http::complete(endpoint, &encoded, |progress| {
                let messages = shown.take(&progress);
                if let Progress::Delta(delta) = progress {
                    let repeated = match &delta {
                        Delta::Text(text) | Delta::Thinking(text) | Delta::ToolArgs { text, .. } => repeats.feed(text),
                        Delta::Seal(_)
                        | Delta::ToolStart { .. }
                        | Delta::ToolSeal { .. }
                        | Delta::ToolDoubt { .. }
                        | Delta::ToolEnd { .. }
                        | Delta::Usage(_)
                        | Delta::Stop(_)
                        | Delta::Fault(_) => None,
                    };
                    if let Some(what) = repeated
                        && let Some(stop) = stop.take()
                    {
                        // The one who listens is the select below.
                        let _ = stop.send(what);
                    }
                    reply.take(delta);
                }
                let to_host = to_host.clone();
                async move {
                    for message in messages {
                        // A closed host ends the desk's wait as well.
                        let _ = to_host.send(message).await;
                    }
                }
            });
            let out_of_time = out_of_time(self.wall_ms_max.clone(), ask.wall_used_ms);
            tokio::select! {
                () = work => {}
                Ok(what) = stopped => early = Some(Fault::Repeats { what }),
                () = out_of_time => early = Some(Fault::OverTime),
                why = desk.interrupted() => return Err(why),
            }
        }
        if let Some(fault) = early {
            reply.take(Delta::Fault(fault));
        }
        let last = shown.close();
        self.last_said = shown.into_last();
        for message in last {
            desk.send(message).await?;
        }
        Ok(reply)
    }

    async fn endpoint(&mut self, choice: &Choice) -> Result<Endpoint, String> {
        let provider = &choice.provider;
        let key = match self.keys.get(&provider.name) {
            Some(key) => key.clone(),
            None => {
                let env = |name: &str| std::env::var(name).ok();
                let key = keys::fetch(&provider.key, env).await.map_err(|error| error.to_string())?;
                self.keys.insert(provider.name.clone(), key.clone());
                key
            }
        };
        Ok(Endpoint { api: provider.api, base_url: provider.base_url.clone(), key, patience: self.patience })
    }
}

/// Ends when the time budget is used up, of which so many milliseconds were used before.
async fn out_of_time(mut most: watch::Receiver<Option<u64>>, used_ms: u64) {
    let began = tokio::time::Instant::now();
    loop {
        let limit = *most.borrow_and_update();
        let over = async {
            match limit {
                Some(ms) => {
                    tokio::time::sleep_until(began + Duration::from_millis(ms.saturating_sub(used_ms))).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => return,
            changed = most.changed() => if changed.is_err() { return std::future::pending().await },
        }
    }
}
