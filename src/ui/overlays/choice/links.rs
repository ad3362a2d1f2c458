//! Lists that lead somewhere: what an item relates to, the session in time, what a search found, and what can be compared.

use super::{Choice, Pick, visible};
use crate::base::Seq;
use crate::model::Step;
use crate::model::event::Checkpointed;
use crate::model::session::ActionState;
use crate::ui::app::links::{Place, related};
use crate::ui::app::{App, Scene};
use crate::ui::limits::UI_CHOICES_MAX;
use crate::wire::{Compare, SearchFound, SearchHit};

impl Choice {
    /// What the row under the cursor, or the item under review, relates to.
    #[must_use]
    pub fn related(app: &App) -> Option<Self> {
        let (name, links) = related(app)?;
        let rows = links.into_iter().take(UI_CHOICES_MAX).map(|(what, words, place)| {
            let first = words.lines().next().unwrap_or_default();
            (format!("{what:<14}{}", visible(first)), String::new(), Pick::Link(place))
        });
        let about = vec!["Enter follows, Backspace leads back".to_owned()];
        Some(Self { about, ..Self::of(format!("Related to {}", visible(&name)), rows.collect()) })
    }

    /// What has happened so far, oldest first; the newest has the cursor.
    #[must_use]
    pub fn timeline(scene: &Scene) -> Self {
        let moments: Vec<_> = scene.moments().rev().take(UI_CHOICES_MAX).collect();
        let row = |moment: &crate::ui::app::timeline::MomentRow| {
            let pick = moment.place.clone().map_or(Pick::Nothing, Pick::Link);
            let title = match &moment.place {
                Some(Place::Action(id)) => scene.session.actions.get(id).map(|state| visible(&state.action.title)),
                _ => None,
            };
            let title = title.filter(|title| !moment.words.contains(title.as_str()));
            let title = title.map(|title| format!("  {title}")).unwrap_or_default();
            (format!("{}  {}{title}", scene.clock(moment.at), moment.words), format!("{}", moment.seq), pick)
        };
        let rows: Vec<_> = moments.into_iter().rev().map(row).collect();
        let cursor = rows.len().saturating_sub(1);
        let about = vec!["Enter goes there, Backspace leads back".to_owned()];
        Self { about, cursor, is_timeline: true, ..Self::of("The session so far", rows) }
    }

    /// The moment of a checkpoint, and what it belongs to.
    pub(super) fn checkpoint_words(scene: &Scene, made: &Checkpointed) -> (String, String) {
        let when = made.when.as_str().replace('_', " ");
        let of_action = |id| Some(scene.session.actions.get(id)?.action.title.as_str());
        let of_step = |id| Some(scene.session.plan.step(id)?.title.as_str());
        let (name, title) = match (&made.action, &made.step) {
            (Some(action), _) => (format!("{when} {action}"), of_action(action)),
            (None, Some(step)) => (format!("{step}: {when}"), of_step(step)),
            (None, None) => (when, None),
        };
        (name, visible(title.unwrap_or_default()))
    }

    /// The same, with the cursor on what happened at this event, or last before it.
    #[must_use]
    pub fn at_moment(self, seq: Seq) -> Self {
        let of = |row: &(String, String, Pick)| row.1.parse().map(Seq).ok();
        let cursor = self.rows.iter().rposition(|row| of(row).is_some_and(|at| at <= seq)).unwrap_or(0);
        Self { cursor, ..self }
    }

    /// The same with what came since; a cursor that is not on the newest stays where it is.
    #[must_use]
    pub fn newer_timeline(&self, scene: &Scene) -> Self {
        let newer = Self::timeline(scene);
        let was_last = self.cursor + 1 >= self.rows.len();
        // Where the list is full, the oldest rows went.
        let under = self.rows.get(self.cursor).map(|(_, seq, _)| seq);
        let there = newer.rows.iter().position(|(_, seq, _)| Some(seq) == under);
        let cursor = if was_last { newer.cursor } else { there.unwrap_or(0) };
        Self { cursor, ..newer }
    }

    /// Where the words were found, newest session first.
    #[must_use]
    pub fn found(scene: &Scene, query: &str, found: &SearchFound) -> Self {
        let own = scene.session.opened.as_ref().map(|opened| &opened.session);
        let row = |hit: &SearchHit| {
            let is_own = own == Some(&hit.session);
            let place = match (is_own, &hit.action) {
                (true, Some(action)) => Some(Place::Action(action.clone())),
                (true, None) => place_of(scene, hit.seq, query),
                (false, action) => Some(Place::Session(hit.session.clone(), action.clone())),
            };
            // Enter closes the list then.
            let nowhere = if place.is_none() { "  (cannot be opened)" } else { "" };
            let pick = place.map_or(Pick::Nothing, Pick::Link);
            let session = if is_own { "here".to_owned() } else { visible(hit.session.as_str()) };
            let about = hit.action.as_ref().map_or_else(String::new, |action| format!("{action}  "));
            (format!("{about}{}", visible(&hit.text)), format!("{session}  {}{nowhere}", scene.clock(hit.at)), pick)
        };
        let rows: Vec<_> = found.hits.iter().take(UI_CHOICES_MAX).map(row).collect();
        let more = if found.complete { "" } else { ", and more: search for longer words" };
        let about = match rows.len() {
            0 => format!("nothing with {}", visible(query)),
            1 => format!("1 place{more}; Enter opens it"),
            count => format!("{count} places{more}; Enter opens one"),
        };
        Self { about: vec![about], ..Self::of(format!("Found: {}", visible(query)), rows) }
    }

    /// The item under review, steps that changed files, the session, its checkpoints and the last commit.
    #[must_use]
    pub fn scopes(scene: &Scene) -> Self {
        let item = match scene.target() {
            Some(state) => format!("{} {}", state.action.id, visible(&state.action.title)),
            None => "nothing now".to_owned(),
        };
        let mut rows = vec![("the item under review".to_owned(), item, Pick::Scope(None))];
        let scope = |name: &str, about: String, compare: Compare, title: String| {
            (name.to_owned(), about, Pick::Scope(Some((compare, title))))
        };
        let plan = &scene.session.plan;
        let has_changed = |step: &&Step| {
            let is_of_it = |state: &&ActionState| {
                let is_within = state.action.step.as_ref().is_some_and(|of| plan.is_within(of, &step.id));
                is_within && state.finished.as_ref().is_some_and(|finished| finished.files.is_some())
            };
            scene.session.actions.iter().any(|state| is_of_it(&state))
        };
        rows.extend(plan.steps.iter().filter(has_changed).map(|step| {
            let (id, title) = (&step.id, visible(&step.title));
            scope(
                &format!("step {id}"),
                title.clone(),
                Compare::Step { step: id.clone() },
                format!("step {id}  {title}"),
            )
        }));
        let session = "everything since the session began".to_owned();
        rows.push(scope("the session", session, Compare::Session, "the session".to_owned()));
        let head = "the workspace against HEAD".to_owned();
        rows.push(scope("the last commit", head, Compare::Head, "since the last commit".to_owned()));
        let room = UI_CHOICES_MAX.saturating_sub(rows.len());
        rows.extend(scene.session.disk.checkpoints.iter().rev().take(room).map(|(_, made)| {
            let (name, title) = Self::checkpoint_words(scene, made);
            scope(&name, title, Compare::Tree { tree: made.tree }, format!("since {name}"))
        }));
        let now = scene.comparison.as_ref().map(|comparison| &comparison.scope);
        let is_now = |(_, _, pick): &(String, String, Pick)| matches!(pick, Pick::Scope(scope) if scope.as_ref().map(|(compare, _)| compare) == now);
        let cursor = rows.iter().position(is_now).unwrap_or(0);
        let about = vec!["Enter shows the difference; nothing can be decided on there".to_owned()];
        Self { about, cursor, ..Self::of("Compare", rows) }
    }
}

/// Where an event of this session leads that is about no action: a comment, a step, or a message that has the words.
/// `None` where nothing on the screen shows it.
fn place_of(scene: &Scene, seq: Seq, query: &str) -> Option<Place> {
    if let Some(moment) = scene.moments().find(|moment| moment.seq == seq) {
        return moment.place.clone();
    }
    let mut words = query.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let first = words.find(|word| !word.is_empty()).unwrap_or_default().to_lowercase();
    // A message is known by its first piece.
    let entry = scene.session.transcript.iter().rev().find(|entry| entry.seq <= seq)?;
    entry.text.to_lowercase().contains(&first).then_some(Place::Said(seq))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UnixMs;
    use crate::model::Envelope;
    use crate::model::event::{Event, Said};
    use crate::ui::tests::stage::Stage;

    #[test]
    fn a_message_is_found_by_any_of_its_pieces_and_nothing_else_is_taken_for_one() {
        let mut stage = Stage::empty(80, 24, "dark");
        let scene = &mut stage.app.scene;
        for (seq, text, more) in [(1, "the zebra ", true), (2, "is striped", false)] {
            let said = Said { by: "agent".into(), text: text.to_owned(), more, parts: Vec::new() };
            scene.session.apply(&Envelope { seq: Seq(seq), at: UnixMs(seq), event: Event::Said(said) });
        }
        assert_eq!(place_of(scene, Seq(1), "Zebra"), Some(Place::Said(Seq(1))));
        assert_eq!(place_of(scene, Seq(2), "strip"), Some(Place::Said(Seq(2))));
        assert_eq!(place_of(scene, Seq(3), "horse"), None);
        assert_eq!(place_of(scene, Seq(0), "zebra"), None);
    }
}
