//! The files that a command line would change, as far as its words tell.
//!
//! Nothing is read and nothing is run here: a caller with a disk looks up what the words name. Of what the words
//! do not tell, it is said that it is not known; "nothing" is only said of programs that are known to change nothing.

use crate::model::action::Command;
use crate::policy::command::class::Class;
use crate::policy::command::programs::{base_name, class_of, is_wrapper, operand_after, unwrapped};
use crate::policy::command::shell::{Joint, Part, Script};
use crate::policy::matter::Matter;
use crate::policy::place::Place;
use std::path::{Path, PathBuf};

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    pub claims: Vec<Claim>,
    /// The parts that cannot be determined, in words.
    pub unknown: Vec<String>,
}

/// Something that words name. All paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// A file, or a directory with all that is below it.
    Tree(PathBuf),
    /// A file, if one is there.
    File(PathBuf),
    /// The paths that a shell finds for a pattern, each with everything below it.
    Pattern { dir: PathBuf, pattern: String },
    /// The paths that `find` finds below a directory. `narrowed`: it has tests that are not read here.
    Found { dir: PathBuf, name: Option<String>, narrowed: bool },
    /// The paths that git does not track below a directory.
    Untracked { dir: PathBuf, ignored: Ignored, in_new_dirs: bool, narrowed: bool },
    /// The paths that differ from git's index, below a directory or at a file.
    Differing(PathBuf),
}

/// The treatment of untracked files that the ignore rules name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    Left,
    Too,
    Only,
}

/// Returns the files a command would change; `None` when it changes no file.
pub fn reach(command: &Command, place: &Place<'_>) -> Option<Reach> {
    let Matter::Command { script, cwd, .. } = Matter::command(command, place) else { return None };
    let mut reading = Reading { at: Some(tidy(&cwd)), reach: Reach::default(), place };
    if script.opaque {
        reading.unknown("the line cannot be parsed completely");
    }
    let straight = is_straight(&script);
    for part in &script.parts {
        reading.part(part, straight);
    }
    let Reach { mut claims, mut unknown } = reading.reach;
    claims.dedup();
    unknown.dedup();
    (!claims.is_empty() || !unknown.is_empty()).then_some(Reach { claims, unknown })
}

/// Without the `.` in it.
fn tidy(path: &Path) -> PathBuf {
    path.components().collect()
}

/// Returns whether every command starts where the one before it ended.
fn is_straight(script: &Script) -> bool {
    !script.simples.is_empty() && script.simples.iter().all(|s| matches!(s.joint, Joint::First | Joint::And))
}

struct Reading<'a> {
    /// The start directory of the next command, while it is known.
    at: Option<PathBuf>,
    reach: Reach,
    place: &'a Place<'a>,
}

/// A command's words: options, and the rest with its place.
#[derive(Default)]
struct Words<'a> {
    options: Vec<&'a str>,
    operands: Vec<Option<&'a str>>,
}

impl<'a> Words<'a> {
    /// `valued` options take the next word.
    fn of(args: &'a [Option<String>], valued: &[&str]) -> Self {
        let mut words = Self::default();
        let mut rest = args.iter();
        while let Some(word) = rest.next() {
            match word.as_deref() {
                Some("--") => words.operands.extend(rest.by_ref().map(Option::as_deref)),
                Some(option) if option.len() > 1 && option.starts_with('-') => {
                    words.options.push(option);
                    if valued.contains(&option) {
                        rest.next();
                    }
                }
                other => words.operands.push(other),
            }
        }
        words
    }

    /// A short option among clusters, or a long one by its whole name.
    fn has(&self, short: char, long: &str) -> bool {
        self.options.iter().any(|option| match option.strip_prefix("--") {
            Some(name) => !long.is_empty() && name.split('=').next() == Some(long),
            None => option.contains(short),
        })
    }
}

impl Reading<'_> {
    fn unknown(&mut self, what: impl Into<String>) {
        self.reach.unknown.push(what.into());
    }

    fn part(&mut self, part: &Part, straight: bool) {
        for to in &part.writes {
            self.claim(to.as_deref(), Claim::File);
        }
        let program = part.words.first().cloned().flatten();
        if program.as_deref() == Some("cd") {
            let to = part.words.get(1).cloned().flatten().filter(|to| straight && !to.starts_with(['-', '~']));
            self.at = self.at.take().zip(to).map(|(at, to)| at.join(to));
            return;
        }
        if part.words.is_empty() {
            return;
        }
        let name = program.as_deref().map_or("", base_name);
        if name == "xargs" || name == "parallel" {
            return self.unknown(format!("{name} receives its file names only when it runs"));
        }
        // What a wrapper runs is taken; of `find` the words are read as its own.
        let lists = if name == "find" { vec![part.words.clone()] } else { unwrapped(part, 0) };
        let inner = usize::from(is_wrapper(name) && lists.len() > 1);
        let mut spoke = false;
        for words in lists.get(inner..).unwrap_or_default() {
            spoke |= self.simple(words);
        }
        let cwd = self.at.clone().unwrap_or_else(|| self.place.root.clone());
        // The target of its output was handled above.
        let alone = Part::of(part.words.clone());
        if !spoke && class_of(&alone, &cwd, self.place) != Class::Read {
            let name = if name.is_empty() { "a program known only to the shell" } else { name };
            self.unknown(format!("{name} can change anything"));
        }
    }

    /// Reads one command; false when nothing is known about its program.
    fn simple(&mut self, words: &[Option<String>]) -> bool {
        let Some((Some(program), args)) = words.split_first() else { return false };
        let name = base_name(program);
        match name {
            "rm" | "rmdir" | "unlink" | "shred" | "trash" => self.each(&Words::of(args, &["-n"]).operands, Claim::Tree),
            "mv" => {
                let words = Words::of(args, &["-t", "-S"]);
                let (to, from) = words.operands.split_last().unwrap_or((&None, &[]));
                self.each(from, Claim::Tree);
                self.claim(*to, Claim::File);
            }
            "cp" | "ln" | "install" => {
                let words = Words::of(args, &["-t", "-S", "-m", "-o", "-g"]);
                if words.has('t', "target-directory") || words.has('r', "recursive") || words.has('a', "archive") {
                    self.unknown(format!("{name} may overwrite files with the same names"));
                }
                self.claim(words.operands.last().copied().flatten(), Claim::File);
            }
            "tee" | "truncate" | "touch" => {
                self.each(&Words::of(args, &["-s", "-r", "-d", "-t"]).operands, Claim::File)
            }
            "chmod" | "chown" | "chgrp" => {
                let words = Words::of(args, &[]);
                let all = words.has('R', "recursive");
                let files = words.operands.get(1..).unwrap_or_default();
                self.each(files, if all { Claim::Tree } else { Claim::File });
            }
            "dd" => {
                let to = args.iter().flatten().find_map(|word| word.strip_prefix("of="));
                self.claim(to, Claim::File);
            }
            "sed" | "gsed" => {
                let words = Words::of(args, &["-e", "-f"]);
                if !words
                    .options
                    .iter()
                    .any(|o| o.starts_with("--in-place") || (!o.starts_with("--") && o.contains('i')))
                {
                    return false;
                }
                let scripts = words.options.iter().any(|o| matches!(*o, "-e" | "-f") || o.starts_with("--expr"));
                self.each(words.operands.get(usize::from(!scripts)..).unwrap_or_default(), Claim::File);
            }
            "find" => return self.find(args),
            "git" => return self.git(args),
            _ => return false,
        }
        true
    }

    fn each(&mut self, operands: &[Option<&str>], claim: fn(PathBuf) -> Claim) {
        for operand in operands {
            self.claim(*operand, claim);
        }
    }

    /// One word that names a file.
    fn claim(&mut self, word: Option<&str>, claim: fn(PathBuf) -> Claim) {
        let Some(word) = word else { return self.unknown("a name known only to the shell") };
        if word.starts_with('~') || word.contains(['{', '$', '`']) {
            return self.unknown(format!("{word}: its expansion is known only to the shell"));
        }
        let Some(at) = self.at.clone().or_else(|| Path::new(word).is_absolute().then(PathBuf::new)) else {
            return self.unknown(format!("{word}: its location is known only when it runs"));
        };
        self.reach.claims.push(if word.contains(['*', '?', '[']) {
            Claim::Pattern { dir: at, pattern: word.to_owned() }
        } else {
            claim(tidy(&at.join(word)))
        });
    }

    fn find(&mut self, args: &[Option<String>]) -> bool {
        let words: Vec<&str> = args.iter().map(|word| word.as_deref().unwrap_or("-$")).collect();
        let runs = ["-exec", "-execdir", "-ok", "-okdir"].iter().find_map(|run| operand_after(&words, run));
        if !words.contains(&"-delete")
            && runs.is_none_or(|program| !matches!(base_name(program), "rm" | "unlink" | "shred"))
        {
            return false;
        }
        let first = words.iter().position(|word| word.starts_with(['-', '(', '!'])).unwrap_or(words.len());
        let (dirs, tests) = words.split_at(first);
        let name = operand_after(tests, "-name").map(str::to_owned);
        let mut narrowed = false;
        let mut rest = tests.iter();
        while let Some(test) = rest.next() {
            match *test {
                "-name" => narrowed |= rest.next().is_none_or(|name| *name == "-$"),
                "-type" => narrowed |= rest.next() != Some(&"f"),
                "-delete" | "-print" | "-depth" | "-xdev" => {}
                "-exec" | "-execdir" => break,
                _ => narrowed = true,
            }
        }
        for dir in if dirs.is_empty() { &["."] } else { dirs } {
            match self.at.clone().or_else(|| Path::new(dir).is_absolute().then(PathBuf::new)) {
                Some(at) if !dir.starts_with(['~', '$']) => {
                    self.reach.claims.push(Claim::Found { dir: tidy(&at.join(dir)), name: name.clone(), narrowed });
                }
                Some(_) | None => self.unknown(format!("{dir}: its location is known only when it runs")),
            }
        }
        true
    }

    fn git(&mut self, args: &[Option<String>]) -> bool {
        let Some((Some(sub), args)) = args.split_first() else { return false };
        let words = Words::of(args, &["-e", "--exclude", "-s", "--source", "-m", "--message"]);
        let root = self.place.root.clone();
        match sub.as_str() {
            // These change what git keeps, not the files.
            "add" | "commit" | "push" | "fetch" | "tag" | "branch" | "config" | "remote" | "notes" => {}
            "clean" if words.has('n', "dry-run") => {}
            "clean" => {
                let ignored = match (words.has('x', ""), words.has('X', "")) {
                    (_, true) => Ignored::Only,
                    (true, false) => Ignored::Too,
                    (false, false) => Ignored::Left,
                };
                let (in_new_dirs, narrowed) = (words.has('d', ""), words.has('e', "exclude"));
                let dirs = if words.operands.is_empty() { vec![Some(".")] } else { words.operands };
                for dir in dirs {
                    match self.at.clone().zip(dir) {
                        Some((at, dir)) => {
                            let dir = tidy(&at.join(dir));
                            self.reach.claims.push(Claim::Untracked { dir, ignored, in_new_dirs, narrowed });
                        }
                        None => self.unknown("the directory that git cleans is known only when it runs"),
                    }
                }
            }
            "rm" | "mv" => self.each(&words.operands, Claim::Tree),
            "restore" if words.has('S', "staged") && !words.has('W', "worktree") => {}
            "restore" => {
                if words.has('s', "source") {
                    self.unknown("their content in an earlier commit");
                }
                self.each(&words.operands, Claim::Differing);
            }
            "checkout" if args.iter().flatten().any(|word| word == "--") => {
                let from = args.iter().position(|word| word.as_deref() == Some("--")).unwrap_or(0);
                if from > 0 {
                    self.unknown("their content in another commit");
                }
                let paths: Vec<Option<&str>> = args.iter().skip(from + 1).map(Option::as_deref).collect();
                self.each(&paths, Claim::Differing);
            }
            "checkout" if words.operands.first() == Some(&Some(".")) => self.each(&words.operands, Claim::Differing),
            "checkout" | "switch" if words.has('f', "force") => {
                self.reach.claims.push(Claim::Differing(root));
                self.unknown("the differences between the branches");
            }
            "reset" if words.has('\0', "hard") => {
                self.reach.claims.push(Claim::Differing(root));
                self.unknown("what was staged or committed since");
            }
            "stash" if words.operands.first().is_none_or(|sub| *sub == Some("push")) => {
                self.reach.claims.push(Claim::Differing(root));
            }
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> (Vec<String>, Vec<String>) {
        let place = Place::of("/w");
        let found = reach(&Command::shell(line), &place).unwrap_or_default();
        let claims = found.claims.iter().map(|claim| match claim {
            Claim::Tree(path) => format!("tree {}", path.display()),
            Claim::File(path) => format!("file {}", path.display()),
            Claim::Pattern { dir, pattern } => format!("pattern {} in {}", pattern, dir.display()),
            Claim::Found { dir, name, narrowed } => {
                format!(
                    "found {} {}{}",
                    dir.display(),
                    name.as_deref().unwrap_or("*"),
                    if *narrowed { " narrowed" } else { "" }
                )
            }
            Claim::Untracked { dir, ignored, in_new_dirs, narrowed } => {
                format!("untracked {} {ignored:?} {in_new_dirs} {narrowed}", dir.display())
            }
            Claim::Differing(path) => format!("differing {}", path.display()),
        });
        (claims.collect(), found.unknown)
    }

    fn claims(line: &str, expect: &[&str]) {
        let (claims, unknown) = of(line);
        assert_eq!(claims, expect, "{line}");
        assert_eq!(unknown, [""; 0], "{line}");
    }

    #[test]
    fn words_tell_what_is_touched() {
        claims("rm -rf build", &["tree /w/build"]);
        claims("rm -rf -- -x /tmp/y", &["tree /w/-x", "tree /tmp/y"]);
        claims("rm -f build/*.o", &["pattern build/*.o in /w"]);
        claims("cd src && rm a", &["tree /w/src/a"]);
        claims("sudo rm a", &["tree /w/a"]);
        claims("timeout 5 rm a", &["tree /w/a"]);
        claims("bash -c 'rm a'", &["tree /w/a"]);
        claims("mv a b c", &["tree /w/a", "tree /w/b", "file /w/c"]);
        claims("echo x > a", &["file /w/a"]);
        claims("sed -i s/a/b/ f g", &["file /w/f", "file /w/g"]);
        claims("sed -i -e s/a/b/ f", &["file /w/f"]);
        claims("truncate -s 0 a", &["file /w/a"]);
        claims("chmod -R go-w src", &["tree /w/src"]);
        claims("find src -name '*.bak' -type f -delete", &["found /w/src *.bak"]);
        claims("find . -mtime +3 -delete", &["found /w * narrowed"]);
        claims("find src -name x -exec rm {} \\;", &["found /w/src x"]);
        claims("git clean -fdx", &["untracked /w Too true false"]);
        claims("git clean -f src", &["untracked /w/src Left false false"]);
        claims("git checkout .", &["differing /w"]);
        claims("git checkout -- a b", &["differing /w/a", "differing /w/b"]);
        claims("git restore a", &["differing /w/a"]);
        for nothing in ["ls -la", "git clean -n", "cat a | grep b", "git commit -m x", "git restore --staged a"] {
            assert_eq!(reach(&Command::shell(nothing), &Place::of("/w")), None, "{nothing}");
        }
    }

    #[test]
    fn what_words_do_not_tell_is_not_known() {
        let unknown = |line: &str, expect: &str| {
            let (_, unknown) = of(line);
            assert!(unknown.iter().any(|words| words.contains(expect)), "{line}: {unknown:?}");
        };
        unknown("rm -rf $DIR", "known only to the shell");
        unknown("rm -rf ~/x", "known only to the shell");
        unknown("make clean", "make can change anything");
        unknown("find . | xargs rm", "only when it runs");
        unknown("cd $A; rm a", "known only when it runs");
        unknown("cd a || rm b", "known only when it runs");
        unknown("git reset --hard", "staged");
        unknown("python3 x.py", "can change anything");
        unknown("cp -r a b", "overwrite");
    }
}
