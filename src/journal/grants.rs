//! The actions that may start: a pure fold over the few event kinds that give, revert and spend consent.
//!
//! It reads the bodies itself instead of trusting its caller, so that no mistake above can mint a permit.

use super::{Error, Permit, Result};
use crate::base::{ActionId, Digest};
use crate::model::event::{Decided, Lapsed, Started, Verdict};
use serde::Deserialize;
use std::collections::HashMap;

/// The kinds this fold reads.
pub(super) const KINDS: [&str; 4] = ["proposed", "decided", "started", "lapsed"];

#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    revision: u32,
    /// `None`: decided, but not in favor, or consent was lost since.
    digest: Option<Digest>,
    /// The last revision that was started, if any ever was. A later one needs, and may have, a decision of its own.
    spent: Option<u32>,
}

/// The valid consent, by action.
#[derive(Debug, Default)]
pub(super) struct Grants {
    by_action: HashMap<ActionId, Grant>,
}

/// Changes of one append, kept apart until the append is on disk.
#[derive(Debug, Default)]
pub(super) struct Staged {
    by_action: HashMap<ActionId, Grant>,
    pub permits: Vec<Permit>,
}

#[derive(Deserialize)]
struct Proposed {
    action: ProposedAction,
}

#[derive(Deserialize)]
struct ProposedAction {
    id: ActionId,
    revision: u32,
}

impl Grants {
    /// Takes one event into `staged`. Refuses a start that no decision covers.
    pub fn stage(&self, staged: &mut Staged, kind: &str, body: &str) -> Result<()> {
        match kind {
            "proposed" => self.proposed(staged, &read(kind, body)?),
            "decided" => self.decided(staged, &read(kind, body)?),
            "started" => self.started(staged, &read(kind, body)?)?,
            "lapsed" => {
                let lapsed: Lapsed = read(kind, body)?;
                if let Some(mut grant) = self.current(staged, &lapsed.action)
                    && lapsed.revision.is_none_or(|r| r >= grant.revision)
                {
                    grant.digest = None;
                    staged.by_action.insert(lapsed.action, grant);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Makes staged changes permanent, once their events are on disk.
    pub fn commit(&mut self, staged: Staged) -> Vec<Permit> {
        self.by_action.extend(staged.by_action);
        staged.permits
    }

    fn current(&self, staged: &Staged, action: &ActionId) -> Option<Grant> {
        staged.by_action.get(action).or_else(|| self.by_action.get(action)).cloned()
    }

    /// A newer revision voids what was decided for an older one.
    fn proposed(&self, staged: &mut Staged, p: &Proposed) {
        if let Some(mut grant) = self.current(staged, &p.action.id)
            && grant.revision != p.action.revision
        {
            grant.digest = None;
            grant.revision = p.action.revision;
            staged.by_action.insert(p.action.id.clone(), grant);
        }
    }

    fn decided(&self, staged: &mut Staged, d: &Decided) {
        let allows = match d.verdict {
            Verdict::Approve | Verdict::ApproveEdited => true,
            Verdict::Deny | Verdict::Redirect => false,
        };
        let spent = self.current(staged, &d.action).and_then(|g| g.spent);
        let grant = Grant { revision: d.revision, digest: allows.then_some(d.digest), spent };
        staged.by_action.insert(d.action.clone(), grant);
    }

    fn started(&self, staged: &mut Staged, s: &Started) -> Result<()> {
        let not = |why| Error::NotDecided { action: s.action.clone(), why };
        let mut grant = self.current(staged, &s.action).ok_or_else(|| not("no decision is recorded"))?;
        if let Some(revision) = grant.spent.filter(|spent| *spent >= grant.revision) {
            return Err(Error::StartedBefore { action: s.action.clone(), revision });
        }
        let digest = grant.digest.ok_or_else(|| not("it was not approved, or consent was lost"))?;
        if s.revision.is_some_and(|r| r != grant.revision) {
            return Err(not("another revision was decided"));
        }
        if s.digest.is_some_and(|d| d != digest) {
            return Err(not("other bytes were decided"));
        }
        grant.spent = Some(grant.revision);
        staged.permits.push(Permit::new(s.action.clone(), grant.revision, digest));
        staged.by_action.insert(s.action.clone(), grant);
        Ok(())
    }
}

fn read<'a, T: Deserialize<'a>>(kind: &str, body: &'a str) -> Result<T> {
    serde_json::from_str(body).map_err(|e| refused(kind, &e.to_string()))
}

fn refused(kind: &str, why: &str) -> Error {
    Error::Refused { kind: kind.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const D1: &str = "1111111111111111111111111111111111111111111111111111111111111111";
    const D2: &str = "2222222222222222222222222222222222222222222222222222222222222222";

    fn decided(revision: u32, digest: &str, verdict: &str) -> (&'static str, String) {
        let body = format!(
            r#"{{"action":"a1","revision":{revision},"digest":"{digest}","verdict":"{verdict}","by":{{"human":"c"}}}}"#
        );
        ("decided", body)
    }

    fn started() -> (&'static str, String) {
        ("started", r#"{"action":"a1"}"#.to_owned())
    }

    /// Runs events one append each; says what the last one gave.
    fn check(events: &[(&str, String)], expect: &str) {
        let mut grants = Grants::default();
        let mut last = String::new();
        for (kind, body) in events {
            let mut staged = Staged::default();
            last = match grants.stage(&mut staged, kind, body) {
                Ok(()) => format!("{} permit", grants.commit(staged).len()),
                Err(Error::StartedBefore { .. }) => "before".to_owned(),
                Err(Error::NotDecided { why, .. }) => why.to_owned(),
                Err(e) => e.to_string(),
            };
        }
        assert_eq!(last, expect, "{events:?}");
    }

    #[test]
    fn consent_is_given_spent_once_and_lost() {
        let proposed = |r| ("proposed", format!(r#"{{"action":{{"id":"a1","revision":{r}}}}}"#));
        let lapsed = ("lapsed", r#"{"action":"a1","why":"voided"}"#.to_owned());
        check(&[started()], "no decision is recorded");
        check(&[decided(1, D1, "approve"), started()], "1 permit");
        check(&[decided(1, D1, "approve_edited"), started()], "1 permit");
        check(&[decided(1, D1, "deny"), started()], "it was not approved, or consent was lost");
        check(&[decided(1, D1, "redirect"), started()], "it was not approved, or consent was lost");
        check(&[decided(1, D1, "approve"), started(), started()], "before");
        check(&[decided(1, D1, "approve"), started(), decided(1, D1, "approve"), started()], "before");
        check(&[decided(1, D1, "approve"), started(), decided(2, D2, "approve"), started()], "1 permit");
        check(&[decided(2, D1, "approve"), started(), decided(1, D1, "approve"), started()], "before");
        check(
            &[decided(1, D1, "approve"), decided(1, D1, "deny"), started()],
            "it was not approved, or consent was lost",
        );
        check(&[decided(1, D1, "approve"), proposed(2), started()], "it was not approved, or consent was lost");
        check(&[decided(1, D1, "approve"), lapsed, started()], "it was not approved, or consent was lost");
        check(&[proposed(1), decided(1, D1, "approve"), proposed(1), started()], "1 permit");
        let other = ("started", format!(r#"{{"action":"a1","digest":"{D2}"}}"#));
        check(&[decided(1, D1, "approve"), other], "other bytes were decided");
        let later = ("started", r#"{"action":"a1","revision":2}"#.to_owned());
        check(&[decided(1, D1, "approve"), later], "another revision was decided");
        check(
            &[decided(1, "zz", "approve")],
            r#"event "decided" refused: a digest is 64 hex digits at line 1 column 41"#,
        );
    }

    #[test]
    fn a_refused_append_changes_nothing() {
        let grants = Grants::default();
        let mut staged = Staged::default();
        let (kind, body) = decided(1, D1, "approve");
        grants.stage(&mut staged, kind, &body).unwrap();
        drop(staged);
        let (kind, body) = started();
        assert!(grants.stage(&mut Staged::default(), kind, &body).is_err());
    }
}
