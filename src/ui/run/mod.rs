//! The loop: keys, host, workers and signals in; at most one frame for everything that had come meanwhile.
//!
//! Nothing runs on a timer, except what keeps a message that is being written. A frame is drawn when something changed,
//! not sooner than a sixtieth of a second after the last one and not before the terminal has taken that one.

mod browse;
mod door;
mod editor;
pub mod files;
mod history;
mod image;
mod link;
mod notice;
mod signals;
pub mod zone;

use crate::model::PromptPart;
use crate::ui::app::{App, Leave, Msg, Request, Start, seat};
use crate::ui::home::Told;
use crate::ui::keymap::{self, Keymap, KeymapError};
use crate::ui::limits::{UI_BACKLOG_MAX, UI_BACKLOG_MS_MAX, UI_JOBS_WAITING_MAX};
use crate::ui::linear::{self, LineRenderer};
use crate::ui::look::Look;
use crate::ui::overlays::Overlay;
use crate::ui::terminal::modes::{self, Modes};
use crate::ui::terminal::outlet::{Outlet, to_stdout};
use crate::ui::terminal::{Input, Screen, TerminalError};
use crate::ui::theme::{self, Depth, Signs, ThemeError};
use crate::ui::welcome::{Kept, Offers, Welcome, Wish};
use crate::ui::workers::{Pool, Product};
use crossterm::event::EventStream;
pub use door::{HomeDoor, HomeFirst, KeepPlace, Way};
use files::{Dirs, UserFiles};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use link::{Heard, Link};
pub use notice::{Desktop, Notices};
use ratatui::layout::Size;
use signals::{Signal, Signals};
use std::collections::VecDeque;
use std::future::Future;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

/// The appearance and behavior of a client. The caller reads environment and configuration.
#[derive(Debug, Clone)]
pub struct Options {
    pub theme: String,
    pub keymap: String,
    pub dirs: Dirs,
    pub depth: Depth,
    pub signs: Signs,
    pub mouse: bool,
    /// Web addresses are links.
    pub links: bool,
    pub kitty: bool,
    pub linear: bool,
    /// `TERM`.
    pub term: Option<String>,
    /// `VISUAL` or `EDITOR`: a command line.
    pub editor: Option<String>,
    /// Shown until the session has said what it is called.
    pub title: String,
    pub arm_after_ms: u64,
    /// The other end plays a record.
    pub is_record: bool,
    pub notices: Notices,
    pub files: UserFiles,
    /// As the wire means it: take control, never have it, or take it if nobody has.
    pub control: Option<bool>,
    /// The session is described on the start screen first.
    pub opening: Option<Opening>,
    pub way: Way,
}

/// The start screen: what it offers, and the functions that act on it.
#[derive(Clone)]
pub struct Opening {
    pub offers: Offers,
    pub begin: std::sync::Arc<Begin>,
    pub keep: std::sync::Arc<dyn Fn(Kept) + Send + Sync>,
}

/// Starts the session and connects to its host.
type Begin = dyn Fn(Wish) -> BoxFuture<'static, Result<Stream, String>> + Send + Sync;

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opening")
    }
}

/// The stream to a host.
pub struct Stream {
    pub read: Box<dyn AsyncRead + Send + Unpin>,
    pub write: Box<dyn AsyncWrite + Send + Unpin>,
    /// The host's process, where it is on this machine.
    pub pid: Option<i32>,
}

impl Stream {
    #[must_use]
    pub fn new(
        read: impl AsyncRead + Send + Unpin + 'static,
        write: impl AsyncWrite + Send + Unpin + 'static,
        pid: Option<i32>,
    ) -> Self {
        Self { read: Box::new(read), write: Box::new(write), pid }
    }
}

/// The end of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The user left; the session continues unless it had nothing open and was closed.
    Left(Leave),
    /// The user quit while a message was being written; it is kept with the session.
    LeftDraft,
    /// A signal by its number; shells expect 128 plus that as exit code.
    Signal(i32),
    /// The terminal is gone.
    HungUp,
}

/// The reason that a client could not start, or broke.
#[derive(Debug, thiserror::Error)]
pub enum UiError {
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    #[error(transparent)]
    Theme(#[from] ThemeError),
    #[error(transparent)]
    Keymap(#[from] KeymapError),
    #[error("the client could not start: {0}")]
    Io(#[from] std::io::Error),
}

/// Opens the screen at once and runs until the user leaves; the host is connected to meanwhile.
///
/// # Errors
/// When the terminal, theme or keymap cannot be used. The terminal is given back in every case.
pub async fn run(
    options: Options,
    connect: impl Future<Output = Result<Stream, String>> + Send + 'static,
) -> Result<Ended, UiError> {
    modes::check(options.term.as_deref(), options.linear)?;
    // What is wrong with the chosen theme is said on every terminal, also on one that cannot show it.
    let chosen = theme::load(&options.theme, options.dirs.themes.as_deref())?;
    let theme = match options.depth.theme_name(&options.theme) {
        fits if fits == options.theme => chosen,
        instead => theme::builtin(instead)?,
    }
    .at_depth(options.depth);
    let keymap = keymap::load(&options.keymap, options.dirs.keymaps.as_deref())?;
    let look = Look { theme, signs: options.signs };
    let signals = Signals::listen()?;
    let plain = options.linear && options.term.as_deref().is_none_or(|term| matches!(term, "" | "dumb"));
    let wanted = modes::Options {
        mouse: options.mouse,
        kitty: options.kitty,
        alternate: !options.linear,
        paste: !plain,
        links: options.links,
    };
    let (modes, entry) = Modes::enter(wanted)?;
    let size = modes::size();
    let surface = if options.linear {
        Surface::Lines(Box::default())
    } else {
        Surface::Screen(Box::new(screen_for(size, options.term.as_deref()).with_links(options.links)))
    };
    let size = surface.room(size);
    let app = opened(&options, look, keymap, size);
    let (home, from_home) = mpsc::channel(UI_JOBS_WAITING_MAX);
    let (products, from_workers) = mpsc::channel(UI_JOBS_WAITING_MAX);
    let mut client = Client {
        app,
        surface,
        outlet: Outlet::open(to_stdout)?,
        preamble: entry.to_vec(),
        pool: Pool::new(),
        products,
        from_workers,
        home,
        from_home,
        input: Some(EventStream::new()),
        link: Link::new(connect.boxed(), options.control),
        signals,
        started: Instant::now(),
        drawn_at: None,
        dirty: true,
        is_awaited: true,
        options,
    };
    let ended = client.run(&modes).await;
    if let Some(opening) = &client.options.opening {
        (opening.keep)(match &client.app.overlay {
            Some(Overlay::Welcome(welcome)) => welcome.kept(),
            _ => Kept { draft: String::new(), is_introduced: true },
        });
    }
    client.outlet.settle().await;
    drop(modes);
    // Whoever tells the home screen something sees that it is gone.
    client.from_home.close();
    door::keep_place(&client.options.way, &client.app, &ended);
    // Mostly the process ends now: taking a long session apart piece by piece would only keep the shell waiting.
    if !matches!(ended, Ended::Left(Leave::Open(_) | Leave::New)) {
        std::mem::forget(client);
    }
    Ok(ended)
}

/// The state that a client begins with.
fn opened(options: &Options, look: Look, keymap: Keymap, size: Size) -> App {
    let mut app = App::new(Start {
        look,
        keymap,
        size,
        linear: options.linear,
        title: options.title.clone(),
        utc_offset_s: zone::utc_offset_s(),
        arm_after_ms: options.arm_after_ms,
        is_record: options.is_record,
        reads_only: options.control == Some(false),
        way: options.way.clone(),
    });
    let offers = options.opening.as_ref().map(|opening| opening.offers.clone());
    app.overlay = offers.map(|offers| Overlay::Welcome(Box::new(Welcome::new(offers)))).or(app.overlay);
    app
}

/// GNU screen (whose name tmux may carry too) erases in the default background.
fn screen_for(size: ratatui::layout::Size, term: Option<&str>) -> Screen {
    let screen = Screen::new(size);
    if term.is_some_and(|term| term.starts_with("screen")) { screen.without_bce() } else { screen }
}

/// The output of the loop: a screen that is drawn, or lines that are printed.
enum Surface {
    Screen(Box<Screen>),
    Lines(Box<LineRenderer>),
}

impl Surface {
    /// The size the client works with on a terminal of this one.
    fn room(&self, terminal: Size) -> Size {
        match self {
            Self::Screen(_) => terminal,
            Self::Lines(_) => linear::room(terminal),
        }
    }

    fn resize(&mut self, terminal: Size) {
        match self {
            Self::Screen(screen) => screen.resize(terminal),
            Self::Lines(_) => {}
        }
    }

    /// Draws or prints everything again.
    fn forget(&mut self) {
        match self {
            Self::Screen(screen) => screen.forget(),
            Self::Lines(renderer) => **renderer = LineRenderer::default(),
        }
    }
}

struct Client {
    app: App,
    surface: Surface,
    outlet: Outlet,
    /// Bytes that go before the next frame, in the same write.
    preamble: Vec<u8>,
    pool: Pool,
    products: mpsc::Sender<Product>,
    from_workers: mpsc::Receiver<Product>,
    home: mpsc::Sender<Told>,
    from_home: mpsc::Receiver<Told>,
    /// Absent while another program has the terminal.
    input: Option<EventStream>,
    link: Link,
    signals: Signals,
    started: Instant,
    drawn_at: Option<Instant>,
    dirty: bool,
    /// The user did something since the last frame.
    is_awaited: bool,
    options: Options,
}

/// The event that woke the loop.
enum Woke {
    Input(std::io::Result<crossterm::event::Event>),
    InputEnded,
    Heard(Heard),
    Product(Product),
    Home(Told),
    Signal(Signal),
    Written(std::io::Result<()>),
    FrameDue,
    /// The displayed ages of pending actions have changed.
    AgesDue,
    DraftDue,
}

/// Waits for a time; for ever if there is none.
async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

impl Client {
    async fn run(&mut self, modes: &Modes) -> Ended {
        for act in door::first_acts(&self.options.way) {
            // Nothing of it ends the client.
            drop(self.carry_out(Request::Home(act), modes).await);
        }
        loop {
            if self.dirty && !self.outlet.is_busy() && self.is_frame_due() {
                self.draw();
            }
            let woke = self.wait().await;
            if let Some(ended) = self.take_in(woke, modes).await {
                self.keep_draft().await;
                return ended;
            }
            // Everything that is there already belongs to the same frame, unless the user would wait too long for it.
            let began = Instant::now();
            for _ in 0..UI_BACKLOG_MAX {
                if began.elapsed() >= Duration::from_millis(UI_BACKLOG_MS_MAX) {
                    break;
                }
                let Some(woke) = self.ready().await else { break };
                if let Some(ended) = self.take_in(woke, modes).await {
                    self.keep_draft().await;
                    return ended;
                }
            }
        }
    }

    /// What is being written outlives the client, whichever way it ends.
    async fn keep_draft(&mut self) {
        for request in self.app.last_words() {
            if let Request::Host(ask) = request {
                drop(self.link.ask(ask));
            } else if let (Request::Remember { workspace, parts }, Some(dir)) = (request, &self.options.dirs.history) {
                drop(history::add(dir, &workspace, &parts));
            }
        }
        self.link.finish().await;
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn frame_due_at(&self) -> Option<Instant> {
        self.drawn_at.map(|at| at + self.outlet.pace(self.is_awaited))
    }

    fn is_frame_due(&self) -> bool {
        self.frame_due_at().is_none_or(|due| due <= Instant::now())
    }

    fn draw(&mut self) {
        self.app.refresh();
        let app = &self.app;
        let mut bytes = std::mem::take(&mut self.preamble);
        match &mut self.surface {
            Surface::Screen(screen) => bytes.extend_from_slice(screen.draw(|frame| crate::ui::view(app, frame))),
            Surface::Lines(renderer) => bytes.extend(renderer.tell(app)),
        }
        self.outlet.send(bytes);
        (self.dirty, self.is_awaited) = (false, false);
        self.drawn_at = Some(Instant::now());
        let at = self.now_ms();
        self.app.update(at, Msg::Drawn);
    }

    async fn wait(&mut self) -> Woke {
        // Only a frame that waits for its time sets a timer; while one is being written, its end wakes us.
        let due = self.frame_due_at().filter(|_| self.dirty && !self.outlet.is_busy());
        // The age of what is pending is true by the minute, and what was typed is kept; otherwise nothing wakes us.
        let at = |ms: u64| self.started + Duration::from_millis(ms);
        let ages = crate::ui::view::ages::change_at_ms(&self.app).map(at);
        let draft = seat::due_at_ms(&self.app).map(at);
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
            Some(told) = self.from_home.recv() => Woke::Home(told),
            heard = self.link.next() => Woke::Heard(heard),
            () = reached(due) => Woke::FrameDue,
            () = reached(ages) => Woke::AgesDue,
            () = reached(draft) => Woke::DraftDue,
        }
    }

    /// Returns an event that is available without waiting. Polled as this task: the event stream remembers whoever
    /// asked first and would wake nobody if that were a mere look.
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
                self.suspend(modes).await;
                return None;
            }
            Woke::Input(Ok(event)) => {
                let mut input = Input::from_event(event)?;
                if let Input::Resize(size) = &mut input {
                    self.surface.resize(*size);
                    *size = self.surface.room(*size);
                }
                // A key that came up changes nothing on the screen.
                self.is_awaited |= input != Input::KeyUp;
                self.dirty |= self.is_awaited;
                Msg::Input(input)
            }
            Woke::AgesDue => {
                self.dirty = true;
                Msg::AgesDue
            }
            Woke::DraftDue => Msg::DraftDue,
            Woke::Product(product) => {
                self.dirty = true;
                Msg::Computed(product)
            }
            Woke::Home(told) => {
                self.dirty = true;
                Msg::Home(told)
            }
            Woke::Heard(heard) => {
                let msg = heard?;
                self.dirty = true;
                *msg
            }
        };
        let at = self.now_ms();
        let mut requests = VecDeque::from(self.app.update(at, msg));
        requests.extend(seat::show_followers(&mut self.app));
        while let Some(request) = requests.pop_front() {
            match self.carry_out(request, modes).await {
                Ok(more) => requests.extend(more),
                Err(ended) => return Some(ended),
            }
        }
        None
    }

    /// Executes a request of the client and returns the messages that follow from it.
    async fn carry_out(&mut self, request: Request, modes: &Modes) -> Result<Vec<Request>, Ended> {
        let at = self.now_ms();
        let more = match request {
            Request::Host(ask) => match self.link.ask(ask) {
                Ok(()) => Vec::new(),
                Err(refusal) => self.app.update(at, *refusal),
            },
            Request::Compute(job) => {
                let products = self.products.clone();
                self.pool.push(job, &move |product| {
                    // The client has ended when nobody receives it.
                    let _ = products.blocking_send(product);
                });
                Vec::new()
            }
            Request::Copy(text) => {
                self.preamble.extend_from_slice(&clipboard(&text));
                Vec::new()
            }
            Request::Browse(address) => self.app.update(at, browse::browsed(address).await),
            Request::LoadHistory(workspace) => match &self.options.dirs.history {
                Some(dir) => self.app.update(at, Msg::History(history::load(dir, &workspace))),
                None => Vec::new(),
            },
            Request::Remember { workspace, parts } => {
                self.remember(&workspace, &parts);
                Vec::new()
            }
            Request::Attach(path) => self.app.update(at, image::attached(path.as_deref()).await),
            Request::Notify(notice) => {
                self.preamble.extend_from_slice(&notice::call(self.options.notices, notice));
                Vec::new()
            }
            Request::KeepRule(text) => {
                let kept = self.options.files.keep_rule(&text);
                self.app.update(at, Msg::RuleKept { rule: text, kept })
            }
            Request::SavePlan { name, text } => {
                let saved = self.options.files.save_plan(&name, &text);
                self.app.update(at, Msg::PlanSaved(saved))
            }
            Request::ListPlans => self.app.update(at, Msg::Plans(self.options.files.plans())),
            Request::SignIn(login) => self.sign_in(&login, modes).await,
            Request::Begin(wish) => self.begin(wish),
            Request::Home(act) => {
                if let Some(HomeDoor(does)) = &self.options.way.door {
                    does(act, self.home.clone());
                }
                Vec::new()
            }
            Request::Suspend => {
                self.suspend(modes).await;
                Vec::new()
            }
            Request::Redraw => {
                self.surface.forget();
                Vec::new()
            }
            Request::Editor { of, name, text } => {
                let outcome = self.edit(&of, &name, &text, modes).await;
                let at = self.now_ms();
                self.app.update(at, Msg::Edited { of, outcome })
            }
            Request::Leave(Leave::Quit) if self.app.has_draft() => return Err(Ended::LeftDraft),
            Request::Leave(leave) => return Err(Ended::Left(leave)),
        };
        self.dirty = true;
        Ok(more)
    }

    fn remember(&self, workspace: &str, parts: &[PromptPart]) {
        if let Some(dir) = &self.options.dirs.history
            && let Err(error) = history::add(dir, workspace, parts)
        {
            tracing::warn!(%error, "a message was not added to the history");
        }
    }

    /// Gives the terminal to the shell until we are continued.
    async fn suspend(&mut self, modes: &Modes) {
        self.outlet.settle().await;
        modes::restore();
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
        self.come_back(modes);
    }

    /// Gives the terminal to another program until it ends.
    async fn hand_over<T>(&mut self, program: impl Future<Output = T>, modes: &Modes) -> T {
        // Its reader must not take the program's keys.
        self.input = None;
        self.outlet.settle().await;
        modes::restore();
        let outcome = program.await;
        self.signals.forget_keys();
        self.input = Some(EventStream::new());
        self.come_back(modes);
        outcome
    }

    fn come_back(&mut self, modes: &Modes) {
        if let Ok(entry) = modes.reenter() {
            self.preamble.extend_from_slice(entry);
        }
        let size = modes::size();
        self.surface.resize(size);
        let size = self.surface.room(size);
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
