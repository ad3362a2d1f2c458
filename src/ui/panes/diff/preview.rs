//! A pending command that was tried in a layer: what it would change, and what it wrote.

use crate::base::text::{Show, escape};
use crate::model::FileChange;
use crate::model::event::{InLayer, OutcomeWord, WouldChange};
use crate::model::session::{ActionState, Phase};
use crate::ui::app::Scene;
use crate::ui::limits::UI_PREVIEW_OUTPUT_LINES_MAX;
use crate::ui::panes::row::{Row, wrapped};
use crate::ui::theme::{Role, Sign};

/// Describes the newest preview of this action.
pub(super) fn rows(rows: &mut Vec<Row>, scene: &Scene, state: &ActionState, columns: u16) {
    let found = scene.session.actions.recent().find_map(|other| {
        let layer = other.finished.as_ref()?.layer.as_ref()?;
        (layer.previews.as_ref() == Some(&state.action.id)).then_some((other, layer))
    });
    let Some((tried, layer)) = found else { return };
    rows.push(Row::default());
    let is_apart = tried.finished.as_ref().is_some_and(|finished| finished.apart);
    head(rows, tried, (layer.dry_run, is_apart), columns);
    if tried.phase == Phase::Finished(OutcomeWord::Ok) || tried.finished.as_ref().is_some_and(|f| f.exit.is_some()) {
        if !layer.dry_run || !layer.would.is_empty() {
            changes(rows, layer, scene.look.sign(Sign::Minus), columns);
        }
        output(rows, tried, columns);
    }
}

fn head(rows: &mut Vec<Row>, tried: &ActionState, (is_dry_run, is_apart): (bool, bool), columns: u16) {
    let finished = tried.finished.as_ref();
    let exit = finished.and_then(|finished| finished.exit);
    let (name, place) = match (is_dry_run, is_apart) {
        (true, true) => ("dry run", "by the tool itself, in a layer with network; nothing was kept"),
        (true, false) => ("dry run", "by the tool itself, outside of a layer"),
        (false, _) => ("preview", "in a layer without network; nothing was kept"),
    };
    let (words, role) = match exit {
        Some(0) => (format!("exit 0, {place}"), Role::Ok),
        Some(code) => (format!("exit {code}, {place}"), Role::Warn),
        None => (finished.and_then(|f| f.detail.clone()).unwrap_or_else(|| "it did not end".to_owned()), Role::Fail),
    };
    let line = tried.action.command().map(crate::model::Command::line).unwrap_or_default();
    wrapped(rows, &format!("{name} {}  ", tried.action.id), Role::Accent, &words, role, columns);
    wrapped(rows, "  $ ", Role::TextSoft, &line, Role::TextSoft, columns);
}

fn changes(rows: &mut Vec<Row>, layer: &InLayer, minus: &str, columns: u16) {
    if layer.would.is_empty() && layer.more == 0 {
        rows.push(Row::new("would change  ", Role::TextSoft).and("no file", Role::Text));
    }
    for change in &layer.would {
        rows.push(named(change, minus));
        for line in change.hunks.lines() {
            let role = match line.as_bytes().first() {
                Some(b'+') => Role::DiffAddSign,
                Some(b'-') => Role::DiffDelSign,
                Some(b'@') => Role::TextFaint,
                _ => Role::TextSoft,
            };
            wrapped(rows, "  ", Role::Text, line, role, columns);
        }
    }
    if layer.more > 0 {
        rows.push(Row::new(format!("and {} more, not listed or not content", layer.more), Role::TextSoft));
    }
}

fn named(change: &WouldChange, minus: &str) -> Row {
    let verb = match change.change {
        FileChange::Modify => "would change  ",
        FileChange::Create => "would create  ",
        FileChange::Delete => "would delete  ",
        FileChange::Rename => "would rename  ",
    };
    let path = escape::show(change.path.as_str(), &Show::default()).into_owned();
    Row::new(verb, Role::TextSoft)
        .and(path, Role::TextStrong)
        .and(format!("  +{}", change.added), Role::DiffAddSign)
        .and(format!(" {minus}{}", change.removed), Role::DiffDelSign)
}

/// The end of what it wrote.
fn output(rows: &mut Vec<Row>, tried: &ActionState, columns: u16) {
    let lines: Vec<&str> = tried.output.tail.lines().rev().take(UI_PREVIEW_OUTPUT_LINES_MAX).collect();
    if lines.is_empty() {
        return;
    }
    rows.push(Row::new("output", Role::TextSoft));
    for line in lines.into_iter().rev() {
        wrapped(rows, "  ", Role::Text, line, Role::Text, columns);
    }
}
