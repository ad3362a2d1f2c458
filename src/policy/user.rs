//! A rule that a user wrote, and how far its word reaches.
//!
//! An allow rule reaches as far as it is spelled out. What only a `*` covers may not name other programs, switch on options
//! that run or write something, or lead out of the workspace; those lines still ask.

use std::path::Path;

use globset::GlobSet;

use super::class::Class;
use super::guarded::{fold, guarded};
use super::matter::{Matter, Op};
use super::place::{Place, Target};
use super::programs::{class_of, is_file_tool, is_interpreter, is_wrapper, unwrapped};
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

/// Options with which a tool runs, loads or writes something that the rule's author did not name. A word that only `*`
/// covers must not begin with one of them.
const REACHING: &[&str] = &[
    "--config",
    "--exec",
    "--eval",
    "--command",
    "--run",
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
    "-exec",
    "-ok",
    "-delete",
    "-fprint",
    "-fls",
    "-toolexec",
    "-vettool",
];

/// Short options that do so in many tools. File tools, where they mean other things, are spared.
const REACHING_SHORT: &[&str] =
    &["-c", "-C", "-e", "-E", "-o", "-O", "-p", "-r", "-S", "-I", "-f", "-D", "-X", "-W", "-K", "-T", "-Z"];

/// Short options that do so in one tool.
const REACHING_OF: &[(&str, &[&str])] = &[
    ("fd", &["-x", "-X"]),
    ("sort", &["-o", "-T", "-S"]),
    ("grep", &["-f"]),
    ("egrep", &["-f"]),
    ("fgrep", &["-f"]),
    ("rg", &["-f"]),
    ("zip", &["-T", "-O"]),
    ("date", &["-s", "-f"]),
    ("printf", &["-v"]),
    ("tree", &["-o"]),
    ("ag", &["-p"]),
    ("jq", &["-f", "-L"]),
    ("file", &["-m", "-C", "-f"]),
];

/// Programs that write files which their input names, or start a pager: a `*` cannot tell which.
const UNPACKERS: &[&str] = &[
    "tar", "bsdtar", "unzip", "cpio", "ar", "7z", "7za", "unar", "patch", "pax", "unrar", "ed", "ex", "vi", "vim",
    "nano", "emacs", "less", "more", "man", "bat",
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
fn reaches(found: &Match<'_>, argv: &[String], at: &Path, place: &Place<'_>) -> bool {
    let Some(program) = argv.first() else { return false };
    if found.wild.is_empty() {
        return true;
    }
    let second = argv.get(1).map(String::as_str).unwrap_or_default();
    let spelled = found.literal >= 2 && !second.starts_with('-');
    // What a wrapper would run, and what text an interpreter would carry out, must be spelled out.
    if is_wrapper(program)
        || UNPACKERS.contains(&program.as_str())
        || (is_interpreter(program) && !spelled)
        || (matches!(program.as_str(), "git" | "hg" | "jj" | "svn") && !spelled)
    {
        return false;
    }
    let part = Part { words: argv.iter().cloned().map(Some).collect(), writes: Vec::new() };
    let class = class_of(&part, at, place);
    if class == Class::Privilege {
        return false;
    }
    found.wild.iter().all(|word| harmless(word, class, program, at, place))
}

fn harmless(word: &str, class: Class, program: &str, at: &Path, place: &Place<'_>) -> bool {
    let lower = word.to_ascii_lowercase();
    let own = REACHING_OF.iter().find(|(tool, _)| *tool == program).map(|(_, options)| *options);
    let short = own.unwrap_or(if is_file_tool(program) { &[] } else { REACHING_SHORT });
    let reaching = word.starts_with('-')
        && (REACHING.iter().any(|option| lower.starts_with(option))
            || short.iter().any(|option| word.starts_with(option)));
    let sets = is_interpreter(program) && word.contains('=') && !word.starts_with('-');
    if reaching || sets {
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
