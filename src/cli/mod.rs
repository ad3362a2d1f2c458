//! The command line: the only place that names everything.

mod agents;
mod anchor;
mod args;
mod attach;
mod branch;
mod compose;
mod daemon;
mod disk;
mod doctor;
mod far;
#[cfg(feature = "nats")]
mod fleet;
#[cfg(not(feature = "nats"))]
#[path = "no_fleet.rs"]
mod fleet;
mod git;
mod headless;
mod home;
mod judge;
mod keep_rule;
mod keys;
pub mod limits;
mod list;
mod llm;
mod log;
mod maker;
mod mentions;
mod mistyped;
mod neighbors;
mod notes;
mod notify;
mod options;
mod others;
#[cfg(feature = "otlp")]
mod otlp;
mod package;
mod packing;
mod parse;
mod past;
mod place;
mod plain;
mod plans;
mod prune;
mod record;
mod replay;
mod rules;
mod runner;
mod screen;
mod settings;
mod show;
mod socket;
mod ssh;
mod start;
mod themes;
mod undecided;
mod verdict;
mod watches;
mod welcome;

use crate::journal::export::Extent;
use crate::model::event::Verdict;
use args::{Cli, Command, FleetCommand, PlanCommand};
use std::io::Write as _;
use std::process::ExitCode;

/// Exit codes of the command line.
const DONE: u8 = 0;
const NOT_SO: u8 = 1;
const INTERRUPTED: u8 = 130;
const USAGE: u8 = 2;

/// The failure of a command: one clear line, and an exit code.
#[derive(Debug)]
pub struct Fail {
    pub text: String,
    pub code: u8,
}

impl Fail {
    /// A problem of usage or environment, and how to fix it.
    pub fn usage(text: String) -> Self {
        Self { text, code: USAGE }
    }

    /// An input or output error at a file: which one, and what the system said.
    pub fn at(path: &std::path::Path) -> impl Fn(std::io::Error) -> Self + '_ {
        move |error| Self::usage(format!("{}: {error}", path.display()))
    }
}

impl From<std::io::Error> for Fail {
    fn from(error: std::io::Error) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<crate::journal::Error> for Fail {
    fn from(error: crate::journal::Error) -> Self {
        Self::usage(error.to_string())
    }
}

type Done = Result<u8, Fail>;

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next().unwrap_or_default();
    if first == crate::workspace::launch::HIDDEN_COMMAND {
        return crate::workspace::launch::main(arguments);
    }
    close_to_others();
    // Before there are threads.
    crate::ui::run::zone::utc_offset_s();
    // Building an HTTP client without a provider panics; a second install is refused, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let done = if first == daemon::HIDDEN_COMMAND {
        daemon::host()
    } else {
        match parse::parse(std::env::args_os()) {
            Ok(cli) => dispatch(cli),
            Err(error) => {
                say_mistake(&error);
                return ExitCode::from(if error.use_stderr() { USAGE } else { DONE });
            }
        }
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(fail) => {
            complain(&fail.text);
            ExitCode::from(fail.code)
        }
    }
}

/// Keys of model providers are in the environment and in the memory of this process. Commands and agents run as the
/// same user and could read both; the kernel refuses it for a process that may not be dumped. What is started from here
/// may be dumped again: it holds no key. Root may look everywhere, so nothing is gained for it, and the census goes by
/// who can be looked at.
fn close_to_others() {
    #[cfg(target_os = "linux")]
    if !rustix::process::geteuid().is_root() {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // Fails on no kernel that we run on; if it does, the session is as open as every other program.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// One line on stderr. Foreign text in it has passed the sanitiser or is escaped here.
fn complain(text: &str) {
    let text = crate::base::text::Untrusted::new(text);
    let _ = writeln!(std::io::stderr(), "rightseat: {}", text.visible_lines().collect::<Vec<_>>().join("\n"));
}

/// Prints clap's message about a command line. Clap repeats the arguments with colors of its own, and would let theirs
/// through.
fn say_mistake(error: &clap::Error) {
    let odd = |word: &str| word.lines().any(|line| crate::base::text::Untrusted::new(line).visible() != line);
    if std::env::args_os().any(|word| odd(&word.to_string_lossy())) {
        let text = crate::base::text::Untrusted::new(error.to_string());
        let _ = writeln!(std::io::stderr(), "{}", text.visible_lines().collect::<Vec<_>>().join("\n"));
    } else {
        let _ = error.print();
    }
}

/// Text on stdout; a closed pipe is the reader's choice.
fn print(text: &str) -> Result<(), Fail> {
    let mut out = plain::stdout();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn dispatch(cli: Cli) -> Done {
    let Cli { shared, command, mut goal, goal_after_dashes } = cli;
    match command {
        None => {
            mistyped::check(&goal)?;
            goal.extend(goal_after_dashes);
            start::session(&shared, &goal)
        }
        Some(Command::Demo) => start::demo(&shared),
        Some(Command::Attach { session, ssh, read_only, stdio }) => {
            attach::attach(&shared, session.as_deref(), ssh.as_deref(), read_only, stdio)
        }
        Some(Command::Home { feed }) => home::home(&shared, feed),
        Some(Command::Ls { all, json }) => list::sessions(&shared, all, json),
        Some(Command::Show { session, action, machine, json }) => {
            show::show(&shared, machine.as_deref(), &session, &action, json)
        }
        Some(Command::Fleet { command: FleetCommand::Key }) => verdict::key(&shared),
        Some(Command::Name { session, name }) => print(&home::named(&shared, &session, &name)?).map(|()| DONE),
        Some(Command::Archive { session }) => print(&home::archived(&shared, &session, true)?).map(|()| DONE),
        Some(Command::Unarchive { session }) => print(&home::archived(&shared, &session, false)?).map(|()| DONE),
        Some(Command::Delete { session, yes }) => home::delete(&shared, &session, yes),
        Some(Command::Prune { days, yes }) => prune::prune(&shared, days, yes),
        Some(Command::Inbox { json }) => list::inbox(&shared, json),
        Some(Command::Approve { verdict, despite_comments }) => {
            verdict::decide(&shared, Verdict::Approve, &verdict, despite_comments)
        }
        Some(Command::Deny(args)) => verdict::decide(&shared, Verdict::Deny, &args, false),
        Some(Command::Redirect(args)) => verdict::decide(&shared, Verdict::Redirect, &args, false),
        Some(Command::Verify { target, anchor, json }) => record::verify(&shared, &target, anchor.as_deref(), json),
        Some(Command::Export { session, format, jsonl: _, pipeline, no_redact }) => {
            let extent = if pipeline { Extent::Pipeline } else { Extent::Whole };
            record::export(&shared, &session, (format, extent), !no_redact)
        }
        Some(Command::Note { session, commit }) => notes::note(&shared, &session, &commit),
        Some(Command::Completions { shell }) => package::completions(shell),
        Some(Command::Man) => package::man(),
        Some(Command::Replay { session }) => replay::replay(&shared, &session),
        Some(Command::Review { file }) => replay::review(&shared, &file),
        Some(Command::Plan { command: PlanCommand::Save { name, session, replace } }) => {
            plans::save(&shared, &name, session.as_deref(), replace)
        }
        Some(Command::Plan { command: PlanCommand::List }) => plans::list(&shared),
        Some(Command::Policy { command }) => rules::policy(&shared, &command),
        Some(Command::Agents { json }) => agents::list(&shared, json),
        Some(Command::Themes) => themes::list(&shared),
        Some(Command::Keys { probe: false }) => keys::list(&shared),
        Some(Command::Keys { probe: true }) => keys::probe(&shared),
        Some(Command::Doctor { drill: false, json }) => doctor::doctor(&shared, json),
        Some(Command::Doctor { drill: true, json }) => doctor::drill(&shared, json),
        Some(Command::Config { command }) => settings::config(&shared, &command),
    }
}
