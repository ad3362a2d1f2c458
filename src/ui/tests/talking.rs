//! Tests of a conversation by its keys: the composer beside pending actions, and what is said on the screen.

use super::stage::{SESSION, Stage};
use crate::ui::app::toast::Toast;
use crate::ui::panes::Pane as _;
use crate::ui::terminal::{Input, Key};
use crate::wire;

/// Where an action waits, the composer closes after the message; what is typed on decides nothing.
#[test]
fn letters_after_a_message_decide_nothing() {
    let mut stage = Stage::set(80, 24, "dark");
    stage.command("compose");
    stage.type_text("one");
    stage.press("enter");
    assert!(!stage.app.composer.open, "{}", stage.text());
    stage.asked.clear();
    stage.pass(500);
    stage.type_text("add a, deny, step, ask now");
    assert!(stage.asked.is_empty() && stage.others.is_empty(), "{:?} {:?}", stage.asked, stage.others);
    assert!(stage.app.overlay.is_none(), "{}", stage.text());
    assert!(stage.text().contains("nothing was decided"), "{}", stage.text());
    // Esc ends that, and the composer's key goes on with the conversation.
    stage.send(crate::ui::app::Msg::Input(Input::Key { key: Key::parse("esc").unwrap(), held: false }));
    stage.type_text("i and on");
    assert_eq!(stage.app.composer.entry.text(), " and on");
    stage.press("C-u enter");
    stage.type_text("i too");
    assert_eq!(stage.app.composer.entry.text(), " too");
    stage.press("esc");
    stage.command("deny");
    assert!(stage.app.overlay.is_some());
}

/// Without a pending action the next message is typed at once.
#[test]
fn the_composer_stays_open_after_a_message() {
    let mut stage = Stage::empty(80, 24, "dark");
    stage.command("compose");
    stage.type_text("one");
    stage.press("enter");
    stage.type_text("add");
    assert_eq!(stage.app.composer.entry.text(), "add");
    stage.receive(SESSION);
    stage.draw();
    stage.pass(2_000);
    stage.type_text("a d");
    assert!(stage.app.composer.open && stage.decided().is_empty());
    assert!(stage.text().contains("7 Talk"), "what is being written is not disturbed: {}", stage.text());
    assert!(stage.text().contains("Esc to the keys of a7"), "{}", stage.text());
    stage.press("esc");
    assert!(!stage.app.composer.open && stage.app.composer.entry.text() == "adda d");
}

/// What was said before moves away when a question comes, and what is said later does not cover its keys.
#[test]
fn the_keys_of_a_pending_action_are_never_covered() {
    for (width, height) in [(50, 20), (80, 24), (120, 40), (200, 50)] {
        let mut stage = Stage::empty(width, height, "dark");
        stage.app.say(Toast::warning("an old warning"));
        stage.receive(SESSION);
        stage.draw();
        let old = stage.text();
        stage.app.say(Toast::warning("a new warning"));
        stage.draw();
        for (text, words) in [(old, "an old warning"), (stage.text(), "a new warning")] {
            let last = text.trim_end().lines().last().unwrap_or_default();
            assert!(text.contains(words) && last.contains("a approve"), "{text}");
        }
    }
}

fn said(stage: &mut Stage, by: &str, text: &str) {
    let seq = stage.app.scene.session.head.0 + 1;
    let line =
        serde_json::json!({"seq": seq, "at": 1_764_000_100_000_u64 + seq, "kind": "said", "by": by, "text": text});
    stage.receive(&line.to_string());
    stage.draw();
}

/// The cells on the screen that have the background of a match.
fn matches(stage: &Stage) -> usize {
    let background = stage.app.scene.look.style(crate::ui::theme::Role::Match).bg;
    let screen = &stage.screen;
    screen.shown().content.iter().filter(|cell| Some(cell.bg) == background).count()
}

/// Matches are marked and counted, as rendered and as written.
#[test]
fn a_search_in_the_conversation_marks_and_counts() {
    let mut stage = Stage::empty(100, 30, "dark");
    said(&mut stage, "human", "what does ADD do?");
    said(&mut stage, "agent", "**add** subtracts.\n\nUse `add` with care.");
    stage.command("focus-talk");
    stage.command("search");
    stage.type_text("add");
    stage.press("enter");
    assert!(stage.text().contains("add: 1 of 3"), "{}", stage.text());
    assert_eq!(matches(&stage), 9, "{}", stage.text());
    stage.command("next-hunk");
    assert!(stage.text().contains("add: 2 of 3"), "{}", stage.text());
    stage.command("previous-hunk");
    stage.command("previous-hunk");
    assert!(stage.text().contains("add: 3 of 3"), "{}", stage.text());
    stage.command("diff-view");
    stage.command("search");
    stage.type_text("**add");
    stage.press("enter");
    assert!(stage.text().contains("**add: 1 of 1"), "{}", stage.text());
}

const DONE_AT: u64 = 1_764_000_060_000;

/// The pending edit is approved and carried out.
fn decided_and_done(stage: &mut Stage) {
    let head = stage.app.scene.session.head.0;
    let digest = stage.app.scene.session.actions.get(&"a7".into()).unwrap().action.digest;
    let file = serde_json::json!({"path": "src/tokens.rs", "change": "modify", "before": digest, "after": digest});
    let events = [
        serde_json::json!({"seq": head + 1, "at": DONE_AT, "kind": "decided", "action": "a7", "revision": 1,
            "digest": digest, "verdict": "approve", "by": {"human": "c1"}}),
        serde_json::json!({"seq": head + 2, "at": DONE_AT, "kind": "started", "action": "a7",
            "executor": "supervisor"}),
        serde_json::json!({"seq": head + 3, "at": DONE_AT, "kind": "finished", "action": "a7", "outcome": "ok",
            "files": [file]}),
    ];
    stage.receive(&events.map(|event| event.to_string()).join("\n"));
    stage.draw();
}

/// An undo says what it undoes, and that it can be undone.
#[test]
fn an_undo_says_what_it_does() {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut stage = Stage::set(width, height, "dark");
        decided_and_done(&mut stage);
        stage.command("undo");
        assert!(stage.text().contains("undoing a7; the undo can be undone too"), "{}", stage.text());
        assert!(matches!(stage.asked.last(), Some(wire::Request::Undo(undo)) if undo.action.as_str() == "a7"));
    }
}

/// What a key does is seen at once, also on a small screen.
#[test]
fn keys_without_a_picture_of_their_own_say_what_they_did() {
    let mut stage = Stage::set(80, 24, "dark");
    stage.command("explain");
    assert!(stage.text().contains("asked the agent to explain a7"), "{}", stage.text());
    let head = stage.app.scene.session.head.0;
    stage.command("pause");
    stage.receive(&format!(r#"{{"seq":{},"at":1764000100000,"kind":"frozen","why":"paused by the user"}}"#, head + 1));
    stage.press("F12");
    stage.draw();
    stage.command("leave");
    let text = stage.text();
    assert!(text.contains("p resume"), "{text}");
    stage.command("compose");
    assert!(stage.text().contains("is queued until p resumes it"), "{}", stage.text());
}

/// Nothing of a list runs into its neighbor.
#[test]
fn lists_keep_their_columns_apart() {
    let mut stage = Stage::set(80, 24, "dark");
    let long = "a name that is much longer than the column that a list of options has for it";
    let ready = serde_json::json!({"seq": 33, "at": 1_764_000_100_000_u64, "kind": "agent_ready",
        "agent": stage.app.scene.session.agent.ready.agent,
        "options": [{"id": "x", "name": long, "value": "some value", "choices": []}]});
    stage.receive(&ready.to_string());
    stage.draw();
    stage.command("agent");
    let text = stage.text();
    assert!(text.contains("…  some value"), "{text}");
    stage.press("esc");
    stage.command("palette");
    stage.type_text("approve-group");
    assert!(stage.text().contains("been viewed"), "{}", stage.text());
}

/// An action's row says its size, result, and who decided what and when; it unfolds, and goes into a message.
#[test]
fn an_action_in_the_conversation_says_what_became_of_it() {
    let mut stage = Stage::set(120, 40, "dark");
    decided_and_done(&mut stage);
    stage.command("focus-talk");
    stage.command("zoom");
    let text = stage.text();
    let clock = stage.app.scene.clock(crate::base::UnixMs(DONE_AT));
    let row = text.lines().find(|line| line.contains(" a7 ")).unwrap_or_default();
    assert!(row.contains(&format!("approved by you {clock}")) && row.contains(" step "), "{text}");
    assert!(row.contains('+') && row.contains('−'), "{text}");
    while stage.app.panes.talk.action().is_none_or(|id| id.as_str() != "a7") {
        stage.command("up");
    }
    let folded = stage.app.panes.talk.rows();
    stage.command("fold");
    assert!(stage.app.panes.talk.rows() > folded && stage.text().contains("@@"), "{}", stage.text());
    stage.command("fold");
    assert_eq!(stage.app.panes.talk.rows(), folded);
    stage.command("mention");
    stage.type_text("why?");
    assert!(stage.app.composer.open);
    assert_eq!(stage.app.composer.entry.text(), "@a7 why?");
}

/// What was sent for the end of a step says so until the agent goes on.
#[test]
fn a_message_for_the_end_of_a_step_is_marked_until_it_is_received() {
    let mut stage = Stage::empty(100, 30, "dark");
    stage.receive(r#"{"seq":1,"at":1764000000000,"kind":"turn_started","turn":"t1"}"#);
    said(&mut stage, "human", "begin");
    said(&mut stage, "agent", "on it");
    stage.command("focus-talk");
    assert!(!stage.text().contains("after this step"), "{}", stage.text());
    said(&mut stage, "human", "and the docs");
    assert!(stage.text().contains("sent after this step"), "{}", stage.text());
    said(&mut stage, "agent", "the docs, too");
    assert!(!stage.text().contains("after this step"), "{}", stage.text());
}

/// No marks of Markdown where the text has no lines of its own.
#[test]
fn reasons_are_shown_without_their_marks() {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut stage = Stage::pending((width, height), |action| {
            action["rationale"]["text"] = "## Cause\n\nThe **bound** in `peek` is _off_.".into();
        });
        assert!(!stage.text().contains("**") && !stage.text().contains('`'), "{}", stage.text());
        stage.command("focus-why");
        let text = stage.text();
        assert!(text.contains("The bound in peek is off.") && !text.contains("**"), "{text}");
    }
}

/// The turn ends with an answer while its last item is pending: once that is decided the answer is there without a key.
#[test]
fn the_answer_is_shown_once_the_last_item_of_its_turn_is_decided() {
    let mut stage = Stage::set(80, 24, "dark");
    let digest = stage.app.scene.session.actions.get(&"a7".into()).unwrap().action.digest;
    let receive = |stage: &mut Stage, event: serde_json::Value| {
        let session = &stage.app.scene.session;
        let mut envelope = serde_json::json!({"seq": session.head.next(), "at": session.at});
        event.as_object().unwrap().iter().for_each(|(key, value)| envelope[key] = value.clone());
        stage.receive(&envelope.to_string());
        stage.draw();
    };
    receive(&mut stage, serde_json::json!({"kind": "said", "by": "agent", "text": "**All** is done."}));
    receive(&mut stage, serde_json::json!({"kind": "turn_ended", "turn": "t1", "reason": "end_turn"}));
    assert!(stage.text().contains("3 Diff  a7"), "the pending item stays: {}", stage.text());
    let decided = serde_json::json!({"kind": "decided", "action": "a7", "revision": 1, "digest": digest,
        "verdict": "deny", "by": {"human": "c1"}});
    receive(&mut stage, decided);
    assert!(stage.text().contains("7 Talk") && stage.text().contains("All is done."), "{}", stage.text());
}
