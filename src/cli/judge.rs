//! Policy as the host asks it: the rules with what is known about this project and this machine. The files are read
//! again when they change.

use super::compose::SystemClock;
use super::disk::LocalDisk;
use super::keep_rule;
use super::limits::PROJECT_POLICIES_MAX;
use super::watches::Watched;
use crate::base::{Digest, RuleId};
use crate::config::Paths;
use crate::host::Judge;
use crate::model::risk::RiskWeights;
use crate::model::{Action, Command};
use crate::policy::{Allowance, Judged, Listed, Place, Policy, Reach};
use crate::port::Clock as _;
use notify::EventKind;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The files that rules come from, and what else the rules of a session are made of.
#[derive(Clone)]
pub struct PolicyFiles {
    /// The user's own.
    pub user: PathBuf,
    /// The workspace, resolved.
    pub root: PathBuf,
    /// Argument lists that run the project's checks.
    pub tests: Vec<Vec<String>>,
    pub checks: Option<Command>,
    pub guarded: Vec<String>,
    pub trusts_trials: bool,
    pub weights: RiskWeights,
}

/// The state of a file on the disk, to see that it changed; `None` for none.
type Stamp = Option<(u64, u64, i64, i64)>;

impl PolicyFiles {
    fn stamps(&self) -> [Stamp; 2] {
        [&self.user, &Paths::project_policy(&self.root)].map(|path| {
            let about = std::fs::metadata(path).ok()?;
            Some((about.ino(), about.size(), about.ctime(), about.ctime_nsec()))
        })
    }

    /// Reads the rules. `project` holds what the project's file forbade so far: a session does not lose that. Errors in
    /// the text are faults: then everything asks. An error says that a file cannot be read.
    fn read(&self, project: &mut Vec<String>) -> Result<(Policy, Vec<String>), String> {
        let mut faults = Vec::new();
        let policy = match crate::config::read_beside(&self.user).map_err(|e| e.to_string())? {
            Some(text) => {
                let (policy, error) = Policy::with_file(self.tests.clone(), &self.user.display().to_string(), &text);
                faults.extend(error.map(fails_closed));
                policy
            }
            None => Policy::builtin(self.tests.clone()),
        };
        let policy = tightened(policy, &self.root, project, &mut faults)?;
        let policy = policy.with_guarded(&self.guarded).map_err(|e| format!("policy.guarded: {e}"))?;
        Ok((policy.in_session(self.checks.clone(), self.trusts_trials), faults))
    }
}

/// A rule that was added while the session ran.
#[derive(Clone)]
enum Added {
    Tightening(String),
    Allowing(Allowance),
}

impl Added {
    fn to(&self, policy: &Policy) -> Result<Policy, String> {
        match self {
            Self::Tightening(text) => policy.tightened(text).map_err(|error| error.to_string()),
            Self::Allowing(allowance) => policy.allowing(allowance),
        }
    }
}

/// See the module.
#[derive(Clone)]
pub struct ProjectJudge {
    /// The rules of the files, then those that were added.
    policy: Policy,
    files: PolicyFiles,
    /// Of the files when they were read.
    stamps: [Stamp; 2],
    added: Vec<Added>,
    /// Every text of the project's file in this session.
    project: Vec<String>,
    /// Configuration and sessions: no agent may write there.
    own: Vec<PathBuf>,
    watched: Arc<Mutex<Option<Watched>>>,
}

impl ProjectJudge {
    /// Reads the files; with what is wrong with them.
    pub fn open(files: PolicyFiles, own: Vec<PathBuf>) -> Result<(Self, Vec<String>), String> {
        let stamps = files.stamps();
        let mut project = Vec::new();
        let (policy, mut faults) = files.read(&mut project)?;
        faults.extend(policy.warnings());
        Ok((Self { policy, files, stamps, added: Vec::new(), project, own, watched: Arc::default() }, faults))
    }

    fn place(&self) -> Place<'static> {
        let now = Some(SystemClock.now());
        Place { root: self.files.root.clone(), own: self.own.clone(), disk: Some(&LocalDisk), now }
    }

    fn with(&self, added: Added) -> Result<Arc<dyn Judge>, String> {
        let policy = added.to(&self.policy)?;
        let added = self.added.iter().cloned().chain([added]).collect();
        Ok(Arc::new(Self { policy, added, ..self.clone() }))
    }

    /// The rules of the files as they are now, with these added.
    fn again(&self, added: Vec<Added>) -> (Self, Vec<String>) {
        let stamps = self.files.stamps();
        let mut project = self.project.clone();
        let (policy, mut faults) = match self.files.read(&mut project) {
            Ok(read) => read,
            Err(fault) => (self.policy.clone(), vec![fails_closed(fault)]),
        };
        let mut rules = match (faults.first(), &self.policy) {
            // What the file denied before it broke stays denied.
            (Some(fault), before) => before.with_fault(fault.clone()),
            (None, _) => policy,
        };
        if faults.is_empty() {
            for one in &added {
                match one.to(&rules) {
                    Ok(next) => rules = next,
                    Err(why) => faults.push(format!("a rule added in this session is not active: {why}")),
                }
            }
        }
        (Self { policy: rules, stamps, added, project, ..self.clone() }, faults)
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
        self.with(Added::Tightening(rules.to_owned()))
    }

    fn allowing(&self, rule: &Allowance) -> Result<Arc<dyn Judge>, String> {
        self.with(Added::Allowing(rule.clone()))
    }

    fn keeping(&self, rule: &Allowance) -> Result<Arc<dyn Judge>, String> {
        keep_rule::keep(&self.files.user, &rule.text())?;
        Ok(Arc::new(self.again(self.added.clone()).0))
    }

    fn revoking(&self, rule: &RuleId) -> Result<Arc<dyn Judge>, String> {
        let is_it = |one: &Added| matches!(one, Added::Allowing(allowance) if allowance.id == *rule);
        let rest: Vec<Added> = self.added.iter().filter(|one| !is_it(one)).cloned().collect();
        if rest.len() == self.added.len() {
            let id = rule.as_str().strip_prefix("user:").ok_or_else(|| format!("there is no rule {rule} to revoke"))?;
            keep_rule::remove(&self.files.user, id)?;
        }
        let (judge, faults) = self.again(rest);
        faults.into_iter().next().map_or_else(|| Ok(Arc::new(judge) as Arc<dyn Judge>), Err)
    }

    fn weights(&self) -> RiskWeights {
        self.files.weights
    }

    fn listed(&self) -> Vec<Listed> {
        self.policy.listed().collect()
    }

    fn reloaded(&self) -> Option<(Arc<dyn Judge>, Vec<String>)> {
        if self.files.stamps() == self.stamps {
            return None;
        }
        let (judge, faults) = self.again(self.added.clone());
        Some((Arc::new(judge), faults))
    }

    /// The user's own file; the project's is in the workspace, which is watched anyway.
    fn watch(&self, changed: Box<dyn Fn() + Send + Sync>) {
        let name = self.files.user.file_name().map(ToOwned::to_owned);
        let Some(dir) = self.files.user.parent().filter(|dir| dir.is_dir()) else { return };
        let watched = Watched::new(&[dir], move |event| {
            let is_rules = |path: &PathBuf| path.file_name() == name.as_deref();
            if is_whole(event.kind) && event.paths.iter().any(is_rules) {
                changed();
            }
        });
        let watched =
            watched.inspect_err(|error| tracing::warn!(%error, "rules are read again at the next ruling only"));
        if let Ok(mut before) = self.watched.lock() {
            *before = watched.ok();
        }
    }

    fn trusting_trials(&self, trusts_trials: bool) -> Option<Arc<dyn Judge>> {
        let policy = self.policy.clone().in_session(self.files.checks.clone(), trusts_trials);
        let files = PolicyFiles { trusts_trials, ..self.files.clone() };
        Some(Arc::new(Self { policy, files, ..self.clone() }))
    }

    fn digest(&self) -> Digest {
        self.policy.digest()
    }
}

/// The file was written to its end, put in place or taken away: one that is being written holds fewer rules.
fn is_whole(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(_))
        | EventKind::Remove(_) => true,
        // Elsewhere there is no event for the end of writing.
        EventKind::Create(_) | EventKind::Modify(_) => cfg!(not(target_os = "linux")),
        EventKind::Access(_) | EventKind::Any | EventKind::Other => false,
    }
}

fn fails_closed(error: impl std::fmt::Display) -> String {
    format!("{error}; until it is fixed, everything asks")
}

/// The policy with what the project's own file forbids, or forbade before in this session.
pub fn tightened(
    policy: Policy,
    root: &Path,
    before: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Result<Policy, String> {
    let file = Paths::project_policy(root);
    let name = file.display().to_string();
    let text = crate::config::read_beside(&file).map_err(|e| e.to_string())?;
    let mut policy = policy;
    if let Some(text) = text.filter(|text| !before.contains(text)) {
        match policy.with_project(&name, &text) {
            (_, None) => before.push(text),
            (broken, Some(error)) => {
                warnings.push(fails_closed(error));
                policy = broken;
            }
        }
    }
    if before.len() > PROJECT_POLICIES_MAX {
        return Err(format!("{name} has changed more than {PROJECT_POLICIES_MAX} times in this session"));
    }
    Ok(before.iter().fold(policy, |policy, text| policy.with_project(&name, text).0))
}
