//! Dry runs: whether a command is one, and the one that shows what a command would do. Every word of the command is the
//! agent's: where one could make it run for real, the command is not dry, and no dry run of it is offered.

use super::{Tool, find, is_interpreter, is_starter, tool_of};
use crate::model::Command;
use crate::policy::command::programs::base_name;
use crate::policy::command::shell;

/// How a tool shows what it would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dry {
    /// The same command with these options.
    Flag(&'static str),
    /// These words in the place of its own.
    Instead(&'static str),
    No,
}

/// The command that shows what another one would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DryRun {
    pub command: Command,
    /// Its tool runs, or may run, code of the workspace: it needs a layer.
    pub runs_project: bool,
}

/// Tools whose dry run reads files of the workspace and runs none.
const READERS: &[&str] = &["kubectl", "oc", "helm", "argocd", "aws", "az"];

/// Options that make one of them run a program, or read a configuration that names one.
const RUNNING: &[&str] = &["--kubeconfig", "--config", "--post-renderer", "-k", "--kustomize", "--enable-", "--load-"];

/// Options of a tool that change things in a dry run too, or run something of their own.
fn acts_anyway(program: &str, word: &str) -> bool {
    match program {
        "kubectl" | "oc" => word == "--raw" || word.starts_with("--raw="),
        "rsync" => {
            let long = ["--rsh", "--rsync-path", "--remote-option"].iter().any(|option| word.starts_with(option));
            long || (word.starts_with('-') && !word.starts_with("--") && word.contains(['e', 'M']))
        }
        _ => false,
    }
}

/// Options that are known to take no value: a word behind one is not its value.
fn is_switch(program: &str, word: &str) -> bool {
    let known: &[&str] = match program {
        "rsync" => &["-a", "-v", "-av", "-az", "-avz", "-r", "-z", "-P", "--archive", "--verbose", "--delete"],
        "ansible-playbook" => &["--diff", "-v", "-b", "--become"],
        "helm" => &["--install", "-i", "--wait", "--atomic", "--debug"],
        _ => &[],
    };
    word.contains('=') || known.contains(&word)
}

/// The name of a long option without its dashes, its value, and the `no-` of its opposite.
fn plain_name(word: &str) -> &str {
    let name = word.trim_start_matches('-');
    let name = name.split('=').next().unwrap_or(name);
    name.strip_prefix("no-").unwrap_or(name)
}

/// Returns whether the command is certainly the dry run itself. `words` begin with the program.
pub(super) fn is_dry(tool: &Tool, words: &[&str]) -> bool {
    let Dry::Flag(flags) = tool.dry else { return false };
    let Some(flag) = flags.split(' ').next() else { return false };
    let (program, name) = (tool.program(), plain_name(flag));
    let is_it = |word: &str| match word {
        "-n" => program == "rsync",
        "--dry-run=client" | "--dry-run=server" => {
            flag.starts_with("--dry-run") && matches!(program, "kubectl" | "oc" | "helm")
        }
        _ => word == flag,
    };
    let has_it = words.iter().zip(words.iter().skip(1)).take_while(|(_, word)| **word != "--").any(|(before, word)| {
        // It may be the value of the option before it.
        is_it(word) && (!before.starts_with('-') || is_it(before) || is_switch(program, before))
    });
    // Behind `--` too, which may itself be the value of an option. Some tools take a shortened name.
    let takes_back = |word: &str| {
        let own = plain_name(word);
        word.starts_with("--") && own.len() > 1 && name.starts_with(own) && !is_it(word)
    };
    let says_no = |(word, next): (&&str, &&str)| {
        is_it(word) && matches!(next.to_ascii_lowercase().as_str(), "false" | "0" | "no" | "off" | "none" | "f")
    };
    has_it
        && !words.iter().any(|word| takes_back(word) || acts_anyway(program, word))
        && !words.iter().zip(words.iter().skip(1)).any(says_no)
}

/// Options that answer for the user.
fn is_consent(program: &str, word: &str) -> bool {
    let name = word.split('=').next().unwrap_or(word);
    let is_forced = matches!(program, "cdk" | "pulumi") && matches!(name, "-f" | "--force");
    is_forced || matches!(name, "-auto-approve" | "--auto-approve" | "-y" | "--yes" | "--skip-preview")
}

/// Tools that take several tasks: what is added is run too.
const TASK_RUNNERS: &[&str] = &["rake", "rails", "flyway", "mix"];

/// The dry run of a command that stands alone, if its result is certainly one.
pub(super) fn dry_run(tool: &Tool, argv: &[String], command: &Command) -> Option<DryRun> {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    let (at, found) = find(&words)?;
    let (starters, own) = words.split_at_checked(at)?;
    let (program, rest) = own.split_first()?;
    if found.words != tool.words || *program != tool.program() || !are_known(starters, program) {
        return None;
    }
    if rest.iter().any(|word| acts_anyway(program, word)) {
        return None;
    }
    let operands = rest.iter().filter(|word| !word.starts_with('-')).count();
    if TASK_RUNNERS.contains(program) && operands > tool.own_words().count() {
        return None;
    }
    let changed = match tool.dry {
        Dry::No => return None,
        Dry::Flag(flags) => with_flags(tool, rest, flags),
        Dry::Instead(words) => with_words(tool, rest, words),
    };
    let all: Vec<&str> = starters.iter().chain([program]).copied().chain(changed).collect();
    let is_certain = match tool.dry {
        Dry::Flag(_) => is_dry(tool, all.get(at..)?),
        Dry::Instead(_) | Dry::No => true,
    };
    let argv: Vec<String> = all.iter().map(|word| (*word).to_owned()).collect();
    let does_nothing = tool_of(&shell::exactly(&argv).parts).is_none();
    let command = Command { argv: Some(argv), shell: None, ..command.clone() };
    let may_run = |word: &&str| RUNNING.iter().any(|option| word.starts_with(option));
    let runs_project = at > 0 || !READERS.contains(program) || rest.iter().any(may_run);
    (is_certain && does_nothing).then_some(DryRun { command, runs_project })
}

/// Returns whether these words only start the program, by bare names.
fn are_known(starters: &[&str], program: &str) -> bool {
    let is_known = |word: &&str| matches!(*word, "-y" | "--yes") || (is_starter(word) && base_name(word) == *word);
    let is_script = matches!(program, "manage.py" | "artisan");
    let interprets = starters.iter().any(|word| is_interpreter(word));
    starters.iter().all(is_known) && (starters.is_empty() || interprets == is_script)
}

/// The words of the command without any form of the flag, and with it right behind the subcommand: what follows `--` is
/// not an option.
fn with_flags<'a>(tool: &Tool, rest: &[&'a str], flags: &'static str) -> Vec<&'a str> {
    let end = rest.iter().position(|word| *word == "--").unwrap_or(rest.len());
    let (options, operands) = rest.split_at_checked(end).unwrap_or((rest, &[]));
    let is_form =
        |word: &str| word.starts_with("--") && flags.split(' ').any(|flag| plain_name(flag) == plain_name(word));
    let mut out: Vec<&str> = options.iter().copied().filter(|word| !is_form(word)).collect();
    let behind = tool.own_words().fold(0, |from, word| {
        out.iter().skip(from).position(|own| *own == word).map_or(from, |found| from + found + 1)
    });
    out.splice(behind..behind, flags.split(' '));
    out.extend(operands);
    out
}

/// The words of the command with others in the place of its own, and without the options that answer for the user.
fn with_words<'a>(tool: &Tool, rest: &[&'a str], words: &'static str) -> Vec<&'a str> {
    let mut left = tool.own_words().peekable();
    let (mut is_placed, mut out) = (false, Vec::new());
    let mut rest = rest.iter().copied();
    while let Some(word) = rest.next() {
        if left.peek() == Some(&word) {
            left.next();
            if !is_placed {
                out.extend(words.split(' ').skip(1));
                is_placed = true;
            }
        } else if word == "--require-approval" {
            rest.next();
        } else if !is_consent(tool.program(), word) && !word.starts_with("--require-approval=") {
            out.push(word);
        }
    }
    out
}
