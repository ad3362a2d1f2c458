//! The rows of Why that tell what an action rests on: what its agent cites, and what the host saw itself.

use super::row::{Row, wrapped};
use crate::base::text::{Show, escape};
use crate::model::check::CaseStatus;
use crate::model::session::ActionState;
use crate::model::{Evidence, EvidenceKind};
use crate::policy::grounds::{self, Ground, Sight};
use crate::ui::app::Scene;
use crate::ui::limits::UI_GROUND_CHARS_MAX;
use crate::ui::theme::{Role, Sign};

/// What the agent cites, each observed or only claimed, and what was seen before the action.
pub fn rows(rows: &mut Vec<Row>, scene: &Scene, state: &ActionState, columns: u16) {
    let cited = state.action.rationale.iter().flat_map(|rationale| &rationale.evidence);
    let start = rows.len();
    for evidence in cited {
        row_of(rows, scene, state, evidence, columns);
    }
    let head = Row::new("evidence", Role::TextSoft);
    let seen = grounds::of(&scene.session, state);
    let head = match (rows.len() == start, seen.is_empty()) {
        (false, _) => head,
        (true, true) => head.and(" none cited", Role::Warn),
        (true, false) => head.and(" none cited", Role::Warn).and("; seen before it:", Role::TextSoft),
    };
    rows.insert(start, head);
    for ground in &seen {
        ground_row(rows, scene, ground, columns);
    }
}

fn row_of(rows: &mut Vec<Row>, scene: &Scene, state: &ActionState, evidence: &Evidence, columns: u16) {
    let observed = grounds::is_observed(&scene.session, state, evidence);
    let (sign, role) = match (&evidence.kind, observed) {
        (EvidenceKind::Nothing, _) => (Sign::Unknown, Role::Warn),
        (_, Some(false)) => (Sign::Pending, Role::Warn),
        (EvidenceKind::Read | EvidenceKind::Line | EvidenceKind::Search, Some(true)) => (Sign::Done, Role::Ok),
        (EvidenceKind::Case, _) => {
            let case = evidence.r#ref.as_deref().unwrap_or_default();
            match grounds::ended(&scene.session, state, case) {
                Some(status) if status.is_bad() => (Sign::Failed, Role::Fail),
                Some(CaseStatus::Passed) => (Sign::Done, Role::Ok),
                Some(_) | None => (Sign::Active, Role::Accent),
            }
        }
        (EvidenceKind::Run | EvidenceKind::Trial, _) => (Sign::Done, Role::Ok),
        (
            EvidenceKind::Read
            | EvidenceKind::Line
            | EvidenceKind::Step
            | EvidenceKind::Search
            | EvidenceKind::Quote
            | EvidenceKind::Other(_),
            _,
        ) => (Sign::Active, Role::Accent),
    };
    let claimed = if observed == Some(false) { " (claimed)" } else { "" };
    let text = format!("{}{claimed}", evidence.text);
    let names_itself = evidence.line.is_none() && evidence.r#ref.as_deref() == Some(evidence.text.as_str());
    wrapped(rows, &format!(" {} ", scene.look.sign(sign)), role, &text, Role::Text, columns);
    if let Some(reference) = evidence.r#ref.as_ref().filter(|_| !names_itself) {
        let line = evidence.line.map_or_else(String::new, |line| format!(":{line}"));
        let reference = escape::show(reference, &Show::default());
        rows.push(Row::new(format!("   {reference}{line}"), Role::TextFaint));
    }
}

fn ground_row(rows: &mut Vec<Row>, scene: &Scene, ground: &Ground, columns: u16) {
    let (sign, role, text) = match ground {
        Ground::Read { path, how, by, at, part, digest, is_other, changed } => {
            let changed = match changed {
                Some(id) => format!(", changed since by {id}"),
                None if *is_other => ", changed since".to_owned(),
                None => String::new(),
            };
            let part = part.map_or_else(String::new, |part| format!(" {}", part.words()));
            let version = digest.map_or_else(String::new, |digest| format!(", version {}", digest.short()));
            let by = format!("{by}, {}{version}", scene.clock(*at));
            let (sign, text) = match how {
                Sight::Read => (Sign::Done, format!("read {path}{part} ({by}){changed}")),
                Sight::Wrote => (Sign::Done, format!("wrote {path} ({by}){changed}")),
                Sight::Named => (Sign::Active, format!("{path} is named by a command ({by}){changed}")),
            };
            let role = match (changed.is_empty(), how) {
                (false, _) => Role::Warn,
                (true, Sight::Named) => Role::TextSoft,
                (true, Sight::Read | Sight::Wrote) => Role::Ok,
            };
            (sign, role, text)
        }
        Ground::NotRead { path } => (Sign::Unknown, Role::Warn, format!("{path} was not read in this session")),
        Ground::Run { run, at, passed, failed, first } => {
            let clock = scene.clock(*at);
            match (failed, first) {
                (0, _) => (Sign::Done, Role::Ok, format!("{passed} passed ({run}, {clock})")),
                (failed, None) => (Sign::Failed, Role::Fail, format!("{failed} failed ({run}, {clock})")),
                (1, Some(first)) => (Sign::Failed, Role::Fail, format!("{first} failed ({run}, {clock})")),
                (failed, Some(first)) => {
                    (Sign::Failed, Role::Fail, format!("{first} and {} more failed ({run}, {clock})", failed - 1))
                }
            }
        }
        Ground::Covered { run, ran, all, missed } => {
            let lines = if *all == 1 { "line" } else { "lines" };
            let not = match (all - ran).saturating_sub(missed.len()) {
                _ if missed.is_empty() => String::new(),
                0 => format!("; not {}", missed.join(", ")),
                more => format!("; not {} and {more} more", missed.join(", ")),
            };
            let (sign, role) = if ran == all { (Sign::Done, Role::Ok) } else { (Sign::Warning, Role::Warn) };
            (sign, role, format!("{ran} of {all} changed {lines} ran ({run}){not}"))
        }
        Ground::Words { text, .. } => {
            let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let cut: String = line.trim().chars().take(UI_GROUND_CHARS_MAX).collect();
            let more = if cut.len() < text.trim().len() { "\u{2026}" } else { "" };
            (Sign::Active, Role::Human, format!("you said \u{201c}{cut}{more}\u{201d}"))
        }
    };
    wrapped(rows, &format!(" {} ", scene.look.sign(sign)), role, &text, Role::Text, columns);
}
