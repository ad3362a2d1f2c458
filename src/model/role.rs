//! Roles: who does a step of the plan, and how much they may do for it. The user names them; a step's owner binds one.

use crate::base::StepId;
use crate::model::plan::Plan;
use serde::{Deserialize, Serialize};

/// How much a role may do. It only narrows what the rules allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum May {
    #[default]
    All,
    /// Read, and run the checks.
    Tests,
    Read,
}

impl May {
    /// The limit in words; none for everything.
    pub fn words(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::Tests => Some("may only read and run the checks"),
            Self::Read => Some("may only read"),
        }
    }
}

/// A role as `agents.toml` describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name, as owner of a step.
    #[serde(default)]
    pub role: String,
    /// As `--agent` takes it; absent: the session's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default)]
    pub may: May,
    /// What it is told when its step begins.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub brief: String,
}

impl Role {
    /// What an agent is told that works in this role.
    pub fn words(&self, step: &StepId) -> String {
        let may = self.may.words().map(|may| format!(" In this role you {may}.")).unwrap_or_default();
        let brief = self.brief.trim();
        format!(
            "Step {step} belongs to the role {}.{may}{}{brief}",
            self.role,
            if brief.is_empty() { "" } else { "\n" }
        )
    }
}

/// The role that a step is bound to: its owner, or that of the nearest step above with one.
pub fn of_step<'a>(roles: &'a [Role], plan: &Plan, step: &StepId) -> Option<&'a Role> {
    let mut at = plan.step(step);
    for _ in 0..=plan.steps.len() {
        let step = at?;
        let owner = step.owner.as_deref();
        if let Some(role) = roles.iter().find(|role| Some(role.role.as_str()) == owner) {
            return Some(role);
        }
        at = step.parent.as_ref().and_then(|parent| plan.step(parent));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::Step;

    #[test]
    fn a_step_has_the_role_of_its_owner_or_of_the_group_above() {
        let step = |id: &str, parent: Option<&str>, owner: Option<&str>| Step {
            id: id.into(),
            parent: parent.map(Into::into),
            owner: owner.map(Into::into),
            ..Step::default()
        };
        let steps = vec![step("g", None, Some("tester")), step("s1", Some("g"), Some("agent")), step("s2", None, None)];
        let plan = Plan { revision: 1, steps };
        let roles = [Role { role: "tester".into(), may: May::Tests, brief: "Be brief.".into(), ..Role::default() }];
        let of = |id: &str| of_step(&roles, &plan, &id.into()).map(|role| role.role.as_str());
        assert_eq!((of("g"), of("s1"), of("s2"), of("s9")), (Some("tester"), Some("tester"), None, None));
        let cycle = Plan { revision: 1, steps: vec![step("a", Some("b"), None), step("b", Some("a"), None)] };
        assert_eq!(of_step(&roles, &cycle, &"a".into()), None);
        let words = roles[0].words(&"s1".into());
        assert_eq!(
            words,
            "Step s1 belongs to the role tester. In this role you may only read and run the checks.\nBe brief."
        );
    }
}
