//! A real OpenSSH server on this machine, behind a link that counts what goes over it and that can be cut.

use crate::seat::{Room, until};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A wire between ssh and its server.
#[derive(Clone, Default)]
pub struct Wire {
    /// Bytes in both directions.
    bytes: Arc<AtomicU64>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    is_down: Arc<AtomicBool>,
}

impl Wire {
    /// Listens on a port of the loopback, for a server on another.
    fn before(server: u16) -> (Self, u16) {
        let wire = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = wire.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if own.is_down.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                own.open.lock().unwrap().extend([client.try_clone().unwrap(), far.try_clone().unwrap()]);
                own.copy(client.try_clone().unwrap(), far.try_clone().unwrap());
                own.copy(far, client);
            }
        });
        (wire, port)
    }

    fn copy(&self, mut from: TcpStream, mut to: TcpStream) {
        let bytes = self.bytes.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                bytes.fetch_add(count as u64, Ordering::SeqCst);
                if to.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
    }

    /// Bytes so far, in both directions.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }

    /// No connection goes through while it is down.
    pub fn set_down(&self, down: bool) {
        self.is_down.store(down, Ordering::SeqCst);
        if down {
            self.cut();
        }
    }

    /// Cuts every connection that there is.
    pub fn cut(&self) {
        for end in self.open.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

/// A server of our own, with its own keys, on a port of the loopback.
pub struct Server {
    child: Child,
    /// With a program `ssh` that knows the way to it as `far`.
    bin: PathBuf,
    pub wire: Wire,
}

impl Server {
    /// Adds to the user's configuration of ssh for this machine.
    pub fn configure(&self, lines: &str) {
        let mut file = std::fs::OpenOptions::new().append(true).open(self.bin.with_file_name("config")).unwrap();
        file.write_all(lines.as_bytes()).unwrap();
    }

    /// `None`, and loudly so, where OpenSSH is not installed.
    pub fn start(room: &Room) -> Option<Self> {
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
        std::fs::create_dir_all(dir.join("home")).unwrap();
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
            format!(
                "SetEnv \"PATH={}:{path}\" \"HOME={}\" \"RIGHTSEAT_STATE_DIR={}\"",
                at("bin"),
                at("home"),
                room.state().display()
            ),
        ];
        std::fs::write(dir.join("sshd_config"), config.join("\n") + "\n").unwrap();
        let (wire, wired) = Wire::before(port);
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let mut known = format!("Host far\n HostName 127.0.0.1\n Port {wired}\n IdentityFile {}\n", at("key"));
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
        Some(Self { child, bin, wire })
    }

    /// The processes that serve the links now.
    pub fn serving(&self) -> Vec<i32> {
        let mut found = children(self.child.id().cast_signed());
        let mut at = 0;
        while let Some(pid) = found.get(at).copied() {
            let names = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            if names.starts_with("sshd") {
                found.extend(children(pid));
            }
            at += 1;
        }
        found.retain(|pid| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("sshd"))
        });
        found
    }

    /// From now on the far side has no rightseat on its path.
    pub fn lacks_the_program(&self) {
        std::fs::remove_file(self.bin.join("rightseat")).unwrap();
    }

    /// The home directory of the far side.
    pub fn home(&self) -> PathBuf {
        self.bin.parent().unwrap().join("home")
    }

    /// From now on the far side does not see these words, as patterns of sed, in what it is asked.
    pub fn forgets(&self, words: &[&str]) {
        let expressions: String = words.iter().map(|word| format!(" -e 's/{word}//'")).collect();
        let real = env!("CARGO_BIN_EXE_rightseat");
        let text = format!("#!/bin/sh\nsed -u{expressions} | '{real}' \"$@\"\n");
        let program = self.bin.join("rightseat");
        std::fs::remove_file(&program).unwrap();
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The ssh of this server also knows the way to another one, under this name.
    pub fn knows(&self, name: &str, other: &Self) {
        let config = |server: &Self| server.bin.parent().unwrap().join("config");
        let other = std::fs::read_to_string(config(other)).unwrap().replace("Host far\n", &format!("Host {name}\n"));
        let own = std::fs::read_to_string(config(self)).unwrap();
        std::fs::write(config(self), own + &other).unwrap();
    }

    /// `PATH` with that ssh first.
    pub fn path(&self) -> String {
        format!("{}:{}", self.bin.display(), std::env::var("PATH").unwrap_or_default())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The children of a process.
fn children(pid: i32) -> Vec<i32> {
    let tasks =
        std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|l| l.split_whitespace().filter_map(|p| p.parse().ok()).collect::<Vec<_>>()).collect()
}

/// The ssh that this client has started.
pub fn links(client: u32) -> Vec<i32> {
    let is_ssh =
        |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "ssh");
    children(client.cast_signed()).into_iter().filter(is_ssh).collect()
}
