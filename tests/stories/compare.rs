//! Journey "look at more than one change": the session, a step and the last commit in the Diff pane; white space left out;
//! the whole file.

use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::json;

at_every_size!(the_session_is_compared_while_an_item_waits, white_space_is_left_out_and_the_whole_file_shown);

fn the_session_is_compared_while_an_item_waits(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", "one\ntwo\n"), ("b.txt", "bee\n"), ("c.txt", "sea\n")]);
    let hosts = Hosts(&room);
    let step = |status: &str| json!({"plan": [{"title": "Count", "status": status}]});
    let script = room.script(&[
        step("active"),
        json!({"edit": {"path": "a.txt", "old": "one", "new": "ONE"}}),
        json!({"edit": {"path": "b.txt", "old": "bee", "new": "BEE"}}),
        json!({"edit": {"path": "c.txt", "old": "sea", "new": "SEA"}}),
    ]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.approve("the first", |text| text.contains("edit b.txt") && text.contains("BEE"));
    screen.approve("the second", |text| text.contains("edit c.txt") && text.contains("SEA"));
    screen.command("scope");
    screen.wait("what can be compared", |text| text.contains("the session") && text.contains("the last commit"));
    screen.press("down down enter");
    screen.wait("everything so far", |text| {
        text.contains("the session  +2 −2") && text.contains("ONE") && text.contains("BEE") && !text.contains("SEA")
    });
    screen.command("approve");
    screen.wait("nothing can be decided here", |text| text.contains("a comparison is shown"));
    assert_eq!(room.read("c.txt"), "sea\n");
    screen.command("files");
    screen.wait("the files with their counts", |text| text.contains("2 files, 0 viewed") && text.contains("+1 −1"));
    screen.press("down enter");
    screen.wait_for("file 2/2");
    screen.command("viewed");
    screen.wait_for("viewed: Enter shows it again");
    screen.command("comment");
    screen
        .wait("a comment on what is compared", |text| text.contains("Comment on the change") && text.contains("b.txt"));
    screen.type_text("too loud");
    screen.press("enter");
    screen.wait_for("k1 open");
    screen.press("esc");
    screen.wait("the item again", |text| text.contains("c.txt") && text.contains("SEA"));
    screen.command("scope");
    screen.wait("the steps", |text| text.contains("step s1") && text.contains("Count"));
    screen.press("down enter");
    screen.wait("what the step did", |text| text.contains("step s1  Count  +2 −2"));
    screen.press("esc");
    screen.wait_for("SEA");
    screen.approve("the third", |_| room.read("c.txt") == "SEA\n");
    screen.wait_idle();
    screen.quit();
    assert_eq!(hosts.outcome(), "done");
    assert_verifies(&room, &only_session(&room));
}

fn white_space_is_left_out_and_the_whole_file_shown(size: (u16, u16)) {
    let before: String = (1..=60).map(|n| format!("line {n}\n")).collect();
    let room = Room::with(&[("a.txt", before.as_str())]);
    let _hosts = Hosts(&room);
    let after = before.replace("line 20\n", "    line 20\n").replace("line 40\n", "changed 40\n");
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": after}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait("both hunks are shown", |text| text.contains("line 20") && text.contains("hunk 1/2"));
    screen.command("focus-diff");
    screen.command("whitespace");
    screen.wait_for("white space is marked");
    screen.command("whitespace");
    screen.wait("one is left out and named", |text| {
        text.contains("white space ignored") && text.contains("hunk 1 differs in white space only, 2 lines")
    });
    screen.consent("approve", "what is hidden was not read", |text| text.contains("unseen lines"));
    assert_eq!(room.read("a.txt"), before);
    screen.command("top");
    screen.command("next-hunk");
    screen.command("previous-hunk");
    screen.command("toggle-hunk");
    screen.wait_for("hunk 1/2 excluded");
    for _ in 0..10 {
        screen.command("more-context");
    }
    screen.wait_for("the whole file");
    screen.command("bottom");
    screen.wait_for("line 60");
    screen.consent("approve", "the true hunk alone", |_| room.read("a.txt") != before);
    assert_eq!(room.read("a.txt"), before.replace("line 40\n", "changed 40\n"));
    screen.wait_idle();
    screen.quit();
}
