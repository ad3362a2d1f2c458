//! The composer: what is written is kept, edited, and arrives as it was written.

use crate::external::{open_at, open_with};
use crate::model_server::{ModelServer, Script, Turn};
use crate::screen::{Hosts, Screen};
use crate::seat::{Room, Seat, assert_verifies, only_session};
use rustix::process::Signal;
use serde_json::{Value, json};

at_every_size!(
    a_message_of_several_lines_is_written_kept_and_sent,
    a_slash_command_is_selected_and_arrives,
    a_mention_is_selected_and_arrives,
    a_draft_survives_detaching_and_history_the_session,
    what_waits_is_reordered_edited_and_withdrawn,
    a_command_of_my_own_is_run_and_its_output_sent,
    an_image_is_attached_from_this_machine,
    the_built_in_agent_reads_what_is_mentioned_and_forgets,
);

fn quit(screen: Screen, room: &Room, hosts: Hosts<'_>) {
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(room, &only_session(room));
}

/// The prompts that the agent received, each as its blocks.
fn prompts(room: &Room) -> Vec<Vec<Value>> {
    let heard = std::fs::read_to_string(room.dir.path().join("heard.jsonl")).unwrap_or_default();
    let messages = heard.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let prompts = messages.filter(|message| message["method"] == "session/prompt");
    prompts.filter_map(|message| message["params"]["prompt"].as_array().cloned()).collect()
}

fn text_of(blocks: &[Value]) -> String {
    blocks.iter().filter_map(|block| block["text"].as_str()).collect()
}

/// The letters of the verdicts are text here, Esc keeps what was written, and every key for it makes a new line.
fn a_message_of_several_lines_is_written_kept_and_sent(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let mut screen = open_at(&room, &json!({"turns": [[{"say": "ready"}], [{"say": "it came"}]]}), "gated", size);
    screen.wait_for("ready");
    screen.wait_idle();
    screen.command("compose");
    screen.wait("when it is sent, always visible", |text| text.contains("queue") && text.contains("Enter send"));
    screen.type_text("a d r s");
    screen.press("A-enter");
    screen.type_text("second\\");
    screen.press("enter");
    screen.type_text("thirdX");
    screen.press("C-_ C-j");
    screen.type_text("fourth");
    screen.wait("every line is shown", |text| {
        ["a d r s", "second", "third", "fourth"].iter().all(|line| text.contains(line)) && !text.contains("thirdX")
    });
    screen.press("esc");
    screen.wait_for("the draft is kept");
    screen.wait_gone("Enter send");
    screen.command("compose");
    screen.press("tab");
    screen.wait_for("after this step");
    screen.press("tab");
    screen.wait("now", |text| text.lines().any(|line| line.trim_end().ends_with(" now")));
    screen.press("tab enter");
    screen.wait_for("it came");
    let sent = prompts(&room);
    assert_eq!(text_of(sent.last().unwrap()), "a d r s\nsecond\nthird\nfourth");
    // The next message is typed at once, and the last one is the first of the history.
    screen.wait_for("Enter send");
    screen.type_text("quit, stop, all text");
    screen.wait_for("quit, stop, all text");
    screen.press("up");
    screen.wait("the last message", |text| text.contains("fourth") && !text.contains("quit, stop"));
    screen.press("down");
    screen.wait_for("quit, stop, all text");
    quit(screen, &room, hosts);
}

/// The menu shows the agent's commands with their hints; a word that is none is asked about and not lost.
fn a_slash_command_is_selected_and_arrives(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let commands = json!([
        {"name": "review", "description": "Reviews changes", "input": {"hint": "what to review"}},
        {"name": "memory show", "description": "Shows the memory"}]);
    let offers = json!({"update": {"sessionUpdate": "available_commands_update", "availableCommands": commands}});
    let script = json!({"turns": [[offers, {"say": "ready"}], [{"say": "it came"}], [{"say": "taken literally"}]]});
    let mut screen = open_at(&room, &script, "gated", size);
    screen.wait_for("ready");
    screen.wait_idle();
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.type_text("/");
    screen.wait("both commands", |text| text.contains("/review") && text.contains("/memory show"));
    screen.type_text("rev");
    screen.wait_gone("/memory show");
    screen.press("tab");
    screen.wait_for("what to review");
    screen.type_text("the parser");
    screen.wait_gone("what to review");
    screen.press("enter");
    screen.wait_for("it came");
    assert_eq!(text_of(prompts(&room).last().unwrap()), "/review the parser");
    screen.wait_idle();
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.type_text("/tmp is full");
    screen.press("enter");
    screen.wait_for("is no command of the agent");
    screen.press("enter");
    screen.wait_for("taken literally");
    assert_eq!(text_of(prompts(&room).last().unwrap()), "/tmp is full");
    quit(screen, &room, hosts);
}

/// A few letters find a file on the workspace's machine; it is one object, and the agent gets a link.
fn a_mention_is_selected_and_arrives(size: (u16, u16)) {
    let room = Room::with(&[("src/calculator.py", "x = 1\ny = 2\n"), ("notes.md", "n\n")]);
    let hosts = Hosts(&room);
    let script = json!({
        "init": {"agentCapabilities": {"promptCapabilities": {"embeddedContext": true}}},
        "turns": [[{"say": "ready"}], [{"say": "it came"}]]});
    let mut screen = open_at(&room, &script, "gated", size);
    screen.wait_for("ready");
    screen.wait_idle();
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.type_text("see @calc");
    screen.wait_for("@src/calculator.py");
    screen.press("tab");
    screen.wait_for("see @src/calculator.py");
    screen.type_text("and @src/calculator.py:2");
    screen.wait_for("@src/calculator.py:2");
    screen.type_text(" ");
    // Two steps to the left, and the second mention goes with one Backspace; undo brings it back.
    screen.press("backspace backspace");
    screen.wait_gone("calculator.py:2");
    screen.press("C-_");
    screen.wait_for("calculator.py:2");
    screen.paste(&"pasted line\n".repeat(20));
    screen.wait_for("[pasted 20 lines");
    screen.press("enter");
    screen.wait_for("it came");
    let sent = prompts(&room).pop().unwrap();
    let kinds: Vec<&str> = sent.iter().filter_map(|block| block["type"].as_str()).collect();
    assert_eq!(kinds, ["text", "resource_link", "text", "resource", "text"], "{sent:?}");
    assert!(sent[1]["uri"].as_str().unwrap().ends_with("/src/calculator.py"));
    assert_eq!(sent[3]["resource"]["text"], "y = 2\n");
    assert_eq!(sent[4]["text"].as_str().unwrap().matches("pasted line").count(), 20);
    quit(screen, &room, hosts);
}

/// What is being written is there again after detaching, and what was sent in the project's next session.
fn a_draft_survives_detaching_and_history_the_session(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let mut screen = open_at(&room, &json!({"turns": [[{"say": "ready"}], [{"say": "it came"}]]}), "gated", size);
    screen.wait_for("ready");
    screen.wait_idle();
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.type_text("sent first");
    screen.press("enter");
    screen.wait_for("it came");
    screen.wait_idle();
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.type_text("half a thought");
    screen.press("esc");
    screen.wait_for("the draft is kept");
    screen.command("detach");
    screen.gone("the client detaches");
    let session = only_session(&room);
    let mut screen = Screen::open(&room, &["attach", &session], size);
    screen.wait_for("half a thought");
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.type_text("!");
    screen.press("up");
    screen.wait("the history", |text| text.contains("sent first") && !text.contains("half a thought"));
    screen.press("down");
    screen.wait_for("half a thought!");
    screen.press("C-r");
    screen.type_text("first");
    screen.wait_for("history: first");
    screen.press("enter");
    screen.wait_gone("history: first");
    screen.wait_for("sent first");
    screen.press("down esc");
    screen.wait_for("the draft is kept");
    quit(screen, &room, hosts);
}

/// The queue is above the line; K moves, X withdraws, e edits, and the rest goes out when the turn ends.
fn what_waits_is_reordered_edited_and_withdrawn(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let wait =
        json!({"ask": "fs/write_text_file", "params": {"sessionId": "fake-1", "path": "$CWD/x", "content": "x"}});
    let script = json!({"turns": [[{"say": "ready"}, wait, {"say": "on it"}], [{"say": "next"}]]});
    let mut screen = open_at(&room, &script, "gated", size);
    screen.wait_for("1 pending");
    for text in ["alpha", "beta", "gamma"] {
        screen.command("compose");
        screen.wait_for("Enter send");
        screen.type_text(text);
        screen.press("enter");
        screen.wait(&format!("{text} waits"), |shown| {
            shown.contains(&format!("queued {text}")) || shown.contains("+1 more") || shown.contains("gamma")
        });
    }
    // A letter right after a message is not a command.
    screen.type_text("d");
    screen.wait_for("nothing was decided");
    screen.press("esc");
    screen.wait_gone("nothing was decided");
    screen.command("queue");
    screen.wait("the list", |text| ["Queued for the agent", "alpha", "beta", "gamma"].iter().all(|w| text.contains(w)));
    screen.press("j j K");
    let order = |text: &str, first: &str, second: &str| {
        let list = text.split_once("Queued for the agent").map_or("", |(_, list)| list);
        matches!((list.find(first), list.find(second)), (Some(a), Some(b)) if a < b)
    };
    screen.wait("gamma moves up", |text| order(text, "gamma", "beta"));
    screen.press("X");
    screen.wait("gamma is withdrawn", |text| !text.contains("gamma"));
    screen.press("e");
    screen.wait_for("edits queued");
    screen.type_text(" edited");
    screen.press("enter");
    screen.wait_gone("edits queued");
    screen.approve("the turn goes on", |text| text.contains("next"));
    screen.wait("both were sent", |_| prompts(&room).len() >= 3);
    screen.wait_idle();
    let sent: Vec<String> = prompts(&room).iter().map(|blocks| text_of(blocks)).collect();
    assert!(sent.iter().any(|text| text.ends_with(" edited")), "{sent:?}");
    assert!(!sent.iter().any(|text| text.contains("gamma")), "{sent:?}");
    quit(screen, &room, hosts);
}

fn a_command_of_my_own_is_run_and_its_output_sent(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let mut screen = open_at(&room, &json!({"turns": [[{"say": "ready"}], [{"say": "it came"}]]}), "gated", size);
    screen.wait_for("ready");
    screen.wait_idle();
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.type_text("!echo made-by-me");
    screen.wait_for("runs a command");
    screen.press("enter");
    screen.wait_for("write about its output");
    // It is a block of the conversation, which unfolds; the key of a mention puts it into the message.
    screen.command("focus-talk");
    screen.wait("the block", |text| text.contains("run echo made-by-me") && text.contains("run by you"));
    screen.command("fold");
    screen.wait("its output", |text| text.lines().any(|line| line.contains("made-by-me") && !line.contains("echo")));
    screen.command("compose");
    screen.press("C-u");
    screen.wait_gone("@a1");
    screen.command("mention");
    screen.wait_for("@a1");
    screen.press("backspace");
    screen.type_text(" what is this?");
    screen.press("enter");
    screen.wait_for("it came");
    let sent = text_of(&prompts(&room).pop().unwrap());
    assert!(sent.starts_with("@a1 what is this?") && sent.contains("made-by-me"), "{sent}");
    quit(screen, &room, hosts);
}

fn an_image_is_attached_from_this_machine(size: (u16, u16)) {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let image = room.dir.path().join("shot.png");
    std::fs::write(&image, b"\x89PNG\r\n\x1a\n").unwrap();
    let script = json!({
        "init": {"agentCapabilities": {"promptCapabilities": {"image": true}}},
        "turns": [[{"say": "ready"}], [{"say": "it came"}]]});
    let mut screen = open_at(&room, &script, "gated", size);
    screen.wait_for("ready");
    screen.wait_idle();
    screen.command("attach");
    screen.wait_for("Attach an image");
    screen.type_text(image.to_str().unwrap());
    screen.press("enter");
    screen.wait_for("[image shot.png");
    screen.press("home enter");
    screen.wait_for("image/png of 8 B");
    screen.press("end");
    screen.type_text(" see?");
    screen.press("enter");
    screen.wait_for("it came");
    let sent = prompts(&room).pop().unwrap();
    assert_eq!((&sent[0]["type"], &sent[0]["mimeType"]), (&json!("image"), &json!("image/png")), "{sent:?}");
    assert_eq!(sent[1]["text"], " see?");
    quit(screen, &room, hosts);
}

/// The built-in agent's own commands are in the menu; a mentioned file reaches the model as text.
fn the_built_in_agent_reads_what_is_mentioned_and_forgets(size: (u16, u16)) {
    let says = |text: &str| Turn { text: text.into(), ..Turn::default() };
    // Each answer is asked for again once: words alone do not finish the work.
    let answers = ["It adds.", "It adds.", "A new start.", "A new start."].map(says);
    let server = ModelServer::start(Script::of(answers));
    let room = Room::with(&[("calc.py", "def unmistakable(): pass\n")]);
    let hosts = Hosts(&room);
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "[llm]\nplan_first = false\n").unwrap();
    let models = format!(
        "[[provider]]\nname = \"test\"\napi = \"openai-chat\"\nbase_url = \"{}\"\nmodels = [{{ name = \"scripted\", context = 32000, output = 2000 }}]\n",
        server.origin()
    );
    std::fs::write(config.join("models.toml"), models).unwrap();
    let mut screen = Screen::open(&room, &["--agent", "llm:test/scripted"], size);
    screen.wait_idle();
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.type_text("what is @calc.py");
    screen.wait("it is found", |text| text.matches("@calc.py").count() > 1);
    screen.press("tab");
    screen.type_text("for?");
    screen.press("enter");
    screen.wait_for("It adds.");
    screen.wait_idle();
    let first = server.received().first().unwrap().body.to_string();
    assert!(first.contains("what is calc.py for?") && first.contains("def unmistakable"), "{first}");
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.type_text("/cl");
    screen.wait_for("Forget the conversation");
    screen.press("tab enter");
    screen.wait_for("The conversation is forgotten");
    screen.wait_idle();
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.type_text("hello again");
    screen.press("enter");
    screen.wait_for("A new start.");
    let last = server.received().last().unwrap().body.to_string();
    assert!(last.contains("hello again") && !last.contains("It adds."), "{last}");
    screen.wait_idle();
    quit(screen, &room, hosts);
}

/// The terminal goes away in the middle of a word; nothing of it was sent before.
#[test]
fn a_draft_survives_a_terminal_that_is_gone() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let mut screen = open_at(&room, &json!({"turns": [[{"say": "ready"}]]}), "gated", (80, 24));
    screen.wait_for("ready");
    screen.wait_idle();
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.type_text("in the middle of a wo");
    screen.wait_for("in the middle of a wo");
    screen.signal(Signal::HUP);
    screen.gone("the client ends");
    let session = only_session(&room);
    let mut screen = Screen::open(&room, &["attach", &session], (80, 24));
    screen.wait_for("in the middle of a wo");
    screen.wait_idle();
    quit(screen, &room, hosts);
}

/// The client is killed while a message is written: what was kept until then is there when another one attaches.
#[test]
fn a_draft_survives_a_client_that_is_killed() {
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    let mut screen = open_at(&room, &json!({"turns": [[{"say": "ready"}]]}), "gated", (80, 24));
    screen.wait_for("ready");
    screen.wait_idle();
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.type_text("in the middle of a wo");
    screen.wait_for("in the middle of a wo");
    let session = only_session(&room);
    let mut seat = Seat::over(room.command(&["attach", &session, "--stdio"]));
    seat.ask("session/attach", json!({"protocol": {"min": 1, "max": 1}}));
    let is_kept = |event: &Value| event["kind"] == "drafted" && event.to_string().contains("in the middle of a wo");
    seat.ever("the draft is kept", is_kept);
    seat.close();
    screen.signal(Signal::KILL);
    screen.gone("the client is killed");
    let mut screen = Screen::open(&room, &["attach", &session], (80, 24));
    screen.wait_for("in the middle of a wo");
    screen.wait_idle();
    quit(screen, &room, hosts);
}

/// An agent that takes no images gets a link to the file, and that is said where the conversation is.
#[test]
fn an_image_is_a_link_for_an_agent_that_takes_none() {
    let room = Room::with(&[("shot.png", "not really a picture")]);
    let hosts = Hosts(&room);
    let mut screen = open_at(&room, &json!({"turns": [[{"say": "ready"}], [{"say": "it came"}]]}), "gated", (80, 24));
    screen.wait_for("ready");
    screen.wait_idle();
    screen.command("compose");
    screen.wait_for("Enter send");
    screen.type_text("see @shot");
    screen.wait_for("@shot.png");
    screen.press("tab");
    screen.wait_for("see @shot.png");
    screen.press("enter");
    screen.wait_for("it came");
    screen.wait_for("the agent takes no images: shot.png was sent as a link");
    let sent = prompts(&room).pop().unwrap();
    assert_eq!((&sent[1]["type"], &sent[1]["name"]), (&json!("resource_link"), &json!("shot.png")), "{sent:?}");
    quit(screen, &room, hosts);
}

/// Without a screen, the selected row of the list is a line, and the text is where it was.
#[test]
fn the_composer_works_in_lines() {
    let room = Room::with(&[("src/calculator.py", "x = 1\n")]);
    let hosts = Hosts(&room);
    let commands = json!([{"name": "review", "description": "Reviews changes"}]);
    let offers = json!({"update": {"sessionUpdate": "available_commands_update", "availableCommands": commands}});
    let script = json!({"turns": [[offers, {"say": "ready"}], [{"say": "it came"}]]});
    let mut screen = open_with(&room, &script, &["--isolation", "gated", "--linear"], (80, 40));
    screen.wait_for("ready");
    screen.command("compose");
    screen.type_text("/rev");
    screen.wait_for("list 1: /review");
    screen.press("tab");
    screen.type_text(" @calc");
    screen.wait_for("list 1: @src/calculator.py");
    screen.press("tab enter");
    screen.wait_for("it came");
    let sent = prompts(&room).pop().unwrap();
    assert_eq!(sent[0]["text"], "/review ");
    assert_eq!(sent[1]["type"], "resource_link");
    // It is open for the next message.
    screen.type_text("and then");
    screen.wait_for("and then");
    screen.press("esc");
    screen.wait_for("the draft is kept");
    screen.command("quit");
    assert_eq!(screen.gone("quit").exit_code(), 0);
    assert!(screen.text().contains("you were writing is kept"), "{}", screen.picture());
    drop(hosts);
}
