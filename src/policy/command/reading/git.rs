//! Commands of git that only look. What the repository itself would make them run is checked by `repository`; here are
//! the words alone.

use super::{Looks, Needs, Search};
use crate::policy::command::options;

/// Options of git itself that change nothing about what runs.
const QUIET: &[&str] = &["--no-pager", "-P", "--no-optional-locks", "--literal-pathspecs", "--no-replace-objects"];

/// Settings that may be given for one call, by their beginning.
const SETTINGS: &[&str] = &["color.", "core.pager=cat", "core.quotepath=", "core.quotePath=", "column.", "advice."];

/// Subcommands that show the content of files.
const SHOW: &[&str] = &[
    "diff",
    "show",
    "grep",
    "blame",
    "annotate",
    "stash",
    "cat-file",
    "diff-tree",
    "diff-index",
    "diff-files",
    "range-diff",
];

/// Options with which they show names and numbers only.
const SUMMARIES: &[&str] = &[
    "--stat",
    "--shortstat",
    "--numstat",
    "--name-only",
    "--name-status",
    "--quiet",
    "--summary",
    "-s",
    "--no-patch",
    "--compact-summary",
    "--dirstat",
];

/// Options with which a log shows content.
const PATCHES: &[&str] = &[
    "-p",
    "-u",
    "-U",
    "-c",
    "-m",
    "-L",
    "-W",
    "--patch",
    "--unified",
    "--cc",
    "--word-diff",
    "--color-words",
    "--function-context",
];

/// The files of a git command that only looks; `None` for any other.
pub(super) fn looks(args: &[String]) -> Option<Looks> {
    let mut moved = Vec::new();
    let mut at = 0;
    let sub = loop {
        let word = args.get(at)?.as_str();
        at += 1;
        match word {
            "-C" => moved.push(args.get(at)?.clone()),
            "-c" => {
                let setting = args.get(at)?;
                SETTINGS
                    .iter()
                    .any(|s| if s.ends_with("cat") { setting == s } else { setting.starts_with(s) })
                    .then_some(())?;
            }
            "--version" => break "version",
            _ if QUIET.contains(&word) => continue,
            _ if word.starts_with('-') => return None,
            _ => break word,
        }
        at += 1;
    };
    let rest = args.get(at..).unwrap_or_default();
    let argv: Vec<String> = ["git", sub].iter().map(|w| (*w).to_owned()).chain(rest.iter().cloned()).collect();
    let (paths, searches) = match sub {
        "version" => (rest.is_empty().then(Vec::new)?, false),
        "remote" => (remote(rest)?, false),
        "stash" | "worktree" => listed(sub, rest)?,
        "config" => (setting(rest)?, false),
        _ => {
            let (profile, words) = options::of(&argv)?;
            let operands = profile.looks.then(|| profile.read(words, &|_| false))??.operands;
            if !may_follow(sub, &operands, rest) {
                return None;
            }
            let mut operands: Vec<String> = operands.into_iter().map(str::to_owned).collect();
            operands.extend(lines_of(words));
            if sub == "grep" && !rest.iter().any(|a| a.starts_with("-e")) && !operands.is_empty() {
                // What is looked for.
                operands.remove(0);
            }
            (operands, shows_content(sub, rest))
        }
    };
    let compares = matches!(
        sub,
        "status"
            | "diff"
            | "diff-files"
            | "diff-index"
            | "stash"
            | "grep"
            | "ls-files"
            | "describe"
            | "blame"
            | "annotate"
    );
    let paths: Vec<String> = paths.iter().flat_map(|p: &String| names(p)).collect();
    Some(Looks {
        paths,
        search: searches.then_some(Search::Tracked),
        needs: Needs::Repository { moved, compares },
        ..Looks::default()
    })
}

/// Returns whether the operands are ones that the subcommand only reads.
fn may_follow(sub: &str, operands: &[&str], args: &[String]) -> bool {
    let lists = ["-l", "--list", "--contains", "--no-contains", "--merged", "--no-merged", "--points-at"];
    match sub {
        "branch" | "tag" => {
            operands.is_empty() || args.iter().any(|a| lists.contains(&a.split('=').next().unwrap_or(a)))
        }
        "reflog" => operands.first().is_none_or(|o| !matches!(*o, "expire" | "delete" | "drop" | "write")),
        "show" | "log" | "diff" => !operands.iter().any(|o| o.starts_with("--")),
        _ => true,
    }
}

fn shows_content(sub: &str, args: &[String]) -> bool {
    let begins = |set: &[&str]| {
        args.iter().any(|a| {
            set.iter().any(|s| a == s || (a.starts_with(s) && s.len() == 2) || a.starts_with(&format!("{s}=")))
        })
    };
    let patch = begins(PATCHES);
    let summary = args.iter().any(|a| SUMMARIES.contains(&a.split('=').next().unwrap_or(a)));
    let blob = args.iter().any(|a| a.contains(':'));
    match sub {
        "log" | "reflog" | "whatchanged" | "shortlog" | "rev-list" => patch,
        "diff" | "show" => patch || blob || !summary,
        "cat-file" => args.iter().any(|a| a == "-p" || a == "blob"),
        "blame" | "annotate" => false,
        _ => SHOW.contains(&sub),
    }
}

/// The files in `-L 1,5:file`.
fn lines_of(args: &[String]) -> Vec<String> {
    let next = args.iter().skip(1).map(Some).chain([None]);
    let ranges = args.iter().zip(next).filter_map(|(arg, next)| match arg.strip_prefix("-L")? {
        "" => next.map(String::as_str),
        attached => Some(attached),
    });
    ranges.filter_map(|range| range.rsplit(':').next()).map(str::to_owned).collect()
}

fn remote(args: &[String]) -> Option<Vec<String>> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    matches!(args.as_slice(), [] | ["-v" | "--verbose"] | ["get-url", _] | ["get-url", "--push" | "--all", _])
        .then(Vec::new)
}

/// `stash list`, `stash show`, `worktree list`.
fn listed(sub: &str, args: &[String]) -> Option<(Vec<String>, bool)> {
    let (verb, rest) = args.split_first()?;
    let like = match (sub, verb.as_str()) {
        ("stash", "list") => "log",
        ("stash", "show") => "diff",
        ("worktree", "list") => {
            return rest
                .iter()
                .all(|a| matches!(a.as_str(), "--porcelain" | "-v" | "--verbose" | "-z"))
                .then(|| (Vec::new(), false));
        }
        _ => return None,
    };
    let argv: Vec<String> = ["git", like].iter().map(|w| (*w).to_owned()).chain(rest.iter().cloned()).collect();
    let (profile, words) = options::of(&argv)?;
    let operands = profile.read(words, &|_| false)?.operands.into_iter().map(str::to_owned).collect();
    Some((operands, like == "diff" || shows_content(like, rest)))
}

/// One setting that is read, of those that hold no secrets.
fn setting(args: &[String]) -> Option<Vec<String>> {
    let args: Vec<&str> =
        args.iter().map(String::as_str).filter(|a| !matches!(*a, "--local" | "--global" | "--show-origin")).collect();
    let key = match args.as_slice() {
        ["--get" | "--get-all" | "get", key] | [key] => key,
        _ => return None,
    };
    let known = [
        "user.name",
        "user.email",
        "core.",
        "remote.",
        "branch.",
        "init.",
        "pull.",
        "push.",
        "merge.",
        "rebase.",
        "diff.",
    ];
    (known.iter().any(|k| key.starts_with(k)) && !key.starts_with('-')).then(Vec::new)
}

/// A word of git as the paths in it: `HEAD:path` and `:path` name one as well.
fn names(word: &str) -> Vec<String> {
    let after = word.split(':').skip(1).map(str::to_owned);
    std::iter::once(word.to_owned()).chain(after).filter(|w| !w.is_empty()).collect()
}
