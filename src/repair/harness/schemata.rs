//! Many changes in one build: each changed function carries all its variants behind a selector read from the
//! environment, so that a compiler runs once for a whole batch.

use super::Attempt;
use crate::repair::source::{Edit, Lang, Role, Source, role};
use std::collections::BTreeMap;
use std::ops::Range;

/// Name of the variable that selects a variant.
pub const SELECTOR: &str = "RIGHTSEAT_MUTANT";

/// Name of the variable with the CPU time a variant may use, in milliseconds: the shell's own limit counts seconds, and
/// a batch of changes to a loop has many that never end.
const CPU: &str = "RIGHTSEAT_CPU_MS";

/// Ends a Rust program that used more; where there is no such file the shell's limit has to do.
const RUST_WATCH: &str = r#"if let Some(ms) = ::std::env::var("{CPU}").ok().and_then(|v| v.parse::<u64>().ok()) { ::std::thread::spawn(move || loop { ::std::thread::sleep(::std::time::Duration::from_millis(10)); let stat = ::std::fs::read_to_string("/proc/self/stat").unwrap_or_default(); let ticks: u64 = stat.rsplit(')').next().unwrap_or("").split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum(); if ticks * 10 > ms { ::std::process::exit(3); } }); }"#;

/// Texts with all variants in them, and where each variant's lines are.
#[derive(Debug, Clone, Default)]
pub struct Schemata {
    pub files: BTreeMap<String, String>,
    /// Path, first and last line (from 1), and the index of the attempt.
    pub arms: Vec<(String, Range<u32>, usize)>,
}

impl Schemata {
    /// The attempt whose variant a line of a file belongs to.
    pub fn owner(&self, path: &str, line: u32) -> Option<usize> {
        self.arms.iter().find(|(p, lines, _)| p == path && lines.contains(&line)).map(|(_, _, i)| *i)
    }
}

/// Builds the texts for the attempts named by `chosen`; attempts outside functions are left out.
pub fn build(texts: &dyn Fn(&str) -> Option<String>, batch: &[Attempt], chosen: &[usize]) -> Schemata {
    let mut by_file: BTreeMap<&str, BTreeMap<(usize, usize), Vec<usize>>> = BTreeMap::new();
    for i in chosen {
        let Some(attempt) = batch.get(*i) else { continue };
        let Some((range, _)) = &attempt.body else { continue };
        by_file.entry(attempt.path.as_str()).or_default().entry((range.start, range.end)).or_default().push(*i);
    }
    let mut out = Schemata::default();
    for (path, bodies) in by_file {
        let Some(source) = texts(path).and_then(|t| Source::parse(path, t)) else { continue };
        let mut edits = Vec::new();
        for ((start, end), members) in bodies {
            let variants: Vec<(usize, &str)> = members
                .iter()
                .filter_map(|i| batch.get(*i)?.body.as_ref().map(|(_, text)| (*i, text.as_str())))
                .collect();
            wrap(&source, start..end, &variants, &mut edits);
        }
        let Some(text) = source.with(&edits) else { continue };
        out.arms.extend(arms(path, &text));
        out.files.insert(path.to_owned(), text.clone());
        if source.lang == Lang::Go
            && let Some((name, body)) = go_selector(path, &source.text)
        {
            out.files.insert(name, body);
        }
    }
    out
}

fn wrap(source: &Source, body: Range<usize>, variants: &[(usize, &str)], edits: &mut Vec<Edit>) {
    let function = source.tree.root_node().descendant_for_byte_range(body.start, body.start + 1).and_then(|n| {
        let mut at = Some(n);
        while let Some(node) = at {
            if role(node) == Role::Function {
                return Some(node);
            }
            at = node.parent();
        }
        None
    });
    let Some(function) = function else { return };
    let mut head = String::new();
    match source.lang {
        Lang::Rust => {
            head.push_str("\nmatch { static RS: ::std::sync::OnceLock<u32> = ::std::sync::OnceLock::new(); *RS.get_or_init(|| ::std::env::var(\"");
            head.push_str(SELECTOR);
            head.push_str("\").ok().and_then(|v| v.parse().ok()).map(|n: u32| { ");
            head.push_str(&RUST_WATCH.replace("{CPU}", CPU));
            head.push_str(" n }).unwrap_or(0)) } {\n");
            for (i, text) in variants {
                head.push_str(&format!("{} => /*@{i}*/\n{text}\n/*@@*/\n", i + 1));
            }
            head.push_str("_ => {\n");
            edits.push(Edit { range: body.end - 1..body.end - 1, text: "\n}}\n".to_owned() });
        }
        Lang::Go => {
            let result = function.child_by_field_name("result").map(|r| source.slice(r)).unwrap_or_default();
            for (i, text) in variants {
                let test = i + 1;
                if result.is_empty() {
                    head.push_str(&format!(
                        "\nif rightseatMutant == {test} {{ func() /*@{i}*/\n{text}()\n/*@@*/\nreturn }}\n"
                    ));
                } else {
                    // The brace must follow the result on the same line.
                    head.push_str(&format!(
                        "\nif rightseatMutant == {test} {{ /*@{i}*/\nreturn func() {result} {text}()\n/*@@*/\n}}\n"
                    ));
                }
            }
            head = head.replace("*/\n{", "*/ {");
        }
        Lang::Python | Lang::Script => return,
    }
    edits.push(Edit { range: body.start + 1..body.start + 1, text: head });
}

fn arms(path: &str, text: &str) -> Vec<(String, Range<u32>, usize)> {
    let mut out = Vec::new();
    let mut open: Option<(u32, usize)> = None;
    for (line, content) in (1_u32..).zip(text.lines()) {
        if content.contains("/*@@*/") {
            if let Some((first, i)) = open.take() {
                out.push((path.to_owned(), first..line + 1, i));
            }
        } else if let Some(rest) = content.split("/*@").nth(1) {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            if let (Ok(i), None) = (digits.parse(), open) {
                open = Some((line, i));
            }
        }
    }
    out
}

/// A file of the package that reads the selector.
fn go_selector(path: &str, text: &str) -> Option<(String, String)> {
    let package = text.lines().find_map(|l| l.strip_prefix("package "))?.trim();
    let name = path
        .rsplit_once('/')
        .map_or_else(|| "rightseat_trial.go".to_owned(), |(dir, _)| format!("{dir}/rightseat_trial.go"));
    let body = format!(
        r#"package {package}

import (
	rightseatOs "os"
	rightseatDebug "runtime/debug"
	rightseatStrconv "strconv"
	rightseatSyscall "syscall"
	rightseatTime "time"
)

var rightseatMutant = func() int {{
	n, _ := rightseatStrconv.Atoi(rightseatOs.Getenv("{SELECTOR}"))
	if ms, err := rightseatStrconv.ParseInt(rightseatOs.Getenv("{CPU}"), 10, 64); err == nil && n > 0 {{
		rightseatDebug.SetMaxStack(64 << 20)
		go func() {{
			for {{
				rightseatTime.Sleep(10 * rightseatTime.Millisecond)
				var used rightseatSyscall.Rusage
				if rightseatSyscall.Getrusage(0, &used) == nil && (used.Utime.Nano()+used.Stime.Nano())/1000000 > ms {{
					rightseatOs.Stderr.WriteString("@hang\n")
					rightseatOs.Exit(3)
				}}
			}}
		}}()
	}}
	return n
}}()
"#
    );
    Some((name, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_knows_its_lines() {
        let text = "fn f(a: i32) -> i32 {\n    a + 1\n}\n".to_owned();
        let body = text.find('{').unwrap()..text.rfind('}').unwrap() + 1;
        let attempt =
            |t: &str| Attempt { path: "src/lib.rs".into(), text: String::new(), body: Some((body.clone(), t.into())) };
        let batch = [attempt("{\n    a - 1\n}"), attempt("{\n    a\n}")];
        let made = build(&|_| Some(text.clone()), &batch, &[0, 1]);
        let out = made.files.get("src/lib.rs").unwrap();
        let source = Source::parse("src/lib.rs", out.clone()).unwrap();
        assert!(!source.tree.root_node().has_error(), "{out}");
        let line = u32::try_from(out.lines().position(|l| l.contains("a - 1")).unwrap()).unwrap() + 1;
        assert_eq!(made.owner("src/lib.rs", line), Some(0));
        assert_eq!(made.owner("src/lib.rs", 1), None);
    }
}
