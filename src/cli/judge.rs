//! Policy as the host asks it: the rules with what is known about this project and this machine.

use super::disk::LocalDisk;
use crate::base::Digest;
use crate::host::Judge;
use crate::model::{Action, Command};
use crate::policy::{Judged, Place, Policy, Reach};
use std::path::PathBuf;
use std::sync::Arc;

/// See the module.
#[derive(Clone)]
pub struct ProjectJudge {
    pub policy: Policy,
    /// The workspace, resolved.
    pub root: PathBuf,
    /// Configuration and sessions: no agent may write there.
    pub own: Vec<PathBuf>,
}

impl ProjectJudge {
    fn place(&self) -> Place<'static> {
        Place { root: self.root.clone(), own: self.own.clone(), disk: Some(&LocalDisk) }
    }
}

impl Judge for ProjectJudge {
    fn judged(&self, action: &Action) -> Judged {
        self.policy.rule(action, &self.place())
    }

    fn reach(&self, command: &Command) -> Option<Reach> {
        crate::policy::reach(command, &self.place())
    }

    fn tightened(&self, rules: &str) -> Result<Arc<dyn Judge>, String> {
        let policy = self.policy.tightened(rules).map_err(|error| error.to_string())?;
        Ok(Arc::new(Self { policy, ..self.clone() }))
    }

    fn digest(&self) -> Digest {
        self.policy.digest()
    }
}
