//! Transitions of the machine, without IO: answers in, effects out.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it expects; the rest is a surprise")]

use super::*;
use crate::agent::llm::budget::Limits;
use crate::agent::llm::catalog::{Catalog, Choice, Model};
use crate::agent::llm::crew::Role;
use crate::agent::llm::delta::{Stop, Usage as Tokens};
use crate::agent::llm::fault::Fault;
use crate::agent::llm::reply::{BrokenCall, Closed};
use crate::agent::llm::request::{Message, Part, ToolCall};
use crate::agent::llm::tools::Act;
use serde_json::{Value, json};

fn turn_with(limits: Limits, context: u32) -> Turn {
    let provider = Catalog::built_in().unwrap().choose("ollama/x").unwrap().provider;
    let model = Model { name: "x".into(), context: Some(context), output: Some(1_000), ..Model::default() };
    let setup = Setup {
        role: Role::Solo,
        choice: Choice { provider, model },
        system: "s".into(),
        cache_key: None,
        plan_first: false,
    };
    let mut turn = Turn::new(setup);
    turn.budget = Budget::new(limits);
    turn
}

fn turn() -> Turn {
    turn_with(Limits::default(), 32_000)
}

fn closed(parts: Vec<Part>) -> Closed {
    Closed {
        message: Message::assistant(parts),
        broken: Vec::new(),
        usage: Tokens::default(),
        stop: Some(Stop::EndTurn),
        fault: None,
    }
}

fn text(text: &str) -> Event {
    answered(closed(vec![Part::Text(text.into())]))
}

fn answered(closed: Closed) -> Event {
    Event::Answered { closed: Box::new(closed), as_text: false, ms: 1 }
}

/// A task for a machine that keeps its budget and its plan.
fn task(turn: &Turn, task: &str, context: &str) -> Event {
    let (budget, plan) = (Box::new(turn.budget.clone()), turn.plan.clone());
    Event::Begin { task: task.into(), context: context.into(), budget, plan }
}

fn call(id: &str, name: &str, args: Value) -> Part {
    Part::Call(ToolCall { id: id.into(), name: name.into(), args, seal: None })
}

fn calls(list: &[(&str, &str, Value)]) -> Event {
    answered(closed(list.iter().map(|(id, name, args)| call(id, name, args.clone())).collect()))
}

fn acted(verdict: Verdict, text: &str) -> Event {
    let action = Some("a1".into());
    Event::Acted(Acted {
        verdict,
        text: text.into(),
        changed: false,
        tests: None,
        plan: None,
        caveat: None,
        ms: 1,
        action,
    })
}

fn tests(green: bool) -> Event {
    let tests = TestsSeen { green, failed: u32::from(!green), failures: "Failed: t".into() };
    let Event::Acted(acted) = acted(Verdict::Done, "ran") else { unreachable!() };
    Event::Acted(Acted { tests: Some(tests), ..acted })
}

fn begin(turn: &mut Turn) {
    let effects = turn.step(task(turn, "fix it", ""));
    assert!(request(&effects).messages.len() == 1);
}

/// The one awaited effect; asserts that there is exactly one.
fn awaited(effects: &[Effect]) -> &Effect {
    let awaited: Vec<&Effect> = effects.iter().filter(|effect| effect.is_awaited()).collect();
    assert_eq!(awaited.len(), 1, "{effects:?}");
    awaited[0]
}

fn request(effects: &[Effect]) -> &crate::agent::llm::request::Request {
    match awaited(effects) {
        Effect::Ask(ask) => &ask.request,
        other => panic!("{other:?}"),
    }
}

fn doing(effects: &[Effect]) -> &Doing {
    match awaited(effects) {
        Effect::Act(doing) => doing,
        other => panic!("{other:?}"),
    }
}

fn over(effects: &[Effect]) -> &Over {
    match awaited(effects) {
        Effect::Over(over) => over,
        other => panic!("{other:?}"),
    }
}

fn alarms(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Alarm { what, .. } => Some(what.to_string()),
            _ => None,
        })
        .collect()
}

/// The text of the last user message of the request.
fn last_words(effects: &[Effect]) -> String {
    let last = request(effects).messages.last().unwrap();
    let words = last.parts.iter().map(|part| match part {
        Part::Text(text) => text.clone(),
        Part::Result { text, .. } => format!("={text}"),
        other => format!("{other:?}"),
    });
    words.collect::<Vec<_>>().join("|")
}

#[test]
fn calls_go_to_the_gate_one_after_the_other_and_their_results_go_back_together() {
    let mut turn = turn();
    begin(&mut turn);
    let effects = turn.step(calls(&[("1", "read", json!({"path": "a"})), ("2", "read", json!({"path": "b"}))]));
    assert_eq!(doing(&effects).act, Act::Read { path: "a".into(), from_line: 1, lines: 0 });
    let effects = turn.step(acted(Verdict::Done, "content a"));
    assert_eq!(doing(&effects).act, Act::Read { path: "b".into(), from_line: 1, lines: 0 });
    let effects = turn.step(acted(Verdict::Failed, "no b"));
    assert_eq!(last_words(&effects), "=content a|=no b");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Told { action: Some(_), text } if text == "no b")));
}

#[test]
fn a_decision_against_a_call_drops_the_calls_that_were_to_follow() {
    for verdict in [Verdict::Denied, Verdict::Redirected] {
        let mut turn = turn();
        begin(&mut turn);
        turn.step(calls(&[("1", "run", json!({"command": "make"})), ("2", "run", json!({"command": "rm x"}))]));
        let effects = turn.step(acted(verdict, "Not this way."));
        assert!(last_words(&effects).starts_with("=Not this way.|=Not done: the supervisor decided"));
    }
}

#[test]
fn steering_comes_before_the_next_action() {
    let mut turn = turn();
    begin(&mut turn);
    turn.step(calls(&[("1", "read", json!({"path": "a"})), ("2", "run", json!({"command": "make"}))]));
    assert!(turn.step(Event::Steered("only docs".into())).is_empty());
    let effects = turn.step(acted(Verdict::Done, "content"));
    let words = last_words(&effects);
    assert!(
        words.contains("=Not done: the supervisor has sent a message")
            && words.ends_with("The supervisor says:\nonly docs")
    );
}

#[test]
fn a_printed_call_is_repaired_and_marked() {
    let mut turn = turn();
    begin(&mut turn);
    let effects = turn.step(text("```json\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}\n```"));
    assert!(doing(&effects).repaired);
    assert_eq!(alarms(&effects), ["repaired"]);
    let effects = turn.step(acted(Verdict::Done, "x"));
    assert_eq!(last_words(&effects), "=x");
}

#[test]
fn words_alone_are_answered_once_and_then_end_the_turn() {
    let mut turn = turn();
    begin(&mut turn);
    let effects = turn.step(text("I would do this."));
    assert!(last_words(&effects).contains("text alone does nothing"));
    let end = turn.step(text("Done!"));
    assert_eq!((over(&end).reason, over(&end).finished), (TurnEnd::EndTurn, false));
}

#[test]
fn empty_answers_invented_tools_and_repetitions_end_by_themselves() {
    let endless: [fn(usize) -> Event; 4] = [
        |_| answered(closed(Vec::new())),
        |n| calls(&[(&n.to_string(), "open_file", json!({"n": n}))]),
        |n| calls(&[(&n.to_string(), "read", json!({"path": "a", "why": n}))]),
        |n| calls(&[(&n.to_string(), "edit", json!({"path": "a", "old": "x", "new": "x", "line": n, "why": "w"}))]),
    ];
    for (which, event) in endless.into_iter().enumerate() {
        let mut turn = turn();
        begin(&mut turn);
        let ended = (0..40).any(|n| {
            let mut effects = turn.step(event(n));
            while let Effect::Act(doing) = awaited(&effects) {
                let verdict = if matches!(doing.act, Act::Edit { .. }) { Verdict::NoChange } else { Verdict::Done };
                effects = turn.step(acted(verdict, "as before"));
            }
            matches!(awaited(&effects), Effect::Over(_))
        });
        assert!(ended, "case {which} never ended");
        assert!(turn.budget.turns() < 15, "case {which} took {} calls", turn.budget.turns());
    }
}

#[test]
fn budgets_stop_before_the_limit() {
    let limits = Limits { turns: Some(3), actions: Some(2), ..Limits::default() };
    let mut machine = turn_with(Limits { actions: None, ..limits }, 32_000);
    begin(&mut machine);
    let mut asked = 1;
    let mut n = 0;
    loop {
        n += 1;
        machine.step(calls(&[(&n.to_string(), "read", json!({"path": n}))]));
        let effects = machine.step(acted(Verdict::Done, "x"));
        match awaited(&effects) {
            Effect::Ask(_) => asked += 1,
            _ => {
                assert_eq!((over(&effects).reason, alarms(&effects)), (TurnEnd::Budget, vec!["budget".to_owned()]));
                break;
            }
        }
    }
    assert_eq!(asked, 3);
    let mut machine = turn_with(Limits { turns: None, ..limits }, 32_000);
    begin(&mut machine);
    let three =
        [("1", "read", json!({"path": 1})), ("2", "read", json!({"path": 2})), ("3", "read", json!({"path": 3}))];
    machine.step(calls(&three));
    machine.step(acted(Verdict::Done, "x"));
    let effects = machine.step(acted(Verdict::Done, "x"));
    assert_eq!(over(&effects).reason, TurnEnd::Budget);
    assert!(machine.budget.words().contains(&"2 actions of 2 actions".to_owned()), "{:?}", machine.budget.words());
}

#[test]
fn a_broken_answer_keeps_whole_calls_and_asks_for_the_rest() {
    let mut turn = turn();
    begin(&mut turn);
    let broken = Closed {
        broken: vec![BrokenCall { name: "write".into(), why: "cut".into() }],
        stop: None,
        fault: Some(Fault::Cut { why: "lost".into() }),
        ..closed(vec![Part::Text("I".into()), call("1", "read", json!({"path": "a"}))])
    };
    let effects = turn.step(answered(broken));
    assert!(matches!(doing(&effects).act, Act::Read { .. }));
    let effects = turn.step(acted(Verdict::Done, "content"));
    assert!(last_words(&effects).contains("arrived incomplete"));
    let ended = (0..9).any(|_| {
        let cut = Closed { stop: None, fault: Some(Fault::Cut { why: "lost".into() }), ..closed(Vec::new()) };
        matches!(awaited(&turn.step(answered(cut))), Effect::Over(_))
    });
    assert!(ended);
}

#[test]
fn a_full_context_is_shortened_and_the_plan_decisions_and_failures_survive() {
    let mut turn = turn_with(Limits { turns: None, ..Limits::default() }, 6_000);
    begin(&mut turn);
    turn.plan.approve(turn.plan.propose(&[crate::agent::llm::tools::PlannedStep {
        id: None,
        title: "fix the bound".into(),
        status: Default::default(),
        depth: 0,
    }]));
    turn.step(calls(&[("t", "test", json!({}))]));
    let mut effects = turn.step(tests(false));
    let mut summarised = String::new();
    for n in 0..60 {
        let size: usize = request(&effects).messages.iter().map(|m| format!("{m:?}").len()).sum();
        assert!(size < 60_000, "{size}");
        let first = request(&effects).messages[0].clone();
        if let Part::Text(text) = &first.parts[0]
            && text.contains("left out to save room")
        {
            summarised = text.clone();
        }
        turn.step(calls(&[(&format!("c{n}"), "read", json!({"path": n}))]));
        effects = turn.step(acted(Verdict::Done, &format!("Approved.\n{}", "x".repeat(2_500))));
    }
    for words in ["fix it", "fix the bound", "Failed: t", "read"] {
        assert!(summarised.contains(words), "{words}: {summarised}");
    }
    let overflow = Closed {
        stop: None,
        fault: Some(Fault::Overflow { message: "full".into(), context: None, prompt: None }),
        usage: Tokens::default(),
        ..closed(Vec::new())
    };
    let before = format!("{:?}", request(&effects).messages).len();
    let effects = turn.step(answered(overflow));
    assert!(format!("{:?}", request(&effects).messages).len() < before);
    assert_eq!(alarms(&effects), ["overflow"]);
}

#[test]
fn a_first_request_that_is_too_large_loses_its_context_and_not_its_task() {
    let mut turn = turn();
    let effects = turn.step(task(&turn, "fix add", &"map ".repeat(4_000)));
    let before = format!("{:?}", request(&effects).messages).len();
    let overflow = Closed {
        stop: None,
        fault: Some(Fault::Overflow { message: "full".into(), context: None, prompt: None }),
        ..closed(Vec::new())
    };
    let effects = turn.step(answered(overflow));
    let messages = format!("{:?}", request(&effects).messages);
    assert!(messages.len() < before / 4 && messages.contains("The task:\\nfix add"), "{messages}");
}

#[test]
fn success_is_not_claimed_without_a_run() {
    let mut turn = turn();
    begin(&mut turn);
    turn.step(calls(&[("1", "write", json!({"path": "a", "content": "x", "why": "w"}))]));
    let Event::Acted(wrote) = acted(Verdict::Done, "written") else { unreachable!() };
    turn.step(Event::Acted(Acted { changed: true, ..wrote }));
    let finish = |id: &str| calls(&[(id, "finish", json!({"report": "all good", "done": true}))]);
    assert!(last_words(&turn.step(finish("2"))).contains("no tests were run"));
    let effects = turn.step(finish("3"));
    assert_eq!(alarms(&effects), ["claim_without_run"]);
    assert!(over(&effects).done && over(&effects).report.contains("no test run was observed"));
}

#[test]
fn a_goal_about_tests_is_not_reached_without_any_run() {
    let finish = |id: &str| calls(&[(id, "finish", json!({"report": "The test_calc.py passed the tests."}))]);
    let mut turn = turn();
    begin(&mut turn);
    assert!(last_words(&turn.step(finish("1"))).contains("no tests were run"));
    let effects = turn.step(finish("2"));
    assert_eq!(alarms(&effects), ["claim_without_run"]);
    assert!(!over(&effects).done && over(&effects).report.contains("no test run was observed"));
    // Who is only asked to explain need not run anything.
    let mut turn = self::turn();
    begin(&mut turn);
    assert!(over(&turn.step(calls(&[("1", "finish", json!({"report": "It adds."}))]))).done);
}

/// The same answer with what the server counted.
fn counting(answer: Event, prompt: u64) -> Event {
    let Event::Answered { closed, as_text, ms } = answer else { unreachable!() };
    let usage = Tokens { input: Some(prompt), output: Some(20), ..Tokens::default() };
    Event::Answered { closed: Box::new(Closed { usage, ..*closed }), as_text, ms }
}

#[test]
fn a_server_that_leaves_out_the_beginning_is_noticed_once_and_its_context_kept() {
    let read = |n: u64| calls(&[(&n.to_string(), "read", json!({"path": format!("f{n}")}))]);
    let mut turn = turn();
    begin(&mut turn);
    let mut counted = Vec::new();
    let mut alarmed = Vec::new();
    for n in 0..12_u64 {
        let request_bytes = (turn.fixed_bytes() + turn.talk.bytes()) as u64;
        // Ollama with `num_ctx` 4096: whole old messages go until the rest fits.
        let real = request_bytes / 4;
        let shown = if real > 4_096 { 3_000 + (real * 7) % 900 } else { real };
        counted.push(shown);
        let effects = turn.step(counting(read(n), shown));
        alarmed.extend(alarms(&effects));
        turn.step(acted(Verdict::Done, &"some words ".repeat(200)));
    }
    assert_eq!(alarmed, ["cut_prompt"], "{counted:?}");
    assert!(turn.room.tokens <= 4_096, "{}", turn.room.tokens);
    // From then on it is kept within what the server has room for.
    assert!(counted.iter().rev().take(3).all(|shown| *shown <= 4_096), "{counted:?}");
}

#[test]
fn an_honest_count_raises_no_alarm_however_dense_the_text() {
    for bytes_per_token in [2, 4, 6] {
        let mut turn = turn();
        begin(&mut turn);
        for n in 0..8_u64 {
            let real = (turn.fixed_bytes() + turn.talk.bytes()) as u64 / bytes_per_token;
            let answer = calls(&[(&n.to_string(), "read", json!({"path": format!("f{n}")}))]);
            let effects = turn.step(counting(answer, real));
            assert_eq!(alarms(&effects), Vec::<String>::new(), "{bytes_per_token}");
            turn.step(acted(Verdict::Done, &"some words ".repeat(100)));
        }
    }
}

#[test]
fn tools_that_were_not_shown_cost_a_call_and_leave_no_words_behind() {
    let mut turn = turn();
    begin(&mut turn);
    let before = turn.budget.turns();
    let unseen = Closed {
        stop: None,
        fault: Some(Fault::ToolsUnseen { prompt: 247, bytes: 7_700 }),
        ..closed(vec![Part::Text("What is your task?".into())])
    };
    let effects = turn.step(answered(unseen));
    assert_eq!(request(&effects).messages.len(), 1);
    assert_eq!(turn.budget.turns(), before + 1);
}

#[test]
fn an_answer_of_the_longest_length_is_one_whatever_the_server_calls_it() {
    let mut turn = turn();
    begin(&mut turn);
    let usage = Tokens { input: Some(2_000), output: Some(1_000), ..Tokens::default() };
    let effects = turn.step(answered(Closed { usage, ..closed(vec![Part::Text("# A\n# B\n".into())]) }));
    assert_eq!(alarms(&effects), ["cut"]);
    assert!(last_words(&effects).contains("length limit"));
}

#[test]
fn what_the_model_reads_is_on_record_and_what_it_does_wrong_is_shown() {
    let mut turn = turn();
    begin(&mut turn);
    let effects = turn.step(calls(&[("1", "fix_everything", json!({"path": "a"}))]));
    assert_eq!(alarms(&effects), ["mistake"]);
    let sent = |effects: &[Effect]| {
        let sent = effects.iter().filter_map(|effect| match effect {
            Effect::Told { action: None, text } => Some(text.clone()),
            _ => None,
        });
        sent.collect::<Vec<_>>().join("\n")
    };
    assert!(sent(&effects).contains("there is no tool `fix_everything`"));
    let effects = turn.step(text(r#"{"name": "read", "arguments": {"path": "a "b" c"}}"#));
    assert!(sent(&effects).contains("looks like a call of `read`"));
}

#[test]
fn failing_tests_mark_what_follows_and_forbid_a_happy_end() {
    let mut turn = turn();
    begin(&mut turn);
    turn.step(calls(&[("1", "test", json!({}))]));
    turn.step(tests(false));
    let effects = turn.step(calls(&[("2", "write", json!({"path": "tests/a.py", "content": "x", "why": "w"}))]));
    assert_eq!(doing(&effects).tests_failing, Some(1));
    turn.step(acted(Verdict::Denied, "No."));
    let finish = |id: &str| calls(&[(id, "finish", json!({"report": "fine", "done": true}))]);
    turn.step(finish("3"));
    let effects = turn.step(finish("4"));
    assert!(!over(&effects).done && over(&effects).finished);
}

#[test]
fn changes_wait_for_a_plan_once() {
    let mut turn = turn();
    turn.setup.plan_first = true;
    begin(&mut turn);
    let effects = turn.step(calls(&[("1", "run", json!({"command": "make"}))]));
    assert!(last_words(&effects).contains("first propose a plan"));
    let effects = turn.step(calls(&[("2", "run", json!({"command": "make"}))]));
    assert!(matches!(doing(&effects).act, Act::Run { .. }));
}

#[test]
fn an_interrupted_turn_leaves_no_call_without_a_result() {
    let mut turn = turn();
    begin(&mut turn);
    turn.step(calls(&[("1", "read", json!({"path": "a"})), ("2", "read", json!({"path": "b"}))]));
    let effects = turn.step(Event::Canceled);
    assert_eq!(over(&effects).reason, TurnEnd::Canceled);
    let effects = turn.step(task(&turn, "something else", ""));
    let messages = &request(&effects).messages;
    let parts = || messages.iter().flat_map(|message| &message.parts);
    let asked = parts().filter(|part| matches!(part, Part::Call(_))).count();
    let answered = parts().filter(|part| matches!(part, Part::Result { .. })).count();
    assert_eq!((asked, answered), (2, 2));
}

proptest::proptest! {
    // Each case is a whole task; the mixtures differ enough.
    #![proptest_config(proptest::test_runner::Config::with_cases(24))]

    /// Whatever a model answers, every step awaits one thing, calls and results pair up, and the task ends.
    #[test]
    fn any_mixture_of_answers_ends(picks in proptest::collection::vec((0..9_usize, 0..6_usize), 1..120)) {
        proptest::prop_assert!(ends(&picks));
    }
}

/// Plays answers by number until the task is over.
fn ends(picks: &[(usize, usize)]) -> bool {
    {
        let limits = Limits { turns: Some(40), ..Limits::default() };
        let mut turn = turn_with(limits, 8_000);
        begin(&mut turn);
        let verdicts =
            [Verdict::Done, Verdict::Failed, Verdict::Denied, Verdict::Redirected, Verdict::Refused, Verdict::NoChange];
        let mut n = 0;
        for (kind, verdict) in picks.iter().copied().cycle().take(2_000) {
            n += 1;
            let id = format!("c{n}");
            let event = match kind {
                0 => text("words"),
                1 => answered(closed(Vec::new())),
                2 => calls(&[(&id, "read", json!({"path": n})), (&format!("d{n}"), "run", json!({"command": "x"}))]),
                3 => calls(&[(&id, "nonsense", json!({}))]),
                4 => calls(&[(&id, "explain", json!({"text": "so"}))]),
                5 => answered(Closed { stop: None, fault: Some(Fault::Stalled { idle_s: 1 }), ..closed(Vec::new()) }),
                6 => answered(Closed { stop: Some(Stop::MaxTokens), ..closed(vec![Part::Text("…".into())]) }),
                7 => calls(&[(&id, "plan", json!({"steps": ["a", n.to_string()]}))]),
                _ => calls(&[(&id, "edit", json!({"path": "a", "old": "b", "new": n.to_string(), "why": "w"}))]),
            };
            let mut effects = turn.step(event);
            while let Effect::Act(_) = awaited(&effects) {
                effects = turn.step(acted(verdicts[verdict], "result"));
            }
            match awaited(&effects) {
                Effect::Over(_) => return true,
                Effect::Ask(ask) => {
                    let mut open = std::collections::BTreeSet::new();
                    for part in ask.request.messages.iter().flat_map(|message| &message.parts) {
                        match part {
                            Part::Call(call) => drop(open.insert(call.id.clone())),
                            Part::Result { id, .. } => assert!(open.remove(id)),
                            _ => {}
                        }
                    }
                    assert!(open.is_empty());
                }
                other => panic!("{other:?}"),
            }
        }
        false
    }
}

#[test]
fn no_part_of_an_answer_changes_anything_before_the_plan() {
    let mut turn = turn();
    turn.setup.plan_first = true;
    begin(&mut turn);
    let write = |id: &'static str, path: &str| (id, "write", json!({"path": path, "content": "x", "why": "y"}));
    let effects = turn.step(calls(&[write("1", "a"), write("2", "b"), ("3", "run", json!({"command": "make"}))]));
    let words = last_words(&effects);
    assert_eq!(words.matches("first propose a plan").count(), 3, "{words}");
    // It was warned; its next call is executed unchanged.
    let effects = turn.step(calls(&[write("4", "a"), write("5", "b")]));
    assert!(matches!(&doing(&effects).act, Act::Write { path, .. } if path == "a"));
    let effects = turn.step(acted(Verdict::Done, "written"));
    assert!(matches!(&doing(&effects).act, Act::Write { path, .. } if path == "b"));
}

/// It was sent to run the tests first, saw one fail, and reports success all the same.
#[test]
fn a_report_of_success_over_a_failing_test_is_told_once_what_fails() {
    let report = json!({"report": "I fixed it. The tests now pass", "done": true});
    for claim in [report, json!({"report": "I fixed it. The tests now pass.", "done": false})] {
        let mut turn = turn();
        turn.step(task(&turn, "make the tests pass", ""));
        let mut effects = turn.step(calls(&[("1", "finish", claim.clone())]));
        if claim["done"] == true {
            assert!(last_words(&effects).contains("no tests were run"));
            effects = turn.step(calls(&[("2", "test", json!({}))]));
            doing(&effects);
            effects = turn.step(tests(false));
            request(&effects);
            effects = turn.step(calls(&[("3", "finish", claim.clone())]));
            assert!(last_words(&effects).contains("1 failed.\nFailed: t"), "{}", last_words(&effects));
            effects = turn.step(calls(&[("4", "finish", claim)]));
            assert_eq!(alarms(&effects), ["claim_without_run"]);
            assert!(over(&effects).report.contains("the last observed test run failed"));
        }
        assert!(!over(&effects).done);
    }
    let mut turn = turn();
    begin(&mut turn);
    turn.step(calls(&[("1", "test", json!({}))]));
    turn.step(tests(false));
    let effects = turn.step(calls(&[("2", "finish", json!({"report": "One test still fails.", "done": false}))]));
    assert!(!over(&effects).done, "an honest report is taken at once");
    turn = turn_with(Limits::default(), 32_000);
    begin(&mut turn);
    turn.step(calls(&[("1", "test", json!({}))]));
    turn.step(tests(false));
    let effects = turn.step(text("I fixed it."));
    assert!(last_words(&effects).contains("Failed: t"), "words alone are answered with what fails");
}
