//! A rule in the making: its words, where and how long it counts, and what it would have covered.

use super::open_box;
use crate::base::text::{Show, escape, width};
use crate::ui::app::App;
use crate::ui::app::always::Always;
use crate::ui::look::Brush;
use crate::ui::terminal::Frame;
use crate::ui::theme::{Role, Sign};
use crate::wire::{Allowed, PastAllowed};
use ratatui::layout::Rect;

/// Rows of commands that are shown at once.
const ROWS_MAX: usize = 8;

const FOOT: &str = "← → words · Space * · * more words · Tab where · t how long · Esc closes";

fn shown(text: &str) -> String {
    escape::show(text, &Show::default()).into_owned()
}

/// What the host says of the rule, in lines.
fn effect(effect: Option<&Result<Allowed, String>>, what: &str) -> Vec<(String, Role)> {
    let allowed = match effect {
        None => return vec![(format!("comparing it with earlier {what}…"), Role::TextSoft)],
        Some(Err(why)) => return vec![(shown(why), Role::Fail)],
        Some(Ok(allowed)) => allowed,
    };
    if let Some(fault) = &allowed.fault {
        return vec![(format!("even with this rule it asks: {}", shown(fault)), Role::Fail)];
    }
    let (covers, refused) = (allowed.covers.len(), allowed.refused.len());
    let would = match allowed.compared {
        0 => format!("no earlier {what} in this session to compare it with"),
        compared => format!("of {compared} earlier {what} in this session it would have allowed {covers}"),
    };
    let mut lines = vec![(would, Role::Text)];
    if let Some(past) = allowed.past.as_ref().filter(|past| past.compared > 0) {
        let PastAllowed { sessions, compared, covers, refused } = past;
        let noun = if *sessions == 1 { "session" } else { "sessions" };
        let text =
            format!("of {compared} {what} in {sessions} past {noun} of this project it would have allowed {covers}");
        lines.push((text, Role::Text));
        if *refused > 0 {
            lines.push((format!("you refused {refused} of those"), Role::Warn));
        }
    }
    if refused > 0 {
        let names = allowed.refused.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
        lines.push((format!("you refused {refused} of them: {}", shown(&names)), Role::Warn));
    }
    if allowed.compared == 0 {
        return lines;
    }
    let nearest = allowed.nearest.as_ref().map(|line| format!("nearest that still asks: {}", shown(line)));
    lines.push((nearest.unwrap_or_else(|| format!("none of the similar {what} would still ask")), Role::TextSoft));
    lines
}

pub(super) fn view(always: &Always, app: &App, frame: &mut Frame<'_>, screen: Rect) {
    let width = screen.width.saturating_sub(4).clamp(30, 96);
    let columns = usize::from(width.saturating_sub(4));
    let (rows, at) = always.rows();
    let first = at.saturating_sub(ROWS_MAX - 1);
    let (scope, bound) = always.bounds();
    let kept = if always.is_kept() { " · kept in your policy.toml" } else { "" };
    let mut about = vec![(format!("counts {scope}, {bound}{kept}"), Role::Text)];
    let (what, widened_by) = always.about_what();
    about.extend(effect(always.effect.as_ref(), what));
    let wrap = |(text, role): (String, Role)| {
        let part = |range: std::ops::Range<usize>| (text.get(range).unwrap_or_default().to_owned(), role);
        width::wrap(&text, columns).into_iter().map(part).collect::<Vec<_>>()
    };
    let about: Vec<(String, Role)> = about.into_iter().flat_map(wrap).collect();
    let used = rows.len().min(ROWS_MAX) + about.len();
    let height = u16::try_from(used).unwrap_or(u16::MAX).saturating_add(6).min(screen.height);
    let inside = open_box(app, frame, width, height, "Allow it, and make a rule", Role::OverlayBorder);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    let mut y = inside.y;
    for (n, row) in rows.iter().enumerate().skip(first).take(ROWS_MAX) {
        let sign = if n == at { app.scene.look.sign(Sign::Current) } else { " " };
        let mut x = brush.text(inside.x, y, inside.right(), sign, Role::Accent) + 1;
        for word in row {
            let role = match (word.is_star, word.is_last && n == at) {
                (true, _) => Role::Warn,
                (false, true) => Role::Accent,
                (false, false) => Role::TextStrong,
            };
            x = brush.cut(x, y, inside.right(), &shown(&word.text), role) + 1;
        }
        y += 1;
    }
    y += 1;
    for (text, role) in about.iter().take(usize::from(inside.bottom().saturating_sub(y + 2))) {
        brush.cut(inside.x, y, inside.right(), text, *role);
        y += 1;
    }
    let key = app.keymap.shown("approve").unwrap_or_default();
    let foot = inside.bottom();
    let foot_of = |by| format!("← → {by} · Tab where · t how long · Esc closes");
    let hint = widened_by.map_or_else(|| FOOT.to_owned(), foot_of);
    brush.cut(
        inside.x,
        foot.saturating_sub(2),
        inside.right(),
        &format!("{key} approves it and makes the rule"),
        Role::Key,
    );
    brush.cut(inside.x, foot.saturating_sub(1), inside.right(), &hint, Role::Hint);
}
