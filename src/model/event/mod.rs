//! Facts. Every envelope is `{seq, at, kind, …}`; kinds and fields are only ever added. A kind that this version does
//! not know survives as [`Event::Unknown`] with its text.

use crate::base::{Seq, UnixMs};
use serde::Deserialize;

/// One fact at its place in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    pub seq: Seq,
    pub at: UnixMs,
    pub event: Event,
}

/// A part of the picture that a client draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Plan,
    Actions,
    Checks,
    Transcript,
}

/// The places where a fact is shown in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Nowhere,
    Report,
    /// The stops of a walk through a record.
    Walk,
    Both,
}

/// Puts a question of the table to a body.
fn ask<'a, B, T>(body: &'a B, question: impl FnOnce(&'a B) -> T) -> T {
    question(body)
}

macro_rules! events {
    ($($(#[$doc:meta])* $kind:literal $name:ident $(($body:ty))? {
        $(about $about:expr,)? touches [$($part:ident)*] $(, $place:ident $words:expr)?
    })+) => {
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

            /// The action that it is about.
            pub fn subject(&self) -> Option<&ActionId> {
                match self {
                    $(Self::$name(body) => events!(@about body $($about)?),)+
                    Self::Unknown { .. } => None,
                }
            }

            /// The parts of the picture that may look different after it.
            pub fn touches(&self) -> &'static [Part] {
                match self {
                    $(Self::$name(_) => &[$(Part::$part),*],)+
                    Self::Unknown { .. } => &[],
                }
            }

            /// The places where it is shown in words.
            pub fn shown(&self) -> Shown {
                match self {
                    $(Self::$name(_) => events!(@shown $($place)?),)+
                    Self::Unknown { .. } => Shown::Nowhere,
                }
            }

            /// The words for people; foreign text in them is unescaped.
            pub fn words(&self) -> Option<Words> {
                match self {
                    $(Self::$name(body) => events!(@words body $($words)?),)+
                    Self::Unknown { .. } => None,
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
    (@about $body:ident) => {{
        let _ = $body;
        None
    }};
    (@about $body:ident $about:expr) => { ask($body, $about) };
    (@shown) => { Shown::Nowhere };
    (@shown $place:ident) => { Shown::$place };
    (@words $body:ident) => {{
        let _ = $body;
        None
    }};
    (@words $body:ident $words:expr) => { Some(Words::from(ask($body, $words))) };
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

mod agents;
mod evidence;
mod kinds;
mod layers;
mod plans;
mod rules;
mod stops;
mod vocabulary;
mod words;

pub use agents::AgentChanged;
pub use evidence::{Dependent, Dependents, DependentsFound, Explained, ReadFile};
pub use kinds::*;
pub use layers::{InLayer, Sides, WouldChange};
pub use plans::{Commented, PlanDecided, PlanListed, PlanRevised, PlanWritten};
pub use rules::*;
pub use stops::{Census, Drilled, DrilledRung, Stopped, Survivor};
pub use vocabulary::*;
pub use words::{Detail, Words};

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
                answer: None,
                network: None,
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
