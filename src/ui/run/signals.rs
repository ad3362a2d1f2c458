//! The signals a terminal program must answer to.

use std::io;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// The request of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// End, with this number.
    End(i32),
    HungUp,
    Suspend,
}

/// Listens from now on instead of dying.
pub(super) struct Signals {
    terminate: Stream,
    interrupt: Stream,
    quit: Stream,
    hang_up: Stream,
    suspend: Stream,
}

/// Numbers as on every Unix (POSIX `kill -l`).
const INTERRUPT: i32 = 2;
const QUIT: i32 = 3;
const TERMINATE: i32 = 15;
/// `SIGTSTP` on Linux; the BSDs and macOS say 18.
const SUSPEND: i32 = if cfg!(target_os = "linux") { 20 } else { 18 };

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hang_up: signal(SignalKind::hangup())?,
            suspend: signal(SignalKind::from_raw(SUSPEND))?,
        })
    }

    /// Passes over what was typed to another program that had the terminal: the kernel sends it to us as well.
    pub(super) fn forget_keys(&mut self) {
        if let (Ok(interrupt), Ok(quit)) = (signal(SignalKind::interrupt()), signal(SignalKind::quit())) {
            (self.interrupt, self.quit) = (interrupt, quit);
        }
    }

    /// The next one. Safe to cancel.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::End(TERMINATE),
            _ = self.interrupt.recv() => Signal::End(INTERRUPT),
            _ = self.quit.recv() => Signal::End(QUIT),
            _ = self.hang_up.recv() => Signal::HungUp,
            _ = self.suspend.recv() => Signal::Suspend,
        }
    }
}
