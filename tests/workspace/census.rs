//! Stop means stop: children that do everything they can to outlive it.

use super::{alone, script, spawner, wait_until};
use rightseat::workspace::census::Scope;
use rightseat::workspace::launch::Containment;
use std::path::Path;
use std::time::Duration;

/// Every process that has `file` open: how a child shows that it lives without the help of what is tested.
fn holders(file: &Path) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let Ok(fds) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
            fds.flatten().any(|fd| std::fs::read_link(fd.path()).is_ok_and(|link| link == file))
        })
        .collect()
}

/// Runs `text` with descriptor 9 open on the file that tells who lives, waits for `count` of them.
async fn start(
    spawner: &rightseat::workspace::run::Spawner,
    text: &str,
    dir: &Path,
    count: usize,
) -> rightseat::workspace::run::Running {
    let hold = dir.join("hold");
    let running = spawner.spawn(&script(&format!("exec 9>{}\n{text}", hold.display()), dir)).unwrap();
    wait_until(&format!("{count} processes hold the file of {text}"), || {
        holders(&hold).len() >= count || dir.join("began").exists()
    });
    running
}

const EVASIONS: &[(&str, usize, &str)] = &[
    ("plain", 1, "sleep 600"),
    ("background", 2, "sleep 600 & nohup sleep 600 >/dev/null 2>&1 & disown; exec sleep 600"),
    ("setsid", 2, "setsid sleep 600 & sleep 600"),
    (
        "double fork",
        2,
        r#"
python3 - <<'P'
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.chdir('/'); time.sleep(600)
    os._exit(0)
time.sleep(600)
P"#,
    ),
    ("ignores signals", 2, "trap '' TERM HUP INT QUIT USR1; sleep 600 & wait; while :; do sleep 1; done"),
    ("cleared environment", 2, "env -i setsid sleep 600 & env -i sleep 600"),
    ("changed name", 2, "perl -e '$0 = \"[kworker/0:1]\"; sleep 600' & exec -a systemd sleep 600"),
    ("stops itself", 2, "sh -c 'kill -STOP $$' & sleep 600"),
    ("respawns", 3, "(while :; do setsid sleep 3; done) & (while :; do sleep 3; done) & wait"),
    ("fork storm", 40, "f() { sleep 600 & sleep 600 & }; while :; do f; ((n++ > 400)) && sleep 600; done"),
    // Inside a pid namespace the parent is pid 1, which nobody in it can kill. Elsewhere the loss of the launcher
    // begins a stop by itself; the one below must find what that left.
    (
        "kills its launcher",
        2,
        "setsid bash -c 'touch began; sleep 600 & sleep 600; :' & until [ -e began ]; do :; done; kill -9 $PPID; wait",
    ),
    (
        "kills its launcher, cleared",
        2,
        "env -i setsid bash -c 'touch began; sleep 600 & sleep 600; :' & until [ -e began ]; do :; done; kill -9 $PPID; wait",
    ),
];

fn stop_leaves_none(containment: Containment) {
    let _alone = alone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (name, count, text) in EVASIONS {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        let spawner = spawner(containment);
        let _running = runtime.block_on(start(&spawner, text, &path, *count));
        let census = spawner.tracker().stop(Scope::Session);
        let left = holders(&path.join("hold"));
        assert!(left.is_empty(), "{name}: {left:?} outlived the stop, census {census:?}");
        assert!(census.survivors.is_empty(), "{name}: {census:?}");
        assert!(census.ended.len() >= *count || path.join("began").exists(), "{name}: {census:?}");
        assert!(census.checked_ms <= 2_000, "{name}: {census:?}");
        assert!(spawner.tracker().processes(Scope::Session).is_empty(), "{name}");
    }
}

#[test]
fn stop_leaves_none_in_a_namespace() {
    stop_leaves_none(Containment::Auto);
}

#[test]
fn stop_leaves_none_below_a_subreaper() {
    stop_leaves_none(Containment::Subreaper);
}

#[test]
fn frozen_means_nothing_moves_until_resumed() {
    let _alone = alone();
    for containment in [Containment::Auto, Containment::Subreaper] {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        let spawner = spawner(containment);
        let text = "setsid bash -c 'while :; do echo >>beat; done' & while :; do echo >>beat; done";
        let _running = runtime.block_on(start(&spawner, text, &path, 2));
        let length = || std::fs::metadata(path.join("beat")).map_or(0, |about| about.len());
        wait_until("both beat", || length() > 100);
        let frozen = spawner.tracker().freeze(Scope::Session).unwrap();
        assert!(frozen >= 2);
        let then = length();
        // A moving process would write thousands of lines in this time.
        std::thread::park_timeout(Duration::from_millis(150));
        assert_eq!(length(), then);
        spawner.tracker().resume(Scope::Session);
        wait_until("they beat again", || length() > then + 100);
        // Freezing and then stopping must end the frozen ones too.
        spawner.tracker().freeze(Scope::Session).unwrap();
        let census = spawner.tracker().stop(Scope::Session);
        assert!(census.survivors.is_empty() && holders(&path.join("hold")).is_empty(), "{census:?}");
    }
}

#[test]
fn one_command_is_stopped_and_the_other_goes_on() {
    let _alone = alone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one_path, two_path) = (one.path().canonicalize().unwrap(), two.path().canonicalize().unwrap());
    let spawner = spawner(Containment::Subreaper);
    let first = runtime.block_on(start(&spawner, "setsid sleep 600 & sleep 600", &one_path, 2));
    let _second = runtime.block_on(start(&spawner, "setsid sleep 600 & sleep 600", &two_path, 2));
    let census = runtime.block_on(first.end());
    assert!(census.survivors.is_empty(), "{census:?}");
    assert!(holders(&one_path.join("hold")).is_empty());
    assert!(holders(&two_path.join("hold")).len() >= 2);
    drop(_second);
    wait_until("a dropped command is ended", || holders(&two_path.join("hold")).is_empty());
}

#[test]
fn a_killed_host_takes_its_commands_along_and_the_next_finds_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    let hold = path.join("hold");
    for containment in ["auto", "subreaper"] {
        // A shell plays the host that is killed.
        let text = format!(
            "{} __launch outer $$ {containment} bash -c 'exec 9>{}; setsid sleep 600 & sleep 600' & wait",
            env!("CARGO_BIN_EXE_rightseat"),
            hold.display()
        );
        let mut host = std::process::Command::new("bash").args(["-c", &text]).spawn().unwrap();
        wait_until("the command runs", || holders(&hold).len() >= 2);
        host.kill().unwrap();
        host.wait().unwrap();
        wait_until("nothing is left of the killed host's command", || holders(&hold).is_empty());
    }
}
