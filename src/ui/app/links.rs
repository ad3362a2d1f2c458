//! Where items lead: to actions, steps, outputs, comments, words and lines of files. A link is followed with one key, and
//! another one leads back, as far as the trail goes.

use super::{App, EditorOf, Leave, Request};
use crate::base::{ActionId, CommentId, Seq, SessionId, StepId};
use crate::model::event::Event;
use crate::model::session::{ActionState, Speaker};
use crate::model::{Envelope, EvidenceKind};
use crate::ui::app::toast::Toast;
use crate::ui::commands;
use crate::ui::home::Item;
use crate::ui::layout::PaneId;
use crate::ui::limits::UI_TRAIL_PLACES_MAX;
use std::collections::VecDeque;

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The change or command itself.
    Action(ActionId),
    /// Why it was wanted and what was decided.
    Why(ActionId),
    /// What it wrote.
    Output(ActionId),
    Step(StepId),
    Comment(CommentId),
    /// A message of the conversation.
    Said(Seq),
    Tests,
    /// A line of a file of the workspace, in the user's editor.
    Source {
        path: String,
        line: u32,
    },
    /// Another session, at an action where there is one.
    Session(SessionId, Option<ActionId>),
}

impl Place {
    /// What an event is about.
    pub fn of(envelope: &Envelope) -> Option<Self> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "most kinds are about an action, or about nothing")]
        match &envelope.event {
            Event::Decided(decided) => Some(Self::Why(decided.action.clone())),
            Event::Said(_) => Some(Self::Said(envelope.seq)),
            Event::CheckFinished(_) => Some(Self::Tests),
            Event::Commented(body) | Event::PlanCommented(body) => Some(Self::Comment(body.comment.id.clone())),
            Event::PlanRevised(revised) => revised.steps.first().map(|step| Self::Step(step.id.clone())),
            event => event.subject().cloned().map(Self::Action),
        }
    }
}

/// Where the user was.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stand {
    focus: PaneId,
    target: Option<ActionId>,
    cursor: usize,
}

/// The places that links were followed from, newest last, bounded; and the action that the last one led to.
#[derive(Debug, Default)]
pub struct Trail {
    stands: VecDeque<Stand>,
    goal: Option<ActionId>,
}

impl Trail {
    /// The user went to this action: it stays until they go elsewhere.
    pub fn went_to(&mut self, action: &ActionId) {
        self.goal = Some(action.clone());
    }

    #[must_use]
    pub fn leads_to(&self, action: Option<&ActionId>) -> bool {
        action.is_some() && self.goal.as_ref() == action
    }
}

/// Goes where a link leads, and remembers where it was followed from.
pub fn follow(app: &mut App, place: Place) -> Vec<Request> {
    let cursor = app.panes.get(app.focus).list().cursor;
    let stand = Stand { focus: app.focus, target: app.scene.target.clone(), cursor };
    let trail = &mut app.panes.trail.stands;
    if trail.len() >= UI_TRAIL_PLACES_MAX {
        trail.pop_front();
    }
    trail.push_back(stand);
    match place {
        Place::Action(id) => show(app, id, PaneId::Diff),
        Place::Why(id) => show(app, id, PaneId::Why),
        Place::Output(id) => show(app, id, PaneId::Output),
        Place::Step(step) => {
            app.focus_on(PaneId::Plan);
            app.panes.plan.go_to(&step);
            Vec::new()
        }
        Place::Comment(id) => commands::go_to_comment(app, &id),
        Place::Said(seq) => {
            app.focus_on(PaneId::Talk);
            app.refresh();
            let height = usize::from(app.layout.inner(PaneId::Talk).height);
            if !app.panes.talk.go_to(seq, height) {
                app.say(Toast::plain("that message is not kept on this screen any more"));
            }
            Vec::new()
        }
        Place::Tests => {
            app.focus_on(PaneId::Tests);
            Vec::new()
        }
        Place::Source { path, line } => {
            vec![Request::Editor { of: EditorOf::Source { line }, name: path, text: String::new() }]
        }
        Place::Session(session, action) => {
            let host = app.scene.far.link.as_ref().map(|far| far.host.clone());
            vec![Request::Leave(Leave::Open(Item { host, session, action }))]
        }
    }
}

fn show(app: &mut App, id: ActionId, pane: PaneId) -> Vec<Request> {
    app.panes.trail.went_to(&id);
    app.scene.set_target(Some(id));
    app.focus_on(pane);
    app.compute_pictures()
}

/// Goes back to where the last link was followed from.
pub fn back(app: &mut App) -> Vec<Request> {
    let Some(Stand { focus, target, cursor }) = app.panes.trail.stands.pop_back() else {
        app.say(Toast::plain("no link was followed"));
        return Vec::new();
    };
    app.scene.set_target(target);
    app.focus_on(focus);
    let requests = app.compute_pictures();
    app.refresh();
    let height = usize::from(app.layout.inner(focus).height);
    let pane = app.panes.get_mut(focus);
    let len = pane.rows();
    pane.list_mut().jump(cursor, len, height);
    requests
}

/// What an action relates to, with words for each.
pub fn related(app: &App, state: &ActionState) -> Vec<(String, String, Place)> {
    let session = &app.scene.session;
    let id = &state.action.id;
    let mut links: Vec<(String, String, Place)> = Vec::new();
    let mut link = |what: &str, words: String, place: Place| links.push((what.to_owned(), words, place));
    let title = |other: &ActionState| format!("{}  {}", other.action.id, other.action.title);
    link("itself", title(state), Place::Action(id.clone()));
    if let Some(step) = state.action.step.as_ref().and_then(|step| session.plan.step(step)) {
        link("step", format!("{}  {}", step.id, step.title), Place::Step(step.id.clone()));
    }
    let before = |speaker: fn(&Speaker) -> bool| {
        let mut earlier = session.transcript.iter().rev().filter(|entry| entry.seq < state.times.proposed_seq);
        earlier.find(|entry| speaker(&entry.speaker)).map(|entry| (entry.text.clone(), entry.seq))
    };
    if let Some((text, seq)) = before(|speaker| matches!(speaker, Speaker::Human)) {
        link("your words", text, Place::Said(seq));
    }
    if let Some((text, seq)) = before(|speaker| matches!(speaker, Speaker::Agent(_))) {
        link("its words", text, Place::Said(seq));
    }
    if let Some(decided) = &state.decided {
        let reason = decided.reason.as_deref().unwrap_or_default();
        link("decision", format!("{} {reason}", decided.verdict.words()), Place::Why(id.clone()));
    }
    for evidence in state.action.rationale.iter().flat_map(|rationale| &rationale.evidence) {
        if let Some(place) = place_of(app, evidence) {
            link("evidence", evidence.text.clone(), place);
        }
    }
    if !state.output.tail.is_empty() {
        link("output", state.action.title.clone(), Place::Output(id.clone()));
    }
    for comment in session.plans.all_comments().filter(|comment| comment.is_about(&state.action)) {
        link("comment", format!("{}  {}", comment.place(), comment.shown()), Place::Comment(comment.id.clone()));
    }
    let shares = |other: &&ActionState| {
        let touches = |path| state.action.files().iter().any(|file| file.path == path);
        other.action.id != *id && other.action.files().iter().any(|file| touches(file.path.clone()))
    };
    for other in session.actions.recent().filter(shares) {
        link("same file", title(other), Place::Action(other.action.id.clone()));
    }
    let takes_back = |other: &&ActionState| other.reverts.contains(id) || state.reverts.contains(&other.action.id);
    for other in session.actions.recent().filter(takes_back) {
        link("undo", title(other), Place::Action(other.action.id.clone()));
    }
    let runs = |other: &&ActionState| other.action.checks && other.times.proposed_seq > state.times.proposed_seq;
    if let Some(run) = session.actions.recent().filter(runs).last() {
        link("next test run", title(run), Place::Output(run.action.id.clone()));
    }
    links
}

/// Where a piece of evidence can be looked up.
fn place_of(app: &App, evidence: &crate::model::Evidence) -> Option<Place> {
    let reference = evidence.r#ref.as_deref()?;
    let known = |id: &str| app.scene.session.actions.get(&ActionId::new(id)).map(|state| state.action.id.clone());
    match evidence.kind {
        EvidenceKind::Step => Some(Place::Step(StepId::new(reference))),
        EvidenceKind::Run | EvidenceKind::Trial => Some(known(reference).map_or(Place::Tests, Place::Output)),
        EvidenceKind::Case => Some(Place::Tests),
        EvidenceKind::Read
        | EvidenceKind::Line
        | EvidenceKind::Search
        | EvidenceKind::Quote
        | EvidenceKind::Other(_) => {
            if let Some(id) = known(reference) {
                return Some(Place::Action(id));
            }
            let path = crate::base::RelPath::new(reference).ok()?;
            Some(Place::Source { path: path.to_string(), line: evidence.line.unwrap_or(1) })
        }
        EvidenceKind::Nothing => None,
    }
}
