//! A rule that a user wrote, and how far its word reaches.
//!
//! An allow rule reaches as far as it is spelled out. The words that only a `*` covers must not name other programs,
//! switch on options that run or write something, or lead out of the workspace; those lines still ask.

pub(super) mod always;
pub(super) mod bounds;
pub(super) mod file;
pub(super) mod hosts;
pub(super) mod paths;
mod star;

use crate::base::StepId;
use crate::model::event::RulingWord;
use crate::model::{Address, Area};
use crate::policy::command::class::Class;
use crate::policy::command::named::{How, Named, named as named_paths};
use crate::policy::command::programs::{class_of, unwrapped};
use crate::policy::command::reading::{Found, Search, found_below};
use crate::policy::command::shell::Simple;
use crate::policy::command::tokens::Tokens;
use crate::policy::matter::{Matter, Op};
use crate::policy::place::{Place, Scope, Target, normalise};
use crate::policy::rules::{Case, Voice};
use crate::policy::user::bounds::Bounds;
use crate::policy::user::hosts::Hosts;
use crate::policy::user::paths::Paths;
use std::path::Path;

/// Kinds of matter that a rule may be limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verb {
    Command,
    Read,
    Edit,
    Delete,
    Network,
    Plan,
    Other,
}

impl Verb {
    /// As it is in a file.
    fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Read => "read",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Network => "network",
            Self::Plan => "plan",
            Self::Other => "other",
        }
    }
}

/// One rule of a policy file.
#[derive(Debug, Clone)]
pub(super) struct UserRule {
    pub id: String,
    pub word: RulingWord,
    pub reason: Option<String>,
    /// Empty: any kind that the patterns fit.
    pub kinds: Vec<Verb>,
    pub commands: Vec<Tokens>,
    pub paths: Option<Paths>,
    pub hosts: Option<Hosts>,
    pub bounds: Bounds,
}

/// A rule as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    pub word: RulingWord,
    /// What it is about, in the words of the file.
    pub text: String,
    pub bounds: Bounds,
}

impl UserRule {
    /// Returns whether its bounds are met here and now.
    pub fn counts(&self, step: Option<&StepId>, place: &Place<'_>) -> bool {
        self.bounds.are_met(self.word != RulingWord::Allow, step, place)
    }

    /// The rule for a list.
    pub fn listed(&self) -> Listed {
        let kinds = self.kinds.iter().map(|verb| verb.word().to_owned());
        let commands = self.commands.iter().map(|tokens| tokens.words().join(" "));
        let paths = self.paths.iter().flat_map(Paths::globs).cloned();
        let hosts = self.hosts.iter().flat_map(Hosts::texts).cloned();
        let about: Vec<String> = commands.chain(paths).chain(hosts).collect();
        let text = if about.is_empty() { kinds.collect::<Vec<_>>().join(", ") } else { about.join(" · ") };
        Listed { id: self.id.clone(), word: self.word, text, bounds: self.bounds.clone() }
    }

    /// An allow rule of one pattern, numbered as it was given.
    pub fn pattern(number: usize, pattern: &str) -> Option<Self> {
        let commands = vec![Tokens::parse(pattern).ok()?];
        Some(Self {
            id: format!("given:{number}"),
            word: RulingWord::Allow,
            reason: None,
            kinds: vec![Verb::Command],
            commands,
            paths: None,
            hosts: None,
            bounds: Bounds::default(),
        })
    }

    /// It says nothing but the kinds.
    fn is_bare(&self) -> bool {
        self.commands.is_empty() && self.paths.is_none() && self.hosts.is_none()
    }

    fn concerns(&self, verb: Verb) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&verb)
    }

    /// For allow rules: whether one simple command is permitted, and if it is spelled out to the last word.
    pub fn permits_command(&self, simple: &Simple, at: &Path, case: &Case<'_>) -> Option<bool> {
        // The expansion of a pattern was not known when the rule was written.
        if self.word != RulingWord::Allow || !self.concerns(Verb::Command) || !simple.patterns.is_empty() {
            return None;
        }
        if !simple.reads.iter().all(|file| case.place.disk.is_some() && case.place.is_inside(at, file)) {
            return None;
        }
        let argv = &simple.argv;
        let reach = self.commands.iter().filter_map(|t| t.matches(argv).map(|m| (t, m)));
        reach.filter(|(t, m)| star::reaches(t, m, argv, at, case.place)).map(|(_, m)| m.wild.is_empty()).max()
    }

    /// For allow rules: returns whether something other than a command is permitted.
    pub fn permits_matter(&self, case: &Case<'_>) -> bool {
        self.word == RulingWord::Allow
            && match case.matter {
                Matter::Path { op, path, cwd, .. } => {
                    let inside = match case.place.target(cwd, path) {
                        Target::Inside(inside) => inside.to_string_lossy().into_owned(),
                        Target::Outside(_) | Target::Own(_) => return false,
                    };
                    self.concerns(verb(*op)) && self.paths.as_ref().is_some_and(|p| p.names(&inside))
                }
                Matter::Command { .. } => false,
                Matter::Network(to) => match (&self.hosts, Address::parse(to)) {
                    (Some(hosts), Some(address)) => hosts.permit(&address),
                    (Some(_), None) => false,
                    // The machines around are named, or are not meant.
                    (None, address) => {
                        let is_public = address.is_none_or(|address| address.area() == Area::Public);
                        self.is_bare() && self.kinds.contains(&Verb::Network) && is_public
                    }
                },
                Matter::Plan => self.kinds.contains(&Verb::Plan) && self.is_bare(),
                Matter::Other(_) => false,
            }
    }

    /// For ask and deny rules: what the rule says to a matter.
    pub fn tightens(&self, case: &Case<'_>) -> Option<Voice> {
        if self.word == RulingWord::Allow {
            return None;
        }
        let told = || self.reason.clone().unwrap_or_else(|| "one of your rules applies".to_owned());
        let (word, reason) = match self.touches(case)? {
            Touch::Surely => (self.word, told()),
            Touch::Perhaps(what) => (RulingWord::Ask, format!("{what} ({})", told())),
        };
        Some(Voice { word, reason, confirm: None, rail: None })
    }

    fn touches(&self, case: &Case<'_>) -> Option<Touch> {
        let bare = self.is_bare();
        let surely = |is: bool| is.then_some(Touch::Surely);
        match case.matter {
            Matter::Command { script, cwd, .. } => {
                let named = script
                    .parts
                    .iter()
                    .flat_map(|p| unwrapped(p, 0))
                    .any(|w| self.commands.iter().any(|t| t.may_match(&w)));
                if self.concerns(Verb::Command) && (named || (bare && self.kinds.contains(&Verb::Command))) {
                    return Some(Touch::Surely);
                }
                let paths = self.paths.as_ref()?;
                // A rule about changes leaves a command alone that only looks.
                let looks = !script.opaque && script.parts.iter().all(|p| class_of(p, cwd, case.place) == Class::Read);
                let changes_only = !self.kinds.is_empty() && !self.concerns(Verb::Read);
                if looks && changes_only {
                    return None;
                }
                // A path that a rule forbids is forbidden to commands as well, read or written.
                let touches: Vec<Touch> =
                    named_paths(case).iter().filter_map(|n| touch(paths, n, case.place)).collect();
                touches.iter().find(|t| **t == Touch::Surely).or_else(|| touches.first()).cloned()
            }
            Matter::Path { op, path, cwd, .. } => surely(
                self.concerns(verb(*op))
                    && ((bare && self.kinds.contains(&verb(*op)))
                        || self.paths.as_ref().is_some_and(|p| covers(p, path, cwd, case.place))),
            ),
            Matter::Network(to) => match (&self.hosts, Address::parse(to)) {
                (Some(hosts), Some(address)) => surely(hosts.concern(&address)),
                (Some(_), None) => Some(Touch::Perhaps(format!("the host of {to} cannot be determined"))),
                (None, _) => surely(bare && self.kinds.contains(&Verb::Network)),
            },
            Matter::Plan => surely(bare && self.kinds.contains(&Verb::Plan)),
            Matter::Other(_) => surely(bare && self.kinds.contains(&Verb::Other)),
        }
    }
}

/// The certainty that a rule applies.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Touch {
    Surely,
    /// In doubt; why, in words.
    Perhaps(String),
}

fn covers(paths: &Paths, path: &str, at: &Path, place: &Place<'_>) -> bool {
    let by_text = normalise(&at.join(path)).and_then(|p| p.strip_prefix(&place.root).map(Path::to_owned).ok());
    let real = match place.target(at, path) {
        Target::Inside(p) | Target::Outside(p) | Target::Own(p) => p,
    };
    paths.cover(&real.to_string_lossy())
        || by_text.is_some_and(|p| paths.cover(&p.to_string_lossy()))
        || (at == place.root && paths.cover(path))
}

/// Returns how a rule's paths relate to a word of a command line.
fn touch(paths: &Paths, named: &Named, place: &Place<'_>) -> Option<Touch> {
    if named.at.iter().any(|at| covers(paths, &named.word, at, place)) {
        return Some(Touch::Surely);
    }
    let (search, certain) = match named.how {
        How::Enters | How::Looks | How::Changes | How::Written => return None,
        How::Searches(search) => (search, false),
        How::ChangesBelow => (Search::Below(Scope::ALL), true),
        How::Unknown => (Search::Below(Scope::ALL), false),
    };
    named.at.iter().find_map(|at| {
        let Target::Inside(dir) = place.target(at, &named.word) else { return None };
        if search != Search::Tracked && !paths.may_be_below(&dir.to_string_lossy()) {
            return None;
        }
        let found = if place.disk.is_some() {
            found_below(place, at, &named.word, search, &|file| paths.cover(file))
        } else {
            Found::Unknown
        };
        let word = &named.word;
        match found {
            Found::Nothing => None,
            Found::File(_) if certain => Some(Touch::Surely),
            Found::File(file) => Some(Touch::Perhaps(format!("it may reach {file} through {word}"))),
            Found::Unknown => Some(Touch::Perhaps(format!("what it reaches in {word} cannot be determined"))),
        }
    })
}

fn verb(op: Op) -> Verb {
    match op {
        Op::Read => Verb::Read,
        Op::Write | Op::Create => Verb::Edit,
        Op::Delete => Verb::Delete,
    }
}
