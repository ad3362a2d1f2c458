//! The prompts that wait for the agent's turn to end. One that is parked is being edited and is passed over.

use crate::host::limits::{PROMPTS_QUEUED_BYTES_MAX, PROMPTS_QUEUED_MAX};
use crate::model::PromptPart;
use crate::model::decide::Refusal;
use crate::model::event::QueuedPrompt;
use crate::wire::QueueChange;
use std::collections::VecDeque;

/// See the module.
#[derive(Debug, Default)]
pub struct Queue {
    prompts: VecDeque<QueuedPrompt>,
    last_id: u64,
    /// It is another one than was recorded last.
    is_changed: bool,
}

impl Queue {
    /// Those of a former host, which were never sent: nothing starts an agent again but the user, so they are parked.
    pub fn of(prompts: &[QueuedPrompt]) -> Self {
        let last_id = prompts.iter().map(|prompt| prompt.id).max().unwrap_or(0);
        let parked = prompts.iter().map(|prompt| QueuedPrompt { parked: true, ..prompt.clone() });
        Self { prompts: parked.collect(), last_id, is_changed: !prompts.is_empty() }
    }

    pub fn len(&self) -> usize {
        self.prompts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.prompts.is_empty()
    }

    /// The whole queue, if it has changed since this was asked last.
    pub fn news(&mut self) -> Option<Vec<QueuedPrompt>> {
        std::mem::take(&mut self.is_changed).then(|| self.prompts.iter().cloned().collect())
    }

    pub fn push(&mut self, text: String, parts: Vec<PromptPart>, first: bool) -> Result<(), Refusal> {
        let bytes =
            |text: &str, parts: &[PromptPart]| text.len() + parts.iter().map(PromptPart::len_bytes).sum::<usize>();
        let waiting: usize = self.prompts.iter().map(|prompt| bytes(&prompt.text, &prompt.parts)).sum();
        if self.prompts.len() >= PROMPTS_QUEUED_MAX {
            return Err(Refusal::Overloaded("too many prompts are queued; send it after a turn has ended".into()));
        }
        if waiting + bytes(&text, &parts) > PROMPTS_QUEUED_BYTES_MAX {
            let why = format!("the queued prompts would have more than {PROMPTS_QUEUED_BYTES_MAX} bytes together");
            return Err(Refusal::Overloaded(why));
        }
        self.last_id += 1;
        self.is_changed = true;
        let prompt = QueuedPrompt { id: self.last_id, text, parts, parked: false };
        if first {
            self.prompts.push_front(prompt)
        } else {
            self.prompts.push_back(prompt)
        }
        Ok(())
    }

    /// Takes the next one that is not parked.
    pub fn pop(&mut self) -> Option<QueuedPrompt> {
        let at = self.prompts.iter().position(|prompt| !prompt.parked)?;
        self.is_changed = true;
        self.prompts.remove(at)
    }

    pub fn clear(&mut self) {
        self.is_changed = true;
        self.prompts.clear();
    }

    /// The user changes what waits. A prompt that has been sent meanwhile cannot be changed any more.
    pub fn change(&mut self, id: u64, change: QueueChange) -> Result<(), Refusal> {
        let gone = || Refusal::Invalid(format!("prompt {id} is not in the queue: it has been sent or withdrawn"));
        let at = self.prompts.iter().position(|prompt| prompt.id == id).ok_or_else(gone)?;
        self.is_changed = true;
        match change {
            QueueChange::Move { by } => {
                let last = self.prompts.len().saturating_sub(1);
                let to = at.saturating_add_signed(isize::try_from(by).unwrap_or(0)).min(last);
                if let Some(prompt) = self.prompts.remove(at) {
                    self.prompts.insert(to, prompt);
                }
            }
            QueueChange::Withdraw => {
                self.prompts.remove(at);
            }
            QueueChange::Park | QueueChange::Replace { .. } => {
                let Some(prompt) = self.prompts.get_mut(at) else { return Err(gone()) };
                if let QueueChange::Replace { text, parts } = change {
                    (prompt.text, prompt.parts, prompt.parked) = (text, parts, false);
                } else {
                    prompt.parked = true;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        let mut queue = Queue::default();
        for text in ["one", "two", "three"] {
            queue.push(text.to_owned(), Vec::new(), false).unwrap();
        }
        queue
    }

    fn texts(queue: &Queue) -> Vec<&str> {
        queue.prompts.iter().map(|prompt| prompt.text.as_str()).collect()
    }

    /// A text that is edited or withdrawn is never sent as it was (vscode#336466, github/app#430).
    #[test]
    fn what_is_edited_or_withdrawn_is_not_sent_as_it_was() {
        let mut queue = queue();
        queue.change(1, QueueChange::Park).unwrap();
        assert_eq!(queue.pop().map(|prompt| prompt.text), Some("two".to_owned()));
        queue.change(3, QueueChange::Withdraw).unwrap();
        assert!(queue.pop().is_none(), "only the parked one is left");
        queue.change(1, QueueChange::Replace { text: "uno".into(), parts: Vec::new() }).unwrap();
        assert_eq!(queue.pop().map(|prompt| prompt.text), Some("uno".to_owned()));
        assert!(queue.change(1, QueueChange::Park).is_err(), "it has been sent");
    }

    #[test]
    fn prompts_move_and_stay_in_the_queue() {
        let mut queue = queue();
        queue.change(3, QueueChange::Move { by: -1 }).unwrap();
        assert_eq!(texts(&queue), ["one", "three", "two"]);
        queue.change(1, QueueChange::Move { by: 100 }).unwrap();
        queue.change(2, QueueChange::Move { by: i32::MIN }).unwrap();
        assert_eq!(texts(&queue), ["two", "three", "one"]);
    }

    /// A queue that is passed over a thousand times a second costs nothing, and a crash sends nothing unasked.
    #[test]
    fn only_changes_are_news_and_what_a_crash_left_is_parked() {
        let mut queue = queue();
        assert_eq!(queue.news().map(|prompts| prompts.len()), Some(3));
        assert_eq!(queue.news(), None);
        let mut again = Queue::of(queue.prompts.make_contiguous());
        assert!(again.news().is_some_and(|prompts| prompts.iter().all(|prompt| prompt.parked)));
        assert_eq!(again.pop(), None);
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut queue = Queue::default();
        assert!(queue.push("x".repeat(PROMPTS_QUEUED_BYTES_MAX + 1), Vec::new(), false).is_err());
        (0..PROMPTS_QUEUED_MAX).for_each(|_| queue.push("x".into(), Vec::new(), true).unwrap());
        assert!(queue.push("x".into(), Vec::new(), false).is_err());
    }
}
