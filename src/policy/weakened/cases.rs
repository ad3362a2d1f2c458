//! A source to its test cases, each with what it checks.

use super::strength::{EXACT, strength};
use crate::policy::limits::{WEAKENED_CASE_CHECKS_MAX, WEAKENED_CASES_MAX, WEAKENED_CHECKS_MAX, WEAKENED_DEPTH_MAX};
use crate::syntax::{Language, parse};
use std::rc::Rc;
use tree_sitter::Node;

/// One test case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Case {
    /// Groups and name, joined by " > ".
    pub name: String,
    /// From 1.
    pub line: u32,
    pub skipped: bool,
    /// Marked so that the others do not run.
    pub only: bool,
    pub checks: Vec<Check>,
    /// Its code on one line.
    pub code: String,
    /// The byte at which it returns, whatever happens.
    pub returns_at: Option<usize>,
}

/// One assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub name: String,
    pub args: Vec<String>,
    /// What it is about.
    pub subject: String,
    /// On one line.
    pub text: String,
    pub line: u32,
    pub at: usize,
    pub strength: u8,
    pub caught: bool,
    pub conditional: bool,
}

/// The cases of a source; `None` when it cannot be parsed.
pub fn of(language: Language, source: &[u8]) -> Option<Vec<Case>> {
    let text = std::str::from_utf8(source).ok()?;
    let tree = parse(language, source)?;
    let mut reader = Reader { language, text, cases: Vec::new(), checks: 0 };
    let around = Around { depth: 0, groups: "".into(), skipped: false, case: None, caught: false, condition: None };
    reader.walk(tree.root_node(), &around);
    Some(reader.cases)
}

/// What is around a node.
#[derive(Clone)]
struct Around {
    depth: usize,
    /// Names, each followed by " > ".
    groups: Rc<str>,
    skipped: bool,
    case: Option<usize>,
    caught: bool,
    /// The condition of the nearest `if` of the case, and whether the node is below one.
    condition: Option<Rc<str>>,
}

/// What a node is.
enum Found {
    Case { name: String, skipped: bool, only: bool },
    Group { name: String, skipped: bool, only: bool },
    Check { name: String, args: Vec<String>, subject: String },
    Skip,
    Caught,
    If(String),
    Return,
    Nothing,
}

struct Reader<'t> {
    language: Language,
    text: &'t str,
    cases: Vec<Case>,
    checks: usize,
}

/// A code text on one line, without the blanks that formatters move.
pub fn one_line(code: &str) -> String {
    let joined = code.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.replace("( ", "(").replace(" )", ")").replace(",)", ")").replace("[ ", "[").replace(" ]", "]")
}

impl<'t> Reader<'t> {
    fn of(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn field(&self, node: Node<'_>, name: &str) -> &'t str {
        node.child_by_field_name(name).map_or("", |child| self.of(child))
    }

    fn walk(&mut self, node: Node<'_>, around: &Around) {
        if around.depth > WEAKENED_DEPTH_MAX || self.cases.len() >= WEAKENED_CASES_MAX {
            return;
        }
        let mut inner = Around { depth: around.depth + 1, ..around.clone() };
        let found = if node.is_named() { self.what(node) } else { Found::Nothing };
        match found {
            // A case in a case is a part of it.
            Found::Case { name, skipped, only } if around.case.is_none() => {
                inner.case = Some(self.cases.len());
                let name = format!("{}{name}", around.groups);
                let skipped = skipped || around.skipped;
                let code = one_line(self.of(node));
                self.cases.push(Case { name, line: line_of(node), skipped, only, code, ..Case::default() });
            }
            Found::Group { name, skipped, only } if around.case.is_none() => {
                inner.groups = format!("{}{name} > ", around.groups).into();
                inner.skipped |= skipped;
                if only {
                    self.cases.push(Case { name, line: line_of(node), only, ..Case::default() });
                }
            }
            Found::Check { name, args, subject } => return self.check(node, around, (name, args, subject)),
            Found::Skip => self.in_case(around, |case| case.skipped = true),
            Found::Caught => inner.caught = true,
            Found::If(condition) => inner.condition = Some(condition.into()),
            Found::Return if around.condition.is_none() && !around.caught => {
                self.in_case(around, |case| case.returns_at = case.returns_at.or(Some(node.start_byte())));
            }
            Found::Case { .. } | Found::Group { .. } | Found::Return | Found::Nothing => {}
        }
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
        for child in children {
            self.walk(child, &inner);
        }
    }

    fn in_case(&mut self, around: &Around, change: impl FnOnce(&mut Case)) {
        if let Some(case) = around.case.and_then(|at| self.cases.get_mut(at)) {
            change(case);
        }
    }

    fn check(&mut self, node: Node<'_>, around: &Around, (name, args, subject): (String, Vec<String>, String)) {
        if self.checks >= WEAKENED_CHECKS_MAX {
            return;
        }
        self.checks += 1;
        // In Go the condition is what is checked.
        let is_report = self.language == Language::Go && is_go_report(&name);
        let condition = around.condition.as_ref().filter(|_| is_report);
        let (args, subject) = match condition {
            Some(condition) => (vec![condition.to_string()], condition.to_string()),
            None => (args, subject),
        };
        let strength = match (is_report, condition) {
            (true, Some(_)) => strength("if", &args, true),
            (true, None) => EXACT,
            (false, _) => strength(&name, &args, false),
        };
        let text = condition.map_or_else(|| one_line(self.of(node)), |condition| format!("if {condition}"));
        let check = Check {
            name,
            args,
            subject,
            text,
            line: line_of(node),
            at: node.start_byte(),
            strength,
            caught: around.caught,
            conditional: around.condition.is_some() && !is_report,
        };
        self.in_case(around, |case| {
            if case.checks.len() < WEAKENED_CASE_CHECKS_MAX {
                case.checks.push(check);
            }
        });
    }

    fn what(&self, node: Node<'_>) -> Found {
        match (self.language, node.kind()) {
            (_, "if_statement" | "if_expression" | "if" | "unless") => {
                Found::If(one_line(self.field(node, "condition")))
            }
            (_, "try_statement")
                if node.child_by_field_name("handler").is_some() || has_kind(node, "except_clause") =>
            {
                Found::Caught
            }
            (Language::Java, "try_statement") if has_kind(node, "catch_clause") => Found::Caught,
            (Language::Ruby, "begin") if has_kind(node, "rescue") => Found::Caught,
            (_, "return_statement" | "return_expression" | "return") => Found::Return,
            (Language::Python, _) => self.python(node),
            (Language::JavaScript | Language::TypeScript | Language::Tsx, _) => self.javascript(node),
            (Language::Rust, _) => self.rust(node),
            (Language::Go, _) => self.go(node),
            (Language::Java, _) => self.java(node),
            (Language::Ruby, _) => self.ruby(node),
            _ => Found::Nothing,
        }
    }

    /// The decorators or attributes in front of a definition.
    fn marks(&self, node: Node<'_>) -> String {
        let mut marks = String::new();
        if let Some(parent) = node.parent().filter(|parent| parent.kind() == "decorated_definition") {
            marks.push_str(self.text.get(parent.start_byte()..node.start_byte()).unwrap_or_default());
        }
        let mut before = node.prev_sibling();
        while let Some(mark) = before.filter(|mark| matches!(mark.kind(), "attribute_item" | "line_comment")) {
            if mark.kind() == "attribute_item" {
                marks.push_str(self.of(mark));
            }
            before = mark.prev_sibling();
        }
        let mut cursor = node.walk();
        let modifiers = node.children(&mut cursor).find(|child| child.kind() == "modifiers");
        marks.push_str(modifiers.map_or("", |modifiers| self.of(modifiers)));
        marks
    }

    fn python(&self, node: Node<'_>) -> Found {
        let name = self.field(node, "name");
        let is_skipped = || ["skip", "xfail", "expectedFailure"].iter().any(|word| self.marks(node).contains(word));
        match node.kind() {
            "function_definition" if name.starts_with("test") => {
                Found::Case { name: name.to_owned(), skipped: is_skipped(), only: false }
            }
            "class_definition" => Found::Group { name: name.to_owned(), skipped: is_skipped(), only: false },
            "assert_statement" => {
                let condition = node.named_child(0).map_or("", |child| self.of(child));
                self.assertion("assert", vec![one_line(condition)])
            }
            "call" => self.call(node),
            _ => Found::Nothing,
        }
    }

    fn rust(&self, node: Node<'_>) -> Found {
        let name = self.field(node, "name");
        match node.kind() {
            "function_item" => {
                let marks = self.marks(node);
                let is_test = ["#[test", "::test", "#[rstest", "#[case", "#[bench", "#[quickcheck"];
                match is_test.iter().any(|mark| marks.contains(mark)) {
                    true => Found::Case { name: name.to_owned(), skipped: marks.contains("#[ignore"), only: false },
                    false => Found::Nothing,
                }
            }
            "mod_item" => Found::Group { name: name.to_owned(), skipped: false, only: false },
            "macro_invocation" => {
                let path = self.field(node, "macro");
                let last = path.rsplit("::").next().unwrap_or(path);
                if !is_assertion(last) {
                    return Found::Nothing;
                }
                let mut cursor = node.walk();
                let tokens = node.children(&mut cursor).find(|child| child.kind() == "token_tree");
                let text = tokens.map_or("", |tokens| self.of(tokens));
                let inside = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
                self.assertion(last, split_args(inside))
            }
            "call_expression" => self.call(node),
            _ => Found::Nothing,
        }
    }

    fn go(&self, node: Node<'_>) -> Found {
        let name = self.field(node, "name");
        match node.kind() {
            "function_declaration" if ["Test", "Fuzz", "Example"].iter().any(|head| name.starts_with(head)) => {
                Found::Case { name: name.to_owned(), skipped: false, only: false }
            }
            "call_expression" => {
                let links = self.chain(node);
                let last = links.last().map_or("", |link| link.word.as_str());
                match last {
                    "Skip" | "Skipf" | "SkipNow" => Found::Skip,
                    _ if is_go_report(last) => {
                        let args = links.last().and_then(|link| link.args.clone()).unwrap_or_default();
                        Found::Check { name: last.to_owned(), subject: String::new(), args }
                    }
                    _ => self.call(node),
                }
            }
            _ => Found::Nothing,
        }
    }

    fn java(&self, node: Node<'_>) -> Found {
        let name = self.field(node, "name").to_owned();
        let marks = || self.marks(node);
        let is_skipped = |marks: &str| ["@Disabled", "@Ignore"].iter().any(|mark| marks.contains(mark));
        match node.kind() {
            "method_declaration" => {
                let marks = marks();
                let is_test = ["@Test", "@ParameterizedTest", "@RepeatedTest", "@Property"];
                match is_test.iter().any(|mark| marks.contains(mark)) {
                    true => Found::Case { name, skipped: is_skipped(&marks), only: false },
                    false => Found::Nothing,
                }
            }
            "class_declaration" => Found::Group { name, skipped: is_skipped(&marks()), only: false },
            "assert_statement" => {
                let condition = node.named_child(0).map_or("", |child| self.of(child));
                self.assertion("assert", vec![one_line(condition)])
            }
            "method_invocation" => self.call(node),
            _ => Found::Nothing,
        }
    }

    fn javascript(&self, node: Node<'_>) -> Found {
        if !matches!(node.kind(), "call_expression" | "member_expression") {
            return Found::Nothing;
        }
        if node.kind() == "call_expression" {
            let callee = self.field(node, "function");
            let root: String = callee.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let name = || {
                let args = node.child_by_field_name("arguments").and_then(|args| args.named_child(0));
                args.map(|arg| self.of(arg).trim_matches(['"', '\'', '`']).to_owned())
            };
            let skipped = callee.contains(".skip") || callee.contains(".todo") || root.starts_with('x');
            let only = callee.contains(".only") || matches!(root.as_str(), "fit" | "fdescribe");
            let is_named = |name: &Option<String>| name.is_some() && !callee.ends_with(".each");
            match root.as_str() {
                "it" | "test" | "specify" | "xit" | "xtest" | "fit" => {
                    let name = name();
                    if is_named(&name) {
                        return Found::Case { name: name.unwrap_or_default(), skipped, only };
                    }
                }
                "describe" | "context" | "suite" | "xdescribe" | "fdescribe" => {
                    let name = name();
                    if is_named(&name) {
                        return Found::Group { name: name.unwrap_or_default(), skipped, only };
                    }
                }
                _ => {}
            }
        }
        self.call(node)
    }

    fn ruby(&self, node: Node<'_>) -> Found {
        let name = self.field(node, "name");
        match node.kind() {
            "method" if name.starts_with("test") => Found::Case { name: name.to_owned(), skipped: false, only: false },
            "class" | "module" => Found::Group { name: name.to_owned(), skipped: false, only: false },
            "identifier" if matches!(self.of(node), "skip" | "pending") => Found::Skip,
            "call" => {
                let (method, has_block) = (self.field(node, "method"), node.child_by_field_name("block").is_some());
                let args = node.child_by_field_name("arguments").and_then(|args| args.named_child(0));
                let name = args.map_or("", |arg| self.of(arg)).trim_matches(['"', '\'']).to_owned();
                let group = ["describe", "context", "feature", "xdescribe", "xcontext", "fdescribe"];
                let case = ["it", "specify", "test", "example", "scenario", "xit", "fit"];
                let (skipped, only) = (method.starts_with('x'), method.starts_with("fit") || method == "fdescribe");
                match method {
                    "skip" | "pending" => Found::Skip,
                    _ if has_block && group.contains(&method) => Found::Group { name, skipped, only },
                    _ if has_block && case.contains(&method) => Found::Case { name, skipped, only },
                    _ => self.call(node),
                }
            }
            _ => Found::Nothing,
        }
    }

    /// A call as an assertion, if it is one.
    fn call(&self, node: Node<'_>) -> Found {
        let links = self.chain(node);
        let plain = |word: &str| matches!(word, "self" | "cls" | "t" | "this" | "Assert" | "Assertions");
        let words: Vec<&str> = links.iter().map(|link| link.word.as_str()).filter(|word| !plain(word)).collect();
        let Some(last) = links.iter().rev().find(|link| link.args.is_some()) else { return Found::Nothing };
        let root = words.first().copied().unwrap_or_default();
        match last.word.as_str() {
            "skipTest" | "skip" | "xfail" | "importorskip" | "assumeTrue" | "assumeFalse" if links.len() <= 2 => {
                return Found::Skip;
            }
            _ => {}
        }
        let is_root = matches!(root, "expect" | "assert" | "assertThat" | "verify" | "must" | "require" | "should");
        let is_should = words.iter().any(|word| matches!(*word, "should" | "must_equal" | "wont_equal"));
        let is_raises = matches!(last.word.as_str(), "raises" | "warns" | "assertRaises");
        if !(is_assertion(&last.word) || (is_root && node.kind() != "identifier") || is_should || is_raises) {
            return Found::Nothing;
        }
        // A `require` that loads a module is none.
        if self.language != Language::Go && root == "require" {
            return Found::Nothing;
        }
        let name = words.join(".");
        let mut args = last.args.clone().unwrap_or_default();
        let first = links.iter().find_map(|link| link.args.as_ref());
        let subject = match first {
            Some(first) if links.iter().filter(|link| link.args.is_some()).count() > 1 => {
                first.first().cloned().unwrap_or_default()
            }
            Some(_) | None => args.first().cloned().unwrap_or_default(),
        };
        if self.language == Language::Ruby && words.iter().any(|word| matches!(*word, "to" | "not_to" | "to_not")) {
            // The matcher is the argument: `expect(x).to eq(3)`.
            let matcher = args.first().cloned().unwrap_or_default();
            let (word, inside) = matcher.split_once(['(', ' ']).unwrap_or((&matcher, ""));
            args = split_args(inside.trim_end_matches(')'));
            return Found::Check { name: format!("{name}.{word}"), args, subject };
        }
        Found::Check { name, args, subject }
    }

    fn assertion(&self, name: &str, args: Vec<String>) -> Found {
        let subject = args.first().cloned().unwrap_or_default();
        Found::Check { name: name.to_owned(), args, subject }
    }

    /// The words of a call and of what it is called on, from the left, each with its arguments.
    fn chain(&self, node: Node<'_>) -> Vec<Link> {
        let mut links = Vec::new();
        self.link(node, &mut links, 0);
        links
    }

    fn link(&self, node: Node<'_>, links: &mut Vec<Link>, depth: usize) {
        if depth > WEAKENED_DEPTH_MAX {
            return;
        }
        let on =
            ["function", "receiver", "object", "operand", "value"].iter().find_map(|f| node.child_by_field_name(f));
        let word =
            ["property", "attribute", "field", "method", "name"].iter().find_map(|f| node.child_by_field_name(f));
        if let Some(on) = on {
            self.link(on, links, depth + 1);
        }
        match (word, on) {
            (Some(word), _) => links.push(Link { word: self.of(word).to_owned(), args: None }),
            (None, None) => links.push(Link { word: one_line(self.of(node)), args: None }),
            (None, Some(_)) => {}
        }
        if let (Some(args), Some(last)) = (node.child_by_field_name("arguments"), links.last_mut()) {
            let mut cursor = args.walk();
            let each = args.named_children(&mut cursor).filter(|arg| !arg.kind().contains("comment"));
            last.args = Some(each.map(|arg| one_line(self.of(arg))).collect());
        }
    }
}

/// One word of a chain of calls.
struct Link {
    word: String,
    args: Option<Vec<String>>,
}

fn line_of(node: Node<'_>) -> u32 {
    u32::try_from(node.start_position().row).unwrap_or(u32::MAX).saturating_add(1)
}

fn has_kind(node: Node<'_>, kind: &str) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor).any(|child| child.kind() == kind)
}

fn is_go_report(name: &str) -> bool {
    matches!(name, "Error" | "Errorf" | "Fatal" | "Fatalf" | "Fail" | "FailNow")
}

/// A name that says that it checks something.
fn is_assertion(name: &str) -> bool {
    let heads = [
        "assert",
        "debug_assert",
        "prop_assert",
        "check",
        "verify",
        "expect",
        "ensure",
        "refute",
        "fail",
        "must_",
        "wont_",
    ];
    let lower = name.to_lowercase();
    heads.iter().any(|head| lower.starts_with(head))
}

/// Arguments at the top level of a text.
fn split_args(text: &str) -> Vec<String> {
    let (mut depth, mut quote, mut escaped) = (0i32, None, false);
    let mut args = vec![String::new()];
    for sign in text.chars() {
        match (quote, sign) {
            (Some(_), _) if std::mem::take(&mut escaped) => {}
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if sign == open => quote = None,
            (Some(_), _) => {}
            (None, '"') => quote = Some(sign),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => {
                args.push(String::new());
                continue;
            }
            (None, _) => {}
        }
        if let Some(last) = args.last_mut() {
            last.push(sign);
        }
    }
    let args = args.iter().map(|arg| one_line(arg)).filter(|arg| !arg.is_empty());
    args.collect()
}
