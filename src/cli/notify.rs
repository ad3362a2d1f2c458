//! Calls the user from the host while no client is attached: runs the command of `[notifications]` with what happened as
//! JSON on its input. An attached client has the terminal's own ways.
//!
//! What happens within [`NOTIFY_BATCH_MS`] is one call. What is still pending [`NOTIFY_AGAIN_MS`] later is told once more.

use crate::base::limits::CLIENT_READ_EVENTS_MAX;
use crate::base::text::{Show, escape};
use crate::base::{ActionId, Seq};
use crate::cli::limits::{
    NOTIFY_AGAIN_MS, NOTIFY_ALARMS_MAX, NOTIFY_BATCH_MS, NOTIFY_COMMAND_MS_MAX, NOTIFY_LAST_MS_MAX, NOTIFY_PENDING_MAX,
};
use crate::config::Calls;
use crate::host::Published;
use crate::journal::Reader;
use crate::model::event::{Event, TurnEnd};
use crate::model::session::ActionState;
use crate::model::{Envelope, Session};
use crate::port::Clock;
use crate::ui::run::zone::utc_offset_s;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What has not been told yet, and what was.
struct Watch {
    session: Session,
    reader: Reader,
    calls: Calls,
    clock: Box<dyn Clock>,
    /// How often each pending action was told.
    told: BTreeMap<ActionId, u8>,
    /// In words, bounded.
    alarms: Vec<(String, String)>,
    turn: Option<TurnEnd>,
    lost: Option<String>,
    ended: Option<String>,
    /// The last client has left since the last look.
    is_left: bool,
}

/// The process of the command while it runs, 0 otherwise. It is the user's own: what it starts may attach.
static RUNNING: AtomicI32 = AtomicI32::new(0);

/// See [`RUNNING`].
pub fn running() -> Option<i32> {
    Some(RUNNING.load(Ordering::Relaxed)).filter(|pid| *pid > 0)
}

/// Waits until the last calls are made, for [`NOTIFY_LAST_MS_MAX`] at most.
pub async fn settled(followers: Vec<JoinHandle<()>>) {
    let all = futures::future::join_all(followers);
    if tokio::time::timeout(Duration::from_millis(NOTIFY_LAST_MS_MAX), all).await.is_err() {
        tracing::warn!("the last notification or anchor was cut off");
    }
}

/// Follows the session until its host goes. What happened before is known already.
pub async fn follow(mut head: watch::Receiver<Published>, journal: PathBuf, calls: Calls, clock: Box<dyn Clock>) {
    let from = head.borrow().head;
    let reader = match Reader::open(&journal) {
        Ok(reader) => reader,
        Err(error) => return tracing::warn!(%error, "nobody is notified: the journal cannot be read"),
    };
    let mut watch = Watch {
        session: Session::default(),
        reader,
        clock,
        calls,
        told: BTreeMap::new(),
        alarms: Vec::new(),
        turn: None,
        lost: None,
        ended: None,
        is_left: false,
    };
    let mut due: Option<Instant> = None;
    loop {
        let is_last = head.borrow_and_update().closing;
        match watch.read(from) {
            Ok(true) => {
                let soon = Instant::now() + Duration::from_millis(NOTIFY_BATCH_MS);
                due = Some(due.map_or(soon, |due| due.min(soon)));
            }
            Ok(false) => {}
            Err(error) => return tracing::warn!(%error, "nobody is notified any more: the journal cannot be read"),
        }
        // Who left saw what is pending, and is reminded of it later.
        if std::mem::take(&mut watch.is_left) && watch.pending().next().is_some() {
            due = due.or_else(|| Some(Instant::now() + Duration::from_millis(NOTIFY_AGAIN_MS)));
        }
        if is_last || due.is_some_and(|due| due <= Instant::now()) {
            due = watch.call().await;
        }
        if is_last {
            return;
        }
        let next = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(365 * 86_400));
        tokio::select! {
            changed = head.changed() => if changed.is_err() { return },
            () = tokio::time::sleep_until(next), if due.is_some() => {}
        }
    }
}

impl Watch {
    /// Takes in what is new in the journal; true when something is worth a call.
    fn read(&mut self, from: Seq) -> crate::journal::Result<bool> {
        let mut is_news = false;
        loop {
            let records = self.reader.read(self.session.head.next().max(Seq(1)), CLIENT_READ_EVENTS_MAX)?;
            if records.is_empty() {
                return Ok(is_news);
            }
            for record in records {
                let envelope = record.envelope();
                self.session.apply(&envelope);
                is_news |= envelope.seq > from && self.take(&envelope);
            }
        }
    }

    fn take(&mut self, envelope: &Envelope) -> bool {
        if let Event::TurnEnded(ended) = &envelope.event
            && ended.reason != TurnEnd::Canceled
        {
            self.turn = Some(ended.reason);
            return true;
        }
        if matches!(envelope.event, Event::ClientChanged(_)) {
            self.is_left = self.session.clients.here.is_empty();
        }
        if let Event::AgentLost(lost) = &envelope.event {
            self.lost = Some(lost.why.clone());
            return true;
        }
        if let Event::Alarm(alarm) = &envelope.event
            && self.alarms.len() < NOTIFY_ALARMS_MAX
        {
            self.alarms.push((alarm.what.to_string(), alarm.text.clone()));
            return true;
        }
        if let Event::SessionEnded(ended) = &envelope.event
            && self.calls.on_end
        {
            self.ended = Some(ended.outcome.word().to_owned());
            return true;
        }
        matches!(envelope.event, Event::Held(_)) && self.pending().next().is_some()
    }

    /// What is pending and worth a call, and was not told as often as it can be.
    fn pending(&self) -> impl Iterator<Item = &ActionState> {
        let risk = |state: &ActionState| state.action.risk.as_ref().map_or(100, |risk| u64::from(risk.score));
        let told = |state: &ActionState| self.told.get(&state.action.id).copied().unwrap_or_default();
        self.session.actions.held().filter(move |state| risk(state) >= self.calls.risk_min && told(state) < 2)
    }

    /// Calls, if there is somebody to call; the time of the next look.
    async fn call(&mut self) -> Option<Instant> {
        let later = |ms: u64| Some(Instant::now() + Duration::from_millis(ms));
        let now_s = self.clock.now().0 / 1000;
        if let Some(quiet_ms) = self.calls.quiet.and_then(|quiet| quiet.ends_in_ms(now_s, utc_offset_s())) {
            return later(quiet_ms);
        }
        let is_away = self.session.clients.here.is_empty();
        let note = self.note();
        let pending: Vec<ActionId> = self.pending().map(|state| state.action.id.clone()).collect();
        (self.turn, self.lost, self.ended) = (None, None, None);
        self.alarms.clear();
        self.told.retain(|action, _| self.session.actions.get(action).is_some_and(|state| state.held.is_some()));
        for action in pending {
            let told = self.told.entry(action).or_default();
            // Who is attached sees it: that is the first time, however long it takes.
            *told = if is_away { told.saturating_add(1) } else { 1 };
        }
        if let Some(note) = note.filter(|_| is_away)
            && let Err(why) = run(&self.calls.command, &note).await
        {
            tracing::warn!(why, "the notification command failed");
        }
        (is_away && self.pending().next().is_some()).then(|| later(NOTIFY_AGAIN_MS)).flatten()
    }

    /// What there is to tell; `None` when nothing is.
    fn note(&self) -> Option<Value> {
        let shown = |text: &str| escape::show(text, &Show::default()).into_owned();
        let pending: Vec<&ActionState> = self.pending().collect();
        let again = !pending.is_empty() && pending.iter().all(|state| self.told.contains_key(&state.action.id));
        let mut words: Vec<String> = Vec::new();
        match pending.as_slice() {
            [] => {}
            [one] => words.push(format!("{} needs your decision: {}", one.action.id, shown(&one.action.title))),
            several => words.push(format!("{} actions need your decision", several.len())),
        }
        words.extend(self.alarms.iter().map(|(_, text)| format!("alarm: {}", shown(text))));
        words.extend(self.lost.iter().map(|why| format!("the agent was lost: {}", shown(why))));
        match (&self.ended, self.turn) {
            (Some(outcome), _) => words.push(format!("the session has ended: {outcome}")),
            (None, Some(TurnEnd::EndTurn)) if pending.is_empty() => words.push("the agent has finished".to_owned()),
            (None, Some(turn)) if turn != TurnEnd::EndTurn => {
                words.push(format!("the agent stopped: {}", turn.words()))
            }
            (None, _) => {}
        }
        if words.is_empty() {
            return None;
        }
        let opened = self.session.opened.as_ref();
        let rows: Vec<Value> = pending.iter().take(NOTIFY_PENDING_MAX).map(|state| row(state)).collect();
        Some(json!({
            "session": opened.map(|opened| &opened.session),
            "workspace": opened.map(|opened| &opened.workspace),
            "goal": opened.and_then(|opened| opened.goal.as_ref()),
            "text": words.join("; "),
            "again": again,
            "pending": rows,
            "alarms": self.alarms.iter().map(|(what, text)| json!({"what": what, "text": text})).collect::<Vec<_>>(),
            "turn": self.turn,
            "lost": self.lost,
            "ended": self.ended,
        }))
    }
}

fn row(state: &ActionState) -> Value {
    let action = &state.action;
    json!({"action": action.id, "kind": action.kind(), "title": action.title, "digest": action.digest, "risk": action.risk})
}

/// Runs the command with the note on its input, for [`NOTIFY_COMMAND_MS_MAX`] at most.
async fn run(command: &[String], note: &Value) -> Result<(), String> {
    let ended = feed(command, &format!("{note}\n"), |pid| RUNNING.store(pid, Ordering::Relaxed)).await;
    RUNNING.store(0, Ordering::Relaxed);
    ended
}

/// Runs a command of the user's own with this text on its input, for [`NOTIFY_COMMAND_MS_MAX`] at most. `started` is told
/// its process.
pub async fn feed(command: &[String], text: &str, started: impl FnOnce(i32)) -> Result<(), String> {
    let (program, arguments) = command.split_first().ok_or("it is empty")?;
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("cannot start `{program}`: {error}"))?;
    started(child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default());
    let input = child.stdin.take();
    let ends = async {
        if let Some(mut input) = input {
            // One that does not read its input may have what it needs.
            let _ = input.write_all(text.as_bytes()).await;
        }
        child.wait().await
    };
    let ended = tokio::time::timeout(Duration::from_millis(NOTIFY_COMMAND_MS_MAX), ends).await;
    let status = ended.map_err(|_| format!("`{program}` ran too long and was ended"))?;
    let status = status.map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("`{program}` ended with {status}")) }
}
