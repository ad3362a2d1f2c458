//! What the real binary costs on a real pseudo-terminal: its way to the first frame beside that of a bare ratatui program
//! with four empty panes, memory, rest, bytes, a flood, and the way out.
//!
//! `cargo bench --bench process`. The floor is this program started again with `--floor`; it links nothing of rightseat.
//! Peers that happen to be installed (`tig`, `htop`) are measured the same way.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a measurement stops where its set-up fails"
)]

mod floor;
mod pty;
#[path = "../support/mod.rs"]
mod support;

use pty::{Process, Room, Seen};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::{Sheet, median};

const FRAME_END: &[u8] = b"\x1b[?2026l";
const ROUNDS: usize = 15;
const QUIET: Duration = Duration::from_millis(300);
const REST: Duration = Duration::from_secs(10);
const FLOOD_UPDATES: usize = 100_000;
const FLOOD_LOOKED_AT: Duration = Duration::from_secs(12);

/// Of client and of host, on the demo.
const RSS_KIB_MAX: f64 = 25.0 * 1024.0;
const FLOOD_RSS_KIB_MAX: f64 = 300.0 * 1024.0;

fn main() -> ExitCode {
    if std::env::args().any(|word| word == "--floor") {
        return floor::main();
    }
    if !support::is_measuring() {
        return ExitCode::SUCCESS;
    }
    let mut sheet = Sheet::new("the real binary");
    start(&mut sheet);
    rest(&mut sheet);
    leave(&sheet);
    demo(&mut sheet);
    flood(&mut sheet);
    sheet.end()
}

/// Processor time and wall time to the first frame, in turn with the floor.
fn start(sheet: &mut Sheet) {
    let this = std::env::current_exe().unwrap();
    let peers: Vec<&str> = ["tig", "htop"].into_iter().filter(|name| on_path(name)).collect();
    let room = Room::with_one_edit(40);
    let (mut ours, mut attach, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    let mut others = vec![Vec::new(); peers.len()];
    let mut queries = 0;
    for _ in 0..ROUNDS {
        let mut floor = Process::start(this.to_str().unwrap(), &["--floor"], &room);
        floor.wait_for(floor::LAST_WORDS);
        bare.push(floor.cost_so_far());
        let mut client = Process::ours(&["--agent", &room.script, "go"], &room);
        client.wait_for(FRAME_END);
        ours.push(client.cost_so_far());
        queries += client.seen().queries();
        // The first frame does not wait for the session, and `attach` needs one.
        client.wait_for(b"a.txt");
        let mut client = Process::ours(&["attach"], &room);
        client.wait_for(FRAME_END);
        attach.push(client.cost_so_far());
        for (name, costs) in peers.iter().zip(&mut others) {
            let mut peer = Process::start(name, &[], &room);
            peer.until_quiet(QUIET);
            costs.push(peer.cost_so_far());
        }
    }
    let cpu = |costs: &[(f64, f64)]| median(costs.iter().map(|(cpu, _)| *cpu).collect());
    let wall = |costs: &[(f64, f64)]| median(costs.iter().map(|(_, wall)| *wall).collect());
    let floor_ms = cpu(&bare);
    sheet.ratio("a new session: processor time to the first frame", "ms", cpu(&ours), floor_ms, 4.0);
    sheet.ratio("attach: processor time to the first frame", "ms", cpu(&attach), floor_ms, 4.0);
    sheet.figure("a new session: wall time to the first frame", format!("{:.1} ms", wall(&ours)), "");
    sheet.figure("the floor: wall time to its first frame", format!("{:.1} ms", wall(&bare)), "");
    for (name, costs) in peers.iter().zip(&others) {
        sheet.figure(&format!("{name}: processor time to a quiet screen"), format!("{:.1} ms", cpu(costs)), "a peer");
    }
    sheet.count("questions to the terminal before the first frame", "", queries as f64, 0.0);
    room.end_hosts();
}

fn on_path(name: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|dir| dir.join(name).is_file())
}

/// A question waits and nobody does anything; then keys are counted in bytes.
fn rest(sheet: &mut Sheet) {
    let room = Room::with_one_edit(200);
    let mut client = Process::ours(&["--agent", &room.script, "go"], &room);
    client.wait_for(b"a.txt");
    client.until_quiet(Duration::from_secs(2));
    let host = room.host();
    let (wakes, host_wakes) = (client.wakes(), pty::wakes(host));
    let bytes = client.bytes_within(REST);
    sheet.count("ten seconds with a question waiting: bytes", "B", bytes as f64, 0.0);
    sheet.count("the same: times the client woke up", "", client.wakes().saturating_sub(wakes) as f64, 0.0);
    sheet.count("the same: times the host woke up", "", pty::wakes(host).saturating_sub(host_wakes) as f64, 0.0);

    client.press(b"i");
    client.until_quiet(QUIET);
    let typed: Vec<usize> = b"supervise".iter().map(|key| client.answer_to(&[*key], QUIET)).collect();
    // The age of what waits is drawn again with whatever else is drawn, once a second at most.
    sheet.count("a typed character, middle of nine", "B", middle(&typed), 60.0);
    client.press(b"\x1b");
    client.until_quiet(QUIET);
    client.press(b"3");
    client.until_quiet(QUIET);
    let moved: Vec<usize> = (0..12).map(|_| client.answer_to(b"j", QUIET)).collect();
    sheet.count("a move in the diff, middle of twelve", "B", middle(&moved), 400.0);
    let frames = client.seen().frames();
    client.press(&b"j".repeat(200));
    client.until_quiet(QUIET);
    // The first key of a backlog may be drawn alone, before the others have come.
    sheet.count("200 keys at once: frames", "", (client.seen().frames() - frames) as f64, 3.0);
    room.end_hosts();
}

fn middle(values: &[usize]) -> f64 {
    median(values.iter().map(|value| *value as f64).collect())
}

/// From a signal, or a terminal that is gone, to the end of the process.
fn leave(sheet: &Sheet) {
    use rustix::process::Signal;
    for (name, signal) in [
        ("SIGTERM", Some(Signal::TERM)),
        ("SIGHUP", Some(Signal::HUP)),
        ("SIGINT", Some(Signal::INT)),
        ("a hung-up terminal", None),
    ] {
        let room = Room::with_one_edit(40);
        let times: Vec<f64> = (0..5)
            .map(|round| {
                let script = ["--agent", &room.script, "go"];
                let mut client = Process::ours(if round == 0 { &script } else { &["attach"] }, &room);
                client.wait_for(b"a.txt");
                client.until_quiet(QUIET);
                client.end(signal)
            })
            .collect();
        sheet.figure(&format!("{name}: to the end of the client"), format!("{:.1} ms", median(times)), "20 ms");
        room.end_hosts();
    }
}

/// Memory at rest on the demo, with its first proposal in sight.
fn demo(sheet: &mut Sheet) {
    let room = Room::with_one_edit(1);
    let mut client = Process::ours(&["demo"], &room);
    client.wait_for(FRAME_END);
    client.until_quiet(Duration::from_secs(4));
    let host = room.host().to_string();
    for (who, pid) in [("client", client.pid().to_string()), ("host", host)] {
        sheet.count(
            &format!("demo: resident memory of the {who}"),
            "KiB",
            support::status_kib(&pid, "VmRSS:"),
            RSS_KIB_MAX,
        );
    }
    room.end_hosts();
}

/// An agent that talks as fast as it can; the composer is opened and closed meanwhile.
fn flood(sheet: &mut Sheet) {
    let room = Room::with_a_flood(FLOOD_UPDATES);
    let mut client = Process::ours(&["--agent", &room.script, "go"], &room);
    client.wait_for(b"update");
    let host = room.host().to_string();
    let (mut latencies, mut peak, mut host_peak) = (Vec::new(), 0.0_f64, 0.0_f64);
    let began = Instant::now();
    while began.elapsed() < FLOOD_LOOKED_AT {
        let pressed = Instant::now();
        client.press(b"i");
        client.wait_for(Seen::CURSOR_SHOWN);
        latencies.push(pressed.elapsed().as_secs_f64() * 1e3);
        client.press(b"\x1b");
        client.until(Instant::now() + Duration::from_millis(150));
        peak = peak.max(support::status_kib(&client.pid().to_string(), "VmHWM:"));
        host_peak = host_peak.max(support::status_kib(&host, "VmHWM:"));
    }
    latencies.sort_by(f64::total_cmp);
    let worst = latencies.last().copied().unwrap_or(f64::NAN);
    sheet.figure("a flood of 100 000 updates: key to frame, middle", format!("{:.1} ms", median(latencies)), "100 ms");
    sheet.figure("the same, slowest", format!("{worst:.1} ms"), "100 ms");
    sheet.count("the same: most memory of the client", "KiB", peak, FLOOD_RSS_KIB_MAX);
    sheet.count("the same: most memory of the host", "KiB", host_peak, FLOOD_RSS_KIB_MAX);
    let gone = client.end(Some(rustix::process::Signal::TERM));
    sheet.figure("SIGTERM in the middle of it: to the end of the client", format!("{gone:.1} ms"), "20 ms");
    room.end_hosts();
}
