//! Read-only commands: those whose every option is known to only read.
//!
//! An option that is not listed makes the command one that asks. Every operand that may be a path must lead into the
//! workspace: asking once too often costs a key, the other mistake does not.

mod awk;
mod git;
pub(in crate::policy) mod sed;
mod version;

use crate::policy::command::options;
use crate::policy::command::programs::base_name;
use crate::policy::command::repository;
use crate::policy::command::shell::{Script, Simple};
use crate::policy::guarded::holds_secrets;
use crate::policy::limits::PATTERN_NAMES_MAX;
use crate::policy::place::{Place, Scope, Target};
use std::path::Path;

/// The files that a read-only command reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Looks {
    /// Words that name files.
    paths: Vec<String>,
    /// Words that are shown, and may be paths to whoever reads them.
    shown: Vec<String>,
    /// It reads what is below the directories that it names, or all of the work tree.
    search: Option<Search>,
    needs: Needs,
}

/// The files that a command reads without naming them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    Below(Scope),
    /// Those that git keeps.
    Tracked,
}

/// A fact that must be looked up before a command is known to be read-only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Needs {
    #[default]
    Nothing,
    /// A disk at all.
    Disk,
    /// That no project file replaces the tool.
    Tool,
    /// That the repository runs nothing.
    Repository { moved: Vec<String>, compares: bool },
}

/// Reads an argument list; `None` when it may do more than look.
fn looks(argv: &[String]) -> Option<Looks> {
    let (program, args) = argv.split_first()?;
    let on_disk = |paths| Looks { paths, needs: Needs::Disk, ..Looks::default() };
    match program.as_str() {
        _ if version::is_asked(program, args) => Some(Looks { needs: Needs::Tool, ..Looks::default() }),
        "sed" => match args {
            [flag, script, files @ ..] if flag == "-n" && sed::prints_numbers(script) => {
                let named = files.iter().all(|f| !f.starts_with('-'));
                named.then(|| Looks { paths: files.to_vec(), ..Looks::default() })
            }
            _ => sed::files(args).map(on_disk),
        },
        "awk" | "gawk" | "mawk" | "nawk" => awk::files(args).map(on_disk),
        "git" => git::looks(args),
        // Words other than its options are shown.
        "echo" => Some(Looks { shown: args.to_vec(), ..Looks::default() }),
        "command" => match args {
            [flag, names @ ..] if matches!(flag.as_str(), "-v" | "-V") && !names.iter().any(|n| n.starts_with('-')) => {
                Some(Looks { shown: names.to_vec(), needs: Needs::Disk, ..Looks::default() })
            }
            _ => None,
        },
        "[" => {
            let (close, inner) = args.split_last()?;
            let test: Vec<String> = std::iter::once("test".to_owned()).chain(inner.iter().cloned()).collect();
            if close == "]" { looks(&test) } else { None }
        }
        _ => listed(program, args, argv),
    }
}

/// A command whose options a profile lists.
fn listed(program: &str, args: &[String], argv: &[String]) -> Option<Looks> {
    let (profile, rest) = options::of(argv)?;
    // A program given by a path is another program; so is one that starts a listed one.
    if rest.len() != args.len() || program.contains('/') || !profile.looks {
        return None;
    }
    let read = profile.read(rest, &|_| false)?;
    let mut operands: Vec<String> = read.operands.iter().map(|o| (*o).to_owned()).collect();
    let mut shown = Vec::new();
    if program == "find" {
        operands = found_in(rest);
    } else if !profile.names_paths() {
        shown = std::mem::take(&mut operands);
    } else if profile.begins_with_pattern(rest) && !operands.is_empty() {
        operands.remove(0);
    }
    // The value of a listed option is not a file; one that looks like another place is not trusted.
    let values = rest.iter().filter(|a| a.starts_with("--")).filter_map(|a| a.split_once('=')).map(|(_, value)| value);
    operands.extend(values.filter(|v| v.starts_with(['/', '~']) || v.contains("..")).map(str::to_owned));
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    Some(Looks { paths: operands, shown, search: searched(&words).map(Search::Below), needs: Needs::Nothing })
}

/// Returns the files that `find` reads: its start, and the files it compares with.
fn found_in(args: &[String]) -> Vec<String> {
    let starts = args.iter().take_while(|a| !a.starts_with(['-', '(', '!'])).cloned();
    let next = args.iter().skip(1);
    let compared = args.iter().zip(next).filter(|(test, _)| matches!(test.as_str(), "-newer" | "-samefile"));
    starts.chain(compared.map(|(_, file)| file.clone())).collect()
}

/// Returns the files below a directory that a command reads when it searches directories.
pub(in crate::policy) fn searched(words: &[&str]) -> Option<Scope> {
    let (program, args) = words.split_first()?;
    let short = |c: char| args.iter().any(|a| a.starts_with('-') && !a.starts_with("--") && a.contains(c));
    let long = |name: &str| args.iter().any(|a| a.starts_with(name));
    match base_name(program) {
        "grep" | "egrep" | "fgrep" | "zgrep" => {
            let recurses = short('r')
                || short('R')
                || long("--recursive")
                || long("--dereference-r")
                || short('d')
                || long("--directories");
            recurses.then_some(Scope::ALL)
        }
        "rg" | "ag" | "ack" => {
            let unrestricted: usize = args
                .iter()
                .filter(|a| a.starts_with('-') && !a.starts_with("--"))
                .map(|a| a.matches('u').count())
                .sum();
            let unrestricted = unrestricted + args.iter().filter(|a| **a == "--unrestricted").count();
            let hidden = long("--hidden") || short('.') || unrestricted > 1;
            Some(Scope { hidden, ignored: long("--no-ignore") || unrestricted > 0 })
        }
        "diff" => (short('r') || long("--recursive")).then_some(Scope::ALL),
        _ => None,
    }
}

/// The files that a command reads, if it is known to only read; `None` for any other. `all_look`: nothing in the line
/// does more, so that a bare word that is shown names nothing.
pub(in crate::policy) fn paths_read(words: &[Option<String>], all_look: bool) -> Option<Vec<String>> {
    let argv: Option<Vec<String>> = words.iter().cloned().collect();
    let Looks { mut paths, shown, .. } = looks(&argv?)?;
    paths.extend(shown.into_iter().filter(|word| !all_look || word.contains('/')));
    Some(paths)
}

/// The files that a command reads without naming them.
pub(in crate::policy) fn search_of(words: &[Option<String>]) -> Option<Search> {
    let argv: Option<Vec<String>> = words.iter().cloned().collect();
    if let Some(looks) = argv.as_deref().and_then(looks) {
        return looks.search;
    }
    let known: Vec<&str> = words.iter().flatten().map(String::as_str).collect();
    searched(&known).map(Search::Below)
}

/// Returns whether a tool is only asked for its version.
pub(in crate::policy) fn tells_version(words: &[Option<String>]) -> bool {
    let argv: Option<Vec<String>> = words.iter().cloned().collect();
    argv.as_deref().and_then(<[String]>::split_first).is_some_and(|(program, args)| version::is_asked(program, args))
}

/// Returns whether every command of a line is read-only, as far as its words tell.
pub(in crate::policy) fn only_looks(script: &Script) -> bool {
    let moves = |argv: &[String]| argv.first().is_some_and(|p| p == "cd");
    !script.simples.is_empty() && script.simples.iter().all(|s| moves(&s.argv) || looks(&s.argv).is_some())
}

/// Returns whether a command, started in `cwd`, only reads ordinary files of the workspace.
pub fn only_reads(simple: &Simple, cwd: &Path, place: &Place<'_>) -> bool {
    let Some(argv) = spread(simple, cwd, place) else { return false };
    let Some(looks) = looks(&argv) else { return false };
    let inputs = simple.reads.is_empty() || place.disk.is_some();
    let dirs = match &looks.needs {
        Needs::Nothing => vec![cwd.to_owned()],
        Needs::Disk if place.disk.is_some() => vec![cwd.to_owned()],
        Needs::Tool if argv.first().is_some_and(|p| version::is_installed(p, cwd, place)) => vec![cwd.to_owned()],
        Needs::Repository { moved, compares } => {
            let at = moved.iter().fold(cwd.to_owned(), |at, to| at.join(to));
            if !place.is_inside(cwd, &at.to_string_lossy()) || repository::is_harmless(place, &at, *compares).is_err() {
                return false;
            }
            vec![cwd.to_owned(), at]
        }
        Needs::Disk | Needs::Tool => return false,
    };
    let files = || looks.paths.iter().chain(&simple.reads);
    inputs
        && dirs.iter().all(|dir| files().all(|p| is_ordinary(p, dir, place)))
        && looks.search.is_none_or(|search| {
            let dot = [".".to_owned()];
            let below = if looks.paths.is_empty() { dot.as_slice() } else { looks.paths.as_slice() };
            let dir = dirs.last().map_or(cwd, |d| d.as_path());
            below
                .iter()
                .all(|p| matches!(found_below(place, dir, p, search, &|file| holds_secrets(file)), Found::Nothing))
        })
}

/// The words with file names in place of patterns, as a shell gives them; `None` when that is unknown, or gives
/// words that could be options.
fn spread(simple: &Simple, cwd: &Path, place: &Place<'_>) -> Option<Vec<String>> {
    if simple.patterns.is_empty() {
        return Some(simple.argv.clone());
    }
    let mut out = Vec::new();
    for (n, word) in simple.argv.iter().enumerate() {
        if !simple.patterns.contains(&n) {
            out.push(word.clone());
            continue;
        }
        let names = place.expand(cwd, word)?;
        if names.iter().any(|name| name.starts_with('-')) || names.len() > PATTERN_NAMES_MAX {
            return None;
        }
        if names.is_empty() { out.push(word.clone()) } else { out.extend(names) }
    }
    Some(out)
}

/// The result of a search of the files below a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// One of them, relative to the workspace.
    File(String),
    /// There are more than are read, or they cannot be looked up.
    Unknown,
}

/// Looks for a file that `wanted` matches, by its path relative to the workspace.
pub(in crate::policy) fn found_below(
    place: &Place<'_>,
    at: &Path,
    path: &str,
    search: Search,
    wanted: &dyn Fn(&str) -> bool,
) -> Found {
    let Some(disk) = place.disk else { return Found::Nothing };
    let Target::Inside(dir) = place.target(at, path) else { return Found::Nothing };
    let relative = |file: &Path| file.strip_prefix(&place.root).unwrap_or(file).to_string_lossy().into_owned();
    match search {
        Search::Below(scope) => {
            let mut hit = None;
            let whole = disk.below(&place.root.join(dir), scope, &mut |file| {
                let name = relative(file);
                if wanted(&name) {
                    hit = Some(name);
                }
                hit.is_some()
            });
            hit.map_or(if whole { Found::Nothing } else { Found::Unknown }, Found::File)
        }
        Search::Tracked => match repository::find(disk, at) {
            Ok(None) => Found::Nothing,
            Err(_) => Found::Unknown,
            Ok(Some(repository)) => {
                let has_index = disk.names(&repository.git_dir).unwrap_or_default().iter().any(|n| n == "index");
                match disk.tracked(&repository.git_dir) {
                    Some(tracked) => {
                        let paths = tracked.files.iter().map(|f| relative(&repository.tree.join(f)));
                        paths.into_iter().find(|p| wanted(p)).map_or(Found::Nothing, Found::File)
                    }
                    None if has_index => Found::Unknown,
                    None => Found::Nothing,
                }
            }
        },
    }
}

fn is_ordinary(path: &str, cwd: &Path, place: &Place<'_>) -> bool {
    if path == "-" || path == "/dev/null" {
        return true;
    }
    match place.target(cwd, path) {
        Target::Inside(inside) => !holds_secrets(&inside.to_string_lossy()) && !holds_secrets(path),
        Target::Outside(_) | Target::Own(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::command::shell::Joint;

    fn check(line: &str, expect: bool) {
        let argv = shell_words::split(line).unwrap();
        let simple = Simple { joint: Joint::First, argv, patterns: Vec::new(), reads: Vec::new() };
        assert_eq!(only_reads(&simple, Path::new("/w"), &Place::of("/w")), expect, "{line}");
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn looking_is_told_from_acting() {
        for line in [
            "ls",
            "ls -la src",
            "cat src/main.rs",
            "head -n 20 a",
            "head -20 a",
            "tail -n5 a",
            "wc -l a b",
            "grep -rn 'fn main' src",
            "grep -e x -A3 a",
            "rg -n --hidden foo src",
            "sed -n 1,20p a",
            "sed -n '5p' a",
            "sed -n '5,$p' a",
            "echo /etc/passwd",
            "diff -u a b",
            "cat /w/a",
            "pwd",
            "cut -d: -f1 a",
            "basename /x/y",
            "cat -- -odd",
            "cat .env.example",
            "head",
            "cat -n",
            "find src -name x",
            "sort -u a",
            "test -f a",
        ] {
            check(line, true);
        }
        for line in [
            "cat /etc/passwd",
            "cat ../x",
            "cat ~/x",
            "ls /",
            "rg --pre ./x foo",
            "rg --pre=./x foo",
            "rg --hostname-bin x foo",
            "sort -o x a",
            "find . -delete",
            "find . -L",
            "tail -f a",
            "tail --follow a",
            "sed -i s/a/b/ f",
            "sed -n '1e id' a",
            "sed 1,5p a",
            "sed -n 1,5w a",
            "sed -n -i 5p a",
            "cat .env",
            "cat id_rsa",
            "grep -f /etc/passwd a",
            "grep -f x a",
            "grep --file=/etc/x a",
            "./ls",
            "/bin/ls",
            "LS",
            "diff --to-file=/etc/x a",
            "wc --files0-from=/etc/x",
            "xxd a b",
            "date -s x",
            "tree -o x",
            "git status",
            "grep -r x /etc",
            "ls -la --hyperlink",
            "du --files0-from=x",
            "printf %n PATH",
            "test -v a",
            "sort a -uo b",
            "diff -r a b",
        ] {
            check(line, false);
        }
    }
}
