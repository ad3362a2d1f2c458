//! The ledger over sessions in which an agent changes its own pipeline.

use super::*;
use crate::base::{Digest, RelPath, UnixMs};
use crate::model::action::{Body, FileChange, Proposal};
use crate::model::check::CheckStarted;
use crate::model::event::{
    AgentBadge, Decided, Decider, Explained, Held, Isolation, Mode, OutcomeWord, Proposed, Ruled, RulingWord,
    SessionOpened, Sides, Started, Verdict,
};
use crate::model::{Command, Evidence, Rail};

const CI: &str = ".github/workflows/ci.yml";

/// A session with its ledger.
#[derive(Default)]
struct Desk {
    session: Session,
    ledger: Ledger,
}

impl Desk {
    fn new() -> Self {
        let mut desk = Self::default();
        let agent = AgentBadge { name: "claude".into(), level: "L2".into(), isolation: Isolation::Gated };
        desk.put(Event::SessionOpened(SessionOpened {
            session: "s".into(),
            workspace: "/w".into(),
            agent,
            mode: Mode::Guarded,
            policy_digest: Digest::of(b""),
            version: "0".into(),
            goal: None,
        }));
        desk
    }

    fn put(&mut self, event: Event) {
        let seq = self.session.head.next();
        let envelope = Envelope { seq, at: UnixMs(seq.0 * 1_000), event };
        self.session.apply(&envelope);
        self.ledger.apply(&envelope, &self.session);
        assert!(self.session.alarms.anomalies.is_empty(), "{:?}", self.session.alarms.anomalies);
    }

    fn edit(&mut self, path: &str, before: &str, after: &str, why: Option<&str>) -> ActionId {
        let content = |text: &str| Some(Content::of(text.as_bytes()));
        let file = FileEdit {
            path: RelPath::new(path).unwrap(),
            change: FileChange::Modify,
            from: None,
            before: content(before),
            after: content(after),
            before_node: None,
            after_node: None,
        };
        let mut proposal = Proposal::new("edit", Body::Edit(Vec::new()));
        if let Some(why) = why {
            proposal = proposal.because(why, vec![Evidence::new("line", "the log says so").at("ci.log", Some(7))]);
        }
        self.propose(proposal, Some(vec![file]))
    }

    fn propose(&mut self, proposal: Proposal, files: Option<Vec<FileEdit>>) -> ActionId {
        let id = self.session.actions.next_id();
        self.put(Event::Proposed(Proposed { action: Action::file(id.clone(), proposal, files) }));
        let (rule, reason) = ("guarded-path".into(), "it changes ci.yml".to_owned());
        self.put(Event::Ruled(Ruled { action: id.clone(), ruling: RulingWord::Ask, rule, reason }));
        let digest = self.session.actions.get(&id).unwrap().action.digest;
        let (confirm, rail) = (Some("ci.yml".to_owned()), None);
        self.put(Event::Held(Held { action: id.clone(), revision: 1, digest, confirm, rail }));
        id
    }

    fn decide(&mut self, action: &ActionId, verdict: Verdict) {
        let digest = self.session.actions.get(action).unwrap().action.digest;
        self.put(Event::Decided(Decided {
            action: action.clone(),
            revision: 1,
            digest,
            verdict,
            by: Decider::Human("c1".into()),
            reason: Some("as discussed".into()),
            confirmed: Some(true),
            option: None,
            answer: None,
            network: None,
        }));
    }

    fn run(&mut self, action: &ActionId) {
        self.put(Event::Started(Started { action: action.clone(), revision: None, digest: None }));
        self.put(Event::Finished(Finished::of(action.clone(), OutcomeWord::Ok, None)));
    }

    fn check(&mut self, passed: u32, failed: u32) {
        let run = self.session.checks.next_id();
        self.put(Event::CheckStarted(CheckStarted {
            run: run.clone(),
            command: "cargo test".into(),
            tree: Tree::Workspace,
            digest: Digest::of(b""),
            action: None,
            what: None,
            cases: Vec::new(),
            search: false,
        }));
        self.put(Event::CheckFinished(CheckFinished {
            run,
            passed,
            failed,
            exit: Some(0),
            ..CheckFinished::default()
        }));
    }

    fn entry(&self, at: usize) -> &Entry {
        self.ledger.entries().nth(at).unwrap()
    }

    fn facts(&self, at: usize) -> String {
        self.entry(at).facts().iter().map(|fact| format!("{}: {}\n", fact.label, fact.text)).collect()
    }
}

#[test]
fn a_change_with_a_reason_answers_every_question() {
    let mut desk = Desk::new();
    desk.check(9, 1);
    desk.check(10, 0);
    let id = desk.edit(CI, "on: push\n", "on: [push]\n", Some("forks were not built"));
    assert_eq!(desk.entry(0).fate(), "pending");
    desk.decide(&id, Verdict::Approve);
    desk.run(&id);
    desk.check(8, 2);
    desk.check(10, 0);
    assert_eq!(
        desk.facts(0),
        "what: modified .github/workflows/ci.yml: what builds, tests or releases the project elsewhere\n\
         who: the agent claude (a1)\n\
         why: forks were not built\n\
         evidence: the log says so (ci.log:7)\n\
         verdict: approved by the user (c1), the word was typed\n\
         words: as discussed\n\
         rule: ask (guarded-path): it changes ci.yml\n\
         outcome: done\n\
         tests before: 10 passed, 0 failed (r2)\n\
         tests after: 8 passed, 2 failed (r3)\n"
            .replace("outcome: done", &format!("outcome: {}", OutcomeWord::Ok.words()))
    );
    let undo = Reverted {
        action: None,
        actions: vec![id],
        again: false,
        by: Decider::Human("c1".into()),
        files: vec![],
        tree: None,
    };
    desk.put(Event::Reverted(undo.clone()));
    assert_eq!(desk.entry(0).fate(), "undone");
    desk.put(Event::Reverted(Reverted { again: true, ..undo }));
    assert_eq!(desk.entry(0).fate(), "approved");
}

#[test]
fn a_change_without_a_reason_says_so_and_keeps_the_answer() {
    let mut desk = Desk::new();
    let id = desk.edit(CI, "a", "b", None);
    desk.put(Event::Explained(Explained { action: id.clone(), text: "asked".into() }));
    desk.put(Event::Said(Said { by: "agent".into(), text: "The cache was ".into(), more: true, parts: vec![] }));
    desk.put(Event::Said(Said { by: "agent".into(), text: "stale.".into(), more: false, parts: vec![] }));
    desk.decide(&id, Verdict::Deny);
    desk.put(Event::Said(Said { by: "agent".into(), text: "something else".into(), more: false, parts: vec![] }));
    let facts = desk.facts(0);
    assert!(facts.contains("why: no reason given; the agent was asked\nanswer: The cache was stale.\n"), "{facts}");
    assert!(facts.contains("verdict: denied by the user (c1)") && !facts.contains("tests after"), "{facts}");
}

#[test]
fn everyday_edits_are_not_in_it_and_everybodys_changes_are() {
    let mut desk = Desk::new();
    desk.edit("src/main.rs", "a", "b", None);
    let npm = "{\"scripts\": {\"a\": \"b\"}}";
    desk.edit("package.json", npm, "{\"scripts\": {\"a\": \"b\"}, \"dependencies\": {\"x\": \"1\"}}", None);
    assert_eq!(desk.ledger.entries().len(), 0);
    desk.edit("package.json", npm, "{\"scripts\": {\"a\": \"c\"}}", None);
    let command = Proposal::new("run", Body::Command(Command::shell("terraform apply")));
    desk.propose(command, None);
    for by in
        [ChangedBy::Human, ChangedBy::Session("s2".into()), ChangedBy::Unsupervised, ChangedBy::During("a4".into())]
    {
        desk.put(Event::Observed(Observed {
            path: "Makefile".into(),
            change: FileChange::Modify,
            by,
            unsure: false,
            before: None,
            after: None,
            before_node: None,
            after_node: None,
            ignored: false,
            about: None,
            sides: None,
        }));
    }
    let all: Vec<(String, &str)> = desk.ledger.entries().map(|entry| (entry.who.words(), entry.fate())).collect();
    let expected = [
        ("the agent claude", "pending"),
        ("the agent claude", "pending"),
        ("the user", "observed"),
        ("session s2", "observed"),
        ("unknown: nobody asked", "unasked"),
        ("during a4", "observed"),
    ];
    assert_eq!(all, expected.map(|(who, fate)| (who.to_owned(), fate)));
    assert_eq!(desk.entry(1).title(), "run terraform apply");
}

#[test]
fn the_ledger_is_bounded_and_says_what_it_left_out() {
    let mut desk = Desk::new();
    let ids: Vec<ActionId> = (0..PIPELINE_ENTRIES_MAX + 3).map(|n| desk.edit(CI, "a", &n.to_string(), None)).collect();
    assert_eq!((desk.ledger.entries().len(), desk.ledger.cut()), (PIPELINE_ENTRIES_MAX, 3));
    desk.decide(ids.first().unwrap(), Verdict::Deny);
    desk.decide(ids.last().unwrap(), Verdict::Deny);
    assert_eq!(desk.ledger.entries().filter(|entry| entry.fate() == "denied").count(), 1);
}

/// Large edits, and revisions of one, cost the oldest their contents and never the newest.
#[test]
fn new_contents_are_kept_and_the_oldest_go_first() {
    let mut desk = Desk::new();
    let large = "x".repeat(20_000);
    let has_text = |desk: &Desk, at: usize| matches!(desk.entry(at).changes[0].after, Some(Content::Text(_)));
    let first = desk.edit(CI, &large, &large, None);
    let action = desk.session.actions.get(&first).unwrap().action.clone();
    let entries = usize::try_from(PIPELINE_CONTENT_BYTES_MAX / 40_000).unwrap();
    // The same content again is no further content.
    let held = Held { action: first, revision: 1, digest: action.digest, confirm: None, rail: Some(Rail::GuardedFile) };
    let seq = desk.session.head;
    for _ in 0..entries + 1 {
        let envelope = Envelope { seq, at: UnixMs(1), event: Event::Held(held.clone()) };
        desk.ledger.apply(&envelope, &desk.session);
    }
    desk.edit(CI, "a", "b", None);
    assert!(has_text(&desk, 0) && has_text(&desk, 1));
    for _ in 0..entries {
        desk.edit(CI, &large, &large, None);
    }
    assert!(!has_text(&desk, 0) && has_text(&desk, desk.ledger.entries().len() - 1));
    assert!(desk.ledger.content_bytes <= PIPELINE_CONTENT_BYTES_MAX);
    let kept: u64 = desk.ledger.entries().map(|entry| kept_bytes(&entry.changes)).sum();
    assert_eq!(desk.ledger.content_bytes, kept);
}

/// Their contents once were kept without being counted, and subtracted when the entry was forgotten.
#[test]
fn what_is_observed_counts_for_the_bounds() {
    let mut desk = Desk::new();
    let text = |n: usize, side: &str| format!("{n} {side} {}", "x".repeat(2_000));
    for n in 0..PIPELINE_ENTRIES_MAX + 10 {
        let (before, after) = (text(n, "before"), text(n, "after"));
        let side = |text: &String| Some(Content::Text(text.clone()));
        let envelope = Envelope {
            seq: desk.session.head,
            at: UnixMs(1),
            event: Event::Observed(Observed {
                path: CI.to_owned(),
                change: FileChange::Modify,
                by: ChangedBy::Human,
                unsure: false,
                before: Some(Digest::of(before.as_bytes())),
                after: Some(Digest::of(after.as_bytes())),
                before_node: None,
                after_node: None,
                ignored: false,
                about: None,
                sides: Some(Box::new(Sides {
                    path: RelPath::new(CI).unwrap(),
                    before: side(&before),
                    after: side(&after),
                })),
            }),
        };
        desk.ledger.apply(&envelope, &desk.session);
    }
    let kept: u64 = desk.ledger.entries().map(|entry| kept_bytes(&entry.changes)).sum();
    assert_eq!((desk.ledger.content_bytes, desk.ledger.cut()), (kept, 10));
    assert!(kept > 0 && kept <= PIPELINE_CONTENT_BYTES_MAX, "{kept}");
    let newest = desk.entry(PIPELINE_ENTRIES_MAX - 1);
    assert!(matches!(newest.changes[0].after, Some(Content::Text(_))));
    assert!(matches!(desk.entry(0).changes[0].after, Some(Content::Blob { .. })));
}

/// The event has the contents that the record may keep; of others there is a digest.
#[test]
fn a_command_that_changes_a_guarded_file_has_its_diff() {
    let mut desk = Desk::new();
    let command = Command { shell: Some("bash gen.sh".into()), cwd: ".".into(), ..Command::default() };
    let id = desk.propose(Proposal::new("run", Body::Command(command)), None);
    desk.decide(&id, Verdict::Approve);
    desk.put(Event::Started(Started { action: id.clone(), revision: None, digest: None }));
    let file = |path: &str| {
        let path = RelPath::new(path).unwrap();
        FileOutcome::of(path, FileChange::Modify, Some(Digest::of(b"a\n")), Some(Digest::of(b"b\n")))
    };
    let text = |text: &str| Some(Content::Text(text.to_owned()));
    // A side that is not what the outcome names is none.
    let sides = Sides { path: RelPath::new(CI).unwrap(), before: text("a\n"), after: text("b\n") };
    let wrong = Sides { path: RelPath::new("Makefile").unwrap(), before: text("a\n"), after: text("c\n") };
    desk.put(Event::Finished(Finished {
        files: Some(vec![file(CI), file("Makefile"), file("src/main.rs")]),
        sides: vec![sides, wrong],
        ..Finished::of(id, OutcomeWord::Ok, None)
    }));
    let changes = &desk.entry(0).changes;
    assert_eq!(changes.len(), 2);
    assert_eq!((&changes[0].before, &changes[0].after), (&text("a\n"), &text("b\n")));
    assert_eq!(changes[1].before, text("a\n"));
    assert!(matches!(changes[1].after, Some(Content::Blob { .. })));
}

/// A file that only a link leads to has no guarded name: the rail decides.
#[test]
fn a_rail_at_a_link_has_its_path_and_its_diff() {
    let mut desk = Desk::new();
    let id = desk.edit("notes.txt", "a", "b", None);
    assert_eq!(desk.ledger.entries().len(), 0);
    let digest = desk.session.actions.get(&id).unwrap().action.digest;
    let held = Held { action: id, revision: 1, digest, confirm: None, rail: Some(Rail::GuardedFile) };
    let envelope = Envelope { seq: desk.session.head, at: UnixMs(1), event: Event::Held(held) };
    desk.ledger.apply(&envelope, &desk.session);
    let change = &desk.entry(0).changes[0];
    assert_eq!((change.path.as_str(), &change.after), ("notes.txt", &Some(Content::Text("b".into()))));
}
