//! Plan: the step tree that the user owns, or, before a plan is approved, the one that the version under review becomes.
//! Only what is where is kept; a row is made when it is drawn.

use super::row::Row;
use super::{Pane, Title};
use crate::base::text::{Show, escape};
use crate::base::{Digest, StepId};
use crate::markdown;
use crate::model::comment::{Comment, CommentState};
use crate::model::{Plan, Step, StepStatus};
use crate::ui::app::{Scene, Touched};
use crate::ui::layout::PaneId;
use crate::ui::list::List;
use crate::ui::look::{Brush, Look};
use crate::ui::theme::{Role, Sign};
use ratatui::layout::{Rect, Size};
use std::collections::{BTreeMap, BTreeSet};

/// See the module.
#[derive(Debug, Default)]
pub struct PlanPane {
    list: List,
    lines: Vec<Line>,
    closed: BTreeSet<StepId>,
    /// What is shown.
    shown: Plan,
    /// The version under review, and whether it is what is shown: it may name no steps.
    reviewed: Option<Digest>,
    is_draft: bool,
    /// The plan before the last revision, and the present one: what changed between them is marked.
    previous: Plan,
    present: Plan,
    /// The steps that are new, or reworded.
    marks: BTreeMap<StepId, Mark>,
    /// The agent's own list, beside the plan.
    own: Vec<Step>,
    /// Steps that are over, and all that count.
    progress: (usize, usize),
    columns: u16,
}

/// What is in one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// A step of what is shown, by its place, with how many of the steps below it are over.
    Step {
        at: usize,
        depth: u16,
        done: usize,
        children: usize,
    },
    /// A step of the tree before, which is gone.
    Gone {
        at: usize,
    },
    /// Between the plan and the agent's own list, with its head and its steps.
    Blank,
    OwnHead,
    Own {
        at: usize,
    },
}

impl PlanPane {
    /// A replan is shown as a plan diff: what is new or reworded carries a mark, what went stays readable below. False
    /// when the same tree is shown as before.
    fn notice(&mut self, scene: &Scene) -> bool {
        let plan = &scene.session.plan;
        let is_revised = plan.revision != self.present.revision;
        if plan.revision < self.present.revision {
            // A record that went back: what came later was not before it.
            self.present = Plan::default();
        }
        if is_revised {
            self.previous = std::mem::replace(&mut self.present, plan.clone());
            self.marks = marks(&self.previous, &self.present);
        }
        let version = scene.session.plans.in_review().filter(|version| version.document.steps.is_empty());
        let wanted = version.map(|version| version.digest);
        if !is_revised && wanted == self.reviewed {
            return false;
        }
        self.reviewed = wanted;
        let steps = version.map(|version| markdown::plan::steps(&version.document.text)).unwrap_or_default();
        self.is_draft = !steps.is_empty();
        self.shown = if self.is_draft { plan.replanned(steps) } else { plan.clone() };
        true
    }

    /// What is in which row.
    fn lay_out(&mut self) {
        self.lines = tree(&self.shown, &self.closed);
        self.progress = progress(&self.shown);
        self.lines.extend(self.gone());
        if !self.own.is_empty() {
            self.lines.extend([Line::Blank, Line::OwnHead]);
            self.lines.extend((0..self.own.len()).map(|at| Line::Own { at }));
        }
    }

    /// The tree that a version under review becomes, while it is shown instead of the plan.
    #[must_use]
    pub fn draft(&self) -> Option<&Plan> {
        self.is_draft.then_some(&self.shown)
    }

    fn mark(&self, look: &Look, step: &Step) -> Option<(&'static str, Role)> {
        if self.is_draft {
            return None;
        }
        Some(match self.marks.get(&step.id)? {
            Mark::New => ("+", Role::DiffAddSign),
            Mark::Reworded => (look.sign(Sign::Drift), Role::Warn),
        })
    }

    fn gone(&self) -> Vec<Line> {
        if self.is_draft {
            return Vec::new();
        }
        let there: BTreeSet<&StepId> = self.present.steps.iter().map(|step| &step.id).collect();
        let previous = self.previous.steps.iter().enumerate();
        previous.filter(|(_, step)| !there.contains(&step.id)).map(|(at, _)| Line::Gone { at }).collect()
    }

    /// Moves to a step.
    pub fn go_to(&mut self, step: &StepId) {
        if let Some(at) = self.line_of(step) {
            self.list.cursor = at;
        }
    }

    fn line_of(&self, step: &StepId) -> Option<usize> {
        self.lines.iter().position(|line| self.step_of(*line).is_some_and(|of| of.id == *step))
    }

    fn step_of(&self, line: Line) -> Option<&Step> {
        match line {
            Line::Step { at, .. } => self.shown.steps.get(at),
            Line::Gone { .. } | Line::Blank | Line::OwnHead | Line::Own { .. } => None,
        }
    }

    /// The step under the cursor, of the tree that is shown.
    #[must_use]
    pub fn under_cursor(&self) -> Option<&Step> {
        self.step_of(*self.lines.get(self.list.cursor)?)
    }

    /// The step under the cursor has others below it, which fold.
    #[must_use]
    pub fn folds(&self) -> bool {
        matches!(self.lines.get(self.list.cursor), Some(Line::Step { children, .. }) if *children > 0)
    }

    fn row(&self, scene: &Scene, at: usize) -> Row {
        let look = &scene.look;
        match self.lines.get(at) {
            Some(Line::Step { at, depth, done, children }) => {
                let Some(step) = self.shown.steps.get(*at) else { return Row::default() };
                let row = row(scene, step, *depth, (*done, *children), self.closed.contains(&step.id));
                let row = match self.mark(look, step) {
                    Some((mark, role)) => row.and(format!(" {mark}"), role),
                    None => row,
                };
                with_cost(scene, step, *children == 0, with_comments(scene, step, row), self.columns)
            }
            Some(Line::Gone { at }) => {
                let title = self.previous.steps.get(*at).map_or("", |step| step.title.as_str());
                let title = escape::show(title, &Show::prose()).into_owned();
                Row::new(format!("{} ", look.sign(Sign::Minus)), Role::DiffDelSign).and(title, Role::DiffOff)
            }
            Some(Line::OwnHead) => Row::new("the agent's own list, beside the plan", Role::TextSoft),
            Some(Line::Own { at }) => {
                let Some(step) = self.own.get(*at) else { return Row::default() };
                let (sign, role, _) = status_look(step.status);
                let title = escape::show(&step.title, &Show::prose()).into_owned();
                Row::new(format!("{} ", look.sign(sign)), role).indented(2).and(title, Role::TextSoft)
            }
            Some(Line::Blank) | None => Row::default(),
        }
    }
}

/// What a revision did to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    New,
    Reworded,
}

/// What is new or reworded in a plan; nothing in the first one.
fn marks(before: &Plan, now: &Plan) -> BTreeMap<StepId, Mark> {
    let titles: BTreeMap<&StepId, &str> = before.steps.iter().map(|step| (&step.id, step.title.as_str())).collect();
    let mark = |step: &Step| match titles.get(&step.id) {
        None => Some(Mark::New),
        Some(title) => (*title != step.title).then_some(Mark::Reworded),
    };
    let steps = now.steps.iter().filter(|_| !before.steps.is_empty());
    steps.filter_map(|step| Some((step.id.clone(), mark(step)?))).collect()
}

/// The sign of a status, its color, and that of the title.
fn status_look(status: StepStatus) -> (Sign, Role, Role) {
    match status {
        StepStatus::Pending => (Sign::Pending, Role::TextSoft, Role::Text),
        StepStatus::Active => (Sign::Active, Role::Running, Role::TextStrong),
        StepStatus::Done => (Sign::Done, Role::Ok, Role::TextSoft),
        StepStatus::Failed => (Sign::Failed, Role::Fail, Role::Text),
        StepStatus::Skipped => (Sign::Skipped, Role::TextFaint, Role::TextSoft),
    }
}

/// Steps that are over, and all that count: those without steps below them.
fn progress(plan: &Plan) -> (usize, usize) {
    let parents: BTreeSet<&StepId> = plan.steps.iter().filter_map(|step| step.parent.as_ref()).collect();
    let leaves = || plan.steps.iter().filter(|step| !parents.contains(&step.id));
    (leaves().filter(|step| step.status.is_over()).count(), leaves().count())
}

/// The tree in lines: depth first, closed branches left out. Bounded by the number of steps whatever the parents say.
fn tree(plan: &Plan, closed: &BTreeSet<StepId>) -> Vec<Line> {
    let places: BTreeMap<&StepId, usize> = plan.steps.iter().enumerate().map(|(at, step)| (&step.id, at)).collect();
    let mut below: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut stack: Vec<(usize, u16)> = Vec::new();
    for (at, step) in plan.steps.iter().enumerate().rev() {
        match step.parent.as_ref().and_then(|parent| places.get(parent)) {
            // In reverse: the first one is taken from the end.
            Some(parent) => below.entry(*parent).or_default().push(at),
            None => stack.push((at, 0)),
        }
    }
    let mut lines = Vec::with_capacity(plan.steps.len());
    let mut seen = BTreeSet::new();
    while let Some((at, depth)) = stack.pop() {
        let Some(step) = plan.steps.get(at).filter(|_| seen.insert(at)) else { continue };
        let children = below.get(&at).map_or(&[][..], Vec::as_slice);
        let is_over = |child: &&usize| plan.steps.get(**child).is_some_and(|child| child.status.is_over());
        let done = children.iter().filter(is_over).count();
        lines.push(Line::Step { at, depth, done, children: children.len() });
        if !closed.contains(&step.id) {
            stack.extend(children.iter().map(|child| (*child, depth.saturating_add(1))));
        }
    }
    lines
}

/// Columns from which what a step took is shown beside it.
const COST_COLUMNS_MIN: u16 = 60;

/// The row with what the step took so far.
fn with_cost(scene: &Scene, step: &Step, is_leaf: bool, row: Row, columns: u16) -> Row {
    if columns < COST_COLUMNS_MIN {
        return row;
    }
    let plans = &scene.session.plans;
    let cost = if is_leaf { plans.cost_of_leaf(&step.id) } else { plans.cost_of(&scene.session.plan, &step.id) };
    match cost.map(|cost| cost.words()).filter(|words| !words.is_empty()) {
        Some(words) => row.right(format!("  {words}"), Role::TextFaint),
        None => row,
    }
}

/// The row with the comments on the step that the agent has not been given yet.
fn with_comments(scene: &Scene, step: &Step, row: Row) -> Row {
    let is_on_it = |comment: &&Comment| match &comment.anchor.step {
        Some(on) => *on == step.id,
        None => step.line == Some(comment.anchor.line),
    };
    let is_open = |comment: &&Comment| comment.state == CommentState::Open;
    let on_it = scene.session.plans.comments().filter(is_open).filter(is_on_it);
    on_it.fold(row, |row, comment| {
        let words = comment.shown();
        let words = escape::show(words.lines().next().unwrap_or_default(), &Show::prose()).into_owned();
        row.and(format!("  {} {words}", scene.look.sign(Sign::Bar)), Role::Human)
    })
}

fn row(scene: &Scene, step: &Step, depth: u16, (done, children): (usize, usize), closed: bool) -> Row {
    let look: &Look = &scene.look;
    let (sign, role, title_role) = status_look(step.status);
    let sign = if children > 0 { if closed { Sign::Closed } else { Sign::Open } } else { sign };
    let title = escape::show(&step.title, &Show::prose()).into_owned();
    let mut row = Row::new(format!("{} ", look.sign(sign)), role).indented((depth * 2).min(24)).and(title, title_role);
    if step.pinned {
        row = row.and(format!(" {}", look.sign(Sign::Pinned)), Role::Human);
    }
    if step.stop {
        row = row.and(" stop here", Role::Human);
    }
    if step.checkpoint {
        row = row.and(" checkpoint", Role::Human);
    }
    if drifts(scene, step) {
        row = row.and(format!(" {}", look.sign(Sign::Drift)), Role::Warn);
    }
    let note = step.note.as_ref().map(|note| escape::show(note, &Show::prose()).into_owned());
    let owner = step
        .owner
        .as_deref()
        .filter(|owner| *owner != "agent")
        .map(|owner| escape::show(owner, &Show::default()).into_owned());
    let right = match (children, note, owner) {
        (1.., _, Some(owner)) => Some(format!("{owner}  {done}/{children}")),
        (1.., _, None) => Some(format!("{done}/{children}")),
        (0, Some(note), _) => Some(note),
        (0, None, Some(owner)) => Some(owner),
        (0, None, None) => None,
    };
    match right {
        Some(right) => row.right(right, Role::TextSoft),
        None => row,
    }
}

/// The whole tree in rows.
pub(super) fn outline(scene: &Scene) -> Vec<Row> {
    let plan = &scene.session.plan;
    let rows = tree(plan, &BTreeSet::new()).into_iter();
    rows.filter_map(|line| match line {
        Line::Step { at, depth, done, children } => {
            Some(row(scene, plan.steps.get(at)?, depth, (done, children), false))
        }
        Line::Gone { .. } | Line::Blank | Line::OwnHead | Line::Own { .. } => None,
    })
    .collect()
}

/// Something is open for a step that is not the one being worked on.
fn drifts(scene: &Scene, step: &Step) -> bool {
    step.status != StepStatus::Active
        && scene.session.actions.held().any(|state| state.action.step.as_ref() == Some(&step.id))
        && scene.session.plan.active().is_some_and(|active| active.id != step.id)
}

impl Pane for PlanPane {
    fn id(&self) -> PaneId {
        PaneId::Plan
    }

    fn refresh(&mut self, scene: &Scene, room: Size, touched: Touched) {
        self.columns = room.width;
        // A question about a plan and its answer are actions.
        if !touched.plan && !touched.actions {
            return;
        }
        let here = self.under_cursor().map(|step| step.id.clone());
        let own = scene.session.plans.own();
        if !self.notice(scene) && self.own == own {
            return;
        }
        self.own = own.to_vec();
        self.lay_out();
        // The cursor stays on its step when the plan is edited around it.
        if let Some(at) = here.and_then(|id| self.line_of(&id)) {
            self.list.cursor = at;
        }
    }

    fn title(&self, _scene: &Scene) -> Title {
        let (done, all) = self.progress;
        // A single root says it itself.
        let roots = self.shown.steps.iter().filter(|step| step.parent.is_none()).take(2).count();
        let right = match (self.is_draft, all > 0 && roots > 1) {
            (true, _) => "not approved yet".to_owned(),
            (false, true) => format!("{done}/{all}"),
            (false, false) => String::new(),
        };
        Title { right, ..Title::default() }
    }

    fn note(&self, _scene: &Scene) -> Option<String> {
        let (done, all) = self.progress;
        (all > 0).then(|| format!("{done}/{all}"))
    }

    fn rows(&self) -> usize {
        self.lines.len()
    }

    fn list(&self) -> &List {
        &self.list
    }

    fn list_mut(&mut self) -> &mut List {
        &mut self.list
    }

    fn draw_row(&self, scene: &Scene, row: usize, brush: &mut Brush<'_>, line: Rect) {
        self.row(scene, row).draw(brush, line, self.list.left);
    }

    fn row_text(&self, scene: &Scene, row: usize) -> String {
        self.row(scene, row).text()
    }

    fn empty(&self, _scene: &Scene) -> &'static str {
        "no plan yet: o adds a step"
    }

    fn fold(&mut self, closed: bool) -> bool {
        let Some(id) = self.under_cursor().map(|step| step.id.clone()) else { return false };
        if closed {
            self.closed.insert(id)
        } else {
            self.closed.remove(&id)
        };
        self.lay_out();
        true
    }

    fn open(&mut self) {
        if let Some(id) = self.under_cursor().map(|step| step.id.clone()) {
            if !self.closed.remove(&id) {
                self.closed.insert(id);
            }
            self.lay_out();
        }
    }
}
