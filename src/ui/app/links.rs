//! Where items lead: to actions, steps, outputs, comments, words and lines of files. A link is followed with one key, and
//! another one leads back, as far as the trail goes.

use super::{App, EditorOf, Leave, Request};
use crate::base::{ActionId, CommentId, Seq, SessionId, StepId};
use crate::model::check::{CaseStatus, Tree};
use crate::model::event::Event;
use crate::model::session::{ActionState, Speaker};
use crate::model::{Envelope, EvidenceKind, Step};
use crate::ui::app::toast::Toast;
use crate::ui::commands;
use crate::ui::home::Item;
use crate::ui::layout::PaneId;
use crate::ui::limits::UI_TRAIL_PLACES_MAX;
use crate::ui::overlays::{Choice, Overlay};
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
    /// What happened at this event, in the session in time.
    Moment(Seq),
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
        Place::Moment(seq) => {
            app.overlay = Some(Overlay::Choose(Choice::timeline(&app.scene).at_moment(seq)));
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

/// A link: what it is to the item, in words what it leads to, and where.
pub type Link = (String, String, Place);

/// What links start from: the row under the cursor, or the item under review.
enum Subject<'a> {
    Step(&'a Step),
    Case(String),
    Action(ActionId),
    Message(Seq),
}

fn subject(app: &App) -> Option<Subject<'_>> {
    let of_row = match app.focus {
        PaneId::Plan => app.panes.plan.under_cursor().map(Subject::Step),
        PaneId::Tests => app.panes.tests.case().map(|(case, _)| Subject::Case(case)),
        PaneId::Inbox => app.panes.inbox.under_cursor().cloned().map(Subject::Action),
        PaneId::Output => app.panes.output.action(&app.scene).map(Subject::Action),
        PaneId::Talk => {
            let action = app.panes.talk.action().cloned().map(Subject::Action);
            action.or_else(|| app.panes.talk.message().map(|(seq, _)| Subject::Message(seq)))
        }
        PaneId::Diff | PaneId::Why => None,
    };
    let known = |subject: &Subject<'_>| match subject {
        Subject::Action(id) => app.scene.session.actions.get(id).is_some(),
        Subject::Step(_) | Subject::Case(_) | Subject::Message(_) => true,
    };
    of_row.or_else(|| app.scene.target.clone().map(Subject::Action)).filter(known)
}

/// Whether there is something to follow links from.
pub fn has_subject(app: &App) -> bool {
    subject(app).is_some()
}

/// What the row under the cursor relates to, or the item under review, with what it is called.
pub fn related(app: &App) -> Option<(String, Vec<Link>)> {
    Some(match subject(app)? {
        Subject::Step(step) => (format!("step {}", step.id), of_step(app, step)),
        Subject::Case(case) => {
            let links = of_case(app, &case);
            (case, links)
        }
        Subject::Action(id) => (id.to_string(), of_action(app, app.scene.session.actions.get(&id)?)),
        Subject::Message(seq) => ("the message".to_owned(), of_message(app, seq)),
    })
}

fn title(state: &ActionState) -> String {
    format!("{}  {}", state.action.id, state.action.title)
}

/// What a step of the plan relates to: its actions with their files, its tests, and comments on it.
fn of_step(app: &App, step: &Step) -> Vec<Link> {
    let session = &app.scene.session;
    let mut links: Vec<Link> = Vec::new();
    let mut link = |what: &str, words: String, place: Place| links.push((what.to_owned(), words, place));
    if let Some(parent) = step.parent.as_ref().and_then(|parent| session.plan.step(parent)) {
        link("above it", format!("{}  {}", parent.id, parent.title), Place::Step(parent.id.clone()));
    }
    let is_of_it =
        |state: &&ActionState| state.action.step.as_ref().is_some_and(|of| session.plan.is_within(of, &step.id));
    for comment in session.plans.all_comments().filter(|comment| comment.anchor.step.as_ref() == Some(&step.id)) {
        link("comment", comment.shown(), Place::Comment(comment.id.clone()));
    }
    for state in session.actions.recent().filter(is_of_it) {
        let id = state.action.id.clone();
        if state.action.checks {
            link("test run", title(state), Place::Output(id));
            continue;
        }
        link("action", title(state), Place::Action(id));
        for file in state.action.files() {
            let path = file.path.to_string();
            link("file", path.clone(), Place::Source { path, line: 1 });
        }
    }
    links
}

/// What a case relates to: its source, the actions after which it began to fail, and the runs that had it.
fn of_case(app: &App, case: &str) -> Vec<Link> {
    let session = &app.scene.session;
    let mut links: Vec<Link> = Vec::new();
    let mut link = |what: &str, words: String, place: Place| links.push((what.to_owned(), words, place));
    if let Some((path, line)) = app.panes.tests.source(&app.scene) {
        link("source", format!("{path}:{line}"), Place::Source { path, line });
    }
    let runs: Vec<_> = session.checks.runs().filter_map(|run| Some((run, run.case(case)?.status))).collect();
    let of_workspace = runs.iter().filter(|(run, _)| run.started.tree == Tree::Workspace);
    let ends: Vec<_> = of_workspace.map(|(run, status)| (run.seq, status.is_bad())).collect();
    let broke = ends.windows(2).rev().find_map(|pair| match pair {
        [(passed, false), (failed, true)] => Some((*passed, *failed)),
        _ => None,
    });
    for id in broke.into_iter().flat_map(|(from, to)| session.actions.changed_between(from, to)) {
        if let Some(state) = session.actions.get(id) {
            link("since then bad", title(state), Place::Action(id.clone()));
        }
    }
    for (run, status) in runs.iter().rev() {
        let words = format!("{}  {}", run.started.run, ended(*status));
        if let Some(action) = &run.started.action {
            link("run", words, Place::Output(action.clone()));
        }
    }
    links
}

fn ended(status: CaseStatus) -> &'static str {
    match status {
        CaseStatus::Passed => "passed",
        CaseStatus::Skipped => "skipped",
        CaseStatus::Failed | CaseStatus::Errored => "failed",
    }
}

/// What a message relates to: the actions that came after it, up to the next one of its kind, and what was decided.
fn of_message(app: &App, seq: Seq) -> Vec<Link> {
    let session = &app.scene.session;
    let entries = || session.transcript.iter();
    let speaker = entries().find(|entry| entry.seq == seq).map(|entry| entry.speaker.clone());
    let next = entries().filter(|entry| entry.seq > seq).find(|entry| Some(&entry.speaker) == speaker.as_ref());
    let until = next.map_or(Seq(u64::MAX), |entry| entry.seq);
    let mut links: Vec<Link> = Vec::new();
    let came = |state: &&ActionState| state.times.proposed_seq > seq && state.times.proposed_seq < until;
    for state in session.actions.iter().filter(came) {
        links.push(("action".to_owned(), title(state), Place::Action(state.action.id.clone())));
        if let Some(decided) = &state.decided {
            let reason = decided.reason.as_deref().unwrap_or_default();
            let words = format!("{} {} {reason}", state.action.id, decided.verdict.words());
            links.push(("decision".to_owned(), words, Place::Why(state.action.id.clone())));
        }
    }
    links
}

/// What an action relates to.
fn of_action(app: &App, state: &ActionState) -> Vec<Link> {
    let session = &app.scene.session;
    let id = &state.action.id;
    let mut links: Vec<Link> = Vec::new();
    let mut link = |what: &str, words: String, place: Place| links.push((what.to_owned(), words, place));
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
    for place in state.dependents.iter().flat_map(|found| &found.first) {
        let within = place.within.as_ref().map_or_else(String::new, |within| format!("  {within}"));
        let path = place.path.to_string();
        let words = format!("{path}:{}{within}", place.line);
        link("uses it", words, Place::Source { path, line: place.line });
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

#[cfg(test)]
mod tests {
    use crate::ui::layout::PaneId;
    use crate::ui::panes::Pane as _;
    use crate::ui::tests::stage::Stage;

    /// Enter on a row that neither opens nor folds lists what it relates to; a link leads away and Backspace back.
    #[test]
    fn a_row_of_the_plan_leads_to_its_actions_and_back() {
        let mut stage = Stage::set(120, 40, "dark");
        let step = stage.app.scene.target().unwrap().action.step.clone().unwrap();
        stage.press("1");
        stage.app.panes.plan.go_to(&step);
        stage.press("g z");
        stage.draw();
        let text = stage.text();
        assert!(text.contains(&format!("Related to step {step}")) && text.contains("a7"), "{text}");
        let at = super::related(&stage.app).unwrap().1.iter().position(|(what, ..)| what == "action").unwrap();
        stage.press(&"down ".repeat(at));
        stage.press("enter");
        stage.draw();
        assert_eq!(stage.app.focus, PaneId::Diff, "{}", stage.text());
        stage.press("backspace");
        assert_eq!(stage.app.focus, PaneId::Plan);
    }

    /// An alarm leads to the action that raised it, or to when it was raised, and Backspace back.
    #[test]
    fn an_alarm_leads_to_what_raised_it() {
        let mut stage = Stage::set(120, 40, "dark");
        stage.receive(crate::ui::tests::stage::MORE);
        let seq = stage.app.scene.session.head.next();
        let alarm = |seq, rest: &str| format!(r#"{{"seq":{seq},"at":1764000100000,"kind":"alarm",{rest}}}"#);
        let policy = alarm(seq, r#""what":"policy","text":"the rules changed""#);
        let weak = alarm(seq.next(), r#""what":"test_tampering","action":"a7","text":"a test is weaker""#);
        stage.receive(&format!("{policy}\n{weak}"));
        stage.draw();
        stage.press("2");
        let pane = |stage: &Stage, words: &str| {
            let inbox = &stage.app.panes.inbox;
            (0..inbox.rows()).find(|row| inbox.row_text(&stage.app.scene, *row).contains(words)).unwrap()
        };
        stage.app.panes.inbox.list_mut().cursor = pane(&stage, "a test is weaker");
        stage.press("enter");
        assert_eq!(stage.app.focus, PaneId::Why, "{}", stage.text());
        assert_eq!(stage.app.scene.target.as_ref().map(|id| id.as_str()), Some("a7"));
        stage.press("backspace");
        assert_eq!(stage.app.focus, PaneId::Inbox);
        for words in ["the rules changed", "unsupervised"] {
            stage.app.panes.inbox.list_mut().cursor = pane(&stage, words);
            stage.press("enter");
            assert!(stage.text().contains("The session so far"), "{words}: {}", stage.text());
            stage.press("esc");
        }
    }

    #[test]
    fn a_case_leads_to_its_runs_and_to_what_came_before_it_failed() {
        let mut stage = Stage::set(120, 40, "dark");
        stage.press("4");
        for _ in 0..12 {
            if stage.app.panes.tests.case().is_some() {
                break;
            }
            stage.press("down");
        }
        let (case, _) = stage.app.panes.tests.case().unwrap();
        let (name, links) = super::related(&stage.app).unwrap();
        assert_eq!(name, case);
        assert!(links.iter().any(|(what, ..)| what == "run" || what == "source"), "{links:?}");
    }
}
