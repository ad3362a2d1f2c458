//! A real `nats-server` of the distribution, which tests of the fleet run.

use crate::seat::until;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server on this machine that keeps its streams in a directory.
pub struct Server {
    dir: tempfile::TempDir,
    pub port: u16,
    process: Option<Child>,
    tls: bool,
}

impl Server {
    /// `None` where there is no `nats-server`.
    #[allow(clippy::print_stdout, reason = "a test that is not run says so")]
    pub fn start(tls: bool) -> Option<Self> {
        let found = Command::new("nats-server").arg("--version").output();
        if found.is_err() {
            println!("not run: nats-server is not installed");
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut server = Self { dir: tempfile::tempdir().unwrap(), port, process: None, tls };
        server.run();
        Some(server)
    }

    pub fn run(&mut self) {
        let mut command = Command::new("nats-server");
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"]).arg(self.dir.path());
        if self.tls {
            let file = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name);
            command.arg("--tls").arg("--tlscert").arg(file("server.pem")).arg("--tlskey").arg(file("server.key"));
        }
        self.process = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let port = self.port;
        until("the server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    }

    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub fn settings(&self, name: &str, more: &str) -> String {
        let scheme = if self.tls { "tls" } else { "nats" };
        format!("[nats]\nurl = \"{scheme}://127.0.0.1:{}\"\nname = \"{name}\"\n{more}\n", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
