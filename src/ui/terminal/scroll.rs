//! Finds rows that only moved, so that the terminal can move them itself instead of being sent them again.
//!
//! The comparison works on whole rows, because scroll regions (DECSTBM) span the width of the screen.

use crate::ui::limits::{UI_SCROLL_GAIN_BYTES_MIN, UI_SCROLL_ROWS_MAX};
use ratatui::buffer::{Buffer, Cell};
use std::hash::{Hash as _, Hasher as _};

/// An absolute cursor position (`CSI row ; column H`).
const JUMP_BYTES: usize = 7;

/// Rows `top..bottom` move up by `by` lines (down when negative).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    pub top: u16,
    pub bottom: u16,
    pub by: i32,
}

/// The shift that saves the most cells, if any saves enough to pay for its escape sequences.
pub fn find(front: &Buffer, back: &Buffer) -> Option<Shift> {
    let width = usize::from(front.area.width);
    if width == 0 || front.area != back.area {
        return None;
    }
    let old: Vec<u64> = front.content.chunks(width).map(row_hash).collect();
    let new: Vec<u64> = back.content.chunks(width).map(row_hash).collect();
    let changed = old.iter().zip(&new).filter(|(old, new)| old != new).count();
    if changed < 3 {
        return None;
    }
    let reach = i32::try_from(old.len().min(UI_SCROLL_ROWS_MAX)).unwrap_or(0);
    (1..reach)
        .flat_map(|by| [by, -by])
        .filter_map(|by| candidate(&old, &new, by))
        .map(|shift| (gain(front, back, width, shift), shift))
        .filter(|(gain, _)| *gain >= UI_SCROLL_GAIN_BYTES_MIN)
        .max_by_key(|(gain, shift)| (*gain, -shift.by.abs()))
        .map(|(_, shift)| shift)
}

fn row_hash(row: &[Cell]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    for cell in row {
        cell.symbol().hash(&mut hasher);
        (cell.fg, cell.bg, cell.modifier.bits()).hash(&mut hasher);
    }
    hasher.finish()
}

/// The span between the first and last changed row that reappears `by` rows away.
fn candidate(old: &[u64], new: &[u64], by: i32) -> Option<Shift> {
    let moved = |row: usize| {
        let from = usize::try_from(i32::try_from(row).ok()? + by).ok()?;
        let (was, is) = (old.get(from)?, new.get(row)?);
        (was == is && old.get(row) != Some(is)).then_some(())
    };
    let first = (0..new.len()).find(|row| moved(*row).is_some())?;
    let last = (0..new.len()).rev().find(|row| moved(*row).is_some())?;
    let lines = usize::try_from(by.unsigned_abs()).ok()?;
    let (top, bottom) = if by > 0 { (first, last + 1 + lines) } else { (first.checked_sub(lines)?, last + 1) };
    (bottom <= new.len()).then_some(())?;
    Some(Shift { top: u16::try_from(top).ok()?, bottom: u16::try_from(bottom).ok()?, by })
}

/// Bytes saved by shifting, about: the span's differences before, minus those after.
fn gain(front: &Buffer, back: &Buffer, width: usize, shift: Shift) -> usize {
    let blank = vec![Cell::EMPTY; width];
    let row = |buffer: &'_ Buffer, y: i32| -> Vec<Cell> {
        let y = usize::try_from(y).unwrap_or(usize::MAX);
        buffer.content.chunks(width).nth(y).map_or_else(|| blank.clone(), <[Cell]>::to_vec)
    };
    let (mut before, mut after) = (0, 0);
    for y in i32::from(shift.top)..i32::from(shift.bottom) {
        let want = row(back, y);
        let from = y + shift.by;
        let inside = (i32::from(shift.top)..i32::from(shift.bottom)).contains(&from);
        let would_be = if inside { row(front, from) } else { blank.clone() };
        before += differing(&row(front, y), &want);
        after += differing(&would_be, &want);
    }
    before.saturating_sub(after)
}

/// About what it costs to turn one row into the other, in bytes: each run of changed cells needs a jump.
fn differing(a: &[Cell], b: &[Cell]) -> usize {
    let mut cost = 0;
    let mut in_run = false;
    for (a, b) in a.iter().zip(b) {
        let changed = a != b;
        cost += usize::from(changed) + if changed && !in_run { JUMP_BYTES } else { 0 };
        in_run = changed;
    }
    cost
}

/// Applies to the picture the scroll that the terminal applies to the screen; uncovered rows are blank.
pub fn apply(front: &mut Buffer, shift: Shift) {
    let width = usize::from(front.area.width);
    let (top, bottom) = (usize::from(shift.top) * width, usize::from(shift.bottom) * width);
    let Some(span) = front.content.get_mut(top..bottom) else { return };
    let cells = (shift.by.unsigned_abs() as usize).saturating_mul(width).min(span.len());
    let kept = span.len() - cells;
    if shift.by > 0 {
        span.rotate_left(cells);
        span.iter_mut().skip(kept).for_each(|cell| *cell = Cell::EMPTY);
    } else {
        span.rotate_right(cells);
        span.iter_mut().take(cells).for_each(|cell| *cell = Cell::EMPTY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(rows: &[&str]) -> Buffer {
        Buffer::with_lines(rows.iter().copied())
    }

    #[test]
    fn a_log_that_moved_one_line_is_one_shift() {
        let before = picture(&[
            "head of the pane",
            "alpha alpha alpha",
            "beta beta beta",
            "gamma gamma gamma",
            "delta delta delta",
            "foot of the pane",
        ]);
        let after = picture(&[
            "head of the pane",
            "beta beta beta",
            "gamma gamma gamma",
            "delta delta delta",
            "epsilon epsilon",
            "foot of the pane",
        ]);
        assert_eq!(find(&before, &after), Some(Shift { top: 1, bottom: 5, by: 1 }));
        assert_eq!(find(&after, &before), Some(Shift { top: 1, bottom: 5, by: -1 }));
    }

    #[test]
    fn the_picture_after_a_shift_has_blank_rows_where_nothing_came() {
        let mut front = picture(&["a", "b", "c", "d"]);
        apply(&mut front, Shift { top: 1, bottom: 4, by: 1 });
        assert_eq!(front, picture(&["a", "c", "d", " "]));
        apply(&mut front, Shift { top: 0, bottom: 3, by: -2 });
        assert_eq!(front, picture(&[" ", " ", "a", " "]));
    }

    #[test]
    fn a_change_in_one_row_is_no_shift() {
        let before = picture(&["a", "b", "c", "d"]);
        let after = picture(&["a", "x", "c", "d"]);
        assert_eq!(find(&before, &after), None);
    }
}
