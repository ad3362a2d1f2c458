//! Choices about the plan: its comments, saved plans, and who does a step.

use super::{Awaited, Choice, Pick, visible};
use crate::base::StepId;
use crate::model::plan::{PlanComment, placeholders};
use crate::model::{Role, Step};
use crate::ui::app::Scene;
use crate::ui::limits::UI_CHOICES_MAX;

impl Choice {
    /// The comments on the plan.
    #[must_use]
    pub fn comments(scene: &Scene) -> Self {
        let row = |comment: &PlanComment| {
            let place = match &comment.anchor.step {
                Some(step) => format!("step {step}"),
                None => format!("line {}", comment.anchor.line),
            };
            let words = if comment.text.is_empty() { &comment.anchor.quote } else { &comment.text };
            let name = format!("{}  {place}  {} {}", comment.id, comment.kind.sign(), visible(words));
            (name, comment.state.word().to_owned(), Pick::Comment(comment.id.clone()))
        };
        let rows: Vec<_> = scene.session.plans.comments().take(UI_CHOICES_MAX).map(row).collect();
        let about = if rows.is_empty() { "none yet: ; writes one" } else { "Enter goes there" };
        Self { about: vec![about.to_owned()], ..Self::of("Comments on the plan", rows) }
    }

    /// The plans that are kept, with their placeholders.
    #[must_use]
    pub fn templates(plans: Vec<(String, String)>) -> Self {
        let row = |(name, text): (String, String)| {
            let wanted = placeholders(&text);
            let wanted = if wanted.is_empty() { String::new() } else { format!("asks for {}", wanted.join(", ")) };
            (visible(&name), wanted, Pick::Template(text))
        };
        let rows: Vec<_> = plans.into_iter().take(UI_CHOICES_MAX).map(row).collect();
        let about = if rows.is_empty() { "none yet: :plan-save keeps one" } else { "Enter puts it under review" };
        Self { about: vec![about.to_owned()], ..Self::of("Saved plans", rows) }
    }

    /// Who does this step: the session's agent, or a role. Until the host has listed them.
    #[must_use]
    pub fn roles_to_come(step: &Step) -> Self {
        let about = vec![visible(&step.title), "requested from the host".to_owned()];
        let awaits = Some(Awaited::RolesFor(step.id.clone()));
        Self { about, awaits, ..Self::of("Who does this step", Vec::new()) }
    }

    /// The roles that the step can be given to.
    #[must_use]
    pub fn roles(scene: &Scene, step: StepId, roles: &[Role]) -> Self {
        let owner = scene.session.plan.step(&step).and_then(|step| step.owner.as_deref());
        let row = |role: &Role| {
            let by = role.agent.as_ref().map(|agent| format!("by {}", visible(agent)));
            let words = by.into_iter().chain(role.may.words().map(str::to_owned)).collect::<Vec<_>>();
            let words = if words.is_empty() { "the session's agent".to_owned() } else { words.join(", ") };
            (visible(&role.role), words, Pick::Owner(step.clone(), Some(role.role.clone())))
        };
        let cursor = roles.iter().position(|role| Some(role.role.as_str()) == owner).map_or(0, |at| at + 1);
        let nobody = ("no role".to_owned(), "the session's agent".to_owned(), Pick::Owner(step.clone(), None));
        let rows: Vec<_> = std::iter::once(nobody).chain(roles.iter().take(UI_CHOICES_MAX).map(row)).collect();
        let title = scene.session.plan.step(&step).map_or_else(String::new, |step| visible(&step.title));
        Self { about: vec![title], cursor, ..Self::of("Who does this step", rows) }
    }
}
