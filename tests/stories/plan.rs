//! Journey "review a plan": it is read to its end, commented on, sent back, compared, approved; its steps end one by one,
//! and what the agent changes in it is taken in part.

use crate::external::open_at;
use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::json;

at_every_size!(
    a_plan_is_reviewed_step_by_step,
    edits_of_the_tree_before_the_approval_are_comments,
    a_plan_is_saved_and_filled_in_and_its_steps_get_roles,
    an_agents_mode_that_does_not_ask_is_in_the_header,
);

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

fn edits_of_the_tree_before_the_approval_are_comments(size: (u16, u16)) {
    let room = Room::with(&[("calc.py", "a - b\n")]);
    let step = |id: &str, title: &str| json!({"id": id, "title": title});
    let script = room.script(&[
        json!({"document": FIRST}),
        json!({"told": "(?s)1\\. Line 5:.*Tell everybody.*Leave this out.*2\\. Line 4:.*Reword this to: Edit `calc.py` once"}),
        json!({"document": SECOND}),
        json!({"plan": [step("x1", "Look at git"), step("x2", "Think"), step("x3", "Sleep")]}),
        json!({"say": "All done."}),
    ]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("plan, version 1");
    screen.command("focus-plan");
    screen
        .wait("what it becomes", |text| text.contains("not approved yet") && text.contains("Tell everybody about it"));
    screen.command("bottom");
    screen.command("plan-remove");
    screen.wait("the edit is a comment", |text| text.contains("this is a comment") && text.contains("drop this"));
    screen.press("k");
    screen.command("plan-reword");
    screen.wait_for("Reword the step");
    screen.type_text(" once");
    screen.press("enter");
    screen.wait_for("Reword this to: Edit");
    screen.command("plan-pin");
    screen.wait_for("do this after its approval");
    screen.command("focus-diff");
    screen.wait("they are below their lines", |text| text.contains("k1 open") && text.contains("k2 open"));
    screen.command("redirect");
    screen.wait_for("Redirect: what should the agent do instead?");
    screen.press("enter");
    screen.wait_for("plan, version 2");
    screen.approve("it is approved", |text| !text.contains("1 pending"));
    screen.command("focus-plan");
    screen.wait("the agent's own list", |text| text.contains("own list, beside the plan") && text.contains("Sleep"));
    screen.quit();
}

fn a_plan_is_saved_and_filled_in_and_its_steps_get_roles(size: (u16, u16)) {
    let room = Room::with(&[]);
    let script =
        room.script(&[json!({"document": "1. Rename {old} to {new}\n"}), json!({"run": {"command": "make it"}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait_for("plan, version 1");
    screen.command("plan-save");
    screen.wait_for("Save the plan: under which name?");
    screen.type_text("rename");
    screen.press("enter");
    screen.wait("where it is", |text| text.contains("the plan is saved as") && text.contains("plans/rename.md"));
    screen.command("plan-template");
    screen.wait("what it asks for", |text| text.contains("Saved plans") && text.contains("asks for old, new"));
    screen.press("enter");
    for (name, value) in [("{old}", "a"), ("{new}", "b")] {
        screen.wait("the placeholder", |text| text.contains("Fill in the plan") && text.contains(name));
        screen.type_text(value);
        screen.press("enter");
    }
    screen.wait_for("2 pending");
    screen.command("next-pending");
    screen.wait("the filled-in plan", |text| text.contains("plan, version 2") && text.contains("Rename a to b"));
    screen.approve("it is approved", |text| !text.contains("plan, version 2"));
    screen.command("focus-plan");
    screen.wait_for("1 Plan");
    screen.wait_for("Rename a to b");
    screen.command("plan-role");
    screen.wait("the bundled roles", |text| {
        text.contains("planner") && text.contains("reviewer") && text.contains("may only read")
    });
    screen.press("j j j");
    screen.press("enter");
    let is_given = |text: &str| text.contains("reviewer") && !text.contains("Who does this step");
    screen.wait("who does it", is_given);
    screen.command("plan-checkpoint");
    screen.wait("the mark", |text| text.contains("Rename a to b checkpoint"));
    screen.quit();
}

/// Whatever is not a verdict grants nothing: Esc, words that are left, a client that goes.
#[test]
fn a_review_outlives_esc_and_a_detach_and_grants_nothing() {
    let room = Room::with(&[("calc.py", "a - b\n")]);
    let hosts = Hosts(&room);
    let script = room
        .script(&[json!({"document": FIRST}), json!({"edit": {"path": "calc.py", "old": "a - b", "new": "a + b"}})]);
    let mut screen = Screen::open(&room, &["--agent", &script, "--mode", "plan"], (80, 24));
    screen.wait_for("plan, version 1");
    screen.press("j j");
    screen.command("comment");
    screen.wait_for("Comment on the plan");
    screen.type_text("only once");
    screen.press("enter");
    screen.wait_for("k1 open");
    screen.command("redirect");
    screen.wait_for("Redirect: what should the agent do instead?");
    screen.type_text("half a thought");
    screen.press("esc");
    screen.wait("it is still asked about", |text| text.contains("plan, version 1") && !text.contains("Redirect:"));
    screen.press("esc esc");
    screen.resize((120, 40));
    screen.wait("and after another size", |text| text.contains("1 pending") && text.contains("only once"));
    screen.command("detach");
    screen.gone("the client detaches");
    let session = only_session(&room);
    let mut screen = Screen::open(&room, &["attach", &session], (80, 24));
    screen.wait("the review goes on", |text| text.contains("plan, version 1") && text.contains("k1 open"));
    let (_, events, _) = room.run(&["export", &session, "--format", "jsonl"]);
    assert!(events.contains("plan_commented") && !events.contains("\"decided\""), "{events}");
    screen.consent("approve", "open comments are named first", |text| text.contains("1 comment is open"));
    screen.approve("the edit is asked about only now", |text| text.contains("a + b"));
    assert_eq!(room.read("calc.py"), "a - b\n");
    screen.command("deny");
    screen.wait_for("Deny: why?");
    screen.press("enter");
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(&room, &session);
}

/// The journey in lines: read, commented on, sent back, compared, edited, approved; its step ends.
#[test]
fn a_plan_is_reviewed_in_lines() {
    let room = Room::with(&[("calc.py", "a - b\n")]);
    let hosts = Hosts(&room);
    let step =
        |status: &str| json!({"plan": [{"title": "Read `calc.py`", "status": status}, {"title": "Edit it once"}]});
    let script = room.script(&[
        json!({"document": FIRST}),
        json!({"told": "(?s)1\\. Line 5:.*Tell everybody.*Leave this out.*not again"}),
        json!({"document": SECOND}),
        json!({"told": "(?s)version of the plan is binding:.*2\\. Edit it once"}),
        step("done"),
        json!({"say": "All done."}),
    ]);
    let mut screen = Screen::open(&room, &["--linear", "--agent", &script, "--mode", "plan"], (100, 60));
    screen.wait("the whole text is told", |text| text.contains("plan, version 1") && text.contains("becomes 3 steps"));
    screen.press("j j j j");
    screen.command("comment");
    screen.wait("the place", |text| text.contains("line 5") && text.contains("Tell everybody about it"));
    screen.type_text("- not again");
    screen.wait_for("> - not again");
    screen.press("enter");
    screen.wait("the comment", |text| text.contains("drop this: not again") && text.contains("k1 open"));
    screen.command("redirect");
    screen.wait_for("Redirect: what should the agent do instead?");
    screen.press("enter");
    screen.wait_for("plan, version 2");
    screen.command("diff-view");
    screen
        .wait("what changed", |text| text.contains("compared with version 1") && text.contains("- 3. Tell everybody"));
    screen.command("edit");
    screen.wait("the text in lines", |text| text.contains("Edit a2  plan.md") && text.contains("2. Edit `calc.py`"));
    screen.press("down down");
    screen.wait_for("> 1. Read `calc.py`");
    screen.press("down home");
    screen.wait_for("> 2. Edit `calc.py`");
    screen.press("end backspace backspace backspace backspace backspace backspace backspace backspace backspace");
    screen.type_text("it once");
    screen.wait_for("> 2. Edit it once");
    screen.press("C-x");
    screen.wait_for("this is now your version");
    screen.approve("the step ends", |text| text.contains("step s1 is over"));
    screen.approve("the next one begins", |text| text.contains("All done."));
    screen.command("focus-plan");
    screen.wait("the tree", |text| text.contains("1 Plan") && text.contains("Edit it once"));
    screen.command("quit");
    screen.gone("quit");
    hosts.wait_for_none();
    assert_verifies(&room, &only_session(&room));
}

/// However narrow the header is: what the agent does without asking is not in our own mode.
fn an_agents_mode_that_does_not_ask_is_in_the_header(size: (u16, u16)) {
    let room = Room::with(&[]);
    let mode = |id: &str, name: &str| json!({"id": id, "name": name});
    let modes = [mode("default", "Manual"), mode("acceptEdits", "Accept edits")];
    let modes = json!({"modes": {"currentModeId": "acceptEdits", "availableModes": modes}});
    let script = json!({"session": modes, "turns": [[{"say": "ready"}]]});
    let mut screen = open_at(&room, &script, "gated", size);
    let header = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    screen.wait("its mode", |text| text.contains("ready") && header(text).contains("⚠ acceptEdits"));
    assert!(header(&screen.text()).contains("guarded"), "{}", screen.picture());
    screen.quit();
}
