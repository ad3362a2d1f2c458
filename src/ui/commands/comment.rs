//! Comments on what is shown: the plan and its steps, the lines of a change, files, and what commands wrote.

use super::{BASE, Command, needs_control, plan};
use crate::base::{CommentId, Digest};
use crate::model::comment::{Comment, CommentKind, CommentState, Side, Subject};
use crate::model::decide::CommentChange;
use crate::model::plan::PlanDocument;
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, Request};
use crate::ui::layout::PaneId;
use crate::ui::overlays::{Choice, Commented, Overlay, Prompt, Purpose};
use crate::ui::panes::diff::{first_text, lines_at};
use crate::wire;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        why_disabled: needs_control,
        ..commenting(
            "comment",
            "comment",
            "Comment on the selected lines, the file, the output, or the plan or its step under the cursor",
            comment,
        )
    },
    Command {
        why_disabled: needs_comment,
        ..commenting("withdraw-comment", "withdraw", "Withdraw the comment under the cursor", |app| {
            change(app, |comment| CommentChange::Withdraw { comment: comment.id.clone() })
        })
    },
    Command {
        why_disabled: needs_comment,
        ..commenting("resolve-comment", "resolve", "Resolve the comment under the cursor, or open it again", |app| {
            change(app, |comment| match comment.state {
                CommentState::Resolved => CommentChange::Reopen { comment: comment.id.clone() },
                CommentState::Open | CommentState::Sent | CommentState::Withdrawn => {
                    CommentChange::Resolve { comment: comment.id.clone() }
                }
            })
        })
    },
    commenting("next-comment", "next comment", "Go to the next comment", |app| to_comment(app, true)),
    commenting("previous-comment", "previous comment", "Go to the previous comment", |app| to_comment(app, false)),
    commenting("comments", "comments", "List all comments, with what became of them", |app| {
        app.overlay = Some(Overlay::Choose(Choice::comments(&app.scene)));
        Vec::new()
    }),
];

const fn commenting(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    run: fn(&mut App) -> Vec<Request>,
) -> Command {
    Command { name, label, description, group: "comment", run, ..BASE }
}

fn needs_comment(app: &App) -> Option<&'static str> {
    needs_control(app).or_else(|| here(app).is_none().then_some("no comment under the cursor: { and } go to one"))
}

/// The comment under the cursor.
fn here(app: &App) -> Option<&Comment> {
    let id = if app.focus == PaneId::Output { app.panes.output.comment_here() } else { app.panes.diff.comment_here() };
    app.scene.session.plans.comment(id?)
}

fn ask(app: &mut App, about: Commented, text: &str) -> Vec<Request> {
    app.overlay = Some(Overlay::Prompt(Prompt::new(Purpose::Comment(Box::new(about)), text)));
    Vec::new()
}

fn comment(app: &mut App) -> Vec<Request> {
    if app.focus == PaneId::Plan {
        return on_step(app);
    }
    if let Some(here) = here(app) {
        let about = Commented {
            comment: Some(here.id.clone()),
            line: here.anchor.line,
            lines: here.anchor.lines(),
            step: here.anchor.step.clone(),
            on: here.anchor.on.clone(),
            quote: here.anchor.quote.lines().next().unwrap_or_default().to_owned(),
            digest: None,
        };
        let text = format!("{} {}", here.kind.sign(), here.text).trim().to_owned();
        return ask(app, about, &text);
    }
    let about = if app.focus == PaneId::Output {
        app.panes.output.lines_here(&app.scene)
    } else if app.scene.comparison.is_some() {
        on_compared(app)
    } else if app.scene.target().is_some_and(|state| state.action.document().is_some()) {
        on_document(app)
    } else {
        on_files(app).or_else(|| on_action(app))
    };
    match about {
        Some(about) if is_edited(app, &about) => {
            app.say(Toast::warning("you have changed the text: approve your version, or take it back first (e)"));
            Vec::new()
        }
        Some(about) => {
            app.scene.review.selecting_from = None;
            app.panes.output.select(false);
            ask(app, about, "")
        }
        None => {
            app.say(Toast::plain(
                "nothing here to comment on: go to a change, an output, or the plan (:plan-document)",
            ));
            Vec::new()
        }
    }
}

/// What is shown is the user's version: its lines are not those that the agent knows.
fn is_edited(app: &App, about: &Commented) -> bool {
    match &about.on {
        Some(Subject::Output { .. }) => false,
        Some(Subject::File { action: None, .. }) => false,
        Some(Subject::File { .. }) | None => !app.scene.review.edited.is_empty(),
    }
}

fn on_step(app: &mut App) -> Vec<Request> {
    let Some(step) = plan::current(app) else {
        app.say(Toast::plain("no plan step under the cursor"));
        return Vec::new();
    };
    let quote = step.title.clone();
    let about = match step.line.filter(|_| app.panes.plan.draft().is_some()) {
        Some(line) => Commented { quote, line, lines: 1, ..Commented::default() },
        None => Commented { quote, step: Some(step.id), ..Commented::default() },
    };
    ask(app, about, "")
}

/// The lines of the plan under review.
fn on_document(app: &App) -> Option<Commented> {
    let document = app.scene.target()?.action.document().filter(|document| document.is_plan())?;
    let (line, lines) = app.panes.diff.plan_lines(&app.scene.review)?;
    let first = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let quote = document.text.lines().nth(first).unwrap_or_default().trim().to_owned();
    Some(Commented { digest: Some(document.digest()), line, lines, quote, ..Commented::default() })
}

/// The lines of a change, or a file of it.
fn on_files(app: &App) -> Option<Commented> {
    let state = app.scene.target()?;
    let lines = lines_at(&app.panes.diff, &app.scene.review)?;
    let file = state.action.files().get(lines.file)?;
    let (path, action) = (file.path.clone(), Some(state.action.id.clone()));
    Some(Commented {
        digest: Some(state.action.digest),
        line: lines.line.unwrap_or(0),
        lines: lines.count,
        quote: first_text(&app.panes.diff, lines).unwrap_or_default(),
        on: Some(Subject::File { path, action, side: lines.side }),
        ..Commented::default()
    })
}

/// The lines of a file that is compared, in the version that is shown.
fn on_compared(app: &App) -> Option<Commented> {
    let lines = lines_at(&app.panes.diff, &app.scene.review)?;
    let file = app.scene.comparison.as_ref()?.files().get(lines.file)?;
    let content = match lines.side {
        Side::New => file.after.as_ref(),
        Side::Old => file.before.as_ref(),
    }?;
    Some(Commented {
        digest: Some(content.digest()),
        line: lines.line.unwrap_or(0),
        lines: lines.count,
        quote: first_text(&app.panes.diff, lines).unwrap_or_default(),
        on: Some(Subject::File { path: file.path.clone(), action: None, side: lines.side }),
        ..Commented::default()
    })
}

/// An action that changes no file: a command, a question.
fn on_action(app: &App) -> Option<Commented> {
    let state = app.scene.target().filter(|state| state.action.files().is_empty())?;
    let on = Some(Subject::Output { action: state.action.id.clone() });
    Some(Commented { on, quote: state.action.title.clone(), ..Commented::default() })
}

/// The words of a comment were typed.
pub fn send_comment(about: Commented, words: &str) -> Vec<Request> {
    let (kind, text) = CommentKind::of(words);
    let text = text.to_owned();
    let Commented { digest, line, lines, step, on, .. } = about;
    let is_on_plan = on.is_none();
    let change = match about.comment {
        Some(comment) => CommentChange::Reword { comment, kind, text },
        None => {
            // A whole file or output has no line, and a step neither.
            let (line, lines) = if line > 0 { (Some(line), Some(lines)) } else { (None, None) };
            CommentChange::Add { kind, text, line, lines, step, on }
        }
    };
    if is_on_plan { on_plan(digest, change) } else { elsewhere(digest, change) }
}

/// A change of a comment on the plan, as hosts of earlier versions know it too.
pub(super) fn on_plan(digest: Option<Digest>, change: CommentChange) -> Vec<Request> {
    vec![Request::Host(wire::Request::PlanComment(wire::Commenting { digest, change }))]
}

fn elsewhere(digest: Option<Digest>, change: CommentChange) -> Vec<Request> {
    vec![Request::Host(wire::Request::Comment(wire::Commenting { digest, change }))]
}

fn change(app: &mut App, change: fn(&Comment) -> CommentChange) -> Vec<Request> {
    let Some(comment) = here(app) else { return Vec::new() };
    let change = change(comment);
    if comment.is_on_plan() { on_plan(None, change) } else { elsewhere(None, change) }
}

fn to_comment(app: &mut App, forward: bool) -> Vec<Request> {
    let found = if app.focus == PaneId::Output {
        app.panes.output.go_to_comment(forward)
    } else {
        app.panes.diff.go_to_comment(forward)
    };
    if !found {
        app.say(Toast::plain(if forward { "no comment below" } else { "no comment above" }));
    }
    Vec::new()
}

/// Shows what a comment is on.
pub fn go_to_comment(app: &mut App, id: &CommentId) -> Vec<Request> {
    let on = app.scene.session.plans.comment(id).map(|comment| comment.anchor.on.clone());
    match on.flatten() {
        None => plan::show_plan(app),
        Some(Subject::Output { action }) => {
            app.scene.set_target(Some(action));
            app.focus_on(PaneId::Output);
        }
        Some(Subject::File { path, action, .. }) => {
            // The newest change of the file shows what became of it.
            let changes = |state: &&crate::model::session::ActionState| {
                state.action.files().iter().any(|file| file.path == path) && !state.action.files().is_empty()
            };
            let newest = app.scene.session.actions.recent().find(changes).map(|state| state.action.id.clone());
            app.focus_on(PaneId::Diff);
            match newest.or(action) {
                Some(changed) => app.scene.set_target(Some(changed)),
                None => app.say(Toast::plain("no action has changed that file yet; a comparison shows it")),
            }
        }
    }
    let requests = app.compute_pictures();
    app.refresh();
    match app.focus {
        PaneId::Output => app.panes.output.go_to_comment_of(id),
        PaneId::Diff | PaneId::Plan | PaneId::Inbox | PaneId::Tests | PaneId::Why | PaneId::Talk => {
            app.panes.diff.go_to_comment_of(id);
        }
    }
    requests
}

/// With nothing pending, the open comments are sent on their own.
pub(super) fn ask_to_send(app: &mut App) -> Vec<Request> {
    app.overlay = Some(Overlay::Prompt(Prompt::new(Purpose::SendComments, "")));
    Vec::new()
}

/// The words before them were typed.
pub fn send_open(text: String) -> Vec<Request> {
    elsewhere(None, CommentChange::Send { text })
}

/// The open comments that an approval of the action under review sends: it is warned about them once.
pub(super) fn warns_of_open(app: &mut App) -> bool {
    let Some(state) = app.scene.target() else { return false };
    let open = app.scene.session.plans.sent_with(&state.action, false).count();
    if open == 0 || app.scene.review.comments_warned {
        return false;
    }
    let is_plan = state.action.document().is_some_and(PlanDocument::is_plan);
    app.scene.review.comments_warned = true;
    let (are, them) = if open == 1 { ("comment is", "it as a note") } else { ("comments are", "them as notes") };
    // Short enough for 80 columns.
    let instead = if is_plan { "asks for changes" } else { "redirects with them" };
    app.say(Toast::warning(format!("{open} {are} open: again approves with {them}, r {instead}")));
    true
}
