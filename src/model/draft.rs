//! Changes to files as an agent states them, before they are compared with the workspace.

use crate::model::node::FileMode;

/// A change as an agent states it. The host reads the disk, checks it and makes a [`FileEdit`](super::FileEdit) of it;
/// nothing the agent claims about the present content is believed. Paths are as the agent gave them (relative or
/// absolute).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub path: String,
    pub after: After,
}

impl Draft {
    /// Describes the drafts as far as they are self-contained: only the disk knows whether a content is a new file.
    /// Each file is named once.
    pub fn words(drafts: &[Self]) -> String {
        if let [Self { path, after: After::RenameTo(to) }] = drafts {
            return format!("rename {path} to {to}");
        }
        let verb = if drafts.iter().all(|draft| draft.after == After::Delete) { "delete" } else { "edit" };
        let mut paths: Vec<&str> = drafts.iter().map(|draft| draft.path.as_str()).collect();
        paths.dedup();
        format!("{verb} {}", paths.join(", "))
    }
}

/// The change a draft makes to its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// The whole new content; creates the file when it does not exist.
    Whole(Vec<u8>),
    /// As `Whole`, with these permission bits.
    WholeWith {
        bytes: Vec<u8>,
        mode: FileMode,
    },
    /// Replaces `old`, which must occur in the file exactly once (or at least once with `all`).
    Replace {
        old: String,
        new: String,
        all: bool,
    },
    Delete,
    RenameTo(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_say_what_they_do() {
        let draft = |path: &str, after| Draft { path: path.to_owned(), after };
        let whole = |path: &str| draft(path, After::Whole(Vec::new()));
        assert_eq!(Draft::words(&[whole("a")]), "edit a");
        assert_eq!(Draft::words(&[whole("a"), whole("a"), draft("b", After::Delete)]), "edit a, b");
        assert_eq!(Draft::words(&[draft("a", After::Delete), draft("b", After::Delete)]), "delete a, b");
        assert_eq!(Draft::words(&[draft("a", After::RenameTo("b".to_owned()))]), "rename a to b");
    }
}
