//! What the screen costs. Ratios count, not times: the floor is a bare ratatui program that draws four empty panes,
//! measured in the same run.
//!
//! `cargo bench --bench ui`. To hold: `first_frame` ≤ 4 × `floor`; `frame` and `diff_open` with 100 000 rows ≤ 1.5 ×
//! the same with 100.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a measurement stops where its set-up fails"
)]

use std::fmt::Write as _;
use std::sync::Arc;

use divan::{Bencher, black_box};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Constraint, Layout, Rect, Size};
use ratatui::widgets::Block;
use ratatui::{TerminalOptions, Viewport};
use rightseat::base::{Digest, UnixMs};
use rightseat::model::Envelope;
use rightseat::ui::app::{App, Msg, Request, Start};
use rightseat::ui::look::Look;
use rightseat::ui::terminal::{Input, Key, Screen};
use rightseat::ui::theme::{self, Signs};
use rightseat::ui::workers::{Product, picture_of};
use rightseat::ui::{keymap, view};

fn main() {
    divan::main();
}

const SIZE: Size = Size::new(200, 60);
const ROWS: [usize; 2] = [100, 100_000];

/// A bare ratatui program: its terminal, four empty panes, one frame.
#[divan::bench]
fn floor() -> usize {
    let mut bytes = Vec::with_capacity(64 * 1024);
    let area = Rect::new(0, 0, SIZE.width, SIZE.height);
    let options = TerminalOptions { viewport: Viewport::Fixed(area) };
    let Ok(mut terminal) = Terminal::with_options(CrosstermBackend::new(&mut bytes), options) else { return 0 };
    let drawn = terminal.draw(|frame| {
        let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(frame.area());
        for half in [left, right] {
            let [top, bottom] = Layout::vertical([Constraint::Fill(1); 2]).areas(half);
            frame.render_widget(Block::bordered().title("pane"), top);
            frame.render_widget(Block::bordered().title("pane"), bottom);
        }
    });
    black_box(drawn.is_ok());
    drop(terminal);
    bytes.len()
}

fn client() -> Option<App> {
    let look = Look { theme: theme::builtin("dark").ok()?, signs: Signs::Unicode };
    let keymap = keymap::builtin("default").ok()?;
    Some(App::new(Start {
        look,
        keymap,
        size: SIZE,
        linear: false,
        arm_after_ms: 400,
        is_record: false,
        title: "bench".to_owned(),
    }))
}

/// Theme, keymap, state and the first frame, as a client begins before the host has answered.
#[divan::bench]
fn first_frame() -> usize {
    let Some(app) = client() else { return 0 };
    let mut screen = Screen::new(SIZE);
    screen.draw(|frame| view(&app, frame)).len()
}

fn opened(lines: &str) -> Option<App> {
    let mut app = client()?;
    app.update(0, Msg::Linked { client: "c1".to_owned(), control: true });
    let envelopes: Vec<Envelope> = lines.lines().filter_map(|line| Envelope::from_json(line).ok()).collect();
    let requests = app.update(0, Msg::Events(envelopes, UnixMs(0)));
    for request in requests {
        if let Request::Compute(job) = request {
            let files = job.files.iter().map(|file| picture_of(file, false)).collect();
            app.update(0, Msg::Computed(Product { key: job.key, files: Arc::new(files) }));
        }
    }
    app.refresh();
    Some(app)
}

/// A session with this many rows of talk.
fn talk(rows: usize) -> String {
    let mut lines = String::new();
    for n in 1..=rows {
        let by = if n % 2 == 0 { "human" } else { "agent" };
        let _ = writeln!(lines, r#"{{"seq":{n},"at":{n},"kind":"said","by":"{by}","text":"row {n} of the talk"}}"#);
    }
    lines
}

/// A session with an edit that changes this many lines.
fn edit(rows: usize) -> String {
    let before: String = (0..rows).map(|n| format!("line {n}\\n")).collect();
    let after: String =
        (0..rows).map(|n| if n % 10 == 0 { format!("changed {n}\\n") } else { format!("line {n}\\n") }).collect();
    let digest = Digest::of(b"edit");
    format!(
        "{}\n{}\n",
        format_args!(
            r#"{{"seq":1,"at":1,"kind":"proposed","action":{{"id":"a1","revision":1,"kind":"edit","title":"t","digest":"{digest}","files":[{{"path":"a.txt","change":"modify","before":"{before}","after":"{after}"}}]}}}}"#
        ),
        format_args!(r#"{{"seq":2,"at":2,"kind":"held","action":"a1","revision":1,"digest":"{digest}"}}"#),
    )
}

fn moving(bencher: Bencher<'_, '_>, lines: &str, pane: char) {
    let Some(mut app) = opened(lines) else { return };
    let press = |app: &mut App, key: char, at: u64| {
        app.update(at, Msg::Input(Input::Key { key: Key::plain(key), held: false }));
    };
    press(&mut app, pane, 1);
    let mut screen = Screen::new(SIZE);
    let mut at = 1_000;
    bencher.bench_local(|| {
        at += 100;
        press(&mut app, if at % 400 < 200 { 'k' } else { 'j' }, at);
        app.refresh();
        screen.draw(|frame| view(&app, frame)).len()
    });
}

/// A key and its frame over a transcript of this many rows.
#[divan::bench(args = ROWS)]
fn frame(bencher: Bencher<'_, '_>, rows: usize) {
    moving(bencher, &talk(rows), '6');
}

/// A key and its frame over a diff of this many lines.
#[divan::bench(args = ROWS)]
fn diff_frame(bencher: Bencher<'_, '_>, rows: usize) {
    moving(bencher, &edit(rows), '3');
}
