//! The report after a stop: what was ended, what is left, what could not be looked at.

use ratatui::layout::Rect;

use super::open_box;
use crate::base::text::{Show, escape, width};
use crate::model::event::Census;
use crate::model::session::Phase;
use crate::ui::app::App;
use crate::ui::look::Brush;
use crate::ui::terminal::Frame;
use crate::ui::theme::Role;

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

/// "Unknown" is never told as "none".
fn report(census: &Census, app: &App, columns: usize) -> Vec<(String, Role)> {
    let mut lines: Vec<(String, Role)> = Vec::new();
    let mut say = |text: String, role: Role| {
        lines.extend(
            width::wrap(&text, columns).into_iter().filter_map(|range| Some((text.get(range)?.to_owned(), role))),
        );
    };
    let seconds = format!("{}.{:02} s", census.checked_ms / 1000, census.checked_ms % 1000 / 10);
    let role = if census.survivors.is_empty() && census.unknown.is_empty() { Role::Ok } else { Role::Fail };
    let found = census.survivors.len() + census.ended.len();
    say(format!("census {seconds}: {} survivors of {found} processes", census.survivors.len()), role);
    let named = |list: &[crate::model::event::Survivor]| {
        let words = list.iter().map(|one| format!("{} {}", escape::show(&one.argv, &Show::default()), one.pid));
        words.collect::<Vec<_>>().join(" · ")
    };
    if !census.survivors.is_empty() {
        say(format!("still there: {}", named(&census.survivors)), Role::Fail);
    }
    if !census.unknown.is_empty() {
        let unknown: Vec<_> =
            census.unknown.iter().map(|one| escape::show(one, &Show::default()).into_owned()).collect();
        say(format!("unknown (could not be looked at): {}", unknown.join(" · ")), Role::Unknown);
    }
    if !census.ended.is_empty() {
        say(format!("ended: {}", named(&census.ended)), Role::TextSoft);
    }
    let count = |test: fn(Phase) -> bool| app.scene.session.actions.iter().filter(|state| test(state.phase)).count();
    let finished = count(|phase| matches!(phase, Phase::Finished(_)));
    let lapsed = count(|phase| matches!(phase, Phase::Lapsed(_)));
    say(format!("{finished} actions finished · {lapsed} lapsed"), Role::Text);
    lines
}
