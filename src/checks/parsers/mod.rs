//! Parsers of runner output: one runner a file, one line in [`PARSERS`].
//!
//! A stream may be cut anywhere and hold anything. Lines it does not know are part of a failure's text or noise.

mod auto;
mod dotnet;
mod go_cases;
mod go_json;
mod go_text;
mod jest;
mod jest_json;
mod junit;
mod libtest;
mod mocha;
mod nextest;
mod node_spec;
pub mod pattern;
mod pytest;
mod rspec_json;
mod rustc;
mod tap;
mod unittest;
mod vitest;

use crate::checks::ledger::{CheckEvent, Ledger};
use crate::checks::lines::LineCutter;
use crate::model::check::CaseReport;
use pattern::Patterns;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The format of a test runner's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ParserKind {
    /// Whichever of the text formats fits what comes.
    Auto,
    Libtest,
    Nextest,
    Pytest,
    Unittest,
    Jest,
    /// The JSON report of Jest and Vitest.
    JestJson,
    Vitest,
    Mocha,
    NodeSpec,
    GoJson,
    GoText,
    Tap,
    Junit,
    /// A JUnit document behind other output, as PHPUnit and CTest print it.
    JunitAtEnd,
    RspecJson,
    Dotnet,
}

/// Makes a reader.
pub type Make = fn() -> Box<dyn OutputReader>;

/// Every parser: kind, and how to make one.
pub const PARSERS: &[(ParserKind, Make)] = &[
    (ParserKind::Auto, || Box::<auto::Auto>::default()),
    (ParserKind::Libtest, || lines::<libtest::Libtest>()),
    (ParserKind::Nextest, || lines::<nextest::Nextest>()),
    (ParserKind::Pytest, || lines::<pytest::Pytest>()),
    (ParserKind::Unittest, || lines::<unittest::Unittest>()),
    (ParserKind::Jest, || lines::<jest::Jest>()),
    (ParserKind::JestJson, || Box::<jest_json::JestJson>::default()),
    (ParserKind::Vitest, || lines::<vitest::Vitest>()),
    (ParserKind::Mocha, || lines::<mocha::Mocha>()),
    (ParserKind::NodeSpec, || lines::<node_spec::NodeSpec>()),
    (ParserKind::GoJson, || lines::<go_json::GoJson>()),
    (ParserKind::GoText, || lines::<go_text::GoText>()),
    (ParserKind::Tap, || lines::<tap::Tap>()),
    (ParserKind::Junit, || Box::<junit::Junit>::default()),
    (ParserKind::JunitAtEnd, || Box::<junit::JunitAtEnd>::default()),
    (ParserKind::RspecJson, || Box::<rspec_json::RspecJson>::default()),
    (ParserKind::Dotnet, || lines::<dotnet::Dotnet>()),
];

/// The place of a run, which makes printed paths relative to the project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectRoot {
    /// The absolute directory of the project, without a slash at the end.
    pub root: Option<String>,
    /// The module path of `go.mod`: Go prints package paths and bare file names.
    pub go_module: Option<String>,
}

impl ProjectRoot {
    /// Returns a printed path relative to the project, if it is inside.
    pub fn relative(&self, file: &str) -> String {
        let file = file.strip_prefix("file://").unwrap_or(file);
        let file = file.strip_prefix("./").unwrap_or(file);
        self.root.as_deref().and_then(|root| file.strip_prefix(root)?.strip_prefix('/')).unwrap_or(file).to_owned()
    }
}

/// Reads bytes of one kind into a ledger.
pub trait OutputReader: Send {
    fn feed(&mut self, chunk: &[u8], ledger: &mut Ledger);
    fn finish(&mut self, exit: Option<i32>, ledger: &mut Ledger);
}

/// Reads lines of one kind into a ledger. Lines are bounded and free of escape sequences.
pub trait LineReader: Default + Send {
    fn line(&mut self, line: &str, ledger: &mut Ledger);
    fn end(&mut self, exit: Option<i32>, ledger: &mut Ledger);
}

struct Lines<P> {
    cutter: LineCutter,
    parser: P,
}

fn lines<P: LineReader + 'static>() -> Box<dyn OutputReader> {
    Box::new(Lines { cutter: LineCutter::default(), parser: P::default() })
}

impl<P: LineReader> OutputReader for Lines<P> {
    fn feed(&mut self, chunk: &[u8], ledger: &mut Ledger) {
        let parser = &mut self.parser;
        self.cutter.feed(chunk, |line| parser.line(line, ledger));
    }

    fn finish(&mut self, exit: Option<i32>, ledger: &mut Ledger) {
        let parser = &mut self.parser;
        self.cutter.finish(|line| parser.line(line, ledger));
        parser.end(exit, ledger);
    }
}

/// One run's output being read.
pub struct CheckStream {
    reader: Box<dyn OutputReader>,
    ledger: Ledger,
}

impl CheckStream {
    pub fn new(kind: ParserKind, place: ProjectRoot) -> Self {
        let reader = PARSERS
            .iter()
            .find(|(k, _)| *k == kind)
            .map_or_else(|| Box::<auto::Auto>::default() as _, |(_, make)| make());
        Self { reader, ledger: Ledger::new(place) }
    }

    /// Reads lines by expressions of the user's own.
    pub fn with(patterns: Patterns, place: ProjectRoot) -> Self {
        Self { reader: Box::new(pattern::Pattern::new(patterns)), ledger: Ledger::new(place) }
    }

    /// Reads a chunk of any size; returns what became known.
    pub fn feed(&mut self, chunk: &[u8]) -> Vec<CheckEvent> {
        self.reader.feed(chunk, &mut self.ledger);
        self.ledger.drain()
    }

    /// The output ended. `exit` is the code, or 128 + signal; `None` when the run was stopped.
    /// The last event is [`CheckEvent::Finished`].
    pub fn finish(&mut self, exit: Option<i32>) -> Vec<CheckEvent> {
        self.reader.finish(exit, &mut self.ledger);
        let mut events = self.ledger.drain();
        events.push(CheckEvent::Finished(self.ledger.summary(exit)));
        events
    }

    /// The last report of every case so far, in order of the first.
    pub fn cases(&self) -> &[CaseReport] {
        self.ledger.cases()
    }
}

#[cfg(test)]
mod printed_tests;
#[cfg(test)]
mod tests;
