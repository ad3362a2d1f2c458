//! Everyday commands of a coding agent, attacks that look like them, and the reach of the stars of plausible rules.

use super::*;

const CONFIG: &str =
    "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n[remote \"origin\"]\n\turl = x\n";

fn workspace() -> Files {
    let names = [
        "README.md",
        "Cargo.toml",
        "package.json",
        "src/main.rs",
        "src/lib.rs",
        "src/index.ts",
        "src/app.py",
        "src/api/users.ts",
        "tests/test_a.py",
        "docs/guide.md",
        "config/app.yaml",
        "scripts/run.sh",
        "data.json",
        "data.csv",
        "log.txt",
        "Makefile",
        ".gitignore",
        "pkg/package.json",
        "templates/.github/workflows/ci.yml",
        "ci/Jenkinsfile",
        ".git/HEAD",
        ".git/index",
    ];
    names
        .iter()
        .fold(Files::default(), |files, name| files.file(&format!("/home/me/w/{name}"), "x"))
        .file("/home/me/w/.git/config", CONFIG)
        .tracks(&["README.md", "src/main.rs"], false)
}

#[test]
fn looking_around_seldom_asks() {
    let corpus = include_str!("../../../tests/fixtures/policy/everyday.jsonl");
    let files = workspace();
    let place = Place { disk: Some(&files), ..Place::of("/home/me/w") };
    let asked = faults_at(corpus, &place, |word| word != RulingWord::Allow);
    assert!(asked.len() * 100 < corpus.lines().count() * 10, "{}:\n{}", asked.len(), asked.join("\n"));
}

#[test]
fn what_only_seems_to_look_asks() {
    let corpus = include_str!("../../../tests/fixtures/policy/everyday_attacks.jsonl");
    let files = workspace()
        .file("/home/me/w/.env", "KEY=1")
        .file("/home/me/w/server.pem", "x")
        .file("/home/me/w/--pre=x", "x")
        .file("/etc/passwd", "x")
        .link("/home/me/w/out", "/etc/passwd")
        .link("/home/me/w/outdir", "/etc");
    let place = Place { disk: Some(&files), ..Place::of("/home/me/w") };
    let allowed = faults_at(corpus, &place, |word| word == RulingWord::Allow);
    assert!(allowed.is_empty(), "{}:\n{}", allowed.len(), allowed.join("\n"));
}

/// Without a disk, what needs a look asks.
#[test]
fn what_cannot_be_looked_up_asks() {
    for line in ["git status", "awk 1 a", "cat < a", "ls *", "node --version", "command -v ls", "sed p a"] {
        assert_eq!(judged(&Policy::builtin(tests()), line).word, RulingWord::Ask, "{line}");
    }
}

#[test]
fn git_looks_only_where_the_repository_runs_nothing() {
    let word = |files: Files, line: &str| {
        let place = Place { disk: Some(&files), ..Place::of("/home/me/w") };
        Policy::builtin(tests()).judge(&Matter::line(line, Path::new("/home/me/w")), &place).word
    };
    let sets = |text: &str| workspace().file("/home/me/w/.git/config", &format!("{CONFIG}{text}"));
    for line in ["git status", "git diff", "git log --oneline", "git -C src blame lib.rs", "cd src && git show HEAD"] {
        assert_eq!(word(workspace(), line), RulingWord::Allow, "{line}");
        for config in ["[core]\n\tfsmonitor = ./x\n", "[diff \"x\"]\n\ttextconv = ./x\n", "[include]\n\tpath = x\n"] {
            assert_eq!(word(sets(config), line), RulingWord::Ask, "{line} with {config}");
        }
        let hook = workspace().file("/home/me/w/.git/hooks/post-index-change", "x");
        assert_eq!(word(hook, line), RulingWord::Ask, "{line} with a hook");
    }
    let inner = workspace().tracks(&["a", "sub"], true);
    assert_eq!(word(inner.clone(), "git status"), RulingWord::Ask);
    assert_eq!(word(inner, "git log"), RulingWord::Allow);
    let nested =
        workspace().file("/home/me/w/src/.git/HEAD", "x").file("/home/me/w/src/.git/config", "[core]\nfsmonitor=x\n");
    assert_eq!(word(nested.clone(), "git status"), RulingWord::Allow);
    for line in ["cd src && git status", "git -C src status", "cd src; git status", "git -C src/api log"] {
        assert_eq!(word(nested.clone(), line), RulingWord::Ask, "{line}");
    }
    let secret = workspace().tracks(&["README.md", "conf/.env"], false);
    for line in ["git diff", "git show", "git log -p", "git grep KEY", "git stash show -p"] {
        assert_eq!(word(secret.clone(), line), RulingWord::Ask, "{line}");
    }
    for line in ["git diff --stat", "git log", "git status", "git show --name-only"] {
        assert_eq!(word(secret.clone(), line), RulingWord::Allow, "{line}");
    }
}

#[test]
fn a_tool_that_the_project_replaces_is_not_asked_for_its_version() {
    let word = |files: Files, line: &str| {
        let place = Place { disk: Some(&files), ..Place::of("/home/me/w") };
        Policy::builtin(tests()).judge(&Matter::line(line, Path::new("/home/me/w")), &place).word
    };
    let channel = workspace().file("/home/me/w/rust-toolchain.toml", "[toolchain]\nchannel = \"stable\"\n");
    assert_eq!(word(channel, "cargo --version"), RulingWord::Allow);
    let path = workspace().file("/home/me/w/rust-toolchain.toml", "[toolchain]\npath = \"/home/me/w/evil\"\n");
    assert_eq!(word(path, "cd src && cargo --version"), RulingWord::Ask);
    let shim = workspace().file("/home/me/w/.tool-versions", "nodejs path:./evil\n");
    assert_eq!(word(shim, "node --version"), RulingWord::Ask);
    assert_eq!(word(workspace().file("/home/me/w/go.mod", "toolchain x"), "go version"), RulingWord::Ask);
}

#[test]
fn a_star_reaches_no_further_than_is_known_to_be_harmless() {
    let attacks = include_str!("../../../tests/fixtures/policy/stars.jsonl");
    let files = workspace().link("/home/me/w/outdir", "/etc");
    let place = Place { disk: Some(&files), ..Place::of("/home/me/w") };
    let allowed = faults_at(attacks, &place, |word| word == RulingWord::Allow);
    assert!(allowed.is_empty(), "{}:\n{}", allowed.len(), allowed.join("\n"));
    let honest = include_str!("../../../tests/fixtures/policy/stars_honest.jsonl");
    let held = faults_at(honest, &place, |word| word != RulingWord::Allow);
    assert!(held.is_empty(), "{}:\n{}", held.len(), held.join("\n"));
}
