//! What the screen costs inside the client: the floor is a bare ratatui program that draws four empty panes, in the same
//! run. The way of the whole process to its first frame is measured in `process`.
//!
//! `cargo bench --bench ui`.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a measurement stops where its set-up fails"
)]

#[path = "support/mod.rs"]
mod support;

use divan::black_box;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Constraint, Layout, Rect, Size};
use ratatui::widgets::Block;
use ratatui::{TerminalOptions, Viewport};
use rightseat::base::{Digest, UnixMs};
use rightseat::model::Envelope;
use rightseat::ui::app::{AnswerData, App, Msg, Request, Start};
use rightseat::ui::look::Look;
use rightseat::ui::terminal::{Input, Key, Screen};
use rightseat::ui::theme::{self, Signs};
use rightseat::ui::workers::{Job, Products};
use rightseat::ui::{keymap, view};
use rightseat::wire;
use std::fmt::Write as _;
use std::process::ExitCode;
use support::{Sheet, quickest};

const FRAMES: usize = 200;
const FEW: usize = 100;
const MANY: usize = 100_000;
/// More than a screen has rows, and the few.
const STEPS: usize = 500;
const STEPS_FEW: usize = 20;

fn main() -> ExitCode {
    let rounds = if support::is_measuring() { FRAMES } else { 1 };
    let many = if support::is_measuring() { MANY } else { FEW };
    let mut sheet = Sheet::new("the screen, 200x60");
    let (first, bare) = quickest(rounds, first_frame, floor);
    sheet.ratio("theme, keymap, state and the first frame", "us", first, bare, 4.0);
    for (what, session, pane) in [
        ("a key and its frame, a conversation of 100 000 messages (floor: 100)", talk as fn(usize) -> String, '7'),
        ("a key and its frame, diff of 100 000 lines (floor: 100)", edit, '3'),
        ("a key and its frame, 100 000 actions (floor: 100)", reads, '2'),
    ] {
        let (mut long, mut short) = (Moving::over(&session(many), pane), Moving::over(&session(FEW), pane));
        let (ours, few) = quickest(rounds, || long.step(), || short.step());
        sheet.ratio(what, "us", ours, few, 1.5);
    }
    let (mut long, mut short) = (Moving::over(&edit(many), '3'), Moving::over(&edit(FEW), '3'));
    let (ours, few) = quickest(rounds, || long.act(), || short.act());
    sheet.ratio("an action elsewhere and its frame, diff of 100 000 lines (floor: 100)", "us", ours, few, 1.5);
    let (mut long, mut short) = (Moving::over(&talk(many), '7'), Moving::over(&talk(FEW), '7'));
    let (ours, few) = quickest(rounds, || long.hear(), || short.hear());
    sheet.ratio("an event and its frame, 100 000 rows (floor: 100)", "us", ours, few, 1.5);
    let (mut long, mut short) = (Moving::over(&said(many), '7'), Moving::over(&said(FEW), '7'));
    let (ours, few) = quickest(rounds, || long.stream(), || short.stream());
    sheet.ratio("a token and its frame, message of 100 000 lines (floor: 100)", "us", ours, few, 1.5);
    // At 15 frames a second a frame may cost 2 ms for the stream to cost 3 % of a core.
    let (mut long, mut short) = (Moving::over(&markdown(many / 10), '7'), Moving::over(&markdown(1), '7'));
    let (ours, few) = quickest(rounds, || long.stream(), || short.stream());
    sheet.ratio("a token and its frame, message of 1 MB of Markdown (floor: 100 bytes)", "us", ours, few, 1.5);
    for (what, session, pane) in [
        ("a key and its frame, a plan of 500 steps (floor: 20)", plan as fn(usize) -> String, '1'),
        ("a key and its frame, the document of a plan of 500 steps (floor: 20)", document, '3'),
    ] {
        let (mut long, mut short) = (Moving::over(&session(STEPS), pane), Moving::over(&session(STEPS_FEW), pane));
        let (ours, few) = quickest(rounds, || long.step(), || short.step());
        sheet.ratio(what, "us", ours, few, 1.5);
        let (ours, few) = quickest(rounds, || long.act(), || short.act());
        let what = what.replace("a key", "an action");
        sheet.ratio(&what, "us", ours, few, 1.5);
    }
    replay(&mut sheet, many);
    first_screens(&mut sheet);
    sheet.end()
}

/// From the contents of a change being there to its first screen, by the number of changed lines; and a long file that no
/// grammar can read, to its text.
fn first_screens(sheet: &mut Sheet) {
    let (rounds, sizes): (usize, &[usize]) =
        if support::is_measuring() { (20, &[10_000, 100_000, 1_000_000]) } else { (1, &[2_000]) };
    let mut few = Opening::of(1_000);
    for lines in sizes {
        let mut many = Opening::of(*lines);
        let (ours, floor) = quickest(rounds, || many.step(), || few.step());
        sheet.ratio(&format!("the first screen of {lines} changed lines (floor: 1 000)"), "us", ours, floor, 3.0);
    }
    let line = "def broken(((: a line of a long file that no grammar can read, and it goes on\n";
    let before = line.repeat(1_300_000 / line.len());
    let after = before.replace("no grammar", "no grammar at all");
    let mut broken = Opening::between(&before, &after);
    let text = (0..3).map(|_| broken.text_ms()).fold(f64::MAX, f64::min);
    sheet.figure("a broken file of 1.3 MB, every line changed: to its text", format!("{text:.1} ms"), "<= 100 ms");
}

/// A client with a pending edit whose contents are here.
struct Opening {
    app: App,
    screen: Screen,
}

impl Opening {
    fn of(lines: usize) -> Self {
        let before: String = (0..lines).map(|n| format!("line {n} of a file that is changed all over\n")).collect();
        let after: String = (0..lines).map(|n| format!("line {n} of a file that was changed all over\n")).collect();
        Self::between(&before, &after)
    }

    fn between(before: &str, after: &str) -> Self {
        let digest = Digest::of(b"edit");
        let (one, two) = (Digest::of(before.as_bytes()), Digest::of(after.as_bytes()));
        let blob = |digest: Digest, text: &str| format!(r#"{{"digest":"{digest}","bytes":{}}}"#, text.len());
        let lines = format!(
            "{}\n{}\n",
            format_args!(
                r#"{{"seq":1,"at":1,"kind":"proposed","action":{{"id":"a1","revision":1,"kind":"edit","title":"t","digest":"{digest}","files":[{{"path":"a.py","change":"modify","before":{},"after":{}}}]}}}}"#,
                blob(one, before),
                blob(two, after)
            ),
            format_args!(r#"{{"seq":2,"at":2,"kind":"held","action":"a1","revision":1,"digest":"{digest}"}}"#),
        );
        let mut app = opened(&lines).expect("a client");
        for (digest, text) in [(one, before), (two, after)] {
            let asked = wire::Request::BlobGet(wire::BlobGet { digest, offset: Some(0), length: None });
            let bytes = text.as_bytes().to_vec();
            let outcome = Ok(AnswerData::Blob { offset: 0, total: bytes.len() as u64, bytes });
            app.update(0, Msg::Answered { asked: Box::new(asked), outcome });
        }
        Self { app, screen: Screen::new(SIZE) }
    }

    /// The job of the picture, as if nothing had been computed yet.
    fn job(&mut self) -> Job {
        self.app.scene.products = Products::default();
        self.app.scene.review.edits += 1;
        let wanted = self.app.compute_pictures().into_iter().find_map(|request| {
            let Request::Compute(job) = request else { return None };
            Some(job)
        });
        wanted.expect("the contents are here")
    }

    fn step(&mut self) -> usize {
        let beginning = self.job().beginning();
        self.app.update(0, Msg::Computed(beginning));
        self.app.refresh();
        self.screen.draw(|frame| view(&self.app, frame)).len()
    }

    /// Milliseconds to the first product with all lines; structure and colors come later.
    fn text_ms(&mut self) -> f64 {
        let job = self.job();
        let began = std::time::Instant::now();
        let text = std::cell::Cell::new(None);
        job.run(&|product| {
            if !product.is_partial && text.get().is_none() {
                text.set(Some(began.elapsed()));
            }
        });
        text.get().map_or(f64::MAX, |took| took.as_secs_f64() * 1e3)
    }
}

/// What a client does with the events of a session when it attaches.
fn replay(sheet: &mut Sheet, rows: usize) {
    let lines = talk(rows);
    let (parse, fold) = quickest(
        3,
        || lines.lines().filter_map(|line| Envelope::from_json(line).ok()).count(),
        || opened(&lines).is_some(),
    );
    let rate = |us: f64| format!("{:.0}/s", rows as f64 / us * 1e6);
    sheet.figure("events parsed", rate(parse), "");
    sheet.figure("events parsed, folded and laid out", rate(fold), ">= 200 000/s");
}

const SIZE: Size = Size::new(200, 60);

/// A bare ratatui program: its terminal, four empty panes, one frame.
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
        utc_offset_s: 0,
        arm_after_ms: 400,
        is_record: false,
        reads_only: false,
        way: rightseat::ui::run::Way::default(),
        title: "bench".to_owned(),
    }))
}

/// Theme, keymap, state and the first frame, as a client begins before the host has answered.
fn first_frame() -> usize {
    let Some(app) = client() else { return 0 };
    let mut screen = Screen::new(SIZE);
    screen.draw(|frame| view(&app, frame)).len()
}

fn opened(lines: &str) -> Option<App> {
    let mut app = client()?;
    app.update(0, Msg::Linked { client: "c1".into(), control: true, head: rightseat::base::Seq(0), recent: false });
    let envelopes: Vec<Envelope> = lines.lines().filter_map(|line| Envelope::from_json(line).ok()).collect();
    let requests = app.update(0, Msg::Events(envelopes, UnixMs(0)));
    for request in requests {
        if let Request::Compute(job) = request {
            let app = std::cell::RefCell::new(&mut app);
            job.run(&|product| drop(app.borrow_mut().update(0, Msg::Computed(product))));
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

/// A session with this many reads that are over.
fn reads(rows: usize) -> String {
    let digest = Digest::of(b"read");
    let mut lines = String::new();
    for n in 0..rows {
        let id = n + 1;
        let _ = writeln!(
            lines,
            r#"{{"seq":{},"at":1,"kind":"proposed","action":{{"id":"a{id}","revision":1,"kind":"read","title":"t","digest":"{digest}","target":"a"}}}}"#,
            2 * n + 1
        );
        let _ = writeln!(lines, r#"{{"seq":{},"at":1,"kind":"lapsed","action":"a{id}","why":"cancelled"}}"#, 2 * n + 2);
    }
    lines
}

/// A session with a plan of this many steps, for each of which something was done.
fn plan(steps: usize) -> String {
    let digest = Digest::of(b"read");
    let of = |n: usize| {
        let status = if n == 0 { "active" } else { "pending" };
        format!(r#"{{"id":"s{n}","title":"Step {n} of the plan","status":"{status}","files":["src/{n}.rs"]}}"#)
    };
    let list: Vec<String> = (0..steps).map(of).collect();
    let mut lines = format!(
        "{{\"seq\":1,\"at\":1,\"kind\":\"plan_revised\",\"revision\":1,\"by\":\"agent\",\"steps\":[{}]}}\n",
        list.join(",")
    );
    for n in 0..steps {
        let id = n + 1;
        let _ = writeln!(
            lines,
            r#"{{"seq":{},"at":1,"kind":"proposed","action":{{"id":"a{id}","revision":1,"kind":"read","title":"t","step":"s{n}","digest":"{digest}","target":"a"}}}}"#,
            2 * n + 2
        );
        let _ = writeln!(lines, r#"{{"seq":{},"at":1,"kind":"lapsed","action":"a{id}","why":"cancelled"}}"#, 2 * n + 3);
    }
    lines
}

/// A session with a plan of this many steps under review.
fn document(steps: usize) -> String {
    let digest = Digest::of(b"plan");
    let text: String = (1..=steps).map(|n| format!("{n}. Step {n} of `src/{n}.rs`\\n")).collect();
    format!(
        "{}\n{}\n",
        format_args!(
            r#"{{"seq":1,"at":1,"kind":"proposed","action":{{"id":"a1","revision":1,"kind":"plan","title":"t","digest":"{digest}","document":{{"text":"{text}"}}}}}}"#
        ),
        format_args!(r#"{{"seq":2,"at":2,"kind":"held","action":"a1","revision":1,"digest":"{digest}"}}"#),
    )
}

/// A session in which one message of this many lines is being said.
fn said(rows: usize) -> String {
    let text: String = (0..rows).map(|n| format!("row {n} of one long message\\n")).collect();
    format!("{{\"seq\":1,\"at\":1,\"kind\":\"said\",\"by\":\"agent\",\"text\":\"{text}\",\"more\":true}}\n")
}

/// A message of Markdown that goes on: sections of about 110 bytes, with a list, a table and code now and then.
fn markdown(sections: usize) -> String {
    let mut text = String::new();
    for n in 0..sections {
        text.push_str(match n % 8 {
            0 => "## A heading of the *answer*\\n\\nSome words with `code`, **strong** ones, and [a link](https://example.org).\\n\\n",
            3 => "- first\\n- second, which is a little longer than the first\\n  - and one below it\\n\\nand after it\\n\\n",
            5 => "| file | lines |\\n|:--|--:|\\n| `a.rs` | 12 |\\n| `b.rs` | 7 |\\n\\nwords after the table\\n\\n",
            6 => "```rust\\nfn add(a: u8, b: u8) -> u8 {\\n    a + b // the sum\\n}\\n```\\n\\nwords after the code\\n\\n",
            _ => "A paragraph that says something about the change, long enough to be wrapped on a narrow pane, twice.\\n\\n",
        });
    }
    format!("{{\"seq\":1,\"at\":1,\"kind\":\"said\",\"by\":\"agent\",\"text\":\"{text}\",\"more\":true}}\n")
}

/// A client that looks at a long session.
struct Moving {
    app: App,
    screen: Screen,
    at: u64,
}

impl Moving {
    fn over(lines: &str, pane: char) -> Self {
        let app = opened(lines).expect("the session opens");
        let mut moving = Self { app, screen: Screen::new(SIZE), at: 1_000 };
        moving.press(pane);
        moving.draw();
        moving
    }

    fn press(&mut self, key: char) {
        self.at += 100;
        self.app.update(self.at, Msg::Input(Input::Key { key: Key::plain(key), held: false }));
    }

    fn draw(&mut self) -> usize {
        self.app.refresh();
        let app = &self.app;
        self.screen.draw(|frame| view(app, frame)).len()
    }

    fn step(&mut self) -> usize {
        self.press(if self.at % 400 < 200 { 'k' } else { 'j' });
        self.draw()
    }

    fn told(&mut self, text: &str) -> usize {
        let seq = self.app.scene.session.head.next();
        let line = format!(r#"{{"seq":{seq},"at":1,"kind":"said","by":"agent","text":"{text}","more":true}}"#);
        let envelope = Envelope::from_json(&line).expect("an event");
        self.app.update(self.at, Msg::Events(vec![envelope], UnixMs(0)));
        self.draw()
    }

    fn hear(&mut self) -> usize {
        self.told("one more row")
    }

    /// Something is done beside what is shown.
    fn act(&mut self) -> usize {
        let seq = self.app.scene.session.head.next();
        let id = self.app.scene.session.actions.next_id();
        let digest = Digest::of(b"read");
        let line = format!(
            r#"{{"seq":{seq},"at":1,"kind":"proposed","action":{{"id":"{id}","revision":1,"kind":"read","title":"t","digest":"{digest}","target":"a"}}}}"#
        );
        let envelope = Envelope::from_json(&line).expect("an event");
        self.app.update(self.at, Msg::Events(vec![envelope], UnixMs(0)));
        self.draw()
    }

    fn stream(&mut self) -> usize {
        self.told("token ")
    }
}
