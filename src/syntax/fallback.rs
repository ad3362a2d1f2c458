//! Colors for languages without a grammar, from syntect's TextMate definitions.
//!
//! The set (about 200 languages, 20 ms) is loaded when first needed. A definition is a state
//! machine over lines, so a file is read from its start, within line, byte and stop limits.

use crate::syntax::Scope;
use crate::syntax::highlight::Span;
use crate::syntax::limits::{FALLBACK_BYTES_MAX, FALLBACK_LINE_BYTES_MAX};
use std::sync::OnceLock;
use syntect::parsing::{ParseState, ScopeStack, SyntaxReference, SyntaxSet};

struct Definitions {
    set: SyntaxSet,
    /// TextMate prefixes in [`Scope::TEXTMATE`]'s order.
    scopes: Vec<(syntect::parsing::Scope, Scope)>,
}

static DEFINITIONS: OnceLock<Definitions> = OnceLock::new();

fn definitions() -> &'static Definitions {
    DEFINITIONS.get_or_init(|| {
        let prefix = |&(name, scope): &(&str, Scope)| Some((syntect::parsing::Scope::new(name).ok()?, scope));
        let scopes = Scope::TEXTMATE.iter().filter_map(prefix).collect();
        Definitions { set: two_face::syntax::extra_newlines(), scopes }
    })
}

impl Definitions {
    fn of(&self, path: &str, source: &[u8]) -> Option<&SyntaxReference> {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let extension = name.rsplit_once('.').map_or(name, |(_, extension)| extension);
        let head = source.split(|&b| b == b'\n').next().unwrap_or(&[]);
        let first_line = head.get(..head.len().min(FALLBACK_LINE_BYTES_MAX)).and_then(|h| std::str::from_utf8(h).ok());
        let by_name = self.set.find_syntax_by_extension(name).or_else(|| self.set.find_syntax_by_extension(extension));
        let found = by_name.or_else(|| self.set.find_syntax_by_first_line(first_line?))?;
        (found.name != "Plain Text").then_some(found)
    }

    /// The innermost scope that means something to us.
    fn scope(&self, stack: &ScopeStack) -> Option<Scope> {
        let meaning = |at: &syntect::parsing::Scope| {
            self.scopes.iter().find(|(prefix, _)| prefix.is_prefix_of(*at)).map(|&(_, scope)| scope)
        };
        stack.as_slice().iter().rev().find_map(meaning)
    }
}

/// The spans of every line; `None` when there is no definition, the file is larger than
/// [`FALLBACK_BYTES_MAX`] or not UTF-8, or `stop` said so. Lines above [`FALLBACK_LINE_BYTES_MAX`]
/// bytes end the coloring: definitions cannot handle minified text.
pub(super) fn lines(path: &str, source: &[u8], stop: &mut dyn FnMut() -> bool) -> Option<Vec<Vec<Span>>> {
    if source.len() > FALLBACK_BYTES_MAX || memchr::memchr(0, source).is_some() {
        return None;
    }
    let text = std::str::from_utf8(source).ok()?;
    let definitions = definitions();
    let mut state = ParseState::new(definitions.of(path, source)?);
    let mut stack = ScopeStack::new();
    let mut all = Vec::new();
    for line in text.split_inclusive('\n') {
        if stop() {
            return None;
        }
        if line.len() > FALLBACK_LINE_BYTES_MAX {
            break;
        }
        let Ok(operations) = state.parse_line(line, &definitions.set) else { break };
        let body = line.trim_end_matches(['\n', '\r']).len();
        let (mut spans, mut at) = (Vec::new(), 0);
        for (from, operation) in operations {
            push(&mut spans, at, from.min(body), definitions.scope(&stack));
            at = at.max(from.min(body));
            if stack.apply(&operation).is_err() {
                break;
            }
        }
        push(&mut spans, at, body, definitions.scope(&stack));
        all.push(spans);
    }
    all.resize(text.split_inclusive('\n').count().max(1), Vec::new());
    Some(all)
}

fn push(spans: &mut Vec<Span>, from: usize, to: usize, scope: Option<Scope>) {
    let Some(scope) = scope.filter(|_| from < to) else { return };
    match spans.last_mut() {
        Some(last) if last.range.end == from && last.scope == scope => last.range.end = to,
        _ => spans.push(Span { range: from..to, scope }),
    }
}
