//! CommonMark (with tables, task lists and struck-out text) as lines for a screen, also while it streams in.
//!
//! [`Document`] splits a growing text into blocks; all but the last are settled and never change again. [`lines`] lays
//! one block out for a width, and [`lines_so_far`] the one that still grows. Nothing here draws or chooses colors: a [`Span`] says what its words are.

mod document;
mod layout;
pub mod limits;
pub mod plan;
mod table;

use std::sync::Arc;

pub use document::{Block, Definitions, Document};
pub use layout::{lines, lines_so_far};

/// The lines of a whole text.
pub fn rendered(text: &str, columns: usize) -> Vec<Line> {
    let document = Document::new(text);
    let mut all = Vec::new();
    for block in document.settled().iter().chain([document.tail()]) {
        let lines = lines(document.source(block), block, document.definitions(), columns);
        if !all.is_empty() && !lines.is_empty() && !block.continues {
            all.push(Line::default());
        }
        all.extend(lines);
    }
    all
}

/// The words of a text without its marks, in one line: for places that have no room for more. Safe to show.
pub fn words(text: &str) -> String {
    let lines = rendered(text, usize::from(u16::MAX));
    let spans = lines.iter().map(|line| {
        let words = line.spans.iter().filter(|span| span.face.kind != Kind::Mark);
        words.map(|span| span.text.as_str()).collect::<String>()
    });
    spans.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

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
    /// Where it leads, as it is written: not safe to show.
    pub link: Option<Arc<str>>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_text_are_one_line_without_marks() {
        assert_eq!(words("## Fix\n\n- the **bound** in `peek`\n- and ~~this~~\n"), "Fix the bound in peek and this");
        assert_eq!(words("a\u{1b}[2J\n\n```\nx = 1\n```\n"), format!("{} x = 1", words("a\u{1b}[2J")));
        assert_eq!(words(""), "");
    }
}
