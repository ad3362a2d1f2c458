//! Layers: commands in a private overlay, as root and as an ordinary user, what they leave there, and what they cannot
//! reach.

use super::everybody::{self, AGAIN};
use super::rounds::{Acts, Dice, setting, state_of};
use super::{script, spawner};
use rightseat::model::event::{Network, Stream};
use rightseat::workspace::checkpoint::{Store, compare};
use rightseat::workspace::launch::Containment;
use rightseat::workspace::layer::{BuildFolders, Changes, Layer, Others, Promoted};
use rightseat::workspace::listing::Listing;
use rightseat::workspace::root::Root;
use rightseat::workspace::run::{Sink, drive};
use rightseat::workspace::tree::Rules;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// As [`everybody::as_everybody`]; without a module the test is in this one.
pub fn as_everybody(name: &str, test: impl Fn()) {
    let path = if name.contains("::") { name.to_owned() } else { format!("layer::{name}") };
    everybody::as_everybody(&path, test);
}

/// A workspace, the state of a session, and a place outside of both that this user can write.
pub struct Ground {
    dir: tempfile::TempDir,
    root: Root,
    rules: Rules,
}

impl Ground {
    fn new() -> Self {
        let dir = everybody::ground();
        for name in ["tree", "state", "outside"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let root = Root::open(&dir.path().join("tree")).unwrap();
        let rules = Rules::read(root.path());
        Self { dir, root, rules }
    }

    pub fn with(files: &[(&str, &str)]) -> Self {
        let ground = Self::new();
        for (path, text) in files {
            ground.put(path, text);
        }
        ground
    }

    fn put(&self, path: &str, text: &str) {
        let full = self.tree().join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, text).unwrap();
    }

    pub fn tree(&self) -> &Path {
        self.root.path()
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state").canonicalize().unwrap()
    }

    fn outside(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("outside")
    }

    fn layer(&self, name: &str, line: &str) -> Layer {
        self.layer_with(name, line, Network::Off)
    }

    pub fn layer_with(&self, name: &str, line: &str, network: Network) -> Layer {
        let what = (line, BuildFolders::Shared, network);
        Layer::make((&self.state(), name), (&self.root, &self.rules), what, &[]).unwrap()
    }

    fn promote(&self, layer: &Layer) -> (Changes, Promoted) {
        let changes = layer.changes(&self.root, None).unwrap();
        let promoted = layer.promote(&self.root, &self.rules, &changes, &BTreeSet::new());
        (changes, promoted)
    }
}

/// A process outside, for as long as it is kept.
struct Sleeper(std::process::Child);

impl Sleeper {
    fn new() -> Self {
        let null = std::process::Stdio::null;
        Self(Command::new("sleep").arg("120").stdin(null()).stdout(null()).stderr(null()).spawn().unwrap())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[derive(Default)]
pub struct Kept(pub Vec<u8>);

impl Sink for Kept {
    async fn take(&mut self, _: Stream, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// Runs a script, in a layer if there is one; gives its exit code and its output.
fn run(layer: Option<&Layer>, text: &str, cwd: &Path) -> (Option<i32>, String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        // Without a layer it is in no namespace either.
        let spawner = spawner(Containment::Subreaper);
        let spec = rightseat::workspace::run::Spec { merged: true, ..script(text, cwd) };
        let running = match layer {
            Some(layer) => spawner.within(layer.plan().clone()).spawn(&spec),
            None => spawner.spawn(&spec),
        };
        let mut kept = Kept::default();
        let ended = drive(running.unwrap(), Duration::from_secs(60), &mut kept).await;
        (ended.exit, String::from_utf8_lossy(&kept.0).into_owned())
    })
}

/// Every node below a directory with its kind, bits and content.
fn picture(dir: &Path) -> String {
    fn walk(dir: &Path, at: &Path, out: &mut String) {
        let mut entries: Vec<_> = std::fs::read_dir(dir.join(at)).unwrap().map(|e| e.unwrap().file_name()).collect();
        entries.sort();
        for name in entries {
            let path = at.join(name);
            let full = dir.join(&path);
            let about = full.symlink_metadata().unwrap();
            let mode = about.permissions().mode() & 0o7777;
            if about.is_symlink() {
                writeln!(out, "{path:?} -> {:?}", std::fs::read_link(&full).unwrap()).unwrap();
            } else if about.is_dir() {
                writeln!(out, "{path:?} {mode:o} directory").unwrap();
                walk(dir, &path, out);
            } else {
                writeln!(out, "{path:?} {mode:o} {:?}", std::fs::read(&full).unwrap()).unwrap();
            }
        }
    }
    let mut out = String::new();
    walk(dir, Path::new(""), &mut out);
    out
}

const EVERYTHING: &str = "set -e
echo new > made; mkdir -p deep/er/est; echo x > deep/er/est/file; mkdir empty
echo more >> changed; rm gone; chmod 755 bits; chmod 700 dir; ln -s changed link; ln -sfn elsewhere oldlink
rm -r olddir; mkdir olddir; echo fresh > olddir/other
mv moved renamed; rm -r tobefile; echo file > tobefile; rm tobedir; mkdir tobedir; echo in > tobedir/in
rm -r whole; : > emptyfile; head -c 300000 /dev/zero > big; chmod 400 big; touch -d 2001-02-03 timed
cp -p kept copy; ln made hard";

fn everything() -> Ground {
    let ground = Ground::with(&[
        ("changed", "old\n"),
        ("gone", "gone\n"),
        ("bits", "#!/bin/sh\n"),
        ("dir/in", "in\n"),
        ("olddir/a", "a\n"),
        ("olddir/sub/b", "b\n"),
        ("moved", "moved\n"),
        ("tobefile/x", "x\n"),
        ("tobedir", "was a file\n"),
        ("whole/of/it", "1\n"),
        ("whole/it", "2\n"),
        ("timed", "timed\n"),
        ("kept", "kept\n"),
    ]);
    std::os::unix::fs::symlink("nowhere", ground.tree().join("oldlink")).unwrap();
    ground
}

#[test]
fn a_promotion_equals_the_layer_byte_for_byte() {
    as_everybody("a_promotion_equals_the_layer_byte_for_byte", || {
        // What the same script does to a tree without a layer.
        let plain = everything();
        let (exit, said) = run(None, EVERYTHING, plain.tree());
        assert_eq!(exit, Some(0), "{said}");
        let ground = everything();
        let before = picture(ground.tree());
        let layer = ground.layer("a1", EVERYTHING);
        let (exit, said) = run(Some(&layer), EVERYTHING, ground.tree());
        assert_eq!(exit, Some(0), "{said}");
        assert_eq!(picture(ground.tree()), before, "nothing has come through before it is promoted");
        let (changes, promoted) = ground.promote(&layer);
        assert_eq!(picture(ground.tree()), picture(plain.tree()), "{changes:#?}");
        assert!(promoted.kept.is_empty(), "{promoted:?}");
        let time = |ground: &Ground| ground.tree().join("timed").metadata().unwrap().mtime();
        assert_eq!(time(&ground), time(&plain));
        drop(layer);
        let layers = ground.dir.path().join("state/layers");
        super::wait_until("the layer is gone", || std::fs::read_dir(&layers).unwrap().count() == 0);
    });
}

/// kill -9 between any two steps: once the promotion has begun it is finished, and before that nothing has happened.
#[test]
fn a_promotion_that_was_cut_off_is_finished() {
    as_everybody("a_promotion_that_was_cut_off_is_finished", || {
        let plain = everything();
        run(None, EVERYTHING, plain.tree());
        let mut cut = 1;
        loop {
            let ground = everything();
            let layer = ground.layer("a1", EVERYTHING);
            run(Some(&layer), EVERYTHING, ground.tree());
            let changes = layer.changes(&ground.root, None).unwrap();
            let begun = Changes { list: changes.list.iter().take(cut).cloned().collect(), ..Changes::default() };
            layer.promote(&ground.root, &ground.rules, &begun, &BTreeSet::new());
            // The host is gone.
            std::mem::forget(layer);
            let notes = Layer::finish_left_over(&ground.state(), &ground.root, &ground.rules);
            assert_eq!(picture(ground.tree()), picture(plain.tree()), "after {cut} of {changes:#?}");
            let notes: Vec<&String> = notes.iter().flat_map(|ended| &ended.promoted.kept).collect();
            assert_eq!(notes, [""; 0]);
            cut += 5;
            if cut > changes.list.len() + 5 {
                break;
            }
        }
        let ground = everything();
        let before = picture(ground.tree());
        let layer = ground.layer("a1", EVERYTHING);
        run(Some(&layer), EVERYTHING, ground.tree());
        std::mem::forget(layer);
        assert!(Layer::finish_left_over(&ground.state(), &ground.root, &ground.rules).is_empty());
        assert_eq!(picture(ground.tree()), before);
    });
}

/// What was cut off by a full disk is not carried into the workspace, whose own disk has room.
#[test]
fn nothing_is_promoted_from_a_disk_that_is_full() {
    struct Mounted(PathBuf);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(&self.0).status();
        }
    }
    let ground = Ground::with(&[("a", "important\n")]);
    let small = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(ground.state()).output();
    if !rustix::process::geteuid().is_root() || !small.is_ok_and(|done| done.status.success()) {
        println!("not run: no small disk can be mounted here");
        return;
    }
    let mounted = Mounted(ground.state());
    let text = "head -c 4000000 /dev/zero > a; echo more > b";
    let layer = ground.layer("a1", text);
    let (exit, said) = run(Some(&layer), text, ground.tree());
    assert!(exit.is_some(), "{said}");
    let error = layer.changes(&ground.root, None).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    // What there is of it is kept.
    let note = layer.keep_whole().unwrap();
    let kept = note.strip_prefix("everything that the command wrote is in ").unwrap();
    assert!(Path::new(kept).join("a").metadata().unwrap().len() > 0, "{note}");
    std::fs::remove_dir_all(kept).unwrap();
    assert_eq!(std::fs::read_to_string(ground.tree().join("a")).unwrap(), "important\n");
    drop(layer);
    // There is room again.
    let layer = ground.layer("a2", "");
    run(Some(&layer), "echo two >> a", ground.tree());
    ground.promote(&layer);
    assert_eq!(std::fs::read_to_string(ground.tree().join("a")).unwrap(), "important\ntwo\n");
    drop(layer);
    drop(mounted);
}

#[test]
fn what_is_held_back_stays_in_the_layer() {
    as_everybody("what_is_held_back_stays_in_the_layer", || {
        let ground = Ground::with(&[("a", "a\n"), ("b", "b\n"), ("c", "c\n")]);
        let text = "echo x >> a; echo x >> b; rm c; mkdir d; echo x > d/e; echo x > d/f";
        let layer = ground.layer("a1", text);
        run(Some(&layer), text, ground.tree());
        let changes = layer.changes(&ground.root, None).unwrap();
        let held: BTreeSet<PathBuf> = ["b", "c", "d/e"].map(PathBuf::from).into();
        let promoted = layer.promote(&ground.root, &ground.rules, &changes, &held);
        let files: Vec<&str> = promoted.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!((files, promoted.kept.len()), (vec!["d", "a", "d/f"], 0));
        let exists = |path: &str| ground.tree().join(path).exists();
        assert!(exists("c") && exists("d/f") && !exists("d/e"));
        assert_eq!(std::fs::read_to_string(ground.tree().join("b")).unwrap(), "b\n");
        // Both sides are still there to be shown.
        assert_eq!(std::fs::read_to_string(layer.own_tree().unwrap().path().join("b")).unwrap(), "b\nx\n");
        let kept = layer.keep_held(changes.list.iter().find(|change| change.path == Path::new("d/e")).unwrap());
        assert!(kept.starts_with("d/e was not promoted; the command's version is "), "{kept}");
    });
}

#[test]
fn the_user_keeps_what_was_changed_meanwhile() {
    as_everybody("the_user_keeps_what_was_changed_meanwhile", || {
        let ground =
            Ground::with(&[("both", "old\n"), ("mine", "old\n"), ("its", "old\n"), ("del", "x\n"), ("d/a", "a\n")]);
        let text = "echo its > both; echo its > its; rm del; rm -r d; echo its > new";
        let layer = ground.layer("a1", text);
        ground.put("both", "mine\n");
        ground.put("mine", "mine\n");
        ground.put("del", "mine\n");
        ground.put("d/mine", "mine\n");
        ground.put("new", "mine\n");
        let (exit, said) = run(Some(&layer), text, ground.tree());
        assert_eq!(exit, Some(0), "{said}");
        let (_, promoted) = ground.promote(&layer);
        let read = |path: &str| std::fs::read_to_string(ground.tree().join(path)).unwrap();
        for path in ["both", "mine", "del", "d/mine", "new"] {
            assert_eq!(read(path), "mine\n", "{path}: {promoted:?}");
        }
        assert_eq!(read("its"), "its\n");
        assert!(!ground.tree().join("d/a").exists());
        let changed: Vec<&str> = promoted.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(changed, ["d/a", "its"], "{promoted:?}");
        assert_eq!(promoted.kept.len(), 4, "{promoted:?}");
        let kept = ground.dir.path().join("state/kept/a1");
        assert_eq!(std::fs::read_to_string(kept.join("both")).unwrap(), "its\n");
        assert_eq!(std::fs::read_to_string(kept.join("new")).unwrap(), "its\n");
    });
}

/// A command may close what it fills, and so may the directory of the user that it changes.
#[test]
fn closed_directories_are_promoted_with_what_is_in_them() {
    as_everybody("closed_directories_are_promoted_with_what_is_in_them", || {
        let text = "mkdir -p new/deep dark/er; echo x > new/deep/f; echo x > dark/er/f; chmod 555 new/deep new; \
                    chmod 755 shut shut/in; echo its > shut/both; echo y > shut/in/f; rm shut/gone; chmod 555 shut/in shut; \
                    chmod 0 dark/er dark";
        let made = || {
            let ground =
                Ground::with(&[("shut/old", "x\n"), ("shut/gone", "x\n"), ("shut/both", "x\n"), ("shut/in/a", "")]);
            bits(&ground, &["shut/in", "shut"], 0o555);
            ground
        };
        let (plain, ground) = (made(), made());
        assert_eq!(run(None, text, plain.tree()).0, Some(0));
        let layer = ground.layer("a1", text);
        std::fs::write(ground.tree().join("shut/both"), "mine\n").unwrap();
        std::fs::write(plain.tree().join("shut/both"), "mine\n").unwrap();
        let (exit, said) = run(Some(&layer), text, ground.tree());
        assert_eq!(exit, Some(0), "{said}");
        let (changes, promoted) = ground.promote(&layer);
        for ground in [&plain, &ground] {
            assert_eq!(ground.tree().join("dark").metadata().unwrap().mode() & 0o7777, 0, "{promoted:?}");
            bits(ground, &["dark"], 0o700);
            assert_eq!(ground.tree().join("dark/er").metadata().unwrap().mode() & 0o7777, 0, "{promoted:?}");
            bits(ground, &["dark/er"], 0o700);
        }
        assert_eq!(picture(ground.tree()), picture(plain.tree()), "{changes:#?} {promoted:?}");
        assert_eq!(promoted.kept.len(), 1, "{promoted:?}");
        assert_eq!(std::fs::read_to_string(ground.dir.path().join("state/kept/a1/shut/both")).unwrap(), "its\n");
        for ground in [&plain, &ground] {
            bits(ground, &["shut", "shut/in", "new", "new/deep"], 0o700);
        }
    });
}

/// Git takes code and settings from many places, also such that come with its next version.
#[test]
fn what_git_keeps_outside_of_its_store_is_judged() {
    as_everybody("what_git_keeps_outside_of_its_store_is_judged", || {
        let judged = [
            ".git/commondir",
            ".git/config",
            ".git/config.worktree",
            ".git/hooks/objects",
            ".git/info/attributes",
            ".git/modules/m/config",
            ".git/modules/m/hooks/pre-commit",
            ".git/modules/objects/config",
            ".git/rebase-merge/git-rebase-todo",
            ".git/sequencer/todo",
            ".git/worktrees/w/commondir",
            "sub/.git/config",
        ];
        let own = [
            ".git/COMMIT_EDITMSG",
            ".git/HEAD",
            ".git/ORIG_HEAD",
            ".git/index",
            ".git/index.lock",
            ".git/logs/HEAD",
            ".git/modules/m/objects/ab/cd",
            ".git/objects/ab/cd",
            ".git/packed-refs",
            ".git/refs/heads/main",
            ".git/worktrees/w/HEAD",
        ];
        let ground = Ground::with(&[(".git/HEAD", "ref: refs/heads/main\n")]);
        let layer = ground.layer("a1", "");
        let write = |path: &&str| format!("mkdir -p {}; echo x > {path}", Path::new(path).parent().unwrap().display());
        let text: Vec<String> = judged.iter().chain(&own).map(write).collect();
        let (exit, said) = run(Some(&layer), &text.join("\n"), ground.tree());
        assert_eq!(exit, Some(0), "{said}");
        let changes = layer.changes(&ground.root, None).unwrap();
        let seen: BTreeSet<&str> = changes.list.iter().map(|change| change.path.to_str().unwrap()).collect();
        assert!(own.iter().all(|path| seen.contains(path)), "{seen:?}");
        let found = changes.list.iter().filter(|change| change.is_judged(&ground.rules));
        let found: BTreeSet<&str> = found.map(|change| change.path.to_str().unwrap()).collect();
        assert_eq!(found, judged.into());
    });
}

/// Nothing that a command leaves takes forever to read, and what is too much is kept beside the session.
#[test]
fn a_result_is_bounded_and_the_rest_of_it_is_kept() {
    as_everybody("a_result_is_bounded_and_the_rest_of_it_is_kept", || {
        let ground = Ground::with(&[("grown", "old\n"), ("deep/a", "a\n")]);
        let text = "truncate -s 1T huge grown; echo x > small; mkfifo pipe; \
                    cd deep; for i in $(seq 250); do mkdir d; cd d; done; echo x > f";
        let layer = ground.layer("a1", text);
        let (exit, said) = run(Some(&layer), text, ground.tree());
        assert_eq!(exit, Some(0), "{said}");
        let stopped = tokio_util::sync::CancellationToken::new();
        stopped.cancel();
        assert!(layer.changes_until(&stopped, &ground.root, None).is_err());
        let (changes, promoted) = ground.promote(&layer);
        assert_eq!(changes.left_out, 3, "{:?}", changes.left);
        assert_eq!(promoted.kept.len(), 4, "{promoted:?}");
        for part in
            ["huge is not promoted: it has 1099511627776 bytes", "grown is not promoted", "200 directories deep"]
        {
            assert!(promoted.kept.iter().any(|note| note.contains(part)), "{promoted:?}");
        }
        assert!(ground.tree().join("small").exists() && !ground.tree().join("huge").exists());
        assert_eq!(std::fs::read_to_string(ground.tree().join("grown")).unwrap(), "old\n");
        let note = layer.keep_left_out(&changes).unwrap();
        let kept = ground.state().join("kept/a1.whole");
        assert!(note.ends_with(kept.to_str().unwrap()), "{note}");
        assert_eq!(kept.join("huge").metadata().unwrap().len(), 1 << 40);
    });
}

#[test]
fn a_result_whose_promotion_cannot_begin_is_kept() {
    as_everybody("a_result_whose_promotion_cannot_begin_is_kept", || {
        let ground = Ground::with(&[("a", "old\n")]);
        let layer = ground.layer("a1", "");
        run(Some(&layer), "echo its > a; mkdir d; echo x > d/b", ground.tree());
        // As on a full disk the intent cannot be written.
        std::fs::create_dir(ground.state().join("layers/a1/promoting.new")).unwrap();
        let (_, promoted) = ground.promote(&layer);
        assert!(promoted.failed && promoted.files.is_empty(), "{promoted:?}");
        assert_eq!(std::fs::read_to_string(ground.tree().join("a")).unwrap(), "old\n");
        let kept = ground.state().join("kept/a1.whole");
        assert!(promoted.kept[1].ends_with(kept.to_str().unwrap()), "{promoted:?}");
        assert_eq!(std::fs::read_to_string(kept.join("a")).unwrap(), "its\n");
        assert_eq!(std::fs::read_to_string(kept.join("d/b")).unwrap(), "x\n");
    });
}

fn bits(ground: &Ground, paths: &[&str], bits: u32) {
    for path in paths {
        std::fs::set_permissions(ground.tree().join(path), std::fs::Permissions::from_mode(bits)).unwrap();
    }
}

#[test]
fn build_folders_are_shared_unless_the_command_names_them() {
    as_everybody("build_folders_are_shared_unless_the_command_names_them", || {
        let mut ground = Ground::with(&[(".gitignore", "target\n"), ("target/old", "1\n"), ("src/a", "a\n")]);
        ground.rules = Rules::read(ground.tree());
        let layer = ground.layer("a1", "make");
        assert_eq!(layer.plan().shared, [ground.tree().join("target")]);
        let (exit, said) = run(Some(&layer), "echo 2 > target/new && echo b > src/b", ground.tree());
        assert_eq!(exit, Some(0), "{said}");
        assert!(ground.tree().join("target/new").exists() && !ground.tree().join("src/b").exists());
        let seen = layer.changes(&ground.root, None).unwrap();
        assert_eq!(seen.list.iter().map(|change| change.path.as_path()).collect::<Vec<_>>(), [Path::new("src/b")]);
        for line in ["rm -rf target", "cargo clean"] {
            assert!(ground.layer("a2", line).plan().shared.is_empty(), "{line}");
        }
        let layer = ground.layer("a3", "rm -rf target");
        let (exit, said) = run(Some(&layer), "rm -rf target", ground.tree());
        assert_eq!(exit, Some(0), "{said}");
        assert!(ground.tree().join("target/old").exists());
        let (_, promoted) = ground.promote(&layer);
        assert!(!ground.tree().join("target").exists() && promoted.files.is_empty(), "{promoted:?}");
    });
}

/// A mount would be an empty directory in the overlay.
#[test]
fn a_workspace_with_a_mount_in_it_has_no_layer() {
    let ground = Ground::new();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    if !mounts.lines().any(|line| line.split(' ').nth(4).is_some_and(|at| at.starts_with("/dev/"))) {
        println!("not run: nothing is mounted below /dev");
        return;
    }
    let dev = Root::open(Path::new("/dev")).unwrap();
    let no = Layer::make((&ground.state(), "a1"), (&dev, &ground.rules), ("", BuildFolders::Shared, Network::Off), &[])
        .unwrap_err();
    assert!(no.why.contains("is a mount of its own inside the workspace"), "{no}");
    assert!(no.fix.starts_with("umount /dev/"), "{no}");
}

/// In a layer of an ordinary user nobody else exists, and the kernel refuses to copy a file of an unknown owner.
#[test]
fn a_workspace_with_files_of_others_has_no_layer() {
    let ground = Ground::with(&[("mine", "x\n"), ("d/theirs", "x\n")]);
    if !rustix::process::geteuid().is_root() {
        println!("not run: only root can make files of others");
        return;
    }
    let own = |path: &Path, group: u32| std::os::unix::fs::lchown(path, Some(4321), Some(group)).unwrap();
    let bits = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(ground.dir.path(), bits).unwrap();
    for path in ["tree", "tree/mine", "tree/d", "state"] {
        own(&ground.dir.path().join(path), 4321);
    }
    let doctor = || {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid=4321",
            "--regid=4321",
            "--clear-groups",
            "--",
            env!("CARGO_BIN_EXE_rightseat"),
            "doctor",
        ]);
        command.arg("--dir").arg(ground.tree()).arg("--state-dir").arg(ground.state()).env("HOME", ground.outside());
        let done = command.output().unwrap();
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    own(&ground.tree().join("d/theirs"), 4320);
    let said = doctor();
    if said.is_empty() {
        println!("not run: the binary cannot be started by an ordinary user");
        return;
    }
    assert!(said.contains("d/theirs belongs to user 4321 and group 4320"), "{said}");
    assert!(said.contains("sudo chown -R 4321:4321 "), "{said}");
    own(&ground.tree().join("d/theirs"), 4321);
    let said = doctor();
    assert!(!said.contains("who do not exist in a layer"), "{said}");
}

/// What the launcher finds out late is told apart from what the command says and how it ends.
#[test]
fn a_layer_that_cannot_be_entered_starts_nothing_and_says_why() {
    as_everybody("a_layer_that_cannot_be_entered_starts_nothing_and_says_why", || {
        let ground = Ground::with(&[("f", "x\n")]);
        let layer = ground.layer("a1", "");
        std::fs::remove_dir_all(&layer.plan().upper.as_ref().unwrap().work).unwrap();
        let (exit, said) = run(Some(&layer), "echo begun", ground.tree());
        assert_eq!((exit, said.as_str()), (Some(125), ""));
        assert!(layer.refusal().unwrap().why.contains("work"), "{:?}", layer.refusal());
        // A command that claims the same is believed nothing.
        let layer = ground.layer("a2", "");
        let (exit, _) = run(Some(&layer), "echo 'rightseat: not started' >&2; exit 125", ground.tree());
        assert_eq!((exit, layer.refusal()), (Some(125), None));
    });
}

#[test]
fn a_workspace_below_a_hidden_directory_is_still_there() {
    as_everybody("a_workspace_below_a_hidden_directory_is_still_there", || {
        let ground = Ground::with(&[("f", "x\n")]);
        let (above, state) = (ground.tree().parent().unwrap().to_owned(), ground.dir.path().join("state"));
        let state = state.canonicalize().unwrap();
        let layer = Layer::make(
            (&state, "a1"),
            (&ground.root, &ground.rules),
            ("", BuildFolders::Shared, Network::Off),
            &[above],
        )
        .unwrap();
        let (exit, said) = run(Some(&layer), "ls -A ..; echo y >> f; (echo x > ../g) 2>/dev/null; true", ground.tree());
        assert_eq!((exit, said.as_str()), (Some(0), "tree\n"));
        // What it wrote above, if anything, was in memory.
        assert!(!ground.tree().parent().unwrap().join("g").exists());
    });
}

#[test]
fn a_command_in_a_layer_sees_only_what_it_is_given() {
    as_everybody("a_command_in_a_layer_sees_only_what_it_is_given", || {
        let ground = Ground::with(&[("f", "x\n")]);
        let layer = ground.layer("a1", "");
        let text = "readlink /proc/self/fd/0; ls /proc/$$/fd > fds; tr '\\n' ' ' < fds; tty; pwd; id -u; \
                    grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\n\\t '; echo; ls /proc | grep -c '^[0-9]'; \
                    ls /tmp | wc -l; echo x > /tmp/mine && echo y > /dev/null && cat /tmp/mine";
        let (exit, said) = run(Some(&layer), text, ground.tree());
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(exit, Some(0), "{said}");
        assert_eq!(lines[0], "/dev/null");
        assert_eq!(lines[1], "0 1 2 not a tty");
        assert_eq!(Path::new(lines[2]), ground.tree());
        assert_eq!(lines[3], rustix::process::geteuid().as_raw().to_string());
        assert_eq!(lines[4], "NoNewPrivs:1Seccomp:2");
        assert!(lines[5].parse::<u32>().unwrap() <= 4, "only its own processes: {said}");
        assert_eq!((lines[6], lines[7]), ("0", "x"));
    });
}

/// Attempts to get out, as scripts that print `OUT` when they do. `$out` is a directory outside, `$host` a process that
/// sleeps outside, `$abstract` the name of a socket there.
const ESCAPES: &[(&str, &str)] = &[
    ("write outside", "echo x > $out/f && test -s $out/f && echo OUT"),
    ("write to a directory above", "echo x > ../outside/f && echo OUT"),
    ("write by a link that leads out", "ln -s $out leads && echo x > leads/f && echo OUT"),
    ("hard link to a file outside", "ln $out/secret hard 2>/dev/null && echo changed >> hard && echo OUT"),
    (
        "exchange of a directory for a link",
        "mkdir -p d; for i in $(seq 300); do rm -rf d; ln -s $out d; echo x > d/f$i; rm -f d; mkdir d; done 2>/dev/null; \
         test -n \"$(ls $out | grep '^f')\" && echo OUT",
    ),
    ("see processes outside", "grep -qs sleep /proc/$host/cmdline && echo OUT"),
    (
        "the root of a process outside",
        "ls /proc/$host/root/ >/dev/null 2>&1 && echo x > /proc/$host/root/$out/f && echo OUT",
    ),
    ("signal to a process outside", "kill -0 $host && echo OUT"),
    (
        "ptrace of a process outside",
        "timeout 5 strace -p $host -o /dev/null & sleep 0.3; grep -q 'TracerPid:.[1-9]' /proc/$host/status && echo OUT",
    ),
    ("namespaces of a process outside", "nsenter -t $host -m -- echo OUT"),
    ("mount", "unshare -Urm sh -c 'mount -t tmpfs none /mnt && echo OUT'"),
    ("namespaces of its own", "unshare -Ur echo OUT"),
    ("a preloaded library outside", "cp /bin/true $out/lib && LD_PRELOAD=$out/lib true; test -s $out/lib && echo OUT"),
    (
        "an abstract socket",
        "perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) and connect(S, pack(\"S a*\", AF_UNIX, \"\\0$ENV{abstract}\")) and print \"OUT\\n\"'",
    ),
    (
        "the network by IPv4",
        "perl -MSocket -e 'socket(S, AF_INET, SOCK_STREAM, 0) and connect(S, pack_sockaddr_in($ENV{port}, inet_aton(\"127.0.0.1\"))) and print \"OUT\\n\"'",
    ),
    (
        "the network by IPv6",
        "perl -MSocket=:all -e 'socket(S, AF_INET6, SOCK_STREAM, 0) and connect(S, pack_sockaddr_in6($ENV{port6}, inet_pton(AF_INET6, \"::1\"))) and print \"OUT\\n\"'",
    ),
    (
        "the network by datagrams",
        "perl -MSocket -e 'socket(S, AF_INET, SOCK_DGRAM, 0); send(S, \"x\", 0, pack_sockaddr_in($ENV{udp}, inet_aton(\"127.0.0.1\"))); alarm 2; recv(S, $a, 9, 0); print \"OUT\\n\" if $a'",
    ),
    ("a raw socket", "perl -MSocket -e 'socket(S, AF_INET, SOCK_RAW, 1) and print \"OUT\\n\"'"),
    ("packets of the network", "perl -e 'socket(S, 17, 3, 0) and print \"OUT\\n\"'"),
    ("a device of the network", "grep -qE '^ *(e|w|v)[a-z0-9]+:' /proc/net/dev && echo OUT"),
    ("a socket of another family", "perl -e 'socket(S, 38, 5, 0) and print \"OUT\\n\"'"),
    ("keys of the kernel", "perl -e '$! = 0; syscall(250, 0, -3, 0) >= 0 and print \"OUT\\n\"'"),
    ("io_uring", "perl -e '$p = \"\\0\" x 120; syscall(425, 1, $p) >= 0 and print \"OUT\\n\"'"),
    ("bpf", "perl -e '$a = \"\\0\" x 128; $r = syscall(321, 99, $a, 128); print \"OUT\\n\" if $!{EINVAL}'"),
    ("userfaultfd", "perl -e 'syscall(323, 1) >= 0 and print \"OUT\\n\"'"),
    (
        "typing into a terminal",
        "perl -e 'open(T, \"+<\", \"/dev/ptmx\") or die; $c = \"x\"; ioctl(T, 0x5412, $c); print \"OUT\\n\" if !$!{EPERM}'",
    ),
    (
        "settings of the kernel",
        "cat /proc/sys/kernel/hostname > $out/name; test -w /proc/sys/kernel/hostname && echo OUT",
    ),
    ("disks", "test -n \"$(find /dev -type b 2>/dev/null)\" && echo OUT"),
    ("a secret of the home directory", "cat $HOME/.ssh/id && echo OUT"),
    ("a change of the home directory", "echo x >> $HOME/.profile && echo OUT"),
    ("the state of the session", "ls $out/../state/secret && echo OUT"),
    (
        "the socket of a service, such as docker's",
        "perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) and connect(S, pack_sockaddr_un($ENV{service})) and print \"OUT\\n\"'",
    ),
    (
        "the message bus of the user",
        "perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) and connect(S, pack_sockaddr_un($ENV{bus})) and print \"OUT\\n\"'",
    ),
];
/// Those that an ordinary user cannot do without a layer either, or that this kernel may not have: there is nothing to
/// compare with.
const MAYBE: &[&str] = &[
    "settings of the kernel",
    "disks",
    "the socket of a service, such as docker's",
    "namespaces of a process outside",
    "the root of a process outside",
    "ptrace of a process outside",
    "a raw socket",
    "packets of the network",
    "a device of the network",
    "a socket of another family",
    "the network by IPv6",
    "keys of the kernel",
    "io_uring",
    "bpf",
    "userfaultfd",
    "mount",
    "namespaces of its own",
    "typing into a terminal",
];

#[test]
fn nothing_gets_out_of_a_layer() {
    as_everybody("nothing_gets_out_of_a_layer", || {
        let ground = Ground::with(&[("f", "x\n")]);
        let out = ground.outside();
        let home = out.join("home");
        std::fs::create_dir_all(home.join(".ssh")).unwrap();
        std::fs::write(home.join(".ssh/id"), "key").unwrap();
        std::fs::write(out.parent().unwrap().join("state/secret"), "key").unwrap();
        let host = Sleeper::new();
        let listening = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listening6 = std::net::TcpListener::bind("[::1]:0").ok();
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let udp_port = udp.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let mut bytes = [0u8; 9];
            while let Ok((count, from)) = udp.recv_from(&mut bytes) {
                let _ = udp.send_to(&bytes[..count], from);
            }
        });
        let name = format!("rightseat-test-{}", std::process::id());
        let address = <std::os::unix::net::SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(&name);
        let unix = std::os::unix::net::UnixListener::bind_addr(&address.unwrap()).unwrap();
        // In the directories where such sockets are: /run, and the user's runtime directory.
        let service = tempfile::Builder::new().prefix("rightseat-test-").tempdir_in("/run").ok();
        let service = service.as_ref().map_or("/nowhere".into(), |dir| dir.path().join("docker.sock"));
        let _serving = std::os::unix::net::UnixListener::bind(&service);
        let runtime = ground.dir.path().canonicalize().unwrap().join("runtime");
        std::fs::create_dir(&runtime).unwrap();
        let _bus = std::os::unix::net::UnixListener::bind(runtime.join("bus")).unwrap();
        let is_root = rustix::process::geteuid().is_root();
        let port6 = listening6.as_ref().map_or(1, |listening| listening.local_addr().unwrap().port());
        let (mut compared, mut faults) = (0, Vec::new());
        for (what, text) in ESCAPES {
            let text = format!(
                "export out={} host={} abstract={name} port={} port6={port6} udp={udp_port} HOME={} service={} bus={}/bus\n{text}",
                out.display(),
                host.0.id(),
                listening.local_addr().unwrap().port(),
                home.display(),
                service.display(),
                runtime.display(),
            );
            let reset = || {
                let _ = std::fs::remove_dir_all(ground.tree());
                std::fs::create_dir_all(ground.tree()).unwrap();
                for entry in std::fs::read_dir(&out).unwrap().flatten().filter(|entry| entry.file_name() != "home") {
                    std::fs::remove_file(entry.path()).unwrap();
                }
                std::fs::write(out.join("secret"), "secret\n").unwrap();
            };
            reset();
            let (_, free) = run(None, &text, ground.tree());
            let succeeds = free.contains("OUT");
            assert!(succeeds || MAYBE.contains(what), "{what} does not even work without a layer: {free}");
            compared += usize::from(succeeds);
            if !succeeds {
                println!("{what}: nothing to compare with here (root: {is_root}): {}", free.trim());
            }
            reset();
            let ground = Ground {
                dir: tempfile::tempdir_in(out.parent().unwrap()).unwrap(),
                root: Root::open(ground.tree()).unwrap(),
                rules: ground.rules.clone(),
            };
            let state = out.parent().unwrap().join("state");
            let before = picture(&out);
            for network in [Network::Off, Network::Ask] {
                let layer = Layer::make(
                    (&state, "a1"),
                    (&ground.root, &ground.rules),
                    (&text, BuildFolders::Shared, network),
                    &[home.join(".ssh"), runtime.clone()],
                );
                let (_, said) = run(Some(&layer.unwrap()), &text, ground.tree());
                if said.contains("OUT") || picture(&out) != before {
                    faults.push(format!("{what} with the network {network:?}: {said}"));
                }
            }
        }
        drop(host);
        drop(unix);
        assert!(faults.is_empty(), "{faults:#?}");
        assert!(compared >= 15, "only {compared} attempts could be compared");
    });
}

/// Whatever a user does while a command runs stays the user's, and the rest of what the command did is carried over as
/// its own.
#[test]
fn no_change_is_attributed_to_somebody_else() {
    as_everybody("no_change_is_attributed_to_somebody_else", || {
        let rounds = if std::env::var_os(AGAIN).is_some() { 60 } else { 240 };
        let (mut promoted_files, mut conflicts) = (0, 0);
        let acts = Acts { names: 6, directories: 2 };
        let first = setting("RIGHTSEAT_SEED", 0);
        for seed in first..first + rounds {
            let mut dice = Dice(seed);
            let ground = Ground::new();
            for _ in 0..8 {
                let path = acts.path(&mut dice);
                ground.put(&path, &format!("old {path}"));
            }
            let tree = ground.tree();
            let all = ["", "d0/", "d1/"].into_iter().flat_map(|dir| (0..6).map(move |name| format!("{dir}f{name}")));
            let initial: std::collections::BTreeMap<String, (u32, Vec<u8>)> =
                all.filter_map(|path| Some((path.clone(), state_of(&tree.join(path))?))).collect();
            let store = Store::open(&ground.dir.path().join("state")).unwrap();
            let listing = Listing::new(tree.to_owned(), ground.rules.clone(), store);
            let recorded = listing.take().unwrap().digest;
            let text: Vec<String> = (0..1 + dice.below(6)).map(|number| acts.of_command(&mut dice, number)).collect();
            let text = format!("({}) 2>/dev/null; true", text.join("; "));
            let layer = ground.layer("a1", &text);
            let mut touched = std::collections::BTreeMap::new();
            std::thread::scope(|scope| {
                let running = scope.spawn(|| run(Some(&layer), &text, tree));
                for number in 0..dice.below(8) {
                    for path in acts.of_user(&mut dice, tree, number) {
                        touched.insert(path, ());
                    }
                    std::thread::yield_now();
                }
                assert_eq!(running.join().unwrap().0, Some(0));
            });
            // Made and removed again is no change.
            let state = |path: String| (path.clone(), state_of(&tree.join(path)));
            let users = touched.into_keys().map(state).filter(|(path, state)| initial.get(path) != state.as_ref());
            let users: Vec<_> = users.collect();
            let before = picture(tree);
            // As the live workspace does it.
            let now = listing.take().unwrap().digest;
            let others = compare(listing.store(), Some(&recorded), Some(&now)).unwrap();
            let others =
                Others { paths: others.into_iter().map(|difference| difference.path).collect(), rules: &ground.rules };
            let changes = layer.changes(&ground.root, Some(&others)).unwrap();
            let promoted = layer.promote(&ground.root, &ground.rules, &changes, &BTreeSet::new());
            let about = || format!("seed {seed}\n{text}\n{before}\n{changes:#?}\n{promoted:#?}");
            for (path, state) in &users {
                assert_eq!(&state_of(&tree.join(path)), state, "{path} is the user's: {}", about());
            }
            for file in &promoted.files {
                let of_user = users.iter().any(|(path, _)| path == file.path.as_str());
                assert!(!of_user, "{} is not the command's: {}", file.path, about());
            }
            for change in changes.list.iter().filter(|change| !change.in_conflict) {
                let is = state_of(&tree.join(&change.path)).is_some();
                let is_file = change.after.is_some_and(|after| after.digest.is_some());
                assert!(is == is_file || change.after.is_none_or(|after| after.digest.is_none()), "{}", about());
            }
            promoted_files += promoted.files.len();
            conflicts += promoted.kept.len();
        }
        assert!(promoted_files > 100 && conflicts > 20, "{promoted_files} {conflicts}: the rounds must meet");
    });
}
