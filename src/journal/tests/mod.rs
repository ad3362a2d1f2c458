//! The journal as a whole, on real files.

mod crash;
mod signed;
mod tamper;

use super::*;
use crate::base::{Digest, Seq, UnixMs};
use std::path::PathBuf;

/// A journal path in a directory that does not exist yet.
pub(super) fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sessions/s1/journal.db");
    (dir, path)
}

pub(super) fn draft(kind: &str, body: &str) -> Draft {
    Draft { at: UnixMs(1_700_000_000_000), kind: kind.to_owned(), body: body.to_owned(), blobs: Vec::new() }
}

pub(super) fn said(n: usize) -> Draft {
    draft("said", &format!(r#"{{"by":"agent","text":"line {n}"}}"#))
}

const DIGEST: &str = "abababababababababababababababababababababababababababababababab";

fn decided(action: &str) -> Draft {
    draft(
        "decided",
        &format!(
            r#"{{"action":"{action}","revision":1,"digest":"{DIGEST}","verdict":"approve","by":{{"human":"c1"}}}}"#
        ),
    )
}

fn started(action: &str) -> Draft {
    draft("started", &format!(r#"{{"action":"{action}"}}"#))
}

#[test]
fn what_is_appended_is_read_back() {
    let (_dir, path) = place();
    let mut journal = Journal::create(&path, &"s1".into()).unwrap();
    assert_eq!(journal.head().0, Seq(0));
    let first = journal.append(&[said(1), said(2)]).unwrap();
    assert_eq!((first.head_seq, journal.head()), (Seq(2), (Seq(2), first.head_hash)));
    journal.append(&[said(3)]).unwrap();
    let records = journal.read(Seq(2), 10).unwrap();
    assert_eq!(records.iter().map(|r| r.seq.0).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(records[0].body, r#"{"by":"agent","text":"line 2"}"#);
    assert_eq!(records[1].prev, records[0].hash);

    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.iter(Seq(1)).map(|r| r.unwrap().seq.0).collect::<Vec<_>>(), [1, 2, 3]);
    journal.append(&[said(4)]).unwrap();
    assert_eq!(reader.head().unwrap().0, Seq(4), "a reader follows the host");
}

#[test]
fn a_journal_outlives_its_host_and_counts_them() {
    let (_dir, path) = place();
    let mut journal = Journal::create(&path, &"s1".into()).unwrap();
    let head = journal.append(&[said(1)]).unwrap().head_hash;
    assert_eq!(journal.fence(), 1);
    drop(journal);
    let mut journal = Journal::open(&path).unwrap();
    assert_eq!((journal.head(), journal.fence(), journal.session().as_str()), ((Seq(1), head), 2, "s1"));
    journal.append(&[said(2)]).unwrap();
}

#[test]
fn files_are_private_from_the_start() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, path) = place();
    let mut journal = Journal::create(&path, &"s1".into()).unwrap();
    journal.append(&[said(1)]).unwrap();
    let mode = |p: &std::path::Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
    let mut names: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 4, "database, log, head, lock: {names:?}");
    for name in names {
        assert_eq!(mode(&name), 0o600, "{name:?}");
    }
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&dir.path().join("sessions")), 0o700);
}

#[test]
fn one_host_per_session() {
    let (_dir, path) = place();
    let journal = Journal::create(&path, &"s1".into()).unwrap();
    let Err(Error::Locked { pid, .. }) = Journal::open(&path) else { panic!("opened twice") };
    assert_eq!(pid, std::process::id());
    drop(journal);
    Journal::open(&path).unwrap();
}

#[test]
fn a_host_that_lost_its_lock_cannot_write() {
    let (_dir, path) = place();
    let mut old = Journal::create(&path, &"s1".into()).unwrap();
    std::fs::remove_file(head::beside(&path, ".lock")).unwrap();
    let mut new = Journal::open(&path).unwrap();
    let refusal = old.append(&[said(1)]).unwrap_err();
    assert!(matches!(refusal, Error::Fenced { found: 2, ours: 1, .. }) && refusal.closes_gate(), "{refusal}");
    new.append(&[said(1)]).unwrap();
}

#[test]
fn a_permit_is_born_of_a_decision_once_across_restarts() {
    let (_dir, path) = place();
    let mut journal = Journal::create(&path, &"s1".into()).unwrap();
    assert!(matches!(journal.append(&[said(1), started("a1")]), Err(Error::NotDecided { .. })));
    assert_eq!(journal.head().0, Seq(0), "a refused batch leaves nothing behind");
    let given = journal.append(&[decided("a1"), started("a1"), decided("a2")]).unwrap();
    let [permit] = given.permits.as_slice() else { panic!("one start, one permit: {given:?}") };
    assert_eq!(
        (permit.action().as_str(), permit.revision(), permit.digest()),
        ("a1", 1, &Digest::from_bytes([0xab; 32]))
    );
    drop(journal);
    let mut journal = Journal::open(&path).unwrap();
    assert!(matches!(journal.append(&[started("a1")]), Err(Error::StartedBefore { revision: 1, .. })));
    assert!(matches!(journal.append(&[decided("a1"), started("a1")]), Err(Error::StartedBefore { .. })));
    assert_eq!(journal.append(&[started("a2")]).unwrap().permits.len(), 1);
}

#[test]
fn blobs_are_stored_once_and_read_in_ranges() {
    let (_dir, path) = place();
    let mut journal = Journal::create(&path, &"s1".into()).unwrap();
    let long: Vec<u8> = (0..700_000u32).flat_map(|n| (n / 3).to_le_bytes()).collect();
    let mut draft = said(1);
    draft.blobs = vec![long.clone(), b"short".to_vec(), Vec::new()];
    journal.append(&[draft.clone(), draft]).unwrap();
    let digest = Digest::of(&long);
    let records = journal.read(Seq(1), 2).unwrap();
    assert_eq!((records[0].attached.len(), records[1].attached.len()), (96, 0));
    for (offset, length) in
        [(0, 10), (262_140, 20), (262_144, 262_144), (2_799_990, 100), (9_000_000, 5), (0, usize::MAX)]
    {
        let from = offset.min(long.len());
        let to = offset.saturating_add(length).min(long.len());
        assert_eq!(journal.blob(&digest, offset as u64, length).unwrap(), long[from..to], "{offset} {length}");
    }
    assert_eq!(journal.blob(&Digest::of(b""), 0, 9).unwrap(), b"");
    assert!(matches!(journal.blob(&Digest::from_bytes([0; 32]), 0, 1), Err(Error::NoBlob(_))));
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.blob_length(&digest).unwrap(), Some(2_800_000));
}

#[test]
fn bad_drafts_are_refused_with_the_reason() {
    let (_dir, path) = place();
    let mut journal = Journal::create(&path, &"s1".into()).unwrap();
    let mut check = |kind: &str, body: &str, why: &str| {
        let refusal = journal.append(&[draft(kind, body)]).unwrap_err().to_string();
        assert!(refusal.contains(why), "{kind} {body}: {refusal}");
    };
    check("", "{}", "a kind is");
    check("Said", "{}", "a kind is");
    check("said", "", "one JSON object");
    check("said", "{\n}", "on one line");
    check("said", r#"{"a":1"}"#, "column");
    check("said", r#"{"a":1}{}"#, "trailing");
    check("said", r#"{"hash":1}"#, "belongs to the envelope");
    check("said", &format!(r#"{{"text":"{}"}}"#, "x".repeat(4 << 20)), "over the limit");
    check("started", "{}", "missing field");
}

#[test]
fn foreign_newer_and_missing_files_are_told_apart() {
    let (_dir, path) = place();
    assert!(matches!(Journal::open(&path), Err(Error::Missing(_))));
    assert!(matches!(Reader::open(&path), Err(Error::Missing(_))));
    drop(Journal::create(&path, &"s1".into()).unwrap());
    assert!(matches!(Journal::create(&path, &"s1".into()), Err(Error::Exists(_))));
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 7).unwrap();
    drop(db);
    let told = Journal::open(&path).unwrap_err().to_string();
    assert!(told.contains("newer rightseat (format 7, this one reads up to 1)"), "{told}");
    std::fs::write(&path, "this is not a database, it only has the length of one".repeat(100)).unwrap();
    assert!(matches!(Journal::open(&path), Err(Error::Foreign { .. })));
    std::fs::write(&path, "").unwrap();
    assert!(matches!(Journal::open(&path), Err(Error::Foreign { .. })));
}

#[test]
fn a_shortened_log_is_not_taken_for_the_whole() {
    let (dir, path) = place();
    let mut journal = Journal::create(&path, &"s1".into()).unwrap();
    for n in 0..20 {
        journal.append(&[said(n)]).unwrap();
    }
    // What a killed host leaves: the files as they are now, log included.
    let copy = dir.path().join("copy.db");
    for suffix in ["", "-wal", ".head"] {
        std::fs::copy(head::beside(&path, suffix), head::beside(&copy, suffix)).unwrap();
    }
    let wal = head::beside(&copy, "-wal");
    let whole = std::fs::read(&wal).unwrap();
    std::fs::write(&wal, &whole[..whole.len() - 5000]).unwrap();
    let refusal = Journal::open(&copy).unwrap_err();
    assert!(matches!(refusal, Error::Lost { acknowledged: 20, .. }), "{refusal}");
    std::fs::write(&wal, &whole).unwrap();
    assert_eq!(Journal::open(&copy).unwrap().head().0, Seq(20));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]

    /// Whatever is appended, in whatever batches, with hosts coming and going, is read back in order and verifies.
    #[test]
    fn any_history_is_kept(batches in proptest::collection::vec((proptest::collection::vec((".{0,40}", 0..3usize), 0..5), proptest::bool::ANY), 0..8)) {
        let (_dir, path) = place();
        let mut journal = Journal::create(&path, &"s1".into()).unwrap();
        let mut expect = Vec::new();
        for (texts, restart) in batches {
            let batch: Vec<Draft> = texts
                .iter()
                .map(|(text, blobs)| Draft {
                    blobs: (0..*blobs).map(|n| format!("{text}{n}").into_bytes()).collect(),
                    ..draft("said", &serde_json::json!({ "by": "agent", "text": text }).to_string())
                })
                .collect();
            journal.append(&batch).unwrap();
            expect.extend(batch);
            if restart {
                drop(journal);
                journal = Journal::open(&path).unwrap();
            }
        }
        let bodies: Vec<String> = journal.read(Seq(1), 1_000).unwrap().into_iter().map(|r| r.body).collect();
        proptest::prop_assert_eq!(bodies, expect.iter().map(|d| d.body.clone()).collect::<Vec<_>>());
        for blob in expect.iter().flat_map(|d| &d.blobs) {
            proptest::prop_assert_eq!(&journal.blob(&Digest::of(blob), 0, usize::MAX).unwrap(), blob);
        }
        drop(journal);
        let report = verify(&path, None).unwrap();
        proptest::prop_assert!(report.ok && report.sealed && report.events == expect.len() as u64, "{:?}", report);
    }
}

/// A host killed before its first commit leaves an empty file, one with a bare header, or one with an empty log.
#[test]
fn a_journal_killed_before_its_first_commit_is_clean_and_can_be_begun() {
    type Leave = fn(&std::path::Path);
    let leavings: [(&str, Leave); 3] = [
        ("an empty file", |path| std::fs::write(path, b"").unwrap()),
        ("a bare header", |path| {
            let db = rusqlite::Connection::open(path).unwrap();
            db.pragma_update(None, "application_id", 0x7273_6a31).unwrap();
        }),
        ("an empty log", |path| {
            let db = rusqlite::Connection::open(path).unwrap();
            db.pragma_update(None, "journal_mode", "wal").unwrap();
        }),
    ];
    for (what, leave) in leavings {
        let (_dir, path) = place();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path.with_file_name("journal.db.lock"), "1\n").unwrap();
        leave(&path);
        let report = verify(&path, None).unwrap();
        assert!(report.ok && report.events == 0, "{what}: {report:?}");
        let anchor = Anchor { session: "s1".into(), seq: Seq(3), hash: Digest::of(b"x") };
        assert!(!verify(&path, Some(&anchor)).unwrap().ok, "{what}: an anchor knows better");
        assert!(!Journal::is_begun(&path), "{what}");
        let mut journal = Journal::create(&path, &"s1".into()).unwrap_or_else(|e| panic!("{what}: {e}"));
        journal.append(&[said(1)]).unwrap();
        drop(journal);
        assert!(Journal::is_begun(&path) && verify(&path, None).unwrap().ok, "{what}");
        assert!(matches!(Journal::create(&path, &"s1".into()), Err(Error::Exists(_))), "{what}");
    }
    // Cut to nothing afterwards is another matter: the head file remembers.
    let (_dir, path) = place();
    Journal::create(&path, &"s1".into()).unwrap().append(&[said(1)]).unwrap();
    std::fs::write(&path, b"").unwrap();
    assert!(!verify(&path, None).unwrap().ok);
}
