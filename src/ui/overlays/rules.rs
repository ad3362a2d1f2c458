//! The rules and the open leases, with their uses; each can be revoked, and a lease narrowed and extended.

use super::open_box;
use crate::base::UnixMs;
use crate::base::limits::{LEASE_ACTIONS_DEFAULT, LEASE_MINUTES_DEFAULT};
use crate::base::text::{Show, escape};
use crate::model::event::{RuleScope, RulingWord};
use crate::model::limits::LEASE_ACTIONS_MAX;
use crate::model::session::{Lease, dollars};
use crate::ui::app::{App, Scene};
use crate::ui::look::Brush;
use crate::ui::terminal::Frame;
use crate::ui::theme::{Role, Sign};
use crate::wire::{self, RuleList, RuleRow};
use ratatui::layout::Rect;

/// An open list.
#[derive(Debug, Default)]
pub struct Rules {
    /// The host's answer, once it is there.
    list: Option<RuleList>,
    cursor: usize,
}

/// A row and the request that revokes it.
struct Row {
    name: String,
    about: String,
    revoke: Option<wire::Request>,
}

fn shown(text: &str) -> String {
    escape::show(text, &Show::default()).into_owned()
}

fn left(until: UnixMs, now: UnixMs) -> String {
    let minutes = until.0.saturating_sub(now.0) / 60_000;
    match minutes {
        0 if until <= now => "over".to_owned(),
        0..=119 => format!("{} min", minutes.max(1)),
        120..=2_879 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / (24 * 60)),
    }
}

fn rule_row(row: &RuleRow, now: UnixMs) -> Row {
    let scope = match (row.scope, &row.workspace) {
        (Some(RuleScope::Step), _) => "this step",
        (Some(RuleScope::Session), _) => "this session",
        (Some(RuleScope::Project), _) | (None, Some(_)) => "one project",
        (Some(RuleScope::User), _) | (None, None) => "everywhere",
    };
    let until = row.until.map(|until| format!(" · {}", left(until, now))).unwrap_or_default();
    let revoke = wire::Request::RuleRevoke(wire::RuleRevoke { rule: row.rule.clone() });
    Row {
        name: format!("{} {}", row.ruling.word(), shown(&row.text)),
        about: format!("{} uses · {scope}{until} · {}", row.uses, shown(row.rule.as_str())),
        revoke: row.revocable.then_some(revoke),
    }
}

fn lease_row(lease: &Lease, now: UnixMs) -> Row {
    let granted = &lease.granted;
    let what = match (granted.paths.is_empty(), granted.commands.is_empty()) {
        (true, true) => "any edit".to_owned(),
        _ => granted.paths.iter().chain(&granted.commands).map(|text| shown(text)).collect::<Vec<_>>().join(" · "),
    };
    let spent = |max| format!(" · {} of {}", dollars(lease.cost_micros), dollars(max));
    let cost = granted.cost_micros_max.map(spent).unwrap_or_default();
    let step =
        granted.step.as_ref().map_or_else(|| "any step".to_owned(), |step| format!("step {}", shown(step.as_str())));
    Row {
        name: format!("lease {what}"),
        about: format!("{} of {} uses{cost} · {step} · {}", lease.spent, granted.actions_max, left(granted.until, now)),
        revoke: Some(wire::Request::LeaseRevoke(wire::LeaseRevoke { lease: granted.lease.clone() })),
    }
}

impl Rules {
    pub fn answered(&mut self, list: RuleList) {
        self.list = Some(list);
    }

    fn rows(&self, scene: &Scene) -> Vec<Row> {
        let now = scene.session.at;
        let rules = self.list.iter().flat_map(|list| &list.rules).map(|row| rule_row(row, now));
        // What is asked least about comes first: rules that allow.
        let mut rows: Vec<(bool, Row)> = self
            .list
            .iter()
            .flat_map(|list| &list.rules)
            .map(|row| row.ruling != RulingWord::Allow)
            .zip(rules)
            .collect();
        rows.sort_by_key(|(tightens, _)| *tightens);
        let leases = scene.session.leases.open(now).map(|lease| lease_row(lease, now));
        leases.chain(rows.into_iter().map(|(_, row)| row)).collect()
    }

    pub fn go(&mut self, down: bool, scene: &Scene) {
        let last = self.rows(scene).len().saturating_sub(1);
        self.cursor = if down { (self.cursor + 1).min(last) } else { self.cursor.saturating_sub(1) };
    }

    /// The lease at the cursor with what is left of it, in minutes and actions.
    fn lease(&self, scene: &Scene) -> Option<wire::LeaseGrant> {
        let now = scene.session.at;
        let lease = scene.session.leases.open(now).nth(self.cursor)?;
        let granted = lease.granted.clone();
        let minutes = granted.until.0.saturating_sub(now.0).div_ceil(60_000);
        Some(wire::LeaseGrant {
            step: granted.step,
            paths: granted.paths,
            commands: granted.commands,
            minutes: Some(u32::try_from(minutes).unwrap_or(u32::MAX).max(1)),
            actions_max: Some(granted.actions_max.saturating_sub(lease.spent).max(1)),
            cost_micros_max: granted.cost_micros_max.map(|most| most.saturating_sub(lease.cost_micros)),
            replaces: Some(granted.lease),
        })
    }

    /// The lease at the cursor for half of what is left.
    ///
    /// # Errors
    /// The reason that nothing can be narrowed here.
    pub fn narrowed(&self, scene: &Scene) -> Result<wire::Request, &'static str> {
        let lease = self.lease(scene).ok_or("only a lease can be narrowed: revoke a rule and make another one")?;
        let half = |left: Option<u32>| left.map(|left| left.div_ceil(2));
        let (minutes, actions_max) = (half(lease.minutes), half(lease.actions_max));
        if (minutes, actions_max) == (lease.minutes, lease.actions_max) {
            return Err("one action and one minute are left: revoke it instead");
        }
        Ok(wire::Request::LeaseGrant(wire::LeaseGrant { minutes, actions_max, ..lease }))
    }

    /// The lease at the cursor for longer, and for more actions.
    pub fn extended(&self, scene: &Scene) -> Option<wire::LeaseGrant> {
        let lease = self.lease(scene)?;
        let more = |left: Option<u32>, more: u32| left.map(|left| left.saturating_add(more));
        Some(wire::LeaseGrant {
            minutes: more(lease.minutes, LEASE_MINUTES_DEFAULT),
            actions_max: more(lease.actions_max, LEASE_ACTIONS_DEFAULT).map(|most| most.min(LEASE_ACTIONS_MAX)),
            ..lease
        })
    }

    /// The request that revokes the row at the cursor.
    ///
    /// # Errors
    /// The reason that it cannot be revoked here.
    pub fn revoke(&self, scene: &Scene) -> Result<wire::Request, &'static str> {
        let row = self.rows(scene).into_iter().nth(self.cursor).ok_or("there is nothing to revoke")?;
        row.revoke.ok_or("this rule is in a file that you wrote: edit the file, it is read again at once")
    }
}

pub(super) fn view(rules: &Rules, app: &App, frame: &mut Frame<'_>, screen: Rect) {
    let width = screen.width.saturating_sub(4).clamp(30, 110);
    let rows = rules.rows(&app.scene);
    let most = usize::from(screen.height.saturating_sub(6)) / 2;
    let count = rows.len().min(most.max(1));
    let height = u16::try_from(count * 2).unwrap_or(u16::MAX).saturating_add(4).max(6);
    let inside = open_box(app, frame, width, height, "Rules and leases", Role::OverlayBorder);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    if rows.is_empty() {
        let text = if rules.list.is_some() { "no rules of your own, and no lease" } else { "requested from the host" };
        brush.cut(inside.x, inside.y, inside.right(), text, Role::TextSoft);
    }
    let cursor = rules.cursor.min(rows.len().saturating_sub(1));
    let first = cursor.saturating_sub(count.saturating_sub(1));
    for (y, (at, row)) in (inside.y..).step_by(2).zip(rows.iter().enumerate().skip(first).take(count)) {
        let here = at == cursor;
        let sign = if here { app.scene.look.sign(Sign::Current) } else { " " };
        brush.text(inside.x, y, inside.right(), sign, Role::Accent);
        brush.cut(inside.x + 2, y, inside.right(), &row.name, if here { Role::TextStrong } else { Role::Text });
        brush.cut(inside.x + 4, y + 1, inside.right(), &row.about, Role::TextSoft);
    }
    let hint = "j k move · X revokes · - narrows a lease, + extends it · Esc closes";
    brush.cut(inside.x, inside.bottom().saturating_sub(1), inside.right(), hint, Role::Hint);
}
