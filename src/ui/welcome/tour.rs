//! The introduction: five short steps that can be skipped, once for each user.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most keys of crossterm mean nothing here, and its list of keys is not ours"
)]

use crate::ui::keymap::Keymap;
use crate::ui::terminal::Key;
use crossterm::event::KeyCode;

/// The number of steps.
pub(super) const STEPS: usize = 5;

/// The step that is shown, from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tour {
    pub(super) at: usize,
}

impl Tour {
    /// False when it is over.
    pub(super) fn key(&mut self, key: Key) -> bool {
        match key.code {
            KeyCode::Esc => return false,
            KeyCode::Left | KeyCode::Up | KeyCode::Backspace => self.at = self.at.saturating_sub(1),
            KeyCode::Tab if !key.goes_down() => self.at = self.at.saturating_sub(1),
            KeyCode::Enter | KeyCode::Right | KeyCode::Down | KeyCode::Tab | KeyCode::Char(' ') => self.at += 1,
            _ => {}
        }
        self.at < STEPS
    }

    /// Its title and text; keys are those of the user's keymap.
    pub(super) fn text(self, keymap: &Keymap) -> (&'static str, String) {
        let key = |command: &str| keymap.shown(command).unwrap_or_else(|| format!(":{command}"));
        match self.at {
            0 => (
                "The agent proposes, you decide",
                format!(
                    "Edits and commands that no rule allows wait in the inbox until you decide. {} approves, {} denies, \
                     {} asks for something else, {} changes it before it is done.",
                    key("approve"),
                    key("deny"),
                    key("redirect"),
                    key("edit")
                ),
            ),
            1 => (
                "Talk to it",
                format!(
                    "The large pane shows what is pending, otherwise the conversation. {} writes to the agent, {} shows \
                     its answers. The panes have the numbers 1 to 7.",
                    key("compose"),
                    key("focus-talk")
                ),
            ),
            2 => (
                "How much it may do alone",
                format!(
                    "The mode decides what asks: step asks for every action, plan for each step of the plan, guarded \
                     only for what no rule decides, and with observe the agent can only read. {} changes it.",
                    key("mode")
                ),
            ),
            3 => (
                "Nothing is final",
                format!(
                    "{} undoes an action, {} rewinds the files to a checkpoint. Isolation decides where the agent works: \
                     in a private copy, or in your files.",
                    key("undo"),
                    key("rewind")
                ),
            ),
            _ => (
                "Stop, leave, find out more",
                format!(
                    "{} stops everything: once to freeze, twice to kill. {} leaves while the session continues, \
                     `rightseat attach` returns. {} shows the keys, {} every command.",
                    key("stop"),
                    key("detach"),
                    key("help"),
                    key("palette")
                ),
            ),
        }
    }
}
