//! The place of an action: the workspace, the directory it starts in, and the meaning of a path from there.

use crate::base::UnixMs;
use crate::policy::limits::PATTERN_NAMES_MAX;
use globset::GlobBuilder;
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// Access to the disk for rulings, given by a caller that has one. Nothing is changed, run or followed out of the
/// question.
pub trait Disk {
    /// The real path of the longest part that exists, with the rest appended; `None` when that cannot be found out.
    fn real(&self, path: &Path) -> Option<PathBuf>;
    /// The names in a directory; `None` when there is no directory, or it cannot be read whole.
    fn names(&self, dir: &Path) -> Option<Vec<String>>;
    /// The text of a file of moderate size.
    fn text(&self, path: &Path) -> Option<String>;
    /// Shows every file below a directory, or the file itself, until `visit` returns true. Returns false when there are
    /// more files than are read.
    fn below(&self, dir: &Path, scope: Scope, visit: &mut dyn FnMut(&Path) -> bool) -> bool;
    /// Returns the files in git's index in this directory; `None` when there is no index that can be read.
    fn tracked(&self, git_dir: &Path) -> Option<Tracked>;
    /// The texts of the user's own git configuration and of the machine's.
    fn own_git_settings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The files of a directory that are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Those whose name, or that of a directory above them, begins with a dot.
    pub hidden: bool,
    /// Those that ignore files name.
    pub ignored: bool,
}

impl Scope {
    pub const ALL: Self = Self { hidden: true, ignored: true };
}

/// The paths of a git index, relative to its work tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tracked {
    pub files: Vec<String>,
    /// Some of them are repositories of their own.
    pub has_repositories: bool,
}

/// The surroundings of a question. All paths are absolute.
#[derive(Clone)]
pub struct Place<'a> {
    /// The workspace root, resolved.
    pub root: PathBuf,
    /// Directories that belong to rightseat itself: configuration and state. No agent may write there.
    pub own: Vec<PathBuf>,
    /// The disk on which paths are looked up. Without it only the text of a path is judged, `..` after a name is
    /// doubted, and what needs a look asks.
    pub disk: Option<&'a dyn Disk>,
    /// The time; without it no rule counts that ends at a time.
    pub now: Option<UnixMs>,
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("root", &self.root).field("own", &self.own).finish_non_exhaustive()
    }
}

/// The target of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// In the workspace; relative to its root, empty for the root itself.
    Inside(PathBuf),
    /// Elsewhere, as far as is known where.
    Outside(PathBuf),
    /// Among our own configuration and state.
    Own(PathBuf),
}

impl Place<'_> {
    /// A place that judges text only.
    pub fn of(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), own: Vec::new(), disk: None, now: None }
    }

    /// Resolves `path`, as written for a program in `cwd`.
    pub fn target(&self, cwd: &Path, path: &str) -> Target {
        if path.starts_with('~') || path.contains('\0') {
            return Target::Outside(PathBuf::from(path));
        }
        let joined = cwd.join(path);
        let lexical = normalise(&joined);
        let real = match self.disk {
            Some(disk) => disk.real(&joined),
            // The kernel follows a link before it goes up; text alone cannot tell where that ends.
            None => lexical.clone().filter(|_| !goes_up_after_name(path)),
        };
        let (Some(real), Some(lexical)) = (real, lexical) else { return Target::Outside(joined) };
        if [&real, &lexical].iter().any(|p| self.own.iter().any(|own| p.starts_with(own))) {
            return Target::Own(real);
        }
        match real.strip_prefix(&self.root) {
            Ok(inside) => Target::Inside(inside.to_owned()),
            Err(_) => Target::Outside(real),
        }
    }

    /// The names that a shell puts in place of a pattern, in no order; none when nothing fits. `None` without a disk.
    pub fn expand(&self, dir: &Path, pattern: &str) -> Option<Vec<String>> {
        let disk = self.disk?;
        let mut found = vec![String::new()];
        for (n, part) in pattern.split('/').enumerate() {
            let slash = if n == 0 { "" } else { "/" };
            let matcher =
                GlobBuilder::new(&part.replace('{', "[{]")).literal_separator(true).build().ok()?.compile_matcher();
            let mut next = Vec::new();
            for before in found {
                let here = dir.join(if before.is_empty() && n > 0 { "/" } else { &before });
                if part.is_empty() || matches!(part, "." | "..") {
                    next.push(format!("{before}{slash}{part}"));
                    continue;
                }
                // A shell names a hidden file only where the pattern does.
                let fits = |name: &String| (!name.starts_with('.') || part.starts_with('.')) && matcher.is_match(name);
                let mut names = disk.names(&here).unwrap_or_default();
                // Some shells let `.*` match these as well.
                names.extend([".", ".."].map(str::to_owned));
                next.extend(names.iter().filter(|name| fits(name)).map(|name| format!("{before}{slash}{name}")));
                if next.len() > PATTERN_NAMES_MAX {
                    return None;
                }
            }
            found = next;
        }
        Some(found)
    }

    /// Returns whether `path` leads to a file of the workspace.
    pub fn is_inside(&self, cwd: &Path, path: &str) -> bool {
        matches!(self.target(cwd, path), Target::Inside(_))
    }
}

/// Takes `.` and `..` out of an absolute path by its text; `None` when it climbs above `/` or is not absolute.
pub(super) fn normalise(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::RootDir => out.push("/"),
            Component::Normal(name) => out.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            Component::Prefix(_) => return None,
        }
    }
    out.is_absolute().then_some(out)
}

fn goes_up_after_name(path: &str) -> bool {
    let mut named = false;
    path.split('/').any(|part| match part {
        ".." => named,
        "" | "." => false,
        _ => {
            named = true;
            false
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_they_lead() {
        let place = Place { own: vec!["/w/.state".into(), "/home/me/.config/rightseat".into()], ..Place::of("/w") };
        let check = |cwd: &str, path: &str, expect: &str| {
            let found = match place.target(Path::new(cwd), path) {
                Target::Inside(p) => format!("in {}", p.display()),
                Target::Outside(_) => "out".to_owned(),
                Target::Own(_) => "own".to_owned(),
            };
            assert_eq!(found, expect, "{cwd} {path}");
        };
        check("/w", "src/a.rs", "in src/a.rs");
        check("/w/src", "../a.rs", "in a.rs");
        check("/w", ".", "in ");
        check("/w", "/w/x", "in x");
        check("/w", "/w2/x", "out");
        check("/w", "../w2", "out");
        check("/w", "src/../../etc", "out");
        check("/w", "src/../b", "out");
        check("/w", "~/x", "out");
        check("/w", ".state/s1/journal.db", "own");
        check("/w", "/home/me/.config/rightseat/policy.toml", "own");
        let disk = crate::policy::tests::Files::default().link("/w/link", "/etc/passwd");
        let linked = Place { disk: Some(&disk), ..Place::of("/w") };
        assert_eq!(linked.target(Path::new("/w"), "link"), Target::Outside("/etc/passwd".into()));
    }
}
