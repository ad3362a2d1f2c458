//! One attempt at a completion: sent, waited for with progress shown, read piece by piece.
//!
//! What matters is how far the answer has come ([`Stage`]): it decides how long the next piece may take and whether the
//! request may be sent again. Before the first event nothing has been produced. Afterwards it may have been paid for,
//! so only a server that says itself that it failed, before it gave any content, is asked again.

use super::reader::{self, Accepted};
use super::{Endpoint, Progress, connection};
use crate::agent::llm::delta::Delta;
use crate::agent::llm::fault::Fault;
use crate::agent::llm::limits;
use crate::agent::llm::providers::{Api, Decode, Encoded};
use futures::StreamExt;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A failed attempt, by whether it may be repeated at all.
pub(super) enum Failed {
    /// Nothing was produced.
    Fresh(Fault),
    /// The completion had begun.
    Begun(Fault),
}

/// The stage of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not one event yet.
    Silent,
    /// Events, but no content: the server works, or the model thinks unseen.
    Opened,
    /// Text, thinking or a call.
    Speaking,
}

impl Stage {
    fn failed(self, fault: Fault) -> Failed {
        if self == Stage::Silent { Failed::Fresh(fault) } else { Failed::Begun(fault) }
    }

    /// The server says within the stream that it failed.
    fn reported(self, fault: Fault) -> Failed {
        match (self, fault) {
            (Stage::Silent | Stage::Opened, fault) => Failed::Fresh(fault),
            // What was said is worth keeping, as after any other end in the middle.
            (Stage::Speaking, fault @ (Fault::Unavailable { .. } | Fault::RateLimited { .. })) => {
                Failed::Begun(Fault::Cut { why: fault.to_string() })
            }
            (Stage::Speaking, fault) => Failed::Begun(fault),
        }
    }
}

pub(super) async fn make<F, W>(endpoint: &Endpoint, encoded: &Encoded, report: &mut F) -> Result<(), Failed>
where
    F: FnMut(Progress) -> W + Send,
    W: Future<Output = ()> + Send,
{
    let patience = endpoint.patience;
    let sent = Instant::now();
    let (first, whole) = (sent + patience.first_byte, sent + patience.whole);
    let request = connection::post(endpoint, encoded).map_err(Failed::Fresh)?;
    let late = |_| Failed::Fresh(Fault::FirstByteLate { waited_s: sent.elapsed().as_secs() });
    let answered = patiently(request.send(), (sent, Stage::Silent), first, report).await.map_err(late)?;
    let response = answered.map_err(|error| Failed::Fresh(connection::unreachable(&encoded.url, &error)))?;
    let mut decoder = endpoint.api.decoder();
    let response = match reader::accept(response).await.map_err(Failed::Fresh)? {
        Accepted::Stream(response) => response,
        Accepted::Whole(response) => {
            let body = patiently(reader::whole_of(response), (sent, Stage::Silent), whole, report).await;
            let stalled = |_| Failed::Begun(Fault::Stalled { idle_s: patience.whole.as_secs() });
            return play_whole(endpoint.api, &body.map_err(stalled)??, decoder.as_mut(), report).await;
        }
    };
    let mut events = std::pin::pin!(reader::events_of(response));
    let mut stage = Stage::Silent;
    let mut last_id: Option<String> = None;
    loop {
        let now = Instant::now();
        let (since, until) = if stage == Stage::Speaking { (now, now + patience.idle) } else { (sent, first) };
        let next = patiently(events.next(), (since, stage), until.min(whole), report).await;
        let event = match next {
            Ok(None) => break,
            Ok(Some(Ok(event))) => event,
            Ok(Some(Err(error))) => return Err(stage.failed(reader::stream_fault(error))),
            Err(Late) if stage == Stage::Silent => return Err(late(Late)),
            Err(Late) => return Err(Failed::Begun(Fault::Stalled { idle_s: since.elapsed().as_secs() })),
        };
        // Servers that number their events tell repetitions apart for us.
        if event.id.is_some() && event.id == last_id {
            continue;
        }
        last_id = event.id.or(last_id);
        let Some(data) = event.data else { continue };
        for delta in decoder.feed(event.event.as_deref().unwrap_or_default(), &data) {
            if let Delta::Fault(fault) = delta {
                // What cannot be read is not what the server says about itself.
                let broken = matches!(fault, Fault::Malformed { .. } | Fault::Cut { .. });
                return Err(if broken { stage.failed(fault) } else { stage.reported(fault) });
            }
            if delta.is_content() {
                stage = Stage::Speaking;
            }
            let done = matches!(delta, Delta::Stop(_));
            report(Progress::Delta(delta)).await;
            if done {
                return Ok(());
            }
        }
        if stage == Stage::Silent {
            stage = Stage::Opened;
        }
    }
    for delta in decoder.end() {
        if let Delta::Fault(fault) = delta {
            return Err(stage.failed(fault));
        }
        report(Progress::Delta(delta)).await;
    }
    Ok(())
}

/// An answer that came in one piece, from a server that does not stream: the same pieces at once.
async fn play_whole<F, W>(api: Api, body: &Value, decoder: &mut dyn Decode, report: &mut F) -> Result<(), Failed>
where
    F: FnMut(Progress) -> W + Send,
    W: Future<Output = ()> + Send,
{
    let events = api.whole(body);
    let mut deltas: Vec<Delta> = events.iter().flat_map(|event| decoder.feed("", &event.to_string())).collect();
    deltas.extend(decoder.end());
    for delta in deltas {
        if let Delta::Fault(fault) = delta {
            return Err(Failed::Begun(fault));
        }
        let done = matches!(delta, Delta::Stop(_));
        report(Progress::Delta(delta)).await;
        if done {
            break;
        }
    }
    Ok(())
}

/// The deadline has passed.
struct Late;

/// Awaits `work` until `deadline`, telling how long it has taken `since`.
async fn patiently<T, F, W>(
    work: impl Future<Output = T>,
    (since, stage): (Instant, Stage),
    deadline: Instant,
    report: &mut F,
) -> Result<T, Late>
where
    F: FnMut(Progress) -> W,
    W: Future<Output = ()>,
{
    let mut work = std::pin::pin!(work);
    loop {
        let step = (Instant::now() + Duration::from_millis(limits::PROGRESS_MS)).min(deadline);
        if let Ok(done) = timeout_at(step, &mut work).await {
            return Ok(done);
        }
        if Instant::now() >= deadline {
            return Err(Late);
        }
        report(Progress::Waiting { seconds: since.elapsed().as_secs(), speaking: stage == Stage::Speaking }).await;
    }
}
