//! Keys on a form: digits and Space pick, `i` and Enter type. None of them sends anything.

use super::form::{self, Part, Spot, parts};
use super::toast::Toast;
use super::{App, Request};
use crate::base::text::{Show, escape};
use crate::base::{ActionId, Digest};
use crate::model::form::FieldKind;
use crate::ui::layout::PaneId;
use crate::ui::overlays::{Choice, Overlay, Prompt, Purpose};
use crate::ui::terminal::Key;
use crate::wire;
use crossterm::event::KeyCode;

/// Takes a key that means something on the form under review; `None` leaves it to the keymap.
pub(super) fn key(app: &mut App, key: Key) -> Option<Vec<Request>> {
    if app.focus != PaneId::Diff || !app.scene.has_control() || !app.pending_keys.is_empty() {
        return None;
    }
    let form = form::of(&app.scene)?;
    if let Some(address) = form.url.as_ref().filter(|_| key.typed() == Some('o')) {
        return Some(vec![Request::Browse(address.clone())]);
    }
    let spot = app.panes.diff.spot();
    let field_at = spot.map_or(0, |spot| spot.field);
    let field = form.fields.get(field_at)?;
    let part = spot.and_then(|spot| spot.part);
    let own = parts(field).into_iter().find(|part| matches!(part, Part::OwnWords | Part::Value));
    let picked = match (key.typed(), key.code) {
        (Some(digit @ '1'..='9'), _) => digit.to_digit(10).and_then(|n| usize::try_from(n).ok()).map(|n| n - 1),
        (Some(' '), _) | (None, KeyCode::Enter) => match part {
            Some(Part::Choice(choice)) => Some(choice),
            Some(part @ (Part::OwnWords | Part::Value)) => return Some(type_answer(app, field_at, part)),
            None => return None,
        },
        (Some('i'), _) if spot.is_some() => return own.map(|part| type_answer(app, field_at, part)),
        _ => return None,
    };
    let choice = picked.filter(|choice| parts(field).contains(&Part::Choice(*choice)));
    match choice {
        Some(choice) => {
            let field = field.clone();
            app.scene.review.form.pick(&field, choice);
            app.scene.touched.target = true;
        }
        None => app.say(Toast::plain("this question has no such choice")),
    }
    Some(Vec::new())
}

fn type_answer(app: &mut App, field_at: usize, part: Part) -> Vec<Request> {
    let Some((state, digest)) = app.scene.held_target() else { return Vec::new() };
    let Some(field) = state.action.form().and_then(|form| form.fields.get(field_at)) else { return Vec::new() };
    let action = state.action.id.clone();
    let text = app.scene.review.form.typed(field, part);
    let secret = field.secret;
    let purpose = Purpose::Answer { action, digest, at: Spot { field: field_at, part: Some(part) } };
    let prompt = Prompt::new(purpose, &text);
    app.overlay = Some(Overlay::Prompt(if secret { prompt.masked() } else { prompt }));
    Vec::new()
}

/// Takes the typed answer in; false when the question does not take it. It is kept in any case.
pub(super) fn write(app: &mut App, action: &ActionId, digest: Digest, at: Spot, text: &str) -> bool {
    let same = app.scene.held_target().filter(|(state, now)| state.action.id == *action && *now == digest);
    let field = same.and_then(|(state, _)| state.action.form()?.fields.get(at.field).cloned());
    let (Some(field), Some(part)) = (field, at.part) else {
        app.say(Toast::warning("the question has changed or was withdrawn"));
        return true;
    };
    let took = app.scene.review.form.write(&field, part, text);
    app.scene.touched.target = true;
    if let Err(why) = &took {
        let is_json = matches!(field.kind, FieldKind::Json { .. });
        let hint = if is_json { "; text needs quotation marks" } else { "" };
        app.say(Toast::warning(format!("{why}{hint}")));
    }
    took.is_ok()
}

/// An address that cannot be opened here is copied: the user may open it elsewhere.
pub(super) fn browsed(app: &mut App, address: String, opened: Result<String, String>) -> Vec<Request> {
    let shown = |text: &str| escape::show(text, &Show::default()).into_owned();
    match opened {
        Ok(program) => {
            app.say(Toast::plain(format!("opened by {}; tell the agent when you agree", shown(&program))));
            Vec::new()
        }
        Err(why) => {
            app.say(Toast::warning(format!("{}: the address is copied instead", shown(&why))));
            vec![Request::Copy(address)]
        }
    }
}

/// The approval made a rule.
pub(super) fn rule_made(app: &mut App, allowed: &wire::Allowed) {
    if let Some(rule) = &allowed.rule {
        app.say(Toast::plain(format!("approved; {rule} is active, :rules lists and revokes it")));
    }
}

/// What a search found, unless something else is open by now.
pub(super) fn searched(app: &mut App, asked: &wire::Request, found: &wire::SearchFound) {
    if let wire::Request::Search(search) = asked
        && app.overlay.is_none()
    {
        app.overlay = Some(Overlay::Choose(Choice::found(&app.scene, &search.query, found)));
    }
}
