//! Failure locations: the frames in a failure text of any runner, innermost first.
//!
//! Recognized: Rust panics, backtraces and compiler arrows; Python tracebacks and pytest's short form; JavaScript
//! and TypeScript stacks (V8, vitest); Go panics, `t.Errorf` lines and compiler lines; Java; Perl and bats diagnostics.

use crate::checks::limits::CHECK_FRAMES_MAX;
use crate::checks::parsers::ProjectRoot;

/// One place in a failure text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// As printed, without `./` and `file://`; [`ProjectRoot::relative`] makes it relative to the project.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
    /// The function, test or thread, where the text names one.
    pub function: Option<String>,
}

impl Frame {
    /// Returns whether the file belongs to a runtime, a package or the runner, not to the project.
    pub fn is_foreign(&self, place: &ProjectRoot) -> bool {
        const FOREIGN: &[&str] = &[
            "/rustc/",
            "node_modules/",
            "site-packages/",
            "dist-packages/",
            "node:",
            "/usr/lib/",
            "/usr/local/go/",
            "/.cargo/",
            "/.rustup/",
            "/go/pkg/mod/",
            "/lib/python",
            "library/std/",
            "library/core/",
            "library/test/",
            "internal/",
            "_testmain.go",
            "<",
        ];
        let outside =
            self.file.starts_with('/') && place.root.as_deref().is_some_and(|root| !self.file.starts_with(root));
        let relative = place.relative(&self.file);
        outside || FOREIGN.iter().any(|f| relative.contains(f))
    }
}

/// The frames in a text, innermost first, at most [`CHECK_FRAMES_MAX`]; each traceback of Python is turned round.
pub fn frames_in(text: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut python_from: Option<usize> = None;
    let mut before = "";
    for line in text.lines() {
        if frames.len() >= CHECK_FRAMES_MAX {
            break;
        }
        let found = frame_of(line, before);
        let is_python = found.as_ref().is_some_and(|f| f.file.ends_with(".py"));
        let ends_run = line.starts_with("Traceback (most recent call last)") || (found.is_some() && !is_python);
        if ends_run && let Some(from) = python_from.take() {
            reverse_from(&mut frames, from);
        }
        if is_python && python_from.is_none() {
            python_from = Some(frames.len());
        }
        frames.extend(found);
        before = line;
    }
    if let Some(from) = python_from {
        reverse_from(&mut frames, from);
    }
    frames
}

/// Returns the innermost frame inside the project.
pub fn first_own(text: &str, place: &ProjectRoot) -> Option<Frame> {
    frames_in(text).into_iter().find(|f| !f.is_foreign(place))
}

fn reverse_from(frames: &mut [Frame], from: usize) {
    if let Some(run) = frames.get_mut(from..) {
        run.reverse();
    }
}

/// The frame a line names; `before` is the line above, which names the function in Go and Rust.
fn frame_of(line: &str, before: &str) -> Option<Frame> {
    let t = line.trim();
    if t.len() < 4 || !t.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    rust_panic(t)
        .or_else(|| python(t))
        .or_else(|| after_at(t, before))
        .or_else(|| arrow(t))
        .or_else(|| called(t))
        .or_else(|| leading(line, t, before))
        .or_else(|| worded(t))
}

fn frame(place: (&str, u32), function: Option<&str>) -> Frame {
    Frame {
        file: place.0.to_owned(),
        line: place.1,
        function: function.map(str::trim).filter(|f| !f.is_empty()).map(str::to_owned),
    }
}

/// `thread 'NAME' (ID) panicked at FILE:L:C:`, and before Rust 1.73 `panicked at 'MESSAGE', FILE:L:C`.
fn rust_panic(t: &str) -> Option<Frame> {
    let (head, rest) = t.split_once("panicked at ")?;
    let at = rest.rsplit_once(", ").map_or(rest, |(_, tail)| tail);
    let thread = head.split('\'').nth(1);
    Some(frame(position(at.trim_end_matches(':'))?, thread))
}

/// `File "FILE", line L, in NAME`.
fn python(t: &str) -> Option<Frame> {
    let (file, rest) = t.strip_prefix("File \"")?.split_once("\", line ")?;
    let (line, name) = rest.split_once(", in ").unwrap_or((rest, ""));
    Some(frame((file, line.trim().parse().ok()?), Some(name)))
}

/// `at NAME (FILE:L:C)`, `at FILE:L:C`, `at Class.method(File.java:L)`; in Rust the name is one line above.
fn after_at(t: &str, before: &str) -> Option<Frame> {
    let rest = t.strip_prefix("at ")?;
    let rest = rest.strip_prefix("async ").unwrap_or(rest);
    if let Some((name, at)) = rest.strip_suffix(')').and_then(|r| r.rsplit_once('(')) {
        return Some(frame(position(at)?, Some(name)));
    }
    if let Some(at) = position(rest) {
        return Some(frame(at, numbered(before)));
    }
    worded(t)
}

/// The name in `  4: sums::tests::halves`.
fn numbered(line: &str) -> Option<&str> {
    let (number, name) = line.trim().split_once(": ")?;
    number.bytes().all(|b| b.is_ascii_digit()).then_some(name)
}

/// `--> FILE:L:C` (rustc) and `❯ NAME FILE:L:C` (vitest).
fn arrow(t: &str) -> Option<Frame> {
    if let Some(at) = t.strip_prefix("--> ") {
        return Some(frame(position(at)?, None));
    }
    let rest = t.strip_prefix("❯ ")?;
    match rest.rsplit_once(' ') {
        Some((name, at)) => Some(frame(position(at)?, Some(name))),
        None => Some(frame(position(rest)?, None)),
    }
}

/// `NAME (FILE:L:C)`: Node's TAP reporter prints stacks without `at`.
fn called(t: &str) -> Option<Frame> {
    let (name, at) = t.strip_suffix(')')?.rsplit_once(" (")?;
    Some(frame(position(at)?, Some(name)))
}

/// `FILE:L: …`, `FILE:L:C: …` (pytest, Go, compilers) and Go's `\tFILE:L +0x1a` with the function one line above.
fn leading(line: &str, t: &str, before: &str) -> Option<Frame> {
    let token = t.split([' ', '\t']).next().unwrap_or(t);
    let at = position(token.trim_end_matches(':'))?;
    let rest = t.get(token.len()..).unwrap_or_default().trim();
    let name = if rest.starts_with("+0x") || (line.starts_with('\t') && rest.is_empty()) {
        before.rsplit_once('(').map(|(name, _)| name)
    } else {
        rest.strip_prefix("in ")
    };
    Some(frame(at, name))
}

/// `at FILE line N` (Perl), `in test file FILE, line N` (bats), `… at FILE:L:C` at the end of a sentence.
fn worded(t: &str) -> Option<Frame> {
    let t = t.trim_end_matches(['.', ')', '\'']);
    if let Some((head, number)) = t.rsplit_once("line ")
        && let Ok(line) = number.trim().parse()
    {
        let head = head.trim_end_matches([' ', ',']);
        let file = head.rsplit_once(' ').map_or(head, |(_, file)| file);
        return has_extension(file).then(|| frame((file, line), None));
    }
    if let Some((_, at)) = t.rsplit_once(" at ") {
        return Some(frame(position(at)?, None));
    }
    let (head, last) = t.rsplit_once(' ')?;
    if last.contains('/') {
        return Some(frame(position(last)?, None)); // `Exception during run: /p/a.js:1`
    }
    // Babel: `SyntaxError: /p/a.js: Unexpected token (2:8)`
    let line = last.strip_prefix('(')?.split(':').next()?.parse().ok()?;
    let file = head.split(": ").find(|part| part.contains('/') && !part.contains(' '))?;
    has_extension(file).then(|| frame((file, line), None))
}

/// `FILE:L` or `FILE:L:C` as a whole.
pub fn position(text: &str) -> Option<(&str, u32)> {
    let text = text.trim().trim_matches(['\'', '"']);
    let text = text.strip_prefix("file://").unwrap_or(text);
    let (head, last) = text.rsplit_once(':')?;
    let last: u32 = last.parse().ok()?;
    let (file, line) = match head.rsplit_once(':') {
        Some((file, line)) => match line.parse() {
            Ok(line) => (file, line),
            Err(_) => (head, last),
        },
        None => (head, last),
    };
    let file = file.strip_prefix("./").unwrap_or(file);
    has_extension(file).then_some((file, line))
}

fn has_extension(file: &str) -> bool {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.rsplit_once('.').is_some_and(|(stem, ext)| {
        !stem.is_empty()
            && (1..=5).contains(&ext.len())
            && ext.starts_with(|c: char| c.is_ascii_alphabetic())
            && ext.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[&str]) {
        let got: Vec<String> = frames_in(text)
            .into_iter()
            .map(|f| format!("{}:{} {}", f.file, f.line, f.function.unwrap_or_default()))
            .collect();
        assert_eq!(got, expect, "{text}");
    }

    #[test]
    fn rust() {
        check(
            "thread 'tests::halves' (12) panicked at src/lib.rs:27:9:\nassertion failed\nstack backtrace:\n   4: sums::tests::halves\n             at ./src/lib.rs:27:9",
            &["src/lib.rs:27 tests::halves", "src/lib.rs:27 sums::tests::halves"],
        );
        check("thread 'main' panicked at 'a, b', src/x.rs:2:5", &["src/x.rs:2 main"]);
        check("note: test did not panic as expected at src/lib.rs:39:8", &["src/lib.rs:39 "]);
        check("  --> src/lib.rs:53:26", &["src/lib.rs:53 "]);
    }

    #[test]
    fn python() {
        check(
            "Traceback (most recent call last):\n  File \"/p/t.py\", line 14, in test_deep\n    deep(1)\n  File \"/p/sums.py\", line 11, in deep\n    raise KeyError",
            &["/p/sums.py:11 deep", "/p/t.py:14 test_deep"],
        );
        check(
            "tests/t.py:15: \nsums.py:12: in deep\nsums.py:11: KeyError",
            &["sums.py:11 ", "sums.py:12 deep", "tests/t.py:15 "],
        );
    }

    #[test]
    fn javascript() {
        check(
            "TypeError: x\n    at blow (sums.js:5:22)\n    at async /p/a.ts:6:10\n    at file:///p/b.mjs:1:2\n  at Object.<anonymous> (a b/c.js:3:4)",
            &["sums.js:5 blow", "/p/a.ts:6 ", "/p/b.mjs:1 ", "a b/c.js:3 Object.<anonymous>"],
        );
        check(" ❯ blow sums.js:5:22\n ❯ vt/s.test.mjs:9:21", &["sums.js:5 blow", "vt/s.test.mjs:9 "]);
        check("blow (/p/sums.js:5:22)", &["/p/sums.js:5 blow"]);
        check("SyntaxError: /p/a.js: Unexpected token (2:8)", &["/p/a.js:2 "]);
        check("Exception during run: /p/a.js:1", &["/p/a.js:1 "]);
    }

    #[test]
    fn go_java_perl_bats() {
        check(
            "    sums_test.go:10: Half(5) = 2\nexample.com/sums/sub.TestPanics(0xc0?)\n\t/p/sub/sub_test.go:9 +0x1a",
            &["sums_test.go:10 ", "/p/sub/sub_test.go:9 example.com/sums/sub.TestPanics"],
        );
        check("bad/bad_test.go:6:14: cannot use", &["bad/bad_test.go:6 "]);
        check("\tat SumsTest.halves(SumsTest.java:5)", &["SumsTest.java:5 SumsTest.halves"]);
        check("#   at t/a.t line 3.", &["t/a.t:3 "]);
        check("# (in test file a.bats, line 2)", &["a.bats:2 "]);
    }

    #[test]
    fn times_and_prose_are_no_frames() {
        check("at 12:30:45 it failed\nratio 1:2\nsee v1.2:3\nleft: 2\n12:30", &[]);
    }

    #[test]
    fn foreign_frames() {
        let place = ProjectRoot { root: Some("/home/u/p".into()), go_module: None };
        let foreign = |file: &str| Frame { file: file.into(), line: 1, function: None }.is_foreign(&place);
        assert!(foreign("node:internal/x.js"));
        assert!(foreign("/home/u/p/node_modules/jest/a.js"));
        assert!(foreign("/opt/else.py"));
        assert!(!foreign("/home/u/p/src/a.py"));
        assert!(!foreign("src/a.py"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "[ a-z:./0-9()\n\t\"'❯>-]{0,200}") {
            proptest::prop_assert!(frames_in(&text).len() <= CHECK_FRAMES_MAX);
        }
    }
}
