//! The journal against the floor it stands on: plain SQLite with the same pragmas and no chain.
//!
//! Appends are per commit; verify and read run over one journal of `EVENTS` events.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a measurement stops where its set-up fails"
)]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use divan::counter::ItemsCount;
use rightseat::base::{Seq, UnixMs};
use rightseat::journal::{Draft, Journal, Reader, search, verify};

fn main() {
    divan::main();
}

const EVENTS: u64 = 1_000_000;

fn draft(n: u64) -> Draft {
    let text = "the bound in Tokens::peek is one too far and the test that shows it is peek_at_end ".repeat(2);
    Draft {
        at: UnixMs(1_700_000_000_000 + n),
        kind: "said".to_owned(),
        body: format!(r#"{{"by":"agent","text":"{n} {text}"}}"#),
        blobs: Vec::new(),
    }
}

fn batch(size: usize) -> Vec<Draft> {
    (0..size as u64).map(draft).collect()
}

#[divan::bench(args = [1, 10, 100])]
fn append(bencher: divan::Bencher, size: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(&dir.path().join("s/journal.db"), &"bench".into()).unwrap();
    let batch = batch(size);
    bencher.counter(ItemsCount::new(size)).bench_local(|| journal.append(&batch).unwrap().head_seq);
}

/// What SQLite alone takes for the same rows.
#[divan::bench(args = [1, 10, 100])]
fn append_floor(bencher: divan::Bencher, size: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut db = rusqlite::Connection::open(dir.path().join("floor.db")).unwrap();
    db.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(())).unwrap();
    db.pragma_update(None, "synchronous", "FULL").unwrap();
    db.execute_batch("CREATE TABLE events(seq INTEGER PRIMARY KEY, at INTEGER, kind TEXT, body TEXT)").unwrap();
    let batch = batch(size);
    bencher.counter(ItemsCount::new(size)).bench_local(|| {
        let tx = db.transaction().unwrap();
        for draft in &batch {
            tx.prepare_cached("INSERT INTO events(at, kind, body) VALUES(?1, ?2, ?3)")
                .unwrap()
                .execute((draft.at.0 as i64, &draft.kind, &draft.body))
                .unwrap();
        }
        tx.commit().unwrap();
    });
}

static LONG: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s/journal.db");
    let mut journal = Journal::create(&path, &"bench".into()).unwrap();
    for start in (0..EVENTS).step_by(4_000) {
        let batch: Vec<Draft> = (start..start + 4_000).map(draft).collect();
        journal.append(&batch).unwrap();
    }
    drop(journal);
    (dir, path)
});

fn long() -> &'static Path {
    &LONG.1
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn verify_a_million(bencher: divan::Bencher) {
    let path = long();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| {
        let report = verify(path, None).unwrap();
        assert!(report.ok && report.sealed && report.events == EVENTS);
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn read_a_million(bencher: divan::Bencher) {
    let reader = Reader::open(long()).unwrap();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| {
        let bytes: usize = reader.iter(Seq(1)).map(|r| r.unwrap().body.len()).sum();
        assert!(bytes > 0);
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn open_a_million(bencher: divan::Bencher) {
    let path = long();
    // Includes the seal on drop, which reads the whole file.
    bencher.bench_local(|| Journal::open(path).unwrap().head().0);
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn search_a_million(bencher: divan::Bencher) {
    let reader = Reader::open(long()).unwrap();
    search(&reader, "nothing").unwrap();
    bencher.bench_local(|| assert_eq!(search(&reader, "999999").unwrap().len(), 1));
}
