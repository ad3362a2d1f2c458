//! Tables: columns side by side where they fit, else one card for each row.

use super::layout::wrapped;
use super::limits::{TABLE_CELL_COLUMNS_MIN, TABLE_ROWS_MAX};
use super::{Face, Kind, Span};
use crate::base::text::width;
use pulldown_cmark::Alignment;
use std::sync::Arc;

type Cell = Vec<Span>;

/// Columns between two cells.
const GAP: &str = " │ ";

/// A table that is being read; the first row is its head.
#[derive(Debug)]
pub(super) struct Table {
    /// Where it begins.
    pub source: usize,
    alignments: Vec<Alignment>,
    rows: Vec<Vec<Cell>>,
    /// The last row is still being written: it is not shown.
    pub last_row_is_open: bool,
}

impl Table {
    pub fn new(alignments: Vec<Alignment>, source: usize) -> Self {
        Self { source, alignments, rows: Vec::new(), last_row_is_open: false }
    }

    pub fn row(&mut self) {
        self.rows.push(Vec::new());
    }

    pub fn cell(&mut self) {
        if let Some(row) = self.rows.last_mut() {
            row.push(Vec::new());
        }
    }

    pub fn say(&mut self, text: &str, face: Face, link: Option<&Arc<str>>) {
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
            cell.push(Span { text: text.to_owned(), face, link: link.cloned() });
        }
    }

    /// The words of the cell that is being read.
    pub fn cell_text(&self) -> String {
        self.rows.last().and_then(|row| row.last()).map(|cell| text(cell)).unwrap_or_default()
    }

    /// Lines of at most `room` columns.
    pub fn lines(mut self, room: usize) -> Vec<Vec<Span>> {
        if self.last_row_is_open && self.rows.len() > 1 {
            self.rows.pop();
        }
        let left_out = self.rows.len().saturating_sub(TABLE_ROWS_MAX + 1);
        self.rows.truncate(TABLE_ROWS_MAX + 1);
        let mut lines = match self.widths(room) {
            Some(widths) => self.grid(&widths),
            None => self.cards(room),
        };
        if left_out > 0 {
            lines.push(vec![marked(format!("… {left_out} more rows"))]);
        }
        lines
    }

    /// How wide each column is; `None` when they do not fit side by side.
    fn widths(&self, room: usize) -> Option<Vec<usize>> {
        let count = self.alignments.len();
        let mut widths = vec![1; count];
        for row in &self.rows {
            for (cell, wide) in row.iter().zip(&mut widths) {
                *wide = (*wide).max(width::width(&text(cell)));
            }
        }
        let gaps = width::width(GAP) * count.saturating_sub(1);
        let room = room.checked_sub(gaps)?;
        // The widest column gives way first.
        while widths.iter().sum::<usize>() > room {
            let over = widths.iter().sum::<usize>() - room;
            let widest = widths.iter().copied().max().filter(|wide| *wide > TABLE_CELL_COLUMNS_MIN)?;
            let second = widths.iter().copied().filter(|wide| *wide < widest).max().unwrap_or(0);
            let least = second.max(TABLE_CELL_COLUMNS_MIN);
            let column = widths.iter_mut().find(|wide| **wide == widest)?;
            *column -= over.min(widest - least).max(1);
        }
        Some(widths)
    }

    fn grid(&self, widths: &[usize]) -> Vec<Vec<Span>> {
        let mut lines = Vec::new();
        for (number, row) in self.rows.iter().enumerate() {
            let empty = Vec::new();
            let cells: Vec<Vec<Vec<Span>>> = widths
                .iter()
                .enumerate()
                .map(|(at, wide)| {
                    let cell = row.get(at).unwrap_or(&empty);
                    let cell = if number == 0 { strong(cell) } else { cell.clone() };
                    wrapped(&cell, *wide)
                })
                .collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or(0);
            for y in 0..height {
                let mut line = Vec::new();
                for (at, (cell, wide)) in cells.iter().zip(widths).enumerate() {
                    if at > 0 {
                        line.push(marked(GAP.to_owned()));
                    }
                    let words = cell.get(y).cloned().unwrap_or_default();
                    let blanks = wide.saturating_sub(width::width(&text(&words)));
                    let before = match self.alignments.get(at) {
                        Some(Alignment::Right) => blanks,
                        Some(Alignment::Center) => blanks / 2,
                        Some(Alignment::Left | Alignment::None) | None => 0,
                    };
                    line.push(marked(" ".repeat(before)));
                    line.extend(words);
                    line.push(marked(" ".repeat(blanks - before)));
                }
                line.retain(|span| !span.text.is_empty());
                lines.push(line);
            }
            if number == 0 {
                let rule: Vec<String> = widths.iter().map(|wide| "─".repeat(*wide)).collect();
                lines.push(vec![marked(rule.join("─┼─"))]);
            }
        }
        lines
    }

    /// Each row by itself, with the head's words before every cell.
    fn cards(&self, room: usize) -> Vec<Vec<Span>> {
        let Some((head, rows)) = self.rows.split_first() else { return Vec::new() };
        let mut lines = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            if number > 0 {
                lines.push(vec![marked("─".repeat(room.min(8)))]);
            }
            for (at, cell) in row.iter().enumerate().filter(|(_, cell)| !text(cell).trim().is_empty()) {
                let mut words = head.get(at).map(|name| strong(name)).unwrap_or_default();
                words.push(marked(": ".to_owned()));
                words.extend(cell.iter().cloned());
                lines.extend(wrapped(&words, room));
            }
        }
        if rows.is_empty() {
            lines.extend(wrapped(&head.concat(), room));
        }
        lines
    }
}

fn text(cell: &[Span]) -> String {
    cell.iter().map(|span| span.text.as_str()).collect()
}

fn strong(cell: &[Span]) -> Cell {
    let face = |face: Face| Face { strong: true, ..face };
    cell.iter().map(|span| Span { face: face(span.face), ..span.clone() }).collect()
}

fn marked(text: String) -> Span {
    Span { text, face: Face { kind: Kind::Mark, ..Face::default() }, link: None }
}

#[cfg(test)]
mod tests {
    use super::super::{Document, lines};

    fn shown(text: &str, columns: usize) -> Vec<String> {
        let document = Document::new(text);
        let tail = document.tail();
        let lines = lines(document.source(tail), tail, document.definitions(), columns);
        lines.iter().map(|line| line.text().trim_end().to_owned()).collect()
    }

    const TEXT: &str =
        "| file | change |\n|:---|---:|\n| calc.py | adds again |\n| very/long/path/to/a/file.py | none |\n";

    #[test]
    fn columns_stand_side_by_side_where_they_fit() {
        assert_eq!(
            shown(TEXT, 60),
            [
                "file                        │     change",
                "────────────────────────────┼───────────",
                "calc.py                     │ adds again",
                "very/long/path/to/a/file.py │       none",
            ]
        );
    }

    #[test]
    fn cells_wrap_before_the_table_becomes_cards() {
        assert_eq!(
            shown(TEXT, 30),
            [
                "file              │     change",
                "──────────────────┼───────────",
                "calc.py           │ adds again",
                "very/long/path/to │       none",
                "/a/file.py        │",
            ]
            .map(str::to_owned)
        );
        assert_eq!(
            shown(TEXT, 16),
            [
                "file: calc.py",
                "change: adds",
                "again",
                "────────",
                "file:",
                "very/long/path/t",
                "o/a/file.py",
                "change: none"
            ]
        );
    }

    #[test]
    fn a_long_table_is_cut_and_counted() {
        let text = format!("| n |\n|---|\n{}", "| 1 |\n".repeat(250));
        assert_eq!(shown(&text, 40).last().map(String::as_str), Some("… 50 more rows"));
    }
}
