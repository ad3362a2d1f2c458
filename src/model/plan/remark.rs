//! Edits of the tree of a plan that is not approved yet: the plan is still the agent's, so they become comments on it.

use super::{Plan, PlanEdit, StepStatus};
use crate::base::StepId;
use crate::model::comment::CommentKind;

/// A comment on a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    pub step: StepId,
    pub kind: CommentKind,
    pub text: String,
}

impl PlanEdit {
    /// The comment that asks the agent for this edit. `None` for what is the user's own in any plan (pins, notes, owners,
    /// stops, checkpoints, statuses), and where the plan has no step to comment on.
    pub fn as_remark(&self, plan: &Plan) -> Option<Remark> {
        let title = |id: &StepId| plan.step(id).map_or_else(|| id.to_string(), |step| format!("“{}”", step.title));
        let remark =
            |step: &StepId, kind, text: String| plan.step(step).map(|_| Remark { step: step.clone(), kind, text });
        let comment = |step: &StepId, text: String| remark(step, CommentKind::Comment, text);
        match self {
            Self::Add { title, parent: Some(parent), after: None, .. } => {
                remark(parent, CommentKind::Add, format!("as a part of it: {title}"))
            }
            Self::Add { title, after, .. } => {
                let last = plan.steps.last().map(|step| &step.id);
                remark(after.as_ref().or(last)?, CommentKind::Add, title.clone())
            }
            Self::Remove { step } | Self::Status { step, status: StepStatus::Skipped } => {
                remark(step, CommentKind::Drop, String::new())
            }
            Self::Move { step, after: Some(after), .. } => comment(step, format!("Move this after {}.", title(after))),
            Self::Move { step, parent: Some(parent), .. } => {
                comment(step, format!("Make this the first part of {}.", title(parent)))
            }
            Self::Move { step, .. } => comment(step, "Move this to the beginning.".to_owned()),
            Self::Reword { step, title } => comment(step, format!("Reword this to: {title}")),
            Self::Split { step, titles } => {
                let titles = (1..).zip(titles).map(|(number, title)| format!("\n{number}. {title}"));
                comment(step, format!("Split this into:{}", titles.collect::<String>()))
            }
            Self::Merge { step, into } => comment(step, format!("Merge this into {}.", title(into))),
            Self::Declare { step, files, commands, checks } => {
                let lists = [("It changes", files), ("It runs", commands), ("At its end this holds", checks)];
                let words = lists.into_iter().filter_map(|(what, list)| {
                    let list = list.as_ref()?.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>();
                    let list = if list.is_empty() { "nothing".to_owned() } else { list.join(", ") };
                    Some(format!("{what}: {list}."))
                });
                comment(step, words.collect::<Vec<_>>().join(" "))
            }
            Self::Pin { .. }
            | Self::Status { .. }
            | Self::Note { .. }
            | Self::Stop { .. }
            | Self::Checkpoint { .. }
            | Self::Assign { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::Step;

    #[test]
    fn every_edit_of_the_agents_plan_is_a_comment_and_the_users_own_marks_are_not() {
        let steps = ["Read", "Fix"].map(|title| Step { title: title.into(), ..Step::default() });
        let plan = Plan::default().replanned(steps.to_vec());
        let check = |edit: &str, expect: Option<(&str, CommentKind, &str)>| {
            let edit: PlanEdit = serde_json::from_str(edit).unwrap();
            let expect = expect.map(|(step, kind, text)| Remark { step: step.into(), kind, text: text.into() });
            assert_eq!(edit.as_remark(&plan), expect, "{edit:?}");
        };
        use CommentKind::{Add, Comment, Drop};
        check(r#"{"op":"add","title":"Lint"}"#, Some(("s2", Add, "Lint")));
        check(r#"{"op":"add","title":"Lint","after":"s1"}"#, Some(("s1", Add, "Lint")));
        check(r#"{"op":"add","title":"Lint","parent":"s1"}"#, Some(("s1", Add, "as a part of it: Lint")));
        check(r#"{"op":"remove","step":"s1"}"#, Some(("s1", Drop, "")));
        check(r#"{"op":"status","step":"s1","status":"skipped"}"#, Some(("s1", Drop, "")));
        check(r#"{"op":"reword","step":"s2","title":"Repair"}"#, Some(("s2", Comment, "Reword this to: Repair")));
        check(r#"{"op":"move","step":"s1","after":"s2"}"#, Some(("s1", Comment, "Move this after “Fix”.")));
        check(r#"{"op":"move","step":"s2"}"#, Some(("s2", Comment, "Move this to the beginning.")));
        check(r#"{"op":"merge","step":"s2","into":"s1"}"#, Some(("s2", Comment, "Merge this into “Read”.")));
        let split = r#"{"op":"split","step":"s2","titles":["a","b"]}"#;
        check(split, Some(("s2", Comment, "Split this into:\n1. a\n2. b")));
        let declare = r#"{"op":"declare","step":"s2","files":["a.rs"],"commands":[]}"#;
        check(declare, Some(("s2", Comment, "It changes: `a.rs`. It runs: nothing.")));
        for own in [
            r#"{"op":"pin","step":"s1"}"#,
            r#"{"op":"stop","step":"s1"}"#,
            r#"{"op":"checkpoint","step":"s1"}"#,
            r#"{"op":"note","step":"s1","note":"x"}"#,
            r#"{"op":"assign","step":"s1","owner":"tester"}"#,
            r#"{"op":"remove","step":"s9"}"#,
        ] {
            check(own, None);
        }
    }
}
