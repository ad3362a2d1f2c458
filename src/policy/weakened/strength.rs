//! How much an assertion says: from its words, and from the comparison that it is given.

/// Nothing can make it fail.
pub const NOTHING: u8 = 0;
/// That something exists, holds, or is not one value.
pub const EXISTENCE: u8 = 1;
/// A part, a range, a pattern.
pub const PARTIAL: u8 = 2;
/// One value.
pub const EXACT: u8 = 3;

/// Words of an assertion's name that leave room.
const PARTIAL_WORDS: &[&str] = &[
    "almost",
    "approx",
    "between",
    "close",
    "contain",
    "contains",
    "containing",
    "delta",
    "end",
    "ends",
    "greater",
    "in",
    "include",
    "includes",
    "less",
    "like",
    "match",
    "matches",
    "matching",
    "prefix",
    "regex",
    "regexp",
    "start",
    "starts",
    "startswith",
    "subset",
    "suffix",
    "superset",
    "within",
];
/// Words that say that there is something.
const EXISTENCE_WORDS: &[&str] =
    &["defined", "exist", "exists", "instance", "isinstance", "ok", "present", "some", "truthy", "type"];
/// Words that turn an assertion around.
const NEGATIONS: &[&str] = &["ne", "neq", "not", "refute", "wont", "doesnt", "unequal"];
/// Errors that any other error is.
const ANY_ERROR: &[&str] =
    &["Exception", "BaseException", "Throwable", "Error", "StandardError", "Throwable.class", "Exception.class"];

/// The words of a name in camel or snake case, in lower case.
pub fn name_words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    for sign in name.chars() {
        if !sign.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        if sign.is_uppercase() {
            words.push(String::new());
        }
        if let Some(last) = words.last_mut() {
            last.extend(sign.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// How much an assertion of this name with these arguments says. `fails_when` is true where its condition is one of
/// failure, as in Go.
pub fn strength(name: &str, args: &[String], fails_when: bool) -> u8 {
    let words = name_words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let word = |word: &str| words.iter().any(|w| w == word);
    if has(NEGATIONS) && !fails_when {
        return EXISTENCE;
    }
    if words.iter().any(|w| matches!(w.as_str(), "raise" | "raises" | "throw" | "throws" | "thrown" | "panics")) {
        let is_any = args.is_empty()
            || args.iter().all(|arg| ANY_ERROR.contains(&arg.as_str()) || arg.contains("=>") || arg.contains("->"));
        return if is_any { PARTIAL } else { EXACT };
    }
    if word("called") && !word("with") {
        return if word("times") || word("once") { PARTIAL } else { EXISTENCE };
    }
    if word("no") && word("error") {
        return EXISTENCE;
    }
    if has(PARTIAL_WORDS) && !word("exactly") {
        return PARTIAL;
    }
    if has(EXISTENCE_WORDS) && args.len() < 2 {
        return args.first().map_or(EXISTENCE, |arg| of_condition(arg, fails_when));
    }
    let is_bare = words.iter().all(|w| {
        matches!(
            w.as_str(),
            "assert" | "true" | "false" | "if" | "debug" | "prop" | "require" | "expect" | "is" | "that" | "t"
        )
    });
    match args.first() {
        Some(condition) if is_bare && !(word("that") && args.len() > 1) => of_condition(condition, fails_when),
        Some(_) | None => EXACT,
    }
}

/// How much a condition says.
fn of_condition(text: &str, fails_when: bool) -> u8 {
    let text = text.trim();
    if matches!(text, "true" | "True" | "1" | "!false" | "not False") {
        return NOTHING;
    }
    match operator(text) {
        Some((left, _, right)) if left == right => NOTHING,
        Some((_, "==" | "===" | "is", _)) if fails_when => EXISTENCE,
        Some((_, "!=" | "!==", right)) if fails_when => match right {
            "nil" | "null" | "None" | "0" => EXISTENCE,
            _ => EXACT,
        },
        Some((_, "==" | "===" | "is", _)) => EXACT,
        Some((_, "!=" | "!==" | "is not", _)) => EXISTENCE,
        Some(_) => PARTIAL,
        None => EXISTENCE,
    }
}

/// The operators that are looked for, longer ones first.
const OPERATORS: &[&str] =
    &["===", "!==", "==", "!=", "<=", ">=", " is not ", " not in ", " is ", " in ", "<", ">", "=~"];

/// The first comparison outside brackets and quotes, with both of its sides.
fn operator(text: &str) -> Option<(&str, &'static str, &str)> {
    let (mut depth, mut quote) = (0u32, None);
    let mut escaped = false;
    for (at, sign) in text.char_indices() {
        if let Some(open) = quote {
            match sign {
                _ if std::mem::take(&mut escaped) => {}
                '\\' => escaped = true,
                _ if sign == open => quote = None,
                _ => {}
            }
            continue;
        }
        match sign {
            '"' | '\'' | '`' => quote = Some(sign),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ => {
                let rest = text.get(at..).unwrap_or_default();
                let arrow = rest.starts_with("->") || rest.starts_with("=>") || text.get(..at)?.ends_with(['-', '=']);
                if let Some(found) = OPERATORS.iter().find(|o| rest.starts_with(**o)).filter(|_| !arrow) {
                    return Some((text.get(..at)?.trim(), found.trim(), rest.get(found.len()..)?.trim()));
                }
            }
        }
    }
    None
}

/// Names of a tolerance where more of it checks less, and where less of it does.
const WIDER: &[&str] = &["abs", "atol", "delta", "eps", "epsilon", "rel", "rtol", "tol", "tolerance", "within"];
const FINER: &[&str] = &["decimal", "digits", "places", "precision"];

/// Returns whether the same assertion with these new arguments leaves more room.
pub fn is_wider(name: &str, before: &[String], after: &[String]) -> bool {
    let named = |args: &[String], names: &[&str]| {
        let text = args.join(", ");
        let mut parts = text.split([',', '(', ')']).filter_map(|part| part.split_once('='));
        parts.find_map(|(key, value)| names.contains(&key.trim()).then(|| value.trim().parse::<f64>().ok())?)
    };
    let grew = |names: &[&str]| matches!((named(before, names), named(after, names)), (Some(b), Some(a)) if a > b);
    let fell = |names: &[&str]| matches!((named(before, names), named(after, names)), (Some(b), Some(a)) if a < b);
    if grew(WIDER) || fell(FINER) {
        return true;
    }
    let words = name_words(name);
    let number = |args: &[String]| args.last().and_then(|arg| arg.parse::<f64>().ok());
    let has = |word: &str| words.iter().any(|w| w == word);
    match (number(before), number(after)) {
        _ if before.len() != after.len() || before.len() < 2 => false,
        (Some(b), Some(a)) if has("close") || (has("almost") && before.len() > 2) => a < b,
        (Some(b), Some(a)) if has("delta") || has("within") => a > b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, args: &[&str]) -> u8 {
        strength(name, &args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>(), false)
    }

    #[test]
    fn an_assertion_says_as_much_as_its_name_and_its_condition() {
        for (name, args, expected) in [
            ("assertEqual", vec!["f(1)", "2"], EXACT),
            ("assertAlmostEqual", vec!["f(1)", "2"], PARTIAL),
            ("assertIn", vec!["1", "f()"], PARTIAL),
            ("assertIsNotNone", vec!["f()"], EXISTENCE),
            ("assertIsNone", vec!["f()"], EXACT),
            ("assertTrue", vec!["f() == 2"], EXACT),
            ("assertTrue", vec!["f()"], EXISTENCE),
            ("assertTrue", vec!["True"], NOTHING),
            ("assert", vec!["f(a == b)"], EXISTENCE),
            ("assert", vec!["'a == b'"], EXISTENCE),
            ("assert", vec!["f() is not None"], EXISTENCE),
            ("assert", vec!["x == x"], NOTHING),
            ("assert_eq", vec!["f()", "2"], EXACT),
            ("assert_ne", vec!["f()", "2"], EXISTENCE),
            ("assert", vec!["f().is_some()"], EXISTENCE),
            ("expect.toBe", vec!["3"], EXACT),
            ("expect.not.toBe", vec!["3"], EXISTENCE),
            ("expect.toBeCloseTo", vec!["3", "2"], PARTIAL),
            ("expect.toBeDefined", vec![], EXISTENCE),
            ("expect.toHaveBeenCalledWith", vec!["3"], EXACT),
            ("expect.toHaveBeenCalled", vec![], EXISTENCE),
            ("pytest.raises", vec!["ValueError"], EXACT),
            ("pytest.raises", vec!["Exception"], PARTIAL),
        ] {
            assert_eq!(said(name, &args), expected, "{name}({args:?})");
        }
        assert_eq!(strength("if", &["got != want".to_owned()], true), EXACT);
        assert_eq!(strength("if", &["got == nil".to_owned()], true), EXISTENCE);
    }

    #[test]
    fn a_wider_tolerance_is_told_from_a_finer_one() {
        let args = |args: &[&str]| args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>();
        let wider = |name, before: &[&str], after: &[&str]| is_wider(name, &args(before), &args(after));
        assert!(wider("assertAlmostEqual", &["a", "b", "places=7"], &["a", "b", "places=1"]));
        assert!(!wider("assertAlmostEqual", &["a", "b", "places=1"], &["a", "b", "places=7"]));
        assert!(wider("assert", &["a == pytest.approx(1, abs=0.1)"], &["a == pytest.approx(1, abs=10)"]));
        assert!(wider("expect.toBeCloseTo", &["0.3", "5"], &["0.3", "0"]));
        assert!(!wider("assertEqual", &["a", "5"], &["a", "3"]));
    }
}
