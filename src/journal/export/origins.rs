//! Which lines came from which action, with its decision and its reason: a text for a git note, of the whole session or of
//! the lines that one commit adds.
//!
//! The lines are those of each file after the last action that changed it. Lines that were there before, or that somebody
//! else wrote between two actions, are nobody's and not named. Of what a command changed the record has digests only: such
//! a file is named as a whole.

use super::{failed, redact};
use crate::base::limits::DIFF_BYTES_MAX;
use crate::base::text::{Show, escape};
use crate::base::{ActionId, Digest, RelPath, Seq, SessionId};
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

/// The begin of what is said of one session; no other line of a text begins so.
const BLOCK: &str = "rightseat ";

/// The session and the files as its actions left them. What is sought is shown every version of its file.
fn fold(reader: &Reader, sought: &mut [Sought]) -> Result<(Session, BTreeMap<RelPath, Origin>)> {
    let mut session = Session::default();
    let mut files: BTreeMap<RelPath, Origin> = BTreeMap::new();
    let mut places: BTreeMap<RelPath, Vec<usize>> = BTreeMap::new();
    for (at, one) in sought.iter().enumerate() {
        places.entry(one.file.path.clone()).or_default().push(at);
    }
    for record in reader.iter(Seq(1)) {
        let envelope = record?.envelope();
        session.apply(&envelope);
        let Event::Finished(finished) = &envelope.event else { continue };
        let Some(state) = session.actions.get(&finished.action) else { continue };
        for outcome in finished.files.iter().flatten() {
            let places = places.get(&outcome.path).map_or(&[][..], Vec::as_slice);
            for at in places {
                if let Some(one) = sought.get_mut(*at) {
                    one.see_before(outcome.before, files.get(old_path(outcome)));
                }
            }
            take(reader, &mut files, state, outcome)?;
            let Some(origin) = files.get(&outcome.path) else { continue };
            for at in places {
                if let Some(one) = sought.get_mut(*at) {
                    one.see(origin);
                }
            }
        }
    }
    Ok((session, files))
}

pub(super) fn write(reader: &Reader, redacting: bool, out: &mut dyn Write) -> Result<()> {
    let (session, files) = fold(reader, &mut [])?;
    let text = told(reader, &session, &files, redacting);
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(failed)
}

/// A file that a commit adds lines to.
#[derive(Debug)]
pub struct Committed {
    path: RelPath,
    /// None of a file that the commit creates.
    before: Option<Digest>,
    after: Digest,
    added: Vec<RangeInclusive<usize>>,
}

impl Committed {
    /// Compares a file before a commit and with it; `before` is `None` where the commit creates it.
    pub fn new(path: RelPath, before: Option<Vec<u8>>, after: Vec<u8>) -> Self {
        let (old, new) = (before.as_deref().map(Digest::of), Digest::of(&after));
        Self { path, before: old, after: new, added: added(before.unwrap_or_default(), after) }
    }
}

/// A file of a commit, and the version that an action left exactly as the commit has it.
///
/// A version that no action left has no owners here: a guess from a later or an earlier one could name the wrong action.
struct Sought<'a> {
    file: &'a Committed,
    /// Those that had changed the file when it was as it is before the commit; `None` while it has not been so.
    base: Option<BTreeSet<ActionId>>,
    exact: Option<Origin>,
}

impl<'a> Sought<'a> {
    fn new(file: &'a Committed) -> Self {
        Self { file, base: None, exact: None }
    }

    /// Takes in what an action found, and what was known of that file.
    fn see_before(&mut self, found: Option<Digest>, origin: Option<&Origin>) {
        if found == self.file.before {
            self.base = Some(origin.map(|origin| origin.whole.clone()).unwrap_or_default());
        }
    }

    /// Takes in the version that an action left.
    fn see(&mut self, origin: &Origin) {
        if origin.digest == Some(self.file.after) {
            let mut owners = vec![None; origin.owners.len()];
            for line in self.file.added.iter().cloned().flatten() {
                if let (Some(to), Some(from)) = (owners.get_mut(line - 1), origin.owners.get(line - 1)) {
                    to.clone_from(from);
                }
            }
            // Only those between the two sides of the commit are in it.
            let mut whole = match &self.base {
                Some(base) if !self.file.added.is_empty() => origin.whole.difference(base).cloned().collect(),
                Some(_) | None => BTreeSet::new(),
            };
            if let Some(earlier) = self.exact.take() {
                // The file was the same twice, and which of the two was committed is not known.
                whole.retain(|action| earlier.whole.contains(action));
                owners.resize(owners.len().max(earlier.owners.len()), None);
                for (at, owner) in owners.iter_mut().enumerate() {
                    if owner.as_ref() != earlier.owners.get(at).and_then(Option::as_ref) {
                        *owner = None;
                    }
                }
            }
            self.exact = Some(Origin { owners, whole, ..Origin::default() });
        }
        if origin.digest == self.file.before {
            self.base = Some(origin.whole.clone());
        }
    }
}

/// Which of the lines that each of these commits adds came from which action, without likely secrets; `None` where none did.
///
/// # Errors
/// The journal cannot be read.
pub fn of_commits(reader: &Reader, commits: &[Vec<Committed>]) -> Result<Vec<Option<String>>> {
    let mut sought: Vec<Sought> = commits.iter().flatten().map(Sought::new).collect();
    let (session, _) = fold(reader, &mut sought)?;
    let mut sought = sought.into_iter();
    let each = commits.iter().map(|commit| {
        let found = sought.by_ref().take(commit.len());
        let files: BTreeMap<RelPath, Origin> =
            found.filter_map(|one| Some((one.file.path.clone(), one.exact?))).collect();
        let says = |origin: &Origin| !origin.whole.is_empty() || origin.owners.iter().any(Option::is_some);
        files.values().any(says).then(|| told(reader, &session, &files, true))
    });
    Ok(each.collect())
}

/// A note with the block of this session replaced by a new one; the blocks of other sessions stay.
pub fn merged(note: &str, session: &SessionId, block: &str) -> String {
    let own = format!("{BLOCK}{session}:");
    let mut is_own = false;
    let others = note.split_inclusive('\n').filter(|line| {
        if line.starts_with(BLOCK) {
            is_own = line.starts_with(&own);
        }
        !is_own
    });
    let others: String = others.collect();
    match others.trim_end() {
        "" => block.to_owned(),
        others => format!("{others}\n\n{block}"),
    }
}

/// The lines that the second text has and the first has not, from 1.
fn added(before: Vec<u8>, after: Vec<u8>) -> Vec<RangeInclusive<usize>> {
    let diff = FileDiff::new(before, after);
    let lines = diff.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.kind == LineKind::Added);
    let mut ranges: Vec<RangeInclusive<usize>> = Vec::new();
    for line in lines.filter_map(|line| line.new_no) {
        match ranges.last_mut() {
            Some(range) if range.end() + 1 == line => *range = *range.start()..=line,
            Some(_) | None => ranges.push(line..=line),
        }
    }
    ranges
}

fn told(reader: &Reader, session: &Session, files: &BTreeMap<RelPath, Origin>, redacting: bool) -> String {
    let line = |text: &str| {
        let text = redact(text).filter(|_| redacting).unwrap_or_else(|| text.to_owned());
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
        escape::show(&first, &Show::default()).into_owned()
    };
    let goal = session.opened.as_ref().and_then(|opened| opened.goal.as_deref()).unwrap_or_default();
    let mut text =
        format!("{BLOCK}{}: {}\nagent: {}\n", reader.session(), line(goal), line(&session.agent.ready.agent.name));
    let mut named: BTreeSet<&ActionId> = BTreeSet::new();
    for (path, origin) in files {
        let ranges = ranges(&origin.owners);
        if ranges.is_empty() && origin.whole.is_empty() {
            continue;
        }
        let path = escape::show(path.as_str(), &Show::default());
        // No name of a file may look like the begin of another session's block.
        let here = if path.starts_with(BLOCK) { "./" } else { "" };
        text.push_str(&format!("\n{here}{path}\n"));
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

/// The path at which the file was before.
fn old_path(outcome: &FileOutcome) -> &RelPath {
    outcome.from.as_ref().filter(|_| outcome.change == FileChange::Rename).unwrap_or(&outcome.path)
}

/// Takes in what one action did to one file.
fn take(
    reader: &Reader,
    files: &mut BTreeMap<RelPath, Origin>,
    state: &ActionState,
    outcome: &FileOutcome,
) -> Result<()> {
    let mut origin = files.remove(old_path(outcome)).unwrap_or_default();
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

    fn left(text: &str, owners: &[Option<&str>], whole: &[&str]) -> Origin {
        let owners = owners.iter().map(|owner| owner.map(ActionId::from)).collect();
        let whole = whole.iter().map(|action| ActionId::from(*action)).collect();
        Origin { digest: Some(Digest::of(text.as_bytes())), text: None, owners, whole }
    }

    fn committed(before: &str, after: &str) -> Committed {
        Committed::new(RelPath::new("a").unwrap(), Some(before.into()), after.into())
    }

    #[test]
    fn a_command_is_named_only_in_the_commit_that_has_its_outcome() {
        let (first, second) = (committed("one\n", "one\ntwo\n"), committed("one\ntwo\n", "one\ntwo\nthree\n"));
        let (mut of_first, mut of_second) = (Sought::new(&first), Sought::new(&second));
        for sought in [&mut of_first, &mut of_second] {
            sought.see_before(Some(Digest::of(b"one\n")), None);
            sought.see(&left("one\ntwo\n", &[], &["a1"]));
            sought.see_before(Some(Digest::of(b"one\ntwo\n")), Some(&left("one\ntwo\n", &[], &["a1"])));
            sought.see(&left("one\ntwo\nthree\n", &[], &["a1", "a2"]));
        }
        assert_eq!(of_first.exact.unwrap().whole, BTreeSet::from([ActionId::from("a1")]));
        assert_eq!(of_second.exact.unwrap().whole, BTreeSet::from([ActionId::from("a2")]));
    }

    #[test]
    fn a_version_that_no_action_left_has_no_owners_and_one_that_two_left_only_common_ones() {
        let file = committed("one\n", "one\ntwo\nthree\n");
        let mut sought = Sought::new(&file);
        sought.see(&left("one\ntwo\n", &[None, Some("a1")], &[]));
        assert!(sought.exact.is_none());
        sought.see(&left("one\ntwo\nthree\n", &[Some("a0"), Some("a1"), Some("a1")], &["a2"]));
        let exact = sought.exact.as_ref().unwrap();
        assert_eq!(ranges(&exact.owners), [(2..=3, &ActionId::from("a1"))], "the commit does not add the first line");
        assert!(exact.whole.is_empty(), "when a2 changed the file is not known");
        sought.see(&left("one\ntwo\nthree\n", &[None, Some("a1"), Some("a3")], &[]));
        assert_eq!(ranges(&sought.exact.unwrap().owners), [(2..=2, &ActionId::from("a1"))]);
    }

    #[test]
    fn a_session_replaces_only_its_own_block_of_a_note() {
        let (one, two) = (SessionId::from("s1"), SessionId::from("s2"));
        let first = merged("", &one, "rightseat s1: x\nagent: a\n\nf\n  1 a1\n");
        let both = merged(&first, &two, "rightseat s2: y\nagent: b\n\ng\n  2 a2\n");
        assert!(both.starts_with(first.trim_end()) && both.ends_with("  2 a2\n"), "{both}");
        let again = merged(&both, &one, "rightseat s1: x\nagent: a\n\nf\n  7 a1\n");
        assert_eq!(again, "rightseat s2: y\nagent: b\n\ng\n  2 a2\n\nrightseat s1: x\nagent: a\n\nf\n  7 a1\n");
        assert!(merged("by hand\n", &one, "rightseat s1: x\n").starts_with("by hand\n\nrightseat s1"));
    }
}
