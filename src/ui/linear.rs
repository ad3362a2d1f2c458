//! The client in lines that are only ever added: for screen readers, for the scrollback, and for terminals that can
//! do nothing else. No addressing, no color, no boxes; a line is printed again only when it changed.

use crate::base::{ActionId, Digest};
use crate::ui::app::App;
use crate::ui::commands;
use crate::ui::composer;
use crate::ui::entry::Entry;
use crate::ui::layout::PaneId;
use crate::ui::limits::{UI_LINEAR_COLUMNS_MAX, UI_LINEAR_COLUMNS_MIN, UI_LINEAR_ROWS};
use crate::ui::look::Brush;
use crate::ui::overlays::{self, Overlay};
use crate::ui::panes::inbox;
use crate::ui::terminal::{Frame, filter};
use crate::ui::view::{header, hint_label, hinted};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use std::collections::BTreeMap;

/// The size the client works with: the terminal's columns, and rows enough for a page to be printed at once.
#[must_use]
pub fn room(terminal: Size) -> Size {
    let width = if terminal.width == 0 { UI_LINEAR_COLUMNS_MIN * 2 } else { terminal.width };
    // A row comes behind its number; what is aligned to the right must still fit on its line.
    let width = width.saturating_sub(NUMBER_COLUMNS);
    Size::new(width.clamp(UI_LINEAR_COLUMNS_MIN, UI_LINEAR_COLUMNS_MAX), UI_LINEAR_ROWS)
}

/// Columns of a row's number and the blank behind it.
const NUMBER_COLUMNS: u16 = 5;

/// The subject of a pane's rows; after a change of subject all rows are printed again.
type Subject = (PaneId, Option<(ActionId, Digest)>);

/// The lines that have been printed.
#[derive(Debug, Default)]
pub struct LineRenderer {
    header: String,
    subject: Option<Subject>,
    rows: BTreeMap<usize, String>,
    cursor: usize,
    waits: Option<(ActionId, Digest, usize)>,
    toast: Option<String>,
    overlay: Vec<String>,
    menu: Vec<String>,
    /// The line of the open field that the cursor is in, as printed last.
    typed: Option<String>,
}

impl LineRenderer {
    /// The bytes that tell what changed since the last time.
    pub fn tell(&mut self, app: &App) -> Vec<u8> {
        let mut lines = Vec::new();
        self.tell_header(app, &mut lines);
        match &app.overlay {
            Some(_) => self.tell_overlay(app, &mut lines),
            None => {
                self.overlay.clear();
                self.tell_pane(app, &mut lines);
                self.tell_waiting(app, &mut lines);
            }
        }
        let menu = composer::draw::menu_words(app);
        if menu != self.menu {
            lines.extend(menu.iter().map(|line| clean(line)));
            self.menu = menu;
        }
        let toast = app.toast.as_ref().map(|toast| toast.text.clone());
        if toast != self.toast {
            lines.extend(toast.iter().cloned());
            self.toast = toast;
        }
        self.bytes(lines, field(app).map(Entry::line_here))
    }

    /// Lines, then the open field behind its sign; text typed at its end is sent as it is.
    fn bytes(&mut self, lines: Vec<String>, typed: Option<String>) -> Vec<u8> {
        let mut out = String::new();
        let before = std::mem::replace(&mut self.typed, typed);
        let grown = match (&before, &self.typed) {
            (Some(before), Some(now)) if lines.is_empty() => now.strip_prefix(before.as_str()),
            _ => None,
        };
        if let Some(more) = grown {
            out.push_str(&clean(more));
        } else {
            let shrunk = match (&before, &self.typed) {
                (Some(before), Some(now)) if lines.is_empty() => before.strip_prefix(now.as_str()),
                _ => None,
            };
            // A field that is empty now may be that of the next message: what was sent keeps its line.
            let is_erased = self.typed.as_ref().is_some_and(|now| !now.is_empty());
            if is_erased && shrunk.is_some_and(|gone| gone.chars().count() == 1 && gone.is_ascii()) {
                out.push_str("\u{8} \u{8}");
            } else {
                if before.is_some() && (self.typed != before || !lines.is_empty()) {
                    out.push_str("\r\n");
                }
                for line in &lines {
                    out.push_str(line);
                    out.push_str("\r\n");
                }
                if let Some(now) = self.typed.as_ref().filter(|_| self.typed != before || !lines.is_empty()) {
                    out.push_str("> ");
                    out.push_str(&clean(now));
                }
            }
        }
        out.into_bytes()
    }

    fn tell_header(&mut self, app: &App, lines: &mut Vec<String>) {
        let header = clean(&header::in_words(app));
        if header != self.header {
            lines.push(header.clone());
            self.header = header;
        }
    }

    fn tell_pane(&mut self, app: &App, lines: &mut Vec<String>) {
        let pane = app.panes.get(app.focus);
        let target = app.scene.target().map(|state| (state.action.id.clone(), state.action.digest));
        let subject = (app.focus, target);
        let list = pane.list();
        if self.subject.as_ref() != Some(&subject) {
            let title = pane.title(&app.scene);
            lines.push(clean(&format!("{} {}  {}  {}", app.focus.number(), app.focus.name(), title.text, title.right)));
            if pane.rows() == 0 {
                lines.push(clean(pane.empty(&app.scene)));
            }
            self.rows.clear();
            self.cursor = list.cursor;
            self.subject = Some(subject);
        }
        let height = usize::from(app.layout.inner(app.focus).height);
        let window = list.window(pane.rows(), height);
        let mut told = false;
        for row in window.clone() {
            let text = self.row(app, row);
            if self.rows.get(&row) != Some(&text) {
                lines.push(format!("{:>4} {text}", row + 1));
                told |= row == list.cursor;
                self.rows.insert(row, text);
            }
        }
        self.rows.retain(|row, _| *row < pane.rows());
        if list.cursor != self.cursor {
            self.cursor = list.cursor;
            if let Some(text) = self.rows.get(&list.cursor).filter(|_| !told) {
                lines.push(format!("{:>4} {text}", list.cursor + 1));
            }
        }
        let below = pane.rows().saturating_sub(window.end);
        if below > 0 && !lines.is_empty() {
            let key = app.keymap.shown("page-down").unwrap_or_default();
            lines.push(format!("     {below} more rows below: {key}"));
        }
    }

    fn row(&self, app: &App, row: usize) -> String {
        let width = app.layout.inner(app.focus).width;
        picture(Size::new(width, 1), |frame| {
            let area = frame.area();
            let mut brush = Brush::new(frame.buffer, &app.scene.look);
            app.panes.get(app.focus).draw_row(&app.scene, row, &mut brush, area);
        })
        .pop()
        .unwrap_or_default()
    }

    fn tell_waiting(&mut self, app: &App, lines: &mut Vec<String>) {
        let waits = app.scene.held_target().map(|(state, digest)| (state.action.id.clone(), digest, app.scene.waits()));
        if waits == self.waits {
            return;
        }
        if let Some((id, _, count)) = &waits {
            let row = inbox::waiting_row(&app.scene, id, app.size.width).map(|row| row.text()).unwrap_or_default();
            let more = if *count > 1 { format!(" and {} more", count - 1) } else { String::new() };
            lines.push(clean(&format!("pending{more}: {row}")));
            let hint =
                |name: &&str| Some(format!("{} {}", app.keymap.shown(name)?, hint_label(app, commands::find(name)?)));
            lines.push(clean(&hinted(app).iter().filter_map(hint).collect::<Vec<_>>().join(", ")));
        }
        self.waits = waits;
    }

    /// Prints an overlay when it opens, and its changes afterwards, except for the field that is typed into.
    fn tell_overlay(&mut self, app: &App, lines: &mut Vec<String>) {
        let rows = picture(app.size, |frame| overlays::view(app, frame));
        let now: Vec<String> = rows.into_iter().filter(|row| !row.is_empty()).collect();
        let is_typed_into = field(app).is_some();
        let fresh = self.overlay.is_empty() || self.overlay.first() != now.first();
        if fresh {
            lines.extend(now.iter().cloned());
        } else if !is_typed_into || matches!(app.overlay, Some(Overlay::Palette(_) | Overlay::Rule(_))) {
            let typed = field(app).map(Entry::shown).unwrap_or_default();
            let is_field = |row: &String| is_typed_into && !typed.is_empty() && row.contains(typed.as_str());
            lines.extend(now.iter().filter(|row| !self.overlay.contains(row) && !is_field(row)).cloned());
        }
        self.overlay = now;
    }
}

/// The field that keys are typed into.
fn field(app: &App) -> Option<&Entry> {
    match &app.overlay {
        Some(overlay) => overlay.entry(),
        None => app.composer.open.then_some(&app.composer.entry),
    }
}

/// Draws into a picture of its own and reads it out, row by row, without blanks at the ends.
fn picture(size: Size, draw: impl FnOnce(&mut Frame<'_>)) -> Vec<String> {
    let mut buffer = Buffer::empty(Rect::new(0, 0, size.width, size.height));
    let mut frame = Frame { buffer: &mut buffer, cursor: None, links: Vec::new() };
    draw(&mut frame);
    filter::clean_buffer(&mut buffer);
    let mut rows = Vec::new();
    for y in 0..size.height {
        let mut row = String::new();
        let mut skip = 0;
        for x in 0..size.width {
            let Some(cell) = buffer.cell((x, y)).filter(|_| skip == 0) else {
                skip -= usize::from(skip > 0);
                continue;
            };
            let cell = filter::clean_cell(cell.symbol());
            skip = usize::from(cell.width.saturating_sub(1));
            row.push_str(cell.text);
        }
        rows.push(row.trim_end().to_owned());
    }
    rows
}

/// One line of clean characters.
fn clean(text: &str) -> String {
    use unicode_segmentation::UnicodeSegmentation as _;
    text.graphemes(true).map(|grapheme| filter::clean_cell(grapheme).text).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::app::Msg;
    use crate::ui::terminal::{Input, Key};
    use crate::ui::tests::stage::{SESSION, Stage};

    struct Listener {
        stage: Stage,
        renderer: LineRenderer,
        all: String,
    }

    impl Listener {
        fn new() -> Self {
            let mut stage = Stage::empty(80, 24, "mono");
            stage.app.linear = true;
            stage.send(Msg::Input(Input::Resize(room(Size::new(80, 24)))));
            Self { stage, renderer: LineRenderer::default(), all: String::new() }
        }

        fn told(&mut self) -> String {
            self.stage.app.refresh();
            let bytes = self.renderer.tell(&self.stage.app);
            let text = String::from_utf8(bytes).unwrap();
            self.stage.send(Msg::Drawn);
            self.all.push_str(&text);
            text
        }

        fn press(&mut self, keys: &str) -> String {
            let mut text = String::new();
            for key in keys.split_whitespace() {
                self.stage.pass(1_000);
                self.stage.send(Msg::Input(Input::Key { key: Key::parse(key).unwrap(), held: false }));
                text.push_str(&self.told());
            }
            text
        }
    }

    #[test]
    fn a_session_is_told_in_lines_without_boxes_and_only_once() {
        let mut reader = Listener::new();
        reader.told();
        reader.stage.receive(SESSION);
        let text = reader.told();
        assert!(text.contains("3 Diff  a7") && text.contains("-         if at <= self.src.len()"), "{text}");
        assert!(text.contains("pending: ") && text.contains("a approve, e edit"), "{text}");
        assert_eq!(reader.told(), "", "nothing changed");
        let text = reader.press("j");
        assert_eq!(text.lines().count(), 1, "the row under the cursor: {text}");
        let text = reader.press("d");
        assert!(text.contains("Deny: why?"), "{text}");
        assert_eq!(reader.press("n o"), "no");
        let text = reader.press("backspace");
        assert_eq!(text, "\u{8} \u{8}");
        let text = reader.press("backspace");
        assert_eq!(text, "\r\n> ", "as if it had been sent");
        assert_eq!(reader.press("n"), "n");
        let text = reader.press("enter");
        assert!(reader.stage.asked.iter().any(|ask| matches!(ask, crate::wire::Request::Decide(_))), "{text}");
        for mark in ['╭', '│', '╰', '─', '\u{1b}'] {
            assert!(!reader.all.contains(mark), "{mark:?} in {}", reader.all);
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [60, 80, 120] {
            let mut stage = Stage::empty(width, 24, "mono");
            stage.app.linear = true;
            stage.send(Msg::Input(Input::Resize(room(Size::new(width, 24)))));
            stage.receive(SESSION);
            let mut renderer = LineRenderer::default();
            let mut all = String::new();
            for pane in ["1", "2", "3", "4", "5", "6"] {
                stage.press(pane);
                stage.app.refresh();
                all.push_str(&String::from_utf8(renderer.tell(&stage.app)).unwrap());
            }
            let rows = all.lines().filter(|line| line.get(..4).is_some_and(|n| n.trim().parse::<u32>().is_ok()));
            let long = rows.filter(|row| crate::base::text::width::width(row) > usize::from(width)).collect::<Vec<_>>();
            assert!(long.is_empty(), "{width}: {long:#?}");
        }
    }
}
