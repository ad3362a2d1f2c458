//! The host's part: publishes its session's head, what is pending and notices, and takes signed decisions.
//!
//! A follower of the journal, so the session waits for nothing here. What it published it knows, and it publishes what
//! differs: after a lost link only the newest state goes out, and everything again when the link comes back.

use super::limits::{
    FLEET_ACK_WAIT_MS, FLEET_BATCH_MS, FLEET_FLOW_MS, FLEET_HEAD_BYTES_MAX, FLEET_LAST_MS_MAX, FLEET_NOTICES_MAX,
    FLEET_PENDING_MAX, FLEET_PUBLISH_MS_MAX, FLEET_REFUSALS_MAX, FLEET_RETRY_MS_MAX, FLEET_RETRY_MS_MIN,
    FLEET_SHOWN_BYTES_MAX, FLEET_TEXT_CHARS_MAX,
};
use super::orders::{Accepted, Court, Nonces, Refused};
use super::{Link, Outcome};
use crate::base::limits::CLIENT_READ_EVENTS_MAX;
use crate::base::{ActionId, ClientId, Digest, PublicKey, Seq, SessionId, UnixMs};
use crate::cli::compose::SystemClock;
use crate::cli::place::SessionPlace;
use crate::cli::{list, settings, show};
use crate::config::NatsSettings;
use crate::host::Host;
use crate::journal::Reader;
use crate::model::event::{Decider, Event, TurnEnd};
use crate::model::session::ActionState;
use crate::model::{AlarmKind, Envelope, Session};
use crate::port::Clock as _;
use crate::wire::{FleetNotice, Head, OrderAnswer, Overview, Pending, RpcError, Shown};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use futures::StreamExt as _;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// See the module.
pub struct Publisher {
    host: Host,
    place: SessionPlace,
    /// The user's settings file, which says who may decide.
    config: Option<PathBuf>,
    link: Link,
    record: Record,
    published: Published,
    /// Of each pending action whose text was published: its digest, and whether that was the whole.
    whole: BTreeMap<ActionId, (Digest, bool)>,
    nonces: Nonces,
    refusals: usize,
}

/// The session as far as it was read.
struct Record {
    reader: Reader,
    session: Session,
    notices: VecDeque<FleetNotice>,
    /// Orders that earlier hosts accepted.
    accepted: Vec<(String, UnixMs)>,
}

/// What the server was given since the link came up.
#[derive(Default)]
struct Published {
    head: Vec<u8>,
    shown: BTreeMap<ActionId, Digest>,
}

impl Publisher {
    /// # Errors
    /// A file that the settings name cannot be read, or the journal.
    pub async fn new(
        host: Host,
        place: &SessionPlace,
        config: Option<PathBuf>,
        settings: &NatsSettings,
    ) -> Outcome<Self> {
        let link = Link::open(settings).await?;
        link.subject("head", &[&link.own, place.id.as_str()])?;
        let reader = Reader::open(&place.journal()).map_err(|error| error.to_string())?;
        let record = Record { reader, session: Session::default(), notices: VecDeque::new(), accepted: Vec::new() };
        Ok(Self {
            host,
            place: place.clone(),
            config,
            link,
            record,
            published: Published::default(),
            whole: BTreeMap::new(),
            nonces: Nonces::default(),
            refusals: 0,
        })
    }

    /// Follows the session until its host goes.
    pub async fn follow(mut self) {
        let mut head = self.host.follow();
        let from = head.borrow().head;
        let mut link = self.link.state.clone();
        let (mut inbox, mut times_up) = (None, 0);
        let (mut due, mut wait_ms): (Option<Instant>, u64) = (None, FLEET_RETRY_MS_MIN);
        loop {
            let is_last = head.borrow_and_update().closing;
            if let Err(error) = self.read(from).await {
                return tracing::warn!(error, "the fleet is not told any more: the journal cannot be read");
            }
            let state = link.borrow_and_update().clone();
            if state.is_up {
                let again = state.times_up != std::mem::replace(&mut times_up, state.times_up);
                if again {
                    // The server may have lost what it had.
                    self.published = Published::default();
                    inbox = None;
                }
                let limit_ms = if is_last { FLEET_LAST_MS_MAX } else { FLEET_PUBLISH_MS_MAX };
                let told = timeout(Duration::from_millis(limit_ms), async {
                    self.publish(is_last).await?;
                    if inbox.is_none() && !is_last {
                        inbox = Some(orders(&self.link.clone(), &self.place.id.clone()).await?);
                    }
                    Ok(())
                });
                match told.await.unwrap_or_else(|_| Err("the server did not answer in time".to_owned())) {
                    Ok(()) => (due, wait_ms) = (None, FLEET_RETRY_MS_MIN),
                    Err(error) => {
                        tracing::warn!(error, "the fleet could not be told; it is tried again");
                        due = Instant::now().checked_add(Duration::from_millis(wait_ms));
                        wait_ms = (wait_ms * 2).min(FLEET_RETRY_MS_MAX);
                    }
                }
            }
            if is_last {
                // What was published goes out before the process ends.
                let _ = timeout(Duration::from_millis(FLEET_LAST_MS_MAX), self.link.client.flush()).await;
                return;
            }
            let order = async {
                match &mut inbox {
                    Some(inbox) => inbox.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = head.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // What follows at once is one message.
                    sleep(Duration::from_millis(FLEET_BATCH_MS)).await;
                }
                order = order => match order {
                    Some(Ok(message)) => {
                        let is_again = message.info().is_ok_and(|info| info.delivered > 1);
                        // Not before it is in the record: what is lost in between comes again, and is known then. A host
                        // that is just ending leaves it to the next one.
                        if self.take(&message.payload, is_again).await {
                            let _ = message.ack().await;
                        }
                    }
                    Some(Err(_)) | None => inbox = None,
                },
                Ok(()) = link.changed() => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
        }
    }

    /// Takes in what is new in the journal, beside the runtime.
    async fn read(&mut self, from: Seq) -> Outcome<()> {
        let read = tokio::task::block_in_place(|| self.record.read(from));
        for (nonce, at) in self.record.accepted.drain(..) {
            // One that this host accepted is known.
            let _ = self.nonces.note(&nonce, at, SystemClock.now());
        }
        read.map_err(|error| error.to_string())
    }

    /// Publishes what differs from what the server has: first the texts, so that a head never tells of one that is not there.
    async fn publish(&mut self, is_last: bool) -> Outcome<()> {
        let (own, session) = (self.link.own.clone(), self.place.id.clone());
        let session = session.as_str();
        if self.published.head.is_empty() {
            self.link.state_stream().await?;
            self.link.flow_stream().await?;
        }
        let held: Vec<&ActionState> = self.record.session.actions.held().take(FLEET_PENDING_MAX).collect();
        let mut texts = Vec::new();
        for state in &held {
            let action = &state.action;
            if self.published.shown.get(&action.id).is_none_or(|digest| *digest != action.digest) {
                let shown = bounded(show::shown(&self.place.id, &self.record.reader, state));
                texts.push((action.id.clone(), (action.digest, shown.complete), shown));
            }
        }
        let gone: Vec<ActionId> =
            self.whole.keys().filter(|action| !held.iter().any(|state| state.action.id == **action)).cloned().collect();
        for (action, whole, shown) in texts {
            let text = serde_json::to_vec(&shown).map_err(|error| error.to_string())?;
            self.link.publish(self.link.subject("shown", &[&own, session, action.as_str()])?, text).await?;
            self.published.shown.insert(action.clone(), whole.0);
            self.whole.insert(action, whole);
        }
        let head = self.head(is_last)?;
        if head != self.published.head {
            let at = SystemClock.now();
            let overview = serde_json::from_slice(&head).map_err(|error| error.to_string())?;
            let text = serde_json::to_vec(&Head { at, overview }).map_err(|error| error.to_string())?;
            self.link.publish(self.link.subject("head", &[&own, session])?, text).await?;
            self.published.head = head;
        }
        for action in gone {
            self.link.publish(self.link.subject("shown", &[&own, session, action.as_str()])?, Vec::new()).await?;
            self.published.shown.remove(&action);
            self.whole.remove(&action);
        }
        while let Some(notice) = self.record.notices.front() {
            let text = serde_json::to_vec(notice).map_err(|error| error.to_string())?;
            self.link.publish(self.link.subject("notice", &[&own, session])?, text).await?;
            self.record.notices.pop_front();
        }
        Ok(())
    }

    /// The session at a glance, bounded.
    fn head(&self, is_last: bool) -> Outcome<Vec<u8>> {
        let session = &self.record.session;
        let overview = list::overview(&self.place, session, list::branch_of(session), !is_last);
        let cut = |text: String| text.chars().take(FLEET_TEXT_CHARS_MAX).collect::<String>();
        let mut overview = Overview {
            goal: overview.goal.map(cut),
            last: overview.last.map(cut),
            pending: overview.pending.into_iter().take(FLEET_PENDING_MAX).map(short).collect(),
            ..overview
        };
        if let Some(ended) = &mut overview.ended {
            ended.report = String::new();
        }
        let text = serde_json::to_vec(&overview).map_err(|error| error.to_string())?;
        if text.len() <= FLEET_HEAD_BYTES_MAX {
            return Ok(text);
        }
        let few = Overview { pending: Vec::new(), goal: None, last: None, ended: None, ..overview };
        serde_json::to_vec(&few).map_err(|error| error.to_string())
    }

    /// Judges an order, carries it out, and answers. `is_again`: the server has delivered it before, and did not hear that it
    /// arrived.
    async fn take(&mut self, payload: &[u8], is_again: bool) -> bool {
        let deciders = self.deciders();
        let court = Court {
            machine: &self.link.own,
            session: &self.place.id,
            deciders: &deciders,
            shown: &self.whole,
            now: SystemClock.now(),
        };
        let judged = court.judge(payload, &mut self.nonces);
        let (nonce, refused) = match judged {
            Ok(Accepted { key, nonce, decide }) => {
                let by = ClientId::of_key(&key, &nonce);
                let Some(done) = self.host.decide(by, decide).await else { return false };
                (Some(nonce), done.err())
            }
            Err(Refused::Replayed) if is_again => return true,
            Err(why) => {
                self.refused(&why).await;
                (nonce_of(payload), Some(RpcError::invalid(format!("{}: {why}", self.link.own))))
            }
        };
        let Some(subject) = nonce.and_then(|nonce| self.link.subject("answer", &[&self.link.own, &nonce]).ok()) else {
            return true;
        };
        if let Ok(text) = serde_json::to_vec(&OrderAnswer { refused }) {
            // Who asked sees what became of it in the session's head, too.
            let _ = self.link.client.publish(subject, text.into()).await;
        }
        true
    }

    /// Who may decide, as the user's settings say now. Settings that cannot be read let nobody decide.
    fn deciders(&self) -> Vec<PublicKey> {
        match settings::nats_of(self.config.as_deref()) {
            Ok(settings) => settings.deciders,
            Err(fail) => {
                tracing::warn!(error = fail.text, "nobody decides over NATS");
                Vec::new()
            }
        }
    }

    /// Records an order that was refused, as often as a record can bear.
    async fn refused(&mut self, why: &Refused) {
        tracing::warn!(%why, "a signed decision was refused");
        self.refusals += usize::from(why.is_alarming());
        if !why.is_alarming() || self.refusals > FLEET_REFUSALS_MAX {
            return;
        }
        let end = if self.refusals == FLEET_REFUSALS_MAX { "; more are only in the log of the host" } else { "" };
        self.host.alarm(AlarmKind::Order, format!("a decision that came over NATS was refused: {why}{end}")).await;
    }
}

/// The orders for a session that were not answered yet.
async fn orders(link: &Link, session: &SessionId) -> Outcome<push::Messages> {
    let stream = link.flow_stream().await?;
    let words = [link.own.as_str(), session.as_str()];
    let config = push::Config {
        durable_name: Some(words.join("=")),
        // The server forgets it when its orders have expired.
        inactive_threshold: Duration::from_millis(FLEET_FLOW_MS),
        deliver_subject: link.subject("deliver", &words)?,
        filter_subject: link.subject("order", &words)?,
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_millis(FLEET_ACK_WAIT_MS),
        ..push::Config::default()
    };
    link.follow(&stream, config).await
}

fn short(pending: Pending) -> Pending {
    let words = pending.words.chars().take(FLEET_TEXT_CHARS_MAX).collect();
    Pending { words, ..pending }
}

/// The nonce that an order claims, for the answer.
fn nonce_of(payload: &[u8]) -> Option<String> {
    let signed: crate::wire::SignedOrder = serde_json::from_slice(payload).ok()?;
    serde_json::from_str::<crate::wire::Order>(&signed.order).ok().map(|order| order.nonce)
}

/// A text that fits into a message; what is cut is not complete.
fn bounded(mut shown: Shown) -> Shown {
    // Room for the rest of the message, and for escapes.
    let (mut bytes, mut lines) = (0, 0);
    for (_, line) in &shown.lines {
        bytes += serde_json::to_string(line).map_or(usize::MAX / 2, |line| line.len() + 32);
        if bytes > FLEET_SHOWN_BYTES_MAX {
            break;
        }
        lines += 1;
    }
    shown.complete &= lines == shown.lines.len();
    shown.lines.truncate(lines);
    shown
}

impl Record {
    fn read(&mut self, from: Seq) -> crate::journal::Result<()> {
        loop {
            let records = self.reader.read(self.session.head.next().max(Seq(1)), CLIENT_READ_EVENTS_MAX)?;
            if records.is_empty() {
                return Ok(());
            }
            for record in records {
                let envelope = record.envelope();
                self.session.apply(&envelope);
                self.note(&envelope, envelope.seq > from);
            }
        }
    }

    fn note(&mut self, envelope: &Envelope, is_news: bool) {
        if let Event::Decided(decided) = &envelope.event
            && let Decider::Human(client) = &decided.by
            && let Some((_, nonce)) = client.key()
        {
            self.accepted.push((nonce.to_owned(), envelope.at));
        }
        let Some((text, urgent)) = notice(&envelope.event).filter(|_| is_news) else { return };
        if self.notices.len() >= FLEET_NOTICES_MAX {
            self.notices.pop_front();
        }
        let text = text.chars().take(FLEET_TEXT_CHARS_MAX).collect();
        self.notices.push_back(FleetNotice { at: envelope.at, text, urgent });
    }
}

/// What the user should know at once, and whether it is urgent.
fn notice(event: &Event) -> Option<(String, bool)> {
    if let Event::Alarm(alarm) = event {
        return Some((format!("alarm: {}", alarm.text), true));
    }
    if let Event::AgentLost(lost) = event {
        return Some((format!("the agent was lost: {}", lost.why), true));
    }
    if let Event::SessionEnded(ended) = event {
        return Some((format!("the session has ended: {}", ended.outcome.word()), false));
    }
    if let Event::TurnEnded(ended) = event
        && ended.reason != TurnEnd::Canceled
    {
        return Some((format!("the turn has ended: {}", ended.reason.words()), false));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::LineRole;

    fn shown(lines: usize, width: usize) -> Shown {
        Shown {
            session: "s".into(),
            action: "a1".into(),
            digest: Digest::of(b"x"),
            phase: "pending".to_owned(),
            lines: vec![(LineRole::Text, "\u{1b}".repeat(width)); lines],
            complete: true,
        }
    }

    #[test]
    fn a_text_that_does_not_fit_is_cut_and_not_complete() {
        assert!(bounded(shown(10, 10)).complete);
        let cut = bounded(shown(5_000, 100));
        assert!(!cut.complete && !cut.lines.is_empty());
        assert!(serde_json::to_vec(&cut).unwrap().len() <= FLEET_SHOWN_BYTES_MAX + 1024);
        assert!(!bounded(Shown { complete: false, ..shown(1, 1) }).complete);
    }
}
