//! The workers on a goal: one model alone, or specialists in turn over the same plan.
//!
//! The planner proposes the plan; the coder carries it out; the tester runs and reports; the reviewer reads and
//! objects. They share the plan tree, the budget and the supervisor, and nothing else: each has its own
//! conversation, tools and model. Pure: [`Crew::next`] returns the next member and its prompt.

use crate::agent::llm::limits;
use serde::{Deserialize, Serialize};

/// A part in the crew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// One model for everything.
    #[default]
    Solo,
    /// Reads and plans.
    Planner,
    /// Edits and runs.
    Coder,
    /// Only runs tests.
    Tester,
    /// Reads and objects.
    Reviewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 5] = [Role::Solo, Role::Planner, Role::Coder, Role::Tester, Role::Reviewer];

    /// Returns the author's name for the journal.
    pub fn speaker(self) -> &'static str {
        match self {
            Role::Solo => "agent",
            Role::Planner => "planner",
            Role::Coder => "coder",
            Role::Tester => "tester",
            Role::Reviewer => "reviewer",
        }
    }
}

/// The result of one specialist's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// It says that its part is done.
    pub done: bool,
    /// Its report.
    pub report: String,
    /// Objections that the supervisor accepted.
    pub objections: Vec<String>,
}

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This role works on this text.
    Work {
        /// The role.
        role: Role,
        /// The prompt for it.
        text: String,
    },
    /// The goal's run is over.
    Over {
        /// The goal is reached, as far as the crew can tell.
        done: bool,
        /// The last words.
        report: String,
    },
}

/// The order of a goal's run.
#[derive(Clone, Debug)]
pub struct Crew {
    members: Vec<Role>,
    goal: String,
    at: usize,
    rounds: u32,
    reports: Vec<(Role, String)>,
}

impl Crew {
    /// `members` in the order they should work; empty or without a coder means one model alone.
    pub fn new(members: &[Role], goal: &str) -> Crew {
        let crew = if members.contains(&Role::Coder) { members.to_vec() } else { vec![Role::Solo] };
        let mut ordered: Vec<Role> = Role::ALL.into_iter().filter(|role| crew.contains(role)).collect();
        if ordered.len() > 1 {
            ordered.retain(|role| *role != Role::Solo);
        }
        Crew { members: ordered, goal: goal.to_owned(), at: 0, rounds: 1, reports: Vec::new() }
    }

    /// Returns the first member's step.
    pub fn first(&self) -> Next {
        self.work()
    }

    /// Returns the step after the present member's part.
    pub fn next(&mut self, part: Part) -> Next {
        let Some(role) = self.members.get(self.at).copied() else {
            return Next::Over { done: part.done, report: part.report };
        };
        self.reports.push((role, part.report.clone()));
        let sent_back = match role {
            Role::Tester => !part.done,
            Role::Reviewer => !part.objections.is_empty(),
            Role::Solo | Role::Planner | Role::Coder => {
                // Without a plan or without the work, nothing that follows makes sense.
                if !part.done {
                    return self.over(false);
                }
                false
            }
        };
        if sent_back {
            self.rounds += 1;
            if self.rounds > limits::CREW_ROUNDS_MAX {
                return self.over(false);
            }
            self.at = self.members.iter().position(|role| *role == Role::Coder).unwrap_or(0);
            for objection in part.objections {
                self.reports.push((role, format!("objection: {objection}")));
            }
            return self.work();
        }
        self.at += 1;
        if self.at >= self.members.len() { self.over(true) } else { self.work() }
    }

    fn work(&self) -> Next {
        let role = self.members.get(self.at).copied().unwrap_or_default();
        let task = match role {
            Role::Solo => self.goal.clone(),
            Role::Planner => format!("Goal:\n{}\n\nRead what is needed, propose the plan, then finish.", self.goal),
            Role::Coder => format!("Goal:\n{}\n\nCarry out the approved plan step by step, then finish.", self.goal),
            Role::Tester => format!("Goal:\n{}\n\nRun the tests and report what they show.", self.goal),
            Role::Reviewer => {
                format!("Goal:\n{}\n\nReview the changes. Object to what is wrong, then finish.", self.goal)
            }
        };
        let mut text = task;
        for (who, report) in self.reports.iter().rev().take(limits::CREW_REPORTS_MAX).rev() {
            let short: String = report.chars().take(limits::CREW_REPORT_CHARS_MAX).collect();
            text.push_str(&format!("\n\nThe {} reports:\n{short}", who.speaker()));
        }
        Next::Work { role, text }
    }

    fn over(&self, done: bool) -> Next {
        let lines: Vec<String> = match self.members.as_slice() {
            [_] => self.reports.iter().map(|(_, report)| report.clone()).collect(),
            _ => self.reports.iter().map(|(role, report)| format!("{}: {report}", role.speaker())).collect(),
        };
        Next::Over { done, report: lines.join("\n\n") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(done: bool, objections: &[&str]) -> Part {
        let objections = objections.iter().map(|text| (*text).to_owned()).collect();
        Part { done, report: "so".into(), objections }
    }

    fn role(next: &Next) -> Option<Role> {
        match next {
            Next::Work { role, .. } => Some(*role),
            Next::Over { .. } => None,
        }
    }

    #[test]
    fn one_model_alone_is_the_default() {
        let mut crew = Crew::new(&[], "goal");
        assert_eq!(crew.first(), Next::Work { role: Role::Solo, text: "goal".into() });
        assert_eq!(crew.next(part(true, &[])), Next::Over { done: true, report: "so".into() });
    }

    #[test]
    fn specialists_follow_each_other_and_objections_go_back_to_the_coder() {
        let mut crew = Crew::new(&[Role::Reviewer, Role::Coder, Role::Planner, Role::Tester], "goal");
        assert_eq!(role(&crew.first()), Some(Role::Planner));
        assert_eq!(role(&crew.next(part(true, &[]))), Some(Role::Coder));
        assert_eq!(role(&crew.next(part(true, &[]))), Some(Role::Tester));
        assert_eq!(role(&crew.next(part(true, &[]))), Some(Role::Reviewer));
        let back = crew.next(part(true, &["the bound is wrong"]));
        assert_eq!(role(&back), Some(Role::Coder));
        assert!(matches!(back, Next::Work { text, .. } if text.contains("objection: the bound is wrong")));
    }

    #[test]
    fn rounds_end() {
        let mut crew = Crew::new(&[Role::Coder, Role::Tester], "goal");
        let mut next = crew.first();
        let mut worked = 0;
        while role(&next).is_some() {
            worked += 1;
            next = crew.next(part(role(&next) == Some(Role::Coder), &[]));
        }
        assert_eq!(worked, 2 * limits::CREW_ROUNDS_MAX);
        assert!(matches!(next, Next::Over { done: false, .. }));
    }
}
