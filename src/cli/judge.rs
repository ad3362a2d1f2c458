//! Policy as the host asks it: the rules with what is known about this project and this machine.

use crate::base::{Digest, RelPath};
use crate::host::Judge;
use crate::model::decide::Ruling;
use crate::model::event::RulingWord;
use crate::model::{Action, Command};
use crate::policy::{Class, Judged, Place, Policy, Reach};
use std::path::{Path, PathBuf};
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

/// The real path of the longest part that exists, with the rest appended.
pub fn real_path(path: &Path) -> Option<PathBuf> {
    let mut rest = Vec::new();
    let mut at = path;
    loop {
        if let Ok(real) = at.canonicalize() {
            return Some(rest.iter().rev().fold(real, |path, part| path.join(part)));
        }
        // A link that leads nowhere would be followed by whoever writes to it.
        if at.symlink_metadata().is_ok() {
            return None;
        }
        rest.push(at.file_name()?.to_owned());
        at = at.parent()?;
    }
}

impl ProjectJudge {
    fn judged(&self, action: &Action) -> Judged {
        self.policy.rule(action, &self.place())
    }

    fn place(&self) -> Place<'static> {
        Place { root: self.root.clone(), own: self.own.clone(), resolve: Some(&real_path) }
    }
}

impl Judge for ProjectJudge {
    fn rule(&self, action: &Action) -> Ruling {
        if self.trusts_trials && action.trial.is_some() {
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
        if action.command.as_ref().is_some_and(is_tests) {
            action.command.iter_mut().for_each(|c| c.env.clear());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_as_the_kernel_does() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("a")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("out")).unwrap();
        std::os::unix::fs::symlink("/nowhere/x", root.join("dangling")).unwrap();
        assert_eq!(real_path(&root.join("a/new/file")), Some(root.join("a/new/file")));
        assert_eq!(real_path(&root.join("out/hosts")), Some("/etc/hosts".into()));
        assert_eq!(real_path(&root.join("out/../x")), Some("/x".into()));
        assert_eq!(real_path(&root.join("dangling")), None);
        assert_eq!(real_path(&root.join("missing/../../x")), None);
    }
}
