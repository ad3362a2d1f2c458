//! A session of before, walked through: all that happened, how far of it is shown, and what there is to stop at. Going
//! back folds again from the beginning, so what is shown is always what a user saw then.

use crate::base::Seq;
use crate::base::text::{Show, escape};
use crate::model::Envelope;
use crate::model::event::{Event, Shown};
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, Request};

/// See the module.
#[derive(Debug, Default)]
pub struct Record {
    envelopes: Vec<Envelope>,
    /// Number of events that are shown.
    shown: usize,
}

/// A target in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Walk {
    Next,
    Back,
    Start,
    End,
    /// Just behind this event.
    To(Seq),
}

impl Record {
    /// The event shown last and the last there is.
    #[must_use]
    pub fn place(&self) -> (Seq, Seq) {
        let seq = |at: usize| at.checked_sub(1).and_then(|at| self.envelopes.get(at)).map_or(Seq(0), |e| e.seq);
        (seq(self.shown), seq(self.envelopes.len()))
    }

    /// Returns the points of interest, oldest first, in words.
    pub fn stops(&self) -> impl DoubleEndedIterator<Item = (Seq, String)> {
        self.envelopes.iter().filter(|envelope| is_stop(envelope)).filter_map(|envelope| {
            let heading = envelope.event.words()?.heading;
            Some((envelope.seq, escape::show(&heading, &Show::prose()).into_owned()))
        })
    }

    /// The event a user means by a number, or by the name of an action: where that began to wait, or was filed.
    #[must_use]
    pub fn find(&self, words: &str) -> Option<Seq> {
        let words = words.trim().trim_start_matches('#');
        if let Ok(number) = words.parse::<u64>() {
            return Some(Seq(number)).filter(|seq| (Seq(1)..=self.place().1).contains(seq));
        }
        let about = |envelope: &&Envelope| envelope.event.subject().is_some_and(|id| id.as_str() == words);
        let waits = |envelope: &&Envelope| matches!(envelope.event, Event::Held(_));
        let mut of_it = self.envelopes.iter().filter(about);
        let first = of_it.next()?;
        Some(std::iter::once(first).chain(of_it).find(waits).unwrap_or(first).seq)
    }

    fn stop_after(&self, at: usize) -> Option<usize> {
        let rest = self.envelopes.iter().enumerate().skip(at);
        rest.filter(|(_, envelope)| is_stop(envelope)).map(|(at, _)| at + 1).next()
    }

    fn stop_before(&self, at: usize) -> usize {
        let past = self.envelopes.iter().enumerate().take(at.saturating_sub(1));
        past.rev().find(|(_, envelope)| is_stop(envelope)).map_or(0, |(at, _)| at + 1)
    }

    fn goal(&self, walk: &Walk) -> usize {
        let first = || self.stop_after(0).unwrap_or(self.envelopes.len());
        match walk {
            Walk::Next => self.stop_after(self.shown).unwrap_or(self.envelopes.len()),
            Walk::Back => self.stop_before(self.shown).max(first()),
            Walk::Start => first(),
            Walk::End => self.envelopes.len(),
            Walk::To(seq) => self.envelopes.partition_point(|envelope| envelope.seq <= *seq),
        }
    }
}

/// More of the record is here. Until there is something to stop at, all of it is shown.
pub(super) fn heard(app: &mut App, envelopes: Vec<Envelope>) -> Vec<Request> {
    let Some(record) = &mut app.scene.record else { return Vec::new() };
    let begun = record.stop_after(0).is_some();
    record.envelopes.extend(envelopes);
    if begun { Vec::new() } else { walk(app, &Walk::Start) }
}

/// Shows the session as it was at another moment.
pub fn walk(app: &mut App, walk: &Walk) -> Vec<Request> {
    let Some(mut record) = app.scene.record.take() else { return Vec::new() };
    let to = record.goal(walk);
    if to == record.shown {
        let words = if *walk == Walk::Back { "start of the record" } else { "end of the record" };
        app.say(Toast::plain(words));
    }
    if to < record.shown {
        app.scene.begin_again();
        app.overlay = None;
        app.panes.last_stop = None;
        record.shown = 0;
    }
    let news = record.envelopes.get(record.shown..to).unwrap_or_default();
    let about = news.last().and_then(|envelope| envelope.event.subject()).cloned();
    let at = news.last().map_or(app.scene.session.at, |envelope| envelope.at);
    let mut requests = if news.is_empty() { Vec::new() } else { app.heard(news, at) };
    record.shown = to;
    app.scene.record = Some(record);
    // The latest action is shown, even if it is no longer pending.
    if let Some(about) = about.filter(|id| app.scene.session.actions.get(id).is_some()) {
        app.scene.set_target(Some(about));
        requests.extend(app.compute_pictures());
    }
    requests
}

/// Something was asked, decided, done, checked, or went wrong.
pub(super) fn is_stop(envelope: &Envelope) -> bool {
    matches!(envelope.event.shown(), Shown::Walk | Shown::Both)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::layout::PaneId;
    use crate::ui::tests::stage::{MORE, SESSION, Stage, envelopes};

    fn stage() -> Stage {
        let mut stage = Stage::empty(120, 40, "dark");
        stage.app.scene.record = Some(Record::default());
        stage.receive(SESSION);
        stage.receive(MORE);
        stage
    }

    /// A plan is shown as it was then, without what came later.
    #[test]
    fn the_plan_of_then_has_no_steps_of_later() {
        let mut stage = stage();
        let steps = serde_json::json!([{"id": "z1", "title": "begin again", "status": "active"}]);
        let last = envelopes(MORE).last().unwrap().seq.next();
        let later = serde_json::json!({"seq": last, "at": 1_764_000_020_000_u64,
            "kind": "plan_revised", "revision": 2, "by": "agent", "steps": steps});
        stage.receive(&later.to_string());
        let rows = |stage: &mut Stage| {
            stage.draw();
            let plan = stage.app.panes.get(PaneId::Plan);
            (0..plan.rows()).map(|row| plan.row_text(&stage.app.scene, row)).collect::<Vec<_>>()
        };
        walk(&mut stage.app, &Walk::To(last));
        assert!(rows(&mut stage).concat().contains("begin again"));
        stage.command("from-start");
        let at = stage.app.scene.session.head;
        let again = rows(&mut stage);
        let mut fresh = Stage::empty(120, 40, "dark");
        let all = [SESSION, MORE].iter().flat_map(|lines| envelopes(lines));
        let then: Vec<_> = all.filter(|envelope| envelope.seq <= at).collect();
        let wall = then.last().unwrap().at;
        fresh.send(crate::ui::app::Msg::Events(then, wall));
        assert_eq!(again, rows(&mut fresh));
    }

    /// Wherever a walk came from, the session is what the events up to there make of it.
    #[test]
    fn every_step_back_and_forth_is_the_session_of_then() {
        let mut stage = stage();
        let all: Vec<Envelope> = [SESSION, MORE].iter().flat_map(|lines| envelopes(lines)).collect();
        let as_then = |stage: &Stage| {
            let head = stage.app.scene.session.head;
            let then = crate::model::session::Session::replay(all.iter().filter(|envelope| envelope.seq <= head));
            assert_eq!(stage.app.scene.session, then, "{head}");
            head
        };
        let mut forth = vec![as_then(&stage)];
        loop {
            stage.press("s");
            let head = as_then(&stage);
            if forth.last() == Some(&head) {
                break;
            }
            forth.push(head);
        }
        assert!(forth.len() > 5, "{forth:?}");
        assert_eq!(forth.last(), all.last().map(|envelope| &envelope.seq));
        let mut back = vec![as_then(&stage)];
        while back.last() != forth.first() {
            stage.press("S");
            back.push(as_then(&stage));
        }
        back.reverse();
        assert_eq!(back, forth);
        stage.press("S");
        assert_eq!(as_then(&stage), forth[0]);
        assert!(stage.text().contains("start of the record"), "{}", stage.text());
    }

    #[test]
    fn a_number_or_an_action_is_a_place() {
        let mut stage = stage();
        stage.press("g e a 7 enter");
        let state = stage.app.scene.target().unwrap();
        assert_eq!((state.action.id.as_str(), state.phase), ("a7", crate::model::session::Phase::Held));
        let (shown, last) = stage.app.scene.record.as_ref().unwrap().place();
        stage.press("g e 3 enter");
        assert_eq!(stage.app.scene.session.head, Seq(3));
        stage.press("g e n o enter");
        assert!(stage.text().contains("no event or action in the record"), "{}", stage.text());
        assert!(shown < last && stage.asked.is_empty(), "{:?}", stage.asked);
    }

    #[test]
    fn what_there_is_to_stop_at_can_be_chosen() {
        let mut stage = stage();
        stage.press("C g l");
        assert!(stage.text().contains("pending"), "{}", stage.text());
        stage.press("j j enter");
        let here = stage.app.scene.session.head;
        assert_eq!(Some(here), stage.app.scene.record.as_ref().unwrap().stops().nth(2).map(|(seq, _)| seq));
    }
}
