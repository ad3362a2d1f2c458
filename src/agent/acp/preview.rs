//! The expected effect of a tool call, put together from every place agents use: the content of the permission request,
//! the last updates of the same call, and the raw input. Edits are recomputed against the disk; claims about the
//! present content are never believed.

use super::dialects::{self, Word};
use super::forms;
use super::patch::{Claim, Claimed};
use super::peek;
use super::place::Roots;
use super::plan_text;
use super::tools::ToolCall;
use crate::agent::acp::limits::{ACP_FILE_BYTES_MAX, ACP_FILES_PER_PROPOSAL_MAX};
use crate::base::{Digest, RelPath};
use crate::model::action::{Body, Command, Evidence};
use crate::model::draft::{After, Draft};
use serde_json::Value;
use std::collections::BTreeMap;

/// The content a file is left with; `None` = it is gone.
pub type Expected = BTreeMap<RelPath, Option<Digest>>;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub body: Body,
    /// The files' content afterwards, for those whose content could be computed.
    pub expected: Expected,
    /// Oddities the user must see: sources that contradict each other.
    pub contradictions: Vec<String>,
    /// Nothing shows what it would do.
    pub blind: bool,
}

impl Preview {
    /// Returns whether the files' content afterwards is known to the byte.
    pub fn is_resolved(&self) -> bool {
        match &self.body {
            Body::Edit(drafts) => {
                !drafts.is_empty() && drafts.iter().all(|d| !matches!(d.after, After::Replace { .. }))
            }
            Body::Command(_) | Body::Read(_) | Body::Network(_) | Body::Plan(_) | Body::Form(_) | Body::Other => false,
        }
    }

    /// Our words from the body; the agent's own title only where there is nothing else.
    pub fn title(&self, call: &ToolCall, place: &Roots) -> String {
        match &self.body {
            Body::Edit(drafts) => peek::bounded(&Draft::words(drafts), 200),
            Body::Command(command) => format!("run {}", peek::bounded(&command.line(), 200)),
            Body::Read(path) => format!("read {path}"),
            Body::Network(address) => format!("fetch {}", peek::bounded(address, 200)),
            Body::Plan(Some(document)) if call.title().is_empty() || document.path.is_some() => {
                "approve the plan".to_owned()
            }
            Body::Plan(_) | Body::Form(_) | Body::Other => {
                let title = place.shown(call.title());
                if title.is_empty() {
                    format!("use a tool of kind {}", call.kind())
                } else {
                    peek::bounded(&title, 400)
                }
            }
        }
    }
}

/// The agent's title for what it asks, when it says more than ours. Paths in the workspace count as relative.
pub fn own_title(place: &Roots, theirs: &str, ours: &str) -> Option<Evidence> {
    let theirs = place.relative_words(&place.shown(theirs));
    let says_more = !theirs.is_empty() && !peek::is_contained_in(ours, &theirs);
    says_more.then(|| Evidence::new("quote", format!("it calls this “{theirs}”")))
}

/// The preview of a call, on the disk as it is.
pub fn preview(call: &ToolCall, place: &Roots) -> Preview {
    let (claims, contradictions) = edit_claims(call, place);
    if !claims.is_empty() && call.kind() != "execute" {
        return of_claims(&claims, contradictions, place);
    }
    let bare = |body: Body, blind: bool| Preview { body, expected: Expected::new(), contradictions, blind };
    let raw = call.raw_input();
    match call.kind() {
        "execute" => match dialects::command(raw) {
            Some(command) => bare(Body::Command(place.command(command)), false),
            None => bare(Body::Command(Command::shell(place.shown(dialects::title_command(call.title())))), true),
        },
        "read" | "search" => {
            let path = call.paths().into_iter().next();
            bare(Body::Read(place.named(path.as_deref().unwrap_or("."))), false)
        }
        "fetch" => match dialects::text(raw, Word::Address) {
            Some(address) => bare(Body::Network(address.to_owned()), false),
            None => bare(Body::Network(call.title().to_owned()), true),
        },
        "edit" | "delete" | "move" => bare(Body::Other, true),
        _ => match dialects::command(raw) {
            Some(command) => bare(Body::Command(place.command(command)), false),
            None => match forms::of_tool(raw, &place.shown(call.title())) {
                Some(form) => bare(Body::Form(Box::new(form)), false),
                None => match plan_text::of_request(call, place) {
                    Some(document) => bare(Body::Plan(Some(Box::new(document))), false),
                    None => bare(Body::Other, raw.is_null()),
                },
            },
        },
    }
}

/// Drafts of claims, computed on the disk where they fit it. A claim that does not fit stays as it is: the host refuses
/// it and the agent is told.
fn of_claims(claims: &[Claim], mut contradictions: Vec<String>, place: &Roots) -> Preview {
    let mut files: BTreeMap<RelPath, Option<Vec<u8>>> = BTreeMap::new();
    let mut expected = Expected::new();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut whole: Vec<RelPath> = Vec::new();
    for claim in claims.iter().take(ACP_FILES_PER_PROPOSAL_MAX * 20) {
        let Some(rel) = place.rel(&claim.path) else {
            drafts.push(Draft { path: claim.path.clone(), after: unresolved(&claim.change) });
            continue;
        };
        let draft = |after: After| Draft { path: rel.as_str().to_owned(), after };
        let now = match files.get(&rel) {
            Some(bytes) => bytes.clone(),
            None => match place.read(&rel) {
                Ok(bytes) => bytes,
                Err(why) => {
                    contradictions.push(format!("{rel} cannot be read: {why}"));
                    drafts.push(draft(unresolved(&claim.change)));
                    continue;
                }
            },
        };
        match &claim.change {
            Claimed::Delete => {
                expected.insert(rel.clone(), None);
                drafts.push(draft(After::Delete));
            }
            Claimed::RenameTo(to) => {
                let digest = expected.get(&rel).copied().flatten().or_else(|| now.as_deref().map(Digest::of));
                expected.insert(rel.clone(), None);
                if let Some(to) = place.rel(to) {
                    expected.insert(to, digest);
                }
                drafts.push(draft(After::RenameTo(place.named(to))));
            }
            Claimed::Whole(_) | Claimed::Piece { .. } => match changed(now.as_deref(), &claim.change) {
                Some(bytes) => {
                    files.insert(rel.clone(), Some(bytes));
                    if !whole.contains(&rel) {
                        whole.push(rel);
                    }
                }
                None => drafts.push(draft(unresolved(&claim.change))),
            },
        }
    }
    for rel in whole {
        if let Some(Some(bytes)) = files.remove(&rel) {
            expected.entry(rel.clone()).or_insert_with(|| Some(Digest::of(&bytes)));
            drafts.insert(0, Draft { path: rel.as_str().to_owned(), after: After::Whole(bytes) });
        }
    }
    drafts.truncate(ACP_FILES_PER_PROPOSAL_MAX);
    Preview { body: Body::Edit(drafts), expected, contradictions, blind: false }
}

fn unresolved(change: &Claimed) -> After {
    match change {
        Claimed::Whole(text) => After::Whole(text.clone().into_bytes()),
        Claimed::Piece { old, new, all, .. } => After::Replace { old: old.clone(), new: new.clone(), all: *all },
        Claimed::Delete => After::Delete,
        Claimed::RenameTo(to) => After::RenameTo(to.clone()),
    }
}

/// The content after a change, or `None` when the change does not fit what is there.
pub fn changed(now: Option<&[u8]>, change: &Claimed) -> Option<Vec<u8>> {
    let (old, new, all, line) = match change {
        Claimed::Whole(text) => return Some(text.clone().into_bytes()),
        Claimed::Piece { old, new, all, line } => (old, new, *all, *line),
        Claimed::Delete | Claimed::RenameTo(_) => return None,
    };
    let Some(now) = now else { return old.is_empty().then(|| new.clone().into_bytes()) };
    if old.is_empty() {
        return now.is_empty().then(|| new.clone().into_bytes());
    }
    replaced(now, old.as_bytes(), new.as_bytes(), all, line).or_else(|| {
        // Agents show `\n` for files that have `\r\n`, and leave out the end of the last line.
        if memchr::memmem::find(now, b"\r\n").is_some() && !old.contains('\r') {
            let (old, new) = (old.replace('\n', "\r\n"), new.replace('\n', "\r\n"));
            return replaced(now, old.as_bytes(), new.as_bytes(), all, line);
        }
        let (old, new) = (old.strip_suffix('\n')?, new.strip_suffix('\n').unwrap_or(new));
        let ends_there = now.ends_with(old.as_bytes()) && !old.is_empty();
        ends_there.then(|| replaced(now, old.as_bytes(), new.as_bytes(), all, line)).flatten()
    })
}

fn replaced(now: &[u8], old: &[u8], new: &[u8], all: bool, line: Option<usize>) -> Option<Vec<u8>> {
    let places: Vec<usize> = memchr::memmem::find_iter(now, old).collect();
    let chosen: Vec<usize> = match (places.as_slice(), all, line) {
        ([], _, _) => return None,
        ([one], _, _) => vec![*one],
        (many, true, _) => many.to_vec(),
        (many, false, Some(line)) => {
            let line_of = |at: &usize| memchr::memchr_iter(b'\n', now.get(..*at).unwrap_or_default()).count() + 1;
            vec![*many.iter().min_by_key(|at| line_of(at).abs_diff(line))?]
        }
        (_, false, None) => return None,
    };
    let mut out = Vec::with_capacity(now.len() + new.len());
    let mut from = 0;
    for at in chosen {
        out.extend_from_slice(now.get(from..at)?);
        out.extend_from_slice(new);
        from = at + old.len();
    }
    out.extend_from_slice(now.get(from..)?);
    (out.len() <= ACP_FILE_BYTES_MAX * 2).then_some(out)
}

/// Every claim about files, in order of trust: diffs that were shown, then the raw input for paths no diff covers.
fn edit_claims(call: &ToolCall, place: &Roots) -> (Vec<Claim>, Vec<String>) {
    let mut contradictions = Vec::new();
    let mut claims = diff_claims(call.diffs());
    let raw = dialects::claims(call.raw_input(), call.kind(), call.paths().into_iter().next());
    let same = |a: &str, b: &str| a == b || place.rel(a).is_some_and(|a| place.rel(b) == Some(a));
    let shown: Vec<String> = claims.iter().map(|c| c.path.clone()).collect();
    for claim in raw {
        if !shown.is_empty() && !shown.iter().any(|path| same(path, &claim.path)) {
            contradictions.push(format!(
                "its diff is for {}, but its tool's input names {}",
                shown.iter().map(|p| place.named(p)).collect::<Vec<_>>().join(", "),
                place.named(&claim.path)
            ));
            claims.push(claim);
        } else if shown.is_empty() {
            claims.push(claim);
        } else if let (Claimed::Whole(content), [only]) = (&claim.change, shown.as_slice())
            && same(only, &claim.path)
            && claims.iter().any(|c| matches!(&c.change, Claimed::Whole(shown) if shown != content))
        {
            contradictions
                .push(format!("the content it shows for {} differs from its tool's input", place.named(only)));
        }
    }
    contradictions.dedup();
    (claims, contradictions)
}

fn diff_claims(diffs: &[Value]) -> Vec<Claim> {
    let mut claims = Vec::new();
    for diff in diffs {
        let Some(path) = peek::text(diff, "path") else { continue };
        let new = dialects::text(diff, Word::NewText);
        let old = dialects::text(diff, Word::OldText);
        let change = match (old, new) {
            (_, None) => Claimed::Delete,
            (None | Some(""), Some(new)) => Claimed::Whole(new.to_owned()),
            (Some(old), Some(new)) => {
                Claimed::Piece { old: old.to_owned(), new: new.to_owned(), all: false, line: None }
            }
        };
        claims.push(Claim::new(path, change));
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::acp::place::NoFiles;

    #[test]
    fn a_title_that_only_repeats_ours_is_not_shown() {
        let place = Roots::new("/home/me/work", "/home/me/work", std::sync::Arc::new(NoFiles));
        for theirs in ["", "calc.py", "/home/me/work/calc.py", "Edit `calc.py`", "edit /home/me/work/calc.py"] {
            assert_eq!(own_title(&place, theirs, "edit calc.py"), None, "{theirs}");
        }
        let more = own_title(&place, "Fix add in /home/me/work/calc.py", "edit calc.py").unwrap();
        assert_eq!(more.text, "it calls this “Fix add in calc.py”");
        assert!(own_title(&place, "/home/me/work/../other/calc.py", "edit calc.py").is_some());
    }
}
