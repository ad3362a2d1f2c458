//! Options of programs that neither run nor write anything which the options themselves would name.
//!
//! A profile lists what is known to be harmless; whatever it does not list makes a line ask. It is used twice: to allow
//! plain looking, and to bound what the `*` of somebody's rule may cover. An abbreviation that getopt would complete is
//! not listed, so it asks.

mod files;
mod tools;

use crate::policy::command::programs::base_name;

/// The operands that may follow the options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operands {
    /// Files, patterns and the like: each is judged as a path.
    Paths,
    /// As `Paths`, and at most so many: another one would be written, or be another operation.
    AtMost(usize),
    /// Words that lead nowhere.
    Texts,
    /// A `printf` format and its arguments.
    Format,
    /// Only formats that begin with `+`, as for `date`.
    Plus,
    /// The name of a remote repository, then names of branches: no address, nothing forced, renamed or deleted.
    Remote,
    /// Names of packages in the usual place: no address, and no file.
    Packages,
}

/// The words that may follow a lone `--`.
#[derive(Debug, Clone, Copy)]
pub enum After {
    Operands,
    /// Options of another program, as listed.
    Profile(&'static Profile),
    /// Options of a program that is not known.
    Foreign,
}

/// One program, or some subcommands of one. Lists are words separated by blanks.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Names of the program.
    pub program: &'static str,
    /// The subcommands it is about; empty for a program without.
    pub sub: &'static str,
    /// Looking with it is allowed without any rule.
    pub looks: bool,
    /// Short options without a value, as letters.
    pub short: &'static str,
    /// Short options with a value, attached or in the next word.
    pub valued: &'static str,
    /// Long options; a value is attached with `=`, or a next word that counts as an operand.
    pub long: &'static str,
    /// Long options whose value may be the next word and is not an operand.
    pub long_valued: &'static str,
    /// Whole words that begin with one dash.
    pub single: &'static str,
    pub operands: Operands,
    /// Whole words with their values.
    pub exact: &'static str,
    /// Options whose value is a file that is written; only a report is covered.
    pub reports: &'static str,
    /// The first operand is what is looked for, unless one of these options is given.
    pub pattern: Option<&'static str>,
    /// The content that no word may have: letters as a whole identifier, signs anywhere.
    pub never: &'static str,
    pub after: After,
}

/// The start of every entry of the tables.
const NONE: Profile = Profile {
    program: "",
    sub: "",
    looks: false,
    short: "",
    valued: "",
    long: "",
    long_valued: "",
    single: "",
    exact: "",
    reports: "",
    pattern: None,
    operands: Operands::Paths,
    never: "",
    after: After::Operands,
};

fn lists(list: &str, word: &str) -> bool {
    !word.is_empty() && list.split(' ').any(|w| w == word)
}

/// The profile of what an argument list runs, and the arguments it is about.
pub fn of(argv: &[String]) -> Option<(&'static Profile, &[String])> {
    let (program, args) = argv.split_first()?;
    let name = base_name(program);
    match args {
        // What these start by name has the profile of its own.
        [dash, module, ..] if dash == "-m" && name.starts_with("python") && module == "pytest" => {
            of(args.get(1..).unwrap_or_default())
        }
        [exec, ..] if exec == "exec" && name == "bundle" => of(args.get(1..).unwrap_or_default()),
        [run, ..] if run == "run" && matches!(name, "poetry" | "uv" | "pipenv" | "hatch" | "rye" | "pdm") => {
            of(args.get(1..).unwrap_or_default())
        }
        [_, ..] if matches!(name, "npx" | "bunx" | "pnpx") => of(args),
        [sub, rest @ ..] => {
            let with_sub = || all().find(|p| lists(p.program, name) && !p.sub.is_empty() && lists(p.sub, sub));
            without_sub(name).map(|p| (p, args)).or_else(|| with_sub().map(|p| (p, rest)))
        }
        [] => without_sub(name).map(|p| (p, args)),
    }
}

/// Returns whether some subcommands of a program have profiles, so that those without one count as unknown.
pub fn has_subcommands(program: &str) -> bool {
    all().any(|p| lists(p.program, base_name(program)) && !p.sub.is_empty())
}

fn without_sub(name: &str) -> Option<&'static Profile> {
    all().find(|p| lists(p.program, name) && p.sub.is_empty())
}

fn all() -> impl Iterator<Item = &'static Profile> {
    files::READERS.iter().chain(files::WRITERS).chain(tools::TOOLS).chain(tools::GIT_TOOLS)
}

/// The result of reading the arguments.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed<'a> {
    pub operands: Vec<&'a str>,
    /// Operands that needed no cover.
    pub spelled: usize,
    /// Words for a program that is not known.
    pub foreign: Vec<&'a str>,
}

impl Profile {
    /// Returns whether there are more operands than are read.
    pub fn writes_operand(&self, args: &[String]) -> bool {
        let most =
            Self { operands: Operands::Paths, short: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", ..*self };
        match self.operands {
            Operands::AtMost(n) => most.read(args, &|_| false).is_none_or(|r| r.operands.len() > n),
            Operands::Paths
            | Operands::Texts
            | Operands::Format
            | Operands::Plus
            | Operands::Remote
            | Operands::Packages => false,
        }
    }

    /// Reads `args`; `None` when a word is not covered. What `spelled` says about a word by its place needs no cover.
    pub fn read<'a>(&self, args: &'a [String], spelled: &dyn Fn(usize) -> bool) -> Option<Parsed<'a>> {
        let mut out = Parsed::default();
        let mut ended = false;
        let mut at = 0;
        while let Some(arg) = args.get(at) {
            let arg = arg.as_str();
            let free = spelled(at);
            at += 1;
            if !free && self.holds_forbidden(arg) {
                return None;
            }
            if ended || arg == "-" || !arg.starts_with('-') {
                if free {
                    out.spelled += 1;
                } else {
                    out.operands.push(arg);
                }
            } else if arg == "--" {
                let rest = args.get(at..).unwrap_or_default();
                match self.after {
                    After::Operands => ended = true,
                    After::Foreign => {
                        out.foreign.extend(rest.iter().map(String::as_str));
                        break;
                    }
                    After::Profile(inner) => {
                        out.operands.extend(inner.read(rest, &|n| spelled(at + n))?.operands);
                        break;
                    }
                }
            } else if lists(self.exact, arg) || self.is_report(arg) {
            } else if self.takes_value(arg).map_or_else(|| free.then_some(false), Some)? {
                let value = args.get(at)?;
                if !spelled(at) && self.holds_forbidden(value) {
                    return None;
                }
                at += 1;
            }
        }
        self.fits(&out).then_some(out)
    }

    /// Returns whether an option takes the next word as its value; `None` when it is not listed.
    fn takes_value(&self, arg: &str) -> Option<bool> {
        let name = arg.split('=').next().unwrap_or(arg);
        if let Some(long) = name.strip_prefix("--") {
            let valued = lists(self.long_valued, long);
            return (valued || lists(self.long, long)).then_some(valued && !arg.contains('='));
        }
        let word = name.strip_prefix('-')?;
        // `find -mtime -1`
        let is_number = !self.single.is_empty() && word.starts_with(|c: char| c.is_ascii_digit());
        if is_number || lists(self.single, word) { Some(false) } else { self.cluster(arg.strip_prefix('-')?) }
    }

    fn cluster(&self, letters: &str) -> Option<bool> {
        for (at, c) in letters.char_indices() {
            if self.valued.contains(c) {
                return Some(at + c.len_utf8() == letters.len());
            }
            if !self.short.contains(c) {
                return None;
            }
        }
        Some(false)
    }

    fn holds_forbidden(&self, arg: &str) -> bool {
        self.never.split(' ').filter(|n| !n.is_empty()).any(|never| {
            if never.chars().all(|c| c.is_ascii_alphabetic()) {
                arg.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|w| w == never)
            } else {
                arg.contains(never)
            }
        })
    }

    fn fits(&self, parsed: &Parsed<'_>) -> bool {
        let operands = parsed.operands.as_slice();
        match self.operands {
            Operands::Paths | Operands::Texts => true,
            Operands::AtMost(most) => operands.len() <= most,
            Operands::Format => operands.first().is_none_or(|format| prints_only(format)),
            Operands::Plus => operands.iter().all(|o| o.starts_with('+')),
            Operands::Remote => {
                let remote = operands.first().filter(|_| parsed.spelled == 0);
                !remote.is_some_and(|r| r.contains(['/', '.', '@', '~']))
                    && !operands.iter().any(|b| b.contains([':', '+', '*', '^']))
            }
            Operands::Packages => operands.iter().all(|o| is_package(o)),
        }
    }

    /// Returns whether an option names a report that may be written: by its name it is neither a source nor a setting.
    fn is_report(&self, arg: &str) -> bool {
        let Some((option, value)) = arg.trim_start_matches('-').split_once('=') else { return false };
        let name = value.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let (stem, end) = name.rsplit_once('.').unwrap_or((&name, ""));
        let told = ["report", "result", "coverage", "junit", "cover", "lcov", "out"].iter().any(|w| stem.contains(w));
        lists(self.reports, option)
            && match end {
                "out" | "cov" | "prof" | "lcov" => true,
                "xml" | "json" | "html" | "txt" | "log" | "info" => told,
                _ => false,
            }
    }

    /// Returns whether the first operand is the search pattern.
    pub fn begins_with_pattern(&self, args: &[String]) -> bool {
        let gives = |arg: &String, names: &str| match arg.strip_prefix("--") {
            Some(long) => lists(names, long.split('=').next().unwrap_or(long)),
            None => arg.starts_with('-') && names.split(' ').any(|n| n.len() == 1 && arg.contains(n)),
        };
        self.pattern.is_some_and(|instead| !args.iter().take_while(|a| *a != "--").any(|a| gives(a, instead)))
    }

    /// Returns whether operands are paths.
    pub fn names_paths(&self) -> bool {
        matches!(self.operands, Operands::Paths | Operands::AtMost(_))
    }
}

/// `name`, `@scope/name`, with a version after `@` or `==`.
fn is_package(word: &str) -> bool {
    let scoped = word.strip_prefix('@').map_or(Some(word), |w| w.split_once('/').map(|(_, name)| name));
    let plain = |w: &str| w.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@=^~<>[],".contains(&b));
    scoped.is_some_and(|name| plain(name) && !name.starts_with(['.', '~']) && !name.contains(".tgz"))
}

/// `%n` stores a number in a variable of the shell, `PATH` for one.
fn prints_only(format: &str) -> bool {
    format.split('%').skip(1).filter(|after| !after.is_empty()).all(|after| {
        after
            .trim_start_matches(|c: char| c.is_ascii_digit() || "-+ #.'".contains(c))
            .starts_with(|c: char| "sdiuxXofeEgGcbq".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(line: &str) -> Option<bool> {
        let argv = shell_words::split(line).unwrap();
        let (profile, args) = of(&argv)?;
        Some(profile.read(args, &|_| false).is_some())
    }

    #[test]
    fn what_is_not_listed_is_not_covered() {
        for line in [
            "sort -k2 -n a",
            "sort --key=2 a",
            "uniq -f 1 a",
            "find src -name '*.rs' -print0",
            "git log -S foo --stat",
            "cargo test -p x --lib -- --nocapture",
            "cargo clippy -- -D warnings",
            "python3 -m pytest -k 'a and b' -q",
            "bundle exec rspec a_spec.rb:12",
            "go test -run X -race ./...",
            "gradle --tests X",
            "find . -mtime -1 -size +2k",
            "printf '%-5s %d\\n' a 1",
            "jq '.environment' a",
            "date +%F",
        ] {
            assert_eq!(covered(line), Some(true), "{line}");
        }
        for line in [
            "sort -uo x a",
            "sort --o=x a",
            "uniq a b",
            "find . -exec id ;",
            "git log --outp=x",
            "cargo test --config x",
            "cargo clippy -- -Clinker=x",
            "cargo test --target x.json",
            "python3 -m pytest -p x",
            "bundle exec rspec -r x",
            "go test -exec x",
            "gradle test deploy",
            "printf '%5n' PATH",
            "jq '$ENV' a",
            "jq env a",
            "date 01010000",
        ] {
            assert_eq!(covered(line), Some(false), "{line}");
        }
        assert_eq!(covered("git frobnicate"), None);
    }

    /// Two entries for one name would make the second one dead.
    #[test]
    fn every_program_and_subcommand_is_listed_once() {
        let mut seen = std::collections::BTreeSet::new();
        for profile in all() {
            for program in profile.program.split(' ') {
                for sub in profile.sub.split(' ') {
                    assert!(seen.insert((program, sub)), "{program} {sub}");
                }
            }
        }
    }
}
