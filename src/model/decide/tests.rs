//! Deciding, case by case.

use super::*;
use crate::base::Seq;
use crate::model::DrillResult;
use crate::model::action::{Body, Content, Executor, FileChange, Proposal};
use crate::model::draft::Draft;
use crate::model::event::{Drilled, DrilledRung, Envelope, SessionOpened};
use crate::model::session::Phase;

/// A session that appends what it decides, as the host does.
struct Desk(Session);

impl Desk {
    fn new(mode: Mode) -> Self {
        let opened = SessionOpened {
            session: "s".into(),
            workspace: "/w".into(),
            agent: Default::default(),
            mode,
            policy_digest: Digest::of(b""),
            version: "0".into(),
            goal: None,
        };
        let mut desk = Self(Session::default());
        desk.append(vec![Event::SessionOpened(opened)]);
        desk
    }

    fn append(&mut self, events: Vec<Event>) {
        for event in events {
            let seq = self.0.head.next();
            self.0.apply(&Envelope { seq, at: UnixMs(seq.0), event });
        }
        assert!(self.0.alarms.anomalies.is_empty(), "{:?}", self.0.alarms.anomalies);
    }

    fn put(&mut self, input: Input) -> Result<Vec<Effect>, Refusal> {
        let before = self.0.clone();
        let outcome = decide(&self.0, input)?;
        assert_eq!(before, self.0, "decide changed the session");
        self.append(outcome.events);
        Ok(outcome.effects)
    }

    fn file(&mut self, word: RulingWord, executor: Executor) -> (ActionId, Vec<Effect>) {
        let id = self.0.actions.next_id();
        let mut proposal = Proposal::new("edit a", Body::Edit(Vec::<Draft>::new()));
        proposal.executor = executor;
        let action = Action::file(id.clone(), proposal, Some(vec![file("a", "1", "2")]));
        let ruling = Ruling { word, rule: "r".into(), reason: "because".into(), confirm: None, rail: None };
        let effects =
            self.put(Input::File { action: Box::new(action), ruling, alarms: vec![], now: UnixMs(0) }).unwrap();
        (id, effects)
    }

    fn phase(&self, id: &ActionId) -> Phase {
        self.0.actions.get(id).unwrap().phase
    }

    fn answer(&self, id: &ActionId, verdict: Verdict) -> Answering {
        let digest = self.0.actions.get(id).unwrap().action.digest;
        Answering {
            action: id.clone(),
            digest,
            verdict,
            reason: None,
            confirm: None,
            option: None,
            form: None,
            network: None,
            by: "c1".into(),
            edited: None,
            edited_ruling: None,
            unless_commented: false,
        }
    }
}

fn file(path: &str, before: &str, after: &str) -> FileEdit {
    FileEdit {
        before_node: None,
        after_node: None,
        path: RelPath::new(path).unwrap(),
        change: FileChange::Modify,
        from: None,
        before: Some(Content::of(before.as_bytes())),
        after: Some(Content::of(after.as_bytes())),
    }
}

#[test]
fn rulings_become_phases_by_mode() {
    let check = |mode, word, expect| {
        let mut desk = Desk::new(mode);
        let (id, _) = desk.file(word, Executor::Host);
        assert_eq!(desk.phase(&id), expect, "{mode:?} {word:?}");
    };
    check(Mode::Guarded, RulingWord::Ask, Phase::Held);
    check(Mode::Guarded, RulingWord::Allow, Phase::Running);
    check(Mode::Guarded, RulingWord::Deny, Phase::Denied);
    check(Mode::Step, RulingWord::Allow, Phase::Held);
    check(Mode::Step, RulingWord::Deny, Phase::Denied);
    check(Mode::Observe, RulingWord::Allow, Phase::Denied);
    check(Mode::Plan, RulingWord::Ask, Phase::Held);
}

#[test]
fn what_waited_only_for_the_gate_is_ruled_again() {
    let check = |word, expect| {
        let mut desk = Desk::new(Mode::Guarded);
        desk.put(Input::Freeze { why: "lunch".into() }).unwrap();
        let (id, _) = desk.file(word, Executor::Host);
        let ruling = Ruling { word, rule: "r".into(), reason: "because".into(), confirm: None, rail: None };
        let again = |desk: &mut Desk| {
            let input = Input::Reconsider { action: id.clone(), ruling: ruling.clone(), now: UnixMs(0) };
            desk.put(input).map(|effects| effects.len())
        };
        if word != RulingWord::Deny {
            assert_eq!((again(&mut desk), desk.phase(&id)), (Ok(0), Phase::Held), "still frozen");
        }
        desk.put(Input::Resume).unwrap();
        let _ = again(&mut desk);
        assert_eq!(desk.phase(&id), expect, "{word:?}");
    };
    check(RulingWord::Allow, Phase::Running);
    check(RulingWord::Ask, Phase::Held);
    check(RulingWord::Deny, Phase::Denied);
}

#[test]
fn a_guard_rail_wants_its_word_and_says_when_it_had_none() {
    let check = |given: Option<&str>, expect: Result<(bool, usize), ()>| {
        let mut desk = Desk::new(Mode::Guarded);
        let id = desk.0.actions.next_id();
        let proposal = Proposal::new("edit ci", Body::Edit(Vec::<Draft>::new()));
        let action = Box::new(Action::file(id.clone(), proposal, Some(vec![file("ci.yml", "1", "2")])));
        let confirm = Some("ci.yml".to_owned());
        let ruling = Ruling { word: RulingWord::Ask, rule: "r".into(), reason: "because".into(), confirm, rail: None };
        desk.put(Input::File { action, ruling, alarms: vec![], now: UnixMs(0) }).unwrap();
        let confirm = given.map(str::to_owned);
        let answering = Answering { confirm, ..desk.answer(&id, Verdict::Approve) };
        let done = desk.put(Input::Answer(Box::new(answering)));
        let confirmed = desk.0.actions.get(&id).and_then(|s| s.decided.as_ref()?.confirmed);
        let got = done.map(|_| (confirmed.unwrap(), desk.0.alarms.recent.len())).map_err(|_| ());
        assert_eq!(got, expect, "{given:?}");
    };
    check(Some("ci.yml"), Ok((true, 1)));
    check(None, Ok((false, 2)));
    check(Some("cd.yml"), Err(()));
    check(Some(""), Err(()));
}

#[test]
fn an_approval_binds_to_the_digest_and_is_used_once() {
    let mut desk = Desk::new(Mode::Guarded);
    let (id, _) = desk.file(RulingWord::Ask, Executor::Host);
    let mut stale = desk.answer(&id, Verdict::Approve);
    stale.digest = Digest::of(b"something else");
    assert!(matches!(desk.put(Input::Answer(Box::new(stale))), Err(Refusal::StaleDigest { .. })));
    let good = desk.answer(&id, Verdict::Approve);
    let effects = desk.put(Input::Answer(Box::new(good.clone()))).unwrap();
    assert!(effects.contains(&Effect::Perform(id.clone())));
    assert!(matches!(desk.put(Input::Answer(Box::new(good))), Err(Refusal::NotHeld { .. })));
}

#[test]
fn an_edited_approval_is_a_new_revision_that_we_carry_out_ourselves() {
    let mut desk = Desk::new(Mode::Guarded);
    let (id, _) = desk.file(RulingWord::Ask, Executor::Agent);
    let mut edited = desk.answer(&id, Verdict::ApproveEdited);
    edited.edited = Some(Edited::Files(vec![file("a", "1", "mine")]));
    let effects = desk.put(Input::Answer(Box::new(edited))).unwrap();
    assert_eq!(
        effects,
        [
            Effect::Reply {
                action: id.clone(),
                reply: Reply::Approved { edited: true, note: None, option: None, form: None }
            },
            Effect::Perform(id.clone())
        ]
    );
    let state = desk.0.actions.get(&id).unwrap();
    assert_eq!((state.action.revision, state.phase), (2, Phase::Running));
    assert!(state.original.is_some());
}

#[test]
fn a_changed_base_voids_what_rests_on_it_and_asks_for_a_merge() {
    let mut desk = Desk::new(Mode::Guarded);
    let (id, _) = desk.file(RulingWord::Ask, Executor::Host);
    let path = RelPath::new("a").unwrap();
    let same = Input::BaseChanged { path: path.clone(), now: Some(Digest::of(b"1")) };
    assert_eq!(desk.put(same).unwrap(), []);
    let effects = desk.put(Input::BaseChanged { path, now: Some(Digest::of(b"x")) }).unwrap();
    assert_eq!(effects, [Effect::Merge(id.clone())]);
    assert_eq!(desk.phase(&id), Phase::Lapsed(LapseWhy::Voided));
    let old = desk.answer(&id, Verdict::Approve);
    let merged = desk
        .0
        .actions
        .get(&id)
        .unwrap()
        .action
        .revised(crate::model::action::Author::Merge, |body| body.replace_files(vec![file("a", "x", "xy")]));
    desk.put(Input::Revise { action: Box::new(merged), ruling: Ruling::ask("base-changed", "merged"), alarms: vec![] })
        .unwrap();
    assert_eq!(desk.phase(&id), Phase::Held);
    assert!(matches!(desk.put(Input::Answer(Box::new(old))), Err(Refusal::StaleDigest { .. })));
}

#[test]
fn a_frozen_gate_holds_what_a_rule_allows_and_refuses_approvals() {
    let mut desk = Desk::new(Mode::Guarded);
    desk.put(Input::Freeze { why: "panic".into() }).unwrap();
    let (id, _) = desk.file(RulingWord::Allow, Executor::Host);
    assert_eq!(desk.phase(&id), Phase::Held);
    let answer = desk.answer(&id, Verdict::Approve);
    assert!(matches!(desk.put(Input::Answer(Box::new(answer.clone()))), Err(Refusal::GateClosed(_))));
    desk.put(Input::Resume).unwrap();
    desk.put(Input::Answer(Box::new(answer))).unwrap();
    assert_eq!(desk.phase(&id), Phase::Running);
}

#[test]
fn a_lease_is_bounded_by_count_time_and_path() {
    let mut desk = Desk::new(Mode::Guarded);
    let lease = |paths: &[&str], until| Input::GrantLease {
        step: None,
        paths: paths.iter().map(|p| (*p).to_owned()).collect(),
        commands: vec![],
        until: UnixMs(until),
        actions_max: 1,
        cost_micros_max: None,
        by: "c1".into(),
    };
    desk.put(lease(&["src/**"], 1_000)).unwrap();
    let (other, _) = desk.file(RulingWord::Ask, Executor::Host);
    assert_eq!(desk.phase(&other), Phase::Held, "the path is not covered");
    desk.put(lease(&["a"], 1_000)).unwrap();
    let (first, _) = desk.file(RulingWord::Ask, Executor::Host);
    let (second, _) = desk.file(RulingWord::Ask, Executor::Host);
    assert_eq!((desk.phase(&first), desk.phase(&second)), (Phase::Running, Phase::Held));
}

#[test]
fn a_redirect_needs_a_reason() {
    let mut desk = Desk::new(Mode::Guarded);
    let (id, _) = desk.file(RulingWord::Ask, Executor::Host);
    let bare = desk.answer(&id, Verdict::Redirect);
    assert!(matches!(desk.put(Input::Answer(Box::new(bare.clone()))), Err(Refusal::Invalid(_))));
    let with = Answering { reason: Some("use the other file".into()), ..bare };
    desk.put(Input::Answer(Box::new(with))).unwrap();
    assert_eq!(desk.phase(&id), Phase::Redirected);
}

#[test]
fn replaying_a_prefix_and_the_rest_is_replaying_the_whole() {
    let mut desk = Desk::new(Mode::Guarded);
    let mut log = Vec::new();
    let mut seq = Seq(0);
    for word in [RulingWord::Ask, RulingWord::Allow, RulingWord::Deny] {
        let id = desk.0.actions.next_id();
        let action = Action::file(id, Proposal::new("e", Body::Edit(vec![])), Some(vec![file("a", "1", "2")]));
        let ruling = Ruling { word, rule: "r".into(), reason: String::new(), confirm: None, rail: None };
        let outcome =
            decide(&desk.0, Input::File { action: Box::new(action), ruling, alarms: vec![], now: UnixMs(0) }).unwrap();
        for event in &outcome.events {
            seq = seq.next();
            log.push(Envelope { seq, at: UnixMs(0), event: event.clone() });
        }
        desk.append(outcome.events);
    }
    let whole = Session::replay(&log);
    for cut in 0..=log.len() {
        let mut part = Session::replay(&log[..cut]);
        log[cut..].iter().for_each(|e| part.apply(e));
        assert_eq!(part, whole);
    }
}

#[test]
fn in_plan_mode_one_approval_opens_the_rest_of_its_step() {
    let mut desk = Desk::new(Mode::Plan);
    desk.put(Input::EditPlan {
        revision: 0,
        edits: vec![PlanEdit::Add { title: "do it".into(), parent: None, after: None, id: None }],
        by: "c1".into(),
    })
    .unwrap();
    let document = crate::model::plan::PlanDocument::new("1. do it", crate::model::plan::PlanOrigin::Human);
    let digest = document.digest();
    desk.put(Input::WritePlan { by: "human".into(), document: Box::new(document), review: true }).unwrap();
    let plan = desk.0.plans.of(digest).and_then(|version| version.action.clone()).unwrap();
    let answer = desk.answer(&plan, Verdict::Approve);
    desk.put(Input::Answer(Box::new(answer))).unwrap();
    let file_in = |desk: &mut Desk, step: &str| {
        let id = desk.0.actions.next_id();
        let mut proposal = Proposal::new("edit a", Body::Edit(Vec::<Draft>::new()));
        proposal.step = Some(step.into());
        let action = Action::file(id.clone(), proposal, Some(vec![file("a", "1", "2")]));
        let ruling = Ruling::ask("default", "asks");
        desk.put(Input::File { action: Box::new(action), ruling, alarms: vec![], now: UnixMs(0) }).unwrap();
        id
    };
    let first = file_in(&mut desk, "s1");
    assert_eq!(desk.phase(&first), Phase::Held);
    let answer = desk.answer(&first, Verdict::Approve);
    desk.put(Input::Answer(Box::new(answer))).unwrap();
    let same_step = file_in(&mut desk, "s1");
    let other_step = file_in(&mut desk, "s2");
    assert_eq!((desk.phase(&same_step), desk.phase(&other_step)), (Phase::Running, Phase::Held));
    // Then the drill of the stop fails: the mode and its plan stay, and nothing runs without a question.
    let drilled = |result| Drilled { rungs: vec![DrilledRung { result, ..DrilledRung::default() }] };
    let (allowed, _) = desk.file(RulingWord::Allow, Executor::Host);
    desk.append(vec![Event::Drilled(drilled(DrillResult::Failed))]);
    let (asked, _) = desk.file(RulingWord::Allow, Executor::Host);
    assert_eq!((desk.phase(&allowed), desk.phase(&asked)), (Phase::Running, Phase::Held));
    let answer = desk.answer(&other_step, Verdict::Approve);
    desk.put(Input::Answer(Box::new(answer))).unwrap();
    let after = file_in(&mut desk, "s2");
    assert_eq!(desk.phase(&after), Phase::Held, "an approval opens no lease");
    desk.append(vec![Event::Drilled(drilled(DrillResult::Unproved))]);
    let (passed, _) = desk.file(RulingWord::Allow, Executor::Host);
    assert_eq!(desk.phase(&passed), Phase::Running);
}
