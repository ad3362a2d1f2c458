//! The drill of the stop: it passes where a stop works, and fails where something gets away.

use super::alone;
use rightseat::model::{DrillResult, Rung};
use rightseat::workspace::census::Tracker;
use rightseat::workspace::drill::{drill, every_rung};
use rightseat::workspace::launch::Containment;
use rightseat::workspace::root::Root;
use rightseat::workspace::run::Spawner;
use rightseat::workspace::tree::Rules;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

const LAUNCHER: &str = env!("CARGO_BIN_EXE_rightseat");

#[test]
fn no_rung_leaves_a_process_and_what_is_outside_goes_on() {
    let _alone = alone();
    let (workspace, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = Root::open(workspace.path()).unwrap();
    let rules = Rules::read(root.path());
    let mut outside = Command::new("sleep").arg("600").spawn().unwrap();
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
    let path = |name: &str| dir.path().join(name);
    assert!(Command::new("mkfifo").arg(path("pid")).arg(path("held")).status().unwrap().success());
    let holder = "read pid <pid; exec 3>/proc/$pid/fd/1; echo yes >held; read end";
    let mut holder =
        Command::new("sh").args(["-c", holder]).current_dir(dir.path()).stdin(Stdio::piped()).spawn().unwrap();
    let launcher = path("launcher");
    let script =
        format!("#!/bin/sh\necho $$ >{0}/pid\nread yes <{0}/held\nexec {LAUNCHER} \"$@\"\n", dir.path().display());
    std::fs::write(&launcher, script).unwrap();
    std::fs::set_permissions(&launcher, std::fs::Permissions::from_mode(0o755)).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let spawner = Spawner::new(launcher, Containment::Subreaper, Tracker::new("test-left"));
    let drilled = runtime.block_on(drill(spawner, Rung::Subreaper, Path::new("/")));
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!((&drilled.result, drilled.left), (&DrillResult::Failed, 1), "{drilled:?}");
    assert!(drilled.why.as_ref().is_some_and(|why| why.contains("the census does not see")), "{drilled:?}");
}
