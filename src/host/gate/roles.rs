//! The limits of roles: what may not be done for a step that belongs to one. They only narrow what the rules say.

use super::Gate;
use crate::model::decide::{Ruling, changes_nothing};
use crate::model::event::RulingWord;
use crate::model::role::{self, May, Role};
use crate::model::{Action, Kind};

/// The rule of what a role may not do.
const ROLE: &str = "role";

/// The ruling with the limits of the step that is worked on, and of the one that the action is said to be for.
pub(super) fn bounded(gate: &Gate, action: &Action, ruling: Ruling) -> Ruling {
    let plan = &gate.session().plan;
    let active = plan.active().map(|step| &step.id);
    let bound = active.into_iter().chain(&action.step).find_map(|step| {
        let role = role::of_step(gate.roles(), plan, step)?;
        (!allows(gate, role, action, &ruling)).then_some((step, role))
    });
    let Some((step, role)) = bound.filter(|_| ruling.word != RulingWord::Deny) else { return ruling };
    let may = role.may.words().unwrap_or_default();
    let reason = format!("step {step} belongs to the role {}, which {may}", role.role);
    Ruling { word: RulingWord::Deny, rule: ROLE.into(), reason, confirm: None, rail: None }
}

fn allows(gate: &Gate, role: &Role, action: &Action, ruling: &Ruling) -> bool {
    match role.may {
        May::All => true,
        May::Read => changes_nothing(action, ruling),
        May::Tests => changes_nothing(action, ruling) || runs_checks(gate, action),
    }
}

/// The project's own checks, whoever runs them, or those of an approved step.
fn runs_checks(gate: &Gate, action: &Action) -> bool {
    let Some(command) = action.command().filter(|_| action.kind() == Kind::Command && action.trial().is_none()) else {
        return false;
    };
    let plan = &gate.session().plan;
    let approved = gate.session().plans.approved.is_some();
    let step = action.step.as_ref().and_then(|step| plan.step(step)).filter(|_| approved);
    let line = command.line();
    action.checks
        || gate.checks().is_some_and(|checks| checks.command.spawn_argv() == command.spawn_argv())
        || step.is_some_and(|step| step.checks.iter().any(|check| check.trim() == line.trim()))
}
