//! What an action says of itself, held against what it does and against what was observed.
//!
//! Only plain statements count: that only one kind of thing changes, that only these files do, that a file was read,
//! that tests pass. A statement that is hedged, negated or not understood is none.

use super::side::Side;
use super::{claims, grounds};
use crate::base::RelPath;
use crate::checks::is_test;
use crate::model::Action;
use crate::model::action::FileChange;
use crate::model::session::Session;
use crate::policy::limits::{CONTRADICTIONS_MAX, WEAKENED_DEPTH_MAX};
use crate::syntax::{Language, parse};
use regex::Regex;
use std::sync::OnceLock;
use tree_sitter::Node;

/// In words, each contradiction of an action's reason. `sides` are both texts of its files.
pub fn found(session: &Session, action: &Action, sides: &[Side<'_>]) -> Vec<String> {
    let Some(rationale) = &action.rationale else { return Vec::new() };
    let mut found: Vec<String> = claims::contradicted(&rationale.text, session).into_iter().collect();
    found.extend(grounds::never_read(session, action));
    let text = rationale.text.to_lowercase();
    found.extend(more_than_said(&text, action, sides));
    found.truncate(CONTRADICTIONS_MAX);
    found
}

/// The kinds of "only this changes" that are understood.
#[derive(Clone, Copy)]
enum Only {
    Formatting,
    Comments,
    Tests,
}

impl Only {
    const ALL: [Self; 3] = [Self::Formatting, Self::Comments, Self::Tests];

    fn words(self) -> &'static str {
        match self {
            Self::Formatting => "only formatting",
            Self::Comments => "only comments or documentation",
            Self::Tests => "only tests",
        }
    }

    fn pattern(self) -> Option<&'static Regex> {
        static PATTERNS: [OnceLock<Option<Regex>>; 3] = [const { OnceLock::new() }; 3];
        let verbs = r"(?:(?:changes?|edits?|touches|updates?|adds?|adjusts?|fix(?:es)?|affects?|is|are)\s+)?(?:(?:a|an|the|some|this|new|unit)\s+){0,2}";
        let (at, text) = match self {
            Self::Formatting => (
                0,
                format!(
                    r"\b(?:only|just|purely)\s+(?:(?:a|an|the)\s+)?{verbs}(?:re-?format\w*|formatting|white-?\s?space|indentation)\b|\b(?:format(?:ting)?|white-?space)[- ]only\b"
                ),
            ),
            Self::Comments => (
                1,
                format!(
                    r"\b(?:only|just)\s+{verbs}(?:typos?\s+in\s+(?:the\s+|a\s+)?)?(?:comments?|doc(?:s|strings?|umentation)?)\b|\b(?:comments?|docs?|documentation)[- ]only\b|\bno code (?:is |was )?chang(?:es?|ed)\b"
                ),
            ),
            Self::Tests => {
                (2, format!(r"\b(?:only|just)\s+{verbs}tests?\b|\btests?[- ]only(?:\s+change|\s*[.;:,]|\s*$)"))
            }
        };
        PATTERNS.get(at)?.get_or_init(|| Regex::new(&text).ok()).as_ref()
    }

    /// The first file in which something else changes.
    fn broken_by<'a>(self, sides: &[Side<'a>]) -> Option<&'a RelPath> {
        let keeps = |side: &&Side<'a>| match self {
            Self::Formatting => is_same(side, false),
            Self::Comments => is_document(side.path) || is_same(side, true),
            Self::Tests => is_test(side.path) || holds_tests(side),
        };
        sides.iter().find(|side| !keeps(side)).map(|side| side.path)
    }
}

fn more_than_said(text: &str, action: &Action, sides: &[Side<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    for only in Only::ALL {
        let said = only.pattern().and_then(|pattern| pattern.find(text)).filter(|m| !is_hedged(text, m.start()));
        if let (Some(said), Some(path)) = (said, only.broken_by(sides)) {
            let said = said.as_str();
            found.push(format!(
                "the agent says \u{201c}{said}\u{201d}, but {path} changes by more than {}",
                only.words()
            ));
        }
    }
    found.extend(other_files(text, action));
    found
}

/// "Only changes a.py", and another file changes as well.
fn other_files(text: &str, action: &Action) -> Option<String> {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern =
        r"\b(?:only|just)\s+(?:changes?|edits?|touches|modif(?:y|ies)|updates?)\s+[^.;\n]{0,20}?([\w./-]+\.\w{1,5})\b";
    let pattern = PATTERN.get_or_init(|| Regex::new(pattern).ok()).as_ref()?;
    let said = pattern.find(text).filter(|m| !is_hedged(text, m.start()))?;
    // The whole line: it may name more than one.
    let line = text.get(said.start()..).unwrap_or_default().lines().next().unwrap_or_default();
    let names = |path: &RelPath| {
        let name = path.as_str().rsplit('/').next().unwrap_or(path.as_str());
        line.contains(&name.to_lowercase())
    };
    let files = action.files();
    if !files.iter().any(|file| names(&file.path)) {
        return None;
    }
    let other = files.iter().find(|file| !names(&file.path) && file.from.as_ref().is_none_or(|from| !names(from)))?;
    let what = match other.change {
        FileChange::Create => "created",
        FileChange::Delete => "deleted",
        FileChange::Modify | FileChange::Rename => "changed",
    };
    Some(format!("the agent says \u{201c}{}\u{201d}, but {} is {what} as well", said.as_str().trim(), other.path))
}

/// Turned around or made a wish by the words before it.
fn is_hedged(text: &str, at: usize) -> bool {
    let before: Vec<&str> = text.get(..at).unwrap_or_default().split_whitespace().rev().take(3).collect();
    before.iter().any(|word| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '\'');
        matches!(word, "not" | "isn't" | "if" | "whether" | "never" | "doesn't" | "rather" | "instead")
    })
}

fn is_document(path: &RelPath) -> bool {
    let name = path.as_str().to_lowercase();
    [".md", ".txt", ".rst", ".adoc"].iter().any(|end| name.ends_with(end)) || name.starts_with("docs/")
}

/// A Rust source may hold its tests; which part changed is not asked.
fn holds_tests(side: &Side<'_>) -> bool {
    side.path.as_str().ends_with(".rs")
        && side.after.is_some_and(|text| memchr::memmem::find(text, b"#[test]").is_some())
}

/// The same code on both sides but for its blanks, and for its comments where those do not count. What cannot be
/// parsed must have the same signs.
fn is_same(side: &Side<'_>, without_comments: bool) -> bool {
    let (Some(before), Some(after)) = (side.before, side.after) else { return false };
    let leaves = |language: Language, text: &[u8]| {
        let tree = parse(language, text)?;
        let mut leaves = Vec::new();
        collect(tree.root_node(), text, without_comments, 0, &mut leaves).then_some(leaves)
    };
    let parsed = side.language().and_then(|language| Some((leaves(language, before)?, leaves(language, after)?)));
    match parsed {
        Some((before, after)) => before == after,
        None => {
            let signs = |text: &[u8]| text.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect::<Vec<u8>>();
            signs(before) == signs(after)
        }
    }
}

/// The texts of the leaves; false when the code is nested too deeply to be followed.
fn collect(node: Node<'_>, text: &[u8], without_comments: bool, depth: usize, out: &mut Vec<Vec<u8>>) -> bool {
    let kind = node.kind();
    if without_comments && (kind.contains("comment") || is_docstring(node)) {
        return true;
    }
    if node.child_count() == 0 || kind.contains("string") {
        let leaf = text.get(node.byte_range()).unwrap_or_default();
        // Formatters move these.
        if !matches!(leaf, b"," | b";" | b"") {
            out.push(leaf.to_vec());
        }
        return true;
    }
    if depth > WEAKENED_DEPTH_MAX * 2 {
        return false;
    }
    let mut cursor = node.walk();
    let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
    children.into_iter().all(|child| collect(child, text, without_comments, depth + 1, out))
}

/// Python: a statement that is a text alone.
fn is_docstring(node: Node<'_>) -> bool {
    node.kind() == "expression_statement"
        && node.named_child_count() == 1
        && node.named_child(0).is_some_and(|child| child.kind() == "string")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Action, Body, Content, FileEdit, Proposal};

    const CODE: &str = "def add(a, b):\n    # sums\n    return a - b\n";

    fn said(text: &str, files: &[(&str, &str, &str)]) -> Vec<String> {
        let path = |p: &str| RelPath::new(p).unwrap();
        let paths: Vec<RelPath> = files.iter().map(|(p, ..)| path(p)).collect();
        let sides: Vec<Side<'_>> = files
            .iter()
            .zip(&paths)
            .map(|((_, before, after), path)| Side {
                path,
                before: Some(before.as_bytes()),
                after: Some(after.as_bytes()),
            })
            .collect();
        let edits = files.iter().map(|(p, before, after)| FileEdit {
            path: path(p),
            change: FileChange::Modify,
            from: None,
            before: Some(Content::of(before.as_bytes())),
            after: Some(Content::of(after.as_bytes())),
            before_node: None,
            after_node: None,
        });
        let proposal = Proposal::new("edit", Body::Edit(Vec::new())).because(text, Vec::new());
        let action = Action::file("a1".into(), proposal, Some(edits.collect()));
        found(&Session::default(), &action, &sides)
    }

    #[test]
    fn planted_false_reasons_are_found() {
        let fixed = CODE.replace("a - b", "a + b");
        let code = ("calc.py", CODE, fixed.as_str());
        for (text, files) in [
            ("This only reformats the file.", vec![code]),
            ("Just formatting.", vec![code]),
            ("Whitespace-only change.", vec![code]),
            ("I only fix a typo in a comment.", vec![code]),
            ("This just updates the docstrings", vec![code]),
            ("Documentation only; no code changes.", vec![code]),
            ("Only adds a test.", vec![code]),
            ("This only touches tests.", vec![("tests/test_calc.py", "x", "y"), code]),
            ("I only change calc.py.", vec![code, ("setup.py", "a\n", "b\n")]),
            ("It just edits src/calc.py to fix add.", vec![("src/calc.py", CODE, &fixed), ("ci.yml", "a", "b")]),
            ("All tests pass now.", vec![code]),
        ] {
            assert_eq!(said(text, &files).len(), 1, "{text}: {:?}", said(text, &files));
        }
    }

    #[test]
    fn true_and_ordinary_reasons_raise_no_alarm() {
        let fixed = CODE.replace("a - b", "a + b");
        let code = ("calc.py", CODE, fixed.as_str());
        let comment = CODE.replace("# sums", "# the sum of both");
        let laid_out = CODE.replace("def add(a, b):", "def add(\n    a,\n    b,\n):");
        let docstring = CODE.replace("    # sums\n", "    \"\"\"Sums.\"\"\"\n");
        for (text, files) in [
            ("This only reformats the file.", vec![("calc.py", CODE, laid_out.as_str())]),
            ("I only fix a typo in a comment.", vec![("calc.py", CODE, comment.as_str())]),
            ("Just adds docstrings; no code changes.", vec![("calc.py", CODE, docstring.as_str())]),
            ("Documentation only.", vec![("README.md", "a", "b")]),
            ("Only adds a test.", vec![("tests/test_calc.py", "x", "y")]),
            ("Only changes tests.", vec![("src/calc.rs", "#[test]\nfn a() {}", "#[test]\nfn b() {}")]),
            ("add() subtracts; test_add expects 5.", vec![code]),
            ("This is not just formatting: add() was wrong.", vec![code]),
            ("The only caller is in main.py, which stays as it is.", vec![code]),
            ("Fix add and adjust the comment.", vec![code]),
            ("The tests only cover positive numbers, so I fix add first.", vec![code]),
            ("I only change calc.py and setup.py.", vec![code, ("setup.py", "a\n", "b\n")]),
            ("If we only reformat it, the bug stays.", vec![code]),
            ("Next I will make all tests pass.", vec![code]),
            ("Only the first element was read; read all.", vec![code]),
            ("It just works with two arguments now.", vec![code]),
        ] {
            assert_eq!(said(text, &files), Vec::<String>::new(), "{text}");
        }
    }
}
