//! The endpoints of an agent: where its own processes go without a question. Its commands are in the same network, so
//! who asks is looked up for every connection.
//!
//! A process is the agent itself if it comes from the first process of the layer by processes of the agent's programs
//! alone, all in its session: agents start their commands in sessions of their own, and nobody can come back to one that
//! was left. What is not certain is asked about.

use super::peer::Tree;
use crate::model::{Address, Area, Host};
use crate::policy::Hosts;
use crate::workspace::census::procfs::{self, Process};
use crate::workspace::limits::{ANCESTORS_MAX, EGRESS_PORTS_MAX};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Options of interpreters that run what is in the command line, or something before the script.
const RUNS_OTHER: [&str; 12] = [
    "-e",
    "-p",
    "-c",
    "-r",
    "-i",
    "-m",
    "--eval",
    "--print",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
];

/// Programs that run a script.
const INTERPRETERS: [&str; 12] =
    ["node", "bun", "deno", "python", "pypy", "ruby", "perl", "php", "sh", "bash", "dash", "java"];

/// See the module.
#[derive(Debug)]
pub struct Endpoints {
    hosts: Hosts,
    /// That its environment names: they may be private.
    named: Vec<Address>,
    /// Where its programs are installed, if that is a directory of their own.
    installed: Option<PathBuf>,
    /// Nobody is asked about others.
    pub are_all: bool,
}

impl Endpoints {
    /// `hosts` are patterns as in rules, `named` further addresses; `program` is the agent's, `workspace` the directory
    /// that it works in.
    ///
    /// # Errors
    /// The pattern that is not a host.
    pub fn new(
        hosts: &[String],
        mut named: Vec<Address>,
        are_all: bool,
        (program, workspace): (Option<&Path>, &Path),
    ) -> Result<Self, String> {
        let here = hosts.iter().filter_map(|text| Address::parse(text)).filter(is_here);
        named.extend(here);
        let installed = program.and_then(|program| installation(&program.canonicalize().ok()?));
        // What an agent can write is nobody's installation.
        let installed = installed.filter(|dir| !dir.starts_with(workspace));
        Ok(Self { hosts: Hosts::new(hosts)?, named, installed, are_all })
    }

    /// Those on this machine, each with a port of its own: what a layer needs a listener for.
    pub fn here(&self) -> Vec<Address> {
        let mut here: Vec<Address> = Vec::new();
        for address in self.named.iter().filter(|address| is_here(address)) {
            if here.len() < EGRESS_PORTS_MAX && here.iter().all(|other| other.port != address.port) {
                here.push(address.clone());
            }
        }
        here.retain(|address| address.port != super::PORT);
        here
    }

    /// Returns whether this is one of them. Link-local and reserved addresses never are.
    pub(super) fn cover(&self, address: &Address) -> bool {
        let is_named = |own: &Address| own.port == address.port && own.host == address.host;
        address.area() != Area::Reserved && (self.named.iter().any(is_named) || self.hosts.permit(address))
    }

    /// In words.
    pub fn about(&self) -> String {
        let named = self.named.iter().filter(|own| !self.hosts.permit(own)).map(ToString::to_string);
        let mut all: Vec<String> = self.hosts.texts().iter().cloned().chain(named).collect();
        all.dedup();
        let own = if all.is_empty() { "no host without a question".to_owned() } else { all.join(", ") };
        let others = if self.are_all { "refused" } else { "asked about" };
        format!("the agent has a network of its own: it reaches {own}; other hosts, and its commands, are {others}")
    }

    /// Returns whether every process that holds the socket at `peer` is the agent itself.
    pub(super) fn is_agent(&self, tree: &Tree, peer: SocketAddr) -> bool {
        let Some(socket) = tree.socket(peer) else { return false };
        let table = procfs::table();
        let first_below = |pid: i32| {
            let children = table.all().filter(|process| process.parent == pid);
            children.min_by_key(|process| process.started)
        };
        let Some(agent) = first_below(tree.launcher).and_then(|init| first_below(init.pid)) else { return false };
        let holders: Vec<&Process> =
            table.descendants(tree.launcher).into_iter().filter(|process| socket.is_held_by(process.pid)).collect();
        let is_agents = |process: &&Process| {
            let mut at = *process;
            for _ in 0..ANCESTORS_MAX {
                if at.pid == agent.pid {
                    return true;
                }
                if at.session != agent.session || !self.is_program(at.pid, agent.pid) {
                    return false;
                }
                let Some(parent) = table.get(at.parent) else { return false };
                at = parent;
            }
            false
        };
        !holders.is_empty() && holders.iter().all(is_agents)
    }

    /// Returns whether a process runs the program of the agent's first one, or one that is installed with it.
    fn is_program(&self, pid: i32, agent: i32) -> bool {
        let file =
            |pid: i32| std::fs::metadata(format!("/proc/{pid}/exe")).ok().map(|about| (about.dev(), about.ino()));
        let Ok(exe) = std::fs::read_link(format!("/proc/{pid}/exe")) else { return false };
        let is_installed = self.installed.as_ref().is_some_and(|dir| exe.starts_with(dir));
        let is_same = || file(pid).is_some_and(|own| file(agent) == Some(own));
        (is_installed || is_same()) && (!interprets(&exe) || self.is_script(pid, agent))
    }

    /// Of an interpreter: it runs the agent's own script, or one that is installed with it, as far as the command line is
    /// still there to tell.
    fn is_script(&self, pid: i32, agent: i32) -> bool {
        match (script(pid), script(agent)) {
            (Script::Other, _) => false,
            (Script::Unknown, _) => true,
            (Script::File(own), of_agent) => match &self.installed {
                Some(dir) => own.starts_with(dir),
                None => of_agent == Script::File(own),
            },
        }
    }
}

/// What the command line of an interpreter names.
#[derive(Debug, PartialEq, Eq)]
enum Script {
    File(PathBuf),
    /// A text of its own, or a file that is read before the script.
    Other,
    /// The process has written over its command line.
    Unknown,
}

fn script(pid: i32) -> Script {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<String> = line.split(|byte| *byte == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
    let rest = || words.iter().skip(1).filter(|word| !word.is_empty());
    let options = rest().take_while(|word| word.starts_with('-'));
    let is_other = |word: &String| RUNS_OTHER.contains(&word.split('=').next().unwrap_or(word)) || word == "-";
    if options.clone().any(is_other) {
        return Script::Other;
    }
    let Some(name) = rest().nth(options.count()) else { return Script::Unknown };
    let at = PathBuf::from(format!("/proc/{pid}/cwd")).read_link().unwrap_or_default().join(name);
    Script::File(at.canonicalize().unwrap_or(at))
}

/// Returns whether a program runs scripts: by its name, without a version.
fn interprets(exe: &Path) -> bool {
    let name = exe.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    INTERPRETERS.contains(&name)
}

/// On this machine, by a name or address that a layer has too.
fn is_here(address: &Address) -> bool {
    match &address.host {
        Host::Ip(ip) => ip.to_canonical().is_loopback() && ip.is_ipv4(),
        Host::Name(name) => name == "localhost",
    }
}

/// The directory of the packages that a program comes with.
fn installation(program: &Path) -> Option<PathBuf> {
    let is_packages = |dir: &&Path| dir.file_name().is_some_and(|name| name == "node_modules");
    program.ancestors().filter(is_packages).last().map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(hosts: &[&str], named: &[&str]) -> Endpoints {
        let hosts: Vec<String> = hosts.iter().map(|text| (*text).to_owned()).collect();
        let named = named.iter().map(|text| Address::parse(text).unwrap()).collect();
        Endpoints::new(&hosts, named, false, (None, Path::new("/w"))).unwrap()
    }

    #[test]
    fn an_agent_has_its_own_endpoints_and_no_reserved_ones() {
        let own = endpoints(
            &["api.example.com", "*.model.example", "localhost:1234"],
            &["http://127.0.0.1:8080/v1", "https://llm.corp", "http://169.254.169.254"],
        );
        for (text, is_own) in [
            ("api.example.com:443", true),
            ("api.example.com:22", false),
            ("eu.model.example:443", true),
            ("localhost:1234", true),
            ("127.0.0.1:8080", true),
            ("127.0.0.1:8081", false),
            ("llm.corp:443 at 10.0.0.5", true),
            ("api.example.com:443 at 10.0.0.5", false),
            ("llm.corp:443 at 169.254.169.254", false),
            ("169.254.169.254:80", false),
            ("evil.example:443", false),
        ] {
            assert_eq!(own.cover(&Address::parse(text).unwrap()), is_own, "{text}");
        }
        let here: Vec<String> = own.here().iter().map(ToString::to_string).collect();
        assert_eq!(here, ["127.0.0.1:8080", "localhost:1234"]);
        assert!(Endpoints::new(&["a b".to_owned()], Vec::new(), false, (None, Path::new("/w"))).is_err());
    }

    #[test]
    fn an_installation_is_the_outermost_directory_of_packages() {
        for (program, dir) in
            [("/opt/a/node_modules/@x/y/node_modules/z/bin/z", Some("/opt/a/node_modules")), ("/usr/bin/agent", None)]
        {
            assert_eq!(installation(Path::new(program)).as_deref(), dir.map(Path::new), "{program}");
        }
    }
}
