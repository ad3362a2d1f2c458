//! Commands on the record of a session: verify and export.

use super::args::Shared;
use super::place::Places;
use super::{DONE, Done, Fail, NOT_SO, print};
use crate::journal::export::{self, Extent, Format};
use crate::journal::{self, Anchor, Reader};
use std::path::{Path, PathBuf};

/// `rightseat verify`.
pub fn verify(shared: &Shared, target: &str, anchor: Option<&Path>, json: bool) -> Done {
    let path = path_of(shared, target)?;
    let anchor = anchor.map(read_anchor).transpose()?;
    let report = journal::verify(&path, anchor.as_ref())?;
    if json {
        print(&serde_json::to_string(&report).map_err(|e| Fail::usage(e.to_string()))?)?;
    } else if report.ok {
        match report.head {
            Some(head) => print(&format!("ok: {} events, head {head}", report.events))?,
            None => print("ok: no events: the host ended before it recorded any")?,
        }
    } else {
        for problem in &report.problems {
            let at = problem.seq.map(|s| format!("seq {s}: ")).unwrap_or_default();
            print(&format!("bad: {at}{}", problem.what))?;
        }
        let first = report.first_bad.map_or_else(|| "not nameable".to_owned(), |s| s.to_string());
        print(&format!("not ok: the first bad record is {first}"))?;
    }
    Ok(if report.ok { DONE } else { NOT_SO })
}

/// A session's journal by name, or the file itself.
fn path_of(shared: &Shared, target: &str) -> Result<PathBuf, Fail> {
    let file = Path::new(target);
    if file.is_file() {
        return Ok(file.to_owned());
    }
    if target.contains('/') {
        return Err(Fail::usage(format!("{target} does not exist")));
    }
    Ok(Places::open(shared.state_dir())?.find(Some(target))?.journal())
}

fn read_anchor(path: &Path) -> Result<Anchor, Fail> {
    let text = std::fs::read_to_string(path).map_err(|e| Fail::usage(format!("{}: {e}", path.display())))?;
    let shape = || Fail::usage(format!("{}: an anchor is one line {{\"session\", \"seq\", \"hash\"}}", path.display()));
    Anchor::parse(text.trim()).ok_or_else(shape)
}

/// `rightseat export`.
pub fn export(shared: &Shared, session: &str, what: (Format, Extent), redact: bool) -> Done {
    if what == (Format::Patch, Extent::Pipeline) {
        return Err(Fail::usage(
            "--pipeline has the formats jsonl, md and html: a patch is of the whole session".to_owned(),
        ));
    }
    let place = Places::open(shared.state_dir())?.find(Some(session))?;
    let reader = Reader::open(&place.journal())?;
    let mut out = super::plain::stdout();
    export::export(&reader, what, redact, &mut out)?;
    std::io::Write::flush(&mut out)?;
    Ok(DONE)
}
