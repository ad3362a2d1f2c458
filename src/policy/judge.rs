//! From rules to one word: collects what every rule says and lets the most restrictive win.

use crate::model::Rail;
use crate::model::decide::Ruling;
use crate::model::event::RulingWord;
use crate::policy::Policy;
use crate::policy::command::class::Class;
use crate::policy::command::course::{Starts, starts};
use crate::policy::command::programs;
use crate::policy::command::shell::{Joint, Part, Script, Simple};
use crate::policy::matter::{Matter, Op};
use crate::policy::place::{Place, Target};
use crate::policy::rules::{Case, DESTRUCTIVE, Judge, RULES, Voice};
use std::path::Path;

/// The rule of what no rule speaks about.
const NO_RULE: &str = "no-rule";

/// A ruling with everything there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub word: RulingWord,
    pub class: Class,
    /// The rule that spoke; several, joined with `+`, when a line was allowed in parts.
    pub rule: String,
    pub reason: String,
    /// The word a user must type to approve all the same.
    pub confirm: Option<String>,
    /// The guard rail that it is at.
    pub rail: Option<Rail>,
}

/// The rule that allows a matter, and whether every word of it was spelled out.
struct Leave {
    rules: Vec<String>,
    exact: bool,
}

/// Strength of a voice: an ask that nothing loosens comes before one that could have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    Always,
    UnlessExact,
    Otherwise,
}

impl Judged {
    /// A ruling on something of this class.
    pub fn new(ruling: Ruling, class: Class) -> Self {
        let Ruling { word, rule, reason, confirm, rail } = ruling;
        Self { word, class, rule, reason, confirm, rail }
    }

    /// The most restrictive of several; asking for confirmation, and the guard rail, are kept from any of them.
    pub(super) fn worst(mut all: Vec<Self>) -> Self {
        let confirm = all.iter().find_map(|j| j.confirm.clone());
        let rail = all.iter().find_map(|j| j.rail.clone());
        let class = all.iter().map(|j| j.class).max().unwrap_or(Class::Unknown);
        all.sort_by(|a, b| {
            (rank(b.word), b.confirm.is_some(), &a.rule, &a.reason).cmp(&(
                rank(a.word),
                a.confirm.is_some(),
                &b.rule,
                &b.reason,
            ))
        });
        let worst = all.into_iter().next();
        worst.map_or_else(nothing_spoke, |worst| Self { confirm, rail, class, ..worst })
    }

    /// Returns whether no rule speaks against it: it is allowed, or only nothing allows it, or it deletes.
    pub fn is_unopposed(&self) -> bool {
        match self.word {
            RulingWord::Allow => true,
            RulingWord::Ask => [NO_RULE, DESTRUCTIVE].contains(&self.rule.as_str()) && self.confirm.is_none(),
            RulingWord::Deny => false,
        }
    }

    /// As the core takes it.
    pub fn ruling(&self) -> Ruling {
        let Self { word, rule, reason, confirm, rail, .. } = self.clone();
        Ruling { word, rule, reason, confirm, rail }
    }
}

fn nothing_spoke() -> Judged {
    Judged {
        word: RulingWord::Ask,
        class: Class::Unknown,
        rule: NO_RULE.to_owned(),
        reason: "no rule allows it".to_owned(),
        confirm: None,
        rail: None,
    }
}

fn rank(word: RulingWord) -> u8 {
    match word {
        RulingWord::Allow => 0,
        RulingWord::Ask => 1,
        RulingWord::Deny => 2,
    }
}

pub(super) fn judge(policy: &Policy, matter: &Matter, place: &Place<'_>) -> Judged {
    let case = Case { matter, place, tests: &policy.tests };
    let class = class(matter, place);
    let leave = leave(policy, &case);
    let exact = leave.as_ref().is_some_and(|l| l.exact);
    let mut voices: Vec<(Tier, String, Voice)> = Vec::new();
    if let Some(broken) = &policy.broken {
        let reason = format!("the policy file could not be read, so everything asks: {broken}");
        voices.push((Tier::Always, "policy-broken".into(), Voice::ask(reason)));
    }
    for rule in RULES {
        let spoken = match rule.judge {
            Judge::Always(speak) => speak(&case).map(|v| (Tier::Always, v)),
            Judge::UnlessExact(speak) if !exact => speak(&case).map(|v| (Tier::UnlessExact, v)),
            Judge::Otherwise(speak) if leave.is_none() => speak(&case).map(|v| (Tier::Otherwise, v)),
            Judge::UnlessExact(_) | Judge::Otherwise(_) | Judge::Permits { .. } => None,
        };
        voices.extend(spoken.map(|(tier, voice)| (tier, rule.id.to_owned(), voice)));
    }
    voices.extend(policy.user.iter().filter_map(|r| r.tightens(&case).map(|v| (Tier::Always, r.id.clone(), v))));
    let confirm = voices.iter().find_map(|(_, _, v)| v.confirm.clone());
    let rail = voices.iter().find_map(|(_, _, v)| v.rail.clone());
    let first = voices.into_iter().min_by(|(ta, ia, va), (tb, ib, vb)| {
        (rank(vb.word), *ta, va.confirm.is_none(), ia).cmp(&(rank(va.word), *tb, vb.confirm.is_none(), ib))
    });
    match (first, leave) {
        (Some((_, rule, voice)), _) => Judged { word: voice.word, class, rule, reason: voice.reason, confirm, rail },
        (None, Some(leave)) => {
            let rule = leave.rules.join("+");
            Judged {
                word: RulingWord::Allow,
                class,
                reason: format!("allowed by {rule}"),
                rule,
                confirm: None,
                rail: None,
            }
        }
        (None, None) => Judged { class, ..nothing_spoke() },
    }
}

/// Returns the permission for the whole matter, if there is one.
fn leave(policy: &Policy, case: &Case<'_>) -> Option<Leave> {
    match case.matter {
        Matter::Command { script, cwd, .. } => command_leave(policy, case, script, cwd),
        Matter::Path { .. } | Matter::Network(_) | Matter::Plan | Matter::Other(_) => {
            let builtin = RULES.iter().filter_map(|r| match r.judge {
                Judge::Permits { matter, .. } => matter(case).then(|| r.id.to_owned()),
                Judge::Always(_) | Judge::UnlessExact(_) | Judge::Otherwise(_) => None,
            });
            let users = policy.user.iter().filter(|r| r.permits_matter(case)).map(|r| r.id.clone());
            builtin.chain(users).min().map(|rule| Leave { rules: vec![rule], exact: false })
        }
    }
}

/// A line is permitted when each of its commands is, wherever it may start.
fn command_leave(policy: &Policy, case: &Case<'_>, script: &Script, cwd: &Path) -> Option<Leave> {
    let moves = |n: usize| script.simples.get(n).is_some_and(|s| s.argv.first().is_some_and(|p| p == "cd"));
    // Whether a move happened must not hang on how another command ends, or on which shell runs a pipe.
    let odd = |n: usize| {
        let next = script.simples.get(n + 1).map(|s| s.joint);
        let own = script.simples.get(n).map(|s| s.joint);
        [own, next].iter().any(|joint| matches!(joint, Some(Joint::Or | Joint::Pipe)))
    };
    let count = script.simples.len();
    if count == 0
        || (0..count).any(|n| moves(n) && odd(n))
        || !case.place.is_inside(Path::new("/"), &cwd.to_string_lossy())
    {
        return None;
    }
    let mut rules: Vec<String> = Vec::new();
    let mut all_exact = true;
    for (simple, starts) in script.simples.iter().zip(starts(script, cwd, case.place)) {
        if starts.elsewhere {
            return None;
        }
        for at in &starts.dirs {
            if simple.argv.first().is_some_and(|p| p == "cd") {
                is_move_inside(case.place, at, simple).then(|| rules.push("read-inside".to_owned()))?;
                continue;
            }
            let (rule, exact) = permitting(policy, case, simple, at)?;
            all_exact &= exact;
            rules.push(rule);
        }
    }
    rules.sort();
    rules.dedup();
    Some(Leave { rules, exact: all_exact })
}

fn is_move_inside(place: &Place<'_>, at: &Path, simple: &Simple) -> bool {
    let [_, to] = simple.argv.as_slice() else { return false };
    let plain = !to.starts_with('-') && !to.is_empty() && simple.patterns.is_empty() && simple.reads.is_empty();
    plain && place.is_inside(at, to)
}

/// The rule that permits one simple command. Of several the one that spells it out is named, then the first by name.
fn permitting(policy: &Policy, case: &Case<'_>, simple: &Simple, at: &Path) -> Option<(String, bool)> {
    let builtin = RULES.iter().filter_map(|r| match r.judge {
        Judge::Permits { command, exact, .. } => command(simple, at, case).then(|| (r.id.to_owned(), exact)),
        Judge::Always(_) | Judge::UnlessExact(_) | Judge::Otherwise(_) => None,
    });
    let users =
        policy.user.iter().filter_map(|r| r.permits_command(simple, at, case).map(|exact| (r.id.clone(), exact)));
    builtin.chain(users).min_by(|a, b| (!a.1, &a.0).cmp(&(!b.1, &b.0)))
}

/// Returns how far a matter reaches.
fn class(matter: &Matter, place: &Place<'_>) -> Class {
    match matter {
        Matter::Command { script, cwd, .. } => {
            let of = |(part, starts): (&Part, Starts)| {
                starts.dirs.iter().chain([cwd]).map(|at| programs::class_of(part, at, place)).max()
            };
            let worst =
                script.parts.iter().zip(starts(script, cwd, place)).filter_map(of).max().unwrap_or(Class::Unknown);
            if script.opaque { worst.max(Class::Unknown) } else { worst }
        }
        Matter::Path { op: Op::Read, .. } | Matter::Plan => Class::Read,
        Matter::Path { op, path, cwd, .. } => match (place.target(cwd, path), op) {
            (Target::Outside(_) | Target::Own(_), _) => Class::WriteOutside,
            (Target::Inside(_), Op::Delete) => Class::Destructive,
            (Target::Inside(_), Op::Read | Op::Write | Op::Create) => Class::WriteInside,
        },
        Matter::Network(_) => Class::Network,
        Matter::Other(_) => Class::Unknown,
    }
}
