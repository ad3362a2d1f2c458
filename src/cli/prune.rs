//! Garbage collection of the state directory: checkpoints of sessions that ended long ago, private copies that nothing
//! uses, and what processes left behind that were killed. Never the record of a session, with the contents that it
//! refers to: that is `rightseat delete`, one session at a time.
//!
//! What an open session needs stays: a session that runs, or that has not ended and can be continued, is not touched.

use super::args::Shared;
use super::compose::SystemClock;
use super::home::size;
use super::list::Sessions;
use super::place::{Places, SessionPlace};
use super::{DONE, Done, neighbors, print, settings, socket};
use crate::base::UnixMs;
use crate::cli::limits::{GC_LEFT_OVER_AGE_MS, GC_ROWS_MAX};
use crate::config::Keeping;
use crate::journal::{is_held, while_unheld};
use crate::port::Clock as _;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What the name of something ends with that is being removed.
const GONE: &str = ".gone";

const MS_A_DAY: u64 = 24 * 60 * 60 * 1_000;

/// Something that can be removed.
#[derive(Clone, Debug)]
pub struct Waste {
    path: PathBuf,
    /// In words.
    what: String,
    pub bytes: u64,
    /// The session that must not run when it is removed.
    of: Option<SessionPlace>,
}

/// What a collection found.
#[derive(Debug, Default)]
pub struct Found {
    pub waste: Vec<Waste>,
    /// Of the whole state directory.
    pub bytes: u64,
    /// Bytes beyond the limit that stay all the same: records, and what open sessions need.
    pub over: u64,
}

impl Found {
    pub fn waste_bytes(&self) -> u64 {
        self.waste.iter().map(|waste| waste.bytes).sum()
    }
}

/// `rightseat prune`: without `yes`, only what it would remove.
pub fn prune(shared: &Shared, days: Option<u64>, yes: bool) -> Done {
    let mut keeping = settings::keeping(shared)?;
    let mut sessions = Sessions::open(shared)?;
    if let Some(days) = days {
        keeping.keep_days = days;
    }
    let found = look(&mut sessions, keeping, days.is_some(), SystemClock.now());
    for waste in found.waste.iter().take(GC_ROWS_MAX) {
        print(&format!("{:>9}  {}", size(waste.bytes), waste.what))?;
    }
    if let Some(more) = found.waste.len().checked_sub(GC_ROWS_MAX).filter(|more| *more > 0) {
        print(&format!("and {more} more"))?;
    }
    if found.over > 0 {
        let over = size(found.over);
        print(&format!(
            "{over} above state.mib_max stay: records, and what open sessions need; `rightseat delete` removes a session"
        ))?;
    }
    if found.waste.is_empty() {
        return print(&format!("nothing to remove of {}", size(found.bytes))).map(|()| DONE);
    }
    let (freed, total) = (size(found.waste_bytes()), size(found.bytes));
    if !yes {
        print(&format!("{freed} of {total} would be free. Nothing was removed; `rightseat prune --yes` does it"))?;
        return Ok(DONE);
    }
    let freed = size(remove(found.waste));
    print(&format!("removed: {freed} of {total} are free")).map(|()| DONE)
}

/// At the end of a host, if there are limits: what it may remove of other sessions, and of its own.
pub fn at_end(place: &SessionPlace, keeping: Keeping) {
    if !keeping.is_limited() {
        return;
    }
    let places = Places { state: place.state().to_owned() };
    let found = look(&mut Sessions::of(places), keeping, false, SystemClock.now());
    let count = found.waste.len();
    let bytes = remove(found.waste);
    if count > 0 {
        tracing::info!(count, bytes, "removed what no open session needs");
    }
}

/// Looks for what can be removed. Checkpoints are, `keep_days` after the end of their session (with 0 never, unless that was
/// asked for), and those of the session that ended first while the whole is above the limit.
pub fn look(sessions: &mut Sessions, keeping: Keeping, is_asked: bool, now: UnixMs) -> Found {
    let all: BTreeMap<_, _> = sessions.look().into_iter().map(|one| (one.session.clone(), one)).collect();
    let places = sessions.places().clone();
    let mut found = Found { bytes: bytes(&places.state), ..Found::default() };
    let mut ended = Vec::new();
    for place in places.all() {
        // One that cannot be read may be open.
        let Some(one) = all.get(&place.id) else { continue };
        if one.ended.is_none() || one.running || is_used(&place) {
            continue;
        }
        // Layers may hold what is promoted when a host continues the session: it removes them.
        let copies = format!("private copies of {}, which has ended", place.id);
        found.add(&place.store().join("candidates"), copies, Some(&place));
        for name in ["candidates", "objects"] {
            found.add(
                &place.store().join(format!("{name}{GONE}")),
                format!("what was being removed of {}", place.id),
                Some(&place),
            );
        }
        found.add(&place.dir.join("host.log.1"), format!("the older log of {}", place.id), Some(&place));
        ended.push((one.at, place));
    }
    left_over(&places, now, &mut found);
    ended.sort_by_key(|(at, _)| *at);
    let max = keeping.mib_max.saturating_mul(1024 * 1024);
    for (at, place) in ended {
        let days = now.since(at) / MS_A_DAY;
        let is_old = (keeping.keep_days > 0 || is_asked) && days >= keeping.keep_days;
        let is_over = max > 0 && found.bytes.saturating_sub(found.waste_bytes()) > max;
        if is_old || is_over {
            let what = format!("checkpoints of {}, which ended {days} days ago: undo will not work in it", place.id);
            found.add(&place.store().join("objects"), what, Some(&place));
        }
    }
    let stays = found.bytes.saturating_sub(found.waste_bytes());
    found.over = if max > 0 { stays.saturating_sub(max) } else { 0 };
    found
}

impl Found {
    fn add(&mut self, path: &Path, what: String, of: Option<&SessionPlace>) {
        let bytes = bytes(path);
        if bytes > 0 || path.exists() {
            self.waste.push(Waste { path: path.to_owned(), what, bytes, of: of.cloned() });
        }
    }
}

/// What killed processes left. What is young may belong to one that is just starting.
fn left_over(places: &Places, now: UnixMs, found: &mut Found) {
    let is_old = |path: &Path| {
        let changed = std::fs::symlink_metadata(path).map_or(i64::MAX, |meta| meta.mtime());
        u64::try_from(changed).is_ok_and(|s| now.0.saturating_sub(s.saturating_mul(1_000)) > GC_LEFT_OVER_AGE_MS)
    };
    let entries = |dir: &Path| {
        let all = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
        all.filter(|path| is_old(path)).collect::<Vec<_>>()
    };
    for dir in entries(&places.sessions()) {
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let place = SessionPlace { id: name.as_str().into(), dir: dir.clone() };
        // A session is its journal.
        if dir.is_dir() && !place.journal().exists() && !is_used(&place) {
            found.add(&dir, format!("a session that never began: {name}"), Some(&place));
        }
    }
    for path in entries(&places.state.join(neighbors::DIR)) {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !places.sessions().join(&stem).exists() {
            found.add(&path, format!("a note of {stem}, which is deleted"), None);
        }
    }
    // A session whose options cannot be read may use any of them.
    let used: Result<Vec<PathBuf>, _> =
        places.all().iter().map(|place| place.options().map(|options| options.workspace)).collect();
    let Ok(used) = used else { return };
    for path in entries(&places.state.join("playgrounds")) {
        // Workspaces are kept by their real paths.
        let Ok(real) = path.canonicalize() else { continue };
        if !used.iter().any(|workspace| workspace.starts_with(&real)) {
            found.add(&path, "a playground of a demo that is deleted".to_owned(), None);
        }
    }
}

/// A host holds it, or is about to.
fn is_used(place: &SessionPlace) -> bool {
    is_held(&place.journal()) || socket::is_up(&place.socket())
}

/// Removes what no host uses now; bytes that this freed. It gets another name first, in a moment in which no host can
/// start: one that starts afterwards finds nothing half removed.
pub fn remove(waste: Vec<Waste>) -> u64 {
    let mut freed = 0;
    for Waste { path, bytes, of, .. } in waste {
        let mut gone = path.clone().into_os_string();
        gone.push(GONE);
        let gone = PathBuf::from(gone);
        let rename = || erase(&gone).and_then(|()| std::fs::rename(&path, &gone));
        let renamed = match &of {
            Some(place) => while_unheld(&place.journal(), rename),
            None => Some(rename()),
        };
        match renamed.map(|renamed| renamed.and_then(|()| erase(&gone))) {
            Some(Ok(())) => freed += bytes,
            Some(Err(error)) => super::complain(&format!("{}: {error}", path.display())),
            // A host has started meanwhile.
            None => {}
        }
    }
    freed
}

/// Removes a file, or a directory with everything in it, if it is there.
fn erase(path: &Path) -> std::io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => crate::workspace::layer::remove(path),
        Ok(_) => std::fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

/// Bytes on the disk of a file, or of a directory and everything below it; links are not followed, and what cannot be read
/// counts nothing.
pub fn bytes(path: &Path) -> u64 {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return 0 };
    if !meta.is_dir() {
        return meta.blocks() * 512;
    }
    let (mut open, mut bytes) = (vec![path.to_owned()], 0);
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => open.push(entry.path()),
                Ok(meta) => bytes += meta.blocks() * 512,
                Err(_) => {}
            }
        }
    }
    bytes
}
