//! The possible content of a name, guessed from its type, its value and its uses.

use super::source::{Role, Source, binary, call, member, role};
use tree_sitter::Node;

/// The possible content of a name, suggested by its uses (a bit set).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hints(u16);

impl Hints {
    pub const NUMBER: Self = Self(1);
    pub const LIST: Self = Self(2);
    pub const MAP: Self = Self(4);
    pub const SET: Self = Self(8);
    pub const TEXT: Self = Self(16);
    pub const TRUTH: Self = Self(32);
    pub const CALLED: Self = Self(64);
    pub const OBJECT: Self = Self(128);
    pub const INDEX: Self = Self(256);
    pub const ITERATED: Self = Self(512);

    /// With another hint.
    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Returns whether any hint is shared.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns whether nothing is known.
    pub fn is_unknown(self) -> bool {
        self.0 == 0
    }

    /// Returns whether two names could have the same kind of content.
    pub fn fits(self, other: Self) -> bool {
        self.is_unknown() || other.is_unknown() || self.is_like(other)
    }

    /// Returns whether the two share a hint; what is iterated over may be a list, and what has elements may be iterated
    /// over.
    pub fn is_like(self, other: Self) -> bool {
        let many = Self(Self::LIST.0 | Self::ITERATED.0);
        self.has(other) || (self.has(many) && other.has(many))
    }
}

/// Methods that give a list whatever they are called on.
const GIVE_LISTS: &[&str] =
    &["filter", "map", "slice", "split", "concat", "toSorted", "collect", "to_vec", "split_whitespace", "Fields"];

/// Returns the hints of a declared type.
pub fn of_type(kind: &str) -> Hints {
    let k = kind.trim_start_matches([':', ' ', '&', '*']).trim_start_matches("mut ");
    let starts = |list: &[&str]| list.iter().any(|p| k.starts_with(p));
    if starts(&["Vec", "[", "list", "List", "Array", "VecDeque", "Sequence"]) {
        Hints::LIST
    } else if starts(&["HashMap", "BTreeMap", "map[", "dict", "Dict", "Map", "Record"]) {
        Hints::MAP
    } else if starts(&["HashSet", "BTreeSet", "set", "Set"]) {
        Hints::SET
    } else if starts(&["str", "String", "string"]) {
        Hints::TEXT
    } else if starts(&["bool"]) {
        Hints::TRUTH
    } else if starts(&[
        "int", "float", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f32",
        "f64", "number", "uint",
    ]) {
        Hints::NUMBER
    } else {
        Hints::default()
    }
}

/// Returns the hints of a value that is assigned to a name.
pub fn of_value(source: &Source, value: Node<'_>) -> Hints {
    match role(value) {
        Role::Integer | Role::Float | Role::Negate => Hints::NUMBER,
        Role::Text => Hints::TEXT,
        Role::Truth | Role::Not => Hints::TRUTH,
        Role::Collection => match value.kind() {
            "dictionary" | "object" => Hints::MAP,
            "set" => Hints::SET,
            _ => Hints::LIST,
        },
        Role::Call => {
            let text = source.slice(value);
            let text = text.strip_prefix("new ").unwrap_or(text);
            let last = call(value).and_then(|(callee, _)| member(callee)).map(|(_, name)| source.slice(name));
            if last.is_some_and(|n| GIVE_LISTS.contains(&n)) {
                return Hints::LIST;
            }
            let starts = |list: &[&str]| list.iter().any(|p| text.starts_with(p));
            if starts(&["len(", "int(", "sum(", "abs(", "Math."]) {
                Hints::NUMBER
            } else if starts(&["list(", "sorted(", "Vec::", "Array", "deque("]) {
                Hints::LIST
            } else if starts(&["set(", "HashSet::", "BTreeSet::", "Set("]) {
                Hints::SET
            } else if starts(&["dict(", "defaultdict(", "HashMap::", "BTreeMap::", "Counter(", "Map("]) {
                Hints::MAP
            } else if starts(&["str(", "String::", "String("]) {
                Hints::TEXT
            } else {
                Hints::default()
            }
        }
        Role::Binary => {
            let is_number =
                binary(value).is_some_and(|(_, op, _)| matches!(source.slice(op), "-" | "*" | "/" | "//" | "%"));
            if is_number { Hints::NUMBER } else { Hints::default() }
        }
        Role::Function
        | Role::Block
        | Role::If
        | Role::While
        | Role::For
        | Role::Return
        | Role::Break
        | Role::Continue
        | Role::Assign
        | Role::Compound
        | Role::Declare
        | Role::Expression
        | Role::Null
        | Role::Name
        | Role::Member
        | Role::Index
        | Role::Slice
        | Role::Range
        | Role::Ternary
        | Role::Paren
        | Role::Await
        | Role::Comment
        | Role::Other => Hints::default(),
    }
}
