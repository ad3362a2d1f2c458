//! The beginning of a change that is too long to be compared at once: the first differences of each file, with their true
//! line numbers, as far as the first screens need them.

use super::colours::Colours;
use super::picture::{FilePicture, fill, without_text};
use super::{Job, PictureOptions, Versions};
use crate::base::limits::DIFF_CONTEXT_LINES;
use crate::diff::{Content, FileDiff, Hunk, LineKind};
use crate::ui::limits::{UI_BEGINNING_BYTES_MAX, UI_BEGINNING_COMPARED_BYTES};
use bytes::Bytes;

/// One picture a file; those that the first screens do not reach say so.
pub(super) fn beginnings_of(job: &Job) -> Vec<FilePicture> {
    let mut room = UI_BEGINNING_BYTES_MAX;
    job.files.iter().map(|versions| beginning_of(versions, job.options, &mut room)).collect()
}

fn beginning_of(versions: &Versions, options: PictureOptions, room: &mut usize) -> FilePicture {
    let mut picture = without_text(&versions.file);
    let (Ok(old), Ok(new)) = (&versions.before, &versions.after) else { return picture };
    if *room == 0 {
        picture.notes.push("being compared".to_owned());
        return picture;
    }
    let start = start_of_difference(old, new);
    let end = |text: &Bytes| {
        let end = text.len().min(start.saturating_add(*room / 2));
        // Whole lines only.
        let whole =
            if end == text.len() { Some(end) } else { memchr::memrchr(b'\n', text.get(..end)?).map(|at| at + 1) };
        whole.filter(|end| *end >= start)
    };
    let has_more = old.len().max(new.len()) > start;
    let ends = end(old).zip(end(new)).filter(|ends| !has_more || *ends != (start, start));
    let Some((old_end, new_end)) = ends else {
        *room = 0;
        picture.notes.push("being compared".to_owned());
        return picture;
    };
    *room = room.saturating_sub((old_end - start) + (new_end - start));
    let is_cut = old_end < old.len() || new_end < new.len();
    let mut diff = FileDiff::new(old.slice(start..old_end), new.slice(start..new_end));
    if diff.content != Content::Text {
        picture.notes.push("being compared".to_owned());
        return picture;
    }
    if is_cut {
        without_loose_end(&mut diff.hunks);
    }
    picture.added = diff.added;
    picture.removed = diff.removed;
    picture.notes.push("this is the beginning: the rest is being compared".to_owned());
    fill(&mut picture, &diff, &Colours::default(), options);
    let before = memchr::memchr_iter(b'\n', old.get(..start).unwrap_or_default()).count();
    picture.begin_at(before);
    picture
}

/// What the last hunk ends with may look different once what follows is known.
fn without_loose_end(hunks: &mut Vec<Hunk>) {
    if hunks.len() > 1 {
        hunks.pop();
    } else if let Some(hunk) = hunks.last_mut()
        && let Some(last) = hunk.lines.iter().rposition(|line| line.kind == LineKind::Context)
    {
        hunk.lines.truncate(last + 1);
        hunk.old_len = hunk.lines.iter().filter(|line| line.kind != LineKind::Added).count();
        hunk.new_len = hunk.lines.iter().filter(|line| line.kind != LineKind::Removed).count();
    }
}

/// The start of the line a few lines above the first difference.
fn start_of_difference(old: &[u8], new: &[u8]) -> usize {
    let chunks = old.chunks(UI_BEGINNING_COMPARED_BYTES).zip(new.chunks(UI_BEGINNING_COMPARED_BYTES));
    let same: usize = chunks.take_while(|(one, two)| one == two).map(|(one, _)| one.len()).sum();
    let rest = old.get(same..).unwrap_or_default().iter().zip(new.get(same..).unwrap_or_default());
    let mut at = same + rest.take_while(|(one, two)| one == two).count();
    for _ in 0..=DIFF_CONTEXT_LINES {
        match memchr::memrchr(b'\n', old.get(..at).unwrap_or_default()) {
            Some(end) => at = end,
            None => return 0,
        }
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RelPath;
    use crate::model::{FileChange, FileEdit};
    use crate::ui::workers::picture::{Detail, pictures_of};

    fn job(old: &str, new: &str) -> Job {
        let path = RelPath::new("a.txt").unwrap();
        let (change, from, before, after) = (FileChange::Modify, None, None, None);
        let file = FileEdit { path, change, from, before, after, before_node: None, after_node: None };
        let bytes = |text: &str| Ok(Bytes::copy_from_slice(text.as_bytes()));
        Job::new(vec![Versions { file, before: bytes(old), after: bytes(new) }], PictureOptions::default())
    }

    /// What is shown first is what the whole shows there, line by line and number by number.
    #[test]
    fn the_beginning_of_a_long_change_is_that_of_the_whole() {
        for (first, every) in [(0, 3), (3, 30), (2_000, 4), (2_990, 1)] {
            let text = |word: &str| -> String {
                let line = |n: usize| {
                    let word = if n >= first && n.is_multiple_of(every) { word } else { "line" };
                    format!("{word} {n} of a text that is long enough to be cut\n")
                };
                (0..3_000).map(line).collect()
            };
            let job = job(&text("line"), &text("another"));
            let beginning = job.beginning();
            let whole = pictures_of(&job, Detail::Text);
            let lines = |files: &[FilePicture]| -> Vec<_> {
                let hunks = files[0].hunks.iter().flat_map(|hunk| &hunk.lines);
                hunks.map(|line| (line.kind, line.old_no, line.new_no, line.shown.text.clone())).collect()
            };
            let (some, all) = (lines(&beginning.files), lines(&whole));
            assert!(
                beginning.is_partial && some.len() >= 20 && some.len() <= all.len(),
                "{} of {}",
                some.len(),
                all.len()
            );
            assert_eq!(some[..], all[..some.len()], "from line {first}");
            assert_eq!(beginning.files[0].hunks[0].gap_lines, whole[0].hunks[0].gap_lines);
        }
    }

    #[test]
    fn files_that_the_first_screens_do_not_reach_say_so() {
        let (old, new) = ("old line\n".repeat(10_000), "new line\n".repeat(10_000));
        let one = job(&old, &new).files.remove(0);
        let job = Job::new(vec![one.clone(), one.clone(), one], PictureOptions::default());
        let files = job.beginning().files;
        assert!(!files[0].hunks.is_empty() && files[2].hunks.is_empty());
        assert_eq!(files[2].notes, ["being compared"]);
    }
}
