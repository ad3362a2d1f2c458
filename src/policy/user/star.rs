//! The reach of the `*` of an allow rule: what only it covers may be an operand in the workspace, or an option that is
//! known to be harmless. It never names another program, another thing to do, an address, or a guarded file to change.

use crate::policy::command::class::Class;
use crate::policy::command::named::candidates;
use crate::policy::command::options::{self, Operands};
use crate::policy::command::programs::{base_name, class_of, fetches, is_interpreter, is_wrapper};
use crate::policy::command::reading::{Found, Search, found_below};
use crate::policy::command::shell::Part;
use crate::policy::command::tokens::{Match, Tokens};
use crate::policy::guarded::guarded;
use crate::policy::place::{Place, Scope, Target};
use std::path::Path;

/// Options of tools without a profile that a `*` may cover: they only set the amount of output.
const PLAIN: &[&str] = &[
    "-v",
    "-vv",
    "-q",
    "-h",
    "-V",
    "-x",
    "-s",
    "-l",
    "-a",
    "-n",
    "-1",
    "--",
    "--verbose",
    "--quiet",
    "--silent",
    "--help",
    "--version",
    "--check",
    "--diff",
    "--dry-run",
    "--list",
    "--no-color",
    "--color",
    "--colors",
    "--watch",
    "--watchAll",
    "--coverage",
    "--run",
    "--ci",
    "--bail",
    "--strict",
    "--json",
    "--all",
    "--short",
    "--stat",
    "--no-pager",
    "--nocapture",
    "--debug",
    "--fail-fast",
    "--failfast",
    "--parallel",
    "--verbosity",
    "--keepdb",
    "--no-input",
    "--noinput",
    "--testNamePattern",
    "--grep",
    "--filter",
    "--runInBand",
    "--maxWorkers",
    "--passWithNoTests",
    "-t",
    "-k",
    "-i",
];

/// Programs whose star covers nothing: what they do is in words that only they read, or on another machine.
const CLOSED: &[&str] = &[
    "tar", "bsdtar", "unzip", "cpio", "ar", "7z", "7za", "unar", "patch", "pax", "unrar", "ed", "ex", "vi", "vim",
    "nano", "emacs", "less", "more", "most", "man", "bat", "yq", "ssh", "scp", "sftp", "rsync", "wget", "dd",
    "install", "kill", "pkill", "killall", "openssl", "gpg", "nc", "ncat", "socat", "csplit", "sponge", "iconv",
    "recode", "rename", "strip", "objcopy", "mkfifo", "mknod", "mktemp", "link",
];

/// Returns whether a `*` covers nothing of this program.
pub(super) fn is_closed(name: &str) -> bool {
    CLOSED.contains(&name)
}

/// Interpreters whose first operand is a script, so that the words after it are the script's own.
const SCRIPTED: &[&str] = &[
    "sh", "bash", "dash", "zsh", "ksh", "fish", "python", "pypy", "perl", "ruby", "node", "nodejs", "lua", "luajit",
    "php", "Rscript", "julia", "elixir", "groovy", "ts-node", "tsx", "raku", "tclsh",
];

/// Tools whose first operands say what they do, with those that only tell something; no other is covered by a `*`.
const QUERIES: &[(&str, &str)] = &[
    ("docker podman", "ps images logs inspect version info top port diff history"),
    ("docker podman", "compose ps,compose logs,compose config,compose ls,compose images,compose top"),
    ("kubectl", "get describe logs top version explain api-resources api-versions cluster-info"),
    (
        "gh",
        "pr list,pr view,pr status,pr diff,pr checks,issue list,issue view,issue status,run list,run view,repo view,release list,release view",
    ),
    ("glab", "mr list,mr view,issue list,issue view"),
    ("npm", "ls list outdated view"),
    ("pnpm yarn", "list why outdated"),
    ("pip pip3", "list show freeze check"),
    ("helm", "list status history"),
    ("terraform", "validate version"),
    ("brew apt", "list info search"),
];

/// Returns whether an allow rule's `*` may cover the words it matches.
pub(in crate::policy) fn reaches(
    pattern: &Tokens,
    found: &Match,
    argv: &[String],
    at: &Path,
    place: &Place<'_>,
) -> bool {
    let Some(program) = argv.first() else { return false };
    // What a wrapper would run, and what text an interpreter would execute, must be spelled out.
    if found.wild.is_empty() {
        return !(found.starred && is_wrapper(program));
    }
    let part = Part::of(argv.iter().cloned().map(Some).collect());
    let class = class_of(&part, at, place);
    let name = program.as_str();
    if is_wrapper(program) || CLOSED.contains(&name) || class == Class::Privilege {
        return false;
    }
    let known = match options::of(argv) {
        Some((profile, args)) => {
            let skipped = argv.len() - args.len();
            // The subcommand of a tool with many is what the rule's author thought of.
            let sub_spelled = profile.sub.is_empty() || found.literal >= skipped || may_be_any(argv);
            let parsed = profile.read(args, &|n| !found.wild.contains(&(n + skipped)));
            sub_spelled
                && parsed.is_some_and(|p| p.foreign.into_iter().all(is_plain))
                && operands_fit(profile.operands, args)
        }
        None => unprofiled(found, argv, class),
    };
    if !known || (class == Class::Destructive && options::has_subcommands(name)) {
        return false;
    }
    let wild: Vec<&str> = found.wild.iter().filter_map(|n| argv.get(*n)).map(String::as_str).collect();
    addresses_are_spelled(pattern, found, argv, class)
        && wild.iter().all(|word| leads_nowhere(word, class, program, at, place))
        && changes_nothing_guarded(argv, class, at, place)
}

/// Returns whether a bare `*` covers the subcommand too: all of cargo's that are listed build or check, but one.
fn may_be_any(argv: &[String]) -> bool {
    argv.first().is_some_and(|p| p == "cargo") && argv.get(1).is_none_or(|sub| sub != "run" && sub != "r")
}

/// Packages are judged by their names, spelled or not.
fn operands_fit(operands: Operands, args: &[String]) -> bool {
    operands != Operands::Packages || !args.iter().any(|a| a.contains("://") || a.starts_with("git+"))
}

/// Returns whether a `*` may cover the words of a program whose options are not listed.
fn unprofiled(found: &Match, argv: &[String], class: Class) -> bool {
    let Some(program) = argv.first() else { return false };
    let name = base_name(program);
    let wild = || found.wild.iter().filter_map(|n| argv.get(*n)).map(String::as_str);
    if !wild().filter(|w| w.starts_with('-')).all(is_plain) {
        return false;
    }
    let operand = argv.get(1).map(String::as_str).unwrap_or_default();
    if is_interpreter(name) && class != Class::Read {
        let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let spelled =
            if operand == "-m" { found.literal >= 3 } else { found.literal >= 2 && !operand.starts_with('-') };
        return spelled && SCRIPTED.contains(&plain) && wild().all(|w| !w.contains('='));
    }
    if options::has_subcommands(name)
        || class == Class::Network
        || fetches(argv)
        || QUERIES.iter().any(|(tools, _)| lists(tools, name))
    {
        return tells(name, argv);
    }
    // What comes after `run` or `exec` is another program.
    let starts =
        |n: &usize| argv.get(n.wrapping_sub(1)).is_some_and(|w| matches!(w.as_str(), "run" | "exec" | "x" | "--"));
    if found.wild.iter().any(starts) {
        return false;
    }
    // Of a tool of which nothing is known, the first word may say what it does.
    let is_path = program.contains('/');
    is_path || found.literal >= 2 || operand.contains(['/', '.']) || operand.starts_with('-')
}

fn lists(list: &str, word: &str) -> bool {
    list.split(' ').any(|w| w == word)
}

/// Returns whether the words begin with a query of the tool.
fn tells(name: &str, argv: &[String]) -> bool {
    let words: Vec<&str> = argv.iter().skip(1).map(String::as_str).collect();
    let begins = |query: &str| query.split(' ').enumerate().all(|(n, w)| words.get(n) == Some(&w));
    QUERIES.iter().filter(|(tools, _)| lists(tools, name)).any(|(_, queries)| {
        if queries.contains(',') { queries.split(',').any(begins) } else { queries.split(' ').any(begins) }
    })
}

fn is_plain(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or(word);
    !word.starts_with('-') || PLAIN.contains(&name)
}

/// Returns whether every address is one that the rule's author began, up to the end of its host.
fn addresses_are_spelled(pattern: &Tokens, found: &Match, argv: &[String], class: Class) -> bool {
    if class != Class::Network {
        return true;
    }
    let spells_address = pattern.words().iter().any(|w| w.contains("://"));
    found.wild.iter().all(|n| {
        let Some(word) = argv.get(*n) else { return true };
        match pattern.words().get(*n).and_then(|p| p.split_once("://")) {
            Some((_, begun)) => {
                let begun = begun.split('*').next().unwrap_or_default();
                begun.contains('/') && !word.contains("..") && !word.contains('@')
            }
            // An option's value is not an address.
            None => !spells_address || word.starts_with('-'),
        }
    })
}

/// Returns whether a word names nothing outside the workspace and nothing guarded that would be changed.
fn leads_nowhere(word: &str, class: Class, program: &str, at: &Path, place: &Place<'_>) -> bool {
    // What sets a variable of a script or a make file makes it another one.
    if is_interpreter(program) && word.contains('=') && !word.starts_with('-') {
        return false;
    }
    candidates(word).into_iter().all(|c| match place.target(at, c) {
        Target::Inside(inside) => {
            let name = inside.to_string_lossy();
            let whole = name.is_empty() && class == Class::Destructive;
            !whole && (class == Class::Read || (guarded(&name).is_none() && guarded(c).is_none()))
        }
        Target::Outside(_) | Target::Own(_) => c == "/dev/null",
    })
}

/// Returns whether a tool that changes files below what it names, or puts files into directories, changes no guarded
/// one.
fn changes_nothing_guarded(argv: &[String], class: Class, at: &Path, place: &Place<'_>) -> bool {
    let changes = matches!(class, Class::WriteInside | Class::Destructive);
    let program = argv.first().map(|p| base_name(p)).unwrap_or_default();
    if !changes || !matches!(program, "cp" | "mv" | "rm" | "ln" | "chmod" | "zip") {
        return true;
    }
    let operands: Vec<&str> = argv.iter().skip(1).filter(|a| !a.starts_with('-')).map(String::as_str).collect();
    let is_guarded = |path: &str| guarded(path).is_some();
    let below =
        |path: &str| matches!(found_below(place, at, path, Search::Below(Scope::ALL), &is_guarded), Found::Nothing);
    let inside = |path: String| match place.target(at, &path) {
        Target::Inside(inside) => !is_guarded(&inside.to_string_lossy()),
        Target::Outside(_) | Target::Own(_) => false,
    };
    let placed = || {
        let into = operands.last().copied().unwrap_or_default();
        operands.iter().all(|from| {
            let name = from.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            inside(format!("{into}/{name}"))
        })
    };
    match program {
        "rm" | "chmod" => operands.iter().all(|path| below(path)),
        "zip" => true,
        _ => {
            let sources = operands.split_last().map(|(_, from)| from).unwrap_or_default();
            sources.iter().all(|path| below(path)) && placed()
        }
    }
}
