//! The wire to a model server: sends one request, hands on the pieces, keeps every bound.
//!
//! `connection` decides which server is contacted and with which key, `reader` bounds and judges what comes back,
//! `attempt` makes one try, `retry` says when there is another. A request is sent again only while nothing of a
//! completion has been consumed. Dropping the future cancels, at every stage.

mod attempt;
mod connection;
mod reader;
mod retry;

use serde_json::Value;
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub use connection::is_loopback;

use self::attempt::Failed;
use super::delta::Delta;
use super::fault::{self, Fault};
use super::providers::{Api, Encoded};
use crate::agent::llm::limits;
use crate::base::Secret;

/// Waits that differ between servers and tests; the defaults are the limits of the product.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Longest wait for the first content of the answer.
    pub first_byte: Duration,
    /// Longest wait between two pieces of content.
    pub idle: Duration,
    /// Longest whole answer.
    pub whole: Duration,
    /// First wait before a retry.
    pub retry_first: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            first_byte: Duration::from_millis(limits::FIRST_BYTE_MS_MAX),
            idle: Duration::from_millis(limits::IDLE_MS_MAX),
            whole: Duration::from_millis(limits::ANSWER_MS_MAX),
            retry_first: Duration::from_millis(limits::RETRY_FIRST_MS),
        }
    }
}

/// The address of a request, with its key.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The protocol.
    pub api: Api,
    /// Address as configured.
    pub base_url: String,
    /// The key, if the server wants one.
    pub key: Option<Secret>,
    /// Waits.
    pub patience: Patience,
}

impl Endpoint {
    /// Takes the key out of whatever the server sent back.
    fn scrubbed(&self, fault: Fault) -> Fault {
        match &self.key {
            Some(key) => fault.map_words(|words| key.scrub(&words)),
            None => fault,
        }
    }
}

/// A progress report of a completion.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// Nothing new for so many seconds.
    Waiting {
        /// Whole seconds since the request was sent or, when content has come, since the last piece of it.
        seconds: u64,
        /// Content has come.
        speaking: bool,
    },
    /// The request will be sent again.
    Retrying {
        /// Number of the repetition, from 1.
        attempt: u32,
        /// The pause before it.
        after: Duration,
        /// The reason.
        fault: Fault,
    },
    /// A piece of the completion.
    Delta(Delta),
}

/// Streams one completion into `tell`; returns when it has ended, well or badly.
///
/// Every fault arrives as `Delta::Fault`, the last piece. `tell` must not block; it awaits so
/// that a full queue slows the server instead of growing. Dropping the future closes the
/// connection.
pub async fn complete<F, W>(endpoint: &Endpoint, encoded: &Encoded, mut report: F)
where
    F: FnMut(Progress) -> W + Send,
    W: Future<Output = ()> + Send,
{
    let mut attempt = 0;
    loop {
        let fault = match attempt::make(endpoint, encoded, &mut report).await {
            Ok(()) => return,
            Err(Failed::Begun(fault)) => {
                report(Progress::Delta(Delta::Fault(endpoint.scrubbed(fault)))).await;
                return;
            }
            Err(Failed::Fresh(fault)) => endpoint.scrubbed(fault),
        };
        let Some(after) = retry::pause(attempt, &fault, endpoint.patience.retry_first, retry::roll()) else {
            report(Progress::Delta(Delta::Fault(fault))).await;
            return;
        };
        attempt += 1;
        report(Progress::Retrying { attempt, after, fault }).await;
        sleep(after).await;
    }
}

/// Fetches a small JSON document, for discovery.
pub async fn get_json(endpoint: &Endpoint, url: &str, wait: Duration) -> Result<Value, Fault> {
    let work = async {
        let response = connection::get(endpoint, url)?.send().await;
        let response = response.map_err(|error| connection::unreachable(url, &error))?;
        let status = response.status();
        let body = reader::start_of(response, limits::MODEL_LIST_BYTES_MAX).await;
        if !status.is_success() {
            return Err(fault::from_answer(status.as_u16(), None, &body));
        }
        serde_json::from_str(&body).map_err(|error| Fault::Malformed { why: error.to_string() })
    };
    let done = timeout(wait, work).await.map_err(|_| Fault::FirstByteLate { waited_s: wait.as_secs() })?;
    done.map_err(|fault| endpoint.scrubbed(fault))
}
