//! Mounts by descriptor: an overlay, a copy of a tree, a read-only rest.

use rustix::fd::{AsFd, AsRawFd as _, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount, mount_remount, move_mount, open_tree,
};
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

pub(super) fn directory(path: &Path) -> Result<OwnedFd, String> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| format!("{}: {errno}", path.display()))
}

/// An overlay that is mounted nowhere yet. The directories are named by descriptor: no path has to be quoted, and none
/// shows in the list of mounts.
pub(super) fn overlay(
    lower: &OwnedFd,
    (upper, work): (&OwnedFd, &OwnedFd),
    lasting: bool,
) -> rustix::io::Result<OwnedFd> {
    let name = |fd: &OwnedFd| format!("/proc/self/fd/{}", fd.as_raw_fd());
    let fs = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(fs.as_fd(), "lowerdir", name(lower))?;
    fsconfig_set_string(fs.as_fd(), "upperdir", name(upper))?;
    fsconfig_set_string(fs.as_fd(), "workdir", name(work))?;
    fsconfig_set_flag(fs.as_fd(), "userxattr")?;
    // Without it (before Linux 5.10) the end of every command waits until the whole disk is written. A promotion writes
    // to the disk what it carries over. With it a file that a program has synced can be torn after a crash.
    if !lasting {
        let _ = fsconfig_set_flag(fs.as_fd(), "volatile");
    }
    fsconfig_create(fs.as_fd())?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    fsmount(fs.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// A copy of the mount of this file or directory, mounted nowhere yet.
pub(super) fn copy(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    open_tree(CWD, path, flags | OpenTreeFlags::AT_SYMLINK_NOFOLLOW)
}

pub(super) fn attach(what: &OwnedFd, at: &Path) -> rustix::io::Result<()> {
    move_mount(what.as_fd(), "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

/// A file system in memory. Its options are those of tmpfs(5).
pub(super) fn memory(at: &Path, options: &std::ffi::CStr, more: MountFlags) -> rustix::io::Result<()> {
    mount("tmpfs", at, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV | more, options)
}

/// The mount points of this process, each with its options.
pub(super) fn points() -> Result<Vec<(PathBuf, String)>, String> {
    let table = fs::read("/proc/self/mountinfo").map_err(|error| format!("the list of mounts: {error}"))?;
    let point = |line: &[u8]| {
        let mut words = line.split(|byte| *byte == b' ');
        Some((unquoted(words.nth(4)?), String::from_utf8_lossy(words.next()?).into_owned()))
    };
    Ok(table.split(|byte| *byte == b'\n').filter_map(point).collect())
}

/// Makes every mount read-only. One that cannot be reached cannot be written either.
pub(super) fn everything_read_only() -> Result<(), String> {
    for (at, options) in points()? {
        // What is locked in a mount must be named again.
        let flags = options.split(',').fold(MountFlags::BIND | MountFlags::RDONLY, with);
        match mount_remount(&at, flags, "") {
            Ok(()) | Err(Errno::ACCESS | Errno::NOENT | Errno::NOTDIR) => {}
            // Something else is mounted over it.
            Err(Errno::INVAL) => {}
            Err(errno) => return Err(format!("{} cannot be made read-only: {errno}", at.display())),
        }
    }
    Ok(())
}

fn with(flags: MountFlags, word: &str) -> MountFlags {
    flags
        | match word {
            "nosuid" => MountFlags::NOSUID,
            "nodev" => MountFlags::NODEV,
            "noexec" => MountFlags::NOEXEC,
            "noatime" => MountFlags::NOATIME,
            "nodiratime" => MountFlags::NODIRATIME,
            "relatime" => MountFlags::RELATIME,
            "nosymfollow" => MountFlags::NOSYMFOLLOW,
            _ => MountFlags::empty(),
        }
}

/// A path of the list of mounts: spaces, tabs, line ends and backslashes are octal there.
fn unquoted(text: &[u8]) -> PathBuf {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.filter(|_| *first == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok());
        out.push(code.unwrap_or(*first));
        rest = if code.is_some() { after.get(3..).unwrap_or_default() } else { after };
    }
    PathBuf::from(std::ffi::OsString::from_vec(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_list_of_mounts_are_read() {
        for (text, path) in [("/a", "/a"), (r"/a\040b\134", r"/a b\"), (r"/\9x", r"/\9x"), (r"/\01", r"/\01")] {
            assert_eq!(unquoted(text.as_bytes()), Path::new(path));
        }
    }
}
