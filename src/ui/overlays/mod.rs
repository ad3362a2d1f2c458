//! The overlays over the panes: prompts, choices, help, the palette, the inline editor, the report after a stop.

mod always;
mod choice;
mod editor;
pub mod help;
pub mod palette;
mod pipeline;
mod prompt;
pub mod queue;
mod revert;
mod rule;
mod rules;
mod stopped;

use ratatui::layout::Rect;

pub use choice::{AgentSetting, Awaited, Choice, Pick, meaning, unsupervised_paths};
pub use editor::Editor;
pub use pipeline::{Pipeline, PipelineKey};
pub use prompt::{Commented, Prompt, Purpose};
pub use revert::Revert;
pub use rule::Draft;
pub use rules::Rules;

use crate::base::{ActionId, Digest};
use crate::model::event::Census;
use crate::ui::app::App;
use crate::ui::app::always::Always;
use crate::ui::entry::Entry;
use crate::ui::home::{self, Home};
use crate::ui::layout::Shape;
use crate::ui::look::Brush;
use crate::ui::terminal::Frame;
use crate::ui::theme::Role;
use crate::ui::welcome::{self, Welcome};

/// At most one is open.
#[derive(Debug)]
pub enum Overlay {
    Prompt(Prompt),
    Choose(Choice),
    Revert(Revert),
    Help(help::Help),
    Palette(palette::Palette),
    Edit(Editor),
    Rule(Draft),
    Queue(queue::QueueList),
    Always(Always),
    Rules(Rules),
    Pipeline(Pipeline),
    Stopped(Census),
    /// Before there is a session.
    Welcome(Box<Welcome>),
    /// All sessions, with or without one below.
    Home(Box<Home>),
}

impl Overlay {
    /// The field that keys are typed into.
    #[must_use]
    pub fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Prompt(prompt) => Some(&prompt.entry),
            Self::Edit(editor) => Some(&editor.entry),
            Self::Rule(draft) => Some(&draft.entry),
            Self::Palette(palette) => Some(palette.entry()),
            Self::Choose(_)
            | Self::Revert(_)
            | Self::Queue(_)
            | Self::Help(_)
            | Self::Stopped(_)
            | Self::Always(_)
            | Self::Rules(_)
            | Self::Home(_)
            | Self::Pipeline(_)
            | Self::Welcome(_) => None,
        }
    }

    /// The revision of an action that this overlay would decide on.
    #[must_use]
    pub fn about(&self) -> Option<(&ActionId, &Digest)> {
        match self {
            Self::Prompt(prompt) => prompt.purpose.about(),
            Self::Choose(choice) => choice.decides.as_ref().map(|(action, digest)| (action, digest)),
            Self::Always(always) => Some(always.about()),
            Self::Revert(_)
            | Self::Help(_)
            | Self::Palette(_)
            | Self::Edit(_)
            | Self::Rule(_)
            | Self::Queue(_)
            | Self::Rules(_)
            | Self::Pipeline(_)
            | Self::Stopped(_)
            | Self::Home(_)
            | Self::Welcome(_) => None,
        }
    }
}

/// Draws the open overlay over everything else.
pub fn view(app: &App, frame: &mut Frame<'_>) {
    let Some(overlay) = &app.overlay else { return };
    let screen = frame.area();
    match overlay {
        Overlay::Prompt(prompt) => prompt::view(prompt, app, frame, screen),
        Overlay::Choose(choice) => choice::view(choice, app, frame, screen),
        Overlay::Revert(revert) => revert::view(revert, app, frame, screen),
        Overlay::Help(help) => help::view(help, app, frame, screen),
        Overlay::Palette(palette) => palette::view(palette, app, frame, screen),
        Overlay::Edit(editor) => editor::view(editor, app, frame, screen),
        Overlay::Rule(draft) => rule::view(draft, app, frame, screen),
        Overlay::Queue(list) => queue::view(list, app, frame, screen),
        Overlay::Always(always) => always::view(always, app, frame, screen),
        Overlay::Rules(rules) => rules::view(rules, app, frame, screen),
        Overlay::Pipeline(pipeline) => pipeline::view(pipeline, app, frame, screen),
        Overlay::Stopped(census) => stopped::view(census, app, frame, screen),
        Overlay::Welcome(welcome) => welcome::view(welcome, app, frame),
        Overlay::Home(open) => home::view(open, app, frame),
    }
}

/// Draws a list that another overlay has open.
pub(in crate::ui) fn view_choice(choice: &Choice, app: &App, frame: &mut Frame<'_>) {
    let screen = frame.area();
    choice::view(choice, app, frame, screen);
}

/// A box of at most this size in the middle (a third from the top), cleared and framed; returns the room inside,
/// one column in from the frame.
pub(in crate::ui) fn open_box(
    app: &App,
    frame: &mut Frame<'_>,
    width: u16,
    height: u16,
    title: &str,
    border: Role,
) -> Rect {
    let screen = frame.area();
    let (width, height) = (width.min(screen.width), height.min(screen.height));
    // Between numbered lines it takes whole lines.
    let lines = app.layout.shape == Shape::Lines;
    let (x, width) = if lines { (0, screen.width) } else { ((screen.width - width) / 2, width) };
    let area = Rect::new(x, (screen.height - height) / 3, width, height);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    brush.clear(area, Role::Overlay);
    // Numbered lines have no boxes, on a narrow screen as little as for a screen reader.
    if !lines {
        brush.frame(area, border);
    }
    let end = area.right().saturating_sub(2);
    let x = brush.text(area.x + 1, area.y, end, " ", border);
    let x = brush.cut(x, area.y, end, title, Role::TextStrong);
    brush.text(x, area.y, area.right().saturating_sub(1), " ", border);
    Rect::new(area.x + 2, area.y + 1, area.width.saturating_sub(4), area.height.saturating_sub(2))
}
