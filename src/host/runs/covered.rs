//! Which of the changed lines a test run reached, from the report that its command left. All of it is work for a task: the
//! actor only says what is wanted.

use crate::base::{Digest, RelPath};
use crate::checks::{ProjectRoot, coverage};
use crate::diff::{FileDiff, LineKind};
use crate::host::limits::{COVERED_FILE_BYTES_MAX, COVERED_FILES_MAX, COVERED_LINES_MAX, COVERED_REPORT_BYTES_MAX};
use crate::model::check::CoveredFile;
use std::collections::{BTreeMap, BTreeSet};

/// Both versions of a file.
#[derive(Clone, Debug)]
struct Versions {
    path: RelPath,
    before: Vec<u8>,
    after: Vec<u8>,
}

/// The report to bring back, and the files whose changed lines it is asked about.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub report: RelPath,
    place: ProjectRoot,
    files: Vec<Versions>,
}

impl Wanted {
    pub fn new(report: RelPath, place: ProjectRoot) -> Self {
        Self { report, place, files: Vec::new() }
    }

    /// Asks about the lines that the second version has and the first has not.
    pub fn add(&mut self, path: &RelPath, before: Vec<u8>, after: Vec<u8>) {
        if before.len().max(after.len()) <= COVERED_FILE_BYTES_MAX && self.files.len() < COVERED_FILES_MAX {
            self.files.push(Versions { path: path.clone(), before, after });
        }
    }

    /// What the report among these files says of the changed lines; in words why it says nothing.
    pub fn read(self, collected: &[(RelPath, Vec<u8>)]) -> Result<Vec<CoveredFile>, String> {
        let path = &self.report;
        let (_, report) =
            collected.iter().find(|(name, _)| name == path).ok_or_else(|| format!("the run left no {path}"))?;
        if report.len() > COVERED_REPORT_BYTES_MAX {
            return Err(format!("the coverage report has more than {} MB", COVERED_REPORT_BYTES_MAX / 1_000_000));
        }
        let text = std::str::from_utf8(report).map_err(|_| "the coverage report is not UTF-8".to_owned())?;
        let found = coverage::read(coverage::format_of(text), text, &self.place).map_err(|error| error.to_string())?;
        let covered = self.files.into_iter().map(|file| {
            let name = name_of(&found, &file.path).unwrap_or_default();
            let of = |files: &BTreeMap<String, BTreeSet<u32>>| files.get(&name).cloned().unwrap_or_default();
            let (ran, missed) = (of(&found.files), of(&found.missed));
            let (path, content) = (file.path, Some(Digest::of(&file.after)));
            let lines = added(file.before, file.after);
            CoveredFile {
                ran: lines.intersection(&ran).copied().collect(),
                missed: lines.intersection(&missed).filter(|line| !ran.contains(line)).copied().collect(),
                path,
                content,
            }
        });
        Ok(covered.filter(|file| !file.ran.is_empty() || !file.missed.is_empty()).collect())
    }
}

fn added(before: Vec<u8>, after: Vec<u8>) -> BTreeSet<u32> {
    let diff = FileDiff::new(before, after);
    let lines = diff.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.kind == LineKind::Added);
    lines.filter_map(|line| u32::try_from(line.new_no?).ok()).take(COVERED_LINES_MAX).collect()
}

/// What a report calls a file: by its path, or by the whole path of the copy that the tests ran in. Of two that could be
/// meant neither is.
fn name_of(found: &coverage::Coverage, path: &RelPath) -> Option<String> {
    let end = format!("/{path}");
    let names: BTreeSet<&String> = found.files.keys().chain(found.missed.keys()).collect();
    if let Some(name) = names.iter().find(|name| **name == path.as_str()) {
        return Some((*name).clone());
    }
    let mut whole = names.into_iter().filter(|name| name.starts_with('/') && name.ends_with(&end));
    whole.next().filter(|_| whole.next().is_none()).cloned()
}
