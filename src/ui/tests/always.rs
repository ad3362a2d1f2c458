//! Tests of the rule that is made from a pending command: what its keys change, what is asked of the host, and that
//! only the key of an approval makes it.

use super::stage::Stage;
use crate::model::event::RuleScope;
use crate::ui::app::{AnswerData, Msg};
use crate::wire::{self, Allow, Allowed};
use serde_json::json;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

/// A session whose pending action is this command.
fn with(line: &str, size: (u16, u16)) -> Stage {
    let mut stage = Stage::pending(size, |action| {
        action.remove("files");
        action.insert("kind".to_owned(), json!("command"));
        action.insert("command".to_owned(), json!({"shell": line, "cwd": "."}));
        action.insert("title".to_owned(), json!(line));
    });
    stage.command("bottom");
    stage
}

fn asked(stage: &Stage) -> Vec<Allow> {
    let allow = |request: &wire::Request| {
        let wire::Request::Allow(allow) = request else { return None };
        Some(allow.clone())
    };
    stage.asked.iter().filter_map(allow).collect()
}

fn last(stage: &Stage) -> Allow {
    asked(stage).pop().unwrap_or_else(|| panic!("nothing was asked\n{}", stage.text()))
}

fn answer(stage: &mut Stage, outcome: Result<Allowed, String>) {
    let asked = Box::new(wire::Request::Allow(last(stage)));
    stage.send(Msg::Answered { asked, outcome: outcome.map(AnswerData::Allowed) });
    stage.draw();
}

#[test]
fn a_rule_starts_exact_and_is_widened_word_by_word() {
    for size in SIZES {
        let mut stage = with("cargo test --lib parser", size);
        stage.command("always");
        assert_eq!(last(&stage).patterns, ["cargo test --lib parser"]);
        stage.press("left");
        assert_eq!(last(&stage).patterns, ["cargo test --lib *"]);
        stage.press("left left left");
        assert_eq!(last(&stage).patterns, ["cargo test *"], "the subcommand stays");
        assert!(stage.text().contains("this word says what the program does"), "{}", stage.text());
        stage.press("right space");
        assert_eq!(last(&stage).patterns, ["cargo test * *"]);
        stage.press("right");
        assert_eq!(last(&stage).patterns, ["cargo test * parser"]);
        stage.press("*");
        assert_eq!(last(&stage).patterns, ["cargo test * parser *"]);
        assert!(asked(&stage).iter().all(|allow| allow.preview));
    }
}

#[test]
fn a_rule_of_an_edit_starts_with_its_file_and_is_widened_by_directories() {
    for size in SIZES {
        let mut stage = Stage::pending(size, |action| {
            action.insert(
                "files".to_owned(),
                json!([{"path": "src/ui/a.rs", "change": "modify",
                "before": "a\n", "after": "b\n"}]),
            );
        });
        stage.command("bottom");
        stage.command("always");
        assert_eq!((last(&stage).patterns.len(), last(&stage).globs), (0, vec!["src/ui/a.rs".to_owned()]));
        stage.press("left left left left left");
        assert_eq!(last(&stage).globs, ["src/**"]);
        assert!(stage.text().contains("whole workspace"), "{}", stage.text());
        stage.press("space");
        assert!(stage.text().contains("a file has no words"), "{}", stage.text());
        stage.press("right right right");
        assert_eq!(last(&stage).globs, ["src/ui/*.rs"]);
        answer(&mut stage, Ok(Allowed { compared: 4, covers: vec!["a1".into()], ..Allowed::default() }));
        assert!(stage.text().contains("of 4 earlier edits"), "{}", stage.text());
        stage.press("a");
        assert!(!last(&stage).preview, "{:?}", last(&stage));
    }
}

#[test]
fn every_scope_has_its_times_and_only_the_widest_has_no_end() {
    let mut stage = with("cargo test --lib", (120, 40));
    stage.command("always");
    let mut seen = Vec::new();
    for _ in 0..4 {
        for _ in 0..3 {
            let Allow { scope, minutes, .. } = last(&stage);
            seen.push((scope, minutes));
            stage.press("t");
        }
        stage.press("tab");
    }
    assert!(seen.contains(&(RuleScope::User, None)) && seen.contains(&(RuleScope::Session, None)), "{seen:?}");
    assert!(!seen.contains(&(RuleScope::Project, None)), "{seen:?}");
    assert!(seen.iter().any(|(scope, _)| *scope == RuleScope::Step), "{seen:?}");
}

#[test]
fn only_an_approval_makes_the_rule_and_only_after_its_effect_was_shown() {
    for size in SIZES {
        let mut stage = with("cargo test --lib", size);
        stage.command("always");
        stage.press("left a");
        assert!(asked(&stage).iter().all(|allow| allow.preview), "the effect is not known yet");
        let effect = Allowed {
            compared: 9,
            covers: vec!["a1".into(), "a2".into()],
            refused: vec!["a2".into()],
            nearest: Some("cargo check --all".to_owned()),
            ..Allowed::default()
        };
        answer(&mut stage, Ok(effect));
        let text = stage.text();
        for words in [
            "would have allowed 2",
            "you refused 1 of them: a2",
            "cargo check --all",
            "cargo test *",
            "in this plan step",
        ] {
            assert!(text.contains(words), "{words}\n{text}");
        }
        stage.press("enter");
        assert!(asked(&stage).iter().all(|allow| allow.preview), "Enter makes no rule");
        stage.press("a");
        let made = last(&stage);
        assert!(!made.preview && made.patterns == ["cargo test *"], "{made:?}");
        assert!(!stage.text().contains("make a rule"), "{}", stage.text());
    }
}

#[test]
fn a_rule_that_would_still_ask_is_not_made() {
    let mut stage = with("cargo test --lib", (80, 24));
    stage.command("always");
    answer(&mut stage, Ok(Allowed { fault: Some("it is guarded".to_owned()), ..Allowed::default() }));
    assert!(stage.text().contains("even with this rule it asks: it is guarded"), "{}", stage.text());
    stage.press("a");
    assert!(asked(&stage).iter().all(|allow| allow.preview));
    answer(&mut stage, Err("no such action".to_owned()));
    stage.press("a esc");
    assert!(asked(&stage).iter().all(|allow| allow.preview));
}

#[test]
fn what_no_rule_can_cover_says_why() {
    for line in ["ls $HOME", "rm *.o", "A=1 make"] {
        let mut stage = with(line, (120, 40));
        stage.command("always");
        assert!(asked(&stage).is_empty() && stage.text().contains("no rule can cover"), "{line}\n{}", stage.text());
    }
    let mut stage = Stage::pending((120, 40), |action| {
        action.remove("files");
        action.insert("kind".to_owned(), json!("other"));
    });
    stage.command("always");
    assert!(
        stage.text().contains("a rule can be made from a command, an edit or a connection only"),
        "{}",
        stage.text()
    );
}

#[test]
fn words_of_a_command_cannot_write_to_the_screen() {
    let mut stage = with("cargo test '\u{202e}x' 'a b'", (80, 24));
    stage.command("always");
    assert!(!stage.text().contains('\u{202e}'), "{}", stage.text());
}

#[test]
fn rules_are_listed_with_their_uses_and_revoked() {
    for size in SIZES {
        let mut stage = with("cargo test --lib", size);
        stage.command("rules");
        let row = |rule: &str, revocable: bool| json!({"rule": rule, "ruling": "allow", "text": "cargo test *", "uses": 3, "revocable": revocable});
        let list = json!({"rules": [row("session:1", true), row("user:2", false)]});
        let list = AnswerData::Rules(serde_json::from_value(list).unwrap());
        stage.send(Msg::Answered { asked: Box::new(wire::Request::Rules), outcome: Ok(list) });
        stage.draw();
        let text = stage.text();
        assert!(text.contains("allow cargo test *") && text.contains("3 uses"), "{text}");
        stage.press("j X");
        assert!(stage.text().contains("edit the file"), "{}", stage.text());
        stage.press("k X");
        let revoked = wire::Request::RuleRevoke(wire::RuleRevoke { rule: "session:1".into() });
        assert!(stage.asked.contains(&revoked), "{:?}", stage.asked);
    }
}

#[test]
fn a_lease_is_narrowed_at_once_and_extended_by_a_word() {
    let mut stage = with("cargo test --lib", (80, 24));
    let now = stage.app.scene.session.at;
    let seq = stage.app.scene.session.head.next();
    let granted = json!({"seq": seq, "at": now, "kind": "lease_granted", "lease": "l1", "paths": ["src/**"], "commands": [],
        "until": now.0 + 30 * 60_000, "actions_max": 20, "by": "c1"});
    stage.receive(&granted.to_string());
    stage.command("rules");
    assert!(stage.text().contains("lease src/**") && stage.text().contains("- narrows a lease"), "{}", stage.text());
    stage.press("-");
    let grants = |stage: &Stage| -> Vec<wire::LeaseGrant> {
        let of = |request: &wire::Request| {
            let wire::Request::LeaseGrant(grant) = request else { return None };
            Some(grant.clone())
        };
        stage.asked.iter().filter_map(of).collect()
    };
    let narrow = grants(&stage).pop().unwrap();
    assert_eq!((narrow.minutes, narrow.actions_max, narrow.replaces), (Some(15), Some(10), Some("l1".into())));
    assert_eq!(narrow.paths, ["src/**"]);
    stage.press("+ enter");
    assert_eq!(grants(&stage).len(), 1, "more is granted only by the word");
    stage.type_text("lease");
    stage.press("enter");
    let wide = grants(&stage).pop().unwrap();
    assert_eq!((wide.minutes, wide.actions_max, wide.replaces), (Some(60), Some(40), Some("l1".into())));
}

#[test]
fn another_agent_is_chosen_from_those_that_can_be_used() {
    for size in SIZES {
        let mut stage = with("cargo test --lib", size);
        stage.command("agent-change");
        let list = json!({"agents": [
            {"agent": "llm:local", "about": "a server", "models": ["small", "big"]},
            {"agent": "codex", "about": "Codex", "why_not": "not installed: npm i codex"},
        ]});
        let list = AnswerData::Agents(serde_json::from_value(list).unwrap());
        stage.send(Msg::Answered { asked: Box::new(wire::Request::AgentList), outcome: Ok(list) });
        stage.draw();
        stage.press("j enter");
        assert!(stage.text().contains("not installed: npm"), "{}", stage.text());
        stage.press("k enter j enter");
        let change = wire::AgentChange { agent: "llm:local".into(), model: Some("big".into()) };
        assert!(stage.asked.contains(&wire::Request::AgentChange(change)), "{:?}", stage.asked);
    }
}
