//! A picture of this machine, to be sent to the host: the host may be on another one.

use crate::ui::app::Msg;
use crate::ui::limits::{UI_CLIPBOARD_MS_MAX, UI_IMAGE_BYTES_MAX};
use futures::TryFutureExt as _;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncReadExt as _;

/// The picture in a file, or without one that on the clipboard.
pub(super) async fn attached(path: Option<&str>) -> Msg {
    let (name, bytes) = match path {
        Some(path) => read(path),
        None => of_clipboard().await,
    };
    Msg::Attached { name, bytes }
}

/// The name of the file and its bytes. The host says what kind of picture it is, or that it is none.
fn read(path: &str) -> (String, Result<Vec<u8>, String>) {
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

/// Programs that write the clipboard's picture to their output, with the variable that says that they can.
const CLIPBOARDS: &[(Option<&str>, &[&str])] = &[
    (Some("WAYLAND_DISPLAY"), &["wl-paste", "--no-newline", "--type", "image/png"]),
    (Some("DISPLAY"), &["xclip", "-selection", "clipboard", "-t", "image/png", "-o"]),
    (None, &["pngpaste", "-"]),
];

/// The picture on the clipboard of the machine that the user sits at. A terminal hands over text only, so the desktop's
/// own program is asked.
async fn of_clipboard() -> (String, Result<Vec<u8>, String>) {
    let mut tried = Vec::new();
    for (variable, words) in CLIPBOARDS {
        let [program, arguments @ ..] = words else { continue };
        if variable.is_some_and(|variable| std::env::var_os(variable).is_none_or(|value| value.is_empty())) {
            continue;
        }
        match output_of(program, arguments).await {
            Ok(bytes) if !bytes.is_empty() => return ("clipboard.png".to_owned(), Ok(bytes)),
            Ok(_) => tried.push(format!("{program}: no picture")),
            Err(why) => tried.push(format!("{program}: {why}")),
        }
    }
    let tried = if tried.is_empty() { "no desktop here".to_owned() } else { tried.join("; ") };
    let why = format!("no picture on the clipboard ({tried}): save it to a file and use :attach");
    ("clipboard".to_owned(), Err(why))
}

/// What a program writes, bounded in time and size.
async fn output_of(program: &str, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let failed = |error: std::io::Error| {
        if error.kind() == std::io::ErrorKind::NotFound { "not installed".to_owned() } else { error.to_string() }
    };
    let mut child = command.spawn().map_err(failed)?;
    let Some(output) = child.stdout.take() else { return Ok(Vec::new()) };
    let mut bytes = Vec::new();
    let mut output = output.take(UI_IMAGE_BYTES_MAX + 1);
    let reads = output.read_to_end(&mut bytes).map_err(|error| error.to_string());
    let patience = std::time::Duration::from_millis(UI_CLIPBOARD_MS_MAX);
    tokio::time::timeout(patience, reads).await.map_err(|_| "it does not answer".to_owned())??;
    if bytes.len() as u64 > UI_IMAGE_BYTES_MAX {
        return Err(format!("the picture is longer than {UI_IMAGE_BYTES_MAX} bytes"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_is_read_within_bounds_of_time_and_size() {
        assert_eq!(output_of("printf", &["PNG"]).await, Ok(b"PNG".to_vec()));
        assert_eq!(output_of("no-such-program-here", &[]).await, Err("not installed".to_owned()));
        assert!(output_of("cat", &["/dev/zero"]).await.unwrap_err().contains("longer than"));
    }

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
