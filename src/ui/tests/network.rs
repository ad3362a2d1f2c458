//! Tests of the network of commands: the choice for one command, and a connection that waits for a decision.

use super::stage::Stage;
use crate::model::event::{Network, Verdict};
use crate::wire;
use serde_json::json;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

fn command(size: (u16, u16), executor: &str) -> Stage {
    let mut stage = Stage::pending(size, |action| {
        action.remove("files");
        action.insert("kind".to_owned(), json!("command"));
        action.insert("command".to_owned(), json!({"shell": "make fetch", "cwd": "."}));
        action.insert("executor".to_owned(), json!(executor));
    });
    stage.command("bottom");
    stage
}

fn connection(target: &str, size: (u16, u16)) -> Stage {
    let mut stage = Stage::pending(size, |action| {
        action.remove("files");
        action.insert("kind".to_owned(), json!("network"));
        action.insert("target".to_owned(), json!(target));
        action.insert("executor".to_owned(), json!("host"));
        action.insert("title".to_owned(), json!(format!("connect to {target} for a6")));
        let process = json!([{"kind": "process", "text": "as it calls itself: 12 cargo fetch\u{202e}"}]);
        action.insert("rationale".to_owned(), json!({"text": "a6 asks for it in its layer", "evidence": process}));
    });
    stage.command("bottom");
    stage
}

#[test]
fn the_network_of_a_command_is_chosen_shown_and_sent_with_the_approval() {
    for size in SIZES {
        let mut stage = command(size, "host");
        stage.press("g N");
        assert!(stage.text().contains("ask: hosts that a rule or you allow"), "{}", stage.text());
        stage.press("g N");
        assert!(stage.text().contains("off: none"), "{}", stage.text());
        stage.command("bottom");
        stage.command("approve");
        let sent: Vec<_> = stage.decided().into_iter().map(|one| (one.verdict, one.network)).collect();
        assert_eq!(sent, [(Verdict::Approve, Some(Network::Off))], "{}", stage.text());
    }
    let mut stage = command((80, 24), "host");
    stage.command("approve");
    assert_eq!(stage.decided().pop().map(|one| one.network), Some(None), "as configured");
}

#[test]
fn a_command_that_the_agent_runs_itself_is_given_no_network() {
    let mut stage = command((80, 24), "agent");
    stage.press("g N");
    assert!(stage.text().contains("the agent runs this command itself"), "{}", stage.text());
    stage.command("approve");
    assert_eq!(stage.decided().pop().map(|one| one.network), Some(None), "{}", stage.text());
}

#[test]
fn a_connection_shows_where_it_goes_and_who_asks() {
    for size in SIZES {
        let mut stage = connection("registry.corp:443 at 10.0.0.5", size);
        let text = stage.text();
        assert!(text.contains("connect  registry.corp:443 at 10.0.0.5"), "{text}");
        assert!(text.contains("a6 asks for it in its layer"), "{text}");
        assert!(text.contains("as it calls itself: 12 cargo fetch") && !text.contains('\u{202e}'), "{text}");
        assert!(text.contains("= always"), "{text}");
        stage.press("g N");
        assert!(stage.text().contains("only a command has a network of its own"), "{}", stage.text());
        stage.command("approve");
        assert_eq!(stage.decided().len(), 1, "{}", stage.text());
    }
}

#[test]
fn a_rule_of_a_connection_starts_with_its_host_and_is_widened_to_the_names_beside_it() {
    let hosts = |stage: &Stage| {
        let asked = stage.asked.iter().rev().find_map(|request| {
            let wire::Request::Allow(allow) = request else { return None };
            Some(allow.hosts.clone())
        });
        asked.unwrap_or_default()
    };
    for size in SIZES {
        let mut stage = connection("index.crates.io:443", size);
        stage.command("always");
        assert_eq!(hosts(&stage), ["index.crates.io:443"]);
        assert!(stage.text().contains("← → names"), "{}", stage.text());
        stage.press("left left");
        assert_eq!(hosts(&stage), ["*.crates.io:443"]);
        let text = stage.text();
        assert!(text.contains("write it in the policy file"), "{text}");
        let mut stage = connection("registry.corp:443 at 10.0.0.5", size);
        stage.command("always");
        assert_eq!(hosts(&stage), ["registry.corp:443", "10.0.0.5:443"]);
    }
}

#[test]
fn without_a_pending_command_the_network_is_that_of_the_session() {
    let mut stage = Stage::pending((80, 24), |_| {});
    stage.press("g N");
    assert!(stage.text().contains("only a command has a network of its own"), "{}", stage.text());
    let mut stage = Stage::empty(80, 24, "dark");
    stage.press("g N");
    let sent = stage
        .asked
        .iter()
        .any(|request| matches!(request, wire::Request::Network(wire::SetNetwork { network: Some(Network::Ask) })));
    assert!(sent, "{}", stage.text());
}
