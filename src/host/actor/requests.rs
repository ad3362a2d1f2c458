//! Requests from clients: each goes to the part that answers it.

use super::Actor;
use crate::base::ClientId;
use crate::host::clients::Asked;
use crate::host::gate::Gate;
use crate::host::limits::BLOB_PART_BYTES_MAX;
use crate::host::runs::freeze_processes;
use crate::model::decide::Input;
use crate::port::{Blobs, ToAgent};
use crate::wire::{
    Answer, BlobGet, BlobPart, Code, Freeze, LeaseRevoke, PlanEditing, PlanRevision, Processes, Prompt, Queued,
    Request, RpcError, Seen, SetMode, Stepped,
};
use base64::Engine as _;

impl Actor {
    fn refusal(&self, client: &ClientId, request: &Request) -> Option<RpcError> {
        if request.is_reading() {
            return None;
        }
        if self.gate.session().clients.control.as_ref() != Some(client) {
            let text = "this client is read-only: attach with control to decide";
            return Some(RpcError::new(Code::ReadOnly, text));
        }
        let closed = |trouble| RpcError::new(Code::GateClosed, format!("the journal cannot be written: {trouble}"));
        self.gate.trouble().map(closed)
    }

    pub(super) fn asked(&mut self, asked: Asked) {
        let Asked { client, request, reply } = asked;
        if let Some(refusal) = self.refusal(&client, &request) {
            // A client that is gone needs no answer.
            let _ = reply.send(Err(refusal));
            return;
        }
        let gate = &mut self.gate;
        let client = &client;
        let answer = match request {
            // These two are answered when they are done.
            Request::Stop => return self.stop(reply),
            Request::Rewind(rewind) => return self.undo.rewind(gate, client, rewind, reply),
            Request::Attach(attach) => self.seats.attach(gate, client, &attach).map(Answer::Attach),
            Request::Prompt(prompt) => self.prompt(prompt).map(Answer::Prompt),
            Request::Cancel => {
                self.cancel();
                Ok(Answer::Cancel(self.seen()))
            }
            Request::Close(close) => {
                self.close(close.why.as_deref().unwrap_or("closed by the user"));
                Ok(Answer::Close(self.seen()))
            }
            Request::Processes => Ok(Answer::Processes(Processes { processes: gate.workspace().processes() })),
            Request::Decide(decide) => gate.decide(client, decide).map(Answer::Decide),
            Request::Explain(explain) => gate.explain(explain).map(|()| Answer::Explain(self.seen())),
            Request::PlanEdit(edit) => self.plan_edit(client, edit).map(Answer::PlanEdit),
            Request::Mode(mode) => self.mode(mode).map(Answer::Mode),
            Request::Step => self.step(client).map(Answer::Step),
            Request::Freeze(freeze) => self.freeze(freeze).map(Answer::Freeze),
            Request::Resume => self.resume().map(Answer::Resume),
            Request::LeaseGrant(grant) => gate.grant(client, grant).map(Answer::LeaseGrant),
            Request::LeaseRevoke(revoke) => self.lease_revoke(revoke).map(Answer::LeaseRevoke),
            Request::Tighten(tighten) => gate.tightened(client, tighten.rule).map(Answer::Tighten),
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
            Request::BlobGet(get) => blob_part(gate, &get).map(Answer::BlobGet),
        };
        let _ = reply.send(answer);
    }

    fn seen(&self) -> Seen {
        Seen { seq: self.gate.session().head }
    }

    fn prompt(&mut self, prompt: Prompt) -> Result<Queued, RpcError> {
        if prompt.text.trim().is_empty() {
            return Err(RpcError::invalid("the prompt is empty"));
        }
        let queued = self.line.prompt(&mut self.gate, &self.runs, prompt.text, prompt.when)?;
        Ok(Queued { queued })
    }

    fn plan_edit(&mut self, client: &ClientId, edit: PlanEditing) -> Result<PlanRevision, RpcError> {
        let input = Input::EditPlan { revision: edit.revision, edits: edit.operations, by: client.clone() };
        self.gate.put(input, Blobs::new())?;
        Ok(PlanRevision { revision: self.gate.session().plan.revision })
    }

    fn mode(&mut self, mode: SetMode) -> Result<SetMode, RpcError> {
        self.gate.put(Input::SetMode { mode: mode.mode }, Blobs::new())?;
        self.gate.send(ToAgent::Mode(mode.mode));
        Ok(mode)
    }

    fn step(&mut self, client: &ClientId) -> Result<Stepped, RpcError> {
        let action = self.gate.session().actions.held().next().map(|s| s.action.id.clone());
        self.gate.put(Input::Step { by: client.clone() }, Blobs::new())?;
        Ok(Stepped { action, seq: self.gate.session().head })
    }

    fn freeze(&mut self, freeze: Freeze) -> Result<Seen, RpcError> {
        let why = freeze.why.unwrap_or_else(|| "paused by the user".into());
        self.gate.put(Input::Freeze { why }, Blobs::new())?;
        freeze_processes(&self.gate, true);
        Ok(self.seen())
    }

    fn resume(&mut self) -> Result<Seen, RpcError> {
        self.gate.put(Input::Resume, Blobs::new())?;
        freeze_processes(&self.gate, false);
        self.after_resume();
        Ok(self.seen())
    }

    fn lease_revoke(&mut self, revoke: LeaseRevoke) -> Result<Seen, RpcError> {
        self.gate.put(Input::RevokeLease { lease: revoke.lease }, Blobs::new())?;
        Ok(self.seen())
    }
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
