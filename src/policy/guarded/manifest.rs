//! Files that are mostly everyday and partly run something: which part of a change counts.
//!
//! What is everyday is listed; everything else counts, and so does whatever cannot be read. A dependency is everyday by
//! name and version alone: one from an address or a path outside of the registry counts.

use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

/// The kind of such a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manifest {
    Npm,
    Cargo,
    Python,
    Composer,
    Gradle,
    Gemfile,
    Cmake,
    Mix,
}

/// A file of tables: keys with dots between them, `*` for any one of them.
struct Tables {
    is_toml: bool,
    everyday: &'static [&'static str],
    /// Tables, or lists, of dependencies.
    dependencies: &'static [&'static str],
}

const NPM: Tables = Tables {
    is_toml: false,
    everyday: &[
        "name",
        "version",
        "description",
        "keywords",
        "author",
        "contributors",
        "maintainers",
        "license",
        "homepage",
        "bugs",
        "repository",
        "funding",
        "private",
        "files",
        "engines",
        "types",
        "typings",
        "main",
        "module",
        "browser",
        "exports",
        "type",
        "sideEffects",
        "browserslist",
        "peerDependenciesMeta",
        "icon",
        "displayName",
    ],
    dependencies: &["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"],
};

const CARGO: Tables = Tables {
    is_toml: true,
    everyday: &[
        "package.name",
        "package.version",
        "package.authors",
        "package.edition",
        "package.rust-version",
        "package.description",
        "package.documentation",
        "package.readme",
        "package.homepage",
        "package.repository",
        "package.license",
        "package.license-file",
        "package.keywords",
        "package.categories",
        "package.exclude",
        "package.include",
        "package.publish",
        "package.default-run",
        "features",
        "lints",
        "bin",
        "test",
        "bench",
        "example",
        "lib.name",
        "lib.path",
        "lib.doc",
        "lib.test",
        "lib.doctest",
        "lib.bench",
        "workspace.members",
        "workspace.exclude",
        "workspace.default-members",
        "workspace.resolver",
        "workspace.lints",
        "workspace.package",
    ],
    dependencies: &[
        "dependencies",
        "dev-dependencies",
        "workspace.dependencies",
        "target.*.dependencies",
        "target.*.dev-dependencies",
    ],
};

const PYTHON: Tables = Tables {
    is_toml: true,
    everyday: &[
        "project.name",
        "project.version",
        "project.description",
        "project.readme",
        "project.requires-python",
        "project.license",
        "project.license-files",
        "project.authors",
        "project.maintainers",
        "project.keywords",
        "project.classifiers",
        "project.urls",
        "tool.ruff",
        "tool.black",
        "tool.isort",
        "tool.pyright",
        "tool.coverage",
        "tool.bandit",
        "tool.codespell",
        "tool.pydocstyle",
        "tool.interrogate",
        "tool.poetry.name",
        "tool.poetry.version",
        "tool.poetry.description",
        "tool.poetry.authors",
        "tool.poetry.license",
        "tool.poetry.readme",
        "tool.poetry.homepage",
        "tool.poetry.repository",
        "tool.poetry.documentation",
        "tool.poetry.keywords",
        "tool.poetry.classifiers",
        "tool.poetry.extras",
    ],
    dependencies: &[
        "project.dependencies",
        "project.optional-dependencies.*",
        "dependency-groups.*",
        "tool.uv.dev-dependencies",
        "tool.poetry.dependencies",
        "tool.poetry.dev-dependencies",
        "tool.poetry.group.*.dependencies",
        "tool.pdm.dev-dependencies.*",
    ],
};

const COMPOSER: Tables = Tables {
    is_toml: false,
    everyday: &[
        "name",
        "description",
        "version",
        "type",
        "keywords",
        "homepage",
        "readme",
        "license",
        "authors",
        "support",
        "funding",
        "suggest",
        "autoload.psr-0",
        "autoload.psr-4",
        "autoload.classmap",
        "autoload.exclude-from-classmap",
        "autoload-dev.psr-0",
        "autoload-dev.psr-4",
        "autoload-dev.classmap",
        "autoload-dev.exclude-from-classmap",
        "minimum-stability",
        "prefer-stable",
    ],
    dependencies: &["require", "require-dev", "conflict", "replace", "provide"],
};

/// Lines that are everyday in a file of another form. Each is a whole line without the blanks around it.
fn line_of(manifest: Manifest) -> Option<&'static Regex> {
    static GRADLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let scopes = "implementation|api|compileOnly|runtimeOnly|testImplementation|testRuntimeOnly|testCompileOnly|\
                      androidTestImplementation|debugImplementation";
        Regex::new(&format!(r#"^(?:{scopes})[ (]+["'][\w.-]+:[\w.-]+(?::[\w.+-]+)?["']\)?$"#)).ok()
    });
    static GEMFILE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"^gem ["'][\w-]+["'](?:, *["'][~><=! \d.\w]+["'])*$"#).ok());
    static CMAKE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^'?[\w/.-]+\.(?:c|cc|cpp|cxx|h|hh|hpp|hxx|m|mm|f90|cu)'?,?$").ok());
    static MIX: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"^\{:\w+, *"[~><= \d.\w-]+"\},?$"#).ok());
    match manifest {
        Manifest::Gradle => GRADLE.as_ref(),
        Manifest::Gemfile => GEMFILE.as_ref(),
        Manifest::Cmake => CMAKE.as_ref(),
        Manifest::Mix => MIX.as_ref(),
        Manifest::Npm | Manifest::Cargo | Manifest::Python | Manifest::Composer => None,
    }
}

impl Manifest {
    /// Returns whether a change of the file at `path` leaves alone what counts. `before` is `None` for a new file.
    pub fn is_everyday(self, path: &str, before: Option<&str>, after: &str) -> bool {
        let depth = path.matches('/').count();
        match self {
            Self::Npm => NPM.is_everyday(depth, before, after),
            Self::Cargo => CARGO.is_everyday(depth, before, after),
            Self::Python => PYTHON.is_everyday(depth, before, after),
            Self::Composer => COMPOSER.is_everyday(depth, before, after),
            Self::Gradle | Self::Gemfile | Self::Cmake | Self::Mix => {
                let rest = |text: &str| -> Option<Vec<String>> {
                    let line = line_of(self)?;
                    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !line.is_match(l));
                    Some(lines.map(str::to_owned).collect())
                };
                // A new file is all of it.
                before.is_some_and(|before| rest(before).is_some_and(|rest_of| Some(rest_of) == rest(after)))
            }
        }
    }
}

impl Tables {
    /// `depth` is the number of directories of the workspace above the file.
    fn is_everyday(&self, depth: usize, before: Option<&str>, after: &str) -> bool {
        let read = |text: &str| if self.is_toml { toml::from_str(text).ok() } else { serde_json::from_str(text).ok() };
        let before = before.map_or_else(|| Some(Value::Object(serde_json::Map::new())), read);
        let (Some(before), Some(after)) = (before, read(after)) else { return false };
        self.counted(&before, depth, &mut Vec::new()) == self.counted(&after, depth, &mut Vec::new())
    }

    /// The part that counts; `None` for nothing.
    fn counted<'a>(&self, value: &'a Value, depth: usize, at: &mut Vec<&'a str>) -> Option<Value> {
        if is_in(self.everyday, at) {
            return None;
        }
        if is_in(self.dependencies, at) {
            return elsewhere(value, depth);
        }
        let Value::Object(fields) = value else { return Some(value.clone()) };
        let mut kept = serde_json::Map::new();
        for (key, value) in fields {
            at.push(key);
            if let Some(part) = self.counted(value, depth, at) {
                kept.insert(key.clone(), part);
            }
            at.pop();
        }
        (!kept.is_empty()).then_some(Value::Object(kept))
    }
}

/// Returns whether a list of key patterns has this place.
fn is_in(patterns: &[&str], at: &[&str]) -> bool {
    patterns.iter().any(|pattern| {
        let keys = pattern.split('.');
        keys.clone().count() == at.len() && keys.zip(at).all(|(key, own)| key == "*" || key == *own)
    })
}

/// The dependencies that are more than a name and a version.
fn elsewhere(value: &Value, depth: usize) -> Option<Value> {
    let plain = match value {
        Value::Object(fields) => {
            let odd = fields.iter().filter(|(_, spec)| !is_plain(spec, depth));
            let odd: serde_json::Map<String, Value> = odd.map(|(name, spec)| (name.clone(), spec.clone())).collect();
            return (!odd.is_empty()).then_some(Value::Object(odd));
        }
        Value::Array(list) => list.iter().all(|spec| is_plain(spec, depth)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    (!plain).then(|| value.clone())
}

/// Keys of a dependency that say which versions and parts of it are meant, not where it comes from.
const PLAIN_KEYS: &[&str] = &[
    "version",
    "features",
    "optional",
    "default-features",
    "workspace",
    "path",
    "package",
    "extras",
    "python",
    "markers",
    "include-group",
];

fn is_plain(spec: &Value, depth: usize) -> bool {
    match spec {
        Value::String(text) => text.starts_with("workspace:") || !text.contains([':', '/', '@']) || is_marked(text),
        Value::Object(fields) => fields.iter().all(|(key, value)| {
            let is_inside = |path: &str| stays_inside(path, depth);
            PLAIN_KEYS.contains(&key.as_str()) && (key != "path" || value.as_str().is_some_and(is_inside))
        }),
        Value::Bool(_) => true,
        Value::Null | Value::Number(_) | Value::Array(_) => false,
    }
}

/// Returns whether a path that begins this many directories below the workspace never leaves it.
fn stays_inside(path: &str, depth: usize) -> bool {
    let step = |depth: usize, part: &str| match part {
        "" | "." => Some(depth),
        ".." => depth.checked_sub(1),
        _ => Some(depth + 1),
    };
    !path.starts_with(['/', '~']) && !path.contains('\\') && path.split('/').try_fold(depth, step).is_some()
}

/// A Python requirement with a condition, as in `x>=1; sys_platform == "a/b"`.
fn is_marked(text: &str) -> bool {
    text.split_once(';').is_some_and(|(spec, _)| !spec.contains([':', '/', '@']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everyday(manifest: Manifest, before: &str, after: &str) -> bool {
        manifest.is_everyday("a", Some(before), after)
    }

    #[test]
    fn a_dependency_of_the_registry_is_everyday_and_a_script_is_not() {
        let npm = r#"{"name": "a", "scripts": {"test": "jest"}, "dependencies": {"x": "^1"}}"#;
        let is = |from: &str, to: &str| everyday(Manifest::Npm, npm, &npm.replace(from, to));
        assert!(is("\"^1\"", "\"^2.0.1\"") && is("\"x\"", "\"y\": \"1 || 2\", \"z\": \"workspace:*\", \"x\""));
        assert!(is("\"name\": \"a\"", "\"name\": \"b\", \"version\": \"2.0.0\""));
        for (from, to) in [
            ("jest", "jest; curl x|sh"),
            ("\"scripts\": {", "\"scripts\": {\"postinstall\": \"./x\", "),
            ("\"^1\"", "\"git+ssh://evil/x\""),
            ("\"^1\"", "\"evil/x\""),
            ("\"^1\"", "\"file:../x\""),
            ("\"^1\"", "\"npm:evil@1\""),
            ("\"name\"", "\"gypfile\": true, \"name\""),
            ("\"name\"", "\"overrides\": {\"x\": \"2\"}, \"name\""),
            ("\"name\"", "\"prettier\": {\"plugins\": [\"./x.js\"]}, \"name\""),
            ("\"name\"", "\"prettier\": \"./x.js\", \"name\""),
            ("{\"name\"", "{\"name"),
            ("{\"name\"", "\u{feff}{\"name\""),
        ] {
            assert!(!is(from, to), "{from} -> {to}");
        }
        assert!(Manifest::Npm.is_everyday("a", None, r#"{"name": "a", "dependencies": {"x": "1"}}"#));
        assert!(!Manifest::Npm.is_everyday("a", None, npm) && !Manifest::Npm.is_everyday("a", Some(npm), "{}"));
    }

    #[test]
    fn toml_files_are_compared_by_what_runs() {
        let cargo = "[package]\nname = \"a\"\n[dependencies]\nserde = \"1\"\n[features]\nx = []\n";
        let is = |more: &str| everyday(Manifest::Cargo, cargo, &format!("{cargo}{more}"));
        assert!(is("[dev-dependencies]\nproptest = { version = \"1\", features = [\"std\"] }\n"));
        assert!(is("[workspace]\nmembers = [\"x\"]\n[workspace.dependencies]\na = { path = \"a\" }\n"));
        assert!(is("[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n[[bin]]\nname = \"x\"\npath = \"x.rs\"\n"));
        for more in [
            "[build-dependencies]\ncc = \"1\"\n",
            "[dev-dependencies]\nx = { git = \"https://evil/x\" }\n",
            "[dev-dependencies]\nx = { path = \"/tmp/x\" }\n",
            "[dev-dependencies]\nx = { path = \"../../tmp/x\" }\n",
            "[dev-dependencies]\nx = { path = \"a/../../x\" }\n",
            "[dev-dependencies]\nx = { version = \"1\", registry = \"evil\" }\n",
            "[patch.crates-io]\nserde = { path = \"x\" }\n",
            "[profile.release]\noverflow-checks = false\n",
            "[lib]\nproc-macro = true\n",
        ] {
            assert!(!is(more), "{more}");
        }
        assert!(!everyday(Manifest::Cargo, cargo, &cargo.replace("name =", "build = \"x.rs\"\nname =")));
        let python = "[project]\nname = \"a\"\ndependencies = [\"requests>=2\"]\n[tool.ruff]\nline-length = 88\n";
        let is = |from: &str, to: &str| everyday(Manifest::Python, python, &python.replace(from, to));
        assert!(is("\"requests>=2\"", "\"requests>=3\", \"tomli; python_version < '3.11'\"") && is("88", "100"));
        assert!(!is("\"requests>=2\"", "\"requests @ https://evil/x.whl\""));
        for more in [
            "[build-system]\nrequires = [\"evil\"]\n",
            "[project.scripts]\na = \"a:main\"\n",
            "[tool.poe.tasks]\nx = \"y\"\n",
        ] {
            assert!(!is("[tool.ruff]", &format!("{more}[tool.ruff]")), "{more}");
        }
    }

    #[test]
    fn a_path_is_everyday_as_far_as_it_stays_in_the_workspace() {
        let more = |path: &str| format!("[dependencies]\nx = {{ path = \"{path}\" }}\n");
        let is = |at: &str, path: &str| Manifest::Cargo.is_everyday(at, Some(""), &more(path));
        assert!(
            is("crates/a/Cargo.toml", "../b") && is("crates/a/Cargo.toml", "../../x") && is("Cargo.toml", "a/../b")
        );
        assert!(!is("crates/a/Cargo.toml", "../../../x") && !is("Cargo.toml", "../x") && !is("Cargo.toml", "./../x"));
    }

    #[test]
    fn what_composer_loads_at_the_start_counts() {
        let composer = r#"{"name": "a", "autoload": {"psr-4": {"A\\": "src/"}}}"#;
        let is = |from: &str, to: &str| everyday(Manifest::Composer, composer, &composer.replace(from, to));
        assert!(is("src/", "lib/") && is("\"psr-4\"", "\"classmap\": [\"x\"], \"psr-4\""));
        assert!(
            !is("\"psr-4\"", "\"files\": [\"x.php\"], \"psr-4\"")
                && !is("\"autoload\"", "\"autoload-dev\": {\"files\": [\"x\"]}, \"autoload\"")
        );
    }

    #[test]
    fn lines_of_dependencies_and_sources_are_everyday_in_place() {
        let gradle = "plugins { id 'java' }\ndependencies {\n  implementation 'a:b:1.0'\n}\ntask x { exec {} }\n";
        let is = |from: &str, to: &str| everyday(Manifest::Gradle, gradle, &gradle.replace(from, to));
        assert!(is("'a:b:1.0'", "'a:b:2.0'") && is("}\ntask", "  testImplementation(\"c:d:1\")\n}\ntask"));
        assert!(!is("exec {}", "exec { commandLine 'x' }") && !is("'a:b:1.0'", "files('x.jar')"));
        let cmake = "add_executable(a\n  main.cpp\n)\n";
        assert!(everyday(Manifest::Cmake, cmake, "add_executable(a\n  main.cpp\n  src/b.cpp\n)\n"));
        assert!(!everyday(Manifest::Cmake, cmake, "execute_process(COMMAND x)\nadd_executable(a\n  main.cpp\n)\n"));
        assert!(everyday(Manifest::Gemfile, "gem 'a'\n", "gem 'a', '~> 1.0'\ngem \"b-c\"\n"));
        assert!(!everyday(Manifest::Gemfile, "gem 'a'\n", "gem 'a', git: 'https://evil'\n"));
        assert!(everyday(Manifest::Mix, "x\n{:a, \"~> 1.0\"}\n", "x\n{:a, \"~> 1.0\"},\n{:b, \">= 2.0.0\"}\n"));
        assert!(!Manifest::Gemfile.is_everyday("a", None, "gem 'a'\n"));
    }
}
