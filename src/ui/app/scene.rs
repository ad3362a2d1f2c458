//! The visible state: the session's replica and the user's position in it. Panes draw from this and nothing else.

use super::comparison::Comparison;
use super::contents::Contents;
use super::past::{Far, Past};
use super::record::Record;
use super::review::Review;
use super::seat::Seat;
use super::timeline::{MomentRow, Timeline};
use crate::base::{ActionId, ClientId, Digest, Seq, UnixMs};
use crate::model::event::{Event, Part, Survivor};
use crate::model::session::{ActionState, Phase, Session};
use crate::model::{ClientChange, Envelope, FileEdit, Kind};
use crate::policy::pipeline::Ledger;
use crate::ui::look::Look;
use crate::ui::workers::Products;

/// The state of the connection to the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    Connecting,
    /// With control or read only.
    Attached {
        control: bool,
    },
    Lost(String),
}

/// The parts of the session that changed since the panes last read them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent marks, one a pane asks for")]
pub struct Touched {
    pub plan: bool,
    pub actions: bool,
    pub checks: bool,
    pub transcript: bool,
    /// The target, the review or a computed picture of it.
    pub target: bool,
}

impl Touched {
    pub const ALL: Self = Self { plan: true, actions: true, checks: true, transcript: true, target: true };

    fn note(&mut self, event: &Event) {
        for part in event.touches() {
            match part {
                Part::Plan => self.plan = true,
                Part::Actions => self.actions = true,
                Part::Checks => self.checks = true,
                Part::Transcript => self.transcript = true,
            }
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Scene {
    pub session: Session,
    /// Every change to what builds, trains, deploys, or instructs.
    pub pipeline: Ledger,
    pub look: Look,
    pub title: String,
    /// Set when a past session is shown, read-only.
    pub record: Option<Record>,
    pub link: Link,
    /// The connection to another machine, when the host runs on one, and what it has not sent.
    pub far: Far,
    /// This client among the others.
    pub seat: Seat,
    /// The host does not answer; it stays in sight until it does.
    pub silent: Option<String>,
    /// The trouble the host reported; it stays visible.
    pub trouble: Option<String>,
    /// The action under review, to which verdicts apply.
    pub target: Option<ActionId>,
    pub review: Review,
    /// Shown in its place.
    pub comparison: Option<Box<Comparison>>,
    pub contents: Contents,
    /// The session's processes as the host last reported them, and the time of that on the client's clock.
    pub processes: (Vec<Survivor>, u64),
    pub products: Products,
    pub touched: Touched,
    times: Timeline,
    /// Milliseconds on the client's clock.
    pub now_ms: u64,
    /// The time at which ages are computed.
    pub ages_at_ms: u64,
}

impl Scene {
    #[must_use]
    pub fn new(look: Look, title: String) -> Self {
        Self {
            session: Session::default(),
            pipeline: Ledger::default(),
            look,
            title,
            record: None,
            link: Link::Connecting,
            far: Far::default(),
            seat: Seat::default(),
            silent: None,
            trouble: None,
            target: None,
            review: Review::default(),
            comparison: None,
            contents: Contents::default(),
            processes: (Vec::new(), 0),
            products: Products::default(),
            touched: Touched::ALL,
            times: Timeline::default(),
            now_ms: 0,
            ages_at_ms: 0,
        }
    }

    /// Folds facts in. Returns the actions that began to wait.
    pub fn apply_events(&mut self, envelopes: &[Envelope], at: UnixMs) -> Vec<ActionId> {
        let mut arrived = Vec::new();
        for envelope in envelopes {
            self.touched.note(&envelope.event);
            let is_new = envelope.seq > self.session.head;
            if self.far.past.gaps_to().is_some_and(|to| envelope.seq <= to) {
                self.session.skip_to(envelope.seq);
            }
            if is_new {
                self.times.note(envelope);
            }
            self.session.apply(envelope);
            if is_new {
                self.pipeline.apply(envelope, &self.session);
            }
            self.follow_control(envelope);
            if let Event::Held(held) = &envelope.event {
                arrived.push(held.action.clone());
            }
        }
        self.times.heard = (at, self.now_ms);
        arrived
    }

    /// Nothing has happened yet; a record is walked through again.
    pub fn begin_again(&mut self) {
        self.session = Session::default();
        self.pipeline = Ledger::default();
        self.times.begin_again();
        self.touched = Touched::ALL;
        self.set_target(None);
    }

    /// The same session with all of its past takes the place of one with gaps.
    pub(super) fn renew(&mut self, session: Session, pipeline: Ledger, times: Timeline) {
        (self.session, self.pipeline) = (session, pipeline);
        self.times.renew(times);
        self.touched = Touched::ALL;
    }

    /// What has happened, oldest first.
    pub fn moments(&self) -> impl DoubleEndedIterator<Item = &MomentRow> {
        self.times.moments()
    }

    /// Returns the wall clock for ages, as far as it is known without reading it.
    #[must_use]
    pub fn wall(&self) -> UnixMs {
        UnixMs(self.times.heard.0.0.saturating_add(self.ages_at_ms.saturating_sub(self.times.heard.1)))
    }

    /// The local time of day, to the minute.
    #[must_use]
    pub fn clock(&self, at: UnixMs) -> String {
        let seconds =
            i64::try_from(at.0 / 1_000).unwrap_or(i64::MAX).saturating_add(i64::from(self.times.utc_offset_s));
        let minutes = seconds.div_euclid(60).rem_euclid(24 * 60);
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// The same with seconds.
    #[must_use]
    pub fn clock_to_seconds(&self, at: UnixMs) -> String {
        format!("{}:{:02}", self.clock(at), at.0 / 1_000 % 60)
    }

    /// Returns the duration of the session so far, or in total.
    #[must_use]
    pub fn age_ms(&self) -> Option<u64> {
        let until = if self.session.ended.is_some() { self.session.at } else { self.wall() };
        Some(until.since(self.times.opened_at?))
    }

    #[must_use]
    pub fn target(&self) -> Option<&ActionState> {
        self.target.as_ref().and_then(|id| self.session.actions.get(id))
    }

    /// The target, if it is shown and waits for a decision, with the digest an answer must carry.
    #[must_use]
    pub fn held_target(&self) -> Option<(&ActionState, Digest)> {
        let state = self.target().filter(|state| state.phase == Phase::Held && self.comparison.is_none())?;
        Some((state, state.held.as_ref().map_or(state.action.digest, |held| held.digest)))
    }

    /// The last edit that was let through: it is shown while nothing is pending.
    #[must_use]
    pub fn newest_edit(&self) -> Option<ActionId> {
        let through = |phase| matches!(phase, Phase::Approved | Phase::Running | Phase::Finished(_));
        let edit =
            self.session.actions.recent().find(|state| state.action.kind() == Kind::Edit && through(state.phase))?;
        Some(edit.action.id.clone())
    }

    /// The files that are shown, and their contents: of the comparison, or of the target.
    #[must_use]
    pub fn shown_files(&self) -> (&[FileEdit], &Contents) {
        match &self.comparison {
            Some(comparison) => (comparison.files(), &comparison.contents),
            None => (self.target().map_or(&[], |state| state.action.files()), &self.contents),
        }
    }

    /// Shows the target again.
    pub fn end_comparison(&mut self) {
        self.comparison = None;
        self.touched.target = true;
    }

    /// The local time zone, in seconds east of UTC.
    pub fn in_zone(&mut self, utc_offset_s: i32) {
        self.times.utc_offset_s = utc_offset_s;
    }

    /// Looks at another action.
    pub fn set_target(&mut self, id: Option<ActionId>) {
        if self.comparison.is_some() {
            self.end_comparison();
        }
        if self.target != id {
            self.target = id;
            self.touched.target = true;
            // Until its own is wanted: never that of another action.
            self.products.wants_nothing();
        }
        self.sync_review();
    }

    /// Choices made on one revision mean nothing for the next.
    pub fn sync_review(&mut self) {
        let key = self.target().map(|state| (state.action.id.clone(), state.action.digest));
        if self.review.about(key) {
            self.contents.forget();
            self.touched.target = true;
        }
    }

    #[must_use]
    pub fn waits(&self) -> usize {
        self.session.actions.held().count()
    }

    /// The host took this client in under a name.
    pub(super) fn linked(&mut self, client: ClientId, control: bool, head: Seq, recent: bool) {
        if recent {
            self.far.past = Past::Recent(head);
        }
        self.linked_again(client, control, head);
    }

    /// The link is back, and the name is another one. What is shown stays.
    pub(super) fn linked_again(&mut self, client: ClientId, control: bool, head: Seq) {
        self.link = Link::Attached { control };
        self.seat.me = Some((client, head));
        self.silent = None;
    }

    /// Updates who has control after an event: whoever takes it takes it from all others.
    fn follow_control(&mut self, envelope: &Envelope) {
        let (Event::ClientChanged(change), Link::Attached { control }) = (&envelope.event, &mut self.link) else {
            return;
        };
        let Some((me, known)) = &self.seat.me else { return };
        if envelope.seq > *known {
            match change.what {
                ClientChange::TookControl => *control = change.client == *me,
                ClientChange::LostControl if change.client == *me => *control = false,
                ClientChange::LostControl
                | ClientChange::Joined
                | ClientChange::Left
                | ClientChange::AskedControl
                | ClientChange::RefusedControl
                | ClientChange::Other(_) => {}
            }
        }
    }

    /// Returns whether this is the name of this client.
    #[must_use]
    pub fn is_me(&self, client: &ClientId) -> bool {
        self.seat.me.as_ref().is_some_and(|(me, _)| me == client)
    }

    #[must_use]
    pub fn has_control(&self) -> bool {
        matches!(self.link, Link::Attached { control: true })
    }
}
