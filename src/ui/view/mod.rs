//! The whole screen: header, panes, inbox line, composer, hints, and the overlays.

use crate::base::text::{Show, escape, width};
use crate::markdown;
use crate::model::Kind;
use crate::model::event::Held;
use crate::model::plan::PlanSubject;
use crate::ui::app::toast::Tone;
use crate::ui::app::{App, Link, offers, seat};
use crate::ui::commands::{self, Command, Scope, ended_infrastructure};
use crate::ui::composer;
use crate::ui::layout::{PaneId, Shape};
use crate::ui::limits::UI_INBOX_LINE_COLUMNS_MAX;
use crate::ui::look::Brush;
use crate::ui::overlays;
use crate::ui::panes::{self, inbox};
use crate::ui::terminal::Frame;
use crate::ui::theme::{Role, Sign};
use ratatui::layout::Rect;

pub(super) mod ages;
pub(super) mod header;

/// Draws the client. Looks only: no IO, no parsing, cost by the cells of the screen.
pub fn view(app: &App, frame: &mut Frame<'_>) {
    let area = frame.area();
    let look = &app.scene.look;
    let mut brush = Brush::new(frame.buffer, look);
    if look.style(Role::Text).bg.is_some() {
        brush.clear(area, Role::Text);
    }
    if app.layout.shape == Shape::TooSmall {
        let text = "rightseat needs 40 columns and 10 rows";
        brush.cut(0, 0, area.width, text, Role::Text);
        return;
    }
    header::view(app, &mut brush);
    for place in app.layout.places.iter().filter(|place| place.pane != app.focus) {
        panes::view(app, place, &mut brush);
    }
    // The focused pane last: its frame covers the lines it shares with its neighbors.
    if let Some(place) = app.layout.place(app.focus) {
        panes::view(app, place, &mut brush);
    }
    tabs(app, &mut brush);
    inbox_line(app, &mut brush);
    composer::draw::line(app, &mut brush);
    foot(app, &mut brush);
    frame.links = std::mem::take(&mut brush.links);
    if app.composer.open && app.overlay.is_none() {
        composer::draw::message(app, frame);
    }
    overlays::view(app, frame);
}

/// In the one-pane shape the bottom frame names the other panes, with a summary of each.
fn tabs(app: &App, brush: &mut Brush<'_>) {
    let Some(place) = app.layout.places.first().filter(|_| app.layout.places.len() == 1) else { return };
    if app.layout.shape == Shape::Lines {
        return;
    }
    let y = place.outer.bottom().saturating_sub(1);
    let end = place.outer.right().saturating_sub(14);
    let mut x = brush.text(place.outer.x + 1, y, end, " ", Role::Title);
    let others = PaneId::ALL.iter().copied().filter(|id| *id != app.focus);
    let mut names: Vec<(String, String)> = others
        .map(|id| {
            let note = app.panes.get(id).note(&app.scene).map_or_else(String::new, |note| format!(" {note}"));
            (format!("{} {}", id.number(), id.name()), note)
        })
        .collect();
    let columns = |names: &[(String, String)]| -> usize {
        names.iter().map(|(name, note)| width::width(name) + width::width(note) + 3).sum()
    };
    // A name is worth more than a summary.
    while columns(&names) > usize::from(end.saturating_sub(x) + 3)
        && let Some((_, note)) = names.iter_mut().find(|(_, note)| !note.is_empty())
    {
        note.clear();
    }
    for (name, note) in names {
        if usize::from(x) + width::width(&name) + width::width(&note) + 3 > usize::from(end) {
            break;
        }
        if x > place.outer.x + 2 {
            x = brush.text(x, y, end, &format!(" {} ", brush.look.sign(Sign::Dot)), Role::TextFaint);
        }
        x = brush.text(x, y, end, &format!("{name}{note}"), Role::Title);
    }
    brush.text(x, y, end, " ", Role::Title);
}

fn inbox_line(app: &App, brush: &mut Brush<'_>) {
    let Some(line) = app.layout.inbox_line else { return };
    let first = app
        .scene
        .held_target()
        .map(|(state, _)| state.action.id.clone())
        .or_else(|| app.panes.inbox.waiting().next().cloned());
    let Some(id) = first else {
        brush.cut(line.x + 1, line.y, line.right(), "nothing pending", Role::TextFaint);
        return;
    };
    let Some(mut row) = inbox::waiting_row(&app.scene, &id, line.width) else { return };
    let says = app.scene.session.actions.get(&id).and_then(|state| state.action.rationale.as_ref());
    // In one line, whatever it was: no more of it than there could be columns for.
    let words = says.map(|rationale| markdown::words(width::prefix(&rationale.text, UI_INBOX_LINE_COLUMNS_MAX)));
    if let Some(says) = words.filter(|says| !says.is_empty()) {
        row = row.and(format!("  \"{says}\""), Role::TextSoft);
    }
    let more = app.scene.waits().saturating_sub(1);
    if more > 0 {
        row = row.right(format!("  +{more}"), Role::Held);
    }
    row.draw(brush, line, 0);
}

/// The line of a toast. While an action is pending or a message is written, their keys stay in sight: the toast is on the
/// frame of the lowest pane, or on the inbox line where there are no frames.
fn toast_line(app: &App) -> Rect {
    let hints = app.layout.hints;
    if (app.scene.waits() == 0 && !app.composer.open) || app.overlay.is_some() {
        return hints;
    }
    let frame = app.layout.places.iter().map(|place| place.outer.bottom()).max().map_or(hints.y, |bottom| bottom - 1);
    match app.layout.inbox_line {
        Some(line) if app.layout.shape == Shape::Lines => line,
        Some(_) | None => Rect { y: frame, ..hints },
    }
}

fn toast(app: &App, brush: &mut Brush<'_>) {
    let Some(toast) = &app.toast else { return };
    let line = toast_line(app);
    let (sign, role) = match toast.tone {
        Tone::Plain => ("", Role::Text),
        Tone::Warning => (brush.look.sign(Sign::Warning), Role::Warn),
        Tone::Error => (brush.look.sign(Sign::Failed), Role::Fail),
    };
    brush.clear(line, Role::Text);
    let x = brush.text(line.x + 1, line.y, line.right(), sign, role);
    brush.cut(if sign.is_empty() { x } else { x + 1 }, line.y, line.right(), &toast.text, role);
}

/// The last line: a toast, the keys that may follow, or the hints.
fn foot(app: &App, brush: &mut Brush<'_>) {
    let line = app.layout.hints;
    toast(app, brush);
    if app.toast.is_some() && toast_line(app) == line {
        return;
    }
    let end = line.right().saturating_sub(1);
    let mut x = line.x + 1;
    if !app.pending_keys.is_empty() {
        for binding in app.keymap.continuations(Scope::In(app.focus), &app.pending_keys) {
            x = hint(brush, x, line.y, end, &binding.shown(), binding.command.label);
        }
        return;
    }
    if app.composer.open && app.overlay.is_none() {
        if let Some(words) = composer::draw::search_words(app) {
            x = brush.cut(x, line.y, end, &words, Role::Text) + 2;
        }
        if let Some((state, _)) = app.scene.held_target() {
            x = hint(brush, x, line.y, end, "Esc", &format!("to the keys of {}", state.action.id));
        }
        for (key, label) in composer::draw::hints(app) {
            let needs = u16::try_from(key.len() + label.len() + 1).unwrap_or(u16::MAX);
            if x.saturating_add(needs) > end {
                break;
            }
            x = hint(brush, x, line.y, end, key, label);
        }
        return;
    }
    let right: Vec<_> = ["help", "palette"]
        .iter()
        .filter_map(|name| Some((app.keymap.shown(name)?, commands::find(name)?.label)))
        .collect();
    let width: usize = right.iter().map(|(key, label)| key.len() + label.len() + 3).sum();
    let right_x = end.saturating_sub(u16::try_from(width).unwrap_or(0));
    let mut at = right_x;
    for (key, label) in &right {
        at = hint(brush, at, line.y, line.right(), key, label);
    }
    for name in hinted(app) {
        let (Some(key), Some(command)) = (app.keymap.shown(name), commands::find(name)) else { continue };
        let label = hint_label(app, command);
        let needs = u16::try_from(key.chars().count() + width::width(&label) + 1).unwrap_or(u16::MAX);
        if x.saturating_add(needs) >= right_x {
            break;
        }
        x = hint(brush, x, line.y, right_x.saturating_sub(1), &key, &label);
    }
}

/// Returns what the key does here: where a guard rail holds the action, it opens the question for a word; where the
/// agent offers options, the one it sends.
pub(super) fn hint_label(app: &App, command: &Command) -> String {
    let held = app.scene.held_target().and_then(|(state, _)| state.held.as_ref());
    match held.and_then(|held| held.confirm.as_ref()) {
        Some(word) if command.name == "approve" => {
            format!("approve by typing {}", escape::show(word, &Show::default()))
        }
        Some(_) | None => {
            let label = offers::label(&app.scene, command.name, offers::name_columns(app.size.width));
            label.unwrap_or_else(|| commands::label(app, command).to_owned())
        }
    }
}

fn hint(brush: &mut Brush<'_>, x: u16, y: u16, end: u16, key: &str, label: &str) -> u16 {
    let x = brush.text(x, y, end, key, Role::Key);
    brush.text(x + 1, y, end, label, Role::Hint) + 2
}

/// The same while this client is not in control, or is asked for it.
fn hinted_of_seat(app: &App) -> Option<Vec<&'static str>> {
    if matches!(app.scene.link, Link::Lost(_) | Link::Connecting) {
        return Some(vec!["quit"]);
    }
    if !app.scene.has_control() && app.scene.record.is_none() && !app.reads_only {
        return Some(vec!["take-control", "follow", "swap", "yank", "detach"]);
    }
    seat::asked_by(app).map(|_| vec!["take-control", "refuse-control", "approve", "deny", "swap"])
}

/// Returns the commands worth a reminder now, most useful first.
pub(super) fn hinted(app: &App) -> Vec<&'static str> {
    let session = &app.scene.session;
    if let Some(hinted) = hinted_of_seat(app) {
        return hinted;
    }
    if app.scene.record.is_some() {
        return vec!["step", "step-back", "events", "jump", "continue", "from-start", "swap", "quit"];
    }
    if session.ended.is_some() && app.scene.held_target().is_none() {
        return vec!["compose", "undo", "rewind", "swap", "yank", "quit"];
    }
    if app.scene.comparison.is_some() {
        return vec!["scope", "files", "viewed", "comment", "whitespace", "diff-view", "leave"];
    }
    if session.frozen.is_some() {
        return vec!["pause", "stop", "undo", "rewind", "compose", "detach"];
    }
    let Some((state, _)) = app.scene.held_target() else { return idle_hints(app) };
    // No lease covers a guard-rail action, and there is no step past it.
    if state.held.as_ref().is_some_and(Held::is_guarded) {
        return vec!["approve", "redirect", "deny", "explain", "edit", "test", "pause", "stop"];
    }
    if state.action.kind() == Kind::Network {
        return vec!["approve", "always", "deny", "redirect", "explain", "pause", "stop"];
    }
    let mut names = vec!["approve"];
    if state.action.form().is_some() {
        return vec!["approve", "deny", "redirect", "options", "explain", "pause", "stop"];
    }
    if let Some(document) = state.action.document() {
        let own: &[_] = match document.subject {
            PlanSubject::Plan => &["approve", "deny", "redirect", "comment", "diff-view", "options", "edit"],
            PlanSubject::Replan => &["approve", "toggle-hunk", "deny", "redirect"],
            PlanSubject::Objection { .. } => &["approve", "deny", "redirect"],
            PlanSubject::StepEnd { .. } => &["approve", "redirect", "undo", "rewind", "deny"],
        };
        let offered = |name: &&str| *name != "options" || !state.action.options.is_empty();
        return own.iter().copied().filter(offered).chain(["explain", "pause", "stop"]).collect();
    }
    if !state.action.options.is_empty() {
        names.extend(["deny", "options"]);
    }
    names.push("edit");
    if state.action.kind() == Kind::Edit {
        names.push("toggle-hunk");
    }
    let more = ["redirect", "deny", "explain", "test", "step", "pause", "stop", "lease"];
    names.extend(more.into_iter().filter(|name| !(*name == "deny" && names.contains(name))).collect::<Vec<_>>());
    names
}

/// The commands that matter while nothing is pending.
fn idle_hints(app: &App) -> Vec<&'static str> {
    if app.focus == PaneId::Plan {
        return vec![
            "plan-add",
            "plan-add-below",
            "plan-reword",
            "plan-remove",
            "plan-move-down",
            "plan-pin",
            "pause",
            "stop",
        ];
    }
    if app.focus == PaneId::Tests && app.scene.session.checks.total > 0 {
        return vec![
            "test",
            "test-failed",
            "test-selected",
            "test-source",
            "test-filter",
            "test-find",
            "pause",
            "stop",
        ];
    }
    if ended_infrastructure(app).is_some() {
        return vec!["verify", "roll-back", "compose", "continue", "pause", "stop", "undo", "detach"];
    }
    vec!["compose", "continue", "mode", "pause", "stop", "undo", "rewind", "detach"]
}
