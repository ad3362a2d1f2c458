//! What a tool call would do, put together from every place agents use: the content of the permission request, the
//! last updates of the same call, and the raw input. Edits are recomputed against the disk; claims about the present
//! content are never believed.

use super::patch::{self, Claim, Claimed};
use super::peek;
use super::place::{Disk, Place};
use super::tools::ToolCall;
use crate::agent::acp::limits::{ACP_FILE_BYTES_MAX, ACP_FILES_PER_PROPOSAL_MAX};
use crate::base::{Digest, RelPath};
use crate::model::action::{Body, Command};
use crate::model::draft::{After, Draft};
use serde_json::Value;
use std::collections::BTreeMap;

const PATH_KEYS: &[&str] = &[
    "file_path",
    "filePath",
    "path",
    "filename",
    "fileName",
    "abs_path",
    "absolute_path",
    "target_file",
    "notebook_path",
    "file",
];
const OLD_KEYS: &[&str] = &["old_string", "oldString", "old_str", "old_text", "oldText", "search"];
const NEW_KEYS: &[&str] = &["new_string", "newString", "new_str", "new_text", "newText", "replace", "replacement"];
const WHOLE_KEYS: &[&str] = &["content", "file_text", "fileText", "new_content", "contents", "text"];
const PATCH_KEYS: &[&str] = &["patch", "patchText", "patch_text", "input", "diff", "unified_diff"];
const DIR_KEYS: &[&str] = &["cwd", "workdir", "working_directory", "directory", "dir_path", "dir"];

/// The content a file is left with; `None` = it is gone.
pub type Expected = BTreeMap<RelPath, Option<Digest>>;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub body: Body,
    /// What the files would hold afterwards, for those whose content could be computed.
    pub expected: Expected,
    /// Oddities the user must see: sources that contradict each other.
    pub contradictions: Vec<String>,
    /// Nothing shows what it would do.
    pub blind: bool,
}

/// The preview of a call, on this disk.
pub fn preview(call: &ToolCall, disk: &dyn Disk, place: &Place) -> Preview {
    let (claims, contradictions) = edit_claims(call, place);
    if !claims.is_empty() && call.kind() != "execute" {
        return of_claims(&claims, contradictions, disk, place);
    }
    let bare = |body: Body, blind: bool| Preview { body, expected: Expected::new(), contradictions, blind };
    let raw = call.raw_input();
    match call.kind() {
        "execute" => match command(raw) {
            Some(command) => bare(Body::Command(place.command(command)), false),
            None => bare(Body::Command(Command::shell(place.shown(title_command(call.title())))), true),
        },
        "read" | "search" => {
            let path = call.paths().into_iter().next();
            bare(Body::Read(place.named(path.as_deref().unwrap_or("."))), false)
        }
        "fetch" => match peek::first_text(raw, &["url", "uri", "address", "query"]) {
            Some(address) => bare(Body::Network(address.to_owned()), false),
            None => bare(Body::Network(call.title().to_owned()), true),
        },
        "edit" | "delete" | "move" => bare(Body::Other, true),
        _ => match command(raw) {
            Some(command) => bare(Body::Command(place.command(command)), false),
            None => bare(Body::Other, raw.is_null()),
        },
    }
}

/// Drafts of claims, computed on the disk where they fit it. A claim that does not fit stays as it is: the host refuses it
/// and the agent is told.
fn of_claims(claims: &[Claim], mut contradictions: Vec<String>, disk: &dyn Disk, place: &Place) -> Preview {
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
            None => match disk.read(&rel) {
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
fn edit_claims(call: &ToolCall, place: &Place) -> (Vec<Claim>, Vec<String>) {
    let mut contradictions = Vec::new();
    let mut claims = diff_claims(call.diffs());
    let raw = raw_claims(call.raw_input(), call);
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
        } else if let (Claimed::Whole(told), [only]) = (&claim.change, shown.as_slice())
            && same(only, &claim.path)
            && claims.iter().any(|c| matches!(&c.change, Claimed::Whole(shown) if shown != told))
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
        let new = peek::first_text(diff, &["newText", "new_text"]);
        let old = peek::first_text(diff, &["oldText", "old_text"]);
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

fn raw_claims(raw: &Value, call: &ToolCall) -> Vec<Claim> {
    if let Some(changes) = raw.get("changes").and_then(Value::as_object) {
        return changes.iter().flat_map(|(path, change)| codex_change(path, change)).collect();
    }
    if let Some(text) = raw.as_str().or_else(|| peek::first_text(raw, PATCH_KEYS)) {
        let of = peek::first_text(raw, PATH_KEYS);
        let claims = if text.contains("*** Begin Patch") { patch::claims(text) } else { patch::unified(text, of) };
        if !claims.is_empty() {
            return claims;
        }
    }
    let location = call.paths().into_iter().next();
    let Some(path) = peek::first_text(raw, PATH_KEYS).map(str::to_owned).or(location) else { return Vec::new() };
    if call.kind() == "delete" {
        return vec![Claim::new(path, Claimed::Delete)];
    }
    if let (Some(from), Some(to)) = (
        peek::first_text(raw, &["source", "from", "old_path", "oldPath", "source_path"]),
        peek::first_text(raw, &["destination", "to", "new_path", "newPath", "dest", "destination_path"]),
    ) && call.kind() == "move"
    {
        return vec![Claim::new(from, Claimed::RenameTo(to.to_owned()))];
    }
    let many = peek::list(raw, "edits").iter().chain(peek::list(raw, "replacements"));
    let pieces: Vec<Claim> = many.chain(std::iter::once(raw)).filter_map(|edit| piece(&path, edit)).collect();
    if !pieces.is_empty() {
        return pieces;
    }
    let writes = call.kind() == "edit" || peek::first_text(raw, &["file_text", "new_content"]).is_some();
    match peek::first_text(raw, WHOLE_KEYS) {
        Some(content) if writes => vec![Claim::new(path, Claimed::Whole(content.to_owned()))],
        Some(_) | None => Vec::new(),
    }
}

fn piece(path: &str, edit: &Value) -> Option<Claim> {
    let (old, new) = (peek::first_text(edit, OLD_KEYS)?, peek::first_text(edit, NEW_KEYS)?);
    let all = ["replace_all", "replaceAll", "allow_multiple"].iter().any(|k| edit.get(*k) == Some(&Value::Bool(true)));
    let change = if old.is_empty() {
        Claimed::Whole(new.to_owned())
    } else {
        Claimed::Piece { old: old.to_owned(), new: new.to_owned(), all, line: None }
    };
    Some(Claim::new(path, change))
}

/// One entry of codex's `changes`: `{type: update, unified_diff, move_path}` or `{update: {…}}`.
fn codex_change(path: &str, change: &Value) -> Vec<Claim> {
    let tagged = peek::first_text(change, &["type", "kind"]);
    let (kind, body) = match tagged {
        Some(kind) => (kind, change),
        None => match change.as_object().and_then(|map| map.iter().next()) {
            Some((kind, body)) => (kind.as_str(), body),
            None => return Vec::new(),
        },
    };
    match kind {
        "add" => vec![Claim::new(path, Claimed::Whole(peek::text(body, "content").unwrap_or("").to_owned()))],
        "delete" => vec![Claim::new(path, Claimed::Delete)],
        _ => {
            let mut claims =
                patch::unified(peek::first_text(body, &["unified_diff", "diff"]).unwrap_or(""), Some(path));
            if let Some(to) = peek::first_text(body, &["move_path", "movePath"]) {
                claims.push(Claim::new(path, Claimed::RenameTo(to.to_owned())));
            }
            claims
        }
    }
}

/// The command line in a tool's input, in the shapes agents use: text, argv, or a program with arguments.
pub fn command(raw: &Value) -> Option<Command> {
    // cline hands several lines in at once.
    if let Some(lines) = words(raw.get("commands")).filter(|lines| !lines.is_empty()) {
        return Some(Command { cwd: directory(raw), ..Command::shell(lines.join("\n")) });
    }
    let field = ["command", "cmd", "script", "commandLine", "command_line"].iter().find_map(|key| raw.get(*key))?;
    let mut command = match field {
        Value::String(line) if line.trim().is_empty() => return None,
        Value::String(line) => match words(raw.get("args")) {
            Some(args) if !args.is_empty() => Command::argv(std::iter::once(line.clone()).chain(args)),
            Some(_) | None => Command::shell(line.clone()),
        },
        list @ (Value::Array(_) | Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_)) => {
            let argv = words(Some(list)).filter(|argv| !argv.is_empty())?;
            unwrapped(&argv).map_or_else(|| Command::argv(argv.clone()), Command::shell)
        }
    };
    command.cwd = directory(raw);
    Some(command)
}

fn directory(raw: &Value) -> String {
    peek::first_text(raw, DIR_KEYS).unwrap_or(".").to_owned()
}

/// The text inside `bash -lc TEXT` and its like: what the user must judge, not its wrapper.
fn unwrapped(argv: &[String]) -> Option<String> {
    let [shell, flag, text] = argv else { return None };
    let name = shell.rsplit('/').next().unwrap_or(shell);
    (["sh", "bash", "zsh", "dash"].contains(&name) && ["-c", "-lc", "-ic"].contains(&flag.as_str()))
        .then(|| text.clone())
}

fn words(value: Option<&Value>) -> Option<Vec<String>> {
    value?.as_array()?.iter().map(|word| word.as_str().map(str::to_owned)).collect()
}

/// The command in a title such as `` `cargo test` `` when nothing else shows it.
pub fn title_command(title: &str) -> &str {
    let inner = title.split('`').nth(1).filter(|inner| title.matches('`').count() == 2 && !inner.trim().is_empty());
    inner.unwrap_or(title)
}
