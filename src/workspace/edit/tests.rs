//! Edits against real directories, and against a model.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};

struct Bench {
    dir: tempfile::TempDir,
    root: Root,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::open(dir.path()).unwrap();
    Bench { dir, root }
}

impl Bench {
    fn put(&self, path: &str, bytes: &[u8]) -> Digest {
        let full = self.dir.path().join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, bytes).unwrap();
        Digest::of(bytes)
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.dir.path().join(path)).ok()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = ignore::WalkBuilder::new(self.dir.path())
            .standard_filters(false)
            .build()
            .flatten()
            .filter_map(|entry| entry.path().strip_prefix(self.dir.path()).ok().map(|path| path.display().to_string()))
            .filter(|name| !name.is_empty())
            .collect();
        names.sort();
        names
    }
}

fn file(digest: Digest) -> Base {
    Base { digest, is_link: false }
}

fn write(path: &str, base: Option<Digest>, content: &[u8]) -> FileChange {
    FileChange::Write { path: path.into(), base, content: content.to_vec(), mode: None }
}

#[test]
fn every_byte_is_kept() {
    for content in
        [b"".as_slice(), b"a\r\nb", b"\xef\xbb\xbfbom\n", b"no newline", b"\0\xff\xfe binary \r", "ünï".as_bytes()]
    {
        let bench = bench();
        apply(&bench.root, vec![write("new/deep/file", None, content)]).unwrap();
        assert_eq!(bench.get("new/deep/file").as_deref(), Some(content));
        apply(&bench.root, vec![write("new/deep/file", Some(Digest::of(content)), b"second\r\n")]).unwrap();
        assert_eq!(bench.get("new/deep/file").as_deref(), Some(b"second\r\n".as_slice()));
        assert_eq!(bench.names(), ["new", "new/deep", "new/deep/file"]);
    }
}

#[test]
fn the_mode_survives_and_execute_can_be_set() {
    let bench = bench();
    let base = bench.put("tool", b"one");
    let full = bench.dir.path().join("tool");
    std::fs::set_permissions(&full, std::fs::Permissions::from_mode(0o754)).unwrap();
    apply(&bench.root, vec![write("tool", Some(base), b"two")]).unwrap();
    assert_eq!(std::fs::metadata(&full).unwrap().permissions().mode() & 0o7777, 0o754);
    let change = FileChange::Write {
        path: "tool".into(),
        base: Some(Digest::of(b"two")),
        content: b"3".to_vec(),
        mode: Some(0o644),
    };
    apply(&bench.root, vec![change]).unwrap();
    assert_eq!(std::fs::metadata(&full).unwrap().permissions().mode() & 0o7777, 0o644);
}

#[test]
fn a_stale_base_is_a_conflict_with_all_files_named_and_nothing_changes() {
    let bench = bench();
    let good = bench.put("good", b"good");
    bench.put("stale", b"the human's");
    bench.put("taken", b"there");
    let changes = vec![
        write("good", Some(good), b"new"),
        write("stale", Some(Digest::of(b"older")), b"the agent's"),
        write("taken", None, b"mine"),
        FileChange::Delete { path: "gone".into(), base: file(good) },
    ];
    let Err(EditError::Conflict(conflicts)) = apply(&bench.root, changes) else { panic!("no conflict") };
    let names: Vec<_> = conflicts.iter().map(|conflict| conflict.path.to_str().unwrap()).collect();
    assert_eq!(names, ["stale", "taken", "gone"]);
    assert_eq!(conflicts[0].current.as_deref(), Some(b"the human's".as_slice()));
    assert_eq!(conflicts[0].wanted.as_deref(), Some(b"the agent's".as_slice()));
    assert_eq!(conflicts[2].found, None);
    assert_eq!(bench.get("good").unwrap(), b"good");
    assert_eq!(bench.names(), ["good", "stale", "taken"]);
}

#[test]
fn renames_and_deletes_check_what_they_move() {
    let bench = bench();
    let one = bench.put("a/one", b"1");
    let two = bench.put("two", b"2");
    let three = bench.put("three", b"3");
    apply(
        &bench.root,
        vec![
            FileChange::Rename { from: "a/one".into(), to: "b/moved".into(), base: one, content: None, mode: None },
            FileChange::Rename {
                from: "two".into(),
                to: "b/changed".into(),
                base: two,
                content: Some(b"22".to_vec()),
                mode: None,
            },
            FileChange::Delete { path: "three".into(), base: file(three) },
        ],
    )
    .unwrap();
    assert_eq!(bench.names(), ["a", "b", "b/changed", "b/moved"]);
    assert_eq!(bench.get("b/moved").unwrap(), b"1");
    assert_eq!(bench.get("b/changed").unwrap(), b"22");
}

#[test]
fn a_failure_in_the_middle_takes_everything_back() {
    let bench = bench();
    let one = bench.put("one", b"1");
    let two = bench.put("two", b"2");
    let checked = stage::check(
        &bench.root,
        vec![
            write("one", Some(one), b"11"),
            write("new/file", None, b"n"),
            FileChange::Delete { path: "two".into(), base: file(two) },
        ],
    )
    .unwrap();
    let staged = stage::write(&bench.root, checked).unwrap();
    // Somebody else saves the last file between the check and the exchange.
    bench.put("two", b"human");
    let Err(EditError::Conflict(conflicts)) = commit::commit(&bench.root, staged) else { panic!("no conflict") };
    assert_eq!(conflicts[0].path, Path::new("two"));
    assert_eq!(bench.get("one").unwrap(), b"1");
    assert_eq!(bench.get("two").unwrap(), b"human");
    assert_eq!(bench.names(), ["one", "two"]);
}

#[test]
fn an_exchange_never_loses_a_save_that_slipped_in() {
    let bench = bench();
    let base = bench.put("file", b"old");
    let checked = stage::check(&bench.root, vec![write("file", Some(base), b"agent")]).unwrap();
    let staged = stage::write(&bench.root, checked).unwrap();
    bench.put("file", b"human saved");
    assert!(matches!(commit::commit(&bench.root, staged), Err(EditError::Conflict(_))));
    assert_eq!(bench.get("file").unwrap(), b"human saved");
    assert_eq!(bench.names(), ["file"]);
}

#[test]
fn paths_that_lead_outside_are_refused_with_the_target() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), b"s").unwrap();
    let real = outside.path().canonicalize().unwrap();
    for openat2 in [true, false] {
        let bench = bench();
        let root = if openat2 {
            Root::open(bench.dir.path()).unwrap()
        } else {
            Root::open(bench.dir.path()).unwrap().without_openat2()
        };
        symlink(&real, bench.dir.path().join("away")).unwrap();
        symlink(real.join("secret"), bench.dir.path().join("link")).unwrap();
        symlink("../../../../../../../../etc", bench.dir.path().join("climb")).unwrap();
        bench.put("inside/file", b"in");
        symlink("inside", bench.dir.path().join("near")).unwrap();
        symlink(bench.dir.path().canonicalize().unwrap().join("inside"), bench.dir.path().join("absolute")).unwrap();
        symlink("inside/file", bench.dir.path().join("alias")).unwrap();
        symlink("nowhere", bench.dir.path().join("dangling")).unwrap();
        for (path, target) in [
            ("away/secret", real.clone()),
            ("away/new", real.clone()),
            ("link", real.join("secret")),
            ("climb/passwd", "/etc".into()),
        ] {
            match apply(&root, vec![write(path, None, b"x")]) {
                Err(EditError::Refused(PathRefusal::Outside { target: named, .. })) => {
                    assert_eq!(named, target, "{path}")
                }
                other => panic!("{path} with openat2 {openat2}: {other:?}"),
            }
        }
        for path in ["../x", "/etc/passwd", "", "a/../../x"] {
            assert!(
                matches!(
                    apply(&root, vec![write(path, None, b"x")]),
                    Err(EditError::Refused(PathRefusal::NotRelative(_)))
                ),
                "{path}"
            );
        }
        assert!(matches!(
            apply(&root, vec![write("dangling", None, b"x")]),
            Err(EditError::Refused(PathRefusal::Symlink { .. }))
        ));
        for path in ["near/file", "absolute/file", "alias"] {
            let now = bench.get(path).map(|bytes| Digest::of(&bytes));
            apply(&root, vec![write(path, now, path.as_bytes())])
                .unwrap_or_else(|error| panic!("{path} with openat2 {openat2}: {error}"));
            assert_eq!(bench.get("inside/file").unwrap(), path.as_bytes());
        }
        assert!(bench.dir.path().join("alias").is_symlink(), "a link is written through, not replaced");
        let now = bench.get("inside/file").map(|bytes| Digest::of(&bytes));
        let twice = vec![write("near/file", now, b"1"), write("inside/file", now, b"2")];
        assert!(matches!(apply(&root, twice), Err(EditError::Twice(_))));
    }
}

#[test]
fn special_files_are_refused_unopened() {
    let bench = bench();
    let pipe = bench.dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::fs::create_dir(bench.dir.path().join("dir")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(bench.dir.path().join("socket")).unwrap();
    for path in ["pipe", "dir", "socket"] {
        // A pipe that was opened for reading would block here forever.
        for base in [None, Some(Digest::of(b""))] {
            let refused = apply(&bench.root, vec![write(path, base, b"x")]);
            assert!(matches!(refused, Err(EditError::Refused(PathRefusal::Special { .. }))), "{path}: {refused:?}");
        }
        assert!(read(&bench.root, Path::new(path), 10).is_err());
    }
}

/// The directory was an ordinary one when the question was asked.
#[test]
fn consent_is_not_carried_to_a_guarded_file_by_a_link() {
    for openat2 in [true, false] {
        let bench = bench();
        let root = Root::open(bench.dir.path()).unwrap();
        let root = if openat2 { root } else { root.without_openat2() };
        let base = bench.put(".git/config", b"same");
        bench.put("free.txt", b"free");
        symlink(".git", bench.dir.path().join("docs")).unwrap();
        symlink(".git/config", bench.dir.path().join("notes")).unwrap();
        let free = Digest::of(b"free");
        let rename = |from: &str, to: &str, base| FileChange::Rename {
            from: from.into(),
            to: to.into(),
            base,
            content: None,
            mode: None,
        };
        for change in [
            write("docs/hooks/post-checkout", None, b"x"),
            write("docs/new", None, b"x"),
            write("docs/config", Some(base), b"x"),
            write("notes", Some(base), b"x"),
            FileChange::Delete { path: "docs/config".into(), base: file(base) },
            rename("docs/config", "moved", base),
            rename("free.txt", "docs/hooks/x", free),
        ] {
            let refused = apply(&root, vec![change.clone()]);
            let is_refused = matches!(refused, Err(EditError::Refused(PathRefusal::Guarded { .. })));
            assert!(is_refused, "{change:?} with openat2 {openat2}: {refused:?}");
        }
        assert_eq!(bench.names(), [".git", ".git/config", "docs", "free.txt", "notes"]);
        assert_eq!(bench.get(".git/config").unwrap(), b"same");
        apply(&root, vec![write(".git/config", Some(base), b"named itself")]).unwrap();
    }
}

/// A directory stayed when its file was deleted with it, as that was still kept for taking back; and nobody knew the bits
/// that it had.
#[test]
fn a_directory_goes_after_its_files_and_its_bits_are_told() {
    let bench = bench();
    let base = file(bench.put("dir/inner/file", b"1"));
    let stays = file(bench.put("kept/file", b"1"));
    bench.put("kept/other", b"1");
    std::fs::set_permissions(bench.dir.path().join("dir"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let mode = |mode| FileChange::Mode { path: "dir".into(), base: None, mode };
    let told = apply(&bench.root, vec![mode(0o711)]).unwrap();
    let bits = |node: Option<Node>| node.unwrap().mode.unwrap().bits();
    assert_eq!((bits(told[0].before_node), bits(told[0].after_node)), (0o700, 0o711));
    let gone = |path: &str| FileChange::RemoveDirectory { path: path.into() };
    let delete = |path: &str, base| FileChange::Delete { path: path.into(), base };
    let all =
        vec![gone("dir"), gone("dir/inner"), gone("kept"), delete("dir/inner/file", base), delete("kept/file", stays)];
    let told = apply(&bench.root, all).unwrap();
    assert_eq!(bench.names(), ["kept", "kept/other"]);
    let removed: Vec<_> = told.iter().filter(|one| one.before.is_none()).map(|one| one.path.clone()).collect();
    assert_eq!(removed, [PathBuf::from("dir/inner"), PathBuf::from("dir")]);
    assert_eq!(bits(told.last().unwrap().before_node), 0o711);
}

/// Somebody exchanges a directory for links to other places as fast as they can while edits are applied.
#[test]
fn no_exchange_of_directories_lets_an_edit_out() {
    let outside = tempfile::tempdir().unwrap();
    let bench = bench();
    bench.put("real/file", b"0");
    bench.put(".git/file", b"0");
    let top = bench.dir.path().to_owned();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let links = [outside.path().to_owned(), top.join(".git"), top.join("real")];
            for n in 0.. {
                if stop.load(std::sync::atomic::Ordering::SeqCst) {
                    break;
                }
                let _ = std::fs::remove_file(top.join("dir")).or_else(|_| std::fs::remove_dir_all(top.join("dir")));
                let _ = symlink(&links[n % 3], top.join("dir"));
            }
        });
        for n in 0..400u32 {
            let text = n.to_string().into_bytes();
            let _ = apply(&bench.root, vec![write(&format!("dir/new-{n}"), None, &text)]);
            let now = bench.get("dir/file").map(|bytes| Digest::of(&bytes));
            let _ = apply(&bench.root, vec![write("dir/file", now, &text)]);
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
    });
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0, "something was written outside");
    let guarded: Vec<_> = std::fs::read_dir(top.join(".git")).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(guarded, ["file"], "something was written into the guarded directory");
    assert_eq!(bench.get(".git/file").unwrap(), b"0");
}

#[test]
fn a_hard_link_to_a_file_outside_is_broken_not_written_through() {
    let beside = tempfile::tempdir_in(bench().dir.path().parent().unwrap()).unwrap();
    let bench = bench();
    let secret = beside.path().join("secret");
    std::fs::write(&secret, b"s").unwrap();
    std::fs::hard_link(&secret, bench.dir.path().join("linked")).unwrap();
    apply(&bench.root, vec![write("linked", Some(Digest::of(b"s")), b"mine")]).unwrap();
    assert_eq!(std::fs::read(&secret).unwrap(), b"s");
    assert_eq!(bench.get("linked").unwrap(), b"mine");
}

#[test]
fn temporary_names_of_dead_processes_are_swept() {
    let bench = bench();
    bench.put(".rightseat-4194999-3.tmp", b"left by a crash");
    bench.put(&format!(".rightseat-{}-3.tmp", std::process::id()), b"in use");
    bench.put(".rightseat-notes.tmp", b"a user's file");
    assert_eq!(sweep([bench.dir.path()].into_iter()), 1);
    assert_eq!(bench.names().len(), 2);
}

#[derive(Debug, Clone)]
enum Wish {
    Write(u8, Vec<u8>),
    Delete(u8),
    Rename(u8, u8, Option<Vec<u8>>),
}

fn wish() -> impl Strategy<Value = (Wish, bool)> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..20);
    let one = prop_oneof![
        (0u8..6, bytes()).prop_map(|(file, content)| Wish::Write(file, content)),
        (0u8..6).prop_map(Wish::Delete),
        (0u8..6, 0u8..6, proptest::option::of(bytes())).prop_map(|(from, to, content)| Wish::Rename(from, to, content)),
    ];
    (one, proptest::bool::weighted(0.15))
}

fn name(file: u8) -> String {
    format!("d{}/f{file}", file % 2)
}

/// The change for a wish, made against what the model holds or, if stale, against something else.
fn change(wish: &Wish, stale: bool, model: &BTreeMap<String, Vec<u8>>) -> FileChange {
    let base = |file: u8| model.get(&name(file)).map(|bytes| Digest::of(bytes)).filter(|_| !stale);
    let sure = |file: u8| base(file).unwrap_or(Digest::of(b"never held by any file of this test"));
    match wish {
        Wish::Write(file, content) => write(&name(*file), base(*file), content),
        Wish::Delete(file) => FileChange::Delete { path: name(*file).into(), base: super::tests::file(sure(*file)) },
        Wish::Rename(from, to, content) => FileChange::Rename {
            from: name(*from).into(),
            to: name(*to).into(),
            base: sure(*from),
            content: content.clone(),
            mode: None,
        },
    }
}

/// Returns the expected result of the set, or `None` if any part of it must be refused.
fn model_apply(model: &BTreeMap<String, Vec<u8>>, set: &[(Wish, bool)]) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut seen = std::collections::HashSet::new();
    let mut next = model.clone();
    for (wish, stale) in set {
        let touched = match wish {
            Wish::Write(file, _) | Wish::Delete(file) => vec![*file],
            Wish::Rename(from, to, _) => vec![*from, *to],
        };
        if touched.iter().any(|file| !seen.insert(*file)) {
            return None;
        }
        match wish {
            Wish::Write(file, content) => {
                if *stale && model.contains_key(&name(*file)) {
                    return None;
                }
                next.insert(name(*file), content.clone());
            }
            Wish::Delete(file) => {
                next.remove(&name(*file)).filter(|_| !stale)?;
            }
            Wish::Rename(from, to, content) => {
                let old = next.remove(&name(*from)).filter(|_| !stale)?;
                if next.insert(name(*to), content.clone().unwrap_or(old)).is_some() {
                    return None;
                }
            }
        }
    }
    Some(next)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn edit_sets_follow_the_model(sets in proptest::collection::vec(proptest::collection::vec(wish(), 1..4), 1..8)) {
        let bench = bench();
        let mut model = BTreeMap::new();
        for set in sets {
            let changes = set.iter().map(|(wish, stale)| change(wish, *stale, &model)).collect();
            let expected = model_apply(&model, &set);
            let result = apply(&bench.root, changes);
            prop_assert_eq!(result.is_ok(), expected.is_some(), "{:?} gave {:?}", set, result);
            model = expected.unwrap_or(model);
            let disk: BTreeMap<String, Vec<u8>> = bench.names().into_iter().filter_map(|name| bench.get(&name).map(|bytes| (name, bytes))).collect();
            prop_assert_eq!(&disk, &model);
        }
    }
}
