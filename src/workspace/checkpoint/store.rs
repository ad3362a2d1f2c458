//! Objects by digest: `objects/ab/cdef…`, each a byte that says how it is packed and the bytes.

use crate::base::Digest;
use crate::workspace::limits;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

const RAW: u8 = 0;
const ZSTD: u8 = 1;

/// The reason that an object cannot be read or stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the checkpoint store at {path:?}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("object {0} of the checkpoint store is damaged")]
    Damaged(Digest),
    #[error("object {0} is not in the checkpoint store")]
    Missing(Digest),
}

/// A store of objects in one directory.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// New objects that are not durable yet: their names while they are few.
#[derive(Debug, Default)]
pub struct Pending {
    few: Vec<PathBuf>,
    is_many: bool,
}

impl Pending {
    /// More was written than anyone has noted.
    pub fn everything() -> Self {
        Self { few: Vec::new(), is_many: true }
    }

    fn note(&mut self, path: PathBuf) {
        if self.few.len() >= limits::CHECKPOINT_SYNC_EACH_MAX {
            self.is_many = true;
        } else {
            self.few.push(path);
        }
    }
}

impl Store {
    /// Opens or makes the store below `state`, for the owner only.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        use std::os::unix::fs::DirBuilderExt as _;
        let root = state.join("objects");
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&root);
        made.map_err(|error| StoreError::Io { path: root.clone(), error })?;
        Ok(Self { root })
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        let (shard, rest) = name.split_at_checked(2).unwrap_or(("", &name));
        self.root.join(shard).join(rest)
    }

    /// Returns whether the object is stored.
    pub fn has(&self, digest: &Digest) -> bool {
        self.path(digest).exists()
    }

    /// Keeps `bytes`. True when they are new.
    ///
    /// # Errors
    /// When they cannot be written: no room, read only.
    pub fn put(&self, digest: &Digest, bytes: &[u8]) -> Result<bool, StoreError> {
        let path = self.path(digest);
        if path.exists() {
            return Ok(false);
        }
        self.write(&path, bytes).map_err(|error| StoreError::Io { path: path.clone(), error })?;
        Ok(true)
    }

    /// As [`Store::put`], and notes in `pending` what has to be synced.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub fn put_noted(&self, digest: &Digest, bytes: &[u8], pending: &mut Pending) -> Result<(), StoreError> {
        if self.put(digest, bytes)? {
            pending.note(self.path(digest));
        }
        Ok(())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let dir = path.parent().unwrap_or(&self.root);
        let mut file = match tempfile::NamedTempFile::new_in(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir_all(dir)?;
                tempfile::NamedTempFile::new_in(dir)?
            }
            made => made?,
        };
        // Less than a block of the file system is not made smaller by packing it, only slower to keep.
        let small = bytes.len() < limits::CHECKPOINT_PACKED_BYTES_MIN;
        let packed = if small { None } else { Some(zstd::bulk::compress(bytes, 1)?) };
        match packed.filter(|packed| packed.len() < bytes.len()) {
            Some(packed) => {
                file.write_all(&[ZSTD])?;
                file.write_all(&packed)?;
            }
            None => file.write_all(&[[RAW].as_slice(), bytes].concat())?,
        }
        // Somebody else may have put the same object meanwhile: then it is the same.
        file.persist(path).map(drop).map_err(|refused| refused.error)
    }

    /// Makes new objects durable: one by one when they are few, else the whole file system.
    ///
    /// # Errors
    /// When the device fails.
    pub fn sync(&self, pending: Pending) -> Result<(), StoreError> {
        let result = if pending.is_many {
            File::open(&self.root).and_then(|root| Ok(rustix::fs::syncfs(&root)?))
        } else {
            pending.few.iter().try_for_each(|path| {
                File::open(path)?.sync_all()?;
                path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
            })
        };
        result.map_err(|error| StoreError::Io { path: self.root.clone(), error })
    }

    /// The bytes of an object; `None` when it is not there.
    ///
    /// # Errors
    /// When it is there and is not what its name says.
    pub fn get(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(digest);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::Io { path, error }),
        };
        let bytes = unpack(file).map_err(|_| StoreError::Damaged(*digest))?;
        if Digest::of(&bytes) != *digest {
            return Err(StoreError::Damaged(*digest));
        }
        Ok(Some(bytes))
    }

    /// The length of an object as its file tells it, without unpacking it; `None` when it is not there or does not tell.
    pub fn length(&self, digest: &Digest) -> Option<u64> {
        let file = File::open(self.path(digest)).ok()?;
        let on_disk = file.metadata().ok()?.len();
        let mut head = Vec::new();
        file.take(1 + FRAME_HEADER_BYTES_MAX).read_to_end(&mut head).ok()?;
        match head.split_first()? {
            (&RAW, _) => Some(on_disk.saturating_sub(1)),
            (&ZSTD, frame) => zstd::zstd_safe::get_frame_content_size(frame).ok().flatten(),
            (_, _) => None,
        }
    }
}

/// The longest header of a packed object, which may name its length (RFC 8878, 3.1.1.1).
const FRAME_HEADER_BYTES_MAX: u64 = 18;

fn unpack(mut file: File) -> io::Result<Vec<u8>> {
    let mut packing = [0u8];
    file.read_exact(&mut packing)?;
    let mut bytes = Vec::new();
    let bytes_max = limits::CHECKPOINT_OBJECT_BYTES_MAX;
    match packing {
        [RAW] => file.take(bytes_max).read_to_end(&mut bytes)?,
        [ZSTD] => zstd::stream::read::Decoder::new(file)?.take(bytes_max).read_to_end(&mut bytes)?,
        [_] => return Err(io::ErrorKind::InvalidData.into()),
    };
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_come_back_and_damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for bytes in [b"".to_vec(), vec![b'a'; 100_000], vec![0xff, 0, 1]] {
            let digest = Digest::of(&bytes);
            assert_eq!(store.get(&digest).unwrap(), None);
            let mut pending = Pending::default();
            store.put_noted(&digest, &bytes, &mut pending).unwrap();
            store.sync(pending).unwrap();
            assert!(!store.put(&digest, &bytes).unwrap());
            assert_eq!(store.get(&digest).unwrap().unwrap(), bytes);
            assert_eq!(store.length(&digest), Some(bytes.len() as u64));
            std::fs::write(store.path(&digest), b"\x00something else").unwrap();
            assert!(matches!(store.get(&digest), Err(StoreError::Damaged(_))));
        }
    }
}
