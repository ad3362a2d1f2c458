//! `make test`: the last resort, read by what its recipe starts.

use super::{ProjectView, Runner, Tool, format_of};
use crate::checks::parsers::ParserKind;

pub fn detect(project: &ProjectView, out: &mut Vec<Runner>) -> Option<String> {
    let file = makefile(project)?;
    for target in ["test", "check"] {
        let Some(recipe) = recipe(project.text(file), target) else {
            continue;
        };
        let parser = format_of(&recipe, project);
        let confidence = if parser == ParserKind::Auto { 25 } else { 50 };
        let why = format!("the target `{target}` of {file}");
        out.push(Runner::new(Tool::Make, &["make", target], parser, confidence, why));
        return None;
    }
    None
}

fn makefile(project: &ProjectView) -> Option<&'static str> {
    ["Makefile", "GNUmakefile"].into_iter().find(|f| project.has(f))
}

/// Returns the command that a target of the project's makefile starts.
pub(super) fn started_by(project: &ProjectView, target: &str) -> Option<String> {
    recipe(project.text(makefile(project)?), target)
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
