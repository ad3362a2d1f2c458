//! The report after a stop: the processes that were ended, that are left, and that could not be checked.

use super::open_box;
use crate::base::text::{Show, escape, width};
use crate::model::Kind;
use crate::model::event::{Census, Survivor};
use crate::model::session::Phase;
use crate::ui::app::App;
use crate::ui::limits::UI_ENDED_SHOWN_MAX;
use crate::ui::look::Brush;
use crate::ui::terminal::Frame;
use crate::ui::theme::Role;
use ratatui::layout::Rect;

pub(super) fn view(census: &Census, app: &App, frame: &mut Frame<'_>, screen: Rect) {
    let box_width = screen.width.saturating_sub(2).clamp(30, 80);
    let lines = report(census, app, usize::from(box_width.saturating_sub(4)));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4).min(screen.height);
    let clean = census.survivors.is_empty() && census.unknown.is_empty();
    let border = if clean { Role::OverlayBorder } else { Role::OverlayAlarm };
    let inside = open_box(app, frame, box_width, height, "Stopped", border);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    for (y, (text, role)) in (inside.y..inside.bottom().saturating_sub(2)).zip(&lines) {
        brush.cut(inside.x, y, inside.right(), text, *role);
    }
    brush.cut(inside.x, inside.bottom().saturating_sub(1), inside.right(), &keys(app), Role::Hint);
}

/// The keys that do something here, as the keymap has them.
fn keys(app: &App) -> String {
    let named = ["rewind", "quit"].iter().filter_map(|name| Some(format!("{} {name}  ", app.keymap.shown(name)?)));
    format!("{}Esc back to the session", named.collect::<String>())
}

/// The program of a command line, without its directory and arguments.
fn program(argv: &str) -> &str {
    let first = argv.split_whitespace().next().unwrap_or(argv);
    first.rsplit('/').next().unwrap_or(first)
}

/// "Unknown" is never shown as "none".
fn report(census: &Census, app: &App, columns: usize) -> Vec<(String, Role)> {
    let mut lines: Vec<(String, Role)> = Vec::new();
    let mut say = |text: String, role: Role| {
        lines.extend(
            width::wrap(&text, columns).into_iter().filter_map(|range| Some((text.get(range)?.to_owned(), role))),
        );
    };
    let seconds = |ms: u64| format!("{}.{:02} s", ms / 1000, ms % 1000 / 10);
    let role = if census.survivors.is_empty() && census.unknown.is_empty() { Role::Ok } else { Role::Fail };
    let found = census.survivors.len() + census.ended.len();
    let before = [("frozen", census.frozen_ms), ("killed", census.killed_ms)];
    let before = before.into_iter().filter_map(|(what, ms)| Some(format!("{what} {} · ", seconds(ms?))));
    let survivors = match census.survivors.len() {
        1 => "1 survivor".to_owned(),
        count => format!("{count} survivors"),
    };
    let (before, checked) = (before.collect::<String>(), seconds(census.checked_ms));
    say(format!("{before}census {checked}: {survivors} of {found} processes"), role);
    // A survivor is named in full; what is gone by its program.
    let named = |list: &[Survivor], name: fn(&str) -> &str| {
        let words = list.iter().take(UI_ENDED_SHOWN_MAX);
        let words = words.map(|one| format!("{} {}", escape::show(name(&one.argv), &Show::default()), one.pid));
        let more = list.len().saturating_sub(UI_ENDED_SHOWN_MAX);
        let more = (more > 0).then(|| format!("{more} more"));
        words.chain(more).collect::<Vec<_>>().join(" · ")
    };
    if !census.survivors.is_empty() {
        say(format!("still there: {}", named(&census.survivors, |argv| argv)), Role::Fail);
    }
    if !census.unknown.is_empty() {
        let unknown: Vec<_> =
            census.unknown.iter().map(|one| escape::show(one, &Show::default()).into_owned()).collect();
        say(format!("unknown (could not be checked): {}", unknown.join(" · ")), Role::Unknown);
    }
    if !census.ended.is_empty() {
        say(format!("ended: {}", named(&census.ended, program)), Role::TextSoft);
    }
    let count = |test: fn(Phase) -> bool| app.scene.session.actions.iter().filter(|state| test(state.phase)).count();
    let finished = count(|phase| matches!(phase, Phase::Finished(_)));
    let lapsed = count(|phase| matches!(phase, Phase::Lapsed(_)));
    let through = |phase| matches!(phase, Phase::Finished(_));
    let last =
        app.scene.session.actions.recent().find(|state| state.action.kind() == Kind::Edit && through(state.phase));
    let tree = last.map_or_else(String::new, |state| format!(" · workspace as after {}", state.action.id));
    let plural = if finished == 1 { "" } else { "s" };
    say(format!("{finished} action{plural} finished · {lapsed} lapsed{tree}"), Role::Text);
    lines
}
