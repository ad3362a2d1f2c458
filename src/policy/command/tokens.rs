//! Token patterns: how a rule names commands. Words are compared one by one, never as text.
//!
//! The first word is literal, but that a lone `ls*` means `ls *`. `*` inside another word matches any characters of
//! that word; a final word that is or ends with `*` also covers any further words. `cargo test *` and `cargo test*`
//! match `cargo test --lib`, and neither matches `cargo test; rm x`: that is two commands.

use crate::policy::command::spelling::Spelling;

/// A pattern over the words of one simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    words: Vec<String>,
}

/// The reason that a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokensError {
    #[error("the pattern {0:?} is not quoted like a shell line")]
    Quoting(String),
    #[error("the pattern {0:?} must begin with the name of a program, without `*`")]
    NoProgram(String),
    #[error("the pattern {0:?} contains {1:?}; a pattern describes one simple command")]
    Operator(String, String),
}

/// The basis of a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Places of the words that only a `*` covers.
    pub wild: Vec<usize>,
    /// Number of words the rule spells out at the start.
    pub literal: usize,
    /// The rule has a `*`, whether or not it had to cover anything.
    pub starred: bool,
}

impl Tokens {
    /// Reads a pattern, quoted as in a shell.
    pub fn parse(text: &str) -> Result<Self, TokensError> {
        let mut words = shell_words::split(text).map_err(|_| TokensError::Quoting(text.to_owned()))?;
        // `ls*` alone is `ls` with anything after it; it never was `lsof`.
        if let [program] = words.as_slice()
            && let Some(name) = program.strip_suffix('*').map(str::to_owned)
        {
            words = vec![name, "*".to_owned()];
        }
        if words.first().is_none_or(|w| w.is_empty() || w.contains('*')) {
            return Err(TokensError::NoProgram(text.to_owned()));
        }
        let operator = words.iter().find(|w| matches!(w.as_str(), "&&" | "||" | "|" | ";" | "&" | ">" | "<" | ">>"));
        match operator {
            Some(operator) => Err(TokensError::Operator(text.to_owned(), operator.clone())),
            None => Ok(Self { words }),
        }
    }

    /// Its words, with their stars.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Matches a whole simple command.
    pub fn matches(&self, argv: &[String]) -> Option<Match> {
        let mut wild = Vec::new();
        for (n, pattern) in self.words.iter().enumerate() {
            let last = n + 1 == self.words.len();
            let Some(word) = argv.get(n) else {
                // A lone final star covers nothing as well as anything.
                return (last && pattern == "*").then(|| self.matched(wild, n));
            };
            if !word_matches(pattern, word) {
                return None;
            }
            let stem = pattern.trim_end_matches('*');
            // `status*` spells out `status`.
            if pattern.contains('*') && !(last && stem == word) {
                wild.push(n);
            }
            if last && pattern.ends_with('*') {
                wild.extend(n + 1..argv.len());
                return Some(self.matched(wild, argv.len()));
            }
        }
        (argv.len() == self.words.len()).then(|| self.matched(wild, argv.len()))
    }

    fn matched(&self, wild: Vec<usize>, words: usize) -> Match {
        Match {
            literal: wild.first().copied().unwrap_or(words),
            wild,
            starred: self.words.iter().any(|w| w.contains('*')),
        }
    }

    /// Matches generously, for rules that tighten: in any spelling and order of the options, by the
    /// program's base name, and with unknown words matching anything.
    pub fn may_match(&self, words: &[Option<String>]) -> bool {
        let starred = self.words.iter().any(|w| w == "*") || self.words.last().is_some_and(|w| w.ends_with('*'));
        Spelling::of_pattern(&self.words).is_in(&Spelling::of(words), starred)
    }
}

/// `*` matches any characters; everything else itself.
pub(in crate::policy) fn word_matches(pattern: &str, word: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| word.strip_prefix(first)) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = rest.get(at + piece.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_matched_one_by_one() {
        let check = |pattern: &str, line: &str, expect: Option<&[&str]>| {
            let argv = shell_words::split(line).unwrap();
            let found = Tokens::parse(pattern)
                .unwrap()
                .matches(&argv)
                .map(|m| m.wild.iter().map(|n| argv[*n].as_str()).collect::<Vec<_>>());
            assert_eq!(found.as_deref(), expect, "{pattern} on {line}");
        };
        check("cargo test", "cargo test", Some(&[]));
        check("cargo test", "cargo test --lib", None);
        check("cargo test *", "cargo test", Some(&[]));
        check("cargo test *", "cargo test -- a", Some(&["--", "a"]));
        check("cargo test*", "cargo test --lib", Some(&["--lib"]));
        check("cargo test*", "cargo tests", Some(&["tests"]));
        check("ls*", "ls -la", Some(&["-la"]));
        check("ls*", "lsof", None);
        check("cargo test *", "cargo tests", None);
        check("npm run test:*", "npm run test:unit", Some(&["test:unit"]));
        check("a *.rs b", "a x.rs b", Some(&["x.rs"]));
        check("a *.rs b", "a x.rs b c", None);
        check("a x*y*z", "a xzzyz", Some(&["xzzyz"]));
        check("a x*x", "a x", None);
        check("echo 'a b'", "echo 'a b'", Some(&[]));
    }

    #[test]
    fn broken_patterns_are_refused() {
        for text in ["", "* x", "r* x", "a && b", "a 'b", "a | b"] {
            assert!(Tokens::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tightening_sees_paths_and_unknown_words() {
        let words = |line: &[Option<&str>]| line.iter().map(|w| w.map(str::to_owned)).collect::<Vec<_>>();
        let rm = Tokens::parse("rm -rf *").unwrap();
        assert!(rm.may_match(&words(&[Some("/bin/rm"), Some("-rf"), Some("x")])));
        assert!(rm.may_match(&words(&[Some("rm"), None, Some("x")])));
        assert!(!rm.may_match(&words(&[None, Some("-rf"), Some("x")])));
        assert!(!rm.may_match(&words(&[Some("ls"), Some("-rf")])));
    }
}
