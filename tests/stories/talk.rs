//! The conversation: an agent's answer is on the screen without a key, rendered, and copied as it is written.

use crate::external::open_at;
use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use base64::Engine as _;
use serde_json::json;

at_every_size!(
    an_answer_in_markdown_is_seen_without_a_key,
    a_question_takes_the_place_and_gives_it_back,
    a_script_that_is_over_answers_and_queues_nothing,
);

/// A message to a session whose agent has finished is answered, not queued for ever.
fn a_script_that_is_over_answers_and_queues_nothing(size: (u16, u16)) {
    let room = Room::with(&[("script.jsonl", "{\"say\": \"first and last\"}\n")]);
    let hosts = Hosts(&room);
    let mut screen = Screen::open(&room, &["--agent", "script:script.jsonl", "go"], size);
    screen.wait_for("first and last");
    screen.wait_idle();
    screen.command("compose");
    screen.wait_for("the agent has finished");
    for text in ["are you there?", "and now?"] {
        screen.type_text(text);
        screen.press("enter");
        screen.wait(text, |shown| shown.contains(&format!("› {text}")));
        screen.wait_for("The script is over and takes no messages");
        screen.wait_gone("queued");
    }
    quit(screen, &room, hosts);
}

fn quit(screen: Screen, room: &Room, hosts: Hosts<'_>) {
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(room, &only_session(room));
}

/// Text that comes in pieces which cut words and marks in two.
fn an_answer_in_markdown_is_seen_without_a_key(size: (u16, u16)) {
    let room = Room::with(&[("calc.py", "x = 1\n")]);
    let hosts = Hosts(&room);
    let answer = json!([
        {"say": "## Wh"}, {"say": "at it does\n\nIt adds **two** num"}, {"say": "bers: see [the do"},
        {"say": "cs](https://docs.example/add).\n\n- fir"}, {"say": "st\n- second\n\n| file | lines |\n|:--|--:|\n| calc"},
        {"say": ".py | 1 |\n\n```py"}, {"say": "thon\nx = 1\n```\n"}
    ]);
    let script = json!({"turns": [answer, [{"say": "**Yes**, it is."}]]});
    let mut screen = open_at(&room, &script, "gated", size);
    screen.wait("the whole answer, rendered", |text| {
        ["What it does", "It adds two numbers: see the docs (https://docs.example/add).", "• first", "• second"]
            .iter()
            .all(|words| text.contains(words))
            && text.contains("calc.py │     1")
            && text.contains("x = 1")
    });
    // The widest layout has the transcript beside it, as written.
    assert!(size.0 >= 160 || !screen.text().contains("**two**"), "{}", screen.picture());
    screen.command("focus-talk");
    screen.command("diff-view");
    screen.wait_for("It adds **two** numbers");
    screen.command("diff-view");
    screen.wait_for("It adds two numbers");
    screen.command("compose");
    screen.type_text("really?");
    screen.press("enter");
    screen.wait("the question and its answer", |text| text.contains("› really?") && text.contains("Yes, it is."));
    screen.command("up");
    screen.command("yank");
    screen.wait_for("copied");
    let source = base64::engine::general_purpose::STANDARD.encode("**Yes**, it is.");
    assert!(screen.copied().contains(&source), "{:?}", screen.copied());
    quit(screen, &room, hosts);
}

/// What waits for a decision is shown when it comes; the answer after it is shown when the turn ends.
fn a_question_takes_the_place_and_gives_it_back(size: (u16, u16)) {
    let room = Room::with(&[("calc.py", "x = 1\n")]);
    let hosts = Hosts(&room);
    let script = json!({"turns": [[
        {"say": "I change *one* line.\n\n"},
        {"ask": "fs/write_text_file", "params": {"sessionId": "fake-1", "path": "$CWD/calc.py", "content": "x = 2\n"}},
        {"say": "It is **two** now."}
    ]]});
    let mut screen = open_at(&room, &script, "gated", size);
    screen.wait_for("edit calc.py");
    screen.approve("the change waits and is approved", |text| text.contains("It is two now."));
    assert!(screen.text().contains("I change one line."), "{}", screen.picture());
    assert!(screen.text().contains("edit calc.py"), "what was done is in the conversation: {}", screen.picture());
    // Enter on the action leads to its change.
    (0..3).for_each(|_| screen.command("up"));
    screen.command("open");
    screen.wait_for("+ x = 2");
    quit(screen, &room, hosts);
}
