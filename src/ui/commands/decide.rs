//! Verdicts on the action under review. Each is bound to the digest that is on the screen.

use super::{BASE, Command, Scope, comment, needs_control, network};
use crate::base::{ActionId, Digest};
use crate::model::Rail;
use crate::model::event::{Held, Verdict};
use crate::model::form::Field;
use crate::model::offer::needs_choice;
use crate::model::plan::{PlanDocument, PlanSubject};
use crate::model::session::ActionState;
use crate::model::{FormAnswer, Kind, OptionEffect};
use crate::ui::app::always::Always;
use crate::ui::app::rule::draft;
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, EditorOf, Request, form, msg::Part, offers, version};
use crate::ui::layout::PaneId;
use crate::ui::overlays::{Choice, Draft, Editor, Overlay, Prompt, Purpose};
use crate::wire::{self, Decide};

const GROUP: &str = "decide";

pub(super) const COMMANDS: &[Command] = &[
    Command {
        consents: true,
        ..deciding("approve", "approve", "Approve the action, or the selected hunks and edits", approve)
    },
    Command {
        consents: true,
        ..deciding("approve-with-note", "approve + note", "Approve with a note to the agent", |app| {
            if offers::must_choose(&app.scene) {
                app.overlay = Some(Overlay::Choose(Choice::offers(&app.scene)));
            } else if let Some((id, digest)) = ready_to_approve(app) {
                app.overlay =
                    Some(Overlay::Prompt(Prompt::new(Purpose::Note { action: id, digest }, &app.scene.review.said)));
            }
            Vec::new()
        })
    },
    Command {
        consents: true,
        ..deciding(
            "approve-group",
            "approve group",
            "Approve every pending action of this kind in this plan step that has been viewed",
            approve_group,
        )
    },
    Command {
        consents: true,
        ..deciding("lease", "lease", "Grant a lease: allow edits of this plan step for a while", |app| {
            let step = app.scene.target().and_then(|state| state.action.step.clone());
            app.overlay = Some(Overlay::Prompt(Prompt::new(
                Purpose::Lease(wire::LeaseGrant { step, ..wire::LeaseGrant::default() }),
                "",
            )));
            Vec::new()
        })
    },
    deciding("edit", "edit", "Edit the proposal in place", edit_inline),
    deciding("edit-external", "$EDITOR", "Edit the proposal in $VISUAL or $EDITOR", edit_external),
    Command {
        name: "toggle-hunk",
        label: "hunk",
        description: "Exclude or include the hunk or the selected lines",
        group: GROUP,
        scope: Scope::In(PaneId::Diff),
        why_disabled: needs_hunks,
        run: |app| {
            let did = app.panes.diff.toggle(&mut app.scene.review);
            app.say(Toast::plain(did));
            app.scene.touched.target = true;
            Vec::new()
        },
        ..BASE
    },
    Command {
        why_disabled: |app| {
            let has_comments = app.scene.session.plans.open_comments().next().is_some();
            needs_held(app).filter(|_| needs_control(app).is_some() || !has_comments)
        },
        ..deciding("redirect", "redirect", "Reject and say what to do instead; sends all open comments", |app| {
            if app.scene.held_target().is_none() {
                return comment::ask_to_send(app);
            }
            ask_reason(app, Verdict::Redirect, false)
        })
    },
    deciding("deny", "deny", "Deny, with a reason", |app| ask_reason(app, Verdict::Deny, false)),
    deciding("deny-with-rule", "deny + rule", "Deny, and draft a policy rule from it", |app| {
        ask_reason(app, Verdict::Deny, true)
    }),
    Command {
        why_disabled: |app| {
            let none = "the agent offers no options for this action";
            needs_held(app).or_else(|| (!offers::exist(&app.scene)).then_some(none))
        },
        ..deciding("options", "options", "List the agent's own options for the action, and choose one", |app| {
            app.overlay = Some(Overlay::Choose(Choice::offers(&app.scene)));
            Vec::new()
        })
    },
    Command {
        consents: true,
        why_disabled: |app| {
            let none = "a rule can be made from a command, an edit or a connection only";
            let makes = |kind| matches!(kind, Kind::Command | Kind::Edit | Kind::Network);
            let can_be_made = app.scene.target().is_some_and(|state| makes(state.action.kind()));
            needs_held(app).or_else(|| (!can_be_made).then_some(none))
        },
        ..deciding(
            "always",
            "always",
            "Approve the command, edit or connection and make a rule that allows it from now on",
            always,
        )
    },
    Command {
        why_disabled: network::why_not,
        ..deciding(
            "network",
            "network",
            "Choose the network of the pending command in its layer, or without one of all commands: ask, off, on",
            network::choose,
        )
    },
    deciding("explain", "explain", "Ask the agent to explain; the action stays pending", |app| {
        let Some(action) = app.scene.target.clone() else { return Vec::new() };
        app.say(Toast::plain(format!("asked the agent to explain {action}; it stays pending")));
        vec![Request::Host(wire::Request::Explain(wire::Explain { action, text: None }))]
    }),
    Command {
        why_disabled: needs_control,
        ..deciding(
            "test",
            "test",
            "Run the tests on a candidate with this edit, try this command (in a layer, or as a dry run), or test the workspace",
            |app| test(app, Vec::new()),
        )
    },
];

const fn deciding(
    name: &'static str,
    label: &'static str,
    description: &'static str,
    run: fn(&mut App) -> Vec<Request>,
) -> Command {
    Command { name, label, description, group: GROUP, why_disabled: needs_held, run, ..BASE }
}

/// Returns whether a command changes what runs elsewhere, so that trying it is a dry run of its tool.
pub(super) fn is_infrastructure(state: &ActionState) -> bool {
    state.held.as_ref().is_some_and(|held| held.rail == Some(Rail::Infrastructure))
}

/// Runs these cases, or all, on what an approval would let through: the user's version, without what is left out; with
/// nothing pending, on the workspace.
pub(super) fn test(app: &mut App, cases: Vec<String>) -> Vec<Request> {
    // A command has no test cases: those of the workspace are meant.
    let is_of_cases = |state: &ActionState| cases.is_empty() || state.action.kind() == Kind::Edit;
    let Some((state, _)) = app.scene.held_target().filter(|(state, _)| is_of_cases(state)) else {
        app.say(Toast::plain("testing the workspace as it is"));
        let test = wire::CandidateTest { cases, ..wire::CandidateTest::default() };
        return vec![Request::Host(wire::Request::CandidateTest(test))];
    };
    let is_command = state.action.kind() == Kind::Command && state.action.trial().is_none();
    if state.action.kind() != Kind::Edit && !is_command {
        app.say(Toast::warning("only an edit or a command can be tried, and this action is neither"));
        return Vec::new();
    }
    let (id, digest) = (state.action.id.clone(), state.action.digest);
    let has_dry_run = is_command && app.scene.target().is_some_and(is_infrastructure);
    // Nothing runs that has not been on the screen for a moment; a dry run, with network, needs what an approval needs.
    if (has_dry_run && !is_shown(app, "try"))
        || (is_command && !is_armed(app, &id, digest))
        || (has_dry_run && !has_seen_all(app, "try"))
    {
        return Vec::new();
    }
    match version::of(app) {
        Ok(version) => {
            let whose = if version.is_as_proposed() { "this action" } else { "your version of this action" };
            app.say(Toast::plain(if has_dry_run {
                "dry run: the tool shows what it would do".to_owned()
            } else if is_command {
                format!("running {whose} in a layer without network; nothing of it is kept")
            } else {
                format!("testing a candidate with {whose}")
            }));
            let (action, digest) = (Some(id), Some(digest));
            let (edited, hunks) = (version.edited, version.hunks);
            let test = wire::CandidateTest { action, digest, edited, hunks, cases, search: None };
            vec![Request::Host(wire::Request::CandidateTest(test))]
        }
        Err(why) => {
            app.say(Toast::warning(why));
            Vec::new()
        }
    }
}

/// Hunks are an edit's.
pub(super) fn needs_hunks(app: &App) -> Option<&'static str> {
    needs_held(app).or_else(|| {
        let has_parts = app.scene.target().is_some_and(|state| {
            let document = state.action.document();
            state.action.kind() == Kind::Edit
                || document.is_some_and(|document| document.subject == PlanSubject::Replan)
        });
        let is_coming = app.scene.products.current().is_some_and(|product| product.is_partial);
        let has_none = "this is not an edit: approve or deny it as a whole (e edits a command or a plan)";
        let coming = is_coming.then_some("the diff is still being computed: its hunks are not known yet");
        if has_parts { coming } else { Some(has_none) }
    })
}

fn needs_held(app: &App) -> Option<&'static str> {
    if app.scene.comparison.is_some() {
        return Some("a comparison is shown: Esc leads back to the item under review");
    }
    needs_control(app).or_else(|| app.scene.held_target().is_none().then_some("no action is pending here"))
}

/// The action under review, when a deliberate key may approve it now; says why not otherwise.
fn ready_to_approve(app: &mut App) -> Option<(ActionId, Digest)> {
    let (state, digest) = app.scene.held_target()?;
    let id = state.action.id.clone();
    let is_pictured = state.action.files().is_empty() || app.scene.products.whole().is_some();
    let conflicted = state.action.conflicted && !app.scene.review.edited.values().any(|text| !text.contains("<<<<<<<"));
    if !is_shown(app, "approve") || !is_armed(app, &id, digest) {
        return None;
    }
    if !is_pictured {
        app.say(Toast::warning("nothing was approved: the diff is still being computed"));
        return None;
    }
    if conflicted {
        app.say(Toast::warning("the merge left conflicts: edit the file first (e)"));
        return None;
    }
    if comment::warns_of_open(app) {
        return None;
    }
    has_seen_all(app, "approve").then_some((id, digest))
}

/// Returns whether Diff shows the action; shows it and says so if not.
fn is_shown(app: &mut App, verb: &str) -> bool {
    let is_shown = app.layout.shows(PaneId::Diff);
    if !is_shown {
        app.focus_on(PaneId::Diff);
        app.say(Toast::warning(format!("review the action before you {verb} it")));
    }
    is_shown
}

/// Returns whether the action has been on the screen for a moment; says so if not.
fn is_armed(app: &mut App, id: &ActionId, digest: Digest) -> bool {
    let armed = app.arming.check(id, digest);
    if let Err(why) = &armed {
        app.say(Toast::warning(why.reason()));
    }
    armed.is_ok()
}

/// Returns whether every line of the action was on the screen; warns once if not.
fn has_seen_all(app: &mut App, verb: &str) -> bool {
    let unseen = app.panes.diff.unseen_rows(&app.scene.review);
    let warns = unseen > 0 && !app.scene.review.unseen_warned;
    if warns {
        app.scene.review.unseen_warned = true;
        app.say(Toast::warning(format!("{unseen} unseen lines: scroll to them, or press again to {verb} anyway")));
    }
    !warns
}

fn always(app: &mut App) -> Vec<Request> {
    if offers::must_choose(&app.scene) {
        app.overlay = Some(Overlay::Choose(Choice::offers(&app.scene)));
        return Vec::new();
    }
    match Always::of(&app.scene) {
        Ok(always) => {
            let preview = Request::Host(wire::Request::Allow(always.request(true)));
            app.overlay = Some(Overlay::Always(always));
            vec![preview]
        }
        Err(why) => {
            app.say(Toast::warning(why));
            Vec::new()
        }
    }
}

/// The request that approves and makes the rule, with the care of an approval and only once its effect was shown.
pub fn send_rule(app: &mut App, always: &Always) -> Option<Request> {
    match &always.effect {
        None => app.say(Toast::warning("nothing was approved: the effect of the rule is still being computed")),
        Some(Err(_)) => app.say(Toast::warning("nothing was approved: this rule cannot be made")),
        Some(Ok(effect)) if effect.fault.is_some() => {
            app.say(Toast::warning("nothing was approved: even with this rule the action asks"));
        }
        Some(Ok(_)) => {
            let (id, digest) = ready_to_approve(app)?;
            let review = &app.scene.review;
            if always.about() != (&id, &digest) || !review.edited.is_empty() || review.network.is_some() {
                app.say(Toast::warning("nothing was approved: a rule is made from the command as proposed"));
                return None;
            }
            app.arming.decided();
            return Some(Request::Host(wire::Request::Allow(always.request(false))));
        }
    }
    None
}

fn approve(app: &mut App) -> Vec<Request> {
    if offers::must_choose(&app.scene) {
        app.overlay = Some(Overlay::Choose(Choice::offers(&app.scene)));
        return Vec::new();
    }
    let Some((id, digest)) = ready_to_approve(app) else { return Vec::new() };
    approve_after_word(app, id, digest, String::new())
}

/// Sends the answers to a form, if they fit. Words that the form has no place for follow as a note; where they answer
/// a question that the agent needs, they are all that can be sent.
fn answer_form(app: &mut App, action: ActionId, digest: Digest, said: &str) -> Vec<Request> {
    let Some(form) = form::of(&app.scene) else { return Vec::new() };
    let draft = &app.scene.review.form;
    let content = draft.content(form);
    let words: Vec<String> =
        [said.trim().to_owned()].into_iter().chain(draft.words_beside(form)).filter(|text| !text.is_empty()).collect();
    let unfinished = draft.first_unfinished(form).map(|at| (Some(at), "an answer is not finished".to_owned()));
    let misfit = form.check(&content).err().map(|misfit| (misfit.field, misfit.text));
    let is_beside = |field: &Field| field.own_words.is_none() && !draft.own_words(field).is_empty();
    let in_words = |at: usize| form.fields.get(at).is_some_and(is_beside);
    let reason = Some(words.join("\n")).filter(|text| !text.is_empty());
    let verdict = match unfinished.or(misfit) {
        None => {
            let answer = Some(Box::new(FormAnswer::Accept { content }));
            Decide { reason, answer, ..Decide::new(action, digest, Verdict::Approve) }
        }
        Some((Some(at), _)) if in_words(at) => Decide { reason, ..Decide::new(action, digest, Verdict::Redirect) },
        Some((at, why)) => {
            let text = format!("{} of {} answered: {why}", form.answered(&content), form.fields.len());
            if let Some(at) = at {
                app.panes.diff.go_to_field(at);
            }
            app.say(Toast::warning(text));
            return Vec::new();
        }
    };
    app.arming.decided();
    vec![decide(verdict)]
}

/// A form is refused: declining asks for words first, canceling does not.
pub fn refuse_form(app: &mut App, answer: FormAnswer) -> Vec<Request> {
    let Some((state, digest)) = app.scene.held_target() else { return Vec::new() };
    if answer == FormAnswer::Cancel {
        let verdict = Decide::new(state.action.id.clone(), digest, Verdict::Deny);
        app.arming.decided();
        return vec![decide(Decide { answer: Some(Box::new(answer)), ..verdict })];
    }
    ask_reason(app, Verdict::Deny, false)
}

/// Sends the approval, or asks for the word that the guard rail or the chosen option needs first.
fn approve_after_word(app: &mut App, action: ActionId, digest: Digest, said: String) -> Vec<Request> {
    if form::of(&app.scene).is_some() {
        return answer_form(app, action, digest, &said);
    }
    let guard = app.scene.held_target().and_then(|(state, _)| state.held.as_ref()?.confirm.clone());
    let option = offers::chosen(&app.scene, true).and_then(|option| option.confirm.clone());
    let purpose = match (guard, option) {
        (Some(word), _) => Purpose::Confirm { action, digest, word, said },
        (None, Some(word)) => Purpose::Option { action, digest, word, verdict: Verdict::Approve, said },
        (None, None) => return send(app, action, digest, said, None),
    };
    app.overlay = Some(Overlay::Prompt(Prompt::new(purpose, "")));
    Vec::new()
}

/// An option was picked from the list: it is what the next verdict sends. A refusal asks for its reason at once; an
/// approval needs its own key, `approves`, since Enter approves nothing.
pub fn choose_option(app: &mut App, id: &str, approves: bool) -> Vec<Request> {
    let Some(option) = offers::of(&app.scene).iter().find(|option| option.id == id).cloned() else {
        app.say(Toast::warning("nothing was decided: the action has changed"));
        return Vec::new();
    };
    if option.effect == OptionEffect::Unclear {
        app.say(Toast::warning("this option cannot be selected: its name contradicts its kind"));
        return Vec::new();
    }
    app.scene.touched.target = true;
    app.scene.review.option = Some(option.id.clone());
    if option.allows && approves {
        return approve(app);
    }
    if option.allows {
        let key = app.keymap.shown("approve").unwrap_or_default();
        app.say(Toast::plain(format!("chosen: {key} sends {}", offers::quoted(&option))));
        return Vec::new();
    }
    match (option.confirm, app.scene.held_target()) {
        (Some(word), Some((state, digest))) => {
            let action = state.action.id.clone();
            let purpose = Purpose::Option { action, digest, word, verdict: Verdict::Deny, said: String::new() };
            app.overlay = Some(Overlay::Prompt(Prompt::new(purpose, "")));
            Vec::new()
        }
        _ => ask_reason(app, Verdict::Deny, false),
    }
}

/// Lets the oldest waiting action through, with the care of an approval: it must be the one on the screen, and the
/// verdict names it.
pub(super) fn step(app: &mut App) -> Vec<Request> {
    let oldest =
        app.scene.session.actions.held().min_by_key(|state| state.times.held_at).map(|state| state.action.id.clone());
    if oldest.is_none() {
        app.say(Toast::plain("no action is pending"));
        return Vec::new();
    }
    if app.scene.target != oldest || app.scene.comparison.is_some() {
        app.scene.set_target(oldest);
        app.focus_on(PaneId::Diff);
        app.say(Toast::warning("nothing was approved: this is the oldest pending action, view it and press again"));
        return Vec::new();
    }
    approve(app)
}

/// A note was typed; whatever else is asked for still is.
pub fn send_with_note(app: &mut App, action: ActionId, digest: Digest, note: String) -> Vec<Request> {
    let same = app.scene.held_target().filter(|(state, now)| state.action.id == action && *now == digest);
    if same.is_none() {
        app.say(Toast::warning("nothing was approved: the action has changed"));
        return Vec::new();
    }
    approve_after_word(app, action, digest, note)
}

/// The word of the guard rail, or of the option, was typed.
pub fn send_confirmed(app: &mut App, action: ActionId, digest: Digest, word: String, said: String) -> Vec<Request> {
    send(app, action, digest, said, Some(word))
}

fn send(app: &mut App, action: ActionId, digest: Digest, said: String, confirm: Option<String>) -> Vec<Request> {
    let version = match version::of(app) {
        Ok(version) => version,
        Err(why) => {
            app.say(Toast::warning(why));
            return Vec::new();
        }
    };
    app.arming.decided();
    let reason = Some(said).filter(|note| !note.trim().is_empty());
    // What the user rewrote is carried out by us: no option of the agent says so.
    let option = offers::chosen(&app.scene, true).filter(|_| version.edited.is_none()).map(|o| o.id.clone());
    let network = app.scene.review.network;
    vec![decide(Decide { reason, confirm, option, network, ..version.approval(action, digest) })]
}

fn decide(decide: Decide) -> Request {
    Request::Host(wire::Request::Decide(decide))
}

/// Only actions that were under review long enough count as viewed, which is the current one; the host
/// is asked for each by its own digest.
fn approve_group(app: &mut App) -> Vec<Request> {
    let Some((id, digest)) = ready_to_approve(app) else { return Vec::new() };
    let Some(target) = app.scene.target() else { return Vec::new() };
    let (kind, step) = (target.action.kind(), target.action.step.clone());
    let guarded = |state: &crate::model::session::ActionState| state.held.as_ref().is_some_and(Held::is_guarded);
    let others: Vec<_> = app
        .scene
        .session
        .actions
        .held()
        .filter(|state| state.action.kind() == kind && state.action.step == step && !guarded(state))
        .filter(|state| !needs_choice(&state.action.options) && state.action.form().is_none())
        .filter(|state| app.scene.session.plans.sent_with(&state.action, false).next().is_none())
        .filter(|state| app.panes.inbox.has_been_read(&state.action.id))
        .map(|state| (state.action.id.clone(), state.held.as_ref().map_or(state.action.digest, |held| held.digest)))
        .filter(|(other, _)| *other != id)
        .collect();
    if offers::must_choose(&app.scene) {
        app.say(Toast::warning("choose one of the agent's options first (.): this action has no plain approval"));
        return Vec::new();
    }
    if app.scene.target().is_some_and(guarded) {
        app.say(Toast::warning("a guard-rail action cannot be approved as part of a group"));
        return Vec::new();
    }
    if form::of(&app.scene).is_some() {
        return answer_form(app, id, digest, "");
    }
    let mut requests = send(app, id, digest, String::new(), None);
    app.say(Toast::plain(format!("approved {} of this kind", others.len() + 1)));
    requests.extend(others.into_iter().map(|(action, digest)| decide(Decide::new(action, digest, Verdict::Approve))));
    requests
}

fn ask_reason(app: &mut App, verdict: Verdict, makes_rule: bool) -> Vec<Request> {
    let Some((state, digest)) = app.scene.held_target() else { return Vec::new() };
    let purpose = Purpose::Reason { action: state.action.id.clone(), digest, verdict, makes_rule };
    app.overlay = Some(Overlay::Prompt(Prompt::new(purpose, &app.scene.review.said)));
    Vec::new()
}

/// The reason of a denial or redirect was typed. A redirect without words says nothing.
pub fn send_reasoned(app: &mut App, verdict: Decide, makes_rule: bool, reason: &str) -> Vec<Request> {
    let reason = Some(reason.to_owned()).filter(|reason| !reason.trim().is_empty());
    let has_comments = app.scene.session.plans.open_comments().next().is_some();
    if verdict.verdict == Verdict::Redirect && reason.is_none() && !has_comments {
        app.say(Toast::warning("say what the agent should do instead"));
        return Vec::new();
    }
    if makes_rule && let Some(state) = app.scene.session.actions.get(&verdict.action) {
        app.overlay = Some(Overlay::Rule(Draft::new(&draft(state, reason.as_deref()))));
    }
    app.arming.decided();
    let option = offers::chosen(&app.scene, false).map(|option| option.id.clone());
    vec![decide(Decide { reason, option, ..verdict })]
}

/// The lease was confirmed in words.
pub fn send_lease(app: &mut App, lease: wire::LeaseGrant, words: &str) -> Option<Vec<Request>> {
    let bound = words.split_once(char::is_whitespace).map_or("", |(_, bound)| bound.trim());
    let cost_micros_max = if bound.is_empty() { None } else { micros(bound) };
    if !bound.is_empty() && cost_micros_max.is_none() {
        app.say(Toast::warning(format!("{bound:?} is not an amount: write it as  lease $0.50")));
        return None;
    }
    // An extended lease keeps the bound that it had.
    let cost_micros_max = cost_micros_max.or(lease.cost_micros_max);
    let lease = wire::LeaseGrant { cost_micros_max, ..lease };
    Some(vec![Request::Host(wire::Request::LeaseGrant(lease))])
}

/// An amount in dollars, such as `$0.50` or `2`.
fn micros(amount: &str) -> Option<u64> {
    let amount = amount.strip_prefix('$').unwrap_or(amount);
    let (whole, part) = amount.split_once('.').unwrap_or((amount, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 6 || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let part = format!("{part:0<6}").parse::<u64>().ok()?;
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    whole.checked_mul(1_000_000)?.checked_add(part)
}

/// Returns the editable part of the action under review: the file under the cursor, or the command line.
fn editable(app: &mut App) -> Option<(ActionId, Digest, Part, String, String)> {
    let (state, digest) = app.scene.held_target()?;
    let id = state.action.id.clone();
    let refusal = match state.action.kind() {
        Kind::Command => {
            let line = state.action.command()?.line();
            let text = app.scene.review.edited.get(&None).cloned().unwrap_or(line);
            return Some((id, digest, Part::Text, "command.sh".to_owned(), text));
        }
        Kind::Edit => {
            let at = app.panes.diff.file_under_cursor();
            let file = state.action.files().get(at);
            match file.map(|file| (file, version::of_file(app, at, file))) {
                Some((file, Some(text))) => {
                    return Some((id, digest, Part::File(at), file.path.name().to_owned(), text));
                }
                Some((_, None)) => "this file is deleted, not UTF-8, or too long to edit here",
                None => "no file here",
            }
        }
        Kind::Plan if state.action.document().is_some_and(PlanDocument::is_plan) => {
            let text = state.action.document().map(|document| document.text.clone()).unwrap_or_default();
            let text = app.scene.review.edited.get(&None).cloned().unwrap_or(text);
            return Some((id, digest, Part::Text, "plan.md".to_owned(), text));
        }
        Kind::Read | Kind::Network | Kind::Plan | Kind::Other => "only edits, commands and plans can be edited",
    };
    app.say(Toast::warning(refusal));
    None
}

fn edit_inline(app: &mut App) -> Vec<Request> {
    if let Some((action, digest, part, name, text)) = editable(app) {
        app.overlay = Some(Overlay::Edit(Editor::new(action, digest, part, &name, &text)));
    }
    Vec::new()
}

fn edit_external(app: &mut App) -> Vec<Request> {
    editable(app).map_or_else(Vec::new, |(action, digest, part, name, text)| {
        vec![Request::Editor { of: EditorOf::Action { action, digest, part }, name, text }]
    })
}
