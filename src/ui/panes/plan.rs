//! Plan: the step tree that the user owns.

use super::row::Row;
use super::{Pane, Title};
use crate::base::StepId;
use crate::base::text::{Show, escape};
use crate::model::{Plan, Step, StepStatus};
use crate::ui::app::{Scene, Touched};
use crate::ui::layout::PaneId;
use crate::ui::list::List;
use crate::ui::look::{Brush, Look};
use crate::ui::theme::{Role, Sign};
use ratatui::layout::{Rect, Size};
use std::collections::BTreeSet;

/// See the module.
#[derive(Debug, Default)]
pub struct PlanPane {
    list: List,
    rows: Vec<(StepId, Row)>,
    closed: BTreeSet<StepId>,
    /// The plan before the last revision, and the present one: what changed between them is marked.
    previous: Plan,
    present: Plan,
}

impl PlanPane {
    /// A replan is shown as a plan diff: what is new or reworded carries a mark, what went stays readable below.
    fn notice(&mut self, plan: &Plan) {
        if plan.revision != self.present.revision {
            self.previous = std::mem::replace(&mut self.present, plan.clone());
        }
    }

    fn mark(&self, look: &Look, step: &Step) -> Option<(&'static str, Role)> {
        if self.previous.steps.is_empty() {
            return None;
        }
        match self.previous.step(&step.id) {
            None => Some(("+", Role::DiffAddSign)),
            Some(before) if before.title != step.title => Some((look.sign(Sign::Drift), Role::Warn)),
            Some(_) => None,
        }
    }

    fn removed_rows(&self, look: &Look) -> Vec<(StepId, Row)> {
        let gone = self.previous.steps.iter().filter(|step| self.present.step(&step.id).is_none());
        gone.map(|step| {
            let title = escape::show(&step.title, &Show::prose()).into_owned();
            let row = Row::new(format!("{} ", look.sign(Sign::Minus)), Role::DiffDelSign).and(title, Role::DiffOff);
            (step.id.clone(), row)
        })
        .collect()
    }

    /// Moves to a step.
    pub fn go_to(&mut self, step: &StepId) {
        if let Some(at) = self.rows.iter().position(|(id, _)| id == step) {
            self.list.cursor = at;
        }
    }

    #[must_use]
    pub fn under_cursor(&self) -> Option<&StepId> {
        self.rows.get(self.list.cursor).map(|(id, _)| id)
    }
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

/// Steps that are done with, and all that count.
fn progress(plan: &Plan) -> (usize, usize) {
    let leaf = |step: &&Step| !plan.steps.iter().any(|other| other.parent.as_ref() == Some(&step.id));
    let done = |step: &&Step| step.status.is_over();
    (plan.steps.iter().filter(leaf).filter(done).count(), plan.steps.iter().filter(leaf).count())
}

/// The tree in rows: depth first, closed branches left out. Bounded by the number of steps whatever the parents say.
fn tree<'a>(plan: &'a Plan, closed: &BTreeSet<StepId>) -> Vec<(&'a Step, u16, usize, usize)> {
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    let mut stack: Vec<(&Step, u16)> = plan
        .steps
        .iter()
        .rev()
        .filter(|step| step.parent.as_ref().is_none_or(|parent| plan.step(parent).is_none()))
        .map(|step| (step, 0))
        .collect();
    while let Some((step, depth)) = stack.pop() {
        if !seen.insert(&step.id) {
            continue;
        }
        let children: Vec<&Step> = plan.steps.iter().filter(|child| child.parent.as_ref() == Some(&step.id)).collect();
        let done = children.iter().filter(|child| child.status.is_over()).count();
        rows.push((step, depth, done, children.len()));
        if !closed.contains(&step.id) {
            stack.extend(children.into_iter().rev().map(|child| (child, depth.saturating_add(1))));
        }
    }
    rows
}

/// Columns from which what a step took is shown beside it.
const COST_COLUMNS_MIN: u16 = 60;

/// The row with what the step took so far.
fn with_cost(scene: &Scene, step: &Step, row: Row, columns: u16) -> Row {
    let cost = (columns >= COST_COLUMNS_MIN).then(|| scene.session.plans.cost_of(&scene.session.plan, &step.id));
    match cost.flatten().map(|cost| cost.words()).filter(|words| !words.is_empty()) {
        Some(words) => row.right(format!("  {words}"), Role::TextFaint),
        None => row,
    }
}

fn row(scene: &Scene, step: &Step, depth: u16, done: usize, children: usize, closed: bool) -> Row {
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
        (1.., _, _) => Some(format!("{done}/{children}")),
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
    let rows = tree(&scene.session.plan, &BTreeSet::new()).into_iter();
    rows.map(|(step, depth, done, children)| row(scene, step, depth, done, children, false)).collect()
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
        if !touched.plan && !touched.actions {
            return;
        }
        let here = self.under_cursor().cloned();
        let plan = &scene.session.plan;
        self.notice(plan);
        self.rows = tree(plan, &self.closed)
            .into_iter()
            .map(|(step, depth, done, children)| {
                let row = row(scene, step, depth, done, children, self.closed.contains(&step.id));
                let row = match self.mark(&scene.look, step) {
                    Some((mark, role)) => row.and(format!(" {mark}"), role),
                    None => row,
                };
                (step.id.clone(), with_cost(scene, step, row, room.width))
            })
            .collect();
        self.rows.extend(self.removed_rows(&scene.look));
        // The cursor stays on its step when the plan is edited around it.
        if let Some(at) = here.and_then(|id| self.rows.iter().position(|(other, _)| *other == id)) {
            self.list.cursor = at;
        }
    }

    fn title(&self, scene: &Scene) -> Title {
        let (done, all) = progress(&scene.session.plan);
        // A single root says it itself.
        let roots = scene.session.plan.steps.iter().filter(|step| step.parent.is_none()).count();
        let right = if all > 0 && roots > 1 { format!("{done}/{all}") } else { String::new() };
        Title { right, ..Title::default() }
    }

    fn note(&self, scene: &Scene) -> Option<String> {
        let (done, all) = progress(&scene.session.plan);
        (all > 0).then(|| format!("{done}/{all}"))
    }

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn list(&self) -> &List {
        &self.list
    }

    fn list_mut(&mut self) -> &mut List {
        &mut self.list
    }

    fn draw_row(&self, _scene: &Scene, row: usize, brush: &mut Brush<'_>, line: Rect) {
        if let Some((_, row)) = self.rows.get(row) {
            row.draw(brush, line, self.list.left);
        }
    }

    fn row_text(&self, _scene: &Scene, row: usize) -> String {
        self.rows.get(row).map(|(_, row)| row.text()).unwrap_or_default()
    }

    fn empty(&self, _scene: &Scene) -> &'static str {
        "no plan yet: o adds a step"
    }

    fn fold(&mut self, closed: bool) -> bool {
        let Some(id) = self.under_cursor().cloned() else { return false };
        if closed {
            self.closed.insert(id)
        } else {
            self.closed.remove(&id)
        };
        true
    }

    fn open(&mut self) {
        if let Some(id) = self.under_cursor().cloned()
            && !self.closed.remove(&id)
        {
            self.closed.insert(id);
        }
    }
}
