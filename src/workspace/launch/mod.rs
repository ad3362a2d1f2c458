//! The launcher: this binary started again as a hidden sub-command, standing between the host and
//! every command so that nothing it starts can get away.
//!
//! ```text
//! host ── launcher (own session, subreaper, watches the host) ── init (pid 1 of a pid namespace) ── argv
//! host ── launcher (own session, subreaper, watches the host) ── shim (dies with the launcher) = argv
//! ```
//!
//! A command in a layer has the first shape, with more namespaces, see [`super::layer`].
//!
//! The first shape is used where a pid namespace can be made without side effects (as root); the
//! kernel then ends everything in it together with its init. In the second shape orphans of any
//! kind (double fork, `setsid`) come back to the launcher, because it is a child subreaper, and so
//! stay in its tree. In both the launcher ends the tree when the command has ended, and when the
//! host has gone, even by `kill -9`. All of it is safe code: the work is done between `exec`s, not
//! between `fork` and `exec`.

mod args;
mod descriptors;
mod init;
mod outer;

pub use args::{Containment, HIDDEN_COMMAND, arguments, arguments_within};

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::ExitCode;

/// Exit code of the launcher when it could not do its own work.
pub const EXIT_LAUNCHER_FAILED: u8 = 125;
/// Exit code when the program exists and cannot be executed.
pub const EXIT_NOT_EXECUTABLE: u8 = 126;
/// Exit code when there is no such program.
pub const EXIT_NOT_FOUND: u8 = 127;

/// Runs the hidden sub-command. `arguments` are those behind [`HIDDEN_COMMAND`]. The caller exits
/// with the returned code at once.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let code = match args::parse(arguments) {
        Ok(args::Role::Outer { parent, containment, argv }) => outer::run(parent, outer::Hold::By(containment), &argv),
        Ok(args::Role::Apart { parent, plan, argv }) => outer::run(parent, outer::Hold::Within(&plan), &argv),
        Ok(args::Role::Init { report, argv }) => init::run(report, None, &argv),
        Ok(args::Role::Inside { report, plan, argv }) => init::run(report, Some(&plan), &argv),
        Ok(args::Role::Map) => u8::from(!super::layer::map()),
        Ok(args::Role::Shim { launcher, argv }) => init::shim(launcher, &argv),
        Err(what) => complain(&what),
    };
    ExitCode::from(code)
}

/// Says on standard error, which is the command's, why it could not be started.
fn complain(what: &str) -> u8 {
    use std::io::Write as _;
    // Nobody may be reading: then the exit code has to do.
    let _ = writeln!(io::stderr(), "rightseat: {what}");
    EXIT_LAUNCHER_FAILED
}

fn cannot_start(program: &OsStr, error: &io::Error) -> u8 {
    complain(&format!("cannot start {}: {error}", program.display()));
    if error.kind() == io::ErrorKind::NotFound { EXIT_NOT_FOUND } else { EXIT_NOT_EXECUTABLE }
}
