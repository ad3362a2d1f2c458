//! The recent part of a long journal, for a client on a slow link: the last events, and before them those that the state
//! now consists of. A client that folds them has the right first screen and everything that is pending, whole; what else
//! was before, it reads page by page when its user wants it.
//!
//! The journal is read once from its beginning, through the connection's own handle.

use crate::base::limits::CLIENT_READ_EVENTS_MAX;
use crate::base::{ActionId, RunId, Seq};
use crate::host::limits::{
    CLIENT_PAST_BYTES_MAX, CLIENT_PAST_EVENTS_MAX, CLIENT_RECENT_EVENTS_MIN, RECENT_OF_KIND_EVENTS_MAX,
    RECENT_REPORTS_EVENTS_MAX, RECENT_STANDING_EVENTS_MAX, RECENT_TAIL_BYTES_MAX, RECENT_TAIL_EVENTS_MAX,
};
use crate::journal::{Reader, Record, Result};
use crate::model::check::Tree;
use crate::model::event::Verdict;
use crate::wire::Attach;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Whether this client is sent the recent part only.
pub fn is_wanted(head: Seq, attach: &Attach) -> bool {
    let from_start = attach.from.is_none_or(|from| from <= Seq(1));
    attach.recent && from_start && head.0 >= CLIENT_RECENT_EVENTS_MIN
}

/// What becomes of an event before the last ones.
enum Keep {
    /// Only the newest of its kind says what is so now.
    Newest,
    /// The newest few are kept, for lists.
    Some,
    /// As those, but what an old one says may still hold: more of them are kept.
    Standing,
    /// Kept with its action, while that is open.
    OfAction,
    /// Of the newest run of all checks on the workspace, or of the newest other one.
    OfRun,
    No,
}

fn keep(record: &Record) -> Keep {
    match record.kind.as_str() {
        "host_started" | "mode_changed" | "network_changed" | "checks_changed" | "plan_revised" | "plan_listed"
        | "plan_written" | "agent_ready" | "agent_changed" | "agent_lost" | "usage" | "drafted" | "queue_changed"
        | "watching" | "drilled" | "stopped" | "session_ended" | "turn_started" | "turn_ended" | "policy_reloaded"
        | "frozen" | "resumed" => Keep::Newest,
        "lease_granted" | "lease_revoked" | "policy_allowed" | "policy_revoked" | "policy_tightened"
        | "client_changed" | "plan_commented" | "commented" => Keep::Standing,
        "session_opened" | "alarm" | "plan_decided" | "checkpointed" => Keep::Some,
        "observed" if record.body.contains(r#""unsupervised""#) => Keep::Some,
        "proposed" | "ruled" | "held" | "decided" | "started" | "finished" | "lapsed" | "explained"
        | "dependents_found" => Keep::OfAction,
        "check_started" | "check_reported" | "check_finished" => Keep::OfRun,
        _ => Keep::No,
    }
}

#[derive(Deserialize)]
struct Whole {
    action: Named,
}

#[derive(Deserialize)]
struct Named {
    id: ActionId,
}

#[derive(Deserialize)]
struct Subject {
    action: Option<ActionId>,
    verdict: Option<Verdict>,
}

/// The action that an event is about, and whether nothing can follow for it.
fn subject(record: &Record) -> Option<(ActionId, bool)> {
    if record.kind == "proposed" {
        return serde_json::from_str::<Whole>(&record.body).ok().map(|whole| (whole.action.id, false));
    }
    let subject: Subject = serde_json::from_str(&record.body).ok()?;
    let refused = matches!(subject.verdict, Some(Verdict::Deny | Verdict::Redirect));
    Some((subject.action?, refused || matches!(record.kind.as_str(), "finished" | "lapsed")))
}

/// What was found so far, in one pass from the beginning.
#[derive(Default)]
struct Survey {
    newest: BTreeMap<String, Record>,
    some: BTreeMap<String, VecDeque<Record>>,
    open: BTreeMap<ActionId, Vec<Record>>,
    /// The newest whole run of the checks on the workspace, and the newest other one.
    runs: [Option<(RunId, VecDeque<Record>)>; 2],
}

#[derive(Deserialize)]
struct OfRun {
    run: RunId,
    #[serde(default)]
    tree: Option<Tree>,
    #[serde(default)]
    cases: Vec<String>,
}

impl Survey {
    /// `told` are the actions that the last events are about: they are kept whether or not they are open.
    fn take(&mut self, record: Record, told: &BTreeSet<ActionId>) {
        match keep(&record) {
            Keep::Newest => {
                // Nobody of before is attached to this host.
                if record.kind == "host_started" {
                    self.some.remove("client_changed");
                }
                self.newest.insert(record.kind.clone(), record);
            }
            Keep::Some => {
                push(self.some.entry(record.kind.clone()).or_default(), record, RECENT_OF_KIND_EVENTS_MAX);
            }
            Keep::Standing => {
                push(self.some.entry(record.kind.clone()).or_default(), record, RECENT_STANDING_EVENTS_MAX);
            }
            Keep::OfAction => {
                let Some((id, is_over)) = subject(&record) else { return };
                if is_over && !told.contains(&id) {
                    self.open.remove(&id);
                } else {
                    self.open.entry(id).or_default().push(record);
                }
            }
            Keep::OfRun => self.take_run(record),
            Keep::No => {}
        }
    }

    fn take_run(&mut self, record: Record) {
        let Ok(of) = serde_json::from_str::<OfRun>(&record.body) else { return };
        let [whole, other] = &mut self.runs;
        if record.kind == "check_started" {
            let is_whole = of.tree == Some(Tree::Workspace) && of.cases.is_empty();
            *(if is_whole { whole } else { other }) = Some((of.run, VecDeque::from([record])));
            return;
        }
        let Some((_, records)) = [whole, other].into_iter().flatten().find(|(run, _)| *run == of.run) else { return };
        if records.len() >= RECENT_REPORTS_EVENTS_MAX {
            // The first one is the start.
            records.remove(1);
        }
        records.push_back(record);
    }

    fn into_records(self) -> Vec<Record> {
        let runs = self.runs.into_iter().flatten().flat_map(|(_, records)| records);
        let lists = self.some.into_values().flatten().chain(runs);
        let mut all: Vec<Record> =
            self.newest.into_values().chain(lists).chain(self.open.into_values().flatten()).collect();
        all.sort_by_key(|record| record.seq);
        all
    }
}

fn push(list: &mut VecDeque<Record>, record: Record, max: usize) {
    if list.len() >= max {
        list.pop_front();
    }
    list.push_back(record);
}

/// The events up to `head` that a client needs for its first screen, in order.
pub fn select(reader: &Reader, head: Seq) -> Result<Vec<Record>> {
    let tail = tail(reader, head)?;
    let begin = tail.first().map_or(head.next(), |record| record.seq);
    let told = tail.iter().filter_map(|record| subject(record).map(|(id, _)| id)).collect();
    let mut survey = Survey::default();
    let mut next = Seq(1);
    while next < begin {
        let page = reader.read(next, CLIENT_READ_EVENTS_MAX)?;
        let Some(last) = page.last() else { break };
        next = last.seq.next();
        page.into_iter().filter(|record| record.seq < begin).for_each(|record| survey.take(record, &told));
    }
    let mut all = survey.into_records();
    all.extend(tail);
    Ok(all)
}

/// The last events, as many as fit.
fn tail(reader: &Reader, head: Seq) -> Result<Vec<Record>> {
    let from = Seq(head.0.saturating_sub(RECENT_TAIL_EVENTS_MAX as u64).max(1));
    let mut records = reader.read(from, RECENT_TAIL_EVENTS_MAX + 1)?;
    records.retain(|record| record.seq <= head);
    let mut room = RECENT_TAIL_BYTES_MAX;
    let fits = records.iter().rev().take_while(|record| {
        let fits = record.body.len() <= room;
        room = room.saturating_sub(record.body.len());
        fits
    });
    let over = records.len().saturating_sub(fits.count().max(1));
    Ok(records.split_off(over))
}

/// One page of older events from `from` on, up to `head`: as many as fit, and at least one.
pub fn page(reader: &Reader, from: Seq, head: Seq) -> Result<(Vec<Record>, Seq)> {
    let mut records = reader.read(from, CLIENT_PAST_EVENTS_MAX)?;
    records.retain(|record| record.seq <= head);
    let mut room = CLIENT_PAST_BYTES_MAX;
    let fits = records.iter().take_while(|record| {
        let fits = record.body.len() <= room;
        room = room.saturating_sub(record.body.len());
        fits
    });
    records.truncate(fits.count().max(1));
    let next = records.last().map_or(from, |record| record.seq.next());
    Ok((records, next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Digest;
    use crate::base::UnixMs;
    use crate::model::{Envelope, Event, Session};

    fn record(seq: u64, kind: &str, body: &str) -> Record {
        assert!(!matches!(Event::from_parts(kind, body), Event::Unknown { .. }), "{kind} {body}");
        let hash = Digest::of(b"");
        let (kind, body) = (kind.to_owned(), body.to_owned());
        Record { seq: Seq(seq), at: UnixMs(seq), kind, body, attached: Vec::new(), prev: hash, hash }
    }

    fn command(id: &str) -> String {
        let digest = Digest::of(id.as_bytes());
        format!(
            r#"{{"action":{{"id":"{id}","revision":1,"kind":"command","title":"ls","digest":"{digest}","command":{{"argv":["ls"],"cwd":""}}}}}}"#
        )
    }

    fn held(id: &str) -> String {
        format!(r#"{{"action":"{id}","revision":1,"digest":"{}"}}"#, Digest::of(id.as_bytes()))
    }

    /// What is pending is whole, what is over is left out, and only the newest state counts.
    #[test]
    fn open_actions_are_whole_and_finished_ones_are_left_out() {
        let mut survey = Survey::default();
        let records = [
            record(1, "mode_changed", r#"{"mode":"step"}"#),
            record(2, "proposed", &command("a1")),
            record(3, "held", &held("a1")),
            record(4, "proposed", &command("a2")),
            record(5, "held", &held("a2")),
            record(6, "lapsed", r#"{"action":"a1","why":"voided"}"#),
            record(7, "mode_changed", r#"{"mode":"plan"}"#),
            record(8, "said", r#"{"by":"agent","text":"x"}"#),
        ];
        records.into_iter().for_each(|record| survey.take(record, &BTreeSet::new()));
        let kept = survey.into_records();
        assert_eq!(kept.iter().map(|record| record.seq.0).collect::<Vec<_>>(), [4, 5, 7]);
        let mut session = Session::default();
        for record in &kept {
            session.skip_to(record.seq);
            session.apply(&record.envelope());
        }
        assert_eq!(session.actions.held().map(|state| state.action.id.as_str()).collect::<Vec<_>>(), ["a2"]);
        assert!(session.alarms.anomalies.is_empty(), "{:?}", session.alarms.anomalies);
        let _: Envelope = kept[0].envelope();
    }
}
