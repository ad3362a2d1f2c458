//! Real agents in the terminal client, as a human sees them: the diff before the decision, each key doing what it says,
//! the tests, the reasons, the limits of the agent.

use crate::agents::{Kind, Leash, PLAN};
use crate::drive::{OLD, START_MAX, SUMS, Stage};
use crate::model_server::Turn;
use crate::screen::{Hosts, Screen};
use crate::seat::{assert_verifies, only_session};
use std::time::Duration;

of_each_agent!(
    a_human_decides_on_the_screen,
    what_it_does_unasked_is_shown_and_taken_back_on_the_screen,
    a_human_decides_on_the_screen_while_it_works_in_its_layer,
);

/// From the change on the disk to the words on the screen.
const SHOWN_MAX: Duration = Duration::from_secs(2);

/// One prompt after the other is typed into the composer.
fn tell(screen: &mut Screen, play: &str) {
    screen.command("compose");
    screen.type_text(play);
    screen.press("enter");
}

/// The edit that is asked about is tested before it is approved.
fn approve_when_its_tests_pass(screen: &mut Screen, stage: &Stage) {
    let sums = || stage.room.read("sums.mjs");
    screen.command("focus-diff");
    screen.command("test");
    screen.command("focus-tests");
    screen.wait("its tests pass", |text| text.contains("2✓ 0✗"));
    assert_eq!(sums(), SUMS);
    screen.approve("the edit is on the disk", |_| sums() == SUMS.replace('-', "+"));
    screen.wait_idle();
}

/// A verdict with a reason.
fn say(screen: &mut Screen, verdict: &str, reason: &str) {
    screen.command(verdict);
    screen.wait_for("Enter");
    screen.type_text(reason);
    screen.press("enter");
    screen.wait("nothing waits any more", |text| !text.contains("1 pending"));
}

fn a_human_decides_on_the_screen(kind: Kind) {
    let ok = || Turn::text("All done here.");
    let fix = kind.replaces("sums.mjs", "  a - b;", "  a + b;", "I fix the addition.");
    let plays = [
        ("play-fix", kind.plans().into_iter().chain([fix, ok()]).collect()),
        ("play-approve", vec![kind.edits("approve.txt"), ok()]),
        ("play-change", vec![kind.edits("change.txt"), ok()]),
        ("play-deny", vec![kind.edits("deny.txt"), ok()]),
        ("play-redirect", vec![kind.edits("redirect.txt"), ok()]),
        ("play-step", vec![kind.edits("step.txt"), ok()]),
        ("play-cancel", vec![kind.edits("cancel.txt"), ok()]),
        ("play-after", vec![Turn::text("heard you")]),
    ];
    let Some(stage) = Stage::set(kind, Leash::Asks, plays) else { return };
    let _hosts = Hosts(&stage.room);
    let args = ["--agent", kind.name(), "--isolation", "gated", "--config", &stage.config, "play-fix"];
    let mut screen = Screen::open(&stage.room, &args, (120, 40));
    let file = |name: &str| stage.room.read(name);
    const LIST: &str = "Set 2 todo(s)";
    screen.wait_within(START_MAX, "its first question", |text| text.contains("edit sums.mjs") || text.contains(LIST));
    if screen.text().contains(LIST) {
        // Gemini asks before it keeps a list.
        screen.approve("the list is kept", |text| text.contains("edit sums.mjs"));
    }
    screen.command("focus-plan");
    screen.wait("its plan is shown", |text| PLAN.iter().all(|step| text.contains(step)));
    approve_when_its_tests_pass(&mut screen, &stage);

    tell(&mut screen, "play-approve");
    screen.wait_for("edit approve.txt");
    screen.wait("the diff is shown before the decision", |text| text.contains("- old") && text.contains("+ new"));
    screen.command("focus-why");
    screen.wait_for("I change old to new");
    screen.command("focus-diff");
    screen.approve("the edit is on the disk", |_| file("approve.txt") == "line\nnew\nend\n");
    screen.wait_idle();

    screen.command("agent");
    screen.wait("its limits are told", |text| text.contains("isolation gated") && text.contains("Esc closes"));
    screen.press("esc");
    screen.wait_gone("isolation gated");

    tell(&mut screen, "play-change");
    screen.wait_for("edit change.txt");
    screen.command("edit");
    screen.wait_for("Edit a");
    screen.press("down end backspace backspace backspace");
    screen.type_text("mine");
    screen.press("C-x");
    screen.wait_for("this is now your version");
    screen.approve("the human's version is on the disk", |_| file("change.txt") == "line\nmine\nend\n");
    screen.wait_idle();

    for verdict in ["deny", "redirect"] {
        let path = format!("{verdict}.txt");
        tell(&mut screen, &format!("play-{verdict}"));
        screen.wait_for(&format!("edit {path}"));
        say(&mut screen, verdict, &format!("the human says {verdict}"));
        screen.wait_idle();
        assert_eq!(file(&path), OLD);
    }

    tell(&mut screen, "play-step");
    screen.wait_for("edit step.txt");
    screen.command("focus-diff");
    screen.command("bottom");
    screen.consent("step", "the step is on the disk", |_| file("step.txt") == "line\nnew\nend\n");
    screen.wait_idle();

    tell(&mut screen, "play-cancel");
    screen.wait_for("edit cancel.txt");
    screen.command("compose");
    screen.press("tab tab");
    let is_now = |row: &str| row.contains('›') && row.trim_end().ends_with("now");
    screen.wait("the message goes out now", |text| text.lines().any(is_now));
    screen.type_text("play-after");
    screen.press("enter");
    screen.wait("the turn was canceled", |text| !text.contains("1 pending"));
    screen.wait_idle();
    assert_eq!(file("cancel.txt"), OLD);

    screen.quit();
    assert_verifies(&stage.room, &only_session(&stage.room));
}

/// The agent writes by itself: the human sees it within two seconds of its being there, and takes it back by a key.
fn what_it_does_unasked_is_shown_and_taken_back_on_the_screen(kind: Kind) {
    let plays = [("play-unasked", vec![kind.runs("echo evil > b.txt"), Turn::text("All done here.")])];
    let Some(stage) = Stage::set(kind, Leash::Unasked, plays) else { return };
    let _hosts = Hosts(&stage.room);
    let args = ["--agent", kind.name(), "--isolation", "gated", "--config", &stage.config, "play-unasked"];
    let mut screen = Screen::open(&stage.room, &args, (120, 40));
    let there = || stage.room.exists("b.txt");
    screen.wait_within(START_MAX, "it acts, or asks after all", |text| there() || text.contains("1 pending"));
    if there() {
        screen.wait_within(SHOWN_MAX, "it is shown as nobody's decision", |text| {
            text.contains("b.txt") && text.contains("unsupervised")
        });
        screen.wait_idle();
        screen.command("take-back");
        screen.wait_for("Revert an unsupervised change");
        screen.press("enter");
        screen.wait("it is taken back", |_| !there());
    } else {
        // Gemini refuses to work unasked in a folder that it was not told to trust.
        assert_eq!(kind, Kind::Gemini);
        say(&mut screen, "deny", "not that");
        assert!(!there());
    }
    screen.wait_idle();
    screen.quit();
    assert_verifies(&stage.room, &only_session(&stage.room));
}

/// From approve to verify in its layer, where it writes nothing of the workspace: an edit that it asks about is tested and
/// approved, another one is denied, and what its own command made is a question of its own.
fn a_human_decides_on_the_screen_while_it_works_in_its_layer(kind: Kind) {
    if !crate::has_layers() {
        return;
    }
    let ok = || Turn::text("All done here.");
    let fix = kind.replaces("sums.mjs", "  a - b;", "  a + b;", "I fix the addition.");
    let plays = [
        ("play-fix", vec![fix, ok()]),
        ("play-deny", vec![kind.edits("deny.txt"), ok()]),
        ("play-make", vec![kind.asks_to_run("echo made > made.txt; ln -s made.txt link"), ok()]),
    ];
    let Some(stage) = Stage::set(kind, Leash::Asks, plays) else { return };
    let _hosts = Hosts(&stage.room);
    // Some look for lists of models and plugins on their own: other tests answer these questions.
    std::fs::write(&stage.config, "[layer]\nagent_network = \"off\"\n").unwrap();
    let args = ["--agent", kind.name(), "--isolation", "overlay", "--config", &stage.config, "play-fix"];
    let mut screen = Screen::open(&stage.room, &args, (120, 40));
    let file = |name: &str| stage.room.read(name);
    screen.wait_within(START_MAX, "its first question", |text| text.contains("edit sums.mjs"));
    approve_when_its_tests_pass(&mut screen, &stage);

    screen.command("agent");
    screen.wait("its walls are told", |text| text.contains("isolation overlay") && text.contains("Esc closes"));
    screen.press("esc");
    screen.wait_gone("isolation overlay");

    tell(&mut screen, "play-deny");
    screen.wait_for("edit deny.txt");
    say(&mut screen, "deny", "not this one");
    screen.wait_idle();
    assert_eq!(file("deny.txt"), OLD);

    tell(&mut screen, "play-make");
    screen
        .wait("its command is asked about", |text| text.contains("1 pending") && text.contains("ln -s made.txt link"));
    screen.approve("what it made is asked about", |text| text.contains("edit link -> made.txt, made.txt"));
    assert!(!stage.room.exists("made.txt"));
    let link = stage.room.workspace().join("link");
    screen.approve("what it made is on the disk", |_| link.is_symlink() && stage.room.exists("made.txt"));
    screen.wait_idle();
    assert_eq!(file("link"), "made\n");

    screen.quit();
    assert_verifies(&stage.room, &only_session(&stage.room));
}
