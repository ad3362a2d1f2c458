//! Patches as models write them: unified diffs and the `*** Begin Patch` form, both with unreliable line numbers.

use super::{EditMistake, Swap};

/// What a patch does to one file.
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
        return Err(bad("no file header; begin with `--- a/PATH` and `+++ b/PATH`"));
    }
    Ok(files)
}

fn bad(why: &str) -> EditMistake {
    EditMistake::BadPatch(why.to_owned())
}

/// A hunk while it is read.
#[derive(Default)]
struct Hunk {
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
    }

    fn swap(self) -> Option<Swap> {
        let changes = self.old != self.new;
        changes.then_some(Swap { old: self.old, new: self.new, all: false, near_line: self.near_line })
    }
}

fn unified(text: &str) -> Result<Vec<FilePatch>, EditMistake> {
    let mut files = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(from) = line.strip_prefix("--- ") else { continue };
        let Some(to) = lines.next_if(|next| next.starts_with("+++ ")).and_then(|line| line.strip_prefix("+++ ")) else {
            return Err(bad("`---` without `+++`"));
        };
        let (from, to) = (clean(from), clean(to));
        let mut hunks: Vec<Hunk> = Vec::new();
        while let Some(line) = lines.next_if(|next| !next.starts_with("--- ") && !next.starts_with("diff --git ")) {
            if let Some(head) = line.strip_prefix("@@") {
                hunks.push(Hunk { near_line: line_number(head), ..Hunk::default() });
                continue;
            }
            let Some(hunk) = hunks.last_mut() else { continue };
            let mut chars = line.chars();
            match chars.next() {
                Some(mark @ ('+' | '-' | ' ')) => hunk.push(mark, chars.as_str()),
                // Editors strip the blank of empty context lines.
                None => hunk.push(' ', ""),
                Some('\\') => {}
                Some(_) => return Err(bad(&format!("the line `{line}` begins with none of ` `, `+`, `-`, `@@`"))),
            }
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
                _ => return Err(bad(&format!("the line `{line}` begins with none of ` `, `+`, `-`, `@@`"))),
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
    fn what_is_no_patch_says_so() {
        assert!(parse("please change line 3").unwrap_err().to_string().contains("no file header"));
        assert!(parse("--- a/x\n@@ -1 +1 @@\n").unwrap_err().to_string().contains("without `+++`"));
        assert!(parse("--- a/x\n+++ b/x\n@@ -1 +1 @@\nfoo\n").unwrap_err().to_string().contains("`foo`"));
    }
}
