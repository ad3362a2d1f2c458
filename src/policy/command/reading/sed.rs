//! Scripts of sed that only print: no command in them writes, reads another file or runs something.

/// The script and the files of an argument list that does nothing but print; `None` for any other.
pub(in crate::policy) fn files(args: &[String]) -> Option<Vec<String>> {
    let mut scripts: Vec<&str> = Vec::new();
    let mut operands: Vec<&str> = Vec::new();
    let mut rest = args.iter().map(String::as_str);
    while let Some(arg) = rest.next() {
        match arg {
            "--" => operands.extend(rest.by_ref()),
            "--quiet" | "--silent" | "--regexp-extended" | "--null-data" | "--separate" | "--unbuffered" => {}
            "-" => operands.push(arg),
            _ if arg.starts_with("--") => scripts.push(arg.strip_prefix("--expression=")?),
            _ => match arg.strip_prefix('-') {
                None => operands.push(arg),
                Some(cluster) => {
                    let (letters, script) = match cluster.split_once('e') {
                        Some((letters, "")) => (letters, Some(rest.next()?)),
                        Some((letters, attached)) => (letters, Some(attached)),
                        None => (cluster, None),
                    };
                    if !letters.chars().all(|c| "nErsuz".contains(c)) {
                        return None;
                    }
                    scripts.extend(script);
                }
            },
        }
    }
    if scripts.is_empty() {
        if operands.is_empty() {
            return None;
        }
        scripts.push(operands.remove(0));
    }
    scripts.iter().all(|s| only_prints(s)).then(|| operands.into_iter().map(str::to_owned).collect())
}

/// Returns whether a script only prints lines by their numbers.
pub(in crate::policy) fn prints_numbers(script: &str) -> bool {
    let span = script.strip_suffix('p').unwrap_or_default();
    let number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    match span.split_once(',') {
        Some((from, to)) => number(from) && (number(to) || to == "$"),
        None => number(span),
    }
}

/// Returns whether every command of a script is known to only change the printed output.
fn only_prints(script: &str) -> bool {
    let mut at = Cursor { rest: script };
    loop {
        at.skip(|c| c.is_ascii_whitespace() || c == ';' || c == '}');
        if at.rest.is_empty() {
            return true;
        }
        if at.command().is_none() {
            return false;
        }
    }
}

struct Cursor<'a> {
    rest: &'a str,
}

impl Cursor<'_> {
    fn skip(&mut self, what: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(what);
    }

    fn take(&mut self, sign: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(sign)?;
        Some(())
    }

    /// Everything up to a sign without `\` before it.
    fn until(&mut self, end: char) -> Option<()> {
        let mut chars = self.rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => {
                    chars.next()?;
                }
                c if c == end => {
                    self.rest = chars.as_str();
                    return Some(());
                }
                _ => {}
            }
        }
        None
    }

    fn address(&mut self) -> Option<()> {
        if let Some(after) = self.rest.strip_prefix('/') {
            self.rest = after;
            self.until('/')?;
            self.skip(|c| c == 'I' || c == 'M');
        } else {
            self.skip(|c| c.is_ascii_digit() || "$~+".contains(c));
        }
        Some(())
    }

    fn command(&mut self) -> Option<()> {
        self.address()?;
        self.skip(|c| c == ' ');
        if self.take(',').is_some() {
            self.skip(|c| c == ' ');
            self.address()?;
        }
        self.skip(|c| c == ' ' || c == '!');
        let mut chars = self.rest.chars();
        let name = chars.next()?;
        self.rest = chars.as_str();
        match name {
            '{' => return Some(()),
            'p' | 'd' | 'D' | 'P' | 'n' | 'N' | 'g' | 'G' | 'h' | 'H' | 'x' | '=' | 'l' | 'z' => {}
            'q' | 'Q' => self.skip(|c| c.is_ascii_digit() || c == ' '),
            's' | 'y' => {
                let end = chars.next().filter(|c| c.is_ascii_punctuation() && *c != '\\')?;
                self.rest = chars.as_str();
                self.until(end)?;
                self.until(end)?;
                if name == 's' {
                    // Not `e`, which runs, nor `w`, which writes.
                    self.skip(|c| "gpiIm".contains(c) || c.is_ascii_digit());
                }
            }
            _ => return None,
        }
        self.skip(|c| c == ' ');
        (self.rest.is_empty() || self.rest.starts_with([';', '}', '\n'])).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_is_told_from_writing_and_running() {
        for line in [
            "-n 1,20p a",
            "-n '/fn main/,/^}/p' a b",
            "-n -e 5p -e '10,$p' a",
            "-n '5p;10q' a",
            "'s/a/b/g' a",
            "-E 's|a(b)|\\1|gi;s/x/y/' a",
            "'/^$/d' a",
            "-n '$=' a",
            "-nE '/a/{n;p}' a",
            "'1~2d' a",
            "-n '/a/I,+3p' a",
            "-e5p a",
            "'s/a\\/b/c/' a",
            "'y/abc/xyz/' a",
        ] {
            let args = shell_words::split(line).unwrap();
            assert!(files(&args).is_some(), "{line}");
        }
        for line in [
            "-i s/a/b/ a",
            "-n -i 5p a",
            "'s/a/b/e' a",
            "'s/a/id/ge' a",
            "'s/a/b/w out' a",
            "'w out' a",
            "'1e id' a",
            "e a",
            "'r /etc/passwd' a",
            "'R x' a",
            "'W x' a",
            "-f x a",
            "--file=x a",
            "-n 5p a -i",
            "-ni 5p a",
            "--in-place 5p a",
            "'p;w x' a",
            "'p\nw x' a",
            "'{p;w x\n}' a",
            "'/a/w x' a",
            "'s/a/b/;e' a",
            "'\\,a,w x' a",
            "'a\\\nw x' a",
            "'1!w x' a",
            "'s\na\nb\nw x' a",
            "",
        ] {
            let args = shell_words::split(line).unwrap();
            assert_eq!(files(&args), None, "{line}");
        }
    }
}
