//! Comments on files and outputs: the lines are read here, from what was shown, and never taken from a client's words.

use super::gate::Gate;
use crate::base::text::{ansi, foreign};
use crate::base::{ActionId, ClientId, Digest};
use crate::model::FileEdit;
use crate::model::comment::{Anchor, Side, Subject};
use crate::model::decide::{CommentChange, Input};
use crate::model::session::ActionState;
use crate::port::Blobs;
use crate::wire::{Commented, Commenting, RpcError};

/// Writes, changes, ends or sends comments.
pub fn change(gate: &mut Gate, client: &ClientId, commenting: Commenting) -> Result<Commented, RpcError> {
    let Commenting { digest, change } = commenting;
    let anchor = match &change {
        CommentChange::Add { on: Some(on), step: None, line, lines, .. } => {
            Some(Box::new(anchor(gate, on, digest, (*line, lines.unwrap_or(1)))?))
        }
        CommentChange::Add { .. }
        | CommentChange::Reword { .. }
        | CommentChange::Withdraw { .. }
        | CommentChange::Resolve { .. }
        | CommentChange::Reopen { .. }
        | CommentChange::Send { .. } => None,
    };
    let last = |gate: &Gate| gate.session().plans.all_comments().next_back().map(|comment| comment.id.clone());
    let named = change.comment().cloned();
    gate.put(Input::Comment { digest, change, anchor, by: client.clone() }, Blobs::new())?;
    let comment = named.or_else(|| last(gate)).unwrap_or_default();
    Ok(Commented { comment, seq: gate.session().head })
}

/// The lines of a new comment in the text that the client saw.
fn anchor(
    gate: &Gate,
    on: &Subject,
    seen: Option<Digest>,
    (line, lines): (Option<u32>, u32),
) -> Result<Anchor, RpcError> {
    let text = match on {
        // As it is shown: without colors, a line that was written over once.
        Subject::Output { action } => ansi::plain(known(gate, action)?.output.tail.as_bytes()),
        Subject::File { path, action: Some(id), side } => {
            let state = known(gate, id)?;
            if seen.is_some_and(|seen| seen != state.action.digest) {
                return Err(RpcError::invalid(format!("{id} has changed since it was shown: look at it again")));
            }
            let is_meant = |file: &&FileEdit| file.path == *path || file.from.as_ref() == Some(path);
            let Some(file) = state.action.files().iter().find(is_meant) else {
                return Err(RpcError::invalid(format!("{id} does not change {path}")));
            };
            let content = match side {
                Side::New => &file.after,
                Side::Old => &file.before,
            };
            let bytes = content.as_ref().map_or_else(Vec::new, |content| gate.bytes_of(content).unwrap_or_default());
            foreign::readable(&bytes).into_owned()
        }
        Subject::File { path, action: None, .. } => {
            let image = gate.workspace().image(path).map_err(|why| RpcError::invalid(why.to_string()))?;
            let image = image.filter(|image| seen.is_none_or(|seen| seen == image.digest)).map(|image| image.bytes);
            // An earlier version that is still kept can be commented on too.
            let Some(bytes) = image.or_else(|| gate.blob(&seen?)) else {
                return Err(RpcError::invalid(format!("{path} has changed since it was shown: look at it again")));
            };
            foreign::readable(&bytes).into_owned()
        }
    };
    let anchor = Anchor::on(on.clone(), &text, line, lines);
    anchor.ok_or_else(|| RpcError::invalid(format!("there is no line {} to comment on", line.unwrap_or(0))))
}

fn known<'a>(gate: &'a Gate, id: &ActionId) -> Result<&'a ActionState, RpcError> {
    gate.session().actions.get(id).ok_or_else(|| RpcError::invalid(format!("there is no action {id}")))
}
