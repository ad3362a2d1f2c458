//! Bytes of every evil kind, from everywhere they can come, on every screen and in every plain command: whatever a terminal
//! receives is held against the list of what may ever be sent (`support/audit`).

use crate::screen::{Hosts, Screen};
use crate::seat::{Room, Seat, only_session};
use serde_json::json;
use std::os::unix::ffi::OsStrExt as _;

at_every_size!(every_pane_shows_harmless_signs,);

/// Titles, colors, a cleared screen, the clipboard, a link, strings of devices and applications, eight-bit controls,
/// direction, joiners, selectors, tags, fillers, stacks of marks, wide and ambiguous signs, backspaces, bells.
const EVIL: &str = "\x1b]0;owned\x07\x1b]52;c;ZXZpbA==\x07\x1b]8;;http://e.example\x1b\\x\x1b]8;;\x1b\\\x1b[5m\x1b[8m\x1b[2J\x1b[?1003h\
     \x1b[20t\x1bP1;1|00/00\x1b\\\x1b_apc\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\\x1bc\x1b(0 \u{9b}31m\u{9d}0;t\u{9c}\u{90}q\u{9c} \
     \u{202e}gnp.exe\u{202c}\u{2066}i\u{2069} a\u{200b}b\u{200d}c\u{feff}d\u{ad}e\u{61c}f\u{2060}g \u{fe0f}\u{e0041}\u{e007f}\u{3164}\
     \u{115f}\u{ffa0}\u{2800}\u{3000} z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}\u{30b}\
     \u{30c} 漢\u{ff21}\u{1f469}\u{200d}\u{1f467}§ \u{2028}\u{2029}\u{85}\x08\x08\x7f\x0b\x0c\x0e\x0f\x05 end";

/// The same without what a file's name cannot hold.
fn evil_name() -> String {
    let name: String = EVIL.chars().filter(|c| *c != '/').collect();
    let mut end = 200;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

/// A workspace whose files, branch, tests and script are all hostile.
fn evil_room() -> (Room, String) {
    let room = Room::with(&[("a.txt", "one\n"), ("b.txt", &format!("{EVIL}\n{}\n", EVIL.repeat(40)))]);
    room.write(&evil_name(), EVIL);
    let torn = std::ffi::OsStr::from_bytes(b"torn\xff\xfe\x9b31m\xc3.txt");
    std::fs::write(room.workspace().join(torn), b"\xff\x9b\x00\x1b[31m").unwrap();
    std::fs::create_dir_all(room.workspace().join(".git")).unwrap();
    room.write(".git/HEAD", &format!("ref: refs/heads/{}\n", EVIL.replace(['\n', ' '], "")));
    let quoted = EVIL.replace('\'', "");
    let script = room.script(&[
        json!({"say": EVIL}),
        json!({"say": EVIL.repeat(60)}),
        json!({"think": EVIL}),
        json!({"plan": [{"title": EVIL, "status": "active"}, {"title": evil_name()}]}),
        json!({"edit": {"path": "b.txt", "after": format!("{}\n{EVIL}\r\n\x00{EVIL}", EVIL.repeat(30)), "why": EVIL}}),
        json!({"edit": {"path": evil_name(), "after": "two\n", "why": EVIL}}),
        json!({"run": {"command": format!("printf '%s\\n' '{quoted}' 'test result: FAILED. {quoted}' >&2; exit 3"), "why": EVIL}}),
        json!({"tests": {}}),
        json!({"end": "refusal"}),
    ]);
    (room, script)
}

fn every_pane_shows_harmless_signs(size: (u16, u16)) {
    let (room, script) = evil_room();
    let _hosts = Hosts(&room);
    let mut screen = Screen::open(&room, &["--mode", "step", "--agent", &script], size);
    screen.wait("the first question is shown", |text| text.contains("a1 ") || text.contains("b.txt"));
    for command in
        ["focus-plan", "focus-inbox", "focus-tests", "focus-why", "focus-output", "agent-log", "swap", "focus-diff"]
    {
        screen.command(command);
        screen.bytes_until_quiet(std::time::Duration::from_millis(60));
    }
    screen.command("diff-view");
    screen.bytes_until_quiet(std::time::Duration::from_millis(60));
    screen.approve("the second question is asked", |text| text.contains("a2 "));
    screen.command("focus-why");
    screen.approve("the command is asked about", |text| text.contains("a3 "));
    screen.approve("it has run", |text| !text.contains("a3 ") || text.contains("exit 3") || text.contains("finished"));
    screen.command("focus-output");
    screen.bytes_until_quiet(std::time::Duration::from_millis(60));
    screen.resize((size.1 * 2, size.0 / 4));
    screen.bytes_until_quiet(std::time::Duration::from_millis(60));
    screen.quit();
}

/// A command on a terminal, to its end.
fn told(room: &Room, args: &[&str]) {
    let mut screen = Screen::open(room, args, (100, 30));
    let _ = screen.gone(&args.join(" "));
}

#[test]
fn plain_commands_show_harmless_signs() {
    let (room, script) = evil_room();
    let _hosts = Hosts(&room);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    seat.finished(&held["action"]);
    seat.held();
    let session = only_session(&room);
    told(&room, &["inbox"]);
    told(&room, &["inbox", "--json"]);
    seat.ask("session/close", json!({}));
    seat.close();
    for args in [
        &["ls"] as &[&str],
        &["ls", "--json"],
        &["verify", &session],
        &["verify", &session, "--json"],
        &["export", &session, "--format", "jsonl"],
        &["export", &session, "--format", "md"],
        &["export", &session, "--format", "html"],
        &["export", &session, "--no-redact"],
        &["policy", "explain", EVIL],
        &["replay", EVIL],
        &["review", EVIL],
        &["attach", EVIL],
        &["verify", EVIL],
        &["export", EVIL],
        &["--agent", EVIL],
        &["--agent", &format!("script:{EVIL}")],
        &["--agent", &format!("acp:{EVIL}")],
        &["--theme", EVIL],
        &["--keymap", EVIL],
        &["--mode", EVIL],
        &["--dir", EVIL],
        &["--config", EVIL],
        &[&format!("--{EVIL}")],
        &["policy", EVIL],
        &["doctor"],
        &["doctor", "--json"],
        &["config", "show"],
    ] {
        told(&room, args);
    }
}

#[test]
fn what_people_write_is_no_way_to_the_terminal_either() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let _hosts = Hosts(&room);
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    let toml = toml::Value::from(EVIL.replace('\0', "")).to_string();
    let files = [
        ("config.toml", format!("theme = {toml}\n")),
        ("config.toml", format!("{EVIL} = 1\n")),
        ("agents.toml", format!("[[agent]]\nname = \"x\"\ntitle = {toml}\ncommand = [{toml}]\ninstall = {toml}\n")),
        ("agents.toml", format!("[[agent]]\nname = {toml}\n")),
        ("models.toml", format!("[[provider]]\nname = {toml}\napi = {toml}\n")),
        ("policy.toml", format!("[[rule]]\nruling = {toml}\n")),
        ("policy.toml", format!("[[rule]]\nruling = \"deny\"\ncommand = \"ls *\"\nreason = {toml}\n")),
    ];
    for (name, text) in files {
        std::fs::write(config.join(name), text).unwrap();
        for args in [
            &["config", "show"] as &[&str],
            &["agents"],
            &["agents", "--json"],
            &["policy", "explain", "ls a"],
            &["doctor"],
        ] {
            told(&room, args);
        }
        std::fs::remove_file(config.join(name)).unwrap();
    }
    let lines = room.dir.path().join("play.jsonl");
    for text in [format!("{{\"{EVIL}\": 1}}\n"), format!("{{\"say\": \"{EVIL}\n"), format!("{}\n", json!({EVIL: 1}))] {
        std::fs::write(&lines, text).unwrap();
        told(&room, &["--agent", &format!("script:{}", lines.display())]);
        told(&room, &["review", &lines.display().to_string()]);
    }
}
