//! The session in time: its clock, as far as it is known without reading one, and the moments of the session that a user
//! may want to go back to.

use super::links::Place;
use super::record::is_stop;
use crate::base::text::{Show, escape};
use crate::base::{Seq, UnixMs};
use crate::model::Envelope;
use crate::model::event::Event;
use crate::ui::limits::{UI_MOMENT_CHARS_MAX, UI_MOMENTS_KEPT_MAX};
use std::collections::VecDeque;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MomentRow {
    pub seq: Seq,
    pub at: UnixMs,
    /// In words that are safe to show.
    pub words: String,
    pub place: Option<Place>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Timeline {
    /// The start of the session.
    pub opened_at: Option<UnixMs>,
    /// Wall clock when the last events came, and our clock then: ages are computed without reading the clock.
    pub heard: (UnixMs, u64),
    /// The local time zone, in seconds east of UTC.
    pub utc_offset_s: i32,
    /// Oldest first, bounded.
    moments: VecDeque<MomentRow>,
}

impl Timeline {
    /// Nothing has happened yet.
    pub fn begin_again(&mut self) {
        self.opened_at = None;
        self.moments.clear();
    }

    /// What happened is what this one knows; the clock stays.
    pub fn renew(&mut self, of: Self) {
        (self.opened_at, self.moments) = (of.opened_at, of.moments);
    }

    pub fn note(&mut self, envelope: &Envelope) {
        self.opened_at.get_or_insert(envelope.at);
        let said = matches!(&envelope.event, Event::Said(said) if said.by.as_str() == "human");
        let commented = matches!(&envelope.event, Event::Commented(_) | Event::PlanCommented(_));
        if !is_stop(envelope) && !said && !commented {
            return;
        }
        let text = if let Event::Said(said) = &envelope.event {
            format!("you: {}", said.text.lines().next().unwrap_or_default())
        } else {
            envelope.event.words().map(|words| words.heading).unwrap_or_default()
        };
        let text: String = text.chars().take(UI_MOMENT_CHARS_MAX).collect();
        let words = escape::show(&text, &Show::prose()).into_owned();
        if self.moments.len() >= UI_MOMENTS_KEPT_MAX {
            self.moments.pop_front();
        }
        let place = Place::of(envelope);
        self.moments.push_back(MomentRow { seq: envelope.seq, at: envelope.at, words, place });
    }

    pub fn moments(&self) -> impl DoubleEndedIterator<Item = &MomentRow> {
        self.moments.iter()
    }
}
