//! Guard rails: alarms, one decision at a time, and the agent asked for its reason.

use crate::seat::{Room, Seat, only_session};
use serde_json::{Value, json};
use std::path::Path;

const CI: &str = ".github/workflows/ci.yml";

fn of<'a>(seat: &'a Seat, kind: &str, action: &Value) -> Vec<&'a Value> {
    seat.events.iter().filter(|e| e["kind"] == kind && e["action"] == *action).collect()
}

#[test]
fn a_guarded_edit_without_a_reason_is_asked_about_once_and_can_be_decided_meanwhile() {
    let room = Room::with(&[(CI, "on: push\n"), ("Cargo.lock", "a\n")]);
    let script = room.script(&[
        json!({"edit": {"path": CI, "after": "on: [push, schedule]\n"}}),
        json!({"edit": {"path": CI, "after": "on: pull_request\n", "why": "forks were not built"}}),
        json!({"edit": {"path": "Cargo.lock", "after": "b\n", "why": "serde 1.0.200"}}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    assert_eq!((&held["rail"], &held["confirm"]), (&json!("guarded_file"), &json!("ci.yml")));
    let asked = seat.wait_kind("explained");
    assert_eq!(asked["action"], held["action"]);
    assert!(asked["text"].as_str().unwrap().contains("was asked for its reason"), "{asked}");
    seat.decide(&held, "approve", json!({"confirm": "ci.yml"})).unwrap();
    seat.finished(&held["action"]);
    let second = seat.held();
    assert_eq!(second["confirm"], "ci.yml");
    seat.decide(&second, "deny", json!({"reason": "no"})).unwrap();
    // A lockfile raises an alarm and is decided alone, without a word; a lease does not cover it.
    seat.ask("lease/grant", json!({"actions_max": 5}));
    let third = seat.held();
    assert_eq!((&third["rail"], &third["confirm"]), (&json!("guarded_file"), &Value::Null));
    assert!(seat.try_ask("gate/step", json!({})).is_err(), "the step key does not cover it");
    seat.approve(&third);
    seat.finished(&third["action"]);
    assert_eq!(of(&seat, "explained", &held["action"]).len(), 1);
    assert_eq!(of(&seat, "explained", &second["action"]).len() + of(&seat, "explained", &third["action"]).len(), 0);
    for one in [&held, &second, &third] {
        let alarms = of(&seat, "alarm", &one["action"]);
        assert!(alarms.iter().any(|alarm| alarm["what"] == "guard_rail"), "{one}: {alarms:?}");
    }
}

#[test]
fn the_result_of_a_command_is_split_at_the_guard_rails() {
    let npm = "{\"scripts\": {\"test\": \"x\"}, \"dependencies\": {\"a\": \"1\"}}\n";
    let files = [("package.json", npm), ("sub/package.json", npm), ("Cargo.lock", "a\n"), ("Dockerfile", "FROM a\n")];
    let room = Room::with(&files);
    if !room.is_layered() {
        return;
    }
    let line = "sh gen.sh";
    let generator = "#!/bin/sh\nsed -i s/'\"1\"'/'\"2\"'/ package.json; sed -i s/x/evil/ sub/package.json\n\
                     echo b > Cargo.lock; ln -sf Cargo.lock link; mv Dockerfile old.txt; git config core.hooksPath x; echo n > new.txt\n";
    room.write("gen.sh", generator);
    let script = room.script(&[json!({"run": {"command": line, "why": "regenerate"}}), json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    assert_eq!(held.get("rail"), None, "{held}");
    seat.approve(&held);
    seat.finished(&held["action"]);
    let rest = seat.held();
    assert_eq!(rest["rail"], "guarded_file");
    let proposal = seat.proposal(&rest["action"]);
    assert!(proposal["rationale"]["text"].as_str().unwrap().ends_with(": regenerate"), "{proposal}");
    let mut paths: Vec<&str> =
        proposal["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["Cargo.lock", "Dockerfile", "sub/package.json"]);
    // What is everyday came through.
    assert!(room.read("package.json").contains("\"2\"") && room.exists("new.txt") && room.exists("old.txt"));
    assert!(room.read("sub/package.json").contains("\"x\""));
    assert_eq!(of(&seat, "explained", &rest["action"]), Vec::<&Value>::new(), "the command's reason counts");
}

/// Fakes in this directory: each writes its words to a file in the workspace.
fn tools(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    for name in ["terraform", "kubectl"] {
        let fake = format!("#!/bin/sh\necho \"{name} $*\" >> \"$PWD/calls.txt\"\necho \"ran $*\"\n");
        std::fs::write(dir.join(name), fake).unwrap();
        std::fs::set_permissions(dir.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
}

/// Starts with this directory in front of PATH.
fn start(room: &Room, script: &str, tools: &Path) -> Seat {
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let mut command = room.command(&["--headless", "--agent", script]);
    command.env("PATH", path);
    Seat::start_by(command)
}

#[test]
fn infrastructure_is_tried_first_typed_verified_and_never_in_a_rule() {
    let room = Room::with(&[]);
    let bin = room.dir.path().join("bin");
    tools(&bin);
    let script = room.script(&[
        json!({"run": {"command": "terraform apply -auto-approve", "why": "new queue"}}),
        json!({"run": {"command": "kubectl -n prod delete pod x"}}),
        json!({"wait_ms": 600_000}),
    ]);
    let mut seat = start(&room, &script, &bin);
    let held = seat.held();
    assert_eq!((&held["rail"], &held["confirm"]), (&json!("infrastructure"), &json!("apply")));
    let (action, digest) = (held["action"].clone(), held["digest"].clone());
    let rule =
        json!({"action": action, "digest": digest, "scope": "session", "patterns": ["terraform apply -auto-approve"]});
    let refused = seat.try_ask("policy/allow", rule).unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("guard rail"), "{refused}");
    seat.ask("lease/grant", json!({"commands": ["terraform apply -auto-approve", "kubectl -n prod delete pod x"]}));
    let own = seat.ask("candidate/test", json!({"action": action, "digest": digest}));
    let tried = seat.finished(&own["action"]);
    assert_eq!((&tried["layer"]["dry_run"], &tried["layer"]["previews"]), (&json!(true), &action));
    // It may run code of the workspace: only in a layer, and nothing is kept.
    assert!(!room.exists("calls.txt"), "{tried}");
    if room.is_layered() {
        assert_eq!((&tried["exit"], &tried["apart"]), (&json!(0), &json!(true)), "{tried}");
        let would = &tried["layer"]["would"][0];
        assert!(would["hunks"].as_str().unwrap().contains("+terraform plan\n"), "{tried}");
    } else {
        assert_eq!((&tried["outcome"], tried.get("exit")), (&json!("failed"), None), "{tried}");
    }
    assert!(seat.decide(&held, "approve", json!({"confirm": "yes"})).is_err());
    seat.decide(&held, "approve", json!({"confirm": "apply"})).unwrap();
    seat.finished(&action);
    let told = seat.ever("the question", |e| {
        e["kind"] == "told" && e["action"] == action && e["text"].as_str().unwrap().contains("verifies")
    });
    assert!(told["text"].as_str().unwrap().contains("terraform plan -detailed-exitcode"), "{told}");
    let second = seat.held();
    assert_eq!(
        (&second["rail"], &second["confirm"]),
        (&json!("infrastructure"), &json!("apply")),
        "no lease covers it"
    );
    assert!(seat.try_ask("gate/step", json!({})).is_err());
    seat.decide(&second, "deny", json!({"reason": "no"})).unwrap();
    assert!(!room.read("calls.txt").contains("kubectl"));
}

/// The key that tries an action runs no program of the workspace, and no flag of the agent's makes it real.
#[test]
fn a_dry_run_is_neither_real_nor_a_way_to_run_the_workspace() {
    let room = Room::with(&[("x.yaml", "a: b\n")]);
    let (bin, own) = (room.dir.path().join("bin"), room.workspace().join("bin"));
    tools(&bin);
    tools(&own);
    let commands = [
        json!("./bin/kubectl apply -f x.yaml"),
        json!("python3 bin/kubectl apply -f x.yaml"),
        json!("npm publish -- --no-dry-run"),
        json!("kubectl apply -f x.yaml --dry-run=none"),
    ];
    let mut lines: Vec<Value> =
        commands.iter().map(|command| json!({"run": {"command": command, "why": "x"}})).collect();
    lines.push(json!({"wait_ms": 600_000}));
    let script = room.script(&lines);
    let mut seat = start(&room, &script, &bin);
    for command in &commands {
        let held = seat.held();
        assert_eq!(held["rail"], "infrastructure", "{command}");
        let asked = seat.try_ask("candidate/test", json!({"action": held["action"], "digest": held["digest"]}));
        if *command != commands[3] {
            assert!(asked.unwrap_err()["message"].as_str().unwrap().contains("cannot be tried"), "{command}");
        } else {
            let tried = asked.unwrap()["action"].clone();
            seat.finished(&tried);
            let output = of(&seat, "output", &tried);
            assert!(output.iter().any(|e| e["tail"] == "ran apply --dry-run=server -f x.yaml\n"), "{output:?}");
        }
        seat.decide(&held, "deny", json!({"reason": "no"})).unwrap();
    }
    // A directory of the workspace in front of PATH.
    let script = room.script_as(
        "second.jsonl",
        &[json!({"run": {"command": "kubectl apply -f x.yaml"}}), json!({"wait_ms": 600_000})],
    );
    let mut seat = start(&room, &script, &own);
    let held = seat.held();
    let refused =
        seat.try_ask("candidate/test", json!({"action": held["action"], "digest": held["digest"]})).unwrap_err();
    assert!(refused["message"].as_str().unwrap().contains("was not found on PATH"), "{refused}");
}

/// "Why did it change its own pipeline?" from the export: once with a reason, once without, and what nobody asked.
#[test]
fn the_ledger_tells_who_changed_the_pipeline_when_and_why() {
    let room = Room::with(&[(CI, "on: push\n"), ("a.txt", "a\n")]);
    let script = room.script(&[
        json!({"edit": {"path": CI, "after": "on: [push]\n", "why": "forks were not built"}}),
        json!({"edit": {"path": CI, "after": "on: [push, schedule]\n"}}),
        json!({"edit": {"path": "a.txt", "after": "b\n"}}),
        json!({"wait_ms": 600_000}),
    ]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let first = seat.held();
    seat.decide(&first, "approve", json!({"confirm": "ci.yml", "reason": "fine"})).unwrap();
    seat.finished(&first["action"]);
    let second = seat.held();
    seat.decide(&second, "deny", json!({"reason": "why nightly?"})).unwrap();
    seat.held();
    room.write("Makefile", "all:\n");
    seat.ever("the makefile", |e| e["kind"] == "observed" && e["path"] == "Makefile");
    room.write(CI, "on: [push]\n# mine\n");
    seat.ever("the user's change", |e| e["kind"] == "observed" && e["path"] == CI && e["by"] == "human");
    room.write(".mcp.json", "{\"env\": \"KEY=three\"}\n");
    seat.ever("the servers", |e| e["kind"] == "observed" && e["path"] == ".mcp.json");
    room.write("deploy.sh", "PASSWORD=hunter2hunter2\n");
    room.write("Dockerfile", "ENV PASSWORD=hunter2hunter2\n");
    seat.ever("the container", |e| e["kind"] == "observed" && e["path"] == "Dockerfile");
    let session = only_session(&room);
    let (code, text, _) = room.run(&["export", &session, "--pipeline", "--format", "md"]);
    assert_eq!(code, 0);
    for words in [
        "Pipeline ledger of session",
        "why: forks were not built",
        "words: fine",
        "the word was typed",
        "+on: [push]",
        "(denied)",
        "no reason given; the agent was asked",
        "words: why nightly?",
        "created Makefile",
        "who: the user",
        "no run of all tests",
    ] {
        assert!(text.replace('\\', "").contains(words), "{words}:\n{text}");
    }
    assert!(!text.contains("a.txt"), "{text}");
    let (_, lines, _) = room.run(&["export", &session, "--pipeline"]);
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let fates: Vec<&str> = rows.iter().map(|row| row["fate"].as_str().unwrap()).collect();
    assert_eq!(&fates[..4], ["approved", "denied", "observed", "observed"], "{rows:#?}");
    assert!(rows[2]["diffs"][0].as_str().unwrap().contains("+all:"), "{rows:#?}");
    assert!(rows[3]["diffs"][0].as_str().unwrap().contains("+# mine"), "{rows:#?}");
    let record = seat.events.iter().map(Value::to_string).collect::<String>();
    assert!(!record.contains("KEY=three") && !record.contains("hunter2"), "secrets stay out of the record");
    assert!(rows[0]["diffs"][0].as_str().unwrap().contains("-on: push\n+on: [push]"));
    let (_, page, _) = room.run(&["export", &session, "--pipeline", "--format", "html"]);
    assert!(page.contains("<ins>+on: [push]</ins>"), "{page}");
    assert_eq!(room.run(&["export", &session, "--pipeline", "--format", "patch"]).0, 2);
}

/// A command that changed guarded files without a layer is in the ledger with its diff, but for secrets.
#[test]
fn the_ledger_has_the_diff_of_what_a_command_did_to_guarded_files() {
    let files =
        [(CI, "on: push\n"), (".env", "KEY=one\n"), ("gen.sh", "echo on: schedule >> $1; echo KEY=two > .env\n")];
    let room = Room::with(&files).without_layers();
    let script = room.script(&[json!({"run": {"command": "x=.github/workflows/ci; bash gen.sh $x.yml"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let held = seat.held();
    seat.decide(&held, "approve", json!({"confirm": held["confirm"]})).unwrap();
    let finished = seat.finished(&held["action"]);
    let sides = json!([{"path": CI, "before": "on: push\n", "after": "on: push\non: schedule\n"}]);
    assert_eq!(finished["sides"], sides, "{finished}");
    let session = seat.session.clone();
    drop(seat);
    let (code, out, err) = room.run(&["export", &session, "--pipeline", "--format", "jsonl"]);
    assert!(code == 0 && out.contains("+on: schedule"), "{out}{err}");
    assert!(!out.contains("KEY=two"), "{out}");
}

/// The command that follows an infrastructure action is the user's own, and is judged and decided like any other.
#[test]
fn what_the_user_proposes_goes_through_the_gate() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let script = room.script(&[json!({"wait_ms": 600_000})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    let own = seat.ask("workspace/run", json!({"command": {"shell": "alembic downgrade -1"}, "ask": true}));
    let held = seat.held();
    assert_eq!((&held["action"], &held["confirm"]), (&own["action"], &json!("migrate")));
    assert_eq!(seat.proposal(&held["action"])["author"], "human");
    assert!(seat.decide(&held, "approve", json!({"confirm": "yes"})).is_err());
    seat.decide(&held, "deny", json!({"reason": "not yet"})).unwrap();
    // What the rules allow runs at once.
    let own = seat.ask("workspace/run", json!({"command": {"shell": "cat a.txt"}, "ask": true}));
    assert_eq!(seat.finished(&own["action"])["exit"], 0);
}
