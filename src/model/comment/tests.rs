//! Comments: anchors in other versions of their text, and the words that an agent reads.

use super::*;
use crate::base::{ActionId, RelPath};

fn sent(plan: &str, approves: bool) -> Sent<'_> {
    Sent {
        plan,
        command: &|action: &ActionId| (action.as_str() == "a3").then(|| "make test".to_owned()),
        approves,
        asks_for_plan: !approves,
    }
}

const PLAN: &str = "# Plan\n\n## Read\n1. Read calc.py\n2. Run the tests\n\n## Fix\n1. Fix add\n2. Run the tests\n";

fn comment(line: u32, kind: CommentKind, text: &str) -> Comment {
    Comment {
        id: "k1".into(),
        kind,
        text: text.into(),
        by: "c1".into(),
        version: 1,
        anchor: Anchor::at_lines(PLAN, line, 1).unwrap(),
        state: CommentState::Open,
    }
}

#[test]
fn an_anchor_knows_its_words_and_what_is_around_them() {
    let anchor = Anchor::at_lines(PLAN, 5, 1).unwrap();
    assert_eq!(anchor.quote, "2. Run the tests");
    assert_eq!(anchor.headings, ["Plan", "Read"]);
    assert_eq!((anchor.before.as_str(), anchor.after.as_str()), ("1. Read calc.py", "## Fix"));
    assert_eq!(Anchor::at_lines(PLAN, 0, 1), None);
    assert_eq!(Anchor::at_lines(PLAN, 99, 1), None);
}

#[test]
fn words_are_found_again_exactly_moved_similar_or_not_at_all() {
    let second = Anchor::at_lines(PLAN, 9, 1).unwrap();
    assert_eq!(second.place(PLAN), Placement::Exact { line: 9 });
    let longer = PLAN.replace("## Read\n", "## Read\n0. Look around\n");
    assert_eq!(second.place(&longer), Placement::Moved { line: 10 }, "the one below the same heading");
    let reworded = PLAN.replace("1. Fix add", "1. Fix add in calc.py");
    let fix = Anchor::at_lines(PLAN, 8, 1).unwrap();
    assert_eq!(fix.place(&reworded), Placement::Stale, "too different");
    let reworded = PLAN.replace("1. Fix add", "1. Fix adds");
    assert_eq!(fix.place(&reworded), Placement::Similar { line: 8 });
    assert_eq!(fix.place("nothing of it\n"), Placement::Stale);
    let fenced = "```\n# no heading\n```\n# Real\nx\n";
    assert_eq!(Anchor::at_lines(fenced, 5, 1).unwrap().headings, ["Real"]);
}

#[test]
fn comments_become_one_numbered_message() {
    let drop = comment(5, CommentKind::Drop, "");
    let ask = comment(8, CommentKind::Question, "why add?");
    let add = comment(9, CommentKind::Add, "format the code");
    let message = feedback(&[&ask, &drop, &add], "Smaller steps.", sent(PLAN, false));
    let expect = "Smaller steps.\n\nComments on the plan:\n1. Line 5:\n   > 2. Run the tests\n   Leave this out.\n\
                  2. Line 9:\n   > 2. Run the tests\n   Add after this: format the code\n\n\
                  Questions about the plan (answer them, they are not orders):\n3. Line 8:\n   > 1. Fix add\n   \
                  why add?\n\nPresent the whole plan again with these changes. Do not edit anything yet.";
    assert_eq!(message, expect);
    let notes = feedback(&[&add], "", sent(PLAN, true));
    assert!(notes.starts_with("Notes on the plan:\n1. Line 9:"), "{notes}");
    assert!(!notes.contains("again"), "{notes}");
}

#[test]
fn the_first_sign_sets_the_kind() {
    assert_eq!(CommentKind::of("- too risky"), (CommentKind::Drop, "too risky"));
    assert_eq!(CommentKind::of("-"), (CommentKind::Drop, ""));
    assert_eq!(CommentKind::of("+ lint"), (CommentKind::Add, "lint"));
    assert_eq!(CommentKind::of("? why"), (CommentKind::Question, "why"));
    assert_eq!(CommentKind::of(" fine "), (CommentKind::Comment, "fine"));
}

proptest::proptest! {
    /// Whatever the next version is, a placement that claims the same words has the same words.
    #[test]
    fn a_comment_is_never_moved_to_other_words(
        plan in proptest::collection::vec("(# |## |1\\. |- |)[abc]{0,3}", 1..20),
        next in proptest::collection::vec("(# |## |1\\. |- |)[abc]{0,3}", 0..20),
        line in 1u32..20, count in 1u32..3,
    ) {
        let (plan, next) = (plan.join("\n"), next.join("\n"));
        let Some(anchor) = Anchor::at_lines(&plan, line, count) else { return Ok(()) };
        let lines: Vec<&str> = next.lines().collect();
        match anchor.place(&next) {
            Placement::Exact { line: at } | Placement::Moved { line: at } => {
                let first = at as usize - 1;
                let found = lines[first..first + anchor.quote.split('\n').count()].join("\n");
                proptest::prop_assert_eq!(found, anchor.quote.clone());
            }
            Placement::Similar { line: at } => proptest::prop_assert!((at as usize) <= lines.len().max(1)),
            Placement::Stale => {}
        }
        proptest::prop_assert_eq!(anchor.place(&plan), Placement::Exact { line });
    }
}

fn on_file(text: &str, line: Option<u32>, count: u32) -> Anchor {
    let subject = Subject::File { path: RelPath::new("src/a.rs").unwrap(), action: Some("a1".into()), side: Side::New };
    Anchor::on(subject, text, line, count).unwrap()
}

const CODE: &str = "fn a() {\n    one();\n    two();\n}\n\n# no heading\nfn b() {}\n";

#[test]
fn commented_lines_are_standing_addressed_or_outdated() {
    let anchor = on_file(CODE, Some(2), 2);
    assert_eq!((anchor.quote.as_str(), anchor.headings.len()), ("    one();\n    two();", 0));
    assert_eq!(anchor.fate(CODE), Fate::Standing { line: 2 });
    assert_eq!(anchor.fate(&format!("use x;\n{CODE}")), Fate::Standing { line: 3 });
    assert_eq!(anchor.fate(&CODE.replace("two", "three")), Fate::Addressed { line: 2 });
    let rewritten = CODE.replace("    one();\n    two();\n", "    loop {\n        work(7)?;\n    }\n");
    assert_eq!(anchor.fate(&rewritten), Fate::Addressed { line: 2 }, "between the same neighbors");
    assert_eq!(anchor.fate(&CODE.replace("    one();\n    two();\n", "")), Fate::Addressed { line: 2 }, "taken out");
    assert_eq!(anchor.fate("something else\n"), Fate::Outdated);
    assert_eq!(anchor.fate(""), Fate::Outdated);
}

#[test]
fn a_comment_on_a_whole_file_is_addressed_by_any_change() {
    let anchor = on_file(CODE, None, 1);
    assert_eq!((anchor.line, anchor.quote.as_str()), (0, ""));
    assert_eq!(anchor.fate(CODE), Fate::Standing { line: 0 });
    assert_eq!(anchor.fate(&CODE.replace("two", "three")), Fate::Addressed { line: 0 });
}

#[test]
fn comments_on_work_name_file_lines_and_command() {
    let with = |anchor: Anchor, text: &str| Comment { anchor, ..comment(5, CommentKind::Comment, text) };
    let output = |line| Anchor::on(Subject::Output { action: "a3".into() }, "one\nFAILED x\n", line, 1).unwrap();
    let (lines, whole) = (with(on_file(CODE, Some(2), 2), "swap these"), with(on_file(CODE, None, 1), "too long"));
    let (run, line) = (with(output(None), "run it in src"), with(output(Some(2)), "why?\nsay it"));
    let message = feedback(&[&lines, &whole, &run, &line], "", Sent { asks_for_plan: false, ..sent("", false) });
    let expect = "Comments on your work:\n1. src/a.rs, lines 2-3 with your change:\n   >     one();\n   >     two();\n   \
                  swap these\n2. src/a.rs, the whole file with your change:\n   too long\n3. On `make test`:\n   \
                  run it in src\n4. In the output of `make test`:\n   > FAILED x\n   why?\n   say it";
    assert_eq!(message, expect);
    assert_eq!([lines.place(), whole.place(), run.place()], ["src/a.rs lines 2-3", "src/a.rs", "output of a3"]);
}

#[test]
fn a_comment_on_the_plan_is_written_as_before() {
    let text = serde_json::to_string(&comment(5, CommentKind::Drop, "").anchor).unwrap();
    assert!(!text.contains("\"on\"") && !text.contains("content"), "{text}");
    let file = serde_json::to_value(on_file(CODE, Some(1), 1)).unwrap();
    assert_eq!(file["on"], serde_json::json!({"file": {"path": "src/a.rs", "action": "a1"}}));
}

proptest::proptest! {
    /// Lines that are said to stand are there, word for word.
    #[test]
    fn what_stands_is_there(
        text in proptest::collection::vec("[ab]{0,2}", 1..15),
        next in proptest::collection::vec("[ab]{0,2}", 0..15),
        line in 1u32..15, count in 1u32..3,
    ) {
        let (text, next) = (text.join("\n"), next.join("\n"));
        let subject = Subject::Output { action: "a1".into() };
        let Some(anchor) = Anchor::on(subject, &text, Some(line), count) else { return Ok(()) };
        proptest::prop_assert_eq!(anchor.fate(&text), Fate::Standing { line });
        let lines: Vec<&str> = next.lines().collect();
        match anchor.fate(&next) {
            Fate::Standing { line: at } => {
                let first = at as usize - 1;
                let found = lines[first..first + anchor.quote.split('\n').count()].join("\n");
                proptest::prop_assert_eq!(found, anchor.quote.clone());
            }
            Fate::Addressed { line: at } => proptest::prop_assert!(at as usize <= lines.len() + 1),
            Fate::Outdated => {}
        }
    }
}
