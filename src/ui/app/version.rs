//! The user's version of what is under review: taken in from an editor, and put together for an answer.

use super::msg::Mine;
use super::{App, Request};
use crate::diff::FileDiff;
use crate::model::FileEdit;
use crate::ui::app::toast::Toast;

impl App {
    /// Takes a text in as the user's version; the diff shows it, and nothing is approved by that. `part` is the
    /// file's number, or `None` for the command.
    pub(super) fn take_version(&mut self, part: Option<usize>, text: String) -> Vec<Request> {
        let Some(state) = self.scene.target() else { return Vec::new() };
        let proposed = match part {
            None => state.action.command.as_ref().map(crate::model::Command::line),
            Some(at) => {
                let file = state.action.files.as_ref().and_then(|files| files.get(at));
                file.and_then(|file| file.after.as_ref())
                    .and_then(|after| self.scene.contents.text(after))
                    .map(Into::into)
            }
        };
        let (old, new) = (self.diff_of(part, None), self.diff_of(part, Some(&text)));
        let is_as_proposed = proposed.as_ref() == Some(&text);
        self.scene.review.edit(part, Some(text).filter(|_| !is_as_proposed));
        let lost = match (part, old, new) {
            (Some(at), Some(old), Some(new)) => self.scene.review.carry_over(at, &old, &new),
            _ => 0,
        };
        self.scene.touched.target = true;
        self.say(match (is_as_proposed, lost) {
            (true, _) => Toast::plain("showing the agent's proposal"),
            (false, 0) => Toast::plain("this is now your version: review the diff, then approve it"),
            (false, _) => {
                Toast::warning("this is now your version; a hunk you had excluded has changed and is included again")
            }
        });
        self.compute_pictures()
    }

    /// From the disk to the user's version of a file as it is now, or to this text.
    fn diff_of(&self, part: Option<usize>, text: Option<&str>) -> Option<FileDiff> {
        let file = self.scene.target()?.action.files.as_ref()?.get(part?)?;
        let before = file.before.as_ref().and_then(|before| self.scene.contents.bytes(before)).unwrap_or_default();
        let after = match text {
            Some(text) => text.as_bytes().to_vec(),
            None => match self.scene.review.edited.get(&part) {
                Some(text) => text.as_bytes().to_vec(),
                None => self.scene.contents.bytes(file.after.as_ref()?)?.to_vec(),
            },
        };
        Some(FileDiff::new(before.to_owned(), after))
    }

    /// The user's version of a file: edited, or else as proposed. `None` when it has no text.
    #[must_use]
    pub fn version_of(&self, at: usize, file: &FileEdit) -> Option<String> {
        if let Some(text) = self.scene.review.edited.get(&Some(at)) {
            return Some(text.clone());
        }
        Some(self.scene.contents.text(file.after.as_ref()?)?.to_owned())
    }

    /// What the choices made on an edit amount to; `None` when it is taken as proposed.
    ///
    /// # Errors
    /// Why they cannot be sent.
    pub fn mine(&self) -> Result<Option<Mine>, &'static str> {
        let Some(files) = self.scene.target().and_then(|state| state.action.files.as_ref()) else { return Ok(None) };
        if self.scene.review.is_whole() {
            return Ok(None);
        }
        let product = self.scene.products.current().ok_or("the diff of your version is still being computed")?;
        let changed: Vec<Vec<Vec<usize>>> =
            product.files.iter().map(|file| file.hunks.iter().map(|hunk| hunk.changed()).collect()).collect();
        let paths: Vec<String> = files.iter().map(|file| file.path.as_str().to_owned()).collect();
        let mine = self.scene.review.mine(&paths, &changed);
        if mine.as_ref().and_then(|mine| mine.hunks.as_ref()).is_some_and(Vec::is_empty) {
            return Err("every hunk is excluded: deny the action instead (d)");
        }
        Ok(mine)
    }
}
