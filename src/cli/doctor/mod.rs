//! `rightseat doctor`: what is here, what works here, and why not.

mod drill;
mod keeps;
mod looks;

pub use drill::drill;

use super::args::Shared;
use super::{DONE, Done, Fail, NOT_SO, print};
use crate::base::text::Untrusted;
use serde::Serialize;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Works,
    /// Something is left out; the rest works.
    Limited,
    /// No session can run until this is fixed.
    Broken,
}

/// One item that was checked.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    group: &'static str,
    name: &'static str,
    state: State,
    /// The result; foreign text may be in it.
    says: String,
    /// The fix.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Finding {
    fn works(group: &'static str, name: &'static str, says: impl Into<String>) -> Self {
        Self { group, name, state: State::Works, says: says.into(), mend: None }
    }

    fn limited(group: &'static str, name: &'static str, says: impl Into<String>, mend: &str) -> Self {
        Self { group, name, state: State::Limited, says: says.into(), mend: Some(mend.to_owned()) }
    }

    fn broken(group: &'static str, name: &'static str, says: impl Into<String>, mend: &str) -> Self {
        Self { group, name, state: State::Broken, says: says.into(), mend: Some(mend.to_owned()) }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    version: &'static str,
    ok: bool,
    findings: &'a [Finding],
}

/// Exit code 1 when no session could be run here.
pub fn doctor(shared: &Shared, as_json: bool) -> Done {
    let findings = looks::all(shared);
    let ok = findings.iter().all(|f| f.state != State::Broken);
    if as_json {
        let report = Report { version: env!("CARGO_PKG_VERSION"), ok, findings: &findings };
        print(&serde_json::to_string_pretty(&report).map_err(|e| Fail::usage(e.to_string()))?)?;
    } else {
        show(&findings)?;
    }
    Ok(if ok { DONE } else { NOT_SO })
}

fn show(findings: &[Finding]) -> Result<(), Fail> {
    let mut group = "";
    for finding in findings {
        if finding.group != group {
            group = finding.group;
            print(group)?;
        }
        let mark = match finding.state {
            State::Works => "ok  ",
            State::Limited => "note",
            State::Broken => "BAD ",
        };
        print(&format!("  {mark} {:<14} {}", finding.name, Untrusted::new(finding.says.as_str()).visible()))?;
        if let Some(mend) = &finding.mend {
            print(&format!("       {:<14} {}", "", Untrusted::new(mend.as_str()).visible()))?;
        }
    }
    Ok(())
}
