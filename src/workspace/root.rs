//! The workspace root and the kernel's own resolution of every path below it.
//!
//! A path is never judged by its text: the parent directory is opened by the kernel with
//! `openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)` and kept open, so what was checked is what is
//! used. Kernels without `openat2` (before 5.6, or a seccomp filter) get a walk that opens one
//! component at a time with `O_NOFOLLOW` and reads symbolic links itself.

use crate::base::RelPath;
use crate::policy::guarded::guarded;
use crate::workspace::limits::{self, PATH_ANCESTORS_MAX};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

/// The reason that a path is refused before anything is opened for reading or writing.
#[derive(Debug, thiserror::Error)]
pub enum PathRefusal {
    #[error("{0:?} is not a plain path relative to the workspace")]
    NotRelative(PathBuf),
    #[error("{path:?} leads out of the workspace, to {target:?}")]
    Outside { path: PathBuf, target: PathBuf },
    #[error("{path:?} is a {kind}; only regular files are edited")]
    Special { path: PathBuf, kind: &'static str },
    #[error("{path:?} is a symbolic link to {target:?}; use the target's path instead")]
    Symlink { path: PathBuf, target: PathBuf },
    #[error("{path:?} is a link to {target:?}, which is guarded; use that path instead")]
    Guarded { path: PathBuf, target: PathBuf },
    #[error("{path:?} cannot be resolved: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// An open workspace: a directory that stays the same one even if its name is moved.
#[derive(Debug)]
pub struct Root {
    dir: OwnedFd,
    path: PathBuf,
    openat2: bool,
}

/// One file position: its parent directory, open, and the last component of its name.
#[derive(Debug)]
pub struct EntryAt {
    /// The parent, opened by the kernel beneath the root.
    pub parent: OwnedFd,
    /// The last component.
    pub name: OsString,
    /// The path as it was asked for, relative to the root.
    pub path: PathBuf,
}

/// The state of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Absent,
    Regular(Identity),
}

/// The values that distinguish one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    pub device: u64,
    pub inode: u64,
    pub size: u64,
    /// Modification time in nanoseconds since 1970.
    pub mtime_ns: i128,
    /// Change time of the inode in nanoseconds since 1970: also moved by renames and `chmod`.
    pub ctime_ns: i128,
    /// Permission bits, `0o7777`.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

impl Identity {
    /// From a raw `stat`. The casts widen, except where the kernel's own types are already narrow.
    pub fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec),
            ctime_ns: i128::from(stat.st_ctime) * 1_000_000_000 + i128::from(stat.st_ctime_nsec),
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
        }
    }

    /// Same file with the same content, as far as the inode tells.
    pub fn same_content(&self, other: &Self) -> bool {
        (self.device, self.inode, self.size, self.mtime_ns) == (other.device, other.inode, other.size, other.mtime_ns)
    }
}

/// A word for a kind of file that is not a regular one.
pub fn kind_name(kind: FileType) -> &'static str {
    if kind == FileType::Directory {
        "directory"
    } else if kind == FileType::Fifo {
        "named pipe"
    } else if kind == FileType::Socket {
        "socket"
    } else if kind == FileType::CharacterDevice || kind == FileType::BlockDevice {
        "device"
    } else if kind == FileType::Symlink {
        "symbolic link"
    } else {
        "file of an unknown kind"
    }
}

fn plain(path: &Path) -> Result<Vec<&OsStr>, PathRefusal> {
    let refused = || PathRefusal::NotRelative(path.to_owned());
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::ParentDir | Component::Prefix(_) => return Err(refused()),
        }
    }
    if parts.is_empty() {
        return Err(refused());
    }
    Ok(parts)
}

const DIR: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC).union(OFlags::RDONLY);

impl Root {
    /// True while the path that the session was opened with still leads to this directory.
    pub fn is_in_place(&self) -> bool {
        let same = |a: rustix::fs::Stat, b: rustix::fs::Stat| (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino);
        match (rustix::fs::fstat(&self.dir), rustix::fs::stat(&self.path)) {
            (Ok(opened), Ok(found)) => same(opened, found),
            _ => false,
        }
    }

    /// The path inside that an absolute path means. Where its words do not say so, the first of its directories that
    /// the kernel resolves into the workspace does (a link to the workspace, or to a directory in it).
    pub fn locate(&self, path: &Path) -> Option<RelPath> {
        if let Ok(inside) = path.strip_prefix(self.path()) {
            return RelPath::from_path(inside).ok();
        }
        let mut ancestors: Vec<&Path> = path.ancestors().take(PATH_ANCESTORS_MAX).collect();
        ancestors.reverse();
        ancestors.into_iter().find_map(|above| {
            let real = above.canonicalize().ok()?;
            let inside = real.strip_prefix(self.path()).ok()?;
            RelPath::from_path(&inside.join(path.strip_prefix(above).ok()?)).ok()
        })
    }

    /// Opens the workspace at `path`.
    ///
    /// # Errors
    /// When it is not a directory or cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let dir = rustix::fs::open(&path, DIR, Mode::empty())?;
        Ok(Self::of_directory(dir, path))
    }

    /// A directory that is open already, and that is shown as this path: it need not be reached by it.
    pub fn of_directory(dir: OwnedFd, path: PathBuf) -> Self {
        let probe = rustix::fs::openat2(&dir, ".", DIR, Mode::empty(), ResolveFlags::BENEATH);
        let openat2 = !matches!(probe, Err(Errno::NOSYS | Errno::PERM | Errno::INVAL));
        Self { dir, path, openat2 }
    }

    /// The canonical path at the time of opening.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A second handle on the same directory, for another thread.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn reopen(&self) -> io::Result<Self> {
        Ok(Self { dir: self.dir.try_clone()?, path: self.path.clone(), openat2: self.openat2 })
    }

    #[cfg(test)]
    pub(crate) fn without_openat2(mut self) -> Self {
        self.openat2 = false;
        self
    }

    /// The place of `path`, following symbolic links in its parents as long as they stay beneath.
    ///
    /// # Errors
    /// Anything that would leave the workspace, with the real target named.
    pub fn place(&self, path: &Path) -> Result<EntryAt, PathRefusal> {
        let mut parts = plain(path)?;
        let name = parts.pop().map(OsStr::to_owned).unwrap_or_default();
        let parent: PathBuf = parts.iter().collect();
        Ok(EntryAt { parent: self.open_dir(&parent, path)?, name, path: path.to_owned() })
    }

    /// As [`Root::place`], and makes missing parent directories; those made are listed outermost
    /// first, so that a failed edit can take them back.
    ///
    /// # Errors
    /// As [`Root::place`], or when a directory cannot be made.
    pub fn place_making_parents(&self, path: &Path) -> Result<(EntryAt, Vec<PathBuf>), PathRefusal> {
        let mut made = Vec::new();
        let parts = plain(path)?;
        let mut walked = PathBuf::new();
        let depth = parts.len().saturating_sub(1);
        for part in parts.iter().take(depth) {
            let holder = self.open_dir(&walked, path)?;
            walked.push(part);
            match rustix::fs::mkdirat(&holder, *part, Mode::from_raw_mode(0o777)) {
                Ok(()) => made.push(walked.clone()),
                Err(Errno::EXIST) => {}
                Err(errno) => {
                    self.remove_dirs(&made);
                    return Err(PathRefusal::Io { path: path.to_owned(), error: errno.into() });
                }
            }
        }
        match self.place(path) {
            Ok(place) => Ok((place, made)),
            Err(refusal) => {
                self.remove_dirs(&made);
                Err(refusal)
            }
        }
    }

    /// Removes directories that an edit made, innermost first, as far as they are empty.
    pub fn remove_dirs(&self, made: &[PathBuf]) {
        for path in made.iter().rev() {
            if let Ok(place) = self.place(path) {
                // A directory that somebody else has filled meanwhile stays.
                let _ = rustix::fs::unlinkat(&place.parent, &place.name, AtFlags::REMOVEDIR);
            }
        }
    }

    /// Refuses a place that has become a guarded file by a link in its path. Rulings are made on paths; a directory
    /// that is exchanged for a link after the decision must not carry the consent elsewhere.
    ///
    /// # Errors
    /// When the place is guarded and the path that was asked for is not.
    pub fn check_unguarded(&self, place: &EntryAt, asked: &Path) -> Result<(), PathRefusal> {
        let real = |fd: &OwnedFd| std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
        let (Ok(parent), Ok(root)) = (real(&place.parent), real(&self.dir)) else { return Ok(()) };
        let Ok(inside) = parent.strip_prefix(&root) else { return Ok(()) };
        let target = inside.join(&place.name);
        let is_guarded = |path: &Path| guarded(&path.to_string_lossy()).is_some();
        if target != asked && is_guarded(&target) && !is_guarded(asked) {
            return Err(PathRefusal::Guarded { path: asked.to_owned(), target });
        }
        Ok(())
    }

    /// The real path of a directory beneath the root ("" and "." are the root itself).
    ///
    /// # Errors
    /// As [`Root::place`], or when it is not a directory.
    pub fn directory(&self, path: &Path) -> Result<PathBuf, PathRefusal> {
        let inside = path.strip_prefix(&self.path).unwrap_or(path);
        let plain: PathBuf = if inside.components().all(|part| part == Component::CurDir) {
            PathBuf::new()
        } else {
            plain(inside)?.iter().collect()
        };
        let fd = self.open_dir(&plain, path)?;
        std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))
            .map_err(|error| PathRefusal::Io { path: path.to_owned(), error })
    }

    /// Opens a directory beneath the root; `asked` is the path that errors name.
    fn open_dir(&self, dir: &Path, asked: &Path) -> Result<OwnedFd, PathRefusal> {
        let fail = |errno: Errno| PathRefusal::Io { path: asked.to_owned(), error: errno.into() };
        if dir.as_os_str().is_empty() {
            return rustix::fs::openat(&self.dir, ".", DIR, Mode::empty()).map_err(fail);
        }
        if !self.openat2 {
            return self.open_dir_stepwise(dir, asked);
        }
        let flags = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(&self.dir, dir, DIR, Mode::empty(), flags) {
            Ok(fd) => Ok(fd),
            Err(Errno::XDEV | Errno::LOOP) => {
                // An absolute link, or one that climbs: it may still end inside.
                let real = self
                    .path
                    .join(dir)
                    .canonicalize()
                    .map_err(|error| PathRefusal::Io { path: asked.to_owned(), error })?;
                let Ok(inside) = real.strip_prefix(&self.path) else {
                    return Err(PathRefusal::Outside { path: asked.to_owned(), target: real });
                };
                let strict = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
                let inside = if inside.as_os_str().is_empty() { Path::new(".") } else { inside };
                rustix::fs::openat2(&self.dir, inside, DIR, Mode::empty(), strict).map_err(fail)
            }
            Err(errno) => Err(fail(errno)),
        }
    }

    /// Opens a directory beneath the root by a path in which nothing is a link.
    ///
    /// # Errors
    /// When it does not exist, or a part of the path is a link (`ELOOP`) or not a directory.
    pub fn open_plain_dir(&self, dir: &Path) -> Result<OwnedFd, PathRefusal> {
        let fail = |errno: Errno| PathRefusal::Io { path: dir.to_owned(), error: errno.into() };
        let here = || rustix::fs::openat(&self.dir, ".", DIR, Mode::empty()).map_err(fail);
        if dir.as_os_str().is_empty() {
            return here();
        }
        if self.openat2 {
            let flags = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            return rustix::fs::openat2(&self.dir, dir, DIR, Mode::empty(), flags).map_err(fail);
        }
        let mut at = here()?;
        for part in plain(dir)? {
            at = rustix::fs::openat(&at, part, DIR | OFlags::NOFOLLOW, Mode::empty()).map_err(fail)?;
        }
        Ok(at)
    }

    /// `openat2(RESOLVE_BENEATH)` by hand: `O_NOFOLLOW` on each component, links read and queued.
    fn open_dir_stepwise(&self, dir: &Path, asked: &Path) -> Result<OwnedFd, PathRefusal> {
        let fail = |errno: Errno| PathRefusal::Io { path: asked.to_owned(), error: errno.into() };
        let outside = || PathRefusal::Outside {
            path: asked.to_owned(),
            target: self.path.join(dir).canonicalize().unwrap_or_else(|_| self.path.join(dir)),
        };
        let here = || rustix::fs::openat(&self.dir, ".", DIR, Mode::empty()).map_err(fail);
        let mut stack = vec![here()?];
        let mut todo: VecDeque<OsString> = dir.components().map(|part| part.as_os_str().to_owned()).collect();
        let mut links = 0;
        while let Some(part) = todo.pop_front() {
            if part == ".." {
                stack.pop();
            }
            let Some(top) = stack.last() else { return Err(outside()) };
            if part == ".." || part == "." {
                continue;
            }
            match rustix::fs::openat(top, &part, DIR | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(fd) => stack.push(fd),
                Err(Errno::LOOP | Errno::NOTDIR) => {
                    links += 1;
                    if links > limits::WORKSPACE_SYMLINKS_MAX {
                        return Err(fail(Errno::LOOP));
                    }
                    let target = rustix::fs::readlinkat(top, &part, Vec::new()).map_err(|_| fail(Errno::NOTDIR))?;
                    let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                    let relative = match target.strip_prefix(&self.path) {
                        Ok(inside) if target.is_absolute() => {
                            stack = vec![here()?];
                            inside.to_owned()
                        }
                        _ if target.is_absolute() => return Err(outside()),
                        _ => target,
                    };
                    for component in relative.components().rev() {
                        todo.push_front(component.as_os_str().to_owned());
                    }
                }
                Err(errno) => return Err(fail(errno)),
            }
        }
        stack.pop().ok_or_else(outside)
    }

    /// The place of a file for reading or replacing: if the last component is itself a symbolic
    /// link that ends inside, this is the place of the file it ends at.
    ///
    /// # Errors
    /// As [`Root::place`]; a link that leads outside or dangles is refused with its target.
    pub fn place_through(&self, path: &Path) -> Result<EntryAt, PathRefusal> {
        let place = self.place(path)?;
        match rustix::fs::readlinkat(&place.parent, &place.name, Vec::new()) {
            Err(_) => Ok(place),
            Ok(link) => {
                let link = PathBuf::from(OsString::from_vec(link.into_bytes()));
                let real = self
                    .path
                    .join(path)
                    .canonicalize()
                    .map_err(|_| PathRefusal::Symlink { path: path.to_owned(), target: link })?;
                match real.strip_prefix(&self.path) {
                    Ok(inside) if !inside.as_os_str().is_empty() => self.place(inside),
                    _ => Err(PathRefusal::Outside { path: path.to_owned(), target: real }),
                }
            }
        }
    }
}

impl EntryAt {
    /// Returns the state of this path. Nothing is opened: a named pipe would block, a device would act.
    ///
    /// # Errors
    /// A symbolic link or anything that is not a regular file.
    pub fn standing(&self) -> Result<Standing, PathRefusal> {
        match rustix::fs::statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(Standing::Absent),
            Err(errno) => Err(PathRefusal::Io { path: self.path.clone(), error: errno.into() }),
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => Ok(Standing::Regular(Identity::of(&stat))),
                FileType::Symlink => {
                    let target = rustix::fs::readlinkat(&self.parent, &self.name, Vec::new())
                        .map(|link| link.into_bytes())
                        .unwrap_or_default();
                    Err(PathRefusal::Symlink { path: self.path.clone(), target: OsString::from_vec(target).into() })
                }
                kind @ (FileType::Directory
                | FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Unknown) => Err(PathRefusal::Special { path: self.path.clone(), kind: kind_name(kind) }),
            },
        }
    }

    /// Returns whether it is a directory and not a link to one.
    pub fn is_directory(&self) -> bool {
        let stat = rustix::fs::statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    }

    /// The permission bits of what is here.
    pub fn mode(&self) -> Option<u32> {
        rustix::fs::statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW).ok().map(|stat| stat.st_mode & 0o7777)
    }

    /// The target and identity of the symbolic link that is here; `None` when something else or nothing is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn link(&self) -> Result<Option<(Vec<u8>, Identity)>, PathRefusal> {
        let failed = |errno: Errno| PathRefusal::Io { path: self.path.clone(), error: errno.into() };
        match rustix::fs::statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(failed(errno)),
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => {
                let target = rustix::fs::readlinkat(&self.parent, &self.name, Vec::new()).map_err(failed)?;
                Ok(Some((target.into_bytes(), Identity::of(&stat))))
            }
            Ok(_) => Ok(None),
        }
    }

    /// Opens the regular file at this path, never following a link, never blocking.
    ///
    /// # Errors
    /// As [`EntryAt::standing`], or when it cannot be read.
    pub fn open(&self) -> Result<Option<(File, Identity)>, PathRefusal> {
        if self.standing()? == Standing::Absent {
            return Ok(None);
        }
        let io_error = |errno: Errno| PathRefusal::Io { path: self.path.clone(), error: errno.into() };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let fd = match rustix::fs::openat(&self.parent, &self.name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(io_error(errno)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(io_error)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind != FileType::RegularFile {
            return Err(PathRefusal::Special { path: self.path.clone(), kind: kind_name(kind) });
        }
        Ok(Some((File::from(fd), Identity::of(&stat))))
    }
}
