//! The watcher sees what happens on the disk, and only that.

use super::wait_until;
use rightseat::base::Digest;
use rightseat::base::limits::WATCH_POLL_MS;
use rightseat::model::FileChange;
use rightseat::port::{Changed, Notice};
use rightseat::workspace::checkpoint::Store;
use rightseat::workspace::listing::Listing;
use rightseat::workspace::tree::Rules;
use rightseat::workspace::watch::{Means, Watch};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;

struct Seat {
    dir: tempfile::TempDir,
    _state: tempfile::TempDir,
    _watch: Watch,
    notices: Receiver<Notice>,
    told: Vec<(String, FileChange)>,
    picture: BTreeMap<String, Digest>,
    states: Vec<String>,
}

fn seat(files: &[(&str, &str)], means: Means) -> Seat {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        put(dir.path(), path, text);
    }
    let (root, state) = (dir.path().canonicalize().unwrap(), tempfile::tempdir().unwrap());
    let listing = Listing::new(root.clone(), Rules::read(&root), Store::open(state.path()).unwrap());
    let (watch, notices) = Watch::start(Arc::new(listing), means, std::time::Duration::from_millis(WATCH_POLL_MS));
    let mut seat = Seat {
        dir,
        _state: state,
        _watch: watch,
        notices,
        told: Vec::new(),
        picture: BTreeMap::new(),
        states: Vec::new(),
    };
    seat.until("the state is told", |seat| !seat.states.is_empty());
    seat
}

fn put(root: &Path, path: &str, text: &str) {
    let full = root.join(path);
    std::fs::create_dir_all(full.parent().unwrap()).unwrap();
    std::fs::write(full, text).unwrap();
}

impl Seat {
    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn take(&mut self) {
        while let Ok(notice) = self.notices.try_recv() {
            match notice {
                Notice::State { state, .. } => self.states.push(state.to_string()),
                Notice::Changed(changed) if changed.about.is_some() => self.told.push((changed.path, changed.change)),
                Notice::Changed(changed) => {
                    let Changed { path, change, before, after, before_node, after_node, .. } = *changed;
                    assert_ne!((before, before_node), (after, after_node), "{path} is told and did not change");
                    assert_eq!(
                        (before.is_none(), after.is_none()),
                        (change == FileChange::Create, change == FileChange::Delete)
                    );
                    match after {
                        Some(digest) => self.picture.insert(path.clone(), digest),
                        None => self.picture.remove(&path),
                    };
                    self.told.push((path, change));
                }
            }
        }
    }

    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        wait_until(what, || {
            self.take();
            holds(self)
        });
    }

    fn until_told(&mut self, path: &str, change: FileChange) {
        self.until(&format!("{path} is told as {change:?}"), |seat| {
            seat.told.iter().any(|told| told == &(path.to_owned(), change))
        });
        self.told.retain(|told| told.0 != path);
    }
}

#[test]
fn saves_creations_removals_and_renames_are_told_once() {
    let mut seat = seat(&[("a", "1"), ("dir/b", "2"), ("dir/c", "3")], Means::Auto);
    assert_eq!(seat.states, ["watching"]);
    put(seat.dir.path(), "a", "changed");
    seat.until_told("a", FileChange::Modify);
    put(seat.dir.path(), "new/deep/file", "n");
    seat.until_told("new/deep/file", FileChange::Create);
    std::fs::remove_file(seat.at("dir/b")).unwrap();
    seat.until_told("dir/b", FileChange::Delete);
    // The way of editors: a temporary file is renamed over the old one.
    put(seat.dir.path(), ".a.swp", "saved");
    std::fs::rename(seat.at(".a.swp"), seat.at("a")).unwrap();
    seat.until_told("a", FileChange::Modify);
    std::fs::rename(seat.at("dir"), seat.at("moved")).unwrap();
    seat.until_told("dir/c", FileChange::Delete);
    seat.until_told("moved/c", FileChange::Create);
    // A directory removed and made again under its name keeps being watched.
    std::fs::remove_dir_all(seat.at("moved")).unwrap();
    put(seat.dir.path(), "moved/again", "1");
    seat.until_told("moved/again", FileChange::Create);
    put(seat.dir.path(), "moved/again", "2");
    seat.until_told("moved/again", FileChange::Modify);
    seat.told.retain(|(path, _)| path != "moved/c" && path != ".a.swp");
    assert_eq!(seat.told, []);
}

#[test]
fn what_is_read_or_touched_or_belongs_to_a_store_is_not_told() {
    let mut seat = seat(&[("src/a", "1"), (".git/HEAD", "h"), (".git/index", "i")], Means::Auto);
    put(seat.dir.path(), ".git/index", "g");
    put(seat.dir.path(), ".git/objects/ab/cd", "o");
    put(seat.dir.path(), ".git/refs/heads/main", "r");
    put(seat.dir.path(), ".git/logs/HEAD", "l");
    put(seat.dir.path(), "src/a", "1");
    std::fs::read(seat.at("src/a")).unwrap();
    put(seat.dir.path(), "src/last", "l");
    seat.until_told("src/last", FileChange::Create);
    assert_eq!(seat.told, []);
}

#[test]
fn rules_written_during_the_session_hide_nothing() {
    let mut seat = seat(&[(".gitignore", "/target\n"), ("src/a", "1"), (".env", "k")], Means::Auto);
    put(seat.dir.path(), ".gitignore", "*\n");
    put(seat.dir.path(), "src/CACHEDIR.TAG", "t");
    put(seat.dir.path(), ".git/info/exclude", "*\n");
    put(seat.dir.path(), "src/a", "2");
    put(seat.dir.path(), "src/new", "n");
    seat.until_told("src/new", FileChange::Create);
    seat.until_told("src/a", FileChange::Modify);
    seat.until_told(".git/info/exclude", FileChange::Create);
    seat.until_told("src/CACHEDIR.TAG", FileChange::Create);
    seat.until_told(".gitignore", FileChange::Modify);
    assert_eq!(seat.told, []);
}

#[test]
fn hooks_settings_and_ignored_files_are_told() {
    let files = [(".gitignore", ".env\n/build\n"), (".git/config", "c"), (".git/HEAD", "h"), (".env", "k"), ("a", "1")];
    for means in [Means::Auto, Means::Polling, Means::Events] {
        let mut seat = seat(&files, means);
        put(seat.dir.path(), ".git/hooks/pre-commit", "h");
        seat.until_told(".git/hooks/pre-commit", FileChange::Create);
        put(seat.dir.path(), ".git/config", "c2");
        seat.until_told(".git/config", FileChange::Modify);
        put(seat.dir.path(), ".git/modules/sub/hooks/update", "h");
        put(seat.dir.path(), ".env", "k2");
        seat.until_told(".env", FileChange::Modify);
        seat.until_told(".git/modules/sub/hooks/update", FileChange::Create);
        put(seat.dir.path(), "build/deep/out.js", "o");
        seat.until_told("build/deep/out.js", FileChange::Create);
        put(seat.dir.path(), "node_modules/left/index.js", "o");
        seat.until_told("node_modules/left/index.js", FileChange::Create);
        std::fs::remove_file(seat.at(".git/config")).unwrap();
        seat.until_told(".git/config", FileChange::Delete);
        assert_eq!(seat.told, []);
    }
}

#[test]
fn a_flood_in_an_ignored_directory_is_told_in_one_word() {
    let mut seat = seat(&[(".gitignore", "/build\n"), ("build/first", "f")], Means::Auto);
    for number in 0..100 {
        put(seat.dir.path(), &format!("build/{number}"), "x");
    }
    seat.until("the directory is told", |seat| seat.told.iter().any(|(path, _)| path == "build"));
    for number in 0..900 {
        put(seat.dir.path(), &format!("build/many/{number}"), "x");
    }
    seat.told.clear();
    seat.until("the directory is told again", |seat| seat.told.iter().any(|(path, _)| path == "build"));
    assert!(seat.told.len() < 60, "{:?}", seat.told);
    // Of a large directory the one file that changed is named.
    std::thread::park_timeout(std::time::Duration::from_millis(2_500));
    seat.take();
    seat.told.clear();
    put(seat.dir.path(), "build/many/17", "another");
    seat.until_told("build/many/17", FileChange::Modify);
}

#[test]
fn permission_bits_are_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut seat = seat(&[("run.sh", "1")], Means::Auto);
    std::fs::set_permissions(seat.at("run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    seat.until_told("run.sh", FileChange::Modify);
    assert_eq!(seat.told, []);
}

/// What the disk holds, by our own walk.
fn disk(root: &Path) -> BTreeMap<String, Digest> {
    let walk = ignore::WalkBuilder::new(root).standard_filters(false).build().flatten();
    let files = walk.filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
    files
        .map(|entry| {
            (
                entry.path().strip_prefix(root).unwrap().display().to_string(),
                Digest::of(&std::fs::read(entry.path()).unwrap()),
            )
        })
        .collect()
}

#[test]
fn after_a_storm_the_view_equals_the_disk() {
    for means in [Means::Auto, Means::Polling, Means::Events] {
        let mut seat = seat(&[], means);
        let root = seat.dir.path().to_owned();
        // Far more events than the queue holds, in directories that are made, moved and removed meanwhile.
        let storm = std::thread::spawn(move || {
            for round in 0..60 {
                for file in 0..100 {
                    put(&root, &format!("r{}/d{}/f{file}", round % 7, file % 5), &format!("{round} {file}"));
                }
                if round % 3 == 0 {
                    let _ = std::fs::remove_dir_all(root.join(format!("r{}", (round + 3) % 7)));
                }
                if round % 4 == 0 {
                    let _ = std::fs::rename(root.join(format!("r{}", round % 7)), root.join(format!("m{round}")));
                }
            }
        });
        storm.join().unwrap();
        let root = seat.dir.path().to_owned();
        let truth = disk(&root);
        assert!(truth.len() > 300);
        seat.until("the picture is the disk", |seat| seat.picture == truth);
    }
}

#[test]
fn polling_says_so_and_sees_what_no_event_told() {
    let mut seat = seat(&[("a", "1")], Means::Polling);
    assert_eq!(seat.states, ["polling"]);
    put(seat.dir.path(), "a", "2");
    seat.until_told("a", FileChange::Modify);
    put(seat.dir.path(), "b", "2");
    seat._watch.look(vec!["b".into()]);
    seat.until_told("b", FileChange::Create);
}

#[test]
fn an_idle_watcher_sleeps() {
    let mut seat = seat(&[("a", "1")], Means::Auto);
    put(seat.dir.path(), "a", "2");
    seat.until_told("a", FileChange::Modify);
    // Past the one walk that follows a change, its thread may not wake by itself.
    std::thread::park_timeout(std::time::Duration::from_millis(2_000));
    let name: String = format!("watch {}", seat.dir.path().file_name().unwrap().display()).chars().take(15).collect();
    let switches = || -> Vec<String> {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten().map(|task| task.path());
        let watcher =
            tasks.filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name));
        let status: String = watcher.filter_map(|task| std::fs::read_to_string(task.join("status")).ok()).collect();
        status.lines().filter(|line| line.contains("ctxt_switches")).map(str::to_owned).collect()
    };
    let before = switches();
    assert_eq!(before.len(), 2, "the watcher's thread is found by its name");
    std::thread::park_timeout(std::time::Duration::from_millis(1_000));
    assert_eq!(switches(), before);
}
