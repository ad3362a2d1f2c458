//! The unix socket of a session: only the same user gets in, and the path may be as long as it likes.

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

pub async fn connect(path: &Path) -> std::io::Result<UnixStream> {
    let (short, _dir) = short(path)?;
    UnixStream::connect(short).await
}

/// Returns whether a host listens on the socket.
pub fn is_up(path: &Path) -> bool {
    short(path).and_then(|(short, _dir)| std::os::unix::net::UnixStream::connect(short)).is_ok()
}

/// Returns whether the other end belongs to the same user. Root may enter anything anyway.
pub fn is_own(stream: &UnixStream) -> bool {
    let me = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|cred| cred.uid() == me)
}
