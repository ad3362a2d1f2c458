//! The rules that a user added while the session runs, oldest first, bounded.

use crate::base::RuleId;
use crate::base::limits::POLICY_RULES_MAX;
use crate::model::event::{Network, PolicyAllowed, PolicyTightened, RunAfter};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    tightened: Vec<PolicyTightened>,
    allowed: Vec<PolicyAllowed>,
    /// Rules that allow, also those that are revoked.
    count: u64,
    network: Option<Network>,
    run_after: Option<RunAfter>,
}

impl Rules {
    /// Those that ask or deny.
    pub fn tightened(&self) -> impl Iterator<Item = &PolicyTightened> {
        self.tightened.iter()
    }

    /// Those that allow, made from pending actions, without the revoked ones.
    pub fn allowed(&self) -> impl Iterator<Item = &PolicyAllowed> {
        self.allowed.iter()
    }

    /// The number of the next rule that allows.
    pub fn next_number(&self) -> u64 {
        self.count + 1
    }

    /// The network of commands in layers, where the session has another one than the configured.
    pub fn network(&self) -> Option<Network> {
        self.network
    }

    pub(super) fn set_network(&mut self, network: Option<Network>) {
        self.network = network;
    }

    /// What makes the checks run, where the session has something else than is configured.
    pub fn run_after(&self) -> Option<RunAfter> {
        self.run_after
    }

    pub(super) fn set_run_after(&mut self, run_after: Option<RunAfter>) {
        self.run_after = run_after;
    }

    pub(super) fn tighten(&mut self, body: &PolicyTightened) -> Result<(), String> {
        push(&mut self.tightened, body)
    }

    pub(super) fn allow(&mut self, body: &PolicyAllowed) -> Result<(), String> {
        self.count += 1;
        push(&mut self.allowed, body)
    }

    pub(super) fn revoke(&mut self, rule: &RuleId) {
        self.allowed.retain(|one| one.rule != *rule);
    }
}

fn push<T: Clone>(rules: &mut Vec<T>, rule: &T) -> Result<(), String> {
    if rules.len() >= POLICY_RULES_MAX {
        return Err(format!("more than {POLICY_RULES_MAX} added rules"));
    }
    rules.push(rule.clone());
    Ok(())
}
