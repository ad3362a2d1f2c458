//! The book: journal and session together. What is appended is on disk before it is applied, and applied before anyone
//! is shown the new head.

use crate::base::{ActionId, Seq, UnixMs};
use crate::journal::{self, Journal, Permit};
use crate::model::{Envelope, Event, Session};
use crate::port::Clock;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// The state that clients follow: the position of the journal, and its trouble if any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    pub head: Seq,
    /// Set once the journal cannot be written any more: the gate is closed.
    pub trouble: Option<String>,
    /// The host is about to go.
    pub closing: bool,
    /// The session has ended; it can still be viewed, and undone.
    pub ended: bool,
    /// A turn is under way, or something is held or runs.
    pub busy: bool,
}

/// See the module.
pub struct Book {
    journal: Journal,
    pub session: Session,
    clock: Arc<dyn Clock>,
    published: watch::Sender<Published>,
}

/// The journal could not be written; nothing of the batch happened.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be written, so nothing can be decided: {0}")]
pub struct Trouble(pub String);

impl Book {
    /// Folds what the journal holds.
    pub fn open(journal: Journal, clock: Arc<dyn Clock>) -> Result<Self, journal::Error> {
        let mut session = Session::default();
        let mut from = Seq(1);
        loop {
            let records = journal.read(from, crate::base::limits::CLIENT_READ_EVENTS_MAX)?;
            let Some(last) = records.last() else { break };
            from = last.seq.next();
            records.iter().for_each(|r| session.apply(&r.envelope()));
        }
        let first = Published { head: session.head, ended: session.ended.is_some(), ..Published::default() };
        let (published, _) = watch::channel(first);
        Ok(Self { journal, session, clock, published })
    }

    pub fn now(&self) -> UnixMs {
        self.clock.now()
    }

    pub fn follow(&self) -> watch::Receiver<Published> {
        self.published.subscribe()
    }

    /// Returns the reason that nothing can be written any more.
    pub fn trouble(&self) -> Option<String> {
        self.published.borrow().trouble.clone()
    }

    /// The journal, to ask it.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The number of this host among all that had the session.
    pub fn fence(&self) -> u64 {
        self.journal.fence()
    }

    pub fn blob(&self, digest: &crate::base::Digest, offset: u64, length: usize) -> Result<Vec<u8>, journal::Error> {
        self.journal.blob(digest, offset, length)
    }

    /// Appends, applies and publishes. Gives the permits of the actions that were started.
    pub fn append(&mut self, events: Vec<Event>, blobs: Vec<Vec<u8>>) -> Result<BTreeMap<ActionId, Permit>, Trouble> {
        if events.is_empty() {
            return Ok(BTreeMap::new());
        }
        if let Some(why) = self.trouble() {
            return Err(Trouble(why));
        }
        let at = self.clock.now();
        let appended = self.write(at, &events, blobs).map_err(|error| self.broke(&error))?;
        let first = Seq(appended.head_seq.0 + 1 - events.len() as u64);
        for (offset, event) in events.into_iter().enumerate() {
            let seq = Seq(first.0 + offset as u64);
            self.session.apply(&Envelope { seq, at, event });
        }
        let (ended, busy) = (self.session.ended.is_some(), self.session.is_busy());
        self.published.send_modify(|p| *p = Published { head: appended.head_seq, ended, busy, ..p.clone() });
        Ok(appended.permits.into_iter().map(|permit| (permit.action().clone(), permit)).collect())
    }

    fn write(
        &mut self,
        at: UnixMs,
        events: &[Event],
        blobs: Vec<Vec<u8>>,
    ) -> Result<journal::Appended, journal::Error> {
        let mut drafts = events.iter().map(|e| journal::Draft::new(at, e)).collect::<Result<Vec<_>, _>>()?;
        if let Some(first) = drafts.first_mut() {
            first.blobs = blobs;
        }
        self.journal.append(&drafts)
    }

    fn broke(&self, error: &journal::Error) -> Trouble {
        let why = error.to_string();
        if error.closes_gate() {
            tracing::error!(%why, "the journal cannot be written");
            self.published.send_modify(|p| p.trouble = Some(why.clone()));
        }
        Trouble(why)
    }

    /// Tells every client that the host goes, and seals the journal.
    pub fn close(mut self) {
        self.published.send_modify(|p| p.closing = true);
        if let Err(error) = self.journal.seal() {
            tracing::warn!(%error, "the journal could not be sealed");
        }
    }
}
