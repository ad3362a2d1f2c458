//! The agent's messages: failures, suspects, proposals and ends, in a few plain lines.

use super::engine::{Outcome, Repair};
use super::localise::{Evidence as Ground, Suspect};
use super::steer::About;
use crate::model::check::{CaseReport, RunReport};
use crate::model::{Evidence, TrialOutput};
use crate::repair::limits;

/// Lists the failures, with place and first line of each message.
pub fn failures(cases: &[CaseReport], passed: u32) -> String {
    let bad: Vec<&CaseReport> = cases.iter().filter(|c| c.status.is_bad()).collect();
    let fail = if bad.len() == 1 { "test fails" } else { "tests fail" };
    let mut lines = vec![format!("{} {fail}, {passed} pass.", bad.len())];
    for case in bad.iter().take(limits::REPAIR_SUSPECTS_REPORTED_MAX) {
        let place = case
            .file
            .as_ref()
            .map(|f| format!(" ({f}{})", case.line.map(|l| format!(":{l}")).unwrap_or_default()))
            .unwrap_or_default();
        let message =
            case.message.as_deref().and_then(|m| m.lines().find(|l| !l.trim().is_empty())).unwrap_or_default();
        lines.push(format!("- {}{place}: {}", case.case, short(message)));
    }
    if bad.len() > limits::REPAIR_SUSPECTS_REPORTED_MAX {
        lines.push(format!("- and {} more", bad.len() - limits::REPAIR_SUSPECTS_REPORTED_MAX));
    }
    lines.join("\n")
}

fn short(text: &str) -> String {
    let text = text.trim();
    if text.chars().count() <= limits::REPAIR_MESSAGE_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(limits::REPAIR_MESSAGE_CHARS_MAX).chain(['…']).collect()
}

/// The suspicious functions and why.
pub fn suspects(suspects: &[Suspect]) -> String {
    if suspects.is_empty() {
        return "No function stands out; I try all code outside the tests.".to_owned();
    }
    let mut lines = vec!["Suspicious, most first:".to_owned()];
    for suspect in suspects {
        let why: Vec<String> = suspect.evidence.iter().take(3).map(Ground::words).collect();
        lines.push(format!(
            "- `{}` ({}:{}-{}): {}",
            suspect.function,
            suspect.path,
            suspect.lines.0,
            suspect.lines.1,
            why.join("; ")
        ));
    }
    lines.join("\n")
}

/// One line for the inbox.
pub fn title(outcome: &Outcome) -> String {
    match outcome.repairs.as_slice() {
        [only] => {
            let m = &only.fix.candidate.mutation;
            format!("repair `{}` in {}: {}", m.function, m.path, m.words)
        }
        several => {
            let places: Vec<String> =
                several.iter().map(|r| format!("`{}`", r.fix.candidate.mutation.function)).collect();
            format!("{} repairs: {}", several.len(), places.join(", "))
        }
    }
}

/// Returns the reason for the repair.
pub fn rationale(outcome: &Outcome) -> String {
    let mut lines = Vec::new();
    for repair in &outcome.repairs {
        let m = &repair.fix.candidate.mutation;
        lines.push(format!(
            "{}:{} in `{}` ({}): {}. It makes {} pass.",
            m.path,
            m.line,
            m.function,
            m.operator,
            m.words,
            list(&repair.fix.fixed)
        ));
    }
    if outcome.failing_after.is_empty() {
        lines.push("With this change every test passes in the private copy.".to_owned());
    } else {
        lines.push(format!("It breaks no tests; still failing: {}.", list(&outcome.failing_after)));
    }
    let others: Vec<&String> = outcome.repairs.iter().flat_map(|r| &r.alternatives).collect();
    lines.push(match others.len() {
        0 => format!("{} changes were tried; no other passes all tests.", outcome.tried.total),
        count => {
            let shown: Vec<&str> =
                others.iter().take(limits::REPAIR_ALTERNATIVES_MAX).map(|o| o.as_str()).collect();
            format!(
                "{} changes were tried; {count} other{} every test pass too, so the tests do not distinguish them: {}. Deny this one to see the next.",
                outcome.tried.total,
                if count == 1 { " makes" } else { "s make" },
                shown.join("; ")
            )
        }
    });
    lines.join("\n")
}

fn list(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
    let more = names.len().saturating_sub(shown.len());
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// Returns the evidence for the proposal.
pub fn evidence(outcome: &Outcome, cases: &[CaseReport]) -> Vec<Evidence> {
    let mut out = Vec::new();
    for name in outcome.failing_before.iter().take(limits::REPAIR_SUSPECTS_REPORTED_MAX) {
        let last = name.rsplit([':', '.', '>']).next().unwrap_or(name).trim();
        let case = cases.iter().find(|c| c.case == *name || c.case.ends_with(last));
        let message = case
            .and_then(|c| c.message.as_deref())
            .and_then(|m| m.lines().next())
            .map(|m| format!(": {}", short(m)))
            .unwrap_or_default();
        let id = case.map_or(name.as_str(), |c| c.case.as_str());
        out.push(Evidence::new("case", format!("{id} fails{message}")).at(id, None));
    }
    for repair in &outcome.repairs {
        let m = &repair.fix.candidate.mutation;
        let why = if repair.evidence.is_empty() { String::new() } else { format!(": {}", repair.evidence.join("; ")) };
        out.push(
            Evidence::new("line", format!("`{}` is suspected{why}", m.function)).at(m.path.to_string(), Some(m.line)),
        );
        out.push(
            Evidence::new(
                "trial",
                format!("{} ({}): {} fixed, {} left", m.words, m.operator, repair.fix.fixed.len(), repair.fix.left),
            )
            .at(m.path.to_string(), Some(m.line)),
        );
    }
    out
}

/// The last run in the candidate.
pub fn confirmed(output: &TrialOutput) -> Evidence {
    match &output.report {
        Some(report) => Evidence::new(
            "run",
            format!(
                "whole suite in the private copy: {} passed, {} failed",
                report.finished.passed, report.finished.failed
            ),
        )
        .at(report.run.to_string(), None),
        None => Evidence::new(
            "run",
            format!(
                "whole suite in the private copy: exit {}",
                output.exit.map_or_else(|| "unknown".to_owned(), |e| e.to_string())
            ),
        ),
    }
}

/// The end when all is well.
pub fn done(outcome: &Outcome, edited: bool, after: Option<&RunReport>) -> String {
    let what: Vec<String> = outcome
        .repairs
        .iter()
        .map(|r| {
            format!(
                "{}:{} {}",
                r.fix.candidate.mutation.path, r.fix.candidate.mutation.line, r.fix.candidate.mutation.words
            )
        })
        .collect();
    let passed = after.map(|r| format!(" All {} tests pass.", r.finished.passed)).unwrap_or_default();
    let yours = if edited { " with your changes" } else { "" };
    format!("Repaired{yours}: {}.{passed} {} changes were tried.", what.join("; "), outcome.tried.total)
}

/// Some tests still fail after the write.
pub fn still_failing(after: Option<&RunReport>, edited: bool) -> String {
    let failing: Vec<String> = after
        .map(|r| r.cases.iter().filter(|c| c.status.is_bad()).map(|c| c.case.clone()).collect())
        .unwrap_or_default();
    let because = if edited { " with the part of the repair you accepted" } else { "" };
    if failing.is_empty() {
        format!("The tests do not pass yet{because}; I keep searching.")
    } else {
        format!("Still failing{because}: {}. I keep searching, without the parts you excluded.", list(&failing))
    }
}

/// The end when nothing was found.
pub fn nothing(outcome: &Outcome) -> String {
    let places: Vec<String> =
        outcome.suspects.iter().map(|s| format!("`{}` ({}:{})", s.function, s.path, s.lines.0)).collect();
    format!(
        "I found no repair. Still failing: {}. I looked in {}. {}",
        list(&outcome.failing_after),
        if places.is_empty() { "all sources".to_owned() } else { places.join(", ") },
        outcome.tried.words()
    )
}

/// The change that a redirect is about.
pub(super) fn about(repair: &Repair) -> About {
    let m = &repair.fix.candidate.mutation;
    About {
        path: m.path.to_string(),
        function: m.function.to_string(),
        operator: m.operator,
        words: m.words.clone(),
        ..About::default()
    }
}

/// Adds the functions around it.
pub(super) fn with_relatives(mut about: About, outcome: &Outcome) -> About {
    let same = |place: &&(String, String, Vec<String>)| place.1 == about.function;
    let callees: Vec<String> = outcome.calls.iter().find(same).map(|p| p.2.clone()).unwrap_or_default();
    about.callers =
        outcome.calls.iter().filter(|p| p.2.contains(&about.function)).map(|p| (p.0.clone(), p.1.clone())).collect();
    about.callees =
        outcome.calls.iter().filter(|p| callees.contains(&p.1)).map(|p| (p.0.clone(), p.1.clone())).collect();
    about
}
