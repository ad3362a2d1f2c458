//! Temporary names beside the files they will replace, and their removal after a crash.

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const PREFIX: &str = ".rightseat-";
const SUFFIX: &str = ".tmp";

static NEXT: AtomicU64 = AtomicU64::new(0);

/// The names that this process uses now. A name alone proves nothing: anyone can choose one that looks like ours.
static IN_USE: Mutex<BTreeSet<OsString>> = Mutex::new(BTreeSet::new());

fn in_use() -> MutexGuard<'static, BTreeSet<OsString>> {
    IN_USE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns whether a file name is one that this process uses now: watcher, checkpoints and candidates skip it.
pub fn is_temp_name(name: &OsStr) -> bool {
    owner(name) == Some(std::process::id()) && in_use().contains(name)
}

/// A temporary name, in use until it is dropped.
#[derive(Debug)]
pub struct TempName(OsString);

impl TempName {
    /// One that is free; nothing is made.
    pub fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name: OsString = format!("{PREFIX}{}-{number}{SUFFIX}", std::process::id()).into();
        in_use().insert(name.clone());
        Self(name)
    }

    pub fn as_os_str(&self) -> &OsStr {
        &self.0
    }
}

impl Drop for TempName {
    fn drop(&mut self) {
        in_use().remove(&self.0);
    }
}

/// The process that made a temporary name.
fn owner(name: &OsStr) -> Option<u32> {
    let (pid, rest) = name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.split_once('-')?;
    rest.parse::<u64>().ok()?;
    pid.parse().ok()
}

/// Makes a new file in `parent`.
pub fn create(parent: &OwnedFd, mode: Mode) -> io::Result<(File, TempName)> {
    loop {
        let name = TempName::new();
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(parent, name.as_os_str(), flags, mode) {
            Ok(fd) => return Ok((File::from(fd), name)),
            // A crashed process with our number left it; the counter moves on.
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Makes a new symbolic link in `parent`.
pub fn link(parent: &OwnedFd, target: &[u8]) -> io::Result<TempName> {
    loop {
        let name = TempName::new();
        match rustix::fs::symlinkat(target, parent, name.as_os_str()) {
            Ok(()) => return Ok(name),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Removes temporary files whose process is gone. Call once when a session opens, with the
/// directories of the walk; returns how many were removed.
pub fn sweep(dirs: impl Iterator<Item = impl AsRef<Path>>) -> usize {
    let mut removed = 0;
    for dir in dirs {
        let Ok(entries) = std::fs::read_dir(dir) else { continue };
        for entry in entries.flatten() {
            let Some(pid) = owner(&entry.file_name()) else { continue };
            let alive = Path::new("/proc").join(pid.to_string()).exists();
            if !alive && rustix::fs::unlinkat(rustix::fs::CWD, entry.path(), AtFlags::empty()).is_ok() {
                removed += 1;
            }
        }
    }
    removed
}
