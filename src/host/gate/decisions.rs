//! Decisions of the user: verdicts with the body that a choice of hunks or an edit makes, rules that tighten, leases.

use super::{Gate, rules};
use crate::base::limits::{LEASE_ACTIONS_DEFAULT, LEASE_MINUTES_DEFAULT};
use crate::base::{ActionId, ClientId, LeaseId, UnixMs};
use crate::diff::{FileDiff, HunkChoice, Selection, hunks_text};
use crate::host::book::Trouble;
use crate::host::limits::TOLD_TAIL_BYTES_MAX;
use crate::host::plans;
use crate::host::resolve::Resolved;
use crate::model::action::Author;
use crate::model::decide::{Answering, Edited, Input};
use crate::model::event::{Event, Explained, LapseWhy, PolicyTightened, Told, Verdict};
use crate::model::plan::PlanSubject;
use crate::model::{Action, Content, FileChange, FileEdit, Kind};
use crate::policy::infra;
use crate::port::{Blobs, ToAgent};
use crate::wire::{Decide, Decision, EditedBody, EditedFile, Explain, LeaseGrant, LeaseGranted, RpcError, Tightened};
use std::collections::BTreeSet;

impl Gate {
    pub fn decide(&mut self, (client, sees_comments): (&ClientId, bool), decide: Decide) -> Result<Decision, RpcError> {
        let known = self.book.session.actions.get(&decide.action).map(|s| s.action.clone());
        let Some(action) = known else {
            return Err(RpcError::invalid(format!("there is no action {}", decide.action)));
        };
        // What is not held any more is refused as that, before anything is read into the edit.
        let is_current = self
            .book
            .session
            .actions
            .get(&decide.action)
            .and_then(|s| s.held.as_ref())
            .is_some_and(|h| h.digest == decide.digest);
        if is_current
            && decide.verdict == Verdict::Approve
            && let Some(why) = plans::file_changed(self, &action)
        {
            let void = Input::Lapse { action: action.id.clone(), why: LapseWhy::Voided, detail: Some(why.clone()) };
            self.put(void, Blobs::new())?;
            return Err(RpcError::invalid(format!("{why}: the approval is void, and the agent is told to ask again")));
        }
        let approves = matches!(decide.verdict, Verdict::Approve | Verdict::ApproveEdited);
        let (edited, blobs) = if is_current && approves {
            user_version(self, &action, decide.edited, decide.hunks.as_deref()).map_err(RpcError::invalid)?
        } else {
            (None, Blobs::new())
        };
        let edited_ruling = edited.as_ref().map(|e| self.judge.rule(&with(&action, e)));
        let answering = Answering {
            action: decide.action,
            digest: decide.digest,
            verdict: decide.verdict,
            reason: decide.reason,
            confirm: decide.confirm,
            option: decide.option,
            form: decide.answer.map(|answer| *answer),
            network: decide.network,
            by: client.clone(),
            edited,
            edited_ruling,
            unless_commented: !sees_comments && !decide.despite_comments,
        };
        self.put(Input::Answer(Box::new(answering)), blobs)?;
        let state = self.book.session.actions.get(&action.id);
        let (revision, digest) =
            state.map_or((action.revision, action.digest), |s| (s.action.revision, s.action.digest));
        let verdict = state.and_then(|s| s.decided.as_ref()).map(|d| d.verdict);
        Ok(Decision { action: action.id, revision, digest, verdict, seq: self.book.session.head })
    }

    /// The action stays held; the agent is asked, at its next boundary, to say more.
    pub fn explain(&mut self, explain: Explain) -> Result<(), RpcError> {
        let Some(state) = self.book.session.actions.get(&explain.action) else {
            return Err(RpcError::invalid(format!("there is no action {}", explain.action)));
        };
        let rationale = state.action.rationale.as_ref();
        let text = match rationale {
            Some(r) if r.evidence.is_empty() => {
                format!("{}\nThe agent cites no evidence: treat this as a claim.", r.text)
            }
            Some(r) => {
                let list: Vec<String> = r.evidence.iter().map(|e| format!("- {}", e.text)).collect();
                format!("{}\nEvidence:\n{}", r.text, list.join("\n"))
            }
            None => "The agent gave no reason.".to_owned(),
        };
        let question = explain
            .text
            .unwrap_or_else(|| format!("Explain why you propose {}: {}", explain.action, state.action.title));
        self.ask_why(explain.action, text, question)?;
        Ok(())
    }

    fn ask_why(&mut self, action: ActionId, text: String, question: String) -> Result<(), Trouble> {
        self.append(vec![Event::Explained(Explained { action, text })])?;
        self.send(ToAgent::Question(question));
        Ok(())
    }

    /// Asks the agent once for the reason of a pending guard-rail action that came without one.
    pub(super) fn ask_reason_of_guarded(&mut self, action: &ActionId) {
        let Some(state) = self.book.session.actions.get(action) else { return };
        let is_at_rail = state.held.as_ref().is_some_and(|held| held.rail.is_some());
        if state.action.has_reason() || !is_at_rail || state.explained.is_some() {
            return;
        }
        let text = "No reason was given: the agent was asked for its reason and evidence automatically.".to_owned();
        let question = format!(
            "{action} ({}) is at a guard rail and came without a reason. Say why it is necessary, and on what evidence: \
             a failing test, a file and line, or the user's words. The user decides meanwhile.",
            state.action.title
        );
        if let Err(trouble) = self.ask_why(action.clone(), text, question) {
            tracing::error!(%trouble, "the reason of a guard-rail action is not asked for");
        }
    }

    /// An infrastructure action of the agent has ended: it is asked to verify the result.
    pub fn ask_verification(&mut self, action: &ActionId) {
        let Some(state) = self.book.session.actions.get(action) else { return };
        let ended = state.finished.as_ref().filter(|_| state.action.author == Author::Agent);
        let infra = state.action.command().and_then(infra::of);
        let (Some(finished), Some(infra)) = (ended, infra) else { return };
        let end = finished.exit.map_or_else(|| finished.outcome.words().to_owned(), |code| format!("exit {code}"));
        let verify = infra.verify.map(|words| format!(" `{words}` is usual.")).unwrap_or_default();
        let back = infra.roll_back.map(|words| format!(" To roll back: {words}.")).unwrap_or_default();
        let text = format!(
            "{action} (`{}`) ended: {end}. Propose a command that verifies the result before you go on.{verify}{back}",
            infra.words
        );
        self.record(Event::Told(Told { action: Some(action.clone()), text: text.clone() }));
        self.send(ToAgent::Question(text));
    }

    pub fn grant(&mut self, client: &ClientId, grant: LeaseGrant) -> Result<LeaseGranted, RpcError> {
        let now = self.book.now();
        let is_open = |id: &LeaseId| self.book.session.leases.open(now).any(|lease| lease.granted.lease == *id);
        if let Some(old) = grant.replaces.as_ref().filter(|id| !is_open(id)) {
            return Err(RpcError::invalid(format!("the lease {old} is over: nothing was granted")));
        }
        let minutes = u64::from(grant.minutes.unwrap_or(LEASE_MINUTES_DEFAULT));
        let until = UnixMs(now.0.saturating_add(minutes.saturating_mul(60_000)));
        let input = Input::GrantLease {
            step: grant.step,
            paths: grant.paths,
            commands: grant.commands,
            until,
            actions_max: grant.actions_max.unwrap_or(LEASE_ACTIONS_DEFAULT),
            cost_micros_max: grant.cost_micros_max,
            by: client.clone(),
        };
        self.put(input, Blobs::new())?;
        let granted = self.book.session.leases.iter().last().map(|l| l.granted.lease.clone());
        if let Some(lease) = grant.replaces {
            self.put(Input::RevokeLease { lease }, Blobs::new())?;
        }
        Ok(LeaseGranted { lease: granted })
    }

    /// A rule that asks or denies counts at once, also for what waits. It is in the journal before it applies.
    pub fn tightened(&mut self, client: &ClientId, rule: String) -> Result<Tightened, RpcError> {
        let judge = self.judge.tightened(&rule).map_err(RpcError::invalid)?;
        let policy_digest = judge.digest();
        let tightened = PolicyTightened { rule, policy_digest, by: client.clone() };
        self.append(vec![Event::PolicyTightened(tightened)])?;
        let ids = rules::replace_judge(self, judge);
        Ok(Tightened { policy_digest, denied: ids, seq: self.book.session.head })
    }
}

/// Returns the user's version of an action, reduced to the chosen hunks.
pub fn user_version(
    gate: &Gate,
    action: &Action,
    edited: Option<EditedBody>,
    hunks: Option<&[HunkChoice]>,
) -> Result<(Option<Edited>, Blobs), String> {
    let proposed = || action.files().to_vec();
    let (files, mut blobs) = match (edited, hunks) {
        (None, None) => return Ok((None, Blobs::new())),
        (None, Some(hunks)) if action.kind() == Kind::Plan => return plan_changes(action, hunks),
        (None, Some(_)) => (proposed(), Blobs::new()),
        (Some(body), _) => match edited_body(gate, action, body)? {
            (Edited::Files(files), blobs) => (files, blobs),
            (_, _) if hunks.is_some() => return Err("only an edit of files has hunks to select".into()),
            (edited @ (Edited::Command(_) | Edited::Plan(_) | Edited::Changes(_)), blobs) => {
                return Ok((Some(edited), blobs));
            }
        },
    };
    let mut files = match hunks {
        None => files,
        Some(hunks) => {
            let chosen = chosen(gate, files, &blobs, hunks)?;
            blobs.extend(chosen.blobs);
            chosen.files
        }
    };
    // Numbered with the others until here: a file that the user gave its old content back.
    files.retain(|file| file.from.is_some() || file.before != file.after);
    if files.is_empty() {
        return Err("the edit is empty after excluding these hunks: deny it instead".into());
    }
    Ok((Some(Edited::Files(files)), blobs))
}

/// The changes of a replan are numbered like hunks.
fn plan_changes(action: &Action, hunks: &[HunkChoice]) -> Result<(Option<Edited>, Blobs), String> {
    if action.document().is_none_or(|document| document.subject != PlanSubject::Replan) {
        return Err("only a change of the plan can be approved in part; edit the text or comment on it".into());
    }
    let whole = |choice: &HunkChoice| match choice {
        HunkChoice::Whole(index) => Ok(*index),
        HunkChoice::Lines { .. } => Err("a change of the plan has no lines to select".to_owned()),
    };
    let chosen = hunks.iter().map(whole).collect::<Result<Vec<_>, _>>()?;
    Ok((Some(Edited::Changes(chosen)), Blobs::new()))
}

/// The body of an edited approval: whole new contents or a command line.
fn edited_body(gate: &Gate, action: &Action, body: EditedBody) -> Result<(Edited, Blobs), String> {
    match body {
        EditedBody::Command(mut command) => {
            if let Some(original) = action.command() {
                if command.cwd == "." {
                    command.cwd.clone_from(&original.cwd);
                }
                if command.timeout_ms == 0 {
                    command.timeout_ms = original.timeout_ms;
                }
            }
            Ok((Edited::Command(command), Blobs::new()))
        }
        EditedBody::Plan(text) => Ok((Edited::Plan(text), Blobs::new())),
        EditedBody::Files(files) if files.is_empty() => {
            Err("`edited` lists no files; approve the action unchanged, or deny it".into())
        }
        EditedBody::Files(files) => {
            let resolved = edited_files(gate, action, files)?;
            Ok((Edited::Files(resolved.files), resolved.blobs))
        }
    }
}

/// The named files get the user's content, the other files of the action stay as proposed.
fn edited_files(gate: &Gate, action: &Action, edited: Vec<EditedFile>) -> Result<Resolved, String> {
    let mut resolved = Resolved { files: action.files().to_vec(), ..Resolved::default() };
    for EditedFile { path, after } in edited {
        let after = after.map(String::into_bytes);
        let at = resolved.files.iter().position(|f| f.path == path);
        let known = at.and_then(|at| resolved.files.get(at).cloned());
        let (from, before) = match &known {
            Some(file) => (file.from.clone(), file.before.as_ref().and_then(|c| gate.bytes_of(c))),
            None => {
                let image = gate.workspace().image(&path).map_err(|e| e.to_string())?;
                (None, image.map(|i| i.bytes))
            }
        };
        let change = match (&from, &before, &after) {
            (Some(_), _, _) => FileChange::Rename,
            (None, None, _) => FileChange::Create,
            (None, Some(_), None) => FileChange::Delete,
            (None, Some(_), Some(_)) => FileChange::Modify,
        };
        let next = resolved.edit(path, change, from, before, after);
        let nodes = known.map_or((None, None), |file| (file.before_node, file.after_node));
        let next = next.of_nodes(nodes.0, nodes.1);
        match at.and_then(|at| resolved.files.get_mut(at)) {
            Some(slot) => *slot = next,
            None => resolved.files.push(next),
        }
    }
    Ok(resolved)
}

/// The part of an edit that the chosen hunks make. Hunks are numbered through all files in order; a file whose
/// diff has no hunks (binary, pure rename, deletion of an empty file) counts as one. `blobs` holds what was
/// edited just now and is nowhere else yet.
fn chosen(gate: &Gate, files: Vec<FileEdit>, blobs: &Blobs, choices: &[HunkChoice]) -> Result<Resolved, String> {
    let bytes = |content: &Option<Content>| {
        let content = content.as_ref()?;
        Some(blobs.get(&content.digest()).cloned().or_else(|| gate.bytes_of(content)).unwrap_or_default())
    };
    let mut resolved = Resolved::default();
    let mut first = 0;
    let mut used = 0;
    for file in files {
        let (before, after) = (bytes(&file.before), bytes(&file.after));
        let diff = FileDiff::new(before.clone().unwrap_or_default(), after.unwrap_or_default());
        let count = diff.hunks.len().max(1);
        let own: Vec<HunkChoice> = choices.iter().filter_map(|c| shifted(c, first, count)).collect();
        first += count;
        used += own.len();
        if own.is_empty() {
            continue;
        }
        let whole: BTreeSet<usize> = own.iter().filter_map(as_whole).collect();
        if whole.len() == count {
            resolved.files.push(file);
            continue;
        }
        let bytes = diff.apply(&Selection(own)).map_err(|e| format!("{}: {e}", file.path))?.to_vec();
        // Part of a deletion or creation is a modification or a smaller creation.
        let change = if file.change == FileChange::Delete { FileChange::Modify } else { file.change };
        let edit = resolved.edit(file.path, change, file.from, before, Some(bytes));
        resolved.files.push(edit.of_nodes(file.before_node, file.after_node));
    }
    if used < choices.len() {
        return Err(format!("there are only {first} hunks, numbered from 0"));
    }
    Ok(resolved)
}

/// Describes to the agent how the newest revision differs from its proposal.
pub fn difference(gate: &Gate, action: &ActionId) -> String {
    let Some(state) = gate.session().actions.get(action) else { return String::new() };
    let Some(original) = &state.original else { return String::new() };
    if let Some(command) = state.action.command() {
        let proposed = original.command().map(|c| c.line()).unwrap_or_default();
        return format!("- {proposed}\n+ {}\n", command.line());
    }
    if let Some(document) = state.action.document() {
        return format!("The supervisor's version of the plan is binding:\n\n{}\n", document.text);
    }
    let mut text = String::new();
    let find = |files: &[FileEdit], file: &FileEdit| files.iter().find(|f| f.path == file.path).cloned();
    for file in original.files() {
        let now = find(state.action.files(), file);
        if now.as_ref() != Some(file) {
            differs(gate, &mut text, file.path.as_str(), Some(file), now.as_ref());
        }
    }
    for file in state.action.files() {
        if find(original.files(), file).is_none() {
            differs(gate, &mut text, file.path.as_str(), None, Some(file));
        }
    }
    text
}

fn differs(gate: &Gate, text: &mut String, path: &str, proposed: Option<&FileEdit>, now: Option<&FileEdit>) {
    let bytes = |edit: Option<&FileEdit>| edit.and_then(|e| e.after.as_ref()).and_then(|c| gate.bytes_of(c));
    let Some(now) = now else {
        text.push_str(&format!("{path}: not changed; your edit of this file was excluded.\n"));
        return;
    };
    let diff = FileDiff::new(bytes(proposed).unwrap_or_default(), bytes(Some(now)).unwrap_or_default());
    text.push_str(&format!("--- {path} (as you proposed)\n+++ {path} (as approved)\n"));
    text.push_str(&hunks_text(&diff, TOLD_TAIL_BYTES_MAX));
}

/// The hunk, if all of it is chosen.
fn as_whole(choice: &HunkChoice) -> Option<usize> {
    match choice {
        HunkChoice::Whole(hunk) => Some(*hunk),
        HunkChoice::Lines { .. } => None,
    }
}

fn shifted(choice: &HunkChoice, first: usize, count: usize) -> Option<HunkChoice> {
    let inside = |index: usize| index.checked_sub(first).filter(|i| *i < count);
    match choice {
        HunkChoice::Whole(index) => inside(*index).map(HunkChoice::Whole),
        HunkChoice::Lines { hunk, lines } => inside(*hunk).map(|hunk| HunkChoice::Lines { hunk, lines: lines.clone() }),
    }
}

/// The action as it would be with this body, for policy to judge.
fn with(action: &Action, edited: &Edited) -> Action {
    let mut next = action.clone();
    match edited {
        Edited::Files(files) => next.body.replace_files(files.clone()),
        Edited::Command(command) => next.body.replace_command(command.clone()),
        // Rules do not read plans.
        Edited::Plan(_) | Edited::Changes(_) => {}
    }
    next
}
