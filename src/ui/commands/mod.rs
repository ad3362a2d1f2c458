//! Everything a user can ask for, one literal each: name, description, when it cannot be, and what it does. Keys,
//! the palette, help and the documentation are made from these lists.

mod agent;
mod comment;
mod decide;
mod focus;
mod follow;
mod gate;
mod general;
mod links;
mod looks;
mod moves;
mod network;
mod plan;
mod record;
mod testing;

pub use comment::{go_to_comment, send_comment, send_open};
pub use decide::{choose_option, refuse_form, send_confirmed, send_lease, send_reasoned, send_rule, send_with_note};
pub use focus::aim_next;
pub use follow::ended_infrastructure;
pub use plan::{add_step, assign_step, note_step, plan_of_file, reword_step, split_step, write_plan};

/// The group of commands that act in whichever pane has the focus.
pub const MOVES: &str = moves::GROUP;

use crate::ui::app::{App, Request, seat};
use crate::ui::layout::PaneId;

/// The scope in which a command's keys count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Anywhere,
    In(PaneId),
}

impl Scope {
    /// Returns whether a binding of this scope counts while `place` has the focus.
    #[must_use]
    pub fn applies_in(self, place: Self) -> bool {
        self == Self::Anywhere || self == place
    }

    /// Returns whether two bindings could both count somewhere.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self == other || self == Self::Anywhere || other == Self::Anywhere
    }

    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Anywhere => "anywhere".to_owned(),
            Self::In(pane) => format!("in {}", pane.name()),
        }
    }
}

/// One command.
#[derive(Debug)]
pub struct Command {
    /// The stable name: keymaps, tests and the palette use it.
    pub name: &'static str,
    /// A word or two for the hint line.
    pub label: &'static str,
    /// A sentence without its full stop.
    pub description: &'static str,
    pub group: &'static str,
    pub scope: Scope,
    /// It lets something happen: its key must be deliberate.
    pub consents: bool,
    /// Returns the reason that it cannot be used now.
    pub why_disabled: fn(&App) -> Option<&'static str>,
    pub run: fn(&mut App) -> Vec<Request>,
}

const BASE: Command = Command {
    name: "",
    label: "",
    description: "",
    group: "",
    scope: Scope::Anywhere,
    consents: false,
    why_disabled: |_| None,
    run: |_| Vec::new(),
};

/// All commands, in the order in which help shows them.
pub fn all() -> impl Iterator<Item = &'static Command> {
    [
        decide::COMMANDS,
        follow::COMMANDS,
        gate::COMMANDS,
        record::COMMANDS,
        testing::COMMANDS,
        focus::PANES,
        focus::COMMANDS,
        moves::COMMANDS,
        looks::COMMANDS,
        plan::COMMANDS,
        comment::COMMANDS,
        links::COMMANDS,
        agent::COMMANDS,
        general::COMMANDS,
    ]
    .into_iter()
    .flatten()
}

/// A command by its name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Command> {
    all().find(|command| command.name == name)
}

/// Returns what a command's key does here, in a word or two.
#[must_use]
pub fn label(app: &App, command: &Command) -> &'static str {
    match command.name {
        "test" if app.scene.target().is_some_and(decide::is_infrastructure) => "dry run",
        "take-control" if app.scene.has_control() => "give control",
        "take-control" if seat::is_asking(app) => "take control",
        "step" if app.scene.record.is_some() => "next",
        "pause" if app.scene.session.frozen.is_some() => "resume",
        "continue" if app.scene.record.is_some() => "to its end",
        _ => command.label,
    }
}

/// Without control, nothing may be asked of the session.
fn needs_control(app: &App) -> Option<&'static str> {
    use crate::ui::app::Link;
    if app.scene.record.is_some() {
        return Some("a record is read-only: s and S step through it");
    }
    match app.scene.link {
        Link::Attached { control: true } => None,
        Link::Attached { control: false } if app.reads_only => Some("this client is read-only"),
        Link::Attached { control: false } => Some("this client does not have control: take it first"),
        Link::Connecting => Some("not connected yet"),
        Link::Lost(_) => Some("the connection to the host is lost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_everything_is_described() {
        let mut seen = std::collections::BTreeSet::new();
        for command in all() {
            assert!(seen.insert(command.name), "{} twice", command.name);
            assert!(
                !command.description.is_empty() && !command.group.is_empty() && !command.label.is_empty(),
                "{}",
                command.name
            );
            assert!(!command.description.ends_with('.'), "{}", command.name);
        }
    }
}
