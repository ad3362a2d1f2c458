//! The risk of an action, from what we see ourselves: what it does, to how much, and with what evidence.

use crate::checks::is_test;
use crate::model::action::Risk;
use crate::model::event::Dependents;
use crate::model::risk::RiskWeights;
use crate::model::{Action, FileChange, FileEdit, Kind};
use crate::policy::Class;
use std::collections::HashMap;

/// Bytes that weigh as much as a line, where lines are long.
const LINE_BYTES: u64 = 200;

/// The part of its files that an edit changes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Lines that only one of the two versions has; a changed line is one that is removed and one that is added.
    pub lines: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// A version could not be read, so there may be more.
    pub more: bool,
}

impl Size {
    /// Adds what differs between two versions of a file; `None` is a version that cannot be read.
    pub fn add(&mut self, before: Option<&[u8]>, after: Option<&[u8]>) {
        let (Some(before), Some(after)) = (before, after) else {
            self.more = true;
            self.bytes += before.or(after).map_or(0, |bytes| bytes.len() as u64);
            return;
        };
        let mut counts: HashMap<&[u8], i64> = HashMap::new();
        let lines = |bytes| <[u8]>::split_inclusive(bytes, |b: &u8| *b == b'\n');
        lines(before).for_each(|line| *counts.entry(line).or_default() -= 1);
        lines(after).for_each(|line| *counts.entry(line).or_default() += 1);
        for (line, count) in counts {
            self.lines += count.unsigned_abs();
            self.bytes += count.unsigned_abs() * line.len() as u64;
        }
    }

    fn score(self) -> u8 {
        match self.lines.max(self.bytes / LINE_BYTES) {
            0..=60 => 0,
            61..=200 => 8,
            201..=600 => 20,
            601..=2_000 => 30,
            2_001.. => 50,
        }
    }

    fn words(self) -> String {
        let at_least = if self.more { "at least " } else { "" };
        let plural = if self.lines == 1 { "" } else { "s" };
        let long = if self.bytes / LINE_BYTES > self.lines {
            format!(" of {} kB", self.bytes.div_ceil(1_000))
        } else {
            String::new()
        };
        format!("{at_least}{} changed line{plural}{long}", self.lines)
    }
}

/// Returns what a command's class adds to the risk, in words for the user.
fn of_class(class: Class) -> (u8, &'static str) {
    match class {
        Class::Read => (10, "runs a command that only reads"),
        Class::WriteInside => (25, "runs a command that writes in the workspace"),
        Class::Unknown => (30, "runs a command"),
        Class::WriteOutside => (55, "runs a command that writes outside the workspace"),
        Class::Network => (50, "runs a command that reaches the network"),
        Class::Destructive => (60, "runs a command that deletes or overwrites files permanently"),
        Class::Privilege => (75, "runs a command with different rights than yours"),
    }
}

/// Returns what the number of files adds to the risk.
fn of_files(files: u64) -> u8 {
    match files {
        0 => 0,
        1 => 5,
        2..=10 => 5 + (files as u8) * 3,
        11..=49 => 35,
        50..=199 => 50,
        200.. => 65,
    }
}

/// What the host found out about an action.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub class: Class,
    /// How much its files change.
    pub size: Size,
    /// It is at a guard rail.
    pub is_guarded: bool,
    /// It goes beyond what its step declares.
    pub drift: bool,
}

fn counted(files: u64, more: bool) -> String {
    let plural = if files == 1 { "" } else { "s" };
    let over = if more { "more than " } else { "" };
    format!("{over}{files} file{plural}")
}

/// Scores and words of the factors of one action.
struct Factors(Risk);

impl Factors {
    fn add(&mut self, score: u8, weight: u64, factor: impl Into<String>) {
        let score = u64::from(score) * weight / 100;
        self.0.score = u8::try_from(u64::from(self.0.score) + score).unwrap_or(100).min(100);
        // What the user wants not to count is not said.
        if weight > 0 {
            self.0.factors.push(factor.into());
        }
    }

    fn of_files(&mut self, action: &Action, size: Size, weights: &RiskWeights) {
        let files: Vec<&FileEdit> = action.files().iter().collect();
        if !files.is_empty() {
            self.add(of_files(files.len() as u64), weights.files, counted(files.len() as u64, false));
            self.add(size.score(), weights.size, size.words());
        }
        if files.iter().any(|f| f.change == FileChange::Delete) {
            self.add(25, weights.undo, "deletes a file");
        }
        let is_made_executable = |file: &&&FileEdit| {
            file.mode_change().is_some_and(|(before, after)| before.bits() & 0o111 == 0 && after.bits() & 0o111 != 0)
        };
        if let Some(file) = files.iter().find(is_made_executable) {
            self.add(15, weights.commands, format!("makes {} executable", file.path));
        }
        match files.iter().find(|f| is_test(&f.path)) {
            Some(file) => self.add(30, weights.tests, format!("changes a test: {}", file.path)),
            None if !files.is_empty() => self.add(0, weights.tests, "no test file changed"),
            None => {}
        }
    }
}

/// The risk of an action, of what was found out about it.
pub fn risk(action: &Action, seen: &Seen, weights: &RiskWeights) -> Risk {
    let mut factors = Factors(Risk::default());
    factors.of_files(action, seen.size, weights);
    match action.kind() {
        Kind::Command if action.trial().is_some() => factors.add(5, weights.commands, "runs in a private copy only"),
        Kind::Command if action.checks => factors.add(10, weights.commands, "runs the project's tests"),
        Kind::Command => {
            let (score, factor) = of_class(seen.class);
            let weight = if seen.class == Class::Network { weights.network } else { weights.commands };
            factors.add(score, weight, factor);
        }
        Kind::Network => factors.add(50, weights.network, "reaches the network"),
        Kind::Edit | Kind::Read | Kind::Plan | Kind::Other => {}
    }
    if let Some(touches) = action.touches.as_deref().filter(|touches| touches.files > 0) {
        let up_to = if touches.at_most && !touches.more { "up to " } else { "" };
        let words = format!("changes {up_to}{}", counted(touches.files, touches.more));
        factors.add(of_files(touches.files), weights.files, words);
    }
    let runs_freely = action.kind() == Kind::Command && action.trial().is_none() && !action.checks;
    if runs_freely && matches!(seen.class, Class::WriteOutside | Class::Network | Class::Privilege) {
        factors.add(5, weights.undo, "cannot be undone here");
    }
    if seen.is_guarded {
        factors.add(20, weights.guarded, "at a guard rail");
    }
    if seen.drift {
        factors.add(15, weights.drift, "beyond what its step declares");
    }
    if action.rationale.as_ref().is_none_or(|r| r.evidence.is_empty()) && action.kind() != Kind::Read {
        factors.add(10, weights.evidence, "no evidence given");
    }
    factors.0
}

/// What the use of changed definitions in other places adds to the risk: most where they do not fit any more.
fn of_dependents(found: &Dependents) -> u8 {
    let of_places = match found.places {
        0 => 0,
        1..=3 => 3,
        4..=20 => 8,
        21..=100 => 15,
        101.. => 25,
    };
    if found.broken && found.places > 0 { of_places + 10 } else { of_places }
}

/// The risk with what depends on the action.
pub fn with_dependents(risk: Risk, found: &Dependents, weights: &RiskWeights) -> Risk {
    let mut factors = Factors(risk);
    let names = match found.names.as_slice() {
        [] => return factors.0,
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, more @ ..] => format!("{one}, {two} and {} more", more.len()),
    };
    let verb = if found.names.len() == 1 { "is" } else { "are" };
    factors.add(of_dependents(found), weights.dependents, format!("{names} {verb} used in {}", found.words()));
    factors.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(before: &str, after: &str) -> Size {
        let mut size = Size::default();
        size.add(Some(before.as_bytes()), Some(after.as_bytes()));
        size
    }

    #[test]
    fn the_size_of_a_change_weighs_and_is_told() {
        let lines = |n: usize| (0..n).map(|n| format!("line {n}\n")).collect::<String>();
        assert_eq!(size("a\nb\n", "a\nc\n").lines, 2);
        assert_eq!(size("a\na\n", "a\n").lines, 1);
        assert_eq!(size("a\n", "a\n"), Size::default());
        let scores: Vec<u8> = [10, 100, 500, 1_500, 5_716].iter().map(|n| size("", &lines(*n)).score()).collect();
        assert!(scores.is_sorted() && scores.first() < scores.last() && scores.last() >= Some(&50), "{scores:?}");
        assert_eq!(size("", &lines(5_716)).words(), "5716 changed lines");
        let long = size("", &"x".repeat(900_000));
        assert_eq!((long.words().as_str(), long.score()), ("1 changed line of 900 kB", 50));
        let mut unread = Size::default();
        unread.add(None, Some(b"x"));
        assert_eq!(unread.words(), "at least 0 changed lines");
    }

    #[test]
    fn a_factor_counts_as_much_as_it_is_set_to() {
        use crate::model::{Body, Command, Proposal};
        let proposal = Proposal::new("x", Body::Command(Command::shell("curl example.org")));
        let action = Action::file("a1".into(), proposal, None);
        let seen = Seen { class: Class::Network, size: Size::default(), is_guarded: true, drift: true };
        let of = |weights: RiskWeights| risk(&action, &seen, &weights);
        let usual = of(RiskWeights::default());
        assert_eq!(usual.score, 100);
        let factors = ["runs a command that reaches the network", "cannot be undone here", "at a guard rail"];
        assert_eq!(usual.factors.get(..3), Some(&factors.map(str::to_owned)[..]));
        let none = RiskWeights { network: 0, guarded: 0, drift: 0, undo: 0, evidence: 50, ..RiskWeights::default() };
        assert_eq!((of(none).score, of(none).factors), (5, vec!["no evidence given".to_owned()]));
    }

    #[test]
    fn who_depends_on_a_change_weighs_by_how_many_and_by_whether_it_still_fits() {
        let found = |places, broken| Dependents {
            names: vec!["total".into()],
            broken,
            places,
            files: 2,
            ..Dependents::default()
        };
        let of = |found: &Dependents| with_dependents(Risk::default(), found, &RiskWeights::default());
        assert_eq!(
            of(&found(5, false)),
            Risk { score: 8, factors: vec!["total is used in 5 places in 2 files".into()] }
        );
        assert_eq!((of(&found(5, true)).score, of(&found(0, true)).score), (18, 0));
        let more = Dependents { more: true, names: vec!["a".into(), "b".into(), "c".into()], ..found(200, false) };
        assert_eq!(of(&more).factors, ["a, b and 1 more are used in at least 200 places in 2 files"]);
        let none =
            with_dependents(Risk::default(), &found(5, true), &RiskWeights { dependents: 0, ..RiskWeights::default() });
        assert_eq!(none, Risk::default());
    }

    #[test]
    fn many_files_weigh_more_than_few() {
        let scores: Vec<u8> = [1, 2, 5, 10, 30, 60, 500].map(of_files).to_vec();
        assert!(scores.is_sorted() && scores.last() >= Some(&60), "{scores:?}");
        assert_eq!(
            (counted(1, false), counted(3, false), counted(9, true)),
            ("1 file".into(), "3 files".into(), "more than 9 files".into())
        );
    }
}
