//! Where an action happens: the workspace, the directory it starts in, and what a path means from there.

use std::fmt;
use std::path::{Component, Path, PathBuf};

/// Asks the kernel what a path leads to: the real path of the longest part that exists, with the rest appended. `None`
/// when that cannot be found out.
pub type Resolve<'a> = dyn Fn(&Path) -> Option<PathBuf> + 'a;

/// The surroundings of a question. All paths are absolute.
#[derive(Clone)]
pub struct Place<'a> {
    /// The workspace root, resolved.
    pub root: PathBuf,
    /// Directories that belong to rightseat itself: configuration and state. No agent may write there.
    pub own: Vec<PathBuf>,
    /// How links are followed. Without it only the text of a path is judged, and `..` after a name is doubted.
    pub resolve: Option<&'a Resolve<'a>>,
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("root", &self.root).field("own", &self.own).finish_non_exhaustive()
    }
}

/// Where a path leads.
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
        Self { root: root.into(), own: Vec::new(), resolve: None }
    }

    /// Where `path`, as written by someone in `cwd`, leads.
    pub fn target(&self, cwd: &Path, path: &str) -> Target {
        if path.starts_with('~') || path.contains('\0') {
            return Target::Outside(PathBuf::from(path));
        }
        let joined = cwd.join(path);
        let lexical = normalise(&joined);
        let real = match self.resolve {
            Some(resolve) => resolve(&joined),
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

    /// Whether `path` leads to a file of the workspace.
    pub fn is_inside(&self, cwd: &Path, path: &str) -> bool {
        matches!(self.target(cwd, path), Target::Inside(_))
    }
}

/// Takes `.` and `..` out of an absolute path by its text; `None` when it climbs above `/` or is not absolute.
fn normalise(path: &Path) -> Option<PathBuf> {
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
        let resolve = |p: &Path| Some(if p.starts_with("/w/link") { "/etc/passwd".into() } else { p.to_owned() });
        let linked = Place { resolve: Some(&resolve), ..Place::of("/w") };
        assert_eq!(linked.target(Path::new("/w"), "link"), Target::Outside("/etc/passwd".into()));
    }
}
