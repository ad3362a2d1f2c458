//! The changes that an undo or a rewind would revert, to choose from: what may be the user's is not checked.

use super::open_box;
use crate::base::text::{Untrusted, width};
use crate::base::{Digest, RelPath};
use crate::ui::app::App;
use crate::ui::look::Brush;
use crate::ui::terminal::Frame;
use crate::ui::theme::{Role, Sign};
use crate::wire::{ChoiceNeeded, Request, Revertible, Rewind, Undo};
use ratatui::layout::Rect;
use std::ops::Range;

/// Rows for the path of the current change, which its own row may cut.
const PATH_ROWS_MAX: u16 = 2;

/// An open list of changes.
#[derive(Debug)]
pub struct Revert {
    /// The request that the host refused without a choice.
    asked: Request,
    rows: Vec<(Revertible, bool)>,
    left_out: usize,
    listed: Option<Digest>,
    cursor: usize,
}

impl Revert {
    #[must_use]
    pub fn new(asked: Request, needed: ChoiceNeeded) -> Self {
        let rows = needed.changes.into_iter().map(|change| (change.certain, change)).map(|(on, change)| (change, on));
        Self { asked, rows: rows.collect(), left_out: needed.left_out, listed: needed.listed, cursor: 0 }
    }

    pub fn go(&mut self, down: bool) {
        let last = self.rows.len().saturating_sub(1);
        self.cursor = if down { (self.cursor + 1).min(last) } else { self.cursor.saturating_sub(1) };
    }

    pub fn toggle(&mut self) {
        if let Some((_, on)) = self.rows.get_mut(self.cursor) {
            *on = !*on;
        }
    }

    fn checked(&self) -> impl Iterator<Item = &RelPath> {
        self.rows.iter().filter(|(_, on)| *on).map(|(change, _)| &change.path)
    }

    /// The same request with the choice; `None` when nothing is checked.
    #[must_use]
    pub fn chosen(&self) -> Option<Request> {
        let files: Vec<RelPath> = self.checked().cloned().collect();
        let files = Some(files).filter(|files| !files.is_empty())?;
        if let Request::Undo(undo) = self.asked.clone() {
            return Some(Request::Undo(Undo { files: Some(files), ..undo }));
        }
        let Request::Rewind(rewind) = self.asked.clone() else { return None };
        Some(Request::Rewind(Rewind { files: Some(files), listed: self.listed, ..rewind }))
    }

    fn title(&self) -> String {
        if let Request::Undo(Undo { action, .. }) = &self.asked {
            return format!("Undo {action}: choose what to revert");
        }
        "Rewind: choose what to revert".to_owned()
    }
}

/// Describes the change of the file and its possible author.
fn words(change: &Revertible) -> String {
    let doubt = if change.certain { "" } else { "; may be yours" };
    format!("{}{doubt}", change.words())
}

/// The rows that show, with the cursor among them.
fn window(cursor: usize, total: usize, rows: u16) -> Range<usize> {
    let first = cursor.saturating_sub(usize::from(rows.saturating_sub(1)));
    first..total.min(first + usize::from(rows))
}

pub(super) fn view(revert: &Revert, app: &App, frame: &mut Frame<'_>, screen: Rect) {
    let width = screen.width.saturating_sub(4).clamp(30, 96);
    let rows =
        u16::try_from(revert.rows.len()).unwrap_or(u16::MAX).min(screen.height.saturating_sub(9 + PATH_ROWS_MAX));
    let inside = open_box(app, frame, width, rows + PATH_ROWS_MAX + 6, &revert.title(), Role::OverlayBorder);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    let about = match revert.left_out {
        0 => "Selected changes are reverted. Changes that may be yours are not selected.".to_owned(),
        more => format!("Selected changes are reverted. {more} more changes are not listed and are kept."),
    };
    brush.cut(inside.x, inside.y, inside.right(), &about, Role::TextSoft);
    let longest = revert.rows.iter().map(|(change, _)| width::width(change.path.as_str())).max().unwrap_or(0);
    let names = u16::try_from(longest).unwrap_or(u16::MAX).clamp(8, inside.width.saturating_sub(44).max(8));
    let range = window(revert.cursor, revert.rows.len(), rows);
    let shown = revert.rows.iter().enumerate().skip(range.start).take(range.len());
    for (y, (at, (change, on))) in (inside.y + 2..).zip(shown) {
        let here = at == revert.cursor;
        let sign = if here { app.scene.look.sign(Sign::Current) } else { " " };
        brush.text(inside.x, y, inside.right(), sign, Role::Accent);
        brush.text(inside.x + 2, y, inside.right(), if *on { "[x]" } else { "[ ]" }, Role::TextStrong);
        let path = Untrusted::from(change.path.as_str()).visible().into_owned();
        let end = (inside.x + 6 + names).min(inside.right());
        brush.cut(inside.x + 6, y, end, &path, if here { Role::TextStrong } else { Role::Text });
        let role = if change.certain { Role::TextSoft } else { Role::Warn };
        brush.cut(end + 2, y, inside.right(), &words(change), role);
        if here {
            brush.over(Rect::new(inside.x, y, inside.width, 1), Role::Cursor);
        }
    }
    if let Some((change, _)) = revert.rows.get(revert.cursor) {
        let path = Untrusted::from(change.path.as_str()).visible().into_owned();
        let parts = width::wrap(&path, usize::from(inside.width));
        for (y, part) in (inside.y + 3 + rows..).zip(parts.into_iter().take(usize::from(PATH_ROWS_MAX))) {
            brush.cut(inside.x, y, inside.right(), path.get(part).unwrap_or_default(), Role::TextSoft);
        }
    }
    let count = revert.checked().count();
    let hint = format!("Space selects · Enter reverts {count} of {} · Esc cancels", revert.rows.len());
    brush.cut(inside.x, inside.bottom().saturating_sub(1), inside.right(), &hint, Role::Hint);
}
