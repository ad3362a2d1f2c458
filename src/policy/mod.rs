//! Rulings: deny > ask > allow, on any doubt ask. Pure over the model.
//!
//! An action is taken apart into `matter`s; every rule is asked about every matter, and the most restrictive word
//! wins, whatever the order of the rules. Nothing is allowed because no rule spoke: without a rule that permits, it
//! asks. A policy file that cannot be read whole makes everything ask.

mod ask;
pub mod claims;
mod command;
pub mod contradictions;
pub mod grounds;
pub mod guarded;
pub mod infra;
mod judge;
pub mod limits;
mod matter;
pub mod pipeline;
mod place;
pub mod risk;
pub mod rules;
mod side;
pub mod tampering;
#[cfg(test)]
mod tests;
mod user;
pub mod weakened;

pub use ask::{check, dry_run, explain};
pub use command::class::Class;
pub use command::reach::{Claim, Ignored, Reach, reach};
pub use command::shell;
pub use judge::Judged;
pub use matter::{Matter, Op};
pub use place::{Disk, Place, Scope, Tracked};
pub use side::Side;
pub use user::Listed;
pub use user::always::{Allowance, check as check_allowance, check_edit, globs, may_star, warning, words};
pub use user::bounds::Bounds;
pub use user::file::PolicyError;
pub use user::hosts::{Hosts, check_hosts, host_patterns};

use crate::base::digest::FieldHasher;
use crate::base::limits::POLICY_RULES_MAX;
use crate::base::{Digest, StepId};
use crate::model::Command;
use crate::model::action::{Action, ActionBody};
use crate::model::decide::Ruling;
use crate::model::event::RulingWord;
use std::borrow::Cow;
use user::UserRule;

/// The built-in rules, the test commands they allow, and the rules of the user.
#[derive(Debug, Clone)]
pub struct Policy {
    tests: Vec<Vec<String>>,
    /// The project's test command, whose variables are ours.
    checks: Option<Command>,
    trusts_trials: bool,
    user: Vec<UserRule>,
    /// The error in the user's file; while it is set everything asks.
    broken: Option<String>,
    digest: Digest,
}

impl Policy {
    /// The built-in rules alone. `tests` are the argument lists that run the project's checks.
    pub fn builtin(tests: Vec<Vec<String>>) -> Self {
        Self { tests, checks: None, trusts_trials: false, user: Vec::new(), broken: None, digest: Digest::of(b"") }
            .digested("")
    }

    /// The built-in rules and the user's file; `name` is for errors. With an error the policy is still usable: it asks
    /// about everything and denies what the built-in rules deny.
    pub fn with_file(tests: Vec<Vec<String>>, name: &str, text: &str) -> (Self, Option<PolicyError>) {
        let policy = Self::builtin(tests);
        match user::file::read(name, text) {
            Ok(user) => (Self { user, ..policy }.digested(text), None),
            Err(e) => (Self { broken: Some(e.to_string()), ..policy }.digested(text), Some(e)),
        }
    }

    /// The same policy with the rules of the project's own file, which may ask and deny but never allow. A faulty file
    /// makes everything ask: it may have meant to.
    pub fn with_project(&self, name: &str, text: &str) -> (Self, Option<PolicyError>) {
        let mut policy = self.clone();
        let fault = match user::file::read(name, text).and_then(|rules| user::file::only_tightening(name, rules)) {
            Ok(rules) => {
                policy
                    .user
                    .extend(rules.into_iter().map(|r| UserRule { id: r.id.replacen("user:", "project:", 1), ..r }));
                None
            }
            Err(e) => {
                policy.broken = Some(e.to_string());
                Some(e)
            }
        };
        (policy.digested(&format!("project {text}")), fault)
    }

    /// The same policy with rules that a user adds while a session runs. They may ask and deny, never allow.
    ///
    /// # Errors
    /// What is wrong with the text; then nothing is added.
    pub fn tightened(&self, text: &str) -> Result<Self, PolicyError> {
        let rules = user::file::only_tightening("rule", user::file::read("rule", text)?)?;
        let mut policy = self.clone();
        for rule in rules {
            let id = format!("added:{}", policy.user.len() + 1);
            policy.user.push(UserRule { id, ..rule });
        }
        Ok(policy.digested(&format!("added {text}")))
    }

    /// The same policy with a rule that the user made from a pending action.
    ///
    /// # Errors
    /// What is wrong with a pattern, or that there are too many rules.
    pub fn allowing(&self, allowance: &Allowance) -> Result<Self, String> {
        if self.user.len() >= POLICY_RULES_MAX {
            return Err(format!("there are {POLICY_RULES_MAX} rules: revoke some first"));
        }
        let mut policy = self.clone();
        policy.user.push(allowance.rule()?);
        Ok(policy.digested(&format!("allowed {allowance:?}")))
    }

    /// The same policy after its file was changed to one that cannot be used: everything asks, and what was denied
    /// still is.
    pub fn with_fault(&self, fault: String) -> Self {
        let policy = Self { broken: Some(fault.clone()), ..self.clone() };
        policy.digested(&format!("broken {fault}"))
    }

    /// The rules of the user and the project, in order.
    pub fn listed(&self) -> impl Iterator<Item = Listed> {
        self.user.iter().map(UserRule::listed)
    }

    /// The rules that allow more than they seem to, with the reason.
    pub fn warnings(&self) -> Vec<String> {
        let allows = self.user.iter().filter(|rule| rule.word == RulingWord::Allow);
        let patterns = allows.flat_map(|rule| rule.commands.iter().map(move |tokens| (rule, tokens.words().join(" "))));
        patterns.filter_map(|(rule, pattern)| Some(format!("{}: {}", rule.id, warning(&[pattern])?))).collect()
    }

    /// Without the rules whose bounds are not met here and now.
    fn in_force(&self, step: Option<&StepId>, place: &Place<'_>) -> Cow<'_, Self> {
        if self.user.iter().all(|rule| rule.counts(step, place)) {
            return Cow::Borrowed(self);
        }
        let mut policy = self.clone();
        policy.user.retain(|rule| rule.counts(step, place));
        Cow::Owned(policy)
    }

    /// The same policy with further guarded files: globs relative to the workspace whose change always asks.
    pub fn with_guarded(&self, globs: &[String]) -> Result<Self, String> {
        if globs.is_empty() {
            return Ok(self.clone());
        }
        let mut policy = self.clone();
        policy.user.push(UserRule {
            id: "guarded:config".to_owned(),
            word: RulingWord::Ask,
            reason: Some("it changes a file that the configuration guards".to_owned()),
            kinds: vec![user::Verb::Edit, user::Verb::Delete],
            commands: Vec::new(),
            paths: Some(user::paths::Paths::new(globs)?),
            hosts: None,
            bounds: Bounds::default(),
        });
        Ok(policy.digested(&format!("guarded {globs:?}")))
    }

    /// The same policy with further allow patterns, as `policy check` takes them. An invalid pattern allows nothing.
    pub fn with_patterns(&self, patterns: &[String]) -> Self {
        let mut policy = self.clone();
        policy.user.extend(patterns.iter().enumerate().filter_map(|(n, p)| UserRule::pattern(n + 1, p)));
        policy.digested(&format!("patterns {patterns:?}"))
    }

    /// The same policy in a session: with the project's test command, and whether the agent is a part of this program,
    /// so that what it runs in private copies was written by us.
    pub fn in_session(self, checks: Option<Command>, trusts_trials: bool) -> Self {
        Self { checks, trusts_trials, ..self }
    }

    fn digested(mut self, text: &str) -> Self {
        let mut hasher = FieldHasher::new();
        builtin_fields(&mut hasher);
        hasher.field(self.digest.bytes()).field(text.as_bytes());
        for test in &self.tests {
            test.iter().for_each(|word| {
                hasher.field(word.as_bytes());
            });
        }
        self.digest = hasher.finish();
        self
    }

    /// Names this policy in the journal.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the reason that the user's rules are not active, if they are not.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Rules on a whole action: the most restrictive word on anything it does.
    pub fn rule(&self, action: &Action, place: &Place<'_>) -> Judged {
        let action = self.without_own_variables(action);
        let policy = self.in_force(action.step.as_ref(), place);
        let judge = |matter: &Matter| judge::judge(&policy, matter, place);
        let judged = Judged::worst(Matter::of(&action, place).iter().map(judge).collect());
        if self.trusts_trials && action.trial().is_some() {
            let why = "the embedded agent runs the project's tests in a private copy";
            let ruling = Ruling { word: RulingWord::Allow, ..Ruling::ask("tests-in-candidate", why) };
            return Judged::new(ruling, judged.class);
        }
        judged
    }

    /// The variables of the test command are ours; with any others it is another command. How long it may take makes
    /// none.
    fn without_own_variables<'a>(&self, action: &'a Action) -> Cow<'a, Action> {
        let is_checks =
            |c: &Command| self.checks.as_ref().is_some_and(|t| *t == Command { timeout_ms: t.timeout_ms, ..c.clone() });
        if !action.command().is_some_and(is_checks) {
            return Cow::Borrowed(action);
        }
        let mut action = action.clone();
        if let ActionBody::Command(command) | ActionBody::Trials(command, _) = &mut action.body {
            command.env.clear();
        }
        Cow::Owned(action)
    }

    /// Rules on one matter.
    pub fn judge(&self, matter: &Matter, place: &Place<'_>) -> Judged {
        judge::judge(&self.in_force(None, place), matter, place)
    }
}

/// Hashes the built-in rules, so that journals tell policies apart: the rules with their examples, and the release for
/// the tables of programs and options that they use.
fn builtin_fields(hasher: &mut FieldHasher) {
    hasher.field(env!("CARGO_PKG_VERSION").as_bytes());
    for rule in rules::RULES {
        hasher.field(rule.id.as_bytes()).field(rule.about.as_bytes());
        for example in rule.speaks_on.iter().chain(rule.silent_on) {
            hasher.field(example.as_bytes());
        }
    }
}
