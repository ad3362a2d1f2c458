//! One block of Markdown as lines of a width.

use super::document::{opening, options};
use super::limits::NESTED_LEVELS_MAX;
use super::table::Table;
use super::{Block, Code, Definitions, Face, Kind, Line, Span};
use crate::base::text::{Show, escape, width};
use pulldown_cmark::{BrokenLink, CodeBlockKind, CowStr, Event, HeadingLevel, Parser, Tag, TagEnd};
use std::sync::Arc;

/// The lines of a block whose text is `source`, none wider than `columns`.
pub fn lines(source: &str, block: &Block, definitions: &Definitions, columns: usize) -> Vec<Line> {
    laid_out(source, block, definitions, columns, usize::MAX)
}

/// The lines of a block that still grows. The row of a table that is being written comes when its line has ended: every
/// letter of it might make its column wider.
pub fn lines_so_far(source: &str, block: &Block, definitions: &Definitions, columns: usize) -> Vec<Line> {
    let ended = source.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    laid_out(source, block, definitions, columns, ended)
}

/// `rows_end`: rows of tables from there on are left out.
fn laid_out(source: &str, block: &Block, definitions: &Definitions, columns: usize, rows_end: usize) -> Vec<Line> {
    let opened = opening(block.fence.as_deref());
    let text = format!("{opened}{source}");
    let resolve = |link: BrokenLink<'_>| {
        let address = definitions.get(&link.reference)?;
        Some((CowStr::from(address.to_owned()), CowStr::from("")))
    };
    let parser = Parser::new_with_broken_link_callback(&text, options(), Some(resolve)).into_offset_iter();
    let mut layout = Layout { columns: columns.max(1), skipped: opened.len(), rows_end, ..Layout::default() };
    for (event, range) in parser {
        layout.event(event, range.start);
    }
    layout.flush();
    layout.lines
}

/// A list or a quote that the current words are in.
#[derive(Debug)]
enum Level {
    Quote,
    /// The next number; `None` for bullets.
    List(Option<u64>),
    /// Its mark is drawn with the first line that follows.
    Item {
        mark: Option<String>,
        columns: usize,
    },
}

/// Words that are not broken into lines yet.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub spans: Vec<Span>,
    source: Option<usize>,
}

impl Words {
    fn push(&mut self, text: &str, face: Face, source: usize) {
        self.link(text, face, None, source);
    }

    fn link(&mut self, text: &str, face: Face, link: Option<&Arc<str>>, source: usize) {
        if text.is_empty() {
            return;
        }
        self.source.get_or_insert(source);
        match self.spans.last_mut() {
            Some(last) if last.face == face && last.link.as_ref() == link => last.text.push_str(text),
            Some(_) | None => self.spans.push(Span { text: text.to_owned(), face, link: link.cloned() }),
        }
    }
}

#[derive(Debug, Default)]
struct Layout {
    columns: usize,
    /// Bytes before the block's own source.
    skipped: usize,
    lines: Vec<Line>,
    levels: Vec<Level>,
    words: Words,
    face: Face,
    /// Links that are open: where they lead and how many bytes of label there were before.
    links: Vec<(Arc<str>, usize)>,
    /// A blank line comes before the next block.
    gap: bool,
    /// The last lines are of a code block.
    after_code: bool,
    /// See [`laid_out`].
    rows_end: usize,
    /// In a code block: its language, its code so far, and where it begins.
    fence: Option<(String, String, usize)>,
    table: Option<Table>,
}

impl Layout {
    fn event(&mut self, event: Event<'_>, at: usize) {
        let at = at.saturating_sub(self.skipped);
        match event {
            Event::Start(tag) => self.start(tag, at),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.fence {
                Some((_, code, _)) => code.push_str(&text),
                None => self.say(&text, self.face, at),
            },
            Event::Code(text) => self.say(&text, Face { kind: Kind::Code, ..self.face }, at),
            Event::Html(text) | Event::InlineHtml(text) => {
                let face = Face { kind: Kind::Html, ..Face::default() };
                // The lines of a block of HTML stay lines.
                for line in text.split_inclusive('\n') {
                    self.say(line.trim_end_matches(['\n', '\r']), face, at);
                    if line.ends_with('\n') {
                        self.flush();
                    }
                }
            }
            Event::SoftBreak => self.say(" ", self.face, at),
            Event::HardBreak => self.flush(),
            Event::Rule => {
                self.begin();
                let room = self.room();
                self.words.push(&"─".repeat(room.min(40)), mark(), at);
                self.flush();
                self.gap = true;
            }
            Event::TaskListMarker(done) => {
                let sign = if done { "[x] " } else { "[ ] " };
                self.words.push(sign, mark(), at);
            }
            Event::FootnoteReference(name) | Event::InlineMath(name) | Event::DisplayMath(name) => {
                self.say(&name, self.face, at);
            }
        }
    }

    /// Foreign words, made safe to show.
    fn say(&mut self, text: &str, face: Face, at: usize) {
        let shown = escape::show(text, &Show::prose());
        let link = self.links.first().map(|(address, _)| address);
        match &mut self.table {
            Some(table) => table.say(&shown, face, link),
            None => self.words.link(&shown, face, link, at),
        }
    }

    fn start(&mut self, tag: Tag<'_>, at: usize) {
        match tag {
            Tag::Paragraph => self.begin(),
            Tag::Heading { level, .. } => {
                self.begin();
                self.face.kind = Kind::Heading(number(level));
            }
            Tag::BlockQuote(_) => {
                self.begin();
                self.levels.push(Level::Quote);
            }
            Tag::CodeBlock(kind) => {
                self.begin();
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split([' ', ',', '{']).next().unwrap_or_default().to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.fence = Some((language, String::new(), at));
            }
            Tag::HtmlBlock => self.begin(),
            Tag::List(first) => {
                self.flush();
                if !self.levels.iter().any(|level| matches!(level, Level::Item { .. })) {
                    self.begin();
                }
                self.levels.push(Level::List(first));
            }
            Tag::Item => {
                self.flush();
                // Items stay together, except that code would run into the next one.
                if std::mem::take(&mut self.after_code) && matches!(self.levels.last(), Some(Level::List(_))) {
                    self.line(Vec::new(), 0);
                }
                let mark = match self.levels.last_mut() {
                    Some(Level::List(Some(next))) => {
                        let text = format!("{next}. ");
                        *next = next.saturating_add(1);
                        text
                    }
                    _ => "• ".to_owned(),
                };
                let columns = width::width(&mark);
                self.levels.push(Level::Item { mark: Some(mark), columns });
                self.gap = false;
            }
            Tag::Emphasis => self.face.emphasis = true,
            Tag::Strong => self.face.strong = true,
            Tag::Strikethrough => self.face.struck = true,
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.links.push((Arc::from(&*dest_url), self.label_bytes()));
                self.face.kind = Kind::Link;
            }
            Tag::Table(alignments) => {
                self.begin();
                self.table = Some(Table::new(alignments, at));
            }
            Tag::TableHead | Tag::TableRow => {
                if let Some(table) = &mut self.table {
                    table.row();
                    table.last_row_is_open = at >= self.rows_end;
                }
            }
            Tag::TableCell => {
                if let Some(table) = &mut self.table {
                    table.cell();
                }
            }
            Tag::FootnoteDefinition(_) | Tag::DefinitionList | Tag::DefinitionListTitle => self.begin(),
            Tag::DefinitionListDefinition | Tag::MetadataBlock(_) | Tag::Superscript | Tag::Subscript => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => {
                self.flush();
                self.gap = true;
            }
            TagEnd::Heading(_) => {
                self.flush();
                self.face.kind = Kind::Text;
                self.gap = true;
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.levels.pop();
                self.gap = true;
            }
            TagEnd::CodeBlock => {
                if let Some((language, code, at)) = self.fence.take()
                    && !self.table_in_fence(&language, &code, at)
                {
                    self.code(&language, &code, at);
                    self.after_code = true;
                }
                self.gap = true;
            }
            TagEnd::List(_) => {
                self.levels.pop();
                self.gap = true;
            }
            TagEnd::Item => {
                self.flush();
                // An item without words still shows its mark.
                if matches!(self.levels.last(), Some(Level::Item { mark: Some(_), .. })) {
                    self.line(Vec::new(), 0);
                }
                self.levels.pop();
            }
            TagEnd::Emphasis => self.face.emphasis = false,
            TagEnd::Strong => self.face.strong = false,
            TagEnd::Strikethrough => self.face.struck = false,
            TagEnd::Link | TagEnd::Image => self.link_ends(),
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    let room = self.room();
                    let at = table.source;
                    for spans in table.lines(room) {
                        self.line(spans, at);
                    }
                }
                self.gap = true;
            }
            TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::TableCell
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    /// Lays out code in Markdown that is nothing but a table, as models like to write one. False where it is not that.
    fn table_in_fence(&mut self, language: &str, code: &str, at: usize) -> bool {
        if !["markdown", "md"].contains(&language) {
            return false;
        }
        let events: Vec<Event<'_>> = Parser::new_ext(code, options()).collect();
        let edges = |event: &&Event<'_>| matches!(event, Event::Start(Tag::Table(_)) | Event::End(TagEnd::Table));
        let is_table = edges(&events.first().unwrap_or(&Event::Rule)) && edges(&events.last().unwrap_or(&Event::Rule));
        let is_one = is_table && events.iter().filter(edges).count() == 2;
        if is_one {
            events.into_iter().for_each(|event| self.event(event, at + self.skipped));
        }
        is_one
    }

    /// Bytes of words so far, where a label may begin.
    fn label_bytes(&self) -> usize {
        match &self.table {
            Some(table) => table.cell_text().len(),
            None => self.words.spans.iter().map(|span| span.text.len()).sum(),
        }
    }

    /// Says where the link leads, unless its label does.
    fn link_ends(&mut self) {
        let Some((address, from)) = self.links.last().cloned() else { return };
        self.say_address(&address, from);
        self.links.pop();
        if self.links.is_empty() {
            self.face.kind = Kind::Text;
        }
    }

    fn say_address(&mut self, address: &str, from: usize) {
        let words = match &self.table {
            Some(table) => table.cell_text(),
            None => self.words.spans.iter().map(|span| span.text.as_str()).collect(),
        };
        let label = words.get(from..).unwrap_or_default().trim().to_owned();
        if address.is_empty() || bare(&label) == bare(address) {
            return;
        }
        let face = Face { kind: Kind::Address, ..Face::default() };
        self.say(&format!(" ({address})"), face, 0);
    }

    /// A block begins: what came before is over.
    fn begin(&mut self) {
        self.flush();
        let awaits_mark = matches!(self.levels.last(), Some(Level::Item { mark: Some(_), .. }));
        if std::mem::take(&mut self.gap) && !self.lines.is_empty() && !awaits_mark {
            self.line(Vec::new(), 0);
        }
    }

    fn room(&self) -> usize {
        let used: usize = self.prefix(false).iter().map(|span| width::width(&span.text)).sum();
        self.columns.saturating_sub(used).max(1)
    }

    /// What stands before the words of a line: bars of quotes, indents of items, and the mark of the innermost.
    fn prefix(&self, first: bool) -> Vec<Span> {
        let mut spans = Vec::new();
        let span = |text: String| Span { text, face: mark(), link: None };
        let levels = self.levels.iter().filter(|level| !matches!(level, Level::List(_)));
        for level in levels.take(NESTED_LEVELS_MAX) {
            spans.push(match level {
                Level::Quote => span("▎ ".to_owned()),
                Level::Item { mark: Some(text), .. } if first => span(text.clone()),
                Level::Item { columns, .. } => span(" ".repeat(*columns)),
                Level::List(_) => continue,
            });
        }
        spans
    }

    fn line(&mut self, words: Vec<Span>, source: usize) {
        let mut spans = self.prefix(true);
        for level in &mut self.levels {
            if let Level::Item { mark, .. } = level {
                *mark = None;
            }
        }
        spans.extend(words);
        // Blanks at the end of an empty line mean nothing.
        if spans.iter().all(|span| span.text.trim().is_empty()) {
            spans.clear();
        }
        self.lines.push(Line { spans, source, code: None });
    }

    /// Breaks the words that wait into lines.
    fn flush(&mut self) {
        let words = std::mem::take(&mut self.words);
        let Some(source) = words.source else { return };
        self.after_code = false;
        for spans in wrapped(&words.spans, self.room()) {
            self.line(spans, source);
        }
    }

    fn code(&mut self, language: &str, code: &str, at: usize) {
        let room = self.room().saturating_sub(2).max(1);
        let face = Face { kind: Kind::Fence, ..Face::default() };
        for (number, line) in code.lines().enumerate() {
            let shown = escape::show(line, &Show::default()).into_owned();
            let mut from = 0;
            loop {
                let rest = shown.get(from..).unwrap_or_default();
                let mut part = width::prefix(rest, room);
                if part.is_empty() {
                    part = width::clusters(rest).next().map_or("", |(cluster, _)| cluster);
                }
                let end = from + part.len();
                let edge = if from == 0 { "  " } else { "↪ " };
                let span = |text: &str, face| Span { text: text.to_owned(), face, link: None };
                let spans = vec![span(edge, mark()), span(part, face)];
                self.line(spans, at);
                if let Some(last) = self.lines.last_mut() {
                    last.code = Some(Code { language: language.to_owned(), line: number, part: from..end });
                }
                from = end;
                if from >= shown.len() {
                    break;
                }
            }
        }
    }
}

fn mark() -> Face {
    Face { kind: Kind::Mark, ..Face::default() }
}

fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// An address as people write it.
fn bare(address: &str) -> &str {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")).unwrap_or(address);
    let rest = rest.strip_prefix("mailto:").unwrap_or(rest);
    rest.trim_end_matches('/')
}

/// Words broken into lines of at most this many columns.
pub(super) fn wrapped(spans: &[Span], columns: usize) -> Vec<Vec<Span>> {
    let text: String = spans.iter().map(|span| span.text.as_str()).collect();
    let lines = width::wrap(&text, columns);
    lines
        .into_iter()
        .map(|line| {
            let mut at = 0;
            let mut parts = Vec::new();
            for span in spans {
                let (from, to) = (at.max(line.start), (at + span.text.len()).min(line.end));
                if from < to
                    && let Some(text) = span.text.get(from - at..to - at)
                {
                    parts.push(Span { text: text.to_owned(), ..span.clone() });
                }
                at += span.text.len();
            }
            parts
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Document;
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str, columns: usize) -> Vec<String> {
        let document = Document::new(text);
        let blocks = document.settled().iter().chain([document.tail()]);
        blocks
            .flat_map(|block| lines(document.source(block), block, document.definitions(), columns))
            .map(|line| line.text().trim_end().to_owned())
            .collect()
    }

    #[test]
    fn what_agents_write_is_laid_out() {
        let text = "## Cause\n`add` **subtracts**: see [the docs](https://a.example/x).\n\n1. fix it\n   - and this\n2. test\n\n> quoted\n> words\n\n- [x] done\n";
        assert_eq!(
            shown(text, 60),
            [
                "Cause",
                "",
                "add subtracts: see the docs (https://a.example/x).",
                "1. fix it",
                "   • and this",
                "2. test",
                "▎ quoted words",
                "• [x] done",
            ]
        );
    }

    #[test]
    fn code_keeps_its_lines_and_long_ones_go_on() {
        assert_eq!(shown("```rust\nfn main() {\n    run();\n}\n```\n", 40), ["  fn main() {", "      run();", "  }"]);
        assert_eq!(shown("```\nabcdefgh\n```\n", 6), ["  abcd", "↪ efgh"]);
        let document = Document::new("```python\nx = 1\n");
        let line = &lines(document.source(document.tail()), document.tail(), document.definitions(), 40)[0];
        assert_eq!(line.code, Some(Code { language: "python".into(), line: 0, part: 0..5 }));
    }

    #[test]
    fn a_link_shows_where_it_leads() {
        assert_eq!(shown("<https://a.example>", 80), ["https://a.example"]);
        assert_eq!(shown("[a.example](https://a.example/)", 80), ["a.example"]);
        assert_eq!(shown("[a.example](https://evil.example/)", 80), ["a.example (https://evil.example/)"]);
        assert_eq!(shown("![logo](x.png)", 80), ["logo (x.png)"]);
        assert_eq!(shown("[it]\n\n[it]: https://b.example/\n", 80), ["it (https://b.example/)"]);
    }

    #[test]
    fn nothing_that_steers_a_terminal_comes_out() {
        let all = shown(
            "\u{1b}]52;c;AAAA\u{7} &#27;[31m `\u{9b}` [\u{202e}x](https://e.example/\u{7})\n\n```\n\u{1b}[2J\n```\n",
            80,
        )
        .concat();
        assert!(!all.chars().any(|c| c.is_control() || c == '\u{202e}'), "{all:?}");
    }

    fn text() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "word ",
            "\n",
            "\n\n",
            "# ",
            "- ",
            "1. ",
            "> ",
            "```\n",
            "~~~",
            "    ",
            "\t",
            "| a | b |\n",
            "|---|:-:|\n",
            "---\n",
            "[a](b)",
            "[a]: /b\n",
            "<div>\n",
            "<!--",
            "*",
            "**",
            "`",
            "\\",
            "漢字",
            "\r\n",
            "- [ ] ",
            "&#27;",
            "\u{1b}[0m",
            "\u{202e}",
            "e\u{301}",
            "👩‍👩‍👧",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn lines_fit_and_are_safe_to_show(text in text(), columns in 1usize..60) {
            for line in shown(&text, columns) {
                prop_assert!(line.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{line:?}");
                prop_assert!(columns < 24 || width::width(&line) <= columns, "{line:?} in {columns}");
            }
        }
    }
}
