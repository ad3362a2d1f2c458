//! What the grammars know of a changed file: the colors of its lines and the definitions that they are in.

use super::picture::{Heading, StructureLine, first_line};
use crate::base::text::Untrusted;
use crate::diff::{DiffLine, FileDiff, Hunk, LineKind};
use crate::syntax::{self, Fate, Highlights, Language, Scope, Span};
use crate::ui::limits::UI_HIGHLIGHT_MS_MAX;
use crate::ui::theme::Role;
use std::collections::HashMap;
use std::ops::Range;

/// The highlighting and definitions of both versions; empty for a version that cannot be parsed in time.
#[derive(Default)]
pub struct Colours {
    old: HashMap<usize, Vec<Span>>,
    new: HashMap<usize, Vec<Span>>,
    old_symbols: Option<syntax::Symbols>,
    new_symbols: Option<syntax::Symbols>,
    /// Definitions can be found in such files.
    has_grammar: bool,
}

impl Colours {
    pub fn of(path: &str, diff: &FileDiff, around: usize) -> Self {
        let language = Language::detect(path, diff.new_version());
        let symbols = |bytes: &[u8]| syntax::symbols_unless(language?, bytes, &mut out_of_time());
        let old = diff.hunks.iter().map(|hunk| (first_line(hunk.old_start, hunk.old_len), hunk.old_len));
        let new = diff.hunks.iter().map(|hunk| (first_line(hunk.new_start, hunk.new_len), hunk.new_len));
        Self {
            old: windows(path, diff.old(), old, 0),
            new: windows(path, diff.new_version(), new, around),
            old_symbols: symbols(diff.old()),
            new_symbols: symbols(diff.new_version()),
            has_grammar: language.is_some_and(syntax::has_symbols),
        }
    }

    pub fn spans(&self, old_no: Option<usize>, new_no: Option<usize>) -> Vec<(Range<usize>, Role)> {
        let line = match (new_no, old_no) {
            (Some(no), _) => self.new.get(&no),
            (None, Some(no)) => self.old.get(&no),
            (None, None) => None,
        };
        line.into_iter().flatten().map(|span| (span.range.clone(), role_of(span.scope))).collect()
    }

    pub fn new_spans(&self, new_no: usize) -> Vec<(Range<usize>, Role)> {
        self.spans(None, Some(new_no))
    }

    /// Lists the change of each definition, and says why some or all are missing.
    pub fn structure(&self, diff: &FileDiff) -> (Vec<StructureLine>, Option<&'static str>) {
        let (Some(old), Some(new)) = (&self.old_symbols, &self.new_symbols) else {
            let why = if self.has_grammar {
                "the definitions could not be read in time: only lines are shown"
            } else {
                "definitions are not known in this kind of file: only lines are shown"
            };
            return (Vec::new(), Some(why));
        };
        let structure = syntax::structure((old, diff.old()), (new, diff.new_version()));
        let note = match &structure {
            None => Some("too many definitions to compare: only lines are shown"),
            Some(_) if new.broken => Some("the new version has syntax errors: definitions may be missing"),
            Some(_) if old.broken => Some("the old version has syntax errors: definitions may be missing"),
            Some(_) => None,
        };
        (structure.as_ref().map(structure_lines).unwrap_or_default(), note)
    }

    /// The definitions that the changed lines of a hunk are in, in the order of the lines. A blank line is where the line
    /// before it is.
    pub fn headings(&self, hunk: &Hunk) -> Vec<(usize, Option<Heading>)> {
        let mut found: Vec<(usize, Option<Heading>)> = Vec::new();
        let mut last = None;
        for (at, line) in hunk.lines.iter().enumerate().filter(|(_, line)| line.kind != LineKind::Context) {
            let here = self.symbol(line);
            let is_blank = line.body().iter().all(u8::is_ascii_whitespace);
            if !found.is_empty() && (is_blank || last == Some(here)) {
                continue;
            }
            last = Some(here);
            let heading = here.and_then(|(is_new, symbol)| self.heading(is_new, symbol));
            if found.last().is_none_or(|(_, before)| *before != heading) {
                // What comes before the first change belongs to it.
                found.push((if found.is_empty() { 0 } else { at }, heading));
            }
        }
        found
    }

    /// The definition that a line is in: whether it is one of the new version, and its place among them.
    fn symbol(&self, line: &DiffLine) -> Option<(bool, usize)> {
        let (symbols, number) = match line.new_no {
            Some(number) => (self.new_symbols.as_ref()?, number),
            None => (self.old_symbols.as_ref()?, line.old_no?),
        };
        Some((line.new_no.is_some(), symbols.at_line(number.checked_sub(1)?)?))
    }

    fn heading(&self, is_new: bool, at: usize) -> Option<Heading> {
        let symbols = if is_new { self.new_symbols.as_ref()? } else { self.old_symbols.as_ref()? };
        let path: Vec<_> = symbols.path(at).iter().map(|name| name.visible().into_owned()).collect();
        Some(Heading { kind: symbols.list.get(at)?.kind.word(), path: path.join("::") })
    }
}

/// The colors of the lines in and around hunks, by line number from 1; the rest of a file is never asked for.
fn windows(
    path: &str,
    bytes: &bytes::Bytes,
    hunks: impl Iterator<Item = (usize, usize)>,
    around: usize,
) -> HashMap<usize, Vec<Span>> {
    let mut lines = HashMap::new();
    if bytes.is_empty() {
        return lines;
    }
    let highlights = Highlights::new(path, bytes.clone(), &mut out_of_time());
    for (first, len) in hunks {
        let start = first.saturating_sub(1).saturating_sub(around);
        let window = start..first.saturating_add(len + around);
        lines.extend((start + 1..).zip(highlights.lines(window)));
    }
    lines
}

pub fn role_of(scope: Scope) -> Role {
    match scope {
        Scope::Keyword => Role::SyntaxKeyword,
        Scope::Operator => Role::SyntaxOperator,
        Scope::Punctuation => Role::SyntaxPunctuation,
        Scope::Comment => Role::SyntaxComment,
        Scope::String | Scope::Literal => Role::SyntaxString,
        Scope::Number => Role::SyntaxNumber,
        Scope::Constant | Scope::Escape => Role::SyntaxConstant,
        Scope::Function | Scope::Macro => Role::SyntaxFunction,
        Scope::Type | Scope::Constructor => Role::SyntaxType,
        Scope::Variable | Scope::Parameter => Role::SyntaxVariable,
        Scope::Property => Role::SyntaxProperty,
        Scope::Module => Role::SyntaxModule,
        Scope::Attribute => Role::SyntaxAttribute,
        Scope::Label => Role::SyntaxLabel,
        Scope::Tag => Role::SyntaxTag,
        Scope::Heading | Scope::Strong => Role::SyntaxHeading,
        Scope::Emphasis => Role::Text,
        Scope::Link => Role::SyntaxLink,
    }
}

/// A clock that has run out after [`UI_HIGHLIGHT_MS_MAX`].
fn out_of_time() -> impl FnMut() -> bool {
    let started = std::time::Instant::now();
    move || started.elapsed().as_millis() > u128::from(UI_HIGHLIGHT_MS_MAX)
}

/// Lists the change of each definition, for the structural view.
fn structure_lines(structure: &syntax::Structure) -> Vec<StructureLine> {
    let joined =
        |path: &[Untrusted]| path.iter().map(|name| name.visible().into_owned()).collect::<Vec<_>>().join("::");
    let mut lines: Vec<StructureLine> = structure
        .changes
        .iter()
        .map(|change| {
            let (word, role) = match change.fate {
                Fate::Added => ("added", Role::DiffAddSign),
                Fate::Removed => ("removed", Role::DiffDelSign),
                Fate::Signature => ("signature", Role::Warn),
                Fate::Body => ("body", Role::Accent),
                Fate::Changed => ("changed", Role::Accent),
                Fate::Reflowed => ("format", Role::TextSoft),
                Fate::Moved => ("moved", Role::TextSoft),
                Fate::Renamed => ("renamed", Role::Accent),
            };
            let from = change.old_path.as_ref().map(|old| format!("{} → ", joined(old))).unwrap_or_default();
            let moved = if change.moved && change.fate != Fate::Moved { "  (moved)" } else { "" };
            let path = format!("{from}{}{moved}", joined(&change.path));
            StructureLine { word, role, kind: change.kind.word(), path, added: change.added, removed: change.removed }
        })
        .collect();
    if structure.outside || structure.outside_reflowed {
        let path = "outside any definition".to_owned();
        let (word, role) = if structure.outside { ("changed", Role::Accent) } else { ("format", Role::TextSoft) };
        lines.push(StructureLine { word, role, kind: "", path, added: 0, removed: 0 });
    }
    lines
}
