//! Copies against real directories.

use super::*;
use crate::workspace::layer::View;
use crate::workspace::tree::Rules;
use std::os::unix::fs::symlink;
use std::sync::Arc;

struct Bench {
    work: tempfile::TempDir,
    state: tempfile::TempDir,
    live: Listing,
}

fn bench(files: &[(&str, &str)]) -> Bench {
    let (work, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (path, text) in files {
        put(work.path(), path, text);
    }
    let root = work.path().canonicalize().unwrap();
    let live = Listing::new(root.clone(), Rules::read(&root), Store::open(state.path()).unwrap());
    Bench { work, state, live }
}

fn put(root: &Path, path: &str, text: &str) {
    let full = root.join(path);
    std::fs::create_dir_all(full.parent().unwrap()).unwrap();
    std::fs::write(full, text).unwrap();
}

impl Bench {
    fn copy(&self) -> PrivateCopy {
        let place = self.state.path().canonicalize().unwrap().join("candidates/one");
        PrivateCopy::make(&self.live, place).unwrap()
    }
}

fn told(copy: &mut PrivateCopy) -> Vec<String> {
    let changes = copy.changes().unwrap();
    changes
        .iter()
        .map(|changed| {
            let word = |entry: Option<Entry>| entry.map_or("-", |_| "+");
            format!("{} {}{}", changed.path.display(), word(changed.before), word(changed.after))
        })
        .collect()
}

#[test]
fn a_copy_holds_the_content_and_what_runs_need_and_no_more() {
    let bench = bench(&[
        (".gitignore", "target\nnode_modules\n.venv\n*.local\n__pycache__\n"),
        ("src/a.py", "a"),
        ("settings.local", "s"),
        ("src/__pycache__/a.pyc", "old"),
        ("target/CACHEDIR.TAG", ""),
        ("target/debug/deps/lib.rlib", "r"),
        ("target/debug/incremental/x/y", "i"),
        ("node_modules/left/index.js", "l"),
        ("node_modules/.cache/babel", "c"),
        (".venv/bin/python", "p"),
        (".venv/pyvenv.cfg", "v"),
        (".git/HEAD", "h"),
        (".git/objects/ab/cd", "o"),
    ]);
    symlink("a.py", bench.work.path().join("src/link")).unwrap();
    std::fs::create_dir(bench.work.path().join("node_modules/@own")).unwrap();
    symlink("../../src", bench.work.path().join("node_modules/@own/part")).unwrap();
    let copy = bench.copy();
    let has = |path: &str| copy.root().join(path).exists();
    for path in [
        "src/a.py",
        "settings.local",
        "target/debug/deps/lib.rlib",
        "node_modules/left/index.js",
        ".venv/bin/python",
        "src/link",
    ] {
        assert!(has(path), "{path}");
    }
    for path in ["src/__pycache__", "target/debug/incremental", "node_modules/.cache", ".git"] {
        assert!(!has(path), "{path}");
    }
    assert!(copy.root().join("src/link").is_symlink());
    // A package that is part of the project is the candidate's, not the original.
    assert!(copy.root().join("node_modules/@own/part").canonicalize().unwrap().starts_with(copy.root()));
    // What a run does to build products and caches does not reach the original.
    std::fs::write(copy.root().join("target/debug/deps/lib.rlib"), "new").unwrap();
    put(copy.root(), "node_modules/.cache/babel", "new");
    assert_eq!(std::fs::read_to_string(bench.work.path().join("target/debug/deps/lib.rlib")).unwrap(), "r");
    assert_eq!(std::fs::read_to_string(bench.work.path().join("node_modules/.cache/babel")).unwrap(), "c");
    assert_eq!(copy.notes().len(), 3, "{:?}", copy.notes());
    let copy = copy.with_repository();
    assert!(copy.root().join(".git/HEAD").exists());
    let root = copy.root().to_owned();
    drop(copy);
    assert!(!root.exists() && !base_file(&root).exists());
}

#[test]
fn changes_are_told_and_put_back() {
    let bench = bench(&[("a", "1"), ("dir/b", "2"), ("dir/c", "3"), ("same", "4")]);
    let mut copy = bench.copy();
    assert!(told(&mut copy).is_empty());
    let root = copy.root().to_owned();
    put(&root, "a", "9");
    put(&root, "same", "4");
    put(&root, "new/file", "n");
    std::fs::remove_dir_all(root.join("dir")).unwrap();
    symlink("/etc", root.join("dir")).unwrap();
    assert_eq!(told(&mut copy), ["a ++", "dir -+", "dir/b +-", "dir/c +-", "new/file -+"]);
    copy.restore_all().unwrap();
    assert!(told(&mut copy).is_empty(), "{:?}", told(&mut copy));
    assert_eq!(std::fs::read_to_string(root.join("dir/b")).unwrap(), "2");
    copy.lay(Path::new("dir/b"), Some(b"laid")).unwrap();
    copy.lay(Path::new("a"), None).unwrap();
    assert_eq!(told(&mut copy), ["a +-", "dir/b ++"]);
    copy.restore(Path::new("a")).unwrap();
    copy.restore(Path::new("dir/b")).unwrap();
    assert!(told(&mut copy).is_empty());
}

#[test]
fn a_refresh_takes_over_what_changed_and_names_what_changed_on_both_sides() {
    let bench = bench(&[("mine", "1"), ("theirs", "1"), ("both", "1"), ("same", "1"), ("gone", "1")]);
    let mut copy = bench.copy();
    let root = copy.root().to_owned();
    for (path, text) in [("mine", "m"), ("both", "m"), ("same", "agreed")] {
        put(&root, path, text);
    }
    let work = bench.work.path().to_owned();
    for (path, text) in [("theirs", "t"), ("both", "t"), ("same", "agreed"), ("fresh", "f")] {
        put(&work, path, text);
    }
    std::fs::remove_file(work.join("gone")).unwrap();
    assert_eq!(copy.refresh(&bench.live).unwrap(), [PathBuf::from("both")]);
    assert_eq!(told(&mut copy), ["both ++", "mine ++"]);
    assert_eq!(std::fs::read_to_string(root.join("theirs")).unwrap(), "t");
    assert_eq!(std::fs::read_to_string(root.join("both")).unwrap(), "m");
    assert!(root.join("fresh").exists() && !root.join("gone").exists());
    copy.reset(&bench.live, Path::new("both"), Some(Digest::of(b"m"))).unwrap();
    assert_eq!(told(&mut copy), ["mine ++"]);
    // A killed host leaves it; the next one finds it as it was.
    let mut again = PrivateCopy::reopen(&bench.live, &root).unwrap();
    assert_eq!(told(&mut again), ["mine ++"]);
    std::mem::forget(copy);
}

/// What the agent wrote during a refresh became its base, so nobody was ever asked about it.
#[test]
fn what_an_agent_writes_during_a_refresh_is_its_change() {
    let names: Vec<String> = (0..40).map(|number| format!("f{number}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let bench = bench(&files);
    let mut copy = bench.copy();
    let (root, is_over) = (copy.root().to_owned(), std::sync::atomic::AtomicBool::new(false));
    names.iter().for_each(|name| put(bench.work.path(), name, "theirs"));
    std::thread::scope(|scope| {
        let writes = scope.spawn(|| {
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                names.iter().for_each(|name| put(&root, name, "agent"));
            }
        });
        let refreshed = copy.refresh(&bench.live);
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        writes.join().unwrap();
        refreshed.unwrap();
    });
    let changed: BTreeSet<PathBuf> = copy.changes().unwrap().into_iter().map(|changed| changed.path).collect();
    for name in &names {
        assert_eq!(std::fs::read_to_string(root.join(name)).unwrap(), "agent");
        assert!(changed.contains(Path::new(name)), "{name} is not the agent's change: {changed:?}");
    }
}

/// An agent that went on with a file while its edit was carried out lost what it wrote then.
#[test]
fn a_reset_leaves_what_the_agent_wrote_after_the_decision() {
    let bench = bench(&[("a", "1"), ("gone", "1")]);
    let mut copy = bench.copy();
    let (root, work) = (copy.root().to_owned(), bench.work.path().to_owned());
    put(&root, "a", "newer");
    std::fs::remove_file(root.join("gone")).unwrap();
    put(&root, "gone/in", "newer");
    put(&work, "a", "decided");
    std::fs::remove_file(work.join("gone")).unwrap();
    copy.reset(&bench.live, Path::new("a"), Some(Digest::of(b"decided"))).unwrap();
    copy.reset(&bench.live, Path::new("gone"), None).unwrap();
    copy.refresh(&bench.live).unwrap();
    assert_eq!(told(&mut copy), ["a ++", "gone/in -+"]);
    assert_eq!(std::fs::read_to_string(root.join("a")).unwrap(), "newer");
    let before = copy.changes().unwrap()[0].before.unwrap();
    assert_eq!(before.digest, Digest::of(b"decided"));
    // Once that is decided on, too, nothing is left.
    put(&work, "a", "newer");
    copy.reset(&bench.live, Path::new("a"), Some(Digest::of(b"newer"))).unwrap();
    assert_eq!(told(&mut copy), ["gone/in -+"]);
}

impl Bench {
    /// The changes of an agent in a layer that is not mounted.
    fn layered(&self) -> LayeredCopy {
        let state = self.state.path().canonicalize().unwrap();
        let view = Arc::new(View::new(self.live.root().to_owned()));
        LayeredCopy::open(&self.live, state.join("candidates/one-layer"), view).unwrap()
    }
}

/// An agent that began again saw the old version of each file that it had once written and that was decided on.
#[test]
fn a_layer_that_is_taken_over_shows_what_changed_meanwhile() {
    let bench = bench(&[("mine", "1"), ("touched", "1"), ("gone", "1"), ("both", "1")]);
    let upper = upper_of(bench.layered().root());
    for (path, text) in [("mine", "m"), ("touched", "1"), ("gone", "1"), ("both", "m")] {
        put(&upper, path, text);
    }
    for (path, text) in [("touched", "t"), ("both", "t")] {
        put(bench.work.path(), path, text);
    }
    std::fs::remove_file(bench.work.path().join("gone")).unwrap();
    let mut copy = bench.layered();
    let changed: Vec<PathBuf> = copy.changes().unwrap().into_iter().map(|changed| changed.path).collect();
    assert_eq!(changed, [PathBuf::from("both"), PathBuf::from("mine")]);
    assert_eq!(std::fs::read_to_string(upper.join("touched")).unwrap(), "t");
    assert_eq!(std::fs::read_to_string(upper.join("both")).unwrap(), "m");
    assert!(!upper.join("gone").exists());
    // The next one finds them as they are now.
    put(bench.work.path(), "touched", "u");
    let mut copy = bench.layered();
    assert_eq!(copy.changes().unwrap().len(), 2);
    assert_eq!(std::fs::read_to_string(upper.join("touched")).unwrap(), "u");
}

/// A record that a power cut tore took the agent's work with it.
#[test]
fn work_without_a_readable_record_is_kept() {
    let bench = bench(&[("a", "1")]);
    let root = bench.layered().root().to_owned();
    put(&upper_of(&root), "new", "n");
    std::fs::write(base_file(&root), "{\"base\":").unwrap();
    let mut copy = bench.layered();
    assert!(copy.changes().unwrap().is_empty());
    let note = copy.notes()[0].clone();
    let kept = PathBuf::from(note.rsplit_once("its files are in ").unwrap().1);
    assert_eq!(std::fs::read_to_string(kept.join("new")).unwrap(), "n");
    assert_eq!(bench.layered().notes(), ["taken over from the agent that worked here before"]);
}

#[test]
fn a_reset_in_a_layer_leaves_what_the_agent_wrote_after_the_decision() {
    let bench = bench(&[("a", "1")]);
    let mut copy = bench.layered();
    let upper = upper_of(copy.root());
    put(&upper, "a", "newer");
    put(bench.work.path(), "a", "decided");
    copy.reset(&bench.live, Path::new("a"), Some(Digest::of(b"decided"))).unwrap();
    let changes = copy.changes().unwrap();
    let digests = |entry: Option<Entry>| entry.map(|entry| entry.digest);
    assert_eq!(digests(changes[0].before), Some(Digest::of(b"decided")));
    assert_eq!(digests(changes[0].after), Some(Digest::of(b"newer")));
}

/// Files that an agent writes into its copy hide nothing and delete nothing.
#[test]
fn ignore_rules_and_marks_written_in_a_copy_are_files_like_any_other() {
    let bench = bench(&[(".env", "k"), ("notes/mine", "n"), ("src/a", "1")]);
    let mut copy = bench.copy();
    let root = copy.root().to_owned();
    for (path, text) in [(".gitignore", ".env\nnotes/\n"), ("src/pyvenv.cfg", ""), ("src/a", "2"), ("notes/new", "n")] {
        put(&root, path, text);
    }
    assert_eq!(told(&mut copy), [".gitignore -+", "notes/new -+", "src/a ++", "src/pyvenv.cfg -+"]);
}

#[test]
fn ignored_files_that_were_copied_are_compared_and_build_output_is_named() {
    let mut files = vec![(".gitignore", ".env\nout/\nbig/\n/dist\n"), (".env", "k=1"), ("a", "1"), ("target/x", "t")];
    let many: Vec<String> = (0..600).map(|number| format!("big/{number}")).collect();
    files.extend(many.iter().map(|path| (path.as_str(), "b")));
    let bench = bench(&files);
    std::fs::write(bench.work.path().join("target/CACHEDIR.TAG"), "").unwrap();
    let mut copy = bench.copy();
    let root = copy.root().to_owned();
    assert!(told(&mut copy).is_empty());
    std::thread::park_timeout(std::time::Duration::from_millis(30));
    for path in [".env", "out/n", "dist/m", "big/1", "node_modules/x/y", "__pycache__/z"] {
        put(&root, path, "changed");
    }
    assert_eq!(told(&mut copy), [".env ++", "dist/m -+", "out/n -+"]);
    assert_eq!(copy.changed_behind(), [Path::new("big"), Path::new("node_modules")]);
    assert_eq!(copy.ignored_at(Path::new("out/n")).as_deref(), Some(Path::new("out")));
    // What was approved is in the workspace; the copy takes it from there, and no ignored file is lost.
    put(bench.work.path(), ".env", "approved");
    copy.reset(&bench.live, Path::new(".env"), Some(Digest::of(b"changed"))).unwrap();
    put(bench.work.path(), "a", "2");
    copy.refresh(&bench.live).unwrap();
    assert_eq!(told(&mut copy), ["dist/m -+", "out/n -+"]);
    assert_eq!(std::fs::read_to_string(root.join(".env")).unwrap(), "approved");
}

#[test]
fn a_copy_keeps_permission_bits_and_tells_when_they_change() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = bench(&[("run", "1"), ("key", "2")]);
    let chmod = |root: &Path, path: &str, mode| {
        std::fs::set_permissions(root.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod(bench.work.path(), "key", 0o600);
    let mut copy = bench.copy();
    let root = copy.root().to_owned();
    assert_eq!(root.join("key").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    chmod(&root, "run", 0o755);
    assert_eq!(told(&mut copy), ["run ++"]);
    copy.restore_all().unwrap();
    assert!(told(&mut copy).is_empty());
    assert_eq!(root.join("run").metadata().unwrap().permissions().mode() & 0o111, 0);
}

#[test]
fn a_sparse_file_is_copied_in_no_time_and_stays_sparse() {
    use std::os::unix::fs::MetadataExt as _;
    let bench = bench(&[("a", "1")]);
    let sparse = std::fs::File::create(bench.work.path().join("sparse")).unwrap();
    sparse.set_len(8 << 30).unwrap();
    let began = std::time::Instant::now();
    let copy = bench.copy();
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    let about = copy.root().join("sparse").metadata().unwrap();
    assert_eq!((about.len(), about.blocks() < 1_000), (8 << 30, true));
}
