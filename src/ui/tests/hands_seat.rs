//! Tests of what a client keeps correct for its user: control, the host's silence, ages, reasons, what was read.

use super::hands::{read_it, verdicts};
use super::stage::{MORE, SESSION, Stage};
use crate::ui::app::Msg;
use crate::ui::layout::PaneId;
use crate::ui::view::ages;
use crate::wire;

/// Control is asked for on purpose, and whoever loses it sees that at once.
#[test]
fn control_is_asked_for_by_a_key_and_its_loss_is_seen() {
    let mut stage = Stage::set(120, 40, "dark");
    let head = stage.app.scene.session.head;
    stage.send(Msg::Linked { client: "c2".into(), control: false, head, recent: false });
    stage.command("take-control");
    assert_eq!(stage.asked, [wire::Request::Control(wire::SetControl { wish: wire::ControlWish::Ask })]);
    let change = |seq: u64, client: &str, what: &str| {
        format!(r#"{{"seq":{seq},"at":1764000200000,"kind":"client_changed","client":"{client}","what":"{what}"}}"#)
    };
    stage.receive(&[change(900, "c1", "lost_control"), change(901, "c2", "took_control")].join("\n"));
    assert!(stage.app.scene.has_control());
    stage.receive(&change(902, "c3", "took_control"));
    stage.draw();
    assert!(!stage.app.scene.has_control() && stage.text().contains("no control"), "{}", stage.text());
}

/// The keys for the conversation and for the log work at every size, also where the pane is not on the screen.
#[test]
fn the_transcript_is_shown_wherever_it_was() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let mut stage = Stage::set(width, height, "dark");
        stage.command("swap");
        assert!(stage.text().contains("7 Talk"), "{width}x{height}\n{}", stage.text());
        let note = |seq: u64, what: &str, text: &str| {
            format!(r#"{{"seq":{seq},"at":1764000300000,"kind":"agent_noted","what":"{what}","text":"{text}"}}"#)
        };
        stage.receive(&note(900, "stderr", "DeprecationWarning: punycode"));
        assert!(!stage.text().contains("punycode"), "stderr is no part of the talk: {}", stage.text());
        stage.command("agent-log");
        assert!(stage.text().contains("DeprecationWarning: punycode"), "{}", stage.text());
    }
}

/// Esc in a redirect, a denial or a note keeps what was typed for it.
#[test]
fn the_words_of_a_verdict_that_was_left_are_there_again() {
    let mut stage = Stage::set(120, 40, "dark");
    stage.command("redirect");
    stage.type_text("use the other file");
    stage.press("esc");
    assert!(verdicts(&stage).is_empty() && !stage.text().contains("use the other file"));
    stage.command("redirect");
    assert!(stage.text().contains("use the other file"), "{}", stage.text());
    stage.press("enter");
    assert_eq!(verdicts(&stage)[0].2.as_deref(), Some("use the other file"));
}

/// What happens while a pane is not on the screen is in it when it comes back.
#[test]
fn a_pane_that_was_away_shows_what_came_meanwhile() {
    let mut stage = Stage::set(80, 24, "dark");
    stage.command("focus-talk");
    stage.command("focus-diff");
    stage.receive(r#"{"seq":950,"at":1764000300000,"kind":"said","by":"repair","text":"said while away"}"#);
    stage.draw();
    assert!(!stage.text().contains("said while away"));
    stage.command("focus-talk");
    stage.command("bottom");
    assert!(stage.text().contains("said while away"), "{}", stage.text());
}

/// A reason is given once: neither the title nor a path is said again below itself.
#[test]
fn the_why_pane_does_not_repeat_itself() {
    let mut stage = Stage::set(200, 60, "dark");
    let digest = crate::base::Digest::of(b"why");
    let evidence = r#"[{"kind":"line","text":"lib/calc.py","ref":"lib/calc.py"}]"#;
    let proposed = format!(
        r#"{{"seq":901,"at":1764000300000,"kind":"proposed","action":{{"id":"a21","revision":1,"kind":"edit","digest":"{digest}","title":"Edit lib/calc.py","rationale":{{"text":"it subtracts","evidence":{evidence}}},"files":[{{"path":"lib/calc.py","change":"modify","before":"a\n","after":"b\n"}}]}}}}"#
    );
    let held =
        format!(r#"{{"seq":902,"at":1764000300000,"kind":"held","action":"a21","revision":1,"digest":"{digest}"}}"#);
    stage.receive(&[proposed, held].join("\n"));
    while stage.app.scene.target.as_ref().is_none_or(|id| id.as_str() != "a21") {
        stage.command("next-pending");
    }
    stage.draw();
    let why = stage.app.panes.get(PaneId::Why);
    let rows: Vec<String> = (0..why.rows()).map(|row| why.row_text(&stage.app.scene, row)).collect();
    let count = rows.iter().filter(|row| row.contains("calc.py")).count();
    assert_eq!(count, 1, "{rows:#?}");
}

/// An age is true by the minute: the next change of it is known, and drawn when it comes.
#[test]
fn the_age_of_what_waits_moves_on_by_itself() {
    let mut stage = Stage::set(120, 40, "dark");
    assert!(stage.text().contains("<1m"), "{}", stage.text());
    let due = ages::change_at_ms(&stage.app).expect("something is pending");
    let now = stage.app.scene.now_ms;
    assert!(due > now && due - now <= 60_000, "{now} {due}");
    stage.pass(due - now);
    stage.send(Msg::AgesDue);
    stage.draw();
    assert!(stage.text().contains(" 1m"), "{}", stage.text());
    let next = ages::change_at_ms(&stage.app).unwrap();
    assert_eq!(next - stage.app.scene.now_ms, 60_000, "not more than once a minute, however many ages there are");
}

/// Where no age is on the screen, nothing wakes.
#[test]
fn without_an_age_on_the_screen_nothing_is_due() {
    let mut stage = Stage::empty(120, 40, "dark");
    assert_eq!(ages::change_at_ms(&stage.app), None, "there is no session yet");
    stage.receive(SESSION);
    stage.draw();
    assert!(ages::change_at_ms(&stage.app).is_some());
    stage.receive(r#"{"seq":9000,"at":1790000000000,"kind":"session_ended","outcome":"done","report":""}"#);
    let held: Vec<_> = stage.app.scene.session.actions.held().map(|state| state.action.id.clone()).collect();
    for (at, id) in held.iter().enumerate() {
        let seq = 9001 + at;
        stage.receive(&format!(r#"{{"seq":{seq},"at":1790000000000,"kind":"lapsed","action":"{id}","why":"killed"}}"#));
    }
    stage.draw();
    assert_eq!(ages::change_at_ms(&stage.app), None, "{}", stage.text());
}

/// What is pending leads to its step and its words, the list of what happened to each moment, and one key leads back.
#[test]
fn links_are_followed_and_lead_back() {
    let mut stage = Stage::set(120, 40, "dark");
    let target = stage.app.scene.target.clone().unwrap();
    stage.press("g z");
    let text = stage.text();
    assert!(text.contains("Related to a7") && text.contains("step  ") && text.contains("evidence"), "{text}");
    stage.press("down enter");
    stage.draw();
    assert_eq!(stage.app.focus, PaneId::Plan, "{}", stage.text());
    stage.press("g l");
    stage.draw();
    assert!(stage.text().contains("The session so far") && stage.text().contains("a7 pending"), "{}", stage.text());
    stage.press("up up up up enter");
    stage.draw();
    stage.press("backspace backspace");
    stage.draw();
    assert_eq!((stage.app.focus, stage.app.scene.target.clone()), (PaneId::Diff, Some(target)));
    stage.press("backspace");
    assert!(stage.text().contains("no link was followed"), "{}", stage.text());
}

/// A list that is open grows with the session, and stays where the user is in it.
#[test]
fn the_list_of_what_happened_is_live() {
    let mut stage = Stage::set(120, 40, "dark");
    stage.press("g l");
    stage.receive(MORE);
    stage.draw();
    let text = stage.text();
    assert!(text.contains("The session so far") && text.contains("a8 pending"), "{text}");
}

#[test]
fn a_host_that_does_not_answer_is_reported_until_it_does() {
    let mut stage = Stage::set(120, 40, "dark");
    stage.send(Msg::Silent(Some(4711)));
    stage.press("j");
    stage.draw();
    let text = stage.text();
    assert!(text.contains("host silent") && text.contains("process 4711"), "{text}");
    stage.send(Msg::Speaks);
    stage.draw();
    assert!(!stage.text().contains("host silent"), "{}", stage.text());
}

/// A plan is text: it counts as read when its end was on the screen, and the key that answered something else does not
/// approve it.
#[test]
fn a_long_plan_is_not_approved_unread() {
    let mut stage = Stage::set(80, 24, "dark");
    let digest = crate::base::Digest::of(b"plan");
    let text: String = (1..=60).map(|n| format!("{n}. step number {n} of the plan\\n")).collect();
    let event = |seq: u64, rest: String| format!(r#"{{"seq":{seq},"at":1764000300000,{rest}}}"#);
    let steps = r#""steps":[{"id":"s1","title":"short","status":"pending"}]"#;
    let events = [
        event(33, format!(r#""kind":"plan_revised","revision":9,"by":"agent",{steps}"#)),
        event(
            34,
            format!(
                r#""kind":"proposed","action":{{"id":"a20","revision":1,"kind":"plan","digest":"{digest}","title":"Approve Plan","rationale":{{"text":"{text}","evidence":[]}}}}"#
            ),
        ),
        event(35, format!(r#""kind":"held","action":"a20","revision":1,"digest":"{digest}""#)),
    ];
    stage.receive(&events.join("\n"));
    stage.draw();
    while stage.app.scene.target.as_ref().is_none_or(|id| id.as_str() != "a20") {
        stage.command("next-pending");
    }
    stage.pass(2_000);
    stage.press("3");
    stage.draw();
    stage.command("approve");
    assert!(verdicts(&stage).is_empty(), "its end was not on the screen: {}", stage.text());
    read_it(&mut stage);
    assert!(stage.text().contains("step number 60"), "{}", stage.text());
    stage.pass(2_000);
    stage.command("approve");
    assert_eq!(verdicts(&stage).len(), 1, "{}", stage.text());
}
