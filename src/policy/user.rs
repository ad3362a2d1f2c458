//! A rule that a user wrote, and how far its word reaches.
//!
//! An allow rule reaches as far as it is spelled out. What only a `*` covers may not name other programs, switch on options
//! that run or write something, or lead out of the workspace; those lines still ask.

use std::path::Path;

use globset::GlobSet;

use super::class::Class;
use super::guarded::{fold, guarded};
use super::matter::{Matter, Op};
use super::options;
use super::place::{Place, Target};
use super::programs::{class_of, fetches, is_file_tool, is_interpreter, is_wrapper, unwrapped};
use super::rules::{Case, Voice, candidates};
use super::shell::Part;
use super::tokens::{Match, Tokens};
use crate::model::event::RulingWord;

/// Kinds of matter that a rule may be limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verb {
    Command,
    Read,
    Edit,
    Delete,
    Network,
    Plan,
    Other,
}

/// One rule of a policy file.
#[derive(Debug, Clone)]
pub(super) struct UserRule {
    pub id: String,
    pub word: RulingWord,
    pub reason: Option<String>,
    /// Empty: any kind that the patterns fit.
    pub kinds: Vec<Verb>,
    pub commands: Vec<Tokens>,
    pub paths: Option<GlobSet>,
}

/// Options with which a tool that has no profile may run, load or write something that the rule's author did not name. A
/// word that only `*` covers must not begin with one of them.
const REACHING: &[&str] = &[
    "--config",
    "--exec",
    "--eval",
    "--command",
    "--pre",
    "--rsh",
    "--upload-pack",
    "--receive-pack",
    "--to-command",
    "--checkpoint",
    "--use-compress",
    "--compress-prog",
    "--rcfile",
    "--init-file",
    "--output",
    "--out",
    "--post-file",
    "--upload",
    "--ext-diff",
    "--textconv",
    "--open-files",
    "--editor",
    "--pager",
    "--shell",
    "--script-shell",
    "--node-option",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "--plugin",
    "--load",
    "--hostname-bin",
    "--files-from",
    "--target-dir",
    "--manifest-path",
    "--prefix",
    "--rootdir",
    "--basetemp",
    "--cache-dir",
    "--inspect",
    "--runner",
    "--toolexec",
    "--ldflags",
    "--gcflags",
    "--vettool",
    "--modfile",
    "--overlay",
    "--globalsetup",
    "--setupfiles",
    "--testenvironment",
    "--resolver",
    "--transform",
    "--reporter",
    "--proxy",
    "--git-dir",
    "--work-tree",
    "--super-prefix",
    "--hook",
    "--template",
    "--interpreter",
    "--preload",
    "--makefile",
    "--directory",
    "--cwd",
    "--set",
    "--unzip-command",
    "--file",
    "--netrc",
    "--fix",
    "--write",
    "--in-place",
    "--unsafe-fix",
    "--auto",
    "--allow",
    "--userconfig",
    "--globalconfig",
    "--bootstrap",
    "--settings",
    "--options",
    "--init",
    "--include-build",
    "--python-exec",
    "--library",
    "--extension",
    "-exec",
    "-ok",
    "-delete",
    "-fprint",
    "-fls",
    "-toolexec",
    "-vettool",
];

/// Short options that do so in many tools.
const REACHING_SHORT: &[&str] =
    &["-c", "-C", "-e", "-E", "-o", "-O", "-p", "-r", "-S", "-I", "-f", "-D", "-X", "-W", "-K", "-T", "-Z"];

/// Programs that write files which their input names, start a pager, or act on another machine: a `*` cannot tell which.
const UNPACKERS: &[&str] = &[
    "tar", "bsdtar", "unzip", "cpio", "ar", "7z", "7za", "unar", "patch", "pax", "unrar", "ed", "ex", "vi", "vim",
    "nano", "emacs", "less", "more", "most", "man", "bat", "yq", "ssh", "scp", "sftp", "rsync", "wget",
];

/// Programs whose first operand says what they do, whatever it is: one that only a `*` covers may be anything.
const RUNNERS: &[&str] = &[
    "git", "hg", "jj", "svn", "npm", "pnpm", "yarn", "docker", "podman", "kubectl", "gradle", "mvn", "composer",
    "bundle", "poetry", "uv", "npx", "bunx", "pnpx", "uvx", "pipx",
];

impl UserRule {
    /// An allow rule of one pattern, numbered as it was given.
    pub fn pattern(number: usize, pattern: &str) -> Option<Self> {
        let commands = vec![Tokens::parse(pattern).ok()?];
        Some(Self {
            id: format!("given:{number}"),
            word: RulingWord::Allow,
            reason: None,
            kinds: vec![Verb::Command],
            commands,
            paths: None,
        })
    }

    fn concerns(&self, verb: Verb) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&verb)
    }

    /// For allow rules: whether one simple command is permitted, and if it is spelled out to the last word.
    pub fn permits_command(&self, argv: &[String], at: &Path, case: &Case<'_>) -> Option<bool> {
        if self.word != RulingWord::Allow || !self.concerns(Verb::Command) {
            return None;
        }
        let reach = self.commands.iter().filter_map(|t| t.matches(argv)).filter(|m| reaches(m, argv, at, case.place));
        reach.map(|m| m.wild.is_empty()).max()
    }

    /// For allow rules: whether something that is no command is permitted.
    pub fn permits_matter(&self, case: &Case<'_>) -> bool {
        self.word == RulingWord::Allow
            && match case.matter {
                Matter::Path { op, path, cwd } => {
                    let inside = match case.place.target(cwd, path) {
                        Target::Inside(inside) => inside.to_string_lossy().into_owned(),
                        Target::Outside(_) | Target::Own(_) => return false,
                    };
                    self.concerns(verb(*op)) && self.paths.as_ref().is_some_and(|p| p.is_match(&inside))
                }
                Matter::Command { .. } => false,
                Matter::Network(_) => {
                    self.kinds.contains(&Verb::Network) && self.paths.is_none() && self.commands.is_empty()
                }
                Matter::Plan => self.kinds.contains(&Verb::Plan) && self.paths.is_none() && self.commands.is_empty(),
                Matter::Other(_) => false,
            }
    }

    /// For ask and deny rules: what the rule says to a matter.
    pub fn tightens(&self, case: &Case<'_>) -> Option<Voice> {
        if self.word == RulingWord::Allow || !self.touches(case) {
            return None;
        }
        let reason = self.reason.clone().unwrap_or_else(|| "a rule of yours says so".to_owned());
        Some(Voice { word: self.word, reason, confirm: None })
    }

    fn touches(&self, case: &Case<'_>) -> bool {
        let bare = self.commands.is_empty() && self.paths.is_none();
        match case.matter {
            Matter::Command { script, cwd, .. } => {
                let named = script
                    .parts
                    .iter()
                    .flat_map(|p| unwrapped(p, 0))
                    .any(|w| self.commands.iter().any(|t| t.may_match(&w)));
                // A path that a rule forbids is forbidden to commands as well, read or written.
                let words = script.parts.iter().flat_map(|p| p.words.iter().chain(&p.writes)).flatten();
                // A rule about changes leaves a command alone that only looks.
                let looks = !script.opaque && script.parts.iter().all(|p| class_of(p, cwd, case.place) == Class::Read);
                let changes_only = !self.kinds.is_empty() && !self.concerns(Verb::Read);
                let reached = self.paths.is_some()
                    && !(looks && changes_only)
                    && words.flat_map(|w| candidates(w)).any(|c| self.hits_path(case.place, cwd, c));
                (self.concerns(Verb::Command) && (named || (bare && self.kinds.contains(&Verb::Command)))) || reached
            }
            Matter::Path { op, path, cwd } => {
                self.concerns(verb(*op))
                    && ((bare && self.kinds.contains(&verb(*op))) || self.hits_path(case.place, cwd, path))
            }
            Matter::Network(_) => bare && self.kinds.contains(&Verb::Network),
            Matter::Plan => bare && self.kinds.contains(&Verb::Plan),
            Matter::Other(_) => bare && self.kinds.contains(&Verb::Other),
        }
    }

    fn hits_path(&self, place: &Place<'_>, cwd: &Path, path: &str) -> bool {
        let Some(globs) = &self.paths else { return false };
        let real = match place.target(cwd, path) {
            Target::Inside(p) | Target::Outside(p) | Target::Own(p) => p,
        };
        globs.is_match(&real)
            || globs.is_match(path)
            || globs.is_match(fold(path))
            || globs.is_match(fold(&real.to_string_lossy()))
    }
}

fn verb(op: Op) -> Verb {
    match op {
        Op::Read => Verb::Read,
        Op::Write | Op::Create => Verb::Edit,
        Op::Delete => Verb::Delete,
    }
}

/// Whether an allow rule's `*` may cover what it covers.
fn reaches(found: &Match, argv: &[String], at: &Path, place: &Place<'_>) -> bool {
    let Some(program) = argv.first() else { return false };
    // What a wrapper would run, and what text an interpreter would carry out, must be spelled out.
    if found.wild.is_empty() {
        return !(found.starred && is_wrapper(program));
    }
    let spelled = match argv.get(1).map(String::as_str) {
        Some("-m") => found.literal >= 3,
        Some(second) => found.literal >= 2 && !second.starts_with('-'),
        None => false,
    };
    let part = Part { words: argv.iter().cloned().map(Some).collect(), writes: Vec::new() };
    let class = class_of(&part, at, place);
    let name = program.as_str();
    if is_wrapper(program)
        || UNPACKERS.contains(&name)
        || class == Class::Privilege
        || (!spelled && (is_interpreter(program) || RUNNERS.contains(&name) || fetches(argv)))
        || (class == Class::Destructive && options::has_subcommands(name))
    {
        return false;
    }
    let mut wild = found.wild.iter().filter_map(|n| argv.get(*n));
    options_reach_nothing(found, argv) && wild.all(|word| leads_nowhere(word, class, program, at, place))
}

/// Whether no option that only a `*` covers runs, loads or writes something.
fn options_reach_nothing(found: &Match, argv: &[String]) -> bool {
    let Some(program) = argv.first() else { return false };
    if let Some((profile, args)) = options::of(argv) {
        let skipped = argv.len() - args.len();
        let parsed = profile.read(args, &|n| !found.wild.contains(&(n + skipped)));
        return parsed.is_some_and(|p| !p.foreign.into_iter().any(may_reach));
    }
    // An everyday tool or a subcommand without a profile has no option that was thought about.
    let known = is_file_tool(program) || options::has_subcommands(program);
    let odd = |w: &String| if known { w.starts_with('-') || w.contains("::") } else { may_reach(w) };
    !found.wild.iter().filter_map(|n| argv.get(*n)).any(odd)
}

fn may_reach(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    word.starts_with('-')
        && (REACHING.iter().any(|option| lower.starts_with(option))
            || REACHING_SHORT.iter().any(|option| word.starts_with(option)))
}

/// Whether a word names nothing outside the workspace and nothing guarded that would be changed.
fn leads_nowhere(word: &str, class: Class, program: &str, at: &Path, place: &Place<'_>) -> bool {
    // What sets a variable of a script or a make file makes it another one.
    if is_interpreter(program) && word.contains('=') && !word.starts_with('-') {
        return false;
    }
    candidates(word).into_iter().all(|c| match place.target(at, c) {
        Target::Inside(inside) => {
            let name = inside.to_string_lossy();
            let whole = name.is_empty() && class == Class::Destructive;
            !whole && (class == Class::Read || (guarded(&name).is_none() && guarded(c).is_none()))
        }
        Target::Outside(_) | Target::Own(_) => c == "/dev/null",
    })
}
