//! Small models: hundreds of seeded ones were tried; a few of them stand here, `SMALL_MODELS=FROM..TO` tries others.

use crate::session::{Answer, Ran, Session};
use serde_json::Value;

/// One session with a small model under a supervisor who decides by the same seed.
fn session(seed: u64) -> Ran {
    let apis = ["openai-chat", "anthropic", "openai-chat", "anthropic", "openai-responses", "gemini"];
    let mut session = Session::of(apis[seed as usize % apis.len()], []);
    session.dumb = Some(seed);
    session.model = ["context = 16000", "context = 4096, output = 1000", ""][seed as usize % 3];
    let plan_first = seed.is_multiple_of(5);
    session.config =
        format!("plan_first = {plan_first}\nbudget_turns = 24\nbudget_actions = 30\nbudget_tokens = 400000\n");
    let mut asked = 0;
    session.run(|_| {
        asked += 1;
        match (seed / 2 + asked) % 7 {
            0 => Answer::Deny("not like this"),
            1 => Answer::Redirect("look at calc.py, not at the tests"),
            // A supervisor who only says no.
            _ if seed % 8 == 3 => Answer::Deny("no"),
            _ => Answer::Approve,
        }
    })
}

fn check(seed: u64) {
    let ran = session(seed);
    let tail: Vec<&Value> = ran.events.iter().rev().take(6).collect();
    let told = format!("seed {seed}: exit {:?} {} {tail:#?} {}", ran.exit, ran.reason(), ran.stderr);
    assert!(!ran.killed && matches!(ran.exit, Some(0 | 1)), "{told}");
    assert!(!ran.stderr.contains("panicked"), "{told}");
    assert_eq!(ran.kind("session_ended").count(), 1, "{told}");
    assert_eq!(ran.verify(), Some(0), "{told}");
    // Within the budget, with every effect decided first and every question answered.
    assert!(ran.server.turns_used() <= 24 + 3, "{} requests; {told}", ran.server.turns_used());
    let usage = ran.kind("usage").last().unwrap_or(&Value::Null);
    let tokens = usage["tokens_in"].as_u64().unwrap_or(0) + usage["tokens_out"].as_u64().unwrap_or(0);
    assert!(tokens <= 400_000, "{tokens}; {told}");
    let of = |kind: &'static str| -> Vec<&Value> { ran.kind(kind).map(|event| &event["action"]).collect() };
    let (decided, ended) = (of("decided"), [of("finished"), of("lapsed")].concat());
    assert!(of("started").iter().all(|action| decided.contains(action) && ended.contains(action)), "{told}");
    assert!(of("held").iter().all(|action| decided.contains(action) || ended.contains(action)), "{told}");
    assert!(ran.kind("proposed").count() <= 30 + 6, "{told}");
    // What the tests say is ours to tell: a claim without a green run is not the outcome `done`.
    if ran.kind("session_ended").last().unwrap()["outcome"] == "done" {
        let red = ran.kind("check_finished").last().is_some_and(|run| run["failed"] != 0);
        assert!(!red, "{told}");
    }
}

#[test]
fn sessions_with_small_models_end_by_themselves_within_budget_and_on_record() {
    let range = std::env::var("SMALL_MODELS").ok();
    let range = range.as_deref().and_then(|range| range.split_once("..")).unwrap_or(("0", "12"));
    let (from, to): (u64, u64) = (range.0.parse().unwrap(), range.1.parse().unwrap());
    (from..to).for_each(check);
}
