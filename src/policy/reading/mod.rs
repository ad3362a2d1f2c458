//! Commands that only look at the workspace: those whose every option is known to keep it so.
//!
//! An option that is not listed makes the command one that asks. Every word that is no option is taken for a path and must
//! lead into the workspace, patterns included: asking once too often costs a key, the other mistake does not.

use std::path::Path;

use super::guarded::holds_secrets;
use super::options;
use super::place::{Place, Target};

/// Whether this argument list, started in `cwd`, does nothing but look at ordinary files of the workspace.
pub fn only_reads(argv: &[String], cwd: &Path, place: &Place<'_>) -> bool {
    let Some((program, args)) = argv.split_first() else { return false };
    if program == "sed" {
        return prints_lines(args, cwd, place);
    }
    let Some((profile, rest)) = options::of(argv) else { return false };
    // A program given by a path is another program; so is one that starts a listed one.
    let itself = rest.len() == args.len() && !program.contains('/');
    let read = || profile.read(rest, &|_| false);
    itself
        && profile.looks
        && read().is_some_and(|r| !profile.names_paths() || r.operands.iter().all(|p| is_ordinary(p, cwd, place)))
}

/// `sed -n '10,20p' FILE`, which agents use to page through a file, and nothing else of sed.
fn prints_lines(args: &[String], cwd: &Path, place: &Place<'_>) -> bool {
    let [flag, script, files @ ..] = args else { return false };
    flag == "-n" && prints(script) && files.iter().all(|f| !f.starts_with('-') && is_ordinary(f, cwd, place))
}

/// Whether a script of sed only prints lines by their numbers.
pub(super) fn prints(script: &str) -> bool {
    let span = script.strip_suffix('p').unwrap_or_default();
    let number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    match span.split_once(',') {
        Some((from, to)) => number(from) && (number(to) || to == "$"),
        None => number(span),
    }
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
