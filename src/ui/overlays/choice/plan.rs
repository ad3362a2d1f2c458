//! Choices about the plan: its comments, saved plans, and who does a step.

use super::{Awaited, Choice, Pick, visible};
use crate::base::StepId;
use crate::model::comment::{Comment, Side, Subject};
use crate::model::plan::placeholders;
use crate::model::session::ActionState;
use crate::model::{Role, Step};
use crate::ui::app::Scene;
use crate::ui::limits::UI_CHOICES_MAX;
use crate::ui::panes::diff::fate_words;

impl Choice {
    /// All comments, with what became of each.
    #[must_use]
    pub fn comments(scene: &Scene) -> Self {
        let row = |comment: &Comment| {
            let words = if comment.text.is_empty() { &comment.anchor.quote } else { &comment.text };
            let name =
                format!("{}  {}  {} {}", comment.id, visible(&comment.place()), comment.kind.sign(), visible(words));
            (name, became(scene, comment), Pick::Comment(comment.id.clone()))
        };
        let rows: Vec<_> = scene.session.plans.all_comments().take(UI_CHOICES_MAX).map(row).collect();
        let open = scene.session.plans.open_comments().count();
        let about = match (rows.is_empty(), open) {
            (true, _) => "none yet: ; writes one".to_owned(),
            (false, 0) => "none is open; Enter goes to one".to_owned(),
            (false, open) => format!("{open} open: r sends them all; Enter goes to one"),
        };
        Self { about: vec![about], ..Self::of("Comments", rows) }
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

/// The state of a comment in the newest change of its file, as far as that text is here.
fn became(scene: &Scene, comment: &Comment) -> String {
    let plain = || comment.state.word().to_owned();
    let Some(Subject::File { path, side, .. }) = &comment.anchor.on else { return plain() };
    let changes = |state: &ActionState| state.action.files().iter().find(|file| file.path == *path).cloned();
    let newest = scene.session.actions.recent().find_map(changes);
    let version = newest.as_ref().and_then(|file| match side {
        Side::Old => file.before.as_ref(),
        Side::New => file.after.as_ref(),
    });
    let text = version.and_then(|content| scene.contents.text(content));
    text.map_or_else(plain, |text| fate_words(comment, comment.anchor.fate(text)))
}
