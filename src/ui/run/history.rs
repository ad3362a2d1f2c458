//! The messages that were sent from this machine, by project: a file each, one message a line, for this user only.

use crate::base::Digest;
use crate::model::PromptPart;
use crate::ui::limits::{UI_HISTORY_BYTES_MAX, UI_HISTORY_ENTRIES_MAX, UI_HISTORY_ENTRY_BYTES_MAX};
use rustix::fs::FlockOperation;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

type Parts = Vec<PromptPart>;

/// The newest messages of a project, oldest first. Lines that are not one are passed over.
pub(super) fn load(dir: &Path, workspace: &str) -> Vec<Parts> {
    let Ok(mut file) = File::open(path(dir, workspace)) else { return Vec::new() };
    read(&mut file)
}

/// Adds a message. What does not concern others is not said: a history that cannot be written only is not kept.
pub(super) fn add(dir: &Path, workspace: &str, parts: &[PromptPart]) -> std::io::Result<()> {
    // The bytes of a picture are in one session only.
    let parts: Parts = parts.iter().filter(|part| !matches!(part, PromptPart::Image { .. })).cloned().collect();
    let Ok(mut line) = serde_json::to_string(&parts) else { return Ok(()) };
    line.push('\n');
    if line.len() > UI_HISTORY_ENTRY_BYTES_MAX {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path(dir, workspace))?;
    // Two clients may add at once.
    rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
    file.write_all(line.as_bytes())?;
    if file.metadata()?.len() > UI_HISTORY_BYTES_MAX {
        file.rewind()?;
        let kept = read(&mut file);
        let half = kept.len() / 2;
        file.set_len(0)?;
        for parts in kept.iter().skip(half) {
            file.write_all((serde_json::to_string(parts).unwrap_or_default() + "\n").as_bytes())?;
        }
    }
    Ok(())
}

fn path(dir: &Path, workspace: &str) -> PathBuf {
    dir.join(format!("{}.jsonl", Digest::of(workspace.as_bytes())))
}

fn read(file: &mut File) -> Vec<Parts> {
    let mut bytes = Vec::new();
    let limit = UI_HISTORY_BYTES_MAX + UI_HISTORY_ENTRY_BYTES_MAX as u64;
    if file.take(limit).read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut entries: Vec<Parts> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    entries.drain(..entries.len().saturating_sub(UI_HISTORY_ENTRIES_MAX));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn text(parts: &[PromptPart]) -> String {
        crate::model::prompt_text(parts)
    }

    /// Entries across the edges of pages, of two clients at once, are all kept (2.1.89).
    #[test]
    fn two_clients_that_add_at_once_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("history");
        std::thread::scope(|scope| {
            for client in ["通", "👩‍🚀"] {
                let dir = &dir;
                scope.spawn(move || {
                    for n in 0..100 {
                        let words = format!("{client}{n} {}", client.repeat(300));
                        add(dir, "/w", &[PromptPart::text(words)]).unwrap();
                    }
                });
            }
        });
        let entries = load(&dir, "/w");
        assert_eq!(entries.len(), 200);
        assert!(entries.iter().any(|parts| text(parts).starts_with("通99 ")));
        assert_eq!(load(&dir, "/another"), Vec::<Parts>::new());
        let mode = std::fs::metadata(path(&dir, "/w")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_file_is_bounded_and_a_broken_line_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(path(dir.path(), "/w"), b"{broken\n\xff\xfe\n").unwrap();
        let long = "x".repeat(UI_HISTORY_ENTRY_BYTES_MAX / 2);
        let count = 3 * UI_HISTORY_BYTES_MAX / long.len() as u64;
        for n in 0..count {
            add(dir.path(), "/w", &[PromptPart::text(format!("{n} {long}"))]).unwrap();
        }
        add(dir.path(), "/w", &[PromptPart::text("x".repeat(UI_HISTORY_ENTRY_BYTES_MAX))]).unwrap();
        let bytes = std::fs::metadata(path(dir.path(), "/w")).unwrap().len();
        assert!(bytes <= UI_HISTORY_BYTES_MAX + UI_HISTORY_ENTRY_BYTES_MAX as u64);
        let entries = load(dir.path(), "/w");
        assert!(text(entries.last().unwrap()).starts_with(&format!("{} ", count - 1)));
    }
}
