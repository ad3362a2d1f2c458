//! The reach of an action, judged from its words alone.

use serde::Serialize;

/// Kinds of reach, mildest first. The worst part of a command line gives the class of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Looks and changes nothing; where it looks is another question.
    Read,
    /// Changes files of the workspace.
    WriteInside,
    /// Nothing is known about it: it may do anything.
    Unknown,
    /// Changes something outside the workspace.
    WriteOutside,
    /// Talks to other machines.
    Network,
    /// Deletes, kills or overwrites for good.
    Destructive,
    /// Acts as another user or changes who may do what.
    Privilege,
}

impl Class {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::WriteInside => "write-inside",
            Self::Unknown => "unknown",
            Self::WriteOutside => "write-outside",
            Self::Network => "network",
            Self::Destructive => "destructive",
            Self::Privilege => "privilege",
        }
    }
}
