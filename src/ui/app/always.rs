//! A rule in the making from the command under review: which of its words count, where and how long. The host says what
//! it would cover.

use crate::base::{ActionId, Digest};
use crate::model::event::RuleScope;
use crate::policy::{may_star, words};
use crate::ui::app::Scene;
use crate::wire::{Allow, Allowed};
use std::collections::BTreeSet;

/// Minutes of the bounds that a rule can have.
const SHORT_MINUTES: u32 = 30;
const LONG_MINUTES: u32 = 30 * 24 * 60;

/// One command of the line.
#[derive(Debug)]
struct Line {
    argv: Vec<String>,
    /// Words from the start that are part of the rule; the others are a `*`.
    kept: usize,
    /// Kept words that are a `*`.
    stars: BTreeSet<usize>,
    /// Any further words are covered too.
    open: bool,
}

/// A word of the rule, for drawing.
#[derive(Debug, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub is_star: bool,
    /// The keys act on it.
    pub is_last: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Always {
    action: ActionId,
    digest: Digest,
    option: Option<String>,
    lines: Vec<Line>,
    at: usize,
    has_step: bool,
    scope: RuleScope,
    /// Place in the bounds that the scope can have.
    bound: usize,
    /// The host's answer on the rule as it is, or why it gave none.
    pub effect: Option<Result<Allowed, String>>,
}

impl Line {
    fn pattern(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        for (at, word) in self.argv.iter().take(self.kept).enumerate() {
            let is_star = self.stars.contains(&at);
            words.push(if is_star { "*".to_owned() } else { shell_words::quote(word).into_owned() });
        }
        if self.has_tail() {
            words.push("*".to_owned());
        }
        words.join(" ")
    }

    fn has_tail(&self) -> bool {
        self.open || self.kept < self.argv.len()
    }

    fn cut(&mut self) -> Result<(), &'static str> {
        let last = self.kept.saturating_sub(1);
        may_star(&self.argv, last)?;
        self.stars.remove(&last);
        self.kept = last;
        Ok(())
    }

    fn star(&mut self) -> Result<(), &'static str> {
        let last = self.kept.saturating_sub(1);
        if !self.stars.remove(&last) {
            may_star(&self.argv, last)?;
            self.stars.insert(last);
        }
        Ok(())
    }

    fn toggle_tail(&mut self) -> Result<(), &'static str> {
        if !self.open {
            may_star(&self.argv, self.argv.len())?;
        }
        self.open = !self.open;
        Ok(())
    }
}

impl Always {
    /// Starts with exactly the words of the command under review, in the narrowest scope.
    ///
    /// # Errors
    /// The reason that no rule can be made from it.
    pub fn of(scene: &Scene) -> Result<Self, String> {
        let (state, digest) = scene.held_target().ok_or("no action is pending here")?;
        let command = state.action.command().ok_or("a rule can be made from a command only")?;
        let line = |argv: Vec<String>| Line { kept: argv.len(), argv, stars: BTreeSet::new(), open: false };
        let lines = words(command).map_err(|why| format!("no rule can cover this line: {why}"))?;
        let has_step = state.action.step.is_some();
        Ok(Self {
            action: state.action.id.clone(),
            digest,
            option: super::offers::chosen(scene, true).map(|option| option.id.clone()),
            lines: lines.into_iter().map(line).collect(),
            at: 0,
            has_step,
            scope: if has_step { RuleScope::Step } else { RuleScope::Session },
            bound: 0,
            effect: None,
        })
    }

    /// The revision of the action that it is made from.
    #[must_use]
    pub fn about(&self) -> (&ActionId, &Digest) {
        (&self.action, &self.digest)
    }

    /// The patterns of the rule, each once.
    #[must_use]
    pub fn patterns(&self) -> Vec<String> {
        let mut patterns: Vec<String> = Vec::new();
        for pattern in self.lines.iter().map(Line::pattern) {
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
        patterns
    }

    /// The words of each command, and which of the commands the keys act on.
    #[must_use]
    pub fn rows(&self) -> (Vec<Vec<Word>>, usize) {
        let row = |line: &Line| {
            let star = |is_last| Word { text: "*".to_owned(), is_star: true, is_last };
            let word = |(at, word): (usize, &String)| {
                let is_last = at + 1 == line.kept;
                if line.stars.contains(&at) {
                    star(is_last)
                } else {
                    Word { text: shell_words::quote(word).into_owned(), is_star: false, is_last }
                }
            };
            let kept = line.argv.iter().take(line.kept).enumerate().map(word);
            kept.chain(line.has_tail().then(|| star(false))).collect()
        };
        (self.lines.iter().map(row).collect(), self.at)
    }

    /// Where and how long the rule counts, in words.
    #[must_use]
    pub fn bounds(&self) -> (&'static str, &'static str) {
        let scope = match self.scope {
            RuleScope::Step => "in this plan step",
            RuleScope::Session => "in this session",
            RuleScope::Project => "in this project",
            RuleScope::User => "everywhere",
        };
        (scope, self.bound().1)
    }

    /// The rule goes into the user's policy file.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.scope.is_kept()
    }

    fn bound(&self) -> (Option<u32>, &'static str) {
        let short = (Some(SHORT_MINUTES), "for 30 minutes");
        let long = (Some(LONG_MINUTES), "for 30 days");
        let bounds: &[(Option<u32>, &str)] = match self.scope {
            RuleScope::Step | RuleScope::Session => &[short, (None, "until the session ends")],
            RuleScope::Project => &[short, long],
            RuleScope::User => &[short, long, (None, "until you revoke it")],
        };
        bounds.get(self.bound % bounds.len()).copied().unwrap_or(short)
    }

    /// The next scope, from the narrowest to the widest and back; with its shortest time.
    pub fn next_scope(&mut self) {
        self.bound = 0;
        self.scope = match self.scope {
            RuleScope::Step => RuleScope::Session,
            RuleScope::Session => RuleScope::Project,
            RuleScope::Project => RuleScope::User,
            RuleScope::User if self.has_step => RuleScope::Step,
            RuleScope::User => RuleScope::Session,
        };
    }

    pub fn next_bound(&mut self) {
        self.bound = self.bound.wrapping_add(1) % 6;
    }

    /// Moves to the next or previous command of the line.
    pub fn go(&mut self, down: bool) {
        self.at = if down { (self.at + 1).min(self.lines.len().saturating_sub(1)) } else { self.at.saturating_sub(1) };
    }

    /// Puts a `*` in place of the last word and what follows it.
    ///
    /// # Errors
    /// The reason that it may not be replaced.
    pub fn cut(&mut self) -> Result<(), &'static str> {
        self.lines.get_mut(self.at).map_or(Ok(()), Line::cut)
    }

    /// Takes the word back that was cut off last.
    pub fn restore(&mut self) {
        if let Some(line) = self.lines.get_mut(self.at) {
            line.kept = (line.kept + 1).min(line.argv.len());
        }
    }

    /// Turns the last word into a `*`, or back.
    ///
    /// # Errors
    /// The reason that it may not be replaced.
    pub fn star(&mut self) -> Result<(), &'static str> {
        self.lines.get_mut(self.at).map_or(Ok(()), Line::star)
    }

    /// Covers any further words, or no longer.
    ///
    /// # Errors
    /// The reason that they may not be covered.
    pub fn toggle_tail(&mut self) -> Result<(), &'static str> {
        self.lines.get_mut(self.at).map_or(Ok(()), Line::toggle_tail)
    }

    /// The request that makes the rule, or only asks what it would cover.
    #[must_use]
    pub fn request(&self, preview: bool) -> Allow {
        Allow {
            action: self.action.clone(),
            digest: self.digest,
            patterns: self.patterns(),
            scope: self.scope,
            minutes: self.bound().0,
            option: self.option.clone(),
            preview,
        }
    }

    /// Takes the host's answer, if it is about the rule as it is now.
    pub fn answered(&mut self, asked: &Allow, effect: Result<Allowed, String>) {
        if *asked == self.request(true) {
            self.effect = Some(effect);
        }
    }
}
