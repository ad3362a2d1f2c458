//! Proposals on their way in: resolved on what the disk holds now, judged, filed; and merged when their files change.

use super::{Due, Gate, PutError, roles, rules};
use crate::base::ActionId;
use crate::host::{encoding, merge, resolve};
use crate::model::AlarmKind;
use crate::model::action::{Executor, Risk};
use crate::model::decide::{Input, Reply, Ruling, drift};
use crate::model::event::{Alarm, Event, LapseWhy, RulingWord, Told};
use crate::model::{Action, Address, Author, Body, Content, Evidence, FileEdit, Proposal};
use crate::policy::limits::WEAKENED_FILE_BYTES_MAX;
use crate::policy::risk::{Seen, Size, risk};
use crate::policy::{Judged, Side, contradictions, tampering, weakened};
use crate::port::{Answer, Blobs, HeldFile, Image, Ticket, ToAgent};

impl Gate {
    /// The proposal as an action on what the disk holds now, with what the rules say of it; in words why it cannot be
    /// one.
    pub fn resolve(&mut self, mut proposal: Proposal) -> Result<(Action, Blobs, Ruling), String> {
        rules::freshen(self);
        let id = self.book.session.actions.next_id();
        if proposal.step.is_none() {
            proposal.step = self.book.session.plan.active().map(|s| s.id.clone());
        }
        let resolved = match &mut proposal.body {
            Body::Edit(drafts) => resolve::drafts(self.workspace.as_ref(), std::mem::take(drafts))?,
            Body::Command(command) => {
                // The project's own test command is a run of checks, whoever asks for it, where we run it: what an
                // agent reports of a run of its own is its word only.
                let is_checks = |c: &crate::host::ChecksSetup| c.command.spawn_argv() == command.spawn_argv();
                proposal.checks |= self.checks.as_ref().is_some_and(is_checks);
                proposal.checks &= proposal.executor == Executor::Host;
                if command.spawn_argv().iter().all(|w| w.trim().is_empty()) {
                    return Err("The command is empty.".into());
                }
                resolve::Resolved::default()
            }
            Body::Read(_) | Body::Network(_) | Body::Plan(_) | Body::Form(_) | Body::Other => {
                resolve::Resolved::default()
            }
        };
        let files = (!resolved.files.is_empty()).then_some(resolved.files);
        let mut action = Action::file(id, proposal, files);
        // A run of checks and a search in private copies are what they are.
        let alone = action.command().filter(|_| !action.checks && action.trial().is_none());
        action.touches = alone.and_then(|c| self.judge.reach(c)).map(|reach| Box::new(self.workspace.touched(&reach)));
        let size = self.size_of(action.files().iter(), &resolved.blobs);
        let judged = self.judge.judged(&action);
        action.risk = Some(self.risk_of(&action, &judged, size));
        let ruling = roles::bounded(self, &action, judged.ruling());
        Ok((action, resolved.blobs, ruling))
    }

    fn risk_of(&self, action: &Action, judged: &Judged, size: Size) -> Risk {
        let drift = drift(&self.book.session.plan, action).is_some();
        let is_guarded = judged.ruling().rail.is_some();
        risk(action, &Seen { class: judged.class, size, is_guarded, drift }, &self.judge.weights())
    }

    fn size_of<'a>(&self, files: impl Iterator<Item = &'a FileEdit>, blobs: &Blobs) -> Size {
        let read = |content: &Option<Content>| match content {
            Some(content) => {
                resolve::bytes_of(content, |digest| blobs.get(digest).cloned().or_else(|| self.blob(digest)))
            }
            None => Some(Vec::new()),
        };
        let mut size = Size::default();
        for file in files {
            size.add(read(&file.before).as_deref(), read(&file.after).as_deref());
        }
        size
    }

    /// Files a proposal, first or changed, with its problems; the agent is told when that fails.
    pub fn file(&mut self, ticket: Ticket, action: Action, ruling: Ruling, blobs: Blobs, is_revision: bool) {
        let (ruling, alarms) = self.with_problems(&action, ruling, &blobs);
        let (id, now) = (action.id.clone(), self.now());
        let action = Box::new(action);
        let input = if is_revision {
            Input::Revise { action, ruling, alarms }
        } else {
            Input::File { action, ruling, alarms, now }
        };
        if let Err(error) = self.put(input, blobs) {
            let message = format!("The proposal could not be recorded: {error}");
            return self.send(ToAgent::Answered { ticket, answer: Answer::Refused { message } });
        }
        self.ask_reason_of_guarded(&id);
    }

    /// Files the part of a command's result that rules hold back, as an edit of its own.
    pub fn file_result(&mut self, of: &ActionId, held: Vec<HeldFile>) {
        let Some(origin) = self.book.session.actions.get(of).map(|state| state.action.clone()) else { return };
        let mut resolved = resolve::Resolved::default();
        for HeldFile { path, change, before, after } in held {
            let (before_node, after_node) = (before.as_ref().map(|i| i.node), after.as_ref().map(|i| i.node));
            let bytes = |image: Option<Image>| image.filter(|i| i.content().is_some()).map(|i| i.bytes);
            let edit = resolved.edit(path, change, None, bytes(before), bytes(after));
            resolved.files.push(edit.of_nodes(before_node, after_node));
        }
        let reason = origin.rationale.as_ref().map(|r| format!(": {}", r.text.trim())).unwrap_or_default();
        let why = format!("{of} changed these files in its layer; they are promoted when you approve{reason}");
        let evidence = Evidence::new("step", format!("{of}: {}", origin.title));
        let mut proposal = Proposal::new(format!("promote the result of {of}"), Body::Edit(Vec::new()));
        let of_command = origin.rationale.iter().flat_map(|r| r.evidence.clone());
        proposal = proposal.because(why, std::iter::once(evidence).chain(of_command).collect());
        proposal.step = origin.step;
        if let Err(error) = self.file_own(Author::Agent, proposal, Some(resolved.files), resolved.blobs) {
            tracing::error!(%error, "the result of {of} is lost");
        }
    }

    /// Files a connection that a command waits for; its action, unless that cannot be recorded.
    pub fn file_connection(&mut self, of: Option<&ActionId>, to: &Address, process: Option<&str>) -> Option<ActionId> {
        rules::freshen(self);
        let origin = match of {
            Some(of) => Some(self.book.session.actions.get(of).map(|state| state.action.clone())?),
            None => None,
        };
        let who = of.map_or_else(|| "the agent".to_owned(), ToString::to_string);
        let why = format!("{who} asks for it in its layer; approving covers this address until {who} ends");
        let evidence = origin.as_ref().map(|origin| Evidence::new("step", format!("{who}: {}", origin.title)));
        // Its command line is its own choice, and may hold anything.
        let by = process.map(|process| Evidence::new("process", format!("as it calls itself: {process}")));
        let mut proposal = Proposal::new(format!("connect to {to} for {who}"), Body::Network(to.to_string()));
        proposal = proposal.because(why, evidence.into_iter().chain(by).collect());
        proposal.step = origin.and_then(|origin| origin.step);
        let filed = self.file_own(Author::Agent, proposal, None, Blobs::new());
        filed.inspect_err(|error| tracing::error!(%error, "a connection of {who} cannot be recorded")).ok()
    }

    /// Files what the user proposes: the rules judge it like anything else.
    pub fn file_of_user(&mut self, proposal: Proposal) -> Result<ActionId, PutError> {
        rules::freshen(self);
        self.file_own(Author::Human, proposal, None, Blobs::new())
    }

    /// Files a run of the checks that the settings ask for.
    pub fn file_checks(&mut self, why: &str) {
        let Some(command) = self.checks.as_ref().map(|checks| checks.command.clone()) else { return };
        rules::freshen(self);
        let mut proposal = Proposal::new(format!("run {}", command.line()), Body::Command(command));
        proposal = proposal.because(format!("{why}; tests are set to run by themselves"), Vec::new());
        proposal.checks = true;
        if let Err(error) = self.file_own(Author::Agent, proposal, None, Blobs::new()) {
            tracing::error!(%error, "a run of the tests cannot be recorded");
        }
    }

    /// Files what the host itself asks about.
    fn file_own(
        &mut self,
        author: Author,
        proposal: Proposal,
        files: Option<Vec<FileEdit>>,
        blobs: Blobs,
    ) -> Result<ActionId, PutError> {
        let id = self.book.session.actions.next_id();
        let mut action = Action::file(id.clone(), proposal, files);
        action.author = author;
        let size = self.size_of(action.files().iter(), &blobs);
        let judged = self.judge.judged(&action);
        action.risk = Some(self.risk_of(&action, &judged, size));
        let (ruling, alarms) = self.with_problems(&action, roles::bounded(self, &action, judged.ruling()), &blobs);
        let now = self.now();
        self.put(Input::File { action: Box::new(action), ruling, alarms, now }, blobs)?;
        Ok(id)
    }

    /// The ruling on an action whose problems are found, with the alarms about them.
    fn with_problems(&self, action: &Action, ruling: Ruling, blobs: &Blobs) -> (Ruling, Vec<Alarm>) {
        let alarm = |what, text| Alarm { what, action: Some(action.id.clone()), text };
        let tampering = tampering::found(&self.book.session, action);
        let (weakened, contradictions) = self.compared(action, blobs);
        let encoding = encoding::found(action, blobs);
        let ruling = match &encoding {
            Some(text) if ruling.word == RulingWord::Allow => Ruling::ask("encoding", text),
            Some(_) | None => ruling,
        };
        let alarms = [
            tampering.map(|text| alarm(AlarmKind::TestTampering, text)),
            weakened.map(|text| alarm(AlarmKind::WeakenedTest, text)),
            encoding.map(|text| alarm(AlarmKind::Encoding, text)),
        ];
        let contradictions = contradictions.into_iter().map(|text| alarm(AlarmKind::Contradiction, text));
        (ruling, alarms.into_iter().flatten().chain(contradictions).collect())
    }

    /// In words, what tests would check less after this edit, and what does not fit its reason.
    fn compared(&self, action: &Action, blobs: &Blobs) -> (Option<String>, Vec<String>) {
        let bytes = |content: &Option<Content>| {
            let content = content.as_ref().filter(|content| content.len() <= WEAKENED_FILE_BYTES_MAX as u64)?;
            resolve::bytes_of(content, |digest| blobs.get(digest).cloned().or_else(|| self.blob(digest)))
        };
        let read: Vec<_> =
            action.files().iter().map(|file| (&file.path, bytes(&file.before), bytes(&file.after), file)).collect();
        // What cannot be read is not compared with nothing.
        let is_whole = |read: &Option<Vec<u8>>, content: &Option<Content>| read.is_some() == content.is_some();
        let whole = read
            .iter()
            .filter(|(_, before, after, file)| is_whole(before, &file.before) && is_whole(after, &file.after));
        let sides: Vec<_> = whole
            .map(|(path, before, after, _)| Side { path, before: before.as_deref(), after: after.as_deref() })
            .collect();
        let failures = weakened::failures(&self.book.session);
        let weakened = weakened::words(action.id.as_str(), &weakened::found(&sides, &failures));
        (weakened, contradictions::found(&self.book.session, action, &sides))
    }

    /// Policy's word again on held actions, after the rules or the gate changed.
    pub fn reconsider(&mut self, actions: Vec<(ActionId, Ruling)>) {
        for (action, ruling) in actions {
            let now = self.now();
            self.quietly(Input::Reconsider { action, ruling, now });
        }
    }

    /// Consent to this action is void because its base changed; offers it merged, or tells the agent that it lapsed.
    pub fn offer_merge(&mut self, id: &ActionId) {
        let Some(action) = self.book.session.actions.get(id).map(|s| s.action.clone()) else { return };
        let merged = match action.executor {
            Executor::Host => merge::merged(&action, self.workspace.as_ref(), |d| self.blob(d)),
            // It would write its own version over the merge.
            Executor::Agent => None,
        };
        let offered = merged.is_some_and(|m| self.revise(m));
        if !offered {
            self.then(Due::Answer { action: id.clone(), reply: Reply::Lapsed { why: LapseWhy::Voided } });
        }
    }

    fn revise(&mut self, merged: merge::Merged) -> bool {
        let merge::Merged { mut action, blobs, words } = merged;
        let sent = Told { action: Some(action.id.clone()), text: words.clone() };
        let judged = self.judge.judged(&action);
        // That of the revision before has what depended on it.
        let size = self.size_of(action.files().iter(), &blobs);
        action.risk = Some(self.risk_of(&action, &judged, size));
        let Ruling { confirm, rail, .. } = judged.ruling();
        let ruling = Ruling { confirm, rail, ..Ruling::ask("base-changed", &words) };
        match self.put(Input::Revise { action: Box::new(action), ruling, alarms: Vec::new() }, blobs) {
            Ok(()) => {
                self.record(Event::Told(sent));
                true
            }
            Err(error) => {
                tracing::warn!(%error, "a merge could not be offered");
                false
            }
        }
    }
}
