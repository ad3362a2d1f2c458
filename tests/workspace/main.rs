//! The workspace against the real system: processes, watches, full disks, kills.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests may stop at the first surprise"
)]

#[path = "../support/everybody.rs"]
mod everybody;
#[path = "../support/holder.rs"]
mod holder;
#[path = "../support/rounds.rs"]
mod rounds;

mod census;
mod drill;
mod egress;
mod faults;
mod layer;
mod live;
mod run;
mod start;
mod watch;

use rightseat::workspace::census::Tracker;
use rightseat::workspace::launch::Containment;
use rightseat::workspace::run::{Spawner, Spec, environment};
use std::path::Path;
use std::time::{Duration, Instant};

/// A session's spawner, with the built binary as its launcher.
pub fn spawner(containment: Containment) -> Spawner {
    let session = format!("test-{}-{:?}", std::process::id(), std::thread::current().id());
    Spawner::new(env!("CARGO_BIN_EXE_rightseat").into(), containment, Tracker::new(&session))
}

/// Held by tests that count processes: a process has one session, this one has a test in each thread, and orphans whose
/// launcher was killed belong to all of them.
pub fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A shell script in a directory.
pub fn script(text: &str, cwd: &Path) -> Spec {
    Spec {
        argv: vec!["bash".into(), "-c".into(), text.into()],
        cwd: cwd.to_owned(),
        environment: environment(&[], &[]),
        piped_stdin: false,
        merged: false,
    }
}

/// Waits for a named condition; fails with the name.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
