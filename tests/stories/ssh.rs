//! Over a real OpenSSH server on this machine: the link drops, comes back, and the same question is still open.

use crate::screen::{Hosts, Screen};
use crate::seat::{Room, Seat, assert_verifies, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server of our own, with its own keys, on a port of the loopback.
struct Server {
    child: Child,
    /// With a program `ssh` that knows the way to it as `far`.
    bin: PathBuf,
}

impl Server {
    /// `None`, and loudly so, where OpenSSH is not installed.
    fn start(room: &Room) -> Option<Self> {
        let find = |name: &str| {
            let dirs = std::env::var_os("PATH").unwrap_or_default();
            let all: Vec<PathBuf> = std::env::split_paths(&dirs).chain(["/usr/sbin".into()]).collect();
            all.into_iter().map(|dir| dir.join(name)).find(|file| file.is_file())
        };
        let (Some(sshd), Some(ssh), Some(keygen)) = (find("sshd"), find("ssh"), find("ssh-keygen")) else {
            eprintln!("NOT TESTED: OpenSSH's server, client or ssh-keygen is not installed");
            return None;
        };
        let dir = room.dir.path().join("ssh");
        let bin = dir.join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for key in ["host_key", "key"] {
            let made = Command::new(&keygen).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(dir.join(key)).status();
            assert!(made.unwrap().success());
        }
        std::fs::copy(dir.join("key.pub"), dir.join("authorized")).unwrap();
        symlink(env!("CARGO_BIN_EXE_rightseat"), bin.join("rightseat")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = |name: &str| dir.join(name).display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        let config = [
            format!(
                "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}",
                at("host_key"),
                at("authorized")
            ),
            "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\nPermitRootLogin yes".to_owned(),
            format!("SetEnv \"PATH={}:{path}\" \"RIGHTSEAT_STATE_DIR={}\"", at("bin"), room.state().display()),
        ];
        std::fs::write(dir.join("sshd_config"), config.join("\n") + "\n").unwrap();
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let mut known = format!("Host far\n HostName 127.0.0.1\n Port {port}\n IdentityFile {}\n", at("key"));
        writeln!(known, " User {}", String::from_utf8_lossy(&user).trim()).unwrap();
        known.push_str(
            " IdentitiesOnly yes\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n LogLevel ERROR\n",
        );
        std::fs::write(dir.join("config"), known).unwrap();
        let wrapper = format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", ssh.display(), at("config"));
        std::fs::write(bin.join("ssh"), wrapper).unwrap();
        std::fs::set_permissions(bin.join("ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
        // A server that runs as root wants this directory; elsewhere it is not needed.
        let _ = std::fs::create_dir_all("/run/sshd");
        let log = std::fs::File::create(dir.join("log")).unwrap();
        let mut command = Command::new(sshd);
        command.args(["-D", "-e", "-f"]).arg(dir.join("sshd_config")).stdin(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap();
        until("the server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Self { child, bin })
    }

    fn path(&self) -> String {
        format!("{}:{}", self.bin.display(), std::env::var("PATH").unwrap_or_default())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The ssh that this client has started.
fn links(client: u32) -> Vec<i32> {
    let children = Path::new("/proc").join(client.to_string()).join("task");
    let tasks = std::fs::read_dir(children).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let pids: Vec<i32> =
        lists.flat_map(|l| l.split_whitespace().filter_map(|p| p.parse().ok()).collect::<Vec<_>>()).collect();
    let is_ssh =
        |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "ssh");
    pids.into_iter().filter(is_ssh).collect()
}

#[test]
fn a_question_outlives_the_link_to_a_far_machine() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let Some(server) = Server::start(&room) else { return };
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let mut seat = Seat::start(&room, &["--agent", &script]);
    seat.held();
    let session = seat.session.clone();
    seat.kill();
    let path = server.path();
    let env = [("PATH", path.as_str())];
    let args = ["attach", "--ssh", "far", &session];
    let mut screen = Screen::open_in(&room, &room.workspace(), &args, (120, 40), &env);
    screen.wait_for("edit a.txt");
    let [first] = links(screen.pid())[..] else { panic!("not one link: {:?}", links(screen.pid())) };
    kill_process(Pid::from_raw(first).unwrap(), Signal::KILL).unwrap();
    let client = screen.pid();
    screen.wait("another link is up", |_| links(client).iter().any(|pid| *pid != first));
    screen.wait("nothing is said of a dropped link any more", |text| {
        text.contains("edit a.txt") && !text.contains("link down") && !text.contains("dropped")
    });
    screen.approve("the same question was still open", |_| room.read("a.txt") == "two\n");
    screen.quit();
    Seat::attach(&room, &session).ask("session/close", json!({}));
    hosts.wait_for_none();
    let (_, out, _) = room.run(&["export", &session, "--jsonl"]);
    let decided = out.lines().filter(|l| l.contains(r#""kind":"decided""#)).count();
    assert_eq!(decided, 1, "{out}");
    assert_verifies(&room, &session);
}

#[test]
fn what_is_pending_on_a_far_machine_is_decided_at_home() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let Some(server) = Server::start(&room) else { return };
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n", "why": "more"}})]);
    let workspace = room.workspace();
    let (code, _, err) = room.run(&["--detached", "--dir", workspace.to_str().unwrap(), "--agent", &script, "go"]);
    assert_eq!(code, 0, "{err}");
    let config = room.dir.path().join("config/rightseat");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "[hosts]\nbox = \"far\"\nnowhere = \"unknown.invalid\"\n").unwrap();
    // This machine has no sessions of its own.
    let (path, own) = (server.path(), room.dir.path().join("own").display().to_string());
    let env = [("PATH", path.as_str()), ("RIGHTSEAT_STATE_DIR", own.as_str())];
    let mut screen = Screen::open_in(&room, &room.workspace(), &["home"], (120, 40), &env);
    screen.wait("the far session's question is read", |text| text.contains("far:") && text.contains("+two"));
    screen.wait("the other machine cannot be reached", |text| text.contains("nowhere: unknown.invalid cannot be"));
    for _ in 0..20 {
        screen.press("a");
        screen.wait("a decision", |text| text.contains("nothing was approved") || text.contains("Inbox 0"));
        if screen.text().contains("Inbox 0") {
            break;
        }
        screen.press("K");
        screen.wait_gone("nothing was approved");
    }
    until("it is written", || room.read("a.txt") == "two\n");
    screen.press("q");
    assert!(screen.gone("home is left").success());
    hosts.wait_for_none();
}

#[test]
fn a_session_is_started_on_a_far_machine() {
    let room = Room::with(&[("a.txt", "one\n")]);
    let hosts = Hosts(&room);
    let Some(server) = Server::start(&room) else { return };
    let script = room.script(&[json!({"edit": {"path": "a.txt", "after": "two\n"}})]);
    let (path, own) = (server.path(), room.dir.path().join("own").display().to_string());
    let env = [("PATH", path.as_str()), ("RIGHTSEAT_STATE_DIR", own.as_str())];
    let workspace = room.workspace().display().to_string();
    let args = ["--ssh", "far", "--dir", &workspace, "--agent", &script, "change", "it; touch never"];
    let mut screen = Screen::open_in(&room, &room.workspace(), &args, (120, 40), &env);
    screen.wait_for("edit a.txt");
    screen.approve("the edit is made there", |_| room.read("a.txt") == "two\n");
    assert!(!room.exists("never"), "the goal is one word for the far shell");
    screen.quit();
    hosts.wait_for_none();
}
