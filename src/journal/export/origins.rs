//! Which lines came from which action, with its decision and its reason: a text for a git note, of the whole session or of
//! the lines that one commit adds.
//!
//! The lines are those of each file after the last action that changed it. Lines that were there before, or that somebody
//! else wrote between two actions, are nobody's and not named. Of what a command changed the record has digests only: such
//! a file is named as a whole.

use super::{failed, redact};
use crate::base::limits::DIFF_BYTES_MAX;
use crate::base::text::{Show, escape};
use crate::base::{ActionId, Digest, RelPath, Seq};
use crate::diff::{DiffOptions, FileDiff, LineKind};
use crate::journal::{Reader, Result};
use crate::model::event::{Event, FileOutcome};
use crate::model::session::ActionState;
use crate::model::{Content, FileChange, Session};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::ops::RangeInclusive;

/// A file as the last action left it.
#[derive(Clone, Default)]
struct Origin {
    digest: Option<Digest>,
    text: Option<Vec<u8>>,
    /// By line; empty while the text is not known.
    owners: Vec<Option<ActionId>>,
    /// Those whose lines in it are not known.
    whole: BTreeSet<ActionId>,
}

/// Enough context that every line of a file is in its diff.
const ALL_LINES: usize = 1 << 30;

/// The session and the files as its actions left them; `each` is told of every version of a file.
fn fold(reader: &Reader, mut each: impl FnMut(&RelPath, &Origin)) -> Result<(Session, BTreeMap<RelPath, Origin>)> {
    let mut session = Session::default();
    let mut files: BTreeMap<RelPath, Origin> = BTreeMap::new();
    for record in reader.iter(Seq(1)) {
        let envelope = record?.envelope();
        session.apply(&envelope);
        let Event::Finished(finished) = &envelope.event else { continue };
        let Some(state) = session.actions.get(&finished.action) else { continue };
        for outcome in finished.files.iter().flatten() {
            take(reader, &mut files, state, outcome)?;
            if let Some(origin) = files.get(&outcome.path) {
                each(&outcome.path, origin);
            }
        }
    }
    Ok((session, files))
}

pub(super) fn write(reader: &Reader, redacting: bool, out: &mut dyn Write) -> Result<()> {
    let (session, files) = fold(reader, |_, _| {})?;
    let text = told(reader, &session, &files, redacting);
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(failed)
}

/// A file that a commit changes: before it, and with it.
#[derive(Debug)]
pub struct Committed {
    pub path: RelPath,
    pub before: Vec<u8>,
    pub after: Vec<u8>,
}

/// Which of the lines that a commit adds came from which action, without likely secrets; `None` when none did.
///
/// # Errors
/// The journal cannot be read.
pub fn of_commit(reader: &Reader, commit: Vec<Committed>) -> Result<Option<String>> {
    let wanted: BTreeMap<&RelPath, Digest> = commit.iter().map(|file| (&file.path, Digest::of(&file.after))).collect();
    let mut exact: BTreeMap<RelPath, Origin> = BTreeMap::new();
    let (session, mut last) = fold(reader, |path, origin| {
        if origin.digest.is_some() && wanted.get(path).copied() == origin.digest {
            exact.insert(path.clone(), origin.clone());
        }
    })?;
    let mut files: BTreeMap<RelPath, Origin> = BTreeMap::new();
    for Committed { path, before, after } in commit {
        let origin = match (exact.remove(&path), last.remove(&path)) {
            (Some(exact), _) => exact,
            // The commit has a version that no action left: what it shares with the last one keeps its owners.
            (None, Some(Origin { text: Some(text), owners, whole, .. })) => {
                Origin { owners: carried(&owners, text, after.clone(), None), whole, ..Origin::default() }
            }
            (None, _) => continue,
        };
        let added = added(before, after);
        let owners = origin.owners.into_iter().enumerate();
        let owners = owners.map(|(at, owner)| owner.filter(|_| added.contains(&(at + 1)))).collect();
        files.insert(path, Origin { owners, ..origin });
    }
    let says = |origin: &Origin| !origin.whole.is_empty() || origin.owners.iter().any(Option::is_some);
    Ok(files.values().any(says).then(|| told(reader, &session, &files, true)))
}

/// The lines that the second text has and the first has not, from 1.
fn added(before: Vec<u8>, after: Vec<u8>) -> BTreeSet<usize> {
    let diff = FileDiff::new(before, after);
    let lines = diff.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.kind == LineKind::Added);
    lines.filter_map(|line| line.new_no).collect()
}

fn told(reader: &Reader, session: &Session, files: &BTreeMap<RelPath, Origin>, redacting: bool) -> String {
    let line = |text: &str| {
        let text = redact(text).filter(|_| redacting).unwrap_or_else(|| text.to_owned());
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
        escape::show(&first, &Show::default()).into_owned()
    };
    let goal = session.opened.as_ref().and_then(|opened| opened.goal.as_deref()).unwrap_or_default();
    let mut text =
        format!("rightseat {}: {}\nagent: {}\n", reader.session(), line(goal), line(&session.agent.ready.agent.name));
    let mut named: BTreeSet<&ActionId> = BTreeSet::new();
    for (path, origin) in files {
        let ranges = ranges(&origin.owners);
        if ranges.is_empty() && origin.whole.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{}\n", escape::show(path.as_str(), &Show::default())));
        for (lines, action) in ranges {
            let shown = if lines.start() == lines.end() {
                lines.start().to_string()
            } else {
                format!("{}-{}", lines.start(), lines.end())
            };
            text.push_str(&format!("  {shown:<9} {action}\n"));
            named.insert(action);
        }
        for action in &origin.whole {
            text.push_str(&format!("  {:<9} {action}\n", "some"));
            named.insert(action);
        }
    }
    let states = session.actions.iter().filter(|state| named.contains(&state.action.id));
    for (at, state) in states.enumerate() {
        let decided = state
            .decided
            .as_ref()
            .map_or_else(String::new, |decided| format!(", {} by {}", decided.verdict.words(), decided.by.words()));
        let why = state.action.rationale.as_ref().map(|rationale| line(&rationale.text)).filter(|why| !why.is_empty());
        let why = why.map_or_else(String::new, |why| format!("\n    {why}"));
        let gap = if at == 0 { "\n" } else { "" };
        text.push_str(&format!("{gap}{}  {}{decided}{why}\n", state.action.id, line(&state.action.title)));
    }
    text
}

/// Takes in what one action did to one file.
fn take(
    reader: &Reader,
    files: &mut BTreeMap<RelPath, Origin>,
    state: &ActionState,
    outcome: &FileOutcome,
) -> Result<()> {
    let from = outcome.from.as_ref().filter(|_| outcome.change == FileChange::Rename);
    let mut origin = files.remove(from.unwrap_or(&outcome.path)).unwrap_or_default();
    let Some(after) = outcome.after else { return Ok(()) };
    let (before, now) = (bytes(reader, state, outcome.before)?, bytes(reader, state, Some(after))?);
    if let (Some(before), Some(now)) = (before, now) {
        if origin.digest != outcome.before || origin.text.is_none() {
            // What is new since the last action is nobody's.
            let known = origin.text.take().unwrap_or_default();
            origin.owners = carried(&origin.owners, known, before.clone(), None);
        }
        origin.owners = carried(&origin.owners, before, now.clone(), Some(&state.action.id));
        origin.text = Some(now);
    } else {
        origin.whole.insert(state.action.id.clone());
        (origin.text, origin.owners) = (None, Vec::new());
    }
    origin.digest = Some(after);
    files.insert(outcome.path.clone(), origin);
    Ok(())
}

/// The owners of the lines of the second text, where what is new is this action's.
fn carried(
    owners: &[Option<ActionId>],
    before: Vec<u8>,
    after: Vec<u8>,
    by: Option<&ActionId>,
) -> Vec<Option<ActionId>> {
    let lines = after.split_inclusive(|byte| *byte == b'\n').count();
    let diff = FileDiff::with(before, after, DiffOptions { context_lines: ALL_LINES, ..DiffOptions::default() });
    if diff.is_same() {
        return owners.iter().cloned().chain(std::iter::repeat(None)).take(lines).collect();
    }
    let each = diff.hunks.iter().flat_map(|hunk| &hunk.lines).filter_map(|line| match line.kind {
        LineKind::Context => Some(line.old_no.and_then(|no| owners.get(no.checked_sub(1)?)?.clone())),
        LineKind::Added => Some(by.cloned()),
        LineKind::Removed => None,
    });
    each.collect()
}

/// The bytes of a version, none of a file that is not there; `None` where the record does not have them as text.
fn bytes(reader: &Reader, state: &ActionState, digest: Option<Digest>) -> Result<Option<Vec<u8>>> {
    let Some(digest) = digest else { return Ok(Some(Vec::new())) };
    let contents = state.action.files().iter().flat_map(|file| [&file.before, &file.after]).flatten();
    if let Some(Content::Text(text)) = contents.into_iter().find(|content| content.digest() == digest) {
        return Ok(Some(text.clone().into_bytes()));
    }
    let length = reader.blob_length(&digest)?.and_then(|length| usize::try_from(length).ok());
    let Some(length) = length.filter(|length| *length <= DIFF_BYTES_MAX) else { return Ok(None) };
    reader.blob(&digest, 0, length).map(|bytes| Some(bytes).filter(|bytes| bytes.len() == length))
}

/// Neighboring lines of one owner together, from 1.
fn ranges(owners: &[Option<ActionId>]) -> Vec<(RangeInclusive<usize>, &ActionId)> {
    let mut ranges: Vec<(RangeInclusive<usize>, &ActionId)> = Vec::new();
    for (line, owner) in owners.iter().enumerate().filter_map(|(at, owner)| Some((at + 1, owner.as_ref()?))) {
        match ranges.last_mut() {
            Some((lines, last)) if *last == owner && lines.end() + 1 == line => *lines = *lines.start()..=line,
            Some(_) | None => ranges.push((line..=line, owner)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_owners_through_later_changes() {
        let (a1, a2) = (ActionId::from("a1"), ActionId::from("a2"));
        let first = carried(&[None, None], b"one\ntwo\n".to_vec(), b"one\nnew\ntwo\n".to_vec(), Some(&a1));
        assert_eq!(first, [None, Some(a1.clone()), None]);
        let second = carried(&first, b"one\nnew\ntwo\n".to_vec(), b"zero\none\nnew\nTWO\n".to_vec(), Some(&a2));
        assert_eq!(ranges(&second), [(1..=1, &a2), (3..=3, &a1), (4..=4, &a2)]);
        let mine = carried(&second, b"zero\none\nnew\nTWO\n".to_vec(), b"zero\none\nnew\nTWO\nmine\n".to_vec(), None);
        assert_eq!(ranges(&mine).len(), 3, "what the user added is nobody's");
    }
}
