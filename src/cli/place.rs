//! The directory of a session on disk, and how a session is found by its name.
//!
//! `STATE/sessions/ID/` holds `journal.db` (with what the journal keeps beside it), `host.sock`, `host.log`,
//! `options.json`, `label.json` (what the user calls it) and the workspace's store. Everything is 0700 or 0600 from creation.

use super::Fail;
use super::options::SessionOptions;
use super::watches::Watched;
use crate::base::SessionId;
use crate::base::signature::KEY_FILE;
use crate::cli::limits::LABEL_BYTES_MAX;
use crate::wire::Label;
use notify::EventKind;
use notify::event::ModifyKind;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The directory of the machine's own keys, in the state directory.
pub const KEYS: &str = "keys";

/// The state directory.
#[derive(Clone, Debug)]
pub struct Places {
    pub state: PathBuf,
}

/// The file with what the user calls a session.
const LABEL: &str = "label.json";

/// One session's directory.
#[derive(Clone, Debug)]
pub struct SessionPlace {
    pub id: SessionId,
    pub dir: PathBuf,
}

impl Places {
    /// The state directory, made 0700 if it is missing; an error says how to choose another.
    pub fn open(state_dir: Option<&Path>) -> Result<Self, Fail> {
        let state = match state_dir {
            Some(dir) => std::path::absolute(dir).map_err(|e| Fail::usage(format!("{}: {e}", dir.display())))?,
            None => default_state()?,
        };
        make_private(&state.join("sessions")).map_err(|e| {
            let dir = state.display();
            Fail::usage(format!("cannot write to the state directory {dir} ({e}); choose another with --state-dir or RIGHTSEAT_STATE_DIR"))
        })?;
        Ok(Self { state })
    }

    /// The key that records are signed with.
    pub fn signing_key(&self) -> PathBuf {
        key_in(&self.state)
    }

    /// The key that the user's decisions on other machines are signed with.
    pub fn deciding_key(&self) -> PathBuf {
        self.state.join(KEYS).join("deciding.key")
    }

    /// The directory of all sessions.
    pub fn sessions(&self) -> PathBuf {
        self.state.join("sessions")
    }

    /// A new directory for a session in this workspace, named after it.
    pub fn create(&self, workspace: &Path, options: &SessionOptions) -> Result<SessionPlace, Fail> {
        let stem: String = workspace
            .file_name()
            .map(|n| n.to_string_lossy().to_lowercase())
            .unwrap_or_default()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .take(24)
            .collect();
        let stem = match stem.trim_matches('-') {
            "" => "session".to_owned(),
            stem => stem.to_owned(),
        };
        for attempt in 0..16u32 {
            let id = SessionId::new(format!("{stem}-{}", salt(attempt)));
            let dir = self.sessions().join(id.as_str());
            match DirBuilder::new().mode(0o700).create(&dir) {
                Ok(()) => {
                    let place = SessionPlace { id, dir };
                    place.write_options(options)?;
                    return Ok(place);
                }
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Fail::usage(format!("{}: {e}", dir.display()))),
            }
        }
        Err(Fail::usage("all generated session names are taken; try again".into()))
    }

    /// A fresh directory for a throw-away project.
    pub fn playground(&self) -> Result<PathBuf, Fail> {
        let dir = self.state.join("playgrounds").join(salt(0)).join("calculator");
        DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(Fail::at(&dir))?;
        Ok(dir)
    }

    /// The directories of all sessions, also where the journal is still to be made.
    pub fn dirs(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.sessions()) else { return Vec::new() };
        entries.flatten().map(|entry| entry.path()).collect()
    }

    /// All sessions, newest first by their journal.
    pub fn all(&self) -> Vec<SessionPlace> {
        let mut found: Vec<(std::time::SystemTime, SessionPlace)> = self
            .dirs()
            .into_iter()
            .filter_map(|dir| {
                let place = SessionPlace { id: SessionId::new(dir.file_name()?.to_str()?), dir };
                let at = std::fs::metadata(place.journal()).and_then(|m| m.modified()).ok()?;
                Some((at, place))
            })
            .collect();
        found.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        found.into_iter().map(|(_, place)| place).collect()
    }

    /// A session by its name, or the beginning of it when only one begins so; the newest living one for `None`, else
    /// the newest.
    pub fn find(&self, name: Option<&str>) -> Result<SessionPlace, Fail> {
        let all = self.all();
        let Some(name) = name else {
            let none = || Fail::usage("there are no sessions yet; start one with `rightseat`".into());
            // One that lives is meant before one that has ended, however lately.
            let living = all.iter().position(|place| super::socket::is_up(&place.socket()));
            return all.into_iter().nth(living.unwrap_or(0)).ok_or_else(none);
        };
        if let Some(exact) = all.iter().find(|place| place.id.as_str() == name) {
            return Ok(exact.clone());
        }
        let called: Vec<&SessionPlace> = all.iter().filter(|p| p.label().name.as_deref() == Some(name)).collect();
        if let [only] = called[..] {
            return Ok(only.clone());
        }
        let mut hits: Vec<SessionPlace> = all.into_iter().filter(|p| p.id.as_str().starts_with(name)).collect();
        match hits.len() {
            0 => Err(Fail::usage(format!("there is no session {name:?}; `rightseat ls` lists them"))),
            1 => Ok(hits.swap_remove(0)),
            n => Err(Fail::usage(format!("{n} sessions begin with {name:?}; type more of the name"))),
        }
    }
}

impl SessionPlace {
    /// The state directory it is in.
    pub fn state(&self) -> &Path {
        self.dir.parent().and_then(Path::parent).unwrap_or(&self.dir)
    }

    /// See [`Places::signing_key`].
    pub fn signing_key(&self) -> PathBuf {
        key_in(self.state())
    }

    pub fn journal(&self) -> PathBuf {
        self.dir.join("journal.db")
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.join("host.sock")
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join("host.log")
    }

    pub fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// What the user calls it. A file that cannot be read names nothing.
    pub fn label(&self) -> Label {
        let mut text = String::new();
        let file = std::fs::File::open(self.dir.join(LABEL)).map(|file| file.take(LABEL_BYTES_MAX));
        let read = file.and_then(|mut file| file.read_to_string(&mut text));
        read.ok().and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Whole or not at all.
    pub fn set_label(&self, label: &Label) -> Result<(), Fail> {
        let path = self.dir.join(LABEL);
        let text = serde_json::to_string(label).map_err(|e| Fail::usage(e.to_string()))?;
        let written = tempfile::NamedTempFile::new_in(&self.dir).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.persist(&path).map_err(|error| error.error)
        });
        written.map(drop).map_err(Fail::at(&path))
    }

    /// Removes the session with everything that is kept for it; bytes that this freed.
    pub fn delete(&self) -> Result<u64, Fail> {
        // A host that is just starting holds the journal and not yet the socket.
        if crate::journal::is_held(&self.journal()) || super::socket::is_up(&self.socket()) {
            return Err(Fail::usage(format!("{} is running: stop it first, or attach and quit", self.id)));
        }
        let bytes = self.bytes();
        crate::workspace::layer::remove(&self.dir).map(|()| bytes).map_err(Fail::at(&self.dir))
    }

    /// Bytes of all files kept for the session.
    pub fn bytes(&self) -> u64 {
        super::prune::bytes(&self.dir)
    }

    fn write_options(&self, options: &SessionOptions) -> Result<(), Fail> {
        let text = serde_json::to_string_pretty(options).map_err(|e| Fail::usage(e.to_string()))?;
        let path = self.dir.join("options.json");
        let written = private_file(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|e| Fail::usage(format!("{}: {e}", path.display())))
    }

    /// Resolves when the session's directory is deleted or moved while its host runs; never when it cannot be watched.
    /// Costs nothing until then.
    pub async fn until_gone(&self) {
        let (tell, mut told) = tokio::sync::mpsc::channel(1);
        // The directory, that of all sessions, and the state directory: a move is seen from above.
        let dirs: Vec<&Path> = self.dir.ancestors().take(3).collect();
        let watched = Watched::new(&dirs, move |event| {
            if event.kind.is_remove() || matches!(event.kind, EventKind::Modify(ModifyKind::Name(_))) {
                // One message is enough: the receiver checks for itself.
                let _ = tell.try_send(());
            }
        });
        let _watched = match watched {
            Ok(watched) => watched,
            Err(error) => {
                tracing::warn!(%error, "the session's directory is not watched");
                return std::future::pending().await;
            }
        };
        while told.recv().await.is_some() {
            if !self.journal().exists() {
                return;
            }
        }
    }

    /// Reads the options the session was started with.
    pub fn options(&self) -> Result<SessionOptions, Fail> {
        let path = self.dir.join("options.json");
        let text = std::fs::read_to_string(&path).map_err(|e| Fail::usage(format!("{}: {e}", path.display())))?;
        serde_json::from_str(&text).map_err(|e| Fail::usage(format!("{}: {e}", path.display())))
    }
}

fn key_in(state: &Path) -> PathBuf {
    state.join(KEYS).join(KEY_FILE)
}

/// A new file that only the user can read; what was there is replaced.
pub fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

pub(super) fn make_private(dir: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mode = std::fs::metadata(dir)?.permissions().mode();
    if mode & 0o077 != 0 {
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))?;
    }
    // A directory that exists but cannot be written is found out now, not at the first decision.
    drop(tempfile::Builder::new().prefix(".probe").tempfile_in(dir)?);
    Ok(())
}

fn default_state() -> Result<PathBuf, Fail> {
    let none = || Fail::usage("cannot determine the home directory; pass --state-dir DIR, or set HOME".into());
    let dirs = directories::ProjectDirs::from("", "", "rightseat").ok_or_else(none)?;
    Ok(dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned())
}

/// A few digits that differ from call to call; only a name, no secret.
fn salt(attempt: u32) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    let text = format!("{now}/{}/{attempt}", std::process::id());
    crate::base::Digest::of(text.as_bytes()).to_string().chars().take(6).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session whose host runs is meant before one that has ended, however lately.
    #[test]
    fn the_newest_living_session_is_found_first() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::open(Some(dir.path())).unwrap();
        let found = || places.find(None).map(|place| place.id.as_str().to_owned()).unwrap_or_default();
        assert_eq!(found(), "", "there is none yet");
        let now = std::time::SystemTime::now();
        let session = |name: &str, age_s: u64| {
            let place =
                SessionPlace { id: SessionId::new(name.to_owned()), dir: dir.path().join("sessions").join(name) };
            std::fs::create_dir(&place.dir).unwrap();
            let journal = std::fs::File::create(place.journal()).unwrap();
            journal.set_modified(now - std::time::Duration::from_secs(age_s)).unwrap();
            place
        };
        let (oldest, older) = (session("oldest", 300), session("older", 200));
        session("newest", 100);
        assert_eq!(found(), "newest", "none lives");
        let host = |place: &SessionPlace| {
            let listener = std::os::unix::net::UnixListener::bind(place.socket()).unwrap();
            std::thread::spawn(move || listener.incoming().for_each(drop));
        };
        host(&oldest);
        assert_eq!(found(), "oldest");
        host(&older);
        assert_eq!(found(), "older", "the newest of those that live");
        assert_eq!(places.find(Some("new")).unwrap().id.as_str(), "newest");
    }
}
