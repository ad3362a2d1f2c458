//! Commands that change guarded files without naming them: `git config`, and tools that generate, install or lock.

use super::{Guard, guarded};
use crate::policy::command::programs::base_name;
use crate::policy::command::repository::is_harmless_setting;

/// The first words of a command, without options, and the file that it writes.
const WRITERS: &[(&str, &str)] = &[
    ("git submodule add", ".gitmodules"),
    ("git lfs install", ".git/hooks/pre-push"),
    ("git lfs track", ".gitattributes"),
    ("husky", ".husky/pre-commit"),
    ("pre-commit install", ".git/hooks/pre-commit"),
    ("pre-commit autoupdate", ".pre-commit-config.yaml"),
    ("lefthook install", ".git/hooks/pre-commit"),
    ("lefthook add", "lefthook.yml"),
    ("overcommit", ".git/hooks/pre-commit"),
    ("simple-git-hooks", ".git/hooks/pre-commit"),
    ("npm pkg set", "package.json"),
    ("npm pkg delete", "package.json"),
    ("npm set-script", "package.json"),
    ("corepack use", "package.json"),
    ("npm config set", ".npmrc"),
    ("npm set", ".npmrc"),
    ("pnpm config set", ".npmrc"),
    ("yarn config set", ".yarnrc.yml"),
    ("yarn set version", ".yarnrc.yml"),
    ("yarn plugin import", ".yarnrc.yml"),
    ("composer config", "composer.json"),
    ("pip config set", "pip.conf"),
    ("bundle config set", ".bundle/config"),
    ("docker init", "Dockerfile"),
    ("gradle wrapper", "gradlew"),
    ("gradlew wrapper", "gradlew"),
    ("mvn wrapper:wrapper", "mvnw"),
    ("direnv edit", ".envrc"),
    ("mise use", "mise.toml"),
    ("mise set", "mise.toml"),
    ("asdf local", ".tool-versions"),
    ("asdf set", ".tool-versions"),
    ("claude mcp add", ".mcp.json"),
    ("claude mcp add-json", ".mcp.json"),
    ("claude mcp remove", ".mcp.json"),
    ("claude plugin install", ".claude/settings.json"),
    ("claude config set", ".claude/settings.json"),
    ("gemini mcp add", ".gemini/settings.json"),
    ("codex mcp add", ".codex/config.toml"),
    ("qwen mcp add", ".qwen/settings.json"),
    ("gh workflow enable", ".github/workflows"),
    ("gh workflow disable", ".github/workflows"),
    ("gh secret set", ".github/workflows"),
    ("gh variable set", ".github/workflows"),
    ("fly launch", "fly.toml"),
    ("vercel link", "vercel.json"),
    ("cargo update", "Cargo.lock"),
    ("cargo generate-lockfile", "Cargo.lock"),
    ("npm shrinkwrap", "npm-shrinkwrap.json"),
    ("npm audit fix", "package-lock.json"),
    ("uv lock", "uv.lock"),
    ("poetry lock", "poetry.lock"),
    ("pdm lock", "pdm.lock"),
    ("pipenv lock", "Pipfile.lock"),
    ("bundle lock", "Gemfile.lock"),
    ("go mod tidy", "go.sum"),
];

/// Options of git that take the next word.
const GIT_VALUES: &[&str] = &["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env"];

/// What of `git config` only reads.
const GIT_READS: &[&str] = &["list", "get", "get-color", "get-colorbool", "get-regexp", "get-all", "get-urlmatch"];

/// Returns the guard over what a command writes without naming it, and the word for it.
pub fn written_by(words: &[Option<String>]) -> Option<(Guard, String)> {
    let known: Vec<&str> = words.iter().map_while(|word| word.as_deref()).collect();
    let starters = ["npx", "bunx", "pnpx"];
    let own = known.iter().position(|word| !starters.contains(&base_name(word)) && !word.starts_with('-'))?;
    let (program, rest) = known.get(own..)?.split_first()?;
    let program = base_name(program);
    if program == "git"
        && let Some(found) = git_config(rest)
    {
        return Some(found);
    }
    let plain = rest.iter().copied().filter(|word| !word.starts_with('-'));
    let begins = |writer: &str| {
        let mut own = std::iter::once(program).chain(plain.clone());
        writer.split(' ').all(|word| own.next() == Some(word))
    };
    let (_, file) = WRITERS.iter().find(|(writer, _)| begins(writer))?;
    Some((guarded(file)?, file.rsplit('/').next().unwrap_or(file).to_owned()))
}

/// A change of a setting that is not known to run nothing.
fn git_config(words: &[&str]) -> Option<(Guard, String)> {
    let mut rest = words.iter().copied();
    let command = loop {
        let word = rest.next()?;
        if GIT_VALUES.contains(&word) {
            rest.next();
        } else if !word.starts_with('-') {
            break word;
        }
    };
    if command != "config" {
        return None;
    }
    let words: Vec<&str> = rest.collect();
    let reads = |word: &&str| GIT_READS.contains(&word.trim_start_matches('-')) || matches!(*word, "-l" | "--get");
    let operands: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with('-')).collect();
    let writes = ["--unset", "--unset-all", "--add", "--replace-all", "--edit", "-e", "--remove-section"];
    let is_alone = operands.len() < 2 && !words.iter().any(|word| writes.contains(word));
    if words.iter().take_while(|word| word.starts_with('-')).any(reads)
        || operands.first().is_some_and(reads)
        || is_alone && !matches!(operands.first(), Some(&"edit"))
    {
        return None;
    }
    let key = operands.iter().find(|word| word.contains('.')).copied();
    let is_harmless = key.is_some_and(|key| {
        let parts = key.split_once('.').zip(key.rsplit_once('.'));
        parts.is_some_and(|((section, _), (_, name))| {
            is_harmless_setting(&section.to_ascii_lowercase(), &name.to_ascii_lowercase())
        })
    });
    let guard = guarded(".git/config").filter(|_| !is_harmless)?;
    Some((guard, key.unwrap_or("config").to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(line: &str) -> Option<String> {
        let words: Vec<Option<String>> = line.split(' ').map(|word| Some(word.to_owned())).collect();
        written_by(&words).map(|(_, word)| word)
    }

    #[test]
    fn every_writer_writes_a_guarded_file() {
        for (writer, file) in WRITERS {
            assert!(guarded(file).is_some(), "{writer}: {file}");
            assert!(word(writer).is_some(), "{writer}");
        }
    }

    #[test]
    fn git_config_is_guarded_where_it_sets_what_runs() {
        for (line, key) in [
            ("git config core.hooksPath /tmp/x", "core.hooksPath"),
            ("git config --local core.fsmonitor ./x", "core.fsmonitor"),
            ("git -C sub config --add filter.x.clean ./x", "filter.x.clean"),
            ("/usr/bin/git -c a.b=c config set alias.st !x", "alias.st"),
            ("git config --unset core.hooksPath", "core.hooksPath"),
            ("git config diff.x.textconv ./x", "diff.x.textconv"),
            ("git config --global include.path x", "include.path"),
            ("git config --edit", "config"),
            ("git config edit", "config"),
            ("git config credential.x.helper.odd !x", "credential.x.helper.odd"),
        ] {
            let expected = (!key.starts_with("credential")).then(|| key.to_owned());
            assert_eq!(word(line), expected, "{line}");
        }
        for line in [
            "git config user.name x",
            "git config core.hooksPath",
            "git config --get core.hooksPath",
            "git config get core.hooksPath",
            "git config --list",
            "git config -l",
            "git config remote.origin.url x",
            "git status",
            "npm pkg get name",
            "npm test",
            "claude mcp list",
            "cargo build",
        ] {
            assert_eq!(word(line), None, "{line}");
        }
    }
}
