//! The policy as a whole: attacks, ordinary work, and that the order of rules means nothing.

mod deny;
mod disk;
mod everyday;
mod rails;

pub(super) use disk::Files;

use super::*;
use crate::model::event::{Envelope, Ruled};
use crate::policy::ask::check::answer;
use proptest::prelude::*;
use std::path::Path;

fn tests() -> Vec<Vec<String>> {
    vec![vec!["cargo".into(), "test".into()]]
}

fn judged(policy: &Policy, line: &str) -> Judged {
    policy.judge(&Matter::line(line, Path::new("/w")), &Place::of("/w"))
}

/// Answers of a corpus that are not as they should be.
fn faults(corpus: &str, is_fault: impl Fn(RulingWord) -> bool) -> Vec<String> {
    faults_at(corpus, &Place::of("/home/me/w"), is_fault)
}

fn faults_at(corpus: &str, place: &Place<'_>, is_fault: impl Fn(RulingWord) -> bool) -> Vec<String> {
    let policy = Policy::builtin(tests());
    let mut faults = Vec::new();
    for line in corpus.lines() {
        let asked: serde_json::Value = serde_json::from_str(line).unwrap();
        let found = answer(&policy, line, place);
        assert_eq!(found.id, asked["id"]);
        let class = asked.get("class").and_then(|c| c.as_str());
        if is_fault(found.ruling) || class.is_some_and(|c| c != found.class.as_str()) {
            faults.push(format!("{line}\n    {found:?}"));
        }
    }
    faults
}

/// Every way past a gate that we know of: by prefix, quoting, wrapping, encoding, by name, and by the options of tools
/// that somebody's harmless rule names.
#[test]
fn no_attack_is_allowed() {
    let corpora = [
        include_str!("../../../tests/fixtures/policy/attacks.jsonl"),
        include_str!("../../../tests/fixtures/policy/bypasses.jsonl"),
    ];
    assert!(corpora.iter().map(|c| c.lines().count()).sum::<usize>() >= 2_600);
    let allowed: Vec<String> =
        corpora.iter().flat_map(|corpus| faults(corpus, |word| word == RulingWord::Allow)).collect();
    assert!(allowed.is_empty(), "{}:\n{}", allowed.len(), allowed.join("\n"));
}

#[test]
fn ordinary_work_is_not_held_up() {
    let corpora = [
        include_str!("../../../tests/fixtures/policy/ordinary.jsonl"),
        include_str!("../../../tests/fixtures/policy/honest.jsonl"),
    ];
    let held: Vec<String> =
        corpora.iter().flat_map(|corpus| faults(corpus, |word| word != RulingWord::Allow)).collect();
    assert!(held.is_empty(), "{}:\n{}", held.len(), held.join("\n"));
}

const RULES: [&str; 8] = [
    "id = \"a\"\nruling = \"allow\"\ncommand = \"cargo *\"\n",
    "id = \"b\"\nruling = \"ask\"\ncommand = \"cargo run *\"\n",
    "id = \"c\"\nruling = \"deny\"\ncommands = [\"rm -rf *\", \"cargo publish *\"]\n",
    "id = \"d\"\nruling = \"allow\"\ncommand = \"rm *\"\n",
    "id = \"e\"\nruling = \"allow\"\nkinds = [\"edit\"]\npaths = [\"docs/**\", \".github/**\"]\n",
    "id = \"f\"\nruling = \"deny\"\nkinds = [\"edit\", \"delete\"]\npaths = [\"docs/frozen/**\"]\n",
    "id = \"g\"\nruling = \"ask\"\npaths = [\"docs/a*\"]\n",
    "id = \"h\"\nruling = \"deny\"\nkinds = [\"network\"]\n",
];

const LINES: [&str; 12] = [
    "cargo check",
    "cargo run --bin x",
    "cargo publish",
    "rm a",
    "rm -rf a",
    "sudo rm -rf a",
    "cargo check && rm -rf a",
    "echo x > docs/frozen/y",
    "cat docs/frozen/y",
    "bash -c 'rm -rf x'",
    "echo $(rm -rf x)",
    "ls docs/abc",
];

fn with_rules(order: &[usize]) -> Policy {
    let text: String = order.iter().map(|n| format!("[[rule]]\n{}", RULES[*n])).collect();
    let (policy, fault) = Policy::with_file(tests(), "policy.toml", &text);
    assert_eq!(fault, None);
    policy
}

fn matters() -> Vec<Matter> {
    let path = |op, path: &str| Matter::Path { op, path: path.into(), cwd: "/w".into(), spares: None };
    LINES
        .iter()
        .map(|line| Matter::line(line, Path::new("/w")))
        .chain([
            path(Op::Write, "docs/x"),
            path(Op::Write, "docs/frozen/x"),
            path(Op::Write, "docs/Frozen/x"),
            path(Op::Write, ".github/x.yml"),
            path(Op::Delete, "docs/frozen/x"),
            path(Op::Read, "docs/frozen/x"),
            path(Op::Read, "docs/abc"),
            Matter::Network("https://example.com".into()),
            Matter::Plan,
        ])
        .collect()
}

#[test]
fn the_most_restrictive_rule_wins() {
    let policy = with_rules(&[0, 1, 2, 3, 4, 5, 6, 7]);
    let found: Vec<String> = matters()
        .iter()
        .map(|m| policy.judge(m, &Place::of("/w")))
        .map(|j| format!("{:?} {}", j.word, j.rule))
        .collect();
    let expect = [
        "Allow user:a",
        "Ask user:b",
        "Deny user:c",
        "Allow user:d",
        "Deny user:c",
        "Deny user:c",
        "Deny user:c",
        "Deny user:f",
        "Allow read-inside",
        "Deny user:c",
        "Deny user:c",
        "Ask user:g",
        "Allow user:e",
        "Deny user:f",
        "Deny user:f",
        "Ask guarded-path",
        "Deny user:f",
        "Allow read-inside",
        "Ask user:g",
        "Deny user:h",
        "Ask no-rule",
    ];
    assert_eq!(found, expect);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_order_of_rules_means_nothing(order in Just((0..RULES.len()).collect::<Vec<_>>()).prop_shuffle(), take in 0..=RULES.len()) {
        let mut some = order.get(..take).unwrap().to_vec();
        let shuffled = with_rules(&some);
        some.sort_unstable();
        let sorted = with_rules(&some);
        for matter in matters() {
            prop_assert_eq!(shuffled.judge(&matter, &Place::of("/w")), sorted.judge(&matter, &Place::of("/w")));
        }
    }

    /// One more tightening rule never loosens anything.
    #[test]
    fn rules_that_tighten_only_tighten(take in prop::collection::vec(0..RULES.len(), 0..5)) {
        let mut some = take;
        some.sort_unstable();
        some.dedup();
        let rank = |w: RulingWord| match w { RulingWord::Allow => 0, RulingWord::Ask => 1, RulingWord::Deny => 2 };
        let before = with_rules(&some);
        for tightening in [1, 2, 5, 6, 7].into_iter().filter(|t| !some.contains(t)) {
            let mut more = some.clone();
            more.push(tightening);
            let after = with_rules(&more);
            for matter in matters() {
                let (a, b) = (before.judge(&matter, &Place::of("/w")).word, after.judge(&matter, &Place::of("/w")).word);
                prop_assert!(rank(b) >= rank(a));
            }
        }
    }

    #[test]
    fn judging_never_panics(line in "[ -~\n\t$`'\"(){}<>|&;*é\u{200b}]{0,80}", path in "[ -~/.é\u{200b}]{0,40}") {
        let policy = Policy::builtin(tests());
        let _ = judged(&policy, &line);
        for op in [Op::Read, Op::Write, Op::Delete] {
            let _ = policy.judge(&Matter::Path { op, path: path.clone(), cwd: "/w".into(), spares: None }, &Place::of("/w"));
        }
    }
}

#[test]
fn a_broken_file_asks_about_everything_and_still_denies() {
    let (policy, fault) = Policy::with_file(tests(), "policy.toml", "[[rule]]\nruling = \"alow\"\n");
    assert!(fault.unwrap().to_string().starts_with("policy.toml:2:10:"));
    assert!(policy.broken().is_some());
    let ls = judged(&policy, "ls");
    assert_eq!((ls.word, ls.rule.as_str()), (RulingWord::Ask, "policy-broken"));
    let place = Place { own: vec!["/w/.state".into()], ..Place::of("/w") };
    let own =
        policy.judge(&Matter::Path { op: Op::Write, path: ".state/x".into(), cwd: "/w".into(), spares: None }, &place);
    assert_eq!(own.word, RulingWord::Deny);
}

#[test]
fn a_project_may_only_tighten() {
    let user = Policy::builtin(tests());
    let (project, fault) = user.with_project("p.toml", "[[rule]]\nruling = \"deny\"\ncommand = \"ls *\"\n");
    assert_eq!((fault, judged(&project, "ls src").word), (None, RulingWord::Deny));
    let (project, fault) = user.with_project("p.toml", "[[rule]]\nruling = \"allow\"\ncommand = \"id\"\n");
    assert!(fault.unwrap().to_string().contains("may only ask or deny"));
    assert_eq!((judged(&project, "id").word, judged(&project, "ls").word), (RulingWord::Ask, RulingWord::Ask));
    let guarded = user.with_guarded(&["schema/**".into()]).unwrap();
    let (guarded_allow, _) =
        Policy::with_file(tests(), "u", "[[rule]]\nruling = \"allow\"\nkinds = [\"edit\"]\npaths = [\"**\"]\n");
    let guarded_allow = guarded_allow.with_guarded(&["schema/**".into()]).unwrap();
    let write = |policy: &Policy, path: &str| {
        policy
            .judge(&Matter::Path { op: Op::Write, path: path.into(), cwd: "/w".into(), spares: None }, &Place::of("/w"))
    };
    assert_eq!(write(&guarded_allow, "schema/a.sql").rule, "guarded:config");
    assert_eq!(write(&guarded_allow, "src/a.rs").word, RulingWord::Allow);
    assert_eq!(judged(&guarded, "cat schema/a.sql").word, RulingWord::Allow);
    assert_eq!(judged(&guarded, "touch schema/a.sql").rule, "guarded:config");
}

#[test]
fn whatever_rulings_depend_on_is_in_the_digest() {
    let base = Policy::builtin(tests());
    let others = [
        Policy::builtin(Vec::new()),
        with_rules(&[0]),
        with_rules(&[1]),
        base.with_guarded(&["a".into()]).unwrap(),
        base.with_patterns(&["a".into()]),
        base.with_project("p", "# x\n").0,
    ];
    for (n, one) in others.iter().enumerate() {
        assert_ne!(one.digest(), base.digest(), "{n}");
        assert!(others.iter().skip(n + 1).all(|o| o.digest() != one.digest()), "{n}");
    }
    assert_eq!(Policy::builtin(tests()).digest(), base.digest());
}

#[test]
fn a_dry_run_shows_what_would_change() {
    let line = |seq: u64, text: &str| Envelope::from_json(&format!(r#"{{"seq":{seq},"at":1,{text}}}"#)).unwrap();
    let digest = Digest::of(b"");
    let proposed = |seq, id: &str, shell: &str| {
        line(
            seq,
            &format!(
                r#""kind":"proposed","action":{{"id":"{id}","revision":1,"kind":"command","title":"t","digest":"{digest}","command":{{"shell":"{shell}","cwd":"."}}}}"#
            ),
        )
    };
    let ruled = |seq, id: &str| Envelope {
        event: crate::model::event::Event::Ruled(Ruled {
            action: id.into(),
            ruling: RulingWord::Ask,
            rule: "no-rule".into(),
            reason: String::new(),
        }),
        ..line(seq, r#""kind":"resumed""#)
    };
    let past = [
        line(
            1,
            &format!(
                r#""kind":"session_opened","session":"s","workspace":"/w","agent":{{"name":"a","level":"full","isolation":"gated"}},"mode":"step","policy_digest":"{digest}","version":"1""#
            ),
        ),
        proposed(2, "a1", "cargo check"),
        ruled(3, "a1"),
        proposed(4, "a2", "rm -rf x"),
        ruled(5, "a2"),
        proposed(6, "a3", "frobnicate"),
        ruled(7, "a3"),
    ];
    let tried = dry_run::dry_run(&with_rules(&[0, 2]), &past);
    let told: Vec<(u64, bool, RulingWord)> = tried.iter().map(|t| (t.seq.0, t.changes(), t.now.word)).collect();
    assert_eq!(told, [(2, true, RulingWord::Allow), (4, true, RulingWord::Deny), (6, false, RulingWord::Ask)]);
}
