//! The journal told for people: which events make an entry, and what it says. Shapes are for the writers beside.

use crate::base::Digest;
use crate::base::text::{Untrusted, foreign};
use crate::model::action::{Action, Content, FileEdit};
use crate::model::event::{ChangedBy, Decider, Envelope, Event, OutcomeWord, Verdict};

/// One entry of a report. All text is safe to show but not yet escaped for a format.
pub(super) struct Entry {
    /// Milliseconds since the first event.
    pub after_ms: u64,
    pub seq: u64,
    pub heading: String,
    pub parts: Vec<Part>,
}

/// A piece of an entry.
pub(super) enum Part {
    /// Prose.
    Text(String),
    /// Verbatim lines.
    Verbatim(String),
    /// A change of a file.
    Change { path: String, before: String, after: String },
}

/// Tells one event; `None` for those that only a machine needs.
pub(super) fn tell(e: &Envelope, opened_ms: u64, redacting: bool, blobs: Blobs<'_>) -> Option<Entry> {
    let clean = |text: &str| {
        let text = if redacting { super::redact(text) } else { None }.unwrap_or_else(|| text.to_owned());
        Untrusted::new(text).visible().into_owned()
    };
    let verbatim = |text: &str| {
        let text = if redacting { super::redact(text) } else { None }.unwrap_or_else(|| text.to_owned());
        Untrusted::new(text).visible_lines().collect::<Vec<_>>().join("\n")
    };
    let (heading, mut parts) = event(&e.event, &clean, &verbatim)?;
    if let Event::Proposed(p) = &e.event {
        parts.extend(p.action.files.iter().flatten().map(|file| change(file, &clean, &verbatim, blobs)));
    }
    Some(Entry { after_ms: e.at.0.saturating_sub(opened_ms), seq: e.seq.0, heading: clean(&heading), parts })
}

/// The bytes of a content that is not in its envelope, by digest and length, where they can be had.
pub(super) type Blobs<'a> = &'a dyn Fn(&Digest, u64) -> Option<Vec<u8>>;

type Told = Option<(String, Vec<Part>)>;

fn event(e: &Event, clean: &dyn Fn(&str) -> String, verbatim: &dyn Fn(&str) -> String) -> Told {
    let text = |t: &str| vec![Part::Text(verbatim(t))];
    let told = match e {
        Event::SessionOpened(o) => {
            let place = format!(
                "Workspace {}, agent {}, mode {:?}, isolation {:?}.",
                o.workspace, o.agent.name, o.mode, o.agent.isolation
            );
            let goal = o.goal.iter().map(|g| Part::Text(verbatim(g)));
            (format!("Session {} opened", o.session), std::iter::once(Part::Text(clean(&place))).chain(goal).collect())
        }
        Event::Said(s) => (format!("{} said", s.by), text(&s.text)),
        Event::PlanRevised(p) => {
            let lines: Vec<String> = p.steps.iter().map(|s| format!("[{:?}] {}", s.status, s.title)).collect();
            (format!("Plan revision {} by {}", p.revision, p.by), vec![Part::Verbatim(verbatim(&lines.join("\n")))])
        }
        Event::Proposed(p) => proposed(&p.action, verbatim),
        Event::Ruled(r) => (format!("Policy on {}: {:?} ({})", r.action, r.ruling, r.rule), text(&r.reason)),
        Event::Decided(d) => {
            let verdict = match d.verdict {
                Verdict::Approve => "approved",
                Verdict::ApproveEdited => "approved as edited",
                Verdict::Deny => "denied",
                Verdict::Redirect => "redirected",
            };
            let reason = d.reason.as_deref().map(text).unwrap_or_default();
            (format!("{} {verdict} by {}", d.action, decider(&d.by)), reason)
        }
        Event::Finished(f) => {
            let outcome = match f.outcome {
                OutcomeWord::Ok => "done",
                OutcomeWord::Failed => "failed",
                OutcomeWord::Conflict => "stopped by a conflict",
                OutcomeWord::Unknown => "ended, outcome unknown",
                OutcomeWord::Recovered => "recovered after a crash",
            };
            let exit = f.exit.map(|c| format!(", exit {c}")).unwrap_or_default();
            (format!("{} {outcome}{exit}", f.action), f.detail.as_deref().map(text).unwrap_or_default())
        }
        Event::Output(o) => (format!("Output of {}", o.action), vec![Part::Verbatim(verbatim(&o.tail))]),
        Event::Lapsed(l) => {
            (format!("{} lapsed: {:?}", l.action, l.why), l.detail.as_deref().map(text).unwrap_or_default())
        }
        Event::Told(t) => ("Sent to the agent".to_owned(), vec![Part::Verbatim(verbatim(&t.text))]),
        Event::CheckFinished(c) => checked(c, verbatim),
        Event::Explained(x) => (format!("Explained {}", x.action), text(&x.text)),
        Event::Alarm(_)
        | Event::ModeChanged(_)
        | Event::Frozen(_)
        | Event::Resumed(_)
        | Event::Stopped(_)
        | Event::AgentLost(_)
        | Event::SessionEnded(_)
        | Event::Reverted(_)
        | Event::LeaseGranted(_)
        | Event::LeaseRevoked(_)
        | Event::PolicyTightened(_)
        | Event::TurnEnded(_)
        | Event::HostStarted(_)
        | Event::Observed(_)
        | Event::TurnStarted(_)
        | Event::Thought(_)
        | Event::Held(_)
        | Event::Started(_)
        | Event::CheckStarted(_)
        | Event::CheckReported(_)
        | Event::Checkpointed(_)
        | Event::ClientChanged(_)
        | Event::Usage(_)
        | Event::AgentReady(_)
        | Event::AgentNoted(_)
        | Event::Watching(_)
        | Event::Unknown { .. } => {
            return state_change(e, &text);
        }
    };
    Some(told)
}

/// Events about the session itself rather than one action.
fn state_change(e: &Event, text: &dyn Fn(&str) -> Vec<Part>) -> Told {
    let told = match e {
        Event::Alarm(a) => (format!("Alarm: {}", a.what), text(&a.text)),
        Event::ModeChanged(m) => (format!("Mode {:?}", m.mode), Vec::new()),
        Event::Frozen(f) => ("Frozen".to_owned(), text(&f.why)),
        Event::Resumed(_) => ("Resumed".to_owned(), Vec::new()),
        Event::Stopped(s) => {
            let (left, unknown) = (s.census.survivors.len(), s.census.unknown.len());
            (
                format!("Stopped: {left} survivors, {unknown} unknown, checked after {} ms", s.census.checked_ms),
                Vec::new(),
            )
        }
        Event::AgentLost(a) => ("The agent was lost".to_owned(), text(&a.why)),
        Event::SessionEnded(s) => (format!("Session ended: {:?}", s.outcome), text(&s.report)),
        Event::Reverted(r) => {
            let actions: Vec<&str> = r.actions.iter().map(crate::base::ActionId::as_str).collect();
            let what = if r.again { "Redone" } else { "Undone" };
            (format!("{what}: {} by {}", actions.join(", "), decider(&r.by)), Vec::new())
        }
        Event::LeaseGranted(l) => (format!("Lease {} granted for {} actions", l.lease, l.actions_max), Vec::new()),
        Event::LeaseRevoked(l) => (format!("Lease {} ended", l.lease), text(&l.why)),
        Event::PolicyTightened(t) => (format!("A rule was added by {}", t.by), text(&t.rule)),
        Event::TurnEnded(t) => (format!("Turn {} ended: {:?}", t.turn, t.reason), Vec::new()),
        Event::HostStarted(h) => (format!("Host {} took the session, number {}", h.pid, h.fence), Vec::new()),
        Event::Observed(o) => {
            let by = match &o.by {
                ChangedBy::Action(id) => format!("by {id}"),
                ChangedBy::During(id) => format!("while {id} ran"),
                ChangedBy::Session(id) if o.unsure => format!("while session {id} was running"),
                ChangedBy::Session(id) => format!("by session {id}"),
                ChangedBy::Human => "by the user".to_owned(),
                ChangedBy::Unsupervised => "unsupervised".to_owned(),
            };
            (format!("{} changed: {:?} {by}", o.path, o.change), Vec::new())
        }
        Event::SessionOpened(_)
        | Event::Said(_)
        | Event::PlanRevised(_)
        | Event::Proposed(_)
        | Event::Ruled(_)
        | Event::Decided(_)
        | Event::Finished(_)
        | Event::Output(_)
        | Event::Lapsed(_)
        | Event::Told(_)
        | Event::CheckFinished(_)
        | Event::Explained(_)
        | Event::TurnStarted(_)
        | Event::Thought(_)
        | Event::Held(_)
        | Event::Started(_)
        | Event::CheckStarted(_)
        | Event::CheckReported(_)
        | Event::Checkpointed(_)
        | Event::ClientChanged(_)
        | Event::Usage(_)
        | Event::AgentReady(_)
        | Event::AgentNoted(_)
        | Event::Watching(_)
        | Event::Unknown { .. } => return None,
    };
    Some(told)
}

fn decider(by: &Decider) -> String {
    match by {
        Decider::Human(client) => format!("the user ({client})"),
        Decider::Rule(rule) => format!("rule {rule}"),
        Decider::Lease(lease) => format!("lease {lease}"),
    }
}

fn checked(c: &crate::model::check::CheckFinished, verbatim: &dyn Fn(&str) -> String) -> (String, Vec<Part>) {
    let named = |what: &str, cases: &[String]| {
        (!cases.is_empty()).then(|| Part::Verbatim(verbatim(&format!("{what}:\n{}", cases.join("\n")))))
    };
    let parts = [
        named("fixed", &c.fixed),
        named("broken", &c.broken),
        named("silenced", &c.silenced),
        named("flaky", &c.flaky),
    ];
    let heading = format!("Checks {}: {} passed, {} failed, {} skipped", c.run, c.passed, c.failed, c.skipped);
    (heading, parts.into_iter().flatten().collect())
}

fn proposed(a: &Action, verbatim: &dyn Fn(&str) -> String) -> (String, Vec<Part>) {
    let mut parts = Vec::new();
    if let Some(why) = &a.rationale {
        parts.push(Part::Text(verbatim(&why.text)));
    }
    if let Some(command) = &a.command {
        parts.push(Part::Verbatim(verbatim(&format!("$ {}", command.line()))));
    }
    if let Some(touches) = &a.touches {
        let more = if touches.files > touches.first.len() as u64 { ", …" } else { "" };
        let first = touches.first.join(", ");
        let unknown: String = touches.unknown.iter().map(|what| format!("; not known: {what}")).collect();
        parts.push(Part::Text(verbatim(&format!("touches {} files: {first}{more}{unknown}", touches.files))));
    }
    (format!("{} proposed, revision {}: {}", a.id, a.revision, a.title), parts)
}

fn change(
    file: &FileEdit,
    clean: &dyn Fn(&str) -> String,
    verbatim: &dyn Fn(&str) -> String,
    blobs: Blobs<'_>,
) -> Part {
    let shown = |content: &Option<Content>| match content {
        None => String::new(),
        Some(Content::Text(text)) => verbatim(text),
        Some(Content::Blob { digest, bytes }) => match blobs(digest, *bytes) {
            Some(content) if !foreign::is_binary(&content) => verbatim(&foreign::readable(&content)),
            Some(_) | None => format!("({bytes} bytes, {})", digest.short()),
        },
    };
    let path = clean(&format!("{:?} {}", file.change, file.path));
    Part::Change { path, before: shown(&file.before), after: shown(&file.after) }
}

/// The lines of a change, marked as unified diffs mark them, with a little context.
pub(super) fn diff_lines(before: &str, after: &str) -> Vec<String> {
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .iter_hunks()
        .flat_map(|hunk| hunk.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// `1h02m03s` since the session began.
pub(super) fn clock(ms: u64) -> String {
    let s = ms / 1000;
    format!("{}h{:02}m{:02}s", s / 3600, s / 60 % 60, s % 60)
}
