//! Policy as the host asks it: the rules with what is known about this project and this machine.

use super::disk::LocalDisk;
use crate::base::{Digest, RelPath};
use crate::host::Judge;
use crate::model::ActionBody;
use crate::model::decide::Ruling;
use crate::model::event::RulingWord;
use crate::model::{Action, Command};
use crate::policy::{Class, Judged, Place, Policy, Reach};
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
    pub tests: Option<Command>,
    /// The agent is a part of this program, so what it runs in private copies was written by us.
    pub trusts_trials: bool,
}

impl ProjectJudge {
    fn judged(&self, action: &Action) -> Judged {
        self.policy.rule(action, &self.place())
    }

    fn place(&self) -> Place<'static> {
        Place { root: self.root.clone(), own: self.own.clone(), disk: Some(&LocalDisk) }
    }
}

impl Judge for ProjectJudge {
    fn rule(&self, action: &Action) -> Ruling {
        if self.trusts_trials && action.trial().is_some() {
            return Ruling {
                word: RulingWord::Allow,
                ..Ruling::ask("tests-in-candidate", "the embedded agent runs the project's tests in a private copy")
            };
        }
        let mut action = action.clone();
        // The variables of the detected test command are ours; with any others it is another command. How long it
        // may take makes none.
        let is_tests =
            |c: &Command| self.tests.as_ref().is_some_and(|t| *t == Command { timeout_ms: t.timeout_ms, ..c.clone() });
        if let ActionBody::Command(command) | ActionBody::Trials(command, _) = &mut action.body
            && is_tests(command)
        {
            command.env.clear();
        }
        self.judged(&action).ruling()
    }

    fn class(&self, action: &Action) -> Class {
        self.judged(action).class
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

    fn is_test(&self, path: &RelPath) -> bool {
        crate::checks::recognise(path.as_str()).is_guarded()
    }
}
