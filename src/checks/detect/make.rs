//! `make test`: the last resort, read by what its recipe starts.

use super::{ProjectView, Runner, Tool};
use crate::checks::parsers::ParserKind;

/// What a recipe names, and how its output is read.
const READ_AS: &[(&str, ParserKind)] = &[
    ("nextest", ParserKind::Nextest),
    ("cargo test", ParserKind::Libtest),
    ("pytest", ParserKind::Pytest),
    ("unittest", ParserKind::Unittest),
    ("go test -json", ParserKind::GoJson),
    ("go test", ParserKind::GoText),
    ("vitest", ParserKind::Vitest),
    ("jest", ParserKind::Jest),
    ("mocha", ParserKind::Mocha),
    ("--test-reporter=tap", ParserKind::Tap),
    ("node --test", ParserKind::NodeSpec),
];

pub fn detect(project: &ProjectView, out: &mut Vec<Runner>) -> Option<String> {
    let file = ["Makefile", "GNUmakefile"].into_iter().find(|f| project.has(f))?;
    for target in ["test", "check"] {
        let Some(recipe) = recipe(project.text(file), target) else {
            continue;
        };
        let found = READ_AS.iter().find(|(word, _)| recipe.contains(word));
        let (parser, confidence) = found.map_or((ParserKind::Tap, 25), |(_, kind)| (*kind, 50));
        let why = format!("the target `{target}` of {file}");
        out.push(Runner::new(Tool::Make, &["make", target], parser, confidence, why));
        return None;
    }
    None
}

/// The indented lines below `TARGET:`.
fn recipe(text: &str, target: &str) -> Option<String> {
    let mut lines = text.lines();
    lines.find(|l| {
        l.split_once(':')
            .is_some_and(|(names, rest)| !rest.starts_with('=') && names.split_whitespace().any(|n| n == target))
    })?;
    Some(lines.take_while(|l| l.starts_with(['\t', ' ']) || l.is_empty()).collect::<Vec<_>>().join("\n"))
}
