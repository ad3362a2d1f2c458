//! The agent's own plan: five steps and their status.

use crate::base::StepId;
use crate::model::{Step, StepStatus};

/// A step of the plan, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Reproduce,
    Locate,
    Try,
    Propose,
    Verify,
}

const STAGES: [(Stage, &str, &str); 5] = [
    (Stage::Reproduce, "reproduce", "Reproduce the failure"),
    (Stage::Locate, "locate", "Locate suspicious code"),
    (Stage::Try, "try", "Try repairs in a private copy"),
    (Stage::Propose, "propose", "Propose a repair"),
    (Stage::Verify, "verify", "Verify in the workspace"),
];

impl Stage {
    /// The id its actions name as their plan step.
    pub fn id(self) -> StepId {
        let name = STAGES.iter().find(|(s, _, _)| *s == self).map_or("repair", |(_, id, _)| *id);
        StepId::new(name)
    }
}

/// The status of each step.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    marks: Vec<(Stage, StepStatus, Option<String>)>,
}

impl Progress {
    /// Changes one step.
    pub fn set(&mut self, stage: Stage, status: StepStatus, note: Option<String>) {
        self.marks.retain(|(s, _, _)| *s != stage);
        self.marks.push((stage, status, note));
    }

    /// The whole plan.
    pub fn steps(&self) -> Vec<Step> {
        STAGES
            .iter()
            .map(|(stage, id, title)| {
                let mark = self.marks.iter().find(|(s, _, _)| s == stage);
                Step {
                    id: StepId::new(*id),
                    title: (*title).to_owned(),
                    status: mark.map(|(_, s, _)| *s).unwrap_or_default(),
                    owner: Some("repair".to_owned()),
                    note: mark.and_then(|(_, _, n)| n.clone()),
                    ..Step::default()
                }
            })
            .collect()
    }
}
