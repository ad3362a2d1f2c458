//! What opening a diff and coloring a screen of it cost, on small and on very large files.
//!
//! `cargo bench --bench diff`. Ratios count, not times: a window of a 100 000-line file should cost
//! about what a window of a 100-line file costs.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a measurement stops where its set-up fails"
)]

use bytes::Bytes;
use divan::{Bencher, black_box};
use rightseat::base::text::escape::{Show, pieces};
use rightseat::diff::{FileDiff, Selection, intraline, merge};
use rightseat::syntax::{Highlights, Language, structure, symbols};
use std::fmt::Write as _;

fn main() {
    divan::main();
}

const SIZES: [usize; 2] = [100, 100_000];

/// Rust source of about `lines` lines.
fn source(lines: usize) -> String {
    let mut out = String::new();
    for n in 0..lines / 5 {
        let _ = write!(
            out,
            "/// Says {n}.\nfn f{n}(at: usize) -> Option<u8> {{\n    let x = \"text {n}\";\n    x.bytes().nth(at)\n}}\n"
        );
    }
    out
}

/// The same with every 50th line changed.
fn edited(source: &str) -> String {
    let lines = source.lines().enumerate();
    lines.map(|(n, line)| if n % 50 == 7 { format!("{line} // changed\n") } else { format!("{line}\n") }).collect()
}

fn pair(lines: usize) -> (Bytes, Bytes) {
    let old = source(lines);
    let new = edited(&old);
    (old.into(), new.into())
}

#[divan::bench(args = SIZES)]
fn diff_open(bencher: Bencher, lines: usize) {
    let (old, new) = pair(lines);
    bencher.bench(|| FileDiff::new(old.clone(), new.clone()));
}

#[divan::bench(args = SIZES)]
fn diff_one_line(bencher: Bencher, lines: usize) {
    let old = source(lines);
    let new = old.replacen("text 7\"", "text seven\"", 1);
    let (old, new) = (Bytes::from(old), Bytes::from(new));
    bencher.bench(|| FileDiff::new(old.clone(), new.clone()));
}

/// Two texts of few different lines in random order: hard for every diff engine.
#[divan::bench(args = [1_000, 100_000], sample_count = 3)]
fn diff_noise(bencher: Bencher, lines: u64) {
    let noise = |seed: u64| -> Bytes {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % 40
        };
        (0..lines).map(|_| format!("line {}\n", next())).collect::<String>().into()
    };
    let (old, new) = (noise(1), noise(2));
    bencher.bench(|| FileDiff::new(old.clone(), new.clone()));
}

#[divan::bench(args = [1_000, 100_000], sample_count = 3)]
fn diff_unrelated(bencher: Bencher, lines: usize) {
    let text = |word: &str| Bytes::from((0..lines).map(|n| format!("{word} {n}\n")).collect::<String>());
    let (old, new) = (text("old"), text("new"));
    bencher.bench(|| FileDiff::new(old.clone(), new.clone()));
}

#[divan::bench(args = SIZES)]
fn imara_one_pass(bencher: Bencher, lines: usize) {
    let (old, new) = pair(lines);
    bencher.bench(|| {
        let input = imara_diff::InternedInput::new(&old[..], &new[..]);
        imara_diff::Diff::compute(imara_diff::Algorithm::Histogram, &input).count_additions()
    });
}

#[divan::bench(args = SIZES)]
fn apply_half(bencher: Bencher, lines: usize) {
    let (old, new) = pair(lines);
    let diff = FileDiff::new(old, new);
    let half = Selection(Selection::all(&diff).0.into_iter().step_by(2).collect());
    bencher.bench(|| diff.apply(black_box(&half)).map(|out| out.len()));
}

#[divan::bench(args = SIZES)]
fn merge_three(bencher: Bencher, lines: usize) {
    let (base, ours) = pair(lines);
    let theirs = Bytes::from(source(lines).replace("text 3\"", "text three\""));
    bencher.bench(|| merge(base.clone(), ours.clone(), theirs.clone()).map(|m| m.conflicts()));
}

#[divan::bench(args = SIZES)]
fn intraline_one_hunk(bencher: Bencher, lines: usize) {
    let (old, new) = pair(lines);
    let diff = FileDiff::new(old, new);
    bencher.bench(|| diff.hunks.first().map(intraline));
}

#[divan::bench(args = SIZES, sample_count = 5)]
fn highlight_open(bencher: Bencher, lines: usize) {
    let text = Bytes::from(source(lines));
    bencher.bench(|| Highlights::new("a.rs", text.clone(), &mut || false).line_count());
}

#[divan::bench(args = SIZES)]
fn highlight_window(bencher: Bencher, lines: usize) {
    let found = Highlights::new("a.rs", source(lines), &mut || false);
    bencher.bench(|| found.lines(lines / 2..lines / 2 + 50));
}

#[divan::bench(args = SIZES, sample_count = 5)]
fn list_symbols(bencher: Bencher, lines: usize) {
    let text = source(lines);
    bencher.bench(|| symbols(Language::Rust, text.as_bytes()).list.len());
}

#[divan::bench(args = [100, 10_000], sample_count = 5)]
fn structural(bencher: Bencher, lines: usize) {
    let (old, new) = pair(lines);
    let listed = |source: &[u8]| symbols(Language::Rust, source);
    bencher.bench(|| structure((&listed(&old), &old), (&listed(&new), &new)).map(|s| s.changes.len()));
}

#[divan::bench]
fn sanitise_screen(bencher: Bencher) {
    let line = "    let ünïcode = \"text\t日本語 \u{202e}\u{200b}\u{1b}[31m\"; // and some plain ascii after it";
    bencher.bench(|| (0..50).map(|_| pieces(black_box(line.as_bytes()), &Show::default()).len()).sum::<usize>());
}
