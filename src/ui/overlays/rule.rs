//! A drafted rule: shown whole and changed by the user before it goes into their policy.

use super::open_box;
use crate::base::text::{Show, escape};
use crate::ui::app::App;
use crate::ui::entry::Entry;
use crate::ui::look::Brush;
use crate::ui::terminal::Frame;
use crate::ui::theme::Role;
use ratatui::layout::Rect;

/// An open draft.
#[derive(Debug)]
pub struct Draft {
    pub entry: Entry,
    /// The reason that the rule was not saved.
    pub fault: Option<String>,
}

impl Draft {
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { entry: Entry::holding(text, true), fault: None }
    }
}

pub(super) const FOOT: &str = "^X or F2 adds it to your policy.toml · Esc skips it; the action stays denied";

pub(super) fn view(draft: &Draft, app: &App, frame: &mut Frame<'_>, screen: Rect) {
    let rows = u16::try_from(draft.entry.rows()).unwrap_or(u16::MAX).clamp(4, screen.height.saturating_sub(6).max(4));
    let width = screen.width.saturating_sub(4).clamp(30, 80);
    let inside = open_box(app, frame, width, rows + 4, "Denied; add a rule?", Role::OverlayBorder);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    let (note, role) = match &draft.fault {
        Some(fault) => (escape::show(fault, &Show::prose()).into_owned(), Role::Fail),
        None => (FOOT.to_owned(), Role::Hint),
    };
    brush.cut(inside.x, inside.bottom().saturating_sub(1), inside.right(), &note, role);
    let field = Rect { height: inside.height.saturating_sub(2), ..inside };
    draft.entry.view(frame, field, &app.scene.look);
}
