//! The words shown instead of a diff: a command as it would run, a read, and the state when nothing is pending.

use super::{infra, preview};
use crate::base::text::{Show, escape};
use crate::model::action::Touches;
use crate::model::event::Network;
use crate::model::session::{ActionState, Phase, Speaker};
use crate::model::{Action, Executor, FileChange, Kind};
use crate::ui::app::Scene;
use crate::ui::limits::UI_CALM_SAID_LINES_MAX;
use crate::ui::panes::inbox::action_words;
use crate::ui::panes::plan;
use crate::ui::panes::row::{Row, wrapped};
use crate::ui::panes::tests_pane;
use crate::ui::theme::{Role, Sign};

/// Describes an action that changes no file.
pub(super) fn rows(scene: &Scene, state: &ActionState, columns: u16) -> Vec<Row> {
    let mut rows = Vec::new();
    let action = &state.action;
    let exact = |text: &str| escape::show(text, &Show::default()).into_owned();
    match action.kind() {
        Kind::Command => {
            let Some(command) = action.command() else { return rows };
            let edited = scene.review.edited.get(&None);
            if let Some(line) = edited {
                wrapped(&mut rows, "yours  ", Role::Human, line, Role::TextStrong, columns);
            }
            let head = if edited.is_some() { "theirs " } else { "$ " };
            wrapped(&mut rows, head, Role::Accent, &command.line(), Role::TextStrong, columns);
            rows.push(Row::default());
            rows.push(Row::new("in    ", Role::TextSoft).and(exact(&command.cwd), Role::Text));
            for (at, word) in command.spawn_argv().iter().enumerate() {
                let head = if at == 0 { "argv  ".to_owned() } else { "      ".to_owned() };
                rows.push(
                    Row::new(head, Role::TextSoft).and(format!("{at}  "), Role::TextFaint).and(exact(word), Role::Text),
                );
            }
            for (name, value) in &command.env {
                rows.push(
                    Row::new("env   ", Role::TextSoft)
                        .and(exact(name), Role::Text)
                        .and("=", Role::TextSoft)
                        .and(exact(value), Role::Text),
                );
            }
            rows.extend(network(scene));
            if let Some(touches) = &action.touches {
                rows.push(Row::default());
                touched(&mut rows, scene, touches, columns);
            }
            if let Some(trial) = action.trial() {
                rows.push(Row::default());
                rows.push(Row::new("tries ", Role::TextSoft).and(
                    format!(
                        "at most {} runs, {} s, only in private candidates",
                        trial.runs_max,
                        trial.wall_ms_max / 1000
                    ),
                    Role::Text,
                ));
                for command in &trial.commands {
                    wrapped(&mut rows, "      ", Role::TextSoft, &command.line(), Role::Text, columns);
                }
            }
            if action.executor == Executor::Agent {
                rows.push(
                    Row::new("who   ", Role::TextSoft)
                        .and("the agent runs it itself: watched, not enforced", Role::Warn),
                );
            }
            infra::rows(&mut rows, state, columns);
            preview::rows(&mut rows, scene, state, columns);
        }
        Kind::Read | Kind::Network => reached(&mut rows, &state.action, columns),
        Kind::Plan | Kind::Other => {
            wrapped(&mut rows, "", Role::Text, &action.title, Role::TextStrong, columns);
            consented(&mut rows, scene, state, columns);
        }
        Kind::Edit => wrapped(&mut rows, "", Role::Text, &action.title, Role::TextStrong, columns),
    }
    rows
}

/// What is read or connected to; who asks for it, where that is not the agent's own proposal.
fn reached(rows: &mut Vec<Row>, action: &Action, columns: u16) {
    let verb = if action.kind() == Kind::Read { "read     " } else { "connect  " };
    rows.push(
        Row::new(verb, Role::TextSoft)
            .and(escape::show(action.target().unwrap_or_default(), &Show::default()), Role::TextStrong),
    );
    if let Some(why) = action.rationale.as_ref().filter(|_| action.executor == Executor::Host) {
        wrapped(rows, "         ", Role::TextSoft, &why.text, Role::Text, columns);
        for evidence in &why.evidence {
            let text = escape::show(&evidence.text, &Show::default());
            wrapped(rows, "         ", Role::TextSoft, &text, Role::TextSoft, columns);
        }
    }
}

/// The network that the supervisor chose for a command.
fn network(scene: &Scene) -> Option<Row> {
    let (words, role) = match scene.review.network? {
        Network::On => ("on: the network of this machine", Role::Warn),
        Network::Ask => ("ask: hosts that a rule or you allow", Role::Text),
        Network::Off => ("off: none", Role::Text),
    };
    Some(Row::new("net   ", Role::TextSoft).and(words, role))
}

/// The files that a command would change, as far as is known without running it.
fn touched(rows: &mut Vec<Row>, scene: &Scene, touches: &Touches, columns: u16) {
    let head = "touches  ";
    let none = touches.files == 0 && !touches.more;
    if !none || touches.unknown.is_empty() {
        let role = if none { Role::Text } else { Role::RiskHigh };
        wrapped(rows, head, Role::TextSoft, &touched_words(touches), role, columns);
    }
    for path in &touches.first {
        let path = escape::show(path, &Show::default());
        wrapped(rows, "         ", Role::TextSoft, &path, Role::Text, columns);
    }
    let more = touches.files.saturating_sub(touches.first.len() as u64);
    if more > 0 {
        rows.push(Row::new(format!("         and {more} more"), Role::TextSoft));
    }
    let unknown = scene.look.sign(Sign::Unknown);
    for what in &touches.unknown {
        wrapped(rows, &format!("{unknown} not known  "), Role::Unknown, what, Role::Unknown, columns);
    }
}

/// Describes how many files a command would change.
pub fn touched_words(touches: &Touches) -> String {
    let plural = if touches.files == 1 { "" } else { "s" };
    match (touches.files, touches.more, touches.at_most) {
        (0, false, _) => "no existing file".to_owned(),
        (files, true, _) => format!("more than {files} file{plural}: counting stopped"),
        (files, false, true) => format!("at most {files} file{plural}"),
        (files, false, false) => format!("{files} file{plural}"),
    }
}

/// Lists all that a consent covers: the whole text of what is asked, then the plan as it is now.
fn consented(rows: &mut Vec<Row>, scene: &Scene, state: &ActionState, columns: u16) {
    let says = state.action.rationale.as_ref().map(|rationale| rationale.text.as_str()).unwrap_or_default();
    if !says.is_empty() && says != state.action.title {
        rows.push(Row::default());
        wrapped(rows, "", Role::Text, says, Role::Text, columns);
    }
    if state.action.kind() == Kind::Other {
        // Its title says little: what its tool was given says what it does.
        for quote in state.action.rationale.iter().flat_map(|rationale| &rationale.evidence) {
            wrapped(rows, "│ ", Role::TextFaint, &quote.text, Role::TextSoft, columns);
        }
    }
    let plan = if state.action.kind() == Kind::Plan { plan::outline(scene) } else { Vec::new() };
    if !plan.is_empty() {
        rows.push(Row::default());
        rows.extend(plan);
    }
}

/// Until the picture is there: what kind of change it is, without its lines.
pub(super) fn plain_rows(state: &ActionState) -> Vec<Row> {
    let files = state.action.files().iter();
    let rows = files.map(|file| {
        let what = match file.change {
            FileChange::Modify => "changes",
            FileChange::Create => "creates",
            FileChange::Delete => "deletes",
            FileChange::Rename => "renames",
        };
        Row::new(format!("{what}  "), Role::TextSoft)
            .and(escape::show(file.path.as_str(), &Show::default()).into_owned(), Role::Text)
    });
    rows.collect()
}

/// Nothing is under review: what the turn is about, what was done last, what the agent said last.
pub(super) fn calm_rows(scene: &Scene, columns: u16) -> Vec<Row> {
    let mut rows = Vec::new();
    let session = &scene.session;
    if session.opened.is_none() {
        return rows;
    }
    let now = if session.ended.is_some() {
        "the agent has finished; write to give it more work"
    } else if session.turns.current.is_some() {
        "the agent is working; nothing is pending"
    } else {
        "the agent is waiting for your message"
    };
    rows.push(Row::new(now, Role::TextSoft));
    rows.push(Row::default());
    if let Some(step) = session.plan.active() {
        wrapped(&mut rows, "step   ", Role::TextSoft, &step.title, Role::TextStrong, columns);
        if let Some(note) = step.note.as_ref().filter(|note| !note.is_empty()) {
            wrapped(&mut rows, "       ", Role::TextSoft, note, Role::Text, columns);
        }
    }
    if let Some(state) = session.actions.iter().next_back() {
        let head = if state.phase == Phase::Running { "now    " } else { "last   " };
        wrapped(&mut rows, head, Role::TextSoft, &action_words(state), Role::Text, columns);
    }
    if let Some((words, role)) = tests_pane::summary(scene) {
        rows.push(Row::new("tests  ", Role::TextSoft).and(words, role));
    }
    let last = session.transcript.iter().next_back().filter(|last| last.open);
    let thinks = last.is_some_and(|last| matches!(last.speaker, Speaker::Thought(_)));
    let said = session.transcript.iter().rev().find(|entry| match entry.speaker {
        Speaker::Agent(_) => !thinks,
        Speaker::Thought(_) => thinks,
        Speaker::Human | Speaker::Told(_) | Speaker::Note => false,
    });
    if let Some(said) = said {
        let head = if thinks { "thinks " } else { "says   " };
        let lines: Vec<&str> = said.text.lines().rev().take(UI_CALM_SAID_LINES_MAX).collect();
        let text = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
        wrapped(&mut rows, head, Role::TextSoft, &text, Role::Text, columns);
    }
    // What was noted since then continues: it waits for a busy server, it writes a call.
    let last = session.transcript.iter().next_back().filter(|entry| matches!(entry.speaker, Speaker::Note));
    if let (Some(note), Some(_)) = (last, &session.turns.current) {
        wrapped(&mut rows, "notes  ", Role::TextSoft, &note.text, Role::Warn, columns);
    }
    rows
}
