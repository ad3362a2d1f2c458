//! Guard rails: by every way to a guarded file, and seldom in everyday work.

use super::*;
use crate::base::RelPath;
use crate::model::action::{Action, Body, Content, FileChange, FileEdit};
use crate::model::{Proposal, Rail};

fn edit(path: &str, before: Option<&str>, after: Option<&str>) -> FileEdit {
    let content = |text: Option<&str>| text.map(|text| Content::of(text.as_bytes()));
    let change = match (before, after) {
        (None, _) => FileChange::Create,
        (_, None) => FileChange::Delete,
        (Some(_), Some(_)) => FileChange::Modify,
    };
    let path = RelPath::new(path).unwrap();
    let (before, after) = (content(before), content(after));
    FileEdit { path, change, from: None, before, after, before_node: None, after_node: None }
}

fn ruled(files: Vec<FileEdit>, place: &Place<'_>) -> Judged {
    let action = Action::file("a1".into(), Proposal::new("edit", Body::Edit(Vec::new())), Some(files));
    Policy::builtin(tests()).rule(&action, place)
}

#[test]
fn each_kind_is_at_a_rail_and_the_weighty_ones_need_a_word() {
    let typed = [
        ".github/workflows/ci.yml",
        ".gitlab-ci.yml",
        "Dockerfile",
        "api/Dockerfile.prod",
        "compose.override.yaml",
        "docker-compose.yml",
        ".devcontainer/devcontainer.json",
        "build.rs",
        "Makefile",
        "justfile",
        "Taskfile.yml",
        "Rakefile",
        "main.tf",
        "k8s/app.yaml",
        "helm/values.yaml",
        "deploy/run",
        "ansible/site.yml",
        "Pulumi.prod.yaml",
        "cdk.json",
        "deploy/prod.sh",
        "dvc.yaml",
        "AGENTS.md",
        ".cursor/rules/a.mdc",
        ".rightseat/policy.toml",
        ".husky/pre-push",
        ".git/hooks/pre-commit",
        ".lintstagedrc.json",
    ];
    let told = [
        "Cargo.lock",
        "package-lock.json",
        "web/yarn.lock",
        "pnpm-lock.yaml",
        "poetry.lock",
        "uv.lock",
        "Pipfile.lock",
        "go.sum",
        "Gemfile.lock",
        "composer.lock",
        "setup.py",
        "setup.cfg",
        "tox.ini",
        "noxfile.py",
        "pom.xml",
        "app/build.gradle",
        "CMakeLists.txt",
        "meson.build",
        "BUILD",
        "pkg/BUILD.bazel",
        "WORKSPACE",
        "nx.json",
    ];
    for (paths, needs_word) in [(&typed[..], true), (&told[..], false)] {
        for path in paths {
            let judged = ruled(vec![edit(path, Some("a"), Some("b"))], &Place::of("/w"));
            let found = (judged.word, judged.rail.clone(), judged.confirm.is_some());
            assert_eq!(found, (RulingWord::Ask, Some(Rail::GuardedFile), needs_word), "{path}: {judged:?}");
        }
    }
    for path in
        ["build/out.js", "src/build", "workspace/a.rs", "docs/docker.md", "src/deploy/mod.rs", "requirements.txt"]
    {
        assert_eq!(ruled(vec![edit(path, Some("a"), Some("b"))], &Place::of("/w")).rail, None, "{path}");
    }
}

#[test]
fn a_link_a_rename_and_a_generator_are_no_way_around() {
    let files =
        Files::default().file("/w/.github/ci.yml", "x").link("/w/notes.txt", "/w/.github/ci.yml").file("/w/a", "");
    let place = Place { disk: Some(&files), ..Place::of("/w") };
    let linked = ruled(vec![edit("notes.txt", Some("a"), Some("b"))], &place);
    assert_eq!((linked.rail, linked.confirm.as_deref()), (Some(Rail::GuardedFile), Some("notes.txt")));
    for (from, to) in
        [("Dockerfile", "old.txt"), ("old.txt", "Dockerfile"), ("package.json", "p.json"), ("p.json", "package.json")]
    {
        let mut file = edit(to, Some("{}"), Some("{}"));
        (file.change, file.from) = (FileChange::Rename, Some(RelPath::new(from).unwrap()));
        assert_eq!(ruled(vec![file], &place).rail, Some(Rail::GuardedFile), "{from} -> {to}");
    }
    for line in [
        "git config core.hooksPath hooks",
        "git config filter.x.clean ./x",
        "git config alias.st '!x'",
        "git config core.fsmonitor ./x",
        "npx husky init",
        "pre-commit install",
        "npm pkg set scripts.postinstall=./x",
        "docker init",
        "gradle wrapper",
        "claude mcp add x ./x",
        "cargo update -p serde",
        "ln -s x Makefile",
        "echo x > Dockerfile",
        "cp a .github/workflows/x.yml",
    ] {
        let judged = Policy::builtin(tests()).judge(&Matter::line(line, Path::new("/w")), &place);
        assert_eq!(judged.rail, Some(Rail::GuardedFile), "{line}: {judged:?}");
    }
}

/// The name of a guarded directory is a word like any other where there is no such directory.
#[test]
fn a_word_is_no_directory() {
    let rail = |files: &Files, line: &str| {
        let place = Place { disk: Some(files), ..Place::of("/w") };
        Policy::builtin(tests()).judge(&Matter::line(line, Path::new("/w")), &place).rail
    };
    let (without, with) = (Files::default().file("/w/a", ""), Files::default().file("/w/deploy/x", ""));
    for line in ["pip install ansible", "apt install helm", "git checkout deploy", "rm -rf deploy"] {
        assert_eq!(rail(&without, line), None, "{line}");
    }
    assert_eq!(rail(&with, "rm -rf deploy"), Some(Rail::GuardedFile));
    assert_eq!(rail(&without, "mv a deploy"), Some(Rail::GuardedFile));
    assert_eq!(rail(&without, "fly deploy"), Some(Rail::Infrastructure));
}

/// The strictest word of several files keeps the rail, and an allow rule does not lift it.
#[test]
fn a_rail_is_kept_among_other_files_and_under_rules() {
    let allow = "[[rule]]\nruling = \"allow\"\nkinds = [\"edit\"]\npaths = [\"**\"]\n\
                 [[rule]]\nid = \"aa\"\nruling = \"ask\"\nkinds = [\"edit\"]\npaths = [\"src/**\"]\n";
    let (policy, fault) = Policy::with_file(tests(), "policy.toml", allow);
    assert_eq!(fault, None);
    let files = vec![edit("src/a.rs", Some("a"), Some("b")), edit("Cargo.lock", Some("a"), Some("b"))];
    let action = Action::file("a1".into(), Proposal::new("edit", Body::Edit(Vec::new())), Some(files));
    let judged = policy.rule(&action, &Place::of("/w"));
    assert_eq!((judged.word, judged.rail), (RulingWord::Ask, Some(Rail::GuardedFile)));
}

/// An everyday edit: of one file, with what it was before where only a part of the file counts.
struct Everyday {
    project: String,
    path: String,
    before: Option<String>,
    after: Option<String>,
}

fn everyday() -> Vec<Everyday> {
    let corpus = include_str!("../../../tests/fixtures/policy/everyday_edits.jsonl");
    corpus
        .lines()
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| row[key].as_str().map(str::to_owned);
            let (project, path) = (text("project").unwrap(), text("path").unwrap());
            Everyday { project, path, before: text("before"), after: text("after") }
        })
        .collect()
}

/// Twenty projects in the style of popular ones, ten everyday edits of each.
#[test]
fn everyday_edits_are_seldom_at_a_rail() {
    let all = everyday();
    let at_rail = |one: &Everyday| {
        let after = one.after.as_deref().or(Some("b"));
        let before = if one.after.is_some() { one.before.as_deref() } else { Some("a") };
        ruled(vec![edit(&one.path, before, after)], &Place::of("/w"))
    };
    let judged: Vec<(&Everyday, Judged)> = all.iter().map(|one| (one, at_rail(one))).collect();
    let names = |typed: bool| -> Vec<String> {
        let found = judged.iter().filter(|(_, j)| j.rail.is_some() && j.confirm.is_some() == typed);
        found.map(|(one, _)| format!("{}: {}", one.project, one.path)).collect()
    };
    let (typed, told) = (names(true), names(false));
    let projects: std::collections::BTreeSet<&str> = all.iter().map(|one| one.project.as_str()).collect();
    assert_eq!((projects.len(), all.len()), (20, 200));
    // The one that is typed adds a script; what is told are lockfiles and build files that list no dependency alone.
    assert!(typed.len() <= 1 && told.len() <= 13, "typed {typed:#?}\ntold {told:#?}");
}
