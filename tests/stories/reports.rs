//! What users of other clients reported, as they met it: each report names its input and what must not happen again.

use crate::external::{heard, open_at};
use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use base64::Engine as _;
use serde_json::{Value, json};

const SIZE: (u16, u16) = (80, 24);

fn quit(screen: Screen, room: &Room, hosts: Hosts<'_>) {
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(room, &only_session(room));
}

fn compose(screen: &mut Screen) {
    screen.command("compose");
    screen.wait_for("Enter send");
}

/// The text of the last prompt that the agent received.
fn last_prompt(room: &Room) -> String {
    let messages = heard(room);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut prompts = messages.filter(|message| message["method"] == "session/prompt");
    let prompt = prompts.next_back().unwrap_or_default();
    let blocks = prompt["params"]["prompt"].as_array().cloned().unwrap_or_default();
    blocks.iter().filter_map(|block| block["text"].as_str()).collect()
}

fn writes() -> Value {
    json!({"ask": "fs/write_text_file", "params": {"sessionId": "fake-1", "path": "$CWD/calc.py", "content": "x = 2\n"}})
}

/// openai/codex#7744, charmbracelet/crush#2799: the question comes between two keys of a message that could answer it;
/// anthropics/claude-code#59210: keys that edit a note confirm it.
#[test]
fn typing_answers_no_question_that_comes_meanwhile() {
    let room = Room::with(&[("calc.py", "x = 1\n")]);
    let hosts = Hosts(&room);
    let turns = json!([[{"say": "working"}, {"sleep_ms": 1500}, writes(), {"say": "asked"}], [{"say": "it came"}]]);
    let mut screen = open_at(&room, &json!({"turns": turns}), "gated", SIZE);
    screen.wait_for("working");
    compose(&mut screen);
    screen.type_text("yes, app");
    screen.wait_for("1 pending");
    screen.type_text("rove all ");
    screen.wait_for("› yes, approve all");
    screen.press("enter");
    screen.wait_gone("Enter send");
    screen.wait_for("edit calc.py");
    screen.command("focus-diff");
    screen.command("bottom");
    screen.consent("approve-with-note", "a note is asked for", |text| text.contains("Enter approves with this note"));
    screen.type_text("abc");
    screen.press("left delete backspace");
    screen.wait("two letters are gone", |text| !text.contains("abc") && text.contains("Enter approves with this note"));
    screen.press("esc");
    screen.wait_gone("Enter approves with this note");
    assert_eq!(room.read("calc.py"), "x = 1\n");
    screen.approve("only its key approves", |_| room.read("calc.py") == "x = 2\n");
    screen.wait_for("it came");
    screen.wait_idle();
    assert_eq!(last_prompt(&room), "yes, approve all ");
    quit(screen, &room, hosts);
}

/// vercel/ai#20052: the model's text drives the terminal, from every place that it can reach: words, code, links, cells
/// of tables, the descriptions of commands, the names of options. The screen holds every byte against the list.
#[test]
fn no_place_that_an_agent_can_write_to_drives_the_terminal() {
    const BAD: &str =
        "\u{1b}]52;c;QUFB\u{7}\u{1b}]8;;https://e.example\u{1b}\\x\u{1b}]8;;\u{1b}\\\u{9b}31m\u{1b}]0;open";
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let commands = json!([{"name": format!("go{BAD}"), "description": BAD, "input": {"hint": BAD}}]);
    let markdown = format!(
        "# {BAD}\n\n{BAD} `{BAD}` [{BAD}](https://a.example/\u{1b}\\{BAD})\n\n| {BAD} | b |\n|---|---|\n| {BAD} | 1 |\n\n```\n{BAD}\n```\n\nall shown\n"
    );
    let schema = json!({"type": "object", "properties": {BAD: {"type": "string", "title": BAD,
        "oneOf": [{"const": BAD, "title": BAD, "description": BAD}]}}});
    let form = json!({"ask": "elicitation/create", "params": {"sessionId": "fake-1", "mode": "form",
        "message": format!("asks {BAD}"), "requestedSchema": schema}});
    let options = json!([{"optionId": BAD, "name": BAD, "kind": "allow_once"}, {"optionId": "n", "name": BAD, "kind": "reject_once"}]);
    let call = json!({"toolCallId": "t", "title": BAD, "kind": "other"});
    let offers = json!({"update": {"sessionUpdate": "available_commands_update", "availableCommands": commands}});
    let turns = json!([[offers, {"say": markdown}], [form, {"permission": call, "options": options, "then": [], "else": []}, {"say": "it is over"}]]);
    let mut screen = open_at(&room, &json!({"turns": turns}), "gated", SIZE);
    screen.wait_for("all shown");
    screen.wait_idle();
    compose(&mut screen);
    screen.type_text("/go");
    screen.bytes_until_quiet(std::time::Duration::from_millis(100));
    screen.press("esc");
    screen.wait_gone("commands");
    screen.press("C-c");
    screen.wait("nothing more is typed", |text| !text.contains("Enter send"));
    compose(&mut screen);
    screen.type_text(" now");
    screen.press("enter enter");
    screen.wait_for("1 pending");
    screen.command("focus-diff");
    screen.wait_for("asks");
    screen.command("deny");
    screen.wait_for("Enter");
    screen.press("enter");
    screen.wait("the next question", |text| text.contains("1 pending") && !text.contains("asks"));
    screen.command("options");
    screen.wait_for("Esc closes");
    screen.press("esc");
    screen.wait_gone("Esc closes");
    screen.command("deny");
    screen.wait_for("Enter");
    screen.press("enter");
    screen.wait_for("it is over");
    screen.wait_idle();
    quit(screen, &room, hosts);
}

/// Other clients guess whether a tool's output is Markdown, and show comments as headings. It is shown as it is.
#[test]
fn the_output_of_a_tool_is_not_taken_for_markdown() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let output = "# a comment\n* glob\n\u{1b}[31m**red**\u{1b}[0m\n";
    let call = json!({"sessionUpdate": "tool_call", "toolCallId": "t1", "title": "ls -l", "kind": "execute",
        "status": "failed", "content": [{"type": "content", "content": {"type": "text", "text": output}}]});
    let mut screen = open_at(&room, &json!({"turns": [[{"update": call}, {"say": "it failed"}]]}), "gated", SIZE);
    screen.wait_for("it failed");
    screen.wait_idle();
    for line in ["# a comment", "* glob", "**red**"] {
        assert!(screen.text().contains(line), "{}", screen.picture());
    }
    quit(screen, &room, hosts);
}

/// anomalyco/opencode#7648, #40322: the view is pulled down, or jumps, while it is read.
#[test]
fn what_is_read_stays_in_place_while_text_comes_and_the_size_changes() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let long: String = (1..=60).map(|n| format!("paragraph {n}\n\n")).collect();
    let tokens = json!({"repeat": 500, "steps": [{"say": "token "}]});
    let turns = json!([[{"say": long}, {"say": "the start\n\n"}, {"sleep_ms": 1500}, tokens, {"say": "the end"}]]);
    let mut screen = open_at(&room, &json!({"turns": turns}), "gated", SIZE);
    screen.wait_for("the start");
    screen.command("focus-talk");
    (0..3).for_each(|_| screen.command("page-up"));
    screen.wait_gone("the start");
    let top = |screen: &Screen| screen.text().lines().find(|line| line.contains("paragraph")).map(str::to_owned);
    let read = top(&screen);
    assert!(read.is_some(), "{}", screen.picture());
    screen.wait_idle();
    assert_eq!(top(&screen), read, "{}", screen.picture());
    let words = read.clone().unwrap().split_whitespace().skip(1).take(2).collect::<Vec<_>>().join(" ");
    screen.resize((100, 40));
    screen.wait("the larger screen", |text| text.lines().count() == 40 && text.contains(&words));
    screen.resize(SIZE);
    screen.wait("the same line on top", |text| text.lines().find(|line| line.contains("paragraph")) == read.as_deref());
    quit(screen, &room, hosts);
}

/// badlogic/pi-mono#506, github/copilot-cli#3197: what is copied holds the breaks and the indents of the screen.
#[test]
fn a_long_command_is_copied_as_it_was_written() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let said = format!("Run this:\n\n- `printf '{}'`\n", "0123456789".repeat(30));
    let mut screen = open_at(&room, &json!({"turns": [[{"say": said}]]}), "gated", SIZE);
    screen.wait_for("• printf");
    screen.wait_idle();
    screen.command("focus-talk");
    screen.command("up");
    screen.command("yank");
    screen.wait_for("copied");
    let source = base64::engine::general_purpose::STANDARD.encode(&said);
    let trimmed = base64::engine::general_purpose::STANDARD.encode(said.trim_end());
    assert!(screen.copied().iter().any(|copied| *copied == source || *copied == trimmed), "{:?}", screen.copied());
    quit(screen, &room, hosts);
}

/// aaif-goose/goose#11270: the list of commands is replaced while it is open, and a name is in it twice.
#[test]
fn the_menu_is_what_the_agent_offers_now() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let offers = |names: &[&str]| {
        let commands: Vec<Value> = names.iter().map(|name| json!({"name": name, "description": "does it"})).collect();
        json!({"update": {"sessionUpdate": "available_commands_update", "availableCommands": commands}})
    };
    let turns = json!([[offers(&["review"]), {"say": "ready"}, {"sleep_ms": 1500}, offers(&["other", "other"]), {"say": "changed"}], [{"say": "it came"}]]);
    let mut screen = open_at(&room, &json!({"turns": turns}), "gated", SIZE);
    screen.wait_for("ready");
    compose(&mut screen);
    screen.type_text("/");
    screen.wait_for("/review");
    screen.wait("the list is the new one", |text| text.contains("/other") && !text.contains("/review"));
    assert_eq!(screen.text().matches("/other").count(), 1, "{}", screen.picture());
    screen.type_text("oth");
    screen.press("tab enter");
    screen.wait_for("it came");
    assert_eq!(last_prompt(&room).trim_end(), "/other");
    screen.wait_idle();
    quit(screen, &room, hosts);
}

/// QwenLM/qwen-code#7824: an edited placeholder loses the paste; badlogic/pi-mono#8273: the placeholder is sent.
#[test]
fn a_big_paste_is_there_whole_or_not_at_all() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let turns = json!([[{"say": "ready"}], [{"say": "it came"}], [{"say": "so did this"}]]);
    let mut screen = open_at(&room, &json!({"turns": turns}), "gated", SIZE);
    screen.wait_for("ready");
    screen.wait_idle();
    compose(&mut screen);
    let pasted = "wombat ".repeat(173);
    for keys in ["C-w", "backspace", "C-u", "left C-w", "home delete"] {
        screen.paste(&pasted);
        screen.wait_for("[pasted");
        screen.press(keys);
        screen.bytes_until_quiet(std::time::Duration::from_millis(100));
        let text = screen.text();
        let line = text.lines().rfind(|line| line.contains('›')).unwrap_or_default().to_owned();
        assert!(!line.contains("wombat") && line.matches("pasted").count() <= 1, "{keys}: {line}");
        if line.contains("[pasted") {
            screen.press("end backspace");
        }
        screen.wait_gone("[pasted");
    }
    screen.press("C-_");
    screen.wait_for("[pasted");
    screen.press("enter");
    screen.wait_for("it came");
    assert_eq!(last_prompt(&room).trim_end(), pasted.trim_end());
    screen.wait_idle();
    let lines: String = (1..=123).map(|n| format!("line {n}\n")).collect();
    compose(&mut screen);
    screen.paste(&lines);
    screen.wait_for("[pasted 123 lines");
    screen.press("enter");
    screen.wait_for("so did this");
    assert_eq!(last_prompt(&room).trim_end(), lines.trim_end());
    screen.wait_idle();
    quit(screen, &room, hosts);
}

/// CodebuffAI/freebuff#1128: the window of an input method opens elsewhere. The terminal's own cursor is at the caret.
#[test]
fn the_cursor_is_where_is_typed() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let schema = json!({"type": "object", "properties": {"name": {"type": "string", "title": "Your name?"}}});
    let ask = json!({"ask": "elicitation/create", "params": {"sessionId": "fake-1", "mode": "form",
        "message": "Before I start", "requestedSchema": schema}});
    let mut screen = open_at(&room, &json!({"turns": [[{"say": "ready"}], [ask, {"say": "it came"}]]}), "gated", SIZE);
    screen.wait_for("ready");
    screen.wait_idle();
    compose(&mut screen);
    screen.type_text("漢字 wom");
    is_at_caret(&mut screen, "wom");
    screen.press("enter");
    screen.wait_for("1 pending");
    screen.command("focus-diff");
    screen.wait_for("Your name?");
    screen.command("next-hunk");
    screen.press("i");
    screen.type_text("quokka");
    is_at_caret(&mut screen, "quokka");
    screen.press("enter");
    screen.command("bottom");
    screen.consent("approve", "the answer is sent", |text| text.contains("it came"));
    screen.wait_idle();
    quit(screen, &room, hosts);
}

/// The cursor is right behind these words, on their row.
fn is_at_caret(screen: &mut Screen, words: &str) {
    screen.wait_for(words);
    let (column, row) = screen.cursor();
    let text = screen.text();
    let line = text.lines().nth(row).unwrap_or_default();
    let before = line.split(words).next().unwrap_or_default();
    let behind = rightseat::base::text::width::width(before) + words.len();
    assert!(
        line.contains(words) && column == behind,
        "({column}, {row}) is not behind {words:?}\n{}",
        screen.picture()
    );
}
