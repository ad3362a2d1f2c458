//! A rule that allows, made from one pending command: which of its words a `*` may replace, and the text that a policy
//! file holds of it.
//!
//! The table is stricter than what a hand-written rule may say: whoever approves one command must not approve a
//! program with any arguments by one key too many.

use super::bounds::{Bounds, written};
use super::hosts::Hosts;
use super::paths::Paths;
use crate::base::{RelPath, RuleId};
use crate::model::Command;
use crate::model::action::{FileChange, FileEdit};
use crate::model::event::RulingWord;
use crate::policy::command::class::Class;
use crate::policy::command::options;
use crate::policy::command::programs::{base_name, class_of, is_interpreter, is_wrapper};
use crate::policy::command::shell::{self, Part, Simple};
use crate::policy::command::tokens::Tokens;
use crate::policy::place::Place;
use crate::policy::user::{UserRule, Verb, star};
use std::path::Path;

/// A rule that allows commands, edits of files, or connections to hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    pub id: RuleId,
    /// One pattern for each command of the line that needs it.
    pub patterns: Vec<String>,
    /// Globs of files that may be created and changed; without patterns.
    pub paths: Vec<String>,
    /// Hosts that commands may connect to; without patterns and paths.
    pub hosts: Vec<String>,
    pub bounds: Bounds,
}

/// The globs that a rule made from an edit of this file may have, from the file itself to its topmost directory.
pub fn globs(path: &RelPath) -> Vec<String> {
    let escape = |text: &str| globset::escape(text);
    let mut globs = vec![escape(path.as_str())];
    let Some((mut dir, name)) = path.as_str().rsplit_once('/') else { return globs };
    if let Some((_, extension)) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()) {
        globs.push(format!("{}/*.{}", escape(dir), escape(extension)));
    }
    globs.push(format!("{}/*", escape(dir)));
    loop {
        globs.push(format!("{}/**", escape(dir)));
        match dir.rsplit_once('/') {
            Some((parent, _)) => dir = parent,
            None => return globs,
        }
    }
}

/// Checks that the globs were made from this edit, and that they cover all of it.
///
/// # Errors
/// The first glob or file that does not fit, and why.
pub fn check_edit(files: &[FileEdit], paths: &[String]) -> Result<(), String> {
    if let Some(file) = files.iter().find(|file| !matches!(file.change, FileChange::Modify | FileChange::Create)) {
        return Err(format!("a rule covers no file that is deleted or renamed, as {} is", file.path));
    }
    if paths.is_empty() || paths.len() > files.len() {
        return Err("a rule needs a glob for each file that it covers, and no other".to_owned());
    }
    if let Some(other) = paths.iter().find(|glob| !files.iter().any(|file| globs(&file.path).contains(glob))) {
        return Err(format!("{other:?} was not made from a file of this edit"));
    }
    let all = Paths::new(paths)?;
    let left = files.iter().find(|file| !all.names(file.path.as_str()));
    left.map_or(Ok(()), |file| Err(format!("the rule does not cover {}", file.path)))
}

/// Options after which a program reads words as code.
const CODE_OPTIONS: &[&str] = &["-c", "-e", "-E", "--eval", "--exec", "--command", "-exec", "-ok", "--"];

/// Words after which a program is named.
const STARTERS: &[&str] = &["run", "run-script", "exec", "x", "dlx", "-m"];

/// The simple commands of a command; an error says why no rule can cover it.
///
/// # Errors
/// The line is not plain, or one of its words cannot be written in a pattern.
pub fn words(command: &Command) -> Result<Vec<Vec<String>>, String> {
    if !command.env.is_empty() {
        return Err("it sets variables, and a rule covers no variables".to_owned());
    }
    let script = match (&command.shell, &command.argv) {
        (Some(text), None) => shell::read(text),
        (None, Some(argv)) => shell::exactly(argv),
        (Some(_), Some(_)) | (None, None) => return Err("it is not one command".to_owned()),
    };
    if let Some(doubt) = script.doubts.first() {
        return Err(format!("the line is not plain: {doubt}"));
    }
    if script.simples.is_empty() {
        return Err("it has no commands".to_owned());
    }
    script.simples.iter().map(own_words).collect()
}

fn own_words(simple: &Simple) -> Result<Vec<String>, String> {
    if !simple.patterns.is_empty() || simple.argv.iter().any(|word| word.contains('*')) {
        return Err("it contains a *, and a rule reads that as any text".to_owned());
    }
    Ok(simple.argv.clone())
}

/// Returns why a `*` may not replace the word at this place, or what follows it.
///
/// # Errors
/// The reason, in words.
pub fn may_star(argv: &[String], at: usize) -> Result<(), &'static str> {
    let Some(program) = argv.first() else { return Err("there is no command") };
    let name = base_name(program);
    if at == 0 {
        return Err("the program is never a *");
    }
    if is_wrapper(program) || star::is_closed(name) {
        return Err("this program runs or opens whatever its words say");
    }
    if is_interpreter(program) {
        return Err("this program runs code");
    }
    let part = Part::of(argv.iter().cloned().map(Some).collect());
    match class_of(&part, Path::new("/w"), &Place::of("/w")) {
        Class::Network => return Err("this program contacts other machines"),
        Class::Destructive | Class::Privilege => return Err("this command deletes, kills or needs privileges"),
        Class::Read | Class::WriteInside | Class::Unknown | Class::WriteOutside => {}
    }
    let before = argv.get(..at).unwrap_or_default();
    if before.iter().any(|word| CODE_OPTIONS.contains(&word.as_str())) {
        return Err("what follows may be code or another program");
    }
    if before.last().is_some_and(|word| STARTERS.contains(&word.as_str())) {
        return Err("this word says what runs");
    }
    let first_word = before.iter().skip(1).all(|word| word.starts_with('-'));
    if first_word && (options::has_subcommands(name) || options::of(argv).is_none()) {
        return Err("this word says what the program does");
    }
    Ok(())
}

/// Checks that the patterns were made from this command, one for one command of it, and widen only what may be.
///
/// # Errors
/// The first pattern that does not fit, and why.
pub fn check(command: &Command, patterns: &[String]) -> Result<(), String> {
    let simples = words(command)?;
    if patterns.is_empty() || patterns.len() > simples.len() {
        return Err("a rule needs a pattern for each command that it covers, and no other".to_owned());
    }
    for pattern in patterns {
        let tokens = Tokens::parse(pattern).map_err(|e| e.to_string())?;
        let fits = |argv: &Vec<String>| {
            tokens.matches(argv).map(|found| {
                let places = if found.starred && found.wild.is_empty() { vec![argv.len()] } else { found.wild };
                places.into_iter().try_for_each(|at| may_star(argv, at))
            })
        };
        match simples.iter().find_map(fits) {
            None => return Err(format!("{pattern:?} does not cover a command of this action")),
            Some(Err(why)) => return Err(format!("{pattern:?} is too wide: {why}")),
            Some(Ok(())) => {}
        }
    }
    warning(patterns).map_or(Ok(()), Err)
}

/// Returns what is odd about a pattern that ends inside a word: it also covers other words with this beginning.
pub fn warning(patterns: &[String]) -> Option<String> {
    patterns.iter().find_map(|pattern| {
        let words = shell_words::split(pattern).ok()?;
        let last = words.last().filter(|_| words.len() > 1)?;
        let stem = last.strip_suffix('*')?;
        let inside = stem.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-');
        let before = pattern.trim_end().strip_suffix('*')?;
        inside.then(|| format!("{pattern:?} also covers {before}-evil: write \"{before} *\" to end at the word"))
    })
}

impl Allowance {
    pub(in crate::policy) fn rule(&self) -> Result<UserRule, String> {
        let commands = self.patterns.iter().map(|p| Tokens::parse(p).map_err(|e| e.to_string()));
        Ok(UserRule {
            id: self.id.as_str().to_owned(),
            word: RulingWord::Allow,
            reason: None,
            kinds: vec![match (self.paths.as_slice(), self.hosts.as_slice()) {
                ([], []) => Verb::Command,
                ([], _) => Verb::Network,
                (_, _) => Verb::Edit,
            }],
            commands: commands.collect::<Result<_, _>>()?,
            paths: if self.paths.is_empty() { None } else { Some(Paths::new(&self.paths)?) },
            hosts: if self.hosts.is_empty() { None } else { Some(Hosts::new(&self.hosts)?) },
            bounds: self.bounds.clone(),
        })
    }

    /// The rule as a policy file holds it. Its id there is without `user:`.
    pub fn text(&self) -> String {
        let id = self.id.as_str();
        let mut table = toml_edit::Table::new();
        table.insert("id", toml_edit::value(id.strip_prefix("user:").unwrap_or(id)));
        table.insert("ruling", toml_edit::value("allow"));
        let (key, words, kind) = match (self.paths.as_slice(), self.hosts.as_slice()) {
            ([], []) => ("commands", &self.patterns, "command"),
            ([], _) => ("hosts", &self.hosts, "network"),
            (_, _) => ("paths", &self.paths, "edit"),
        };
        table.insert(key, toml_edit::value(words.iter().map(String::as_str).collect::<toml_edit::Array>()));
        table.insert("kinds", toml_edit::value([kind].into_iter().collect::<toml_edit::Array>()));
        if let Some(root) = &self.bounds.workspace {
            table.insert("workspace", toml_edit::value(root.to_string_lossy().into_owned()));
        }
        let until = self.bounds.until.map(|until| format!("until = {}\n", written(until))).unwrap_or_default();
        format!("[[rule]]\n{table}{until}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn starred(line: &str, at: usize) -> bool {
        may_star(&shell_words::split(line).unwrap(), at).is_ok()
    }

    #[test]
    fn a_star_never_replaces_what_makes_a_command_dangerous() {
        for (line, at) in [
            ("cargo test", 0),
            ("cargo test", 1),
            ("git push origin main", 2),
            ("git status", 1),
            ("npm install left-pad", 2),
            ("rm -rf build", 2),
            ("curl https://x", 1),
            ("sudo ls", 1),
            ("env ls", 1),
            ("xargs ls", 1),
            ("timeout 5 ls", 2),
            ("sh -c ls", 2),
            ("sh x.sh a", 2),
            ("bash x.sh", 1),
            ("python3 x.py --flag", 2),
            ("python3.12 -c 1", 2),
            ("node x.js a", 2),
            ("perl -e 1", 2),
            ("make all V=1", 2),
            ("ssh host ls", 2),
            ("tar xf a.tar", 2),
            ("docker ps -a", 2),
            ("kill 1", 1),
            ("git reset --hard HEAD", 3),
            ("mytool -c x", 2),
            ("mytool --eval x", 2),
            ("cargo test -- x", 3),
            ("mytool thing", 1),
            ("mytool -v thing", 2),
            ("npm run build", 2),
            ("poetry run x", 2),
        ] {
            assert!(!starred(line, at), "{line} at {at}");
        }
        for (line, at) in
            [("cargo test --lib", 2), ("cargo check -p a", 3), ("git log --oneline a", 3), ("mytool build a", 2)]
        {
            assert!(starred(line, at), "{line} at {at}");
        }
    }

    #[test]
    fn a_pattern_must_come_from_the_command() {
        let fits = |line: &str, patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
            check(&Command::shell(line), &patterns)
        };
        assert_eq!(fits("cargo test --lib", &["cargo test --lib"]), Ok(()));
        assert_eq!(fits("cargo test --lib", &["cargo test *"]), Ok(()));
        assert_eq!(fits("cargo test && cargo check", &["cargo test", "cargo check"]), Ok(()));
        for (line, patterns) in [
            ("cargo test", &["cargo check"][..]),
            ("cargo test", &["cargo *"]),
            ("cargo test", &["cargo test*"]),
            ("cargo test", &[]),
            ("cargo test", &["cargo test", "cargo test"]),
            ("rm -rf build", &["rm -rf *"]),
            ("rm -rf build", &["rm *"]),
            ("bash x.sh", &["bash x.sh *"]),
            ("ls $HOME", &["ls *"]),
            ("ls *", &["ls *"]),
            ("A=1 ls", &["ls"]),
        ] {
            assert!(fits(line, patterns).is_err(), "{line} {patterns:?}");
        }
    }

    #[test]
    fn a_pattern_that_ends_inside_a_word_is_named() {
        let warns = |pattern: &str| warning(&[pattern.to_owned()]).is_some();
        assert!(warns("cargo test*") && warns("npm run build*") && warns("git log*"));
        assert!(!warns("cargo test *") && !warns("ls*") && !warns("npm run test:*") && !warns("cat src/*"));
        assert!(warning(&["cargo test*".to_owned()]).unwrap().contains("cargo test-evil"));
    }

    fn edit(path: &str) -> FileEdit {
        FileEdit {
            path: RelPath::new(path).unwrap(),
            change: FileChange::Modify,
            from: None,
            before: None,
            after: None,
            before_node: None,
            after_node: None,
        }
    }

    #[test]
    fn the_globs_of_a_file_end_at_its_topmost_directory() {
        let of = |path: &str| globs(&RelPath::new(path).unwrap());
        assert_eq!(of("calc.py"), ["calc.py"], "a file of the root stands for itself only");
        assert_eq!(of("src/ui/a[1].rs"), ["src/ui/a[[]1[]].rs", "src/ui/*.rs", "src/ui/*", "src/ui/**", "src/**"]);
        assert_eq!(of("doc/.hidden"), ["doc/.hidden", "doc/*", "doc/**"]);
    }

    #[test]
    fn a_glob_must_come_from_the_edit_and_cover_it() {
        let fits = |globs: &[&str]| {
            let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
            check_edit(&[edit("src/ui/a.rs"), edit("calc.py")], &globs)
        };
        assert_eq!(fits(&["src/ui/a.rs", "calc.py"]), Ok(()));
        assert_eq!(fits(&["src/**", "calc.py"]), Ok(()));
        for globs in [
            &[][..],
            &["src/**"],
            &["**"],
            &["*"],
            &["src/**", "*.py"],
            &["src/*", "calc.py"],
            &["{src,/etc}/**", "calc.py"],
        ] {
            assert!(fits(globs).is_err(), "{globs:?}");
        }
        let deleted = FileEdit { change: FileChange::Delete, ..edit("calc.py") };
        assert!(check_edit(&[deleted], &["calc.py".to_owned()]).unwrap_err().contains("deleted"));
    }

    #[test]
    fn a_rule_for_files_is_written_and_read_again() {
        let paths = vec!["src/**".to_owned(), "a[[]1[]].py".to_owned()];
        let made = Allowance {
            id: "user:always-1".into(),
            patterns: Vec::new(),
            paths,
            hosts: Vec::new(),
            bounds: Bounds::default(),
        };
        let read = crate::policy::user::file::read("policy.toml", &made.text()).unwrap();
        let own = made.rule().unwrap();
        assert_eq!((read[0].kinds.clone(), &read[0].id), (vec![Verb::Edit], &own.id));
        let names = |path: &str| read[0].paths.as_ref().is_some_and(|paths| paths.names(path));
        assert!(names("src/x/y.rs") && names("a[1].py") && !names("a1.py") && !names("b/src/y.rs"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(words in proptest::collection::vec("[a-z\"'\\\\ $-]{1,8}", 1..5), until in 0u64..9_000_000_000) {
            let mut words = words;
            words.insert(0, "tool".to_owned());
            let bounds = Bounds { workspace: Some("/w/\"a b".into()), step: None, until: Some(crate::base::UnixMs(until * 1_000)) };
            let made = Allowance { id: "user:always-1".into(), patterns: vec![shell_words::join(&words)], paths: Vec::new(), hosts: Vec::new(), bounds };
            let read = crate::policy::user::file::read("policy.toml", &made.text()).unwrap();
            prop_assert_eq!(read.len(), 1);
            let (read, own) = (&read[0], made.rule().unwrap());
            prop_assert_eq!((&read.id, &read.commands, &read.bounds), (&own.id, &own.commands, &own.bounds));
        }
    }
}
