//! Tests of the agent's own options: which one a key sends, the list to choose from, and the words that some need.

use super::stage::Stage;
use crate::model::RequestOption;
use crate::model::event::Verdict;
use serde_json::{Value, json};

/// A session whose pending action offers these options.
fn with(options: &Value, size: (u16, u16)) -> Stage {
    let mut stage = Stage::pending(size, |action| {
        action.insert("options".to_owned(), options.clone());
    });
    stage.command("bottom");
    stage
}

fn option(id: &str, name: &str, allows: bool, more: &Value) -> Value {
    let kind = if allows { "allow_once" } else { "reject_once" };
    let mut option = json!({"id": id, "name": name, "kind": kind, "allows": allows, "effect": "once"});
    for (key, value) in more.as_object().into_iter().flatten() {
        option[key] = value.clone();
    }
    let _: RequestOption = serde_json::from_value(option.clone()).unwrap();
    option
}

fn qwen() -> Value {
    json!([
        option("restore", "Yes, restore previous mode (yolo)", true, &json!({"effect": "mode", "confirm": "mode"})),
        option("once", "Yes, and manually approve edits", true, &json!({"default": true})),
        option("keep", "No, keep planning", false, &json!({"default": true})),
        option("stop", "No, and stop", false, &json!({"ends_turn": true})),
    ])
}

fn kimi() -> Value {
    json!([
        option("one", "Rewrite the parser", true, &json!({})),
        option("two", "Patch the lexer", true, &json!({})),
        option("revise", "Revise", false, &json!({"default": true})),
    ])
}

fn only(stage: &Stage) -> (Verdict, Option<String>, Option<String>, Option<String>) {
    let [decide] = &stage.decided()[..] else { panic!("{:?}\n{}", stage.decided(), stage.text()) };
    (decide.verdict, decide.option.clone(), decide.confirm.clone(), decide.reason.clone())
}

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

#[test]
fn the_line_of_keys_names_the_option_that_each_sends() {
    for size in SIZES {
        let mut stage = with(&qwen(), size);
        let text = stage.text();
        let foot = text.trim_end().lines().next_back().unwrap();
        let approves =
            if size.0 > 80 { "a “Yes, and manually approve edits”" } else { "a “Yes, and manua…”" };
        assert!(foot.contains(approves), "{text}");
        assert!(foot.contains("d “No, keep plan") && foot.contains(". 4 options"), "{text}");
        stage.command("approve");
        assert_eq!(only(&stage), (Verdict::Approve, None, None, None), "the default is the host's to fill in");
    }
}

#[test]
fn the_list_says_what_each_option_does_and_sends_the_one_picked() {
    for size in SIZES {
        let mut stage = with(&qwen(), size);
        stage.command("options");
        let text = stage.text();
        for row in [
            "changes the mode · type mode",
            "allows this once",
            "refuses, the agent goes on",
            "refuses and ends the turn",
        ] {
            assert!(text.contains(row), "{row}\n{text}");
        }
        stage.press("j j enter");
        assert!(stage.decided().is_empty() && stage.text().contains("Deny: why?"), "{}", stage.text());
        stage.type_text("enough");
        stage.press("enter");
        assert_eq!(only(&stage), (Verdict::Deny, Some("stop".into()), None, Some("enough".into())));
    }
}

#[test]
fn an_option_that_changes_the_mode_is_sent_with_its_word_only() {
    let mut stage = with(&qwen(), (120, 40));
    stage.command("options");
    stage.press("k a");
    assert!(stage.text().contains("This option does more than answer once"), "{}", stage.text());
    stage.type_text("yes");
    stage.press("enter");
    assert!(stage.decided().is_empty());
    for _ in 0..3 {
        stage.press("backspace");
    }
    stage.type_text("mode");
    stage.press("enter");
    assert_eq!(only(&stage), (Verdict::Approve, Some("restore".into()), Some("mode".into()), None));
}

#[test]
fn esc_in_the_word_keeps_the_choice_and_the_line_of_keys_says_so() {
    let mut stage = with(&qwen(), (120, 40));
    stage.command("options");
    stage.press("k a esc");
    assert!(stage.decided().is_empty());
    assert!(stage.text().contains("a “Yes, restore previous mode (yolo)” by typing mode"), "{}", stage.text());
}

#[test]
fn options_that_differ_are_listed_and_never_sent_unchosen() {
    for size in SIZES {
        let mut stage = with(&kimi(), size);
        assert!(stage.text().contains("a choose an option"), "{}", stage.text());
        stage.command("approve");
        assert!(stage.decided().is_empty() && stage.text().contains("The options differ"), "{}", stage.text());
        stage.press("j enter");
        assert!(stage.decided().is_empty(), "Enter approves nothing");
        assert!(stage.text().contains("chosen: a sends “Patch the lexer”"), "{}", stage.text());
        stage.command("approve");
        assert_eq!(only(&stage), (Verdict::Approve, Some("two".into()), None, None));
    }
    let mut stage = with(&kimi(), (120, 40));
    stage.command("approve-group");
    stage.command("step");
    assert!(stage.decided().is_empty());
}

#[test]
fn an_unclear_option_cannot_be_picked() {
    let unclear = json!([option("x", "Reject", true, &json!({"effect": "unclear"}))]);
    let mut stage = with(&unclear, (120, 40));
    stage.command("options");
    stage.press("enter");
    assert!(stage.decided().is_empty() && stage.text().contains("cannot be selected"), "{}", stage.text());
}

#[test]
fn a_held_key_in_the_list_approves_nothing() {
    use crate::ui::app::Msg;
    use crate::ui::terminal::{Input, Key};
    let mut stage = with(&qwen(), (120, 40));
    stage.command("options");
    stage.pass(1_000);
    stage.send(Msg::Input(Input::Key { key: Key::parse("a").unwrap(), held: true }));
    stage.draw();
    assert!(stage.decided().is_empty(), "{}", stage.text());
}

/// Its title says little: what it would do is beside the consent, at every size.
#[test]
fn a_tool_that_is_not_known_shows_its_input_where_it_is_approved() {
    for size in [(80, 24), (120, 40)] {
        let stage = Stage::pending(size, |action| {
            action.remove("files");
            action.insert("kind".to_owned(), json!("other"));
            action.insert("title".to_owned(), json!("/w"));
            let quote = json!({"kind": "quote", "text": "its tool's input: {\"filepath\":\"/w/calc.py\"}"});
            action.insert("rationale".to_owned(), json!({"text": "I look", "evidence": [quote]}));
        });
        assert!(stage.text().contains("│ its tool's input: {\"filepath\":\"/w/calc.py\"}"), "{}", stage.text());
    }
}
