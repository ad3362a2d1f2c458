//! What checkpoints, the watcher and edits cost, on a tree of 4 000 files in 200 directories.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "benches may stop at the first surprise"
)]

use divan::Bencher;
use rightseat::base::Digest;
use rightseat::port::Notice;
use rightseat::workspace::checkpoint::Store;
use rightseat::workspace::edit::{self, FileChange};
use rightseat::workspace::listing::Listing;
use rightseat::workspace::root::Root;
use rightseat::workspace::tree::{self, Rules};
use rightseat::workspace::watch::{Means, Watch};
use std::path::Path;
use std::sync::Arc;

fn main() {
    divan::main();
}

fn planted() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for number in 0..4_000 {
        let holder = dir.path().join(format!("d{}/e{}", number % 20, number % 10));
        std::fs::create_dir_all(&holder).expect("a directory");
        let text = format!("file {number}\n").repeat(60);
        std::fs::write(holder.join(format!("f{number}.rs")), text).expect("a file");
    }
    dir
}

/// The floor: names and inodes, nothing read.
#[divan::bench(sample_count = 20)]
fn walk_only(bencher: Bencher) {
    let dir = planted();
    let rules = Rules::read(dir.path());
    bencher.bench_local(|| tree::files(dir.path(), &rules, Path::new(""), usize::MAX).len());
}

#[divan::bench(sample_count = 5)]
fn first_checkpoint(bencher: Bencher) {
    let dir = planted();
    bencher
        .with_inputs(|| {
            let state = tempfile::tempdir().expect("a temporary directory");
            let store = Store::open(state.path()).expect("a store");
            (state, Listing::new(dir.path().to_owned(), Rules::read(dir.path()), store))
        })
        .bench_local_values(|(state, listing)| (listing.take().expect("a checkpoint"), state));
}

#[divan::bench(sample_count = 20)]
fn checkpoint_after_one_change(bencher: Bencher) {
    let (dir, state) = (planted(), tempfile::tempdir().expect("a temporary directory"));
    let listing = listing(dir.path(), state.path());
    listing.take().expect("a checkpoint");
    let mut round = 0u32;
    bencher.bench_local(|| {
        round += 1;
        std::fs::write(dir.path().join("d0/e0/f0.rs"), round.to_string()).expect("a write");
        listing.take().expect("a checkpoint").digest
    });
}

/// What an edit waits for: the files that it changes are looked at, and no other.
#[divan::bench(sample_count = 20)]
fn checkpoint_of_one_edit(bencher: Bencher) {
    let (dir, state) = (planted(), tempfile::tempdir().expect("a temporary directory"));
    let listing = listing(dir.path(), state.path());
    listing.take().expect("a checkpoint");
    let mut round = 0u32;
    bencher.bench_local(|| {
        round += 1;
        std::fs::write(dir.path().join("d0/e0/f0.rs"), round.to_string()).expect("a write");
        listing.take_with([Path::new("d0/e0/f0.rs")]).expect("a checkpoint")
    });
}

fn listing(root: &Path, state: &Path) -> Listing {
    let root = root.canonicalize().expect("a path");
    let rules = Rules::read(&root);
    Listing::new(root, rules, Store::open(state).expect("a store"))
}

/// From a save to its notice, the settling time of a burst included.
#[divan::bench(sample_count = 20)]
fn save_to_notice(bencher: Bencher) {
    let dir = planted();
    let state = tempfile::tempdir().expect("a temporary directory");
    let poll = std::time::Duration::from_millis(rightseat::base::limits::WATCH_POLL_MS);
    let (_watch, mut notices) = Watch::start(Arc::new(listing(dir.path(), state.path())), Means::Auto, poll);
    let _state = notices.blocking_recv();
    let mut round = 0u32;
    bencher.bench_local(|| {
        round += 1;
        std::fs::write(dir.path().join("d0/e0/f0.rs"), format!("round {round}")).expect("a write");
        loop {
            if let Some(Notice::Changed(_)) = notices.blocking_recv() {
                return;
            }
        }
    });
}

#[divan::bench(sample_count = 50)]
fn edit_one_file(bencher: Bencher) {
    let dir = planted();
    let root = Root::open(dir.path()).expect("a root");
    let mut content = std::fs::read(dir.path().join("d0/e0/f0.rs")).expect("a file");
    bencher.bench_local(|| {
        let base = Some(Digest::of(&content));
        content.push(b'x');
        let change = FileChange::Write { path: "d0/e0/f0.rs".into(), base, content: content.clone(), mode: None };
        edit::apply(&root, vec![change]).expect("an edit")
    });
}
