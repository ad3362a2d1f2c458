//! The past of a session on another machine: on a slow link the client begins with its recent part, and reads the rest
//! page by page when the user goes there. The rest is folded beside what is shown and takes its place when it is whole, so
//! that what is pending is never out of sight.

use super::timeline::Timeline;
use super::toast::Toast;
use super::{AnswerData, App, RemoteLink, Request};
use crate::base::{ActionId, Seq};
use crate::model::Envelope;
use crate::model::event::Verdict;
use crate::model::session::Session;
use crate::policy::pipeline::Ledger;
use crate::ui::layout::PaneId;
use crate::ui::limits::UI_CHATTER_FACTOR;
use crate::ui::overlays::{Overlay, Pipeline};
use crate::wire;

/// See the module.
#[derive(Debug, Default)]
pub enum Past {
    /// Every event is there.
    #[default]
    Whole,
    /// The events up to this one came with gaps.
    Recent(Seq),
    /// The same, and the rest is being read.
    Reading(Seq, Box<Older>),
    /// The user went elsewhere before it was read: it goes on when they come back.
    Paused(Seq, Box<Older>),
}

/// A host on another machine: the link to it, as the relay reports it, and what it has not sent.
#[derive(Debug, Default)]
pub struct Far {
    pub link: Option<RemoteLink>,
    pub past: Past,
    /// Decisions that the host has not answered yet.
    pub unanswered: Vec<(ActionId, Verdict)>,
}

impl Far {
    /// The shortest time between two requests that nobody waits for: `ms`, and more where the link is slow.
    #[must_use]
    pub fn paced_ms(&self, ms: u64) -> u64 {
        let latency_ms = self.link.as_ref().and_then(|link| link.latency_ms).unwrap_or(0);
        ms.max(latency_ms.saturating_mul(UI_CHATTER_FACTOR))
    }

    /// The decisions that are on their way to another machine, in words.
    #[must_use]
    pub fn on_the_way(&self) -> Option<String> {
        let (first, verdict) = self.unanswered.first().filter(|_| self.link.is_some())?;
        let more = self.unanswered.len() - 1;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Some(format!("{first}{more} {}, not confirmed yet", verdict.words()))
    }
}

/// Decisions go out.
pub(super) fn asked(app: &mut App, requests: &[Request]) {
    for request in requests {
        if let Request::Host(wire::Request::Decide(decide)) = request {
            app.scene.far.unanswered.push((decide.action.clone(), decide.verdict));
        }
    }
}

/// An answer came, or will not come.
pub(super) fn answered(app: &mut App, asked: &wire::Request, outcome: Result<AnswerData, String>) -> Vec<Request> {
    if let wire::Request::Decide(decide) = asked {
        let at = app.scene.far.unanswered.iter().position(|(action, _)| *action == decide.action);
        at.map(|at| app.scene.far.unanswered.remove(at));
    }
    app.answered(asked, outcome)
}

/// What was read of the rest.
#[derive(Debug, Default)]
pub struct Older {
    session: Session,
    pipeline: Ledger,
    times: Timeline,
}

impl Past {
    /// The event up to which there are gaps.
    #[must_use]
    pub fn gaps_to(&self) -> Option<Seq> {
        match self {
            Self::Whole => None,
            Self::Recent(seq) | Self::Reading(seq, _) | Self::Paused(seq, _) => Some(*seq),
        }
    }

    /// In a word, for the header; `None` where nothing is missing.
    #[must_use]
    pub fn words(&self) -> Option<&'static str> {
        match self {
            Self::Whole => None,
            Self::Recent(_) | Self::Paused(..) => Some("recent events"),
            Self::Reading(..) => Some("reading older events"),
        }
    }
}

/// Asks for the past if the user has gone to where it is seen.
pub(super) fn viewed(app: &mut App) -> Vec<Request> {
    if is_viewed(app) { read(app) } else { Vec::new() }
}

/// The user is at the beginning of the conversation, or looks at something that consists of all events.
fn is_viewed(app: &App) -> bool {
    let at_top = app.focus == PaneId::Talk && app.overlay.is_none() && app.panes.talk.is_at_start();
    at_top || app.search.is_some() || matches!(app.overlay, Some(Overlay::Pipeline(_)))
}

/// Asks for the rest, if it is missing and nobody asked yet.
fn read(app: &mut App) -> Vec<Request> {
    let (seq, older) = match std::mem::take(&mut app.scene.far.past) {
        Past::Recent(seq) => (seq, Box::default()),
        Past::Paused(seq, older) => (seq, older),
        past @ (Past::Whole | Past::Reading(..)) => {
            app.scene.far.past = past;
            return Vec::new();
        }
    };
    let from = older.session.head.next();
    app.scene.far.past = Past::Reading(seq, older);
    app.scene.touched.transcript = true;
    vec![page(from)]
}

fn page(from: Seq) -> Request {
    Request::Host(wire::Request::Past(wire::Past { from }))
}

/// A page is here. What it completes takes the place of what is shown, at the same event. No further one is asked for when
/// the user has gone elsewhere.
pub(super) fn came(app: &mut App, events: &wire::PastEvents) -> Vec<Request> {
    let is_viewed = is_viewed(app);
    let (head, past) = (app.scene.session.head, &mut app.scene.far.past);
    let Past::Reading(_, older) = past else { return Vec::new() };
    let before = older.session.head;
    for line in events.lines.lines() {
        let Ok(envelope) = Envelope::from_json(line) else { continue };
        older.times.note(&envelope);
        older.session.apply(&envelope);
        older.pipeline.apply(&envelope, &older.session);
    }
    if older.session.head == before {
        failed(app);
        return Vec::new();
    }
    if older.session.head < head {
        if is_viewed {
            return vec![page(older.session.head.next())];
        }
        if let Past::Reading(seq, older) = std::mem::take(past) {
            app.scene.far.past = Past::Paused(seq, older);
            app.scene.touched.transcript = true;
        }
        return Vec::new();
    }
    if let Past::Reading(_, older) = std::mem::take(past) {
        let Older { session, pipeline, times } = *older;
        app.scene.renew(session, pipeline, times);
    }
    if matches!(app.overlay, Some(Overlay::Pipeline(_))) {
        app.overlay = Some(Overlay::Pipeline(Pipeline::open(&app.scene)));
    }
    app.after_events(false)
}

/// It could not be read; it can be asked for again.
pub(super) fn failed(app: &mut App) {
    if let Past::Reading(seq, _) = app.scene.far.past {
        app.scene.far.past = Past::Recent(seq);
        app.scene.touched.transcript = true;
        app.say(Toast::warning("the older events could not be read: the link dropped; go there again to retry"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::session::Session;
    use crate::ui::tests::stage::{MORE, SESSION, Stage, envelopes};

    /// On another machine a decision is marked until the host has answered, and a slow link is asked less often.
    #[test]
    fn a_decision_on_its_way_is_marked_until_it_is_answered() {
        let mut stage = Stage::set(120, 40, "dark");
        let far = RemoteLink { host: "box".to_owned(), latency_ms: Some(900), down: None };
        stage.send(crate::ui::app::Msg::LinkState(far));
        assert_eq!(stage.app.scene.far.paced_ms(250), 3_600);
        stage.press("d enter");
        stage.draw();
        let [wire::Request::Decide(decide)] = &stage.asked[..] else { panic!("{:?}", stage.asked) };
        assert!(stage.text().contains("a7 denied, not confirmed yet"), "{}", stage.text());
        let asked = Box::new(wire::Request::Decide(decide.clone()));
        stage.send(crate::ui::app::Msg::Answered { asked, outcome: Ok(AnswerData::Done) });
        stage.draw();
        assert!(!stage.text().contains("not confirmed yet"), "{}", stage.text());
    }

    /// The recent part of a session is sent, then the user goes to the beginning of the conversation.
    #[test]
    fn older_events_are_read_when_they_are_viewed_and_replace_what_is_shown() {
        let all: Vec<Envelope> = [SESSION, MORE].iter().flat_map(|lines| envelopes(lines)).collect();
        let head = all.last().unwrap().seq;
        let mut stage = Stage::empty(120, 40, "dark");
        stage.app.scene.far.past = Past::Recent(head);
        let recent = envelopes(MORE);
        let wall = recent.last().unwrap().at;
        stage.send(crate::ui::app::Msg::Events(recent, wall));
        stage.draw();
        assert!(stage.app.scene.session.alarms.anomalies.iter().all(|(_, why)| !why.contains("jumps")));
        assert!(stage.text().contains("recent events"), "{}", stage.text());
        stage.press("7 g g");
        stage.draw();
        assert!(stage.text().contains("reading older events"), "{}", stage.text());
        let asked = wire::Request::Past(wire::Past { from: Seq(1) });
        let answer = |stage: &mut Stage, events: &[Envelope]| {
            let line = |envelope: &Envelope| format!("{}\n", serde_json::to_string(envelope).unwrap());
            let page = wire::PastEvents { lines: events.iter().map(line).collect(), next: head.next() };
            let outcome = Ok(crate::ui::app::AnswerData::Past(page));
            stage.send(crate::ui::app::Msg::Answered { asked: Box::new(asked.clone()), outcome });
        };
        let (first, rest) = all.split_at(3);
        // The user goes elsewhere, which ends the reading, and comes back.
        stage.press("3");
        stage.asked.clear();
        answer(&mut stage, first);
        stage.draw();
        assert!(stage.asked.is_empty() && stage.text().contains("recent events"), "{:?}", stage.asked);
        stage.press("7 g g");
        let [wire::Request::Past(wire::Past { from })] = &stage.asked[..] else { panic!("{:?}", stage.asked) };
        assert_eq!(*from, rest.first().unwrap().seq, "it goes on where it was");
        answer(&mut stage, rest);
        assert_eq!(stage.app.scene.session, Session::replay(&all));
        stage.draw();
        assert!(!stage.text().contains("older events"), "{}", stage.text());
    }
}
