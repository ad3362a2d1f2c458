//! Finds the known name that a mistyped one is closest to. It must not decide what follows from that.

/// A known name, and how many edits lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Near<'a> {
    pub edits: usize,
    pub name: &'a str,
}

/// Returns the closest of the known names, unless it takes more edits (insert, delete, replace, or swap neighbors) than
/// a typing mistake: one, and one more for every five letters of the name.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<Near<'a>> {
    let near = known.into_iter().map(|name| Near { edits: strsim::damerau_levenshtein(typed, name), name });
    near.min().filter(|near| near.edits <= 1 + near.name.chars().count() / 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_mistake_is_recognized_and_another_word_is_not() {
        let check = |typed: &str, expect: Option<&str>| {
            assert_eq!(nearest(typed, ["ls", "keys", "attach", "replay"]).map(|near| near.name), expect, "{typed}");
        };
        check("attach", Some("attach"));
        check("atach", Some("attach"));
        check("attahc", Some("attach"));
        check("sl", Some("ls"));
        check("key", Some("keys"));
        check("keep", None);
        check("attack it", None);
        check("", None);
    }
}
