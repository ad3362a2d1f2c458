//! Changes to files as an agent states them, before they are compared with the workspace.

use crate::model::node::{Node, NodeKind};
use std::borrow::Cow;

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
        let deletes = |draft: &Self| matches!(draft.after, After::Delete | After::Exactly(None));
        let verb = if drafts.iter().all(deletes) { "delete" } else { "edit" };
        let mut names: Vec<Cow<'_, str>> = drafts.iter().map(Self::name).collect();
        names.dedup();
        format!("{verb} {}", names.join(", "))
    }

    /// Its path, and where it leads to if it makes a link.
    fn name(&self) -> Cow<'_, str> {
        match &self.after {
            After::Exactly(Some((node, target))) if node.kind == NodeKind::Link => {
                Cow::Owned(format!("{} -> {}", self.path, String::from_utf8_lossy(target)))
            }
            After::Exactly(Some((node, _))) if node.kind == NodeKind::Directory => {
                Cow::Owned(format!("{}/", self.path))
            }
            After::Whole(_) | After::Exactly(_) | After::Replace { .. } | After::Delete | After::RenameTo(_) => {
                Cow::Borrowed(&self.path)
            }
        }
    }
}

/// The change a draft makes to its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// The whole new content; creates the file when it does not exist.
    Whole(Vec<u8>),
    /// Exactly this path, whatever it is now, becomes such a node with these bytes (of a link: its target), or is removed.
    /// A link there is not followed. Without permission bits it keeps those that it has.
    Exactly(Option<(Node, Vec<u8>)>),
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
        let node = |kind| After::Exactly(Some((Node { kind, mode: None }, b"../b".to_vec())));
        let all = [draft("a", node(NodeKind::Link)), draft("b", node(NodeKind::Directory)), draft("c", After::Delete)];
        assert_eq!(Draft::words(&all), "edit a -> ../b, b/, c");
    }
}
