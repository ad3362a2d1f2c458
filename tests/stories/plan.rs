//! Journey "review a plan": it is read to its end, commented on, sent back, compared, approved; its steps end one by one,
//! and what the agent changes in it is taken in part.

use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::json;

at_every_size!(a_plan_is_reviewed_step_by_step);

const FIRST: &str = "# Fix the sums\n\n1. Read `calc.py`\n2. Edit `calc.py`\n3. Tell everybody about it\n";
const SECOND: &str = "# Fix the sums\n\n1. Read `calc.py`\n2. Edit `calc.py`\n";

fn a_plan_is_reviewed_step_by_step(size: (u16, u16)) {
    let room = Room::with(&[("calc.py", "a - b\n")]);
    let hosts = Hosts(&room);
    let step = |title: &str, status: &str| json!({"title": title, "status": status});
    let script = room.script(&[
        json!({"document": FIRST}),
        json!({"told": "(?s)1\\. Line 5:.*Tell everybody.*Leave this out.*not again"}),
        json!({"document": SECOND}),
        json!({"plan": [step("Read `calc.py`", "done"), step("Edit `calc.py`", "active")]}),
        json!({"edit": {"path": "calc.py", "old": "a - b", "new": "a + b"}}),
        json!({"plan": [step("Read `calc.py`", "done"), step("Edit `calc.py`", "active"), step("Write a poem", "pending")]}),
        json!({"run": {"command": "make it"}}),
        json!({"plan": [step("Read `calc.py`", "done"), step("Edit `calc.py`", "done")]}),
        json!({"say": "All done."}),
    ]);
    let mut screen = Screen::open(&room, &["--agent", &script, "--mode", "plan"], size);
    screen.wait("the first version", |text| text.contains("plan, version 1") && text.contains("Tell everybody"));
    screen.press("G");
    screen.wait("the end of it", |text| text.contains("becomes 3 steps"));
    // A blank row follows the heading: the last step is the fifth row.
    screen.press("g g");
    screen.wait_for("Fix the sums");
    screen.wait_for("Tell everybody");
    screen.press("j j j j");
    screen.command("comment");
    screen.wait("the place", |text| text.contains("line 5") && text.contains("Tell everybody about it"));
    screen.type_text("- not again");
    screen.press("enter");
    screen.wait("the comment", |text| text.contains("drop this: not again") && text.contains("k1 open"));
    screen.consent("approve", "open comments are named first", |text| text.contains("1 comment is open"));
    screen.command("redirect");
    screen.wait_for("Redirect: what should the agent do instead?");
    screen.press("enter");
    screen.wait("the second version", |text| text.contains("plan, version 2"));
    screen.command("diff-view");
    screen
        .wait("what changed", |text| text.contains("compared with version 1") && text.contains("- 3. Tell everybody"));
    screen.command("diff-view");
    screen.command("diff-view");
    screen.wait("the document again", |text| text.contains("k1 sent · gone") || text.contains("becomes 2 steps"));
    screen.approve("the first step ends", |text| text.contains("step s1 is over"));
    screen.wait("what the key does", |text| text.contains("a continue to step s2"));
    screen.approve("the edit that waited", |text| text.contains("a + b") && !text.contains("by typing early"));
    screen.approve("the change of the plan", |text| text.contains("add: Write a poem"));
    screen.wait_for("d keep the plan");
    screen.command("deny");
    screen.wait_for("Deny: why?");
    screen.type_text("no poems");
    screen.press("enter");
    screen.wait_for("$ make it");
    screen.command("deny");
    screen.wait_for("Deny: why?");
    screen.press("enter");
    screen.wait("the last step ends", |text| text.contains("a finish the plan"));
    screen.approve("the end", |text| !text.contains("1 pending"));
    assert_eq!(room.read("calc.py"), "a + b\n");
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(&room, &only_session(&room));
}
