//! A growing text and its blocks.
//!
//! What comes before a blank line is settled once a whole line has begun another block at the top level: CommonMark
//! decides line by line, so nothing that follows changes it, except a link definition, which [`Definitions`] collects. A
//! line that may become one has begun nothing yet. A block that grows beyond [`BLOCK_BYTES_MAX`] is cut at a line end.
//! Both depend on the text alone and not on the pieces it came in.

use super::limits::{BLOCK_BYTES_MAX, DEFINITIONS_MAX};
use pulldown_cmark::{Event, Options, Parser};
use std::collections::BTreeMap;
use std::ops::Range;

/// What is understood beyond CommonMark.
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

/// Where the labels of the text's link definitions lead, by their normalized label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definitions(BTreeMap<String, String>);

impl Definitions {
    pub fn get(&self, label: &str) -> Option<&str> {
        self.0.get(&normalized(label)).map(String::as_str)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first definition of a label counts.
    fn add(&mut self, label: &str, address: &str) {
        if self.0.len() < DEFINITIONS_MAX {
            self.0.entry(normalized(label)).or_insert_with(|| address.to_owned());
        }
    }
}

fn normalized(label: &str) -> String {
    label.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// A piece of the text that is laid out by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// In the text.
    pub source: Range<usize>,
    /// The line that opened the code block which this block goes on with.
    pub fence: Option<String>,
    /// It goes on with the block before it, which was too long.
    pub continues: bool,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    text: String,
    settled: Vec<Block>,
    /// What is not settled.
    tail: Block,
    definitions: Definitions,
}

impl Document {
    pub fn new(text: &str) -> Self {
        let mut document = Self::default();
        document.push(text);
        document
    }

    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.tail.source.end = self.text.len();
        // Without a line end nothing settles.
        if text.contains('\n') {
            while self.settle() {}
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Blocks that never change again.
    pub fn settled(&self) -> &[Block] {
        &self.settled
    }

    /// What may still change; empty when there is nothing.
    pub fn tail(&self) -> &Block {
        &self.tail
    }

    pub fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    pub fn source(&self, block: &Block) -> &str {
        self.text.get(block.source.clone()).unwrap_or_default()
    }

    /// Settles what can be settled of at most one block's length; true when there may be more.
    fn settle(&mut self) -> bool {
        let start = self.tail.source.start;
        let rest = self.text.get(start..).unwrap_or_default();
        let Some(whole) = rest.rfind('\n').map(|at| at + 1) else { return false };
        // No more than this is looked at, so that a long text costs no more for each of its bytes than a short one.
        let window = rest.get(..whole).unwrap_or_default();
        let cut = (window.len() > BLOCK_BYTES_MAX).then(|| line_end_from(window, BLOCK_BYTES_MAX));
        let window = window.get(..cut.unwrap_or(window.len())).unwrap_or_default();
        let opened = opening(self.tail.fence.as_deref());
        let (starts, definitions) = top_level(&opened, window);
        for (label, address) in definitions {
            self.definitions.add(&label, &address);
        }
        // What comes before the first block, blank lines and definitions, belongs to it.
        let ends: Vec<usize> = starts.iter().skip(1).map(|at| start + at).collect();
        if !ends.is_empty() {
            for end in ends {
                let next = Block { source: end..self.text.len(), fence: None, continues: false };
                let mut block = std::mem::replace(&mut self.tail, next);
                block.source.end = end;
                self.settled.push(block);
            }
            return true;
        }
        let Some(cut) = cut else { return false };
        let fence = open_fence(&opened, window);
        let block = Block { source: start..start + cut, ..std::mem::take(&mut self.tail) };
        self.settled.push(block);
        self.tail = Block { source: start + cut..self.text.len(), fence, continues: true };
        true
    }
}

/// The line that is put before a block which goes on with a code block.
pub(super) fn opening(fence: Option<&str>) -> String {
    fence.map(|line| format!("{line}\n")).unwrap_or_default()
}

fn line_end_from(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes().get(from..).unwrap_or_default();
    memchr::memchr(b'\n', bytes).map_or(text.len(), |at| from + at + 1)
}

/// Where blocks of the top level begin after a blank line, with the first block, and the link definitions. Without the
/// blank line what comes before may decide how a block is read: a definition, a paragraph.
fn top_level(opened: &str, text: &str) -> (Vec<usize>, Vec<(String, String)>) {
    let whole = format!("{opened}{text}");
    let mut parser = Parser::new_ext(&whole, options()).into_offset_iter();
    let mut starts = Vec::new();
    let mut depth = 0usize;
    for (event, range) in parser.by_ref() {
        let (opens, closes) = match event {
            Event::Start(_) => (true, false),
            Event::End(_) => (false, true),
            Event::Rule => (true, true),
            Event::Text(_)
            | Event::Code(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::SoftBreak
            | Event::HardBreak
            | Event::TaskListMarker(_) => (false, false),
        };
        if opens && depth == 0 {
            let start = line_start(&whole, range.start);
            if starts.is_empty() || is_after_blank(&whole, start) {
                starts.push(start.saturating_sub(opened.len()));
            }
        }
        depth = (depth + usize::from(opens)).saturating_sub(usize::from(closes));
    }
    // Two blocks never begin on one line; a start that is not behind the last one would settle nothing.
    starts.dedup();
    // A paragraph may still turn into a link definition, which is no block, until it is over.
    if starts.last().and_then(|at| text.get(*at..)).is_some_and(may_be_definition) {
        starts.pop();
    }
    let definitions = parser.reference_definitions().iter();
    let definitions = definitions.map(|(label, def)| (label.to_owned(), def.dest.to_string())).collect();
    (starts, definitions)
}

/// Whether a text without a blank line begins as a link definition does.
fn may_be_definition(text: &str) -> bool {
    let is_open = !text.trim_start().lines().any(|line| line.trim().is_empty());
    is_open && text.trim_start().starts_with('[')
}

/// Whether the line before this one holds blanks only.
fn is_after_blank(text: &str, start: usize) -> bool {
    let before = text.get(..start).unwrap_or_default();
    let before = before.strip_suffix('\n').unwrap_or(before);
    let before = before.strip_suffix('\r').unwrap_or(before);
    before.get(line_start(before, before.len())..).is_some_and(|line| line.trim().is_empty())
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind(['\n', '\r'])).map_or(0, |end| end + 1)
}

/// The opening line of a code block at the top level that is still open at the end of this text, which is one block.
fn open_fence(opened: &str, text: &str) -> Option<String> {
    let first = if opened.is_empty() { text } else { opened }.lines().find(|line| !line.trim().is_empty())?;
    let mark = first.trim_start();
    let indent = first.len() - mark.len();
    let kind = mark.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let count = mark.chars().take_while(|c| *c == kind).count();
    (indent < 4 && count >= 3).then(|| first.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blocks(document: &Document) -> Vec<&str> {
        document.settled().iter().chain([document.tail()]).map(|block| document.source(block)).collect()
    }

    #[test]
    fn a_block_settles_when_the_next_one_begins() {
        let document = Document::new("# One\n\ntext\nmore\n\n- a\n- b\n\n```rs\nfn x() {}\n\n");
        assert_eq!(blocks(&document), ["# One\n\n", "text\nmore\n\n", "- a\n- b\n\n", "```rs\nfn x() {}\n\n"]);
        let document = Document::new("text\n-");
        assert_eq!(blocks(&document), ["text\n-"], "a heading or a list: the line is not over");
    }

    #[test]
    fn definitions_are_known_wherever_they_are() {
        let document = Document::new("see [it]\n\n[it]: https://example.org/a\n\nend\n");
        assert_eq!(document.definitions().get("IT"), Some("https://example.org/a"));
    }

    #[test]
    fn a_long_code_block_is_cut_at_a_line_and_stays_code() {
        let line = "let x = 1; // ````\n";
        let text = format!("````rust\n{}````\n\nafter\n", line.repeat(4_000));
        let document = Document::new(&text);
        assert!(document.settled().len() > 2);
        for block in &document.settled()[1..document.settled().len() - 1] {
            assert!(block.fence.is_some() && block.continues, "{block:?}");
            assert!(block.source.len() <= BLOCK_BYTES_MAX + line.len());
        }
        assert_eq!(document.source(document.tail()), "after\n");
        assert_eq!(document.tail().fence, None);
    }

    /// Text with everything that can make a block look different later.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "a",
            " ",
            "\n",
            "\n\n",
            "# ",
            "- ",
            "1. ",
            "> ",
            "```",
            "~~~",
            "    ",
            "\t",
            "| a | b |",
            "|---|---|",
            "---",
            "===",
            "[a]",
            "[a]: /b\n",
            "<div>",
            "</div>",
            "<!--",
            "-->",
            "*",
            "**",
            "`",
            "\\",
            "é",
            "\r\n",
            "- [ ] ",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn pieces_make_the_same_document_as_the_whole(text in text(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).filter(|at| text.is_char_boundary(*at)).collect();
            at.extend([0, text.len()]);
            at.sort_unstable();
            let mut streamed = Document::default();
            for pair in at.windows(2) {
                streamed.push(&text[pair[0]..pair[1]]);
            }
            prop_assert_eq!(&streamed, &Document::new(&text));
            prop_assert_eq!(blocks(&streamed).concat(), text);
        }
    }
}
