//! Past sessions, from their journals: what a user decided in those of a workspace, and the models that agents offered.

use super::limits::{
    PAST_ACTIONS_MAX, PAST_EVENTS_MAX, PAST_MODELS_MAX, PAST_SESSIONS_MAX, PAST_STARTS_MAX, PAST_STARTS_READ_MAX,
};
use super::place::{Places, SessionPlace};
use crate::base::{ActionId, Seq, SessionId};
use crate::journal::{Journal, Reader};
use crate::model::Action;
use crate::model::action::ActionBody;
use crate::model::event::{AgentOption, Decider, Event, Verdict};
use crate::port::Past;
use std::collections::BTreeMap;
use std::path::Path;

/// The commands and edits that a user decided on in the newest sessions of this workspace, without this one.
pub fn of(state: &Path, own: &SessionId, root: &Path) -> Vec<Past> {
    let places = Places { state: state.to_owned() };
    let is_here = |place: &SessionPlace| {
        let workspace = place.options().ok().and_then(|options| std::fs::canonicalize(options.workspace).ok());
        place.id != *own && workspace.is_some_and(|workspace| workspace == root)
    };
    let mut past = Vec::new();
    for place in places.all().into_iter().filter(is_here).take(PAST_SESSIONS_MAX) {
        let more = decided(&place).inspect_err(|error| tracing::info!(session = %place.id, %error, "not compared"));
        past.extend(more.unwrap_or_default());
        if past.len() >= PAST_ACTIONS_MAX {
            past.truncate(PAST_ACTIONS_MAX);
            break;
        }
    }
    past
}

/// What a user decided among the newest events of a session.
fn decided(place: &SessionPlace) -> Result<Vec<Past>, crate::journal::Error> {
    if !Journal::is_begun(&place.journal()) {
        return Ok(Vec::new());
    }
    let reader = Reader::open(&place.journal())?;
    let (head, _) = reader.head()?;
    let from = Seq(head.0.saturating_sub(PAST_EVENTS_MAX).max(1));
    let mut proposed: BTreeMap<ActionId, Action> = BTreeMap::new();
    let mut past = Vec::new();
    for record in reader.iter(from) {
        let envelope = record?.envelope();
        #[expect(clippy::wildcard_enum_match_arm, reason = "two of many kinds matter here")]
        match envelope.event {
            Event::Proposed(body) => {
                let action = without_contents(body.action);
                proposed.insert(action.id.clone(), action);
            }
            Event::Decided(decided) if matches!(decided.by, Decider::Human(_)) => {
                let refused = matches!(decided.verdict, Verdict::Deny | Verdict::Redirect);
                let action = proposed.remove(&decided.action);
                past.extend(action.map(|action| Past { session: place.id.clone(), action, refused }));
            }
            _ => {}
        }
    }
    Ok(past)
}

/// Rules are about the names of files.
fn without_contents(mut action: Action) -> Action {
    if let ActionBody::Edit(files) = &mut action.body {
        files.iter_mut().for_each(|file| (file.before, file.after) = (None, None));
    }
    action
}

/// The models that external agents offered in the newest sessions, by the agent's title: values and names, the one that
/// was set first.
pub fn models(places: &Places) -> BTreeMap<String, Vec<(String, String)>> {
    let mut known = BTreeMap::new();
    for place in places.all().into_iter().take(PAST_STARTS_READ_MAX).filter(|place| Journal::is_begun(&place.journal()))
    {
        let Ok(reader) = Reader::open(&place.journal()) else { continue };
        let records = reader.read(Seq(1), PAST_STARTS_MAX).unwrap_or_default();
        for event in records.iter().rev().map(|record| record.envelope().event) {
            let Event::AgentReady(ready) = event else { continue };
            let is_model = |option: &AgentOption| option.id == "model" || option.category.as_deref() == Some("model");
            let Some(option) = ready.options.into_iter().find(is_model) else { continue };
            let mut choices = option.choices;
            choices.truncate(PAST_MODELS_MAX);
            choices.sort_by_key(|(value, _)| Some(value) != option.value.as_ref());
            if !choices.is_empty() {
                known.entry(ready.agent.name).or_insert(choices);
                break;
            }
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UnixMs;
    use crate::model::event::{AgentBadge, AgentReady, Isolation};

    #[test]
    fn the_models_of_an_agent_are_those_of_its_last_session() {
        let dir = tempfile::tempdir().unwrap();
        let place = SessionPlace { id: "one".into(), dir: dir.path().join("sessions/one") };
        std::fs::create_dir_all(&place.dir).unwrap();
        let choices = ["small", "big"].map(|model| (model.to_owned(), model.to_uppercase())).to_vec();
        let option = AgentOption {
            id: "llm".into(),
            name: "Model".into(),
            value: Some("big".into()),
            choices,
            category: Some("model".into()),
        };
        let agent = AgentBadge { name: "Fake".into(), level: "L2".into(), isolation: Isolation::Gated };
        let ready = AgentReady { agent, options: vec![option], ..AgentReady::default() };
        let mut journal = Journal::create(&place.journal(), &place.id).unwrap();
        let draft = crate::journal::Draft::new(UnixMs(1), &Event::AgentReady(ready)).unwrap();
        journal.append(&[draft]).unwrap();
        let places = Places { state: dir.path().to_owned() };
        let known = models(&places);
        let values: Vec<&str> = known["Fake"].iter().map(|(value, _)| value.as_str()).collect();
        assert_eq!(values, ["big", "small"]);
    }
}
