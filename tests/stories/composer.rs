//! The composer: what is written is kept, edited, and arrives as it was written.

use crate::external::open_at;
use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::{Value, json};

at_every_size!(a_message_of_several_lines_is_written_kept_and_sent);

fn quit(screen: Screen, room: &Room, hosts: Hosts<'_>) {
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(room, &only_session(room));
}

/// The prompts that the agent received, each as its blocks.
fn prompts(room: &Room) -> Vec<Vec<Value>> {
    let heard = std::fs::read_to_string(room.dir.path().join("heard.jsonl")).unwrap_or_default();
    let messages = heard.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let prompts = messages.filter(|message| message["method"] == "session/prompt");
    prompts.filter_map(|message| message["params"]["prompt"].as_array().cloned()).collect()
}

fn text_of(blocks: &[Value]) -> String {
    blocks.iter().filter_map(|block| block["text"].as_str()).collect()
}

/// The letters of the verdicts are text here, Esc keeps what was written, and every key for it makes a new line.
fn a_message_of_several_lines_is_written_kept_and_sent(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let mut screen = open_at(&room, &json!({"turns": [[{"say": "ready"}], [{"say": "it came"}]]}), "gated", size);
    screen.wait_for("ready");
    screen.wait_idle();
    screen.command("compose");
    screen.wait("when it is sent, always visible", |text| text.contains("queue") && text.contains("Enter send"));
    screen.type_text("a d r s");
    screen.press("A-enter");
    screen.type_text("second\\");
    screen.press("enter");
    screen.type_text("thirdX");
    screen.press("C-_ C-j");
    screen.type_text("fourth");
    screen.wait("every line is shown", |text| {
        ["a d r s", "second", "third", "fourth"].iter().all(|line| text.contains(line)) && !text.contains("thirdX")
    });
    screen.press("esc");
    screen.wait_for("the draft is kept");
    screen.wait_gone("Enter send");
    screen.command("compose");
    screen.press("tab");
    screen.wait_for("after this step");
    screen.press("tab");
    screen.wait("now", |text| text.lines().any(|line| line.trim_end().ends_with(" now")));
    screen.press("tab enter");
    screen.wait_for("it came");
    let sent = prompts(&room);
    assert_eq!(text_of(sent.last().unwrap()), "a d r s\nsecond\nthird\nfourth");
    quit(screen, &room, hosts);
}
