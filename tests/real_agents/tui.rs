//! Real agents in the terminal client, as a human sees them: the diff before the decision, each key doing what it says,
//! the tests, the reasons, the limits of the agent.

use crate::agents::{Kind, Leash};
use crate::drive::{OLD, START_MAX, Stage};
use crate::model_server::Turn;
use crate::screen::Screen;
use crate::seat::{assert_verifies, only_session};

of_each_agent!(a_human_decides_on_the_screen);

/// One prompt after the other is typed into the composer.
fn tell(screen: &mut Screen, play: &str) {
    screen.command("compose");
    screen.type_text(play);
    screen.press("enter");
}

fn a_human_decides_on_the_screen(kind: Kind) {
    let ok = || Turn::text("All done here.");
    let plays = [
        ("play-approve", vec![kind.edits("approve.txt"), ok()]),
        ("play-change", vec![kind.edits("change.txt"), ok()]),
        ("play-deny", vec![kind.edits("deny.txt"), ok()]),
        ("play-redirect", vec![kind.edits("redirect.txt"), ok()]),
        ("play-step", vec![kind.edits("step.txt"), ok()]),
        ("play-cancel", vec![kind.edits("cancel.txt"), ok()]),
        ("play-after", vec![Turn::text("heard you")]),
    ];
    let Some(stage) = Stage::set(kind, Leash::Asks, plays) else { return };
    let args = ["--agent", kind.name(), "--isolation", "gated", "--config", &stage.config, "play-approve"];
    let mut screen = Screen::open(&stage.room, &args, (120, 40));
    let file = |name: &str| stage.room.read(name);
    screen.wait_within(START_MAX, "the first edit waits", |text| text.contains("edit approve.txt"));
    screen.wait("the diff is shown before the decision", |text| text.contains("- old") && text.contains("+ new"));
    screen.command("focus-why");
    screen.wait_for("I change old to new");
    screen.command("focus-diff");
    screen.approve("the edit is on the disk", |_| file("approve.txt") == "line\nnew\nend\n");
    screen.wait_idle();

    screen.command("agent");
    screen.wait("its limits are told", |text| text.contains("isolation gated") && text.contains("Esc leaves"));
    screen.press("esc");
    screen.wait_gone("isolation gated");

    tell(&mut screen, "play-change");
    screen.wait_for("edit change.txt");
    screen.command("edit");
    screen.wait_for("Edit a");
    screen.press("down end backspace backspace backspace");
    screen.type_text("mine");
    screen.press("C-x");
    screen.wait_for("this is your version now");
    screen.approve("the human's version is on the disk", |_| file("change.txt") == "line\nmine\nend\n");
    screen.wait_idle();

    for verdict in ["deny", "redirect"] {
        let path = format!("{verdict}.txt");
        tell(&mut screen, &format!("play-{verdict}"));
        screen.wait_for(&format!("edit {path}"));
        screen.command(verdict);
        screen.wait_for("Enter");
        screen.type_text(&format!("the human says {verdict}"));
        screen.press("enter");
        screen.wait("nothing waits any more", |text| !text.contains("1 waits"));
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
    screen.wait_for("interrupt");
    screen.type_text("play-after");
    screen.press("enter");
    screen.wait("the turn was cancelled", |text| !text.contains("1 waits"));
    screen.wait_idle();
    assert_eq!(file("cancel.txt"), OLD);

    screen.quit();
    assert_verifies(&stage.room, &only_session(&stage.room));
}
