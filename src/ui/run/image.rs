//! A picture of this machine, to be sent to the host: the host may be on another one.

use crate::ui::limits::UI_IMAGE_BYTES_MAX;
use std::io::Read as _;
use std::path::Path;

/// The name of the file and its bytes. The host says what kind of picture it is, or that it is none.
pub(super) fn read(path: &str) -> (String, Result<Vec<u8>, String>) {
    let path = Path::new(path);
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let bytes = std::fs::metadata(path).map_err(failed).and_then(|metadata| {
        // A pipe or a device would never end.
        if !metadata.is_file() {
            return Err(format!("{} is not a regular file", path.display()));
        }
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(UI_IMAGE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > UI_IMAGE_BYTES_MAX {
            return Err(format!("{} is longer than {UI_IMAGE_BYTES_MAX} bytes", path.display()));
        }
        Ok(bytes)
    });
    (name, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_of_a_bounded_size_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.png");
        std::fs::write(&path, b"PNG").unwrap();
        assert_eq!(read(path.to_str().unwrap()), ("x.png".to_owned(), Ok(b"PNG".to_vec())));
        assert!(read(dir.path().to_str().unwrap()).1.is_err());
        assert!(read("/no/such/file").1.is_err());
        assert!(read("/dev/zero").1.is_err());
    }
}
