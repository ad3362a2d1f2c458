//! The unix socket of a session: only the same user gets in, and the path may be as long as it likes.

use super::notify;
use crate::cli::limits::HOST_ANSWER_MS_MAX;
use crate::workspace::census;
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// A socket address holds about a hundred bytes. Beyond that the directory is opened and named by its descriptor, which
/// must stay open as long as the path is used.
fn short(path: &Path) -> std::io::Result<(PathBuf, Option<std::fs::File>)> {
    const SUN_PATH_BYTES_MAX: usize = 100;
    if path.as_os_str().len() < SUN_PATH_BYTES_MAX {
        return Ok((path.to_owned(), None));
    }
    let dir = std::fs::File::open(path.parent().unwrap_or(Path::new(".")))?;
    let name = path.file_name().unwrap_or_default();
    let short = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(name);
    Ok((short, Some(dir)))
}

/// Listens; a socket that a dead host left is replaced (the journal's lock has made sure that it is dead).
pub fn listen(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        Ok(()) | Err(_) => {}
    }
    let (short, _dir) = short(path)?;
    let listener = UnixListener::bind(short)?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(listener)
}

/// The inode of the socket's file, if there is one.
pub fn inode(path: &Path) -> Option<u64> {
    std::fs::symlink_metadata(path).ok().map(|meta| std::os::unix::fs::MetadataExt::ino(&meta))
}

pub async fn connect(path: &Path) -> std::io::Result<UnixStream> {
    let (short, _dir) = short(path)?;
    UnixStream::connect(short).await
}

/// Returns whether a living host accepts connections on the socket.
///
/// A connection alone is no proof: a command that a killed host was just starting holds the listening socket until it
/// has replaced itself, and connections wait there for nobody. They are reset when it does; a host closes this one in
/// order. A host too busy to do so in time counts as living.
pub fn is_up(path: &Path) -> bool {
    let answer = || -> std::io::Result<usize> {
        let (short, _dir) = short(path)?;
        let mut stream = std::os::unix::net::UnixStream::connect(short)?;
        stream.set_read_timeout(Some(std::time::Duration::from_millis(HOST_ANSWER_MS_MAX)))?;
        stream.shutdown(std::net::Shutdown::Write)?;
        stream.read(&mut [0; 1])
    };
    answer()
        .map_or_else(|e| matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), |_| true)
}

/// Returns whether the other end belongs to the same user. Root may enter anything anyway.
pub fn is_own(stream: &UnixStream) -> bool {
    let me = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|cred| cred.uid() == me)
}

/// Returns whether the other end is a process of the session itself, other than the user's notification command: what the
/// agent starts has no voice in its own supervision. `None` where that is not known, as with one that has ended. A
/// process that got another program of the user to connect for it is not recognized.
pub fn is_from_session(stream: &UnixStream) -> Option<bool> {
    // Other systems name no process, or have no table of them.
    if !cfg!(target_os = "linux") {
        return Some(false);
    }
    let pid = stream.peer_cred().ok().and_then(|peer| peer.pid())?;
    census::comes_from_here(pid, notify::running())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};

    #[test]
    fn a_socket_that_only_a_dying_child_holds_is_not_up() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        let held_by_a_child = listener.try_clone().expect("a copy");
        drop(listener);
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| is_up(&path));
            poll(&mut [PollFd::new(&held_by_a_child, PollFlags::IN)], None).expect("a connection");
            drop(held_by_a_child);
            assert!(!asked.join().expect("no panic"));
        });
        assert!(!is_up(&path), "nobody listens at all");
    }

    #[test]
    fn a_socket_whose_host_closes_or_is_busy_is_up() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        assert!(is_up(&path), "nobody accepts in time");
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| is_up(&path));
            drop(listener.accept().expect("the one that gave up"));
            drop(listener.accept().expect("a connection"));
            assert!(asked.join().expect("no panic"));
        });
    }
}
