//! The differences between the plan and a tree that the agent wants instead: found, and taken over one by one.

use super::alike::alike;
use super::{Plan, Step, StepStatus};
use crate::base::StepId;
use crate::model::limits::PLAN_LIKENESS_PAIRS_MAX;

/// One difference, in the order of the new tree, with what is gone last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanChange {
    /// A new step, and the one it follows.
    Added {
        step: Step,
        after: Option<StepId>,
    },
    Reworded {
        step: StepId,
        was: String,
        now: String,
    },
    /// Its place among the steps changed.
    Moved {
        step: StepId,
        title: String,
    },
    Removed {
        step: StepId,
        title: String,
    },
}

impl PlanChange {
    /// In words, with the titles.
    pub fn words(&self) -> String {
        match self {
            Self::Added { step, .. } => format!("add: {}", step.title),
            Self::Reworded { was, now, .. } => format!("reword: {was} → {now}"),
            Self::Moved { title, .. } => format!("move: {title}"),
            Self::Removed { title, .. } => format!("remove: {title}"),
        }
    }
}

/// The tree of a replan, with the ids of the steps that it means, and the number of them that are known.
fn matched(plan: &Plan, proposed: &[Step]) -> (Vec<Step>, usize) {
    let mut taken: Vec<StepId> = Vec::new();
    let mut known = 0;
    let mut steps: Vec<Step> = proposed.iter().take(crate::base::limits::PLAN_STEPS_MAX).cloned().collect();
    // An agent may number its own steps like ours: where a name belongs to other words, none of them is ours.
    let contradicts = |step: &Step| {
        let named = plan.step(&step.id).is_some_and(|old| old.title != step.title);
        named && plan.steps.iter().any(|old| old.title == step.title)
    };
    let are_ours = !steps.iter().any(contradicts);
    // The same words first, then the same name, then words that are alike.
    let by_title = |step: &Step, free: &dyn Fn(&StepId) -> bool| {
        plan.steps.iter().find(|old| old.title == step.title && free(&old.id)).map(|old| old.id.clone())
    };
    let by_id = |step: &Step, free: &dyn Fn(&StepId) -> bool| {
        plan.step(&step.id).filter(|old| are_ours && free(&old.id)).map(|old| old.id.clone())
    };
    let by_likeness = |step: &Step, free: &dyn Fn(&StepId) -> bool| {
        let free = plan.steps.iter().filter(|old| free(&old.id));
        let alike = free.filter_map(|old| Some((alike(&old.title, &step.title)?, old)));
        alike.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, old)| old.id.clone())
    };
    type Finder<'a> = &'a dyn Fn(&Step, &dyn Fn(&StepId) -> bool) -> Option<StepId>;
    let mut open: Vec<usize> = (0..steps.len()).collect();
    for (find, is_cheap) in [(&by_title as Finder<'_>, true), (&by_id, true), (&by_likeness, false)] {
        if !is_cheap && open.len() * plan.steps.len() > PLAN_LIKENESS_PAIRS_MAX {
            break;
        }
        open.retain(|at| {
            let Some(step) = steps.get_mut(*at) else { return false };
            let found = find(step, &|id| !taken.contains(id));
            if let Some(id) = found {
                taken.push(id.clone());
                step.id = id;
                known += 1;
                return false;
            }
            true
        });
    }
    for at in open {
        if let Some(step) = steps.get_mut(at) {
            step.id = StepId::default();
        }
    }
    (steps, known)
}

impl Plan {
    /// Splits what an agent wants into the plan with its news of statuses and notes, which need no consent, and the
    /// changes of the tree, which do. Pinned steps and the user's own are never changed by it.
    pub fn compared(&self, proposed: &[Step]) -> (Self, Vec<PlanChange>) {
        let (steps, _) = matched(self, proposed);
        let mut next = self.clone();
        for step in &steps {
            if let Some(own) = next.steps.iter_mut().find(|own| own.id == step.id) {
                own.status = step.status;
                own.note = step.note.clone().or_else(|| own.note.take());
            }
        }
        if next.steps != self.steps {
            next.revision += 1;
        }
        let is_kept = |old: &Step| old.pinned || old.owner.as_deref() == Some("human");
        let mut changes = Vec::new();
        let mut after = None;
        for step in &steps {
            match self.step(&step.id) {
                Some(old) if old.title != step.title && !is_kept(old) => changes.push(PlanChange::Reworded {
                    step: old.id.clone(),
                    was: old.title.clone(),
                    now: step.title.clone(),
                }),
                Some(_) => {}
                None => changes.push(PlanChange::Added { step: step.clone(), after: after.clone() }),
            }
            if !step.id.as_str().is_empty() {
                after = Some(step.id.clone());
            }
        }
        changes.extend(self.moved(&steps));
        let leaf = |old: &&Step| !self.steps.iter().any(|other| other.parent.as_ref() == Some(&old.id));
        let gone = self.steps.iter().filter(|old| !steps.iter().any(|step| step.id == old.id));
        // A list without groups says nothing about them.
        changes.extend(
            gone.filter(|old| !is_kept(old) && !old.status.is_over())
                .filter(leaf)
                .map(|old| PlanChange::Removed { step: old.id.clone(), title: old.title.clone() }),
        );
        (next, changes)
    }

    /// Steps whose order among the known ones changed: as few as possible.
    fn moved(&self, steps: &[Step]) -> Vec<PlanChange> {
        let place = |id: &StepId| self.steps.iter().position(|old| &old.id == id);
        let order: Vec<usize> = steps.iter().filter_map(|step| place(&step.id)).collect();
        // The longest increasing run stays where it is.
        let mut best: Vec<(usize, Option<usize>)> = Vec::with_capacity(order.len());
        for (at, value) in order.iter().enumerate() {
            let before = best.iter().take(at).enumerate().filter(|(other, _)| order.get(*other) < Some(value));
            let longest = before.max_by_key(|(_, (length, _))| *length);
            best.push(longest.map_or((1, None), |(other, (length, _))| (length + 1, Some(other))));
        }
        let mut stays = Vec::new();
        let mut at = best.iter().enumerate().max_by_key(|(_, (length, _))| *length).map(|(at, _)| at);
        while let Some(here) = at {
            stays.extend(order.get(here));
            at = best.get(here).and_then(|(_, before)| *before);
        }
        order
            .iter()
            .filter(|place| !stays.contains(place))
            .filter_map(|place| self.steps.get(*place))
            .filter(|old| !old.pinned && old.owner.as_deref() != Some("human"))
            .map(|old| PlanChange::Moved { step: old.id.clone(), title: old.title.clone() })
            .collect()
    }

    /// The next revision with these of the changes made; those that no longer fit are left out.
    pub fn with_changes(&self, proposed: &[Step], chosen: &[&PlanChange]) -> Self {
        let (steps, _) = matched(self, proposed);
        let mut next = Self { revision: self.revision + 1, steps: self.steps.clone() };
        for change in chosen {
            match change {
                PlanChange::Added { step, after } => {
                    let id = next.fresh_id();
                    let at = after
                        .as_ref()
                        .and_then(|after| next.steps.iter().position(|s| &s.id == after))
                        .map_or(next.steps.len(), |at| at + 1);
                    // Several new ones in a row keep their order.
                    let at = at + next.steps.iter().skip(at).take_while(|s| self.step(&s.id).is_none()).count();
                    let parent = after.as_ref().and_then(|a| next.step(a)).and_then(|s| s.parent.clone());
                    next.steps.insert(at.min(next.steps.len()), Step { id, parent, ..step.clone() });
                }
                PlanChange::Reworded { step, now, .. } => {
                    if let Some(own) = next.steps.iter_mut().find(|s| &s.id == step) {
                        own.title.clone_from(now);
                    }
                }
                PlanChange::Moved { step, .. } => {
                    let before = steps.iter().take_while(|s| &s.id != step).last().map(|s| s.id.clone());
                    let Some(from) = next.steps.iter().position(|s| &s.id == step) else { continue };
                    let moved = next.steps.remove(from);
                    let at = before.and_then(|id| next.steps.iter().position(|s| s.id == id)).map_or(0, |at| at + 1);
                    next.steps.insert(at.min(next.steps.len()), moved);
                }
                PlanChange::Removed { step, .. } => next.steps.retain(|s| &s.id != step),
            }
        }
        next
    }

    /// A list of the agent that has little to do with the plan: its own notes, not a change of the plan.
    pub fn is_another_list(&self, proposed: &[Step]) -> bool {
        let (_, known) = matched(self, proposed);
        !self.steps.is_empty() && known * 2 < proposed.len().max(1)
    }

    /// A list with the first steps of the plan of which none has begun: the agent lists one after the other, and what is
    /// missing is not left out.
    pub fn is_being_listed(&self, proposed: &[Step]) -> bool {
        let leaf = |step: &&Step| !self.steps.iter().any(|other| other.parent.as_ref() == Some(&step.id));
        let mut leaves = self.steps.iter().filter(leaf);
        let is_next = |step: &Step| {
            step.status == StepStatus::Pending && leaves.next().is_some_and(|old| old.title == step.title)
        };
        proposed.iter().all(is_next) && leaves.next().is_some()
    }

    /// The first step that is not over, leaves only.
    pub fn next_open(&self) -> Option<&Step> {
        let leaf = |step: &&Step| !self.steps.iter().any(|other| other.parent.as_ref() == Some(&step.id));
        self.steps.iter().filter(leaf).find(|step| matches!(step.status, StepStatus::Pending | StepStatus::Active))
    }

    /// The tree as a numbered list in CommonMark, without statuses.
    pub fn outline(&self) -> String {
        let mut out = String::new();
        let mut numbers: Vec<usize> = Vec::new();
        for step in &self.steps {
            let depth = self.depth(step);
            numbers.resize(depth + 1, 0);
            let number = numbers.last_mut().map_or(1, |number| {
                *number += 1;
                *number
            });
            out.push_str(&format!("{}{number}. {}\n", "   ".repeat(depth), step.title.replace('\n', " ")));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(titles: &[&str]) -> Vec<Step> {
        titles.iter().map(|title| Step { title: (*title).into(), ..Step::default() }).collect()
    }

    fn plan(titles: &[&str]) -> Plan {
        Plan::default().replanned(steps(titles))
    }

    fn titles(plan: &Plan) -> Vec<&str> {
        plan.steps.iter().map(|step| step.title.as_str()).collect()
    }

    #[test]
    fn statuses_pass_and_the_rest_is_listed() {
        let plan = plan(&["read the code", "fix add", "run the tests"]);
        let mut wanted = steps(&["read the code", "fix adds", "write docs", "run the tests"]);
        wanted[0].status = StepStatus::Done;
        let (next, changes) = plan.compared(&wanted);
        assert_eq!(titles(&next), ["read the code", "fix add", "run the tests"]);
        assert_eq!(next.steps[0].status, StepStatus::Done);
        let words: Vec<String> = changes.iter().map(PlanChange::words).collect();
        assert_eq!(words, ["reword: fix add → fix adds", "add: write docs"]);
        let all: Vec<&PlanChange> = changes.iter().collect();
        let whole = next.with_changes(&wanted, &all);
        assert_eq!(titles(&whole), ["read the code", "fix adds", "write docs", "run the tests"]);
        assert_eq!(whole.steps[1].id, plan.steps[1].id, "a reworded step stays who it is");
        let part = next.with_changes(&wanted, &all[1..]);
        assert_eq!(titles(&part), ["read the code", "fix add", "write docs", "run the tests"]);
    }

    #[test]
    fn moves_and_removals_are_as_few_as_possible() {
        let plan = plan(&["a1", "b2", "c3", "d4"]);
        let wanted = steps(&["d4", "a1", "b2"]);
        let (next, changes) = plan.compared(&wanted);
        let words: Vec<String> = changes.iter().map(PlanChange::words).collect();
        assert_eq!(words, ["move: d4", "remove: c3"]);
        let all: Vec<&PlanChange> = changes.iter().collect();
        assert_eq!(titles(&next.with_changes(&wanted, &all)), ["d4", "a1", "b2"]);
    }

    #[test]
    fn pinned_and_own_steps_are_not_the_agents_to_change() {
        let mut plan = plan(&["a1", "b2"]);
        plan.steps[0].pinned = true;
        plan.steps[1].owner = Some("human".into());
        assert_eq!(plan.compared(&steps(&["c3"])).1.len(), 1);
    }

    #[test]
    fn an_agents_own_numbers_are_not_taken_for_ours() {
        let plan = plan(&["Read", "read calc.py", "Fix", "fix add"]);
        let mut wanted = steps(&["read calc.py", "fix add", "write a poem"]);
        for (number, step) in wanted.iter_mut().enumerate() {
            step.id = StepId::new(format!("s{}", number + 1));
        }
        let (next, changes) = plan.compared(&wanted);
        assert_eq!(titles(&next), titles(&plan));
        let added: Vec<String> = changes.iter().map(PlanChange::words).filter(|w| w.starts_with("add")).collect();
        assert_eq!(added, ["add: write a poem"]);
        assert!(!changes.iter().any(|change| matches!(change, PlanChange::Reworded { .. })), "{changes:?}");
    }

    #[test]
    fn a_list_that_shares_little_is_another_list() {
        let plan = plan(&["read the code", "fix add", "run the tests"]);
        assert!(!plan.is_another_list(&steps(&["read the code", "fix add"])));
        assert!(plan.is_another_list(&steps(&["look at git", "think", "fix add"])));
    }

    proptest::proptest! {
        /// Taking every change over gives the agent's list, where nothing is pinned; ids stay unique.
        #[test]
        fn all_changes_make_the_whole(
            old in proptest::collection::vec("[a-h]{6}", 0..8),
            new in proptest::collection::vec("[a-h]{6}", 0..8),
            keep in proptest::collection::vec(proptest::bool::ANY, 8),
        ) {
            let plan = Plan::default().replanned(steps(&old.iter().map(String::as_str).collect::<Vec<_>>()));
            let mut titles_wanted: Vec<&str> = Vec::new();
            for (title, keep) in old.iter().zip(keep).filter(|(_, keep)| *keep) {
                let _ = keep;
                titles_wanted.push(title);
            }
            titles_wanted.extend(new.iter().map(String::as_str));
            titles_wanted.dedup();
            let wanted = steps(&titles_wanted);
            let (next, changes) = plan.compared(&wanted);
            let all: Vec<&PlanChange> = changes.iter().collect();
            let whole = next.with_changes(&wanted, &all);
            let mut ids: Vec<_> = whole.steps.iter().map(|step| step.id.clone()).collect();
            ids.sort();
            ids.dedup();
            proptest::prop_assert_eq!(ids.len(), whole.steps.len());
            proptest::prop_assert!(whole.steps.iter().all(|step| !step.id.as_str().is_empty()));
            let (_, again) = whole.compared(&wanted);
            let words: Vec<String> = again.iter().map(PlanChange::words).collect();
            proptest::prop_assert!(words.iter().all(|w| w.starts_with("move")), "{words:?} of {titles_wanted:?}");
        }
    }
}
