//! Reading file contents: regular files only, opened without following a link or waiting, streamed digests, bounded
//! whole reads.

use super::root::Identity;
use crate::base::Digest;
use crate::workspace::limits;
use rustix::fs::{FileType, Mode, OFlags};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;

/// Opens the regular file of this name in `dir`. Anything else is refused: a pipe would wait, a device would act.
///
/// # Errors
/// When it does not exist, is not a regular file, or must not be read.
pub fn open(dir: impl AsFd, name: impl rustix::path::Arg) -> io::Result<(File, Identity)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(rustix::fs::openat(dir, name, flags, Mode::empty())?);
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok((file, Identity::of(&stat)))
}

/// The bytes of a small regular file that is named by its full path.
///
/// # Errors
/// As [`open`] and [`read`].
pub fn read_plain(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let (mut file, _) = open(rustix::fs::CWD, path)?;
    read(&mut file, bytes_max)
}

/// The digest of everything `from` gives, in constant memory.
///
/// # Errors
/// When reading fails, or `FileTooLarge` beyond `bytes_max`.
pub fn digest(from: impl Read, bytes_max: u64) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0u8; limits::WORKSPACE_CHUNK_BYTES];
    let mut from = from.take(bytes_max.saturating_add(1));
    let mut total = 0u64;
    loop {
        let count = match from.read(&mut chunk) {
            Ok(0) => return Ok(Digest::from_bytes(hasher.finalize().into())),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        total = total.saturating_add(count as u64);
        if total > bytes_max {
            return Err(too_large(bytes_max));
        }
        hasher.update(chunk.get(..count).unwrap_or_default());
    }
}

/// The whole content of a file no larger than `bytes_max`. Its size is asked before a byte is read.
///
/// # Errors
/// `FileTooLarge` beyond the bound, or when reading fails.
pub fn read(file: &mut File, bytes_max: u64) -> io::Result<Vec<u8>> {
    if file.metadata()?.len() > bytes_max {
        return Err(too_large(bytes_max));
    }
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(too_large(bytes_max));
    }
    Ok(bytes)
}

fn too_large(bytes_max: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {bytes_max} bytes"))
}
