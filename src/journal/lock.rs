//! One host per session: an advisory lock that the kernel drops when its holder dies.
//!
//! The file names the holder for the error message; the lock itself is the kernel's, so the lock of a dead process is
//! never stale. The fencing number lives in the database and is checked inside every append: a host that lost its
//! lock all the same (deleted file, odd network file system) cannot write behind its successor's back.

use super::{Error, Result, head};
use crate::journal::limits::{JOURNAL_LOCK_RETRY_MS, JOURNAL_LOCK_WAIT_MS_MAX};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Held as long as the value lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub fn take(journal: &Path) -> Result<Self> {
        let path = head::beside(journal, ".lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io("opening", &path))?;
        match patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The holder may be writing its number this moment; 0 says "unknown".
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0);
                return Err(Error::Locked { path: journal.to_owned(), pid });
            }
            Err(TryLockError::Error(e)) => return Err(Error::io("locking", &path)(e)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(Error::io("writing", &path))?;
        Ok(Self { _file: file })
    }
}

/// Returns whether some host holds the session of this journal.
pub fn is_held(journal: &Path) -> bool {
    File::open(head::beside(journal, ".lock")).is_ok_and(|file| file.try_lock_shared().is_err())
}

/// Does something while no host can take the session of this journal over; `None`, and nothing is done, when one holds it.
pub fn while_unheld<T>(journal: &Path, act: impl FnOnce() -> T) -> Option<T> {
    let _lock = Lock::take(journal).ok()?;
    Some(act())
}

/// A process that was being forked when the last holder let go keeps the lock until it has become another program, which
/// takes a moment: who is refused within that moment would be refused for nothing.
fn patiently(file: &File) -> std::result::Result<(), TryLockError> {
    let end = Instant::now() + Duration::from_millis(JOURNAL_LOCK_WAIT_MS_MAX);
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(JOURNAL_LOCK_RETRY_MS));
            }
            done => return done,
        }
    }
}
