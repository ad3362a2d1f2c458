//! What the state directory takes, what was left over, and whether hosts outlive a logout and an upgrade.

use super::Finding;
use crate::cli::args::Shared;
use crate::cli::compose::SystemClock;
use crate::cli::home::size;
use crate::cli::list::Sessions;
use crate::cli::place::SessionPlace;
use crate::cli::{prune, settings};
use crate::journal::{Reader, is_held};
use crate::model::event::Event;
use crate::port::Clock as _;
use std::path::Path;

const GROUP: &str = "state";

/// Sizes and leftovers.
pub(super) fn sizes(shared: &Shared) -> Vec<Finding> {
    let (Ok(keeping), Ok(mut sessions)) = (settings::keeping(shared), Sessions::open(shared)) else {
        return Vec::new();
    };
    let found = prune::look(&mut sessions, keeping, false, SystemClock.now());
    let mut all = vec![Finding::works(GROUP, "size", size(found.bytes))];
    if found.over > 0 {
        let says = format!("{} above state.mib_max are records, or needed by open sessions", size(found.over));
        all.push(Finding::limited(GROUP, "limit", says, "`rightseat ls` and `rightseat delete` remove sessions"));
    }
    all.push(match found.waste.len() {
        0 => Finding::works(GROUP, "leftovers", "none"),
        count => {
            let says = format!("{count}, {}: no open session needs them", size(found.waste_bytes()));
            Finding::limited(GROUP, "leftovers", says, "`rightseat prune` lists them, and removes them with --yes")
        }
    });
    all
}

/// Hosts that run another release than this one.
pub(super) fn hosts(shared: &Shared) -> Vec<Finding> {
    let Ok(sessions) = Sessions::open(shared) else { return Vec::new() };
    let running: Vec<SessionPlace> =
        sessions.places().all().into_iter().filter(|place| is_held(&place.journal())).collect();
    let version = |place: &SessionPlace| {
        let reader = Reader::open(&place.journal()).ok()?;
        let mut version = None;
        for record in reader.iter(crate::base::Seq(1)) {
            let record = record.ok()?;
            // Of a long record only these are parsed.
            if record.kind == "host_started"
                && let Event::HostStarted(started) = record.envelope().event
            {
                version = Some(started.version);
            }
        }
        version
    };
    let own = env!("CARGO_PKG_VERSION");
    let others: Vec<String> = running
        .iter()
        .filter_map(|place| {
            version(place).filter(|version| version != own).map(|version| format!("{} ({version})", place.id))
        })
        .collect();
    if others.is_empty() {
        return vec![Finding::works(GROUP, "hosts", format!("{} run, all of this release", running.len()))];
    }
    let says = format!("of another release: {}; they go on, and this release attaches to them", others.join(", "));
    let fix =
        "to upgrade one, end its process (SIGTERM) while nothing runs in it, and attach again: its session continues";
    vec![Finding::limited(GROUP, "hosts", says, fix)]
}

/// Whether systemd ends hosts when their user logs out.
pub(super) fn logout() -> Option<Finding> {
    const GROUP: &str = "machine";
    if !Path::new("/run/systemd/system").exists() {
        return None;
    }
    let uid = rustix::process::getuid().as_raw();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let lingers = user_of(&users, uid).is_some_and(|user| Path::new("/var/lib/systemd/linger").join(user).exists());
    let mut texts = Vec::new();
    for dir in ["/usr/lib/systemd", "/run/systemd", "/etc/systemd"] {
        texts.push(std::fs::read_to_string(format!("{dir}/logind.conf")).unwrap_or_default());
        let drop_ins = std::fs::read_dir(format!("{dir}/logind.conf.d")).into_iter().flatten().flatten();
        let mut paths: Vec<_> = drop_ins.map(|entry| entry.path()).collect();
        paths.sort();
        texts.extend(paths.iter().filter_map(|path| std::fs::read_to_string(path).ok()));
    }
    Some(verdict(GROUP, lingers, kills(&texts)))
}

fn verdict(group: &'static str, lingers: bool, kills: Option<bool>) -> Finding {
    const FIX: &str = "loginctl enable-linger keeps sessions running after you log out";
    let name = "logout";
    match (lingers, kills) {
        (true, _) => Finding::works(group, name, "sessions go on when you log out: lingering is enabled"),
        (false, Some(false)) => {
            let says =
                "sessions go on when you log out (KillUserProcesses=no), but not in services of yours: no lingering";
            Finding::works(group, name, says)
        }
        (false, Some(true)) => {
            let says = "sessions end when you log out: KillUserProcesses=yes, and no lingering";
            Finding::limited(group, name, says, FIX)
        }
        (false, None) => {
            let says = "sessions may end when you log out: no lingering, and KillUserProcesses is as your distribution built it";
            Finding::limited(group, name, says, FIX)
        }
    }
}

/// The last setting of `KillUserProcesses`.
fn kills(texts: &[String]) -> Option<bool> {
    let set = |line: &str| {
        Some(line.trim().strip_prefix("KillUserProcesses")?.trim_start().strip_prefix('=')?.trim().to_lowercase())
    };
    let last = texts.iter().flat_map(|text| text.lines()).filter_map(set).next_back()?;
    Some(["yes", "true", "on", "1"].contains(&last.as_str()))
}

fn user_of(users: &str, uid: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::State;

    #[test]
    fn the_end_of_sessions_at_logout_is_explained() {
        let text = |text: &str| vec![text.to_owned()];
        assert_eq!(kills(&text("[Login]\n#KillUserProcesses=yes\n")), None);
        assert_eq!(kills(&["KillUserProcesses=no".to_owned(), "KillUserProcesses = yes\n".to_owned()]), Some(true));
        assert_eq!(kills(&text("KillUserProcesses=no\n")), Some(false));
        assert_eq!(verdict("x", false, Some(true)).state, State::Limited);
        assert_eq!(verdict("x", true, Some(true)).state, State::Works);
        assert_eq!(verdict("x", false, None).state, State::Limited);
        assert_eq!(user_of("root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\n", 1000), Some("me"));
        assert_eq!(user_of("root:x:0:0::/root:/bin/sh\n", 10), None);
    }
}
