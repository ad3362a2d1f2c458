//! What the real client costs a slow link: bytes per typed character, per move in a list, and when nothing happens. And
//! what client and host cost the machine then: nothing.

use crate::screen::{Hosts, Screen};
use crate::seat::Room;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// Silence after which a frame has ended for sure.
const QUIET: Duration = Duration::from_millis(250);
const IDLE: Duration = Duration::from_secs(2);
/// A synchronized update (16 bytes) and the character; the first one takes the hint away that stood in its place.
const TYPED_BYTES_MAX: usize = 60;
/// Two rows of a pane change their background, at worst.
const MOVE_BYTES_MAX: usize = 900;

at_every_size!(keys_cost_little_and_silence_nothing);

fn keys_cost_little_and_silence_nothing(size: (u16, u16)) {
    let room = Room::with(&[]);
    let _hosts = Hosts(&room);
    let text: String = (1..=200).map(|n| format!("line {n}\n")).collect();
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": text}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], size);
    screen.wait("the question is shown", |text| text.contains("line 3"));
    screen.bytes_until_quiet(QUIET);
    assert_eq!(screen.bytes_until_quiet(IDLE), 0, "bytes in two seconds of silence");

    screen.command("compose");
    screen.wait_for("Enter send");
    screen.bytes_until_quiet(QUIET);
    let typed: Vec<usize> = "supervise"
        .chars()
        .map(|c| {
            screen.type_text(&c.to_string());
            screen.bytes_until_quiet(QUIET)
        })
        .collect();
    screen.press("esc");
    screen.wait_gone("Enter send");

    screen.command("focus-diff");
    screen.bytes_until_quiet(QUIET);
    let moved: Vec<usize> = (0..12)
        .map(|_| {
            screen.command("down");
            screen.bytes_until_quiet(QUIET)
        })
        .collect();
    println!("{size:?}: typed {typed:?}, moved {moved:?}");
    assert!(typed.iter().all(|bytes| (1..=TYPED_BYTES_MAX).contains(bytes)), "typed {typed:?}");
    assert!(typed.iter().filter(|bytes| **bytes <= 20).count() >= typed.len() / 2, "mostly one character: {typed:?}");
    assert!(moved.iter().all(|bytes| *bytes <= MOVE_BYTES_MAX), "moved {moved:?}");
    screen.quit();
}

/// Stretches of silence that are looked at before the test says that somebody never rests: after a change the watcher
/// looks over the tree once more.
const RESTS_MAX: usize = 10;

#[test]
fn a_question_that_waits_wakes_neither_client_nor_host() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], (120, 40));
    screen.wait_for("two");
    let pids = [screen.pid(), u32::try_from(hosts.running()[0]).unwrap()];
    let mut woken = Vec::new();
    for _ in 0..RESTS_MAX {
        let before = pids.map(wakes);
        let bytes = screen.bytes_until_quiet(IDLE);
        // A thread that ended meanwhile had nothing to do either.
        let woke = |(before, pid): (&BTreeMap<String, String>, u32)| -> Vec<String> {
            let now = wakes(pid);
            now.into_iter()
                .filter(|(thread, count)| before.get(thread) != Some(count))
                .map(|(thread, _)| thread)
                .collect()
        };
        let threads: Vec<Vec<String>> = before.iter().zip(pids).map(woke).collect();
        if bytes == 0 && threads.iter().all(Vec::is_empty) {
            screen.quit();
            return;
        }
        woken.push((bytes, threads));
    }
    panic!("never at rest; bytes, and the threads of client and host that woke up: {woken:?}");
}

/// How often each thread of a process has gone to sleep.
fn wakes(pid: u32) -> BTreeMap<String, String> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("a process");
    let of_thread = |dir: std::path::PathBuf| {
        let status = std::fs::read_to_string(dir.join("status")).ok()?;
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        Some((dir.file_name()?.to_str()?.to_owned(), count.trim().to_owned()))
    };
    threads.flatten().filter_map(|thread| of_thread(thread.path())).collect()
}

#[test]
fn the_first_frame_does_not_wait_for_the_host() {
    use rustix::process::{Pid, Signal, kill_process};
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut screen = Screen::open(&room, &["--agent", &script], (120, 40));
    screen.wait_for("two");
    screen.command("detach");
    screen.gone("detach");
    let host = Pid::from_raw(hosts.running()[0]).unwrap();
    kill_process(host, Signal::STOP).unwrap();
    let mut again = Screen::open(&room, &["attach"], (120, 40));
    again.wait("a frame before the host has said a word", |text| text.contains("Diff") && !text.contains("two"));
    kill_process(host, Signal::CONT).unwrap();
    again.wait_for("two");
    again.quit();
}
