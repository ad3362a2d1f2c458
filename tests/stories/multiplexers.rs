//! Inside of tmux and GNU screen: home and a session draw, keys work, and a new size is taken over.

use crate::screen::Hosts;
use crate::seat::{Room, until};
use serde_json::json;
use std::process::{Command, Stdio};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tmux,
    Screen,
}

/// A terminal of its own, in a multiplexer without the user's settings.
struct Multiplexer<'a> {
    kind: Kind,
    room: &'a Room,
}

impl<'a> Multiplexer<'a> {
    /// `None`, and loudly so, where it is not installed.
    fn start(kind: Kind, room: &'a Room, args: &[&str]) -> Option<Self> {
        let one = Self { kind, room };
        let program = env!("CARGO_BIN_EXE_rightseat");
        let mut command = match kind {
            Kind::Tmux => one.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40"]),
            Kind::Screen => one.screen(&["-c", "/dev/null", "-dmS", "story"]),
        };
        command.arg(program).args(args).current_dir(room.workspace());
        let Ok(status) = command.status() else {
            eprintln!("NOT TESTED: the multiplexer is not installed");
            return None;
        };
        assert!(status.success());
        if kind == Kind::Screen {
            one.resize(120, 40);
        }
        Some(one)
    }

    fn with_env(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("RIGHTSEAT_STATE_DIR", self.room.state())
            .env("XDG_CONFIG_HOME", self.room.dir.path().join("config"));
        command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env_remove("TMUX").env_remove("STY");
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn tmux(&self, args: &[&str]) -> Command {
        let mut command = self.with_env("tmux");
        command.arg("-S").arg(self.room.dir.path().join("tmux")).arg("-u").args(args);
        command
    }

    fn screen(&self, args: &[&str]) -> Command {
        let dir = self.room.dir.path().join("screens");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let mut command = self.with_env("screen");
        command.env("SCREENDIR", dir).arg("-U").args(args);
        command
    }

    /// Types these keys as they are.
    fn keys(&self, keys: &str) {
        let mut command = match self.kind {
            Kind::Tmux => self.tmux(&["send-keys", "-l", keys]),
            Kind::Screen => self.screen(&["-S", "story", "-p", "0", "-X", "stuff", keys]),
        };
        assert!(command.status().unwrap().success());
    }

    fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let mut command = match self.kind {
            Kind::Tmux => self.tmux(&["resize-window", "-x", &columns, "-y", &rows]),
            Kind::Screen => self.screen(&["-S", "story", "-p", "0", "-X", "width", "-w", &columns, &rows]),
        };
        assert!(command.status().unwrap().success());
    }

    fn text(&self) -> String {
        match self.kind {
            Kind::Tmux => {
                let out = self.tmux(&["capture-pane", "-p"]).output().unwrap();
                String::from_utf8_lossy(&out.stdout).into_owned()
            }
            Kind::Screen => {
                let file = self.room.dir.path().join("hardcopy");
                let name = file.display().to_string();
                let _ = std::fs::remove_file(&file);
                let _ = self.screen(&["-S", "story", "-p", "0", "-X", "hardcopy", &name]).status();
                String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned()
            }
        }
    }

    fn wait(&self, name: &str, is_so: impl Fn(&str) -> bool) {
        until(name, || is_so(&self.text()));
    }
}

impl Drop for Multiplexer<'_> {
    fn drop(&mut self) {
        let mut command = match self.kind {
            Kind::Tmux => self.tmux(&["kill-server"]),
            Kind::Screen => self.screen(&["-S", "story", "-X", "quit"]),
        };
        let _ = command.status();
    }
}

fn home_and_a_session_work(kind: Kind) {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n", "why": "more"}})]);
    let (code, _, err) = room.run(&["--detached", "--agent", &script, "go"]);
    assert_eq!(code, 0, "{err}");
    let Some(terminal) = Multiplexer::start(kind, &room, &["home"]) else { return };
    terminal.wait("home is drawn", |text| text.contains("Inbox 1") && text.contains("+two"));
    terminal.keys("\r");
    terminal.wait("the session is drawn", |text| {
        text.contains("3 Diff") && text.contains("+ two") && text.contains("2 Inbox")
    });
    terminal.resize(80, 24);
    terminal.wait("one pane is drawn", |text| {
        text.contains("+ two") && text.lines().all(|line| line.trim_end().chars().count() <= 80)
    });
    // The size may still be on its way: each key is repeated until it has shown its effect.
    until("a key works", || {
        terminal.keys("1");
        let text = terminal.text();
        !text.contains("+ two") && text.contains("1 Plan")
    });
    until("and another", || {
        terminal.keys("3");
        terminal.text().contains("+ two")
    });
    for _ in 0..20 {
        terminal.keys("a");
        terminal.wait("a decision", |text| {
            room.read("a.txt") == "two\n"
                || text.contains("nothing was approved")
                || text.contains("before you approve")
        });
        if room.read("a.txt") == "two\n" {
            break;
        }
        terminal.keys("j");
        terminal.wait("the refusal is gone", |text| {
            !text.contains("nothing was approved") && !text.contains("before you approve")
        });
    }
    terminal.wait("it is done", |text| text.contains("session done"));
    terminal.keys("q");
    until("the client is gone", || !terminal.text().contains("session done"));
    hosts.wait_for_none();
}

#[test]
fn home_and_a_session_work_in_tmux() {
    home_and_a_session_work(Kind::Tmux);
}

#[test]
fn home_and_a_session_work_in_screen() {
    home_and_a_session_work(Kind::Screen);
}
