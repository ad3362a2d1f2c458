//! The inline editor: the user's version of a file or command before it is approved.

use super::open_box;
use crate::base::{ActionId, Digest};
use crate::ui::app::App;
use crate::ui::app::msg::Part;
use crate::ui::entry::Entry;
use crate::ui::look::Brush;
use crate::ui::terminal::Frame;
use crate::ui::theme::Role;
use ratatui::layout::Rect;

/// An open editor, bound to the revision it was opened on.
#[derive(Debug)]
pub struct Editor {
    pub action: ActionId,
    pub digest: Digest,
    part: Part,
    name: String,
    original: String,
    pub entry: Entry,
    /// Esc was pressed once on changed text.
    pub asked_to_drop: bool,
}

impl Editor {
    #[must_use]
    pub fn new(action: ActionId, digest: Digest, part: Part, name: &str, text: &str) -> Self {
        let name = crate::base::text::Untrusted::from(name).visible().into_owned();
        let entry = Entry::holding(text, true);
        Self { action, digest, part, name, original: text.to_owned(), entry, asked_to_drop: false }
    }

    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.entry.text() != self.original
    }

    pub fn newline(&mut self) {
        self.entry.newline();
    }

    /// The key of this part among the review's edits.
    #[must_use]
    pub fn part_key(&self) -> Option<usize> {
        self.part.key()
    }
}

pub(super) fn view(editor: &Editor, app: &App, frame: &mut Frame<'_>, screen: Rect) {
    let title = format!("Edit {}  {}", editor.action, editor.name);
    let inside = open_box(
        app,
        frame,
        screen.width.saturating_sub(2),
        screen.height.saturating_sub(2),
        &title,
        Role::OverlayBorder,
    );
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    let foot = if editor.asked_to_drop {
        "Esc again discards your changes · ^X or F2 keeps them"
    } else {
        "^X or F2 puts your version into the diff (does not approve it) · Esc cancels"
    };
    brush.cut(inside.x, inside.bottom().saturating_sub(1), inside.right(), foot, Role::Hint);
    let field = Rect { height: inside.height.saturating_sub(1), ..inside };
    editor.entry.view(frame, field, &app.scene.look);
}
