//! CommonMark (with tables, task lists and struck-out text) as lines for a screen, also while it streams in.
//!
//! [`Document`] splits a growing text into blocks; all but the last are settled and never change again. [`lines`] lays
//! one block out for a width. Nothing here draws or chooses colors: a [`Span`] says what its words are.

mod document;
mod layout;
pub mod limits;
pub mod plan;
mod table;

pub use document::{Block, Definitions, Document};
pub use layout::lines;

/// What a run of words is, beyond plain text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Face {
    pub strong: bool,
    pub emphasis: bool,
    pub struck: bool,
    pub kind: Kind,
}

/// The part that words play.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    #[default]
    Text,
    /// 1 to 6.
    Heading(u8),
    /// Code within a line.
    Code,
    /// A line of a code block.
    Fence,
    /// Marks of lists and quotes, rules and frames.
    Mark,
    /// The label of a link or an image.
    Link,
    /// Where a link leads, shown beside its label.
    Address,
    /// HTML, shown as it is written.
    Html,
}

/// Words of one face. Safe to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub text: String,
    pub face: Face,
}

/// One line of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub spans: Vec<Span>,
    /// Where in the block's source its first words are, in bytes.
    pub source: usize,
    /// In a code block: its language, and which line of its code this shows.
    pub code: Option<Code>,
}

/// The place of a line in a code block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The first word after the fence; may be empty.
    pub language: String,
    /// From 0.
    pub line: usize,
    /// Byte range of the code line that is shown here; a long one takes several lines of the screen.
    pub part: std::ops::Range<usize>,
}

impl Line {
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}
