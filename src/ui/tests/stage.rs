//! A stage for tests: a real session from a fixture, a client that shows it, and the screen it draws, seen
//! through a terminal's parser.

use crate::base::UnixMs;
use crate::model::Envelope;
use crate::ui::app::{App, Msg, Notice, Request, Start};
use crate::ui::commands;
use crate::ui::look::Look;
use crate::ui::terminal::{Input, Key, Screen};
use crate::ui::theme::{self, Signs};
use crate::ui::{keymap, view};
use ratatui::layout::Size;
use std::fmt::Write as _;
use std::num::NonZeroU16;

/// A client under test with its clock, its screen and everything it asked of the host.
pub struct Stage {
    pub app: App,
    pub now_ms: u64,
    pub asked: Vec<crate::wire::Request>,
    pub others: Vec<Request>,
    pub notices: Vec<Notice>,
    pub screen: Screen,
    terminal: vt100::Parser,
    pub bytes: usize,
    pub frames: usize,
    /// Every byte that went to the terminal.
    pub sent: Vec<u8>,
}

/// One failing test explained, one repair proposed and waiting.
pub const SESSION: &str = include_str!("../../../tests/fixtures/ui/session.jsonl");
/// Then a risky command, an unsupervised change and a guard-rail edit.
pub const MORE: &str = include_str!("../../../tests/fixtures/ui/more.jsonl");

/// Then changes to the pipeline: with and without a reason, unasked, and pending.
pub const PIPELINE: &str = include_str!("../../../tests/fixtures/ui/pipeline.jsonl");

pub fn envelopes(lines: &str) -> Vec<Envelope> {
    lines.lines().map(|line| Envelope::from_json(line).unwrap()).collect()
}

impl Stage {
    /// An attached client without a session yet.
    pub fn empty(width: u16, height: u16, theme: &str) -> Self {
        let size = Size::new(width, height);
        let look = Look { theme: theme::builtin(theme).unwrap(), signs: Signs::Unicode };
        let keymap = keymap::builtin("default").unwrap();
        let app = App::new(Start {
            look,
            keymap,
            size,
            linear: false,
            title: "fix-parser".to_owned(),
            utc_offset_s: 0,
            arm_after_ms: 400,
            is_record: false,
            reads_only: false,
            way: crate::ui::run::Way::default(),
        });
        let cells = |n: u16| NonZeroU16::new(n.max(1)).unwrap();
        let terminal = vt100::Parser::new(cells(height), cells(width), 0);
        let mut stage = Self {
            app,
            now_ms: 1_000,
            asked: Vec::new(),
            others: Vec::new(),
            notices: Vec::new(),
            screen: Screen::new(size),
            terminal,
            bytes: 0,
            frames: 0,
            sent: Vec::new(),
        };
        stage.send(Msg::Linked { client: "c1".into(), control: true, head: crate::base::Seq(0), recent: false });
        stage
    }

    /// Returns a client that shows the fixture's session, two seconds later.
    pub fn set(width: u16, height: u16, theme: &str) -> Self {
        let mut stage = Self::empty(width, height, theme);
        stage.receive(SESSION);
        stage.draw();
        stage.pass(2_000);
        stage.draw();
        stage
    }

    /// The same, with the pending action changed.
    pub fn pending(size: (u16, u16), change: impl Fn(&mut serde_json::Map<String, serde_json::Value>)) -> Self {
        let changed = |line: &str| {
            let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
            if event["kind"] == "proposed" && event["action"]["id"] == "a7" {
                change(event["action"].as_object_mut().unwrap());
            }
            event.to_string()
        };
        let session: Vec<String> = SESSION.lines().map(changed).collect();
        let mut stage = Self::empty(size.0, size.1, "dark");
        stage.receive(&session.join("\n"));
        stage.draw();
        stage.pass(2_000);
        stage.draw();
        stage
    }

    /// The verdicts that were asked of the host.
    pub fn decided(&self) -> Vec<crate::wire::Decide> {
        let decide = |request: &crate::wire::Request| {
            let crate::wire::Request::Decide(decide) = request else { return None };
            Some(decide.clone())
        };
        self.asked.iter().filter_map(decide).collect()
    }

    pub fn receive(&mut self, lines: &str) {
        let envelopes = envelopes(lines);
        let at = envelopes.last().map_or(UnixMs(0), |last| UnixMs(last.at.0 + 12_000));
        self.send(Msg::Events(envelopes, at));
    }

    pub fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
    }

    pub fn send(&mut self, msg: Msg) {
        let requests = self.app.update(self.now_ms, msg);
        self.carry_out(requests);
    }

    fn carry_out(&mut self, requests: Vec<Request>) {
        for request in requests {
            match request {
                Request::Host(ask) => self.asked.push(ask),
                Request::Notify(notice) => self.notices.push(notice),
                Request::Compute(job) => {
                    let products = std::cell::RefCell::new(Vec::new());
                    job.run(&|product| products.borrow_mut().push(product));
                    products.into_inner().into_iter().for_each(|product| self.send(Msg::Computed(product)));
                }
                // The messages that are remembered are the loop's.
                Request::LoadHistory(_) | Request::Remember { .. } => {}
                Request::Editor { .. }
                | Request::Attach(_)
                | Request::KeepRule(_)
                | Request::SavePlan { .. }
                | Request::ListPlans
                | Request::Copy(_)
                | Request::Browse(_)
                | Request::Suspend
                | Request::SignIn(_)
                | Request::Begin(_)
                | Request::Home(_)
                | Request::Redraw
                | Request::Leave(_) => {
                    self.others.push(request);
                }
            }
        }
    }

    /// Draws a frame and tells the client so.
    pub fn draw(&mut self) -> usize {
        self.app.refresh();
        let app = &self.app;
        let bytes = self.screen.draw(|frame| view(app, frame));
        let count = bytes.len();
        self.terminal.process(bytes);
        self.sent.extend_from_slice(bytes);
        self.bytes += count;
        self.frames += usize::from(count > 0);
        self.send(Msg::Drawn);
        count
    }

    /// Presses keys as a keymap writes them, a second apart, with a frame after each.
    pub fn press(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            self.pass(1_000);
            self.send(Msg::Input(Input::Key { key: Key::parse(key).unwrap(), held: false }));
            self.draw();
        }
    }

    /// Calls a command by its name through its first key. Where a message is written, the composer is left first.
    pub fn command(&mut self, name: &str) {
        if self.app.composer.open {
            self.press("esc");
        }
        assert!(commands::find(name).is_some(), "no command {name}");
        let binding = self.app.keymap.bindings().iter().find(|binding| binding.command.name == name).unwrap();
        for key in binding.keys.clone() {
            self.pass(1_000);
            self.send(Msg::Input(Input::Key { key, held: false }));
            self.draw();
        }
    }

    pub fn type_text(&mut self, text: &str) {
        for c in text.chars() {
            self.pass(50);
            self.send(Msg::Input(Input::Key { key: Key::plain(c), held: false }));
        }
        self.draw();
    }

    /// The screen in rows of text.
    pub fn text(&self) -> String {
        let screen = self.terminal.screen();
        let (rows, columns) = screen.size();
        let mut text = String::new();
        for row in 0..rows.get() {
            let mut line = String::new();
            for column in 0..columns.get() {
                let Some(cell) = screen.cell(row, column) else { continue };
                if !cell.is_wide_continuation() {
                    line.push_str(if cell.has_contents() { cell.contents() } else { " " });
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// The styles as one letter a cell, and what the letters mean. Plain cells are dots.
    pub fn styles(&self) -> String {
        let screen = self.terminal.screen();
        let (rows, columns) = screen.size();
        let mut legend: Vec<String> = Vec::new();
        let mut text = String::new();
        for row in 0..rows.get() {
            let mut line = String::new();
            for column in 0..columns.get() {
                let Some(cell) = screen.cell(row, column) else { continue };
                let blank = !cell.has_contents() || cell.contents() == " ";
                let mut style = String::new();
                if !blank && cell.fgcolor() != vt100::Color::Default {
                    let _ = write!(style, "{} ", color(cell.fgcolor()));
                }
                if cell.bgcolor() != vt100::Color::Default {
                    let _ = write!(style, "on {} ", color(cell.bgcolor()));
                }
                for (on, name) in [
                    (cell.bold(), "bold"),
                    (cell.dim(), "dim"),
                    (cell.italic(), "italic"),
                    (cell.underline(), "underlined"),
                    (cell.inverse(), "reversed"),
                ] {
                    if on && (!blank || matches!(name, "underlined" | "reversed")) {
                        let _ = write!(style, "{name} ");
                    }
                }
                if style.is_empty() {
                    line.push('.');
                    continue;
                }
                let at = legend.iter().position(|known| *known == style).unwrap_or_else(|| {
                    legend.push(style);
                    legend.len() - 1
                });
                line.push(LETTERS.chars().nth(at).unwrap_or('#'));
            }
            text.push_str(line.trim_end_matches('.'));
            text.push('\n');
        }
        for (letter, style) in LETTERS.chars().zip(&legend) {
            let _ = writeln!(text, "{letter}  {}", style.trim_end());
        }
        text
    }
}

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn color(color: vt100::Color) -> String {
    match color {
        vt100::Color::Default => "default".to_owned(),
        vt100::Color::Idx(index) => format!("{index}"),
        vt100::Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
    }
}
