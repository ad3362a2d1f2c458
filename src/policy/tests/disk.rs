//! A disk of a few files, for rulings that look something up.

use crate::policy::{Disk, Scope, Tracked, place};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// See the module.
#[derive(Debug, Clone, Default)]
pub(in crate::policy) struct Files {
    files: BTreeMap<PathBuf, String>,
    links: BTreeMap<PathBuf, PathBuf>,
    tracked: Tracked,
    own_git: Vec<String>,
}

impl Files {
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.into(), text.to_owned());
        self
    }

    pub fn link(mut self, path: &str, to: &str) -> Self {
        self.links.insert(path.into(), to.into());
        self
    }

    pub fn own_git(mut self, text: &str) -> Self {
        self.own_git.push(text.to_owned());
        self
    }

    pub fn tracks(mut self, files: &[&str], has_repositories: bool) -> Self {
        self.tracked = Tracked { files: files.iter().map(|f| (*f).to_owned()).collect(), has_repositories };
        self
    }
}

impl Disk for Files {
    fn real(&self, path: &Path) -> Option<PathBuf> {
        let path = place::normalise(path)?;
        let link = self.links.iter().find_map(|(link, to)| path.strip_prefix(link).ok().map(|rest| to.join(rest)));
        // A path with nothing after it would end in a slash.
        Some(link.unwrap_or(path).components().collect())
    }

    fn names(&self, dir: &Path) -> Option<Vec<String>> {
        let dir = self.real(dir)?;
        let below = self.files.keys().chain(self.links.keys()).filter_map(|p| p.strip_prefix(&dir).ok());
        let mut names: Vec<String> =
            below.filter_map(|p| Some(p.components().next()?.as_os_str().to_string_lossy().into_owned())).collect();
        names.sort();
        names.dedup();
        (!names.is_empty() && !self.files.contains_key(&dir)).then_some(names)
    }

    fn text(&self, path: &Path) -> Option<String> {
        self.files.get(&self.real(path)?).cloned()
    }

    fn below(&self, dir: &Path, scope: Scope, visit: &mut dyn FnMut(&Path) -> bool) -> bool {
        for path in self.files.keys().filter(|p| p.starts_with(dir)) {
            let hidden =
                path.strip_prefix(dir).unwrap().components().any(|c| c.as_os_str().to_string_lossy().starts_with('.'));
            if (scope.hidden || !hidden) && visit(path) {
                break;
            }
        }
        true
    }

    fn tracked(&self, _: &Path) -> Option<Tracked> {
        Some(self.tracked.clone())
    }

    fn own_git_settings(&self) -> Vec<String> {
        self.own_git.clone()
    }
}
