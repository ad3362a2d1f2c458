//! External agents on the screen: their floods, their own options, their limits, what they do unasked.

use crate::fake_agent;
use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::{Value, json};
use std::path::Path;

/// A catalog with the fake agent, playing this script.
fn agent(room: &Room, script: &Value) -> String {
    let (script_file, config) = (room.dir.path().join("script.json"), room.dir.path().join("rightseat"));
    std::fs::write(&script_file, script.to_string()).unwrap();
    std::fs::create_dir(&config).unwrap();
    std::fs::write(config.join("config.toml"), "").unwrap();
    let exe = std::env::current_exe().unwrap();
    let command = json!([exe.to_str().unwrap(), "plays_the_fake_agent_when_told", "--exact", "--nocapture", "--quiet"]);
    let env = |name: &str, path: &Path| format!("{name} = {}", json!(path.to_str().unwrap()));
    let entry = format!(
        "[[agent]]\nname = \"fake\"\ntitle = \"Fake\"\nlevel = \"L2\"\ncommand = {command}\nenv = {{ {}, {} }}\n",
        env(fake_agent::SCRIPT, &script_file),
        env(fake_agent::LOG, &room.dir.path().join("heard.jsonl")),
    );
    std::fs::write(config.join("agents.toml"), entry).unwrap();
    config.join("config.toml").display().to_string()
}

fn open(room: &Room, script: &Value, isolation: &str) -> Screen {
    let config = agent(room, script);
    Screen::open(room, &["--agent", "fake", "--isolation", isolation, "--config", &config, "go"], (120, 40))
}

#[test]
fn keys_work_while_a_hundred_thousand_updates_come() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let flood = json!({"repeat": 100_000, "steps": [{"say": "token "}]});
    let mut screen = open(&room, &json!({"turns": [[flood, {"say": "\n\nthe flood is over"}]]}), "gated");
    screen.wait_for("token token");
    for _ in 0..5 {
        screen.command("help");
        screen.wait_for("Approve with a note");
        screen.press("esc");
        screen.wait_gone("Approve with a note");
    }
    screen.command("focus-output");
    screen.wait_for("the flood is over");
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(&room, &only_session(&room));
}

#[test]
fn the_agents_limits_and_options_are_shown_and_changed() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let script = json!({
        "session": {"modes": {"currentModeId": "ask", "availableModes": [
            {"id": "ask", "name": "Ask first"}, {"id": "yolo", "name": "Do it all"}]},
            "configOptions": [{"id": "effort", "name": "Effort", "type": "select", "currentValue": "low",
                "options": [{"value": "low", "name": "Low"}, {"value": "high", "name": "High"}]}]},
        "turns": [[{"say": "ready to go"}]]});
    let mut screen = open(&room, &script, "gated");
    screen.wait_for("ready to go");
    screen.command("agent");
    screen.wait("badges, modes and options", |text| {
        ["L2: asks before edits", "isolation gated", "Ask first", "Effort", "Low"].iter().all(|w| text.contains(w))
    });
    screen.press("j enter");
    screen.wait("the values of the option", |text| text.contains("High") && !text.contains("Ask first"));
    screen.press("j enter");
    screen.command("agent");
    screen.wait("the agent hears of it", |_| {
        let heard = std::fs::read_to_string(room.dir.path().join("heard.jsonl")).unwrap_or_default();
        heard.contains("session/set_config_option") && heard.contains("\"high\"")
    });
    screen.press("esc");
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
}

#[test]
fn a_slow_start_is_told_while_it_lasts() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let script = json!({"init_delay_ms": 6000, "turns": [[{"say": "here at last"}]]});
    let mut screen = open(&room, &script, "gated");
    screen.wait_for("starting: waiting for its first answer, 5 s of at most 60 s");
    screen.wait_for("here at last");
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
}
