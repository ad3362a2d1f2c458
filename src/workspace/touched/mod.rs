//! The existing files among those that a command would change: counted and named, never opened, changed or followed.
//! Bounded by the number of entries read, so that a command on a whole disk costs no more than one on a project.

mod index;

use crate::model::action::Touches;
use crate::policy::{Claim, Ignored, Reach};
use crate::workspace::limits::{TOUCHES_NAMED_MAX, TOUCHES_SEEN_MAX};
use globset::{GlobBuilder, GlobMatcher};
use ignore::WalkBuilder;
use index::Index;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// See the module. `root` is the workspace.
pub fn touched(root: &Path, reach: &Reach) -> Touches {
    touched_within(root, reach, TOUCHES_SEEN_MAX)
}

fn touched_within(root: &Path, reach: &Reach, seen_max: usize) -> Touches {
    let (files, unknown) = (BTreeSet::new(), reach.unknown.clone());
    let mut looking = Looking { root, files, seen: 0, seen_max, at_most: false, unknown };
    for claim in &reach.claims {
        looking.claim(claim);
    }
    let more = looking.seen >= seen_max;
    let named = |path: &PathBuf| path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    Touches {
        files: looking.files.len() as u64,
        first: looking.files.iter().take(TOUCHES_NAMED_MAX).map(named).collect(),
        more,
        at_most: looking.at_most,
        unknown: looking.unknown,
    }
}

/// The paths that git's index in this directory names, and whether some are repositories of their own.
pub fn git_names(git_dir: &Path) -> Option<(Vec<String>, bool)> {
    let index = Index::of(git_dir)?;
    let has_repositories = index.entries().any(|entry| entry.is_repository());
    Some((index.entries().map(|entry| entry.path.to_string_lossy().into_owned()).collect(), has_repositories))
}

struct Looking<'a> {
    root: &'a Path,
    files: BTreeSet<PathBuf>,
    /// Entries read.
    seen: usize,
    seen_max: usize,
    at_most: bool,
    unknown: Vec<String>,
}

impl Looking<'_> {
    fn claim(&mut self, claim: &Claim) {
        match claim {
            Claim::Tree(path) => self.tree(&plain(path)),
            // A write through a link changes a file elsewhere, but the command names it so.
            Claim::File(path) => {
                let path = plain(path);
                if path.metadata().is_ok_and(|meta| meta.is_file()) {
                    self.files.insert(path);
                }
            }
            Claim::Pattern { dir, pattern } => match self.matches(dir, pattern) {
                Some(found) => found.iter().for_each(|path| self.tree(path)),
                None => self.unknown.push(format!("{pattern}: unsupported pattern")),
            },
            Claim::Found { dir, name, narrowed } => {
                self.at_most |= narrowed;
                let name = name.as_deref().map(matcher);
                if let Some(None) = name {
                    return self.unknown.push("the meaning of find's pattern".to_owned());
                }
                let name = name.flatten();
                let before = std::mem::take(&mut self.files);
                self.tree(&plain(dir));
                let fits = |path: &PathBuf| {
                    name.as_ref().is_none_or(|name| path.file_name().is_some_and(|file| name.is_match(file)))
                };
                self.files.retain(fits);
                self.files.extend(before);
            }
            Claim::Untracked { dir, ignored, in_new_dirs, narrowed } => {
                self.at_most |= narrowed;
                self.untracked(&plain(dir), *ignored, *in_new_dirs);
            }
            Claim::Differing(path) => self.differing(&plain(path)),
        }
    }

    /// A file, a link, or everything below a directory; in order of names.
    fn tree(&mut self, path: &Path) {
        let mut open = vec![path.to_owned()];
        while let Some(path) = open.pop() {
            if self.seen >= self.seen_max {
                return;
            }
            self.seen += 1;
            let Ok(meta) = path.symlink_metadata() else { continue };
            if !meta.is_dir() {
                self.files.insert(path);
                continue;
            }
            match std::fs::read_dir(&path) {
                Ok(entries) => {
                    let room = self.seen_max - self.seen;
                    let mut below: Vec<PathBuf> = entries.flatten().take(room).map(|entry| entry.path()).collect();
                    below.sort();
                    open.extend(below.into_iter().rev());
                }
                Err(error) => self.unknown.push(format!("{}: {error}", path.display())),
            }
        }
    }

    /// Returns the files that match a shell pattern; `None` when it is not a pattern.
    fn matches(&mut self, dir: &Path, pattern: &str) -> Option<Vec<PathBuf>> {
        let mut at = vec![if pattern.starts_with('/') { PathBuf::from("/") } else { dir.to_owned() }];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            if !part.contains(['*', '?', '[']) {
                at.iter_mut().for_each(|path| path.push(part));
                continue;
            }
            let matcher = matcher(part)?;
            let mut next = Vec::new();
            for dir in at {
                for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
                    self.seen += 1;
                    if self.seen >= self.seen_max {
                        return Some(next);
                    }
                    let name = entry.file_name();
                    // A shell names a hidden file only where the pattern does.
                    let hidden = name.as_encoded_bytes().starts_with(b".") && !part.starts_with('.');
                    if !hidden && matcher.is_match(&name) {
                        next.push(entry.path());
                    }
                }
            }
            next.sort();
            at = next;
        }
        Some(at)
    }

    fn index(&mut self) -> Option<Index> {
        let index = Index::read(self.root);
        if index.is_none() {
            self.unknown.push("git's index cannot be read".to_owned());
        }
        index
    }

    fn untracked(&mut self, dir: &Path, ignored: Ignored, in_new_dirs: bool) {
        let Some(index) = self.index() else { return };
        let all = self.walk(dir, false);
        let kept = if ignored == Ignored::Too { BTreeSet::new() } else { self.walk(dir, true) };
        for path in all {
            let Ok(relative) = path.strip_prefix(self.root) else { continue };
            let is_kept = kept.contains(&path);
            let meant = match ignored {
                Ignored::Too => true,
                Ignored::Left => is_kept,
                Ignored::Only => !is_kept,
            };
            let known_dir = relative.parent().is_none_or(|parent| index.has_below(parent));
            if meant && !index.tracks(relative) && (in_new_dirs || known_dir) {
                self.files.insert(path);
            }
        }
    }

    /// Files below a directory, with or without those that git's rules ignore. A repository in it is its own.
    fn walk(&mut self, dir: &Path, ignoring: bool) -> BTreeSet<PathBuf> {
        let mut builder = WalkBuilder::new(dir);
        builder.standard_filters(false).follow_links(false).require_git(false);
        if ignoring {
            builder.parents(true).git_ignore(true).git_exclude(true).git_global(true);
        }
        builder.filter_entry(|entry| {
            let inner = entry.depth() > 0 && entry.path().join(".git").symlink_metadata().is_ok();
            entry.file_name() != ".git" && !inner
        });
        let mut files = BTreeSet::new();
        for entry in builder.build().flatten() {
            self.seen += 1;
            if self.seen >= self.seen_max {
                break;
            }
            if entry.file_type().is_some_and(|kind| !kind.is_dir()) {
                files.insert(entry.into_path());
            }
        }
        files
    }

    fn differing(&mut self, path: &Path) {
        let Some(index) = self.index() else { return };
        let below = path.strip_prefix(self.root).unwrap_or(Path::new("")).to_owned();
        for entry in index.entries().filter(|entry| entry.path.starts_with(&below)) {
            self.seen += 1;
            if self.seen >= self.seen_max {
                return;
            }
            let path = self.root.join(entry.path);
            match entry.compared(&path) {
                index::Compared::Same => {}
                index::Compared::Differs => {
                    self.files.insert(path);
                }
                // Its time is another: whether its content is too, only reading it would tell.
                index::Compared::Touched => {
                    self.at_most = true;
                    self.files.insert(path);
                }
            }
        }
    }
}

/// Without `.` and with `..` taken as text: a path for showing and for looking.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part @ (Component::Prefix(_) | Component::RootDir | Component::Normal(_)) => out.push(part),
        }
    }
    out
}

fn matcher(pattern: &str) -> Option<GlobMatcher> {
    Some(GlobBuilder::new(pattern).literal_separator(true).build().ok()?.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Command;
    use crate::policy::{self, Place};
    use std::process::Command as Program;

    fn git(dir: &Path, args: &[&str]) {
        let done = Program::new("git")
            .args(["-c", "user.name=n", "-c", "user.email=e", "-c", "core.fsync=none"])
            .args(args)
            .current_dir(dir)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn project() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for path in ["a.txt", "src/b.txt", "src/deep/c.txt", "build/1.o", "build/2.o", "build/.keep", ".gitignore"] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "/build/\n").unwrap();
        }
        git(dir.path(), &["init", "-q"]);
        git(dir.path(), &["add", "."]);
        git(dir.path(), &["commit", "-q", "-m", "all"]);
        for path in ["new.txt", "fresh/x.txt"] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "new").unwrap();
        }
        std::fs::write(dir.path().join("src/b.txt"), "another length").unwrap();
        std::fs::remove_file(dir.path().join("src/deep/c.txt")).unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("fresh/away")).unwrap();
        dir
    }

    fn files(root: &Path, line: &str) -> Vec<String> {
        let root = root.canonicalize().unwrap();
        let reach = policy::reach(&Command::shell(line), &Place::of(&root)).unwrap();
        let touched = touched(&root, &reach);
        assert_eq!((touched.files as usize, touched.more), (touched.first.len(), false), "{line}");
        touched.first
    }

    /// Whatever is said to be touched is what the command, run on a copy, did touch.
    #[test]
    fn what_is_told_is_what_happens() {
        for line in [
            "rm -rf build",
            "rm -f build/*.o nothing",
            "rm -rf fresh/*",
            "find . -name '*.o' -delete",
            "git clean -fd",
            "git clean -fdx",
            "git clean -fX",
            "git clean -f",
            "git checkout .",
            "git checkout -- src/deep",
            "git restore a.txt src/b.txt",
            "truncate -s 0 a.txt",
            "mv a.txt new.txt",
        ] {
            let dir = project();
            let root = dir.path();
            let told = files(root, line);
            let before = state(root);
            let done = Program::new("sh").args(["-c", line]).current_dir(root).output().unwrap();
            assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
            let after = state(root);
            let changed: BTreeSet<String> = before
                .keys()
                .chain(after.keys())
                .filter(|path| before.get(*path) != after.get(*path))
                .cloned()
                .collect();
            assert_eq!(told, changed.into_iter().collect::<Vec<_>>(), "{line}");
        }
    }

    fn state(root: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
        let mut state = std::collections::BTreeMap::new();
        let mut open = vec![root.to_owned()];
        while let Some(dir) = open.pop() {
            for entry in std::fs::read_dir(dir).unwrap().flatten() {
                let path = entry.path();
                let kind = entry.file_type().unwrap();
                if kind.is_dir() && entry.file_name() != ".git" {
                    open.push(path);
                } else if !kind.is_dir() {
                    let bytes = if kind.is_symlink() { b"link".to_vec() } else { std::fs::read(&path).unwrap() };
                    state.insert(path.strip_prefix(root).unwrap().display().to_string(), bytes);
                }
            }
        }
        state
    }

    #[test]
    fn a_directory_without_end_is_counted_so_far() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..50 {
            std::fs::write(dir.path().join(n.to_string()), "").unwrap();
        }
        let reach = Reach { claims: vec![Claim::Tree(dir.path().to_owned())], unknown: Vec::new() };
        let touched = touched_within(dir.path(), &reach, 40);
        assert!(touched.more && touched.files < 40 && touched.first.len() == TOUCHES_NAMED_MAX, "{touched:?}");
    }

    #[test]
    fn without_an_index_it_is_not_known() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x"), "").unwrap();
        let reach = policy::reach(&Command::shell("git clean -fdx"), &Place::of(dir.path())).unwrap();
        let touched = touched(dir.path(), &reach);
        assert!(touched.files == 0 && touched.unknown.iter().any(|words| words.contains("index")), "{touched:?}");
    }
}
