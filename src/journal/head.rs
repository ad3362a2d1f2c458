//! The head file beside a journal, and the anchor that can be carried away from it.
//!
//! An anchor is one line of JSON, `{"session":…,"seq":…,"hash":…}`. The head file is an anchor that the host rewrites
//! after every append, padded to one sector. It makes a shortened log visible even when SQLite recovers from it without
//! complaint. After a clean close it also carries size and SHA-256 of the database file (the seal), so that a flipped
//! byte is seen even where no record is kept.

use super::sign::SignedAnchor;
use super::{Error, Result};
use crate::base::{Digest, Seq, SessionId, Signed};
use crate::journal::limits::HEAD_FILE_BYTES;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A point of a chain that its holder trusts: everything up to `seq` must hash to `hash`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The session the chain belongs to.
    pub session: SessionId,
    /// Number of the last covered event; 0 means an empty journal.
    pub seq: Seq,
    /// Hash of that event, or the genesis.
    pub hash: Digest,
}

impl Anchor {
    /// The anchor as one line, with its line end.
    pub fn to_line(&self) -> String {
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    /// Reads an anchor line; whitespace around it is fine, unknown fields are ignored.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text.trim()).ok()
    }
}

/// Size and digest of a whole database file at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal {
    pub bytes: u64,
    pub sha256: Digest,
}

/// The content of a head file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    #[serde(flatten)]
    pub anchor: Anchor,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal: Option<Seal>,
    /// Of the anchor, without a time.
    #[serde(flatten)]
    pub signed: Option<Signed>,
}

impl Head {
    /// What of it can be carried away.
    pub fn carried(&self) -> SignedAnchor {
        SignedAnchor { anchor: self.anchor.clone(), at: None, signed: self.signed.clone() }
    }
}

/// `PATH` with `suffix` after its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Reads a head file. `Ok(None)`: there is none. An unreadable one is damage, not absence.
pub(super) fn read(journal: &Path) -> Result<Option<Head>> {
    let path = beside(journal, ".head");
    let mut bytes = Vec::new();
    let limit = u64::try_from(HEAD_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    match File::open(&path).and_then(|f| f.take(limit).read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io("reading", &path)(e)),
    }
    // A record that does not read back as it was written has lost a field: that is damage too.
    serde_json::from_slice::<Head>(bytes.trim_ascii())
        .ok()
        .filter(|head| {
            bytes.len() == HEAD_FILE_BYTES && serde_json::to_vec(head).is_ok_and(|v| v == bytes.trim_ascii())
        })
        .map(Some)
        .ok_or_else(|| Error::Damaged { path, why: "it is not a head record".to_owned() })
}

/// The open head file of a host.
#[derive(Debug)]
pub(super) struct HeadFile {
    file: File,
    path: PathBuf,
}

impl HeadFile {
    pub fn open(journal: &Path) -> Result<Self> {
        let path = beside(journal, ".head");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io("opening", &path))?;
        Ok(Self { file, path })
    }

    /// Overwrites the record in place. Not synced: it must survive a killed host, and after a power cut it is behind
    /// the database at worst, which raises no alarm.
    pub fn write(&self, head: &Head) -> Result<()> {
        let mut line = serde_json::to_vec(head).unwrap_or_default();
        if line.len() >= HEAD_FILE_BYTES {
            return Err(Error::Damaged { path: self.path.clone(), why: "the head record does not fit".to_owned() });
        }
        line.resize(HEAD_FILE_BYTES - 1, b' ');
        line.push(b'\n');
        self.file.write_all_at(&line, 0).map_err(Error::io("writing", &self.path))
    }

    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(Error::io("syncing", &self.path))
    }
}

/// Size and digest of the file on disk.
pub(super) fn seal_of(journal: &Path) -> Result<Seal> {
    let mut file = File::open(journal).map_err(Error::io("reading", journal))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; 256 * 1024];
    let mut bytes = 0u64;
    loop {
        let n = file.read(&mut buffer).map_err(Error::io("reading", journal))?;
        if n == 0 {
            break;
        }
        hash.update(buffer.get(..n).unwrap_or_default());
        bytes = bytes.saturating_add(u64::try_from(n).unwrap_or(0));
    }
    let sha256 = Digest::from_bytes(hash.finalize().into());
    Ok(Seal { bytes, sha256 })
}
