//! Full-text search over what was said, why, and how things were titled.
//!
//! The index is a file of its own beside the journal: appends never wait for it, it is caught up when someone searches,
//! and it may be deleted at any time. It holds no text, only words and event numbers.

use super::{Error, Reader, Record, Result, head};
use crate::base::Seq;
use crate::journal::limits::{JOURNAL_BUSY_MS_MAX, SEARCH_HITS_MAX};
use rusqlite::{Connection, TransactionBehavior};
use serde_json::Value;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

const TABLES: &str =
    "CREATE TABLE IF NOT EXISTS upto(id INTEGER PRIMARY KEY CHECK(id = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL);
     CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(text, content='', tokenize=\"unicode61 tokenchars '_'\");";

/// The newest events whose text holds every word of `query` (the last one may be unfinished), oldest of them first.
pub fn search(reader: &Reader, query: &str) -> Result<Vec<Seq>> {
    let Some(query) = quoted(query) else { return Ok(Vec::new()) };
    let path = head::beside(&reader.path, ".search");
    // A broken index is thrown away once; broken twice means that something else is wrong.
    attempt(reader, &path, &query).or_else(|_| {
        let _ = std::fs::remove_file(&path);
        attempt(reader, &path, &query)
    })
}

fn attempt(reader: &Reader, path: &Path, query: &str) -> Result<Vec<Seq>> {
    let created = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let mut db = match created {
        Ok(_) => Connection::open(path),
        // Where nothing may be written the index lives as long as the search.
        Err(_) => Connection::open_in_memory(),
    }
    .map_err(Error::sqlite(path))?;
    db.busy_timeout(Duration::from_millis(JOURNAL_BUSY_MS_MAX)).map_err(Error::sqlite(path))?;
    catch_up(reader, &mut db, path)?;
    let limit = i64::try_from(SEARCH_HITS_MAX).unwrap_or(i64::MAX);
    let run = || -> rusqlite::Result<Vec<Seq>> {
        let mut find = db.prepare("SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY rowid DESC LIMIT ?2")?;
        let newest = find.query_map((query, limit), |r| super::schema::unsigned(r, 0).map(Seq))?;
        let mut found: Vec<Seq> = newest.collect::<rusqlite::Result<_>>()?;
        found.reverse();
        Ok(found)
    };
    run().map_err(Error::sqlite(path))
}

/// Indexes what was appended since the last search; starts over when the index belongs to another history.
fn catch_up(reader: &Reader, db: &mut Connection, path: &Path) -> Result<()> {
    let fail = || Error::sqlite(path);
    db.execute_batch(TABLES).map_err(fail())?;
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail())?;
    let upto = tx.query_row("SELECT seq, hash FROM upto WHERE id = 1", [], |r| {
        Ok((super::schema::unsigned(r, 0)?, r.get::<_, [u8; 32]>(1)?))
    });
    let mut done = Seq(0);
    if let Ok((seq, hash)) = upto {
        let same = reader.read(Seq(seq), 1)?.first().is_some_and(|r| r.seq.0 == seq && *r.hash.bytes() == hash);
        if !same {
            return Err(Error::Damaged {
                path: path.to_owned(),
                why: "the index belongs to another history".to_owned(),
            });
        }
        done = Seq(seq);
    }
    let mut last = None;
    for record in reader.iter(done.next()) {
        let record = record?;
        let text = words(&record);
        if !text.is_empty() {
            let seq = i64::try_from(record.seq.0).unwrap_or(i64::MAX);
            tx.prepare_cached("INSERT INTO words(rowid, text) VALUES(?1, ?2)")
                .and_then(|mut s| s.execute((seq, text)))
                .map_err(fail())?;
        }
        last = Some(record);
    }
    if let Some(record) = last {
        let seq = i64::try_from(record.seq.0).unwrap_or(i64::MAX);
        tx.execute("INSERT OR REPLACE INTO upto VALUES(1, ?1, ?2)", (seq, record.hash.bytes())).map_err(fail())?;
    }
    tx.commit().map_err(fail())
}

/// The searchable text of an event: what people or agents wrote, not file contents and output.
fn words(record: &Record) -> String {
    let pointers: &[&str] = match record.kind.as_str() {
        "said" | "thought" | "told" | "explained" | "alarm" => &["/text"],
        "decided" => &["/reason"],
        "proposed" => &["/action/title", "/action/rationale/text"],
        "plan_revised" => &["/steps"],
        "commented" | "plan_commented" => &["/comment/text", "/comment/anchor/quote"],
        "session_opened" => &["/goal"],
        "session_ended" => &["/report"],
        _ => return String::new(),
    };
    let Ok(body) = serde_json::from_str::<Value>(&record.body) else { return String::new() };
    let mut out = String::new();
    for found in pointers.iter().filter_map(|p| body.pointer(p)) {
        let steps = found.as_array().map(Vec::as_slice).unwrap_or_default();
        for text in steps.iter().filter_map(|s| s.get("title")).chain([found]).filter_map(Value::as_str) {
            out.push_str(text);
            out.push('\n');
        }
    }
    out
}

/// The words of a query as FTS5 strings, so that nothing in them is an operator.
fn quoted(query: &str) -> Option<String> {
    let words: Vec<String> = query
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|w| !w.is_empty())
        .map(|w| format!("\"{w}\""))
        .collect();
    (!words.is_empty()).then(|| format!("{}*", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::super::Journal;
    use super::super::tests::{draft, place};
    use super::*;

    #[test]
    fn finds_words_as_they_come() {
        let (_dir, path) = place();
        let mut journal = Journal::create(&path, &"s1".into()).unwrap();
        let d = |k: &str, b: &str| draft(k, b);
        journal
            .append(&[
                d("said", r#"{"by":"agent","text":"The bound in Tokens::peek is off by one"}"#),
                d("output", r#"{"text":"peek peek"}"#),
                d("plan_revised", r#"{"revision":1,"steps":[{"title":"reproduce"},{"title":"peek again"}]}"#),
            ])
            .unwrap();
        let reader = Reader::open(&path).unwrap();
        let check = |query: &str, expect: &[u64]| {
            let found: Vec<u64> = search(&reader, query).unwrap().iter().map(|s| s.0).collect();
            assert_eq!(found, expect, "{query}");
        };
        check("peek", &[1, 3]);
        check("BOUND off", &[1]);
        check("reprod", &[3]);
        check("\" OR NEAR( -* ^", &[]);
        check("", &[]);
        journal.append(&[d("told", r#"{"text":"deny: peek stays"}"#)]).unwrap();
        check("peek", &[1, 3, 4]);
        std::fs::write(head::beside(&path, ".search"), "broken").unwrap();
        check("peek", &[1, 3, 4]);
    }

    #[test]
    fn of_too_many_places_the_newest_are_found() {
        let (_dir, path) = place();
        let mut journal = Journal::create(&path, &"s1".into()).unwrap();
        let many = SEARCH_HITS_MAX + 2;
        let events: Vec<_> = (0..many).map(|_| draft("told", r#"{"text":"common"}"#)).collect();
        journal.append(&events).unwrap();
        let found = search(&Reader::open(&path).unwrap(), "common").unwrap();
        let ends = (found.first().copied(), found.last().copied(), found.len());
        assert_eq!(ends, (Some(Seq(3)), Some(Seq(many as u64)), SEARCH_HITS_MAX));
    }
}
