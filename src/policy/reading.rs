//! Commands that only look at the workspace: the few whose every option is known, with the options that keep it so.
//!
//! An option that is not listed makes the command one that asks. Every word that is no option is taken for a path and must
//! lead into the workspace, patterns included: asking once too often costs a key, the other mistake does not.

use std::path::Path;

use super::guarded::holds_secrets;
use super::place::{Place, Target};

/// A reader: its name, its short options, those that take a value (next word or attached), its long options.
struct Reader {
    name: &'static str,
    short: &'static str,
    valued: &'static str,
    long: &'static [&'static str],
}

const fn reader(
    name: &'static str,
    short: &'static str,
    valued: &'static str,
    long: &'static [&'static str],
) -> Reader {
    Reader { name, short, valued, long }
}

/// Left out on purpose: `find` (runs and deletes), `tree`, `sort`, `uniq`, `xxd` (write to an operand), `less` (runs a
/// filter), `date`, `hostname` (set), `awk`, `env`, `git`, `tail -f` (never ends), `rg --pre`, `file -m`, `diff` options
/// that run a pager.
const READERS: &[Reader] = &[
    reader("pwd", "LP", "", &[]),
    reader("true", "", "", &[]),
    reader("false", "", "", &[]),
    reader("echo", "neE", "", &[]),
    reader(
        "ls",
        "1aAlhrtSRdFisnopXUgGmkcuC",
        "",
        &["all", "almost-all", "recursive", "reverse", "human-readable", "directory", "classify", "inode", "size"],
    ),
    reader("cat", "AbeEnstTuv", "", &["number", "show-all", "number-nonblank", "squeeze-blank"]),
    reader("head", "qv0123456789", "nc", &["lines", "bytes", "quiet"]),
    reader("tail", "qv0123456789", "nc", &["lines", "bytes", "quiet"]),
    reader("wc", "clmLw", "", &["bytes", "chars", "lines", "words", "max-line-length"]),
    reader("nl", "", "bnw", &[]),
    reader("tac", "", "", &[]),
    reader("rev", "", "", &[]),
    reader("stat", "", "", &[]),
    reader("du", "abchkmsx", "d", &["max-depth", "human-readable", "summarize", "all", "total"]),
    reader("basename", "a", "s", &[]),
    reader("dirname", "", "", &[]),
    reader("cut", "s", "bcdf", &["fields", "delimiter", "characters", "bytes"]),
    reader("sha256sum", "bt", "", &[]),
    reader("sha1sum", "bt", "", &[]),
    reader("md5sum", "bt", "", &[]),
    reader("cksum", "", "", &[]),
    reader("cmp", "bls", "n", &[]),
    reader("comm", "123", "", &[]),
    reader(
        "diff",
        "abBqsuwNyiE0123456789",
        "U",
        &["unified", "brief", "ignore-all-space", "ignore-space-change", "side-by-side"],
    ),
    reader("grep", "abcEFGhHilLnoqrsvwxzIPT0123456789", "ABCme", GREP_LONG),
    reader("egrep", "abchHilLnoqrsvwxzIT0123456789", "ABCme", GREP_LONG),
    reader("fgrep", "abchHilLnoqrsvwxzIT0123456789", "ABCme", GREP_LONG),
    reader(
        "rg",
        "cFhHilLnNoqsSUvwxPp0123456789",
        "ABCegmtTM",
        &[
            "count",
            "fixed-strings",
            "ignore-case",
            "files-with-matches",
            "line-number",
            "no-line-number",
            "only-matching",
            "word-regexp",
            "files",
            "hidden",
            "glob",
            "type",
            "type-not",
            "max-count",
            "context",
            "after-context",
            "before-context",
            "heading",
            "no-heading",
            "json",
            "multiline",
            "smart-case",
            "stats",
            "trim",
            "vimgrep",
            "with-filename",
            "no-filename",
            "column",
            "max-columns",
            "sort",
            "color",
            "no-config",
            "regexp",
            "case-sensitive",
        ],
    ),
];

const GREP_LONG: &[&str] = &[
    "recursive",
    "ignore-case",
    "line-number",
    "include",
    "exclude",
    "exclude-dir",
    "count",
    "files-with-matches",
    "files-without-match",
    "fixed-strings",
    "extended-regexp",
    "invert-match",
    "word-regexp",
    "line-regexp",
    "only-matching",
    "max-count",
    "context",
    "after-context",
    "before-context",
    "color",
    "colour",
    "with-filename",
    "no-filename",
    "quiet",
    "regexp",
    "perl-regexp",
    "no-messages",
];

/// Whether this argument list, started in `cwd`, does nothing but look at ordinary files of the workspace.
pub fn only_reads(argv: &[String], cwd: &Path, place: &Place<'_>) -> bool {
    let Some((program, args)) = argv.split_first() else { return false };
    if program == "sed" {
        return prints_lines(args, cwd, place);
    }
    READERS.iter().find(|r| r.name == program).is_some_and(|reader| {
        let texts = matches!(program.as_str(), "echo" | "true" | "false" | "basename" | "dirname");
        operands(reader, args).is_some_and(|paths| texts || paths.iter().all(|p| is_ordinary(p, cwd, place)))
    })
}

/// `sed -n '10,20p' FILE`, which agents use to page through a file, and nothing else of sed.
fn prints_lines(args: &[String], cwd: &Path, place: &Place<'_>) -> bool {
    let [flag, script, files @ ..] = args else { return false };
    let span = script.strip_suffix('p').unwrap_or_default();
    let number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    let spans = match span.split_once(',') {
        Some((from, to)) => number(from) && (number(to) || to == "$"),
        None => number(span),
    };
    flag == "-n" && spans && files.iter().all(|f| !f.starts_with('-') && is_ordinary(f, cwd, place))
}

/// The words that are no options; `None` when an option is not known.
fn operands<'a>(reader: &Reader, args: &'a [String]) -> Option<Vec<&'a str>> {
    let mut out = Vec::new();
    let mut args = args.iter().map(String::as_str);
    let mut ended = false;
    while let Some(arg) = args.next() {
        if ended || arg == "-" || !arg.starts_with('-') {
            out.push(arg);
        } else if arg == "--" {
            ended = true;
        } else if let Some(long) = arg.strip_prefix("--") {
            let name = long.split('=').next().unwrap_or(long);
            // Whole names only: getopt would complete `--pre` for us, and for others.
            if !reader.long.contains(&name) {
                return None;
            }
        } else if takes_next(reader, arg.get(1..)?)? {
            args.next()?;
        }
    }
    Some(out)
}

/// Whether a cluster of short options takes the next word as its value; `None` when one is not known.
fn takes_next(reader: &Reader, cluster: &str) -> Option<bool> {
    for (at, c) in cluster.char_indices() {
        if reader.valued.contains(c) {
            return Some(at + c.len_utf8() == cluster.len());
        }
        if !reader.short.contains(c) {
            return None;
        }
    }
    Some(false)
}

fn is_ordinary(path: &str, cwd: &Path, place: &Place<'_>) -> bool {
    if path == "-" || path == "/dev/null" {
        return true;
    }
    match place.target(cwd, path) {
        Target::Inside(inside) => !holds_secrets(&inside.to_string_lossy()),
        Target::Outside(_) | Target::Own(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expect: bool) {
        let argv = shell_words::split(line).unwrap();
        assert_eq!(only_reads(&argv, Path::new("/w"), &Place::of("/w")), expect, "{line}");
    }

    #[test]
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
            "find .",
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
            "head",
            "xxd a b",
            "date -s x",
            "tree -o x",
            "git status",
            "grep -r x /etc",
            "ls -la --hyperlink",
            "cat -n",
            "du --files0-from=x",
        ] {
            let reads_input = matches!(line, "head" | "cat -n");
            check(line, reads_input);
        }
    }
}
