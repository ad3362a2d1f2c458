//! Looking around: palette, help, search, zoom, the mouse, the clipboard, every size.

use crate::screen::{Hosts, Screen};
use crate::seat::{Room, only_session};
use serde_json::json;

at_every_size!(
    commands_are_found_in_palette_and_help,
    panes_are_searched_zoomed_and_copied_from,
    the_mouse_focuses_and_scrolls,
    a_storm_of_sizes_leaves_the_same_picture,
);

fn long_text() -> String {
    (1..=120).map(|n| format!("line {n}\n")).collect()
}

/// A session that asks about a new file of 120 lines.
fn asking(room: &Room, args: &[&str], size: (u16, u16)) -> Screen {
    let script = room.script(&[
        json!({"plan": [{"title": "write the lines", "status": "active"}, {"title": "count them"}]}),
        json!({"edit": {"path": "a.txt", "after": long_text(), "why": "the lines are missing"}}),
    ]);
    let all: Vec<&str> = ["--agent", &script].into_iter().chain(args.iter().copied()).collect();
    let mut screen = Screen::open(room, &all, size);
    screen.wait("the question is shown", |text| text.contains("a.txt") && text.contains("line 3"));
    screen
}

fn commands_are_found_in_palette_and_help(size: (u16, u16)) {
    let room = Room::with(&[]);
    let _hosts = Hosts(&room);
    let mut screen = asking(&room, &[], size);
    screen.command("palette");
    screen.wait_for("Commands");
    screen.type_text("zoom");
    screen.wait_for("Enter runs it");
    screen.press("enter");
    screen.wait_gone("Enter runs it");
    screen.command("help");
    screen.wait_for("Keys  default");
    screen.command("bottom");
    screen.wait_for("Suspend to the shell");
    screen.press("esc");
    screen.wait_gone("Keys  default");
    screen.quit();
}

fn panes_are_searched_zoomed_and_copied_from(size: (u16, u16)) {
    let room = Room::with(&[]);
    let _hosts = Hosts(&room);
    let mut screen = asking(&room, &[], size);
    screen.command("search");
    screen.wait_for("Search in this pane");
    screen.type_text("line 99");
    screen.press("enter");
    screen.wait("the match is on the screen", |text| !text.contains("Search in this pane") && text.contains("line 99"));
    screen.command("yank");
    screen.wait_for("copied");
    assert_eq!(screen.copied().len(), 1, "one write to the clipboard, asked for");
    screen.press("esc");
    screen.wait_gone("copied");
    screen.command("zoom");
    screen.wait("the diff has the whole width", |text| {
        text.contains("line 99") && text.lines().all(|line| line.matches('╭').count() <= 1)
    });
    screen.command("zoom");
    for (command, title) in [
        ("focus-plan", "1 Plan"),
        ("focus-inbox", "2 Inbox"),
        ("focus-tests", "4 Tests"),
        ("focus-why", "5 Why"),
        ("focus-output", "6 Output"),
        ("focus-diff", "3 Diff"),
    ] {
        screen.command(command);
        screen.wait_for(title);
    }
    screen.quit();
}

fn the_mouse_focuses_and_scrolls(size: (u16, u16)) {
    let room = Room::with(&[]);
    let _hosts = Hosts(&room);
    let mut screen = asking(&room, &[], size);
    let middle = (size.0 / 2, 6);
    for _ in 0..8 {
        screen.wheel(middle.0, middle.1, true);
    }
    screen.wait("the diff has scrolled", |text| text.contains("line 20\n") || !text.contains("line 3 "));
    screen.wait("the top is gone", |text| {
        !text.lines().any(|line| line.contains(" + line 1 ") || line.ends_with("line 1"))
    });
    for _ in 0..8 {
        screen.wheel(middle.0, middle.1, false);
    }
    screen.wait("the top is back", |text| text.contains("line 2"));
    screen.click(middle.0, middle.1);
    assert!(!room.exists("a.txt"), "no click decides");
    screen.quit();
}

fn a_storm_of_sizes_leaves_the_same_picture(size: (u16, u16)) {
    let room = Room::with(&[]);
    let _hosts = Hosts(&room);
    let mut screen = asking(&room, &[], size);
    for round in 0..4 {
        for storm in [(200, 50), (40, 10), (80, 24), (1, 1), (39, 9), (300, 100), (59, 20), (120, 40)] {
            screen.resize(storm);
            if round == 0 {
                let (columns, rows) = storm;
                let what = if columns < 40 || rows < 10 { "40" } else { "a.txt" };
                screen.wait(&format!("a picture at {storm:?}"), |text| columns < 5 || text.contains(what));
            }
        }
    }
    screen.resize(size);
    screen.wait("the question is shown", |text| text.contains("a.txt") && text.contains("line 3"));
    screen.command("focus-why");
    screen.wait_for("the lines are missing");
    screen.quit();
}

#[test]
fn a_narrow_terminal_gets_lines_without_boxes() {
    let room = Room::with(&[]);
    let _hosts = Hosts(&room);
    let mut screen = asking(&room, &[], (50, 20));
    assert!(!screen.text().contains(['│', '╭', '─']), "{}", screen.picture());
    screen.approve("the file is there", |_| room.exists("a.txt"));
    screen.wait_idle();
    screen.quit();
}

/// On the main screen, so that a screen reader and the scrollback keep it; on a terminal that knows no sequences, none.
#[test]
fn linear_adds_numbered_lines_and_decides_there() {
    for term in ["xterm-256color", "dumb"] {
        let room = Room::with(&[("a.txt", "one\ntwo\n")]);
        let _hosts = Hosts(&room);
        let script = room.script(&[
            json!({"edit": {"path": "a.txt", "after": "ONE\ntwo\n", "why": "louder"}}),
            json!({"edit": {"path": "a.txt", "after": "one\n", "why": "shorter"}}),
            json!({"told": "keep both"}),
        ]);
        let args = ["--linear", "--agent", &script];
        let mut screen = Screen::open_in(&room, &room.workspace(), &args, (100, 40), &[("TERM", term)]);
        screen.wait("the question is told", |text| text.contains("+ ONE") && text.contains("pending: "));
        screen.consent("approve", "the file is changed", |_| room.read("a.txt") == "ONE\ntwo\n");
        screen.wait_for("edit a.txt  ");
        screen.wait("the next question is told", |text| text.contains("- two"));
        screen.command("deny");
        screen.wait_for("Deny: why?");
        screen.type_text("keep both");
        screen.wait_for("> keep both");
        screen.press("enter");
        screen.wait("nothing is open", |text| text.contains("| idle") || text.contains("session done"));
        screen.command("quit");
        assert_eq!(screen.gone("quit").exit_code(), 0);
        screen.assert_settings("afterwards");
        let sent = String::from_utf8_lossy(&screen.sent).into_owned();
        assert!(!sent.contains("\x1b[?1049") && !sent.contains(['│', '╭', '─']), "{term}: {sent:?}");
        assert!(term != "dumb" || !sent.contains('\x1b'), "{sent:?}");
    }
}

#[test]
fn hostile_words_reach_the_terminal_as_harmless_signs() {
    let nasty = "\x1b]0;owned\x07 \x1b[5m \u{202e}gnp.exe \u{200b}zero\x1b_APC\x1b\\ \u{9b}31m \x08\x08";
    let room = Room::with(&[("a.txt", "one\n")]);
    let _hosts = Hosts(&room);
    let script = room.script(&[
        json!({"say": nasty}),
        json!({"think": nasty}),
        json!({"plan": [{"title": nasty, "status": "active"}]}),
        json!({"run": {"command": format!("printf '%s' '{}'", nasty.replace('\'', "")), "why": nasty}}),
        json!({"edit": {"path": "a.txt", "after": format!("{nasty}\n"), "why": nasty}}),
    ]);
    let mut screen = Screen::open(&room, &["--mode", "step", "--agent", &script], (120, 40));
    screen.wait_for("run printf");
    screen.command("focus-output");
    screen.wait_for("no command output yet");
    screen.command("agent-log");
    screen.wait_for("the agent log is empty");
    screen.command("agent-log");
    screen.wait_for("no command output yet");
    screen.approve("the edit is asked about", |text| text.contains("a2 "));
    screen.wait_for("owned");
    screen.command("deny");
    screen.wait_for("Deny: why?");
    screen.press("enter");
    screen.wait_idle();
    screen.quit();
}

/// A finished session is stepped through, from its first event to its last; nothing in it can be decided.
#[test]
fn a_record_is_stepped_through() {
    for size in [(80, 24), (160, 44)] {
        let room = Room::with(&[("a.txt", "one\n")]);
        let _hosts = Hosts(&room);
        let script = room.script(&[
            json!({"say": "first words"}),
            json!({"edit": {"path": "a.txt", "after": "two\n"}}),
            json!({"say": "last output"}),
        ]);
        let mut screen = Screen::open(&room, &["--agent", &script], size);
        screen.wait_for("edit a.txt");
        screen.approve("the file is changed", |_| room.read("a.txt") == "two\n");
        screen.wait_idle();
        screen.quit();
        let mut screen = Screen::open(&room, &["replay", &only_session(&room)], size);
        screen.wait("the question is shown as it was", |text| text.contains("record, event") && text.contains("+ two"));
        screen.command("approve");
        screen.wait_for("a record is read-only");
        for _ in 0..20 {
            if screen.text().contains("end of the record") {
                break;
            }
            let before = screen.text();
            screen.command("step");
            screen.wait("something changed", |text| text != before);
        }
        screen.wait("its end", |text| text.contains("end of the record") && text.contains("session done"));
        screen.quit();
    }
}
