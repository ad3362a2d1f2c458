//! Bad input: exit code 2 and one line that says what is wrong and how to fix it.

use super::{refused, room};

#[test]
fn sessions_say_what_they_need() {
    let room = room();
    refused(&room, &["--headless", "--dir", "nowhere"], &["nowhere", "--dir"]);
    refused(&room, &["--headless", "--dir", "a.txt"], &["a.txt", "not a directory"]);
    refused(&room, &["fix it"], &["tty", "--headless"]);
    refused(&room, &["--headless", "--agent", "nobody"], &["nobody", "acp:"]);
    refused(&room, &["--headless", "--agent", "llm:nobody/x"], &["nobody"]);
    refused(
        &room,
        &["--headless", "--agent", "acp:no-such-program --acp"],
        &["`no-such-program` was not found", "--agent"],
    );
    refused(&room, &["--headless", "--agent", "script:nowhere.jsonl"], &["nowhere.jsonl"]);
    refused(&room, &["--headless", "--agent", "script:"], &["script:FILE"]);
    assert!(super::said(&room, &["ls"]).contains("no sessions yet"), "a mistake leaves no session behind");
}

/// A mistyped command starts nothing; the same word is a goal after `--`, and so is a sentence in quotes.
#[test]
fn a_mistyped_command_is_an_error_with_a_suggestion_and_never_a_goal() {
    let room = room();
    let script = room.script(&[serde_json::json!({"say": "hello"})]);
    for (typed, meant, way) in [
        (["atach"].as_slice(), "\"attach\"", "rightseat -- atach"),
        (&["Verify"], "\"verify\"", "rightseat -- Verify"),
        (&["inbx"], "\"inbox\"", "rightseat -- inbx"),
        (&["verfy", "out.jsonl"], "\"verify\"", "rightseat 'verfy out.jsonl'"),
    ] {
        refused(&room, typed, &["there is no command", meant, way]);
        refused(&room, &[&["--headless", "--agent", &script], typed].concat(), &["there is no command", meant]);
    }
    assert!(super::said(&room, &["ls"]).contains("no sessions yet"), "a mistake leaves no session behind");
    let goals: [&[&str]; 5] =
        [&["--", "atach"], &["atach the box"], &["hello"], &["fix", "the", "demo"], &["--", "ls"]];
    for goal in goals {
        let (_, out, err) = room.run(&[&["--headless", "--agent", &script], goal].concat());
        let words = goal.iter().copied().filter(|word| *word != "--").collect::<Vec<_>>().join(" ");
        assert!(out.contains(&format!("\"goal\":\"{words}\"")), "{goal:?}: {out} {err}");
    }
}

/// An option that has no effect on a command is refused before and after its name.
#[test]
fn options_of_other_commands_are_refused() {
    let room = room();
    for args in [
        ["ls", "--agent", "repair"],
        ["--agent", "repair", "ls"],
        ["verify", "--headless", "x"],
        ["--headless", "verify", "x"],
        ["man", "--state-dir", "x"],
        ["export", "x", "--linear"],
    ] {
        let (code, out, err) = room.run(&args);
        let name = args.iter().find(|word| word.starts_with("--")).unwrap();
        assert!(code == 2 && out.is_empty() && err.contains(name) && err.contains("Usage:"), "{args:?}: {err}");
    }
}

/// Asking for more isolation than an agent gets is an error, never a quiet fall to less.
#[test]
fn an_isolation_that_cannot_be_had_is_refused_for_every_agent() {
    let room = room();
    let script = room.script(&[serde_json::json!({"say": "hello"})]);
    for agent in [script.as_str(), "repair"] {
        refused(&room, &["--headless", "--agent", agent, "--isolation", "overlay", "x"], &["overlay"]);
    }
    for (isolation, agent) in [("copy", script.as_str()), ("watched", script.as_str()), ("copy", "repair")] {
        let args = ["--headless", "--agent", agent, "--isolation", isolation, "x"];
        refused(&room, &args, &[isolation, "`gated`"]);
    }
    assert!(super::said(&room, &["ls"]).contains("no sessions yet"));
    // A preference in the configuration is for agents that have a choice; what is used instead is said.
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "isolation = \"copy\"\n").unwrap();
    let (code, out, err) = room.run(&["--headless", "--agent", &script, "x"]);
    assert!(code == 0 && out.contains(r#""isolation":"gated""#) && err.contains("does not apply to script"), "{err}");
}

#[test]
fn broken_files_are_named_with_line_and_column() {
    let room = room();
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    let check = |name: &str, text: &str, args: &[&str], words: &[&str]| {
        std::fs::write(config.join(name), text).unwrap();
        refused(&room, args, words);
        std::fs::remove_file(config.join(name)).unwrap();
    };
    check("config.toml", "them = \"dark\"\n", &["config", "show"], &["config.toml:1:1", "did you mean `theme`"]);
    check("config.toml", "mode = \"gaurded\"\n", &["--headless"], &["config.toml:1:8", "guarded"]);
    check("policy.toml", "[[rule]]\nruling = 1\n", &["policy", "explain", "ls"], &["policy.toml:2:10"]);
    room.write("bad.jsonl", "{\"say\": \"x\"}\n{\"dance\": 1}\n");
    refused(&room, &["--headless", "--agent", "script:bad.jsonl"], &["bad.jsonl", "2"]);
}

#[test]
fn files_of_agents_and_models_say_where_they_are_wrong() {
    let room = room();
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    for (name, args) in [("agents.toml", ["agents"].as_slice()), ("models.toml", ["agents"].as_slice())] {
        std::fs::write(config.join(name), "\nx = 1\n").unwrap();
        refused(&room, args, &[&format!("{name}:2:1: unknown key `x`")]);
        std::fs::remove_file(config.join(name)).unwrap();
    }
}

/// A policy that cannot be read lets nothing through by itself, and whoever attaches is told.
#[test]
fn a_broken_policy_fails_closed_and_is_an_alarm() {
    let room = room();
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("policy.toml"), "[[rule]]\nruling = \"allow\"\n").unwrap();
    let script = room.script(&[serde_json::json!({"read": {"path": "a.txt"}})]);
    let mut seat = super::seat::Seat::start(&room, &["--agent", &script]);
    let alarm = seat.ever("an alarm", |e| e["kind"] == "alarm");
    let text = alarm["text"].as_str().unwrap();
    assert!(alarm["what"] == "policy" && text.contains("policy.toml:1:1: a rule needs"), "{alarm}");
    assert_eq!(seat.ever("a ruling", |e| e["kind"] == "ruled")["ruling"], "ask");
}

#[test]
fn names_that_are_not_there() {
    let room = room();
    refused(&room, &["attach", "nobody"], &["nobody", "rightseat ls"]);
    refused(&room, &["attach"], &["no sessions yet"]);
    refused(&room, &["replay", "nobody"], &["nobody"]);
    refused(&room, &["review", "nowhere.jsonl"], &["nowhere.jsonl"]);
    refused(&room, &["verify", "./nowhere"], &["nowhere"]);
    refused(&room, &["--theme", "plaid", "--config", "nowhere.toml", "themes"], &["nowhere.toml"]);
    refused(&room, &["--keymap", "piano", "keys"], &["piano", "default"]);
}

#[test]
fn a_state_directory_that_cannot_be_written() {
    let room = room();
    room.write("file", "x");
    let below_a_file = room.workspace().join("file/state");
    refused(
        &room,
        &["ls", "--state-dir", &below_a_file.to_string_lossy()],
        &["cannot write to the state directory", "--state-dir"],
    );
    let (code, out, _) = room.run(&["doctor", "--state-dir", &below_a_file.to_string_lossy()]);
    assert!(code == 1 && out.contains("BAD  directory"), "{out}");
}

#[test]
fn reviews_name_the_line_that_is_no_event() {
    let room = room();
    room.write("r.jsonl", "{\"seq\":1,\"at\":1,\"kind\":\"said\",\"by\":\"agent\",\"text\":\"x\"}\nnonsense\n");
    refused(&room, &["review", "r.jsonl"], &["r.jsonl:2", "expected an event"]);
    room.write("empty.jsonl", "");
    refused(&room, &["review", "empty.jsonl"], &["no events"]);
    refused(&room, &["review", "."], &["not a regular file"]);
}
