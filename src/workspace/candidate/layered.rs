//! A candidate in a layer: an agent works in an overlay of the workspace, and nothing is copied. What it changed is what
//! the upper directory holds.
//!
//! The kernel promises nothing about changes below a mounted overlay: new files and those that are written in place show
//! at once, but a name that the agent has looked up goes on leading to the file that it led to. So each change of the
//! workspace is looked at through the layer, and made there where it does not show.

use super::heavy::{self, is_cache};
use super::mirror::mirror;
use super::{
    AgentCopy, CandidateError, Decided, Origin, alone, clear, directory_at, entry_of, failed, ignored_now, is_same,
    paths_of, read_own, replace_node, take_over,
};
use crate::base::Digest;
use crate::workspace::checkpoint::{Difference, Entry, EntryKind, Store, compare, lookup, replace};
use crate::workspace::content;
use crate::workspace::layer::{Covering, Marks, View};
use crate::workspace::limits;
use crate::workspace::listing::{Listing, Sight, now_ns};
use crate::workspace::root::Root;
use crate::workspace::tree;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Bound;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub struct LayeredCopy {
    source: Root,
    store: Store,
    place: PathBuf,
    /// Of the upper directory. Ignored files count as content here, if they are few and small.
    upper: Listing,
    /// `base` is the workspace as the agent had it where it has not changed it.
    origin: Origin,
    view: Arc<View>,
    notes: Vec<String>,
}

/// The upper directory, read.
struct Upper {
    nodes: BTreeMap<PathBuf, Entry>,
    marks: Marks,
}

impl Upper {
    /// Returns whether the workspace's own node does not show at this path.
    fn covers(&self, path: &Path) -> bool {
        let mut above = path.ancestors().skip(1);
        self.nodes.contains_key(path)
            || self.marks.gone.contains(path)
            || above.any(|dir| {
                self.marks.gone.contains(dir)
                    || self.marks.opaque.contains(dir)
                    || self.nodes.get(dir).is_some_and(|entry| entry.kind != EntryKind::Directory)
            })
    }

    /// The agent has a directory with something of its own here.
    fn has_below(&self, path: &Path) -> bool {
        let mut below = self.nodes.range::<Path, _>((Bound::Excluded(path), Bound::Unbounded));
        below.next().is_some_and(|(first, _)| first.starts_with(path))
    }
}

/// Moves an upper directory of which nothing is known to what is kept of the session, and says so; `None` where an agent
/// has written nothing.
fn keep_unknown(place: &Path) -> Result<Option<String>, CandidateError> {
    let upper = upper_of(place);
    let is_empty = std::fs::read_dir(&upper).map_or(true, |mut entries| entries.next().is_none());
    let (Some(state), false) = (place.ancestors().nth(2), is_empty) else { return Ok(None) };
    let (kept, name) = (state.join("kept"), place.file_name().unwrap_or_default().to_string_lossy());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&kept).map_err(failed("cannot make", &kept))?;
    let to = kept.join(format!("{name}-{}.whole", now_ns()));
    std::fs::rename(&upper, &to).map_err(failed("cannot keep", &upper))?;
    let what = "what an agent changed here before cannot be taken over: the record of what it began with is unreadable";
    Ok(Some(format!("{what}; its files are in {}", to.display())))
}

/// The upper directory of the candidate in this place.
pub fn upper_of(place: &Path) -> PathBuf {
    place.join("upper")
}

impl LayeredCopy {
    /// Takes over what an agent left at `place`, or begins with nothing changed. `view` is that of its layer.
    ///
    /// # Errors
    /// When there is no room, or no right to write.
    pub fn open(live: &Listing, place: PathBuf, view: Arc<View>) -> Result<Self, CandidateError> {
        let source = Root::open(live.root()).map_err(failed("cannot open", live.root()))?;
        let (upper, found) = (upper_of(&place), Origin::read(&place).filter(|_| upper_of(&place).is_dir()));
        let is_taken_over = found.is_some();
        let notes = match found {
            Some(_) => vec!["taken over from the agent that worked here before".to_owned()],
            None => keep_unknown(&place)?.into_iter().collect(),
        };
        let origin = match found {
            Some(origin) => origin,
            None => {
                clear(&place)?;
                std::fs::create_dir_all(&upper).map_err(failed("cannot make", &upper))?;
                // What is seen of the root is what the upper directory has.
                let about = live.root().metadata().map_err(failed("cannot read", live.root()))?;
                std::fs::set_permissions(&upper, about.permissions()).map_err(failed("cannot make", &upper))?;
                let from = live.take()?.digest;
                Origin { base: from, from, behind: heavy::behind(live.root(), live.rules()), made_ns: now_ns() }
            }
        };
        let rules = live.rules().for_copy(paths_of(&origin.behind));
        let upper = Listing::new(upper, rules, live.store().clone()).without_contents();
        let mut copy = Self { source, store: live.store().clone(), place, upper, origin, view, notes };
        if is_taken_over {
            copy.catch_up(live)?;
        }
        copy.origin.save(&copy.place)?;
        Ok(copy)
    }

    /// Brings files of the upper directory up to date that the agent has not changed and that hide newer ones. Nothing is
    /// mounted yet; the rest of what changed comes with the first refresh.
    fn catch_up(&mut self, live: &Listing) -> Result<(), CandidateError> {
        let now = live.take()?.digest;
        if now == self.origin.from {
            return Ok(());
        }
        let upper = self.upper_now()?;
        let own = Root::open(self.upper.root()).map_err(failed("cannot open", self.upper.root()))?;
        for theirs in compare(&self.store, Some(&self.origin.from), Some(&now))? {
            let here = upper.nodes.get(&theirs.path).copied().filter(|entry| entry.kind != EntryKind::Directory);
            let before = lookup(&self.store, &self.origin.base, &theirs.path)?;
            if here.is_none() || !is_same(here, before) || is_same(here, theirs.after) {
                continue;
            }
            if let Err(error) = mirror(&self.source, &own, &theirs.path) {
                tracing::warn!("the agent does not see the present {}: {error}", theirs.path.display());
                continue;
            }
            self.upper.look([theirs.path.as_path()]);
            let written = self.upper.entry(&theirs.path);
            self.origin.base = replace(&self.store, &self.origin.base, &theirs.path, written)?;
        }
        Ok(())
    }

    fn upper_now(&self) -> Result<Upper, CandidateError> {
        let tree = self.upper.take()?.digest;
        let nodes = compare(&self.store, None, Some(&tree))?.into_iter();
        let nodes = nodes.filter_map(|node| Some((node.path, node.after?))).collect();
        Ok(Upper { nodes, marks: Marks::of(self.upper.root(), self.upper.rules()) })
    }

    /// What the agent began with at this path. Of an ignored file it is what the workspace has when it is first asked for.
    fn base(&mut self, path: &Path) -> Result<Option<Entry>, CandidateError> {
        let known = lookup(&self.store, &self.origin.base, path)?.map(alone);
        if known.is_some() || self.ignored_at(path).is_none() {
            return Ok(known);
        }
        let now = ignored_now(&self.source, &self.store, path)?;
        if now.is_some() {
            self.origin.base = replace(&self.store, &self.origin.base, path, now)?;
        }
        Ok(now)
    }

    /// The nodes that the agent began with at and below this path. A directory that is more than the way to what is in it
    /// is one of them.
    fn base_below(&self, top: &Path) -> Result<Vec<(PathBuf, Entry)>, CandidateError> {
        match lookup(&self.store, &self.origin.base, top)? {
            Some(entry @ Entry { kind: EntryKind::Directory, digest, .. }) => {
                let all = compare(&self.store, Some(&digest), None)?.into_iter();
                let own = entry.is_node().then(|| (top.to_owned(), entry));
                Ok(own.into_iter().chain(all.filter_map(|node| Some((top.join(node.path), node.before?)))).collect())
            }
            Some(entry) => Ok(vec![(top.to_owned(), entry)]),
            None => Ok(Vec::new()),
        }
    }

    /// Brings one change of the workspace into the layer, unless it shows there. False when it would replace what the
    /// agent wrote after `read`.
    fn show(&self, view: &Root, path: &Path, now: Option<Entry>, read: Option<&Upper>) -> io::Result<bool> {
        let seen = Sight::of(view, path, None, limits::CHECKPOINT_FILE_BYTES_MAX).map(|sight| sight.entry());
        let seen = seen.or_else(|| directory_at(view, path));
        if is_same(seen, now.map(alone)) {
            return Ok(true);
        }
        if read.is_some_and(|read| !self.is_as_read(read, path)) {
            return Ok(false);
        }
        mirror(&self.source, view, path).map(|()| true)
    }

    /// Returns whether the agent's side still has at this path what was read there.
    fn is_as_read(&self, read: &Upper, path: &Path) -> bool {
        self.upper.look([path]);
        // What a directory that was removed and made again does not have is gone, though nobody deleted it by name.
        let node = self.upper.root().join(path).symlink_metadata();
        let is_absent = node.is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let is_gone = !is_absent && Covering::of(self.upper.root(), path) == Covering::Gone;
        let entry = read.nodes.get(path).copied().filter(|entry| entry.kind != EntryKind::Directory);
        (!is_gone || read.covers(path)) && is_same(self.upper.entry(path), entry)
    }

    /// The base in a newer tree of the workspace: what the agent has changed keeps the base that it had.
    fn base_in(&mut self, now: Digest, upper: &Upper) -> Result<Digest, CandidateError> {
        let mut base = now;
        let mut own: BTreeSet<PathBuf> = upper.nodes.keys().cloned().collect();
        for top in upper.marks.gone.iter().chain(&upper.marks.opaque) {
            own.extend(self.base_below(top)?.into_iter().map(|(path, _)| path));
        }
        for path in own {
            let old = lookup(&self.store, &self.origin.base, &path)?;
            let is_kept =
                self.ignored_at(&path).is_some() || !is_same(old, lookup(&self.store, &self.origin.from, &path)?);
            if is_kept && old.is_some_and(|entry| entry.kind != EntryKind::Directory) {
                base = replace(&self.store, &base, &path, old)?;
            }
        }
        Ok(base)
    }
}

impl AgentCopy for LayeredCopy {
    fn root(&self) -> &Path {
        &self.place
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        read_own(&Root::open(self.upper.root())?, path, bytes_max)
    }

    fn changes(&mut self) -> Result<Vec<Difference>, CandidateError> {
        let upper = self.upper_now()?;
        let mut found = BTreeMap::new();
        for (path, entry) in &upper.nodes {
            let (before, after) = (self.base(path)?, alone(*entry));
            if !is_same(before, Some(after)) {
                found.insert(path.clone(), (before, Some(after)));
            }
        }
        let replaced = upper.nodes.iter().filter(|(_, entry)| entry.kind != EntryKind::Directory).map(|(path, _)| path);
        for top in upper.marks.gone.iter().chain(&upper.marks.opaque).chain(replaced) {
            if upper.marks.gone.contains(top) && !tree::is_hidden(top) {
                self.base(top)?;
            }
            for (path, before) in self.base_below(top)? {
                let is_directory = before.kind == EntryKind::Directory;
                let is_there = is_directory && Covering::of(self.upper.root(), &path) == Covering::Node;
                if !is_there && !upper.nodes.contains_key(&path) {
                    found.insert(path, (Some(alone(before)), None));
                }
            }
        }
        self.origin.save(&self.place)?;
        Ok(found.into_iter().map(|(path, (before, after))| Difference { path, before, after }).collect())
    }

    fn changed_behind(&self) -> Vec<PathBuf> {
        self.upper.beside().into_iter().filter(|top| !tree::is_hidden(top) && !is_cache(top)).collect()
    }

    fn is_special(&self, path: &Path) -> bool {
        let about = self.upper.root().join(path).symlink_metadata();
        let is_plain = |about: std::fs::Metadata| about.is_file() || about.is_dir() || about.is_symlink();
        Covering::of(self.upper.root(), path) == Covering::Node && !about.is_ok_and(is_plain)
    }

    fn ignored_at(&self, path: &Path) -> Option<PathBuf> {
        self.upper.rules().is_ignored(path)
    }

    fn refresh(&mut self, live: &Listing) -> Result<Vec<PathBuf>, CandidateError> {
        let now = live.take()?.digest;
        // Without a layer there is nothing to write through; `from` stays, so the first refresh in the next one does it.
        let Some(view) = (now != self.origin.from).then(|| self.view.root().ok()).flatten() else {
            return Ok(Vec::new());
        };
        let upper = self.upper_now()?;
        let (mut base, mut from, mut both) = (self.base_in(now, &upper)?, now, Vec::new());
        for theirs in compare(&self.store, Some(&self.origin.from), Some(&now))? {
            let before = lookup(&self.store, &self.origin.base, &theirs.path)?;
            let (is_covered, is_filled) = (upper.covers(&theirs.path), upper.has_below(&theirs.path));
            let here = if is_covered || is_filled { upper.nodes.get(&theirs.path).copied() } else { before };
            let is_own = (is_filled || !is_same(here, before)) && !is_same(here, theirs.after);
            let is_shown = !is_own
                && match self.show(&view, &theirs.path, theirs.after, Some(&upper)) {
                    Ok(is_shown) => is_shown,
                    Err(error) => {
                        tracing::warn!("the agent does not see the present {}: {error}", theirs.path.display());
                        // The next refresh tries it again.
                        from = replace(&self.store, &from, &theirs.path, theirs.before)?;
                        false
                    }
                };
            if is_shown {
                base = take_over(&self.upper, &base, &theirs.path, theirs.after)?;
            } else {
                base = replace(&self.store, &base, &theirs.path, before)?;
                both.push(theirs.path);
            }
        }
        (self.origin.base, self.origin.from) = (base, from);
        self.origin.save(&self.place)?;
        Ok(both)
    }

    fn reset(&mut self, live: &Listing, path: &Path, decided: Option<Digest>) -> Result<(), CandidateError> {
        // Before the base of an ignored file that nobody has asked for becomes what the workspace has now.
        let base = self.base(path)?;
        let now = if self.ignored_at(path).is_some() {
            ignored_now(&self.source, &self.store, path)?
        } else {
            live.look([path]);
            live.record()?;
            entry_of(live, path)
        };
        self.upper.look([path]);
        let here = match Covering::of(self.upper.root(), path) {
            Covering::Nothing => base,
            Covering::Gone => None,
            Covering::Node => entry_of(&self.upper, path),
        };
        self.origin.base = if (Decided { base, here, state: decided }).is_overtaken() {
            replace_node(&self.store, &self.origin.base, path, now)?
        } else {
            let view = self.view.root().map_err(failed("cannot put back", path))?;
            self.show(&view, path, now, None).map_err(failed("cannot bring over", path))?;
            take_over(&self.upper, &self.origin.base, path, now)?
        };
        self.origin.save(&self.place)
    }
}

/// The file as an agent has it whose changes are at this place; `None` when there is none.
///
/// # Errors
/// When it is not a regular file, or has more bytes.
pub fn read_as_seen(place: &Path, source: &Root, path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let upper = upper_of(place);
    let root = match Covering::of(&upper, path) {
        Covering::Gone => return Ok(None),
        Covering::Nothing => source.reopen()?,
        Covering::Node => Root::open(&upper)?,
    };
    let (dir, name) = (root.open_plain_dir(path.parent().unwrap_or(Path::new(""))), path.file_name());
    let (Ok(dir), Some(name)) = (dir, name) else { return Ok(None) };
    match content::open(&dir, name) {
        Ok((mut file, _)) => content::read(&mut file, bytes_max).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
