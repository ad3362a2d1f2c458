//! The report as one page: no scripts, nothing loaded, every foreign character escaped.

use super::story::{self, Part};
use super::{Extent, failed};
use crate::journal::{Reader, Result};
use std::io::Write;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1rem;margin:1.6rem 0 .3rem;border-top:1px solid #d5dae0;padding-top:.6rem}\
h2 small{color:#68707a;font-weight:400;margin-right:.6rem}p{margin:.3rem 0;white-space:pre-wrap}\
pre{background:#f4f6f8;padding:.6rem;overflow:auto;border-radius:6px;font-size:.85rem}\
ins{text-decoration:none;background:#d9f2dd;display:block}del{text-decoration:none;background:#fadcdc;display:block}\
@media(prefers-color-scheme:dark){body{background:#14171a;color:#d7dce2}pre{background:#1d2126}h2{border-color:#333a42}\
ins{background:#17381f}del{background:#4a1d1d}}";

pub(super) fn write(reader: &Reader, extent: Extent, redacting: bool, out: &mut dyn Write) -> Result<()> {
    let (seq, hash) = reader.head()?;
    let (session, title) = (escape(reader.session().as_str()), extent.title());
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>rightseat session {session}</title><style>{STYLE}</style></head><body>\n\
         <h1>{title} {session}</h1><p>{seq} events, head <code>{hash}</code></p>\n"
    )
    .map_err(failed)?;
    super::each(reader, extent, redacting, |entry| {
        writeln!(
            out,
            "<h2 id=\"e{0}\"><small>{0} · {1}</small>{2}</h2>",
            entry.seq,
            story::clock(entry.after_ms),
            escape(&entry.heading)
        )
        .map_err(failed)?;
        entry.parts.iter().try_for_each(|part| write_part(out, part))
    })?;
    writeln!(out, "</body></html>").map_err(failed)?;
    out.flush().map_err(failed)
}

fn write_part(out: &mut dyn Write, part: &Part) -> Result<()> {
    match part {
        Part::Text(text) => writeln!(out, "<p>{}</p>", escape(text)).map_err(failed),
        Part::Verbatim(text) => writeln!(out, "<pre>{}</pre>", escape(text)).map_err(failed),
        Part::Change { path, before, after } => {
            write!(out, "<p><code>{}</code></p><pre>", escape(path)).map_err(failed)?;
            for line in story::diff_lines(before, after) {
                let text = escape(&line);
                match line.chars().next() {
                    Some('+') => write!(out, "<ins>{text}</ins>"),
                    Some('-') => write!(out, "<del>{text}</del>"),
                    _ => writeln!(out, "{text}"),
                }
                .map_err(failed)?;
            }
            writeln!(out, "</pre>").map_err(failed)
        }
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}
