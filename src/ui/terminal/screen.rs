//! The screen: two pictures, one filter, one write a frame.

use super::filter;
use super::links::Links;
use super::paint::{self, Traits};
use super::pen::Pen;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use std::sync::Arc;

/// The drawing surface of `view`: a clean picture of the whole terminal, and the position of the cursor if it is shown.
#[derive(Debug)]
pub struct Frame<'a> {
    pub buffer: &'a mut Buffer,
    pub cursor: Option<Position>,
    /// Where the links lead that cells are marked with.
    pub links: Vec<Arc<str>>,
}

impl Frame<'_> {
    /// The whole terminal, origin 0,0.
    #[must_use]
    pub fn area(&self) -> Rect {
        self.buffer.area
    }
}

const SYNC_BEGIN: &[u8] = b"\x1b[?2026h";
const SYNC_END: &[u8] = b"\x1b[?2026l";

/// The current content of the terminal and the content it should show next.
#[derive(Debug)]
pub struct Screen {
    front: Buffer,
    back: Buffer,
    pen: Pen,
    cursor: Option<Position>,
    stale: bool,
    bce: bool,
    links: Links,
    bytes: Vec<u8>,
}

impl Screen {
    #[must_use]
    pub fn new(size: Size) -> Self {
        let area = Rect::new(0, 0, size.width, size.height);
        Self {
            front: Buffer::empty(area),
            back: Buffer::empty(area),
            pen: Pen::default(),
            cursor: None,
            stale: true,
            bce: true,
            links: Links::default(),
            bytes: Vec::new(),
        }
    }

    /// For a terminal that erases in its default background whatever the current one is.
    #[must_use]
    pub fn without_bce(mut self) -> Self {
        self.bce = false;
        self
    }

    /// For a terminal that knows links, if the user wants them.
    #[must_use]
    pub fn with_links(mut self, are_on: bool) -> Self {
        self.links.are_on = are_on;
        self
    }

    /// The picture that the terminal has.
    #[cfg(test)]
    pub fn shown(&self) -> &Buffer {
        &self.front
    }

    /// Takes a new size; the next frame is drawn whole.
    pub fn resize(&mut self, size: Size) {
        let area = Rect::new(0, 0, size.width, size.height);
        self.front = Buffer::empty(area);
        self.back = Buffer::empty(area);
        self.forget();
    }

    /// Forgets what the terminal shows: after a resume, another program may have drawn on it.
    pub fn forget(&mut self) {
        self.stale = true;
        self.pen = Pen::default();
        self.cursor = None;
    }

    /// Draws one frame and returns its bytes, to be written with a single write. Empty when nothing changed.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> &[u8] {
        self.back.reset();
        let mut frame = Frame { buffer: &mut self.back, cursor: None, links: Vec::new() };
        view(&mut frame);
        let links = std::mem::take(&mut frame.links);
        let cursor = frame.cursor.filter(|at| self.back.area.contains(*at));
        self.stale |= self.links.number_cells(&mut self.back, &links);
        filter::clean_buffer(&mut self.back);
        self.bytes.clear();
        self.bytes.extend_from_slice(SYNC_BEGIN);
        let start = self.bytes.len();
        if self.stale {
            self.bytes.extend_from_slice(b"\x1b[m\x1b[r\x1b[2J\x1b[?25l");
            self.front.reset();
            self.stale = false;
            self.pen = Pen::default();
        }
        let terminal = Traits { bce: self.bce, links: &self.links };
        paint::difference(&mut self.bytes, &mut self.pen, &mut self.front, &self.back, terminal);
        self.place_cursor(cursor);
        std::mem::swap(&mut self.front, &mut self.back);
        if self.bytes.len() == start {
            self.bytes.clear();
        } else {
            self.bytes.extend_from_slice(SYNC_END);
        }
        &self.bytes
    }

    fn place_cursor(&mut self, cursor: Option<Position>) {
        if let Some(at) = cursor {
            self.pen.move_to(&mut self.bytes, at.x, at.y);
            if self.cursor.is_none() {
                self.bytes.extend_from_slice(b"\x1b[?25h");
            }
        } else if self.cursor.is_some() {
            self.bytes.extend_from_slice(b"\x1b[?25l");
        }
        self.cursor = cursor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::style::{Color, Modifier, Style};

    fn parser(size: Size) -> vt100::Parser {
        let non_zero = |n: u16| std::num::NonZeroU16::new(n).unwrap();
        vt100::Parser::new(non_zero(size.height), non_zero(size.width), 0)
    }

    fn draw(screen: &mut Screen, rows: &[String]) -> Vec<u8> {
        screen
            .draw(|frame| {
                for (y, row) in rows.iter().enumerate() {
                    let y = u16::try_from(y).unwrap();
                    if y < frame.area().height {
                        frame.buffer.set_string(0, y, row, Style::new());
                    }
                }
            })
            .to_vec()
    }

    #[test]
    fn an_unchanged_frame_writes_nothing() {
        let mut screen = Screen::new(Size::new(20, 4));
        let rows = vec!["hello".to_owned()];
        assert!(!draw(&mut screen, &rows).is_empty());
        assert_eq!(draw(&mut screen, &rows), b"");
    }

    #[test]
    fn a_frame_is_one_synchronized_update() {
        let mut screen = Screen::new(Size::new(20, 4));
        let bytes = draw(&mut screen, &["x".to_owned()]);
        assert!(bytes.starts_with(SYNC_BEGIN) && bytes.ends_with(SYNC_END));
    }

    /// A terminal that knows another width for an emoji of this year still shows the rest of the row in its place.
    #[test]
    fn what_follows_a_symbol_of_contested_width_is_placed_anew() {
        for size in [Size::new(20, 2), Size::new(30, 3)] {
            let mut screen = Screen::new(Size::new(10, 1));
            draw(&mut screen, &["x".to_owned()]);
            screen.resize(size);
            let text = String::from_utf8(draw(&mut screen, &["a\u{1faea}b日c".to_owned()])).unwrap();
            assert!(text.contains("\x1b[2X\u{1faea}\x1b[1;4Hb日c"), "{text:?}");
        }
    }

    #[test]
    fn a_log_line_costs_little_more_than_itself() {
        let mut screen = Screen::new(Size::new(80, 24));
        let log = |from: usize| {
            (from..from + 24)
                .map(|n| format!("line {n} of a log that keeps growing while we look at it"))
                .collect::<Vec<_>>()
        };
        draw(&mut screen, &log(0));
        let bytes = draw(&mut screen, &log(1));
        assert!(bytes.len() <= 110, "{} bytes: {:?}", bytes.len(), String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_size_panics() {
        for size in [Size::new(0, 0), Size::new(0, 5), Size::new(5, 0), Size::new(1, 1), Size::new(600, 200)] {
            let mut screen = Screen::new(size);
            screen.draw(|frame| frame.cursor = Some(Position::new(3, 3)));
            screen.resize(Size::new(2, 2));
            screen.draw(|_| {});
        }
    }

    #[derive(Debug, Clone)]
    struct Paint {
        x: u16,
        y: u16,
        text: String,
        style: Style,
    }

    fn paints() -> impl Strategy<Value = Vec<Paint>> {
        let style = (0..4_u8, any::<bool>()).prop_map(|(color, bold)| {
            let color = match color {
                0 => Color::Reset,
                1 => Color::Red,
                2 => Color::Indexed(77),
                _ => Color::Rgb(9, 8, 7),
            };
            let style = Style::new().fg(color).bg(if bold { color } else { Color::Reset });
            if bold { style.add_modifier(Modifier::BOLD) } else { style }
        });
        let text = prop_oneof!["[ -~]{0,12}", "[a漢字é]{0,8}", Just(" ".repeat(18))];
        proptest::collection::vec(
            (0..24_u16, 0..10_u16, text, style).prop_map(|(x, y, text, style)| Paint { x, y, text, style }),
            0..12,
        )
    }

    fn picture(bytes: &[Vec<u8>], size: Size) -> Vec<u8> {
        let mut parser = parser(size);
        for bytes in bytes {
            parser.process(bytes);
        }
        let mut all = Vec::new();
        for y in 0..size.height {
            for x in 0..size.width {
                let cell = parser.screen().cell(y, x).unwrap();
                let text = if cell.has_contents() { cell.contents() } else { " " };
                // An erased cell has no foreground, so color only counts where there is something to see.
                let fg = (text != " ").then(|| (cell.fgcolor(), cell.bold()));
                all.extend(format!("{text}{fg:?}{:?}|", cell.bgcolor()).into_bytes());
            }
        }
        all
    }

    proptest! {
        /// Whatever came before, the terminal ends up with the picture that a fresh one would get.
        #[test]
        fn differences_add_up_to_the_picture(frames in proptest::collection::vec((paints(), 0..3_u16), 1..5)) {
            let size = Size::new(24, 10);
            let mut screen = Screen::new(size);
            let mut sent = Vec::new();
            let render = |paints: &[Paint], lift: u16, frame: &mut Frame<'_>| {
                for paint in paints {
                    let y = paint.y.saturating_sub(lift);
                    frame.buffer.set_string(paint.x, y, &paint.text, paint.style);
                }
            };
            for (paints, lift) in &frames {
                sent.push(screen.draw(|frame| render(paints, 0, frame)).to_vec());
                sent.push(screen.draw(|frame| render(paints, *lift, frame)).to_vec());
            }
            let (last, lift) = frames.last().unwrap();
            let mut fresh = Screen::new(size);
            let whole = fresh.draw(|frame| render(last, *lift, frame)).to_vec();
            prop_assert_eq!(picture(&sent, size), picture(&[whole], size));
        }
    }
}
