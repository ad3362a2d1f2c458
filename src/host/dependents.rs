//! Who depends on a pending edit: the definitions that it changes, and where the workspace uses their names. Searched
//! beside the actor, one edit after the other, within bounds; what is found is recorded with the risk that it adds.

use super::actor::Msg;
use super::gate::Gate;
use super::limits::{
    DEPENDENTS_CHANGED_BYTES_MAX, DEPENDENTS_CHANGED_FILES_MAX, DEPENDENTS_EDITS_WAITING_MAX, DEPENDENTS_FILES_MAX,
    DEPENDENTS_MS_MAX, DEPENDENTS_NAMES_MAX, DEPENDENTS_PARSED_BYTES_MAX, DEPENDENTS_PLACES_RECORDED_MAX,
    DEPENDENTS_READ_BYTES_MAX,
};
use crate::base::limits::REFERENCES_PER_FILE_MAX;
use crate::base::{ActionId, Digest, RelPath};
use crate::journal::Reader;
use crate::model::event::{Dependent, DependentsFound, Event};
use crate::model::session::{ActionState, Phase};
use crate::model::{Content, FileEdit, event};
use crate::policy::risk::with_dependents;
use crate::port::Workspace;
use crate::syntax::references::{ChangedName, changed_names, uses};
use crate::syntax::{Language, has_symbols};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A search has ended. Nothing was found where no definition of before is changed.
#[derive(Debug)]
pub struct Searched {
    action: ActionId,
    digest: Digest,
    found: Option<event::Dependents>,
}

/// See the module.
pub struct Dependents {
    to_actor: mpsc::Sender<Msg>,
    /// Of the journal, which has the long contents.
    journal: PathBuf,
    waiting: VecDeque<ActionId>,
    is_searching: bool,
}

/// Both versions of a file of the edit; nothing of a file that is created, or deleted.
struct Changed {
    language: Language,
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
}

/// The files of an edit, as far as they could be read.
struct Edited {
    /// By the path that they have on the disk.
    changed: BTreeMap<RelPath, Changed>,
    /// What they are called, before and after.
    paths: BTreeSet<RelPath>,
    /// Nothing was left out.
    is_whole: bool,
}

impl Dependents {
    pub fn new(to_actor: mpsc::Sender<Msg>, journal: PathBuf) -> Self {
        Self { to_actor, journal, waiting: VecDeque::new(), is_searching: false }
    }

    /// Searches for who depends on this edit, as soon as the searches before it have ended.
    pub fn search(&mut self, gate: &Gate, action: ActionId) {
        let is_asked = gate.session().actions.get(&action).is_some_and(|state| is_open(state) && is_listed(state));
        if is_asked && !self.waiting.contains(&action) && self.waiting.len() < DEPENDENTS_EDITS_WAITING_MAX {
            self.waiting.push_back(action);
            self.next(gate);
        }
    }

    /// Searches for those of edits that a former host held and did not search for.
    pub fn resume(&mut self, gate: &Gate) {
        let held: Vec<ActionId> = gate.session().actions.held().map(|state| state.action.id.clone()).collect();
        held.into_iter().for_each(|action| self.search(gate, action));
    }

    pub fn take(&mut self, gate: &mut Gate, searched: Searched) {
        self.is_searching = false;
        let Searched { action, digest, found } = searched;
        let risk = gate.session().actions.get(&action).filter(|state| {
            // Its risk must not have what was found already.
            is_open(state) && state.action.digest == digest
        });
        let risk = risk.and_then(|state| state.action.risk.clone());
        if let (Some(risk), Some(found)) = (risk, found) {
            let risk = with_dependents(risk, &found, &gate.judge().weights());
            gate.record(Event::DependentsFound(DependentsFound { action, digest, risk, found }));
        }
        self.next(gate);
    }

    fn next(&mut self, gate: &Gate) {
        while !self.is_searching
            && let Some(action) = self.waiting.pop_front()
        {
            let Some(state) = gate.session().actions.get(&action).filter(|state| is_open(state)) else {
                continue;
            };
            self.is_searching = true;
            let (digest, files) = (state.action.digest, state.action.files().to_vec());
            let (workspace, journal) = (gate.workspace().clone(), self.journal.clone());
            let to_actor = self.to_actor.clone();
            tokio::spawn(async move {
                let found = within_time(workspace, journal, files).await;
                // A host that ends needs no answer.
                let _ = to_actor.send(Msg::Dependents(Searched { action, digest, found })).await;
            });
        }
    }
}

/// It is pending, and who depends on this revision is not known yet.
fn is_open(state: &ActionState) -> bool {
    state.phase == Phase::Held && state.dependents.is_none()
}

/// Returns whether the edit changes a file that was there and whose definitions can be listed.
fn is_listed(state: &ActionState) -> bool {
    state.action.files().iter().any(|file| file.before.is_some() && language_of(file).is_some())
}

fn language_of(file: &FileEdit) -> Option<Language> {
    Language::detect(file.source().as_str(), b"").filter(|language| has_symbols(*language))
}

/// Reads the files of an edit whose definitions can be listed.
fn edited(workspace: &dyn Workspace, journal: &Path, files: &[FileEdit]) -> Edited {
    let mut reader: Option<Reader> = None;
    let mut long = |digest: &Digest, bytes: u64| {
        if reader.is_none() {
            reader = Reader::open(journal).ok();
        }
        let length = usize::try_from(bytes).ok()?;
        let recorded = reader.as_ref().and_then(|reader| reader.blob(digest, 0, length).ok());
        recorded.or_else(|| workspace.stored(*digest).ok().flatten())
    };
    let mut read = |content: &Content| match content {
        content if content.len() > DEPENDENTS_CHANGED_BYTES_MAX => None,
        Content::Text(text) => Some(text.clone().into_bytes()),
        Content::Blob { digest, bytes } => long(digest, *bytes),
    };
    let mut of = Edited { changed: BTreeMap::new(), paths: BTreeSet::new(), is_whole: true };
    for file in files {
        of.paths.extend([file.source().clone(), file.path.clone()]);
        let Some(language) = language_of(file) else { continue };
        if of.changed.len() >= DEPENDENTS_CHANGED_FILES_MAX {
            of.is_whole = false;
            continue;
        }
        let (before, after) = (file.before.as_ref().map(&mut read), file.after.as_ref().map(&mut read));
        // What cannot be read is not the same as nothing.
        if before == Some(None) || after == Some(None) {
            of.is_whole = false;
            continue;
        }
        let changed = Changed { language, before: before.flatten(), after: after.flatten() };
        of.changed.insert(file.source().clone(), changed);
    }
    of
}

/// A changed definition, with the languages in which its name means the same.
type Name = (Language, ChangedName);

/// What is found until the time is over.
async fn within_time(
    workspace: Arc<dyn Workspace>,
    journal: PathBuf,
    files: Vec<FileEdit>,
) -> Option<event::Dependents> {
    let over = CancellationToken::new();
    let is_over = over.clone();
    let mut search = tokio::task::spawn_blocking(move || {
        let edited = edited(workspace.as_ref(), &journal, &files);
        found(workspace.as_ref(), &edited, &|| is_over.is_cancelled())
    });
    let found = match tokio::time::timeout(Duration::from_millis(DEPENDENTS_MS_MAX), &mut search).await {
        Ok(found) => found,
        Err(_) => {
            over.cancel();
            search.await
        }
    };
    found.ok().flatten()
}

/// Files in which a name means the same thing.
fn family(language: Language) -> Language {
    #[expect(clippy::wildcard_enum_match_arm, reason = "most languages stand alone")]
    match language {
        Language::TypeScript | Language::Tsx => Language::JavaScript,
        Language::Cpp => Language::C,
        other => other,
    }
}

/// The names that the edit changes, and whether those are all.
fn names(edited: &Edited, is_over: &dyn Fn() -> bool) -> (Vec<Name>, bool) {
    let (mut names, mut is_whole) = (Vec::new(), edited.is_whole);
    for file in edited.changed.values() {
        let Some(before) = &file.before else { continue };
        let after = file.after.as_deref().unwrap_or_default();
        let of = changed_names(file.language, (before, after), &mut || is_over());
        is_whole &= of.is_some();
        names.extend(of.unwrap_or_default().into_iter().map(|name| (family(file.language), name)));
    }
    is_whole &= names.len() <= DEPENDENTS_NAMES_MAX;
    names.truncate(DEPENDENTS_NAMES_MAX);
    (names, is_whole)
}

/// A search in one source after the other.
struct Search<'a> {
    names: &'a [Name],
    is_over: &'a dyn Fn() -> bool,
    /// Bytes that may still be parsed.
    parsed: usize,
    out: event::Dependents,
}

impl Search<'_> {
    /// Counts the uses in a source, and returns whether those are all. The lines of a file that the edit changes
    /// (`is_own`) are not those on the disk: they are not told.
    fn look(&mut self, path: &RelPath, source: &[u8], is_own: bool) -> bool {
        let Some(language) = Language::detect(path.as_str(), source.get(..256).unwrap_or(source)) else { return true };
        let is_in = |name: &str| memchr::memmem::find(source, name.as_bytes()).is_some();
        let of_family = self.names.iter().filter(|(of, _)| *of == family(language)).map(|(_, name)| name.name.as_str());
        let of: Vec<&str> = of_family.filter(|name| is_in(name)).collect();
        if of.is_empty() {
            return true;
        }
        let Some(room) = self.parsed.checked_sub(source.len()) else { return false };
        self.parsed = room;
        let Some(uses) = uses((language, source), &of, is_own, &mut || (self.is_over)()) else { return false };
        self.out.files += u64::from(!uses.is_empty());
        self.out.places += uses.len() as u64;
        let is_whole = uses.len() < REFERENCES_PER_FILE_MAX;
        let room = if is_own { 0 } else { DEPENDENTS_PLACES_RECORDED_MAX.saturating_sub(self.out.first.len()) };
        self.out.first.extend(uses.into_iter().take(room).filter_map(|found| {
            let name = (*of.get(found.name)?).to_owned();
            Some(Dependent { path: path.clone(), line: found.line, name, within: found.within })
        }));
        is_whole
    }
}

fn found(workspace: &dyn Workspace, edited: &Edited, is_over: &dyn Fn() -> bool) -> Option<event::Dependents> {
    let (names, mut is_whole) = names(edited, is_over);
    if names.is_empty() {
        return None;
    }
    let out = event::Dependents {
        broken: names.iter().any(|(_, name)| name.broken),
        names: names.iter().map(|(_, name)| name.name.clone()).collect(),
        ..event::Dependents::default()
    };
    let mut search = Search { names: &names, is_over, parsed: DEPENDENTS_PARSED_BYTES_MAX, out };
    // What the edit itself leaves comes first: it is what it changes in.
    for (path, file) in &edited.changed {
        is_whole &= file.after.as_ref().is_none_or(|after| search.look(path, after, true));
    }
    let listed = workspace.list("", DEPENDENTS_FILES_MAX);
    is_whole &= listed.as_ref().is_ok_and(|files| files.len() < DEPENDENTS_FILES_MAX);
    let mut read = DEPENDENTS_READ_BYTES_MAX;
    for path in listed.iter().flatten().filter(|path| !edited.paths.contains(path)) {
        if is_over() {
            is_whole = false;
            break;
        }
        if !Language::detect(path.as_str(), b"").is_some_and(has_symbols) {
            continue;
        }
        let image = match workspace.image(path) {
            Ok(Some(image)) => image,
            // It has gone meanwhile.
            Ok(None) => continue,
            Err(_) => {
                is_whole = false;
                continue;
            }
        };
        let Some(room) = read.checked_sub(image.bytes.len()) else {
            is_whole = false;
            break;
        };
        read = room;
        is_whole &= search.look(path, &image.bytes, false);
    }
    search.out.more |= !is_whole;
    Some(search.out)
}
