//! Tests of a form on the screen: choices, own words, what is sent, and what never is.

use super::stage::Stage;
use crate::model::FormAnswer;
use crate::model::event::Verdict;
use crate::wire::Decide;
use serde_json::{Value, json};

fn with(form: &Value, size: (u16, u16)) -> Stage {
    Stage::pending(size, |action| {
        action.remove("files");
        action.insert("kind".to_owned(), json!("other"));
        action.insert("form".to_owned(), form.clone());
    })
}

fn two() -> Value {
    json!({"message": "Before I start:", "fields": [
        {"id": "db", "title": "Which database?", "type": "one", "required": true, "own_words": "db_custom", "choices": [
            {"value": "pg", "title": "Postgres", "detail": "a server"}, {"value": "lite", "title": "SQLite", "preview": "one\nfile"}]},
        {"id": "tests", "title": "Which tests?", "type": "many", "required": true, "choices": [
            {"value": "unit", "title": "unit"}, {"value": "e2e", "title": "end to end"}]},
        {"id": "key", "title": "API key", "type": "text", "secret": true},
    ]})
}

fn only(stage: &Stage) -> Decide {
    let [decide] = &stage.decided()[..] else { panic!("{:?}\n{}", stage.decided(), stage.text()) };
    decide.clone()
}

fn content(stage: &Stage) -> Value {
    let Some(FormAnswer::Accept { content }) = only(stage).answer.as_deref().cloned() else {
        panic!("{}", stage.text())
    };
    Value::Object(content)
}

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

#[test]
fn a_form_is_one_page_and_is_answered_by_choice_and_in_own_words() {
    for size in SIZES {
        let mut stage = with(&two(), size);
        let text = stage.text();
        for row in ["Before I start:", "1 of 3  Which database?", "1 ( ) Postgres", "a server", "2 ( ) SQLite", "│ one"]
        {
            assert!(text.contains(row), "{row}\n{text}");
        }
        assert!(text.contains("a send 0 of 3 answers") && text.contains("d decline"), "{text}");
        stage.command("approve");
        stage.command("bottom");
        stage.command("approve");
        assert!(
            stage.decided().is_empty() && stage.text().contains("“Which database?” needs an answer"),
            "{}",
            stage.text()
        );
        // The cursor is on that question: a digit picks, `i` types.
        stage.press("2 i");
        let text = stage.text();
        assert!(text.contains("( ) Postgres") && text.contains("(x) SQLite"), "the box hides no option\n{text}");
        stage.type_text("but a d r 1 later");
        assert!(stage.decided().is_empty(), "typed keys decide nothing");
        stage.press("esc");
        assert!(stage.text().contains("(x) SQLite") && stage.text().contains("but a d r 1 later"), "{}", stage.text());
        stage.command("next-hunk");
        stage.press("1 2 2");
        assert!(stage.text().contains("a send 2 of 3 answers"), "{}", stage.text());
        stage.command("bottom");
        stage.command("approve");
        assert_eq!(only(&stage).verdict, Verdict::Approve);
        assert_eq!(content(&stage), json!({"db": "lite", "db_custom": "but a d r 1 later", "tests": ["unit"]}));
    }
}

#[test]
fn a_secret_is_masked_wherever_it_is_shown() {
    for linear in [false, true] {
        let mut stage = with(&two(), (120, 40));
        stage.app.linear = linear;
        stage.command("bottom");
        stage.press("i");
        stage.type_text("hunter2");
        assert!(!stage.text().contains("hunter") && stage.text().contains("•••••••"), "{}", stage.text());
        stage.press("enter");
        assert!(!stage.text().contains("hunter") && stage.text().contains("•••••••"), "{}", stage.text());
        assert!(stage.text().contains("not recorded"), "{}", stage.text());
        let sent = String::from_utf8_lossy(&stage.sent).into_owned();
        assert!(!sent.contains("hunter2"));
    }
}

#[test]
fn own_words_where_the_form_has_no_place_follow_as_words() {
    let mut stage = with(&two(), (120, 40));
    stage.press("j j j 1");
    stage.command("next-hunk");
    stage.press("i");
    stage.type_text("only the slow ones");
    stage.press("enter");
    stage.command("bottom");
    stage.command("approve");
    let decide = only(&stage);
    assert_eq!(decide.verdict, Verdict::Redirect, "{}", stage.text());
    assert_eq!(decide.reason.as_deref(), Some("On “Which tests?”: only the slow ones"));
}

#[test]
fn a_wrong_answer_with_words_in_its_place_is_said_and_not_declined() {
    let form = json!({"message": "?", "fields": [
        {"id": "parts", "title": "Which parts?", "type": "many", "count_max": 1, "own_words": "parts_custom", "choices": [
            {"value": "x", "title": "X"}, {"value": "y", "title": "Y"}]}]});
    let mut stage = with(&form, (120, 40));
    stage.command("next-hunk");
    stage.press("1 2 i");
    stage.type_text("and more");
    stage.press("enter");
    stage.command("bottom");
    stage.command("approve");
    assert!(stage.decided().is_empty() && stage.text().contains("at most 1"), "{}", stage.text());
}

#[test]
fn declining_and_canceling_are_two_things() {
    let mut stage = with(&two(), (120, 40));
    stage.command("options");
    assert!(
        stage.text().contains("the agent goes on") && stage.text().contains("may end its turn"),
        "{}",
        stage.text()
    );
    stage.press("j enter");
    assert_eq!((only(&stage).verdict, only(&stage).answer), (Verdict::Deny, Some(Box::new(FormAnswer::Cancel))));
    let mut stage = with(&two(), (120, 40));
    stage.command("deny");
    stage.press("enter");
    assert_eq!((only(&stage).verdict, only(&stage).answer), (Verdict::Deny, None), "the host declines");
}

#[test]
fn unfinished_text_is_kept_and_said() {
    let form = json!({"message": "?", "fields": [
        {"id": "n", "title": "How many?", "type": "number", "integer": true, "default": 3},
        {"id": "raw", "title": "Raw", "type": "json", "schema": {"type": "tree"}}]});
    let mut stage = with(&form, (120, 40));
    assert!(stage.text().contains("3  (the agent's default)") && stage.text().contains("tree"), "{}", stage.text());
    stage.command("next-hunk");
    stage.press("i backspace");
    stage.type_text("lots");
    stage.press("enter");
    assert!(stage.text().contains("must be a number"), "{}", stage.text());
    stage.press("esc");
    assert!(stage.text().contains("lots") && stage.text().contains("not sent"), "{}", stage.text());
    stage.command("bottom");
    stage.command("approve");
    assert!(stage.decided().is_empty() && stage.text().contains("not finished"), "{}", stage.text());
}

#[test]
fn an_address_is_shown_whole_with_its_host_and_copied_whole() {
    use crate::ui::app::Request;
    let url = "https://login.example@evil.example/device?code=77";
    let mut stage = with(&json!({"message": "log in there", "url": url}), (80, 24));
    assert!(stage.text().contains(url) && stage.text().contains("not part of the host"), "{}", stage.text());
    assert!(stage.text().contains("a tell the agent that you agree"), "{}", stage.text());
    stage.command("yank");
    assert!(stage.others.iter().any(|request| matches!(request, Request::Copy(text) if text == url)));
    assert!(!stage.others.iter().any(|request| matches!(request, Request::Browse(_))), "nothing is opened unasked");
    stage.press("o");
    assert!(stage.others.iter().any(|request| matches!(request, Request::Browse(opened) if opened == url)));
    let opened = Err("no desktop".to_owned());
    stage.send(crate::ui::app::Msg::Browsed { address: url.to_owned(), opened });
    stage.draw();
    assert!(stage.text().contains("no desktop: the address is copied instead"), "{}", stage.text());
    stage.command("approve");
    assert_eq!(content(&stage), json!({}));
}

#[test]
fn a_preview_is_beside_its_choice_where_there_is_room_and_a_time_limit_is_shown() {
    let mut form = two();
    form["within_ms"] = json!(90_000);
    for (size, is_beside) in [((80, 24), false), ((200, 50), true)] {
        let stage = with(&form, size);
        let text = stage.text();
        assert!(text.contains("without an answer the agent goes on at "), "{text}");
        let beside = text.lines().any(|line| line.contains("2 ( ) SQLite") && line.contains("│ one"));
        assert_eq!(beside, is_beside, "{text}");
        assert!(text.contains("│ file"), "{text}");
    }
}

/// An empty answer in own words takes no other answer with it, and words stay with the question they were typed on.
#[test]
fn words_belong_to_one_question_and_empty_ones_to_none() {
    let mut stage = with(&two(), (80, 24));
    stage.command("next-hunk");
    stage.press("1 i");
    stage.type_text("with care");
    stage.press("enter");
    stage.command("next-hunk");
    stage.press("1 i");
    assert!(stage.text().contains("│ ›   "), "what was typed before is on its question only: {}", stage.text());
    stage.press("enter");
    stage.command("previous-hunk");
    stage.press("i");
    stage.type_text("!");
    assert!(stage.text().contains("│ › with care!") && stage.text().contains("Which database?"), "{}", stage.text());
    stage.press("esc");
    assert!(stage.decided().is_empty());
    stage.command("bottom");
    stage.command("approve");
    assert_eq!(content(&stage), json!({"db": "pg", "db_custom": "with care!", "tests": ["unit"]}));
}

/// Every question of a form that is taller than the screen can be reached and answered.
#[test]
fn a_form_taller_than_the_screen_is_answered_whole() {
    let field = |n: usize| {
        json!({"id": format!("f{n}"), "title": format!("Question {n}?"), "type": "one", "choices": [
        {"value": "x", "title": format!("first of {n}")}, {"value": "y", "title": format!("second of {n}")}]})
    };
    let fields: Vec<Value> = (0..40).map(field).collect();
    let mut stage = with(&json!({"message": "?", "fields": fields}), (80, 24));
    for n in 0..40 {
        stage.command("next-hunk");
        stage.press("2");
        assert!(stage.text().contains(&format!("(x) second of {n}")), "{n}\n{}", stage.text());
    }
    stage.command("bottom");
    stage.command("approve");
    let Value::Object(content) = content(&stage) else { panic!("{}", stage.text()) };
    assert!(content.len() == 40 && content.values().all(|value| value == "y"), "{content:?}");
}
