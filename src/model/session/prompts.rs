//! The user's messages on their way to the agent: the one that is written, and those that wait for the turn to end.

use crate::model::event::{Drafted, Event, QueuedPrompt};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompts {
    /// The newest state of the message that is being written.
    pub draft: Option<Drafted>,
    /// In the order in which they will be sent.
    pub queue: Vec<QueuedPrompt>,
}

impl Prompts {
    pub(super) fn apply(&mut self, event: &Event) {
        if let Event::Drafted(body) = event {
            self.draft = Some(body.clone()).filter(|draft| !draft.parts.is_empty());
        } else if let Event::QueueChanged(body) = event {
            self.queue.clone_from(&body.prompts);
        }
    }
}
