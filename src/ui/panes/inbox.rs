//! Inbox: the pending actions, riskiest and oldest first, and the changes that went past the gate.

use super::row::Row;
use super::{Pane, Title};
use crate::base::ActionId;
use crate::base::text::{Show, escape};
use crate::model::AlarmKind;
use crate::model::decide::BEFORE_PLAN;
use crate::model::event::ChangedBy;
use crate::model::plan::PlanSubject;
use crate::model::session::ActionState;
use crate::model::{FileChange, Kind, StepStatus};
use crate::ui::app::links::Place;
use crate::ui::app::{Scene, Touched};
use crate::ui::layout::PaneId;
use crate::ui::limits::{UI_AGE_STEP_MS, UI_ALARMS_SHOWN_MAX, UI_READ_ACTIONS_KEPT_MAX};
use crate::ui::list::List;
use crate::ui::look::Brush;
use crate::ui::theme::{Role, Sign};
use ratatui::layout::{Rect, Size};
use std::collections::BTreeSet;

/// From here on a row has room for more than what the action is and why.
const WORDY_COLUMNS_MIN: u16 = 100;

/// The queue of what is decided one by one, and that of everything else.
const GUARD_RAILS: &str = "guard rails: decided one by one";
const OTHERS: &str = "other actions";

/// A row above the alarms.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Head(&'static str),
    Action(ActionId),
}

impl Line {
    fn action(&self) -> Option<&ActionId> {
        match self {
            Self::Action(id) => Some(id),
            Self::Head(_) => None,
        }
    }
}

/// An alarm, and where it leads: to what raised it.
#[derive(Debug)]
struct AlarmRow {
    row: Row,
    place: Option<Place>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct InboxPane {
    list: List,
    waiting: Vec<ActionId>,
    /// The first rows: the waiting actions in their groups.
    lines: Vec<Line>,
    alarms: Vec<AlarmRow>,
    read: BTreeSet<ActionId>,
}

impl InboxPane {
    /// The waiting actions in the order of the pane.
    pub fn waiting(&self) -> impl Iterator<Item = &ActionId> {
        self.waiting.iter()
    }

    #[must_use]
    pub fn under_cursor(&self) -> Option<&ActionId> {
        self.lines.get(self.list.cursor)?.action()
    }

    /// Where the row under the cursor leads.
    #[must_use]
    pub fn leads_to(&self) -> Option<Place> {
        let alarm = || self.alarms.get(self.list.cursor.checked_sub(self.lines.len())?)?.place.clone();
        self.under_cursor().cloned().map(Place::Action).or_else(alarm)
    }

    /// This action has been on the screen.
    pub fn read(&mut self, id: ActionId) {
        if self.read.len() < UI_READ_ACTIONS_KEPT_MAX {
            self.read.insert(id);
        }
    }

    #[must_use]
    pub fn has_been_read(&self, id: &ActionId) -> bool {
        self.read.contains(id)
    }

    /// Collects the pending actions; the order needs no screen.
    pub fn gather(&mut self, scene: &Scene) {
        let mut held: Vec<&ActionState> = scene.session.actions.held().collect();
        held.sort_by_key(|state| {
            let score = state.action.risk.as_ref().map_or(0, |risk| risk.score);
            let score = if asks_word(state) { u8::MAX } else { score };
            let is_plan = state.action.document().is_some();
            let first = (is_plan, is_guarded(state), rank(state), score);
            (std::cmp::Reverse(first), state.times.held_at)
        });
        self.waiting = held.iter().map(|state| state.action.id.clone()).collect();
        self.lines = grouped(&held);
        self.read.retain(|id| self.waiting.contains(id));
        // The cursor is on what the other panes show, unless it is on an alarm.
        if self.list.cursor < self.lines.len().max(1)
            && let Some(at) =
                self.lines.iter().position(|line| line.action().is_some() && line.action() == scene.target.as_ref())
        {
            self.list.cursor = at;
        }
    }
}

/// The plan comes first, since others wait for it; what waits for it comes last.
fn rank(state: &ActionState) -> u8 {
    match state.action.document() {
        Some(_) => 2,
        None => u8::from(state.ruled.as_ref().is_none_or(|ruled| ruled.rule.as_str() != BEFORE_PLAN)),
    }
}

/// The three bands in which a score is shown.
pub fn risk_words(score: u8) -> (&'static str, Role) {
    match score {
        0..=29 => ("low", Role::RiskLow),
        30..=59 => ("medium", Role::RiskMedium),
        60.. => ("high", Role::RiskHigh),
    }
}

/// The rows of the waiting actions, under heads where some of them are at a guard rail.
fn grouped(held: &[&ActionState]) -> Vec<Line> {
    let has_both = held.iter().any(|state| is_guarded(state));
    let mut lines = Vec::new();
    let mut group = None;
    for state in held {
        let head = if is_guarded(state) { GUARD_RAILS } else { OTHERS };
        if has_both && state.action.document().is_none() && group != Some(head) {
            lines.push(Line::Head(head));
            group = Some(head);
        }
        lines.push(Line::Action(state.action.id.clone()));
    }
    lines
}

/// Returns whether it is at a guard rail. An older record has the word alone.
pub fn is_guarded(state: &ActionState) -> bool {
    let before_plan = state.ruled.as_ref().is_some_and(|ruled| ruled.rule.as_str() == BEFORE_PLAN);
    state.held.as_ref().is_some_and(|held| held.rail.is_some()) || (asks_word(state) && !before_plan)
}

/// Returns whether approval requires a typed word.
pub fn asks_word(state: &ActionState) -> bool {
    state.held.as_ref().is_some_and(|held| held.confirm.is_some())
}

/// The risk of an action in words: what a guard rail holds is high whatever its score.
pub fn risk_of(state: &ActionState) -> (&'static str, Role) {
    if asks_word(state) { risk_words(100) } else { risk_words(state.action.risk.as_ref().map_or(0, |risk| risk.score)) }
}

/// Returns an age by the minute: `<1m`, `3m`, `2h05m`. What is drawn once must not be wrong a second later.
pub fn age_words(ms: u64) -> String {
    match ms / UI_AGE_STEP_MS {
        0 => "<1m".to_owned(),
        minutes @ 1..=59 => format!("{minutes}m"),
        minutes => format!("{}h{:02}m", minutes / 60, minutes % 60),
    }
}

fn change_verb(change: FileChange) -> &'static str {
    match change {
        FileChange::Modify => "edit",
        FileChange::Create => "create",
        FileChange::Delete => "delete",
        FileChange::Rename => "rename",
    }
}

/// Describes an action briefly, in our words.
pub fn action_words(state: &ActionState) -> String {
    let action = &state.action;
    let shown = |text: &str| escape::show(text, &Show::default()).into_owned();
    match action.kind() {
        Kind::Edit => match action.files() {
            [] => format!("edit {}", shown(&action.title)),
            [only] => match &only.from {
                Some(from) => format!("rename {} to {}", shown(from.as_str()), shown(only.path.as_str())),
                None => format!("{} {}", change_verb(only.change), shown(only.path.as_str())),
            },
            [first, rest @ ..] => {
                let same = rest.iter().all(|file| file.change == first.change);
                let verb = if same { change_verb(first.change) } else { "change" };
                let files = if rest.len() == 1 { "file" } else { "files" };
                format!("{verb} {} and {} more {files}", shown(first.path.as_str()), rest.len())
            }
        },
        Kind::Command => {
            format!("run {}", shown(&action.command().map(crate::model::Command::line).unwrap_or_default()))
        }
        Kind::Read => format!("read {}", shown(action.target().unwrap_or(&action.title))),
        Kind::Network => format!("connect to {}", shown(action.target().unwrap_or(&action.title))),
        // Ours by its subject; the agent's own title may say anything.
        Kind::Plan => match action.document().map(|document| &document.subject) {
            Some(PlanSubject::Plan) => "approve the plan".to_owned(),
            Some(PlanSubject::Replan | PlanSubject::Objection { .. }) => shown(&action.title),
            Some(PlanSubject::StepEnd { step }) => format!("go on after step {step}"),
            None => "change the plan".to_owned(),
        },
        Kind::Other => shown(&action.title),
    }
}

/// The row of one waiting action.
pub fn waiting_row(scene: &Scene, id: &ActionId, columns: u16) -> Option<Row> {
    let state = scene.session.actions.get(id)?;
    let (risk, role) = risk_of(state);
    let guarded = is_guarded(state);
    let guarded = guarded || asks_word(state);
    let sign = if guarded { Sign::Warning } else { Sign::Held };
    let age = state.times.held_at.map_or_else(String::new, |at| age_words(scene.wall().since(at)));
    let mut row = Row::new(format!("{} ", scene.look.sign(sign)), if guarded { Role::RiskHigh } else { Role::Held })
        .and(format!("{id} "), Role::TextSoft)
        .and(action_words(state), if scene.target.as_ref() == Some(id) { Role::TextStrong } else { Role::Text });
    if guarded && state.explained.is_some() && !state.action.has_reason() {
        row = row.and("  asked why", Role::Warn);
    }
    let blocks = blocked_steps(scene, state);
    if blocks > 0 && columns >= WORDY_COLUMNS_MIN {
        let words = if blocks == 1 { "blocks 1 step".to_owned() } else { format!("blocks {blocks} steps") };
        row = row.and(format!("  {words}"), Role::TextFaint);
    }
    Some(row.right(format!("{age:>6}  "), Role::TextSoft).right(format!("{risk:<6}"), role))
}

/// Steps that cannot begin before this one is through.
fn blocked_steps(scene: &Scene, state: &ActionState) -> usize {
    let plan = &scene.session.plan;
    let Some(at) = state.action.step.as_ref().and_then(|id| plan.steps.iter().position(|step| step.id == *id)) else {
        return 0;
    };
    plan.steps.iter().skip(at + 1).filter(|step| step.status == StepStatus::Pending).count()
}

fn alarm_rows(scene: &Scene) -> Vec<AlarmRow> {
    let warning = scene.look.sign(Sign::Warning);
    let unsupervised =
        scene.session.disk.changes.iter().rev().filter(|(_, change)| change.by == ChangedBy::Unsupervised);
    let changes = unsupervised.take(UI_ALARMS_SHOWN_MAX).map(|(seq, change)| {
        let path = escape::show(&change.path, &Show::default()).into_owned();
        let row = Row::new(format!("{warning} "), Role::Unsupervised);
        let row = row.and(format!("unsupervised  {path}"), Role::Unsupervised);
        AlarmRow { row, place: Some(Place::Moment(*seq)) }
    });
    let alarms = scene
        .session
        .alarms
        .recent
        .iter()
        .rev()
        .filter(|(_, alarm)| alarm.what != AlarmKind::Unsupervised)
        .take(UI_ALARMS_SHOWN_MAX);
    let alarms = alarms.map(|(seq, alarm)| {
        let what = escape::show(alarm.what.as_str(), &Show::default()).replace('_', " ");
        let text = escape::show(&alarm.text, &Show::prose()).into_owned();
        let row = Row::new(format!("{warning} "), Role::Warn);
        let row = row.and(format!("{what}  "), Role::Warn).and(text, Role::TextSoft);
        AlarmRow { row, place: Some(alarm.action.clone().map_or(Place::Moment(*seq), Place::Why)) }
    });
    let trouble = scene.silent.iter().chain(&scene.trouble).map(|text| {
        let row = Row::new(format!("{warning} "), Role::Fail);
        AlarmRow { row: row.and("host  ", Role::Fail).and(text.clone(), Role::Fail), place: None }
    });
    trouble.chain(changes).chain(alarms).collect()
}

impl Pane for InboxPane {
    fn id(&self) -> PaneId {
        PaneId::Inbox
    }

    fn refresh(&mut self, scene: &Scene, _room: Size, touched: Touched) {
        if touched.actions || touched.target {
            self.gather(scene);
            self.alarms = alarm_rows(scene);
        }
    }

    fn title(&self, scene: &Scene) -> Title {
        let count = self.waiting.len();
        let unread = self.alarms.len();
        let right = match (count, unread) {
            (0, 0) => String::new(),
            (count, 0) => count.to_string(),
            (count, alarms) => format!("{count} · {} {alarms}", scene.look.sign(Sign::Warning)),
        };
        Title { right, loud: count > 0, ..Title::default() }
    }

    fn note(&self, scene: &Scene) -> Option<String> {
        let waits = scene.waits();
        (waits > 0).then(|| waits.to_string())
    }

    fn rows(&self) -> usize {
        self.lines.len() + self.alarms.len()
    }

    fn list(&self) -> &List {
        &self.list
    }

    fn list_mut(&mut self) -> &mut List {
        &mut self.list
    }

    fn draw_row(&self, scene: &Scene, row: usize, brush: &mut Brush<'_>, line: Rect) {
        match self.lines.get(row) {
            Some(Line::Head(head)) => Row::new(*head, Role::TextSoft).draw(brush, line, self.list.left),
            Some(Line::Action(id)) => {
                if let Some(row) = waiting_row(scene, id, line.width) {
                    row.draw(brush, line, self.list.left);
                }
            }
            None => {
                if let Some(alarm) = self.alarms.get(row - self.lines.len()) {
                    alarm.row.draw(brush, line, self.list.left);
                }
            }
        }
    }

    fn row_text(&self, scene: &Scene, row: usize) -> String {
        match self.lines.get(row) {
            Some(Line::Head(head)) => (*head).to_owned(),
            Some(Line::Action(id)) => waiting_row(scene, id, u16::MAX).map(|row| row.text()).unwrap_or_default(),
            None => self.alarms.get(row - self.lines.len()).map(|alarm| alarm.row.text()).unwrap_or_default(),
        }
    }

    fn points_at_target(&self) -> bool {
        true
    }

    fn empty(&self, scene: &Scene) -> &'static str {
        if scene.session.opened.is_none() { "" } else { "nothing pending" }
    }
}
