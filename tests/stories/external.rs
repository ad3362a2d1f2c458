//! External agents on the screen: their floods, their own options, their limits, what they do unasked.

use crate::fake_agent;
use crate::screen::{Hosts, Screen};
use crate::seat::{Room, Seat, assert_verifies, only_session};
use serde_json::{Value, json};
use std::path::Path;

/// A catalog with the fake agent, playing this script.
pub fn agent(room: &Room, script: &Value) -> String {
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
    open_at(room, script, isolation, (120, 40))
}

/// The fake agent plays this script in a client of this size.
pub fn open_at(room: &Room, script: &Value, isolation: &str, size: (u16, u16)) -> Screen {
    open_with(room, script, &["--isolation", isolation], size)
}

/// The same with these arguments.
pub fn open_with(room: &Room, script: &Value, args: &[&str], size: (u16, u16)) -> Screen {
    let config = agent(room, script);
    let mut all = vec!["--agent", "fake", "--config", &config];
    all.extend(args);
    all.push("go");
    Screen::open(room, &all, size)
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
    screen.command("focus-talk");
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
    screen.wait_gone("Esc closes");
    screen.command("agent-mode");
    screen.wait("the agent's own modes, without its options", |text| {
        text.contains("Do it all") && !text.contains("Effort")
    });
    screen.press("esc");
    screen.wait_gone("Esc closes");
    screen.command("effort");
    screen.wait_for("High");
    screen.press("esc");
    screen.wait_gone("Esc closes");
    screen.command("model");
    screen.wait_for("offers no model to choose");
    screen.press("esc");
    // Esc and the next key in one read would be Alt and that key.
    screen.wait_gone("Esc closes");
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
    screen.wait_for("starting: waiting for its first response, 5 s of at most 60 s");
    screen.wait_for("here at last");
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
}

/// What the fake agent has heard so far.
pub fn heard(room: &Room) -> String {
    std::fs::read_to_string(room.dir.path().join("heard.jsonl")).unwrap_or_default()
}

#[test]
fn the_sessions_an_agent_keeps_are_gone_on_with_and_deleted() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let kept = |id: &str, title: &str| json!({"sessionId": id, "cwd": "/", "title": title, "updatedAt": "2026-01-01"});
    let script = json!({
        "init": {"agentCapabilities": {"loadSession": true, "sessionCapabilities": {"list": {}, "delete": {}}, "auth": {"logout": {}}}},
        "sessions": [kept("old-1", "the first talk"), kept("old-2", "the second talk")],
        "turns": [[{"say": "ready to go"}], [{"say": "on in the new one"}]]});
    let mut screen = open(&room, &script, "gated");
    screen.wait_for("ready to go");
    screen.wait_idle();
    let sessions = |screen: &mut Screen| {
        screen.command("agent");
        screen.wait_for("its sessions");
        screen.press("enter");
        screen.wait("the agent has named them", |text| {
            text.contains("the first talk") && text.contains("the second talk")
        });
    };
    sessions(&mut screen);
    screen.press("enter");
    screen.wait_for("resume it");
    screen.press("enter");
    screen.wait("the agent goes on with it", |_| heard(&room).contains("session/load"));
    screen.wait_gone("resume it");
    sessions(&mut screen);
    screen.wait_for("runs now");
    screen.press("j enter");
    screen.wait_for("delete it");
    screen.press("j enter");
    screen.wait("a word must be typed", |text| {
        text.contains("Delete an agent session") && text.contains("the second talk")
    });
    screen.press("enter");
    screen.wait_for("the word does not match");
    assert!(!heard(&room).contains("session/delete"));
    screen.type_text("delete");
    screen.press("enter");
    screen.wait("the agent has deleted it", |_| heard(&room).contains("session/delete"));
    screen.command("agent");
    screen.wait_for("a new session");
    screen.press("j enter");
    screen.wait("it begins another one", |_| heard(&room).matches("session/new").count() == 2);
    screen.command("agent");
    screen.wait_for("log out");
    screen.press("j j enter");
    screen.wait_for("Log the agent out");
    screen.type_text("logout");
    screen.press("enter");
    screen.wait("it is logged out", |_| heard(&room).contains("\"logout\""));
    screen.command("compose");
    screen.type_text("and on");
    screen.press("enter");
    screen.wait_for("on in the new one");
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(&room, &only_session(&room));
}

#[test]
fn an_address_is_shown_and_only_the_human_goes_there() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let ask = json!({"ask": "elicitation/create", "id": "e", "params": {"sessionId": "fake-1", "mode": "url",
        "elicitationId": "1", "message": "log in there", "url": "https://login.example/device?code=77"}});
    let script = json!({"turns": [[ask, {"say": "thank you"}]]});
    let mut screen = open(&room, &script, "gated");
    screen.wait_for("visit: log in there");
    screen.command("focus-why");
    screen.wait("part of the host", |text| text.contains("https://login.example/device?code=77"));
    screen.approve("the agent hears that the human agrees", |_| heard(&room).contains("\"action\":\"accept\""));
    screen.wait_for("thank you");
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
}

/// The audit of the screen holds every byte against what may be sent.
#[test]
fn control_signs_in_every_field_of_an_agent_stay_text() {
    const BAD: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{0}\u{9b}31m\r\n\u{202e}\u{200b}";
    let call = json!({"sessionUpdate": "tool_call", "toolCallId": BAD, "title": BAD, "kind": BAD, "status": BAD, "name": BAD,
        "locations": [{"path": BAD}], "rawInput": {"command": BAD, "description": BAD},
        "content": [{"type": "content", "content": {"type": "text", "text": BAD}}, {"type": "diff", "path": BAD, "oldText": BAD, "newText": BAD}]});
    let run =
        json!({"toolCallId": "run", "title": BAD, "kind": "execute", "rawInput": {"command": BAD, "description": BAD}});
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let script = json!({
        "init": {"agentInfo": {"name": BAD, "title": BAD, "version": BAD}, "agentCapabilities": {"sessionCapabilities": {"list": {}, "delete": {}}}},
        "session": {"modes": {"currentModeId": BAD, "availableModes": [{"id": BAD, "name": BAD}]},
            "configOptions": [{"id": BAD, "name": BAD, "type": "select", "currentValue": BAD, "options": [{"value": BAD, "name": BAD}]}]},
        "sessions": [{"sessionId": BAD, "title": BAD, "updatedAt": BAD}],
        "turns": [[{"update": call}, {"say": BAD}, {"think": BAD}, {"stderr": BAD}, {"raw": BAD}, {"notify": BAD, "params": {BAD: BAD}},
            {"update": {"sessionUpdate": "plan", "entries": [{"content": BAD, "status": BAD, "priority": BAD}]}},
            {"update": {"sessionUpdate": "session_info_update", "title": BAD}},
            {"update": {"sessionUpdate": "notice", "severity": BAD, "title": BAD, "description": BAD}},
            {"permission": run, "options": [{"optionId": BAD, "name": BAD, "kind": "allow_once"}], "then": [], "else": []},
            {"say": "it is over"}]]});
    let mut screen = open(&room, &script, "gated");
    screen.wait_for("1 pending");
    for pane in ["focus-plan", "focus-inbox", "focus-why", "focus-output", "focus-diff", "agent"] {
        screen.command(pane);
        screen.bytes_until_quiet(std::time::Duration::from_millis(60));
    }
    screen.wait_for("its sessions");
    screen.press("j enter");
    screen.bytes_until_quiet(std::time::Duration::from_millis(60));
    screen.press("esc");
    screen.wait_gone("Esc closes");
    screen.command("deny");
    screen.wait_for("Deny: why?");
    screen.press("enter");
    screen.wait_gone("1 pending");
    screen.command("focus-talk");
    screen.wait_for("it is over");
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
}

/// An agent that runs the project's tests by itself can say of them what it likes: only runs of ours are runs.
#[test]
fn a_run_of_the_tests_by_the_agent_is_its_word_only() {
    let room = Room::with(&[]);
    let run =
        json!({"toolCallId": "c", "title": "tests", "kind": "execute", "rawInput": {"command": ["true", "tests"]}});
    let said = json!({"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "completed",
        "_meta": {"terminal_output": {"data": "1..1\nok 1 - all is well\n"}, "terminal_exit": {"exit_code": 0}}});
    let script = json!({"turns": [[{"permission": run, "then": [{"update": said}], "else": []}],
        [{"run": "true", "args": ["tests"]}]]});
    let config = agent(&room, &script);
    std::fs::write(&config, "[checks]\ncommand = [\"true\", \"tests\"]\n").unwrap();
    let mut seat = Seat::start(&room, &["--agent", "fake", "--isolation", "gated", "--config", &config]);
    for (runs, by) in [(0, "the agent"), (1, "us")] {
        seat.ask("session/prompt", json!({"text": "go", "when": "queue"}));
        // The project's own test command is allowed by a rule.
        assert_eq!(seat.wait_kind("finished")["outcome"], "ok", "{by}");
        seat.wait_kind("turn_ended");
        assert_eq!(seat.count("check_started"), runs, "{by}");
    }
    assert!(seat.events.iter().any(|e| e["kind"] == "output" && e["tail"].as_str().unwrap().contains("all is well")));
    seat.close();
}

/// The login of an agent is shown as a whole, and gets the terminal only when its row is chosen.
#[test]
fn an_agents_login_runs_in_the_terminal_when_it_is_chosen() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let script = json!({
        "init": {"authMethods": [{"id": "tty", "name": "Log in here", "type": "terminal", "args": ["--list"]}]},
        "errors": {"session/new": {"code": -32000, "message": "Authentication required"}},
        "turns": [[]]});
    let mut screen = open(&room, &script, "gated");
    screen.wait_for("requires a login");
    screen.command("sign-in");
    screen.wait("the ways to sign in", |text| text.contains("Log in here") && text.contains("in your terminal"));
    screen.press("enter");
    screen.wait("the whole command", |text| {
        text.contains("plays_the_fake_agent_when_told") && text.contains("--list") && text.contains("run this command")
    });
    // Enter alone leads back.
    screen.press("enter");
    screen.wait_gone("run this command");
    screen.press("enter");
    screen.wait_for("run this command");
    screen.press("j enter");
    screen.wait_for("the login ended with success");
    // The terminal was given away once in between.
    screen.command("quit");
    assert_eq!(screen.gone("quit").exit_code(), 0);
    screen.assert_settings("afterwards");
    hosts.wait_for_none();
}
