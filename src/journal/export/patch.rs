//! What the actions of a session changed, as one patch for `git apply`: of each file the version before the first action
//! that changed it, against the version after the last.
//!
//! The record has the contents of edits. Of what a command changed it has digests only: those files are named in front.
//! Nothing is redacted, or the patch would not apply.

use super::failed;
use crate::base::limits::DIFF_BYTES_MAX;
use crate::base::text::{Show, escape};
use crate::base::{Digest, RelPath, Seq};
use crate::diff::{FileDiff, Names, git_patch};
use crate::journal::{Reader, Result};
use crate::model::event::{Event, FileOutcome};
use crate::model::session::ActionState;
use crate::model::{Content, FileChange, Node, NodeKind, Session};
use std::collections::BTreeMap;
use std::io::Write;

/// One version of a file.
#[derive(Clone, Default)]
struct Version {
    digest: Option<Digest>,
    content: Option<Content>,
    node: Option<Node>,
}

/// One file over the whole session.
struct Net {
    before: Version,
    after: Version,
    /// Somebody else changed it between two actions.
    is_shared: bool,
}

/// Gives the number of changed files that are not in it.
pub(super) fn write(reader: &Reader, out: &mut dyn Write) -> Result<usize> {
    let mut session = Session::default();
    let mut files: BTreeMap<RelPath, Net> = BTreeMap::new();
    for record in reader.iter(Seq(1)) {
        let envelope = record?.envelope();
        session.apply(&envelope);
        if let Event::Finished(finished) = &envelope.event
            && let Some(state) = session.actions.get(&finished.action)
        {
            finished.files.iter().flatten().for_each(|outcome| take(&mut files, state, outcome));
        }
    }
    let goal = session.opened.as_ref().and_then(|opened| opened.goal.as_deref()).unwrap_or_default();
    let goal = goal.lines().next().unwrap_or_default();
    writeln!(out, "# rightseat {}: {}", reader.session(), escape::show(goal, &Show::default())).map_err(failed)?;
    let (mut patches, mut left_out) = (Vec::new(), 0);
    for (path, net) in files.iter().filter(|(_, net)| net.is_changed()) {
        let shown = escape::show(path.as_str(), &Show::default());
        if !net.before.is_file() || !net.after.is_file() {
            writeln!(out, "# not in this patch, it is not a regular file: {shown}").map_err(failed)?;
            left_out += 1;
            continue;
        }
        match (net.before.bytes(reader)?, net.after.bytes(reader)?) {
            (Some(before), Some(after)) => {
                let diff = FileDiff::new(before, after);
                let name = |version: &Version| version.digest.map(|_| path.as_str());
                let names = Names { old: name(&net.before), new: name(&net.after), executable: net.executable() };
                match diff.content {
                    crate::diff::Content::Text => patches.push(git_patch(&diff, names)),
                    crate::diff::Content::Binary | crate::diff::Content::TooLarge => {
                        writeln!(out, "# not in this patch, it is not text: {shown}").map_err(failed)?;
                        left_out += 1;
                    }
                }
            }
            _ => {
                writeln!(out, "# not in this patch, its content is not in the record: {shown}").map_err(failed)?;
                left_out += 1;
            }
        }
        if net.is_shared {
            writeln!(out, "# with changes that no action made: {shown}").map_err(failed)?;
        }
    }
    for patch in patches {
        out.write_all(&patch).map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(left_out)
}

/// Adds what one action did to one file.
fn take(files: &mut BTreeMap<RelPath, Net>, state: &ActionState, outcome: &FileOutcome) {
    let known = |digest: Option<Digest>| {
        let contents = state.action.files().iter().flat_map(|file| [&file.before, &file.after]).flatten();
        contents.into_iter().find(|content| Some(content.digest()) == digest).cloned()
    };
    let version = |digest: Option<Digest>, node: &Option<Node>| Version { digest, content: known(digest), node: *node };
    let (before, after) = (version(outcome.before, &outcome.before_node), version(outcome.after, &outcome.after_node));
    let from = outcome.from.as_ref().filter(|_| outcome.change == FileChange::Rename);
    if let Some(from) = from {
        add(files, from, before.clone(), Version::default());
    }
    add(files, &outcome.path, if from.is_some() { Version::default() } else { before }, after);
}

fn add(files: &mut BTreeMap<RelPath, Net>, path: &RelPath, before: Version, after: Version) {
    match files.get_mut(path) {
        Some(net) => {
            net.is_shared |= net.after.digest != before.digest;
            net.after = after;
        }
        None => {
            files.insert(path.clone(), Net { before, after, is_shared: false });
        }
    }
}

impl Net {
    fn is_changed(&self) -> bool {
        let (before, after) = self.executable();
        self.before.digest != self.after.digest || before != after
    }

    /// Whether the two versions can be executed; where one does not say, it is as the other.
    fn executable(&self) -> (bool, bool) {
        let mode = |version: &Version| version.node.as_ref().and_then(|node| node.mode);
        let runs = |version: &Version| mode(version).map(|mode| mode.bits() & 0o111 != 0);
        let (before, after) = (runs(&self.before), runs(&self.after));
        (before.or(after).unwrap_or_default(), after.or(before).unwrap_or_default())
    }
}

impl Version {
    fn is_file(&self) -> bool {
        self.node.as_ref().is_none_or(|node| node.kind == NodeKind::File)
    }

    /// Its bytes, none of a file that does not exist; `None` where the record does not have them.
    fn bytes(&self, reader: &Reader) -> Result<Option<Vec<u8>>> {
        let Some(digest) = self.digest else { return Ok(Some(Vec::new())) };
        if let Some(Content::Text(text)) = &self.content {
            return Ok(Some(text.clone().into_bytes()));
        }
        let Some(length) = reader.blob_length(&digest)?.and_then(|length| usize::try_from(length).ok()) else {
            return Ok(None);
        };
        if length > DIFF_BYTES_MAX {
            return Ok(None);
        }
        reader.blob(&digest, 0, length).map(|bytes| Some(bytes).filter(|bytes| bytes.len() == length))
    }
}
