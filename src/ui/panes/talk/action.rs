//! What the agent did, in the conversation: one row of what it is and what became of it, and its body where that is
//! unfolded.

use super::TalkRow;
use crate::base::text::{Show, ansi, escape};
use crate::base::{ActionId, Digest};
use crate::diff::{self, FileDiff};
use crate::model::Kind;
use crate::model::action::{Author, Content, FileEdit};
use crate::model::event::{Decider, OutcomeWord, Verdict};
use crate::model::session::{ActionState, Phase};
use crate::ui::app::Scene;
use crate::ui::limits::{UI_TALK_DIFF_BYTES_MAX, UI_TALK_FAILURE_LINES_MAX, UI_TALK_OUTPUT_LINES_MAX};
use crate::ui::panes::inbox::action_words;
use crate::ui::panes::row::{Row, wrapped};
use crate::ui::panes::why::phase_role;
use crate::ui::theme::{Role, Sign};
use std::collections::BTreeMap;

/// Lines that edits add and remove, by the digest of the action: contents are not kept for ever.
#[derive(Debug, Default)]
pub struct Counts(BTreeMap<ActionId, (Digest, usize, usize)>);

impl Counts {
    fn of(&mut self, state: &ActionState) -> Option<(usize, usize)> {
        let action = &state.action;
        if let Some((_, added, removed)) = self.0.get(&action.id).filter(|(digest, ..)| *digest == action.digest) {
            return Some((*added, *removed));
        }
        let diffs = action.files().iter().map(difference).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())?;
        let sum = |count: fn(&FileDiff) -> usize| diffs.iter().map(count).sum();
        let (added, removed) = (sum(|diff| diff.added), sum(|diff| diff.removed));
        self.0.insert(action.id.clone(), (action.digest, added, removed));
        Some((added, removed))
    }
}

/// The difference that an edit of a file makes, where both versions are at hand and short enough to compare here.
fn difference(file: &FileEdit) -> Option<FileDiff> {
    let text = |content: &Option<Content>| match content {
        None => Some(String::new()),
        Some(Content::Text(text)) if text.len() <= UI_TALK_DIFF_BYTES_MAX => Some(text.clone()),
        Some(Content::Text(_) | Content::Blob { .. }) => None,
    };
    Some(FileDiff::new(text(&file.before)?, text(&file.after)?))
}

/// Reads that a rule let through: a run of them is one row.
pub fn is_routine_read(state: &ActionState) -> bool {
    let decided = state.decided.as_ref();
    state.action.kind() == Kind::Read
        && state.alarms.is_empty()
        && decided.is_some_and(|d| d.verdict == Verdict::Approve && matches!(d.by, Decider::Rule(_)))
}

/// A command that the user ran, not the agent.
pub fn is_own_command(state: &ActionState) -> bool {
    state.action.author == Author::Human && state.action.revision == 1 && state.action.kind() == Kind::Command
}

/// The rows of an action. What failed shows the end of its output; the rest unfolds.
pub fn rows(scene: &Scene, state: &ActionState, counts: &mut Counts, is_open: bool, columns: u16) -> Vec<TalkRow> {
    let mut rows = vec![row(scene, state, counts, Role::Text)];
    for (title, answer) in state.answers() {
        wrapped(&mut rows, "  › ", Role::Human, &format!("{title}: {answer}"), Role::Human, columns);
    }
    let reason = state.decided.as_ref().and_then(|decided| decided.reason.as_ref());
    if let Some(reason) = reason.filter(|reason| !reason.trim().is_empty()) {
        wrapped(&mut rows, "  › ", Role::Human, reason, Role::TextSoft, columns);
    }
    let has_failed = state.finished.as_ref().is_some_and(|finished| finished.exit.is_some_and(|exit| exit != 0));
    if is_open {
        rows.extend(body(state));
    } else if has_failed && matches!(state.phase, Phase::Finished(_)) {
        rows.extend(output(state, UI_TALK_FAILURE_LINES_MAX));
    }
    rows.into_iter().map(TalkRow::Plain).collect()
}

/// The row of an action among others: sign, name, what it does, its size and step; at the right end the result, who
/// decided, and when.
pub fn row(scene: &Scene, state: &ActionState, counts: &mut Counts, role: Role) -> Row {
    let role_now = phase_role(state.phase);
    let sign = match state.phase {
        Phase::Held | Phase::Proposed => Sign::Held,
        Phase::Approved | Phase::Running => Sign::Active,
        Phase::Finished(OutcomeWord::Ok | OutcomeWord::Recovered) => Sign::Done,
        Phase::Finished(_) => Sign::Failed,
        Phase::Denied | Phase::Redirected | Phase::Lapsed(_) => Sign::Skipped,
    };
    let alarm = if state.alarms.is_empty() { String::new() } else { format!(" {}", scene.look.sign(Sign::Warning)) };
    let mut row = Row::new(format!("{} ", scene.look.sign(sign)), role_now)
        .and(format!("{} ", state.action.id), Role::TextSoft)
        .and(action_words(state), role)
        .and(alarm, Role::Alarm);
    if let Some((added, removed)) = counts.of(state) {
        let minus = scene.look.sign(Sign::Minus);
        row = row.and(format!("  +{added}"), Role::Ok).and(format!(" {minus}{removed}"), Role::Fail);
    }
    let steps = &scene.session.plan.steps;
    if let Some(step) = state.action.step.as_ref().and_then(|id| steps.iter().position(|step| step.id == *id)) {
        row = row.and(format!("  step {}", step + 1), Role::TextFaint);
    }
    row.right(verdict(scene, state), role_now)
}

/// What became of it: the result where it is not plain success, who decided what, and when.
fn verdict(scene: &Scene, state: &ActionState) -> String {
    let exit = state.finished.as_ref().and_then(|finished| finished.exit);
    let result = match (state.phase, exit) {
        (Phase::Finished(_), Some(exit)) => Some(format!("exit {exit}")),
        (Phase::Finished(OutcomeWord::Ok) | Phase::Approved | Phase::Denied | Phase::Redirected, _) => None,
        (phase, _) => Some(phase.words().to_owned()),
    };
    let decided = state.decided.as_ref().map(|decided| match &decided.by {
        Decider::Human(_) if is_own_command(state) => "run by you".to_owned(),
        Decider::Human(client) if client.is_script() => format!("{} by a script of yours", decided.verdict.words()),
        Decider::Human(client) if client.key().is_some() => format!("{} by a key of yours", decided.verdict.words()),
        Decider::Human(_) => format!("{} by you", decided.verdict.words()),
        Decider::Rule(rule) => {
            let rule = escape::show(rule.as_str(), &Show::default());
            format!("{} by rule {rule}", decided.verdict.words())
        }
        Decider::Lease(_) => format!("{} by lease", decided.verdict.words()),
    });
    let at = state.times.finished_at.or(state.times.started_at).unwrap_or(state.times.proposed_at);
    let decided = decided.map(|words| format!("{words} {}", scene.clock(at)));
    result.into_iter().chain(decided).collect::<Vec<_>>().join(" · ")
}

/// The unfolded body: the change of an edit, the output of everything else.
fn body(state: &ActionState) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in state.action.files() {
        let Some(change) = difference(file) else { continue };
        for line in diff::hunks_text(&change, UI_TALK_DIFF_BYTES_MAX).lines().take(UI_TALK_OUTPUT_LINES_MAX) {
            let role = match line.as_bytes().first() {
                Some(b'+') => Role::DiffAddSign,
                Some(b'-') => Role::DiffDelSign,
                Some(b'@') => Role::TextFaint,
                Some(_) | None => Role::TextSoft,
            };
            rows.push(Row::new(escape::show(line, &Show::default()).into_owned(), role).indented(4));
        }
    }
    rows.extend(output(state, UI_TALK_OUTPUT_LINES_MAX));
    if rows.is_empty() {
        rows.push(Row::new("no output", Role::TextFaint).indented(4));
    }
    rows
}

/// The last lines of its output.
fn output(state: &ActionState, lines_max: usize) -> Vec<Row> {
    let lines = ansi::lines(state.output.tail.as_bytes());
    let lines: Vec<String> = lines.into_iter().map(|line| line.text).filter(|text| !text.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(lines_max);
    let more = (from > 0).then(|| format!("… {from} earlier lines"));
    more.into_iter()
        .chain(lines.into_iter().skip(from))
        .map(|text| Row::new(text, Role::TextSoft).indented(4))
        .collect()
}
