//! The built-in agent in the full-screen client: a supervised turn through each protocol, with a scripted model server.

use crate::model_server::{ModelServer, Script, Turn};
use crate::screen::{Hosts, SIZES, Screen};
use crate::seat::{Room, assert_verifies, only_session};
use serde_json::{Value, json};
use std::time::Duration;

/// Tests are found, started and read, also on a busy machine.
const TESTING: Duration = Duration::from_secs(120);
const CALC: &str =
    "def add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return a + a\n\n\ndef half(a):\n    return a / 2\n";
const TEST: &str = "import unittest\nfrom calc import add, half\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n\n    def test_half(self):\n        self.assertEqual(half(3), 1.5)\n";

fn call(name: &str, args: Value) -> Turn {
    Turn { usage: (1_000, 50), ..Turn::call(name, args) }
}

/// Looks, plans, fixes one thing and breaks another, tests, reports.
fn turns() -> [Turn; 5] {
    let written = CALC.replace("a - b", "a + b").replace("a / 2", "a // 2");
    [
        Turn {
            thinking: "The sum is wrong somewhere.\nOr the test is.".into(),
            text: "I look at calc.py first.".into(),
            frame_ms: 2,
            ..call("read", json!({"path": "calc.py", "why": "to see it"}))
        },
        call("plan", json!({"steps": ["Fix add", {"title": "Run the tests", "steps": ["Look at what fails"]}]})),
        call("write", json!({"path": "calc.py", "content": written, "why": "add must add, a half is whole"})),
        call("test", json!({})),
        call("finish", json!({"report": "add adds now", "done": true})),
    ]
}

fn open(room: &Room, api: &str, origin: &str, size: (u16, u16)) -> Screen {
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    let models = format!(
        "[[provider]]\nname = \"test\"\napi = \"{api}\"\nbase_url = \"{origin}\"\nmodels = [{{ name = \"scripted\", context = 32000, output = 2000, price_in = 1.0, price_out = 10.0 }}]\n"
    );
    std::fs::write(config.join("models.toml"), models).unwrap();
    Screen::open(room, &["--mode", "step", "--agent", "llm:test/scripted", "make the tests pass"], size)
}

/// What was thought is folded into a line, what was said is there as it streamed.
fn read_the_transcript(screen: &mut Screen) {
    screen.command("focus-talk");
    screen.wait("words and thoughts are shown", |text| {
        text.contains("I look at calc.py first.") && text.contains("The sum is wrong somewhere.")
    });
    assert!(!screen.text().contains("Or the test is."), "thinking is folded:\n{}", screen.picture());
    screen.command("focus-diff");
}

/// The plan is read where it is approved, and a step of the human's own gets into it before.
fn change_and_approve_the_plan(screen: &mut Screen) {
    screen.command("focus-diff");
    screen.wait("the plan is shown where it is approved", |text| {
        ["plan, version 1", "Fix add", "Look at what fails"].iter().all(|words| text.contains(words))
    });
    screen.command("edit");
    screen.wait_for("plan.md");
    screen.press("down down down down");
    screen.type_text("3. Say what changed");
    screen.press("C-x");
    screen.wait("it is in the plan", |text| text.contains("your version") && text.contains("Say what changed"));
    screen.approve("the plan is approved, the change waits", |text| text.contains("return a + b"));
}

/// One hunk is left out, and what is left is tested before it is let through.
fn leave_a_hunk_out_and_test(screen: &mut Screen, room: &Room) {
    screen.command("bottom");
    screen.wait_for("hunk 2/2");
    screen.command("toggle-hunk");
    screen.wait_for("hunk 2/2 excluded");
    screen.command("test");
    screen.command("focus-tests");
    screen.wait_within(TESTING, "the candidate passes", |text| text.contains("2✓ 0✗") && text.contains("candidate"));
    assert_eq!(room.read("calc.py"), CALC, "nothing changes before the decision");
    screen.approve("the file is changed", |_| room.read("calc.py") != CALC);
    assert_eq!(room.read("calc.py"), CALC.replace("a - b", "a + b"), "what was left out is as it was");
}

/// The limit of model calls is 80; three are used: a tenth of it would have been less than that, a half is not.
fn lower_a_budget(screen: &mut Screen) {
    screen.wait("what is left is shown", |text| text.contains("calls left"));
    screen.command("agent");
    screen.wait("budgets and what was used", |text| {
        text.contains("Budget: model calls") && text.contains("so far: $0.00")
    });
    screen.press("j j j enter");
    screen.wait("values to choose from", |text| text.contains("no limit") && !text.contains("US dollars"));
    screen.press("k enter");
    screen.wait("the new limit holds at once", |text| text.contains("36 calls left"));
}

fn a_supervised_turn(api: &str, size: (u16, u16)) {
    let server = ModelServer::start(Script::of(turns()));
    let room = Room::with(&[("calc.py", CALC), ("test_calc.py", TEST)]);
    let hosts = Hosts(&room);
    let mut screen = open(&room, api, &server.origin(), size);
    screen.wait_for("to make a map of the project");
    screen.consent("step", "the project was read", |text| text.contains("read calc.py"));
    read_the_transcript(&mut screen);
    screen.consent("step", "the file was read", |text| text.contains("approve the plan"));
    change_and_approve_the_plan(&mut screen);
    leave_a_hunk_out_and_test(&mut screen, &room);
    screen.wait_for("run python3 -m");
    lower_a_budget(&mut screen);
    screen.approve("the tests run", |text| !text.contains("1 pending"));
    screen.command("focus-tests");
    screen.wait_within(TESTING, "the workspace passes", |text| text.contains("2✓ 0✗") && text.contains("session done"));
    screen.command("focus-talk");
    screen.wait("the report is there to read", |text| text.contains("add adds now"));
    screen.quit();
    hosts.wait_for_none();
    assert_eq!(hosts.outcome(), "done");
    let session = only_session(&room);
    assert_verifies(&room, &session);
    let (_, events, _) = room.run(&["export", &session, "--jsonl"]);
    let sent: String = server.received().iter().map(|request| request.body.to_string()).collect();
    let words = [
        "The supervisor changed the plan",
        "The supervisor's version of the plan is binding",
        "Approved with changes by the supervisor",
        "-    return a // 2",
    ];
    for words in words {
        assert!(sent.contains(words), "{api}: the model is told: {words}");
        let told: Vec<&str> = events.lines().filter(|line| line.contains("\"told\"") && line.contains(words)).collect();
        assert_eq!(told.len(), 1, "{api}: what it was told is recorded once: {words}");
    }
}

#[test]
fn a_model_is_supervised_over_responses() {
    a_supervised_turn("openai-responses", SIZES[2]);
}

#[test]
fn a_model_is_supervised_over_chat_completions() {
    a_supervised_turn("openai-chat", SIZES[0]);
}

#[test]
fn a_model_is_supervised_over_messages() {
    a_supervised_turn("anthropic", SIZES[1]);
}

#[test]
fn a_model_is_supervised_over_gemini() {
    a_supervised_turn("gemini", SIZES[0]);
}

/// The conversation goes on with the model that the user chose, from the next prompt on.
#[test]
fn another_model_takes_the_conversation_over() {
    // Words without a call of `finish` are asked about once.
    let said = ["the first answer", "no more", "the second answer", "no more of that"];
    let server = ModelServer::start(Script::of(said.map(Turn::text)));
    let room = Room::with(&[("calc.py", CALC)]);
    let hosts = Hosts(&room);
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    let models = format!(
        "[[provider]]\nname = \"test\"\napi = \"openai-chat\"\nbase_url = \"{}\"\nmodels = [{{ name = \"scripted\", context = 32000 }}, {{ name = \"other\", context = 16000 }}]\n",
        server.origin()
    );
    std::fs::write(config.join("models.toml"), models).unwrap();
    let mut screen = Screen::open(&room, &["--agent", "llm:test/scripted"], SIZES[1]);
    screen.wait_for("local");
    screen.wait_idle();
    screen.command("compose");
    screen.type_text("hello");
    screen.press("enter");
    screen.wait_for("the first answer");
    screen.wait_idle();
    screen.command("effort");
    screen.wait_for("offers no effort to choose");
    screen.press("esc");
    screen.wait_gone("offers no effort");
    screen.command("model");
    screen.wait("its models", |text| text.contains("Model") && text.contains("other"));
    screen.press("j enter");
    screen.wait_gone("Enter selects");
    screen.command("compose");
    screen.type_text("and again");
    screen.press("enter");
    screen.wait("the second answer, by the other model", |text| {
        text.contains("the second answer") && text.contains("test/other")
    });
    screen.wait_idle();
    screen.quit();
    hosts.wait_for_none();
    assert_verifies(&room, &only_session(&room));
    let mut models: Vec<String> = server.received().iter().map(|request| request.body["model"].to_string()).collect();
    models.dedup();
    assert_eq!(models, ["\"scripted\"", "\"other\""]);
    let last = server.received().pop().unwrap().body.to_string();
    assert!(last.contains("the first answer") && last.contains("and again"), "{last}");
}
