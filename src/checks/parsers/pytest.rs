//! pytest: verbose lines (also of xdist), failure sections in every `--tb` style, the short summary, the totals.
//!
//! Format: pytest `src/_pytest/terminal.py`. Case ids are node ids; a failed subtest is `NODEID [msg] (i=1)`.

mod outcome;

use super::LineReader;
use crate::base::limits::CHECK_HELD_MAX;
use crate::checks::frames;
use crate::checks::ledger::{Ledger, bounded_text, case, message, push_line};
use crate::model::check::{CaseReport, CaseStatus};
use outcome::{Outcome, is_node_id, short_summary, totals, verbose_line};
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub struct Pytest {
    section: Section,
    /// Blocks of the failure sections, waiting for the summary line that names their case.
    blocks: VecDeque<Block>,
    /// The last block is still being read (`--tb=line` prints failures without titles).
    open: bool,
    /// A node id printed without its result (`-s` prints in between).
    pending: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    #[default]
    Progress,
    Failures,
    Errors,
    Passes,
    Summary,
    Other,
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
            self.enter(title, ledger);
            return;
        }
        if let Some(t) = totals(line) {
            ledger.add_totals(t); // the last line of `-q` has no rules
            return;
        }
        match self.section {
            Section::Progress => self.progress(line, ledger),
            Section::Failures | Section::Errors => self.detail(line),
            Section::Summary => self.summary(line, ledger),
            Section::Passes | Section::Other => {}
        }
    }

    fn end(&mut self, exit: Option<i32>, ledger: &mut Ledger) {
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
    fn enter(&mut self, title: &str, ledger: &mut Ledger) {
        self.open = false;
        self.section = match title {
            "FAILURES" => Section::Failures,
            "ERRORS" => Section::Errors,
            "PASSES" | "XPASSES" | "XFAILURES" => Section::Passes,
            "short test summary info" => Section::Summary,
            "test session starts" => Section::Progress,
            other => {
                if let Some(t) = totals(other) {
                    ledger.add_totals(t);
                }
                Section::Other
            }
        };
    }

    fn progress(&mut self, line: &str, ledger: &mut Ledger) {
        if let Some((id, outcome, why)) = verbose_line(line) {
            self.pending = None;
            return report(&id, outcome, why, ledger);
        }
        if let Some(id) = self.pending.clone()
            && let Some((outcome, why)) = Outcome::leading(line)
        {
            self.pending = None;
            return report(&id, outcome, why, ledger);
        }
        let first = line.split(' ').next().unwrap_or_default();
        if is_node_id(first) && line.len() > first.len() {
            self.pending = Some(first.to_owned());
        }
    }

    fn detail(&mut self, line: &str) {
        if let Some(title) = ruled(line, '_') {
            self.open = self.blocks.len() < CHECK_HELD_MAX;
            if self.open {
                self.blocks.push_back(Block {
                    title: title.to_owned(),
                    text: String::new(),
                    is_error: self.section == Section::Errors,
                });
            }
        } else if self.open
            && let Some(block) = self.blocks.back_mut()
        {
            push_line(&mut block.text, line);
        }
    }

    fn summary(&mut self, line: &str, ledger: &mut Ledger) {
        let Some((outcome, id, why)) = short_summary(line) else {
            return;
        };
        let status = outcome.status();
        let is_collection = !id.contains("::");
        if is_collection && status == CaseStatus::Errored {
            ledger.build_failed();
        }
        let block = if status.is_bad() { self.take_block(&id, is_collection) } else { None };
        let mut report = draft(&id, status);
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

/// The title in `===== TITLE =====`; rules made of the character and a space are no titles.
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
