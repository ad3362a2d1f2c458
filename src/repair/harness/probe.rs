//! The blocks of a Rust program that each test runs, recorded without tools: a probe at the head of every block reports
//! its first visit on stderr.

use crate::repair::operators::functions;
use crate::repair::source::{Edit, Role, Source, descend, role};

/// The text that a probe prints before its number.
pub const HIT: &str = "@hit ";

/// One probed block: its file and the lines it runs itself, inner blocks left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub path: String,
    pub lines: Vec<u32>,
}

/// The text of a file with probes; numbers continue from `probes.len()`.
pub fn instrument(source: &Source, probes: &mut Vec<Probe>) -> Option<String> {
    let mut edits = Vec::new();
    for function in functions(source) {
        let head = source.slice(function).split('{').next().unwrap_or_default();
        let is_const = head.split_whitespace().any(|w| w == "const");
        let Some(body) = function.child_by_field_name("body").filter(|_| !is_const) else { continue };
        for block in descend(body).into_iter().filter(|n| role(*n) == Role::Block && !is_nested_function(*n, function))
        {
            let at = block.start_byte() + 1;
            if block.child(0).is_none_or(|c| c.kind() != "{") || edits.iter().any(|e: &Edit| e.range.start == at) {
                continue;
            }
            let number = probes.len();
            let text = format!(
                " {{ static H: ::std::sync::atomic::AtomicBool = ::std::sync::atomic::AtomicBool::new(false); if !H.swap(true, ::std::sync::atomic::Ordering::Relaxed) {{ ::std::eprintln!(\"{HIT}{number}@\"); }} }} "
            );
            edits.push(Edit { range: at..at, text });
            probes.push(Probe { path: source.path.to_string(), lines: own_lines(block) });
        }
    }
    source.with(&edits)
}

fn is_nested_function(block: tree_sitter::Node<'_>, function: tree_sitter::Node<'_>) -> bool {
    let mut at = block.parent();
    while let Some(node) = at {
        if node == function {
            return false;
        }
        if node.kind() == "const_block" || node.kind() == "function_item" || node.kind() == "const_item" {
            return true;
        }
        at = node.parent();
    }
    false
}

/// Lines of a block that are not lines of a block within it.
fn own_lines(block: tree_sitter::Node<'_>) -> Vec<u32> {
    let number = |row: usize| u32::try_from(row + 1).unwrap_or(u32::MAX);
    let inner: Vec<(u32, u32)> = descend(block)
        .into_iter()
        .filter(|n| *n != block && role(*n) == Role::Block)
        .map(|n| (number(n.start_position().row), number(n.end_position().row)))
        .collect();
    (number(block.start_position().row)..=number(block.end_position().row))
        .filter(|l| !inner.iter().any(|(from, to)| from < l && l < to))
        .collect()
}

/// The probes a test's output names.
pub fn hits(output: &str) -> impl Iterator<Item = usize> + '_ {
    output.split(HIT).skip(1).filter_map(|rest| rest.split('@').next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_knows_its_own_lines() {
        let text = "fn f(a: u32) -> u32 {\n    if a > 1 {\n        return 1;\n    }\n    a\n}\n";
        let source = Source::parse("src/lib.rs", text.to_owned()).unwrap();
        let mut probes = Vec::new();
        let out = instrument(&source, &mut probes).unwrap();
        assert!(!Source::parse("src/lib.rs", out).unwrap().tree.root_node().has_error());
        assert_eq!(probes.iter().map(|p| p.lines.clone()).collect::<Vec<_>>(), [vec![1, 2, 4, 5, 6], vec![2, 3, 4]]);
        assert_eq!(hits("test a ... @hit 0@\n@hit 12@\nok").collect::<Vec<_>>(), [0, 12]);
    }
}
