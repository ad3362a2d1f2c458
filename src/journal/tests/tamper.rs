//! Every way to change a journal behind its back, and what verify says to it.

use super::super::export::{Extent, Format, export};
use super::*;
use std::path::{Path, PathBuf};

const EVENTS: u64 = 6;

/// A closed journal of six events; the fourth stores a blob of two pieces.
fn journal() -> (tempfile::TempDir, PathBuf) {
    let (dir, path) = place();
    let mut journal = Journal::create(&path, &"s1".into()).unwrap();
    for n in 1..=EVENTS {
        let mut event = said(n as usize);
        if n == 4 {
            event.blobs = vec![(0..300_000u32).map(|n| (n % 251) as u8).collect(), b"small".to_vec()];
        }
        if n == 5 {
            event.body = r#"{"by":"agent","text":"my key is sk-abcdefghijklmnop1234"}"#.to_owned();
        }
        journal.append(&[event]).unwrap();
    }
    drop(journal);
    (dir, path)
}

fn tampered(sql: &str) -> (tempfile::TempDir, PathBuf) {
    let (dir, path) = journal();
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    drop(db);
    (dir, path)
}

fn exported(journal: &Path, redacting: bool) -> String {
    let mut out = Vec::new();
    export(&Reader::open(journal).unwrap(), (Format::Jsonl, Extent::Whole), redacting, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Runs `sql` on a fresh journal; verify must name `first_bad`, with and without the head file.
fn check(sql: &str, first_bad: Option<u64>) {
    for with_head in [true, false] {
        let (_dir, path) = tampered(sql);
        if !with_head {
            std::fs::remove_file(head::beside(&path, ".head")).unwrap();
        }
        let report = verify(&path, None).unwrap();
        assert!(!report.ok, "{sql}: not seen");
        assert_eq!(report.first_bad.map(|s| s.0), first_bad, "{sql}: {report:?}");
    }
}

#[test]
fn an_untouched_journal_passes() {
    let (_dir, path) = journal();
    let report = verify(&path, None).unwrap();
    assert!(report.ok && report.sealed && report.events == EVENTS, "{report:?}");
    let reader = Reader::open(&path).unwrap();
    let anchor = Anchor { session: "s1".into(), seq: Seq(3), hash: reader.read(Seq(3), 1).unwrap()[0].hash };
    assert_eq!(Anchor::parse(&anchor.to_line()), Some(anchor.clone()));
    assert!(verify(&path, Some(&anchor)).unwrap().ok);
    let before = std::fs::read(&path).unwrap();
    assert!(verify(&path, None).unwrap().ok);
    assert_eq!(std::fs::read(&path).unwrap(), before, "looking changes nothing");
}

#[test]
fn a_running_and_a_killed_host_leave_a_journal_that_passes() {
    let (dir, path) = place();
    let mut journal = Journal::create(&path, &"s1".into()).unwrap();
    assert!(verify(&path, None).unwrap().ok, "empty");
    journal.append(&[said(1)]).unwrap();
    assert!(journal.seal().unwrap());
    assert!(verify(&path, None).unwrap().sealed);
    journal.append(&[said(2)]).unwrap();
    let report = verify(&path, None).unwrap();
    assert!(report.ok && !report.sealed && report.events == 2, "{report:?}");
    let copy = dir.path().join("copy.db");
    for suffix in ["", "-wal", ".head"] {
        std::fs::copy(head::beside(&path, suffix), head::beside(&copy, suffix)).unwrap();
    }
    assert!(verify(&copy, None).unwrap().ok);
    drop(Journal::open(&copy).unwrap());
    assert!(verify(&copy, None).unwrap().sealed);
}

#[test]
fn every_changed_column_of_every_row_is_named() {
    for n in 1..=EVENTS {
        for change in [
            "at = at + 1",
            "kind = 'told'",
            "body = replace(body, 'a', 'b')",
            "body = body || ' '",
            "attached = zeroblob(32)",
            "attached = x'00'",
            "prev = zeroblob(32)",
            "prev = x''",
            "hash = randomblob(32)",
            "hash = x'00'",
            "at = -1",
        ] {
            check(&format!("UPDATE events SET {change} WHERE seq = {n}"), Some(n));
        }
        check(
            &format!("DELETE FROM events WHERE seq = {n}; UPDATE events SET seq = seq - 1 WHERE seq > {n}"),
            match n {
                // The last one leaves a valid, shorter chain: without the head file only an anchor can tell.
                EVENTS => continue,
                n => Some(n),
            },
        );
    }
}

#[test]
fn deleted_inserted_and_swapped_rows_are_named() {
    for n in 1..EVENTS {
        check(&format!("DELETE FROM events WHERE seq = {n}"), Some(n));
        let m = n + 1;
        check(
            &format!(
                "UPDATE events SET seq = 99 WHERE seq = {n}; UPDATE events SET seq = {n} WHERE seq = {m}; UPDATE events SET seq = {m} WHERE seq = 99"
            ),
            Some(n),
        );
        check(
            &format!(
                "UPDATE events SET seq = seq + 100 WHERE seq >= {n}; UPDATE events SET seq = seq - 99 WHERE seq >= 100;
                      INSERT INTO events SELECT {n}, at, kind, body, attached, prev, hash FROM events WHERE seq = {m}"
            ),
            // The copy in the middle is the true event; what follows it is wrong.
            Some(m),
        );
    }
    check("INSERT INTO events SELECT 0, at, kind, body, attached, prev, hash FROM events WHERE seq = 1", Some(1));
    check("INSERT INTO events SELECT 7, at, kind, body, attached, prev, hash FROM events WHERE seq = 6", Some(7));
    check("INSERT INTO events SELECT -5, at, kind, body, attached, prev, hash FROM events WHERE seq = 6", Some(1));
}

#[test]
fn blobs_and_tables_are_vouched_for() {
    check("UPDATE chunks SET packed = zeroblob(10) WHERE id = 1025", Some(4));
    check("DELETE FROM chunks WHERE id = 1024", Some(4));
    check("DELETE FROM blobs WHERE id = 2", Some(4));
    check("UPDATE blobs SET bytes = bytes + 1 WHERE id = 2", Some(4));
    check("UPDATE blobs SET bytes = 0 WHERE id = 2", Some(4));
    check("UPDATE blobs SET bytes = 9223372036854775807 WHERE id = 2", Some(4));
    check("UPDATE blobs SET digest = zeroblob(32) WHERE id = 1", Some(4));
    check("INSERT INTO blobs(digest, bytes) VALUES(zeroblob(32), 0)", None);
    check("INSERT INTO chunks(packed) VALUES(zeroblob(32))", None);
    check("UPDATE meta SET session = 's2'", Some(1));
    check("UPDATE meta SET key = zeroblob(32)", Some(1));
    check("CREATE TABLE more(x)", None);
    check("CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM events; END", None);
    check("CREATE INDEX i ON events(kind)", None);
}

#[test]
fn a_cut_tail_is_seen_by_head_file_and_anchor() {
    let (_dir, path) = journal();
    let anchor = {
        let (seq, hash) = Reader::open(&path).unwrap().head().unwrap();
        Anchor { session: "s1".into(), seq, hash }
    };
    let (_dir, path) = tampered("DELETE FROM events WHERE seq >= 5");
    let report = verify(&path, None).unwrap();
    assert_eq!(report.first_bad, Some(Seq(5)), "{report:?}");
    std::fs::remove_file(head::beside(&path, ".head")).unwrap();
    assert!(verify(&path, None).unwrap().ok, "nothing is left to tell it by");
    assert_eq!(verify(&path, Some(&anchor)).unwrap().first_bad, Some(Seq(5)));
    let other = Anchor { session: "s2".into(), ..anchor.clone() };
    assert!(!verify(&path, Some(&other)).unwrap().ok);
    let rewritten = Anchor { hash: Digest::of(b"x"), seq: Seq(2), ..anchor };
    assert_eq!(verify(&path, Some(&rewritten)).unwrap().first_bad, Some(Seq(2)));
}

#[test]
fn any_flipped_byte_of_a_closed_journal_is_seen() {
    let (_dir, path) = journal();
    let whole = std::fs::read(&path).unwrap();
    let places = (0..100).chain((100..whole.len()).step_by(97));
    for (n, place) in places.enumerate() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (n % 8);
        std::fs::write(&path, &bytes).unwrap();
        let report = verify(&path, None).unwrap();
        assert!(!report.ok, "byte {place} of {}", whole.len());
    }
    std::fs::write(&path, &whole).unwrap();
    assert!(verify(&path, None).unwrap().ok);
    let head = head::beside(&path, ".head");
    let line = std::fs::read(&head).unwrap();
    for place in 0..line.len() {
        let mut bytes = line.clone();
        bytes[place] ^= 4;
        std::fs::write(&head, &bytes).unwrap();
        assert!(!verify(&path, None).unwrap().ok, "byte {place} of the head file");
    }
}

/// Without the seal a flipped byte may go unseen, but then every record still reads as it was written.
#[test]
fn an_unseen_flip_changes_no_record() {
    let (dir, path) = place();
    let mut live = Journal::create(&path, &"s1".into()).unwrap();
    for n in 0..30 {
        live.append(&[said(n)]).unwrap();
    }
    let truth = live.read(Seq(1), 100).unwrap();
    let copy = dir.path().join("copy.db");
    let files = ["", "-wal", ".head"]
        .map(|suffix| (head::beside(&copy, suffix), std::fs::read(head::beside(&path, suffix)).unwrap()));
    for victim in 0..2 {
        for (n, place) in (0..files[victim].1.len()).step_by(311).enumerate() {
            for (file, bytes) in &files {
                std::fs::write(file, bytes).unwrap();
            }
            let _ = std::fs::remove_file(head::beside(&copy, "-shm"));
            let mut bytes = files[victim].1.clone();
            bytes[place] ^= 1 << (n % 8);
            std::fs::write(&files[victim].0, &bytes).unwrap();
            if verify(&copy, None).unwrap().ok {
                let read = Reader::open(&copy).unwrap().read(Seq(1), 100).unwrap();
                assert_eq!(read, truth, "file {victim} byte {place}");
            }
        }
    }
}

#[test]
fn an_export_is_verified_line_by_line_even_where_it_was_redacted() {
    let (dir, path) = journal();
    let file = dir.path().join("export.jsonl");
    let check = |text: &str, first_bad: Option<u64>| {
        std::fs::write(&file, text).unwrap();
        let report = verify(&file, None).unwrap();
        assert_eq!((report.ok, report.first_bad.map(|s| s.0)), (first_bad.is_none(), first_bad), "{report:?}\n{text}");
        report
    };
    let whole = exported(&path, false);
    assert!(whole.contains("sk-abcdefghijklmnop1234"));
    assert_eq!(check(&whole, None).redacted, 0);
    let clean = exported(&path, true);
    assert!(!clean.contains("sk-abc") && clean.contains("my key is [redacted]"));
    let report = check(&clean, None);
    assert_eq!((report.redacted, report.head), (1, Some(Reader::open(&path).unwrap().head().unwrap().1)));

    let lines: Vec<&str> = clean.lines().collect();
    let joined = |lines: &[&str]| lines.join("\n") + "\n";
    check(&clean.replace("line 3", "line 4"), Some(3));
    check(&clean.replace(r#""seq":2,"#, r#""seq":3,"#), Some(2));
    check(&joined(&[lines[0], lines[2]]), Some(2));
    check(&joined(&[lines[1]]), Some(1));
    check(&joined(&[lines[0], lines[0]]), Some(2));
    check("", Some(1));
    check("no json\n", Some(1));
    let anchor = Anchor { session: "s1".into(), seq: Seq(6), hash: report.head.unwrap() };
    std::fs::write(&file, joined(&lines[..4])).unwrap();
    assert_eq!(verify(&file, Some(&anchor)).unwrap().first_bad, Some(Seq(5)));
}

#[test]
fn exported_lines_are_envelopes() {
    let (_dir, path) = journal();
    let reader = Reader::open(&path).unwrap();
    for (line, record) in exported(&path, false).lines().zip(reader.iter(Seq(1))) {
        assert_eq!(crate::model::event::Envelope::from_json(line).unwrap(), record.unwrap().envelope());
    }
}

#[test]
fn reports_for_people_escape_what_is_foreign() {
    let (_dir, path) = place();
    let mut journal = Journal::create(&path, &"s1".into()).unwrap();
    journal
        .append(&[draft(
            "said",
            r#"{"by":"<b>agent","text":"<script>alert(1)</script> \u001b[31m sk-abcdefghijklmnop1234"}"#,
        )])
        .unwrap();
    let reader = Reader::open(&path).unwrap();
    for format in [Format::Html, Format::Markdown] {
        let mut out = Vec::new();
        export(&reader, (format, Extent::Whole), true, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            !text.contains("<script>") && !text.contains("<b>") && !text.contains('\u{1b}') && !text.contains("sk-abc"),
            "{text}"
        );
        assert!(text.contains("alert"), "{text}");
    }
}

/// Pieces of one message are one entry, a message without words is none, and a command says no more than is known of it.
#[test]
fn reports_for_people_leave_out_what_says_nothing() {
    let (_dir, path) = place();
    let mut journal = Journal::create(&path, &"s1".into()).unwrap();
    let proposed = r#"{"action":{"id":"a1","revision":1,"kind":"command","title":"run it","digest":"DIGEST","command":{"shell":"python3 -m unittest","cwd":"."},"touches":{"files":0}}}"#;
    let proposed = proposed.replace("DIGEST", &Digest::of(b"x").to_string());
    let events = [
        ("said", r#"{"by":"agent","text":"sk-abcdefgh","more":true}"#),
        ("thought", r#"{"by":"agent","text":"between two pieces"}"#),
        ("said", r#"{"by":"agent","text":"ijklmnop1234 - it is","more":true}"#),
        ("said", r#"{"by":"agent","text":""}"#),
        ("said", r#"{"by":"agent","text":" \n"}"#),
        ("proposed", proposed.as_str()),
        ("said", r#"{"by":"agent","text":"- last"}"#),
    ];
    for (kind, body) in events {
        journal.append(&[draft(kind, body)]).unwrap();
    }
    let mut out = Vec::new();
    export(&Reader::open(&path).unwrap(), (Format::Markdown, Extent::Whole), true, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.matches("agent said").count(), 2, "{text}");
    assert!(!text.contains("abcdefgh"), "a secret in two pieces: {text}");
    assert!(text.contains(" - it is\n") && text.contains("> \\- last\n"), "{text}");
    assert!(text.contains("python3 -m unittest") && !text.contains("touches"), "{text}");
    let (proposed, last) = (text.find("run it").unwrap(), text.find("last").unwrap());
    assert!(text.find("it is").unwrap() < proposed && proposed < last, "{text}");
}
