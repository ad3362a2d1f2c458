//! Who depends on a pending edit: the definitions that it changes, and where the workspace uses their names. Searched
//! beside the actor, one edit after the other, within bounds; what is found is recorded with the risk that it adds.

use super::actor::Msg;
use super::gate::Gate;
use super::limits::{
    DEPENDENTS_CHANGED_BYTES_MAX, DEPENDENTS_CHANGED_FILES_MAX, DEPENDENTS_EDITS_WAITING_MAX, DEPENDENTS_FILES_MAX,
    DEPENDENTS_MS_MAX, DEPENDENTS_NAMES_MAX, DEPENDENTS_PARSED_BYTES_MAX, DEPENDENTS_PLACES_RECORDED_MAX,
    DEPENDENTS_READ_BYTES_MAX,
};
use crate::base::{ActionId, Digest, RelPath};
use crate::model::event::{Dependent, DependentsFound, Event};
use crate::model::session::{ActionState, Phase};
use crate::model::{Content, event};
use crate::policy::risk::with_dependents;
use crate::port::Workspace;
use crate::syntax::references::{ChangedName, changed_names, uses};
use crate::syntax::{Language, has_symbols};
use std::collections::{BTreeMap, VecDeque};
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
    waiting: VecDeque<ActionId>,
    is_searching: bool,
}

/// Both versions of a file of the edit.
struct Changed {
    language: Language,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Dependents {
    pub fn new(to_actor: mpsc::Sender<Msg>) -> Self {
        Self { to_actor, waiting: VecDeque::new(), is_searching: false }
    }

    /// Searches for who depends on this edit, as soon as the searches before it have ended.
    pub fn search(&mut self, gate: &Gate, action: ActionId) {
        if self.waiting.len() < DEPENDENTS_EDITS_WAITING_MAX {
            self.waiting.push_back(action);
            self.next(gate);
        }
    }

    pub fn take(&mut self, gate: &mut Gate, searched: Searched) {
        self.is_searching = false;
        let Searched { action, digest, found } = searched;
        let risk = gate.session().actions.get(&action).filter(|state| is_of(state, digest));
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
            let Some(state) = gate.session().actions.get(&action).filter(|state| state.phase == Phase::Held) else {
                continue;
            };
            let (digest, changed) = (state.action.digest, changed(gate, state));
            if changed.is_empty() {
                continue;
            }
            self.is_searching = true;
            let (workspace, to_actor) = (gate.workspace().clone(), self.to_actor.clone());
            tokio::spawn(async move {
                let found = within_time(workspace, changed).await;
                // A host that ends needs no answer.
                let _ = to_actor.send(Msg::Dependents(Searched { action, digest, found })).await;
            });
        }
    }
}

fn is_of(state: &ActionState, digest: Digest) -> bool {
    state.phase == Phase::Held && state.action.digest == digest
}

/// The files of the edit whose definitions can be listed, by the path that they have on the disk.
fn changed(gate: &Gate, state: &ActionState) -> BTreeMap<RelPath, Changed> {
    let is_small = |content: &Option<Content>| {
        content.as_ref().is_none_or(|content| content.len() <= DEPENDENTS_CHANGED_BYTES_MAX)
    };
    let files = state.action.files().iter().filter(|file| is_small(&file.before) && is_small(&file.after));
    let both = files.filter_map(|file| {
        let language = Language::detect(file.source().as_str(), b"").filter(|language| has_symbols(*language))?;
        let before = gate.bytes_of(file.before.as_ref()?)?;
        let after = match &file.after {
            Some(content) => gate.bytes_of(content)?,
            None => Vec::new(),
        };
        Some((file.source().clone(), Changed { language, before, after }))
    });
    both.take(DEPENDENTS_CHANGED_FILES_MAX).collect()
}

/// What is found until the time is over.
async fn within_time(workspace: Arc<dyn Workspace>, changed: BTreeMap<RelPath, Changed>) -> Option<event::Dependents> {
    let over = CancellationToken::new();
    let is_over = over.clone();
    let mut search =
        tokio::task::spawn_blocking(move || found(workspace.as_ref(), &changed, &|| is_over.is_cancelled()));
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

fn found(
    workspace: &dyn Workspace,
    changed: &BTreeMap<RelPath, Changed>,
    is_over: &dyn Fn() -> bool,
) -> Option<event::Dependents> {
    let mut names: Vec<(Language, ChangedName)> = Vec::new();
    for file in changed.values() {
        let of = changed_names(file.language, (&file.before, &file.after), &mut || is_over());
        names.extend(of.unwrap_or_default().into_iter().map(|name| (family(file.language), name)));
    }
    let mut out = event::Dependents { more: names.len() > DEPENDENTS_NAMES_MAX, ..event::Dependents::default() };
    names.truncate(DEPENDENTS_NAMES_MAX);
    if names.is_empty() {
        return None;
    }
    out.broken = names.iter().any(|(_, name)| name.broken);
    out.names = names.iter().map(|(_, name)| name.name.clone()).collect();
    // What the edit itself leaves comes first: it is what it changes in.
    let (mut read, mut parsed) = (DEPENDENTS_READ_BYTES_MAX, DEPENDENTS_PARSED_BYTES_MAX);
    let mut look = |path: &RelPath, source: &[u8], is_own: bool| {
        let Some(language) = Language::detect(path.as_str(), source.get(..256).unwrap_or(source)) else { return true };
        let of: Vec<&str> = names
            .iter()
            .filter(|(of, name)| {
                *of == family(language) && memchr::memmem::find(source, name.name.as_bytes()).is_some()
            })
            .map(|(_, name)| name.name.as_str())
            .collect();
        if of.is_empty() {
            return true;
        }
        let Some(room) = parsed.checked_sub(source.len()) else { return false };
        parsed = room;
        let Some(uses) = uses((language, source), &of, is_own, &mut || is_over()) else { return false };
        out.files += u64::from(!uses.is_empty());
        out.places += uses.len() as u64;
        let room = DEPENDENTS_PLACES_RECORDED_MAX.saturating_sub(out.first.len());
        out.first.extend(uses.into_iter().take(room).filter_map(|found| {
            let name = (*of.get(found.name)?).to_owned();
            Some(Dependent { path: path.clone(), line: found.line, name, within: found.within })
        }));
        true
    };
    let mut is_whole = true;
    for (path, file) in changed {
        is_whole &= look(path, &file.after, true);
    }
    let files = workspace.list("", DEPENDENTS_FILES_MAX).unwrap_or_default();
    is_whole &= files.len() < DEPENDENTS_FILES_MAX;
    for path in files.iter().filter(|path| !changed.contains_key(path)) {
        if is_over() {
            is_whole = false;
            break;
        }
        if !Language::detect(path.as_str(), b"").is_some_and(has_symbols) {
            continue;
        }
        let Ok(Some(image)) = workspace.image(path) else { continue };
        let Some(room) = read.checked_sub(image.bytes.len()) else {
            is_whole = false;
            break;
        };
        read = room;
        is_whole &= look(path, &image.bytes, false);
    }
    out.more |= !is_whole;
    Some(out)
}
