//! Which of the changed lines a test run reached, from the report that its command left.

use crate::base::RelPath;
use crate::checks::{ProjectRoot, coverage};
use crate::diff::{FileDiff, LineKind};
use crate::host::limits::{COVERED_FILE_BYTES_MAX, COVERED_FILES_MAX, COVERED_LINES_MAX, COVERED_REPORT_BYTES_MAX};
use crate::model::check::CoveredFile;
use std::collections::{BTreeMap, BTreeSet};

/// The changed lines of each file, in its new version.
pub type Changed = BTreeMap<RelPath, BTreeSet<u32>>;

/// Adds the lines that the second version has and the first has not.
pub fn add(changed: &mut Changed, path: &RelPath, before: Vec<u8>, after: Vec<u8>) {
    if before.len().max(after.len()) > COVERED_FILE_BYTES_MAX || changed.len() >= COVERED_FILES_MAX {
        return;
    }
    let diff = FileDiff::new(before, after);
    let lines = diff.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.kind == LineKind::Added);
    let numbers = lines.filter_map(|line| u32::try_from(line.new_no?).ok()).take(COVERED_LINES_MAX);
    changed.insert(path.clone(), numbers.collect());
}

/// What the report says of the changed lines; in words why it says nothing.
pub fn read(report: &[u8], changed: &Changed, place: &ProjectRoot) -> Result<Vec<CoveredFile>, String> {
    if report.len() > COVERED_REPORT_BYTES_MAX {
        return Err(format!("the coverage report has more than {} MB", COVERED_REPORT_BYTES_MAX / 1_000_000));
    }
    let text = std::str::from_utf8(report).map_err(|_| "the coverage report is not UTF-8".to_owned())?;
    let found = coverage::read(coverage::format_of(text), text, place).map_err(|error| error.to_string())?;
    // A report may name the copy that the tests ran in.
    let of = |files: &BTreeMap<String, BTreeSet<u32>>, path: &RelPath| {
        if let Some(lines) = files.get(path.as_str()) {
            return lines.clone();
        }
        let end = format!("/{path}");
        let mut named = files.iter().filter(|(name, _)| name.ends_with(&end)).map(|(_, lines)| lines);
        // Of two that could be meant neither is.
        named.next().filter(|_| named.next().is_none()).cloned().unwrap_or_default()
    };
    let file = |(path, lines): (&RelPath, &BTreeSet<u32>)| {
        let (ran, missed) = (of(&found.files, path), of(&found.missed, path));
        CoveredFile {
            path: path.clone(),
            ran: lines.intersection(&ran).copied().collect(),
            missed: lines.intersection(&missed).filter(|line| !ran.contains(line)).copied().collect(),
        }
    };
    Ok(changed.iter().map(file).filter(|file| !file.ran.is_empty() || !file.missed.is_empty()).collect())
}
