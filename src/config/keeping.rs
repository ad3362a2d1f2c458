//! Settings of housekeeping: when an idle host exits, and what is kept of sessions that have ended.

use super::rows::value;
use crate::config::limits::{KEEP_DAYS_MAX, KEEP_MIB_MAX};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The host of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HostFile {
    /// Minutes after which a host exits that has no client, and in whose session nothing runs, is pending or is queued; 0 for
    /// never. `rightseat attach` continues the session.
    pub idle_exit_min: Option<u64>,
}

/// The state directory. A limit applies at the end of a host, and to `rightseat prune`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StateFile {
    /// Days after its end for which the checkpoints of a session are kept, which undo and rewind need; 0 for all time.
    pub keep_days: Option<u64>,
    /// Size in MiB above which those of the sessions that ended first are removed earlier; 0 for none. Records are never removed.
    pub mib_max: Option<u64>,
}

/// The same with a value for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Keeping {
    pub idle_exit_min: u64,
    pub keep_days: u64,
    pub mib_max: u64,
}

impl Keeping {
    pub(super) fn apply(&mut self, host: &HostFile, state: &StateFile) {
        self.idle_exit_min = host.idle_exit_min.unwrap_or(self.idle_exit_min);
        self.keep_days = state.keep_days.unwrap_or(self.keep_days);
        self.mib_max = state.mib_max.unwrap_or(self.mib_max);
    }

    /// See [`super::Settings::rows`].
    pub(super) fn rows(self) -> [(&'static str, String); 3] {
        [
            ("host.idle_exit_min", value(&self.idle_exit_min)),
            ("state.keep_days", value(&self.keep_days)),
            ("state.mib_max", value(&self.mib_max)),
        ]
    }

    /// Whether something is removed at the end of a host.
    pub fn is_limited(self) -> bool {
        self.keep_days > 0 || self.mib_max > 0
    }
}

/// The first value out of bounds, with its key.
pub(super) fn fault(host: &HostFile, state: &StateFile) -> Option<(&'static str, String)> {
    [
        ("host.idle_exit_min", host.idle_exit_min, KEEP_DAYS_MAX * 24 * 60),
        ("state.keep_days", state.keep_days, KEEP_DAYS_MAX),
        ("state.mib_max", state.mib_max, KEEP_MIB_MAX),
    ]
    .into_iter()
    .find_map(|(key, value, max)| Some((key, format!("{} is more than {max}", value.filter(|value| *value > max)?))))
}
