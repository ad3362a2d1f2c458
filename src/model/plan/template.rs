//! A plan's text that is used again: names in braces are placeholders, to be filled in.

/// The longest name of a template or a placeholder.
const NAME_BYTES_MAX: usize = 64;

/// Returns whether this can be the name of a template or a placeholder: it is a file in a folder and nothing else.
pub fn is_template_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('-')
}

/// The pieces of a text: what stays as it is, and a name in braces after it.
fn pieces(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut out = Vec::new();
    let (mut rest, mut plain) = (text, 0);
    while let Some(at) = rest.get(plain..).and_then(|tail| tail.find('{')).map(|at| at + plain) {
        let inside = rest.get(at + 1..).and_then(|tail| tail.split_once('}')).map(|(name, _)| name);
        let fits = |name: &&str| name.starts_with(|c: char| c.is_ascii_alphabetic()) && is_template_name(name);
        match inside.filter(fits) {
            Some(name) => {
                out.push((rest.get(..at).unwrap_or_default(), Some(name)));
                rest = rest.get(at + name.len() + 2..).unwrap_or_default();
                plain = 0;
            }
            None => plain = at + 1,
        }
    }
    out.push((rest, None));
    out
}

/// The names of its placeholders, each once.
pub fn placeholders(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for name in pieces(text).into_iter().filter_map(|(_, name)| name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The text with its placeholders filled in; a value is taken as it is, whatever it contains. `Err` names a placeholder
/// without a value.
pub fn filled<'a>(text: &'a str, values: &[(String, String)]) -> Result<String, &'a str> {
    let value = |name: &str| values.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    let mut out = String::new();
    for (plain, name) in pieces(text) {
        out.push_str(plain);
        if let Some(name) = name {
            out.push_str(value(name).ok_or(name)?);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in_once_and_code_is_left_alone() {
        let text = "1. Rename {old} to {new}\n2. `fn f() { {old} }` {} {1} { x }\n";
        assert_eq!(placeholders(text), ["old", "new"]);
        let set = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            filled(text, &pairs)
        };
        let done = set(&[("old", "{new}"), ("new", "é")]).unwrap();
        assert_eq!(
            done, "1. Rename {new} to é\n2. `fn f() { {new} }` {} {1} { x }\n",
            "a value is not filled in again"
        );
        assert_eq!(set(&[("old", "a")]), Err("new"));
        assert_eq!(filled("no {", &[]).unwrap(), "no {");
    }

    #[test]
    fn a_name_is_a_file_in_the_folder_and_nothing_else() {
        for bad in ["", "..", "a/b", "/etc/passwd", "a.md", ".a", "a b", "-x", "é", &"x".repeat(65)] {
            assert!(!is_template_name(bad), "{bad:?}");
        }
        assert!(is_template_name("fix-bug_2"));
    }
}
