//! A drill of the stop: starts processes that evade it in the real isolation of a session's commands, stops them as the
//! session is stopped, and proves that none is left.
//!
//! Two proofs that know nothing of each other must agree. The census walks `/proc`, as after every stop. And all of the
//! processes hold the writing end of one pipe: the kernel reports its end only when the last of them is gone, whatever
//! they did to hide. A bystander, which belongs to nobody's session, must still be running.
//!
//! The processes are a session of their own to the census, so a drill touches nothing of the session that it is for.

use super::census::{Scope, Tracker};
use super::launch::Containment;
use super::layer::{BuildFolders, Layer, available};
use super::limits;
use super::root::Root;
use super::run::{Running, Spawner, Spec};
use super::tree::Rules;
use crate::model::event::{Census, DrilledRung, Network};
use crate::model::{DrillResult, Rung};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::ChildStdout;
use tokio::time::timeout;

/// Each process says its name when it runs. The last line is their number; programs that are not installed are left out.
const EVASIONS: &str = r#"
count=0
has() { command -v "$1" >/dev/null 2>&1; }
evade() { count=$((count + 1)); "$@" & }
evade sh -c 'echo plain; exec sleep 600'
evade sh -c 'trap "" TERM HUP INT QUIT USR1; echo deaf; while :; do sleep 600; done'
evade env -i PATH="$PATH" sh -c 'echo unmarked; exec sleep 600'
evade sh -c 'echo still; kill -STOP $$; exec sleep 600'
evade sh -c 'echo forking; n=0; while [ $n -lt 600 ]; do sleep 1 & wait; n=$((n + 1)); done'
evade sh -c '(sh -c "echo orphan; exec sleep 600" &)'
if has setsid; then
    evade setsid sh -c 'echo session; exec sleep 600'
    evade sh -c '(setsid env -i PATH="$PATH" sh -c "trap \"\" TERM HUP; echo daemon; while :; do sleep 600; done" &)'
fi
if has bash; then
    evade bash -c 'echo renamed; exec -a "[kworker/0:1]" sleep 600'
fi
echo "all $count"
wait
"#;

/// Directories of programs that belong to the system. A drill inherits nothing, and starts in `/`: whatever the user's
/// environment or the workspace has could run code of the repository.
const PROGRAMS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin";

/// What a drill saw.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// Names that were said, and the number of processes that the script started.
    said: u32,
    due: Option<u32>,
    census: Census,
    /// The pipe came to its end.
    is_ended: bool,
    is_bystander_alive: bool,
    /// The launcher starts its children in a pid namespace of their own; `None` where that could not be read.
    has_namespace: Option<bool>,
}

/// Judges what was seen.
fn judge(rung: Rung, seen: &Seen) -> DrilledRung {
    let survivors = u32::try_from(seen.census.survivors.len()).unwrap_or(u32::MAX);
    let named = seen.census.survivors.iter().map(|survivor| format!("{} {}", survivor.pid, survivor.argv));
    let failed = if survivors > 0 {
        Some(format!("these processes outlived the stop: {}", named.collect::<Vec<_>>().join(", ")))
    } else if !seen.is_ended {
        Some("a process that the census does not see outlived the stop: it still holds the drill's output".to_owned())
    } else if !seen.is_bystander_alive {
        Some("the stop ended a process that does not belong to the session".to_owned())
    } else {
        None
    };
    let (result, why) = match failed {
        Some(why) => (DrillResult::Failed, Some(why)),
        None if seen.due.is_none_or(|due| seen.said < due) => {
            let due = seen.due.map_or_else(|| "an unknown number".to_owned(), |due| due.to_string());
            let why = format!("only {} of {due} evasive processes could be started, so nothing is proved", seen.said);
            (DrillResult::Unproved, Some(why))
        }
        None => (DrillResult::Passed, None),
    };
    // The launcher goes on without a namespace where the kernel, or a container, refuses one.
    let rung = if rung == Rung::Namespace && seen.has_namespace == Some(false) { Rung::Subreaper } else { rung };
    DrilledRung {
        rung,
        result,
        started: seen.said,
        left: survivors.max(u32::from(!seen.is_ended)),
        stop_ms: seen.census.checked_ms,
        why,
    }
}

/// The rung on which a command without a layer should run; a drill names the one on which it does.
pub fn direct(containment: Containment) -> Rung {
    match containment {
        Containment::Auto if rustix::process::geteuid().is_root() => Rung::Namespace,
        Containment::Auto | Containment::Subreaper => Rung::Subreaper,
    }
}

/// Drills the stop of what this spawner starts; again when nothing was proved: the machine may have been busy. Must be
/// called within a tokio runtime.
pub async fn drill(spawner: &Spawner, rung: Rung) -> DrilledRung {
    let first = attempt(spawner, rung.clone()).await;
    if first.result == DrillResult::Unproved { attempt(spawner, rung).await } else { first }
}

async fn attempt(spawner: &Spawner, rung: Rung) -> DrilledRung {
    let unproved = |why: String| DrilledRung {
        rung: rung.clone(),
        result: DrillResult::Unproved,
        why: Some(why),
        ..DrilledRung::default()
    };
    let session = format!("{}-drill-{}", spawner.tracker().session(), rung.as_str());
    let spawner = spawner.clone().of_session(&session).passing(Vec::new());
    let bystander = match Bystander::start() {
        Ok(bystander) => bystander,
        Err(error) => return unproved(format!("cannot start a process outside: {error}")),
    };
    let argv = ["/bin/sh", "-c", EVASIONS].map(Into::into).to_vec();
    let environment = vec![("PATH".into(), PROGRAMS.into())];
    let spec = Spec { argv, cwd: PathBuf::from("/"), environment, piped_stdin: false, merged: true };
    let running = match spawner.spawn(&spec) {
        Ok(running) => running,
        Err(error) => return unproved(format!("cannot start the launcher: {error}")),
    };
    judge(rung, &observe(running, spawner.tracker().clone(), bystander).await)
}

/// As [`drill`], in this layer, which is thrown away.
pub async fn within(spawner: Spawner, layer: Layer) -> DrilledRung {
    let drilled = drill(&spawner.within(layer.plan().clone()), Rung::Layer).await;
    let refusal = layer.refusal();
    // Removing it takes a moment.
    drop(tokio::task::spawn_blocking(move || drop(layer)));
    match refusal {
        Some(no) => DrilledRung::unavailable(Rung::Layer, no.to_string()),
        None => drilled,
    }
}

async fn observe(mut running: Running, tracker: Tracker, mut bystander: Bystander) -> Seen {
    let mut seen = Seen::default();
    let mut output = running.stdout.take();
    if let Some(output) = output.as_mut() {
        let start = Duration::from_millis(limits::DRILL_START_MS_MAX);
        // Whoever is late is missed below.
        let _ = timeout(start, listen(output, &mut seen)).await;
    }
    seen.has_namespace = has_namespace(running.pid);
    let stopped = tokio::task::spawn_blocking(move || tracker.stop(Scope::Session)).await;
    seen.census = stopped.unwrap_or_default();
    seen.is_ended = match output {
        Some(output) => is_ended(output).await,
        None => false,
    };
    seen.is_bystander_alive = bystander.is_alive();
    seen
}

/// Whether the children of this launcher are in another pid namespace than this process.
fn has_namespace(launcher: i32) -> Option<bool> {
    let own = std::fs::read_link("/proc/self/ns/pid").ok()?;
    let children = std::fs::read_link(format!("/proc/{launcher}/ns/pid_for_children")).ok()?;
    Some(own != children)
}

/// Reads until every process has said its name.
async fn listen(output: &mut ChildStdout, seen: &mut Seen) {
    let mut text = Vec::new();
    while seen.due.is_none_or(|due| seen.said < due) && text.len() < limits::DRILL_SAID_BYTES_MAX {
        match output.read_buf(&mut text).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines = String::from_utf8_lossy(text.get(..whole).unwrap_or_default()).into_owned();
        seen.due = lines.lines().find_map(|line| line.strip_prefix("all ")?.parse().ok());
        let said = lines.lines().filter(|line| !line.starts_with("all ")).count();
        seen.said = u32::try_from(said).unwrap_or(u32::MAX);
    }
}

/// Whether nobody has the writing end any more.
async fn is_ended(mut output: impl AsyncRead + Unpin) -> bool {
    let mut rest = [0u8; 256];
    let to_end = async {
        loop {
            match output.read(&mut rest).await {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    };
    timeout(Duration::from_millis(limits::DRILL_END_MS_MAX), to_end).await.unwrap_or(false)
}

/// A process that belongs to no session. It ends when its input does, and so with this process.
struct Bystander(Child);

impl Bystander {
    fn start() -> std::io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "read line"])
            .current_dir("/")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().map(Self)
    }

    fn is_alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Drills every rung for a workspace on this machine. `launcher` is the rightseat binary, `state` a directory for
/// sessions, `hidden` further paths that are empty in layers.
pub async fn every_rung(
    launcher: &Path,
    state: &Path,
    (root, rules): (&Root, &Rules),
    hidden: &[PathBuf],
) -> Vec<DrilledRung> {
    let session = format!("doctor-{}", std::process::id());
    let spawner = |containment| Spawner::new(launcher.to_owned(), containment, Tracker::new(&session));
    let fail = |error: std::io::Error| format!("{}: {error}", state.display());
    let dir = tempfile::Builder::new().prefix("drill-").tempdir_in(state).map_err(fail);
    let layer = dir.as_ref().map_err(Clone::clone).and_then(|dir| {
        let made = available(launcher, state, (root, rules), hidden).and_then(|()| {
            Layer::make((dir.path(), "drill"), (root, rules), ("", BuildFolders::Shared, Network::Off), hidden)
        });
        made.map_err(|no| no.to_string())
    });
    let mut all = vec![match layer {
        Ok(layer) => within(spawner(Containment::Auto), layer).await,
        Err(why) => DrilledRung::unavailable(Rung::Layer, why),
    }];
    let no_namespace = |why: &str| {
        let why = format!("{why}; the launcher is a subreaper instead");
        DrilledRung::unavailable(Rung::Namespace, why)
    };
    all.push(match direct(Containment::Auto) {
        Rung::Namespace => match drill(&spawner(Containment::Auto), Rung::Namespace).await {
            drilled if drilled.rung == Rung::Namespace => drilled,
            _ => no_namespace("the kernel or the container refuses a pid namespace to root"),
        },
        Rung::Layer | Rung::Subreaper | Rung::Other(_) => {
            no_namespace("outside a layer, only root can make a pid namespace")
        }
    });
    all.push(drill(&spawner(Containment::Subreaper), Rung::Subreaper).await);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Survivor;

    fn good() -> Seen {
        Seen {
            said: 9,
            due: Some(9),
            census: Census::default(),
            is_ended: true,
            is_bystander_alive: true,
            ..Seen::default()
        }
    }

    #[test]
    fn a_drill_passes_only_when_all_started_and_both_proofs_agree() {
        let check = |seen: Seen, left: u32, expect: Option<&str>| {
            let drilled = judge(Rung::Layer, &seen);
            let is_short = seen.due.is_none_or(|due| seen.said < due);
            let result = match expect {
                None => DrillResult::Passed,
                Some(_) if is_short => DrillResult::Unproved,
                Some(_) => DrillResult::Failed,
            };
            assert_eq!((drilled.result.clone(), drilled.left), (result, left), "{drilled:?}");
            assert!(
                expect.is_none_or(|part| drilled.why.as_ref().is_some_and(|why| why.contains(part))),
                "{drilled:?}"
            );
        };
        check(good(), 0, None);
        let survivors = vec![Survivor { pid: 7, argv: "sleep 600".to_owned(), parent: None }];
        let census = Census { survivors, ..Census::default() };
        check(Seen { census, ..good() }, 1, Some("7 sleep 600"));
        check(Seen { is_ended: false, ..good() }, 1, Some("the census does not see"));
        check(Seen { is_bystander_alive: false, ..good() }, 0, Some("does not belong"));
        check(Seen { said: 8, ..good() }, 0, Some("only 8 of 9"));
        check(Seen { due: None, ..good() }, 0, Some("an unknown number"));
        let left = judge(Rung::Layer, &Seen { said: 1, is_ended: false, ..good() });
        assert_eq!(left.result, DrillResult::Failed, "what was left is left, however few were started");
    }

    #[test]
    fn the_rung_is_the_one_that_the_launcher_reached() {
        let check = |rung: Rung, has_namespace, expect: Rung| {
            assert_eq!(judge(rung, &Seen { has_namespace, ..good() }).rung, expect, "{has_namespace:?}");
        };
        check(Rung::Namespace, Some(true), Rung::Namespace);
        check(Rung::Namespace, Some(false), Rung::Subreaper);
        check(Rung::Namespace, None, Rung::Namespace);
        check(Rung::Layer, Some(false), Rung::Layer);
    }
}
