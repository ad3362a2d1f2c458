//! The report as Markdown. Nothing foreign can leave its block: fences are longer than any run of ticks inside.

use super::story::{self, Part};
use super::{Extent, failed};
use crate::base::Seq;
use crate::journal::{Reader, Result};
use crate::model::Session;
use std::io::Write;

pub(super) fn write(reader: &Reader, extent: Extent, redacting: bool, out: &mut dyn Write) -> Result<()> {
    let (seq, hash) = reader.head()?;
    let title = extent.title();
    writeln!(out, "# {title} {}\n\n{seq} events, head `{hash}`.\n", escape(reader.session().as_str()))
        .map_err(failed)?;
    super::each(reader, extent, redacting, |entry| {
        writeln!(out, "## {} · {} · {}\n", entry.seq, story::clock(entry.after_ms), escape(&entry.heading))
            .map_err(failed)?;
        for part in entry.parts {
            match part {
                Part::Text(text) => {
                    for line in text.lines() {
                        writeln!(out, "> {}", escape(line)).map_err(failed)?;
                    }
                    writeln!(out).map_err(failed)?;
                }
                Part::Verbatim(text) => fenced(out, "text", &text)?,
                Part::Change { path, before, after } => {
                    writeln!(out, "{}\n", escape(&path)).map_err(failed)?;
                    fenced(out, "diff", &story::diff_lines(&before, &after).join("\n"))?;
                }
            }
        }
        Ok(())
    })?;
    if extent == Extent::Whole {
        steps(reader, redacting, out)?;
    }
    out.flush().map_err(failed)
}

/// The plan as it stands at the end, with what each step took.
fn steps(reader: &Reader, redacting: bool, out: &mut dyn Write) -> Result<()> {
    let mut session = Session::default();
    for record in reader.iter(Seq(1)) {
        session.apply(&record?.envelope());
    }
    if session.plan.steps.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Steps of the plan\n").map_err(failed)?;
    for step in &session.plan.steps {
        let indent = "  ".repeat(session.plan.depth(step));
        let (title, mark) = (escape(&story::clean(&step.title, redacting)), step.status.mark());
        let Some(cost) = session.plans.cost_of(&session.plan, &step.id) else {
            writeln!(out, "{indent}- [{mark}] {title}").map_err(failed)?;
            continue;
        };
        let taken = [cost.words(), format!("{} actions", cost.actions), format!("{} beyond it", cost.drifts)];
        let taken: Vec<String> = taken.into_iter().filter(|one| !one.is_empty() && !one.starts_with("0 ")).collect();
        writeln!(out, "{indent}- [{mark}] {title} ({})", taken.join(" · ")).map_err(failed)?;
        writeln!(out, "{indent}  {}", cost.tests_words()).map_err(failed)?;
    }
    writeln!(out).map_err(failed)
}

fn fenced(out: &mut dyn Write, language: &str, text: &str) -> Result<()> {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    writeln!(out, "{fence}{language}\n{text}\n{fence}\n").map_err(failed)
}

/// Text that Markdown shows as it is. What means something only at the start of a line is left alone elsewhere.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at_start = true;
    for c in text.chars() {
        let is_mark = match c {
            '-' | '+' => at_start,
            '.' | ',' | ':' | ';' | '\'' | '"' | '/' | '?' | '%' | '(' | ')' | '=' | '@' | '$' | '^' | '{' | '}' => {
                false
            }
            other => other.is_ascii_punctuation(),
        };
        if is_mark {
            out.push('\\');
        }
        out.push(c);
        at_start &= c.is_whitespace();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_cannot_be_closed_from_inside() {
        let mut out = Vec::new();
        fenced(&mut out, "text", "a\n````\n<script>").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "`````text\na\n````\n<script>\n`````\n\n");
        assert_eq!(escape("*a* <b> [c](d)"), r"\*a\* \<b\> \[c\](d)");
        assert_eq!(escape("python3 -m unittest --all"), "python3 -m unittest --all");
        assert_eq!(escape("- a - b"), r"\- a - b");
    }
}
