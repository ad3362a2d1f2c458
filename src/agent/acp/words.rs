//! The agent's last words: its reason for what it asks next.

use crate::agent::acp::limits::ACP_REASON_BYTES_MAX;

/// See the module. Bounded: the end is kept.
#[derive(Debug, Default)]
pub struct Words {
    text: String,
    are_thought: bool,
    /// A tool call has ended since: the next words begin a new reason.
    acted: bool,
}

impl Words {
    /// Adds what the agent said or thought. A thought and a message are paragraphs of their own.
    pub fn add(&mut self, words: &str, are_thought: bool) {
        if std::mem::take(&mut self.acted) {
            self.text.clear();
        }
        if self.are_thought != are_thought && !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        self.are_thought = are_thought;
        self.text.push_str(words);
        if self.text.len() > 2 * ACP_REASON_BYTES_MAX {
            let from = self.text.len() - ACP_REASON_BYTES_MAX;
            let cut = (from..=self.text.len()).find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
            self.text.drain(..cut);
        }
    }

    /// A tool call has ended.
    pub fn acted(&mut self) {
        self.acted = true;
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Takes what the agent said since its last action.
    pub fn reason(&mut self) -> String {
        std::mem::take(&mut self.text).trim().to_owned()
    }

    pub fn clear(&mut self) {
        self.text.clear();
    }
}
