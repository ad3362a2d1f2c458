//! An unknown format: every text format parses the output, and the one that recognized the most is used.

use super::{OutputReader, PARSERS, ParserKind};
use crate::checks::ledger::Ledger;
use crate::checks::limits::CHECK_AUTO_TRIAL_BYTES;

/// A format that reads along, with what it has understood.
struct Candidate {
    kind: ParserKind,
    reader: Box<dyn OutputReader>,
    ledger: Ledger,
}

/// See the module.
#[derive(Default)]
pub struct Auto {
    candidates: Vec<Candidate>,
    bytes: usize,
}

impl Auto {
    fn begin(&mut self, ledger: &Ledger) {
        if self.bytes == 0 && self.candidates.is_empty() {
            let others = PARSERS.iter().filter(|(kind, _)| *kind != ParserKind::Auto);
            let candidate = |(kind, make): &(ParserKind, super::Make)| Candidate {
                kind: *kind,
                reader: make(),
                ledger: Ledger::new(ledger.place().clone()),
            };
            self.candidates = others.map(candidate).collect();
        }
    }
}

impl OutputReader for Auto {
    fn feed(&mut self, chunk: &[u8], ledger: &mut Ledger) {
        self.begin(ledger);
        self.bytes = self.bytes.saturating_add(chunk.len());
        for candidate in &mut self.candidates {
            candidate.reader.feed(chunk, &mut candidate.ledger);
            // Nobody asks for the events of a candidate.
            candidate.ledger.drain();
        }
        // What has understood nothing for so long will not; a long output is not read twelve times.
        if self.bytes > CHECK_AUTO_TRIAL_BYTES && self.candidates.iter().any(|c| !c.ledger.cases().is_empty()) {
            self.candidates.retain(|c| !c.ledger.cases().is_empty());
        }
    }

    fn finish(&mut self, exit: Option<i32>, ledger: &mut Ledger) {
        self.begin(ledger);
        for candidate in &mut self.candidates {
            candidate.reader.finish(exit, &mut candidate.ledger);
        }
        // Ties go to the first: JSON and XML understand nothing of text.
        let score = |c: &Candidate| {
            let s = c.ledger.summary(exit);
            (
                c.ledger.cases().len(),
                s.passed.saturating_add(s.failed).saturating_add(s.errored).saturating_add(s.skipped),
            )
        };
        let best = self.candidates.iter().rev().max_by_key(|c| score(c)).map(|c| c.kind);
        if let Some(at) = self.candidates.iter().position(|c| Some(c.kind) == best) {
            ledger.adopt(self.candidates.swap_remove(at).ledger);
        }
        self.candidates.clear();
    }
}
