//! The process at the other end of a connection, from the kernel's list of sockets. It may have ended or passed the
//! socket on meanwhile, so it is a hint for people; it decides only whether an agent reaches its own endpoints.
//!
//! Formats: `proc_net(5)`, `proc_pid_fd(5)`.

use crate::workspace::census::{Scope, Tracker};
use crate::workspace::limits::{EGRESS_PROCESS_BYTES_MAX, EGRESS_SOCKETS_LINES_MAX};
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr};

/// A command's processes.
#[derive(Debug, Clone)]
pub struct Tree {
    pub tracker: Tracker,
    /// The launcher, which is in the network of the layer.
    pub launcher: i32,
}

impl Tree {
    /// The process with this end of a connection, as `PID COMMAND LINE`.
    pub fn process(&self, peer: SocketAddr) -> Option<String> {
        let socket = self.socket(peer)?;
        let found =
            self.tracker.processes(Scope::Launch(self.launcher)).into_iter().find(|one| socket.is_held_by(one.pid))?;
        let mut text = format!("{} {}", found.pid, found.argv);
        let cut = (0..=EGRESS_PROCESS_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(cut.unwrap_or(0));
        Some(text)
    }
}

impl Tree {
    /// The socket at this end of a connection.
    pub(super) fn socket(&self, peer: SocketAddr) -> Option<Socket> {
        inode(self.launcher, peer).map(|inode| Socket(format!("socket:[{inode}]")))
    }
}

/// A socket, as the links to it are called.
pub(super) struct Socket(String);

impl Socket {
    pub(super) fn is_held_by(&self, pid: i32) -> bool {
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut links = descriptors.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        links.any(|target| target.as_os_str() == self.0.as_str())
    }
}

/// The number of the socket with this local address, in the network of a process.
fn inode(process: i32, local: SocketAddr) -> Option<u64> {
    let IpAddr::V4(ip) = local.ip() else { return None };
    // The kernel prints the address as the number that it is in memory.
    let wanted = format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), local.port());
    let file = std::fs::File::open(format!("/proc/{process}/net/tcp")).ok()?;
    let lines = BufReader::new(file).lines().take(EGRESS_SOCKETS_LINES_MAX).map_while(Result::ok);
    lines.filter_map(|line| of_line(&line, &wanted)).next()
}

fn of_line(line: &str, wanted: &str) -> Option<u64> {
    let mut words = line.split_whitespace();
    (words.nth(1)? == wanted).then(|| words.nth(7)?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_found_by_its_own_end() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        let inode = inode(own, client.local_addr().unwrap()).unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&client);
        let link = std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap();
        assert_eq!(link.to_str(), Some(format!("socket:[{inode}]").as_str()));
    }
}
