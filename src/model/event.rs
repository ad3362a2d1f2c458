//! Facts. Every envelope is `{seq, at, kind, …}`; kinds and fields are only ever added. A kind that this version does
//! not know survives as [`Event::Unknown`] with its text.

use crate::base::{Seq, UnixMs};
use crate::model::check::{CheckFinished, CheckReported, CheckStarted};
use serde::{Deserialize, Serialize, Serializer};

/// One fact at its place in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    pub seq: Seq,
    pub at: UnixMs,
    pub event: Event,
}

macro_rules! events {
    ($($(#[$doc:meta])* $kind:literal $name:ident $(($body:ty))?),+ $(,)?) => {
        /// Everything that can have happened.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Event {
            $($(#[$doc])* $name(events!(@body $name $($body)?)),)+
            /// A kind from another version; `raw` is its JSON object without `seq`, `at` and `kind`.
            Unknown { kind: String, raw: String },
        }

        impl Event {
            /// Every kind this version writes.
            pub const KINDS: &'static [&'static str] = &[$($kind),+];

            /// The name on the wire.
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$name(_) => $kind,)+
                    Self::Unknown { kind, .. } => kind,
                }
            }

            /// The JSON object without `seq`, `at` and `kind`, as the journal stores it.
            pub fn body_json(&self) -> Result<String, serde_json::Error> {
                match self {
                    $(Self::$name(body) => serde_json::to_string(body),)+
                    Self::Unknown { raw, .. } => Ok(raw.clone()),
                }
            }

            /// From a kind and its JSON object. A body that does not fit its kind is kept as unknown: the fold must
            /// never stop at a line that another version wrote.
            pub fn from_parts(kind: &str, body: &str) -> Self {
                let known = match kind {
                    $($kind => serde_json::from_str(body).ok().map(Self::$name),)+
                    _ => None,
                };
                known.unwrap_or_else(|| Self::Unknown { kind: kind.to_owned(), raw: body.to_owned() })
            }
        }

        impl Serialize for Envelope {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                #[derive(Serialize)]
                struct Line<'a, T> { seq: Seq, at: UnixMs, kind: &'a str, #[serde(flatten)] body: T }
                let (seq, at) = (self.seq, self.at);
                match &self.event {
                    $(Event::$name(body) => Line { seq, at, kind: $kind, body }.serialize(to),)+
                    Event::Unknown { kind, raw } => {
                        let body: serde_json::Value = serde_json::from_str(raw).map_err(serde::ser::Error::custom)?;
                        Line { seq, at, kind, body }.serialize(to)
                    }
                }
            }
        }
    };
    (@body $name:ident $body:ty) => { $body };
    (@body $name:ident) => { $name };
}

events! {
    "session_opened" SessionOpened,
    "turn_started" TurnStarted,
    "turn_ended" TurnEnded,
    "said" Said,
    "thought" Thought(Said),
    "plan_revised" PlanRevised,
    "proposed" Proposed,
    "ruled" Ruled,
    "held" Held,
    "decided" Decided,
    "started" Started,
    "output" Output,
    "finished" Finished,
    "lapsed" Lapsed,
    "told" Told,
    "observed" Observed,
    "check_started" CheckStarted,
    "check_reported" CheckReported,
    "check_finished" CheckFinished,
    "mode_changed" ModeChanged,
    "frozen" Frozen,
    "resumed" Resumed,
    "stopped" Stopped,
    "alarm" Alarm,
    "agent_lost" AgentLost,
    "session_ended" SessionEnded,
    /// A checkpoint of the workspace exists.
    "checkpointed" Checkpointed,
    /// Actions were undone, an undo undone, or the workspace rewound.
    "reverted" Reverted,
    "lease_granted" LeaseGranted,
    "lease_revoked" LeaseRevoked,
    /// A user added a rule that asks or denies; it counts from here on.
    "policy_tightened" PolicyTightened,
    /// Who is attached and who holds control.
    "client_changed" ClientChanged,
    /// What the turn cost so far.
    "usage" Usage,
    /// What the agent is and offers, once it has started, and whenever that changes.
    "agent_ready" AgentReady,
    /// A line the agent's process wrote to its error stream, or protocol text shown raw.
    "agent_noted" AgentNoted,
    /// A host took the session over (again).
    "host_started" HostStarted,
    /// The user asked why, or the action is being explained; it stays held.
    "explained" Explained,
    /// How true the picture of the disk is.
    "watching" Watching,
}

impl Envelope {
    /// Reads one JSON object `{seq, at, kind, …}`. Unknown fields are ignored; an unknown kind is kept.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Head<'a> {
            seq: Seq,
            at: UnixMs,
            #[serde(borrow)]
            kind: std::borrow::Cow<'a, str>,
        }
        let head: Head<'_> = serde_json::from_str(text)?;
        let event = Event::from_parts(&head.kind, text);
        Ok(Self { seq: head.seq, at: head.at, event: event.without_head()? })
    }
}

impl Event {
    /// An unknown event read from a whole line still carries the head's fields; they are not part of its body.
    fn without_head(self) -> Result<Self, serde_json::Error> {
        let Self::Unknown { kind, raw } = self else { return Ok(self) };
        let mut body: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&raw)?;
        for key in ["seq", "at", "kind"] {
            body.shift_remove(key);
        }
        Ok(Self::Unknown { kind, raw: serde_json::to_string(&body)? })
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = Box::<serde_json::value::RawValue>::deserialize(from)?;
        Self::from_json(raw.get()).map_err(serde::de::Error::custom)
    }
}

mod body;

pub use body::*;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Digest;

    #[test]
    fn envelopes_have_the_wire_shape() {
        let envelope = Envelope {
            seq: Seq(3),
            at: UnixMs(7),
            event: Event::Decided(Decided {
                option: None,
                action: "a1".into(),
                revision: 1,
                digest: Digest::of(b""),
                verdict: Verdict::ApproveEdited,
                by: Decider::Human("c1".into()),
                reason: None,
                confirmed: None,
            }),
        };
        let text = serde_json::to_string(&envelope).unwrap();
        let digest = Digest::of(b"");
        assert_eq!(
            text,
            format!(
                r#"{{"seq":3,"at":7,"kind":"decided","action":"a1","revision":1,"digest":"{digest}","verdict":"approve_edited","by":{{"human":"c1"}}}}"#
            )
        );
        assert_eq!(Envelope::from_json(&text).unwrap(), envelope);
    }

    #[test]
    fn observed_by_is_a_word_or_names_an_action() {
        let by = |b: ChangedBy| serde_json::to_string(&b).unwrap();
        assert_eq!(by(ChangedBy::Human), "\"human\"");
        assert_eq!(by(ChangedBy::Action("a2".into())), r#"{"action":"a2"}"#);
        assert_eq!(by(ChangedBy::During("a2".into())), r#"{"during":"a2"}"#);
    }

    #[test]
    fn unknown_kinds_and_misfits_survive() {
        let line = r#"{"seq":1,"at":2,"kind":"dreamt","of":"sheep"}"#;
        let envelope = Envelope::from_json(line).unwrap();
        assert_eq!(envelope.event, Event::Unknown { kind: "dreamt".into(), raw: r#"{"of":"sheep"}"#.into() });
        assert_eq!(serde_json::to_string(&envelope).unwrap(), line);
        assert!(matches!(Event::from_parts("decided", "{}"), Event::Unknown { .. }));
    }
}
