//! Bounded standing approvals and what is left of them.

use crate::base::UnixMs;
use crate::model::action::{Action, Kind};
use crate::model::event::{Decider, LeaseGranted, LeaseRevoked};

/// One lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub granted: LeaseGranted,
    pub spent: u32,
    pub revoked: Option<String>,
}

/// All leases of a session, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leases(Vec<Lease>);

impl Leases {
    pub fn iter(&self) -> impl Iterator<Item = &Lease> {
        self.0.iter()
    }

    pub fn next_id(&self) -> crate::base::LeaseId {
        crate::base::LeaseId::new(format!("l{}", self.0.len() + 1))
    }

    /// Those that may still be spent at this time.
    pub fn open(&self, now: UnixMs) -> impl Iterator<Item = &Lease> {
        self.0.iter().filter(move |l| l.is_open(now))
    }

    /// The first open lease that covers this action.
    pub fn covering(&self, action: &Action, now: UnixMs) -> Option<&Lease> {
        self.open(now).find(|l| l.covers(action))
    }

    pub(super) fn grant(&mut self, body: &LeaseGranted) {
        self.0.push(Lease { granted: body.clone(), spent: 0, revoked: None });
    }

    pub(super) fn revoke(&mut self, body: &LeaseRevoked) {
        if let Some(lease) = self.0.iter_mut().find(|l| l.granted.lease == body.lease) {
            lease.revoked = Some(body.why.clone());
        }
    }

    pub(super) fn spend(&mut self, by: &Decider) {
        if let Decider::Lease(id) = by
            && let Some(lease) = self.0.iter_mut().find(|l| &l.granted.lease == id)
        {
            lease.spent = lease.spent.saturating_add(1);
        }
    }
}

impl Lease {
    pub fn is_open(&self, now: UnixMs) -> bool {
        self.revoked.is_none() && now < self.granted.until && self.spent < self.granted.actions_max
    }

    /// Edits whose every path is named (or any path, when none is named), commands only by their exact line; for a
    /// lease of a step, only actions of that step.
    pub fn covers(&self, action: &Action) -> bool {
        if self.granted.step.is_some() && self.granted.step != action.step {
            return false;
        }
        match action.kind() {
            Kind::Edit => action.touches().all(|path| self.allows_path(path.as_str())),
            Kind::Command => {
                action.trial().is_none() && action.command().is_some_and(|c| self.granted.commands.contains(&c.line()))
            }
            Kind::Read => true,
            Kind::Network | Kind::Plan | Kind::Other => false,
        }
    }

    fn allows_path(&self, path: &str) -> bool {
        self.granted.paths.is_empty()
            || self.granted.paths.iter().any(|glob| {
                globset::GlobBuilder::new(glob)
                    .literal_separator(true)
                    .build()
                    .is_ok_and(|g| g.compile_matcher().is_match(path))
            })
    }
}
