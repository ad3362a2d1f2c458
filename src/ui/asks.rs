//! Between the words of the client and the messages of the wire.

use crate::base::RelPath;
use crate::model::Command;
use crate::model::event::Verdict as WireVerdict;
use crate::port;
use crate::ui::app::msg::{HunkChoice, Mine};
use crate::ui::app::{Ask, Verdict, When};
use crate::wire::{self, EditedBody, EditedFile, Request};

/// The message that asks this.
///
/// # Errors
/// When an edited path is no path inside the workspace, which only a broken client could make.
pub fn request(ask: &Ask) -> Result<Request, String> {
    Ok(match ask {
        Ask::Prompt { text, when } => Request::Prompt(wire::Prompt { text: text.clone(), when: moment(*when) }),
        Ask::Decide { action, digest, verdict, reason, confirm } => {
            let (verdict, edited, hunks) = parts(verdict)?;
            Request::Decide(wire::Decide {
                action: action.clone(),
                digest: *digest,
                verdict,
                reason: reason.clone(),
                confirm: confirm.clone(),
                option: None,
                edited,
                hunks,
            })
        }
        Ask::PlanEdit { revision, operations } => {
            Request::PlanEdit(wire::PlanEditing { revision: *revision, operations: operations.clone() })
        }
        Ask::Mode(mode) => Request::Mode(wire::SetMode { mode: *mode }),
        Ask::AgentOption { id, value } => Request::SetOption(wire::SetOption { id: id.clone(), value: value.clone() }),
        Ask::Keep(keeping) => Request::Keeping(keeping.clone()),
        Ask::Freeze => Request::Freeze(wire::Freeze { why: Some("paused by the user".to_owned()) }),
        Ask::Resume => Request::Resume,
        Ask::Stop => Request::Stop,
        Ask::Lease { step } => {
            Request::LeaseGrant(wire::LeaseGrant { step: step.clone(), ..wire::LeaseGrant::default() })
        }
        Ask::Undo { action, files } => Request::Undo(wire::Undo { action: action.clone(), files: files.clone() }),
        Ask::Rewind { tree, files } => {
            Request::Rewind(wire::Rewind { tree: Some(*tree), files: files.clone(), ..wire::Rewind::default() })
        }
        Ask::Restore(path) => Request::Restore(wire::Restore { path: path.clone() }),
        Ask::Test { action, mine } => {
            let (edited, hunks) = mine.as_ref().map_or(Ok((None, None)), version)?;
            Request::CandidateTest(wire::CandidateTest { action: action.clone(), edited, hunks })
        }
        Ask::Tighten { rule } => Request::Tighten(wire::Tighten { rule: rule.clone() }),
        Ask::Processes => Request::Processes,
        Ask::TakeControl { head } => {
            Request::Attach(wire::Attach { from: Some(head.next()), control: Some(true), ..wire::Attach::default() })
        }
        Ask::Explain(action) => Request::Explain(wire::Explain { action: action.clone(), text: None }),
        Ask::Blob { digest, offset } => {
            Request::BlobGet(wire::BlobGet { digest: *digest, offset: Some(*offset), length: None })
        }
        Ask::Close => Request::Close(wire::Close { why: Some("quit by the user".to_owned()) }),
    })
}

fn moment(when: When) -> port::When {
    match when {
        When::Queue => port::When::Queue,
        When::Boundary => port::When::Boundary,
        When::Interrupt => port::When::Interrupt,
    }
}

type Parts = (WireVerdict, Option<EditedBody>, Option<Vec<wire::HunkChoice>>);

fn parts(verdict: &Verdict) -> Result<Parts, String> {
    Ok(match verdict {
        Verdict::Approve => (WireVerdict::Approve, None, None),
        Verdict::ApproveMine(mine) => {
            let (edited, hunks) = version(mine)?;
            let verdict = if edited.is_some() { WireVerdict::ApproveEdited } else { WireVerdict::Approve };
            (verdict, edited, hunks)
        }
        Verdict::ApproveCommand(command) => {
            (WireVerdict::ApproveEdited, Some(EditedBody::Command(command.clone())), None)
        }
        Verdict::Deny { make_rule: _ } => (WireVerdict::Deny, None, None),
        Verdict::Redirect => (WireVerdict::Redirect, None, None),
    })
}

type Version = (Option<EditedBody>, Option<Vec<wire::HunkChoice>>);

fn version(mine: &Mine) -> Result<Version, String> {
    let files = mine.files.iter().map(|(path, after)| {
        let path = RelPath::new(path).map_err(|error| error.to_string())?;
        Ok(EditedFile { path, after: Some(after.clone()) })
    });
    let files = files.collect::<Result<Vec<_>, String>>()?;
    let edited = Some(files).filter(|files| !files.is_empty()).map(EditedBody::Files);
    Ok((edited, mine.hunks.as_ref().map(|hunks| hunks.iter().map(choice).collect())))
}

fn choice(choice: &HunkChoice) -> wire::HunkChoice {
    match choice {
        HunkChoice::Whole(hunk) => wire::HunkChoice::Whole(*hunk),
        HunkChoice::Lines(hunk, lines) => wire::HunkChoice::Lines { hunk: *hunk, lines: lines.clone() },
    }
}

/// The command line the user wrote, in the place and with the environment of the proposed one. A line without
/// shell syntax stays an argv, so that no shell is started for it.
#[must_use]
pub fn edited_command(proposed: &Command, line: &str) -> Command {
    let words = shell_words::split(line).ok().filter(|words| !words.is_empty());
    let plain = !line.contains(['|', '&', ';', '<', '>', '$', '`', '(', ')', '*', '?', '[', '~', '\n', '#', '{', '=']);
    let base = match words {
        Some(words) if plain && proposed.argv.is_some() => Command::argv(words),
        Some(_) | None => Command::shell(line),
    };
    Command { cwd: proposed.cwd.clone(), env: proposed.env.clone(), timeout_ms: proposed.timeout_ms, ..base }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Digest;

    #[test]
    fn an_edited_command_starts_a_shell_only_when_it_needs_one() {
        let proposed = Command { cwd: "sub".to_owned(), ..Command::argv(["cargo", "test"]) };
        let edited = edited_command(&proposed, "cargo test --lib 'a b'");
        assert_eq!(
            (edited.argv, edited.cwd.as_str()),
            (Some(vec!["cargo".into(), "test".into(), "--lib".into(), "a b".into()]), "sub")
        );
        assert_eq!(edited_command(&proposed, "cargo test | tail").shell.as_deref(), Some("cargo test | tail"));
    }

    #[test]
    fn hunks_and_lines_reach_the_wire() {
        let ask = Ask::Decide {
            action: "a1".into(),
            digest: Digest::of(b"x"),
            verdict: Verdict::ApproveMine(Mine {
                files: Vec::new(),
                hunks: Some(vec![HunkChoice::Whole(0), HunkChoice::Lines(1, vec![3])]),
            }),
            reason: None,
            confirm: None,
        };
        let Request::Decide(decide) = request(&ask).unwrap() else { panic!("not a decision") };
        assert_eq!(
            decide.hunks,
            Some(vec![wire::HunkChoice::Whole(0), wire::HunkChoice::Lines { hunk: 1, lines: vec![3] }])
        );
    }
}
