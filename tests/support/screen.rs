//! The real binary on a real pseudo-terminal: keys by the names of commands in, a parsed screen out, waits with names.
//! Every byte the terminal receives is held against the list of what may ever be sent.

use crate::audit::Audit;
use crate::seat::{Room, only_session, until};
use crossterm::event::{KeyCode, KeyModifiers};
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, SlavePty, native_pty_system};
use rightseat::ui::keymap::{self, Keymap};
use rightseat::ui::terminal::Key;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long anything may take before a story says that it never came. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long a key's effect may take before a refusal on the screen is believed and the key is pressed again. Longer
/// than the time within which the same key counts as held down.
pub const KEY_AGAIN: Duration = Duration::from_millis(1000);
/// The time between the repeats of a key that is held down, as on most desktops.
const KEY_REPEATS: Duration = Duration::from_millis(33);
/// How often something outside the terminal is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// A client that was asked to end is gone after this, busy machine or not.
pub const GONE_WITHIN: Duration = Duration::from_secs(5);
/// A client that has not read its keys by then is stopped on purpose.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// The sizes every story is told at: one pane, two columns, three columns.
pub const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

/// A client in its terminal.
pub struct Screen {
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    /// Kept open, so that the terminal outlives its client and its settings can be compared.
    slave: Option<Box<dyn SlavePty + Send>>,
    child: Box<dyn Child + Send + Sync>,
    bytes: Receiver<Vec<u8>>,
    reader_shall_end: Arc<AtomicBool>,
    terminal: vt100::Parser,
    audit: Audit,
    settings_before: String,
    keymap: Keymap,
    /// Every byte the terminal received.
    pub sent: Vec<u8>,
    /// The last that was typed is a lone Escape.
    escaped: bool,
    pub size: (u16, u16),
}

impl Screen {
    /// Starts the binary in this room, on a terminal of this size.
    pub fn open(room: &Room, args: &[&str], size: (u16, u16)) -> Self {
        Self::open_in(room, &room.workspace(), args, size, &[])
    }

    /// The same in a directory and with more of an environment.
    pub fn open_in(room: &Room, dir: &Path, args: &[&str], size: (u16, u16), env: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(pty_size(size)).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_rightseat"));
        command.args(args);
        command.cwd(dir);
        for gone in ["NO_COLOR", "VISUAL", "EDITOR", "LC_ALL", "LC_CTYPE"] {
            command.env_remove(gone);
        }
        command.env("RIGHTSEAT_STATE_DIR", room.state());
        command.env("XDG_CONFIG_HOME", room.dir.path().join("config"));
        for (key, value) in [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")] {
            command.env(key, value);
        }
        for (key, value) in env {
            command.env(key, value);
        }
        let settings_before = settings(pair.master.as_ref());
        let child = pair.slave.spawn_command(command).expect("the binary runs");
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let writer = pair.master.take_writer().expect("a writer");
        let (send, bytes) = channel();
        let reader_shall_end = Arc::new(AtomicBool::new(false));
        let shall_end = reader_shall_end.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() || shall_end.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        Self {
            master: Some(pair.master),
            writer: Some(writer),
            slave: Some(pair.slave),
            child,
            bytes,
            reader_shall_end,
            terminal: vt100::Parser::new(cells(size.1), cells(size.0), 0),
            audit: Audit::new(args.contains(&"--linear")),
            settings_before,
            keymap: keymap::builtin("default").expect("the default keymap"),
            sent: Vec::new(),
            escaped: false,
            size,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("it was started")
    }

    // What is on the screen.

    /// The screen in rows of text.
    pub fn text(&self) -> String {
        let screen = self.terminal.screen();
        let (rows, columns) = screen.size();
        let mut text = String::new();
        for row in 0..rows.get() {
            let mut line = String::new();
            for column in 0..columns.get() {
                let Some(cell) = screen.cell(row, column) else { continue };
                if !cell.is_wide_continuation() {
                    line.push_str(if cell.has_contents() { cell.contents() } else { " " });
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// Where the terminal's own cursor is, from 0: column and row. Input methods open their windows there.
    pub fn cursor(&self) -> (usize, usize) {
        let (row, column) = self.terminal.screen().cursor_position();
        (usize::from(column), usize::from(row))
    }

    /// Takes what the terminal receives until `end`; false when nothing came by then.
    fn take(&mut self, end: Instant) -> bool {
        match self.bytes.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(bytes) => {
                self.sent.extend_from_slice(&bytes);
                self.audit.take(&bytes);
                self.terminal.process(&bytes);
                let cursor = self.terminal.screen().cursor_position();
                let answers = self.audit.answers(cursor);
                self.send(&answers);
                let bad = self.audit.forbidden();
                assert!(bad.is_empty(), "the terminal received what it must never receive: {bad:?}\n{}", self.text());
                true
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }

    /// Waits until the whole frame on the screen is so.
    pub fn wait(&mut self, name: &str, is_so: impl Fn(&str) -> bool) {
        self.wait_within(PATIENCE, name, is_so);
    }

    /// The same where more, or less, patience is needed.
    pub fn wait_within(&mut self, patience: Duration, name: &str, is_so: impl Fn(&str) -> bool) {
        self.wait_until(Instant::now() + patience, &is_so)
            .unwrap_or_else(|| panic!("never: {name}\n{}", self.picture()));
    }

    /// Presses a key of a command again and again for so long, as a keyboard does for a key that is held down.
    pub fn hold_down(&mut self, command: &str, long: Duration) {
        let end = Instant::now() + long;
        while Instant::now() < end {
            self.command(command);
            let next = Instant::now() + KEY_REPEATS;
            while self.take(next) {}
        }
    }

    pub fn wait_for(&mut self, words: &str) {
        self.wait(&format!("{words:?} is shown"), |text| text.contains(words));
    }

    pub fn wait_gone(&mut self, words: &str) {
        self.wait(&format!("{words:?} is gone"), |text| !text.contains(words));
    }

    /// Waits until nothing runs, waits or is being thought about.
    pub fn wait_idle(&mut self) {
        self.wait("nothing is open", |text| {
            let head = text.lines().next().unwrap_or_default();
            head.contains("idle") || head.contains("session done")
        });
    }

    pub fn wait_until(&mut self, end: Instant, is_so: &impl Fn(&str) -> bool) -> Option<()> {
        loop {
            if !self.audit.in_frame() && is_so(&self.text()) {
                return Some(());
            }
            let now = Instant::now();
            if now >= end {
                return None;
            }
            self.take(end.min(now + LOOK_EVERY));
        }
    }

    /// The bytes that come until nothing has come for `quiet`.
    pub fn bytes_until_quiet(&mut self, quiet: Duration) -> usize {
        let before = self.sent.len();
        while self.take(Instant::now() + quiet) {}
        self.sent.len() - before
    }

    /// What was put on the clipboard, base64.
    pub fn copied(&self) -> &[String] {
        self.audit.copied()
    }

    /// The screen with a frame around it, for a failed wait.
    pub fn picture(&self) -> String {
        let rule = "-".repeat(usize::from(self.size.0));
        let status = if self.is_alive() { "the client runs" } else { "the client is gone" };
        format!("+{rule}\n{}+{rule} {status}", self.text().lines().map(|l| format!("|{l}\n")).collect::<String>())
    }

    // The human's hands.

    /// Bytes as a terminal sends them.
    pub fn send(&mut self, bytes: &[u8]) {
        if std::mem::replace(&mut self.escaped, bytes == b"\x1b") {
            self.wait_until_read();
        }
        let Some(writer) = self.writer.as_mut().filter(|_| !bytes.is_empty()) else { return };
        writer.write_all(bytes).and_then(|()| writer.flush()).expect("the terminal takes keys");
    }

    /// Until the client has read all that was sent: Escape that is read together with the next key is Alt.
    fn wait_until_read(&self) {
        let Some(path) = self.master.as_ref().and_then(|master| master.tty_name()) else { return };
        let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK;
        let Ok(tty) = rustix::fs::open(&path, flags, Mode::empty()) else { return };
        let end = Instant::now() + READ_WITHIN;
        while Instant::now() < end {
            match poll(&mut [PollFd::new(&tty, PollFlags::IN)], Some(&Timespec::default())) {
                Ok(1..) => std::thread::park_timeout(Duration::from_millis(1)),
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Keys as a keymap writes them.
    pub fn press(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            self.send(&encoded(Key::parse(key).expect("a key")));
        }
    }

    /// The keys of a command, by its name. Where a message is written, the composer is left first.
    pub fn command(&mut self, name: &str) {
        let works_anywhere = matches!(name, "stop" | "interrupt");
        if !works_anywhere && self.text().contains("Enter send  Tab") {
            self.press("esc");
            self.wait_gone("Enter send  Tab");
        }
        let binding = self.keymap.bindings().iter().find(|binding| binding.command.name == name);
        let keys: Vec<u8> = binding.expect("a command").keys.iter().flat_map(|key| encoded(*key)).collect();
        self.send(&keys);
    }

    pub fn type_text(&mut self, text: &str) {
        self.send(text.as_bytes());
    }

    /// A paste as terminals bracket it.
    pub fn paste(&mut self, text: &str) {
        self.send(format!("\x1b[200~{text}\x1b[201~").as_bytes());
    }

    /// A left click on a cell, from 0.
    pub fn click(&mut self, x: u16, y: u16) {
        self.send(format!("\x1b[<0;{0};{1}M\x1b[<0;{0};{1}m", x + 1, y + 1).as_bytes());
    }

    /// One notch of the wheel.
    pub fn wheel(&mut self, x: u16, y: u16, down: bool) {
        self.send(format!("\x1b[<{};{};{}M", if down { 65 } else { 64 }, x + 1, y + 1).as_bytes());
    }

    /// Presses the key of a command that lets something happen, again as long as the client says that it was too
    /// early, until the effect is there.
    pub fn consent(&mut self, command: &str, name: &str, is_so: impl Fn(&str) -> bool) {
        const REFUSALS: [&str; 6] = [
            "nothing was approved",
            "nothing was decided",
            "before you approve it",
            "unseen lines",
            "not connected",
            "press again to approve",
        ];
        let end = Instant::now() + PATIENCE;
        loop {
            self.command(command);
            if self.wait_until(Instant::now() + KEY_AGAIN, &is_so).is_some() {
                return;
            }
            let refused = |text: &str| REFUSALS.iter().any(|words| text.contains(words));
            let settled = |text: &str| is_so(text) || refused(text);
            self.wait_until(end, &settled).unwrap_or_else(|| panic!("never: {name}\n{}", self.picture()));
            if is_so(&self.text()) {
                return;
            }
            assert!(Instant::now() < end, "never: {name}\n{}", self.picture());
        }
    }

    /// Focuses the diff, reads it to its end, and approves it.
    pub fn approve(&mut self, name: &str, is_so: impl Fn(&str) -> bool) {
        self.command("focus-diff");
        self.command("bottom");
        self.consent("approve", name, is_so);
    }

    pub fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
        self.terminal.screen_mut().set_size(cells(size.1), cells(size.0));
        self.master.as_ref().expect("a terminal").resize(pty_size(size)).expect("a size");
    }

    // Ends.

    pub fn is_alive(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    }

    /// Waits until the process is stopped, as job control stops it.
    pub fn wait_stopped(&mut self) {
        let stat = format!("/proc/{}/stat", self.pid());
        self.wait("the client is stopped", |_| {
            let stat = std::fs::read_to_string(&stat).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
        });
    }

    /// The terminal's settings are those from before the client.
    pub fn assert_settings(&self, when: &str) {
        let master = self.master.as_ref().expect("a terminal");
        assert_eq!(settings(master.as_ref()), self.settings_before, "termios {when}");
    }

    /// What another program writes to the terminal meanwhile.
    pub fn scribble(&mut self, text: &str) {
        while self.take(Instant::now() + LOOK_EVERY) {}
        self.terminal.process(text.as_bytes());
    }

    pub fn signal(&mut self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, signal).expect("it runs");
    }

    /// The terminal goes away, as when a window is closed.
    pub fn hang_up(&mut self) {
        self.reader_shall_end.store(true, Ordering::SeqCst);
        // Whatever the client draws for it wakes the reader, which then lets go of the terminal.
        self.command("redraw");
        let end = Instant::now() + PATIENCE;
        loop {
            match self.bytes.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.sent.extend_from_slice(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("never: the reader lets go\n{}", self.picture()),
            }
        }
        self.writer = None;
        self.slave = None;
        self.master = None;
    }

    /// Waits for the client's end, which must come soon, and takes its last bytes.
    pub fn gone(&mut self, name: &str) -> ExitStatus {
        let end = Instant::now() + GONE_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait().expect("a status") {
                while self.take(Instant::now() + LOOK_EVERY) {}
                return status;
            }
            assert!(Instant::now() < end, "the client did not end: {name}\n{}", self.picture());
            self.take(Instant::now() + LOOK_EVERY);
        }
    }

    /// Everything that was switched on is switched off again, and the terminal's settings are what they were.
    pub fn assert_restored(&mut self) {
        // The client is gone, its last bytes may still be on their way through the reader.
        let end = Instant::now() + GONE_WITHIN;
        while !self.sent.windows(LAST.len()).any(|part| part == LAST) && Instant::now() < end {
            self.take(Instant::now() + LOOK_EVERY);
        }
        while self.take(Instant::now() + LOOK_EVERY) {}
        let stream = String::from_utf8_lossy(&self.sent).into_owned();
        let count = |bytes: &str| stream.matches(bytes).count();
        for (on, off) in MODES {
            // Once for each client: one may follow the other.
            assert!(count(on) >= 1 && count(on) == count(off), "{on:?} {}, {off:?} {}", count(on), count(off));
        }
        let tail = stream.rsplit_once("\x1b[?1049l").map(|(_, tail)| tail.to_owned()).unwrap_or_default();
        assert!(tail.contains("\x1b[?25h") && !tail.contains("\x1b[?25l"), "the cursor is left hidden: {tail:?}");
        self.assert_settings("afterwards");
    }

    /// `q`, the exit code, and the terminal as it was.
    pub fn quit(mut self) {
        self.command("quit");
        // A letter right after a message is text; Esc ends that.
        let end = Instant::now() + KEY_AGAIN;
        while self.child.try_wait().expect("a status").is_none() && Instant::now() < end {
            if self.text().contains("keys right after a message count as text") {
                self.press("esc");
                // Together they would be one key.
                self.wait_gone("keys right after a message count as text");
                self.command("quit");
                break;
            }
            self.take(Instant::now() + LOOK_EVERY);
        }
        let status = self.gone("quit");
        assert_eq!(status.exit_code(), 0, "{status:?}\n{}", self.picture());
        self.assert_restored();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is switched on at the beginning and off at the end.
const MODES: [(&str, &str); 5] = [
    ("\x1b[?1049h", "\x1b[?1049l"),
    ("\x1b[?2004h", "\x1b[?2004l"),
    ("\x1b[?1004h", "\x1b[?1004l"),
    ("\x1b[?1000h", "\x1b[?1000l"),
    ("\x1b[?1006h", "\x1b[?1006l"),
];

/// What a client switches off last but the cursor.
const LAST: &[u8] = b"\x1b[?1049l";

fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count.max(1)).expect("at least one")
}

/// The terminal's settings in words; `nix` and its version stay out of this file.
fn settings(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("settings"))
}

/// What a VT-style terminal sends for a key.
fn encoded(key: Key) -> Vec<u8> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let mut bytes = match key.code {
        KeyCode::Char(c) if control => vec![u8::try_from(c.to_ascii_uppercase()).expect("ASCII") & 0x1f],
        KeyCode::Char(c) => c.to_string().into_bytes(),
        KeyCode::Enter => b"\r".to_vec(),
        KeyCode::Esc => b"\x1b".to_vec(),
        KeyCode::Tab if key.modifiers.contains(KeyModifiers::SHIFT) => b"\x1b[Z".to_vec(),
        KeyCode::Tab => b"\t".to_vec(),
        KeyCode::Backspace => b"\x7f".to_vec(),
        KeyCode::Delete => b"\x1b[3~".to_vec(),
        KeyCode::Up => b"\x1b[A".to_vec(),
        KeyCode::Down => b"\x1b[B".to_vec(),
        KeyCode::Right => b"\x1b[C".to_vec(),
        KeyCode::Left => b"\x1b[D".to_vec(),
        KeyCode::Home => b"\x1b[H".to_vec(),
        KeyCode::End => b"\x1b[F".to_vec(),
        KeyCode::PageUp => b"\x1b[5~".to_vec(),
        KeyCode::PageDown => b"\x1b[6~".to_vec(),
        KeyCode::F(n @ 1..=4) => vec![0x1b, b'O', b'O' + n],
        other => panic!("no bytes are known for {other:?}"),
    };
    if key.modifiers.contains(KeyModifiers::ALT) {
        bytes.insert(0, 0x1b);
    }
    bytes
}

/// Ends every process that was started in this room, hosts above all: they outlive their clients by design.
pub struct Hosts<'a>(pub &'a Room);

impl Hosts<'_> {
    /// The hosts of this room that run.
    pub fn running(&self) -> Vec<i32> {
        self.of_room().into_iter().filter(|(_, argv)| argv.contains("__host")).map(|(pid, _)| pid).collect()
    }

    pub fn wait_for_none(&self) {
        until("the host has ended with its session", || self.running().is_empty());
    }

    /// The outcome of the room's only session, from its record. Its host must have ended or must end by itself.
    pub fn outcome(&self) -> String {
        self.wait_for_none();
        let (code, out, err) = self.0.run(&["export", &only_session(self.0), "--jsonl"]);
        assert_eq!(code, 0, "{err}");
        let mut ended = out.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let ended = ended.rfind(|event| event["kind"] == "session_ended");
        let ended = ended.unwrap_or_else(|| panic!("the session has not ended:\n{out}"));
        ended["outcome"].as_str().unwrap_or_default().to_owned()
    }

    fn of_room(&self) -> Vec<(i32, String)> {
        let mark = self.0.state().into_os_string().into_encoded_bytes();
        let read = |pid: i32, what: &str| std::fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
        std::fs::read_dir("/proc")
            .expect("/proc")
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
            .filter(|pid| read(*pid, "environ").windows(mark.len()).any(|part| part == mark))
            .map(|pid| (pid, String::from_utf8_lossy(&read(pid, "cmdline")).into_owned()))
            .collect()
    }
}

impl Drop for Hosts<'_> {
    fn drop(&mut self) {
        for (pid, _) in self.of_room() {
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}
