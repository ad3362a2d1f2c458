//! Making one path of a layer what the workspace has there now. The agent works in the layer at the same time, so no
//! link is followed and every step is taken from an open directory.

use crate::workspace::content;
use crate::workspace::limits;
use crate::workspace::root::{PathRefusal, Root};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Timestamps};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

const DIR: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// See the module. A pipe, a socket or a device is left out.
pub fn mirror(source: &Root, view: &Root, path: &Path) -> io::Result<()> {
    let (parent, Some(name)) = (path.parent().unwrap_or(Path::new("")), path.file_name()) else { return Ok(()) };
    let Some((from, stat)) = found(source, parent, name)? else { return remove(source, view, path) };
    let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => rustix::fs::fchmod(directory(view, path)?, mode)?,
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(&from, name, Vec::new())?;
            let to = directory(view, parent)?;
            clear(&to, name, 0)?;
            rustix::fs::symlinkat(target, &to, name)?;
        }
        FileType::RegularFile => {
            let (mut file, _) = content::open(&from, name)?;
            let to = directory(view, parent)?;
            clear(&to, name, 0)?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut target = File::from(rustix::fs::openat(&to, name, flags, Mode::from_raw_mode(0o600))?);
            io::copy(&mut file, &mut target)?;
            rustix::fs::fchmod(&target, mode)?;
            // Build tools compare times.
            let about = rustix::fs::fstat(&file)?;
            let time =
                |sec, nsec: u64| rustix::fs::Timespec { tv_sec: sec, tv_nsec: nsec.try_into().unwrap_or_default() };
            let modified = time(about.st_mtime, about.st_mtime_nsec);
            let _ = rustix::fs::futimens(&target, &Timestamps { last_access: modified, last_modification: modified });
        }
        FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => {}
    }
    Ok(())
}

/// The node of the workspace with its directory; `None` where there is none.
fn found(source: &Root, parent: &Path, name: &OsStr) -> io::Result<Option<(OwnedFd, rustix::fs::Stat)>> {
    let dir = match source.open_plain_dir(parent) {
        Ok(dir) => dir,
        Err(refusal) => return if is_absent(&refusal) { Ok(None) } else { Err(io::Error::other(refusal.to_string())) },
    };
    match rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some((dir, stat))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn is_absent(refusal: &PathRefusal) -> bool {
    let PathRefusal::Io { error, .. } = refusal else { return false };
    let is_link = error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
    is_link || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Removes a path of the layer, and the directories above it that the workspace does not have and that are empty. What is
/// in a directory stays: it has a path of its own.
fn remove(source: &Root, view: &Root, path: &Path) -> io::Result<()> {
    for (depth, path) in path.ancestors().enumerate() {
        let Some(name) = path.file_name() else { break };
        let Ok(dir) = view.open_plain_dir(path.parent().unwrap_or(Path::new(""))) else { continue };
        if depth == 0 {
            match rustix::fs::unlinkat(&dir, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::ISDIR | Errno::PERM) => drop(rustix::fs::unlinkat(&dir, name, AtFlags::REMOVEDIR)),
                Err(errno) => return Err(errno.into()),
            }
        } else if source.open_plain_dir(path).is_ok() || rustix::fs::unlinkat(&dir, name, AtFlags::REMOVEDIR).is_err() {
            break;
        }
    }
    Ok(())
}

/// Opens a directory of the layer, made with those above it. What is in the way is removed.
fn directory(view: &Root, path: &Path) -> io::Result<OwnedFd> {
    let mut at = view.open_plain_dir(Path::new("")).map_err(|refusal| io::Error::other(refusal.to_string()))?;
    for name in path.iter() {
        let opened = match rustix::fs::openat(&at, name, DIR, Mode::empty()) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {
                clear(&at, name, 0)?;
                match rustix::fs::mkdirat(&at, name, Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(errno.into()),
                }
                rustix::fs::openat(&at, name, DIR, Mode::empty())
            }
            opened => opened,
        };
        at = opened?;
    }
    Ok(at)
}

/// Removes what has this name, with everything in it.
fn clear(dir: &OwnedFd, name: &OsStr, depth: usize) -> io::Result<()> {
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) if depth < limits::CHECKPOINT_DEPTH_MAX => {}
        Err(errno) => return Err(errno.into()),
    }
    let inner = rustix::fs::openat(dir, name, DIR, Mode::empty())?;
    for entry in Dir::read_from(&inner)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            clear(&inner, name, depth + 1)?;
        }
    }
    rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR).map_err(Into::into)
}
