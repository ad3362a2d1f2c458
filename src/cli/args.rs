//! The command line as types: options, commands, and the words that describe them.

use crate::config::IsolationChoice;
use crate::journal::export::Format;
use crate::model::event::Mode;
use clap::builder::{OsStringValueParser, PossibleValue, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

/// Supervise a coding agent from the right-hand seat
#[derive(Debug, Parser)]
#[command(name = "rightseat", version, long_about = None)]
pub struct Cli {
    #[command(flatten)]
    pub shared: Shared,
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The goal for the agent; without one, the session waits for it
    #[arg(value_name = "GOAL")]
    pub goal: Vec<String>,
    /// The goal, when it could be mistaken for a command or an option
    #[arg(value_name = "GOAL", last = true, hide = true)]
    pub goal_after_dashes: Vec<String>,
}

/// Options that several commands share. A new session uses all of them; [`super::parse`] has the table of the others.
#[derive(Clone, Debug, Default, Args)]
pub struct Shared {
    /// Agent to supervise: a name from `rightseat agents`, acp:COMMAND LINE, llm:PROVIDER/MODEL, repair, or script:FILE
    /// [default: the configured one, else the first that is found]
    #[arg(long, value_name = "SPEC")]
    pub agent: Option<String>,
    /// Actions that need your decision: every action (step), each step of the plan (plan), or what no rule decides (guarded);
    /// with observe, the agent can only read
    #[arg(long, value_enum, hide_possible_values = true)]
    pub mode: Option<Mode>,
    /// Isolation of the agent from your files: it works in a layer over them (overlay) or a private copy (copy), asks before
    /// each change (gated), or its changes are found afterwards (watched); auto is overlay, or gated if it edits through rightseat
    #[arg(long, value_enum, value_name = "LEVEL", hide_possible_values = true)]
    pub isolation: Option<IsolationChoice>,
    /// Directory to work in [default: the current one]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Work in a git worktree of its own on this branch; both are made where they do not exist, beside the repository
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Use JSON-RPC on stdin and stdout instead of opening the screen
    #[arg(long)]
    pub headless: bool,
    /// Start the session without a screen, and print its name
    #[arg(long, conflicts_with = "headless")]
    pub detached: bool,
    /// Start the session on another machine, as for ssh: user@host; --dir is a directory there
    #[arg(long, value_name = "HOST", conflicts_with_all = ["headless", "detached", "record", "plan"])]
    pub ssh: Option<String>,
    /// If the other machine lacks rightseat, copy this program to its ~/.local/bin without asking
    #[arg(long)]
    pub copy: bool,
    /// Start with this plan under review: a name from `rightseat plan list`, or a file
    #[arg(long, value_name = "NAME|FILE")]
    pub plan: Option<String>,
    /// Fill in a placeholder of the plan
    #[arg(long, value_name = "NAME=VALUE", requires = "plan")]
    pub set: Vec<String>,
    /// Save the raw protocol of an external agent to this file
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Theme (see `rightseat themes`)
    #[arg(long, value_name = "NAME", help_heading = DISPLAY)]
    pub theme: Option<String>,
    /// Keymap: default, vim, emacs, or your own
    #[arg(long, value_name = "NAME", help_heading = DISPLAY)]
    pub keymap: Option<String>,
    /// Print numbered lines instead of drawing, for screen readers and narrow terminals
    #[arg(long, help_heading = DISPLAY)]
    pub linear: bool,
    /// Settings file; agents.toml, models.toml, policy.toml, themes/ and keymaps/ are read from its directory
    #[arg(long, value_name = "FILE", help_heading = FILES)]
    pub config: Option<PathBuf>,
    /// Directory of the sessions
    #[arg(long, value_name = "DIR", help_heading = FILES)]
    #[arg(env = "RIGHTSEAT_STATE_DIR", hide_env_values = true, value_parser = possibly_empty())]
    pub state_dir: Option<PathBuf>,
}

const DISPLAY: &str = "Display options";
const FILES: &str = "File options";

/// Accepts an empty value: an environment variable that is set to nothing counts as unset.
fn possibly_empty() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

impl Shared {
    /// Returns where sessions are kept, if that was given.
    pub fn state_dir(&self) -> Option<&Path> {
        self.state_dir.as_deref().filter(|dir| !dir.as_os_str().is_empty())
    }
}

const VERDICT_HELP: &str = "Exit code 1 means that the action is not pending any more, or is not what --digest names.";

const APPROVE_HELP: &str = "Exit code 1 means that the action is not pending any more, is not what --digest names, or has open \
comments of yours.";

/// A decision from a script.
#[derive(Clone, Debug, Args)]
pub struct VerdictArgs {
    /// Name of the session, or the beginning of it
    pub session: String,
    /// The action, such as a7
    pub action: String,
    /// Digest of what you saw, from `rightseat inbox --json`: the decision counts for nothing else
    #[arg(long, value_name = "DIGEST")]
    pub digest: String,
    /// Words that the agent is given
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The word that a protected action asks for
    #[arg(long, value_name = "WORD")]
    pub confirm: Option<String>,
    /// Machine of the fleet that the session is on, if it is not this one
    #[arg(long, value_name = "NAME")]
    pub machine: Option<String>,
}

impl ValueEnum for Mode {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Observe, Self::Step, Self::Plan, Self::Guarded]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::Observe => "observe",
            Self::Step => "step",
            Self::Plan => "plan",
            Self::Guarded => "guarded",
        }))
    }
}

impl ValueEnum for IsolationChoice {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::Overlay, Self::Copy, Self::Gated, Self::Watched]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.word()))
    }
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Jsonl, Self::Markdown, Self::Html, Self::Patch, Self::Origins]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::Jsonl => "jsonl",
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Patch => "patch",
            Self::Origins => "origins",
        }))
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try it on a copy of the bundled playground: no key, no network
    Demo,
    /// Join a running or resumable session, on this machine or over SSH
    Attach {
        /// Name of the session, or the beginning of it [default: the newest session]
        session: Option<String>,
        /// Machine that the session is on, as for ssh: user@host
        #[arg(long, value_name = "HOST")]
        ssh: Option<String>,
        /// Follow the session without deciding anything
        #[arg(long)]
        read_only: bool,
        /// Use JSON-RPC on stdin and stdout; --ssh starts this on the other machine
        #[arg(long, conflicts_with = "ssh")]
        stdio: bool,
    },
    /// Open all sessions, and one inbox of everything that is pending
    Home {
        /// Print this machine's sessions as JSON lines; the home screen of another machine starts this
        #[arg(long, hide = true)]
        feed: bool,
    },
    /// List sessions
    Ls {
        /// List archived sessions too; JSON always has them
        #[arg(long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List everything that is pending in all sessions
    Inbox {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print an action: what it would do, why, and its digest
    Show {
        /// Name of the session, or the beginning of it
        session: String,
        /// The action, such as a7
        action: String,
        /// Machine of the fleet that the session is on, if it is not this one
        #[arg(long, value_name = "NAME")]
        machine: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Give a session a name of your own; an empty one takes it away
    Name {
        /// Name of the session, or the beginning of it
        session: String,
        /// The new name
        name: String,
    },
    /// Leave a session out of lists
    Archive {
        /// Name of the session, or the beginning of it
        session: String,
    },
    /// List an archived session again
    Unarchive {
        /// Name of the session, or the beginning of it
        session: String,
    },
    /// Delete a session that does not run, with everything kept for it
    Delete {
        /// Name of the session, or the beginning of it
        session: String,
        /// Delete it; without this, only what it would free is printed
        #[arg(long)]
        yes: bool,
    },
    /// Remove what no open session needs, and never a record
    Prune {
        /// Remove checkpoints of sessions that ended so many days ago [default: state.keep_days]
        #[arg(long, value_name = "N")]
        days: Option<u64>,
        /// Remove it; without this, only what it would free is printed
        #[arg(long)]
        yes: bool,
    },
    /// Approve a pending action from a script
    #[command(after_help = APPROVE_HELP)]
    Approve {
        #[command(flatten)]
        verdict: VerdictArgs,
        /// Approve although you have open comments on it; they go as notes
        #[arg(long)]
        despite_comments: bool,
    },
    /// Deny a pending action from a script
    #[command(after_help = VERDICT_HELP)]
    Deny(VerdictArgs),
    /// Redirect the agent at a pending action from a script
    #[command(after_help = VERDICT_HELP)]
    Redirect(VerdictArgs),
    /// Step through a session, read-only
    Replay {
        /// Name of the session, or the beginning of it
        session: String,
    },
    /// Step through an exported or recorded file, read-only
    Review {
        /// A file from `rightseat export`, or the output of --headless
        file: PathBuf,
    },
    /// Check the hash chain of a session or an exported file
    #[command(after_help = "Exit code 1 means that the record was changed; the first bad record is named.")]
    Verify {
        /// Name of a session, a journal, or an exported .jsonl file
        #[arg(value_name = "SESSION|FILE")]
        target: String,
        /// File with an anchor that was kept elsewhere: {"session", "seq", "hash"}
        #[arg(long, value_name = "FILE")]
        anchor: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a session as JSON Lines, Markdown, HTML, patch or origins
    Export {
        /// Name of the session, or the beginning of it
        session: String,
        /// Format of the record
        #[arg(long, value_enum, default_value = "jsonl")]
        format: Format,
        /// Same as --format jsonl
        #[arg(long, conflicts_with = "format")]
        jsonl: bool,
        /// Only the changes to what builds, trains, deploys, or instructs
        #[arg(long)]
        pipeline: bool,
        /// Keep likely secrets instead of redacting them; a patch always keeps them
        #[arg(long)]
        no_redact: bool,
    },
    /// Note in git which lines of a commit came from which action
    #[command(
        after_help = "Exit code 1 means that no line of the commit did. The note is in refs/notes/rightseat-lines."
    )]
    Note {
        /// Name of the session, or the beginning of it
        session: String,
        /// The commit
        #[arg(default_value = "HEAD")]
        commit: String,
    },
    /// Keep plans to use again with --plan
    Plan {
        #[command(subcommand)]
        command: PlanCommand,
    },
    /// Evaluate actions against the policy without running them
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Decide on the sessions of many machines over NATS
    Fleet {
        #[command(subcommand)]
        command: FleetCommand,
    },
    /// List agents and models, and how closely each can be supervised
    Agents {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List themes
    Themes,
    /// List key bindings, or show what this terminal sends
    Keys {
        /// Show what this terminal sends for each key that you press
        #[arg(long)]
        probe: bool,
    },
    /// Report what works on this machine, and why the rest does not
    Doctor {
        /// Start processes that evade a stop, stop them, and prove that none is left; exit code 1 if one is
        #[arg(long)]
        drill: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show where settings are, their values, or their schema
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print a completion script for a shell
    Completions {
        /// Shell that will load the script
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// Save the newest text of a session's plan; names in braces are placeholders
    Save {
        /// Name of the plan: letters, digits, - and _
        name: String,
        /// Name of the session, or the beginning of it [default: the newest session]
        #[arg(long)]
        session: Option<String>,
        /// Replace a plan of this name
        #[arg(long)]
        replace: bool,
    },
    /// List the saved plans and their placeholders
    List,
}

#[derive(Debug, Subcommand)]
pub enum FleetCommand {
    /// Print the public key that signs your decisions here, for `nats.deciders` of other machines
    Key,
}

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Rule on JSON lines from stdin with the built-in rules
    Check {
        /// Read and write JSON lines, the only format so far
        #[arg(long)]
        jsonl: bool,
    },
    /// Show how a command line is read and which rule decides
    Explain {
        /// The command line, quoted as one argument
        command: String,
    },
    /// Show what other rules would have decided in a session
    DryRun {
        /// File with the rules, in the format of policy.toml
        rules: PathBuf,
        /// Name of the session, or the beginning of it
        #[arg(long)]
        session: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print where settings, agents, policy, themes, keymaps and state are read from
    Path,
    /// Print the settings in force and where each comes from
    Show,
    /// Print the JSON schema of the settings file
    Schema,
}
