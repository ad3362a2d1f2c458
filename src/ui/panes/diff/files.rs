//! The files of a change: those that are folded to a line, those that the user has viewed, and the list of them.
//!
//! A folded file is not read: an approval asks about it as about any row that was not on the screen. Marking it as viewed
//! is the user's word that it was.

use super::DiffRow;
use crate::base::Digest;
use crate::base::digest::FieldHasher;
use crate::model::{FileEdit, Node};
use crate::ui::limits::UI_FOLD_LINES_MIN;
use crate::ui::look::Look;
use crate::ui::panes::row::Row;
use crate::ui::theme::{Role, Sign};
use crate::ui::workers::FilePicture;
use std::collections::BTreeMap;
use std::ops::Range;

/// What the user did with a file of this content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Opened,
    Closed,
    Viewed,
}

/// Rows of a folded file that are not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hidden {
    /// The shown row that stands for them.
    row: usize,
    rows: usize,
}

/// The folds of the files that are shown.
#[derive(Debug, Default)]
pub(super) struct Folds {
    marks: BTreeMap<Digest, Mark>,
    /// Of each file, in the order of the pictures.
    keys: Vec<Digest>,
    hidden: Vec<Hidden>,
    /// The rows changed by folding alone: what was read stays read.
    pub is_refolded: bool,
}

/// A line of the list of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileItem {
    pub path: String,
    pub added: usize,
    pub removed: usize,
    pub viewed: bool,
    /// The reason that it is folded from the start.
    pub kind: Option<&'static str>,
}

const LOCK_FILES: [&str; 13] = [
    "Cargo.lock",
    "Gemfile.lock",
    "Pipfile.lock",
    "bun.lock",
    "composer.lock",
    "flake.lock",
    "go.sum",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "poetry.lock",
    "uv.lock",
    "yarn.lock",
];

/// The reason that a file is shown as one line at first.
fn folded_kind(file: &FilePicture) -> Option<&'static str> {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    let is_below = |dir: &str| file.path.split('/').rev().skip(1).any(|part| part == dir);
    let has_end = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if LOCK_FILES.contains(&name) {
        Some("lock file")
    } else if ["vendor", "node_modules", "third_party"].into_iter().any(is_below) {
        Some("vendored")
    } else if has_end(&[".min.js", ".min.css", ".map", ".pb.go", "_pb2.py", ".pb.cc", ".pb.h", ".g.dart"]) {
        Some("generated")
    } else if file.added + file.removed >= UI_FOLD_LINES_MIN {
        Some("long")
    } else {
        None
    }
}

fn key(file: &FileEdit) -> Digest {
    let mut hash = FieldHasher::new();
    hash.field(file.path.as_str().as_bytes());
    hash.field(file.from.as_ref().map_or(&[][..], |from| from.as_str().as_bytes()));
    hash.field(Node::field(file.before_node.as_ref()).as_bytes())
        .field(Node::field(file.after_node.as_ref()).as_bytes());
    for content in [&file.before, &file.after] {
        match content {
            Some(content) => hash.field(content.digest().bytes()),
            None => hash.field(b""),
        };
    }
    hash.finish()
}

impl Folds {
    /// Takes the rows of folded files out.
    pub fn fold(
        &mut self,
        rows: Vec<DiffRow>,
        pictures: &[FilePicture],
        files: &[FileEdit],
        look: &Look,
    ) -> Vec<DiffRow> {
        self.hidden.clear();
        // One file is what the pane is about.
        if pictures.len() < 2 || files.len() != pictures.len() {
            self.keys.clear();
            return rows;
        }
        self.keys = files.iter().map(key).collect();
        let mut shown = Vec::with_capacity(rows.len());
        let mut is_inside = false;
        for row in rows {
            if let DiffRow::File(at) = row {
                let words = pictures.get(at).and_then(|picture| self.words(at, picture));
                is_inside = words.is_some();
                shown.push(row);
                if let Some(words) = words {
                    self.hidden.push(Hidden { row: shown.len(), rows: 0 });
                    let words = format!("  {} {words}", look.sign(Sign::Closed));
                    shown.push(DiffRow::Note(Row::new(words, Role::TextSoft)));
                }
            } else if !is_inside {
                shown.push(row);
            } else if let Some(hidden) = self.hidden.last_mut() {
                hidden.rows += 1;
            }
        }
        shown
    }

    /// The words of the line that a folded file is.
    pub fn words(&self, file: usize, picture: &FilePicture) -> Option<String> {
        let kind = match (self.mark(file), folded_kind(picture)) {
            (Some(Mark::Opened), _) | (None, None) => return None,
            (Some(Mark::Viewed), _) => "viewed",
            (Some(Mark::Closed), kind) => kind.unwrap_or("folded"),
            (None, Some(kind)) => kind,
        };
        let lines = match picture.added + picture.removed {
            1 => "changed line".to_owned(),
            lines => format!("{lines} changed lines"),
        };
        Some(format!("{kind}: Enter shows its {lines}"))
    }

    /// There are several files, so that they can be folded and marked.
    pub fn has_files(&self) -> bool {
        !self.keys.is_empty()
    }

    fn mark(&self, file: usize) -> Option<Mark> {
        self.keys.get(file).and_then(|key| self.marks.get(key)).copied()
    }

    pub fn set_mark(&mut self, file: usize, mark: Mark) {
        if let Some(key) = self.keys.get(file) {
            self.marks.insert(*key, mark);
            self.is_refolded = true;
        }
    }

    pub fn is_viewed(&self, file: usize) -> bool {
        self.mark(file) == Some(Mark::Viewed)
    }

    /// This shown row stands for hidden ones.
    pub fn is_fold(&self, row: usize) -> bool {
        self.hidden.iter().any(|hidden| hidden.row == row)
    }

    /// Where a shown row is among all rows, folded ones included.
    pub fn unfolded(&self, row: usize) -> usize {
        let before = self.hidden.iter().filter(|hidden| hidden.row < row);
        before.fold(row, |at, hidden| (at + hidden.rows).saturating_sub(1))
    }

    /// The shown ones of these rows, among all rows.
    pub fn shown_ranges(&self, window: Range<usize>) -> Vec<Range<usize>> {
        let mut start = window.start;
        let mut ranges = Vec::new();
        for hidden in self.hidden.iter().filter(|hidden| window.contains(&hidden.row)) {
            ranges.push(self.unfolded(start)..self.unfolded(hidden.row));
            start = hidden.row + 1;
        }
        ranges.push(self.unfolded(start)..self.unfolded(window.end.max(start)));
        ranges
    }

    pub fn items(&self, pictures: &[FilePicture]) -> Vec<FileItem> {
        let item = |(at, file): (usize, &FilePicture)| FileItem {
            path: file.path.clone(),
            added: file.added,
            removed: file.removed,
            viewed: self.is_viewed(at),
            kind: folded_kind(file),
        };
        pictures.iter().enumerate().map(item).collect()
    }
}
