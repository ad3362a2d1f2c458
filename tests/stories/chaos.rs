//! Links, clients, servers and hosts die around decisions on two machines: no decision is lost, doubled, or misrouted. And
//! many sessions with clients that read nothing: none of them costs or delays anything.

use crate::screen::Hosts;
use crate::seat::{Room, Seat, assert_verifies, until};
use crate::sshd::Server;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Rounds and sessions of a plain test run. More are for those who change the wire: `RIGHTSEAT_ROUNDS=300`.
const ROUNDS: u64 = 6;
const SESSIONS: usize = 3;
const STALLED: usize = 5;

fn wanted(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// A client over ssh that may die at any time.
struct Client {
    child: Child,
    lines: Receiver<Value>,
}

impl Client {
    fn attach(server: &Server, session: &str) -> Self {
        let mut command = Command::new("ssh");
        command.env("PATH", server.path()).args(["far", "rightseat", "attach", session, "--stdio"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("ssh runs");
        let stdout = child.stdout.take().expect("stdout");
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let Ok(value) = serde_json::from_str(&line) else { return };
                if send.send(value).is_err() {
                    return;
                }
            }
        });
        let mut client = Self { child, lines };
        client.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "session/attach", "params": {"inbox": true}}));
        client
    }

    fn send(&mut self, message: &Value) {
        // A link that is down is noticed when reading.
        let _ = self.child.stdin.as_mut().map(|stdin| writeln!(stdin, "{message}").and_then(|()| stdin.flush()));
    }

    /// The first line for which this holds; `None` when the link is gone.
    fn wait<T>(&mut self, is_it: impl Fn(&Value) -> Option<T>) -> Option<T> {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(20)).ok()?;
            if let Some(found) = is_it(&line) {
                return Some(found);
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A machine with a session on it.
struct Machine<'a> {
    room: &'a Room,
    server: &'a Server,
    session: String,
}

impl Machine<'_> {
    fn decided(&self, action: &str) -> Vec<Value> {
        let (_, out, _) = self.room.run(&["export", &self.session, "--jsonl"]);
        let events = out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["kind"] == "decided" && event["action"] == action).collect()
    }

    /// Something dies.
    fn strike(&self, client: &mut Client, what: u64) {
        let kill = |pid: i32| {
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        };
        match what {
            0 => {}
            1 => self.server.wire.cut(),
            2 => drop(client.child.kill()),
            3 => self.server.serving().into_iter().for_each(kill),
            _ => Hosts(self.room).running().into_iter().for_each(kill),
        }
    }

    /// Decides on an action, however often it takes; what was acknowledged is not sent again.
    fn decide(&self, dice: &mut Dice, action: &str, verdict: &str, victims: u64) {
        for _ in 0..20 {
            let mut client = Client::attach(self.server, &self.session);
            let held = client.wait(|line| {
                let event = &line["params"]["envelope"];
                (event["kind"] == "held" && event["action"] == action).then(|| event["digest"].clone())
            });
            let Some(digest) = held else { continue };
            let (what, when) = (dice.roll(victims), dice.roll(3));
            if when == 0 {
                self.strike(&mut client, what);
            }
            let params = json!({"action": action, "digest": digest, "verdict": verdict});
            client.send(&json!({"jsonrpc": "2.0", "id": 2, "method": "action/decide", "params": params}));
            if when == 1 {
                if dice.roll(2) == 0 {
                    std::thread::park_timeout(Duration::from_micros(dice.roll(8_000)));
                }
                self.strike(&mut client, what);
            }
            let answer = client.wait(|line| (line["id"] == 2).then(|| line.clone()));
            if when == 2 {
                self.strike(&mut client, what);
            }
            match answer {
                // Acknowledged, or an earlier one had arrived.
                Some(answer) if answer.get("result").is_some() || answer["error"]["code"] == -32011 => return,
                Some(answer) => panic!("{}: {answer}", self.session),
                None => {}
            }
        }
        let (_, out, _) = self.room.run(&["export", &self.session, "--jsonl"]);
        let last: Vec<&str> = out.lines().rev().take(30).collect();
        panic!("{} {action} was never decided:\n{}", self.session, last.join("\n"));
    }
}

#[test]
fn no_decision_is_lost_doubled_or_misrouted_whatever_dies() {
    let rounds = wanted("RIGHTSEAT_ROUNDS", ROUNDS);
    let seed = wanted("RIGHTSEAT_SEED", 0x5eed);
    let rooms = [Room::with(&[]), Room::with(&[])];
    let servers = [Server::start(&rooms[0]), Server::start(&rooms[1])];
    let [Some(first), Some(second)] = &servers else { return };
    for round in 0..rounds {
        let mut dice = Dice((seed + round).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let machines: Vec<Machine<'_>> = rooms
            .iter()
            .zip([first, second])
            .enumerate()
            .map(|(at, (room, server))| {
                let edit =
                    |n: u32| json!({"edit": {"path": format!("r{round}-{n}.txt"), "after": format!("{at} {n}\n")}});
                let script = room.script_as(&format!("r{round}.jsonl"), &[edit(1), edit(2), edit(3)]);
                let (code, out, err) = room.run(&["--detached", "--agent", &script, "go"]);
                assert_eq!(code, 0, "{err}");
                let session = out.trim().strip_prefix("started ").expect("its name").to_owned();
                Machine { room, server, session }
            })
            .collect();
        let mut meant = Vec::new();
        for n in 1..=3 {
            for (at, machine) in machines.iter().enumerate() {
                let verdict = if dice.roll(3) == 0 { "deny" } else { "approve" };
                // The agent of a script does not outlive its host, so that dies last.
                machine.decide(&mut dice, &format!("a{n}"), verdict, if n == 3 { 5 } else { 4 });
                meant.push((at, n, verdict));
            }
        }
        for (at, n, verdict) in meant {
            let (machine, action) = (&machines[at], format!("a{n}"));
            let decided = machine.decided(&action);
            let is_ours = |event: &Value| {
                event["verdict"] == verdict && event["by"]["human"].as_str().is_some_and(|by| by.starts_with('c'))
            };
            assert!(decided.len() == 1 && is_ours(&decided[0]), "round {round}, seed {seed}: {verdict} {decided:?}");
            let file = format!("r{round}-{n}.txt");
            if verdict == "deny" {
                assert!(!machine.room.exists(&file), "round {round}: {file} was denied");
            } else if n < 3 {
                until("what was approved is there", || machine.room.exists(&file));
                assert_eq!(machine.room.read(&file), format!("{at} {n}\n"), "round {round}");
            }
        }
        for machine in &machines {
            for host in Hosts(machine.room).running() {
                let _ = kill_process(Pid::from_raw(host).expect("a process"), Signal::TERM);
            }
            Hosts(machine.room).wait_for_none();
            assert_verifies(machine.room, &machine.session);
        }
    }
    println!("{rounds} rounds of 6 decisions on two machines");
}

/// Kilobytes of a process that are its own, and its share of what others use as well.
fn pss_kb(pid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("Pss:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or(0)
}

/// How often each thread of these processes went to sleep so far.
fn sleeps(pids: &[i32]) -> BTreeMap<String, u64> {
    let tasks =
        pids.iter().flat_map(|pid| std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten());
    let count = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("status")).ok()?;
        let line = text.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?;
        Some((task.path().display().to_string(), line.split_whitespace().nth(1)?.parse::<u64>().ok()?))
    };
    tasks.filter_map(count).collect()
}

/// Wake-ups between two looks; a thread of a pool that is not needed any more ends once.
fn woken(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> u64 {
    after.iter().map(|(thread, count)| count - before.get(thread).unwrap_or(&0)).sum()
}

#[test]
fn clients_that_read_nothing_cost_and_delay_nothing() {
    let sessions = usize::try_from(wanted("RIGHTSEAT_SESSIONS", SESSIONS as u64)).unwrap_or(SESSIONS);
    let room = Room::with(&[]);
    let hosts = Hosts(&room);
    // More than a socket takes: whoever does not read it blocks the writer.
    let mut lines: Vec<Value> =
        (0..3_000).map(|n| json!({"say": format!("line {n} of what the agent says {}", "x".repeat(200))})).collect();
    lines.push(json!({"edit": {"path": "a.txt", "after": "two\n"}}));
    let script = room.script(&lines);
    let mut stalled = Vec::new();
    for _ in 0..sessions {
        let (code, out, err) = room.run(&["--detached", "--agent", &script, "go"]);
        assert_eq!(code, 0, "{err}");
        let session = out.trim().strip_prefix("started ").expect("its name").to_owned();
        for _ in 0..STALLED {
            let mut command = room.command(&["attach", &session, "--stdio"]);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary runs");
            let attach = json!({"jsonrpc": "2.0", "id": 1, "method": "session/attach", "params": {"from": 1}});
            writeln!(child.stdin.as_mut().expect("stdin"), "{attach}").expect("it reads");
            stalled.push(child);
        }
        // The next one is served all the same.
        let begun = Instant::now();
        let mut sixth = Seat::over(room.command(&["attach", &session, "--stdio"]));
        sixth.ask("session/attach", json!({"protocol": {"min": 1, "max": 1}, "control": true}));
        sixth.ask("session/processes", json!({}));
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(5), "{took:?}");
        sixth.ever("the question", |e| e["kind"] == "held");
        sixth.kill();
    }
    let running = hosts.running();
    assert_eq!(running.len(), sessions);
    // The drills of the stop are over when nothing is appended any more.
    until("nothing goes on", || {
        let before = sleeps(&running);
        std::thread::park_timeout(Duration::from_millis(3_000));
        sleeps(&running) == before
    });
    let before = sleeps(&running);
    std::thread::park_timeout(Duration::from_secs(5));
    let woken = woken(&before, &sleeps(&running));
    let pss: Vec<u64> = running.iter().map(|pid| pss_kb(*pid)).collect();
    let (most, mean) = (pss.iter().max().copied().unwrap_or(0), pss.iter().sum::<u64>() / pss.len().max(1) as u64);
    println!(
        "{sessions} sessions, {STALLED} stalled clients each: PSS {mean} kB on average, {most} kB at most; {woken} wake-ups in 5 s"
    );
    assert_eq!(woken, 0, "wake-ups at rest");
    for child in &mut stalled {
        let _ = child.kill();
        let _ = child.wait();
    }
    for pid in running {
        let _ = kill_process(Pid::from_raw(pid).expect("a process"), Signal::TERM);
    }
    hosts.wait_for_none();
}
