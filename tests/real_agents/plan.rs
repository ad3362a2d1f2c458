//! The plan as a contract, with real agents in their own plan mode and the session in mode `plan`: nothing before the
//! approval, comments that reach the model, a second version, an approval that lets every edit be asked about, and the
//! plan as the tree. Opencode 1.18 has no plan to approve over ACP: its list of steps is what there is to approve.

use crate::agents::{Kind, Leash, PLAN};
use crate::drive::{Drive, OLD, START_MAX, Stage};
use crate::model_server::Turn;
use crate::screen::{Hosts, Screen};
use crate::seat::{assert_verifies, only_session};
use crate::talk::tools;
use serde_json::{Value, json};

/// A test for each agent that asks for the approval of a plan.
macro_rules! of_each_planner {
    ($($name:ident: $kind:ident),+ $(,)?) => {
        $(mod $name {
            #[test] fn a_plan_is_reviewed_and_then_followed() { super::a_plan_is_reviewed_and_then_followed(super::Kind::$kind); }
            #[test] fn what_it_does_unasked_waits_for_the_plan() { super::what_it_does_unasked_waits_for_the_plan(super::Kind::$kind); }
        })+
    };
}

of_each_planner!(claude: Claude, codex: Codex, gemini: Gemini, qwen: Qwen, kimi: Kimi);

const FIRST: &str = "# Change the word\n\n1. Read `change.txt`\n2. Edit `change.txt`\n3. Tell everybody\n";
const SECOND: &str = "# Change the word\n\n1. Edit `change.txt`, one line\n2. Look at it again\n";

/// The next plan that the agent itself asks about. Codex tells it beforehand, which we ask about until then; claude's
/// request may come before the updates that say what it is about, and is asked again with them.
fn plan(drive: &mut Drive) -> (Value, Value) {
    loop {
        let (held, action) = drive.held().expect("the agent asks for the approval of its plan");
        if action["kind"] == "plan" && action["executor"] == "agent" {
            return (held, action);
        }
        assert!(action["kind"] == "plan" || action["title"].as_str().unwrap().contains("Plan"), "{held} {action}");
    }
}

fn a_plan_is_reviewed_and_then_followed(kind: Kind) {
    let early = vec![kind.reads("change.txt"), kind.edits("change.txt"), Turn::text("I wait.")];
    let work = vec![kind.reads("change.txt"), kind.edits("change.txt"), Turn::text("All done.")];
    let plays = [("play-early", early), ("play-plan", [kind.submits(FIRST), kind.submits(SECOND), work].concat())];
    let options = ["--isolation", "gated", "--mode", "plan"];
    let Some(mut drive) = Drive::start_with(kind, Leash::Asks, &options, plays) else { return };

    // Its own mode lets it edit, ours does not.
    drive.prompt("play-early");
    while let Some((held, action)) = drive.held() {
        if action["kind"] == "edit" {
            assert_eq!(held["confirm"], "early", "{kind:?}: {held}");
            drive.seat.decide(&held, "deny", json!({"reason": "the plan first"})).unwrap();
        } else {
            drive.seat.approve(&held);
        }
    }
    assert_eq!(drive.file("change.txt"), OLD, "{kind:?}");

    let (id, value) = kind.plan_mode().unwrap();
    drive.seat.ask("agent/option", json!({"id": id, "value": value}));
    drive.prompt("play-plan");
    let (first, action) = plan(&mut drive);
    assert_eq!(action["document"]["text"].as_str().unwrap().trim(), FIRST.trim(), "{kind:?}: {action}");
    drive.seat.ask("plan/comment", json!({"op": "add", "line": 5, "kind": "drop"}));
    drive.seat.ask("plan/comment", json!({"op": "add", "line": 3, "kind": "question", "text": "why read it?"}));
    drive.seat.decide(&first, "redirect", json!({"reason": "Smaller."})).unwrap();
    let (second, action) = plan(&mut drive);
    assert_eq!(action["document"]["text"].as_str().unwrap().trim(), SECOND.trim(), "{kind:?}: {action}");
    for words in ["Smaller.", "1. Line 5", "> 3. Tell everybody", "2. Line 3", "why read it?"] {
        assert!(drive.told(words), "{kind:?} was told {words}");
    }
    assert_eq!(drive.file("change.txt"), OLD, "{kind:?}");

    let chosen = action["options"].as_array().unwrap().iter().find(|o| o["default"] == true && o["allows"] == true);
    let chosen = chosen.unwrap_or_else(|| panic!("{kind:?} has an option for a plain approval: {action}"));
    assert_eq!(chosen["effect"], "once", "{kind:?}: {chosen}");
    drive.seat.approve(&second);
    let tree =
        drive.seat.ever("the tree", |e| e["kind"] == "plan_revised" && e["steps"][0]["files"][0] == "change.txt");
    let titles: Vec<&str> = tree["steps"].as_array().unwrap().iter().map(|s| s["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Edit `change.txt`, one line", "Look at it again"], "{kind:?}");
    let held = drive.edit("change.txt");
    assert!(held["confirm"].is_null(), "{kind:?}: {held}");
    drive.seat.approve(&held);
    drive.finish();
    assert_eq!(drive.file("change.txt"), "line\nnew\nend\n", "{kind:?}");
    drive.verified();
}

/// An agent that never asks works in its private copy, and nothing of that reaches the tree before the plan.
fn what_it_does_unasked_waits_for_the_plan(kind: Kind) {
    let plays = [("play-unasked", vec![kind.runs("echo evil > b.txt"), Turn::text("done")])];
    let Some(mut drive) = Drive::start_with(kind, Leash::Unasked, &["--mode", "plan"], plays) else { return };
    drive.prompt("play-unasked");
    while let Some((held, action)) = drive.held() {
        assert_eq!(held["confirm"], "early", "{kind:?}: {action}");
        assert!(!drive.room.exists("b.txt"), "{kind:?}: {action}");
        assert!(drive.seat.decide(&held, "approve", json!({})).is_err(), "{kind:?}");
        drive.seat.decide(&held, "deny", json!({"reason": "the plan first"})).unwrap();
    }
    assert!(!drive.room.exists("b.txt"), "{kind:?}");
    drive.verified();
}

/// Opencode 1.18 registers the tool that would ask for the approval of a plan only for its own client; its list of steps
/// is what there is to approve.
#[test]
fn opencodes_list_of_steps_is_the_plan() {
    let kind = Kind::Opencode;
    assert!(kind.plan_mode().is_none() && kind.submits(FIRST).is_empty());
    let work = vec![kind.reads("change.txt"), kind.edits("change.txt"), Turn::text("All done.")];
    let plays = [("play-plan", [kind.plans(), vec![Turn::text("I wait.")]].concat()), ("play-work", work)];
    let options = ["--isolation", "gated", "--mode", "plan"];
    let Some(mut drive) = Drive::start_with(kind, Leash::Asks, &options, plays) else { return };
    drive.prompt("play-plan");
    let (held, action) = drive.held().unwrap();
    let offered = drive.model.received().iter().flat_map(tools).collect::<Vec<_>>();
    assert!(offered.contains(&"todowrite".to_owned()), "{offered:?}");
    assert!(!offered.iter().any(|tool| tool.contains("plan")), "it has a plan to approve now: {offered:?}");
    assert_eq!((&action["kind"], &action["executor"]), (&json!("plan"), &Value::Null), "{action}");
    assert_eq!(action["document"]["origin"], "steps", "{action}");
    assert!(PLAN.iter().all(|step| action["document"]["text"].as_str().unwrap().contains(step)), "{action}");
    assert_eq!(drive.file("change.txt"), OLD);
    drive.seat.approve(&held);
    // It is told of the approval in a turn that may still run, or in one of its own.
    drive.prompt("play-work");
    let held = drive.seat.wait("the edit", |e| e["kind"] == "held");
    assert_eq!(drive.seat.proposal(&held["action"])["files"][0]["path"], "change.txt");
    assert!(held["confirm"].is_null(), "{held}");
    drive.seat.approve(&held);
    drive.seat.finished(&held["action"]);
    drive.finish();
    assert_eq!(drive.file("change.txt"), "line\nnew\nend\n");
    drive.verified();
}

/// As a supervisor has it, on the screen.
#[test]
fn claudes_plan_is_reviewed_on_the_screen() {
    a_plan_is_reviewed_on_the_screen(Kind::Claude);
}

#[test]
fn codexs_plan_is_reviewed_on_the_screen() {
    a_plan_is_reviewed_on_the_screen(Kind::Codex);
}

#[test]
fn qwens_plan_is_reviewed_on_the_screen() {
    a_plan_is_reviewed_on_the_screen(Kind::Qwen);
}

#[test]
fn kimis_plan_is_reviewed_on_the_screen() {
    a_plan_is_reviewed_on_the_screen(Kind::Kimi);
}

/// The agent begins in its own plan mode.
fn begin_in_plan_mode(stage: &Stage, kind: Kind) {
    let entry = stage.room.dir.path().join("rightseat/agents.toml");
    let text = std::fs::read_to_string(&entry).unwrap();
    let text = match kind.plan_mode().unwrap() {
        ("mode", plan) => text.replace("mode = \"default\"", &format!("mode = \"{plan}\"")),
        (option, plan) => format!("{text}options = {{ {option} = \"{plan}\" }}\n"),
    };
    std::fs::write(&entry, text).unwrap();
}

fn a_plan_is_reviewed_on_the_screen(kind: Kind) {
    let beyond = vec![kind.reads("deny.txt"), kind.edits("deny.txt")];
    let work = vec![kind.reads("change.txt"), kind.edits("change.txt")];
    let end = vec![Turn::text("All done here.")];
    let plays = [("play-plan", [kind.submits(FIRST), kind.submits(SECOND), work, beyond, end].concat())];
    let Some(stage) = Stage::set(kind, Leash::Asks, plays) else { return };
    begin_in_plan_mode(&stage, kind);
    let _hosts = Hosts(&stage.room);
    let args =
        ["--agent", kind.name(), "--isolation", "gated", "--mode", "plan", "--config", &stage.config, "play-plan"];
    let mut screen = Screen::open(&stage.room, &args, (120, 40));
    let is_first = |text: &str| text.contains("plan, version 1") && text.contains("Tell everybody");
    screen.wait_within(START_MAX, "the first version", is_first);
    screen.press("g g");
    screen.wait_for("Change the word");
    // A blank row follows the heading, and the first comment is a row below its line.
    for (down, comment, shown) in
        [("j j", "? why read it", "why read it"), ("j j j", "- not them", "drop this: not them")]
    {
        screen.press(down);
        screen.command("comment");
        screen.wait_for("line ");
        screen.type_text(comment);
        screen.press("enter");
        screen.wait_for(shown);
    }
    screen.command("redirect");
    screen.wait_for("Redirect: what should the agent do instead?");
    screen.type_text("Smaller.");
    screen.press("enter");
    screen.wait_within(START_MAX, "the second version", |text| text.contains("plan, version 2"));
    let heard: String = stage.model.received().iter().map(|request| request.body.to_string()).collect();
    for words in ["Smaller.", "1. Line 5", "> 3. Tell everybody", "not them", "2. Line 3", "why read it"] {
        assert!(heard.contains(words), "{kind:?}: {words}");
    }
    screen.command("diff-view");
    screen
        .wait("what changed", |text| text.contains("compared with version 1") && text.contains("- 3. Tell everybody"));
    screen.command("diff-view");
    screen.command("diff-view");
    screen.wait_for("becomes 2 steps");
    assert_eq!(stage.room.read("change.txt"), OLD);
    screen.approve("the edit waits", |text| text.contains("- old") && text.contains("+ new"));
    screen.command("focus-plan");
    screen.wait_for("Look at it again");
    screen.command("focus-diff");
    screen.approve("the edit is on the disk", |_| stage.room.read("change.txt") == "line\nnew\nend\n");
    screen.wait_within(START_MAX, "what the step does not declare", |text| text.contains("edit deny.txt"));
    screen.command("focus-why");
    screen.wait_for("ask (drift)");
    screen.command("focus-diff");
    screen.command("deny");
    screen.wait_for("Deny: why?");
    screen.type_text("only the one file");
    screen.press("enter");
    screen.wait_within(START_MAX, "its last words", |text| text.contains("All done here."));
    assert_eq!(stage.room.read("deny.txt"), OLD);
    let heard: String = stage.model.received().iter().map(|request| request.body.to_string()).collect();
    assert!(heard.contains("only the one file"), "{kind:?} was told why");
    screen.quit();
    assert_verifies(&stage.room, &only_session(&stage.room));
}

const STEPS: [&str; 4] = ["Edit `change.txt`, one line", "Look at it again", "Tell everybody", "Sing a song"];

fn statuses(of: [&'static str; 4]) -> Vec<(&'static str, &'static str)> {
    STEPS.into_iter().zip(of).collect()
}

/// A test for each agent whose list of steps comes over ACP. Gemini 0.61 keeps its own to itself.
macro_rules! of_each_lister {
    ($($name:ident: $kind:ident),+ $(,)?) => {
        $(#[test] fn $name() { a_change_is_accepted_in_part_and_a_step_ends(Kind::$kind); })+
    };
}

of_each_lister!(
    claudes_change_is_accepted_in_part: Claude,
    codexs_change_is_accepted_in_part: Codex,
    qwens_change_is_accepted_in_part: Qwen,
    kimis_change_is_accepted_in_part: Kimi,
);

fn a_change_is_accepted_in_part_and_a_step_ends(kind: Kind) {
    let begins = [kind.submits(SECOND), vec![kind.reads("change.txt"), kind.edits("change.txt")]].concat();
    let wants = kind.lists(&statuses(["in_progress", "pending", "pending", "pending"]), 4);
    let ends = kind.lists(&statuses(["completed", "in_progress", "pending", "deleted"]), 0);
    let plays = [
        ("play-plan", [begins, wants, vec![Turn::text("I wait.")]].concat()),
        ("play-end", [ends, vec![Turn::text("The first step is over.")]].concat()),
    ];
    let options = ["--isolation", "gated", "--mode", "plan"];
    let Some(stage) = Stage::set(kind, Leash::Asks, plays) else { return };
    begin_in_plan_mode(&stage, kind);
    let mut drive = Drive::on(stage, kind, &options);
    drive.prompt("play-plan");
    let (held, _) = plan(&mut drive);
    drive.seat.approve(&held);
    let held = drive.edit("change.txt");
    drive.seat.approve(&held);
    // A list that grows step by step asks about each longer one instead of the one before.
    let wanted = |e: &Value| e["kind"] == "proposed" && e["action"]["title"] == "change the plan: 2 changes";
    let replan = drive.seat.wait("both changes", wanted)["action"]["id"].clone();
    let held = drive.seat.wait("the question", |e| e["kind"] == "held" && e["action"] == replan);
    drive.seat.decide(&held, "approve", json!({"hunks": [0]})).unwrap();
    let is_part = |e: &Value| e["kind"] == "plan_revised" && e["steps"].as_array().unwrap().len() == 3;
    assert_eq!(drive.seat.wait("the part", is_part)["steps"][2]["title"], STEPS[2], "{kind:?}");
    drive.prompt("play-end");
    let (held, action) = loop {
        match drive.held() {
            Some((held, action)) => break (held, action),
            // The turn of the plan ends first.
            None => assert!(drive.seat.count("turn_ended") < 4, "{kind:?} ends its first step"),
        }
    };
    assert_eq!(action["document"]["subject"]["step_end"]["step"], "s1", "{kind:?}: {action}");
    assert!(action["document"]["text"].as_str().unwrap().contains("edit change.txt: done"), "{kind:?}: {action}");
    assert!(drive.told("The supervisor changed the plan"), "{kind:?} was told of the part before it went on");
    drive.seat.approve(&held);
    let goes_on = |e: &Value| e["kind"] == "said" && e["text"].as_str().unwrap().contains("Continue with step s2");
    drive.seat.wait("the next step", goes_on);
    let next = drive.seat.ever("the tree", |e| e["kind"] == "plan_revised" && e["steps"][1]["status"] == "active");
    assert_eq!((&next["steps"][0]["status"], next["steps"].as_array().unwrap().len()), (&json!("done"), 3), "{kind:?}");
    drive.verified();
}

/// The rest of the way: claude changes the approved plan and gets a part of it, ends a step, and codex takes the session
/// over at the next one with the same plan. What each model was told is read on its side.
#[test]
fn claudes_plan_is_changed_in_part_and_codex_ends_it_on_the_screen() {
    let (first, next) = (Kind::Claude, Kind::Codex);
    let begins = [first.submits(SECOND), vec![first.reads("change.txt"), first.edits("change.txt")]].concat();
    let wants = first.lists(&statuses(["in_progress", "pending", "pending", "pending"]), 4);
    let ends = first.lists(&statuses(["completed", "in_progress", "pending", "deleted"]), 0);
    // What it is told while it asks reaches its model when its turn ends, and is answered by itself.
    let is_told = vec![Turn::text("The first step is over."), Turn::text("I know the new plan.")];
    let waits = vec![first.reads("deny.txt"), first.edits("deny.txt"), Turn::text("I am not asked any more.")];
    let takes_over = [
        next.lists(&statuses(["completed", "completed", "in_progress", "deleted"]), 0),
        next.lists(&statuses(["completed", "completed", "completed", "deleted"]), 0),
        vec![Turn::text("Everybody was told.")],
    ];
    // The words of a refusal follow the answer. Claude drops what its model says by then and asks it again with them, so
    // a model that answers quickly is asked twice.
    let plays = [
        ("play-plan", [begins, wants, vec![first.runs("echo hi > hi.txt")], ends.clone()].concat()),
        ("Denied by the supervisor: not that", [ends, is_told, waits].concat()),
        ("What the supervisor decided so far", takes_over.concat()),
    ];
    let Some(stage) = Stage::set(first, Leash::Asks, plays) else { return };
    begin_in_plan_mode(&stage, first);
    stage.add(next, Leash::Asks);
    let hosts = Hosts(&stage.room);
    let args = ["--agent", "claude", "--isolation", "gated", "--mode", "plan", "--config", &stage.config, "play-plan"];
    let mut screen = Screen::open(&stage.room, &args, (120, 40));
    screen.wait_within(START_MAX, "the plan", |text| text.contains("becomes 2 steps"));
    screen.approve("the edit waits", |text| text.contains("- old") && text.contains("+ new"));
    screen.approve("the edit is on the disk", |_| stage.room.read("change.txt") == "line\nnew\nend\n");

    screen.wait("a part is chosen", |text| text.contains("add: Tell everybody") && text.contains("add: Sing a song"));
    screen.command("focus-diff");
    screen.command("bottom");
    screen.command("toggle-hunk");
    screen.wait_for("change 2 left out");
    screen.consent("approve", "the command is next", |text| text.contains("echo hi") && !text.contains("add: Sing"));
    refuse(&mut screen, "not that");
    screen.wait("the summary of the step", |text| {
        text.contains("step s1 is over; continue to step s2") && text.contains("edit change.txt: done")
    });
    screen.wait("it has heard of the change", |_| heard_by(&stage, "messages").contains("supervisor changed the plan"));
    screen.approve("the edit of the next step", |text| text.contains("edit deny.txt") && text.contains("+ new"));
    let heard = heard_by(&stage, "messages");
    for words in ["The supervisor changed the plan", "Tell everybody", "not that", "Continue with step s2"] {
        assert!(heard.contains(words), "claude: {words}");
    }
    let changed = heard.split("The supervisor changed the plan").nth(1).unwrap_or_default();
    let changed = changed.split('"').next().unwrap_or_default();
    assert!(changed.contains("Tell everybody") && !changed.contains("Sing a song"), "{changed}");

    screen.command("agent-change");
    screen.wait("the agents", |text| text.contains("Change the agent") && text.contains("codex"));
    screen.press("j enter");
    screen.wait_within(START_MAX, "its second step ends", |text| text.contains("step s2 is over"));
    let told = heard_by(&stage, "responses");
    let handed_over = told.split("You take over").nth(1).map(|rest| rest.chars().take(2000).collect::<String>());
    let handed_over = handed_over.unwrap_or_default();
    for words in [
        "You take over a session that claude began",
        "The supervisor approved this plan (digest ",
        "1. Edit `change.txt`, one line",
        "[done] s1",
        "[active] s2: Look at it again",
        "[pending] s3: Tell everybody",
        ": denied (not that)",
        "Continue with step s2",
    ] {
        assert!(told.contains(words), "codex: {words}: {handed_over}");
    }
    assert!(!told.contains("Sing a song"), "what was left out is not handed on: {handed_over}");
    screen.approve("the last step ends", |text| text.contains("step s3 is over, the last one"));
    screen.approve("its last words", |text| text.contains("Everybody was told."));
    assert_eq!(stage.room.read("deny.txt"), OLD);
    screen.wait_idle();
    screen.quit();
    let session = only_session(&stage.room);
    let (code, report, err) = stage.room.run(&["export", &session, "--format", "md"]);
    assert_eq!(code, 0, "{err}");
    let steps = report.split("## Steps of the plan").nth(1).expect("the steps");
    assert!(STEPS[..3].iter().all(|step| steps.contains(step.trim_start_matches("Edit `change.txt`, "))), "{steps}");
    assert_eq!(steps.matches("- [x] ").count(), 3, "{steps}");
    assert!(!steps.contains("Sing a song"), "{steps}");
    assert_verifies(&stage.room, &session);
    drop(hosts);
}

fn refuse(screen: &mut Screen, reason: &str) {
    screen.command("deny");
    screen.wait_for("Deny: why?");
    screen.type_text(reason);
    screen.press("enter");
}

/// Everything that models received at addresses with this word.
fn heard_by(stage: &Stage, address: &str) -> String {
    let received = stage.model.received();
    received.iter().filter(|request| request.path.contains(address)).map(|request| request.body.to_string()).collect()
}
