//! What an agent does in the workspace behind the supervisor's back is seen, wherever it does it.

use crate::seat::Scene;
use serde_json::json;

async fn seen(turns: serde_json::Value, paths: &[&str]) {
    let files = [
        (".gitignore", ".env\nbuild/\n"),
        (".git/HEAD", "ref: x\n"),
        (".git/config", "c\n"),
        (".env", "k=1\n"),
        ("a", "a\n"),
    ];
    let mut s = Scene::of(turns).with(&files).start().await;
    let turn = s.turn_ends().await;
    let before = |e: &&serde_json::Value| e["seq"].as_u64() < turn["seq"].as_u64();
    for path in paths {
        let is_seen =
            |e: &serde_json::Value| e["kind"] == "observed" && e["path"] == *path && e["by"] == "unsupervised";
        let is_alarm = |e: &serde_json::Value| e["kind"] == "alarm" && e["text"].to_string().contains(path);
        assert!(s.events.iter().filter(before).any(is_seen), "{path} is observed: {:?}", s.events);
        assert!(s.events.iter().filter(before).any(is_alarm), "an alarm about {path}: {:?}", s.events);
    }
    let stores = s.events.iter().filter(|e| e["kind"] == "observed" && e["path"].to_string().contains(".git/objects"));
    assert_eq!(stores.count(), 0, "git's store is its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_and_settings_of_git_raise_an_alarm() {
    let turns = json!([[
        {"write": ".git/hooks/pre-commit", "content": "#!/bin/sh\n"},
        {"sleep_ms": 900},
        {"write": ".git/config", "content": "[core]\n\tfsmonitor = ./x\n"},
        {"sleep_ms": 900},
        {"write": ".git/info/attributes", "content": "* filter=x\n"},
        {"write": ".git/objects/ab/cd", "content": "o"},
        {"sleep_ms": 900},
        {"write": "sub/.git/hooks/post-checkout", "content": "#!/bin/sh\n"},
        {"sleep_ms": 3000}]]);
    let paths = [".git/hooks/pre-commit", ".git/config", ".git/info/attributes", "sub/.git/hooks/post-checkout"];
    seen(turns, &paths).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ignored_files_raise_an_alarm() {
    let turns = json!([[
        {"write": ".env", "content": "k=2\n"},
        {"sleep_ms": 900},
        {"write": "build/out.js", "content": "x\n"},
        {"sleep_ms": 900},
        {"write": "src/node_modules/x.js", "content": "x\n"},
        {"sleep_ms": 1500}]]);
    seen(turns, &[".env", "build/out.js", "src/node_modules/x.js"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_like_our_own_temporary_ones_hide_nothing() {
    let own = format!(".rightseat-{}-1.tmp", std::process::id());
    let turns = json!([[{"write": ".rightseat-1-1.tmp", "content": "x\n"}, {"write": own, "content": "x\n"}, {"sleep_ms": 3000}]]);
    seen(turns, &[".rightseat-1-1.tmp", &own]).await;
}

/// The same bytes with other bits are not what an approved edit left.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_made_executable_unasked_is_seen() {
    seen(json!([[{"chmod": "a", "bits": "0755"}, {"sleep_ms": 3000}]]), &["a"]).await;
}
