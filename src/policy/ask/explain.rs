//! `policy explain`: how a ruling came about, in lines for a person.

use crate::base::text::Untrusted;
use crate::policy::command::programs::class_of;
use crate::policy::matter::Matter;
use crate::policy::place::Place;
use crate::policy::{Judged, Policy};

/// The ruling on a matter with its grounds. Foreign text in it is made safe to show.
pub fn explain(policy: &Policy, matter: &Matter, place: &Place<'_>) -> (Judged, Vec<String>) {
    let judged = policy.judge(matter, place);
    let shown = |text: &str| Untrusted::new(text).visible().into_owned();
    let mut out = vec![format!("{} by {}: {}", judged.word.word(), judged.rule, shown(&judged.reason))];
    out.push(format!("class {}", judged.class.as_str()));
    if let Matter::Command { script, cwd, .. } = matter {
        for part in &script.parts {
            let words: Vec<String> = part
                .words
                .iter()
                .map(|w| w.as_deref().map_or_else(|| "⟨known only to the shell⟩".to_owned(), shown))
                .collect();
            if !words.is_empty() {
                out.push(format!("runs {} ({})", words.join(" "), class_of(part, cwd, place).as_str()));
            }
            out.extend(part.writes.iter().map(|to| {
                format!("writes {}", to.as_deref().map_or_else(|| "⟨known only to the shell⟩".to_owned(), shown))
            }));
        }
        out.extend(script.doubts.iter().map(|doubt| format!("doubt: {}", shown(doubt))));
    }
    out.extend(judged.confirm.iter().map(|word| format!("to approve it, {} must be typed", shown(word))));
    out.extend(policy.broken().map(|why| format!("the policy file is not active: {}", shown(why))));
    (judged, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn grounds_are_given_line_by_line() {
        let place = Place::of("/w");
        let matter = Matter::line("cat a | tee AGENTS.md > $X", Path::new("/w"));
        let (_, lines) = explain(&Policy::builtin(Vec::new()), &matter, &place);
        assert_eq!(
            lines,
            [
                "ask by guarded-path: it names AGENTS.md: instructions that agents follow",
                "class unknown",
                "runs cat a (read)",
                "runs tee AGENTS.md (unknown)",
                "writes ⟨known only to the shell⟩",
                "doubt: it contains an unquoted >",
                "to approve it, AGENTS.md must be typed",
            ]
        );
    }
}
