//! A rule in the making from the command, the edit or the connection under review: which of its words, directories or
//! names count, where and how long. The host says what it would cover.

use crate::base::{ActionId, Digest};
use crate::model::event::RuleScope;
use crate::model::{Address, Kind};
use crate::policy::{globs, host_patterns, may_star, words};
use crate::ui::app::Scene;
use crate::wire::{Allow, Allowed};
use std::collections::BTreeSet;

/// Minutes of the bounds that a rule can have.
const SHORT_MINUTES: u32 = 30;
const LONG_MINUTES: u32 = 30 * 24 * 60;

const NO_WORDS_IN_FILE: &str = "a file has no words: ← widens the rule to its directory";
const NO_WORDS_IN_HOST: &str = "a host has no words: ← widens the rule to the names beside it";

/// A part of the rule that is widened by itself.
#[derive(Debug)]
enum Part {
    Command(Line),
    File(Place),
    Host(Place),
}

/// A file of the edit and the directories that may take its place, or a host and the names that may.
#[derive(Debug)]
struct Place {
    /// From the file or host itself to the widest.
    globs: Vec<String>,
    at: usize,
}

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
    parts: Vec<Part>,
    at: usize,
    has_step: bool,
    scope: RuleScope,
    /// Place in the bounds that the scope can have.
    bound: usize,
    /// The host's answer on the rule as it is, or why it gave none.
    pub effect: Option<Result<Allowed, String>>,
}

impl Place {
    fn glob(&self) -> &str {
        self.globs.get(self.at).map_or("", String::as_str)
    }
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

    fn words(&self) -> Vec<Word> {
        let star = |is_last| Word { text: "*".to_owned(), is_star: true, is_last };
        let word = |(at, word): (usize, &String)| {
            let is_last = at + 1 == self.kept;
            if self.stars.contains(&at) {
                star(is_last)
            } else {
                Word { text: shell_words::quote(word).into_owned(), is_star: false, is_last }
            }
        };
        let kept = self.argv.iter().take(self.kept).enumerate().map(word);
        kept.chain(self.has_tail().then(|| star(false))).collect()
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
    /// Starts with exactly the words or files of the action under review, in the narrowest scope.
    ///
    /// # Errors
    /// The reason that no rule can be made from it.
    pub fn of(scene: &Scene) -> Result<Self, String> {
        let (state, digest) = scene.held_target().ok_or("no action is pending here")?;
        let parts = match (state.action.kind(), state.action.command()) {
            (Kind::Command, Some(command)) => {
                let line = |argv: Vec<String>| Line { kept: argv.len(), argv, stars: BTreeSet::new(), open: false };
                let lines = words(command).map_err(|why| format!("no rule can cover this line: {why}"))?;
                lines.into_iter().map(line).map(Part::Command).collect()
            }
            (Kind::Edit, _) => {
                let files = state.action.files().iter();
                files.map(|file| Part::File(Place { globs: globs(&file.path), at: 0 })).collect()
            }
            (Kind::Network, _) => {
                let address = state.action.target().and_then(Address::parse);
                let address = address.ok_or("no rule can be made: the address is not a host and a port")?;
                let (own, places) = host_patterns(&address);
                let places = places.into_iter().map(|place| vec![place]);
                std::iter::once(own).chain(places).map(|globs| Part::Host(Place { globs, at: 0 })).collect()
            }
            _ => return Err("a rule can be made from a command, an edit or a connection only".to_owned()),
        };
        let has_step = state.action.step.is_some();
        Ok(Self {
            action: state.action.id.clone(),
            digest,
            option: super::offers::chosen(scene, true).map(|option| option.id.clone()),
            parts,
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

    /// The patterns of commands, the globs of files and the hosts of the rule, each once.
    #[must_use]
    pub fn covers(&self) -> (Vec<String>, Vec<String>, Vec<String>) {
        let (mut patterns, mut paths, mut hosts) = (Vec::new(), Vec::new(), Vec::new());
        for part in &self.parts {
            let (list, text): (&mut Vec<String>, _) = match part {
                Part::Command(line) => (&mut patterns, line.pattern()),
                Part::File(place) => (&mut paths, place.glob().to_owned()),
                Part::Host(place) => (&mut hosts, place.glob().to_owned()),
            };
            if !list.contains(&text) {
                list.push(text);
            }
        }
        (patterns, paths, hosts)
    }

    /// What the rule is about, and what widens it; a command has words.
    #[must_use]
    pub fn about_what(&self) -> (&'static str, Option<&'static str>) {
        match self.parts.first() {
            Some(Part::Command(_)) | None => ("commands", None),
            Some(Part::File(_)) => ("edits", Some("directories")),
            Some(Part::Host(_)) => ("connections", Some("names")),
        }
    }

    /// The words of each part, and which of the parts the keys act on.
    #[must_use]
    pub fn rows(&self) -> (Vec<Vec<Word>>, usize) {
        let row = |part: &Part| match part {
            Part::Command(line) => line.words(),
            Part::File(place) | Part::Host(place) => {
                vec![Word { text: place.glob().to_owned(), is_star: place.at > 0, is_last: true }]
            }
        };
        (self.parts.iter().map(row).collect(), self.at)
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

    /// Moves to the next or previous part.
    pub fn go(&mut self, down: bool) {
        self.at = if down { (self.at + 1).min(self.parts.len().saturating_sub(1)) } else { self.at.saturating_sub(1) };
    }

    /// Puts a `*` in place of the last word and what follows it, or the next directory in place of the file.
    ///
    /// # Errors
    /// The reason that it may not be replaced.
    pub fn cut(&mut self) -> Result<(), &'static str> {
        match self.parts.get_mut(self.at) {
            Some(Part::Command(line)) => line.cut(),
            Some(Part::File(place) | Part::Host(place)) if place.at + 1 < place.globs.len() => {
                place.at += 1;
                Ok(())
            }
            Some(Part::File(_)) => Err("a rule for the whole workspace is not made here"),
            Some(Part::Host(_)) => Err("a wider rule for hosts is not made here: write it in the policy file"),
            None => Ok(()),
        }
    }

    /// Takes back what was cut off last.
    pub fn restore(&mut self) {
        match self.parts.get_mut(self.at) {
            Some(Part::Command(line)) => line.kept = (line.kept + 1).min(line.argv.len()),
            Some(Part::File(place) | Part::Host(place)) => place.at = place.at.saturating_sub(1),
            None => {}
        }
    }

    /// Turns the last word into a `*`, or back.
    ///
    /// # Errors
    /// The reason that it may not be replaced.
    pub fn star(&mut self) -> Result<(), &'static str> {
        self.line()?.star()
    }

    /// Covers any further words, or no longer.
    ///
    /// # Errors
    /// The reason that they may not be covered.
    pub fn toggle_tail(&mut self) -> Result<(), &'static str> {
        self.line()?.toggle_tail()
    }

    fn line(&mut self) -> Result<&mut Line, &'static str> {
        match self.parts.get_mut(self.at) {
            Some(Part::Command(line)) => Ok(line),
            Some(Part::Host(_)) => Err(NO_WORDS_IN_HOST),
            Some(Part::File(_)) | None => Err(NO_WORDS_IN_FILE),
        }
    }

    /// The request that makes the rule, or only asks what it would cover.
    #[must_use]
    pub fn request(&self, preview: bool) -> Allow {
        let (patterns, globs, hosts) = self.covers();
        Allow {
            action: self.action.clone(),
            digest: self.digest,
            patterns,
            globs,
            hosts,
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
