//! The client's state and what changes it. `update` is the only way in, `view` only looks; neither does IO.

pub mod alternates;
pub mod always;
mod answering;
pub mod arming;
pub mod comparison;
pub mod contents;
pub mod form;
pub mod home;
mod ledger;
pub mod links;
mod message;
pub mod msg;
pub mod offers;
pub mod past;
mod pictures;
pub mod place;
pub mod record;
pub mod review;
pub mod rule;
pub mod scene;
pub mod seat;
pub mod timeline;
pub mod toast;
mod typing;
mod update;
pub mod version;

use ratatui::layout::Size;

pub use msg::{Again, AnswerData, EditorOf, Leave, Msg, Notice, RemoteLink, Request, SeatNews};
pub use scene::{Link, Scene, Touched};

use crate::ui::composer::{self, Composer};
use crate::ui::home::Home;
use crate::ui::keymap::Keymap;
use crate::ui::layout::{self, Layout, LayoutInput, PaneId};
use crate::ui::look::Look;
use crate::ui::overlays::Overlay;
use crate::ui::panes::Panes;
use crate::ui::run::{HomeFirst, Way};
use crate::ui::terminal::Key;
use alternates::Alternates;
use arming::Arming;
use toast::Toast;

/// Everything a client knows.
#[derive(Debug)]
pub struct App {
    pub scene: Scene,
    pub panes: Panes,
    pub keymap: Keymap,
    pub layout: Layout,
    pub size: Size,
    pub focus: PaneId,
    pub alternates: Alternates,
    pub zoom: bool,
    pub linear: bool,
    /// This client was started to read and never has control.
    pub reads_only: bool,
    pub composer: Composer,
    pub overlay: Option<Overlay>,
    pub toast: Option<Toast>,
    /// Keys typed of a sequence that is not finished.
    pub pending_keys: Vec<Key>,
    pub arming: Arming,
    /// The time of the first of two stop keys, on our clock.
    pub stop_armed_at_ms: Option<u64>,
    pub search: Option<String>,
    pub window: Window,
    /// Its action is shown once it is known.
    pub way: Way,
    pictured: Option<pictures::Pictured>,
}

/// The terminal's window.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    /// Whether it has the focus, once it has reported it.
    pub in_front: Option<bool>,
    /// The first click after it came to the front only brings it there.
    pub click_is_swallowed: bool,
}

/// The initial state of a client.
#[derive(Debug)]
pub struct Start {
    pub look: Look,
    pub keymap: Keymap,
    pub size: Size,
    pub linear: bool,
    /// Shown until the host says more: the workspace's or session's name.
    pub title: String,
    /// The local time zone, in seconds east of UTC.
    pub utc_offset_s: i32,
    /// Time an item must have been on the screen before a key may approve it.
    pub arm_after_ms: u64,
    /// A past session is viewed, event by event.
    pub is_record: bool,
    /// The client never has control.
    pub reads_only: bool,
    pub way: Way,
}

impl App {
    #[must_use]
    pub fn new(start: Start) -> Self {
        let focus = PaneId::Diff;
        let input = LayoutInput {
            size: start.size,
            focus,
            large: focus,
            lower: PaneId::Tests,
            zoom: false,
            linear: start.linear,
            composer_rows: 0,
        };
        let mut app = Self {
            scene: Scene::new(start.look, start.title),
            panes: Panes::default(),
            keymap: start.keymap,
            layout: layout::arrange(input),
            size: start.size,
            focus,
            alternates: Alternates::default(),
            zoom: false,
            linear: start.linear,
            reads_only: start.reads_only,
            composer: Composer::default(),
            overlay: None,
            toast: None,
            pending_keys: Vec::new(),
            arming: Arming::after(start.arm_after_ms),
            stop_armed_at_ms: None,
            search: None,
            window: Window::default(),
            way: start.way,
            pictured: None,
        };
        if app.way.first != HomeFirst::No {
            let gives_way = app.way.first == HomeFirst::IfPending;
            app.overlay = Some(Overlay::Home(Box::new(Home::new(None).giving_way(gives_way))));
        }
        app.scene.in_zone(start.utc_offset_s);
        app.scene.record = start.is_record.then(record::Record::default);
        app.refresh();
        app
    }

    /// Lays the screen out again and brings every pane's rows up to date with the scene.
    pub fn refresh(&mut self) {
        self.layout = layout::arrange(LayoutInput {
            size: self.size,
            focus: self.focus,
            large: self.alternates.large,
            lower: self.alternates.lower,
            zoom: self.zoom,
            linear: self.linear,
            composer_rows: composer::draw::rows(self),
        });
        if let Some(Overlay::Prompt(prompt)) = &mut self.overlay {
            prompt.lay_out(self.size);
        }
        self.panes.diff.one_sided = self.layout.shape == layout::Shape::Lines;
        let touched = std::mem::take(&mut self.scene.touched);
        self.panes.refresh(&self.scene, &self.layout, touched);
    }

    /// A message is being written, and there is a session that keeps it.
    #[must_use]
    pub fn has_draft(&self) -> bool {
        !self.composer.entry.is_empty() && self.scene.record.is_none() && self.scene.session.opened.is_some()
    }

    /// Asks for the picture of what is shown, if there is none yet, and before that for the contents it needs.
    pub fn compute_pictures(&mut self) -> Vec<Request> {
        pictures::compute(self)
    }

    pub fn focus_on(&mut self, pane: PaneId) {
        self.focus = pane;
        if matches!(pane, PaneId::Tests | PaneId::Output) {
            self.alternates.lower = pane;
        }
        if matches!(pane, PaneId::Diff | PaneId::Talk) {
            self.alternates.large = pane;
        }
    }

    /// Says something in the line above the hints until the next key.
    pub fn say(&mut self, toast: Toast) {
        self.toast = Some(toast);
    }
}
