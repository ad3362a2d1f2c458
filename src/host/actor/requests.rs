//! Requests from clients: each goes to the part that answers it.

use super::Actor;
use crate::base::{ClientId, Digest, RuleId};
use crate::host::clients::Asked;
use crate::host::gate::{Gate, rules};
use crate::host::limits::{BLOB_PART_BYTES_MAX, DRAFT_BYTES_MAX, PROMPT_IMAGE_BYTES_MAX, PROMPT_PARTS_MAX};
use crate::host::plans;
use crate::host::runs::freeze_processes;
use crate::host::successor;
use crate::host::{comments, compare};
use crate::model::PromptPart;
use crate::model::decide::Input;
use crate::model::event::{ChecksChanged, Drafted, Event, ImageKept, NetworkChanged};
use crate::port::{Blobs, ToAgent};
use crate::wire::{
    self, Answer, BlobGet, BlobPart, Code, Decide, Freeze, LeaseRevoke, PlanEditing, PlanRevision, Processes, Prompt,
    PutImage, QueueEdit, Queued, Request, RpcError, Seen, SetChecks, SetDraft, SetMode, SetNetwork, Stepped,
};
use base64::Engine as _;

impl Actor {
    fn refusal(&self, client: &ClientId, request: &Request) -> Option<RpcError> {
        if request.is_reading() {
            return None;
        }
        let decides = matches!(request, Request::Decide(_)) && self.seats.decides_as(client).is_some();
        let may = decides || matches!(request, Request::Stop) && self.seats.may_stop(client);
        if self.gate.session().clients.control.as_ref() != Some(client) && !may {
            let text = "this client is read-only: attach with control to decide";
            return Some(RpcError::new(Code::ReadOnly, text));
        }
        // What runs can be stopped whether or not that can be recorded.
        if matches!(request, Request::Stop | Request::Freeze(_)) {
            return None;
        }
        self.closed_gate()
    }

    fn closed_gate(&self) -> Option<RpcError> {
        let closed = |trouble| RpcError::new(Code::GateClosed, format!("the journal cannot be written: {trouble}"));
        self.gate.trouble().map(closed)
    }

    /// A decision that a key of the user's signed.
    pub(super) fn ordered(&mut self, by: &ClientId, decide: Decide) -> Result<Answer, RpcError> {
        if let Some(refusal) = self.closed_gate() {
            return Err(refusal);
        }
        rules::freshen(&mut self.gate);
        self.gate.decide((by, false), decide).map(Answer::Decide)
    }

    #[expect(clippy::too_many_lines, reason = "one arm a request")]
    pub(super) fn asked(&mut self, asked: Asked) {
        let Asked { client, request, reply } = asked;
        if let Some(refusal) = self.refusal(&client, &request) {
            // A client that is gone needs no answer.
            let _ = reply.send(Err(refusal));
            return;
        }
        let gate = &mut self.gate;
        if is_work(&request) {
            self.seats.used(&client, gate.now());
        }
        rules::freshen(gate);
        let client = &client;
        let answer = match request {
            // These are answered when they are done.
            Request::Stop => return self.stop(reply),
            Request::Rewind(rewind) => return self.undo.rewind(gate, client, rewind, reply),
            Request::Compare(compare) => return compare::answer(gate, compare, reply),
            Request::Search(search) => return self.past.search(search, reply),
            Request::Find(find) => return self.finder.find(gate, find, reply),
            Request::Allow(allow) if allow.preview => return self.past.answer(rules::preview(gate, &allow), reply),
            Request::AgentList => return self.successor.list(reply),
            Request::AgentChange(change) => {
                return self.successor.change(gate, &mut self.line, &mut self.runs, client, change, reply);
            }
            Request::Attach(attach) => self.seats.attach(gate, client, &attach).map(Answer::Attach),
            Request::Control(set) => self.seats.control(gate, client, &set.wish).map(Answer::Control),
            Request::Follow(follow) => Ok(Answer::Follow(self.seats.follow(gate, client, follow.follow))),
            Request::Show(view) => Ok(Answer::Show(self.seats.show(gate, client, view))),
            Request::Prompt(prompt) => self.prompt(prompt).map(Answer::Prompt),
            Request::Draft(draft) => self.draft(client, draft).map(Answer::Draft),
            Request::Queue(edit) => self.queue(edit).map(Answer::Queue),
            Request::Image(image) => keep_image(gate, client, image).map(Answer::Image),
            Request::Run(run) => self.runs.own_command(gate, client, run).map(Answer::Run),
            Request::Cancel => Ok(Answer::Cancel(self.canceled())),
            Request::Close(close) => Ok(Answer::Close(self.closed(close.why.as_deref()))),
            Request::Processes => Ok(Answer::Processes(Processes { processes: gate.workspace().processes() })),
            Request::Decide(decide) => {
                // A script or an inbox does not show the comments.
                let decider = self.seats.decides_as(client);
                let (by, sees_comments) = (decider.as_ref().unwrap_or(client), decider.is_none());
                gate.decide((by, sees_comments), decide).map(Answer::Decide)
            }
            Request::Explain(explain) => gate.explain(explain).map(|()| Answer::Explain(self.seen())),
            Request::PlanEdit(edit) => self.plan_edit(client, edit).map(Answer::PlanEdit),
            Request::PlanComment(commenting) => comments::change(gate, client, commenting).map(Answer::PlanComment),
            Request::Comment(commenting) => comments::change(gate, client, commenting).map(Answer::Comment),
            Request::PlanDecide(decide) => plans::decide(gate, client, decide).map(Answer::PlanDecide),
            Request::PlanWrite(write) => plans::write(gate, write).map(Answer::PlanWrite),
            Request::Mode(mode) => self.mode(mode).map(Answer::Mode),
            Request::Network(set) => self.network(set).map(Answer::Network),
            Request::Checks(set) => self.checks(set).map(Answer::Checks),
            Request::Step => self.step(client).map(Answer::Step),
            Request::Freeze(freeze) => self.freeze(freeze).map(Answer::Freeze),
            Request::Resume => self.resume().map(Answer::Resume),
            Request::LeaseGrant(grant) => gate.grant(client, grant).map(Answer::LeaseGrant),
            Request::LeaseRevoke(revoke) => self.lease_revoke(revoke).map(Answer::LeaseRevoke),
            Request::Tighten(tighten) => gate.tightened(client, tighten.rule).map(Answer::Tighten),
            Request::Allow(allow) => rules::allow(gate, client, allow).map(Answer::Allow),
            Request::RuleRevoke(revoke) => self.rule_revoke(client, &revoke.rule).map(Answer::RuleRevoke),
            Request::Rules => Ok(Answer::Rules(rules::list(gate))),
            Request::Undo(undo) => self.undo.undo(gate, client, undo).map(Answer::Undo),
            Request::Restore(restore) => self.undo.restore(gate, client, &restore.path).map(Answer::Restore),
            Request::CandidateTest(test) => self.runs.candidate_test(gate, client, &test).map(Answer::CandidateTest),
            Request::SetOption(option) => {
                gate.send(ToAgent::SetOption { id: option.id, value: option.value });
                Ok(Answer::SetOption(self.seen()))
            }
            Request::Keeping(_) if !self.line.is_up() => {
                Err(RpcError::invalid("no agent is running: send a prompt first"))
            }
            Request::Keeping(keeping) => {
                gate.send(ToAgent::Keeping(keeping));
                Ok(Answer::Keeping(self.seen()))
            }
            // Its connection reads them.
            Request::Past(_) => Err(RpcError::invalid("older events are read by the connection")),
            Request::BlobGet(get) => blob_part(gate, &get).map(Answer::BlobGet),
        };
        let _ = reply.send(answer);
    }

    fn closed(&mut self, why: Option<&str>) -> Seen {
        self.close(why.unwrap_or("closed by the user"));
        self.seen()
    }

    fn seen(&self) -> Seen {
        Seen { seq: self.gate.session().head }
    }

    fn queue(&mut self, edit: QueueEdit) -> Result<Seen, RpcError> {
        self.line.change_queue(&mut self.gate, edit).map_err(RpcError::from)?;
        Ok(self.seen())
    }

    fn canceled(&mut self) -> Seen {
        self.cancel();
        self.seen()
    }

    fn draft(&mut self, client: &ClientId, draft: SetDraft) -> Result<Seen, RpcError> {
        let bytes: usize = draft.parts.iter().map(PromptPart::len_bytes).sum();
        if bytes > DRAFT_BYTES_MAX || draft.parts.len() > PROMPT_PARTS_MAX {
            return Err(RpcError::invalid(format!("a draft of more than {DRAFT_BYTES_MAX} bytes is not kept")));
        }
        let kept = self.gate.session().prompts.draft.as_ref().map_or(&[][..], |kept| &kept.parts);
        if kept != draft.parts {
            self.gate.append(vec![Event::Drafted(Drafted { by: client.clone(), parts: draft.parts })])?;
        }
        Ok(self.seen())
    }

    fn prompt(&mut self, prompt: Prompt) -> Result<Queued, RpcError> {
        if prompt.text.trim().is_empty() {
            return Err(RpcError::invalid("the prompt is empty"));
        }
        let queued = self.line.prompt(&mut self.gate, &self.runs, prompt)?;
        Ok(Queued { queued })
    }

    fn plan_edit(&mut self, client: &ClientId, edit: PlanEditing) -> Result<PlanRevision, RpcError> {
        let before = self.gate.session().plans.comments().count();
        let input = Input::EditPlan { revision: edit.revision, edits: edit.operations, by: client.clone() };
        self.gate.put(input, Blobs::new())?;
        let session = self.gate.session();
        let comments = session.plans.comments().skip(before).map(|comment| comment.id.clone()).collect();
        Ok(PlanRevision { revision: session.plan.revision, comments })
    }

    pub(super) fn mode(&mut self, mode: SetMode) -> Result<SetMode, RpcError> {
        let was = self.gate.session().mode;
        self.gate.put(Input::SetMode { mode: mode.mode }, Blobs::new())?;
        self.gate.send(ToAgent::Mode(mode.mode));
        if was != mode.mode {
            successor::warn_of_tree(&mut self.gate, &self.line);
        }
        Ok(mode)
    }

    fn network(&mut self, set: SetNetwork) -> Result<SetNetwork, RpcError> {
        if self.gate.session().rules.network() != set.network {
            self.gate.append(vec![Event::NetworkChanged(NetworkChanged { network: set.network })])?;
        }
        Ok(set)
    }

    fn checks(&mut self, set: SetChecks) -> Result<SetChecks, RpcError> {
        if self.gate.session().rules.run_after() != set.run_after {
            self.gate.append(vec![Event::ChecksChanged(ChecksChanged { run_after: set.run_after })])?;
        }
        Ok(set)
    }

    fn step(&mut self, client: &ClientId) -> Result<Stepped, RpcError> {
        let action = self.gate.session().actions.held().next().map(|s| s.action.id.clone());
        self.gate.put(Input::Step { by: client.clone() }, Blobs::new())?;
        Ok(Stepped { action, seq: self.gate.session().head })
    }

    pub(super) fn freeze(&mut self, freeze: Freeze) -> Result<Seen, RpcError> {
        let why = freeze.why.unwrap_or_else(|| "paused by the user".into());
        let recorded = self.gate.put(Input::Freeze { why }, Blobs::new());
        freeze_processes(&self.gate, true);
        recorded?;
        Ok(self.seen())
    }

    fn resume(&mut self) -> Result<Seen, RpcError> {
        self.gate.put(Input::Resume, Blobs::new())?;
        freeze_processes(&self.gate, false);
        self.after_resume();
        Ok(self.seen())
    }

    fn rule_revoke(&mut self, client: &ClientId, rule: &RuleId) -> Result<Seen, RpcError> {
        rules::revoke(&mut self.gate, client, rule)?;
        Ok(self.seen())
    }

    fn lease_revoke(&mut self, revoke: LeaseRevoke) -> Result<Seen, RpcError> {
        self.gate.put(Input::RevokeLease { lease: revoke.lease }, Blobs::new())?;
        Ok(self.seen())
    }
}

/// Whether a person is at work who asks for this: they decide, write or want control. What a screen reads or tells by
/// itself says nothing of its user.
fn is_work(request: &Request) -> bool {
    !request.is_reading() || matches!(request, Request::Control(_))
}

/// Keeps a picture that a client sent. Its bytes say what it is, not its name.
fn keep_image(gate: &mut Gate, client: &ClientId, image: PutImage) -> Result<wire::ImageKept, RpcError> {
    let data = base64::engine::general_purpose::STANDARD.decode(&image.data);
    let bytes = data.map_err(|error| RpcError::invalid(format!("the image is not base64: {error}")))?;
    if bytes.len() > PROMPT_IMAGE_BYTES_MAX {
        let why = format!("the image has {} bytes; the limit is {PROMPT_IMAGE_BYTES_MAX}", bytes.len());
        return Err(RpcError::invalid(why));
    }
    let mime = match bytes.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => return Err(RpcError::invalid("only PNG, JPEG, GIF and WebP images can be sent")),
    };
    let kept = wire::ImageKept { digest: Digest::of(&bytes), mime: mime.to_owned(), bytes: bytes.len() as u64 };
    let event = ImageKept {
        by: client.clone(),
        name: image.name,
        mime: kept.mime.clone(),
        digest: kept.digest,
        bytes: kept.bytes,
    };
    gate.append_with(vec![Event::ImageKept(event)], bytes)?;
    Ok(kept)
}

fn blob_part(gate: &Gate, get: &BlobGet) -> Result<BlobPart, RpcError> {
    let Some(bytes) = gate.blob(&get.digest) else {
        return Err(RpcError::invalid(format!("there is no blob {}", get.digest)));
    };
    let offset = get.offset.unwrap_or(0).min(bytes.len() as u64);
    let length = get.length.unwrap_or(BLOB_PART_BYTES_MAX).min(BLOB_PART_BYTES_MAX);
    let end = offset.saturating_add(length).min(bytes.len() as u64);
    let part = bytes.get(offset as usize..end as usize).unwrap_or_default();
    let data = base64::engine::general_purpose::STANDARD.encode(part);
    Ok(BlobPart { digest: get.digest, offset, bytes: bytes.len() as u64, data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Verdict;
    use crate::wire::{ControlWish, Decide, SeatView, SetControl};

    /// A client that nobody looks at, with the list of processes open or with followers, is not at work.
    #[test]
    fn what_a_screen_asks_by_itself_is_no_work() {
        let view = SeatView { pane: "Plan".to_owned(), action: None };
        let blob = BlobGet { digest: Digest::of(b""), offset: None, length: None };
        for request in [Request::Processes, Request::Show(view), Request::BlobGet(blob)] {
            assert!(!is_work(&request), "{}", request.words());
        }
        let decide = Decide::new("a1".into(), Digest::of(b""), Verdict::Deny);
        let control = SetControl { wish: ControlWish::Refuse(None) };
        for request in [Request::Decide(decide), Request::Step, Request::Control(control)] {
            assert!(is_work(&request), "{}", request.words());
        }
    }
}
