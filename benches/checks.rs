//! How fast runner output is read, in bytes a second, beside the floor: finding the line ends with `memchr`.
//!
//! Inputs are the real outputs of `tests/fixtures/checks`, repeated to about 1 MiB. Compare each parser with `floor`
//! of the same input; absolute figures depend on the machine.
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

use divan::Bencher;
use divan::counter::BytesCount;
use rightseat::checks::{CheckStream, ParserKind, ProjectRoot};
use std::path::Path;

const INPUT_BYTES: usize = 1024 * 1024;
/// What a runner's pipe is read by.
const CHUNK_BYTES: usize = 16 * 1024;

const INPUTS: &[(&str, ParserKind)] = &[
    ("libtest.txt", ParserKind::Libtest),
    ("nextest.txt", ParserKind::Nextest),
    ("pytest_verbose.txt", ParserKind::Pytest),
    ("pytest_color.txt", ParserKind::Pytest),
    ("unittest_verbose.txt", ParserKind::Unittest),
    ("jest_verbose.txt", ParserKind::Jest),
    ("vitest_verbose.txt", ParserKind::Vitest),
    ("mocha.txt", ParserKind::Mocha),
    ("node_spec.txt", ParserKind::NodeSpec),
    ("node_tap.txt", ParserKind::Tap),
    ("go_json.txt", ParserKind::GoJson),
    ("go_verbose.txt", ParserKind::GoText),
    ("junit_pytest.xml", ParserKind::Junit),
];

fn main() {
    divan::main();
}

fn names() -> impl Iterator<Item = &'static str> {
    INPUTS.iter().map(|(name, _)| *name)
}

fn input(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checks").join(name);
    let once = std::fs::read(path).unwrap_or_default();
    once.iter().copied().cycle().take(INPUT_BYTES).collect()
}

#[divan::bench(args = names())]
fn floor(bencher: Bencher<'_, '_>, name: &str) {
    let bytes = input(name);
    bencher.counter(BytesCount::new(bytes.len())).bench(|| {
        let bytes = divan::black_box(&bytes);
        let mut start = 0;
        let mut longest = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            longest = longest.max(end - start);
            start = end + 1;
        }
        longest
    });
}

#[divan::bench(args = names())]
fn parser(bencher: Bencher<'_, '_>, name: &str) {
    let bytes = input(name);
    let kind = INPUTS.iter().find(|(n, _)| *n == name).map_or(ParserKind::Tap, |(_, kind)| *kind);
    bencher.counter(BytesCount::new(bytes.len())).bench(|| {
        let mut stream = CheckStream::new(kind, ProjectRoot::default());
        let events: usize = divan::black_box(&bytes).chunks(CHUNK_BYTES).map(|c| stream.feed(c).len()).sum();
        (events, stream.finish(Some(1)).len())
    });
}
