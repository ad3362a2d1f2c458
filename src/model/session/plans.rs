//! The plan under review: the versions of its document, and whether one was approved; and the comments on it and on what
//! is done.

use super::costs::{Costs, StepCost};
use crate::base::{ActionId, CommentId, Digest, Seq, StepId, UnixMs};
use crate::model::action::Action;
use crate::model::comment::{Comment, CommentState};
use crate::model::event::{Decided, PlanDecided, PlanListed, PlanWritten, Verdict};
use crate::model::limits::{PLAN_COMMENTS_MAX, PLAN_VERSIONS_KEPT_MAX};
use crate::model::plan::{Plan, PlanDocument, PlanVerdict, Step};

/// One version of the plan's document.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanVersion {
    /// From 1; a text that comes again unchanged stays the version it is.
    pub number: u32,
    pub document: PlanDocument,
    pub digest: Digest,
    pub by: String,
    pub seq: Seq,
    pub at: UnixMs,
    /// The action that asks for its approval: nothing else goes on until there is a verdict.
    pub action: Option<ActionId>,
    pub verdict: Option<PlanVerdict>,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plans {
    /// Oldest first, bounded.
    versions: Vec<PlanVersion>,
    comments: Vec<Comment>,
    /// Versions there were.
    total: u32,
    /// The digest of the text that was approved last.
    pub approved: Option<Digest>,
    /// The agent's own list of steps, beside the plan.
    own: Vec<Step>,
    pub(super) costs: Costs,
}

impl Plans {
    /// What a step took with everything below it; `None` before anything happened.
    pub fn cost_of(&self, plan: &Plan, step: &StepId) -> Option<StepCost> {
        self.costs.of(plan, step)
    }

    /// The same of a step that has none below it.
    pub fn cost_of_leaf(&self, step: &StepId) -> Option<StepCost> {
        self.costs.of_leaf(step)
    }

    /// The agent's own list of steps, which has little to do with the approved plan.
    pub fn own(&self) -> &[Step] {
        &self.own
    }

    pub fn versions(&self) -> &[PlanVersion] {
        &self.versions
    }

    pub fn latest(&self) -> Option<&PlanVersion> {
        self.versions.last()
    }

    /// The version with this text.
    pub fn of(&self, digest: Digest) -> Option<&PlanVersion> {
        self.versions.iter().rev().find(|version| version.digest == digest)
    }

    /// The version with this text, without hashing it.
    pub fn of_text(&self, text: &str) -> Option<&PlanVersion> {
        self.versions.iter().rev().find(|version| version.document.text == text)
    }

    /// The version that the user has before them, where no plan is approved: under review, or sent back.
    pub fn in_review(&self) -> Option<&PlanVersion> {
        let is_open = |latest: &&PlanVersion| match latest.verdict {
            None => latest.action.is_some(),
            Some(PlanVerdict::Revise) => true,
            Some(PlanVerdict::Approved | PlanVerdict::Dropped) => false,
        };
        self.latest().filter(|_| self.approved.is_none()).filter(is_open)
    }

    /// The version before this one.
    pub fn before(&self, number: u32) -> Option<&PlanVersion> {
        self.versions.iter().rev().find(|version| version.number < number)
    }

    /// Those on the plan that are not withdrawn, oldest first.
    pub fn comments(&self) -> impl DoubleEndedIterator<Item = &Comment> {
        self.all_comments().filter(|comment| comment.is_on_plan())
    }

    /// Those on anything that are not withdrawn, oldest first.
    pub fn all_comments(&self) -> impl DoubleEndedIterator<Item = &Comment> {
        self.comments.iter().filter(|comment| comment.state != CommentState::Withdrawn)
    }

    pub fn comment(&self, id: &CommentId) -> Option<&Comment> {
        self.comments.iter().find(|comment| &comment.id == id)
    }

    /// Those that the agent has not been given yet.
    pub fn open_comments(&self) -> impl DoubleEndedIterator<Item = &Comment> {
        self.comments.iter().filter(|comment| comment.state == CommentState::Open)
    }

    /// The open ones that a verdict on this action sends: a redirect sends all, any other verdict those about the action.
    pub fn sent_with<'a>(&'a self, action: &'a Action, redirects: bool) -> impl Iterator<Item = &'a Comment> {
        self.open_comments().filter(move |comment| redirects || comment.is_about(action))
    }

    /// The names of the next comments.
    pub fn next_comment_ids(&self) -> impl Iterator<Item = CommentId> {
        (self.comments.len() + 1..).map(|number| CommentId::new(format!("k{number}")))
    }

    /// The number of comments that still fit.
    pub fn comments_left(&self) -> usize {
        PLAN_COMMENTS_MAX.saturating_sub(self.comments.len())
    }

    /// The reason that nothing may change yet; `required` in a session that works by plan.
    pub fn holds(&self, required: bool) -> Option<String> {
        let unapproved = || required.then(|| "the mode is plan, and no plan has been approved".to_owned());
        let Some(latest) = self.latest() else { return unapproved() };
        let number = latest.number;
        match latest.verdict {
            Some(PlanVerdict::Approved) => None,
            Some(PlanVerdict::Revise) => Some(format!("version {number} of the plan was sent back")),
            Some(PlanVerdict::Dropped) => unapproved().filter(|_| self.approved.is_none()),
            None if latest.action.is_some() => Some(format!("version {number} of the plan has not been approved")),
            None => unapproved().filter(|_| self.approved.is_none()),
        }
    }

    /// A version arrives, or one that is known is put again.
    fn add(&mut self, at: (Seq, UnixMs), by: &str, document: &PlanDocument, action: Option<ActionId>) {
        let digest = document.digest();
        if let Some(latest) = self.versions.last_mut().filter(|latest| latest.digest == digest) {
            if action.is_some() {
                latest.action = action;
                latest.verdict = None;
            }
            return;
        }
        self.total = self.total.saturating_add(1);
        if self.versions.len() >= PLAN_VERSIONS_KEPT_MAX {
            self.versions.remove(0);
        }
        self.versions.push(PlanVersion {
            number: self.total,
            document: document.clone(),
            digest,
            by: by.to_owned(),
            seq: at.0,
            at: at.1,
            action,
            verdict: None,
        });
    }

    pub(super) fn propose(&mut self, at: (Seq, UnixMs), action: &Action) {
        if let Some(document) = action.document().filter(|document| document.is_plan()) {
            let by = match action.author {
                crate::model::Author::Human => "human",
                crate::model::Author::Agent | crate::model::Author::Merge => "agent",
            };
            self.add(at, by, document, Some(action.id.clone()));
        }
    }

    pub(super) fn list(&mut self, body: &PlanListed) {
        self.own.clone_from(&body.steps);
    }

    /// The list was another agent's.
    pub(super) fn forget_list(&mut self) {
        self.own.clear();
    }

    pub(super) fn write(&mut self, at: (Seq, UnixMs), body: &PlanWritten) {
        self.add(at, &body.by, &body.document, None);
    }

    pub(super) fn decide(&mut self, body: &Decided) {
        let verdict = match body.verdict {
            Verdict::Approve | Verdict::ApproveEdited => PlanVerdict::Approved,
            Verdict::Deny | Verdict::Redirect => PlanVerdict::Revise,
        };
        if let Some(version) = self.versions.iter_mut().rev().find(|v| v.action.as_ref() == Some(&body.action)) {
            version.verdict = Some(verdict);
            if verdict == PlanVerdict::Approved {
                self.approved = Some(version.digest);
            }
        }
    }

    pub(super) fn decide_text(&mut self, body: &PlanDecided) -> Result<(), String> {
        let version = self.versions.iter_mut().rev().find(|version| version.digest == body.digest);
        let version = version.ok_or_else(|| format!("there is no plan {}", body.digest))?;
        version.verdict = Some(body.verdict);
        match body.verdict {
            PlanVerdict::Approved => self.approved = Some(version.digest),
            PlanVerdict::Dropped => self.approved = None,
            PlanVerdict::Revise => {}
        }
        Ok(())
    }

    pub(super) fn put_comment(&mut self, comment: &Comment) {
        let is_full = self.comments_left() == 0;
        match self.comments.iter_mut().find(|own| own.id == comment.id) {
            Some(own) => *own = comment.clone(),
            None if !is_full => self.comments.push(comment.clone()),
            None => {}
        }
    }
}
