//! The log of a host process: `host.log` in the session's directory, readable by the user alone.
//!
//! Owns the `tracing` subscriber and the bound of the file. The log is for finding faults; nothing is read back from
//! it, and what looks like a secret is left out. `RIGHTSEAT_LOG` sets what is logged, in the syntax of
//! `tracing_subscriber::filter::Targets` (`debug`, `rightseat::host=trace`, `off`).

use crate::cli::limits::HOST_LOG_BYTES_MAX;
use crate::journal::export::redact;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt as _;

const VARIABLE: &str = "RIGHTSEAT_LOG";
const DEFAULT: &str = "warn,rightseat=info";

/// Sends this process's log to `path`, and panics with it. A log that cannot be opened is reported on standard error
/// and stops nothing.
pub fn start(path: &Path) {
    let log = match LogFile::open(path) {
        Ok(log) => log,
        Err(error) => {
            let _ = writeln!(io::stderr(), "rightseat: {}: {error}; this session has no log", path.display());
            return;
        }
    };
    let wanted = std::env::var(VARIABLE).unwrap_or_else(|_| DEFAULT.to_owned());
    let (filter, unread) = filter(&wanted);
    let entries =
        tracing_subscriber::fmt::layer().with_ansi(false).log_internal_errors(false).with_writer(Mutex::new(log));
    let subscriber = tracing_subscriber::registry().with(entries).with(filter);
    // A second start in one process is refused, and the first log continues.
    let _ = tracing::subscriber::set_global_default(subscriber);
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!(%panic, "panicked");
        previous(panic);
    }));
    if let Some(error) = unread {
        tracing::warn!(%error, wanted, "{VARIABLE} cannot be read; logging {DEFAULT}");
    }
    tracing::info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "host started");
}

/// What is logged, and why the words for it could not be read if they could not.
fn filter(wanted: &str) -> (Targets, Option<ParseError>) {
    match wanted.parse() {
        Ok(filter) => (filter, None),
        Err(error) => {
            let usual = Targets::new().with_default(LevelFilter::WARN).with_target("rightseat", LevelFilter::INFO);
            (usual, Some(error))
        }
    }
}

/// Opens a log for appending; only the user can read it.
pub fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// A file that keeps at most [`HOST_LOG_BYTES_MAX`], and as much again in one older file beside it.
struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl LogFile {
    fn open(path: &Path) -> io::Result<Self> {
        let file = append_to(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, bytes })
    }

    /// Moves the full file to `NAME.1`, over an older one, and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        let mut older = self.path.clone().into_os_string();
        older.push(".1");
        std::fs::rename(&self.path, older)?;
        self.file = append_to(&self.path)?;
        self.bytes = 0;
        Ok(())
    }
}

/// The subscriber writes one whole entry at a time.
impl Write for LogFile {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let clean = redact(&String::from_utf8_lossy(entry)).map(String::into_bytes);
        let bytes = clean.as_deref().unwrap_or(entry);
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if length > HOST_LOG_BYTES_MAX {
            return Ok(entry.len());
        }
        if self.bytes + length > HOST_LOG_BYTES_MAX {
            self.rotate()?;
        }
        self.file.write_all(bytes)?;
        self.bytes += length;
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_filter_names_targets_and_levels_and_a_wrong_one_is_the_usual() {
        use tracing::Level;
        let (usual, error) = filter(DEFAULT);
        assert!(error.is_none());
        assert_eq!(filter("rightseat=loud").0, usual);
        assert!(filter("rightseat=loud").1.is_some());
        assert!(usual.would_enable("rightseat::host", &Level::INFO) && !usual.would_enable("hyper", &Level::INFO));
        let (narrow, _) = filter("off,rightseat::host=trace");
        assert!(
            narrow.would_enable("rightseat::host::line", &Level::TRACE)
                && !narrow.would_enable("rightseat::ui", &Level::ERROR)
        );
    }

    #[test]
    fn a_log_is_private_bounded_and_without_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.log");
        let mut log = LogFile::open(&path).unwrap();
        log.write_all(b"api_key=sk-1234567890abcdefghijkl asked\n").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.ends_with("asked\n") && !text.contains("sk-1234567890abcdefghijkl"), "{text}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let entry = vec![b'x'; 64 * 1024];
        for _ in 0..=(3 * HOST_LOG_BYTES_MAX / entry.len() as u64) {
            log.write_all(&entry).unwrap();
        }
        log.write_all(&vec![b'y'; usize::try_from(HOST_LOG_BYTES_MAX).unwrap() + 1]).unwrap();
        let sizes: Vec<u64> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).collect();
        assert_eq!(sizes.len(), 2);
        assert!(sizes.iter().all(|&size| size <= HOST_LOG_BYTES_MAX), "{sizes:?}");
        // A host that starts again continues where the last one ended.
        let before = std::fs::metadata(&path).unwrap().len();
        LogFile::open(&path).unwrap().write_all(b"again\n").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), before + 6);
    }
}
