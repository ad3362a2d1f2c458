//! The panes. One file each; what they have in common is here.
//!
//! A pane keeps rows that `refresh` brings up to date after the scene changed; drawing only reads the visible ones.

pub mod diff;
mod grounds;
pub mod inbox;
pub mod output;
pub mod plan;
mod prose;
pub mod row;
pub mod talk;
pub mod tests_pane;
pub mod why;

use crate::ui::app::links::Trail;
use crate::ui::app::{App, Scene, Touched};
use crate::ui::layout::{Layout, PaneBox, PaneId, Shape};
use crate::ui::list::List;
use crate::ui::look::{Brush, Edge};
use crate::ui::theme::{Role, Sign};
use ratatui::layout::{Rect, Size};

/// The words in a pane's frame.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Title {
    /// After number and name.
    pub text: String,
    /// At the right end.
    pub right: String,
    /// Something here needs the user.
    pub loud: bool,
}

/// The interface of every pane.
pub trait Pane: std::fmt::Debug {
    fn id(&self) -> PaneId;

    /// Brings the rows up to date; `room` is the space they have.
    fn refresh(&mut self, scene: &Scene, room: Size, touched: Touched);

    fn title(&self, scene: &Scene) -> Title;

    /// Number of rows.
    fn rows(&self) -> usize;

    fn list(&self) -> &List;

    fn list_mut(&mut self) -> &mut List;

    /// Draws one row into a line of the screen.
    fn draw_row(&self, scene: &Scene, row: usize, brush: &mut Brush<'_>, line: Rect);

    /// The row in plain words: for searching and for lines read aloud.
    fn row_text(&self, scene: &Scene, row: usize) -> String;

    /// What its tab says after its name where one pane has the screen.
    fn note(&self, _scene: &Scene) -> Option<String> {
        None
    }

    /// The text of a pane without rows.
    fn empty(&self, scene: &Scene) -> &'static str;

    /// Returns the text that `yank` copies.
    fn yank(&self, scene: &Scene) -> Option<String> {
        Some(self.row_text(scene, self.list().cursor))
    }

    /// Folds or unfolds what is under the cursor; false when there is nothing to fold.
    fn fold(&mut self, _closed: bool) -> bool {
        false
    }

    /// Enter.
    fn open(&mut self) {}

    /// Returns whether the cursor's row is marked.
    fn marks_cursor(&self) -> bool {
        true
    }

    /// Returns whether its cursor selects what the other panes show, and so is marked without the focus too.
    fn points_at_target(&self) -> bool {
        false
    }

    /// Returns whether this row is in a selection.
    fn is_selected(&self, _scene: &Scene, _row: usize) -> bool {
        false
    }
}

macro_rules! all {
    ($($id:ident $field:ident $pane:ty;)+) => {
        /// All panes.
        #[derive(Debug, Default)]
        pub struct Panes {
            $(pub $field: $pane,)+
            /// The stop whose report was shown, by its census time.
            pub last_stop: Option<u64>,
            /// Where links were followed from.
            pub trail: Trail,
            /// Columns each pane had last, in the order of [`PaneId::ALL`].
            widths: [u16; PaneId::ALL.len()],
        }

        impl Panes {
            #[must_use]
            pub fn get(&self, id: PaneId) -> &dyn Pane {
                match id { $(PaneId::$id => &self.$field,)+ }
            }

            pub fn get_mut(&mut self, id: PaneId) -> &mut dyn Pane {
                match id { $(PaneId::$id => &mut self.$field,)+ }
            }
        }
    };
}

all! {
    Plan plan plan::PlanPane;
    Inbox inbox inbox::InboxPane;
    Diff diff diff::DiffPane;
    Tests tests tests_pane::TestsPane;
    Why why why::WhyPane;
    Output output output::OutputPane;
    Talk talk talk::TalkPane;
}

impl Panes {
    /// Brings the rows of every pane up to date and the windows back over them.
    pub fn refresh(&mut self, scene: &Scene, layout: &Layout, touched: Touched) {
        let mut widths = self.widths;
        for (id, last) in PaneId::ALL.iter().copied().zip(&mut widths) {
            let inner = layout.inner(id);
            let numbers = if layout.shape == Shape::Lines { NUMBER_COLUMNS } else { 0 };
            let room = Size::new(inner.width.saturating_sub(numbers), inner.height);
            // Rows that share the screen with other panes cannot be moved by the terminal.
            let shares = layout.place(id).is_some_and(|place| place.outer.width < layout.header.width);
            // What was wrapped for another width, or for none while the pane was away, is wrapped again.
            let before = std::mem::replace(last, room.width);
            let reflows = room.width > 0 && before != room.width;
            let pane = self.get_mut(id);
            pane.refresh(scene, room, if reflows { Touched::ALL } else { touched });
            let rows = pane.rows();
            pane.list_mut().slack = if shares { usize::from(room.height) / 4 } else { 0 };
            if room.height > 0 {
                pane.list_mut().settle(rows, usize::from(room.height));
            }
        }
        self.widths = widths;
    }
}

/// Columns of the row numbers in the linear shape.
const NUMBER_COLUMNS: u16 = 5;

/// Draws one pane with its frame.
pub fn view(app: &App, place: &PaneBox, brush: &mut Brush<'_>) {
    let pane = app.panes.get(place.pane);
    // While an overlay is open, no pane has the keys.
    let focused = app.focus == place.pane && app.overlay.is_none();
    let title = pane.title(&app.scene);
    let lines = app.layout.shape == Shape::Lines;
    if lines {
        let end = place.outer.right();
        let text = format!("{} {}  {}", place.pane.number(), place.pane.name(), title.text);
        let right = brush.right(place.outer.x, place.outer.y, end, &title.right, Role::TextSoft);
        brush.cut(place.outer.x, place.outer.y, right.saturating_sub(1), &text, Role::TitleFocus);
    } else {
        draw_frame(place, focused, &title, brush);
    }
    let inner = place.inner;
    if pane.rows() == 0 && inner.height > 0 {
        brush.cut(inner.x + 1, inner.y, inner.right(), pane.empty(&app.scene), Role::TextFaint);
        return;
    }
    let list = pane.list();
    for (y, row) in (inner.y..inner.bottom()).zip(list.window(pane.rows(), usize::from(inner.height))) {
        let mut line = Rect::new(inner.x, y, inner.width, 1);
        if lines {
            let number = (row + 1).to_string();
            brush.right(line.x, y, line.x + NUMBER_COLUMNS - 1, &number, Role::TextFaint);
            line = Rect { x: line.x + NUMBER_COLUMNS, width: line.width.saturating_sub(NUMBER_COLUMNS), ..line };
        }
        pane.draw_row(&app.scene, row, brush, line);
        mark_row(app, place, row, line, brush);
    }
    overflow_mark(pane, place, brush);
    if focused && place.edges.bottom == Edge::Open && !lines {
        accent_divider(place, brush);
    }
}

/// The line below the focused pane is its neighbor's; where it is only a line it takes the focus color.
fn accent_divider(place: &PaneBox, brush: &mut Brush<'_>) {
    let style = brush.look.style(Role::BorderFocus);
    let y = place.outer.bottom();
    for x in place.outer.left()..place.outer.right() {
        if let Some(cell) = brush.buffer.cell_mut((x, y))
            && matches!(cell.symbol(), "─" | "├" | "┤" | "-" | "+")
        {
            cell.set_style(style);
        }
    }
}

fn mark_row(app: &App, place: &PaneBox, row: usize, line: Rect, brush: &mut Brush<'_>) {
    let pane = app.panes.get(place.pane);
    let focused = app.focus == place.pane;
    if pane.is_selected(&app.scene, row) {
        brush.over(line, Role::Selection);
    }
    if pane.marks_cursor() && row == pane.list().cursor {
        if focused {
            brush.over(line, Role::Cursor);
        } else if pane.points_at_target() {
            brush.over(line, Role::CursorAway);
        }
    }
    if focused && let Some(words) = app.search.as_ref().filter(|words| !words.is_empty()) {
        mark_matches(words, line, brush);
    }
}

/// Marks where the searched words are in a row, as it is drawn.
fn mark_matches(words: &str, line: Rect, brush: &mut Brush<'_>) {
    let needle = words.to_lowercase();
    let mut text = String::new();
    // The column of each byte of the text.
    let mut columns: Vec<u16> = Vec::new();
    for x in line.left()..line.right() {
        let Some(cell) = brush.buffer.cell((x, line.y)) else { continue };
        let symbol = cell.symbol().to_lowercase();
        columns.extend(std::iter::repeat_n(x, symbol.len()));
        text.push_str(&symbol);
    }
    for (at, found) in text.match_indices(&needle) {
        if let (Some(first), Some(last)) = (columns.get(at), columns.get(at + found.len() - 1)) {
            brush.over(Rect { x: *first, width: last - first + 1, ..line }, Role::Match);
        }
    }
}

fn draw_frame(place: &PaneBox, focused: bool, title: &Title, brush: &mut Brush<'_>) {
    let border = if focused { Role::BorderFocus } else { Role::Border };
    let outer = place.outer;
    if outer.width < 8 || outer.height == 0 {
        return;
    }
    // A pane that leaves its bottom to the next one still needs that line drawn when it is the focused one.
    brush.edges(outer, border, place.edges);
    let end = outer.right() - 2;
    let name_role = match (focused, title.loud) {
        (_, true) => Role::Held,
        (true, false) => Role::TitleFocus,
        (false, false) => Role::Title,
    };
    let right_x = if title.right.is_empty() {
        end
    } else {
        brush.right(
            outer.x + 12,
            outer.y,
            end,
            &format!(" {} ", title.right),
            if title.loud { Role::Held } else { Role::Title },
        )
    };
    let x =
        brush.text(outer.x + 1, outer.y, end, &format!(" {} {} ", place.pane.number(), place.pane.name()), name_role);
    if !title.text.is_empty() && x + 4 < right_x {
        let x = brush.cut(x, outer.y, right_x.saturating_sub(2), &format!(" {}", title.text), Role::Title);
        brush.text(x, outer.y, right_x.saturating_sub(1), " ", Role::Title);
    }
}

/// Says in the frame how many rows lie below.
fn overflow_mark(pane: &dyn Pane, place: &PaneBox, brush: &mut Brush<'_>) {
    let shown = pane.list().window(pane.rows(), usize::from(place.inner.height)).end;
    let below = pane.rows() - shown.min(pane.rows());
    if below == 0 || place.edges.bottom != Edge::Corner || place.outer.width < 24 {
        return;
    }
    let sign = brush.look.sign(Sign::Open);
    let text = format!(" {below} more {sign} ");
    brush.right(
        place.outer.x + 1,
        place.outer.bottom().saturating_sub(1),
        place.outer.right() - 2,
        &text,
        Role::TextFaint,
    );
}
