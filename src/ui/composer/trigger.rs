//! What the text before the cursor asks for: a command, or something to mention. Read again after every key.

/// Both kinds are replaced from their first character to the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// The text begins with `/`; the name so far.
    Command { query: String },
    /// After `@`: what is looked for, and the lines of it that are meant.
    /// After `@@` ignored files are looked for.
    Mention { query: String, lines: Option<(u32, u32)>, chars: usize, ignored: bool },
}

/// Reads the cursor's line up to the cursor. Objects in it are other characters than any that are looked for.
pub fn of(line: usize, before: &str) -> Option<Trigger> {
    mention(before).or_else(|| {
        let name = before.strip_prefix('/').filter(|name| line == 0 && !name.contains('/'))?;
        Some(Trigger::Command { query: name.to_owned() })
    })
}

fn mention(before: &str) -> Option<Trigger> {
    let (start, at) = before.char_indices().rev().find(|(_, c)| matches!(c, '@' | '＠'))?;
    let query_at = start + at.len_utf8();
    let first = before.get(..start).and_then(|text| text.chars().next_back()).filter(|c| matches!(c, '@' | '＠'));
    let (ignored, start) = first.map_or((false, start), |c| (true, start - c.len_utf8()));
    let opens = before.get(..start).and_then(|text| text.chars().next_back()).is_none_or(opens);
    let query = before.get(query_at..)?;
    let (name, is_whole) = match query.strip_prefix('"') {
        Some(quoted) => match quoted.split_once('"') {
            None => (quoted.to_owned(), false),
            // Behind the quotes only lines may follow.
            Some((name, rest)) => (format!("{name}{rest}"), !rest.is_empty() && !rest.starts_with(':')),
        },
        None => (query.to_owned(), query.contains(char::is_whitespace) && !is_kind(query)),
    };
    if !opens || is_whole {
        return None;
    }
    let (query, lines) = with_lines(&name);
    Some(Trigger::Mention { query, lines, chars: before.get(start..)?.chars().count(), ignored })
}

/// `step 3` and `test name` have one blank in them.
fn is_kind(query: &str) -> bool {
    ["step ", "test "]
        .iter()
        .any(|kind| query.strip_prefix(kind).is_some_and(|rest| !rest.contains(char::is_whitespace)))
}

/// A mention begins after these.
fn opens(before: char) -> bool {
    before.is_whitespace() || matches!(before, '(' | '[' | '{' | '<' | '"' | '\'' | '`' | '“' | '„' | '«')
}

/// Takes the lines off: `x.rs:39-42`, `x.rs:7`.
fn with_lines(name: &str) -> (String, Option<(u32, u32)>) {
    let lines = name.rsplit_once(':').and_then(|(path, lines)| {
        let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        (first > 0 && last >= first).then_some((path, (first, last)))
    });
    match lines {
        Some((path, lines)) => (path.to_owned(), Some(lines)),
        // The lines are still being typed.
        None => match name.rsplit_once(':') {
            Some((path, rest)) if rest.chars().all(|c| c.is_ascii_digit() || c == '-') => (path.to_owned(), None),
            Some(_) | None => (name.to_owned(), None),
        },
    }
}

/// The word of a message that looks like a command: `/word`, without a second `/`. A path is text.
pub fn command_word(text: &str) -> Option<&str> {
    let word = text.strip_prefix('/')?.split(char::is_whitespace).next()?;
    (!word.contains('/')).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentioned(before: &str) -> Option<(String, Option<(u32, u32)>)> {
        match of(0, before) {
            Some(Trigger::Mention { query, lines, .. }) => Some((query, lines)),
            Some(Trigger::Command { .. }) | None => None,
        }
    }

    /// oc#27482, oc PR 27649, oc#46591, oc#50132, oc#3910, cp#2731.
    #[test]
    fn a_mention_begins_where_a_word_does() {
        for (before, query) in [
            ("@cal", "cal"),
            ("see @a.rs and @b", "b"),
            ("日本語 @宽", "宽"),
            ("(@x", "x"),
            ("“@x", "x"),
            ("@dir/", "dir/"),
            ("@\"a b/c", "a b/c"),
            ("@\"a b.rs\"", "a b.rs"),
            ("＠x", "x"),
            ("@", ""),
            ("@step 3", "step 3"),
            ("@test adds", "test adds"),
        ] {
            assert_eq!(mentioned(before), Some((query.to_owned(), None)), "{before}");
        }
        for before in ["a@b.org", "@a b", "@\"a b\" c", "no", "@test a b"] {
            assert_eq!(mentioned(before), None, "{before}");
        }
    }

    #[test]
    fn two_signs_look_among_ignored_files() {
        let Some(Trigger::Mention { query, chars, ignored: true, .. }) = of(0, "see @@target/x") else { panic!() };
        assert_eq!((query.as_str(), chars), ("target/x", 10));
        assert!(matches!(of(0, "see @target"), Some(Trigger::Mention { ignored: false, .. })));
        assert_eq!(mentioned("a@@b"), None);
        assert_eq!(mentioned("@@@b"), None);
    }

    #[test]
    fn lines_are_read_off_a_mention() {
        for (before, query, lines) in [
            ("@x.rs:39-42", "x.rs", Some((39, 42))),
            ("@x.rs:7", "x.rs", Some((7, 7))),
            ("@x.rs:", "x.rs", None),
            ("@x.rs:39-", "x.rs", None),
            ("@\"a b.rs\":3-4", "a b.rs", Some((3, 4))),
            ("@x.rs:0", "x.rs", None),
            ("@a:b", "a:b", None),
        ] {
            assert_eq!(mentioned(before), Some((query.to_owned(), lines)), "{before}");
        }
        let Some(Trigger::Mention { chars, .. }) = of(3, "ä @x.rs:39") else { panic!("no mention") };
        assert_eq!(chars, 8);
    }

    #[test]
    fn a_command_begins_the_text_and_a_path_is_none() {
        assert_eq!(of(0, "/rev"), Some(Trigger::Command { query: "rev".into() }));
        assert_eq!(of(0, "/memory sh"), Some(Trigger::Command { query: "memory sh".into() }));
        assert_eq!(mentioned("/review @x"), Some(("x".to_owned(), None)), "its words may mention something");
        assert_eq!(of(0, "/usr/bin"), None);
        assert_eq!(of(1, "/rev"), None);
        assert_eq!(of(0, " /rev"), None);
        assert_eq!(command_word("/tmp is full"), Some("tmp"));
        assert_eq!(command_word("/usr/bin is full"), None);
        assert_eq!(command_word("/"), Some(""));
        assert_eq!(command_word("a/b"), None);
    }
}
