//! The fleet: sessions of many machines, seen and decided through a NATS server that all of them connect to. No machine
//! listens. Two streams keep what counts: the newest state of each session, and decisions until they expire.
//!
//! ```text
//! PREFIX.head.MACHINE.SESSION            a session at a glance, the newest only       stream PREFIX-state
//! PREFIX.shown.MACHINE.SESSION.ACTION    the text of a pending action; empty: none    stream PREFIX-state
//! PREFIX.notice.MACHINE.SESSION          something that the user should know          stream PREFIX-flow
//! PREFIX.order.MACHINE.SESSION           a signed decision                            stream PREFIX-flow
//! PREFIX.answer.MACHINE.NONCE            what became of it                            not kept
//! ```

pub mod limits;
mod look;
mod orders;
mod publish;

use crate::base::SessionId;
use crate::base::text::Untrusted;
use crate::config::{NatsSettings, is_subject_word};
use async_nats::jetstream::{self, consumer::push, stream};
use async_nats::{Client, ConnectOptions, Event};
use limits::{
    FLEET_CONNECT_MS_MAX, FLEET_FLOW_BYTES_MAX, FLEET_FLOW_MS, FLEET_PING_MS, FLEET_REQUEST_MS_MAX, FLEET_RETRY_MS_MAX,
    FLEET_RETRY_MS_MIN, FLEET_STATE_BYTES_MAX, FLEET_STATE_MS, FLEET_SUBJECT_MESSAGES_MAX,
};
use std::time::Duration;
use tokio::sync::watch as state;

pub use look::{ask, connect, decide, found, machine_of, shown, watch};
pub use publish::Publisher;

/// The link to the server. It comes back by itself.
#[derive(Clone)]
pub struct Link {
    client: Client,
    streams: jetstream::Context,
    prefix: String,
    /// The name of this machine.
    own: String,
    state: state::Receiver<LinkState>,
}

/// How the link is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct LinkState {
    /// Counts how often it came up.
    times_up: u64,
    is_up: bool,
    /// What the server or the client said last.
    trouble: Option<String>,
}

/// What failed, in words.
type Outcome<T> = Result<T, String>;

impl Link {
    /// Begins to connect, and does not wait for it.
    ///
    /// # Errors
    /// Nothing is configured, or a file that is cannot be read.
    pub async fn open(settings: &NatsSettings) -> Outcome<Self> {
        let url = settings.url.as_ref().ok_or("no nats.url is configured")?;
        let own = settings.name.clone().unwrap_or_else(host_name);
        let (told, state) = state::channel(LinkState::default());
        let ms = Duration::from_millis;
        let mut options = ConnectOptions::new()
            .name("rightseat")
            .retry_on_initial_connect()
            .connection_timeout(ms(FLEET_CONNECT_MS_MAX))
            .request_timeout(Some(ms(FLEET_REQUEST_MS_MAX)))
            .ping_interval(ms(FLEET_PING_MS))
            .require_tls(url.starts_with("tls://"))
            .ignore_discovered_servers()
            .reconnect_delay_callback(|attempts| {
                let doubled = FLEET_RETRY_MS_MIN << attempts.min(16);
                Duration::from_millis(doubled.min(FLEET_RETRY_MS_MAX))
            })
            .event_callback(move |event| {
                take_event(&told, &event);
                std::future::ready(())
            });
        if let Some(file) = &settings.credentials {
            let read = options.credentials_file(file).await;
            options = read.map_err(|error| format!("nats.credentials: {}: {error}", file.display()))?;
        }
        if let Some(file) = &settings.ca {
            options = options.add_root_certificates(file.clone());
        }
        if let (Some(cert), Some(key)) = (&settings.cert, &settings.key) {
            options = options.add_client_certificate(cert.clone(), key.clone());
        }
        let client = options.connect(url.as_str()).await.map_err(|error| format!("nats.url: {error}"))?;
        let mut streams = jetstream::new(client.clone());
        streams.set_timeout(ms(FLEET_REQUEST_MS_MAX));
        Ok(Self { client, streams, prefix: settings.prefix.clone(), own, state })
    }

    fn is_up(&self) -> bool {
        self.state.borrow().is_up
    }

    fn subject(&self, kind: &str, words: &[&str]) -> Outcome<String> {
        match words.iter().find(|word| !is_subject_word(word)) {
            Some(word) => Err(format!("{:?} cannot be a word of a subject", Untrusted::new(*word).visible())),
            None => Ok(format!("{}.{kind}.{}", self.prefix, words.join("."))),
        }
    }

    /// The stream with the newest state of each session.
    async fn state_stream(&self) -> Outcome<stream::Stream> {
        self.stream("state", &["head.*.*", "shown.*.*.*"], 1, FLEET_STATE_BYTES_MAX, FLEET_STATE_MS).await
    }

    /// The stream of orders and notices.
    async fn flow_stream(&self) -> Outcome<stream::Stream> {
        let per_subject = FLEET_SUBJECT_MESSAGES_MAX;
        self.stream("flow", &["order.*.*", "notice.*.*"], per_subject, FLEET_FLOW_BYTES_MAX, FLEET_FLOW_MS).await
    }

    /// A stream, made if there is none and this machine may.
    async fn stream(
        &self,
        name: &str,
        subjects: &[&str],
        per_subject: i64,
        bytes_max: i64,
        ms_max: u64,
    ) -> Outcome<stream::Stream> {
        let config = stream::Config {
            name: format!("{}-{name}", self.prefix),
            subjects: subjects.iter().map(|subject| format!("{}.{subject}", self.prefix)).collect(),
            max_messages_per_subject: per_subject,
            max_bytes: bytes_max,
            max_age: Duration::from_millis(ms_max),
            ..stream::Config::default()
        };
        let made = self.streams.get_or_create_stream(config).await;
        made.map_err(|error| format!("the stream {}-{name} cannot be used: {error}", self.prefix))
    }

    /// Follows a stream from where `config` says.
    async fn follow(&self, stream: &stream::Stream, config: push::Config) -> Outcome<push::Messages> {
        let consumer = stream.create_consumer(config).await.map_err(|error| error.to_string())?;
        consumer.messages().await.map_err(|error| error.to_string())
    }

    /// Publishes into a stream, and waits until it is kept.
    async fn publish(&self, subject: String, payload: Vec<u8>) -> Outcome<()> {
        let sent = self.streams.publish(subject, payload.into()).await.map_err(|error| error.to_string())?;
        sent.await.map(drop).map_err(|error| error.to_string())
    }
}

fn take_event(told: &state::Sender<LinkState>, event: &Event) {
    told.send_modify(|state| match event {
        Event::Connected => *state = LinkState { times_up: state.times_up + 1, is_up: true, trouble: None },
        Event::Disconnected | Event::Closed => state.is_up = false,
        Event::ServerError(_) | Event::ClientError(_) => {
            let text = Untrusted::new(event.to_string()).visible().into_owned();
            tracing::warn!(text, "the link to NATS");
            state.trouble = Some(text);
        }
        Event::LameDuckMode | Event::Draining | Event::SlowConsumer(_) => {}
    });
}

/// The name of this machine as a word of a subject, where the kernel says it in a file.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let first = name.trim().split('.').next().unwrap_or_default();
    let word: String = first.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if word.is_empty() { "machine".to_owned() } else { word }
}

/// The machine and the session that a subject is about.
fn parts<'a>(link: &Link, kind: &str, subject: &'a str) -> Option<(&'a str, SessionId)> {
    let rest = subject.strip_prefix(&link.prefix)?.strip_prefix('.')?.strip_prefix(kind)?.strip_prefix('.')?;
    let (machine, session) = rest.split_once('.')?;
    is_subject_word(session).then(|| (machine, SessionId::new(session)))
}
