//! Links of the screen (OSC 8): which cells belong to which address, and the only place that writes one to a terminal.
//!
//! A cell carries the number of its link in its underline color, which is never sent. Only plain web addresses are
//! written; whatever else a drawer marks stays text.

use crate::ui::limits::{UI_LINK_BYTES_MAX, UI_LINKS_MAX};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Style};
use std::io::Write as _;
use std::sync::Arc;

/// Ends whatever link is open.
pub const CLOSE: &[u8] = b"\x1b]8;;\x1b\\";

/// Marks a style as that of link `number`, counted from 1 in the list of the frame.
#[must_use]
pub fn marked(style: Style, number: usize) -> Style {
    style.underline_color(color(number))
}

fn color(number: usize) -> Color {
    let [_, a, b, c] = u32::try_from(number).unwrap_or(0).to_be_bytes();
    if number == 0 { Color::Reset } else { Color::Rgb(a, b, c) }
}

/// The number of the link that a cell belongs to; 0 for none.
pub fn number(cell: &Cell) -> usize {
    let Color::Rgb(a, b, c) = cell.underline_color else { return 0 };
    usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(0)
}

/// Web addresses in printable ASCII, not too long.
#[must_use]
pub fn is_allowed(address: &str) -> bool {
    let is_web = ["http://", "https://"].iter().any(|scheme| {
        address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && address.len() > scheme.len()
    });
    is_web && address.len() <= UI_LINK_BYTES_MAX && address.bytes().all(|byte| matches!(byte, 0x21..=0x7e))
}

/// The addresses that the terminal may be shown, by number.
#[derive(Debug, Default)]
pub struct Links {
    known: Vec<Arc<str>>,
    /// The terminal knows links, and the user wants them.
    pub are_on: bool,
}

impl Links {
    /// Gives the cells of a frame numbers that last: the same address has the same one in the next frame. True when all
    /// numbers before mean nothing any more.
    pub fn number_cells(&mut self, frame: &mut Buffer, shown: &[Arc<str>]) -> bool {
        if shown.is_empty() {
            return false;
        }
        let is_full = self.known.len() + shown.len() > UI_LINKS_MAX;
        if is_full {
            self.known.clear();
        }
        let lasting: Vec<usize> = shown.iter().map(|address| self.lasting(address)).collect();
        for cell in &mut frame.content {
            let marked = number(cell);
            if marked > 0 {
                cell.underline_color =
                    color(marked.checked_sub(1).and_then(|at| lasting.get(at).copied()).unwrap_or(0));
            }
        }
        is_full
    }

    fn lasting(&mut self, address: &Arc<str>) -> usize {
        if !self.are_on || !is_allowed(address) {
            return 0;
        }
        if let Some(at) = self.known.iter().position(|known| known == address) {
            return at + 1;
        }
        self.known.push(Arc::clone(address));
        self.known.len()
    }

    /// Writes the beginning of a link, or the end of the last one.
    pub fn write(&self, out: &mut Vec<u8>, number: usize) {
        match number.checked_sub(1).and_then(|at| self.known.get(at)) {
            Some(address) => {
                let _ = write!(out, "\x1b]8;id=rs{number};{address}\x1b\\");
            }
            None => out.extend_from_slice(CLOSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Screen;
    use super::*;
    use crate::ui::look::{Brush, Look};
    use crate::ui::theme::{self, Signs};
    use proptest::prelude::*;
    use ratatui::layout::Size;

    #[derive(Default)]
    struct Terminal {
        open: Option<String>,
        /// Printed characters with the address they lead to.
        printed: Vec<(char, Option<String>)>,
        unexpected: Vec<String>,
    }

    impl vte::Perform for Terminal {
        fn print(&mut self, c: char) {
            self.printed.push((c, self.open.clone()));
        }

        fn execute(&mut self, byte: u8) {
            if !matches!(byte, b'\r' | b'\n') {
                self.unexpected.push(format!("{byte:#x}"));
            }
        }

        fn osc_dispatch(&mut self, params: &[&[u8]], _bell: bool) {
            let [b"8", id, rest @ ..] = params else { return self.unexpected.push(format!("{params:?}")) };
            let address = rest.join(&b';');
            let address = String::from_utf8(address).unwrap();
            match (id.is_empty(), address.is_empty()) {
                (true, true) => self.open = None,
                (false, false) if is_allowed(&address) => self.open = Some(address),
                _ => self.unexpected.push(address),
            }
        }
    }

    /// What a terminal makes of frames, each with one link at a place.
    fn shown(frames: &[(u16, &str, &str)], are_on: bool) -> Terminal {
        let look = Look { theme: theme::builtin("dark").unwrap(), signs: Signs::Unicode };
        let mut screen = Screen::new(Size::new(30, 3)).with_links(are_on);
        let (mut terminal, mut parser) = (Terminal::default(), vte::Parser::new());
        for (x, label, address) in frames {
            let bytes = screen.draw(|frame| {
                let mut brush = Brush::new(frame.buffer, &look);
                brush.linked(*x, 1, 30, label, Style::new(), &Arc::from(*address));
                frame.links = std::mem::take(&mut brush.links);
            });
            parser.advance(&mut terminal, bytes);
            assert_eq!(terminal.open, None, "a frame leaves no link open");
        }
        terminal
    }

    #[test]
    fn a_label_leads_to_its_address() {
        let frames = [(2, "the docs", "https://a.example/x;y"), (2, "the dogs", "https://a.example/x;y")];
        let terminal = shown(&frames, true);
        let linked: String = terminal.printed.iter().filter(|(_, to)| to.is_some()).map(|(c, _)| *c).collect();
        assert!(linked.starts_with("the docs") && linked.contains('g'), "{linked}");
        assert!(terminal.printed.iter().all(|(_, to)| to.as_deref().is_none_or(|to| to == "https://a.example/x;y")));
        assert_eq!(terminal.unexpected, Vec::<String>::new());
        // The same words with another address are drawn again.
        let moved = shown(&[(2, "docs", "https://a.example/"), (2, "docs", "https://b.example/")], true);
        assert!(moved.printed.iter().any(|(_, to)| to.as_deref() == Some("https://b.example/")));
        let gone = shown(&[(2, "a b", "https://a.example/"), (2, "a b", "nothing")], true);
        assert_eq!(gone.printed.iter().filter(|(c, to)| *c != ' ' && to.is_none()).count(), 2);
    }

    #[test]
    fn only_web_addresses_are_links_and_none_where_they_are_off() {
        for address in ["javascript:x", "file:///etc/passwd", "https://", "http://ä.example", "https://a b", "x"] {
            assert!(shown(&[(0, "label", address)], true).printed.iter().all(|(_, to)| to.is_none()), "{address}");
        }
        assert!(shown(&[(0, "label", "https://a.example")], false).printed.iter().all(|(_, to)| to.is_none()));
        assert!(!is_allowed(&format!("https://{}", "x".repeat(UI_LINK_BYTES_MAX))));
    }

    proptest! {
        /// Whatever an address or a label holds, nothing but whole links to web addresses goes out.
        #[test]
        fn no_address_steers_the_terminal(
            frames in prop::collection::vec(
                (0_u16..30, "[a \u{1b}\u{7}\u{9c}日]{0,8}", "(https?://|)[a-z;\\\\\u{1b}\u{7}\u{9c}\u{202e}ä /]{0,12}"), 1..5)
        ) {
            let frames: Vec<(u16, &str, &str)> =
                frames.iter().map(|(x, label, address)| (*x, label.as_str(), address.as_str())).collect();
            let terminal = shown(&frames, true);
            prop_assert!(terminal.unexpected.is_empty(), "{:?}", terminal.unexpected);
        }
    }
}
