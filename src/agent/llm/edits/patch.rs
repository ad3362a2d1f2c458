//! Patches as models write them: unified diffs and the `*** Begin Patch` form, both with unreliable line numbers.

use super::{EditMistake, Swap};

/// The change of a patch to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePatch {
    /// Changes within a file.
    Change {
        /// The file.
        path: String,
        /// The hunks as replacements.
        swaps: Vec<Swap>,
    },
    /// A new file.
    Create {
        /// The file.
        path: String,
        /// Its content.
        text: String,
    },
    /// The file goes.
    Delete {
        /// The file.
        path: String,
    },
}

impl FilePatch {
    /// The file it is about.
    pub fn path(&self) -> &str {
        match self {
            FilePatch::Change { path, .. } | FilePatch::Create { path, .. } | FilePatch::Delete { path } => path,
        }
    }
}

/// Reads a patch; at least one file must be in it.
pub fn parse(text: &str) -> Result<Vec<FilePatch>, EditMistake> {
    let text = text.replace("\r\n", "\n");
    let files = if text.contains("*** Begin Patch") || text.contains("*** Update File:") {
        begin_patch(&text)
    } else {
        unified(&text)
    }?;
    if files.is_empty() {
        return Err(invalid_patch("no file header; begin with `--- a/PATH` and `+++ b/PATH`"));
    }
    Ok(files)
}

fn invalid_patch(why: &str) -> EditMistake {
    EditMistake::BadPatch(why.to_owned())
}

/// A hunk while it is read.
#[derive(Default)]
struct Hunk {
    /// Lines of each side that its head announces and that have not come yet. Models count badly: it only decides what
    /// could be read in two ways.
    left: Option<(usize, usize)>,
    last: Option<char>,
    old: String,
    new: String,
    near_line: Option<usize>,
}

impl Hunk {
    fn push(&mut self, mark: char, line: &str) {
        if mark != '+' {
            self.old.push_str(line);
            self.old.push('\n');
        }
        if mark != '-' {
            self.new.push_str(line);
            self.new.push('\n');
        }
        self.last = Some(mark);
        if let Some((old, new)) = &mut self.left {
            *old = old.saturating_sub(usize::from(mark != '+'));
            *new = new.saturating_sub(usize::from(mark != '-'));
        }
    }

    /// The line before ends the file without a line end.
    fn no_newline(&mut self) {
        let (old, new) = match self.last {
            Some('-') => (true, false),
            Some('+') => (false, true),
            Some(_) => (true, true),
            None => (false, false),
        };
        for (side, wanted) in [(&mut self.old, old), (&mut self.new, new)] {
            if wanted && side.ends_with('\n') {
                side.pop();
            }
        }
    }

    /// Returns whether more lines are due on both sides.
    fn wants_both(&self) -> bool {
        self.left.is_some_and(|(old, new)| old > 0 && new > 0)
    }

    fn swap(self) -> Option<Swap> {
        let changes = self.old != self.new;
        changes.then_some(Swap { old: self.old, new: self.new, all: false, near_line: self.near_line })
    }
}

fn unified(text: &str) -> Result<Vec<FilePatch>, EditMistake> {
    let all: Vec<&str> = text.lines().collect();
    let line_at = |at: usize| all.get(at).copied().unwrap_or_default();
    let mut files = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let Some(from) = line_at(at).strip_prefix("--- ") else {
            at += 1;
            continue;
        };
        let Some(to) = line_at(at + 1).strip_prefix("+++ ") else {
            return Err(invalid_patch("`---` without `+++`"));
        };
        let (from, to) = (clean(from), clean(to));
        at += 2;
        let mut hunks: Vec<Hunk> = Vec::new();
        while at < all.len() && !begins_file(hunks.last(), line_at(at), line_at(at + 1), line_at(at + 2)) {
            read_line(&mut hunks, line_at(at))?;
            at += 1;
        }
        let created: String = hunks.iter().map(|hunk| hunk.new.as_str()).collect();
        let swaps: Vec<Swap> = hunks.into_iter().filter_map(Hunk::swap).collect();
        files.push(match (from.as_str(), to.as_str()) {
            ("/dev/null", _) => FilePatch::Create { path: to, text: created },
            (_, "/dev/null") => FilePatch::Delete { path: from },
            _ => FilePatch::Change { path: to, swaps },
        });
    }
    Ok(files)
}

/// Returns whether another file begins here. `--- ` also begins a removed line that starts with `-- `; a header is
/// followed by its second half and, while the hunk still wants lines, by a hunk.
fn begins_file(hunk: Option<&Hunk>, line: &str, next: &str, after: &str) -> bool {
    if line.starts_with("diff --git ") {
        return true;
    }
    let header = line.starts_with("--- ") && next.starts_with("+++ ");
    header && (!hunk.is_some_and(Hunk::wants_both) || after.starts_with("@@"))
}

fn read_line(hunks: &mut Vec<Hunk>, line: &str) -> Result<(), EditMistake> {
    if let Some(head) = line.strip_prefix("@@") {
        hunks.push(Hunk { near_line: line_number(head), left: counts(head), ..Hunk::default() });
        return Ok(());
    }
    let Some(hunk) = hunks.last_mut() else { return Ok(()) };
    let mut chars = line.chars();
    match chars.next() {
        Some(mark @ ('+' | '-' | ' ')) => hunk.push(mark, chars.as_str()),
        // Editors strip the blank of empty context lines.
        None => hunk.push(' ', ""),
        Some('\\') => hunk.no_newline(),
        Some(_) => return Err(invalid_patch(&format!("the line `{line}` does not begin with ` `, `+`, `-` or `@@`"))),
    }
    Ok(())
}

/// The numbers of old and new lines in `@@ -12,3 +12,4 @@`.
fn counts(head: &str) -> Option<(usize, usize)> {
    let mut ranges = head.split_whitespace().filter_map(|word| word.strip_prefix(['-', '+']));
    let mut count = || -> Option<usize> {
        let range = ranges.next()?;
        range.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok())
    };
    Some((count()?, count()?))
}

/// A path of a header: without `a/`, `b/`, a time stamp or quotes.
fn clean(path: &str) -> String {
    let path = path.split('\t').next().unwrap_or(path).trim().trim_matches('"');
    path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).unwrap_or(path).to_owned()
}

/// The old line number of `@@ -12,3 +12,4 @@`.
fn line_number(head: &str) -> Option<usize> {
    let digits = head.trim_start().strip_prefix('-')?;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn begin_patch(text: &str) -> Result<Vec<FilePatch>, EditMistake> {
    let mut files: Vec<FilePatch> = Vec::new();
    let mut hunk = Hunk::default();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("*** ") {
            flush(&mut files, &mut hunk);
            let file = |prefix: &str| head.strip_prefix(prefix).map(|path| path.trim().to_owned());
            if let Some(path) = file("Update File:") {
                files.push(FilePatch::Change { path, swaps: Vec::new() });
            } else if let Some(path) = file("Add File:") {
                files.push(FilePatch::Create { path, text: String::new() });
            } else if let Some(path) = file("Delete File:") {
                files.push(FilePatch::Delete { path });
            }
            continue;
        }
        if line.starts_with("@@") {
            flush(&mut files, &mut hunk);
            continue;
        }
        let mut chars = line.chars();
        let mark = chars.next().unwrap_or(' ');
        match files.last_mut() {
            Some(FilePatch::Create { text, .. }) => {
                text.push_str(if mark == '+' { chars.as_str() } else { line });
                text.push('\n');
            }
            Some(FilePatch::Change { .. }) => match mark {
                '+' | '-' | ' ' => hunk.push(mark, chars.as_str()),
                '\\' => hunk.no_newline(),
                _ => {
                    return Err(invalid_patch(&format!("the line `{line}` does not begin with ` `, `+`, `-` or `@@`")));
                }
            },
            Some(FilePatch::Delete { .. }) | None => {}
        }
    }
    flush(&mut files, &mut hunk);
    Ok(files)
}

fn flush(files: &mut [FilePatch], hunk: &mut Hunk) {
    let done = std::mem::take(hunk);
    if let Some(FilePatch::Change { swaps, .. }) = files.last_mut() {
        swaps.extend(done.swap());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_mean_the_same_change() {
        let unified =
            "diff --git a/x b/x\n--- a/src/x.rs\n+++ b/src/x.rs\n@@ -3,3 +3,3 @@ fn f\n one\n-two\n+2\n three\n";
        let begin = "*** Begin Patch\n*** Update File: src/x.rs\n@@ fn f\n one\n-two\n+2\n three\n*** End Patch\n";
        let swap =
            |near_line| Swap { old: "one\ntwo\nthree\n".into(), new: "one\n2\nthree\n".into(), all: false, near_line };
        let change = |near| vec![FilePatch::Change { path: "src/x.rs".into(), swaps: vec![swap(near)] }];
        assert_eq!(parse(unified).unwrap(), change(Some(3)));
        assert_eq!(parse(begin).unwrap(), change(None));
    }

    #[test]
    fn files_come_and_go() {
        let text =
            "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1,2 @@\n+a\n+b\n--- a/old.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n";
        let files = parse(text).unwrap();
        assert_eq!(files[0], FilePatch::Create { path: "new.txt".into(), text: "a\nb\n".into() });
        assert_eq!(files[1], FilePatch::Delete { path: "old.txt".into() });
        assert_eq!(
            parse("*** Begin Patch\n*** Add File: n\n+a\n*** End Patch").unwrap(),
            [FilePatch::Create { path: "n".into(), text: "a\n".into() }]
        );
    }

    #[test]
    fn a_removed_line_that_looks_like_a_header_is_a_line() {
        let one =
            "--- a/q.sql\n+++ b/q.sql\n@@ -1,3 +1,2 @@\n -- table\n--- old\n create\n@@ -7,2 +6,2 @@\n s4\n-s5\n+s55\n";
        let swaps = |text: &str| match parse(text).unwrap().as_slice() {
            [FilePatch::Change { path, swaps }] => {
                (path.clone(), swaps.iter().map(|s| (s.old.clone(), s.new.clone())).collect::<Vec<_>>())
            }
            other => panic!("{other:?}"),
        };
        let pair = |old: &str, new: &str| (old.to_owned(), new.to_owned());
        let expect = vec![pair("-- table\n-- old\ncreate\n", "-- table\ncreate\n"), pair("s4\ns5\n", "s4\ns55\n")];
        assert_eq!(swaps(one), ("q.sql".to_owned(), expect));
        let both = "--- a/q\n+++ b/q\n@@ -1,2 +1,2 @@\n--- a\n+++ b\n keep\n";
        assert_eq!(swaps(both), ("q".to_owned(), vec![pair("-- a\nkeep\n", "++ b\nkeep\n")]));
        let badly_counted = "--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n-a\n+b\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-c\n+d\n";
        assert_eq!(parse(badly_counted).unwrap().len(), 2);
    }

    #[test]
    fn a_missing_line_end_is_kept_and_can_be_removed() {
        let no = "\\ No newline at end of file";
        let swap = |body: &str| match parse(&format!("--- a/n\n+++ b/n\n@@ -1,2 +1,2 @@\n{body}")).unwrap().remove(0) {
            FilePatch::Change { mut swaps, .. } => {
                let swap = swaps.remove(0);
                (swap.old, swap.new)
            }
            other @ (FilePatch::Create { .. } | FilePatch::Delete { .. }) => panic!("{other:?}"),
        };
        let pair = |old: &str, new: &str| (old.to_owned(), new.to_owned());
        assert_eq!(swap(&format!(" one\n-two\n{no}\n+TWO\n{no}\n")), pair("one\ntwo", "one\nTWO"));
        assert_eq!(swap(&format!(" one\n-two\n+two\n{no}\n")), pair("one\ntwo\n", "one\ntwo"));
        assert_eq!(swap(&format!("-one\n+1\n two\n{no}\n")), pair("one\ntwo", "1\ntwo"));
    }

    #[test]
    fn what_is_no_patch_says_so() {
        assert!(parse("please change line 3").unwrap_err().to_string().contains("no file header"));
        assert!(parse("--- a/x\n@@ -1 +1 @@\n").unwrap_err().to_string().contains("without `+++`"));
        assert!(parse("--- a/x\n+++ b/x\n@@ -1 +1 @@\nfoo\n").unwrap_err().to_string().contains("`foo`"));
    }
}
