//! Writes over files that are not UTF-8: agents send text, so other bytes are easily lost. Said before the
//! decision.

use crate::base::text::foreign;
use crate::model::{Action, Content, FileEdit};
use crate::port::Blobs;

/// In words, when the action writes over a file that is not UTF-8.
pub fn found(action: &Action, blobs: &Blobs) -> Option<String> {
    let words: Vec<String> = action.files().iter().filter_map(|file| of(file, blobs)).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

fn of(file: &FileEdit, blobs: &Blobs) -> Option<String> {
    // Text that is inline is UTF-8.
    let Some(Content::Blob { digest, .. }) = &file.before else { return None };
    let before = blobs.get(digest)?;
    let after = match file.after.as_ref()? {
        Content::Text(text) => text.as_bytes(),
        Content::Blob { digest, .. } => blobs.get(digest)?,
    };
    let (line, byte) = foreign::found(before).next()?;
    if before == after {
        return None;
    }
    let (had, has) = (foreign::found(before).count(), foreign::found(after).count());
    let what = match has {
        0 => format!("the new content loses all {had} bytes that are not UTF-8"),
        _ if has < had => format!("the new content keeps only {has} of the {had} bytes that are not UTF-8"),
        _ => "the new content keeps the bytes that are not UTF-8".to_owned(),
    };
    Some(format!("{} is not UTF-8 (byte 0x{byte:02X} in line {line}); {what}", file.path))
}
