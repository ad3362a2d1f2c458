//! The composer by its keys.

use super::*;
use crate::base::{RelPath, Seq, UnixMs};
use crate::model::Envelope;
use crate::model::event::{AgentCommand, AgentReady, Event};

fn session() -> Session {
    let command = |name: &str, hint: Option<&str>| AgentCommand {
        name: name.to_owned(),
        description: format!("about {name}"),
        hint: hint.map(str::to_owned),
    };
    let commands = vec![command("review", Some("what")), command("memory show", None), command("memory", None)];
    let ready = AgentReady { commands, ..AgentReady::default() };
    Session::replay(&[Envelope { seq: Seq(1), at: UnixMs(0), event: Event::AgentReady(ready) }])
}

struct Bench {
    composer: Composer,
    session: Session,
}

impl Bench {
    fn new() -> Self {
        Self { composer: Composer { open: true, ..Composer::default() }, session: session() }
    }

    fn press(&mut self, keys: &str) -> Typed {
        let keys = keys.split_whitespace().map(|key| Key::parse(key).unwrap());
        keys.fold(Typed::Stays, |_, key| self.composer.key(key, &self.session))
    }

    fn type_text(&mut self, text: &str) {
        for c in text.chars() {
            self.composer.key(Key::plain(c), &self.session);
        }
    }

    fn text(&self) -> String {
        self.composer.entry.text()
    }

    /// The host finds these for whatever is searched.
    fn find(&mut self, paths: &[&str]) {
        assert!(self.composer.search_due().is_some(), "nothing is searched");
        let paths = paths.iter().map(|path| RelPath::new(path).unwrap()).collect();
        self.composer.found(Some(wire::Found { paths, complete: true }), &self.session);
    }
}

fn sends(text: &str, when: When) -> Typed {
    Typed::Sends(wire::Prompt { text: text.to_owned(), when, parts: Vec::new() })
}

fn file(path: &str, lines: Option<(u32, u32)>) -> PromptPart {
    PromptPart::File { path: RelPath::new(path).unwrap(), lines }
}

#[test]
fn esc_keeps_the_draft_and_enter_sends_it() {
    let mut bench = Bench::new();
    assert_eq!(bench.press("a d A-enter y esc"), Typed::Closed);
    assert_eq!(bench.text(), "ad\ny");
    bench.composer.open = true;
    assert_eq!(bench.press("tab enter"), sends("ad\ny", When::Boundary));
    assert!(bench.composer.entry.is_empty() && bench.composer.open, "the next message can follow");
    assert_eq!(bench.press("enter"), Typed::Closed, "there is nothing to send");
}

#[test]
fn the_editor_gets_the_text_and_objects_come_back() {
    let mut bench = Bench::new();
    bench.composer.entry = Entry::of_parts(&[PromptPart::text("see "), file("a b.rs", None)]);
    assert_eq!(bench.press("C-x C-e"), Typed::Editor("see @\"a b.rs\"".to_owned()));
    bench.composer.edited("look at @\"a b.rs\" first\n");
    let parts = [PromptPart::text("look at "), file("a b.rs", None), PromptPart::text(" first")];
    assert_eq!(bench.composer.entry.parts(), parts);
    // One key of the two alone does nothing.
    assert_eq!(bench.press("C-x e"), Typed::Stays);
    assert!(bench.text().ends_with("firste"));
}

#[test]
fn arrows_walk_rows_first_and_then_the_history() {
    let mut bench = Bench::new();
    bench.type_text("one");
    bench.press("enter");
    bench.composer.open = true;
    bench.press("x A-enter y");
    bench.press("up");
    assert_eq!(bench.text(), "x\ny", "the first row comes before the history");
    bench.press("up");
    assert_eq!(bench.text(), "one");
    bench.press("! down");
    assert_eq!(bench.text(), "x\ny");
    bench.press("up up");
    assert_eq!(bench.text(), "one!", "what was changed is kept");
}

#[test]
fn the_history_is_searched() {
    let mut bench = Bench::new();
    let old = |text: &str| vec![PromptPart::text(text)];
    bench.composer.load_history(vec![old("fix the parser"), old("fix the tests"), old("other")]);
    bench.type_text("draft");
    bench.press("C-r f i x");
    assert_eq!(bench.text(), "fix the tests");
    bench.press("C-r");
    assert_eq!(bench.text(), "fix the parser");
    bench.press("esc");
    assert_eq!(bench.text(), "draft");
    bench.press("C-r P A R S enter");
    assert_eq!(bench.text(), "fix the parser");
    bench.press("down down down");
    assert_eq!(bench.text(), "draft", "the draft is the newest entry");
}

/// Astra#624, cp#369, oc#25932: slash text is neither lost nor run.
#[test]
fn text_that_looks_like_a_command_is_asked_about_once() {
    for text in ["/tmp is full", "/eixt", "/x"] {
        let mut bench = Bench::new();
        bench.type_text(text);
        let says = bench.press("enter");
        assert!(matches!(says, Typed::Says(_)), "{text}: {says:?}");
        assert_eq!(bench.text(), text, "nothing is lost");
        assert_eq!(bench.press("enter"), sends(text, When::Queue));
    }
    for text in ["/usr/bin is full", "a /x", "/review this", "/memory show"] {
        let mut bench = Bench::new();
        bench.type_text(text);
        assert_eq!(bench.press("enter"), sends(text, When::Queue), "{text}");
    }
}

#[test]
fn the_menu_of_commands_completes_and_sends() {
    let mut bench = Bench::new();
    bench.type_text("/re");
    assert_eq!(bench.composer.menu.rows.first().map(|row| row.label.as_str()), Some("/review"));
    assert_eq!(bench.press("enter"), Typed::Stays);
    assert_eq!(bench.text(), "/review ");
    assert_eq!(menu::hint(&bench.text(), &bench.session).as_deref(), Some("what"));
    bench.type_text("it");
    assert!(!bench.composer.menu.is_open());
    assert_eq!(menu::hint(&bench.text(), &bench.session), None);
    assert_eq!(bench.press("enter"), sends("/review it", When::Queue));
    // One that takes no words has a blank behind it too; it is sent without it.
    let mut bench = Bench::new();
    bench.type_text("/memory sh");
    assert_eq!((bench.press("tab"), bench.text().as_str()), (Typed::Stays, "/memory show "));
    assert_eq!(bench.press("enter"), sends("/memory show", When::Queue));
    let mut bench = Bench::new();
    bench.type_text("/memory sh");
    bench.press("tab");
    bench.type_text("  x");
    assert_eq!(bench.text(), "/memory show  x", "the blank that is typed by habit is the one that is there");
    // A bare slash and Enter take the first command of the list; nothing is sent.
    let mut bench = Bench::new();
    bench.type_text("/");
    assert_eq!(bench.press("enter"), Typed::Stays);
    assert!(bench.text().starts_with('/') && bench.composer.open);
    // A name with a blank in it, and the list replaced while the menu is open.
    let mut bench = Bench::new();
    bench.type_text("/memory s");
    assert_eq!(menu::command_of("memory show x", &bench.session).as_deref(), Some("memory show"));
    bench.press("esc");
    assert!(bench.composer.open && !bench.composer.menu.is_open(), "Esc closes the menu first");
    bench.session.agent.ready.commands.clear();
    bench.type_text("how");
    assert!(matches!(bench.press("enter"), Typed::Says(_)), "the agent no longer has it");
}

#[test]
fn the_mode_is_set_by_a_command_of_our_own() {
    let mut bench = Bench::new();
    bench.type_text("/mode step");
    assert_eq!(bench.press("enter"), Typed::Mode(Mode::Step));
    bench.composer.open = true;
    bench.type_text("/mode nope");
    assert!(matches!(bench.press("enter"), Typed::Says(_)));
    assert_eq!(bench.text(), "/mode nope");
}

#[test]
fn a_mention_is_selected_or_typed_in_full() {
    let mut bench = Bench::new();
    bench.type_text("see @ca");
    bench.find(&["calc.py", "src/cat.rs"]);
    bench.press("down tab");
    assert_eq!(
        bench.composer.entry.parts(),
        [PromptPart::text("see "), file("src/cat.rs", None), PromptPart::text(" ")]
    );
    bench.type_text("@calc.py:3-4");
    bench.find(&["calc.py"]);
    bench.type_text(" now");
    let parts = [
        PromptPart::text("see "),
        file("src/cat.rs", None),
        PromptPart::text(" "),
        file("calc.py", Some((3, 4))),
        PromptPart::text(" now"),
    ];
    assert_eq!(bench.composer.entry.parts(), parts);
    let Typed::Sends(prompt) = bench.press("enter") else { panic!("not sent") };
    assert_eq!(prompt.parts, parts);
    assert_eq!(prompt.text, "see @src/cat.rs @calc.py:3-4 now");
}

/// Files come later than keys: one search at a time, and the last answer stays until the next.
#[test]
fn files_are_searched_one_query_at_a_time() {
    let mut bench = Bench::new();
    bench.type_text("@c");
    assert_eq!(bench.composer.search_due().map(|find| find.query).as_deref(), Some("c"));
    bench.type_text("al");
    assert_eq!(bench.composer.search_due(), None, "the first answer is awaited");
    let paths = vec![RelPath::new("calc.py").unwrap()];
    bench.composer.found(Some(wire::Found { paths, complete: true }), &bench.session);
    assert!(bench.composer.menu.is_stale && bench.composer.menu.is_open());
    assert_eq!(bench.composer.search_due().map(|find| find.query).as_deref(), Some("cal"));
    bench.composer.found(None, &bench.session);
    assert!(bench.composer.menu.is_open(), "a host that cannot search is no reason to lose the list");
}

#[test]
fn a_big_paste_is_one_object_that_enter_unfolds() {
    let mut bench = Bench::new();
    let big = "line\n".repeat(UI_PASTE_LINES_MAX + 1);
    bench.composer.paste(&big, &bench.session);
    bench.composer.paste("small\n", &bench.session);
    assert_eq!(bench.composer.entry.parts(), [PromptPart::Paste { text: big.clone() }, PromptPart::text("small\n")]);
    bench.press("C-home up home enter");
    assert_eq!(bench.composer.entry.parts(), [PromptPart::text(format!("{big}small\n"))]);
    bench.press("C-_");
    assert_eq!(bench.composer.entry.parts(), [PromptPart::Paste { text: big }, PromptPart::text("small\n")]);
    let mut bench = Bench::new();
    bench.composer.paste(&"x".repeat(UI_PASTE_BYTES_MAX + 1), &bench.session);
    bench.press("backspace");
    assert!(bench.composer.entry.is_empty());
}

#[test]
fn a_command_of_the_users_own_is_run_and_its_output_offered() {
    let mut bench = Bench::new();
    bench.type_text("!ls -l");
    assert_eq!(bench.press("enter"), Typed::Runs("ls -l".to_owned()));
    bench.composer.runs("a3".into());
    assert_eq!(bench.composer.offers_output(&"a2".into()), None);
    assert_eq!(bench.composer.offers_output(&"a3".into()), Some(true));
    assert_eq!(bench.composer.entry.parts(), [PromptPart::Action { action: "a3".into() }]);
    bench.composer.runs("a4".into());
    assert_eq!(bench.composer.offers_output(&"a4".into()), Some(false), "the message is not changed under the user");
    // The output came between two keys: it is not sent by an Enter that was meant for something else.
    assert!(matches!(bench.press("enter"), Typed::Says(_)));
    assert!(matches!(bench.press("enter"), Typed::Sends(_)));
}

#[test]
fn a_queued_prompt_is_edited_and_the_draft_comes_back() {
    let prompt = QueuedPrompt { id: 7, text: "queued".into(), parts: Vec::new(), parked: true };
    let mut bench = Bench::new();
    bench.type_text("draft");
    bench.composer.edit_queued(prompt.clone());
    bench.type_text("!");
    let change = wire::QueueChange::Replace { text: "queued!".into(), parts: Vec::new() };
    assert_eq!(bench.press("enter"), Typed::Replaces(wire::QueueEdit { prompt: 7, change }));
    assert_eq!(bench.text(), "draft");
    bench.composer.edit_queued(prompt);
    bench.type_text("no");
    let change = wire::QueueChange::Replace { text: "queued".into(), parts: Vec::new() };
    assert_eq!(bench.press("esc"), Typed::Replaces(wire::QueueEdit { prompt: 7, change }), "as it was");
    assert_eq!(bench.text(), "draft");
    bench.composer.give_back("lost?", &[]);
    assert_eq!(bench.text(), "draft\nlost?");
}

#[test]
fn the_draft_is_sent_now_and_then_and_when_it_is_left() {
    let mut bench = Bench::new();
    assert_eq!(bench.composer.draft_due(1_000), None);
    bench.type_text("a");
    assert_eq!(bench.composer.draft_due(1_100), None);
    assert_eq!(bench.composer.draft_due(10_000), Some(vec![PromptPart::text("a")]));
    bench.type_text("b");
    assert_eq!(bench.composer.draft_due(10_001), None);
    bench.press("esc");
    assert_eq!(bench.composer.draft_due(10_002), Some(vec![PromptPart::text("ab")]));
    assert_eq!(bench.composer.draft_due(99_000), None, "nothing is new");
    // Another client wrote on; what is being written here is not touched by it.
    bench.composer.restore(&Drafted { by: "c2".into(), parts: vec![PromptPart::text("abc")] });
    assert_eq!(bench.text(), "abc");
    bench.composer.open = true;
    bench.type_text("!");
    bench.composer.restore(&Drafted { by: "c2".into(), parts: vec![PromptPart::text("x")] });
    assert_eq!(bench.text(), "abc!");
}
