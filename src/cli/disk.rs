//! The disk as the policy asks about it: real paths, names, and what git keeps. Bounded, and nothing is changed.

use crate::cli::limits::{POLICY_DIR_NAMES_MAX, POLICY_FILES_SEEN_MAX, POLICY_TEXT_BYTES_MAX};
use crate::policy::{Disk, Scope, Tracked};
use crate::workspace::touched::git_names;
use ignore::WalkBuilder;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// See the module.
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn real(&self, path: &Path) -> Option<PathBuf> {
        let mut rest = Vec::new();
        let mut at = path;
        loop {
            if let Ok(real) = at.canonicalize() {
                return Some(rest.iter().rev().fold(real, |path, part| path.join(part)));
            }
            // A link that leads nowhere would be followed by whoever writes to it.
            if at.symlink_metadata().is_ok() {
                return None;
            }
            rest.push(at.file_name()?.to_owned());
            at = at.parent()?;
        }
    }

    fn names(&self, dir: &Path) -> Option<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir).ok()? {
            names.push(entry.ok()?.file_name().to_string_lossy().into_owned());
            if names.len() > POLICY_DIR_NAMES_MAX {
                return None;
            }
        }
        Some(names)
    }

    fn text(&self, path: &Path) -> Option<String> {
        if !path.metadata().ok()?.is_file() {
            return None;
        }
        let mut text = String::new();
        std::fs::File::open(path).ok()?.take(POLICY_TEXT_BYTES_MAX + 1).read_to_string(&mut text).ok()?;
        (text.len() as u64 <= POLICY_TEXT_BYTES_MAX).then_some(text)
    }

    fn below(&self, dir: &Path, scope: Scope, visit: &mut dyn FnMut(&Path) -> bool) -> bool {
        let mut builder = WalkBuilder::new(dir);
        builder.standard_filters(false).hidden(!scope.hidden).follow_links(false);
        if !scope.ignored {
            builder.parents(true).ignore(true).git_ignore(true).git_exclude(true).git_global(true);
            builder.add_custom_ignore_filename(".rgignore");
        }
        let mut seen = 0;
        for entry in builder.build() {
            seen += 1;
            let Ok(entry) = entry else { continue };
            if entry.file_type().is_none_or(|kind| !kind.is_dir()) && visit(entry.path()) {
                return true;
            }
            if seen > POLICY_FILES_SEEN_MAX {
                return false;
            }
        }
        true
    }

    fn tracked(&self, git_dir: &Path) -> Option<Tracked> {
        let (files, has_repositories) = git_names(git_dir)?;
        Some(Tracked { files, has_repositories })
    }

    fn own_git_settings(&self) -> Vec<String> {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        let config = config.or_else(|| home.as_ref().map(|home| home.join(".config")));
        let files = [home.map(|home| home.join(".gitconfig")), config.map(|config| config.join("git/config"))];
        let files = files.into_iter().flatten().chain([PathBuf::from("/etc/gitconfig")]);
        files.filter_map(|file| self.text(&file)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_as_the_kernel_does() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("a")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("out")).unwrap();
        std::os::unix::fs::symlink("/nowhere/x", root.join("dangling")).unwrap();
        assert_eq!(LocalDisk.real(&root.join("a/new/file")), Some(root.join("a/new/file")));
        assert_eq!(LocalDisk.real(&root.join("out/hosts")), Some("/etc/hosts".into()));
        assert_eq!(LocalDisk.real(&root.join("out/../x")), Some("/x".into()));
        assert_eq!(LocalDisk.real(&root.join("dangling")), None);
        assert_eq!(LocalDisk.real(&root.join("missing/../../x")), None);
    }
}
