//! Recorded sessions of real agents, played again without a process: what the agent said is fed to the client, a host
//! that says yes to everything answers its proposals.

use super::client::{Client, Effect, Input, Setup};
use super::place::{Disk, Roots};
use super::record::{From, read};
use crate::agent::catalog::{Catalog, Level};
use crate::base::{ActionId, RelPath};
use crate::model::When;
use crate::model::action::{Body, Executor};
use crate::model::event::OutcomeWord;
use crate::port::{Answer, FromAgent, Performed, ToAgent};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The plan in the records that have one.
const PLAN: &str = "# Change the word\n\n1. Edit `a.txt`, one line\n2. Look at it again\n";

/// The workspace the sessions were recorded in.
struct Recorded;

impl Disk for Recorded {
    fn read(&self, path: &RelPath) -> Result<Option<Vec<u8>>, String> {
        Ok((path.as_str() == "a.txt").then(|| b"line\nold\nend\n".to_vec()))
    }

    fn read_plan(&self, path: &Path) -> Option<String> {
        path.ends_with("plans/plan.md").then(|| PLAN.to_owned())
    }
}

/// The result of a replay.
#[derive(Default)]
struct Shown {
    sent: Vec<Value>,
    proposed: Vec<String>,
    /// The texts of plans among them.
    plans: Vec<String>,
    turns: usize,
    alarms: Vec<String>,
    waiting: Vec<Input>,
}

impl Shown {
    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(message) => self.sent.push(message),
                Effect::Report(FromAgent::Propose { ticket, proposal }) => {
                    self.proposed.push(proposal.title.clone());
                    if let Body::Plan(Some(document)) = &proposal.body {
                        self.plans.push(document.text.clone());
                    }
                    let action = ActionId::new(format!("a{}", self.proposed.len()));
                    self.waiting.push(Input::Host(ToAgent::Filed { ticket, action }));
                    let answer = Answer::Approved {
                        edited: None,
                        note: None,
                        form: None,
                        option: None,
                        message: "Approved as proposed.".into(),
                    };
                    self.waiting.push(Input::Host(ToAgent::Answered { ticket, answer }));
                    if proposal.executor == Executor::Host {
                        let mut performed = Performed::of(OutcomeWord::Ok, None);
                        if let Body::Read(path) = &proposal.body {
                            let path = RelPath::new(path).unwrap();
                            performed.read = vec![(path.clone(), Recorded.read(&path).unwrap().unwrap())];
                        }
                        self.waiting.push(Input::Host(ToAgent::Performed { ticket, performed: Box::new(performed) }));
                    }
                }
                Effect::Report(FromAgent::TurnEnded { .. }) => self.turns += 1,
                Effect::Report(FromAgent::Alarm { text, .. }) => self.alarms.push(text),
                Effect::Report(_)
                | Effect::Arm(..)
                | Effect::Disarm(_)
                | Effect::LookAtCandidate
                | Effect::Reset(_)
                | Effect::Finish => {}
            }
        }
    }
}

fn replay(name: &str, agent: &str) -> Shown {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/acp/{name}.jsonl"));
    let spec = Catalog::load(None).unwrap().named(agent).unwrap().clone();
    let mut client = Client::new(Setup { spec, ..Setup::plain(Roots::new("/w", "/w", Arc::new(Recorded))) });
    let mut shown = Shown::default();
    shown.take(client.on(Input::Start));
    let mut prompts = 0;
    for (from, line) in read(&file).unwrap() {
        if from == From::Agent {
            shown.take(client.on(Input::Message(line)));
        } else if line["method"] == "session/prompt" && prompts == 0 {
            prompts += 1;
            let prompt = ToAgent::Prompt { prompt: "change it".into(), when: When::Queue };
            shown.take(client.on(Input::Host(prompt)));
        } else if let Some(id) = planning(&line) {
            shown.take(client.on(Input::Host(ToAgent::SetOption { id, value: "plan".into() })));
        }
        while !shown.waiting.is_empty() {
            let input = shown.waiting.remove(0);
            shown.take(client.on(input));
        }
    }
    shown
}

/// The option that the user sets to plan.
fn planning(line: &Value) -> Option<String> {
    let params = &line["params"];
    let id = if params["modeId"] == "plan" { "mode" } else { params["configId"].as_str()? };
    (params["modeId"] == "plan" || params["value"] == "plan").then(|| id.to_owned())
}

/// A plan is shown before the edit, whole, and a plain approval selects the answer that lets every edit be asked about.
fn check_plan(agent: &str, proposed: &[&str], answer: &str) {
    let name = format!("{agent}_plan");
    check(&name, agent, proposed);
    let shown = replay(&name, agent);
    let plans: Vec<&str> = shown.plans.iter().map(|plan| plan.trim()).collect();
    assert_eq!(plans, [PLAN.trim()], "{name}");
    let selected = |message: &Value| message["result"]["outcome"]["optionId"] == answer;
    assert!(shown.sent.iter().any(selected), "{name}: {:?}", shown.sent);
    assert_eq!(shown.alarms, [""; 0], "{name}");
}

fn check(name: &str, agent: &str, proposed: &[&str]) {
    let shown = replay(name, agent);
    assert_eq!(shown.proposed, proposed, "{name}");
    assert_eq!(shown.turns, 1, "{name}");
    let changed: Vec<&String> = shown.alarms.iter().filter(|text| text.contains("changed")).collect();
    assert!(changed.is_empty(), "{name} keeps to what it asked: {changed:?}");
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for message in shown.sent.iter().filter(|m| m["method"].is_null()) {
        *answers.entry(message["id"].to_string()).or_default() += 1;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/acp/{name}.jsonl"));
    for (from, line) in read(&file).unwrap() {
        if from == From::Agent && line["method"].is_string() && !line["id"].is_null() {
            assert_eq!(answers.get(&line["id"].to_string()), Some(&1), "{name}: {line} is answered exactly once");
        }
    }
}

#[test]
fn recorded_sessions_of_real_agents_play_again() {
    assert_eq!(Catalog::load(None).unwrap().named("codex").unwrap().level, Level::L1);
    check("codex_edited", "codex", &["edit a.txt", "run touch b.txt"]);
    check("gemini_edited", "gemini", &["read a.txt", "edit a.txt", "run touch b.txt"]);
    check("opencode_approved", "opencode", &["edit a.txt", "run touch b.txt"]);
    check("claude_approved", "claude", &["edit a.txt", "run touch c.txt"]);
    check("qwen_approved", "qwen", &["read a.txt", "read a.txt", "edit a.txt", "run touch c.txt"]);
    check("kimi_approved", "kimi", &["edit a.txt", "run /bin/bash -c 'cd '\\''/w'\\'' && touch c.txt'"]);
    check("copilot_approved", "copilot", &["edit a.txt", "run touch c.txt"]);
    check("vibe_approved", "vibe", &["edit a.txt", "run touch c.txt"]);
    check("openhands_approved", "openhands", &["edit a.txt", "run touch c.txt"]);
    check("fast_agent_approved", "fast-agent", &["edit a.txt", "run touch c.txt"]);
    check("cline_approved", "cline", &["edit a.txt", "run touch c.txt"]);
}

#[test]
fn recorded_plans_of_real_agents_play_again() {
    check_plan("claude", &["Approve Plan", "edit a.txt"], "exit-plan-default");
    check_plan("codex", &["Implement this plan?", "edit a.txt"], "implement_plan");
    check_plan("gemini", &["approve the plan", "read a.txt", "edit a.txt"], "proceed_once");
    check_plan("qwen", &["Plan:", "read a.txt", "read a.txt", "edit a.txt"], "proceed_once");
    check_plan("kimi", &["approve the plan", "read a.txt", "edit a.txt"], "plan_approve");
}
