//! The messages that were sent before, walked with the arrows or searched. The draft is the newest of them, and what is
//! changed on the way is kept until something is sent.

use crate::base::RelPath;
use crate::model::{PromptPart, prompt_text};
use crate::ui::limits::UI_HISTORY_ENTRIES_MAX;
use std::collections::BTreeMap;

/// A message.
pub type Parts = Vec<PromptPart>;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Oldest first.
    sent: Vec<Parts>,
    /// Those at the end that this client sent.
    own: usize,
    /// The one that is shown; the draft when there is none.
    at: Option<usize>,
    /// What the user made of an entry, and of the draft, before going on to another one.
    changed: BTreeMap<Option<usize>, Parts>,
}

impl History {
    /// Adds what was sent in former sessions of the project, before everything that is known.
    pub fn load(&mut self, mut older: Vec<Parts>) {
        older.append(&mut self.sent);
        self.sent = older;
        self.leave();
        self.bound();
    }

    /// Remembers what was sent; the next walk starts from a fresh draft.
    pub fn add(&mut self, parts: Parts) {
        self.leave();
        if self.sent.last() != Some(&parts) {
            self.sent.push(parts);
            self.own += 1;
        }
        self.bound();
    }

    /// Adds the messages of this session that this client did not send, in their order among those it did. A walk that
    /// has begun is not disturbed.
    pub fn hear(&mut self, messages: &[(&str, &[PromptPart])]) {
        if self.at.is_some() {
            return;
        }
        // What the agent has not received yet is newer than all that it has.
        let is_known = |parts: &Parts| messages.iter().any(|(text, _)| *text == prompt_text(parts));
        let unsent = self.sent.iter().rev().take(self.own).take_while(|parts| !is_known(parts)).count();
        let mut before = self.sent.len() - unsent;
        for (text, parts) in messages.iter().rev() {
            match self.sent.iter().rposition(|parts| prompt_text(parts) == *text) {
                Some(at) => before = before.min(at),
                None if parts.is_empty() => self.sent.insert(before, vec![PromptPart::text(*text)]),
                None => self.sent.insert(before, parts.to_vec()),
            }
        }
        self.bound();
    }

    fn bound(&mut self) {
        let over = self.sent.len().saturating_sub(UI_HISTORY_ENTRIES_MAX);
        if over > 0 {
            self.sent.drain(..over);
            self.own = self.own.min(self.sent.len());
            self.leave();
        }
    }

    fn leave(&mut self) {
        (self.at, self.changed) = (None, BTreeMap::new());
    }

    /// The entry before or after the one that is shown, in exchange for what is shown now.
    pub fn step(&mut self, older: bool, shown: Parts) -> Option<Parts> {
        let next = match (older, self.at) {
            (true, None) => Some(self.sent.len().checked_sub(1)?),
            (true, Some(at)) => Some(at.checked_sub(1)?),
            (false, None) => return None,
            (false, Some(at)) => Some(at + 1).filter(|at| *at < self.sent.len()),
        };
        Some(self.go(next, shown))
    }

    fn go(&mut self, next: Option<usize>, shown: Parts) -> Parts {
        self.changed.insert(self.at, shown);
        self.at = next;
        let kept = self.changed.get(&next).cloned();
        kept.or_else(|| self.sent.get(next?).cloned()).unwrap_or_default()
    }

    /// The newest entry before `before` that holds these words in any case.
    pub fn find(&self, words: &str, before: usize) -> Option<(usize, &Parts)> {
        let words = words.to_lowercase();
        let found = |(_, parts): &(usize, &Parts)| prompt_text(parts).to_lowercase().contains(&words);
        self.sent.iter().enumerate().take(before).rev().find(found)
    }

    /// The files that were mentioned, the most and latest mentioned ones first.
    pub fn files(&self, most: usize) -> Vec<RelPath> {
        let mut scores: Vec<(f64, &RelPath)> = Vec::new();
        for (age, parts) in self.sent.iter().rev().enumerate() {
            let weight = 1.0 / (1.0 + f64::from(u32::try_from(age).unwrap_or(u32::MAX)) / 10.0);
            for part in parts {
                let PromptPart::File { path, .. } = part else { continue };
                match scores.iter_mut().find(|(_, known)| *known == path) {
                    Some((score, _)) => *score += weight,
                    None => scores.push((weight, path)),
                }
            }
        }
        scores.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        scores.into_iter().take(most).map(|(_, path)| path.clone()).collect()
    }

    pub fn len(&self) -> usize {
        self.sent.len()
    }

    /// Shows the entry that was found, in exchange for what is shown now.
    pub fn take(&mut self, at: usize, shown: Parts) -> Parts {
        self.go(Some(at), shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Parts {
        vec![PromptPart::text(text)]
    }

    fn history() -> History {
        let mut history = History::default();
        history.load(vec![parts("one"), parts("two")]);
        history.add(parts("three"));
        history
    }

    /// A draft and every entry that was changed survive the walk (cc#55275, gm#14617).
    #[test]
    fn the_draft_and_what_was_changed_are_kept() {
        let mut history = history();
        assert_eq!(history.step(true, parts("draft\nof\nthree")), Some(parts("three")));
        assert_eq!(history.step(true, parts("three!")), Some(parts("two")));
        assert_eq!(history.step(false, parts("two")), Some(parts("three!")));
        assert_eq!(history.step(false, parts("three!")), Some(parts("draft\nof\nthree")));
        assert_eq!(history.step(false, parts("draft")), None);
        (0..3).for_each(|_| drop(history.step(true, parts("x"))));
        assert_eq!(history.step(true, parts("x")), None, "there is nothing before the first");
    }

    #[test]
    fn sending_begins_a_new_walk() {
        let mut history = history();
        history.step(true, parts("a"));
        history.add(parts("three!"));
        history.add(parts("three!"));
        assert_eq!(history.step(true, Parts::new()), Some(parts("three!")));
        assert_eq!(history.step(true, parts("three!")), Some(parts("three")));
    }

    /// The goal and what other clients sent are not newer than the last message.
    #[test]
    fn the_newest_message_comes_first() {
        let mut history = history();
        history.add(parts("waits"));
        history.hear(&[("goal", &[]), ("three", &[]), ("of another", &[])]);
        let mut walk = || history.step(true, Parts::new()).map(|parts| prompt_text(&parts));
        let walked: Vec<String> = std::iter::from_fn(&mut walk).collect();
        assert_eq!(walked, ["waits", "of another", "three", "goal", "two", "one"]);
        let mut alone = History::default();
        alone.hear(&[("goal", &[])]);
        assert_eq!(alone.step(true, Parts::new()), Some(parts("goal")));
    }

    #[test]
    fn words_are_found_from_the_newest_on() {
        let history = history();
        assert_eq!(history.find("T", history.len()).map(|(at, _)| at), Some(2));
        assert_eq!(history.find("t", 2).map(|(at, _)| at), Some(1));
        assert_eq!(history.find("zzz", history.len()), None);
    }

    #[test]
    fn files_that_are_mentioned_often_and_lately_come_first() {
        let mention = |path: &str| vec![PromptPart::File { path: RelPath::new(path).unwrap(), lines: None }];
        let mut history = History::default();
        history.load(["old", "often", "often", "often", "late"].map(mention).to_vec());
        let files: Vec<String> = history.files(3).iter().map(ToString::to_string).collect();
        assert_eq!(files, ["often", "late", "old"]);
        assert_eq!(history.files(1).len(), 1);
    }

    #[test]
    fn the_history_is_bounded() {
        let mut history = History::default();
        history.load((0..2 * UI_HISTORY_ENTRIES_MAX).map(|n| parts(&n.to_string())).collect());
        assert_eq!(history.len(), UI_HISTORY_ENTRIES_MAX);
    }
}
