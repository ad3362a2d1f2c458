//! Signed heads and censuses, and anchors kept elsewhere: what each of them sees.

use super::super::export::{Extent, Format, export};
use super::*;
use crate::base::{PublicKey, SessionId};
use crate::model::event::{Census, Stopped};
use std::path::Path;
use std::sync::Arc;

fn signer(dir: &Path, name: &str) -> Arc<Signer> {
    Arc::new(Signer::load_or_make(&dir.join("keys").join(name)).unwrap())
}

/// A closed journal of five events: a host that names its key, and what was said.
fn record(path: &Path, signer: Option<&Arc<Signer>>, said: &str, events: usize) -> Vec<SignedAnchor> {
    let mut journal = Journal::create(path, &"s1".into()).unwrap();
    if let Some(signer) = signer {
        journal = journal.signed_by(signer.clone()).unwrap();
    }
    let key = signer.map(|signer| format!(r#","key":"{}""#, signer.key())).unwrap_or_default();
    let mut drafts = vec![draft("host_started", &format!(r#"{{"pid":1,"fence":1,"version":"1"{key}}}"#))];
    drafts.extend((1..events).map(|n| draft("said", &format!(r#"{{"by":"agent","text":"{said} {n}"}}"#))));
    let mut anchors = Vec::new();
    for one in drafts {
        journal.append(&[one]).unwrap();
        let anchor = journal.anchor();
        anchors.push(match signer {
            Some(signer) => signer.anchor(anchor, Some(UnixMs(7))),
            None => SignedAnchor { anchor, at: None, signed: None },
        });
    }
    anchors
}

fn evidence(anchors: &[SignedAnchor], key: Option<PublicKey>) -> Evidence {
    Evidence {
        anchors: anchors.iter().map(|one| ("the file".to_owned(), one.clone())).collect(),
        key,
        ..Evidence::default()
    }
}

fn says(report: &Report, what: &str) -> bool {
    report.problems.iter().any(|problem| problem.what.contains(what))
}

#[test]
fn the_key_of_a_machine_is_made_once_and_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys/signing.key");
    let made: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| Signer::load_or_make(&path).unwrap().key())).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(made.iter().all(|key| *key == Signer::load(&path).unwrap().key()), "{made:?}");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(dir.path().join("keys")).unwrap().count(), 1);
    std::fs::write(&path, "no key").unwrap();
    assert!(matches!(Signer::load_or_make(&path), Err(Error::Damaged { .. })), "a damaged key is not replaced");
}

#[test]
fn a_signed_record_names_its_key_and_another_signature_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let (own, other) = (signer(dir.path(), "own"), signer(dir.path(), "other"));
    let path = dir.path().join("a/journal.db");
    record(&path, Some(&own), "line", 5);
    let check = |key: PublicKey| verify_against(&path, &evidence(&[], Some(key))).unwrap();
    let report = check(own.key());
    assert!(report.ok && report.sealed && report.key == Some(own.key()), "{report:?}");
    assert!(says(&check(other.key()), "and should be with"), "another machine's key");
    // A next host keeps the signature from its first moment on.
    drop(Journal::open(&path).unwrap());
    let file = head::beside(&path, ".head");
    let good = std::fs::read_to_string(&file).unwrap();
    let again = |text: &str| {
        let mut line = text.trim().to_owned();
        line.push_str(&" ".repeat(good.len() - 1 - line.len()));
        std::fs::write(&file, format!("{line}\n")).unwrap();
        verify(&path, None).unwrap()
    };
    let head: serde_json::Value = serde_json::from_str(&good).unwrap();
    let unsigned = serde_json::json!({"session": head["session"], "seq": head["seq"], "hash": head["hash"]});
    assert!(says(&again(&unsigned.to_string()), "is not signed"), "a signature that is taken away");
    let anchor = Anchor { session: SessionId::new("s1"), seq: Seq(4), hash: Digest::of(b"x") };
    let foreign = other.anchor(anchor, None);
    let mut forged = unsigned.clone();
    forged["key"] = serde_json::json!(own.key());
    forged["signature"] = serde_json::json!(foreign.signed.unwrap().signature);
    assert!(says(&again(&forged.to_string()), "the signature of the head file is wrong"));
}

#[test]
fn a_session_from_before_signatures_is_not_signed_and_right() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/journal.db");
    record(&path, None, "line", 5);
    let report = verify_against(&path, &evidence(&[], Some(signer(dir.path(), "own").key()))).unwrap();
    assert!(report.ok && report.key.is_none(), "{report:?}");
}

/// Whoever has no key starts a host that names none, or another, and goes on in its name.
#[test]
fn a_record_keeps_to_the_key_that_it_has_named() {
    let dir = tempfile::tempdir().unwrap();
    let (own, other) = (signer(dir.path(), "own"), signer(dir.path(), "other"));
    for (name, next, expect) in [
        ("none", None, "from event 4 on a host with no key"),
        ("other", Some(&other), "from event 4 on a host with the"),
    ] {
        let path = dir.path().join(name).join("journal.db");
        record(&path, Some(&own), "line", 3);
        let mut journal = Journal::open(&path).unwrap();
        if let Some(next) = next {
            journal = journal.signed_by(next.clone()).unwrap();
        }
        let key = next.map(|signer| format!(r#","key":"{}""#, signer.key())).unwrap_or_default();
        journal.append(&[draft("host_started", &format!(r#"{{"pid":1,"fence":2,"version":"1"{key}}}"#))]).unwrap();
        drop(journal);
        let report = verify(&path, None).unwrap();
        assert!(says(&report, expect) && report.first_bad == Some(Seq(4)), "{report:?}");
        assert_eq!(says(&report, "is not signed"), next.is_none(), "{report:?}");
    }
    // From before signatures, and signed from here on.
    let path = dir.path().join("late/journal.db");
    record(&path, None, "line", 3);
    let mut journal = Journal::open(&path).unwrap().signed_by(own.clone()).unwrap();
    let started = format!(r#"{{"pid":1,"fence":2,"version":"1","key":"{}"}}"#, own.key());
    journal.append(&[draft("host_started", &started)]).unwrap();
    drop(journal);
    assert!(verify(&path, None).unwrap().ok);
}

#[test]
fn a_signed_record_without_its_head_is_not_right() {
    let dir = tempfile::tempdir().unwrap();
    let own = signer(dir.path(), "own");
    let path = dir.path().join("a/journal.db");
    record(&path, Some(&own), "line", 5);
    let mut out = Vec::new();
    export(&Reader::open(&path).unwrap(), (Format::Jsonl, Extent::Whole), false, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let (before, rest) = text.split_once(r#","head":{"#).unwrap();
    let (_, after) = rest.split_once('}').unwrap();
    let file = dir.path().join("out.jsonl");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        verify(&file, None).unwrap()
    };
    assert!(check(&text).ok);
    let bare = format!("{before}{after}");
    let report = check(&bare.lines().take(4).collect::<Vec<_>>().join("\n"));
    assert!(says(&report, "the head in the export is missing") && report.first_bad.is_none(), "{report:?}");
    // With the key gone behind a redaction.
    let mut line: serde_json::Value = serde_json::from_str(bare.lines().next().unwrap()).unwrap();
    let body = Reader::open(&path).unwrap().read(Seq(1), 1).unwrap().remove(0).body;
    let salt = super::super::chain::unhex(line["salt"].as_str().unwrap()).unwrap();
    let digest = Digest::from_bytes(super::super::chain::body_digest(&salt, body.as_bytes()));
    line.as_object_mut().unwrap().remove("salt");
    line["body_digest"] = serde_json::json!(digest);
    let report = check(&line.to_string());
    assert!(says(&report, "the key of a host is redacted") && report.events == 1, "{report:?}");
    std::fs::remove_file(head::beside(&path, ".head")).unwrap();
    assert!(says(&verify(&path, None).unwrap(), "the head file is missing"));
    // Killed before its first event: there is no key, and nothing that could be missing.
    let begun = dir.path().join("begun/journal.db");
    drop(Journal::create(&begun, &"s1".into()).unwrap().signed_by(own).unwrap());
    assert!(verify(&begun, None).unwrap().ok);
}

/// Another history, right in itself and signed with the same key: only an anchor tells.
#[test]
fn a_history_that_was_rewritten_with_or_without_the_key_fails_by_an_anchor() {
    let dir = tempfile::tempdir().unwrap();
    let own = signer(dir.path(), "own");
    let true_one = dir.path().join("true/journal.db");
    let anchors = record(&true_one, Some(&own), "line", 6);
    for (name, signer) in [("with", Some(&own)), ("without", None)] {
        let path = dir.path().join(name).join("journal.db");
        record(&path, signer, "other", 6);
        assert!(verify(&path, None).unwrap().ok, "{name}: it is right in itself");
        let report = verify_against(&path, &evidence(&anchors[2..4], Some(own.key()))).unwrap();
        assert!(says(&report, "differs from the file: the history was rewritten"), "{name}: {report:?}");
        assert_eq!(report.first_bad, Some(Seq(3)), "{name}");
    }
    // Cut, and the head signed again by whoever has the key.
    let short = dir.path().join("short/journal.db");
    let first = record(&short, Some(&own), "line", 3);
    assert!(verify(&short, None).unwrap().ok);
    let mut later = first.last().unwrap().clone();
    later.anchor.seq = Seq(6);
    let later = own.anchor(later.anchor, later.at);
    let report = verify_against(&short, &evidence(&[later], None)).unwrap();
    assert_eq!(report.first_bad, Some(Seq(4)), "{report:?}");
    assert!(says(&report, "event 4 is missing: the file is at 6"));
    let untouched = verify_against(&true_one, &evidence(&anchors, Some(own.key()))).unwrap();
    assert!(untouched.ok && untouched.anchors == 6, "{untouched:?}");
    // What is signed cannot be moved to another event or another time.
    for forged in [
        SignedAnchor { at: Some(UnixMs(8)), ..anchors[2].clone() },
        SignedAnchor { anchor: Anchor { seq: Seq(2), ..anchors[2].anchor.clone() }, ..anchors[2].clone() },
    ] {
        assert!(says(&verify_against(&true_one, &evidence(&[forged], None)).unwrap(), "the signature of the file"));
    }
}

#[test]
fn an_export_carries_its_signed_head() {
    let dir = tempfile::tempdir().unwrap();
    let own = signer(dir.path(), "own");
    let path = dir.path().join("a/journal.db");
    record(&path, Some(&own), "line", 5);
    for redacting in [false, true] {
        let mut out = Vec::new();
        export(&Reader::open(&path).unwrap(), (Format::Jsonl, Extent::Whole), redacting, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let file = dir.path().join("out.jsonl");
        let check = |text: &str| {
            std::fs::write(&file, text).unwrap();
            verify(&file, None).unwrap()
        };
        let report = check(&text);
        assert!(report.ok && report.key == Some(own.key()), "{report:?}");
        let lines: Vec<&str> = text.lines().collect();
        let cut = check(&lines[..4].join("\n"));
        assert!(says(&cut, "event 5 is missing: the head in the export is at 5"), "{cut:?}");
        let (before, after) = text.split_once(r#""signature":""#).unwrap();
        let other = if after.starts_with('A') { 'B' } else { 'A' };
        let forged = check(&format!("{before}\"signature\":\"{other}{}", &after[1..]));
        assert!(says(&forged, "the signature of the head in the export is wrong"), "{forged:?}");
    }
}

#[test]
fn the_census_of_a_stop_is_signed() {
    let dir = tempfile::tempdir().unwrap();
    let own = signer(dir.path(), "own");
    let census = Census { checked_ms: 7, ..Census::default() };
    for forged in [false, true] {
        let path = dir.path().join(format!("{forged}/journal.db"));
        let mut journal = Journal::create(&path, &"s1".into()).unwrap().signed_by(own.clone()).unwrap();
        journal
            .append(&[draft("host_started", &format!(r#"{{"pid":1,"fence":1,"version":"1","key":"{}"}}"#, own.key()))])
            .unwrap();
        let signed = journal.sign_census(&census);
        let told = if forged { Census { checked_ms: 8, ..census.clone() } } else { census.clone() };
        let body = serde_json::to_string(&Stopped { census: told, signed }).unwrap();
        journal.append(&[draft("stopped", &body)]).unwrap();
        drop(journal);
        let report = verify(&path, None).unwrap();
        assert_eq!((report.ok, report.censuses), (!forged, u64::from(!forged)), "{report:?}");
    }
}
