//! Temporary names beside the files they will replace, and their removal after a crash.

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

const PREFIX: &str = ".rightseat-";
const SUFFIX: &str = ".tmp";

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Whether a file name is one of ours: the watcher, checkpoints and candidates pass over them.
pub fn is_temp_name(name: &OsStr) -> bool {
    owner(name).is_some()
}

/// The process that made a temporary name.
fn owner(name: &OsStr) -> Option<u32> {
    let (pid, rest) = name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.split_once('-')?;
    rest.parse::<u64>().ok()?;
    pid.parse().ok()
}

/// A free temporary name; nothing is made.
pub fn name() -> OsString {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{}-{number}{SUFFIX}", std::process::id()).into()
}

/// Makes a new file in `parent`.
pub fn create(parent: &OwnedFd, mode: Mode) -> io::Result<(File, OsString)> {
    loop {
        let name = name();
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(parent, &name, flags, mode) {
            Ok(fd) => return Ok((File::from(fd), name)),
            // A crashed process with our number left it; the counter moves on.
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
