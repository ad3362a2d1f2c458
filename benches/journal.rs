//! The journal against the floor it stands on: plain SQLite with the same pragmas and no chain.
//!
//! Appends are per commit; verify and read run over one journal of `EVENTS` events. `cargo bench --bench journal`.
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

#[path = "support/mod.rs"]
mod support;

use divan::counter::ItemsCount;
use rightseat::base::{Seq, UnixMs};
use rightseat::journal::{Draft, Journal, Reader, search, verify};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;

fn main() -> ExitCode {
    divan::main();
    if !support::is_measuring() {
        return ExitCode::SUCCESS;
    }
    let mut sheet = support::Sheet::new("the journal");
    in_bulk(&mut sheet);
    replayed(&sheet);
    verified(&mut sheet);
    sheet.end()
}

const EVENTS: u64 = 1_000_000;
const FEW_EVENTS: u64 = 10_000;
/// What verify may need more for a million events than for ten thousand.
const VERIFY_GROWTH_KIB_MAX: f64 = 8.0 * 1024.0;

/// A hundred events in one commit, as a flood is written, against SQLite alone.
fn in_bulk(sheet: &mut support::Sheet) {
    let (ours_dir, floor_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut journal = Journal::create(&ours_dir.path().join("s/journal.db"), &"bench".into()).unwrap();
    let mut db = plain(floor_dir.path());
    let batch = batch(100);
    let (ours, floor) =
        support::quickest(50, || journal.append(&batch).unwrap().head_seq, || append_plainly(&mut db, &batch));
    sheet.ratio("100 events in one commit (floor: SQLite, no chain)", "us", ours, floor, 4.0);
}

/// From the file to the session: read, parsed and folded.
fn replayed(sheet: &support::Sheet) {
    let reader = Reader::open(long()).unwrap();
    let us = support::micros(|| {
        let mut session = rightseat::model::Session::default();
        reader.iter(Seq(1)).for_each(|record| session.apply(&record.unwrap().envelope()));
        session.head
    });
    let rate = EVENTS as f64 / us * 1e6;
    sheet.figure("events read, parsed and folded", format!("{rate:.0}/s"), ">= 200 000/s");
}

fn verified(sheet: &mut support::Sheet) {
    let dir = tempfile::tempdir().unwrap();
    let short = dir.path().join("s/journal.db");
    write(&short, FEW_EVENTS);
    let growth = |path: &Path| {
        support::forget_peak();
        let before = support::peak_kib();
        let us = support::micros(|| assert!(verify(path, None).unwrap().ok));
        (support::peak_kib() - before, us / 1e6)
    };
    let (few, _) = growth(&short);
    let (many, seconds) = growth(long());
    sheet.count(
        "verify: more memory for 1 000 000 events than for 10 000",
        "KiB",
        (many - few).max(0.0),
        VERIFY_GROWTH_KIB_MAX,
    );
    sheet.figure("verify of 1 000 000 events", format!("{seconds:.2} s"), "< 5 s");
}

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
    let mut db = plain(dir.path());
    let batch = batch(size);
    bencher.counter(ItemsCount::new(size)).bench_local(|| append_plainly(&mut db, &batch));
}

fn plain(dir: &Path) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(dir.join("floor.db")).unwrap();
    db.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(())).unwrap();
    db.pragma_update(None, "synchronous", "FULL").unwrap();
    db.execute_batch("CREATE TABLE events(seq INTEGER PRIMARY KEY, at INTEGER, kind TEXT, body TEXT)").unwrap();
    db
}

fn append_plainly(db: &mut rusqlite::Connection, batch: &[Draft]) {
    let tx = db.transaction().unwrap();
    for draft in batch {
        tx.prepare_cached("INSERT INTO events(at, kind, body) VALUES(?1, ?2, ?3)")
            .unwrap()
            .execute((draft.at.0 as i64, &draft.kind, &draft.body))
            .unwrap();
    }
    tx.commit().unwrap();
}

static LONG: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s/journal.db");
    write(&path, EVENTS);
    (dir, path)
});

fn write(path: &Path, events: u64) {
    let mut journal = Journal::create(path, &"bench".into()).unwrap();
    for start in (0..events).step_by(4_000) {
        let batch: Vec<Draft> = (start..events.min(start + 4_000)).map(draft).collect();
        journal.append(&batch).unwrap();
    }
}

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
