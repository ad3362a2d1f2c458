//! A program on a pseudo-terminal, seen from outside: its bytes, its processor time, its wake-ups and its end.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read as _, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const SIZE: PtySize = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
/// How long anything may take before a measurement gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A workspace with a state directory of its own and a script for its agent.
pub struct Room {
    dir: tempfile::TempDir,
    pub script: String,
}

impl Room {
    fn with(script: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("ws")).unwrap();
        std::fs::write(dir.path().join("ws/a.txt"), "one\n").unwrap();
        std::fs::write(dir.path().join("play.jsonl"), script).unwrap();
        let script = format!("script:{}", dir.path().join("play.jsonl").display());
        Self { dir, script }
    }

    /// The agent proposes a file of so many lines.
    pub fn with_one_edit(lines: usize) -> Self {
        let text: String = (1..=lines).map(|n| format!("line {n}\\n")).collect();
        Self::with(&format!("{{\"edit\":{{\"path\":\"a.txt\",\"after\":\"{text}\",\"why\":\"a bench\"}}}}\n"))
    }

    /// The agent says so many things.
    pub fn with_a_flood(updates: usize) -> Self {
        Self::with(&(0..updates).map(|n| format!("{{\"say\":\"update {n} of very many\"}}\n")).collect::<String>())
    }

    /// The process that has this room's newest session.
    pub fn host(&self) -> u32 {
        *self.hosts().last().expect("a host")
    }

    fn hosts(&self) -> Vec<u32> {
        let state = self.dir.path().to_path_buf();
        let is_here = |pid: &u32| {
            let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            fds.filter_map(|fd| std::fs::read_link(fd.path()).ok()).any(|target| target.starts_with(&state))
        };
        let is_host = |pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).nth(1) == Some(b"__host")
        };
        let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| is_host(pid) && is_here(pid)).collect()
    }

    pub fn end_hosts(&self) {
        for pid in self.hosts() {
            signal(pid, Signal::TERM);
        }
        let end = Instant::now() + PATIENCE;
        while !self.hosts().is_empty() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn signal(pid: u32, signal: Signal) {
    let _ = kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal);
}

/// A running program; it is killed when this is dropped.
pub struct Process {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    bytes: Receiver<Vec<u8>>,
    reader_shall_end: Arc<AtomicBool>,
    seen: Seen,
    began: Instant,
}

/// What the terminal has received.
#[derive(Default)]
pub struct Seen(Vec<u8>);

impl Seen {
    pub const CURSOR_SHOWN: &'static [u8] = b"\x1b[?25h";

    /// Sequences that ask the terminal for an answer: attributes, cursor, keyboard, modes, colors, capabilities.
    pub fn queries(&self) -> usize {
        let asks: [&[u8]; 9] =
            [b"\x1b[c", b"\x1b[0c", b"\x1b[>c", b"\x1b[>0c", b"\x1b[5n", b"\x1b[6n", b"\x1b[?u", b"$p", b"\x1bP+q"];
        asks.iter().map(|ask| count(&self.0, ask)).sum::<usize>()
            + count(&self.0, b";?\x1b\\")
            + count(&self.0, b";?\x07")
    }

    pub fn frames(&self) -> usize {
        count(&self.0, b"\x1b[?2026h")
    }
}

fn count(bytes: &[u8], needle: &[u8]) -> usize {
    memchr::memmem::find_iter(bytes, needle).count()
}

impl Process {
    pub fn ours(args: &[&str], room: &Room) -> Self {
        Self::start(env!("CARGO_BIN_EXE_rightseat"), args, room)
    }

    pub fn start(program: &str, args: &[&str], room: &Room) -> Self {
        let pair = native_pty_system().openpty(SIZE).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(room.dir.path().join("ws"));
        command.env_remove("NO_COLOR");
        command.env("RIGHTSEAT_STATE_DIR", room.dir.path().join("state"));
        command.env("XDG_CONFIG_HOME", room.dir.path().join("config"));
        for (key, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")] {
            command.env(key, value);
        }
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let (send, bytes) = channel();
        let reader_shall_end = Arc::new(AtomicBool::new(false));
        let shall_end = reader_shall_end.clone();
        let began = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() || shall_end.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        Self {
            child,
            master: Some(pair.master),
            writer: Some(writer),
            bytes,
            reader_shall_end,
            seen: Seen::default(),
            began,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("it was started")
    }

    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Takes what comes until then; false when nothing more came.
    fn take(&mut self, end: Instant) -> bool {
        let came = self.bytes.recv_timeout(end.saturating_duration_since(Instant::now()));
        came.is_ok_and(|bytes| {
            self.seen.0.extend_from_slice(&bytes);
            true
        })
    }

    /// Waits for bytes that have not been there before.
    pub fn wait_for(&mut self, needle: &[u8]) {
        let from = self.seen.0.len();
        let end = Instant::now() + PATIENCE;
        while memchr::memmem::find(&self.seen.0[from.saturating_sub(needle.len() - 1)..], needle).is_none() {
            let shown = String::from_utf8_lossy(needle);
            assert!(
                self.take(end),
                "never: {shown:?}; last: {:?}",
                String::from_utf8_lossy(self.seen.0.last_chunk::<300>().map_or(&self.seen.0[..], |last| last))
            );
        }
    }

    pub fn until(&mut self, end: Instant) {
        while self.take(end) {}
    }

    pub fn until_quiet(&mut self, quiet: Duration) {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && self.take(Instant::now() + quiet) {}
    }

    pub fn bytes_within(&mut self, time: Duration) -> usize {
        let before = self.seen.0.len();
        self.until(Instant::now() + time);
        self.seen.0.len() - before
    }

    pub fn press(&mut self, keys: &[u8]) {
        let writer = self.writer.as_mut().expect("the terminal is open");
        writer.write_all(keys).unwrap();
        writer.flush().unwrap();
    }

    /// The bytes that answer a key.
    pub fn answer_to(&mut self, keys: &[u8], quiet: Duration) -> usize {
        let before = self.seen.0.len();
        self.press(keys);
        self.until_quiet(quiet);
        self.seen.0.len() - before
    }

    /// Processor time of all its threads and wall time since its start, in milliseconds. It is stopped for good, so that
    /// the kernel's account is complete.
    pub fn cost_so_far(&mut self) -> (f64, f64) {
        let wall = self.began.elapsed().as_secs_f64() * 1e3;
        signal(self.pid(), Signal::STOP);
        while !self.is_stopped() {
            std::thread::yield_now();
        }
        let of_task = |dir: PathBuf| {
            let text = std::fs::read_to_string(dir.join("schedstat")).unwrap_or_default();
            text.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0)
        };
        (self.tasks().into_iter().map(of_task).sum::<f64>() / 1e6, wall)
    }

    fn tasks(&self) -> Vec<PathBuf> {
        tasks(self.pid())
    }

    fn is_stopped(&self) -> bool {
        let is_off = |dir: PathBuf| {
            let stat = std::fs::read_to_string(dir.join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['T', 't', 'Z', 'X']))
        };
        self.tasks().into_iter().all(is_off)
    }

    /// How often its threads have gone to sleep and so woken up.
    pub fn wakes(&self) -> u64 {
        wakes(self.pid())
    }

    /// Ends it by a signal, or by taking the terminal away. Gives the milliseconds until the process is gone.
    pub fn end(&mut self, by: Option<Signal>) -> f64 {
        let began = Instant::now();
        match by {
            Some(by) => signal(self.pid(), by),
            None => {
                // The reader's copy is the last one: it is closed when the answer to a key has been read.
                self.reader_shall_end.store(true, Ordering::SeqCst);
                self.press(b"j");
                self.writer = None;
                self.master = None;
            }
        }
        while began.elapsed() < PATIENCE {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return began.elapsed().as_secs_f64() * 1e3;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        f64::NAN
    }
}

fn tasks(pid: u32) -> Vec<PathBuf> {
    let all = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    all.map(|entry| entry.path()).collect()
}

/// Voluntary context switches of all threads of a process. Threads that end meanwhile take their count along.
pub fn wakes(pid: u32) -> u64 {
    let of_task = |dir: PathBuf| {
        let text = std::fs::read_to_string(dir.join("status")).unwrap_or_default();
        let count =
            text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<u64>().ok());
        count.unwrap_or(0)
    };
    tasks(pid).into_iter().map(of_task).sum()
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
