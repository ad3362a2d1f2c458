//! Showing what an approved read gave: listings, names, search results. Pure over bytes.

use crate::agent::llm::limits;
use crate::base::RelPath;
use crate::base::text::foreign;
use crate::checks::detect::{ProjectView, WANTED, detect};
use crate::model::Command;
use crate::port::Workspace;
use regex::bytes::{Regex, RegexBuilder};
use std::collections::BTreeMap;

/// A file with line numbers, or a part of it.
pub(super) fn listing(bytes: &[u8], from_line: usize, lines: usize) -> String {
    if bytes.is_empty() {
        return "(the file is empty)".to_owned();
    }
    if foreign::is_binary(bytes) {
        return format!("(not text: {} bytes)", bytes.len());
    }
    let text = foreign::readable(bytes);
    let total = text.lines().count();
    let count = if lines == 0 { usize::MAX } else { lines };
    let mut out = String::new();
    for (at, line) in text.lines().enumerate().skip(from_line.saturating_sub(1)).take(count) {
        out.push_str(&format!("{:>5}|{line}\n", at + 1));
    }
    if out.is_empty() {
        return format!("(the file has only {total} lines)");
    }
    if std::str::from_utf8(bytes).is_err() {
        out.push_str(
            "(the file is not UTF-8: each \\xNN above is one byte. Leave such lines as they are; edit the others with \
             `edit`, never with `write`)\n",
        );
    }
    out
}

/// The names of what a directory read gave.
pub(super) fn names(files: &[(RelPath, Vec<u8>)]) -> String {
    if files.is_empty() {
        return "(no files)".to_owned();
    }
    let mut out: String =
        files.iter().take(limits::NAMES_MAX).map(|(path, bytes)| format!("{path} ({} bytes)\n", bytes.len())).collect();
    if files.len() > limits::NAMES_MAX {
        out.push_str(&format!("… and {} more; list a directory below\n", files.len() - limits::NAMES_MAX));
    }
    out
}

/// A search over files that were read.
#[derive(Debug)]
pub(super) struct Finder {
    pattern: Regex,
    /// The reason that the pattern is searched for as plain text.
    literal: Option<String>,
}

impl Finder {
    /// The error is for the model.
    pub(super) fn new(pattern: &str, ignore_case: bool) -> Result<Finder, String> {
        let build = |pattern: &str| {
            RegexBuilder::new(pattern).case_insensitive(ignore_case).size_limit(limits::REGEX_BYTES_MAX).build()
        };
        let error = match build(pattern) {
            Ok(pattern) => return Ok(Finder { pattern, literal: None }),
            Err(error) => error.to_string(),
        };
        let why = error.lines().last().unwrap_or(&error).trim_start_matches("error: ").to_owned();
        if needs_more(pattern) {
            return Err(format!(
                "the pattern cannot be used: {why}. Look-around and backreferences are not supported; search for a \
                 plainer pattern and look through its matches"
            ));
        }
        // Models search for code, which is full of brackets.
        let pattern = build(&regex::escape(pattern)).map_err(|error| format!("the pattern cannot be used: {error}"))?;
        Ok(Finder { pattern, literal: Some(why) })
    }

    /// `path:line: text` of every line that matches, within the bounds.
    pub(super) fn search(&self, files: &[(RelPath, Vec<u8>)]) -> String {
        let mut out = String::new();
        let mut count = 0_usize;
        for (path, bytes) in files.iter().filter(|(_, bytes)| !foreign::is_binary(bytes)) {
            for (at, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
                if count > limits::MATCHES_MAX * 10 {
                    break;
                }
                if !self.pattern.is_match(without_end(line)) {
                    continue;
                }
                count += 1;
                if count <= limits::MATCHES_MAX {
                    let shown: String =
                        foreign::readable(line).trim_end().chars().take(limits::MATCH_CHARS_MAX).collect();
                    out.push_str(&format!("{path}:{}: {shown}\n", at + 1));
                }
            }
        }
        match (&self.literal, count) {
            (None, 0) => return format!("(no match in {} files)", files.len()),
            (Some(why), 0) => {
                return format!(
                    "(the pattern is not a valid expression: {why}. As plain text it is in none of {} files)",
                    files.len()
                );
            }
            (Some(why), _) => out.insert_str(0, &format!("(searched for as plain text: {why})\n")),
            (None, _) => {}
        }
        if count > limits::MATCHES_MAX {
            out.push_str(&format!("… {} more matches; narrow the search\n", count - limits::MATCHES_MAX));
        }
        out
    }
}

/// A line without its end, so that `$` means what it says.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Look-around and backreferences: a pattern that is meant as one, and would find nothing as plain text.
fn needs_more(pattern: &str) -> bool {
    let around = ["(?=", "(?!", "(?<=", "(?<!", "(?>", "(?P=", "\\k<"].iter().any(|sign| pattern.contains(sign));
    let back = pattern.as_bytes().windows(2).any(|pair| matches!(pair, [b'\\', b'1'..=b'9']));
    around || (back && pattern.contains('('))
}

/// The project's own way to run its tests, when it is recognized.
pub(super) fn test_command(workspace: &dyn Workspace) -> Option<Command> {
    let paths = workspace.list("", crate::base::limits::READ_FILES_MAX).ok()?;
    let wanted = |name: &&str| RelPath::new(name).ok().and_then(|path| workspace.image(&path).ok().flatten());
    let texts: BTreeMap<String, String> = WANTED
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), String::from_utf8(wanted(name)?.bytes).ok()?)))
        .collect();
    let paths = paths.iter().map(|path| path.as_str().to_owned()).collect();
    let view = ProjectView { paths, texts, ..ProjectView::default() };
    let runner = detect(&view).ok()?.into_iter().next()?;
    Some(Command { env: runner.env, ..Command::argv(runner.argv) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<(RelPath, Vec<u8>)> {
        let file = |path: &str, text: &[u8]| (RelPath::new(path).unwrap(), text.to_vec());
        vec![
            file("a.rs", b"fn one() {}\nlet x = vec[0];\n"),
            file("b.rs", b"fn two() {}\n"),
            file("c.bin", b"\0fn \xff"),
        ]
    }

    #[test]
    fn searches_find_lines_and_forgive_code_as_patterns() {
        let find = |pattern: &str| Finder::new(pattern, false).unwrap().search(&files());
        assert_eq!(find("fn \\w+"), "a.rs:1: fn one() {}\nb.rs:1: fn two() {}\n");
        assert!(find("vec[").ends_with(")\na.rs:2: let x = vec[0];\n"), "{}", find("vec["));
        assert!(find("gone[").contains("not a valid expression"));
        for pattern in ["(?<!x)fn(?= two)", "(a)\\1"] {
            assert!(Finder::new(pattern, false).unwrap_err().contains("not supported"), "{pattern}");
        }
        assert_eq!(find("nothing"), "(no match in 3 files)");
        assert_eq!(find("^let.*;$"), "a.rs:2: let x = vec[0];\n");
        assert!(Finder::new("FN", true).unwrap().search(&files()).contains("b.rs:1"));
    }

    #[test]
    fn listings_are_numbered_and_cut() {
        assert_eq!(listing(b"a\nb\nc\n", 2, 1), "    2|b\n");
        assert_eq!(listing(b"a\n", 5, 0), "(the file has only 1 lines)");
        assert_eq!(listing(b"\xff\0", 1, 0), "(not text: 2 bytes)");
        assert!(listing(b"a\ncaf\xe9\n", 1, 0).starts_with("    1|a\n    2|caf\\xE9\n(the file is not UTF-8"));
        assert_eq!(listing(b"", 1, 0), "(the file is empty)");
    }
}
