//! Facts about programs, by name: enough to tell classes apart and to know which ones hide another program inside.
//!
//! Nothing here makes a command safe; what may run without asking is decided by `reading` and by rules.

mod names;

use crate::policy::command::class::Class;
use crate::policy::command::options;
use crate::policy::command::reading::{self, sed};
use crate::policy::command::shell::{self, Part};
use crate::policy::limits::SHELL_DEPTH_MAX;
use crate::policy::place::{Place, Target};
use names::{DESTRUCTIVE, FETCHERS, INTERPRETERS, NETWORK, PRIVILEGE, READERS, SHELLS, WRAPPERS, WRITERS};
use std::path::Path;

/// The name of a program without its directory.
pub fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// Returns whether a program runs others that its arguments name, so that its own name says nothing.
pub fn is_wrapper(program: &str) -> bool {
    WRAPPERS.contains(&base_name(program))
}

/// Returns whether a program executes a text: a script, a rule file, an expression. Versioned names count.
pub fn is_interpreter(program: &str) -> bool {
    let name = base_name(program);
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    INTERPRETERS.contains(&name) || INTERPRETERS.contains(&plain)
}

/// Returns whether a tool fetches or publishes under the given subcommand.
pub fn fetches(argv: &[String]) -> bool {
    let Some((program, args)) = argv.split_first() else { return false };
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    fetching(base_name(program), subcommand(base_name(program), &args))
}

fn fetching(name: &str, subcommand: &str) -> bool {
    FETCHERS.iter().any(|(tool, subs)| *tool == name && subs.contains(&subcommand))
}

/// Options of a tool with subcommands that take the next word; `None` for a tool of which they are not known.
pub fn valued_before_subcommand(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "git" => &[
            "-C",
            "-c",
            "--git-dir",
            "--work-tree",
            "--namespace",
            "--exec-path",
            "--config-env",
            "--super-prefix",
            "--attr-source",
        ],
        "cargo" => &["-C", "--config", "-Z", "--color"],
        "npm" | "pnpm" | "yarn" => {
            &["-C", "--prefix", "--dir", "--cwd", "-w", "--workspace", "--filter", "--tag", "--registry", "--loglevel"]
        }
        "docker" | "kubectl" | "go" => {
            &["-C", "-H", "--host", "--context", "-n", "--namespace", "--config", "--kubeconfig", "--cluster", "-l"]
        }
        _ => return None,
    })
}

/// Subcommands that are one under several names.
const SAME: &[(&str, &[&str])] = &[
    ("npm", &["install", "i", "in", "ins", "inst", "insta", "instal", "isnt", "isnta", "isntal", "isntall", "add"]),
    ("npm", &["run", "run-script", "rum", "urn"]),
    ("npm", &["test", "t", "tst"]),
    ("npm", &["uninstall", "un", "unlink", "remove", "rm", "r"]),
    ("npm", &["exec", "x"]),
    ("npm", &["ci", "clean-install", "ic", "install-clean"]),
    ("npm", &["update", "up", "upgrade", "udpate"]),
    ("pnpm", &["install", "i", "add"]),
    ("pnpm", &["remove", "rm", "uninstall", "un"]),
    ("cargo", &["build", "b"]),
    ("cargo", &["check", "c"]),
    ("cargo", &["test", "t"]),
    ("cargo", &["run", "r"]),
    ("cargo", &["remove", "rm"]),
    ("git", &["stage", "add"]),
];

/// Returns whether a tool treats two subcommands as the same.
pub fn same_subcommand(program: &str, one: &str, other: &str) -> bool {
    let shortened = matches!(program, "npm" | "hg") && other.len() > 1 && one.starts_with(other);
    shortened || SAME.iter().any(|(tool, names)| *tool == program && names.contains(&one) && names.contains(&other))
}

/// Further tools whose first operand is a subcommand.
const MANY: &[&str] = &[
    "docker",
    "podman",
    "kubectl",
    "gh",
    "glab",
    "aws",
    "gcloud",
    "az",
    "helm",
    "terraform",
    "brew",
    "apt",
    "apt-get",
];

/// Returns whether two names are one program: `pip3` is `pip`, `/usr/bin/python3.12` is `python3`.
pub fn same_program(one: &str, other: &str) -> bool {
    let plain = |name: &str| base_name(name).trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').to_owned();
    one == other || one == base_name(other) || (!plain(one).is_empty() && plain(one) == plain(other))
}

/// Returns whether a word before the subcommand only names a kind of object.
pub fn is_kind(program: &str, word: &str) -> bool {
    matches!(program, "docker" | "podman") && matches!(word, "container" | "image")
}

/// Returns whether a word names a task of a tool and not a file: a subcommand, or a target of a make file.
pub fn is_task_word(words: &[&str], at: usize) -> bool {
    let Some(program) = words.first().map(|p| base_name(p)) else { return false };
    let plain = words.get(at).is_some_and(|w| !w.contains(['/', '.']));
    let first = || words.iter().skip(1).position(|w| !w.starts_with('-')).map(|n| n + 1);
    plain
        && match program {
            "make" | "gmake" | "just" | "rake" | "ninja" | "gradle" | "gradlew" | "mvn" | "mvnw" | "task" => {
                !words.get(at.wrapping_sub(1)).is_some_and(|w| w.starts_with('-'))
            }
            "npm" | "pnpm" | "yarn" | "bun" | "deno" | "poetry" | "uv" | "mix" => {
                first() == Some(at) || (at >= 2 && matches!(words.get(at - 1), Some(&("run" | "run-script"))))
            }
            _ if options::has_subcommands(program) || MANY.contains(&program) => {
                first() == Some(at) && !words.get(at.wrapping_sub(1)).is_some_and(|w| w.starts_with('-'))
            }
            _ => false,
        }
}

/// Returns the first word that is not an option of the tool itself, nor the value of one.
fn subcommand<'a>(name: &str, args: &[&'a str]) -> &'a str {
    let valued = valued_before_subcommand(name).unwrap_or(&[]);
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if valued.contains(word) {
            words.next();
        } else if !word.starts_with('-') && !word.starts_with('+') {
            return word;
        }
    }
    ""
}

/// The word after this one.
pub fn operand_after<'a>(words: &[&'a str], word: &str) -> Option<&'a str> {
    words.iter().zip(words.iter().skip(1)).find(|(at, _)| **at == word).map(|(_, next)| *next)
}

/// Returns whether a program acts as another user or changes rights.
pub fn is_privileged(program: &str) -> bool {
    PRIVILEGE.contains(&base_name(program))
}

/// Tools that run another command under some of their subcommands or options.
const STARTERS: &[&str] = &[
    "git", "npm", "npx", "pnpm", "yarn", "bun", "poetry", "uv", "pipenv", "hatch", "pdm", "bundle", "docker", "podman",
    "kubectl", "cargo", "make", "hg", "jj", "conda", "nix",
];

/// Options of `find` and `fd` that start another program.
const FINDING: &[&str] = &["-exec", "-ok", "--exec", "-x", "-X"];

/// The words after which they name it.
const STARTING: &[&str] = &["exec", "run", "foreach", "x", "dlx", "--exec", "-x", "--", "-c", "--command"];

/// The commands that a part names: itself, and those that wrappers and shells in it would run. Each is a word list.
pub fn unwrapped(part: &Part, depth: usize) -> Vec<Vec<Option<String>>> {
    let mut out = vec![part.words.clone()];
    let Some(Some(program)) = part.words.first() else { return out };
    if depth >= SHELL_DEPTH_MAX {
        return out;
    }
    let name = base_name(program);
    let rest = part.words.get(1..).unwrap_or_default();
    let begins = |w: &Option<String>| w.as_deref().is_some_and(|w| FINDING.iter().any(|option| w.starts_with(option)));
    let first = match name {
        "find" | "fd" | "fdfind" => rest.iter().position(begins),
        _ => (is_wrapper(name) || is_privileged(name)).then_some(0),
    };
    if let Some(first) = first {
        // Which word is the inner program depends on options that differ by tool: every one is taken.
        for start in first..rest.len() {
            let inner = Part::of(rest.get(start..).unwrap_or_default().to_vec());
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
    // `python3 -m pip install x`
    if same_program("python", name)
        && let [Some(dash), inner @ ..] = rest
        && dash == "-m"
    {
        out.push(inner.to_vec());
    }
    // `git rebase --exec 'x'`, `npm exec -- x`, `docker run image x`
    let marks = |w: &Option<String>| w.as_deref().is_some_and(|w| STARTING.contains(&w));
    if STARTERS.contains(&name)
        && let Some(at) = rest.iter().position(marks)
    {
        for start in at + 1..rest.len() {
            let inner = rest.get(start..).unwrap_or_default().to_vec();
            if let Some(Some(text)) = inner.first().filter(|w| w.as_deref().is_some_and(|w| w.contains(' '))) {
                out.extend(shell::read(text).parts.iter().flat_map(|part| unwrapped(part, depth + 1)));
            }
            out.push(inner);
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
        // Words of a wrapper that are not a known program are its own arguments.
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
    if reading::tells_version(words) {
        return Class::Read;
    }
    if is_privileged(name) || (matches!(name, "chmod" | "install" | "mkdir") && grants(&args)) {
        return Class::Privilege;
    }
    if DESTRUCTIVE.contains(&name) || name.starts_with("mkfs") {
        return Class::Destructive;
    }
    let subcommand = subcommand(name, &args);
    // More operands than it reads: the further one is written.
    let writes_operand = || {
        let argv: Vec<String> = words.iter().flatten().cloned().collect();
        options::of(&argv).is_some_and(|(p, args)| p.looks && p.writes_operand(args))
    };
    let only_looks = || reading::paths_read(words, true).is_some();
    match name {
        "git" => git(&args, subcommand),
        _ if NETWORK.contains(&name) || fetching(name, subcommand) => Class::Network,
        "find" => find(&args, cwd, place),
        "sed" | "gsed" => sed(&args, cwd, place),
        "sort" if args.iter().any(|a| a.starts_with("-o") || a.starts_with("--o")) => written(&args, cwd, place),
        "uniq" | "xxd" if writes_operand() => written(&args, cwd, place),
        "fd" | "fdfind" if args.iter().any(|a| starts_others(a)) => Class::Unknown,
        "rg" if args.iter().any(|a| a.starts_with("--pre") || a.starts_with("--hostname-bin")) => Class::Unknown,
        "tree" if args.contains(&"-o") => written(&args, cwd, place),
        "yq" if args.iter().any(|a| a.starts_with("-i") || a.starts_with("--in")) => written(&args, cwd, place),
        "date" if args.iter().any(|a| *a == "-s" || a.starts_with("--se")) => Class::Privilege,
        "env" | "printenv" if args.is_empty() => Class::Read,
        "command" if args.first().is_some_and(|a| matches!(*a, "-v" | "-V")) => Class::Read,
        "awk" | "gawk" | "mawk" | "nawk" if only_looks() => Class::Read,
        _ if is_wrapper(name) || is_interpreter(name) => Class::Unknown,
        "cp" | "ln" | "install" => copied(&args, cwd, place),
        _ if WRITERS.contains(&name) => written(&args, cwd, place),
        _ if READERS.contains(&name) || only_looks() => Class::Read,
        _ => Class::Unknown,
    }
}

/// Returns whether a mode among the arguments sets the bits that lend rights.
fn grants(args: &[&str]) -> bool {
    let octal = |m: &str| m.bytes().all(|b| b.is_ascii_digit());
    let lends = |mode: &str| {
        let digits = mode.trim_start_matches('0');
        if octal(mode) {
            digits.len() > 3
        } else {
            mode.contains(['+', '=']) && mode.contains('s') && mode.bytes().all(|b| b"ugoarwxXst+-=,".contains(&b))
        }
    };
    let values = args.iter().map(|a| a.strip_prefix("--mode=").or_else(|| a.strip_prefix("-m")).unwrap_or(a));
    values.into_iter().any(lends)
}

fn starts_others(arg: &str) -> bool {
    arg.starts_with("--ex") && !arg.starts_with("--exte") && !arg.starts_with("--excl")
        || arg.starts_with('-') && !arg.starts_with("--") && arg.contains(['x', 'X'])
}

fn find(args: &[&str], cwd: &Path, place: &Place<'_>) -> Class {
    let file = |a: &&str| a.starts_with("-fprint") || *a == "-fls";
    let outside = || {
        let after = args.iter().zip(args.iter().skip(1)).filter(|(a, _)| file(a));
        after.into_iter().any(|(_, to)| !place.is_inside(cwd, to))
    };
    if args.contains(&"-delete") {
        Class::Destructive
    } else if args.iter().any(|a| matches!(*a, "-exec" | "-execdir" | "-ok" | "-okdir")) {
        Class::Unknown
    } else if args.iter().any(file) {
        if outside() { Class::WriteOutside } else { Class::WriteInside }
    } else {
        Class::Read
    }
}

fn sed(args: &[&str], cwd: &Path, place: &Place<'_>) -> Class {
    let short = |a: &&str| a.starts_with('-') && !a.starts_with("--") && a.contains('i');
    if args.iter().any(|a| a.starts_with("--in-place") || short(a)) {
        return written(args, cwd, place);
    }
    let owned: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
    if sed::files(&owned).is_some() { Class::Read } else { Class::Unknown }
}

fn git(args: &[&str], subcommand: &str) -> Class {
    let has = |set: &[&str]| args.iter().any(|a| set.contains(a));
    let operands = args.iter().filter(|a| !a.starts_with('-')).count();
    let configured = args.first().is_some_and(|a| a.starts_with("-c") || a.starts_with("--exec-path="));
    let worst = match subcommand {
        "reset" if has(&["--hard"]) => Class::Destructive,
        "clean" | "gc" | "prune" | "filter-branch" | "filter-repo" => Class::Destructive,
        "checkout" | "restore" | "switch" if has(&["--", ".", "-f", "--force"]) => Class::Destructive,
        "branch" | "tag" | "stash" | "worktree"
            if has(&["-d", "-D", "-f", "-M", "--force", "--delete", "drop", "clear", "remove"]) =>
        {
            Class::Destructive
        }
        "branch" | "tag" if operands < 2 || has(&["-l", "--list"]) => Class::Read,
        "remote" if operands < 2 || has(&["get-url"]) => Class::Read,
        "stash" | "worktree" | "notes" | "submodule" if has(&["list"]) => Class::Read,
        "config" if has(&["--get", "--list", "-l", "--get-all", "--get-regexp"]) => Class::Read,
        "status" | "log" | "diff" | "show" | "blame" | "rev-parse" | "ls-files" | "describe" | "shortlog"
        | "cat-file" | "grep" | "rev-list" | "ls-tree" | "merge-base" | "name-rev" | "reflog" | "annotate"
        | "whatchanged" | "diff-tree" | "diff-index" | "diff-files" | "cherry" | "range-diff" | "show-ref"
        | "for-each-ref" | "version" | "help" | "check-ignore" | "count-objects"
            if !args.iter().any(|a| a.starts_with("--output") || a.starts_with("--outp")) =>
        {
            Class::Read
        }
        "bisect" | "hook" | "difftool" | "mergetool" | "shell" => Class::Unknown,
        "" => Class::Unknown,
        _ if fetching("git", subcommand) => Class::Network,
        _ => Class::WriteInside,
    };
    if configured { worst.max(Class::Unknown) } else { worst }
}

/// As [`written`], for tools that only read all operands but the last.
fn copied(args: &[&str], cwd: &Path, place: &Place<'_>) -> Class {
    let named = args.iter().any(|a| a.starts_with("-t") || a.starts_with("--t"));
    let last = args.iter().rev().find(|a| !a.starts_with('-'));
    match last {
        Some(last) if !named => written(&[last], cwd, place),
        Some(_) | None => written(args, cwd, place),
    }
}

fn written(args: &[&str], cwd: &Path, place: &Place<'_>) -> Class {
    let outside = |a: &&str| {
        let path = a.split_once('=').map_or(*a, |(_, v)| v);
        let attached = || {
            crate::policy::command::named::candidates(a)
                .into_iter()
                .any(|c| c.starts_with(['/', '~']) || c.contains(".."))
        };
        if a.starts_with('-') { attached() || path.starts_with(['/', '~']) } else { !place.is_inside(cwd, path) }
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
        check("git -c a=b status", Class::Unknown);
        check("git -C .. push", Class::Network);
        check("git branch", Class::Read);
        check("git branch x", Class::WriteInside);
        check("chmod +x src/s.sh", Class::WriteInside);
        check("chmod 06755 x", Class::Privilege);
        check("sed -n 1,5p x", Class::Read);
        check("xxd -l 4 x", Class::Read);
        check("uniq a b", Class::WriteInside);
        check("cp /etc/x a", Class::WriteInside);
        check("find . -fls /x", Class::WriteOutside);
        check("fd -x id", Class::Unknown);
        check("npm --prefix x install", Class::Network);
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
