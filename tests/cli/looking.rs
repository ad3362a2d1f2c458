//! Commands that only look.

use super::{fed, room, said};
use serde_json::Value;
use std::process::Stdio;

#[test]
fn themes_keys_and_places_are_listed() {
    let room = room();
    let themes = said(&room, &["themes"]);
    assert!(themes.lines().any(|l| l.starts_with("* dark")), "{themes}");
    assert!(said(&room, &["--theme", "light", "themes"]).contains("* light"));
    let keys = said(&room, &["keys"]);
    assert!(keys.contains("approve") && keys.contains("stop"), "{keys}");
    assert_ne!(keys, said(&room, &["--keymap", "vim", "keys"]));
    let paths = said(&room, &["config", "path"]);
    assert!(paths.lines().any(|l| l.starts_with("state") && l.contains("state")), "{paths}");
}

#[test]
fn a_theme_of_the_users_own_is_listed_and_a_broken_one_explained() {
    let room = room();
    let themes = room.dir.path().join("config/rightseat/themes");
    std::fs::create_dir_all(&themes).unwrap();
    std::fs::write(themes.join("mine.toml"), "name = \"mine\"\ndescription = \"my own\"\ninherits = \"dark\"\n")
        .unwrap();
    std::fs::write(themes.join("odd.toml"), "name = 3\n").unwrap();
    let listed = said(&room, &["themes"]);
    assert!(listed.contains("yours    my own"), "{listed}");
    assert!(listed.contains("odd") && listed.contains("broken"), "{listed}");
}

#[test]
fn settings_come_in_layers_and_a_project_only_tightens() {
    let room = room();
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "theme = \"light\"\nmode = \"plan\"\n[llm]\nplan_first = false\n")
        .unwrap();
    room.write(".rightseat/config.toml", "mode = \"step\"\nagent = \"acp:evil\"\n");
    let (code, out, err) = room.run(&["--keymap", "vim", "config", "show"]);
    assert_eq!(code, 0, "{err}");
    let line = |key: &str| out.lines().find(|l| l.starts_with(key)).unwrap_or_default().to_owned();
    assert!(line("theme").ends_with("# user") && line("theme").contains("light"), "{out}");
    assert!(line("keymap").ends_with("# command line"), "{out}");
    assert!(line("mode").contains("step") && line("mode").ends_with("# project"), "{out}");
    assert!(line("agent").ends_with("# built-in"), "{out}");
    assert!(err.contains("agent") && err.contains("ignored"), "{err}");
}

#[test]
fn the_schema_is_json() {
    let schema: Value = serde_json::from_str(&said(&room(), &["config", "schema"])).unwrap();
    assert!(schema["properties"]["mode"].is_object());
}

#[test]
fn agents_are_found_by_their_programs_and_wear_badges() {
    use std::os::unix::fs::PermissionsExt;
    let room = room();
    let bin = room.dir.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::write(bin.join("codex-acp"), "#!/bin/sh\nexit 1\n").unwrap();
    std::fs::set_permissions(bin.join("codex-acp"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = room.command(&["agents", "--json"]).env("PATH", &bin).output().unwrap();
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let named = |name: &str| rows.iter().find(|r| r["name"] == name).unwrap().clone();
    assert_eq!((named("codex")["usable"].clone(), named("codex")["level"].clone()), (true.into(), "L1".into()));
    assert_eq!(named("repair")["usable"], true);
    let plain = said(&room, &["agents"]);
    assert!(plain.contains("a denial ends its turn") && plain.contains("install:"), "{plain}");
}

#[test]
fn the_doctor_says_what_works_and_never_a_key() {
    let room = room();
    let mut command = room.command(&["doctor", "--json"]);
    let output = command.env("ANTHROPIC_API_KEY", "sk-very-secret-value").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("ANTHROPIC_API_KEY") && !text.contains("very-secret"), "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((report["ok"].clone(), output.status.code()), (true.into(), Some(0)));
    let names: Vec<&str> = report["findings"].as_array().unwrap().iter().filter_map(|f| f["name"].as_str()).collect();
    for name in ["rightseat", "git", "screen", "colors", "directory", "socket", "policy", "inotify", "tests", "models"]
    {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
}

#[test]
fn a_doctor_who_finds_a_broken_policy_says_where() {
    let room = room();
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("policy.toml"), "[[rule]]\nruling = \"perhaps\"\n").unwrap();
    let (code, out, _) = room.run(&["doctor"]);
    assert_eq!(code, 1);
    assert!(out.contains("policy.toml:2:10") && out.contains("everything asks"), "{out}");
}

#[test]
fn policy_answers_each_line_in_order() {
    let input = "{\"id\":1,\"kind\":\"command\",\"command\":\"ls\"}\n\n{\"id\":2,\"kind\":\"path\",\"path\":\"/etc/passwd\",\"op\":\"write\"}\nnonsense\n{\"id\":\"x\",\"kind\":\"command\",\"command\":\"make fine\",\"rules\":[\"make fine\"]}";
    let (code, out) = fed(&room(), &["policy", "check", "--jsonl"], input);
    let rows: Vec<Value> = out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let told: Vec<(String, &str)> = rows.iter().map(|r| (r["id"].to_string(), r["ruling"].as_str().unwrap())).collect();
    let expect = [("1", "allow"), ("2", "ask"), ("null", "ask"), ("\"x\"", "allow")];
    assert_eq!(told, expect.map(|(id, word)| (id.to_owned(), word)));
    assert_eq!(code, 0);
}

#[test]
fn a_line_is_explained_in_its_parts() {
    let out = said(&room(), &["policy", "explain", "git status && rm -rf x"]);
    assert!(out.starts_with("ask  git status && rm -rf x"), "{out}");
    assert!(out.contains("command  git status") && out.contains("command  rm -rf x"), "{out}");
}

#[test]
fn packagers_get_completions_and_a_manual() {
    let room = room();
    assert!(said(&room, &["completions", "bash"]).contains("rightseat"));
    for words in [&["completions", "bash"][..], &["man"]] {
        // A reader that is gone before the first byte, as `head` is after its last line.
        let mut child = room.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success() && done.stderr.is_empty(), "{words:?}: {done:?}");
    }
    assert!(said(&room, &["man"]).contains(".TH"));
    assert!(said(&room, &["--version"]).starts_with("rightseat "));
    assert!(said(&room, &["ls"]).contains("no sessions yet"));
}

#[test]
fn an_explanation_knows_what_the_configuration_guards() {
    let room = room();
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "[policy]\nguarded = [\"schema/**\"]\n").unwrap();
    std::fs::write(config.join("policy.toml"), "[[rule]]\nruling = \"allow\"\ncommand = \"touch *\"\n").unwrap();
    let explained = |line: &str| said(&room, &["policy", "explain", line]);
    let guarded = explained("touch schema/a.sql");
    assert!(guarded.starts_with("ask") && guarded.contains("guarded:config"), "{guarded}");
    assert!(explained("touch src/a.sql").starts_with("allow"));
    room.write(".rightseat/policy.toml", "[[rule]]\nruling = \"deny\"\ncommand = \"touch src/a.sql\"\n");
    let denied = explained("touch src/a.sql");
    assert!(denied.starts_with("deny") && denied.contains("project:"), "{denied}");
}

#[test]
fn a_repository_is_looked_at_before_git_is() {
    let room = room();
    room.write(".git/HEAD", "ref: refs/heads/main\n");
    room.write(".git/config", "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = x\n");
    room.write("a.txt", "a");
    let asked = |line: &str| {
        let question = serde_json::json!({"id": 1, "kind": "command", "command": line}).to_string();
        let (code, out) = fed(&room, &["policy", "check", "--jsonl"], &format!("{question}\n"));
        assert_eq!(code, 0);
        serde_json::from_str::<Value>(out.trim()).unwrap()["ruling"].as_str().unwrap().to_owned()
    };
    for line in ["git status", "git log --oneline | head -5", "cat *.txt", "wc -l < a.txt", "[ -f a.txt ] && cat a.txt"]
    {
        assert_eq!(asked(line), "allow", "{line}");
    }
    room.write("lib/id_rsa", "k");
    for line in ["grep -r k .", "rg k", "cat lib/*", "cat < lib/id_rsa"] {
        assert_eq!(asked(line), "ask", "{line}");
    }
    room.write(".gitignore", "lib\n");
    assert_eq!(
        (asked("rg k"), asked("rg --no-ignore k"), asked("rg k lib")),
        ("allow".into(), "ask".into(), "ask".into())
    );
    room.write(".git/config", "[core]\n\tfsmonitor = ./evil\n");
    assert_eq!(asked("git status"), "ask");
}
