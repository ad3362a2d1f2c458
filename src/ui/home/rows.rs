//! The rows of home: which sessions and pending actions there are, in which order, and the text of the one under the
//! cursor.

use super::{Asks, Home, Item, Tab, view, visible};
use crate::base::text::width;
use crate::base::{ActionId, Digest, SessionId};
use crate::model::event::Verdict;
use crate::model::session::{dollars, tokens};
use crate::ui::panes::inbox::age_words;
use crate::ui::theme::Role;
use crate::wire::{LineRole, Machine, Overview, Pending, SessionState};
use ratatui::layout::Size;
use std::cmp::Reverse;

/// Lines of one row of text, wrapped.
pub(super) type Line = (Role, String);

impl Home {
    /// The rows of the open tab.
    pub(super) fn items(&self) -> Vec<Item> {
        match self.tab {
            Tab::Inbox => self.pending().into_iter().map(|(machine, session, one)| item(machine, session, Some(one))),
            Tab::Sessions => return self.sessions().into_iter().map(|(m, session)| item(m, session, None)).collect(),
        }
        .collect()
    }

    fn all(&self) -> impl Iterator<Item = (&Machine, &Overview)> {
        let machines = self.machines.iter().flatten();
        machines.flat_map(|machine| machine.sessions.iter().map(move |session| (machine, session)))
    }

    /// Everything that is pending: risk times age times how much waits behind it, the greatest first.
    pub(super) fn pending(&self) -> Vec<(&Machine, &Overview, &Pending)> {
        let all = self.all().filter(|(_, session)| session.ended.is_none());
        let each = all.flat_map(|(m, session)| session.pending.iter().map(move |pending| (m, session, pending)));
        let mut found: Vec<_> = each.filter(|(m, session, one)| self.is_found(m, session, &one.words)).collect();
        found.sort_by_key(|(_, session, pending)| {
            let risk = if pending.is_guarded() { 100 } else { u64::from(pending.risk) };
            let minutes = self.at.0.saturating_sub(pending.held_at.unwrap_or(self.at).0) / 60_000;
            let blocks = session.pending.len() as u64;
            (Reverse((risk + 1).saturating_mul(minutes + 1).saturating_mul(blocks)), pending.held_at)
        });
        found
    }

    /// The sessions, those that wait first, then the newest.
    pub(super) fn sessions(&self) -> Vec<(&Machine, &Overview)> {
        let is_shown = |session: &Overview| self.shows_archived || !session.label.archived;
        let mut found: Vec<_> =
            self.all().filter(|(m, session)| is_shown(session) && self.is_found(m, session, "")).collect();
        found.sort_by_key(|(_, session)| (session.state, Reverse(session.at)));
        found
    }

    fn is_found(&self, machine: &Machine, session: &Overview, words: &str) -> bool {
        let texts = [
            machine.host.as_deref(),
            Some(session.session.as_str()),
            session.label.name.as_deref(),
            session.goal.as_deref(),
            session.workspace.as_deref(),
            session.agent.as_ref().map(|agent| agent.name.as_str()),
            Some(words),
        ];
        let all: Vec<String> = texts.into_iter().flatten().map(str::to_lowercase).collect();
        self.filter.to_lowercase().split_whitespace().all(|word| all.iter().any(|text| text.contains(word)))
    }

    /// The pending actions of one machine that are equal in everything that an approval covers; guard rails are never
    /// among them. What another machine says of a digest is only its word, so it stands for no action elsewhere.
    pub(super) fn equal(&self, host: Option<&str>, digest: Digest) -> Vec<Item> {
        let pending = self.pending().into_iter();
        let equal = pending.filter(|(machine, session, one)| {
            let is_plain = !one.is_guarded() && !one.opens && one.comments.is_empty() && session.running;
            machine.host.as_deref() == host && one.digest == digest && is_plain
        });
        equal.map(|(machine, session, one)| item(machine, session, Some(one))).collect()
    }

    /// Rows that the text of the pending action takes on a screen of this size.
    pub(super) fn text_rows(&self, size: Size) -> usize {
        self.text(usize::from(view::parts(size).text.width)).len()
    }

    /// The text beside the list, wrapped to this width.
    pub(super) fn text(&self, columns: usize) -> Vec<Line> {
        if let Some((Asks::Group(items), _)) = &self.typing {
            return wrapped(self.group(items), columns);
        }
        let Some(on) = &self.on else { return Vec::new() };
        if on.action.is_none() {
            return self.overview(on).map(|session| wrapped(about(session), columns)).unwrap_or_default();
        }
        match &self.shown {
            Some((item, Ok(shown))) if item == on => {
                let role = |role: LineRole| match role {
                    LineRole::Heading => Role::TextStrong,
                    LineRole::Text => Role::Text,
                    LineRole::Removed => Role::DiffDel,
                    LineRole::Added => Role::DiffAdd,
                };
                let comments = self.under_cursor().map(|(_, pending)| &pending.comments[..]).unwrap_or_default();
                let comments =
                    comments.iter().map(|comment| (Role::Human, format!("your open comment {}", visible(comment))));
                let mut lines: Vec<Line> = comments.collect();
                lines.extend(shown.lines.iter().map(|(r, text)| (role(*r), visible(text))));
                if !shown.complete {
                    lines.push((Role::Warn, "there is more than is shown here: Enter opens the session".to_owned()));
                }
                wrapped(lines, columns)
            }
            Some((item, Err(why))) if item == on => wrapped(vec![(Role::Warn, visible(why))], columns),
            Some(_) | None => vec![(Role::TextSoft, "reading it".to_owned())],
        }
    }

    /// What an approval of all equal items would approve.
    fn group(&self, items: &[Item]) -> Vec<Line> {
        let Some((_, pending)) = self.under_cursor() else { return Vec::new() };
        let mut lines = vec![
            (Role::TextStrong, format!("{} equal actions would be approved:", items.len())),
            (Role::Text, pending.words.clone()),
            (Role::Text, String::new()),
        ];
        lines.extend(items.iter().map(|item| {
            let place = self.overview(item).and_then(|session| session.workspace.as_deref()).unwrap_or_default();
            let action = item.action.as_ref().map_or("", |action| action.as_str());
            let host = item.host.as_ref().map(|host| format!("{host}: ")).unwrap_or_default();
            (Role::Text, visible(&format!("{host}{} {action} in {place}", item.session)))
        }));
        lines
    }

    /// The verdict on this action that waits for the link to its machine.
    pub(super) fn unsent(&self, item: &Item) -> Option<Verdict> {
        let machine = self.machines.iter().flatten().find(|machine| machine.host == item.host)?;
        unsent(machine, &item.session, item.action.as_ref()?)
    }

    /// What is to be known of a row whose machine is not connected, before its words.
    pub(super) fn mark(&self, machine: &Machine, session: &Overview, action: Option<&ActionId>) -> String {
        let unsent = action.and_then(|action| unsent(machine, &session.session, action));
        let unsent = unsent.map(|verdict| format!("{}, not sent yet · ", verdict.words())).unwrap_or_default();
        let lost = machine.lost_at.map(|at| format!("reconnecting, {} old · ", age(self.at, at))).unwrap_or_default();
        unsent + &lost
    }

    /// What cannot be shown, of each machine.
    pub(super) fn troubles(&self) -> Vec<String> {
        let machines = self.machines.iter().flatten();
        let said = machines.filter_map(|machine| {
            let why = machine.trouble.as_ref()?;
            Some(machine.host.as_ref().map_or_else(|| why.clone(), |host| format!("{host}: {why}")))
        });
        said.map(|text| visible(&text)).collect()
    }
}

fn unsent(machine: &Machine, session: &SessionId, action: &ActionId) -> Option<Verdict> {
    let found = machine.unsent.iter().find(|one| one.session == *session && one.action == *action);
    found.map(|one| one.verdict)
}

fn item(machine: &Machine, session: &Overview, pending: Option<&Pending>) -> Item {
    let action = pending.map(|pending| pending.action.clone());
    Item { host: machine.host.clone(), session: session.session.clone(), action }
}

fn wrapped(lines: Vec<Line>, columns: usize) -> Vec<Line> {
    let each = lines.into_iter().flat_map(|(role, line)| {
        let rows = width::wrap(&line, columns.max(1));
        let rows: Vec<Line> =
            rows.into_iter().map(|row| (role, line.get(row).unwrap_or_default().to_owned())).collect();
        if rows.is_empty() { vec![(role, String::new())] } else { rows }
    });
    each.collect()
}

/// The name that the user gave, else the goal, else the session's own.
pub(super) fn title(session: &Overview) -> String {
    let goal = session.goal.as_deref().and_then(|goal| goal.lines().find(|line| !line.trim().is_empty()));
    visible(session.label.name.as_deref().or(goal).unwrap_or(session.session.as_str()))
}

/// The last part of the workspace's path.
pub(super) fn project(session: &Overview) -> String {
    let path = session.workspace.as_deref().unwrap_or_default();
    visible(path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(path))
}

pub(super) fn age(now: crate::base::UnixMs, at: crate::base::UnixMs) -> String {
    age_words(now.0.saturating_sub(at.0))
}

/// Cost or tokens, as far as the agent tells them.
pub(super) fn cost(session: &Overview) -> String {
    let usage = &session.usage;
    let count = usage.tokens_in.unwrap_or_default() + usage.tokens_out.unwrap_or_default();
    match (usage.cost_micros, count) {
        (Some(micros), _) if micros > 0 => dollars(micros),
        (_, 0) => String::new(),
        (_, count) => tokens(count),
    }
}

pub(super) fn state_role(state: SessionState) -> Role {
    match state {
        SessionState::Waits => Role::Waits,
        SessionState::Works => Role::Running,
        SessionState::Idle | SessionState::EndedOpen => Role::Text,
        SessionState::Resumable | SessionState::Ended => Role::TextSoft,
    }
}

/// One session in full.
fn about(session: &Overview) -> Vec<Line> {
    let mut lines = vec![(Role::TextStrong, title(session)), (Role::Text, String::new())];
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push((Role::Text, format!("{name:<10}{value}")));
        }
    };
    row("session", session.session.to_string());
    row("goal", session.goal.as_deref().map(visible).unwrap_or_default());
    row("directory", session.workspace.as_deref().map(visible).unwrap_or_default());
    row("branch", session.branch.as_deref().map(visible).unwrap_or_default());
    let agent = session.agent.as_ref();
    row("agent", agent.map(|a| format!("{}, {}", visible(&a.name), a.isolation.word())).unwrap_or_default());
    row("mode", session.mode.word().to_owned());
    row("state", session.state.words().to_owned());
    row("plan", session.plan.map(|plan| format!("{} of {} steps", plan.done, plan.total)).unwrap_or_default());
    row("tests", session.tests.map(|t| format!("{} passed, {} failed", t.passed, t.failed)).unwrap_or_default());
    row("cost", cost(session));
    row("actions", format!("{}, {} pending", session.actions, session.held));
    row("alarms", if session.alarms > 0 { session.alarms.to_string() } else { String::new() });
    for pending in &session.pending {
        lines.push((Role::Waits, format!("{} {}", pending.action, pending.words)));
    }
    if let Some(last) = &session.last {
        lines.push((Role::Text, String::new()));
        lines.extend(last.lines().map(|line| (Role::Text, visible(line))));
    }
    lines
}
