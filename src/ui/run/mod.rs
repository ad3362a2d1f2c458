//! The loop: keys, host, workers and signals in; at most one frame for everything that had come meanwhile.
//!
//! Nothing runs on a timer. A frame is drawn when something changed, not sooner than a sixtieth of a second after the
//! last one and not before the terminal has taken that one.

mod editor;
mod link;
mod signals;

use std::future::Future;
use std::path::PathBuf;
use std::task::Poll;
use std::time::{Duration, Instant};

use crossterm::event::EventStream;
use futures::{FutureExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use crate::base::limits::{UI_BACKLOG_MAX, UI_FRAME_MS_MIN, UI_JOBS_WAITING_MAX};
use crate::ui::app::{App, Leave, Msg, Request, Start};
use crate::ui::keymap::{self, KeymapError};
use crate::ui::look::Look;
use crate::ui::terminal::modes::{self, Modes};
use crate::ui::terminal::outlet::{Outlet, to_stdout};
use crate::ui::terminal::{Input, Screen, TerminalError};
use crate::ui::theme::{self, Depth, Signs, ThemeError};
use crate::ui::workers::{Pool, Product};
use link::{Heard, Link};
use signals::{Signal, Signals};

/// How a client shall look and behave. Environment and configuration are read by whoever makes this.
#[derive(Debug, Clone)]
pub struct Options {
    pub theme: String,
    pub keymap: String,
    /// The user's own theme and keymap files.
    pub theme_dir: Option<PathBuf>,
    pub keymap_dir: Option<PathBuf>,
    pub depth: Depth,
    pub signs: Signs,
    pub mouse: bool,
    pub kitty: bool,
    pub linear: bool,
    /// `TERM`.
    pub term: Option<String>,
    /// `VISUAL` or `EDITOR`: a command line.
    pub editor: Option<String>,
    /// Shown until the session has said what it is called.
    pub title: String,
    /// As the wire means it: take control, never have it, or take it if nobody has.
    pub control: Option<bool>,
}

/// The stream to a host.
pub type Stream = (Box<dyn AsyncRead + Send + Unpin>, Box<dyn AsyncWrite + Send + Unpin>);

/// How a client ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The human left; the session goes on unless it had nothing open and was closed.
    Left(Leave),
    /// A signal by its number; shells expect 128 plus that as exit code.
    Signal(i32),
    /// The terminal is gone.
    HungUp,
}

/// Why a client could not begin, or broke.
#[derive(Debug, thiserror::Error)]
pub enum UiError {
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    #[error(transparent)]
    Theme(#[from] ThemeError),
    #[error(transparent)]
    Keymap(#[from] KeymapError),
    #[error("the client could not begin: {0}")]
    Io(#[from] std::io::Error),
}

/// Opens the screen at once and runs until the human leaves; the host is connected to meanwhile.
///
/// # Errors
/// When the terminal, theme or keymap cannot be used. The terminal is given back in every case.
pub async fn run(
    options: Options,
    connect: impl Future<Output = Result<Stream, String>> + Send + 'static,
) -> Result<Ended, UiError> {
    modes::check(options.term.as_deref(), options.linear)?;
    let theme_name = options.depth.theme_name(&options.theme).to_owned();
    let theme = theme::load(&theme_name, options.theme_dir.as_deref())?.at_depth(options.depth);
    let keymap = keymap::load(&options.keymap, options.keymap_dir.as_deref())?;
    let signals = Signals::listen()?;
    let (modes, entry) = Modes::enter(modes::Options { mouse: options.mouse, kitty: options.kitty, alternate: true })?;
    let size = modes::size();
    let look = Look { theme, signs: options.signs };
    let app = App::new(Start { look, keymap, size, linear: options.linear, title: options.title.clone() });
    let (products, from_workers) = mpsc::channel(UI_JOBS_WAITING_MAX);
    let client = Client {
        app,
        screen: screen_for(size, options.term.as_deref()),
        outlet: Outlet::open(to_stdout)?,
        preamble: entry.to_vec(),
        pool: Pool::new(),
        products,
        from_workers,
        input: Some(EventStream::new()),
        link: Link::new(connect.boxed(), options.control),
        signals,
        started: Instant::now(),
        drawn_at: None,
        dirty: true,
        options,
    };
    let ended = client.run(&modes).await;
    drop(modes);
    Ok(ended)
}

/// GNU screen (whose name tmux may carry too) erases in the default background.
fn screen_for(size: ratatui::layout::Size, term: Option<&str>) -> Screen {
    let screen = Screen::new(size);
    if term.is_some_and(|term| term.starts_with("screen")) { screen.without_bce() } else { screen }
}

struct Client {
    app: App,
    screen: Screen,
    outlet: Outlet,
    /// Bytes that go before the next frame, in the same write.
    preamble: Vec<u8>,
    pool: Pool,
    products: mpsc::Sender<Product>,
    from_workers: mpsc::Receiver<Product>,
    /// Absent while another program has the terminal.
    input: Option<EventStream>,
    link: Link,
    signals: Signals,
    started: Instant,
    drawn_at: Option<Instant>,
    dirty: bool,
    options: Options,
}

/// What the loop woke up for.
enum Woke {
    Input(std::io::Result<crossterm::event::Event>),
    InputEnded,
    Heard(Heard),
    Product(Product),
    Signal(Signal),
    Written(std::io::Result<()>),
    FrameDue,
}

impl Client {
    async fn run(mut self, modes: &Modes) -> Ended {
        loop {
            if self.dirty && !self.outlet.is_busy() && self.is_frame_due() {
                self.draw();
            }
            let woke = self.wait().await;
            if let Some(ended) = self.take_in(woke, modes).await {
                return ended;
            }
            // Everything that is there already belongs to the same frame.
            for _ in 0..UI_BACKLOG_MAX {
                let Some(woke) = self.ready().await else { break };
                if let Some(ended) = self.take_in(woke, modes).await {
                    return ended;
                }
            }
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn frame_due_at(&self) -> Option<Instant> {
        self.drawn_at.map(|at| at + Duration::from_millis(UI_FRAME_MS_MIN))
    }

    fn is_frame_due(&self) -> bool {
        self.frame_due_at().is_none_or(|due| due <= Instant::now())
    }

    fn draw(&mut self) {
        self.app.refresh();
        let app = &self.app;
        let frame = self.screen.draw(|frame| crate::ui::view(app, frame));
        let mut bytes = std::mem::take(&mut self.preamble);
        bytes.extend_from_slice(frame);
        self.outlet.send(bytes);
        self.dirty = false;
        self.drawn_at = Some(Instant::now());
        let at = self.now_ms();
        self.app.update(at, Msg::Drawn);
    }

    async fn wait(&mut self) -> Woke {
        // Only a frame that waits for its time sets a timer; while one is being written, its end wakes us.
        let due = self.frame_due_at().filter(|_| self.dirty && !self.outlet.is_busy());
        let timer = async {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        let input = async {
            match &mut self.input {
                Some(input) => input.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            signal = self.signals.next() => Woke::Signal(signal),
            event = input => event.map_or(Woke::InputEnded, Woke::Input),
            written = self.outlet.written() => Woke::Written(written),
            Some(product) = self.from_workers.recv() => Woke::Product(product),
            heard = self.link.next() => Woke::Heard(heard),
            () = timer => Woke::FrameDue,
        }
    }

    /// What is there without waiting. Polled as this task: the event stream remembers whoever asked first and would
    /// wake nobody if that were a mere look.
    async fn ready(&mut self) -> Option<Woke> {
        std::future::poll_fn(|task| {
            if let Some(Poll::Ready(event)) = self.input.as_mut().map(|input| input.poll_next_unpin(task)) {
                return Poll::Ready(Some(event.map_or(Woke::InputEnded, Woke::Input)));
            }
            if let Poll::Ready(heard) = std::pin::pin!(self.link.next()).poll(task) {
                return Poll::Ready(Some(Woke::Heard(heard)));
            }
            Poll::Ready(self.from_workers.try_recv().ok().map(Woke::Product))
        })
        .await
    }

    async fn take_in(&mut self, woke: Woke, modes: &Modes) -> Option<Ended> {
        let msg = match woke {
            Woke::FrameDue | Woke::Written(Ok(())) => return None,
            Woke::Written(Err(_)) | Woke::Input(Err(_)) | Woke::InputEnded | Woke::Signal(Signal::HungUp) => {
                return Some(Ended::HungUp);
            }
            Woke::Signal(Signal::End(number)) => return Some(Ended::Signal(number)),
            Woke::Signal(Signal::Suspend) => {
                self.suspend(modes);
                return None;
            }
            Woke::Input(Ok(event)) => {
                let input = Input::from_event(event)?;
                if let Input::Resize(size) = input {
                    self.screen.resize(size);
                }
                // A key that came up changes nothing on the screen.
                self.dirty |= input != Input::KeyUp;
                Msg::Input(input)
            }
            Woke::Product(product) => {
                self.dirty = true;
                Msg::Computed(product)
            }
            Woke::Heard(heard) => {
                let msg = heard?;
                self.dirty = true;
                *msg
            }
        };
        let at = self.now_ms();
        let requests = self.app.update(at, msg);
        for request in requests {
            if let Some(ended) = self.carry_out(request, modes).await {
                return Some(ended);
            }
        }
        None
    }

    async fn carry_out(&mut self, request: Request, modes: &Modes) -> Option<Ended> {
        match request {
            Request::Host(ask) => {
                if let Err(refusal) = self.link.ask(ask) {
                    let at = self.now_ms();
                    self.app.update(at, *refusal);
                }
            }
            Request::Compute(job) => {
                let products = self.products.clone();
                self.pool.push(job, &move |product| {
                    // The client is gone when nobody takes it.
                    let _ = products.blocking_send(product);
                });
            }
            Request::Copy(text) => self.preamble.extend_from_slice(&clipboard(&text)),
            Request::Suspend => self.suspend(modes),
            Request::Redraw => self.screen.forget(),
            Request::Editor { action, digest, part, name, text } => {
                let outcome = self.edit(&name, &text, modes).await;
                let at = self.now_ms();
                self.app.update(at, Msg::Edited { action, digest, part, outcome });
            }
            Request::Leave(leave) => {
                self.link.finish().await;
                return Some(Ended::Left(leave));
            }
        }
        self.dirty = true;
        None
    }

    /// Gives the terminal to the shell until we are continued.
    fn suspend(&mut self, modes: &Modes) {
        modes::restore();
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
        self.come_back(modes);
    }

    async fn edit(&mut self, name: &str, text: &str, modes: &Modes) -> Result<String, String> {
        let editor = self.options.editor.clone().unwrap_or_else(|| "vi".to_owned());
        // Its reader must not take the editor's keys.
        self.input = None;
        modes::restore();
        let outcome = editor::edit(&editor, name, text).await;
        self.input = Some(EventStream::new());
        self.come_back(modes);
        outcome
    }

    fn come_back(&mut self, modes: &Modes) {
        if let Ok(entry) = modes.reenter() {
            self.preamble.extend_from_slice(entry);
        }
        let size = modes::size();
        self.screen.resize(size);
        let at = self.now_ms();
        self.app.update(at, Msg::Input(Input::Resize(size)));
        self.dirty = true;
    }
}

/// OSC 52: the terminal's clipboard, also through SSH. Terminals that forbid it ignore it.
fn clipboard(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    format!("\x1b]52;c;{encoded}\x1b\\").into_bytes()
}
