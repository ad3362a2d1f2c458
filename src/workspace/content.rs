//! Reading file contents: streamed digests, bounded whole reads.

use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read};

use crate::base::{Digest, limits};

/// The digest of everything `from` gives, in constant memory.
///
/// # Errors
/// When reading fails.
pub fn digest(mut from: impl Read) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0u8; limits::WORKSPACE_CHUNK_BYTES];
    loop {
        let count = match from.read(&mut chunk) {
            Ok(0) => return Ok(Digest::from_bytes(hasher.finalize().into())),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(chunk.get(..count).unwrap_or_default());
    }
}

/// The whole content of a file no larger than `bytes_max`.
///
/// # Errors
/// `FileTooLarge` beyond the bound, or when reading fails.
pub fn read(file: &mut File, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = bytes_max.saturating_add(1);
    file.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {bytes_max} bytes")));
    }
    Ok(bytes)
}
