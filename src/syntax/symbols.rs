//! The definitions in a source file: what is defined where, and inside what.
//!
//! Owns one table per language that says which tree nodes define something and where the name is.
//! A single walk over the tree, no query; nothing here runs or resolves code.

use crate::base::text::Untrusted;
use crate::syntax::Language;
use crate::syntax::definition::{self, Definition};
use crate::syntax::limits::{SYMBOL_NAME_BYTES_MAX, SYMBOLS_PER_FILE_MAX};
use crate::syntax::parse::parse_unless;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use tree_sitter::{Node, Tree};

/// The kind of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolKind {
    Function,
    Method,
    Class,
    Struct,
    Enum,
    Union,
    /// Trait, interface, protocol.
    Interface,
    /// Module, namespace, package.
    Module,
    /// A Rust `impl` block.
    Impl,
    /// Type alias.
    Type,
    Constant,
    Variable,
    Macro,
}

impl SymbolKind {
    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            SymbolKind::Function => "function",
            SymbolKind::Method => "method",
            SymbolKind::Class => "class",
            SymbolKind::Struct => "struct",
            SymbolKind::Enum => "enum",
            SymbolKind::Union => "union",
            SymbolKind::Interface => "interface",
            SymbolKind::Module => "module",
            SymbolKind::Impl => "impl",
            SymbolKind::Type => "type",
            SymbolKind::Constant => "constant",
            SymbolKind::Variable => "variable",
            SymbolKind::Macro => "macro",
        }
    }

    /// Returns whether it contains code that runs: a function or a method.
    pub fn is_callable(self) -> bool {
        matches!(self, SymbolKind::Function | SymbolKind::Method)
    }
}

/// One definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbol {
    /// As written; cut at [`SYMBOL_NAME_BYTES_MAX`] bytes. `impl` blocks read `Trait for Type`.
    pub name: Untrusted,
    pub kind: SymbolKind,
    /// Bytes of the whole definition, with decorators, attributes and `template<…>`.
    pub range: Range<usize>,
    /// Bytes of the name.
    pub name_range: Range<usize>,
    /// Bytes of the body, where the definition has one.
    pub body: Option<Range<usize>>,
    /// Lines of `range`, from 0, end exclusive.
    pub lines: Range<usize>,
    /// Index of the definition around it, in the same list.
    pub container: Option<usize>,
    /// Written containers that are not a definition here: Go receiver, C++ `Class::`, JS prototype.
    pub owner: Option<Untrusted>,
}

impl Symbol {
    /// Returns whether its name is `name`.
    pub fn is_named(&self, name: &str) -> bool {
        self.name.raw_unsafe_to_show() == name
    }
}

/// Definitions of one file in source order; containers come before what they contain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbols {
    pub list: Vec<Symbol>,
    /// There were more than [`SYMBOLS_PER_FILE_MAX`].
    pub cut: bool,
    /// The source does not follow the grammar everywhere: definitions may be missing.
    #[serde(default)]
    pub broken: bool,
}

impl Symbols {
    /// The path of names from the outermost container, e.g. `Tokens::peek` as `["Tokens", "peek"]`.
    pub fn path(&self, index: usize) -> Vec<&Untrusted> {
        let mut path = Vec::new();
        let mut next = Some(index);
        while let Some(symbol) = next.and_then(|i| self.list.get(i)) {
            path.push(&symbol.name);
            path.extend(&symbol.owner);
            // Containers precede their contents, so this ends.
            next = symbol.container.filter(|&c| next.is_some_and(|n| c < n));
        }
        path.reverse();
        path
    }

    /// The innermost definition around a line (from 0).
    pub fn at_line(&self, line: usize) -> Option<usize> {
        self.innermost(|s| s.lines.contains(&line))
    }

    fn innermost(&self, holds: impl Fn(&Symbol) -> bool) -> Option<usize> {
        let found = self.list.iter().enumerate().filter(|(_, symbol)| holds(symbol));
        found.min_by_key(|(_, symbol)| symbol.range.len()).map(|(index, _)| index)
    }
}

/// Returns whether definitions of this language can be listed.
pub fn has_symbols(language: Language) -> bool {
    !definition::table(language).is_empty()
}

/// Parses `source` and lists its definitions; empty when it cannot be parsed.
pub fn symbols(language: Language, source: &[u8]) -> Symbols {
    symbols_unless(language, source, &mut || false).unwrap_or_default()
}

/// As [`symbols`], stopping when `stop` says so. `None` when `source` could not be parsed in time or at all, and for
/// a language without definitions.
pub fn symbols_unless(language: Language, source: &[u8], stop: &mut dyn FnMut() -> bool) -> Option<Symbols> {
    if !has_symbols(language) {
        return None;
    }
    if source.is_empty() {
        return Some(Symbols::default());
    }
    let tree = parse_unless(language, source, None, stop)?;
    Some(symbols_in(language, &tree, source))
}

/// Lists the definitions in a tree that was made from `source`.
pub fn symbols_in(language: Language, tree: &Tree, source: &[u8]) -> Symbols {
    let found = Symbols { broken: tree.root_node().has_error(), ..Symbols::default() };
    let mut walk = Walk { language, source, found, around: Vec::new(), attributes: None };
    let mut cursor = tree.walk();
    // Nodes above the cursor; `Node::parent` would search from the root each time.
    let mut above: Vec<Node<'_>> = Vec::new();
    loop {
        let node = cursor.node();
        walk.visit(node, &above);
        if walk.found.cut {
            return walk.found;
        }
        if cursor.goto_first_child() {
            above.push(node);
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return walk.found;
            }
            above.pop();
        }
    }
}

/// A walk over the tree in source order.
struct Walk<'a> {
    language: Language,
    source: &'a [u8],
    found: Symbols,
    /// Definitions around the cursor: depth of their node, their index, whether they are callable.
    around: Vec<(usize, usize, bool)>,
    /// Attributes directly before the cursor: their depth, first byte, first row.
    attributes: Option<(usize, usize, usize)>,
}

impl Walk<'_> {
    fn visit(&mut self, node: Node<'_>, above: &[Node<'_>]) {
        let depth = above.len();
        while self.around.last().is_some_and(|&(at, _, _)| at >= depth) {
            self.around.pop();
        }
        let before = self.attributes_before(node, depth);
        let inside_callable = self.around.iter().any(|&(_, _, callable)| callable);
        let Some(defined) = definition::of(self.language, node, inside_callable) else { return };
        if self.found.list.len() >= SYMBOLS_PER_FILE_MAX {
            self.found.cut = true;
            return;
        }
        let symbol = self.symbol(node, above, defined, before);
        self.around.push((depth, self.found.list.len(), symbol.kind.is_callable()));
        self.found.list.push(symbol);
    }

    /// First byte and row of the attributes directly before `node`.
    fn attributes_before(&mut self, node: Node<'_>, depth: usize) -> Option<(usize, usize)> {
        if node.kind() == "attribute_item" {
            let here = (depth, node.start_byte(), node.start_position().row);
            self.attributes = self.attributes.filter(|&(at, _, _)| at == depth).or(Some(here));
            return None;
        }
        match self.attributes {
            // Still inside the attribute.
            Some((at, _, _)) if at < depth => None,
            Some((at, byte, row)) if at == depth && !node.is_extra() => {
                self.attributes = None;
                Some((byte, row))
            }
            Some((at, _, _)) if at == depth => None,
            _ => {
                self.attributes = None;
                None
            }
        }
    }

    fn symbol(
        &self,
        node: Node<'_>,
        above: &[Node<'_>],
        defined: Definition,
        before: Option<(usize, usize)>,
    ) -> Symbol {
        let container = self.around.last().map(|&(_, index, _)| index);
        let within = container.and_then(|i| self.found.list.get(i)).map(|c| c.kind);
        let wrapper = above.iter().rev().take_while(|n| definition::wraps(n.kind(), node)).last();
        let outer = wrapper.copied().unwrap_or(node);
        let (start, row) = before.unwrap_or((outer.start_byte(), outer.start_position().row));
        let end = outer.end_position();
        let whole_lines = end.column == 0 && end.row > row;
        Symbol {
            name: text(&defined.name, self.source),
            kind: method_if_inside(defined.kind, within),
            range: start..outer.end_byte(),
            name_range: defined.name.last().cloned().unwrap_or_else(|| node.byte_range()),
            body: definition::body(node),
            lines: row..end.row + usize::from(!whole_lines),
            container,
            owner: defined.owner.map(|owner| text(&[owner], self.source)),
        }
    }
}

/// A function directly inside a type is a method.
fn method_if_inside(kind: SymbolKind, within: Option<SymbolKind>) -> SymbolKind {
    let in_type = within.is_some_and(|w| match w {
        SymbolKind::Class
        | SymbolKind::Struct
        | SymbolKind::Enum
        | SymbolKind::Union
        | SymbolKind::Interface
        | SymbolKind::Impl => true,
        SymbolKind::Function
        | SymbolKind::Method
        | SymbolKind::Module
        | SymbolKind::Type
        | SymbolKind::Constant
        | SymbolKind::Variable
        | SymbolKind::Macro => false,
    });
    if kind == SymbolKind::Function && in_type { SymbolKind::Method } else { kind }
}

/// The text of the parts, joined by ` for ` (only `impl` blocks have two).
fn text(parts: &[Range<usize>], source: &[u8]) -> Untrusted {
    let cut = |part: &Range<usize>| {
        let bytes = source.get(part.clone()).unwrap_or(&[]);
        let bytes = bytes.get(..SYMBOL_NAME_BYTES_MAX).unwrap_or(bytes);
        String::from_utf8_lossy(bytes).into_owned()
    };
    Untrusted::new(parts.iter().map(cut).collect::<Vec<_>>().join(" for "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use SymbolKind::{
        Class, Constant, Enum, Function, Impl, Interface, Macro, Method, Module, Struct, Type, Union, Variable,
    };

    /// Kind, path joined by dots, first line (from 1), for each definition.
    fn check(language: Language, source: &str, expect: &[(SymbolKind, &str, usize)]) {
        let found = symbols(language, source.as_bytes());
        let got: Vec<_> = found
            .list
            .iter()
            .enumerate()
            .map(|(i, s)| {
                let path: Vec<_> = found.path(i).iter().map(|n| n.raw_unsafe_to_show()).collect();
                (s.kind, path.join("."), s.lines.start + 1)
            })
            .collect();
        let expect: Vec<_> = expect.iter().map(|&(kind, path, line)| (kind, path.to_owned(), line)).collect();
        assert_eq!(got, expect, "{source}");
    }

    #[test]
    fn rust() {
        check(
            Language::Rust,
            "\
#[derive(Clone)]
pub struct Tokens<'a> { at: usize }
impl<'a> Tokens<'a> {
    /// doc
    #[inline]
    #[must_use]
    pub fn peek(&self) -> Option<char> { fn inner() {} None }
}
impl Iterator for Tokens<'_> { type Item = char; fn next(&mut self) -> Option<char> { None } }
mod deep { const N: usize = 1; static S: u8 = 0; macro_rules! m { () => {} } }
trait T { fn must(&self); }
enum E { A } union U { a: u8 } type A = u8;
",
            &[
                (Struct, "Tokens", 1),
                (Impl, "Tokens<'a>", 3),
                (Method, "Tokens<'a>.peek", 5),
                (Function, "Tokens<'a>.peek.inner", 7),
                (Impl, "Iterator for Tokens<'_>", 9),
                (Type, "Iterator for Tokens<'_>.Item", 9),
                (Method, "Iterator for Tokens<'_>.next", 9),
                (Module, "deep", 10),
                (Constant, "deep.N", 10),
                (Constant, "deep.S", 10),
                (Macro, "deep.m", 10),
                (Interface, "T", 11),
                (Method, "T.must", 11),
                (Enum, "E", 12),
                (Union, "U", 12),
                (Type, "A", 12),
            ],
        );
    }

    #[test]
    fn python() {
        check(
            Language::Python,
            "\
LIMIT = 3
@dataclass
class A(B):
    x: int = 1
    @property
    def f(self):
        local = 1
        def g(): pass
        return lambda: 0
async def main(): pass
double = lambda x: x * 2
",
            &[
                (Variable, "LIMIT", 1),
                (Class, "A", 2),
                (Variable, "A.x", 4),
                (Method, "A.f", 5),
                (Function, "A.f.g", 8),
                (Function, "main", 10),
                (Function, "double", 11),
            ],
        );
    }

    #[test]
    fn javascript_and_typescript() {
        check(
            Language::JavaScript,
            "\
const LIMIT = 3, add = (a, b) => a + b;
export default function main() { const local = 1; const inner = () => 2; }
class A { constructor() {} #p = () => 1; static s() {} x = 1 }
module.exports.run = function () {};
A.prototype.go = function () {};
const table = { hit() {}, miss: () => 0, n: 1 };
",
            &[
                (Variable, "LIMIT", 1),
                (Function, "add", 1),
                (Function, "main", 2),
                (Function, "main.inner", 2),
                (Class, "A", 3),
                (Method, "A.constructor", 3),
                (Method, "A.#p", 3),
                (Method, "A.s", 3),
                (Function, "module.exports.run", 4),
                (Function, "A.prototype.go", 5),
                (Variable, "table", 6),
                (Method, "table.hit", 6),
                (Method, "table.miss", 6),
            ],
        );
        check(
            Language::TypeScript,
            "\
export interface I { m(): void; p: number }
export type T = I | null;
enum E { A, B }
namespace N { export function f(x: number): number; export function f(x: any) { return x } }
export abstract class C<T> { abstract a(): void; private h = async () => {}; get v() { return 1 } }
declare module 'm' { }
",
            &[
                (Interface, "I", 1),
                (Method, "I.m", 1),
                (Type, "T", 2),
                (Enum, "E", 3),
                (Module, "N", 4),
                (Function, "N.f", 4),
                (Function, "N.f", 4),
                (Class, "C", 5),
                (Method, "C.a", 5),
                (Method, "C.h", 5),
                (Method, "C.v", 5),
                (Module, "'m'", 6),
            ],
        );
        check(
            Language::Tsx,
            "export const App: FC = () => <div onClick={() => go()}>x</div>;\n",
            &[(Function, "App", 1)],
        );
    }

    #[test]
    fn go() {
        check(
            Language::Go,
            "\
package p
const ( A = 1; B = 2 )
var x, y = 1, 2
type Tokens[T any] struct { at int }
type I interface { M() }
type F func()
func (t *Tokens[T]) Peek() rune { const inner = 1; return 0 }
func main() { f := func() {}; f() }
",
            &[
                (Constant, "A", 2),
                (Constant, "B", 2),
                (Variable, "x", 3),
                (Struct, "Tokens", 4),
                (Interface, "I", 5),
                (Type, "F", 6),
                (Method, "Tokens.Peek", 7),
                (Function, "main", 8),
            ],
        );
    }

    #[test]
    fn c_and_cpp() {
        check(
            Language::C,
            "\
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define N 3
typedef struct node { struct node *next; } node_t;
enum e { A };
static int *(*find(int n))[3] { struct node local; return 0; }
int declared(void);
",
            &[
                (Macro, "MAX", 1),
                (Macro, "N", 2),
                (Type, "node_t", 3),
                (Struct, "node_t.node", 3),
                (Enum, "e", 4),
                (Function, "find", 5),
            ],
        );
        check(Language::Cpp, "\
namespace a::b {
template <typename T>
class Box : Base { public: Box() {} ~Box() {} T get() const { return v; } bool operator==(const Box&) const { return true; } T v; };
using Ints = Box<int>;
}
template <class T> T Outer::Inner::twice(T x) { auto f = [](int y) { return y; }; return f(x); }
int main() { return 0; }
", &[
            (Module, "a::b", 1),
            (Class, "a::b.Box", 2),
            (Method, "a::b.Box.Box", 3),
            (Method, "a::b.Box.~Box", 3),
            (Method, "a::b.Box.get", 3),
            (Method, "a::b.Box.operator==", 3),
            (Type, "a::b.Ints", 4),
            (Method, "Outer::Inner.twice", 6),
            (Function, "main", 7),
        ]);
    }

    #[test]
    fn java_ruby_bash() {
        check(
            Language::Java,
            "\
package p;
@Deprecated
public class A<T> { A() {} @Override public int f(int x) { return x; } enum E { X } record R(int a) { R {} } }
interface I { void m(); }
@interface N { }
",
            &[
                (Class, "A", 2),
                (Method, "A.A", 3),
                (Method, "A.f", 3),
                (Enum, "A.E", 3),
                (Class, "A.R", 3),
                (Method, "A.R.R", 3),
                (Interface, "I", 4),
                (Method, "I.m", 4),
                (Interface, "N", 5),
            ],
        );
        check(
            Language::Ruby,
            "\
module M
  LIMIT = 3
  class A < B
    def f(x) = x
    def self.make; local = 1; end
    def ==(o); end
  end
end
def helper; end
",
            &[
                (Module, "M", 1),
                (Constant, "M.LIMIT", 2),
                (Class, "M.A", 3),
                (Method, "M.A.f", 4),
                (Method, "M.A.make", 5),
                (Method, "M.A.==", 6),
                (Function, "helper", 9),
            ],
        );
        check(Language::Bash, "f() { g; }\nfunction h { :; }\n", &[(Function, "f", 1), (Function, "h", 2)]);
    }

    #[test]
    fn ranges_reach_from_decorators_to_the_end() {
        let source = "@a\n@b(1)\ndef f():\n    return 1\n\nx = 1\n";
        let found = symbols(Language::Python, source.as_bytes());
        let f = &found.list[0];
        assert_eq!(&source[f.range.clone()], "@a\n@b(1)\ndef f():\n    return 1");
        assert_eq!(&source[f.name_range.clone()], "f");
        assert_eq!(&source[f.body.clone().unwrap()], "return 1");
        assert_eq!(f.lines, 0..4);
        assert_eq!(found.at_line(3), Some(0));
        assert_eq!(found.at_line(4), None);
    }

    #[test]
    fn deep_nesting_is_walked_without_recursion() {
        let source = format!("{}1{}", "x = () => {".repeat(3000), "}".repeat(3000));
        assert!(symbols(Language::JavaScript, source.as_bytes()).list.len() <= 3000);
        let source = "(".repeat(50_000);
        assert!(symbols(Language::Rust, source.as_bytes()).list.is_empty());
    }
}
