//! Journey "comment on a change": lines and a run are commented on, sent as one redirect, and followed in what comes next.

use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::json;

const TEXT: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";

at_every_size!(comments_are_sent_as_one_redirect_and_followed, a_comment_on_an_output_is_sent_when_nothing_is_pending);

fn comments_are_sent_as_one_redirect_and_followed(size: (u16, u16)) {
    let room = Room::with(&[("a.txt", TEXT)]);
    let hosts = Hosts(&room);
    let first = TEXT.replace("two", "TWO").replace("nine", "NINE");
    let second = TEXT.replace("two", "2").replace("nine", "NINE");
    let told = r"(?s)Comments on your work:\n1\. a\.txt, line 2 with your change:\n   > TWO\n   a digit\n2\. a\.txt, lines 9-10 with your change:\n   > NINE\n   > ten\n   keep this";
    let script = room.script(&[
        json!({"edit": {"path": "a.txt", "after": first}}),
        json!({"told": told}),
        json!({"edit": {"path": "a.txt", "after": second}}),
        json!({"told": r"(?s)Approved as proposed\..*Notes on your work:\n1\. a\.txt, line 1 .*\n   > one\n   well done"}),
    ]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait("the change is shown", |text| text.contains("TWO") && text.contains("hunk 1/1"));
    screen.command("focus-diff");
    screen.command("top");
    screen.press("j j");
    screen.command("comment");
    screen.wait("the place", |text| text.contains("Comment on the change") && text.contains("a.txt  line 2  “TWO”"));
    screen.type_text("a digit");
    screen.press("enter");
    screen.wait("the comment is below its line", |text| text.contains("a digit") && text.contains("k1 open"));
    screen.command("bottom");
    screen.command("up");
    screen.command("select-lines");
    screen.command("down");
    screen.command("comment");
    screen.wait("the lines", |text| text.contains("lines 9-10"));
    screen.type_text("keep this");
    screen.press("enter");
    screen.wait_for("k2 open");
    screen.consent("approve", "open comments are named first", |text| text.contains("2 comments are open"));
    assert_eq!(room.read("a.txt"), TEXT);
    screen.command("redirect");
    screen.wait("what is sent with it", |text| text.contains("with 2 open comments"));
    screen.press("enter");
    screen.wait("the first was addressed", |text| text.contains("k1 sent · addressed"));
    screen.command("next-comment");
    screen.command("next-comment");
    screen.wait("the second is still there", |text| text.contains("k2 sent · still there"));
    screen.command("comments");
    screen.wait("the list", |text| text.contains("none is open") && text.contains("a.txt lines 9-10"));
    screen.press("esc");
    screen.wait_gone("none is open");
    screen.command("top");
    screen.command("comment");
    screen.wait_for("line 1");
    screen.type_text("well done");
    screen.press("enter");
    screen.wait_for("k3 open");
    screen.consent("approve", "the note is named first", |text| text.contains("1 comment is open"));
    screen.consent("approve", "the file is changed", |_| room.read("a.txt") != TEXT);
    assert_eq!(room.read("a.txt"), second);
    screen.wait_idle();
    screen.quit();
    assert_eq!(hosts.outcome(), "done", "the script was told what was commented");
    assert_verifies(&room, &only_session(&room));
}

fn a_comment_on_an_output_is_sent_when_nothing_is_pending(size: (u16, u16)) {
    let room = Room::with(&[("run.sh", "printf 'fine\\nFAILED here\\nend\\n'\n")]);
    let hosts = Hosts(&room);
    let script = room.script(&[
        json!({"run": {"command": "sh run.sh"}}),
        json!({"prompt": r"(?s)In the output of `sh run.sh`:\n   > FAILED here\n   here first"}),
    ]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("$ sh run.sh");
    screen.approve("the command has run", |text| !text.contains("a approve"));
    screen.command("focus-output");
    screen.wait_for("FAILED here");
    screen.command("top");
    screen.command("down");
    screen.command("comment");
    screen.wait("the place", |text| text.contains("Comment on the run") && text.contains("“FAILED here”"));
    screen.type_text("here first");
    screen.press("enter");
    screen.wait("the comment is in the output", |text| text.contains("here first") && text.contains("k1 open"));
    screen.command("redirect");
    screen.wait("there is nothing to redirect", |text| text.contains("Send the open comments"));
    screen.press("enter");
    screen.wait("it is sent", |text| text.contains("k1 sent"));
    screen.wait_idle();
    screen.quit();
    assert_eq!(hosts.outcome(), "done", "the script was sent the comment");
}
