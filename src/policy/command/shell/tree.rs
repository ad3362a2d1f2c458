//! The full reader: walks the grammar's tree and collects every simple command, in text order.

use super::Part;
use crate::policy::limits::SIMPLE_COMMANDS_MAX;
use crate::syntax::{self, Language};
use tree_sitter::Node;

/// The result of a walk over the tree.
pub(super) struct Found {
    pub parts: Vec<Part>,
    /// The text is not shell, as far as the grammar knows.
    pub broken: bool,
    /// A loop or a function.
    pub repeats: bool,
    /// A construct that more than runs commands, in words.
    pub odd: Option<&'static str>,
}

/// Every command in `text`; `None` when it cannot be parsed within bounds.
pub(super) fn parts(text: &str) -> Option<Found> {
    // A scanner keeps each open here-document in a small state buffer; more than a few are not an honest line.
    if text.matches("<<").count() > 4 {
        return None;
    }
    // The grammar wants a line end after a here-document.
    let source = format!("{text}\n");
    let tree = syntax::parse(Language::Bash, source.as_bytes())?;
    let root = tree.root_node();
    let mut found = Found { parts: Vec::new(), broken: root.has_error(), repeats: false, odd: None };
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
                let (writes, reads) = redirects_of(node, source);
                found.parts.push(Part { words, writes, reads });
            }
        }
        "test_command" if node.child(0).is_some_and(|open| open.kind() == "[") => {
            let mut words = Vec::new();
            tested(node, source, &mut words);
            let (writes, reads) = redirects_of(node, source);
            found.parts.push(Part { words, writes, reads });
        }
        // `export`, `declare`, `unset` and `[[` have nodes of their own.
        "declaration_command" | "unset_command" | "test_command" => {
            let text = source.get(node.byte_range()).unwrap_or_default();
            let words = text.split_whitespace().map(|w| Some(w.to_owned())).collect();
            found.parts.push(Part::of(words));
            found.odd = Some("it changes the shell itself");
        }
        // The redirect of a block belongs to no command inside it.
        "redirected_statement" if !ends_with_command(node) => {
            let (writes, reads) = redirects(node, source);
            if !writes.is_empty() || !reads.is_empty() {
                found.parts.push(Part { words: Vec::new(), writes, reads });
            }
        }
        "function_definition" => {
            found.odd = Some("it defines a function");
            found.repeats = true;
        }
        "for_statement" | "c_style_for_statement" | "while_statement" => found.repeats = true,
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

/// Files that a command writes and reads: the grammar hangs the redirects of the last command of a list on the list.
fn redirects_of(command: Node<'_>, source: &str) -> (Vec<Option<String>>, Vec<Option<String>>) {
    let (mut writes, mut reads) = redirects(command, source);
    let mut node = command;
    while let Some(parent) = node.parent() {
        let is_last = || last_of(parent).is_some_and(|last| last.id() == node.id());
        match parent.kind() {
            "redirected_statement" => {
                let (w, r) = redirects(parent, source);
                writes.extend(w);
                reads.extend(r);
            }
            "pipeline" | "list" if is_last() => {}
            _ => break,
        }
        node = parent;
    }
    (writes, reads)
}

/// The last command of a pipeline or a list, or what a redirect belongs to.
fn last_of(node: Node<'_>) -> Option<Node<'_>> {
    match node.kind() {
        "redirected_statement" => node.child_by_field_name("body"),
        "pipeline" | "list" => {
            let mut cursor = node.walk();
            node.named_children(&mut cursor).filter(|c| c.kind() != "comment").last()
        }
        _ => None,
    }
}

fn ends_with_command(node: Node<'_>) -> bool {
    let mut at = node;
    while let Some(last) = last_of(at) {
        at = last;
    }
    matches!(at.kind(), "command" | "test_command")
}

/// The words of `[ … ]`: the leaves of its expressions, which have operators of their own.
fn tested(node: Node<'_>, source: &str, out: &mut Vec<Option<String>>) {
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        let whole = matches!(
            node.kind(),
            "word" | "number" | "string" | "raw_string" | "concatenation" | "simple_expansion" | "expansion" | "regex"
        );
        if whole || node.child_count() == 0 {
            let text = || source.get(node.byte_range()).map(str::to_owned);
            out.push(if node.child_count() == 0 && node.kind() != "raw_string" {
                text()
            } else {
                literal(node, source)
            });
            continue;
        }
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
        open.extend(children.into_iter().rev());
    }
}

/// Files written and files read by the redirects right below a node.
fn redirects(holder: Node<'_>, source: &str) -> (Vec<Option<String>>, Vec<Option<String>>) {
    let (mut writes, mut reads) = (Vec::new(), Vec::new());
    let mut cursor = holder.walk();
    for redirect in holder.named_children(&mut cursor).filter(|c| c.kind() == "file_redirect") {
        let text = source.get(redirect.byte_range()).unwrap_or_default();
        let to = redirect.child_by_field_name("destination").and_then(|d| literal(d, source));
        let sign = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let names_stream = |t: &str| t.chars().all(|c| c.is_ascii_digit() || c == '-');
        let joins_stream = (text.contains(">&") || text.contains("<&")) && to.as_deref().is_some_and(names_stream);
        if sign.starts_with('<') && !sign.starts_with("<>") {
            if !joins_stream {
                reads.push(to);
            }
        } else if !joins_stream && to.as_deref() != Some("/dev/null") {
            writes.push(to);
        }
    }
    (writes, reads)
}

/// Returns a word after quote removal, if no shell is needed to know it.
fn literal(node: Node<'_>, source: &str) -> Option<String> {
    let text = source.get(node.byte_range())?;
    match node.kind() {
        "word" | "number" => Some(unescape(text)),
        "raw_string" => Some(text.trim_start_matches('\'').strip_suffix('\'').unwrap_or_default().to_owned()),
        "string" => {
            let inner = text.strip_prefix('"')?.strip_suffix('"')?;
            unquoted(inner)
        }
        // How the command before ended: a number.
        "simple_expansion" if text == "$?" => Some("0".to_owned()),
        "command_name" | "concatenation" => {
            let mut cursor = node.walk();
            let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
            children.into_iter().map(|c| literal(c, source)).collect()
        }
        // Braces and the like inside a concatenation are anonymous: kept unchanged.
        _ if !node.is_named() => Some(text.to_owned()),
        _ => None,
    }
}

/// The inside of a double-quoted string, if nothing in it is expanded.
fn unquoted(inner: &str) -> Option<String> {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find(['$', '`', '\\']) {
        let (before, special) = rest.split_at(at);
        out.push_str(before);
        let mut chars = special.chars();
        let sign = chars.next()?;
        let next = chars.next();
        let (text, used) = match (sign, next) {
            ('\\', Some('$')) => ("$", 2),
            ('\\', Some('`')) => ("`", 2),
            ('\\', Some('"')) => ("\"", 2),
            ('\\', Some('\\')) => ("\\", 2),
            ('\\', Some(c)) if c != '\n' => ("\\", 1),
            ('$', Some('?')) => ("0", 2),
            ('$', None | Some(' ' | '|' | ')')) => ("$", 1),
            _ => return None,
        };
        out.push_str(text);
        rest = special.get(used..)?;
    }
    out.push_str(rest);
    Some(out)
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
