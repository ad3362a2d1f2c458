//! Budgets of each kind: they stop before their limit, are seen at all times and follow the supervisor's changes.

use crate::model_server::{Fault, Turn};
use crate::session::{Answer, Ran, Session};
use rightseat::agent::llm::Api;
use serde_json::{Value, json};

fn approve(_: &Value) -> Answer {
    Answer::Approve
}

/// A model that would read for ever, a little further each time.
fn reading(api: &'static str, config: &str) -> Session {
    let reads = (0..60).map(|n| Turn::call("read", json!({"path": "calc.py", "from_line": n})));
    let mut session = Session::of(api, reads);
    session.config = format!("plan_first = false\n{config}\n");
    session.model = "context = 32000, output = 2000, price_in = 1.0, price_out = 10.0";
    session
}

fn stopped_by(ran: &Ran, what: &str) -> String {
    let ended = ran.kind("turn_ended").last().unwrap();
    let text = ended["text"].as_str().unwrap_or_default().to_owned();
    assert_eq!((ran.reason(), ran.exit), ("budget", Some(1)), "{text}");
    assert!(ran.alarms().contains(&"budget") && text.contains(&format!("the {what} budget is used up")), "{text}");
    text
}

fn used(ran: &Ran) -> u64 {
    let usage = ran.kind("usage").last().unwrap();
    usage["tokens_in"].as_u64().unwrap() + usage["tokens_out"].as_u64().unwrap()
}

/// Actions that the model asked for; the first of all is the look at the project, which is made before any call.
fn asked_for(ran: &Ran) -> usize {
    ran.kind("proposed").count() - 1
}

/// The last number of a text.
fn needed(text: &str) -> u64 {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok());
    numbers.next_back().unwrap()
}

#[test]
fn the_token_budget_is_never_passed_even_if_every_byte_is_a_token() {
    for api in Api::ALL.map(Api::name) {
        for limit in [40_000, 90_000] {
            let mut session = reading(api, &format!("budget_tokens = {limit}"));
            session.greedy = true;
            let ran = session.run(approve);
            let text = stopped_by(&ran, "token");
            let used = used(&ran);
            assert!(used > 0 && used <= limit, "{api}: {used} of {limit}");
            // It stopped for no other reason than that the next call might not have fitted.
            assert!(used + needed(&text) > limit, "{api}: {used} {text}");
            // The last answer was allowed what was left and no more.
            assert!(ran.server.turns_used() >= 2, "{api}: {}", ran.server.turns_used());
        }
    }
}

#[test]
fn the_money_budget_is_never_passed_even_if_every_byte_is_a_token() {
    for api in Api::ALL.map(Api::name) {
        let mut session = reading(api, "budget_usd = 0.1");
        session.greedy = true;
        let ran = session.run(approve);
        stopped_by(&ran, "money");
        let cost = ran.kind("usage").last().unwrap()["cost_micros"].as_u64().unwrap();
        // A prompt at its worst costs some 30 000, the shortest answer 1 280.
        assert!((60_000..=100_000).contains(&cost), "{api}: {cost}");
    }
}

#[test]
fn calls_and_actions_stop_exactly() {
    for api in Api::ALL.map(Api::name) {
        let ran = reading(api, "budget_turns = 4").run(approve);
        stopped_by(&ran, "turn");
        assert_eq!(ran.server.turns_used(), 4);
        let ran = reading(api, "budget_actions = 3").run(approve);
        stopped_by(&ran, "action");
        assert_eq!(asked_for(&ran), 3, "{api}");
    }
}

#[test]
fn every_budget_is_seen_before_anything_is_used_and_after_each_call() {
    let ran = reading("anthropic", "budget_turns = 2").run(approve);
    let usage: Vec<&Value> = ran.kind("usage").collect();
    let first = usage[0]["budgets"].as_array().unwrap();
    assert_eq!(first.len(), 5, "{first:?}");
    assert_eq!((&first[3], &usage[0]["budget_left"]), (&json!("0 calls of 2 calls"), &json!("200 actions")));
    let said: Vec<&str> = usage.iter().filter_map(|usage| usage["budget_left"].as_str()).collect();
    assert!(said.contains(&"1 calls") && said.last() == Some(&"0 calls"), "{said:?}");
}

#[test]
fn a_budget_lowered_below_what_is_used_stops_the_run_where_it_is() {
    for (id, value, what) in [
        ("budget.tokens", "10", "token"),
        ("budget.cost_usd", "0.000001", "money"),
        ("budget.minutes", "0", "time"),
        ("budget.turns", "1", "turn"),
        ("budget.actions", "0", "action"),
    ] {
        let edit = json!({"path": "calc.py", "old": "a - b", "new": "a + b", "why": "add must add"});
        let mut session = reading("openai-chat", "");
        session.turns.insert(0, Turn::call("edit", edit));
        session.options = ("held", vec![(id, value)]);
        let ran = session.run(approve);
        stopped_by(&ran, what);
        // What was decided is done, and an action that is not allowed was asked for by one call more.
        let calls = if what == "action" { 2 } else { 1 };
        assert_eq!((ran.server.turns_used(), ran.kind("held").count()), (calls, 1), "{id}");
        assert!(ran.file("calc.py").contains("a + b"));
    }
}

#[test]
fn a_budget_raised_in_time_lets_the_run_go_on() {
    let edit = json!({"path": "calc.py", "old": "a - b", "new": "a + b", "why": "add must add"});
    let turns = [
        Turn::call("edit", edit),
        Turn::call("test", json!({})),
        Turn::call("finish", json!({"report": "add adds", "done": true})),
    ];
    let mut session = Session::of("openai-chat", turns);
    session.config = "plan_first = false\nbudget_turns = 1\nbudget_actions = 1\n".to_owned();
    session.options = ("held", vec![("budget.turns", "3"), ("budget.actions", "none")]);
    let ran = session.run(approve);
    assert_eq!((ran.exit, ran.server.turns_used()), (Some(0), 3), "{:?}", ran.kind("turn_ended").last());
}

#[test]
fn the_time_budget_ends_a_call_that_runs_and_follows_every_change() {
    let endless =
        Turn::text("Let me think about this for a very long time.").with_fault(Fault::Stall { after_frames: 4 });
    let mut session = Session::of("openai-chat", [endless]);
    session.options = ("said", vec![("budget.minutes", "0.01")]);
    let ran = session.run(approve);
    stopped_by(&ran, "time");
    // What it said until then is kept.
    assert!(ran.kind("said").any(|said| said["text"].as_str().unwrap().contains("Let me")));
    // Lowered and at once raised again: nothing is cut off.
    let slow = Turn { frame_ms: 150, ..Turn::text("This takes a while and then it is done, word by word by word.") };
    let mut session = Session::of("openai-chat", [slow, Turn::call("finish", json!({"report": "x", "done": false}))]);
    session.options = ("said", vec![("budget.minutes", "0.02"), ("budget.minutes", "30")]);
    let ran = session.run(approve);
    assert_eq!(ran.kind("turn_ended").last().unwrap()["reason"], "end_turn");
    assert!(!ran.alarms().contains(&"budget"));
}
