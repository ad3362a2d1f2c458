//! The picture of one changed file: hunks of lines that are safe to show, with the places that are colored.

use super::colours::Colours;
use crate::base::text::Show;
use crate::base::text::escape::{self, PieceKind};
use crate::diff::{Content, DiffLine, DiffOptions, FileDiff, Hunk, LineId, LineKind, Whitespace, intraline};
use crate::model::{FileChange, FileEdit};
use crate::ui::limits::{UI_CONTEXT_LINES_MAX, UI_WHOLE_LINES_MAX};
use crate::ui::theme::Role;
use crate::ui::workers::{PictureOptions, Versions, states};
use bytes::Bytes;
use std::collections::HashSet;
use std::ops::Range;

/// A line of text for the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Safe to show.
    pub text: String,
    /// Roles by byte range of `text`, in order: syntax and escapes.
    pub roles: Vec<(Range<usize>, Role)>,
    /// The changed parts of the line.
    pub strong: Vec<Range<usize>>,
}

/// One line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePicture {
    pub kind: LineKind,
    /// It differs in white space only from the line in its place.
    pub is_blank_only: bool,
    pub old_no: Option<usize>,
    pub new_no: Option<usize>,
    pub shown: Shown,
}

/// The definition around a hunk, for the structural view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heading {
    pub kind: &'static str,
    pub path: String,
}

/// A hunk as decisions count it, with more context around it than it has itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HunkPicture {
    pub lines: Vec<LinePicture>,
    /// Unchanged lines before it (nearest last) and after it, not shared with a neighbor.
    pub before: Vec<LinePicture>,
    pub after: Vec<LinePicture>,
    /// Unchanged lines between the previous hunk (or the start) and this one that are in neither.
    pub gap_lines: usize,
    /// The definitions that its changed lines are in: each with the line of the hunk from which it holds.
    pub headings: Vec<(usize, Option<Heading>)>,
}

impl HunkPicture {
    /// All of its changes are of white space only.
    #[must_use]
    pub fn is_blank_only(&self) -> bool {
        self.lines.iter().all(|line| line.kind == LineKind::Context || line.is_blank_only)
    }

    /// The indices of its changed lines.
    #[must_use]
    pub fn changed(&self) -> Vec<usize> {
        self.lines.iter().enumerate().filter(|(_, line)| line.kind != LineKind::Context).map(|(at, _)| at).collect()
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePicture {
    pub path: String,
    pub from: Option<String>,
    pub change: FileChange,
    pub hunks: Vec<HunkPicture>,
    pub added: usize,
    pub removed: usize,
    /// Unchanged lines after the last hunk.
    pub tail_lines: usize,
    /// Notes, such as the reason that there are no hunks.
    pub notes: Vec<String>,
    pub structure: Vec<StructureLine>,
    /// Why definitions are missing there.
    pub structure_note: Option<&'static str>,
}

impl FilePicture {
    /// Its lines come after this many others, which are the same in both versions.
    pub(super) fn begin_at(&mut self, lines: usize) {
        for (at, hunk) in self.hunks.iter_mut().enumerate() {
            hunk.gap_lines += if at == 0 { lines } else { 0 };
            for line in hunk.before.iter_mut().chain(&mut hunk.lines).chain(&mut hunk.after) {
                line.old_no = line.old_no.map(|number| number + lines);
                line.new_no = line.new_no.map(|number| number + lines);
            }
        }
    }
}

/// The change of one definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StructureLine {
    pub word: &'static str,
    pub role: Role,
    pub kind: &'static str,
    pub path: String,
    pub added: usize,
    pub removed: usize,
}

/// The detail in which a picture is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Lines and what changed in them.
    Text,
    /// Structure and colors too, as far as the syntax can be read in [`UI_HIGHLIGHT_MS_MAX`].
    Full,
}

/// Computes one picture a file.
pub(super) fn pictures_of(job: &super::Job, detail: Detail) -> Vec<FilePicture> {
    job.files.iter().map(|file| picture_of(file, job.options, detail)).collect()
}

/// Compares, colors and makes safe. Slow for long files: belongs on a worker.
fn picture_of(versions: &Versions, options: PictureOptions, detail: Detail) -> FilePicture {
    let file = &versions.file;
    let mut picture = without_text(file);
    let (before, after) = match (&versions.before, &versions.after) {
        (Ok(before), Ok(after)) => (before.clone(), after.clone()),
        (before, after) => {
            let bytes = |side: &Result<Bytes, u64>| side.as_ref().map_or_else(|bytes| *bytes, |text| text.len() as u64);
            let (before, after) = (bytes(before), bytes(after));
            picture.notes.push(match (options.is_comparison, before + after) {
                (false, _) => format!(
                    "too long to show: {before} bytes before, {after} bytes after; approve or deny it as a whole"
                ),
                (true, 0) => "its contents are not here yet".to_owned(),
                (true, _) => format!("its contents are not here: {before} bytes before, {after} bytes after"),
            });
            return picture;
        }
    };
    let diff = FileDiff::new(before, after);
    picture.added = diff.added;
    picture.removed = diff.removed;
    picture.notes.extend(states::notes(&diff, !options.is_comparison));
    let colours = match detail {
        Detail::Text => Colours::default(),
        Detail::Full => Colours::of(file.path.as_str(), &diff, around(options)),
    };
    if detail == Detail::Full && diff.content == Content::Text {
        (picture.structure, picture.structure_note) = colours.structure(&diff);
    }
    fill(&mut picture, &diff, &colours, options);
    if picture.hunks.is_empty() && picture.notes.is_empty() {
        picture.notes.push(without_lines(file.change).to_owned());
    }
    picture
}

/// The picture of a file before anything is compared.
pub(super) fn without_text(file: &FileEdit) -> FilePicture {
    let shown = |text: &str| escape::show(text, &Show::default()).into_owned();
    FilePicture {
        path: shown(file.path.as_str()),
        from: file.from.as_ref().map(|from| shown(from.as_str())),
        change: file.change,
        hunks: Vec::new(),
        added: 0,
        removed: 0,
        tail_lines: 0,
        notes: file.node_words().into_iter().collect(),
        structure: Vec::new(),
        structure_note: None,
    }
}

/// Describes a change in which no line differs.
fn without_lines(change: FileChange) -> &'static str {
    match change {
        FileChange::Modify => "no lines differ",
        FileChange::Create => "a new file without content",
        FileChange::Delete => "the file has no content",
        FileChange::Rename => "renamed; content unchanged",
    }
}

/// Unchanged lines that are prepared around a hunk.
fn around(options: PictureOptions) -> usize {
    if options.is_whole { UI_WHOLE_LINES_MAX } else { UI_CONTEXT_LINES_MAX }
}

pub(super) fn fill(picture: &mut FilePicture, diff: &FileDiff, colours: &Colours, options: PictureOptions) {
    let show = Show { mark_blanks: options.marks_blanks, ..Show::default() };
    let most = around(options);
    let new_lines: Vec<&[u8]> = diff.new_version().split_inclusive(|byte| *byte == b'\n').collect();
    let unchanged = |new_no: usize, old_no: usize| {
        let text = new_lines.get(new_no.checked_sub(1)?)?;
        let shown = lay_out(strip(text), &colours.new_spans(new_no), &[], &show);
        let (kind, is_blank_only) = (LineKind::Context, false);
        Some(LinePicture { kind, is_blank_only, old_no: Some(old_no), new_no: Some(new_no), shown })
    };
    let mut end = (1, 1);
    for (at, hunk) in diff.hunks.iter().enumerate() {
        let marks = intraline(hunk);
        let blanks = blank_only(hunk);
        let lines: Vec<LinePicture> = hunk
            .lines
            .iter()
            .zip(&marks)
            .zip(&blanks)
            .map(|((line, marks), is_blank_only)| LinePicture {
                kind: line.kind,
                is_blank_only: *is_blank_only,
                old_no: line.old_no,
                new_no: line.new_no,
                shown: lay_out(line.body(), &colours.spans(line.old_no, line.new_no), marks, &show),
            })
            .collect();
        let start = (first_line(hunk.old_start, hunk.old_len), first_line(hunk.new_start, hunk.new_len));
        let gap = start.1.saturating_sub(end.1);
        // Context before a hunk is taken from the far end of the gap, so that two neighbors never show a line twice.
        let lead = gap.min(most);
        let before = (1..=lead)
            .rev()
            .filter_map(|away| unchanged(start.1.checked_sub(away)?, start.0.checked_sub(away)?))
            .collect();
        end = (start.0 + hunk.old_len, start.1 + hunk.new_len);
        let next = diff.hunks.get(at + 1).map_or(new_lines.len() + 1, |next| first_line(next.new_start, next.new_len));
        let room = next.saturating_sub(end.1);
        let trail = if at + 1 < diff.hunks.len() { room.saturating_sub(room.min(most)) } else { room };
        let after = (0..trail.min(most)).filter_map(|away| unchanged(end.1 + away, end.0 + away)).collect();
        let headings = colours.headings(hunk);
        picture.hunks.push(HunkPicture { lines, before, after, gap_lines: gap, headings });
    }
    if !diff.hunks.is_empty() {
        picture.tail_lines = (new_lines.len() + 1).saturating_sub(end.1);
    }
}

/// Which lines of a hunk are unchanged where white space does not count.
fn blank_only(hunk: &Hunk) -> Vec<bool> {
    let text = |not: LineKind| -> Vec<u8> {
        hunk.lines.iter().filter(|line| line.kind != not).flat_map(|line| line.text.to_vec()).collect()
    };
    // Without a line that is there on both sides, there is nothing to compare.
    let key =
        |line: &DiffLine| -> Vec<u8> { line.text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect() };
    let of = |kind: LineKind| hunk.lines.iter().filter(move |line| line.kind == kind);
    let removed: HashSet<Vec<u8>> = of(LineKind::Removed).map(key).collect();
    if removed.is_empty() || !of(LineKind::Added).any(|line| removed.contains(&key(line))) {
        return vec![false; hunk.lines.len()];
    }
    let options = DiffOptions { context_lines: 0, whitespace: Whitespace::IgnoreAll };
    let diff = FileDiff::with(text(LineKind::Added), text(LineKind::Removed), options);
    // The lines of either side that differ even so, by their numbers in the hunk.
    let changed: HashSet<LineId> = diff.hunks.iter().flat_map(|hunk| &hunk.lines).filter_map(DiffLine::id).collect();
    let (mut old, mut new) = (0, 0);
    hunk.lines
        .iter()
        .map(|line| {
            old += usize::from(line.kind != LineKind::Added);
            new += usize::from(line.kind != LineKind::Removed);
            match line.kind {
                LineKind::Context => false,
                LineKind::Removed => !changed.contains(&LineId::Removed(old)),
                LineKind::Added => !changed.contains(&LineId::Added(new)),
            }
        })
        .collect()
}

/// Returns the line where a hunk begins: with no lines on a side, `start` names the line before it.
pub(super) fn first_line(start: usize, len: usize) -> usize {
    if len == 0 { start + 1 } else { start }
}

fn strip(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

/// Makes a line safe and carries source ranges over to what is shown.
fn lay_out(source: &[u8], spans: &[(Range<usize>, Role)], marks: &[Range<usize>], show: &Show) -> Shown {
    let mut shown = Shown::default();
    for piece in escape::pieces(source, show) {
        let start = shown.text.len();
        shown.text.push_str(&piece.text);
        let whole = start..shown.text.len();
        let overlap = |range: &Range<usize>| {
            let (from, to) = (range.start.max(piece.source.start), range.end.min(piece.source.end));
            if from >= to {
                return None;
            }
            Some(if piece.kind == PieceKind::Plain {
                start + (from - piece.source.start)..start + (to - piece.source.start)
            } else {
                whole.clone()
            })
        };
        match piece.kind {
            PieceKind::Plain => {
                shown.roles.extend(spans.iter().filter_map(|(range, role)| Some((overlap(range)?, *role))))
            }
            PieceKind::Escape | PieceKind::Cut => shown.roles.push((whole.clone(), Role::Warn)),
            PieceKind::Blank => shown.roles.push((whole.clone(), Role::TextFaint)),
        }
        shown.strong.extend(marks.iter().filter_map(overlap));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RelPath;
    use crate::model::{self};

    fn file(before: &str, after: &str) -> FileEdit {
        let content = |text: &str| Some(model::Content::of(text.as_bytes()));
        FileEdit {
            before_node: None,
            after_node: None,
            path: RelPath::new("src/a.rs").unwrap(),
            change: FileChange::Modify,
            from: None,
            before: content(before),
            after: content(after),
        }
    }

    fn versions(edit: &FileEdit) -> Versions {
        Versions::of(edit.clone(), |_| None)
    }

    fn pic(edit: &FileEdit) -> FilePicture {
        picture_of(&versions(edit), PictureOptions::default(), Detail::Full)
    }

    /// Neighbors in one hunk are told apart; blank lines between them belong to what is above.
    #[test]
    fn each_definition_of_a_hunk_has_its_heading() {
        let old = "fn add() {\n    1\n}\n\nfn mul() {\n    3\n}\n";
        let new = old.replace("    1", "    1;\n    11").replace("    3", "    33");
        let picture = pic(&file(old, &new));
        let [hunk] = &picture.hunks[..] else { panic!("{picture:?}") };
        let found: Vec<_> =
            hunk.headings.iter().map(|(from, of)| (*from, of.as_ref().unwrap().path.as_str())).collect();
        let first = hunk.lines.iter().position(|line| line.shown.text.contains("    3")).unwrap();
        assert_eq!(found, [(0, "add"), (first, "mul")]);
    }

    #[test]
    fn lines_that_are_not_utf_8_are_compared_and_their_bytes_shown() {
        let bytes = |text: &'static [u8]| Ok(Bytes::from_static(text));
        let (before, after) = (bytes(b"n = 1\ncaf\xe9\n"), bytes(b"n = 2\ncaf\xef\xbf\xbd\n"));
        let picture =
            picture_of(&Versions { before, after, file: file("", "") }, PictureOptions::default(), Detail::Full);
        let lines: Vec<&str> = picture.hunks[0].lines.iter().map(|line| line.shown.text.as_str()).collect();
        assert_eq!(lines, ["n = 1", "caf⟨xE9⟩", "n = 2", "caf⟨U+FFFD⟩"]);
        assert!(picture.notes[0].contains("1 invalid bytes before, 0 after"), "{:?}", picture.notes);
    }

    #[test]
    fn a_change_without_lines_says_so() {
        let mut edit = file("same\n", "same\n");
        edit.change = FileChange::Rename;
        edit.from = Some(RelPath::new("src/old.rs").unwrap());
        assert_eq!(pic(&edit).notes, ["renamed; content unchanged"]);
        edit.change = FileChange::Create;
        (edit.from, edit.before, edit.after) = (None, None, Some(model::Content::of(b"")));
        assert_eq!(pic(&edit).notes, ["a new file without content"]);
        assert!(pic(&file("a\n", "b\n")).notes.is_empty());
    }

    fn numbered(count: usize) -> String {
        (1..=count).map(|n| format!("line {n}\n")).collect()
    }

    #[test]
    fn hunks_come_with_context_that_no_neighbour_shows_too() {
        let before = numbered(200);
        let after = before.replace("line 50\n", "line fifty\n").replace("line 150\n", "");
        let picture = pic(&file(&before, &after));
        assert_eq!((picture.added, picture.removed, picture.hunks.len()), (1, 2, 2));
        let mut seen = std::collections::BTreeSet::new();
        for hunk in &picture.hunks {
            for line in hunk.before.iter().chain(&hunk.lines).chain(&hunk.after) {
                if let Some(no) = line.new_no {
                    assert!(seen.insert(no), "line {no} twice");
                    if line.kind == LineKind::Context {
                        let expect = after.lines().nth(no - 1).unwrap();
                        assert_eq!(line.shown.text, expect);
                        let old = before.lines().nth(line.old_no.unwrap() - 1).unwrap();
                        assert_eq!(line.shown.text, old);
                    }
                }
            }
        }
        assert_eq!(picture.hunks[0].gap_lines, 46);
    }

    #[test]
    fn the_text_of_a_long_change_comes_before_its_colors() {
        let line = "def broken(((: line of a long file that no grammar can read\n";
        let before = line.repeat(20_000);
        let after = before.replacen("def", "DEF", 1);
        let job = {
            let (old, new) = (Ok(Bytes::from(before.clone())), Ok(Bytes::from(after.clone())));
            let versions = Versions { before: old, after: new, file: file(&before, &after) };
            crate::ui::workers::Job::new(vec![versions], PictureOptions::default())
        };
        let products = std::cell::RefCell::new(Vec::new());
        job.run(&|product| products.borrow_mut().push(product));
        let mut products = products.into_inner();
        assert!(products.remove(0).is_partial, "its beginning comes before both");
        assert_eq!(products.iter().map(|p| p.is_final).collect::<Vec<_>>(), [false, true]);
        let texts = |at: usize| {
            let hunks = products[at].files[0].hunks.iter();
            hunks.flat_map(|h| &h.lines).map(|l| (l.kind, l.shown.text.clone())).collect::<Vec<_>>()
        };
        assert_eq!(texts(0), texts(1), "only colors come later");
        let short = crate::ui::workers::Job::new(vec![versions(&file("a\n", "b\n"))], PictureOptions::default());
        let count = std::cell::Cell::new(0);
        short.run(&|product| count.set(count.get() + usize::from(product.is_final)));
        assert_eq!(count.get(), 1, "a short change is colored at once");
    }

    #[test]
    fn what_hides_is_shown_and_marked() {
        let picture = pic(&file("a\n", "a\u{202e}b\n"));
        let added = picture.hunks[0].lines.iter().find(|line| line.kind == LineKind::Added).unwrap();
        assert_eq!(added.shown.text, "a⟨U+202E⟩b");
        assert!(added.shown.roles.iter().any(|(_, role)| *role == Role::Warn));
    }

    #[test]
    fn a_blob_says_why_it_has_no_hunks() {
        let mut edit = file("a", "b");
        edit.after = Some(model::Content::of(&[0xff, 0xfe, 0]));
        let picture = pic(&edit);
        assert!(
            picture.hunks.is_empty() && picture.notes.first().is_some_and(|note| note.contains("3 bytes after")),
            "{:?}",
            picture.notes
        );
    }
}
