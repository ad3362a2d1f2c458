//! Full disks, read-only disks, and death at any moment.

use super::wait_until;
use rightseat::base::Digest;
use rightseat::workspace::content;
use rightseat::workspace::edit::{self, Base, EditError, FileChange};
use rightseat::workspace::root::Root;
use std::path::{Path, PathBuf};

fn write(path: &str, base: Option<&[u8]>, content: Vec<u8>) -> FileChange {
    FileChange::Write { path: path.into(), base: base.map(Digest::of), content, mode: None }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A small file system of its own; `None` where mounting is not allowed.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "none"])
            .arg(dir.path())
            .output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then(|| Self(dir))
    }

    fn remount(&self, option: &str) {
        let option = format!("remount,{option}");
        assert!(
            std::process::Command::new("mount").args(["-o", &option]).arg(self.0.path()).status().unwrap().success()
        );
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_changes_nothing() {
    let Some(small) = Small::mount() else {
        println!("mounting is not allowed here; a file size limit cannot stand in for a full disk");
        return;
    };
    let root = Root::open(small.0.path()).unwrap();
    std::fs::write(small.0.path().join("one"), "1").unwrap();
    let set = vec![write("one", Some(b"1"), b"changed".to_vec()), write("new/big", None, vec![7; 400 * 1024])];
    let error = edit::apply(&root, set).unwrap_err();
    assert!(
        matches!(&error, EditError::Io { error, .. } if error.kind() == std::io::ErrorKind::StorageFull),
        "{error}"
    );
    assert_eq!(std::fs::read(small.0.path().join("one")).unwrap(), b"1");
    assert_eq!(names(small.0.path()), ["one"]);
    small.remount("ro");
    let error = edit::apply(&root, vec![write("one", Some(b"1"), b"2".to_vec())]).unwrap_err();
    assert!(matches!(error, EditError::Io { .. }), "{error}");
    small.remount("rw");
    edit::apply(&root, vec![write("one", Some(b"1"), b"2".to_vec())]).unwrap();
}

const PLACE: &str = "RIGHTSEAT_TEST_EDIT_IN";
const SIZE: usize = 300_000;

/// Not a test by itself: started again by the test below as the process that is killed.
#[test]
fn edits_until_it_is_killed() {
    let Some(place) = std::env::var_os(PLACE) else { return };
    let root = Root::open(Path::new(&place)).unwrap();
    for round in 0u8.. {
        let next = round.wrapping_add(1);
        let set = ["one", "two"].map(|name| write(name, Some(&[round; SIZE]), vec![next; SIZE])).into();
        edit::apply(&root, set).unwrap();
    }
}

#[test]
fn a_kill_at_any_moment_leaves_each_file_old_or_new() {
    for round in 0..12u64 {
        let dir = tempfile::tempdir().unwrap();
        for name in ["one", "two"] {
            std::fs::write(dir.path().join(name), [0; SIZE]).unwrap();
        }
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "faults::edits_until_it_is_killed", "--nocapture"])
            .env(PLACE, dir.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let first = |name: &str| std::fs::read(dir.path().join(name)).unwrap()[0];
        wait_until("the edits go on", || first("one") > 2);
        std::thread::park_timeout(std::time::Duration::from_micros(700 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut seen = Vec::new();
        for name in ["one", "two"] {
            let bytes = std::fs::read(dir.path().join(name)).unwrap();
            assert!(bytes.len() == SIZE && bytes.iter().all(|byte| *byte == bytes[0]), "{name} is torn");
            seen.push(bytes[0]);
        }
        assert!(seen[0].wrapping_sub(seen[1]) <= 1, "{seen:?}: the order of the set was not kept");
        edit::sweep([PathBuf::from(dir.path())].iter());
        assert_eq!(names(dir.path()), ["one", "two"]);
    }
}

#[test]
fn a_large_file_is_compared_without_being_held() {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::open(dir.path()).unwrap();
    let file = std::fs::File::create(dir.path().join("large")).unwrap();
    file.set_len(100 * 1024 * 1024).unwrap();
    let peak = || -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let before = peak();
    let large = std::fs::File::open(dir.path().join("large")).unwrap();
    let now = content::digest(large, u64::MAX).unwrap();
    edit::apply(
        &root,
        vec![FileChange::Rename { from: "large".into(), to: "moved".into(), base: now, content: None, mode: None }],
    )
    .unwrap();
    edit::apply(&root, vec![FileChange::Delete { path: "moved".into(), base: Base { digest: now, is_link: false } }])
        .unwrap();
    assert!(peak() - before < 40 * 1024, "{} KiB more", peak() - before);
}
