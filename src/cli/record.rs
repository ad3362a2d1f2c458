//! Commands on the record of a session: verify and export.

use super::args::Shared;
use super::place::{Places, SessionPlace};
use super::{DONE, Done, Fail, NOT_SO, anchor, daemon, print};
use crate::base::text::Untrusted;
use crate::base::{PublicKey, Seq};
use crate::journal::export::{self, Extent, Format};
use crate::journal::{self, Evidence, Reader, Report, SignedAnchor, Signer};
use crate::model::event::Event;
use std::path::{Path, PathBuf};

/// `rightseat verify`.
pub fn verify(shared: &Shared, target: &str, anchor: Option<&Path>, json: bool) -> Done {
    let (path, place) = path_of(shared, target)?;
    let evidence = evidence(place.as_ref(), anchor)?;
    let report = journal::verify_against(&path, &evidence)?;
    if json {
        print(&serde_json::to_string(&report).map_err(|e| Fail::usage(e.to_string()))?)?;
    } else if report.ok {
        match report.head {
            Some(head) => print(&format!("ok: {} events, head {head}", report.events))?,
            None => print("ok: no events: the host ended before it recorded any")?,
        }
        print(&signed(&report))?;
    } else {
        for problem in &report.problems {
            let at = problem.seq.map(|s| format!("seq {s}: ")).unwrap_or_default();
            print(&format!("bad: {at}{}", Untrusted::new(problem.what.as_str()).visible()))?;
        }
        let first = report.first_bad.map_or_else(|| "not nameable".to_owned(), |s| s.to_string());
        print(&format!("not ok: the first bad record is {first}"))?;
    }
    Ok(if report.ok { DONE } else { NOT_SO })
}

/// Who signed it, and what it was compared with.
fn signed(report: &Report) -> String {
    let signed = report.key.map_or_else(
        || "not signed".to_owned(),
        |key| format!("signed by key {}, {} signed censuses", key.fingerprint(), report.censuses),
    );
    let compared = match report.anchors {
        0 => "no anchor outside the record was found".to_owned(),
        1 => "compared with 1 anchor".to_owned(),
        count => format!("compared with {count} anchors"),
    };
    match report.unvouched {
        0 => format!("{signed}; {compared}"),
        count => {
            format!("{signed}; {compared}; {count} lines beside them are not signed with its key, and do not count")
        }
    }
}

/// A session's journal by name, or the file itself.
fn path_of(shared: &Shared, target: &str) -> Result<(PathBuf, Option<SessionPlace>), Fail> {
    let file = Path::new(target);
    if file.is_file() {
        return Ok((file.to_owned(), None));
    }
    if target.contains('/') {
        return Err(Fail::usage(format!("{target} does not exist")));
    }
    let place = Places::open(shared.state_dir())?.find(Some(target))?;
    Ok((place.journal(), Some(place)))
}

/// Everything that is found to compare a record with: the anchors of a session where it writes them, and those of a file
/// that was named.
fn evidence(place: Option<&SessionPlace>, named: Option<&Path>) -> Result<Evidence, Fail> {
    let mut evidence = Evidence::default();
    if let Some(named) = named {
        let kept = anchor::all_in_file(named).map_err(Fail::at(named))?;
        if kept.is_empty() {
            let shape = "an anchor is one line {\"session\", \"seq\", \"hash\"}";
            return Err(Fail::usage(format!("{}: {shape}", named.display())));
        }
        // Lines of other sessions are those of a file that sessions share.
        let is_shared = kept.iter().any(|one| place.is_some_and(|place| place.id == one.anchor.session));
        let is_meant = |one: &SignedAnchor| !is_shared || place.is_some_and(|place| place.id == one.anchor.session);
        evidence.anchors.extend(kept.into_iter().filter(is_meant).map(|one| ("the anchor".to_owned(), one)));
    }
    let Some(place) = place else { return Ok(evidence) };
    evidence.key = Signer::load(&place.signing_key()).ok().map(|signer| signer.key());
    let Ok(options) = place.options() else { return Ok(evidence) };
    let mut found = Vec::new();
    if let Some(file) = &options.settings.outward.anchor.file {
        let name = format!("the anchor file {}", file.display());
        // One that is gone, or is no file any more, has no anchors.
        found.push(("file", name, anchor::in_file(file, &place.id).unwrap_or_default()));
    }
    if options.settings.outward.anchor.git_note {
        let kept = daemon::runtime()?.block_on(anchor::in_notes(&options.workspace, &place.id));
        found.push(("git_note", "the git note".to_owned(), kept));
    }
    let key = evidence.key.or_else(|| first_key(&place.journal()));
    for (setting, name, kept) in found {
        // An agent may be able to write there: what is not signed with the key is nobody's word.
        let is_own = |one: &SignedAnchor| key.is_some_and(|key| one.signer() == Ok(Some(key)));
        let (own, others): (Vec<_>, Vec<_>) = kept.into_iter().partition(is_own);
        evidence.unvouched += others.len() as u64;
        if own.is_empty() && anchor::is_due(&place.journal(), setting) {
            evidence.missing.push(name.clone());
        }
        evidence.anchors.extend(own.into_iter().map(|one| (name.clone(), one)));
    }
    Ok(evidence)
}

/// The first key that the record names, where the machine's is gone.
fn first_key(journal: &Path) -> Option<PublicKey> {
    let reader = Reader::open(journal).ok()?;
    reader.iter(Seq(1)).map_while(Result::ok).find_map(|record| {
        let Event::HostStarted(host) = record.envelope().event else { return None };
        host.key
    })
}

/// `rightseat export`.
pub fn export(shared: &Shared, session: &str, what: (Format, Extent), redact: bool) -> Done {
    if matches!(what, (Format::Patch | Format::Origins, Extent::Pipeline)) {
        return Err(Fail::usage(
            "--pipeline has the formats jsonl, md and html: the others are of the whole session".to_owned(),
        ));
    }
    let place = Places::open(shared.state_dir())?.find(Some(session))?;
    let reader = Reader::open(&place.journal())?;
    let mut out = super::plain::stdout();
    let left_out = export::export(&reader, what, redact, &mut out)?;
    std::io::Write::flush(&mut out)?;
    if left_out > 0 {
        let files = if left_out == 1 { "file is" } else { "files are" };
        super::complain(&format!("{left_out} changed {files} not in the patch; its first lines name them"));
    }
    Ok(DONE)
}
