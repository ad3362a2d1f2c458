//! Tells a mistyped command from a goal: it must not start a session.

use super::Fail;
use crate::base::nearest::nearest;

/// Letters that the beginning of a command's name must have to count as that command.
const BEGINNING_LETTERS_MIN: usize = 3;

/// Refuses a goal that looks like a mistyped command. The message says how to pass it as a goal.
///
/// A goal of one word is compared with every command. Of several unquoted words, the first is compared with the
/// commands that take arguments, and only one edit counts, because a sentence can begin with any word.
pub fn check(goal: &[String]) -> Result<(), Fail> {
    let root = super::parse::command();
    let (found, way) = match goal {
        [word] if !word.contains(char::is_whitespace) => {
            let all = root.get_subcommands().map(clap::Command::get_name).chain(["help"]);
            (resembled(word, &all.collect::<Vec<_>>()), format!("rightseat -- {word}"))
        }
        [word, ..] if !word.contains(char::is_whitespace) => {
            let takes_arguments = |c: &&clap::Command| c.has_subcommands() || c.get_positionals().next().is_some();
            let commands = root.get_subcommands().filter(takes_arguments).map(clap::Command::get_name);
            let near = nearest(word, commands).filter(|near| near.edits == 1);
            (near.map(|near| near.name), format!("rightseat {}", shell_words::quote(&goal.join(" "))))
        }
        [] | [..] => return Ok(()),
    };
    let (Some(name), Some(word)) = (found, goal.first()) else { return Ok(()) };
    Err(Fail::usage(format!("there is no command {word:?}; did you mean \"{name}\"? To use it as a goal: {way}")))
}

/// Returns the command that a word is, apart from upper case, a typing mistake, or a missing end.
fn resembled<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let near = nearest(&word, names.iter().copied()).map(|near| near.name);
    let begun = || {
        let is_long = word.chars().count() >= BEGINNING_LETTERS_MIN;
        names.iter().copied().find(|name| is_long && name.starts_with(&word))
    };
    near.or_else(begun)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(line: &str) -> Option<String> {
        let goal: Vec<String> = shell_words::split(line).unwrap();
        let fail = check(&goal).err()?;
        assert_eq!((fail.code, fail.text.lines().count()), (super::super::USAGE, 1));
        Some(fail.text.split('"').nth(3).unwrap().to_owned())
    }

    #[test]
    fn one_word_that_resembles_a_command_is_no_goal() {
        for (typed, meant) in [
            ("atach", "attach"),
            ("attahc", "attach"),
            ("Attach", "attach"),
            ("att", "attach"),
            ("l", "ls"),
            ("sl", "ls"),
            ("exprot", "export"),
            ("exp", "export"),
            ("reply", "replay"),
            ("agent", "agents"),
            ("theme", "themes"),
            ("doctr", "doctor"),
            ("polcy", "policy"),
            ("hlep", "help"),
            ("completion", "completions"),
        ] {
            assert_eq!(guess(typed).as_deref(), Some(meant), "{typed}");
        }
    }

    #[test]
    fn several_words_are_a_goal_unless_the_first_is_a_mistyped_command() {
        assert_eq!(guess("atach box-1234").as_deref(), Some("attach"));
        assert_eq!(guess("polcy explain 'make install'").as_deref(), Some("policy"));
        assert_eq!(guess("verfy out.jsonl").as_deref(), Some("verify"));
        for goal in ["keep the tests green", "is the build broken?", "main should return 0", "replace a with b", ""] {
            assert_eq!(guess(goal), None, "{goal}");
        }
        assert_eq!(guess("'atach the handler'"), None, "quoted");
    }

    #[test]
    fn other_words_are_goals() {
        for goal in ["x", "go", "hi", "hello", "test", "fix", "refactor", "optimize", "cleanup", "über", "continue"] {
            assert_eq!(guess(goal), None, "{goal}");
        }
    }
}
