//! The user's `policy.toml`: read whole or not at all, every rule checked against its own examples.
//!
//! ```toml
//! [[rule]]
//! id = "check"                       # optional
//! ruling = "allow"                   # allow, ask or deny
//! command = "cargo check *"          # or commands = […]; words, not text
//! match = ["cargo check --all"]      # must be covered
//! not_match = ["cargo check; rm x"]  # must not be
//!
//! [[rule]]
//! ruling = "deny"
//! kinds = ["edit", "delete"]         # command, read, edit, delete, network, plan, other
//! paths = ["vendor/**"]              # globs relative to the workspace
//! reason = "vendored code is updated by hand"
//! workspace = "/home/me/project"     # optional: only there
//! until = 2026-12-31T00:00:00Z       # optional: not from then on
//!
//! [[rule]]
//! ruling = "allow"
//! hosts = ["crates.io", "*.crates.io", "db.corp:5432", "10.0.0.0/8"]   # what commands may connect to
//! ```

use crate::base::limits::POLICY_RULES_MAX;
use crate::model::event::RulingWord;
use crate::policy::command::tokens::Tokens;
use crate::policy::matter::{Matter, Op};
use crate::policy::place::Place;
use crate::policy::rules::Case;
use crate::policy::user::bounds::{Bounds, time_of};
use crate::policy::user::hosts::Hosts;
use crate::policy::user::paths::Paths;
use crate::policy::user::{UserRule, Verb};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::value::Datetime;

/// The reason that a policy file is not active.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {what}")]
pub struct PolicyError {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    rule: Vec<Spanned<RawRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: Option<String>,
    ruling: RulingWord,
    #[serde(default)]
    kinds: Vec<Verb>,
    command: Option<String>,
    #[serde(default)]
    commands: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    hosts: Vec<String>,
    reason: Option<String>,
    workspace: Option<PathBuf>,
    until: Option<Datetime>,
    #[serde(default, rename = "match")]
    matches: Vec<String>,
    #[serde(default)]
    not_match: Vec<String>,
}

/// The start of an example that is an address.
const CONNECT: &str = "@connect ";

/// Reads the rules, or says where the first fault is.
pub(in crate::policy) fn read(file: &str, text: &str) -> Result<Vec<UserRule>, PolicyError> {
    let at = |offset: usize, what: String| {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        PolicyError { file: file.to_owned(), line, column, what }
    };
    let raw: Raw = toml::from_str(text).map_err(|e| at(e.span().map_or(0, |s| s.start), e.message().to_owned()))?;
    if let Some(extra) = raw.rule.get(POLICY_RULES_MAX) {
        return Err(at(extra.span().start, format!("more than {POLICY_RULES_MAX} rules")));
    }
    let mut out: Vec<UserRule> = Vec::new();
    for (n, spanned) in raw.rule.into_iter().enumerate() {
        let start = spanned.span().start;
        let raw = spanned.into_inner();
        let (matches, not_match) = (raw.matches.clone(), raw.not_match.clone());
        let rule = build(n + 1, raw).map_err(|what| at(start, what))?;
        check_examples(&rule, &matches, &not_match).map_err(|what| at(start, what))?;
        if out.iter().any(|r| r.id == rule.id) {
            return Err(at(start, format!("two rules have the id {:?}", rule.id)));
        }
        out.push(rule);
    }
    Ok(out)
}

/// Reads the rules of a file that must not allow anything.
pub(in crate::policy) fn only_tightening(file: &str, rules: Vec<UserRule>) -> Result<Vec<UserRule>, PolicyError> {
    match rules.iter().find(|r| r.word == RulingWord::Allow) {
        Some(rule) => {
            let what = format!("rule {} allows; rules in this file may only ask or deny", rule.id);
            Err(PolicyError { file: file.to_owned(), line: 1, column: 1, what })
        }
        None => Ok(rules),
    }
}

fn build(number: usize, raw: RawRule) -> Result<UserRule, String> {
    let patterns: Vec<String> = raw.command.into_iter().chain(raw.commands).collect();
    if !raw.hosts.is_empty() {
        let is_other = raw.kinds.iter().any(|kind| *kind != Verb::Network);
        if !patterns.is_empty() || !raw.paths.is_empty() || is_other {
            return Err(
                "a rule with `hosts` is about the network: it has no `command`, `paths` or other kinds".to_owned()
            );
        }
    } else if patterns.is_empty() && raw.paths.is_empty() && raw.kinds.is_empty() {
        return Err(
            "a rule needs `command`, `paths`, `hosts` or `kinds`; without them it would apply to everything".to_owned()
        );
    }
    if raw.ruling == RulingWord::Allow
        && patterns.is_empty()
        && raw.paths.is_empty()
        && raw.kinds.iter().any(|k| !matches!(k, Verb::Network | Verb::Plan))
    {
        return Err("an allow rule for this kind needs `command` or `paths`".to_owned());
    }
    let commands = patterns.iter().map(|p| Tokens::parse(p).map_err(|e| e.to_string())).collect::<Result<_, _>>()?;
    let paths = if raw.paths.is_empty() { None } else { Some(Paths::new(&raw.paths)?) };
    let hosts = if raw.hosts.is_empty() { None } else { Some(Hosts::new(&raw.hosts)?) };
    let kinds = if hosts.is_some() { vec![Verb::Network] } else { raw.kinds };
    let until = match raw.until {
        None => None,
        Some(until) => {
            Some(time_of(&until).ok_or("`until` needs a date, a time and an offset, as in 2026-12-31T00:00:00Z")?)
        }
    };
    let bounds = Bounds { workspace: raw.workspace, step: None, until };
    let id = raw.id.map_or_else(|| format!("user:{number}"), |id| format!("user:{id}"));
    Ok(UserRule { id, word: raw.ruling, reason: raw.reason, kinds, commands, paths, hosts, bounds })
}

/// A rule must do to its own examples what it says. They are shell lines, or `@read PATH`, `@write PATH`,
/// `@delete PATH`, `@connect HOST:PORT`.
fn check_examples(rule: &UserRule, matches: &[String], not_match: &[String]) -> Result<(), String> {
    let wrong = matches
        .iter()
        .map(|e| (e, true))
        .chain(not_match.iter().map(|e| (e, false)))
        .find(|(e, want)| covers(rule, e) != *want);
    match wrong {
        Some((example, true)) => Err(format!("the rule does not match its example {example:?}")),
        Some((example, false)) => Err(format!("the rule matches {example:?}, which it must not")),
        None => Ok(()),
    }
}

fn covers(rule: &UserRule, example: &str) -> bool {
    let place = Place::of("/workspace");
    let path =
        example.strip_prefix('@').and_then(|e| e.split_once(' ')).and_then(|(op, path)| Some((Op::parse(op)?, path)));
    let matter = match path {
        _ if example.starts_with(CONNECT) => Matter::Network(example.trim_start_matches(CONNECT).to_owned()),
        Some((op, path)) => Matter::Path { op, path: path.to_owned(), cwd: place.root.clone(), spares: None },
        None => Matter::line(example, Path::new("/workspace")),
    };
    let case = Case { matter: &matter, place: &place, tests: &[] };
    if rule.word != RulingWord::Allow {
        return rule.tightens(&case).is_some();
    }
    match &matter {
        Matter::Command { script, cwd, .. } => {
            !script.simples.is_empty() && script.simples.iter().all(|s| rule.permits_command(s, cwd, &case).is_some())
        }
        Matter::Path { .. } | Matter::Network(_) | Matter::Plan | Matter::Other(_) => rule.permits_matter(&case),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        read("policy.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn faults_name_their_place() {
        assert!(
            fault("[[rule]]\nruling = \"alow\"\n").starts_with("policy.toml:2:10: unknown variant `alow`"),
            "{}",
            fault("[[rule]]\nruling = \"alow\"\n")
        );
        assert!(fault("[[rule]\n").starts_with("policy.toml:1:"));
        assert!(fault("[[rule]]\nruling=\"ask\"\ncomand = \"x\"\n").contains("unknown field `comand`"));
        assert!(
            fault("[[rule]]\nruling=\"allow\"\ncommand = \"* x\"\n").contains("must begin with the name of a program")
        );
        assert!(fault("[[rule]]\nruling=\"deny\"\n").contains("would apply to everything"));
        assert!(fault("[[rule]]\nruling=\"allow\"\nkinds=[\"edit\"]\n").contains("needs `command` or `paths`"));
        let unmatched = "[[rule]]\nruling=\"allow\"\ncommand=\"cargo check\"\nmatch=[\"cargo check --all\"]\n";
        assert!(fault(unmatched).contains("does not match its example"));
        let loose = "[[rule]]\nruling=\"deny\"\ncommand=\"rm *\"\nnot_match=[\"sudo rm x\"]\n";
        assert!(fault(loose).contains("which it must not"));
    }

    #[test]
    fn the_manual_of_this_file_is_valid() {
        let manual: String = include_str!("file.rs")
            .lines()
            .skip_while(|l| *l != "//! ```toml")
            .skip(1)
            .take_while(|l| *l != "//! ```")
            .map(|l| l.trim_start_matches("//!").to_owned() + "\n")
            .collect();
        assert_eq!(read("manual", &manual).unwrap().len(), 3);
    }
}
