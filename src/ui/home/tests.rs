//! Keys and news of home, without a terminal.

use super::*;
use crate::model::Kind;
use crate::wire::{LineRole, SessionState};

const SIZE: Size = Size { width: 120, height: 24 };

fn pending(action: &str, what: &str, risk: u8, held_at: u64) -> Pending {
    Pending {
        action: action.into(),
        digest: Digest::of(what.as_bytes()),
        kind: Kind::Command,
        words: format!("run {what}"),
        risk,
        held_at: Some(UnixMs(held_at)),
        confirm: None,
        guarded: false,
        opens: false,
        comments: Vec::new(),
    }
}

fn session(name: &str, state: SessionState, pending: Vec<Pending>) -> Overview {
    Overview {
        session: name.into(),
        state,
        running: !matches!(state, SessionState::Resumable | SessionState::Ended),
        workspace: Some(format!("/work/{name}")),
        goal: Some(format!("goal of {name}")),
        held: pending.len(),
        pending,
        ..Overview::default()
    }
}

fn told(home: &mut Home, sessions: Vec<Overview>) -> Option<Act> {
    let machines = vec![Machine { sessions, ..Machine::default() }];
    home.take(Told::Machines { at: UnixMs(600_000), machines })
}

fn text_of(act: Option<Act>, what: &str, lines: usize) -> Told {
    let Some(Act::Show(item)) = act else { panic!("{act:?}") };
    let shown = Shown {
        session: item.session.clone(),
        action: item.action.clone().unwrap(),
        digest: Digest::of(what.as_bytes()),
        phase: "pending".to_owned(),
        lines: (0..lines).map(|n| (LineRole::Text, format!("line {n}"))).collect(),
        complete: true,
    };
    Told::Shown { item, shown: Ok(shown) }
}

fn press(home: &mut Home, keys: &str) -> HomeKey {
    let mut last = HomeKey::Stays;
    for key in keys.split(' ') {
        home.drawn(SIZE);
        let on_screen = home.on_screen(SIZE);
        let armed = |id: &ActionId, digest| match &on_screen {
            Some((shown, of)) if shown == id && *of == digest => Ok(()),
            _ => Err("nothing was approved: read it first".to_owned()),
        };
        last = home.key(Key::parse(key).unwrap(), SIZE, armed);
    }
    last
}

fn refusal(home: &Home) -> &str {
    home.note.as_ref().and_then(|note| note.as_ref().err()).map_or("", String::as_str)
}

#[test]
fn the_inbox_is_ordered_by_risk_age_and_what_waits_behind() {
    let mut home = Home::new(None);
    let old = session("old", SessionState::Waits, vec![pending("a1", "ls", 10, 0)]);
    let risky = session("risky", SessionState::Waits, vec![pending("a2", "rm", 90, 540_000)]);
    let fresh = session("fresh", SessionState::Waits, vec![pending("a3", "cat", 10, 590_000)]);
    told(&mut home, vec![fresh, old, risky]);
    let order: Vec<&str> = home.pending().iter().map(|(_, session, _)| session.session.as_str()).collect();
    assert_eq!(order, ["risky", "old", "fresh"]);
}

#[test]
fn sessions_that_wait_come_first_and_archived_ones_are_left_out() {
    let mut home = Home::new(None);
    let mut gone = session("gone", SessionState::Ended, Vec::new());
    gone.label.archived = true;
    let all =
        vec![gone, session("idle", SessionState::Idle, Vec::new()), session("waits", SessionState::Waits, Vec::new())];
    assert_eq!(told(&mut home, all), None);
    let names = |home: &Home| home.sessions().iter().map(|(_, s)| s.session.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&home), ["waits", "idle"], "nothing is pending, so the sessions are shown");
    press(&mut home, "H");
    assert_eq!(names(&home), ["waits", "idle", "gone"]);
    press(&mut home, "/ i d l");
    assert_eq!(names(&home), ["idle"]);
    press(&mut home, "enter");
    assert!(matches!(press(&mut home, "enter"), HomeKey::Opens(item) if item.session.as_str() == "idle"));
}

#[test]
fn only_what_was_read_to_its_end_is_approved() {
    let mut home = Home::new(None);
    let act = told(&mut home, vec![session("s", SessionState::Waits, vec![pending("a1", "make", 10, 0)])]);
    assert_eq!(press(&mut home, "a"), HomeKey::Stays);
    assert!(refusal(&home).contains("not here yet"), "{}", refusal(&home));
    assert_eq!(home.take(text_of(act, "make", 60)), None);
    assert_eq!(press(&mut home, "a"), HomeKey::Stays);
    assert!(refusal(&home).contains("read it first"), "{}", refusal(&home));
    // What another session reports does not take the place of the reason.
    assert_eq!(home.take(Told::Done(Ok("box:s: the session has ended: done".to_owned()))), None);
    assert!(refusal(&home).contains("read it first"), "{}", refusal(&home));
    press(&mut home, "space space space space");
    let HomeKey::Does(Act::Decide { items, digest, verdict, .. }) = press(&mut home, "a") else { panic!("read it") };
    assert_eq!((items.len(), digest, verdict), (1, Digest::of(b"make"), Verdict::Approve));
}

#[test]
fn what_changes_under_the_cursor_must_be_read_again() {
    let mut home = Home::new(None);
    let act = told(&mut home, vec![session("s", SessionState::Waits, vec![pending("a1", "make", 10, 0)])]);
    home.take(text_of(act, "make", 3));
    press(&mut home, "j");
    let act = told(&mut home, vec![session("s", SessionState::Waits, vec![pending("a1", "rm -rf x", 10, 0)])]);
    assert_eq!(press(&mut home, "a"), HomeKey::Stays, "the text of the old one is on the screen");
    home.take(text_of(act, "rm -rf x", 3));
    assert!(
        matches!(press(&mut home, "a"), HomeKey::Does(Act::Decide { digest, .. }) if digest == Digest::of(b"rm -rf x"))
    );
}

/// What the user wrote about it is named before it is approved, and nothing that was written since is passed over.
#[test]
fn open_comments_are_named_before_an_approval() {
    let commented = |confirm: Option<&str>, comments: &[&str]| {
        let comments = comments.iter().map(|text| (*text).to_owned()).collect();
        let pending = Pending { comments, confirm: confirm.map(str::to_owned), ..pending("a1", "make", 10, 0) };
        vec![session("s", SessionState::Waits, vec![pending])]
    };
    let mut home = Home::new(None);
    let act = told(&mut home, commented(None, &["k1 a.txt line 1: not so loud"]));
    home.take(text_of(act, "make", 3));
    let rows = home.text(80);
    assert!(rows.iter().any(|(_, row)| row.contains("k1 a.txt line 1: not so loud")), "{rows:?}");
    assert_eq!(press(&mut home, "A"), HomeKey::Stays);
    assert_eq!(press(&mut home, "a"), HomeKey::Stays);
    let HomeKey::Does(Act::Decide { despite_comments, .. }) = press(&mut home, "d e s p i t e enter") else {
        panic!("the word was typed: {}", refusal(&home))
    };
    assert!(despite_comments);
    press(&mut home, "a d e s p i t e");
    told(&mut home, commented(None, &["k1 a.txt line 1: not so loud", "k2 a.txt: and not so long"]));
    assert_eq!(press(&mut home, "enter"), HomeKey::Stays);
    assert!(refusal(&home).contains("have just changed"), "{}", refusal(&home));
    told(&mut home, commented(Some("deploy.yml"), &["k1 a.txt line 1: not so loud"]));
    assert_eq!(press(&mut home, "a d e s p i t e enter"), HomeKey::Stays, "the guard rail has its own word");
    let HomeKey::Does(Act::Decide { confirm, despite_comments: true, .. }) =
        press(&mut home, "a d e p l o y . y m l enter")
    else {
        panic!("the word was typed: {}", refusal(&home))
    };
    assert_eq!(confirm.as_deref(), Some("deploy.yml"));
}

#[test]
fn a_guard_rail_takes_its_word_and_is_in_no_group() {
    let mut home = Home::new(None);
    let guarded = Pending { confirm: Some("deploy.yml".to_owned()), ..pending("a1", "edit", 50, 0) };
    let act = told(
        &mut home,
        vec![
            session("one", SessionState::Waits, vec![guarded]),
            session("two", SessionState::Waits, vec![pending("a1", "edit", 10, 0)]),
        ],
    );
    home.take(text_of(act, "edit", 3));
    assert_eq!(home.equal(None, Digest::of(b"edit")).len(), 1, "the guard rail is not among them");
    assert_eq!(press(&mut home, "a y e s enter"), HomeKey::Stays);
    assert!(refusal(&home).contains("word was not typed"), "{}", refusal(&home));
    let HomeKey::Does(Act::Decide { confirm, .. }) = press(&mut home, "a d e p l o y . y m l enter") else {
        panic!("the word was typed")
    };
    assert_eq!(confirm.as_deref(), Some("deploy.yml"));
}

#[test]
fn equal_actions_are_listed_and_approved_together() {
    let mut home = Home::new(None);
    let each = |name| session(name, SessionState::Waits, vec![pending("a1", "make", 10, 0)]);
    let act = told(&mut home, vec![each("one"), each("two"), each("three")]);
    home.take(text_of(act, "make", 3));
    assert_eq!(press(&mut home, "A"), HomeKey::Stays);
    let listed: Vec<String> = home.text(60).into_iter().map(|(_, line)| line).collect();
    assert!(listed.iter().any(|line| line.contains("3 equal actions")), "{listed:?}");
    for name in ["one a1 in /work/one", "two a1 in /work/two", "three a1 in /work/three"] {
        assert!(listed.iter().any(|line| line == name), "{name}: {listed:?}");
    }
    let HomeKey::Does(Act::Decide { items, .. }) = press(&mut home, "a l l enter") else {
        panic!("the word was typed")
    };
    assert_eq!(items.len(), 3);
}

#[test]
fn forms_plans_and_options_are_answered_in_their_session() {
    let mut home = Home::new(None);
    let form = Pending { opens: true, ..pending("a1", "form", 10, 0) };
    let act = told(&mut home, vec![session("s", SessionState::Waits, vec![form])]);
    home.take(text_of(act, "form", 3));
    assert_eq!(press(&mut home, "a"), HomeKey::Stays);
    assert!(refusal(&home).contains("Enter opens"), "{}", refusal(&home));
    assert!(matches!(press(&mut home, "enter"), HomeKey::Opens(item) if item.action == Some("a1".into())));
}

#[test]
fn a_session_is_stopped_and_deleted_only_by_a_word() {
    let mut home = Home::new(None);
    let all = vec![session("dead", SessionState::Ended, Vec::new()), session("up", SessionState::Works, Vec::new())];
    told(&mut home, all);
    assert_eq!(press(&mut home, "X"), HomeKey::Stays);
    assert!(refusal(&home).contains("its host runs"), "{}", refusal(&home));
    assert_eq!(press(&mut home, "S x enter"), HomeKey::Stays);
    assert!(
        matches!(press(&mut home, "S s t o p enter"), HomeKey::Does(Act::Stop(item)) if item.session.as_str() == "up")
    );
    assert_eq!(press(&mut home, "j X n o enter"), HomeKey::Stays);
    let HomeKey::Does(Act::Delete(item)) = press(&mut home, "X d e l e t e enter") else {
        panic!("the word was typed")
    };
    assert_eq!(item.session.as_str(), "dead");
}

#[test]
fn another_machine_lends_its_text_to_no_action_elsewhere() {
    let mut home = Home::new(None);
    let each = |host: Option<&str>, name: &str| Machine {
        host: host.map(str::to_owned),
        sessions: vec![session(name, SessionState::Waits, vec![pending("a1", "rm -rf x", 10, 0)])],
        ..Machine::default()
    };
    // The far machine shows something harmless under the digest of what is pending here.
    let machines = vec![each(Some("far"), "far"), each(None, "here"), each(None, "there")];
    let act = home.take(Told::Machines { at: UnixMs(600_000), machines });
    assert!(matches!(&act, Some(Act::Show(Item { host: Some(_), .. }))), "{act:?}");
    home.take(text_of(act, "rm -rf x", 3));
    assert_eq!(press(&mut home, "A"), HomeKey::Stays);
    assert!(refusal(&home).contains("nothing else that is pending on that machine"), "{}", refusal(&home));
}

#[test]
fn what_arrives_while_the_word_is_typed_is_not_approved_with_the_others() {
    let mut home = Home::new(None);
    let each = |name| session(name, SessionState::Waits, vec![pending("a1", "make", 10, 0)]);
    let act = told(&mut home, vec![each("one"), each("two")]);
    home.take(text_of(act, "make", 3));
    press(&mut home, "A a l l");
    told(&mut home, vec![each("one"), each("two"), each("three")]);
    let HomeKey::Does(Act::Decide { items, .. }) = press(&mut home, "enter") else { panic!("the word was typed") };
    assert_eq!(items.len(), 2);
}

#[test]
fn rows_that_are_scrolled_past_in_one_frame_are_not_read() {
    let mut home = Home::new(None);
    let act = told(&mut home, vec![session("s", SessionState::Waits, vec![pending("a1", "make", 10, 0)])]);
    home.take(text_of(act, "make", 200));
    home.drawn(SIZE);
    for _ in 0..20 {
        // No frame in between.
        home.key(Key::parse("space").unwrap(), SIZE, |_, _| Ok(()));
    }
    home.drawn(SIZE);
    assert_eq!(home.on_screen(SIZE), None);
}

#[test]
fn a_guard_rail_without_a_word_is_in_no_group_either() {
    let mut home = Home::new(None);
    let rail = |name| {
        let guarded = Pending { guarded: true, ..pending("a1", "lock", 10, 0) };
        session(name, SessionState::Waits, vec![guarded])
    };
    let act = told(&mut home, vec![rail("one"), rail("two")]);
    home.take(text_of(act, "lock", 3));
    assert_eq!(press(&mut home, "A"), HomeKey::Stays);
    assert!(refusal(&home).contains("decided alone"), "{}", refusal(&home));
    assert!(matches!(press(&mut home, "a"), HomeKey::Does(Act::Decide { items, .. }) if items.len() == 1));
}

#[test]
fn a_set_that_the_screen_cannot_list_is_not_approved_at_once() {
    let mut home = Home::new(None);
    let each = |n: usize| session(&format!("s{n}"), SessionState::Waits, vec![pending("a1", "make", 10, 0)]);
    let act = told(&mut home, (0..40).map(each).collect());
    home.take(text_of(act, "make", 3));
    assert_eq!(press(&mut home, "A"), HomeKey::Stays);
    assert!(refusal(&home).contains("one by one"), "{}", refusal(&home));
}

/// A machine that is cut off keeps its rows and the text that was read; its decision waits and can be taken back.
#[test]
fn a_decision_that_was_not_sent_is_marked_and_can_be_taken_back() {
    let mut home = Home::new(None);
    let sessions = vec![session("one", SessionState::Waits, vec![pending("a1", "ls", 10, 0)])];
    let far = Machine { host: Some("far".to_owned()), sessions, ..Machine::default() };
    let act = home.take(Told::Machines { at: UnixMs(600_000), machines: vec![far.clone()] });
    let text = text_of(act, "ls", 3);
    let Told::Shown { item, .. } = &text else { panic!("no text") };
    let item = item.clone();
    home.take(text);
    home.take(Told::Shown { item: item.clone(), shown: Err("it cannot be reached".to_owned()) });
    let lost = Machine { lost_at: Some(UnixMs(480_000)), ..far };
    home.take(Told::Machines { at: UnixMs(600_000), machines: vec![lost.clone()] });
    let (machine, overview, one) = home.pending()[0];
    assert_eq!(home.mark(machine, overview, Some(&one.action)), "reconnecting, 2m old · ");
    assert!(matches!(press(&mut home, "a"), HomeKey::Does(Act::Decide { .. })), "{}", refusal(&home));
    let unsent = crate::wire::Unsent { session: "one".into(), action: "a1".into(), verdict: Verdict::Approve };
    home.take(Told::Machines { at: UnixMs(600_000), machines: vec![Machine { unsent: vec![unsent], ..lost }] });
    let (machine, overview, one) = home.pending()[0];
    assert!(home.mark(machine, overview, Some(&one.action)).starts_with("approved, not sent yet"));
    assert_eq!(press(&mut home, "a"), HomeKey::Stays);
    assert!(refusal(&home).contains("x takes"), "{}", refusal(&home));
    assert_eq!(press(&mut home, "x"), HomeKey::Does(Act::Withdraw(item)));
}

#[test]
fn the_next_session_that_waits_comes_after_this_one_and_then_from_the_top() {
    let each = ["one", "two", "three"].map(|name| session(name, SessionState::Waits, vec![pending("a1", name, 10, 0)]));
    let machines = || vec![Machine { sessions: each.to_vec(), ..Machine::default() }];
    let next =
        |here: &str| next_waiting(Some(&here.into()), UnixMs(0), machines()).map(|item| item.session.to_string());
    assert_eq!(["one", "two", "three", "elsewhere"].map(|here| next(here).unwrap()), ["two", "three", "one", "one"]);
    let alone = vec![Machine { sessions: vec![each[0].clone()], ..Machine::default() }];
    assert_eq!(next_waiting(Some(&"one".into()), UnixMs(0), alone), None);
}
