//! Keys on the start screen, and the wish they make.

use super::*;

fn agent(name: &str, why_not: Option<&str>) -> AgentItem {
    AgentItem {
        item: Item::new(name, "about").unless(why_not.map(str::to_owned)),
        models: Vec::new(),
        model_note: "its own".into(),
        isolations: vec![
            Item::new("auto", ""),
            Item::new("copy", ""),
            Item::new("overlay", "").unless(Some("not implemented".into())),
        ],
        own_goal: None,
    }
}

fn offers() -> Offers {
    let models = vec![Item::new("big", ""), Item::new("small", "")];
    let agents = vec![
        agent("claude", None),
        AgentItem {
            models,
            isolations: vec![Item::new("auto", "")],
            own_goal: Some("Pass.".into()),
            ..agent("llm:test", None)
        },
        agent("codex", Some("not installed: npm install codex")),
    ];
    Offers {
        directory: "/ws".into(),
        agents,
        agent: 0,
        model: 0,
        mode: Mode::Guarded,
        isolation: "auto".into(),
        branch: 0,
        branches: [HERE, NEW_BRANCH, "topic"].map(|name| Item::new(name, "")).into(),
        draft: String::new(),
        introduces: false,
    }
}

/// Presses keys; letters in quotes are typed.
fn press(welcome: &mut Welcome, keys: &str) -> Option<Wish> {
    keys.split(' ').map(|key| welcome.key(Key::parse(key).unwrap())).fold(None, |last, wish| wish.or(last))
}

#[test]
fn enter_starts_what_is_shown() {
    let mut welcome = Welcome::new(offers());
    assert_eq!(press(&mut welcome, "f i x"), None);
    let wish = press(&mut welcome, "enter").unwrap();
    assert_eq!(
        wish,
        Wish {
            agent: "claude".into(),
            is_picked: false,
            mode: Mode::Guarded,
            isolation: "auto".into(),
            branch: BranchWish::Here,
            goal: "fix".into()
        }
    );
    // It starts once, and keys meanwhile change nothing.
    assert_eq!(press(&mut welcome, "x enter"), None);
    assert_eq!(welcome.kept().draft, "fix");
    welcome.failed("no host");
    assert_eq!(welcome.note.as_deref(), Some("no host"));
    assert_eq!(press(&mut welcome, "enter").unwrap().goal, "fix");
}

#[test]
fn agent_model_and_mode_are_chosen_from_lists() {
    let mut welcome = Welcome::new(offers());
    press(&mut welcome, "tab enter down enter");
    assert_eq!(welcome.value(Row::Agent).0, "llm:test");
    press(&mut welcome, "tab enter down enter tab enter up up enter");
    let wish = press(&mut welcome, "esc enter").unwrap();
    assert_eq!((wish.agent.as_str(), wish.mode, wish.goal.as_str()), ("llm:test/small", Mode::Step, "Pass."));
    assert!(wish.is_picked);
}

#[test]
fn what_is_not_there_says_why_and_is_not_chosen() {
    let mut welcome = Welcome::new(offers());
    press(&mut welcome, "tab enter down down enter");
    assert_eq!(welcome.note.as_deref(), Some("not installed: npm install codex"));
    assert!(welcome.list.is_some());
    press(&mut welcome, "esc");
    assert_eq!(welcome.value(Row::Agent).0, "claude");
    // Configured but not installed: Enter says so and keeps the text.
    let mut welcome = Welcome::new(Offers { agent: 2, draft: "words".into(), ..offers() });
    assert_eq!(press(&mut welcome, "enter"), None);
    assert!(welcome.note.is_some());
    assert_eq!(welcome.kept().draft, "words");
}

#[test]
fn an_isolation_that_the_next_agent_lacks_becomes_auto() {
    let mut welcome = Welcome::new(Offers { isolation: "copy".into(), ..offers() });
    press(&mut welcome, "tab enter down enter");
    assert_eq!(welcome.offers.isolation, "auto");
}

#[test]
fn letters_on_a_row_are_text() {
    let mut welcome = Welcome::new(offers());
    press(&mut welcome, "a tab tab b");
    assert_eq!((welcome.entry.text().as_str(), welcome.row), ("ab", None));
    welcome.paste("\nc");
    assert_eq!(welcome.entry.text(), "ab\nc");
}

#[test]
fn the_introduction_ends_after_its_steps_or_when_skipped() {
    let mut welcome = Welcome::new(Offers { introduces: true, ..offers() });
    assert!(!welcome.kept().is_introduced);
    press(&mut welcome, "enter enter left enter enter enter enter");
    assert!(welcome.kept().is_introduced && welcome.entry.is_empty());
    press(&mut welcome, "F1");
    assert!(welcome.tour.is_some());
    press(&mut welcome, "x esc y");
    assert!(welcome.tour.is_none());
    assert_eq!(welcome.entry.text(), "y");
}

#[test]
fn a_branch_is_chosen_in_the_last_row() {
    let mut welcome = Welcome::new(offers());
    press(&mut welcome, "S-tab enter down enter esc");
    assert_eq!(press(&mut welcome, "enter").unwrap().branch, BranchWish::New);
    let mut welcome = Welcome::new(offers());
    press(&mut welcome, "S-tab enter down down enter esc");
    assert_eq!(press(&mut welcome, "enter").unwrap().branch, BranchWish::Of("topic".into()));
    // A directory outside of any repository.
    let mut welcome = Welcome::new(Offers { branches: vec![Item::new(HERE, "")], ..offers() });
    assert_eq!(press(&mut welcome, "enter").unwrap().branch, BranchWish::Here);
}
