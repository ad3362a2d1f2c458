//! Files that run code, steer agents, or decide what is built, deployed or allowed: changing one is never routine.
//!
//! A name is recognized as file systems and tools would read it: whatever its case, its Unicode form, invisible
//! characters, trailing dots and spaces, short names (`GIT~1`) or stream suffixes.

mod kinds;
mod manifest;
mod writers;

pub use manifest::Manifest;
pub(super) use writers::written_by;

use crate::base::text::hidden::is_hidden;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use kinds::{BAZEL, KINDS};
use std::sync::LazyLock;

/// The reason that a path is guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// The kind of the file, in words that follow "changes …".
    pub what: &'static str,
    /// Whether a user must type the file's name to approve.
    pub typed: bool,
    /// The file is otherwise everyday: only a change of the part that builds or runs something counts.
    pub manifest: Option<Manifest>,
}

struct Guards {
    set: GlobSet,
    owners: Vec<Guard>,
}

static GUARDS: LazyLock<Guards> = LazyLock::new(|| {
    let mut set = GlobSetBuilder::new();
    let mut owners = Vec::new();
    for (guard, globs) in KINDS {
        for glob in *globs {
            let (own, anywhere) = match glob.strip_prefix('/') {
                Some(at_root) => (at_root, None),
                None => (*glob, Some(format!("**/{glob}"))),
            };
            for form in std::iter::once(own.to_owned()).chain(anywhere) {
                if let Ok(glob) = GlobBuilder::new(&form).literal_separator(true).build() {
                    set.add(glob);
                    owners.push(*guard);
                }
            }
        }
    }
    // Constant globs, each built by a test; none at all would be caught there.
    Guards { set: set.build().unwrap_or_else(|_| GlobSet::empty()), owners }
});

/// Returns the reason that `path`, relative to the workspace, is guarded; `None` when it is an ordinary file.
pub fn guarded(path: &str) -> Option<Guard> {
    // Lower case is the usual name of a directory.
    if matches!(path.rsplit('/').next(), Some("BUILD" | "WORKSPACE")) {
        return Some(BAZEL);
    }
    let folded = fold(path);
    let first = |name: &str| GUARDS.set.matches(name).into_iter().min();
    // A directory whose every file is guarded is so itself: moving it away, or another into its place, changes them
    // all.
    let hit = first(&folded).or_else(|| first(&format!("{folded}/-")))?;
    GUARDS.owners.get(hit).copied()
}

/// Returns whether a path is guarded only as a directory of which every file is.
pub(super) fn is_guarded_directory(path: &str) -> bool {
    guarded(path).is_some() && !GUARDS.set.is_match(fold(path))
}

/// Returns whether a file's name says that it contains secrets, so that even reading it asks.
pub fn holds_secrets(path: &str) -> bool {
    let folded = fold(path);
    let name = folded.rsplit('/').next().unwrap_or_default();
    let stem_keys = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"];
    let exact = [
        ".env",
        ".netrc",
        ".npmrc",
        ".pypirc",
        ".pgpass",
        ".git-credentials",
        ".htpasswd",
        "credentials",
        "credentials.json",
        "secrets.json",
        "secrets.toml",
        "secrets.yaml",
        "secrets.yml",
    ];
    let samples = [".env.example", ".env.sample", ".env.template", ".env.dist"];
    exact.contains(&name)
        || stem_keys.contains(&name)
        || (name.starts_with(".env.") && !samples.contains(&name))
        || [".pem", ".key", ".p12", ".pfx", ".keystore", ".jks", ".kdbx"].iter().any(|end| name.ends_with(end))
        || folded.split('/').any(|part| matches!(part, ".ssh" | ".gnupg" | ".aws" | ".kube" | ".docker"))
}

/// A path as the most forgiving file system would read it.
pub(super) fn fold(path: &str) -> String {
    let normal = icu_normalizer::ComposingNormalizerBorrowed::new_nfkc().normalize(path).replace('\\', "/");
    let parts = normal.split('/').map(fold_part).filter(|p| !p.is_empty() && p != ".");
    let mut out: Vec<String> = Vec::new();
    for part in parts {
        if part == ".." {
            out.pop();
        } else {
            out.push(part);
        }
    }
    out.join("/")
}

fn fold_part(part: &str) -> String {
    if part == ".." {
        return part.to_owned();
    }
    let visible: String = part.chars().filter(|c| !is_hidden(*c)).flat_map(char::to_lowercase).collect();
    // `long s` and `dotless i` fold to ASCII on some file systems and not in NFKC lower case.
    let plain = visible.replace('ſ', "s").replace('ı', "i").replace("i\u{307}", "i");
    // A stream suffix names the same file.
    let plain = plain.split(':').next().unwrap_or_default();
    let trimmed = plain.trim_end_matches(['.', ' ']).trim_start();
    match trimmed.split_once('~') {
        Some((short, number)) if number.starts_with(|c: char| c.is_ascii_digit()) => {
            short_name(short).unwrap_or(trimmed).to_owned()
        }
        _ => trimmed.to_owned(),
    }
}

/// Returns the dotted name behind an 8.3 short name, for names that matter here.
fn short_name(short: &str) -> Option<&'static str> {
    [
        ("git", ".git"),
        ("github", ".github"),
        ("vscode", ".vscode"),
        ("claude", ".claude"),
        ("cursor", ".cursor"),
        ("gitmod", ".gitmodules"),
        ("gi", ".git"),
    ]
    .into_iter()
    .find_map(|(s, full)| (short == s).then_some(full))
}

/// Returns whether settings of this name often carry keys beside everything else: they are read like other files, but what
/// they hold is not put into the record where nobody asked for it.
pub fn may_hold_secrets(path: &str) -> bool {
    let folded = fold(path);
    let name = folded.rsplit('/').next().unwrap_or_default();
    let exact = [
        ".envrc",
        ".mcp.json",
        "mcp.json",
        "mcp_config.json",
        ".yarnrc",
        ".yarnrc.yml",
        ".dockercfg",
        ".boto",
        ".s3cfg",
        "gradle.properties",
        "local.properties",
        "settings.xml",
        "nuget.config",
        "pip.conf",
        "kubeconfig",
        "wp-config.php",
    ];
    let ends = [".envrc", ".env", ".tfvars", ".tfvars.json", ".tfstate", ".tfstate.backup", ".ovpn"];
    exact.contains(&name) || ends.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_glob_is_one() {
        let forms = |glob: &&str| if glob.starts_with('/') { 1 } else { 2 };
        let globs: usize = KINDS.iter().flat_map(|(_, globs)| globs.iter()).map(forms).sum();
        assert_eq!(GUARDS.set.len(), globs);
        assert_eq!(GUARDS.owners.len(), globs);
    }

    #[test]
    fn guarded_names_are_seen_through_their_disguises() {
        for path in [
            ".git/config",
            ".git/hooks/pre-commit",
            "sub/.git/config",
            ".GIT/config",
            ".Git/hooks/x",
            ".git./config",
            ".git /config",
            ".git/./config",
            "a/../.git/config",
            ".g\u{200c}it/config",
            ".\u{ff47}it/config",
            "GIT~1/config",
            ".git::$INDEX_ALLOCATION/config",
            "\\.git\\config",
            ".gıt/config",
            ".gitmodules",
            ".github/workflows/ci.yml",
            "AGENTS.md",
            "agents.MD",
            "docs/CLAUDE.md",
            "CLAUDE.md ",
            ".vscode/tasks.json",
            ".envrc",
            "package.json",
            "sub/package.json",
            ".cursor/rules/x",
            "Jenkinsfile",
            ".rightseat/policy.toml",
            ".githooks/pre-push",
            "\u{212a}ustomization.yaml",
            ".github",
            "sub/.claude/",
        ] {
            assert!(guarded(path).is_some(), "{path:?} -> {:?}", fold(path));
        }
        for path in [
            "src/main.rs",
            "git/config.rs",
            "README.md",
            "docs/agents.html",
            "src/packages.json",
            "x.github",
            "a.git.rs",
            ".gitignore",
        ] {
            assert_eq!(guarded(path), None, "{path:?} -> {:?}", fold(path));
        }
    }

    #[test]
    fn secret_files_are_known_by_name() {
        for path in [".envrc", ".mcp.json", ".cursor/mcp.json", "a/prod.tfvars", "x/.YARNRC.yml", "prod.env"] {
            assert!(may_hold_secrets(path) && !holds_secrets(path), "{path}");
        }
        assert!(!may_hold_secrets("Makefile") && !may_hold_secrets(".github/workflows/ci.yml"));
        for path in [".env", "a/.ENV", ".env.local", "server.pem", "id_rsa", ".ssh/config", "x/credentials"] {
            assert!(holds_secrets(path), "{path}");
        }
        for path in [".env.example", "src/key.rs", "environment", "README"] {
            assert!(!holds_secrets(path), "{path}");
        }
    }
}
