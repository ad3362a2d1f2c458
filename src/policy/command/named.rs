//! The files that a command line names: every word that may be a path, with every directory that it may be relative to.
//!
//! This is for rules that tighten, so it is generous: values attached to options, parts of `a:b` and `a,b`, what a
//! shell makes of braces and patterns, names that a copy gets in its target, and lines that a shell in the line would
//! read.

use crate::policy::command::class::Class;
use crate::policy::command::course::{Starts, starts};
use crate::policy::command::programs::{base_name, class_of, is_task_word, operand_after, unwrapped};
use crate::policy::command::reading::{self, Search};
use crate::policy::command::shell::Part;
use crate::policy::limits::{BRACE_WORDS_MAX, OPTION_CLUSTER_CHARS_MAX, PATTERN_NAMES_MAX};
use crate::policy::matter::Matter;
use crate::policy::place::Place;
use crate::policy::rules::Case;
use std::path::PathBuf;

/// A word that may name a file or a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub word: String,
    /// Directories that it may be relative to.
    pub at: Vec<PathBuf>,
    pub how: How,
}

/// The use that a command makes of a file it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Goes there and no more.
    Enters,
    /// Looks at it, or at the names in it.
    Looks,
    /// Reads it and the files below it.
    Searches(Search),
    /// The file may be changed, but nothing below it.
    Changes,
    /// Changes it and everything below it.
    ChangesBelow,
    /// Nothing is known about what it does there.
    Unknown,
    /// The file is written by a redirect.
    Written,
}

/// Options that name a directory for the words after them.
const CHDIR: &[&str] = &[
    "-C",
    "-D",
    "--directory",
    "--chdir",
    "--cwd",
    "--dir",
    "--prefix",
    "--work-tree",
    "--project",
    "--git-dir",
    "--cd",
];

/// Programs that change what they name and nothing below it.
const FLAT: &[&str] = &["mkdir", "touch", "tee", "truncate", "rmdir", "unlink", "chmod", "chown", "sed", "gsed", "dd"];

/// Returns every path that the words of a line may name. Empty for other actions.
pub fn named(case: &Case<'_>) -> Vec<Named> {
    let Matter::Command { script, cwd, .. } = case.matter else { return Vec::new() };
    let mut out = Vec::new();
    let only_looks = reading::only_looks(script);
    for (part, starts) in script.parts.iter().zip(starts(script, cwd, case.place)) {
        of_part(part, &starts, case.place, only_looks, &mut out);
    }
    out
}

fn of_part(part: &Part, starts: &Starts, place: &Place<'_>, only_looks: bool, out: &mut Vec<Named>) {
    let redirects = [(&part.writes, How::Written), (&part.reads, How::Looks)];
    for (files, how) in redirects {
        for word in files.iter().flatten() {
            for word in spread(word, &starts.dirs, place) {
                out.push(Named { word, at: starts.dirs.clone(), how });
            }
        }
    }
    let lists = unwrapped(part, 0);
    let mut here = starts.clone();
    for words in &lists {
        let program = words.first().and_then(|w| w.as_deref()).map(base_name).unwrap_or_default();
        let known: Vec<&str> = words.iter().flatten().map(String::as_str).collect();
        let enters = matches!(program, "cd" | "pushd" | "chdir");
        let (paths, how) = if enters {
            (known.get(1..).unwrap_or_default().iter().map(|w| (*w).to_owned()).collect(), How::Enters)
        } else if let Some(paths) = reading::paths_read(words, only_looks) {
            let paths = paths.iter().flat_map(|p| candidates(p)).map(str::to_owned).collect();
            (paths, reading::search_of(words).map_or(How::Looks, How::Searches))
        } else {
            (any_paths(&known), reading::search_of(words).map_or_else(|| how_used(words, &here, place), How::Searches))
        };
        let implicit = implied(&known, &paths, how).map(str::to_owned);
        for word in paths.into_iter().chain(implicit).flat_map(|word| spread(&word, &here.dirs, place)) {
            out.push(Named { word, at: here.dirs.clone(), how });
        }
        if enters {
            for to in known.get(1..).unwrap_or_default() {
                here.dirs.extend(starts.entered(to, place).dirs);
            }
        } else {
            entered_by_option(&known, &mut here, place, how, out);
        }
    }
}

/// Resolves the other words against `-C dir` and similar options: each is taken from there as well.
fn entered_by_option(words: &[&str], here: &mut Starts, place: &Place<'_>, how: How, out: &mut Vec<Named>) {
    let mut rest = words.iter().skip(1);
    let mut from = here.clone();
    while let Some(word) = rest.next() {
        let attached = CHDIR.iter().find_map(|option| {
            let value = word.strip_prefix(option)?;
            if option.starts_with("--") { value.strip_prefix('=') } else { Some(value).filter(|v| !v.is_empty()) }
        });
        let to = if CHDIR.contains(word) { rest.clone().next().copied() } else { attached };
        if let Some(to) = to {
            from = from.entered(to, place);
            for word in any_paths(words) {
                out.push(Named { word, at: from.dirs.clone(), how });
            }
        }
    }
    if from != *here {
        here.dirs.extend(from.dirs);
    }
}

fn how_used(words: &[Option<String>], here: &Starts, place: &Place<'_>) -> How {
    let cwd = here.dirs.first().unwrap_or(&place.root);
    let program = words.first().and_then(|w| w.as_deref()).map(base_name).unwrap_or_default();
    let recursive = || {
        words.iter().flatten().any(|w| {
            w.starts_with("--recursive")
                || w.starts_with("--archive")
                || (w.starts_with('-') && !w.starts_with("--") && w.contains(['r', 'R', 'a']))
        })
    };
    match class_of(&Part::of(words.to_vec()), cwd, place) {
        Class::Read => How::Looks,
        Class::WriteInside | Class::WriteOutside | Class::Destructive | Class::Privilege => {
            let below =
                if FLAT.contains(&program) || matches!(program, "cp" | "install" | "ln") { recursive() } else { true };
            if below { How::ChangesBelow } else { How::Changes }
        }
        Class::Unknown | Class::Network => How::Unknown,
    }
}

/// The directory that a command works on without naming it.
fn implied(words: &[&str], paths: &[String], how: How) -> Option<&'static str> {
    let whole_tree = ["clean", "reset", "stash", "checkout", "switch", "merge", "pull", "rebase", "am", "apply"];
    let git = words.first().is_some_and(|p| base_name(p) == "git");
    let changes = git && words.iter().any(|w| whole_tree.contains(w)) && how != How::Looks;
    let everywhere = match how {
        How::Searches(Search::Tracked) => true,
        How::Searches(Search::Below(_)) => paths.is_empty(),
        How::Enters | How::Looks | How::Changes | How::ChangesBelow | How::Unknown | How::Written => false,
    };
    (everywhere || changes).then_some(".")
}

/// Every word that may be a path of a command that is not known to only read.
fn any_paths(words: &[&str]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for (n, word) in words.iter().enumerate() {
        if (n == 0 && !word.contains('/')) || is_task_word(words, n) {
            continue;
        }
        out.extend(candidates(word).into_iter().map(str::to_owned));
    }
    // What is copied or moved into a directory has its own name there.
    let operands: Vec<&str> = words.iter().skip(1).filter(|w| !w.starts_with('-')).copied().collect();
    let target = operand_after(words, "-t").or_else(|| operand_after(words, "--target-directory"));
    let attached = words.iter().find_map(|w| w.strip_prefix("--target-directory=").or_else(|| w.strip_prefix("-t")));
    let places = words.first().is_some_and(|p| PLACES.contains(&base_name(p)));
    let git_moves = words.starts_with(&["git", "mv"]);
    if places || git_moves {
        for into in operands.last().copied().into_iter().chain(target).chain(attached).filter(|d| !d.is_empty()) {
            let names = operands.iter().filter_map(|from| from.trim_end_matches('/').rsplit('/').next());
            out.extend(names.filter(|name| !name.is_empty()).map(|name| format!("{into}/{name}")));
        }
    }
    if crate::policy::command::programs::is_interpreter(words.first().copied().unwrap_or_default()) {
        // The text of a program: whatever in it may be a path.
        let inside = |c: char| c.is_whitespace() || "'\"`()[]{},;<>|&".contains(c);
        let texts = words.iter().skip(1).filter(|w| w.contains(inside));
        out.extend(texts.flat_map(|t| t.split(inside)).filter(|w| !w.is_empty()).map(str::to_owned));
    }
    out
}

/// Programs that give what they take its own name in a target directory.
const PLACES: &[&str] = &["cp", "mv", "ln", "install", "rsync", "link"];

/// A word as the paths it may carry.
pub(in crate::policy) fn candidates(word: &str) -> Vec<&str> {
    let mut out = Vec::new();
    // An address is not a path; `file:` is.
    if word.contains("://") && !word.to_ascii_lowercase().contains("file:") {
        return out;
    }
    out.push(word);
    out.extend(word.split_once('=').map(|(_, value)| value));
    if let Some(cluster) = word.strip_prefix('-').filter(|w| !w.starts_with('-')) {
        // `-f/etc/x`, `-odeploy/x`: the value may begin after any letter.
        let starts = cluster.char_indices().map(|(at, _)| at).skip(1).take(OPTION_CLUSTER_CHARS_MAX);
        out.extend(starts.filter_map(|at| cluster.get(at..)));
    }
    if let Some(file) = word.strip_prefix('@') {
        out.push(file);
    }
    // `host:path`, `src:dst`, `file:///x`, `a,b`
    let value = word.split_once('=').map_or(word, |(_, value)| value);
    if value.contains([':', ',']) {
        out.extend(value.split([':', ',']));
    }
    out.retain(|c| !c.is_empty());
    out
}

/// Returns a word unchanged, then as a shell expands its braces.
fn braces(word: &str) -> Vec<String> {
    let mut out = vec![word.to_owned()];
    let mut at = 0;
    while let Some(text) = out.get(at).cloned() {
        at += 1;
        let Some(close) = text.find('}') else { continue };
        let Some(open) = text.get(..close).and_then(|t| t.rfind('{')) else { continue };
        let (Some(before), Some(inner), Some(after)) =
            (text.get(..open), text.get(open + 1..close), text.get(close + 1..))
        else {
            continue;
        };
        for choice in inner.split(',') {
            if out.len() < BRACE_WORDS_MAX {
                out.push(format!("{before}{choice}{after}"));
            }
        }
    }
    out
}

/// Returns a word, and what a shell makes of it when it has braces or is a pattern.
fn spread(word: &str, dirs: &[PathBuf], place: &Place<'_>) -> Vec<String> {
    let mut out = if word.contains('{') { braces(word) } else { vec![word.to_owned()] };
    for n in 0..out.len() {
        let Some(pattern) = out.get(n).filter(|w| w.contains(['*', '?', '['])).cloned() else { continue };
        for dir in dirs {
            out.extend(place.expand(dir, &pattern).unwrap_or_default().into_iter().take(PATTERN_NAMES_MAX));
        }
    }
    out
}
