//! The listing against real directories.

use super::*;
use proptest::prelude::*;
use rustix::fs::FileType;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::time::Instant;

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

struct Bench {
    dir: tempfile::TempDir,
    _state: tempfile::TempDir,
    listing: Listing,
}

fn bench(files: &[(&str, &str)]) -> Bench {
    let (dir, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (path, text) in files {
        put(dir.path(), path, text);
    }
    let root = dir.path().canonicalize().unwrap();
    let listing = Listing::new(root.clone(), Rules::read(&root), Store::open(state.path()).unwrap());
    listing.tell_changes();
    listing.walk();
    listing.take_changes();
    Bench { dir, _state: state, listing }
}

impl Bench {
    fn told(&self) -> Vec<String> {
        self.listing.walk();
        let sign = |entry: Option<Entry>| if entry.is_some() { "+" } else { "-" };
        let changes = self.listing.take_changes();
        let mut told: Vec<String> =
            changes.iter().map(|c| format!("{} {}{}", c.path.display(), sign(c.before), sign(c.after))).collect();
        told.sort();
        told
    }
}

/// One thing that somebody does to a small tree.
fn act(root: &Path, what: u8, one: u8, two: u8) {
    let name = |number: u8| root.join(NAMES[usize::from(number % 7)]);
    let (here, there) = (name(one), name(two));
    let _ = match what % 7 {
        0 | 1 => here
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&here, std::slice::from_ref(&two))),
        2 => std::fs::remove_file(&here),
        3 => std::fs::remove_dir_all(&here),
        4 => std::fs::rename(&here, &there),
        5 => std::fs::set_permissions(&here, std::fs::Permissions::from_mode(0o600 | u32::from(two & 0o177))),
        _ => symlink(&there, &here),
    };
}

const NAMES: [&str; 7] = ["a", "d/b", "d/e/c", "d", "x.log", ".gitignore", "d/e"];

fn nodes(listing: &Listing) -> BTreeMap<PathBuf, Entry> {
    let mut found = Vec::new();
    listing.locked().trunk.all_leaves(Path::new(""), &mut found);
    found.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn the_listing_equals_the_disk_after_any_looks_and_a_walk(acts in proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), proptest::bool::weighted(0.7)), 1..25)) {
        let bench = bench(&[("a", "0"), (".gitignore", "*.log\n/d/e\n")]);
        let root = bench.listing.root().to_owned();
        let mut picture = nodes(&bench.listing);
        let paint = |picture: &mut BTreeMap<PathBuf, Entry>| {
            for Change { path, before, after } in bench.listing.take_changes() {
                let old = match after {
                    Some(entry) => picture.insert(path, entry),
                    None => picture.remove(&path),
                };
                prop_assert_eq!(old, before);
            }
            Ok(())
        };
        for (what, one, two, is_hinted) in acts {
            act(&root, what, one, two);
            if is_hinted {
                let paths = [one, two].map(|number| PathBuf::from(NAMES[usize::from(number % 7)]));
                bench.listing.look(paths.iter().map(PathBuf::as_path));
                paint(&mut picture)?;
            }
        }
        // Whoever made a directory unreadable has made it so for the comparison too.
        bench.listing.walk();
        paint(&mut picture)?;
        let fresh = Listing::new(root, bench.listing.rules().clone(), bench.listing.store().clone());
        fresh.walk();
        prop_assert_eq!(&picture, &nodes(&fresh));
        prop_assert_eq!(bench.listing.directories(), fresh.directories());
        prop_assert_eq!(bench.listing.record().unwrap().digest, fresh.record().unwrap().digest);
    }
}

#[test]
fn rules_written_during_the_session_hide_and_delete_nothing() {
    let bench = bench(&[(".env", "k"), ("src/a", "1"), ("src/b", "2")]);
    put(bench.dir.path(), ".gitignore", ".env\nsrc/\n");
    put(bench.dir.path(), "src/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55");
    put(bench.dir.path(), "src/pyvenv.cfg", "");
    put(bench.dir.path(), "src/.git/HEAD", "ref: x");
    assert_eq!(bench.told(), [".gitignore -+", "src/CACHEDIR.TAG -+", "src/pyvenv.cfg -+"]);
    put(bench.dir.path(), "src/a", "evil");
    put(bench.dir.path(), "src/new", "evil");
    assert_eq!(bench.told(), ["src/a ++", "src/new -+"]);
}

#[test]
fn the_same_bytes_with_other_permission_bits_are_a_change() {
    let bench = bench(&[("run", "1")]);
    std::fs::set_permissions(bench.dir.path().join("run"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(bench.told(), ["run ++"]);
    assert_eq!(bench.listing.entry(Path::new("run")).unwrap().mode, Some(0o755));
}

#[test]
fn large_and_special_files_are_never_read_and_delay_nobody() {
    let bench = bench(&[("a", "1"), ("pipe", "was a file")]);
    let sparse = std::fs::File::create(bench.dir.path().join("sparse")).unwrap();
    sparse.set_len(8 << 30).unwrap();
    std::fs::remove_file(bench.dir.path().join("pipe")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.dir.path().join("pipe"),
        FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    put(bench.dir.path(), "a", "2");
    let began = Instant::now();
    assert_eq!(bench.told(), ["a ++", "pipe +-", "sparse -+"]);
    let taken = bench.listing.record().unwrap();
    assert_eq!(taken.files, 2);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    sparse.set_len(9 << 30).unwrap();
    assert_eq!(bench.told(), ["sparse ++"]);
    assert_ne!(bench.listing.record().unwrap().digest, taken.digest);
}

#[test]
fn a_look_at_some_paths_records_them_without_a_walk_of_the_tree() {
    let bench = bench(&[("a", "1"), ("d/b", "2")]);
    let before = bench.listing.record().unwrap();
    put(bench.dir.path(), "a", "x");
    put(bench.dir.path(), "d/b", "not looked at");
    let after = bench.listing.take_with([Path::new("a")]).unwrap().unwrap();
    let differences =
        super::super::checkpoint::compare(bench.listing.store(), Some(&before.digest), Some(&after.digest));
    let paths: Vec<PathBuf> = differences.unwrap().into_iter().map(|difference| difference.path).collect();
    assert_eq!(paths, [Path::new("a")]);
    assert_eq!(bench.listing.store().get(&Digest::of(b"x")).unwrap().unwrap(), b"x");
    let root = bench.listing.root().to_owned();
    let fresh = Listing::new(root, bench.listing.rules().clone(), bench.listing.store().clone());
    assert_eq!(fresh.take_with([Path::new("a")]).unwrap(), None, "nothing is claimed of a tree that was not seen");
    let again = Instant::now();
    assert_eq!(fresh.take_with([Path::new("a")]).unwrap(), None);
    let wait = Duration::from_millis(limits::CHECKPOINT_WAIT_MS_MAX);
    assert!(again.elapsed() < wait, "one edit waited for the walk in vain: the next does not wait");
    fresh.walk();
    assert!(fresh.take_with([Path::new("a")]).unwrap().is_some());
}

#[test]
fn a_link_that_a_directory_replaces_is_told_as_gone() {
    let bench = bench(&[("target", "1")]);
    let link = bench.dir.path().join("d");
    symlink("target", &link).unwrap();
    assert_eq!(bench.told(), ["d -+"]);
    std::fs::remove_file(&link).unwrap();
    put(bench.dir.path(), "d/b", "2");
    // The file is read before its directory.
    bench.listing.look([Path::new("d/b")]);
    assert_eq!(bench.told(), ["d +-", "d/b -+"]);
    assert!(bench.listing.entry(Path::new("d")).is_none());
}

/// Reading a new file makes its directories known before they have been read themselves.
#[test]
fn bits_that_were_not_seen_are_not_recorded() {
    let bench = bench(&[("a", "1")]);
    put(bench.dir.path(), "d/e/b", "2");
    let looked = bench.listing.take_with([Path::new("d/e/b")]).unwrap().unwrap();
    bench.listing.walk();
    let walked = bench.listing.record().unwrap();
    let store = bench.listing.store();
    let differences = super::super::checkpoint::compare(store, Some(&looked.digest), Some(&walked.digest)).unwrap();
    let paths: Vec<PathBuf> = differences.into_iter().map(|difference| difference.path).collect();
    assert_eq!(paths, Vec::<PathBuf>::new());
}

#[test]
fn what_changed_before_the_first_walk_came_to_it_is_told() {
    let (dir, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let changed_ns = |path: &str| {
        let stat = std::fs::metadata(dir.path().join(path)).unwrap();
        i128::from(stat.ctime()) * 1_000_000_000 + i128::from(stat.ctime_nsec())
    };
    put(dir.path(), "old", "1");
    let root = dir.path().canonicalize().unwrap();
    let mut listing = Listing::new(root.clone(), Rules::read(&root), Store::open(state.path()).unwrap());
    listing.opened_ns = changed_ns("old");
    listing.tell_changes();
    put(dir.path(), "new", "2");
    // Clocks of file systems advance in steps of milliseconds.
    while changed_ns("new") <= listing.opened_ns {
        put(dir.path(), "new", "2");
    }
    listing.walk();
    let told: Vec<PathBuf> = listing.take_changes().into_iter().map(|change| change.path).collect();
    assert_eq!(told, [Path::new("new")]);
}
