//! Difficult diffs from practice, as a reader would see them: `tests/fixtures/diff/NAME/{old,new,expect}`.
//!
//! `UPDATE=1 cargo test nasty` rewrites the expected pictures; review the changes.

use crate::base::text::confusables::confusables;
use crate::base::text::escape::{PieceKind, Show, cut_at, pieces};
use crate::base::text::hidden::is_hidden;
use crate::diff::{DiffLine, FileDiff, LineKind, Selection, intraline};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Every line with its numbers, changed words in `[ ]`, look-alikes named at the end.
fn picture(diff: &FileDiff) -> String {
    let mut out = format!("{:?} +{} -{}\n", diff.content, diff.added, diff.removed);
    for hunk in &diff.hunks {
        let _ = writeln!(out, "@@ {},{} {},{}", hunk.old_start, hunk.old_len, hunk.new_start, hunk.new_len);
        for (line, marks) in hunk.lines.iter().zip(intraline(hunk)) {
            out += &line_picture(line, &marks);
        }
    }
    let end = |missing| if missing { "no newline at end" } else { "newline or empty" };
    let _ = writeln!(out, "old: {}, new: {}", end(diff.old_missing_newline), end(diff.new_missing_newline));
    out
}

fn line_picture(line: &DiffLine, marks: &[std::ops::Range<usize>]) -> String {
    let number = |no: Option<usize>| no.map_or(String::new(), |n| n.to_string());
    let sign = match line.kind {
        LineKind::Context => ' ',
        LineKind::Removed => '-',
        LineKind::Added => '+',
    };
    let mut out = format!("{:>4} {:>4} {sign}", number(line.old_no), number(line.new_no));
    let cuts: Vec<usize> = marks.iter().flat_map(|m| [m.start, m.end]).collect();
    let show = Show { source_bytes_max: 60, mark_blanks: line.kind != LineKind::Context, ..Show::default() };
    let mut inside = false;
    for piece in cut_at(pieces(line.body(), &show), &cuts) {
        let marked = piece.kind != PieceKind::Cut && marks.iter().any(|m| m.contains(&piece.source.start));
        if marked != inside {
            out.push(if marked { '[' } else { ']' });
            inside = marked;
        }
        out += &piece.text;
    }
    out += if inside { "]" } else { "" };
    for found in confusables(&String::from_utf8_lossy(line.body())) {
        let _ = write!(out, "   !{:?} reads as {}", found.suspicion, found.reads_as);
    }
    out + "\n"
}

#[test]
fn nasty_files_are_shown_and_applied_truly() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/diff");
    let mut names: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 19);
    for case in names {
        let read = |name: &str| fs::read(case.join(name)).unwrap();
        let (old, new) = (read("old"), read("new"));
        let diff = FileDiff::new(old.clone(), new.clone());
        let picture = picture(&diff);
        assert!(picture.chars().all(|c| c == '\n' || !is_hidden(c)), "{case:?}");
        assert_eq!(diff.apply(&Selection::all(&diff)).unwrap(), new, "{case:?}");
        assert_eq!(diff.apply(&Selection::none()).unwrap(), old, "{case:?}");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(case.join("expect"), &picture).unwrap();
        }
        assert_eq!(picture, String::from_utf8(read("expect")).unwrap(), "{case:?}");
    }
}
