//! Isolation by a private copy: nothing the agent writes there reaches the workspace but through the gate.

use crate::seat::{Scene, done, edit_call};
use rightseat::model::event::Isolation;
use serde_json::json;

fn copied(turns: serde_json::Value) -> Scene {
    let mut scene = Scene::of(turns).with(&[("a.txt", "old\n"), ("b.txt", "b\n")]);
    scene.isolation = Isolation::Copy;
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_writes_unasked_waits_at_the_gate() {
    let turns = json!([[{"say": "I just do it."}, {"write": "a.txt", "content": "new\n"}, {"write": "c.txt", "content": "c\n"}, {"delete": "b.txt"}]]);
    let mut s = copied(turns).start().await;
    let held = s.held().await;
    assert_eq!(s.file("a.txt").unwrap(), "old\n");
    let paths: Vec<_> =
        held.action["files"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap().to_owned()).collect();
    assert_eq!(paths, ["a.txt", "b.txt", "c.txt"]);
    s.approve(&held).await;
    s.wait_kind("finished").await;
    assert_eq!(
        (s.file("a.txt").unwrap().as_str(), s.file("b.txt"), s.file("c.txt").as_deref()),
        ("new\n", None, Some("c\n"))
    );
    assert_eq!(s.alarms("unsupervised").len(), 1, "that it did not ask is said once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deny_puts_the_copy_back_and_the_reason_is_told() {
    let turns = json!([[{"write": "a.txt", "content": "new\n"}], [{"fs_read": "a.txt"}]]);
    let mut s = copied(turns).start().await;
    let held = s.held().await;
    s.decide(&held, "deny", json!({"reason": "leave a alone"})).await;
    s.prompt("go on").await;
    s.wait("the second prompt's end", |e| e["kind"] == "turn_ended" && e["turn"] == "t2").await;
    assert_eq!(s.file("a.txt").unwrap(), "old\n");
    assert!(s.prompts()[1].contains("leave a alone"), "{:?}", s.prompts());
    assert!(
        s.answers().iter().any(|a| a["result"]["content"] == "old\n"),
        "the copy is as the workspace again: {:?}",
        s.answers()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asked_edit_is_one_question_and_paths_are_the_humans() {
    let turns = json!([[{"permission": edit_call("t1", "a.txt", Some("old\n"), "new\n"),
        "then": [{"write": "a.txt", "content": "new\n"}, done("t1")], "else": []}, {"say": "wrote $CWD/a.txt"}, {"sleep_ms": 100}]]);
    let mut s = copied(turns).start().await;
    let held = s.held().await;
    assert_eq!(held.file()["path"], "a.txt");
    s.approve(&held).await;
    s.turn_ends().await;
    assert_eq!(s.file("a.txt").unwrap(), "new\n");
    assert_eq!(s.count("held"), 1);
    let root = s.root().canonicalize().unwrap().display().to_string();
    let said: String = s.events.iter().filter(|e| e["kind"] == "said").map(|e| e["text"].as_str().unwrap()).collect();
    assert!(said.contains(&format!("wrote {root}/a.txt")), "{said}");
    let new = s.heard().into_iter().find(|m| m["method"] == "session/new").unwrap();
    assert_ne!(new["params"]["cwd"].as_str().unwrap(), root, "it works in the copy");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_humans_version_replaces_the_agents_in_both_places() {
    let turns = json!([[{"permission": edit_call("t1", "a.txt", Some("old\n"), "new\n"),
        "then": [{"write": "a.txt", "content": "new\n"}, done("t1")], "else": []}], [{"fs_read": "a.txt"}]]);
    let mut s = copied(turns).start().await;
    let held = s.held().await;
    s.approve_as(&held, "a.txt", "mine\n").await;
    s.turn_ends().await;
    assert_eq!(s.file("a.txt").unwrap(), "mine\n");
    assert!(s.answers().iter().any(|a| a["result"]["content"] == "mine\n"), "{:?}", s.answers());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_hunk_of_its_changes_is_taken_and_the_agent_hears_of_the_rest() {
    let lines = |second: &str, last: &str| {
        let middle: String = (0..20).map(|n| format!("line {n}\n")).collect();
        format!("first\n{second}\n{middle}{last}\n")
    };
    let old: &'static str = lines("b", "z").leak();
    let turns = json!([[{"write": "a.txt", "content": lines("B", "Z")}], [{"fs_read": "a.txt"}]]);
    let mut scene = copied(turns);
    scene.files = vec![("a.txt", old)];
    let mut s = scene.start().await;
    let held = s.held().await;
    s.decide(&held, "approve", json!({"hunks": [0]})).await;
    s.wait_kind("finished").await;
    assert_eq!(s.file("a.txt").unwrap(), lines("B", "z"));
    s.prompt("go on").await;
    s.wait("the second prompt's answer", |e| e["kind"] == "turn_ended" && e["turn"] == "t2").await;
    assert!(s.prompts()[1].contains("changed before it was applied"), "{:?}", s.prompts());
    assert!(s.answers().iter().any(|a| a["result"]["content"] == lines("B", "z")), "{:?}", s.answers());
}

fn noted(s: &crate::seat::Session, what: &str) -> String {
    let notes = s.events.iter().filter(|e| e["kind"] == "agent_noted" && e["what"] == what);
    notes.map(|e| e["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join("\n")
}

fn proposed(held: &crate::seat::Held) -> Vec<String> {
    let files = held.action["files"].as_array().unwrap();
    files.iter().map(|f| format!("{} {}", f["change"].as_str().unwrap(), f["path"].as_str().unwrap())).collect()
}

/// Every file by which an agent could say what counts, and none of them does.
#[tokio::test(flavor = "multi_thread")]
async fn ignore_rules_and_marks_in_the_copy_delete_and_hide_nothing() {
    let turns = json!([[
        {"write": ".gitignore", "content": ".env\nnotes/\nsrc/\n"},
        {"write": ".git/info/exclude", "content": "*\n"},
        {"write": "src/CACHEDIR.TAG", "content": "Signature: 8a477f597d28d172789f06886806bc55\n"},
        {"write": "src/pyvenv.cfg", "content": ""},
        {"write": "src/.git/HEAD", "content": "ref: refs/heads/main\n"},
        {"write": "src/main.rs", "content": "changed\n"}]]);
    let mut scene = copied(turns);
    scene.files = vec![(".env", "k\n"), ("notes/mine.md", "m\n"), ("src/main.rs", "m\n"), ("src/lib.rs", "l\n")];
    let mut s = scene.start().await;
    let held = s.held().await;
    assert_eq!(
        proposed(&held),
        ["create .gitignore", "create src/CACHEDIR.TAG", "modify src/main.rs", "create src/pyvenv.cfg"]
    );
    s.approve(&held).await;
    s.wait_kind("finished").await;
    for kept in [".env", "notes/mine.md", "src/lib.rs"] {
        assert!(s.file(kept).is_some(), "{kept} is gone");
    }
    assert_eq!(s.file("src/main.rs").unwrap(), "changed\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_ignored_files_are_proposed_or_named() {
    let turns = json!([[
        {"write": ".env", "content": "k=2\n"},
        {"write": "out/n.txt", "content": "n\n"},
        {"write": "node_modules/left/index.js", "content": "x\n"},
        {"sleep_ms": 50}]]);
    let mut scene = copied(turns);
    scene.files = vec![(".gitignore", ".env\nout/\n"), (".env", "k=1\n"), ("a.txt", "a\n")];
    let mut s = scene.start().await;
    let held = s.held().await;
    assert_eq!(proposed(&held), ["modify .env", "create out/n.txt"]);
    s.approve(&held).await;
    s.wait_kind("finished").await;
    assert_eq!((s.file(".env").as_deref(), s.file("out/n.txt").as_deref()), (Some("k=2\n"), Some("n\n")));
    let text = noted(&s, "copy");
    assert!(text.contains("stay in the agent's private copy: node_modules: "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_that_cannot_be_carried_over_keeps_no_other_back() {
    let turns = json!([[
        {"sparse": "sparse", "bytes": 8_u64 << 30},
        {"pipe": "pipe"},
        {"link": "away", "to": "/etc"},
        {"delete": "b.txt"}, {"pipe": "b.txt"},
        {"write": "a.txt", "content": "new\n"}]]);
    let began = std::time::Instant::now();
    let mut s = copied(turns).start().await;
    let held = s.held().await;
    assert_eq!(proposed(&held), ["modify a.txt", "create away"]);
    assert_eq!(held.action["files"][1]["after"], "/etc", "{}", held.action);
    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
    s.approve(&held).await;
    s.wait_kind("finished").await;
    let text = noted(&s, "copy");
    for named in ["sparse: ", "b.txt: "] {
        assert!(text.contains(named), "{named} in {text}");
    }
    assert_eq!(std::fs::read_link(s.root().join("away")).unwrap(), std::path::Path::new("/etc"));
    assert_eq!((s.file("a.txt").as_deref(), s.file("b.txt").as_deref()), (Some("new\n"), Some("b\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn permission_bits_are_proposed_and_carried_over() {
    use std::os::unix::fs::PermissionsExt as _;
    let turns = json!([[{"chmod": "a.txt", "bits": "0755"}, {"write": "run.sh", "content": "x\n"}, {"chmod": "run.sh", "bits": "0755"}]]);
    let mut s = copied(turns).start().await;
    let held = s.held().await;
    assert_eq!(proposed(&held), ["modify a.txt", "create run.sh"]);
    assert_eq!(held.action["files"][0]["after_node"]["mode"], "0755");
    s.approve(&held).await;
    let finished = s.wait_kind("finished").await;
    assert_eq!(finished["files"][0]["after_node"]["mode"], "0755");
    for path in ["a.txt", "run.sh"] {
        let mode = s.root().join(path).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755, "{path}");
    }
}
