//! Turns the difference of two pictures into the fewest bytes we know how to send.

use super::filter;
use super::links::{self, Links};
use super::pen::{Ink, Pen};
use super::scroll::{self, Shift};
use crate::ui::limits::{UI_ERASE_RUN_CELLS_MIN, UI_GAP_REWRITE_CELLS_MAX};
use ratatui::buffer::{Buffer, Cell};
use std::io::Write as _;

/// What the painter must know of the terminal.
#[derive(Clone, Copy)]
pub struct Traits<'a> {
    /// It erases in the current background ("back color erase"), as all but GNU screen do.
    pub bce: bool,
    pub links: &'a Links,
}

/// Appends what turns `front` into `back`; `front` is shifted on the way when rows moved.
pub fn difference(out: &mut Vec<u8>, pen: &mut Pen, front: &mut Buffer, back: &Buffer, terminal: Traits<'_>) {
    if let Some(shift) = scroll::find(front, back) {
        shift_rows(out, pen, shift);
        scroll::apply(front, shift);
    }
    let width = usize::from(back.area.width);
    if width == 0 {
        return;
    }
    for (y, (old, new)) in front.content.chunks(width).zip(back.content.chunks(width)).enumerate() {
        if old != new {
            row(out, pen, old, new, u16::try_from(y).unwrap_or(u16::MAX), terminal);
        }
    }
    pen.link(out, terminal.links, 0);
}

/// A scroll region and deleted or inserted lines: unlike SU/SD these never touch the terminal's scrollback.
fn shift_rows(out: &mut Vec<u8>, pen: &mut Pen, shift: Shift) {
    pen.set(out, Ink::PLAIN);
    let end = if shift.by > 0 { 'M' } else { 'L' };
    let _ = write!(
        out,
        "\x1b[{};{}r\x1b[{};1H\x1b[{}{end}\x1b[r",
        shift.top + 1,
        shift.bottom,
        shift.top + 1,
        shift.by.unsigned_abs()
    );
    pen.lose_place();
}

fn row(out: &mut Vec<u8>, pen: &mut Pen, old: &[Cell], new: &[Cell], y: u16, terminal: Traits<'_>) {
    let screen_width = u16::try_from(new.len()).unwrap_or(u16::MAX);
    let mut x = 0;
    while let (Some(was), Some(cell)) = (old.get(x), new.get(x)) {
        let wide = new.get(x + 1).is_some_and(|next| next.symbol().is_empty());
        let step = if wide { 2 } else { 1 };
        // A wide character is drawn whole when either half differs, and so is what replaces one.
        let same = looks_like(was, cell) && (!wide || old.get(x + 1) == new.get(x + 1));
        if same {
            x += step;
            continue;
        }
        let column = u16::try_from(x).unwrap_or(u16::MAX);
        bridge_gap(out, pen, new, column, y, screen_width);
        pen.move_to(out, column, y);
        set_for(out, pen, cell);
        let blank = erasable(new.get(x..).unwrap_or_default(), terminal.bce);
        let text = if cell.symbol().is_empty() { " " } else { cell.symbol() };
        let contested = filter::is_width_contested(text);
        // What is erased belongs to no link.
        let erases = blank >= UI_ERASE_RUN_CELLS_MIN || contested;
        pen.link(out, terminal.links, if erases { 0 } else { links::number(cell) });
        if blank >= UI_ERASE_RUN_CELLS_MIN {
            pen.erase(out, u16::try_from(blank).unwrap_or(u16::MAX));
            x += blank;
            continue;
        }
        let columns = u16::try_from(step).unwrap_or(1);
        if contested {
            // Where the terminal draws it narrower, nothing old is left beside it.
            pen.erase(out, columns);
        }
        pen.write(out, text, columns, screen_width);
        if contested {
            pen.lose_place();
        }
        x += step;
    }
}

/// Returns whether the two cells look the same.
fn looks_like(was: &Cell, cell: &Cell) -> bool {
    let are_blank = was.symbol() == " " && cell.symbol() == " " && links::number(was) == links::number(cell);
    was == cell || (are_blank && shows(Ink::of(was), cell))
}

/// Returns whether the cell, drawn in this ink, looks as it should.
fn shows(ink: Ink, cell: &Cell) -> bool {
    let own = Ink::of(cell);
    if cell.symbol() == " " { own.blanks_like(ink) } else { own == ink }
}

/// A blank takes the current color, where only its background is seen.
fn set_for(out: &mut Vec<u8>, pen: &mut Pen, cell: &Cell) {
    if !pen.ink().is_some_and(|ink| shows(ink, cell)) {
        pen.set(out, Ink::of(cell));
    }
}

/// Writing a few unchanged cells again is shorter than jumping over them.
fn bridge_gap(out: &mut Vec<u8>, pen: &mut Pen, new: &[Cell], to: u16, y: u16, screen_width: u16) {
    let Some((from, row)) = pen.at() else { return };
    let gap = usize::from(to.saturating_sub(from));
    if row != y || gap == 0 || gap > UI_GAP_REWRITE_CELLS_MAX {
        return;
    }
    let Some(cells) = new.get(usize::from(from)..usize::from(to)) else { return };
    let plain = |cell: &Cell| {
        cell.symbol().len() == 1 && pen.is_on_link(links::number(cell)) && pen.ink().is_some_and(|ink| shows(ink, cell))
    };
    if cells.iter().all(plain) {
        for cell in cells {
            pen.write(out, cell.symbol(), 1, screen_width);
        }
    }
}

/// Returns the length of the run of blanks of one style at the start of `cells` that look erased.
fn erasable(cells: &[Cell], bce: bool) -> usize {
    let Some(first) = cells.first() else { return 0 };
    let ink = Ink::of(first);
    if !ink.erases(bce) {
        return 0;
    }
    let is_blank = |cell: &&Cell| cell.symbol() == " " && links::number(cell) == 0 && ink.blanks_like(Ink::of(cell));
    cells.iter().take_while(is_blank).count()
}
