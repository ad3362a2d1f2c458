//! Rules that allow, made from a pending action; revoking them; policy files that change while a session runs.

use crate::seat::{Room, Seat, assert_verifies};
use serde_json::{Value, json};

fn policy_file(room: &Room) -> std::path::PathBuf {
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    config.join("policy.toml")
}

fn run(line: &str) -> Value {
    json!({"run": {"command": line}})
}

fn allow(held: &Value, pattern: &str, scope: &str, more: &Value) -> Value {
    let mut params = json!({"action": held["action"], "digest": held["digest"], "patterns": [pattern], "scope": scope});
    for (key, value) in more.as_object().into_iter().flatten() {
        params[key] = value.clone();
    }
    params
}

/// The rule counts for what follows and after a restart of the host; the agent is told of one approval.
#[test]
fn a_rule_made_from_an_action_allows_what_follows_until_it_is_revoked() {
    let room = Room::with(&[]);
    let script = room.script(&[
        run("touch x"),
        run("touch one"),
        run("touch two"),
        run("mkdir sub"),
        json!({"wait_ms": 600_000}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let first = seat.held();
    seat.decide(&first, "deny", json!({"reason": "no"})).unwrap();
    let held = seat.held();
    let preview = seat.ask("policy/allow", allow(&held, "touch one *", "session", &json!({"preview": true})));
    assert_eq!((&preview["covers"], &preview["nearest"]), (&json!([]), &json!("touch x")), "{preview}");
    assert!(preview["rule"].is_null() && seat.count("policy_allowed") == 0);
    for (pattern, scope, more) in [
        ("mkdir *", "session", json!({})),
        ("touch *", "project", json!({})),
        ("touch *", "step", json!({})),
        ("touch *", "session", json!({"minutes": 0})),
        ("touch *", "session", json!({"digest": "0".repeat(64)})),
    ] {
        assert!(seat.try_ask("policy/allow", allow(&held, pattern, scope, &more)).is_err(), "{pattern} {scope} {more}");
    }
    assert_eq!(seat.count("policy_allowed"), 0);
    let made = seat.ask("policy/allow", allow(&held, "touch *", "session", &json!({"minutes": 30})));
    assert_eq!((&made["covers"], &made["refused"]), (&json!(["a1"]), &json!(["a1"])), "{made}");
    assert_eq!(made["rule"], "session:1");
    let by_rule = seat.ever("the next is allowed unasked", |e| e["kind"] == "decided" && e["action"] == "a3");
    assert_eq!(by_rule["by"]["rule"], "session:1");
    let other = seat.held();
    assert_eq!(other["action"], "a4", "another program still asks");
    let list = seat.ask("policy/rules", json!({}));
    let row = &list["rules"][0];
    assert_eq!(
        (&row["text"], &row["uses"], &row["scope"]),
        (&json!("touch *"), &json!(1), &json!("session")),
        "{list}"
    );
    let session = seat.session.clone();
    seat.kill();
    assert_verifies(&room, &session);
    let mut again = Seat::attach(&room, &session);
    again.ask("session/prompt", json!({"text": "once more"}));
    let by_rule = again.ever("it still counts", |e| e["kind"] == "decided" && e["action"] == "a5");
    assert_eq!(by_rule["by"]["rule"], "session:1");
    again.ask("policy/revoke", json!({"rule": "session:1"}));
    assert!(again.try_ask("policy/revoke", json!({"rule": "session:1"})).is_err());
    assert_eq!(again.ask("policy/rules", json!({}))["rules"], json!([]));
    again.ask("session/close", json!({}));
    again.close();
    assert_verifies(&room, &session);
}

#[test]
fn a_kept_rule_is_in_the_users_policy_for_this_workspace_and_leaves_it_again() {
    let room = Room::with(&[]);
    let file = policy_file(&room);
    let own = "# mine\n[[rule]]\nruling = \"deny\"\ncommand = \"curl *\"\n";
    std::fs::write(&file, own).unwrap();
    let script = room.script(&[run("touch one"), run("touch two"), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let made = seat.ask("policy/allow", allow(&held, "touch *", "project", &json!({"minutes": 60})));
    let rule = made["rule"].as_str().unwrap().to_owned();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with(own) && text.contains("workspace = ") && text.contains("until = "), "{text}");
    let by_rule = seat.ever("it counts", |e| e["kind"] == "decided" && e["action"] == "a2");
    assert_eq!(by_rule["by"]["rule"], rule.as_str());
    assert!(seat.try_ask("policy/revoke", json!({"rule": "user:1"})).is_err(), "what you wrote is yours to edit");
    seat.ask("policy/revoke", json!({ "rule": rule }));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), own);
    assert_eq!(seat.wait_kind("policy_revoked")["rule"], rule.as_str());
    seat.ask("session/close", json!({}));
    let (_, events) = seat.close();
    assert!(!events.iter().any(|e| e["kind"] == "policy_reloaded"), "our own writing is not a change of the files");
}

/// A client without control may look, and no more.
#[test]
fn only_a_client_with_control_makes_or_revokes_a_rule() {
    let room = Room::with(&[]);
    let script = room.script(&[run("touch one"), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let mut reader = Seat::attach(&room, &seat.session);
    seat.ask("session/attach", json!({"protocol": {"min": 1, "max": 1}, "control": true}));
    assert!(reader.try_ask("policy/allow", allow(&held, "touch *", "session", &json!({"preview": true}))).is_ok());
    assert!(reader.try_ask("policy/allow", allow(&held, "touch *", "session", &json!({}))).is_err());
    assert!(reader.try_ask("policy/revoke", json!({"rule": "session:1"})).is_err());
    assert!(reader.try_ask("policy/rules", json!({})).is_ok());
    seat.ask("session/close", json!({}));
}

/// A rule of an edit covers other files of its directory, and the lease that took the place of another one covers the rest.
#[test]
fn a_rule_of_an_edit_and_a_lease_that_is_narrowed_count() {
    let room = Room::with(&[("src/a.txt", "one\n"), ("src/b.txt", "one\n"), ("c.txt", "one\n"), ("d.txt", "one\n")]);
    let edit = |path: &str| json!({"edit": {"path": path, "after": "two\n"}});
    let script =
        room.script(&[edit("src/a.txt"), edit("src/b.txt"), edit("c.txt"), edit("d.txt"), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    let with = |paths: Value, preview: bool| json!({"action": held["action"], "digest": held["digest"], "globs": paths, "scope": "session", "preview": preview});
    for paths in [json!([]), json!(["**"]), json!(["src/../**"]), json!(["c.txt"])] {
        assert!(seat.try_ask("policy/allow", with(paths.clone(), false)).is_err(), "{paths}");
    }
    let preview = seat.ask("policy/allow", with(json!(["src/*.txt"]), true));
    assert!(preview["fault"].is_null() && seat.count("policy_allowed") == 0, "{preview}");
    seat.ask("policy/allow", with(json!(["src/*.txt"]), false));
    let by_rule = seat.ever("the next is allowed unasked", |e| e["kind"] == "decided" && e["action"] == "a2");
    assert_eq!(by_rule["by"]["rule"], "session:1");
    let other = seat.held();
    assert_eq!(other["action"], "a3", "a file elsewhere still asks");
    let first = seat.ask("lease/grant", json!({"actions_max": 4}))["lease"].clone();
    let narrow = json!({"paths": ["d.txt"], "actions_max": 1, "replaces": first});
    assert_eq!(seat.ask("lease/grant", narrow.clone())["lease"], "l2");
    assert_eq!(seat.wait_kind("lease_revoked")["lease"], first);
    assert!(seat.try_ask("lease/grant", narrow).is_err(), "it is over");
    seat.approve(&other);
    let by_lease = seat.ever("the rest is covered", |e| e["kind"] == "decided" && e["action"] == "a4");
    assert_eq!(by_lease["by"]["lease"], "l2");
    let session = seat.session.clone();
    seat.kill();
    let mut again = Seat::attach(&room, &session);
    let list = again.ask("policy/rules", json!({}));
    assert_eq!(list["rules"][0]["text"], "src/*.txt", "it is still in force: {list}");
    again.ask("session/close", json!({}));
    again.close();
    assert_verifies(&room, &session);
}

/// What the rule would have let through also counts what was refused in the project's past sessions.
#[test]
fn a_rule_is_compared_with_past_sessions_of_the_project() {
    let room = Room::with(&[]);
    let start = |lines: &[Value]| Seat::start(&room, &["--agent", &room.script(lines)]);
    let mut first = start(&[run("touch a"), run("touch b"), run("mkdir c")]);
    for verdict in ["deny", "approve", "approve"] {
        let held = first.held();
        first.decide(&held, verdict, json!({"reason": "no"})).unwrap();
    }
    first.wait_kind("turn_ended");
    first.ask("session/close", json!({}));
    first.close();
    let mut seat = start(&[run("touch x"), json!({"wait_ms": 600_000})]);
    let held = seat.held();
    let preview = seat.ask("policy/allow", allow(&held, "touch *", "session", &json!({"preview": true})));
    assert_eq!(preview["compared"], 0, "{preview}");
    assert_eq!(preview["past"], json!({"sessions": 1, "compared": 3, "covers": 2, "refused": 1}));
    assert_eq!(seat.count("policy_allowed"), 0);
    seat.ask("session/close", json!({}));
}

/// Nothing is asked, ruled or requested: the change of a file is enough.
#[test]
fn policy_files_are_read_as_soon_as_they_change() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let file = policy_file(&room);
    std::fs::write(&file, "").unwrap();
    let script = room.script(&[run("touch one"), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    seat.held();
    std::fs::write(&file, "[[rule]]\nruling = \"no\"\n").unwrap();
    let reloaded = seat.wait_kind("policy_reloaded");
    assert!(reloaded["fault"].as_str().unwrap().contains("everything asks"), "{reloaded}");
    std::fs::write(&file, "[[rule]]\nruling = \"deny\"\ncommand = \"touch *\"\n").unwrap();
    let denied = seat.ever("what is held is denied", |e| e["kind"] == "decided" && e["action"] == "a1");
    assert_eq!((&denied["verdict"], &denied["by"]["rule"]), (&json!("deny"), &json!("user:1")));
    room.write(".rightseat/policy.toml", "[[rule]]\nruling = \"allow\"\ncommand = \"ls\"\n");
    let alarm = seat.ever("the project's file fails closed", |e| {
        e["kind"] == "alarm"
            && e["what"] == "policy"
            && e["text"].as_str().is_some_and(|text| text.contains(".rightseat"))
    });
    assert!(alarm["text"].as_str().unwrap().contains("may only ask or deny"), "{alarm}");
    seat.ask("session/close", json!({}));
}

#[test]
fn policy_files_are_read_again_and_a_broken_one_makes_everything_ask() {
    let room = Room::with(&[]);
    let file = policy_file(&room);
    let rules =
        "[[rule]]\nruling = \"allow\"\ncommand = \"touch *\"\n[[rule]]\nruling = \"deny\"\ncommand = \"mkdir *\"\n";
    std::fs::write(&file, rules).unwrap();
    let lines = [run("chmod +x none"), run("touch b"), run("mkdir c"), run("touch d"), json!({"wait_ms": 600_000})];
    let script = room.script(&lines);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    std::fs::write(&file, format!("{rules}[[rule]]\nruling = \"no\"\n")).unwrap();
    seat.decide(&held, "deny", json!({"reason": "no"})).unwrap();
    let alarm = seat.ever("the fault is named", |e| e["kind"] == "alarm" && e["what"] == "policy");
    let text = alarm["text"].as_str().unwrap();
    assert!(text.contains("policy.toml:8:") && text.contains("everything asks"), "{text}");
    let held = seat.held();
    assert_eq!(held["action"], "a2", "what was allowed asks");
    std::fs::write(&file, rules).unwrap();
    seat.approve(&held);
    let denied = seat.ever("a rule denies again", |e| e["kind"] == "decided" && e["action"] == "a3");
    assert_eq!((&denied["verdict"], &denied["by"]["rule"]), (&json!("deny"), &json!("user:2")));
    seat.ever("and allows", |e| e["kind"] == "decided" && e["action"] == "a4" && e["by"]["rule"] == "user:1");
    assert_eq!(seat.count("policy_reloaded"), 2);
    seat.ask("session/close", json!({}));
}

/// What a project's file forbids cannot be lifted by whoever can write the project's files.
#[test]
fn a_project_file_that_is_removed_still_counts_in_the_session() {
    let room = Room::with(&[(".rightseat/policy.toml", "[[rule]]\nruling = \"deny\"\ncommand = \"touch *\"\n")]);
    let script = room.script(&[run("mkdir c"), run("touch b"), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    std::fs::remove_file(room.workspace().join(".rightseat/policy.toml")).unwrap();
    seat.approve(&held);
    let denied = seat.ever("it is denied", |e| e["kind"] == "decided" && e["action"] == "a2");
    assert_eq!(denied["by"]["rule"], "project:1");
    seat.ask("session/close", json!({}));
}

#[test]
fn a_rule_that_ends_inside_a_word_is_named_at_the_start() {
    let room = Room::with(&[]);
    std::fs::write(policy_file(&room), "[[rule]]\nid = \"tests\"\nruling = \"allow\"\ncommand = \"cargo test*\"\n")
        .unwrap();
    let script = room.script(&[json!({"say": "hello"})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let alarm = seat.ever("the warning", |e| e["kind"] == "alarm" && e["what"] == "policy");
    assert!(alarm["text"].as_str().unwrap().contains("cargo test-evil"), "{alarm}");
}
