//! Killed hosts, full disks and read-only places, with real processes and real file systems.
//!
//! The child is this test binary again, running one test that does nothing without a path.

use super::*;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PLACE: &str = "RIGHTSEAT_TEST_JOURNAL";
const ROLE: &str = "RIGHTSEAT_TEST_ROLE";

/// The body of the child processes; as a test of its own it does nothing.
#[test]
fn child() {
    let (Ok(path), Ok(role)) = (std::env::var(PLACE), std::env::var(ROLE)) else { return };
    let path = Path::new(&path);
    match role.as_str() {
        "append" => append_for_ever(path),
        "create" => {
            let ballast = path.with_extension("ballast");
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&ballast, vec![1u8; 960_000]).unwrap();
            println!("refused {}", Journal::create(path, &"s1".into()).unwrap_err());
        }
        "fill" => fill(path),
        "look" => {
            let reader = Reader::open(path).unwrap();
            println!("read {}", reader.iter(Seq(1)).count());
            println!("ok {}", verify(path, None).unwrap().ok);
            println!("found {}", search(&reader, "line").unwrap().len());
            println!("open {}", Journal::open(path).is_err_and(|e| matches!(e, Error::ReadOnly { .. })));
        }
        other => panic!("{other}"),
    }
}

fn append_for_ever(path: &Path) {
    let mut journal = Journal::open(path).unwrap();
    let mut n = journal.head().0.0;
    loop {
        n += 2;
        let mut first = said(n as usize - 1);
        first.blobs = vec![format!("blob {n}").into_bytes().repeat(2_000)];
        let done = journal.append(&[first, said(n as usize)]).unwrap();
        println!("ack {}", done.head_seq);
    }
}

/// Appends until it fails, says how, makes room, and appends again.
fn fill(path: &Path) {
    let mut journal = Journal::create(path, &"s1".into()).unwrap();
    let ballast = path.with_extension("ballast");
    std::fs::write(&ballast, vec![1u8; 900_000]).unwrap();
    let mut n = 0;
    let refusal = loop {
        let mut event = said(n);
        event.body = format!(r#"{{"text":"{n} {}"}}"#, "x".repeat(3000));
        match journal.append(&[event]) {
            Ok(_) => n += 1,
            Err(e) => break e,
        }
    };
    assert!(refusal.closes_gate(), "{refusal}");
    println!("full {}", matches!(refusal, Error::Full { .. }));
    assert_eq!(journal.head().0, Seq(n as u64));
    std::fs::remove_file(&ballast).unwrap();
    println!("again {}", journal.append(&[said(n)]).is_ok());
    drop(journal);
    let mut journal = Journal::open(path).unwrap();
    assert!(journal.head().0.0 >= n as u64);
    println!("reopened {}", journal.append(&[said(n)]).is_ok());
    drop(journal);
    println!("verified {}", verify(path, None).unwrap().ok);
}

fn spawn(role: &str, path: &Path, through: Option<&str>) -> Child {
    let me = std::env::current_exe().unwrap();
    let mut command = match through {
        None => Command::new(&me),
        Some(script) => {
            let mut shell = Command::new("unshare");
            shell.args(["-rm", "sh", "-c", script, "sh"]).arg(&me);
            shell
        }
    };
    command
        .args(["--exact", "journal::tests::crash::child", "--nocapture", "--test-threads=1"])
        .env(PLACE, path)
        .env(ROLE, role)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn said_by(child: Child) -> String {
    String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
}

#[test]
fn a_killed_host_loses_and_doubles_nothing_that_was_acknowledged() {
    let (_dir, path) = place();
    drop(Journal::create(&path, &"s1".into()).unwrap());
    let mut recovered = 0;
    for round in 0..12u64 {
        let mut child = spawn("append", &path, None);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = recovered;
        // A number of appends that differs by round and lands at odd moments of the next one.
        for _ in 0..(round * 7919) % 23 + 1 {
            let ack = lines
                .by_ref()
                .map(Result::unwrap)
                .find_map(|l| l.split("ack ").nth(1).map(|n| n.parse::<u64>().unwrap()));
            acknowledged = ack.expect("the child appends until it is killed");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // Acknowledged after we last looked, still in the pipe.
        for line in lines.map_while(std::result::Result::ok) {
            if let Some(n) = line.split("ack ").nth(1).and_then(|n| n.parse().ok()) {
                acknowledged = n;
            }
        }
        let report = verify(&path, None).unwrap();
        assert!(report.ok, "round {round}: {report:?}");
        let journal = Journal::open(&path).unwrap();
        recovered = journal.head().0.0;
        assert!(
            recovered >= acknowledged && recovered <= acknowledged + 2,
            "round {round}: {acknowledged} {recovered}"
        );
        assert_eq!(recovered % 2, 0, "an append is whole or absent");
        for (n, record) in journal.read(Seq(1), usize::MAX >> 1).unwrap().into_iter().enumerate() {
            assert_eq!(record.body, said(n + 1).body, "round {round}");
        }
    }
}

#[test]
fn a_full_disk_closes_the_gate_and_opens_it_again() {
    let (dir, _) = place();
    let mount = dir.path().join("small");
    std::fs::create_dir(&mount).unwrap();
    let script = format!("mount -t tmpfs -o size=1400k none '{}' && exec \"$@\"", mount.display());
    let told = said_by(spawn("fill", &mount.join("s/journal.db"), Some(&script)));
    if !told.contains("running 1 test") {
        eprintln!("no user namespace with mounts here: the disk was not filled");
        return;
    }
    for expect in ["full true", "again true", "reopened true", "verified true"] {
        assert!(told.contains(expect), "{told}");
    }
}

#[test]
fn a_read_only_place_is_read_and_not_written() {
    let (dir, path) = place();
    let mut journal = Journal::create(&path, &"s1".into()).unwrap();
    journal.append(&[said(1), said(2)]).unwrap();
    drop(journal);
    let place = dir.path().display();
    let script = format!("mount --bind '{place}' '{place}' && mount -o remount,ro,bind '{place}' && exec \"$@\"");
    let told = said_by(spawn("look", &path, Some(&script)));
    if !told.contains("running 1 test") {
        eprintln!("no user namespace with mounts here: no read-only place was made");
        return;
    }
    for expect in ["read 2", "ok true", "found 2", "open true"] {
        assert!(told.contains(expect), "{told}");
    }
}

#[test]
fn a_disk_too_full_to_begin_on_is_not_called_a_lost_append() {
    let (dir, _) = place();
    let mount = dir.path().join("small");
    std::fs::create_dir(&mount).unwrap();
    let script = format!("mount -t tmpfs -o size=972k none '{}' && exec \"$@\"", mount.display());
    let told = said_by(spawn("create", &mount.join("s/journal.db"), Some(&script)));
    if !told.contains("running 1 test") {
        eprintln!("no user namespace with mounts here: the disk was not filled");
        return;
    }
    assert!(told.contains("refused") && told.contains("journal.db"), "{told}");
    assert!(!told.contains("last append"), "nothing was appended yet: {told}");
}
