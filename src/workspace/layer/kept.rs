//! A layer on the host's side: its directories, when it began, and their end.

use super::places::{self, BuildFolders};
use super::plan::{Bind, Plan, Scratch, Upper};
use super::probe::NoLayer;
use super::promote::{self, Promoted};
use super::read::{self, Change, Changes, Others};
use crate::model::event::{FileOutcome, Network};
use crate::workspace::limits;
use crate::workspace::root::Root;
use crate::workspace::tree::Rules;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The beginning of the names of directories in which an attempt is made.
pub(super) const ATTEMPT: &str = "probe-";
/// The file that says that the promotion of a layer has begun.
const INTENT: &str = "promoting";

/// What it takes to finish a promotion.
#[derive(Debug, Serialize, Deserialize)]
struct Intent {
    plan: Plan,
    began_ns: i64,
    #[serde(with = "bytes")]
    held: BTreeSet<PathBuf>,
    /// The paths that somebody else had changed.
    #[serde(with = "bytes")]
    of_others: BTreeSet<PathBuf>,
    /// What is promoted.
    #[serde(default)]
    files: Vec<FileOutcome>,
}

/// Paths as their bytes: a name need not be UTF-8.
mod bytes {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use std::collections::BTreeSet;
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    use std::path::PathBuf;

    pub(super) fn serialize<S: Serializer>(paths: &BTreeSet<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(paths.iter().map(|path| path.as_os_str().as_bytes()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<PathBuf>, D::Error> {
        let paths = Vec::<Vec<u8>>::deserialize(from)?;
        Ok(paths.into_iter().map(|path| PathBuf::from(OsString::from_vec(path))).collect())
    }
}

/// A promotion that a killed host began, and that is finished.
#[derive(Debug)]
pub struct LeftOver {
    pub layer: Layer,
    pub changes: Changes,
    pub held: BTreeSet<PathBuf>,
    pub promoted: Promoted,
}

/// What an agent has at the path of the workspace.
#[derive(Debug, Clone, Copy)]
pub enum Tree<'a> {
    /// A private copy of it.
    Copy(&'a Path),
    /// An overlay, whose upper directory is kept here.
    Overlay(&'a Path),
}

/// The layer of one command. Dropping it throws away what was not promoted.
#[derive(Debug)]
pub struct Layer {
    dir: PathBuf,
    /// Where versions are kept that were not promoted.
    kept: PathBuf,
    plan: Plan,
    /// Of the workspace.
    own: Upper,
    began_ns: i128,
    /// Nothing of a preview is kept.
    is_preview: bool,
}

impl Layer {
    /// A new layer over the workspace. `state` is the session's own directory; `hidden` are further paths that are empty
    /// in the layer; `line` is the command, which shares no build folder that it names, and none if it is a clean command.
    ///
    /// # Errors
    /// Why there is none, and what to do about it.
    pub fn make(
        (state, name): (&Path, &str),
        (root, rules): (&Root, &Rules),
        (line, folders, network): (&str, BuildFolders, Network),
        hidden: &[PathBuf],
    ) -> Result<Self, NoLayer> {
        let fail = |error: io::Error| NoLayer::by_machine(format!("{}: {error}", state.display()));
        let built = places::build_folders(root.path(), rules, line);
        places::check(root.path(), state, &built)?;
        let (shared, covered) = match folders {
            BuildFolders::Shared => (built, Vec::new()),
            BuildFolders::Covered => (Vec::new(), built),
        };
        let dir = state.join("layers").join(name);
        let _ = remove(&dir);
        // Step by step: a state that is deleted meanwhile is not made again.
        let make = |path: &Path| fs::DirBuilder::new().mode(0o700).create(path);
        let layers = state.join("layers");
        if !layers.is_dir() {
            make(&layers).map_err(fail)?;
        }
        make(&dir).map_err(fail)?;
        let upper = |of: &str| -> io::Result<Upper> {
            let of = dir.join(of);
            let upper = Upper { upper: of.join("upper"), work: of.join("work"), lasting: false };
            [&of, &upper.upper, &upper.work].into_iter().try_for_each(|path| make(path))?;
            Ok(upper)
        };
        let mut scratch = Vec::new();
        for (number, at) in places::caches(root.path(), state).into_iter().chain(covered).enumerate() {
            scratch.push(Scratch { at, upper: upper(&format!("cache{number}")).map_err(fail)? });
        }
        let own = upper("own").map_err(fail)?;
        // What the command sees of the root is what the upper directory has.
        let about = root.path().metadata().map_err(fail)?;
        fs::set_permissions(&own.upper, about.permissions()).map_err(fail)?;
        let plan = Plan {
            root: root.path().to_owned(),
            upper: Some(own.clone()),
            binds: places::programs(root.path(), state),
            shared,
            scratch,
            hidden: places::hidden(root.path(), state, hidden),
            network: network == Network::On,
            proxied: network == Network::Ask,
            keeps_input: false,
            ports: Vec::new(),
            refusal: dir.join("refusal"),
        };
        let began_ns = moment(&dir).map_err(fail)?;
        let is_preview = folders == BuildFolders::Covered;
        Ok(Self { kept: state.join("kept").join(name), dir, plan, own, began_ns, is_preview })
    }

    /// The same without any network.
    pub fn without_network(mut self) -> Self {
        (self.plan.network, self.plan.proxied) = (false, false);
        self
    }

    /// A layer for an agent: its own tree at the workspace's path. `binds` are further places;
    /// what can be written in them is not hidden. With `ports` its network is a proxy and these ports of this machine.
    ///
    /// # Errors
    /// Why there is none, and what to do about it.
    pub fn for_agent(
        (state, name): (&Path, &str),
        (root, tree): (&Root, Tree<'_>),
        (mut binds, ports): (Vec<Bind>, Option<Vec<u16>>),
        hidden: &[PathBuf],
    ) -> Result<Self, NoLayer> {
        let fail = |error: io::Error| NoLayer::by_machine(format!("{}: {error}", state.display()));
        let dir = state.join("layers").join(name);
        let _ = remove(&dir);
        let upper = |of: &str| -> io::Result<Upper> {
            let upper = Upper { upper: dir.join(of).join("upper"), work: dir.join(of).join("work"), lasting: false };
            for path in [&upper.upper, &upper.work] {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
            }
            Ok(upper)
        };
        let is_open = |path: &Path| binds.iter().any(|bind| bind.writable && path.starts_with(&bind.at));
        let mut scratch = Vec::new();
        let caches = places::caches(root.path(), state).into_iter().filter(|path| !is_open(path));
        for (number, at) in caches.enumerate() {
            scratch.push(Scratch { at, upper: upper(&format!("cache{number}")).map_err(fail)? });
        }
        let mut hidden = places::hidden(root.path(), state, hidden);
        hidden.retain(|path| !is_open(path));
        let own = match tree {
            Tree::Copy(copy) => {
                binds.insert(0, Bind { from: copy.to_owned(), at: root.path().to_owned(), writable: true });
                upper("own").map_err(fail)?
            }
            Tree::Overlay(place) => {
                let own = Upper { upper: place.join("upper"), work: place.join("work"), lasting: true };
                fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(fail)?;
                // That of an earlier mount may say that it was not synced, and is refused then.
                let _ = remove(&own.work);
                fs::DirBuilder::new().mode(0o700).create(&own.work).map_err(fail)?;
                own
            }
        };
        let plan = Plan {
            root: root.path().to_owned(),
            upper: matches!(tree, Tree::Overlay(_)).then(|| own.clone()),
            binds,
            shared: Vec::new(),
            scratch,
            hidden,
            network: ports.is_none(),
            proxied: ports.is_some(),
            keeps_input: ports.is_some(),
            ports: ports.unwrap_or_default(),
            refusal: dir.join("refusal"),
        };
        let began_ns = moment(&dir).map_err(fail)?;
        Ok(Self { kept: state.join("kept").join(name), dir, plan, own, began_ns, is_preview: false })
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Every node that was changed from this moment on has a later change time.
    pub(super) fn began_ns(&self) -> i128 {
        self.began_ns
    }

    /// The upper side of a path of the workspace.
    pub(super) fn upper(&self, path: &Path) -> PathBuf {
        self.own.upper.join(path)
    }

    /// Why nothing was started in it. Call it when the launcher has ended.
    pub fn refusal(&self) -> Option<NoLayer> {
        let why = fs::read_to_string(&self.plan.refusal).unwrap_or_default();
        (!why.is_empty()).then(|| NoLayer::by_machine(why))
    }

    /// What the command did. Call it when all its processes have ended.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn changes(&self, root: &Root, others: Option<&Others<'_>>) -> io::Result<Changes> {
        self.changes_until(&CancellationToken::new(), root, others)
    }

    /// As [`Layer::changes`], until it is stopped.
    ///
    /// # Errors
    /// As there, and when it was stopped.
    pub fn changes_until(
        &self,
        stop: &CancellationToken,
        root: &Root,
        others: Option<&Others<'_>>,
    ) -> io::Result<Changes> {
        let disk = rustix::fs::statvfs(&self.dir)?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) < limits::LAYER_FREE_BYTES_MIN {
            // A file that the command could not write to its end looks like one that it wrote.
            let why = "its disk is full, so what the command wrote may be cut off; free some space, or choose another --state-dir";
            return Err(io::Error::new(io::ErrorKind::StorageFull, why));
        }
        read::changes(self, root, others, stop)
    }

    /// Carries these changes over to the workspace, as far as nobody else changed the same nodes. Those of the `held`
    /// paths stay in the layer. Once it has begun it is finished by [`Layer::finish_left_over`], whatever happens to
    /// this process.
    pub fn promote(&self, root: &Root, rules: &Rules, changes: &Changes, held: &BTreeSet<PathBuf>) -> Promoted {
        if changes.list.is_empty() {
            return Promoted { kept: changes.left.clone(), ..Promoted::default() };
        }
        match self.intend(rules, changes, held) {
            Ok(()) => promote::promote(self, root, rules, changes, held),
            Err(error) => {
                let why = format!("nothing was promoted: {}: {error}", self.dir.display());
                let kept = [Some(why), self.keep_whole()].into_iter().flatten().collect();
                Promoted { kept, failed: true, ..Promoted::default() }
            }
        }
    }

    /// Writes down that the promotion begins, and that all of it is on the disk by then.
    fn intend(&self, rules: &Rules, changes: &Changes, held: &BTreeSet<PathBuf>) -> io::Result<()> {
        let began_ns = i64::try_from(self.began_ns).map_err(io::Error::other)?;
        let of_others = changes.list.iter().filter(|change| change.in_conflict).map(|change| change.path.clone());
        let mut files = changes.outcomes(rules);
        files.retain(|file| !held.contains(Path::new(file.path.as_str())));
        let (plan, of_others) = (self.plan.clone(), of_others.collect());
        let intent = Intent { plan, began_ns, held: held.clone(), of_others, files };
        let text = serde_json::to_vec(&intent).map_err(io::Error::other)?;
        rustix::fs::syncfs(fs::File::open(&self.own.upper)?)?;
        let (unfinished, path) = (self.dir.join("promoting.new"), self.dir.join(INTENT));
        let mut file = fs::File::create(&unfinished)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(unfinished, path)
    }

    /// The name that the layer was made with.
    pub fn name(&self) -> String {
        self.kept.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Finishes the promotions that a killed host began. What was held back is still in their layers.
    pub fn finish_left_over(state: &Path, root: &Root, rules: &Rules) -> Vec<LeftOver> {
        let mut all = Vec::new();
        for entry in fs::read_dir(state.join("layers")).into_iter().flatten().flatten() {
            let intent = fs::read(entry.path().join(INTENT)).ok();
            let Some(intent) = intent.and_then(|text| serde_json::from_slice::<Intent>(&text).ok()) else { continue };
            let Some(own) = intent.plan.upper.clone().filter(|_| intent.plan.root == root.path()) else { continue };
            let kept = state.join("kept").join(entry.file_name());
            let began_ns = intent.began_ns.into();
            let layer = Self { dir: entry.path(), kept, plan: intent.plan, own, began_ns, is_preview: false };
            let left_over = match layer.changes(root, None) {
                Ok(mut changes) => {
                    // What came and went in the directories meanwhile was this promotion, as far as is known.
                    changes.list.iter_mut().for_each(|change| {
                        change.in_conflict &= change.before.is_some();
                        change.in_conflict |= intent.of_others.contains(&change.path);
                    });
                    let mut promoted = promote::promote(&layer, root, rules, &changes, &intent.held);
                    // With what the former host had promoted.
                    promoted.files = intent.files.into_iter().filter(|file| read::is_now(root, file)).collect();
                    LeftOver { layer, changes, held: intent.held, promoted }
                }
                Err(error) => {
                    let why = format!("the rest was not promoted: {}: {error}", layer.dir.display());
                    let kept = [Some(why), layer.keep_whole()].into_iter().flatten().collect();
                    let files = intent.files.into_iter().filter(|file| read::is_now(root, file)).collect();
                    let promoted = Promoted { files, others: 0, kept, failed: true };
                    LeftOver { layer, changes: Changes::default(), held: BTreeSet::new(), promoted }
                }
            };
            all.push(left_over);
        }
        all
    }

    /// The upper directory, to read nodes in it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn own_tree(&self) -> io::Result<Root> {
        Root::open(&self.own.upper)
    }

    /// Opens the directories of the upper side that are above this path.
    pub(super) fn open_above(&self, path: &Path) -> Opened {
        let mut opened = Opened::at(&self.own.upper);
        let above: Vec<&Path> = path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()).collect();
        above.into_iter().rev().for_each(|dir| opened.add(&self.upper(dir)));
        opened
    }

    /// Keeps the command's version of what was held back, and says where.
    pub fn keep_held(&self, change: &Change) -> String {
        let path = change.path.display();
        if change.after.is_none() {
            return format!("{path} was not deleted");
        }
        match self.keep(&change.path) {
            Ok(Some(at)) => format!("{path} was not promoted; the command's version is {}", at.display()),
            Ok(None) => format!("{path} was not promoted"),
            Err(error) => format!("{path} was not promoted; the command's version could not be kept: {error}"),
        }
    }

    /// Keeps everything that the command wrote, if a part of it could not be promoted one by one. Says where.
    pub fn keep_left_out(&self, changes: &Changes) -> Option<String> {
        if changes.left_out > 0 { self.keep_whole() } else { None }
    }

    /// Keeps everything that the command wrote, and says where.
    pub fn keep_whole(&self) -> Option<String> {
        if self.is_preview {
            return None;
        }
        let name = self.kept.file_name().unwrap_or_default().to_string_lossy();
        let above = self.kept.parent().unwrap_or(&self.kept);
        // On a full disk there may be no room for a further directory.
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(above);
        let at = match made {
            Ok(()) => above.join(format!("{name}.whole")),
            Err(_) => above.with_file_name(format!("kept-{name}.whole")),
        };
        Some(match fs::rename(&self.own.upper, &at) {
            Ok(()) => format!("everything that the command wrote is in {}", at.display()),
            Err(error) => format!("what the command wrote could not be kept in {}: {error}", at.display()),
        })
    }

    /// Moves the command's version of a file to where it stays; `None` where there is nothing to keep.
    pub(super) fn keep(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let (from, to) = (self.upper(path), self.kept.join(path));
        if from.is_dir() && !from.is_symlink() {
            return Ok(None);
        }
        let parent = to.parent().unwrap_or(&self.kept);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        let _open = self.open_above(path);
        fs::rename(&from, &to)?;
        Ok(Some(to))
    }
}

impl Drop for Layer {
    /// Nobody waits for the removal; what is left of it when the host ends is removed by the next one.
    fn drop(&mut self) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let gone = self.dir.with_extension(format!("gone-{number}"));
        if fs::rename(&self.dir, &gone).is_ok() {
            std::thread::spawn(move || remove(&gone));
        }
    }
}

/// Directories of a layer that their owner may not list, change or enter, open to the owner as long as this is kept.
pub(super) struct Opened(Vec<(PathBuf, fs::Permissions)>);

impl Opened {
    /// This one, if it needs it.
    pub(super) fn at(dir: &Path) -> Self {
        let mut opened = Self(Vec::new());
        opened.add(dir);
        opened
    }

    fn add(&mut self, dir: &Path) {
        let Ok(about) = dir.symlink_metadata() else { return };
        let (old, open) = (about.permissions(), fs::Permissions::from_mode(about.mode() & 0o7777 | 0o700));
        if about.is_dir() && about.mode() & 0o700 != 0o700 && fs::set_permissions(dir, open).is_ok() {
            self.0.push((dir.to_owned(), old));
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // From the innermost out: a closed directory cannot be reached through.
        while let Some((dir, bits)) = self.0.pop() {
            let _ = fs::set_permissions(dir, bits);
        }
    }
}

/// Removes the layers that a killed host left, and its attempts to make one.
pub fn clear_left_over(state: &Path) {
    let _ = remove(&state.join("layers"));
    for entry in fs::read_dir(state).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(ATTEMPT) {
            let _ = remove(&entry.path());
        }
    }
}

/// Removes a directory whatever its bits and those of what is in it: the kernel leaves a closed one in each `work`
/// directory, and an agent may make more. Nothing there is no error.
///
/// # Errors
/// When something of it cannot be removed.
pub fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Ok(()) => Ok(()),
        Err(_) if dir.symlink_metadata().is_err() => Ok(()),
        Err(_) => {
            open_up(dir, 0);
            fs::remove_dir_all(dir)
        }
    }
}

fn open_up(dir: &Path, depth: usize) {
    if depth > limits::CHECKPOINT_DEPTH_MAX || !dir.symlink_metadata().is_ok_and(|about| about.is_dir()) {
        return;
    }
    let _ = fs::set_permissions(dir, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        open_up(&entry.path(), depth + 1);
    }
}

/// A moment as the kernel tells change times, later than every change until now: they advance in ticks.
fn moment(dir: &Path) -> io::Result<i128> {
    let stamp = |name: &str| -> io::Result<i128> {
        let path = dir.join(name);
        fs::write(&path, "")?;
        let about = path.metadata()?;
        fs::remove_file(&path)?;
        Ok(i128::from(about.ctime()) * 1_000_000_000 + i128::from(about.ctime_nsec()))
    };
    let first = stamp("first")?;
    for _ in 0..limits::LAYER_TICKS_MS_MAX {
        let next = stamp("next")?;
        if next > first {
            return Ok(next);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(io::Error::other("the clock of the file system stands still"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `rightseat delete` failed for everybody but root: the kernel leaves a directory without any bits.
    #[test]
    fn closed_directories_are_removed_too() {
        let dir = tempfile::tempdir().unwrap();
        let layer = dir.path().join("layer");
        fs::create_dir_all(layer.join("work/work/in")).unwrap();
        fs::set_permissions(layer.join("work/work"), fs::Permissions::from_mode(0o000)).unwrap();
        remove(&layer).unwrap();
        assert!(!layer.exists());
        remove(&layer).unwrap();
    }
}
