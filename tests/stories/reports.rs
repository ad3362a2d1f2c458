//! What users of other clients reported, as they met it: each report names its input and what must not happen again.

use crate::external::{agent, heard, open_at};
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
    let place = |words: &str| screen.text().find(words).unwrap_or_else(|| panic!("{words}\n{}", screen.picture()));
    for line in ["# a comment", "* glob", "**red**"] {
        assert!(place("failed without asking (execute): ls -l") < place(line), "{}", screen.picture());
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

/// What is printed within links, in the order in which the terminal receives it.
#[derive(Default)]
struct Linked {
    is_open: bool,
    text: String,
}

impl vte::Perform for Linked {
    fn print(&mut self, c: char) {
        if self.is_open {
            self.text.push(c);
        }
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell: bool) {
        if let [b"8", _, address] = params {
            self.is_open = !address.is_empty();
        }
    }
}

/// openai/codex#31554, gi-dellav/opencrabs#1031: an address that wraps leads nowhere, or links count as columns.
#[test]
fn a_link_that_wraps_is_one_link_and_takes_no_columns() {
    const NARROW: (u16, u16) = (40, 40);
    let address = format!("https://example.com/{}", "0123456789".repeat(30));
    let script = json!({"turns": [[{"say": format!("See [CLICKME]({address}) first.\n\nthat is it")}]]});
    let shown = |vte: &str| {
        let room = Room::with(&[]);
        let hosts = Hosts(&room);
        let config = agent(&room, &script);
        let args = ["--agent", "fake", "--config", &config, "--isolation", "gated", "go"];
        let mut screen = Screen::open_in(&room, &room.workspace(), &args, NARROW, &[("VTE_VERSION", vte)]);
        screen.wait_for("that is it");
        screen.wait_idle();
        let text = screen.text();
        let rows: Vec<String> = text
            .lines()
            .skip_while(|line| !line.contains("CLICKME"))
            .take_while(|line| !line.contains("that is it"))
            .map(str::to_owned)
            .collect();
        let mut linked = Linked::default();
        vte::Parser::new().advance(&mut linked, &screen.sent);
        quit(screen, &room, hosts);
        (rows, linked.text)
    };
    let (with, linked) = shown("6000");
    let (without, none) = shown("4000");
    assert!(with.len() > 7 && with == without, "{with:#?}\n{without:#?}");
    assert!(linked.contains("CLICKME") && linked.contains(&address), "{linked}");
    assert_eq!(none, "");
}

/// anomalyco/opencode#6895: the conversation is somewhere else after a tall command was approved.
#[test]
fn what_is_read_stays_in_place_while_a_tall_command_is_decided() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let long: String = (1..=60).map(|n| format!("paragraph {n}\n\n")).collect();
    let command: String = (1..=60).map(|n| format!("touch row-{n}\n")).collect();
    let call = json!({"toolCallId": "t", "title": "a script", "kind": "execute", "rawInput": {"command": command}});
    let turns = json!([[{"say": long}, {"say": "the start\n\n"}, {"sleep_ms": 1500},
        {"permission": call, "then": [{"say": "it ran"}], "else": []}]]);
    let mut screen = open_at(&room, &json!({"turns": turns}), "gated", SIZE);
    screen.wait_for("the start");
    screen.command("focus-talk");
    (0..3).for_each(|_| screen.command("page-up"));
    screen.wait_gone("the start");
    let top = |screen: &Screen| screen.text().lines().find(|line| line.contains("paragraph")).map(str::to_owned);
    let read = top(&screen);
    screen.wait_for("1 pending");
    assert_eq!(top(&screen), read, "the question does not take its place\n{}", screen.picture());
    screen.approve("the script is approved", |text| !text.contains("1 pending"));
    screen.wait_idle();
    screen.command("focus-talk");
    screen.wait("the same line on top", |text| text.lines().find(|line| line.contains("paragraph")) == read.as_deref());
    quit(screen, &room, hosts);
}

/// Claude Code 2.1.89: an entry of the history is lost at the edge of a page of 4096 bytes.
#[test]
fn a_long_message_is_whole_in_the_history_of_the_next_session() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let turns = json!({"turns": [[{"say": "ready"}], [{"say": "it came"}]]});
    let mut screen = open_at(&room, &turns, "gated", SIZE);
    let long = "漢字🦘".repeat(600);
    for words in ["before", "behind"] {
        screen.wait_for("ready");
        screen.wait_idle();
        compose(&mut screen);
        if words == "before" {
            screen.paste(&long);
            screen.wait_for("[pasted 1 line");
            screen.type_text("wombat");
        } else {
            // It is found in the next session by a word of it.
            screen.press("C-r");
            screen.type_text("wombat");
            screen.wait_for("history: wombat");
            screen.press("enter");
            screen.wait_gone("history: wombat");
        }
        screen.press("enter");
        screen.wait_for("it came");
        screen.wait_idle();
        assert_eq!(last_prompt(&room).trim_end(), format!("{long}wombat"), "{words}");
        screen.quit();
        hosts.wait_for_none();
        if words == "behind" {
            return;
        }
        std::fs::remove_file(room.dir.path().join("heard.jsonl")).unwrap();
        let config = room.dir.path().join("rightseat/config.toml").display().to_string();
        let args = ["--agent", "fake", "--config", &config, "--isolation", "gated", "go"];
        screen = Screen::open(&room, &args, SIZE);
    }
}

/// Claude Code 2.1.218, 2.1.187: a paste that the terminal does not bracket, with line feeds and a key for every byte.
#[test]
fn a_paste_without_brackets_arrives_as_it_was() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let mut screen = open_at(&room, &json!({"turns": [[{"say": "ready"}], [{"say": "it came"}]]}), "gated", SIZE);
    screen.wait_for("ready");
    screen.wait_idle();
    compose(&mut screen);
    screen.send(b"one\ntwo ");
    screen.wait_for("two");
    let keys: String = "안녕".bytes().map(|byte| format!("\u{1b}[{byte}u")).collect();
    screen.send(keys.as_bytes());
    screen.wait_for("안녕");
    screen.press("enter");
    screen.wait_for("it came");
    assert_eq!(last_prompt(&room), "one\ntwo 안녕");
    screen.wait_idle();
    quit(screen, &room, hosts);
}

/// matrixorigin/Astra#624, github/copilot-cli#369, anomalyco/opencode#25932: text that begins with a slash is lost, or run.
#[test]
fn text_that_begins_with_a_slash_is_neither_lost_nor_run() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let commands = json!([{"name": "review", "description": "reviews", "input": {"hint": "what"}}]);
    let offers = json!({"update": {"sessionUpdate": "available_commands_update", "availableCommands": commands}});
    let turns = json!({"turns": [[offers, {"say": "ready"}], [{"say": "one came"}], [{"say": "two came"}], [{"say": "three came"}], [{"say": "four came"}]]});
    let mut screen = open_at(&room, &turns, "gated", SIZE);
    screen.wait_for("ready");
    screen.wait_idle();
    for (text, came) in [("/tmp is full", "one came"), ("/eixt", "two came")] {
        compose(&mut screen);
        screen.type_text(text);
        screen.press("enter");
        screen.wait_for("Enter sends it as text");
        assert!(screen.text().contains(&format!("› {text}")), "{}", screen.picture());
        screen.press("enter");
        screen.wait_for(came);
        assert_eq!(last_prompt(&room), text);
        screen.wait_idle();
    }
    // A slash alone selects the first command; nothing is sent.
    compose(&mut screen);
    screen.type_text("/");
    screen.wait_for("reviews");
    screen.press("enter");
    screen.wait("the command is in the message", |text| text.contains("› /review") && !text.contains("reviews"));
    assert_eq!(last_prompt(&room), "/eixt");
    screen.press("C-j");
    screen.type_text("this");
    screen.press("enter");
    screen.wait_for("three came");
    assert_eq!(last_prompt(&room), "/review \nthis");
    screen.wait_idle();
    compose(&mut screen);
    screen.type_text("/");
    screen.wait_for("reviews");
    screen.press("esc");
    screen.wait_gone("reviews");
    screen.press("enter");
    screen.wait_for("Enter sends it as text");
    screen.press("enter");
    screen.wait_for("four came");
    assert_eq!(last_prompt(&room), "/");
    screen.wait_idle();
    quit(screen, &room, hosts);
}

/// microsoft/vscode#336466, github/app#430: a message that is edited is sent half, one that was withdrawn is sent.
#[test]
fn a_queued_message_is_not_sent_while_it_is_edited_nor_after_it_was_withdrawn() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let turns = json!({"turns": [[{"say": "ready"}, writes(), {"sleep_ms": 2500}, {"say": "the turn ends"}], [{"say": "next"}]]});
    let mut screen = open_at(&room, &turns, "gated", SIZE);
    screen.wait_for("1 pending");
    for text in ["alpha", "beta", "gamma"] {
        compose(&mut screen);
        screen.type_text(text);
        screen.press("enter");
        screen.wait(text, |shown| {
            shown.contains(&format!("queued {text}")) || shown.contains("more") || shown.contains("gamma")
        });
    }
    screen.approve("the turn goes on", |text| !text.contains("1 pending"));
    screen.command("queue");
    screen.wait("the list", |text| ["Queued for the agent", "alpha", "beta", "gamma"].iter().all(|w| text.contains(w)));
    screen.press("j X");
    screen.wait_gone("beta");
    screen.press("k e");
    screen.wait_for("edits queued");
    screen.type_text(" half");
    screen.wait("the one that is edited is passed over", |_| last_prompt(&room) == "gamma");
    screen.wait_idle();
    assert_eq!(last_prompt(&room), "gamma");
    screen.type_text(" and whole");
    screen.press("enter");
    screen.wait_gone("edits queued");
    screen.wait("it is sent", |_| last_prompt(&room) == "alpha half and whole");
    screen.wait_idle();
    assert!(!heard(&room).contains("beta"));
    // A letter right after a message is not a command.
    screen.type_text("d");
    screen.wait_for("nothing was decided");
    screen.press("esc");
    screen.wait_gone("nothing was decided");
    quit(screen, &room, hosts);
}
