//! Whole supervised turns of the real program, headless, through each protocol.

use crate::keys::no_key_anywhere;
use crate::model_server::{Fault, Turn};
use crate::session::{Answer, Session};
use rightseat::agent::llm::Api;
use serde_json::{Value, json};

fn approve(_: &Value) -> Answer {
    Answer::Approve
}

fn edit(old: &str, new: &str) -> Turn {
    let args = json!({"path": "calc.py", "old": old, "new": new, "why": "add must add", "expect": "test_add passes",
        "evidence": ["test_calc.py:6"]});
    Turn::call("edit", args)
}

fn finish() -> Turn {
    Turn::call("finish", json!({"report": "add adds now", "done": true}))
}

fn test() -> Turn {
    Turn::call("test", json!({}))
}

/// Read, plan, test, edit, test, finish.
fn fixing() -> Vec<Turn> {
    let read = Turn { thinking: "let me look".into(), text: "I look first.".into(), ..Turn::default() };
    vec![
        read.with_call("read", json!({"path": "calc.py", "why": "to see it"})),
        Turn::call("plan", json!({"steps": ["Run the tests", {"title": "Mend add", "steps": ["Run them again"]}]})),
        test(),
        edit("return a - b", "return a + b"),
        test(),
        finish(),
    ]
}

#[test]
fn a_goal_is_reached_under_supervision_in_each_protocol() {
    for api in Api::ALL.map(Api::name) {
        let ran = Session::of(api, fixing()).run(approve);
        assert_eq!(ran.exit, Some(0), "{api}: {:#?}", ran.events);
        assert_eq!(ran.file("calc.py"), "def add(a, b):\n    return a + b\n");
        let ended = ran.kind("session_ended").last().unwrap();
        assert_eq!(ended["outcome"], "done", "{api}");
        let finished: Vec<&Value> = ran.kind("check_finished").collect();
        assert_eq!((&finished[0]["failed"], &finished[1]["failed"]), (&json!(1), &json!(0)), "{api}");
        // Every effect has a decision, and the plan was the supervisor's before anything changed.
        for started in ran.kind("started") {
            assert!(ran.kind("decided").any(|d| d["action"] == started["action"]), "{api}: {started}");
        }
        let plan = ran.kind("plan_revised").next().unwrap();
        assert_eq!(plan["steps"][2]["parent"], plan["steps"][1]["id"]);
        assert!(ran.sent().contains("The approved plan ("));
        // What the repository says to agents is wrapped, not obeyed.
        assert!(ran.sent().contains("<untrusted source=\\\"AGENTS.md\\\""));
        assert!(ran.kind("thought").any(|event| event["text"].as_str().unwrap().contains("let me look")));
        assert!(ran.kind("usage").last().unwrap()["tokens_out"] == 6 * 20);
        no_key_anywhere(&ran);
    }
}

#[test]
fn decisions_reach_the_model_in_words() {
    let wrong = || edit("return a - b", "return b - a");
    let turns = [test(), wrong(), wrong(), edit("return a - b", "return 5"), test(), finish()];
    let mut held = 0;
    let ran = Session::of("anthropic", turns).run(|action| {
        assert!(action["rationale"]["text"].as_str().unwrap().contains("Expected: test_add passes"));
        assert_eq!(action["rationale"]["evidence"][0]["kind"], "line");
        held += 1;
        match held {
            1 => Answer::Deny("that is the same bug"),
            2 => Answer::Redirect("add the two numbers"),
            _ => Answer::Edit("calc.py", "def add(a, b):\n    return a + b\n"),
        }
    });
    assert_eq!(ran.file("calc.py"), "def add(a, b):\n    return a + b\n");
    let sent = ran.sent();
    for words in
        ["that is the same bug", "redirects you: add the two numbers", "Approved with changes by the supervisor"]
    {
        assert!(sent.contains(words), "{words}");
        assert!(ran.kind("told").any(|told| told["text"].as_str().unwrap().contains(words)), "{words}");
    }
    assert!(sent.contains("+    return a + b"), "the difference is told");
}

#[test]
fn what_small_models_do_is_seen_and_ends_by_itself() {
    let printed =
        Turn::text("I will read it:\n```json\n{\"name\": \"read\", \"arguments\": {\"path\": \"calc.py\"}}\n```");
    let same = || Turn::call("read", json!({"path": "calc.py"}));
    let mut turns = vec![Turn::default(), printed, Turn::call("open_editor", json!({"file": "x"}))];
    turns.extend(std::iter::repeat_with(same).take(30));
    let ran = Session::of("openai-chat", turns).run(approve);
    assert_eq!((ran.reason(), ran.exit), ("error", Some(1)));
    let alarms = ran.alarms();
    assert!(alarms.contains(&"repaired") && alarms.contains(&"loop"), "{alarms:?}");
    assert!(ran.sent().contains("there is no tool `open_editor`") && ran.sent().contains("Your answer was empty"));
    assert!(ran.server.turns_used() < 15, "{}", ran.server.turns_used());
    assert_eq!(ran.kind("session_ended").last().unwrap()["outcome"], "failed");
}

#[test]
fn edits_to_failing_tests_are_flagged_and_the_tests_as_they_were_run_too() {
    let cheat = json!({"path": "test_calc.py", "old": "add(2, 3), 5", "new": "add(2, 3), -1", "why": "fix the test"});
    let turns = [test(), Turn::call("edit", cheat), test(), finish()];
    let ran = Session::of("gemini", turns).run(|action| {
        if action["kind"] == "edit" {
            let why = action["rationale"]["text"].as_str().unwrap();
            assert!(why.starts_with("[rightseat: this changes tests while 1 test(s) fail]"), "{why}");
        }
        Answer::Approve
    });
    assert!(ran.alarms().contains(&"test_tampering"), "{:?}", ran.alarms());
    assert!(ran.sent().contains("1 test fails and 0 pass"), "{:?}", ran.kind("alarm").collect::<Vec<_>>());
    let report = ran.kind("session_ended").last().unwrap()["report"].as_str().unwrap();
    assert!(report.contains("[rightseat: tests were changed while they failed."), "{report}");
}

#[test]
fn a_line_that_fails_costs_nothing_and_runs_nothing_twice() {
    let busy = Turn::fault(Fault::Status { status: 503, retry_after: Some(0) });
    let whole = Turn { text: "Looking.".into(), ..Turn::default() };
    let cut = whole.with_call("read", json!({"path": "calc.py"})).with_fault(Fault::Cut { after_bytes: 900 });
    let turns = [
        busy,
        Turn::fault(Fault::Overflow),
        cut,
        test().with_fault(Fault::Malformed),
        edit("return a - b", "return a + b").with_fault(Fault::Drip { ms: 0 }),
        test(),
        finish(),
    ];
    for api in ["openai-chat", "anthropic"] {
        let ran = Session::of(api, turns.clone()).run(approve);
        assert_eq!((ran.exit, ran.server.turns_used()), (Some(0), 7), "{api}: {:#?}", ran.alarms());
        assert_eq!(ran.file("calc.py"), "def add(a, b):\n    return a + b\n");
        let edits = ran.kind("proposed").filter(|event| event["action"]["kind"] == "edit").count();
        assert_eq!(edits, 1, "{api}");
        assert!(ran.alarms().contains(&"overflow") && ran.alarms().contains(&"cut"), "{api}: {:?}", ran.alarms());
    }
}

#[test]
fn a_wrong_key_or_server_says_what_to_mend() {
    let refused = Turn::fault(Fault::Status { status: 401, retry_after: None });
    let ran = Session::of("openai-chat", [refused]).run(approve);
    let ended = ran.kind("turn_ended").last().unwrap();
    assert_eq!((ended["reason"].as_str(), ran.exit), (Some("error"), Some(1)));
    assert!(ended["text"].as_str().unwrap().contains("check the provider's key"), "{ended}");
    no_key_anywhere(&ran);
}

#[test]
fn specialists_work_in_turn_and_the_reviewers_objection_is_an_item() {
    let done = |report: &str| Turn::call("finish", json!({"report": report, "done": true}));
    let turns = [
        Turn::call("plan", json!({"steps": ["Mend add"]})),
        done("planned"),
        edit("return a - b", "return b + a"),
        test(),
        done("fixed"),
        test(),
        done("all pass"),
        Turn::call("object", json!({"text": "the order of the operands changed"})),
        done("one objection"),
        edit("return b + a", "return a + b"),
        test(),
        done("order restored"),
        test(),
        done("all pass"),
        done("nothing to object to"),
    ];
    let mut session = Session::of("openai-chat", turns);
    session.config = "[llm.crew]\nplanner = \"test/scripted\"\ncoder = \"test/scripted\"\ntester = \"test/scripted\"\nreviewer = \"test/scripted\"\n".into();
    let ran = session.run(approve);
    assert_eq!(ran.exit, Some(0), "{:#?}", ran.kind("turn_ended").collect::<Vec<_>>());
    assert_eq!(ran.file("calc.py"), "def add(a, b):\n    return a + b\n");
    let objection =
        ran.kind("proposed").find(|e| e["action"]["title"].as_str().unwrap().contains("reviewer objection"));
    assert!(objection.is_some());
    let report = ran.kind("session_ended").last().unwrap()["report"].as_str().unwrap();
    assert!(report.contains("planner: planned") && report.contains("coder: order restored"), "{report}");
    // A tester is offered nothing that changes anything.
    let testers = ran.server.received().into_iter().filter(|r| r.body.to_string().contains("You are the tester"));
    for request in testers {
        let tools = request.body["tools"].to_string();
        assert!(!tools.contains("\"edit\"") && !tools.contains("\"run\""), "{tools}");
    }
}

#[test]
fn an_interruption_drops_the_model_at_once_and_the_new_word_is_worked_on() {
    let endless = Turn::text("Let me think about this for a very long time, word by word.");
    let busy = Fault::Status { status: 429, retry_after: Some(100) };
    let stages = [
        ("said", endless.with_fault(Fault::Stall { after_frames: 4 })),
        ("agent_noted:retry", Turn::fault(busy)),
        ("agent_noted:waiting", Turn::fault(Fault::Silence)),
    ];
    for (stage, first) in stages {
        let turns = [first, Turn::text("Hello."), Turn::text("Hello again.")];
        let mut session = Session::of("openai-chat", turns);
        session.interruption = Some("just say hello");
        session.interrupt_at = stage;
        let ran = session.run(approve);
        let ended: Vec<&Value> = ran.kind("turn_ended").collect();
        assert_eq!((&ended[0]["reason"], &ended[1]["reason"]), (&json!("cancelled"), &json!("end_turn")), "{stage}");
        let at = |kind: &str, holds: &str| {
            let found = ran.kind(kind).find(|e| e["text"].as_str().is_some_and(|text| text.contains(holds)));
            found.unwrap_or_else(|| panic!("no {kind} with {holds}"))["at"].as_u64().unwrap()
        };
        let there = match stage {
            "said" => at("said", "Let me"),
            "agent_noted:retry" => at("agent_noted", "(429, attempt 2 of 5)"),
            _ => at("agent_noted", "s without output"),
        };
        // It would have lasted minutes; a second is promised, and a busy machine gets some more.
        let took = ended[0]["at"].as_u64().unwrap() - there;
        assert!(took < 5_000, "{stage}: {took} ms");
        assert!(at("said", "Hello") > there && ran.sent().contains("just say hello"));
    }
}

#[test]
fn a_claim_that_streams_in_pieces_is_held_against_the_runs() {
    for api in Api::ALL.map(Api::name) {
        let claim = Turn {
            text: "I am done. All tests pass now, so nothing is left.".into(),
            frame_ms: 100,
            ..Turn::default()
        };
        let end = Turn::call("finish", json!({"report": "no", "done": false}));
        let ran = Session::of(api, [claim, end]).run(approve);
        assert!(ran.kind("said").filter(|said| said["more"] == true).count() > 1, "{api}: it came in pieces");
        assert_eq!(ran.alarms(), ["claim_without_run"], "{api}");
    }
}

#[test]
fn a_note_on_an_approval_reaches_the_model() {
    let turns = [test(), edit("return a - b", "return a + b"), test(), finish()];
    let ran = Session::of("anthropic", turns).run(|action| match action["kind"].as_str() {
        Some("edit") => Answer::Note("keep the signature as it is"),
        _ => Answer::Approve,
    });
    assert!(ran.sent().contains("keep the signature as it is"), "{}", ran.sent());
    assert!(ran.kind("told").any(|e| e["text"].as_str().unwrap().contains("keep the signature as it is")));
}

/// Told that words alone do nothing, a model says the same again, and then hands it in as its report.
#[test]
fn an_answer_that_is_given_again_is_shown_once() {
    let says = || Turn { text: "The sign was wrong; it is fixed.".into(), ..Turn::default() };
    for api in Api::ALL.map(Api::name) {
        let report = Turn::call("finish", json!({"report": "The sign was wrong; it is fixed.", "done": true}));
        let turns =
            [test(), edit("return a - b", "return a + b"), test(), says(), Turn { text: says().text, ..report }];
        let ran = Session::of(api, turns).run(|action| match action["kind"].as_str() {
            Some("edit") => Answer::Note("keep the signature as it is"),
            _ => Answer::Approve,
        });
        let said: String = ran.kind("said").filter_map(|said| said["text"].as_str()).collect();
        assert_eq!(said.matches("it is fixed").count(), 1, "{api}: {said}");
        assert_eq!(ran.kind("session_ended").last().unwrap()["outcome"], "done", "{api}");
    }
}

/// It reads the bytes as escapes, edits another line, and cannot write the whole.
#[test]
fn the_model_edits_a_file_that_is_not_utf_8_without_a_loss() {
    let turns = [
        Turn::call("read", json!({"path": "menu.php", "why": "to see it"})),
        Turn::call("edit", json!({"path": "menu.php", "old": "n = 1", "new": "n = 2", "why": "x"})),
        Turn::call("write", json!({"path": "menu.php", "content": "n = 3\n", "why": "x"})),
        finish(),
    ];
    let mut session = Session::of("openai-chat", turns);
    session.raw_files = vec![("menu.php", b"n = 1\ncaf\xe9\n")];
    let ran = session.run(approve);
    assert_eq!(std::fs::read(ran.dir.path().join("project/menu.php")).unwrap(), b"n = 2\ncaf\xe9\n");
    assert!(ran.sent().contains("caf\\\\xE9") && ran.sent().contains("would lose bytes"), "{}", ran.sent());
}
