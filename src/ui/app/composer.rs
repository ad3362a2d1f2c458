//! The line at the bottom in which the user talks to the agent.

use crate::model::When;
use crate::ui::entry::Entry;
use crate::ui::limits::UI_COMPOSER_ROWS_MAX;

/// The message being written, and when the agent should get it.
#[derive(Debug, Clone)]
pub struct Composer {
    pub entry: Entry,
    pub open: bool,
    pub when: When,
}

impl Default for Composer {
    fn default() -> Self {
        Self { entry: Entry::lines(), open: false, when: When::Queue }
    }
}

impl Composer {
    /// Rows it wants on the screen; 0 when it is closed and empty.
    #[must_use]
    pub fn rows(&self) -> u16 {
        if !self.open {
            return 0;
        }
        u16::try_from(self.entry.rows()).unwrap_or(UI_COMPOSER_ROWS_MAX).clamp(1, UI_COMPOSER_ROWS_MAX)
    }

    /// Takes the text out and closes; `None` when there is nothing but blanks.
    pub fn take(&mut self) -> Option<String> {
        let text = self.entry.text();
        if text.trim().is_empty() {
            return None;
        }
        *self = Self { when: self.when, ..Self::default() };
        Some(text)
    }
}
