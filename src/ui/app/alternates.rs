//! Places that panes share. The large one shows the item under review, otherwise the conversation; it never changes while
//! the user reads, moves or types in it.

use super::App;
use crate::model::Envelope;
use crate::model::event::Event;
use crate::model::session::Speaker;
use crate::ui::commands::Command;
use crate::ui::layout::PaneId;

/// Which pane each shared place shows.
#[derive(Debug, Clone, Copy)]
pub struct Alternates {
    /// Diff or Talk.
    pub large: PaneId,
    /// Tests or Output, whichever was looked at last: the two-column shape shows one of them.
    pub lower: PaneId,
    /// The user moved in the large place since it last changed by itself: it stays.
    pub reading: bool,
    /// A turn ended with an answer while an item was pending: the conversation is shown when none is.
    owes_answer: bool,
}

impl Default for Alternates {
    fn default() -> Self {
        Self { large: PaneId::Diff, lower: PaneId::Tests, reading: false, owes_answer: false }
    }
}

/// After new events.
pub(super) fn follow(app: &mut App, envelopes: &[Envelope]) {
    let any = |is: fn(&Event) -> bool| envelopes.iter().any(|envelope| is(&envelope.event));
    let ends = any(|event| matches!(event, Event::TurnEnded(_)));
    app.alternates.owes_answer |= ends && has_answered(app);
    app.alternates.owes_answer &= app.alternates.large == PaneId::Diff && app.scene.session.turns.current.is_none();
    // An empty composer that is still open after the last message is no reading or typing.
    let writes = app.composer.open && !app.composer.entry.is_empty();
    if app.scene.record.is_some() || writes || app.overlay.is_some() {
        return;
    }
    if app.scene.waits() > 0 {
        if any(|event| matches!(event, Event::Held(_)))
            && app.alternates.large == PaneId::Talk
            && app.panes.talk.is_at_end()
        {
            show(app, PaneId::Diff);
        }
        return;
    }
    if app.alternates.large != PaneId::Diff || app.alternates.reading {
        return;
    }
    let begins = app.scene.target.is_none() && any(|event| matches!(event, Event::Said(_)));
    if app.alternates.owes_answer || begins {
        show(app, PaneId::Talk);
    }
}

/// After the user sent a message: the answer comes here.
pub(super) fn prompted(app: &mut App) {
    if app.scene.waits() == 0 {
        app.panes.talk.go_to_end();
        show(app, PaneId::Talk);
    }
}

/// The user wants the other of the two.
pub fn swap(app: &mut App) {
    let other = if app.alternates.large == PaneId::Talk { PaneId::Diff } else { PaneId::Talk };
    app.focus_on(other);
}

/// A command that the user gave.
pub(super) fn commanded(app: &mut App, command: &Command) {
    match command.group {
        "move" => app.alternates.reading |= app.focus == PaneId::Diff,
        "decide" => app.alternates.reading = false,
        _ => {}
    }
}

fn show(app: &mut App, pane: PaneId) {
    app.alternates.large = pane;
    (app.alternates.reading, app.alternates.owes_answer) = (false, false);
    if matches!(app.focus, PaneId::Diff | PaneId::Talk) {
        app.focus = pane;
    }
}

/// The agent has said something since the user's last message.
fn has_answered(app: &App) -> bool {
    let mut newest = app.scene.session.transcript.iter().rev();
    let spoken = newest.find(|entry| matches!(entry.speaker, Speaker::Agent(_) | Speaker::Human));
    spoken.is_some_and(|entry| matches!(entry.speaker, Speaker::Agent(_)))
}
