//! Laws that need no play: of the fold and of what was released.

use proptest::prelude::*;
use rightseat::base::Seq;
use rightseat::journal::verify;
use rightseat::model::Session;
use rightseat::model::decide::{Input, decide};
use rightseat::model::event::{Envelope, Event, LapseWhy};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Exports of every released version, one a file, named by the version of the format.
fn released() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal");
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn envelopes(file: &Path) -> Vec<Envelope> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| Envelope::from_json(line).unwrap()).collect()
}

#[test]
fn every_released_journal_replays() {
    for file in released() {
        let report = verify(&file, None).unwrap();
        assert!(report.ok, "{}: {report:?}", file.display());
        let envelopes = envelopes(&file);
        assert!(
            envelopes.iter().all(|e| !matches!(e.event, Event::Unknown { .. })),
            "{}: a kind was forgotten",
            file.display()
        );
        let session = Session::replay(&envelopes);
        assert!(session.alarms.anomalies.is_empty(), "{}: {:?}", file.display(), session.alarms.anomalies);
        assert!(session.ended.is_some() && session.actions.len() > 3, "{}", file.display());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Real events in any order, left out, told twice, with each other's bodies, under any number: the fold takes them all,
    /// and what it makes of them can be asked for decisions.
    #[test]
    fn apply_is_total_and_decide_changes_nothing(
        picks in prop::collection::vec((0..80_usize, 0..80_usize, any::<u16>(), 0..8_u8), 0..60),
        junk in "[ -~é\u{202e}]{0,12}",
    ) {
        let all: Vec<Envelope> = released().iter().flat_map(|f| envelopes(f)).collect();
        let mut session = Session::default();
        for (one, other, seq, how) in picks {
            let (one, other) = (&all[one % all.len()], &all[other % all.len()]);
            let body = other.event.body_json().unwrap();
            let event = match how {
                0 => Event::from_parts(one.event.kind(), &body),
                1 => Event::from_parts(one.event.kind(), &body.replacen("a1", "a9", 1)),
                2 => Event::from_parts(one.event.kind(), &body.replacen(':', &junk, 1)),
                3 => Event::from_parts(&junk, &body),
                _ => one.event.clone(),
            };
            session.apply(&Envelope { seq: Seq(u64::from(seq)), at: one.at, event });
        }
        let before = session.clone();
        for action in before.actions.iter().map(|a| a.action.id.clone()) {
            let _ = decide(&session, Input::Lapse { action, why: LapseWhy::Canceled, detail: None });
        }
        let _ = decide(&session, Input::LapseAll { why: LapseWhy::Killed, ending: BTreeSet::new() });
        prop_assert!(session == before);
    }
}
