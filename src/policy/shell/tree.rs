//! The full reader: walks the grammar's tree and collects every simple command, in text order.

use tree_sitter::Node;

use super::Part;
use crate::base::limits::SIMPLE_COMMANDS_MAX;
use crate::syntax::{self, Language};

/// What a walk over the tree found.
pub(super) struct Found {
    pub parts: Vec<Part>,
    /// The text is not shell, as far as the grammar knows.
    pub broken: bool,
    /// A construct that more than runs commands, in words.
    pub odd: Option<&'static str>,
}

/// Every command in `text`; `None` when it cannot be parsed within bounds.
pub(super) fn parts(text: &str) -> Option<Found> {
    // A scanner keeps each open here-document in a small state buffer; more than a few are no honest line.
    if text.matches("<<").count() > 4 {
        return None;
    }
    // The grammar wants a line end after a here-document.
    let source = format!("{text}\n");
    let tree = syntax::parse(Language::Bash, source.as_bytes())?;
    let root = tree.root_node();
    let mut found = Found { parts: Vec::new(), broken: root.has_error(), odd: None };
    let mut open = vec![root];
    // A stack instead of recursion: the depth is the sender's choice.
    while let Some(node) = open.pop() {
        visit(node, &source, &mut found);
        if found.parts.len() > SIMPLE_COMMANDS_MAX * 4 {
            return None;
        }
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
        open.extend(children.into_iter().rev());
    }
    Some(found)
}

fn visit(node: Node<'_>, source: &str, found: &mut Found) {
    match node.kind() {
        "command" => {
            let words = words(node, source);
            if !words.is_empty() {
                found.parts.push(Part { words, writes: writes(node, source) });
            }
        }
        // `export`, `declare`, `unset`, `test` and `[` have nodes of their own.
        "declaration_command" | "unset_command" | "test_command" => {
            let text = source.get(node.byte_range()).unwrap_or_default();
            let words = text.split_whitespace().map(|w| Some(w.to_owned())).collect();
            found.parts.push(Part { words, writes: Vec::new() });
            found.odd = Some("it changes the shell itself");
        }
        // The redirect of a pipeline, a list or a block belongs to no command inside it.
        "redirected_statement" if node.child_by_field_name("body").is_none_or(|b| b.kind() != "command") => {
            let writes = writes_of(node, source);
            if !writes.is_empty() {
                found.parts.push(Part { words: Vec::new(), writes });
            }
        }
        "function_definition" => found.odd = Some("it defines a function"),
        "variable_assignment" => found.odd = Some("it sets a variable"),
        _ => {}
    }
}

/// The name and arguments of a command node.
fn words(node: Node<'_>, source: &str) -> Vec<Option<String>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor)
        .filter(|c| {
            !matches!(
                c.kind(),
                "variable_assignment" | "file_redirect" | "herestring_redirect" | "heredoc_redirect" | "comment"
            )
        })
        .map(|c| literal(c, source))
        .collect()
}

/// Files written by the redirects of a command or of the statement around it.
fn writes(node: Node<'_>, source: &str) -> Vec<Option<String>> {
    let around = node.parent().filter(|p| p.kind() == "redirected_statement");
    around.into_iter().chain([node]).flat_map(|holder| writes_of(holder, source)).collect()
}

/// Files written by the redirects right below a node.
fn writes_of(holder: Node<'_>, source: &str) -> Vec<Option<String>> {
    let mut out = Vec::new();
    let mut cursor = holder.walk();
    for redirect in holder.named_children(&mut cursor).filter(|c| c.kind() == "file_redirect") {
        let text = source.get(redirect.byte_range()).unwrap_or_default();
        if !text.contains('>') {
            continue;
        }
        let to = redirect.child_by_field_name("destination").and_then(|d| literal(d, source));
        let joins_stream =
            text.contains(">&") && to.as_deref().is_some_and(|t| t.chars().all(|c| c.is_ascii_digit() || c == '-'));
        if !joins_stream && to.as_deref() != Some("/dev/null") {
            out.push(to);
        }
    }
    out
}

/// What a word is after quote removal, if no shell is needed to know it.
fn literal(node: Node<'_>, source: &str) -> Option<String> {
    let text = source.get(node.byte_range())?;
    match node.kind() {
        "word" | "number" => Some(unescape(text)),
        "raw_string" => Some(text.trim_start_matches('\'').strip_suffix('\'').unwrap_or_default().to_owned()),
        "string" => {
            let inner = text.strip_prefix('"')?.strip_suffix('"')?;
            (!inner.contains(['$', '`', '\\'])).then(|| inner.to_owned())
        }
        "command_name" | "concatenation" => {
            let mut cursor = node.walk();
            let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
            children.into_iter().map(|c| literal(c, source)).collect()
        }
        // Braces and the like inside a concatenation are anonymous: kept as they stand.
        _ if !node.is_named() => Some(text.to_owned()),
        _ => None,
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next().filter(|next| *next != '\n')),
            _ => out.push(c),
        }
    }
    out
}
