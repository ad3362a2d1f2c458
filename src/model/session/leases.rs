//! Bounded standing approvals and what is left of them.

use crate::base::UnixMs;
use crate::model::action::{Action, Kind};
use crate::model::event::{Decider, LeaseGranted, LeaseRevoked, Usage};

/// One lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub granted: LeaseGranted,
    pub spent: u32,
    /// What the agent has cost since, in micro-dollars.
    pub cost_micros: u64,
    pub revoked: Option<String>,
}

/// All leases of a session, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leases {
    leases: Vec<Lease>,
    /// The total that the agent named last, in micro-dollars.
    billed: u64,
}

impl Leases {
    pub fn iter(&self) -> impl Iterator<Item = &Lease> {
        self.leases.iter()
    }

    pub fn next_id(&self) -> crate::base::LeaseId {
        crate::base::LeaseId::new(format!("l{}", self.leases.len() + 1))
    }

    /// Those that may still be spent at this time.
    pub fn open(&self, now: UnixMs) -> impl Iterator<Item = &Lease> {
        self.leases.iter().filter(move |l| l.is_open(now))
    }

    /// The first open lease that covers this action.
    pub fn covering(&self, action: &Action, now: UnixMs) -> Option<&Lease> {
        self.open(now).find(|l| l.covers(action))
    }

    pub(super) fn grant(&mut self, body: &LeaseGranted) {
        self.leases.push(Lease { granted: body.clone(), spent: 0, cost_micros: 0, revoked: None });
    }

    pub(super) fn revoke(&mut self, body: &LeaseRevoked) {
        if let Some(lease) = self.leases.iter_mut().find(|l| l.granted.lease == body.lease) {
            lease.revoked = Some(body.why.clone());
        }
    }

    /// The agent names its total; another agent counts from zero.
    pub(super) fn charge(&mut self, usage: &Usage) {
        let Some(total) = usage.cost_micros else { return };
        let more = total.checked_sub(self.billed).unwrap_or(total);
        self.billed = total;
        for lease in &mut self.leases {
            lease.cost_micros = lease.cost_micros.saturating_add(more);
        }
    }

    pub(super) fn spend(&mut self, by: &Decider) {
        if let Decider::Lease(id) = by
            && let Some(lease) = self.leases.iter_mut().find(|l| &l.granted.lease == id)
        {
            lease.spent = lease.spent.saturating_add(1);
        }
    }
}

impl Lease {
    pub fn is_open(&self, now: UnixMs) -> bool {
        let is_paid = self.granted.cost_micros_max.is_none_or(|max| self.cost_micros < max);
        self.revoked.is_none() && now < self.granted.until && self.spent < self.granted.actions_max && is_paid
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_ends_when_the_agent_has_cost_its_bound_since() {
        let mut leases = Leases::default();
        let bill = |leases: &mut Leases, total| leases.charge(&Usage { cost_micros: Some(total), ..Usage::default() });
        let granted = LeaseGranted {
            lease: "l1".into(),
            step: None,
            paths: Vec::new(),
            commands: Vec::new(),
            until: UnixMs(1_000),
            actions_max: 9,
            cost_micros_max: Some(500),
            by: "c1".into(),
        };
        bill(&mut leases, 10_000);
        leases.grant(&granted);
        let is_open = |leases: &Leases| leases.open(UnixMs(1)).count() == 1;
        bill(&mut leases, 10_400);
        assert!(is_open(&leases), "what it cost before does not count");
        // Another agent begins to count.
        bill(&mut leases, 99);
        assert!(is_open(&leases));
        bill(&mut leases, 100);
        assert!(!is_open(&leases));
    }
}
