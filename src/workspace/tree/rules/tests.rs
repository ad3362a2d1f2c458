//! Rules against real directories.

use super::super::{files, guard_rails, ignored};
use super::*;

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn fixture() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in [
        (".gitignore", "/target\n*.log\n"),
        (".git/config", "x"),
        (".git/info/exclude", "local.txt\n"),
        (".git/hooks/pre-commit", "h"),
        (".git/modules/sub/config", "c"),
        (".git/modules/sub/objects/config", "o"),
        (".git/objects/ab/cd", "o"),
        ("local.txt", "l"),
        ("sub/.gitignore", "!keep.log\nlocal\n"),
        ("sub/keep.log", "k"),
        ("sub/drop.log", "d"),
        ("sub/local/a", "a"),
        (".hidden", "h"),
        ("target/debug/x", "x"),
        ("src/main.rs", "m"),
        (".env.log", "e"),
        ("web/node_modules/x/index.js", "x"),
        ("out/CACHEDIR.TAG", "c"),
        ("env/pyvenv.cfg", "p"),
        ("env/lib/site.py", "p"),
    ] {
        put(dir.path(), path, text);
    }
    std::os::unix::fs::symlink("/etc", dir.path().join("src/away")).unwrap();
    dir
}

fn names(root: &Path, rules: &Rules) -> Vec<String> {
    let found = files(root, rules, Path::new(""), 1_000);
    let mut names: Vec<String> = found.iter().map(|path| path.display().to_string()).collect();
    names.sort();
    names
}

const KEPT: [&str; 5] = [".gitignore", ".hidden", "src/main.rs", "sub/.gitignore", "sub/keep.log"];

#[test]
fn content_is_what_git_would_keep_without_git() {
    let dir = fixture();
    let rules = Rules::read(dir.path());
    assert_eq!(names(dir.path(), &rules), KEPT);
    let mut left_out: Vec<_> = ignored(dir.path(), &rules).iter().map(|path| path.display().to_string()).collect();
    left_out.sort();
    let expect = [".env.log", "env", "local.txt", "out", "sub/drop.log", "sub/local", "target", "web/node_modules"];
    assert_eq!(left_out, expect);
    for (path, class) in [
        ("src/main.rs", Class::Content),
        ("sub/keep.log", Class::Content),
        ("sub/drop.log", Class::Ignored),
        ("target/debug/x", Class::Ignored),
        (".git/config", Class::Guard),
        (".git/index", Class::Hidden),
        ("sub/.git/hooks/post-merge", Class::Guard),
        ("vendor/.git", Class::Guard),
        (".hg/hgrc", Class::Guard),
        (".git/objects/config", Class::Hidden),
    ] {
        assert_eq!(rules.class(Path::new(path), false), class, "{path}");
    }
    let below = files(dir.path(), &rules, Path::new("sub"), 10);
    assert_eq!(below, [Path::new("sub/.gitignore"), Path::new("sub/keep.log")]);
    let rails = guard_rails(dir.path(), Path::new(".git"));
    let rails: Vec<_> = rails.iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(rails, [".git/config", ".git/hooks/pre-commit", ".git/info/exclude", ".git/modules/sub/config"]);
}

/// Every file that could change a judgment, written during the session.
#[test]
fn nothing_written_during_the_session_changes_what_is_content() {
    let (dir, state) = (fixture(), tempfile::tempdir().unwrap());
    let rules = Rules::of_session(dir.path(), state.path());
    for (path, text) in [
        (".gitignore", "*\n"),
        ("src/.gitignore", "*\n"),
        ("sub/.gitignore", "*\n"),
        (".ignore", "*\n"),
        (".git/info/exclude", "*\n"),
        ("src/.git/HEAD", "x"),
        ("src/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n"),
        ("sub/pyvenv.cfg", ""),
    ] {
        put(dir.path(), path, text);
    }
    let again = Rules::of_session(dir.path(), state.path());
    for rules in [&rules, &again] {
        let now = names(dir.path(), rules);
        for kept in KEPT {
            assert!(now.iter().any(|name| name == kept), "{kept} is content no more: {now:?}");
        }
        assert_eq!(rules.class(Path::new("target/debug/x"), false), Class::Ignored);
        assert_eq!(rules.class(Path::new("out/x"), false), Class::Ignored);
    }
    // A new session judges by what it finds.
    assert_eq!(Rules::read(dir.path()).class(Path::new("src/main.rs"), false), Class::Ignored);
}

#[test]
fn build_output_that_appears_is_ignored_and_content_of_that_name_stays_content() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "docs/target/page.md", "p");
    let rules = Rules::read(dir.path());
    assert_eq!(rules.class(Path::new("docs/target/page.md"), false), Class::Content);
    assert_eq!(rules.class(Path::new("target/debug/x"), false), Class::Ignored);
    assert_eq!(rules.class(Path::new("target"), false), Class::Content);
}

#[test]
fn rules_above_the_workspace_count_up_to_its_repository() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), ".git/HEAD", "x");
    put(dir.path(), ".git/info/exclude", "secret\n");
    put(dir.path(), ".gitignore", "/inner/out\n*.tmp\n");
    put(dir.path(), "inner/a.tmp", "a");
    let rules = Rules::read(&dir.path().join("inner"));
    for (path, class) in
        [("out", Class::Ignored), ("a.tmp", Class::Ignored), ("secret", Class::Ignored), ("deep/out", Class::Content)]
    {
        assert_eq!(rules.class(Path::new(path), true), class, "{path}");
    }
    put(dir.path(), "inner/.git/HEAD", "x");
    assert_eq!(Rules::read(&dir.path().join("inner")).class(Path::new("a.tmp"), false), Class::Content);
}

#[test]
fn a_rule_file_that_would_block_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        dir.path().join(".gitignore"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    let big = std::fs::File::create(dir.path().join("sub/.gitignore")).unwrap();
    big.set_len(8 << 30).unwrap();
    assert_eq!(Rules::read(dir.path()).class(Path::new("sub/a"), false), Class::Content);
}
