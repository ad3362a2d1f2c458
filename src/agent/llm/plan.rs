//! The plan as the loop holds it: what the model proposed, what the supervisor approved, and that the two are one.

use super::tools::PlannedStep;
use crate::base::digest::FieldHasher;
use crate::base::{Digest, StepId};
use crate::model::Step;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct PlanState {
    steps: Vec<Step>,
    approved: Option<Digest>,
}

impl PlanState {
    /// Returns whether a supervisor has approved (or written) it.
    pub fn is_approved(&self) -> bool {
        self.approved.is_some()
    }

    /// Converts the model's steps to steps with ids; steps it names again keep theirs.
    pub fn propose(&self, planned: &[PlannedStep]) -> Vec<Step> {
        let mut out: Vec<Step> = Vec::with_capacity(planned.len());
        let mut above: Vec<StepId> = Vec::new();
        for step in planned {
            let known =
                self.steps.iter().find(|old| step.id.as_deref() == Some(old.id.as_str()) || old.title == step.title);
            let taken = |id: &StepId| out.iter().any(|step| &step.id == id);
            let id = known.map(|old| old.id.clone()).filter(|id| !taken(id)).unwrap_or_else(|| self.fresh(&out));
            above.truncate(step.depth);
            let parent = above.last().cloned();
            above.push(id.clone());
            out.push(Step { id, parent, title: step.title.clone(), status: step.status, ..Step::default() });
        }
        out
    }

    /// Ids of ours begin with `p`; those of people and the host with `s`.
    fn fresh(&self, more: &[Step]) -> StepId {
        let number = |step: &Step| step.id.as_str().strip_prefix('p').and_then(|digits| digits.parse::<u32>().ok());
        let last = self.steps.iter().chain(more).filter_map(number).max().unwrap_or(0);
        StepId::new(format!("p{}", last.saturating_add(1)))
    }

    /// Returns whether these steps differ from the approved ones in more than their status.
    pub fn is_new(&self, steps: &[Step]) -> bool {
        self.approved != Some(shape(steps))
    }

    /// Takes over a plan that was approved, or that the supervisor wrote.
    pub fn approve(&mut self, steps: Vec<Step>) {
        self.approved = Some(shape(&steps));
        self.steps = steps;
    }

    /// Takes over a change of status only.
    pub fn update(&mut self, steps: Vec<Step>) {
        if !self.is_new(&steps) {
            self.steps = steps;
        }
    }

    /// The plan as the model reads it again and again, or `None` when there is none or it is not the approved one:
    /// then nothing is better than something wrong.
    pub fn text(&self) -> Option<String> {
        let approved = self.approved.filter(|digest| *digest == shape(&self.steps))?;
        let mut out = format!("The approved plan ({}):\n", approved.short());
        for step in &self.steps {
            let depth = self.depth(step);
            let mark = step.status.mark();
            out.push_str(&format!("{}[{mark}] {} {}\n", "  ".repeat(depth), step.id, step.title));
        }
        Some(out)
    }

    fn depth(&self, step: &Step) -> usize {
        let mut depth = 0;
        let mut parent = step.parent.as_ref();
        while let Some(above) = parent.and_then(|id| self.steps.iter().find(|step| &step.id == id)) {
            depth += 1;
            if depth > crate::agent::llm::limits::PLAN_DEPTH_MAX + 4 {
                break;
            }
            parent = above.parent.as_ref();
        }
        depth
    }
}

/// Returns the digest of what approval covers: which steps, in which order, under which parent. Status may change
/// freely.
pub fn shape(steps: &[Step]) -> Digest {
    let mut hash = FieldHasher::new();
    for step in steps {
        hash.field(step.id.as_str().as_bytes()).field(step.title.as_bytes());
        hash.field(step.parent.as_ref().map_or("", StepId::as_str).as_bytes());
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StepStatus;

    fn planned(titles: &[(&str, usize)]) -> Vec<PlannedStep> {
        let step = |(title, depth): &(&str, usize)| PlannedStep {
            id: None,
            title: (*title).to_owned(),
            status: StepStatus::Pending,
            depth: *depth,
        };
        titles.iter().map(step).collect()
    }

    #[test]
    fn steps_keep_their_ids_over_replans() {
        let mut plan = PlanState::default();
        let steps = plan.propose(&planned(&[("read", 0), ("deep", 1), ("fix", 0)]));
        let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["p1", "p2", "p3"]);
        assert_eq!(steps[1].parent, Some("p1".into()));
        plan.approve(steps);
        let again = plan.propose(&planned(&[("fix", 0), ("new", 0), ("fix", 0)]));
        let ids: Vec<&str> = again.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["p3", "p4", "p5"]);
    }

    #[test]
    fn approval_covers_the_shape_and_not_the_status() {
        let mut plan = PlanState::default();
        assert_eq!(plan.text(), None);
        let mut steps = plan.propose(&planned(&[("read", 0), ("fix", 0)]));
        assert!(plan.is_new(&steps));
        plan.approve(steps.clone());
        steps[0].status = StepStatus::Done;
        assert!(!plan.is_new(&steps));
        plan.update(steps.clone());
        let text = plan.text().unwrap();
        assert!(text.contains("[x] p1 read\n[ ] p2 fix"), "{text}");
        steps[1].title = "break".into();
        assert!(plan.is_new(&steps));
        plan.update(steps);
        assert_eq!(plan.text().unwrap(), text);
    }
}
