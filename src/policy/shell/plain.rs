//! The strict reader: words, quotes, `&&`, `||`, `;`, `|`, and redirects that reach no file. Anything else is a doubt.

use super::{Joint, Simple};

/// Words that begin something other than a simple command.
const RESERVED: [&str; 22] = [
    "!", "[[", "]]", "{", "}", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if",
    "in", "select", "then", "time", "until", "while",
];

/// The commands of a plain line, or what makes it more than plain.
pub(super) fn read(text: &str) -> Result<Vec<Simple>, String> {
    let mut reader =
        Reader { rest: text.trim_matches([' ', '\t', '\n']), out: Vec::new(), argv: Vec::new(), joint: Joint::First };
    while !reader.rest.is_empty() {
        reader.step()?;
    }
    reader.end_command(None)?;
    Ok(reader.out)
}

struct Reader<'a> {
    rest: &'a str,
    out: Vec<Simple>,
    argv: Vec<String>,
    joint: Joint,
}

impl<'a> Reader<'a> {
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
            return Err("it holds a comment".to_owned());
        }
        let before = self.rest;
        let word = self.word()?;
        if self.argv.is_empty() {
            // Nobody quotes a program's name but to hide it from whoever compares names.
            if before.get(..word.len()) != Some(word.as_str()) {
                return Err("the program's name is quoted".to_owned());
            }
            check_first(&word)?;
        }
        self.argv.push(word);
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn end_command(&mut self, next: Option<Joint>) -> Result<(), String> {
        if self.argv.is_empty() {
            // A final `;` is fine; any other joint needs something on both sides.
            let closed = next.is_none() && self.joint == Joint::Then && !self.out.is_empty();
            return if closed { Ok(()) } else { Err("a command is empty".to_owned()) };
        }
        self.out.push(Simple { joint: self.joint, argv: std::mem::take(&mut self.argv) });
        if let Some(next) = next {
            self.joint = next;
        }
        Ok(())
    }

    /// `2>&1`, `>/dev/null` and their kin, which reach no file.
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

    fn word(&mut self) -> Result<String, String> {
        let mut out = String::new();
        let start = self.rest;
        loop {
            let mut chars = self.rest.chars();
            let Some(c) = chars.next() else { break };
            match c {
                ' ' | '\t' | '\n' | ';' | '|' => break,
                '\'' => {
                    let (inner, after) = chars.as_str().split_once('\'').ok_or("a quote is not closed")?;
                    out.push_str(inner);
                    self.rest = after;
                }
                '"' => {
                    let (inner, after) = chars.as_str().split_once('"').ok_or("a quote is not closed")?;
                    if let Some(sign) = inner.chars().find(|c| matches!(c, '$' | '`' | '\\' | '!')) {
                        return Err(format!("a quoted part holds {sign}"));
                    }
                    out.push_str(inner);
                    self.rest = after;
                }
                '&' | '<' | '>' | '(' | ')' | '$' | '`' | '\\' | '*' | '?' | '[' | ']' | '{' | '}' | '^' => {
                    return Err(format!("it holds an unquoted {c}"));
                }
                '~' if out.is_empty() || out.ends_with([':', '=']) => {
                    return Err("a tilde would be expanded".to_owned());
                }
                _ => {
                    out.push(c);
                    self.rest = chars.as_str();
                }
            }
        }
        // Never without progress: the callers loop.
        if self.rest.len() == start.len() { Err("it cannot be read".to_owned()) } else { Ok(out) }
    }
}

fn check_first(word: &str) -> Result<(), String> {
    if RESERVED.contains(&word) {
        return Err(format!("it uses the shell's {word}"));
    }
    if word.contains('=') {
        return Err("it sets a variable".to_owned());
    }
    if word.is_empty()
        || !word.is_ascii()
        || word.contains(|c: char| c.is_ascii_whitespace() || c.is_ascii_punctuation() && !"./_-+[@:,".contains(c))
    {
        return Err("the program's name is unusual".to_owned());
    }
    Ok(())
}
