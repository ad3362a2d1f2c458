//! Ways to write one command: `rm -fr x`, `rm -r --force x` and `rm x -rf` are the same, and so are `git push` and
//! `git -C . push`. For rules that tighten, so a match is generous: a doubtful case counts as one.

use crate::policy::command::programs::{base_name, is_kind, same_program, same_subcommand, valued_before_subcommand};
use crate::policy::command::tokens::word_matches;

/// A command or a pattern, taken apart.
#[derive(Debug, Default)]
pub(in crate::policy) struct Spelling<'a> {
    program: Option<&'a str>,
    /// The words that are not options, each with the option before it, whose value it may be.
    operands: Vec<(Option<&'a str>, Option<&'a str>)>,
    options: Vec<Flag<'a>>,
    /// Values that are attached to options.
    values: Vec<&'a str>,
    /// A word that only a shell could tell.
    unknown: bool,
}

/// An option as it is written.
#[derive(Debug, Clone, Copy)]
enum Flag<'a> {
    /// `--name`, without the dashes and the value.
    Long(&'a str),
    /// One or more letters after one dash.
    Short(&'a str),
}

/// Long names of options that are mostly written as one letter, over all tools.
const LETTERS: &[(char, &str)] = &[
    ('r', "recursive"),
    ('R', "recursive"),
    ('f', "force"),
    ('f', "file"),
    ('f', "filename"),
    ('f', "follow"),
    ('d', "delete"),
    ('d', "dir"),
    ('d', "data"),
    ('d', "detach"),
    ('D', "save-dev"),
    ('a', "all"),
    ('A', "all"),
    ('a', "archive"),
    ('g', "global"),
    ('G', "get"),
    ('i', "interactive"),
    ('i', "in-place"),
    ('i', "include"),
    ('m', "message"),
    ('m', "mode"),
    ('m', "move"),
    ('n', "dry-run"),
    ('n', "no-verify"),
    ('n', "namespace"),
    ('o', "output"),
    ('O', "remote-name"),
    ('p', "parents"),
    ('p', "patch"),
    ('p', "package"),
    ('p', "preserve"),
    ('q', "quiet"),
    ('s', "signal"),
    ('s', "silent"),
    ('s', "size"),
    ('t', "target-directory"),
    ('t', "tags"),
    ('u', "set-upstream"),
    ('u', "user"),
    ('u', "remove"),
    ('U', "upgrade"),
    ('v', "verbose"),
    ('v', "volume"),
    ('e', "env"),
    ('e', "expression"),
    ('e', "regexp"),
    ('e', "editable"),
    ('X', "request"),
    ('X', "method"),
    ('k', "insecure"),
    ('L', "location"),
    ('H', "header"),
    ('T', "upload-file"),
    ('F', "form"),
    ('K', "config"),
    ('c', "command"),
    ('c', "config"),
    ('c', "create"),
    ('C', "directory"),
    ('b', "branch"),
    ('S', "staged"),
    ('W', "worktree"),
    ('y', "yes"),
    ('y', "assume-yes"),
    ('x', "exec"),
    ('w', "workspace"),
    ('N', "no-clobber"),
    ('l', "list"),
    ('l', "link"),
    ('r', "requirement"),
    ('s', "symbolic"),
];

/// Letters that are two options in one.
const COMBINED: &[(char, [&str; 2])] = &[('D', ["delete", "force"]), ('M', ["move", "force"])];

impl<'a> Spelling<'a> {
    pub fn of(words: &'a [Option<String>]) -> Self {
        Self::read(words.iter().map(Option::as_deref))
    }

    pub fn of_pattern(words: &'a [String]) -> Self {
        Self::read(words.iter().map(|w| Some(w.as_str())))
    }

    fn read(mut words: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut out = Self { program: words.next().flatten(), ..Self::default() };
        let mut after_option = None;
        let mut ended = false;
        for word in words {
            let Some(text) = word else {
                out.unknown = true;
                out.operands.push((None, after_option));
                after_option = None;
                continue;
            };
            if ended || !text.starts_with('-') || text.len() == 1 {
                out.operands.push((Some(text), after_option));
                after_option = None;
                continue;
            }
            if text == "--" {
                ended = true;
                after_option = None;
                out.options.push(Flag::Long(""));
                continue;
            }
            let (name, value) = text.split_once('=').map_or((text, None), |(n, v)| (n, Some(v)));
            out.values.extend(value);
            after_option = Some(text).filter(|_| value.is_none());
            match name.strip_prefix("--") {
                Some(long) => out.options.push(Flag::Long(long)),
                None => {
                    let letters = name.get(1..).unwrap_or_default();
                    out.options.push(Flag::Short(letters));
                    // `-XPOST`: the value may begin after any letter.
                    out.values.extend(letters.char_indices().skip(1).filter_map(|(at, _)| letters.get(at..)));
                }
            }
        }
        out
    }

    /// Returns whether this pattern is in a command. `open`: the pattern ends with a star.
    pub fn is_in(&self, command: &Self, open: bool) -> bool {
        // A program that only a shell could name is in doubt anyway; denying it would deny every `$X`.
        let (Some(wanted), Some(program)) = (self.program, command.program) else { return false };
        if !same_program(wanted, program) {
            return false;
        }
        let words: Vec<&str> = self.operands.iter().filter_map(|(w, _)| *w).collect();
        let lead = words.iter().take_while(|w| **w != "*").count();
        let lead = if self.options_come_first() { 0 } else { lead };
        let (subs, rest) = words.split_at(lead);
        let Some(from) = command.after_subcommands(base_name(program), subs) else { return false };
        let literal: Vec<&str> = rest.iter().filter(|w| **w != "*").copied().collect();
        let left = command.operands.get(from..).unwrap_or_default();
        let Some(used) = command.holds(left, &literal) else { return false };
        let options = self.options.iter().all(|flag| command.unknown || command.has(*flag, program));
        // What no star covers must not be there.
        let more = left.iter().skip(used).filter(|(_, after_option)| after_option.is_none()).count();
        options && (open || more == 0)
    }

    /// `rm -rf build`: the words behind the options are not a subcommand.
    fn options_come_first(&self) -> bool {
        !self.options.is_empty() && self.operands.first().is_some_and(|(_, after_option)| after_option.is_some())
    }

    /// Returns how many operands the subcommands of the pattern take up; `None` when the command has others.
    fn after_subcommands(&self, program: &str, subs: &[&str]) -> Option<usize> {
        let mut at = 0;
        for (n, wanted) in subs.iter().enumerate() {
            loop {
                let (word, after_option) = self.operands.get(at)?;
                at += 1;
                if n == 0 && word.is_some_and(|w| w != *wanted && is_kind(program, w)) {
                    continue;
                }
                let valued = valued_before_subcommand(program).filter(|_| n == 0);
                // Of some tools it is known which options take a value.
                let is_value = valued.map(|valued| after_option.is_some_and(|option| valued.contains(&option)));
                let same = |w: &str| same_word(wanted, w) || (n == 0 && same_subcommand(program, wanted, w));
                if is_value != Some(true) && (word.is_none_or(same) || self.aliased(program)) {
                    break;
                }
                if !is_value.unwrap_or(after_option.is_some()) {
                    return None;
                }
            }
        }
        Some(at)
    }

    /// `git -c alias.x=push x` may be any subcommand.
    fn aliased(&self, program: &str) -> bool {
        let sets = self.options.iter().any(|flag| matches!(flag, Flag::Short("c") | Flag::Long("config-env")));
        program == "git" && sets && self.operands.iter().filter_map(|(w, _)| *w).any(|w| w.starts_with("alias."))
    }

    /// Checks that the words occur in their order, and returns how many operands were consumed.
    fn holds(&self, operands: &[(Option<&str>, Option<&str>)], wanted: &[&str]) -> Option<usize> {
        let mut used = 0;
        for word in wanted {
            let found = operands.iter().skip(used).position(|(w, _)| w.is_none_or(|w| same_word(word, w)));
            match found {
                Some(at) => used += at + 1,
                None if self.values.iter().any(|value| word_matches(word, value)) => {}
                None => return None,
            }
        }
        Some(used)
    }

    /// Returns whether an option of a pattern is given, in any of its forms.
    fn has(&self, wanted: Flag<'_>, program: &str) -> bool {
        match wanted {
            Flag::Long(name) => {
                self.has_long(name)
                    || LETTERS.iter().any(|(letter, long)| *long == name && self.has_letter(*letter))
                    || self.implies(name, program)
            }
            Flag::Short(letters) => {
                let whole = |flag: &Flag<'_>| matches!(flag, Flag::Short(other) if word_matches(letters, other));
                self.options.iter().any(whole)
                    || letters.chars().all(|letter| self.has_in_any_form(letter, program))
                    || self.names_signal(letters)
            }
        }
    }

    fn has_in_any_form(&self, letter: char, program: &str) -> bool {
        let recursive = letter.eq_ignore_ascii_case(&'r') && (self.has_letter('r') || self.has_letter('R'));
        let long = |name: &str| self.has_long(name) || self.implies(name, program);
        let named = |l: char| LETTERS.iter().filter(move |(letter, _)| *letter == l).map(|(_, name)| *name);
        let both = COMBINED.iter().find(|(l, _)| *l == letter);
        self.has_letter(letter)
            || recursive
            || named(letter).any(long)
            || both.is_some_and(|(_, names)| names.iter().all(|name| self.has(Flag::Long(name), program)))
    }

    /// A long option, whole or shortened as getopt allows.
    fn has_long(&self, name: &str) -> bool {
        self.options.iter().any(|flag| match flag {
            Flag::Long(other) => {
                word_matches(name, other)
                    || (!other.is_empty() && name.starts_with(other))
                    || other.strip_prefix(name) == Some("-with-lease")
            }
            Flag::Short(other) => *other == name,
        })
    }

    fn has_letter(&self, letter: char) -> bool {
        self.options.iter().any(|flag| matches!(flag, Flag::Short(letters) if letters.contains(letter)))
    }

    /// Words of git that do what an option does: `+main` forces, `:main` deletes.
    fn implies(&self, name: &str, program: &str) -> bool {
        let sign = match name {
            "force" => '+',
            "delete" => ':',
            _ => return false,
        };
        base_name(program) == "git" && self.operands.iter().filter_map(|(w, _)| *w).any(|w| w.starts_with(sign))
    }

    /// `-9`, `-KILL`, `-s KILL` and `--signal=9` are one signal.
    fn names_signal(&self, letters: &str) -> bool {
        const SIGNALS: &[(&str, &str)] =
            &[("9", "KILL"), ("15", "TERM"), ("1", "HUP"), ("2", "INT"), ("3", "QUIT"), ("19", "STOP")];
        let plain = |w: &str| w.strip_prefix("SIG").unwrap_or(w).to_ascii_uppercase();
        let Some((number, name)) = SIGNALS.iter().find(|(number, name)| *number == letters || *name == plain(letters))
        else {
            return false;
        };
        let given = self.operands.iter().filter_map(|(w, _)| *w).chain(self.values.iter().copied());
        let given = given.chain(self.options.iter().map(|flag| match flag {
            Flag::Long(w) | Flag::Short(w) => *w,
        }));
        given.into_iter().any(|w| w == *number || plain(w) == *name)
    }
}

/// Words are the same when a shell and the file system take them for the same.
fn same_word(pattern: &str, word: &str) -> bool {
    let plain = |w: &str| w.trim_start_matches("./").trim_end_matches('/').to_owned();
    word_matches(pattern, word) || (!word.is_empty() && word_matches(&plain(pattern), &plain(word)))
}

#[cfg(test)]
mod tests {
    use crate::policy::command::tokens::Tokens;

    fn check(pattern: &str, line: &str, expect: bool) {
        let words: Vec<Option<String>> =
            shell_words::split(line).unwrap().into_iter().map(|w| Some(w).filter(|w| w != "?")).collect();
        assert_eq!(Tokens::parse(pattern).unwrap().may_match(&words), expect, "{pattern} on {line}");
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn a_command_is_known_however_its_options_are_written() {
        for (pattern, lines) in [
            (
                "git push *",
                &[
                    "git push",
                    "git push origin main",
                    "git -C . push origin",
                    "git --no-pager push",
                    "git -c a.b=c push",
                    "git --git-dir x push",
                    "git --git-dir=x push",
                    "/usr/bin/git push x",
                    "git -C . -c x=y push",
                    "git -c alias.p=push p",
                    "git ? origin",
                ][..],
            ),
            (
                "git push --force *",
                &[
                    "git push -f",
                    "git push origin main --force",
                    "git push --forc origin",
                    "git push -uf origin main",
                    "git push origin +main",
                    "git push --force-with-lease",
                ],
            ),
            ("git commit *", &["git -C . commit -m x", "git commit -am x"]),
            (
                "git reset --hard *",
                &[
                    "git reset --hard",
                    "git reset -q --hard",
                    "git reset HEAD~1 --hard",
                    "git reset --ha",
                    "git -C x reset HEAD --hard",
                ],
            ),
            (
                "git branch -D *",
                &["git branch -D x", "git branch -d -f x", "git branch --delete --force x", "git branch -df x"],
            ),
            ("git clean -fdx *", &["git clean -xdf", "git clean -f -d -x", "git clean -fdx src"]),
            (
                "rm -rf *",
                &[
                    "rm -rf x",
                    "rm -fr x",
                    "rm -r -f x",
                    "rm --recursive --force x",
                    "rm x -rf",
                    "rm -Rf x",
                    "rm -rvf x",
                    "rm --rec --forc x",
                    "rm -r x --force",
                    "/bin/rm -rf x",
                    "rm ? x",
                ],
            ),
            (
                "rm -rf build",
                &[
                    "rm -fr build",
                    "rm -r -f ./build",
                    "rm -rf build/",
                    "rm --force -r build",
                    "rm build -rf",
                    "rm -rf -- build",
                ],
            ),
            ("rm -r *", &["rm -rf x", "rm --recursive x", "rm -R x"]),
            ("chmod -R 777 *", &["chmod 777 -R .", "chmod --recursive 777 ."]),
            ("curl -X POST *", &["curl -XPOST u", "curl --request POST u", "curl --request=POST u", "curl u -X POST"]),
            ("kill -9 *", &["kill -9 1", "kill -KILL 1", "kill -s KILL 1", "kill -s 9 1", "kill --signal=SIGKILL 1"]),
            ("npm install *", &["npm i x", "npm --prefix a install x", "npm add x", "npm install -D x"]),
            ("npm run deploy *", &["npm run-script deploy", "npm run deploy -- x", "npm --silent run deploy"]),
            ("npm publish", &["npm publish", "npm --tag x publish"]),
            ("docker run --privileged *", &["docker run -it --privileged x", "docker --context a run --privileged x"]),
            ("kubectl delete *", &["kubectl -n prod delete pod x", "kubectl --context=p delete x"]),
            ("find * -delete", &["find . -name x -delete", "find . -delete -name x"]),
            (
                "sed -i *",
                &["sed -i s/a/b/ x", "sed --in-place s/a/b/ x", "sed -n -i.bak p x", "sed -Ei p x", "sed s/a/b/ x -i"],
            ),
            ("git push * main", &["git push origin main", "git push -u origin main", "git push main"]),
            ("git checkout -- *", &["git checkout -- x", "git checkout HEAD -- x", "git -C . checkout -q -- x"]),
            ("pip install *", &["pip3 install x", "/usr/bin/pip3.12 install x", "pip --quiet install x"]),
            ("docker run *", &["docker container run x", "docker --host x run y"]),
            ("npm publish *", &["npm pub", "npm --registry x publish"]),
            ("cargo publish", &["cargo publish", "cargo --locked publish", "cargo publish --dry-run"]),
        ] {
            for line in lines {
                check(pattern, line, true);
            }
        }
    }

    #[test]
    fn other_commands_are_left_alone() {
        for (pattern, lines) in [
            (
                "git push *",
                &[
                    "git stash push",
                    "git -C . log --grep push",
                    "git status",
                    "git log push",
                    "git config alias.x push",
                    "gitk push",
                    "git --no-pager stash push",
                ][..],
            ),
            ("git push", &["git push origin"]),
            ("git checkout -- *", &["git checkout main", "git checkout -b x"]),
            ("docker run *", &["docker ps", "docker container ls"]),
            ("git push --force *", &["git push", "git push origin main", "git push --follow-tags origin"]),
            ("git reset --hard *", &["git reset", "git reset --soft HEAD", "git stash --hard"]),
            ("git branch -D *", &["git branch -d x", "git branch"]),
            ("rm -rf *", &["rm -i x", "rm -r x", "rm -f x", "rm x", "ls -rf", "rmdir -rf x"]),
            ("rm -rf build", &["rm -rf src", "rm -rf build src"]),
            ("git commit *", &["git log commit", "git -C commit status"]),
            ("npm run deploy *", &["npm run build", "npm deploy"]),
            ("kill -9 *", &["kill 1", "kill -TERM 1"]),
            ("sed -i *", &["sed -n 5p x"]),
            ("kubectl delete *", &["kubectl get delete"]),
        ] {
            for line in lines {
                check(pattern, line, false);
            }
        }
    }
}
