//! The lines of a text as rows of a width: what is shown of every character, and where the cursor is among them.

use crate::base::text::{Show, escape, width};
use std::borrow::Cow;
use std::ops::Range;

/// What is drawn for one grapheme cluster, or for one object of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell<'a> {
    /// The characters of its line.
    pub chars: Range<usize>,
    pub text: Cow<'a, str>,
    pub columns: usize,
    pub is_object: bool,
}

/// A row: part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    pub line: usize,
    pub cells: Vec<Cell<'a>>,
    /// The line goes on in the next row.
    pub goes_on: bool,
}

impl Row<'_> {
    fn start(&self) -> usize {
        self.cells.first().map_or(0, |cell| cell.chars.start)
    }

    fn end(&self) -> usize {
        self.cells.last().map_or(0, |cell| cell.chars.end)
    }

    /// The column of a character of its line.
    fn column(&self, char: usize) -> usize {
        self.cells.iter().take_while(|cell| cell.chars.end <= char).map(|cell| cell.columns).sum()
    }

    /// The character at a column, or the last place of the row.
    fn char_at(&self, column: usize) -> usize {
        let mut x = 0;
        for cell in &self.cells {
            if x + cell.columns > column {
                return cell.chars.start;
            }
            x += cell.columns;
        }
        let last = self.cells.last().filter(|_| self.goes_on).map(|cell| cell.chars.start);
        last.unwrap_or_else(|| self.end())
    }
}

/// Breaks lines into rows of at most `columns`, after blanks where there are any. `label` names the objects.
pub fn rows<'a>(lines: &'a [String], columns: usize, label: impl Fn(char) -> Option<String>) -> Vec<Row<'a>> {
    let columns = columns.max(1);
    let mut rows = Vec::with_capacity(lines.len());
    for (line, text) in lines.iter().enumerate() {
        let mut cells = cells(text, columns, &label);
        loop {
            let (mut used, mut fits, mut after_blank) = (0, 0, None);
            for cell in &cells {
                if used + cell.columns > columns {
                    break;
                }
                used += cell.columns;
                fits += 1;
                if cell.text == " " {
                    after_blank = Some(fits);
                }
            }
            if fits >= cells.len() {
                rows.push(Row { line, cells, goes_on: false });
                break;
            }
            let rest = cells.split_off(after_blank.unwrap_or(fits).max(1));
            rows.push(Row { line, cells, goes_on: true });
            cells = rest;
        }
    }
    rows
}

fn cells<'a>(text: &'a str, columns: usize, label: &impl Fn(char) -> Option<String>) -> Vec<Cell<'a>> {
    let mut cells = Vec::new();
    let mut at = 0;
    for (cluster, _) in width::clusters(text) {
        let chars = at..at + cluster.chars().count();
        at = chars.end;
        let object = cluster.chars().next().and_then(label);
        let is_object = object.is_some();
        let shown = match object {
            Some(label) => Cow::Owned(width::cut_end(&label, columns).into_owned()),
            None => escape::show(cluster, &Show::prose()),
        };
        let wide = width::width(&shown).min(columns);
        cells.push(Cell { chars, text: shown, columns: wide, is_object });
    }
    cells
}

/// The row and the column of a place in the text.
pub fn place(rows: &[Row<'_>], line: usize, char: usize) -> (usize, usize) {
    let mut last = (0, 0);
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.line == line) {
        last = (at, row.column(char));
        if char < row.end() || (char == row.end() && !row.goes_on) || char < row.start() {
            break;
        }
    }
    last
}

/// The place in the text, a row up or down from another one; `None` beyond the first and the last.
pub fn beside(rows: &[Row<'_>], (line, char): (usize, usize), down: bool) -> Option<(usize, usize)> {
    let (row, column) = place(rows, line, char);
    let next = rows.get(if down { row + 1 } else { row.checked_sub(1)? })?;
    Some((next.line, next.char_at(column)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str, columns: usize) -> Vec<String> {
        let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        let rows = rows(&lines, columns, |c| (c == '\u{f0000}').then(|| "[paste]".to_owned()));
        rows.iter().map(|row| row.cells.iter().map(|cell| cell.text.as_ref()).collect()).collect()
    }

    #[test]
    fn lines_break_after_blanks_and_objects_stay_whole() {
        assert_eq!(shown("one two three", 8), ["one two ", "three"]);
        assert_eq!(shown("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(shown("ab \u{f0000} c", 8), ["ab ", "[paste] ", "c"]);
        assert_eq!(shown("a\n\nb", 8), ["a", "", "b"]);
        assert_eq!(shown("\u{f0000}", 4), ["[pa…"]);
    }

    #[test]
    fn the_cursor_goes_by_rows() {
        let lines = vec!["one two three".to_owned(), "x".to_owned()];
        let rows = rows(&lines, 8, |_| None);
        assert_eq!(beside(&rows, (0, 2), true), Some((0, 10)));
        assert_eq!(beside(&rows, (0, 10), true), Some((1, 1)));
        assert_eq!(beside(&rows, (0, 10), false), Some((0, 2)));
        assert_eq!(beside(&rows, (0, 2), false), None);
        assert_eq!(beside(&rows, (1, 0), true), None);
    }

    proptest! {
        /// Every character is in one row, no row is wider than the field, and the cursor is always in it.
        #[test]
        fn rows_hold_the_whole_text(text in "[a-zäあ \u{200d}\t\u{1b}\n\u{f0000}]{0,60}", columns in 1usize..20) {
            let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
            let rows = rows(&lines, columns, |c| (c == '\u{f0000}').then(|| "[paste]".to_owned()));
            for (line, words) in lines.iter().enumerate() {
                let chars: usize = rows.iter().filter(|row| row.line == line).flat_map(|row| &row.cells).map(|c| c.chars.len()).sum();
                prop_assert_eq!(chars, words.chars().count());
                for char in 0..=words.chars().count() {
                    let (row, column) = place(&rows, line, char);
                    prop_assert!(row < rows.len() && column <= columns);
                }
            }
            for row in &rows {
                prop_assert!(row.cells.iter().map(|cell| cell.columns).sum::<usize>() <= columns);
            }
        }
    }
}
