//! Markdown that streams in looks as if it had come at once: every example of the CommonMark specification, and every
//! case of our parser's own tests, in any two pieces and letter by letter.
//!
//! The examples are read from the package of `pulldown-cmark`, which every build has on its disk: the specification's
//! text (CC BY-SA 4.0) is not copied into this repository.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail by panicking"
)]

use pulldown_cmark::{BrokenLink, CowStr, Event, Options, Parser, Tag};
use rightseat::base::text::width;
use rightseat::markdown::limits::TABLE_ROWS_MAX;
use rightseat::markdown::{Block, Definitions, Document, Line, lines, lines_so_far};
use std::path::PathBuf;
use std::process::Command;

/// Places at which a text is cut in two; a longer text is cut at so many, evenly.
const CUTS_MAX: usize = 40;
/// From a single column to more than any example needs.
const WIDTHS: [usize; 5] = [1, 9, 24, 60, 120];
/// A width from which nothing may be wider than asked for.
const WIDTH_KEPT_FROM: usize = 24;

/// The texts in the tests of our parser, the specification's first.
fn examples() -> Vec<String> {
    let cargo = |args: &[&str]| {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let output =
            Command::new(cargo).args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    // Packages of other platforms need not be on the disk.
    let version = String::from_utf8(cargo(&["-vV"])).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("the host");
    let metadata = cargo(&["metadata", "--offline", "--format-version", "1", "--filter-platform", host]);
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).expect("metadata");
    let packages = metadata["packages"].as_array().expect("packages");
    let parser = packages.iter().find(|package| package["name"] == "pulldown-cmark").expect("our parser");
    let suite = PathBuf::from(parser["manifest_path"].as_str().unwrap()).with_file_name("tests").join("suite");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&suite).expect("its tests").map(|e| e.unwrap().path()).collect();
    files.sort_by_key(|path| (path.file_name() != Some("spec.rs".as_ref()), path.clone()));
    let mut texts = Vec::new();
    for file in files {
        let source = std::fs::read_to_string(file).unwrap();
        for piece in source.split("let original = r##\"").skip(1) {
            texts.push(piece.split_once("\"##;").expect("its end").0.to_owned());
        }
    }
    texts
}

fn blocks(document: &Document) -> impl Iterator<Item = &Block> {
    document.settled().iter().chain([document.tail()])
}

fn shown(document: &Document, columns: usize) -> Vec<Line> {
    blocks(document).flat_map(|block| lines(document.source(block), block, document.definitions(), columns)).collect()
}

fn texts(text: &str, columns: usize) -> Vec<String> {
    shown(&Document::new(text), columns).iter().map(|line| line.text().trim_end().to_owned()).collect()
}

/// Streams the pieces in; what has settled must stay.
fn streamed<'a>(pieces: impl Iterator<Item = &'a str>) -> Document {
    let mut document = Document::default();
    let mut settled: Vec<Block> = Vec::new();
    for piece in pieces {
        document.push(piece);
        assert!(document.settled().starts_with(&settled), "a settled block changed: {:?}", document.text());
        if document.settled().len() > settled.len() {
            settled = document.settled().to_vec();
        }
    }
    document
}

fn cuts(text: &str) -> impl Iterator<Item = usize> {
    let step = (text.len() / CUTS_MAX).max(1);
    (0..=text.len()).step_by(step).filter(|at| text.is_char_boundary(*at))
}

fn check_streaming(text: &str) {
    let whole = Document::new(text);
    for at in cuts(text) {
        let (head, tail) = text.split_at(at);
        assert_eq!(streamed([head, tail].into_iter()), whole, "{text:?} cut at {at}");
    }
    let letters = text.char_indices().map(|(at, letter)| &text[at..at + letter.len_utf8()]);
    let slowly = streamed(letters);
    assert_eq!(slowly, whole, "{text:?} letter by letter");
    for columns in WIDTHS {
        assert_eq!(shown(&slowly, columns), shown(&whole, columns), "{text:?}");
    }
}

/// What the parser says of the text, in words that do not depend on where a link was defined.
fn said(text: &str, definitions: &Definitions) -> Vec<String> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let resolve = |link: BrokenLink<'_>| {
        let address = definitions.get(&link.reference)?;
        Some((CowStr::from(address.to_owned()), CowStr::from("")))
    };
    let mut words: Vec<String> = Vec::new();
    for event in Parser::new_with_broken_link_callback(text, options, Some(resolve)) {
        let word = match &event {
            Event::Start(Tag::Link { dest_url, .. }) => format!("link to {dest_url}"),
            Event::Start(Tag::Image { dest_url, .. }) => format!("image of {dest_url}"),
            Event::Text(text) => match words.last_mut() {
                Some(last) if last.starts_with("text ") => {
                    last.push_str(text);
                    continue;
                }
                _ => format!("text {text}"),
            },
            other => format!("{other:?}"),
        };
        words.push(word);
    }
    words
}

#[test]
fn every_example_looks_in_pieces_as_in_one() {
    let examples = examples();
    assert!(examples.len() > 1_000, "the specification alone has 652: {}", examples.len());
    for text in &examples {
        check_streaming(text);
        check_streaming(&text.replace('\n', "\r\n"));
    }
}

/// What settled by itself means what it means in the whole text.
#[test]
fn every_example_means_in_blocks_what_it_means_as_a_whole() {
    for text in examples() {
        let document = Document::new(&text);
        let apart: Vec<String> =
            blocks(&document).flat_map(|block| said(document.source(block), document.definitions())).collect();
        assert_eq!(apart, said(&text, document.definitions()), "{text:?}: {:?}", blocks(&document).collect::<Vec<_>>());
    }
}

/// Whatever steers a terminal is shown by signs instead, wherever it is; and nothing is wider than it may be.
#[test]
fn no_example_steers_a_terminal() {
    const HOSTILE: [&str; 5] =
        ["\u{1b}]52;c;QUFB\u{7}", "\u{1b}]8;;https://e.example\u{1b}\\", "\u{9b}31m", "\u{202e}", "&#27;[2J\u{85}"];
    for (number, text) in examples().iter().enumerate() {
        let mut poisoned = text.clone();
        let places: Vec<usize> = cuts(text).collect();
        for (turn, at) in places.iter().rev().enumerate().filter(|(turn, _)| turn % 5 == 0) {
            poisoned.insert_str(*at, HOSTILE[(number + turn / 5) % HOSTILE.len()]);
        }
        let document = Document::new(&poisoned);
        for columns in WIDTHS {
            for line in shown(&document, columns) {
                let words = line.text();
                let steers = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
                assert!(!words.chars().any(steers), "{words:?} of {poisoned:?}");
                assert!(columns < WIDTH_KEPT_FROM || width::width(&words) <= columns, "{words:?} in {columns} columns");
            }
        }
    }
}

/// Cases that other programs were reported to show wrongly.
const REPORTED: [&str; 12] = [
    "1. First:\n\n   ```rust\n   fn x() {}\n   ```\n\n2. Second:\n",
    "> | a | b |\n> |---|---|\n> | 1 | 2 |\n\n- item\n\n  | c | d |\n  |---|---|\n  | 3 | 4 |\n",
    "| 配置 | Config | 论文 (%) |\n|---|---|---|\n| 通义千问 | ✓ | 12 |\n| x | × | 3 |\n",
    "```markdown\n| a | b |\n|---|---|\n| 1 | 2 |\n```\n",
    "````markdown\ntext\n```jsx\n<a/>\n```\nmore\n````\n\nafter\n",
    "```markdown\ntext\n```jsx\n<a/>\n```\nmore\n",
    "~~~markdown\n*sample*\n\n# not a heading\n~~~\n\nafter\n",
    "```js\nconst fence = /^ {0,3}```(\\w*)/;\n\nend\n```\n\nafter\n",
    "text\n\n---\n\nsee [ref]\n\n[ref]: https://a.example/x\n\nsee [ref]\n",
    "text\n---\n\nmore\n===\n",
    "shortcuts (arrows, `~`, `,`, `-`, `@`)\n",
    "$$\na\n\nb\n$$\n\n<div>\n\n*x*\n\n</div>\n",
];

#[test]
fn reported_cases_look_in_pieces_as_in_one() {
    for text in REPORTED {
        check_streaming(text);
        check_streaming(text.trim_end());
    }
}

#[test]
fn reported_cases_look_right() {
    assert_eq!(texts(REPORTED[0], 40), ["1. First:", "", "     fn x() {}", "", "2. Second:"]);
    let nested = texts(REPORTED[1], 40);
    assert!(nested.iter().take(3).all(|line| line.starts_with('▎')), "{nested:#?}");
    assert!(nested.contains(&"▎ 1 │ 2".to_owned()) && nested.contains(&"  3 │ 4".to_owned()), "{nested:#?}");
    let bars = |line: &String| {
        let cells: Vec<usize> = line.match_indices('│').map(|(at, _)| width::width(&line[..at])).collect();
        cells
    };
    let table = texts(REPORTED[2], 60);
    let places: Vec<Vec<usize>> = table.iter().map(bars).filter(|bars| !bars.is_empty()).collect();
    assert!(places.len() == 3 && places.iter().all(|line| *line == places[0]), "{table:#?}");
    assert_eq!(texts(REPORTED[3], 40), ["a │ b", "──┼──", "1 │ 2"]);
    assert_eq!(texts(REPORTED[4], 40).last().unwrap(), "after");
    assert!(texts(REPORTED[6], 40).contains(&"  # not a heading".to_owned()));
    let fence = texts(REPORTED[7], 60);
    assert!(fence[0].contains("{0,3}```") && fence.last().unwrap() == "after", "{fence:#?}");
    assert_eq!(texts(REPORTED[8], 60).last().unwrap(), "see ref (https://a.example/x)");
    assert_eq!(texts(REPORTED[10], 24), ["shortcuts (arrows, ~, ,,", "-, @)"]);
}

/// Rows of long links, letter by letter: a column may get wider when a row has ended, and at no other time.
#[test]
fn a_table_keeps_its_columns_while_a_row_is_written() {
    let row = |n: usize| format!("| [foo{n}](https://a.example/{}) | done |\n", "x".repeat(60 + n));
    let text = format!("| link | state |\n|---|---|\n{}", (0..5).map(row).collect::<String>());
    let mut document = Document::default();
    let mut head_before = String::new();
    for letter in text.chars() {
        document.push(letter.encode_utf8(&mut [0; 4]));
        let tail = document.tail();
        let so_far = lines_so_far(document.source(tail), tail, document.definitions(), 60);
        let head = so_far.get(1).map(Line::text).unwrap_or_default();
        if !head.contains('┼') {
            continue;
        }
        assert!(head == head_before || letter == '\n' || head_before.is_empty(), "{head_before}\n{head}");
        head_before = head;
    }
}

#[test]
fn a_wide_table_loses_no_words_and_a_huge_one_is_cut() {
    let text = "| Path | What it is | Scope |\n|---|---|---|\n| projects/<encoded>/ | Encoded name; one directory for each working directory that was ever opened | Both |\n";
    for columns in 1..=60 {
        let all: String = texts(text, columns).concat().split_whitespace().collect();
        let narrow = columns < WIDTH_KEPT_FROM;
        assert!(narrow || ["projects", "Both", "opened"].iter().all(|word| all.contains(word)), "{columns}: {all}");
    }
    let huge = format!("| n |\n|---|\n{}", "| 1 |\n".repeat(10_000));
    assert!(texts(&huge, 40).len() < 20 * TABLE_ROWS_MAX);
    assert!(texts(&huge, 1).len() < 200 * TABLE_ROWS_MAX);
}
