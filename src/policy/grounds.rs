//! What the host itself saw before an action: what the agent read, the last test run, the user's words. It is derived
//! from the session, so that a claim can be told from an observation.

use crate::base::{ActionId, Digest, RelPath, RunId, Seq, UnixMs};
use crate::model::action::{ActionBody, Author, FileChange, LineRange};
use crate::model::check::{CaseStatus, CoveredFile, Tree};
use crate::model::event::OutcomeWord;
use crate::model::session::{ActionState, Phase, Run, Session, Speaker};
use crate::model::{Action, Evidence, EvidenceKind};
use crate::policy::command::programs::base_name;
use crate::policy::limits::{GROUNDS_ACTIONS_MAX, GROUNDS_ENTRIES_MAX, GROUNDS_FILES_MAX};
use regex::Regex;
use std::sync::OnceLock;

/// One observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// The agent read it, or a directory above it, or wrote it, or ran a command that names it. `changed` is a later
    /// change.
    /// `part` are the lines that it was shown, where not all; `digest` the version that the host read.
    Read {
        path: String,
        how: Sight,
        by: ActionId,
        at: UnixMs,
        part: Option<LineRange>,
        digest: Option<Digest>,
        /// Nobody's action changed it, and it is not what was read.
        is_other: bool,
        changed: Option<ActionId>,
    },
    /// It changes a file that it was not seen to read, although other reads were seen.
    NotRead { path: RelPath },
    /// The last test run before it.
    Run { run: RunId, at: UnixMs, passed: u32, failed: u32, first: Option<String> },
    /// The changed lines that ran when it was tested, of those that could; the first that did not.
    Covered { run: RunId, ran: usize, all: usize, missed: Vec<String> },
    /// What the user last said before it.
    Words { seq: Seq, text: String },
}

/// The finished actions of the agent before one, newest first, bounded.
fn before<'a>(session: &'a Session, action: &ActionId) -> impl Iterator<Item = &'a ActionState> {
    let earlier = session.actions.before(action).take(GROUNDS_ACTIONS_MAX);
    let done = earlier.filter(|state| state.phase == Phase::Finished(OutcomeWord::Ok));
    done.filter(|state| state.action.author != Author::Human)
}

/// What an action had to do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    Read,
    Wrote,
    /// A command whose words name it: whether it was shown is not known.
    Named,
}

/// Programs that print the files they are given.
const PRINTING: [&str; 8] = ["bat", "cat", "grep", "head", "less", "nl", "rg", "tail"];

/// How an action that [`shows`] a file did so.
fn sight(action: &Action, path: &str) -> Sight {
    match &action.body {
        ActionBody::Edit(_) => Sight::Wrote,
        ActionBody::Command(command) | ActionBody::Trials(command, _) => {
            let line = command.line();
            let prints = |part: &str| {
                let program = part.split_whitespace().next();
                program.is_some_and(|program| PRINTING.contains(&base_name(program))) && names(part, path)
            };
            let is_read = line.split(['|', ';', '&']).any(prints) || part_of(action, path).is_some();
            if is_read { Sight::Read } else { Sight::Named }
        }
        ActionBody::Read(_)
        | ActionBody::Network(_)
        | ActionBody::Plan(_)
        | ActionBody::Form(_)
        | ActionBody::Other => Sight::Read,
    }
}

fn is_read(state: &ActionState) -> bool {
    matches!(state.action.body, ActionBody::Read(_))
}

/// Returns whether an action showed the agent a file: it read it or a directory above it, or a command named it.
fn shows(action: &Action, path: &str) -> bool {
    match &action.body {
        ActionBody::Read(target) => {
            let target = target.trim_start_matches("./").trim_end_matches('/');
            matches!(target, "" | ".") || target == path || target.ends_with(&format!("/{path}")) || {
                path.strip_prefix(target).is_some_and(|rest| rest.starts_with('/'))
            }
        }
        ActionBody::Command(command) | ActionBody::Trials(command, _) => names(&command.line(), path),
        // What it wrote it knows.
        ActionBody::Edit(files) => files.iter().any(|file| file.path.as_str() == path),
        ActionBody::Network(_) | ActionBody::Plan(_) | ActionBody::Form(_) | ActionBody::Other => false,
    }
}

/// Returns whether a command line, or a part of one, names a file.
fn names(line: &str, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    line.split(|c: char| c.is_whitespace() || "'\"=:;|&()<>".contains(c))
        .any(|word| word == name || word == path || word.ends_with(&format!("/{name}")))
}

/// What was observed before an action, for the reader of its reason.
pub fn of(session: &Session, state: &ActionState) -> Vec<Ground> {
    let (id, seq) = (&state.action.id, state.times.proposed_seq);
    let sees_reads = before(session, id).any(is_read);
    let mut found = Vec::new();
    for file in state.action.files().iter().filter(|file| file.change != FileChange::Create).take(GROUNDS_FILES_MAX) {
        let path = file.source();
        match before(session, id).find(|earlier| shows(&earlier.action, path.as_str())) {
            Some(earlier) => {
                let mut reads = earlier.finished.iter().flat_map(|finished| &finished.reads);
                let read = reads.find(|read| read.path == *path);
                let digest = read.and_then(|read| read.digest);
                let before = file.before.as_ref().map(|content| content.digest());
                let changed = changed_since(session, path, earlier, id);
                let how = if read.is_some() { Sight::Read } else { sight(&earlier.action, path.as_str()) };
                found.push(Ground::Read {
                    path: path.to_string(),
                    how,
                    by: earlier.action.id.clone(),
                    at: earlier.times.finished_at.unwrap_or(earlier.times.proposed_at),
                    part: read.and_then(|read| read.part).or_else(|| part_of(&earlier.action, path.as_str())),
                    digest,
                    is_other: changed.is_none() && digest.is_some() && digest != before,
                    changed,
                });
            }
            None if sees_reads => found.push(Ground::NotRead { path: path.clone() }),
            None => {}
        }
    }
    found.extend(run_before(session, seq));
    found.extend(covered(session, id));
    let entries = session.transcript.iter().rev().take(GROUNDS_ENTRIES_MAX);
    let words = entries.filter(|entry| entry.seq < seq).find(|entry| entry.speaker == Speaker::Human);
    found.extend(words.map(|entry| Ground::Words { seq: entry.seq, text: entry.text.clone() }));
    found
}

/// The lines of a file that the words of a plain command show: `sed -n 3,9p FILE`, `head -n 20 FILE`.
fn part_of(action: &Action, path: &str) -> Option<LineRange> {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = r#"^\s*(?:sed\s+-n\s+['"]?(\d{1,9}),(\d{1,9})p['"]?|head\s+-(?:n\s*)?(\d{1,9}))\s+(\S+)\s*$"#;
    let pattern = PATTERN.get_or_init(|| Regex::new(pattern).ok()).as_ref()?;
    let ActionBody::Command(command) = &action.body else { return None };
    let line = command.line();
    let found = pattern.captures(&line)?;
    let number = |at: usize| found.get(at).and_then(|digits| digits.as_str().parse::<u64>().ok());
    let names = found.get(4).is_some_and(|name| path.ends_with(name.as_str().trim_start_matches("./")));
    match (number(1), number(2), number(3)) {
        _ if !names => None,
        (Some(from), Some(to), _) => LineRange::of(Some(from), Some(to.checked_sub(from)?.saturating_add(1))),
        (_, _, count) => LineRange::of(None, count),
    }
}

/// A later action that changed the file.
fn changed_since(session: &Session, path: &RelPath, read: &ActionState, before: &ActionId) -> Option<ActionId> {
    let after = read.times.finished_seq.unwrap_or(read.times.proposed_seq);
    let later = session.actions.before(before).take(GROUNDS_ACTIONS_MAX);
    let changes = |state: &&ActionState| {
        let files = state.finished.as_ref().and_then(|finished| finished.files.as_ref());
        state.times.finished_seq.is_some_and(|end| end > after)
            && files.is_some_and(|files| files.iter().any(|f| &f.path == path))
    };
    later.filter(|state| state.action.id != read.action.id).find(changes).map(|state| state.action.id.clone())
}

fn run_before(session: &Session, seq: Seq) -> Option<Ground> {
    // A candidate is of one action, which may have been denied.
    let is_here = |run: &Run| run.started.tree == Tree::Workspace;
    let is_it = |run: &&Run| run.seq < seq && is_here(run) && run.is_whole() && run.finished.is_some();
    let run = session.checks.runs().rev().find(is_it)?;
    let finished = run.finished.as_ref()?;
    let first = run.cases.iter().find(|case| case.status.is_bad()).map(|case| case.case.clone());
    let at = run.finished_at.unwrap_or(run.at);
    Some(Ground::Run { run: run.started.run.clone(), at, passed: finished.passed, failed: finished.failed, first })
}

/// The newest run of a candidate with this action in it that has coverage, and that.
pub fn coverage<'a>(session: &'a Session, id: &ActionId) -> Option<(&'a Run, &'a [CoveredFile])> {
    let is_about = |run: &&Run| run.subject() == Some(id.as_str());
    let mut runs = session.checks.runs().rev().filter(is_about);
    runs.find_map(|run| {
        let covered = run.finished.as_ref()?.covered.as_slice();
        (!covered.is_empty()).then_some((run, covered))
    })
}

fn covered(session: &Session, id: &ActionId) -> Option<Ground> {
    let (run, covered) = coverage(session, id)?;
    let ran: usize = covered.iter().map(|file| file.ran.len()).sum();
    let missed = covered.iter().flat_map(|file| file.missed.iter().map(|line| format!("{}:{line}", file.path)));
    let all = ran + covered.iter().map(|file| file.missed.len()).sum::<usize>();
    Some(Ground::Covered { run: run.started.run.clone(), ran, all, missed: missed.take(GROUNDS_FILES_MAX).collect() })
}

/// Whether what a piece of evidence points to was observed; `None` where that is not asked.
pub fn is_observed(session: &Session, state: &ActionState, evidence: &Evidence) -> Option<bool> {
    let reference = evidence.r#ref.as_deref()?;
    let (id, seq) = (&state.action.id, state.times.proposed_seq);
    match evidence.kind {
        EvidenceKind::Read | EvidenceKind::Line | EvidenceKind::Search => {
            // The reads of some agents cannot be seen.
            let mut sights = before(session, id).filter(|earlier| shows(&earlier.action, reference));
            let mut is_named = false;
            let is_shown = sights.any(|earlier| {
                let is_named_only = sight(&earlier.action, reference) == Sight::Named;
                is_named |= is_named_only;
                !is_named_only
            });
            (is_shown || !is_named && before(session, id).any(is_read)).then_some(is_shown)
        }
        EvidenceKind::Case if !session.checks.runs().any(|run| run.seq < seq && !run.cases.is_empty()) => None,
        EvidenceKind::Case => Some(session.checks.runs().any(|run| run.seq < seq && run.case(reference).is_some())),
        EvidenceKind::Run => {
            Some(session.checks.runs().any(|run| run.seq < seq && run.started.run.as_str() == reference))
        }
        EvidenceKind::Step
        | EvidenceKind::Trial
        | EvidenceKind::Quote
        | EvidenceKind::Nothing
        | EvidenceKind::Other(_) => None,
    }
}

/// How a test case ended in the last run that had it before the action.
pub fn ended(session: &Session, state: &ActionState, case: &str) -> Option<CaseStatus> {
    let mut runs = session.checks.runs().rev().filter(|run| run.seq < state.times.proposed_seq);
    runs.find_map(|run| Some(run.case(case)?.status))
}

/// In words, the files that an action cites and its agent was not seen to read, although its reads are seen.
pub fn never_read(session: &Session, action: &Action) -> Vec<String> {
    let id = &action.id;
    if action.author == Author::Human || !before(session, id).any(is_read) {
        return Vec::new();
    }
    let cited = action.rationale.iter().flat_map(|rationale| &rationale.evidence);
    let cited = cited.filter(|e| matches!(e.kind, EvidenceKind::Read | EvidenceKind::Line));
    let own =
        |path: &str| action.files().iter().any(|file| file.path.as_str() == path || file.source().as_str() == path);
    let unread = cited.filter_map(|e| e.r#ref.as_deref()).filter(|path| !own(path));
    let mut unread: Vec<&str> = unread.filter(|path| !before(session, id).any(|e| shows(&e.action, path))).collect();
    unread.dedup();
    unread.iter().map(|path| format!("the agent cites {path}, which it was not seen to read in this session")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Body, Command, Proposal};

    fn action(body: Body) -> Action {
        Action::file("a1".into(), Proposal::new("x", body), None)
    }

    #[test]
    fn the_lines_that_a_plain_command_shows_are_known() {
        let of = |line: &str| part_of(&action(Body::Command(Command::shell(line))), "src/a.py").map(LineRange::words);
        assert_eq!(of("sed -n 3,9p src/a.py").as_deref(), Some("lines 3\u{2013}9"));
        assert_eq!(of("sed -n '3,3p' ./src/a.py").as_deref(), Some("line 3"));
        assert_eq!(of("head -20 a.py").as_deref(), Some("lines 1\u{2013}20"));
        for line in ["cat src/a.py", "sed -n 3,9p b.py", "sed -n 9,3p src/a.py", "head -n 3 src/a.py | tail -1"] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    #[test]
    fn a_command_that_only_names_a_file_has_not_shown_it() {
        let of = |body: Body| sight(&action(body), "src/calc.py");
        for line in ["cat src/calc.py", "sed -n 3,9p src/calc.py", "grep x src/calc.py", "cd src && cat calc.py|wc"] {
            assert_eq!(of(Body::Command(Command::shell(line))), Sight::Read, "{line}");
        }
        for line in
            ["cat a.py; mv a.py src/calc.py", "mv a.py src/calc.py", "chmod 755 src/calc.py", "python3 src/calc.py"]
        {
            assert_eq!(of(Body::Command(Command::shell(line))), Sight::Named, "{line}");
        }
        assert_eq!(of(Body::Read("src/calc.py".into())), Sight::Read);
    }

    #[test]
    fn a_file_is_shown_by_its_read_by_one_above_it_and_by_a_command_that_names_it() {
        for body in [
            Body::Read("src/calc.py".into()),
            Body::Read("./src/calc.py".into()),
            Body::Read("src".into()),
            Body::Read(".".into()),
            Body::Read("/home/u/ws/src/calc.py".into()),
            Body::Command(Command::shell("sed -n 1,10p src/calc.py")),
            Body::Command(Command::shell("cd src && cat calc.py|head")),
        ] {
            assert!(shows(&action(body.clone()), "src/calc.py"), "{body:?}");
        }
        for body in [
            Body::Read("calc.py.bak".into()),
            Body::Read("sr".into()),
            Body::Command(Command::shell("cat other_calc.py")),
            Body::Network("https://example.org/src/calc.py".into()),
        ] {
            assert!(!shows(&action(body.clone()), "src/calc.py"), "{body:?}");
        }
    }
}
