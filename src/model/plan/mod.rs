//! The plan: a versioned tree of steps that the supervisor owns. An agent's replan is merged, never swallowed whole:
//! pinned steps and the user's own steps survive it.

mod alike;
mod changes;
mod document;
mod edit;
mod remark;
mod template;

pub(in crate::model) use alike::alike;
pub use changes::PlanChange;
pub use document::{PlanDocument, PlanOrigin, PlanSubject, PlanVerdict};
pub use edit::{PlanEdit, PlanError};
pub use remark::Remark;
pub use template::{filled, is_template_name, placeholders};

use crate::base::StepId;
use serde::{Deserialize, Serialize};

/// The status of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    #[default]
    Pending,
    Active,
    Done,
    Failed,
    Skipped,
}

impl StepStatus {
    /// Each status with its word on the wire, its mark in a list of boxes, and the other words that agents use for it.
    const WORDS: &[(Self, &'static str, char, &[&'static str])] = &[
        (Self::Pending, "pending", ' ', &[]),
        (Self::Active, "active", '>', &["in_progress", "in-progress", "inProgress", "doing", "running"]),
        (Self::Done, "done", 'x', &["completed", "complete", "finished"]),
        (Self::Failed, "failed", '!', &["error"]),
        (Self::Skipped, "skipped", '-', &["cancelled", "canceled"]),
    ];

    /// The status that an agent's word means; any other word is pending.
    pub fn of(word: &str) -> Self {
        let means = |(_, own, _, others): &&(_, &str, _, &[&str])| *own == word || others.contains(&word);
        Self::WORDS.iter().find(means).map_or(Self::Pending, |(status, ..)| *status)
    }

    /// Every status, as it is on the wire.
    pub fn words() -> impl Iterator<Item = &'static str> {
        Self::WORDS.iter().map(|(_, word, ..)| *word)
    }

    /// As it is on the wire.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(status, ..)| *status == self).map_or("", |(_, word, ..)| word)
    }

    /// As a list of boxes shows it: `x` in `[x]`.
    pub fn mark(self) -> char {
        Self::WORDS.iter().find(|(status, ..)| *status == self).map_or(' ', |(_, _, mark, _)| *mark)
    }

    /// Nothing is left to do for it.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Skipped)
    }
}

/// A node of the plan tree. Order in the list is order on the screen; `parent` makes the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub id: StepId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<StepId>,
    pub title: String,
    #[serde(default)]
    pub status: StepStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// A few words beside the title, such as "17 tried".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What the step says that it changes: paths or patterns of paths in the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The commands that it says it runs, each as a line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// What must hold at its end, in words or as a command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
    /// Nothing goes on after it without the user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stop: bool,
    /// The state of the files is kept when it begins and when it ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checkpoint: bool,
    /// Its line in the plan's document, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// The tree at one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub revision: u32,
    pub steps: Vec<Step>,
}

impl Plan {
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|s| &s.id == id)
    }

    /// The first active step, deepest last.
    pub fn active(&self) -> Option<&Step> {
        self.steps.iter().rev().find(|s| s.status == StepStatus::Active)
    }

    /// Returns the depth of a step; the root is 0. Bounded by the number of steps, whatever the parents say.
    pub fn depth(&self, step: &Step) -> usize {
        let mut depth = 0;
        let mut at = step.parent.as_ref();
        while let Some(parent) = at.and_then(|id| self.step(id)) {
            depth += 1;
            if depth > self.steps.len() {
                break;
            }
            at = parent.parent.as_ref();
        }
        depth
    }

    /// Returns whether `below` is the same as `above` or somewhere below it.
    pub fn is_within(&self, below: &StepId, above: &StepId) -> bool {
        let mut at = Some(below.clone());
        for _ in 0..=self.steps.len() {
            match at {
                Some(id) if &id == above => return true,
                Some(id) => at = self.step(&id).and_then(|s| s.parent.clone()),
                None => return false,
            }
        }
        false
    }

    /// The next revision when an agent hands in a whole plan: its steps in its order; steps it left out stay only if
    /// they are pinned or the user's own; titles the user reworded (owner `human`) stay reworded.
    pub fn replanned(&self, proposed: Vec<Step>) -> Self {
        let mut steps: Vec<Step> = Vec::with_capacity(proposed.len());
        // What the ids of the proposed tree become.
        let mut names: Vec<(StepId, StepId)> = Vec::new();
        for mut step in proposed.into_iter().take(crate::base::limits::PLAN_STEPS_MAX) {
            let name = step.id.clone();
            if name.as_str().starts_with('#') {
                step.id = StepId::default();
            }
            let old = self.step(&step.id).or_else(|| self.steps.iter().find(|s| s.title == step.title));
            if let Some(old) = old {
                step.id = old.id.clone();
                step.pinned = old.pinned;
                step.stop |= old.stop;
                step.checkpoint |= old.checkpoint;
                step.note = step.note.or_else(|| old.note.clone());
                step.line = step.line.or(old.line);
                for (own, was) in [
                    (&mut step.files, &old.files),
                    (&mut step.commands, &old.commands),
                    (&mut step.checks, &old.checks),
                ] {
                    if own.is_empty() {
                        own.clone_from(was);
                    }
                }
                if old.pinned || old.owner.as_deref() == Some("human") {
                    step.title.clone_from(&old.title);
                }
                // Whoever the user gave it to has it still.
                if old.pinned || old.owner.as_deref().is_some_and(|owner| owner != "agent") {
                    step.owner.clone_from(&old.owner);
                }
            }
            if step.id.as_str().is_empty() || steps.iter().any(|s| s.id == step.id) {
                step.id = Self { revision: 0, steps: self.steps.iter().chain(&steps).cloned().collect() }.fresh_id();
            }
            names.push((name, step.id.clone()));
            step.parent = step.parent.map(|parent| {
                let named = names.iter().find(|(name, _)| *name == parent && !name.as_str().is_empty());
                named.map_or(parent, |(_, id)| id.clone())
            });
            steps.push(step);
        }
        for (at, old) in self.steps.iter().enumerate() {
            let keep = old.pinned || old.owner.as_deref() == Some("human");
            if keep && !steps.iter().any(|s| s.id == old.id) {
                steps.insert(at.min(steps.len()), old.clone());
            }
        }
        let known: Vec<StepId> = steps.iter().map(|s| s.id.clone()).collect();
        for step in &mut steps {
            if step.parent.as_ref().is_some_and(|p| !known.contains(p) || p == &step.id) {
                step.parent = None;
            }
        }
        Self { revision: self.revision + 1, steps }
    }
}

/// A title as an agent writes it, without the mark of its list: a bullet, a box, a number. Digits and
/// signs that belong to the words stay.
pub fn without_list_mark(title: &str) -> &str {
    let spaced = |rest: &str| rest.starts_with(char::is_whitespace);
    let bullet = |text: &str| text.strip_prefix(['-', '*', '+', '•']).filter(|rest| spaced(rest)).map(str::len);
    let boxed = |text: &str| {
        let rest = text.strip_prefix('[')?;
        let (mark, rest) = rest.split_once(']')?;
        let is_mark = matches!(mark.trim(), "" | "x" | "X" | "✓" | "✔" | "~" | "-" | ">" | "/" | "!");
        (is_mark && spaced(rest)).then_some(rest.len())
    };
    let number = |text: &str| {
        let inner = text.strip_prefix('(').unwrap_or(text);
        let rest = inner.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = inner.len() - rest.len();
        let end = if inner.len() < text.len() { rest.strip_prefix(')') } else { rest.strip_prefix(['.', ')']) };
        end.filter(|rest| (1..=3).contains(&digits) && spaced(rest)).map(str::len)
    };
    let mut text = title.trim();
    type Mark<'a> = &'a dyn Fn(&str) -> Option<usize>;
    for mark in [&bullet as Mark<'_>, &boxed, &number, &boxed] {
        if let Some(rest) = mark(text).and_then(|length| text.get(text.len() - length..)).map(str::trim_start)
            && !rest.is_empty()
        {
            text = rest;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_loses_the_mark_of_its_list_and_nothing_of_its_words() {
        for title in [
            "2FA login page",
            "3D viewer: rotate",
            "404 page for missing docs",
            ".env loader",
            "--json flag",
            "5 retries at most",
            "1.5 s timeout",
            "*.rs files",
            "-x flag",
            "[WIP] draft",
            "2026. Plan",
            "1.",
            "(n) x",
        ] {
            assert_eq!(without_list_mark(title), title);
        }
        for (title, expect) in [
            ("1. Read the test", "Read the test"),
            ("2) Fix it", "Fix it"),
            ("- Run it", "Run it"),
            ("* Run", "Run"),
            ("(3) Look", "Look"),
            ("- [x] Done", "Done"),
            ("- [ ] 2. 3D view", "3D view"),
            ("1. [ ] Box", "Box"),
            ("• 10. 2FA", "2FA"),
            ("  - a - b", "a - b"),
            ("1. 2 retries", "2 retries"),
        ] {
            assert_eq!(without_list_mark(title), expect, "{title}");
        }
    }

    fn plan(titles: &[&str]) -> Plan {
        let edits: Vec<PlanEdit> =
            titles.iter().map(|t| PlanEdit::Add { title: (*t).into(), parent: None, after: None, id: None }).collect();
        Plan::default().edited(0, &edits, "human").unwrap()
    }

    fn titles(p: &Plan) -> Vec<&str> {
        p.steps.iter().map(|s| s.title.as_str()).collect()
    }

    #[test]
    fn steps_are_added_moved_and_removed_with_their_children() {
        let p = plan(&["a", "b", "c"]);
        let p = p
            .edited(
                1,
                &[PlanEdit::Add { title: "a1".into(), parent: Some("s1".into()), after: None, id: None }],
                "human",
            )
            .unwrap();
        assert_eq!(titles(&p), ["a", "a1", "b", "c"]);
        let p = p
            .edited(2, &[PlanEdit::Move { step: "s1".into(), parent: None, after: Some("s3".into()) }], "human")
            .unwrap();
        assert_eq!(titles(&p), ["b", "c", "a", "a1"]);
        let p = p.edited(3, &[PlanEdit::Remove { step: "s1".into() }], "human").unwrap();
        assert_eq!(titles(&p), ["b", "c"]);
    }

    #[test]
    fn both_shapes_of_an_operation_are_read_and_one_is_written() {
        let check = |text: &str| serde_json::from_str::<PlanEdit>(text).unwrap();
        let add = check(r#"{"op":"add","title":"x"}"#);
        assert_eq!(add, check(r#"{"add":{"title":"x"}}"#));
        assert!(serde_json::to_string(&add).unwrap().starts_with(r#"{"op":"add","title":"x""#));
        assert!(serde_json::from_str::<PlanEdit>(r#"{"op":"sing"}"#).is_err());
    }

    #[test]
    fn a_stale_or_cyclic_edit_is_refused_whole() {
        let p = plan(&["a", "b"]);
        assert_eq!(p.edited(0, &[], "human"), Err(PlanError::Stale { now: 1, seen: 0 }));
        let cycle = PlanEdit::Move { step: "s1".into(), parent: Some("s1".into()), after: None };
        assert_eq!(p.edited(1, &[cycle], "human"), Err(PlanError::Cycle("s1".into())));
    }

    #[test]
    fn a_replan_keeps_what_the_human_pinned_or_wrote() {
        let p = plan(&["a", "mine"]);
        let again = p.replanned(vec![Step { title: "agent's".into(), ..Step::default() }]);
        assert_eq!(titles(&again), ["a", "mine", "agent's"]);
        assert_eq!(again.revision, 2);
    }
}
