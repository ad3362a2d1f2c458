//! A short list to choose from: modes, checkpoints.

use ratatui::layout::Rect;

use super::open_box;
use crate::base::limits::UI_CHOICES_MAX;
use crate::base::{Digest, RelPath};
use crate::model::event::{ChangedBy, Mode};
use crate::ui::app::{App, Scene};
use crate::ui::look::Brush;
use crate::ui::terminal::Frame;
use crate::ui::theme::{Role, Sign};

/// What can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    Mode(Mode),
    Checkpoint {
        tree: Digest,
        when: String,
    },
    /// A file whose unsupervised change is taken back.
    Restore(RelPath),
}

/// An open list.
#[derive(Debug)]
pub struct Choice {
    title: &'static str,
    rows: Vec<(String, String, Pick)>,
    cursor: usize,
}

/// A mode with what it means.
#[must_use]
pub fn mode_words(mode: Mode) -> (&'static str, &'static str) {
    match mode {
        Mode::Observe => ("observe", "read only"),
        Mode::Step => ("step", "every action asks"),
        Mode::Plan => ("plan", "a lease per plan step"),
        Mode::Guarded => ("guarded", "rules decide, the rest asks"),
    }
}

/// Newest first, each once, bounded.
#[must_use]
pub fn unsupervised_paths(scene: &Scene) -> Vec<RelPath> {
    let mut paths: Vec<RelPath> = Vec::new();
    let changes = scene.session.changes.iter().rev().filter(|(_, change)| change.by == ChangedBy::Unsupervised);
    for path in changes.filter_map(|(_, change)| RelPath::new(&change.path).ok()) {
        if paths.len() < UI_CHOICES_MAX && !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

impl Choice {
    #[must_use]
    pub fn modes(modes: &[Mode], current: Mode) -> Self {
        let rows = modes.iter().map(|mode| {
            let (name, meaning) = mode_words(*mode);
            (name.to_owned(), meaning.to_owned(), Pick::Mode(*mode))
        });
        Self {
            title: "Mode",
            rows: rows.collect(),
            cursor: modes.iter().position(|mode| *mode == current).unwrap_or(0),
        }
    }

    /// Newest first.
    #[must_use]
    pub fn checkpoints(scene: &Scene) -> Self {
        let rows = scene.session.checkpoints.iter().rev().take(UI_CHOICES_MAX).map(|(_, action, when, tree)| {
            let title =
                action.as_ref().and_then(|id| scene.session.actions.get(id)).map_or_else(String::new, |state| {
                    crate::base::text::Untrusted::from(state.action.title.as_str()).visible().into_owned()
                });
            let name = action.as_ref().map_or_else(|| when.clone(), |id| format!("{when} {id}"));
            (name.clone(), title, Pick::Checkpoint { tree: *tree, when: name })
        });
        Self { title: "Rewind to", rows: rows.collect(), cursor: 0 }
    }

    /// Files changed by no decision, newest change first, each once.
    #[must_use]
    pub fn unsupervised(scene: &Scene) -> Self {
        let mut rows: Vec<(String, String, Pick)> = Vec::new();
        for path in unsupervised_paths(scene) {
            let shown = crate::base::text::Untrusted::from(path.as_str()).visible().into_owned();
            rows.push((shown, String::new(), Pick::Restore(path)));
        }
        Self { title: "Take back an unsupervised change", rows, cursor: 0 }
    }

    pub fn go(&mut self, down: bool) {
        let last = self.rows.len().saturating_sub(1);
        self.cursor = if down { (self.cursor + 1).min(last) } else { self.cursor.saturating_sub(1) };
    }

    #[must_use]
    pub fn picked(&self) -> Option<Pick> {
        self.rows.get(self.cursor).map(|(_, _, pick)| pick.clone())
    }
}

pub(super) fn view(choice: &Choice, app: &App, frame: &mut Frame<'_>, screen: Rect) {
    let rows = u16::try_from(choice.rows.len()).unwrap_or(u16::MAX).min(screen.height.saturating_sub(6));
    let width = screen.width.saturating_sub(4).clamp(30, 64);
    let inside = open_box(app, frame, width, rows + 4, choice.title, Role::OverlayBorder);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    let first = choice.cursor.saturating_sub(usize::from(rows.saturating_sub(1)));
    for (y, (at, (name, meaning, _))) in
        (inside.y..).zip(choice.rows.iter().enumerate().skip(first).take(usize::from(rows)))
    {
        let here = at == choice.cursor;
        let sign = if here { app.scene.look.sign(Sign::Current) } else { " " };
        brush.text(inside.x, y, inside.right(), sign, Role::Accent);
        let x = brush.cut(inside.x + 2, y, inside.right(), name, if here { Role::TextStrong } else { Role::Text });
        brush.cut(x.max(inside.x + 14) + 1, y, inside.right(), meaning, Role::TextSoft);
        if here {
            brush.over(Rect::new(inside.x, y, inside.width, 1), Role::Cursor);
        }
    }
    brush.cut(
        inside.x,
        inside.bottom().saturating_sub(1),
        inside.right(),
        "j k move · Enter chooses · Esc leaves",
        Role::Hint,
    );
}
