//! Layers: commands in a private overlay, as root and as an ordinary user, what they leave there, and what they cannot
//! reach.

use super::{script, spawner};
use rightseat::model::event::Stream;
use rightseat::workspace::launch::Containment;
use rightseat::workspace::layer::{Changes, Layer, Promoted, available};
use rightseat::workspace::root::Root;
use rightseat::workspace::run::{Sink, drive};
use rightseat::workspace::tree::Rules;
use std::fmt::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Set in a test that was started again as an ordinary user.
const AGAIN: &str = "RIGHTSEAT_TEST_AS_USER";

/// Runs the test as it is, and as root once more as an ordinary user. Where that is not possible it says why.
fn as_everybody(name: &str, test: impl Fn()) {
    if let Err(no) = available(env!("CARGO_BIN_EXE_rightseat").as_ref(), &std::env::temp_dir()) {
        // Only a machine that forbids user namespaces may go without.
        let allowed = std::fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
        let kept = Path::new("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
        let restricted = std::fs::read_to_string(kept).is_ok_and(|text| text.trim() == "1");
        let in_container = Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists();
        assert!(allowed.trim() == "0" || restricted || in_container, "{name}: no layer on this machine: {no}");
        println!("{name} was not run: {no}");
        return;
    }
    test();
    if !rustix::process::geteuid().is_root() || std::env::var_os(AGAIN).is_some() {
        return;
    }
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ordinary = passwd.lines().find_map(|line| {
        let ids: Vec<u32> = line.split(':').skip(2).take(2).filter_map(|id| id.parse().ok()).collect();
        ids.first().zip(ids.get(1)).map(|(uid, gid)| (*uid, *gid)).filter(|(uid, _)| (1000..60_000).contains(uid))
    });
    let Some((uid, gid)) = ordinary else {
        println!("{name} was not run as an ordinary user: there is none on this machine");
        return;
    };
    let again = Command::new("setpriv")
        .args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned(), "--".to_owned()])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("layer::{name}"), "--nocapture"])
        .env(AGAIN, "1")
        .env("HOME", std::env::temp_dir())
        .output();
    match again {
        Ok(done) if done.status.success() => {
            let said = String::from_utf8_lossy(&done.stdout);
            assert!(said.contains("1 passed"), "{name} as user {uid}: {said}");
        }
        Ok(done) if done.status.code() == Some(126) || done.status.code() == Some(127) => {
            println!("{name} was not run as user {uid}: {}", String::from_utf8_lossy(&done.stderr).trim());
        }
        Ok(done) => panic!(
            "{name} as user {uid}: {}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        ),
        Err(error) => println!("{name} was not run as user {uid}: setpriv: {error}"),
    }
}

/// A workspace, the state of a session, and a place outside of both that this user can write.
struct Ground {
    dir: tempfile::TempDir,
    root: Root,
    rules: Rules,
}

impl Ground {
    /// Not below the temporary directory, which is private in a layer anyway, where there is another place.
    fn new() -> Self {
        let places = [PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from("/var/tmp"), std::env::temp_dir()];
        let dir = places.iter().find_map(|place| tempfile::tempdir_in(place).ok()).unwrap();
        for name in ["tree", "state", "outside"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let root = Root::open(&dir.path().join("tree")).unwrap();
        let rules = Rules::read(root.path());
        Self { dir, root, rules }
    }

    fn with(files: &[(&str, &str)]) -> Self {
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

    fn tree(&self) -> &Path {
        self.root.path()
    }

    fn outside(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("outside")
    }

    fn layer(&self, name: &str, line: &str) -> Layer {
        let state = self.dir.path().join("state").canonicalize().unwrap();
        Layer::make((&state, name), (&self.root, &self.rules), (line, false), &[]).unwrap()
    }

    fn promote(&self, layer: &Layer) -> (Changes, Promoted) {
        let changes = layer.changes(&self.root, None).unwrap();
        let promoted = layer.promote(&self.root, &self.rules, &changes);
        (changes, promoted)
    }
}

#[derive(Default)]
struct Kept(Vec<u8>);

impl Sink for Kept {
    async fn take(&mut self, _: Stream, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// Runs a script, in a layer if there is one; gives its exit code and its output.
fn run(layer: Option<&Layer>, text: &str, cwd: &Path) -> (Option<i32>, String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let spawner = spawner(Containment::Auto);
        let spec = rightseat::workspace::run::Spec { merged: true, ..script(text, cwd) };
        let running = match layer {
            Some(layer) => spawner.spawn_within(&spec, layer.plan()),
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
        assert_eq!(std::fs::read_dir(ground.dir.path().join("state/layers")).unwrap().count(), 0);
    });
}

#[test]
fn the_user_keeps_what_was_changed_meanwhile() {
    as_everybody("the_user_keeps_what_was_changed_meanwhile", || {
        let ground = Ground::with(&[("both", "old\n"), ("mine", "old\n"), ("its", "old\n"), ("del", "x\n"), ("d/a", "a\n")]);
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
