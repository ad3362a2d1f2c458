//! Programs of awk that only print: nothing in them runs, opens or writes something, or looks beyond the files that are
//! named.

/// Names that run or open something, or tell more than the files hold.
const NEVER: &[&str] =
    &["system", "getline", "ENVIRON", "PROCINFO", "ARGV", "ARGC", "ARGIND", "SYMTAB", "FUNCTAB", "@", "|&"];

/// Words after which a `/` may begin a pattern or be a division.
const KEYWORDS: &[&str] =
    &["print", "printf", "return", "in", "else", "do", "delete", "exit", "case", "length", "next"];

/// The files of an argument list whose program only prints; `None` for any other.
pub(super) fn files(args: &[String]) -> Option<Vec<String>> {
    let mut rest = args.iter().map(String::as_str);
    let program = loop {
        let arg = rest.next()?;
        match arg {
            "-F" | "-v" => {
                rest.next()?;
            }
            "--" => break rest.next()?,
            _ if arg.starts_with("-F") || arg.starts_with("-v") => {}
            _ if arg.starts_with('-') => return None,
            _ => break arg,
        }
    };
    let operands: Vec<&str> = rest.collect();
    // Some awks read options after the program as well.
    let is_option = |o: &&str| o.starts_with('-') && o.len() > 1;
    (only_prints(program) && !operands.iter().any(is_option))
        .then(|| operands.into_iter().filter(|o| !assigns(o)).map(str::to_owned).collect())
}

/// Returns whether an operand sets a variable instead of naming a file.
fn assigns(operand: &str) -> bool {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    operand.split_once('=').is_some_and(|(name, _)| is_name(name))
}

/// Returns whether a program is known to only print.
fn only_prints(program: &str) -> bool {
    !NEVER.iter().any(|never| program.contains(never)) && is_quiet(program).is_some()
}

/// Walks over the signs outside of strings and patterns: no `|`, and `>` only where it compares.
fn is_quiet(program: &str) -> Option<()> {
    let (mut braces, mut parens) = (0_usize, 0_usize);
    // The last sign that was no blank, and the word that it ends.
    let (mut last, mut word, mut in_word) = ('\n', String::new(), false);
    let mut chars = program.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => until(&mut chars, '"')?,
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '/' if begins_pattern(last, &word)? => until(&mut chars, '/')?,
            '|' => {
                chars.next_if_eq(&'|')?;
            }
            '>' if braces > 0 && parens == 0 => return None,
            '{' => braces += 1,
            '}' => braces = braces.checked_sub(1)?,
            '(' => parens += 1,
            ')' => parens = parens.checked_sub(1)?,
            '\\' | '`' | '\'' => return None,
            _ => {}
        }
        if c.is_alphanumeric() || c == '_' {
            if !in_word {
                word.clear();
            }
            word.push(c);
            in_word = true;
        } else {
            in_word = false;
        }
        if c == '\n' || !c.is_whitespace() {
            last = c;
        }
    }
    (braces == 0 && parens == 0).then_some(())
}

/// Returns whether a `/` begins a pattern; `None` when it might also divide.
fn begins_pattern(last: char, word: &str) -> Option<bool> {
    match last {
        '(' | '{' | '}' | ';' | ',' | '~' | '!' | '&' | '|' | '\n' => Some(true),
        c if c.is_alphanumeric() || c == '_' => (!KEYWORDS.contains(&word)).then_some(false),
        ']' | '$' => Some(false),
        _ => None,
    }
}

/// Goes on behind the next `end` without `\` before it, on the same line.
fn until(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, end: char) -> Option<()> {
    loop {
        match chars.next()? {
            '\\' => {
                chars.next()?;
            }
            '\n' => return None,
            // Some awks end a pattern at a `/` in brackets and some do not; only plain brackets are read.
            '[' if end == '/' => {
                chars.next_if_eq(&'^');
                let mut holds = 0;
                while chars.next_if(|c| !"]/\\[\n".contains(*c)).is_some() {
                    holds += 1;
                }
                chars.next_if_eq(&']').filter(|_| holds > 0)?;
            }
            c if c == end => return Some(()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_is_told_from_writing_and_running() {
        for line in [
            "'{print $1}' a",
            "-F: '{print $1, $NF}' a b",
            "-F , -v n=3 'NR==n' a",
            "'NR>=10 && NR<=20' a",
            "'/foo/ {print NR\": \"$0}' a",
            "'{s+=$1} END {print s/NR}' a",
            "'{ if ($1 > 3) print $2; else print $3 }' a",
            "'BEGIN{FS=\":\"} $3 ~ /a|b/ {n++} END{printf \"%d\\n\", n}' a",
            "'length($0) > 100' a",
            "'!seen[$0]++' a",
            "'{print (a > b)}' a",
            "'/a/,/b/' a",
            "'{for (i=1; i<=NF; i++) if ($i > 2) c[$i]++} END {for (k in c) print k, c[k]}'",
            "1 a",
            "'$1 == \"a|b > c\"' a",
        ] {
            let args = shell_words::split(line).unwrap();
            assert!(files(&args).is_some(), "{line}");
        }
        for line in [
            "'{print > \"out\"}' a",
            "'{print >> \"out\"}' a",
            "'{print | \"sh\"}' a",
            "'BEGIN{system(\"id\")}'",
            "'BEGIN{\"id\" | getline x; print x}'",
            "'{getline < \"/etc/passwd\"; print}' a",
            "-f x a",
            "-i inplace 1 a",
            "-e 1 a",
            "--include=x 1 a",
            "'BEGIN{print ENVIRON[\"HOME\"]}'",
            "'BEGIN{ARGV[1]=\"/etc/passwd\";ARGC=2} 1'",
            "'@load \"x\"; 1' a",
            "'BEGIN{if (1) /\"/; print \"id\" | \"sh\" #\"}'",
            "'BEGIN{x = 1 /\"/; print \"id\" | \"sh\" #\"/ 2}'",
            "'BEGIN{print /\"/; print \"id\" | \"sh\" #\"}'",
            "'{printf(\"x\") > \"out\"}' a",
            "'{print(1)(2) > \"out\"}' a",
            "'BEGIN{f=\"system\"; @f(\"id\")}'",
            "'{print $1 |& \"sh\"}' a",
            "1 a -f x",
            "'/[/]/ {print > \"x\"} #/' a",
            "'/[\"]/{print \"a\" > \"b\"}' a",
            "'{print \"a\\",
            "",
        ] {
            let args = shell_words::split(line).unwrap_or_default();
            assert_eq!(files(&args), None, "{line}");
        }
    }
}
