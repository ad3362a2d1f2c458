//! The drill of the stop: it passes where a stop works, and fails where something gets away.

use super::alone;
use super::holder::{HELD, Holder};
use rightseat::model::{DrillResult, Rung};
use rightseat::workspace::census::Tracker;
use rightseat::workspace::drill::{drill, every_rung};
use rightseat::workspace::launch::Containment;
use rightseat::workspace::root::Root;
use rightseat::workspace::run::Spawner;
use rightseat::workspace::tree::Rules;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const LAUNCHER: &str = env!("CARGO_BIN_EXE_rightseat");

#[test]
fn no_rung_leaves_a_process_and_what_is_outside_goes_on() {
    let _alone = alone();
    let (workspace, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = Root::open(workspace.path()).unwrap();
    let rules = Rules::read(root.path());
    let mut outside = Command::new("sleep").arg("600").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rungs = runtime.block_on(every_rung(LAUNCHER.as_ref(), state.path(), (&root, &rules), &[]));
    let names: Vec<&str> = rungs.iter().map(|rung| rung.rung.as_str()).collect();
    assert_eq!(names, ["layer", "namespace", "subreaper"]);
    for rung in &rungs {
        println!("{}", rung.line());
        assert_ne!(rung.result, DrillResult::Failed, "{rung:?}");
        let is_used = rung.result == DrillResult::Passed;
        assert!(!is_used || (rung.started >= 6 && rung.left == 0 && rung.stop_ms <= 2_000), "{rung:?}");
    }
    assert_eq!(rungs.last().map(|rung| &rung.result), Some(&DrillResult::Passed), "{rungs:?}");
    assert_eq!(outside.try_wait().unwrap(), None, "the stop ended a process of nobody's session");
    outside.kill().unwrap();
    outside.wait().unwrap();
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0, "a drill leaves nothing behind");
    assert_eq!(std::fs::read_dir(workspace.path()).unwrap().count(), 0);
}

/// A launcher hands the output to a process that no walk of `/proc` can attribute: only the pipe tells of it.
#[test]
fn a_process_that_the_census_does_not_see_fails_the_drill() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let holder = Holder::start(dir.path());
    let launcher = launcher(dir.path(), &format!("DIR={}; {HELD}", dir.path().display()), "\"$@\"");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let spawner = Spawner::new(launcher, Containment::Subreaper, Tracker::new("test-left"));
    let drilled = runtime.block_on(drill(&spawner, Rung::Subreaper));
    drop(holder);
    assert_eq!((&drilled.result, drilled.left), (&DrillResult::Failed, 1), "{drilled:?}");
    assert!(drilled.why.as_ref().is_some_and(|why| why.contains("the census does not see")), "{drilled:?}");
}

/// A launcher that is this script before it is the real one.
fn launcher(dir: &Path, before: &str, arguments: &str) -> PathBuf {
    let launcher = dir.join("launcher");
    std::fs::write(&launcher, format!("#!/bin/sh\n{before}\nexec {LAUNCHER} {arguments}\n")).unwrap();
    std::fs::set_permissions(&launcher, std::fs::Permissions::from_mode(0o755)).unwrap();
    launcher
}

/// The environment and the directory are as little the user's as the workspace's.
#[test]
fn a_drill_inherits_nothing() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let seen = dir.path().join("seen");
    let launcher = launcher(dir.path(), &format!("(pwd; env) >{}", seen.display()), "\"$@\"");
    // Passed on to commands by the user's configuration.
    let passed = vec!["HOME".to_owned(), "CARGO_MANIFEST_DIR".to_owned()];
    let spawner = Spawner::new(launcher, Containment::Subreaper, Tracker::new("test-bare")).passing(passed);
    let drilled = tokio::runtime::Runtime::new().unwrap().block_on(drill(&spawner, Rung::Subreaper));
    assert_eq!(drilled.result, DrillResult::Passed, "{drilled:?}");
    let seen = std::fs::read_to_string(seen).unwrap();
    let path = seen.lines().find_map(|line| line.strip_prefix("PATH=")).unwrap();
    assert!(path.split(':').all(|part| part.starts_with('/')) && path.starts_with("/usr/local/sbin:"), "{path}");
    assert_eq!(seen.lines().next(), Some("/"));
    // The shell adds these.
    let is_known = |line: &&str| {
        ["/", "PATH=", "PWD=", "OLDPWD=", "SHLVL=", "_=", "RIGHTSEAT_SESSION="].iter().any(|one| line.starts_with(one))
    };
    assert_eq!(seen.lines().filter(|line| !is_known(line)).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn a_drill_that_proves_nothing_is_tried_once_more() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let (tries, runtime) = (dir.path().join("tries"), tokio::runtime::Runtime::new().unwrap());
    let note = format!("echo x >>{0}; [ $(wc -l <{0}) -gt ENOUGH ] || exit 1", tries.display());
    for (enough, expect) in [("1", DrillResult::Passed), ("9", DrillResult::Unproved)] {
        let launcher = launcher(dir.path(), &note.replace("ENOUGH", enough), "\"$@\"");
        let spawner = Spawner::new(launcher, Containment::Subreaper, Tracker::new("test-again"));
        let drilled = runtime.block_on(drill(&spawner, Rung::Subreaper));
        assert_eq!(drilled.result, expect, "{drilled:?}");
        assert_eq!(std::fs::read_to_string(&tries).unwrap().lines().count(), 2);
        std::fs::remove_file(&tries).unwrap();
    }
}

/// The launcher makes no pid namespace, as where the kernel refuses one.
#[test]
fn a_drill_names_the_rung_that_was_reached() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let line = "for part; do shift; [ \"$part\" = auto ] && part=subreaper; set -- \"$@\" \"$part\"; done";
    let launcher = launcher(dir.path(), line, "\"$@\"");
    let spawner = Spawner::new(launcher, Containment::Auto, Tracker::new("test-rung"));
    let drilled = tokio::runtime::Runtime::new().unwrap().block_on(drill(&spawner, Rung::Namespace));
    assert_eq!((&drilled.rung, &drilled.result), (&Rung::Subreaper, &DrillResult::Passed), "{drilled:?}");
}
