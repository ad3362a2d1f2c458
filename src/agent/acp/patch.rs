//! Patches that agents carry as text in a tool's input: the `*** Begin Patch` form and unified diffs. They are read
//! into claims about files; whether a claim fits the disk is judged elsewhere.

/// A claim of a source about a change of one file. It is not trusted before the disk was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// As the agent wrote it.
    pub path: String,
    pub change: Claimed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The whole new content.
    Whole(String),
    /// A piece of the file, or all of it, and its replacement. `line` is a hint, 1-based.
    Piece {
        old: String,
        new: String,
        all: bool,
        line: Option<usize>,
    },
    Delete,
    RenameTo(String),
}

impl Claim {
    pub fn new(path: impl Into<String>, change: Claimed) -> Self {
        Self { path: path.into(), change }
    }
}

/// Reads either form; empty when the text is neither.
pub fn claims(text: &str) -> Vec<Claim> {
    if text.contains("*** Begin Patch") { begin_patch(text) } else { unified(text, None) }
}

/// The `*** Begin Patch` form.
fn begin_patch(text: &str) -> Vec<Claim> {
    let mut out = Vec::new();
    let mut hunk = Hunk::default();
    let mut path: Option<String> = None;
    let mut added: Option<(String, String)> = None;
    for line in text.lines() {
        let directive = line.strip_prefix("*** ");
        if directive.is_some() || line.starts_with("@@") {
            hunk.flush(path.as_deref(), &mut out);
        }
        if let Some(directive) = directive {
            if let Some((path, content)) = added.take() {
                out.push(Claim::new(path, Claimed::Whole(content)));
            }
            if let Some(name) = directive.strip_prefix("Add File: ") {
                added = Some((name.trim().to_owned(), String::new()));
                path = None;
            } else if let Some(name) = directive.strip_prefix("Delete File: ") {
                out.push(Claim::new(name.trim(), Claimed::Delete));
                path = None;
            } else if let Some(name) = directive.strip_prefix("Update File: ") {
                path = Some(name.trim().to_owned());
            } else if let (Some(name), Some(from)) = (directive.strip_prefix("Move to: "), &path) {
                out.push(Claim::new(from.clone(), Claimed::RenameTo(name.trim().to_owned())));
            }
        } else if let Some((_, content)) = &mut added {
            if let Some(line) = line.strip_prefix('+') {
                content.push_str(line);
                content.push('\n');
            }
        } else if !line.starts_with("@@") {
            hunk.line(line);
        }
    }
    hunk.flush(path.as_deref(), &mut out);
    if let Some((path, content)) = added {
        out.push(Claim::new(path, Claimed::Whole(content)));
    }
    renames_last(out)
}

/// A file is changed under its old name before it is renamed.
fn renames_last(claims: Vec<Claim>) -> Vec<Claim> {
    let (renames, mut rest): (Vec<_>, Vec<_>) =
        claims.into_iter().partition(|c| matches!(c.change, Claimed::RenameTo(_)));
    rest.extend(renames);
    rest
}

/// A unified diff of any number of files; `of` names the file where the diff has no header of its own.
pub fn unified(text: &str, of: Option<&str>) -> Vec<Claim> {
    let mut out = Vec::new();
    let mut hunk = Hunk::default();
    let mut old_name: Option<String> = None;
    let mut path = of.map(str::to_owned);
    let mut left = (0usize, 0usize);
    for line in text.lines() {
        if left == (0, 0) {
            if let Some(name) = line.strip_prefix("--- ") {
                hunk.flush(path.as_deref(), &mut out);
                old_name = header_name(name, "a/");
                continue;
            }
            if let Some(name) = line.strip_prefix("+++ ") {
                let new_name = header_name(name, "b/");
                if let (Some(gone), None) = (&old_name, &new_name) {
                    out.push(Claim::new(of.unwrap_or(gone), Claimed::Delete));
                }
                path = of.map(str::to_owned).or(new_name);
                continue;
            }
        }
        if line.starts_with("@@") {
            hunk.flush(path.as_deref(), &mut out);
            (hunk.at, left) = hunk_header(line);
            hunk.counted = left != (0, 0);
            continue;
        }
        if hunk.at.is_some() && !(hunk.counted && left == (0, 0)) {
            match line.as_bytes().first() {
                Some(b'-') => left.0 = left.0.saturating_sub(1),
                Some(b'+') => left.1 = left.1.saturating_sub(1),
                Some(b'\\') => {}
                Some(_) | None => left = (left.0.saturating_sub(1), left.1.saturating_sub(1)),
            }
            hunk.line(line);
        }
    }
    hunk.flush(path.as_deref(), &mut out);
    out.retain(|claim| !(matches!(claim.change, Claimed::Piece { .. }) && deleted_in(text, &claim.path, of)));
    out
}

/// A diff to `/dev/null` has hunks too; the deletion already says it all.
fn deleted_in(text: &str, path: &str, of: Option<&str>) -> bool {
    text.lines().any(|l| l.starts_with("+++ /dev/null")) && (of == Some(path) || text.matches("+++ ").count() == 1)
}

fn header_name(text: &str, prefix: &str) -> Option<String> {
    let name = text.split('\t').next().unwrap_or(text).trim();
    if name == "/dev/null" {
        return None;
    }
    Some(name.strip_prefix(prefix).unwrap_or(name).to_owned())
}

/// First old line and the numbers of old and new lines of `@@ -l,n +l,n @@`.
fn hunk_header(line: &str) -> (Option<usize>, (usize, usize)) {
    let mut ranges = line.split_whitespace().filter_map(|w| w.strip_prefix(['-', '+']));
    let mut range = || -> Option<(usize, usize)> {
        let word = ranges.next()?;
        let (at, count) = word.split_once(',').unwrap_or((word, "1"));
        Some((at.parse().ok()?, count.parse().ok()?))
    };
    match (range(), range()) {
        (Some((at, old)), Some((_, new))) => (Some(at), (old, new)),
        _ => (Some(0), (0, 0)),
    }
}

#[derive(Default)]
struct Hunk {
    at: Option<usize>,
    counted: bool,
    old: String,
    new: String,
    changed: bool,
}

impl Hunk {
    fn line(&mut self, line: &str) {
        let (kind, text) = (line.as_bytes().first(), line.get(1..).unwrap_or(""));
        if kind == Some(&b'\\') {
            for side in [&mut self.old, &mut self.new] {
                if side.ends_with('\n') {
                    side.pop();
                }
            }
            return;
        }
        let sides = match kind {
            Some(b'-') => (true, false),
            Some(b'+') => (false, true),
            Some(_) | None => (true, true),
        };
        self.changed |= sides != (true, true);
        for (side, wanted) in [(&mut self.old, sides.0), (&mut self.new, sides.1)] {
            if wanted {
                side.push_str(text);
                side.push('\n');
            }
        }
    }

    fn flush(&mut self, path: Option<&str>, out: &mut Vec<Claim>) {
        let done = std::mem::take(self);
        let Some(path) = path.filter(|_| done.changed) else { return };
        let line = done.at.filter(|at| *at > 0);
        let change = if done.old.is_empty() && done.at.is_none_or(|at| at == 0) {
            Claimed::Whole(done.new)
        } else {
            Claimed::Piece { old: done.old, new: done.new, all: false, line }
        };
        out.push(Claim::new(path, change));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn piece(old: &str, new: &str, line: Option<usize>) -> Claimed {
        Claimed::Piece { old: old.into(), new: new.into(), all: false, line }
    }

    #[test]
    fn the_begin_patch_form_is_read() {
        let text = "*** Begin Patch\n*** Update File: a.rs\n*** Move to: b.rs\n@@ fn x\n ctx\n-old\n+new\n*** Add File: c\n+one\n+two\n*** Delete File: d\n*** End Patch";
        assert_eq!(
            claims(text),
            [
                Claim::new("a.rs", piece("ctx\nold\n", "ctx\nnew\n", None)),
                Claim::new("c", Claimed::Whole("one\ntwo\n".into())),
                Claim::new("d", Claimed::Delete),
                Claim::new("a.rs", Claimed::RenameTo("b.rs".into())),
            ]
        );
    }

    #[test]
    fn unified_diffs_are_read_with_and_without_headers() {
        let text = "--- a/x.py\n+++ b/x.py\n@@ -2,2 +2,2 @@ def f\n keep\n-a\n+b\n";
        let expect = piece("keep\na\n", "keep\nb\n", Some(2));
        assert_eq!(claims(text), [Claim::new("x.py", expect.clone())]);
        assert_eq!(unified("@@ -2,2 +2,2 @@\n keep\n-a\n+b\n", Some("x.py")), [Claim::new("x.py", expect)]);
    }

    #[test]
    fn made_and_deleted_files_are_told_apart() {
        let made = "--- /dev/null\n+++ b/n\n@@ -0,0 +1,1 @@\n+hi\n";
        assert_eq!(claims(made), [Claim::new("n", Claimed::Whole("hi\n".into()))]);
        let gone = "--- a/n\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-hi\n";
        assert_eq!(claims(gone), [Claim::new("n", Claimed::Delete)]);
    }

    #[test]
    fn a_removed_line_that_looks_like_a_header_is_a_line() {
        let text = "--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,1 @@\n--- note\n keep\n";
        assert_eq!(claims(text), [Claim::new("q.sql", piece("-- note\nkeep\n", "keep\n", Some(1)))]);
    }

    proptest! {
        #[test]
        fn nonsense_never_panics(text in "(?s)(\\*\\*\\* (Begin Patch|Add File: a|Move to: b|Update File: c)|@@ -[0-9],1 \\+1 @@|--- a|\\+\\+\\+ b|[-+ \\\\]?.{0,8}|\n){0,30}") {
            claims(&text);
            unified(&text, Some("x"));
        }
    }
}
