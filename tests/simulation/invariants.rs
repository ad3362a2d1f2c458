//! What must hold after every step, each by the name that `docs/ARCHITECTURE.md` and `SECURITY.md` give it.

use crate::play::Play;
use rightseat::base::{ActionId, Digest, Seq};
use rightseat::journal::{Reader, Record};
use rightseat::model::Session;
use rightseat::model::event::{Decider, Event, Verdict};
use rightseat::model::session::Phase;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// A decision that somebody tried to make.
pub struct Sent {
    pub client: usize,
    pub id: u64,
    pub action: ActionId,
    pub digest: Digest,
    pub verdict: &'static str,
    /// By whom it may be made and with the digest that was shown.
    pub is_true: bool,
}

pub fn records(journal: &Path) -> Vec<Record> {
    let reader = Reader::open(journal).unwrap();
    reader.iter(Seq(1)).map(Result::unwrap).collect()
}

/// Everything that holds at any time.
pub fn hold(play: &Play) {
    let records = records(&play.journal);
    let events: Vec<Event> = records.iter().map(|r| r.envelope().event).collect();
    effects_have_their_decision(play);
    replicas_equal_the_fold(play, &records);
    what_was_seen_is_durable(play, &records);
    decisions_are_those_that_were_sent(play, &events);
    changes_are_attributed(play, &events);
    for known in &play.known {
        let faults = &known.lock().unwrap().faults;
        assert!(faults.is_empty(), "a client: {faults:?}");
    }
}

/// 1 and 6: the world itself looked, before each effect, for a synced decision and for a former time.
fn effects_have_their_decision(play: &Play) {
    let world = play.world.lock().unwrap();
    assert!(world.faults.is_empty(), "effects: {:?}", world.faults);
}

/// 3: each replica is the fold of the journal up to where it stands.
fn replicas_equal_the_fold(play: &Play, records: &[Record]) {
    for known in &play.known {
        let replica = &known.lock().unwrap().replica;
        let envelopes: Vec<_> = records.iter().take_while(|r| r.seq <= replica.head).map(Record::envelope).collect();
        let fold = Session::replay(&envelopes);
        assert!(fold == *replica, "a replica at {} is not the fold of the journal", replica.head);
        assert!(replica.alarms.anomalies.is_empty(), "the fold found nonsense: {:?}", replica.alarms.anomalies);
    }
}

/// 5: no crash took back what a client saw.
fn what_was_seen_is_durable(play: &Play, records: &[Record]) {
    let kept: BTreeMap<u64, _> = records.iter().map(|r| (r.seq.0, r.envelope())).collect();
    for known in &play.known {
        for (seq, envelope) in &known.lock().unwrap().seen {
            assert_eq!(kept.get(seq), Some(envelope), "event {seq} was seen and is not in the journal");
        }
    }
}

/// 7: a human's decision in the journal is one that was sent, with the digest that was shown, once.
fn decisions_are_those_that_were_sent(play: &Play, events: &[Event]) {
    let mut decided: BTreeMap<(&ActionId, u32), usize> = BTreeMap::new();
    for event in events {
        let Event::Decided(d) = event else { continue };
        *decided.entry((&d.action, d.revision)).or_default() += 1;
        if let Decider::Human(_) = d.by {
            let word = match d.verdict {
                Verdict::Deny => "deny",
                Verdict::Redirect => "redirect",
                _ => "approve",
            };
            // `gate/step` approves the oldest question without naming a digest.
            let stepped = d.reason.as_deref() != Some("so it is") && word == "approve";
            let sent = |s: &Sent| s.is_true && s.action == d.action && s.digest == d.digest && s.verdict == word;
            assert!(stepped || play.sent.iter().any(sent), "nobody decided so: {d:?}");
        }
    }
    assert!(decided.values().all(|n| *n == 1), "decided twice: {decided:?}");
    for sent in play.sent.iter().filter(|s| !s.is_true) {
        let known = play.known[sent.client].lock().unwrap();
        let is_ok = known.answers.get(&sent.id).is_some_and(|a: &Value| a.get("result").is_some());
        assert!(!is_ok, "a decision that nobody may make was taken: {}", sent.action);
    }
}

/// 2: the watcher's words are all in the journal, in order, each with somebody who did it.
fn changes_are_attributed(play: &Play, events: &[Event]) {
    let told = play.world.lock().unwrap().told.clone();
    let observed: Vec<(String, Option<Digest>)> = events
        .iter()
        .filter_map(|e| if let Event::Observed(o) = e { Some((o.path.clone(), o.after)) } else { None })
        .collect();
    let tail = observed.get(observed.len().saturating_sub(told.len())..).unwrap_or_default();
    assert_eq!(tail, told, "what changed and what is recorded differ");
}

/// 9: what was held when the host died is held under the next one.
pub fn questions_survive(play: &Play, held: &[ActionId]) {
    let session = play.durable();
    for id in held {
        let phase = session.actions.get(id).map(|a| a.phase);
        assert_eq!(phase, Some(Phase::Held), "{id} was held before the crash");
    }
}
