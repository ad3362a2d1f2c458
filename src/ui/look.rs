//! The appearance of a session: its theme, its signs, and the brush that puts them on the screen.
//!
//! Text given to a brush is either our own or has gone through `base::text` already.

use crate::base::text::width;
use crate::ui::terminal::links;
use crate::ui::theme::{Role, Sign, Signs, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use std::sync::Arc;

/// Theme and signs.
#[derive(Debug, Clone)]
pub struct Look {
    pub theme: Theme,
    pub signs: Signs,
}

impl Look {
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    #[must_use]
    pub fn sign(&self, sign: Sign) -> &'static str {
        self.signs.show(sign)
    }
}

/// Draws single lines into a picture; never outside it, whatever the numbers say.
#[derive(Debug)]
pub struct Brush<'a> {
    pub buffer: &'a mut Buffer,
    pub look: &'a Look,
    /// Where the links lead that were drawn: part of the frame.
    pub links: Vec<Arc<str>>,
}

impl<'a> Brush<'a> {
    pub fn new(buffer: &'a mut Buffer, look: &'a Look) -> Self {
        Self { buffer, look, links: Vec::new() }
    }

    /// As [`Brush::styled`], as a link to this address where the terminal knows such.
    pub fn linked(&mut self, x: u16, y: u16, end: u16, text: &str, style: Style, address: &Arc<str>) -> u16 {
        let at = self.links.iter().position(|known| known == address).unwrap_or_else(|| {
            self.links.push(Arc::clone(address));
            self.links.len() - 1
        });
        self.styled(x, y, end, text, links::marked(style, at + 1))
    }

    /// Text from `x` on row `y`, cut before column `end`; returns the column behind it.
    pub fn text(&mut self, x: u16, y: u16, end: u16, text: &str, role: Role) -> u16 {
        let style = self.look.style(role);
        self.styled(x, y, end, text, style)
    }

    /// As [`Brush::text`] with a style of its own, laid over what is there.
    pub fn styled(&mut self, x: u16, y: u16, end: u16, text: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        if y >= area.bottom() || x >= end || x >= area.right() {
            return x;
        }
        let room = usize::from(end.min(area.right()) - x);
        // What is drawn over a link is no part of it.
        let style = Style { underline_color: style.underline_color.or(Some(Color::Reset)), ..style };
        self.buffer.set_stringn(x, y, text, room, style).0
    }

    /// Text cut with `…` where it does not fit.
    pub fn cut(&mut self, x: u16, y: u16, end: u16, text: &str, role: Role) -> u16 {
        let room = usize::from(end.saturating_sub(x));
        self.text(x, y, end, &width::cut_end(text, room), role)
    }

    /// Text that ends before column `end`; returns the column where it starts.
    pub fn right(&mut self, start: u16, y: u16, end: u16, text: &str, role: Role) -> u16 {
        let room = usize::from(end.saturating_sub(start));
        let cut = width::cut_end(text, room);
        let x = end.saturating_sub(u16::try_from(width::width(&cut)).unwrap_or(u16::MAX)).max(start);
        self.text(x, y, end, &cut, role);
        x
    }

    /// Lays a role over cells that are already drawn (cursor row, selection).
    pub fn over(&mut self, area: Rect, role: Role) {
        let style = self.look.style(role);
        self.buffer.set_style(area.intersection(self.buffer.area), style);
    }

    /// Makes an area blank in a role.
    pub fn clear(&mut self, area: Rect, role: Role) {
        let area = area.intersection(self.buffer.area);
        // What has no background of its own is on that of the text, also where a theme brings its own paper.
        let paper = Style { bg: self.look.style(Role::Text).bg, ..Style::new() };
        let style = paper.patch(self.look.style(role));
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
    }

    /// A horizontal rule.
    pub fn rule(&mut self, x: u16, y: u16, end: u16, role: Role) {
        let line = match self.look.signs {
            Signs::Unicode => "─",
            Signs::Ascii => "-",
        };
        for x in x..end {
            self.text(x, y, end, line, role);
        }
    }

    /// A box with rounded corners around `area`.
    pub fn frame(&mut self, area: Rect, role: Role) {
        self.edges(area, role, Edges { top: Edge::Corner, bottom: Edge::Corner });
    }

    /// A box whose top or bottom may run into a neighbor.
    pub fn edges(&mut self, area: Rect, role: Role, edges: Edges) {
        if area.width < 2 || area.height == 0 {
            return;
        }
        let (left, right) = (area.left(), area.right() - 1);
        let unicode = self.look.signs == Signs::Unicode;
        let side = if unicode { "│" } else { "|" };
        for y in area.top()..area.bottom() {
            self.text(left, y, left + 1, side, role);
            self.text(right, y, right + 1, side, role);
        }
        let pair = |corner: (&'static str, &'static str), edge| match (edge, unicode) {
            (Edge::Open, _) => None,
            (Edge::Corner, true) => Some(corner),
            (Edge::Tee, true) => Some(("├", "┤")),
            (Edge::Corner | Edge::Tee, false) => Some(("+", "+")),
        };
        for (y, ends) in
            [(area.top(), pair(("╭", "╮"), edges.top)), (area.bottom() - 1, pair(("╰", "╯"), edges.bottom))]
        {
            if let Some((start, end)) = ends {
                self.rule(left + 1, y, right, role);
                self.text(left, y, left + 1, start, role);
                self.text(right, y, right + 1, end, role);
            }
        }
    }
}

/// The junction of a box with its neighbor above or below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    Corner,
    /// A divider between two panes of one column.
    Tee,
    /// The neighbor draws the line.
    Open,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edges {
    pub top: Edge,
    pub bottom: Edge,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme;

    /// A role without a background is not on the terminal's own where the theme has paper of its own.
    #[test]
    fn every_blank_is_on_the_background_of_the_text() {
        for name in ["light", "high-contrast", "dark"] {
            let look = Look { theme: theme::builtin(name).unwrap(), signs: Signs::Unicode };
            let area = Rect::new(0, 0, 1, 1);
            for role in [Role::Input, Role::Overlay, Role::Text] {
                let mut buffer = Buffer::empty(area);
                Brush::new(&mut buffer, &look).clear(area, role);
                let expected = look.style(role).bg.or(look.style(Role::Text).bg).unwrap_or_default();
                assert_eq!(buffer[(0, 0)].bg, expected, "{name}: {}", role.name());
            }
        }
    }
}
