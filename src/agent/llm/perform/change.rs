//! Edits: formed on what the model has read, refused in words when that is not what the disk holds.

use super::GateClient;
use super::outcome::{no_change, refused, settle};
use super::reason::Reason;
use crate::agent::llm::edits::{self, EditMistake, patch::FilePatch};
use crate::agent::llm::tools::Act;
use crate::agent::llm::turn::{Acted, Verdict};
use crate::base::Digest;
use crate::base::text::foreign;
use crate::checks::recognise;
use crate::model::AlarmKind;
use crate::model::event::OutcomeWord;
use crate::model::{After, Body, Draft, FileChange};
use crate::port::{Answer, Desk, FromAgent, Interrupted};

impl GateClient {
    pub(super) async fn change(
        &mut self,
        desk: &mut Desk,
        reason: &mut Reason,
        files: Vec<FilePatch>,
    ) -> Result<Acted, Interrupted> {
        let mut drafts = Vec::new();
        for file in files {
            match file {
                FilePatch::Create { path, text } => {
                    drafts.push(Draft { path, after: After::Whole(text.into_bytes()) });
                }
                FilePatch::Delete { path } => drafts.push(Draft { path, after: After::Delete }),
                FilePatch::Change { path, swaps } => {
                    let text = match self.fresh(desk, &path).await? {
                        Ok(text) => text,
                        Err(acted) => return Ok(*acted),
                    };
                    let edited = match edits::apply(&path, &text, &swaps) {
                        Ok(edited) => edited,
                        Err(EditMistake::NoChange) => return Ok(no_change(EditMistake::NoChange.to_string())),
                        Err(mistake) => return Ok(refused(mistake.to_string())),
                    };
                    reason.matched = reason.matched.max(Some(edited.matched));
                    let after = match edited.single {
                        Some((old, new)) if foreign::release(&old) == old.as_bytes() => {
                            After::Replace { old, new, all: false }
                        }
                        Some(_) | None => After::Whole(foreign::release(&edited.text)),
                    };
                    drafts.push(Draft { path, after });
                }
            }
        }
        self.edit(desk, reason, Draft::words(&drafts), drafts).await
    }

    /// The file's text, if it is what the model has read; reads it through the gate if it never has. Bytes that are not
    /// UTF-8 are held in it.
    pub(super) async fn fresh(
        &mut self,
        desk: &mut Desk,
        path: &str,
    ) -> Result<Result<String, Box<Acted>>, Interrupted> {
        let Some((file, image)) = self.image(path) else {
            let words = format!("there is no file {path}; use `list` or `search` to find it, or `write` to create it");
            return Ok(Err(Box::new(refused(words))));
        };
        match self.seen.get(&file) {
            Some(digest) if *digest == Digest::of(&image) => {}
            Some(_) => {
                let words = format!(
                    "{path} has changed since you read it (the supervisor or another program wrote it). Read it again first."
                );
                return Ok(Err(Box::new(refused(words))));
            }
            None => {
                let reason = Reason::because("to see the file before editing it");
                let settled = desk.propose(reason.on(format!("read {path}"), Body::Read(path.to_owned()))).await?;
                if !settled.is_done() {
                    return Ok(Err(Box::new(settle(settled, String::new()))));
                }
                self.seen.insert(file, Digest::of(&image));
            }
        }
        match foreign::hold(&image) {
            Some(text) => Ok(Ok(text)),
            None => Ok(Err(Box::new(refused(format!("{path} is not text; it cannot be edited"))))),
        }
    }

    pub(super) async fn edit(
        &mut self,
        desk: &mut Desk,
        reason: &Reason,
        title: String,
        drafts: Vec<Draft>,
    ) -> Result<Acted, Interrupted> {
        let same = |draft: &Draft| match &draft.after {
            After::Whole(bytes) => self.image(&draft.path).is_some_and(|(_, image)| image == *bytes),
            After::Exactly(_) | After::Replace { .. } | After::Delete | After::RenameTo(_) => false,
        };
        if drafts.iter().all(same) {
            return Ok(no_change(EditMistake::NoChange.to_string()));
        }
        let settled = desk.propose_unrecorded(reason.on(title, Body::Edit(drafts))).await?;
        let mut shown = String::new();
        for file in settled.performed.iter().filter(|p| p.outcome == OutcomeWord::Ok).flat_map(|p| &p.files) {
            match file.after {
                Some(after) => self.seen.insert(file.path.clone(), after),
                None => self.seen.remove(&file.path),
            };
            shown.push_str(&format!("{} {}\n", changed(file.change), file.path));
        }
        // The supervisor's version is sent as a difference; the whole must be read to be edited further.
        if matches!(&settled.answer, Answer::Approved { edited: Some(_), .. }) {
            for file in settled.performed.iter().flat_map(|p| &p.files) {
                self.seen.remove(&file.path);
            }
        }
        let mut acted = settle(settled, shown);
        acted.changed = acted.verdict == Verdict::Done;
        Ok(acted)
    }

    /// Keeps what a test was and says out loud that it is about to change while it fails.
    pub(super) async fn flag(&mut self, desk: &mut Desk, act: &Act, failing: u32) -> Result<(), Interrupted> {
        for path in act.files() {
            let Some(file) = self.relative(&path) else { continue };
            let image = self.image(&path).map(|(_, bytes)| bytes);
            // The host says so itself for files that are tests by their name.
            if !recognise(file.as_str()).is_guarded() {
                let text = format!("The agent wants to change the tests in {file} while {failing} test(s) fail.");
                desk.send(FromAgent::Alarm { what: AlarmKind::TestTampering, ticket: None, text }).await?;
            }
            self.originals.entry(file).or_insert(image);
        }
        Ok(())
    }
}

fn changed(change: FileChange) -> &'static str {
    match change {
        FileChange::Modify => "changed",
        FileChange::Create => "created",
        FileChange::Delete => "deleted",
        FileChange::Rename => "renamed",
    }
}
