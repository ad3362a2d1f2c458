//! A row made of words in roles, for panes whose rows are text.

use crate::base::text::{Show, escape, width};
use crate::markdown;
use crate::ui::look::Brush;
use crate::ui::theme::Role;
use ratatui::layout::Rect;

/// One row, ready to draw. Its words are safe to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    pub indent: u16,
    pub words: Vec<(String, Role)>,
    pub right: Vec<(String, Role)>,
}

impl Row {
    #[must_use]
    pub fn new(text: impl Into<String>, role: Role) -> Self {
        Self { words: vec![(text.into(), role)], ..Self::default() }
    }

    #[must_use]
    pub fn indented(mut self, columns: u16) -> Self {
        self.indent = columns;
        self
    }

    #[must_use]
    pub fn and(mut self, text: impl Into<String>, role: Role) -> Self {
        self.words.push((text.into(), role));
        self
    }

    #[must_use]
    pub fn right(mut self, text: impl Into<String>, role: Role) -> Self {
        self.right.push((text.into(), role));
        self
    }

    pub fn draw(&self, brush: &mut Brush<'_>, line: Rect, left: usize) {
        let mut end = line.right().saturating_sub(1);
        for (text, role) in self.right.iter().rev() {
            end = brush.right(line.x + 2, line.y, end, text, *role);
        }
        if !self.right.is_empty() {
            end = end.saturating_sub(1);
        }
        let mut x = line.x + 1 + self.indent;
        let mut hidden = left;
        for (text, role) in &self.words {
            let columns = width::width(text);
            if hidden >= columns && hidden > 0 {
                hidden -= columns;
                continue;
            }
            let rest = text.get(width::prefix(text, hidden).len()..).unwrap_or_default();
            x = brush.cut(x, line.y, end, rest, *role);
            if x + 1 >= end && columns > hidden {
                return;
            }
            hidden = 0;
        }
    }

    /// The row in as many rows as it needs; a row with something at its right end stays one.
    #[must_use]
    pub fn broken(self, columns: usize) -> Vec<Self> {
        let room = columns.saturating_sub(usize::from(self.indent) + 2).max(1);
        let total: usize = self.words.iter().map(|(text, _)| width::width(text)).sum();
        if total <= room || !self.right.is_empty() {
            return vec![self];
        }
        let mut rows = vec![Self { indent: self.indent, ..Self::default() }];
        let mut left = room;
        for (text, role) in self.words {
            let mut rest = text.as_str();
            while !rest.is_empty() {
                let fits = up_to_a_blank(rest, width::prefix(rest, left));
                let fits = if fits.is_empty() && left == room { first_cluster(rest) } else { fits };
                if let Some(row) = rows.last_mut().filter(|_| !fits.is_empty()) {
                    row.words.push((fits.to_owned(), role));
                }
                left = left.saturating_sub(width::width(fits));
                rest = rest.get(fits.len()..).unwrap_or_default();
                if !rest.is_empty() {
                    rows.push(Self { indent: self.indent, ..Self::default() });
                    left = room;
                }
            }
        }
        rows
    }

    /// The row with these words in another role.
    #[must_use]
    pub fn highlighted(mut self, words: &[String], role: Role) -> Self {
        for word in words.iter().filter(|word| !word.is_empty()) {
            let split = |(text, own): (String, Role)| match text.split_once(word.as_str()).filter(|_| own != role) {
                Some((before, after)) => vec![(before.to_owned(), own), (word.clone(), role), (after.to_owned(), own)],
                None => vec![(text, own)],
            };
            self.words = self.words.into_iter().flat_map(split).filter(|(text, _)| !text.is_empty()).collect();
        }
        self
    }

    #[must_use]
    pub fn text(&self) -> String {
        let words = self.words.iter().map(|(text, _)| text.as_str()).collect::<String>();
        let right = self.right.iter().map(|(text, _)| text.as_str()).collect::<String>();
        if right.is_empty() { words } else { format!("{words}  {right}") }
    }
}

/// As much of what fits as ends with a blank, when the rest begins in the middle of a word and not much is lost.
fn up_to_a_blank<'a>(rest: &str, fits: &'a str) -> &'a str {
    if fits.len() == rest.len() || rest.get(fits.len()..).is_some_and(|next| next.starts_with(' ')) {
        return fits;
    }
    fits.rfind(' ').map(|at| at + 1).filter(|end| *end * 2 > fits.len()).and_then(|end| fits.get(..end)).unwrap_or(fits)
}

fn first_cluster(text: &str) -> &str {
    width::clusters(text).next().map_or(text, |(cluster, _)| cluster)
}

/// Byte ranges of the pieces of at most this many columns, blanks and all: together they are the whole text. An empty
/// text is one empty piece.
pub fn pieces(text: &str, columns: usize) -> Vec<std::ops::Range<usize>> {
    let columns = columns.max(1);
    // Bytes are at least columns, so a short line is not measured.
    if text.len() <= columns {
        return std::iter::once(0..text.len()).collect();
    }
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let fits = width::prefix(rest, columns);
        let fits = if fits.is_empty() { first_cluster(rest) } else { fits };
        pieces.push(at..at + fits.len());
        at += fits.len();
    }
    pieces
}

/// Foreign prose, wrapped into rows; the first begins with `head`, the others are indented as far.
pub fn wrapped(rows: &mut Vec<Row>, head: &str, head_role: Role, text: &str, role: Role, columns: u16) {
    let lines = text.lines().chain(text.is_empty().then_some(""));
    wrapped_lines(rows, head, head_role, lines, role, columns, true);
}

/// Foreign Markdown as rows, with `head` as in [`wrapped`].
pub fn rendered(rows: &mut Vec<Row>, head: &str, head_role: Role, text: &str, columns: u16) {
    let indent = width::width(head);
    let room = usize::from(columns).saturating_sub(indent + 2).max(8);
    for (at, line) in markdown::rendered(text, room).into_iter().enumerate() {
        let lead = if at == 0 { Row::new(head, head_role) } else { Row::new(" ".repeat(indent), Role::Text) };
        rows.push(line.spans.into_iter().fold(lead, |row, span| {
            let role = if span.face.strong && span.face.kind == markdown::Kind::Text {
                Role::TextStrong
            } else {
                role_of(span.face.kind)
            };
            row.and(span.text, role)
        }));
    }
}

/// The color of a run of Markdown.
pub fn role_of(kind: markdown::Kind) -> Role {
    match kind {
        markdown::Kind::Text => Role::Text,
        markdown::Kind::Heading(_) => Role::SyntaxHeading,
        markdown::Kind::Code | markdown::Kind::Fence => Role::SyntaxString,
        markdown::Kind::Mark => Role::TextFaint,
        markdown::Kind::Link => Role::SyntaxLink,
        markdown::Kind::Address | markdown::Kind::Html => Role::TextSoft,
    }
}

fn wrapped_lines<'a>(
    rows: &mut Vec<Row>,
    head: &str,
    head_role: Role,
    lines: impl Iterator<Item = &'a str>,
    role: Role,
    columns: u16,
    mut first: bool,
) {
    let indent = width::width(head);
    let room = usize::from(columns).saturating_sub(indent + 2).max(8);
    for line in lines {
        let line = escape::show(line, &Show::prose());
        for range in width::wrap(&line, room) {
            let words = line.get(range).unwrap_or_default().to_owned();
            let lead = if first { Row::new(head.to_owned(), head_role) } else { Row::new(" ".repeat(indent), role) };
            rows.push(lead.and(words, role));
            first = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_row_breaks_between_words() {
        let rows = Row::new("approve or deny it whole", Role::Warn).broken(24);
        assert_eq!(rows.iter().map(Row::text).collect::<Vec<_>>(), ["approve or deny it ", "whole"]);
        // A long word is cut where the room ends.
        let rows = Row::new("a 0123456789abcdef", Role::Warn).broken(12);
        assert_eq!(rows.iter().map(Row::text).collect::<Vec<_>>(), ["a 01234567", "89abcdef"]);
    }

    proptest! {
        #[test]
        fn pieces_and_broken_rows_are_the_whole_text(text in "\\PC{0,80}", columns in 1..30_usize) {
            let pieces = pieces(&text, columns);
            let joined: String = pieces.iter().map(|piece| &text[piece.clone()]).collect();
            prop_assert_eq!(&joined, &text);
            let broken = Row::new("head ", Role::Text).and(text.clone(), Role::Text).broken(columns + 2);
            let joined: String = broken.iter().map(Row::text).collect();
            prop_assert_eq!(joined, format!("head {text}"));
        }
    }
}
