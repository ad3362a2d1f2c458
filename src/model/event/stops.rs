//! The stop of a session's processes: its proof, and its drills, in which processes that evade it were started in the
//! session's own isolation, and ended.

use super::words::Words;
use crate::base::Signed;
use crate::model::open::{DrillResult, Rung};
use serde::{Deserialize, Serialize};

/// A process that still exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survivor {
    pub pid: i32,
    pub argv: String,
    /// The parent process when it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<i32>,
}

/// The proof after a stop. `unknown` is what could not be checked, and is never counted as gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// From the request to the end of the check.
    pub checked_ms: u64,
    /// From the request until nothing moved, and until the last one that was found was killed; absent where nothing was
    /// there, or where it did not come so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub killed_ms: Option<u64>,
    pub survivors: Vec<Survivor>,
    pub unknown: Vec<String>,
    /// Processes that were found and ended.
    #[serde(default)]
    pub ended: Vec<Survivor>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    pub census: Census,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signed>,
}

/// A drill, on each rung that the session uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drilled {
    pub rungs: Vec<DrilledRung>,
}

/// The drill on one rung.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrilledRung {
    pub rung: Rung,
    pub result: DrillResult,
    /// Evasive processes that were running when the stop began.
    pub started: u32,
    /// Those that were still there when it had ended, at least.
    pub left: u32,
    /// From the start of the stop to the end of its proof.
    pub stop_ms: u64,
    /// In words, where it did not pass: the reason, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl DrilledRung {
    /// A rung that cannot be used here.
    pub fn unavailable(rung: Rung, why: String) -> Self {
        Self { rung, result: DrillResult::Unavailable, why: Some(why), ..Self::default() }
    }

    /// The result in one line; foreign text is unescaped.
    pub fn line(&self) -> String {
        let Self { rung, result, started, left, stop_ms, why } = self;
        let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        match result {
            DrillResult::Unavailable => format!("{rung}: not available{why}"),
            DrillResult::Passed | DrillResult::Failed | DrillResult::Unproved | DrillResult::Other(_) => {
                format!("{rung}: {result}, {started} started, {left} left after {stop_ms} ms{why}")
            }
        }
    }
}

impl Drilled {
    /// The rungs on which something outlived the stop.
    pub fn failed(&self) -> impl Iterator<Item = &DrilledRung> {
        self.rungs.iter().filter(|rung| rung.result == DrillResult::Failed)
    }

    /// Whether the stop works on every rung that can be used.
    pub fn is_proved(&self) -> bool {
        self.rungs.iter().all(|rung| matches!(rung.result, DrillResult::Passed | DrillResult::Unavailable))
    }
}

pub(super) fn drilled(body: &Drilled) -> Words {
    let heading = match body.failed().next() {
        Some(_) => "Stop drill failed",
        None if body.is_proved() => "Stop drill passed",
        None => "Stop drill proved nothing",
    };
    let lines: Vec<String> = body.rungs.iter().map(DrilledRung::line).collect();
    Words::new(heading).lines(lines.join("\n"))
}
