//! The built-in rules, one a file: what each watches for, when it applies, and examples that are its tests and its
//! manual.
//!
//! A rule that tightens judges a matter as a whole. A rule that permits is asked about every simple command, and a
//! line is allowed only when each of its commands is permitted by some rule.

use crate::model::Rail;
use crate::model::event::RulingWord;
use crate::policy::command::shell::Simple;
use crate::policy::matter::Matter;
use crate::policy::place::Place;
use std::path::Path;

/// The verdict of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    pub word: RulingWord,
    pub reason: String,
    /// The word a user must type to approve all the same.
    pub confirm: Option<String>,
    /// The guard rail that speaks.
    pub rail: Option<Rail>,
}

impl Voice {
    pub(super) fn ask(reason: impl Into<String>) -> Self {
        Self { word: RulingWord::Ask, reason: reason.into(), confirm: None, rail: None }
    }

    fn deny(reason: impl Into<String>) -> Self {
        Self { word: RulingWord::Deny, reason: reason.into(), confirm: None, rail: None }
    }
}

/// A question with everything a rule may use.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub matter: &'a Matter,
    pub place: &'a Place<'a>,
    /// The detected or configured test commands, as exact argument lists.
    pub tests: &'a [Vec<String>],
}

/// The way a rule judges.
#[derive(Clone, Copy)]
pub enum Judge {
    /// Tightens, and nothing loosens it again.
    Always(fn(&Case<'_>) -> Option<Voice>),
    /// Tightens unless the whole line is spelled out by rules: the test command, or a user's rule without `*`.
    UnlessExact(fn(&Case<'_>) -> Option<Voice>),
    /// Says why it asks where no rule permits; a user's allow rule goes before it.
    Otherwise(fn(&Case<'_>) -> Option<Voice>),
    /// Permits one simple command that starts in the given directory, or a matter that is not a command.
    Permits { command: fn(&Simple, &Path, &Case<'_>) -> bool, matter: fn(&Case<'_>) -> bool, exact: bool },
}

/// A built-in rule.
#[derive(Clone, Copy)]
pub struct Builtin {
    /// Stable name, for the journal and for people.
    pub id: &'static str,
    /// One sentence for the manual.
    pub about: &'static str,
    pub judge: Judge,
    /// Examples on which it decides: shell lines, or `read PATH`, `write PATH`, `delete PATH` after an `@`.
    pub speaks_on: &'static [&'static str],
    /// Examples next to them on which it is silent.
    pub silent_on: &'static [&'static str],
}

/// Declares the files of the rules and lists them.
macro_rules! rules {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*

        /// All of them. The order means nothing.
        pub const RULES: &[&Builtin] = &[$(&$name::RULE),*];
    };
}

rules! {
    destructive,
    guarded_path,
    infrastructure,
    network,
    outside,
    own_files,
    privilege,
    program_in_disguise,
    read_inside,
    repository_tools,
    secret_files,
    shell_doubt,
    test_command,
}

/// The rule about deletions, which speaks where no rule allows one.
pub const DESTRUCTIVE: &str = destructive::RULE.id;

/// Every list of words that a command line would run, as far as it can be known.
fn commands(case: &Case<'_>) -> Vec<Vec<Option<String>>> {
    match case.matter {
        Matter::Command { script, .. } => {
            script.parts.iter().flat_map(|p| crate::policy::command::programs::unwrapped(p, 0)).collect()
        }
        Matter::Path { .. } | Matter::Network(_) | Matter::Plan | Matter::Other(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Policy, matter::Op};

    fn judged(example: &str) -> crate::policy::Judged {
        let policy = Policy::builtin(vec![vec!["cargo".into(), "test".into()]]);
        let place = Place {
            own: vec!["/home/me/.config/rightseat".into(), "/home/me/.local/state/rightseat".into()],
            ..Place::of("/w")
        };
        let matter = match example.strip_prefix('@').and_then(|e| e.split_once(' ')) {
            Some((op, path)) => {
                Matter::Path { op: Op::parse(op).unwrap(), path: path.to_owned(), cwd: "/w".into(), spares: None }
            }
            None => Matter::line(example, Path::new("/w")),
        };
        policy.judge(&matter, &place)
    }

    #[test]
    fn every_example_of_every_rule_holds() {
        for rule in RULES {
            assert!(!rule.speaks_on.is_empty() && !rule.silent_on.is_empty(), "{} has no examples", rule.id);
            for example in rule.speaks_on {
                let found = judged(example);
                assert_eq!(found.rule, rule.id, "{example}: {found:?}");
            }
            for example in rule.silent_on {
                let found = judged(example);
                assert_ne!(found.rule, rule.id, "{example}: {found:?}");
            }
        }
    }
}
