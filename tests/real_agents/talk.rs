//! Real agents in conversation, as a supervisor has it: the answer is rendered without a key, questions are answered by
//! choice and in own words, a command of the agent and a mentioned file arrive, and so does a note with an approval.
//! What arrives is read on the model's side.

use crate::agents::{Kind, Leash, Slash};
use crate::drive::{START_MAX, Stage};
use crate::model_server::{Received, Turn};
use crate::screen::{Hosts, SIZES, Screen};
use crate::seat::{assert_verifies, only_session};
use base64::Engine as _;
use serde_json::Value;

/// One agent at one size, a test each.
macro_rules! talks {
    ($($name:ident: $kind:ident, $size:literal;)+) => {
        $(#[test] fn $name() { a_conversation_is_held(Kind::$kind, SIZES[$size]); })+
    };
}

talks! {
    claude_at_80x24: Claude, 0;
    codex_at_80x24: Codex, 0;
    codex_at_120x40: Codex, 1;
    codex_at_200x50: Codex, 2;
    gemini_at_80x24: Gemini, 0;
    opencode_at_80x24: Opencode, 0;
}

const ANSWER: &str = "## What it does\n\nIt adds **two** numbers.\n\n- first\n- second\n\n| file | lines |\n|:--|--:|\n| calc.py | 12 |\n\nThat is `all`.\n";
/// A red square of eight by eight.
const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII=";
const QUESTIONS: [(&str, &str, [&str; 2]); 2] =
    [("database", "Which database?", ["Postgres", "SQLite"]), ("tests", "Which tests?", ["unit tests", "end to end"])];

fn a_conversation_is_held(kind: Kind, size: (u16, u16)) {
    let says = |text: &str| vec![Turn::text(text)];
    let asks = kind.asks(QUESTIONS);
    let note = vec![kind.reads("change.txt"), kind.edits("change.txt"), Turn::text("The change is made.")];
    let form = asks.clone().into_iter().chain(says("Both are noted.")).collect();
    let plays = [
        ("play-answer", says(ANSWER)),
        ("play-form", form),
        ("play-mention", says("The file is read.")),
        ("play-picture", says("The picture is seen.")),
        ("play-slash", says("The command came.")),
        ("play-note", note),
    ];
    let Some(stage) = Stage::set(kind, Leash::Asks, plays) else { return };
    stage.room.write("notes/quokka.md", "quokkas are small\n");
    let picture = base64::engine::general_purpose::STANDARD.decode(PICTURE).unwrap();
    std::fs::write(stage.room.workspace().join("notes/numbat.png"), picture).unwrap();
    let slash = kind.slash(&stage.room);
    let _hosts = Hosts(&stage.room);
    let args = ["--agent", kind.name(), "--isolation", "gated", "--config", &stage.config, "play-answer"];
    let mut screen = Screen::open(&stage.room, &args, size);
    is_rendered_without_a_key(&mut screen);
    match asks {
        Some(_) => answers_both_ways(&stage, &mut screen),
        None => {
            let tools = stage.model.received().iter().flat_map(tools).collect::<Vec<_>>();
            let asks = |tool: &String| tool.contains("ask") && tool.contains("user") || tool.contains("question");
            assert!(!tools.is_empty(), "{kind:?}");
            assert!(!tools.iter().any(asks), "{kind:?} can ask questions now, answer one in this story: {tools:?}");
        }
    }
    mentions_a_file(&stage, &mut screen);
    gives_a_command(&stage, &mut screen, &slash);
    approves_with_a_note(&stage, &mut screen);
    screen.quit();
    assert_verifies(&stage.room, &only_session(&stage.room));
}

fn is_rendered_without_a_key(screen: &mut Screen) {
    screen.wait_within(START_MAX, "the answer, rendered", |text| {
        ["What it does", "It adds two numbers.", "• first", "• second", "calc.py │    12", "That is all."]
            .iter()
            .all(|words| text.contains(words))
    });
    // The widest layout has the transcript beside it, as written.
    let raw = ["## What", "**two**", "|:--|", "`all`"];
    let text = screen.text();
    assert!(screen.size.0 >= 160 || !raw.iter().any(|mark| text.contains(mark)), "{}", screen.picture());
    screen.wait_idle();
}

fn compose(screen: &mut Screen) {
    screen.wait_idle();
    screen.command("compose");
    screen.wait_for("Enter send");
}

/// The first question by a digit, the second in own words.
fn answers_both_ways(stage: &Stage, screen: &mut Screen) {
    compose(screen);
    screen.type_text("play-form");
    screen.press("enter");
    screen.wait("the questions wait", |text| text.contains("1 pending"));
    screen.command("focus-diff");
    screen.wait_for("2 ( ) SQLite");
    screen.command("next-hunk");
    screen.press("2");
    screen.wait_for("(x) SQLite");
    screen.command("next-hunk");
    screen.press("i");
    screen.wait_for("In your own words");
    screen.type_text("only the fast ones, and d");
    screen.press("enter");
    screen.wait_for("send 2 of 2 answers");
    screen.command("bottom");
    screen.consent("approve", "the answers are sent", |text| text.contains("Both are noted."));
    let heard = heard_after(stage, "play-form");
    assert!(heard.contains("SQLite") && heard.contains("only the fast ones, and d"), "{heard}");
}

/// A few letters find the file; the model's side has its name or its content with the message, and a picture as such.
fn mentions_a_file(stage: &Stage, screen: &mut Screen) {
    compose(screen);
    screen.type_text("play-mention see @quok");
    screen.wait_for("@notes/quokka.md");
    screen.press("tab");
    screen.wait_for("see @notes/quokka.md");
    screen.type_text("please");
    screen.press("enter");
    screen.wait_for("The file is read.");
    let heard = heard_after(stage, "play-mention");
    assert!(heard.contains("quokka") && heard.contains("please"), "{heard}");
    compose(screen);
    screen.type_text("play-picture see @numb");
    screen.wait_for("@notes/numbat.png");
    screen.press("tab enter");
    screen.wait_for("The picture is seen.");
    let heard = heard_after(stage, "play-picture");
    assert!(heard.contains("image/png") && heard.contains("iVBORw0KGgo"), "{heard}");
}

fn gives_a_command(stage: &Stage, screen: &mut Screen, slash: &Slash) {
    compose(screen);
    screen.type_text(slash.letters);
    screen.wait("it is in the menu", |text| text.contains(slash.name));
    screen.press("tab");
    screen.type_text(slash.arguments);
    screen.wait_for(&format!("{} {}", slash.name, slash.arguments.trim_start()));
    let before = stage.model.received().len();
    screen.press("enter");
    screen.wait_for(slash.shown);
    let heard: String = stage.model.received().iter().skip(before).map(|request| request.body.to_string()).collect();
    match slash.heard {
        Some(words) => assert!(heard.contains(words), "{heard}"),
        None => assert_eq!(heard, "", "it answers without its model"),
    }
}

fn approves_with_a_note(stage: &Stage, screen: &mut Screen) {
    compose(screen);
    screen.type_text("play-note");
    screen.press("enter");
    let on_disk = || stage.room.read("change.txt") == "line\nnew\nend\n";
    screen.wait_for("edit change.txt");
    screen.command("focus-diff");
    screen.command("bottom");
    screen.consent("approve-with-note", "a note is asked for", |text| text.contains("Enter approves"));
    screen.type_text("mind the wallaby");
    screen.press("enter");
    screen.wait("the edit is on the disk", |_| on_disk());
    screen.wait_idle();
    screen.wait("the note has arrived", |_| {
        stage.model.received().iter().any(|request| request.body.to_string().contains("mind the wallaby"))
    });
}

/// What the model received in its last request of a play, from the play's name on.
fn heard_after(stage: &Stage, play: &str) -> String {
    // A request without tools is beside the work, such as one for a title.
    let works = |request: &Received| !tools(request).is_empty();
    let bodies = stage.model.received().into_iter().rev().filter(works).map(|request| request.body.to_string());
    bodies.into_iter().find_map(|body| Some(body[body.rfind(play)?..].to_owned())).unwrap_or_default()
}

/// The names of the tools that a model was offered, in any of the protocols.
pub fn tools(request: &Received) -> Vec<String> {
    let list = request.body["tools"].as_array().into_iter().flatten();
    list.flat_map(|tool| tool["functionDeclarations"].as_array().cloned().unwrap_or_else(|| vec![tool.clone()]))
        .filter_map(|tool| {
            tool.pointer("/function/name").or(tool.get("name")).and_then(Value::as_str).map(str::to_owned)
        })
        .collect()
}
