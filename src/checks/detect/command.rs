//! The output format of a configured test command, detected from its words.

use super::{ProjectView, javascript, make};
use crate::checks::parsers::ParserKind;

/// Scripts of `package.json` and targets of a makefile may call each other; no deeper than this.
const SCRIPT_DEPTH_MAX: usize = 4;

/// Returns the format of a command's output: of the runner that its words name, through the scripts of `package.json`
/// and the targets of the makefile. [`ParserKind::Auto`] where they name none.
pub fn format_of(line: &str, project: &ProjectView) -> ParserKind {
    named_in(line, project, SCRIPT_DEPTH_MAX).unwrap_or(ParserKind::Auto)
}

fn named_in(line: &str, project: &ProjectView, depth: usize) -> Option<ParserKind> {
    let parts = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | ';' | '&' | '|' | '(' | ')');
    let words: Vec<&str> = line.split(parts).collect();
    let name = |word: &str| word.rsplit('/').next().unwrap_or(word).trim_end_matches(".js").to_owned();
    let names: Vec<String> = words.iter().filter(|w| !w.is_empty()).map(|w| name(w)).collect();
    let has = |word: &str| names.iter().any(|n| n == word);
    let flag = |start: &str| words.iter().any(|w| w.starts_with(start));
    // Programs that name their own format first: a package manager only runs them.
    if has("pytest") || has("py.test") {
        return Some(ParserKind::Pytest);
    }
    if has("unittest") {
        return Some(ParserKind::Unittest);
    }
    if has("cargo-nextest") || (has("cargo") && has("nextest")) {
        return Some(ParserKind::Nextest);
    }
    if has("cargo") && (has("test") || has("t")) {
        return Some(ParserKind::Libtest);
    }
    if has("go") && has("test") {
        return Some(if has("-json") || has("--json") { ParserKind::GoJson } else { ParserKind::GoText });
    }
    if has("jest") {
        return Some(if has("--json") { ParserKind::JestJson } else { ParserKind::Jest });
    }
    if has("vitest") {
        return Some(if flag("--reporter=json") { ParserKind::JestJson } else { ParserKind::Vitest });
    }
    if has("mocha") {
        let tap = flag("--reporter=tap") || has("tap");
        return Some(if tap { ParserKind::Tap } else { ParserKind::Mocha });
    }
    if has("node") && has("--test") {
        return Some(if flag("--test-reporter=tap") { ParserKind::Tap } else { ParserKind::NodeSpec });
    }
    if has("prove") || has("bats") {
        return Some(ParserKind::Tap);
    }
    if has("rspec") {
        let is_json =
            words.windows(2).any(|pair| matches!(pair, ["--format" | "-f", "json" | "j"])) || flag("--format=json");
        return is_json.then_some(ParserKind::RspecJson);
    }
    if has("phpunit") || has("ctest") {
        return (flag("--log-junit") || flag("--output-junit")).then_some(ParserKind::JunitAtEnd);
    }
    if has("dotnet") && has("test") {
        return Some(ParserKind::Dotnet);
    }
    if ["npm", "yarn", "pnpm", "bun"].iter().any(|m| has(m)) && depth > 0 {
        let script = names.iter().map(String::as_str).find(|n| javascript::script(project, n).is_some());
        let script = script.or_else(|| has("t").then_some("test"))?;
        return named_in(&javascript::script(project, script)?, project, depth - 1);
    }
    if has("make") && depth > 0 {
        return names.iter().find_map(|name| named_in(&make::started_by(project, name)?, project, depth - 1));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_command_tell_its_format() {
        let package = r#"{"scripts": {"test": "npm run unit", "unit": "cross-env CI=1 jest --ci", "loop": "npm run loop", "odd": "./check"}}"#;
        let project =
            ProjectView { texts: [("package.json".to_owned(), package.to_owned())].into(), ..Default::default() };
        for (line, format) in [
            ("python3 -m pytest -x tests", ParserKind::Pytest),
            ("uv run pytest", ParserKind::Pytest),
            ("python3 -m unittest -v test_u", ParserKind::Unittest),
            ("cargo test --workspace", ParserKind::Libtest),
            ("cargo +nightly nextest run", ParserKind::Nextest),
            ("cd sub && go test -v ./...", ParserKind::GoText),
            ("go test -json ./...", ParserKind::GoJson),
            ("npx vitest run", ParserKind::Vitest),
            ("./node_modules/.bin/mocha --reporter tap", ParserKind::Tap),
            ("node --test", ParserKind::NodeSpec),
            ("bats t", ParserKind::Tap),
            ("npm test", ParserKind::Jest),
            ("npm t", ParserKind::Jest),
            ("yarn unit", ParserKind::Jest),
            ("npm run loop", ParserKind::Auto),
            ("npm run odd", ParserKind::Auto),
            ("make check", ParserKind::Auto),
            ("", ParserKind::Auto),
        ] {
            assert_eq!(format_of(line, &project), format, "{line}");
        }
    }
}
