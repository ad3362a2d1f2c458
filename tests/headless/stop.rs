//! Stop works when nothing else does: while the host is busy, while a client hangs, on a full disk.

use crate::seat::{Room, Seat};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Evades a stop as far as it can, and writes without an end.
const STUBBORN: &str = "(setsid env -i sh -c 'trap \"\" TERM HUP; while :; do /bin/sleep 600; done' &) ; \
                        trap '' TERM HUP INT; while :; do echo flood; done";

/// With and without a layer, which as root are two ways to hold a command.
fn on_each_rung(files: &[(&str, &str)], mut check: impl FnMut(Room)) {
    check(Room::with(files));
    check(Room::with(files).without_layers());
}

fn start(room: &Room, command: &str) -> Seat {
    let script = room.script(&[json!({"run": {"command": command}})]);
    let mut seat = Seat::start(room, &["--agent", &script]);
    let held = seat.held();
    seat.approve(&held);
    seat.wait_kind("started");
    seat
}

fn runs(seat: &mut Seat, what: &str) -> bool {
    let answer = seat.ask("session/processes", json!({}));
    let all = answer["processes"].as_array().cloned().unwrap_or_default();
    all.iter().any(|one| one["argv"].as_str().is_some_and(|argv| argv.contains(what)))
}

fn until_it_runs(seat: &mut Seat, what: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    while !runs(seat, what) {
        assert!(Instant::now() < end, "{what} never ran");
    }
}

fn assert_stops(seat: &mut Seat) {
    let census: Value = seat.ask("gate/stop", json!({}));
    assert_eq!(census["survivors"], json!([]), "{census}");
    // Who ended them is open: the task of the command may have been first.
    assert!(census["checked_ms"].as_u64() <= Some(2_000), "{census}");
    assert!(!runs(seat, "sleep 600"), "one outlived the stop");
}

/// A client that asks for everything, reads nothing and is stopped itself.
struct Frozen(Child);

impl Frozen {
    fn attach(room: &Room, session: &str) -> Self {
        let mut command = room.command(&["attach", session, "--stdio"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let attach = json!({"jsonrpc": "2.0", "id": 1, "method": "session/attach",
                            "params": {"protocol": {"min": 1, "max": 1}, "from": 1, "control": false}});
        writeln!(child.stdin.as_mut().unwrap(), "{attach}").unwrap();
        Self(child)
    }

    fn freeze(&self) {
        let stopped = Command::new("kill").args(["-STOP", &self.0.id().to_string()]).status();
        assert!(stopped.is_ok_and(|status| status.success()));
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_stop_works_while_the_host_is_flooded_and_a_client_hangs() {
    on_each_rung(&[("a.txt", "1\n")], |room| {
        let mut seat = start(&room, STUBBORN);
        let client = Frozen::attach(&room, &seat.session.clone());
        seat.ever("the other client", |e| {
            e["kind"] == "client_changed" && e["what"] == "joined" && e["client"] != "c1"
        });
        client.freeze();
        until_it_runs(&mut seat, "sleep 600");
        seat.ever("the flood", |e| e["kind"] == "output");
        assert_stops(&mut seat);
    });
}

#[test]
fn a_stop_works_when_the_disk_of_the_record_is_full() {
    on_each_rung(&[("a.txt", "1\n")], |mut room| {
        let small = room.dir.path().join("small");
        std::fs::create_dir(&small).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "none"]).arg(&small).output();
        if !mount.is_ok_and(|mounted| mounted.status.success()) {
            return println!("not run: a small file system cannot be mounted by this user");
        }
        let mounted = Mounted(small.clone());
        room.keep_state_in(small.join("state"));
        let mut seat = start(&room, "(setsid sleep 600 &) ; sleep 600");
        until_it_runs(&mut seat, "sleep 600");
        fill(&small);
        let refused = seat.try_ask("gate/mode", json!({"mode": "observe"})).unwrap_err();
        assert_eq!(refused["code"], -32013, "{refused}");
        assert_stops(&mut seat);
        seat.kill();
        drop(mounted);
    });
}

/// Writes until nothing more fits.
fn fill(dir: &std::path::Path) {
    let mut file = std::fs::File::create(dir.join("filler")).unwrap();
    while file.write_all(&[7; 4096]).is_ok() {}
    while file.write_all(&[7]).is_ok() {}
}

struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(&self.0).status();
    }
}
