//! The entries beside the content: hooks and settings of version control, by digest; ignored files, by digest while
//! they are small and few; large ignored directories, by count, size and times. None of it is recorded or restored, but
//! no change of it goes unseen.

use super::notices::{about, changed};
use crate::model::FileChange;
use crate::policy::guarded::guarded;
use crate::port::Changed;
use crate::workspace::checkpoint::Entry;
use crate::workspace::limits;
use crate::workspace::listing::{Listing, Seen, Sight, now_ns};
use crate::workspace::root::Root;
use crate::workspace::tree;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// See the module.
pub struct Beside {
    listing: Arc<Listing>,
    /// Files that are watched one by one.
    known: BTreeMap<PathBuf, Sight>,
    /// Ignored directories by their topmost path.
    trees: BTreeMap<PathBuf, Sum>,
    is_begun: bool,
    /// Grows whenever an ignored directory has changed.
    version: u64,
    /// Start of the last walk, less the possible delay of the file system's clock.
    seen_ns: i128,
    /// Earliest time of the next walk, so that walks take at most their share of the time.
    ready_at: Instant,
}

/// A directory as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    files: u64,
    bytes: u64,
    /// Of every name with its inode's times, in no order.
    print: u64,
    /// There is more than was counted.
    more: bool,
}

/// A path with what it was and what it is.
type Difference<'a> = (&'a PathBuf, Option<Entry>, Option<Entry>);

/// The result of one walk over an ignored directory.
#[derive(Debug, Default)]
struct Look {
    sum: Sum,
    /// Of few all, of many the guarded ones.
    files: Vec<PathBuf>,
    /// Changed since the last look.
    recent: Vec<PathBuf>,
}

impl Beside {
    pub fn new(listing: Arc<Listing>) -> Self {
        let (known, trees) = (BTreeMap::new(), BTreeMap::new());
        Self { listing, known, trees, is_begun: false, version: 0, seen_ns: 0, ready_at: Instant::now() }
    }

    /// A number that is another one whenever directories here may have come or gone.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns whether a walk is due again.
    pub fn is_ready(&self) -> bool {
        self.ready_at <= Instant::now()
    }

    /// The directories to watch here, as far as there is room for them.
    pub fn directories(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for path in self.listing.beside() {
            let mut open = vec![path];
            while let Some(path) = open.pop() {
                if found.len() >= limits::WATCH_IGNORED_DIRS_MAX {
                    return found;
                }
                let Ok(entries) = std::fs::read_dir(self.listing.root().join(&path)) else { continue };
                let is_dir = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
                let below = entries.flatten().filter(is_dir).map(|entry| path.join(entry.file_name()));
                // Of a store only what leads to a guard rail: the rest changes at every turn of git's.
                open.extend(below.filter(|below| !tree::is_hidden(below) || tree::guard_rail(below)));
                found.push(path);
            }
        }
        found
    }

    /// Looks at everything again; the first look tells nothing.
    pub fn scan(&mut self) -> Vec<Changed> {
        let (began, now_seen_ns) = (Instant::now(), now_ns() - i128::from(limits::WORKSPACE_SETTLED_MS) * 1_000_000);
        let Ok(root) = Root::open(self.listing.root()) else { return Vec::new() };
        let mut now = BTreeMap::new();
        let mut notices = Vec::new();
        let tops = self.listing.beside();
        let gone: Vec<PathBuf> = self.trees.keys().filter(|top| !tops.contains(*top)).cloned().collect();
        for top in tops.iter().take(limits::WATCH_IGNORED_MAX) {
            let full = self.listing.root().join(top);
            let is_dir = full.symlink_metadata().is_ok_and(|about| about.is_dir());
            match (tree::is_hidden(top), is_dir) {
                (true, true) => {
                    for path in tree::guard_rails(self.listing.root(), top) {
                        self.sight(&root, path, &mut now);
                    }
                }
                (true, false) if !tree::guard_rail(top) => {}
                (true | false, false) => self.sight(&root, top.clone(), &mut now),
                (false, true) => self.tree(&root, top, &mut now, &mut notices),
            }
        }
        for top in gone {
            self.version = self.version.saturating_add(1);
            self.trees.remove(&top);
            notices.push(about(&top, FileChange::Delete, "an ignored directory was deleted".to_owned()));
        }
        let before = std::mem::replace(&mut self.known, now);
        notices.extend(self.differences(&before));
        self.seen_ns = now_seen_ns;
        self.ready_at = Instant::now() + began.elapsed() * limits::WATCH_WALK_SHARE;
        notices.iter_mut().for_each(|notice| notice.ignored = true);
        if std::mem::replace(&mut self.is_begun, true) { notices } else { Vec::new() }
    }

    /// Returns the files that changed. A flood is one entry, unless a guard rail is among it. One word for a flood,
    /// unless a guard rail is among it.
    fn differences(&self, before: &BTreeMap<PathBuf, Sight>) -> Vec<Changed> {
        let entry = |map: &BTreeMap<PathBuf, Sight>, path: &PathBuf| map.get(path).map(Sight::entry);
        let paths: BTreeSet<&PathBuf> = before.keys().chain(self.known.keys()).collect();
        let mut by_top: BTreeMap<PathBuf, Vec<Difference<'_>>> = BTreeMap::new();
        for path in paths {
            let (old, new) = (entry(before, path), entry(&self.known, path));
            if old != new && !old.zip(new).is_some_and(|(old, new)| old.is_same(&new)) {
                let top = self.listing.rules().is_ignored(path).unwrap_or_else(|| path.clone());
                by_top.entry(top).or_default().push((path, old, new));
            }
        }
        let mut told = Vec::new();
        for (top, files) in by_top {
            let is_flood = files.len() > limits::WATCH_IGNORED_REPORTED_MAX;
            if is_flood {
                told.push(about(&top, FileChange::Modify, format!("{} ignored files changed", files.len())));
            }
            let is_told = |path: &Path| !is_flood || self.is_guarded(&top, path);
            let files = files.into_iter().filter(|(path, ..)| is_told(path));
            told.extend(files.map(|(path, old, new)| changed(path, old, new)));
        }
        told
    }

    /// A name that is guarded, outside of dependencies and build output, where such names mean nothing.
    fn is_guarded(&self, top: &Path, path: &Path) -> bool {
        let by_name = || path.to_str().is_some_and(|path| guarded(path).is_some());
        tree::guard_rail(path) || (!self.listing.rules().is_output(top) && by_name())
    }

    /// Notes what one file is now.
    fn sight(&self, root: &Root, path: PathBuf, now: &mut BTreeMap<PathBuf, Sight>) {
        if let Some(sight) = Sight::of(root, &path, self.known.get(&path), limits::WATCH_IGNORED_FILE_BYTES_MAX) {
            now.insert(path, sight);
        }
    }

    /// An ignored directory: file by file while they are few, else as a whole.
    fn tree(&mut self, root: &Root, top: &Path, now: &mut BTreeMap<PathBuf, Sight>, told: &mut Vec<Changed>) {
        let look = self.look(top);
        let former = self.trees.insert(top.to_owned(), look.sum);
        if former != Some(look.sum) {
            self.version = self.version.saturating_add(1);
        }
        for path in &look.files {
            self.sight(root, path.clone(), now);
        }
        let (is_small, was_small) = (look.sum.is_small(), former.is_none_or(Sum::is_small));
        if (is_small && was_small) || former == Some(look.sum) {
            return;
        }
        // Watching file by file or as a whole does not change the files.
        self.known.retain(|path, _| !path.starts_with(top) || now.contains_key(path));
        let below = now.range(top.to_owned()..).take_while(|(path, _)| path.starts_with(top));
        let unknown: Vec<_> = below.filter(|(path, _)| !self.known.contains_key(*path)).collect();
        let added: Vec<_> = unknown.into_iter().map(|(path, sight)| (path.clone(), sight.clone())).collect();
        if is_small != was_small && former.is_some() {
            self.known.extend(added);
        }
        told.extend(self.told_of(root, top, former, &look));
    }

    fn told_of(&self, root: &Root, top: &Path, former: Option<Sum>, look: &Look) -> Vec<Changed> {
        let mut told = Vec::new();
        let is_few = look.recent.len() <= limits::WATCH_IGNORED_REPORTED_MAX;
        for path in look.recent.iter().filter(|path| is_few && !self.is_guarded(top, path)) {
            if let Some(sight) = Sight::of(root, path, None, limits::WATCH_IGNORED_FILE_BYTES_MAX) {
                let about = Some("in a large ignored directory: its earlier content is unknown".to_owned());
                told.push(Changed { change: FileChange::Modify, about, ..changed(path, None, Some(sight.entry())) });
            }
        }
        let before = former.unwrap_or_default();
        if told.is_empty() || before.files > look.sum.files {
            let more = if look.sum.more { "more than " } else { "" };
            let text = format!(
                "an ignored directory changed: {more}{} files of {} bytes, before {} of {}",
                look.sum.files, look.sum.bytes, before.files, before.bytes
            );
            let change = if former.is_none() { FileChange::Create } else { FileChange::Modify };
            told.push(about(top, change, text));
        }
        told
    }

    fn look(&self, top: &Path) -> Look {
        let mut look = Look::default();
        let mut guarded = Vec::new();
        let mut open = vec![top.to_owned()];
        while let Some(dir) = open.pop() {
            let Ok(entries) = std::fs::read_dir(self.listing.root().join(&dir)) else { continue };
            let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
            names.sort();
            for path in names.into_iter().map(|name| dir.join(name)) {
                if look.sum.files >= limits::WATCH_IGNORED_FILES_MAX {
                    look.sum.more = true;
                    open.clear();
                    break;
                }
                if tree::is_hidden(&path) && !tree::guard_rail(&path) {
                    continue;
                }
                match Seen::at(&self.listing.root().join(&path)) {
                    Some(Seen::Directory) => open.push(path),
                    Some(Seen::Node(stat)) => {
                        if guarded.len() < limits::WATCH_GUARDED_MAX && self.is_guarded(top, &path) {
                            guarded.push(path.clone());
                        }
                        look.add(path, stat.stamp(), stat.bytes(), stat.changed_ns() >= self.seen_ns);
                    }
                    None => {}
                }
            }
        }
        if !look.sum.is_small() {
            look.files = guarded;
        }
        look
    }
}

impl Sum {
    fn is_small(self) -> bool {
        self.files <= limits::WATCH_IGNORED_EACH_MAX && !self.more
    }
}

impl Look {
    fn add(&mut self, path: PathBuf, stamp: u64, bytes: u64, is_recent: bool) {
        let mut hasher = DefaultHasher::new();
        (&path, stamp).hash(&mut hasher);
        self.sum.files = self.sum.files.saturating_add(1);
        self.sum.bytes = self.sum.bytes.saturating_add(bytes);
        self.sum.print = self.sum.print.wrapping_add(hasher.finish());
        if is_recent && self.recent.len() <= limits::WATCH_IGNORED_REPORTED_MAX {
            self.recent.push(path.clone());
        }
        if self.sum.is_small() {
            self.files.push(path);
        }
    }
}
