//! The globs of a rule: which paths they are about, and which directories may hold such a path.

use crate::policy::guarded::fold;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Globs relative to the workspace.
#[derive(Debug, Clone)]
pub struct Paths {
    /// As they are written: how far a rule that allows reaches.
    exact: GlobSet,
    /// With everything below what they name: how far a rule that tightens reaches.
    wide: GlobSet,
    globs: Vec<String>,
}

impl Paths {
    /// Reads globs; an error names the invalid one.
    pub fn new(globs: &[String]) -> Result<Self, String> {
        let mut exact = GlobSetBuilder::new();
        let mut wide = GlobSetBuilder::new();
        let mut plain = Vec::new();
        for text in globs {
            exact.add(glob(text)?);
            let name = text.trim_start_matches("./").trim_end_matches('/');
            wide.add(glob(text)?);
            wide.add(glob(name)?);
            // A name without a star may be a directory.
            if !name.rsplit('/').next().unwrap_or_default().contains(['*', '?', '[', '{']) {
                wide.add(glob(&format!("{name}/**"))?);
            }
            wide.add(glob(&fold(name)).or_else(|_| glob(name))?);
            plain.push(name.to_owned());
        }
        let build = |set: GlobSetBuilder| set.build().map_err(|e| e.to_string());
        Ok(Self { exact: build(exact)?, wide: build(wide)?, globs: plain })
    }

    /// The globs as they are written, without `./`.
    pub fn globs(&self) -> &[String] {
        &self.globs
    }

    /// Returns whether a path is matched by its exact name.
    pub fn names(&self, path: &str) -> bool {
        self.exact.is_match(path)
    }

    /// Returns whether a path is matched in any spelling, or is a directory of which everything is matched.
    pub fn cover(&self, path: &str) -> bool {
        let folded = fold(path);
        let below = format!("{}/-", path.trim_end_matches('/'));
        let is_name = !path.is_empty() && path != ".";
        [path, &folded].iter().any(|p| self.wide.is_match(p))
            || (is_name && (self.wide.is_match(&below) || self.wide.is_match(format!("{folded}/-"))))
    }

    /// Returns whether a directory may contain a match, by the words of the globs.
    pub fn may_be_below(&self, dir: &str) -> bool {
        let dir = fold(dir);
        let parts: Vec<&str> = dir.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
        self.globs.iter().any(|glob| {
            let glob = glob.to_lowercase();
            let mut names = glob.split('/');
            for part in &parts {
                match names.next() {
                    Some("**") => return true,
                    Some(name) if name.contains(['*', '?', '[', '{']) || name == *part => {}
                    Some(_) | None => return false,
                }
            }
            names.next().is_some()
        })
    }
}

fn glob(text: &str) -> Result<globset::Glob, String> {
    GlobBuilder::new(text).literal_separator(true).build().map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_its_contents() {
        let check = |glob: &str, path: &str, covers: bool, holds: bool| {
            let paths = Paths::new(&[glob.to_owned()]).unwrap();
            assert_eq!((paths.cover(path), paths.may_be_below(path)), (covers, holds), "{glob} {path}");
        };
        check("config/**", "config", true, true);
        check("config/**", "config/a", true, true);
        check("config/**", "Config/a", true, true);
        check("config/**", "src", false, false);
        check("config/**", "", false, true);
        check("config/prod/*.yaml", "config", false, true);
        check("config/prod/*.yaml", "config/dev", false, false);
        check("secrets", "secrets/a/b", true, false);
        check("./secrets/", "secrets/a", true, false);
        check("**/*.pem", "src", false, true);
        check("*.pem", "src", false, false);
        check("*.pem", "a.pem", true, false);
        check("**", "x", true, true);
    }
}
