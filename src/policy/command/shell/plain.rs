//! The strict reader: words, quotes, `&&`, `||`, `;`, `|`, patterns of file names, files as input, and redirects that
//! reach no file. Anything else is a doubt.

use super::{Joint, Simple};

/// Words that begin something other than a simple command.
const RESERVED: [&str; 22] = [
    "!", "[[", "]]", "{", "}", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if",
    "in", "select", "then", "time", "until", "while",
];

/// The commands of a plain line, or what makes it more than plain.
pub(super) fn read(text: &str) -> Result<Vec<Simple>, String> {
    let simple = Simple { joint: Joint::First, argv: Vec::new(), patterns: Vec::new(), reads: Vec::new() };
    let mut reader = LineReader { rest: text.trim_matches([' ', '\t', '\n']), out: Vec::new(), simple };
    while !reader.rest.is_empty() {
        reader.step()?;
    }
    reader.end_command(None)?;
    Ok(reader.out)
}

struct LineReader<'a> {
    rest: &'a str,
    out: Vec<Simple>,
    /// The command that is being read.
    simple: Simple,
}

/// A word after quote removal.
struct Word {
    text: String,
    /// A shell looks for files that fit.
    is_pattern: bool,
}

impl<'a> LineReader<'a> {
    fn step(&mut self) -> Result<(), String> {
        const JOINTS: [(&str, Joint); 5] =
            [("&&", Joint::And), ("||", Joint::Or), ("|&", Joint::Pipe), ("|", Joint::Pipe), (";", Joint::Then)];
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        if let Some((sign, joint)) = JOINTS.iter().find(|(sign, _)| self.rest.starts_with(sign)) {
            if *sign == "|&" {
                return Err("it pipes errors".to_owned());
            }
            self.skip(sign.len());
            return self.end_command(Some(*joint));
        }
        if self.rest.starts_with('\n') {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n']);
            return self.end_command(Some(Joint::Then));
        }
        if self.quiet_redirect() {
            return Ok(());
        }
        if self.rest.starts_with('#') {
            return Err("it contains a comment".to_owned());
        }
        if let Some(after) = self.rest.strip_prefix('<') {
            return self.input(after);
        }
        let before = self.rest;
        let Word { text, is_pattern } = self.word()?;
        if self.simple.argv.is_empty() {
            // A program's name is only quoted to hide it from a comparison of names.
            if before.get(..text.len()) != Some(text.as_str()) {
                return Err("the program's name is quoted".to_owned());
            }
            check_first(&text)?;
        }
        if is_pattern {
            self.simple.patterns.push(self.simple.argv.len());
        }
        self.simple.argv.push(text);
        Ok(())
    }

    /// `< file`; `after` is what follows the sign.
    fn input(&mut self, after: &'a str) -> Result<(), String> {
        if self.simple.argv.is_empty() || after.starts_with(['<', '(', '&', '>']) {
            return Err("it contains an unusual redirect".to_owned());
        }
        self.rest = after.trim_start_matches([' ', '\t']);
        let word = self.word()?;
        if word.is_pattern || word.text.is_empty() {
            return Err("its input is not one file".to_owned());
        }
        self.simple.reads.push(word.text);
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn end_command(&mut self, next: Option<Joint>) -> Result<(), String> {
        if self.simple.argv.is_empty() {
            // A final `;` is fine; any other joint needs something on both sides.
            let closed = next.is_none() && self.simple.joint == Joint::Then && !self.out.is_empty();
            return if closed { Ok(()) } else { Err("a command is empty".to_owned()) };
        }
        if self.simple.argv.first().is_some_and(|p| p == "[") && self.simple.argv.last().is_none_or(|w| w != "]") {
            return Err("a test is not closed".to_owned());
        }
        let joint = next.unwrap_or(Joint::Then);
        let fresh = Simple { joint, argv: Vec::new(), patterns: Vec::new(), reads: Vec::new() };
        self.out.push(std::mem::replace(&mut self.simple, fresh));
        Ok(())
    }

    /// `2>&1`, `>/dev/null` and similar redirects, which reach no file.
    fn quiet_redirect(&mut self) -> bool {
        const QUIET: [&str; 9] = [
            "2>&1",
            "1>&2",
            ">&2",
            "2>/dev/null",
            "2> /dev/null",
            "1>/dev/null",
            ">/dev/null",
            "> /dev/null",
            "&>/dev/null",
        ];
        let hit = QUIET.iter().find(|q| {
            self.rest
                .strip_prefix(**q)
                .is_some_and(|after| after.is_empty() || after.starts_with([' ', '\t', '\n', ';', '|']))
        });
        // A redirect alone is a command of no words, which end_command refuses.
        hit.map(|q| self.skip(q.len())).is_some()
    }

    fn word(&mut self) -> Result<Word, String> {
        let (mut out, mut quoted, mut is_pattern) = (String::new(), false, false);
        let start = self.rest;
        loop {
            let mut chars = self.rest.chars();
            let Some(c) = chars.next() else { break };
            let rest = chars.as_str();
            self.rest = match c {
                ' ' | '\t' | '\n' | ';' | '|' => break,
                '<' if !out.is_empty() && !out.bytes().all(|b| b.is_ascii_digit()) => break,
                '\'' => {
                    let (inner, after) = rest.split_once('\'').ok_or("a quote is not closed")?;
                    out.push_str(inner);
                    quoted = true;
                    after
                }
                '"' => {
                    quoted = true;
                    double_quoted(rest, &mut out)?
                }
                '\\' => {
                    quoted = true;
                    escaped(rest, &mut out)?
                }
                '$' if rest.starts_with('?') => {
                    // How the command before ended: a number.
                    out.push('0');
                    rest.get(1..).unwrap_or_default()
                }
                '*' | '?' => {
                    is_pattern = true;
                    out.push(c);
                    rest
                }
                '[' | ']' if self.closes_test(c, start) => {
                    out.push(c);
                    rest
                }
                '{' if out.ends_with('@') => {
                    let (inner, after) = rest.split_once('}').ok_or("it contains an unquoted {")?;
                    if inner.is_empty() || !inner.bytes().all(|b| b.is_ascii_digit()) {
                        return Err("it contains an unquoted {".to_owned());
                    }
                    out.push_str(&format!("{{{inner}}}"));
                    after
                }
                '^' if !out.is_empty() => {
                    out.push(c);
                    rest
                }
                '&' | '<' | '>' | '(' | ')' | '$' | '`' | '[' | ']' | '{' | '}' | '^' => {
                    return Err(format!("it contains an unquoted {c}"));
                }
                '~' if out.is_empty() || out.ends_with([':', '=']) => {
                    return Err("a tilde would be expanded".to_owned());
                }
                _ => {
                    out.push(c);
                    rest
                }
            };
        }
        if is_pattern && quoted {
            return Err("a pattern is partly quoted".to_owned());
        }
        // Never without progress: the callers loop.
        if self.rest.len() == start.len() {
            Err("it cannot be read".to_owned())
        } else {
            Ok(Word { text: out, is_pattern })
        }
    }

    /// Returns whether a bracket is a word of its own: the program `[` or the end of its arguments.
    fn closes_test(&self, bracket: char, word: &str) -> bool {
        let alone = word
            .strip_prefix(bracket)
            .is_some_and(|after| after.is_empty() || after.starts_with([' ', '\t', '\n', ';', '|']));
        let program = self.simple.argv.first().map(String::as_str);
        alone && if bracket == '[' { program.is_none() } else { program == Some("[") }
    }
}

/// Reads the character after a backslash into a word; returns what follows it.
fn escaped<'a>(rest: &'a str, out: &mut String) -> Result<&'a str, String> {
    let mut after = rest.chars();
    let plain = after.next().filter(|c| "()*?[]!.".contains(*c));
    out.push(plain.ok_or("it contains an unusual \\")?);
    Ok(after.as_str())
}

/// Reads up to the closing `"`; gives what follows it.
fn double_quoted<'a>(text: &'a str, out: &mut String) -> Result<&'a str, String> {
    let mut chars = text.chars();
    loop {
        match chars.next().ok_or("a quote is not closed")? {
            '"' => return Ok(chars.as_str()),
            '\\' => match chars.as_str().chars().next() {
                Some(c @ ('$' | '`' | '"' | '\\')) => {
                    chars.next();
                    out.push(c);
                }
                Some('\n') | None => return Err("a quoted part contains \\".to_owned()),
                Some(_) => out.push('\\'),
            },
            '$' if chars.as_str().starts_with('?') => {
                chars.next();
                out.push('0');
            }
            '$' if !chars.as_str().starts_with(['"', ' ', '|', ')']) => {
                return Err("a quoted part contains $".to_owned());
            }
            c @ ('`' | '!') => return Err(format!("a quoted part contains {c}")),
            c => out.push(c),
        }
    }
}

fn check_first(word: &str) -> Result<(), String> {
    if RESERVED.contains(&word) {
        return Err(format!("it uses the shell's {word}"));
    }
    if word.contains('=') {
        return Err("it sets a variable".to_owned());
    }
    if word == "[" {
        return Ok(());
    }
    if word.is_empty()
        || !word.is_ascii()
        || word.contains(|c: char| c.is_ascii_whitespace() || c.is_ascii_punctuation() && !"./_-+[@:,".contains(c))
    {
        return Err("the program's name is unusual".to_owned());
    }
    Ok(())
}
