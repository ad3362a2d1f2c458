//! The kind of a path (a file, a link or a directory) and its permission bits, without its bytes.

use crate::model::action::FileEdit;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// Permission bits of a file or directory; four octal digits on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileMode(u16);

impl FileMode {
    /// The lowest twelve bits of these.
    pub fn new(bits: u32) -> Self {
        Self((bits & 0o7777) as u16)
    }

    pub fn bits(self) -> u32 {
        u32::from(self.0)
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl Serialize for FileMode {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FileMode {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let bits = u32::from_str_radix(&text, 8).ok().filter(|bits| *bits <= 0o7777);
        bits.map(Self::new).ok_or_else(|| de::Error::custom("permission bits are four octal digits"))
    }
}

/// The kind of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    #[default]
    File,
    /// A symbolic link: its content is the target's text.
    Link,
    Directory,
}

impl NodeKind {
    fn is_file(&self) -> bool {
        *self == Self::File
    }
}

/// The kind and permission bits of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Node {
    #[serde(default, skip_serializing_if = "NodeKind::is_file")]
    pub kind: NodeKind,
    /// A link has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<FileMode>,
}

impl Node {
    /// A regular file with these permission bits.
    pub fn file(mode: FileMode) -> Self {
        Self { kind: NodeKind::File, mode: Some(mode) }
    }

    /// For the digest that consent binds to.
    pub fn field(node: Option<&Self>) -> String {
        node.map(|node| format!("{:?} {}", node.kind, node.mode.map(|m| m.to_string()).unwrap_or_default()))
            .unwrap_or_default()
    }
}

impl FileEdit {
    /// The same edit of exactly these nodes.
    pub fn of_nodes(self, before_node: Option<Node>, after_node: Option<Node>) -> Self {
        Self { before_node, after_node, ..self }
    }

    /// Describes every change other than that of lines.
    pub fn node_words(&self) -> Option<String> {
        let kind = |node: Option<Node>| node.map(|node| node.kind);
        match (self.mode_change(), kind(self.before_node), kind(self.after_node)) {
            (Some((before, after)), ..) => Some(format!("permission bits {before} become {after}")),
            (None, _, Some(NodeKind::Link)) => Some("a symbolic link: the text is its target".to_owned()),
            (None, Some(NodeKind::Link), _) => Some("was a symbolic link: the old text is its target".to_owned()),
            (None, Some(NodeKind::Directory), _) | (None, _, Some(NodeKind::Directory)) => {
                Some("a directory".to_owned())
            }
            (None, None, Some(NodeKind::File)) => {
                self.after_node.and_then(|node| node.mode).map(|mode| format!("permission bits {mode}"))
            }
            (None, _, _) => None,
        }
    }

    /// The permission bits that it changes, from and to.
    pub fn mode_change(&self) -> Option<(FileMode, FileMode)> {
        let mode = |node: Option<Node>| node.and_then(|node| node.mode);
        mode(self.before_node).zip(mode(self.after_node)).filter(|(before, after)| before != after)
    }
}
