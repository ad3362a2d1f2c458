//! Source bytes to colored spans, line by line, for the lines asked for.
//!
//! Owns the choice between a grammar, syntect and plain text, the layers inside a file (code in
//! Markdown, scripts in HTML) and the painting. Building is work for a worker thread; asking for a
//! window of lines costs what the window holds.

use crate::syntax::limits::{
    HIGHLIGHT_LAYERS_MAX, HIGHLIGHT_MATCHES_MAX, HIGHLIGHT_REPORTS_MAX, HIGHLIGHT_WINDOW_BYTES_MAX,
    HIGHLIGHT_WINDOW_LINES_MAX,
};
use crate::syntax::query::{self, Compiled, Paint};
use crate::syntax::{Language, Scope, fallback, parse};
use bytes::Bytes;
use std::ops::{ControlFlow, Range};
use tree_sitter::{Node, QueryCursor, QueryCursorOptions, StreamingIterator, Tree};

/// A colored part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Byte range in the line, without its line end.
    pub range: Range<usize>,
    pub scope: Scope,
}

/// The source of the colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colouring {
    /// A tree-sitter grammar.
    Grammar(Language),
    /// A TextMate definition from syntect's set.
    TextMate,
    /// None: no definition, too large, over the budget or stopped.
    Plain,
}

/// The colors of one version of one file.
pub struct Highlights {
    source: Bytes,
    /// First byte of each line.
    starts: Vec<usize>,
    layers: Vec<Layer>,
    textmate: Vec<Vec<Span>>,
    pub colouring: Colouring,
}

/// A tree over a part of the source.
struct Layer {
    tree: Tree,
    compiled: &'static Compiled,
    /// The part; the tree's offsets are relative to its start.
    part: Range<usize>,
}

impl Highlights {
    /// Reads `source`, the content of a file called `path`. `stop` is asked often; when it says so
    /// the rest stays plain.
    pub fn new(path: &str, source: impl Into<Bytes>, stop: &mut dyn FnMut() -> bool) -> Self {
        let source = source.into();
        let mut starts = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', &source).map(|at| at + 1).filter(|&at| at < source.len()));
        let mut all = Self { starts, layers: Vec::new(), textmate: Vec::new(), colouring: Colouring::Plain, source };
        match Language::detect(path, &all.source) {
            Some(language) => {
                let whole = 0..all.source.len();
                if all.add_layer(language, whole, stop) {
                    all.colouring = Colouring::Grammar(language);
                    all.add_inner_layers(language, stop);
                }
            }
            None => {
                if let Some(lines) = fallback::lines(path, &all.source, stop) {
                    (all.textmate, all.colouring) = (lines, Colouring::TextMate);
                }
            }
        }
        all
    }

    /// Returns the number of lines; an empty file has one.
    pub fn line_count(&self) -> usize {
        self.starts.len()
    }

    fn add_layer(&mut self, language: Language, part: Range<usize>, stop: &mut dyn FnMut() -> bool) -> bool {
        let source = self.source.get(part.clone()).unwrap_or(&[]);
        let Some(tree) = parse::parse_unless(language, source, None, stop) else { return false };
        let Some(compiled) = query::of(language) else { return false };
        self.layers.push(Layer { tree, compiled, part });
        true
    }

    /// Layers for what other languages are written in between.
    fn add_inner_layers(&mut self, language: Language, stop: &mut dyn FnMut() -> bool) {
        let (mut parts, mut prose) = (Vec::new(), Vec::new());
        if let (Language::Markdown | Language::Html, Some(layer)) = (language, self.layers.first()) {
            each_node(&layer.tree, |node| match node.kind() {
                "inline" => prose.push(node.range()),
                "fenced_code_block" => parts.extend(fenced(node, &self.source)),
                "script_element" => {
                    parts.extend(child(node, "raw_text").map(|n| (Language::JavaScript, n.byte_range())))
                }
                "style_element" => parts.extend(child(node, "raw_text").map(|n| (Language::Css, n.byte_range()))),
                _ => {}
            });
        }
        if let (false, Some(compiled)) = (prose.is_empty(), query::markdown_inline()) {
            let grammar = query::markdown_inline_grammar();
            let tree = parse::parse_with_grammar(&grammar, &self.source, &prose, None, stop);
            let part = 0..self.source.len();
            self.layers.extend(tree.map(|tree| Layer { tree, compiled, part }));
        }
        for (inner, part) in parts.into_iter().take(HIGHLIGHT_LAYERS_MAX) {
            self.add_layer(inner, part, stop);
        }
    }

    /// The spans of some lines (from 0), one list a line; at most [`HIGHLIGHT_WINDOW_LINES_MAX`] lines
    /// and [`HIGHLIGHT_WINDOW_BYTES_MAX`] bytes of them, what is beyond has no spans.
    pub fn lines(&self, lines: Range<usize>) -> Vec<Vec<Span>> {
        let end = lines.end.min(self.line_count()).min(lines.start.saturating_add(HIGHLIGHT_WINDOW_LINES_MAX));
        let lines = lines.start.min(end)..end;
        if self.colouring == Colouring::TextMate {
            return self.textmate.get(lines).unwrap_or(&[]).to_vec();
        }
        let from = self.starts.get(lines.start).copied().unwrap_or(self.source.len());
        let to = self.starts.get(lines.end).copied().unwrap_or(self.source.len());
        let window = from..to.min(from.saturating_add(HIGHLIGHT_WINDOW_BYTES_MAX));
        let mut canvas = vec![None; window.len()];
        for layer in &self.layers {
            layer.paint(&self.source, &window, &mut canvas);
        }
        let line = |n: usize| {
            let start = self.starts.get(n).copied().unwrap_or(to);
            let end = self.starts.get(n + 1).copied().unwrap_or(self.source.len());
            let painted = canvas.get(start - from..(end - from).min(canvas.len())).unwrap_or(&[]);
            let text = self.source.get(start..end).unwrap_or(&[]);
            let body = text.strip_suffix(b"\n").map_or(text, |t| t.strip_suffix(b"\r").unwrap_or(t));
            spans(painted.get(..body.len()).unwrap_or(painted))
        };
        lines.map(line).collect()
    }
}

impl Layer {
    /// Paints the part of the window that this layer covers.
    fn paint(&self, source: &[u8], window: &Range<usize>, canvas: &mut [Option<Scope>]) {
        let (from, to) = (window.start.max(self.part.start), window.end.min(self.part.end));
        if from >= to {
            return;
        }
        let text = source.get(self.part.clone()).unwrap_or(&[]);
        let shift = self.part.start;
        let mut cursor = QueryCursor::new();
        cursor.set_byte_range(from - shift..to - shift).set_match_limit(HIGHLIGHT_MATCHES_MAX);
        let mut reports = 0usize;
        let mut progress = |_: &tree_sitter::QueryCursorState| {
            reports += 1;
            if reports > HIGHLIGHT_REPORTS_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let options = QueryCursorOptions::new().progress_callback(&mut progress);
        let root = self.tree.root_node();
        let mut captures = cursor.captures_with_options(&self.compiled.query, root, text, options);
        let mut strokes = Vec::new();
        while let Some((found, index)) = captures.next() {
            let Some(capture) = found.captures().get(*index) else { continue };
            let range = capture.node.byte_range();
            let paint = self.compiled.paint(capture.index);
            strokes.push((range.start, std::cmp::Reverse(range.end), found.pattern_index, paint));
        }
        // Outer before inner, general before special.
        strokes.sort_by_key(|&(start, end, pattern, _)| (start, end, pattern));
        for (start, std::cmp::Reverse(end), _, paint) in strokes {
            let scope = match paint {
                Paint::As(scope) => Some(scope),
                Paint::Clear => None,
                Paint::Leave => continue,
            };
            let (start, end) = ((start + shift).max(from), (end + shift).min(to));
            let under = canvas.get_mut(start - window.start..end.max(start) - window.start);
            under.into_iter().flatten().for_each(|cell| *cell = scope);
        }
    }
}

/// Runs of one scope.
fn spans(painted: &[Option<Scope>]) -> Vec<Span> {
    let mut at = 0;
    let runs = painted.chunk_by(|a, b| a == b).map(|run| {
        at += run.len();
        (at - run.len()..at, run.first().copied().flatten())
    });
    runs.filter_map(|(range, scope)| scope.map(|scope| Span { range, scope })).collect()
}

/// Visits all nodes in source order, without recursion.
fn each_node<'t>(tree: &'t Tree, mut visit: impl FnMut(Node<'t>)) {
    let mut cursor = tree.walk();
    loop {
        visit(cursor.node());
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

fn child<'t>(node: Node<'t>, kind: &str) -> Option<Node<'t>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).find(|n| n.kind() == kind)
}

/// The code in a Markdown fence and its language, where the fence names one that has a grammar.
fn fenced(node: Node<'_>, source: &[u8]) -> Option<(Language, Range<usize>)> {
    let named = child(node, "info_string")?;
    let word = std::str::from_utf8(source.get(named.byte_range())?).ok()?;
    let language = Language::detect(&fence_path(word)?, b"").filter(|&l| l != Language::Markdown)?;
    Some((language, child(node, "code_fence_content")?.byte_range()))
}

/// The path of a file in the language that the info string of a Markdown fence names; `None` when it names none.
pub fn fence_path(info: &str) -> Option<String> {
    let word = info.split(|c: char| !c.is_alphanumeric() && c != '+').find(|w| !w.is_empty())?;
    let word = word.to_ascii_lowercase();
    let extension = match word.as_str() {
        "rust" => "rs",
        "python" => "py",
        "javascript" => "js",
        "typescript" => "ts",
        "golang" => "go",
        "shell" | "console" => "sh",
        "ruby" => "rb",
        other => other,
    };
    Some(format!("x.{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn highlights(path: &str, source: &str) -> Highlights {
        Highlights::new(path, source.to_owned(), &mut || false)
    }

    /// All spans as `text:scope`, in order; punctuation, operators and plain variables left out.
    fn check(path: &str, source: &str, colouring: Colouring, expect: &str) {
        let found = highlights(path, source);
        assert_eq!(found.colouring, colouring, "{path}");
        let mut got = Vec::new();
        for (text, spans) in source.lines().zip(found.lines(0..usize::MAX)) {
            for span in spans {
                let quiet = matches!(span.scope, Scope::Punctuation | Scope::Operator | Scope::Variable);
                if !quiet && !text[span.range.clone()].trim().is_empty() {
                    got.push(format!("{}:{:?}", text[span.range].trim(), span.scope));
                }
            }
        }
        assert_eq!(got.join(" "), expect, "{path}: {source}");
    }

    #[test]
    fn each_language_has_its_colours() {
        let grammar = Colouring::Grammar;
        check(
            "a.rs",
            "// c\nfn f(x: u8) -> bool { x == 1 && \"s\\n\" != y!() }\n",
            grammar(Language::Rust),
            "// c:Comment fn:Keyword f:Function x:Parameter u8:Type bool:Type 1:Constant \"s:String \\n:Escape \":String y!:Macro",
        );
        check(
            "a.py",
            "def f(a):\n    return f\"x{a}\" + 1\n",
            grammar(Language::Python),
            "def:Keyword f:Function return:Keyword f\"x:String \":String 1:Number",
        );
        check(
            "a.ts",
            "const a: number = f(`x${b}`) // c\n",
            grammar(Language::TypeScript),
            "const:Keyword number:Type f:Function `x:String `:String // c:Comment",
        );
        check("a.tsx", "<A b=\"c\">{d}</A>\n", grammar(Language::Tsx), "A:Type b:Attribute \"c\":String A:Type");
        check(
            "a.cpp",
            "class A { int x = 1; };\n",
            grammar(Language::Cpp),
            "class:Keyword A:Type int:Type x:Property 1:Number",
        );
        check(
            "a.sh",
            "if true; then echo \"$X\"; fi\n",
            grammar(Language::Bash),
            "if:Keyword true:Function then:Keyword echo:Function \":String X:Property \":String fi:Keyword",
        );
        check("a.json", "{\"a\": [1, true]}\n", grammar(Language::Json), "\"a\":Property 1:Number true:Constant");
        check("a.toml", "a = 1 # c\n", grammar(Language::Toml), "a:Property 1:Number # c:Comment");
    }

    #[test]
    fn layers_inside_a_file_are_coloured() {
        check(
            "a.md",
            "# Title\n\nsome *em* and `code`\n\n```rust\nfn f() {}\n```\n",
            Colouring::Grammar(Language::Markdown),
            "Title:Heading em:Emphasis code:Literal rust:Literal fn:Keyword f:Function",
        );
        check(
            "a.html",
            "<p>x</p><script>let a = 1</script><style>p { color: red }</style>\n",
            Colouring::Grammar(Language::Html),
            "p:Tag p:Tag script:Tag let:Keyword 1:Number script:Tag style:Tag p:Tag color:Property style:Tag",
        );
    }

    #[test]
    fn other_languages_come_from_syntect_or_stay_plain() {
        check(
            "a.yaml",
            "# c\nkey: \"value\" \nnum: 12\n",
            Colouring::TextMate,
            "# c:Comment key:Property \"value\":String num:Property 12:Number",
        );
        check("Makefile", "all:\n\techo hi\n", Colouring::TextMate, "all:Function echo:Function");
        check("a.unknown", "let it be\n", Colouring::Plain, "");
        check("a.rs", "fn\0", Colouring::Plain, "");
    }

    #[test]
    fn a_window_is_what_the_whole_has_there() {
        let source: String = (0..300).map(|n| format!("/* {n}\n*/ fn f{n}() {{ \"s\" }}\r\n")).collect();
        let found = highlights("a.rs", &source);
        let whole = found.lines(0..usize::MAX);
        assert_eq!(whole.len(), 600);
        for at in [0, 1, 250, 598] {
            assert_eq!(found.lines(at..at + 2), whole[at..at + 2]);
        }
        assert_eq!(found.lines(600..700), Vec::<Vec<Span>>::new());
    }

    #[test]
    fn one_huge_line_is_coloured_up_to_the_limit() {
        let source = "let a = 1;".repeat(HIGHLIGHT_WINDOW_BYTES_MAX / 10 + 500);
        let spans = highlights("a.js", &source).lines(0..1);
        let end = spans[0].last().unwrap().range.end;
        assert!(end <= HIGHLIGHT_WINDOW_BYTES_MAX && end > HIGHLIGHT_WINDOW_BYTES_MAX - 20);
    }

    #[test]
    fn stopping_leaves_plain_text() {
        for path in ["a.rs", "a.yaml"] {
            let source = "a: b\n".repeat(5000);
            assert_eq!(Highlights::new(path, source, &mut || true).colouring, Colouring::Plain);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn spans_lie_in_their_lines_in_order(
            source in "[a-z(){}\"'#é<>*`:= \n\r-]{0,120}",
            path in proptest::sample::select(vec!["a.rs", "a.md", "a.html", "a.yaml", "a.py", "a.rb", "a.sh", "a.tsx", "a.lua"]),
        ) {
            let lines = highlights(path, &source).lines(0..usize::MAX);
            let texts: Vec<&str> = source.split_inclusive('\n').collect();
            prop_assert_eq!(lines.len(), texts.len().max(1));
            for (spans, text) in lines.iter().zip(texts) {
                let body = text.trim_end_matches('\n').len();
                prop_assert!(spans.windows(2).all(|w| w[0].range.end <= w[1].range.start));
                prop_assert!(spans.iter().all(|s| s.range.start < s.range.end && s.range.end <= body));
            }
        }
    }
}
