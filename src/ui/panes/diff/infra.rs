//! An infrastructure action: how it is tried, verified and rolled back.

use crate::base::text::{Show, escape};
use crate::model::session::ActionState;
use crate::policy::infra;
use crate::ui::panes::row::{Row, wrapped};
use crate::ui::theme::Role;

/// Describes the plan, run, verify and roll back of a command that changes what runs elsewhere.
pub(super) fn rows(rows: &mut Vec<Row>, state: &ActionState, columns: u16) {
    let Some(infra) = state.action.command().and_then(infra::of) else { return };
    let mut say = |head: &str, text: &str, role| {
        let text = escape::show(text, &Show::default());
        wrapped(rows, &format!("{head:<10}"), Role::TextSoft, &text, role, columns);
    };
    say("", "", Role::Text);
    say(infra.verb.word(), "changes what runs elsewhere: no undo takes it back", Role::Warn);
    match &infra.dry_run {
        Some(dry) if state.held.is_some() => {
            say("plan", &format!("t runs  {}", dry.command.line()), Role::TextStrong);
        }
        Some(dry) => say("plan", &dry.command.line(), Role::Text),
        None => say("plan", "no dry run of it is known in this form", Role::Warn),
    }
    say("verify", infra.verify.unwrap_or("not known: choose a command of your own"), Role::Text);
    say("roll back", infra.roll_back.unwrap_or("not known: decide how before you run it"), Role::Text);
}
