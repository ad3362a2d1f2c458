//! Bodies of actions: what a user's choice of hunks or edit makes of one, and how it differs from what was proposed.

use super::Actor;
use crate::base::{ActionId, Digest};
use crate::diff::{FileDiff, HunkChoice, Selection, hunks_text};
use crate::host::limits::TOLD_TAIL_BYTES_MAX;
use crate::host::resolve::{self, Resolved};
use crate::model::decide::Edited;
use crate::model::{Action, Content, FileChange, FileEdit};
use crate::port::Blobs;
use crate::wire::{EditedBody, EditedFile};

impl Actor {
    /// The bytes of a content: inline, in the journal, or in the workspace's store.
    pub(super) fn bytes_of(&self, content: &Content) -> Option<Vec<u8>> {
        resolve::bytes_of(content, |digest| self.blob(digest))
    }

    pub(super) fn blob(&self, digest: &Digest) -> Option<Vec<u8>> {
        let length = crate::base::limits::EDIT_FILE_BYTES_MAX;
        self.book.blob(digest, 0, length).ok().or_else(|| self.workspace.stored(*digest).ok().flatten())
    }

    /// Every content of an action that is not inline.
    pub(super) fn blobs_of(&self, action: &Action) -> Blobs {
        let contents = action.files.iter().flatten().flat_map(|f| f.before.iter().chain(&f.after));
        contents.filter_map(|c| Some((c.digest(), self.bytes_of(c)?))).collect()
    }

    /// What the user made of an action: their own version of it, and of that only the chosen hunks.
    pub(super) fn made(
        &self,
        action: &Action,
        edited: Option<EditedBody>,
        hunks: Option<&[HunkChoice]>,
    ) -> Result<(Option<Edited>, Blobs), String> {
        let proposed = || action.files.clone().unwrap_or_default();
        let (files, mut blobs) = match (edited, hunks) {
            (None, None) => return Ok((None, Blobs::new())),
            (None, Some(_)) => (proposed(), Blobs::new()),
            (Some(body), _) => match self.edited(action, body)? {
                (Edited::Files(files), blobs) => (files, blobs),
                (Edited::Command(_), _) if hunks.is_some() => return Err("a command has no hunks to select".into()),
                (command @ Edited::Command(_), blobs) => return Ok((Some(command), blobs)),
            },
        };
        let mut files = match hunks {
            None => files,
            Some(hunks) => {
                let chosen = self.chosen(files, &blobs, hunks)?;
                blobs.extend(chosen.blobs);
                chosen.files
            }
        };
        // Numbered with the others until here: a file that the user gave its old content back.
        files.retain(|file| file.from.is_some() || file.before != file.after);
        if files.is_empty() {
            return Err("the edit is empty after excluding these hunks: deny it instead".into());
        }
        Ok((Some(Edited::Files(files)), blobs))
    }

    /// The body of an edited approval: whole new contents or a command line.
    fn edited(&self, action: &Action, body: EditedBody) -> Result<(Edited, Blobs), String> {
        match body {
            EditedBody::Command(mut command) => {
                if let Some(original) = &action.command {
                    if command.cwd == "." {
                        command.cwd.clone_from(&original.cwd);
                    }
                    if command.timeout_ms == 0 {
                        command.timeout_ms = original.timeout_ms;
                    }
                }
                Ok((Edited::Command(command), Blobs::new()))
            }
            EditedBody::Files(files) if files.is_empty() => {
                Err("`edited` lists no files; approve the action unchanged, or deny it".into())
            }
            EditedBody::Files(files) => {
                let resolved = self.edited_files(action, files)?;
                Ok((Edited::Files(resolved.files), resolved.blobs))
            }
        }
    }

    /// The named files get the user's content, the other files of the action stay as proposed.
    fn edited_files(&self, action: &Action, edited: Vec<EditedFile>) -> Result<Resolved, String> {
        let mut resolved = Resolved { files: action.files.clone().unwrap_or_default(), ..Resolved::default() };
        for EditedFile { path, after } in edited {
            let after = after.map(String::into_bytes);
            let at = resolved.files.iter().position(|f| f.path == path);
            let known = at.and_then(|at| resolved.files.get(at).cloned());
            let (from, before) = match &known {
                Some(file) => (file.from.clone(), file.before.as_ref().and_then(|c| self.bytes_of(c))),
                None => {
                    let image = self.workspace.image(&path).map_err(|e| e.to_string())?;
                    (None, image.map(|i| i.bytes))
                }
            };
            let change = match (&from, &before, &after) {
                (Some(_), _, _) => FileChange::Rename,
                (None, None, _) => FileChange::Create,
                (None, Some(_), None) => FileChange::Delete,
                (None, Some(_), Some(_)) => FileChange::Modify,
            };
            let next = resolved.edit(path, change, from, before, after);
            let nodes = known.map_or((None, None), |file| (file.before_node, file.after_node));
            let next = next.of_nodes(nodes.0, nodes.1);
            match at.and_then(|at| resolved.files.get_mut(at)) {
                Some(slot) => *slot = next,
                None => resolved.files.push(next),
            }
        }
        Ok(resolved)
    }

    /// The part of an edit that the chosen hunks make. Hunks are numbered through all files in order; a file whose
    /// diff has no hunks (binary, pure rename, deletion of an empty file) counts as one. `blobs` holds what was
    /// edited just now and is nowhere else yet.
    fn chosen(&self, files: Vec<FileEdit>, blobs: &Blobs, choices: &[HunkChoice]) -> Result<Resolved, String> {
        let bytes = |content: &Option<Content>| {
            let content = content.as_ref()?;
            Some(blobs.get(&content.digest()).cloned().or_else(|| self.bytes_of(content)).unwrap_or_default())
        };
        let mut resolved = Resolved::default();
        let mut first = 0;
        let mut used = 0;
        for file in files {
            let (before, after) = (bytes(&file.before), bytes(&file.after));
            let diff = FileDiff::new(before.clone().unwrap_or_default(), after.unwrap_or_default());
            let count = diff.hunks.len().max(1);
            let mine: Vec<HunkChoice> = choices.iter().filter_map(|c| shifted(c, first, count)).collect();
            first += count;
            used += mine.len();
            if mine.is_empty() {
                continue;
            }
            let all = mine.iter().filter(|c| matches!(c, HunkChoice::Whole(_))).count() >= count;
            if all || diff.hunks.is_empty() {
                resolved.files.push(file);
                continue;
            }
            let bytes = diff.apply(&Selection(mine)).map_err(|e| format!("{}: {e}", file.path))?.to_vec();
            // Part of a deletion or creation is a modification or a smaller creation.
            let change = if file.change == FileChange::Delete { FileChange::Modify } else { file.change };
            let edit = resolved.edit(file.path, change, file.from, before, Some(bytes));
            resolved.files.push(edit.of_nodes(file.before_node, file.after_node));
        }
        if used < choices.len() {
            return Err(format!("there are only {first} hunks, numbered from 0"));
        }
        Ok(resolved)
    }

    /// How the newest revision differs from what the agent proposed, for the agent.
    pub(super) fn difference(&self, action: &ActionId) -> String {
        let Some(state) = self.book.session.actions.get(action) else { return String::new() };
        let Some(original) = &state.original else { return String::new() };
        if let Some(command) = &state.action.command {
            let proposed = original.command.as_ref().map(|c| c.line()).unwrap_or_default();
            return format!("- {proposed}\n+ {}\n", command.line());
        }
        let mut text = String::new();
        let find = |files: &Option<Vec<FileEdit>>, file: &FileEdit| {
            files.iter().flatten().find(|f| f.path == file.path).cloned()
        };
        for file in original.files.iter().flatten() {
            let now = find(&state.action.files, file);
            if now.as_ref() != Some(file) {
                self.differs(&mut text, file.path.as_str(), Some(file), now.as_ref());
            }
        }
        for file in state.action.files.iter().flatten() {
            if find(&original.files, file).is_none() {
                self.differs(&mut text, file.path.as_str(), None, Some(file));
            }
        }
        text
    }

    fn differs(&self, text: &mut String, path: &str, proposed: Option<&FileEdit>, now: Option<&FileEdit>) {
        let bytes = |edit: Option<&FileEdit>| edit.and_then(|e| e.after.as_ref()).and_then(|c| self.bytes_of(c));
        let Some(now) = now else {
            text.push_str(&format!("{path}: not changed; your edit of this file was excluded.\n"));
            return;
        };
        let diff = FileDiff::new(bytes(proposed).unwrap_or_default(), bytes(Some(now)).unwrap_or_default());
        text.push_str(&format!("--- {path} (as you proposed)\n+++ {path} (as approved)\n"));
        text.push_str(&hunks_text(&diff, TOLD_TAIL_BYTES_MAX));
    }
}

fn shifted(choice: &HunkChoice, first: usize, count: usize) -> Option<HunkChoice> {
    let inside = |index: usize| index.checked_sub(first).filter(|i| *i < count);
    match choice {
        HunkChoice::Whole(index) => inside(*index).map(HunkChoice::Whole),
        HunkChoice::Lines { hunk, lines } => inside(*hunk).map(|hunk| HunkChoice::Lines { hunk, lines: lines.clone() }),
    }
}
