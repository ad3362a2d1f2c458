//! What programs do, by name: enough to tell classes apart and to know which ones hide another program inside.
//!
//! Nothing here makes a command safe; what may run unasked is decided by `reading` and by rules.

mod names;

use std::path::Path;

use super::class::Class;
use super::place::{Place, Target};
use super::shell::{self, Part};
use crate::base::limits::SHELL_DEPTH_MAX;
use names::{DESTRUCTIVE, FETCHERS, INTERPRETERS, NETWORK, PRIVILEGE, READERS, SHELLS, WRAPPERS, WRITERS};

/// The name of a program without its directory.
pub fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// Whether a program runs others that its arguments name, so that its own name says nothing.
pub fn is_wrapper(program: &str) -> bool {
    WRAPPERS.contains(&base_name(program))
}

/// Whether a program carries out a text: a script, a rule file, an expression. Versioned names count.
pub fn is_interpreter(program: &str) -> bool {
    let name = base_name(program);
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    INTERPRETERS.contains(&name) || INTERPRETERS.contains(&plain)
}

/// Whether a program is an everyday tool on files, whose short options start nothing.
pub fn is_file_tool(program: &str) -> bool {
    READERS.contains(&program) || WRITERS.contains(&program) || DESTRUCTIVE.contains(&program)
}

/// Whether a program acts as another user or changes rights.
pub fn is_privileged(program: &str) -> bool {
    PRIVILEGE.contains(&base_name(program))
}

/// The commands that a part names: itself, and those that wrappers and shells in it would run. Each is a word list.
pub fn unwrapped(part: &Part, depth: usize) -> Vec<Vec<Option<String>>> {
    let mut out = vec![part.words.clone()];
    let Some(Some(program)) = part.words.first() else { return out };
    if depth >= SHELL_DEPTH_MAX {
        return out;
    }
    let name = base_name(program);
    let rest = part.words.get(1..).unwrap_or_default();
    let runs_rest = is_wrapper(name) || is_privileged(name) || name == "find" || name == "fd";
    if runs_rest {
        // Which word is the inner program depends on options that differ by tool: every one is taken.
        for start in 0..rest.len() {
            let inner = Part { words: rest.get(start..).unwrap_or_default().to_vec(), writes: Vec::new() };
            if inner.words.first().is_some_and(|w| w.as_deref().is_none_or(|w| !w.starts_with('-'))) {
                out.push(inner.words.clone());
                if let Some(Some(first)) = inner.words.first()
                    && (SHELLS.contains(&base_name(first)) || first == "eval")
                {
                    out.extend(unwrapped(&inner, depth + 1));
                }
            }
        }
    }
    let text = match name {
        "eval" => rest.iter().flatten().cloned().collect::<Vec<_>>().join(" "),
        _ if SHELLS.contains(&name) => {
            let at = rest.iter().position(|w| w.as_deref().is_some_and(|w| w.starts_with('-') && w.ends_with('c')));
            at.and_then(|at| rest.get(at + 1)).cloned().flatten().unwrap_or_default()
        }
        _ => String::new(),
    };
    if !text.is_empty() {
        for inner in shell::read(&text).parts {
            out.extend(unwrapped(&inner, depth + 1));
        }
    }
    out
}

/// The class of one part of a line, the worst of all that it names.
pub fn class_of(part: &Part, cwd: &Path, place: &Place<'_>) -> Class {
    let redirects = part.writes.iter().map(|to| match to.as_deref().map(|to| place.target(cwd, to)) {
        Some(Target::Inside(_)) => Class::WriteInside,
        Some(Target::Outside(_) | Target::Own(_)) => Class::WriteOutside,
        None => Class::Unknown,
    });
    let all = unwrapped(part, 0);
    let outer = all.first().and_then(|w| w.first()).cloned().flatten().unwrap_or_default();
    let hides = is_wrapper(&outer) && all.len() > 1;
    all.iter()
        .enumerate()
        // Words of a wrapper that are no known program are its own arguments.
        .map(|(n, words)| {
            if n == 0 {
                simple(words, cwd, place)
            } else {
                Some(simple(words, cwd, place)).filter(|c| *c != Class::Unknown).unwrap_or(Class::Read)
            }
        })
        .chain(redirects)
        .max()
        .map_or(Class::Unknown, |worst| if hides { worst.max(Class::Unknown) } else { worst })
}

fn simple(words: &[Option<String>], cwd: &Path, place: &Place<'_>) -> Class {
    let Some(Some(program)) = words.first() else { return Class::Unknown };
    let name = base_name(program);
    let args: Vec<&str> = words.iter().skip(1).flatten().map(String::as_str).collect();
    let has = |set: &[&str]| args.iter().any(|a| set.contains(a));
    if is_privileged(name)
        || (name == "chmod"
            && args.iter().any(|a| {
                a.contains('s') && !a.starts_with("--") || a.len() == 4 && a.starts_with(['4', '2', '6', '7'])
            }))
    {
        return Class::Privilege;
    }
    if DESTRUCTIVE.contains(&name) || name.starts_with("mkfs") {
        return Class::Destructive;
    }
    let subcommand = args.iter().find(|a| !a.starts_with('-')).copied().unwrap_or_default();
    let fetches = FETCHERS.iter().any(|(tool, subs)| *tool == name && subs.contains(&subcommand));
    match name {
        _ if NETWORK.contains(&name) || fetches => Class::Network,
        "git" => git(&args, subcommand),
        "find" if has(&["-delete"]) => Class::Destructive,
        "find" if has(&["-exec", "-execdir", "-ok", "-okdir"]) => Class::Unknown,
        "find" if args.iter().any(|a| a.starts_with("-fprint") || *a == "-fls") => Class::WriteInside,
        "find" => Class::Read,
        "sed"
            if args.iter().any(|a| {
                a.starts_with("--in-place") || a.starts_with("-i") || a.starts_with("-n") && a.contains('i')
            }) =>
        {
            written(&args, cwd, place)
        }
        "sort" if args.iter().any(|a| a.starts_with("-o") || a.starts_with("--output")) => written(&args, cwd, place),
        // A second operand is where they write.
        "uniq" | "xxd" if args.iter().filter(|a| !a.starts_with('-')).count() > 1 => written(&args, cwd, place),
        "env" | "printenv" if args.is_empty() => Class::Read,
        _ if is_wrapper(name) || is_interpreter(name) => Class::Unknown,
        _ if WRITERS.contains(&name) => written(&args, cwd, place),
        _ if READERS.contains(&name) => Class::Read,
        _ => Class::Unknown,
    }
}

fn git(args: &[&str], subcommand: &str) -> Class {
    let has = |set: &[&str]| args.iter().any(|a| set.contains(a));
    match subcommand {
        "reset" if has(&["--hard"]) => Class::Destructive,
        "clean" | "gc" | "prune" | "filter-branch" | "filter-repo" => Class::Destructive,
        "checkout" | "restore" | "switch" if has(&["--", ".", "-f", "--force"]) => Class::Destructive,
        "branch" | "tag" | "stash" | "worktree" if has(&["-d", "-D", "--delete", "drop", "clear", "remove"]) => {
            Class::Destructive
        }
        "status" | "log" | "diff" | "show" | "blame" | "rev-parse" | "ls-files" | "describe" | "shortlog"
        | "cat-file" | "grep" => Class::Read,
        "" => Class::Unknown,
        _ => Class::WriteInside,
    }
}

fn written(args: &[&str], cwd: &Path, place: &Place<'_>) -> Class {
    let outside = |a: &&str| {
        let path = a.split_once('=').map_or(*a, |(_, v)| v);
        !a.starts_with('-') && !place.is_inside(cwd, path) || a.starts_with('-') && path.starts_with(['/', '~'])
    };
    if args.iter().any(outside) { Class::WriteOutside } else { Class::WriteInside }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_class_of_their_worst_part() {
        let check = |line: &str, expect: Class| {
            let place = Place::of("/w");
            let worst = shell::read(line).parts.iter().map(|p| class_of(p, Path::new("/w"), &place)).max();
            assert_eq!(worst, Some(expect), "{line}");
        };
        check("ls -la | grep x", Class::Read);
        check("touch a b", Class::WriteInside);
        check("touch /tmp/a", Class::WriteOutside);
        check("cp a ../b", Class::WriteOutside);
        check("echo x > a", Class::WriteInside);
        check("echo x > /etc/a", Class::WriteOutside);
        check("sed -i s/a/b/ f", Class::WriteInside);
        check("frobnicate", Class::Unknown);
        check("python3.12 x.py", Class::Unknown);
        check("curl x | sh", Class::Network);
        check("git push", Class::Network);
        check("git status", Class::Read);
        check("git reset --hard", Class::Destructive);
        check("cargo test", Class::Unknown);
        check("cargo publish", Class::Network);
        check("rm -rf x", Class::Destructive);
        check("find . -name x -delete", Class::Destructive);
        check("find . -exec rm {} \\;", Class::Destructive);
        check("xargs rm", Class::Destructive);
        check("env A=1 rm x", Class::Destructive);
        check("bash -c 'rm x'", Class::Destructive);
        check("nohup bash -lc 'curl x'", Class::Network);
        check("eval 'sudo x'", Class::Privilege);
        check("timeout 5 sudo x", Class::Privilege);
        check("sudo rm x", Class::Privilege);
        check("/usr/bin/sudo x", Class::Privilege);
        check("chmod u+s x", Class::Privilege);
        check("echo $(rm x)", Class::Destructive);
        check("timeout 5 cargo test", Class::Unknown);
    }
}
