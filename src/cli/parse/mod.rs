//! Reads the command line: which shared options each command takes, and the help on all commands in groups.

use super::args::Cli;
use crate::base::nearest::nearest;
use clap::builder::Styles;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, CommandFactory as _, FromArgMatches as _};
use std::ffi::OsString;
use std::fmt::Write as _;

/// Columns that help is wrapped to in a wide terminal.
const HELP_COLUMNS_MAX: usize = 80;

/// The shared options that each command uses, by their ids. A command that is not listed uses none.
const USED: [(&str, &[&str]); 31] = [
    ("demo", &["agent", "mode", "isolation", "headless", "record", "theme", "keymap", "linear", "config", "state_dir"]),
    ("attach", &["copy", "theme", "keymap", "linear", "config", "state_dir"]),
    ("home", &["theme", "keymap", "linear", "config", "state_dir"]),
    ("ls", &["state_dir"]),
    ("show", &["config", "state_dir"]),
    ("name", &["state_dir"]),
    ("archive", &["state_dir"]),
    ("unarchive", &["state_dir"]),
    ("delete", &["state_dir"]),
    ("prune", &["config", "state_dir"]),
    ("inbox", &["config", "state_dir"]),
    ("approve", &["config", "state_dir"]),
    ("deny", &["config", "state_dir"]),
    ("redirect", &["config", "state_dir"]),
    ("fleet key", &["state_dir"]),
    ("replay", &["theme", "keymap", "linear", "config", "state_dir"]),
    ("review", &["theme", "keymap", "linear", "config"]),
    ("verify", &["state_dir"]),
    ("export", &["state_dir"]),
    ("note", &["state_dir"]),
    ("plan save", &["config", "state_dir"]),
    ("plan list", &["config"]),
    ("policy check", &["dir", "config", "state_dir"]),
    ("policy explain", &["dir", "config", "state_dir"]),
    ("policy dry-run", &["state_dir"]),
    ("agents", &["dir", "config"]),
    ("doctor", &["dir", "theme", "keymap", "config", "state_dir"]),
    ("config path", &["dir", "config", "state_dir"]),
    ("config show", &["agent", "mode", "isolation", "dir", "theme", "keymap", "config"]),
    ("themes", &["theme", "config"]),
    ("keys", &["keymap", "config"]),
];

/// The commands in the order of the help.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Sessions", &["demo", "attach", "home", "ls", "name", "archive", "unarchive", "delete", "prune"]),
    ("Decisions", &["inbox", "show", "approve", "deny", "redirect", "fleet"]),
    ("Records", &["replay", "review", "verify", "export", "note", "plan"]),
    ("Policy", &["policy"]),
    ("Agents and settings", &["agents", "doctor", "config", "themes", "keys"]),
    ("Help", &["help", "man", "completions"]),
];

const EXAMPLES: [(&str, &str); 5] = [
    ("rightseat demo", "try it first: no key, no network"),
    ("rightseat \"add a --json flag\"", "use the first agent found"),
    ("rightseat --agent claude", "choose the agent, type the goal later"),
    ("rightseat attach --ssh box", "join a session on another machine"),
    ("rightseat -- exports", "use a goal that resembles a command"),
];

fn used_by(path: &str) -> &'static [&'static str] {
    USED.iter().find(|(command, _)| *command == path).map_or(&[], |(_, ids)| ids)
}

/// Returns the whole command line with every command's own options.
///
/// A command declares the shared options that it uses as global, and the root declares all of them as its own. Clap
/// then merges the values given before and after the command's name, and knows nothing of an option that is not used.
pub fn command() -> clap::Command {
    let root = Cli::command();
    let shared: Vec<Arg> = root.get_arguments().filter(|arg| !arg.is_positional()).cloned().collect();
    with_shared(root, "", &shared).max_term_width(HELP_COLUMNS_MAX)
}

fn with_shared(command: clap::Command, path: &str, shared: &[Arg]) -> clap::Command {
    let is_used = |arg: &&Arg| used_by(path).contains(&arg.get_id().as_str());
    let used: Vec<Arg> = shared.iter().filter(is_used).map(|arg| arg.clone().global(true)).collect();
    command.args(used).mut_subcommands(|sub| {
        let path = format!("{path} {}", sub.get_name());
        with_shared(sub, path.trim_start(), shared)
    })
}

/// Returns the same with grouped help. The groups are text in the template: clap has one heading for all commands.
fn with_groups(command: clap::Command) -> clap::Command {
    let template =
        format!("{{about}}\n\n{{usage-heading}} {{usage}}\n\n{}{{all-args}}{{after-help}}", groups(&command));
    let styles = Styles::styled();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut examples = format!("{header}Examples:{header:#}\n");
    for (line, does) in EXAMPLES {
        let _ = writeln!(examples, "  {literal}{line:<34}{literal:#}{does}");
    }
    examples.push_str("\n`rightseat help COMMAND` lists the options of a command.");
    command
        .override_usage("rightseat [OPTIONS] [GOAL]...\n       rightseat <COMMAND> [OPTIONS]")
        .help_template(template)
        .after_help(examples)
        .mut_subcommands(|sub| sub.hide(true))
}

fn groups(command: &clap::Command) -> String {
    let styles = Styles::styled();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut text = String::new();
    for (group, names) in GROUPS {
        let _ = writeln!(text, "{header}{group}:{header:#}");
        for name in names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about =
                about.map_or_else(|| "Print this help, or the help of a command".to_owned(), ToString::to_string);
            let _ = writeln!(text, "  {literal}{name:<13}{literal:#}{about}");
        }
        text.push('\n');
    }
    text
}

/// Parses the command line; `words` begin with the program's name.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut root = with_groups(command());
    let matches = root.try_get_matches_from_mut(words).map_err(with_suggestion)?;
    let cli = Cli::from_arg_matches(&matches)?;
    check_use(&mut root, &matches, &cli.goal)?;
    Ok(cli)
}

/// Adds a suggestion to an error of `rightseat help`, where clap has none.
fn with_suggestion(mut error: clap::Error) -> clap::Error {
    if let (Some(ContextValue::String(typed)), None) =
        (error.get(ContextKind::InvalidSubcommand), error.get(ContextKind::SuggestedSubcommand))
    {
        let root = command();
        let all = root.get_subcommands().flat_map(|sub| std::iter::once(sub).chain(sub.get_subcommands()));
        if let Some(near) = nearest(typed, all.map(clap::Command::get_name)) {
            let names = ContextValue::Strings(vec![near.name.to_owned()]);
            error.insert(ContextKind::SuggestedSubcommand, names);
        }
    }
    error
}

/// Refuses a shared option that the command does not use, and a goal beside a command. This is about the words before
/// the command's name: clap has checked those after it.
fn check_use(root: &mut clap::Command, matches: &ArgMatches, goal: &[String]) -> Result<(), clap::Error> {
    let shared: Vec<Arg> = root.get_arguments().cloned().collect();
    let (mut below, mut path) = (matches, Vec::new());
    while let Some((name, matches)) = below.subcommand() {
        below = matches;
        path.push(name);
    }
    if path.is_empty() {
        return Ok(());
    }
    let mut leaf = root;
    for name in &path {
        let Some(sub) = leaf.find_subcommand_mut(name) else { return Ok(()) };
        leaf = sub;
    }
    let path = path.join(" ");
    if let Some(word) = goal.first() {
        let text =
            format!("the goal '{word}…' cannot be combined with the command '{path}'; quote a goal of several words");
        return Err(leaf.error(ErrorKind::ArgumentConflict, text));
    }
    let is_given = |arg: &&Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let unused = |arg: &&Arg| !used_by(&path).contains(&arg.get_id().as_str());
    match shared.iter().filter(is_given).find(unused) {
        Some(arg) => {
            let text = format!("'{arg}' does not apply to 'rightseat {path}'");
            Err(leaf.error(ErrorKind::UnknownArgument, text))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
