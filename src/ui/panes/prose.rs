//! A message as rows: Markdown that is laid out as far as it is settled, and code in the colors of its language.

use crate::markdown::{self, Document, Face, Line, Span};
use crate::syntax::{Highlights, fence_path};
use crate::ui::limits::UI_TALK_HIGHLIGHT_STEPS_MAX;
use crate::ui::look::Brush;
use crate::ui::panes::row::{self, Row};
use crate::ui::theme::Role;
use crate::ui::workers::role_of;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use std::ops::Range;

/// One row of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TalkRow {
    Plain(Row),
    Prose(Line),
    /// A line of a code block, with the colors of its code.
    Code(Line, Vec<(std::ops::Range<usize>, Role)>),
}

impl TalkRow {
    pub fn text(&self) -> String {
        match self {
            Self::Plain(row) => row.text(),
            Self::Prose(line) | Self::Code(line, _) => line.text(),
        }
    }

    pub fn draw(&self, brush: &mut Brush<'_>, line: Rect, left: usize) {
        match self {
            Self::Plain(row) => row.draw(brush, line, left),
            Self::Prose(words) => {
                spans(brush, line, &words.spans);
            }
            Self::Code(words, colors) => code_row(brush, line, words, colors),
        }
    }
}

/// Draws runs of Markdown; gives the column behind them.
fn spans(brush: &mut Brush<'_>, line: Rect, spans: &[Span]) -> u16 {
    spans.iter().fold(line.x + 1, |x, span| {
        let style = style_of(span.face, brush);
        match &span.link {
            Some(address) => brush.linked(x, line.y, line.right(), &span.text, style, address),
            None => brush.styled(x, line.y, line.right(), &span.text, style),
        }
    })
}

/// A message as Markdown, laid out as far as it is settled.
#[derive(Debug, Default)]
pub struct Prose {
    document: Document,
    /// Rows of settled blocks, and how many of those there are.
    settled_rows: usize,
    settled_blocks: usize,
    /// Link definitions that were known then: a new one may make a link of what was text.
    definitions: usize,
}

impl Prose {
    /// Brings the rows up to date with the whole text of the message.
    pub fn lay_out(&mut self, text: &str, is_open: bool, columns: u16, rows: &mut Vec<TalkRow>) {
        match text.strip_prefix(self.document.text()) {
            Some(more) => self.document.push(more),
            None => *self = Self { document: Document::new(text), ..Self::default() },
        }
        let definitions = self.document.definitions();
        if self.definitions != definitions.len() {
            self.definitions = definitions.len();
            (self.settled_rows, self.settled_blocks) = (0, 0);
        }
        rows.truncate(self.settled_rows);
        let room = usize::from(columns.saturating_sub(2)).max(1);
        let add = |block: &markdown::Block, is_final: bool, rows: &mut Vec<TalkRow>| {
            let lay_out = if is_final { markdown::lines } else { markdown::lines_so_far };
            let lines = lay_out(self.document.source(block), block, definitions, room);
            if !rows.is_empty() && !lines.is_empty() && !block.continues {
                rows.push(TalkRow::Prose(Line::default()));
            }
            rows.extend(if is_final { colored(lines) } else { lines.into_iter().map(TalkRow::Prose).collect() });
        };
        for block in self.document.settled().iter().skip(self.settled_blocks) {
            add(block, true, rows);
        }
        (self.settled_rows, self.settled_blocks) = (rows.len(), self.document.settled().len());
        add(self.document.tail(), !is_open, rows);
    }
}

/// Lines whose code blocks have the colors of their languages. Only for what does not change any more.
pub fn colored(lines: Vec<Line>) -> Vec<TalkRow> {
    let mut rows: Vec<TalkRow> = Vec::with_capacity(lines.len());
    let mut lines = lines.into_iter().peekable();
    while let Some(line) = lines.next() {
        let Some(code) = line.code.clone() else {
            rows.push(TalkRow::Prose(line));
            continue;
        };
        let mut block = vec![line];
        while let Some(next) = lines.next_if(|next| next.code.as_ref().is_some_and(|c| c.line > 0 || c.part.start > 0))
        {
            block.push(next);
        }
        match fence_path(&code.language) {
            Some(path) => rows.extend(colored_block(&path, block)),
            None => rows.extend(block.into_iter().map(TalkRow::Prose)),
        }
    }
    rows
}

fn colored_block(path: &str, block: Vec<Line>) -> impl Iterator<Item = TalkRow> {
    let mut code = String::new();
    let mut last = 0;
    for line in &block {
        let number = line.code.as_ref().map_or(0, |code| code.line);
        code.push_str(&"\n".repeat(number.saturating_sub(last)));
        code.push_str(line.spans.last().map_or("", |span| span.text.as_str()));
        last = number;
    }
    let mut patience = UI_TALK_HIGHLIGHT_STEPS_MAX;
    let mut stop = || {
        patience = patience.saturating_sub(1);
        patience == 0
    };
    let highlights = Highlights::new(path, code, &mut stop);
    let colors = highlights.lines(0..last + 1);
    block.into_iter().map(move |line| {
        let Some(code) = line.code.clone() else { return TalkRow::Prose(line) };
        let spans = colors.get(code.line).map(Vec::as_slice).unwrap_or_default();
        let within = |at: usize| at.clamp(code.part.start, code.part.end) - code.part.start;
        let spans = spans.iter().map(|span| (within(span.range.start)..within(span.range.end), role_of(span.scope)));
        let spans = spans.filter(|(range, _)| !range.is_empty()).collect();
        TalkRow::Code(line, spans)
    })
}

/// Draws a line of code: its edge, then the code in its colors.
fn code_row(brush: &mut Brush<'_>, line: Rect, words: &Line, colors: &[(Range<usize>, Role)]) {
    let Some((code, before)) = words.spans.split_last() else { return };
    let mut x = spans(brush, line, before);
    let mut at = 0;
    let mut run = |range: Range<usize>, role: Role, brush: &mut Brush<'_>| {
        if let Some(text) = code.text.get(range) {
            x = brush.text(x, line.y, line.right(), text, role);
        }
    };
    for (range, role) in colors {
        run(at..range.start.max(at), Role::Text, brush);
        run(range.start.max(at)..range.end.max(at), *role, brush);
        at = at.max(range.end);
    }
    run(at..code.text.len(), Role::Text, brush);
}

/// How a run of Markdown looks.
fn style_of(face: Face, brush: &Brush<'_>) -> Style {
    let mut modifiers = match face.kind {
        markdown::Kind::Heading(1 | 2) => Modifier::BOLD | Modifier::UNDERLINED,
        markdown::Kind::Heading(_) => Modifier::BOLD,
        markdown::Kind::Link => Modifier::UNDERLINED,
        markdown::Kind::Text
        | markdown::Kind::Code
        | markdown::Kind::Fence
        | markdown::Kind::Mark
        | markdown::Kind::Address
        | markdown::Kind::Html => Modifier::empty(),
    };
    modifiers.set(Modifier::BOLD, modifiers.contains(Modifier::BOLD) || face.strong);
    modifiers.set(Modifier::ITALIC, face.emphasis);
    modifiers.set(Modifier::CROSSED_OUT, face.struck);
    brush.look.style(row::role_of(face.kind)).add_modifier(modifiers)
}
