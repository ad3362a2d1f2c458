//! The user's version of what is under review: read from an editor, and assembled for an answer.

use super::review::Version;
use super::{App, Request};
use crate::base::RelPath;
use crate::diff::{FileDiff, HunkChoice};
use crate::model::plan::PlanSubject;
use crate::model::{Command, FileEdit, Kind};
use crate::ui::app::toast::Toast;
use crate::wire::EditedBody;

/// Takes a text in as the user's version; the diff shows it, and nothing is approved by that. `part` is the
/// file's number, or `None` for the command.
pub(super) fn take(app: &mut App, part: Option<usize>, text: String) -> Vec<Request> {
    let Some(state) = app.scene.target() else { return Vec::new() };
    let proposed = match part {
        None => {
            let plan = || state.action.document().map(|document| document.text.clone());
            state.action.command().map(Command::line).or_else(plan)
        }
        Some(at) => {
            let file = state.action.files().get(at);
            file.and_then(|file| file.after.as_ref()).and_then(|after| app.scene.contents.text(after)).map(Into::into)
        }
    };
    let (old, new) = (diff_of(app, part, None), diff_of(app, part, Some(&text)));
    let is_as_proposed = proposed.as_ref() == Some(&text);
    app.scene.review.edit(part, Some(text).filter(|_| !is_as_proposed));
    let lost = match (part, old, new) {
        (Some(at), Some(old), Some(new)) => app.scene.review.carry_over(at, &old, &new),
        _ => 0,
    };
    app.scene.touched.target = true;
    app.say(match (is_as_proposed, lost) {
        (true, _) => Toast::plain("showing the agent's proposal"),
        (false, 0) => Toast::plain("this is now your version: review the diff, then approve it"),
        (false, _) => {
            Toast::warning("this is now your version; a hunk you had excluded has changed and is included again")
        }
    });
    app.compute_pictures()
}

/// From the disk to the user's version of a file as it is now, or to this text.
fn diff_of(app: &App, part: Option<usize>, text: Option<&str>) -> Option<FileDiff> {
    let file = app.scene.target()?.action.files().get(part?)?;
    let before = file.before.as_ref().and_then(|before| app.scene.contents.bytes(before)).unwrap_or_default();
    let after = match text {
        Some(text) => text.as_bytes().to_vec(),
        None => match app.scene.review.edited.get(&part) {
            Some(text) => text.as_bytes().to_vec(),
            None => app.scene.contents.bytes(file.after.as_ref()?)?.to_vec(),
        },
    };
    Some(FileDiff::new(before.to_owned(), after))
}

/// The user's version of a file: edited, or else as proposed. `None` when it has no text.
#[must_use]
pub fn of_file(app: &App, at: usize, file: &FileEdit) -> Option<String> {
    if let Some(text) = app.scene.review.edited.get(&Some(at)) {
        return Some(text.clone());
    }
    Some(app.scene.contents.text(file.after.as_ref()?)?.to_owned())
}

/// The version that the choices of the review amount to.
///
/// # Errors
/// Why it cannot be sent.
pub fn of(app: &App) -> Result<Version, &'static str> {
    let review = &app.scene.review;
    let Some(action) = app.scene.target().map(|state| &state.action).filter(|_| !review.is_whole()) else {
        return Ok(Version::default());
    };
    if let (Some(text), true) = (review.edited.get(&None), action.kind() == Kind::Plan) {
        return Ok(Version { edited: Some(EditedBody::Plan(text.clone())), hunks: None });
    }
    if let Some(document) = action.document().filter(|document| document.subject == PlanSubject::Replan) {
        let (_, changes) = app.scene.session.plan.compared(&document.steps);
        let taken = (0..changes.len()).filter(|at| !review.left_out.contains(&(0, *at))).map(HunkChoice::Whole);
        let hunks: Vec<HunkChoice> = taken.collect();
        if hunks.is_empty() {
            return Err("every change is left out: deny it instead (d)");
        }
        return Ok(Version { edited: None, hunks: Some(hunks) });
    }
    if let Some(line) = review.edited.get(&None) {
        let command = edited_command(action.command().ok_or("no command here")?, line);
        return Ok(Version { edited: Some(EditedBody::Command(command)), hunks: None });
    }
    if action.kind() != Kind::Edit {
        return Ok(Version::default());
    }
    let product = app.scene.products.whole().ok_or("the diff of your version is still being computed")?;
    let changed: Vec<Vec<Vec<usize>>> =
        product.files.iter().map(|file| file.hunks.iter().map(|hunk| hunk.changed()).collect()).collect();
    let paths: Vec<RelPath> = action.files().iter().map(|file| file.path.clone()).collect();
    let version = review.version(&paths, &changed);
    if version.hunks.as_ref().is_some_and(Vec::is_empty) {
        return Err("every hunk is excluded: deny the action instead (d)");
    }
    Ok(version)
}

/// The command line the user wrote, in the place and with the environment of the proposed one. A line without
/// shell syntax stays an argv, so that no shell is started for it.
fn edited_command(proposed: &Command, line: &str) -> Command {
    let words = shell_words::split(line).ok().filter(|words| !words.is_empty());
    let plain = !line.contains(['|', '&', ';', '<', '>', '$', '`', '(', ')', '*', '?', '[', '~', '\n', '#', '{', '=']);
    let base = match words {
        Some(words) if plain && proposed.argv.is_some() => Command::argv(words),
        Some(_) | None => Command::shell(line),
    };
    Command { cwd: proposed.cwd.clone(), env: proposed.env.clone(), timeout_ms: proposed.timeout_ms, ..base }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edited_command_starts_a_shell_only_when_it_needs_one() {
        let proposed = Command { cwd: "sub".to_owned(), ..Command::argv(["cargo", "test"]) };
        let edited = edited_command(&proposed, "cargo test --lib 'a b'");
        assert_eq!(
            (edited.argv, edited.cwd.as_str()),
            (Some(vec!["cargo".into(), "test".into(), "--lib".into(), "a b".into()]), "sub")
        );
        assert_eq!(edited_command(&proposed, "cargo test | tail").shell.as_deref(), Some("cargo test | tail"));
    }
}
