//! A repository of its own for a copy that an agent works in: nothing that its git commands do reaches yours. It is
//! made from yours, also when yours is a linked worktree, and holds no way back: no `core.worktree`, no list of other
//! worktrees, no link that leads out.
//!
//! Objects are copied up to a bound. Beyond it they are read from yours through `objects/info/alternates`, which git
//! never writes to.

use super::heavy::{copy_tree, size};
use crate::workspace::limits;
use std::io;
use std::path::{Path, PathBuf};

/// The parts of a repository that belong to other places, or to processes that run on it.
const LEFT_OUT: &[&str] =
    &["objects", "worktrees", "modules", "lfs", "gitdir", "commondir", "config", "config.worktree"];

/// The locations of a repository's parts.
struct Parts {
    /// HEAD and index; in a linked worktree a directory of its own.
    own: PathBuf,
    /// Objects, refs, configuration.
    common: PathBuf,
}

/// Gives `root` a repository like that of `source`; tells what was done in words when it is not all of it.
pub fn provide(source: &Path, root: &Path) -> Option<String> {
    let to = root.join(".git");
    let parts = find(source)?;
    if to.symlink_metadata().is_ok() {
        return None;
    }
    match copy(&parts, &to) {
        Ok(note) => note.map(str::to_owned),
        Err(error) => {
            // Half a repository would be worse than none.
            let _ = std::fs::remove_dir_all(&to);
            Some(format!(".git: left out, {error}"))
        }
    }
}

fn find(source: &Path) -> Option<Parts> {
    let git = source.join(".git");
    let about = git.metadata().ok()?;
    let own = if about.is_dir() {
        git
    } else {
        let text = std::fs::read_to_string(&git).ok()?;
        source.join(text.strip_prefix("gitdir:")?.trim())
    };
    let common = match std::fs::read_to_string(own.join("commondir")) {
        Ok(text) => own.join(text.trim()),
        Err(_) => own.clone(),
    };
    let (own, common) = (own.canonicalize().ok()?, common.canonicalize().ok()?);
    (own.join("HEAD").exists() && common.join("objects").is_dir()).then_some(Parts { own, common })
}

fn copy(parts: &Parts, to: &Path) -> io::Result<Option<&'static str>> {
    std::fs::create_dir(to)?;
    copy_entries(&parts.common, to)?;
    if parts.own != parts.common {
        copy_entries(&parts.own, to)?;
    }
    for name in ["config", "config.worktree"] {
        for from in [&parts.common, &parts.own] {
            if let Ok(text) = std::fs::read_to_string(from.join(name)) {
                std::fs::write(to.join(name), without_ways_back(&text))?;
            }
        }
    }
    objects(&parts.common.join("objects"), &to.join("objects"))
}

/// Files and directories of a repository, without those that are not part of a copy.
fn copy_entries(from: &Path, to: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let text = name.to_str().unwrap_or_default();
        let busy = text.ends_with(".lock") || text.starts_with("fsmonitor--daemon");
        let target = to.join(&name);
        // A worktree's own reflog gives way to the repository's.
        let is_there = kind.is_dir() && target.symlink_metadata().is_ok();
        let skipped = LEFT_OUT.contains(&text) || busy || is_there || kind.is_symlink();
        if skipped || !(kind.is_dir() || kind.is_file()) {
            continue;
        }
        if kind.is_file() && target.symlink_metadata().is_ok() {
            std::fs::remove_file(&target)?;
        }
        let bytes_max = limits::CANDIDATE_REPOSITORY_BYTES_MAX;
        if size(&entry.path(), bytes_max, limits::CANDIDATE_IGNORED_FILES_MAX).is_none() {
            return Err(io::Error::other(format!("{text} is too large to copy")));
        }
        copy_tree(&entry.path(), &target)?;
        drop_links(&target)?;
    }
    Ok(())
}

/// A link in a repository could lead git's writes out of the copy.
fn drop_links(at: &Path) -> io::Result<()> {
    for entry in ignore::WalkBuilder::new(at).standard_filters(false).follow_links(false).build().flatten() {
        if entry.path_is_symlink() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn objects(from: &Path, to: &Path) -> io::Result<Option<&'static str>> {
    let others = alternates(from);
    let fits = size(from, limits::CANDIDATE_REPOSITORY_BYTES_MAX, limits::CANDIDATE_REPOSITORY_FILES_MAX).is_some();
    let mut lines = others;
    if fits {
        copy_tree(from, to)?;
        drop_links(to)?;
    } else {
        lines.insert(0, from.to_owned());
    }
    std::fs::create_dir_all(to.join("info"))?;
    std::fs::create_dir_all(to.join("pack"))?;
    let text: String = lines.iter().filter_map(|path| Some(format!("{}\n", path.to_str()?))).collect();
    match text.is_empty() {
        true => drop(std::fs::remove_file(to.join("info/alternates"))),
        false => std::fs::write(to.join("info/alternates"), text)?,
    }
    Ok((!fits).then_some(".git: too large to copy; its objects are read from yours"))
}

/// Returns the other places a repository reads objects from, absolute.
fn alternates(objects: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(objects.join("info/alternates")).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| objects.join(line).canonicalize().ok()).collect()
}

/// The configuration without what binds it to a place or to a process. A key that continues over several lines goes
/// whole.
fn without_ways_back(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_core, mut dropping) = (false, false);
    for line in text.split_inclusive('\n') {
        let goes_on = line.trim_end().ends_with('\\');
        if dropping {
            dropping = goes_on;
            continue;
        }
        let mut rest = line.trim_start();
        if let Some(section) = rest.strip_prefix('[') {
            let name = section.split([']', '"', ' ', '\t']).next().unwrap_or_default();
            in_core = name.eq_ignore_ascii_case("core");
            rest = section.split_once(']').map_or("", |(_, rest)| rest).trim_start();
        }
        let key = rest.split(['=', ' ', '\t', '\n', '\r']).next().unwrap_or_default();
        let binds = ["worktree", "fsmonitor", "bare"].iter().any(|word| key.eq_ignore_ascii_case(word));
        if in_core && binds {
            dropping = goes_on;
            // A key may be on its section's own line.
            let head = line.len() - line.trim_start().len();
            if line.get(head..).is_some_and(|text| text.starts_with('[')) {
                out.push_str("[core]\n");
            }
            continue;
        }
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn git(at: &Path, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.arg("-C").arg(at).args(args);
        for (name, value) in [
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_AUTHOR_NAME", "a"),
            ("GIT_AUTHOR_EMAIL", "a@b"),
            ("GIT_COMMITTER_NAME", "a"),
            ("GIT_COMMITTER_EMAIL", "a@b"),
        ] {
            command.env(name, value);
        }
        let out = command.output().unwrap();
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// Every file below, with its bytes.
    fn bytes_of(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let walk = ignore::WalkBuilder::new(dir).standard_filters(false).sort_by_file_path(Path::cmp).build();
        let files = walk.flatten().filter(|e| e.file_type().is_some_and(|t| t.is_file()));
        files.map(|e| (e.path().to_owned(), std::fs::read(e.path()).unwrap())).collect()
    }

    fn repository(at: &Path) {
        std::fs::create_dir_all(at).unwrap();
        git(at, &["init", "-q", "-b", "main"]);
        std::fs::write(at.join("a"), "1\n").unwrap();
        git(at, &["add", "."]);
        git(at, &["commit", "-q", "-m", "one"]);
    }

    fn copy_of(source: &Path, to: &Path) -> Option<String> {
        std::fs::create_dir(to).unwrap();
        std::fs::copy(source.join("a"), to.join("a")).unwrap();
        provide(source, to)
    }

    #[test]
    fn what_git_does_in_the_copy_does_not_reach_the_original() {
        let dir = tempfile::tempdir().unwrap();
        let (work, copy) = (dir.path().join("w"), dir.path().join("c"));
        repository(&work);
        git(&work, &["config", "core.worktree", work.to_str().unwrap()]);
        git(&work, &["worktree", "add", "-q", "-b", "side", dir.path().join("side").to_str().unwrap()]);
        std::os::unix::fs::symlink(dir.path(), work.join(".git/way-out")).unwrap();
        let before = bytes_of(&work);
        assert_eq!(copy_of(&work, &copy), None);
        assert_eq!(git(&copy, &["status", "--porcelain"]), "");
        assert_eq!(Path::new(git(&copy, &["rev-parse", "--show-toplevel"]).trim()), copy.canonicalize().unwrap());
        std::fs::write(copy.join("a"), "2\n").unwrap();
        git(&copy, &["commit", "-q", "-a", "-m", "two"]);
        git(&copy, &["branch", "-D", "side"]);
        git(&copy, &["checkout", "-q", "HEAD~1", "--", "a"]);
        git(&copy, &["worktree", "prune"]);
        git(&copy, &["gc", "-q", "--prune=now"]);
        assert_eq!(bytes_of(&work), before);
        assert!(!copy.join(".git/way-out").exists());
    }

    #[test]
    fn a_linked_worktree_becomes_a_repository_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let (main, work, copy) = (dir.path().join("m"), dir.path().join("w"), dir.path().join("c"));
        repository(&main);
        git(&main, &["worktree", "add", "-q", "-b", "side", work.to_str().unwrap()]);
        let before = bytes_of(&main.join(".git"));
        assert_eq!(copy_of(&work, &copy), None);
        assert_eq!(git(&copy, &["branch", "--show-current"]).trim(), "side");
        std::fs::write(copy.join("a"), "2\n").unwrap();
        git(&copy, &["commit", "-q", "-a", "-m", "two"]);
        assert_eq!(bytes_of(&main.join(".git")), before);
    }

    #[test]
    fn objects_beyond_the_bound_are_read_from_the_original() {
        let dir = tempfile::tempdir().unwrap();
        let (work, copy) = (dir.path().join("w"), dir.path().join("c"));
        repository(&work);
        let big = std::fs::File::create(work.join(".git/objects/big")).unwrap();
        big.set_len(limits::CANDIDATE_REPOSITORY_BYTES_MAX + 1).unwrap();
        let note = copy_of(&work, &copy).unwrap();
        assert!(note.contains("read from yours"), "{note}");
        assert_eq!(git(&copy, &["log", "--format=%s"]).trim(), "one");
        std::fs::write(copy.join("a"), "2\n").unwrap();
        git(&copy, &["commit", "-q", "-a", "-m", "two"]);
        assert_eq!(git(&work, &["log", "--format=%s", "--all"]).trim(), "one");
    }

    #[test]
    fn a_configuration_loses_what_binds_it_to_a_place() {
        let text = "[core]\n\trepositoryformatversion = 0\n\tworktree = /home/\\\nu/p\n\tBare = false\n[remote \"o\"]\n\turl = x\n[core] fsmonitor = true\n[x]\n\tworktree = y\n";
        let expect = "[core]\n\trepositoryformatversion = 0\n[remote \"o\"]\n\turl = x\n[core]\n[x]\n\tworktree = y\n";
        assert_eq!(without_ways_back(text), expect);
    }
}
