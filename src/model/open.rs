//! Open vocabularies: the words that this version knows, and `Other` for every other word, which is kept byte for byte.
//! In JSON each is a string.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

macro_rules! open_words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $word:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$note])* $variant,)+
            /// A word that this version does not know.
            Other(String),
        }

        impl $name {
            /// As it is on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    _ => Self::Other(word.to_owned()),
                }
            }
        }

        string_form!($name);
    )+};
}

/// The rest of what a word can do, over `as_str` and `From<&str>`.
macro_rules! string_form {
    ($name:ident) => {
        impl From<String> for $name {
            fn from(word: String) -> Self {
                Self::from(word.as_str())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::Other(String::new())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from).map(Self::from)
            }
        }
    };
}

open_words! {
    /// The subject of an alarm.
    AlarmKind {
        Anchor = "anchor",
        BeforePlan = "before_plan",
        Budget = "budget",
        ClaimWithoutRun = "claim_without_run",
        /// The reason of an action does not fit what it does, or what was observed.
        Contradiction = "contradiction",
        Cut = "cut",
        CutPrompt = "cut_prompt",
        Drill = "drill",
        EmptyAnswer = "empty_answer",
        Encoding = "encoding",
        Fallback = "fallback",
        GuardRail = "guard_rail",
        Isolation = "isolation",
        Intruder = "intruder",
        Loop = "loop",
        MadeUp = "made_up",
        Mismatch = "mismatch",
        Mistake = "mistake",
        ModeChanged = "mode_changed",
        NoChange = "no_change",
        /// A signed decision from the fleet was refused.
        Order = "order",
        Overflow = "overflow",
        Policy = "policy",
        Protocol = "protocol",
        Repaired = "repaired",
        SessionLost = "session_lost",
        SharedWorkspace = "shared_workspace",
        TestTampering = "test_tampering",
        /// A test checks less than before.
        WeakenedTest = "weakened_test",
        /// Nobody was attached while the agent worked.
        Unattended = "unattended",
        Unsupervised = "unsupervised",
    }

    /// The guard rail that an action is at.
    Rail {
        /// It changes a file that runs code, steers agents, or decides what is built or deployed.
        GuardedFile = "guarded_file",
        /// It deploys, applies, publishes or migrates.
        Infrastructure = "infrastructure",
    }

    /// The subject of an agent's note.
    NoteKind {
        Boundary = "boundary",
        Copy = "copy",
        Fallback = "fallback",
        Mode = "mode",
        Network = "network",
        Notice = "notice",
        Option = "option",
        Output = "output",
        Protocol = "protocol",
        Retry = "retry",
        /// The agent's own id of its session, in journals before `agent_ready` had it.
        Session = "session",
        SessionTitle = "session_title",
        Sessions = "sessions",
        Stderr = "stderr",
        Tool = "tool",
        Trial = "trial",
        Waiting = "waiting",
        Writing = "writing",
    }

    /// How accurate the recorded picture of the disk is.
    WatchState {
        Watching = "watching",
        Polling = "polling",
        Blind = "blind",
    }

    /// The reason a tree was recorded: around an action, or as the session found it.
    Moment {
        Before = "before",
        After = "after",
        Start = "start",
        StepBegins = "step_begins",
        StepEnds = "step_ends",
    }

    /// The means that hold the processes of a command or an agent together.
    Rung {
        /// A layer, which has a pid namespace.
        Layer = "layer",
        /// A pid namespace.
        Namespace = "namespace",
        /// The launcher as a child subreaper.
        Subreaper = "subreaper",
    }

    /// The end of a drill of the stop.
    DrillResult {
        Passed = "passed",
        Failed = "failed",
        Unavailable = "unavailable",
        /// It could not be carried out: nothing is proved.
        Unproved = "unproved",
    }

    /// The change of a client.
    ClientChange {
        Joined = "joined",
        Left = "left",
        TookControl = "took_control",
        LostControl = "lost_control",
        /// It asks the one that has control for it.
        AskedControl = "asked_control",
        /// The one that has control keeps it.
        RefusedControl = "refused_control",
    }

    /// The meaning of the `ref` of a piece of evidence.
    EvidenceKind {
        Read = "read",
        Run = "run",
        Case = "case",
        Line = "line",
        Step = "step",
        Search = "search",
        Trial = "trial",
        Quote = "quote",
        Nothing = "none",
    }

    /// The degree to which an agent can be controlled.
    AgentLevel {
        Unseen = "L?",
        L0 = "L0",
        L1 = "L1",
        L2 = "L2",
        L3 = "L3",
        Full = "full",
        NoAgent = "none",
    }

    /// The author of a text; `Other` is a specialist by name.
    SpokenBy {
        Agent = "agent",
        Human = "human",
        Rightseat = "rightseat",
    }
}

/// The progress of an agent's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentState {
    Ready,
    /// The word and how far it is.
    Starting(String),
    /// A word that this version does not know.
    Other(String),
}

impl AgentState {
    /// As it is on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ready => "ready",
            Self::Starting(word) | Self::Other(word) => word,
        }
    }
}

impl From<&str> for AgentState {
    fn from(word: &str) -> Self {
        match word {
            "ready" => Self::Ready,
            _ if word.starts_with("starting") => Self::Starting(word.to_owned()),
            _ => Self::Other(word.to_owned()),
        }
    }
}

string_form!(AgentState);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn comes_back<T: Serialize + for<'de> Deserialize<'de>>(word: &str) {
        let json = serde_json::to_string(word).unwrap();
        let value: T = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
    }

    fn comes_back_from_all(word: &str) {
        comes_back::<AlarmKind>(word);
        comes_back::<NoteKind>(word);
        comes_back::<WatchState>(word);
        comes_back::<Moment>(word);
        comes_back::<ClientChange>(word);
        comes_back::<Rung>(word);
        comes_back::<DrillResult>(word);
        comes_back::<EvidenceKind>(word);
        comes_back::<AgentLevel>(word);
        comes_back::<SpokenBy>(word);
        comes_back::<AgentState>(word);
    }

    proptest! {
        #[test]
        fn any_word_comes_back_byte_for_byte(word in r"\PC{0,24}|[a-z_]{1,16}|starting.{0,12}|.{0,4}") {
            comes_back_from_all(&word);
        }
    }

    #[test]
    fn known_words_are_variants_and_others_are_kept() {
        for word in ["", "loop", "before", "joined", "none", "L?", "L2", "agent", "ready", "starting: 3 s", "blind"] {
            comes_back_from_all(word);
        }
        assert_eq!(AlarmKind::from("loop"), AlarmKind::Loop);
        assert_eq!(AlarmKind::from("Loop"), AlarmKind::Other("Loop".to_owned()));
        assert_eq!(AgentState::from("starting up"), AgentState::Starting("starting up".to_owned()));
    }
}
