//! The start screen: nothing runs before Enter, what is chosen is what starts, and what is typed is never lost.

use crate::external::agent;
use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::json;
use std::process::Command;

at_every_size!(
    a_bare_start_is_a_composer_with_everything_to_choose,
    a_session_that_cannot_start_keeps_the_text,
    a_session_begins_on_a_branch_of_its_own
);

/// On a machine on which no agent is installed but those that the configuration names.
fn open(room: &Room, args: &[&str], size: (u16, u16)) -> Screen {
    let home = room.dir.path().display().to_string();
    Screen::open_in(room, &room.workspace(), args, size, &[("PATH", "/usr/bin:/bin"), ("HOME", &home)])
}

fn read_introduction(screen: &mut Screen) {
    for step in 1..=5 {
        screen.wait_for(&format!("{step} of 5"));
        screen.press("enter");
    }
}

/// Ends the session that was begun; its options, as its host reads them.
fn ended(mut screen: Screen, room: &Room, hosts: &Hosts<'_>) -> String {
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
    let session = only_session(room);
    assert_verifies(room, &session);
    std::fs::read_to_string(room.state().join("sessions").join(&session).join("options.json")).unwrap()
}

fn sessions(room: &Room) -> usize {
    std::fs::read_dir(room.state().join("sessions")).map_or(0, Iterator::count)
}

fn a_bare_start_is_a_composer_with_everything_to_choose(size: (u16, u16)) {
    let room = Room::with(&[("calc.py", "x = 1\n")]);
    let hosts = Hosts(&room);
    let config = agent(&room, &json!({"turns": [[{"say": "heard and done"}]]}));
    let mut screen = open(&room, &["--config", &config], size);
    read_introduction(&mut screen);
    screen.wait("the composer and the choices", |text| {
        let is_shown = |words: &&str| text.contains(*words);
        ["What should the agent do?", "type a goal", "agent", "fake", "model", "mode", "guarded", "isolation", "auto"]
            .iter()
            .all(is_shown)
            && !text.contains("of 5")
    });
    screen.type_text("look at");
    screen.press("tab enter");
    screen.wait_for("Choose the agent");
    // Agents that are not installed say how to install them, and cannot be chosen.
    screen.wait_for("npm install -g");
    screen.press("up up up up up up up up up up up up up up up up up up up up up up up up up up up up");
    screen.press("esc");
    screen.wait_gone("Choose the agent");
    screen.press("tab tab tab enter");
    screen.wait_for("Choose the isolation");
    screen.wait_for("not implemented");
    screen.press("down down enter");
    screen.wait("gated is chosen", |text| {
        text.lines().any(|line| line.contains("isolation") && line.contains("gated") && line.contains("your files"))
    });
    // Leaving keeps the text, and nothing was started for it.
    screen.press("C-c");
    assert_eq!(screen.gone("C-c").exit_code(), 130);
    assert_eq!(sessions(&room), 0);
    let mut screen = open(&room, &["--config", &config, "--isolation", "gated"], size);
    screen.wait("the draft, without the introduction", |text| text.contains("look at") && !text.contains("of 5"));
    screen.type_text(" calc.py");
    screen.wait_for("look at calc.py");
    screen.press("enter");
    screen.wait_for("heard and done");
    screen.wait("the session as it was chosen", |text| text.contains("fake") && text.contains("look at calc.py"));
    let options = ended(screen, &room, &hosts);
    assert!(options.contains(r#""agent": "fake""#) && options.contains(r#""isolation": "gated""#), "{options}");
    // The text was sent: it is no draft any more.
    let mut screen = open(&room, &["--config", &config], size);
    screen.wait("an empty composer", |text| text.contains("type a goal") && !text.contains("look at"));
    screen.press("C-c");
    assert_eq!(screen.gone("C-c").exit_code(), 130);
}

fn a_session_that_cannot_start_keeps_the_text(size: (u16, u16)) {
    let room = Room::with(&[]);
    let mut screen = open(&room, &[], size);
    screen.wait_for("1 of 5");
    screen.press("esc");
    screen.wait_gone("1 of 5");
    screen.type_text("add a --json flag");
    screen.press("enter");
    screen.wait_for("no coding agent is installed");
    assert!(screen.text().contains("add a --json flag"), "{}", screen.picture());
    assert_eq!(sessions(&room), 0);
    screen.press("C-c");
    assert_eq!(screen.gone("C-c").exit_code(), 130);
}

fn a_session_begins_on_a_branch_of_its_own(size: (u16, u16)) {
    let room = Room::with(&[("calc.py", "x = 1\n")]);
    let hosts = Hosts(&room);
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"];
        let done = Command::new("git").args(identity).args(words).current_dir(room.workspace()).output().unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "first"]);
    git(&["branch", "topic"]);
    let config = agent(&room, &json!({"turns": [[{"say": "heard and done"}]]}));
    // A branch of the command line is only chosen yet, and whoever leaves has made nothing.
    let mut screen = open(&room, &["--config", &config, "--branch", "aside"], size);
    read_introduction(&mut screen);
    screen.wait_for("aside");
    screen.press("C-c");
    screen.gone("leaving");
    assert_eq!(git(&["branch", "--list", "aside"]), "");
    let mut screen = open(&room, &["--config", &config, "--isolation", "gated"], size);
    screen.wait("where it works", |text| text.contains("(here)") && text.contains("on main"));
    screen.type_text("Look at the sums, please!");
    screen.press("S-tab enter");
    screen.wait("the branches", |text| text.contains("Choose the branch") && text.contains("topic"));
    screen.press("down enter");
    screen.wait("a new one", |text| text.contains("(new)") && !text.contains("Choose the branch"));
    // Together they would be Alt-Enter.
    screen.press("esc");
    screen.wait_for("Enter start");
    screen.press("enter");
    screen.wait_for("heard and done");
    let options = ended(screen, &room, &hosts);
    assert!(options.contains(".look-at-the-sums-please\""), "{options}");
    assert_eq!(git(&["branch", "--show-current"]), "main");
    assert!(git(&["branch", "--list", "look-at-the-sums-please"]).starts_with('+'), "it is checked out beside");
}
