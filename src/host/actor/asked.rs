//! What clients ask.

use super::super::clients::{Asked, Reply};
use super::super::snapshot;
use super::{Actor, PutError};
use crate::base::limits::{LEASE_ACTIONS_DEFAULT, LEASE_MINUTES_DEFAULT};
use crate::base::{ClientId, UnixMs};
use crate::host::limits::BLOB_PART_BYTES_MAX;
use crate::model::decide::{Answering, Edited, Input};
use crate::model::event::{Alarm, ClientChanged, Event, Explained, PolicyTightened, RulingWord, Verdict};
use crate::model::{Action, Kind};
use crate::port::{Blobs, ToAgent, When};
use crate::wire::{
    Attach, AttachedAs, BlobGet, BlobPart, Code, Decide, Explain, LeaseGrant, PROTOCOL, Request, RpcError,
};
use base64::Engine as _;
use serde::Serialize;
use serde_json::json;
use tokio::sync::oneshot;

type Answer = Result<serde_json::Value, RpcError>;

impl From<PutError> for RpcError {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Refused(refusal) => refusal.into(),
            PutError::Trouble(trouble) => Self::new(Code::GateClosed, trouble.to_string()),
        }
    }
}

fn bad(text: impl Into<String>) -> RpcError {
    RpcError::new(Code::InvalidParams, text)
}

fn value(of: &impl Serialize) -> Answer {
    serde_json::to_value(of).map_err(|e| RpcError::new(Code::Internal, e.to_string()))
}

impl Actor {
    pub(super) fn asked(&mut self, asked: Asked) {
        let Asked { client, request, reply } = asked;
        let controls = self.book.session.control.as_ref() == Some(&client);
        if !request.is_reading() && !controls {
            let error = RpcError::new(Code::ReadOnly, "this client is read-only: attach with control to decide");
            return self.respond(reply, Err(error));
        }
        if let Some(trouble) = self.book.trouble().filter(|_| !request.is_reading()) {
            return self.respond(
                reply,
                Err(RpcError::new(Code::GateClosed, format!("the journal cannot be written: {trouble}"))),
            );
        }
        if matches!(request, Request::Stop) {
            return self.stop(reply);
        }
        if let Request::Rewind(rewind) = request {
            return self.rewind(&client, rewind, reply);
        }
        let answer = self.answer(&client, request);
        self.respond(reply, answer);
    }

    pub(super) fn respond(&self, reply: oneshot::Sender<Reply>, answer: Answer) {
        let raw = answer.and_then(|v| {
            serde_json::value::to_raw_value(&v).map_err(|e| RpcError::new(Code::Internal, e.to_string()))
        });
        // A client that is gone needs no answer.
        let _ = reply.send(raw);
    }

    fn answer(&mut self, client: &ClientId, request: Request) -> Answer {
        match request {
            Request::Attach(attach) => self.attach(client, &attach),
            Request::Prompt(prompt) => self.prompted(prompt.text, prompt.when),
            Request::Cancel => {
                self.cancel_turn();
                self.done()
            }
            Request::Close(close) => {
                self.close(close.why.as_deref().unwrap_or("closed by the user"));
                self.done()
            }
            Request::Decide(decide) => self.decide(client, decide),
            Request::Explain(explain) => self.explain(explain),
            Request::PlanEdit(edit) => {
                let by = client.clone();
                self.put_and(Input::EditPlan { revision: edit.revision, edits: edit.operations, by })?;
                Ok(json!({ "revision": self.book.session.plan.revision }))
            }
            Request::Mode(mode) => {
                self.put_and(Input::SetMode { mode: mode.mode })?;
                self.agent.send(ToAgent::Mode(mode.mode));
                Ok(json!({ "mode": mode.mode }))
            }
            Request::Step => {
                let action = self.book.session.actions.held().next().map(|s| s.action.id.clone());
                self.put_and(Input::Step { by: client.clone() })?;
                Ok(json!({ "action": action, "seq": self.book.session.head }))
            }
            Request::Freeze(freeze) => {
                self.put_and(Input::Freeze { why: freeze.why.unwrap_or_else(|| "paused by the user".into()) })?;
                self.freeze_processes(true);
                self.done()
            }
            Request::Resume => {
                self.put_and(Input::Resume)?;
                self.freeze_processes(false);
                self.after_resume();
                self.done()
            }
            Request::Stop | Request::Rewind(_) => Err(bad("these are answered when they are done")),
            Request::LeaseGrant(grant) => self.grant(client, grant),
            Request::LeaseRevoke(revoke) => {
                self.put_and(Input::RevokeLease { lease: revoke.lease })?;
                self.done()
            }
            Request::Tighten(tighten) => self.tighten(client, tighten.rule),
            Request::Undo(undo) => self.undo(client, undo),
            Request::Restore(restore) => self.restore(client, &restore.path),
            Request::CandidateTest(test) => self.candidate_test(client, &test),
            Request::SetOption(option) => {
                self.agent.send(ToAgent::SetOption { id: option.id, value: option.value });
                self.done()
            }
            Request::Keeping(keeping) => {
                if !self.agent.is_up() {
                    return Err(bad("no agent is running: send a prompt first"));
                }
                self.agent.send(ToAgent::Keeping(keeping));
                self.done()
            }
            Request::BlobGet(get) => self.blob_get(&get),
            Request::Processes => Ok(json!({ "processes": self.workspace.processes() })),
        }
    }

    pub(super) fn done(&self) -> Answer {
        Ok(json!({ "seq": self.book.session.head }))
    }

    fn put_and(&mut self, input: Input) -> Result<(), RpcError> {
        Ok(self.put(input, Blobs::new())?)
    }

    fn attach(&mut self, client: &ClientId, attach: &Attach) -> Answer {
        if PROTOCOL < attach.protocol.min || PROTOCOL > attach.protocol.max {
            let text = format!(
                "this host speaks protocol {PROTOCOL}, the client {}–{}",
                attach.protocol.min, attach.protocol.max
            );
            return Err(bad(text));
        }
        let is_first = self.clients.insert(client.clone(), true) != Some(true);
        let holder = self.book.session.control.clone();
        let takes = match attach.control {
            Some(wanted) => wanted,
            None => holder.is_none(),
        };
        let mut events = Vec::new();
        let mut change = |client: &ClientId, what: &str| {
            events.push(Event::ClientChanged(ClientChanged { client: client.clone(), what: what.into() }));
        };
        if is_first {
            change(client, "joined");
        }
        if takes && holder.as_ref() != Some(client) {
            if let Some(old) = &holder {
                change(old, "lost_control");
            }
            change(client, "took_control");
        }
        // A journal in trouble must not keep a user from reading what happened.
        if let Err(trouble) = self.append(events) {
            tracing::warn!(%trouble, "an attach is not recorded");
        }
        let session = &self.book.session;
        let id = session.opened.as_ref().map(|o| o.session.clone()).unwrap_or_default();
        value(&AttachedAs {
            protocol: PROTOCOL,
            session: id,
            head: session.head,
            client: client.clone(),
            control: session.control.as_ref() == Some(client),
            now: self.book.now(),
            snapshot: snapshot::wanted(session, attach),
        })
    }

    fn prompted(&mut self, text: String, when: When) -> Answer {
        if text.trim().is_empty() {
            return Err(bad("the prompt is empty"));
        }
        self.prompt(text, when)?;
        self.next_prompt();
        Ok(json!({ "queued": self.prompts.queue.len() }))
    }

    fn decide(&mut self, client: &ClientId, decide: Decide) -> Answer {
        let known = self.book.session.actions.get(&decide.action).map(|s| s.action.clone());
        let Some(action) = known else {
            return Err(bad(format!("there is no action {}", decide.action)));
        };
        // What is not held any more is refused as that, before anything is read into the edit.
        let is_current = self
            .book
            .session
            .actions
            .get(&decide.action)
            .and_then(|s| s.held.as_ref())
            .is_some_and(|h| h.digest == decide.digest);
        let approves = matches!(decide.verdict, Verdict::Approve | Verdict::ApproveEdited);
        let (edited, blobs) = if is_current && approves {
            self.made(&action, decide.edited, decide.hunks.as_deref()).map_err(bad)?
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
            by: client.clone(),
            edited,
            edited_ruling,
        };
        self.put(Input::Answer(Box::new(answering)), blobs)?;
        let state = self.book.session.actions.get(&action.id);
        let (revision, digest) =
            state.map_or((action.revision, action.digest), |s| (s.action.revision, s.action.digest));
        let verdict = state.and_then(|s| s.decided.as_ref()).map(|d| d.verdict);
        let seq = self.book.session.head;
        Ok(json!({ "action": action.id, "revision": revision, "digest": digest, "verdict": verdict, "seq": seq }))
    }

    /// The action stays held; the agent is asked, at its next boundary, to say more.
    fn explain(&mut self, explain: Explain) -> Answer {
        let Some(state) = self.book.session.actions.get(&explain.action) else {
            return Err(bad(format!("there is no action {}", explain.action)));
        };
        let rationale = state.action.rationale.as_ref();
        let told = match rationale {
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
        self.append(vec![Event::Explained(Explained { action: explain.action, text: told })])
            .map_err(|t| RpcError::from(PutError::from(t)))?;
        self.agent.send(ToAgent::Question(question));
        self.done()
    }

    fn grant(&mut self, client: &ClientId, grant: LeaseGrant) -> Answer {
        let minutes = u64::from(grant.minutes.unwrap_or(LEASE_MINUTES_DEFAULT));
        let until = UnixMs(self.book.now().0.saturating_add(minutes * 60_000));
        let step = grant.step;
        self.put_and(Input::GrantLease {
            step,
            paths: grant.paths,
            commands: grant.commands,
            until,
            actions_max: grant.actions_max.unwrap_or(LEASE_ACTIONS_DEFAULT),
            by: client.clone(),
        })?;
        let lease = self.book.session.leases.iter().last().map(|l| l.granted.lease.clone());
        Ok(json!({ "lease": lease }))
    }

    /// A rule that asks or denies counts at once, also for what waits. It is in the journal before it is in force.
    fn tighten(&mut self, client: &ClientId, rule: String) -> Answer {
        let judge = self.judge.tightened(&rule).map_err(bad)?;
        let policy_digest = judge.digest();
        let tightened = PolicyTightened { rule, policy_digest, by: client.clone() };
        self.append(vec![Event::PolicyTightened(tightened)]).map_err(|t| RpcError::from(PutError::from(t)))?;
        self.judge = judge;
        let held: Vec<Action> = self.book.session.actions.held().map(|s| s.action.clone()).collect();
        let mut denied = Vec::new();
        for action in held {
            let ruling = self.judge.rule(&action);
            if ruling.word == RulingWord::Deny {
                denied.push(action.id.clone());
                let now = self.book.now();
                self.quietly(Input::Reconsider { action: action.id, ruling, now });
            }
        }
        Ok(json!({ "policy_digest": policy_digest, "denied": denied, "seq": self.book.session.head }))
    }

    fn blob_get(&self, get: &BlobGet) -> Answer {
        let Some(bytes) = self.blob(&get.digest) else {
            return Err(bad(format!("there is no blob {}", get.digest)));
        };
        let offset = get.offset.unwrap_or(0).min(bytes.len() as u64);
        let length = get.length.unwrap_or(BLOB_PART_BYTES_MAX).min(BLOB_PART_BYTES_MAX);
        let end = offset.saturating_add(length).min(bytes.len() as u64);
        let part = bytes.get(offset as usize..end as usize).unwrap_or_default();
        let data = base64::engine::general_purpose::STANDARD.encode(part);
        value(&BlobPart { digest: get.digest, offset, bytes: bytes.len() as u64, data })
    }

    /// Raises an alarm that is not of the agent's making.
    pub(super) fn alarm(&mut self, what: &str, text: String) {
        self.record(Event::Alarm(Alarm { what: what.into(), action: None, text }));
    }
}

/// The action as it would be with this body, for policy to look at.
fn with(action: &Action, edited: &Edited) -> Action {
    let mut next = action.clone();
    match edited {
        Edited::Files(files) if action.kind == Kind::Edit => next.files = Some(files.clone()),
        Edited::Command(command) if action.kind == Kind::Command => next.command = Some(command.clone()),
        Edited::Files(_) | Edited::Command(_) => {}
    }
    next
}
