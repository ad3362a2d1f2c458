//! The user's own files on this machine that a client adds to: rules of the policy, and saved plans. What is done with
//! them is the caller's.

use std::path::PathBuf;
use std::sync::Arc;

/// The directories of the user's own files that a client reads.
#[derive(Debug, Clone, Default)]
pub struct Dirs {
    pub themes: Option<PathBuf>,
    pub keymaps: Option<PathBuf>,
    /// The messages that were sent, by project.
    pub history: Option<PathBuf>,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct UserFiles {
    /// Absent where the session's policy is on another machine.
    pub rules: Option<KeepRule>,
    pub plans: Option<PlanStore>,
}

/// Checks a rule's text, adds it to the user's policy, and names the file.
#[derive(Clone)]
pub struct KeepRule(pub Arc<Keep>);

/// Takes the rule's text, gives the file's name or what is wrong.
type Keep = dyn Fn(&str) -> Result<String, String> + Send + Sync;

impl std::fmt::Debug for KeepRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeepRule")
    }
}

/// The user's templates of plans, on this machine.
pub trait PlanFiles: Send + Sync {
    /// Keeps a text under a new name; gives the file's name or what is wrong.
    fn save(&self, name: &str, text: &str) -> Result<String, String>;
    /// The names with the texts.
    fn list(&self) -> Result<Vec<(String, String)>, String>;
}

/// See [`PlanFiles`].
#[derive(Clone)]
pub struct PlanStore(pub Arc<dyn PlanFiles>);

impl std::fmt::Debug for PlanStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlanStore")
    }
}

impl UserFiles {
    pub(super) fn keep_rule(&self, text: &str) -> Result<String, String> {
        match &self.rules {
            Some(KeepRule(keep)) => keep(text).map(|place| format!("saved in {place}")),
            None => Ok("not saved: add it to the policy on the remote machine".to_owned()),
        }
    }

    pub(super) fn save_plan(&self, name: &str, text: &str) -> Result<String, String> {
        match &self.plans {
            Some(PlanStore(plans)) => plans.save(name, text),
            None => Err("this client keeps no plans".to_owned()),
        }
    }

    pub(super) fn plans(&self) -> Result<Vec<(String, String)>, String> {
        self.plans.as_ref().map_or_else(|| Ok(Vec::new()), |PlanStore(plans)| plans.list())
    }
}
