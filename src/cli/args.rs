//! The command line, as clap reads it.

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

/// Supervise a coding agent from the right-hand seat.
#[derive(Debug, Parser)]
#[command(name = "rightseat", version, about, long_about = None, args_conflicts_with_subcommands = false)]
#[command(
    after_help = "Without a command: a session in the current directory, with the goal given, attached full-screen."
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What the agent shall do.
    #[arg(value_name = "GOAL")]
    pub goal: Vec<String>,
}

/// Options that every command takes.
#[derive(Clone, Debug, Default, Args)]
pub struct Global {
    /// Who proposes: a name from agents.toml, acp:COMMAND LINE, llm:PROVIDER/MODEL, repair, script:FILE.
    #[arg(long, global = true, value_name = "SPEC")]
    pub agent: Option<String>,
    /// How much rules decide.
    #[arg(long, global = true, value_enum)]
    pub mode: Option<ModeArg>,
    /// How the agent is kept from the real tree.
    #[arg(long, global = true, value_enum)]
    pub isolation: Option<IsolationArg>,
    /// Work in this directory instead of the current one.
    #[arg(long, global = true, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Keep sessions below this directory.
    #[arg(long, global = true, value_name = "DIR", env = "RIGHTSEAT_STATE_DIR", value_parser = may_be_empty())]
    pub state_dir: Option<PathBuf>,
    /// Read settings from this file; agents.toml, models.toml, policy.toml, themes/ and keymaps/ are looked for beside it.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Colours: a name of a theme.
    #[arg(long, global = true)]
    pub theme: Option<String>,
    /// Keys: a name of a keymap.
    #[arg(long, global = true)]
    pub keymap: Option<String>,
    /// For scripts and other front ends: no screen, JSON-RPC lines on stdin and stdout, on a terminal too.
    #[arg(long, global = true)]
    pub headless: bool,
    /// Numbered lines without box drawing, for screen readers and narrow terminals.
    #[arg(long, global = true)]
    pub linear: bool,
    /// Record the raw protocol of an external agent into this file.
    #[arg(long, global = true, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

/// An environment variable that is set to nothing is as good as unset.
fn may_be_empty() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

impl Global {
    /// Where sessions are kept, when that is said at all.
    pub fn state_dir(&self) -> Option<&Path> {
        self.state_dir.as_deref().filter(|dir| !dir.as_os_str().is_empty())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    Observe,
    Step,
    Plan,
    Guarded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum IsolationArg {
    Auto,
    Overlay,
    Copy,
    Gated,
    Watched,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    #[default]
    Jsonl,
    Md,
    Html,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// A session on a throw-away copy of the bundled playground with the embedded agent: no key, no network.
    Demo,
    /// Join a running or resumable session, here or over OpenSSH.
    Attach {
        /// The session's name, or the beginning of it; the newest one when absent.
        session: Option<String>,
        /// The machine it runs on, as ssh names it.
        #[arg(long, value_name = "HOST")]
        ssh: Option<String>,
        /// Look, decide nothing.
        #[arg(long)]
        read_only: bool,
        /// Speak the protocol on stdin and stdout; what the far side of --ssh runs.
        #[arg(long)]
        stdio: bool,
    },
    /// Sessions.
    Ls {
        #[arg(long)]
        json: bool,
    },
    /// Everything that waits for a decision, in all sessions.
    Inbox {
        #[arg(long)]
        json: bool,
    },
    /// Step through a finished session.
    Replay { session: String },
    /// Step through a recorded trajectory, read only.
    Review { file: PathBuf },
    /// Check the hash chain of a session or of an exported file; names the first bad record.
    Verify {
        /// A session's name, a journal or an exported .jsonl file.
        target: String,
        /// An anchor kept elsewhere: {"session", "seq", "hash"}.
        #[arg(long, value_name = "FILE")]
        anchor: Option<PathBuf>,
        #[arg(long)]
        json: bool,
    },
    /// A portable record of a session on stdout.
    Export {
        session: String,
        #[arg(long, value_enum, default_value_t)]
        format: ExportFormat,
        /// Shorthand for --format jsonl.
        #[arg(long, conflicts_with = "format")]
        jsonl: bool,
        /// Leave what looks like a secret as it is.
        #[arg(long)]
        no_redact: bool,
    },
    /// Rule on actions without running them.
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// The agents that can be supervised here, and how far.
    Agents {
        #[arg(long)]
        json: bool,
    },
    /// The themes there are.
    Themes,
    /// The keys of the keymap.
    Keys {
        /// Show what this terminal sends for each key pressed.
        #[arg(long)]
        probe: bool,
    },
    /// What is here, what works here and why not.
    Doctor {
        #[arg(long)]
        json: bool,
    },
    /// Settings: where they are, what they are, what they can be.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// A completion script for a shell.
    Completions { shell: clap_complete::Shell },
    /// The manual page.
    Man,
    /// Runs a session's host; reads its options on stdin.
    #[command(name = "__host", hide = true)]
    Host,
}

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Rule on JSON lines from stdin.
    Check {
        /// The only format there is.
        #[arg(long)]
        jsonl: bool,
    },
    /// Say how a command line is read and which rule decides.
    Explain { command: String },
    /// Rule again on what a session proposed, with other rules.
    DryRun {
        rules: PathBuf,
        #[arg(long)]
        session: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Where settings, agents, policy, themes, keymaps and state are looked for.
    Path,
    /// The settings in force, with where each comes from.
    Show,
    /// The JSON schema of the settings file.
    Schema,
}
