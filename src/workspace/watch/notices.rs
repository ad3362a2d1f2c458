//! Changes as reported to the host.

use crate::base::{Digest, RelPath};
use crate::model::{FileChange, Node};
use crate::port::Changed;
use crate::workspace::checkpoint::Entry;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// A node that is another one now.
pub fn changed(path: &Path, before: Option<Entry>, after: Option<Entry>) -> Changed {
    let change = match (before, after) {
        (None, _) => FileChange::Create,
        (Some(_), None) => FileChange::Delete,
        (Some(_), Some(_)) => FileChange::Modify,
    };
    let digest = |entry: Option<Entry>| -> Option<Digest> { entry.and_then(|entry| entry.content()) };
    let node = |entry: Option<Entry>| -> Option<Node> { entry.and_then(|entry| entry.node()) };
    Changed {
        path: shown(path),
        rel: RelPath::from_path(path).ok(),
        change,
        before: digest(before),
        after: digest(after),
        before_node: node(before),
        after_node: node(after),
        ignored: false,
        about: None,
    }
}

/// Something about a directory as a whole.
pub fn about(path: &Path, change: FileChange, text: String) -> Changed {
    Changed { rel: None, change, about: Some(text), ..changed(path, None, None) }
}

/// The path as text; bytes that are not UTF-8 as `\xNN`.
pub fn shown(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_utf8_are_shown_as_escapes() {
        assert_eq!(shown(Path::new(std::ffi::OsStr::from_bytes(b"a\xffb/\xe4\xf6"))), "a\\xffb/\\xe4\\xf6");
    }
}
