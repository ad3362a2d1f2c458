//! The picture of home: tabs, the list, the text of what is under the cursor, and the keys.

use super::rows::{age, cost, project, state_role, title};
use super::{Asks, DELETE_WORD, DESPITE_WORD, GROUP_WORD, Home, STOP_WORD, Tab};
use crate::base::text::width;
use crate::model::event::Verdict;
use crate::ui::app::App;
use crate::ui::look::Brush;
use crate::ui::panes::inbox::risk_words;
use crate::ui::terminal::Frame;
use crate::ui::theme::{Role, Sign};
use ratatui::layout::{Rect, Size};

/// From here on the text is beside the list.
const WIDE_COLUMNS_MIN: u16 = 110;
/// Room that a question leaves for its answer.
const FIELD_COLUMNS_MIN: usize = 16;

/// The areas of the screen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    pub list: Rect,
    pub text: Rect,
    /// What failed, or what is typed.
    pub note: Rect,
}

pub(super) fn parts(size: Size) -> Parts {
    let (width, height) = (size.width, size.height);
    let body = height.saturating_sub(5);
    let note = Rect::new(1, height.saturating_sub(2), width.saturating_sub(2), 1);
    if width >= WIDE_COLUMNS_MIN {
        let list = width / 2 - 2;
        let text = Rect::new(list + 4, 3, width.saturating_sub(list + 5), body);
        return Parts { list: Rect::new(1, 3, list, body), text, note };
    }
    let rows = (body / 3).max(3).min(body);
    let list = Rect::new(1, 3, width.saturating_sub(2), rows);
    let text = Rect::new(1, 4 + rows, width.saturating_sub(2), body.saturating_sub(rows + 1));
    Parts { list, text, note }
}

/// Draws home over everything.
pub(in crate::ui) fn view(home: &Home, app: &App, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let parts = parts(Size::new(screen.width, screen.height));
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    brush.clear(screen, Role::Text);
    head(home, &mut brush, screen);
    match home.tab {
        Tab::Inbox => inbox(home, &mut brush, parts.list),
        Tab::Sessions => sessions(home, &mut brush, parts.list),
    }
    if parts.text.x > 1 {
        for y in parts.text.top()..parts.text.bottom() {
            brush.text(parts.text.x - 2, y, parts.text.x, app.scene.look.sign(Sign::Bar), Role::Border);
        }
    } else {
        brush.rule(1, parts.text.y.saturating_sub(1), screen.right().saturating_sub(1), Role::Border);
    }
    let rows = home.text(usize::from(parts.text.width));
    let top = home.top.min(rows.len().saturating_sub(1));
    for (y, (role, line)) in (parts.text.top()..parts.text.bottom()).zip(rows.iter().skip(top)) {
        brush.text(parts.text.x, y, parts.text.right(), line, *role);
    }
    let below = rows.len().saturating_sub(top + usize::from(parts.text.height));
    if below > 0 {
        let more = format!(" {below} more rows: Space ");
        let y = if parts.text.x > 1 { 2 } else { parts.text.y.saturating_sub(1) };
        brush.right(parts.text.x, y, parts.text.right(), &more, Role::Warn);
    }
    let keys = screen.bottom().saturating_sub(1);
    note(home, app, frame, parts.note);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    hints(home, &mut brush, keys, screen.right());
}

fn head(home: &Home, brush: &mut Brush<'_>, screen: Rect) {
    let end = screen.right().saturating_sub(1);
    let mut x = brush.text(1, 0, end, "rightseat", Role::HeaderStrong);
    x = brush.text(x + 2, 0, end, "home", Role::Header);
    let machines = home.machines.iter().flatten().filter(|machine| !machine.is_way).count();
    if machines > 1 {
        brush.text(x + 2, 0, end, &format!("{machines} machines"), Role::TextSoft);
    }
    let troubles = home.troubles();
    if let Some(first) = troubles.first() {
        let more = if troubles.len() > 1 { format!(" (and {} more)", troubles.len() - 1) } else { String::new() };
        let room = usize::from(end.saturating_sub(x + 16));
        brush.right(x + 14, 0, end, &width::cut_end(&format!("{first}{more}"), room), Role::Warn);
    }
    let mut x = 1;
    for (tab, name, count) in
        [(Tab::Inbox, "Inbox", home.pending().len()), (Tab::Sessions, "Sessions", home.sessions().len())]
    {
        let role = if home.tab == tab { Role::TitleFocus } else { Role::Title };
        x = brush.text(x, 1, end, &format!("{name} {count}"), role) + 3;
    }
    if !home.filter.is_empty() {
        brush.cut(x, 1, end, &format!("/{}", super::visible(&home.filter)), Role::Match);
    }
    brush.rule(1, 2, end, Role::Border);
}

/// What there is to say when there are no rows.
fn none(home: &Home, brush: &mut Brush<'_>, area: Rect, words: &str) {
    let words = match (&home.machines, home.filter.is_empty()) {
        (None, _) => "reading the sessions",
        (Some(_), false) => "nothing matches; / and Esc show all again",
        (Some(_), true) => words,
    };
    brush.cut(area.x, area.y, area.right(), words, Role::TextSoft);
}

fn inbox(home: &Home, brush: &mut Brush<'_>, area: Rect) {
    let rows = home.pending();
    if rows.is_empty() {
        return none(home, brush, area, "nothing is pending; Tab lists the sessions");
    }
    let window = home.list.window(rows.len(), usize::from(area.height));
    let shown = rows.iter().enumerate().skip(window.start).take(window.len());
    for (y, (at, (machine, session, pending))) in (area.y..).zip(shown) {
        let (risk, role) = risk_words(if pending.is_guarded() { 100 } else { pending.risk });
        let age = pending.held_at.map(|at| age(home.at, at)).unwrap_or_default();
        let right = brush.right(area.x + 20, y, area.right(), &format!("{age:>5}"), Role::TextSoft);
        let right = brush.right(area.x + 12, y, right.saturating_sub(1), risk, role);
        let place = machine.host.as_ref().map(|host| format!("{}:", super::visible(host))).unwrap_or_default();
        let place = format!("{place}{}", project(session));
        let place = width::cut_end(&place, usize::from(area.width) / 4).into_owned();
        let x = brush.text(area.x, y, right, sign(brush, pending.is_guarded()), Role::Held) + 1;
        brush.text(x, y, right, &place, Role::TextSoft);
        let x = x + area.width / 4 + 1;
        let x =
            brush.cut(x, y, right.saturating_sub(1), &home.mark(machine, session, Some(&pending.action)), Role::Warn);
        brush.cut(x, y, right.saturating_sub(1), &pending.words, Role::Text);
        cursor(home, brush, area, y, at);
    }
}

fn sign(brush: &Brush<'_>, guarded: bool) -> &'static str {
    brush.look.sign(if guarded { Sign::Warning } else { Sign::Waits })
}

fn sessions(home: &Home, brush: &mut Brush<'_>, area: Rect) {
    let rows = home.sessions();
    if rows.is_empty() {
        return none(home, brush, area, "no sessions yet; n starts one");
    }
    let window = home.list.window(rows.len(), usize::from(area.height));
    let shown = rows.iter().enumerate().skip(window.start).take(window.len());
    for (y, (at, (machine, session))) in (area.y..).zip(shown) {
        let mut right = area.right();
        let mut put = |brush: &mut Brush<'_>, text: &str, columns: u16, role: Role| {
            let start = right.saturating_sub(columns);
            if start > area.x + 24 {
                brush.right(start, y, right, text, role);
                right = start.saturating_sub(1);
            }
        };
        put(brush, &age(home.at, session.at), 6, Role::TextSoft);
        put(brush, session.state.words(), 11, state_role(session.state));
        let held = if session.held > 0 { format!("{} pending", session.held) } else { String::new() };
        put(brush, &held, 10, Role::Waits);
        if area.width >= 70 {
            let tests = session
                .tests
                .map(|t| if t.failed > 0 { format!("{} failed", t.failed) } else { "tests pass".to_owned() });
            let failed = session.tests.is_some_and(|t| t.failed > 0);
            put(brush, &tests.unwrap_or_default(), 10, if failed { Role::Fail } else { Role::Ok });
            let plan = session.plan.map(|plan| format!("plan {}/{}", plan.done, plan.total)).unwrap_or_default();
            put(brush, &plan, 11, Role::TextSoft);
        }
        if area.width >= 96 {
            put(brush, &cost(session), 8, Role::TextSoft);
            let agent = session.agent.as_ref().map(|a| super::visible(&a.name)).unwrap_or_default();
            put(brush, &width::cut_end(&agent, 12), 12, Role::TextSoft);
        }
        let here = home.here.as_ref() == Some(&session.session) && machine.host.is_none();
        let mark = if here { brush.look.sign(Sign::Active) } else { " " };
        let x = brush.text(area.x, y, right, mark, Role::Accent).max(area.x + 1) + 1;
        let place = machine.host.as_ref().map(|host| format!("{}:", super::visible(host))).unwrap_or_default();
        let x = brush.text(x, y, right, &place, Role::Accent);
        let x = brush.cut(x, y, right, &project(session), Role::TextStrong);
        let role = if session.label.archived { Role::TextFaint } else { Role::Text };
        let x = brush.cut(x + 1, y, right, &home.mark(machine, session, None), Role::Warn);
        brush.cut(x, y, right, &title(session), role);
        cursor(home, brush, area, y, at);
    }
}

fn cursor(home: &Home, brush: &mut Brush<'_>, area: Rect, y: u16, at: usize) {
    if at == home.list.cursor {
        brush.over(Rect::new(area.x, y, area.width, 1), Role::Cursor);
    }
}

/// The line that is typed, or what was done.
fn note(home: &Home, app: &App, frame: &mut Frame<'_>, area: Rect) {
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    let Some((asks, entry)) = &home.typing else {
        match &home.note {
            Some(Ok(text)) => drop(brush.cut(area.x, area.y, area.right(), text, Role::Ok)),
            Some(Err(text)) => drop(brush.cut(area.x, area.y, area.right(), &super::visible(text), Role::Warn)),
            None => {}
        }
        return;
    };
    let word = home.under_cursor().and_then(|(_, pending)| pending.confirm.clone());
    let label = match asks {
        Asks::Filter => "filter:".to_owned(),
        Asks::Reason(Verdict::Redirect) => "what should it do instead?".to_owned(),
        Asks::Reason(_) => "deny; a reason, or Enter:".to_owned(),
        Asks::Word(comments) => {
            let rail = if word.is_some() { "a guard rail: " } else { "" };
            let word = super::visible(word.as_deref().unwrap_or(DESPITE_WORD));
            let ask = format!("type {word} to approve:");
            let room = usize::from(area.width).saturating_sub(rail.len() + ask.len() + FIELD_COLUMNS_MIN + 8);
            match comments.is_empty() {
                true => format!("{rail}{ask}"),
                false => format!("{rail}open: {}; {ask}", width::cut_end(&super::visible(&comments.join("; ")), room)),
            }
        }
        Asks::Group(_) => format!("type {GROUP_WORD} to approve these:"),
        Asks::Name => "name of the session:".to_owned(),
        Asks::Stop => format!("type {STOP_WORD} to stop the agent and everything it started:"),
        Asks::Delete => format!("type {DELETE_WORD} to delete its record and everything kept with it:"),
    };
    let x = brush.text(area.x, area.y, area.right(), &label, Role::Accent) + 1;
    let field = Rect::new(x, area.y, area.right().saturating_sub(x), 1);
    entry.view(frame, field, &app.scene.look);
}

fn hints(home: &Home, brush: &mut Brush<'_>, y: u16, end: u16) {
    let keys: &[(&str, &str)] = match (&home.typing, home.tab) {
        (Some(_), _) => &[("Enter", "send"), ("Esc", "cancel")],
        (None, Tab::Inbox) => &[
            ("a", "approve"),
            ("d", "deny"),
            ("r", "redirect"),
            ("A", "approve equal"),
            ("Space", "read on"),
            ("Enter", "open"),
            ("Tab", "sessions"),
            ("/", "filter"),
            ("n", "new"),
            ("q", "leave"),
        ],
        (None, Tab::Sessions) => &[
            ("Enter", "open"),
            ("n", "new"),
            ("N", "name"),
            ("S", "stop"),
            ("Z", "archive"),
            ("X", "delete"),
            ("H", "archived"),
            ("Tab", "inbox"),
            ("/", "filter"),
            ("q", "leave"),
        ],
    };
    let mut x = 1;
    for (key, label) in keys {
        if x + 2 + u16::try_from(key.len() + label.len()).unwrap_or(u16::MAX) > end {
            return;
        }
        x = brush.text(x, y, end, key, Role::Key);
        x = brush.text(x + 1, y, end, label, Role::Hint) + 2;
    }
}
