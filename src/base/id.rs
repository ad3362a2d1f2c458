//! Names of things: short strings and counters that cannot be mixed up with each other.

use super::PublicKey;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);
        impl $name {
            pub fn new(text: impl Into<String>) -> Self { Self(text.into()) }
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self { Self(text.to_owned()) }
        }
    )+};
}

names! {
    /// One supervised run in one workspace; also the name of its directory in the state directory.
    SessionId,
    /// One thing that the agent wants to do: `a1`, `a2` … in order of proposal.
    ActionId,
    /// One exchange that a prompt starts: `t1`, `t2` ….
    TurnId,
    /// A node of the plan tree, stable over revisions.
    StepId,
    /// A comment on the plan: `k1`, `k2` ….
    CommentId,
    /// One run of checks: `r1`, `r2` ….
    RunId,
    /// A bounded standing approval: `l1`, `l2` ….
    LeaseId,
    /// An attached client: `c1`, `c2` … within a host's life.
    ClientId,
    /// The name of a policy rule, for example `read-inside` or `user:3`.
    RuleId,
}

impl ClientId {
    /// The client under which a script's decisions are recorded.
    pub fn of_script(client: &Self) -> Self {
        Self::new(format!("{SCRIPT}{client}"))
    }

    /// The client under which a decision is recorded that a key of the user's signed on another machine. The nonce tells
    /// which one it was.
    pub fn of_key(key: &PublicKey, nonce: &str) -> Self {
        Self::new(format!("{KEY}{} {nonce}", key.fingerprint()))
    }

    /// The fingerprint of the key that decided, if one did, and the nonce of its order.
    pub fn key(&self) -> Option<(&str, &str)> {
        self.as_str().strip_prefix(KEY)?.split_once(' ')
    }

    /// A script decided.
    pub fn is_script(&self) -> bool {
        self.as_str().starts_with(SCRIPT)
    }
}

/// What the name of a client begins with when a script decides; no client is called so.
const SCRIPT: &str = "script ";

/// The same for a key of the user's.
const KEY: &str = "key ";

/// Position in the journal; the first envelope is 1, 0 means "before everything".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The position after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds since 1970-01-01 UTC, by the host's clock when the event was appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMs(pub u64);

impl UnixMs {
    /// Milliseconds from `earlier` to here, 0 if the clock went backwards.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
