//! A diff as text: for telling an agent what the user changed, and for `git apply`.

use crate::base::text::foreign;
use crate::diff::file::{Content, DiffLine, FileDiff, Hunk, LineKind};

/// The names of the two versions; `None` for a version that does not exist. Slash-separated, relative.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    pub old: Option<&'a str>,
    pub new: Option<&'a str>,
    /// Unix mode of the two versions is 100755 instead of 100644.
    pub executable: (bool, bool),
}

/// A patch that `git apply` takes, byte for byte exact. Binary and too large files give a line that
/// says they differ, which git refuses.
pub fn git_patch(diff: &FileDiff, names: Names<'_>) -> Vec<u8> {
    let (Some(any_old), Some(any_new)) = (names.old.or(names.new), names.new.or(names.old)) else {
        return Vec::new();
    };
    let (a, b) = (quoted("a/", any_old), quoted("b/", any_new));
    let mode = |executable: bool| if executable { "100755" } else { "100644" };
    let (old_mode, new_mode) = (mode(names.executable.0), mode(names.executable.1));
    let mut head = format!("diff --git {a} {b}\n");
    match (names.old, names.new) {
        (None, _) => head.push_str(&format!("new file mode {new_mode}\n")),
        (_, None) => head.push_str(&format!("deleted file mode {old_mode}\n")),
        (Some(old), Some(new)) => {
            if old_mode != new_mode {
                head.push_str(&format!("old mode {old_mode}\nnew mode {new_mode}\n"));
            }
            if old != new {
                head.push_str(&format!("rename from {}\nrename to {}\n", quoted("", old), quoted("", new)));
            }
        }
    }
    if diff.content != Content::Text && !diff.is_same() {
        head.push_str(&format!("Binary files {a} and {b} differ\n"));
    }
    if !diff.hunks.is_empty() {
        let side = |exists: bool, name: String| if exists { tabbed(name) } else { "/dev/null".to_owned() };
        head.push_str(&format!("--- {}\n+++ {}\n", side(names.old.is_some(), a), side(names.new.is_some(), b)));
    }
    let mut out = head.into_bytes();
    diff.hunks.iter().for_each(|hunk| write_hunk(&mut out, hunk));
    out
}

/// The hunks as unified diff text for reading, at most `bytes_max` bytes of whole lines, then one
/// line that says how many are left out. What is not UTF-8 is written as `\xNN`. No file header.
pub fn hunks_text(diff: &FileDiff, bytes_max: usize) -> String {
    match diff.content {
        Content::Text => {}
        Content::Binary => return "(binary content differs)\n".to_owned(),
        Content::TooLarge => return "(content differs; too large to compare)\n".to_owned(),
    }
    let mut out = Vec::new();
    for hunk in &diff.hunks {
        if out.len() > bytes_max {
            break;
        }
        write_hunk(&mut out, hunk);
    }
    let total: usize = diff.hunks.iter().map(|h| h.lines.len() + 1).sum();
    if out.len() <= bytes_max {
        return foreign::readable(&out).into_owned();
    }
    let cut = out.get(..bytes_max).and_then(|head| memchr::memrchr(b'\n', head)).map_or(0, |at| at + 1);
    out.truncate(cut);
    let shown = memchr::memchr_iter(b'\n', &out).count();
    format!("{}(… {} more lines)\n", foreign::readable(&out), total.saturating_sub(shown))
}

fn write_hunk(out: &mut Vec<u8>, hunk: &Hunk) {
    let span = |start: usize, len: usize| if len == 1 { start.to_string() } else { format!("{start},{len}") };
    let (old, new) = (span(hunk.old_start, hunk.old_len), span(hunk.new_start, hunk.new_len));
    out.extend_from_slice(format!("@@ -{old} +{new} @@\n").as_bytes());
    hunk.lines.iter().for_each(|line| write_line(out, line));
}

fn write_line(out: &mut Vec<u8>, line: &DiffLine) {
    out.push(match line.kind {
        LineKind::Context => b' ',
        LineKind::Removed => b'-',
        LineKind::Added => b'+',
    });
    out.extend_from_slice(line.body());
    out.push(b'\n');
    if !line.text.ends_with(b"\n") {
        out.extend_from_slice(b"\\ No newline at end of file\n");
    }
}

/// A path as git writes it: in quotes with escapes when it holds anything unusual.
fn quoted(prefix: &str, path: &str) -> String {
    let plain = |b: u8| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\';
    if path.bytes().all(plain) {
        return format!("{prefix}{path}");
    }
    let mut out = format!("\"{prefix}");
    for byte in path.bytes() {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b if plain(b) => out.push(char::from(b)),
            b => out.push_str(&format!("\\{b:03o}")),
        }
    }
    out.push('"');
    out
}

/// In `---` and `+++` lines a name with a blank ends with a tab, or a date would be looked for in it.
fn tabbed(name: String) -> String {
    if name.contains(' ') && !name.starts_with('"') { name + "\t" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    #[test]
    fn text_for_agents_is_bounded() {
        let diff = FileDiff::new("a\nb\nc\n", "a\nB\nc");
        let all = "@@ -1,3 +1,3 @@\n a\n-b\n-c\n+B\n+c\n\\ No newline at end of file\n";
        assert_eq!(hunks_text(&diff, 1000), all);
        assert_eq!(hunks_text(&diff, 24), "@@ -1,3 +1,3 @@\n a\n-b\n(… 3 more lines)\n");
        let binary = FileDiff::new(&b"\0"[..], &b"x"[..]);
        assert_eq!(hunks_text(&binary, 1000), "(binary content differs)\n");
    }

    /// Applies the patch with the real git; gives what the new name then holds, `None` when gone.
    fn git_applies(old: Option<&[u8]>, names: Names<'_>, patch: &[u8]) -> Option<Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        if let (Some(name), Some(old)) = (names.old, old) {
            std::fs::write(dir.path().join(name), old).unwrap();
        }
        let patch_file = dir.path().join("rightseat.patch");
        std::fs::write(&patch_file, patch).unwrap();
        let done = Command::new("git")
            .args(["apply", "--whitespace=nowarn", "--unidiff-zero", "rightseat.patch"])
            .current_dir(dir.path())
            .env("GIT_CEILING_DIRECTORIES", dir.path().parent().unwrap())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(done.status.success(), "{}\n{}", String::from_utf8_lossy(&done.stderr), String::from_utf8_lossy(patch));
        std::fs::read(dir.path().join(names.new.or(names.old)?)).ok()
    }

    fn check(old: Option<&'static str>, new: Option<&'static str>, old_name: &str, new_name: &str) {
        let diff = FileDiff::new(old.unwrap_or(""), new.unwrap_or(""));
        let names = Names { old: old.and(Some(old_name)), new: new.and(Some(new_name)), executable: (false, false) };
        let patch = git_patch(&diff, names);
        let got = git_applies(old.map(str::as_bytes), names, &patch);
        assert_eq!(got.as_deref(), new.map(str::as_bytes), "{}", String::from_utf8_lossy(&patch));
    }

    #[test]
    fn git_takes_our_patches() {
        check(Some("a\nb\n"), Some("a\nc\n"), "f", "f");
        check(Some("a\r\nb\r\n"), Some("a\r\nc\n"), "f", "f");
        check(Some("a"), Some("b"), "f", "f");
        check(Some("a\n"), Some("a"), "f", "f");
        check(Some("a\nb\n"), Some("a\nc\n"), "with blank", "with blank");
        check(Some("a\nb\n"), Some("a\nc\n"), "naïve \"q\" \\x\ty", "naïve \"q\" \\x\ty");
        check(Some("a\nb\n"), Some("a\nc\n"), "old name", "new näme");
        check(None, Some("new\n"), "f", "f");
        check(None, Some(""), "f", "f");
        check(Some("gone\n"), None, "f", "f");
        check(Some("\u{1b}[31m\n"), Some("-- x\n++ y\n"), "f", "f");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn git_agrees_with_us(
            old in "([ab]\n|c\r\n|\n){0,12}[az]?", new in "([ab]\n|c\r\n|\n){0,12}[az]?", context_lines in 0usize..4,
        ) {
            prop_assume!(old != new);
            let options = crate::diff::DiffOptions { context_lines, ..Default::default() };
            let diff = FileDiff::with(old.clone(), new.clone(), options);
            let names = Names { old: Some("f"), new: Some("f"), executable: (false, false) };
            let got = git_applies(Some(old.as_bytes()), names, &git_patch(&diff, names));
            prop_assert_eq!(got.unwrap(), new.as_bytes());
        }
    }
}
