//! A form of an agent on the screen: answered by choice and in own words, on one page, at every size and in lines.

use crate::external::{heard, open_at, open_with};
use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::{Value, json};

at_every_size!(a_form_is_answered_by_choice_and_in_own_words);

fn script() -> Value {
    let schema = json!({"type": "object", "required": ["question_1"], "properties": {
        "question_0": {"type": "string", "title": "Which database?", "oneOf": [
            {"const": "Postgres", "description": "a server"}, {"const": "SQLite", "description": "one file"}]},
        "question_0_custom": {"type": "string", "title": "Other"},
        "question_1": {"type": "array", "title": "Which tests?", "items": {"anyOf": [{"const": "unit"}, {"const": "e2e"}]}}}});
    let ask = json!({"ask": "elicitation/create", "params": {"sessionId": "fake-1", "mode": "form",
        "message": "Before I start", "requestedSchema": schema}});
    json!({"turns": [[ask, {"say": "thank you"}]]})
}

fn answer(screen: &mut Screen, room: &Room) {
    screen.wait_for("Before I start");
    screen.command("focus-diff");
    screen.wait_for("2 ( ) SQLite");
    screen.command("next-hunk");
    screen.press("2");
    screen.wait_for("(x) SQLite");
    screen.press("i");
    screen.wait_for("In your own words");
    screen.type_text("a single file, and d");
    screen.press("enter");
    screen.wait_for("send 1 of 2 answers");
    screen.command("next-hunk");
    screen.press("1");
    screen.wait_for("send 2 of 2 answers");
    screen.command("bottom");
    screen.consent("approve", "the answers are sent", |_| heard(room).contains("\"action\":\"accept\""));
    screen.wait_for("thank you");
    let sent: Vec<Value> = heard(room)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message.pointer("/result/content").cloned())
        .collect();
    let content = json!({"question_0": "SQLite", "question_0_custom": "a single file, and d", "question_1": ["unit"]});
    assert_eq!(sent, [content]);
}

fn a_form_is_answered_by_choice_and_in_own_words(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let mut screen = open_at(&room, &script(), "gated", size);
    answer(&mut screen, &room);
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(&room, &only_session(&room));
}

#[test]
fn a_form_is_answered_in_lines() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let mut screen = open_with(&room, &script(), &["--isolation", "copy", "--linear"], (80, 24));
    screen.wait_for("Before I start");
    screen.command("focus-diff");
    screen.wait_for("SQLite");
    screen.command("next-hunk");
    screen.press("2");
    screen.wait_for("(x) SQLite");
    screen.command("next-hunk");
    screen.press("1");
    screen.wait_for("[x] unit");
    screen.command("bottom");
    screen.consent("approve", "the answers are sent", |_| heard(&room).contains("\"action\":\"accept\""));
    screen.wait_for("thank you");
    screen.command("quit");
    assert_eq!(screen.gone("quit").exit_code(), 0);
    hosts.wait_for_none();
}

/// A form in own words, a rule at the prompt and a message, without a screen.
#[test]
fn a_conversation_is_held_in_lines() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let schema = json!({"type": "object", "properties": {
        "question_0": {"type": "string", "title": "Which database?", "oneOf": [{"const": "Postgres"}, {"const": "SQLite"}]},
        "question_0_custom": {"type": "string", "title": "Other"}}});
    let ask = json!({"ask": "elicitation/create", "params": {"sessionId": "fake-1", "mode": "form",
        "message": "Before I start", "requestedSchema": schema}});
    let run = |name: &str| json!({"run": "touch", "args": [name], "then": [], "else": []});
    let turns =
        json!([[ask, run("one"), run("one"), {"say": "both ran"}], [{"say": "it came"}], [{"say": "next came"}]]);
    let mut screen = open_with(&room, &json!({"turns": turns}), &["--isolation", "gated", "--linear"], (100, 40));
    screen.wait_for("Before I start");
    screen.command("focus-diff");
    screen.wait_for("SQLite");
    screen.command("next-hunk");
    screen.press("i");
    screen.wait_for("own words");
    screen.type_text("a file, and d");
    screen.press("enter");
    screen.wait_for("a file, and d");
    screen.command("bottom");
    screen.consent("approve", "the answers are sent", |_| heard(&room).contains("\"action\":\"accept\""));
    screen.wait_for("touch one");
    screen.command("always");
    screen.wait_for("make a rule");
    screen.consent("approve", "the second command runs unasked", |text| text.contains("both ran"));
    assert!(room.exists("one"));
    screen.command("compose");
    screen.type_text("thank yous");
    screen.wait_for("> thank yous");
    screen.press("backspace");
    screen.wait_gone("thank yous");
    screen.press("enter");
    screen.wait_for("it came");
    // A message of one letter that is sent before the next picture is no letter that is taken back.
    screen.send(b"k\r");
    screen.wait_for("next came");
    // It is open for the next message.
    screen.type_text("and then");
    screen.wait_for("and then");
    screen.press("esc");
    screen.wait_for("the draft is kept");
    let sent: Vec<Value> = heard(&room)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message.pointer("/result/content/question_0_custom").cloned())
        .collect();
    assert_eq!(sent, ["a file, and d"]);
    screen.command("quit");
    assert_eq!(screen.gone("quit").exit_code(), 0);
    hosts.wait_for_none();
    assert_verifies(&room, &only_session(&room));
}
