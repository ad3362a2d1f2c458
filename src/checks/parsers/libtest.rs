//! `cargo test`: the text of Rust's built-in harness over several binaries and doc tests.
//!
//! Format: rust-lang/rust `library/test/src/formatters/{pretty,terse}.rs`. Case ids are `BINARY PATH::TO::NAME`,
//! as nextest writes them; the suites are the binary and the modules.

use super::{LineReader, rustc::Build};
use crate::checks::ledger::{Ledger, Totals, case, message, ms_of_seconds, push_line};
use crate::checks::limits::CHECK_HELD_MAX;
use crate::model::check::CaseStatus;
use std::collections::HashMap;

#[derive(Debug, Default)]
pub struct Libtest {
    build: Build,
    target: String,
    /// A `test NAME ... ` whose result has not come yet (`--nocapture` prints in between), and the result that the last
    /// line of such text ends with.
    pending: Option<(String, Option<CaseStatus>)>,
    /// The failure text that is being read: the case's name and its lines.
    block: Option<(String, String)>,
    /// Panics seen outside a failure text, by thread name.
    panics: HashMap<String, String>,
    panicking: Option<String>,
    /// `running N tests` was read, `test result:` was not.
    running: bool,
    /// The last `test result:` of the target: a test may print such a line too, and the real one comes last.
    totals: Option<Totals>,
}

impl LineReader for Libtest {
    fn line(&mut self, line: &str, ledger: &mut Ledger) {
        if self.starts_target(line, ledger) {
            return;
        }
        if !self.running {
            if let Some(n) = line.strip_prefix("running ")
                && (n.ends_with(" tests") || n.ends_with(" test"))
            {
                self.build.close(ledger);
                self.running = true;
            } else if !self.build.line(line, ledger) {
                self.crash_cause(line, ledger);
            }
            return;
        }
        if self.in_block(line, ledger) || self.result(line, ledger) {
            return;
        }
        if let Some(rest) = line.strip_prefix("test result: ") {
            self.settle_pending(ledger);
            self.totals = Some(totals(rest));
        } else if let Some(n) = line.strip_prefix("running ")
            && self.totals.is_some()
            && (n.ends_with(" tests") || n.ends_with(" test"))
        {
            // Another binary, of a command that does not name them.
            self.commit(ledger);
        } else if line.starts_with("error: test failed") {
            if self.totals.is_none() {
                self.crash(line, ledger);
            } else {
                self.running = false;
            }
        } else {
            self.swallow(line);
            self.note_panic(line);
        }
    }

    fn end(&mut self, exit: Option<i32>, ledger: &mut Ledger) {
        self.close_block(ledger);
        self.build.close(ledger);
        self.commit(ledger);
        if self.running
            && let Some((name, _)) = self.pending.take()
        {
            let status = if exit.is_none() { CaseStatus::Errored } else { CaseStatus::Failed };
            self.report(&name, status, Some("did not finish".into()), None, ledger);
        }
    }
}

impl Libtest {
    /// `     Running unittests src/lib.rs (target/debug/deps/sums-0f)` and `   Doc-tests sums`.
    fn starts_target(&mut self, line: &str, ledger: &mut Ledger) -> bool {
        let t = line.trim_start();
        let target = if let Some(rest) = t.strip_prefix("Doc-tests ") {
            format!("{} (doc)", rest.trim())
        } else if let Some(rest) = t.strip_prefix("Running ")
            && let Some((source, binary)) = rest.trim_end().strip_suffix(')').and_then(|r| r.rsplit_once(" ("))
        {
            let file = binary.rsplit(['/', '\\']).next().unwrap_or(binary);
            let file = file.strip_suffix(".exe").unwrap_or(file);
            let stem = file.rsplit_once('-').map_or(file, |(stem, _)| stem);
            if source.ends_with("src/main.rs") { format!("{stem} (bin)") } else { stem.to_owned() }
        } else {
            return false;
        };
        self.close_block(ledger);
        self.build.close(ledger);
        self.settle_pending(ledger);
        self.commit(ledger);
        self.panics.clear();
        self.panicking = None;
        self.pending = None;
        self.running = false;
        self.target = target;
        true
    }

    /// The target's totals are final.
    fn commit(&mut self, ledger: &mut Ledger) {
        self.totals.take().into_iter().for_each(|t| ledger.add_totals(t));
    }

    /// Notes a result behind what the pending test printed without a line end: `progress 100%ok`.
    fn swallow(&mut self, text: &str) {
        if let Some((_, ends)) = &mut self.pending {
            let text = text.trim_end();
            *ends = match text {
                _ if text.ends_with("ok") => Some(CaseStatus::Passed),
                _ if text.ends_with("FAILED") => Some(CaseStatus::Failed),
                "" => *ends,
                _ => None,
            };
        }
    }

    /// The next case begins: the pending one has ended as its text did.
    fn settle_pending(&mut self, ledger: &mut Ledger) {
        if let Some((name, Some(status))) = self.pending.take() {
            self.ended(&name, status, None, None, ledger);
        }
    }

    /// Returns whether a failure of this name can follow: its case is known to have failed, or no case was named.
    fn can_fail(&self, name: &str, ledger: &Ledger) -> bool {
        let known = ledger.get(&self.id(name));
        known.map_or_else(|| ledger.cases().is_empty(), |case| case.status.is_bad())
    }

    /// Lines of a failure text; true if the line belonged to it.
    fn in_block(&mut self, line: &str, ledger: &mut Ledger) -> bool {
        if let Some(name) = block_start(line)
            && (self.block.is_none() || self.can_fail(name, ledger))
        {
            self.close_block(ledger);
            self.block = Some((name.to_owned(), String::new()));
            return true;
        }
        let Some((_, block)) = &mut self.block else {
            return false;
        };
        // The list of the names comes before the totals: a `test result:` in between was printed.
        if line == "failures:" || line == "successes:" {
            self.close_block(ledger);
            return false;
        }
        push_line(block, line);
        true
    }

    fn close_block(&mut self, ledger: &mut Ledger) {
        let Some((name, block)) = self.block.take() else {
            return;
        };
        let id = self.id(&name);
        if ledger.get(&id).is_none_or(|c| c.status.is_bad()) {
            self.report(&name, CaseStatus::Failed, Some(block), None, ledger);
        }
    }

    /// `test NAME ... ok`, and of the terse format `NAME --- FAILED`.
    fn result(&mut self, line: &str, ledger: &mut Ledger) -> bool {
        if let Some((name, rest)) = line.strip_prefix("test ").and_then(|r| r.split_once(" ... ")) {
            self.settle_pending(ledger);
            self.panicking = None;
            let name = plain_name(name).to_owned();
            match outcome(rest) {
                Some((status, why, ms)) => self.ended(&name, status, why, ms, ledger),
                None => {
                    self.pending = Some((name, None));
                    self.swallow(rest);
                }
            }
            return true;
        }
        if let Some(name) = line.strip_suffix(" --- FAILED") {
            let name = plain_name(name.trim_start_matches(['.', 'i'])).trim().to_owned();
            self.ended(&name, CaseStatus::Failed, None, None, ledger);
            return true;
        }
        if self.pending.is_some()
            && let Some((status, why, ms)) = outcome(line)
            && let Some((name, _)) = self.pending.take()
        {
            self.ended(&name, status, why, ms, ledger);
            return true;
        }
        false
    }

    fn ended(&mut self, name: &str, status: CaseStatus, why: Option<String>, ms: Option<u64>, ledger: &mut Ledger) {
        let seen = self.panics.remove(name).filter(|_| status.is_bad());
        self.report(name, status, why.or(seen), ms, ledger);
    }

    fn id(&self, name: &str) -> String {
        format!("{} {name}", self.target)
    }

    fn report(&self, name: &str, status: CaseStatus, text: Option<String>, ms: Option<u64>, ledger: &mut Ledger) {
        let mut report = case(self.id(name), self.suite(name), status);
        report.ms = ms;
        report.message = text.and_then(|t| match status.is_bad() {
            true => message(&headline(&t), &t),
            false => Some(t),
        });
        if let Some((file, line)) = report.message.as_deref().and_then(|m| own_panic(m, name)) {
            (report.file, report.line) = (Some(file), Some(line));
        }
        ledger.report(report);
    }

    fn suite(&self, name: &str) -> Vec<String> {
        let mut suite = vec![self.target.clone()];
        if let Some((file, _)) = name.split_once(" - ") {
            suite.push(file.to_owned()); // a doc test: `src/lib.rs - half (line 10)`
        } else if let Some((modules, _)) = name.rsplit_once("::") {
            suite.extend(modules.split("::").map(str::to_owned));
        }
        suite
    }

    /// Keeps panics printed while tests run (`--nocapture`), until the result of their test comes.
    fn note_panic(&mut self, line: &str) {
        if line.contains("panicked at ")
            && let Some(name) = line.split('\'').nth(1)
            && self.panics.len() < CHECK_HELD_MAX
        {
            self.panicking = Some(name.to_owned());
            self.panics.insert(name.to_owned(), String::new());
        }
        if let Some(text) = self.panicking.as_ref().and_then(|n| self.panics.get_mut(n)) {
            push_line(text, line);
        }
    }

    /// The binary died before its summary: `error: test failed, to rerun pass …`.
    fn crash(&mut self, line: &str, ledger: &mut Ledger) {
        self.running = false;
        if let Some((name, _)) = self.pending.take() {
            self.report(&name, CaseStatus::Errored, Some("the test binary died".into()), None, ledger);
        } else {
            let mut report = case(self.id("(binary)"), vec![self.target.clone()], CaseStatus::Errored);
            report.message = Some(line.to_owned());
            ledger.report(report);
        }
    }

    /// `process didn't exit successfully: … (signal: 6, SIGABRT: …)` below `Caused by:`.
    fn crash_cause(&mut self, line: &str, ledger: &mut Ledger) {
        let Some(cause) = line.trim_start().strip_prefix("process didn't exit successfully: ") else {
            return;
        };
        if ledger.get(&self.id("(binary)")).is_some() {
            let why = cause.rsplit_once("` (").map_or(cause, |(_, why)| why.trim_end_matches(')'));
            let mut report = case(self.id("(binary)"), vec![self.target.clone()], CaseStatus::Errored);
            report.message = Some(format!("the test binary died: {why}"));
            ledger.report(report);
        }
    }
}

/// The name in `---- NAME stdout ----`.
fn block_start(line: &str) -> Option<&str> {
    let inner = line.strip_prefix("---- ")?.strip_suffix(" ----")?;
    inner.strip_suffix(" stdout").or_else(|| inner.strip_suffix(" stderr"))
}

/// The name without what libtest adds to it.
fn plain_name(name: &str) -> &str {
    [" - should panic", " - compile fail", " - compile"].iter().find_map(|s| name.strip_suffix(s)).unwrap_or(name)
}

type Outcome = (CaseStatus, Option<String>, Option<u64>);

/// `ok`, `ok <0.001s>`, `FAILED`, `ignored, REASON`, `bench: …`.
fn outcome(text: &str) -> Option<Outcome> {
    let text = text.trim();
    let (word, rest) = text.split_once([' ', ',']).unwrap_or((text, ""));
    let ms = rest.trim().strip_prefix('<').and_then(|r| ms_of_seconds(r.strip_suffix("s>")?));
    if !rest.is_empty() && ms.is_none() && matches!(word, "ok" | "FAILED") && !rest.starts_with('(') {
        return None;
    }
    match word {
        "ok" | "bench:" => Some((CaseStatus::Passed, None, ms)),
        "FAILED" => Some((CaseStatus::Failed, rest.starts_with('(').then(|| rest.to_owned()), ms)),
        "ignored" => Some((CaseStatus::Skipped, Some(rest.trim().to_owned()).filter(|r| !r.is_empty()), ms)),
        _ => None,
    }
}

/// Returns the summary of a failure text: the line below the last panic, an error, or the first line.
pub fn headline(text: &str) -> String {
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((_, rest)) = line.split_once("panicked at ") {
            return match rest.strip_prefix('\'') {
                Some(old) => old.rsplit_once("', ").map_or(old, |(m, _)| m).to_owned(),
                None => lines.next().unwrap_or(rest).to_owned(),
            };
        }
        let line = line.trim();
        if line.starts_with("Error: ") || line.starts_with("note: test did not panic") {
            return line.to_owned();
        }
    }
    text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

/// Returns where the thread named like the test panicked, if several threads did.
pub fn own_panic(text: &str, name: &str) -> Option<(String, u32)> {
    let needle = format!("thread '{name}'");
    let line = text.lines().find(|l| l.starts_with(&needle))?;
    let frame = crate::checks::frames::frames_in(line).into_iter().next()?;
    (!frame.is_foreign(&super::ProjectRoot::default())).then_some((frame.file, frame.line))
}

/// `FAILED. 2 passed; 4 failed; 1 ignored; 0 measured; …`
fn totals(text: &str) -> Totals {
    let mut t = Totals::default();
    for part in text.split([';', '.']) {
        let mut words = part.split_whitespace();
        let (Some(n), Some(what)) = (words.next().and_then(|n| n.parse::<u32>().ok()), words.next()) else {
            continue;
        };
        match what {
            "passed" => t.passed = n,
            "failed" => t.failed = n,
            "ignored" => t.skipped = n,
            _ => {}
        }
    }
    t
}
