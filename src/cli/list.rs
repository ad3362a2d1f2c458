//! Lists sessions and their pending actions, read from their journals without contacting their hosts.

use super::args::Shared;
use super::place::{Places, SessionPlace};
use super::{DONE, Done, Fail, daemon, fleet, print};
use crate::base::limits::CLIENT_READ_EVENTS_MAX;
use crate::base::text::Untrusted;
use crate::base::{ActionId, Seq, SessionId};
use crate::cli::limits::{BRANCH_BYTES_MAX, LAST_WORDS_CHARS_MAX};
use crate::journal::{Journal, Reader, is_held};
use crate::model::decide::open_on;
use crate::model::event::Held;
use crate::model::offer::needs_choice;
use crate::model::session::{ActionState, Speaker, TestCount};
use crate::model::{ActionBody, Session, StepStatus};
use crate::ui::action_words;
use crate::wire::{Overview, Pending, Progress, SessionState};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

/// One session as far as its journal has been read.
#[derive(Default)]
struct Known {
    reader: Option<Reader>,
    session: Session,
    branch: Option<String>,
    /// Its host held the journal at the last look: asking a host itself would wake it.
    is_up: bool,
}

impl Known {
    /// Reads what is new.
    fn read(&mut self, place: &SessionPlace) -> Result<(), Fail> {
        if self.reader.is_none() {
            if !Journal::is_begun(&place.journal()) {
                return Ok(());
            }
            self.reader = Some(Reader::open(&place.journal())?);
        }
        let Some(reader) = &self.reader else { return Ok(()) };
        fold(reader, &mut self.session)?;
        self.branch = branch_of(&self.session);
        Ok(())
    }
}

/// Takes in what the journal has beyond the session's head.
pub fn fold(reader: &Reader, session: &mut Session) -> Result<(), Fail> {
    loop {
        let records = reader.read(session.head.next().max(Seq(1)), CLIENT_READ_EVENTS_MAX)?;
        if records.is_empty() {
            return Ok(());
        }
        records.iter().for_each(|record| session.apply(&record.envelope()));
    }
}

/// The sessions of a state directory. What was read once is not read again.
pub struct Sessions {
    places: Places,
    known: BTreeMap<SessionId, Known>,
    /// Sessions that cannot be read, with the reason, since the last look.
    pub unreadable: Vec<(SessionId, String)>,
}

impl Sessions {
    pub fn open(shared: &Shared) -> Result<Self, Fail> {
        Ok(Self::of(Places::open(shared.state_dir())?))
    }

    pub fn of(places: Places) -> Self {
        Self { places, known: BTreeMap::new(), unreadable: Vec::new() }
    }

    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Every session, newest first.
    pub fn look(&mut self) -> Vec<Overview> {
        let mut found = Vec::new();
        self.unreadable.clear();
        let places = self.places.all();
        self.known.retain(|id, _| places.iter().any(|place| place.id == *id));
        for place in places {
            let known = self.known.entry(place.id.clone()).or_default();
            // A journal that cannot be read must not hide the others.
            match known.read(&place) {
                Ok(()) => {
                    known.is_up = is_held(&place.journal());
                    found.push(overview(&place, &known.session, known.branch.clone(), known.is_up));
                }
                Err(fail) => self.unreadable.push((place.id, fail.text)),
            }
        }
        found
    }

    fn session(&self, id: &SessionId) -> Option<&Session> {
        self.known.get(id).map(|known| &known.session)
    }
}

fn state(session: &Session, is_up: bool) -> SessionState {
    match (&session.ended, is_up) {
        (Some(_), false) => SessionState::Ended,
        (Some(_), true) => SessionState::EndedOpen,
        (None, true) if session.actions.held().next().is_some() => SessionState::Waits,
        (None, true) if session.turns.current.is_some() => SessionState::Works,
        (None, true) => SessionState::Idle,
        (None, false) => SessionState::Resumable,
    }
}

/// A session as lists show it.
pub fn overview(place: &SessionPlace, session: &Session, branch: Option<String>, is_up: bool) -> Overview {
    let opened = session.opened.as_ref();
    let steps = || session.plan.steps.iter().filter(|step| step.status != StepStatus::Skipped);
    let progress = Progress { done: steps().filter(|step| step.status.is_over()).count(), total: steps().count() };
    let run = session.checks.latest_workspace().and_then(|run| run.finished.as_ref());
    let last = session.transcript.iter().rev().find(|entry| matches!(entry.speaker, Speaker::Agent(_)));
    Overview {
        session: place.id.clone(),
        state: state(session, is_up),
        running: is_up,
        workspace: opened.map(|o| o.workspace.clone()),
        agent: opened.map(|_| session.agent.ready.agent.clone()),
        mode: session.mode,
        goal: opened.and_then(|o| o.goal.clone()),
        held: session.actions.held().count(),
        actions: session.actions.len(),
        alarms: session.alarms.total,
        head: session.head,
        at: session.at,
        ended: session.ended.clone(),
        label: place.label(),
        branch,
        plan: Some(progress).filter(|progress| progress.total > 0),
        tests: run.map(|run| TestCount { passed: run.passed, failed: run.failed }),
        usage: session.agent.usage.clone(),
        last: last.map(|entry| entry.text.chars().take(LAST_WORDS_CHARS_MAX).collect()),
        pending: session.actions.held().map(|state| pending(session, state)).collect(),
    }
}

fn pending(session: &Session, state: &ActionState) -> Pending {
    let action = &state.action;
    let is_question = matches!(action.body, ActionBody::Form(_) | ActionBody::Plan(_) | ActionBody::Other);
    Pending {
        action: action.id.clone(),
        digest: action.digest,
        kind: action.kind(),
        words: action_words(state),
        risk: action.risk.as_ref().map_or(0, |risk| risk.score),
        held_at: state.times.held_at,
        confirm: state.held.as_ref().and_then(|held| held.confirm.clone()),
        guarded: state.held.as_ref().is_some_and(Held::is_guarded),
        opens: is_question || action.conflicted || needs_choice(&action.options),
        comments: open_on(session, action),
    }
}

/// The branch in the session's workspace.
pub fn branch_of(session: &Session) -> Option<String> {
    session.opened.as_ref().and_then(|opened| branch(Path::new(&opened.workspace)))
}

/// The branch that git has checked out there, or the beginning of the commit.
fn branch(workspace: &Path) -> Option<String> {
    let read = |path: &Path| {
        let mut text = String::new();
        std::fs::File::open(path).ok()?.take(BRANCH_BYTES_MAX).read_to_string(&mut text).ok()?;
        Some(text.trim().to_owned())
    };
    let git = workspace.join(".git");
    // Of a worktree, a file names the directory.
    let dir = read(&git).and_then(|text| text.strip_prefix("gitdir: ").map(|dir| workspace.join(dir))).unwrap_or(git);
    let head = read(&dir.join("HEAD"))?;
    let named = head.strip_prefix("ref: refs/heads/").map(str::to_owned);
    named.or_else(|| head.get(..8).map(str::to_owned))
}

/// All sessions, with complaints about those that cannot be read; how many those are.
fn all(shared: &Shared) -> Result<(Sessions, Vec<Overview>), Fail> {
    let mut sessions = Sessions::open(shared)?;
    let found = sessions.look();
    for (id, why) in &sessions.unreadable {
        super::complain(&format!("{id}: {why}"));
    }
    Ok((sessions, found))
}

/// `rightseat ls`. Archived sessions are listed with `all`, and in JSON.
pub fn sessions(shared: &Shared, with_archived: bool, json: bool) -> Done {
    let (sessions, found) = all(shared)?;
    if json {
        print(&serde_json::to_string(&found).map_err(|e| Fail::usage(e.to_string()))?)?;
        return Ok(DONE);
    }
    if found.is_empty() && sessions.unreadable.is_empty() {
        print("no sessions yet; start one with `rightseat` or `rightseat demo`")?;
    }
    for one in found.iter().filter(|one| with_archived || !one.label.archived) {
        let workspace = Untrusted::new(one.workspace.as_deref().unwrap_or_default());
        let agent = Untrusted::new(one.agent.as_ref().map(|agent| agent.name.as_str()).unwrap_or_default());
        let name = one.label.name.as_deref().map(|name| format!("  ({})", Untrusted::new(name).visible()));
        let row = format!(
            "{:<32} {:<11} {:>3} held  {:<12} {}{}",
            one.session.as_str(),
            one.state.words(),
            one.held,
            agent.visible(),
            workspace.visible(),
            name.unwrap_or_default()
        );
        print(&row)?;
    }
    Ok(DONE)
}

/// `rightseat inbox`: of this machine, and of those that the fleet knows.
pub fn inbox(shared: &Shared, json: bool) -> Done {
    let (sessions, found) = all(shared)?;
    let mut rows = Vec::new();
    for one in found.iter().filter(|one| one.ended.is_none()) {
        let Some(session) = sessions.session(&one.session) else { continue };
        rows.extend(session.actions.held().map(|held| Row::of(one, held)));
    }
    let runtime = daemon::runtime()?;
    let fleet = runtime.block_on(fleet::found(shared));
    runtime.shutdown_background();
    match &fleet {
        Ok(machines) => {
            for (machine, one) in
                machines.iter().flat_map(|machine| machine.sessions.iter().map(move |one| (machine, one)))
            {
                let name = machine.host.as_deref().and_then(fleet::machine_of).unwrap_or_default();
                let open = one.pending.iter().filter(|_| one.ended.is_none());
                rows.extend(open.map(|pending| Row::of_machine(name, one, pending)));
            }
        }
        // What is known is listed all the same.
        Err(why) => super::complain(why),
    }
    if json {
        print(&Value::Array(rows.into_iter().map(|row| row.json).collect()).to_string())?;
    } else if rows.is_empty() {
        print("nothing is pending")?;
    } else {
        rows.iter().try_for_each(|row| print(&row.text()))?;
    }
    Ok(if fleet.is_ok() { DONE } else { super::USAGE })
}

/// One pending action of the inbox.
struct Row {
    place: String,
    action: ActionId,
    risk: u8,
    title: String,
    json: Value,
}

impl Row {
    fn of(one: &Overview, held: &ActionState) -> Self {
        Self {
            place: one.session.to_string(),
            action: held.action.id.clone(),
            risk: held.action.risk.as_ref().map_or(0, |risk| risk.score),
            title: held.action.title.clone(),
            json: json!({
                "session": one.session,
                "running": one.running,
                "action": held.action,
                "held_at": held.times.held_at,
                "ruled": held.ruled,
            }),
        }
    }

    /// Of another machine, as far as it tells.
    fn of_machine(machine: &str, one: &Overview, pending: &Pending) -> Self {
        Self {
            place: format!("{machine}:{}", one.session),
            action: pending.action.clone(),
            risk: pending.risk,
            title: pending.words.clone(),
            json: json!({
                "machine": machine,
                "session": one.session,
                "running": one.running,
                "action": {
                    "id": pending.action,
                    "kind": pending.kind,
                    "title": pending.words,
                    "digest": pending.digest,
                    "risk": {"score": pending.risk},
                },
                "held_at": pending.held_at,
                "confirm": pending.confirm,
            }),
        }
    }

    fn text(&self) -> String {
        let (place, action) = (Untrusted::new(self.place.as_str()), Untrusted::new(self.action.as_str()));
        let title = Untrusted::new(self.title.as_str());
        let (place, action, title) = (place.visible(), action.visible(), title.visible());
        format!("{place:<32} {action:<5} risk {:>3}  {title}", self.risk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branch_is_read_without_git() {
        let dir = tempfile::tempdir().unwrap();
        let work = dir.path().join("work");
        std::fs::create_dir_all(work.join(".git")).unwrap();
        assert_eq!(branch(&work), None);
        std::fs::write(work.join(".git/HEAD"), "ref: refs/heads/feature/x\n").unwrap();
        assert_eq!(branch(&work).as_deref(), Some("feature/x"));
        std::fs::write(work.join(".git/HEAD"), "0123456789abcdef0123456789abcdef01234567\n").unwrap();
        assert_eq!(branch(&work).as_deref(), Some("01234567"));
        let tree = dir.path().join("tree");
        std::fs::create_dir_all(work.join(".git/worktrees/tree")).unwrap();
        std::fs::create_dir(&tree).unwrap();
        std::fs::write(work.join(".git/worktrees/tree/HEAD"), "ref: refs/heads/other\n").unwrap();
        std::fs::write(tree.join(".git"), format!("gitdir: {}\n", work.join(".git/worktrees/tree").display())).unwrap();
        assert_eq!(branch(&tree).as_deref(), Some("other"));
    }
}
