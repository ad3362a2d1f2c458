//! The agent's own options: named in the line of keys, listed with their effects, and sent by choice.

use crate::external::{heard, open_at};
use crate::screen::Hosts;
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::json;

at_every_size!(options_are_sent_by_choice_and_never_by_position);

fn options_are_sent_by_choice_and_never_by_position(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let plan = |id: &str| {
        json!({"toolCallId": id, "title": "Ready to code?", "kind": "switch_mode",
            "content": [{"type": "content", "content": {"type": "text", "text": "1. look\n2. fix"}}]})
    };
    let option = |id: &str, name: &str, kind: &str| json!({"optionId": id, "name": name, "kind": kind});
    let kimi = json!([
        option("one", "Rewrite the parser", "allow_once"),
        option("two", "Patch the lexer", "allow_once"),
        option("revise", "Revise", "reject_once"),
        option("out", "Reject and exit plan mode", "reject_once")
    ]);
    let qwen = json!([
        option("restore", "Yes, restore previous mode (yolo)", "allow_once"),
        option("once", "Yes", "allow_once"),
        option("no", "No, keep planning", "reject_once")
    ]);
    let ask = |id: &str, options: &serde_json::Value| json!({"permission": plan(id), "options": options, "then": [], "else": []});
    let mut screen =
        open_at(&room, &json!({"turns": [[ask("t1", &kimi), ask("t2", &qwen), ask("t3", &qwen)]]}), "gated", size);
    screen.wait_for("a choose an option");
    screen.command("approve");
    screen.wait("the list", |text| text.contains("The options differ") && text.contains("refuses, changes the mode"));
    screen.press("j");
    screen.press("enter");
    screen.wait_for("a sends “Patch the lexer”");
    screen.consent("approve", "the default is named", |text| text.contains("a “Yes”"));
    screen.wait_for("d “No, keep pla");
    screen.command("options");
    screen.wait_for("changes the mode · type mode");
    screen.press("k");
    screen.consent("approve", "the word is asked for", |text| text.contains("This option does more than answer once"));
    screen.type_text("mode");
    screen.press("enter");
    screen.wait_gone("This option does more");
    screen.wait_for("a “Yes”");
    screen.command("deny");
    screen.wait_for("Deny: why?");
    screen.press("enter");
    screen.wait_idle();
    let sent: Vec<_> = heard(&room)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.pointer("/result/outcome/optionId").cloned())
        .collect();
    assert_eq!(sent, [json!("two"), json!("restore"), json!("no")]);
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(&room, &only_session(&room));
}
