//! pytest: verbose lines (also of xdist), failure sections in every `--tb` style, the short summary, the totals.
//!
//! Format: pytest `src/_pytest/terminal.py`. Case ids are node ids; a failed subtest is `NODEID [msg] (i=1)`.

mod outcome;

use super::LineReader;
use crate::checks::frames;
use crate::checks::ledger::{Ledger, Totals, bounded_text, case, message, push_line};
use crate::checks::limits::{CHECK_HELD_MAX, CHECK_NAMED_MAX};
use crate::model::check::{CaseReport, CaseStatus};
use outcome::{Outcome, is_node_id, short_summary, totals, verbose_line};
use std::collections::{HashSet, VecDeque};

#[derive(Debug, Default)]
pub struct Pytest {
    section: Section,
    /// Within a failure: its captured output is being read, which may look like anything.
    captured: bool,
    /// Blocks of the failure sections, waiting for the summary line that names their case.
    blocks: VecDeque<Block>,
    /// The last block is still being read (`--tb=line` prints failures without titles).
    open: bool,
    /// A node id printed without its result (`-s` prints in between).
    pending: Option<String>,
    /// Node ids with a result, and the same as titles of failures have them.
    seen: HashSet<String>,
    titles: HashSet<String>,
    ending: Ending,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    #[default]
    Progress,
    Failures,
    Errors,
    Passes,
    Summary,
    /// The totals were read.
    End,
    Other,
}

/// The last summary and totals so far. Captured output may print such lines too, and the real ones come last: they
/// count when the output, or the run, is over.
#[derive(Debug, Default)]
struct Ending {
    lines: Vec<(Outcome, String, Option<String>)>,
    totals: Option<Totals>,
    /// The section whose captured output was being read when this began: it may have been printed there.
    within: Option<Section>,
}

#[derive(Debug)]
struct Block {
    title: String,
    text: String,
    is_error: bool,
}

impl LineReader for Pytest {
    fn line(&mut self, line: &str, ledger: &mut Ledger) {
        if let Some(title) = ruled(line, '=') {
            if !self.enter(title, ledger) {
                self.detail(line);
            }
            return;
        }
        if let Some(t) = totals(line) {
            // The last line of `-q` has no rules.
            self.ending.totals = Some(t);
            if self.section != Section::Progress {
                self.ends_within();
                self.section = Section::End;
            }
            return;
        }
        match self.section {
            Section::Progress => self.progress(line, ledger),
            Section::Failures | Section::Errors => self.detail(line),
            Section::Summary => self.summary_line(line),
            Section::End => self.after_end(line),
            Section::Passes | Section::Other => {}
        }
    }

    fn end(&mut self, exit: Option<i32>, ledger: &mut Ledger) {
        self.commit(ledger);
        while let Some(block) = self.blocks.pop_front() {
            orphan(block, ledger);
        }
        if let Some(id) = self.pending.take()
            && exit.is_none()
        {
            let mut report = draft(&id, CaseStatus::Errored);
            report.message = Some("did not finish".into());
            ledger.report(report);
        }
    }
}

impl Pytest {
    /// Begins a section; false when the title is a line of captured output.
    fn enter(&mut self, title: &str, ledger: &mut Ledger) -> bool {
        let section = match title {
            // Errors come first; what follows them must name cases that are known.
            "FAILURES" if self.captured && self.section == Section::Errors => {
                self.section = Section::Failures;
                return true;
            }
            "FAILURES" | "ERRORS" if self.captured => return false,
            "FAILURES" => Section::Failures,
            "ERRORS" => Section::Errors,
            "PASSES" | "XPASSES" | "XFAILURES" => Section::Passes,
            "short test summary info" => Section::Summary,
            "test session starts" => Section::Progress,
            other if totals(other).is_some() => Section::End,
            "warnings summary" => Section::Other,
            _ if self.captured || matches!(self.section, Section::Summary | Section::End) => return self.is_printed(),
            _ => Section::Other,
        };
        match section {
            Section::Progress if self.captured || self.section == Section::Summary => return self.is_printed(),
            Section::Progress if self.section == Section::End => {
                if !self.is_credible() {
                    return self.is_printed();
                }
                self.commit(ledger);
            }
            Section::Summary => {
                self.ends_within();
                self.ending = Ending { within: self.ending.within, ..Ending::default() };
            }
            Section::End => {
                self.ends_within();
                self.ending.totals = totals(title);
            }
            Section::Progress | Section::Failures | Section::Errors | Section::Passes | Section::Other => {}
        }
        (self.open, self.captured, self.section) = (false, false, section);
        true
    }

    /// Notes the section of a failure whose captured output this end may belong to.
    fn ends_within(&mut self) {
        if self.captured {
            self.ending.within = Some(self.section);
        }
    }

    /// Handles what looked like the end but was printed by a test: its captured output continues. Always false.
    fn is_printed(&mut self) -> bool {
        if let Some(section) = self.ending.within.take() {
            (self.section, self.captured, self.open) = (section, true, !self.blocks.is_empty());
            self.ending = Ending::default();
        }
        false
    }

    /// Every failure that the summary names had a result before, as far as results were named.
    fn is_credible(&self) -> bool {
        self.ending.within.is_none()
            || self.seen.is_empty()
            || self.ending.lines.iter().all(|(_, id, _)| self.seen.contains(id) || !id.contains("::"))
    }

    /// The run is over: its last summary and totals are the real ones.
    fn commit(&mut self, ledger: &mut Ledger) {
        let ending = std::mem::take(&mut self.ending);
        for (outcome, id, why) in ending.lines {
            self.summary(outcome, &id, why, ledger);
        }
        ending.totals.into_iter().for_each(|t| ledger.add_totals(t));
    }

    fn progress(&mut self, line: &str, ledger: &mut Ledger) {
        if let Some((id, outcome, why)) = verbose_line(line) {
            self.pending = None;
            return self.result(&id, outcome, why, ledger);
        }
        if let Some(id) = self.pending.clone()
            && let Some((outcome, why)) = Outcome::leading(line)
        {
            self.pending = None;
            return self.result(&id, outcome, why, ledger);
        }
        if is_dots(line) {
            // Another quiet run of the same command.
            self.ending.totals.take().into_iter().for_each(|t| ledger.add_totals(t));
        }
        let first = match line.split_once("] ") {
            Some((head, _)) if head.contains('[') && head.split('[').next().is_some_and(|h| !h.contains(' ')) => {
                line.get(..=head.len()).unwrap_or_default()
            }
            _ => line.split(' ').next().unwrap_or_default(),
        };
        if is_node_id(first) && line.len() > first.len() {
            self.pending = Some(first.to_owned());
        }
    }

    fn result(&mut self, id: &str, outcome: Outcome, why: Option<String>, ledger: &mut Ledger) {
        self.ending.totals.take().into_iter().for_each(|t| ledger.add_totals(t));
        if self.seen.len() < CHECK_NAMED_MAX {
            self.seen.insert(id.to_owned());
            self.titles.insert(title_of(id));
        }
        report(id, outcome, why, ledger);
    }

    fn detail(&mut self, line: &str) {
        if let Some(title) = ruled(line, '_').filter(|title| !self.captured || self.is_title(title)) {
            self.captured = false;
            self.open = self.blocks.len() < CHECK_HELD_MAX;
            if self.open {
                self.blocks.push_back(Block {
                    title: title.to_owned(),
                    text: String::new(),
                    is_error: self.section == Section::Errors,
                });
            }
            return;
        }
        self.captured |= ruled(line, '-').is_some_and(|title| title.starts_with("Captured "));
        if self.open
            && let Some(block) = self.blocks.back_mut()
        {
            push_line(&mut block.text, line);
        }
    }

    /// A failure of this title can follow: its case had a result, or results were not named.
    fn is_title(&self, title: &str) -> bool {
        self.seen.is_empty()
            || self.titles.contains(title)
            || title.starts_with("ERROR collecting ")
            || title
                .strip_prefix("ERROR at ")
                .and_then(|t| t.split_once(" of "))
                .is_some_and(|(_, t)| self.titles.contains(t))
            || self
                .titles
                .iter()
                .any(|known| title.strip_prefix(known.as_str()).is_some_and(|rest| rest.starts_with(' ')))
    }

    fn summary_line(&mut self, line: &str) {
        match short_summary(line, &self.seen) {
            Some(entry) if self.ending.lines.len() < CHECK_HELD_MAX => self.ending.lines.push(entry),
            Some(_) => {}
            None if line.trim().is_empty() || Outcome::begins(line) || self.ending.within.is_none() => {}
            None => {
                self.is_printed();
                self.detail(line);
            }
        }
    }

    fn after_end(&mut self, line: &str) {
        if self.ending.within.is_some() && !line.trim().is_empty() {
            self.is_printed();
            self.detail(line);
        }
    }

    fn summary(&mut self, outcome: Outcome, id: &str, why: Option<String>, ledger: &mut Ledger) {
        let status = outcome.status();
        let is_collection = !id.contains("::");
        if is_collection && status == CaseStatus::Errored {
            ledger.build_failed();
        }
        let block = if status.is_bad() { self.take_block(id, is_collection) } else { None };
        let mut report = draft(id, status);
        report.message = match &block {
            Some(text) => {
                let first = headline(text).or(why).unwrap_or_default();
                report.file = location(text, ledger).map(|(file, line)| {
                    report.line = Some(line);
                    file
                });
                message(&first, text)
            }
            None => why,
        };
        ledger.report(report);
    }

    /// The block whose title is the case's name; with several, the first that mentions its file.
    fn take_block(&mut self, id: &str, is_collection: bool) -> Option<String> {
        let (file, name) = id.split_once("::").unwrap_or((id, ""));
        let name = name.replace("::", ".");
        let fits = |b: &Block| match is_collection {
            true => b.title == format!("ERROR collecting {file}"),
            false => {
                b.title == name
                    || b.is_error
                        && b.title.strip_prefix("ERROR at ").is_some_and(|t| t.ends_with(&format!(" of {name}")))
            }
        };
        let at = self
            .blocks
            .iter()
            .position(|b| fits(b) && b.text.contains(file))
            .or_else(|| self.blocks.iter().position(fits))?;
        self.blocks.remove(at).map(|b| b.text)
    }
}

/// A line of quiet progress: `..F.s [ 40%]`.
fn is_dots(line: &str) -> bool {
    let dots = line.split_once(' ').map_or(line, |(dots, _)| dots);
    !dots.is_empty() && dots.chars().all(|c| ".FEsxXR".contains(c))
}

/// The title that the failure of a case has: its name behind the file, dotted.
fn title_of(id: &str) -> String {
    id.split_once("::").map_or("", |(_, name)| name).replace("::", ".")
}

/// The title in `===== TITLE =====`; rules made of the character and a space are not titles.
fn ruled(line: &str, of: char) -> Option<&str> {
    let double: String = [of, of].iter().collect();
    if !line.starts_with(&double) && !line.starts_with(&format!("{of} ")) || !line.ends_with(of) {
        return None;
    }
    let title = line.trim_matches(of);
    let title = title.strip_prefix(' ')?.strip_suffix(' ')?;
    (!title.is_empty() && !title.starts_with(of)).then_some(title)
}

/// A block no summary line named (`-r N`, `--no-summary`): its case is found by name, else made from the title.
fn orphan(block: Block, ledger: &mut Ledger) {
    let name = block.title.rsplit_once(" of ").filter(|_| block.is_error).map_or(block.title.as_str(), |(_, n)| n);
    let tail = format!("::{}", name.replace('.', "::"));
    let status = if block.is_error { CaseStatus::Errored } else { CaseStatus::Failed };
    let place = location(&block.text, ledger);
    let known = ledger.cases().iter().find(|c| c.case.ends_with(&tail) && c.message.is_none()).cloned();
    let mut report = known.unwrap_or_else(|| {
        if let Some(file) = block.title.strip_prefix("ERROR collecting ") {
            ledger.build_failed();
            return draft(file, status);
        }
        let file = frames::frames_in(&block.text).into_iter().next_back().map(|f| f.file);
        draft(&format!("{}{tail}", file.unwrap_or_default()), status)
    });
    report.status = status;
    report.message = message(&headline(&block.text).unwrap_or_default(), &block.text);
    if let Some((file, line)) = place {
        (report.file, report.line) = (Some(file), Some(line));
    }
    ledger.report(report);
}

/// The first line of the exception: the first of the last run of `E   ` lines.
fn headline(text: &str) -> Option<String> {
    let mut found = None;
    let mut before = false;
    for line in text.lines() {
        let is_error = line.starts_with("E   ") || line.starts_with("E  ");
        if is_error && !before {
            found = line.get(1..).map(|l| l.trim().to_owned());
        }
        before = is_error;
    }
    found.or_else(|| {
        let last = text.lines().rev().find(|l| !l.trim().is_empty())?;
        Some(bounded_text(last.trim()))
    })
}

fn location(text: &str, ledger: &Ledger) -> Option<(String, u32)> {
    let captured = text.find("\n---").unwrap_or(text.len()); // "--- Captured stdout call ---"
    let frame = frames::first_own(text.get(..captured)?, ledger.place())?;
    Some((frame.file, frame.line))
}

fn draft(id: &str, status: CaseStatus) -> CaseReport {
    let base = id.split_once('[').map_or(id, |(base, _)| base);
    let mut suite: Vec<String> = base.split("::").map(str::to_owned).collect();
    if suite.len() > 1 {
        suite.pop();
        return case(id, suite, status);
    }
    case(format!("{id}::(collection)"), suite, status)
}

fn report(id: &str, outcome: Outcome, why: Option<String>, ledger: &mut Ledger) {
    let mut report = draft(id, outcome.status());
    report.message = why;
    ledger.report(report);
}
