//! The commands of a command line, read twice by two parsers that share nothing.
//!
//! `plain` accepts only lines without anything that a shell expands, substitutes or redirects, and gives the exact
//! argument lists. `tree` is a full grammar; it finds every simple command in any line, however deep, so that deny
//! rules and classes see all of them. A line is free of doubt only when both read the same commands.

mod plain;
mod tree;

use crate::base::text::hidden::is_hidden;
use crate::policy::limits::{COMMAND_LINE_BYTES_MAX, SIMPLE_COMMANDS_MAX};

/// The way a simple command follows the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// It is the first.
    First,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `;` or a line end
    Then,
    /// `|`
    Pipe,
}

/// One simple command of a line without doubts: exactly these arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simple {
    pub joint: Joint,
    pub argv: Vec<String>,
    /// Places of the words that a shell replaces by the names of files, if there are any that fit.
    pub patterns: Vec<usize>,
    /// Files that become its standard input.
    pub reads: Vec<String>,
}

/// One command found anywhere in a line. A word that only a shell could expand is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    pub words: Vec<Option<String>>,
    /// Files that redirects write, where their names are known.
    pub writes: Vec<Option<String>>,
    /// Files that redirects read.
    pub reads: Vec<Option<String>>,
}

impl Part {
    /// A command without redirects.
    pub fn of(words: Vec<Option<String>>) -> Self {
        Self { words, ..Self::default() }
    }
}

/// A command line, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// The reasons that the line is not plain; empty when it is.
    pub doubts: Vec<String>,
    /// The commands of a plain line in order; empty when there is a doubt.
    pub simples: Vec<Simple>,
    /// Every command that was found, plain or not.
    pub parts: Vec<Part>,
    /// There may be commands that were not found, or their meaning may have been changed on the way.
    pub opaque: bool,
    /// A loop or a function: a command may run again after those that follow it.
    pub repeats: bool,
}

/// Reads shell text.
pub fn read(text: &str) -> Script {
    if text.len() > COMMAND_LINE_BYTES_MAX {
        let doubt = format!("the line is longer than {COMMAND_LINE_BYTES_MAX} bytes");
        return Script { doubts: vec![doubt], parts: crude(text), opaque: true, ..Script::default() };
    }
    let mut doubts: Vec<String> = odd_character(text).into_iter().collect();
    let found = tree::parts(text);
    let repeats = found.as_ref().is_none_or(|f| f.repeats);
    let opaque = found.as_ref().is_none_or(|f| f.broken || f.odd.is_some() || f.parts.is_empty());
    let parts = match found {
        Some(tree::Found { parts, broken, odd, .. }) => {
            if broken {
                doubts.push("it does not parse as shell".to_owned());
            }
            doubts.extend(odd.into_iter().map(str::to_owned));
            parts
        }
        None => {
            doubts.push("it could not be parsed".to_owned());
            crude(text)
        }
    };
    let simples = match plain::read(text) {
        Ok(simples) => simples,
        Err(doubt) => {
            doubts.insert(0, doubt);
            Vec::new()
        }
    };
    let agree = simples.len() == parts.len()
        && simples
            .iter()
            .zip(&parts)
            .all(|(s, p)| same(&s.argv, &p.words) && same(&s.reads, &p.reads) && p.writes.is_empty());
    if doubts.is_empty() && !agree {
        doubts.push("two parsers read it differently".to_owned());
    }
    if simples.len() > SIMPLE_COMMANDS_MAX {
        doubts.push(format!("it has more than {SIMPLE_COMMANDS_MAX} commands"));
    }
    doubts.dedup();
    Script { opaque, repeats, simples: if doubts.is_empty() { simples } else { Vec::new() }, doubts, parts }
}

fn same(words: &[String], found: &[Option<String>]) -> bool {
    words.len() == found.len() && words.iter().zip(found).all(|(a, b)| Some(a) == b.as_ref())
}

/// An argument list that no shell will read.
pub fn exactly(argv: &[String]) -> Script {
    let part = Part::of(argv.iter().cloned().map(Some).collect());
    let doubts: Vec<String> = if argv.is_empty() {
        vec!["it contains no command".to_owned()]
    } else {
        argv.iter().find_map(|a| odd_character(a)).into_iter().collect()
    };
    let simples = if doubts.is_empty() {
        vec![Simple { joint: Joint::First, argv: argv.to_vec(), patterns: Vec::new(), reads: Vec::new() }]
    } else {
        Vec::new()
    };
    Script { opaque: argv.is_empty(), doubts, simples, parts: vec![part], repeats: false }
}

/// A character that a user does not see, or takes for another.
fn odd_character(text: &str) -> Option<String> {
    let odd = |c: char| match c {
        '\n' | '\t' => false,
        c if c.is_ascii() => c.is_ascii_control(),
        c => c.is_whitespace() || is_hidden(c) || !c.is_alphanumeric(),
    };
    text.chars().find(|c| odd(*c)).map(|c| format!("it contains the character U+{:04X}", u32::from(c)))
}

/// Words of a line that no parser understood: enough for a deny rule to see a name.
fn crude(text: &str) -> Vec<Part> {
    let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= COMMAND_LINE_BYTES_MAX).last().unwrap_or(0);
    let text = if text.len() > COMMAND_LINE_BYTES_MAX { text.get(..end).unwrap_or_default() } else { text };
    text.split(['\n', ';', '|', '&', '(', ')', '{', '}', '`'])
        .map(|piece| {
            let words = piece.split_whitespace().take(SIMPLE_COMMANDS_MAX);
            Part::of(words.map(|w| Some(w.replace(['"', '\'', '\\'], ""))).collect())
        })
        .filter(|p| !p.words.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: &[&[&str]]) {
        let script = read(text);
        assert_eq!(script.doubts, Vec::<String>::new(), "{text}");
        let found: Vec<Vec<&str>> =
            script.simples.iter().map(|s| s.argv.iter().map(String::as_str).collect()).collect();
        assert_eq!(found, expect, "{text}");
    }

    fn doubt(text: &str) -> String {
        let script = read(text);
        assert!(!script.doubts.is_empty(), "no doubt about {text:?}: {:?}", script.simples);
        assert_eq!(script.simples, []);
        script.doubts.join("; ")
    }

    #[test]
    fn plain_lines_are_read_exactly() {
        check("ls", &[&["ls"]]);
        check("ls -la src", &[&["ls", "-la", "src"]]);
        check(
            "cd src && cargo test --lib | tail -n 5; echo done",
            &[&["cd", "src"], &["cargo", "test", "--lib"], &["tail", "-n", "5"], &["echo", "done"]],
        );
        check("grep 'a | b; c' \"x y\" z", &[&["grep", "a | b; c", "x y", "z"]]);
        check("cargo test 2>&1", &[&["cargo", "test"]]);
        check("cargo test 2>/dev/null || echo no", &[&["cargo", "test"], &["echo", "no"]]);
        check("make > /dev/null", &[&["make"]]);
        check("x a-b'c d'e", &[&["x", "a-bc de"]]);
        check("ls\npwd\n", &[&["ls"], &["pwd"]]);
        check("echo ''", &[&["echo", ""]]);
        check("[ -d src ] && echo yes", &[&["[", "-d", "src", "]"], &["echo", "yes"]]);
        check("git show HEAD^ HEAD@{1} HEAD~2", &[&["git", "show", "HEAD^", "HEAD@{1}", "HEAD~2"]]);
        check(r#"grep "a\.b\"c$" x"#, &[&["grep", "a\\.b\"c$", "x"]]);
        check(
            r"find . \( -name '*.a' -o -name \*.b \)",
            &[&["find", ".", "(", "-name", "*.a", "-o", "-name", "*.b", ")"]],
        );
        check(r#"ls; echo "exit $?" $?"#, &[&["ls"], &["echo", "exit 0", "0"]]);
    }

    #[test]
    fn patterns_and_inputs_are_marked() {
        let of = |text: &str| {
            let script = read(text);
            assert_eq!(script.doubts, Vec::<String>::new(), "{text}");
            script.simples.into_iter().map(|s| (s.patterns, s.reads)).collect::<Vec<_>>()
        };
        assert_eq!(of("ls *.rs src/?.md"), [(vec![1, 2], vec![])]);
        assert_eq!(of("ls '*.rs' \\*"), [(vec![], vec![])]);
        assert_eq!(of("wc -l < a 2>/dev/null && cat<b"), [(vec![], vec!["a".into()]), (vec![], vec!["b".into()])]);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn whatever_a_shell_would_expand_is_doubted() {
        for text in [
            "",
            " ",
            ";",
            "ls;;",
            "ls &",
            "ls & pwd",
            "FOO=1 ls",
            "PATH=. ls",
            "ls $HOME",
            "ls ${X}",
            "ls $(pwd)",
            "ls `pwd`",
            "ls \"$(pwd)\"",
            "ls \"`pwd`\"",
            "ls [a]",
            "ls 'a'*",
            "ls $A*",
            "ls {a,b}",
            "ls ~",
            "ls ~root",
            "ls > out",
            "ls >> out",
            "ls 2> err",
            "ls <<< x",
            "ls <& 3",
            "ls <> x",
            "< in ls",
            "ls < $in",
            "ls < *",
            "[ a",
            "[ a > b ]",
            "[ a < b ]",
            "[ $a ]",
            "a b ]",
            "ls a\\ b",
            "l\\s",
            "\\ls",
            "ls {a..b}",
            "ls @{a,b}",
            "ls @{u}",
            "ls a\\;id",
            "ls \\> x",
            "ls \"$A\"",
            "ls \"\\$(x)$(y)\"",
            "cat <<EOF\nx\nEOF",
            "ls >&out",
            "ls &> out",
            "ls >| out",
            "(ls)",
            "{ ls; }",
            "if true; then ls; fi",
            "for x in a; do ls; done",
            "while ls; do pwd; done",
            "f() { ls; }",
            "function f { ls; }",
            "[[ a ]]",
            "! ls",
            "time ls",
            "ls # note",
            "ls \\\n pwd",
            "l\\s",
            "ls $'a'",
            "ls $\"a\"",
            "a=b",
            "ls 'x",
            "ls \"x",
            "ls | | pwd",
            "ls &&",
            "ls ||",
            "| ls",
            "diff <(a) <(b)",
            "ls\u{a0}-a",
            "ls\u{200b}",
            "ls \u{202e}x",
            "l\u{0}s",
            "ls\r\nrm x",
            "case x in x) ls;; esac",
            "coproc ls",
            "select x in a; do ls; done",
            "((1))",
            "ls =a$((1))",
            "export A=1",
            "declare x",
            "unset x",
            "ls |& pwd",
            "2>&1",
            "ls 2>&3",
            "ls >/dev/nullx",
            "ls >/dev/null/../x",
            "ls \u{2028}rm",
        ] {
            doubt(text);
        }
        doubt(&"a ".repeat(20_000));
        doubt(&"a;".repeat(200));
    }

    #[test]
    fn every_command_is_found_however_deep() {
        let words = |text: &str| -> Vec<String> {
            read(text).parts.iter().filter_map(|p| p.words.first().cloned().flatten()).collect()
        };
        assert_eq!(words("a $(b `c`) | d"), ["a", "b", "c", "d"]);
        assert_eq!(words("f() { rm x; }; if a; then b; else c; fi"), ["rm", "a", "b", "c"]);
        assert_eq!(words("x=$(rm y)"), ["rm"]);
        assert_eq!(words("cat <<EOF\n$(rm z)\nEOF"), ["cat", "rm"]);
        assert_eq!(words("r\"\"m 'x'; r\\m y"), ["rm", "rm"]);
        let script = read("echo x > .git/config 2>> \"$A\"");
        assert_eq!(script.parts[0].writes, [Some(".git/config".to_owned()), None]);
        let writes = |text: &str| read(text).parts.into_iter().flat_map(|p| p.writes).flatten().collect::<Vec<_>>();
        assert_eq!(writes("cat a | grep b > x"), ["x"]);
        assert_eq!(writes("(a; b) > x"), ["x"]);
        assert_eq!(writes("{ a; } >> x && b > y").len(), 2);
    }

    proptest! {
        /// Words quoted by `shell-words` are read back by both readers; random input never panics.
        #[test]
        fn quoted_words_come_back(argv in prop::collection::vec("[ -~äж]{0,12}", 1..6)) {
            let argv: Vec<String> = argv;
            prop_assume!(!argv[0].is_empty());
            let line = shell_words::join(&argv);
            let script = read(&line);
            if script.doubts.is_empty() {
                prop_assert_eq!(&script.simples[0].argv, &argv, "{}", line);
                prop_assert_eq!(script.simples.len(), 1);
            }
        }

        #[test]
        fn any_text_is_survived(text in "[ -~\n\t$`'\"(){}<>|&;*é\u{200b}]{0,60}") {
            let script = read(&text);
            prop_assert!(script.simples.is_empty() || script.doubts.is_empty());
        }
    }
}
